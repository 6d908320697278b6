//! Machines taken together: those that are alike, and where those are many classes, those that are similar.

use super::whole;
use crate::problem::{Hazard, Machine, Packing, Running};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeMap;

/// More groups than this are joined into larger ones.
pub const MOST_GROUPS: usize = 80;

/// Interchangeable machines, by index; in order of their first machine. They differ in name and origin only, belong to
/// the same places and parts or are parts of their own of the same hazards, and the same runs on them now.
pub fn machine_groups(packing: &Packing) -> Vec<Vec<usize>> {
    let mut running: Vec<Vec<(usize, u64)>> = vec![Vec::new(); packing.machines.len()];
    for Running { item, machine, copies } in &packing.running {
        if let Some(on) = machine.and_then(|machine| running.get_mut(machine)) {
            on.push((*item, *copies));
        }
    }
    alike(packing, |machine| running.get(machine))
}

/// Machines that differ in name and origin only, where `also` is the same of them too.
fn alike<K: Ord>(packing: &Packing, also: impl Fn(usize) -> K) -> Vec<Vec<usize>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let places_of = places_of(packing);
    let singles: Vec<bool> = packing.hazards.iter().map(Hazard::is_of_single_machines).collect();
    for (index, machine) in packing.machines.iter().enumerate() {
        let of_divisions =
            packing.divisions.iter().map(|division| division.part_of.get(index).copied().flatten());
        // Which of single machines one is tells no two apart.
        let of_hazards = packing.hazards.iter().zip(&singles).map(|(hazard, single)| {
            let part = hazard.part(index);
            if *single { part.map(|_| 0) } else { part }
        });
        let parts: Vec<Option<usize>> = of_divisions.chain(of_hazards).collect();
        let key = (
            (&machine.capacity, machine.devices, machine.class, &machine.price),
            (&places_of[index], parts),
            also(index),
        );
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// By machine: the places that it belongs to, ascending.
fn places_of(packing: &Packing) -> Vec<Vec<usize>> {
    let mut places_of: Vec<Vec<usize>> = vec![Vec::new(); packing.machines.len()];
    for (index, place) in packing.places.iter().enumerate() {
        for &machine in &place.machines {
            if let Some(places) = places_of.get_mut(machine) {
                places.push(index);
            }
        }
    }
    places_of
}

pub(super) struct Group {
    pub machines: Vec<usize>,
    /// At least that of each machine.
    pub capacity: Vec<u64>,
    /// At least as many as each machine has.
    pub devices: u32,
    pub class: Option<usize>,
    /// At most that of each machine.
    pub price: BigRational,
    /// The lines that declare them, each once.
    pub origins: Vec<Span>,
}

/// What machines of one group have in common: class, places, and numbers.
type Likeness = (Option<usize>, Vec<usize>, Vec<u64>);

/// Machines that are alike, whatever runs on them now, or fewer and larger groups where those are many: machines of a
/// class whose numbers lie within the same powers of a base are joined, for growing bases; first those that belong to
/// the same places, then, the smallest places given up one size after another, any.
pub(super) fn groups(packing: &Packing) -> Vec<Group> {
    let equal = alike(packing, |_| ());
    let places_of = places_of(packing);
    let size = |place: usize| packing.places.get(place).map_or(0, |place| place.machines.len());
    let mut sizes: Vec<usize> = (0..packing.places.len()).map(size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for given_up in 0..=sizes.len() {
        let largest_given_up = given_up.checked_sub(1).and_then(|last| sizes.get(last)).copied();
        // Of 64ths of a power of two: 2^(1/16), 2^(1/4), 2, 16, and at last everything of a class.
        let widths: &[u64] =
            if given_up == sizes.len() { &[0, 4, 16, 64, 256, u64::MAX] } else { &[0, 4, 16] };
        for &width in widths {
            let mut joined: BTreeMap<Likeness, Vec<usize>> = BTreeMap::new();
            for group in &equal {
                let Some(&first) = group.first() else { continue };
                let Some(machine) = packing.machines.get(first) else { continue };
                let kept = |place: &&usize| largest_given_up.is_none_or(|largest| size(**place) > largest);
                let places = places_of[first].iter().filter(kept).copied().collect();
                joined.entry((machine.class, places, numbers(machine, width))).or_default().extend(group);
            }
            if joined.len() <= MOST_GROUPS || width == u64::MAX {
                let mut groups: Vec<Group> = joined
                    .into_iter()
                    .map(|((class, ..), machines)| group_of(packing, class, machines))
                    .collect();
                groups.sort_by_key(|group| group.machines.first().copied());
                return groups;
            }
        }
    }
    Vec::new()
}

/// A machine's amounts and price, those within the same power of a base alike; as they are where `width` is 0.
fn numbers(machine: &Machine, width: u64) -> Vec<u64> {
    let price = (machine.price.abs() * whole(1 << 20)).to_integer();
    let price = u64::try_from(price).unwrap_or(u64::MAX);
    let amounts = machine.capacity.iter().copied().chain([u64::from(machine.devices), price]);
    amounts.map(|amount| logarithm(amount).checked_div(width).unwrap_or(amount)).collect()
}

/// 64 times the logarithm to base two, roughly and without floating point: monotone in the amount.
fn logarithm(amount: u64) -> u64 {
    match amount.checked_ilog2() {
        None => 0,
        Some(power) => {
            let part = u128::from(amount) * 64 / (1_u128 << power) - 64;
            1 + u64::from(power) * 64 + u64::try_from(part).unwrap_or(63)
        }
    }
}

fn group_of(packing: &Packing, class: Option<usize>, mut machines: Vec<usize>) -> Group {
    machines.sort_unstable();
    let mut group = Group {
        capacity: vec![0; packing.resources.len()],
        devices: 0,
        class,
        price: BigRational::zero(),
        origins: Vec::new(),
        machines: Vec::new(),
    };
    let of = machines.iter().filter_map(|&index| packing.machines.get(index));
    for (index, machine) in of.enumerate() {
        for (largest, capacity) in group.capacity.iter_mut().zip(&machine.capacity) {
            *largest = (*largest).max(*capacity);
        }
        group.devices = group.devices.max(machine.devices);
        if index == 0 || machine.price < group.price {
            group.price = machine.price.clone();
        }
        group.origins.push(machine.origin);
    }
    group.origins.sort();
    group.origins.dedup();
    group.machines = machines;
    group
}

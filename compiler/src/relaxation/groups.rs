//! Machines taken together: those that are alike, and where those are many classes, those that are similar.

use super::whole;
use crate::problem::{Packing, Running};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeMap;

/// More groups than this are joined into larger ones.
pub const MOST_GROUPS: usize = 80;

/// Interchangeable machines, by index; in order of their first machine. They differ in name and origin only, and the
/// same runs on them now.
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
    for (index, machine) in packing.machines.iter().enumerate() {
        let key = (&machine.capacity, machine.devices, machine.class, &machine.price, also(index));
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
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

/// Machines that are alike, whatever runs on them now, or fewer and larger groups where those are many: machines of a
/// class whose numbers lie within the same powers of a base are joined, for growing bases.
pub(super) fn groups(packing: &Packing) -> Vec<Group> {
    let equal = alike(packing, |_| ());
    // Of 64ths of a power of two: 2^(1/16), 2^(1/4), 2, 16, and at last everything of a class.
    for width in [0_u64, 4, 16, 64, 256, u64::MAX] {
        let mut joined: BTreeMap<(Option<usize>, Vec<u64>), Vec<usize>> = BTreeMap::new();
        for (index, group) in equal.iter().enumerate() {
            let Some(machine) = group.first().and_then(|&first| packing.machines.get(first)) else {
                continue;
            };
            let key = match width {
                0 => vec![index as u64],
                _ => {
                    let price = (machine.price.abs() * whole(1 << 20)).to_integer();
                    let price = u64::try_from(price).unwrap_or(u64::MAX);
                    let amounts = machine.capacity.iter().copied().chain([u64::from(machine.devices), price]);
                    amounts.map(|amount| logarithm(amount) / width).collect()
                }
            };
            joined.entry((machine.class, key)).or_default().extend(group);
        }
        if joined.len() <= MOST_GROUPS || width == u64::MAX {
            let mut groups: Vec<Group> =
                joined.into_iter().map(|((class, _), machines)| group_of(packing, class, machines)).collect();
            groups.sort_by_key(|group| group.machines.first().copied());
            return groups;
        }
    }
    Vec::new()
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

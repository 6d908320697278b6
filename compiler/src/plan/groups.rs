//! Replicas of several nodes: which nodes are one replica's.
//!
//! A solution says how many first nodes and how many others a place has, and all are alike. Here they are told apart: in
//! each place the nodes in order, as many at a time as a replica takes.

use crate::problem::{Assignment, Packing, Solution, Together};
use crate::recheck::{self, Values};
use std::collections::{BTreeMap, BTreeSet};

/// The machines of each replica of one form, its first before the others.
pub struct Grouped {
    /// By index.
    pub item: usize,
    /// By index into the item's choices.
    pub choice: usize,
    /// Devices of each machine.
    pub devices: Vec<u32>,
    /// By replica.
    pub replicas: Vec<Vec<usize>>,
}

/// A form of several machines, and what stands on the first of them and on the others: items and choices.
#[derive(Clone, Copy)]
struct Form<'p> {
    first: (usize, usize),
    others: (usize, usize),
    of: &'p Together,
}

/// What stands on one machine of a replica of several, and belongs to which form of which item.
fn part(packing: &Packing, assignment: &Assignment) -> Option<(usize, usize)> {
    let item = packing.items.get(assignment.item)?;
    match &item.beside {
        Some(beside) => Some((beside.item, beside.forms.get(assignment.choice)?.choice)),
        None => {
            form(packing, assignment.item, assignment.choice).map(|_| (assignment.item, assignment.choice))
        }
    }
}

/// A form whose copies take several machines.
fn form(packing: &Packing, item: usize, choice: usize) -> Option<&Together> {
    let (_, beside) = packing.others_of(item)?;
    beside.forms.iter().find(|form| form.choice == choice)
}

/// Whether an assignment places a part of a replica that takes several machines.
pub fn is_part(packing: &Packing, assignment: &Assignment) -> bool {
    part(packing, assignment).is_some()
}

/// The replicas of several machines, by form.
pub fn groups(packing: &Packing, assignments: &[Assignment]) -> Vec<Grouped> {
    let forms: BTreeSet<(usize, usize)> = assignments.iter().filter_map(|one| part(packing, one)).collect();
    let grouped = |(item, choice): (usize, usize)| {
        let Together { machines, places, .. } = form(packing, item, choice)?;
        let own = || assignments.iter().filter(|one| part(packing, one) == Some((item, choice)));
        let others_of_one = usize::try_from(*machines).ok()?.checked_sub(1)?;
        let mut replicas = Vec::new();
        for place in places {
            let here = |is_first: bool| {
                let own = own().filter(move |one| (one.item == item) == is_first);
                own.map(|one| one.machine).filter(|machine| place.binary_search(machine).is_ok())
            };
            let mut others = here(false);
            replicas.extend(here(true).map(|first| {
                [first].into_iter().chain(others.by_ref().take(others_of_one)).collect::<Vec<usize>>()
            }));
        }
        replicas.sort();
        let devices = own().next().map(|one| one.devices.clone()).unwrap_or_default();
        Some(Grouped { item, choice, devices, replicas })
    };
    forms.into_iter().filter_map(grouped).collect()
}

/// Replicas of a form that lose nodes to those that are gone, ascending, beside what loses its first: each such node counts
/// as one.
pub fn broken(packing: &Packing, values: &Values, (item, choice): (usize, usize), gone: &[usize]) -> u64 {
    let Some((others, beside)) = packing.others_of(item) else { return 0 };
    let at = beside.forms.iter().position(|form| form.choice == choice && !form.goes_whole(gone));
    let standing = values.standing_as[others].iter();
    let lost = standing.filter(|((node, of), _)| Some(*of) == at && gone.binary_search(node).is_ok());
    lost.map(|(_, copies)| copies).sum()
}

/// The same solution, of these values, with the nodes of each replica side by side, where no line tells them apart.
pub fn side_by_side(packing: &Packing, solution: Solution, values: Values) -> (Solution, Values) {
    if packing.items.iter().all(|item| item.beside.is_none()) {
        return (solution, values);
    }
    let mut arranged = solution.clone();
    let mut forms_of: BTreeMap<&[usize], Vec<Form<'_>>> = BTreeMap::new();
    for (others, item) in packing.items.iter().enumerate() {
        let Some(beside) = &item.beside else { continue };
        for (at, form) in beside.forms.iter().enumerate() {
            let own = Form { first: (beside.item, form.choice), others: (others, at), of: form };
            form.places.iter().for_each(|place| forms_of.entry(place).or_default().push(own));
        }
    }
    for (place, forms) in forms_of {
        let is_own = |one: &&mut Assignment| {
            let on = (one.item, one.choice);
            let known = forms.iter().any(|form| form.first == on || form.others == on);
            known && place.binary_search(&one.machine).is_ok()
        };
        let mut own: Vec<&mut Assignment> = arranged.assignments.iter_mut().filter(is_own).collect();
        own.sort_by_key(|one| one.machine);
        let replicas = forms.iter().flat_map(|form| {
            let of_form = own.iter().filter(|one| (one.item, one.choice) == form.first);
            std::iter::repeat_n(form, of_form.count())
        });
        let parts = |form: &Form<'_>| {
            let others = usize::try_from(form.of.machines - 1).unwrap_or(usize::MAX);
            std::iter::once(form.first).chain(std::iter::repeat_n(form.others, others))
        };
        let parts: Vec<(usize, usize)> = replicas.flat_map(parts).take(own.len()).collect();
        for (one, (item, choice)) in own.into_iter().zip(parts) {
            (one.item, one.choice) = (item, choice);
        }
    }
    arranged.assignments.sort();
    match recheck::recheck(packing, &arranged) {
        Ok(values) => (arranged, values),
        Err(_) => (solution, values),
    }
}

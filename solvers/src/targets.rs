//! How many copies of each form a search aims at.

use crate::instance::{Instance, RowCounts};
use berth_compiler::problem::Relation;
use std::collections::{BTreeMap, BTreeSet};

/// Targets that satisfy rows and wishes one after another, the rows first, then the wishes of earlier
/// levels first. A row that asks for more raises the form that gives it for the least of the machines.
///
/// Exact where each row counts one item of one form; where forms compete or rows work against one
/// another the master program gives better ones.
pub(crate) fn greedy_targets(instance: &Instance, expense: &[f64]) -> Vec<u64> {
    let mut targets = vec![0_u64; instance.forms.len()];
    let mut of_item = vec![0_u64; instance.packing.items.len()];
    let mut sums = vec![0_i128; instance.rows.len()];
    let mut by_row: Vec<Vec<(usize, i128)>> = vec![Vec::new(); instance.rows.len()];
    for (form, effects) in instance.effects.iter().enumerate() {
        if instance.fits[form].iter().all(|fit| *fit == 0) {
            continue;
        }
        for &(row, factor) in effects {
            by_row[row].push((form, factor));
        }
    }
    let mut order: Vec<usize> = (0..instance.rows.len()).collect();
    order.sort_by_key(|&row| importance(instance, row));
    for row in order {
        let of = &instance.rows[row];
        if of.relation == Relation::AtMost {
            continue;
        }
        let mut forms: Vec<(usize, i128)> =
            by_row[row].iter().copied().filter(|(_, factor)| *factor > 0).collect();
        forms.sort_by(|(a, per_a), (b, per_b)| {
            let cost = |form: usize, factor: i128| expense[form] / factor as f64;
            cost(*a, *per_a).total_cmp(&cost(*b, *per_b)).then(a.cmp(b))
        });
        for (form, factor) in forms {
            let item = instance.forms[form].item;
            let missing = asked(instance, row, form) - sums[row];
            if missing <= 0 {
                break;
            }
            let room = instance.packing.items[item].most - of_item[item];
            // A row that must not grow limits how far this one may push it.
            let allowed = instance.effects[form]
                .iter()
                .filter(|(other, by)| *by > 0 && limits(instance, *other) && *other != row)
                .map(|(other, by)| (instance.rows[*other].bound - sums[*other]).max(0) / by)
                .min();
            let wanted = (missing + factor - 1) / factor;
            let count = wanted.min(i128::from(room)).min(allowed.unwrap_or(i128::MAX));
            let Ok(count) = u64::try_from(count) else { continue };
            targets[form] += count;
            of_item[item] += count;
            for &(other, by) in &instance.effects[form] {
                sums[other] += by * i128::from(count);
            }
        }
    }
    targets
}

/// What a row asks for. Where copies go with a place or with a part of a hazard, as many as are enough when they stand
/// evenly in those.
fn asked(instance: &Instance, row: usize, form: usize) -> i128 {
    let bound = instance.rows[row].bound;
    let remainders = &instance.remainders[instance.forms[form].item];
    let hazard = instance.survives[form].iter().find(|(index, _)| instance.surviving[*index].row == row);
    let parts = match hazard {
        Some((index, _)) => parts_for(instance, *index, form) as i128,
        None if remainders.binary_search(&row).is_ok() => remainders.len() as i128,
        None => 1,
    };
    if parts > 1 && bound > 0 {
        // bound * parts / (parts - 1), rounded up.
        bound.saturating_add((bound + parts - 2) / (parts - 1))
    } else {
        bound
    }
}

/// Parts of a hazard with a machine that the form fits on.
fn parts_for(instance: &Instance, surviving: usize, form: usize) -> usize {
    let fits = |machine: &usize| instance.fits[form][instance.group_of[*machine]] > 0;
    let machines = (0..instance.packing.machines.len()).filter(fits);
    machines.filter_map(|machine| instance.part_of(surviving, machine)).collect::<BTreeSet<_>>().len()
}

/// Whether greedy targets may be wrong: an item with a choice of forms, a row over several items, one that
/// rewards fewer copies, wants copies in a place, or survives a hazard.
pub(crate) fn needs_master(instance: &Instance) -> bool {
    if !instance.surviving.is_empty() {
        return true;
    }
    let mut items_of_row: Vec<Option<usize>> = vec![None; instance.rows.len()];
    for (form, effects) in instance.effects.iter().enumerate() {
        let item = instance.forms[form].item;
        for &(row, factor) in effects {
            let mixed = items_of_row[row].is_some_and(|other| other != item);
            if factor < 0 || mixed || instance.forms_of[item].len() > 1 {
                return true;
            }
            items_of_row[row] = Some(item);
        }
    }
    // How many copies rows over places take is seen only where it is known which place has which.
    (0..instance.packing.items.len())
        .flat_map(|item| instance.effects_of_places(item))
        .any(|(row, by)| *by < 0 || instance.rows[*row].relation != Relation::AtMost)
}

/// What the master program lets stand on machines that it takes together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// By form.
    pub counts: Vec<(usize, u64)>,
    /// Machines in use, where that is counted.
    pub in_use: Option<f64>,
}

impl Cell {
    /// The counts by form and groups of the instance. Where the machines belong to different places, as racks
    /// of one zone do, each place gets an equal part of every form, so that none meets its limit while others
    /// have room: as few places as have enough machines and whose rows allow as much.
    pub fn among(self, instance: &Instance, groups: &[usize]) -> Vec<(usize, Vec<usize>, u64)> {
        let mut by_place: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
        for &group in groups {
            by_place.entry(&instance.places_of[group]).or_default().push(group);
        }
        let places: Vec<Vec<usize>> = by_place.into_values().collect();
        let wanted = self.places_wanted(instance, &places).clamp(1, places.len().max(1));
        let mut counts = Vec::new();
        for (form, count) in self.counts {
            let wanted = wanted as u64;
            for (at, place) in (0..wanted).zip(&places) {
                // What does not divide goes to other places for other forms.
                let turned = (at + form as u64) % wanted;
                let part = count / wanted + u64::from(turned < count % wanted);
                if part > 0 {
                    counts.push((form, place.clone(), part));
                }
            }
        }
        counts
    }

    fn places_wanted(&self, instance: &Instance, places: &[Vec<usize>]) -> usize {
        let [first, _, ..] = places else { return places.len() };
        let machines = |place: &Vec<usize>| place.iter().map(|&g| instance.groups[g].len()).sum::<usize>();
        let smallest = places.iter().map(machines).min().unwrap_or(1).max(1);
        let for_machines =
            self.in_use.map_or(places.len(), |in_use| (in_use / smallest as f64).ceil() as usize);
        // What all of it would add to the rows of the first place; rows that others share are the master's.
        let Some(&group) = first.first() else { return places.len() };
        let shared = |row: usize, form: usize| {
            places
                .iter()
                .skip(1)
                .flatten()
                .any(|&other| instance.effects_there(form, other).any(|(of_other, _)| *of_other == row))
        };
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for &(form, count) in &self.counts {
            for &(row, by) in instance.effects_there(form, group) {
                if limits(instance, row) && by > 0 && !shared(row, form) {
                    *sums.entry(row).or_default() += by as f64 * count as f64;
                }
            }
        }
        let parts = sums.into_iter().map(|(row, sum)| sum / (instance.rows[row].bound.max(1) as f64));
        let for_rows = parts.fold(0.0, f64::max).ceil() as usize;
        for_machines.max(for_rows)
    }
}

/// 0 for rows, 1 and more for wishes, by the first level that counts them.
pub(crate) fn importance(instance: &Instance, row: usize) -> usize {
    match &instance.rows[row].counts {
        RowCounts::Violation => 0,
        RowCounts::Distance(levels) | RowCounts::Unmet(levels) => {
            levels.iter().map(|(level, _)| level + 1).min().unwrap_or(usize::MAX)
        }
    }
}

fn limits(instance: &Instance, row: usize) -> bool {
    let of = &instance.rows[row];
    of.relation != Relation::AtLeast && matches!(of.counts, RowCounts::Violation)
}

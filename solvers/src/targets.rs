//! How many copies of each form a search aims at.

use crate::instance::{Instance, RowCounts};
use berth_compiler::problem::Relation;

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
            let missing = of.bound - sums[row];
            if missing <= 0 {
                break;
            }
            let item = instance.forms[form].item;
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

/// Whether greedy targets may be wrong: an item with a choice of forms, a row over several items, or one
/// that rewards fewer copies.
pub(crate) fn needs_master(instance: &Instance) -> bool {
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
    false
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

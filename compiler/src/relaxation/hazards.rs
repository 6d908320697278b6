//! Rows that survive the loss of any one part of a hazard.
//!
//! **Why every solution is a point of these rows.** With `T` what a row counts and `t[p]` what of it stands on part
//! `p`, the row says `T - t[p] >= b` of every part. What groups that lie wholly in one part hold is no more than `t[p]`.
//! A group that reaches into `k` parts and into nothing else holds no more than those parts together: the sum of their
//! rows, over `k`, gives `T - x/k >= b`. Where everything that is counted stands in one of `K` parts, the sum of all
//! rows gives `T >= b K / (K - 1)`, and of whole copies no fewer than that rounded up.

use super::places::End;
use super::ratio;
use super::rows::{Builder, Terms};
use crate::problem::{Atom, Relation, Row};
use num_traits::{One, Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

impl Builder<'_> {
    /// Of a row that survives a hazard.
    pub(super) fn add_surviving(&mut self, row: &Row) {
        for terms in self.left_by(row) {
            self.add(terms, row.relation, row.bound.clone(), row.origins.clone());
        }
        if let [(factor, Atom::Copies { item })] = row.terms.as_slice()
            && factor.is_one()
            && row.bound.is_positive()
            && let Some(parts) = self.parts_that_hold(row, *item).filter(|parts| *parts > 1)
        {
            let terms = self.quantity(Atom::Copies { item: *item }, End::High);
            let least = (&row.bound * ratio(parts, parts - 1)).ceil();
            self.add(terms, Relation::AtLeast, least, row.origins.clone());
        }
    }

    /// Sums that are each at least what a row counts at its worst; one, where it survives nothing.
    pub(super) fn left_by(&self, row: &Row) -> Vec<Terms> {
        let all = self.sum(&row.terms, End::High);
        let Some(hazard) = row.survives.and_then(|hazard| self.packing.hazards.get(hazard)) else {
            return vec![all];
        };
        // By the parts that groups lie in, and nowhere else: what is counted there.
        let mut gone: BTreeMap<BTreeSet<usize>, Vec<usize>> = BTreeMap::new();
        for (index, group) in self.groups.iter().enumerate() {
            let parts = group.machines.iter().map(|&machine| hazard.part(machine));
            if let Some(parts) = parts.collect::<Option<BTreeSet<usize>>>() {
                gone.entry(parts).or_default().push(index);
            }
        }
        let less = |(parts, groups): (BTreeSet<usize>, Vec<usize>)| {
            let mut left = all.clone();
            let share = ratio(1, parts.len() as u64);
            for (factor, atom) in &row.terms {
                let (Some(item), choice) = (atom.item(), atom.choice()) else { continue };
                for (group, column) in self.columns_as(item, choice) {
                    if groups.contains(&group) {
                        *left.entry(column).or_default() -= factor * &share;
                    }
                }
            }
            left.retain(|_, factor| !factor.is_zero());
            left
        };
        let mut sums: Vec<Terms> = gone.into_iter().map(less).filter(|left| *left != all).collect();
        if sums.is_empty() {
            sums.push(all);
        }
        sums
    }

    /// How many parts have a machine on which the item fits; none where it fits on what stays.
    fn parts_that_hold(&self, row: &Row, item: usize) -> Option<u64> {
        let hazard = self.packing.hazards.get(row.survives?)?;
        let groups: BTreeSet<usize> = self.columns_as(item, None).map(|(group, _)| group).collect();
        let machines = groups.into_iter().flat_map(|group| &self.groups[group].machines);
        let parts = machines.map(|&machine| hazard.part(machine));
        Some(parts.collect::<Option<BTreeSet<usize>>>()?.len() as u64)
    }
}

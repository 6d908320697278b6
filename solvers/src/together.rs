//! Copies that take several machines: one form on the first of them, another on each of the others, tied by a row in each
//! place that holds whole ones.

use crate::instance::Instance;
use crate::search::{Among, Search};
use berth_compiler::problem::{Atom, Relation, Together};
use std::collections::BTreeMap;

/// A row that ties what stands on other machines to what stands on first ones.
#[derive(Clone, Debug)]
pub(crate) struct Tie {
    /// The form on the others.
    pub other: usize,
    /// How many of the others each first one asks for.
    pub others: u64,
    /// The row.
    pub row: usize,
    /// Groups of machines that it speaks of.
    pub groups: Vec<usize>,
}

impl Instance<'_> {
    /// Finds the rows of the packing that are ties.
    pub(crate) fn find_ties(&mut self) {
        let packing = self.packing;
        self.ties_of = vec![BTreeMap::new(); self.forms.len()];
        for (item, of) in packing.items.iter().enumerate() {
            let Some(beside) = &of.beside else { continue };
            for (row, terms) in packing.rows.iter().enumerate().map(|(row, of)| (row, &of.terms)) {
                let [(_, first), (_, other)] = terms.as_slice() else { continue };
                if packing.rows[row].relation != Relation::Equal || other.item() != Some(item) {
                    continue;
                }
                let form = other.choice().and_then(|choice| Some((choice, beside.forms.get(choice)?)));
                let Some((at, Together { choice, machines, .. })) = form else { continue };
                let in_place = |group: &usize| match first {
                    Atom::CopiesOn { place, .. } => self.places_of[*group].contains(place),
                    _ => true,
                };
                let groups: Vec<usize> = (0..self.groups.len()).filter(in_place).collect();
                let ties = &mut self.ties_of[self.forms_of[beside.item].start + choice];
                ties.extend(groups.iter().map(|group| (*group, self.ties.len())));
                let other = self.forms_of[item].start + at;
                self.ties.push(Tie { other, others: machines - 1, row, groups });
            }
        }
    }

    /// The tie of copies whose first machine is of this group.
    pub(crate) fn tie(&self, form: usize, group: usize) -> Option<&Tie> {
        self.ties_of[form].get(&group).map(|tie| &self.ties[*tie])
    }
}

impl Search<'_, '_, '_> {
    /// Places a copy with all that stands beside it; whether it could.
    pub(crate) fn insert(&mut self, form: usize, machine: usize) -> bool {
        let instance = self.state.instance;
        let mark = self.state.mark();
        if !self.state.insert(form, machine) {
            return false;
        }
        let Some(tie) = instance.tie(form, instance.group_of[machine]) else { return true };
        while self.state.wanted(tie.row) > 0 {
            let other = self.best_machine(tie.other, &Among::Groups(&tie.groups), 0.0);
            if !other.is_some_and(|machine| self.state.insert(tie.other, machine)) {
                self.state.undo_to(mark);
                return false;
            }
        }
        true
    }

    /// Takes a copy away with all that stands beside it.
    pub(crate) fn remove(&mut self, machine: usize, at: usize) {
        let instance = self.state.instance;
        let form = self.state.copies_on(machine)[at].form;
        self.state.remove(machine, at);
        let Some(tie) = instance.tie(form, instance.group_of[machine]) else { return };
        while self.state.wanted(tie.row) < 0 {
            let machines = tie.groups.iter().flat_map(|group| self.state.in_use(*group));
            let holding = machines.filter_map(|machine| {
                let copies = self.state.copies_on(*machine).iter();
                Some((*machine, copies.enumerate().find(|(_, copy)| copy.form == tie.other)?.0))
            });
            let Some((machine, at)) = holding.into_iter().next() else { return };
            self.state.remove(machine, at);
        }
    }

    /// Whether what stands beside a copy on a machine of a group finds machines there too.
    pub(crate) fn has_room_beside(&self, form: usize, group: usize) -> bool {
        let instance = self.state.instance;
        let Some(tie) = instance.tie(form, group) else { return true };
        // Some may be there already, without their first.
        let waiting = u64::try_from(-self.state.wanted(tie.row)).unwrap_or(0);
        // With the one for the copy itself.
        let mut lacking = (tie.others + 1).saturating_sub(waiting);
        for &group in tie.groups.iter().filter(|group| instance.fits[tie.other][**group] > 0) {
            let in_use = self.state.in_use(group);
            lacking = lacking.saturating_sub((instance.groups[group].len() - in_use.len()) as u64);
            let free = in_use.iter().filter(|machine| self.state.slot_for(tie.other, **machine).is_some());
            lacking = lacking
                .saturating_sub(free.take(usize::try_from(lacking).unwrap_or(usize::MAX)).count() as u64);
            if lacking == 0 {
                return true;
            }
        }
        false
    }
}

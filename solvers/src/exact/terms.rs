//! What rows and levels count, in columns of the program.

use super::{Exact, Gone};
use crate::instance::{Instance, SpreadOver};
use crate::rational::float;
use berth_compiler::problem::{Atom, LevelAtom, Relation, Row};
use std::collections::BTreeMap;

impl Exact {
    /// What a row counts, less what goes with the worst part of what it survives.
    pub(super) fn left_terms(&mut self, instance: &Instance, row: &Row) -> Vec<(usize, f64)> {
        let mut terms = self.row_terms(instance, row);
        let Some(hazard) = row.survives.and_then(|hazard| instance.packing.hazards.get(hazard)) else {
            return terms;
        };
        let machine_of: BTreeMap<usize, usize> =
            self.copies.iter().map(|copies| (copies.column, copies.machine)).collect();
        let mut parts: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for &(column, factor) in &terms {
            let machine = machine_of.get(&column);
            if let Some(part) = machine.and_then(|&machine| hazard.part(machine)) {
                parts.entry(part).or_default().push((column, factor));
            }
        }
        let largest = |part: &Vec<(usize, f64)>| -> f64 {
            part.iter().map(|(column, factor)| factor * self.program.upper(*column)).sum()
        };
        let most = parts.values().map(largest).fold(0.0, f64::max);
        let gone = self.program.add_column(most, false);
        for part in parts.values() {
            let less = part.iter().map(|(column, factor)| (*column, -factor));
            self.add_scaled(less.chain([(gone, 1.0)]).collect(), Relation::AtLeast, 0.0);
        }
        self.gone.push(Gone { column: gone, parts: parts.into_values().collect() });
        terms.push((gone, -1.0));
        terms
    }

    fn row_terms(&self, instance: &Instance, row: &Row) -> Vec<(usize, f64)> {
        let mut sum: BTreeMap<usize, f64> = BTreeMap::new();
        let mut add = |column: usize, factor: f64| *sum.entry(column).or_default() += factor;
        for (factor, atom) in &row.terms {
            let factor = float(factor);
            let forms = |item: usize| instance.forms_of.get(item).cloned().unwrap_or(0..0);
            match *atom {
                Atom::Copies { item } => {
                    let forms = forms(item);
                    let counted = self.copies.iter().filter(|copies| forms.contains(&copies.form));
                    counted.for_each(|copies| add(copies.column, factor));
                }
                Atom::CopiesOf { item, choice } => {
                    let form = forms(item).nth(choice);
                    let counted = self.copies.iter().filter(|copies| Some(copies.form) == form);
                    counted.for_each(|copies| add(copies.column, factor));
                }
                Atom::CopiesOn { item, choice, place } => {
                    let forms = forms(item);
                    let only = choice.map(|choice| forms.start + choice);
                    let machines = instance.packing.places.get(place).map_or(&[][..], |of| &of.machines);
                    let counted = self.copies.iter().filter(|copies| {
                        forms.contains(&copies.form)
                            && only.is_none_or(|form| form == copies.form)
                            && machines.binary_search(&copies.machine).is_ok()
                    });
                    counted.for_each(|copies| add(copies.column, factor));
                }
                Atom::SpreadOver { item, division } => {
                    let of = |spread: &SpreadOver| spread.item == item && spread.division == division;
                    if let Some(index) = instance.spreads_over.iter().position(of) {
                        let counted = self.holds_in.range((index, 0)..=(index, usize::MAX));
                        counted.for_each(|(_, &column)| add(column, factor));
                    }
                }
                Atom::Spread { item } => {
                    let counted = self.holds.range((item, 0)..=(item, usize::MAX));
                    counted.for_each(|(_, &column)| add(column, factor));
                }
                // At least as many: what that allows beyond what moves is found out by the check of the state.
                Atom::Moves => self.moved.values().for_each(|(column, _)| add(*column, factor)),
                Atom::Price => {
                    for (machine, &column) in &self.used {
                        add(column, factor * float(&instance.packing.machines[*machine].price));
                    }
                }
            }
        }
        sum.into_iter().collect()
    }

    pub(super) fn level_terms(&self, instance: &Instance, level: usize) -> Vec<(usize, f64)> {
        let mut sum: BTreeMap<usize, f64> = BTreeMap::new();
        let Some(level) = instance.packing.levels.get(level) else { return Vec::new() };
        for (factor, atom) in &level.terms {
            let factor = float(factor);
            match atom {
                LevelAtom::Shortfall { wish } => {
                    if let Some(&column) = self.shortfalls.get(wish) {
                        *sum.entry(column).or_default() += factor;
                    }
                }
                LevelAtom::Price => {
                    for (machine, &column) in &self.used {
                        let price = float(&instance.packing.machines[*machine].price);
                        *sum.entry(column).or_default() += factor * price;
                    }
                }
                LevelAtom::Moves => {
                    for &(column, _) in self.moved.values() {
                        *sum.entry(column).or_default() += factor;
                    }
                }
            }
        }
        sum.into_iter().collect()
    }
}

//! Replicas that take several nodes: an item of their own for what stands on all nodes but the first, and rows that keep
//! the nodes of a replica together.

use super::lines::Lines;
use super::{all_fit, integer};
use crate::candidates::{Candidate, Candidates, places};
use crate::problem::{Atom, Beside, Choice, Devices, Item, Packing, Relation, Row, Together};
use berth_language::model::Program;
use num_rational::BigRational;
use num_traits::One;
use std::collections::BTreeSet;

/// Adds an item for each service and job that may take several nodes; each of its copies takes `demand`.
pub(super) fn add_others(program: &Program, candidates: &Candidates, demand: &[u64], packing: &mut Packing) {
    for (item, own) in candidates.services.iter().enumerate() {
        let together = |(choice, candidate): (usize, &Candidate)| {
            let layout = candidate.layout.as_ref().filter(|layout| layout.nodes > 1)?;
            let Devices::Whole(size) = candidate.devices else { return None };
            let places = places(program, &candidates.classes[layout.class], size.into(), layout.nodes);
            Some(Together { choice, machines: layout.nodes, places })
        };
        let forms: Vec<Together> = own.candidates.iter().enumerate().filter_map(together).collect();
        if forms.is_empty() {
            continue;
        }
        let first = &packing.items[item];
        let form = |of: &Together| Choice { demand: demand.to_vec(), ..first.choices[of.choice].clone() };
        let choices: Vec<Choice> = forms.iter().map(form).collect();
        packing.items.push(Item {
            name: format!("other nodes of {}", first.name),
            most: all_fit(packing, &choices),
            choices,
            beside: Some(Beside { item, forms }),
            origin: packing.items[item].origin,
        });
    }
}

impl Lines<'_> {
    /// In each place that may hold a whole replica of several nodes, as many of its other nodes as its first ones ask
    /// for; elsewhere neither.
    pub fn together(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        for others in 0..self.packing.items.len() {
            let Some(Beside { item, forms }) = self.packing.items[others].beside.clone() else { continue };
            for (other, Together { choice, machines, places }) in forms.iter().enumerate() {
                let rest = self.elsewhere((others, other), places);
                let is_anywhere = rest.is_empty() && places.len() == 1;
                let whole =
                    places.iter().map(|place| (place, integer(1) - integer(*machines), Relation::Equal));
                let none = (!rest.is_empty()).then_some((&rest, integer(1), Relation::AtMost));
                for (nodes, factor, relation) in whole.chain(none) {
                    let place = (!is_anywhere).then(|| self.place(nodes));
                    let of = |item: usize, choice: usize| match place {
                        Some(place) => Atom::CopiesOn { item, choice: Some(choice), place },
                        None => Atom::CopiesOf { item, choice },
                    };
                    rows.push(Row {
                        terms: vec![(factor, of(item, *choice)), (BigRational::one(), of(others, other))],
                        survives: None,
                        relation,
                        bound: integer(0),
                        origins: vec![self.packing.items[item].origin],
                    });
                }
            }
        }
        rows
    }

    /// Nodes of the classes of a form that are in none of these places.
    fn elsewhere(&self, (item, choice): (usize, usize), places: &[Vec<usize>]) -> Vec<usize> {
        let held: BTreeSet<usize> = places.iter().flatten().copied().collect();
        let classes = self.packing.items[item].choices[choice].classes.as_deref().unwrap_or(&[]);
        let machines = self.packing.machines.iter().enumerate();
        let own = machines.filter(|(_, machine)| machine.class.is_some_and(|class| classes.contains(&class)));
        own.map(|(index, _)| index).filter(|index| !held.contains(index)).collect()
    }
}

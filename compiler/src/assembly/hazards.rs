//! Rows that each leave out what stands in one place of several become one row that survives a hazard.
//!
//! **Source form.** Rows `sum of f x - sum of f x[p] >= b`, alike but for the place `p`, no two of which share a
//! machine: a line that holds when any one of several things is gone. **Target form.** One row `sum of f x >= b` that
//! [survives](crate::problem::Row::survives) a hazard with those places for parts. **Why equivalent.** That is what
//! surviving means. The gain: where each place is a machine, machines stay alike, as they are not where each has a row
//! of its own.

use crate::problem::{Atom, Hazard, Packing, Relation, Row};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::Signed;
use std::collections::{BTreeMap, BTreeSet};

/// What rows that differ only in their place have in common.
type Family = (Vec<(Atom, BigRational)>, BigRational, Vec<Span>);

/// Joins the rows of a packing, which has no wishes yet, and drops places that no other row speaks of.
pub(super) fn join(packing: &mut Packing) {
    let mut families: BTreeMap<Family, Vec<(usize, usize)>> = BTreeMap::new();
    for (index, row) in packing.rows.iter().enumerate() {
        if let Some((terms, place)) = all_but_one_place(row) {
            let family = (terms, row.bound.clone(), row.origins.clone());
            families.entry(family).or_default().push((index, place));
        }
    }
    let mut joined: BTreeMap<usize, usize> = BTreeMap::new();
    let mut dropped: BTreeSet<usize> = BTreeSet::new();
    for rows in families.into_values() {
        let places: Vec<usize> = rows.iter().map(|(_, place)| *place).collect();
        if rows.len() < 2 || !apart(packing, &places) {
            continue;
        }
        let hazard = hazard(packing, &places);
        let known = packing.hazards.iter().position(|known| *known == hazard);
        let hazard = known.unwrap_or_else(|| {
            packing.hazards.push(hazard);
            packing.hazards.len() - 1
        });
        joined.insert(rows[0].0, hazard);
        dropped.extend(rows[1..].iter().map(|(row, _)| *row));
    }
    if joined.is_empty() {
        return;
    }
    let rows = std::mem::take(&mut packing.rows).into_iter().enumerate();
    packing.rows = rows
        .filter(|(index, _)| !dropped.contains(index))
        .map(|(index, mut row)| {
            if let Some(hazard) = joined.get(&index) {
                row.terms.retain(|(_, atom)| !matches!(atom, Atom::CopiesOn { .. }));
                row.survives = Some(*hazard);
            }
            row
        })
        .collect();
    drop_idle_places(packing);
}

/// What a row counts everywhere but in one place, in order, and the place; none where it is no such row.
fn all_but_one_place(row: &Row) -> Option<(Vec<(Atom, BigRational)>, usize)> {
    let mut everywhere: BTreeMap<Atom, BigRational> = BTreeMap::new();
    let mut there: BTreeMap<Atom, BigRational> = BTreeMap::new();
    let mut one = None;
    for (factor, atom) in &row.terms {
        match *atom {
            Atom::Copies { .. } | Atom::CopiesOf { .. } => *everywhere.entry(*atom).or_default() += factor,
            Atom::CopiesOn { item, choice, place } if *one.get_or_insert(place) == place => {
                let anywhere = match choice {
                    None => Atom::Copies { item },
                    Some(choice) => Atom::CopiesOf { item, choice },
                };
                *there.entry(anywhere).or_default() -= factor;
            }
            _ => return None,
        }
    }
    let counts = row.relation == Relation::AtLeast && row.survives.is_none();
    let all_left_out = everywhere == there && everywhere.values().all(Signed::is_positive);
    (counts && all_left_out).then_some((everywhere.into_iter().collect(), one?))
}

/// Whether no two of these places share a machine.
fn apart(packing: &Packing, places: &[usize]) -> bool {
    let mut machines = BTreeSet::new();
    places.iter().flat_map(|&place| &packing.places[place].machines).all(|machine| machines.insert(*machine))
}

fn hazard(packing: &Packing, places: &[usize]) -> Hazard {
    let mut part_of = vec![None; packing.machines.len()];
    for (part, &place) in places.iter().enumerate() {
        for &machine in &packing.places[place].machines {
            part_of[machine] = Some(part);
        }
    }
    let names = places.iter().map(|&place| packing.places[place].name.as_str());
    Hazard { name: berth_language::addresses::compress(names).join(", "), part_of }
}

fn drop_idle_places(packing: &mut Packing) {
    let place_of = |atom: &Atom| match *atom {
        Atom::CopiesOn { place, .. } => Some(place),
        _ => None,
    };
    let named = packing.rows.iter().flat_map(|row| row.terms.iter().filter_map(|(_, atom)| place_of(atom)));
    let named: BTreeSet<usize> = named.collect();
    let places = std::mem::take(&mut packing.places).into_iter().enumerate();
    packing.places = places.filter(|(index, _)| named.contains(index)).map(|(_, place)| place).collect();
    let numbers: BTreeMap<usize, usize> =
        named.into_iter().enumerate().map(|(new, old)| (old, new)).collect();
    for (_, atom) in packing.rows.iter_mut().flat_map(|row| &mut row.terms) {
        if let Atom::CopiesOn { place, .. } = atom {
            *place = numbers[place];
        }
    }
}

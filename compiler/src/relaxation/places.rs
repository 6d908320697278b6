//! Rows about where copies stand: spread over machines and over parts, and rows over places.
//!
//! A place and a group of machines may overlap in part, where groups are many and were joined. Of a place a
//! row then counts the copies on the groups that lie wholly in it, where it is at most something, and those
//! on all groups that reach into it, where it is at least something. Rows that say the same of several places,
//! of which none has a machine of another, are added up as well, as far as groups tie them together: fifty
//! alike racks of a zone are one row over the zone.

use super::groups::Group;
use super::rows::{Builder, Terms};
use super::{Counted, whole};
use crate::problem::{Atom, Relation, Row};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// A group of which machines lie in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    group: usize,
    /// All of its machines do.
    whole: bool,
}

/// The groups that some machines are of, ascending; no machine is named twice.
pub(super) fn holding<'m>(
    machines: impl Iterator<Item = &'m usize>,
    group_of: &[usize],
    groups: &[Group],
) -> Vec<Holding> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for &machine in machines {
        *counts.entry(group_of[machine]).or_default() += 1;
    }
    let held =
        |(group, count): (usize, usize)| Holding { group, whole: count == groups[group].machines.len() };
    counts.into_iter().map(held).collect()
}

/// Which side of a sum over a place is wanted where groups lie in it in part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At most the sum.
    Low,
    /// At least the sum.
    High,
}

impl End {
    /// Of a sum that is so related to its bound, the side that loses no solution.
    pub fn of(relation: Relation) -> Self {
        if relation == Relation::AtMost { Self::Low } else { Self::High }
    }

    /// The side of a part of the sum.
    pub fn times(self, factor: &BigRational) -> Self {
        match (self, factor.is_negative()) {
            (Self::Low, false) | (Self::High, true) => Self::Low,
            _ => Self::High,
        }
    }
}

/// What rows over one place each say: the same of different places has the same key.
type Family = (u8, Vec<(Form, BigRational)>);

/// An item and which of its forms; none: all.
type Form = (usize, Option<usize>);

impl Builder<'_> {
    pub(super) fn add_spread(&mut self) {
        for item in 0..self.packing.items.len() {
            let mut columns = Vec::new();
            if self.counts_spread[item] {
                for group in 0..self.groups.len() {
                    if self.copies[item].iter().flatten().any(|(of, _)| *of == Some(group)) {
                        let size = whole(self.groups[group].machines.len() as u64);
                        let origins = self.groups[group].origins.clone();
                        columns
                            .push((group, self.add_column(Counted::Spread { item, group }, size, origins)));
                    }
                }
            }
            self.spread.push(columns);
        }
    }

    pub(super) fn add_spread_rows(&mut self) {
        for item in 0..self.packing.items.len() {
            for (group, spread) in self.spread[item].clone() {
                let mut copies = Terms::new();
                for (_, column) in self.columns_of(item).filter(|(of, _)| *of == group) {
                    copies.insert(column, BigRational::one());
                }
                let most_on_one = self.most_on_one(item, group).min(self.packing.items[item].most);
                let origins = vec![self.packing.items[item].origin];
                let mut at_least_one = copies.clone();
                at_least_one.insert(spread, -BigRational::one());
                self.add(at_least_one, Relation::AtLeast, BigRational::zero(), origins.clone());
                copies.insert(spread, -whole(most_on_one));
                self.add(copies, Relation::AtMost, BigRational::zero(), origins);
                if self.machines[group].is_some() {
                    self.add_per_machine(
                        group,
                        Terms::from([(spread, BigRational::one())]),
                        BigRational::one(),
                    );
                }
            }
        }
    }

    /// The columns and rows of items whose parts of a division are counted.
    pub(super) fn add_spread_over(&mut self, atoms: &BTreeSet<(usize, usize)>) {
        for &(item, division) in atoms {
            let (Some(of), Some(parted)) =
                (self.packing.items.get(item), self.packing.divisions.get(division))
            else {
                continue;
            };
            // By part: the copies that its machines could hold.
            let mut room: BTreeMap<usize, u64> = BTreeMap::new();
            let mut columns = Terms::new();
            let mut parted_columns = Terms::new();
            let mut machines = Terms::new();
            let mut origins: Vec<Span> = vec![of.origin];
            for (group, column) in self.columns_of(item) {
                let all = &self.groups[group].machines;
                columns.insert(column, BigRational::one());
                if all.iter().all(|&machine| parted.part_of.get(machine).is_some_and(Option::is_some)) {
                    parted_columns.insert(column, BigRational::one());
                }
            }
            let reachable: BTreeSet<usize> = self.columns_of(item).map(|(group, _)| group).collect();
            for group in reachable {
                let each = self.most_on_one(item, group);
                for &machine in &self.groups[group].machines {
                    if let Some(part) = parted.part_of.get(machine).copied().flatten() {
                        let room = room.entry(part).or_default();
                        *room = room.saturating_add(each);
                    }
                }
                if let Some(column) = self.machines[group] {
                    machines.insert(column, BigRational::one());
                }
                origins.extend(&self.groups[group].origins);
            }
            origins.sort();
            origins.dedup();
            let parts = room.len() as u64;
            let most_in_one = room.values().copied().max().unwrap_or(0).min(of.most);
            let of_item = vec![of.origin];
            let counts = Counted::SpreadOver { item, division };
            let spread = self.add_column(counts, whole(parts.min(of.most)), origins);
            self.spread_over.insert((item, division), spread);
            let minus_one = || (spread, -BigRational::one());
            columns.extend([minus_one()]);
            self.add(columns, Relation::AtLeast, BigRational::zero(), of_item.clone());
            parted_columns.insert(spread, -whole(most_in_one));
            self.add(parted_columns, Relation::AtMost, BigRational::zero(), of_item.clone());
            if !machines.is_empty() {
                machines.extend([minus_one()]);
                self.add(machines, Relation::AtLeast, BigRational::zero(), of_item);
            }
        }
    }

    /// The sums of rows that say the same of several places, where groups reach into more than one of them.
    pub(super) fn add_sums_over_places(&mut self) {
        let packing = self.packing;
        let mut families: BTreeMap<Family, Vec<(usize, &Row)>> = BTreeMap::new();
        for row in &packing.rows {
            if let Some((place, terms)) = of_one_place(row) {
                let partly = self.holdings[place].iter().any(|held| !held.whole);
                let relations: &[u8] = match row.relation {
                    Relation::AtMost => &[0],
                    Relation::AtLeast => &[1],
                    Relation::Equal => &[0, 1],
                };
                for relation in relations.iter().filter(|_| partly) {
                    families.entry((*relation, terms.clone())).or_default().push((place, row));
                }
            }
        }
        for ((relation, terms), rows) in families {
            let relation = if relation == 0 { Relation::AtMost } else { Relation::AtLeast };
            for tied in self.tied(rows) {
                self.add_sum_over(&terms, relation, &tied);
            }
        }
    }

    /// Rows that share groups, directly or through others; only those of which no place has a machine of
    /// another.
    fn tied<'r>(&self, rows: Vec<(usize, &'r Row)>) -> Vec<Vec<(usize, &'r Row)>> {
        let mut leader: Vec<usize> = (0..rows.len()).collect();
        let mut first: Vec<Option<usize>> = vec![None; self.groups.len()];
        fn find(leader: &mut [usize], mut at: usize) -> usize {
            while leader[at] != at {
                leader[at] = leader[leader[at]];
                at = leader[at];
            }
            at
        }
        for (index, (place, _)) in rows.iter().enumerate() {
            for held in &self.holdings[*place] {
                let other = *first[held.group].get_or_insert(index);
                let (a, b) = (find(&mut leader, index), find(&mut leader, other));
                leader[a.max(b)] = a.min(b);
            }
        }
        let mut tied: BTreeMap<usize, Vec<(usize, &Row)>> = BTreeMap::new();
        for (index, row) in rows.into_iter().enumerate() {
            tied.entry(find(&mut leader, index)).or_default().push(row);
        }
        let apart = |rows: &Vec<(usize, &Row)>| {
            let machines = || rows.iter().flat_map(|(place, _)| &self.packing.places[*place].machines);
            rows.len() > 1 && machines().collect::<BTreeSet<_>>().len() == machines().count()
        };
        tied.into_values().filter(apart).collect()
    }

    fn add_sum_over(&mut self, terms: &[(Form, BigRational)], relation: Relation, rows: &[(usize, &Row)]) {
        let machines = rows.iter().flat_map(|(place, _)| &self.packing.places[*place].machines);
        let holding = holding(machines, &self.group_of, &self.groups);
        let mut sum = Terms::new();
        for ((item, choice), factor) in terms {
            for column in self.columns_in(*item, *choice, &holding, End::of(relation).times(factor)) {
                *sum.entry(column).or_default() += factor;
            }
        }
        sum.retain(|_, factor| !factor.is_zero());
        let bound = rows.iter().map(|(_, row)| row.bound.clone()).sum();
        let mut origins: Vec<Span> = rows.iter().flat_map(|(_, row)| row.origins.iter().copied()).collect();
        origins.sort();
        origins.dedup();
        self.add(sum, relation, bound, origins);
    }

    /// The columns of an item's copies, with their groups.
    fn columns_of(&self, item: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.columns_as(item, None)
    }

    /// Those of its copies in one form; none: in any.
    pub(super) fn columns_as(
        &self,
        item: usize,
        choice: Option<usize>,
    ) -> impl Iterator<Item = (usize, usize)> + '_ {
        let forms = self.copies.get(item).into_iter().flatten().enumerate();
        let forms = forms.filter(move |(form, _)| choice.is_none_or(|choice| choice == *form));
        forms.flat_map(|(_, columns)| columns).filter_map(|(group, column)| Some(((*group)?, *column)))
    }

    /// The columns of an item's copies, of one form where one is named, on the groups that lie in a place, or reach
    /// into it.
    pub(super) fn columns_in(
        &self,
        item: usize,
        choice: Option<usize>,
        holding: &[Holding],
        end: End,
    ) -> Vec<usize> {
        let counted = holding.iter().filter(|held| held.whole || end == End::High);
        let forms = self.copies.get(item).into_iter().flatten().enumerate();
        let forms = forms.filter(|(form, _)| choice.is_none_or(|choice| choice == *form));
        let mut found = Vec::new();
        for (_, columns) in forms {
            // Columns of a form are in the order of their groups.
            let in_group = |held: &Holding| {
                let at = columns.binary_search_by_key(&Some(held.group), |(group, _)| *group).ok()?;
                columns.get(at).map(|(_, column)| *column)
            };
            found.extend(counted.clone().filter_map(in_group));
        }
        found
    }

    /// Copies of an item, over all forms, that one machine of a group could hold.
    fn most_on_one(&self, item: usize, group: usize) -> u64 {
        let choices = 0..self.packing.items[item].choices.len();
        choices.fold(0, |sum, choice| sum.saturating_add(self.fit(item, choice, group)))
    }

    /// Whether every place of a row consists of whole groups.
    pub(super) fn is_exact(&self, row: &Row) -> bool {
        row.terms.iter().all(|(_, atom)| match *atom {
            Atom::CopiesOn { place, .. } => {
                self.holdings.get(place).is_some_and(|holding| holding.iter().all(|held| held.whole))
            }
            _ => true,
        })
    }

    /// The largest count that an atom other than money can have.
    pub(super) fn largest(&self, atom: Atom) -> BigRational {
        let most = atom.item().and_then(|item| self.packing.items.get(item)).map_or(0, |item| item.most);
        let columns = self.quantity(atom, End::High).into_iter();
        let upper: BigRational = columns.map(|(column, weight)| weight * &self.columns[column].upper).sum();
        upper.min(BigRational::from_integer(BigInt::from(most)))
    }
}

/// The one place that all of a row's terms speak of, and what they say: forms, ascending, with factors.
fn of_one_place(row: &Row) -> Option<(usize, Vec<(Form, BigRational)>)> {
    let mut one = None;
    let mut terms: BTreeMap<Form, BigRational> = BTreeMap::new();
    for (factor, atom) in &row.terms {
        let Atom::CopiesOn { item, choice, place } = *atom else { return None };
        if *one.get_or_insert(place) != place {
            return None;
        }
        *terms.entry((item, choice)).or_default() += factor;
    }
    Some((one?, terms.into_iter().collect()))
}

//! The columns and rows of a relaxation; why each holds for every solution stands at the head of
//! [`relaxation`](super).

use super::groups::{Group, groups};
use super::places::{End, Holding, holding};
use super::step::{common_divisor, level_step};
use super::{Column, Counted, Goal, Relaxation, RelaxedRow, ratio, whole};
use crate::problem::{Atom, Devices, LevelAtom, Packing, Place, Relation, Row, Shortfall};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// Factors of columns, without zeros.
pub(super) type Terms = BTreeMap<usize, BigRational>;

/// Group and column of a form; the group is none for a form that fits nowhere.
type GroupColumns = Vec<(Option<usize>, usize)>;

pub(super) struct Builder<'a> {
    pub(super) packing: &'a Packing,
    pub(super) groups: Vec<Group>,
    /// By machine.
    pub(super) group_of: Vec<usize>,
    /// By place: the groups that reach into it.
    pub(super) holdings: Vec<Vec<Holding>>,
    /// Whether `u[g]` are unknowns.
    counts_money: bool,
    /// By item: whether its spread is counted.
    pub(super) counts_spread: Vec<bool>,
    pub(super) columns: Vec<Column>,
    rows: Vec<RelaxedRow>,
    objective: Vec<(usize, BigRational)>,
    step: Option<BigRational>,
    /// By item and choice.
    pub(super) copies: Vec<Vec<GroupColumns>>,
    /// By group.
    pub(super) machines: Vec<Option<usize>>,
    /// By item: group and column.
    pub(super) spread: Vec<Vec<(usize, usize)>>,
    /// By item and division.
    pub(super) spread_over: BTreeMap<(usize, usize), usize>,
    /// Columns of items of which copies must move, or stay.
    moved: Vec<usize>,
}

impl<'a> Builder<'a> {
    /// Every column and row of the relaxation.
    pub fn build(packing: &'a Packing, goal: Goal) -> Relaxation {
        let mut builder = Self::new(packing, goal);
        builder.add_copies();
        builder.add_machines();
        builder.add_spread();
        builder.add_capacities();
        builder.add_fits();
        builder.add_spread_rows();
        builder.add_spread_over(&spread_over(packing, goal));
        builder.add_moves(goal);
        for row in &packing.rows {
            builder.add_row(row);
        }
        builder.add_sums_over_places();
        builder.add_goal(goal);
        let Builder { groups, columns, rows, objective, step, .. } = builder;
        let groups = groups.into_iter().map(|group| group.machines).collect();
        Relaxation { groups, columns, rows, objective, step }
    }

    fn new(packing: &'a Packing, goal: Goal) -> Self {
        let groups = groups(packing);
        let mut group_of = vec![0; packing.machines.len()];
        for (index, group) in groups.iter().enumerate() {
            for &machine in &group.machines {
                group_of[machine] = index;
            }
        }
        let held = |place: &Place| holding(place.machines.iter(), &group_of, &groups);
        let holdings = packing.places.iter().map(held).collect();
        let atoms = atoms_of(packing, goal);
        let counts_money = atoms.contains(&Atom::Price)
            || levels_of(packing, goal).any(|level| level.iter().any(|(_, atom)| *atom == LevelAtom::Price));
        let mut counts_spread = vec![false; packing.items.len()];
        for atom in &atoms {
            if let Atom::Spread { item } = *atom
                && let Some(counts) = counts_spread.get_mut(item)
            {
                *counts = true;
            }
        }
        let machines = vec![None; groups.len()];
        Self {
            packing,
            groups,
            group_of,
            holdings,
            counts_money,
            counts_spread,
            columns: Vec::new(),
            rows: Vec::new(),
            objective: Vec::new(),
            step: None,
            copies: Vec::new(),
            machines,
            spread: Vec::new(),
            spread_over: BTreeMap::new(),
            moved: Vec::new(),
        }
    }

    pub(super) fn add_column(&mut self, counts: Counted, upper: BigRational, origins: Vec<Span>) -> usize {
        self.columns.push(Column { counts, upper, origins });
        self.columns.len() - 1
    }

    /// A row; nothing where it holds for every value of its columns because it has none.
    pub(super) fn add(&mut self, terms: Terms, relation: Relation, bound: BigRational, origins: Vec<Span>) {
        let empty_holds = match relation {
            Relation::AtMost => !bound.is_negative(),
            Relation::AtLeast => !bound.is_positive(),
            Relation::Equal => bound.is_zero(),
        };
        if terms.is_empty() && empty_holds {
            return;
        }
        self.rows.push(RelaxedRow { terms: terms.into_iter().collect(), relation, bound, origins });
    }

    fn add_copies(&mut self) {
        for (item_index, item) in self.packing.items.iter().enumerate() {
            let mut by_choice = Vec::new();
            for choice in 0..item.choices.len() {
                let mut columns = Vec::new();
                for group in 0..self.groups.len() {
                    let fit = self.fit(item_index, choice, group);
                    if fit == 0 {
                        continue;
                    }
                    let all = BigInt::from(fit) * BigInt::from(self.groups[group].machines.len());
                    let mut origins = self.groups[group].origins.clone();
                    origins.push(item.origin);
                    let counts = Counted::Copies { item: item_index, choice, group };
                    let upper = BigRational::from_integer(all.min(BigInt::from(item.most)));
                    columns.push((Some(group), self.add_column(counts, upper, origins)));
                }
                if columns.is_empty() {
                    let counts = Counted::Unplaceable { item: item_index, choice };
                    let column = self.add_column(counts, whole(item.most), vec![item.origin]);
                    let mut origins: Vec<Span> =
                        self.groups.iter().flat_map(|group| group.origins.iter().copied()).collect();
                    origins.push(item.origin);
                    origins.sort();
                    origins.dedup();
                    let terms = Terms::from([(column, BigRational::one())]);
                    self.add(terms, Relation::AtMost, BigRational::zero(), origins);
                    columns.push((None, column));
                }
                by_choice.push(columns);
            }
            self.copies.push(by_choice);
            let terms = self.quantity(Atom::Copies { item: item_index }, End::High);
            let largest: BigRational = terms.keys().map(|&column| self.columns[column].upper.clone()).sum();
            if largest > whole(item.most) {
                self.add(terms, Relation::AtMost, whole(item.most), vec![item.origin]);
            }
        }
    }

    fn add_machines(&mut self) {
        if !self.counts_money {
            return;
        }
        for group in 0..self.groups.len() {
            let size = whole(self.groups[group].machines.len() as u64);
            let origins = self.groups[group].origins.clone();
            self.machines[group] = Some(self.add_column(Counted::Machines { group }, size, origins));
        }
    }

    /// Adds `terms <= bound * u[g]`, where `n` stands for `u[g]` if that is not an unknown.
    pub(super) fn add_per_machine(&mut self, group: usize, mut terms: Terms, bound: BigRational) {
        if terms.is_empty() {
            return;
        }
        let origins = self.groups[group].origins.clone();
        match self.machines[group] {
            Some(column) => {
                terms.insert(column, -bound);
                self.add(terms, Relation::AtMost, BigRational::zero(), origins);
            }
            None => {
                let all = bound * whole(self.groups[group].machines.len() as u64);
                self.add(terms, Relation::AtMost, all, origins);
            }
        }
    }

    /// `x[i,c,g] <= fit * u[g]` where capacity does not say as much already.
    fn add_fits(&mut self) {
        if !self.counts_money {
            return;
        }
        for column in 0..self.columns.len() {
            let Counted::Copies { item, choice, group } = self.columns[column].counts else { continue };
            let most = self.packing.items[item].most;
            let fit = self.fit(item, choice, group);
            // Copies limited by `most` matter only where the machines are few: with many, `u >= 1` says little.
            let limit = if self.groups[group].machines.len() <= 4 { fit.min(most) } else { fit };
            if limit < u64::MAX && whole(limit) < self.fractional_fit(item, choice, group) {
                self.add_per_machine(group, Terms::from([(column, BigRational::one())]), whole(limit));
            }
        }
    }

    fn add_row(&mut self, row: &Row) {
        if row.survives.is_some() {
            return self.add_surviving(row);
        }
        if row.relation == Relation::Equal && !self.is_exact(row) {
            for relation in [Relation::AtLeast, Relation::AtMost] {
                let terms = self.sum(&row.terms, End::of(relation));
                self.add(terms, relation, row.bound.clone(), row.origins.clone());
            }
        } else {
            let terms = self.sum(&row.terms, End::of(row.relation));
            self.add(terms, row.relation, row.bound.clone(), row.origins.clone());
        }
        self.add_rounded_rows(row);
    }

    /// The roundings of a row over whole numbers that say more than the row.
    fn add_rounded_rows(&mut self, row: &Row) {
        if row.terms.iter().any(|(_, atom)| *atom == Atom::Price) {
            return;
        }
        let mut atoms: BTreeMap<Atom, BigRational> = BTreeMap::new();
        for (factor, atom) in &row.terms {
            *atoms.entry(*atom).or_default() += factor;
        }
        atoms.retain(|_, factor| !factor.is_zero());
        let not_negative = atoms.values().all(|factor| factor.is_positive());
        let mut divisors: Vec<BigRational> = Vec::new();
        divisors.extend(common_divisor(atoms.values()));
        if not_negative {
            divisors.extend(atoms.values().cloned());
        }
        divisors.sort();
        divisors.dedup();
        // A few suffice: rows have few distinct factors, and the largest round the most.
        for divisor in divisors.iter().rev().take(8) {
            for relation in [Relation::AtLeast, Relation::AtMost] {
                if row.relation != relation && row.relation != Relation::Equal {
                    continue;
                }
                let round = |value: BigRational| match relation {
                    Relation::AtLeast => value.ceil(),
                    _ => value.floor(),
                };
                let bound = round(&row.bound / divisor);
                let rounded: Vec<(BigRational, Atom)> =
                    atoms.iter().map(|(atom, factor)| (round(factor / divisor), *atom)).collect();
                let unchanged = bound == &row.bound / divisor
                    && rounded.iter().all(|(factor, atom)| *factor == &atoms[atom] / divisor);
                if unchanged {
                    continue;
                }
                let terms = self.sum(&rounded, End::of(relation));
                self.add(terms, relation, bound, row.origins.clone());
            }
        }
    }

    fn add_goal(&mut self, goal: Goal) {
        let Goal::Level { level, frozen } = goal else { return };
        let packing = self.packing;
        let mut shortfalls: BTreeMap<usize, usize> = BTreeMap::new();
        for wish in wishes_of(packing, goal) {
            if let Some(column) = self.add_wish(wish) {
                shortfalls.insert(wish, column);
            }
        }
        for (earlier, value) in packing.levels.iter().zip(frozen).take(level) {
            let terms = self.level_terms(&earlier.terms, &shortfalls);
            let mut origins: Vec<Span> = earlier
                .terms
                .iter()
                .filter_map(|(_, atom)| match atom {
                    LevelAtom::Shortfall { wish } => packing.wishes.get(*wish),
                    LevelAtom::Price | LevelAtom::Moves => None,
                })
                .flat_map(|wish| wish.row.origins.iter().copied())
                .collect();
            origins.sort();
            origins.dedup();
            self.add(terms, Relation::AtMost, value.clone(), origins);
        }
        if let Some(level) = packing.levels.get(level) {
            self.objective = self.level_terms(&level.terms, &shortfalls).into_iter().collect();
            self.step = level_step(packing, &level.terms);
        }
    }

    /// `moved + sum of kept >= min(least, running)` of each item that runs now, and `kept` within what is placed.
    fn add_moves(&mut self, goal: Goal) {
        let packing = self.packing;
        let in_levels = levels_of(packing, goal).flatten().any(|(_, atom)| *atom == LevelAtom::Moves);
        let in_rows = atoms_of(packing, goal).contains(&Atom::Moves);
        if !in_levels && !in_rows {
            return;
        }
        for (item_index, item) in packing.items.iter().enumerate() {
            let certain = packing.least_copies(item_index).min(packing.running(item_index));
            // Rows may ask for more of them, too.
            if certain == 0 && !in_rows {
                continue;
            }
            let origins = vec![item.origin];
            let counts = Counted::Moved { item: item_index };
            let moved = self.add_column(counts, whole(packing.running(item_index)), origins.clone());
            let mut stays_or_moves = Terms::from([(moved, BigRational::one())]);
            for group in 0..self.groups.len() {
                let here = packing.running.iter().filter(|running| {
                    running.item == item_index
                        && running
                            .machine
                            .is_some_and(|machine| self.groups[group].machines.contains(&machine))
                });
                let running: u64 = here.map(|running| running.copies).sum();
                let placed = self.copies[item_index].iter().flatten().filter(|(of, _)| *of == Some(group));
                let mut placed: Terms = placed.map(|(_, column)| (*column, -BigRational::one())).collect();
                if running > 0 && !placed.is_empty() {
                    let counts = Counted::Kept { item: item_index, group };
                    let kept = self.add_column(counts, whole(running), origins.clone());
                    stays_or_moves.insert(kept, BigRational::one());
                    placed.insert(kept, BigRational::one());
                    self.add(placed, Relation::AtMost, BigRational::zero(), origins.clone());
                }
            }
            self.add(stays_or_moves, Relation::AtLeast, whole(certain), origins);
            self.moved.push(moved);
        }
    }

    /// The column and rows of a wish; none where its row does not exist.
    fn add_wish(&mut self, index: usize) -> Option<usize> {
        let packing = self.packing;
        let wish = packing.wishes.get(index)?;
        let (least, most) = self.range(&wish.row);
        let zero = BigRational::zero;
        let largest_deficit = match wish.row.relation {
            Relation::AtMost => zero(),
            Relation::AtLeast | Relation::Equal => (&wish.row.bound - least).max(zero()),
        };
        let largest_excess = match wish.row.relation {
            Relation::AtLeast => zero(),
            Relation::AtMost | Relation::Equal => (most - &wish.row.bound).max(zero()),
        };
        let upper = match wish.shortfall {
            Shortfall::Distance => largest_deficit.clone().max(largest_excess.clone()),
            Shortfall::Unmet => BigRational::one(),
        };
        let column = self.add_column(Counted::Shortfall { wish: index }, upper, wish.row.origins.clone());
        let weight = |largest: &BigRational| match wish.shortfall {
            Shortfall::Distance => BigRational::one(),
            Shortfall::Unmet => largest.clone(),
        };
        if largest_deficit.is_positive() {
            for mut terms in self.left_by(&wish.row) {
                terms.insert(column, weight(&largest_deficit));
                self.add(terms, Relation::AtLeast, wish.row.bound.clone(), wish.row.origins.clone());
            }
        }
        if largest_excess.is_positive() {
            let mut terms = self.sum(&wish.row.terms, End::Low);
            terms.insert(column, -weight(&largest_excess));
            self.add(terms, Relation::AtMost, wish.row.bound.clone(), wish.row.origins.clone());
        }
        Some(column)
    }

    fn level_terms(&self, terms: &[(BigRational, LevelAtom)], shortfalls: &BTreeMap<usize, usize>) -> Terms {
        let mut sum = Terms::new();
        for (factor, atom) in terms {
            match atom {
                LevelAtom::Shortfall { wish } => {
                    if let Some(&column) = shortfalls.get(wish) {
                        *sum.entry(column).or_default() += factor;
                    }
                }
                LevelAtom::Price => {
                    for (column, price) in self.quantity(Atom::Price, End::High) {
                        *sum.entry(column).or_default() += factor * price;
                    }
                }
                LevelAtom::Moves => {
                    for (column, weight) in self.quantity(Atom::Moves, End::High) {
                        *sum.entry(column).or_default() += factor * weight;
                    }
                }
            }
        }
        sum.retain(|_, factor| !factor.is_zero());
        sum
    }

    /// The columns that an atom sums; of a place that consists of whole groups, whichever end is asked for.
    pub(super) fn quantity(&self, atom: Atom, end: End) -> Terms {
        let ones = |columns: &mut dyn Iterator<Item = usize>| {
            columns.map(|column| (column, BigRational::one())).collect()
        };
        match atom {
            Atom::Copies { item } => match self.copies.get(item) {
                Some(by_choice) => ones(&mut by_choice.iter().flatten().map(|(_, column)| *column)),
                None => Terms::new(),
            },
            Atom::CopiesOf { item, choice } => match self.copies.get(item).and_then(|of| of.get(choice)) {
                Some(columns) => ones(&mut columns.iter().map(|(_, column)| *column)),
                None => Terms::new(),
            },
            Atom::CopiesOn { item, choice, place } => match self.holdings.get(place) {
                Some(holding) => ones(&mut self.columns_in(item, choice, holding, end).into_iter()),
                None => Terms::new(),
            },
            Atom::SpreadOver { item, division } => {
                ones(&mut self.spread_over.get(&(item, division)).copied().into_iter())
            }
            Atom::Spread { item } => match self.spread.get(item) {
                Some(columns) => ones(&mut columns.iter().map(|(_, column)| *column)),
                None => Terms::new(),
            },
            Atom::Moves => ones(&mut self.moved.iter().copied()),
            Atom::Price => self
                .groups
                .iter()
                .zip(&self.machines)
                .filter_map(|(group, column)| Some(((*column)?, group.price.clone())))
                .filter(|(_, price)| !price.is_zero())
                .collect(),
        }
    }

    pub(super) fn sum(&self, terms: &[(BigRational, Atom)], end: End) -> Terms {
        let mut sum = Terms::new();
        for (factor, atom) in terms {
            for (column, weight) in self.quantity(*atom, end.times(factor)) {
                *sum.entry(column).or_default() += factor * weight;
            }
        }
        sum.retain(|_, factor| !factor.is_zero());
        sum
    }

    /// The least and the largest value that a row's left side can have.
    fn range(&self, row: &Row) -> (BigRational, BigRational) {
        let (mut least, mut largest) = (BigRational::zero(), BigRational::zero());
        let mut add = |term: BigRational| {
            if term.is_negative() {
                least += term;
            } else {
                largest += term;
            }
        };
        for (factor, atom) in &row.terms {
            match *atom {
                Atom::Price => self
                    .quantity(*atom, End::High)
                    .into_iter()
                    .for_each(|(column, price)| add(factor * price * &self.columns[column].upper)),
                Atom::Moves => {
                    self.moved.iter().for_each(|column| add(factor * &self.columns[*column].upper))
                }
                atom => add(factor * self.largest(atom)),
            }
        }
        (least, largest)
    }

    /// How many copies of a form fit on an otherwise empty machine of a group.
    pub(super) fn fit(&self, item: usize, choice: usize, group: usize) -> u64 {
        let machine = &self.groups[group];
        let item = &self.packing.items[item];
        let choice = &item.choices[choice];
        if let Some(classes) = &choice.classes
            && !machine.class.is_some_and(|class| classes.contains(&class))
        {
            return 0;
        }
        let by_resource = choice
            .demand
            .iter()
            .enumerate()
            .filter(|(_, demand)| **demand > 0)
            .map(|(index, &demand)| machine.capacity.get(index).copied().unwrap_or(0) / demand);
        let devices = u64::from(machine.devices);
        let by_device = match choice.devices {
            Devices::None | Devices::Whole(0) => u64::MAX,
            Devices::Whole(count) => devices / u64::from(count),
            Devices::Share(share) if share > self.packing.share_scale => 0,
            Devices::Share(_) if devices == 0 => 0,
            Devices::Share(0) => u64::MAX,
            Devices::Share(share) => devices.saturating_mul(self.packing.share_scale / share),
        };
        by_resource.fold(by_device, u64::min).min(item.most)
    }

    /// The same without rounding, as the capacity rows see it.
    fn fractional_fit(&self, item: usize, choice: usize, group: usize) -> BigRational {
        let machine = &self.groups[group];
        let choice = &self.packing.items[item].choices[choice];
        let mut fits: Vec<BigRational> = choice
            .demand
            .iter()
            .zip(&machine.capacity)
            .filter(|(demand, _)| **demand > 0)
            .map(|(&demand, &capacity)| ratio(capacity, demand))
            .collect();
        let devices = u64::from(machine.devices);
        match choice.devices {
            Devices::None | Devices::Whole(0) | Devices::Share(0) => {}
            Devices::Whole(count) => fits.push(ratio(devices, u64::from(count))),
            Devices::Share(share) => fits.push(whole(devices) * ratio(self.packing.share_scale, share)),
        }
        fits.into_iter().min().unwrap_or_else(|| whole(u64::MAX))
    }
}

/// The wishes whose shortfalls a goal counts, ascending.
fn wishes_of(packing: &Packing, goal: Goal) -> Vec<usize> {
    let mut wishes: Vec<usize> = levels_of(packing, goal)
        .flatten()
        .filter_map(|(_, atom)| match atom {
            LevelAtom::Shortfall { wish } => Some(*wish),
            LevelAtom::Price | LevelAtom::Moves => None,
        })
        .collect();
    wishes.sort_unstable();
    wishes.dedup();
    wishes
}

/// What the rows and the wishes of a goal count.
fn atoms_of(packing: &Packing, goal: Goal) -> BTreeSet<Atom> {
    let wishes = wishes_of(packing, goal).into_iter().filter_map(|wish| packing.wishes.get(wish));
    let rows = packing.rows.iter().chain(wishes.map(|wish| &wish.row));
    rows.flat_map(|row| row.terms.iter().map(|(_, atom)| *atom)).collect()
}

/// The items whose parts of a division are counted.
fn spread_over(packing: &Packing, goal: Goal) -> BTreeSet<(usize, usize)> {
    let counted = |atom: Atom| match atom {
        Atom::SpreadOver { item, division } => Some((item, division)),
        _ => None,
    };
    atoms_of(packing, goal).into_iter().filter_map(counted).collect()
}

/// The terms of the level minimised and of those frozen.
fn levels_of<'p>(
    packing: &'p Packing,
    goal: Goal,
) -> impl Iterator<Item = &'p Vec<(BigRational, LevelAtom)>> {
    let count = match goal {
        Goal::Feasibility => 0,
        Goal::Level { level, .. } => level.saturating_add(1),
    };
    packing.levels.iter().take(count).map(|level| &level.terms)
}

//! The linear relaxation of a packing, in exact numbers.
//!
//! **Source form.** [`Packing`]: whole copies of items on named machines.
//!
//! **Target form.** A linear program over aggregates. Machines with equal capacity, devices, class and
//! price form a *group*; `n` is its size. Where there are more than [`MOST_GROUPS`] of those, similar ones
//! of a class are joined, and stand for machines with the largest capacity, the most devices and the lowest
//! price among them: no solution is lost, and none becomes dearer. Columns, all at least 0:
//! - `x[i,c,g]`: copies of item `i` in form `c` on machines of group `g`, where at least one fits;
//!   at most `n` times the copies that fit on one machine, and at most the item's `most`;
//! - `u[g]`: machines of the group in use, at most `n`; only where money is counted, otherwise `n` stands for it;
//! - `z[i,g]`: machines of the group that hold the item, at most `n`; only where spread is counted;
//! - `e[w]`: the shortfall of a wish, up to the largest it can be; only where the goal counts it.
//!
//! **Why every solution is a point of it** (so that a bound over it is a bound over all solutions, and
//! its infeasibility is theirs). Sum any solution over the machines of each group. Then
//! - *capacity*: the demands on one machine in use sum to at most its capacity, so those on the group
//!   sum to at most `u` times it; the same for devices, a share being that part of one device;
//! - *rounded capacity*: let `f_k(w) = w` where `(k+1) w` is an integer, otherwise `floor((k+1) w) / k`.
//!   Numbers in [0, 1] that sum to at most 1 have images that sum to at most 1 (the dual feasible
//!   functions `u^(k)` of Fekete and Schepers, New classes of fast lower bounds for bin packing
//!   problems, Mathematical Programming 91, 2001, theorem 2). Applied to the parts of a machine's
//!   capacity, of all its devices, and of each single device, for k = 1, 2, 3;
//! - *fit*: a machine holds at most `floor(capacity / demand)` copies of one form, and at most `most`;
//! - *spread*: a machine that holds an item holds at least one copy of it, and is in use;
//! - *rows* are sums of the same quantities. A row whose quantities are whole numbers is rounded too: for
//!   any `d > 0` and factors `a >= 0`, `sum a q >= b` gives `sum ceil(a/d) q >= ceil(b/d)`, and
//!   `sum a q <= b` gives `sum floor(a/d) q <= floor(b/d)`; and where all `a/d` are whole, of any sign,
//!   the right side alone is rounded (Chvatal and Gomory);
//! - *wishes*: the distance is at least the row's deficit; an unmet wish misses at most the largest
//!   deficit that the ranges of its quantities allow;
//! - *frozen levels* do not exceed their incumbents.
//!
//! **Rounding the bound.** Counts are whole and a price is a sum of machine prices, so a shortfall is a
//! multiple of the greatest common divisor of its row's factors and bound, and a level's value one of its
//! terms' (prices counted with their own): [`Relaxation::step`]. A bound may be raised to the next multiple. With equal
//! prices this is the rounding of "2.1 machines" to 3.
//!
//! Everything here is a pure function of the problem and the goal.

use crate::problem::{Atom, Devices, LevelAtom, Packing, Problem, Relation, Row, Shortfall};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::collections::BTreeMap;

/// More groups than this are joined into larger ones.
pub const MOST_GROUPS: usize = 80;

/// What the relaxation is for.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// Whether the rows can hold; wishes and levels aside.
    Feasibility,
    /// How low a level can be.
    Level {
        /// By index.
        level: usize,
        /// The values of the levels before it.
        frozen: &'a [BigRational],
    },
}

/// A linear program: minimise the objective, columns between 0 and their upper bounds, subject to the rows.
#[derive(Clone, Debug)]
pub struct Relaxation {
    /// Machines taken together, by index; in order of their first machine.
    pub groups: Vec<Vec<usize>>,
    /// The unknowns.
    pub columns: Vec<Column>,
    /// What must hold.
    pub rows: Vec<RelaxedRow>,
    /// What is minimised: column and factor.
    pub objective: Vec<(usize, BigRational)>,
    /// Every solution's objective is a multiple of this; none where it is 0.
    pub step: Option<BigRational>,
}

/// An unknown of the relaxation; a whole number in every solution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it stands for.
    pub counts: Counted,
    /// It is at most this.
    pub upper: BigRational,
    /// The lines that bound it.
    pub origins: Vec<Span>,
}

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Copies of a form of an item on a group of machines.
    Copies {
        /// By index.
        item: usize,
        /// By index into the item's choices.
        choice: usize,
        /// By index into [`Relaxation::groups`].
        group: usize,
    },
    /// Copies of a form that fits on no machine.
    Unplaceable {
        /// By index.
        item: usize,
        /// By index into the item's choices.
        choice: usize,
    },
    /// Machines of a group in use.
    Machines {
        /// By index.
        group: usize,
    },
    /// Machines of a group that hold an item.
    Spread {
        /// By index.
        item: usize,
        /// By index.
        group: usize,
    },
    /// The shortfall of a wish.
    Shortfall {
        /// By index.
        wish: usize,
    },
}

/// A row of the relaxation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelaxedRow {
    /// Column and factor, ascending.
    pub terms: Vec<(usize, BigRational)>,
    /// How.
    pub relation: Relation,
    /// To what.
    pub bound: BigRational,
    /// The lines that together say it.
    pub origins: Vec<Span>,
}

/// The relaxation of a problem for a goal.
pub fn relaxation(problem: &Problem, goal: Goal) -> Relaxation {
    let Problem::Packing(packing) = problem;
    let mut builder = Builder::new(packing, goal);
    builder.add_copies();
    builder.add_machines();
    builder.add_spread();
    builder.add_capacities();
    builder.add_fits();
    builder.add_spread_rows();
    for row in &packing.rows {
        builder.add_row(row);
    }
    builder.add_goal(goal);
    let Builder { groups, columns, rows, objective, step, .. } = builder;
    let groups = groups.into_iter().map(|group| group.machines).collect();
    Relaxation { groups, columns, rows, objective, step }
}

/// Machines that differ in name and origin only, by index; in order of their first machine.
pub fn machine_groups(packing: &Packing) -> Vec<Vec<usize>> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, machine) in packing.machines.iter().enumerate() {
        let key = (&machine.capacity, machine.devices, machine.class, &machine.price);
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// The bound that multipliers on the rows give: no point of the relaxation has an objective below it.
///
/// With `y` the multipliers, clipped to the sign their row's relation allows (`<=`: at most 0, `>=`: at
/// least 0), it is `y b + sum_j min(0, c_j - y A_j) upper_j`. Multipliers of rows that do not exist count
/// as 0; the last one given for a row counts.
pub fn dual_bound(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BigRational {
    bound_of(relaxation, &relaxation.objective, multipliers)
}

/// [`dual_bound`], raised to the next value that a solution can have.
pub fn proved(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BigRational {
    raised(relaxation, dual_bound(relaxation, multipliers))
}

/// A bound, raised to the next multiple of [`Relaxation::step`].
pub fn raised(relaxation: &Relaxation, bound: BigRational) -> BigRational {
    match &relaxation.step {
        Some(step) if step.is_positive() => (bound / step).ceil() * step,
        _ => bound,
    }
}

/// Whether multipliers on the rows sum to a contradiction, so that the relaxation has no point and the
/// problem no solution: with nothing to minimise they give a bound above 0.
pub fn farkas(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> bool {
    bound_of(relaxation, &[], multipliers).is_positive()
}

/// The lines behind a contradiction, in order of the files: those of each row with a multiplier, of each
/// column whose upper bound is used, and of each column on which the rows pull in opposite directions (so
/// that a smaller demand or a larger machine would end the contradiction).
pub fn farkas_origins(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> Vec<Span> {
    let multipliers = clipped(relaxation, multipliers);
    let mut origins = Vec::new();
    let mut raised = vec![false; relaxation.columns.len()];
    let mut lowered = raised.clone();
    for (&row, multiplier) in &multipliers {
        let Some(row) = relaxation.rows.get(row) else { continue };
        origins.extend(&row.origins);
        for (column, factor) in &row.terms {
            let pulled =
                if multiplier.is_positive() == factor.is_positive() { &mut raised } else { &mut lowered };
            if let Some(pulled) = pulled.get_mut(*column) {
                *pulled = true;
            }
        }
    }
    let reduced = reduced_costs(relaxation, &[], &multipliers);
    for (index, (column, reduced)) in relaxation.columns.iter().zip(&reduced).enumerate() {
        if reduced.is_negative() || (raised[index] && lowered[index]) {
            origins.extend(&column.origins);
        }
    }
    origins.sort();
    origins.dedup();
    origins
}

fn bound_of(
    relaxation: &Relaxation,
    objective: &[(usize, BigRational)],
    multipliers: &[(usize, BigRational)],
) -> BigRational {
    let multipliers = clipped(relaxation, multipliers);
    let mut bound: BigRational = multipliers
        .iter()
        .filter_map(|(&row, multiplier)| relaxation.rows.get(row).map(|row| multiplier * &row.bound))
        .sum();
    let reduced = reduced_costs(relaxation, objective, &multipliers);
    for (column, reduced) in relaxation.columns.iter().zip(&reduced) {
        if reduced.is_negative() {
            bound += reduced * &column.upper;
        }
    }
    bound
}

/// Multipliers of existing rows, with the sign that the row allows, without zeros.
fn clipped(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BTreeMap<usize, BigRational> {
    let mut clipped = BTreeMap::new();
    for (index, multiplier) in multipliers {
        let Some(row) = relaxation.rows.get(*index) else { continue };
        let allowed = match row.relation {
            Relation::AtMost => multiplier.is_negative(),
            Relation::AtLeast => multiplier.is_positive(),
            Relation::Equal => !multiplier.is_zero(),
        };
        if allowed {
            clipped.insert(*index, multiplier.clone());
        } else {
            clipped.remove(index);
        }
    }
    clipped
}

fn reduced_costs(
    relaxation: &Relaxation,
    objective: &[(usize, BigRational)],
    multipliers: &BTreeMap<usize, BigRational>,
) -> Vec<BigRational> {
    let mut reduced = vec![BigRational::zero(); relaxation.columns.len()];
    for (column, factor) in objective {
        if let Some(reduced) = reduced.get_mut(*column) {
            *reduced += factor;
        }
    }
    for (&row, multiplier) in multipliers {
        let Some(row) = relaxation.rows.get(row) else { continue };
        for (column, factor) in &row.terms {
            if let Some(reduced) = reduced.get_mut(*column) {
                *reduced -= multiplier * factor;
            }
        }
    }
    reduced
}

/// Factors of columns, without zeros.
type Terms = BTreeMap<usize, BigRational>;

/// Group and column of a form; the group is none for a form that fits nowhere.
type GroupColumns = Vec<(Option<usize>, usize)>;

struct Group {
    machines: Vec<usize>,
    /// At least that of each machine.
    capacity: Vec<u64>,
    /// At least as many as each machine has.
    devices: u32,
    class: Option<usize>,
    /// At most that of each machine.
    price: BigRational,
    /// The lines that declare them, each once.
    origins: Vec<Span>,
}

/// The groups of interchangeable machines, or fewer and larger ones where those are many: machines of a
/// class whose numbers lie within the same powers of a base are joined, for growing bases.
fn groups(packing: &Packing) -> Vec<Group> {
    let equal = machine_groups(packing);
    // Of 64ths of a power of two: 2^(1/16), 2^(1/4), 2, 16, and at last everything of a class.
    for width in [0_u64, 4, 16, 64, 256, u64::MAX] {
        let mut joined: BTreeMap<(Option<usize>, Vec<u64>), Vec<usize>> = BTreeMap::new();
        for (index, group) in equal.iter().enumerate() {
            let Some(machine) = group.first().and_then(|&first| packing.machines.get(first)) else {
                continue;
            };
            let key = match width {
                0 => vec![index as u64],
                _ => {
                    let price = (machine.price.abs() * whole(1 << 20)).to_integer();
                    let price = u64::try_from(price).unwrap_or(u64::MAX);
                    let amounts = machine.capacity.iter().copied().chain([u64::from(machine.devices), price]);
                    amounts.map(|amount| logarithm(amount) / width).collect()
                }
            };
            joined.entry((machine.class, key)).or_default().extend(group);
        }
        if joined.len() <= MOST_GROUPS || width == u64::MAX {
            let mut groups: Vec<Group> =
                joined.into_iter().map(|((class, _), machines)| group_of(packing, class, machines)).collect();
            groups.sort_by_key(|group| group.machines.first().copied());
            return groups;
        }
    }
    Vec::new()
}

/// 64 times the logarithm to base two, roughly and without floating point: monotone in the amount.
fn logarithm(amount: u64) -> u64 {
    match amount.checked_ilog2() {
        None => 0,
        Some(power) => {
            let part = u128::from(amount) * 64 / (1_u128 << power) - 64;
            1 + u64::from(power) * 64 + u64::try_from(part).unwrap_or(63)
        }
    }
}

fn group_of(packing: &Packing, class: Option<usize>, mut machines: Vec<usize>) -> Group {
    machines.sort_unstable();
    let mut group = Group {
        capacity: vec![0; packing.resources.len()],
        devices: 0,
        class,
        price: BigRational::zero(),
        origins: Vec::new(),
        machines: Vec::new(),
    };
    let of = machines.iter().filter_map(|&index| packing.machines.get(index));
    for (index, machine) in of.enumerate() {
        for (largest, capacity) in group.capacity.iter_mut().zip(&machine.capacity) {
            *largest = (*largest).max(*capacity);
        }
        group.devices = group.devices.max(machine.devices);
        if index == 0 || machine.price < group.price {
            group.price = machine.price.clone();
        }
        group.origins.push(machine.origin);
    }
    group.origins.sort();
    group.origins.dedup();
    group.machines = machines;
    group
}

struct Builder<'a> {
    packing: &'a Packing,
    groups: Vec<Group>,
    /// Whether `u[g]` are unknowns.
    counts_money: bool,
    /// By item: whether its spread is counted.
    counts_spread: Vec<bool>,
    columns: Vec<Column>,
    rows: Vec<RelaxedRow>,
    objective: Vec<(usize, BigRational)>,
    step: Option<BigRational>,
    /// By item and choice.
    copies: Vec<Vec<GroupColumns>>,
    /// By group.
    machines: Vec<Option<usize>>,
    /// By item: group and column.
    spread: Vec<Vec<(usize, usize)>>,
}

impl<'a> Builder<'a> {
    fn new(packing: &'a Packing, goal: Goal) -> Self {
        let groups = groups(packing);
        let wishes = wishes_of(packing, goal);
        let rows = || {
            packing.rows.iter().chain(wishes.iter().filter_map(|&w| packing.wishes.get(w)).map(|w| &w.row))
        };
        let atoms = || rows().flat_map(|row| row.terms.iter().map(|(_, atom)| *atom));
        let counts_money = atoms().any(|atom| atom == Atom::Price)
            || levels_of(packing, goal).any(|level| level.iter().any(|(_, atom)| *atom == LevelAtom::Price));
        let mut counts_spread = vec![false; packing.items.len()];
        for atom in atoms() {
            if let Atom::Spread { item } = atom
                && let Some(counts) = counts_spread.get_mut(item)
            {
                *counts = true;
            }
        }
        let machines = vec![None; groups.len()];
        Self {
            packing,
            groups,
            counts_money,
            counts_spread,
            columns: Vec::new(),
            rows: Vec::new(),
            objective: Vec::new(),
            step: None,
            copies: Vec::new(),
            machines,
            spread: Vec::new(),
        }
    }

    fn add_column(&mut self, counts: Counted, upper: BigRational, origins: Vec<Span>) -> usize {
        self.columns.push(Column { counts, upper, origins });
        self.columns.len() - 1
    }

    /// A row; nothing where it holds for every value of its columns because it has none.
    fn add(&mut self, terms: Terms, relation: Relation, bound: BigRational, origins: Vec<Span>) {
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
            let terms = self.quantity(Atom::Copies { item: item_index });
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

    fn add_spread(&mut self) {
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

    /// Adds `terms <= bound * u[g]`, where `n` stands for `u[g]` if that is not an unknown.
    fn add_per_machine(&mut self, group: usize, mut terms: Terms, bound: BigRational) {
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

    fn add_capacities(&mut self) {
        for group in 0..self.groups.len() {
            for resource in 0..self.packing.resources.len() {
                let capacity = self.groups[group].capacity.get(resource).copied().unwrap_or(0);
                let parts = self.parts(group, |choice| {
                    let demand = choice.demand.get(resource).copied().unwrap_or(0);
                    // A form with a positive demand on a capacity of 0 has no column here.
                    if demand == 0 || capacity == 0 { BigRational::zero() } else { ratio(demand, capacity) }
                });
                self.add_parts(group, &parts, &BigRational::one());
            }
            let scale = self.packing.share_scale.max(1);
            let devices = u64::from(self.groups[group].devices);
            if devices == 0 {
                continue;
            }
            // Of one device; a copy that takes several whole ones counts as that many times 1.
            let of_device = self.parts(group, |choice| match choice.devices {
                Devices::None => BigRational::zero(),
                Devices::Whole(count) => whole(u64::from(count)),
                Devices::Share(share) => ratio(share, scale),
            });
            self.add_parts(group, &of_device, &whole(devices));
            if devices > 1 {
                let of_all: Vec<_> =
                    of_device.into_iter().map(|(column, part)| (column, part / whole(devices))).collect();
                self.add_rounded_parts(group, &of_all, &BigRational::one());
            }
        }
    }

    /// The part that one copy takes, by column of the group; without zeros.
    fn parts(
        &self,
        group: usize,
        part: impl Fn(&crate::problem::Choice) -> BigRational,
    ) -> Vec<(usize, BigRational)> {
        let mut parts = Vec::new();
        for (item, by_choice) in self.packing.items.iter().zip(&self.copies) {
            for (choice, columns) in item.choices.iter().zip(by_choice) {
                for &(of, column) in columns {
                    if of == Some(group) {
                        let part = part(choice);
                        if !part.is_zero() {
                            parts.push((column, part));
                        }
                    }
                }
            }
        }
        parts
    }

    fn add_parts(&mut self, group: usize, parts: &[(usize, BigRational)], bins: &BigRational) {
        self.add_per_machine(group, parts.iter().cloned().collect(), bins.clone());
        self.add_rounded_parts(group, parts, bins);
    }

    /// The images of the parts under the dual feasible functions, where some image is larger.
    fn add_rounded_parts(&mut self, group: usize, parts: &[(usize, BigRational)], bins: &BigRational) {
        for k in 1..=3_u64 {
            let mut larger = false;
            let mut terms = Terms::new();
            for (column, part) in parts {
                let image = dual_feasible(part, k);
                larger |= image > *part;
                if !image.is_zero() {
                    terms.insert(*column, image);
                }
            }
            if larger {
                self.add_per_machine(group, terms, bins.clone());
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

    fn add_spread_rows(&mut self) {
        for item in 0..self.packing.items.len() {
            for (group, spread) in self.spread[item].clone() {
                let mut copies = Terms::new();
                let mut most_on_one: u64 = 0;
                for (choice, columns) in self.copies[item].iter().enumerate() {
                    for &(of, column) in columns {
                        if of == Some(group) {
                            copies.insert(column, BigRational::one());
                            most_on_one = most_on_one.saturating_add(self.fit(item, choice, group));
                        }
                    }
                }
                let most_on_one = most_on_one.min(self.packing.items[item].most);
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

    fn add_row(&mut self, row: &Row) {
        let terms = self.terms(row);
        self.add(terms, row.relation, row.bound.clone(), row.origins.clone());
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
                let terms = self.sum(&rounded);
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
                    LevelAtom::Price => None,
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

    /// The column and rows of a wish; none where its row does not exist.
    fn add_wish(&mut self, index: usize) -> Option<usize> {
        let packing = self.packing;
        let wish = packing.wishes.get(index)?;
        let terms = self.terms(&wish.row);
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
            let mut terms = terms.clone();
            terms.insert(column, weight(&largest_deficit));
            self.add(terms, Relation::AtLeast, wish.row.bound.clone(), wish.row.origins.clone());
        }
        if largest_excess.is_positive() {
            let mut terms = terms;
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
                    for (column, price) in self.quantity(Atom::Price) {
                        *sum.entry(column).or_default() += factor * price;
                    }
                }
            }
        }
        sum.retain(|_, factor| !factor.is_zero());
        sum
    }

    /// The columns that an atom sums.
    fn quantity(&self, atom: Atom) -> Terms {
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
            Atom::Spread { item } => match self.spread.get(item) {
                Some(columns) => ones(&mut columns.iter().map(|(_, column)| *column)),
                None => Terms::new(),
            },
            Atom::Price => self
                .groups
                .iter()
                .zip(&self.machines)
                .filter_map(|(group, column)| Some(((*column)?, group.price.clone())))
                .filter(|(_, price)| !price.is_zero())
                .collect(),
        }
    }

    fn terms(&self, row: &Row) -> Terms {
        self.sum(&row.terms)
    }

    fn sum(&self, terms: &[(BigRational, Atom)]) -> Terms {
        let mut sum = Terms::new();
        for (factor, atom) in terms {
            for (column, weight) in self.quantity(*atom) {
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
            let uppers =
                self.quantity(*atom).into_iter().map(|(column, weight)| weight * &self.columns[column].upper);
            match *atom {
                Atom::Price => uppers.for_each(|upper| add(factor * upper)),
                Atom::Copies { item } | Atom::CopiesOf { item, .. } | Atom::Spread { item } => {
                    let most =
                        self.packing.items.get(item).map_or_else(BigRational::zero, |item| whole(item.most));
                    let upper = uppers.sum::<BigRational>();
                    add(factor * upper.min(most));
                }
            }
        }
        (least, largest)
    }

    /// How many copies of a form fit on an otherwise empty machine of a group.
    fn fit(&self, item: usize, choice: usize, group: usize) -> u64 {
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
            LevelAtom::Price => None,
        })
        .collect();
    wishes.sort_unstable();
    wishes.dedup();
    wishes
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

/// Every solution's value of a level is a multiple of this.
fn level_step(packing: &Packing, terms: &[(BigRational, LevelAtom)]) -> Option<BigRational> {
    let prices =
        common_divisor(packing.machines.iter().map(|machine| &machine.price).filter(|p| !p.is_zero()));
    let mut steps = Vec::new();
    for (factor, atom) in terms.iter().filter(|(factor, _)| !factor.is_zero()) {
        match atom {
            LevelAtom::Price => steps.extend(prices.as_ref().map(|price| factor * price)),
            LevelAtom::Shortfall { wish } => {
                let wish = packing.wishes.get(*wish)?;
                let step = match wish.shortfall {
                    Shortfall::Unmet => BigRational::one(),
                    Shortfall::Distance => {
                        // A price is a multiple of the prices' divisor, other quantities are whole.
                        let of_term = |(factor, atom): &(BigRational, Atom)| match atom {
                            Atom::Price => prices.as_ref().map(|price| factor * price),
                            _ => Some(factor.clone()),
                        };
                        let mut parts: Vec<BigRational> = wish.row.terms.iter().filter_map(of_term).collect();
                        parts.push(wish.row.bound.clone());
                        match common_divisor(parts.iter()) {
                            Some(step) => step,
                            None => continue,
                        }
                    }
                };
                steps.push(factor * step);
            }
        }
    }
    common_divisor(steps.iter())
}

/// The largest rational of which all are whole multiples; none where there are none.
fn common_divisor<'v>(values: impl Iterator<Item = &'v BigRational>) -> Option<BigRational> {
    values.filter(|value| !value.is_zero()).fold(None, |divisor, value| {
        Some(match divisor {
            None => value.abs(),
            Some(divisor) => {
                let numerator = greatest_common_divisor(
                    (divisor.numer() * value.denom()).abs(),
                    (value.numer() * divisor.denom()).abs(),
                );
                BigRational::new(numerator, divisor.denom() * value.denom())
            }
        })
    })
}

fn greatest_common_divisor(mut a: BigInt, mut b: BigInt) -> BigInt {
    while !b.is_zero() {
        let rest = &a % &b;
        a = std::mem::replace(&mut b, rest);
    }
    a
}

/// `f_k` of the head of this file, extended to whole numbers above 1, which are their own images.
fn dual_feasible(part: &BigRational, k: u64) -> BigRational {
    let scaled = part * whole(k + 1);
    if scaled.is_integer() { part.clone() } else { scaled.floor() / whole(k) }
}

fn whole(count: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(count))
}

/// `over` is not 0.
fn ratio(part: u64, over: u64) -> BigRational {
    BigRational::new(BigInt::from(part), BigInt::from(over.max(1)))
}

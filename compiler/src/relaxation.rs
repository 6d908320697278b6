//! The linear relaxation of a packing, in exact numbers.
//!
//! **Source form.** [`Packing`](crate::problem::Packing): whole copies of items on named machines.
//!
//! **Target form.** A linear program over aggregates. Machines with equal capacity, devices, class, price and
//! places form a *group*; `n` is its size. Where there are more than [`MOST_GROUPS`] of those, similar ones
//! of a class are joined, and stand for machines with the largest capacity, the most devices and the lowest
//! price among them: no solution is lost, and none becomes dearer. Small places are no reason to part machines
//! then; what rows over them still say stands at the head of `places`. Columns, all at least 0:
//! - `x[i,c,g]`: copies of item `i` in form `c` on machines of group `g`, where at least one fits;
//!   at most `n` times the copies that fit on one machine, and at most the item's `most`;
//! - `u[g]`: machines of the group in use, at most `n`; only where money is counted, otherwise `n` stands for it;
//! - `z[i,g]`: machines of the group that hold the item, at most `n`; only where spread is counted;
//! - `z[i,d]`: parts of division `d` that hold the item, at most those with a machine that it fits on; only where
//!   they are counted;
//! - `e[w]`: the shortfall of a wish, up to the largest it can be; only where the goal counts it;
//! - `v[i]`, `k[i,g]`: copies of an item that move, and those on the group that stay where they run now; only where rows
//!   or the goal count moves.
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
//! - *parts*: a part that holds an item holds at least one copy of it, has a machine in use, and holds no more
//!   copies than all its machines could;
//! - *rows* are sums of the same quantities. A row whose quantities are whole numbers is rounded too: for
//!   any `d > 0` and factors `a >= 0`, `sum a q >= b` gives `sum ceil(a/d) q >= ceil(b/d)`, and
//!   `sum a q <= b` gives `sum floor(a/d) q <= floor(b/d)`; and where all `a/d` are whole, of any sign,
//!   the right side alone is rounded (Chvatal and Gomory);
//! - *hazards*: what a row counts without any one part of a hazard, see [`hazards`];
//! - *wishes*: the distance is at least the row's deficit; an unmet wish misses at most the largest
//!   deficit that the ranges of its quantities allow;
//! - *moves* are `min(planned, running) - kept`, and where rows ask for `least` copies, `planned` is no less. What
//!   stays on a machine is no more than what is placed there, and no more than what runs there;
//! - *frozen levels* do not exceed their incumbents.
//!
//! **Rounding the bound.** Counts are whole and a price is a sum of machine prices, so a shortfall is a
//! multiple of the greatest common divisor of its row's factors and bound, and a level's value one of its
//! terms' (prices counted with their own): [`Relaxation::step`]. A bound may be raised to the next multiple. With equal
//! prices this is the rounding of "2.1 machines" to 3.
//!
//! Everything here is a pure function of the problem and the goal.

mod capacities;
mod certificate;
mod groups;
mod hazards;
mod places;
mod rows;
mod step;

pub use certificate::{dual_bound, farkas, farkas_origins, proved, raised};
pub use groups::{MOST_GROUPS, machine_groups};

use crate::problem::{Packing, Relation};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use rows::Builder;

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
    /// Parts of a division that hold an item.
    SpreadOver {
        /// By index.
        item: usize,
        /// By index.
        division: usize,
    },
    /// The shortfall of a wish.
    Shortfall {
        /// By index.
        wish: usize,
    },
    /// Copies of an item that move.
    Moved {
        /// By index.
        item: usize,
    },
    /// Copies of an item that stay where they run now, on a group.
    Kept {
        /// By index.
        item: usize,
        /// By index.
        group: usize,
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

/// The relaxation of a packing for a goal.
pub fn relaxation(packing: &Packing, goal: Goal) -> Relaxation {
    Builder::build(packing, goal)
}

fn whole(count: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(count))
}

/// `over` is not 0.
fn ratio(part: u64, over: u64) -> BigRational {
    BigRational::new(BigInt::from(part), BigInt::from(over.max(1)))
}

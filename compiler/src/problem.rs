//! The problem: what may be chosen, what must hold and what is wanted, in exact numbers.
//!
//! It knows nothing of GPUs or requests: items, machines, rows, wishes and levels. Every row says
//! which of the user's lines it comes from.

mod balance;

pub use balance::Balance;

use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};

/// A structure that some solver knows how to solve.
#[derive(Clone, Copy, Debug)]
pub enum Problem<'p> {
    /// Copies of items onto machines.
    Packing(&'p Packing),
    /// Copies of parts over devices, as evenly as can be.
    Balance(&'p Balance),
}

/// How many copies of each item, in which of its forms, on which machine.
#[derive(Clone, Debug, Default)]
pub struct Packing {
    /// Names and units of what is used up: `cpu`, `memory`. All amounts are integers.
    pub resources: Vec<Resource>,
    /// What may be used.
    pub machines: Vec<Machine>,
    /// Sets of machines that rows speak of: what stands in a rack, what has much memory.
    pub places: Vec<Place>,
    /// Ways to part the machines whose parts rows count: racks, sites.
    pub divisions: Vec<Division>,
    /// What rows survive.
    pub hazards: Vec<Hazard>,
    /// What is placed.
    pub items: Vec<Item>,
    /// What must hold beside capacity.
    pub rows: Vec<Row>,
    /// What would be liked.
    pub wishes: Vec<Wish>,
    /// Minimised in order; each is frozen at its incumbent before the next.
    pub levels: Vec<Level>,
    /// Thousandths or finer: a share of `scale` is one whole device.
    pub share_scale: u64,
    /// What runs now, in order of item and machine, each pair once.
    pub running: Vec<Running>,
}

/// Copies of an item that run now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    /// By index.
    pub item: usize,
    /// By index; none where they run on what is no machine of the packing.
    pub machine: Option<usize>,
    /// How many; at least 1.
    pub copies: u64,
}

impl Packing {
    /// Copies of an item that run now, wherever.
    pub fn running(&self, item: usize) -> u64 {
        self.running.iter().filter(|running| running.item == item).map(|running| running.copies).sum()
    }

    /// The item whose copies stand beside those of another that take several machines.
    pub fn others_of(&self, item: usize) -> Option<(usize, &Beside)> {
        let mut all = self.items.iter().enumerate();
        all.find_map(|(others, of)| Some((others, of.beside.as_ref().filter(|beside| beside.item == item)?)))
    }

    /// Copies of an item that every solution places: what rows that count it alone ask for.
    pub fn least_copies(&self, item: usize) -> u64 {
        let asked = self.rows.iter().filter_map(|row| match row.terms.as_slice() {
            [(factor, Atom::Copies { item: of })]
                if *of == item && factor.is_positive() && row.relation != Relation::AtMost =>
            {
                (&row.bound / factor).ceil().to_integer().to_u64()
            }
            _ => None,
        });
        asked.max().unwrap_or(0)
    }
}

/// Copies that move where `planned` of an item are wanted, `running` run now, and `kept` of those stay where they
/// are: as many as both leave a machine and are wanted on another. What only goes, or only comes, does not move.
pub fn moves(planned: u64, running: u64, kept: u64) -> u64 {
    planned.min(running).saturating_sub(kept)
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `cpu`
    pub name: String,
    /// `core/1000`, `byte`: what one unit is.
    pub unit: String,
}

/// A machine. Two machines that differ only in name and origin, belong to the same places and parts, and on which the
/// same runs now, are interchangeable.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its address.
    pub name: String,
    /// By resource.
    pub capacity: Vec<u64>,
    /// Devices of the one class it holds.
    pub devices: u32,
    /// Which class; machines of equal class hold equal devices.
    pub class: Option<usize>,
    /// Money an hour while at least one copy stands on it.
    pub price: BigRational,
    /// The line that declares it.
    pub origin: Span,
}

/// Some of the machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `rack ams.r[1]`, or the names of its machines.
    pub name: String,
    /// By index, ascending, each once.
    pub machines: Vec<usize>,
}

/// Machines by the part that each belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// `racks`
    pub name: String,
    /// By machine; none: it belongs to no part. Parts are numbered from 0.
    pub part_of: Vec<Option<usize>>,
}

/// Machines that may be gone, one part of them at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// `box[1..20]`
    pub name: String,
    /// By machine: the part that it goes with; none: it stays. Parts are numbered from 0.
    pub part_of: Vec<Option<usize>>,
}

impl Hazard {
    /// The part that a machine goes with, if it may go.
    pub fn part(&self, machine: usize) -> Option<usize> {
        self.part_of.get(machine).copied().flatten()
    }

    /// Whether each part is a single machine, so that machines are alike in which part they belong to.
    pub fn is_of_single_machines(&self) -> bool {
        let mut parts: Vec<usize> = self.part_of.iter().flatten().copied().collect();
        parts.sort_unstable();
        parts.windows(2).all(|pair| pair[0] != pair[1])
    }
}

/// Something placed in copies.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its address.
    pub name: String,
    /// More copies than this are never useful or never fit.
    pub most: u64,
    /// The forms a copy can take; at least one, unless nothing can run it.
    pub choices: Vec<Choice>,
    /// What its copies stand beside, where they are the rest of what takes several machines.
    pub beside: Option<Beside>,
    /// The line that declares it.
    pub origin: Span,
}

/// An item whose copies in some forms take several machines, and have one of another item on each but the first. Rows
/// say how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// By index.
    pub item: usize,
    /// By choice of the item that stands beside it.
    pub forms: Vec<Together>,
}

/// A form whose copies take several machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// Of the item whose copies they are, by index.
    pub choice: usize,
    /// Machines of a copy.
    pub machines: u64,
    /// Machines, ascending, of which a copy takes all of its own from one set.
    pub places: Vec<Vec<usize>>,
}

impl Together {
    /// Whether copies lose their first machine wherever they lose another, when these are gone, ascending.
    pub fn goes_whole(&self, gone: &[usize]) -> bool {
        let lost = |machine: &&usize| gone.binary_search(machine).is_ok();
        let whole = |count: usize, place: &Vec<usize>| count == 0 || count == place.len();
        self.places.iter().all(|place| whole(place.iter().filter(lost).count(), place))
    }
}

/// One form of a copy.
#[derive(Clone, Debug)]
pub struct Choice {
    /// `tensor 4, fp8, batch 128 on h100_sxm`; empty where an item has one form.
    pub name: String,
    /// By resource, of one copy.
    pub demand: Vec<u64>,
    /// Devices of one copy.
    pub devices: Devices,
    /// Classes of device whose machines may hold it; none: any machine.
    pub classes: Option<Vec<usize>>,
}

/// What a copy takes of a machine's devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Devices {
    /// Nothing.
    None,
    /// This many whole ones.
    Whole(u32),
    /// A part of a single one, out of [`Packing::share_scale`].
    Share(u64),
}

/// `terms relation bound`
#[derive(Clone, Debug)]
pub struct Row {
    /// Sum of these.
    pub terms: Vec<(BigRational, Atom)>,
    /// Of [`Packing::hazards`], by index: the row says so of what is left, whichever part of it is gone. It is then
    /// at least something, and counts copies over all machines with factors above 0.
    pub survives: Option<usize>,
    /// How.
    pub relation: Relation,
    /// To what.
    pub bound: BigRational,
    /// The lines that together say it; never empty.
    pub origins: Vec<Span>,
}

/// What a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// Copies of an item over all forms.
    Copies {
        /// By index.
        item: usize,
    },
    /// Copies of an item in one form.
    CopiesOf {
        /// By index.
        item: usize,
        /// By index.
        choice: usize,
    },
    /// Copies of an item that stand in one place.
    CopiesOn {
        /// By index.
        item: usize,
        /// By index into its choices; none: over all forms.
        choice: Option<usize>,
        /// By index into [`Packing::places`].
        place: usize,
    },
    /// Distinct machines that hold a copy of an item.
    Spread {
        /// By index.
        item: usize,
    },
    /// Distinct parts of a division that hold a copy of an item.
    SpreadOver {
        /// By index.
        item: usize,
        /// By index into [`Packing::divisions`].
        division: usize,
    },
    /// Money an hour of all machines in use.
    Price,
    /// Copies that [move](moves), of all items.
    Moves,
}

impl Atom {
    /// The one choice whose copies it counts; none where it counts any.
    pub fn choice(self) -> Option<usize> {
        match self {
            Self::CopiesOf { choice, .. } => Some(choice),
            Self::CopiesOn { choice, .. } => choice,
            Self::Copies { .. }
            | Self::Spread { .. }
            | Self::SpreadOver { .. }
            | Self::Price
            | Self::Moves => None,
        }
    }

    /// The item whose copies it counts; none for money and moves.
    pub fn item(self) -> Option<usize> {
        match self {
            Self::Copies { item }
            | Self::CopiesOf { item, .. }
            | Self::CopiesOn { item, .. }
            | Self::Spread { item }
            | Self::SpreadOver { item, .. } => Some(item),
            Self::Price | Self::Moves => None,
        }
    }
}

/// Relations of rows; strict ones are made exact over integers before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// A row that need not hold.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What would hold. Terms and bound are integers.
    pub row: Row,
    /// How a shortfall counts.
    pub shortfall: Shortfall,
}

/// How much is missing when a wish does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The distance of the sum from the bound.
    Distance,
    /// 0 or 1.
    Unmet,
}

/// One entry of the objective.
#[derive(Clone, Debug)]
pub struct Level {
    /// `bill`, `unmet wishes of priority 80`
    pub name: String,
    /// `$/h`, `1`
    pub unit: String,
    /// Minimised.
    pub terms: Vec<(BigRational, LevelAtom)>,
    /// Relative gap at which a search may stop.
    pub gap: BigRational,
}

/// What a level sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelAtom {
    /// The shortfall of a wish.
    Shortfall {
        /// By index.
        wish: usize,
    },
    /// Money an hour of all machines in use.
    Price,
    /// Copies that [move](moves), of all items.
    Moves,
}

/// Copies on machines, and what the solver claims about them. Nothing in it is believed before
/// [`recheck`](crate::recheck) has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// In order of item, choice and machine.
    pub assignments: Vec<Assignment>,
    /// One for each level.
    pub levels: Vec<LevelClaim>,
}

/// Copies of one form of one item on one machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// By index.
    pub item: usize,
    /// By index into the item's choices.
    pub choice: usize,
    /// By index.
    pub machine: usize,
    /// At least 1; exactly 1 for a copy that takes a share.
    pub copies: u64,
    /// Which devices of the machine, from 0: `copies * devices` distinct ones, or the one that is shared.
    pub devices: Vec<u32>,
}

/// What a solver claims of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelClaim {
    /// The level's value at the assignments.
    pub incumbent: BigRational,
    /// No solution that keeps the levels before it at their incumbents is below this.
    pub bound: BigRational,
    /// Why the bound holds.
    pub certificate: Certificate,
}

/// Why a bound holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// A level of non-negative terms is never below 0.
    Trivial,
    /// Multipliers on the rows of the [`relaxation`](crate::relaxation), checked in exact arithmetic.
    LinearDual {
        /// By row of the relaxation of this level; rows not named have 0.
        multipliers: Vec<(usize, BigRational)>,
    },
    /// The word of a branch-and-bound search; `proved` is what a linear dual confirms exactly.
    Search {
        /// `HiGHS 1.15.0`
        solver: String,
        /// Confirmed in exact arithmetic.
        proved: BigRational,
        /// By row of the relaxation of this level.
        multipliers: Vec<(usize, BigRational)>,
    },
    /// Of a [`Balance`]: how often each part is held where the largest share is least. See
    /// [`recheck_balance`](crate::recheck::recheck_balance).
    Copies {
        /// By part.
        counts: Vec<u64>,
    },
}

//! The one `plan` block.

use super::{Fact, Target, Term};
use crate::quantity::Dimension;
use crate::span::{Span, Spanned};
use num_rational::BigRational;

/// The one `plan` block; defaults where the program has none.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Its name.
    pub name: Option<String>,
    /// The block's head.
    pub span: Option<Span>,
    /// Entries of `minimize`, in order; none: the bill.
    pub minimize: Vec<Spanned<Objective>>,
    /// Steps in the horizon; 24 where the file says nothing.
    pub steps: usize,
    /// Seconds in each; an hour where the file says nothing.
    pub step: BigRational,
    /// Relative gap at which a search may stop.
    pub gap: Option<Fact<BigRational>>,
    /// Deterministic work units.
    pub effort: Option<Fact<u64>>,
    /// Where it is applied.
    pub target: Option<Fact<Target>>,
    /// Services that had another address, each old one once.
    pub moved: Vec<Moved>,
}

/// A service that had another address: what a target made for it is still called by that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The address that it had.
    pub from: String,
    /// By index.
    pub service: usize,
    /// The entry.
    pub span: Span,
}

impl Plan {
    /// The address by which a target knows the service of this index and present address: the first it had.
    pub fn first_address<'a>(&'a self, service: usize, address: &'a str) -> &'a str {
        self.moved.iter().find(|moved| moved.service == service).map_or(address, |moved| &moved.from)
    }
}

/// What can be minimised.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// Money an hour.
    Bill,
    /// Replicas that leave the node where they run now.
    Moves,
    /// Any other sum of measures and choices: `bill + carbon * $90/t`.
    Sum {
        /// Sum of these; the first coefficient may be below zero.
        terms: Vec<Term>,
        /// What the sum measures.
        dimension: Dimension,
        /// Why no stage minimises it yet.
        unjudged: String,
    },
}

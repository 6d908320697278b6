//! Who shares the devices, and what is taken away for work on it.

use super::{Fact, Window};
use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// A team: the services and jobs that name it share what it may use.
#[derive(Clone, Debug)]
pub struct Team {
    /// Its address.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// The share of the filled devices that it can always have back, 0 to 1; none: nothing.
    pub guaranteed: Option<Fact<BigRational>>,
    /// The share that it never exceeds, at least `guaranteed`; none: all.
    pub limit: Option<Fact<BigRational>>,
    /// It may use idle devices beyond its guarantee, up to its limit.
    pub borrowing: bool,
    /// Money a time that its members may cost together.
    pub budget: Option<Fact<Quantity>>,
}

/// Work on machines, a few at a time, while every line of the program holds.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// Its address.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// What is worked on, each once.
    pub what: Fact<Vec<Object>>,
    /// The most that are away at a time; 1 where the file says nothing.
    pub at_once: u64,
    /// Time that one is away.
    pub each: Fact<Quantity>,
    /// When, by the clock of the place it stands in; none: at any hour. It holds `each`.
    pub hours: Option<Fact<Window>>,
}

/// Something that can be away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// By index into [`Program::nodes`](super::Program::nodes).
    Node(usize),
    /// With all that stands in it, by index into [`Program::places`](super::Program::places).
    Place(usize),
    /// By index into [`Program::links`](super::Program::links).
    Link(usize),
}

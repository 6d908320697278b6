//! What must hold, and what should.

use super::{Fact, Subject, When};
use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// A requirement: a line that must hold.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The service in whose block, or in a pool of which, it stands, by index; none anywhere else.
    pub service: Option<usize>,
    /// The policy it stands in.
    pub policy: Option<String>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// Where in time and in which worlds it must hold.
    pub when: When,
    /// What it says.
    pub condition: Condition,
    /// Why no stage judges it yet; none where one does.
    pub unjudged: Option<String>,
}

/// A policy: requirements that are reported by its name.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Every plan that all other lines allow should keep it, whether it is asked for or not.
    pub implied: Option<Fact<bool>>,
}

/// A wish: a line that should hold.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The service in whose block, or in a pool of which, it stands, by index.
    pub service: Option<usize>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// Where in time and in which worlds it should hold.
    pub when: When,
    /// What it says. A comparison of integers has a shortfall, its distance to truth; anything else
    /// falls short by 0 or 1.
    pub condition: Condition,
    /// Money an hour for each unit of shortfall; none: ranked by `priority`, ahead of money.
    pub price: Option<Quantity>,
    /// The priority of its block.
    pub priority: i64,
    /// Why no stage weighs it yet; none where one does.
    pub unjudged: Option<String>,
}

impl Requirement {
    /// What the planner acts on: the condition of a line that some stage judges, in the worlds that it holds in.
    pub fn judged(&self) -> Option<&Condition> {
        self.unjudged.is_none().then_some(&self.condition)
    }

    /// The same where it holds in this world: a scenario by its index, or the base.
    pub fn judged_in(&self, scenario: Option<usize>) -> Option<&Condition> {
        self.judged().filter(|_| self.when.holds_in(scenario))
    }
}

impl Wish {
    /// What the planner acts on: the condition of a wish that some stage weighs.
    pub fn judged(&self) -> Option<&Condition> {
        self.unjudged.is_none().then_some(&self.condition)
    }

    /// The one world in which it is weighed: a scenario by its index, or the base.
    pub fn world(&self) -> Option<usize> {
        self.when.worlds().next().flatten()
    }
}

/// What a requirement or wish says, over decisions and predictions: what only facts decide has been
/// decided. Whether a leaf speaks of choices alone, which a proof can reason about, or of measures, which
/// only a model predicts, is [`Subject::is_choice`].
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `terms` compared with `limit`: constants stand in the limit, measures and choices in the terms.
    Compare {
        /// Sum of these; the first coefficient is above zero.
        terms: Vec<Term>,
        /// How.
        compare: Compare,
        /// In the base unit of its dimension.
        limit: Quantity,
        /// It compares a count of integers, so a shortfall is a distance.
        integer: bool,
    },
    /// `terms` has one of these values: `tensor in [1, 2, 8]`.
    Listed {
        /// Sum of these; the first coefficient is above zero.
        terms: Vec<Term>,
        /// In ascending order, each in the base unit of its dimension.
        allowed: Vec<Quantity>,
    },
    /// A choice among names is one of these: `precision in [fp8, bf16]`, `device == l40s`.
    Chosen {
        /// The choice.
        subject: Subject,
        /// Names, or addresses of things.
        allowed: Vec<String>,
    },
    /// Every replica stands on one of these nodes.
    Placed {
        /// The service, by index.
        service: usize,
        /// By index into [`Program::nodes`](super::Program::nodes), ascending.
        nodes: Vec<usize>,
    },
    /// All of them.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
    /// The opposite; never of a comparison, which has an opposite of its own.
    Not(Box<Condition>),
    /// It leans on a value that is not known yet.
    NotYet {
        /// Why.
        because: String,
    },
}

/// `coefficient * subject`.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// A fact.
    pub coefficient: BigRational,
    /// A measure or choice.
    pub subject: Subject,
}

/// Comparisons. Equality only where choices alone are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Compare {
    /// The comparison with its sides exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Self::AtMost => Self::AtLeast,
            Self::Below => Self::Above,
            Self::AtLeast => Self::AtMost,
            Self::Above => Self::Below,
            equal => equal,
        }
    }
}

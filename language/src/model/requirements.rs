//! What must hold, and what should.

use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// A requirement: a line that must hold.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The service whose block it stands in, by index; none in a `plan` or `policy`.
    pub service: Option<usize>,
    /// The policy it stands in.
    pub policy: Option<String>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// What it says.
    pub condition: Condition,
}

/// A wish: a line that should hold.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The service whose block it stands in, by index.
    pub service: Option<usize>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// What it says.
    pub condition: Condition,
    /// Money an hour for each unit of shortfall; none: ranked by `priority`, ahead of money.
    pub price: Option<Quantity>,
    /// The priority of its block.
    pub priority: i64,
}

/// What a requirement or wish says.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `terms` compared with `limit`: constants stand in the limit, measures and choices in the terms.
    Compare {
        /// Sum of these.
        terms: Vec<Term>,
        /// How.
        compare: Compare,
        /// In the base unit of its dimension.
        limit: Quantity,
        /// It compares a count of integers, so a shortfall is a distance.
        integer: bool,
    },
    /// Understood, and not judged by any stage yet.
    NotYet {
        /// Why.
        because: String,
    },
}

/// `coefficient * subject`.
#[derive(Clone, Debug)]
pub struct Term {
    /// A fact.
    pub coefficient: BigRational,
    /// A measure or choice.
    pub subject: Subject,
}

/// What a requirement speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Replicas of a service, over all layouts.
    Replicas {
        /// By index.
        service: usize,
    },
    /// Distinct nodes a service runs on: `spread(node)`.
    Spread {
        /// By index.
        service: usize,
    },
    /// A measure of a service for each request: `ttft p99`.
    Latency {
        /// By index.
        service: usize,
        /// Which.
        measure: LatencyMeasure,
        /// The quantile in (0, 1), the mean or the maximum.
        statistic: Statistic,
    },
    /// The share of device memory that stays free: `memory_free`.
    MemoryFree {
        /// By index.
        service: usize,
    },
    /// Money an hour of the whole program.
    Bill,
}

/// Latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LatencyMeasure {
    /// To the first token.
    Ttft,
    /// A token after the first, mean over one answer.
    Tpot,
    /// The whole request.
    Latency,
}

/// Which figure of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// `p99.9`: 999/1000.
    Quantile(BigRational),
    /// `mean`
    Mean,
    /// `peak`
    Peak,
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

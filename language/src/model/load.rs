//! What arrives, and how long it is.

use crate::quantity::Dimension;
use num_rational::BigRational;

/// What varies over the horizon: a price, an intensity, a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// One value a step, in the base unit of the dimension; what does not vary has one value for all.
    pub values: Vec<BigRational>,
    /// What it measures.
    pub dimension: Dimension,
}

/// Arrivals: requests a second in each step of the horizon, Poisson within a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// One value a step; a constant has one value for all.
    pub rates: Vec<BigRational>,
}

/// One sample a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draws {
    /// Always the same.
    Constant(BigRational),
    /// `lognormal(p50 = …, p99 = …)`
    Lognormal {
        /// The median.
        p50: BigRational,
        /// The 99th percentile.
        p99: BigRational,
    },
}

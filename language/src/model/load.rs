//! What arrives, and how long it is.

use num_rational::BigRational;

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

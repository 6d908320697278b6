//! What arrives, and how long it is.

use crate::quantity::{Dimension, Quantity};
use num_rational::BigRational;

/// What varies over the horizon: a price, an intensity, a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// One value a step, in the base unit of the dimension; what does not vary has one value for all.
    pub values: Vec<BigRational>,
    /// What it measures.
    pub dimension: Dimension,
}

impl Profile {
    /// The mean over the horizon, exactly.
    pub fn mean(&self) -> Quantity {
        let count = BigRational::from_integer(self.values.len().max(1).into());
        Quantity::new(self.values.iter().sum::<BigRational>() / count, self.dimension.clone())
    }
}

/// Arrivals: requests a second in each step of the horizon, and how they are spaced within a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// One value a step; a constant has one value for all.
    pub rates: Vec<BigRational>,
    /// The squared coefficient of variation of the time between two arrivals; 1 is Poisson. The square,
    /// because arrivals that are split and joined have a rational one.
    pub spacing: BigRational,
}

/// One sample a request, never below zero. What is computed of them stands in
/// [`distribution`](crate::distribution).
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
    /// `gamma(mean = …, cv = …)`
    Gamma {
        /// The mean.
        mean: BigRational,
        /// The standard deviation over the mean, at least zero.
        cv: BigRational,
    },
    /// `normal(mean = …, deviation = …)`: what would fall below zero is drawn again, so the mean of what is left
    /// lies above the one stated.
    Normal {
        /// The mean before the cut, above zero.
        mean: BigRational,
        /// The standard deviation before the cut, at least zero.
        deviation: BigRational,
    },
    /// `weibull(mean = …, cv = …)`
    Weibull {
        /// The mean.
        mean: BigRational,
        /// The standard deviation over the mean, at least zero.
        cv: BigRational,
    },
    /// Values and their shares, ascending; the shares sum to 1. Of a histogram or of a file.
    Weighted(Vec<(BigRational, BigRational)>),
    /// Independent draws of each, added: at least two terms, none a sum, the constant last.
    Sum(Vec<Draws>),
}

//! Families of draws: tails, percentiles and partial means.

use super::float;
use crate::model::Draws;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};
use std::f64::consts::{PI, SQRT_2};

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Below this coefficient of variation every draw is the mean.
const SAME: f64 = 1e-6;

/// Below this one a gamma variable is a normal one: its skewness is at most 0.002.
const NORMAL: f64 = 1e-3;

/// What is smaller than this share of the mean is zero: a steep gamma has its low percentiles there.
const NOTHING: f64 = 1e-12;

/// A family with its parameters as floats; scales are above zero.
#[derive(Clone, Copy, Debug)]
pub(super) enum Family {
    /// Always the same.
    Point(f64),
    /// `ln X` is normal with this deviation around `ln median`.
    Lognormal { median: f64, sigma: f64 },
    /// Density `x^(shape-1) e^(-x/scale)`.
    Gamma { shape: f64, scale: f64 },
    /// A normal variable given that it is above zero.
    Normal { mean: f64, deviation: f64 },
    /// `P(X > x) = e^(-(x/scale)^shape)`.
    Weibull { shape: f64, scale: f64 },
}

impl Family {
    /// The family of `draws`; none for what is no family, and where a parameter leaves the range of floats.
    pub(super) fn of(draws: &Draws) -> Option<Self> {
        let family = match draws {
            Draws::Lognormal { p50, p99 } => {
                let (median, high) = (float(p50)?, float(p99)?);
                let sigma = (high / median).ln() / Z99;
                if sigma < SAME { Self::Point(median) } else { Self::Lognormal { median, sigma } }
            }
            Draws::Gamma { mean, cv } => {
                let (mean, cv) = (float(mean)?, float(cv)?);
                if cv < SAME {
                    Self::Point(mean)
                } else if cv < NORMAL {
                    Self::Normal { mean, deviation: mean * cv }
                } else {
                    Self::Gamma { shape: 1.0 / (cv * cv), scale: mean * cv * cv }
                }
            }
            Draws::Normal { mean, deviation } => {
                let (mean, deviation) = (float(mean)?, float(deviation)?);
                if deviation < SAME * mean { Self::Point(mean) } else { Self::Normal { mean, deviation } }
            }
            Draws::Weibull { mean, cv } => {
                let (mean, cv) = (float(mean)?, float(cv)?);
                if cv < SAME {
                    Self::Point(mean)
                } else {
                    let shape = weibull_shape(cv);
                    Self::Weibull { shape, scale: mean / ln_gamma(1.0 + 1.0 / shape).exp() }
                }
            }
            Draws::Constant(_) | Draws::Weighted(_) | Draws::Sum(_) => return None,
        };
        Some(family)
    }

    pub(super) fn mean(self) -> f64 {
        match self {
            Self::Point(value) => value,
            Self::Lognormal { median, sigma } => median * (sigma * sigma / 2.0).exp(),
            Self::Gamma { shape, scale } => shape * scale,
            Self::Normal { mean, deviation } => {
                mean + deviation * density(mean / deviation) / normal_below(mean / deviation)
            }
            Self::Weibull { shape, scale } => scale * ln_gamma(1.0 + 1.0 / shape).exp(),
        }
    }

    /// The share of draws above `x`.
    pub(super) fn above(self, x: f64) -> f64 {
        if x < 0.0 || (x == 0.0 && !matches!(self, Self::Point(_))) {
            return 1.0;
        }
        match self {
            Self::Point(value) => f64::from(u8::from(value > x)),
            Self::Lognormal { median, sigma } => upper_normal((x / median).ln() / sigma),
            Self::Gamma { shape, scale } => upper_gamma(shape, x / scale),
            Self::Normal { mean, deviation } => {
                upper_normal((x - mean) / deviation) / normal_below(mean / deviation)
            }
            Self::Weibull { shape, scale } => (-(x / scale).powf(shape)).exp(),
        }
    }

    /// The value that this share of draws exceeds.
    pub(super) fn exceeded_by(self, share: f64) -> f64 {
        match self {
            Self::Point(value) => value,
            Self::Lognormal { median, sigma } => median * (sigma * upper_point(share)).exp(),
            Self::Normal { mean, deviation } => {
                let kept = normal_below(mean / deviation);
                (mean + deviation * upper_point(share * kept)).max(0.0)
            }
            Self::Weibull { shape, scale } => scale * (-share.ln()).powf(1.0 / shape),
            Self::Gamma { .. } => {
                let mut high = self.mean();
                while self.above(high) > share && high.is_finite() {
                    high *= 2.0;
                }
                let mut low = 0.0;
                for _ in 0..100 {
                    let middle = 0.5 * (low + high);
                    if self.above(middle) > share {
                        low = middle;
                    } else {
                        high = middle;
                    }
                    if high - low <= 1e-14 * high {
                        break;
                    }
                }
                if high < NOTHING * self.mean() { 0.0 } else { high }
            }
        }
    }

    /// The value that lies in this family where `z` lies in the standard normal distribution.
    pub(super) fn at_normal(self, z: f64) -> f64 {
        match self {
            Self::Lognormal { median, sigma } => median * (sigma * z).exp(),
            family => family.exceeded_by(upper_normal(z)),
        }
    }

    /// `E[X; from < X <= to]`; none: no end.
    pub(super) fn part(self, from: Option<f64>, to: Option<f64>) -> f64 {
        match self {
            Self::Point(value) => {
                let within = from.is_none_or(|from| value > from) && to.is_none_or(|to| value <= to);
                if within { value } else { 0.0 }
            }
            // E[X; bin] of a lognormal is the mean times the weight of the shifted bin.
            Self::Lognormal { median, sigma } => {
                let z = |x: f64| (x / median).ln() / sigma - sigma;
                self.mean() * super::normal_between(from.map(z), to.map(z))
            }
            // x times a gamma density is the mean times one of shape + 1.
            Self::Gamma { shape, scale } => {
                let share = |x: Option<f64>, end: f64| x.map_or(end, |x| upper_gamma(shape + 1.0, x / scale));
                self.mean() * (share(from, 1.0) - share(to, 0.0))
            }
            // The derivative of the density is -z times it.
            Self::Normal { mean, deviation } => {
                let z = |x: f64| (x - mean) / deviation;
                let first = from.map_or(-mean / deviation, z);
                let weight = super::normal_between(Some(first), to.map(z));
                let slope = density(first) - to.map_or(0.0, |x| density(z(x)));
                (mean * weight + deviation * slope) / normal_below(mean / deviation)
            }
            // With t = (x/scale)^shape, exponential: E[scale t^(1/shape)] over the bin.
            Self::Weibull { shape, scale } => {
                let share = |x: Option<f64>, end: f64| {
                    x.map_or(end, |x| upper_gamma(1.0 + 1.0 / shape, (x / scale).powf(shape)))
                };
                self.mean() * (share(from, 1.0) - share(to, 0.0))
            }
        }
    }
}

/// The probability that a standard normal variable is below `z`.
pub fn normal_below(z: f64) -> f64 {
    upper_normal(-z)
}

/// The probability that a standard normal variable is above `z`: the series of the error function near 0,
/// Laplace's continued fraction beyond (Abramowitz and Stegun 26.2.10 and 26.2.14); relative error below
/// 1e-12, which the one of `statrs` is not.
pub(super) fn upper_normal(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_normal(-z);
    }
    if z == f64::INFINITY {
        return 0.0;
    }
    let density = density(z);
    if z < 3.0 {
        let (mut term, mut sum, mut odd) = (z, z, 1.0);
        while term > 1e-17 * sum && odd < 400.0 {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        0.5 - density * sum
    } else {
        let mut fraction = z;
        for index in (1..=60).rev() {
            fraction = z + f64::from(index) / fraction;
        }
        density / fraction
    }
}

/// The value that a standard normal variable exceeds with this probability, in (0, 1).
fn upper_point(share: f64) -> f64 {
    let z = SQRT_2 * erfc_inv(2.0 * share);
    // One step of Newton brings it to the accuracy of `upper_normal`.
    let better = z + (upper_normal(z) - share) / density(z);
    if better.is_finite() { better } else { z }
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * PI).sqrt()
}

/// The regularised upper incomplete gamma function, for a shape above zero.
fn upper_gamma(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        1.0
    } else if x == f64::INFINITY {
        0.0
    } else if x < shape {
        1.0 - gamma_lr(shape, x)
    } else {
        gamma_ur(shape, x)
    }
}

/// The shape at which a Weibull variable has this coefficient of variation:
/// `Γ(1 + 2/k) / Γ(1 + 1/k)^2 = 1 + cv^2`, which falls in k.
fn weibull_shape(cv: f64) -> f64 {
    let target = (cv * cv).ln_1p();
    let excess = |shape: f64| ln_gamma(1.0 + 2.0 / shape) - 2.0 * ln_gamma(1.0 + 1.0 / shape) - target;
    let (mut low, mut high) = (1e-3, 1e10);
    for _ in 0..200 {
        // Of the logarithm: shapes range over many powers of ten.
        let middle = f64::sqrt(low * high);
        if excess(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
        if high / low < 1.0 + 1e-14 {
            break;
        }
    }
    high
}

//! Families of distributions, fitted to a sample by maximum likelihood.
//!
//! How well one fits is the largest difference between its distribution function and the sample's (the
//! Kolmogorov-Smirnov distance), with both taken for what they are: tokens are whole, so a family is rounded
//! to whole numbers before it is compared (W. J. Conover, "A Kolmogorov Goodness-of-Fit Test for Discontinuous
//! Distributions", Journal of the American Statistical Association 67, 1972).

use berth_language::data::Fit;
use berth_language::quantity_text;
use num_rational::BigRational;
use num_traits::FromPrimitive as _;
use statrs::function::{erf::erfc, gamma};

/// A fitted family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// The logarithm is normal, with this mean and deviation.
    Lognormal { mu: f64, sigma: f64 },
    /// Gamma.
    Gamma { shape: f64, scale: f64 },
    /// Weibull.
    Weibull { shape: f64, scale: f64 },
    /// Normal.
    Normal { mean: f64, deviation: f64 },
}

/// All families fitted to `(value, count)`, ascending in the value, the best first; `unit` follows their
/// figures. Empty where the sample has no two values.
pub fn fit(values: &[(f64, f64)], unit: &str) -> Vec<Fit> {
    let mut fits: Vec<(f64, Family)> =
        families(values).into_iter().map(|family| (distance(values, &family), family)).collect();
    fits.sort_by(|a, b| a.0.total_cmp(&b.0));
    fits.iter()
        .map(|(distance, family)| Fit { text: family.text(unit), distance: rounded(*distance, 4) })
        .collect()
}

/// The families that most likely gave the sample, each within itself. Those of positive values are fitted to
/// the positive ones; that the others are left over, their distance says.
pub fn families(values: &[(f64, f64)]) -> Vec<Family> {
    let positive: Vec<(f64, f64)> = values.iter().filter(|(value, _)| *value > 0.0).copied().collect();
    let mut families = Vec::new();
    if positive.len() > 1 {
        families.extend([lognormal(&positive), gamma(&positive), weibull(&positive)].into_iter().flatten());
    }
    if values.len() > 1 {
        families.extend(normal(values));
    }
    families
}

/// The mean of `of(value)`.
fn mean(values: &[(f64, f64)], of: impl Fn(f64) -> f64) -> f64 {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    values.iter().map(|(value, count)| count * of(*value)).sum::<f64>() / total
}

fn lognormal(values: &[(f64, f64)]) -> Option<Family> {
    let mu = mean(values, f64::ln);
    let sigma = mean(values, |value| (value.ln() - mu).powi(2)).sqrt();
    (sigma > 0.0).then_some(Family::Lognormal { mu, sigma })
}

fn normal(values: &[(f64, f64)]) -> Option<Family> {
    let middle = mean(values, |value| value);
    let deviation = mean(values, |value| (value - middle).powi(2)).sqrt();
    (deviation > 0.0).then_some(Family::Normal { mean: middle, deviation })
}

/// The shape `k` solves `ln k - digamma(k) = ln(mean) - mean(ln)`. Start and step are those of T. P. Minka,
/// "Estimating a Gamma distribution" (2002): Newton on `1/k`, which converges in a few rounds.
fn gamma(values: &[(f64, f64)]) -> Option<Family> {
    let average = mean(values, |value| value);
    let gap = average.ln() - mean(values, f64::ln);
    // Rounding alone; no family is that narrow.
    if gap < 1e-9 {
        return None;
    }
    let mut shape = (3.0 - gap + ((gap - 3.0).powi(2) + 24.0 * gap).sqrt()) / (12.0 * gap);
    for _ in 0..50 {
        let error = shape.ln() - gamma::digamma(shape) - gap;
        let inverse = 1.0 / shape + error / (shape * shape * (1.0 / shape - trigamma(shape)));
        let next = 1.0 / inverse;
        if !next.is_finite() || next <= 0.0 {
            break;
        }
        let settled = (next / shape - 1.0).abs() < 1e-12;
        shape = next;
        if settled {
            break;
        }
    }
    Some(Family::Gamma { shape, scale: average / shape })
}

/// The derivative of digamma: Abramowitz and Stegun 6.4.6 up to 10, their series 6.4.12 beyond.
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square * (1.0 / 6.0 - square * (1.0 / 30.0 - square * (1.0 / 42.0 - square / 30.0)));
    sum + 1.0 / x + square / 2.0 + series / x
}

/// The shape `k` solves `sum x^k ln x / sum x^k - 1/k = mean(ln x)`, whose left side grows with `k` (Johnson,
/// Kotz and Balakrishnan, "Continuous Univariate Distributions" 1, 2nd edition, 1994, section 21.4.1.1).
fn weibull(values: &[(f64, f64)]) -> Option<Family> {
    // As shares of the largest, powers stay in range.
    let largest = values.iter().map(|(value, _)| *value).fold(0.0, f64::max);
    let logs: Vec<(f64, f64)> =
        values.iter().map(|(value, count)| ((value / largest).ln(), *count)).collect();
    let average = mean(&logs, |log| log);
    let excess = |shape: f64| {
        let (mut power, mut weighted) = (0.0, 0.0);
        for (log, count) in &logs {
            let term = count * (shape * log).exp();
            power += term;
            weighted += term * log;
        }
        weighted / power - 1.0 / shape - average
    };
    let (mut low, mut high) = (1e-3, 1.0);
    while excess(high) < 0.0 && high < 1e6 {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if excess(middle) < 0.0 { low = middle } else { high = middle }
    }
    let shape = (low + high) / 2.0;
    let scale = largest * mean(&logs, |log| (shape * log).exp()).powf(1.0 / shape);
    (shape < 1e6 && scale.is_finite()).then_some(Family::Weibull { shape, scale })
}

/// The Kolmogorov-Smirnov distance of a sample of whole numbers to the family rounded to them. Between two of
/// its values the sample's distribution function stands still, so it is enough to look right at each and right
/// before the next.
pub fn distance(values: &[(f64, f64)], family: &Family) -> f64 {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let (mut below, mut distance) = (0.0, 0.0_f64);
    for (value, count) in values {
        distance = distance.max((below / total - family.below(value - 0.5)).abs());
        below += count;
        distance = distance.max((below / total - family.below(value + 0.5)).abs());
    }
    distance.min(1.0)
}

impl Family {
    /// The probability of less than `value`.
    pub fn below(&self, value: f64) -> f64 {
        let normal = |z: f64| erfc(-z / std::f64::consts::SQRT_2) / 2.0;
        match *self {
            Self::Normal { mean, deviation } => normal((value - mean) / deviation),
            _ if value <= 0.0 => 0.0,
            Self::Lognormal { mu, sigma } => normal((value.ln() - mu) / sigma),
            Self::Gamma { shape, scale } => gamma::checked_gamma_lr(shape, value / scale).unwrap_or(f64::NAN),
            Self::Weibull { shape, scale } => -(-(value / scale).powf(shape)).exp_m1(),
        }
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Normal { mean, .. } => mean,
            Self::Lognormal { mu, sigma } => (mu + sigma * sigma / 2.0).exp(),
            Self::Gamma { shape, scale } => shape * scale,
            Self::Weibull { shape, scale } => scale * gamma::ln_gamma(1.0 + 1.0 / shape).exp(),
        }
    }

    /// The standard deviation.
    pub fn deviation(&self) -> f64 {
        match *self {
            Self::Normal { deviation, .. } => deviation,
            Self::Lognormal { sigma, .. } => self.mean() * (sigma * sigma).exp_m1().sqrt(),
            Self::Gamma { shape, scale } => shape.sqrt() * scale,
            Self::Weibull { shape, .. } => {
                let ratio = gamma::ln_gamma(1.0 + 2.0 / shape) - 2.0 * gamma::ln_gamma(1.0 + 1.0 / shape);
                self.mean() * ratio.exp_m1().sqrt()
            }
        }
    }

    /// As the language writes it.
    fn text(&self, unit: &str) -> String {
        /// The 99th percentile of the standard normal distribution.
        const Z99: f64 = 2.326_347_874_040_841;
        let figure = |value: f64| format!("{}{unit}", number(value));
        let cv = || number(self.deviation() / self.mean());
        match *self {
            Self::Normal { mean, deviation } => {
                format!("normal(mean = {}, deviation = {})", figure(mean), figure(deviation))
            }
            Self::Lognormal { mu, sigma } => {
                format!("lognormal(p50 = {}, p99 = {})", figure(mu.exp()), figure((mu + Z99 * sigma).exp()))
            }
            Self::Gamma { .. } => format!("gamma(mean = {}, cv = {})", figure(self.mean()), cv()),
            Self::Weibull { .. } => format!("weibull(mean = {}, cv = {})", figure(self.mean()), cv()),
        }
    }
}

/// Four significant digits.
fn number(value: f64) -> String {
    let places = 3 - value.abs().log10().floor().clamp(-9.0, 9.0) as i32;
    quantity_text::number(&rounded(value, places))
}

/// `value` rounded to so many decimal places; a negative number of them rounds to tens, hundreds, ….
fn rounded(value: f64, places: i32) -> BigRational {
    let power = BigRational::from_integer(10.into()).pow(places);
    let exact = BigRational::from_f64(value).unwrap_or_default();
    (exact * &power).round() / power
}

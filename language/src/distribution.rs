//! What draws come to: figures of them, and themselves as weighted values.
//!
//! Figures that the family states, and those of weighted values, are exact. Others are computed in
//! floating point and rounded to six significant digits, so that every machine has the same rational.
//! A sum is one of independent draws: it is kept as its terms, and its figures are those of their
//! convolution.

mod family;

use crate::model::{Draws, Statistic};
use crate::quantity::ratio;
pub use family::normal_below;
use family::{Family, upper_normal};
use num_rational::BigRational;
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};

/// Draws of a family are cut into bins this many standard deviations of a normal variable wide.
const BIN: f64 = 0.05;

/// The outermost bins begin at this many: 1 in 31,000 draws lies beyond.
const CUT: f64 = 4.0;

/// Values and their probabilities, ascending.
pub type Weighted = Vec<(f64, f64)>;

/// Why a figure does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoFigure {
    /// The family has no largest value.
    Unbounded,
    /// It is larger or finer than numbers go.
    TooLarge,
}

impl Draws {
    /// A figure of them, in the unit that they are in.
    ///
    /// A percentile is the smallest value that at least so many draws do not exceed.
    ///
    /// # Errors
    /// [`NoFigure`].
    pub fn figure(&self, statistic: &Statistic) -> Result<BigRational, NoFigure> {
        match statistic {
            Statistic::Mean => self.mean(),
            Statistic::Peak => self.peak().ok_or(NoFigure::Unbounded),
            Statistic::Quantile(quantile) => self.quantile(quantile),
        }
    }

    /// Half of them do not exceed it; none where it is beyond numbers.
    pub fn median(&self) -> Option<BigRational> {
        self.quantile(&ratio(1, 2)).ok()
    }

    /// Themselves times a factor above zero.
    #[must_use]
    pub fn scaled(&self, factor: &BigRational) -> Self {
        let by = |value: &BigRational| value * factor;
        match self {
            Self::Constant(value) => Self::Constant(by(value)),
            Self::Lognormal { p50, p99 } => Self::Lognormal { p50: by(p50), p99: by(p99) },
            Self::Gamma { mean, cv } => Self::Gamma { mean: by(mean), cv: cv.clone() },
            Self::Normal { mean, deviation } => Self::Normal { mean: by(mean), deviation: by(deviation) },
            Self::Weibull { mean, cv } => Self::Weibull { mean: by(mean), cv: cv.clone() },
            Self::Weighted(values) => {
                Self::Weighted(values.iter().map(|(value, share)| (by(value), share.clone())).collect())
            }
            Self::Sum(terms) => Self::Sum(terms.iter().map(|term| term.scaled(factor)).collect()),
        }
    }

    /// The sum of two independent draws.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut constant = BigRational::zero();
        let mut terms = Vec::new();
        for draws in [self, other] {
            let parts = match draws {
                Self::Sum(parts) => parts.as_slice(),
                single => std::slice::from_ref(single),
            };
            for part in parts {
                match part {
                    Self::Constant(value) => constant += value,
                    part => terms.push(part.clone()),
                }
            }
        }
        if !constant.is_zero() || terms.is_empty() {
            terms.push(Self::Constant(constant));
        }
        match <[Self; 1]>::try_from(terms) {
            Ok([single]) => single,
            Err(terms) => Self::Sum(terms),
        }
    }

    /// Every number in them.
    pub fn numbers(&self) -> Vec<&BigRational> {
        match self {
            Self::Constant(value) => vec![value],
            Self::Lognormal { p50: a, p99: b }
            | Self::Gamma { mean: a, cv: b }
            | Self::Normal { mean: a, deviation: b }
            | Self::Weibull { mean: a, cv: b } => vec![a, b],
            Self::Weighted(values) => values.iter().flat_map(|(value, share)| [value, share]).collect(),
            Self::Sum(terms) => terms.iter().flat_map(Self::numbers).collect(),
        }
    }

    /// Values and probabilities that stand for them: bins of a family at their conditional means, so that the
    /// mean is kept; weighted values as they are. The probabilities sum to 1 but for rounding. Empty where a
    /// number leaves the range of floats.
    pub fn weighted(&self) -> Weighted {
        self.bins().unwrap_or_default()
    }

    fn mean(&self) -> Result<BigRational, NoFigure> {
        match self {
            Self::Constant(mean) | Self::Gamma { mean, .. } | Self::Weibull { mean, .. } => Ok(mean.clone()),
            Self::Weighted(values) => Ok(values.iter().map(|(value, share)| value * share).sum()),
            Self::Sum(terms) => terms.iter().map(Self::mean).sum(),
            Self::Lognormal { .. } | Self::Normal { .. } => {
                rounded(Family::of(self).ok_or(NoFigure::TooLarge)?.mean())
            }
        }
    }

    fn peak(&self) -> Option<BigRational> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Weighted(values) => values.last().map(|(value, _)| value.clone()),
            Self::Sum(terms) => terms.iter().map(Self::peak).sum(),
            Self::Lognormal { .. } | Self::Gamma { .. } | Self::Normal { .. } | Self::Weibull { .. } => None,
        }
    }

    fn quantile(&self, quantile: &BigRational) -> Result<BigRational, NoFigure> {
        match self {
            Self::Constant(value) => return Ok(value.clone()),
            Self::Lognormal { p50, .. } if *quantile == ratio(1, 2) => return Ok(p50.clone()),
            Self::Lognormal { p99, .. } if *quantile == ratio(99, 100) => return Ok(p99.clone()),
            Self::Weighted(values) => {
                let mut below = BigRational::zero();
                for (value, share) in values {
                    below += share;
                    if below >= *quantile {
                        return Ok(value.clone());
                    }
                }
                return values.last().map(|(value, _)| value.clone()).ok_or(NoFigure::TooLarge);
            }
            _ => {}
        }
        let beyond = (BigRational::one() - quantile).to_f64().unwrap_or(0.0);
        if let Self::Sum(terms) = self {
            return rounded(sum_quantile(terms, beyond).ok_or(NoFigure::TooLarge)?);
        }
        let family = Family::of(self).ok_or(NoFigure::TooLarge)?;
        rounded(family.exceeded_by(beyond))
    }

    fn bins(&self) -> Option<Weighted> {
        match self {
            Self::Constant(value) => Some(vec![(float(value)?, 1.0)]),
            Self::Weighted(values) => {
                values.iter().map(|(value, share)| Some((float(value)?, float(share)?))).collect()
            }
            Self::Sum(terms) => {
                let mut sum = vec![(0.0, 1.0)];
                for term in terms {
                    sum = convolved(&sum, &term.bins()?);
                }
                Some(sum)
            }
            Self::Lognormal { .. } | Self::Gamma { .. } | Self::Normal { .. } | Self::Weibull { .. } => {
                let family = Family::of(self)?;
                if let Family::Point(value) = family {
                    return Some(vec![(value, 1.0)]);
                }
                let bins = (2.0 * CUT / BIN).round() as u32;
                let edges: Vec<f64> =
                    (1..bins).map(|index| family.at_normal(-CUT + BIN * f64::from(index))).collect();
                let mut values = Vec::with_capacity(bins as usize);
                for index in 0..bins as usize {
                    let z = |edge: usize| -CUT + BIN * edge as f64;
                    let from = (index > 0).then(|| (z(index), edges[index - 1]));
                    let to = edges.get(index).map(|edge| (z(index + 1), *edge));
                    let weight = normal_between(from.map(|(z, _)| z), to.map(|(z, _)| z));
                    let part = family.part(from.map(|(_, x)| x), to.map(|(_, x)| x));
                    // Rounding may carry a thin bin's mean past its edges.
                    let low = from.map_or(0.0, |(_, x)| x);
                    let high = to.map_or(f64::INFINITY, |(_, x)| x);
                    values.push(((part / weight).max(low).min(high), weight));
                }
                values.iter().all(|(value, _)| value.is_finite()).then_some(values)
            }
        }
    }
}

/// The probability that a standard normal variable lies between two values; none: no end.
fn normal_between(from: Option<f64>, to: Option<f64>) -> f64 {
    let above = |z: Option<f64>, end: f64| z.map_or(end, upper_normal);
    let below = |z: Option<f64>, end: f64| z.map_or(end, normal_below);
    // Differences of small numbers on either side, never of numbers near 1.
    if from.is_some_and(|z| z >= 0.0) {
        above(from, 1.0) - above(to, 0.0)
    } else {
        below(to, 1.0) - below(from, 0.0)
    }
}

/// The distribution of the sum, in as many bins as one family has.
fn convolved(first: &Weighted, second: &Weighted) -> Weighted {
    let mut sums: Weighted = first
        .iter()
        .flat_map(|(a, p)| second.iter().map(move |(b, q)| (a + b, p * q)))
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins = (2.0 * CUT / BIN).round() as u32;
    if sums.len() <= bins as usize {
        return sums;
    }
    let mut joined: Weighted = Vec::with_capacity(bins as usize);
    let (mut index, mut below) = (1_u32, 0.0);
    let (mut weight, mut part) = (0.0, 0.0);
    for (value, share) in sums {
        while index < bins && below >= normal_below(-CUT + BIN * f64::from(index)) {
            if weight > 0.0 {
                joined.push((part / weight, weight));
                (weight, part) = (0.0, 0.0);
            }
            index += 1;
        }
        weight += share;
        part += value * share;
        below += share;
    }
    if weight > 0.0 {
        joined.push((part / weight, weight));
    }
    joined
}

/// The value that so many of the sums exceed.
fn sum_quantile(terms: &[Draws], beyond: f64) -> Option<f64> {
    // One family keeps its own law; the others are convolved in bins.
    let whole = terms.iter().rposition(|term| Family::of(term).is_some());
    let mut others = vec![(0.0, 1.0)];
    for (at, term) in terms.iter().enumerate() {
        if Some(at) != whole {
            others = convolved(&others, &term.bins()?);
        }
    }
    let Some(family) = whole.and_then(|at| Family::of(terms.get(at)?)) else {
        let mut above = 0.0;
        for (value, weight) in others.iter().rev() {
            above += weight;
            if above > beyond + 1e-12 {
                return Some(*value);
            }
        }
        return others.first().map(|(value, _)| *value);
    };
    let exceeds =
        |limit: f64| others.iter().map(|(value, weight)| weight * family.above(limit - value)).sum::<f64>();
    let mut high = family.mean() + others.last()?.0;
    while exceeds(high) > beyond {
        high *= 2.0;
        if !high.is_finite() {
            return None;
        }
    }
    let mut low = 0.0;
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if exceeds(middle) > beyond {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// `value` with six significant digits.
fn rounded(value: f64) -> Result<BigRational, NoFigure> {
    const DIGITS: i32 = 6;
    if value == 0.0 {
        return Ok(BigRational::zero());
    }
    if !value.is_finite() || value.abs() > 1e60 || value.abs() < 1e-60 {
        return Err(NoFigure::TooLarge);
    }
    let places = DIGITS - 1 - value.abs().log10().floor() as i32;
    let power = num_traits::pow(BigRational::from_integer(10.into()), places.unsigned_abs() as usize);
    let scale = if places >= 0 { power } else { power.recip() };
    let exact = BigRational::from_f64(value).ok_or(NoFigure::TooLarge)?;
    Ok((exact * &scale).round() / scale)
}

fn float(value: &BigRational) -> Option<f64> {
    value
        .to_f64()
        .filter(|float| float.is_finite() && (*float != 0.0 || value.is_zero()) && !value.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentile(draws: &Draws, numerator: i64, denominator: i64) -> f64 {
        let figure = draws.figure(&Statistic::Quantile(ratio(numerator, denominator)));
        figure.ok().and_then(|value| value.to_f64()).expect("a percentile of a family")
    }

    /// One of each family, from nearly constant to wild.
    fn families() -> Vec<Draws> {
        let mut families = Vec::new();
        for percent in [1, 30, 100, 250, 1_000] {
            let cv = ratio(percent, 100);
            let mean = ratio(300, 1);
            families.push(Draws::Gamma { mean: mean.clone(), cv: cv.clone() });
            families.push(Draws::Weibull { mean: mean.clone(), cv: cv.clone() });
            families.push(Draws::Normal { deviation: &mean * &cv, mean });
            families.push(Draws::Lognormal { p50: ratio(900, 1), p99: ratio(900, 1) * (cv + ratio(1, 1)) });
        }
        families
    }

    #[test]
    fn percentiles_agree_with_printed_tables() {
        // The normal distribution (Abramowitz and Stegun, table 26.1).
        for (z, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (2.9, 0.998_134_186_699_616),
            (4.0, 0.999_968_328_758_167),
            (-1.0, 0.158_655_253_931_457),
        ] {
            assert!((normal_below(z) - p).abs() < 1e-14, "{z}: {} {p}", normal_below(z));
        }
        // Chi-square with 10 degrees of freedom is a gamma variable of mean 10 and cv 1/sqrt(5): its 1st, 50th
        // and 99th percentiles are 2.558, 9.342 and 23.209 (table 26.8).
        let chi = Draws::Gamma { mean: ratio(10, 1), cv: ratio(4_472_136, 10_000_000) };
        for (percent, value) in [(1, 2.558), (50, 9.342), (99, 23.209)] {
            assert!((percentile(&chi, percent, 100) - value).abs() < 6e-4, "p{percent}");
        }
        // A Rayleigh variable is a Weibull one of shape 2, with cv = sqrt(4/pi - 1) = 0.5227232: its 99th percentile
        // is sqrt(ln 100) / (sqrt(pi)/2) = 2.421458 times its mean.
        let rayleigh = Draws::Weibull { mean: ratio(1, 1), cv: ratio(5_227_232, 10_000_000) };
        assert!((percentile(&rayleigh, 99, 100) - 2.421_458).abs() < 5e-6);
    }

    #[test]
    fn bins_keep_the_mass_and_the_mean_of_every_family() {
        for draws in families() {
            let bins = draws.weighted();
            let mass: f64 = bins.iter().map(|(_, weight)| weight).sum();
            let mean: f64 = bins.iter().map(|(value, weight)| value * weight).sum();
            let stated = draws.figure(&Statistic::Mean).ok().and_then(|mean| mean.to_f64()).expect("a mean");
            assert!((mass - 1.0).abs() < 1e-9, "{draws:?}: {mass}");
            assert!((mean / stated - 1.0).abs() < 1e-5, "{draws:?}: {mean} {stated}");
            assert!(bins.is_sorted_by(|a, b| a.0 <= b.0), "{draws:?}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_bins_to_within_one() {
        for draws in families() {
            let bins = draws.weighted();
            for percent in [5, 50, 90, 99] {
                let value = percentile(&draws, percent, 100);
                if value == 0.0 {
                    // Nearly all of a wild gamma lies at nothing.
                    continue;
                }
                let below: f64 = bins.iter().filter(|(bin, _)| *bin <= value).map(|(_, weight)| weight).sum();
                let wanted = f64::from(i32::try_from(percent).expect("small")) / 100.0;
                assert!((below - wanted).abs() < 0.02, "{draws:?} p{percent}: {below}");
            }
        }
    }

    #[test]
    fn a_percentile_of_a_sum_is_that_of_the_family_where_one_is_closed() {
        // n exponential variables make a gamma one of shape n.
        let exponential = Draws::Gamma { mean: ratio(1, 1), cv: ratio(1, 1) };
        let mut sum = exponential.clone();
        for _ in 1..4 {
            sum = sum.plus(&exponential);
        }
        let four = Draws::Gamma { mean: ratio(4, 1), cv: ratio(1, 2) };
        for (numerator, denominator) in [(1, 2), (9, 10), (99, 100), (999, 1_000)] {
            let (own, known) =
                (percentile(&sum, numerator, denominator), percentile(&four, numerator, denominator));
            assert!((own / known - 1.0).abs() < 3e-3, "{numerator}/{denominator}: {own} {known}");
        }
    }

    #[test]
    fn the_order_of_a_sum_changes_no_mean_and_hardly_a_percentile() {
        let a = Draws::Lognormal { p50: ratio(900, 1), p99: ratio(6_000, 1) };
        let b = Draws::Weighted(vec![(ratio(10, 1), ratio(1, 4)), (ratio(5_000, 1), ratio(3, 4))]);
        let (one, other) = (a.plus(&b), b.plus(&a));
        assert_eq!(one.figure(&Statistic::Mean), other.figure(&Statistic::Mean));
        assert!((percentile(&one, 99, 100) / percentile(&other, 99, 100) - 1.0).abs() < 1e-6);
    }
}

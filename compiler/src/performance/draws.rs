//! A distribution of lengths as weighted values, and the normal distribution behind it.

use berth_language::model::Draws;
use num_traits::ToPrimitive;

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Lognormal draws are cut at this many standard deviations: 1 in 31,000 lies beyond.
const CUT: f64 = 4.0;

/// Width of a bin in standard deviations.
const BIN: f64 = 0.05;

/// Values and their probabilities, ascending; the mean is that of the distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    /// (value, probability); the probabilities sum to 1.
    pub values: Vec<(f64, f64)>,
}

impl Lengths {
    /// The bins of `draws`, each at its conditional mean, none below one token.
    pub fn of(draws: &Draws) -> Self {
        let number =
            |value: &num_rational::BigRational| value.to_f64().filter(|v| v.is_finite()).unwrap_or(1.0);
        match draws {
            Draws::Constant(value) => Self { values: vec![(number(value).max(1.0), 1.0)] },
            Draws::Lognormal { p50, p99 } => {
                let median = number(p50).max(1.0);
                let sigma = (number(p99).max(median) / median).ln() / Z99;
                if sigma < 1e-9 {
                    return Self { values: vec![(median, 1.0)] };
                }
                let bins = (2.0 * CUT / BIN).round() as u32;
                let edge = |index: u32| match index {
                    0 => f64::NEG_INFINITY,
                    index if index == bins => f64::INFINITY,
                    index => -CUT + BIN * f64::from(index),
                };
                let mean = median * (sigma * sigma / 2.0).exp();
                let values = (0..bins)
                    .map(|index| {
                        let (from, to) = (edge(index), edge(index + 1));
                        let weight = normal_between(from, to);
                        // E[X; bin] of a lognormal is the mean times the weight of the shifted bin.
                        let part = mean * normal_between(from - sigma, to - sigma);
                        ((part / weight).max(1.0), weight)
                    })
                    .collect();
                Self { values }
            }
        }
    }

    /// Its mean of `of(value)`.
    pub fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.values.iter().map(|(value, weight)| weight * of(*value)).sum()
    }

    /// The smallest value that no more than `share` of the draws exceed.
    pub fn exceeded_by(&self, share: f64) -> f64 {
        let mut beyond = 0.0;
        for (value, weight) in self.values.iter().rev() {
            beyond += weight;
            if beyond > share {
                return *value;
            }
        }
        self.largest()
    }

    /// Its largest value.
    pub fn largest(&self) -> f64 {
        self.values.last().map_or(1.0, |(value, _)| *value)
    }
}

/// The probability that a standard normal variable is below `z`.
pub fn normal_below(z: f64) -> f64 {
    if z >= 0.0 { 1.0 - normal_above(z) } else { normal_above(-z) }
}

fn normal_between(from: f64, to: f64) -> f64 {
    // In the tail on either side, differences of small numbers rather than of numbers near 1.
    if from >= 0.0 { normal_above(from) - normal_above(to) } else { normal_below(to) - normal_below(from) }
}

/// The upper tail for z >= 0: the series of the error function near 0, Laplace's continued fraction
/// beyond (Abramowitz and Stegun 26.2.10 and 26.2.14); relative error below 1e-12.
fn normal_above(z: f64) -> f64 {
    if z == f64::INFINITY {
        return 0.0;
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
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

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;

    fn integer(value: u64) -> BigRational {
        BigRational::from_integer(value.into())
    }

    #[test]
    fn the_normal_distribution_agrees_with_printed_tables() {
        // Abramowitz and Stegun, table 26.1.
        for (z, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (2.0, 0.977_249_868_051_821),
            (2.9, 0.998_134_186_699_616),
            (3.0, 0.998_650_101_968_370),
            (4.0, 0.999_968_328_758_167),
            (-1.0, 0.158_655_253_931_457),
        ] {
            assert!((normal_below(z) - p).abs() < 1e-14, "{z}: {} {p}", normal_below(z));
        }
        assert!((normal_below(Z99) - 0.99).abs() < 1e-14);
    }

    #[test]
    fn a_lognormal_keeps_its_mass_its_mean_and_its_percentiles() {
        let lengths = Lengths::of(&Draws::Lognormal { p50: integer(900), p99: integer(6_000) });
        assert!((lengths.mean(|_| 1.0) - 1.0).abs() < 1e-12);
        // sigma = ln(6000/900)/2.32635 = 0.815493; mean = 900 exp(sigma^2/2) = 900 * 1.394469
        assert!((lengths.mean(|x| x) - 1_255.02).abs() < 0.02, "{}", lengths.mean(|x| x));
        let below = |limit: f64| lengths.mean(|x| f64::from(u8::from(x <= limit)));
        assert!((below(6_000.0) - 0.99).abs() < 2e-3);
        assert!((below(900.0) - 0.5).abs() < 2.1e-2);
    }

    #[test]
    fn degenerate_draws_are_constants() {
        let same = Draws::Lognormal { p50: integer(100), p99: integer(100) };
        assert_eq!(Lengths::of(&same).values, [(100.0, 1.0)]);
        assert_eq!(Lengths::of(&Draws::Constant(integer(0))).values, [(1.0, 1.0)]);
    }
}

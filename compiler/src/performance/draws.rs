//! A distribution of lengths or times as weighted values.

pub use berth_language::distribution::normal_below;
use berth_language::model::Draws;

/// Values and their probabilities, ascending; the mean is that of the distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    /// (value, probability); the probabilities sum to 1.
    pub values: Vec<(f64, f64)>,
}

impl Lengths {
    /// Tokens: the bins of `draws`, each at its conditional mean, none below one token.
    pub fn of(draws: &Draws) -> Self {
        Self::at_least(draws, 1.0)
    }

    /// Seconds: the bins of `draws`, each at its conditional mean.
    pub fn seconds(draws: &Draws) -> Self {
        Self::at_least(draws, 0.0)
    }

    /// The bins of `draws`, each at its conditional mean, none below `least`.
    pub(super) fn at_least(draws: &Draws, least: f64) -> Self {
        let mut values = draws.weighted();
        for (value, _) in &mut values {
            *value = value.max(least);
        }
        if values.is_empty() {
            // A number beyond floats; the language has refused it.
            values.push((1.0, 1.0));
        }
        Self { values }
    }

    /// The same draws, each replaced by what does not fall as it grows.
    pub(super) fn each(self, of: impl Fn(f64) -> f64) -> Self {
        Self { values: self.values.into_iter().map(|(value, weight)| (of(value), weight)).collect() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;

    fn integer(value: u64) -> BigRational {
        BigRational::from_integer(value.into())
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

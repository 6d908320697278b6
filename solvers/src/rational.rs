//! Between exact rationals and the floating point that HiGHS computes in.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};

/// The nearest float; 0 where there is none.
pub(crate) fn float(value: &BigRational) -> f64 {
    // Whole numbers of 53 bits are floats, and division rounds to the nearest: the usual case, and a quick one.
    const EXACT: i64 = 1 << 53;
    if let (Some(numerator), Some(denominator)) = (value.numer().to_i64(), value.denom().to_i64())
        && (-EXACT..=EXACT).contains(&numerator)
        && denominator <= EXACT
    {
        return numerator as f64 / denominator as f64;
    }
    value.to_f64().filter(|value| value.is_finite()).unwrap_or(0.0)
}

/// A short fraction that is the float up to rounding, or else a dyadic number near it.
///
/// Multipliers of small programs are ratios of small numbers (1/3, 19/800); short ones make certificates
/// that a person can check. The result need not be exact: a bound is computed from it exactly.
pub(crate) fn rational(value: f64) -> BigRational {
    if !value.is_finite() || value == 0.0 {
        return BigRational::zero();
    }
    let tolerance = 1e-11 * value.abs().max(1e-2);
    short_fraction(value, 1000, tolerance).unwrap_or_else(|| dyadic(value))
}

/// The power of two nearest below a positive number; 1 for others.
pub(crate) fn power_of_two(value: f64) -> f64 {
    if value.is_finite() && value > 0.0 { value.log2().floor().clamp(-900.0, 900.0).exp2() } else { 1.0 }
}

/// A power of two, as [`power_of_two`] gives it.
pub(crate) fn exact_power(power: f64) -> BigRational {
    BigRational::from_float(power).unwrap_or_else(BigRational::one)
}

/// By continued fractions.
fn short_fraction(value: f64, most: i64, tolerance: f64) -> Option<BigRational> {
    let (mut before, mut last) = ((0_i64, 1_i64), (1_i64, 0_i64));
    let mut rest = value;
    for _ in 0..20 {
        let whole = rest.floor();
        if whole.abs() > 1e12 {
            return None;
        }
        let whole_number = whole as i64;
        let numerator = whole_number.checked_mul(last.0)?.checked_add(before.0)?;
        let denominator = whole_number.checked_mul(last.1)?.checked_add(before.1)?;
        if denominator > most {
            return None;
        }
        (before, last) = (last, (numerator, denominator));
        if (value - numerator as f64 / denominator as f64).abs() <= tolerance {
            return Some(BigRational::new(BigInt::from(numerator), BigInt::from(denominator)));
        }
        if rest == whole {
            return None;
        }
        rest = 1.0 / (rest - whole);
    }
    None
}

/// With 40 significant bits at least 2^-40 apart.
fn dyadic(value: f64) -> BigRational {
    let grain = (power_of_two(value.abs()) * (-40.0_f64).exp2()).max((-60.0_f64).exp2());
    let units = (value / grain).round();
    BigRational::from_float(units).unwrap_or_else(BigRational::zero) * exact_power(grain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        rational(value).to_string()
    }

    #[test]
    fn short_fractions_come_back() {
        let texts = [1.0 / 3.0, -19.0 / 800.0, 7.0, 0.0, 0.19].map(text);
        assert_eq!(texts, ["1/3", "-19/800", "7", "0", "19/100"]);
    }

    #[test]
    fn other_numbers_are_dyadic_and_near() {
        let value = std::f64::consts::PI;
        let near = rational(value);
        assert!((float(&near) - value).abs() < 1e-11);
        assert_eq!(near.denom() & (near.denom() - BigInt::one()), BigInt::zero());
    }
}

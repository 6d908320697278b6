//! Quantities: exact rationals with a dimension.
//!
//! Values are held in the base unit of their dimension (s, J, byte, FLOP, gram, token, request, core,
//! step, image, money), so `34kW` is 34,000 J/s and `$2/h` is 1/1800 of a dollar a second. Arithmetic is
//! exact, refuses to add unlike dimensions and refuses to grow without bound. How a quantity is written
//! stands in [`quantity_text`](crate::quantity_text), which units exist in [`units`](crate::units).

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

/// A value in the base unit of its dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// In base units: s, W·s as J, byte, FLOP, token, request, core, money.
    pub value: BigRational,
    /// What it measures.
    pub dimension: Dimension,
}

/// Exponents of the base dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dimension {
    /// s
    pub time: i8,
    /// J
    pub energy: i8,
    /// byte
    pub data: i8,
    /// FLOP
    pub work: i8,
    /// gram of CO2
    pub mass: i8,
    /// `tok`
    pub token: i8,
    /// `req`
    pub request: i8,
    /// `core`
    pub core: i8,
    /// `step`
    pub step: i8,
    /// `image`
    pub image: i8,
    /// Exponent of money, with its currency. Never an exponent of zero: then it is `None`.
    pub money: Option<(Currency, i8)>,
}

/// Currencies are dimensions: two of them never add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Currency {
    /// `$`
    Dollar,
    /// `€`
    Euro,
    /// `£`
    Pound,
    /// `¥`
    Yen,
}

/// Why two quantities have no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithmeticError {
    /// They measure different things.
    Mismatch,
    /// They are in two currencies.
    MixedCurrencies,
    /// The divisor is zero.
    DivisionByZero,
    /// The result needs more than [`LARGEST_BITS`] bits, or an exponent leaves its range.
    TooLarge,
}

/// Numerator and denominator of a value have at most this many bits each.
pub const LARGEST_BITS: u64 = 512;

impl Quantity {
    /// `value` base units of `dimension`.
    pub fn new(value: BigRational, dimension: Dimension) -> Self {
        Self { value, dimension }
    }

    /// A plain number.
    pub fn number(value: BigRational) -> Self {
        Self::new(value, Dimension::NONE)
    }

    /// A plain integer.
    pub fn integer(value: impl Into<BigInt>) -> Self {
        Self::number(BigRational::from_integer(value.into()))
    }

    /// The sum.
    ///
    /// # Errors
    /// Where the dimensions differ or the sum grows too large.
    pub fn add(&self, other: &Self) -> Result<Self, ArithmeticError> {
        self.dimension.same(&other.dimension)?;
        bounded(sum(&self.value, &other.value), self.dimension.clone())
    }

    /// The difference.
    ///
    /// # Errors
    /// Where the dimensions differ or the difference grows too large.
    pub fn subtract(&self, other: &Self) -> Result<Self, ArithmeticError> {
        self.add(&other.negate())
    }

    /// The product.
    ///
    /// # Errors
    /// Where it grows too large or mixes currencies.
    pub fn multiply(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let dimension = self.dimension.multiply(&other.dimension)?;
        bounded(product(&self.value, &other.value), dimension)
    }

    /// The quotient.
    ///
    /// # Errors
    /// Where `other` is zero, the quotient grows too large or it mixes currencies.
    pub fn divide(&self, other: &Self) -> Result<Self, ArithmeticError> {
        if other.value.is_zero() {
            return Err(ArithmeticError::DivisionByZero);
        }
        let dimension = self.dimension.multiply(&other.dimension.inverse()?)?;
        bounded(&self.value / &other.value, dimension)
    }

    /// The same amount below zero.
    #[must_use]
    pub fn negate(&self) -> Self {
        Self::new(-&self.value, self.dimension.clone())
    }

    /// The order of two like quantities.
    ///
    /// # Errors
    /// Where the dimensions differ.
    pub fn compare(&self, other: &Self) -> Result<std::cmp::Ordering, ArithmeticError> {
        self.dimension.same(&other.dimension)?;
        Ok(self.value.cmp(&other.value))
    }

    /// Its value where it is a whole plain number that fits.
    pub fn as_integer(&self) -> Option<i64> {
        if self.dimension != Dimension::NONE || !self.value.is_integer() {
            return None;
        }
        i64::try_from(self.value.to_integer()).ok()
    }
}

/// `value` unless it needs more than [`LARGEST_BITS`] bits.
pub(crate) fn bounded(value: BigRational, dimension: Dimension) -> Result<Quantity, ArithmeticError> {
    if fits(&value) { Ok(Quantity::new(value, dimension)) } else { Err(ArithmeticError::TooLarge) }
}

/// It needs at most [`LARGEST_BITS`] bits above and below the line.
pub(crate) fn fits(value: &BigRational) -> bool {
    value.numer().bits() <= LARGEST_BITS && value.denom().bits() <= LARGEST_BITS
}

impl Dimension {
    /// A plain number.
    pub const NONE: Self = Self {
        time: 0,
        energy: 0,
        data: 0,
        work: 0,
        mass: 0,
        token: 0,
        request: 0,
        core: 0,
        step: 0,
        image: 0,
        money: None,
    };
    /// s
    pub const TIME: Self = Self { time: 1, ..Self::NONE };
    /// 1/s
    pub const FREQUENCY: Self = Self { time: -1, ..Self::NONE };
    /// J
    pub const ENERGY: Self = Self { energy: 1, ..Self::NONE };
    /// J/s
    pub const POWER: Self = Self { energy: 1, time: -1, ..Self::NONE };
    /// byte
    pub const DATA: Self = Self { data: 1, ..Self::NONE };
    /// byte/s
    pub const DATA_RATE: Self = Self { data: 1, time: -1, ..Self::NONE };
    /// FLOP
    pub const WORK: Self = Self { work: 1, ..Self::NONE };
    /// FLOP/s
    pub const WORK_RATE: Self = Self { work: 1, time: -1, ..Self::NONE };
    /// g
    pub const MASS: Self = Self { mass: 1, ..Self::NONE };
    /// tok
    pub const TOKEN: Self = Self { token: 1, ..Self::NONE };
    /// req
    pub const REQUEST: Self = Self { request: 1, ..Self::NONE };
    /// req/s
    pub const REQUEST_RATE: Self = Self { request: 1, time: -1, ..Self::NONE };
    /// core
    pub const CORE: Self = Self { core: 1, ..Self::NONE };
    /// step
    pub const STEP: Self = Self { step: 1, ..Self::NONE };
    /// image
    pub const IMAGE: Self = Self { image: 1, ..Self::NONE };

    /// Money of one currency.
    pub const fn money(currency: Currency) -> Self {
        Self { money: Some((currency, 1)), ..Self::NONE }
    }

    /// Money of one currency a second.
    pub const fn money_rate(currency: Currency) -> Self {
        Self { money: Some((currency, 1)), time: -1, ..Self::NONE }
    }

    /// The product.
    ///
    /// # Errors
    /// Where an exponent leaves its range or two currencies meet.
    pub fn multiply(&self, other: &Self) -> Result<Self, ArithmeticError> {
        let sum = |a: i8, b: i8| a.checked_add(b).ok_or(ArithmeticError::TooLarge);
        let money = match (self.money, other.money) {
            (Some((a, _)), Some((b, _))) if a != b => return Err(ArithmeticError::MixedCurrencies),
            (Some((currency, a)), Some((_, b))) => match sum(a, b)? {
                0 => None,
                exponent => Some((currency, exponent)),
            },
            (money, None) | (None, money) => money,
        };
        Ok(Self {
            time: sum(self.time, other.time)?,
            energy: sum(self.energy, other.energy)?,
            data: sum(self.data, other.data)?,
            work: sum(self.work, other.work)?,
            mass: sum(self.mass, other.mass)?,
            token: sum(self.token, other.token)?,
            request: sum(self.request, other.request)?,
            core: sum(self.core, other.core)?,
            step: sum(self.step, other.step)?,
            image: sum(self.image, other.image)?,
            money,
        })
    }

    /// One over it.
    ///
    /// # Errors
    /// Where an exponent leaves its range.
    pub fn inverse(&self) -> Result<Self, ArithmeticError> {
        let negate = |a: i8| a.checked_neg().ok_or(ArithmeticError::TooLarge);
        Ok(Self {
            time: negate(self.time)?,
            energy: negate(self.energy)?,
            data: negate(self.data)?,
            work: negate(self.work)?,
            mass: negate(self.mass)?,
            token: negate(self.token)?,
            request: negate(self.request)?,
            core: negate(self.core)?,
            step: negate(self.step)?,
            image: negate(self.image)?,
            money: match self.money {
                Some((currency, exponent)) => Some((currency, negate(exponent)?)),
                None => None,
            },
        })
    }

    /// The same dimension in any currency: a bill has the currency of whatever the program pays in.
    pub fn matches(&self, other: &Self) -> bool {
        let exponent = |dimension: &Self| dimension.money.map_or(0, |(_, exponent)| exponent);
        exponent(self) == exponent(other)
            && Self { money: None, ..self.clone() } == Self { money: None, ..other.clone() }
    }

    fn same(&self, other: &Self) -> Result<(), ArithmeticError> {
        if self == other {
            Ok(())
        } else if self.matches(other) {
            Err(ArithmeticError::MixedCurrencies)
        } else {
            Err(ArithmeticError::Mismatch)
        }
    }
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dollar, Self::Euro, Self::Pound, Self::Yen];

    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Dollar => "$",
            Self::Euro => "€",
            Self::Pound => "£",
            Self::Yen => "¥",
        }
    }
}

/// `a * b`. Most numbers of a plan file fit a machine word, where this is many times faster than
/// arithmetic of any length, and as exact.
pub(crate) fn product(a: &BigRational, b: &BigRational) -> BigRational {
    let short = || {
        let ((a, below_a), (b, below_b)) = (words(a)?, words(b)?);
        Some(fraction(a.checked_mul(b)?, below_a.checked_mul(below_b)?))
    };
    short().unwrap_or_else(|| a * b)
}

/// `a + b`, as [`product`] is computed.
pub(crate) fn sum(a: &BigRational, b: &BigRational) -> BigRational {
    let short = || {
        let ((a, below_a), (b, below_b)) = (words(a)?, words(b)?);
        let over = a.checked_mul(below_b)?.checked_add(b.checked_mul(below_a)?)?;
        Some(fraction(over, below_a.checked_mul(below_b)?))
    };
    short().unwrap_or_else(|| a + b)
}

/// Numerator and denominator, where a word holds each: their products then fit two.
fn words(value: &BigRational) -> Option<(i128, i128)> {
    let (over, below) = (value.numer().to_i64()?, value.denom().to_i64()?);
    Some((i128::from(over), i128::from(below)))
}

/// `over / below` in lowest terms; `below` is above zero.
pub(crate) fn fraction(over: i128, below: i128) -> BigRational {
    let divisor = common_divisor(over.unsigned_abs(), below.unsigned_abs());
    // It divides `below`, which an `i128` holds; zero stands over one.
    let divisor = i128::try_from(divisor).unwrap_or(1);
    BigRational::new_raw((over / divisor).into(), (below / divisor).into())
}

/// The greatest number that divides both; `b` is above zero.
fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while a != 0 {
        // Words divide several times faster than pairs of them.
        if let (Ok(small), Ok(other)) = (u64::try_from(a), u64::try_from(b)) {
            let (mut a, mut b) = (small, other);
            while a != 0 {
                (a, b) = (b % a, a);
            }
            return u128::from(b);
        }
        (a, b) = (b % a, a);
    }
    b
}

/// `numerator / denominator`; the denominator is a nonzero constant of the program.
pub(crate) fn ratio(numerator: i64, denominator: i64) -> BigRational {
    debug_assert!(denominator != 0);
    let sign = i128::from(denominator.signum());
    fraction(sign * i128::from(numerator), sign * i128::from(denominator))
}

/// The least integer that is not below `value`, where it fits.
pub(crate) fn ceiling(value: &BigRational) -> Option<i64> {
    i64::try_from(value.ceil().to_integer()).ok()
}

/// The greatest integer that is not above `value`, where it fits.
pub(crate) fn floor(value: &BigRational) -> Option<i64> {
    i64::try_from(value.floor().to_integer()).ok()
}

/// It is above zero.
pub(crate) fn is_positive(value: &BigRational) -> bool {
    value.is_positive()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways give one result, in lowest terms, on either side of the border between them.
    #[test]
    fn short_arithmetic_is_exact() {
        let wide = i64::MAX;
        let numbers =
            [0, 1, -1, 2, 3, -4, 6, 10, 97, 3_600, -86_400, 1 << 31, 1 << 40, wide - 1, wide, -wide];
        let mut values = Vec::new();
        for over in numbers {
            for below in numbers.iter().filter(|below| **below != 0) {
                let long = BigRational::new(over.into(), (*below).into());
                let short = ratio(over, *below);
                assert_eq!(
                    (short.numer(), short.denom()),
                    (long.numer(), long.denom()),
                    "{over} over {below}"
                );
                values.push(long);
            }
        }
        values.push(BigRational::new(BigInt::from(wide) * 4, BigInt::from(7)));
        for a in &values {
            for b in &values {
                // `==` of rationals compares values; lowest terms show in the parts.
                for (short, long) in [(product(a, b), a * b), (sum(a, b), a + b)] {
                    assert_eq!((short.numer(), short.denom()), (long.numer(), long.denom()), "{a} and {b}");
                }
            }
        }
    }
}

//! Quantities: exact rationals with a dimension.

use num_rational::BigRational;

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
    /// Exponent of money, with its currency.
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

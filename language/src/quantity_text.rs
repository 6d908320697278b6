//! Quantities as people write them: `34kW`, `900GB/s`, `$2.10/h`, `600ms`, `12 req/s`.
//!
//! What is printed can be read back; it is the same value wherever six decimals are enough, and the
//! value rounded to six significant digits otherwise.

use crate::quantity::{Dimension, Quantity, ratio};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, Zero};
use std::fmt;

/// More decimals than this are rounded away.
const MOST_DECIMALS: u32 = 6;

/// A rounded number keeps this many significant digits.
const SIGNIFICANT: u32 = 6;

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(self))
    }
}

/// A plain number: `1_979`, `3.35`.
pub fn number(value: &BigRational) -> String {
    decimal(value).text
}

/// A ratio as a percentage: `99.95%`.
pub fn percent(value: &BigRational) -> String {
    format!("{}%", number(&(value * ratio(100, 1))))
}

/// One unit for a column of values of `dimension`, and what base units are multiplied by to be in it.
pub fn column_unit(dimension: &Dimension) -> (String, BigRational) {
    let family = FAMILIES.iter().find(|(known, _)| known == dimension);
    let base = family.and_then(|(_, scales)| scales.iter().find(|(_, above, below)| above == below));
    if let Some((unit, ..)) = base {
        return ((*unit).to_owned(), BigRational::one());
    }
    match dimension.money {
        Some((currency, 1)) => {
            let rest = Dimension { money: None, ..dimension.clone() };
            let (factor, above, below) = parts(&rest, true);
            (format!("{}{above}{below}", currency.sign()), factor)
        }
        _ => {
            let (factor, above, below) = parts(dimension, false);
            (format!("{above}{below}"), factor)
        }
    }
}

fn text(quantity: &Quantity) -> String {
    let Quantity { value, dimension } = quantity;
    if value.is_negative() {
        return format!("-{}", text(&quantity.negate()));
    }
    let d = dimension;
    if *d == Dimension::NONE {
        return number(value);
    }
    if let Some((currency, 1)) = d.money {
        let rest = Dimension { money: None, ..d.clone() };
        return money(currency.sign(), value, &rest);
    }
    for (known, scales) in FAMILIES {
        if *d == *known {
            return scaled(value, scales, "");
        }
    }
    if *d == Dimension::DATA_RATE {
        return scaled(value, BYTES, "/s");
    }
    if *d == Dimension::DATA {
        let (metric, binary) = (scaled(value, BYTES, ""), scaled(value, BINARY_BYTES, ""));
        return if binary.len() < metric.len() { binary } else { metric };
    }
    if *d == Dimension::FREQUENCY {
        return frequency(value);
    }
    compound(value, d)
}

/// Units of one dimension, largest first, as base units in one of them.
type Scales = &'static [(&'static str, u64, u64)];

const FAMILIES: &[(Dimension, Scales)] = &[
    (
        Dimension::TIME,
        &[
            ("y", 31_536_000, 1),
            ("d", 86_400, 1),
            ("h", 3_600, 1),
            ("min", 60, 1),
            ("s", 1, 1),
            ("ms", 1, 1_000),
            ("us", 1, 1_000_000),
            ("ns", 1, 1_000_000_000),
        ],
    ),
    (
        Dimension::POWER,
        &[("GW", 1_000_000_000, 1), ("MW", 1_000_000, 1), ("kW", 1_000, 1), ("W", 1, 1), ("mW", 1, 1_000)],
    ),
    (
        Dimension::ENERGY,
        &[
            ("GWh", 3_600_000_000_000, 1),
            ("MWh", 3_600_000_000, 1),
            ("kWh", 3_600_000, 1),
            ("Wh", 3_600, 1),
            ("J", 1, 1),
            ("mJ", 1, 1_000),
        ],
    ),
    (
        Dimension::WORK,
        &[
            ("EFLOP", 1_000_000_000_000_000_000, 1),
            ("PFLOP", 1_000_000_000_000_000, 1),
            ("TFLOP", 1_000_000_000_000, 1),
            ("GFLOP", 1_000_000_000, 1),
            ("MFLOP", 1_000_000, 1),
            ("FLOP", 1, 1),
        ],
    ),
    (
        Dimension::WORK_RATE,
        &[
            ("TFLOPS", 1_000_000_000_000, 1),
            ("GFLOPS", 1_000_000_000, 1),
            ("MFLOPS", 1_000_000, 1),
            ("FLOPS", 1, 1),
        ],
    ),
    (
        Dimension { mass: 1, time: -1, ..Dimension::NONE },
        &[("t/h", 1_000_000, 3_600), ("kg/h", 1_000, 3_600), ("g/h", 1, 3_600)],
    ),
    (Dimension::MASS, &[("t", 1_000_000, 1), ("kg", 1_000, 1), ("g", 1, 1), ("mg", 1, 1_000)]),
];

const BYTES: Scales = &[
    ("EB", 1_000_000_000_000_000_000, 1),
    ("PB", 1_000_000_000_000_000, 1),
    ("TB", 1_000_000_000_000, 1),
    ("GB", 1_000_000_000, 1),
    ("MB", 1_000_000, 1),
    ("kB", 1_000, 1),
    ("B", 1, 1),
];

const BINARY_BYTES: Scales =
    &[("TiB", 1 << 40, 1), ("GiB", 1 << 30, 1), ("MiB", 1 << 20, 1), ("KiB", 1 << 10, 1), ("B", 1, 1)];

const HERTZ: Scales = &[("GHz", 1_000_000_000, 1), ("MHz", 1_000_000, 1), ("kHz", 1_000, 1), ("Hz", 1, 1)];

/// `value` in the largest of `scales` that it reaches and in which it is written exactly; in the
/// largest it reaches where none is exact.
fn scaled(value: &BigRational, scales: Scales, per: &str) -> String {
    let in_unit = |(_, numerator, denominator): &(&str, u64, u64)| {
        value * BigRational::new((*denominator).into(), (*numerator).into())
    };
    let one = BigRational::one();
    let mut reached = scales.iter().filter(|scale| in_unit(scale) >= one);
    let smallest = scales.last();
    // Zero and what is smaller than the smallest unit are written in the base unit.
    let base = scales.iter().find(|(_, numerator, denominator)| numerator == denominator).or(smallest);
    let first = reached.clone().next().or(if value.is_zero() { base } else { smallest });
    let exact = reached.find(|scale| {
        let written = decimal(&in_unit(scale));
        written.exact && written.decimals <= 4
    });
    match exact.or(first) {
        Some(scale) => format!("{}{}{per}", decimal(&in_unit(scale)).text, scale.0),
        None => decimal(value).text,
    }
}

/// A rate of plain events: `1.98GHz` from one a second on, otherwise `2/y`, `4/d`.
fn frequency(value: &BigRational) -> String {
    if *value >= BigRational::one() || value.is_zero() {
        return scaled(value, HERTZ, "");
    }
    [("h", 3_600), ("d", 86_400), ("y", 31_536_000), ("s", 1)]
        .into_iter()
        .map(|(unit, seconds)| {
            let written = decimal(&(value * ratio(seconds, 1)));
            (!written.exact, format!("{}/{unit}", written.text))
        })
        .min_by_key(|(rounded, text)| (*rounded, text.len()))
        .map_or_else(String::new, |(_, text)| text)
}

/// `$22/h`, `$0.14/kWh`, `$90/t`: whole, or at least two decimals.
fn money(sign: &str, value: &BigRational, rest: &Dimension) -> String {
    let (factor, _, below) = parts(rest, true);
    let amount = decimal(&(value * factor));
    let digits = match amount.text.split_once('.') {
        Some((_, decimals)) if decimals.len() == 1 => format!("{}0", amount.text),
        _ => amount.text,
    };
    format!("{sign}{digits}{below}")
}

/// What has no unit of its own: `12 req/s`, `90g/kWh`.
fn compound(value: &BigRational, dimension: &Dimension) -> String {
    let (factor, above, below) = parts(dimension, false);
    let is_noun = NOUNS.iter().any(|noun| above.starts_with(noun));
    let blank = if is_noun { " " } else { "" };
    format!("{}{blank}{above}{below}", number(&(value * factor)))
}

const NOUNS: [&str; 5] = ["req", "tok", "core", "step", "image"];

/// The factor from base units, the units above the line joined by `·`, and those below, each after a `/`.
fn parts(dimension: &Dimension, paid: bool) -> (BigRational, String, String) {
    let d = dimension;
    let mut factor = BigRational::one();
    let (mut above, mut below) = (Vec::new(), String::new());
    let seconds: (&str, u64) = if paid { ("h", 3_600) } else { ("s", 1) };
    let bytes: (&str, u64) = ("GB", 1_000_000_000);
    let grams: (&str, u64) = if paid { ("t", 1_000_000) } else { ("g", 1) };
    let mut add = |(unit, size): (&str, u64), exponent: i8| {
        let size = BigInt::from(size).pow(exponent.unsigned_abs());
        for _ in 0..exponent.unsigned_abs() {
            if exponent > 0 {
                above.push(unit.to_owned());
            } else {
                below.push('/');
                below.push_str(unit);
            }
        }
        let size = BigRational::from_integer(size);
        factor = if exponent > 0 { &factor / size } else { &factor * size };
    };
    add(("req", 1), d.request);
    add(("tok", 1), d.token);
    add(("image", 1), d.image);
    add(("step", 1), d.step);
    add(grams, d.mass);
    add(("FLOP", 1), d.work);
    add(bytes, d.data);
    add(("kWh", 3_600_000), d.energy);
    add(seconds, d.time);
    add(("core", 1), d.core);
    if let Some((currency, exponent)) = d.money {
        add((currency.sign(), 1), exponent);
    }
    (factor, above.join("·"), below)
}

/// A number in decimal.
struct Decimal {
    text: String,
    exact: bool,
    decimals: u32,
}

/// `value` with at most [`MOST_DECIMALS`] decimals, thousands apart; rounded half away from zero.
fn decimal(value: &BigRational) -> Decimal {
    let exact = decimals(value).filter(|decimals| *decimals <= MOST_DECIMALS);
    let places = exact.unwrap_or_else(|| significant_places(value));
    let shift = BigInt::from(10u8).pow(places);
    let shifted = (value * BigRational::from_integer(shift)).round().to_integer();
    let negative = shifted.is_negative();
    let mut digits = shifted.abs().to_string();
    while digits.len() <= places as usize {
        digits.insert(0, '0');
    }
    let split = digits.len() - places as usize;
    let fraction = digits[split..].trim_end_matches('0').to_owned();
    digits.truncate(split);
    let mut text = String::new();
    if negative {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    let decimals = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(&fraction);
    }
    Decimal { text, exact: exact.is_some(), decimals }
}

/// How many decimals write `value` exactly; `None` where no number of them does, or absurdly many.
fn decimals(value: &BigRational) -> Option<u32> {
    let (ten, one) = (BigInt::from(10u8), BigInt::one());
    let mut rest = value.denom().clone();
    for places in 0..=40 {
        if rest == one {
            return Some(places);
        }
        // One more decimal multiplies by ten, which cancels what divides it.
        let common = num_integer_gcd(&rest, &ten);
        if common == one {
            return None;
        }
        rest /= common;
    }
    None
}

/// The greatest common divisor, by Euclid.
fn num_integer_gcd(a: &BigInt, b: &BigInt) -> BigInt {
    let (mut a, mut b) = (a.clone(), b.clone());
    while !b.is_zero() {
        let rest = &a % &b;
        a = b;
        b = rest;
    }
    a
}

/// Decimals that leave [`SIGNIFICANT`] digits of `value`.
fn significant_places(value: &BigRational) -> u32 {
    let mut bound = BigRational::one();
    let ten = ratio(10, 1);
    let size = value.abs();
    if size >= bound {
        let digits = size.to_integer().to_string().len();
        return SIGNIFICANT.saturating_sub(u32::try_from(digits).unwrap_or(u32::MAX));
    }
    let mut places = SIGNIFICANT;
    while size < bound && places < 40 {
        bound /= &ten;
        places += 1;
    }
    places.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::unit;

    fn quantity(number: &str, written: &str) -> Quantity {
        let unit = unit(written).expect("a unit of the table");
        let number: BigRational = match number.split_once('.') {
            Some((whole, fraction)) => BigRational::new(
                format!("{whole}{fraction}").parse().expect("digits"),
                BigInt::from(10).pow(fraction.len() as u32),
            ),
            None => BigRational::from_integer(number.parse().expect("digits")),
        };
        Quantity::new(number * unit.factor, unit.dimension)
    }

    #[track_caller]
    fn check(number: &str, unit: &str, expected: &str) {
        assert_eq!(quantity(number, unit).to_string(), expected);
    }

    #[test]
    fn the_unit_that_people_would_choose() {
        check("34", "kW", "34kW");
        check("900", "GB/s", "900GB/s");
        check("3.35", "TB/s", "3.35TB/s");
        check("100", "Gbit/s", "12.5GB/s");
        check("0.6", "s", "600ms");
        check("90", "s", "1.5min");
        check("100", "s", "100s");
        check("24", "h", "1d");
        check("7", "d", "7d");
        check("365", "d", "1y");
        check("16384", "MiB", "16GiB");
        check("80", "GB", "80GB");
        check("2", "TiB", "2TiB");
        check("1979", "TFLOPS", "1_979TFLOPS");
        check("1110", "MHz", "1.11GHz");
        check("380", "req/s", "380 req/s");
        check("12", "core", "12 core");
        check("1200", "tok", "1_200 tok");
        check("90", "g/kWh", "90g/kWh");
        check("390", "g/kWh", "390g/kWh");
        check("20", "TFLOP", "20TFLOP");
        check("34", "kWh", "34kWh");
        check("0", "W", "0W");
        check("0", "B", "0B");
        check("8", "", "8");
        check("60", "%", "0.6");
    }

    #[test]
    fn money() {
        check("2.1", "$/h", "$2.10/h");
        check("22", "$/h", "$22/h");
        check("0.19", "$/h", "$0.19/h");
        check("0.095", "$/h", "$0.095/h");
        check("0.14", "€/kWh", "€0.14/kWh");
        check("90", "$/t", "$90/t");
        check("0.01", "$/GB", "$0.01/GB");
        check("24", "$/d", "$1/h");
        check("5", "£", "£5");
    }

    #[test]
    fn rare_events() {
        check("2", "/y", "2/y");
        check("4", "/d", "4/d");
        check("1", "/h", "1/h");
    }

    #[test]
    fn what_no_decimal_writes_is_rounded() {
        let third = Quantity::number(ratio(1, 3));
        assert_eq!(third.to_string(), "0.333333");
        assert_eq!(Quantity::number(ratio(2_000_000, 3)).to_string(), "666_667");
        assert_eq!(Quantity::number(ratio(-2, 3)).to_string(), "-0.666667");
        assert_eq!(percent(&ratio(9995, 10_000)), "99.95%");
    }
}

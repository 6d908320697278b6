//! Units: what may follow a number, and how much it is.
//!
//! `GB` and `GiB` both exist. `Gb` does not (it is read both ways), nor a bare `m` (minutes, metres and
//! milli are all meant by it) or `k`. Count nouns (`req tok core step image`) may be plural.

use crate::quantity::{Currency, Dimension};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow};

/// The factor to the base unit, and what it measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Base units in one of it.
    pub factor: BigRational,
    /// What it measures.
    pub dimension: Dimension,
}

/// A unit that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUnit {
    /// The part that is unknown: `Gb` of `Gb/s`.
    pub part: String,
    /// What might be meant.
    pub suggestion: Option<String>,
}

/// A row of the table: a name, its factor over the base unit, its dimension and its prefixes.
struct Row {
    name: &'static str,
    numerator: u64,
    denominator: u64,
    dimension: Dimension,
    prefixes: &'static [Prefix],
    /// A count noun: it is written one blank after its number, and has a plural.
    noun: bool,
}

/// A power of ten or of two before a unit.
struct Prefix {
    text: &'static str,
    base: u64,
    /// Negative divides.
    exponent: i8,
}

const fn ten(text: &'static str, exponent: i8) -> Prefix {
    Prefix { text, base: 10, exponent }
}

const fn two(text: &'static str, exponent: i8) -> Prefix {
    Prefix { text, base: 2, exponent }
}

const NONE: &[Prefix] = &[];
const BELOW: &[Prefix] = &[ten("m", -3), ten("u", -6), ten("µ", -6), ten("n", -9)];
const AROUND: &[Prefix] = &[ten("m", -3), ten("k", 3), ten("M", 6), ten("G", 9), ten("T", 12)];
const ABOVE: &[Prefix] = &[ten("k", 3), ten("M", 6), ten("G", 9), ten("T", 12), ten("P", 15), ten("E", 18)];
const BYTES: &[Prefix] = &[
    ten("k", 3),
    ten("M", 6),
    ten("G", 9),
    ten("T", 12),
    ten("P", 15),
    ten("E", 18),
    two("Ki", 10),
    two("Mi", 20),
    two("Gi", 30),
    two("Ti", 40),
    two("Pi", 50),
    two("Ei", 60),
];
const GRAMS: &[Prefix] = &[ten("m", -3), ten("k", 3)];

const fn row(
    name: &'static str,
    numerator: u64,
    denominator: u64,
    dimension: Dimension,
    prefixes: &'static [Prefix],
) -> Row {
    Row { name, numerator, denominator, dimension, prefixes, noun: false }
}

const fn noun(name: &'static str, dimension: Dimension) -> Row {
    Row { name, numerator: 1, denominator: 1, dimension, prefixes: NONE, noun: true }
}

static ROWS: &[Row] = &[
    row("s", 1, 1, Dimension::TIME, BELOW),
    row("min", 60, 1, Dimension::TIME, NONE),
    row("h", 3_600, 1, Dimension::TIME, NONE),
    row("d", 86_400, 1, Dimension::TIME, NONE),
    row("y", 31_536_000, 1, Dimension::TIME, NONE),
    row("Hz", 1, 1, Dimension::FREQUENCY, ABOVE),
    row("J", 1, 1, Dimension::ENERGY, AROUND),
    row("Wh", 3_600, 1, Dimension::ENERGY, AROUND),
    row("W", 1, 1, Dimension::POWER, AROUND),
    row("B", 1, 1, Dimension::DATA, BYTES),
    row("bit", 1, 8, Dimension::DATA, ABOVE),
    row("FLOP", 1, 1, Dimension::WORK, ABOVE),
    row("FLOPS", 1, 1, Dimension::WORK_RATE, ABOVE),
    row("g", 1, 1, Dimension::MASS, GRAMS),
    row("t", 1_000_000, 1, Dimension::MASS, NONE),
    noun("req", Dimension::REQUEST),
    noun("tok", Dimension::TOKEN),
    noun("core", Dimension::CORE),
    noun("step", Dimension::STEP),
    noun("image", Dimension::IMAGE),
];

/// Reads a unit as it is written after (or, for money, around) a number: `GB/s`, `%/h`, `$/h`, `/y`, ``.
///
/// # Errors
/// Where a part of it does not exist.
pub fn unit(text: &str) -> Result<Unit, UnknownUnit> {
    let mut parts = text.split('/');
    // Before the first slash: nothing in `/y` and in a plain number.
    let mut whole = match parts.next().unwrap_or("").trim() {
        "" => Unit { factor: BigRational::one(), dimension: Dimension::NONE },
        first => single(first)?,
    };
    for part in parts {
        let part = part.trim();
        let below = single(part)?;
        let out_of_range = |_| UnknownUnit { part: text.to_owned(), suggestion: None };
        whole = Unit {
            factor: whole.factor / below.factor,
            dimension: below
                .dimension
                .inverse()
                .and_then(|inverse| whole.dimension.multiply(&inverse))
                .map_err(out_of_range)?,
        };
        // Thousands of `/s` leave the exponents' range long before they cost anything here.
    }
    Ok(whole)
}

/// The names of all units, prefixed ones too, as suggestions need them.
pub(crate) fn names() -> impl Iterator<Item = String> {
    ROWS.iter().flat_map(|row| {
        std::iter::once(row.name.to_owned())
            .chain(row.noun.then(|| format!("{}s", row.name)))
            .chain(row.prefixes.iter().map(|prefix| format!("{}{}", prefix.text, row.name)))
    })
}

/// A row of the manual.
pub(crate) struct Listed {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What may stand before it.
    pub(crate) prefixes: String,
    /// How much it is, in base units.
    pub(crate) worth: String,
}

/// Every unit, for the manual.
pub(crate) fn table() -> impl Iterator<Item = Listed> {
    let percent = Listed { name: "%", prefixes: String::new(), worth: "1/100".to_owned() };
    std::iter::once(percent).chain(ROWS.iter().map(|row| {
        let prefixes: Vec<_> = row.prefixes.iter().map(|prefix| format!("`{}`", prefix.text)).collect();
        let base = ROWS
            .iter()
            .find(|base| base.dimension == row.dimension && base.numerator == 1 && base.denominator == 1);
        let worth = match base {
            Some(base) if base.name != row.name => {
                let factor = BigRational::new(row.numerator.into(), row.denominator.into());
                format!("{} {}", crate::quantity_text::number(&factor), base.name)
            }
            _ => format!("the unit of {}", crate::schema::dimension_name(&row.dimension)),
        };
        Listed { name: row.name, prefixes: prefixes.join(" "), worth }
    }))
}

/// One unit without a slash.
fn single(text: &str) -> Result<Unit, UnknownUnit> {
    if text == "%" {
        return Ok(Unit { factor: crate::quantity::ratio(1, 100), dimension: Dimension::NONE });
    }
    for currency in Currency::ALL {
        if text == currency.sign() {
            return Ok(Unit { factor: BigRational::one(), dimension: Dimension::money(currency) });
        }
    }
    for row in ROWS {
        let factor = || BigRational::new(row.numerator.into(), row.denominator.into());
        if text == row.name || (row.noun && text.strip_suffix('s') == Some(row.name)) {
            return Ok(Unit { factor: factor(), dimension: row.dimension.clone() });
        }
        let Some(before) = text.strip_suffix(row.name) else {
            continue;
        };
        if let Some(prefix) = row.prefixes.iter().find(|prefix| prefix.text == before) {
            return Ok(Unit { factor: factor() * prefix.factor(), dimension: row.dimension.clone() });
        }
    }
    Err(UnknownUnit { suggestion: suggestion(text), part: text.to_owned() })
}

impl Prefix {
    fn factor(&self) -> BigRational {
        let size = BigInt::from(self.base).pow(self.exponent.unsigned_abs());
        if self.exponent < 0 {
            BigRational::new(BigInt::one(), size)
        } else {
            BigRational::from_integer(size)
        }
    }
}

/// What might be meant by `text`.
fn suggestion(text: &str) -> Option<String> {
    match text {
        "m" => {
            Some("`min` for minutes, `ms` for milliseconds, `0.5 core` for a `500m` of Kubernetes".to_owned())
        }
        "k" | "K" => Some("thousands written out: `12_000`".to_owned()),
        "sec" | "secs" | "second" | "seconds" => Some("`s`".to_owned()),
        "hour" | "hours" | "hr" => Some("`h`".to_owned()),
        "day" | "days" => Some("`d`".to_owned()),
        "year" | "years" => Some("`y`".to_owned()),
        "month" | "months" | "mo" => Some("`d`, as months differ in length".to_owned()),
        "token" | "tokens" => Some("`tok`".to_owned()),
        "request" | "requests" => Some("`req`".to_owned()),
        "rps" | "qps" => Some("`req/s`".to_owned()),
        "Ki" | "Mi" | "Gi" | "Ti" | "Pi" => Some(format!("`{text}B`")),
        "vcpu" | "cpu" | "cpus" => Some("`core`".to_owned()),
        _ => {
            // `Gb`, `Mb`: bits or bytes?
            if let Some(prefix) = text.strip_suffix('b')
                && let Some(metric) = ["k", "K", "M", "G", "T", "P"].iter().find(|known| **known == prefix)
            {
                let metric = if *metric == "K" { "k" } else { metric };
                return Some(format!("`{metric}bit` for bits, `{metric}B` for bytes"));
            }
            // Only the case differs: `gb`, `KB`, `KW`.
            names()
                .find(|name| name.eq_ignore_ascii_case(text))
                .or_else(|| names().find(|name| text.len() > 2 && strsim::osa_distance(name, text) == 1))
                .map(|name| format!("`{name}`"))
        }
    }
}

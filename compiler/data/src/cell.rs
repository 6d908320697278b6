//! What stands in a column of a row, before it is read as a time, a count or a reading.

use crate::instant::{Clock, Decimal, Instant, SECOND, instant, scaled};
use crate::refusal::{Refusal, shown};

/// The most tokens that a request may have.
pub const MOST_TOKENS: i128 = 1 << 32;

/// Readings are kept in units of `10^-PLACES`.
pub const PLACES: u32 = 12;

/// A value as its file holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Characters.
    Text(&'a [u8]),
    /// A whole number.
    Whole(i64),
    /// A number in floating point.
    Float(f64),
    /// A date: nanoseconds since 1970.
    Date(i64),
    /// Nothing.
    Missing,
}

impl Cell<'_> {
    /// A moment; a number counts `unit` nanoseconds.
    pub fn instant(&self, unit: i64) -> Result<Instant, Refusal> {
        match self {
            Self::Text(text) => instant(text, unit),
            Self::Whole(value) => match value.checked_mul(unit) {
                Some(nanoseconds) => Ok(Instant { nanoseconds, clock: Clock::Number }),
                None => instant(value.to_string().as_bytes(), unit),
            },
            // The shortest digits that mean this number are those that were written.
            Self::Float(value) => instant(value.to_string().as_bytes(), unit),
            Self::Date(nanoseconds) => Ok(Instant { nanoseconds: *nanoseconds, clock: Clock::Date }),
            Self::Missing => instant(b"", SECOND),
        }
    }

    /// Tokens: a whole number, none below zero.
    pub fn tokens(&self) -> Result<u64, Refusal> {
        let (value, text) = match self {
            Self::Text(text) => {
                let text = text.trim_ascii();
                // Most are a few digits.
                if (1..=9).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
                    return Ok(text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
                }
                (thousandths(text)?, shown(text))
            }
            Self::Whole(value) => (i128::from(*value) * 1_000, value.to_string()),
            Self::Float(value) => (thousandths(value.to_string().as_bytes())?, value.to_string()),
            Self::Date(_) => return Err(no_number("a date")),
            Self::Missing => (thousandths(b"")?, String::new()),
        };
        if value < 0 {
            return Err(Refusal::new(
                format!("`{text}` tokens, fewer than none"),
                "A count is zero or more. Leave rows out that were not measured.",
            ));
        }
        if value % 1_000 != 0 {
            return Err(Refusal::new(format!("`{text}` is no whole number of tokens"), "Give whole tokens."));
        }
        if value / 1_000 > MOST_TOKENS {
            return Err(Refusal::new(
                format!("`{text}` tokens, more than any request has"),
                "Are the columns in the order that their head says?",
            ));
        }
        Ok(u64::try_from(value / 1_000).unwrap_or(0))
    }

    /// A reading, in units of `10^-`[`PLACES`].
    pub fn reading(&self) -> Result<i128, Refusal> {
        match self {
            Self::Text(text) => number(text.trim_ascii(), PLACES),
            Self::Whole(value) => number(value.to_string().as_bytes(), PLACES),
            Self::Float(value) => number(value.to_string().as_bytes(), PLACES),
            Self::Date(_) => Err(no_number("a date")),
            Self::Missing => number(b"", PLACES),
        }
    }
}

fn thousandths(text: &[u8]) -> Result<i128, Refusal> {
    number(text, 3)
}

fn number(text: &[u8], places: u32) -> Result<i128, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("it is empty", "Give the number, or leave the row out."));
    }
    match scaled(text, places) {
        // A thousandth of what the type holds: the sum of a step's readings stays in it.
        Some(Decimal::Value(value)) if value.unsigned_abs() < 1 << 96 => Ok(value),
        Some(_) => Err(Refusal::new(
            format!("`{}` is out of range", shown(text)),
            "Use a unit in which the numbers are smaller.",
        )),
        None => Err(no_number(&format!("`{}`", shown(text)))),
    }
}

fn no_number(what: &str) -> Refusal {
    Refusal::new(
        format!("{what} is no number"),
        "Write digits with a point, such as `1250` or `0.25`; leave rows out that were not measured.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_whole_and_not_negative() {
        assert_eq!(Cell::Text(b" 4808 ").tokens(), Ok(4_808));
        assert_eq!(Cell::Text(b"12.0").tokens(), Ok(12));
        assert_eq!(Cell::Float(374.0).tokens(), Ok(374));
        assert_eq!(Cell::Whole(7).tokens(), Ok(7));
        for (cell, found) in [
            (Cell::Text(b"-3"), "`-3` tokens, fewer than none"),
            (Cell::Whole(-1), "`-1` tokens, fewer than none"),
            (Cell::Text(b"NaN"), "`NaN` is no number"),
            (Cell::Float(f64::NAN), "`NaN` is no number"),
            (Cell::Float(f64::INFINITY), "`inf` is no number"),
            (Cell::Text(b""), "it is empty"),
            (Cell::Missing, "it is empty"),
            (Cell::Text(b"1.5"), "`1.5` is no whole number of tokens"),
            (Cell::Text(b"99999999999"), "`99999999999` tokens, more than any request has"),
            (Cell::Text(b"1e40"), "`1e40` is out of range"),
            (Cell::Text(b"twelve"), "`twelve` is no number"),
        ] {
            assert_eq!(cell.tokens().unwrap_err().found, found);
        }
    }

    #[test]
    fn readings_keep_what_is_written() {
        assert_eq!(Cell::Text(b"0.1").reading(), Ok(100_000_000_000));
        assert_eq!(Cell::Float(0.1).reading(), Ok(100_000_000_000));
        assert_eq!(Cell::Text(b"-12").reading(), Ok(-12_000_000_000_000));
    }
}

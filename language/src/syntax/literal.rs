//! Numbers with their units, and strings.

use super::ast::Quantity;
use super::grammar::Rule;
use super::statement::Tree;
use crate::diagnostics::Diagnostic;
use crate::quantity::fraction;
use crate::span::{Span, Spanned};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow};
use pest::iterators::Pair;

/// Digits of a number, and the most its exponent may add: more is no quantity of this world.
const MOST_DIGITS: usize = 60;

impl Tree<'_> {
    /// A number with its unit; `None` after a diagnostic.
    pub(super) fn quantity(&mut self, pair: Pair<'_, Rule>) -> Option<Quantity> {
        let span = self.span(&pair);
        let mut number = None;
        let mut number_end = span;
        let mut unit = String::new();
        let mut unit_span: Option<Span> = None;
        for part in pair.into_inner().flatten() {
            let part_span = self.span(&part);
            match part.as_rule() {
                Rule::number => {
                    number = self.number(&part);
                    number_end = Span { start: part_span.end, ..part_span };
                }
                Rule::currency | Rule::per | Rule::percent | Rule::unit | Rule::noun => {
                    unit.push_str(part.as_str());
                    unit_span = Some(unit_span.map_or(part_span, |before| before.join(part_span)));
                }
                _ => {}
            }
        }
        Some(Quantity { number: number?, unit, unit_span: unit_span.unwrap_or(number_end) })
    }

    fn number(&mut self, pair: &Pair<'_, Rule>) -> Option<BigRational> {
        let number = exact(pair.as_str());
        if number.is_none() {
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax::number-too-large",
                    "a number beyond any quantity",
                    self.span(pair),
                    format!("more than {MOST_DIGITS} digits, or an exponent beyond {MOST_DIGITS}"),
                )
                .help("Write it with a larger or smaller unit, such as `TB` for `GB` or `us` for `s`."),
            );
        }
        number
    }

    /// A pair of rule `string`, without its quotes and with escapes resolved.
    pub(super) fn string(&mut self, pair: Pair<'_, Rule>) -> Spanned<String> {
        let span = self.span(&pair);
        let written = pair.as_str();
        let mut value = String::with_capacity(written.len());
        let mut characters = written.char_indices().skip(1).peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => break,
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, other)) => {
                        value.push(other);
                        let start = span.start as usize + at;
                        let end = start + 1 + other.len_utf8();
                        self.diagnostics.push(
                            Diagnostic::error(
                                "syntax::unknown-escape",
                                "an escape that no string has",
                                Span::new(self.file, start, end),
                                format!("`\\` before `{}`", other.escape_debug()),
                            )
                            .help("A string knows `\\\"`, `\\\\`, `\\n` and `\\t`; a backslash itself is `\\\\`."),
                        );
                    }
                    None => value.push('\\'),
                },
                _ => value.push(character),
            }
        }
        Spanned::new(value, span)
    }
}

/// The value of digits with `_`, a fraction and an exponent; `None` where it is beyond reason.
fn exact(written: &str) -> Option<BigRational> {
    short(written).or_else(|| long(written))
}

/// The same where it is short and has no exponent: almost always.
fn short(written: &str) -> Option<BigRational> {
    /// Digits that a word holds.
    const MOST: u32 = 18;
    let (mut digits, mut places, mut after_point) = (0_i128, 0, false);
    let mut count = 0;
    for character in written.chars() {
        match character {
            '0'..='9' if count < MOST => {
                digits = digits * 10 + i128::from(u32::from(character) - u32::from('0'));
                count += 1;
                places += u32::from(after_point);
            }
            '_' => {}
            '.' if !after_point => after_point = true,
            _ => return None,
        }
    }
    Some(fraction(digits, 10_i128.pow(places)))
}

fn long(written: &str) -> Option<BigRational> {
    let written: String = written.chars().filter(|c| *c != '_').collect();
    let (mantissa, exponent) = match written.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (written.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() > MOST_DIGITS || exponent.unsigned_abs() > MOST_DIGITS as u64 {
        return None;
    }
    let digits: BigInt = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent - fraction.len() as i64;
    let power: BigInt = Pow::pow(BigInt::from(10), shift.unsigned_abs());
    Some(if shift < 0 {
        BigRational::new(digits, power)
    } else {
        BigRational::new(digits * power, BigInt::one())
    })
}

#[cfg(test)]
mod tests {
    use super::{long, short};
    use num_rational::BigRational;

    #[test]
    fn short_numbers_are_read_alike() {
        for written in ["0", "1", "007", "1_200", "1.50", "0.001", "999_999_999.999_999_999", "1.0"] {
            let parts = |number: Option<BigRational>| number.map(BigRational::into_raw);
            assert_eq!(parts(short(written)), parts(long(written)), "{written}");
        }
        assert_eq!(short("1234567890123456789"), None);
        assert_eq!(short("1e3"), None);
    }
}

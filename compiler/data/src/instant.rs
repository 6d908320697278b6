//! Moments, as traces write them.
//!
//! A date is that of RFC 3339, with a blank in place of `T` allowed, and UTC where it names no zone: Azure's
//! traces are written so. Otherwise a moment is a number of seconds or milliseconds from anywhere.

use crate::refusal::{Refusal, shown};

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;

/// How a file writes its moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// `2023-11-16 18:17:03.9799600`.
    Date,
    /// A number.
    Number,
}

/// A moment in nanoseconds: since 1970 in UTC where it is a date, else from where its file counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The count.
    pub nanoseconds: i64,
    /// How it was written.
    pub clock: Clock,
}

/// The moment that `text` writes; a number counts `unit` nanoseconds.
pub fn instant(text: &[u8], unit: i64) -> Result<Instant, Refusal> {
    let text = text.trim_ascii();
    // `2023-` and no number: a number has no sign but at its beginning and in its exponent.
    let is_date = text.len() >= 10 && text.get(4) == Some(&b'-') && text.get(..4).is_some_and(all_digits);
    if is_date {
        let nanoseconds = date(text).ok_or_else(|| unreadable(text))?;
        return Ok(Instant { nanoseconds, clock: Clock::Date });
    }
    if text.is_empty() {
        return Err(Refusal::new("the time is empty", "Give every row its time."));
    }
    let nanoseconds = match scaled(text, unit.ilog10()) {
        Some(Decimal::Value(value)) => i64::try_from(value).ok(),
        Some(Decimal::TooLarge) => None,
        None => return Err(unreadable(text)),
    };
    let nanoseconds = nanoseconds.ok_or_else(|| {
        Refusal::new(
            format!("the time `{}` is out of range", shown(text)),
            "Count the seconds; 292 years of them can be told apart. Milliseconds since 1970 are too many.",
        )
    })?;
    Ok(Instant { nanoseconds, clock: Clock::Number })
}

fn unreadable(text: &[u8]) -> Refusal {
    Refusal::new(
        format!("`{}` is no time", shown(text)),
        "Write `2026-11-02T09:30:00Z`, or a number of seconds.",
    )
}

/// A decimal number in units of a power of ten, cut off below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal {
    /// So many units.
    Value(i128),
    /// More than are counted.
    TooLarge,
}

/// `text` times `10^places`; `None` where it is no number.
pub fn scaled(text: &[u8], places: u32) -> Option<Decimal> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (digits, exponent) = match digits.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (digits.get(..at)?, exponent(digits.get(at + 1..)?)?),
        None => (digits, 0),
    };
    // What the digits taken so far are still to be multiplied by, as a power of ten.
    let mut shift = i64::from(places) + exponent;
    let (mut value, mut any, mut fraction, mut too_large): (i128, _, _, _) = (0, false, false, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                any = true;
                // Below the last place that is kept.
                if fraction && shift <= 0 {
                    continue;
                }
                shift -= i64::from(fraction);
                match value.checked_mul(10).and_then(|value| value.checked_add(i128::from(byte - b'0'))) {
                    Some(larger) => value = larger,
                    None => too_large = true,
                }
            }
            b'.' if !fraction => fraction = true,
            _ => return None,
        }
    }
    if !any {
        return None;
    }
    if too_large {
        return Some(Decimal::TooLarge);
    }
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|size| 10_i128.checked_pow(size));
    let value = match (shift, power) {
        _ if value == 0 => Some(0),
        (..0, power) => Some(power.map_or(0, |power| value / power)),
        (_, power) => power.and_then(|power| value.checked_mul(power)),
    };
    Some(value.map_or(Decimal::TooLarge, |value| Decimal::Value(if negative { -value } else { value })))
}

/// The power of ten after an `e`, cut to where it makes no difference.
fn exponent(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !all_digits(digits) {
        return None;
    }
    let size = digits.iter().fold(0_i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(100_000));
    Some(if text.first() == Some(&b'-') { -size } else { size })
}

fn all_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// Nanoseconds since 1970; `None` where it is no date, or one out of range.
fn date(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| all_digits(digits))?;
        Some(digits.iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, marks: &[u8]| text.get(at).is_some_and(|byte| marks.contains(byte));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if !mark(4, b"-")
        || !mark(7, b"-")
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    let midnight = days(year, month, day) * 86_400;
    if text.len() == 10 {
        return midnight.checked_mul(SECOND);
    }
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // 60 is a leap second.
    if !mark(10, b"Tt ") || !mark(13, b":") || !mark(16, b":") || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let kept = after.get(..length.min(9))?;
        fraction = kept.iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        fraction *= 10_i64.checked_pow(9 - u32::try_from(kept.len()).ok()?)?;
        rest = after.get(length..).filter(|_| length > 0)?;
    }
    let offset = offset(rest)?;
    let seconds = midnight + hour * 3_600 + minute * 60 + second - offset;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

/// Seconds east of Greenwich: `Z`, `+01:00`, or nothing for UTC.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        b"" | b"Z" | b"z" | b" UTC" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if all_digits(&[*h1, *h2, *m1, *m2]) => {
            let two = |tens: u8, ones: u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let (hours, minutes) = (two(*h1, *h2), two(*m1, *m2));
            let seconds = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are taken to begin in March, so that the leap day
/// is the last of its year, and 400 of them have 146,097 days: E. G. Richards, "Calendars", in Urban and
/// Seidelmann (eds.), "Explanatory Supplement to the Astronomical Almanac", 3rd edition (2013), section 15.11.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * since_march + 2) / 5
        + day
        - 1
        - 719_468
}

/// A moment, in seconds since 1970 in UTC, as a date: `2026-11-02 09:30:00`.
pub fn date_text(seconds: i64) -> String {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The inverse of `days`, with years from March again: one is found from the day of its era of 400.
    let (era, day) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * since_march + 2) / 5 + 1;
    let month = if since_march < 10 { since_march + 3 } else { since_march - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<i64> {
        instant(text.as_bytes(), SECOND).ok().map(|instant| instant.nanoseconds)
    }

    /// Against `date -d … +%s%N`.
    #[test]
    fn dates_are_what_the_calendar_says() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2023-11-16 18:17:03.9799600", 1_700_158_623_979_960_000),
            ("2023-11-16 18:17:03", 1_700_158_623_000_000_000),
            ("2023-11-16T19:17:03+01:00", 1_700_158_623_000_000_000),
            ("2023-11-16T12:47:03-05:30", 1_700_158_623_000_000_000),
            ("2024-02-29", 1_709_164_800_000_000_000),
            ("2000-03-01T00:00:00z", 951_868_800_000_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000_000),
            ("2023-11-16T18:17:03.123456789123Z", 1_700_158_623_123_456_789),
        ] {
            assert_eq!(at(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn every_date_is_written_as_it_is_read() {
        // Past each end of a year, a February and an era.
        for day in (-100_000..100_000).step_by(13) {
            let text = date_text(day * 86_400 + 83_045);
            assert_eq!(at(&text), (day * 86_400 + 83_045).checked_mul(SECOND), "{text}");
        }
        assert_eq!(date_text(1_700_158_623), "2023-11-16 18:17:03");
        assert_eq!(date_text(1_709_164_800), "2024-02-29 00:00:00");
    }

    #[test]
    fn numbers_count_from_anywhere() {
        for (text, expected) in [
            ("0", 0),
            ("12", 12_000_000_000),
            (" 0.25 ", 250_000_000),
            ("1e3", 1_000_000_000_000),
            ("1.5E-3", 1_500_000),
            ("12345e-1", 1_234_500_000_000),
            (".5", 500_000_000),
            ("5.", 5_000_000_000),
            ("-3.5", -3_500_000_000),
            ("1.00000000099", 1_000_000_000),
            ("1700158623.97996", 1_700_158_623_979_960_000),
        ] {
            assert_eq!(at(text), Some(expected), "{text}");
        }
        assert_eq!(instant(b"27482", SECOND / 1_000).unwrap().nanoseconds, 27_482_000_000);
        assert_eq!(scaled(b"12.34567", 3), Some(Decimal::Value(12_345)));
        assert_eq!(scaled(b"12.3e4", 3), Some(Decimal::Value(123_000_000)));
        assert_eq!(scaled(b"0e999999999999", 3), Some(Decimal::Value(0)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "noon",
            "NaN",
            "inf",
            "1e",
            "1.2.3",
            "--1",
            "2023-13-01",
            "2023-02-29",
            "2023-11-16T25:00:00",
            "2023-11-16T12:00",
            "2023-11-16T12:00:00+1",
            "2023-11-16T12:00:00.Z",
            "1e40",
            "1700158623979",
            "9999-12-31",
            "1e99999999999999999999",
            "0x10",
            "12 34",
            "２",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}

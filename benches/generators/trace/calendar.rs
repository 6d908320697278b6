//! Dates of a trace that begins at midnight (UTC) of 2 November 2026.

use std::io::Write;

/// Days of each month from November on; February's of a common year.
const MONTHS: [u64; 12] = [30, 31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31];

/// The date of the last moment that was written.
pub struct Calendar {
    /// Days since the first.
    days: u64,
    text: Vec<u8>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { days: 0, text: b"2026-11-02".to_vec() }
    }
}

impl Calendar {
    /// Writes the moment `nanoseconds` after the beginning, with so many digits after the second, a mark between
    /// date and time, and one after it.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        nanoseconds: u64,
        digits: u32,
        between: u8,
        after: &str,
    ) -> std::io::Result<()> {
        let seconds = nanoseconds / 1_000_000_000;
        if self.days != seconds / 86_400 {
            self.days = seconds / 86_400;
            self.text = date(self.days).into_bytes();
        }
        out.extend_from_slice(&self.text);
        out.push(between);
        let two = |number: u64| [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8];
        out.extend_from_slice(&two(seconds / 3_600 % 24));
        out.push(b':');
        out.extend_from_slice(&two(seconds / 60 % 60));
        out.push(b':');
        out.extend_from_slice(&two(seconds % 60));
        if digits > 0 {
            let fraction = nanoseconds % 1_000_000_000 / 10_u64.pow(9 - digits.min(9));
            write!(out, ".{fraction:0width$}", width = digits as usize)?;
        }
        out.extend_from_slice(after.as_bytes());
        Ok(())
    }
}

/// The date so many days after 2 November 2026.
fn date(days: u64) -> String {
    let (mut year, mut month, mut left) = (2026_u64, 10_usize, days + 1);
    loop {
        let leap = u64::from(
            month == 1 && (year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)),
        );
        // The table begins in November.
        let length = MONTHS[(month + 2) % 12] + leap;
        if left < length {
            return format!("{year}-{:02}-{:02}", month + 1, left + 1);
        }
        left -= length;
        month += 1;
        if month == 12 {
            (year, month) = (year + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `date -d '2026-11-02 + N days'`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, "2026-11-02"),
            (28, "2026-11-30"),
            (29, "2026-12-01"),
            (60, "2027-01-01"),
            (118, "2027-02-28"),
            (119, "2027-03-01"),
            (484, "2028-02-29"),
            (485, "2028-03-01"),
            (10_000, "2054-03-20"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}

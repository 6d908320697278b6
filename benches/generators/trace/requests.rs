//! Requests: a renewal process in a time that runs as fast as they come.

use super::{Arguments, Calendar, Columns, daily};
use crate::random::Random;
use std::io::Write;

/// The rate is taken as constant for at most this many seconds.
const PIECE: f64 = 600.0;

/// Medians and deviations of the logarithm of prompts and answers.
const PROMPT: (f64, f64) = (900.0, 0.8);
const OUTPUT: (f64, f64) = (220.0, 0.6);

/// Writes head and rows; how many these were.
pub fn write(
    arguments: &Arguments,
    random: &mut Random,
    calendar: &mut Calendar,
    out: &mut impl Write,
) -> std::io::Result<u64> {
    let head = match arguments.columns {
        Columns::Arrivals => "time\n",
        Columns::Azure => "TIMESTAMP,ContextTokens,GeneratedTokens\n",
        Columns::Requests | Columns::Readings => "time,prompt,output\n",
    };
    out.write_all(head.as_bytes())?;
    let end = arguments.days * 86_400.0;
    let shape = 1.0 / (arguments.cv * arguments.cv);
    let (mut seconds, mut rows, mut row) = (0.0_f64, 0_u64, Vec::new());
    while arguments.rows.is_none_or(|most| rows < most) {
        // A gap of mean 1 in the time in which one request comes at a time.
        let mut gap = random.gamma(shape) / shape;
        while gap > 0.0 && seconds < end {
            let rate = rate(arguments, seconds) / 3_600.0;
            let piece = (gap / rate).min(PIECE);
            gap -= piece * rate;
            seconds += piece;
            if piece < PIECE {
                break;
            }
        }
        if seconds >= end {
            break;
        }
        row.clear();
        let nanoseconds = (seconds * 1e9) as u64;
        match arguments.columns {
            Columns::Azure => calendar.write(&mut row, nanoseconds, 7, b' ', "")?,
            // One request a minute needs no more.
            _ if arguments.peak < 600.0 => calendar.write(&mut row, nanoseconds, 0, b'T', "Z")?,
            _ => calendar.write(&mut row, nanoseconds, 6, b'T', "Z")?,
        }
        if arguments.columns != Columns::Arrivals {
            write!(row, ",{},{}", tokens(random, PROMPT), tokens(random, OUTPUT))?;
        }
        row.push(b'\n');
        out.write_all(&row)?;
        rows += 1;
    }
    Ok(rows)
}

/// Requests an hour.
fn rate(arguments: &Arguments, seconds: f64) -> f64 {
    let day = (seconds / 86_400.0) as u64 % 7;
    let part = if day >= 5 { arguments.weekend } else { 1.0 };
    // Nobody waits for ever.
    (daily(arguments, seconds) * part).max(1e-6)
}

fn tokens(random: &mut Random, (median, sigma): (f64, f64)) -> u64 {
    (median * (sigma * random.normal()).exp()).round().max(1.0) as u64
}

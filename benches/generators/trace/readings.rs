//! Readings by the hour: a daily curve, and a wandering about it.

use super::{Arguments, Calendar, daily};
use crate::random::Random;
use std::io::Write;

/// What is left of a deviation after an hour.
const KEPT: f64 = 0.9;

/// Writes head and rows; how many these were.
pub fn write(
    arguments: &Arguments,
    random: &mut Random,
    calendar: &mut Calendar,
    out: &mut impl Write,
) -> std::io::Result<u64> {
    writeln!(out, "time,{}", arguments.unit)?;
    let hours = (arguments.days * 24.0).ceil() as u64;
    let hours = arguments.rows.map_or(hours, |most| most.min(hours));
    let mut away = 0.0;
    for hour in 0..hours {
        // So that its deviation settles at the one asked for.
        away = KEPT * away + arguments.noise * (1.0 - KEPT * KEPT).sqrt() * random.normal();
        // Prices and intensities stay above zero.
        let value = (daily(arguments, hour as f64 * 3_600.0) + away).max(arguments.trough / 4.0);
        let mut row = Vec::new();
        calendar.write(&mut row, hour * 3_600 * 1_000_000_000, 0, b'T', "Z")?;
        writeln!(row, ",{value:.decimals$}", decimals = arguments.decimals)?;
        out.write_all(&row)?;
    }
    Ok(hours)
}

//! `benches/generate trace`: requests that arrive over days, or readings by the hour, from a seed.

mod calendar;
mod readings;
mod requests;

use crate::random::Random;
use calendar::Calendar;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Makes a trace from a seed: requests that arrive over days, or readings by the hour.
///
/// Requests follow the clock: their rate swings between a trough and a peak once a day, as a cosine, and the gaps
/// between them are gamma draws of a stated coefficient of variation, 1 for Poisson. Prompts and answers are
/// lognormal. Readings swing likewise around their middle, and wander from it (an autoregression with 0.9 an hour).
#[derive(clap::Args)]
pub struct Arguments {
    /// The columns to write
    #[arg(long, value_enum, default_value_t = Columns::Requests)]
    columns: Columns,

    /// Days, from midnight (UTC) of 2 November 2026, a Monday
    #[arg(long, value_name = "N", default_value_t = 7.0)]
    days: f64,

    /// Stop after so many rows
    #[arg(long, value_name = "N")]
    rows: Option<u64>,

    /// Requests an hour at the busiest, or the highest reading of a common day
    #[arg(long, value_name = "X", default_value_t = 60.0)]
    peak: f64,

    /// Requests an hour at the quietest, or the lowest reading of a common day
    #[arg(long, value_name = "X", default_value_t = 6.0)]
    trough: f64,

    /// The hour of the peak (UTC)
    #[arg(long, value_name = "HOUR", default_value_t = 14.0)]
    peak_at: f64,

    /// What a Saturday and a Sunday have of a working day's requests
    #[arg(long, value_name = "PART", default_value_t = 1.0)]
    weekend: f64,

    /// Coefficient of variation of the gaps between requests
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    cv: f64,

    /// The unit of the readings, as the head of their column
    #[arg(long, default_value = "g/kWh")]
    unit: String,

    /// How far readings wander from their daily curve: a standard deviation
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    noise: f64,

    /// Decimals of a reading
    #[arg(long, value_name = "N", default_value_t = 0)]
    decimals: usize,

    /// Another seed, another trace
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Columns of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Columns {
    /// `time`
    Arrivals,
    /// `time,prompt,output`
    Requests,
    /// `TIMESTAMP,ContextTokens,GeneratedTokens`
    Azure,
    /// `time,UNIT`
    Readings,
}

/// Writes the file and says what is in it.
///
/// # Errors
/// A message for a person: an argument makes no sense, or the file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    check(arguments)?;
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", arguments.out.display());
    if arguments.out.as_os_str() == "-" {
        return match rows(arguments, &mut BufWriter::with_capacity(1 << 16, std::io::stdout().lock())) {
            // A reader that went away has seen enough.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(cannot(error)),
            _ => Ok(String::new()),
        };
    }
    if let Some(folder) = arguments.out.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut file = BufWriter::new(File::create(&arguments.out).map_err(cannot)?);
    let rows = rows(arguments, &mut file).and_then(|rows| file.flush().map(|()| rows)).map_err(cannot)?;
    Ok(format!("{rows} rows\nwrote {}\n", arguments.out.display()))
}

/// Writes the head and the rows; how many these were.
fn rows(arguments: &Arguments, out: &mut impl Write) -> std::io::Result<u64> {
    let random = &mut Random::new(arguments.seed);
    let calendar = &mut Calendar::default();
    let rows = match arguments.columns {
        Columns::Readings => readings::write(arguments, random, calendar, out),
        _ => requests::write(arguments, random, calendar, out),
    }?;
    out.flush()?;
    Ok(rows)
}

fn check(arguments: &Arguments) -> Result<(), String> {
    let Arguments { days, peak, trough, peak_at, weekend, cv, noise, .. } = arguments;
    for (name, value) in [("days", days), ("peak", peak), ("weekend", weekend), ("cv", cv)] {
        if !(value.is_finite() && *value > 0.0) {
            return Err(format!("--{name} is above zero"));
        }
    }
    for (name, value) in [("trough", trough), ("noise", noise), ("peak-at", peak_at)] {
        if !(value.is_finite() && *value >= 0.0) {
            return Err(format!("--{name} is zero or more"));
        }
    }
    if trough > peak {
        return Err("--trough is at most --peak".to_owned());
    }
    Ok(())
}

/// What a day's curve says `seconds` after midnight of the first day: between trough and peak.
fn daily(arguments: &Arguments, seconds: f64) -> f64 {
    let hour = seconds / 3_600.0;
    let swing = (1.0 + (std::f64::consts::TAU * (hour - arguments.peak_at) / 24.0).cos()) / 2.0;
    arguments.trough + (arguments.peak - arguments.trough) * swing
}

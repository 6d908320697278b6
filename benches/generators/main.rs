//! `benches/generate`: plan files and traces to measure with, made from public traces and a seed. The same
//! arguments give the same files, byte for byte.

mod conflict;
mod experts;
mod machines;
mod openb;
mod pods;
mod program;
mod random;
mod reschedule;
mod trace;

use clap::{Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes plan files and traces to measure with, from public traces and seeds.
#[derive(Parser)]
#[command(name = "benches/generate", bin_name = "benches/generate", version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Conflict(conflict::Arguments),
    Experts(experts::Arguments),
    Machines(machines::Arguments),
    Openb(openb::Arguments),
    Pods(pods::Arguments),
    Program(program::Arguments),
    Reschedule(reschedule::Arguments),
    Trace(trace::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let made = match &arguments.what {
        What::Conflict(arguments) => conflict::write(arguments),
        What::Experts(arguments) => experts::write(arguments),
        What::Machines(arguments) => machines::write(arguments),
        What::Openb(arguments) => openb::write(arguments),
        What::Pods(arguments) => pods::write(arguments),
        What::Program(arguments) => program::write(arguments),
        What::Reschedule(arguments) => reschedule::write(arguments),
        What::Trace(arguments) => trace::write(arguments),
    };
    match made {
        Ok(summary) => {
            // A reader that went away has seen enough.
            let _ = write!(std::io::stdout(), "{summary}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "benches/generate: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Writes one file into a folder, which is made if it is not there; its path.
fn write_file(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

/// An amount in thousandths as a decimal: `1.250`.
fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

//! `benches/generate`: plan files and traces to measure with, made from public traces and a seed. The same
//! arguments give the same files, byte for byte.

mod openb;
mod program;
mod random;
mod trace;

use clap::{Parser, Subcommand};
use std::io::Write;
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
    Openb(openb::Arguments),
    Program(program::Arguments),
    Trace(trace::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let made = match &arguments.what {
        What::Openb(arguments) => openb::write(arguments),
        What::Program(arguments) => program::write(arguments),
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

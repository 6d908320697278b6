//! # berth
//!
//! Arguments to commands to rendering. The only crate that prints; everything it says about a plan comes
//! from the plan file's own structure, so a terminal, an editor and CI read the same.

#[macro_use]
mod output;

mod arguments;
mod commands;
mod disk;
mod measured;
mod render;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    match commands::run(arguments) {
        Ok(code) => code,
        Err(failure) => {
            render::failure::print(&failure);
            ExitCode::FAILURE
        }
    }
}

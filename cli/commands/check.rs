//! `berth check`: parse and check, without planning.

use crate::arguments::Check;
use crate::commands::with_session;
use crate::disk::root;
use crate::render::diagnostics;
use crate::render::failure::Failure;
use berth_language::diagnostics::Severity;
use std::process::ExitCode;

pub fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let path = root(&arguments.file);
    let checked = with_session(|session| session.check(&path));
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    if arguments.json {
        diagnostics::print_json(&checked.sources, &checked.diagnostics);
    } else {
        diagnostics::print(&checked.sources, &checked.diagnostics);
        if errors == 0 {
            let warnings = checked.diagnostics.len();
            match warnings {
                0 => println!("{path} checks."),
                1 => println!("{path} checks, with 1 warning."),
                _ => println!("{path} checks, with {warnings} warnings."),
            }
        }
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

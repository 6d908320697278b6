//! `berth verify`: recheck a saved plan with nothing but the file and its sources.

use crate::arguments::{Saved, Search};
use crate::commands::show::read_known;
use crate::commands::{request, with_session};
use crate::render::diagnostics;
use crate::render::failure::Failure;
use berth_compiler::verify::{Refused, verify};
use std::process::ExitCode;

pub fn run(arguments: &Saved) -> Result<ExitCode, Failure> {
    let plan = read_known(&arguments.plan)?;
    let path = arguments.plan.display();
    let search = Search { time_limit: None, effort: None };
    let verified = with_session(|session| verify(session, &plan, &request(&search, None)));
    match verified {
        Ok(found) => {
            if arguments.json {
                println!(
                    "{{\"verified\": true, \"statements\": {}, \"levels\": {}, \"proved\": {}}}",
                    found.statements, found.levels, found.proved
                );
            } else {
                println!("{path} holds: {} statements rechecked exactly,", found.statements);
                println!("{} of {} bounds proved by their certificate.", found.proved, found.levels);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(Refused::Lines(sources, found)) => {
            if arguments.json {
                diagnostics::print_json(&sources, &found, &[]);
            } else {
                diagnostics::print(&sources, &found);
            }
            Ok(ExitCode::FAILURE)
        }
        Err(Refused::Stopped(stopped)) => Err(stopped.into()),
    }
}

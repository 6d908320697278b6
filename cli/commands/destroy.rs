//! `berth destroy`: take away everything that a plan has created.

use crate::arguments::Destroy;
use crate::commands::apply::failure;
use crate::commands::diff::{owner, reach};
use crate::commands::show::read_known;
use crate::render::actions::{self, Steps};
use crate::render::failure::Failure;
use berth_targets::kubernetes::application::destroy;
use berth_targets::kubernetes::difference::{Permissions, destruction};
use std::process::ExitCode;

pub fn run(arguments: &Destroy) -> Result<ExitCode, Failure> {
    let plan = read_known(&arguments.plan)?;
    let ownership = owner(&plan)?;
    let connection = reach(&plan)?;
    let permissions = Permissions {
        delete_data: arguments.delete_data.iter().cloned().collect(),
        end_job: arguments.end_job.iter().cloned().collect(),
        ..Permissions::default()
    };
    let found = destruction(&connection, &ownership, &permissions).map_err(Failure::Cluster)?;
    if !arguments.json {
        print!("{}", actions::text(&plan, &found));
    }
    let mut steps = Steps::new(arguments.json, found.changing().count());
    let outcome = destroy(&connection, &ownership, &found, &mut |what| steps.show(&what));
    steps.clear();
    if arguments.json {
        println!("{}", actions::outcome_json(&plan, &found, outcome.as_ref().err()));
        return Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    outcome.map_err(failure)?;
    print!("{}", actions::destroyed(&plan, &found));
    // What stays for its data, or is not done, has been said; the rest is gone.
    let keeps = found.hindered().next().is_some();
    Ok(if keeps { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

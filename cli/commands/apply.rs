//! `berth apply`: what was approved, and nothing else, happens.

use crate::arguments::Apply;
use crate::commands::diff::{owner, permissions, reach};
use crate::commands::show::read_known;
use crate::commands::with_session;
use crate::render::actions::{self, Steps};
use crate::render::diagnostics;
use crate::render::failure::Failure;
use berth_compiler::plan::Plan;
use berth_compiler::solving::Request;
use berth_compiler::verify::{Refused, verify};
use berth_targets::kubernetes::application::{Manner, Stopped, apply};
use berth_targets::kubernetes::difference::{Entry, difference};
use std::process::ExitCode;

pub fn run(arguments: &Apply) -> Result<ExitCode, Failure> {
    let plan = read_known(&arguments.plan)?;
    let ownership = owner(&plan)?;
    if !holds(&plan)? {
        return Ok(ExitCode::FAILURE);
    }
    let connection = reach(&plan)?;
    let permissions = permissions(&arguments.permissions);
    let found = difference(&connection, &ownership, &plan.objects, &permissions).map_err(Failure::Cluster)?;
    if !arguments.json {
        print!("{}", actions::text(&plan, &found));
    }
    let hindered = found.hindered().next().is_some();
    if hindered {
        if arguments.json {
            println!("{}", actions::json(&plan, &found));
        }
        return Ok(ExitCode::FAILURE);
    }
    let stops: u64 = found.changing().map(|entry: &Entry| entry.stops).sum();
    if let Some(most) = arguments.max_disruption
        && stops > most
    {
        return Err(Failure::Disruption(stops, most));
    }
    let manner = Manner { patience: (!arguments.no_wait).then_some(arguments.timeout), permissions };
    let mut steps = Steps::new(arguments.json, found.changing().count());
    let outcome =
        apply(&connection, &ownership, &found, &plan.fingerprint, &manner, &mut |what| steps.show(&what));
    steps.clear();
    if arguments.json {
        println!("{}", actions::outcome_json(&plan, &found, outcome.as_ref().err()));
        return Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    outcome.map_err(failure)?;
    print!("{}", actions::applied(&plan, &found, !arguments.no_wait));
    Ok(ExitCode::SUCCESS)
}

/// The plan is what its sources give, as they are now; what is not so has been said.
fn holds(plan: &Plan) -> Result<bool, Failure> {
    // No handler of its own for Ctrl-C: an apply may end anywhere.
    let request = Request { effort: 1, ..Request::default() };
    match with_session(|session| verify(session, plan, &request)) {
        Ok(_) => Ok(true),
        Err(Refused::Lines(sources, found)) => {
            diagnostics::print(&sources, &found);
            Ok(false)
        }
        Err(Refused::Stopped(stopped)) => Err(stopped.into()),
    }
}

/// Why it ended early.
pub fn failure(stopped: Stopped) -> Failure {
    match stopped {
        Stopped::At(step, identity, refusal) => {
            Failure::While(format!("while {} {identity}", actions::doing(step)), refusal)
        }
        Stopped::Refusal(refusal) => Failure::Cluster(refusal),
        Stopped::Held(by) => Failure::Held(by),
        Stopped::NotReady(states) => {
            eprint_states(&states);
            Failure::Hindered
        }
    }
}

fn eprint_states(states: &[berth_targets::kubernetes::readiness::Progress]) {
    for line in actions::not_ready(states) {
        eprintln!("{line}");
    }
}

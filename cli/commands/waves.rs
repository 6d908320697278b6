//! `berth plan --drain … --waves FOLDER`: nodes emptied in turns, a plan for each wave.

use crate::arguments::Plan as Arguments;
use crate::commands::plan::{exit_code, print_conflict, print_diagnostics};
use crate::commands::{request, with_session};
use crate::disk::write;
use crate::measured::processor_and_memory;
use crate::render::failure::Failure;
use crate::render::progress::Line;
use crate::render::waves as rendered;
use berth_compiler::plan::{Plan, Status};
use berth_compiler::session::Planned;
use berth_compiler::state::State;
use berth_compiler::waves::{Drain, Wanted, Waves};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub fn run(
    arguments: &Arguments,
    folder: &Path,
    path: &str,
    nodes: &BTreeSet<String>,
    state: Option<&(State, String)>,
) -> Result<ExitCode, Failure> {
    let at_once = arguments.max_unavailable.and_then(|most| usize::try_from(most).ok());
    let mut line = Line::default();
    let drain = with_session(|session| {
        let request = request(&arguments.search, None);
        session.waves(path, Wanted { nodes, at_once, state }, &request, &mut |number, progress| {
            line.show_within(&format!("wave {number}: "), &progress);
        })
    });
    line.clear();
    let Waves { mut planned, least, proved } = match drain? {
        Drain::Waves(waves) => waves,
        Drain::Prevented(planned) => return prevented(*planned),
    };
    if let Some(first) = planned.first() {
        print_diagnostics(first);
        if state.is_some() && first.stages.observed.is_none() {
            return Err(Failure::NoTarget);
        }
    }
    for planned in &mut planned {
        (planned.plan.solve.cpu_s, planned.plan.solve.peak_bytes) = processor_and_memory();
    }
    let plans: Vec<Plan> = planned.into_iter().map(|planned| planned.plan).collect();
    let paths = write_all(&plans, folder)?;
    let written: Vec<(String, &Plan)> =
        paths.iter().map(|path| path.display().to_string()).zip(&plans).collect();
    let bound = rendered::Bound { least, proved };
    if arguments.json {
        println!("{}", rendered::json(&written, bound));
    } else {
        print!("{}", rendered::text(&written, bound));
    }
    let codes = plans.iter().map(|plan| exit_code(plan, &arguments.allow_unjudged));
    Ok(codes.into_iter().find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS))
}

/// Says why there are no waves.
fn prevented(planned: Planned) -> Result<ExitCode, Failure> {
    print_diagnostics(&planned);
    let nodes = planned.plan.drained.join(", ");
    if planned.plan.status == Status::Infeasible {
        let alone = format!("No waves can be: `{nodes}` cannot be emptied, not even alone.");
        print_conflict(&planned, &[&alone]);
        return Ok(ExitCode::FAILURE);
    }
    let because = planned.because.unwrap_or_default();
    Err(Failure::NoPlan(format!("{because}\nIt was asked of emptying {nodes}; no wave was written.")))
}

/// One file a wave, named so that their order is that of the waves. Waves that were written there before and are not
/// any more are removed, other files are left as they are.
fn write_all(plans: &[Plan], folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::write(&path, &error)
    };
    let width = plans.len().to_string().len();
    let paths: Vec<PathBuf> =
        (1..=plans.len()).map(|number| folder.join(format!("{PREFIX}{number:0width$}.json"))).collect();
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    // All or none.
    if let Some(path) = paths.iter().find(|path| path.exists() && !is_wave(path)) {
        return Err(Failure::NotEmitted(path.clone()));
    }
    for (path, plan) in paths.iter().zip(plans) {
        write(path, &plan.to_json()).map_err(failed(path))?;
    }
    for entry in std::fs::read_dir(folder).map_err(failed(folder))?.flatten() {
        let path = entry.path();
        if !paths.contains(&path) && is_named_so(&path) && is_wave(&path) {
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    Ok(paths)
}

const PREFIX: &str = "wave-";

/// It is called as a wave is.
fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(".json"));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// It is a plan that empties nodes.
fn is_wave(path: &Path) -> bool {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Plan::from_json(&text).is_ok_and(|plan| !plan.drained.is_empty())
}

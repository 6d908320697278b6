//! `berth plan`: solve, verify, print.

use crate::arguments::Plan as Arguments;
use crate::commands::{request, with_session};
use crate::disk::{root, same_file, write};
use crate::measured::processor_and_memory;
use crate::render::failure::Failure;
use crate::render::progress::Line;
use crate::render::{diagnostics, plan as rendered};
use berth_compiler::plan::judged::NOT_YET;
use berth_compiler::plan::{Plan, Status};
use berth_compiler::session::Planned;
use berth_language::diagnostics::Diagnostic;
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let path = root(&arguments.file);
    let mut line = Line::default();
    let planned = with_session(|session| {
        let request = request(&arguments.search, None);
        session.plan(&path, None, &request, &mut |progress| line.show(&progress))
    });
    line.clear();
    let Planned { mut plan, stages, values: _, because } = planned?;
    (plan.solve.cpu_s, plan.solve.peak_bytes) = processor_and_memory();
    // What the plan itself says is not judged is said once, by the plan.
    let repeated = |found: &Diagnostic| {
        found.code == NOT_YET
            && found.labels.first().is_some_and(|label| {
                let (line, _) = stages.sources.position(label.span);
                plan.requirements.iter().any(|entry| entry.met.is_none() && entry.line == line)
            })
    };
    let found: Vec<Diagnostic> =
        stages.diagnostics.iter().filter(|found| !repeated(found)).cloned().collect();
    diagnostics::print(&stages.sources, &found);
    if let Some(output) = arguments.output.as_ref().filter(|_| decides(&plan)) {
        if plan.inputs.iter().any(|input| same_file(output, Path::new(&input.path))) {
            return Err(Failure::Overwrites(output.clone()));
        }
        write(output, &plan.to_json()).map_err(|error| Failure::write(output, &error))?;
    }
    if arguments.json {
        print!("{}", plan.to_json());
    } else if plan.status == Status::Infeasible {
        // What was left out might have made room, or have made it worse: the answer is about the rest.
        let partly = (!stages.program.not_yet.is_empty())
            .then_some("Lines that are not acted on yet were left out; with them the answer may differ.");
        rendered::print_conflict(&stages.sources, &plan, because.as_deref().or(partly));
    } else {
        print!("{}", rendered::text(&plan));
    }
    if plan.status == Status::Unknown {
        return Err(Failure::NoPlan(because.unwrap_or_default()));
    }
    Ok(exit_code(&plan, &arguments.allow_unjudged))
}

/// 0 where every requirement holds, or is allowed not to be judged.
fn exit_code(plan: &Plan, allowed: &[String]) -> ExitCode {
    let judged = plan.requirements.iter().all(|entry| match entry.met {
        Some(met) => met,
        None => entry.code.as_ref().is_some_and(|code| allowed.contains(code)),
    });
    if decides(plan) && judged { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Only a plan that decides something is written: it would replace one that does.
pub fn decides(plan: &Plan) -> bool {
    matches!(plan.status, Status::Optimal | Status::Feasible | Status::Partial)
}

//! `berth lower`: print a stage, or continue from edited text.

use crate::arguments::{Lower, Source, Stage};
use crate::commands::plan::decides;
use crate::commands::{request, with_session};
use crate::disk::{Disk, root};
use crate::render::failure::Failure;
use crate::render::{candidates, diagnostics};
use berth_compiler::lowering::Lowering as _;
use berth_compiler::session::Stopped;
use berth_compiler::{graph_description, problem_description};
use berth_ir::Pass;
use berth_language::diagnostics::Severity;
use berth_language::sources::Files as _;
use std::process::ExitCode;

pub fn run(arguments: &Lower) -> Result<ExitCode, Failure> {
    if let Some(pass) = arguments.print_after {
        return print(Some(pass), &root(&arguments.file));
    }
    if let Some(pass) = arguments.print_before {
        return print(pass.before(), &root(&arguments.file));
    }
    // The arguments ask for a stage where they ask for no pass.
    let to = arguments.to.unwrap_or(Stage::Ir);
    match arguments.from {
        None => from_program(arguments, to, &root(&arguments.file), None),
        Some(Source::Ir) => {
            let bytes =
                Disk.read(&arguments.file).map_err(|error| Failure::Text(arguments.file.clone(), error))?;
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            if arguments.simplify {
                text = berth_ir::simplified(&text, &arguments.file).map_err(Stopped::Ir)?;
            }
            from_ir(arguments, to, &text)
        }
    }
}

/// The MLIR text after a pass. Before the first there is none yet: the model is what goes in.
fn print(pass: Option<Pass>, path: &str) -> Result<ExitCode, Failure> {
    with_session(|session| {
        let checked = session.check(path);
        diagnostics::print(&checked.sources, &checked.diagnostics);
        let failed = checked.diagnostics.iter().any(|told| told.severity == Severity::Error);
        let Some(program) = checked.program.filter(|_| !failed) else { return Ok(ExitCode::FAILURE) };
        match pass {
            None => print!("{}", berth_language::description::describe(&program)),
            Some(pass) => match berth_ir::text_after(pass, &program, &checked.sources, path) {
                Ok(text) => print!("{text}"),
                Err(errors) => return Err(Stopped::Lines(checked.sources, errors).into()),
            },
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn from_ir(arguments: &Lower, to: Stage, text: &str) -> Result<ExitCode, Failure> {
    let lowered = berth_ir::Mlir.resume(text, &arguments.file).map_err(Stopped::Ir)?;
    diagnostics::print_ir(&lowered.warnings);
    match to {
        Stage::Model => Err(Failure::Backwards),
        Stage::Ir => {
            print!("{}", lowered.text);
            Ok(ExitCode::SUCCESS)
        }
        Stage::Graph => {
            print!("{}", graph_description::describe_graph(&lowered.graph));
            Ok(ExitCode::SUCCESS)
        }
        Stage::Candidates | Stage::Problem | Stage::Plan => {
            let program = arguments.program.clone().or(lowered.program).ok_or(Failure::NoProgram)?;
            from_program(arguments, to, &root(&program), Some((text, &arguments.file)))
        }
    }
}

fn from_program(
    arguments: &Lower,
    to: Stage,
    path: &str,
    ir: Option<(&str, &str)>,
) -> Result<ExitCode, Failure> {
    with_session(|session| {
        if to == Stage::Model {
            let checked = session.check(path);
            diagnostics::print(&checked.sources, &checked.diagnostics);
            let Some(program) = checked.program else { return Ok(ExitCode::FAILURE) };
            print!("{}", berth_language::description::describe(&program));
            return Ok(ExitCode::SUCCESS);
        }
        if to == Stage::Plan {
            let request = request(&arguments.search, None);
            let planned = session.plan(path, ir, &request, &mut |_| {})?;
            print!("{}", planned.plan.to_json());
            // The text is the answer; the code says, as `plan` does, whether it decides anything.
            return Ok(if decides(&planned.plan) { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        if matches!(to, Stage::Ir | Stage::Graph) {
            let front = session.front(path, ir)?;
            diagnostics::print(&front.sources, &front.diagnostics);
            match to {
                Stage::Ir => print!("{}", front.lowered.text),
                _ => print!("{}", graph_description::describe_graph(&front.lowered.graph)),
            }
            return Ok(ExitCode::SUCCESS);
        }
        let stages = session.stages(path, ir)?;
        if ir.is_none() {
            diagnostics::print(&stages.sources, &stages.diagnostics);
        }
        match to {
            Stage::Candidates => print!("{}", candidates::text(&stages)),
            Stage::Problem => print!("{}", problem_description::describe(&stages.packing)),
            Stage::Model | Stage::Ir | Stage::Graph | Stage::Plan => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

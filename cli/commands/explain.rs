//! `berth explain`: the long form of a diagnostic, or why a service stands where it does.

use crate::arguments::{Explain, Search};
use crate::commands::show::read_known;
use crate::commands::{request, with_session};
use crate::render::diagnostics;
use crate::render::failure::Failure;
use crate::render::plan::print_ruling_out;
use crate::render::quantities::quantity;
use crate::render::table::paragraph;
use berth_compiler::explanation::{Explanation, Otherwise, Unexplained, explain};
use berth_compiler::verify::Refused;
use berth_language::codes::{self, Code};
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    if let (Some(service), Some(node)) = (&arguments.service, &arguments.node) {
        return placement(Path::new(&arguments.what), service, node);
    }
    match codes::find(&arguments.what) {
        Some(code) => {
            print!("{}", page(code));
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Failure::UnknownCode(arguments.what.clone(), codes::suggestion(&arguments.what))),
    }
}

/// Why the service stands on the node, or why not.
fn placement(path: &Path, service: &str, node: &str) -> Result<ExitCode, Failure> {
    let plan = read_known(path)?;
    let search = Search { time_limit: None, effort: None };
    let explained = with_session(|session| explain(session, &plan, service, node, &request(&search, None)));
    let Explanation { replicas, otherwise } = match explained {
        Ok(explained) => explained,
        Err(Unexplained::Refused(Refused::Stopped(stopped))) => return Err(stopped.into()),
        Err(Unexplained::Refused(Refused::Lines(sources, found))) => {
            diagnostics::print(&sources, &found);
            return Ok(ExitCode::FAILURE);
        }
        Err(Unexplained::Unknown(name)) => return Err(Failure::NotInPlan(name)),
        Err(Unexplained::NoPlan) => return Err(Failure::Undecided),
    };
    let (stands, were) = match replicas {
        0 => (format!("`{service}` does not stand on `{node}`."), "With a replica there"),
        1 => (format!("`{service}` stands on `{node}`."), "Without a replica there"),
        _ => (format!("`{service}` stands on `{node}`, {replicas} times."), "Without replicas there"),
    };
    print!("{}", paragraph(&stands, 0));
    match otherwise {
        Otherwise::TooSmall(texts) => {
            print!("{}", paragraph(&format!("It does not fit there: {}.", texts.join("; ")), 0));
        }
        Otherwise::Ruled(planned) => {
            println!(
                "{}",
                if replicas == 0 { "No plan has a replica there." } else { "No plan does without." }
            );
            print_ruling_out(&planned.stages.sources, &planned.plan);
        }
        Otherwise::Differs(entries) => {
            let [now_is, then_is] = entries.each_ref().map(|entry| quantity(entry.incumbent, &entry.unit));
            let [now, _] = *entries;
            let worse = format!("{were}, `{}` would be {then_is} instead of {now_is}.", now.name);
            print!("{}", paragraph(&worse, 0));
        }
        Otherwise::AsGood => {
            print!("{}", paragraph(&format!("{were} a plan is as good: only the order of ties chose."), 0));
        }
        Otherwise::Undecided(because) => return Err(Failure::NoPlan(because)),
    }
    Ok(ExitCode::SUCCESS)
}

fn page(code: &Code) -> String {
    let mut page = format!("{}: {}\n", code.code, code.title);
    for text in code.explanation.split("\n\n") {
        page.push('\n');
        page.push_str(&paragraph(text, 0));
    }
    for (title, lines) in [("These lines raise it:", code.example), ("Mended:", code.mended)] {
        if !lines.is_empty() {
            page.push_str(&format!("\n{title}\n\n"));
            for line in lines.lines() {
                page.push_str(format!("    {line}").trim_end());
                page.push('\n');
            }
        }
    }
    page
}

//! `berth check`: parse and check, without planning.

use crate::arguments::Check;
use crate::commands::with_session;
use crate::disk::root;
use crate::render::diagnostics;
use crate::render::failure::Failure;
use berth_compiler::implied::{Answer, Holds, Placement};
use berth_compiler::solving::Request;
use berth_language::diagnostics::{Diagnostic, Severity};
use std::process::ExitCode;

pub fn run(arguments: &Check) -> Result<ExitCode, Failure> {
    let path = root(&arguments.file);
    let (mut checked, answers) = with_session(|session| {
        let checked = session.check(&path);
        let sound = checked.diagnostics.iter().all(|found| found.severity != Severity::Error);
        let request = Request { effort: 1, ..Request::default() };
        let answers = if sound { session.implied(&checked, &path, &request) } else { Ok(Vec::new()) };
        (checked, answers)
    });
    let answers = match answers {
        Ok(answers) => answers,
        Err(found) => {
            checked.diagnostics.extend(found);
            Vec::new()
        }
    };
    checked.diagnostics.extend(answers.iter().filter_map(said));
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    if arguments.json {
        let policies: Vec<_> =
            answers.iter().map(|answer| (answer.policy.as_str(), name(&answer.holds))).collect();
        diagnostics::print_json(&checked.sources, &checked.diagnostics, &policies);
    } else {
        diagnostics::print(&checked.sources, &checked.diagnostics);
        for answer in answers.iter().filter(|answer| matches!(answer.holds, Holds::Proved)) {
            println!("Policy {} holds in every plan: proved.", answer.policy);
        }
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

fn name(holds: &Holds) -> &'static str {
    match holds {
        Holds::Proved => "proved",
        Holds::Refuted { .. } => "refuted",
        Holds::Undecided { .. } => "undecided",
    }
}

/// What is said of a policy that is not proved.
fn said(answer: &Answer) -> Option<Diagnostic> {
    let Answer { policy, span, holds } = answer;
    match holds {
        Holds::Proved => None,
        Holds::Refuted { line, placements } => {
            let mut help = "The other lines allow this plan, which breaks it:\n".to_owned();
            for Placement { service, replicas, nodes } in placements {
                let place =
                    if nodes.is_empty() { String::new() } else { format!(" on {}", nodes.join(", ")) };
                help.push_str(&format!("    {service}: {replicas}{place}\n"));
            }
            help.push_str("As a requirement the policy holds all the same. Add a line that implies it, or leave `implied` out.");
            Some(
                Diagnostic::error(
                    "policy::not-implied",
                    format!("policy `{policy}` does not hold in every plan"),
                    *line,
                    "some plan breaks this",
                )
                .and(*span, "it should hold whether it is asked for or not")
                .help(help),
            )
        }
        Holds::Undecided { line, because } => Some(
            Diagnostic::warning(
                "policy::undecided",
                format!("whether policy `{policy}` holds in every plan is not decided"),
                *line,
                because.clone(),
            )
            .and(*span, "it should hold whether it is asked for or not")
            .help(
                "As a requirement the policy holds all the same. Counts, spread and the bill can be decided.",
            ),
        ),
    }
}

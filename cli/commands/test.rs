//! `berth test`: plan the world of each test and judge what it checks there.

use crate::arguments::Test as Arguments;
use crate::commands::{request, with_session};
use crate::disk::{root, same_file, write};
use crate::render::failure::Failure;
use crate::render::progress::Line;
use crate::render::{diagnostics, junit, trial};
use berth_compiler::plan::judged::NOT_YET;
use berth_compiler::trial::{Report, Running, Verdict};
use berth_language::diagnostics::Diagnostic;
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let path = root(&arguments.file);
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let mut line = Line::default();
    let report = with_session(|session| {
        let request = request(&arguments.search, None);
        let wanted = |name: &str| name.contains(filter);
        session.test(&path, &wanted, &arguments.allow_unjudged, &request, &mut |running| {
            let Running { test, done, of, progress } = running;
            let within = match test {
                None => "the base, ".to_owned(),
                Some(name) => format!("{} of {of}, {name}, ", done + 1),
            };
            line.show_within(&within, progress);
        })
    });
    line.clear();
    let report = report?;
    if report.tests.is_empty() {
        return Err(nothing_to_run(report, filter));
    }
    // What the tests themselves say is not judged is said by them.
    let found: Vec<Diagnostic> =
        report.diagnostics.iter().filter(|found| found.code != NOT_YET).cloned().collect();
    diagnostics::print(&report.sources, &found);
    if let Some(output) = &arguments.junit {
        if report.sources.iter().any(|(_, source)| same_file(output, Path::new(&source.path))) {
            return Err(Failure::Overwrites(output.clone()));
        }
        let text = junit::text(&report, &arguments.allow_unjudged);
        write(output, &text).map_err(|error| Failure::write(output, &error))?;
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        for test in &report.tests {
            diagnostics::print(&test.sources, &test.diagnostics);
        }
        print!("{}", trial::text(&report, &arguments.allow_unjudged));
    }
    let passed = report.tests.iter().all(|test| test.verdict == Verdict::Passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why no test was run.
fn nothing_to_run(report: Report, filter: &str) -> Failure {
    if report.names.is_empty() {
        Failure::NoTests(report.file)
    } else {
        Failure::NoSuchTest(filter.to_owned(), report.names)
    }
}

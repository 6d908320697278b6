//! What tests came to, for people: a failed check with the value of each of its parts beneath it.

use crate::render::quantities::quantity;
use crate::render::table::{WIDTH, paragraph, wrap};
use berth_compiler::plan::Status;
use berth_compiler::trial::evaluation::{Evaluated, Part, PartValue};
use berth_compiler::trial::{Report, Trial, Unjudged, Verdict};
use unicode_width::UnicodeWidthStr as _;

/// Lines under a test stand this far in.
const INDENT: usize = 4;

/// More lines than this that a plan does not judge are counted, not listed.
const MOST_LINES: usize = 6;

/// Lines of a conflict that are printed.
const MOST_OF_CONFLICT: usize = 12;

/// The whole report. Codes in `allowed` may go without judgement.
pub fn text(report: &Report, allowed: &[String]) -> String {
    let mut text = match (report.base.status, report.base.bill) {
        (Status::Infeasible, _) => format!("{}: no plan exists as it stands\n\n", report.file),
        (_, Some(bill)) => format!("{}: {} as it stands\n\n", report.file, quantity(bill, "$/h")),
        (_, None) => format!("{}: no plan was found as it stands\n\n", report.file),
    };
    for test in &report.tests {
        let head = format!("{}: {} (line {})", name(test.verdict), test.name, test.line);
        text.push_str(&paragraph(&head, 0));
        let details = details(report.file.as_str(), test, allowed);
        if !details.is_empty() {
            text.push('\n');
            text.push_str(&details);
            text.push('\n');
        }
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str(&counts(report));
    let codes = open_codes(report, allowed);
    if !codes.is_empty() {
        let flags: Vec<String> = codes.iter().map(|code| format!("--allow-unjudged {code}")).collect();
        text.push_str(&paragraph(
            &format!("What is not judged yet can be let through: {}", flags.join(" ")),
            0,
        ));
    }
    text
}

/// Why a test in `file` did not pass, and what it let through; empty where there is nothing to say.
pub fn details(file: &str, test: &Trial, allowed: &[String]) -> String {
    let mut text = String::new();
    for check in &test.checks {
        match (check.holds, &check.because) {
            (Some(true), _) => {}
            // Without a plan no part has a value.
            (Some(false), Some(because)) => {
                text.push_str(&paragraph(
                    &format!("{} (line {}): {because}", check.text, check.line),
                    INDENT,
                ));
            }
            (Some(false), None) => {
                // Two drawings need air between them.
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&drawing(check));
            }
            (None, because) => {
                let because = because.as_deref().unwrap_or_default();
                let let_through = let_through(check.code.unwrap_or_default(), allowed);
                let line =
                    format!("not judged{let_through}: {} (line {}): {because}", check.text, check.line);
                text.push_str(&paragraph(&line, INDENT));
            }
        }
    }
    if test.status == Some(Status::Infeasible) && test.verdict != Verdict::Passed {
        text.push_str(&paragraph("No plan exists in this world: these lines cannot hold together.", INDENT));
        for line in test.conflict.iter().take(MOST_OF_CONFLICT) {
            text.push_str(&paragraph(
                &format!("{} ({}): {}", line.text, place(file, &line.file, line.line), line.because),
                INDENT + 2,
            ));
        }
        if let Some(more @ 1..) = test.conflict.len().checked_sub(MOST_OF_CONFLICT) {
            text.push_str(&paragraph(&format!("… and {more} more; --json has all"), INDENT + 2));
        }
    }
    if test.verdict == Verdict::Undecided
        && test.status.is_none_or(|status| status == Status::Unknown)
        && let Some(because) = &test.because
    {
        text.push_str(&paragraph(because, INDENT));
    }
    text.push_str(&unjudged(file, &test.unjudged, allowed));
    if test.interrupted && test.verdict != Verdict::Passed {
        text.push_str(&paragraph("The search in this world was interrupted.", INDENT));
    }
    text
}

fn let_through(code: &str, allowed: &[String]) -> &'static str {
    if allowed.iter().any(|allowed| allowed == code) { ", as allowed" } else { "" }
}

/// A line of the file of a test, or of another one.
fn place(file: &str, other: &str, line: usize) -> String {
    if other == file { format!("line {line}") } else { format!("{other}:{line}") }
}

/// Lines that the plan of a test's world does not judge.
fn unjudged(file: &str, lines: &[Unjudged], allowed: &[String]) -> String {
    // A base's line is asked of everything that derives from it, and said once.
    let mut said: Vec<String> = Vec::new();
    for line in lines {
        let (let_through, place) = (let_through(&line.code, allowed), place(file, &line.file, line.line));
        let text = format!("not judged{let_through}: {} ({place}): {}", line.text, line.because);
        if !said.contains(&text) {
            said.push(text);
        }
    }
    let mut text: String = said.iter().take(MOST_LINES).map(|said| paragraph(said, INDENT)).collect();
    if said.len() > MOST_LINES {
        text.push_str(&paragraph(&format!("and {} more", said.len() - MOST_LINES), INDENT));
    }
    text
}

/// The check with the value of each part under the place where it stands; where that is too wide, one
/// part a line.
pub fn drawing(check: &Evaluated) -> String {
    let mut marks: Vec<(usize, String)> = Vec::new();
    for part in &check.parts {
        let before = check.text.get(..part.at).unwrap_or(&check.text);
        let column = before.width();
        // A part is looked at after what is inside it: where both stand in one place the whole is shown.
        marks.retain(|(known, _)| *known != column);
        marks.push((column, value(part)));
    }
    marks.sort();
    let drawn = drawn(&check.text, &marks);
    if drawn.iter().all(|line| INDENT + line.width() <= WIDTH) {
        return drawn.iter().map(|line| format!("{}{line}\n", " ".repeat(INDENT))).collect();
    }
    let mut text = paragraph(&check.text, INDENT);
    for part in &check.parts {
        text.push_str(&listed(part));
    }
    text
}

fn drawn(check: &str, marks: &[(usize, String)]) -> Vec<String> {
    let bars = |marks: &[(usize, String)]| {
        let mut line = String::new();
        for (column, _) in marks {
            line.push_str(&" ".repeat(column.saturating_sub(line.width())));
            line.push('│');
        }
        line
    };
    let mut lines = vec![check.to_owned()];
    if !marks.is_empty() {
        lines.push(bars(marks));
    }
    for (at, (column, value)) in marks.iter().enumerate().rev() {
        let mut line = bars(&marks[..at]);
        line.push_str(&" ".repeat(column.saturating_sub(line.width())));
        line.push_str(value);
        lines.push(line);
    }
    lines
}

/// `s.replicas: 1 for search`
fn listed(part: &Part) -> String {
    let mut text = String::new();
    let line = format!("{}: {}", part.text, value(part));
    for (at, line) in wrap(&line, WIDTH - INDENT - 4).into_iter().enumerate() {
        text.push_str(&format!("{}{line}\n", " ".repeat(INDENT + if at == 0 { 2 } else { 4 })));
    }
    text
}

fn value(part: &Part) -> String {
    let value = match &part.value {
        PartValue::Number { value, unit } => quantity(*value, unit),
        PartValue::Truth { holds } => holds.to_string(),
        PartValue::Names { names } => names.join(", "),
        PartValue::NotJudged { because } => format!("not judged: {because}"),
    };
    match &part.of {
        Some(of) => format!("{value} for {of}"),
        None => value,
    }
}

/// As a report calls it.
pub fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Undecided => "undecided",
        Verdict::NotRun => "not run",
    }
}

/// `2 tests: 1 passed, 1 failed.`
fn counts(report: &Report) -> String {
    let all = [Verdict::Passed, Verdict::Failed, Verdict::Undecided, Verdict::NotRun];
    let counted = all.iter().filter_map(|verdict| {
        let count = report.tests.iter().filter(|test| test.verdict == *verdict).count();
        (count > 0).then(|| format!("{count} {}", name(*verdict)))
    });
    let counted: Vec<String> = counted.collect();
    let tests = match report.tests.len() {
        1 => "1 test".to_owned(),
        count => format!("{count} tests"),
    };
    format!("{tests}: {}.\n", counted.join(", "))
}

/// Codes that keep a test from being decided.
fn open_codes(report: &Report, allowed: &[String]) -> Vec<String> {
    let undecided = report.tests.iter().filter(|test| test.verdict == Verdict::Undecided);
    let mut codes: Vec<String> = undecided
        .flat_map(|test| {
            let checks = test.checks.iter().filter_map(|check| check.code.map(str::to_owned));
            checks.chain(test.unjudged.iter().map(|line| line.code.clone()))
        })
        .filter(|code| !allowed.contains(code))
        .collect();
    codes.sort();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::{Evaluated, Part, PartValue, drawing};

    fn part(at: usize, text: &str, value: PartValue) -> Part {
        Part { at, text: text.into(), value, of: None }
    }

    fn money(value: f64) -> PartValue {
        PartValue::Number { value, unit: "$/h".into() }
    }

    fn check(text: &str, parts: Vec<Part>) -> Evaluated {
        Evaluated { line: 1, text: text.into(), holds: Some(false), because: None, code: None, parts }
    }

    #[test]
    fn values_stand_under_their_parts() {
        let check = check(
            "bill <= 1.6 * plan.bill",
            vec![
                part(0, "bill", money(8.79)),
                part(14, "plan.bill", money(5.2)),
                part(8, "1.6 * plan.bill", money(8.32)),
                part(5, "bill <= 1.6 * plan.bill", PartValue::Truth { holds: false }),
            ],
        );
        insta::assert_snapshot!(drawing(&check), @r"
            bill <= 1.6 * plan.bill
            │    │  │     │
            │    │  │     $5.20/h
            │    │  $8.32/h
            │    false
            $8.79/h
        ");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let check = check(
            "shop[\"東京\"].replicas >= 2",
            vec![
                part(0, "shop[\"東京\"].replicas", PartValue::Number { value: 1.0, unit: "1".into() }),
                part(24, "shop[\"東京\"].replicas >= 2", PartValue::Truth { holds: false }),
            ],
        );
        insta::assert_snapshot!(drawing(&check), @r#"
            shop["東京"].replicas >= 2
            │                     │
            │                     false
            1
        "#);
    }

    #[test]
    fn what_is_too_wide_is_listed() {
        let long = "shop[\"a key that goes on for quite a while\"].replicas + search.replicas >= 12";
        let number = |value| PartValue::Number { value, unit: "1".into() };
        let check = check(
            long,
            vec![
                part(0, "shop[\"a key that goes on for quite a while\"].replicas", number(3.0)),
                part(54, "search.replicas", number(2.0)),
                part(70, long, PartValue::Truth { holds: false }),
            ],
        );
        insta::assert_snapshot!(drawing(&check), @r#"
            shop["a key that goes on for quite a while"].replicas + search.replicas >=
            12
              shop["a key that goes on for quite a while"].replicas: 3
              search.replicas: 2
              shop["a key that goes on for quite a while"].replicas + search.replicas
                >= 12: false
        "#);
    }
}

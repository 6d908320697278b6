//! The specification is the test: every Markdown file in `tests/spec` is a suite.
//!
//! A heading is a test. Its block of `berth` is checked; blocks named after another file
//! (` ```berth platform.berth `, ` ```json config.json `, ` ```mlir embed.mlir `, ` ```yaml chat.yaml `) stand beside it, blocks of `denied` are files that cannot be read. A
//! comment `//! code: words` expects a diagnostic of that code on its line, with those words in its title, labels or help; lines without one expect none. A block
//! of `model` holds lines that the model's text form has, in that order.
//!
//! A block of `data` (` ```data arrivals.csv `) is a data file as it looks once decoded:
//! `requests plain 10 20 30` (whose columns, requests in each step), `spacing 3/2`, `prompt 100=3 200=5`
//! (a value and how often), `readings g/kWh 100 200`, or `content line 7: what was found; what to do`.

use berth_language::check;
use berth_language::codes;
use berth_language::data::{Data, Loads, Readings, Requests, Rows, Sample, Summary, Undecodable, Wanted};
use berth_language::description::describe;
use berth_language::sources::{Files, Sources, Unreadable};
use num_rational::BigRational;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;

/// One test of a suite.
#[derive(Default)]
struct Case {
    heading: String,
    files: BTreeMap<String, String>,
    denied: BTreeMap<String, String>,
    data: BTreeMap<String, String>,
    model: Vec<String>,
}

impl Files for Case {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        if let Some(reason) = self.denied.get(path) {
            return Err(Unreadable::Other(reason.clone()));
        }
        let file = self.files.get(path).ok_or(Unreadable::Missing)?;
        Ok(file.clone().into_bytes())
    }

    fn data(&self, wanted: &Wanted) -> Result<Summary, Undecodable> {
        if let Some(reason) = self.denied.get(&wanted.path) {
            return Err(Undecodable::Unreadable(Unreadable::Other(reason.clone())));
        }
        let missing = Undecodable::Unreadable(Unreadable::Missing);
        let rows = decoded(self.data.get(&wanted.path).ok_or(missing)?, &wanted.step)?;
        Ok(Rc::new(Data { sha256: "0".repeat(64), rows }))
    }
}

/// What a block of `data` says.
fn decoded(text: &str, step: &BigRational) -> Result<Rows, Undecodable> {
    let rational = |text: &str| text.parse::<BigRational>().expect("a rational");
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if let Some(content) = line("content") {
        let (at, rest) = content.split_once(": ").expect("`at: found; help`");
        let (found, help) = rest.split_once("; ").expect("`at: found; help`");
        return Err(Undecodable::Content {
            found: found.to_owned(),
            at: Some(at.to_owned()),
            help: help.to_owned(),
        });
    }
    if let Some(readings) = line("readings") {
        let mut words = readings.split_whitespace();
        let unit = words.next().expect("a unit").to_owned();
        let values: Vec<_> = words.map(rational).collect();
        return Ok(Rows::Readings(Readings { unit, count: values.len() as u64, start: None, values }));
    }
    if let Some(loads) = line("loads") {
        let layer = |layer: &str| {
            layer.split_whitespace().map(|load| load.parse().expect("a load")).collect::<Vec<u64>>()
        };
        let layers: Vec<_> = loads.split(';').map(layer).collect();
        return Ok(Rows::Loads(Loads { count: layers.iter().map(|loads| loads.len() as u64).sum(), layers }));
    }
    let requests = line("requests").expect("a block of data holds requests, readings or content");
    let mut words = requests.split_whitespace();
    assert_eq!(words.next(), Some("plain"), "only plain requests are written here");
    let arrivals: Vec<u64> = words.map(|count| count.parse().expect("a count")).collect();
    let sample = |name: &str| {
        line(name).map(|values| {
            let pairs = values.split_whitespace().map(|pair| pair.split_once('=').expect("`value=count`"));
            let values = pairs.map(|(value, count)| (rational(value), count.parse().expect("a count")));
            Sample { values: values.collect(), fits: Vec::new() }
        })
    };
    // A file ends with a whole step; the arrivals of a single one are evenly spaced in it, which leaves a gap
    // after the last.
    let count = |count: u64| BigRational::from_integer(count.into());
    let span = match arrivals.as_slice() {
        [only] if *only > 0 => step * count(only - 1) / count(*only),
        steps => step * count(steps.len() as u64),
    };
    Ok(Rows::Requests(Requests {
        schema: "plain",
        count: arrivals.iter().sum(),
        failed: 0,
        start: None,
        span,
        arrivals,
        spacing: line("spacing").map(rational),
        prompt: sample("prompt"),
        output: sample("output"),
    }))
}

const ROOT: &str = "main.berth";

#[test]
fn every_suite_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spec");
    let mut suites: Vec<_> = std::fs::read_dir(folder)
        .expect("the suites are here")
        .map(|entry| entry.expect("an entry of a folder").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    suites.sort();
    let (mut report, mut count) = (String::new(), 0);
    for suite in suites {
        let text = std::fs::read_to_string(&suite).expect("a suite");
        for case in cases(&text) {
            count += 1;
            let wrong = differences(&case, &[]);
            if !wrong.is_empty() {
                let name = suite.file_name().expect("a file has a name").to_string_lossy();
                writeln!(report, "\n{name}: {}\n{wrong}", case.heading).expect("a text takes all");
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(count >= 60, "only {count} cases were found");
}

/// The programs of the manual say nothing wrong; what the planner does not act on yet is its last section's matter.
#[test]
fn every_example_of_the_manual_checks() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language.md");
    let text = std::fs::read_to_string(page).expect("the manual");
    let examples = cases(&text);
    assert!(examples.len() >= 15, "only {} examples were found", examples.len());
    let mut report = String::new();
    for case in examples {
        let wrong = differences(&case, &["plan::not-yet"]);
        if !wrong.is_empty() {
            writeln!(report, "\n{}\n{wrong}", case.heading).expect("a text takes all");
        }
    }
    assert!(report.is_empty(), "{report}");
}

/// A code is specified by a case that raises it: in a suite, or in a session where only a command does.
#[test]
fn every_code_has_a_case() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut pages = String::new();
    for folder in ["spec", "cli", "ir", "../language/tests/syntax"] {
        for entry in std::fs::read_dir(tests.join(folder)).expect("the pages are here") {
            let path = entry.expect("an entry of a folder").path();
            if path.extension().is_some_and(|end| end == "md") {
                pages.push_str(&std::fs::read_to_string(&path).expect("a page"));
            }
        }
    }
    let marked = |code: &str| {
        let mark = format!("//! {code}");
        let (json, located) = (format!("\"code\": \"{code}\""), format!(": {code}: "));
        pages.lines().any(|line| {
            // A line that raises it; the head of a message; a message in JSON; one of IR or of the parser.
            let after = line.split(mark.as_str()).nth(1);
            after.is_some_and(|after| {
                !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-')
            }) || line == code
                || line.contains(&json)
                || line.contains(&located)
                || line.starts_with(&located[2..])
        })
    };
    let without: Vec<_> = codes::all().map(|row| row.code).filter(|code| !marked(code)).collect();
    assert!(without.is_empty(), "no case raises {without:#?}");
}

/// The tests of a suite.
fn cases(text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = Case::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('#') {
            if !case.files.is_empty() {
                cases.push(std::mem::take(&mut case));
            }
            case.heading = line.trim_start_matches('#').trim().to_owned();
        } else if let Some(info) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            match info.split_once(' ').unwrap_or((info, ROOT)) {
                ("berth" | "json" | "mlir", file) => {
                    // A page may have several programs under a heading.
                    if file == ROOT && case.files.contains_key(ROOT) {
                        let heading = case.heading.clone();
                        cases.push(std::mem::replace(&mut case, Case { heading, ..Case::default() }));
                    }
                    let first = case.files.insert(file.to_owned(), block.join("\n"));
                    assert!(first.is_none(), "two files {file} under {}", case.heading);
                }
                ("yaml", file) if file != ROOT && !file.starts_with("file=") => {
                    case.files.insert(file.to_owned(), block.join("\n"));
                }
                ("denied", file) => {
                    case.denied.insert(file.to_owned(), block.join("\n"));
                }
                ("data", file) => {
                    case.data.insert(file.to_owned(), block.join("\n"));
                }
                ("model", _) => case.model = block.iter().map(|line| (*line).to_owned()).collect(),
                _ => {}
            }
        }
    }
    if !case.files.is_empty() {
        cases.push(case);
    }
    cases
}

/// What the check says otherwise than the case expects; empty where nothing.
fn differences(case: &Case, unsaid: &[&str]) -> String {
    let mut checked = check(ROOT, case);
    checked.diagnostics.retain(|found| !unsaid.contains(&found.code));
    let mut wrong = String::new();
    let mut expected = expectations(case);
    for diagnostic in &checked.diagnostics {
        let label = diagnostic.labels.first().expect("a diagnostic has a place");
        let place = place(&checked.sources, label.span);
        let mut words = diagnostic.title.clone();
        for label in &diagnostic.labels {
            write!(words, "\n{}", label.text).expect("a text takes all");
        }
        write!(words, "\n{}", diagnostic.help.as_deref().unwrap_or_default()).expect("a text takes all");
        let met = expected.iter().position(|(at, code, part)| {
            *at == place && *code == diagnostic.code && words.contains(part.as_str())
        });
        match met {
            Some(met) => {
                expected.remove(met);
            }
            None => writeln!(wrong, "  unexpected at {}:{}: {}: {words}", place.0, place.1, diagnostic.code)
                .expect("a text takes all"),
        }
    }
    for ((file, line), code, words) in expected {
        writeln!(wrong, "  missing at {file}:{line}: {code}: {words}").expect("a text takes all");
    }
    if !case.model.is_empty() {
        let Some(program) = &checked.program else {
            return format!("{wrong}  there is no model\n");
        };
        let description = describe(program);
        let mut lines = description.lines().map(str::trim);
        for line in case.model.iter().map(|line| line.trim()) {
            if !line.is_empty() && !lines.any(|known| known == line) {
                writeln!(wrong, "  the model lacks, or has earlier: {line}\n{description}")
                    .expect("a text takes all");
                break;
            }
        }
    }
    wrong
}

type Expectation = ((String, usize), String, String);

fn expectations(case: &Case) -> Vec<Expectation> {
    let mut expected = Vec::new();
    for (file, text) in &case.files {
        for (index, line) in text.lines().enumerate() {
            for mark in line.split("//!").skip(1) {
                let (code, words) = mark.split_once(": ").unwrap_or((mark, ""));
                let place = (file.clone(), index + 1);
                expected.push((place, code.trim().to_owned(), words.trim().to_owned()));
            }
        }
    }
    expected
}

fn place(sources: &Sources, span: berth_language::span::Span) -> (String, usize) {
    let path = sources.get(span.file).map_or("", |source| source.path.as_str());
    (path.to_owned(), sources.position(span).0)
}

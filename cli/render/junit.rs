//! A JUnit report: one suite for the file, one case a test, in the form that CI systems read.

use crate::render::trial::{details, name};
use berth_compiler::plan::Status;
use berth_compiler::trial::{Report, Trial, Verdict};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io::Result;

/// The report as XML.
pub fn text(report: &Report, allowed: &[String]) -> String {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = write(report, allowed, &mut bytes);
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}

fn write(report: &Report, allowed: &[String], bytes: &mut Vec<u8>) -> Result<()> {
    let mut xml = Writer::new_with_indent(bytes, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count = |verdict: Verdict| report.tests.iter().filter(|test| test.verdict == verdict).count();
    let seconds: f64 = report.tests.iter().map(|test| test.wall_s).sum();
    let totals = [
        ("name", report.file.clone()),
        ("tests", report.tests.len().to_string()),
        ("failures", count(Verdict::Failed).to_string()),
        ("errors", count(Verdict::Undecided).to_string()),
        ("skipped", count(Verdict::NotRun).to_string()),
        ("time", format!("{seconds:.3}")),
    ];
    open(&mut xml, "testsuites", &totals)?;
    open(&mut xml, "testsuite", &totals)?;
    let base = report.base.bill.map(|bill| ("base bill, $/h", bill.to_string()));
    let known = [("berth", env!("CARGO_PKG_VERSION").to_owned()), ("base", status(report.base.status))];
    properties(&mut xml, &known.into_iter().chain(base).collect::<Vec<_>>())?;
    for test in &report.tests {
        case(&mut xml, report, test, allowed)?;
    }
    close(&mut xml, "testsuite")?;
    close(&mut xml, "testsuites")
}

fn case(xml: &mut Writer<&mut Vec<u8>>, report: &Report, test: &Trial, allowed: &[String]) -> Result<()> {
    let attributes = [
        ("name", test.name.clone()),
        ("classname", report.file.clone()),
        ("file", report.file.clone()),
        ("line", test.line.to_string()),
        ("time", format!("{:.3}", test.wall_s)),
    ];
    open(xml, "testcase", &attributes)?;
    let bill = test.bill.map(|bill| ("bill, $/h", bill.to_string()));
    let plan = test.status.map(|known| ("plan", status(known)));
    let known: Vec<_> = plan.into_iter().chain(bill).collect();
    if !known.is_empty() {
        properties(xml, &known)?;
    }
    let element = match test.verdict {
        Verdict::Passed => None,
        Verdict::Failed => Some("failure"),
        Verdict::Undecided => Some("error"),
        Verdict::NotRun => Some("skipped"),
    };
    let details = details(&report.file, test, allowed);
    if let Some(element) = element {
        open(xml, element, &[("type", name(test.verdict).to_owned()), ("message", message(test))])?;
        xml.write_event(Event::Text(BytesText::new(&printable(&details))))?;
        close(xml, element)?;
    } else if !details.is_empty() {
        open(xml, "system-out", &[])?;
        xml.write_event(Event::Text(BytesText::new(&printable(&details))))?;
        close(xml, "system-out")?;
    }
    close(xml, "testcase")
}

/// One line that says what happened.
fn message(test: &Trial) -> String {
    let check = |holds: Option<bool>| test.checks.iter().find(|check| check.holds == holds);
    match test.verdict {
        Verdict::Failed => {
            check(Some(false)).map_or_else(String::new, |check| format!("{} does not hold", check.text))
        }
        Verdict::Undecided => match (check(None), &test.because, test.unjudged.first()) {
            (Some(check), ..) => format!("{} is not judged", check.text),
            (None, Some(because), _) => because.clone(),
            (None, None, Some(line)) => format!("{} is not judged", line.text),
            (None, None, None) => "not decided".to_owned(),
        },
        Verdict::NotRun => "interrupted before it was run".to_owned(),
        Verdict::Passed => String::new(),
    }
}

fn status(status: Status) -> String {
    serde_json::to_value(status).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn properties(xml: &mut Writer<&mut Vec<u8>>, known: &[(&str, String)]) -> Result<()> {
    open(xml, "properties", &[])?;
    for (name, value) in known {
        let element = BytesStart::new("property")
            .with_attributes([("name", *name), ("value", printable(value).as_str())]);
        xml.write_event(Event::Empty(element))?;
    }
    close(xml, "properties")
}

fn open(xml: &mut Writer<&mut Vec<u8>>, name: &str, attributes: &[(&str, String)]) -> Result<()> {
    let printable: Vec<(&str, String)> =
        attributes.iter().map(|(name, value)| (*name, printable(value))).collect();
    let attributes = printable.iter().map(|(name, value)| (*name, value.as_str()));
    xml.write_event(Event::Start(BytesStart::new(name).with_attributes(attributes)))
}

fn close(xml: &mut Writer<&mut Vec<u8>>, name: &str) -> Result<()> {
    xml.write_event(Event::End(BytesEnd::new(name)))
}

/// Without the characters that XML has no way to write.
fn printable(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|c| if allowed(c) { c } else { '\u{FFFD}' }).collect()
}

//! `berth manual`: the parts of the manual that come from the schema and the table of codes.

use crate::arguments::{Manual, Part};
use crate::render::diagnostics::plain;
use crate::render::failure::Failure;
use berth_language::codes::{self, Code, ROOT, Shown};
use berth_language::{check, manual};
use std::process::ExitCode;

pub fn run(arguments: &Manual) -> Result<ExitCode, Failure> {
    let page = match arguments.part {
        Part::Reference => manual::reference(),
        Part::Errors => errors(),
    };
    print!("{page}");
    Ok(ExitCode::SUCCESS)
}

/// The index of messages.
fn errors() -> String {
    let mut page = String::from(
        "# Messages\n\n\
         Every message has a code that never changes, and `berth explain CODE` prints its page. This index is\n\
         printed by `berth manual errors`: the lines under each code are checked, and what stands below them is what\n\
         the check says.\n\n| code | says |\n| --- | --- |\n",
    );
    for code in codes::all() {
        page.push_str(&format!("| [`{}`](#{}) | {} |\n", code.code, anchor(code.code), code.title));
    }
    for code in codes::all() {
        page.push_str(&entry(code));
    }
    page
}

/// A heading's anchor, as Markdown renderers make it: `units::mismatch` is at `unitsmismatch`.
fn anchor(heading: &str) -> String {
    heading.chars().filter(|letter| *letter != ':').collect()
}

fn entry(code: &Code) -> String {
    let mut entry = format!("\n## {}\n\n{}\n", code.code, code.explanation.trim());
    if code.example.is_empty() {
        return entry;
    }
    entry.push_str(&format!("\n```berth\n{}\n```\n", code.example.trim_end()));
    let checked = check(ROOT, &Shown(code.example));
    let said = checked.diagnostics.iter().filter(|found| found.code == code.code);
    let said: Vec<String> = said.map(|found| plain(&checked.sources, found)).collect();
    entry.push_str(&format!("\n```text\n{}\n```\n", said.join("\n").trim_end()));
    if !code.mended.is_empty() {
        entry.push_str(&format!("\nMended:\n\n```berth\n{}\n```\n", code.mended.trim_end()));
    }
    entry
}

//! `berth explain CODE`: the long form of a diagnostic.

use crate::arguments::Explain;
use crate::render::failure::Failure;
use crate::render::table::paragraph;
use berth_language::codes::{self, Code};
use std::process::ExitCode;

pub fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    match codes::find(&arguments.code) {
        Some(code) => {
            print!("{}", page(code));
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Failure::UnknownCode(arguments.code.clone(), codes::suggestion(&arguments.code))),
    }
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

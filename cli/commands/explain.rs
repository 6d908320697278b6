//! `berth explain CODE`: the long form of a diagnostic.

use crate::arguments::Explain;
use crate::render::failure::Failure;
use berth_language::codes;
use std::process::ExitCode;

pub fn run(arguments: &Explain) -> Result<ExitCode, Failure> {
    match codes::find(&arguments.code) {
        Some(code) => {
            println!("{}", codes::page(code));
            Ok(ExitCode::SUCCESS)
        }
        None => Err(Failure::UnknownCode(arguments.code.clone(), codes::nearest(&arguments.code))),
    }
}

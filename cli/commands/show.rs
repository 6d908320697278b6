//! `berth show`: print a saved plan.

use crate::arguments::Saved;
use crate::render::failure::Failure;
use crate::render::plan as rendered;
use berth_compiler::plan::{Plan, digest_of};
use berth_language::sources::LARGEST_FILE;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Saved) -> Result<ExitCode, Failure> {
    let plan = read(&arguments.plan)?;
    if arguments.json {
        print!("{}", plan.to_json());
        return Ok(ExitCode::SUCCESS);
    }
    warn_of_age(&plan);
    print!("{}", rendered::text(&plan));
    Ok(ExitCode::SUCCESS)
}

/// Says where a plan is not of what lies there now, nor of this program.
pub fn warn_of_age(plan: &Plan) {
    if plan.is_newer() {
        eprintln!("warning: this plan was written by berth {}, which is newer", plan.berth_version);
        return;
    }
    for input in &plan.inputs {
        match File::open(&input.path).and_then(digest_of) {
            Ok(now) if now == input.sha256 => {}
            Ok(_) => eprintln!("warning: `{}` changed since this plan was made", input.path),
            Err(error) => eprintln!("warning: `{}` cannot be read now: {error}", input.path),
        }
    }
    if plan.fingerprint != plan.fingerprint_of_contents() {
        eprintln!("warning: this plan does not match its fingerprint; `berth verify` says where");
    }
}

/// Reads a plan file that something is to be done with.
pub fn read_known(path: &Path) -> Result<Plan, Failure> {
    let plan = read(path)?;
    if plan.is_newer() {
        return Err(Failure::Newer(path.to_owned(), plan.berth_version));
    }
    Ok(plan)
}

/// Reads a plan file.
pub fn read(path: &Path) -> Result<Plan, Failure> {
    let metadata = std::fs::metadata(path).map_err(|error| Failure::read(path, &error))?;
    if metadata.len() > LARGEST_FILE * 4 {
        return Err(Failure::NotAPlan(path.to_owned(), "it is larger than any plan".into()));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::read(path, &error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::NotAPlan(path.to_owned(), "it is not UTF-8 text".into()))?;
    Plan::from_json(&text).map_err(|error| Failure::NotAPlan(path.to_owned(), error.to_string()))
}

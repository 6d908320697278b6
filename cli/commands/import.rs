//! `berth import`: what machines there are elsewhere as a plan file, and what runs on them as a state file.

use crate::arguments::{Import, Whence};
use crate::disk::write;
use crate::render::failure::Failure;
use berth_targets::kubernetes::connection::Connection;
use berth_targets::kubernetes::inventory::inventory;
use berth_targets::kubernetes::observation::Seen;
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Import) -> Result<ExitCode, Failure> {
    let (text, state) = match arguments.whence {
        Whence::Kubernetes => {
            let context = arguments.context.as_deref();
            let connection = Connection::open(context).map_err(Failure::Cluster)?;
            let seen = Seen::look(&connection).map_err(Failure::Cluster)?;
            (inventory(&seen, context), seen.state())
        }
    };
    let written = |path: &Path, text: &str| write(path, text).map_err(|error| Failure::write(path, &error));
    if let Some(path) = &arguments.state {
        written(path, &state.to_json())?;
    }
    match &arguments.output {
        None => print!("{text}"),
        Some(path) => written(path, &text)?,
    }
    Ok(ExitCode::SUCCESS)
}

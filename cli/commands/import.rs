//! `berth import`: what runs elsewhere, as a plan file.

use crate::arguments::{Import, Whence};
use crate::disk::write;
use crate::render::failure::Failure;
use berth_targets::kubernetes::connection::Connection;
use berth_targets::kubernetes::inventory::inventory;
use std::process::ExitCode;

pub fn run(arguments: &Import) -> Result<ExitCode, Failure> {
    let text = match arguments.whence {
        Whence::Kubernetes => {
            let context = arguments.context.as_deref();
            let connection = Connection::open(context).map_err(Failure::Cluster)?;
            inventory(&connection, context).map_err(Failure::Cluster)?
        }
    };
    match &arguments.output {
        None => print!("{text}"),
        Some(path) => write(path, &text).map_err(|error| Failure::write(path, &error))?,
    }
    Ok(ExitCode::SUCCESS)
}

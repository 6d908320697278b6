//! `berth rbac`: the roles that applying a plan needs, to be granted by whoever may.

use crate::arguments::Rbac;
use crate::commands::diff::owner;
use crate::commands::show::read_known;
use crate::render::failure::Failure;
use berth_targets::kubernetes::rights::roles;
use std::process::ExitCode;

pub fn run(arguments: &Rbac) -> Result<ExitCode, Failure> {
    let plan = read_known(&arguments.plan)?;
    print!("{}", roles(&owner(&plan)?.namespace));
    Ok(ExitCode::SUCCESS)
}

//! `berth diff`: what applying a saved plan would change. Nothing is changed.

use crate::arguments::{Diff, Permissions as Allowed};
use crate::commands::show::{read, warn_of_age};
use crate::render::actions;
use crate::render::failure::Failure;
use berth_compiler::plan::Plan;
use berth_compiler::plan::objects::TargetEntry;
use berth_targets::kubernetes::connection::Connection;
use berth_targets::kubernetes::difference::{Permissions, difference};
use berth_targets::kubernetes::objects::plan_name;
use berth_targets::kubernetes::ownership::Ownership;
use std::process::ExitCode;

/// Exit code of "there are changes".
const CHANGES: u8 = 2;

pub fn run(arguments: &Diff) -> Result<ExitCode, Failure> {
    let plan = read(&arguments.plan)?;
    let ownership = owner(&plan)?;
    warn_of_age(&plan);
    let connection = reach(&plan)?;
    let permissions = permissions(&arguments.permissions);
    let found = difference(&connection, &ownership, &plan.objects, &permissions).map_err(Failure::Cluster)?;
    if arguments.json {
        println!("{}", actions::json(&plan, &found));
    } else {
        print!("{}", actions::text(&plan, &found));
    }
    if found.hindered().next().is_some() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(if found.changing().next().is_some() { ExitCode::from(CHANGES) } else { ExitCode::SUCCESS })
}

/// Whose objects those of the plan are. A plan that cannot be applied has none.
pub fn owner(plan: &Plan) -> Result<Ownership, Failure> {
    let Some(TargetEntry::Kubernetes { namespace, .. }) = &plan.target else {
        return Err(if super::plan::decides(plan) { Failure::NoTarget } else { Failure::Undecided });
    };
    match plan.unwritten.first() {
        Some(unwritten) => Err(Failure::Unwritten(unwritten.clone())),
        None => Ok(Ownership::of(plan_name(plan), namespace)),
    }
}

/// The way to the plan's cluster.
pub fn reach(plan: &Plan) -> Result<Connection, Failure> {
    let context = match &plan.target {
        Some(TargetEntry::Kubernetes { context, .. }) => context.as_deref(),
        None => None,
    };
    Connection::open(context).map_err(Failure::Cluster)
}

pub fn permissions(allowed: &Allowed) -> Permissions {
    Permissions {
        take_over: allowed.take_over.iter().cloned().collect(),
        delete_data: allowed.delete_data.iter().cloned().collect(),
        end_job: allowed.end_job.iter().cloned().collect(),
    }
}

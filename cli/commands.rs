//! One file a command.

mod apply;
mod catalog;
mod check;
mod destroy;
mod diff;
mod explain;
mod fmt;
mod import;
mod init;
mod lock;
mod lower;
mod manual;
mod plan;
mod rbac;
mod show;
mod test;
pub mod trace;
mod verify;
mod waves;

use crate::arguments::{Arguments, Command, Search};
use crate::disk::Disk;
use crate::render::failure::Failure;
use berth_compiler::session::Session;
use berth_compiler::solving::{Cancellation, Request};
use std::process::ExitCode;

/// Runs one command.
pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Fmt(arguments) => fmt::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Apply(arguments) => apply::run(&arguments),
        Command::Destroy(arguments) => destroy::run(&arguments),
        Command::Rbac(arguments) => rbac::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Lower(arguments) => lower::run(&arguments),
        Command::Catalog(arguments) => catalog::run(&arguments),
        Command::Lock(arguments) => lock::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Manual(arguments) => manual::run(&arguments),
        Command::Trace(arguments) => trace::run(&arguments),
    }
}

/// Runs `work` with the disk, MLIR and HiGHS plugged together.
fn with_session<T>(work: impl FnOnce(&Session<'_>) -> T) -> T {
    let lowering = berth_ir::Mlir;
    let solving = berth_solvers::Highs::default();
    let targeting = berth_targets::Targets;
    work(&Session {
        files: &Disk,
        lowering: &lowering,
        solving: &solving,
        deciding: &solving,
        targeting: &targeting,
    })
}

/// How far to search; Ctrl-C cancels it, a second one ends the program.
fn request(search: &Search, declared: Option<u64>) -> Request {
    let cancellation = Cancellation::default();
    let on_interrupt = cancellation.clone();
    // A handler can be set once a process; where that fails Ctrl-C just ends the program.
    let _ = ctrlc::set_handler(move || {
        if on_interrupt.is_cancelled() {
            std::process::exit(130);
        }
        on_interrupt.cancel();
    });
    let effort = search.effort.or(declared).unwrap_or(1);
    Request { effort, time_limit: search.time_limit, cancellation, ..Request::default() }
}

//! # berth-language
//!
//! Text in, typed model out: `text -> syntax -> model`. No IO, no MLIR, no solver, no clock.
//!
//! A user's mistake is never an `Err`: [`check`] returns what could be understood and a list of
//! [diagnostics](diagnostics::Diagnostic). Bytes come through [`Files`](sources::Files). An editor keeps a [`Checker`],
//! which finds the same after every key, faster.

pub mod addresses;
pub mod catalog;
mod checker;
pub mod codes;
pub mod configuration;
pub mod data;
pub mod description;
pub mod diagnostics;
pub mod distribution;
pub mod format;
pub mod manual;
pub mod model;
pub mod pinned;
pub mod quantity;
pub mod quantity_text;
mod resolver;
pub mod schema;
pub mod sources;
pub mod span;
pub mod syntax;
pub mod units;

pub use checker::{Checker, Findings};
use diagnostics::Diagnostic;
use model::{Program, World};
use resolver::imports::Trees;
use sources::{Files, Sources};

/// What `check` found.
#[derive(Debug)]
pub struct Checked {
    /// What the program says; `None` while it has errors.
    pub program: Option<Program>,
    /// Every file that was read.
    pub sources: Sources,
    /// In order of file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the program whose root file is `path` and everything it uses. Total: any bytes give an answer.
pub fn check(path: &str, files: &dyn Files) -> Checked {
    let (program, sources, diagnostics) = resolver::resolve(path, files, None, &mut Trees::default());
    Checked { program, sources, diagnostics }
}

/// Reads the same program in another world: what `world` sets is set, what it loses is gone, and where
/// something is gone lines about counts of replicas and places are wishes. The program's
/// [`checks`](Program::checks) are those of the test that describes the world.
pub fn check_world(path: &str, files: &dyn Files, world: &World) -> Checked {
    let (program, sources, diagnostics) = resolver::resolve(path, files, Some(world), &mut Trees::default());
    Checked { program, sources, diagnostics }
}

//! # berth-compiler
//!
//! The middle of the way, one file a stage:
//!
//! | file | from | to |
//! | --- | --- | --- |
//! | [`lowering`] | model | MLIR text and operator [`graph`], by `berth-ir` |
//! | [`candidates`] | graph | the forms of every service and what each carries; [`jobs`]: those of every job |
//! | [`assembly`] | candidates | the [`problem`], in integers, every row with its lines |
//! | [`solving`] | problem | a solution, by `berth-solvers` |
//! | [`recheck`] | solution | its values, in exact arithmetic, or what it breaks |
//! | [`plan`] | values | the plan file |
//! | [`targeting`] | plan | what a target would create, by `berth-targets` |
//!
//! Beside the files [`state`] goes in: what runs now, where somebody has looked.
//!
//! [`session`] calls them in this order, [`trial`] once for each test, [`waves`] once for each wave of nodes that are emptied,
//! [`verify`] backwards, [`explanation`] once more with one thing made otherwise, and [`conflict`] and [`concessions`] where
//! there is no solution. The crate owns the type of every stage and links neither MLIR nor a solver.

pub mod assembly;
pub mod candidates;
pub mod concessions;
pub mod conflict;
pub mod consistency;
pub mod containers;
pub mod degrees;
pub mod experts;
pub mod explanation;
pub mod form;
pub mod graph;
pub mod graph_description;
pub mod implied;
pub mod inputs;
pub mod jobs;
pub mod lock;
pub mod logic;
pub mod lowering;
pub mod moments;
pub mod performance;
pub mod plan;
pub mod problem;
pub mod problem_description;
pub mod quotas;
pub mod recheck;
pub mod relaxation;
pub mod session;
pub mod solving;
pub mod state;
pub mod targeting;
pub mod trial;
pub mod verify;
pub mod waves;

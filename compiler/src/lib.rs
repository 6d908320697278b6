//! # berth-compiler
//!
//! The middle of the way: operator graph to candidates to problem, and solution to plan. It owns the
//! type of every stage and the traits that [lowering](lowering::Lowering) and
//! [solving](solving::Solving) implement; it links neither MLIR nor a solver.

pub mod form;
pub mod graph;
pub mod lowering;
pub mod performance;
pub mod problem;
pub mod solving;

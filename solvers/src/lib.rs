//! # berth-solvers
//!
//! Problems to solutions: [`Highs`] implements [`Solving`](berth_compiler::solving::Solving) with HiGHS,
//! z3 and a native search. It knows nothing of GPUs or requests: items, machines, rows, wishes, levels.
//!
//! Nothing that a solver says is trusted. What leaves this crate has passed
//! [`recheck`](mod@berth_compiler::recheck), bounds carry multipliers that exact arithmetic confirms, and
//! where only a search's word is left the certificate says so.
//!
//! ```text
//!   problem ─> instance (integers) ─> native search ──────────┐
//!      │                                                      ├─> best state ─> solution ─> recheck
//!      ├─> exact: mixed-integer program on named machines ────┤
//!      └─> relaxation ─> bounds (duals, made exact) ──────────┘
//! ```

mod annealing;
mod balance;
mod bounds;
mod exact;
mod exposed;
mod guide;
mod instance;
mod levels;
mod logic;
mod program;
mod random;
mod rational;
mod search;
mod smt;
mod state;
mod targets;
mod together;
mod watch;

pub use levels::Highs;

//! What the compiler asks of a solver.

use crate::problem::{Assignment, Packing, Problem, Solution};
use berth_language::span::Span;
use num_rational::BigRational;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A solver of [`Problem`]s. Deterministic unless `Request::time_limit` is set or it is cancelled.
pub trait Solving {
    /// The best solution within the request.
    fn solve(&self, problem: Problem<'_>, request: &Request, progress: &mut dyn FnMut(Progress)) -> Outcome;

    /// Whether any solution of a packing exists, wishes and levels aside. `near` are assignments to look around first: of
    /// a problem like this one, or none.
    fn feasible(&self, packing: &Packing, near: &[Assignment], request: &Request) -> Feasibility;
}

/// How far to go.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Deterministic work units: search nodes and search rounds grow with it. 1 is ordinary.
    pub effort: u64,
    /// Wall clock; only from a flag, and recorded in the plan.
    pub time_limit: Option<Duration>,
    /// Where no plan exists, so many ways out are looked for.
    pub relax: usize,
    /// Set by Ctrl-C or an editor.
    pub cancellation: Cancellation,
}

/// A flag that ends long work.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Asks for an end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether an end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is shown while a search runs.
#[derive(Clone, Debug)]
pub struct Progress {
    /// `choose`, `place`, `prove`
    pub stage: &'static str,
    /// The level at work.
    pub level: String,
    /// The best value so far.
    pub incumbent: Option<f64>,
    /// The best bound so far.
    pub bound: Option<f64>,
}

/// The end of a search.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A solution, claimed to fit.
    Solved(Solution),
    /// None exists, it is claimed.
    Infeasible(Reason),
    /// Neither was found within the request.
    Unknown {
        /// Why it ended.
        because: String,
    },
}

/// The answer to a question of feasibility.
#[derive(Clone, Debug)]
pub enum Feasibility {
    /// A witness, levels left empty; the caller rechecks it.
    Feasible(Solution),
    /// None exists, it is claimed: for reasons that nobody has made short.
    Infeasible(Reason),
    /// Not decided.
    Unknown,
}

/// Why no solution exists.
#[derive(Clone, Debug)]
pub struct Reason {
    /// Lines that cannot hold together; not necessarily minimal.
    pub origins: Vec<Span>,
    /// How it is known.
    pub proof: Proof,
}

/// How infeasibility is known.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Multipliers on rows of the feasibility [`relaxation`](crate::relaxation) that sum to a contradiction, checked in exact arithmetic.
    Farkas {
        /// By row.
        multipliers: Vec<(usize, BigRational)>,
    },
    /// z3 found no integer solution.
    Smt,
    /// A branch-and-bound search found none.
    Search,
}

//! A solver that lies is caught: nothing it says becomes a plan unchecked.

mod support;

use berth_compiler::plan::Status;
use berth_compiler::problem::{Assignment, Certificate, Packing, Problem, Solution};
use berth_compiler::session::{Planned, Session};
use berth_compiler::solving::{Feasibility, Outcome, Progress, Proof, Reason, Request, Solving};
use berth_solvers::Highs;
use num_rational::BigRational;
use support::{example, request};

/// Solves as it should, then tells something else.
struct Liar<F>(F);

impl<F: Fn(Outcome) -> Outcome> Solving for Liar<F> {
    fn solve(&self, problem: Problem<'_>, request: &Request, progress: &mut dyn FnMut(Progress)) -> Outcome {
        (self.0)(Highs::default().solve(problem, request, progress))
    }

    fn feasible(&self, packing: &Packing, near: &[Assignment], request: &Request) -> Feasibility {
        Highs::default().feasible(packing, near, request)
    }
}

/// What becomes of a lie about the web example.
fn told(lie: impl Fn(Solution) -> Outcome) -> (Status, String) {
    let solving = Liar(|outcome| match outcome {
        Outcome::Solved(solution) => lie(solution),
        other => panic!("the example has a plan: {other:?}"),
    });
    let files = example("web.berth");
    let session = Session {
        files: &files,
        lowering: &berth_ir::Mlir,
        solving: &solving,
        deciding: &berth_solvers::Highs::default(),
        targeting: &berth_targets::Targets,
    };
    let Planned { plan, because, .. } =
        session.plan("web.berth", None, &request(), &mut |_| {}).expect("the example checks");
    assert!(plan.placements.is_empty() || because.is_none(), "what is refused decides nothing");
    (plan.status, because.unwrap_or_default())
}

#[test]
fn the_truth_is_told_first() {
    assert_eq!(told(Outcome::Solved), (Status::Optimal, String::new()));
}

#[test]
fn more_than_a_machine_holds() {
    let (status, because) = told(|mut solution| {
        solution.assignments[0].copies += 8;
        Outcome::Solved(solution)
    });
    assert_eq!(status, Status::Unknown);
    assert!(because.contains("of 8 core"), "{because}");
}

#[test]
fn a_replica_fewer() {
    let (status, because) = told(|mut solution| {
        solution.assignments[0].copies -= 1;
        Outcome::Solved(solution)
    });
    assert_eq!(status, Status::Unknown);
    assert!(because.contains("exact check"), "{because}");
}

#[test]
fn a_bill_that_is_lower() {
    let (status, because) = told(|mut solution| {
        let level = solution.levels.last_mut().unwrap();
        level.incumbent -= BigRational::from_integer(1.into());
        level.bound = level.incumbent.clone();
        Outcome::Solved(solution)
    });
    assert_eq!(status, Status::Unknown);
    assert!(because.contains("bill"), "{because}");
}

#[test]
fn a_bound_above_what_was_found() {
    let (status, _) = told(|mut solution| {
        solution.levels.last_mut().unwrap().bound += BigRational::from_integer(1.into());
        Outcome::Solved(solution)
    });
    assert_eq!(status, Status::Unknown);
}

#[test]
fn a_proof_with_nothing_in_it() {
    let (status, _) = told(|mut solution| {
        solution.levels.last_mut().unwrap().certificate = Certificate::LinearDual { multipliers: Vec::new() };
        Outcome::Solved(solution)
    });
    assert_eq!(status, Status::Unknown);
}

#[test]
fn that_no_plan_exists() {
    let nothing =
        |proof: Proof| move |_| Outcome::Infeasible(Reason { origins: Vec::new(), proof: proof.clone() });
    let (status, because) = told(nothing(Proof::Farkas { multipliers: Vec::new() }));
    assert_eq!(
        (status, because.as_str()),
        (Status::Unknown, "the solver's proof that no plan exists does not add up")
    );
    let (status, because) = told(nothing(Proof::Search));
    assert_eq!(
        (status, because.as_str()),
        (Status::Unknown, "the solver says that no plan exists, and finds one")
    );
}

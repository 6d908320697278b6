//! Whether a policy holds in every plan that all other lines allow.
//!
//! The problem is built without the policy's own lines, and each row that excludes what the policy says is
//! added in turn. Where something still fits, that is a plan that breaks the policy: it is rechecked and
//! shown. Where nothing fits, and the proof of that is checked or z3's, the policy is proved, given the
//! machines and the predictions. Anything else is not decided.

use crate::assembly;
use crate::candidates::{self, Disregarded};
use crate::graph::OperatorGraph;
use crate::problem::{Packing, Row, Solution};
use crate::recheck;
use crate::relaxation::{Goal, farkas, relaxation};
use crate::solving::{Feasibility, Proof, Request, Solving};
use berth_language::addresses::compress;
use berth_language::model::{Condition, Policy, Program, Requirement};
use berth_language::span::Span;
use std::collections::BTreeSet;

/// The answer for one policy that says `implied = true`.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The policy's name.
    pub policy: String,
    /// Its head.
    pub span: Span,
    /// Whether it holds in every plan.
    pub holds: Holds,
}

/// Whether a policy holds in every plan.
#[derive(Clone, Debug)]
pub enum Holds {
    /// It does.
    Proved,
    /// It does not.
    Refuted {
        /// The line that is broken.
        line: Span,
        /// A plan that breaks it: each service with its replicas and the nodes they stand on.
        placements: Vec<Placement>,
    },
    /// Neither was shown.
    Undecided {
        /// The line that nothing is known of.
        line: Span,
        /// Why.
        because: String,
    },
}

/// Where a service runs in a counterexample.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Its address.
    pub service: String,
    /// How many.
    pub replicas: u64,
    /// Addresses, runs of keys joined: `box[1..2]`.
    pub nodes: Vec<String>,
}

/// An answer for every policy of `program` that asks.
pub fn implied(
    program: &Program,
    graph: &OperatorGraph,
    solving: &dyn Solving,
    request: &Request,
) -> Vec<Answer> {
    let asking = |policy: &&Policy| policy.implied.as_ref().is_some_and(|implied| implied.value);
    let answer = |policy: &Policy| {
        let lines: Vec<&Requirement> =
            program.requirements.iter().filter(|line| line.policy.as_deref() == Some(&policy.name)).collect();
        let holds = holds(program, graph, &lines, solving, request);
        Answer { policy: policy.name.clone(), span: policy.span, holds }
    };
    program.policies.iter().filter(asking).map(answer).collect()
}

fn holds(
    program: &Program,
    graph: &OperatorGraph,
    lines: &[&Requirement],
    solving: &dyn Solving,
    request: &Request,
) -> Holds {
    let without: Disregarded = lines.iter().map(|line| line.span).collect();
    let candidates = candidates::candidates(program, graph, &without, solving);
    let mut packing = assembly::problem(program, &candidates, &without);
    let mut undecided = None;
    for line in lines {
        let unknown = |because: &str| Holds::Undecided { line: line.span, because: because.to_owned() };
        let Some(rows) = excluding(program, &mut packing, line) else {
            let because = line.unjudged.as_deref().unwrap_or("it speaks of predictions");
            undecided.get_or_insert(unknown(because));
            continue;
        };
        for row in rows {
            let mut packing = packing.clone();
            packing.rows.push(row);
            match solving.feasible(&packing, &[], request) {
                Feasibility::Feasible(witness)
                    if recheck::recheck_assignments(&packing, &witness.assignments).is_ok() =>
                {
                    return Holds::Refuted { line: line.span, placements: placements(&packing, &witness) };
                }
                Feasibility::Infeasible(reason) if is_proved(&packing, &reason.proof) => {}
                Feasibility::Infeasible(_) => {
                    undecided.get_or_insert(unknown("a search found no plan that breaks it, and no proof"));
                }
                Feasibility::Feasible(_) | Feasibility::Unknown => {
                    undecided.get_or_insert(unknown("neither a proof nor a plan that breaks it was found"));
                }
            }
        }
    }
    undecided.unwrap_or(Holds::Proved)
}

/// Rows that exclude what a line says, if rows can.
fn excluding(program: &Program, packing: &mut Packing, line: &Requirement) -> Option<Vec<Row>> {
    let parts: Vec<&Condition> = match line.judged()? {
        Condition::All(parts) => parts.iter().collect(),
        condition => vec![condition],
    };
    let mut rows = Vec::new();
    for scenario in line.when.worlds() {
        for part in &parts {
            rows.extend(assembly::opposite(program, packing, part, scenario, line.span)?);
        }
    }
    Some(rows)
}

fn is_proved(packing: &Packing, proof: &Proof) -> bool {
    match proof {
        Proof::Farkas { multipliers } => farkas(&relaxation(packing, Goal::Feasibility), multipliers),
        Proof::Smt => true,
        Proof::Search => false,
    }
}

fn placements(packing: &Packing, solution: &Solution) -> Vec<Placement> {
    packing
        .items
        .iter()
        .enumerate()
        .filter(|(_, item)| item.beside.is_none())
        .map(|(index, item)| {
            let own = || solution.assignments.iter().filter(|assignment| assignment.item == index);
            let machines: BTreeSet<usize> = own().map(|assignment| assignment.machine).collect();
            let names = machines.iter().filter_map(|machine| packing.machines.get(*machine));
            Placement {
                service: item.name.clone(),
                replicas: own().map(|assignment| assignment.copies).sum(),
                nodes: compress(names.map(|machine| machine.name.as_str())),
            }
        })
        .collect()
}

//! Why no plan exists: an irreducible set of the user's lines that cannot hold together.
//!
//! Lines are left out and put back by building the problem again, so a line counts wherever it acts:
//! as a row, or through the rate that a promise leaves a replica. Any one line of the answer left out,
//! the others can hold: each such statement rests on a witness that was rechecked exactly.

use crate::assembly::{self, requirements};
use crate::candidates::{self, Disregarded, degree_lines};
use crate::containers::Container;
use crate::degrees::Axis;
use crate::graph::OperatorGraph;
use crate::problem::Problem;
use crate::recheck;
use crate::solving::{Feasibility, Request, Solving};
use berth_language::model::{
    Condition, ImageWork, Of, PlaceKind, Program, Requirement, Service, Subject, Work,
};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use std::collections::BTreeSet;

/// Lines that cannot hold together.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// In order of the sources.
    pub lines: Vec<(Span, String)>,
    /// Every line was shown to be needed by a rechecked witness of the others.
    pub irreducible: bool,
}

/// Reduces the lines of an infeasible `program` to a conflict. `suspects` is where to start, a set that a solver named.
pub fn conflict(
    program: &Program,
    graph: &OperatorGraph,
    suspects: &[Span],
    solving: &dyn Solving,
    request: &Request,
) -> Conflict {
    let all: BTreeSet<Span> = lines(program).collect();
    let of_lines = |kept: &BTreeSet<Span>| verdict(program, graph, &all, kept, solving, request);
    let named: BTreeSet<Span> = suspects.iter().copied().filter(|span| all.contains(span)).collect();
    let start = if of_lines(&named) == Verdict::Infeasible { named } else { all.clone() };
    let (mut kept, mut irreducible) = reduced(start, of_lines, request);
    if kept.is_empty() {
        // No line is to blame: what is there cannot hold these services at all.
        let heads: BTreeSet<Span> = program.services.iter().map(|service| service.span).collect();
        let all: BTreeSet<Span> = all.union(&heads).copied().collect();
        let of_services = |kept: &BTreeSet<Span>| verdict(program, graph, &all, kept, solving, request);
        (kept, irreducible) = reduced(heads, of_services, request);
    }
    let lines = kept.iter().map(|span| (*span, because(program, graph, *span))).collect();
    Conflict { lines, irreducible }
}

/// As few of `kept` as still cannot hold together, and whether each of them was shown to be needed.
fn reduced(
    mut kept: BTreeSet<Span>,
    verdict: impl Fn(&BTreeSet<Span>) -> Verdict,
    request: &Request,
) -> (BTreeSet<Span>, bool) {
    // Whole chunks first: most lines of a large program have no part in it.
    let mut chunk = kept.len() / 2;
    while chunk > 1 {
        let order: Vec<Span> = kept.iter().copied().collect();
        for dropped in order.chunks(chunk) {
            let rest: BTreeSet<Span> = kept.iter().copied().filter(|span| !dropped.contains(span)).collect();
            if verdict(&rest) == Verdict::Infeasible {
                kept = rest;
            }
        }
        chunk = chunk.min(kept.len()) / 2;
    }
    let mut irreducible = true;
    for span in kept.clone() {
        let mut rest = kept.clone();
        rest.remove(&span);
        match verdict(&rest) {
            Verdict::Infeasible => kept = rest,
            Verdict::Feasible => {}
            Verdict::Undecided => irreducible = false,
        }
        if request.cancellation.is_cancelled() {
            return (kept, false);
        }
    }
    (kept, irreducible)
}

/// Whether the lines of `kept` alone, with the facts, cannot hold together.
pub fn cannot_hold(
    program: &Program,
    graph: &OperatorGraph,
    kept: &BTreeSet<Span>,
    solving: &dyn Solving,
    request: &Request,
) -> Option<bool> {
    let all: BTreeSet<Span> = lines(program).collect();
    match verdict(program, graph, &all, kept, solving, request) {
        Verdict::Infeasible => Some(true),
        Verdict::Feasible => Some(false),
        Verdict::Undecided => None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Feasible,
    Infeasible,
    Undecided,
}

fn verdict(
    program: &Program,
    graph: &OperatorGraph,
    all: &BTreeSet<Span>,
    kept: &BTreeSet<Span>,
    solving: &dyn Solving,
    request: &Request,
) -> Verdict {
    let without: Disregarded = all.difference(kept).copied().collect();
    let candidates = candidates::candidates(program, graph, &without);
    let problem = feasibility_only(assembly::problem(program, &candidates, &without));
    match solving.feasible(&problem, request) {
        Feasibility::Infeasible(_) => Verdict::Infeasible,
        Feasibility::Feasible(witness)
            if recheck::recheck_assignments(&problem, &witness.assignments).is_ok() =>
        {
            Verdict::Feasible
        }
        Feasibility::Feasible(_) | Feasibility::Unknown => Verdict::Undecided,
    }
}

fn feasibility_only(problem: Problem) -> Problem {
    let Problem::Packing(mut packing) = problem;
    packing.wishes.clear();
    packing.levels.clear();
    Problem::Packing(packing)
}

/// Every line that could be left out: requirements, pins, bounds and demands. A service itself stays.
pub fn lines(program: &Program) -> impl Iterator<Item = Span> {
    let of_services = program.services.iter().flat_map(|service| {
        let mut spans: Vec<Span> = service.demand.iter().map(|demand| demand.span).collect();
        spans.extend(service.replicas.iter().map(|bound| bound.span));
        match &service.work {
            Work::Image(work) => spans.extend(work.device.iter().map(|line| line.span)),
            Work::Llm(work) => {
                let degrees = degree_lines(work).into_iter().flat_map(|(_, lines)| lines);
                spans.extend(degrees.map(|line| line.span));
                spans.extend(work.batch.iter().map(|line| line.span));
                spans.extend(work.precision.iter().map(|line| line.span));
                spans.extend(work.device.iter().map(|line| line.span));
            }
        }
        spans
    });
    of_services.chain(requirements(program).map(|requirement| requirement.span))
}

/// What a line of a conflict asks for.
fn because(program: &Program, graph: &OperatorGraph, span: Span) -> String {
    for (index, service) in program.services.iter().enumerate() {
        let name = &service.name;
        if service.span == span {
            return format!("`{name}` needs at least one replica");
        }
        if service.demand.as_ref().is_some_and(|demand| demand.span == span) {
            let peak = candidates::peak_rate(service, &Disregarded::new()).to_f64().unwrap_or(f64::MAX);
            return format!("`{name}` gets {peak:.1} req/s at its busiest");
        }
        if let Some(bound) = service.replicas.iter().find(|bound| bound.span == span) {
            return match (bound.low, bound.high) {
                (Some(low), Some(high)) if low == high => format!("`{name}` has exactly {low}"),
                (Some(low), Some(high)) => format!("`{name}` has {low} to {high} replicas"),
                (Some(low), None) => format!("`{name}` has at least {low} replicas"),
                (None, Some(high)) => format!("`{name}` has at most {high} replicas"),
                (None, None) => format!("bounds the replicas of `{name}`"),
            };
        }
        if let Some(because) = restriction_because(service, span) {
            return because;
        }
        if let Some(requirement) = service.requirements.iter().find(|requirement| requirement.span == span)
            && candidates::latency_limit(index, requirement).is_some()
        {
            return latency_because(program, graph, index, requirement);
        }
    }
    match requirements(program).find(|requirement| requirement.span == span).map(|found| &found.condition) {
        Some(Condition::Compare { terms, .. }) => match terms.first().map(|term| &term.subject) {
            Some(Subject::Spread { of: Of::Service(service), place: PlaceKind::Node }) => {
                let emptied = match program.drained.len() {
                    0 => "",
                    1 => ", the one that is emptied left out",
                    _ => ", those that are emptied left out",
                };
                format!(
                    "`{}` stands on this many nodes; there are {}{emptied}",
                    program.services[*service].name,
                    program.nodes.len() - program.drained.len()
                )
            }
            Some(Subject::Spread { of: Of::Service(service), place }) => {
                let places = program.places.iter().filter(|known| known.level == *place).count();
                let (name, level) = (&program.services[*service].name, place.name());
                format!("counts the {level}s with a replica of `{name}`; there are {places}")
            }
            Some(Subject::ReplicasOn { service, nodes }) if terms.len() == 1 => format!(
                "limits the replicas of `{}` on {} of {} nodes",
                program.services[*service].name,
                nodes.len(),
                program.nodes.len()
            ),
            Some(Subject::Bill) => "limits what may be spent".into(),
            Some(Subject::MemoryFree { .. }) => "leaves this much device memory unused".into(),
            _ => "limits counts".into(),
        },
        Some(Condition::Placed { service, nodes }) => format!(
            "`{}` stands on {} of {} nodes, and on no others",
            program.services[*service].name,
            nodes.len(),
            program.nodes.len()
        ),
        _ => "limits what may be chosen".into(),
    }
}

/// What a line about the form of a replica allows.
fn restriction_because(service: &Service, span: Span) -> Option<String> {
    let name = &service.name;
    let (device, llm) = match &service.work {
        Work::Image(work) => (&work.device, None),
        Work::Llm(work) => (&work.device, Some(work)),
    };
    if device.iter().any(|line| line.span == span) {
        return Some(format!("`{name}` runs on no other device"));
    }
    let work = llm?;
    if work.precision.iter().any(|line| line.span == span) {
        return Some(format!("`{name}` runs at no other precision"));
    }
    let degree = degree_lines(work).into_iter().find(|(_, lines)| lines.iter().any(|line| line.span == span));
    if let Some((axis, _)) = degree {
        return Some(match axis {
            Axis::Tensor => format!("`{name}` is split over no other number of devices"),
            Axis::Pipeline => format!("`{name}` runs in no other number of stages"),
            Axis::Expert => format!("`{name}` has its experts in no other number of groups"),
            Axis::Data => format!("`{name}` has no other number of groups with sequences of their own"),
            Axis::Context => format!("`{name}` divides the tokens of a sequence no other way"),
        });
    }
    let batch = work.batch.iter().find(|line| line.span == span)?;
    Some(match batch.high {
        Some(high) => format!("`{name}` decodes at most {high} sequences together"),
        None => format!("bounds how many sequences `{name}` decodes together"),
    })
}

/// How many replicas, or what rate of the best one, a promise about latency allows.
fn latency_because(
    program: &Program,
    graph: &OperatorGraph,
    service: usize,
    requirement: &Requirement,
) -> String {
    let span = requirement.span;
    let with = candidates::candidates(program, graph, &Disregarded::new());
    let own = &with.services[service];
    if let Some(least) = own.least.iter().find(|least| least.origins.contains(&span)) {
        return match least.count {
            Some(count) => format!("takes at least {count} replicas"),
            None => match &program.services[service].work {
                Work::Image(work) => alone(work, requirement),
                Work::Llm(_) => "no number of replicas is fast enough".into(),
            },
        };
    }
    let best = own
        .candidates
        .iter()
        .filter_map(|candidate| Some((candidate.capacity.as_ref()?, candidate.layout.as_ref()?)))
        .filter(|(capacity, _)| capacity.limited_by == Some(span))
        .max_by(|(left, _), (right, _)| left.rate.total_cmp(&right.rate));
    let ruled_out = own.refusals.iter().filter(|refusal| refusal.origins.contains(&span)).count();
    match best {
        Some((capacity, layout)) => {
            format!("at most {:.2} req/s a replica: {}", capacity.rate, with.layout_name(layout))
        }
        None if ruled_out > 0 => format!("rules out {ruled_out} layouts at any load"),
        None => "leaves less room for a queue".into(),
    }
}

/// What a request takes where it never waits.
fn alone(work: &ImageWork, requirement: &Requirement) -> String {
    let seconds = Container::of(work).and_then(|container| {
        let queue = container.queue(&BigRational::zero(), None, 1);
        let (_, statistic, _) = candidates::latency_limit(requirement.service?, requirement)?;
        queue.sojourn(statistic).ok()
    });
    match seconds {
        Some(seconds) if work.serves.is_some() => {
            format!("a request takes {:.0}ms at this rate even where it never waits", seconds * 1e3)
        }
        Some(seconds) => {
            format!("a request takes {:.0}ms even where it never waits", seconds * 1e3)
        }
        None => "no number of replicas is fast enough".into(),
    }
}

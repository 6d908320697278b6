//! Why no plan exists: an irreducible set of the user's lines that cannot hold together.
//!
//! Lines are left out and put back by building the problem again, so a line counts wherever it acts:
//! as a row, or through the rate that a promise leaves a replica. Any one line of the answer left out,
//! the others can hold: each such statement rests on a witness that was rechecked exactly.

use crate::assembly::{self, requirements};
use crate::candidates::{self, Disregarded, Refusal, degree_lines};
use crate::containers::Container;
use crate::degrees::Axis;
use crate::graph::OperatorGraph;
use crate::jobs::{self, jobs};
use crate::problem::{Assignment, Atom, Item, Packing, Relation, Resource, Running};
use crate::problem_description::amount;
use crate::quotas::{Quota, quotas};
use crate::recheck;
use crate::solving::{Feasibility, Request, Solving};
use berth_language::model::{
    Condition, ImageWork, Node, Of, PlaceKind, Program, Requirement, Scenario, Service, Subject, Term, Work,
};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::collections::BTreeSet;

/// Lines that cannot hold together.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// In order of the sources.
    pub lines: Vec<(Span, String)>,
    /// Every line was shown to be needed by a rechecked witness of the others.
    pub irreducible: bool,
    /// What all lines of the program ask for and all machines together do not have: a text for each such resource.
    pub shortages: Vec<String>,
}

/// Reduces the lines of an infeasible `program`, where this is what runs now, to a conflict. `suspects` is where to start, a
/// set that a solver named.
pub fn conflict(
    program: &Program,
    graph: &OperatorGraph,
    running: &[Running],
    suspects: &[Span],
    solving: &dyn Solving,
    request: &Request,
) -> Conflict {
    let named =
        |among: &BTreeSet<Span>| suspects.iter().copied().filter(|span| among.contains(span)).collect();
    let mut asking = Asking::new(program, graph, running, solving, request);
    let lines = asking.all.clone();
    let start = asking.first_infeasible(named(&lines), lines);
    let (mut kept, mut irreducible) = asking.reduced(start);
    if kept.is_empty() {
        // No line is to blame: what is there cannot hold these services at all.
        let services = program.services.iter().map(|service| service.span);
        let heads: BTreeSet<Span> = services.chain(jobs(program).map(|(_, job)| job.span)).collect();
        asking.all.extend(&heads);
        let start = asking.first_infeasible(named(&heads), heads);
        (kept, irreducible) = asking.reduced(start);
    }
    let lines = kept.iter().map(|span| (*span, because(program, graph, *span, solving))).collect();
    Conflict { lines, irreducible, shortages: shortages(&asking.problem(&asking.all)) }
}

/// Resources of which the least counts that rows ask for need more than all machines have.
fn shortages(packing: &Packing) -> Vec<String> {
    let mut least = vec![BigInt::zero(); packing.items.len()];
    for row in packing.rows.iter().filter(|row| row.relation != Relation::AtMost) {
        if let [(factor, Atom::Copies { item })] = row.terms.as_slice()
            && factor.is_positive()
            && let Some(least) = least.get_mut(*item)
        {
            *least = (&row.bound / factor).ceil().to_integer().max(least.clone());
        }
    }
    let short = |(index, resource): (usize, &Resource)| {
        let of = |amounts: &[u64]| amounts.get(index).copied().unwrap_or(0);
        let each = |item: &Item| item.choices.iter().map(|choice| of(&choice.demand)).min().unwrap_or(0);
        let needed: BigInt = packing.items.iter().zip(&least).map(|(item, least)| least * each(item)).sum();
        let there: BigInt = packing.machines.iter().map(|machine| BigInt::from(of(&machine.capacity))).sum();
        (needed > there).then(|| {
            let (lacking, needed) = (&needed - there, amount(&resource.unit, &needed));
            let (name, lacking) = (&resource.name, amount(&resource.unit, &lacking));
            format!("All services together need {needed} of {name}, {lacking} more than all nodes have.")
        })
    };
    // Room is none of the user's resources: the lines say what nodes that are emptied leave.
    let resources =
        packing.resources.iter().enumerate().filter(|(_, resource)| resource.name != assembly::ROOM);
    resources.filter_map(short).collect()
}

/// So many lines are left out one by one.
const FEW: usize = 3;

/// Whether some of a program's lines can hold together, asked again and again.
struct Asking<'a> {
    program: &'a Program,
    graph: &'a OperatorGraph,
    running: &'a [Running],
    solving: &'a dyn Solving,
    request: &'a Request,
    /// The lines that may be left out.
    all: BTreeSet<Span>,
    /// What was found to hold last: what holds without another line is mostly near.
    near: Vec<Assignment>,
}

impl<'a> Asking<'a> {
    fn new(
        program: &'a Program,
        graph: &'a OperatorGraph,
        running: &'a [Running],
        solving: &'a dyn Solving,
        request: &'a Request,
    ) -> Self {
        Self { program, graph, running, solving, request, all: lines(program).collect(), near: Vec::new() }
    }

    /// `named` where that cannot hold, else `all`.
    fn first_infeasible(&mut self, named: BTreeSet<Span>, all: BTreeSet<Span>) -> BTreeSet<Span> {
        if self.verdict(&named) == Verdict::Infeasible { named } else { all }
    }

    /// As few of `kept` as still cannot hold together, and whether each of them was shown to be needed.
    fn reduced(&mut self, mut kept: BTreeSet<Span>) -> (BTreeSet<Span>, bool) {
        let order = self.least_demand_first(&kept);
        let mut needed = BTreeSet::new();
        // What one line tells of others may be all that there is to find out.
        if let Some(first) = order.first() {
            self.try_without(*first, &mut kept, &mut needed);
        }
        // Whole chunks next: most lines of a large program have no part in it. Of few lines most have.
        let doubtful =
            |kept: &BTreeSet<Span>, needed| kept.difference(needed).copied().collect::<Vec<Span>>();
        let mut chunk = kept.difference(&needed).count() / 4;
        while chunk > FEW {
            for dropped in doubtful(&kept, &needed).chunks(chunk) {
                let rest: BTreeSet<Span> =
                    kept.iter().copied().filter(|span| !dropped.contains(span)).collect();
                if self.verdict(&rest) == Verdict::Infeasible {
                    kept = rest;
                }
            }
            chunk = chunk.min(kept.len()) / 4;
        }
        let mut irreducible = true;
        for span in order {
            if kept.contains(&span) && !needed.contains(&span) {
                irreducible &= self.try_without(span, &mut kept, &mut needed);
            }
            if self.request.cancellation.is_cancelled() {
                return (kept, false);
            }
        }
        (kept, irreducible)
    }

    /// Leaves a line out where the others cannot hold either; otherwise it is needed. Whether that was decided.
    fn try_without(&mut self, line: Span, kept: &mut BTreeSet<Span>, needed: &mut BTreeSet<Span>) -> bool {
        let mut rest = kept.clone();
        rest.remove(&line);
        match self.verdict(&rest) {
            Verdict::Infeasible => *kept = rest,
            Verdict::Feasible => {
                needed.insert(line);
                needed.extend(self.needed_as_well(kept, line));
            }
            Verdict::Undecided => return false,
        }
        true
    }

    /// The lines in the order of what their services ask for, others last: where those that ask for the least fit
    /// without one another, others do.
    fn least_demand_first(&self, kept: &BTreeSet<Span>) -> Vec<Span> {
        let packing = self.problem(kept);
        let demand = |item: usize| packing.items[item].choices.first().map(|choice| &choice.demand);
        let mut order: Vec<Span> = kept.iter().copied().collect();
        order.sort_by_cached_key(|span| {
            let item = demanded_by(&packing, *span);
            (item.is_none(), item.and_then(demand).cloned())
        });
        order
    }

    /// Other lines of `kept` that are needed if the one without which all others were found to hold is: where a copy of
    /// the one's service may stand in the place of every copy of another's.
    fn needed_as_well(&self, kept: &BTreeSet<Span>, without: Span) -> Vec<Span> {
        let packing = self.problem(kept);
        let Some(missing) = demanded_by(&packing, without) else { return Vec::new() };
        let takes_place = |other: &Span| {
            let Some(item) = demanded_by(&packing, *other).filter(|item| *item != missing) else {
                return false;
            };
            let exchanged = |of: &Assignment| match of.item == item {
                true => Assignment { item: missing, choice: 0, ..of.clone() },
                false => of.clone(),
            };
            let mut assignments: Vec<Assignment> = self.near.iter().map(exchanged).collect();
            assignments.sort();
            let broken = recheck::recheck_assignments(&packing, &assignments).err().unwrap_or_default();
            broken.iter().all(|violation| violation.origins.contains(other))
        };
        kept.iter().copied().filter(takes_place).collect()
    }

    /// What the lines of `kept` alone pose.
    fn problem(&self, kept: &BTreeSet<Span>) -> Packing {
        let without: Disregarded = self.all.difference(kept).copied().collect();
        let candidates = candidates::candidates(self.program, self.graph, &without, self.solving);
        let mut packing = assembly::problem(self.program, &candidates, &without);
        assembly::observe(&mut packing, self.program, self.running.to_vec());
        packing.wishes.clear();
        packing.levels.clear();
        packing
    }

    /// Whether the lines of `kept` alone, with the facts, can hold together.
    fn verdict(&mut self, kept: &BTreeSet<Span>) -> Verdict {
        let packing = self.problem(kept);
        match self.solving.feasible(&packing, &self.near, self.request) {
            Feasibility::Infeasible(_) => Verdict::Infeasible,
            Feasibility::Feasible(witness)
                if recheck::recheck_assignments(&packing, &witness.assignments).is_ok() =>
            {
                self.near = witness.assignments;
                Verdict::Feasible
            }
            Feasibility::Feasible(_) | Feasibility::Unknown => Verdict::Undecided,
        }
    }
}

/// The item of which a line asks for copies, where that is all that it does.
fn demanded_by(packing: &Packing, line: Span) -> Option<usize> {
    let mut items =
        packing.rows.iter().filter(|row| row.origins.contains(&line)).map(|row| match row.terms.as_slice() {
            [(factor, Atom::Copies { item })]
                if factor.is_positive() && row.relation == Relation::AtLeast =>
            {
                Some(*item)
            }
            _ => None,
        });
    let first = items.next()??;
    items.all(|item| item == Some(first)).then_some(first)
}

/// Whether the lines of `kept` alone, with the facts and what runs now, cannot hold together.
pub fn cannot_hold(
    program: &Program,
    graph: &OperatorGraph,
    running: &[Running],
    kept: &BTreeSet<Span>,
    solving: &dyn Solving,
    request: &Request,
) -> Option<bool> {
    match Asking::new(program, graph, running, solving, request).verdict(kept) {
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

/// Every line that could be left out: requirements, pins, bounds, demands, taints, scenarios and shares of teams. A
/// service itself stays.
pub fn lines(program: &Program) -> impl Iterator<Item = Span> {
    let of_services = program.services.iter().flat_map(|service| {
        let mut spans: Vec<Span> = service.demand.iter().map(|demand| demand.span).collect();
        spans.extend(service.replicas.iter().map(|bound| bound.span));
        match &service.work {
            Work::Image(work) => spans.extend(work.device.iter().map(|line| line.span)),
            Work::Llm(work) => {
                let degrees = degree_lines(work).into_iter().flat_map(|(_, lines)| lines);
                spans.extend(degrees.chain(&work.nodes).map(|line| line.span));
                spans.extend(work.batch.iter().map(|line| line.span));
                spans.extend(work.redundant_experts.iter().map(|line| line.span));
                spans.extend(work.precision.iter().map(|line| line.span));
                spans.extend(work.device.iter().map(|line| line.span));
            }
        }
        spans
    });
    let taints = program.nodes.iter().filter_map(|node| node.taints.as_ref()).map(|taints| taints.span);
    let scenarios = scenarios_in_use(program).map(|scenario| scenario.span);
    let quotas = quotas(program, &Disregarded::new()).into_iter().flat_map(|quota| quota.origins);
    of_services
        .chain(jobs(program).flat_map(|(_, job)| jobs::choice_lines(job)))
        .chain(requirements(program).map(|requirement| requirement.span))
        .chain(taints)
        .chain(scenarios)
        .chain(quotas)
}

/// The scenarios in which some line is judged.
fn scenarios_in_use(program: &Program) -> impl Iterator<Item = &Scenario> {
    let judged = requirements(program).filter(|requirement| requirement.judged().is_some());
    let used: BTreeSet<usize> = judged.flat_map(|requirement| requirement.when.worlds()).flatten().collect();
    used.into_iter().filter_map(|scenario| program.scenarios.get(scenario))
}

/// What a line of a conflict asks for.
fn because(program: &Program, graph: &OperatorGraph, span: Span, solving: &dyn Solving) -> String {
    for (index, service) in program.services.iter().enumerate() {
        let name = &service.name;
        if service.span == span {
            let with = candidates::candidates(program, graph, &Disregarded::new(), solving);
            let own = &with.services[index];
            // What fails on the most devices says what is short.
            let refused = own.refusals.iter().max_by_key(|refusal| refusal.layout.degrees.devices());
            return match refused.filter(|_| own.candidates.is_empty()) {
                Some(Refusal { layout, because, .. }) => {
                    format!("`{name}` needs a replica; {}: {because}", with.layout_name(layout))
                }
                None => format!("`{name}` needs at least one replica"),
            };
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
            return latency_because(program, graph, index, requirement, solving);
        }
    }
    if let Some(because) = jobs(program).find_map(|job| jobs::because(program, graph, job, span, solving)) {
        return because;
    }
    if let Some(because) = taints_because(program, span) {
        return because;
    }
    if let Some(scenario) = program.scenarios.iter().find(|scenario| scenario.span == span) {
        return format!("takes {} of {} nodes away", scenario.gone.len(), program.nodes.len());
    }
    if let Some(because) = quota_because(program, span) {
        return because;
    }
    let line = requirements(program).find(|requirement| requirement.span == span);
    let in_scenarios = line.is_some_and(|line| line.when.worlds().all(|world| world.is_some()));
    let left = if in_scenarios { " that are left" } else { "" };
    match line.map(|line| &line.condition) {
        Some(Condition::Compare { terms, .. }) => match terms.first().map(|term| &term.subject) {
            Some(Subject::Replicas { service }) if terms.len() == 1 => {
                format!("counts the replicas of `{}`{left}", program.services[*service].name)
            }
            Some(Subject::Spread { of: Of::Service(service), place }) if in_scenarios => {
                let (name, level) = (&program.services[*service].name, place.name());
                format!("counts the {level}s with a replica of `{name}`{left}")
            }
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
            Some(Subject::Moves) => "limits how many replicas move".into(),
            Some(Subject::MemoryFree { .. }) => "leaves this much device memory unused".into(),
            _ => match counted(terms).as_slice() {
                [] | [_] => "limits counts".into(),
                services => {
                    let names =
                        services.iter().map(|service| format!("`{}`", program.services[*service].name));
                    format!("limits {} together", and(&names.collect::<Vec<_>>()))
                }
            },
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

/// What a share of the devices leaves to whom: a guarantee limits its own team, where that does not borrow, and services
/// of no team.
fn quota_because(program: &Program, span: Span) -> Option<String> {
    let quotas = quotas(program, &Disregarded::new()).into_iter();
    let own: Vec<Quota> = quotas.filter(|quota| quota.origins.contains(&span)).collect();
    // Who may use all is limited by nothing.
    let limits = |quota: &&Quota| quota.share < BigRational::one();
    let says = |quota: &Quota| match quota.team.and_then(|team| program.teams.get(team)) {
        Some(team) if team.guaranteed.as_ref().is_some_and(|share| share.span == span) => {
            format!("{}, as it does not borrow", quota.text(program))
        }
        _ => quota.text(program),
    };
    let all: Vec<String> = own.iter().filter(limits).map(says).collect();
    (!own.is_empty()).then(|| all.join("; "))
}

/// Whom the taints of a line keep away.
fn taints_because(program: &Program, span: Span) -> Option<String> {
    let is_tainted = |node: &&Node| node.taints.as_ref().is_some_and(|taints| taints.span == span);
    let nodes: Vec<&Node> = program.nodes.iter().filter(is_tainted).collect();
    if nodes.is_empty() {
        return None;
    }
    let services = program.services.iter().map(|service| (&service.name, &service.tolerations));
    let all = services.chain(jobs(program).map(|(_, job)| (&job.name, &job.tolerations)));
    let away = all.filter(|(_, tolerations)| nodes.iter().any(|node| !node.takes(tolerations.as_ref())));
    let names: Vec<String> = away.map(|(name, _)| format!("`{name}`")).collect();
    Some(format!("keep {} off {} of {} nodes", and(&names), nodes.len(), program.nodes.len()))
}

/// The services that a sum counts.
fn counted(terms: &[Term]) -> Vec<usize> {
    let of = |term: &Term| match term.subject {
        Subject::Replicas { service }
        | Subject::ReplicasOn { service, .. }
        | Subject::Spread { of: Of::Service(service), .. } => Some(service),
        _ => None,
    };
    let services: BTreeSet<usize> = terms.iter().filter_map(of).collect();
    services.into_iter().collect()
}

/// `a`, `b` and `c`; of many, the first and how many more.
fn and(names: &[String]) -> String {
    const MOST: usize = 4;
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if names.len() <= MOST => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", names[..MOST].join(", "), names.len() - MOST),
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
    if work.nodes.iter().any(|line| line.span == span) {
        return Some(format!("a replica of `{name}` takes no other number of nodes"));
    }
    if let Some(bound) = work.redundant_experts.iter().find(|line| line.span == span) {
        let many = match (bound.low, bound.high) {
            (Some(low), Some(high)) if low == high => format!("{low} redundant experts"),
            (Some(low), None) => format!("at least {low} redundant experts"),
            (None, Some(high)) => format!("at most {high} redundant experts"),
            _ => "so many redundant experts".to_owned(),
        };
        let evenly = "its groups share all copies evenly, each with one of an expert at most";
        return Some(format!("`{name}` has {many}; {evenly}"));
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
    solving: &dyn Solving,
) -> String {
    let span = requirement.span;
    let with = candidates::candidates(program, graph, &Disregarded::new(), solving);
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
        .filter_map(|candidate| Some((&candidate.capacities, candidate.layout.as_ref()?)))
        .flat_map(|(capacities, layout)| capacities.iter().map(move |capacity| (capacity, layout)))
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

//! Why a service stands on a node, or why not: the same problem, with that one thing made otherwise.
//!
//! What comes of it is an answer: lines that rule it out, a plan that is worse and by how much, or one that is as good, so
//! that only the order of ties chose.

use crate::assembly;
use crate::candidates::Disregarded;
use crate::plan::{ObjectiveEntry, Plan};
use crate::problem::{Choice, Devices, Machine, Packing};
use crate::problem_description::amount;
use crate::session::{Planned, Session, Stages};
use crate::solving::Request;
use crate::verify::{Refused, stages_of, verify};
use berth_language::addresses::expand;
use berth_language::model::{Compare, Condition, Requirement, Subject, Term, When};
use berth_language::quantity::Quantity;
use berth_language::span::{FileId, Span};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::One;

/// More nodes than this are not written as one range.
const MOST_NODES: usize = 1 << 20;

/// What a plan has on a node, and what it would be otherwise.
pub struct Explanation {
    /// Replicas of the service that stand there.
    pub replicas: u64,
    /// Were it otherwise: none there where some are, one or more where none is.
    pub otherwise: Otherwise,
}

/// What comes of making it otherwise.
pub enum Otherwise {
    /// No replica fits on the node, even where nothing else stands.
    TooSmall(Vec<String>),
    /// No plan is so: the lines are its conflict.
    Ruled(Box<Planned>),
    /// The first entry of the objective that differs: in the plan, and in the best that is so.
    Differs(Box<[ObjectiveEntry; 2]>),
    /// A plan is as good.
    AsGood,
    /// Neither was found.
    Undecided(String),
}

/// Why no answer was sought.
pub enum Unexplained {
    /// The plan does not hold, or its sources do not plan.
    Refused(Refused),
    /// The program has no such service or node.
    Unknown(String),
    /// There is no plan.
    NoPlan,
}

/// Why `service` stands on `node` in `found`, or why not.
///
/// # Errors
/// The plan is refused, names are unknown, or it has no placements.
pub fn explain(
    session: &Session<'_>,
    found: &Plan,
    service: &str,
    node: &str,
    request: &Request,
) -> Result<Explanation, Unexplained> {
    verify(session, found, request).map_err(Unexplained::Refused)?;
    let mut stages =
        stages_of(session, found).map_err(|stopped| Unexplained::Refused(Refused::Stopped(stopped)))?;
    let item = stages.program.services.iter().position(|known| known.name == service);
    let item = item.ok_or_else(|| Unexplained::Unknown(service.to_owned()))?;
    let machine = stages.program.nodes.iter().position(|known| known.name == node);
    let machine = machine.ok_or_else(|| Unexplained::Unknown(node.to_owned()))?;
    if found.objective.is_empty() {
        return Err(Unexplained::NoPlan);
    }
    let replicas = standing(found, service, node);
    if replicas == 0 {
        let short = lacking(&stages.packing, item, machine);
        if !short.is_empty() {
            return Ok(Explanation { replicas, otherwise: Otherwise::TooSmall(short) });
        }
    }
    make_otherwise(&mut stages, item, machine, replicas);
    let planned = session.solved(stages, request, &mut |_| ());
    let otherwise = if !planned.plan.conflict.is_empty() {
        Otherwise::Ruled(Box::new(without_question(planned)))
    } else if planned.plan.objective.is_empty() {
        Otherwise::Undecided(planned.because.unwrap_or_default())
    } else {
        let mut pairs = found.objective.iter().zip(&planned.plan.objective);
        match pairs.find(|(now, then)| now.incumbent != then.incumbent) {
            Some((now, then)) => Otherwise::Differs(Box::new([now.clone(), then.clone()])),
            None => Otherwise::AsGood,
        }
    };
    Ok(Explanation { replicas, otherwise })
}

/// Replicas of a service that a plan has on a node.
fn standing(found: &Plan, service: &str, node: &str) -> u64 {
    let own = found.placements.iter().filter(|placement| placement.service == service);
    let here = own.flat_map(|placement| {
        let nodes = placement.nodes.iter().filter_map(|address| expand(address, MOST_NODES)).flatten();
        nodes.filter(|name| name == node).map(|_| placement.each)
    });
    here.sum()
}

/// Where the question stands among the lines: before all of them.
const QUESTION: Span = Span { file: FileId(0), start: 0, end: 0 };

/// Asks for a replica of the service on the node where it has none, and for none where it has some.
fn make_otherwise(stages: &mut Stages, service: usize, node: usize, replicas: u64) {
    let condition = if replicas == 0 {
        let subject = Subject::ReplicasOn { service, nodes: vec![node] };
        Condition::Compare {
            terms: vec![Term { coefficient: BigRational::one(), subject }],
            compare: Compare::AtLeast,
            limit: Quantity::integer(1),
            integer: true,
        }
    } else {
        // That no part of one stands there either.
        let nodes = (0..stages.program.nodes.len()).filter(|other| *other != node).collect();
        Condition::Placed { service, nodes }
    };
    stages.program.requirements.push(Requirement {
        service: None,
        policy: None,
        text: String::new(),
        span: QUESTION,
        when: When::default(),
        condition,
        unjudged: None,
    });
    stages.packing = assembly::problem(&stages.program, &stages.candidates, &Disregarded::new());
    if let Some(resolved) = &stages.observed {
        assembly::observe(&mut stages.packing, &stages.program, resolved.running());
    }
}

/// The lines that rule it out are those beside the question.
fn without_question(mut planned: Planned) -> Planned {
    planned.plan.conflict.retain(|line| !line.text.is_empty());
    planned
}

/// What an empty node lacks of a replica: a text for each form where every form lacks something, else none.
fn lacking(packing: &Packing, item: usize, machine: usize) -> Vec<String> {
    let machine = &packing.machines[machine];
    let forms = packing.items[item].choices.iter();
    let mut texts: Vec<String> = Vec::new();
    for form in forms {
        let Some(text) = short_of(packing, form, machine) else { return Vec::new() };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

fn short_of(packing: &Packing, form: &Choice, machine: &Machine) -> Option<String> {
    let name = &machine.name;
    let allowed = |classes: &Vec<usize>| machine.class.is_some_and(|class| classes.contains(&class));
    if form.classes.as_ref().is_some_and(|classes| !allowed(classes)) {
        return Some(format!("`{name}` has no device that it may run on"));
    }
    if let Devices::Whole(count) = form.devices
        && count > machine.devices
    {
        return Some(format!("a replica takes {count} devices, `{name}` has {}", machine.devices));
    }
    let resources = packing.resources.iter().enumerate();
    let mut short = resources.filter_map(|(index, resource)| {
        let (taken, there) = (form.demand.get(index)?, machine.capacity.get(index)?);
        let text = |value: u64| amount(&resource.unit, &BigInt::from(value));
        let told = || match resource.name.as_str() {
            assembly::ROOM => format!("`{name}` is being emptied"),
            resource => {
                format!("a replica takes {} of {resource}, `{name}` has {}", text(*taken), text(*there))
            }
        };
        (taken > there).then(told)
    });
    short.next()
}

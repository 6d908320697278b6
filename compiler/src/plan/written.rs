//! Solution to plan: every number of the file, derived from counts, machines and the model.

use crate::assembly::{linear_wishes, paid, per_hour, standing_price};
use crate::candidates::{Candidate, Candidates, precision_name};
use crate::jobs::{Training, jobs, requests, seconds_for};
use crate::plan::actions::actions;
use crate::plan::autoscaling::autoscaling;
use crate::plan::experts::expert_entries;
use crate::plan::groups::{Grouped, groups as together, is_part};
use crate::plan::judged::requirement_entries;
use crate::plan::predicted::{loads, measures};
use crate::plan::shares::{blocked_by, team_entries};
use crate::plan::{
    CertificateEntry, FORMAT, Input, JobEntry, Layout, ObjectiveEntry, PlaceholderEntry, Placement, Plan,
    RequirementEntry, Seal, Status, Step, TrainingEntry, Unplaced, WishEntry, digest,
};
use crate::problem::{Assignment, Certificate, Devices, Packing, Solution};
use crate::recheck::Values;
use crate::state::Resolved;
use berth_language::addresses::compress;
use berth_language::model::{Compare, Condition, Job, Precision, Program, Sharding, Stored, Subject, Work};
use berth_language::sources::Sources;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Everything a plan is derived from.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// What the files say.
    pub program: &'a Program,
    /// The files.
    pub sources: &'a Sources,
    /// Edited text that took the place of lowering.
    pub ir: Option<&'a Input>,
    /// What may run.
    pub candidates: &'a Candidates,
    /// What was solved.
    pub packing: &'a Packing,
    /// What runs now, where somebody has looked.
    pub observed: Option<&'a Resolved>,
}

/// The plan that `solution` is; `values` are what [`recheck`](crate::recheck) found of it.
pub fn plan(world: World<'_>, solution: &Solution, values: &Values) -> Plan {
    let loads = loads(world, values);
    let mut requirements = requirement_entries(world, values, &loads);
    // What nobody judged is read first; otherwise the order of the program stays.
    requirements.sort_by_key(|entry| match entry.met {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    });
    let objective = objective_entries(world, solution);
    let autoscaling = autoscaling(world, values);
    let status = status(&objective, &requirements);
    let mut plan = Plan {
        status,
        objective,
        placements: placements(world, solution),
        unplaced: unplaced(world, values),
        actions: actions(world, solution, &autoscaling),
        jobs: job_entries(world, values),
        experts: expert_entries(world, values),
        measures: measures(world, solution, values, &loads),
        requirements,
        wishes: wish_entries(world, values),
        teams: team_entries(world, values),
        autoscaling,
        steps: steps(world.program),
        ..preamble(world)
    };
    let of_program = world.packing.items.iter().filter(|item| item.beside.is_none());
    let names = of_program.map(|item| &item.name);
    plan.seals = names.map(|name| Seal { service: name.clone(), sha256: plan.seal_of(name) }).collect();
    plan.fingerprint = plan.fingerprint_of_contents();
    plan
}

/// A plan of a program that has none, or for which none was found.
pub fn without_placements(
    world: World<'_>,
    status: Status,
    conflict: Vec<crate::plan::ConflictLine>,
) -> Plan {
    let mut plan = Plan { status, conflict, ..preamble(world) };
    plan.fingerprint = plan.fingerprint_of_contents();
    plan
}

fn preamble(world: World<'_>) -> Plan {
    Plan {
        format: FORMAT.into(),
        berth_version: env!("CARGO_PKG_VERSION").into(),
        name: world.program.plan.name.clone(),
        inputs: inputs(world.sources),
        ir: world.ir.cloned(),
        drained: compress(world.program.drained.iter().map(|node| world.program.nodes[*node].name.as_str())),
        observed: world.observed.map(|resolved| resolved.observed.clone()),
        placeholders: placeholders(world.program),
        ..Plan::default()
    }
}

/// The files of the user, with the hashes of their bytes; data files last.
pub fn inputs(sources: &Sources) -> Vec<Input> {
    let read = sources.iter().filter(|(_, source)| !source.shipped);
    let read = read.map(|(_, source)| Input { path: source.path.clone(), sha256: digest(&source.bytes) });
    let data =
        sources.data().map(|(path, sha256)| Input { path: path.to_owned(), sha256: sha256.to_owned() });
    read.chain(data).collect()
}

fn placeholders(program: &Program) -> Vec<PlaceholderEntry> {
    let mut by_text: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for placeholder in &program.placeholders {
        by_text.entry(&placeholder.text).or_default().push(placeholder.thing.clone());
    }
    by_text
        .into_iter()
        .map(|(text, things)| PlaceholderEntry {
            text: text.to_owned(),
            things: compress(things.iter().map(String::as_str)),
        })
        .collect()
}

/// The nearest number of the file format.
pub fn float(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::MAX)
}

/// The largest number of the file format that is not above `value`.
fn float_at_most(value: &BigRational) -> f64 {
    let nearest = float(value);
    match BigRational::from_float(nearest) {
        Some(exact) if exact > *value => nearest.next_down(),
        _ => nearest,
    }
}

fn status(objective: &[ObjectiveEntry], requirements: &[RequirementEntry]) -> Status {
    if requirements.iter().any(|entry| entry.met.is_none()) {
        Status::Partial
    } else if objective.iter().all(|entry| entry.gap == 0.0) {
        Status::Optimal
    } else {
        Status::Feasible
    }
}

fn objective_entries(world: World<'_>, solution: &Solution) -> Vec<ObjectiveEntry> {
    let standing = standing_price(world.program);
    world
        .packing
        .levels
        .iter()
        .zip(&solution.levels)
        .map(|(level, claim)| {
            let constant = if level.unit == "$/h" { standing.clone() } else { BigRational::zero() };
            let incumbent = float(&(&claim.incumbent + &constant));
            // Rounded down, so that what is written is still a bound; equal where it is equal.
            let bound = if claim.bound == claim.incumbent {
                incumbent
            } else {
                float_at_most(&(&claim.bound + &constant))
            };
            let multipliers = |multipliers: &[(usize, BigRational)]| {
                multipliers.iter().map(|(row, value)| (*row, value.to_string())).collect()
            };
            ObjectiveEntry {
                name: level.name.clone(),
                unit: level.unit.clone(),
                incumbent,
                bound,
                gap: if incumbent == bound { 0.0 } else { (incumbent - bound) / incumbent.abs() },
                certificate: match &claim.certificate {
                    Certificate::Trivial => CertificateEntry::Trivial,
                    Certificate::LinearDual { multipliers: rows } => {
                        CertificateEntry::LinearDual { multipliers: multipliers(rows) }
                    }
                    Certificate::Search { solver, proved, multipliers: rows } => CertificateEntry::Search {
                        solver: solver.clone(),
                        proved: float_at_most(&(proved + &constant)),
                        multipliers: multipliers(rows),
                    },
                    Certificate::Copies { counts } => CertificateEntry::copies(counts),
                },
            }
        })
        .collect()
}

fn placements(world: World<'_>, solution: &Solution) -> Vec<Placement> {
    /// What placements share when they are written as one.
    type Shape<'a> = (usize, usize, u64, &'a [u32]);
    let mut groups: Vec<(Shape<'_>, Vec<usize>)> = Vec::new();
    let mut place: BTreeMap<Shape<'_>, usize> = BTreeMap::new();
    let assignments = merged(world, solution);
    for assignment in &assignments {
        let shape = (assignment.item, assignment.choice, assignment.copies, assignment.devices.as_slice());
        let index = *place.entry(shape).or_insert_with(|| {
            groups.push((shape, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(assignment.machine);
    }
    let named = |machines: &[usize]| {
        compress(machines.iter().map(|machine| world.packing.machines[*machine].name.as_str()))
    };
    let alone = groups.into_iter().map(|(shape, machines)| (shape, machines, Vec::new()));
    let together = together(world.packing, &solution.assignments);
    let several = together.iter().map(|Grouped { item, choice, devices, replicas }| {
        (
            (*item, *choice, 1, devices.as_slice()),
            replicas.concat(),
            replicas.iter().map(|of| named(of)).collect(),
        )
    });
    let mut all: Vec<_> = alone.chain(several).collect();
    all.sort_by_key(|((item, ..), ..)| *item);
    all.into_iter()
        .map(|((item, choice, each, devices), machines, groups)| {
            let form = &world.packing.items[item].choices[choice];
            let layout = world.candidates.services[item].candidates[choice].layout.as_ref();
            Placement {
                service: world.packing.items[item].name.clone(),
                nodes: named(&machines),
                each,
                groups,
                devices: devices.to_vec(),
                share: match form.devices {
                    Devices::Share(share) => Some(share as f64 / world.packing.share_scale as f64),
                    Devices::None | Devices::Whole(_) => None,
                },
                layout: layout.map(|layout| plan_layout(world.candidates, layout)),
                weights: layout.and_then(|layout| weights(world, item, layout.precision)),
            }
        })
        .collect()
}

/// The assignments of copies on one node, with the first copy of a job beside its others: they differ in nothing that a plan
/// says.
fn merged<'s>(world: World<'_>, solution: &'s Solution) -> Vec<Cow<'s, Assignment>> {
    let mut merged: Vec<Cow<'s, Assignment>> = Vec::with_capacity(solution.assignments.len());
    for assignment in solution.assignments.iter().filter(|one| !is_part(world.packing, one)) {
        let Assignment { item, choice, machine, copies, devices } = assignment;
        let candidate = &world.candidates.services[*item].candidates[*choice];
        let first = match &candidate.training {
            Some(training) if !training.is_first => choice.saturating_sub(1),
            _ => {
                merged.push(Cow::Borrowed(assignment));
                continue;
            }
        };
        let beside =
            |one: &&mut Cow<'_, Assignment>| (one.item, one.choice, one.machine) == (*item, first, *machine);
        match merged.iter_mut().find(beside) {
            Some(one) => {
                let one = one.to_mut();
                one.copies += copies;
                one.devices.extend(devices);
                one.devices.sort_unstable();
            }
            None => merged.push(Cow::Owned(Assignment { choice: first, ..assignment.clone() })),
        }
    }
    merged.sort();
    merged
}

/// How each job that is planned runs.
fn job_entries(world: World<'_>, values: &Values) -> Vec<JobEntry> {
    let entry = |(item, job): (usize, &Job)| {
        let copies = values.copies.get(item)?.iter().sum();
        if job.runs.is_some() {
            let finish = float(&seconds_of(world, values, (item, job))?);
            let requests = requests(job).map(|requests| float(&requests));
            return Some(JobEntry { job: job.name.clone(), copies, finish, training: None, requests });
        }
        let (candidate, training) = running_as(world, values, item)?;
        let layout = candidate.layout.as_ref()?;
        let Devices::Whole(devices) = candidate.devices else { return None };
        let learns = TrainingEntry {
            steps: job.steps.as_ref().map_or(0, |steps| steps.value),
            layout: plan_layout(world.candidates, layout),
            devices: devices.into(),
            micro_batches: training.step.micro_batches,
            held: training.step.held,
            step_time: training.step.seconds.middle,
        };
        let finish = training.finish.middle;
        Some(JobEntry { job: job.name.clone(), copies, finish, training: Some(learns), requests: None })
    };
    jobs(world.program).filter_map(entry).collect()
}

/// Seconds until a job with work of a model has done it.
pub fn seconds_of(world: World<'_>, values: &Values, (item, job): (usize, &Job)) -> Option<BigRational> {
    seconds_for(job, world.candidates.services.get(item)?, values.copies.get(item)?)
}

/// The form that a job trains in.
pub fn running_as<'w>(
    world: World<'w>,
    values: &Values,
    item: usize,
) -> Option<(&'w Candidate, &'w Training)> {
    let forms = world.candidates.services.get(item)?.candidates.iter();
    let mut placed = forms.zip(values.copies.get(item)?).filter(|(_, copies)| **copies > 0);
    placed.find_map(|(candidate, _)| Some((candidate, candidate.training.as_ref()?)))
}

/// What a service holds its weights as, where that is not its precision; of edited text nobody says it but the text.
fn weights(world: World<'_>, service: usize, precision: Precision) -> Option<String> {
    let program = world.program;
    let Work::Llm(work) = &program.services.get(service).filter(|_| world.ir.is_none())?.work else {
        return None;
    };
    let held = work.held_as(program.models.get(work.model.value)?)?;
    // What is said to be 16 bits wide is as wide as the precision.
    let otherwise = held != Stored::Bf16 && held.name() != precision_name(precision);
    otherwise.then(|| held.name().to_owned())
}

/// A layout as the plan file writes it.
pub fn plan_layout(candidates: &Candidates, layout: &crate::candidates::Layout) -> Layout {
    Layout {
        device: candidates.classes[layout.class].name.clone(),
        tensor: layout.degrees.tensor,
        pipeline: layout.degrees.pipeline,
        expert: layout.degrees.expert,
        data: layout.degrees.data,
        context: layout.degrees.context,
        nodes: layout.nodes,
        batch: layout.batch,
        precision: precision_name(layout.precision).into(),
        sharding: layout
            .sharding
            .filter(|sharding| *sharding != Sharding::None)
            .map(|sharding| sharding.name().to_owned()),
        redundant: layout.redundant,
    }
}

fn unplaced(world: World<'_>, values: &Values) -> Vec<Unplaced> {
    let mut entries = Vec::new();
    for (wish, shortfall) in linear_wishes(world.program).zip(&values.shortfalls) {
        let (Some(service), Some(Condition::Compare { terms, compare, .. })) = (wish.service, wish.judged())
        else {
            continue;
        };
        let about_copies =
            matches!(terms.as_slice(), [term] if term.subject == Subject::Replicas { service });
        let asks_for_more = matches!(compare, Compare::AtLeast | Compare::Above | Compare::Equal);
        if !about_copies || !asks_for_more || !shortfall.is_positive() {
            continue;
        }
        let because = match &wish.price {
            _ if let Some(quota) = blocked_by(world, values, service) => quota,
            Some(price) => format!("no room was found for it at ${:.2}/h or less", float(&per_hour(price))),
            None => "what is ranked above it leaves no room".into(),
        };
        let count = shortfall.ceil().to_integer().to_u64().unwrap_or(u64::MAX);
        entries.push(Unplaced { service: world.program.services[service].name.clone(), count, because });
    }
    entries
}

fn wish_entries(world: World<'_>, values: &Values) -> Vec<WishEntry> {
    linear_wishes(world.program)
        .zip(&values.shortfalls)
        .filter(|(_, shortfall)| shortfall.is_positive())
        .map(|(wish, shortfall)| {
            let (line, _) = world.sources.position(wish.span);
            WishEntry {
                file: file_name(world.sources, wish.span),
                line,
                text: wish.text.clone(),
                service: wish.service.map(|service| world.program.services[service].name.clone()),
                shortfall: float(shortfall),
                cost: wish.price.as_ref().map(|price| float(&(paid(world.program, wish, price) * shortfall))),
                priority: wish.priority,
            }
        })
        .collect()
}

fn steps(program: &Program) -> Vec<Step> {
    let count = program
        .services
        .iter()
        .filter_map(|service| service.demand.as_ref())
        .map(|demand| demand.value.rates.len())
        .max()
        .unwrap_or(0);
    if count <= 1 {
        return Vec::new();
    }
    (0..count).map(|id| Step { id, when: format!("{:02}:00", id % 24), weight: 1.0 / count as f64 }).collect()
}

/// The file of a line, as the user named it.
pub fn file_name(sources: &Sources, span: Span) -> String {
    sources.get(span.file).map(|source| source.path.clone()).unwrap_or_default()
}

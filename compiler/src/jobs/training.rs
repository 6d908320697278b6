//! The forms of jobs that train: how a model that learns is laid out, and in how many copies.
//!
//! A candidate is one copy with its degrees on one node; a form of a job is so many of them. A copy is the first of its job
//! or one of the others, so that rows over counts can say that a job has one form and all of its copies: of all forms there
//! is one first copy, and with each first copy are as many others as its form has.
//!
//! Of the forms on equal devices with equally many of them in a copy, only one that takes the fewest copies is kept, of
//! those the fastest: all keep every line about the time until the job is done, and no other line speaks of how long it
//! takes.

use super::{Training, finish_limit, hours};
use crate::assembly::requirements;
use crate::candidates::{
    Candidate, DeviceClass, Disregarded, Layout, Refusal, ServiceCandidates, allowed, largest_machine,
};
use crate::degrees::Degrees;
use crate::graph::{OperatorGraph, Phase, PhaseGraph};
use crate::performance::Band;
use crate::performance::training::Copy;
use crate::problem::{Atom, Devices, Relation, Row};
use berth_language::model::{Job, Precision, Program, Restriction, Sharding};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use std::collections::{BTreeMap, BTreeSet};

/// Degrees that are tried where no line says which.
const DEGREES: [u64; 4] = [1, 2, 4, 8];

/// The most sequences that are tried together.
const LARGEST_MICRO_BATCH: u64 = 256;

/// Sequences of a batch.
fn sequences(job: &Job) -> u64 {
    let tokens = job.batch.as_ref().map(|batch| &batch.value.value / job.sequence_tokens());
    tokens.and_then(|count| count.ceil().to_integer().to_u64()).unwrap_or(1).max(1)
}

/// What a form needs to be found.
struct Search<'a> {
    job: &'a Job,
    without: &'a Disregarded,
    /// Lines about the time until it is done, with their seconds.
    limits: Vec<(Span, f64)>,
    steps: f64,
    tokens: f64,
    sequences: u64,
}

/// Enumerates the forms of a job, with the lines in `without` left out.
pub(super) fn candidates(
    program: &Program,
    job: &Job,
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
) -> ServiceCandidates {
    let lines = requirements(program).filter(|requirement| !without.contains(&requirement.span));
    let search = Search {
        job,
        without,
        limits: lines
            .filter_map(|line| Some((line.span, finish_limit(line, &job.name)?.to_f64()?)))
            .collect(),
        steps: job.steps.as_ref().map_or(0, |steps| steps.value) as f64,
        tokens: job.sequence_tokens().to_f64().unwrap_or(1.0),
        sequences: sequences(job),
    };
    let any: Vec<usize> = classes.iter().map(|class| class.device).collect();
    let devices = allowed(&job.device, without, &any);
    let mut kept: BTreeMap<(usize, u64), (Layout, Training)> = BTreeMap::new();
    let mut refusals: Vec<(f64, Refusal)> = Vec::new();
    for (index, class) in classes.iter().enumerate() {
        let Some(hardware) = class.hardware.as_ref().filter(|_| devices.contains(&class.device)) else {
            continue;
        };
        for precision in allowed(&job.precision, without, &[Precision::Bf16]) {
            // Whatever it is held in, a model learns in 16 bits as yet.
            let graph = graph.phase(&job.name, precision, class.target, Phase::Step);
            for degrees in search.shapes(graph, u64::from(largest_machine(program, class))) {
                let layout = Layout {
                    class: index,
                    degrees,
                    nodes: 1,
                    precision,
                    batch: 0,
                    sharding: None,
                    redundant: 0,
                };
                let mut refuse = |because: String, finish: f64, origins: Vec<Span>| {
                    refusals.push((finish, Refusal { layout, because, origins }));
                };
                let Some(graph) = graph else {
                    let because = "has no step derived at this precision, or for such devices, yet";
                    refuse(because.to_owned(), f64::INFINITY, Vec::new());
                    continue;
                };
                if let Some(because) = graph.refuses(degrees, false) {
                    refuse(because, f64::INFINITY, Vec::new());
                    continue;
                }
                let network = network(program, class, degrees.devices());
                let most = search.sequences.div_ceil(degrees.data).min(LARGEST_MICRO_BATCH);
                let copy = match Copy::new(graph, hardware, degrees, network, (search.tokens, most)) {
                    Ok(copy) => copy,
                    Err(error) => {
                        refuse(error.to_string(), f64::INFINITY, Vec::new());
                        continue;
                    }
                };
                match search.fewest(&copy, degrees, fitting(program, class, degrees.devices())) {
                    Ok(training) => {
                        let layout = Layout {
                            degrees: Degrees { data: degrees.data * training.step.copies, ..degrees },
                            batch: training.step.sequences,
                            sharding: Some(training.step.sharding),
                            redundant: 0,
                            ..layout
                        };
                        let place = kept.entry((index, degrees.devices()));
                        let is_better = |known: &(Layout, Training)| {
                            let by = |of: &Training| (of.step.copies, of.finish.high);
                            by(&training) < by(&known.1)
                        };
                        match place {
                            std::collections::btree_map::Entry::Vacant(place) => {
                                place.insert((layout, training));
                            }
                            std::collections::btree_map::Entry::Occupied(mut place) => {
                                if is_better(place.get()) {
                                    place.insert((layout, training));
                                }
                            }
                        }
                    }
                    Err(None) => {}
                    Err(Some((because, finish, origins))) => refuse(because, finish, origins),
                }
            }
        }
    }
    let mut found = ServiceCandidates::default();
    for ((class, devices), (layout, training)) in kept {
        let mut candidate = |is_first: bool| {
            found.candidates.push(Candidate {
                layout: Some(layout),
                devices: Devices::Whole(u32::try_from(devices).unwrap_or(u32::MAX)),
                classes: Some(vec![class]),
                capacities: Vec::new(),
                replica: None,
                training: Some(Training { is_first, ..training.clone() }),
                experts: None,
            });
        };
        candidate(true);
        if training.step.copies > 1 {
            candidate(false);
        }
    }
    // The one that comes nearest is read first.
    refusals.sort_by(|left, right| left.0.total_cmp(&right.0));
    found.refusals = refusals.into_iter().map(|(_, refusal)| refusal).collect();
    found
}

/// Why a form cannot be, with the seconds that it takes at best, and the lines that rule it out.
type Refused = (String, f64, Vec<Span>);

impl Search<'_> {
    /// The ways to divide a copy over at most `largest` devices that the lines allow.
    fn shapes(&self, graph: Option<&PhaseGraph>, largest: u64) -> Vec<Degrees> {
        let degrees = |lines: &[Restriction<u64>]| allowed(lines, self.without, &DEGREES);
        let mut shapes = Vec::new();
        for tensor in degrees(&self.job.tensor) {
            for pipeline in degrees(&self.job.pipeline) {
                for data in DEGREES {
                    let stage = tensor.saturating_mul(data);
                    if tensor == 0 || pipeline == 0 || stage.saturating_mul(pipeline) > largest {
                        continue;
                    }
                    let whole: &[u64] = match graph.is_some_and(PhaseGraph::has_experts) {
                        true if stage > 1 => &[1, stage],
                        _ => &[1],
                    };
                    for expert in allowed(&self.job.expert, self.without, whole) {
                        if expert > 0 && stage % expert == 0 {
                            shapes.push(Degrees { tensor, pipeline, expert, data, context: 1 });
                        }
                    }
                }
            }
        }
        shapes
    }

    /// The fewest copies that keep every line, of at most as many as fit; none where lines leave no number of them.
    fn fewest(&self, copy: &Copy, degrees: Degrees, fitting: u64) -> Result<Training, Option<Refused>> {
        let lines: Vec<_> = self.job.data.iter().filter(|line| !self.without.contains(&line.span)).collect();
        let most = fitting.min(self.sequences / degrees.data.max(1));
        let may = |copies: &u64| {
            let data = copies.saturating_mul(degrees.data);
            lines.iter().all(|line| line.allowed.contains(&data))
        };
        let limit = self.limits.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
        let shardings = allowed(&self.job.sharding, self.without, &Sharding::ALL);
        let (mut short, mut slow, mut lacks_network) = (f64::INFINITY, (f64::INFINITY, 0), false);
        for copies in (1..=most).filter(may) {
            if copies > 1 && !copy.has_network() {
                lacks_network = true;
                break;
            }
            for &sharding in &shardings {
                let step = match copy.step(copies, self.sequences, sharding) {
                    Ok(step) => step,
                    Err(lacking) => {
                        short = short.min(lacking);
                        continue;
                    }
                };
                let seconds = |end: f64| end * self.steps;
                let Band { low, middle, high } = step.seconds;
                let finish = Band { low: seconds(low), middle: seconds(middle), high: seconds(high) };
                if finish.high <= limit {
                    let notes = copy.notes().iter().map(ToString::to_string).collect();
                    return Ok(Training { step, finish, is_first: true, notes });
                }
                if finish.high < slow.0 {
                    slow = (finish.high, copies);
                }
                break;
            }
        }
        if let (slow @ 0.0..f64::INFINITY, copies) = slow {
            let because = match copies {
                1 => format!("can promise {} at best, in one copy", hours(slow)),
                copies => format!("can promise {} at best, in {copies} copies", hours(slow)),
            };
            let origins = self.limits.iter().filter(|(_, seconds)| *seconds < slow).map(|(span, _)| *span);
            return Err(Some((because, slow, origins.collect())));
        }
        if short.is_finite() {
            let because = format!(
                "needs {:.1} GB more on each device; divide it over more, recompute more or make the sequences shorter",
                short / 1e9
            );
            let lines = lines.iter().map(|line| line.span);
            return Err(Some((because, f64::INFINITY, lines.collect())));
        }
        if lacks_network {
            let because = "has no `network` stated by its nodes over which copies exchange gradients";
            return Err(Some((because.to_owned(), f64::INFINITY, Vec::new())));
        }
        // Lines that leave no number of copies to a form of so many data groups leave some to others, or to none.
        let lines: Vec<Span> = lines.iter().map(|line| line.span).collect();
        match lines.is_empty() {
            true => Err(None),
            false => Err(Some(("has no number of copies that its lines allow".into(), f64::INFINITY, lines))),
        }
    }
}

/// Copies of so many devices that nodes of a class hold, empty as they are.
fn fitting(program: &Program, class: &DeviceClass, devices: u64) -> u64 {
    nodes_of(program, class).map(|(count, _)| count / devices.max(1)).sum()
}

/// What a copy has of its node's network: the least over all nodes of a class that hold one; none where one of them
/// states none.
fn network(program: &Program, class: &DeviceClass, devices: u64) -> Option<f64> {
    let holding = nodes_of(program, class).filter(|(count, _)| *count >= devices);
    let parts = holding.map(|(count, network)| Some(network? * devices as f64 / count as f64));
    let parts: Option<Vec<f64>> = parts.collect();
    parts?.into_iter().reduce(f64::min)
}

/// Devices and network, in bytes a second, of every node of a class.
fn nodes_of<'a>(
    program: &'a Program,
    class: &'a DeviceClass,
) -> impl Iterator<Item = (u64, Option<f64>)> + 'a {
    let of_class = program.nodes.iter().filter(|node| {
        let own = node.devices.as_ref().is_some_and(|devices| devices.value.0 == class.device);
        own && node.fabric.as_ref().map(|fabric| &fabric.value) == class.fabric.as_ref()
    });
    of_class.filter_map(|node| {
        let network = node.network.as_ref().and_then(|network| network.value.value.to_f64());
        Some((u64::from(node.devices.as_ref()?.value.1), network))
    })
}

/// A job runs in one form with all of its copies: one first copy, and with it the others of its form.
pub(super) fn rows(job: &Job, item: usize, own: &ServiceCandidates) -> Vec<Row> {
    let mut origins: BTreeSet<Span> =
        own.refusals.iter().flat_map(|refusal| &refusal.origins).copied().collect();
    origins.remove(&job.span);
    let origins: Vec<Span> = [job.span].into_iter().chain(origins).collect();
    let first = |(_, candidate): &(usize, &Candidate)| {
        candidate.training.as_ref().is_some_and(|training| training.is_first)
    };
    let of = |choice: usize, count: BigRational| (count, Atom::CopiesOf { item, choice });
    let choices = || own.candidates.iter().enumerate();
    let one = Row {
        terms: choices().filter(first).map(|(choice, _)| of(choice, BigRational::one())).collect(),
        survives: None,
        relation: Relation::Equal,
        bound: BigRational::one(),
        origins,
    };
    let mut rows = vec![one];
    for (others, candidate) in choices().filter(|choice| !first(choice)) {
        let Some(training) = &candidate.training else { continue };
        // The first copy of a form stands before its others.
        let Some(first) = others.checked_sub(1) else { continue };
        let beside = BigRational::from_integer(training.step.copies.saturating_sub(1).into());
        rows.push(Row {
            terms: vec![of(first, -beside), of(others, BigRational::one())],
            survives: None,
            relation: Relation::Equal,
            bound: BigRational::from_integer(0.into()),
            origins: vec![job.span],
        });
    }
    rows
}

//! What a plan's replicas are predicted to do, in the busiest of the steps in which the same promises hold.

use crate::assembly::{MOST_COPIES, ROOM, standing_price};
use crate::candidates::{Candidate, latency_limit, memory_limit};
use crate::containers::Container;
use crate::jobs::jobs;
use crate::performance::serving::Replica;
use crate::performance::{Band, Note};
use crate::plan::Measure;
use crate::plan::groups::broken;
use crate::plan::written::{World, float, running_as, seconds_of};
use crate::problem::Solution;
use crate::recheck::Values;
use berth_language::model::{LatencyMeasure, Requirement, Service, Statistic, When, Work};
use num_rational::BigRational;
use std::collections::BTreeSet;

/// The load of one candidate of one service in one moment.
pub struct Load {
    /// By index.
    pub service: usize,
    /// By index into the service's candidates.
    pub choice: usize,
    /// By index into the service's moments, of which the first is the busiest.
    pub moment: usize,
    /// Requests a second of one replica.
    pub rate: f64,
}

impl Load {
    /// The replica and the most sequences it decodes together.
    fn replica<'a>(&self, world: World<'a>) -> Option<(&'a Replica, u64)> {
        let candidate = world.candidates.services.get(self.service)?.candidates.get(self.choice)?;
        Some((candidate.replica.as_ref()?, candidate.layout.as_ref()?.batch))
    }
}

/// Demand is shared in proportion to what replicas carry, so all are equally close to their limits.
pub fn loads(world: World<'_>, values: &Values) -> Vec<Load> {
    let mut loads = Vec::new();
    for (service, own) in world.candidates.services.iter().enumerate() {
        for (at, moment) in own.moments.iter().enumerate() {
            let carries = |(choice, candidate): (usize, &Candidate)| {
                let rate = candidate.capacities.get(at)?.rate;
                let copies = copies_left(world, values, (service, choice), moment.scenario);
                (copies > 0 && rate > 0.0).then_some((choice, rate, copies))
            };
            let carrying: Vec<_> = own.candidates.iter().enumerate().filter_map(carries).collect();
            let carried: f64 = carrying.iter().map(|(_, rate, copies)| rate * *copies as f64).sum();
            let asked = float(&moment.rate);
            loads.extend(carrying.into_iter().map(|(choice, rate, _)| Load {
                service,
                choice,
                moment: at,
                rate: asked * rate / carried,
            }));
        }
    }
    loads
}

/// Copies of a form that are there in a world: a scenario by its index, or the base.
fn copies_left(
    world: World<'_>,
    values: &Values,
    (service, choice): (usize, usize),
    scenario: Option<usize>,
) -> u64 {
    match scenario.and_then(|scenario| world.program.scenarios.get(scenario)) {
        None => values.copies[service][choice],
        Some(scenario) => {
            let standing = values.standing_as[service].iter();
            let left = standing
                .filter(|((node, form), _)| *form == choice && scenario.gone.binary_search(node).is_err());
            let left: u64 = left.map(|(_, copies)| copies).sum();
            left.saturating_sub(broken(world.packing, values, (service, choice), &scenario.gone))
        }
    }
}

/// Every figure of the plan.
pub fn measures(world: World<'_>, solution: &Solution, values: &Values, loads: &[Load]) -> Vec<Measure> {
    let mut measures = vec![plain("bill", float(&(&values.price + standing_price(world.program))), "$/h")];
    for (index, service) in world.program.services.iter().enumerate() {
        let copies: u64 = values.copies[index].iter().sum();
        measures.push(plain(&format!("{}.replicas", service.name), copies as f64, "1"));
        let from = measures.len();
        for requirement in &service.requirements {
            let measure = latency_measure(world, values, loads, index, requirement);
            // Lines that hold at other times speak of the same figure.
            let is_known = |known: &Measure| {
                measure.as_ref().is_some_and(|measure| {
                    (&known.path, &known.statistic) == (&measure.path, &measure.statistic)
                })
            };
            if !measures[from..].iter().any(is_known) {
                measures.extend(measure);
            }
        }
        measures.extend(load_measures(world, service, index, loads));
    }
    for (item, job) in jobs(world.program) {
        if let Some(seconds) = job.runs.as_ref().and_then(|_| seconds_of(world, values, (item, job))) {
            let path = format!("{}.finish", job.name);
            let sources = work_sources(world, values, item);
            measures.push(Measure { sources, ..plain(&path, float(&seconds), "s") });
        }
        let Some((_, training)) = running_as(world, values, item) else { continue };
        let banded = |name: &str, band: Band| {
            banded(format!("{}.{name}", job.name), None, "s", band, training.notes.clone())
        };
        measures.push(banded("step_time", training.step.seconds));
        measures.push(banded("finish", training.finish));
    }
    measures.extend(free_measures(world, solution, values));
    measures
}

/// What is left on each machine in use.
fn free_measures(world: World<'_>, solution: &Solution, values: &Values) -> Vec<Measure> {
    let mut used = vec![vec![0u64; world.packing.resources.len()]; world.packing.machines.len()];
    for assignment in &solution.assignments {
        let demand = &world.packing.items[assignment.item].choices[assignment.choice].demand;
        for (used, demand) in used[assignment.machine].iter_mut().zip(demand) {
            *used = used.saturating_add(demand.saturating_mul(assignment.copies));
        }
    }
    let mut measures = Vec::new();
    for &index in &values.machines_in_use {
        let machine = &world.packing.machines[index];
        for (place, resource) in world.packing.resources.iter().enumerate() {
            // What a node takes any number of is no figure.
            if resource.name == ROOM || machine.capacity[place] == MOST_COPIES && resource.unit == "pod" {
                continue;
            }
            let free = machine.capacity[place].saturating_sub(used[index][place]);
            let (unit, parts) = match resource.unit.split_once('/') {
                Some((unit, parts)) => (unit, parts.parse().unwrap_or(1.0)),
                None => (resource.unit.as_str(), 1.0),
            };
            measures.push(plain(
                &format!("{}.{}_free", machine.name, resource.name),
                free as f64 / parts,
                unit,
            ));
        }
    }
    measures
}

fn plain(path: &str, value: f64, unit: &str) -> Measure {
    Measure {
        path: path.into(),
        statistic: None,
        value,
        unit: unit.into(),
        low: None,
        high: None,
        sources: Vec::new(),
    }
}

/// What each layout carries and how full its memory is.
fn load_measures(world: World<'_>, service: &Service, index: usize, loads: &[Load]) -> Vec<Measure> {
    let mut measures = Vec::new();
    for load in loads.iter().filter(|load| load.service == index && load.moment == 0) {
        let Some(layout) = &world.candidates.services[index].candidates[load.choice].layout else { continue };
        let name = format!("{}[{}]", service.name, world.candidates.layout_name(layout));
        measures.push(plain(&format!("{name}.load"), load.rate, "req/s"));
        let steady = load
            .replica(world)
            .and_then(|(replica, batch)| Some(replica.steady_state(load.rate, batch)?.batch));
        measures.extend(steady.map(|batch| plain(&format!("{name}.decoded_together"), batch, "1")));
    }
    measures
}

/// The figure a promise about latency or memory speaks of: the worst over the layouts in use and all steps.
fn latency_measure(
    world: World<'_>,
    values: &Values,
    loads: &[Load],
    service: usize,
    requirement: &Requirement,
) -> Option<Measure> {
    let name = &world.program.services[service].name;
    if let Some((measure, statistic, _)) = latency_limit(service, requirement) {
        let of = (service, measure, statistic);
        let Predicted { band, step: _ } = latency(world, values, loads, of, (&When::default(), None))?;
        let path = format!("{name}.{}", measure_name(measure));
        return Some(banded(
            path,
            Some(statistic_name(statistic)),
            "s",
            band,
            sources(world, loads, service),
        ));
    }
    memory_limit(service, requirement)?;
    let Predicted { band, step: _ } = memory_free(world, loads, service, (&When::default(), None))?;
    Some(banded(format!("{name}.memory_free"), None, "1", band, sources(world, loads, service)))
}

fn banded(path: String, statistic: Option<String>, unit: &str, band: Band, sources: Vec<String>) -> Measure {
    Measure {
        path,
        statistic,
        value: band.middle,
        unit: unit.into(),
        low: Some(band.low),
        high: Some(band.high),
        sources,
    }
}

/// What the figures of a service rest on, most trusted first.
fn sources(world: World<'_>, loads: &[Load], service: usize) -> Vec<String> {
    if let Work::Image(_) = &world.program.services[service].work {
        return vec!["assumed: Poisson arrivals and exponential service times (M/M/c)".into()];
    }
    let notes: BTreeSet<&Note> = loads
        .iter()
        .filter(|load| load.service == service)
        .filter_map(|load| load.replica(world))
        .flat_map(|(replica, _)| replica.notes())
        .collect();
    notes.into_iter().map(Note::to_string).collect()
}

/// What the speed of a job with work of a model rests on, most trusted first.
fn work_sources(world: World<'_>, values: &Values, item: usize) -> Vec<String> {
    let forms = world.candidates.services[item].candidates.iter().zip(&values.copies[item]);
    let used = forms.filter(|(_, copies)| **copies > 0).filter_map(|(form, _)| form.replica.as_ref());
    let notes: BTreeSet<&Note> = used.flat_map(Replica::notes).collect();
    notes.into_iter().map(Note::to_string).collect()
}

/// A figure, and the step in which it is that.
pub struct Predicted {
    /// The figure.
    pub band: Band,
    /// Of the horizon, counted from 0.
    pub step: usize,
}

/// Some steps of a world: a scenario by its index, or the base.
pub type Within<'w> = (&'w When, Option<usize>);

/// A latency of a service with a stated load, in s: the worst over the layouts in use and the steps of the world.
pub fn latency(
    world: World<'_>,
    values: &Values,
    loads: &[Load],
    (service, measure, statistic): (usize, LatencyMeasure, &Statistic),
    (when, scenario): Within<'_>,
) -> Option<Predicted> {
    let declared = &world.program.services[service];
    // Without a stated load nothing was promised about the queue: no figure is better than an idle one.
    declared.demand.as_ref()?;
    match &declared.work {
        Work::Image(work) => {
            let container = Container::of(work)?;
            let moments = &world.candidates.services[service].moments;
            let busiest = moments.iter().find(|moment| moment.is_within(when, scenario))?;
            let choices = 0..values.copies[service].len();
            let left = |choice| copies_left(world, values, (service, choice), scenario);
            let replicas = choices.map(left).sum();
            let queue = container.queue(&busiest.rate, declared.demand.as_ref(), replicas);
            let seconds = queue.sojourn(statistic).ok().filter(|seconds| seconds.is_finite())?;
            let predicted = Predicted { band: Band::exact(seconds), step: busiest.step };
            (measure == LatencyMeasure::Latency).then_some(predicted)
        }
        Work::Llm(_) => loads_within(world, loads, service, (when, scenario))
            .map(|(load, step)| {
                let (replica, batch) = load.replica(world)?;
                let band = replica.predict(load.rate, batch, measure, statistic).ok()?;
                band.high.is_finite().then_some(Predicted { band, step })
            })
            // One layout without a figure leaves the service without one.
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            // Of equals the busiest.
            .rev()
            .max_by(|left, right| left.band.high.total_cmp(&right.band.high)),
    }
}

/// The share of device memory that stays free, the least over the layouts in use and the steps of the world.
pub fn memory_free(
    world: World<'_>,
    loads: &[Load],
    service: usize,
    within: Within<'_>,
) -> Option<Predicted> {
    world.program.services[service].demand.as_ref()?;
    loads_within(world, loads, service, within)
        .filter_map(|(load, step)| {
            let (replica, batch) = load.replica(world)?;
            Some(Predicted { band: replica.predict_memory_free(load.rate, batch), step })
        })
        .min_by(|left, right| left.band.low.total_cmp(&right.band.low))
}

/// The loads of a service in the moments of some steps of a world, with their steps.
fn loads_within<'a>(
    world: World<'a>,
    loads: &'a [Load],
    service: usize,
    (when, scenario): Within<'a>,
) -> impl Iterator<Item = (&'a Load, usize)> {
    let moments = &world.candidates.services[service].moments;
    let own = loads.iter().filter(move |load| load.service == service);
    own.filter_map(move |load| {
        let moment = moments.get(load.moment).filter(|moment| moment.is_within(when, scenario))?;
        Some((load, moment.step))
    })
}

/// As it is written in a plan file.
pub fn measure_name(measure: LatencyMeasure) -> &'static str {
    match measure {
        LatencyMeasure::Ttft => "ttft",
        LatencyMeasure::Tpot => "tpot",
        LatencyMeasure::Latency => "latency",
    }
}

/// As it is written in a plan file: `p99.9`.
pub fn statistic_name(statistic: &Statistic) -> String {
    match statistic {
        Statistic::Quantile(quantile) => {
            let percent = float(&(quantile * BigRational::from_integer(100.into())));
            format!("p{percent}")
        }
        Statistic::Mean => "mean".into(),
        Statistic::Peak => "peak".into(),
    }
}

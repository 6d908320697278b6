//! What a plan's replicas are predicted to do at the busiest step.

use crate::assembly::{ROOM, standing_price};
use crate::candidates::{Disregarded, latency_limit, memory_limit, peak_rate};
use crate::containers::Container;
use crate::performance::serving::Replica;
use crate::performance::{Band, Note};
use crate::plan::Measure;
use crate::plan::written::{World, float};
use crate::problem::Solution;
use crate::recheck::Values;
use berth_language::model::{LatencyMeasure, Requirement, Service, Statistic, Work};
use num_rational::BigRational;
use std::collections::BTreeSet;

/// The load of one candidate of one service at the busiest step.
pub struct Load {
    /// By index.
    pub service: usize,
    /// By index into the service's candidates.
    pub choice: usize,
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
    for (service, declared) in world.program.services.iter().enumerate() {
        let own = &world.candidates.services[service].candidates;
        let counts = &values.copies[service];
        let carried: f64 = own
            .iter()
            .zip(counts)
            .filter_map(|(candidate, copies)| Some(candidate.capacity.as_ref()?.rate * *copies as f64))
            .sum();
        let demand = float(&peak_rate(declared, &Disregarded::new()));
        for (choice, (candidate, copies)) in own.iter().zip(counts).enumerate() {
            let Some(capacity) = &candidate.capacity else { continue };
            if *copies == 0 || carried <= 0.0 {
                continue;
            }
            loads.push(Load { service, choice, rate: demand * capacity.rate / carried });
        }
    }
    loads
}

/// Every figure of the plan.
pub fn measures(world: World<'_>, solution: &Solution, values: &Values, loads: &[Load]) -> Vec<Measure> {
    let mut measures = vec![plain("bill", float(&(&values.price + standing_price(world.program))), "$/h")];
    for (index, service) in world.program.services.iter().enumerate() {
        let copies: u64 = values.copies[index].iter().sum();
        measures.push(plain(&format!("{}.replicas", service.name), copies as f64, "1"));
        for requirement in &service.requirements {
            measures.extend(latency_measure(world, values, loads, index, requirement));
        }
        measures.extend(load_measures(world, service, index, loads));
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
            if resource.name == ROOM {
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
    for load in loads.iter().filter(|load| load.service == index) {
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

/// The figure a promise about latency or memory speaks of: the worst over the layouts in use.
fn latency_measure(
    world: World<'_>,
    values: &Values,
    loads: &[Load],
    service: usize,
    requirement: &Requirement,
) -> Option<Measure> {
    let name = &world.program.services[service].name;
    if let Some((measure, statistic, _)) = latency_limit(service, requirement) {
        let band = latency(world, values, loads, service, measure, statistic)?;
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
    let band = memory_free(world, loads, service)?;
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

/// A latency of a service with a stated load, in s: the worst over the layouts in use.
pub fn latency(
    world: World<'_>,
    values: &Values,
    loads: &[Load],
    service: usize,
    measure: LatencyMeasure,
    statistic: &Statistic,
) -> Option<Band> {
    let declared = &world.program.services[service];
    // Without a stated load nothing was promised about the queue: no figure is better than an idle one.
    declared.demand.as_ref()?;
    match &declared.work {
        Work::Image(work) => {
            let container = Container::of(work)?;
            let arrivals = peak_rate(declared, &Disregarded::new());
            let replicas = values.copies[service].iter().sum();
            let queue = container.queue(&arrivals, declared.demand.as_ref(), replicas);
            let seconds = queue.sojourn(statistic).ok().filter(|seconds| seconds.is_finite())?;
            (measure == LatencyMeasure::Latency).then(|| Band::exact(seconds))
        }
        Work::Llm(_) => loads
            .iter()
            .filter(|load| load.service == service)
            .map(|load| {
                let (replica, batch) = load.replica(world)?;
                let band = replica.predict(load.rate, batch, measure, statistic).ok()?;
                band.high.is_finite().then_some(band)
            })
            // One layout without a figure leaves the service without one.
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max_by(|left, right| left.high.total_cmp(&right.high)),
    }
}

/// The share of device memory that stays free, the least over the layouts in use.
pub fn memory_free(world: World<'_>, loads: &[Load], service: usize) -> Option<Band> {
    world.program.services[service].demand.as_ref()?;
    loads
        .iter()
        .filter(|load| load.service == service)
        .filter_map(|load| {
            let (replica, batch) = load.replica(world)?;
            Some(replica.predict_memory_free(load.rate, batch))
        })
        .min_by(|left, right| left.low.total_cmp(&right.low))
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

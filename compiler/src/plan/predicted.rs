//! What a plan's replicas are predicted to do at the busiest step.

use crate::assembly::standing_price;
use crate::candidates::{Disregarded, latency_limit, memory_limit, peak_rate};
use crate::performance::{Prediction, queueing};
use crate::plan::Measure;
use crate::plan::written::{World, float};
use crate::problem::Solution;
use crate::recheck::Values;
use berth_language::model::{LatencyMeasure, Program, Requirement, Service, Statistic, Work};
use num_rational::BigRational;
use num_traits::ToPrimitive;

/// The load of one candidate of one service at the busiest step.
pub struct Load {
    /// By index.
    pub service: usize,
    /// By index into the service's candidates.
    pub choice: usize,
    /// Requests a second of one replica.
    pub rate: f64,
    /// What one replica does then.
    pub prediction: Option<Prediction>,
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
            let (Some(layout), Some(capacity)) = (&candidate.layout, &candidate.capacity) else { continue };
            if *copies == 0 || carried <= 0.0 {
                continue;
            }
            let rate = demand * capacity.rate / carried;
            let prediction =
                crate::candidates::predict(world.program, world.graph, world.candidates, service, layout, rate);
            loads.push(Load { service, choice, rate, prediction });
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
            let free = machine.capacity[place].saturating_sub(used[index][place]);
            let (unit, parts) = match resource.unit.split_once('/') {
                Some((unit, parts)) => (unit, parts.parse().unwrap_or(1.0)),
                None => (resource.unit.as_str(), 1.0),
            };
            measures.push(plain(&format!("{}.{}_free", machine.name, resource.name), free as f64 / parts, unit));
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
        source: None,
    }
}

/// What each layout carries and how full its memory is.
fn load_measures(world: World<'_>, service: &Service, index: usize, loads: &[Load]) -> Vec<Measure> {
    let mut measures = Vec::new();
    for load in loads.iter().filter(|load| load.service == index) {
        let Some(layout) = &world.candidates.services[index].candidates[load.choice].layout else { continue };
        let name = format!("{}[{}]", service.name, world.candidates.layout_name(layout));
        measures.push(plain(&format!("{name}.load"), load.rate, "req/s"));
        if let Some(prediction) = &load.prediction {
            measures.push(plain(&format!("{name}.decoded_together"), prediction.batch, "1"));
        }
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
        return Some(Measure {
            path: format!("{name}.{}", measure_name(measure)),
            statistic: Some(statistic_name(statistic)),
            value: band.value,
            unit: "s".into(),
            low: Some(band.low),
            high: Some(band.high),
            source: band.source,
        });
    }
    memory_limit(service, requirement)?;
    let free = least_memory_free(world.program, loads, service)?;
    Some(plain(&format!("{name}.memory_free"), free, "1"))
}

/// A prediction with its band.
pub struct Band {
    /// The middle.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// What it rests on.
    pub source: Option<String>,
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
            let mu = work.serves.as_ref()?.value.value.to_f64()?;
            let lambda = float(&peak_rate(declared, &Disregarded::new()));
            let copies = values.copies[service].iter().sum();
            let value = queueing::sojourn(lambda, mu, copies, statistic)?;
            let source = Some("M/M/c with exponential service times".into());
            (measure == LatencyMeasure::Latency).then_some(Band { value, low: value, high: value, source })
        }
        Work::Llm(_) => loads
            .iter()
            .filter(|load| load.service == service)
            .filter_map(|load| {
                let predicted = load.prediction.as_ref()?.latency(measure, statistic)?;
                Some(Band {
                    value: predicted.value,
                    low: predicted.low,
                    high: predicted.high,
                    source: Some(load.prediction.as_ref()?.source.clone()),
                })
            })
            .max_by(|left, right| left.high.total_cmp(&right.high)),
    }
}

/// The share of device memory that stays free, the least over the layouts in use.
pub fn least_memory_free(program: &Program, loads: &[Load], service: usize) -> Option<f64> {
    program.services[service].demand.as_ref()?;
    loads
        .iter()
        .filter(|load| load.service == service)
        .filter_map(|load| Some(load.prediction.as_ref()?.memory_free))
        .min_by(f64::total_cmp)
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

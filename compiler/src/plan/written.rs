//! Solution to plan: every number of the file, derived from counts, machines and the model.

use crate::assembly::{is_linear, linear_wishes, per_hour, standing_price, wishes};
use crate::candidates::{Candidates, Disregarded, latency_limit, memory_limit, peak_rate, precision_name};
use crate::graph::OperatorGraph;
use crate::performance::{Prediction, queueing};
use crate::plan::addresses::compress;
use crate::plan::{
    CertificateEntry, FORMAT, Input, Layout, Measure, ObjectiveEntry, Placement, PlaceholderEntry, Plan,
    RequirementEntry, Seal, Status, Step, Unplaced, WishEntry, digest,
};
use crate::problem::{Certificate, Devices, Packing, Solution};
use crate::recheck::Values;
use berth_language::model::{
    Compare, Condition, CountBound, LatencyMeasure, Precision, Program, Requirement, Service, Statistic,
    Subject, Work,
};
use berth_language::sources::Sources;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use std::collections::BTreeMap;

/// Everything a plan is derived from.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// What the files say.
    pub program: &'a Program,
    /// The files.
    pub sources: &'a Sources,
    /// What the models compute.
    pub graph: &'a OperatorGraph,
    /// What may run.
    pub candidates: &'a Candidates,
    /// What was solved.
    pub packing: &'a Packing,
}

/// What could not be judged carries this code, which `--allow-unjudged` names.
pub const NOT_YET: &str = "plan::not-yet";

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
    let status = status(&objective, &requirements);
    let mut plan = Plan {
        status,
        objective,
        placements: placements(world, solution),
        unplaced: unplaced(world, values),
        measures: measures(world, values, &loads),
        requirements,
        wishes: wish_entries(world, values),
        steps: steps(world.program),
        ..preamble(world)
    };
    plan.seals = world
        .program
        .services
        .iter()
        .map(|service| Seal { service: service.name.clone(), sha256: plan.seal_of(&service.name) })
        .collect();
    plan.fingerprint = plan.fingerprint_of_contents();
    plan
}

/// A plan of a program that has none, or for which none was found.
pub fn without_placements(world: World<'_>, status: Status, conflict: Vec<crate::plan::ConflictLine>) -> Plan {
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
        placeholders: placeholders(world.program),
        ..Plan::default()
    }
}

/// The files of the user, with the hashes of their bytes.
pub fn inputs(sources: &Sources) -> Vec<Input> {
    sources
        .iter()
        .filter(|(_, source)| !source.shipped)
        .map(|(_, source)| Input { path: source.path.clone(), sha256: digest(&source.bytes) })
        .collect()
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

fn float(value: &BigRational) -> f64 {
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
    for assignment in &solution.assignments {
        let shape = (assignment.item, assignment.choice, assignment.copies, assignment.devices.as_slice());
        let index = *place.entry(shape).or_insert_with(|| {
            groups.push((shape, Vec::new()));
            groups.len() - 1
        });
        groups[index].1.push(assignment.machine);
    }
    groups
        .into_iter()
        .map(|((item, choice, each, devices), machines)| {
            let form = &world.packing.items[item].choices[choice];
            let layout = world.candidates.services[item].candidates[choice].layout.as_ref();
            Placement {
                service: world.packing.items[item].name.clone(),
                nodes: compress(machines.iter().map(|machine| world.packing.machines[*machine].name.as_str())),
                each,
                devices: devices.to_vec(),
                share: match form.devices {
                    Devices::Share(share) => Some(share as f64 / world.packing.share_scale as f64),
                    Devices::None | Devices::Whole(_) => None,
                },
                layout: layout.map(|layout| plan_layout(world.candidates, layout)),
            }
        })
        .collect()
}

/// A layout as the plan file writes it.
pub fn plan_layout(candidates: &Candidates, layout: &crate::candidates::Layout) -> Layout {
    Layout {
        device: candidates.classes[layout.class].name.clone(),
        tensor: layout.tensor,
        batch: layout.batch,
        precision: precision_name(layout.precision).into(),
    }
}

fn unplaced(world: World<'_>, values: &Values) -> Vec<Unplaced> {
    let mut entries = Vec::new();
    for (wish, shortfall) in linear_wishes(world.program).zip(&values.shortfalls) {
        let (Some(service), Condition::Compare { terms, compare, .. }) = (wish.service, &wish.condition) else {
            continue;
        };
        let about_copies = matches!(terms.as_slice(), [term] if term.subject == Subject::Replicas { service });
        let asks_for_more = matches!(compare, Compare::AtLeast | Compare::Above | Compare::Equal);
        if !about_copies || !asks_for_more || !shortfall.is_positive() {
            continue;
        }
        let because = match &wish.price {
            Some(price) => format!(
                "one more would cost the bill more than the ${} an hour it is worth",
                trimmed(float(&per_hour(price)))
            ),
            None => "what is ranked above it leaves no room".into(),
        };
        let count = shortfall.ceil().to_integer().to_u64().unwrap_or(u64::MAX);
        entries.push(Unplaced { service: world.program.services[service].name.clone(), count, because });
    }
    entries
}

fn trimmed(value: f64) -> String {
    format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
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
                cost: wish.price.as_ref().map(|price| float(&(per_hour(price) * shortfall))),
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
    (0..count)
        .map(|id| Step { id, when: format!("{:02}:00", id % 24), weight: 1.0 / count as f64 })
        .collect()
}

/// The load of one candidate of one service at the busiest step.
struct Load {
    service: usize,
    choice: usize,
    /// Requests a second of one replica.
    rate: f64,
    prediction: Option<Prediction>,
}

/// Demand is shared in proportion to what replicas carry, so all are equally close to their limits.
fn loads(world: World<'_>, values: &Values) -> Vec<Load> {
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

fn measures(world: World<'_>, values: &Values, loads: &[Load]) -> Vec<Measure> {
    let mut measures = vec![plain("bill", float(&(&values.price + standing_price(world.program))), "$/h")];
    for (index, service) in world.program.services.iter().enumerate() {
        let copies: u64 = values.copies[index].iter().sum();
        measures.push(plain(&format!("{}.replicas", service.name), copies as f64, "1"));
        for requirement in &service.requirements {
            measures.extend(latency_measure(world, values, loads, index, requirement));
        }
        measures.extend(load_measures(world, service, index, loads));
    }
    for (index, machine) in world.packing.machines.iter().enumerate() {
        if !values.in_use[index] {
            continue;
        }
        for (resource, name) in world.packing.resources.iter().zip(["cpu_free", "memory_free"]) {
            let place = if name == "cpu_free" { 0 } else { 1 };
            let free = machine.capacity[place] - values.used[index][place].min(machine.capacity[place]);
            let per_unit = resource.unit.rsplit('/').next().and_then(|scale| scale.parse::<f64>().ok());
            let unit = if place == 0 { "core" } else { "byte" };
            measures.push(plain(&format!("{}.{name}", machine.name), free as f64 / per_unit.unwrap_or(1.0), unit));
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

struct Band {
    value: f64,
    low: f64,
    high: f64,
    source: Option<String>,
}

fn latency(
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

fn least_memory_free(program: &Program, loads: &[Load], service: usize) -> Option<f64> {
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

fn file_name(sources: &Sources, span: Span) -> String {
    sources.get(span.file).map(|source| source.path.clone()).unwrap_or_default()
}

/// An entry for a line, not judged so far.
fn entry(world: World<'_>, span: Span, text: &str) -> RequirementEntry {
    let (line, column) = world.sources.position(span);
    RequirementEntry {
        file: file_name(world.sources, span),
        line,
        column,
        text: text.into(),
        service: None,
        policy: None,
        statistic: None,
        step: None,
        value: None,
        limit: None,
        unit: None,
        slack: None,
        met: None,
        because: None,
        code: None,
    }
}

fn unjudged(world: World<'_>, span: Span, text: &str, because: &str) -> RequirementEntry {
    RequirementEntry {
        because: Some(because.into()),
        code: Some(NOT_YET.into()),
        ..entry(world, span, text)
    }
}

fn requirement_entries(world: World<'_>, values: &Values, loads: &[Load]) -> Vec<RequirementEntry> {
    let program = world.program;
    let mut entries = Vec::new();
    for not_yet in &program.not_yet {
        entries.push(unjudged(world, not_yet.span, &not_yet.text, &not_yet.because));
    }
    for (index, service) in program.services.iter().enumerate() {
        let from = entries.len();
        entries.extend(choice_entries(world, values, index, service));
        for requirement in &service.requirements {
            entries.push(judge(world, values, loads, requirement));
        }
        for entry in &mut entries[from..] {
            entry.service = Some(service.name.clone());
        }
    }
    for requirement in &program.requirements {
        entries.push(judge(world, values, loads, requirement));
    }
    for wish in wishes(program).filter(|wish| !is_linear(program, &wish.condition)) {
        let because = match &wish.condition {
            Condition::NotYet { because } => because.clone(),
            Condition::Compare { .. } => "a wish about a predicted measure is not weighed yet".into(),
        };
        let mut entry = unjudged(world, wish.span, &wish.text, &because);
        entry.service = wish.service.map(|service| program.services[service].name.clone());
        entries.push(entry);
    }
    entries
}

/// Lines that bound a choice, pins included: what was chosen stands beside what was allowed.
fn choice_entries(world: World<'_>, values: &Values, index: usize, service: &Service) -> Vec<RequirementEntry> {
    let copies: u64 = values.copies[index].iter().sum();
    let in_use: Vec<_> = world.candidates.services[index]
        .candidates
        .iter()
        .zip(&values.copies[index])
        .filter(|(_, copies)| **copies > 0)
        .map(|(candidate, _)| candidate)
        .collect();
    let layouts: Vec<_> = in_use.iter().filter_map(|candidate| candidate.layout.as_ref()).collect();
    let device_of = |class: usize| world.candidates.classes[class].device;
    let line = |span: Span, met: bool| {
        let text = world.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
        RequirementEntry { met: Some(met), ..entry(world, span, &text) }
    };
    let within = |bound: &CountBound, value: u64| {
        bound.low.is_none_or(|low| low <= value) && bound.high.is_none_or(|high| value <= high)
    };
    let mut entries: Vec<RequirementEntry> = service
        .replicas
        .iter()
        .map(|bound| RequirementEntry {
            value: Some(copies as f64),
            unit: Some("1".into()),
            ..line(bound.span, within(bound, copies))
        })
        .collect();
    match &service.work {
        Work::Image(work) => {
            // A machine's class is checked by the problem itself; here the line is reported with it.
            entries.extend(work.device.iter().map(|restriction| {
                let met = in_use.iter().all(|candidate| {
                    candidate.classes.as_ref().is_some_and(|classes| {
                        classes.iter().all(|class| restriction.allowed.contains(&device_of(*class)))
                    })
                });
                line(restriction.span, met)
            }));
        }
        Work::Llm(work) => {
            let all = |holds: &dyn Fn(&crate::candidates::Layout) -> bool| layouts.iter().all(|layout| holds(layout));
            entries.extend(work.tensor.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains(&layout.tensor)))
            }));
            entries.extend(work.precision.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains::<Precision>(&layout.precision)))
            }));
            entries.extend(work.device.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains(&device_of(layout.class))))
            }));
            entries.extend(
                work.batch
                    .iter()
                    .map(|bound| line(bound.span, all(&|layout| within(bound, layout.batch)))),
            );
        }
    }
    entries
}

fn judge(world: World<'_>, values: &Values, loads: &[Load], requirement: &Requirement) -> RequirementEntry {
    let bare = || RequirementEntry {
        policy: requirement.policy.clone(),
        ..entry(world, requirement.span, &requirement.text)
    };
    let not_yet = |because: &str| RequirementEntry {
        policy: requirement.policy.clone(),
        ..unjudged(world, requirement.span, &requirement.text, because)
    };
    let Condition::Compare { terms, compare, limit, .. } = &requirement.condition else {
        let Condition::NotYet { because } = &requirement.condition else { return bare() };
        return not_yet(because);
    };
    if let Some(sum) = linear_sum(world, values, terms) {
        // A bill is compared by the hour.
        let money = terms.iter().any(|term| term.subject == Subject::Bill);
        let limit = if money { per_hour(limit) } else { limit.value.clone() };
        let met = compare_exactly(*compare, &sum, &limit);
        if *compare == Compare::Unequal && !met {
            return not_yet("the planner does not steer away from a value yet");
        }
        return RequirementEntry {
            value: Some(float(&sum)),
            limit: Some(float(&limit)),
            unit: Some(if money { "$/h" } else { "1" }.into()),
            slack: slack(*compare, float(&sum), float(&limit)),
            met: Some(met),
            ..bare()
        };
    }
    let Some(service) = requirement.service else {
        return not_yet("only a service's own lines about latency or memory are judged");
    };
    if let Some((measure, statistic, seconds)) = latency_limit(service, requirement) {
        let Some(band) = latency(world, values, loads, service, measure, statistic) else {
            return not_yet(&missing(world.program, service, measure, statistic));
        };
        let step = busiest_step(&world.program.services[service]);
        return judged_measure(bare(), *compare, band.high, seconds, "s", Some(statistic_name(statistic)), step);
    }
    if let Some(least) = memory_limit(service, requirement) {
        let Some(free) = least_memory_free(world.program, loads, service) else {
            return not_yet("nothing of this service uses a device's memory, or its demand is not stated");
        };
        return judged_measure(bare(), *compare, free, least, "1", None, None);
    }
    not_yet("this combination of measures is not judged")
}

fn judged_measure(
    entry: RequirementEntry,
    compare: Compare,
    value: f64,
    limit: f64,
    unit: &str,
    statistic: Option<String>,
    step: Option<usize>,
) -> RequirementEntry {
    let met = match compare {
        Compare::AtMost => value <= limit,
        Compare::Below => value < limit,
        Compare::AtLeast => value >= limit,
        Compare::Above => value > limit,
        Compare::Equal => value == limit,
        Compare::Unequal => value != limit,
    };
    RequirementEntry {
        statistic,
        step,
        value: Some(value),
        limit: Some(limit),
        unit: Some(unit.into()),
        slack: slack(compare, value, limit),
        met: Some(met),
        ..entry
    }
}

/// Why a latency has no prediction.
fn missing(program: &Program, service: usize, measure: LatencyMeasure, statistic: &Statistic) -> String {
    let declared = &program.services[service];
    let name = measure_name(measure);
    match &declared.work {
        Work::Image(_) if measure != LatencyMeasure::Latency => {
            format!("`{name}` is of services that run a model; this one has `latency`")
        }
        Work::Image(_) if declared.demand.is_none() => format!("`{name}` needs the service's `demand`"),
        Work::Image(work) if work.serves.is_none() => {
            format!("`{name}` needs `serves`, the rate of one replica")
        }
        Work::Llm(_) if declared.demand.is_none() => format!("`{name}` needs the service's `demand`"),
        _ => format!("`{name} {}` is not predicted", statistic_name(statistic)),
    }
}

fn busiest_step(service: &Service) -> Option<usize> {
    let rates = &service.demand.as_ref()?.value.rates;
    let peak = rates.iter().max()?;
    (rates.len() > 1).then(|| rates.iter().position(|rate| rate == peak)).flatten()
}

fn linear_sum(world: World<'_>, values: &Values, terms: &[berth_language::model::Term]) -> Option<BigRational> {
    let mut sum = BigRational::zero();
    for term in terms {
        let value = match &term.subject {
            Subject::Replicas { service } => {
                BigRational::from_integer(values.copies[*service].iter().sum::<u64>().into())
            }
            Subject::Spread { service } => BigRational::from_integer(values.spread[*service].into()),
            Subject::Bill => &values.price + standing_price(world.program),
            Subject::Latency { .. } | Subject::MemoryFree { .. } => return None,
        };
        sum += &term.coefficient * value;
    }
    Some(sum)
}

fn compare_exactly(compare: Compare, value: &BigRational, limit: &BigRational) -> bool {
    match compare {
        Compare::AtMost => value <= limit,
        Compare::Below => value < limit,
        Compare::AtLeast => value >= limit,
        Compare::Above => value > limit,
        Compare::Equal => value == limit,
        Compare::Unequal => value != limit,
    }
}

fn slack(compare: Compare, value: f64, limit: f64) -> Option<f64> {
    match compare {
        Compare::AtMost | Compare::Below => Some(limit - value),
        Compare::AtLeast | Compare::Above => Some(value - limit),
        Compare::Equal | Compare::Unequal => None,
    }
}

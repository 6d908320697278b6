//! Candidates: every form a service's replica can take, what each carries, and why others cannot.
//!
//! A candidate binds the symbols of the operator graph for one class of device. Promises about a
//! request (`ttft p99 < 800ms`) are decided here, once: they become the rate that a replica of the
//! candidate carries while all of them hold, or the least count of replicas. What remains for the
//! problem is linear in counts.

mod groups;
mod replicas;

use groups::Weighed;
pub(crate) use groups::places;
pub(crate) use replicas::{largest_batch, replicas, workload};

use crate::containers::{Container, spacing};
use crate::degrees::{Axis, Degrees};
use crate::experts::PlacedExperts;
use crate::graph::{OperatorGraph, Target};
use crate::jobs::{Training, job_candidates, jobs};
use crate::moments::{Moment, moments};
use crate::performance::PerformanceError;
use crate::performance::hardware::{Hardware, Network};
use crate::performance::serving::{self, Limit, Replica};
use crate::problem::Devices;
use crate::solving::Solving;
use berth_language::model::{
    Compare, Condition, Fabric, ImageWork, LatencyMeasure, LlmWork, Precision, Program, Requirement,
    Restriction, Service, Sharding, Statistic, Subject, Work,
};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Lines left out of consideration: the question "could the others hold?" is asked with them here.
pub type Disregarded = BTreeSet<Span>;

/// The forms of every service.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Classes of device behind one kind of fabric; machines refer to them by index.
    pub classes: Vec<DeviceClass>,
    /// By service of the program, then by [job](crate::jobs::jobs) that is planned.
    pub services: Vec<ServiceCandidates>,
}

/// Equal devices behind equal fabric.
#[derive(Clone, Debug)]
pub struct DeviceClass {
    /// The device's name; with its fabric where one device stands behind several.
    pub name: String,
    /// By index into the program's devices.
    pub device: usize,
    /// How they run operators.
    pub target: Target,
    /// What joins the devices of one node.
    pub fabric: Option<Fabric>,
    /// As plain numbers; none where the device states neither memory nor bandwidth.
    pub hardware: Option<Hardware>,
    /// What joins its nodes, of each size that states it.
    pub networks: Vec<Network>,
}

impl DeviceClass {
    /// For replicas that stand on so many nodes with so many devices each.
    pub fn hardware_of(&self, nodes: u64, devices: u64) -> Option<Hardware> {
        let network = self.networks.iter().find(|network| nodes > 1 && network.devices == devices);
        Some(Hardware { network: network.copied(), ..self.hardware.clone()? })
    }
}

/// The forms of one service.
#[derive(Clone, Debug, Default)]
pub struct ServiceCandidates {
    /// In order of device class, precision and degree.
    pub candidates: Vec<Candidate>,
    /// Forms that cannot keep a promise at any load.
    pub refusals: Vec<Refusal>,
    /// Lower bounds on the count of replicas that promises ask for.
    pub least: Vec<Least>,
    /// When which promises hold, the busiest first.
    pub moments: Vec<Moment>,
}

/// One form of a replica.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its layout; none for an ordinary container.
    pub layout: Option<Layout>,
    /// What it takes of a machine, of each of those that it stands on.
    pub devices: Devices,
    /// Classes that may hold it; none: any machine.
    pub classes: Option<Vec<usize>>,
    /// What it carries in each [moment](ServiceCandidates::moments), none for an ordinary container.
    pub capacities: Vec<Capacity>,
    /// Its pass times, for predictions at other rates.
    pub replica: Option<Replica>,
    /// What it is of a job.
    pub training: Option<Training>,
    /// Where its experts stand; none where it has none, or nothing is said of them.
    pub experts: Option<Rc<PlacedExperts>>,
}

/// How a model is laid out over devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// By index into [`Candidates::classes`].
    pub class: usize,
    /// Of every parallel axis.
    pub degrees: Degrees,
    /// Nodes that hold equally many of its devices each: one, or several that it takes whole.
    pub nodes: u64,
    /// Of weights and arithmetic.
    pub precision: Precision,
    /// Most sequences decoded together; of a job, those that pass through a data group together, 0 where it has no form so.
    pub batch: u64,
    /// Of a job: what its copies hold a part of each.
    pub sharding: Option<Sharding>,
    /// Copies of experts beyond one of each, in every layer.
    pub redundant: u64,
}

/// The load at which every promise of a moment still holds.
#[derive(Clone, Debug)]
pub struct Capacity {
    /// Requests a second of one replica; 0 where it keeps some promise at no load.
    pub rate: f64,
    /// The line that gives way first above it; none: the queue itself would grow.
    pub limited_by: Option<Span>,
}

/// A form that cannot be.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which.
    pub layout: Layout,
    /// Why.
    pub because: String,
    /// The lines that rule it out; empty where physics does.
    pub origins: Vec<Span>,
}

/// A lower bound on the count of replicas.
#[derive(Clone, Debug)]
pub struct Least {
    /// In which scenario, of those that it leaves; none: in the base world.
    pub scenario: Option<usize>,
    /// Of replicas; none: no count is enough.
    pub count: Option<u64>,
    /// The lines that ask for it.
    pub origins: Vec<Span>,
}

/// Enumerates the forms of every service of `program`, with the lines in `without` left out; `solving` places their
/// experts.
pub fn candidates(
    program: &Program,
    graph: &OperatorGraph,
    without: &Disregarded,
    solving: &dyn Solving,
) -> Candidates {
    let classes = device_classes(program);
    let scale = share_scale(program);
    let jobs = jobs(program).map(|(_, job)| job_candidates(program, job, graph, &classes, without, solving));
    let services = program
        .services
        .iter()
        .enumerate()
        .map(|(index, service)| match &service.work {
            Work::Image(work) => image_candidates(program, index, work, &classes, scale, without),
            Work::Llm(work) => {
                llm_candidates(program, (index, service, work), graph, &classes, without, solving)
            }
        })
        .chain(jobs)
        .collect();
    Candidates { classes, services }
}

/// The highest rate of any step, requests a second; 0 where a service has no demand of its own.
pub fn peak_rate(service: &Service, without: &Disregarded) -> BigRational {
    let zero = || BigRational::from_integer(0.into());
    match &service.demand {
        Some(demand) if !without.contains(&demand.span) => {
            demand.value.rates.iter().max().cloned().unwrap_or_else(zero)
        }
        _ => zero(),
    }
}

fn device_classes(program: &Program) -> Vec<DeviceClass> {
    let mut classes: Vec<DeviceClass> = Vec::new();
    for node in &program.nodes {
        let Some(devices) = &node.devices else { continue };
        let (device, _) = devices.value;
        let fabric = node.fabric.as_ref().map(|fabric| fabric.value.clone());
        if classes.iter().any(|class| class.device == device && class.fabric == fabric) {
            continue;
        }
        if let Some(declared) = program.devices.get(device) {
            let hardware = Hardware::of(declared, fabric.as_ref()).ok();
            let target = Target::of(declared);
            let (name, networks) = (declared.name.clone(), Vec::new());
            classes.push(DeviceClass { name, device, target, fabric, hardware, networks });
        }
    }
    let devices: Vec<usize> = classes.iter().map(|class| class.device).collect();
    for class in &mut classes {
        class.networks = groups::networks(program, class);
        if devices.iter().filter(|device| **device == class.device).count() > 1 {
            class.name = match &class.fabric {
                None => format!("{} without fabric", class.name),
                Some(fabric) => format!("{} behind {} {}", class.name, fabric.kind.name(), fabric.bandwidth),
            };
        }
    }
    classes
}

fn image_candidates(
    program: &Program,
    index: usize,
    work: &ImageWork,
    classes: &[DeviceClass],
    scale: u64,
    without: &Disregarded,
) -> ServiceCandidates {
    let devices = match (&work.devices, &work.share) {
        (_, Some(share)) => Devices::Share(share_units(&share.value, scale)),
        (Some(devices), None) if devices.value > 0 => Devices::Whole(devices.value),
        _ => Devices::None,
    };
    let restrictions: Vec<_> = work.device.iter().filter(|line| !without.contains(&line.span)).collect();
    // A line about devices keeps a service to nodes that have them, even where it takes none itself.
    let allowed = (devices != Devices::None || !restrictions.is_empty()).then(|| {
        (0..classes.len())
            .filter(|class| restrictions.iter().all(|line| line.allowed.contains(&classes[*class].device)))
            .collect::<Vec<_>>()
    });
    let candidate = Candidate {
        layout: None,
        devices,
        classes: allowed,
        capacities: Vec::new(),
        replica: None,
        training: None,
        experts: None,
    };
    let moments = moments(program, index, without);
    ServiceCandidates {
        candidates: vec![candidate],
        refusals: Vec::new(),
        least: image_least(program, index, work, &moments),
        moments,
    }
}

/// The finest parts of a device that shares are counted in.
const FINEST_SHARE: u64 = 1_000_000_000;

/// Parts of a device of which every share of the program is a whole number; where that would be absurdly
/// many, the finest there are, and shares are rounded up.
pub fn share_scale(program: &Program) -> u64 {
    let mut scale = BigInt::from(1);
    for service in &program.services {
        if let Work::Image(ImageWork { share: Some(share), .. }) = &service.work {
            scale = least_common_multiple(&scale, share.value.denom());
        }
        if scale > BigInt::from(FINEST_SHARE) {
            return FINEST_SHARE;
        }
    }
    scale.to_u64().unwrap_or(FINEST_SHARE)
}

/// Of two positive numbers.
pub fn least_common_multiple(left: &BigInt, right: &BigInt) -> BigInt {
    // In lowest terms, the one over the other has both less their common divisor.
    right * BigRational::new(left.clone(), right.clone()).numer()
}

fn share_units(share: &BigRational, scale: u64) -> u64 {
    (share * BigRational::from_integer(scale.into())).ceil().to_integer().to_u64().unwrap_or(u64::MAX)
}

/// The replicas that the queue needs: enough to be stable, and enough for each promise.
fn image_least(program: &Program, index: usize, work: &ImageWork, moments: &[Moment]) -> Vec<Least> {
    let service = &program.services[index];
    let (Some(container), Some(demand)) = (Container::of(work), &service.demand) else {
        return Vec::new();
    };
    let Some(busiest) = moments.first().filter(|moment| moment.rate.is_positive()) else {
        return Vec::new();
    };
    let count = container.stable(&busiest.rate);
    let mut least = vec![Least { scenario: None, count, origins: vec![demand.span] }];
    for (promise, requirement) in service.requirements.iter().enumerate() {
        let Some((measure, statistic, limit)) = latency_limit(index, requirement) else { continue };
        if measure != LatencyMeasure::Latency {
            continue;
        }
        for scenario in requirement.when.worlds() {
            // The busiest in which it holds.
            let holds = |moment: &&Moment| moment.scenario == scenario && moment.promises.contains(&promise);
            let moment = moments.iter().find(holds);
            let Some(moment) = moment.filter(|moment| moment.rate.is_positive()) else { continue };
            // A statistic that the queue does not have is judged nowhere, and bounds nothing here.
            let Ok(count) = container.fewest(&moment.rate, Some(demand), statistic, limit) else { continue };
            let mut origins = vec![requirement.span, demand.span];
            let happened = scenario.and_then(|scenario| program.scenarios.get(scenario));
            origins.extend(happened.map(|scenario| scenario.span));
            least.push(Least { scenario, count, origins });
        }
    }
    least
}

/// A promise about latency that one service makes: which measure, which statistic, how many seconds.
pub fn latency_limit(service: usize, requirement: &Requirement) -> Option<(LatencyMeasure, &Statistic, f64)> {
    let Some(Condition::Compare { terms, compare: Compare::Below | Compare::AtMost, limit, .. }) =
        requirement.judged()
    else {
        return None;
    };
    let [term] = terms.as_slice() else { return None };
    match &term.subject {
        Subject::Latency { service: subject, measure, statistic } if *subject == service => {
            let seconds = (&limit.value / positive(&term.coefficient)?).to_f64()?;
            Some((*measure, statistic, seconds))
        }
        _ => None,
    }
}

/// A promise about free device memory: the least share of it.
pub fn memory_limit(service: usize, requirement: &Requirement) -> Option<f64> {
    let Some(Condition::Compare { terms, compare: Compare::Above | Compare::AtLeast, limit, .. }) =
        requirement.judged()
    else {
        return None;
    };
    let [term] = terms.as_slice() else { return None };
    match &term.subject {
        Subject::MemoryFree { service: subject } if *subject == service => {
            (&limit.value / positive(&term.coefficient)?).to_f64()
        }
        _ => None,
    }
}

fn positive(coefficient: &BigRational) -> Option<&BigRational> {
    (*coefficient > BigRational::from_integer(0.into())).then_some(coefficient)
}

fn llm_candidates(
    program: &Program,
    (index, service, work): (usize, &Service, &LlmWork),
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
    solving: &dyn Solving,
) -> ServiceCandidates {
    let mut found =
        ServiceCandidates { moments: moments(program, index, without), ..ServiceCandidates::default() };
    let promised: Vec<(Vec<Span>, Vec<Limit>)> = found
        .moments
        .iter()
        .map(|moment| {
            let promises = moment.promises.iter().map(|promise| &service.requirements[*promise]);
            promises.filter_map(|promise| Some((promise.span, limit(index, promise)?))).unzip()
        })
        .collect();
    let batch = largest_batch(work, without);
    let workload = workload(work, spacing(service.demand.as_ref()));
    let laid = replicas(program, (&service.name, work, &workload), graph, classes, without, solving);
    for (layout, replica) in laid {
        let mut refuse = |because: String, origins: Vec<Span>| {
            found.refusals.push(Refusal { layout, because, origins });
        };
        let (replica, experts) = match replica {
            Ok(laid) => laid,
            Err(because) => {
                refuse(because, Vec::new());
                continue;
            }
        };
        match capacities(&replica, batch, &promised) {
            Ok(capacities) if capacities.iter().all(|capacity| capacity.rate < LEAST_RATE) => {
                let origins: Vec<Span> =
                    capacities.iter().filter_map(|capacity| capacity.limited_by).collect();
                refuse(why_nothing(&replica, batch, !origins.is_empty()), origins);
            }
            Ok(capacities) => found.candidates.push(Candidate {
                layout: Some(layout),
                devices: layout.devices(),
                classes: Some(vec![layout.class]),
                capacities,
                replica: Some(replica),
                training: None,
                experts,
            }),
            Err(error) => refuse(error.to_string(), Vec::new()),
        }
    }
    keep_best_copies(&mut found);
    groups::refuse_outdone(&mut found, Weighed::of(program, index, service));
    found
}

/// Of forms that differ only in copies of experts, which take the same devices, those that no other is as good as at any
/// time; of equals the one with the fewest copies.
fn keep_best_copies(found: &mut ServiceCandidates) {
    let alike = |of: &Candidate| of.layout.map(|layout| Layout { redundant: 0, ..layout });
    let rates = |of: &Candidate| of.capacities.iter().map(|capacity| capacity.rate).collect::<Vec<_>>();
    let candidates = std::mem::take(&mut found.candidates);
    let better = |at: usize, one: &Candidate| {
        let is_as_good =
            |other: &Candidate| rates(one).iter().zip(rates(other)).all(|(one, other)| *one <= other);
        let mut others = candidates.iter().enumerate().filter(|(_, other)| alike(other) == alike(one));
        let (_, other) =
            others.find(|(place, other)| is_as_good(other) && (*place < at || rates(other) != rates(one)))?;
        Some(other.layout?.redundant)
    };
    let beaten: Vec<Option<u64>> = candidates
        .iter()
        .enumerate()
        .map(|(at, one)| one.experts.is_some().then(|| better(at, one)).flatten())
        .collect();
    for (candidate, beaten) in candidates.into_iter().zip(beaten) {
        match (beaten, candidate.layout) {
            (Some(redundant), Some(layout)) => {
                let because = format!("carries no more than with {redundant} redundant experts");
                found.refusals.push(Refusal { layout, because, origins: Vec::new() });
            }
            _ => found.candidates.push(candidate),
        }
    }
}

/// What a replica carries in each moment, of which the limits and their lines are given.
fn capacities(
    replica: &Replica,
    batch: u64,
    promised: &[(Vec<Span>, Vec<Limit>)],
) -> Result<Vec<Capacity>, PerformanceError> {
    let of = |(lines, limits): &(Vec<Span>, Vec<Limit>)| {
        let serving::Capacity { rate, limited_by } = replica.capacity(batch, limits)?;
        let limited_by = limited_by.and_then(|limit| lines.get(limit).copied());
        Ok(Capacity { rate: if rate < LEAST_RATE { 0.0 } else { rate }, limited_by })
    };
    promised.iter().map(of).collect()
}

/// The lines about each axis.
pub fn degree_lines(work: &LlmWork) -> [(Axis, &[Restriction<u64>]); 5] {
    [
        (Axis::Tensor, &work.tensor),
        (Axis::Pipeline, &work.pipeline),
        (Axis::Expert, &work.expert),
        (Axis::Data, &work.data),
        (Axis::Context, &work.context),
    ]
}

/// A replica that carries less than this, in requests a second, is no candidate.
pub const LEAST_RATE: f64 = 0.001;

pub(crate) fn why_nothing(replica: &Replica, batch: u64, by_promise: bool) -> String {
    let memory = replica.memory();
    let short = memory.weights + memory.reserve - memory.capacity;
    if short > 0.0 {
        format!("the weights need {:.1} GB more on each device", short / 1e9)
    } else if replica.slots(batch) == 0 {
        "the KV cache of one request does not fit beside the weights".into()
    } else if by_promise {
        "breaks this promise even when idle".into()
    } else {
        "cannot keep up with one request at a time".into()
    }
}

fn limit(service: usize, requirement: &Requirement) -> Option<Limit> {
    if let Some((measure, statistic, seconds)) = latency_limit(service, requirement) {
        return judgeable(statistic).then(|| Limit::Latency {
            measure,
            statistic: statistic.clone(),
            most: seconds,
        });
    }
    memory_limit(service, requirement).map(|free| Limit::MemoryFree { least: free })
}

/// A maximum is not bounded in the model: such a line limits no candidate and is reported as not judged.
fn judgeable(statistic: &Statistic) -> bool {
    !matches!(statistic, Statistic::Peak)
}

/// What every line that is not left out allows; `default` where no line speaks.
pub(crate) fn allowed<T: Clone + PartialEq>(
    lines: &[Restriction<T>],
    without: &Disregarded,
    default: &[T],
) -> Vec<T> {
    let mut lines = lines.iter().filter(|line| !without.contains(&line.span));
    let Some(first) = lines.next() else { return default.to_vec() };
    let rest: Vec<_> = lines.collect();
    first
        .allowed
        .iter()
        .filter(|value| rest.iter().all(|line| line.allowed.contains(value)))
        .cloned()
        .collect()
}

pub(crate) fn largest_machine(program: &Program, class: &DeviceClass) -> u32 {
    program
        .nodes
        .iter()
        .filter(|node| node.fabric.as_ref().map(|fabric| &fabric.value) == class.fabric.as_ref())
        .filter_map(|node| node.devices.as_ref())
        .filter(|devices| devices.value.0 == class.device)
        .map(|devices| devices.value.1)
        .max()
        .unwrap_or(0)
}

/// `, sharded optimizer`; empty where nothing is.
fn sharded(sharding: Sharding) -> String {
    match sharding {
        Sharding::None => String::new(),
        sharding => format!(", sharded {}", sharding.name()),
    }
}

impl Layout {
    /// What it takes of each of its nodes.
    pub fn devices(&self) -> Devices {
        Devices::Whole(u32::try_from(self.degrees.devices() / self.nodes).unwrap_or(u32::MAX))
    }
}

/// As it is written in a plan file.
pub fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Bf16 => "bf16",
        Precision::Fp8 => "fp8",
    }
}

impl Candidates {
    /// `tensor 4, fp8, batch 256 on h100_sxm`
    pub fn layout_name(&self, layout: &Layout) -> String {
        let device = self.classes.get(layout.class).map_or("?", |class| class.name.as_str());
        let precision = precision_name(layout.precision);
        let degrees = layout.degrees;
        let sharded = layout.sharding.map_or_else(String::new, sharded);
        let batch = match layout.batch {
            0 => String::new(),
            batch => format!(", batch {batch}"),
        };
        let redundant = match layout.redundant {
            0 => String::new(),
            1 => ", 1 redundant expert".to_owned(),
            redundant => format!(", {redundant} redundant experts"),
        };
        let nodes = match layout.nodes {
            1 => String::new(),
            nodes => format!("{nodes} nodes of "),
        };
        format!("{degrees}, {precision}{batch}{redundant}{sharded} on {nodes}{device}")
    }
}

//! Replicas of a model, one for each way to lay it out.

use super::groups::{Group, NODES, groups};
use super::{DeviceClass, Disregarded, Layout, allowed, largest_machine};
use crate::degrees::Degrees;
use crate::experts::{PlacedExperts, Placing};
use crate::graph::{OperatorGraph, Phase, PhaseGraph};
use crate::performance::hardware::Hardware;
use crate::performance::images::Images;
use crate::performance::memory::Phases;
use crate::performance::serving::{Replica, Workload};
use crate::solving::Solving;
use berth_language::model::{CountBound, Draws, Fact, LlmWork, Precision, Program};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::rc::Rc;

/// Tensor degrees that are tried where no line says which.
const TENSOR_DEGREES: [u64; 4] = [1, 2, 4, 8];

/// Counts of data-parallel groups that are tried for models with experts where no line says which.
const DATA_DEGREES: [u64; 4] = [1, 2, 4, 8];

/// The most sequences decoded together where no line says how many.
const LARGEST_BATCH: u64 = 256;

/// The most sequences that are decoded together.
pub(crate) fn largest_batch(work: &LlmWork, without: &Disregarded) -> u64 {
    let bounds = work.batch.iter().filter(|bound| !without.contains(&bound.span));
    bounds.filter_map(|bound: &CountBound| bound.high).fold(LARGEST_BATCH, u64::min)
}

/// What each replica is asked for, with so much squared variation of the time between two requests.
pub(crate) fn workload(work: &LlmWork, spacing: f64) -> Workload {
    // What asks for tokens and is not told how many has been refused; what asks for none takes one.
    let tokens = |stated: &Option<Fact<Draws>>| {
        stated.as_ref().map_or_else(
            || Draws::Constant(BigRational::from_integer(1.into())),
            |stated| stated.value.clone(),
        )
    };
    Workload {
        prompt: tokens(&work.prompt),
        output: tokens(&work.output),
        images: work
            .images
            .as_ref()
            .zip(work.image_size.as_ref())
            .map(|(count, pixels)| Images { count: (*count.value).clone(), pixels: (*pixels.value).clone() }),
        steps: work.denoising_steps.as_ref().map_or(1, |stated| stated.value),
        guided: work.guidance.as_ref().is_some_and(|stated| stated.value),
        acceptance: work.acceptance.as_ref().and_then(|stated| stated.value.to_f64()).unwrap_or(0.0),
        spacing,
    }
}

/// A replica, and where its experts stand, if that is placed; or why it cannot be.
pub(crate) type Laid = Result<(Replica, Option<Rc<PlacedExperts>>), String>;

/// Every replica of a model that the lines of its work allow, or why it cannot be, in order of device class, precision,
/// degrees and copies of experts.
pub(crate) fn replicas(
    program: &Program,
    (name, work, workload): (&str, &LlmWork, &Workload),
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
    solving: &dyn Solving,
) -> Vec<(Layout, Laid)> {
    let batch = largest_batch(work, without);
    let precisions = allowed(&work.precision, without, &[Precision::Bf16]);
    let any: Vec<usize> = classes.iter().map(|class| class.device).collect();
    let devices = allowed(&work.device, without, &any);
    let stated = work.expert_load.as_deref().filter(|stated| !without.contains(&stated.span));
    let redundant = work.redundant_experts.iter().filter(|line| !without.contains(&line.span)).collect();
    let stated = stated.map(|stated| (&stated.value, stated.span));
    let mut placing = Placing::new(name, stated, redundant, solving);
    let mut found: Vec<(Layout, Laid)> = Vec::new();
    for (class_index, class) in classes.iter().enumerate() {
        if class.hardware.is_none() || !devices.contains(&class.device) {
            continue;
        }
        let nodes = allowed(&work.nodes, without, &NODES);
        let alone = Group { nodes: 1, devices: u64::from(largest_machine(program, class)) };
        let alone = nodes.contains(&1).then_some(alone);
        let groups: Vec<Group> = alone.into_iter().chain(groups(program, class, &nodes)).collect();
        for &precision in &precisions {
            let of = |phase| graph.phase(name, precision, class.target, phase);
            let only = of(Phase::Encode).or_else(|| of(Phase::Step)).or_else(|| of(Phase::Denoise));
            let (prefill, decode) = match (of(Phase::Prefill), of(Phase::Decode), only) {
                (Some(prefill), Some(decode), _) => (prefill, Some(decode)),
                (_, _, Some(only)) => (only, None),
                _ => continue,
            };
            let phases = Phases { prefill, decode, vision: of(Phase::Vision) };
            let mut fits_alone = false;
            for group in &groups {
                let Some(hardware) = class.hardware_of(group.nodes, group.devices) else { continue };
                let joined = group.nodes == 1 || hardware.network.is_some();
                // What nobody needs nobody has to state.
                if !joined && fits_alone {
                    continue;
                }
                for degrees in shapes(work, without, prefill.has_experts(), group) {
                    let layout = Layout {
                        class: class_index,
                        degrees,
                        nodes: group.nodes,
                        precision,
                        batch,
                        sharding: None,
                        redundant: 0,
                    };
                    for (redundant, laid) in laid(phases, &hardware, degrees, workload, placing.as_mut()) {
                        let laid = laid.and_then(|laid| match joined {
                            true => Ok(laid),
                            false => Err("a node states no `network` to the others".to_owned()),
                        });
                        let fits = laid.as_ref().is_ok_and(|(replica, _)| replica.slots(batch) > 0);
                        fits_alone |= group.nodes == 1 && fits;
                        found.push((Layout { redundant, ..layout }, laid));
                    }
                }
            }
        }
    }
    found
}

/// Replicas with these degrees, by how many copies of experts they have beyond one of each; or why there are none.
fn laid(
    phases: Phases<'_>,
    hardware: &Hardware,
    degrees: Degrees,
    workload: &Workload,
    placing: Option<&mut Placing<'_>>,
) -> Vec<(u64, Laid)> {
    let refused = |because: String| vec![(0, Err(because))];
    // Edited text may have lost the pass.
    let made = phases.prefill.phase == Phase::Denoise;
    if phases.vision.is_none() && !made && workload.images.is_some() {
        return refused("no pass sees the images of its requests".to_owned());
    }
    let placing = placing.filter(|placing| degrees.expert > 1 || placing.asks_for_copies());
    let placing = placing.zip(phases.prefill.experts());
    let refuses = |graph: &PhaseGraph| graph.refuses(degrees, placing.is_some());
    if let Some(because) = refuses(phases.prefill).or_else(|| refuses(phases.vision?)) {
        return refused(because);
    }
    let Some((placing, (experts, per_token, layers))) = placing else {
        let replica = Replica::new(phases, hardware, degrees, workload);
        return vec![(0, replica.map(|replica| (replica, None)).map_err(|error| error.to_string()))];
    };
    let placed = match placing.placed(experts, layers, degrees.expert) {
        Ok(placed) => placed,
        Err(because) => return refused(because),
    };
    let with = |placed: Rc<PlacedExperts>| {
        let spread = placed.spread(per_token);
        let replica = Replica::with_experts(phases, hardware, degrees, workload, &spread);
        let redundant = placed.redundant();
        (redundant, replica.map(|replica| (replica, Some(placed))).map_err(|error| error.to_string()))
    };
    placed.into_iter().map(with).collect()
}

/// Every way to divide a model over the devices of a group that the lines allow: of one node over some of them, of
/// several over all, so that no part along an axis is half in a node.
///
/// Where no line says otherwise there is one stage, or one for each node; groups with sequences of their own are worth having
/// where they share experts, and experts stay whole as soon as there are such groups. Stages and devices that share the tokens
/// of a sequence are tried where a line asks: few engines have the latter, and each would multiply what is tried.
fn shapes(work: &LlmWork, without: &Disregarded, experts: bool, group: &Group) -> Vec<Degrees> {
    let largest = group.nodes * group.devices;
    let up_to = |degrees: Vec<u64>, most: u64| {
        degrees.into_iter().filter(move |degree| *degree >= 1 && *degree <= most)
    };
    let several = group.nodes > 1;
    let stages: &[u64] = if several { &[1, group.nodes] } else { &[1] };
    let powers: Vec<u64> =
        (0..).map_while(|power| 1_u64.checked_shl(power)).take_while(|of| *of <= largest).collect();
    let groups: &[u64] = match (experts, several) {
        (false, _) => &[1],
        (true, false) => &DATA_DEGREES,
        (true, true) => &powers,
    };
    let mut shapes = Vec::new();
    for tensor in up_to(allowed(&work.tensor, without, &TENSOR_DEGREES), largest) {
        for context in up_to(allowed(&work.context, without, &[1]), largest / tensor) {
            let held = tensor * context;
            for data in up_to(allowed(&work.data, without, groups), largest / held) {
                let stage = held * data;
                for pipeline in up_to(allowed(&work.pipeline, without, stages), largest / stage) {
                    let whole: &[u64] = match (experts, data) {
                        (false, _) => &[1],
                        (true, 1) if stage > 1 => &[1, stage],
                        (true, _) => &[stage],
                    };
                    for expert in up_to(allowed(&work.expert, without, whole), stage) {
                        let degrees = Degrees { tensor, pipeline, expert, data, context };
                        // Groups that do not part the devices evenly are no answer to a line that leaves many.
                        if stage % expert == 0 && (!several || parts_nodes(degrees, group)) {
                            shapes.push(degrees);
                        }
                    }
                }
            }
        }
    }
    shapes
}

/// Whether a replica takes all devices of a group, and along every axis whole nodes or a whole part of one.
fn parts_nodes(degrees: Degrees, group: &Group) -> bool {
    let Group { nodes, devices, .. } = *group;
    let along = [degrees.tensor, degrees.tensor * degrees.context, degrees.stage()];
    degrees.devices() == nodes * devices
        && along.into_iter().all(|parts| parts % devices == 0 || devices % parts == 0)
}

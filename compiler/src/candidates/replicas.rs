//! Replicas of a model, one for each way to lay it out.

use super::{DeviceClass, Disregarded, Layout, allowed, largest_machine};
use crate::degrees::Degrees;
use crate::graph::{OperatorGraph, Phase, PhaseGraph};
use crate::performance::images::Images;
use crate::performance::memory::Phases;
use crate::performance::serving::{Replica, Workload};
use berth_language::model::{CountBound, Draws, Fact, LlmWork, Precision, Program};
use num_rational::BigRational;
use num_traits::ToPrimitive;

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

/// Every replica of a model that the lines of its work allow, or why it cannot be, in order of device class, precision and
/// degrees.
pub(crate) fn replicas(
    program: &Program,
    name: &str,
    work: &LlmWork,
    workload: &Workload,
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
) -> Vec<(Layout, Result<Replica, String>)> {
    let batch = largest_batch(work, without);
    let precisions = allowed(&work.precision, without, &[Precision::Bf16]);
    let any: Vec<usize> = classes.iter().map(|class| class.device).collect();
    let devices = allowed(&work.device, without, &any);
    let mut found = Vec::new();
    for (class_index, class) in classes.iter().enumerate() {
        let Some(hardware) = class.hardware.as_ref().filter(|_| devices.contains(&class.device)) else {
            continue;
        };
        let largest = u64::from(largest_machine(program, class));
        for &precision in &precisions {
            let of = |phase| graph.phase(name, precision, class.target, phase);
            let only = of(Phase::Encode).or_else(|| of(Phase::Step)).or_else(|| of(Phase::Denoise));
            let (prefill, decode) = match (of(Phase::Prefill), of(Phase::Decode), only) {
                (Some(prefill), Some(decode), _) => (prefill, Some(decode)),
                (_, _, Some(only)) => (only, None),
                _ => continue,
            };
            let phases = Phases { prefill, decode, vision: of(Phase::Vision) };
            for degrees in shapes(work, without, prefill.has_experts(), largest) {
                let layout = Layout { class: class_index, degrees, precision, batch, sharding: None };
                // Edited text may have lost the pass.
                let made = prefill.phase == Phase::Denoise;
                if phases.vision.is_none() && !made && workload.images.is_some() {
                    found.push((layout, Err("no pass sees the images of its requests".to_owned())));
                    continue;
                }
                let refuses = |graph: &PhaseGraph| graph.refuses(degrees);
                if let Some(because) = refuses(prefill).or_else(|| refuses(phases.vision?)) {
                    found.push((layout, Err(because)));
                    continue;
                }
                let replica = Replica::new(phases, hardware, degrees, workload);
                found.push((layout, replica.map_err(|error| error.to_string())));
            }
        }
    }
    found
}

/// Every way to divide a model over at most `largest` devices that the lines allow.
///
/// Where no line says otherwise there is one stage; groups with sequences of their own are worth having where
/// they share experts, and experts stay whole as soon as there are such groups. Stages and devices that share the tokens
/// of a sequence are tried where a line asks: few engines have the latter, and each would multiply what is tried.
fn shapes(work: &LlmWork, without: &Disregarded, experts: bool, largest: u64) -> Vec<Degrees> {
    let up_to = |degrees: Vec<u64>, most: u64| {
        degrees.into_iter().filter(move |degree| *degree >= 1 && *degree <= most)
    };
    let mut shapes = Vec::new();
    for tensor in up_to(allowed(&work.tensor, without, &TENSOR_DEGREES), largest) {
        for context in up_to(allowed(&work.context, without, &[1]), largest / tensor) {
            let group = tensor * context;
            let data = allowed(&work.data, without, if experts { &DATA_DEGREES } else { &[1] });
            for data in up_to(data, largest / group) {
                let stage = group * data;
                for pipeline in up_to(allowed(&work.pipeline, without, &[1]), largest / stage) {
                    let whole: &[u64] = match (experts, data) {
                        (false, _) => &[1],
                        (true, 1) if stage > 1 => &[1, stage],
                        (true, _) => &[stage],
                    };
                    for expert in up_to(allowed(&work.expert, without, whole), stage) {
                        // Groups that do not part the devices evenly are no answer to a line that leaves many.
                        if stage % expert == 0 {
                            shapes.push(Degrees { tensor, pipeline, expert, data, context });
                        }
                    }
                }
            }
        }
    }
    shapes
}

//! What one device holds: weights, KV cache, and what the engine needs beside them.

use super::experts::ExpertSpread;
use super::hardware::Hardware;
use super::phase::EngineOverhead;
use super::{Note, NoteKind, PerformanceError};
use crate::degrees::Degrees;
use crate::form::{Binding, Form};
use crate::graph::{Operator, OperatorKind, Phase, PhaseGraph};

/// Bytes of context, communication buffers, captured graphs and fragmentation on each device.
///
/// A CUDA context takes about 0.5 GB, collectives 0.3 to 1 GB, captured graphs 0.5 to 1 GB.
pub const RUNTIME_BYTES: f64 = 2e9;

/// The passes of one service at one precision.
#[derive(Clone, Copy, Debug)]
pub struct Phases<'g> {
    /// Of prompts; where nothing decodes, the only pass, which holds everything.
    pub prefill: &'g PhaseGraph,
    /// Of one token more.
    pub decode: Option<&'g PhaseGraph>,
    /// Of images, where the model sees.
    pub vision: Option<&'g PhaseGraph>,
}

/// The memory of one device of a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Bytes of the device.
    pub capacity: f64,
    /// Bytes of weights.
    pub weights: f64,
    /// Bytes of activations of the largest step, and of the runtime.
    pub reserve: f64,
    /// Bytes of KV cache for each token that its data-parallel group has cached.
    pub kv_per_token: f64,
}

impl Memory {
    /// Of the fullest device of a replica with these degrees, whose largest pass over images is `image`: the devices of the
    /// first stage hold what sees them beside their layers. Its experts stand as `spread` says.
    ///
    /// # Errors
    /// A form has no finite value at this degree.
    pub fn of(
        Phases { prefill, decode, vision }: Phases,
        hardware: &Hardware,
        degrees: Degrees,
        engine: &EngineOverhead,
        image: &Binding,
        spread: &ExpertSpread,
    ) -> Result<Self, PerformanceError> {
        let one = Binding { sequences: 1.0, new: 1.0, context: 0.0, degrees };
        let full = Binding { sequences: 1.0, new: engine.token_budget, context: 0.0, degrees };
        let held = |of: fn(&Operator) -> &Form| {
            let held = |operator: &Operator| {
                let held = finite(of(operator).evaluate(&one), &operator.name)?;
                // Copies of an expert are held as often as there are.
                let copies = matches!(operator.kind, OperatorKind::Experts { .. }).then_some(spread.copies);
                Ok(held * copies.unwrap_or(1.0))
            };
            let sees = match vision {
                Some(vision) => fullest(vision, 1, held, 0.0)?,
                None => 0.0,
            };
            fullest(decode.unwrap_or(prefill), degrees.pipeline, held, sees)
        };
        let weights = held(|operator| &operator.weight_memory)?;
        let kv_per_token = held(|operator| &operator.kv_memory)?;
        let only = if prefill.phase == Phase::Denoise { *image } else { full };
        let mut activations = 0.0_f64;
        for (graph, binding) in [(Some(prefill), only), (vision, *image)] {
            for operator in graph.iter().flat_map(|graph| graph.operators.node_weights()) {
                // What an operator reads and writes is alive at once; the residual stream is alive beside it.
                let bytes = finite(operator.activation_bytes.evaluate(&binding), &operator.name)?;
                activations = activations.max(2.0 * bytes);
            }
        }
        Ok(Self { capacity: hardware.memory, weights, reserve: RUNTIME_BYTES + activations, kv_per_token })
    }

    /// Tokens that the KV cache can hold; 0 where not even the weights fit.
    pub fn most_tokens(&self) -> f64 {
        let left = self.capacity - self.weights - self.reserve;
        if left <= 0.0 {
            0.0
        } else if self.kv_per_token <= 0.0 {
            f64::INFINITY
        } else {
            (left / self.kv_per_token).floor()
        }
    }

    /// The share of the device that stays free with `tokens` cached; negative where they do not fit.
    pub fn free(&self, tokens: f64) -> f64 {
        1.0 - (self.weights + self.reserve + tokens * self.kv_per_token) / self.capacity
    }

    /// Its provenance.
    pub fn note(&self) -> Note {
        Note {
            kind: NoteKind::Assumed,
            text: format!(
                "{:.1} GB of each device kept for the runtime and for the activations of a full step",
                self.reserve / 1e9
            ),
        }
    }
}

/// What the fullest stage of a pipeline holds, of which `of_one` is what one repetition of an operator does. Stages hold equally many layers, or one less; where layers are of
/// several sorts it is taken to have the heaviest. What stands before the layers is on the first stage, what
/// stands after them on the last. `first` is held by the first besides.
pub(super) fn fullest(
    graph: &PhaseGraph,
    stages: u64,
    of_one: impl Fn(&Operator) -> Result<f64, PerformanceError>,
    first: f64,
) -> Result<f64, PerformanceError> {
    let mut sorts: Vec<(f64, u64)> = graph.layers.iter().map(|layers| (0.0, *layers)).collect();
    let (mut before, mut after, mut all) = (first, 0.0, first);
    let mut layers_seen = false;
    for operator in graph.operators.node_weights() {
        let held = operator.repeat as f64 * of_one(operator)?;
        all += held;
        match operator.staged.and_then(|sort| sorts.get_mut(sort)) {
            Some((sum, _)) => {
                *sum += held;
                layers_seen = true;
            }
            None if layers_seen => after += held,
            None => before += held,
        }
    }
    if stages <= 1 {
        return Ok(all);
    }
    let layers: u64 = graph.layers.iter().sum();
    let mut left = layers.div_ceil(stages);
    let mut of_layer: Vec<(f64, u64)> =
        sorts.into_iter().map(|(sum, layers)| (sum / layers.max(1) as f64, layers)).collect();
    of_layer.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut held = before.max(after);
    for (each, layers) in of_layer {
        let taken = layers.min(left);
        held += each * taken as f64;
        left -= taken;
    }
    Ok(held)
}

pub(super) fn finite(value: f64, operator: &str) -> Result<f64, PerformanceError> {
    if value.is_finite() {
        Ok(value.max(0.0))
    } else {
        Err(PerformanceError::NotFinite { operator: operator.to_owned() })
    }
}

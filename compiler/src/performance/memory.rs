//! What one device holds: weights, KV cache, and what the engine needs beside them.

use super::hardware::Hardware;
use super::phase::EngineOverhead;
use super::{Note, NoteKind, PerformanceError};
use crate::form::{Binding, Form};
use crate::graph::PhaseGraph;

/// Bytes of context, communication buffers, captured graphs and fragmentation on each device.
///
/// A CUDA context takes about 0.5 GB, collectives 0.3 to 1 GB, captured graphs 0.5 to 1 GB.
const RUNTIME_BYTES: f64 = 2e9;

/// The memory of one device of a replica.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Bytes of the device.
    pub capacity: f64,
    /// Bytes of weights.
    pub weights: f64,
    /// Bytes of activations of the largest step, and of the runtime.
    pub reserve: f64,
    /// Bytes of KV cache for each cached token.
    pub kv_per_token: f64,
}

impl Memory {
    /// Of one device when the replica has `tensor` of them; `prefill` and `decode` are of one service.
    ///
    /// # Errors
    /// A form has no finite value at this degree.
    pub fn of(
        prefill: &PhaseGraph,
        decode: &PhaseGraph,
        hardware: &Hardware,
        tensor: u64,
        engine: &EngineOverhead,
    ) -> Result<Self, PerformanceError> {
        let tensor = tensor as f64;
        let one = Binding { sequences: 1.0, new: 1.0, context: 0.0, tensor };
        let full = Binding { sequences: 1.0, new: engine.token_budget, context: 0.0, tensor };
        let (mut weights, mut kv_per_token, mut activations) = (0.0, 0.0, 0.0_f64);
        for operator in decode.operators.node_weights() {
            let at = |form: &Form| finite(form.evaluate(&one), &operator.name);
            weights += operator.repeat as f64 * at(&operator.weight_memory)?;
            kv_per_token += operator.repeat as f64 * at(&operator.kv_memory)?;
        }
        for operator in prefill.operators.node_weights() {
            // What an operator reads and writes is alive at once; the residual stream is alive beside it.
            activations =
                activations.max(2.0 * finite(operator.activation_bytes.evaluate(&full), &operator.name)?);
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

fn finite(value: f64, operator: &str) -> Result<f64, PerformanceError> {
    if value.is_finite() {
        Ok(value.max(0.0))
    } else {
        Err(PerformanceError::NotFinite { operator: operator.to_owned() })
    }
}

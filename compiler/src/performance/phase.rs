//! One pass of a phase: the sum of its operators and the engine's own time for a step.
//!
//! Linear in the operators: without one of them the pass takes exactly that operator's time less.

use super::hardware::Hardware;
use super::operators::operator_time;
use super::{Band, Note, NoteKind, PerformanceError};
use crate::form::{Binding, Form};
use crate::graph::PhaseGraph;
use std::collections::BTreeSet;

/// One pass on every device of a replica.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Of the pass, the engine's step included.
    pub seconds: Band,
    /// Of all repetitions of each operator, in the order of the graph's nodes.
    pub operators: Vec<(String, Band)>,
    /// The engine's own part of `seconds`.
    pub step: f64,
    /// FLOPs on one device.
    pub flops: f64,
    /// Bytes moved between memory and compute on one device.
    pub memory_bytes: f64,
    /// Bytes that one device sends to the others.
    pub link_bytes: f64,
    /// Where the times come from.
    pub notes: BTreeSet<Note>,
}

/// What an engine spends beside the operators of a pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineOverhead {
    /// s a step that no device work hides: scheduling, preparing inputs, sampling, handing out tokens.
    pub step: f64,
    /// s a sequence and step, for the same.
    pub sequence: f64,
    /// s a request before its prefill can start: HTTP, tokenising, admission.
    pub request: Band,
    /// Tokens that one step may process, prefill and decode together.
    pub token_budget: f64,
}

impl EngineOverhead {
    /// The same for every engine, for want of a measurement of each that is not also the judge.
    pub const ASSUMED: EngineOverhead = EngineOverhead {
        step: 1e-3,
        sequence: 5e-6,
        request: Band { low: 5e-3, middle: 10e-3, high: 50e-3 },
        token_budget: 8_192.0,
    };

    /// Its provenance.
    pub fn note(&self) -> Note {
        Note {
            kind: NoteKind::Assumed,
            text: format!(
                "the engine adds {:.1} ms a step, {:.0} µs a sequence and step and {:.0} ({:.0} to {:.0}) ms \
                 a request, and processes at most {:.0} tokens a step: round figures of 2025 engines with \
                 captured graphs, not fitted",
                1e3 * self.step,
                1e6 * self.sequence,
                1e3 * self.request.middle,
                1e3 * self.request.low,
                1e3 * self.request.high,
                self.token_budget
            ),
        }
    }
}

/// The time and totals of one pass of `graph` at `binding`.
///
/// The bands of the operators are taken as independent of one another, so the half-widths of
/// different operators add in squares; repetitions of one operator share its error.
///
/// # Errors
/// As [`operator_time`].
pub fn pass(
    graph: &PhaseGraph,
    hardware: &Hardware,
    binding: &Binding,
    engine: &EngineOverhead,
) -> Result<Pass, PerformanceError> {
    let step = engine.step + engine.sequence * binding.sequences;
    let mut pass = Pass {
        seconds: Band::exact(0.0),
        operators: Vec::with_capacity(graph.operators.node_count()),
        step,
        flops: 0.0,
        memory_bytes: 0.0,
        link_bytes: 0.0,
        notes: BTreeSet::from([engine.note()]),
    };
    let (mut middle, mut below, mut above) = (step, 0.0, 0.0);
    for operator in graph.operators.node_weights() {
        let repeat = operator.repeat as f64;
        let time = operator_time(operator, graph.phase, hardware, binding)?;
        let all = Band {
            low: repeat * time.seconds.low,
            middle: repeat * time.seconds.middle,
            high: repeat * time.seconds.high,
        };
        middle += all.middle;
        below += (all.middle - all.low).powi(2);
        above += (all.high - all.middle).powi(2);
        let total = |form: &Form| repeat * form.evaluate(binding);
        pass.flops += total(&operator.flops);
        pass.memory_bytes +=
            total(&operator.weight_bytes) + total(&operator.activation_bytes) + total(&operator.kv_bytes);
        pass.link_bytes += total(&operator.link_bytes);
        pass.operators.push((operator.name.clone(), all));
        pass.notes.extend(time.notes);
    }
    pass.seconds = Band { low: (middle - below.sqrt()).max(0.0), middle, high: middle + above.sqrt() };
    Ok(pass)
}

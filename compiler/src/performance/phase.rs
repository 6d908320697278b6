//! One pass of a phase: the sum of its operators and the engine's own time for a step.
//!
//! Linear in the operators: without one of them the pass takes exactly that operator's time less, where nothing
//! runs behind it and it runs behind nothing.

use super::experts::ExpertSpread;
use super::hardware::Hardware;
use super::operators::{Demands, operator_time};
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::form::Binding;
use crate::graph::{Hidden, PhaseGraph};
use std::collections::BTreeMap;

/// One pass on every device of a replica.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Of the pass, the engine's step included.
    pub seconds: Band,
    /// Of all repetitions of each operator, less what runs behind others, in the order of the graph's nodes.
    pub operators: Vec<Band>,
    /// The engine's own part of `seconds`.
    pub step: f64,
    /// FLOPs on one device.
    pub flops: f64,
    /// Bytes moved between memory and compute on one device.
    pub memory_bytes: f64,
    /// Bytes that one device sends to the others.
    pub link_bytes: f64,
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

    /// None: what has neither requests nor a scheduler.
    pub const NONE: EngineOverhead =
        EngineOverhead { step: 0.0, sequence: 0.0, request: Band::NOTHING, token_budget: f64::INFINITY };

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
/// As [`Demands::of`] and [`operator_time`].
pub fn pass(
    graph: &PhaseGraph,
    hardware: &Hardware,
    binding: &Binding,
    engine: &EngineOverhead,
    notes: &mut Notes,
) -> Result<Pass, PerformanceError> {
    spread_pass(graph, hardware, binding, engine, &ExpertSpread::even(), notes)
}

/// The same of experts that stand as `spread` says.
///
/// # Errors
/// As [`pass`].
pub fn spread_pass(
    graph: &PhaseGraph,
    hardware: &Hardware,
    binding: &Binding,
    engine: &EngineOverhead,
    spread: &ExpertSpread,
    notes: &mut Notes,
) -> Result<Pass, PerformanceError> {
    let step = engine.step + engine.sequence * binding.sequences;
    let mut pass = Pass {
        seconds: Band::exact(0.0),
        operators: Vec::with_capacity(graph.operators.node_count()),
        step,
        flops: 0.0,
        memory_bytes: 0.0,
        link_bytes: 0.0,
    };
    if *engine != EngineOverhead::NONE {
        notes.add(|| engine.note());
    }
    let (mut middle, mut below, mut above) = (step, 0.0, 0.0);
    let mut times = Vec::with_capacity(graph.operators.node_count());
    for operator in graph.operators.node_weights() {
        let demands = Demands::of(operator, binding)?;
        times.push(operator_time(operator, &demands, graph.phase, hardware, binding, spread, notes)?);
        let repeat = operator.repeat as f64;
        let Demands { flops, weight_bytes, activation_bytes, kv_bytes, link_bytes } = demands;
        pass.flops += repeat * flops;
        pass.memory_bytes += repeat * (weight_bytes + activation_bytes + kv_bytes);
        pass.link_bytes += repeat * link_bytes;
    }
    hide(graph, &mut times);
    for (operator, time) in graph.operators.node_weights().zip(times) {
        let repeat = operator.repeat as f64;
        let all = Band { low: repeat * time.low, middle: repeat * time.middle, high: repeat * time.high };
        middle += all.middle;
        below += (all.middle - all.low).powi(2);
        above += (all.high - all.middle).powi(2);
        pass.operators.push(all);
    }
    pass.seconds = Band { low: (middle - below.sqrt()).max(0.0), middle, high: middle + above.sqrt() };
    Ok(pass)
}

/// Takes from the operators that send what runs behind others: of its own time at most the part that can be hidden,
/// and in all at most the time of what it is behind.
fn hide(graph: &PhaseGraph, times: &mut [Band]) {
    let mut left: BTreeMap<usize, f64> = BTreeMap::new();
    for (index, operator) in graph.operators.node_weights().enumerate() {
        let Some(Hidden { behind, share }) = &operator.hidden else { continue };
        let (Some(own), Some(cover)) = (times.get(index).copied(), times.get(*behind).copied()) else {
            continue;
        };
        let room = left.entry(*behind).or_insert(cover.middle);
        let hidden = (own.middle * share).min(*room);
        *room -= hidden;
        if own.middle > 0.0
            && let Some(time) = times.get_mut(index)
        {
            let exposed = 1.0 - hidden / own.middle;
            *time = Band { low: own.low * exposed, middle: own.middle * exposed, high: own.high * exposed };
        }
    }
}

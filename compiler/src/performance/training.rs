//! A model that learns, in copies that share each batch: how long a step takes, and what a device holds.
//!
//! A copy is a mesh of `tensor x data` devices in each of `pipeline` stages, all in one node; its costs are those of the
//! graph of a step at these degrees. Copies stand on any nodes, and are priced as if each had a node of its own. Of N
//! copies with d data groups each, a batch of Q sequences gives every group `s = ceil(Q / (N d))`, which pass in
//! `m = ceil(s / b)` micro-batches of b.
//!
//! **Pipeline.** p stages take `(m + p - 1) T / p` for m passes of T, of which `(p - 1) / (m + p - 1)` is idle (Narayanan
//! et al., Efficient large-scale language model training on GPU clusters, 2021, section 2.2, without interleaving). At
//! most p micro-batches are under way at once.
//!
//! **Exchange.** The groups of a copy sum their gradients over its fabric, as the graph has it; the copies over the
//! network, in a ring: a copy with G bytes of gradients that no other of its devices has sends `2 (N - 1) / N G` through
//! its part of the node's network. What runs behind the gradients that follow is hidden: those of the last micro-batch,
//! or of all where each exchanges. At the high end of the band half of them hide anything.
//!
//! **Sharding** (Rajbhandari et al., ZeRO, 2020, sections 5 and 7). Of w bytes of weights a device holds w of gradients
//! and the optimizer's numbers; over k groups a k-th of the optimizer's alone, of gradients too, of weights too.
//! An exchange is a sum of which each keeps its part and a gathering of the parts, as much as a sum that each has whole.
//! With sharded gradients every micro-batch makes the first half of it; with sharded weights it also gathers
//! them twice, forward and back: `(m + 1) / 2` and `3 m / 2` of one exchange.
//!
//! **Kept for the gradients.** Every value of the forward pass is written once and read at least once, so what is kept is
//! at most half of the activations that its operators move; but for what is computed again. Of layers that are, what
//! each takes is kept, which is what a pipeline sends on, and one layer's values while it is at work.
//!
//! Nothing here fails or waits for data; saving is not counted.

use super::hardware::Hardware;
use super::links::NETWORK;
use super::memory::{RUNTIME_BYTES, finite, fullest};
use super::phase::{EngineOverhead, pass};
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::degrees::Degrees;
use crate::form::Binding;
use crate::graph::{Operator, OperatorKind, Part, PhaseGraph};
use berth_language::model::Sharding;
use std::collections::BTreeSet;

/// Relative error of a step beyond that of its operators: what frameworks differ by, see `docs/performance.md`.
const FRAMEWORK_ERROR: f64 = 0.20;

/// The part of what runs behind gradients that is hidden there all the same at the high end.
const LEAST_HIDDEN: f64 = 0.5;

/// One copy of a model that learns.
#[derive(Clone, Debug)]
pub struct Copy {
    degrees: Degrees,
    /// Bytes of weights on the fullest device: of matrices of experts, and of all else.
    weights: [f64; 2],
    /// The optimizer's bytes for each byte of weights.
    optimizer: f64,
    /// Bytes of gradients of the copy that no two of its devices share.
    gradients: f64,
    /// Bytes of a device.
    capacity: f64,
    /// Bytes a second of the network that the copy has; none where its nodes state none.
    network: Option<f64>,
    /// Micro-batches of 1, 2, 4 … sequences, as far as they could fit.
    passes: Vec<Passes>,
    notes: BTreeSet<Note>,
}

/// One micro-batch on a copy, and what a step does beside it.
#[derive(Clone, Debug)]
struct Passes {
    /// Sequences of each data group.
    sequences: u64,
    /// Forward and back, what is computed again included, through all stages.
    whole: Band,
    /// Of that, back.
    back: Band,
    /// The sums over the groups of a copy.
    exchange: Band,
    /// New weights, where each group makes all.
    update: Band,
    /// Bytes kept of it on a device of the first stage.
    kept: f64,
    /// Bytes beside that while it is at work.
    at_work: f64,
}

/// A step of so many copies.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How many.
    pub copies: u64,
    /// What they hold a part of each.
    pub sharding: Sharding,
    /// Sequences that pass through a group together.
    pub sequences: u64,
    /// How many such passes.
    pub micro_batches: u64,
    /// s
    pub seconds: Band,
    /// Bytes on the fullest device.
    pub held: f64,
}

impl Copy {
    /// Of a model with this graph of a step, at `degrees` without copies of it, on sequences of `tokens` tokens, of which a
    /// group passes at most `most` together. `network` is the copy's part of its node's, in bytes a second.
    ///
    /// # Errors
    /// As [`pass`].
    pub fn new(
        graph: &PhaseGraph,
        hardware: &Hardware,
        degrees: Degrees,
        network: Option<f64>,
        (tokens, most): (f64, u64),
    ) -> Result<Self, PerformanceError> {
        let mut notes = Notes::Kept(BTreeSet::new());
        let one = Binding { sequences: 1.0, new: tokens, context: 0.0, degrees };
        let weights = |operator: &Operator| finite(operator.weight_memory.evaluate(&one), &operator.name);
        let is_weight = |operator: &Operator| operator.part == Part::Forward;
        let is_expert = |operator: &Operator| matches!(operator.kind, OperatorKind::Experts { .. });
        let of = |counted: &dyn Fn(&Operator) -> bool| {
            fullest(graph, degrees.pipeline, |one| if counted(one) { weights(one) } else { Ok(0.0) }, 0.0)
        };
        let sum = |counted: &dyn Fn(&Operator) -> bool| {
            let counted = graph.operators.node_weights().filter(|operator| counted(operator));
            counted.map(|one| Ok(one.repeat as f64 * weights(one)?)).sum::<Result<f64, PerformanceError>>()
        };
        let experts = |operator: &Operator| is_weight(operator) && is_expert(operator);
        let others = |operator: &Operator| is_weight(operator) && !is_expert(operator);
        let (all, held) = (sum(&is_weight)?, sum(&|operator| operator.part == Part::Update)?);
        let groups = (degrees.tensor * degrees.context) as f64;
        let mut copy = Self {
            degrees,
            weights: [of(&experts)?, of(&others)?],
            // What an update holds is the gradient, as wide as the weight, and the optimizer's numbers.
            optimizer: (held / all.max(1.0) - 1.0).max(0.0),
            // Data groups have the same weights but for experts, which are divided over all devices of a stage.
            gradients: sum(&others)? * groups + sum(&experts)? * degrees.stage() as f64,
            capacity: hardware.memory,
            network,
            passes: Vec::new(),
            notes: BTreeSet::new(),
        };
        let mut sequences = 1;
        while sequences <= most {
            let passes = Passes::new(graph, hardware, degrees, (tokens, sequences), &mut notes)?;
            let fits = copy.least(&passes) <= copy.capacity;
            copy.passes.push(passes);
            if !fits {
                break;
            }
            sequences *= 2;
        }
        notes.add(|| Note {
            kind: NoteKind::Assumed,
            text: format!(
                "an exchange over the network reaches {:.0} % of its stated rate ({:.0} to {:.0} %), and runs behind gradients \
                 that follow, at the high end behind {:.0} % of them",
                100.0 * NETWORK.middle,
                100.0 * NETWORK.low,
                100.0 * NETWORK.high,
                100.0 * LEAST_HIDDEN
            ),
        });
        notes.add(|| Note {
            kind: NoteKind::Assumed,
            text: format!("a step takes {:.0} % more or less than its operators", 100.0 * FRAMEWORK_ERROR),
        });
        copy.notes = notes.into_kept();
        Ok(copy)
    }

    /// Where its figures come from.
    pub fn notes(&self) -> &BTreeSet<Note> {
        &self.notes
    }

    /// The fastest step in which `copies` share a batch of `batch` sequences.
    ///
    /// # Errors
    /// Bytes that the fullest device lacks, where even one sequence at a time does not fit.
    pub fn step(&self, copies: u64, batch: u64, sharding: Sharding) -> Result<Step, f64> {
        let own = batch.div_ceil(copies.saturating_mul(self.degrees.data)).max(1);
        let mut best: Result<Step, f64> = Err(f64::INFINITY);
        // What is larger than all that a group has passes as that.
        let used = self.passes.iter().position(|passes| passes.sequences >= own);
        for passes in self.passes.iter().take(used.map_or(self.passes.len(), |last| last + 1)) {
            let micro_batches = own.div_ceil(passes.sequences);
            let held = self.held(passes, micro_batches, copies, sharding);
            if held > self.capacity {
                best = best.map_err(|short| short.min(held - self.capacity));
                continue;
            }
            let seconds = self.seconds(passes, micro_batches, copies, sharding);
            if best.as_ref().map_or(true, |best| seconds.high < best.seconds.high) {
                let sequences = passes.sequences.min(own);
                best = Ok(Step { copies, sharding, sequences, micro_batches, seconds, held });
            }
        }
        best
    }

    /// Whether its nodes say over what copies exchange.
    pub fn has_network(&self) -> bool {
        self.network.is_some()
    }

    /// Parts that sharding makes of what experts have, and of all else.
    fn parts(&self, copies: u64) -> [f64; 2] {
        let copies = copies as f64;
        [copies, copies * self.degrees.data as f64]
    }

    /// Bytes on the fullest device.
    fn held(&self, passes: &Passes, micro_batches: u64, copies: u64, sharding: Sharding) -> f64 {
        let states = self.weights.iter().zip(self.parts(copies)).map(|(weights, parts)| {
            let part = |from: Sharding| if sharding >= from { parts } else { 1.0 };
            weights
                * (part(Sharding::Weights).recip()
                    + part(Sharding::Gradients).recip()
                    + self.optimizer / part(Sharding::Optimizer))
        });
        let under_way = micro_batches.min(self.degrees.pipeline) as f64;
        states.sum::<f64>() + RUNTIME_BYTES + passes.kept * under_way + passes.at_work
    }

    /// What does not shrink with copies.
    fn least(&self, passes: &Passes) -> f64 {
        RUNTIME_BYTES + passes.kept + passes.at_work
    }

    fn seconds(&self, passes: &Passes, micro_batches: u64, copies: u64, sharding: Sharding) -> Band {
        let (passed, stages) = (micro_batches as f64, self.degrees.pipeline as f64);
        let (exchanges, behind) = match sharding {
            Sharding::None | Sharding::Optimizer => (1.0, passes.back.middle),
            Sharding::Gradients => ((passed + 1.0) / 2.0, passed * passes.back.middle),
            Sharding::Weights => (1.5 * passed, passed * passes.whole.middle),
        };
        let sent = 2.0 * (copies as f64 - 1.0) / copies as f64 * self.gradients;
        let network = match self.network {
            _ if copies <= 1 => Band::NOTHING,
            Some(rate) => Band {
                low: sent / (rate * NETWORK.high),
                middle: sent / (rate * NETWORK.middle),
                high: sent / (rate * NETWORK.low),
            },
            None => Band::exact(f64::INFINITY),
        };
        let parts = if sharding >= Sharding::Optimizer { self.parts(copies) } else { [1.0, 1.0] };
        let all = self.weights.iter().sum::<f64>().max(1.0);
        let updated: f64 = self.weights.iter().zip(parts).map(|(weights, parts)| weights / all / parts).sum();
        let at = |end: fn(&Band) -> f64, hides: f64, error: f64| {
            let exchange = (end(&passes.exchange) + end(&network)) * exchanges;
            let exposed = (exchange - hides * behind / stages).max(0.0);
            let work = end(&passes.whole) * (passed + stages - 1.0) / stages;
            (work + exposed + end(&passes.update) * updated) * error
        };
        Band {
            low: at(|band| band.low, 1.0, 1.0 - FRAMEWORK_ERROR),
            middle: at(|band| band.middle, 1.0, 1.0),
            high: at(|band| band.high, LEAST_HIDDEN, 1.0 + FRAMEWORK_ERROR),
        }
    }
}

impl Passes {
    fn new(
        graph: &PhaseGraph,
        hardware: &Hardware,
        degrees: Degrees,
        (tokens, sequences): (f64, u64),
        notes: &mut Notes,
    ) -> Result<Self, PerformanceError> {
        let binding = Binding { sequences: sequences as f64, new: tokens, context: 0.0, degrees };
        let pass = pass(graph, hardware, &binding, &EngineOverhead::NONE, notes)?;
        let total = |parts: &[Part]| {
            let (mut middle, mut below, mut above) = (0.0, 0.0, 0.0);
            for (operator, time) in graph.operators.node_weights().zip(&pass.operators) {
                if parts.contains(&operator.part) {
                    middle += time.middle;
                    below += (time.middle - time.low).powi(2);
                    above += (time.high - time.middle).powi(2);
                }
            }
            Band { low: (middle - below.sqrt()).max(0.0), middle, high: middle + above.sqrt() }
        };
        let moved =
            |operator: &Operator| finite(operator.activation_bytes.evaluate(&binding), &operator.name);
        let kept = |operator: &Operator| {
            Ok(match operator.part {
                Part::Forward => moved(operator)? / 2.0,
                Part::Again => -moved(operator)? / 2.0,
                Part::Backward | Part::Exchange | Part::Update => 0.0,
            })
        };
        let mut kept = fullest(graph, degrees.pipeline, kept, 0.0)?;
        let operators = || graph.operators.node_weights();
        let mut at_work = 0.0_f64;
        // What an update and an exchange move is held anyway.
        for operator in operators().filter(|one| !matches!(one.part, Part::Exchange | Part::Update)) {
            at_work = at_work.max(moved(operator)?);
        }
        let layers = graph.layers.iter().sum::<u64>().max(1);
        let again = |operator: &&Operator| operator.part == Part::Again && operator.staged.is_some();
        if operators().filter(again).any(|operator| !operator.kind.is_attention()) {
            let two = Degrees { pipeline: 2, ..degrees };
            let sent = Binding { degrees: two, ..binding };
            let stream = operators().find(|one| one.kind == OperatorKind::Send && one.part == Part::Forward);
            let stream = stream.map_or(Ok(0.0), |one| finite(one.link_bytes.evaluate(&sent), &one.name))?;
            let of_layers = operators().filter(again).map(|one| Ok(one.repeat as f64 * moved(one)? / 2.0));
            at_work += of_layers.sum::<Result<f64, PerformanceError>>()? / layers as f64;
            kept += stream * layers.div_ceil(degrees.pipeline) as f64;
        }
        Ok(Self {
            sequences,
            whole: total(&[Part::Forward, Part::Again, Part::Backward]),
            back: total(&[Part::Again, Part::Backward]),
            exchange: total(&[Part::Exchange]),
            update: total(&[Part::Update]),
            kept: kept.max(0.0),
            at_work,
        })
    }
}

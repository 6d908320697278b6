//! The operator graph: what one pass of a phase computes, moves and sends, as plain data.
//!
//! It leaves MLIR here; nothing after it reads a model's fields or knows an MLIR type. One graph a
//! service, precision and phase serves every candidate: a candidate only binds the symbols.

use crate::degrees::{Axis, Degrees};
use crate::form::{Binding, Form};
use berth_language::model::{Device, Precision};
use petgraph::graph::DiGraph;
use std::collections::BTreeMap;

/// Every phase of every service that runs a model.
#[derive(Clone, Debug, Default)]
pub struct OperatorGraph {
    /// In order of service, precision and phase.
    pub phases: Vec<PhaseGraph>,
}

impl OperatorGraph {
    /// The graph of one phase, for devices of one sort.
    pub fn phase(
        &self,
        service: &str,
        precision: Precision,
        target: Target,
        phase: Phase,
    ) -> Option<&PhaseGraph> {
        self.phases.iter().find(|graph| {
            graph.service == service
                && graph.precision == precision
                && graph.target == target
                && graph.phase == phase
        })
    }
}

/// One phase of one service at one precision.
#[derive(Clone, Debug)]
pub struct PhaseGraph {
    /// The service's address.
    pub service: String,
    /// Precision of weights and arithmetic.
    pub precision: Precision,
    /// The devices that it is for.
    pub target: Target,
    /// Which.
    pub phase: Phase,
    /// Operators in order of data flow; an edge is a value that flows.
    pub operators: DiGraph<Operator, ()>,
    /// Layers of each sort, in order; see [`Operator::staged`].
    pub layers: Vec<u64>,
    /// What degrees must divide, in order.
    pub divides: Vec<Divides>,
    /// Of a pass over images, seen or made: what it takes them apart into.
    pub patches: Option<Patches>,
    /// Of decode: tokens of each sequence that a step reads beside the last one, guessed before.
    pub drafts: u64,
}

/// What an image is taken apart into, and becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patches {
    /// Pixels of one patch.
    pub pixels: u64,
    /// Tokens that one patch becomes: a part of one where several are merged.
    pub tokens: f64,
}

impl PhaseGraph {
    /// Some of its rows go to experts.
    pub fn has_experts(&self) -> bool {
        self.operators.node_weights().any(|operator| matches!(operator.kind, OperatorKind::Experts { .. }))
    }

    /// How many experts its layers have, how many of them read a token, and how many layers that are; none where it has
    /// none.
    pub fn experts(&self) -> Option<(u64, u64, u64)> {
        let of = |operator: &Operator| match operator.kind {
            OperatorKind::Experts { experts, per_token, .. } => {
                Some((operator.staged, operator.repeat, experts, per_token))
            }
            _ => None,
        };
        let found: Vec<_> = self.operators.node_weights().filter_map(of).collect();
        let &(_, _, experts, per_token) = found.first()?;
        // Each sort of layer has several operators with as many repetitions; what stands in no layer is no layer.
        let sorts: BTreeMap<usize, u64> =
            found.iter().filter_map(|(sort, repeat, ..)| Some(((*sort)?, *repeat))).collect();
        Some((experts, per_token, sorts.values().sum()))
    }

    /// What stands against these degrees: a part that is no whole number, or that does not divide a width. Where
    /// `copies` of experts are placed, the groups need not divide the experts themselves.
    pub fn refuses(&self, degrees: Degrees, copies: bool) -> Option<String> {
        let binding = Binding { sequences: 1.0, new: 1.0, context: 0.0, degrees };
        // The devices of the first stage see images, all of them each.
        if self.phase != Phase::Vision {
            if degrees.expert > 1 && !self.has_experts() {
                return Some("no layer has experts to divide".to_owned());
            }
            let layers: u64 = self.layers.iter().sum();
            if degrees.pipeline > 1 && self.phase == Phase::Denoise {
                return Some("a step of denoising is not divided into stages yet".to_owned());
            }
            if degrees.pipeline > layers.max(1) {
                return Some(format!("{layers} layers are fewer than {} stages", degrees.pipeline));
            }
        }
        if degrees.context > 1 {
            match self.phase {
                Phase::Encode => {
                    return Some(
                        "every token of an encoder sees every other, so none are divided".to_owned(),
                    );
                }
                Phase::Vision => {
                    return Some("every patch of an image sees every other, so none are divided".to_owned());
                }
                Phase::Denoise => {
                    return Some("the tokens of an image that is made are not divided yet".to_owned());
                }
                Phase::Prefill | Phase::Decode | Phase::Step => {}
            }
        }
        let experts = self.experts().filter(|_| copies).map(|(experts, ..)| experts);
        let placed =
            |divides: &&Divides| Some(divides.width) == experts && divides.by == Axis::Expert.degree(1);
        self.divides.iter().filter(|divides| !placed(divides)).find_map(|Divides { by, width }| {
            let parts = by.evaluate(&binding);
            // Degrees are far below 2^53, so a quotient of them is whole exactly where it looks so.
            if parts < 1.0 || parts.fract() != 0.0 {
                return Some(format!("`{by}` is {parts} here, no whole number of parts"));
            }
            (width % parts as u64 != 0).then(|| format!("{parts} does not divide a width of {width}"))
        })
    }
}

/// A width that is divided into whole parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divides {
    /// Into how many.
    pub by: Form,
    /// What.
    pub width: u64,
}

/// How devices run the operators of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Target {
    /// One kernel after another; values between them go through memory.
    #[default]
    Kernels,
    /// Values stream from operator to operator on the chip: devices that state memory on the chip.
    Dataflow,
}

impl Target {
    /// Every sort.
    pub const ALL: [Target; 2] = [Target::Kernels, Target::Dataflow];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Target::Kernels => "kernels",
            Target::Dataflow => "dataflow",
        }
    }

    /// How `device` runs operators.
    pub fn of(device: &Device) -> Self {
        if device.sram.is_some() { Target::Dataflow } else { Target::Kernels }
    }
}

/// The phases of a model's call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// All prompt tokens at once.
    Prefill,
    /// One token a sequence.
    Decode,
    /// All tokens at once, each seeing every other, for an answer that is no token: an encoder's only phase.
    Encode,
    /// One call of something that has no other phase: an exported module.
    Step,
    /// All patches of an image at once, each seeing every other or a window, before the prefill of the tokens that
    /// they become. Its sequences are images, and its tokens patches.
    Vision,
    /// One pass of a step that takes noise out of images: a diffusion transformer's only phase. Its sequences are images,
    /// its new tokens those of the image, and its cached ones those of the text that it is made of.
    Denoise,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 6] =
        [Phase::Prefill, Phase::Decode, Phase::Encode, Phase::Step, Phase::Vision, Phase::Denoise];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
            Phase::Encode => "encode",
            Phase::Step => "step",
            Phase::Vision => "vision",
            Phase::Denoise => "denoise",
        }
    }
}

/// One operator, `repeat` times a pass. Costs are of *one* repetition on *one* device. In a pipeline each
/// repetition runs on the devices of one stage, so the costs of a pass are those along its way through all.
#[derive(Clone, Debug)]
pub struct Operator {
    /// `qkv`, `attention`, `gate_up`, `all_reduce_mlp` …
    pub name: String,
    /// What it is, with the per-device shape that fits are looked up by.
    pub kind: OperatorKind,
    /// Times a pass: the layer count for what is in a layer.
    pub repeat: u64,
    /// FLOPs.
    pub flops: Form,
    /// Bytes of weights read; of experts, where every one of them reads some token.
    pub weight_bytes: Form,
    /// Bytes of activations read and written.
    pub activation_bytes: Form,
    /// Bytes of KV cache read and written.
    pub kv_bytes: Form,
    /// Bytes that each device sends to the others.
    pub link_bytes: Form,
    /// Parameters held, over all devices of the replica, of one repetition.
    pub parameters: u64,
    /// Those of `parameters` that one token passes through: all but the experts that do not read it.
    pub active_parameters: u64,
    /// Bytes of weights held by one device, of one repetition.
    pub weight_memory: Form,
    /// Bytes of KV cache held by one device for each token that its data-parallel group has cached, of one
    /// repetition.
    pub kv_memory: Form,
    /// It runs inside the kernel of a neighbour and starts none of its own.
    pub fused: bool,
    /// What it may run behind.
    pub hidden: Option<Hidden>,
    /// Ways to compute a product, the best first; empty: in the arithmetic of its weight.
    pub variants: Vec<Variant>,
    /// The sort of layer it stands in, by index into [`PhaseGraph::layers`], whose layers the stages of a
    /// pipeline share; none: it stands before or after the layers.
    pub staged: Option<usize>,
    /// What it is of a step of training.
    pub part: Part,
    /// The line it comes from: the user's, or the edited IR's.
    pub place: Place,
}

impl Operator {
    /// It starts a kernel of its own on every device.
    pub fn starts_kernel(&self) -> bool {
        !self.fused && !self.kind.sends()
    }
}

/// Parts of a step of training. What trains nothing is forward as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Part {
    /// The forward pass.
    #[default]
    Forward,
    /// What is computed a second time rather than kept.
    Again,
    /// Gradients.
    Backward,
    /// Sums of gradients over copies of the weights.
    Exchange,
    /// New weights.
    Update,
}

/// What may run while an operator sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Hidden {
    /// The operator behind which it runs, by its place among the graph's nodes.
    pub behind: usize,
    /// The part of its time that can be hidden there, above 0 and at most 1.
    pub share: f64,
}

/// One way to compute a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// At which rate.
    pub arithmetic: Precision,
    /// What a device must be able to compute in.
    pub needs: Vec<Precision>,
}

/// What an operator is.
#[derive(Clone, Debug, PartialEq)]
pub enum OperatorKind {
    /// Rows of the embedding table.
    Lookup,
    /// `rows x inner` times `inner x columns`, as one device sees it.
    Matmul {
        /// Tokens.
        rows: Form,
        /// Summed over.
        inner: Form,
        /// Of the result.
        columns: Form,
        /// Of the weight, and so of the arithmetic.
        precision: Precision,
    },
    /// Causal self-attention over new and cached tokens.
    Attention {
        /// Query heads on one device.
        heads: Form,
        /// Key and value heads on one device.
        kv_heads: Form,
        /// Width of one head.
        head_width: u64,
        /// Of the keys and values in the cache.
        cache: Precision,
        /// Tokens that a query sees at most, where that is bounded.
        window: Option<u64>,
    },
    /// Causal self-attention over latent vectors that all heads share.
    LatentAttention {
        /// Query heads on one device.
        heads: Form,
        /// Latent values of one cached token.
        latent: u64,
        /// Rotary values of one cached token.
        rope: u64,
        /// Of the cache.
        cache: Precision,
    },
    /// Self-attention in which every token sees every other; nothing is cached.
    EncoderAttention {
        /// Heads on one device.
        heads: Form,
        /// Width of one head.
        head_width: u64,
    },
    /// `rows x inner` times `inner x columns`, each row by one of several matrices.
    Experts {
        /// Tokens that choose among these experts, on whichever device they are.
        tokens: Form,
        /// Rows that one device multiplies: tokens, once for each of its experts that reads them.
        rows: Form,
        /// Summed over.
        inner: Form,
        /// Of the result.
        columns: Form,
        /// Matrices, over all devices.
        experts: u64,
        /// How many of them read one token.
        per_token: u64,
        /// Of the weights, and so of the arithmetic.
        precision: Precision,
    },
    /// Normalisation, activation functions, residual sums: limited by memory.
    Elementwise,
    /// A sum over the devices of an axis, whole on each.
    AllReduce {
        /// Over which.
        axis: Axis,
        /// Bytes of the value that is summed.
        message: Form,
    },
    /// Concatenation over an axis.
    AllGather {
        /// Over which.
        axis: Axis,
        /// Bytes of the gathered value.
        message: Form,
    },
    /// A sum over an axis, of which each device keeps its part.
    ReduceScatter {
        /// Over which.
        axis: Axis,
        /// Bytes of the value that is summed.
        message: Form,
    },
    /// Rows change places among the devices that hold experts.
    AllToAll,
    /// The stream is handed from stage to stage.
    Send,
    /// Keys and values go round the devices that share the tokens of a sequence.
    KvExchange,
}

impl OperatorKind {
    /// It sends to other devices, and does nothing where there are none.
    pub fn sends(&self) -> bool {
        matches!(
            self,
            OperatorKind::AllReduce { .. }
                | OperatorKind::AllGather { .. }
                | OperatorKind::ReduceScatter { .. }
                | OperatorKind::AllToAll
                | OperatorKind::Send
                | OperatorKind::KvExchange
        )
    }

    /// It is attention of some kind: one of them stands in each layer.
    pub fn is_attention(&self) -> bool {
        matches!(
            self,
            OperatorKind::Attention { .. }
                | OperatorKind::LatentAttention { .. }
                | OperatorKind::EncoderAttention { .. }
        )
    }
}

/// A place in a text file, lines and columns from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

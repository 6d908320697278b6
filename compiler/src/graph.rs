//! The operator graph: what one pass of a phase computes, moves and sends, as plain data.
//!
//! It leaves MLIR here; nothing after it reads a model's fields or knows an MLIR type. One graph a
//! service, precision and phase serves every candidate: a candidate only binds the symbols.

use crate::form::Form;
use berth_language::model::Precision;
use petgraph::graph::DiGraph;

/// Every phase of every service that runs a model.
#[derive(Clone, Debug, Default)]
pub struct OperatorGraph {
    /// In order of service, precision and phase.
    pub phases: Vec<PhaseGraph>,
}

impl OperatorGraph {
    /// The graph of one phase.
    pub fn phase(&self, service: &str, precision: Precision, phase: Phase) -> Option<&PhaseGraph> {
        self.phases
            .iter()
            .find(|graph| graph.service == service && graph.precision == precision && graph.phase == phase)
    }
}

/// One phase of one service at one precision.
#[derive(Clone, Debug)]
pub struct PhaseGraph {
    /// The service's address.
    pub service: String,
    /// Precision of weights and arithmetic.
    pub precision: Precision,
    /// Which.
    pub phase: Phase,
    /// Operators in order of data flow; an edge is a value that flows.
    pub operators: DiGraph<Operator, ()>,
    /// The tensor degree divides each of these.
    pub tensor_divides: Vec<u64>,
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
}

impl Phase {
    /// Every phase.
    pub const ALL: [Phase; 3] = [Phase::Prefill, Phase::Decode, Phase::Encode];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
            Phase::Encode => "encode",
        }
    }
}

/// One operator, `repeat` times a pass. Costs are of *one* repetition on *one* device.
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
    /// Bytes of KV cache held by one device for each cached token, of one repetition.
    pub kv_memory: Form,
    /// The line it comes from: the user's, or the edited IR's.
    pub place: Place,
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
        /// Tokens, once for each expert that reads them.
        rows: Form,
        /// Summed over.
        inner: Form,
        /// Of the result.
        columns: Form,
        /// Matrices.
        experts: u64,
        /// How many of them read one token.
        per_token: u64,
        /// Of the weights, and so of the arithmetic.
        precision: Precision,
    },
    /// Normalisation, activation functions, residual sums: limited by memory.
    Elementwise,
    /// A sum over the tensor axis, of this many bytes on each device.
    AllReduce {
        /// Bytes of the value that is summed.
        message: Form,
    },
    /// Concatenation over the tensor axis; the gathered value has this many bytes.
    AllGather {
        /// Bytes of the gathered value.
        message: Form,
    },
}

impl OperatorKind {
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

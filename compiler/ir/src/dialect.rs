//! The dialect as Rust data: what one operation says, read from its attributes.
//!
//! [`read`] is the only reader of attributes: the verifier reports what it finds wrong, and every
//! pass after it works on what it returns.

mod reader;
mod weight;

pub(crate) use reader::{Problem, activation, read};
pub(crate) use weight::{Element, Scales, Weight};

use berth_compiler::degrees::Axis;
use berth_compiler::graph::Variant;
use berth_language::model::Precision;
use num_rational::BigRational;

/// The dialect's definition, as IRDL: what stock `mlir-opt` takes with `--irdl-file`.
pub const IRDL: &str = include_str!("berth.irdl.mlir");

/// Largest count of elements of a weight: products with a few bytes an element stay exact in `u64`
/// and `i64` alike.
pub(crate) const MOST_ELEMENTS: u64 = 1 << 62;

/// Most repetitions of a body. No model has a thousandth of it.
pub(crate) const MOST_REPETITIONS: u64 = 1_000_000;

/// Most rows of a table or tokens of a window.
pub(crate) const MOST_ROWS: u64 = 1 << 40;

/// What an operation of the dialect computes. `over`: an axis beside tensor divides it: the expert axis the
/// experts, the pipeline axis the layers of a repeat, the context axis the tokens that are cached. `None` of these is `berth.model` or `berth.call`, which
/// decompose rewrites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Computation {
    Lookup { weight: Weight, split: Split, tied: bool },
    Matmul { weight: Weight, split: Split, tied: bool, bias: bool, replicated: bool, keys: Option<Keys> },
    Norm { weight: Weight, bias: bool },
    Residual,
    SiluMultiply,
    Activate,
    CacheWrite { heads: Heads, split: Split, head_norm: bool, over: bool },
    Attention { heads: Heads, split: Split, window: Option<u64>, sinks: bool },
    LatentCacheWrite { latent: Latent, over: bool },
    LatentAttention { heads: LatentHeads, split: Split },
    EncoderAttention { heads: EncoderHeads, split: Split, window: Option<u64> },
    Positions { weight: Weight },
    Merge { factor: u64 },
    HeadNorm { heads: EncoderHeads, split: Split },
    Given { of: Part, width: u64 },
    Join { copied: bool },
    Take { of: Part },
    Modulate { vector: u64, norm: bool },
    Dispatch { experts: u64, per_token: u64, over: bool },
    GroupedMatmul { weight: Weight, per_token: u64, split: Split, bias: bool, over: bool },
    Combine { per_token: u64, over: bool },
    LastToken,
    FirstToken,
    Loss,
    AllReduce { axis: Axis },
    AllGather { axis: Axis },
    ReduceScatter { axis: Axis },
    AllToAll,
    Send,
    KvExchange { width: u64, cache: Element, split: Split, kv_heads: Option<u64> },
    Repeat { callee: String, times: u64, over: bool },
}

impl Computation {
    /// It computes no product and sends nothing.
    pub(crate) fn only_moves(&self) -> bool {
        matches!(
            self,
            Computation::Norm { .. }
                | Computation::Residual
                | Computation::SiluMultiply
                | Computation::Activate
                | Computation::CacheWrite { .. }
                | Computation::LatentCacheWrite { .. }
                | Computation::Dispatch { .. }
                | Computation::Combine { .. }
                | Computation::Positions { .. }
                | Computation::Merge { .. }
                | Computation::HeadNorm { .. }
                | Computation::Join { copied: true }
                | Computation::Modulate { .. }
                | Computation::LastToken
                | Computation::FirstToken
                | Computation::Loss
        )
    }

    /// It multiplies rows by a matrix.
    pub(crate) fn multiplies(&self) -> bool {
        matches!(self, Computation::Matmul { .. } | Computation::GroupedMatmul { .. })
    }

    /// It has a weight of its own, or writes a cache.
    pub(crate) fn holds(&self) -> bool {
        match self {
            Computation::Lookup { .. }
            | Computation::Matmul { .. }
            | Computation::GroupedMatmul { .. }
            | Computation::Norm { .. }
            | Computation::Positions { .. }
            | Computation::HeadNorm { .. }
            // Nothing is held, but two of them are two things.
            | Computation::Given { .. }
            | Computation::CacheWrite { .. }
            | Computation::LatentCacheWrite { .. }
            | Computation::Attention { sinks: true, .. }
            | Computation::Repeat { .. } => true,
            Computation::Residual
            | Computation::SiluMultiply
            | Computation::Activate
            | Computation::Attention { sinks: false, .. }
            | Computation::LatentAttention { .. }
            | Computation::EncoderAttention { .. }
            | Computation::Merge { .. }
            | Computation::Join { .. }
            | Computation::Take { .. }
            | Computation::Modulate { .. }
            | Computation::Dispatch { .. }
            | Computation::Combine { .. }
            | Computation::LastToken
            | Computation::FirstToken
            | Computation::Loss
            | Computation::AllReduce { .. }
            | Computation::AllGather { .. }
            | Computation::ReduceScatter { .. }
            | Computation::AllToAll
            | Computation::Send
            | Computation::KvExchange { .. } => false,
        }
    }

    /// It only says which rows are meant: no operator stands for it.
    pub(crate) fn is_view(&self) -> bool {
        matches!(
            self,
            Computation::Given { .. } | Computation::Take { .. } | Computation::Join { copied: false }
        )
    }

    /// It sends to other devices, and does nothing where there are none.
    pub(crate) fn sends(&self) -> bool {
        matches!(
            self,
            Computation::AllReduce { .. }
                | Computation::AllGather { .. }
                | Computation::ReduceScatter { .. }
                | Computation::AllToAll
                | Computation::Send
                | Computation::KvExchange { .. }
        )
    }

    /// How many values it takes.
    pub(crate) fn operands(&self) -> usize {
        match self {
            Computation::Residual
            | Computation::Dispatch { .. }
            | Computation::LatentAttention { .. }
            | Computation::Join { .. }
            | Computation::Modulate { .. } => 2,
            _ => 1,
        }
    }
}

/// What attention and its cache know of heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heads {
    pub heads: u64,
    pub kv_heads: u64,
    pub width: u64,
    pub cache: Element,
}

impl Heads {
    /// Width of the queries side by side.
    pub(crate) fn query_width(&self) -> u64 {
        self.heads * self.width
    }

    /// Width of keys and values side by side.
    pub(crate) fn kv_width(&self) -> u64 {
        2 * self.kv_heads * self.width
    }

    /// Width of queries, keys and values side by side.
    pub(crate) fn qkv_width(&self) -> u64 {
        self.query_width() + self.kv_width()
    }

    /// Bytes of keys and values of one token.
    pub(crate) fn token_bytes(&self) -> u64 {
        self.kv_width() * self.cache.bytes()
    }

    /// How many parts keys and values can be in; none: as many as queries.
    pub(crate) fn parts(&self) -> Option<u64> {
        (self.kv_heads < self.heads).then_some(self.kv_heads)
    }
}

/// The last columns of a matrix, which make keys and values: a device has whole heads of them, and several devices the
/// same head where there are more devices than heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub columns: u64,
    pub heads: u64,
}

/// What latent attention caches of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latent {
    /// Values that stand for keys and values of all heads.
    pub width: u64,
    /// Rotary values that all heads share.
    pub rope: u64,
    pub cache: Element,
}

impl Latent {
    /// Both side by side.
    pub(crate) fn cached_width(&self) -> u64 {
        self.width + self.rope
    }

    /// Bytes of one token.
    pub(crate) fn token_bytes(&self) -> u64 {
        self.cached_width() * self.cache.bytes()
    }
}

/// Heads over latent vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LatentHeads {
    pub heads: u64,
    /// Of a query or key, without its rotary part.
    pub width: u64,
    /// Of a value.
    pub value: u64,
    pub latent: Latent,
}

impl LatentHeads {
    /// Width of the queries side by side.
    pub(crate) fn query_width(&self) -> u64 {
        self.heads * (self.width + self.latent.rope)
    }

    /// Width of keys and values side by side, once expanded.
    pub(crate) fn expanded_width(&self) -> u64 {
        self.heads * (self.width + self.value)
    }

    /// Width of the answers side by side.
    pub(crate) fn value_width(&self) -> u64 {
        self.heads * self.value
    }
}

/// Heads of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncoderHeads {
    pub heads: u64,
    pub kv_heads: u64,
    pub width: u64,
}

impl EncoderHeads {
    /// Width of the queries side by side, and of the answers.
    pub(crate) fn query_width(&self) -> u64 {
        self.heads * self.width
    }

    /// Width of keys and values side by side.
    pub(crate) fn kv_width(&self) -> u64 {
        2 * self.kv_heads * self.width
    }

    /// How many parts keys and values can be in; none: as many as queries.
    pub(crate) fn parts(&self) -> Option<u64> {
        (self.kv_heads < self.heads).then_some(self.kv_heads)
    }
}

/// Rows of a value of a pass that makes images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Those of the images.
    Image,
    /// Those of the texts that they are made of.
    Text,
    /// Both.
    Tokens,
    /// One of each image.
    Condition,
}

impl Part {
    pub(crate) const ALL: [Part; 4] = [Part::Image, Part::Text, Part::Tokens, Part::Condition];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Image => "image",
            Part::Text => "text",
            Part::Tokens => "tokens",
            Part::Condition => "condition",
        }
    }
}

/// What the tensor axis divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    None,
    Columns,
    Rows,
    Heads,
}

impl Split {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Split::None => "none",
            Split::Columns => "columns",
            Split::Rows => "rows",
            Split::Heads => "heads",
        }
    }
}

/// `bf16`, `fp8`: how functions and calls name a precision.
pub(crate) fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Bf16 => "bf16",
        Precision::Fp8 => "fp8",
    }
}

/// The precision that is called `name`.
pub(crate) fn precision_of(name: &str) -> Option<Precision> {
    [Precision::Bf16, Precision::Fp8].into_iter().find(|precision| precision_name(*precision) == name)
}

/// The operations of the dialect, for messages.
pub(crate) const NAMES: [&str; 31] = [
    "berth.lookup",
    "berth.matmul",
    "berth.norm",
    "berth.residual",
    "berth.silu_multiply",
    "berth.activate",
    "berth.cache_write",
    "berth.attention",
    "berth.latent_cache_write",
    "berth.latent_attention",
    "berth.encoder_attention",
    "berth.positions",
    "berth.merge",
    "berth.head_norm",
    "berth.given",
    "berth.join",
    "berth.take",
    "berth.modulate",
    "berth.dispatch",
    "berth.grouped_matmul",
    "berth.combine",
    "berth.last_token",
    "berth.first_token",
    "berth.loss",
    "berth.all_reduce",
    "berth.all_gather",
    "berth.reduce_scatter",
    "berth.all_to_all",
    "berth.send",
    "berth.kv_exchange",
    "berth.repeat",
];

/// What an operation says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    /// Its own name.
    pub name: Option<String>,
    pub computation: Computation,
    /// Which neighbour's kernel it runs in.
    pub fused: Option<Fused>,
    /// What it may run behind.
    pub overlap: Option<Overlap>,
    /// Ways to compute it, the best first; empty: in the arithmetic of its weight.
    pub variants: Vec<Variant>,
}

/// Which neighbour's kernel an operation runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fused {
    /// That of the operation that makes its first operand.
    Before,
    /// That of its only user.
    After,
}

/// What may run while a collective does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Overlap {
    /// The name of an operation of the same body.
    pub behind: String,
    /// The part of the collective's time that it can hide, above 0 and at most 1.
    pub share: BigRational,
}

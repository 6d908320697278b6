//! Shapes of neural networks. Only lowering to MLIR reads them.

use super::{Fact, Module, Precision};
use crate::span::Span;
use num_rational::BigRational;

/// The shape of a neural network: a stack of layers, each attention and a feed-forward.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name as declared. Unique within a program.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// The file that states what the block does not.
    pub configuration: Option<Fact<ConfigurationFile>>,
    /// The exported module that is all of it; then nothing below is stated but `quality`.
    pub module: Option<Fact<Module>>,
    /// Layers.
    pub layers: Option<Fact<u64>>,
    /// Width of the residual stream.
    pub hidden: Option<Fact<u64>>,
    /// Tokens known.
    pub vocabulary: Option<Fact<u64>>,
    /// The output projection is the embedding, transposed.
    pub tied_embeddings: Option<Fact<bool>>,
    /// How tokens look at one another.
    pub attention: Attention,
    /// What each token goes through alone.
    pub feed_forward: FeedForward,
    /// What attention and feed-forward give is normalised once more, before the stream takes it.
    pub post_norms: Option<Fact<bool>>,
    /// Which matrices of a layer add a vector.
    pub biases: Option<Fact<Biases>>,
    /// What turns images into tokens of the prompt.
    pub vision: Option<Fact<VisionTower>>,
    /// What makes images of noise; then it is all of the model, and nothing else of its shape is stated.
    pub diffusion: Option<Fact<DiffusionTransformer>>,
    /// Modules that each guess one token more, by a layer like the last; services that say how often they are right run
    /// them.
    pub prediction_modules: Option<Fact<u64>>,
    /// What an engine loads: a repository of Hugging Face, or a folder in its container.
    pub repository: Option<Fact<String>>,
    /// What the published weights are stored as.
    pub native: Option<Fact<Stored>>,
    /// Numbers of a column that share a scale there; 0: all of them.
    pub native_group: Option<Fact<u64>>,
    /// What its keys and values are cached as, where it is published with scales for that.
    pub kv_cache: Option<Fact<Cached>>,
    /// Quality by precision, relative to whatever its owner compares with; from 0 to 1.
    pub quality: Vec<(Precision, Fact<BigRational>)>,
}

/// A configuration that was read from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationFile {
    /// As [`Files::read`](crate::sources::Files::read) took it.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Its `model_type`.
    pub family: &'static str,
}

/// How tokens look at one another.
#[derive(Clone, Debug)]
pub enum Attention {
    /// Causal; groups of query heads share a key and a value head (Ainslie et al., GQA, 2023).
    Grouped(GroupedAttention),
    /// Causal; one latent vector a token stands for all keys and values (DeepSeek-V2, 2024).
    Latent(LatentAttention),
    /// Every token sees every other: an encoder as BERT built it (Devlin et al., 2018).
    Bidirectional(EncoderAttention),
}

/// Causal attention by groups of heads.
#[derive(Clone, Debug)]
pub struct GroupedAttention {
    /// Query heads.
    pub heads: Option<Fact<u64>>,
    /// Key and value heads.
    pub kv_heads: Option<Fact<u64>>,
    /// Width of one head; `hidden / heads` where nothing is said.
    pub head_width: Option<Fact<u64>>,
    /// Tokens that a windowed layer sees.
    pub window: Option<Fact<u64>>,
    /// Layers with the window; all where `window` is stated and this is not.
    pub windowed_layers: Option<Fact<u64>>,
    /// Each query and key head is normalised.
    pub query_key_norm: Option<Fact<bool>>,
    /// Each head has a learned logit that takes attention away from all tokens.
    pub sinks: Option<Fact<bool>>,
}

/// Causal attention over latent vectors.
#[derive(Clone, Debug)]
pub struct LatentAttention {
    /// Query heads.
    pub heads: Option<Fact<u64>>,
    /// Width of one head without its rotary part.
    pub head_width: Option<Fact<u64>>,
    /// `[kv: 512, rope: 64, query: 1_536]`
    pub widths: Fact<LatentWidths>,
}

/// Widths of latent attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatentWidths {
    /// Latent values of keys and values, cached.
    pub kv: u64,
    /// Rotary part of a key, shared by all heads, cached.
    pub rope: u64,
    /// Latent values of the queries; none: queries are projected at once.
    pub query: Option<u64>,
    /// Width of a value head; that of the head where nothing is said.
    pub value: Option<u64>,
}

/// Attention of an encoder.
#[derive(Clone, Debug)]
pub struct EncoderAttention {
    /// Query heads.
    pub heads: Option<Fact<u64>>,
    /// Key and value heads; as many as query heads where nothing is said.
    pub kv_heads: Option<Fact<u64>>,
    /// Width of one head; `hidden / heads` where nothing is said.
    pub head_width: Option<Fact<u64>>,
    /// Rows of the table of positions.
    pub positions: Option<Fact<u64>>,
    /// Rows of the table of token types.
    pub token_types: Option<Fact<u64>>,
    /// A matrix over the first token's answer.
    pub pooler: Option<Fact<bool>>,
    /// Scores that a classification head gives: 1 of a reranker.
    pub labels: Option<Fact<u64>>,
}

/// What each token goes through alone.
#[derive(Clone, Debug)]
pub enum FeedForward {
    /// One network for all; its inner width.
    Dense(Option<Fact<u64>>),
    /// A choice of several.
    Experts(Experts),
}

/// A mixture of experts (Shazeer et al., 2017).
#[derive(Clone, Debug)]
pub struct Experts {
    /// How many there are in a layer.
    pub experts: Fact<u64>,
    /// How many read one token.
    pub per_token: Option<Fact<u64>>,
    /// Inner width of one.
    pub width: Option<Fact<u64>>,
    /// More that read every token.
    pub shared: Option<Fact<u64>>,
    /// Leading layers that have none.
    pub dense_layers: Option<Fact<u64>>,
    /// Inner width in those.
    pub dense_width: Option<Fact<u64>>,
    /// The router adds a number to the score of each expert.
    pub router_bias: Option<Fact<bool>>,
}

/// A vision transformer and the projector behind it (Dosovitskiy et al., ViT, 2020; Liu et al., LLaVA, 2023).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisionTower {
    /// Layers.
    pub layers: u64,
    /// Width of its stream.
    pub hidden: u64,
    /// Heads, each `hidden / heads` wide.
    pub heads: u64,
    /// Inner width of its feed-forward.
    pub feed_forward: u64,
    /// Pixels along a side of a patch.
    pub patch: u64,
    /// Patches along a side of what becomes one token.
    pub merge: u64,
    /// Frames of a patch; a still image is repeated.
    pub frames: u64,
    /// Patches that a windowed layer sees, and how many layers have that window.
    pub window: Option<(u64, u64)>,
    /// Rows of a table of positions; none: positions are rotations.
    pub positions: Option<u64>,
    /// Inner width of the projector.
    pub projector: u64,
    /// Layers whose values go to the language part too (Meng et al., DeepStack, 2024).
    pub deepstack: u64,
    /// Root-mean-square norms and a gated feed-forward; else norms that take the mean away, and no gate.
    pub gated: bool,
}

/// A transformer that takes the noise out of latent images (Peebles, Xie, DiT, 2022; Esser et al., MM-DiT, 2024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffusionTransformer {
    /// Layers; where it sees text, those with matrices for the image's tokens and others for the text's.
    pub layers: u64,
    /// Layers after them with one set of matrices for both, and a feed-forward beside attention.
    pub single_layers: u64,
    /// The first of `layers` in which the image's tokens also see one another alone.
    pub dual_layers: u64,
    /// Width of its stream.
    pub hidden: u64,
    /// Heads, each `hidden / heads` wide.
    pub heads: u64,
    /// Inner width of its feed-forward.
    pub feed_forward: u64,
    /// Each query and key head is normalised.
    pub head_norm: bool,
    /// Numbers at each place of the latent image.
    pub channels: u64,
    /// Of the answer.
    pub out_channels: u64,
    /// Pixels along a side of a place.
    pub pixels: u64,
    /// Places along a side of a token.
    pub patch: u64,
    /// Rows of a table of positions; none: positions are rotations.
    pub positions: Option<u64>,
    /// Width of the tokens of text; none: it sees the image's alone.
    pub text: Option<u64>,
    /// Width of a vector that stands for all of the text.
    pub pooled: Option<u64>,
    /// Rows of a table of classes.
    pub classes: Option<u64>,
    /// Numbers that it is told: the time of the step, and perhaps a guidance.
    pub scalars: u64,
}

/// Which matrices of a layer add a vector to their result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Biases {
    /// None.
    #[default]
    None,
    /// Those of queries, keys and values.
    Qkv,
    /// Those and attention's output.
    Attention,
    /// Every matrix of a layer, the router and the experts included.
    All,
}

impl Biases {
    /// Every choice.
    pub const ALL: [Biases; 4] = [Biases::None, Biases::Qkv, Biases::Attention, Biases::All];

    /// Its name in a plan file.
    pub fn name(self) -> &'static str {
        match self {
            Biases::None => "none",
            Biases::Qkv => "qkv",
            Biases::Attention => "attention",
            Biases::All => "all",
        }
    }
}

/// What weights are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// 16 bits, or wider.
    Bf16,
    /// 8 bits.
    Fp8,
    /// Whole numbers of 8 bits with a 16-bit scale for a group of them.
    Int8,
    /// Whole numbers of 4 bits with a 16-bit scale for a group (Frantar et al., GPTQ, 2022; Lin et al., AWQ, 2023).
    Int4,
    /// 4 bits with an 8-bit scale for 32 (OCP Microscaling, 2023); matrices of experts only.
    Mxfp4,
    /// 4 bits with an 8-bit scale for 16 (NVIDIA, Introducing NVFP4, 2025).
    Nvfp4,
}

impl Stored {
    /// Every choice.
    pub const ALL: [Stored; 6] =
        [Stored::Bf16, Stored::Fp8, Stored::Int8, Stored::Int4, Stored::Mxfp4, Stored::Nvfp4];

    /// Its name in a plan file.
    pub fn name(self) -> &'static str {
        match self {
            Stored::Bf16 => "bf16",
            Stored::Fp8 => "fp8",
            Stored::Int8 => "int8",
            Stored::Int4 => "int4",
            Stored::Mxfp4 => "mxfp4",
            Stored::Nvfp4 => "nvfp4",
        }
    }
}

/// What keys and values are cached as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cached {
    /// 16 bits.
    #[default]
    Bf16,
    /// 8 bits.
    Fp8,
    /// Whole numbers of 8 bits.
    Int8,
}

impl Cached {
    /// Every choice.
    pub const ALL: [Cached; 3] = [Cached::Bf16, Cached::Fp8, Cached::Int8];

    /// Its name in a plan file.
    pub fn name(self) -> &'static str {
        match self {
            Cached::Bf16 => "bf16",
            Cached::Fp8 => "fp8",
            Cached::Int8 => "int8",
        }
    }
}

//! Services and what they run.

use super::{Cached, Container, Demand, Draws, ExpertLoad, Fact, Label, Model, Requirement, Stored, Wish};
use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address: `shop`, `v3[eu]`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// What it runs.
    pub work: Work,
    /// Higher is satisfied first. 0 where the file says nothing.
    pub priority: Fact<i64>,
    /// Requests by step of the horizon.
    pub demand: Option<Fact<Demand>>,
    /// Bounds on the count of replicas, every line that bounds it kept apart.
    pub replicas: Vec<CountBound>,
    /// Requirements of this service and its bases.
    pub requirements: Vec<Requirement>,
    /// Wishes of this service and its bases.
    pub wishes: Vec<Wish>,
    /// Its data lives with it.
    pub stateful: Option<Fact<bool>>,
    /// Pools that do one phase each; none: every replica does all. A service with pools keeps replicas and
    /// layout in them, and its own lines bind them together.
    pub pools: Vec<Pool>,
    /// The name of the file with what a load test measured, which outranks prediction inside its hull.
    pub measured: Option<Fact<String>>,
    /// Whose law its data stays under.
    pub residency: Option<Fact<String>>,
    /// Taints that do not keep it away.
    pub tolerations: Option<Fact<Vec<Label>>>,
    /// The address of its team.
    pub team: Option<Fact<String>>,
    /// Its replicas follow the demand.
    pub elastic: Option<Fact<bool>>,
    /// Time from when a replica is asked for until it serves.
    pub start_up: Option<Fact<Quantity>>,
    /// By what share a neighbour on the same machine slows it.
    pub interference: Option<Fact<Quantity>>,
    /// The file with the manifest whose decided fields are filled in, by the path that it is read at.
    pub template: Option<Fact<String>>,
    /// The live object that is taken over.
    pub adopt: Option<Fact<LiveObject>>,
    /// How its container is run.
    pub container: Container,
}

impl Service {
    /// Its replicas follow the demand.
    pub fn is_elastic(&self) -> bool {
        self.elastic.as_ref().is_some_and(|elastic| elastic.value)
    }
}

/// Replicas of a service that do one phase, prefill or decode.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Its address: `chat.prefill`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Bounds on the count of its replicas, every line kept apart.
    pub replicas: Vec<CountBound>,
    /// Tensor-parallel degree, with what the service's own lines leave.
    pub tensor: Vec<Restriction<u64>>,
    /// Most sequences decoded together, with what the service's own lines leave.
    pub batch: Vec<CountBound>,
    /// Precision of weights and arithmetic, with what the service's own lines leave.
    pub precision: Vec<Restriction<Precision>>,
    /// Device classes by index into [`Program::devices`](super::Program::devices), with what the service's own
    /// lines leave.
    pub device: Vec<Restriction<usize>>,
    /// Requirements of this pool; pins of its other choices are among them.
    pub requirements: Vec<Requirement>,
    /// Wishes of this pool.
    pub wishes: Vec<Wish>,
}

/// `deployment("ns/name")`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveObject {
    /// `deployment`, `stateful_set`
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which of its containers the service is.
    pub container: String,
}

/// What a service runs.
#[derive(Clone, Debug)]
pub enum Work {
    /// An ordinary container.
    Image(ImageWork),
    /// A language model behind an engine.
    Llm(LlmWork),
}

/// An ordinary container.
#[derive(Clone, Debug)]
pub struct ImageWork {
    /// The image; none for a pod of a trace.
    pub image: Option<Fact<String>>,
    /// Cores of one replica.
    pub cpu: Option<Fact<Quantity>>,
    /// Bytes of one replica.
    pub memory: Option<Fact<Quantity>>,
    /// Requests a second that one replica serves.
    pub serves: Option<Fact<Quantity>>,
    /// Seconds of one request that does not wait, instead of `serves`.
    pub time: Option<Fact<Draws>>,
    /// Requests that one replica serves side by side, at that time each; 1 where the file says nothing.
    pub concurrency: Option<Fact<u64>>,
    /// Whole devices of one replica, or with `share` one device.
    pub devices: Option<Fact<u32>>,
    /// The part of one device that one replica takes, above 0 and at most 1.
    pub share: Option<Fact<BigRational>>,
    /// Device classes it may run on, by index into [`Program::devices`](super::Program::devices); none: any.
    pub device: Vec<Restriction<usize>>,
}

/// A language model behind an engine.
#[derive(Clone, Debug)]
pub struct LlmWork {
    /// By index into [`Program::models`](super::Program::models).
    pub model: Fact<usize>,
    /// `vllm`, `sglang`, `tensorrt_llm`.
    pub engine: Option<Fact<String>>,
    /// The engine's container; none: one of the target's choice.
    pub image: Option<Fact<String>>,
    /// Tokens of one prompt.
    pub prompt: Option<Fact<Draws>>,
    /// Tokens of one answer.
    pub output: Option<Fact<Draws>>,
    /// Images of one request; none: it has none. In a box, as few services have them.
    pub images: Option<Fact<Box<Draws>>>,
    /// Pixels of one image.
    pub image_size: Option<Fact<Box<Draws>>>,
    /// Steps in which an image is made.
    pub denoising_steps: Option<Fact<u64>>,
    /// Each step is two passes.
    pub guidance: Option<Fact<bool>>,
    /// Share of the tokens guessed by the model's prediction modules that are kept, of each where all before it
    /// were; none: the modules do not run.
    pub acceptance: Option<Box<Fact<BigRational>>>,
    /// Prompts that travel in one request, side by side.
    pub sequences: u64,
    /// The share of a prompt that is cached, 0 to 1.
    pub prefix_hit: Option<Box<Fact<BigRational>>>,
    /// Tensor-parallel degree; none: 1, 2, 4 or 8.
    pub tensor: Vec<Restriction<u64>>,
    /// Stages of a pipeline; none: 1.
    pub pipeline: Vec<Restriction<u64>>,
    /// Groups of devices that share the experts; none: 1, or every device one.
    pub expert: Vec<Restriction<u64>>,
    /// How much is asked of each expert; none: of all as much.
    pub expert_load: Option<Box<Fact<ExpertLoad>>>,
    /// Copies of experts beyond one of each, in every layer; none: without [`expert_load`](Self::expert_load) none, else
    /// the planner's choice.
    pub redundant_experts: Vec<CountBound>,
    /// Groups of devices, each with sequences of its own; none: 1, 2, 4 or 8 with experts, else 1.
    pub data: Vec<Restriction<u64>>,
    /// Devices that share the tokens of each sequence; none: 1.
    pub context: Vec<Restriction<u64>>,
    /// Nodes that a replica takes whole; none: 1, 2, 4 or 8.
    pub nodes: Vec<Restriction<u64>>,
    /// Most sequences decoded together; none: 1 to 256.
    pub batch: Vec<CountBound>,
    /// Precision of weights and arithmetic; none: the model's own, bf16.
    pub precision: Vec<Restriction<Precision>>,
    /// What matrices are held as, where that is narrower than the precision; none: what the model's `native` says.
    pub weights: Option<Fact<Stored>>,
    /// What keys and values are cached as; none: what the model says.
    pub kv_cache: Option<Fact<Cached>>,
    /// Device classes it may run on, by index into [`Program::devices`](super::Program::devices); none: any.
    pub device: Vec<Restriction<usize>>,
}

impl LlmWork {
    /// What the matrices of layers are held as, or those of experts alone, where the precision does not say it.
    /// Engines widen or narrow weights of 16 bits and of fp8 to the precision that they run; others they hold as
    /// they are published.
    pub fn held_as(&self, model: &Model) -> Option<Stored> {
        let as_published = |stored: &Stored| !matches!(stored, Stored::Bf16 | Stored::Fp8);
        let published = model.native.as_ref().map(|fact| fact.value).filter(as_published);
        self.weights.as_ref().map(|fact| fact.value).or(published)
    }
}

/// Number formats of weights and arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 16-bit brain float.
    Bf16,
    /// 8-bit float.
    Fp8,
}

/// A line that limits a choice to some values: `tensor in [4, 8]`, `precision = fp8`.
#[derive(Clone, Debug)]
pub struct Restriction<T> {
    /// The values left.
    pub allowed: Vec<T>,
    /// The line.
    pub span: Span,
    /// It is a pin (`=`) rather than a requirement.
    pub pinned: bool,
}

/// A line that bounds a count: `replicas in 2..6`, `replicas = 3`, `replicas >= 2`.
#[derive(Clone, Debug)]
pub struct CountBound {
    /// At least.
    pub low: Option<u64>,
    /// At most.
    pub high: Option<u64>,
    /// The line.
    pub span: Span,
    /// It is a pin (`=`) rather than a requirement.
    pub pinned: bool,
}

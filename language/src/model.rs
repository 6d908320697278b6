//! The typed model: what a program says once params are bound, keys expanded, bases merged, names
//! resolved and dimensions checked. Finite, and free of names that still need looking up.
//!
//! One struct a kind; [`schema`](crate::schema) has a row for each of their fields. Consumers
//! destructure these structs without `..`, so that a field no stage handles does not compile.

use crate::quantity::Quantity;
use crate::span::{Span, Spanned};
use num_rational::BigRational;

/// A whole program: every thing of every file, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Params of the root file with the values bound.
    pub params: Vec<Bound>,
    /// Device classes in use by a node or named by a service, abstract ones never.
    pub devices: Vec<Device>,
    /// One for each key: `box[1]`, `box[2]`.
    pub nodes: Vec<Node>,
    /// Models in use by a service.
    pub models: Vec<Model>,
    /// One for each key.
    pub services: Vec<Service>,
    /// Requirements that stand in a `plan` or a `policy`, over the whole program.
    pub requirements: Vec<Requirement>,
    /// Wishes that stand in a `plan`.
    pub wishes: Vec<Wish>,
    /// What to minimise, and settings.
    pub plan: Plan,
    /// Things and facts that are understood but that no stage acts on yet. Each makes a plan partial.
    pub not_yet: Vec<NotYet>,
    /// Facts whose source starts with `placeholder:`; every output that used them repeats it.
    pub placeholders: Vec<Placeholder>,
}

/// A param and its value.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Its name.
    pub name: String,
    /// Its value as it would be written.
    pub value: String,
    /// The declaration.
    pub span: Span,
}

/// Something the planner cannot act on yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// As written, one line: `site ams`, `prefix_hit = 60%`.
    pub text: String,
    /// Where.
    pub span: Span,
    /// Why it cannot be judged.
    pub because: String,
}

/// Facts whose source is invented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The block that states it, with its keys as written: `box[1..3]`, `hgx_h100`.
    pub thing: String,
    /// The text after `placeholder:`.
    pub text: String,
    /// The `source` line.
    pub span: Span,
}

/// A fact and the line that states it.
pub type Fact<T> = Spanned<T>;

/// A device class: `device h100_sxm`.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name as declared, without the import's alias: `h100_sxm`. Unique within a program.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Bytes.
    pub memory: Option<Fact<Quantity>>,
    /// Bytes a second between memory and compute.
    pub bandwidth: Option<Fact<Quantity>>,
    /// Dense peak rate by precision, FLOP/s.
    pub compute: Vec<(Precision, Fact<Quantity>)>,
    /// W.
    pub idle: Option<Fact<Quantity>>,
    /// W.
    pub nameplate: Option<Fact<Quantity>>,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its address: `box[1]`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// `devices = 8 * h100_sxm`: the class, by index into [`Program::devices`], and how many.
    pub devices: Option<Fact<(usize, u32)>>,
    /// `nvlink(900GB/s)`, both directions of one device.
    pub fabric: Option<Fact<Fabric>>,
    /// Bytes a second, one direction.
    pub network: Option<Fact<Quantity>>,
    /// Cores.
    pub cpu: Option<Fact<Quantity>>,
    /// Bytes.
    pub memory: Option<Fact<Quantity>>,
    /// W.
    pub overhead: Option<Fact<Quantity>>,
    /// Money an hour while used (`on_demand`, `spot`), always (`reserved`), or as amortisation (`owned`).
    pub price: Option<Fact<Quantity>>,
    /// How it is paid; `owned` where the file says nothing.
    pub market: Market,
    /// Failures a time, for availability.
    pub failures: Option<Fact<Quantity>>,
    /// Time to repair.
    pub repair: Option<Fact<Quantity>>,
}

/// What joins the devices of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fabric {
    /// Which.
    pub kind: FabricKind,
    /// Bytes a second of one device, both directions counted.
    pub bandwidth: Quantity,
}

/// Kinds of fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FabricKind {
    /// NVLink, switched.
    Nvlink,
    /// PCI Express.
    Pcie,
}

/// How a machine is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Market {
    /// Bought; the default.
    #[default]
    Owned,
    /// Paid always.
    Reserved,
    /// Paid while used.
    OnDemand,
    /// Paid while used, and taken away at short notice.
    Spot,
}

/// Number formats of weights and arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// 16-bit brain float.
    Bf16,
    /// 8-bit float.
    Fp8,
}

/// The shape of a dense decoder. Only lowering to MLIR reads these fields.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name as declared. Unique within a program.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Decoder layers.
    pub layers: Option<Fact<u64>>,
    /// Width of the residual stream.
    pub hidden: Option<Fact<u64>>,
    /// Query heads.
    pub heads: Option<Fact<u64>>,
    /// Key and value heads.
    pub kv_heads: Option<Fact<u64>>,
    /// Width of one head; `hidden / heads` where the file says nothing.
    pub head_width: Option<Fact<u64>>,
    /// Inner width of the gated feed-forward.
    pub feed_forward: Option<Fact<u64>>,
    /// Tokens known.
    pub vocabulary: Option<Fact<u64>>,
    /// The output projection is the embedding, transposed.
    pub tied_embeddings: Option<Fact<bool>>,
}

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
    /// Whole devices of one replica, or with `share` one device.
    pub devices: Option<Fact<u32>>,
    /// The part of one device that one replica takes, above 0 and at most 1.
    pub share: Option<Fact<BigRational>>,
    /// Device classes it may run on, by index into [`Program::devices`]; none: any.
    pub device: Vec<Restriction<usize>>,
}

/// A language model behind an engine.
#[derive(Clone, Debug)]
pub struct LlmWork {
    /// By index into [`Program::models`].
    pub model: Fact<usize>,
    /// `vllm`, `sglang`, `tensorrt_llm`.
    pub engine: Option<Fact<String>>,
    /// Tokens of one prompt.
    pub prompt: Option<Fact<Draws>>,
    /// Tokens of one answer.
    pub output: Option<Fact<Draws>>,
    /// Tensor-parallel degree; none: 1, 2, 4 or 8.
    pub tensor: Vec<Restriction<u64>>,
    /// Most sequences decoded together; none: 1 to 256.
    pub batch: Vec<CountBound>,
    /// Precision of weights and arithmetic; none: the model's own, bf16.
    pub precision: Vec<Restriction<Precision>>,
    /// Device classes it may run on, by index into [`Program::devices`]; none: any.
    pub device: Vec<Restriction<usize>>,
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

/// Arrivals: requests a second in each step of the horizon, Poisson within a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// One value a step; a constant has one value for all.
    pub rates: Vec<BigRational>,
}

/// One sample a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draws {
    /// Always the same.
    Constant(BigRational),
    /// `lognormal(p50 = …, p99 = …)`
    Lognormal {
        /// The median.
        p50: BigRational,
        /// The 99th percentile.
        p99: BigRational,
    },
}

/// A requirement: a line that must hold.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The service whose block it stands in, by index; none in a `plan` or `policy`.
    pub service: Option<usize>,
    /// The policy it stands in.
    pub policy: Option<String>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// What it says.
    pub condition: Condition,
}

/// A wish: a line that should hold.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The service whose block it stands in, by index.
    pub service: Option<usize>,
    /// As written, on one line.
    pub text: String,
    /// The line.
    pub span: Span,
    /// What it says.
    pub condition: Condition,
    /// Money an hour for each unit of shortfall; none: ranked by `priority`, ahead of money.
    pub price: Option<Quantity>,
    /// The priority of its block.
    pub priority: i64,
}

/// What a requirement or wish says.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `terms` compared with `limit`: constants stand in the limit, measures and choices in the terms.
    Compare {
        /// Sum of these.
        terms: Vec<Term>,
        /// How.
        compare: Compare,
        /// In the base unit of its dimension.
        limit: Quantity,
        /// It compares a count of integers, so a shortfall is a distance.
        integer: bool,
    },
    /// Understood, and not judged by any stage yet.
    NotYet {
        /// Why.
        because: String,
    },
}

/// `coefficient * subject`.
#[derive(Clone, Debug)]
pub struct Term {
    /// A fact.
    pub coefficient: BigRational,
    /// A measure or choice.
    pub subject: Subject,
}

/// What a requirement speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Replicas of a service, over all layouts.
    Replicas {
        /// By index.
        service: usize,
    },
    /// Distinct nodes a service runs on: `spread(node)`.
    Spread {
        /// By index.
        service: usize,
    },
    /// A measure of a service for each request: `ttft p99`.
    Latency {
        /// By index.
        service: usize,
        /// Which.
        measure: LatencyMeasure,
        /// The quantile in (0, 1), the mean or the maximum.
        statistic: Statistic,
    },
    /// The share of device memory that stays free: `memory_free`.
    MemoryFree {
        /// By index.
        service: usize,
    },
    /// Money an hour of the whole program.
    Bill,
}

/// Latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LatencyMeasure {
    /// To the first token.
    Ttft,
    /// A token after the first, mean over one answer.
    Tpot,
    /// The whole request.
    Latency,
}

/// Which figure of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// `p99.9`: 999/1000.
    Quantile(BigRational),
    /// `mean`
    Mean,
    /// `peak`
    Peak,
}

/// Comparisons. Equality only where choices alone are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

/// The one `plan` block; defaults where the program has none.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Its name.
    pub name: Option<String>,
    /// The block's head.
    pub span: Option<Span>,
    /// Entries of `minimize`, in order; none: the bill.
    pub minimize: Vec<Spanned<Objective>>,
    /// Steps in the horizon; 24 where the file says nothing.
    pub steps: usize,
    /// Relative gap at which a search may stop.
    pub gap: Option<Fact<BigRational>>,
    /// Deterministic work units.
    pub effort: Option<Fact<u64>>,
}

/// What can be minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Money an hour.
    Bill,
}

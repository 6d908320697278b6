//! Work with an end.

use super::{Container, Fact, Label, LlmWork, Precision, Requirement, Restriction, Wish};
use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// Work with an end: a training run, a batch of prompts.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its address: `pretrain`, `synth[3]`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Higher is satisfied first. 0 where the file says nothing.
    pub priority: Fact<i64>,
    /// The name of the model that it trains or runs.
    pub model: Option<Fact<String>>,
    /// What its steps train, where it has steps.
    pub trains: Option<Trains>,
    /// How much there is to do: tokens, requests, images or FLOP.
    pub work: Option<Fact<Quantity>>,
    /// The model that does so many requests or tokens of work, as a service would run it.
    pub runs: Option<Box<LlmWork>>,
    /// Steps of a training run.
    pub steps: Option<Fact<u64>>,
    /// Tokens of one step.
    pub batch: Option<Fact<Quantity>>,
    /// Tokens of one sequence.
    pub sequence: Option<Fact<Quantity>>,
    /// Its data.
    pub input: Option<Fact<Dataset>>,
    /// It may be stopped and continued; it may not where the file says nothing.
    pub preemptible: bool,
    /// How it saves.
    pub checkpoint: Option<Fact<Checkpoint>>,
    /// The address of its team.
    pub team: Option<Fact<String>>,
    /// Whose law its data stays under.
    pub residency: Option<Fact<String>>,
    /// Devices that share each layer; none: 1, 2, 4 or 8.
    pub tensor: Vec<Restriction<u64>>,
    /// Stages that hold consecutive layers; none: 1, 2, 4 or 8.
    pub pipeline: Vec<Restriction<u64>>,
    /// Groups of devices that share the experts; none: 1, or every device of a copy one.
    pub expert: Vec<Restriction<u64>>,
    /// Copies that share one batch; none: any number.
    pub data: Vec<Restriction<u64>>,
    /// Precision of weights and arithmetic; none: bf16.
    pub precision: Vec<Restriction<Precision>>,
    /// What copies hold a part of each; none: the first that fits.
    pub sharding: Vec<Restriction<Sharding>>,
    /// Device classes it may run on, by index into [`Program::devices`](super::Program::devices); none: any.
    pub device: Vec<Restriction<usize>>,
    /// What its copies run.
    pub image: Option<Fact<String>>,
    /// How the container of a copy is run.
    pub container: Container,
    /// Taints that do not keep it away.
    pub tolerations: Option<Fact<Vec<Label>>>,
    /// How often it is begun again before it counts as failed; none: the target's own rule.
    pub backoff_limit: Option<Fact<u64>>,
    /// `Never`, `OnFailure`
    pub restart_policy: Option<Fact<String>>,
    /// The file with the manifest whose decided fields are filled in, by the path that it is read at.
    pub template: Option<Fact<String>>,
    /// Requirements of this job and its bases; pins of its other choices are among them.
    pub requirements: Vec<Requirement>,
    /// Wishes of this job and its bases.
    pub wishes: Vec<Wish>,
}

impl Job {
    /// The planner places it: it trains a model for so many steps of so many tokens, or runs one on so much work.
    pub fn is_planned(&self) -> bool {
        self.runs.is_some() || self.is_training() && self.batch.is_some()
    }

    /// It trains a model whose gradients are derived, for so many steps.
    pub fn is_training(&self) -> bool {
        self.trains.is_some() && self.steps.is_some()
    }

    /// Tokens of one sequence, stated or not.
    pub fn sequence_tokens(&self) -> BigRational {
        let stated = self.sequence.as_ref().map(|stated| stated.value.value.clone());
        stated.unwrap_or_else(|| BigRational::from_integer(4_096.into()))
    }
}

/// What copies of weights that learn hold a part of each rather than whole, each with what is before it (Rajbhandari
/// et al., ZeRO, 2020, section 5: stages 1 to 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharding {
    /// Nothing.
    None,
    /// What the optimizer holds.
    Optimizer,
    /// Gradients.
    Gradients,
    /// Weights.
    Weights,
}

impl Sharding {
    /// All, the least first.
    pub const ALL: [Self; 4] = [Self::None, Self::Optimizer, Self::Gradients, Self::Weights];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Optimizer => "optimizer",
            Self::Gradients => "gradients",
            Self::Weights => "weights",
        }
    }
}

/// A model that learns, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trains {
    /// By index into [`Program::models`](super::Program::models).
    pub model: usize,
    /// `adamw`, `sgd`.
    pub optimizer: String,
    /// `none`, `attention`, `layer`: what is computed a second time rather than kept.
    pub recompute: String,
}

/// `dataset("s3://…", size = 1.2TB, at = dal)`
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where its readers find it.
    pub name: String,
    /// Bytes.
    pub size: Option<Quantity>,
    /// The address of the place that holds it.
    pub at: Option<String>,
}

/// `every(30min, size = 420GB, to = dal)`
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Time between two, above zero.
    pub every: Quantity,
    /// Bytes of one.
    pub size: Option<Quantity>,
    /// The address of the place that keeps it.
    pub to: Option<String>,
}

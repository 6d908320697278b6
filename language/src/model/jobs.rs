//! Work with an end.

use super::{Fact, Requirement, Wish};
use crate::quantity::Quantity;
use crate::span::Span;

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
    /// Steps of a training run.
    pub steps: Option<Fact<u64>>,
    /// Tokens of one step.
    pub batch: Option<Fact<Quantity>>,
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
    /// Requirements of this job and its bases; pins of its choices are among them.
    pub requirements: Vec<Requirement>,
    /// Wishes of this job and its bases.
    pub wishes: Vec<Wish>,
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

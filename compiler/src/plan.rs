//! The plan file, format `berth.plan/1`: what was decided, what is predicted, and what proves it.
//!
//! This is the contract that other programs read. Numbers stand in one base unit a dimension: s, byte,
//! `$/h`, req/s, 1. Apart from `solve` the same input gives the same bytes. Unknown fields are ignored,
//! an unknown major version is refused.

pub mod actions;
pub mod autoscaling;
pub mod experts;
pub mod groups;
pub mod judged;
pub mod needed;
pub mod objects;
pub mod predicted;
pub mod read;
pub mod shares;
pub mod written;

use crate::degrees::Degrees;
use crate::state::Observed;
use actions::Action;
use autoscaling::Autoscaling;
use experts::ExpertsEntry;
use objects::{ObjectEntry, TargetEntry, Unwritten};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read};

/// The format this program writes.
pub const FORMAT: &str = "berth.plan/1";

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote it.
    pub berth_version: String,
    /// The `plan` block's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Files read, the root first. What ships with the program is part of `berth_version`.
    pub inputs: Vec<Input>,
    /// Edited IR that took the place of lowering the models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ir: Option<Input>,
    /// SHA-256 over all of the plan but `solve` and itself.
    pub fingerprint: String,
    /// How far it got.
    pub status: Status,
    /// In lexicographic order.
    pub objective: Vec<ObjectiveEntry>,
    /// Who runs where.
    pub placements: Vec<Placement>,
    /// Copies that were wished for and are not placed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unplaced: Vec<Unplaced>,
    /// Nodes that are being emptied, by address: nothing is placed on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drained: Vec<String>,
    /// What ran where, as far as it is this plan's, when it was made from that too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// What becomes of what is observed; none: nothing was, and empty: all of it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
    /// How each job runs, beside where its copies stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobEntry>,
    /// Where experts stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experts: Vec<ExpertsEntry>,
    /// Predictions with their band.
    pub measures: Vec<Measure>,
    /// Every requirement, those that could not be judged first.
    pub requirements: Vec<RequirementEntry>,
    /// Wishes that are not granted, and what that costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wishes: Vec<WishEntry>,
    /// What teams use of the devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<TeamEntry>,
    /// Bounds and schedules of elastic services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub autoscaling: Vec<Autoscaling>,
    /// Steps of the horizon that were judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// An irreducible set of lines that cannot hold together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflict: Vec<ConflictLine>,
    /// Ways out of the conflict, the best plan first, where somebody asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concessions: Vec<ConcessionEntry>,
    /// What all services ask for and all nodes together do not have, where no plan exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<String>,
    /// Facts used whose source is invented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub placeholders: Vec<PlaceholderEntry>,
    /// A SHA-256 of the placements of each service and job, so that an alteration is named by its line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seals: Vec<Seal>,
    /// Where it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetEntry>,
    /// What the target would create, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectEntry>,
    /// Services and jobs that the target does not get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwritten: Vec<Unwritten>,
    /// How long it took; differs from run to run.
    #[serde(default)]
    pub solve: Solve,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// As the user named it.
    pub path: String,
    /// Of its bytes, in hexadecimal.
    pub sha256: String,
}

/// How far planning got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every requirement holds, and no better plan exists.
    Optimal,
    /// Every requirement holds; a better plan may exist, within the gap.
    Feasible,
    /// Some requirement could not be judged.
    Partial,
    /// No plan exists.
    Infeasible,
    /// Neither a plan nor a proof that none exists was found.
    #[default]
    Unknown,
}

/// One entry of the objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveEntry {
    /// `bill`, `unmet wishes of priority 80`
    pub name: String,
    /// Of incumbent and bound.
    pub unit: String,
    /// Its value in this plan.
    pub incumbent: f64,
    /// No plan that keeps the entries before it is below this.
    pub bound: f64,
    /// `(incumbent - bound) / incumbent`; 0 where they are equal.
    pub gap: f64,
    /// Why the bound holds.
    pub certificate: CertificateEntry,
}

/// Why a bound holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CertificateEntry {
    /// A sum of shortfalls is never below 0.
    Trivial,
    /// Multipliers on rows of the relaxation, exact: `[row, "p/q"]`.
    LinearDual {
        /// Rows not named have 0.
        multipliers: Vec<(usize, String)>,
    },
    /// The word of a search, with what a linear dual confirms exactly.
    Search {
        /// Whose word.
        solver: String,
        /// Confirmed, in the entry's unit.
        proved: f64,
        /// Rows not named have 0.
        multipliers: Vec<(usize, String)>,
    },
    /// How often each part is held where the largest share of a load is least: `[part, copies]`.
    Copies {
        /// Parts not named have one.
        counts: Vec<(usize, u64)>,
    },
}

impl CertificateEntry {
    /// So many copies of each part.
    pub fn copies(counts: &[u64]) -> Self {
        let several = counts.iter().copied().enumerate().filter(|(_, count)| *count != 1);
        Self::Copies { counts: several.collect() }
    }
}

/// Copies of one form of a service or job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Its address.
    pub service: String,
    /// Addresses, runs of integer keys written as ranges: `box[1..3]`.
    pub nodes: Vec<String>,
    /// Copies on every node named; of replicas that take several nodes, of which each has a part, 1.
    pub each: u64,
    /// The nodes of each replica that takes several, by address: the first is where it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Vec<String>>,
    /// Which devices of every node named, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<u32>,
    /// The part of one device that a copy takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How a model is laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// What the matrices of its layers are held as, those of experts alone with `mxfp4`, where the precision does not
    /// say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

/// How a model is laid out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Layout {
    /// The device class.
    pub device: String,
    /// Tensor-parallel degree.
    pub tensor: u64,
    /// Stages of a pipeline.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub pipeline: u64,
    /// Groups that the experts are divided among.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub expert: u64,
    /// Groups that the sequences are divided among; of a job, over all of its copies.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub data: u64,
    /// Devices that the tokens of a sequence are divided among.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub context: u64,
    /// Nodes whose devices these are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nodes: u64,
    /// Most sequences decoded together; of a job, those that pass through a data group together.
    pub batch: u64,
    /// Of weights and arithmetic.
    pub precision: String,
    /// Of a job: what its copies hold a part of each, `optimizer`, `gradients`, `weights`, each with what is before it;
    /// none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharding: Option<String>,
    /// Copies of experts beyond one of each, in every layer.
    #[serde(default, skip_serializing_if = "is_none")]
    pub redundant: u64,
}

impl Layout {
    /// Its degrees.
    pub fn degrees(&self) -> Degrees {
        let Layout { tensor, pipeline, expert, data, context, .. } = *self;
        Degrees { tensor, pipeline, expert, data, context }
    }
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(degree: &u64) -> bool {
    *degree == 1
}

/// How a job runs. Its copies are its placements: those of what learns share each batch, and each does a part of other work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobEntry {
    /// Its address.
    pub job: String,
    /// Copies, placed like replicas.
    pub copies: u64,
    /// Seconds until it is done: of what learns the middle of a band, of other work its high end.
    pub finish: f64,
    /// How it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingEntry>,
    /// What there is to do, in requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,
}

/// How a job learns. Each copy has all stages and tensor parts, in one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingEntry {
    /// Steps that it trains.
    pub steps: u64,
    /// Of all copies together.
    pub layout: Layout,
    /// Devices of one copy.
    pub devices: u64,
    /// Passes of `layout.batch` sequences in a step, through each data group.
    pub micro_batches: u64,
    /// Bytes that the fullest device holds.
    pub held: f64,
    /// s, the middle of its band.
    pub step_time: f64,
}

/// Copies that are wished for and not placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// Its address.
    pub service: String,
    /// How many.
    pub count: u64,
    /// Why.
    pub because: String,
}

/// A prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// `chat.ttft`, `box[1].cpu_free`
    pub path: String,
    /// `p99`, `mean`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// The middle of the band.
    pub value: f64,
    /// Of value, low and high.
    pub unit: String,
    /// The lower end of the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end of the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// What the prediction rests on, most trusted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// A requirement and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequirementEntry {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// As written.
    pub text: String,
    /// The service it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The policy it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The team that it limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// `p99`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// The scenario where the least slack is left; none in the base world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The step where the least slack is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// What was compared: the unfavourable end of a band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// Of value, limit and slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How far it is from not holding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<f64>,
    /// `null` where no stage can judge it yet.
    pub met: Option<bool>,
    /// Why it is not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The diagnostic code to allow it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A wish that is not granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WishEntry {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// As written.
    pub text: String,
    /// The service it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The distance from truth, or 1.
    pub shortfall: f64,
    /// What is paid for it, `$/h`; none where it is ranked by priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Of its block.
    pub priority: i64,
}

/// What a team uses of a kind of device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamEntry {
    /// Its address.
    pub team: String,
    /// The kind.
    pub device: String,
    /// Whole devices that it can always have back.
    pub guaranteed: f64,
    /// Devices that its replicas take.
    pub used: f64,
    /// Of those, what is beyond the guarantee.
    pub borrowed: f64,
    /// Services whose replicas give that back, those of the lowest priority first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives_back: Vec<String>,
}

/// A step of the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From 0.
    pub id: usize,
    /// `00:00`
    pub when: String,
    /// The share of the horizon.
    pub weight: f64,
}

/// A line that cannot hold together with the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictLine {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// As written.
    pub text: String,
    /// What it asks for.
    pub because: String,
}

/// What one line would have to give so that all others can hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConcessionEntry {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// As written.
    pub text: String,
    /// What the line's sum comes to instead; none: it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// Of `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Of the plan that keeps all others, `$/h`.
    pub bill: f64,
}

/// A fact whose source is invented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceholderEntry {
    /// What was invented.
    pub text: String,
    /// The things that use it.
    pub things: Vec<String>,
}

/// A checksum of one service's placements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Its address.
    pub service: String,
    /// In hexadecimal.
    pub sha256: String,
}

/// How long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Solve {
    /// s
    pub wall_s: f64,
    /// s
    pub cpu_s: f64,
    /// byte
    pub peak_bytes: u64,
    /// In order.
    pub stages: Vec<StageTime>,
    /// The wall-clock limit, where a flag set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_s: Option<f64>,
    /// Somebody ended the search before its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// How long one stage took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// `check`, `lower`, `candidates`, `problem`, `solve`
    pub name: String,
    /// s
    pub wall_s: f64,
}

impl Plan {
    /// The fingerprint of what the plan says, `solve` and the fingerprint itself aside.
    pub fn fingerprint_of_contents(&self) -> String {
        let bare = Plan { fingerprint: String::new(), solve: Solve::default(), ..self.clone() };
        digest(serde_json::to_string(&bare).unwrap_or_default().as_bytes())
    }

    /// The seal of one service's placements.
    pub fn seal_of(&self, service: &str) -> String {
        let own: Vec<&Placement> =
            self.placements.iter().filter(|placement| placement.service == service).collect();
        digest(serde_json::to_string(&own).unwrap_or_default().as_bytes())
    }

    /// A later version of the program wrote it, so that parts of it may be unknown to this one.
    pub fn is_newer(&self) -> bool {
        let numbers = |version: &str| -> Option<Vec<u64>> {
            let release = version.split(['-', '+']).next()?;
            release.split('.').map(|number| number.parse().ok()).collect()
        };
        numbers(&self.berth_version) > numbers(env!("CARGO_PKG_VERSION"))
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a plan file.
    pub fn from_json(text: &str) -> Result<Plan, Unreadable> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let Format { format } =
            serde_json::from_str(text).map_err(|error| Unreadable::NotAPlan(error.to_string()))?;
        if format != FORMAT {
            return Err(Unreadable::OtherFormat(format));
        }
        serde_json::from_str(text).map_err(|error| Unreadable::NotAPlan(error.to_string()))
    }
}

/// Why a file is not a plan this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or fields are missing.
    #[error("this is not a plan file: {0}")]
    NotAPlan(String),
    /// Written by another major version.
    #[error("the plan is of format `{0}`; this program reads `{FORMAT}`")]
    OtherFormat(String),
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// SHA-256 of all that `reader` gives, in hexadecimal. Data files may be larger than memory.
pub fn digest_of(mut reader: impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(hexadecimal(&hash.finalize())),
            Ok(count) => hash.update(&block[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The typed model: what a program says once params are bound, keys expanded, bases merged, names
//! resolved and dimensions checked. Finite, and free of names that still need looking up.
//!
//! One struct a kind; [`schema`](crate::schema) has a row for each of their fields. Consumers
//! destructure these structs without `..`, so that a field no stage handles does not compile.

mod architecture;
mod experts;
mod flows;
mod guards;
mod hardware;
mod jobs;
mod load;
mod load_steps;
mod module;
mod places;
mod plan;
mod requirements;
mod scenarios;
mod services;
mod subjects;
mod targets;
mod teams;
mod worlds;

pub use architecture::{
    Attention, Biases, Cached, ConfigurationFile, DiffusionTransformer, EncoderAttention, Experts,
    FeedForward, GroupedAttention, LatentAttention, LatentWidths, Model, Stored, VisionTower,
};
pub use experts::ExpertLoad;
pub use flows::{Calls, Flow, Path, Variant};
pub use guards::{Steps, When};
pub use hardware::{Device, Fabric, FabricKind, Filling, Market, Node};
pub use jobs::{Checkpoint, Dataset, Job, Sharding, Trains};
pub use load::{Demand, Draws, Profile};
pub use load_steps::{Kept, LoadStep, MOST_LOAD_STEPS, Series, load_steps};
pub use module::{ArgumentDimension, Extent, Module, ModuleFile};
pub use places::{Actuator, ActuatorKind, Breaker, Label, Link, Place, Reach, Sensor, Stage, Window};
pub use plan::{Moved, Objective, Plan};
pub use requirements::{Compare, Condition, Policy, Requirement, Term, Wish};
pub use scenarios::Scenario;
pub use services::{CountBound, ImageWork, LiveObject, LlmWork, Pool, Precision, Restriction, Service, Work};
pub use subjects::{LatencyMeasure, Of, PlaceKind, Statistic, Subject};
pub use targets::{
    Cluster, Container, KeyRef, Mounted, Pin, Port, PortRef, Probe, ProbeAction, Target, Variable,
    VariableValue, Volume, VolumeSource,
};
pub use teams::{Maintenance, Object, Team};

pub use worlds::{Arithmetic, Change, Check, Expression, Fold, Form, MeasureBound, Member, Test, World};

use crate::span::{Span, Spanned};

/// A whole program: every thing of every file, in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Params of the root file with the values bound.
    pub params: Vec<Bound>,
    /// Device classes in use by a node or named by a service, abstract ones never.
    pub devices: Vec<Device>,
    /// Sites, rows and racks, one for each key, each after the place that holds it.
    pub places: Vec<Place>,
    /// Wires between places.
    pub links: Vec<Link>,
    /// One for each key: `box[1]`, `box[2]`.
    pub nodes: Vec<Node>,
    /// Nodes that are being emptied, by index, ascending: nothing is placed on them. No file says so; whoever plans does.
    pub drained: Vec<usize>,
    /// Blocks of nodes that need not all be filled.
    pub fillings: Vec<Filling>,
    /// Models in use by a service.
    pub models: Vec<Model>,
    /// One for each key.
    pub services: Vec<Service>,
    /// One for each key.
    pub flows: Vec<Flow>,
    /// One for each key.
    pub jobs: Vec<Job>,
    /// Worlds that the plan must survive.
    pub scenarios: Vec<Scenario>,
    /// In order of appearance.
    pub policies: Vec<Policy>,
    /// Whose services and jobs they are.
    pub teams: Vec<Team>,
    /// Work that takes machines away.
    pub maintenances: Vec<Maintenance>,
    /// Requirements that stand in no service: of a `plan`, a `policy`, a place, a flow, a job.
    pub requirements: Vec<Requirement>,
    /// Wishes that stand in no service.
    pub wishes: Vec<Wish>,
    /// What to minimise, and settings.
    pub plan: Plan,
    /// Tests of the root file; none where another world was read.
    pub tests: Vec<Test>,
    /// What the test checks whose world this is; none in the base.
    pub checks: Vec<Check>,
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

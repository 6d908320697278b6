//! What an expression means.

use super::architecture::ReadConfiguration;
use super::flows::{Count, Stages};
use super::module::ReadModule;
use super::targets::Deployed;
use super::things::ThingId;
use crate::data::Summary;
use crate::description::draws_text;
use crate::model::{
    Actuator, Checkpoint, Compare, Dataset, Demand, Draws, ExpertLoad, Fabric, LiveObject, Profile, Subject,
};
use crate::quantity::{self, Dimension, Quantity, product};
use crate::schema::Field;
use jiff::civil::Date;
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The value of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `12 req/s`
    Quantity(Quantity),
    /// A sum of nothing: zero of whatever it is compared with.
    Zero,
    /// `true`
    Boolean(bool),
    /// `"text"`
    Text(String),
    /// A name that stands for itself: `on_demand`.
    Symbol(String),
    /// `[a, b]`
    List(Rc<Vec<Value>>),
    /// `[eu: 45%]`
    Map(Rc<Vec<(Value, Value)>>),
    /// `2..6`
    Range(Quantity, Quantity),
    /// One value a step of the horizon.
    Profile(Rc<Profile>),
    /// One sample a request, in base units of a dimension.
    Draws(Rc<Draws>, Dimension),
    /// Requests over time.
    Arrivals(Rc<Arrivals>),
    /// `zipf(1.0)`: how much is asked of each expert.
    ExpertLoad(Rc<ExpertLoad>),
    /// `nvlink(900GB/s)`
    Fabric(Fabric),
    /// `hf("./config.json")`: what it says.
    Configuration(Rc<ReadConfiguration>),
    /// `mlir("./embed.mlir")`
    Module(Rc<ReadModule>),
    /// `out_of_band(delay = 40s)`
    Actuator(Actuator),
    /// A day, and the zone of its midnight.
    Date(Date, String),
    /// A thing.
    Thing(ThingId),
    /// `box[*]`
    Things(Rc<Vec<ThingId>>),
    /// `8 * h100`
    Devices(Quantity, ThingId),
    /// Decisions and predictions, scaled and added.
    Linear(Linear),
    /// A decision among names: `precision`, `device`.
    Choice(ThingId, &'static Field),
    /// `a -> b`: a path through services.
    Path(Rc<Stages>),
    /// `calls(mean = 2.4, max = 8)`: how often a path is walked.
    Count(Count),
    /// `dataset("s3://…", size = 1.2TB, at = dal)`
    Dataset(Dataset),
    /// `every(30min, size = 420GB, to = dal)`
    Checkpoint(Checkpoint),
    /// `measured("bench.csv")`: the name of the file.
    Measured(String),
    /// `deployment("ns/name")`
    Live(LiveObject),
    /// `kubernetes(…)`, `http_get(…)`: what only a target reads.
    Deployed(Rc<Deployed>),
    /// `max s in service[*]: s.replicas`: the least or greatest of quantities, some of them decided.
    Extreme {
        /// The least rather than the greatest.
        least: bool,
        /// Of these, each a quantity or a sum.
        values: Rc<Vec<Value>>,
    },
    /// `hour`: the clock, by step.
    Hours(Rc<Hours>),
    /// `s.instance[*]`: the replicas of a service.
    Instances(ThingId),
    /// One of them, by the node that it stands on.
    Instance(ThingId),
    /// A comparison.
    Condition(Judged),
    /// Understood, and not judged by any stage yet.
    NotYet(Unjudged),
}

/// Requests a second, their spacing, and the file they are from.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    pub(crate) demand: Demand,
    /// What was read, as long as nothing has been done to it.
    pub(crate) read: Option<Summary>,
}

/// What no stage judges yet.
#[derive(Clone, Debug)]
pub(crate) struct Unjudged {
    /// Why.
    pub(crate) because: String,
    /// What it measures, where that is known.
    pub(crate) dimension: Option<Dimension>,
}

/// `Σ coefficient * subject + constant`.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    /// No coefficient is zero.
    pub(crate) terms: BTreeMap<Subject, BigRational>,
    pub(crate) constant: BigRational,
    pub(crate) dimension: Dimension,
}

/// When each step begins by some clock, and how long a step is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hours {
    /// Seconds since midnight, below a day.
    pub(crate) begins: Vec<BigRational>,
    /// Seconds.
    pub(crate) step: BigRational,
}

/// Whether something that varies holds within a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Held {
    /// At no moment of it.
    Never,
    /// At some.
    Partly,
    /// Throughout.
    Throughout,
}

/// What a condition says.
#[derive(Clone, Debug)]
pub(crate) enum Judged {
    /// Only facts: it holds or it does not, and why.
    Fact(bool, String),
    /// Only facts, some of which vary over time: one entry a step.
    Steps(Rc<Vec<Held>>),
    /// A scenario, named after `when`.
    Scenario(ThingId),
    /// Decisions or predictions against a limit.
    Compare { terms: Vec<(BigRational, Subject)>, compare: Compare, limit: Quantity },
    /// Decisions that have one of several values.
    Listed { terms: Vec<(BigRational, Subject)>, allowed: Vec<Quantity> },
    /// A decision limited to names.
    Restrict { thing: ThingId, field: &'static Field, allowed: Vec<Value> },
    /// Every replica of a service stands on one of these nodes.
    Placed { service: ThingId, nodes: Rc<Vec<ThingId>> },
    /// All of them.
    All(Vec<Judged>),
    /// At least one of them.
    Any(Vec<Judged>),
    /// The opposite of a leaf that has none of its own.
    Not(Box<Judged>),
    /// It leans on a value that is not known yet.
    NotYet(String),
}

impl Value {
    /// Nobody judges it yet.
    pub(crate) fn not_yet(because: impl Into<String>) -> Self {
        Self::NotYet(Unjudged { because: because.into(), dimension: None })
    }

    /// A quantity of this dimension that nobody judges yet.
    pub(crate) fn not_yet_of(because: impl Into<String>, dimension: Dimension) -> Self {
        Self::NotYet(Unjudged { because: because.into(), dimension: Some(dimension) })
    }

    /// A plain integer.
    pub(crate) fn integer(value: i64) -> Self {
        Self::Quantity(Quantity::integer(value))
    }

    /// Itself; a sum of nothing as zero of `dimension`.
    pub(crate) fn measured(self, dimension: Option<&Dimension>) -> Self {
        match self {
            Self::Zero => {
                let dimension = dimension.cloned().unwrap_or(Dimension::NONE);
                Self::Quantity(Quantity::new(BigRational::zero(), dimension))
            }
            value => value,
        }
    }

    /// What it measures, where it is a number.
    pub(crate) fn dimension(&self) -> Option<&Dimension> {
        match self {
            Self::Quantity(quantity) => Some(&quantity.dimension),
            Self::Range(low, _) => Some(&low.dimension),
            Self::Profile(profile) => Some(&profile.dimension),
            Self::Draws(_, dimension) => Some(dimension),
            Self::Arrivals(_) => Some(&Dimension::REQUEST_RATE),
            Self::Linear(linear) => Some(&linear.dimension),
            Self::Extreme { values, .. } => values.first().and_then(Self::dimension),
            Self::Hours(_) => Some(&Dimension::TIME),
            Self::NotYet(unjudged) => unjudged.dimension.as_ref(),
            _ => None,
        }
    }

    /// What a message calls it.
    pub(crate) fn noun(&self) -> String {
        match self {
            Self::Quantity(quantity) => crate::schema::dimension_name(&quantity.dimension),
            Self::Zero => "a sum of nothing".to_owned(),
            Self::Boolean(_) => "true or false".to_owned(),
            Self::Text(_) => "a text".to_owned(),
            Self::Symbol(name) => format!("the name `{name}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Range(..) => "a range".to_owned(),
            Self::Profile(_) => "a profile".to_owned(),
            Self::Draws(..) => "a distribution".to_owned(),
            Self::Arrivals(_) => "arrivals".to_owned(),
            Self::ExpertLoad(_) => "loads of experts".to_owned(),
            Self::Fabric(_) => "a fabric".to_owned(),
            Self::Configuration(_) => "a model's configuration".to_owned(),
            Self::Module(_) => "a model's module".to_owned(),
            Self::Actuator(_) => "an actuator".to_owned(),
            Self::Date(..) => "a date".to_owned(),
            Self::Thing(_) => "a thing".to_owned(),
            Self::Things(_) => "several things".to_owned(),
            Self::Devices(..) => "a count of devices".to_owned(),
            Self::Linear(_) | Self::Choice(..) => "something that the planner decides or predicts".to_owned(),
            Self::Path(_) => "a path".to_owned(),
            Self::Count(_) => "a count of calls".to_owned(),
            Self::Dataset(_) => "a dataset".to_owned(),
            Self::Checkpoint(_) => "a period".to_owned(),
            Self::Measured(_) => "a measured curve".to_owned(),
            Self::Live(_) => "a live object".to_owned(),
            Self::Deployed(part) => part.noun().to_owned(),
            Self::Extreme { .. } => "the least or greatest of decisions".to_owned(),
            Self::Hours(_) => "a clock".to_owned(),
            Self::Instances(_) => "the replicas of a service".to_owned(),
            Self::Instance(_) => "a replica".to_owned(),
            Self::Condition(Judged::Steps(_)) => "a condition that varies over time".to_owned(),
            Self::Condition(_) => "a condition".to_owned(),
            Self::NotYet(_) => "something that is not judged yet".to_owned(),
        }
    }

    /// It stands for something that the planner decides or predicts.
    pub(crate) fn is_judged(&self) -> bool {
        match self {
            Self::Linear(_) | Self::Choice(..) | Self::Extreme { .. } => true,
            Self::Condition(judged) => !matches!(judged, Judged::Fact(..) | Judged::Steps(_)),
            _ => false,
        }
    }

    /// As a file would say it; what has no short form is named.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Quantity(quantity) => quantity.to_string(),
            Self::Zero => "0".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Symbol(name) => name.clone(),
            Self::List(values) => {
                let written: Vec<_> = values.iter().map(Self::written).collect();
                format!("[{}]", written.join(", "))
            }
            Self::Map(entries) => {
                let written: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", key.written(), value.written()))
                    .collect();
                format!("[{}]", written.join(", "))
            }
            Self::Range(low, high) => format!("{low}..{high}"),
            Self::Draws(draws, dimension) => draws_text(draws, dimension),
            Self::Date(day, zone) => format!("date(\"{day}\", zone = \"{zone}\")"),
            Self::Condition(Judged::Fact(value, _)) => value.to_string(),
            other => other.noun(),
        }
    }
}

impl Linear {
    /// One subject.
    pub(crate) fn subject(subject: Subject, dimension: Dimension) -> Self {
        Self {
            terms: BTreeMap::from([(subject, num_traits::One::one())]),
            constant: BigRational::zero(),
            dimension,
        }
    }

    /// A quantity as a sum without terms.
    pub(crate) fn constant(quantity: Quantity) -> Self {
        Self { terms: BTreeMap::new(), constant: quantity.value, dimension: quantity.dimension }
    }

    /// `self + factor * other`; the caller has compared the dimensions.
    pub(crate) fn plus(self, other: &Self, factor: &BigRational) -> Self {
        let mut sum = self;
        for (subject, coefficient) in &other.terms {
            let whole = sum.terms.remove(subject).unwrap_or_else(BigRational::zero);
            let whole = quantity::sum(&whole, &product(coefficient, factor));
            if !whole.is_zero() {
                sum.terms.insert(subject.clone(), whole);
            }
        }
        sum.constant = quantity::sum(&sum.constant, &product(&other.constant, factor));
        if other.terms.is_empty() {
            // A stated amount knows the currency that a prediction only assumes.
            sum.dimension = other.dimension.clone();
        }
        sum
    }

    /// `self * quantity`, in the product's dimension.
    pub(crate) fn scaled(&self, factor: &BigRational, dimension: Dimension) -> Self {
        Self {
            terms: if factor.is_zero() {
                BTreeMap::new()
            } else {
                self.terms
                    .iter()
                    .map(|(subject, coefficient)| (subject.clone(), product(coefficient, factor)))
                    .collect()
            },
            constant: product(&self.constant, factor),
            dimension,
        }
    }

    /// Every number in it is small enough to go on with.
    pub(crate) fn fits(&self) -> bool {
        quantity::fits(&self.constant) && self.terms.values().all(quantity::fits)
    }
}

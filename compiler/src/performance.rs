//! The performance model: time, memory and load of one candidate, with a band and with provenance.
//!
//! | module | answers |
//! | --- | --- |
//! | [`fits`] | what was measured: the parameters shipped for each device and operator |
//! | [`hardware`] | one device class and the fabric between its devices, as plain numbers |
//! | [`operators`] | how long one operator takes on one device |
//! | [`links`] | how long devices take to send to one another |
//! | [`phase`] | how long one pass of a phase takes, and what it computes, moves and sends |
//! | [`memory`] | what fits on one device, and what stays free |
//! | [`draws`] | a distribution of lengths or times as weighted values |
//! | [`experts`] | what unequal loads of experts do to the time of a layer |
//! | [`images`] | what images add to a request |
//! | [`curve`] | pass times between the points at which they were computed |
//! | [`queueing`] | waiting in G/G/c and G/G/1, in closed form |
//! | [`training`] | a model that learns, in copies that share each batch: the time of a step, and what fits |
//! | [`serving`] | one replica and the requests that arrive: TTFT, TPOT, latency, and how much it carries |
//!
//! The way through, for one service on one device class:
//!
//! ```text
//! Hardware::of(device, fabric)?                                   device class + node.fabric
//! Replica::new(phases, &hardware, degrees, &workload)?            once a (device, precision, degrees)
//! replica.capacity(batch, &limits)? -> Capacity { rate, limited_by }
//! replica.predict(rate, batch, measure, &statistic)? -> Band      and predict_memory_free
//! replica.notes()                                                 provenance, to be shown
//! queueing::Servers { arrivals, spacing, service, servers }       image services
//! ```
//!
//! Seconds, bytes, FLOPs and requests a second throughout; shares are between 0 and 1. Every figure
//! is a [`Band`]; a promise is judged against its unfavourable end. What is known and what is assumed
//! is in the [`Note`]s that travel with each figure. `docs/performance.md` has the forms, the
//! derivations and the errors measured.

pub mod curve;
pub mod draws;
pub mod experts;
pub mod fits;
pub mod hardware;
pub mod images;
pub mod links;
pub mod memory;
pub mod operators;
pub mod phase;
pub mod queueing;
pub mod serving;
pub mod training;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Add;

/// A figure and the interval it is believed to lie in.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Band {
    /// The low end.
    pub low: f64,
    /// The prediction itself.
    pub middle: f64,
    /// The high end.
    pub high: f64,
}

impl Band {
    /// 0, known exactly.
    pub const NOTHING: Self = Self { low: 0.0, middle: 0.0, high: 0.0 };

    /// A figure known exactly, or one whose error is counted elsewhere.
    pub fn exact(value: f64) -> Self {
        Self { low: value, middle: value, high: value }
    }

    /// `middle`, wrong by at most the share `error` of it; never below 0.
    pub fn around(middle: f64, error: f64) -> Self {
        Self { low: middle * (1.0 - error).max(0.0), middle, high: middle * (1.0 + error) }
    }
}

/// One after the other, with errors that go the same way.
impl Add for Band {
    type Output = Self;

    fn add(self, then: Self) -> Self {
        Self { low: self.low + then.low, middle: self.middle + then.middle, high: self.high + then.high }
    }
}

/// Where a figure comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What kind of knowledge it is.
    pub kind: NoteKind,
    /// One sentence.
    pub text: String,
}

/// Where notes go, or that nobody asks for them: writing them takes longer than what they are about.
#[derive(Clone, Debug, Default)]
pub enum Notes {
    /// They are not made.
    #[default]
    Ignored,
    /// Each is kept once.
    Kept(BTreeSet<Note>),
}

impl Notes {
    /// One more, where they are kept.
    pub fn add(&mut self, note: impl FnOnce() -> Note) {
        if let Notes::Kept(notes) = self {
            notes.insert(note());
        }
    }

    /// Those that were kept.
    pub fn into_kept(self) -> BTreeSet<Note> {
        match self {
            Notes::Ignored => BTreeSet::new(),
            Notes::Kept(notes) => notes,
        }
    }
}

/// Kinds of knowledge, most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// Fitted to measurements of this device.
    Fitted,
    /// Measured on this device class, scaled to figures the plan declares.
    Scaled,
    /// Taken as a fixed number whose source is named.
    Assumed,
    /// From the datasheet with efficiencies that are guesses.
    Datasheet,
    /// Outside the range that was measured.
    Outside,
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            NoteKind::Fitted => "fitted",
            NoteKind::Scaled => "scaled",
            NoteKind::Assumed => "assumed",
            NoteKind::Datasheet => "datasheet",
            NoteKind::Outside => "outside what was measured",
        };
        write!(formatter, "{kind}: {}", self.text)
    }
}

/// Why there is no prediction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PerformanceError {
    /// The plan does not state a fact that the prediction needs.
    #[error("`{of}` states no {fact}")]
    Missing {
        /// The device, or what joins its devices.
        of: String,
        /// The fact.
        fact: String,
    },
    /// A cost has no finite value at this binding.
    #[error("the costs of `{operator}` have no finite value here")]
    NotFinite {
        /// The operator.
        operator: String,
    },
    /// A statistic that the model cannot give.
    #[error("the model gives quantiles and means; the maximum of a latency is not bounded in it")]
    Peak,
    /// A quantile outside (0, 1).
    #[error("a quantile lies between 0 and 1")]
    Quantile,
}

//! Places, what guards their power, and the links between them.

use super::{Fact, Market, PlaceKind, Profile, Program};
use crate::quantity::Quantity;
use crate::span::Span;
use num_rational::BigRational;

/// A site, row or rack: nodes stand in it and fail with it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Site, row or rack.
    pub level: PlaceKind,
    /// Its address, unique within its level: `ams.r1`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// The place that holds it, by index into [`Program::places`](super::Program::places).
    pub parent: Option<usize>,
    /// Time zone; its own or that of a place that holds it, like the four facts below.
    pub zone: Option<Fact<String>>,
    /// Whose law holds here.
    pub residency: Option<Fact<String>>,
    /// How its nodes are paid unless they say; `owned` where nothing is said.
    pub market: Market,
    /// Interruptions a time, of what is rented.
    pub interruption: Option<Fact<Quantity>>,
    /// Time between notice and interruption.
    pub notice: Option<Fact<Quantity>>,
    /// What it may draw, W; a limit only where a line compares with it. A site's is metered.
    pub feed: Option<Fact<Quantity>>,
    /// Metered power over that of its servers, at least 1.
    pub pue: Option<Fact<BigRational>>,
    /// Money for energy, by step.
    pub energy_price: Option<Fact<Profile>>,
    /// Carbon for energy, by step.
    pub carbon_intensity: Option<Fact<Profile>>,
    /// Failures a time, of the place itself.
    pub failures: Option<Fact<Quantity>>,
    /// Time until it is back.
    pub repair: Option<Fact<Quantity>>,
    /// Labels for targets.
    pub labels: Option<Fact<Vec<Label>>>,
    /// What cuts its power off.
    pub breaker: Option<Breaker>,
    /// What reads its power.
    pub sensor: Option<Sensor>,
    /// What slows it down, by the power at which each begins, lowest first.
    pub stages: Vec<Stage>,
}

impl Program {
    /// The place of a level that holds a node, by index into [`places`](Program::places).
    pub fn place_of(&self, node: usize, level: PlaceKind) -> Option<usize> {
        let mut above = self.nodes.get(node)?.place;
        while let Some(index) = above {
            let place = self.places.get(index)?;
            if place.level == level {
                return Some(index);
            }
            above = place.parent;
        }
        None
    }
}

/// A breaker: a physical limit of the place it stands in.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// The block's head.
    pub span: Span,
    /// What it carries for ever, W.
    pub rated: Fact<Quantity>,
    /// The early edge of its curve: the share of `rated` and the time until it trips at that load, s. Loads
    /// ascend, times descend.
    pub trips: Option<Fact<Vec<(BigRational, BigRational)>>>,
}

/// What reads a place's power.
#[derive(Clone, Debug)]
pub struct Sensor {
    /// The block's head.
    pub span: Span,
    /// Time between two readings.
    pub every: Fact<Quantity>,
    /// Relative error of a reading, 0 to 1.
    pub error: Option<Fact<BigRational>>,
}

/// What slows a place down from when its power, as read, passes `at` until it is under `release`.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name: `brake`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// W of its place.
    pub at: Fact<Quantity>,
    /// W of its place, below `at`.
    pub release: Fact<Quantity>,
    /// The clock it sets, Hz.
    pub clock: Option<Fact<Quantity>>,
    /// The power limit it sets on each device, W.
    pub cap: Option<Fact<Quantity>>,
    /// It acts on services under this priority; none: on all.
    pub below_priority: Option<Fact<i64>>,
    /// How it reaches the devices.
    pub actuator: Option<Fact<Actuator>>,
}

/// How a stage reaches the devices, and how long that takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actuator {
    /// By which way.
    pub kind: ActuatorKind,
    /// Time from the reading until it has acted.
    pub delay: Quantity,
}

/// Ways of reaching a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActuatorKind {
    /// The management controller, beside the operating system.
    OutOfBand,
    /// A signal in hardware.
    PowerBrake,
}

/// A wire between two places.
#[derive(Clone, Debug)]
pub struct Link {
    /// Its address.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// The places it joins, by index into [`Program::places`](super::Program::places).
    pub between: Fact<(usize, usize)>,
    /// Bytes a second, each way.
    pub bandwidth: Fact<Quantity>,
    /// Time one way.
    pub latency: Option<Fact<Quantity>>,
    /// Money for data.
    pub price: Option<Fact<Quantity>>,
    /// Who can open a connection over it.
    pub reach: Reach,
    /// When it is up, by the plan's clock; none: always.
    pub contacts: Option<Fact<Vec<Window>>>,
}

/// Who can open a connection over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Reach {
    /// Either end; the default.
    #[default]
    Public,
    /// The end behind an address translator: the second place of `between` opens.
    Nat,
    /// Neither: both meet at a relay.
    Relay,
}

/// Hours of every day, from one to before another, in seconds after midnight; over midnight where the end is
/// not after the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// At least 0 and below a day.
    pub from: BigRational,
    /// Above 0 and at most a day.
    pub to: BigRational,
}

/// A name, with a value where it has one: `gpu`, `tier: "gold"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The name.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

impl Label {
    /// Whether this toleration is of that taint: a name alone is of all texts, and a taint without a text has the empty
    /// one, as Kubernetes has them.
    pub fn tolerates(&self, taint: &Label) -> bool {
        let text = taint.value.as_deref().unwrap_or_default();
        self.name == taint.name && self.value.as_deref().is_none_or(|value| value == text)
    }
}

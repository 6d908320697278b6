//! What conditions speak of: decisions and predictions.

use crate::quantity::Dimension;
use crate::schema::{self, Role, Type};
use num_rational::BigRational;

/// What a requirement speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Replicas of a service, over all pools and layouts.
    Replicas {
        /// By index.
        service: usize,
    },
    /// Replicas of a service that stand on some nodes.
    ReplicasOn {
        /// By index.
        service: usize,
        /// By index into [`Program::nodes`](super::Program::nodes), ascending.
        nodes: Vec<usize>,
    },
    /// Distinct places in use: `spread(node)`, `spread(rack)`.
    Spread {
        /// Whose.
        of: Of,
        /// The level of place.
        place: PlaceKind,
    },
    /// Which part of the walks at a fork of a flow's path a variant has: `share(small)`.
    Share {
        /// The flow's address.
        flow: String,
        /// The address of the service or flow that is the variant.
        variant: String,
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
    /// Replicas that leave the node where they run now, of the whole program.
    Moves,
    /// Any other choice or measure, by its row in the schema.
    Figure {
        /// Whose.
        of: Of,
        /// The field's name.
        field: &'static str,
        /// For what is sampled.
        statistic: Option<Statistic>,
    },
}

/// Whose a figure is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The whole program's, in the world that is planned.
    Program,
    /// A service's, by index.
    Service(usize),
    /// Any other thing's.
    Thing {
        /// Its kind.
        kind: &'static str,
        /// Its address, unique within its kind.
        address: String,
    },
}

/// Levels of places that `spread` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceKind {
    /// Machines.
    Node,
    /// Racks.
    Rack,
    /// Rows of racks.
    Row,
    /// Sites.
    Site,
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

impl Of {
    /// The kind of thing; the whole program's figures are the plan's.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Program => "plan",
            Self::Service(_) => "service",
            Self::Thing { kind, .. } => kind,
        }
    }
}

impl PlaceKind {
    /// All, from the smallest.
    pub const ALL: [Self; 4] = [Self::Node, Self::Rack, Self::Row, Self::Site];

    /// The kind of thing it is.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Rack => "rack",
            Self::Row => "row",
            Self::Site => "site",
        }
    }
}

impl Subject {
    /// The planner decides it. Everything else is predicted.
    pub fn is_choice(&self) -> bool {
        match self {
            Self::Replicas { .. } | Self::ReplicasOn { .. } | Self::Spread { .. } | Self::Share { .. } => {
                true
            }
            Self::Latency { .. } | Self::MemoryFree { .. } | Self::Bill | Self::Moves => false,
            Self::Figure { .. } => self.row().is_some_and(|row| row.role == Role::Choice),
        }
    }

    /// The service that it is of, by index; none for what is of several, or of none.
    pub fn service(&self) -> Option<usize> {
        match self {
            Self::Replicas { service }
            | Self::ReplicasOn { service, .. }
            | Self::Spread { of: Of::Service(service), .. }
            | Self::Latency { service, .. }
            | Self::MemoryFree { service }
            | Self::Figure { of: Of::Service(service), .. } => Some(*service),
            Self::Spread { .. } | Self::Share { .. } | Self::Figure { .. } | Self::Bill | Self::Moves => None,
        }
    }

    /// The address of the job whose time until it is done it is.
    pub fn finish(&self) -> Option<&str> {
        match self {
            Self::Figure { of: Of::Thing { kind: "job", address }, field: "finish", statistic: None } => {
                Some(address)
            }
            _ => None,
        }
    }

    /// It counts in whole numbers.
    pub fn is_count(&self) -> bool {
        match self {
            Self::Replicas { .. } | Self::ReplicasOn { .. } | Self::Spread { .. } | Self::Moves => true,
            Self::Share { .. } | Self::Latency { .. } | Self::MemoryFree { .. } | Self::Bill => false,
            Self::Figure { .. } => self.row().is_some_and(|row| matches!(row.type_, Type::Integer(_))),
        }
    }

    /// What it measures; money as dollars, standing for any currency.
    pub fn dimension(&self) -> Dimension {
        match self {
            Self::Replicas { .. }
            | Self::ReplicasOn { .. }
            | Self::Spread { .. }
            | Self::Share { .. }
            | Self::MemoryFree { .. }
            | Self::Moves => Dimension::NONE,
            Self::Latency { .. } => Dimension::TIME,
            Self::Bill => schema::PRICE.dimension.clone(),
            Self::Figure { .. } => match self.row().map(|row| row.type_) {
                Some(Type::Quantity(measured, _)) => measured.dimension.clone(),
                _ => Dimension::NONE,
            },
        }
    }

    /// The schema's row of a figure that has no form of its own.
    pub fn row(&self) -> Option<&'static schema::Field> {
        match self {
            Self::Figure { of, field, .. } => schema::kind(of.kind())?.field(field),
            _ => None,
        }
    }
}

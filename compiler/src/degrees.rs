//! Parallel axes, and the degrees that a candidate binds.
//!
//! A replica is a mesh of `tensor x context x data` devices in each of `pipeline` stages. Attention and dense
//! layers use the mesh as it is. Experts divide the same devices of a stage anew: into `expert` groups, each
//! with its share of the experts, every matrix of which is split over the devices of its group. So `expert`
//! divides `tensor x context x data` and adds no devices.

use crate::form::{Form, Symbol};
use std::fmt;

/// What devices of a replica are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// Matrices and heads.
    Tensor,
    /// Layers.
    Pipeline,
    /// Experts.
    Expert,
    /// Sequences.
    Data,
    /// The tokens of one sequence.
    Context,
}

impl Axis {
    /// Every axis.
    pub const ALL: [Axis; 5] = [Axis::Tensor, Axis::Pipeline, Axis::Expert, Axis::Data, Axis::Context];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Axis::Tensor => "tensor",
            Axis::Pipeline => "pipeline",
            Axis::Expert => "expert",
            Axis::Data => "data",
            Axis::Context => "context",
        }
    }

    /// Its degree in a form.
    pub fn symbol(self) -> Symbol {
        match self {
            Axis::Tensor => Symbol::Tensor,
            Axis::Pipeline => Symbol::Pipeline,
            Axis::Expert => Symbol::Expert,
            Axis::Data => Symbol::Data,
            Axis::Context => Symbol::ContextDegree,
        }
    }

    /// Its degree to a power.
    pub fn degree(self, exponent: i8) -> Form {
        Form::symbol(self.symbol(), exponent)
    }
}

/// How many parts each axis has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Degrees {
    /// Of [`Axis::Tensor`].
    pub tensor: u64,
    /// Of [`Axis::Pipeline`].
    pub pipeline: u64,
    /// Of [`Axis::Expert`].
    pub expert: u64,
    /// Of [`Axis::Data`].
    pub data: u64,
    /// Of [`Axis::Context`].
    pub context: u64,
}

impl Degrees {
    /// One device.
    pub const ONE: Degrees = Degrees { tensor: 1, pipeline: 1, expert: 1, data: 1, context: 1 };

    /// Only matrices and heads are divided.
    pub fn of_tensor(tensor: u64) -> Self {
        Self { tensor, ..Self::ONE }
    }

    /// Devices of one stage, which the experts are divided among too.
    pub fn stage(&self) -> u64 {
        self.tensor.saturating_mul(self.context).saturating_mul(self.data)
    }

    /// Devices of the replica.
    pub fn devices(&self) -> u64 {
        self.stage().saturating_mul(self.pipeline)
    }

    /// Of one axis.
    pub fn of(&self, axis: Axis) -> u64 {
        match axis {
            Axis::Tensor => self.tensor,
            Axis::Pipeline => self.pipeline,
            Axis::Expert => self.expert,
            Axis::Data => self.data,
            Axis::Context => self.context,
        }
    }
}

/// `tensor 4`, `tensor 4, expert 8, data 2`: other axes where they divide anything.
impl fmt::Display for Degrees {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tensor {}", self.tensor)?;
        for axis in Axis::ALL {
            if axis != Axis::Tensor && self.of(axis) > 1 {
                write!(formatter, ", {} {}", axis.name(), self.of(axis))?;
            }
        }
        Ok(())
    }
}

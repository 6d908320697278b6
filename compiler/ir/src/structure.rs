//! A module that holds together, as plain data: functions of steps, values by index.
//!
//! [`verifier`](crate::verifier) makes it; [`flow`](crate::flow) prices it. A function and a step have
//! the same index here and in the module.

use crate::cost::Groups;
use crate::dialect::{Computation, Element, Fused, Overlap};
use crate::module::Imported;
use crate::training::Training;
use berth_compiler::graph::{Phase, Place, Target, Variant};
use berth_language::model::Precision;

/// What a module says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Structure {
    /// The root file it was lowered from.
    pub program: Option<String>,
    /// In the module's order.
    pub functions: Vec<Function>,
    /// Exported modules, in order.
    pub modules: Vec<Imported>,
}

impl Structure {
    pub(crate) fn find(&self, symbol: &str) -> Option<usize> {
        self.functions.iter().position(|function| function.symbol == symbol)
    }
}

/// A function: takes one value, returns one.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Its name, without `@`.
    pub symbol: String,
    /// What it is the pass of; none for the body of a repeat.
    pub role: Option<Role>,
    /// How it trains, where it does.
    pub training: Option<Training>,
    /// What divides the rows of a pass; of a body, those of the pass that it is laid out in.
    pub groups: Groups,
    /// Of a pass over images: pixels along a side of the patches that it takes.
    pub patch: Option<u64>,
    /// Of a pass of decode: tokens of each sequence that it reads beside the last one, guessed before.
    pub drafts: u64,
    /// Of the argument.
    pub element: Element,
    /// In order.
    pub steps: Vec<Step>,
    /// Value 0 is the argument, value `i + 1` the result of step `i`.
    pub result: usize,
    /// The line it comes from.
    pub place: Place,
    /// The line of its return.
    pub return_place: Place,
}

impl Function {
    /// The element of a value.
    pub(crate) fn element_of(&self, value: usize) -> Option<Element> {
        match value.checked_sub(1) {
            None => Some(self.element),
            Some(step) => self.steps.get(step).map(|step| step.element),
        }
    }
}

/// What a function is the pass of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role {
    pub service: String,
    pub precision: Precision,
    pub target: Target,
    pub phase: Phase,
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Its name; the callee's for a repeat.
    pub name: String,
    pub computation: Computation,
    /// By index of value.
    pub operands: Vec<usize>,
    /// Of the result.
    pub element: Element,
    /// Which neighbour's kernel it runs in.
    pub fused: Option<Fused>,
    /// What it may run behind.
    pub overlap: Option<Overlap>,
    /// Ways to compute it.
    pub variants: Vec<Variant>,
    /// The line it comes from.
    pub place: Place,
}

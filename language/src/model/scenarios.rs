//! Worlds that the plan must survive.

use super::{Fact, Program};
use crate::span::Span;

/// A world beside the base: some facts are others, some things are gone. Once-choices are shared with
/// the base; only lines whose `when` names it hold there.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Addresses of things that are gone.
    pub lost: Vec<Fact<String>>,
    /// Nodes that are gone, with all that stood on them: by index, ascending.
    pub gone: Vec<usize>,
    /// Facts by full path, each with its value in this world as written.
    pub facts: Vec<Fact<(String, String)>>,
}

impl Scenario {
    /// The nodes that are there, by index, ascending.
    pub fn left(&self, program: &Program) -> Vec<usize> {
        (0..program.nodes.len()).filter(|node| self.gone.binary_search(node).is_err()).collect()
    }
}

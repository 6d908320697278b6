//! Worlds that the plan must survive.

use super::Fact;
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
    /// Facts by full path, each with its value in this world as written.
    pub facts: Vec<Fact<(String, String)>>,
}

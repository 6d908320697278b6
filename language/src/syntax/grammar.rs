//! The grammar's rules, and one statement's text to pairs.

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

#[derive(pest_derive::Parser)]
#[grammar = "syntax/berth.pest"]
struct Grammar;

/// Where reading stopped, and which rules were tried there.
pub(super) struct Stop {
    /// Bytes from the start of the text that was read.
    pub at: usize,
    /// What could have stood there; empty where the stack ran out.
    pub expected: Vec<Rule>,
}

/// The pair of `rule`, which covers `text` from its first byte to its last.
pub(super) fn read(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Stop> {
    let pairs = Grammar::parse(rule, text).map_err(|error| Stop {
        at: match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
        },
        expected: match error.variant {
            ErrorVariant::ParsingError { positives, .. } => positives,
            ErrorVariant::CustomError { .. } => Vec::new(),
        },
    })?;
    pairs.into_iter().next().ok_or(Stop { at: 0, expected: Vec::new() })
}

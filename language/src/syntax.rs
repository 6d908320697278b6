//! Text to tree.
//!
//! [`parse`] is total: any text gives a tree and diagnostics, in time linear in the text. The way:
//!
//! - `tokens`: strings, comments, lines, brackets;
//! - `brackets`: each bracket gets its partner; a missing one is supplied where it was missed, for
//!   which `indentation` is read;
//! - `nesting`: what nests too deeply is marked, so that all that follows may recurse;
//! - `reader`: lines and braces make statements, heads and bodies, so a bad line ends with its line;
//! - `berth.pest`, read by `grammar`: the forms of one statement;
//! - `statement`, `expression`, `literal`: its pairs become the [tree](ast);
//! - `explanation`: a statement of no form becomes [`ast::Item::Broken`] and a message.
//!
//! [`parse_again`] gives what [`parse`] gives, faster, where most of the text has been read before:
//! `reuse` keeps statements, `shift` moves them.

pub mod ast;
mod brackets;
mod explanation;
mod expression;
mod grammar;
mod indentation;
mod literal;
mod nesting;
mod reader;
pub(crate) mod reuse;
pub(crate) mod shift;
mod statement;
pub(crate) mod tokens;

use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};

/// What a text says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// Its statements; those that could not be read are [`ast::Item::Broken`].
    pub file: ast::File,
    /// What could not be read and why, by place. Codes are `syntax::…`.
    pub diagnostics: Vec<Diagnostic>,
    /// Comments, `///` included, without their line ends, in order.
    pub comments: Vec<Span>,
    /// Places of tokens that were supplied, set aside or reported, in order.
    pub faults: Vec<usize>,
}

/// Reads `text`, which is the file `file`.
pub fn parse(file: FileId, text: &str) -> Parsed {
    read(file, text, None)
}

/// Reads `text`, which is the file `file`, after `old`, of which `parsed` is the reading.
pub fn parse_again(file: FileId, text: &str, old: &str, parsed: Parsed) -> Parsed {
    read(file, text, Some(reuse::Reuse::new(parsed, reuse::Edit::between(old, text))))
}

fn read(file: FileId, text: &str, reuse: Option<reuse::Reuse>) -> Parsed {
    let mut parsed = Parsed::default();
    let tokens = tokens::tokens(file, text, &mut parsed);
    let mut paired = brackets::paired(file, text, &parsed.comments, tokens, &mut parsed.diagnostics);
    let depth = nesting::limit(file, text, &mut paired, &mut parsed.diagnostics);
    let faulty = paired.tokens.iter().filter(|token| token.condition != tokens::Condition::Sound);
    parsed.faults = faulty.map(|token| token.start).collect();
    parsed.file.items = reader::items(file, text, &paired, depth, reuse, &mut parsed);
    parsed.diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.span.start));
    parsed
}

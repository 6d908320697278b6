//! An edited file: statements that the edit cannot have touched are kept, the others are read.
//!
//! Whoever reads the file again finds lines and brackets anew, which is cheap; the forms of each
//! statement, which is not, are taken from the last reading where nothing that decides them can have
//! changed: its lines, the start of the next one, the brackets around and inside it.

use super::Parsed;
use super::ast::{Block, If, Item, Use};
use super::nesting::dangles;
use super::shift::Shift;
use super::tokens::{Bracket, Condition, Token, TokenKind};
use crate::span::{FileId, Span};
use std::collections::HashMap;

/// What became of a file's text between two readings: one stretch of it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Bytes at the start that both texts have.
    pub(crate) before: usize,
    /// Where the old text is the same again, to its end.
    pub(crate) old_after: usize,
    /// The same place in the new text.
    pub(crate) new_after: usize,
}

impl Edit {
    /// The smallest one that makes `new` of `old`.
    pub(crate) fn between(old: &str, new: &str) -> Self {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let shorter = old.len().min(new.len());
        let before = same(shorter, |at| old[at] == new[at]);
        let after = same(shorter - before, |at| old[old.len() - 1 - at] == new[new.len() - 1 - at]);
        Self { before, old_after: old.len() - after, new_after: new.len() - after }
    }

    /// Where a stretch of the old text is in the new one; nowhere where the edit is in it.
    pub(crate) fn moved(self, mut span: Span) -> Option<Span> {
        if span.start as usize >= self.old_after {
            self.shift(span.file).span(&mut span);
        } else if span.end as usize > self.before {
            return None;
        }
        Some(span)
    }

    /// How far what comes after it has moved.
    pub(crate) fn shift(self, file: FileId) -> Shift {
        Shift { file, bytes: self.new_after as i64 - self.old_after as i64 }
    }
}

/// How many of the first `most` places are alike.
fn same(most: usize, alike: impl Fn(usize) -> bool) -> usize {
    (0..most).find(|at| !alike(*at)).unwrap_or(most)
}

/// Statements of the last reading that may be kept, by the byte at which they started.
pub(super) struct Reuse {
    edit: Edit,
    kept: HashMap<usize, Item>,
}

impl Reuse {
    /// What may be kept of `old`.
    pub(super) fn new(old: Parsed, edit: Edit) -> Self {
        let mut reuse = Self { edit, kept: HashMap::new() };
        // A message about one statement may stand at another one: what the tokens say counts as well.
        let mut broken = old.faults;
        broken.extend(
            old.diagnostics
                .iter()
                .flat_map(|diagnostic| &diagnostic.labels)
                .map(|label| label.span.start as usize),
        );
        broken.sort_unstable();
        reuse.keep(old.file.items, &broken);
        reuse
    }

    /// Keeps the largest statements that the edit is not in and that nothing is wrong with; `broken` are
    /// the places where something is, in order.
    fn keep(&mut self, items: Vec<Item>, broken: &[usize]) {
        for item in items {
            let Some(span) = span(&item) else { continue };
            let (start, end) = (span.start as usize, span.end as usize);
            let first = broken.partition_point(|at| *at < start);
            let is_sound = broken.get(first).is_none_or(|at| *at > end);
            let is_apart = end < self.edit.before || self.edit.old_after <= start;
            if is_sound && is_apart {
                self.kept.insert(start, item);
                continue;
            }
            match item {
                Item::Block(Block { items: Some(items), .. }) | Item::Use(Use { body: Some(items), .. }) => {
                    self.keep(items, broken);
                }
                Item::If(If { then, otherwise, .. }) => {
                    self.keep(then, broken);
                    self.keep(otherwise, broken);
                }
                _ => {}
            }
        }
    }

    /// The statement that starts with token `at`, and the token after it, where it can be kept.
    pub(super) fn take(
        &mut self,
        file: FileId,
        text: &str,
        tokens: &[Token],
        at: usize,
    ) -> Option<(Item, usize)> {
        let Edit { before, old_after, new_after } = self.edit;
        let first = tokens.get(at)?;
        if first.text(text) == "else" {
            // It was an arm of an `if`, which this is not.
            return None;
        }
        let start = first.start;
        let line = text.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let (known, shift) = if start < before {
            (start, Shift { file, bytes: 0 })
        } else if line >= new_after {
            (start - new_after + old_after, self.edit.shift(file))
        } else {
            return None;
        };
        let end = span(self.kept.get(&known)?)?.end as usize + start - known;
        let mut next = at;
        while let Some(token) = tokens.get(next).filter(|token| token.start < end) {
            if token.condition != Condition::Sound {
                return None;
            }
            next += 1;
        }
        // What follows may belong to it: the rest of its line, the next line where it seems to go on, a
        // brace below it.
        let is = |at: usize, kind| tokens.get(at).is_some_and(|token| token.kind == kind);
        let ends = tokens.get(next).is_none_or(|after| {
            after.condition == Condition::Sound
                && matches!(after.kind, TokenKind::Newline | TokenKind::Close(_))
        });
        let last = next.checked_sub(1).and_then(|last| tokens.get(last));
        if !ends || dangles(text, last) || is(next + 1, TokenKind::Open(Bracket::Curly)) {
            return None;
        }
        let mut item = self.kept.remove(&known)?;
        shift.item(&mut item);
        Some((item, next))
    }
}

/// Where a statement stands; none for what could not be read.
fn span(item: &Item) -> Option<Span> {
    match item {
        Item::Use(item) => Some(item.span),
        Item::Param(item) => Some(item.span),
        Item::Let(item) => Some(item.span),
        Item::Block(item) => Some(item.span),
        Item::If(item) => Some(item.span),
        Item::Assign(item) => Some(item.span),
        Item::Require(item) => Some(item.span),
        Item::Prefer(item) => Some(item.span),
        Item::Broken(_) => None,
    }
}

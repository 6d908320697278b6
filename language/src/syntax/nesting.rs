//! How deeply brackets, `if` and folds nest, and what nests too deeply.

use super::brackets::Paired;
use super::tokens::{Bracket, Condition, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::FileId;

/// Brackets, `if` and folds around one place. Everything after this may recurse once for each.
pub(super) const DEEPEST: usize = 200;

/// Words that nest without brackets until their statement ends.
const NESTING: [&str; 7] = ["if", "all", "any", "sum", "count", "min", "max"];

/// Marks what stands more than [`DEEPEST`] deep as faulty and says so once a line; returns the
/// depth of what is left.
pub(super) fn limit(
    file: FileId,
    text: &str,
    paired: &mut Paired,
    diagnostics: &mut Vec<Diagnostic>,
) -> usize {
    let mut deepest = 0;
    // `None` is a word.
    let mut around: Vec<Option<Bracket>> = Vec::new();
    let mut reported_line = false;
    let mut at = 0;
    while let Some(&token) = paired.tokens.get(at) {
        let nests = match token.kind {
            TokenKind::Open(bracket) => Some(Some(bracket)),
            TokenKind::Word if is_nesting(text, token, paired.tokens.get(at + 1)) => Some(None),
            _ => None,
        };
        if let Some(entry) = nests {
            if around.len() < DEEPEST {
                around.push(entry);
                deepest = deepest.max(around.len());
            } else {
                paired.tokens[at].condition = Condition::Faulty;
                if !std::mem::replace(&mut reported_line, true) {
                    diagnostics.push(
                        Diagnostic::error(
                            "syntax::too-deep",
                            "nested too deeply",
                            token.span(file),
                            format!("{DEEPEST} brackets, `if` and folds are open around this"),
                        )
                        .help("Name the inner parts with `let`, or flatten the blocks."),
                    );
                }
                // What is inside is not looked at.
                if let Some(partner) = paired.partner.get(at).copied().flatten() {
                    at = partner;
                }
            }
        }
        match token.kind {
            TokenKind::Newline => {
                reported_line = false;
                let dangles = dangles(text, at.checked_sub(1).and_then(|before| paired.tokens.get(before)));
                if !dangles && !is_in_brackets(&around) {
                    leave_words(&mut around);
                }
            }
            TokenKind::Symbol if token.text(text) == "," => leave_words(&mut around),
            TokenKind::Close(_) => {
                leave_words(&mut around);
                around.pop();
            }
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The innermost bracket is no brace, so a line's end ends no statement.
fn is_in_brackets(around: &[Option<Bracket>]) -> bool {
    let bracket = around.iter().rev().find_map(|entry| *entry);
    bracket.is_some_and(|bracket| bracket != Bracket::Curly)
}

/// Words end with the comma, bracket or statement that they stand in.
fn leave_words(around: &mut Vec<Option<Bracket>>) {
    while let Some(None) = around.last() {
        around.pop();
    }
}

/// `if`, or a fold's word before its variable; elsewhere these are names.
fn is_nesting(text: &str, token: Token, next: Option<&Token>) -> bool {
    let word = token.text(text);
    NESTING.contains(&word)
        && (word == "if" || next.is_some_and(|next| next.kind == TokenKind::Word && next.start > token.end))
}

/// A line that ends with `last` goes on in the next one.
pub(super) fn dangles(text: &str, last: Option<&Token>) -> bool {
    last.is_some_and(|token| {
        let written = token.text(text);
        match token.kind {
            TokenKind::Symbol => !matches!(written, "," | "." | "%" | "$" | "€" | "£" | "¥"),
            TokenKind::Word => matches!(written, "and" | "or" | "in"),
            _ => false,
        }
    })
}

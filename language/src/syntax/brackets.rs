//! Tokens to tokens whose brackets pair.
//!
//! A bracket that is missing is supplied where it was missed and one that closes nothing is set
//! aside, each with a diagnostic, so that all that follows can rely on pairs.
//!
//! A file whose brackets nest is taken as it is, however it is indented. Where they do not nest, the
//! indentation says which one is missing: a body's closer stands below the start of its head's
//! line, and lines inside stand deeper. If that reading finds more faults than nesting alone does,
//! the file is indented in some other way and nesting decides.

use super::indentation;
use super::tokens::{Bracket, Condition, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};
use std::collections::BTreeSet;

/// Tokens with, for each bracket, the place of the other one.
pub(super) struct Paired {
    pub tokens: Vec<Token>,
    /// For each token; `None` for all but brackets that pair.
    pub partner: Vec<Option<usize>>,
}

/// What is wrong with a bracket. Numbers are places of tokens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// `opener` should have been closed before the token `before`.
    Unclosed { opener: usize, before: usize },
    /// `closer` closes nothing.
    Unopened { closer: usize, missed: Missed },
    /// `closer` stands where the closer of `opener` should.
    Mismatched { opener: usize, closer: usize },
}

/// Where a closer's opener seems to be missing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Missed {
    /// Nobody knows.
    Nowhere,
    /// At the end of the line that starts with the token `first` and ends with `last`.
    AtEnd { first: usize, last: usize },
    /// In the comment from byte `start` to `end`, which must have swallowed the line.
    InComment { start: usize, end: usize },
}

/// Openers that are looked at in search of one that a closer fits; more are not nested by hand.
pub(super) const REACH: usize = 256;

/// Pairs the brackets of `tokens`, saying what is missing.
pub(super) fn paired(
    file: FileId,
    text: &str,
    comments: &[Span],
    tokens: Vec<Token>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Paired {
    let mut faults = faults_by_nesting(&tokens);
    if !faults.is_empty() {
        let indented = indentation::faults(text, comments, &tokens);
        if indented.len() <= faults.len() {
            faults = indented;
        }
        report(file, text, &tokens, &faults, diagnostics);
    }
    pair(mend(tokens, &faults))
}

/// Pairs each closer with the nearest opener of its kind; a brace ends brackets left open before it.
fn faults_by_nesting(tokens: &[Token]) -> Vec<Fault> {
    // A round or square bracket left open ends with its line, or it would swallow the next ones.
    let mut line_ends = vec![tokens.len(); tokens.len()];
    for at in (0..tokens.len()).rev() {
        line_ends[at] = match tokens[at].kind {
            TokenKind::Newline | TokenKind::Open(Bracket::Curly) | TokenKind::Close(Bracket::Curly) => at,
            _ => line_ends.get(at + 1).copied().unwrap_or(at + 1),
        };
    }
    let unclosed = |opener: usize, bracket: Bracket, before: usize| Fault::Unclosed {
        opener,
        before: match bracket {
            Bracket::Curly => before,
            Bracket::Round | Bracket::Square => line_ends[opener].min(before),
        },
    };
    let mut faults = Vec::new();
    let mut open: Vec<(usize, Bracket)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open(bracket) => {
                while bracket == Bracket::Curly
                    && let Some((opener, other)) = open.pop_if(|(_, other)| *other != bracket)
                {
                    faults.push(unclosed(opener, other, at));
                }
                open.push((at, bracket));
            }
            TokenKind::Close(bracket) => {
                let reachable = open
                    .iter()
                    .rev()
                    .take(REACH)
                    .take_while(|(_, other)| bracket == Bracket::Curly || *other != Bracket::Curly)
                    .any(|(_, other)| *other == bracket);
                if !reachable {
                    faults.push(Fault::Unopened { closer: at, missed: Missed::Nowhere });
                    continue;
                }
                while let Some((opener, other)) = open.pop()
                    && other != bracket
                {
                    faults.push(unclosed(opener, other, at));
                }
            }
            _ => {}
        }
    }
    for (opener, bracket) in open.into_iter().rev() {
        faults.push(unclosed(opener, bracket, tokens.len()));
    }
    faults
}

/// Says what is wrong, once a line, and nothing where an unclosed string already explains it.
fn report(file: FileId, text: &str, tokens: &[Token], faults: &[Fault], diagnostics: &mut Vec<Diagnostic>) {
    let reported: Vec<usize> = tokens
        .iter()
        .filter(|token| token.condition == Condition::Reported)
        .map(|token| token.start)
        .collect();
    let newlines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_start = |at: usize| {
        let after = newlines.partition_point(|newline| *newline < at);
        after.checked_sub(1).map_or(0, |before| newlines[before] + 1)
    };
    let line_end = |at: usize| {
        let after = newlines.partition_point(|newline| *newline < at);
        newlines.get(after).copied().unwrap_or(text.len())
    };
    let mut lines = BTreeSet::new();
    for fault in faults {
        let (from, to) = match *fault {
            Fault::Unclosed { opener, before } => {
                let end = before_newlines(tokens, before).checked_sub(1);
                (tokens[opener].start, end.map_or(0, |end| tokens[end].end))
            }
            Fault::Unopened { closer, missed } => {
                let to = tokens[closer].start;
                match missed {
                    Missed::Nowhere => (to, to),
                    Missed::AtEnd { first, .. } => (tokens[first].start, to),
                    Missed::InComment { start, .. } => (start, to),
                }
            }
            Fault::Mismatched { opener, closer } => (tokens[opener].start, tokens[closer].start),
        };
        let from = line_start(from);
        let first = reported.partition_point(|at| *at < from);
        let is_explained = reported.get(first).is_some_and(|at| *at <= line_end(to));
        if lines.insert(from) && !is_explained {
            diagnostics.push(explain(file, text, tokens, *fault));
        }
    }
}

fn explain(file: FileId, text: &str, tokens: &[Token], fault: Fault) -> Diagnostic {
    let span = |at: usize| tokens[at].span(file);
    let written = |at: usize| tokens[at].text(text);
    match fault {
        Fault::Unclosed { opener, before } => {
            let bracket = bracket(tokens[opener]);
            let (open, close) = (bracket.opener(), bracket.closer());
            let diagnostic = Diagnostic::error(
                "syntax::unclosed-bracket",
                format!("`{open}` is never closed"),
                span(opener),
                format!("this `{open}` has no `{close}`"),
            );
            let last = before_newlines(tokens, before).saturating_sub(1);
            let diagnostic = if last > opener {
                diagnostic.and(span(last), format!("`{close}` is missing after this"))
            } else {
                diagnostic
            };
            diagnostic.help(if bracket == Bracket::Curly {
                format!("Close the body with `{close}`, below the start of the line that opens it.")
            } else {
                format!("Write `{close}` where it ends.")
            })
        }
        Fault::Unopened { closer, missed } => {
            let bracket = bracket(tokens[closer]);
            let (open, close) = (bracket.opener(), bracket.closer());
            let title = format!("`{close}` closes nothing");
            match missed {
                Missed::Nowhere => Diagnostic::error(
                    "syntax::unopened-bracket",
                    title,
                    span(closer),
                    format!("no `{open}` is open here"),
                )
                .help(format!("Leave it out, or write the `{open}` that it closes.")),
                Missed::AtEnd { first, last } => {
                    let line = span(first).join(span(last));
                    let head = text.get(line.range()).unwrap_or("");
                    Diagnostic::error(
                        "syntax::unopened-bracket",
                        title,
                        line,
                        format!("no `{open}` ends this line, but the next ones are inside it"),
                    )
                    .and(span(closer), format!("this `{close}` has no `{open}`"))
                    .help(format!("Did you mean `{head} {open}`?"))
                }
                Missed::InComment { start, end } => Diagnostic::error(
                    "syntax::unopened-bracket",
                    title,
                    Span::new(file, start, end),
                    "the lines below are inside of something, but this is a comment",
                )
                .and(span(closer), format!("this `{close}` has no `{open}`"))
                .help(format!(
                    "If the comment holds a line that should end with `{open}`, put that on a line of its own."
                )),
            }
        }
        Fault::Mismatched { opener, closer } => Diagnostic::error(
            "syntax::mismatched-bracket",
            format!("`{}` is closed by `{}`", written(opener), written(closer)),
            span(opener),
            format!("opened with `{}`", written(opener)),
        )
        .and(span(closer), format!("closed with `{}`", written(closer)))
        .help("Close each bracket with its own kind: `( )`, `[ ]`, `{ }`."),
    }
}

/// The kind of a token that is a bracket.
fn bracket(token: Token) -> Bracket {
    match token.kind {
        TokenKind::Open(bracket) | TokenKind::Close(bracket) => bracket,
        _ => Bracket::Round,
    }
}

/// `at`, or the first of the newlines right before it.
fn before_newlines(tokens: &[Token], at: usize) -> usize {
    let before = tokens[..at].iter().rev();
    at - before.take_while(|token| token.kind == TokenKind::Newline).count()
}

/// Supplies what is missing and marks what is too many.
fn mend(mut tokens: Vec<Token>, faults: &[Fault]) -> Vec<Token> {
    // Place, then closers before openers, then from the inside out.
    let mut supplied: Vec<(usize, bool, isize, TokenKind)> = Vec::new();
    for fault in faults {
        match *fault {
            Fault::Unclosed { opener, before } => {
                if let TokenKind::Open(bracket) = tokens[opener].kind {
                    let place = before_newlines(&tokens, before);
                    let order = -(opener as isize);
                    supplied.push((place, false, order, TokenKind::Close(bracket)));
                }
            }
            Fault::Unopened { closer, missed } => {
                let kind = tokens[closer].kind;
                match (kind, missed) {
                    (TokenKind::Close(bracket), Missed::AtEnd { last, .. }) => {
                        let order = -(closer as isize);
                        supplied.push((last + 1, true, order, TokenKind::Open(bracket)));
                    }
                    _ => {
                        tokens[closer].kind = TokenKind::Unknown;
                        tokens[closer].condition = Condition::Faulty;
                    }
                }
            }
            Fault::Mismatched { opener, closer } => {
                tokens[opener].condition = Condition::Faulty;
                if let TokenKind::Open(bracket) = tokens[opener].kind {
                    tokens[closer].kind = TokenKind::Close(bracket);
                }
            }
        }
    }
    if supplied.is_empty() {
        return tokens;
    }
    supplied.sort_by_key(|(place, opens, order, _)| (*place, *opens, *order));
    let mut mended: Vec<Token> = Vec::with_capacity(tokens.len() + supplied.len());
    let mut rest = supplied.into_iter().peekable();
    for at in 0..=tokens.len() {
        while let Some((_, _, _, kind)) = rest.next_if(|(place, ..)| *place == at) {
            let place = mended.last().map_or(0, |token| token.end);
            mended.push(Token { kind, start: place, end: place, condition: Condition::Supplied });
        }
        mended.extend(tokens.get(at));
    }
    mended
}

/// The places of partners; what still does not pair (nothing, if the faults are all) has none.
fn pair(mut tokens: Vec<Token>) -> Paired {
    let mut partner = vec![None; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        match tokens[at].kind {
            TokenKind::Open(_) => open.push(at),
            TokenKind::Close(bracket) => {
                let opener = open.pop_if(|opener| tokens[*opener].kind == TokenKind::Open(bracket));
                match opener {
                    Some(opener) => {
                        partner[opener] = Some(at);
                        partner[at] = Some(opener);
                    }
                    None => {
                        tokens[at].kind = TokenKind::Unknown;
                        tokens[at].condition = Condition::Faulty;
                    }
                }
            }
            _ => {}
        }
    }
    Paired { tokens, partner }
}

//! Tokens to tokens whose brackets pair.
//!
//! A bracket that is missing is supplied where it was missed and one that closes nothing is set
//! aside, each with a diagnostic, so that whatever reads on can rely on pairs.

use super::tokens::{Bracket, Condition, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::FileId;

/// Tokens with, for each bracket, the place of the other one.
pub(super) struct Paired {
    pub tokens: Vec<Token>,
    /// For each token; `None` for all but brackets that pair.
    pub partner: Vec<Option<usize>>,
}

/// What is wrong with a bracket. Numbers are places of tokens.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `opener` should have been closed before the token `before`.
    Unclosed { opener: usize, before: usize },
    /// `closer` closes nothing.
    Unopened { closer: usize },
    /// `closer` stands where the closer of `opener` should.
    Mismatched { opener: usize, closer: usize },
}

/// Pairs the brackets of `tokens`, saying what is missing.
pub(super) fn paired(
    file: FileId,
    text: &str,
    tokens: Vec<Token>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Paired {
    let faults = faults_by_nesting(&tokens);
    for fault in &faults {
        diagnostics.push(explain(file, text, &tokens, *fault));
    }
    pair(mend(tokens, &faults))
}

/// Pairs each closer with the nearest opener of its kind; a brace ends brackets left open before it.
fn faults_by_nesting(tokens: &[Token]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut open: Vec<(usize, Bracket)> = Vec::new();
    // A bracket left open ends with its line, or one of them would swallow the rest of a body.
    let end_of_line = |from: usize| {
        (from..tokens.len())
            .find(|&at| {
                matches!(
                    tokens[at].kind,
                    TokenKind::Newline
                        | TokenKind::Open(Bracket::Curly)
                        | TokenKind::Close(Bracket::Curly)
                )
            })
            .unwrap_or(tokens.len())
    };
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open(bracket) => {
                if bracket == Bracket::Curly {
                    while let Some(&(opener, other)) = open.last()
                        && other != Bracket::Curly
                    {
                        open.pop();
                        let before = end_of_line(opener);
                        faults.push(Fault::Unclosed { opener, before });
                    }
                }
                open.push((at, bracket));
            }
            TokenKind::Close(bracket) => {
                let reachable = open
                    .iter()
                    .rev()
                    .take_while(|(_, other)| bracket == Bracket::Curly || *other != Bracket::Curly)
                    .any(|(_, other)| *other == bracket);
                if !reachable {
                    faults.push(Fault::Unopened { closer: at });
                    continue;
                }
                while let Some((opener, other)) = open.pop()
                    && other != bracket
                {
                    let before = end_of_line(opener).min(at);
                    faults.push(Fault::Unclosed { opener, before });
                }
            }
            _ => {}
        }
    }
    for (opener, bracket) in open {
        let before = match bracket {
            Bracket::Curly => tokens.len(),
            _ => end_of_line(opener),
        };
        faults.push(Fault::Unclosed { opener, before });
    }
    faults
}

fn explain(file: FileId, text: &str, tokens: &[Token], fault: Fault) -> Diagnostic {
    let span = |at: usize| tokens[at].span(file);
    match fault {
        Fault::Unclosed { opener, .. } => Diagnostic::error(
            "syntax::unclosed-bracket",
            format!("`{}` is never closed", tokens[opener].text(text)),
            span(opener),
            "opened here",
        ),
        Fault::Unopened { closer } => Diagnostic::error(
            "syntax::unopened-bracket",
            format!("`{}` closes nothing", tokens[closer].text(text)),
            span(closer),
            "nothing is open here",
        ),
        Fault::Mismatched { opener, closer } => Diagnostic::error(
            "syntax::unclosed-bracket",
            "brackets of two kinds",
            span(opener),
            "opened here",
        )
        .and(span(closer), "closed here"),
    }
}

/// Supplies what is missing and marks what is too many.
fn mend(mut tokens: Vec<Token>, faults: &[Fault]) -> Vec<Token> {
    let mut supplied: Vec<(usize, usize, TokenKind)> = Vec::new();
    for (order, fault) in faults.iter().enumerate() {
        match *fault {
            Fault::Unclosed { opener, before } => {
                if let TokenKind::Open(bracket) = tokens[opener].kind {
                    // Several that are missed at one place close from the inside out.
                    supplied.push((before, tokens.len() - opener, TokenKind::Close(bracket)));
                }
            }
            Fault::Unopened { closer } => {
                tokens[closer].kind = TokenKind::Unknown;
                tokens[closer].condition = Condition::Faulty;
            }
            Fault::Mismatched { opener, closer } => {
                tokens[opener].condition = Condition::Faulty;
                if let TokenKind::Open(bracket) = tokens[opener].kind {
                    tokens[closer].kind = TokenKind::Close(bracket);
                }
            }
        }
        let _ = order;
    }
    if supplied.is_empty() {
        return tokens;
    }
    supplied.sort_by_key(|(before, order, _)| (*before, *order));
    let mut mended = Vec::with_capacity(tokens.len() + supplied.len());
    let mut rest = supplied.into_iter().peekable();
    for at in 0..=tokens.len() {
        while let Some((_, _, kind)) = rest.next_if(|(before, _, _)| *before == at) {
            let place = mended.last().map_or(0, |token: &Token| token.end);
            mended.push(Token {
                kind,
                start: place,
                end: place,
                condition: Condition::Supplied,
            });
        }
        mended.extend(tokens.get(at));
    }
    mended
}

/// The places of partners; mended tokens leave nothing unpaired.
fn pair(tokens: Vec<Token>) -> Paired {
    let mut partner = vec![None; tokens.len()];
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open(_) => open.push(at),
            TokenKind::Close(_) => {
                if let Some(opener) = open.pop() {
                    partner[opener] = Some(at);
                    partner[at] = Some(opener);
                }
            }
            _ => {}
        }
    }
    Paired { tokens, partner }
}

//! Why a statement could not be read.

use super::grammar::Stop;
use super::tokens::Token;
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};

/// The message for a piece that stops at `stop`, bytes of the file.
pub(super) fn explain(
    file: FileId,
    text: &str,
    piece: &[Token],
    at: usize,
    stop: &Stop,
) -> Diagnostic {
    let token = piece.iter().find(|token| token.end > at);
    let span = token.map_or(Span::new(file, at, at), |token| token.span(file));
    let _ = text;
    Diagnostic::error(
        "syntax::unexpected",
        "this line is not understood",
        span,
        format!("{:?}", stop.expected),
    )
}

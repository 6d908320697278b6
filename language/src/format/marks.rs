//! What is written: each token with the comments and line ends before it.

use crate::span::{FileId, Span};
use crate::syntax::Parsed;
use crate::syntax::tokens::{TokenKind, tokens};

/// A token of the text.
#[derive(Debug)]
pub(super) struct Mark<'t> {
    /// As it stands; empty for the end of the file.
    pub text: &'t str,
    /// Its first byte in the file.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What stands between the mark before and this one.
    pub comments: Vec<Comment<'t>>,
    /// A line ends between the mark before and this one.
    pub newline: bool,
    /// An empty line stands directly before this one.
    pub blank: bool,
    /// For a bracket: which mark is its partner.
    pub partner: Option<usize>,
}

/// A comment, `///` included.
#[derive(Debug)]
pub(super) struct Comment<'t> {
    /// Without blanks at its end.
    pub text: &'t str,
    /// Nothing but blanks stands before it on its line.
    pub own_line: bool,
    /// An empty line stands directly before it.
    pub blank: bool,
}

/// The marks of `text`, whose comments are `comments`, and one for its end.
pub(super) fn marks<'t>(text: &'t str, comments: &[Span]) -> Vec<Mark<'t>> {
    let mut unread = Parsed::default();
    let tokens = tokens(FileId(0), text, &mut unread);
    let mut marks: Vec<Mark<'t>> = Vec::with_capacity(tokens.len() + 1);
    let mut before = Before { text, comments, waiting: Vec::new(), ends: 0, newline: true };
    let mut open = Vec::new();
    for token in tokens {
        before.comments_up_to(token.start);
        if token.kind == TokenKind::Newline {
            before.ends += 1;
            before.newline = true;
            continue;
        }
        let at = marks.len();
        let mut partner = None;
        match token.kind {
            TokenKind::Open(_) => open.push(at),
            TokenKind::Close(_) => {
                partner = open.pop();
                if let Some(opener) = partner {
                    marks[opener].partner = Some(at);
                }
            }
            _ => {}
        }
        marks.push(Mark { partner, ..before.mark(token.start, token.end) });
    }
    before.comments_up_to(text.len());
    marks.push(before.mark(text.len(), text.len()));
    marks
}

/// What was passed since the last mark.
struct Before<'t, 'c> {
    text: &'t str,
    /// Those that come.
    comments: &'c [Span],
    /// Those that belong to the next mark.
    waiting: Vec<Comment<'t>>,
    /// Line ends since the last mark or comment.
    ends: usize,
    /// A line ended since the last mark, or none has begun.
    newline: bool,
}

impl<'t> Before<'t, '_> {
    fn comments_up_to(&mut self, at: usize) {
        while let Some((next, rest)) = self.comments.split_first()
            && (next.start as usize) < at
        {
            let text = self.text.get(next.range()).unwrap_or("");
            self.waiting.push(Comment {
                text: text.trim_end_matches([' ', '\t', '\r']),
                own_line: self.newline,
                blank: self.ends > 1,
            });
            self.ends = 0;
            self.comments = rest;
        }
    }

    fn mark(&mut self, start: usize, end: usize) -> Mark<'t> {
        let mark = Mark {
            text: self.text.get(start..end).unwrap_or(""),
            start,
            end,
            comments: std::mem::take(&mut self.waiting),
            newline: self.newline,
            blank: self.ends > 1,
            partner: None,
        };
        self.ends = 0;
        self.newline = false;
        mark
    }
}

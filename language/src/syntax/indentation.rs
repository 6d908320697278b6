//! Which bracket is missing, as the indentation says.
//!
//! Taken for true: brackets on one line pair on that line if they can; whatever is left open at a
//! line's end is closed at the start of the next line that is indented like it, and the lines between
//! are indented deeper.

use super::brackets::{Fault, Missed, REACH};
use super::tokens::{Bracket, Token, TokenKind};
use crate::span::Span;

/// A line that is not blank.
struct Line {
    /// Columns before it.
    indent: usize,
    /// Places of its tokens, the newline excluded; none where it is a comment.
    first: usize,
    after: usize,
    /// Bytes of the comment that is alone on it.
    comment: Option<(usize, usize)>,
}

/// A bracket that its line leaves open.
#[derive(Clone, Copy)]
struct Open {
    bracket: Bracket,
    token: usize,
    line: usize,
    indent: usize,
}

/// What is missing in `tokens`, whose brackets do not nest.
pub(super) fn faults(text: &str, comments: &[Span], tokens: &[Token]) -> Vec<Fault> {
    let lines = lines(text, comments, tokens);
    let mut next_not_deeper = vec![lines.len(); lines.len()];
    let mut deeper: Vec<usize> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        while let Some(before) = deeper.pop_if(|before| lines[*before].indent >= line.indent) {
            next_not_deeper[before] = at;
        }
        deeper.push(at);
    }
    let mut search =
        Search { text, tokens, lines: &lines, next_not_deeper, open: Vec::new(), faults: Vec::new() };
    for at in 0..lines.len() {
        search.line(at);
    }
    search.leave(tokens.len(), |_| true);
    search.faults
}

struct Search<'a> {
    text: &'a str,
    tokens: &'a [Token],
    lines: &'a [Line],
    /// For each line the next one that is indented as much or less.
    next_not_deeper: Vec<usize>,
    /// What earlier lines left open.
    open: Vec<Open>,
    faults: Vec<Fault>,
}

impl Search<'_> {
    fn line(&mut self, number: usize) {
        let Line { indent, first, after, .. } = self.lines[number];
        if first == after {
            return;
        }
        if !matches!(self.tokens[first].kind, TokenKind::Close(_)) {
            self.leave(first, |open| open.indent >= indent);
        }
        let mut here: Vec<(usize, Bracket)> = Vec::new();
        let mut unfitting: Vec<usize> = Vec::new();
        let mut leads = true;
        for at in first..after {
            match self.tokens[at].kind {
                TokenKind::Open(bracket) => {
                    if bracket == Bracket::Curly {
                        while let Some((opener, _)) = here.pop_if(|(_, other)| *other != Bracket::Curly) {
                            self.unclosed(opener, at);
                        }
                        self.leave(first, |open| open.bracket != Bracket::Curly);
                    }
                    here.push((at, bracket));
                    leads = false;
                }
                TokenKind::Close(bracket) => {
                    let fits = here
                        .iter()
                        .rev()
                        .take(REACH)
                        .take_while(|(_, other)| bracket == Bracket::Curly || *other != Bracket::Curly)
                        .any(|(_, other)| *other == bracket);
                    if fits {
                        while let Some((opener, other)) = here.pop()
                            && other != bracket
                        {
                            self.unclosed(opener, at);
                        }
                    } else if !here.is_empty() {
                        unfitting.push(at);
                    } else if leads {
                        self.close_at_start(at, bracket, number);
                    } else {
                        self.close_within(at, bracket, number);
                    }
                }
                _ => leads = false,
            }
        }
        for closer in unfitting {
            let opener = here.pop_if(|(opener, other)| *opener < closer && *other != Bracket::Curly);
            self.faults.push(match opener {
                Some((opener, _)) => Fault::Mismatched { opener, closer },
                None => Fault::Unopened { closer, missed: Missed::Nowhere },
            });
        }
        self.open.extend(here.into_iter().map(|(token, bracket)| Open {
            bracket,
            token,
            line: number,
            indent,
        }));
    }

    /// A closer with nothing but closers before it on its line.
    fn close_at_start(&mut self, closer: usize, bracket: Bracket, number: usize) {
        let Line { indent, first, .. } = self.lines[number];
        self.leave(first, |open| open.indent > indent);
        while let Some(&last) = self.open.last() {
            if last.indent < indent {
                if last.bracket == bracket && !self.is_closed_below(last, number) {
                    self.open.pop();
                    return;
                }
                break;
            }
            if last.bracket == bracket {
                self.open.pop();
                return;
            }
            let fits = self
                .open
                .iter()
                .rev()
                .take(REACH)
                .take_while(|open| open.indent == indent)
                .any(|open| open.bracket == bracket);
            if fits || bracket == Bracket::Curly {
                self.open.pop();
                self.unclosed(last.token, first);
            } else if last.bracket == Bracket::Curly {
                break;
            } else {
                self.open.pop();
                self.faults.push(Fault::Mismatched { opener: last.token, closer });
                return;
            }
        }
        let missed = self.missed(number, bracket);
        self.faults.push(Fault::Unopened { closer, missed });
    }

    /// A closer after other tokens, whose opener is on no line or an earlier one.
    fn close_within(&mut self, closer: usize, bracket: Bracket, number: usize) {
        let fitting = self
            .open
            .iter()
            .rev()
            .take(REACH)
            .take_while(|open| bracket == Bracket::Curly || open.bracket != Bracket::Curly)
            .find(|open| open.bracket == bracket)
            .copied();
        match fitting {
            Some(fitting) if !self.is_closed_below(fitting, number) => {
                self.leave(closer, |open| open.token > fitting.token);
                self.open.pop();
            }
            _ => self.faults.push(Fault::Unopened { closer, missed: Missed::Nowhere }),
        }
    }

    /// Where the opener of a closer that starts line `number` is missing: the line above that is
    /// indented alike, all between being deeper.
    fn missed(&self, number: usize, bracket: Bracket) -> Missed {
        let indent = self.lines[number].indent;
        let above = self.lines[..number].iter().rposition(|line| line.indent <= indent);
        let Some(above) = above.filter(|above| {
            self.lines[*above].indent == indent && self.open.last().is_none_or(|open| open.line < *above)
        }) else {
            return Missed::Nowhere;
        };
        let line = &self.lines[above];
        let has_body = above + 1 < number;
        if let Some((start, end)) = line.comment.filter(|_| has_body) {
            return Missed::InComment { start, end };
        }
        if line.first == line.after {
            return Missed::Nowhere;
        }
        // A line of closers has been a body's end, and goes on only with `else`.
        let last = line.after - 1;
        let ends = matches!(self.tokens[last].kind, TokenKind::Close(_))
            && matches!(self.tokens[line.first].kind, TokenKind::Close(_));
        let fits = match bracket {
            Bracket::Curly => self.is_head(line),
            Bracket::Round | Bracket::Square => has_body,
        };
        if ends || !fits {
            return Missed::Nowhere;
        }
        Missed::AtEnd { first: line.first, last }
    }

    /// A line that may stand before a body: it starts with a word, and sets and compares nothing
    /// unless it is an `if`.
    fn is_head(&self, line: &Line) -> bool {
        let tokens = &self.tokens[line.first..line.after];
        let texts = || tokens.iter().map(|token| token.text(self.text));
        let starts = tokens.first().is_some_and(|token| token.kind == TokenKind::Word);
        let chooses = texts().any(|word| matches!(word, "if" | "else"));
        let sets = texts().any(|mark| matches!(mark, "=" | "==" | "!=" | "<" | ">" | "<=" | ">="));
        chooses || starts && !sets
    }

    /// A line below line `number` closes `open` where its line starts.
    fn is_closed_below(&self, open: Open, number: usize) -> bool {
        let next = self.next_not_deeper[open.line];
        next > number
            && self.lines.get(next).is_some_and(|line| {
                line.indent == open.indent
                    && line.first < line.after
                    && self.tokens[line.first].kind == TokenKind::Close(open.bracket)
            })
    }

    /// Gives up what is open while `is_over`; it was missed before the token `before`.
    fn leave(&mut self, before: usize, is_over: impl Fn(&Open) -> bool) {
        while let Some(open) = self.open.pop_if(|open| is_over(open)) {
            self.unclosed(open.token, before);
        }
    }

    fn unclosed(&mut self, opener: usize, before: usize) {
        self.faults.push(Fault::Unclosed { opener, before });
    }
}

/// The lines that are not blank.
fn lines(text: &str, comments: &[Span], tokens: &[Token]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut comments = comments.iter().peekable();
    let mut at = 0;
    let mut start = 0;
    for written in text.split_inclusive('\n') {
        let end = start + written.len();
        let comment = comments.next_if(|comment| (comment.start as usize) < end);
        let first = at;
        while tokens.get(at).is_some_and(|token| token.start < end) {
            at += 1;
        }
        let is_newline = |at: usize| tokens[at].kind == TokenKind::Newline;
        let after = if at > first && is_newline(at - 1) { at - 1 } else { at };
        if first < after || comment.is_some() {
            lines.push(Line {
                indent: columns(written),
                first,
                after,
                comment: comment
                    .filter(|_| first == after)
                    .map(|comment| (comment.start as usize, comment.end as usize)),
            });
        }
        start = end;
    }
    lines
}

/// Columns of the blanks at the start of a line; a tab goes to the next multiple of four.
fn columns(line: &str) -> usize {
    let mut columns = 0;
    for character in line.chars() {
        match character {
            ' ' => columns += 1,
            '\t' => columns += 4 - columns % 4,
            '\u{FEFF}' => {}
            _ => break,
        }
    }
    columns
}

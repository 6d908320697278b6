//! Tokens to statements, heads and bodies.
//!
//! A statement ends with its line unless a bracket is open or an operator, `=` or `:` dangles. A
//! piece that does not parse is broken and nothing around it is, so one bad line hides no other.

use super::Parsed;
use super::ast::{Block, Expr, If, Item};
use super::brackets::Paired;
use super::explanation::explain;
use super::grammar::{self, Rule, Stop};
use super::nesting::dangles;
use super::reuse::Reuse;
use super::statement::{Head, Tree};
use super::tokens::{Bracket, Condition, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};
use std::ops::Range;

/// The deepest nesting that is read on the caller's stack.
const SHALLOW: usize = 16;

/// Lines that one statement goes on for without brackets; a tree of as many operators is refused.
const MOST_JOINTS: usize = super::expression::DEEPEST;

/// Stack for all that nests more deeply, up to the limit; measured with margin by the tests.
const DEEP_STACK: usize = 64 << 20;

/// The statements of a file, whose nesting is `depth`.
pub(super) fn items(
    file: FileId,
    text: &str,
    paired: &Paired,
    depth: usize,
    reuse: Option<Reuse>,
    parsed: &mut Parsed,
) -> Vec<Item> {
    let mut reader = Reader {
        file,
        text,
        paired,
        at: 0,
        comments: &parsed.comments,
        reuse,
        diagnostics: &mut parsed.diagnostics,
    };
    if depth <= SHALLOW {
        return reader.items();
    }
    let read = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(DEEP_STACK)
            .spawn_scoped(scope, || reader.items())
            .ok()
            .and_then(|thread| thread.join().ok())
    });
    read.unwrap_or_else(|| {
        let whole = Span::new(file, 0, text.len());
        parsed.diagnostics.push(
            Diagnostic::error(
                "syntax::too-deep",
                "nested too deeply for this machine",
                whole,
                format!("{depth} brackets, `if` and folds are open around one place"),
            )
            .help("Name the inner parts with `let`, or flatten the blocks."),
        );
        vec![Item::Broken(whole)]
    })
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    paired: &'a Paired,
    /// The next token.
    at: usize,
    comments: &'a [Span],
    /// What is kept of the last reading.
    reuse: Option<Reuse>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

/// Tokens of a statement or of a head.
struct Piece {
    tokens: Range<usize>,
    /// Newlines in it after which it goes on because something dangles.
    joints: Vec<usize>,
}

impl<'a> Reader<'a> {
    /// Statements up to the end of the body or file.
    fn items(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some(token) = self.token() {
            match token.kind {
                TokenKind::Newline => self.at += 1,
                TokenKind::Close(Bracket::Curly) => break,
                _ => items.push(self.item()),
            }
        }
        items
    }

    fn item(&mut self) -> Item {
        if let Some(item) = self.kept() {
            return item;
        }
        let piece = self.piece();
        if !self.is_at(TokenKind::Open(Bracket::Curly)) {
            return self.statement(piece);
        }
        let item = self.with_body(piece);
        if self.is_else() {
            return self.else_without_if(item);
        }
        if let Some(next) = self.token()
            && !matches!(next.kind, TokenKind::Newline | TokenKind::Close(Bracket::Curly))
        {
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax::two-statements",
                    "two statements on one line",
                    next.span(self.file),
                    "a statement ends before this",
                )
                .help(
                    if next.kind == TokenKind::Word && strsim::osa_distance(next.text(self.text), "else") == 1
                    {
                        "Did you mean `else`?"
                    } else {
                        "Start a new line here."
                    },
                ),
            );
        }
        item
    }

    /// The statement that is next, where the last reading has it.
    fn kept(&mut self) -> Option<Item> {
        let reuse = self.reuse.as_mut()?;
        let (mut item, next) = reuse.take(self.file, self.text, &self.paired.tokens, self.at)?;
        self.at = next;
        if let Item::Block(block) = &mut item
            && block.items.is_some()
        {
            // What stands above it may have changed.
            block.doc = self.doc(block.span.start as usize);
        }
        Some(item)
    }

    /// `item`, which is no `if`, with the `else` that is next.
    fn else_without_if(&mut self, item: Item) -> Item {
        let Some(word) = self.token() else {
            return item;
        };
        let (Item::Block(Block { span, .. }) | Item::Broken(span)) = item else {
            return item;
        };
        if let Item::Block(block) = &item {
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax::else-without-if",
                    "`else` without its `if`",
                    block.head,
                    "this is no `if`",
                )
                .and(word.span(self.file), "the `else` of this")
                .help("Write `if` and the condition, or drop the `else` and its body."),
            );
        }
        let mut end = span.end as usize;
        while self.is_else() {
            let piece = self.piece();
            end = self.span(&piece.tokens).end as usize;
            if self.is_at(TokenKind::Open(Bracket::Curly)) {
                end = self.body().1;
            }
        }
        Item::Broken(span.join(Span::new(self.file, span.start as usize, end)))
    }

    /// The tokens up to the end of a statement or the brace of its body.
    fn piece(&mut self) -> Piece {
        let start = self.at;
        let mut joints = Vec::new();
        while let Some(token) = self.token() {
            match token.kind {
                TokenKind::Open(Bracket::Curly) | TokenKind::Close(Bracket::Curly) => break,
                TokenKind::Newline => {
                    let ends = joints.len() == MOST_JOINTS || !self.goes_on(start);
                    if self.has_brace_below(start) || ends {
                        break;
                    }
                    joints.push(self.at);
                    self.at += 1;
                    while self.is_at(TokenKind::Newline) {
                        self.at += 1;
                    }
                }
                TokenKind::Open(_) => {
                    self.at = self.partner(self.at).unwrap_or(self.at) + 1;
                }
                _ => self.at += 1,
            }
        }
        if let Some(&joint) = joints.last()
            && self.tokens(joint..self.at).iter().all(|token| token.kind == TokenKind::Newline)
        {
            joints.pop();
            self.at = joint;
        }
        Piece { tokens: start..self.at, joints }
    }

    /// A brace stands below a head that starts at token `start`; then it is next.
    fn has_brace_below(&mut self, start: usize) -> bool {
        let brace = self.paired.tokens.get(self.at + 1).copied();
        let Some(brace) = brace.filter(|next| next.kind == TokenKind::Open(Bracket::Curly)) else {
            return false;
        };
        let head = start..self.at;
        if self.read(Rule::head, &head).is_err() {
            return false;
        }
        self.diagnostics.push(
            Diagnostic::error(
                "syntax::brace-below-head",
                "a body away from its head",
                brace.span(self.file),
                "this stands on a line of its own",
            )
            .and(self.span(&head), "the head ends here")
            .help("Write the `{` at the end of the head's line."),
        );
        self.at += 1;
        true
    }

    /// The statement that starts at token `start` goes on after the newline that is next.
    fn goes_on(&self, start: usize) -> bool {
        let last = self.tokens(start..self.at).last();
        if !dangles(self.text, last) {
            return false;
        }
        let equals = last.is_some_and(|token| token.text(self.text) == "=");
        let mut rest = self.tokens(self.at..self.paired.tokens.len()).iter();
        let next = rest.find(|token| token.kind != TokenKind::Newline);
        let (Some(first), Some(next)) = (self.paired.tokens.get(start), next) else {
            return false;
        };
        // A line that is no deeper than this one is the next statement rather than a forgotten value.
        !equals || self.indentation(next.start) > self.indentation(first.start)
    }

    /// Bytes before the first token of the line that holds `at`.
    fn indentation(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = &self.text[start..];
        line.len() - line.trim_start_matches([' ', '\t', '\u{FEFF}']).len()
    }

    fn statement(&mut self, piece: Piece) -> Item {
        match self.read(Rule::statement, &piece.tokens) {
            Ok(pair) => self.tree(&piece.tokens, |tree| tree.statement(pair)),
            Err(stop) => self.unread(piece, stop),
        }
    }

    /// The broken part of `piece`; what may be a statement of its own is left to be read.
    fn unread(&mut self, piece: Piece, stop: Option<Stop>) -> Item {
        let span = self.span(&piece.tokens);
        let Some(stop) = stop else {
            // The lines up to the last one with a fault that is reported already.
            let tokens = self.tokens(piece.tokens.clone());
            let fault = tokens.iter().rposition(|token| token.condition != Condition::Sound);
            let fault = piece.tokens.start + fault.unwrap_or(tokens.len());
            let joint = piece.joints.iter().find(|joint| **joint > fault);
            self.at = joint.copied().unwrap_or(piece.tokens.end);
            return Item::Broken(self.span(&(piece.tokens.start..self.at)));
        };
        let at = span.start as usize + stop.at;
        let token = |joint: &&usize| self.paired.tokens.get(**joint).map(|token| token.start);
        let before = piece.joints.iter().rfind(|joint| token(joint) < Some(at));
        if let Some(&joint) = before {
            let rest = joint..piece.tokens.end;
            let alone = self.read(Rule::statement, &rest);
            let is_statement = match alone {
                Ok(_) => true,
                Err(Some(alone)) => self.span(&rest).start as usize + alone.at > at,
                Err(None) => false,
            };
            if is_statement {
                return self.statement_up_to(piece.tokens.start, joint);
            }
        }
        let after = piece.joints.iter().find(|joint| token(joint) >= Some(at));
        let tokens = piece.tokens.start..after.copied().unwrap_or(piece.tokens.end);
        self.at = tokens.end;
        self.report(Rule::statement, &tokens, at, &stop);
        Item::Broken(self.span(&tokens))
    }

    /// The lines before `joint` by themselves; the next one is a statement of its own.
    fn statement_up_to(&mut self, start: usize, joint: usize) -> Item {
        self.at = joint;
        let tokens = start..joint;
        match self.read(Rule::statement, &tokens) {
            // `x = a.in` only looks as if something dangled.
            Ok(pair) => self.tree(&tokens, |tree| tree.statement(pair)),
            Err(stop) => {
                if let Some(stop) = stop {
                    let at = self.span(&tokens).start as usize + stop.at;
                    self.report(Rule::statement, &tokens, at, &stop);
                }
                Item::Broken(self.span(&tokens))
            }
        }
    }

    /// A head and the body that is next, with all that belongs to the head.
    fn with_body(&mut self, piece: Piece) -> Item {
        let start = self.start(piece.tokens.start);
        let head = if piece.tokens.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax::body-without-head",
                    "a body without a head",
                    self.token().map_or(self.span(&piece.tokens), |brace| brace.span(self.file)),
                    "nothing before this says what it is",
                )
                .help("Write the kind and the name before it: `service shop {`."),
            );
            None
        } else {
            self.head(Rule::head, &piece.tokens)
        };
        let (items, end) = self.body();
        let span = Span::new(self.file, start, end);
        match head {
            Some(Head::Block(block)) => {
                Item::Block(Block { span, doc: self.doc(start), items: Some(items), ..*block })
            }
            Some(Head::Use(use_)) => Item::Use(super::ast::Use { span, body: Some(items), ..use_ }),
            Some(Head::If(condition)) => self.choices(start, condition, items, end),
            Some(Head::Else) | None => Item::Broken(span),
        }
    }

    /// All arms of an `if` whose first one is read.
    fn choices(&mut self, start: usize, condition: Expr, then: Vec<Item>, end: usize) -> Item {
        let mut arms = vec![(start, condition, then)];
        let mut last = Vec::new();
        let mut end = end;
        while self.is_else() {
            let piece = self.piece();
            let start = self.start(piece.tokens.start);
            let head = self.head(Rule::otherwise, &piece.tokens);
            if !self.is_at(TokenKind::Open(Bracket::Curly)) {
                let span = self.span(&piece.tokens);
                if head.is_some() {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "syntax::missing-body",
                            "`else` without a body",
                            span,
                            "no `{` follows",
                        )
                        .help("Write what holds otherwise in braces: `else { … }`."),
                    );
                }
                last.push(Item::Broken(span));
                end = span.end as usize;
                break;
            }
            let (items, body_end) = self.body();
            end = body_end;
            match head {
                Some(Head::If(condition)) => arms.push((start, condition, items)),
                Some(Head::Else) => {
                    last = items;
                    break;
                }
                _ => {
                    last.push(Item::Broken(Span::new(self.file, start, end)));
                    break;
                }
            }
        }
        let mut otherwise = last;
        let mut whole = Item::Broken(Span::new(self.file, start, end));
        while let Some((start, condition, then)) = arms.pop() {
            whole = Item::If(If {
                span: Span::new(self.file, start, end),
                condition,
                then,
                otherwise: std::mem::take(&mut otherwise),
            });
            if !arms.is_empty() {
                otherwise.push(std::mem::replace(&mut whole, Item::Broken(Span::new(self.file, start, end))));
            }
        }
        whole
    }

    /// The statements of the body that is next, and where it ends.
    fn body(&mut self) -> (Vec<Item>, usize) {
        let open = self.at;
        self.at += 1;
        let too_deep = self.paired.tokens.get(open).is_some_and(|token| token.condition == Condition::Faulty);
        let mut items = Vec::new();
        if too_deep {
            let close = self.partner(open).unwrap_or(self.paired.tokens.len());
            if self.at < close {
                items.push(Item::Broken(self.span(&(self.at..close))));
            }
            self.at = close;
        } else {
            items = self.items();
        }
        let end = match self.token() {
            Some(token) if token.kind == TokenKind::Close(Bracket::Curly) => {
                self.at += 1;
                token.end
            }
            _ => self.text.len(),
        };
        (items, end)
    }

    fn head(&mut self, rule: Rule, tokens: &Range<usize>) -> Option<Head> {
        match self.read(rule, tokens) {
            Ok(pair) => self.tree(tokens, |tree| tree.head(pair)),
            Err(Some(stop)) => {
                let at = self.start(tokens.start) + stop.at;
                self.report(rule, tokens, at, &stop);
                None
            }
            Err(None) => None,
        }
    }

    /// The pair of `tokens`; no [`Stop`] where a diagnostic about them is out already.
    fn read(
        &self,
        rule: Rule,
        tokens: &Range<usize>,
    ) -> Result<pest::iterators::Pair<'a, Rule>, Option<Stop>> {
        let piece = self.tokens(tokens.clone());
        let is = |condition| piece.iter().any(|token| token.condition == condition);
        if is(Condition::Faulty) || is(Condition::Supplied) {
            return Err(None);
        }
        let text = self.text.get(self.span(tokens).range()).unwrap_or("");
        grammar::read(rule, text).map_err(|stop| (!is(Condition::Reported)).then_some(stop))
    }

    /// What `build` makes of a pair of `tokens`.
    fn tree<T>(&mut self, tokens: &Range<usize>, build: impl FnOnce(&mut Tree) -> T) -> T {
        build(&mut Tree {
            file: self.file,
            text: self.text,
            base: self.span(tokens).start as usize,
            tokens: self.paired.tokens.get(tokens.clone()).unwrap_or(&[]),
            diagnostics: self.diagnostics,
            too_deep: false,
        })
    }

    fn report(&mut self, rule: Rule, tokens: &Range<usize>, at: usize, stop: &Stop) {
        let piece = self.tokens(tokens.clone());
        let diagnostic = explain(self.file, self.text, rule, piece, at, stop);
        self.diagnostics.push(diagnostic);
    }

    /// The lines of `///` directly above `start`, without the slashes.
    fn doc(&self, start: usize) -> Option<String> {
        let mut lines = Vec::new();
        let mut below = start;
        let above = self.comments.partition_point(|comment| (comment.start as usize) < start);
        for comment in self.comments[..above].iter().rev() {
            let range = comment.range();
            let between = self.text.get(range.end..below).unwrap_or("");
            let line = self.text.get(range.clone()).unwrap_or("");
            let Some(doc) = line.strip_prefix("///") else {
                break;
            };
            let before = self.text.get(..range.start).unwrap_or("");
            let before = before.trim_end_matches([' ', '\t', '\u{FEFF}']);
            let alone = before.is_empty() || before.ends_with('\n');
            if !alone
                || doc.starts_with('/')
                || between.matches('\n').count() != 1
                || !between.trim().is_empty()
            {
                break;
            }
            lines.push(doc.strip_prefix(' ').unwrap_or(doc).trim_end_matches([' ', '\t', '\r']));
            below = range.start;
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn is_else(&self) -> bool {
        self.token().is_some_and(|token| token.kind == TokenKind::Word && token.text(self.text) == "else")
    }

    fn is_at(&self, kind: TokenKind) -> bool {
        self.token().is_some_and(|token| token.kind == kind)
    }

    fn token(&self) -> Option<Token> {
        self.paired.tokens.get(self.at).copied()
    }

    fn tokens(&self, range: Range<usize>) -> &'a [Token] {
        self.paired.tokens.get(range).unwrap_or(&[])
    }

    fn partner(&self, at: usize) -> Option<usize> {
        self.paired.partner.get(at).copied().flatten()
    }

    /// The first byte of token `at`.
    fn start(&self, at: usize) -> usize {
        self.paired.tokens.get(at).map_or(self.text.len(), |token| token.start)
    }

    /// From the first of `tokens` that is no newline to the last one.
    fn span(&self, tokens: &Range<usize>) -> Span {
        let written = |token: &&Token| token.kind != TokenKind::Newline;
        let piece = self.tokens(tokens.clone());
        let start = piece.iter().find(written).map_or(self.start(tokens.start), |token| token.start);
        let end = piece.iter().rfind(written).map_or(start, |token| token.end);
        Span::new(self.file, start, end)
    }
}

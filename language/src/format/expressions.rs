//! The marks of one statement to a layout, by its tree.
//!
//! The tree says what the marks mean and the marks are taken in their order, so nothing is lost or moved.

use super::INDENT;
use super::layout::{Bracket, Chain, Doc, Entry, Part, Word};
use super::marks::Mark;
use crate::span::Span;
use crate::syntax::ast::*;

/// Takes marks, in their order.
pub(super) struct Taker<'m> {
    marks: &'m [Mark<'m>],
    /// The next one.
    at: usize,
    /// Its comments are laid out before the layout that it belongs to.
    commented: bool,
    /// Brackets of the statement that are open.
    depth: usize,
    /// Marks of the statement that stand in no brackets.
    outside: usize,
}

/// A statement without its body.
pub(super) struct Head<'m> {
    pub doc: Doc<'m>,
    /// It has so many operators outside of brackets that lines end there only where the user ended them.
    pub crowded: bool,
}

/// Where an expression stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// On lines of its own, which are not indented further.
    Alone,
    /// On a line with something before it.
    Beside,
}

/// Marks outside of brackets up to which any of them may end its line: [`crate::syntax`] reads a statement over no
/// more lines than that.
const MOST_JOINTS: usize = 250;

impl<'m> Taker<'m> {
    /// Takes `marks`, the last of which is the end of the file.
    pub(super) fn new(marks: &'m [Mark<'m>]) -> Self {
        Self { marks, at: 0, commented: false, depth: 0, outside: 0 }
    }

    /// The next mark.
    pub(super) fn next(&self) -> &'m Mark<'m> {
        self.mark(self.at)
    }

    /// The next mark and the one after it.
    pub(super) fn next_two(&self) -> [&'m Mark<'m>; 2] {
        [self.mark(self.at), self.mark(self.at + 1)]
    }

    /// The mark that closes what the next one opens.
    pub(super) fn closer(&self) -> Option<&'m Mark<'m>> {
        self.next().partner.map(|partner| self.mark(partner))
    }

    /// Mark `at`; the end of the file beyond it.
    fn mark(&self, at: usize) -> &'m Mark<'m> {
        &self.marks[at.min(self.marks.len() - 1)]
    }

    /// Passes the next mark.
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// All of a statement up to its body. Comments before its first mark are laid out already.
    pub(super) fn head(&mut self, item: &Item) -> Head<'m> {
        self.commented = true;
        self.outside = 0;
        let mut row = Row::default();
        match item {
            Item::Use(use_) => self.use_(use_, &mut row),
            Item::Param(param) => self.param(param, &mut row),
            Item::Let(let_) => {
                row.word(self.take());
                row.word(self.take());
                self.assigned(&let_.value, &mut row);
            }
            Item::Block(block) => self.block(block, &mut row),
            Item::If(if_) => self.clause(Some(&if_.condition), &mut row),
            Item::Assign(assign) => {
                row.word(self.path(&assign.target));
                self.assigned(&assign.value, &mut row);
            }
            Item::Require(require) => {
                row.word(self.expr(&require.condition));
                self.clause(require.when.as_ref(), &mut row);
            }
            Item::Prefer(prefer) => {
                self.clause(Some(&prefer.condition), &mut row);
                self.clause(prefer.when.as_ref(), &mut row);
                self.clause(prefer.price.as_ref(), &mut row);
            }
            Item::Broken(span) => row.word(self.as_written(*span)),
        }
        Head { doc: row.doc(), crowded: self.outside > MOST_JOINTS }
    }

    /// `else if` and its condition, or `else`.
    pub(super) fn otherwise(&mut self, condition: Option<&Expr>) -> Head<'m> {
        self.outside = 0;
        let mut row = Row::default();
        row.word(self.take());
        self.clause(condition, &mut row);
        Head { doc: row.doc(), crowded: self.outside > MOST_JOINTS }
    }

    fn use_(&mut self, use_: &Use, row: &mut Row<'m>) {
        row.word(self.take());
        row.word(self.as_written(match &use_.target {
            UseTarget::File(path) => path.span,
            UseTarget::Catalog(path) => path.span,
        }));
        if use_.alias.is_some() {
            row.word(self.take());
            row.word(self.take());
        }
    }

    fn param(&mut self, param: &Param, row: &mut Row<'m>) {
        row.word(self.take());
        row.word(self.take());
        row.glue(self.take());
        row.word(self.as_written(param.type_.span));
        if let Some(default) = &param.default {
            self.assigned(default, row);
        }
        self.clause(param.condition.as_ref(), row);
    }

    fn block(&mut self, block: &Block, row: &mut Row<'m>) {
        if block.is_abstract {
            row.word(self.take());
        }
        row.word(self.take());
        if block.name.is_some() {
            row.word(self.take());
        }
        if let Some(keys) = &block.keys {
            let mut variable = keys.variable.is_some();
            row.glue(self.bracket(End::Comma, &keys.keys, |taker, key| {
                let mut row = Row::default();
                if std::mem::take(&mut variable) {
                    row.word(taker.take());
                    row.word(taker.take());
                }
                row.word(taker.expr(key));
                row.doc()
            }));
        }
        if let Some(base) = &block.base {
            row.word(self.take());
            row.word(self.path(base));
        }
    }

    /// A keyword and its expression, where there is one.
    fn clause(&mut self, expr: Option<&Expr>, row: &mut Row<'m>) {
        if let Some(expr) = expr {
            row.word(self.take());
            row.word(self.expr(expr));
        }
    }

    /// `=` and `value` after `row`; on the next line where the user began it there.
    fn assigned(&mut self, value: &Expr, row: &mut Row<'m>) {
        row.word(self.take());
        let first = self.next();
        if !first.newline {
            row.word(self.expr(value));
            return;
        }
        let before = Part { first, newline: false, doc: std::mem::take(row).doc() };
        self.commented = true;
        let value = Part { first, newline: true, doc: self.expr_at(value, Place::Alone) };
        row.word(self.chain(vec![before, value], Place::Beside, false));
    }

    fn expr(&mut self, expr: &Expr) -> Doc<'m> {
        self.expr_at(expr, Place::Beside)
    }

    fn expr_at(&mut self, expr: &Expr, place: Place) -> Doc<'m> {
        self.grouped(expr, expr.span.end as usize, place)
    }

    /// `expr`, which ends before byte `end`, in as many round brackets as there are.
    fn grouped(&mut self, expr: &Expr, end: usize, place: Place) -> Doc<'m> {
        let closer = self.next().partner.filter(|_| self.next().text == "(");
        if let Some(closer) = closer.filter(|closer| self.marks[*closer].end == end) {
            let end = self.marks[closer - 1].end;
            return self.bracket(End::Plain, &[expr], |taker, expr| taker.grouped(expr, end, Place::Alone));
        }
        match &expr.kind {
            ExprKind::Quantity(_) | ExprKind::String(_) | ExprKind::Boolean(_) | ExprKind::Broken => {
                self.as_written(Span { end: u32::try_from(end).unwrap_or(u32::MAX), ..expr.span })
            }
            ExprKind::Path(path) => self.path(path),
            ExprKind::List(entries) => self.bracket(End::Comma, entries, |taker, entry| {
                let mut row = Row::default();
                if let Some(key) = &entry.key {
                    row.word(taker.expr(key));
                    row.glue(taker.take());
                }
                row.word(taker.expr(&entry.value));
                row.doc()
            }),
            ExprKind::Negate(inner) => {
                let mut row = Row::default();
                row.word(self.take());
                row.glue(self.expr(inner));
                row.doc()
            }
            ExprKind::Not(inner) => {
                let mut row = Row::default();
                self.clause(Some(inner), &mut row);
                row.doc()
            }
            ExprKind::Binary { operator, left, right } if operator.value == Operator::Range => {
                self.range(left, right)
            }
            ExprKind::Binary { .. } => self.operators(expr, place),
            ExprKind::Choose { .. } => self.choose(expr, place),
            ExprKind::Fold { over, condition, body, .. } => {
                self.fold(over, condition.as_deref(), body.as_deref())
            }
        }
    }

    /// `1..6`; with blanks where a side has operators of its own.
    fn range(&mut self, left: &Expr, right: &Expr) -> Doc<'m> {
        let is_simple = |side: &Expr| match &side.kind {
            ExprKind::Binary { left, .. } => side.span.start < left.span.start,
            ExprKind::Fold { .. } | ExprKind::Choose { .. } => false,
            _ => true,
        };
        let glued = is_simple(left) && is_simple(right);
        let mut row = Row::default();
        row.word(self.expr(left));
        for doc in [self.take(), self.expr(right)] {
            if glued {
                row.glue(doc);
            } else {
                row.word(doc);
            }
        }
        row.doc()
    }

    /// Operands of operators that bind alike, one part each.
    fn operators(&mut self, expr: &Expr, place: Place) -> Doc<'m> {
        let mut operands = Vec::new();
        let mut whole = expr;
        let mut level = None;
        while let ExprKind::Binary { operator, left, right } = &whole.kind {
            // In brackets of its own it is an operand.
            let is_operand = level.is_some() && whole.span.start < left.span.start;
            if is_operand || level.is_some_and(|level| level != operator.value.level()) {
                break;
            }
            level = Some(operator.value.level());
            operands.push(right.as_ref());
            whole = left;
        }
        operands.push(whole);
        let mut parts = Vec::with_capacity(operands.len());
        let mut newline = false;
        while let Some(operand) = operands.pop() {
            let first = self.next();
            if !parts.is_empty() {
                self.commented = true;
            }
            newline |= first.newline;
            let mut row = Row::default();
            row.word(self.expr(operand));
            let is_last = operands.is_empty();
            let operator_newline = !is_last && self.next().newline;
            if !is_last {
                row.word(self.take());
            }
            parts.push(Part { first, newline, doc: row.doc() });
            newline = operator_newline;
        }
        self.chain(parts, place, true)
    }

    /// `if a then b else c`; each `else` may start a line, if it stands in brackets.
    fn choose(&mut self, expr: &Expr, place: Place) -> Doc<'m> {
        let mut parts = Vec::new();
        let mut whole = expr;
        let mut first = self.next();
        let mut row = Row::default();
        while let ExprKind::Choose { condition, then, otherwise } = &whole.kind {
            self.clause(Some(condition), &mut row);
            self.clause(Some(then), &mut row);
            let else_ = self.next();
            if self.depth > 0 {
                let newline = !parts.is_empty() && first.newline;
                parts.push(Part { first, newline, doc: std::mem::take(&mut row).doc() });
                self.commented = true;
                first = else_;
            }
            row.word(self.take());
            whole = otherwise;
            if self.next().text != "if" {
                break;
            }
        }
        row.word(self.expr(whole));
        if parts.is_empty() {
            return row.doc();
        }
        parts.push(Part { first, newline: first.newline, doc: row.doc() });
        self.chain(parts, place, true)
    }

    fn fold(&mut self, over: &Expr, condition: Option<&Expr>, body: Option<&Expr>) -> Doc<'m> {
        let first = self.next();
        let mut row = Row::default();
        for _ in ["all", "x", "in"] {
            row.word(self.take());
        }
        row.word(self.expr(over));
        self.clause(condition, &mut row);
        let Some(body) = body else {
            return row.doc();
        };
        let newline = self.next().newline;
        row.glue(self.take());
        let before = Part { first, newline: false, doc: row.doc() };
        let first = self.next();
        self.commented = true;
        let body = Part { first, newline: newline || first.newline, doc: self.expr(body) };
        self.chain(vec![before, body], Place::Beside, false)
    }

    fn chain(&mut self, parts: Vec<Part<'m>>, place: Place, last_may_break: bool) -> Doc<'m> {
        let indent = if place == Place::Alone { 0 } else { INDENT };
        Doc::chain(Chain { parts, indent, outside: self.depth == 0, last_may_break })
    }

    fn path(&mut self, path: &Path) -> Doc<'m> {
        let mut row = Row::default();
        row.word(self.take());
        for step in &path.steps {
            match step {
                Step::Field(_) => {
                    row.glue(self.take());
                    row.glue(self.take());
                }
                Step::Index { keys, .. } => {
                    row.glue(self.bracket(End::Comma, keys, |taker, key| taker.expr(key)));
                }
                Step::All(_) => row.glue(self.bracket(End::Plain, &[()], |taker, ()| taker.take())),
                Step::Call { arguments, .. } => {
                    row.glue(self.bracket(End::Comma, arguments, |taker, argument| {
                        let mut row = Row::default();
                        if argument.name.is_some() {
                            row.word(taker.take());
                            row.word(taker.take());
                        }
                        row.word(taker.expr(&argument.value));
                        row.doc()
                    }));
                }
            }
        }
        if let Some(statistic) = &path.statistic {
            row.word(self.as_written(statistic.span));
        }
        row.doc()
    }

    /// Brackets around what `layout` makes of `entries`.
    fn bracket<T>(
        &mut self,
        end: End,
        entries: &[T],
        mut layout: impl FnMut(&mut Self, &T) -> Doc<'m>,
    ) -> Doc<'m> {
        let opener = self.take_word();
        self.depth += 1;
        let mut broken = false;
        let mut commented = false;
        let mut is_list = false;
        let mut laid = Vec::with_capacity(entries.len());
        for entry in entries {
            let first = self.next();
            is_list = first.text == "[" && first.partner.is_some();
            let closer = first.partner;
            self.commented = true;
            let doc = layout(self, entry);
            is_list &= closer == self.at.checked_sub(1);
            let comma = Some(self.next()).filter(|mark| mark.text == ",");
            for mark in [Some(first), comma].into_iter().flatten() {
                broken |= mark.newline;
                commented |= !mark.comments.is_empty();
            }
            if comma.is_some() {
                self.skip();
            }
            laid.push(Entry { first, doc, comma });
        }
        let closer = self.next();
        commented |= !closer.comments.is_empty();
        broken |= closer.newline && !laid.is_empty();
        self.commented = false;
        self.skip();
        self.depth -= 1;
        Doc::bracket(Bracket {
            opener,
            closer,
            may_end_with_comma: end == End::Comma,
            broken: broken || commented,
            hugs: laid.len() == 1 && is_list && !commented,
            entries: laid,
        })
    }

    /// The marks up to the end of `span`, spaced as they are.
    fn as_written(&mut self, span: Span) -> Doc<'m> {
        let mut row = Row::default();
        let mut end = self.next().start;
        while self.next().start < span.end as usize {
            let is_apart = end < self.next().start;
            end = self.next().end;
            if is_apart {
                row.word(self.take());
            } else {
                row.glue(self.take());
            }
        }
        row.doc()
    }

    /// The next mark, taken.
    fn take(&mut self) -> Doc<'m> {
        Doc::word(self.take_word())
    }

    fn take_word(&mut self) -> Word<'m> {
        let word = Word { mark: self.next(), with_comments: !std::mem::take(&mut self.commented) };
        self.skip();
        if self.depth == 0 {
            self.outside += 1;
        }
        word
    }
}

/// What may stand between the last entry of a bracket and its closer.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Comma,
    Plain,
}

/// Layouts one after the other.
#[derive(Default)]
struct Row<'m>(Vec<Doc<'m>>);

impl<'m> Row<'m> {
    /// `doc` after a blank.
    fn word(&mut self, doc: Doc<'m>) {
        if !self.0.is_empty() {
            self.0.push(Doc::blank());
        }
        self.0.push(doc);
    }

    /// `doc` without a blank.
    fn glue(&mut self, doc: Doc<'m>) {
        self.0.push(doc);
    }

    fn doc(mut self) -> Doc<'m> {
        match self.0.len() {
            1 => self.0.remove(0),
            _ => Doc::row(self.0),
        }
    }
}

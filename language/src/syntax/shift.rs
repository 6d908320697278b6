//! A tree that moves: its text stands further up or down in the file, or the file has another number.

use super::ast::*;
use crate::span::{FileId, Span};

/// Where a text went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shift {
    /// The file it stands in now.
    pub(crate) file: FileId,
    /// Bytes that came before it, or went.
    pub(crate) bytes: i64,
}

impl Shift {
    fn name<T>(self, name: &mut crate::span::Spanned<T>) {
        self.span(&mut name.span);
    }

    /// Moves a place.
    pub(crate) fn span(self, span: &mut Span) {
        // Both ends stay within a file, whose length a `u32` holds.
        let moved = |at: u32| u32::try_from(i64::from(at) + self.bytes).unwrap_or(u32::MAX);
        *span = Span { file: self.file, start: moved(span.start), end: moved(span.end) };
    }

    /// Moves a statement.
    pub(crate) fn item(self, item: &mut Item) {
        match item {
            Item::Use(Use { span, target, alias, body }) => {
                self.span(span);
                match target {
                    UseTarget::File(name) => self.name(name),
                    UseTarget::Catalog(names) => self.name(names),
                }
                alias.iter_mut().for_each(|alias| self.name(alias));
                body.iter_mut().flatten().for_each(|item| self.item(item));
            }
            Item::Param(Param { span, name, type_, default, condition }) => {
                self.span(span);
                self.name(name);
                self.name(type_);
                default.iter_mut().chain(condition).for_each(|expr| self.expr(expr));
            }
            Item::Let(Let { span, name, value }) => {
                self.span(span);
                self.name(name);
                self.expr(value);
            }
            Item::Block(Block { span, head, doc: _, is_abstract: _, kind, name, keys, base, items }) => {
                self.span(span);
                self.span(head);
                self.name(kind);
                name.iter_mut().for_each(|name| self.name(name));
                if let Some(Keys { span, variable, keys }) = keys {
                    self.span(span);
                    variable.iter_mut().for_each(|name| self.name(name));
                    keys.iter_mut().for_each(|expr| self.expr(expr));
                }
                base.iter_mut().for_each(|base| self.path(base));
                items.iter_mut().flatten().for_each(|item| self.item(item));
            }
            Item::If(If { span, condition, then, otherwise }) => {
                self.span(span);
                self.expr(condition);
                then.iter_mut().chain(otherwise).for_each(|item| self.item(item));
            }
            Item::Assign(Assign { span, target, value }) => {
                self.span(span);
                self.path(target);
                self.expr(value);
            }
            Item::Require(Require { span, condition, when }) => {
                self.span(span);
                self.expr(condition);
                when.iter_mut().for_each(|expr| self.expr(expr));
            }
            Item::Prefer(Prefer { span, condition, when, price }) => {
                self.span(span);
                self.expr(condition);
                when.iter_mut().chain(price).for_each(|expr| self.expr(expr));
            }
            Item::Broken(span) => self.span(span),
        }
    }

    fn expr(self, expr: &mut Expr) {
        self.span(&mut expr.span);
        match &mut expr.kind {
            ExprKind::Quantity(Quantity { number: _, unit: _, unit_span }) => self.span(unit_span),
            ExprKind::String(_) | ExprKind::Boolean(_) | ExprKind::Broken => {}
            ExprKind::Path(path) => self.path(path),
            ExprKind::List(entries) => {
                for Entry { key, value } in entries {
                    key.iter_mut().for_each(|key| self.expr(key));
                    self.expr(value);
                }
            }
            ExprKind::Negate(inner) | ExprKind::Not(inner) => self.expr(inner),
            ExprKind::Binary { operator, left, right } => {
                self.name(operator);
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Choose { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|expr| self.expr(expr));
            }
            ExprKind::Fold { fold: _, variable, over, condition, body } => {
                self.name(variable);
                self.expr(over);
                condition.iter_mut().chain(body).for_each(|expr| self.expr(expr));
            }
        }
    }

    fn path(self, path: &mut Path) {
        let Path { span, head, steps, statistic } = path;
        self.span(span);
        self.name(head);
        statistic.iter_mut().for_each(|statistic| self.name(statistic));
        for step in steps {
            match step {
                Step::Field(name) => self.name(name),
                Step::All(span) => self.span(span),
                Step::Index { span, keys } => {
                    self.span(span);
                    keys.iter_mut().for_each(|expr| self.expr(expr));
                }
                Step::Call { span, arguments } => {
                    self.span(span);
                    for Argument { name, value } in arguments {
                        name.iter_mut().for_each(|name| self.name(name));
                        self.expr(value);
                    }
                }
            }
        }
    }
}

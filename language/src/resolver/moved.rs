//! Services that had another address: `moved = store -> database`.

use super::Scope;
use super::building::Builder;
use super::evaluation::Expect;
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::Moved;
use crate::schema::Field;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator};

impl<'a> Builder<'_, 'a> {
    /// `old -> new`, or a list of such. The old address is only a name: nothing of the program has it any more.
    pub(super) fn moved(&mut self, id: ThingId, field: &'static Field) {
        let known = self.resolver.thing(id);
        let Some(assigned) = known.assigned.get(field.name) else { return };
        let Some(layer) = known.layers.get(assigned.layer) else { return };
        let scope = Scope { thing: Some(id), ..layer.scope.clone() };
        let expression: &'a Expr = &assigned.assign.value;
        let entries: Vec<&'a Expr> = match &expression.kind {
            ExprKind::List(entries) => entries.iter().map(|entry| &entry.value).collect(),
            _ => vec![expression],
        };
        for entry in entries {
            let ExprKind::Binary { operator, left, right } = &entry.kind else {
                self.no_move(entry.span);
                continue;
            };
            let from = match &left.kind {
                ExprKind::Path(path) if path.steps.is_empty() => path.head.value.clone(),
                ExprKind::String(text) => text.clone(),
                _ => {
                    self.no_move(left.span);
                    continue;
                }
            };
            if operator.value != Operator::Then {
                self.no_move(entry.span);
                continue;
            }
            let Ok(value) = self.resolver.evaluate(right, &scope, Expect::Value) else { continue };
            let service = match value {
                Value::Thing(thing) => self.resolver.service_index(thing),
                _ => None,
            };
            let Some(service) = service else {
                self.no_move(right.span);
                continue;
            };
            self.was("service", &from, left.span);
            match self.program.plan.moved.iter().find(|other| other.service == service) {
                None => self.program.plan.moved.push(Moved { from, service, span: entry.span }),
                Some(other) => {
                    let diagnostic = Diagnostic::error(
                        "name::duplicate",
                        "a service had one address before",
                        entry.span,
                        "this is another",
                    );
                    let help = "Leave the first it had: objects of a target are still called by that.";
                    self.resolver.report(diagnostic.and(other.span, "this is one").help(help));
                }
            }
        }
    }

    fn no_move(&mut self, span: Span) {
        self.resolver.report(
            Diagnostic::error("value::type", "a service moves from one address to another", span, "this is no move")
                .help("Write the old address and the new: `moved = store -> database`, or `\"v3[eu]\" -> video` where it had a key."),
        );
    }
}

//! Lines that require or wish something: when they hold, and what they say.

use super::building::Builder;
use super::evaluation::Expect;
use super::guards::Guard;
use super::ledger::{Part, fingerprint};
use super::limits::Limit;
use super::nameplates::speaks_of_nameplates;
use super::things::{Said, ThingId};
use super::value::{Held, Judged, Value};
use super::{Outcome, Reported, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Condition, Requirement, When, Wish};
use crate::quantity::Quantity;
use crate::schema::{PRICE, Role};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator, Prefer, Require};
use num_traits::Signed;

/// What the lines of a thing say.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) requirements: Vec<Requirement>,
    pub(super) wishes: Vec<Wish>,
    pub(super) limits: Vec<Limit>,
    /// Beside each requirement, how far from the thing's own block it stands.
    pub(super) layers: Vec<usize>,
}

impl<'a> Builder<'_, 'a> {
    /// Reads every line of a thing, its bases' included.
    pub(super) fn lines(&mut self, id: ThingId) -> Lines {
        let (owner, lenient) = (self.resolver.ledger.owner(), self.resolver.lenient);
        self.part(owner, Part::LINES, lenient, |builder| builder.lines_here(id))
    }

    fn lines_here(&mut self, id: ThingId) -> Lines {
        let mut lines = Lines::default();
        for (at, line) in self.resolver.thing(id).lines.clone().into_iter().enumerate() {
            let Some(layer) = self.resolver.thing(id).layers.get(line.layer) else {
                continue;
            };
            let scope = Scope { thing: Some(id), ..layer.scope.clone() };
            // What fails has been reported.
            let _ = match line.said {
                Said::Require(require) => self.requirement((id, at), require, line.layer, &scope, &mut lines),
                Said::Prefer(prefer) => self.wish((id, at), prefer, &scope, &mut lines),
            };
        }
        lines
    }

    fn requirement(
        &mut self,
        (id, at): (ThingId, usize),
        require: &'a Require,
        layer: usize,
        scope: &Scope,
        lines: &mut Lines,
    ) -> Outcome<()> {
        self.requirement_on_fact(id, &require.condition)?;
        let judged = self.judged(id, at, &require.condition, scope)?;
        let (when, unknown) = match self.guard(require.when.as_ref(), scope)? {
            Guard::At(when) => (when, None),
            Guard::Unknown(when, because) => (when, Some(because)),
            Guard::Nowhere => return Ok(()),
        };
        let text = self.resolver.text(require.span);
        let service = self.service_of(id);
        for part in parts(judged) {
            let part = match part {
                Judged::Fact(true, _) => continue,
                Judged::Fact(false, why) => {
                    return Err(self.violated(require.condition.span, &why));
                }
                Judged::Steps(held) => {
                    self.holds_when(&held, &when, require.condition.span)?;
                    continue;
                }
                part => part,
            };
            if when.is_always()
                && unknown.is_none()
                && let Some((field, left)) = self.own_limit(id, &part)
            {
                lines.limit(Limit { field, left, span: require.span, layer });
                continue;
            }
            let condition = self.condition(part, require.condition.span)?;
            let unjudged = unknown.clone().or_else(|| self.unjudged(id, &condition, &when));
            if let Some(because) = &unjudged {
                self.warn(require.span, because);
            }
            self.limits_nameplates(&condition);
            lines.layers.push(layer);
            lines.requirements.push(Requirement {
                service,
                policy: None,
                text: text.clone(),
                span: require.span,
                when: when.clone(),
                condition,
                unjudged,
            });
        }
        Ok(())
    }

    /// Facts that vary hold in every step in which the line does.
    fn holds_when(&mut self, held: &[Held], when: &When, span: Span) -> Outcome<()> {
        let is_broken = |(step, held): &(usize, &Held)| when.base.admits(*step) && **held != Held::Throughout;
        let broken = held.iter().enumerate().find(is_broken);
        match broken {
            None => Ok(()),
            Some((step, _)) => Err(self.violated(span, &format!("in step {step}"))),
        }
    }

    fn wish(
        &mut self,
        (id, at): (ThingId, usize),
        prefer: &'a Prefer,
        scope: &Scope,
        lines: &mut Lines,
    ) -> Outcome<()> {
        let judged = self.judged(id, at, &prefer.condition, scope)?;
        let guard = self.guard(prefer.when.as_ref(), scope)?;
        let price = match &prefer.price {
            None => None,
            Some(price) => Some(self.price(price, scope)?),
        };
        let (when, unknown) = match guard {
            Guard::At(when) => (when, None),
            Guard::Unknown(when, because) => (when, Some(because)),
            Guard::Nowhere => return Ok(()),
        };
        let not_granted = |because: &str| Condition::NotYet { because: because.to_owned() };
        let conditions = match judged {
            Judged::Fact(true, _) => return Ok(()),
            Judged::Fact(false, _) | Judged::Steps(_) => {
                vec![not_granted("a wish over facts alone is never granted by planning")]
            }
            // Both ends of one range: at most one of them is missed, so the shortfalls add up to the
            // distance from the range.
            Judged::All(parts) if is_range(&parts) => {
                let mut ends = Vec::new();
                for part in parts {
                    ends.push(self.condition(part, prefer.condition.span)?);
                }
                ends
            }
            judged => vec![self.condition(judged, prefer.condition.span)?],
        };
        let text = self.resolver.text(prefer.span);
        let priority = self.priority(id);
        let service = self.service_of(id);
        for condition in conditions {
            self.limits_nameplates(&condition);
            let unjudged = unknown.clone().or_else(|| self.unweighed(&condition, &when));
            if let Some(because) = &unjudged {
                self.warn(prefer.span, because);
            }
            lines.wishes.push(Wish {
                service,
                text: text.clone(),
                span: prefer.span,
                when: when.clone(),
                condition,
                price: price.clone(),
                priority,
                unjudged,
            });
        }
        Ok(())
    }

    /// Notes a line that is decided where all nodes are known.
    fn limits_nameplates(&mut self, condition: &Condition) {
        if speaks_of_nameplates(condition) {
            self.resolver.ledger.page().limits_nameplates = true;
        }
    }

    /// The priority of a thing; 0 for what has none.
    fn priority(&mut self, id: ThingId) -> i64 {
        let kind = self.resolver.thing(id).kind;
        let Some(field) = kind.field("priority") else {
            return 0;
        };
        match self.resolver.fact(id, field, self.resolver.file_start(0)) {
            Ok(Value::Quantity(quantity)) => quantity.as_integer().unwrap_or(0),
            _ => 0,
        }
    }

    /// What line `at` of a thing says.
    fn judged(&mut self, id: ThingId, at: usize, condition: &'a Expr, scope: &Scope) -> Outcome<Judged> {
        match self.resolver.each(condition, scope) {
            Some(each) => {
                let line = fingerprint(&(self.resolver.thing(id).address.as_str(), at));
                self.resolver.judged_by_member(&each, line, scope)
            }
            None => self.resolver.condition(condition, scope),
        }
    }

    /// The price of a wish: money a time.
    fn price(&mut self, price: &'a Expr, scope: &Scope) -> Outcome<Quantity> {
        let resolver = &mut *self.resolver;
        let value = resolver.fact_value(price, scope)?;
        let Value::Quantity(quantity) = value else {
            let label = format!("this is {}", value.noun());
            return Err(resolver.type_error(
                "a wish is worth money",
                price.span,
                label,
                "Write it as money a time: `else $0.40/h`.",
            ));
        };
        if !quantity.dimension.matches(&PRICE.dimension) {
            let found = crate::schema::dimension_name(&quantity.dimension);
            let help = match resolver.respelled(price, &PRICE.dimension) {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => "Write it as money a time: `else $0.40/h`.".to_owned(),
            };
            return Err(resolver.report(
                Diagnostic::error(
                    "units::mismatch",
                    "a wish is worth money a time",
                    price.span,
                    format!("this is {found}"),
                )
                .help(help),
            ));
        }
        if quantity.value.is_negative() {
            return Err(resolver.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a wish is worth at least nothing",
                    price.span,
                    format!("this is {quantity}"),
                )
                .help("Wish for the opposite instead."),
            ));
        }
        Ok(quantity)
    }

    pub(super) fn violated(&mut self, span: Span, why: &str) -> Reported {
        let label = if why.is_empty() {
            "this does not hold".to_owned()
        } else {
            format!("this does not hold: {why}")
        };
        self.resolver.report(
            Diagnostic::error("fact::violated", "the facts contradict a requirement", span, label)
                .help("No plan can change facts: change one of them, or the requirement."),
        )
    }

    /// `cpu >= 2 core` in a block that has a fact `cpu`: `=` is meant.
    fn requirement_on_fact(&mut self, id: ThingId, condition: &Expr) -> Outcome<()> {
        let kind = self.resolver.thing(id).kind;
        if matches!(kind.name, "plan" | "policy" | "test" | "scenario") {
            return Ok(());
        }
        let ExprKind::Binary { operator, left, right } = &condition.kind else {
            return Ok(());
        };
        let is_comparison = matches!(
            operator.value,
            Operator::AtMost
                | Operator::AtLeast
                | Operator::Below
                | Operator::Above
                | Operator::Equal
                | Operator::Unequal
                | Operator::In
        );
        if !is_comparison {
            return Ok(());
        }
        for (side, other) in [(left, right), (right, left)] {
            let ExprKind::Path(path) = &side.kind else {
                continue;
            };
            let fact = kind
                .field(&path.head.value)
                .filter(|field| field.role == Role::Fact && path.steps.is_empty());
            let Some(field) = fact else { continue };
            if !is_literal(other) {
                continue;
            }
            let stated = self.resolver.thing(id).assigned.get(field.name);
            let stated = stated.map(|assigned| assigned.assign.span);
            let value = self.resolver.text(other.span);
            let mut diagnostic = Diagnostic::error(
                "role::requirement-on-fact",
                format!("`{}` is given, not decided", field.name),
                condition.span,
                "a comparison asks the planner for something it cannot choose",
            );
            if let Some(stated) = stated {
                diagnostic = diagnostic.and(stated, "it is given here");
            }
            return Err(self.resolver.report(diagnostic.help(format!(
                "State it: `{} = {value}`. To check facts against each other, compare them in a `policy`.",
                field.name
            ))));
        }
        Ok(())
    }
}

impl<'a> Resolver<'a> {
    /// What a line says, and whether its quantifiers speak of anything.
    pub(super) fn condition(&mut self, condition: &'a Expr, scope: &Scope) -> Outcome<Judged> {
        self.quantified.clear();
        let value = self.evaluate(condition, scope, Expect::Value)?;
        let judged = self.condition_of(value, condition.span)?;
        for (span, any) in std::mem::take(&mut self.quantified) {
            if !any {
                self.speaks_of_nothing(span);
            }
        }
        Ok(judged)
    }

    /// Warns of a quantifier at `span` that runs over nothing.
    pub(super) fn speaks_of_nothing(&mut self, span: Span) {
        self.report(
            Diagnostic::warning(
                "policy::empty",
                "this line speaks of nothing",
                span,
                "there is nothing like this in the program",
            )
            .help("It holds whatever is planned. Widen what it runs over, or leave the line out."),
        );
    }
}

/// It names nothing.
fn is_literal(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Quantity(_) | ExprKind::String(_) | ExprKind::Boolean(_) => true,
        ExprKind::List(entries) => entries.iter().all(|entry| {
            is_literal(&entry.value)
                || matches!(&entry.value.kind, ExprKind::Path(path) if path.steps.is_empty())
        }),
        ExprKind::Negate(inner) => is_literal(inner),
        ExprKind::Binary { operator, left, right } => {
            operator.value == Operator::Range && is_literal(left) && is_literal(right)
        }
        _ => false,
    }
}

/// The conditions that must all hold.
fn parts(judged: Judged) -> Vec<Judged> {
    match judged {
        Judged::All(parts) => parts.into_iter().flat_map(parts_of).collect(),
        part => vec![part],
    }
}

fn parts_of(judged: Judged) -> Vec<Judged> {
    match judged {
        // One level: conjunctions are flat, and a range within one has no third level.
        Judged::All(parts) => parts,
        part => vec![part],
    }
}

/// Two comparisons of the same terms: at least one end, at most the other.
fn is_range(parts: &[Judged]) -> bool {
    match parts {
        [
            Judged::Compare { terms: a, compare: Compare::AtLeast, .. },
            Judged::Compare { terms: b, compare: Compare::AtMost, .. },
        ] => a == b,
        _ => false,
    }
}

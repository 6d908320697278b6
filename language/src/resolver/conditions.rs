//! Lines that require or wish something, as the planner reads them.

use super::building::Builder;
use super::evaluation::Expect;
use super::things::{Line, Said, ThingId};
use super::value::{Judged, Value};
use super::{Outcome, Reported, Scope};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Condition, Requirement, Subject, Term, Wish};
use crate::quantity::{Dimension, Quantity, ceiling, floor};
use crate::schema::kinds::service;
use crate::schema::{Field, PRICE, Role};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Operator};
use num_rational::BigRational;
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

/// A line that limits a choice of the service it stands in.
pub(super) struct Limit {
    pub(super) field: &'static Field,
    pub(super) left: Left,
    pub(super) span: Span,
    /// How far from the service's own block it stands.
    pub(super) layer: usize,
}

/// What a limit leaves.
pub(super) enum Left {
    /// Whole numbers between bounds.
    Between(Option<i64>, Option<i64>),
    /// These values.
    Values(Vec<Value>),
}

impl Lines {
    /// Both ends of one range are one bound.
    fn bound_replicas(&mut self, low: Option<i64>, high: Option<i64>, span: Span, layer: usize) {
        if let Some(last) = self.limits.last_mut()
            && last.span == span
            && std::ptr::eq(last.field, &service::replicas)
            && let Left::Between(Some(_), none @ None) = &mut last.left
            && low.is_none()
        {
            *none = high;
            return;
        }
        self.limits.push(Limit { field: &service::replicas, left: Left::Between(low, high), span, layer });
    }
}

const GUARDS: &str = "lines with `when` are not judged yet";

impl<'a> Builder<'_, 'a> {
    /// Reads every line of a thing, its bases' included.
    pub(super) fn lines(&mut self, id: ThingId) -> Lines {
        let mut lines = Lines::default();
        for line in self.resolver.thing(id).lines.clone() {
            let Some(layer) = self.resolver.thing(id).layers.get(line.layer) else {
                continue;
            };
            let scope = Scope { thing: Some(id), ..layer.scope.clone() };
            // What fails has been reported.
            let _ = match line.said {
                Said::Require(_) => self.requirement(id, line, &scope, &mut lines),
                Said::Prefer(_) => self.wish(id, line, &scope, &mut lines),
            };
        }
        lines
    }

    fn requirement(&mut self, id: ThingId, line: Line<'a>, scope: &Scope, lines: &mut Lines) -> Outcome<()> {
        let Said::Require(require) = line.said else {
            return Ok(());
        };
        self.requirement_on_fact(id, &require.condition)?;
        let judged = self.judged(&require.condition, scope)?;
        let guard = self.guard(require.when.as_ref(), scope)?;
        let text = self.resolver.text(require.span);
        let judged = match guard {
            Guard::Always => judged,
            Guard::Never => return Ok(()),
            Guard::NotYet => Judged::NotYet(GUARDS.to_owned()),
        };
        let own = self.resolver.services.get(&id).copied();
        for part in parts(judged) {
            let condition = match part {
                Judged::Fact(true, _) => continue,
                Judged::Fact(false, why) => {
                    return Err(self.violated(require.condition.span, &why));
                }
                Judged::Bound { thing, field, low, high } if thing == id => {
                    lines.limits.push(Limit {
                        field,
                        left: Left::Between(low, high),
                        span: require.span,
                        layer: line.layer,
                    });
                    continue;
                }
                Judged::Restrict { thing, field, allowed } if thing == id => {
                    lines.limits.push(Limit {
                        field,
                        left: Left::Values(allowed),
                        span: require.span,
                        layer: line.layer,
                    });
                    continue;
                }
                Judged::Bound { field, .. } | Judged::Restrict { field, .. } => Condition::NotYet {
                    because: format!("`{}` is limited in the service's own block only, as yet", field.name),
                },
                Judged::Compare { terms, compare, limit } => {
                    if let Some((low, high)) = own_replicas(own, &terms, compare, &limit) {
                        lines.bound_replicas(low, high, require.span, line.layer);
                        continue;
                    }
                    condition(terms, compare, limit)
                }
                Judged::NotYet(because) => Condition::NotYet { because },
                // `parts` has taken these apart.
                Judged::All(_) => continue,
            };
            if let Condition::NotYet { because } = &condition {
                self.warn(require.span, because);
            }
            lines.layers.push(line.layer);
            lines.requirements.push(Requirement {
                service: own.or_else(|| self.holding_service(id)),
                policy: None,
                text: text.clone(),
                span: require.span,
                condition,
            });
        }
        Ok(())
    }

    fn wish(&mut self, id: ThingId, line: Line<'a>, scope: &Scope, lines: &mut Lines) -> Outcome<()> {
        let Said::Prefer(prefer) = line.said else {
            return Ok(());
        };
        let judged = self.judged(&prefer.condition, scope)?;
        let guard = self.guard(prefer.when.as_ref(), scope)?;
        let price = match &prefer.price {
            None => None,
            Some(price) => Some(self.price(price, scope)?),
        };
        let judged = match guard {
            Guard::Always => judged,
            Guard::Never => return Ok(()),
            Guard::NotYet => Judged::NotYet(GUARDS.to_owned()),
        };
        let not_yet = |because: &str| vec![Condition::NotYet { because: because.to_owned() }];
        let conditions = match judged {
            Judged::Compare { terms, compare, limit } => vec![condition(terms, compare, limit)],
            // Both ends of one range: at most one of them is missed, so the shortfalls add up to the
            // distance from the range.
            Judged::All(parts) if is_range(&parts) => parts
                .into_iter()
                .filter_map(|part| match part {
                    Judged::Compare { terms, compare, limit } => Some(condition(terms, compare, limit)),
                    _ => None,
                })
                .collect(),
            Judged::All(_) => {
                not_yet("a wish for several things at once is not weighed yet; write one line each")
            }
            Judged::Fact(true, _) => return Ok(()),
            Judged::Fact(false, _) => not_yet("a wish over facts alone is never granted by planning"),
            Judged::Restrict { .. } | Judged::Bound { .. } => {
                not_yet("wishes for a layout or a device class are not weighed yet")
            }
            Judged::NotYet(because) => not_yet(&because),
        };
        let text = self.resolver.text(prefer.span);
        let priority = self.priority(id);
        for condition in conditions {
            if let Condition::NotYet { because } = &condition {
                self.warn(prefer.span, because);
            }
            lines.wishes.push(Wish {
                service: self.resolver.services.get(&id).copied(),
                text: text.clone(),
                span: prefer.span,
                condition,
                price: price.clone(),
                priority,
            });
        }
        Ok(())
    }

    /// The service that holds a pool.
    fn holding_service(&self, id: ThingId) -> Option<usize> {
        let parent = self.resolver.thing(id).parent?;
        self.resolver.services.get(&parent).copied()
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

    fn judged(&mut self, condition: &'a Expr, scope: &Scope) -> Outcome<Judged> {
        let value = self.resolver.evaluate(condition, scope, Expect::Value)?;
        self.resolver.condition_of(value, condition.span)
    }

    /// What `when` says about a line.
    fn guard(&mut self, when: Option<&'a Expr>, scope: &Scope) -> Outcome<Guard> {
        let Some(when) = when else {
            return Ok(Guard::Always);
        };
        let value = self.resolver.evaluate(when, scope, Expect::Value)?;
        if let Value::Thing(thing) = value
            && self.resolver.thing(thing).kind.name == "scenario"
        {
            return Ok(Guard::NotYet);
        }
        Ok(match self.resolver.condition_of(value, when.span)? {
            Judged::Fact(true, _) => Guard::Always,
            Judged::Fact(false, _) => Guard::Never,
            _ => Guard::NotYet,
        })
    }

    /// The price of a wish: money a time.
    fn price(&mut self, price: &'a Expr, scope: &Scope) -> Outcome<Quantity> {
        let resolver = &mut *self.resolver;
        let value = resolver.fact_value(price, scope)?;
        let Value::Quantity(quantity) = value else {
            let label = format!("this is {}", value.noun());
            return Err(resolver.type_error("a wish is worth money", price.span, label));
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

    fn violated(&mut self, span: Span, why: &str) -> Reported {
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

/// When a line holds.
enum Guard {
    Always,
    Never,
    NotYet,
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

/// Bounds where a comparison speaks of the service's own replicas alone.
fn own_replicas(
    own: Option<usize>,
    terms: &[(BigRational, Subject)],
    compare: Compare,
    limit: &Quantity,
) -> Option<(Option<i64>, Option<i64>)> {
    let [(coefficient, Subject::Replicas { service })] = terms else {
        return None;
    };
    if Some(*service) != own || limit.dimension != Dimension::NONE {
        return None;
    }
    // Coefficients of first terms are above zero.
    let bound = &limit.value / coefficient;
    let whole = |value: Option<i64>| value.map(Some);
    match compare {
        Compare::AtMost => Some((None, whole(floor(&bound))?)),
        Compare::Below => Some((None, whole(ceiling(&bound))?.map(|high| high.saturating_sub(1)))),
        Compare::AtLeast => Some((whole(ceiling(&bound))?, None)),
        Compare::Above => Some((whole(floor(&bound))?.map(|low| low.saturating_add(1)), None)),
        Compare::Equal => Some((whole(ceiling(&bound))?, whole(floor(&bound))?)),
        Compare::Unequal => None,
    }
}

/// The comparison as the planner reads it.
fn condition(terms: Vec<(BigRational, Subject)>, compare: Compare, limit: Quantity) -> Condition {
    let counts = terms.iter().all(|(coefficient, subject)| {
        coefficient.is_integer() && matches!(subject, Subject::Replicas { .. } | Subject::Spread { .. })
    });
    Condition::Compare {
        terms: terms.into_iter().map(|(coefficient, subject)| Term { coefficient, subject }).collect(),
        compare,
        limit,
        integer: counts,
    }
}

//! Lines that limit a choice of the block they stand in: `replicas in 2..6`, `tensor in [4, 8]`.

use super::building::Builder;
use super::lines::Lines;
use super::things::ThingId;
use super::value::{Judged, Value};
use crate::model::{Compare, Of, Subject};
use crate::quantity::{Dimension, ceiling, floor};
use crate::schema::{Field, Type};
use crate::span::Span;
use num_rational::BigRational;
use num_traits::One;

/// A line that limits a choice of the service, pool or node it stands in.
pub(super) struct Limit {
    pub(super) field: &'static Field,
    pub(super) left: Left,
    pub(super) span: Span,
    /// How far from the thing's own block it stands.
    pub(super) layer: usize,
}

/// What a limit leaves.
pub(super) enum Left {
    /// Whole numbers between bounds.
    Between(Option<i64>, Option<i64>),
    /// These values.
    Values(Vec<Value>),
}

/// Choices of which the model keeps every limit.
const LIMITED: [&str; 13] = [
    "replicas",
    "tensor",
    "pipeline",
    "expert",
    "redundant_experts",
    "data",
    "context",
    "nodes",
    "batch",
    "precision",
    "sharding",
    "device",
    "filled",
];

impl Lines {
    /// Keeps a limit; both ends of one range are one.
    pub(super) fn limit(&mut self, limit: Limit) {
        if let Some(last) = self.limits.last_mut()
            && last.span == limit.span
            && std::ptr::eq(last.field, limit.field)
            && let Left::Between(Some(_), none @ None) = &mut last.left
            && let Left::Between(None, high) = limit.left
        {
            *none = high;
            return;
        }
        self.limits.push(limit);
    }
}

impl<'a> Builder<'_, 'a> {
    /// What a condition leaves of a choice of `id` itself, where it speaks of nothing else.
    pub(super) fn own_limit(&self, id: ThingId, judged: &Judged) -> Option<(&'static Field, Left)> {
        if !matches!(self.resolver.thing(id).kind.name, "service" | "job" | "pool" | "node") {
            return None;
        }
        match judged {
            Judged::Compare { terms, compare, limit } if limit.dimension == Dimension::NONE => {
                let [(coefficient, subject)] = terms.as_slice() else {
                    return None;
                };
                let field = self.own_choice(id, subject)?;
                let (low, high) = bounds(*compare, &(&limit.value / coefficient))?;
                Some((field, Left::Between(low, high)))
            }
            Judged::Listed { terms, allowed } => {
                let [(coefficient, subject)] = terms.as_slice() else {
                    return None;
                };
                let field = self.own_choice(id, subject).filter(|_| coefficient.is_one())?;
                Some((field, Left::Values(allowed.iter().cloned().map(Value::Quantity).collect())))
            }
            Judged::Restrict { thing, field, allowed } if *thing == id && limited(field) => {
                Some((field, Left::Values(allowed.clone())))
            }
            Judged::Not(inner) => match inner.as_ref() {
                Judged::Restrict { thing, field, allowed } if *thing == id && limited(field) => {
                    let Type::Symbol(names) = field.type_ else {
                        return None;
                    };
                    let taken = |name: &str| {
                        allowed.iter().any(|value| matches!(value, Value::Symbol(known) if known == name))
                    };
                    let left = names.iter().filter(|name| !taken(name));
                    let left: Vec<_> = left.map(|name| Value::Symbol((*name).to_owned())).collect();
                    (!left.is_empty()).then_some((*field, Left::Values(left)))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The row of a choice of `id` that limits are kept of.
    fn own_choice(&self, id: ThingId, subject: &Subject) -> Option<&'static Field> {
        let kind = self.resolver.thing(id).kind;
        let own = self.resolver.of(id);
        let name = match subject {
            Subject::Replicas { service } if own == Of::Service(*service) => "replicas",
            Subject::Figure { of, field, statistic: None } if *of == own => field,
            _ => return None,
        };
        kind.field(name).filter(|field| limited(field))
    }
}

fn limited(field: &Field) -> bool {
    LIMITED.contains(&field.name)
}

/// The whole numbers that a comparison with `bound` leaves.
#[allow(clippy::type_complexity, reason = "two ends, each of which may be open")]
fn bounds(compare: Compare, bound: &BigRational) -> Option<(Option<i64>, Option<i64>)> {
    let whole = |value: Option<i64>| value.map(Some);
    match compare {
        Compare::AtMost => Some((None, whole(floor(bound))?)),
        Compare::Below => Some((None, whole(ceiling(bound))?.map(|high| high.saturating_sub(1)))),
        Compare::AtLeast => Some((whole(ceiling(bound))?, None)),
        Compare::Above => Some((whole(floor(bound))?.map(|low| low.saturating_add(1)), None)),
        Compare::Equal => Some((whole(ceiling(bound))?, whole(floor(bound))?)),
        Compare::Unequal => None,
    }
}

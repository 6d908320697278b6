//! Comparisons: of facts, which hold or not, and of decisions and predictions, which become rows.

use super::evaluation::Expect;
use super::value::{Judged, Linear, Unjudged, Value};
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Subject};
use crate::quantity::{Dimension, Quantity, ceiling, floor, ratio};
use crate::schema::{Type, dimension_name};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{Expr, ExprKind, Operator};
use crate::units;
use num_rational::BigRational;
use num_traits::{One, Signed};

/// A value and the expression it came from.
type Side<'e> = (Value, &'e Expr);

impl<'a> Resolver<'a> {
    /// How a bare name is read beside `value`.
    pub(super) fn expected_beside(&self, value: &Value) -> Expect {
        match value {
            Value::Symbol(_) => Expect::AnyName,
            Value::Choice(_, field) => match field.type_ {
                Type::Symbol(names) => Expect::Names(names),
                _ => Expect::Value,
            },
            // What nobody reads yet may well be compared with a name of its own.
            Value::NotYet(unjudged) if unjudged.dimension.is_none() => Expect::AnyName,
            _ => Expect::Value,
        }
    }

    /// A value that should be a condition.
    pub(super) fn condition_of(&mut self, value: Value, span: Span) -> Outcome<Judged> {
        match value {
            Value::Boolean(value) => Ok(Judged::Fact(value, format!("it is {value}"))),
            Value::Condition(judged) => Ok(judged),
            Value::NotYet(unjudged) => Ok(Judged::NotYet(unjudged.because)),
            value => {
                let label = format!("this is {}", value.noun());
                Err(self.report(
                    Diagnostic::error(
                        "value::not-a-condition",
                        "a line that neither states nor requires anything",
                        span,
                        label,
                    )
                    .help("`name = value` states a fact, `name <= value` requires something."),
                ))
            }
        }
    }

    /// `left operator right`.
    pub(super) fn compare(
        &mut self,
        operator: &Spanned<Operator>,
        left: Side<'_>,
        right: Side<'_>,
    ) -> Outcome<Judged> {
        let (a, b) = (left.0.dimension(), right.0.dimension());
        let (a, b) = (a.cloned(), b.cloned().or_else(|| members(&right.0)));
        if let (Some(a), Some(b)) = (&a, &b)
            && !a.matches(b)
        {
            return Err(self.compared_units((a, left.1), (b, right.1)));
        }
        if operator.value == Operator::In {
            return self.contained(left, right);
        }
        let compare = match operator.value {
            Operator::AtMost => Compare::AtMost,
            Operator::Below => Compare::Below,
            Operator::AtLeast => Compare::AtLeast,
            Operator::Above => Compare::Above,
            Operator::Equal => Compare::Equal,
            _ => Compare::Unequal,
        };
        match (left, right) {
            ((Value::NotYet(Unjudged { because, .. }), _), _)
            | (_, (Value::NotYet(Unjudged { because, .. }), _)) => Ok(Judged::NotYet(because)),
            ((Value::Choice(thing, field), name), (limit, limit_at))
            | ((limit, limit_at), (Value::Choice(thing, field), name)) => {
                let compare = if name.span.start < limit_at.span.start { compare } else { mirrored(compare) };
                self.compare_choice((thing, field), compare, (limit, limit_at))
            }
            ((Value::Linear(a), _), (Value::Linear(b), _)) => {
                self.compare_linear(a.plus(&b, &-BigRational::one()), compare, operator.span)
            }
            ((Value::Linear(a), _), (Value::Quantity(b), _)) => {
                let difference = a.plus(&Linear::constant(b), &-BigRational::one());
                self.compare_linear(difference, compare, operator.span)
            }
            ((Value::Quantity(a), _), (Value::Linear(b), _)) => {
                let difference = Linear::constant(a).plus(&b, &-BigRational::one());
                self.compare_linear(difference, compare, operator.span)
            }
            ((a, a_at), (b, b_at)) => self.compare_facts((a, a_at), compare, (b, b_at)),
        }
    }

    /// Facts: the comparison holds or it does not.
    fn compare_facts(
        &mut self,
        (a, a_at): Side<'_>,
        compare: Compare,
        (b, b_at): Side<'_>,
    ) -> Outcome<Judged> {
        let reason = |resolver: &Self| {
            let mut parts = Vec::new();
            for (value, at) in [(&a, a_at), (&b, b_at)] {
                let (text, written) = (resolver.text(at.span), value.written());
                if text != written && !matches!(at.kind, ExprKind::Quantity(_)) {
                    parts.push(format!("`{text}` is {written}"));
                }
            }
            parts.join(", ")
        };
        if let (Value::Quantity(a), Value::Quantity(b)) = (&a, &b) {
            let order = a.value.cmp(&b.value);
            let holds = match compare {
                Compare::AtMost => order.is_le(),
                Compare::Below => order.is_lt(),
                Compare::AtLeast => order.is_ge(),
                Compare::Above => order.is_gt(),
                Compare::Equal => order.is_eq(),
                Compare::Unequal => order.is_ne(),
            };
            return Ok(Judged::Fact(holds, reason(self)));
        }
        let same = match (&a, &b) {
            (Value::Symbol(a), Value::Symbol(b)) | (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Date(a), Value::Date(b)) => a == b,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Thing(a), Value::Thing(b)) => a == b,
            (Value::Fabric(a), Value::Fabric(b)) => a == b,
            (Value::Profile(_) | Value::Lognormal { .. }, _)
            | (_, Value::Profile(_) | Value::Lognormal { .. }) => {
                return Ok(Judged::NotYet("profiles and distributions are not compared yet".to_owned()));
            }
            _ => {
                let label = format!("this compares {} with {}", a.noun(), b.noun());
                let span = a_at.span.join(b_at.span);
                return Err(self.report(
                    Diagnostic::error("value::type", "these cannot be compared", span, label)
                        .help("Compare quantities that measure the same, or names with names."),
                ));
            }
        };
        match compare {
            Compare::Equal => Ok(Judged::Fact(same, reason(self))),
            Compare::Unequal => Ok(Judged::Fact(!same, reason(self))),
            _ => Err(self.report(
                Diagnostic::error(
                    "value::type",
                    "only quantities have an order",
                    a_at.span.join(b_at.span),
                    format!("this orders {}", a.noun()),
                )
                .help("Names and texts are compared with `==` and `!=`."),
            )),
        }
    }

    /// `difference compare 0`: constants move to the limit.
    fn compare_linear(&mut self, difference: Linear, compare: Compare, operator: Span) -> Outcome<Judged> {
        let Linear { terms, constant, dimension } = difference;
        // The first term is written with a plus.
        let flip = terms.values().next().is_some_and(|coefficient| coefficient.is_negative());
        let sign = if flip { ratio(-1, 1) } else { ratio(1, 1) };
        let compare = if flip { mirrored(compare) } else { compare };
        let limit = Quantity::new(-constant * &sign, dimension);
        let terms: Vec<_> =
            terms.into_iter().map(|(subject, coefficient)| (coefficient * &sign, subject)).collect();
        if terms.is_empty() {
            return Err(self.report(
                Diagnostic::error(
                    "value::not-a-condition",
                    "both sides are the same",
                    operator,
                    "whatever the planner decides cancels out here",
                )
                .help("Leave the line out, or compare with something else."),
            ));
        }
        let counts = terms
            .iter()
            .all(|(_, subject)| matches!(subject, Subject::Replicas { .. } | Subject::Spread { .. }));
        if !counts && matches!(compare, Compare::Equal | Compare::Unequal) {
            return Err(self.report(
                Diagnostic::error(
                    "role::equal-measure",
                    "a prediction is never exactly something",
                    operator,
                    "this asks for equality",
                )
                .help("Bound it: `<=` or `>=`."),
            ));
        }
        Ok(Judged::Compare { terms, compare, limit })
    }

    fn compare_choice(
        &mut self,
        (thing, field): (super::things::ThingId, &'static crate::schema::Field),
        compare: Compare,
        (limit, at): Side<'_>,
    ) -> Outcome<Judged> {
        if let Type::Integer(_) = field.type_ {
            let Value::Quantity(limit) = &limit else {
                return Err(self.choice_type(field, &limit, at.span));
            };
            // Dimensions are equal or this choice would not be one of plain numbers.
            if limit.dimension != Dimension::NONE {
                let limit = limit.dimension.clone();
                return Err(self.mismatch(&Dimension::NONE, &limit, at.span));
            }
            let value = &limit.value;
            let (low, high) = match compare {
                Compare::AtMost => (None, floor(value)),
                Compare::Below => (None, ceiling(value).map(|limit| limit.saturating_sub(1))),
                Compare::AtLeast => (ceiling(value), None),
                Compare::Above => (floor(value).map(|limit| limit.saturating_add(1)), None),
                Compare::Equal => (ceiling(value), floor(value)),
                Compare::Unequal => {
                    return Ok(Judged::NotYet(format!("`!=` on `{}` is not planned yet", field.name)));
                }
            };
            if low.is_none() && high.is_none() {
                return Err(self.too_large(at.span));
            }
            return Ok(Judged::Bound { thing, field, low, high });
        }
        match compare {
            Compare::Equal => {
                let allowed = vec![limit];
                self.check_members(field, &allowed, at)?;
                Ok(Judged::Restrict { thing, field, allowed })
            }
            Compare::Unequal => Ok(Judged::NotYet(format!(
                "`!=` on `{}` is not planned yet; name what is allowed with `in`",
                field.name
            ))),
            _ => Err(self.report(
                Diagnostic::error(
                    "value::type",
                    "only quantities have an order",
                    at.span,
                    format!("`{}` is one of several names", field.name),
                )
                .help("Names are compared with `==`, or with `in` and a list."),
            )),
        }
    }

    /// `left in right`.
    fn contained(&mut self, (value, at): Side<'_>, (set, set_at): Side<'_>) -> Outcome<Judged> {
        match (value, set) {
            (Value::NotYet(unjudged), _) | (_, Value::NotYet(unjudged)) => {
                Ok(Judged::NotYet(unjudged.because))
            }
            (Value::Choice(thing, field), Value::Range(low, high)) => {
                if !matches!(field.type_, Type::Integer(_)) {
                    return Err(self.choice_type(field, &Value::Range(low, high), set_at.span));
                }
                Ok(Judged::Bound { thing, field, low: ceiling(&low.value), high: floor(&high.value) })
            }
            (Value::Choice(thing, field), Value::List(allowed)) => {
                self.check_members(field, &allowed, set_at)?;
                Ok(Judged::Restrict { thing, field, allowed: allowed.to_vec() })
            }
            (Value::Linear(linear), Value::Range(low, high)) => {
                let minus = -BigRational::one();
                let low = linear.clone().plus(&Linear::constant(low), &minus);
                let high = linear.plus(&Linear::constant(high), &minus);
                let low = self.compare_linear(low, Compare::AtLeast, at.span)?;
                let high = self.compare_linear(high, Compare::AtMost, at.span)?;
                Ok(Judged::All(vec![low, high]))
            }
            (Value::Linear(linear), Value::List(values)) => self.contiguous(linear, &values, set_at),
            (Value::Quantity(value), Value::Range(low, high)) => {
                let holds = low.value <= value.value
                    && if value.dimension == Dimension::NONE {
                        value.value <= high.value
                    } else {
                        // A range of anything but plain numbers excludes its end.
                        value.value < high.value
                    };
                Ok(Judged::Fact(holds, format!("`{}` is {value}", self.text(at.span))))
            }
            (value, Value::List(values)) => {
                let written = value.written();
                let holds = values.iter().any(|member| match (member, &value) {
                    (Value::Quantity(a), Value::Quantity(b)) => a == b,
                    (Value::Thing(a), Value::Thing(b)) => a == b,
                    (Value::Symbol(a), Value::Symbol(b)) | (Value::Text(a), Value::Text(b)) => a == b,
                    _ => false,
                });
                Ok(Judged::Fact(holds, format!("`{}` is {written}", self.text(at.span))))
            }
            (Value::Thing(thing), Value::Things(things)) => {
                Ok(Judged::Fact(things.contains(&thing), String::new()))
            }
            (_, set) => {
                let label = format!("this is {}", set.noun());
                Err(self.report(
                    Diagnostic::error("value::type", "`in` needs a range or a list", set_at.span, label)
                        .help("Write `2..6` or `[a, b]`."),
                ))
            }
        }
    }

    /// `replicas in [2, 3, 4]`: a list without gaps is a range.
    fn contiguous(&mut self, linear: Linear, values: &[Value], at: &Expr) -> Outcome<Judged> {
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Value::Quantity(quantity) => match quantity.as_integer() {
                    Some(number) => numbers.push(number),
                    None => {
                        return Ok(Judged::NotYet(
                            "a list of values that are no whole numbers is not judged yet".to_owned(),
                        ));
                    }
                },
                other => {
                    let label = format!("this holds {}", other.noun());
                    return Err(self.type_error("a number is in a list of numbers", at.span, label));
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            return Err(self.empty_list(at.span));
        };
        let whole = last.saturating_sub(*first) == i64::try_from(numbers.len() - 1).unwrap_or(0);
        if !whole {
            return Ok(Judged::NotYet("a list with gaps is not planned yet; a range is".to_owned()));
        }
        let minus = -BigRational::one();
        let low = linear.clone().plus(&Linear::constant(Quantity::integer(*first)), &minus);
        let high = linear.plus(&Linear::constant(Quantity::integer(*last)), &minus);
        let low = self.compare_linear(low, Compare::AtLeast, at.span)?;
        let high = self.compare_linear(high, Compare::AtMost, at.span)?;
        Ok(Judged::All(vec![low, high]))
    }

    fn empty_list(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error("value::empty", "nothing is allowed", span, "this list is empty")
                .help("Name what is allowed, or leave the line out."),
        )
    }

    /// Every member of a list is something that `field` can be.
    fn check_members(
        &mut self,
        field: &'static crate::schema::Field,
        members: &[Value],
        at: &Expr,
    ) -> Outcome<()> {
        if members.is_empty() {
            return Err(self.empty_list(at.span));
        }
        let spans: Vec<Span> = match &at.kind {
            ExprKind::List(entries) if entries.len() == members.len() => {
                entries.iter().map(|entry| entry.value.span).collect()
            }
            _ => vec![at.span; members.len()],
        };
        for (member, span) in members.iter().zip(spans) {
            self.coerce(member.clone(), field, span)?;
        }
        Ok(())
    }

    fn choice_type(&mut self, field: &'static crate::schema::Field, value: &Value, span: Span) -> Reported {
        let label = format!("this is {}", value.noun());
        self.report(
            Diagnostic::error(
                "value::type",
                format!("`{}` is compared with something else", field.name),
                span,
                label,
            )
            .help(format!("`{}`: {}", field.name, field.doc)),
        )
    }

    /// The two sides measure different things.
    fn compared_units(&mut self, left: (&Dimension, &Expr), right: (&Dimension, &Expr)) -> Reported {
        let names = (dimension_name(left.0), dimension_name(right.0));
        let subject = self.text(left.1.span);
        let subject = subject.split(' ').next().unwrap_or_default().to_owned();
        let named = matches!(left.1.kind, ExprKind::Path(_));
        let bare = |name: &str| name.split(" (").next().unwrap_or(name).to_lowercase();
        let title = if named {
            format!("`{subject}` limit given as {}", article(&bare(&names.1)))
        } else {
            format!("{} compared with {}", article(&bare(&names.0)), article(&bare(&names.1)))
        };
        let mut diagnostic =
            Diagnostic::error("units::mismatch", title, right.1.span, format!("this is {}", names.1))
                .and(left.1.span, format!("this is {}", names.0));
        let meant = self.respelled(right.1, left.0);
        diagnostic = diagnostic.help(match meant {
            Some(meant) => format!(
                "`{}` is {}, the other side is {}. Did you mean `{meant}`?",
                self.text(right.1.span),
                names.1,
                names.0
            ),
            None => format!("Write both sides as {}, or both as {}.", names.0, names.1),
        });
        self.report(diagnostic)
    }

    /// `34kWh` as `34kW`, `$2` as `$2/h`: the same number in a unit of `dimension`, if the unit is one
    /// small step away.
    pub(super) fn respelled(&self, expression: &Expr, dimension: &Dimension) -> Option<String> {
        let ExprKind::Quantity(written) = &expression.kind else {
            return None;
        };
        let text = self.text(expression.span);
        let unit = written.unit.as_str();
        let mut tries: Vec<String> = Vec::new();
        if let Some(rate) = unit.strip_suffix('h') {
            tries.push(rate.to_owned());
        }
        for suffix in ["/h", "/s", "h", "/y", "%"] {
            tries.push(format!("{unit}{suffix}"));
        }
        if let Some((amount, _)) = unit.rsplit_once('/') {
            tries.push(amount.to_owned());
        }
        let sign_first = unit.chars().next().is_some_and(|first| "$€£¥".contains(first));
        for candidate in tries {
            let Ok(known) = units::unit(&candidate) else {
                continue;
            };
            if !known.dimension.matches(dimension) || candidate.is_empty() {
                continue;
            }
            // The number is the text without its unit; a currency stands before it.
            let number = if sign_first {
                let rest = unit.trim_start_matches(['$', '€', '£', '¥']);
                text.strip_suffix(rest).unwrap_or(&text)
            } else {
                text.strip_suffix(unit).unwrap_or(&text)
            };
            let after = candidate.trim_start_matches(['$', '€', '£', '¥']);
            return Some(format!("{number}{after}"));
        }
        None
    }
}

/// `power` as `a power`.
fn article(noun: &str) -> String {
    match noun.chars().next() {
        _ if noun.starts_with("a ") => noun.to_owned(),
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("an {noun}"),
        _ => format!("a {noun}"),
    }
}

/// What the members of a list measure, if that is one thing.
fn members(value: &Value) -> Option<Dimension> {
    let Value::List(values) = value else {
        return None;
    };
    let mut dimensions = values.iter().map(Value::dimension);
    let first = dimensions.next()??;
    dimensions.all(|dimension| dimension == Some(first)).then(|| first.clone())
}

/// The comparison with its sides exchanged.
pub(super) fn mirrored(compare: Compare) -> Compare {
    match compare {
        Compare::AtMost => Compare::AtLeast,
        Compare::Below => Compare::Above,
        Compare::AtLeast => Compare::AtMost,
        Compare::Above => Compare::Below,
        equal => equal,
    }
}

/// `a and b`, or `a or b`.
pub(super) fn joined(and: bool, a: Judged, b: Judged) -> Judged {
    match (and, a, b) {
        (true, Judged::Fact(true, _), other) | (true, other, Judged::Fact(true, _)) => other,
        (true, Judged::Fact(false, why), _) | (true, _, Judged::Fact(false, why)) => Judged::Fact(false, why),
        (false, Judged::Fact(false, _), other) | (false, other, Judged::Fact(false, _)) => other,
        (false, Judged::Fact(true, why), _) | (false, _, Judged::Fact(true, why)) => Judged::Fact(true, why),
        (true, Judged::All(mut all), Judged::All(more)) => {
            all.extend(more);
            Judged::All(all)
        }
        (true, Judged::All(mut all), other) => {
            all.push(other);
            Judged::All(all)
        }
        (true, a, b) => Judged::All(vec![a, b]),
        (false, _, _) => Judged::NotYet("`or` between decisions or predictions is not judged yet".to_owned()),
    }
}

/// `not judged`.
pub(super) fn negated(judged: Judged) -> Judged {
    match judged {
        Judged::Fact(value, why) => Judged::Fact(!value, why),
        Judged::NotYet(because) => Judged::NotYet(because),
        _ => Judged::NotYet(
            "`not` over decisions or predictions is not judged yet; write the opposite comparison".to_owned(),
        ),
    }
}

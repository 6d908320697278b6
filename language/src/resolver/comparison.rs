//! Comparisons: of facts, which hold or not, and of decisions and predictions, which become rows.

use super::evaluation::Expect;
use super::logic::{joined, negated};
use super::value::{Held, Judged, Linear, Unjudged, Value};
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Profile, Subject};
use crate::quantity::{Dimension, Quantity, ratio};
use crate::schema::kinds::service;
use crate::schema::{Field, MEASURED, Role, Type, dimension_name};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{Expr, ExprKind, Operator};
use crate::units;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::rc::Rc;

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
            Value::Thing(thing) if self.thing(thing).kind.name == "scenario" => Ok(Judged::Scenario(thing)),
            // In any of them.
            Value::Things(things)
                if !things.is_empty()
                    && things.iter().all(|thing| self.thing(*thing).kind.name == "scenario") =>
            {
                Ok(Judged::Any(things.iter().map(|thing| Judged::Scenario(*thing)).collect()))
            }
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
        let left = (left.0.measured(b.as_ref()), left.1);
        let right = (right.0.measured(a.as_ref()), right.1);
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
            ((Value::Extreme { least, values }, at), limit) => {
                self.compare_extreme((least, &values, at), (operator, compare), limit)
            }
            (limit, (Value::Extreme { least, values }, at)) => {
                self.compare_extreme((least, &values, at), (operator, compare.mirrored()), limit)
            }
            ((Value::Choice(thing, field), name), (limit, limit_at))
            | ((limit, limit_at), (Value::Choice(thing, field), name)) => {
                let compare =
                    if name.span.start < limit_at.span.start { compare } else { compare.mirrored() };
                self.compare_choice((thing, field), compare, (limit, limit_at))
            }
            ((Value::Hours(hours), at), (Value::Quantity(limit), limit_at))
            | ((Value::Quantity(limit), limit_at), (Value::Hours(hours), at)) => {
                let compare = if at.span.start < limit_at.span.start { compare } else { compare.mirrored() };
                self.compare_hours(&hours, compare, &limit, limit_at.span)
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
            return Ok(Judged::Fact(holds(&a.value, compare, &b.value), reason(self)));
        }
        if let Some(steps) = pointwise(&a, compare, &b) {
            return Ok(Judged::Steps(Rc::new(steps)));
        }
        let same = match (&a, &b) {
            (Value::Symbol(a), Value::Symbol(b)) | (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Date(a, here), Value::Date(b, there)) => a == b && here == there,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Thing(a), Value::Thing(b)) => a == b,
            (Value::Fabric(a), Value::Fabric(b)) => a == b,
            (Value::Draws(..) | Value::Arrivals(_), _) => return Err(self.compared_kind(&a, a_at)),
            (_, Value::Draws(..) | Value::Arrivals(_)) => return Err(self.compared_kind(&b, b_at)),
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

    /// Draws and arrivals have no order of their own.
    fn compared_kind(&mut self, value: &Value, at: &Expr) -> Reported {
        let text = self.text(at.span);
        if matches!(value, Value::Arrivals(_)) {
            return self.report(
                Diagnostic::error(
                    "statistic::of-arrivals",
                    "arrivals are not compared",
                    at.span,
                    "they have a rate in each step and a spacing",
                )
                .help("Name the profile of their rate and compare a figure of it: `let evening = diurnal(…)`, `evening peak`."),
            );
        }
        self.report(
            Diagnostic::error(
                "statistic::missing",
                format!("`{text}` is a distribution"),
                at.span,
                "which figure of it is not said",
            )
            .help("Write `p50`, `p99`, `mean` or `peak` after its name."),
        )
    }

    /// `difference compare 0`: constants move to the limit.
    fn compare_linear(&mut self, difference: Linear, compare: Compare, operator: Span) -> Outcome<Judged> {
        let Linear { terms, constant, dimension } = difference;
        // The first term is written with a plus.
        let flip = terms.values().next().is_some_and(|coefficient| coefficient.is_negative());
        let signed = |value: BigRational| if flip { -value } else { value };
        let compare = if flip { compare.mirrored() } else { compare };
        let limit = Quantity::new(signed(-constant), dimension);
        let terms: Vec<_> =
            terms.into_iter().map(|(subject, coefficient)| (signed(coefficient), subject)).collect();
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
        let chosen = terms.iter().all(|(_, subject)| subject.is_choice());
        if !chosen && matches!(compare, Compare::Equal | Compare::Unequal) {
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

    /// One more quantity under a least or greatest.
    pub(super) fn extreme(&mut self, least: bool, so_far: Value, value: Value, span: Span) -> Outcome<Value> {
        let mut values = match so_far {
            Value::Extreme { values, .. } => values.to_vec(),
            value => vec![value],
        };
        let Some(first) = values.first() else {
            return Ok(value);
        };
        let sum = |value: &&Value| !matches!(value, Value::Quantity(_) | Value::Linear(_));
        if let Some(other) = [first, &value].into_iter().find(sum) {
            let label = format!("this is {}", other.noun());
            return Err(self.type_error(
                "only quantities have a least and a greatest",
                span,
                label,
                "Choose a field that is a number: `max x in xs: x.replicas`.",
            ));
        }
        if let (Some(a), Some(b)) = (first.dimension(), value.dimension())
            && !a.matches(b)
        {
            let (a, b) = (a.clone(), b.clone());
            return Err(self.mismatch(&a, &b, span));
        }
        values.push(value);
        Ok(Value::Extreme { least, values: Rc::new(values) })
    }

    /// The greatest is at most a limit where all are, and at least it where some is; the least the other way
    /// round.
    fn compare_extreme(
        &mut self,
        (least, values, at): (bool, &[Value], &Expr),
        (operator, compare): (&Spanned<Operator>, Compare),
        (limit, limit_at): Side<'_>,
    ) -> Outcome<Judged> {
        let each = |resolver: &mut Self, compare: Compare, all: bool| {
            let operator = Spanned::new(operator_of(compare), operator.span);
            let mut whole = Judged::Fact(all, String::new());
            for value in values {
                let part = resolver.compare(&operator, (value.clone(), at), (limit.clone(), limit_at))?;
                whole = joined(all, whole, part);
            }
            Ok(whole)
        };
        match compare {
            Compare::AtMost | Compare::Below => each(self, compare, !least),
            Compare::AtLeast | Compare::Above => each(self, compare, least),
            Compare::Equal => {
                let within = each(self, if least { Compare::AtLeast } else { Compare::AtMost }, true)?;
                let reached = each(self, Compare::Equal, false)?;
                Ok(joined(true, within, reached))
            }
            Compare::Unequal => {
                let within = each(self, if least { Compare::AtLeast } else { Compare::AtMost }, true)?;
                let reached = each(self, Compare::Equal, false)?;
                Ok(negated(joined(true, within, reached)))
            }
        }
    }

    fn compare_choice(
        &mut self,
        (thing, field): (super::things::ThingId, &'static Field),
        compare: Compare,
        (limit, at): Side<'_>,
    ) -> Outcome<Judged> {
        match compare {
            Compare::Equal => {
                let allowed = vec![limit];
                self.check_members(field, &allowed, at)?;
                Ok(Judged::Restrict { thing, field, allowed })
            }
            Compare::Unequal => {
                let allowed = vec![limit];
                self.check_members(field, &allowed, at)?;
                Ok(Judged::Not(Box::new(Judged::Restrict { thing, field, allowed })))
            }
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
            (Value::Choice(_, field), Value::Range(low, high)) => {
                Err(self.choice_type(field, &Value::Range(low, high), set_at.span))
            }
            (Value::Hours(hours), Value::Range(low, high)) => {
                self.hours_within(&hours, &low, &high, set_at.span)
            }
            (Value::Profile(profile), Value::Range(low, high)) => {
                let above = holds_in(&profile, Compare::AtLeast, &low.value);
                let end = if low.dimension == Dimension::NONE { Compare::AtMost } else { Compare::Below };
                let below = holds_in(&profile, end, &high.value);
                let steps = above.into_iter().zip(below).map(|(a, b)| a.min(b));
                Ok(Judged::Steps(Rc::new(steps.collect())))
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
            (Value::Linear(linear), Value::List(values)) => self.listed(linear, &values, set_at),
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

    /// `replicas in [2, 3, 4]`: a list of whole numbers without gaps is a range.
    fn listed(&mut self, linear: Linear, values: &[Value], at: &Expr) -> Outcome<Judged> {
        if let [(subject, factor)] = linear.terms.iter().collect::<Vec<_>>().as_slice()
            && factor.is_one()
            && linear.constant.is_zero()
            && let Some(field) = choice_row(subject)
        {
            self.check_members(field, values, at)?;
        }
        let mut allowed = Vec::new();
        for value in values {
            match value {
                Value::Quantity(quantity) => allowed.push(quantity.clone()),
                other => {
                    let label = format!("this holds {}", other.noun());
                    return Err(self.type_error(
                        "a number is in a list of numbers",
                        at.span,
                        label,
                        "List the numbers: `in [1, 2, 4]`; a range stands alone: `in 2..6`.",
                    ));
                }
            }
        }
        allowed.sort_by(|a, b| a.value.cmp(&b.value));
        allowed.dedup();
        let (Some(first), Some(last)) = (allowed.first(), allowed.last()) else {
            return Err(self.empty_list(at.span));
        };
        let minus = -BigRational::one();
        let counts = linear.terms.iter().all(|(subject, factor)| subject.is_count() && factor.is_integer());
        let whole = counts && linear.constant.is_integer();
        let width = &last.value - &first.value + BigRational::one();
        let gapless = whole
            && allowed.iter().all(|value| value.value.is_integer())
            && width == BigRational::from_integer(allowed.len().into());
        if gapless {
            let low = linear.clone().plus(&Linear::constant(first.clone()), &minus);
            let high = linear.plus(&Linear::constant(last.clone()), &minus);
            let low = self.compare_linear(low, Compare::AtLeast, at.span)?;
            let high = self.compare_linear(high, Compare::AtMost, at.span)?;
            return Ok(Judged::All(vec![low, high]));
        }
        if let Some((subject, _)) = linear.terms.iter().find(|(subject, _)| !subject.is_choice()) {
            let name = subject.row().map_or("a measure", |row| row.name);
            return Err(self.report(
                Diagnostic::error(
                    "role::equal-measure",
                    "a prediction is never exactly something",
                    at.span,
                    format!("this lists values for `{name}`"),
                )
                .help("Bound it: `<=` or `>=`."),
            ));
        }
        // Constants move to the values, and the first term is written with a plus.
        let flip = linear.terms.values().next().is_some_and(|coefficient| coefficient.is_negative());
        let sign = if flip { ratio(-1, 1) } else { ratio(1, 1) };
        let mut allowed: Vec<_> = allowed
            .into_iter()
            .map(|value| Quantity::new((value.value - &linear.constant) * &sign, value.dimension))
            .collect();
        allowed.sort_by(|a, b| a.value.cmp(&b.value));
        let terms = linear.terms.into_iter();
        let terms = terms.map(|(subject, coefficient)| (coefficient * &sign, subject)).collect();
        Ok(Judged::Listed { terms, allowed })
    }

    fn empty_list(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error("value::empty", "nothing is allowed", span, "this list is empty")
                .help("Name what is allowed, or leave the line out."),
        )
    }

    /// Every member of a list is something that `field` can be.
    fn check_members(&mut self, field: &'static Field, members: &[Value], at: &Expr) -> Outcome<()> {
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

    fn choice_type(&mut self, field: &'static Field, value: &Value, span: Span) -> Reported {
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
        // `energy` is a mean over the horizon: its limit is an energy a time.
        let is_amount = named && subject.rsplit('.').next() == Some(bare(&names.1).as_str());
        let title = if is_amount {
            format!("`{subject}` limit given as an amount")
        } else if named {
            format!("`{subject}` limit given as {}", article(&bare(&names.1)))
        } else {
            format!("{} compared with {}", article(&bare(&names.0)), article(&bare(&names.1)))
        };
        let mut diagnostic =
            Diagnostic::error("units::mismatch", title, right.1.span, format!("this is {}", names.1))
                .and(left.1.span, format!("this is {}", names.0));
        let meant = match right.1.kind {
            ExprKind::Quantity(_) if is_amount => Some(format!("{}/d", self.text(right.1.span))),
            _ => self.respelled(right.1, left.0),
        };
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
        // `req` becomes `req/s` where that is how the dimension is written.
        if let Some(own) = MEASURED.iter().find(|own| own.dimension.matches(dimension))
            && own.unit.strip_prefix(unit).is_some_and(|rest| rest.starts_with('/'))
        {
            tries.push(own.unit.to_owned());
        }
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

/// The operator of a comparison.
fn operator_of(compare: Compare) -> Operator {
    match compare {
        Compare::AtMost => Operator::AtMost,
        Compare::Below => Operator::Below,
        Compare::AtLeast => Operator::AtLeast,
        Compare::Above => Operator::Above,
        Compare::Equal => Operator::Equal,
        Compare::Unequal => Operator::Unequal,
    }
}

/// `a compare b`
fn holds(a: &BigRational, compare: Compare, b: &BigRational) -> bool {
    match compare {
        Compare::AtMost => a <= b,
        Compare::Below => a < b,
        Compare::AtLeast => a >= b,
        Compare::Above => a > b,
        Compare::Equal => a == b,
        Compare::Unequal => a != b,
    }
}

fn held(holds: bool) -> Held {
    if holds { Held::Throughout } else { Held::Never }
}

/// In which steps a profile is beyond a limit.
fn holds_in(profile: &Profile, compare: Compare, limit: &BigRational) -> Vec<Held> {
    profile.values.iter().map(|value| held(holds(value, compare, limit))).collect()
}

/// Profiles compared step by step, with each other or with a quantity.
fn pointwise(a: &Value, compare: Compare, b: &Value) -> Option<Vec<Held>> {
    match (a, b) {
        (Value::Profile(a), Value::Profile(b)) => {
            let values = a.values.iter().zip(&b.values);
            Some(values.map(|(a, b)| held(holds(a, compare, b))).collect())
        }
        (Value::Profile(a), Value::Quantity(b)) => Some(holds_in(a, compare, &b.value)),
        (Value::Quantity(a), Value::Profile(b)) => Some(holds_in(b, compare.mirrored(), &a.value)),
        _ => None,
    }
}

/// The schema's row of a choice.
fn choice_row(subject: &Subject) -> Option<&'static Field> {
    match subject {
        Subject::Replicas { .. } => Some(&service::replicas),
        Subject::Figure { .. } => subject.row().filter(|row| row.role == Role::Choice),
        _ => None,
    }
}

/// `power` as `a power`; what is counted or has no parts stands without an article.
fn article(noun: &str) -> String {
    match noun.chars().next() {
        _ if noun.starts_with("a ") || noun.ends_with('s') => noun.to_owned(),
        _ if matches!(noun, "data" | "money" | "work") => noun.to_owned(),
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

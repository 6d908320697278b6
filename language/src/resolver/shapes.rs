//! Values with a shape of their own: labels, curves, hours of the day, actuators, sources by field.

use super::functions::Arguments;
use super::value::Value;
use super::{Outcome, Reported, Resolver, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{Actuator, ActuatorKind, Label, Window};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::quantity_text::percent;
use crate::schema::{Field, Kind, Measured};
use crate::span::Span;
use crate::syntax::ast::{Assign, ExprKind};
use num_rational::BigRational;
use num_traits::Signed;
use std::rc::Rc;

impl<'a> Resolver<'a> {
    /// Names, or texts by name: as they are written, once each is one.
    pub(super) fn labels(&mut self, field: &'static Field, value: Value, span: Span) -> Outcome<Value> {
        match labels_of(&value) {
            Ok(_) => Ok(value),
            Err(noun) => Err(self.wrong_type(field, span, format!("this holds {noun}"))),
        }
    }

    /// Quantities by ascending keys, the values descending.
    pub(super) fn curve(
        &mut self,
        field: &'static Field,
        (key, value): (&'static Measured, &'static Measured),
        entries: Rc<Vec<(Value, Value)>>,
        span: Span,
    ) -> Outcome<Value> {
        let mut before: Option<(&Quantity, &Quantity)> = None;
        for (at, then) in entries.iter() {
            let at = self.point(field, key, at, span)?;
            let then = self.point(field, value, then, span)?;
            if let Some((key, value)) = before {
                let (at_text, key_text) = (written(at), written(key));
                if at.value <= key.value {
                    let label = format!("{at_text} stands after {key_text}");
                    return Err(self.unordered(field, "keys of a curve ascend", span, label));
                }
                if then.value >= value.value {
                    let label = format!("{then} at {at_text} stands after {value} at {key_text}");
                    return Err(self.unordered(field, "values of this curve descend", span, label));
                }
            }
            before = Some((at, then));
        }
        Ok(Value::Map(Rc::clone(&entries)))
    }

    /// One side of a point of a curve: a quantity above zero.
    fn point<'v>(
        &mut self,
        field: &'static Field,
        measured: &'static Measured,
        value: &'v Value,
        span: Span,
    ) -> Outcome<&'v Quantity> {
        let Value::Quantity(quantity) = value else {
            let label = format!("it holds {}", value.noun());
            return Err(self.wrong_type(field, span, label));
        };
        if !quantity.dimension.matches(&measured.dimension) {
            let found = quantity.dimension.clone();
            return Err(self.wrong_unit(field, &measured.dimension, &found, span, None));
        }
        if !is_positive(&quantity.value) {
            return Err(self.out_of_range(field, "above zero at every point", quantity, span));
        }
        Ok(quantity)
    }

    fn unordered(&mut self, field: &'static Field, title: &str, span: Span, label: String) -> Reported {
        self.report(
            Diagnostic::error("value::unordered", title, span, label)
                .help(format!("`{}`: {}", field.name, field.doc)),
        )
    }

    /// Hours of every day: a range within one, or over midnight.
    pub(super) fn hours_of_day(&mut self, low: Quantity, high: Quantity, span: Span) -> Outcome<Value> {
        for hour in [&low, &high] {
            self.hour_of_day(hour, span)?;
        }
        if low.value == high.value {
            return Err(self.report(
                Diagnostic::error(
                    "value::empty",
                    "no hour is in this range",
                    span,
                    "it ends where it begins",
                )
                .help("A range excludes its end: the whole day is `0h..24h`."),
            ));
        }
        Ok(Value::Range(low, high))
    }

    /// Several times a day, in a list.
    pub(super) fn windows(&mut self, field: &'static Field, value: Value, span: Span) -> Outcome<Value> {
        let ranges = match value {
            Value::List(ranges) => ranges,
            range => Rc::new(vec![range]),
        };
        if ranges.is_empty() {
            return Err(self.report(
                Diagnostic::error("value::empty", "no hour is named", span, "this list is empty")
                    .help(format!("Leave `{}` out where it holds always.", field.name)),
            ));
        }
        let mut checked = Vec::with_capacity(ranges.len());
        for range in ranges.iter() {
            let Value::Range(low, high) = range else {
                let label = format!("this holds {}", range.noun());
                return Err(self.wrong_type(field, span, label));
            };
            checked.push(self.hours_of_day(low.clone(), high.clone(), span)?);
        }
        Ok(Value::List(Rc::new(checked)))
    }

    /// `out_of_band(delay = 40s)`
    pub(super) fn actuator(&mut self, kind: ActuatorKind, values: &Arguments) -> Outcome<Value> {
        let (delay, span) = self.quantity_argument(values, 0, Some(&Dimension::TIME))?;
        if delay.value.is_negative() {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "nothing acts before it is told to",
                    span,
                    format!("this is {delay}"),
                )
                .help("`delay` is the time from a reading until the devices have changed."),
            ));
        }
        Ok(Value::Actuator(Actuator { kind, delay }))
    }

    /// A source by field names fields of its kind, and `other` for the rest.
    pub(super) fn check_source(&mut self, kind: &'static Kind, line: &'a Assign) {
        let ExprKind::List(entries) = &line.value.kind else {
            return;
        };
        for key in entries.iter().filter_map(|entry| entry.key.as_ref()) {
            let name = match &key.kind {
                ExprKind::Path(path) if path.steps.is_empty() => path.head.value.clone(),
                _ => self.text(key.span),
            };
            if name == "other" || kind.field(&name).is_some() {
                continue;
            }
            let fields = || kind.fields.iter().map(|field| field.name);
            let help = match self.suggestion(&name, fields()) {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => format!("Its fields are {}; `other` stands for the rest.", listed(fields())),
            };
            self.report(
                Diagnostic::error(
                    "name::unknown-field",
                    format!("a {} has no field `{name}` that could have a source", kind.name),
                    key.span,
                    "not one of its fields",
                )
                .help(help),
            );
        }
    }
}

/// A plain number as the percentage it is mostly written as.
fn written(quantity: &Quantity) -> String {
    if quantity.dimension == Dimension::NONE { percent(&quantity.value) } else { quantity.to_string() }
}

/// The labels that a value stands for, or what in it is none.
pub(super) fn labels_of(value: &Value) -> Result<Vec<Label>, String> {
    let name = |value: &Value| match value {
        Value::Symbol(name) | Value::Text(name) => Ok(name.clone()),
        other => Err(other.noun()),
    };
    let text = |value: &Value| match value {
        Value::Boolean(_) => Ok(value.written()),
        Value::Quantity(quantity) if quantity.dimension == Dimension::NONE => Ok(value.written()),
        value => name(value),
    };
    match value {
        Value::Map(entries) => entries
            .iter()
            .map(|(key, value)| Ok(Label { name: name(key)?, value: Some(text(value)?) }))
            .collect(),
        Value::List(names) => {
            names.iter().map(|value| Ok(Label { name: name(value)?, value: None })).collect()
        }
        value => Ok(vec![Label { name: name(value)?, value: None }]),
    }
}

/// The points of a curve.
pub(super) fn points_of(value: &Value) -> Option<Vec<(BigRational, BigRational)>> {
    let Value::Map(entries) = value else {
        return None;
    };
    let point = |(key, value): &(Value, Value)| match (key, value) {
        (Value::Quantity(key), Value::Quantity(value)) => Some((key.value.clone(), value.value.clone())),
        _ => None,
    };
    entries.iter().map(point).collect()
}

/// The hours that a range stands for.
pub(super) fn window_of(value: &Value) -> Option<Window> {
    match value {
        Value::Range(from, to) => Some(Window { from: from.value.clone(), to: to.value.clone() }),
        _ => None,
    }
}

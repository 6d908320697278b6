//! Calls: `lognormal(p50 = …, p99 = …)`, `diurnal(…)`, `nvlink(…)`, `date(…)`.

use super::value::Value;
use super::{Calendar, Outcome, Reported, Resolver, Scope, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{Fabric, FabricKind, LiveObject, Profile};
use crate::quantity::{Dimension, Quantity, is_positive, ratio};
use crate::schema::functions::{FUNCTIONS, Function, function};
use crate::schema::{Support, dimension_name};
use crate::span::Span;
use crate::syntax::ast::{Argument, Name};
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use std::rc::Rc;

/// Arguments by their place in the function's row, each with its place in the file.
pub(super) type Arguments = Vec<Option<(Value, Span)>>;

impl<'a> Resolver<'a> {
    /// The value of a call.
    pub(super) fn call(
        &mut self,
        name: &Name,
        arguments: &'a [Argument],
        span: Span,
        scope: &Scope,
    ) -> Outcome<Value> {
        let Some(function) = function(&name.value) else {
            return Err(self.unknown_function(name));
        };
        if let Support::NotYet(because) = function.support {
            return Ok(Value::not_yet(because));
        }
        let values = self.arguments(function, arguments, span, scope)?;
        match function.name {
            "lognormal" => self.lognormal(&values, span),
            "diurnal" => self.diurnal(&values, span),
            "nvlink" => self.fabric(FabricKind::Nvlink, &values),
            "pcie" => self.fabric(FabricKind::Pcie, &values),
            "date" => self.date(&values, span),
            "dataset" => self.dataset(&values),
            "every" => self.checkpoint(&values),
            "measured" => self.measured(&values),
            "deployment" => self.live("deployment", &values),
            "stateful_set" => self.live("stateful_set", &values),
            "loop" => {
                let stages = match values.first() {
                    Some(Some((path, span))) => self.stages(path.clone(), *span)?,
                    _ => return Err(Reported),
                };
                let mean = self.quantity_argument(&values, 1, Some(&Dimension::NONE))?;
                let max = self.quantity_argument(&values, 2, Some(&Dimension::NONE))?;
                let count = self.count_of_calls(mean, max, 1)?;
                Ok(self.looped(&count, stages))
            }
            "calls" => {
                let mean = self.quantity_argument(&values, 0, Some(&Dimension::NONE))?;
                let max = self.quantity_argument(&values, 1, Some(&Dimension::NONE))?;
                Ok(Value::Count(self.count_of_calls(mean, max, 0)?))
            }
            // `constant`: the value itself.
            _ => match values.into_iter().next().flatten() {
                Some((value, _)) => Ok(value),
                None => Err(Reported),
            },
        }
    }

    /// `measured("bench.csv")`
    fn measured(&mut self, values: &Arguments) -> Outcome<Value> {
        match values.first() {
            Some(Some((Value::Text(file), _))) => Ok(Value::Measured(file.clone())),
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.noun());
                Err(self.type_error("a file is named by a text", *span, label))
            }
            _ => Err(Reported),
        }
    }

    /// `deployment("namespace/name")`
    fn live(&mut self, kind: &'static str, values: &Arguments) -> Outcome<Value> {
        let Some(Some((value, span))) = values.first() else {
            return Err(Reported);
        };
        let parts = match value {
            Value::Text(text) => text.split_once('/'),
            _ => None,
        };
        match parts.filter(|(space, name)| !space.is_empty() && !name.is_empty() && !name.contains('/')) {
            Some((namespace, name)) => {
                let (namespace, name) = (namespace.to_owned(), name.to_owned());
                Ok(Value::Live(LiveObject { kind, namespace, name }))
            }
            None => {
                let label = format!("this is {}", value.written());
                Err(self.report(
                    Diagnostic::error(
                        "value::type",
                        "a live object is named with its namespace",
                        *span,
                        label,
                    )
                    .help(format!("Write both in one text: `{kind}(\"namespace/name\")`.")),
                ))
            }
        }
    }

    fn unknown_function(&mut self, name: &Name) -> Reported {
        let names = || FUNCTIONS.iter().map(|function| function.name);
        let help = match self.suggestion(&name.value, names()) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => format!("The functions are {}.", listed(names())),
        };
        self.report(
            Diagnostic::error(
                "name::unknown-function",
                format!("there is no function `{}`", name.value),
                name.span,
                "not a function",
            )
            .help(help),
        )
    }

    /// Sorts arguments into the function's order; all that are needed are there.
    fn arguments(
        &mut self,
        function: &'static Function,
        arguments: &'a [Argument],
        span: Span,
        scope: &Scope,
    ) -> Outcome<Arguments> {
        let all: Vec<&str> = function.arguments.iter().chain(function.optional).copied().collect();
        let mut values: Arguments = vec![None; all.len()];
        for (at, argument) in arguments.iter().enumerate() {
            let (place, at_span) = match &argument.name {
                None => (Some(at), argument.value.span),
                Some(name) => (all.iter().position(|known| *known == name.value), name.span),
            };
            let Some(slot) = place.and_then(|place| values.get_mut(place)) else {
                let label = match &argument.name {
                    Some(name) => format!("`{}` has no argument `{}`", function.name, name.value),
                    None => format!("`{}` takes {} at most", function.name, all.len()),
                };
                return Err(self.wrong_arguments(function, at_span, label));
            };
            if slot.is_some() {
                let label = "this argument stands twice".to_owned();
                return Err(self.wrong_arguments(function, at_span, label));
            }
            let value = self.fact_value(&argument.value, scope)?;
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = Some((value, argument.value.span));
            }
        }
        for (name, value) in function.arguments.iter().zip(&values) {
            if value.is_none() {
                let label = format!("`{name}` is missing");
                return Err(self.wrong_arguments(function, span, label));
            }
        }
        Ok(values)
    }

    fn wrong_arguments(&mut self, function: &'static Function, span: Span, label: String) -> Reported {
        let arguments: Vec<_> = function
            .arguments
            .iter()
            .map(|name| format!("{name} = …"))
            .chain(function.optional.iter().map(|name| format!("{name} = …")))
            .collect();
        self.report(
            Diagnostic::error(
                "value::arguments",
                format!("`{}` is called with other arguments", function.name),
                span,
                label,
            )
            .help(format!("`{}({})`: {}", function.name, arguments.join(", "), function.doc)),
        )
    }

    /// An argument that is a quantity, of `dimension` where that is given; or one that is not read yet.
    pub(super) fn quantity_argument(
        &mut self,
        values: &Arguments,
        at: usize,
        dimension: Option<&Dimension>,
    ) -> Outcome<(Quantity, Span)> {
        let Some(Some((value, span))) = values.get(at) else {
            return Err(Reported);
        };
        let Value::Quantity(quantity) = value else {
            let label = format!("this is {}", value.noun());
            return Err(self.type_error("a quantity is needed here", *span, label));
        };
        if let Some(dimension) = dimension
            && !quantity.dimension.matches(dimension)
        {
            return Err(self.argument_units(quantity, dimension, *span));
        }
        Ok((quantity.clone(), *span))
    }

    fn argument_units(&mut self, quantity: &Quantity, needed: &Dimension, span: Span) -> Reported {
        let (needed, found) = (dimension_name(needed), dimension_name(&quantity.dimension));
        self.report(
            Diagnostic::error(
                "units::mismatch",
                format!("{needed} is needed here"),
                span,
                format!("this is {found}"),
            )
            .help(format!("Write it in units of {needed}.")),
        )
    }

    /// `lognormal(p50 = 900 tok, p99 = 6_000 tok)`.
    fn lognormal(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (p50, first) = self.quantity_argument(values, 0, None)?;
        let (p99, second) = self.quantity_argument(values, 1, Some(&p50.dimension))?;
        if !is_positive(&p50.value) || p99.value < p50.value {
            let label = if is_positive(&p50.value) {
                format!("{p99} is below {p50}")
            } else {
                format!("{p50} is not above zero")
            };
            let at = if is_positive(&p50.value) { second } else { first };
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a lognormal distribution has 0 < p50 <= p99",
                    at,
                    label,
                )
                .and(span, "of this distribution")
                .help("Exchange or mend the two figures."),
            ));
        }
        Ok(Value::Lognormal { p50, p99 })
    }

    /// `diurnal(peak = 380 req/s, trough = 40 req/s, peak_at = 20h)`.
    ///
    /// At hour `t` of the plan's clock the rate is
    /// `trough + (peak - trough) * (1 + cos(2π (t - peak_at) / 24h)) / 2`; a step has the highest rate of any
    /// moment in it, so that the busiest one has `peak`. The factor that multiplies
    /// `peak - trough` is rounded to a millionth, so that every machine computes the same rational.
    fn diurnal(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (peak, peak_span) = self.quantity_argument(values, 0, None)?;
        let (trough, trough_span) = self.quantity_argument(values, 1, Some(&peak.dimension))?;
        let (peak_at, at_span) = self.quantity_argument(values, 2, Some(&Dimension::TIME))?;
        let day = ratio(86_400, 1);
        if trough.value.is_negative() || peak.value < trough.value {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a profile has 0 <= trough <= peak",
                    trough_span,
                    format!("this is {trough}"),
                )
                .and(peak_span, format!("this is {peak}"))
                .help("Exchange or mend the two rates."),
            ));
        }
        if peak_at.value.is_negative() || peak_at.value >= day {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a day has 24 hours",
                    at_span,
                    format!("this is {peak_at}"),
                )
                .help("`peak_at` is an hour of the day: `20h`."),
            ));
        }
        let Calendar { steps, seconds } = self.calendar(span)?;
        let swing = &peak.value - &trough.value;
        let values = (0..steps).map(|step| {
            let begins = BigRational::from_integer(step.into()) * &seconds;
            let phase = (begins - &peak_at.value) / &day;
            // Whole days change nothing; what is left is exact before it becomes a float.
            let phase = &phase - phase.floor();
            let end = &phase + &seconds / &day;
            let one = ratio(1, 1);
            // The peak is where the phase is whole; between two peaks an end of the step is highest.
            let height =
                if phase.is_zero() || end > one { one } else { half_cosine(&phase).max(half_cosine(&end)) };
            &trough.value + &swing * height
        });
        Ok(Value::Profile(Rc::new(Profile { values: values.collect(), dimension: peak.dimension })))
    }

    fn fabric(&mut self, kind: FabricKind, values: &Arguments) -> Outcome<Value> {
        let (bandwidth, span) = self.quantity_argument(values, 0, Some(&Dimension::DATA_RATE))?;
        if !is_positive(&bandwidth.value) {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a fabric carries something",
                    span,
                    format!("this is {bandwidth}"),
                )
                .help("Leave `fabric` out where nothing joins the devices."),
            ));
        }
        Ok(Value::Fabric(Fabric { kind, bandwidth }))
    }

    /// `date("2026-11-02", zone = "UTC")`: a day that exists.
    fn date(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let text = match values.first() {
            Some(Some((Value::Text(text), _))) => text.clone(),
            _ => String::new(),
        };
        if !is_day(&text) {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "this is no day",
                    span,
                    "a day is written `\"2026-11-02\"`",
                )
                .help("Write year, month and day: `date(\"2026-11-02\", zone = \"UTC\")`."),
            ));
        }
        Ok(Value::Date(text))
    }
}

/// `(1 + cos(2π phase)) / 2`, rounded to a millionth; `phase` lies in [0, 1).
fn half_cosine(phase: &BigRational) -> BigRational {
    const MILLION: f64 = 1_000_000.0;
    let turn = phase.to_f64().unwrap_or(0.0);
    let height = (1.0 + (turn * std::f64::consts::TAU).cos()) / 2.0;
    let millionths = i64::from_f64((height * MILLION).round()).unwrap_or(0);
    if millionths.is_zero() {
        return BigRational::zero();
    }
    ratio(millionths, 1_000_000)
}

/// A day of the Gregorian calendar: `2026-11-02`.
fn is_day(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse::<u32>().ok())
    };
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_a_cosine() {
        // A quarter of a turn is the middle, half a turn the bottom.
        assert_eq!(half_cosine(&ratio(0, 1)), ratio(1, 1));
        assert_eq!(half_cosine(&ratio(1, 4)), ratio(1, 2));
        assert_eq!(half_cosine(&ratio(1, 2)), ratio(0, 1));
        // cos(30°) = 0.866025…: (1 + 0.866025…) / 2 = 0.9330127…
        assert_eq!(half_cosine(&ratio(1, 12)), ratio(933_013, 1_000_000));
    }

    #[test]
    fn days_of_the_calendar() {
        assert!(is_day("2026-11-02"));
        assert!(is_day("2028-02-29"));
        assert!(!is_day("2026-02-29"));
        assert!(!is_day("2026-13-01"));
        assert!(!is_day("26-1-1"));
        assert!(!is_day(""));
    }
}

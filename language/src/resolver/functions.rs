//! Calls: `lognormal(p50 = …, p99 = …)`, `diurnal(…)`, `nvlink(…)`, `date(…)`.

use super::draws::COLUMNS;
use super::evaluation::Expect;
use super::value::Value;
use super::{Outcome, Reported, Resolver, Scope, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{ActuatorKind, Draws, Fabric, FabricKind, LiveObject};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::schema::functions::{FUNCTIONS, Function, function};
use crate::schema::{Support, dimension_name, in_units_of};
use crate::span::Span;
use crate::syntax::ast::{Argument, Name};
use jiff::civil::Date;

/// How tightly a target holds replicas to machines.
const PINS: &[&str] = &["class", "node"];

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
            return Err(self.unknown_function(name, scope));
        };
        if let Support::NotYet(because) = function.support {
            return Ok(Value::not_yet(because));
        }
        let values = self.arguments(function, arguments, span, scope)?;
        if let Some(value) = self.deployed(function.name, &values) {
            return value;
        }
        match function.name {
            "lognormal" => self.lognormal(&values, span),
            "gamma" => self.by_variation(&values, |mean, cv| Draws::Gamma { mean, cv }),
            "weibull" => self.by_variation(&values, |mean, cv| Draws::Weibull { mean, cv }),
            "normal" => self.normal(&values),
            "histogram" => self.histogram(&values),
            "empirical" => self.empirical(&values, span, scope),
            "diurnal" => self.diurnal(&values, span),
            "poisson" => self.poisson(&values),
            "arrivals" => self.arrivals(&values),
            "trace" => self.trace(&values, span),
            "zipf" => self.zipf(&values),
            "nvlink" => self.fabric(FabricKind::Nvlink, &values),
            "pcie" => self.fabric(FabricKind::Pcie, &values),
            "infinity_fabric" => self.fabric(FabricKind::InfinityFabric, &values),
            "ethernet" => self.fabric(FabricKind::Ethernet, &values),
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
            "one_of" => match values.first() {
                Some(Some((variants, at))) => self.one_of(variants.clone(), *at),
                _ => Err(Reported),
            },
            "calls" => {
                let mean = self.quantity_argument(&values, 0, Some(&Dimension::NONE))?;
                let max = self.quantity_argument(&values, 1, Some(&Dimension::NONE))?;
                Ok(Value::Count(self.count_of_calls(mean, max, 0)?))
            }
            "hf" => self.configuration(&values, span),
            "mlir" => self.module(&values),
            "out_of_band" => self.actuator(ActuatorKind::OutOfBand, &values),
            "power_brake" => self.actuator(ActuatorKind::PowerBrake, &values),
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
                Err(self.type_error(
                    "a file is named by a text",
                    *span,
                    label,
                    "Write its path in quotes: `measured(\"bench.csv\")`.",
                ))
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
                let container = self.container_argument(values, 1)?.unwrap_or_else(|| name.clone());
                Ok(Value::Live(LiveObject { kind, namespace, name, container }))
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

    fn unknown_function(&mut self, name: &Name, scope: &Scope) -> Reported {
        let names = || FUNCTIONS.iter().map(|function| function.name);
        // `spread(node)` of the block at hand.
        let fields = scope.thing.map_or(&[][..], |thing| self.thing(thing).kind.fields);
        let of_things = fields.iter().filter(|field| field.type_.is_called()).map(|field| field.name);
        let help = match self.suggestion(&name.value, names().chain(of_things)) {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None if matches!(name.value.as_str(), "min" | "max" | "sum" | "count") => {
                format!("Write what it runs over: `({} x in [a, b]: x)`.", name.value)
            }
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
            let expect = match place.and_then(|place| all.get(place)) {
                Some(&"column") => Expect::Names(COLUMNS),
                Some(&"pin") => Expect::Names(PINS),
                Some(&"port") => Expect::Itself,
                _ => Expect::Value,
            };
            let value = self.evaluate(&argument.value, scope, expect)?;
            let value = self.only_facts(value, argument.value.span)?;
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
            return Err(self.type_error(
                "a quantity is needed here",
                *span,
                label,
                "Write a number with its unit: `900 tok`, `30 req/s`, `20h`.",
            ));
        };
        if let Some(dimension) = dimension
            && !quantity.dimension.matches(dimension)
        {
            return Err(self.argument_units(quantity, dimension, *span));
        }
        Ok((quantity.clone(), *span))
    }

    pub(super) fn argument_units(&mut self, quantity: &Quantity, needed: &Dimension, span: Span) -> Reported {
        let (needed, found) = (dimension_name(needed), dimension_name(&quantity.dimension));
        self.report(
            Diagnostic::error(
                "units::mismatch",
                format!("{needed} is needed here"),
                span,
                format!("this is {found}"),
            )
            .help(in_units_of(&needed)),
        )
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

    /// `date("2026-11-02", zone = "UTC")`: a day that exists, in a zone that does.
    fn date(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let text = match values.first() {
            Some(Some((Value::Text(text), _))) => text.as_str(),
            _ => "",
        };
        let Some(day) = day(text) else {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "this is no day",
                    span,
                    "a day is written `\"2026-11-02\"`",
                )
                .help("Write year, month and day: `date(\"2026-11-02\", zone = \"UTC\")`."),
            ));
        };
        let zone = match values.get(1) {
            Some(Some((Value::Text(name), at))) => {
                self.zone(name, *at)?;
                name.clone()
            }
            Some(Some((other, at))) => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "a zone is named in quotes",
                    *at,
                    label,
                    "Write it like this: `zone = \"Europe/Amsterdam\"`.",
                ));
            }
            _ => "UTC".to_owned(),
        };
        Ok(Value::Date(day, zone))
    }
}

/// A day of the Gregorian calendar: `2026-11-02`.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let written = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if written { part.parse::<i16>().ok() } else { None }
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar() {
        assert!(day("2026-11-02").is_some());
        assert!(day("2028-02-29").is_some());
        assert!(day("2026-02-29").is_none());
        assert!(day("2026-13-01").is_none());
        assert!(day("26-1-1").is_none());
        assert!(day("").is_none());
    }
}

//! Whether a value is what its field takes.

use super::things::ThingId;
use super::value::{Judged, Value};
use super::{Outcome, Reported, Resolver, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{ArgumentDimension, Extent, Profile};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::schema::{Field, IMAGES, Limits, REQUESTS, TOKENS, Type, WORK, dimension_name};
use crate::span::Span;
use crate::syntax::ast::Expr;
use num_rational::BigRational;
use num_traits::{One, Signed};
use std::rc::Rc;

/// Above this nothing is counted.
const LARGEST_EXTENT: i64 = 1 << 40;

impl<'a> Resolver<'a> {
    /// `value` as `field` takes it, for a line that states it.
    pub(super) fn coerce_written(
        &mut self,
        value: Value,
        field: &'static Field,
        written: &Expr,
    ) -> Outcome<Value> {
        if let (Some(needed), Some(found)) = (needed(field.type_), value.dimension())
            && !found.matches(needed)
        {
            let meant = self.respelled(written, needed);
            let found = found.clone();
            return Err(self.wrong_unit(field, needed, &found, written.span, meant));
        }
        self.coerce(value, field, written.span)
    }

    /// `value` as `field` takes it.
    pub(super) fn coerce(&mut self, value: Value, field: &'static Field, span: Span) -> Outcome<Value> {
        let value = value.measured(needed(field.type_));
        if let Value::NotYet(_) = value {
            return Ok(value);
        }
        if let (Some(needed), Some(found)) = (needed(field.type_), value.dimension())
            && !found.matches(needed)
        {
            let found = found.clone();
            return Err(self.wrong_unit(field, needed, &found, span, None));
        }
        match (field.type_, value) {
            (Type::Quantity(_, limits), Value::Quantity(quantity)) => {
                self.within(field, limits, &quantity, span)?;
                Ok(Value::Quantity(quantity))
            }
            (Type::Integer(limits), Value::Quantity(quantity)) => {
                self.within(field, limits, &quantity, span)?;
                if quantity.as_integer().is_none() {
                    return Err(self.out_of_range(field, "a whole number", &quantity, span));
                }
                Ok(Value::Quantity(quantity))
            }
            (Type::Boolean, value @ Value::Boolean(_)) => Ok(value),
            (Type::Boolean, Value::Condition(Judged::Fact(value, _))) => Ok(Value::Boolean(value)),
            (Type::Text, value @ Value::Text(_))
            | (Type::Fabric, value @ Value::Fabric(_))
            | (Type::Date, value @ Value::Date(..))
            | (Type::Name, value @ Value::Symbol(_))
            | (Type::Actuator, value @ Value::Actuator(_))
            | (Type::Calibration, value @ Value::Measured(_))
            | (Type::Open, value) => Ok(value),
            (Type::Zone, Value::Text(name)) => {
                self.zone(&name, span)?;
                Ok(Value::Text(name))
            }
            (Type::Symbol(names), Value::Symbol(name)) => {
                if names.contains(&name.as_str()) {
                    Ok(Value::Symbol(name))
                } else {
                    let title = format!("`{}` cannot be `{name}`", field.name);
                    let help = format!("Known are {}.", super::listed(names.iter().copied()));
                    Err(self.report(
                        Diagnostic::error("name::unknown-symbol", title, span, "not one of the known names")
                            .help(help),
                    ))
                }
            }
            (Type::Amount, Value::Quantity(quantity)) => {
                let known = [&TOKENS, &REQUESTS, &IMAGES, &WORK];
                if !known.iter().any(|known| known.dimension == quantity.dimension) {
                    let label = format!("this is {}", dimension_name(&quantity.dimension));
                    return Err(self.wrong_type(field, span, label));
                }
                self.within(field, Limits::Positive, &quantity, span)?;
                Ok(Value::Quantity(quantity))
            }
            (Type::Serves, Value::Quantity(rate)) => {
                self.within(field, Limits::Positive, &rate, span)?;
                Ok(Value::Quantity(rate))
            }
            (Type::Serves, value @ Value::Measured(_))
            | (Type::Dataset, value @ Value::Dataset(_))
            | (Type::Checkpoint, value @ Value::Checkpoint(_))
            | (Type::ExpertLoad, value @ Value::ExpertLoad(_))
            | (Type::Live, value @ Value::Live(_)) => Ok(value),
            (Type::Path, value @ (Value::Path(_) | Value::Thing(_) | Value::Things(_))) => {
                Ok(Value::Path(Rc::new(self.stages(value, span)?)))
            }
            (Type::Thing(kind), Value::Thing(thing)) => {
                let known = self.thing(thing);
                let (found, name, is_abstract) = (known.kind.name, known.address.clone(), known.is_abstract);
                if found != kind {
                    let label = format!("`{name}` is a {found}");
                    return Err(self.wrong_type(field, span, label));
                }
                if is_abstract {
                    return Err(self.abstract_thing(&name, span));
                }
                Ok(Value::Thing(thing))
            }
            (Type::Things(kinds), value) => {
                let mut things = Vec::new();
                self.add_things(field, kinds, value, span, &mut things)?;
                Ok(Value::Things(Rc::new(things)))
            }
            (Type::Devices, Value::Thing(thing)) => {
                self.coerce(Value::Devices(Quantity::integer(1), thing), field, span)
            }
            (Type::Devices, Value::Devices(count, thing)) => {
                let known = self.thing(thing);
                let (found, name, is_abstract) = (known.kind.name, known.address.clone(), known.is_abstract);
                if found != "device" {
                    let label = format!("`{name}` is a {found}");
                    return Err(self.wrong_type(field, span, label));
                }
                if is_abstract {
                    return Err(self.abstract_thing(&name, span));
                }
                match count.as_integer() {
                    Some(whole) if (1..=1_000_000).contains(&whole) => Ok(Value::Devices(count, thing)),
                    _ => Err(self.out_of_range(field, "a whole number from 1 to 1_000_000", &count, span)),
                }
            }
            (Type::Compute, Value::Map(entries)) => {
                for (_, value) in entries.iter() {
                    match value {
                        Value::Quantity(rate) if rate.dimension == Dimension::WORK_RATE => {
                            if !is_positive(&rate.value) {
                                return Err(self.out_of_range(field, "above zero", rate, span));
                            }
                        }
                        Value::Quantity(rate) => {
                            let found = rate.dimension.clone();
                            return Err(self.wrong_unit(field, &Dimension::WORK_RATE, &found, span, None));
                        }
                        other => {
                            let label = format!("it holds {}", other.noun());
                            return Err(self.wrong_type(field, span, label));
                        }
                    }
                }
                Ok(Value::Map(entries))
            }
            (Type::Architecture, value @ (Value::Configuration(_) | Value::Module(_))) => Ok(value),
            (Type::Extents, Value::Map(entries)) => self.extents(field, entries, span),
            (Type::Widths(needed, optional), Value::Map(entries)) => {
                self.widths_of(field, (needed, optional), entries, span)
            }
            (Type::ByPrecision(measured, limits), Value::Map(entries)) => {
                self.by_precision(field, (&measured.dimension, limits), entries, span)
            }
            (Type::Labels, value) => self.labels(field, value, span),
            (Type::Curve(key, value), Value::Map(entries)) => self.curve(field, (key, value), entries, span),
            (Type::Hours, Value::Range(low, high)) => self.hours_of_day(low, high, span),
            (Type::Windows, value) => self.windows(field, value, span),
            (Type::Profile(_, limits), Value::Quantity(quantity)) => {
                self.within(field, limits, &quantity, span)?;
                Ok(Value::Quantity(quantity))
            }
            (Type::Profile(_, limits), Value::Profile(profile)) => {
                self.within_all(field, limits, &profile, span)?;
                Ok(Value::Profile(profile))
            }
            (Type::Demand, Value::Quantity(rate)) => {
                self.within(field, Limits::NotNegative, &rate, span)?;
                Ok(Value::Quantity(rate))
            }
            (Type::Demand, Value::Profile(profile)) => {
                self.within_all(field, Limits::NotNegative, &profile, span)?;
                Ok(Value::Profile(profile))
            }
            (Type::Draws(_), Value::Quantity(quantity)) => {
                self.within(field, Limits::Positive, &quantity, span)?;
                Ok(Value::Quantity(quantity))
            }
            (Type::Demand, value @ Value::Arrivals(_)) => Ok(value),
            (Type::Draws(_), value @ Value::Draws(..)) => Ok(value),
            (Type::Source, value) => match &value {
                Value::Text(_) => Ok(value),
                Value::Map(entries) if entries.iter().all(|(_, value)| matches!(value, Value::Text(_))) => {
                    Ok(value)
                }
                other => {
                    let label = format!("this is {}", other.noun());
                    Err(self.wrong_type(field, span, label))
                }
            },
            (
                Type::Target | Type::Texts | Type::Ports | Type::Environment | Type::Volumes | Type::Probe,
                value,
            ) => self.container_value(field, value, span),
            (_, value) => {
                let label = format!("this is {}", value.noun());
                Err(self.wrong_type(field, span, label))
            }
        }
    }

    /// The things of a list, each of one of `kinds`.
    fn add_things(
        &mut self,
        field: &'static Field,
        kinds: &[&str],
        value: Value,
        span: Span,
        things: &mut Vec<ThingId>,
    ) -> Outcome<()> {
        let more = match value {
            Value::Thing(thing) => vec![thing],
            Value::Things(more) => more.to_vec(),
            Value::List(values) => {
                for value in values.iter() {
                    self.add_things(field, kinds, value.clone(), span, things)?;
                }
                return Ok(());
            }
            other => {
                let label = format!("this is {}", other.noun());
                return Err(self.wrong_type(field, span, label));
            }
        };
        for thing in more {
            let known = self.thing(thing);
            if !kinds.contains(&known.kind.name) {
                let label = format!("`{}` is a {}", known.address, known.kind.name);
                return Err(self.wrong_type(field, span, label));
            }
            things.push(thing);
        }
        Ok(())
    }

    fn within(
        &mut self,
        field: &'static Field,
        limits: Limits,
        quantity: &Quantity,
        span: Span,
    ) -> Outcome<()> {
        let (fits, needed) = keeps(limits, &quantity.value);
        if fits { Ok(()) } else { Err(self.out_of_range(field, needed, quantity, span)) }
    }

    /// Whole numbers above zero, by names that the field knows, each once.
    fn widths_of(
        &mut self,
        field: &'static Field,
        (needed, optional): (&'static [&'static str], &'static [&'static str]),
        entries: Rc<Vec<(Value, Value)>>,
        span: Span,
    ) -> Outcome<Value> {
        for (name, width) in entries.iter() {
            let known = matches!(
                name,
                Value::Symbol(name) if needed.contains(&name.as_str()) || optional.contains(&name.as_str())
            );
            if !known {
                let label = format!("`{}` is not one of its names", name.written());
                return Err(self.wrong_type(field, span, label));
            }
            match width {
                Value::Quantity(width) if width.dimension == Dimension::NONE => {
                    self.within(field, Limits::Positive, width, span)?;
                    if width.as_integer().is_none() {
                        return Err(self.out_of_range(field, "whole numbers", width, span));
                    }
                }
                other => {
                    let label = format!("`{}` is {}", name.written(), other.noun());
                    return Err(self.wrong_type(field, span, label));
                }
            }
        }
        let absent = needed.iter().find(|name| {
            !entries.iter().any(|(other, _)| matches!(other, Value::Symbol(other) if other == *name))
        });
        if let Some(absent) = absent {
            return Err(self.wrong_type(field, span, format!("`{absent}` is missing")));
        }
        Ok(Value::Map(entries))
    }

    /// Extents of a module's dimensions.
    fn extents(
        &mut self,
        field: &'static Field,
        entries: Rc<Vec<(Value, Value)>>,
        span: Span,
    ) -> Outcome<Value> {
        for (name, extent) in entries.iter() {
            if !matches!(name, Value::Symbol(name) if ArgumentDimension::named(name).is_some()) {
                let label = format!(
                    "`{}` is no dimension; the second of the first argument is `arg0_1`",
                    name.written()
                );
                return Err(self.wrong_type(field, span, label));
            }
            match extent {
                Value::Quantity(number) if number.dimension == Dimension::NONE => {
                    self.within(field, Limits::Positive, number, span)?;
                    if number.as_integer().is_none_or(|number| number > LARGEST_EXTENT) {
                        return Err(self.out_of_range(field, "whole numbers up to 2^40", number, span));
                    }
                }
                Value::Symbol(name) if Extent::named(name).is_some() => {}
                Value::Symbol(other) => {
                    let label = format!("`{other}` is none of {}", listed(Extent::NAMES.into_iter()));
                    return Err(self.wrong_type(field, span, label));
                }
                other => {
                    let label = format!("`{}` is {}", name.written(), other.noun());
                    return Err(self.wrong_type(field, span, label));
                }
            }
        }
        Ok(Value::Map(entries))
    }

    /// Quantities of one dimension by precision.
    fn by_precision(
        &mut self,
        field: &'static Field,
        (dimension, limits): (&'static Dimension, Limits),
        entries: Rc<Vec<(Value, Value)>>,
        span: Span,
    ) -> Outcome<Value> {
        for (name, value) in entries.iter() {
            if !matches!(name, Value::Symbol(_)) {
                let label = format!("{} is no precision", name.noun());
                return Err(self.wrong_type(field, span, label));
            }
            match value {
                Value::Quantity(quantity) if quantity.dimension.matches(dimension) => {
                    self.within(field, limits, quantity, span)?;
                }
                Value::Quantity(quantity) => {
                    let found = quantity.dimension.clone();
                    return Err(self.wrong_unit(field, dimension, &found, span, None));
                }
                other => {
                    let label = format!("`{}` is {}", name.written(), other.noun());
                    return Err(self.wrong_type(field, span, label));
                }
            }
        }
        Ok(Value::Map(entries))
    }

    /// Every step of a profile keeps the limits.
    fn within_all(
        &mut self,
        field: &'static Field,
        limits: Limits,
        profile: &Profile,
        span: Span,
    ) -> Outcome<()> {
        let Some(outside) = profile.values.iter().find(|value| !keeps(limits, value).0) else {
            return Ok(());
        };
        let needed = format!("{} in every step", keeps(limits, outside).1);
        let outside = Quantity::new(outside.clone(), profile.dimension.clone());
        Err(self.out_of_range(field, &needed, &outside, span))
    }

    pub(super) fn out_of_range(
        &mut self,
        field: &'static Field,
        needed: &str,
        found: &Quantity,
        span: Span,
    ) -> Reported {
        self.report(
            Diagnostic::error(
                "value::out-of-range",
                format!("`{}` is {needed}", field.name),
                span,
                format!("this is {found}"),
            )
            .help(format!("`{}`: {}", field.name, field.doc)),
        )
    }

    pub(super) fn wrong_type(&mut self, field: &'static Field, span: Span, label: String) -> Reported {
        let form = field.type_.form();
        self.report(
            Diagnostic::error("value::type", format!("`{}` takes {form}", field.name), span, label)
                .help(format!("`{}`: {}", field.name, field.doc)),
        )
    }

    pub(super) fn wrong_unit(
        &mut self,
        field: &'static Field,
        needed: &Dimension,
        found: &Dimension,
        span: Span,
        meant: Option<String>,
    ) -> Reported {
        let (needed, found) = (dimension_name(needed), dimension_name(found));
        let help = match meant {
            Some(meant) => format!("Did you mean `{meant}`? `{}`: {}", field.name, field.doc),
            None => format!("`{}`: {}", field.name, field.doc),
        };
        self.report(
            Diagnostic::error(
                "units::mismatch",
                format!("`{}` is measured in {needed}", field.name),
                span,
                format!("this is {found}"),
            )
            .help(help),
        )
    }
}

/// Whether `value` keeps `limits`, and what they are in words.
fn keeps(limits: Limits, value: &BigRational) -> (bool, &'static str) {
    match limits {
        Limits::Any => (true, ""),
        Limits::NotNegative => (!value.is_negative(), "at least zero"),
        Limits::Positive => (is_positive(value), "above zero"),
        Limits::Part => (!value.is_negative() && *value <= One::one(), "from 0% to 100%"),
        Limits::Share => (is_positive(value) && *value <= One::one(), "above 0% and at most 100%"),
        Limits::AtLeastOne => (*value >= One::one(), "at least 1"),
    }
}

/// What a field measures.
pub(super) fn needed(type_: Type) -> Option<&'static Dimension> {
    match type_ {
        Type::Quantity(measured, _) | Type::Draws(measured) | Type::Profile(measured, _) => {
            Some(&measured.dimension)
        }
        Type::Integer(_) => Some(&Dimension::NONE),
        Type::Demand | Type::Serves => Some(&Dimension::REQUEST_RATE),
        _ => None,
    }
}

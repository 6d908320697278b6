//! Fields as they are read: facts by their value, decisions and predictions by what they stand for.

use super::coercion::needed;
use super::evaluation::Expect;
use super::things::ThingId;
use super::value::{Linear, Value};
use super::{Outcome, Reported, Resolver, Scope, Slot, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{LatencyMeasure, Statistic, Subject};
use crate::quantity::{Currency, Dimension};
use crate::schema::{Default, Field, Role, Support, Type};
use crate::span::Span;
use crate::syntax::ast::{Argument, ExprKind, Name};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Zero};

impl<'a> Resolver<'a> {
    /// A field as it is read: its value, or what it stands for in a requirement.
    pub(super) fn field_value(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        statistic: Option<&Name>,
        span: Span,
    ) -> Outcome<Value> {
        let dimension = needed(field.type_);
        let not_yet = |because: &str| {
            Ok(match dimension {
                Some(dimension) => Value::not_yet_of(because, dimension.clone()),
                None => Value::not_yet(because),
            })
        };
        if field.type_ == Type::Spread {
            return Err(self.report(
                Diagnostic::error(
                    "value::type",
                    "`spread` counts places of a kind",
                    span,
                    "which kind is not said",
                )
                .help("Write `spread(node)`."),
            ));
        }
        match (field.role, statistic) {
            (Role::Fact, None) if field.type_ == Type::Open => {
                not_yet(&format!("`{}` is not read yet", field.name))
            }
            (Role::Fact, None) => self.fact(thing, field, span),
            (Role::Fact, Some(statistic)) => {
                let value = self.fact(thing, field, span)?;
                self.draws_statistic(value, statistic, span)
            }
            (Role::Choice | Role::Measure, Some(statistic)) => Err(self.of_constant(field.name, statistic)),
            (Role::Sampled, None) => Err(self.report(
                Diagnostic::error(
                    "statistic::missing",
                    format!("`{}` is a distribution", field.name),
                    span,
                    "which figure of it is not said",
                )
                .help(format!("Write `{0} p99`, `{0} p99.9`, `{0} mean` or `{0} peak`.", field.name)),
            )),
            (Role::Choice | Role::Measure, None) | (Role::Sampled, Some(_)) => {
                let figure = statistic.map(|name| self.statistic(name)).transpose()?;
                if let Support::NotYet(because) = field.support {
                    return not_yet(because);
                }
                self.judged(thing, field, figure, span)
            }
        }
    }

    /// A decision or prediction that some stage judges.
    fn judged(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        figure: Option<Statistic>,
        span: Span,
    ) -> Outcome<Value> {
        let known = self.thing(thing);
        if field.name == "bill" {
            let currency = self.currency.map_or(Currency::Dollar, |(currency, _)| currency);
            let dimension = Dimension::money_rate(currency);
            return Ok(Value::Linear(Linear::subject(Subject::Bill, dimension)));
        }
        if known.kind.name != "service" {
            return Ok(Value::not_yet("only decisions and predictions of services are judged yet"));
        }
        let serves_model = known.assigned.contains_key("model");
        // An abstract service has no place in the program; what its lines say is only checked.
        let service = self.services.get(&thing).copied().unwrap_or(usize::MAX);
        let only_models =
            matches!(field.name, "ttft" | "tpot" | "memory_free" | "tensor" | "batch" | "precision");
        if only_models && !serves_model && !known.is_abstract {
            let (name, head) = (known.address.clone(), known.layers.first().map(|layer| layer.block.head));
            let mut diagnostic = Diagnostic::error(
                "service::not-a-model",
                format!("`{}` is of services that run a model", field.name),
                span,
                format!("`{name}` runs none"),
            );
            if let Some(head) = head {
                diagnostic = diagnostic.and(head, format!("`{name}` stands here"));
            }
            return Err(self.report(
                diagnostic.help("A container can promise `latency` and `spread`, and bound `replicas`."),
            ));
        }
        let subject = match (field.name, figure) {
            ("replicas", _) => Subject::Replicas { service },
            ("memory_free", _) => Subject::MemoryFree { service },
            ("ttft", Some(statistic)) => {
                Subject::Latency { service, measure: LatencyMeasure::Ttft, statistic }
            }
            ("tpot", Some(statistic)) => {
                Subject::Latency { service, measure: LatencyMeasure::Tpot, statistic }
            }
            ("latency", Some(statistic)) => {
                Subject::Latency { service, measure: LatencyMeasure::Latency, statistic }
            }
            _ => return Ok(Value::Choice(thing, field)),
        };
        let dimension = match field.type_ {
            Type::Quantity(measured, _) => measured.dimension.clone(),
            _ => Dimension::NONE,
        };
        Ok(Value::Linear(Linear::subject(subject, dimension)))
    }

    /// `spread(node)`.
    pub(super) fn spread(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        arguments: &'a [Argument],
        span: Span,
    ) -> Outcome<Value> {
        let place = match arguments {
            [Argument { name: None, value }] => match &value.kind {
                ExprKind::Path(path) if path.steps.is_empty() && path.statistic.is_none() => Some(&path.head),
                _ => None,
            },
            _ => None,
        };
        const PLACES: [&str; 4] = ["node", "rack", "row", "site"];
        let Some(place) = place.filter(|place| PLACES.contains(&place.value.as_str())) else {
            return Err(self.report(
                Diagnostic::error(
                    "value::type",
                    "`spread` counts places of a kind",
                    span,
                    "this names no kind of place",
                )
                .help(format!("The kinds of places are {}.", listed(PLACES))),
            ));
        };
        if let Support::NotYet(because) = field.support {
            return Ok(Value::not_yet_of(because, Dimension::NONE));
        }
        if place.value != "node" {
            let because = format!("spread over {}s is not judged yet", place.value);
            return Ok(Value::not_yet_of(because, Dimension::NONE));
        }
        let service = self.services.get(&thing).copied().unwrap_or(usize::MAX);
        let subject = Subject::Spread { service };
        Ok(Value::Linear(Linear::subject(subject, Dimension::NONE)))
    }

    /// The value of a fact, computed when it is first read.
    pub(super) fn fact(&mut self, thing: ThingId, field: &'static Field, reader: Span) -> Outcome<Value> {
        let known = self.thing(thing);
        let Some(assigned) = known.assigned.get(field.name) else {
            return self.unstated(thing, field, reader);
        };
        let line = assigned.assign;
        match &assigned.slot {
            Some(Slot::Known(value)) => return Ok(value.clone()),
            Some(Slot::Failed) => return Err(Reported),
            Some(Slot::Pending) => {
                let name = format!("{}.{}", known.address, field.name);
                return Err(self.cycle(&name, line.span, reader));
            }
            None => {}
        }
        let Some(layer) = known.layers.get(assigned.layer) else {
            return Err(Reported);
        };
        let scope = Scope { thing: Some(thing), ..layer.scope.clone() };
        self.set_slot(thing, field, Slot::Pending);
        let expect = match field.type_ {
            Type::Symbol(names) => Expect::Names(names),
            Type::Open | Type::Source => Expect::AnyName,
            _ => Expect::Value,
        };
        let value = self
            .evaluate(&line.value, &scope, expect)
            .and_then(|value| self.only_facts(value, line.value.span))
            .and_then(|value| self.coerce_written(value, field, &line.value));
        let slot = match &value {
            Ok(value) => Slot::Known(value.clone()),
            Err(Reported) => Slot::Failed,
        };
        self.set_slot(thing, field, slot);
        value
    }

    fn set_slot(&mut self, thing: ThingId, field: &'static Field, slot: Slot) {
        if let Some(assigned) =
            self.things.get_mut(thing.0).and_then(|thing| thing.assigned.get_mut(field.name))
        {
            assigned.slot = Some(slot);
        }
    }

    /// A fact that no line states: the schema's default, or its place's.
    fn unstated(&mut self, thing: ThingId, field: &'static Field, reader: Span) -> Outcome<Value> {
        let known = self.thing(thing);
        if field.name == "market"
            && let Some(parent) = known.parent
            && let Some(above) = self.thing(parent).kind.field("market")
        {
            return self.fact(parent, above, reader);
        }
        match field.default {
            Default::Number(value) => Ok(Value::integer(value)),
            Default::Symbol(name) => Ok(Value::Symbol(name.to_owned())),
            Default::Boolean(value) => Ok(Value::Boolean(value)),
            Default::Unset => {
                let name = format!("{}.{}", known.address, field.name);
                let head = known.layers.first().map(|layer| layer.block.head);
                let mut diagnostic = Diagnostic::error(
                    "fact::unset",
                    format!("`{name}` has no value"),
                    reader,
                    "this reads it",
                );
                if let Some(head) = head {
                    diagnostic = diagnostic.and(head, format!("no line here states `{}`", field.name));
                }
                Err(self.report(diagnostic.help(format!("State it: `{} = …`. {}", field.name, field.doc))))
            }
        }
    }

    pub(super) fn cycle(&mut self, name: &str, line: Span, reader: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "fact::cycle",
                format!("`{name}` is computed from itself"),
                line,
                "its value is needed to compute its value",
            )
            .and(reader, "it is read again here")
            .help("State one of the values on the way as a number."),
        )
    }

    /// `p99.9` as 999/1000.
    fn statistic(&mut self, name: &Name) -> Outcome<Statistic> {
        match name.value.as_str() {
            "mean" => return Ok(Statistic::Mean),
            "peak" => return Ok(Statistic::Peak),
            _ => {}
        }
        let digits = name.value.strip_prefix('p').unwrap_or_default();
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let number =
            (digits.len() <= 40).then(|| format!("{whole}{fraction}").parse::<BigInt>().ok()).flatten();
        let quantile = number.map(|number| {
            let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
            BigRational::new(number, BigInt::from(100u8) * BigInt::from(10u8).pow(places))
        });
        match quantile {
            Some(quantile) if quantile > BigRational::zero() && quantile < BigRational::one() => {
                Ok(Statistic::Quantile(quantile))
            }
            _ => Err(self.report(
                Diagnostic::error(
                    "statistic::out-of-range",
                    format!("there is no `{}`", name.value),
                    name.span,
                    "a percentile lies between 0 and 100",
                )
                .help("Write `p50`, `p99`, `p99.9`; the largest value is `peak`."),
            )),
        }
    }

    fn of_constant(&mut self, name: &str, statistic: &Name) -> Reported {
        self.report(
            Diagnostic::error(
                "statistic::of-constant",
                format!("`{name}` is one figure"),
                statistic.span,
                format!("`{}` speaks of a distribution", statistic.value),
            )
            .help("Leave the statistic out."),
        )
    }

    /// A statistic of draws: their `p50` and `p99` are stated.
    pub(super) fn draws_statistic(&mut self, value: Value, statistic: &Name, span: Span) -> Outcome<Value> {
        let figure = self.statistic(statistic)?;
        match value {
            Value::Lognormal { p50, p99 } => {
                let percent = |value: i64| Statistic::Quantile(crate::quantity::ratio(value, 100));
                if figure == percent(50) {
                    Ok(Value::Quantity(p50))
                } else if figure == percent(99) {
                    Ok(Value::Quantity(p99))
                } else {
                    Ok(Value::not_yet_of("of draws only `p50` and `p99` are read yet", p50.dimension))
                }
            }
            Value::NotYet(unjudged) => Ok(Value::NotYet(unjudged)),
            Value::Profile(profile) => {
                Ok(Value::not_yet_of("statistics of profiles are not read yet", profile.dimension.clone()))
            }
            _ => {
                let name = self.text(span);
                let name = name.split(' ').next().unwrap_or_default().to_owned();
                Err(self.of_constant(&name, statistic))
            }
        }
    }
}

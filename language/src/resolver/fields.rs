//! Fields as they are read: facts by their value, decisions and predictions by what they stand for.

use super::coercion::needed;
use super::evaluation::Expect;
use super::ledger::{Owner, Part};
use super::things::ThingId;
use super::value::{Linear, Value};
use super::{Outcome, Reported, Resolver, Scope, Slot, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{LatencyMeasure, Of, PlaceKind, Statistic, Subject};
use crate::quantity::{Currency, Dimension};
use crate::schema::kinds::{model, service};
use crate::schema::{Default, Field, Role, Type};
use crate::span::Span;
use crate::syntax::ast::{Argument, Assign, ExprKind, Name};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Zero};

/// What a place says of everything in it that does not say otherwise.
const OF_PLACES: [&str; 7] =
    ["zone", "residency", "market", "interruption", "notice", "energy_price", "carbon_intensity"];

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
        let asks_of = match field.type_ {
            Type::Spread => {
                Some(("`spread` counts places of a kind", "which kind is not said", "spread(node)"))
            }
            Type::ShareOf => Some(("`share` is a variant's", "which variant is not said", "share(small)")),
            _ => None,
        };
        if let Some((title, label, form)) = asks_of {
            let missing = Diagnostic::error("value::type", title, span, label);
            return Err(self.report(missing.help(format!("Write `{form}`."))));
        }
        match (field.role, statistic) {
            (Role::Fact, None) if field.type_ == Type::Open => {
                not_yet(&format!("`{}` is not read yet", field.name))
            }
            (Role::Fact, None) => self.fact(thing, field, span),
            (Role::Fact, Some(statistic)) => {
                let value = self.fact(thing, field, span)?;
                self.figure_of(value, statistic, span)
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
                if field.name == "hour" {
                    return self.hours(thing, span);
                }
                let figure = statistic.map(|name| self.statistic(name)).transpose()?;
                self.judged(thing, field, figure, span)
            }
        }
    }

    /// A decision or prediction, as what it stands for in a requirement.
    fn judged(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        figure: Option<Statistic>,
        span: Span,
    ) -> Outcome<Value> {
        if matches!(field.type_, Type::Symbol(_) | Type::Thing(_)) {
            self.of_models(thing, field, span)?;
            return Ok(Value::Choice(thing, field));
        }
        let dimension = match field.type_ {
            Type::Quantity(measured, _) if measured.dimension.money.is_some() => {
                let currency = self.pays_in();
                let money = measured.dimension.money.map(|(_, power)| (currency, power));
                Dimension { money, ..measured.dimension.clone() }
            }
            Type::Quantity(measured, _) => measured.dimension.clone(),
            Type::Integer(_) => Dimension::NONE,
            // Nobody says yet what it measures.
            _ => return Ok(Value::not_yet(format!("`{}` is not read yet", field.name))),
        };
        self.of_models(thing, field, span)?;
        self.of_decoders(thing, field, span)?;
        let of = self.of(thing);
        let subject = match (&of, field.name, figure) {
            (Of::Program, "bill", _) => Subject::Bill,
            (Of::Program, "moves", _) => Subject::Moves,
            (Of::Service(service), "replicas", _) => Subject::Replicas { service: *service },
            (Of::Service(service), "memory_free", _) => Subject::MemoryFree { service: *service },
            (Of::Service(service), name @ ("ttft" | "tpot" | "latency"), Some(statistic)) => {
                let measure = match name {
                    "ttft" => LatencyMeasure::Ttft,
                    "tpot" => LatencyMeasure::Tpot,
                    _ => LatencyMeasure::Latency,
                };
                Subject::Latency { service: *service, measure, statistic }
            }
            (_, field, statistic) => Subject::Figure { of, field, statistic },
        };
        Ok(Value::Linear(Linear::subject(subject, dimension)))
    }

    /// A choice of `thing`, as what it stands for in a requirement.
    pub(super) fn figure(&self, thing: ThingId, field: &'static Field) -> Subject {
        Subject::Figure { of: self.of(thing), field: field.name, statistic: None }
    }

    /// Whose figures a thing's are.
    pub(super) fn of(&self, thing: ThingId) -> Of {
        let known = self.thing(thing);
        match known.kind.name {
            // The totals of the whole program.
            "plan" | "policy" | "test" => Of::Program,
            // An abstract service has no place in the program; what its lines say is only checked.
            "service" => Of::Service(self.service_index(thing).unwrap_or(usize::MAX)),
            kind => Of::Thing { kind, address: known.address.clone() },
        }
    }

    /// A figure of model servers is not asked of a container.
    fn of_models(&mut self, thing: ThingId, field: &'static Field, span: Span) -> Outcome<()> {
        self.note(thing, "model");
        let known = self.thing(thing);
        let only_models = matches!(
            field.name,
            "ttft"
                | "tpot"
                | "memory_free"
                | "tensor"
                | "pipeline"
                | "expert"
                | "redundant_experts"
                | "data"
                | "context"
                | "nodes"
                | "batch"
                | "precision"
        );
        let serves_model = known.kind.name != "service" || known.assigned.contains_key("model");
        if !only_models || serves_model || known.is_abstract {
            return Ok(());
        }
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
        Err(self
            .report(diagnostic.help("A container can promise `latency` and `spread`, and bound `replicas`.")))
    }

    /// `tpot` is not asked of a model that answers a request in one pass.
    fn of_decoders(&mut self, thing: ThingId, field: &'static Field, span: Span) -> Outcome<()> {
        let known = self.thing(thing);
        if field.name != service::tpot.name || known.kind.name != "service" || known.is_abstract {
            return Ok(());
        }
        let Some(line) = known.assigned.get(service::model.name).map(|line| line.assign.span) else {
            return Ok(());
        };
        let name = known.address.clone();
        let Ok(Value::Thing(chosen)) = self.fact(thing, &service::model, line) else { return Ok(()) };
        let (at, answers) = match self.known(chosen, &model::attention) {
            Some((Value::Symbol(attention), at)) if attention == "bidirectional" => {
                (at, "an encoder answers with one pass over all of its tokens")
            }
            _ => match (self.known(chosen, &model::diffusion), self.known(chosen, &model::architecture)) {
                (Some((_, at)), _) => (at, "the answer is an image, there when its last step is done"),
                (_, Some((Value::Module(_), at))) => (at, "an exported module answers with one pass"),
                _ => return Ok(()),
            },
        };
        Err(self.report(
            Diagnostic::error(
                "service::no-decode",
                format!("`{name}` has no tokens after a first one"),
                span,
                "`tpot` is the time of each of them",
            )
            .and(at, answers)
            .help("Promise the time of the whole request: `latency`."),
        ))
    }

    /// `spread(node)`, `share(small)`; nothing for a field that is of nothing.
    pub(super) fn field_of(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        (arguments, span): (&'a [Argument], Span),
        scope: &Scope,
    ) -> Option<Outcome<Value>> {
        match field.type_ {
            Type::Spread => Some(self.spread(thing, arguments, span)),
            Type::ShareOf => Some(self.share(thing, (arguments, span), scope)),
            _ => None,
        }
    }

    /// `spread(node)`.
    fn spread(&mut self, thing: ThingId, arguments: &'a [Argument], span: Span) -> Outcome<Value> {
        let place = match arguments {
            [Argument { name: None, value }] => match &value.kind {
                ExprKind::Path(path) if path.steps.is_empty() && path.statistic.is_none() => Some(&path.head),
                _ => None,
            },
            _ => None,
        };
        let known =
            place.and_then(|name| PlaceKind::ALL.into_iter().find(|place| place.name() == name.value));
        let Some(place) = known else {
            return Err(self.report(
                Diagnostic::error(
                    "value::type",
                    "`spread` counts places of a kind",
                    span,
                    "this names no kind of place",
                )
                .help(format!("The kinds of places are {}.", listed(PlaceKind::ALL.map(PlaceKind::name)))),
            ));
        };
        let subject = Subject::Spread { of: self.of(thing), place };
        Ok(Value::Linear(Linear::subject(subject, Dimension::NONE)))
    }

    /// What the program pays in, as far as that is known; else dollars.
    pub(super) fn pays_in(&mut self) -> Currency {
        let known = self.currency.map(|(currency, _)| currency);
        self.ledger.ask_currency(known);
        known.unwrap_or(Currency::Dollar)
    }

    /// The value of a fact, computed when it is first read.
    pub(super) fn fact(&mut self, thing: ThingId, field: &'static Field, reader: Span) -> Outcome<Value> {
        self.note(thing, field.name);
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
        let scope = match (&assigned.world, known.layers.get(assigned.layer)) {
            (Some(world), _) => world.clone(),
            (None, Some(layer)) => Scope { thing: Some(thing), ..layer.scope.clone() },
            (None, None) => return Err(Reported),
        };
        let scope = Scope { field: Some(field.name), ..scope };
        let of_world = assigned.world.is_some();
        let (unit, is_abstract) = (known.unit, known.is_abstract);
        self.set_slot(thing, field, Slot::Pending);
        let value = if of_world {
            // A test states it, and answers for it.
            self.stated_value(field, line, &scope)
        } else {
            self.on_behalf(Owner::Unit(unit), Part::of(field.name), is_abstract, |resolver| {
                resolver.stated_value(field, line, &scope)
            })
        };
        let slot = match &value {
            Ok(value) => Slot::Known(value.clone()),
            Err(Reported) => Slot::Failed,
        };
        self.set_slot(thing, field, slot);
        value
    }

    /// The value that a line states for `field`.
    pub(super) fn stated_value(
        &mut self,
        field: &'static Field,
        line: &'a Assign,
        scope: &Scope,
    ) -> Outcome<Value> {
        let expect = match field.type_ {
            Type::Symbol(names) => Expect::Names(names),
            Type::Open | Type::Source => Expect::AnyName,
            Type::Name | Type::Labels | Type::Extents => Expect::Itself,
            _ => Expect::Value,
        };
        self.evaluate(&line.value, scope, expect)
            .and_then(|value| self.only_facts(value, line.value.span))
            .and_then(|value| self.coerce_written(value, field, &line.value))
    }

    fn set_slot(&mut self, thing: ThingId, field: &'static Field, slot: Slot) {
        if let Some(assigned) =
            self.things.get_mut(thing.0).and_then(|thing| thing.assigned.get_mut(field.name))
        {
            assigned.slot = Some(slot);
        }
    }

    /// A fact that no line states: its place's, or the schema's default.
    fn unstated(&mut self, thing: ThingId, field: &'static Field, reader: Span) -> Outcome<Value> {
        if let Some((above, field)) = self.stated_above(thing, field) {
            return self.fact(above, field, reader);
        }
        if let Some((value, _)) = self.configured(thing, field) {
            return Ok(value);
        }
        let known = self.thing(thing);
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

    /// The innermost place around `thing` with a line that states `field` for what stands in it.
    pub(super) fn stated_above(
        &self,
        thing: ThingId,
        field: &'static Field,
    ) -> Option<(ThingId, &'static Field)> {
        if !OF_PLACES.contains(&field.name) {
            return None;
        }
        let mut above = self.thing(thing).parent;
        while let Some(parent) = above {
            let known = self.thing(parent);
            if let Some(assigned) = known.assigned.get(field.name) {
                return known.kind.is_place().then_some((parent, assigned.field));
            }
            above = known.parent;
        }
        None
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
    pub(super) fn statistic(&mut self, name: &Name) -> Outcome<Statistic> {
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

    pub(super) fn of_constant(&mut self, name: &str, statistic: &Name) -> Reported {
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
}

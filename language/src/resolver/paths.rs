//! Names to values: `shop.demand`, `nv.h100`, `box[1].price`, `latency p99`, `s.spread(node)`.

use super::evaluation::Expect;
use super::keys::Key;
use super::names::{Declaration, Declared, GroupId};
use super::things::ThingId;
use super::value::{Linear, Value};
use super::{Outcome, Reported, Resolver, Scope, Slot, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{LatencyMeasure, Statistic, Subject};
use crate::quantity::{Currency, Dimension};
use crate::schema::functions::FUNCTIONS;
use crate::schema::{self, Default, Field, Kind, Role, Support, Type};
use crate::span::Span;
use crate::syntax::ast::{Argument, ExprKind, Name, Path, Step};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Zero};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the first steps of a path have led to.
enum Found {
    Value(Value),
    /// A group of which no key is chosen yet.
    Group(GroupId),
    /// A field of a thing: a statistic or arguments may follow.
    Field(ThingId, &'static Field, Span),
    /// Nested things of one name.
    Children(ThingId, String),
}

impl<'a> Resolver<'a> {
    /// What `name` is declared as in `module`.
    pub(super) fn declaration(&mut self, module: usize, name: &Name) -> Outcome<Declared<'a>> {
        match self.declared(module, &name.value) {
            Some(declaration) => Ok(declaration.what),
            None => Err(self.unknown_name(name, &Scope::top(module))),
        }
    }

    fn declared(&self, module: usize, name: &str) -> Option<Declaration<'a>> {
        self.names.get(module)?.declared.get(name).copied()
    }

    /// `name` is a param or a let of `module`.
    pub(super) fn is_value(&self, module: usize, name: &str) -> bool {
        self.declared(module, name)
            .is_some_and(|known| matches!(known.what, Declared::Param(_) | Declared::Let(_)))
    }

    /// The value of a path.
    pub(super) fn path(&mut self, path: &'a Path, scope: &Scope, expect: Expect) -> Outcome<Value> {
        let (mut found, mut steps) = self.head(path, scope, expect)?;
        while let Some((step, rest)) = steps.split_first() {
            (found, steps) = match (found, step) {
                (Found::Field(thing, field, _), Step::Call { arguments, span })
                    if field.type_ == Type::Spread =>
                {
                    let value = self.spread(thing, field, arguments, *span)?;
                    (Found::Value(value), rest)
                }
                (Found::Field(thing, field, span), step) => {
                    let value = self.field_value(thing, field, None, span)?;
                    (self.step(value, step, scope)?, rest)
                }
                (Found::Group(group), Step::Index { keys, span }) => {
                    let keys = self.keys(keys, scope)?;
                    (Found::Value(self.members(group, &keys, *span)?), rest)
                }
                (Found::Group(group), Step::All(_)) => {
                    self.expand_group(group, None)?;
                    let things = self.groups.get(group.0).map(|group| {
                        let things = group.things.values().copied();
                        things.collect::<Vec<_>>()
                    });
                    let things = Value::Things(Rc::new(things.unwrap_or_default()));
                    (Found::Value(things), rest)
                }
                (Found::Group(group), step) => {
                    let value = self.single(group, path.span)?;
                    (self.step(value, step, scope)?, rest)
                }
                (Found::Children(parent, name), Step::Index { keys, span }) => {
                    let keys = self.keys(keys, scope)?;
                    let value = self.child_members(parent, &name, &keys, *span)?;
                    (Found::Value(value), rest)
                }
                (Found::Children(parent, name), Step::All(_)) => {
                    let things = self.thing(parent).children.get(&name);
                    let things = things.map(|things| things.values().copied().collect());
                    let things = Value::Things(Rc::new(things.unwrap_or_default()));
                    (Found::Value(things), rest)
                }
                (Found::Children(parent, name), step) => {
                    let value = self.single_child(parent, &name, path.span)?;
                    (self.step(value, step, scope)?, rest)
                }
                (Found::Value(value), step) => (self.step(value, step, scope)?, rest),
            };
        }
        let statistic = path.statistic.as_ref();
        match found {
            Found::Field(thing, field, span) => self.field_value(thing, field, statistic, span),
            Found::Value(value) => match statistic {
                None => Ok(value),
                Some(statistic) => self.draws_statistic(value, statistic, path.span),
            },
            Found::Group(group) => self.single(group, path.span),
            Found::Children(parent, name) => self.single_child(parent, &name, path.span),
        }
    }

    /// What the first name of a path stands for, and the steps that are left.
    fn head(
        &mut self,
        path: &'a Path,
        scope: &Scope,
        expect: Expect,
    ) -> Outcome<(Found, &'a [Step])> {
        let name = &path.head;
        let steps = path.steps.as_slice();
        if let Some(value) = scope.variable(&name.value) {
            return Ok((Found::Value(value.clone()), steps));
        }
        let bare = steps.is_empty() && path.statistic.is_none();
        if bare && let Expect::Names(names) = expect {
            if names.contains(&name.value.as_str()) {
                return Ok((Found::Value(Value::Symbol(name.value.clone())), steps));
            }
            // It may still be a let that holds one of them.
            if !self.is_value(scope.module, &name.value) {
                return Err(self.unknown_symbol(name, names));
            }
        }
        let kind = scope.thing.map(|thing| self.thing(thing).kind);
        let field = kind.and_then(|kind| kind.field(&name.value));
        if let Some((Step::Call { arguments, span }, rest)) = steps.split_first() {
            if let (Some(thing), Some(field)) = (scope.thing, field)
                && field.type_ == Type::Spread
            {
                let value = self.spread(thing, field, arguments, *span)?;
                return Ok((Found::Value(value), rest));
            }
            let value = self.call(name, arguments, *span, scope)?;
            return Ok((Found::Value(value), rest));
        }
        if let Some((Step::All(_), rest)) = steps.split_first()
            && let Some(kind) = schema::kind(&name.value)
            && self.declared(scope.module, &name.value).is_none()
        {
            return Ok((Found::Value(self.all_of(kind)), rest));
        }
        let declared = self.declared(scope.module, &name.value);
        match (declared, field, scope.thing) {
            (Some(declared), Some(field), Some(_)) => Err(self.report(
                Diagnostic::error(
                    "name::ambiguous",
                    format!("`{}` means two things here", name.value),
                    name.span,
                    format!(
                        "a field of this {}, or what this file declares",
                        kind.map_or("block", |kind| kind.name)
                    ),
                )
                .and(declared.span, format!("`{}` is declared here", name.value))
                .help(format!(
                    "Rename the declaration: `{}` is a field's name.",
                    field.name
                )),
            )),
            (Some(declared), _, _) => self.declared_head(declared.what, scope.module, name, steps),
            (None, Some(field), Some(thing)) => Ok((Found::Field(thing, field, name.span), steps)),
            (None, _, _) => {
                if name.value == "plan"
                    && let Some(plan) = self.plan_thing()
                {
                    return Ok((Found::Value(Value::Thing(plan)), steps));
                }
                if name.value == "hour" {
                    let hour =
                        Value::not_yet_of("guards by the hour are not judged yet", Dimension::TIME);
                    return Ok((Found::Value(hour), steps));
                }
                if bare && matches!(expect, Expect::AnyName) {
                    return Ok((Found::Value(Value::Symbol(name.value.clone())), steps));
                }
                if let Some(thing) = scope.thing
                    && self.thing(thing).children.contains_key(&name.value)
                {
                    return Ok((Found::Children(thing, name.value.clone()), steps));
                }
                Err(self.unknown_name(name, scope))
            }
        }
    }

    /// A declaration at the head of a path; an import takes the next name too.
    fn declared_head(
        &mut self,
        declared: Declared<'a>,
        module: usize,
        name: &Name,
        steps: &'a [Step],
    ) -> Outcome<(Found, &'a [Step])> {
        match declared {
            Declared::Param(param) => {
                let value = self.param_value(module, param, name.span)?;
                Ok((Found::Value(value), steps))
            }
            Declared::Let(let_) => {
                let value = self.let_value(module, let_, name.span)?;
                Ok((Found::Value(value), steps))
            }
            Declared::Group(group) => Ok((Found::Group(group), steps)),
            Declared::Import(None) => Err(Reported),
            Declared::Import(Some(module)) => {
                let Some((Step::Field(inner), rest)) = steps.split_first() else {
                    return Err(self.report(
                        Diagnostic::error(
                            "value::type",
                            "a file is no value",
                            name.span,
                            "this names a whole file",
                        )
                        .help(format!("Name something in it: `{}.name`.", name.value)),
                    ));
                };
                match self.declaration(module, inner)? {
                    Declared::Param(param) => {
                        let value = self.param_value(module, param, inner.span)?;
                        Ok((Found::Value(value), rest))
                    }
                    Declared::Let(let_) => {
                        let value = self.let_value(module, let_, inner.span)?;
                        Ok((Found::Value(value), rest))
                    }
                    Declared::Group(group) => Ok((Found::Group(group), rest)),
                    Declared::Import(_) => Err(self.report(
                        Diagnostic::error(
                            "name::unknown",
                            format!("`{}` is an import of that file", inner.value),
                            inner.span,
                            "imports are seen in their own file only",
                        )
                        .help("Import it here too, with a `use` of its own."),
                    )),
                }
            }
        }
    }

    /// One step from a value.
    fn step(&mut self, value: Value, step: &'a Step, scope: &Scope) -> Outcome<Found> {
        match (value, step) {
            (Value::NotYet(unjudged), _) => Ok(Found::Value(Value::not_yet(unjudged.because))),
            (Value::Thing(thing), Step::Field(name)) => {
                let known = self.thing(thing);
                let kind = known.kind;
                if let Some(field) = kind.field(&name.value) {
                    return Ok(Found::Field(thing, field, name.span));
                }
                if known.children.contains_key(&name.value) {
                    return Ok(Found::Children(thing, name.value.clone()));
                }
                if schema::kind(&name.value).is_some_and(Kind::is_place) {
                    let mut above = known.parent;
                    while let Some(parent) = above {
                        let parent_thing = self.thing(parent);
                        if parent_thing.kind.name == name.value {
                            return Ok(Found::Value(Value::Thing(parent)));
                        }
                        above = parent_thing.parent;
                    }
                    return Ok(Found::Value(Value::not_yet("places are not planned yet")));
                }
                if kind.name == "service" && name.value == "instance" {
                    return Ok(Found::Value(Value::not_yet(
                        "single instances are not judged yet",
                    )));
                }
                Err(self.unknown_field(name, kind, thing))
            }
            (Value::Map(entries), Step::Index { keys, span }) => {
                let keys = self.keys(keys, scope)?;
                let [key] = keys.as_slice() else {
                    return Err(self.type_error(
                        "a map is read at one key",
                        *span,
                        "several keys stand here".to_owned(),
                    ));
                };
                let value = entries
                    .iter()
                    .find(|(known, _)| Key::of(known).as_ref() == Some(key))
                    .map(|(_, value)| value.clone());
                match value {
                    Some(value) => Ok(Found::Value(value)),
                    None => {
                        let keys: Vec<_> = entries.iter().map(|(key, _)| key.written()).collect();
                        Err(self.no_such_key("the map", Some(key), &keys, *span))
                    }
                }
            }
            (value, step) => {
                let (span, what) = match step {
                    Step::Field(name) => (name.span, "has no fields"),
                    Step::Index { span, .. } | Step::All(span) => (*span, "has no keys"),
                    Step::Call { span, .. } => (*span, "cannot be called"),
                };
                let label = format!("{} {what}", value.noun());
                Err(self.type_error("this leads nowhere", span, label))
            }
        }
    }

    /// Every planned thing of a kind.
    fn all_of(&self, kind: &'static Kind) -> Value {
        let things = self.things.iter().enumerate();
        let things = things
            .filter(|(_, thing)| std::ptr::eq(thing.kind, kind) && !thing.is_abstract)
            .map(|(at, _)| ThingId(at));
        Value::Things(Rc::new(things.collect()))
    }

    /// The things of a group at some keys.
    fn members(&mut self, group: GroupId, keys: &[Key], span: Span) -> Outcome<Value> {
        self.expand_group(group, None)?;
        let Some(known) = self.groups.get(group.0) else {
            return Err(Reported);
        };
        let mut things = Vec::with_capacity(keys.len());
        for key in keys {
            match known.things.get(&Some(key.clone())) {
                Some(thing) => things.push(*thing),
                None => {
                    let name = format!("`{}`", known.name);
                    let keys: Vec<_> = known.things.keys().flatten().map(Key::to_string).collect();
                    return Err(self.no_such_key(&name, Some(key), &keys, span));
                }
            }
        }
        Ok(one_or_many(things))
    }

    fn child_members(
        &mut self,
        parent: ThingId,
        name: &str,
        keys: &[Key],
        span: Span,
    ) -> Outcome<Value> {
        let mut things = Vec::with_capacity(keys.len());
        let children = self.thing(parent).children.get(name);
        for key in keys {
            match children.and_then(|children| children.get(&Some(key.clone()))) {
                Some(thing) => things.push(*thing),
                None => {
                    let keys: Vec<_> = children
                        .into_iter()
                        .flat_map(|children| children.keys().flatten().map(Key::to_string))
                        .collect();
                    return Err(self.no_such_key(&format!("`{name}`"), Some(key), &keys, span));
                }
            }
        }
        Ok(one_or_many(things))
    }

    /// The one thing of a group without keys.
    fn single(&mut self, group: GroupId, span: Span) -> Outcome<Value> {
        self.expand_group(group, None)?;
        let Some(known) = self.groups.get(group.0) else {
            return Err(Reported);
        };
        let things = &known.things;
        let (name, keys): (_, Vec<_>) = (
            known.name.clone(),
            things.keys().flatten().map(Key::to_string).collect(),
        );
        match (things.get(&None).copied(), things.len()) {
            (Some(thing), _) => {
                let known = self.thing(thing);
                if known.is_abstract && !known.kind.describes() {
                    return Err(self.abstract_thing(&name, span));
                }
                Ok(Value::Thing(thing))
            }
            (None, 0) => Err(Reported),
            (None, _) => Err(self.no_such_key(&format!("`{name}`"), None, &keys, span)),
        }
    }

    fn single_child(&mut self, parent: ThingId, name: &str, span: Span) -> Outcome<Value> {
        let children = self.thing(parent).children.get(name);
        if let Some(thing) = children.and_then(|children| children.get(&None)) {
            return Ok(Value::Thing(*thing));
        }
        let keys: Vec<_> = children
            .into_iter()
            .flat_map(|children| children.keys().flatten().map(Key::to_string))
            .collect();
        Err(self.no_such_key(&format!("`{name}`"), None, &keys, span))
    }

    pub(super) fn abstract_thing(&mut self, name: &str, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "name::abstract",
                format!("`{name}` is abstract"),
                span,
                "there is no such thing, only things that derive from it",
            )
            .help("Name a thing that derives from it, or take `abstract` away."),
        )
    }

    /// A field as it is read: its value, or what it stands for in a requirement.
    fn field_value(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        statistic: Option<&Name>,
        span: Span,
    ) -> Outcome<Value> {
        let dimension = match field.type_ {
            Type::Quantity(measured, _) | Type::Draws(measured) => Some(&measured.dimension),
            Type::Integer(_) => Some(&Dimension::NONE),
            Type::Demand => Some(&Dimension::REQUEST_RATE),
            _ => None,
        };
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
            (Role::Choice | Role::Measure, Some(statistic)) => {
                Err(self.of_constant(field.name, statistic))
            }
            (Role::Sampled, None) => Err(self.report(
                Diagnostic::error(
                    "statistic::missing",
                    format!("`{}` is a distribution", field.name),
                    span,
                    "which figure of it is not said",
                )
                .help(format!(
                    "Write `{0} p99`, `{0} p99.9`, `{0} mean` or `{0} peak`.",
                    field.name
                )),
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
            let currency = self
                .currency
                .map_or(Currency::Dollar, |(currency, _)| currency);
            let dimension = Dimension::money_rate(currency);
            return Ok(Value::Linear(Linear::subject(Subject::Bill, dimension)));
        }
        if known.kind.name != "service" {
            return Ok(Value::not_yet(
                "only decisions and predictions of services are judged yet",
            ));
        }
        let serves_model = known.assigned.contains_key("model");
        // An abstract service has no place in the program; what its lines say is only checked.
        let service = self.services.get(&thing).copied().unwrap_or(usize::MAX);
        let only_models = matches!(
            field.name,
            "ttft" | "tpot" | "memory_free" | "tensor" | "batch" | "precision"
        );
        if only_models && !serves_model && !known.is_abstract {
            let (name, head) = (
                known.address.clone(),
                known.layers.first().map(|layer| layer.block.head),
            );
            let mut diagnostic = Diagnostic::error(
                "service::not-a-model",
                format!("`{}` is of services that run a model", field.name),
                span,
                format!("`{name}` runs none"),
            );
            if let Some(head) = head {
                diagnostic = diagnostic.and(head, format!("`{name}` stands here"));
            }
            return Err(self
                .report(diagnostic.help(
                    "A container can promise `latency` and `spread`, and bound `replicas`.",
                )));
        }
        let subject = match (field.name, figure) {
            ("replicas", _) => Subject::Replicas { service },
            ("memory_free", _) => Subject::MemoryFree { service },
            ("ttft", Some(statistic)) => Subject::Latency {
                service,
                measure: LatencyMeasure::Ttft,
                statistic,
            },
            ("tpot", Some(statistic)) => Subject::Latency {
                service,
                measure: LatencyMeasure::Tpot,
                statistic,
            },
            ("latency", Some(statistic)) => Subject::Latency {
                service,
                measure: LatencyMeasure::Latency,
                statistic,
            },
            _ => return Ok(Value::Choice(thing, field)),
        };
        let dimension = match field.type_ {
            Type::Quantity(measured, _) => measured.dimension.clone(),
            _ => Dimension::NONE,
        };
        Ok(Value::Linear(Linear::subject(subject, dimension)))
    }

    /// `spread(node)`.
    fn spread(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        arguments: &'a [Argument],
        span: Span,
    ) -> Outcome<Value> {
        let place = match arguments {
            [Argument { name: None, value }] => match &value.kind {
                ExprKind::Path(path) if path.steps.is_empty() && path.statistic.is_none() => {
                    Some(&path.head)
                }
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
    pub(super) fn fact(
        &mut self,
        thing: ThingId,
        field: &'static Field,
        reader: Span,
    ) -> Outcome<Value> {
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
        let scope = Scope {
            thing: Some(thing),
            ..layer.scope.clone()
        };
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
        if let Some(assigned) = self
            .things
            .get_mut(thing.0)
            .and_then(|thing| thing.assigned.get_mut(field.name))
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
                    diagnostic =
                        diagnostic.and(head, format!("no line here states `{}`", field.name));
                }
                Err(self.report(
                    diagnostic.help(format!("State it: `{} = …`. {}", field.name, field.doc)),
                ))
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
        let number = (digits.len() <= 40)
            .then(|| format!("{whole}{fraction}").parse::<BigInt>().ok())
            .flatten();
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
    fn draws_statistic(&mut self, value: Value, statistic: &Name, span: Span) -> Outcome<Value> {
        let figure = self.statistic(statistic)?;
        match value {
            Value::Lognormal { p50, p99 } => {
                let percent = |value: i64| Statistic::Quantile(crate::quantity::ratio(value, 100));
                if figure == percent(50) {
                    Ok(Value::Quantity(p50))
                } else if figure == percent(99) {
                    Ok(Value::Quantity(p99))
                } else {
                    Ok(Value::not_yet_of(
                        "of draws only `p50` and `p99` are read yet",
                        p50.dimension,
                    ))
                }
            }
            Value::NotYet(unjudged) => Ok(Value::NotYet(unjudged)),
            Value::Profile(profile) => Ok(Value::not_yet_of(
                "statistics of profiles are not read yet",
                profile.dimension.clone(),
            )),
            _ => {
                let name = self.text(span);
                let name = name.split(' ').next().unwrap_or_default().to_owned();
                Err(self.of_constant(&name, statistic))
            }
        }
    }

    fn unknown_symbol(&mut self, name: &Name, names: &[&str]) -> Reported {
        let known = listed(names.iter().copied());
        let help = match self.suggestion(&name.value, names.iter().copied()) {
            Some(meant) => format!("Did you mean `{meant}`?\nKnown are {known}."),
            None => format!("Known are {known}."),
        };
        self.report(
            Diagnostic::error(
                "name::unknown-symbol",
                format!("`{}` is not known here", name.value),
                name.span,
                "not one of the known names",
            )
            .help(help),
        )
    }

    fn unknown_name(&mut self, name: &Name, scope: &Scope) -> Reported {
        let mut known: BTreeSet<String> = scope
            .variables
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        if self.suggestions < super::MOST_SUGGESTIONS {
            if let Some(names) = self.names.get(scope.module) {
                known.extend(names.declared.keys().map(|name| (*name).to_owned()));
            }
            if let Some(thing) = scope.thing {
                let fields = self.thing(thing).kind.fields.iter();
                known.extend(fields.map(|field| field.name.to_owned()));
            }
            known.extend(FUNCTIONS.iter().map(|function| function.name.to_owned()));
        }
        let suggestion = self.suggestion(&name.value, known.iter().map(String::as_str));
        let help = match suggestion {
            Some(meant) => format!("Did you mean `{meant}`?"),
            None => "Names are declared with `let`, `param`, `use` or a block in this file; fields are of the block a line stands in.".to_owned(),
        };
        self.report(
            Diagnostic::error(
                "name::unknown",
                format!("nothing is called `{}`", name.value),
                name.span,
                "not declared here",
            )
            .help(help),
        )
    }

    /// A field that `kind` does not have.
    pub(super) fn unknown_field(
        &mut self,
        name: &Name,
        kind: &'static Kind,
        thing: ThingId,
    ) -> Reported {
        let known = self.thing(thing);
        let (address, head) = (
            known.name.clone(),
            known.layers.first().map(|layer| layer.block.head),
        );
        let suggestion = self.suggestion(&name.value, kind.fields.iter().map(|field| field.name));
        let mut help =
            suggestion.map_or_else(String::new, |meant| format!("Did you mean `{meant}`?\n"));
        for (verb, roles) in [
            ("states", [Role::Fact, Role::Fact]),
            ("decides", [Role::Choice, Role::Choice]),
            ("promises", [Role::Measure, Role::Sampled]),
        ] {
            let fields = kind.fields.iter();
            let fields: Vec<_> = fields
                .filter(|field| roles.contains(&field.role))
                .map(|field| field.name)
                .collect();
            if !fields.is_empty() {
                help.push_str(&format!("A {} {verb}: {}.\n", kind.name, fields.join(", ")));
            }
        }
        let mut diagnostic = Diagnostic::error(
            "name::unknown-field",
            format!("unknown field on {} `{address}`", kind.name),
            name.span,
            format!("no field `{}`", name.value),
        );
        if let Some(head) = head {
            diagnostic = diagnostic.and(head, format!("in this {}", kind.name));
        }
        self.report(diagnostic.help(help.trim_end()))
    }

    pub(super) fn no_such_key(
        &mut self,
        name: &str,
        key: Option<&Key>,
        keys: &[String],
        span: Span,
    ) -> Reported {
        let (title, label) = match key {
            Some(key) => (
                format!("{name} has no key `{key}`"),
                "not one of its keys".to_owned(),
            ),
            None => (
                format!("{name} has keys"),
                "which of them is not said".to_owned(),
            ),
        };
        let help = if keys.is_empty() {
            "It has no keys: leave the brackets out.".to_owned()
        } else {
            format!("Its keys are {}.", listed(keys.iter().map(String::as_str)))
        };
        self.report(Diagnostic::error("name::unknown-key", title, span, label).help(help))
    }
}

fn one_or_many(mut things: Vec<ThingId>) -> Value {
    match (things.pop(), things.is_empty()) {
        (Some(thing), true) => Value::Thing(thing),
        (Some(thing), false) => {
            things.push(thing);
            Value::Things(Rc::new(things))
        }
        (None, _) => Value::Things(Rc::new(things)),
    }
}

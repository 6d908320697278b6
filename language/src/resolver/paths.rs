//! Names to values: `shop.demand`, `nv.h100`, `box[1].price`, `latency p99`, `s.spread(node)`.

use super::checks::BASE;
use super::coercion::needed;
use super::evaluation::Expect;
use super::keys::Key;
use super::ledger::{Cell, Part, UnitId};
use super::names::{Declaration, Declared, Group, GroupId};
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::quantity::Dimension;
use crate::schema::{self, Field, Kind, Type};
use crate::span::Span;
use crate::syntax::ast::{Name, Path, Step};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What the first steps of a path have led to.
pub(super) enum Found {
    Value(Value),
    /// A group of which no key is chosen yet.
    Group(GroupId),
    /// A field of a thing: a statistic or arguments may follow.
    Field(ThingId, &'static Field, Span),
    /// Nested things of one name, in each of some things.
    Children(Rc<Vec<ThingId>>, String),
}

impl<'a> Resolver<'a> {
    /// What `name` is declared as in `module`.
    pub(super) fn declaration(&mut self, module: usize, name: &Name) -> Outcome<Declared<'a>> {
        match self.declared(module, &name.value) {
            Some(declaration) => {
                self.refer(module, &name.value);
                Ok(declaration.what)
            }
            None => Err(self.unknown_name(name, &Scope::top(module))),
        }
    }

    pub(super) fn declared(&self, module: usize, name: &str) -> Option<Declaration<'a>> {
        self.names.get(module)?.declared.get(name).copied()
    }

    /// Remembers that something refers to `name`.
    fn refer(&mut self, module: usize, name: &str) {
        if self.declared(module, name).is_some() {
            self.ledger.page().refer(module, name);
        }
    }

    /// `name` is a param or a let of `module`.
    pub(super) fn is_value(&self, module: usize, name: &str) -> bool {
        self.declared(module, name)
            .is_some_and(|known| matches!(known.what, Declared::Param(..) | Declared::Let(..)))
    }

    /// The value of a path.
    pub(super) fn path(&mut self, path: &'a Path, scope: &Scope, expect: Expect) -> Outcome<Value> {
        if let Some(total) = self.base_total(path, scope) {
            return Ok(match needed(total.type_) {
                Some(dimension) => Value::not_yet_of(BASE, dimension.clone()),
                None => Value::not_yet(BASE),
            });
        }
        let (found, steps) = self.head(path, scope, expect)?;
        let found = self.walk(path, found, steps, scope)?;
        let statistic = path.statistic.as_ref();
        match found {
            Found::Field(thing, field, span) => self.field_value(thing, field, statistic, span),
            found => {
                let value = self.thing_or_things(path, found)?;
                match statistic {
                    None => Ok(value),
                    Some(statistic) => self.figure_of(value, statistic, path.span),
                }
            }
        }
    }

    /// What is found once all steps are followed, where it is no field.
    pub(super) fn thing_or_things(&mut self, path: &'a Path, found: Found) -> Outcome<Value> {
        match found {
            Found::Value(value) => Ok(value),
            Found::Field(thing, field, span) => self.field_value(thing, field, None, span),
            Found::Group(group) => self.single(group, path.span),
            Found::Children(parent, name) => self.single_child(&parent, &name, path.span),
        }
    }

    /// Follows `steps` from what the head of `path` has led to.
    pub(super) fn walk(
        &mut self,
        path: &'a Path,
        mut found: Found,
        mut steps: &'a [Step],
        scope: &Scope,
    ) -> Outcome<Found> {
        while let Some((step, rest)) = steps.split_first() {
            (found, steps) = match (found, step) {
                (Found::Field(thing, field, span), step) => {
                    let of = match step {
                        Step::Call { arguments, span } => {
                            self.field_of(thing, field, (arguments, *span), scope)
                        }
                        _ => None,
                    };
                    match of {
                        Some(value) => (Found::Value(value?), rest),
                        None => {
                            let value = self.field_value(thing, field, None, span)?;
                            (self.step(value, step, scope)?, rest)
                        }
                    }
                }
                (Found::Group(group), Step::Index { keys, span }) => {
                    let keys = self.keys(keys, scope)?;
                    (Found::Value(self.members(group, &keys, *span)?), rest)
                }
                (Found::Group(group), Step::All(_)) => {
                    self.expand_for(group, path.span)?;
                    let things = self.groups.get(group.0).map(|group| {
                        let things = group.things.values().copied();
                        // Abstract ones are never counted, nor is what another world lacks.
                        let there =
                            |thing: &ThingId| !self.thing(*thing).is_abstract && !self.is_lost(*thing);
                        things.filter(there).collect::<Vec<_>>()
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
                    let value = self.child_members(&parent, &name, &keys, *span)?;
                    (Found::Value(value), rest)
                }
                (Found::Children(parent, name), Step::All(_)) => {
                    let things = parent.iter().filter_map(|parent| self.thing(*parent).children.get(&name));
                    let things = things.flat_map(|keyed| keyed.values().copied());
                    let there = things.filter(|thing| !self.is_lost(*thing)).collect();
                    (Found::Value(Value::Things(Rc::new(there))), rest)
                }
                (Found::Children(parent, name), step) => {
                    let value = self.single_child(&parent, &name, path.span)?;
                    (self.step(value, step, scope)?, rest)
                }
                (Found::Value(value), step) => (self.step(value, step, scope)?, rest),
            };
        }
        Ok(found)
    }

    /// What the first name of a path stands for, and the steps that are left.
    pub(super) fn head(
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
        if bare && matches!(expect, Expect::Itself) {
            return Ok((Found::Value(Value::Symbol(name.value.clone())), steps));
        }
        let kind = scope.thing.map(|thing| self.thing(thing).kind);
        let field = kind.and_then(|kind| kind.field(&name.value));
        if let Some((Step::Call { arguments, span }, rest)) = steps.split_first() {
            if let (Some(thing), Some(field)) = (scope.thing, field)
                && let Some(value) = self.field_of(thing, field, (arguments, *span), scope)
            {
                return Ok((Found::Value(value?), rest));
            }
            let value = self.call(name, arguments, *span, scope)?;
            return Ok((Found::Value(value), rest));
        }
        if let Some((Step::All(_), rest)) = steps.split_first()
            && let Some(kind) = self.kind_called(&name.value, scope)
        {
            return Ok((Found::Value(self.all_of(kind)), rest));
        }
        let declared = self.declared(scope.module, &name.value);
        // Brackets read a map, and a field that is none is not meant by them: `share[region]`.
        let field = field.filter(|field| {
            let mapped = matches!(field.type_, Type::Compute | Type::Source | Type::Open);
            mapped || declared.is_none() || !matches!(steps.first(), Some(Step::Index { .. }))
        });
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
                .help(format!("Rename the declaration: `{}` is a field's name.", field.name)),
            )),
            (Some(declared), _, _) => {
                self.refer(scope.module, &name.value);
                self.declared_head(declared.what, scope.module, name, steps)
            }
            (None, Some(field), Some(thing)) => Ok((Found::Field(thing, field, name.span), steps)),
            (None, _, _) => {
                if name.value == "plan"
                    && let Some(plan) = self.plan_thing()
                {
                    return Ok((Found::Value(Value::Thing(plan)), steps));
                }
                if name.value == "hour" {
                    let hour = Value::not_yet_of("guards by the hour are not judged yet", Dimension::TIME);
                    return Ok((Found::Value(hour), steps));
                }
                if bare && matches!(expect, Expect::AnyName) {
                    return Ok((Found::Value(Value::Symbol(name.value.clone())), steps));
                }
                if let Some(thing) = scope.thing
                    && self.thing(thing).children.contains_key(&name.value)
                {
                    return Ok((Found::Children(Rc::new(vec![thing]), name.value.clone()), steps));
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
            Declared::Param(unit, param) => {
                let value = self.param_value(module, (unit, param), name.span)?;
                Ok((Found::Value(value), steps))
            }
            Declared::Let(unit, let_) => {
                let value = self.let_value(module, (unit, let_), name.span)?;
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
                    Declared::Param(unit, param) => {
                        let value = self.param_value(module, (unit, param), inner.span)?;
                        Ok((Found::Value(value), rest))
                    }
                    Declared::Let(unit, let_) => {
                        let value = self.let_value(module, (unit, let_), inner.span)?;
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
                    return Ok(Found::Children(Rc::new(vec![thing]), name.value.clone()));
                }
                if let Some(level) = schema::kind(&name.value).filter(|level| level.is_place())
                    && (kind.is_place() || kind.name == "node")
                {
                    return Ok(Found::Value(Value::Thing(self.place_of(thing, level, name.span)?)));
                }
                if kind.name == "service" && name.value == "instance" {
                    return Ok(Found::Value(Value::Instances(thing)));
                }
                Err(self.unknown_field(name, kind, thing))
            }
            // `dal.r[*].h[*]`: what is nested in each of several things.
            (Value::Things(things), Step::Field(name))
                if things.iter().any(|thing| self.thing(*thing).children.contains_key(&name.value)) =>
            {
                Ok(Found::Children(things, name.value.clone()))
            }
            (Value::Things(_), Step::Field(name)) => {
                let label = format!("`{}` of several things has no single value", name.value);
                let help = format!("Name one of them, or ask each: `all x in xs: x.{} …`.", name.value);
                Err(self.report(
                    Diagnostic::error("value::type", "this leads nowhere", name.span, label).help(help),
                ))
            }
            (Value::Instances(service), Step::All(_)) => Ok(Found::Value(Value::Instances(service))),
            // What is said of a replica is said of the node it stands on.
            (Value::Instance(node), Step::Field(name)) if name.value == "node" => {
                Ok(Found::Value(Value::Thing(node)))
            }
            (Value::Instance(node), step) => self.step(Value::Thing(node), step, scope),
            (Value::Map(entries), Step::Index { keys, span }) => {
                let [key] = keys.as_slice() else {
                    return Err(self.type_error(
                        "a map is read at one key",
                        *span,
                        "several keys stand here".to_owned(),
                        "Name one key: `share[eu]`.",
                    ));
                };
                let key = self.key_value(key, scope)?;
                let same = |known: &Value| match (known, &key) {
                    (Value::Quantity(a), Value::Quantity(b)) => a == b,
                    (Value::Symbol(a), Value::Symbol(b)) | (Value::Text(a), Value::Text(b)) => a == b,
                    _ => false,
                };
                if let Some((_, value)) = entries.iter().find(|(known, _)| same(known)) {
                    return Ok(Found::Value(value.clone()));
                }
                if !matches!(key, Value::Quantity(_) | Value::Symbol(_) | Value::Text(_)) {
                    let label = format!("this is {}", key.noun());
                    return Err(self.type_error(
                        "a map is read at one key",
                        *span,
                        label,
                        "Name one key: `share[eu]`.",
                    ));
                }
                let keys: Vec<_> = entries.iter().map(|(key, _)| key.written()).collect();
                Err(self.no_such_key("the map", Some(&key.written()), &keys, *span))
            }
            (value, step) => {
                let (span, what, help) = match step {
                    Step::Field(name) => {
                        (name.span, "has no fields", "Leave the point and what follows it out.")
                    }
                    Step::Index { span, .. } | Step::All(span) => {
                        (*span, "has no keys", "Leave the brackets out.")
                    }
                    Step::Call { span, .. } => (*span, "cannot be called", "Leave the parentheses out."),
                };
                let label = format!("{} {what}", value.noun());
                Err(self.type_error("this leads nowhere", span, label, help))
            }
        }
    }

    /// The kind called `name`, unless the file declares something of that name.
    pub(super) fn kind_called(&self, name: &str, scope: &Scope) -> Option<&'static Kind> {
        schema::kind(name).filter(|_| self.declared(scope.module, name).is_none())
    }

    /// Every planned thing of a kind.
    fn all_of(&mut self, kind: &'static Kind) -> Value {
        let things = self.all_things(kind);
        if self.lost.is_empty() {
            return Value::Things(things);
        }
        let there = things.iter().copied().filter(|thing| !self.is_lost(*thing));
        Value::Things(Rc::new(there.collect()))
    }

    /// Every thing of a kind that is not abstract, in the order in which they stand in the files.
    pub(super) fn all_things(&mut self, kind: &'static Kind) -> Rc<Vec<ThingId>> {
        self.ledger.read(Cell::All(Part::of(kind.name)));
        if let Some(known) = self.planned.get(kind.name) {
            return Rc::clone(known);
        }
        let things = Rc::new(self.things_among(kind, |_| true));
        if self.expanded {
            self.planned.insert(kind.name, Rc::clone(&things));
        }
        things
    }

    /// Those of all things of a kind that stand in some declarations.
    pub(super) fn things_among(
        &mut self,
        kind: &'static Kind,
        wanted: impl Fn(UnitId) -> bool,
    ) -> Vec<ThingId> {
        let holds =
            |group: &Group<'a>| may_hold(group.kind, kind) && group.blocks().any(|(unit, _)| wanted(unit));
        if self.expanded {
            for at in 0..self.groups.len() {
                if self.groups.get(at).is_some_and(holds) {
                    // Whatever fails has been reported.
                    let _ = self.expand_group(GroupId(at), None);
                }
            }
        } else {
            // Blocks are becoming things: which there are already depends on who asked for them.
            self.depends_on_order();
        }
        let is_one = |thing: &ThingId| {
            let thing = self.thing(*thing);
            std::ptr::eq(thing.kind, kind) && !thing.is_abstract && wanted(thing.unit)
        };
        self.in_order(holds).into_iter().filter(is_one).collect()
    }

    /// The things of a group at some keys.
    fn members(&mut self, group: GroupId, keys: &[Key], span: Span) -> Outcome<Value> {
        self.expand_for(group, span)?;
        let Some(known) = self.groups.get(group.0) else {
            return Err(Reported);
        };
        let mut things = Vec::with_capacity(keys.len());
        for key in keys {
            match known.things.get(&Some(key.clone())) {
                Some(thing) => things.push(*thing),
                // Its own keys could not be read, which has been reported.
                None if known.things.is_empty() => return Err(Reported),
                None => {
                    let name = format!("`{}`", known.name);
                    let keys: Vec<_> = known.things.keys().flatten().map(Key::to_string).collect();
                    return Err(self.no_such_key(&name, Some(&key.to_string()), &keys, span));
                }
            }
        }
        let unusable = things.iter().find(|thing| {
            let known = self.thing(**thing);
            known.is_abstract && !known.kind.describes()
        });
        if let Some(thing) = unusable {
            let address = self.thing(*thing).address.clone();
            return Err(self.abstract_thing(&address, span));
        }
        Ok(one_or_many(things))
    }

    /// The things of one name and some keys in each of `parents`; each key stands in one of them at least.
    fn child_members(&mut self, parents: &[ThingId], name: &str, keys: &[Key], span: Span) -> Outcome<Value> {
        let mut things = Vec::with_capacity(keys.len());
        let mut missing = keys.iter().collect::<BTreeSet<_>>();
        for parent in parents {
            let children = self.thing(*parent).children.get(name);
            for key in keys {
                if let Some(thing) = children.and_then(|children| children.get(&Some(key.clone()))) {
                    things.push(*thing);
                    missing.remove(key);
                }
            }
        }
        match missing.first() {
            None => Ok(one_or_many(things)),
            Some(key) => {
                let known = self.child_keys(parents, name);
                Err(self.no_such_key(&format!("`{name}`"), Some(&key.to_string()), &known, span))
            }
        }
    }

    /// The keys of nested things of one name, over all of `parents`.
    fn child_keys(&self, parents: &[ThingId], name: &str) -> Vec<String> {
        let children = parents.iter().filter_map(|parent| self.thing(*parent).children.get(name));
        let keys: BTreeSet<&Key> = children.flat_map(|children| children.keys().flatten()).collect();
        keys.into_iter().map(Key::to_string).collect()
    }

    /// The one thing of a group without keys.
    fn single(&mut self, group: GroupId, span: Span) -> Outcome<Value> {
        self.expand_for(group, span)?;
        let Some(known) = self.groups.get(group.0) else {
            return Err(Reported);
        };
        let things = &known.things;
        let (name, keys): (_, Vec<_>) = (known.name, things.keys().flatten().map(Key::to_string).collect());
        match (things.get(&None).copied(), things.len()) {
            (Some(thing), _) => {
                let known = self.thing(thing);
                if known.is_abstract && !known.kind.describes() {
                    return Err(self.abstract_thing(name, span));
                }
                Ok(Value::Thing(thing))
            }
            (None, 0) => Err(Reported),
            (None, _) => Err(self.no_such_key(&format!("`{name}`"), None, &keys, span)),
        }
    }

    /// The one thing of a name without keys in each of `parents`.
    fn single_child(&mut self, parents: &[ThingId], name: &str, span: Span) -> Outcome<Value> {
        let children = parents.iter().filter_map(|parent| self.thing(*parent).children.get(name));
        let things: Vec<_> = children.filter_map(|children| children.get(&None).copied()).collect();
        if !things.is_empty() {
            return Ok(one_or_many(things));
        }
        let keys = self.child_keys(parents, name);
        Err(self.no_such_key(&format!("`{name}`"), None, &keys, span))
    }

    /// The place of a level that holds a node or a place.
    pub(super) fn place_of(&mut self, thing: ThingId, level: &'static Kind, span: Span) -> Outcome<ThingId> {
        let mut above = self.thing(thing).parent;
        while let Some(parent) = above {
            let known = self.thing(parent);
            if std::ptr::eq(known.kind, level) {
                return Ok(parent);
            }
            above = known.parent;
        }
        let known = self.thing(thing);
        let (address, head) = (known.address.clone(), known.layers.first().map(|layer| layer.block.head));
        let mut diagnostic = Diagnostic::error(
            "place::none",
            format!("`{address}` stands in no {}", level.name),
            span,
            format!("this asks for the {} that holds it", level.name),
        );
        if let Some(head) = head {
            diagnostic = diagnostic.and(head, format!("`{address}` stands here"));
        }
        Err(self.report(diagnostic.help(format!(
            "Put its block into a {0}. What holds only inside one is said in the {0}'s own block.",
            level.name
        ))))
    }
}

/// A block of one kind may hold things of another, or is one.
fn may_hold(outer: &'static Kind, kind: &'static Kind) -> bool {
    std::ptr::eq(outer, kind)
        || kind.inside.iter().filter_map(|inside| schema::kind(inside)).any(|inside| {
            // Nothing stands in itself, however far down.
            !std::ptr::eq(inside, kind) && may_hold(outer, inside)
        })
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

//! Other worlds: what a `test` or `scenario` sets and loses, and the files read in such a world.
//!
//! A world is described by lines: they are found in the base, where they are checked, and found again by
//! their place when the files are read in that world. Params are bound before anything is decided; facts
//! and pins are set as soon as their thing exists, before anybody reads it; things are lost once all exist.

use super::keys::Key;
use super::ledger::Cell;
use super::names::{Declared, GroupId};
use super::paths::Found;
use super::things::{Assigned, ThingId};
use super::value::Value;
use super::{Outcome, Reported, Resolver, Scope};
use crate::diagnostics::{Diagnostic, Severity};
use crate::model::{Change, Check, World};
use crate::schema::{Field, Kind, Role};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{self, Assign, ExprKind, Item, Param, Path, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A line of another world, to be found again by its place.
#[derive(Clone, Debug)]
pub(crate) struct WorldLine {
    module: usize,
    span: Span,
    /// Keys of the block it stands in.
    keys: Vec<(String, Key)>,
}

/// A line of the world that is read.
#[derive(Clone, Debug)]
pub(crate) struct Set<'a> {
    assign: &'a Assign,
    scope: Scope,
}

/// What a path left of `=` names.
enum Target {
    Param,
    Field(Vec<ThingId>, &'static Field),
}

impl<'a> Resolver<'a> {
    // --- In the world that is read ---------------------------------------------------------------

    /// Finds the lines of `world` in the trees.
    pub(super) fn enter(&mut self, lines: &[WorldLine]) {
        let wanted: BTreeSet<(usize, Span)> = lines.iter().map(|line| (line.module, line.span)).collect();
        let mut found = BTreeMap::new();
        let modules = self.modules;
        for (module, read) in modules.iter().enumerate() {
            if wanted.iter().any(|(wanted, _)| *wanted == module) {
                assigns(&read.tree.items, &mut |assign: &'a Assign| {
                    if wanted.contains(&(module, assign.span)) {
                        found.insert((module, assign.span), assign);
                    }
                });
            }
        }
        for line in lines {
            let Some(assign) = found.get(&(line.module, line.span)) else { continue };
            let mut scope = Scope::top(line.module);
            for (name, key) in &line.keys {
                scope = scope.with(name, key.value());
            }
            self.sets.push(Set { assign, scope });
        }
    }

    /// Binds the params that the world sets; every file has declared its own.
    pub(super) fn set_params(&mut self) {
        for set in self.sets.clone() {
            if let Some((module, param)) = self.param_target(&set.assign.target, set.scope.module) {
                let bound = (&set.assign.value, set.scope);
                self.bound.entry((module, param.name.value.as_str())).or_insert(bound);
            }
        }
    }

    /// Sets the facts and pins of a group's things, which nobody has read yet.
    pub(super) fn set_facts(&mut self, group: GroupId) {
        for set in self.sets.clone() {
            if is_lose(set.assign) || self.target_group(&set.assign.target, set.scope.module) != Some(group) {
                continue;
            }
            // What fails has been reported.
            let Ok(Target::Field(things, field)) = self.target(set.assign, &set.scope) else { continue };
            for thing in things {
                let Some(known) = self.things.get_mut(thing.0) else { continue };
                // The nearest line is first.
                if known.assigned.get(field.name).is_some_and(|known| known.world.is_some()) {
                    continue;
                }
                let world = Some(set.scope.clone());
                known
                    .assigned
                    .insert(field.name, Assigned { field, assign: set.assign, layer: 0, slot: None, world });
            }
        }
    }

    /// Takes away what the world loses.
    pub(super) fn lose(&mut self) {
        let line = self.sets.iter().find(|set| is_lose(set.assign)).cloned();
        if let Some(Set { assign, scope }) = line {
            self.lost = self.losses(assign, &scope).into_iter().map(|(thing, _)| thing).collect();
        }
    }

    /// A test or scenario sets params, facts or choices.
    pub(super) fn sets_facts(&self, world: ThingId) -> bool {
        let known = self.thing(world);
        let items = known.layers.iter().flat_map(|layer| layer.block.items.iter().flatten());
        items.into_iter().any(|item| matches!(item, Item::Assign(assign) if is_elsewhere(assign, known.kind)))
    }

    /// It is gone in the world that is read, or what holds it is.
    pub(super) fn is_lost(&self, thing: ThingId) -> bool {
        if self.lost.is_empty() {
            return false;
        }
        let mut above = Some(thing);
        while let Some(thing) = above {
            if self.lost.contains(&thing) {
                return true;
            }
            above = self.thing(thing).parent;
        }
        false
    }

    /// The thing of this address whose own block has this head.
    pub(super) fn thing_of(&self, block: &Spanned<String>) -> Option<ThingId> {
        let mut things = self.things.iter();
        let at = things.position(|thing| {
            thing.address == block.value
                && thing.layers.first().is_some_and(|layer| layer.block.head == block.span)
        });
        at.map(ThingId)
    }

    // --- In the base -----------------------------------------------------------------------------

    /// The world that a test or scenario describes. Whatever is wrong with it, or with what the test checks
    /// there, is reported: in the base, and in the world itself where a param is set, which may make other
    /// things. With it come the checks that were read in the base.
    pub(super) fn world(&mut self, id: ThingId) -> (World, Vec<Check>) {
        let known = self.thing(id);
        let block = Spanned::new(
            known.address.clone(),
            known.layers.first().map_or_else(|| self.file_start(0), |layer| layer.block.head),
        );
        let sets = self.world_sets(id);
        let lines: Vec<WorldLine> = sets.iter().map(world_line).collect();
        let changes = sets.iter().filter(|set| !is_lose(set.assign)).map(|set| Change {
            path: self.text(set.assign.target.span),
            value: self.text(set.assign.value.span),
            span: set.assign.span,
        });
        let changes = changes.collect();
        let apart = sets.iter().any(|set| self.param_target(&set.assign.target, set.scope.module).is_some());
        let mut checks = Vec::new();
        let lost = if apart {
            self.ledger.read(Cell::Everything);
            let mut other = Resolver::new(self.modules, self.sources, self.files, self.units);
            other.enter(&lines);
            other.read();
            if let Some(id) = other.thing_of(&block) {
                other.checks(id);
                for Set { assign, scope } in other.sets.clone() {
                    if !is_lose(assign)
                        && let Ok(Target::Field(_, field)) = other.target(assign, &scope)
                    {
                        other.same_in_all_worlds(id, assign, field);
                    }
                }
            }
            let line = other.sets.iter().find(|set| is_lose(set.assign)).cloned();
            let lost = line.map(|set| other.losses(set.assign, &set.scope)).unwrap_or_default();
            let lost =
                lost.into_iter().map(|(thing, span)| Spanned::new(other.thing(thing).address.clone(), span));
            let lost = lost.collect();
            // Who is to blame for a name that nothing has is decided where all worlds have been read.
            for page in other.ledger.pages.values() {
                let own = self.ledger.page();
                own.nearly.extend(page.nearly.iter().cloned());
                own.referred.extend(&page.referred);
            }
            let found = other.ledger.found();
            self.adopt(found, id);
            lost
        } else {
            let mut lost = Vec::new();
            for Set { assign, scope } in &sets {
                if is_lose(assign) {
                    let gone = self.losses(assign, scope).into_iter();
                    lost = gone
                        .map(|(thing, span)| Spanned::new(self.thing(thing).address.clone(), span))
                        .collect();
                } else if let Ok(Target::Field(things, field)) = self.target(assign, scope) {
                    self.same_in_all_worlds(id, assign, field);
                    for thing in things {
                        self.try_fact(thing, field, assign, scope);
                    }
                }
            }
            checks = self.checks(id);
            lost
        };
        (World { block, changes, lost, lines }, checks)
    }

    /// What is decided once holds in the base and in its scenarios alike, so none of them can pin it. A test
    /// plans anew.
    fn same_in_all_worlds(&mut self, id: ThingId, assign: &Assign, field: &'static Field) {
        if self.thing(id).kind.name != "scenario" || field.role != Role::Choice || field.is_per_step() {
            return;
        }
        let path = self.text(assign.target.span);
        let (value, name) = (self.text(assign.value.span), self.thing(id).name.clone());
        self.report(
            Diagnostic::error(
                "world::not-settable",
                format!("`{path}` is the same in every scenario"),
                assign.target.span,
                "it is decided once, before anything happens",
            )
            .help(format!(
                "Ask for it where it must hold, in a service or policy: `{path} == {value} when {name}`."
            )),
        );
    }

    /// Computes a fact as the world states it, for its mistakes alone. All facts of the base are known, so none
    /// comes to lean on it.
    fn try_fact(&mut self, thing: ThingId, field: &'static Field, assign: &'a Assign, scope: &Scope) {
        let stated = Assigned { field, assign, layer: 0, slot: None, world: Some(scope.clone()) };
        let Some(known) = self.things.get_mut(thing.0) else { return };
        let base = known.assigned.insert(field.name, stated);
        // What fails has been reported.
        let _ = self.fact(thing, field, assign.span);
        let Some(known) = self.things.get_mut(thing.0) else { return };
        match base {
            Some(base) => known.assigned.insert(field.name, base),
            None => known.assigned.remove(field.name),
        };
    }

    /// The lines of a test or scenario that change its world, the nearest of each path.
    fn world_sets(&mut self, id: ThingId) -> Vec<Set<'a>> {
        let known = self.thing(id);
        let (kind, layers) = (known.kind, known.layers.clone());
        let mut stated: BTreeMap<String, (usize, Span)> = BTreeMap::new();
        let mut sets = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            for item in layer.block.items.iter().flatten() {
                let assign = match item {
                    Item::Assign(assign) if is_lose(assign) || is_elsewhere(assign, kind) => assign,
                    Item::If(if_) => {
                        self.conditional(if_);
                        continue;
                    }
                    _ => continue,
                };
                let path = self.text(assign.target.span);
                match stated.get(&path).copied() {
                    // `lose` is a field of the block: that it stands there once is seen with the others.
                    Some((first, span)) if first == at && !is_lose(assign) => {
                        self.report(
                            Diagnostic::error(
                                "name::duplicate",
                                format!("`{path}` is set twice"),
                                assign.span,
                                "set again here",
                            )
                            .and(span, "set here")
                            .help("Leave one of them out."),
                        );
                    }
                    // The nearest `=` wins.
                    Some(_) => {}
                    None => {
                        stated.insert(path, (at, assign.span));
                        sets.push(Set { assign, scope: Scope { thing: None, ..layer.scope.clone() } });
                    }
                }
            }
        }
        sets
    }

    /// A world changes what an `if` reads, so it changes nothing inside of one.
    fn conditional(&mut self, if_: &'a ast::If) {
        let mut waiting: Vec<&'a Item> = if_.then.iter().chain(&if_.otherwise).collect();
        while let Some(item) = waiting.pop() {
            match item {
                Item::Assign(assign) => {
                    self.report(
                        Diagnostic::error(
                            "world::conditional",
                            "what a world changes depends on what it changes",
                            assign.span,
                            "this stands inside an `if`",
                        )
                        .help("Move it out of the `if`, or write a test for each case."),
                    );
                }
                Item::If(inner) => waiting.extend(inner.then.iter().chain(&inner.otherwise)),
                _ => {}
            }
        }
    }

    /// Keeps what was found in the world of `id` and not in the base.
    fn adopt(&mut self, found: Vec<Diagnostic>, id: ThingId) {
        let block = self.thing(id).layers.first().map(|layer| layer.block);
        let Some(block) = block else { return };
        for diagnostic in found {
            let Some(label) = diagnostic.labels.first() else { continue };
            let inside = label.span.file == block.span.file
                && block.span.start <= label.span.start
                && label.span.end <= block.span.end;
            let page = self.ledger.page();
            if inside {
                page.adopted.push(diagnostic);
            } else if diagnostic.severity == Severity::Error {
                page.adopted.push(diagnostic.and(block.head, "in this world"));
            }
        }
    }

    // --- Targets ---------------------------------------------------------------------------------

    /// The param that a path names: of this file, or of one that it uses.
    fn param_target(&self, path: &Path, module: usize) -> Option<(usize, &'a Param)> {
        match (self.declared(module, &path.head.value)?.what, path.steps.as_slice()) {
            (Declared::Param(_, param), []) => Some((module, param)),
            (Declared::Import(Some(module)), [Step::Field(name)]) => {
                match self.declared(module, &name.value)?.what {
                    Declared::Param(_, param) => Some((module, param)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The group of the things that a path leads to.
    fn target_group(&self, path: &Path, module: usize) -> Option<GroupId> {
        let Some(declared) = self.declared(module, &path.head.value) else {
            let plans = self.groups.iter().position(|group| group.kind.name == "plan");
            return plans.filter(|_| path.head.value == "plan").map(GroupId);
        };
        match (declared.what, path.steps.first()) {
            (Declared::Group(group), _) => Some(group),
            (Declared::Import(Some(module)), Some(Step::Field(name))) => {
                match self.declared(module, &name.value)?.what {
                    Declared::Group(group) => Some(group),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What the line sets.
    fn target(&mut self, assign: &'a Assign, scope: &Scope) -> Outcome<Target> {
        let path = &assign.target;
        if self.param_target(path, scope.module).is_some() {
            return Ok(Target::Param);
        }
        let (found, steps) = match self.declared(scope.module, &path.head.value).map(|known| known.what) {
            Some(Declared::Let(..)) => {
                return Err(self.not_settable(path, "a `let` is computed from other values"));
            }
            _ => self.target_head(path, scope)?,
        };
        let Some((Step::Field(name), before)) = steps.split_last() else {
            return Err(self.not_settable(path, "this names no fact"));
        };
        let found = self.walk(path, found, before, scope)?;
        let things = match self.thing_or_things(path, found)? {
            Value::Thing(thing) => vec![thing],
            Value::Things(things) => things.to_vec(),
            _ => return Err(self.not_settable(path, "this leads to no thing")),
        };
        let Some(first) = things.first().copied() else {
            return Err(self.not_settable(path, "nothing stands here"));
        };
        let kind = self.thing(first).kind;
        let Some(field) = kind.field(&name.value) else {
            return Err(self.unknown_field(name, kind, first));
        };
        match field.role {
            Role::Measure | Role::Sampled => Err(self.pinned_measure(field, assign)),
            Role::Fact | Role::Choice => Ok(Target::Field(things, field)),
        }
    }

    /// The first name of a path left of `=`.
    fn target_head(&mut self, path: &'a Path, scope: &Scope) -> Outcome<(Found, &'a [Step])> {
        if path.steps.is_empty() && self.declared(scope.module, &path.head.value).is_none() {
            let params = self.names.get(scope.module).map_or(Vec::new(), |names| {
                names.params.iter().map(|(_, param)| param.name.value.clone()).collect()
            });
            let suggestion = self.suggestion(&path.head.value, params.iter().map(String::as_str));
            let help = match suggestion {
                Some(meant) => format!("Did you mean `{meant}`?"),
                None => "A world sets params of this file by name and facts by their full path: `growth = 180%`, `box[1].price = $1/h`.".to_owned(),
            };
            return Err(self.report(
                Diagnostic::error(
                    "param::unknown",
                    format!("this file has no param `{}`", path.head.value),
                    path.span,
                    "not a param of this file",
                )
                .help(help),
            ));
        }
        self.head(path, scope, super::evaluation::Expect::Value)
    }

    fn not_settable(&mut self, path: &Path, label: &str) -> Reported {
        let text = self.text(path.span);
        self.report(
            Diagnostic::error("world::not-settable", format!("`{text}` cannot be set"), path.span, label)
                .help("A world sets params by name and facts or choices by their full path: `growth = 180%`, `box[1].price = $1/h`. What should vary is a `param`."),
        )
    }

    // --- Losses ----------------------------------------------------------------------------------

    /// What a `lose` line takes away, each with the entry that names it.
    fn losses(&mut self, assign: &'a Assign, scope: &Scope) -> Vec<(ThingId, Span)> {
        let entries: Vec<&'a ast::Expr> = match &assign.value.kind {
            ExprKind::List(entries) => entries.iter().map(|entry| &entry.value).collect(),
            _ => vec![&assign.value],
        };
        let mut lost: Vec<(ThingId, Span)> = Vec::new();
        for entry in &entries {
            // What fails has been reported.
            let Ok(things) = self.lost_things(entry, scope) else { continue };
            lost.extend(things.iter().map(|thing| (*thing, entry.span)));
        }
        if entries.is_empty() {
            self.report(
                Diagnostic::error("value::empty", "nothing is lost", assign.value.span, "this list is empty")
                    .help("Name what is gone, or leave the line out."),
            );
        }
        self.lost_once(lost)
    }

    fn lost_things(&mut self, entry: &'a ast::Expr, scope: &Scope) -> Outcome<Rc<Vec<ThingId>>> {
        let value = self.evaluate(entry, scope, super::evaluation::Expect::Value)?;
        match self.coerce(value, &crate::schema::kinds::test::lose, entry.span)? {
            Value::Things(things) => Ok(things),
            _ => Err(Reported),
        }
    }

    /// Each once: what stands in something lost is gone with it.
    fn lost_once(&mut self, lost: Vec<(ThingId, Span)>) -> Vec<(ThingId, Span)> {
        let mut by_thing: BTreeMap<ThingId, Span> = BTreeMap::new();
        let mut kept: Vec<(ThingId, Span)> = Vec::new();
        let mut twice = Vec::new();
        for (thing, span) in lost {
            match by_thing.get(&thing) {
                Some(first) => twice.push((thing, span, *first, "it is lost here already")),
                None => {
                    by_thing.insert(thing, span);
                    kept.push((thing, span));
                }
            }
        }
        for (thing, span) in &kept {
            let mut above = self.thing(*thing).parent;
            while let Some(parent) = above {
                if let Some(first) = by_thing.get(&parent) {
                    twice.push((*thing, *span, *first, "what holds it is lost here"));
                    break;
                }
                above = self.thing(parent).parent;
            }
        }
        for (thing, span, first, label) in twice {
            let name = self.thing(thing).address.clone();
            let mut diagnostic = Diagnostic::error(
                "world::lost-twice",
                format!("`{name}` is lost twice"),
                span,
                format!("this takes `{name}` away again"),
            );
            if first != span {
                diagnostic = diagnostic.and(first, label);
            }
            self.report(diagnostic.help("Leave one of them out."));
        }
        kept
    }
}

impl WorldLine {
    /// It is the line at `span`.
    pub(super) fn stands_at(&self, span: Span) -> bool {
        self.span == span
    }
}

/// It sets something of the world, no field of the block it stands in.
pub(super) fn is_elsewhere(assign: &Assign, kind: &Kind) -> bool {
    matches!(kind.name, "test" | "scenario")
        && (!assign.target.steps.is_empty() || kind.field(&assign.target.head.value).is_none())
}

/// `lose = …`
fn is_lose(assign: &Assign) -> bool {
    assign.target.steps.is_empty() && assign.target.head.value == "lose"
}

fn world_line(set: &Set<'_>) -> WorldLine {
    let keys = set.scope.variables.iter().filter_map(|(name, value)| Some((name.clone(), Key::of(value)?)));
    WorldLine { module: set.scope.module, span: set.assign.span, keys: keys.collect() }
}

/// Every assignment that stands directly in a block of a file's top level, whichever branch is taken.
fn assigns<'a>(items: &'a [Item], found: &mut impl FnMut(&'a Assign)) {
    let mut waiting: Vec<&'a Item> = items.iter().collect();
    while let Some(item) = waiting.pop() {
        match item {
            Item::Block(block) => {
                for item in block.items.iter().flatten() {
                    if let Item::Assign(assign) = item {
                        found(assign);
                    }
                }
            }
            Item::If(if_) => waiting.extend(if_.then.iter().chain(&if_.otherwise)),
            _ => {}
        }
    }
}

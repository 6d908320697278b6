//! Things: a block for each key, with the lines of its bases beneath its own.

use super::keys::{Key, MOST_THINGS};
use super::ledger::{Cell, Owner, Part, UnitId};
use super::names::{Declared, Expansion, GroupId};
use super::worlds::is_elsewhere;
use super::{Outcome, Reported, Resolver, Scope, Slot, listed};
use crate::diagnostics::Diagnostic;
use crate::schema::{Field, Kind, Role};
use crate::span::Span;
use crate::syntax::ast;
use std::collections::BTreeMap;

/// A thing, by its place in [`Resolver::things`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ThingId(pub(crate) usize);

/// A block for one key.
#[derive(Debug)]
pub(crate) struct Thing<'a> {
    /// The statement at a file's top level that it is of.
    pub(crate) unit: UnitId,
    pub(crate) group: GroupId,
    /// How many things of its group were made before it: they are made in the order in which they stand.
    pub(crate) ordinal: usize,
    pub(crate) kind: &'static Kind,
    /// `ams.r1.h[1]`
    pub(crate) address: String,
    /// The name as declared, without key.
    pub(crate) name: String,
    /// Only derived from.
    pub(crate) is_abstract: bool,
    /// Its own block first, then its base's, and so on.
    pub(crate) layers: Vec<Layer<'a>>,
    pub(crate) parent: Option<ThingId>,
    /// The nearest `=` of each field.
    pub(crate) assigned: BTreeMap<&'static str, Assigned<'a>>,
    /// Requirements and wishes of all layers.
    pub(crate) lines: Vec<Line<'a>>,
    /// Nested things by name and key.
    pub(crate) children: BTreeMap<String, BTreeMap<Option<Key>, ThingId>>,
}

/// One block of a thing.
#[derive(Clone, Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) block: &'a ast::Block,
    pub(crate) scope: Scope,
}

/// `field = value`.
#[derive(Debug)]
pub(crate) struct Assigned<'a> {
    pub(crate) field: &'static Field,
    pub(crate) assign: &'a ast::Assign,
    pub(crate) layer: usize,
    pub(crate) slot: Option<Slot>,
    /// What is in reach of a line that stands in a world's block instead of a layer.
    pub(crate) world: Option<Scope>,
}

/// A requirement or wish.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) said: Said<'a>,
    pub(crate) layer: usize,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'a> {
    Require(&'a ast::Require),
    Prefer(&'a ast::Prefer),
}

/// A nested block before it becomes a thing: its kind, name, key and layers.
struct Nested<'a> {
    unit: UnitId,
    group: GroupId,
    kind: &'static Kind,
    name: String,
    key: Option<Key>,
    layers: Vec<Layer<'a>>,
    is_abstract: bool,
}

impl<'a> Resolver<'a> {
    /// Turns every block into things that is worked on.
    pub(super) fn expand(&mut self) {
        for at in 0..self.groups.len() {
            if !self.groups.get(at).is_some_and(|group| group.blocks().any(|(unit, _)| self.works_on(unit))) {
                continue;
            }
            // Whatever fails has been reported.
            let _ = self.expand_group(GroupId(at), None);
        }
    }

    /// The thing `id`.
    pub(crate) fn thing(&self, id: ThingId) -> &Thing<'a> {
        // Ids are made by `add_thing` alone and things are never taken away.
        &self.things[id.0]
    }

    fn thing_mut(&mut self, id: ThingId) -> &mut Thing<'a> {
        // As above.
        &mut self.things[id.0]
    }

    /// Turns the blocks of one group into things, for a path at `span` that reads one of them.
    pub(super) fn expand_for(&mut self, id: GroupId, span: Span) -> Outcome<()> {
        if let Some(group) = self.groups.get(id.0)
            && group.state == Expansion::Running
        {
            let name = group.name;
            return Err(self.report(
                Diagnostic::error(
                    "name::too-early",
                    format!("`{name}` is not there yet"),
                    span,
                    format!("this decides what `{name}` will be"),
                )
                .help(
                    "Keys and `if` are decided before the things they shape: let them read params and lets.",
                ),
            ));
        }
        self.expand_group(id, None)
    }

    /// Turns the blocks of one group into things; `from` is the line that derives from it.
    pub(super) fn expand_group(&mut self, id: GroupId, from: Option<Span>) -> Outcome<()> {
        let Some(group) = self.groups.get_mut(id.0) else {
            return Err(Reported);
        };
        for (unit, _) in group.blocks() {
            self.ledger.read(Cell::Of(unit, Part::SHAPE));
        }
        match group.state {
            Expansion::Done => return Ok(()),
            Expansion::Running => {
                let name = group.name;
                let head = group.first.1.head;
                let Some(at) = from else {
                    return Err(Reported);
                };
                let diagnostic = Diagnostic::error(
                    "derive::cycle",
                    format!("`{name}` derives from itself"),
                    at,
                    "this leads back to where it started",
                );
                let diagnostic = diagnostic.and(head, format!("`{name}` stands here"));
                return Err(self.report(diagnostic.help(
                    "Let one of them stand alone, or move what they share into a third, `abstract` one.",
                )));
            }
            Expansion::Waiting => group.state = Expansion::Running,
        }
        let (module, kind, name) = (group.module, group.kind, group.name);
        let blocks: Vec<_> = group.blocks().collect();
        for (unit, block) in blocks {
            self.on_behalf(Owner::Unit(unit), Part::SHAPE, false, |resolver| {
                resolver.expand_block((id, unit), module, kind, name, block);
            });
        }
        if let Some(group) = self.groups.get_mut(id.0) {
            group.state = Expansion::Done;
        }
        self.set_facts(id);
        Ok(())
    }

    /// Turns one block of a group into things.
    fn expand_block(
        &mut self,
        (group, unit): (GroupId, UnitId),
        module: usize,
        kind: &'static Kind,
        name: &str,
        block: &'a ast::Block,
    ) {
        let Ok(keyed) = self.keyed_scopes(block, &Scope::top(module)) else {
            return;
        };
        let base = match &block.base {
            None => Vec::new(),
            // A base that is not there is reported; the block's own lines are still checked.
            Some(base) => self.base_layers(base, kind, module).unwrap_or_default(),
        };
        for (key, scope) in keyed {
            let mut layers = vec![Layer { block, scope }];
            layers.extend(base.iter().cloned());
            let address = address(None, name, key.as_ref());
            let nested = Nested {
                unit,
                group,
                kind,
                name: name.to_owned(),
                key: key.clone(),
                layers,
                is_abstract: block.is_abstract,
            };
            let Ok(thing) = self.add_thing(nested, address, None) else {
                break;
            };
            let first =
                self.groups.get_mut(group.0).and_then(|group| group.things.insert(key.clone(), thing));
            if let Some(first) = first {
                // Which of the two is meant by whom depends on when it is read.
                self.depends_on_order();
                self.duplicate_key(block, name, key.as_ref(), first);
            }
        }
    }

    fn duplicate_key(&mut self, block: &'a ast::Block, name: &str, key: Option<&Key>, first: ThingId) {
        let address = address(None, name, key);
        let head = self.thing(first).layers.first().map(|layer| layer.block.head);
        let span = block.keys.as_ref().map_or(block.head, |keys| keys.span);
        let mut diagnostic = Diagnostic::error(
            "name::duplicate",
            format!("`{address}` stands twice"),
            span,
            format!("this makes `{address}` again"),
        );
        if let Some(head) = head {
            diagnostic = diagnostic.and(head, format!("`{address}` is made here"));
        }
        self.report(diagnostic.help("Blocks may repeat a name with other keys: `box[1..3]` and `box[4]`."));
    }

    /// The keys of a block, each with the scope in which its lines are read.
    fn keyed_scopes(&mut self, block: &'a ast::Block, scope: &Scope) -> Outcome<Vec<(Option<Key>, Scope)>> {
        let Some(keys) = &block.keys else {
            return Ok(vec![(None, scope.clone())]);
        };
        let listed = self.block_keys(keys, scope)?;
        Ok(listed
            .into_iter()
            .map(|key| {
                let scope = match &keys.variable {
                    Some(variable) => scope.with(&variable.value, key.value()),
                    None => scope.clone(),
                };
                (Some(key), scope)
            })
            .collect())
    }

    /// The layers of the thing that `path` names in `module`, for a block of `kind`.
    fn base_layers(
        &mut self,
        path: &'a ast::Path,
        kind: &'static Kind,
        module: usize,
    ) -> Outcome<Vec<Layer<'a>>> {
        self.deeper(path.span, |resolver| {
            let (group, keys) = resolver.base_group(path, module)?;
            resolver.expand_group(group, Some(path.span))?;
            let Some(known) = resolver.groups.get(group.0) else {
                return Err(Reported);
            };
            if !std::ptr::eq(known.kind, kind) {
                let (theirs, name) = (known.kind.name, known.name);
                let head = known.first.1.head;
                let diagnostic = Diagnostic::error(
                    "derive::kind",
                    format!("a {} derives from a {theirs}", kind.name),
                    path.span,
                    format!("`{name}` is a {theirs}"),
                );
                let diagnostic = diagnostic.and(head, "it is declared here");
                return Err(resolver.report(diagnostic.help(format!("Derive from a {}.", kind.name))));
            }
            let key = match keys {
                None => None,
                Some((expressions, span)) => {
                    let keys = resolver.keys(expressions, &Scope::top(module))?;
                    match keys.as_slice() {
                        [key] => Some(key.clone()),
                        _ => {
                            return Err(resolver.report(
                                Diagnostic::error(
                                    "derive::many",
                                    "a block derives from several things",
                                    span,
                                    "derivation is single: one key stands here",
                                )
                                .help("Name one key."),
                            ));
                        }
                    }
                }
            };
            let Some(known) = resolver.groups.get(group.0) else {
                return Err(Reported);
            };
            match known.things.get(&key) {
                Some(thing) => {
                    let base = resolver.thing(*thing);
                    let (unit, layers) = (base.unit, base.layers.clone());
                    resolver.ledger.page().bases.insert(unit);
                    Ok(layers)
                }
                // Its keys could not be read, which has been reported.
                None if known.things.is_empty() => Err(Reported),
                None => {
                    let name = known.name;
                    let keys: Vec<_> = known.things.keys().flatten().map(Key::to_string).collect();
                    let key = key.as_ref().map(Key::to_string);
                    Err(resolver.no_such_key(name, key.as_deref(), &keys, path.span))
                }
            }
        })
    }

    /// The group that a base names, with the key written after it.
    #[allow(clippy::type_complexity)]
    fn base_group(
        &mut self,
        path: &'a ast::Path,
        module: usize,
    ) -> Outcome<(GroupId, Option<(&'a [ast::Expr], Span)>)> {
        let mut declared = self.declaration(module, &path.head)?;
        let mut steps = path.steps.as_slice();
        if let Declared::Import(import) = declared
            && let Some((ast::Step::Field(name), rest)) = steps.split_first()
        {
            declared = self.declaration(import.ok_or(Reported)?, name)?;
            steps = rest;
        }
        match (declared, steps) {
            (Declared::Group(group), []) => Ok((group, None)),
            (Declared::Group(group), [ast::Step::Index { span, keys }]) => {
                Ok((group, Some((keys.as_slice(), *span))))
            }
            _ => Err(self.report(
                Diagnostic::error(
                    "derive::kind",
                    "only a block can be derived from",
                    path.span,
                    "this is not a block",
                )
                .help("Name a block: `: server`, `: nv.hgx_h100`, `: box[1]`."),
            )),
        }
    }

    /// Makes a thing of its layers, and what is nested in it.
    fn add_thing(
        &mut self,
        nested: Nested<'a>,
        address: String,
        parent: Option<ThingId>,
    ) -> Outcome<ThingId> {
        let Nested { unit, group, kind, name, key: _, layers, is_abstract } = nested;
        if self.things.len() >= MOST_THINGS {
            let at = layers.first().map(|layer| layer.block.head);
            let at = at.unwrap_or_else(|| self.file_start(0));
            return Err(self.too_many(at));
        }
        let id = ThingId(self.things.len());
        let page = self.ledger.page();
        page.things += 1;
        page.kinds.insert(kind.name);
        let mut ordinal = 0;
        if let Some(group) = self.groups.get_mut(group.0) {
            ordinal = group.made;
            group.made += 1;
        }
        self.things.push(Thing {
            unit,
            group,
            ordinal,
            kind,
            address,
            name,
            is_abstract,
            layers: layers.clone(),
            parent,
            assigned: BTreeMap::new(),
            lines: Vec::new(),
            children: BTreeMap::new(),
        });
        let mut blocks = Vec::new();
        for (layer, Layer { block, scope }) in layers.iter().enumerate() {
            let items = block.items.as_deref().unwrap_or_default();
            let mut own = BTreeMap::new();
            self.add_items(id, kind, layer, items, scope, &mut own, &mut blocks);
        }
        self.add_children(id, kind, blocks)?;
        Ok(id)
    }

    /// Sorts the lines of one layer: facts, requirements, nested blocks.
    #[allow(clippy::too_many_arguments, reason = "what a layer adds goes to three places")]
    fn add_items(
        &mut self,
        id: ThingId,
        kind: &'static Kind,
        layer: usize,
        items: &'a [ast::Item],
        scope: &Scope,
        own: &mut BTreeMap<&'static str, Span>,
        blocks: &mut Vec<Layer<'a>>,
    ) {
        for item in items {
            match item {
                ast::Item::Assign(assign) => self.add_assign(id, kind, layer, assign, own),
                ast::Item::Require(require) => {
                    self.thing_mut(id).lines.push(Line { said: Said::Require(require), layer })
                }
                ast::Item::Prefer(prefer) => {
                    self.thing_mut(id).lines.push(Line { said: Said::Prefer(prefer), layer })
                }
                ast::Item::Block(block) => blocks.push(Layer { block, scope: scope.clone() }),
                ast::Item::If(if_) => {
                    let branch = self.deeper(if_.span, |resolver| {
                        let holds = resolver.decide(&if_.condition, scope)?;
                        let branch = if holds { &if_.then } else { &if_.otherwise };
                        resolver.add_items(id, kind, layer, branch, scope, own, blocks);
                        Ok(())
                    });
                    // A condition without a value has been reported.
                    let _ = branch;
                }
                ast::Item::Use(ast::Use { span, .. })
                | ast::Item::Param(ast::Param { span, .. })
                | ast::Item::Let(ast::Let { span, .. }) => {
                    self.report(
                        Diagnostic::error(
                            "name::misplaced",
                            "this line stands inside a block",
                            *span,
                            "`use`, `param` and `let` stand at the top of a file",
                        )
                        .help("Move it out of the block."),
                    );
                }
                ast::Item::Broken(_) => {}
            }
        }
    }

    fn add_assign(
        &mut self,
        id: ThingId,
        kind: &'static Kind,
        layer: usize,
        assign: &'a ast::Assign,
        own: &mut BTreeMap<&'static str, Span>,
    ) {
        let target = &assign.target;
        if is_elsewhere(assign, kind) {
            return;
        }
        if !target.steps.is_empty() || target.statistic.is_some() {
            self.report(
                Diagnostic::error(
                    "name::elsewhere",
                    "only a field of this block stands left of `=`",
                    target.span,
                    "this reaches into something else",
                )
                .help("Write the line in the block it speaks of."),
            );
            return;
        }
        let Some(field) = kind.field(&target.head.value) else {
            self.unknown_field(&target.head, kind, id);
            return;
        };
        match field.role {
            Role::Measure | Role::Sampled => {
                // It has been reported.
                let _ = self.pinned_measure(field, assign);
                return;
            }
            Role::Fact | Role::Choice => {}
        }
        if let Some(first) = own.insert(field.name, assign.span) {
            self.report(
                Diagnostic::error(
                    "name::duplicate",
                    format!("`{}` is stated twice", field.name),
                    assign.span,
                    "stated again here",
                )
                .and(first, "stated here")
                .help("Leave one of them out."),
            );
            return;
        }
        self.thing_mut(id).assigned.entry(field.name).or_insert(Assigned {
            field,
            assign,
            layer,
            slot: None,
            world: None,
        });
    }

    pub(super) fn pinned_measure(&mut self, field: &'static Field, assign: &'a ast::Assign) -> Reported {
        let (path, value) = (self.text(assign.target.span), self.text(assign.value.span));
        let (statistic, compare) = match field.role {
            Role::Sampled => (" p99", "<="),
            _ if matches!(field.name, "availability" | "memory_free" | "quality") => ("", ">="),
            _ => ("", "<="),
        };
        self.report(
            Diagnostic::error(
                "role::pinned-measure",
                format!("`{}` is predicted, it cannot be set", field.name),
                assign.span,
                "`=` says what is; a promise is a comparison",
            )
            .help(format!(
                "`{}`: {}\nWrite the promise: `{path}{statistic} {compare} {value}`.",
                field.name, field.doc
            )),
        )
    }

    /// Nested blocks merge by kind, name and key, over all layers.
    fn add_children(&mut self, parent: ThingId, kind: &'static Kind, blocks: Vec<Layer<'a>>) -> Outcome<()> {
        let mut merged: Vec<Nested<'a>> = Vec::new();
        let mut places: BTreeMap<(&'static str, String, Option<Key>), usize> = BTreeMap::new();
        let mut owners: Vec<&'a ast::Block> = Vec::new();
        for Layer { block, scope } in blocks {
            let Some(nested) = self.kind(&block.kind) else {
                continue;
            };
            if !nested.inside.contains(&kind.name) {
                let where_ = listed(nested.inside.iter().map(|inside| match *inside {
                    "" => "the top of a file",
                    inside => inside,
                }));
                self.report(
                    Diagnostic::error(
                        "name::misplaced",
                        format!("a {} stands in a {}", nested.name, kind.name),
                        block.head,
                        format!("a {} does not belong here", nested.name),
                    )
                    .help(format!("Its place is {where_}.")),
                );
                continue;
            }
            if block.is_abstract {
                self.nested_abstract(block);
            }
            let Ok(keyed) = self.keyed_scopes(block, &scope) else {
                continue;
            };
            let base = match &block.base {
                None => Vec::new(),
                Some(base) => self.base_layers(base, nested, scope.module).unwrap_or_default(),
            };
            let name = block.name.as_ref().map_or(nested.name, |name| name.value.as_str());
            if self.taken(kind, nested, name, block, &merged) {
                continue;
            }
            for (key, scope) in keyed {
                let mut layers = vec![Layer { block, scope }];
                layers.extend(base.iter().cloned());
                let place = (nested.name, name.to_owned(), key.clone());
                if let Some(at) = places.get(&place)
                    && let (Some(known), Some(owner)) = (merged.get_mut(*at), owners.get(*at))
                {
                    // Two blocks of one name within one block are a slip; from base and deriving block they merge.
                    if self.same_layer(parent, owner, block) {
                        let first = owner.head;
                        self.report(
                            Diagnostic::error(
                                "name::duplicate",
                                format!("{} `{name}` stands twice", nested.name),
                                block.head,
                                "stands again here",
                            )
                            .and(first, "stands here")
                            .help("Make one block of them, or give them different names or keys."),
                        );
                    } else {
                        known.layers.extend(layers);
                    }
                    continue;
                }
                places.insert(place, merged.len());
                owners.push(block);
                let above = self.thing(parent);
                let (unit, group) = (above.unit, above.group);
                let (name, kind) = (name.to_owned(), nested);
                merged.push(Nested { unit, group, kind, name, key, layers, is_abstract: false });
            }
        }
        for nested in merged {
            let mut nested = nested;
            let above = self.thing(parent);
            nested.is_abstract = above.is_abstract;
            let address = address(Some(&above.address), &nested.name, nested.key.as_ref());
            let (name, key) = (nested.name.clone(), nested.key.clone());
            let head = nested.layers.first().map(|layer| layer.block.head);
            let at = head.unwrap_or_else(|| self.file_start(0));
            let thing = self.deeper(at, |resolver| resolver.add_thing(nested, address, Some(parent)))?;
            self.thing_mut(parent).children.entry(name).or_default().insert(key, thing);
        }
        Ok(())
    }

    /// `name` is a field of what the block stands in, or another kind of thing in it: an address would mean both.
    fn taken(
        &mut self,
        outer: &'static Kind,
        kind: &'static Kind,
        name: &str,
        block: &'a ast::Block,
        known: &[Nested<'a>],
    ) -> bool {
        let span = block.name.as_ref().map_or(block.head, |name| name.span);
        if let Some(field) = outer.field(name) {
            self.report(
                Diagnostic::error(
                    "name::ambiguous",
                    format!("`{name}` means two things here"),
                    span,
                    format!("a {}, and a field of a {}", kind.name, outer.name),
                )
                .help(format!("Rename the {}. `{}`: {}", kind.name, field.name, field.doc)),
            );
            return true;
        }
        let other = known.iter().find(|other| other.name == name && !std::ptr::eq(other.kind, kind));
        let Some(other) = other else {
            return false;
        };
        let (theirs, head) = (other.kind.name, other.layers.first().map(|layer| layer.block.head));
        let title = format!("a {theirs} and a {} are called `{name}`", kind.name);
        let mut diagnostic = Diagnostic::error("name::duplicate", title, span, format!("a {}", kind.name));
        if let Some(head) = head {
            diagnostic = diagnostic.and(head, format!("a {theirs}"));
        }
        self.report(diagnostic.help("Rename one of them: their addresses would be the same."));
        true
    }

    fn nested_abstract(&mut self, block: &'a ast::Block) {
        self.report(
            Diagnostic::error(
                "name::misplaced",
                "an abstract block stands inside another",
                block.head,
                "nothing outside could derive from it",
            )
            .help("Move it to the top of a file, or take `abstract` away."),
        );
    }

    /// Both blocks are written in the same block of `parent`.
    fn same_layer(&self, parent: ThingId, a: &ast::Block, b: &ast::Block) -> bool {
        let inside = |block: &ast::Block, whole: Span| {
            whole.file == block.span.file && whole.start <= block.span.start && block.span.end <= whole.end
        };
        self.thing(parent)
            .layers
            .iter()
            .any(|layer| inside(a, layer.block.span) && inside(b, layer.block.span))
    }
}

fn address(parent: Option<&str>, name: &str, key: Option<&Key>) -> String {
    let mut address = match parent {
        Some(parent) => format!("{parent}."),
        None => String::new(),
    };
    address.push_str(name);
    if let Some(key) = key {
        address.push_str(&format!("[{key}]"));
    }
    address
}

//! What each file declares: params, lets, imports and blocks, once `if` has been decided.

use super::keys::Key;
use super::ledger::{Owner, Part, UnitId};
use super::things::ThingId;
use super::{Resolver, Scope, listed};
use crate::diagnostics::Diagnostic;
use crate::schema::{self, KINDS, Kind};
use crate::span::Span;
use crate::syntax::ast;
use std::collections::{BTreeMap, HashMap};

/// The declarations of one module.
#[derive(Debug, Default)]
pub(crate) struct Names<'a> {
    pub(crate) declared: HashMap<&'a str, Declaration<'a>>,
    /// Params in order of appearance.
    pub(crate) params: Vec<(UnitId, &'a ast::Param)>,
    /// Lets in order of appearance.
    pub(crate) lets: Vec<(UnitId, &'a ast::Let)>,
}

/// A name and where it is declared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration<'a> {
    pub(crate) span: Span,
    pub(crate) what: Declared<'a>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Declared<'a> {
    Param(UnitId, &'a ast::Param),
    Let(UnitId, &'a ast::Let),
    /// An import; `None` where its file could not be read, which has been said.
    Import(Option<usize>),
    Group(GroupId),
}

/// A group, by its place in [`Resolver::groups`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(pub(crate) usize);

/// The blocks of one name at a file's top level: `node box[1]` and `node box[2..3]` are one group.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    pub(crate) module: usize,
    pub(crate) kind: &'static Kind,
    pub(crate) name: &'a str,
    /// The first block, with the statement it stands in; most have no other.
    pub(crate) first: (UnitId, &'a ast::Block),
    /// The others.
    pub(crate) more: Vec<(UnitId, &'a ast::Block)>,
    pub(crate) things: BTreeMap<Option<Key>, ThingId>,
    /// How many things were made of its blocks, nested ones too.
    pub(crate) made: usize,
    pub(crate) state: Expansion,
}

impl<'a> Group<'a> {
    /// Its blocks, each with the statement it stands in.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (UnitId, &'a ast::Block)> {
        std::iter::once(self.first).chain(self.more.iter().copied())
    }
}

/// How far a group's blocks have become things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expansion {
    Waiting,
    Running,
    Done,
}

impl<'a> Resolver<'a> {
    /// Collects the declarations of every module.
    pub(super) fn declare(&mut self) {
        let modules = self.modules;
        for module in modules {
            let declared = HashMap::with_capacity(module.tree.items.len());
            self.names.push(Names { declared, ..Names::default() });
        }
        for (index, module) in modules.iter().enumerate() {
            for alias in &module.aliases {
                self.declare_name(index, &alias.name, alias.span, Declared::Import(alias.module));
            }
        }
        self.groups.reserve(modules.iter().map(|module| module.tree.items.len()).sum());
        // Conditions may read what imported files declare. A module is added before what it uses, so
        // going backwards decides imported files first.
        let mut orders = vec![Vec::new(); modules.len()];
        for ((index, module), order) in modules.iter().enumerate().zip(&mut orders) {
            for (at, item) in module.tree.items.iter().enumerate() {
                self.declare_items(
                    (index, self.unit_at(index, at)),
                    std::slice::from_ref(item),
                    false,
                    order,
                );
            }
        }
        self.set_params();
        for ((index, module), order) in modules.iter().enumerate().zip(&mut orders).rev() {
            self.declare_conditional(index, &module.tree.items, order);
        }
        self.order = orders.into_iter().flatten().collect();
        self.ranks = vec![0; self.groups.len()];
        for (rank, group) in self.order.iter().enumerate() {
            if let Some(known) = self.ranks.get_mut(group.0) {
                *known = rank;
            }
        }
    }

    /// The number of a statement at the top level of a module.
    fn unit_at(&self, module: usize, at: usize) -> UnitId {
        let known = self.units.get(module).and_then(|units| units.get(at));
        // Whoever made the numbers has counted the statements.
        known.copied().unwrap_or(UnitId(u32::MAX))
    }

    /// Declares what stands outside `if`; with `chosen`, what stands in a branch of one.
    fn declare_items(
        &mut self,
        (module, unit): (usize, UnitId),
        items: &'a [ast::Item],
        chosen: bool,
        order: &mut Vec<GroupId>,
    ) {
        for item in items {
            match item {
                ast::Item::Param(param) => {
                    if chosen {
                        self.report(
                            Diagnostic::error(
                                "name::misplaced",
                                "a param stands inside an `if`",
                                param.span,
                                "params are the same in every world",
                            )
                            .help("Move it to the top of the file."),
                        );
                        continue;
                    }
                    let name = &param.name;
                    if self.declare_name(module, &name.value, name.span, Declared::Param(unit, param))
                        && let Some(names) = self.names.get_mut(module)
                    {
                        names.params.push((unit, param));
                    }
                }
                ast::Item::Let(let_) => {
                    let name = &let_.name;
                    if self.declare_name(module, &name.value, name.span, Declared::Let(unit, let_))
                        && let Some(names) = self.names.get_mut(module)
                    {
                        names.lets.push((unit, let_));
                    }
                }
                ast::Item::Block(block) => self.declare_block((module, unit), block, order),
                ast::Item::Use(use_) if chosen => {
                    self.report(
                        Diagnostic::error(
                            "name::misplaced",
                            "a `use` stands inside an `if`",
                            use_.span,
                            "files are read before anything is decided",
                        )
                        .help("Move it to the top of the file."),
                    );
                }
                ast::Item::Assign(ast::Assign { span, .. })
                | ast::Item::Require(ast::Require { span, .. })
                | ast::Item::Prefer(ast::Prefer { span, .. }) => {
                    self.report(
                        Diagnostic::error(
                            "name::misplaced",
                            "this line stands in no block",
                            *span,
                            "it speaks of no thing",
                        )
                        .help(
                            "Put it into the block it speaks of; a requirement over many things goes into a `policy`.",
                        ),
                    );
                }
                ast::Item::Use(_) | ast::Item::If(_) | ast::Item::Broken(_) => {}
            }
        }
    }

    /// Decides the `if`s of a file's top level and declares what stands in the branches taken.
    fn declare_conditional(&mut self, module: usize, items: &'a [ast::Item], order: &mut Vec<GroupId>) {
        let mut waiting: Vec<(UnitId, &'a ast::If)> = Vec::new();
        for (at, item) in items.iter().enumerate().rev() {
            if let ast::Item::If(if_) = item {
                waiting.push((self.unit_at(module, at), if_));
            }
        }
        while let Some((unit, if_)) = waiting.pop() {
            let holds = self.on_behalf(Owner::Unit(unit), Part::SHAPE, false, |resolver| {
                resolver.decide(&if_.condition, &Scope::top(module))
            });
            let Ok(holds) = holds else {
                continue;
            };
            let branch = if holds { &if_.then } else { &if_.otherwise };
            self.declare_items((module, unit), branch, true, order);
            for item in branch.iter().rev() {
                if let ast::Item::If(inner) = item {
                    waiting.push((unit, inner));
                }
            }
        }
    }

    fn declare_block(
        &mut self,
        (module, unit): (usize, UnitId),
        block: &'a ast::Block,
        order: &mut Vec<GroupId>,
    ) {
        let Some(kind) = self.kind(&block.kind) else {
            return;
        };
        if !kind.at_top() {
            self.report(
                Diagnostic::error(
                    "name::misplaced",
                    format!("a {} stands at the top of a file", kind.name),
                    block.head,
                    format!("a {} is part of something", kind.name),
                )
                .help(format!("It stands in {}.", listed(kind.inside.iter().copied()))),
            );
            return;
        }
        let (name, span) = match &block.name {
            Some(name) => (name.value.as_str(), name.span),
            None if matches!(kind.name, "plan" | "test" | "policy") => ("", block.head),
            None => {
                self.report(
                    Diagnostic::error(
                        "name::missing",
                        format!("a {} without a name", kind.name),
                        block.head,
                        "nothing could refer to it",
                    )
                    .help(format!("Write a name after `{}`.", kind.name)),
                );
                return;
            }
        };
        // A test's name is a text for people; an unnamed plan needs none.
        let declares = !name.is_empty() && kind.name != "test";
        if declares
            && let Some(Declaration { what: Declared::Group(group), .. }) =
                self.names.get(module).and_then(|names| names.declared.get(name)).copied()
            && let Some(known) = self.groups.get_mut(group.0)
            && std::ptr::eq(known.kind, kind)
        {
            known.more.push((unit, block));
            return;
        }
        let group = GroupId(self.groups.len());
        self.groups.push(Group {
            module,
            kind,
            name: if name.is_empty() { kind.name } else { name },
            first: (unit, block),
            more: Vec::new(),
            things: BTreeMap::new(),
            made: 0,
            state: Expansion::Waiting,
        });
        order.push(group);
        if declares {
            self.declare_name(module, name, span, Declared::Group(group));
        }
    }

    /// Declares `name`; whether it is new.
    fn declare_name(&mut self, module: usize, name: &'a str, span: Span, what: Declared<'a>) -> bool {
        let Some(names) = self.names.get_mut(module) else {
            return false;
        };
        let first = match names.declared.get(name) {
            None => {
                names.declared.insert(name, Declaration { span, what });
                return true;
            }
            Some(first) => first.span,
        };
        self.report(
            Diagnostic::error(
                "name::duplicate",
                format!("`{name}` is declared twice"),
                span,
                "declared again here",
            )
            .and(first, "declared here")
            .help("Rename one of them. Blocks may share a name where they have one kind and different keys."),
        );
        false
    }

    /// The kind that a block's first word names.
    pub(super) fn kind(&mut self, word: &ast::Name) -> Option<&'static Kind> {
        let kind = schema::kind(&word.value);
        if kind.is_none() {
            let suggestion = self.suggestion(&word.value, KINDS.iter().map(|kind| kind.name));
            let known = listed(KINDS.iter().map(|kind| kind.name));
            let help = match suggestion {
                Some(name) => format!("Did you mean `{name}`?\nThe kinds are {known}."),
                None => format!("The kinds are {known}."),
            };
            self.report(
                Diagnostic::error(
                    "name::unknown-kind",
                    format!("there is no kind `{}`", word.value),
                    word.span,
                    "not a kind of thing",
                )
                .help(help),
            );
        }
        kind
    }
}

//! What a file declares, piece by piece: what a piece says, and which names it says it with.
//!
//! Whatever one declaration takes from another it takes by a name that is written in it, in what it
//! derives from, or in what it names; so names, read off the tree, are enough to tell what an edit can
//! influence. They tell too much rather than too little: a symbol looks like a name.

use crate::quantity::Currency;
use crate::resolver::imports::Module;
use crate::schema;
use crate::span::Span;
use crate::syntax::ast::{self, Block, Expr, ExprKind, Item, Path, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A name as it is declared: the file, as one importer sees it, and the name.
pub(super) type Target = (usize, String);

/// A name that is written somewhere, and the field of it that alone is read; the whole thing without one.
pub(super) type Mention = (Target, Option<String>);

/// A piece of text: its fingerprint, and the names in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Said {
    fingerprint: u64,
    pub(super) mentions: BTreeSet<Mention>,
    /// Every bare word: a field of the block may be meant.
    pub(super) words: BTreeSet<String>,
    /// Kinds of which it reads all things.
    pub(super) kinds: BTreeSet<&'static str>,
    /// Signs of the money in it.
    pub(super) currencies: BTreeSet<&'static str>,
}

/// All that a file declares under one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit {
    pub(super) module: usize,
    pub(super) name: String,
    /// Where its statements stand, in order.
    pub(super) spans: Vec<Span>,
    /// Where its name is declared.
    pub(super) declared: Option<Span>,
    /// What it derives from.
    pub(super) bases: BTreeSet<Target>,
    /// The kinds of its blocks, nested ones too.
    pub(super) holds: BTreeSet<&'static str>,
    /// Which lines there are, names, keys and conditions: all but what follows.
    pub(super) shape: Said,
    /// Requirements and wishes.
    pub(super) lines: Said,
    /// What stands right of `=`, by field; a `let` or `param` has one without a name.
    pub(super) fields: BTreeMap<String, Said>,
    /// It is part of no block: an `if`, a `use`, or a line that could not be read.
    pub(super) is_loose: bool,
    /// It describes another world.
    pub(super) is_world: bool,
    pub(super) is_plan: bool,
    pub(super) is_param: bool,
}

impl Unit {
    /// All that it says.
    pub(super) fn said(&self) -> impl Iterator<Item = &Said> {
        [&self.shape, &self.lines].into_iter().chain(self.fields.values())
    }
}

/// What `module` declares, by name.
pub(super) fn units(modules: &[Module], index: usize, text: &str) -> BTreeMap<String, Unit> {
    let mut units = BTreeMap::new();
    let Some(module) = modules.get(index) else { return units };
    let mut loose = 0;
    for item in &module.tree.items {
        let name = match (name(item), item) {
            (Some(name), _) => name,
            // It declares nothing, and what is wrong with it has been said.
            (None, Item::Broken(_)) => continue,
            (None, _) => {
                loose += 1;
                format!("loose {loose}")
            }
        };
        let unit =
            units.entry(name.clone()).or_insert_with(|| Unit { module: index, name, ..Unit::default() });
        if unit.declared.is_none() {
            unit.declared = match item {
                Item::Param(param) => Some(param.name.span),
                Item::Let(let_) => Some(let_.name.span),
                Item::Block(block) if block.kind.value != "test" => {
                    let known = schema::kind(&block.kind.value).is_some_and(schema::Kind::at_top);
                    block.name.as_ref().filter(|_| known).map(|name| name.span)
                }
                _ => None,
            };
        }
        unit.is_param |= matches!(item, Item::Param(_));
        let mut reader = Reader { modules, module: index, text };
        reader.item(unit, item, true);
        unit.spans.push(item_span(item));
    }
    units
}

/// The name that `item` declares; one that nobody can write, for a block that has none.
fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Param(param) => param.name.value.clone(),
        Item::Let(let_) => let_.name.value.clone(),
        Item::Block(block) => match (&block.name, block.kind.value.as_str()) {
            (Some(name), kind) if kind != "test" => name.value.clone(),
            (name, kind) => format!("{kind} {}", name.as_ref().map_or("", |name| &name.value)),
        },
        _ => return None,
    })
}

pub(super) fn item_span(item: &Item) -> Span {
    match item {
        Item::Use(item) => item.span,
        Item::Param(item) => item.span,
        Item::Let(item) => item.span,
        Item::Block(item) => item.span,
        Item::If(item) => item.span,
        Item::Assign(item) => item.span,
        Item::Require(item) => item.span,
        Item::Prefer(item) => item.span,
        Item::Broken(span) => *span,
    }
}

/// Reads a declaration's names.
struct Reader<'a> {
    modules: &'a [Module],
    module: usize,
    text: &'a str,
}

impl Reader<'_> {
    fn item(&mut self, unit: &mut Unit, item: &Item, top: bool) {
        match item {
            Item::Param(param) => {
                self.words(&mut unit.shape, param.type_.span);
                if let Some(condition) = &param.condition {
                    self.expr(&mut unit.lines, condition);
                }
                let said = unit.fields.entry(String::new()).or_default();
                if let Some(default) = &param.default {
                    self.expr(said, default);
                }
                // The importer's value is written in the importer's names.
                if let Some((importer, items)) =
                    self.modules.get(self.module).and_then(|module| module.body.as_ref())
                {
                    let mut there = Reader { module: *importer, ..*self };
                    for item in items {
                        if let Item::Assign(assign) = item
                            && assign.target.head.value == param.name.value
                        {
                            there.names(said, &assign.value);
                        }
                    }
                }
            }
            Item::Let(let_) => {
                let said = unit.fields.entry(String::new()).or_default();
                self.expr(said, &let_.value);
            }
            Item::Block(block) => self.block(unit, block, top),
            Item::Assign(assign) if !top => {
                let whole = assign.target.steps.is_empty() && assign.target.statistic.is_none();
                self.path(&mut unit.shape, &assign.target);
                self.words(&mut unit.shape, assign.target.span);
                if whole {
                    let said = unit.fields.entry(assign.target.head.value.clone()).or_default();
                    self.expr(said, &assign.value);
                } else {
                    self.expr(&mut unit.shape, &assign.value);
                }
            }
            Item::Require(require) if !top => {
                self.expr(&mut unit.lines, &require.condition);
                require.when.iter().for_each(|when| self.expr(&mut unit.lines, when));
            }
            Item::Prefer(prefer) if !top => {
                let parts = [Some(&prefer.condition), prefer.when.as_ref(), prefer.price.as_ref()];
                unit.lines.add(parts.map(|part| part.is_some()));
                for part in parts.into_iter().flatten() {
                    self.expr(&mut unit.lines, part);
                }
            }
            Item::If(if_) => {
                unit.is_loose |= top;
                self.expr(&mut unit.shape, &if_.condition);
                for (branch, items) in [&if_.then, &if_.otherwise].into_iter().enumerate() {
                    unit.shape.add(branch);
                    items.iter().for_each(|item| self.item(unit, item, false));
                }
            }
            other => {
                unit.is_loose |= top;
                self.words(&mut unit.shape, item_span(other));
            }
        }
    }

    fn block(&mut self, unit: &mut Unit, block: &Block, top: bool) {
        self.words(&mut unit.shape, block.head);
        unit.holds.extend(schema::kind(&block.kind.value).map(|kind| kind.name));
        if top {
            unit.is_world |= matches!(block.kind.value.as_str(), "test" | "scenario");
            unit.is_plan |= block.kind.value == "plan";
        }
        if let Some(base) = &block.base {
            self.path(&mut unit.shape, base);
            unit.bases.extend(self.target(base).map(|(target, _)| target));
        }
        let keys = block.keys.iter().flat_map(|keys| &keys.keys);
        keys.for_each(|key| self.names(&mut unit.shape, key));
        for item in block.items.iter().flatten() {
            self.item(unit, item, false);
        }
        // Where a nested block ends matters to what stands after it.
        unit.shape.add("}");
    }

    /// The text of an expression, and the names in it.
    fn expr(&mut self, said: &mut Said, expr: &Expr) {
        self.words(said, expr.span);
        self.names(said, expr);
    }

    /// The text at `span`.
    fn words(&self, said: &mut Said, span: Span) {
        said.add(self.text.get(span.range()).unwrap_or(""));
    }

    fn names(&mut self, said: &mut Said, expr: &Expr) {
        match &expr.kind {
            ExprKind::Quantity(quantity) => {
                let sign = |currency: &Currency| quantity.unit.starts_with(currency.sign());
                said.currencies.extend(Currency::ALL.into_iter().filter(sign).map(Currency::sign));
            }
            ExprKind::String(_) | ExprKind::Boolean(_) | ExprKind::Broken => {}
            ExprKind::Path(path) => self.path(said, path),
            ExprKind::List(entries) => {
                for entry in entries {
                    entry.key.iter().chain([&entry.value]).for_each(|expr| self.names(said, expr));
                }
            }
            ExprKind::Negate(inner) | ExprKind::Not(inner) => self.names(said, inner),
            ExprKind::Binary { left, right, .. } => {
                self.names(said, left);
                self.names(said, right);
            }
            ExprKind::Choose { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|expr| self.names(said, expr));
            }
            ExprKind::Fold { over, condition, body, .. } => {
                self.names(said, over);
                condition.iter().chain(body).for_each(|expr| self.names(said, expr));
            }
        }
    }

    fn path(&mut self, said: &mut Said, path: &Path) {
        said.words.insert(path.head.value.clone());
        said.mentions.extend(self.target(path));
        for step in &path.steps {
            match step {
                Step::Field(name) => {
                    said.words.insert(name.value.clone());
                    if name.value == "instance" {
                        said.kinds.insert("node");
                    }
                }
                Step::Index { keys, .. } => keys.iter().for_each(|key| self.names(said, key)),
                Step::All(_) => said.kinds.extend(schema::kind(&path.head.value).map(|kind| kind.name)),
                Step::Call { arguments, .. } => {
                    arguments.iter().for_each(|argument| self.names(said, &argument.value));
                }
            }
        }
    }

    /// What the first names of a path may stand for, and the one field that it reads of it.
    fn target(&self, path: &Path) -> Option<Mention> {
        let aliases = self.modules.get(self.module).map_or(&[][..], |module| &module.aliases);
        let alias = aliases.iter().find(|alias| alias.name == path.head.value);
        let (target, rest) = match (alias, path.steps.as_slice()) {
            (None, steps) => ((self.module, path.head.value.clone()), steps),
            (Some(alias), [Step::Field(name), steps @ ..]) => ((alias.module?, name.value.clone()), steps),
            (Some(_), _) => return None,
        };
        let rest = match rest {
            [Step::Index { .. } | Step::All(_), rest @ ..] => rest,
            rest => rest,
        };
        let field = match rest {
            [Step::Field(name), ..] => Some(name.value.clone()),
            _ => None,
        };
        Some((target, field))
    }
}

impl Said {
    fn add(&mut self, part: impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.fingerprint, part).hash(&mut hasher);
        self.fingerprint = hasher.finish();
    }

    /// Another text: the names may be the same.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.fingerprint != other.fingerprint
    }
}

/// A part of a module: the statements in `kept`.
pub(super) fn part(module: &Module, kept: &BTreeSet<u32>) -> Module {
    let items = module.tree.items.iter();
    let items = items.filter(|item| kept.contains(&item_span(item).start)).cloned().collect();
    Module { tree: std::rc::Rc::new(ast::File { items }), ..module.clone() }
}

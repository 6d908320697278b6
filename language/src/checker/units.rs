//! The statements at the top level of a file, and which parts of one say something new.
//!
//! A part is what others can read by itself: a field of its things, their lines, which things there are. Its
//! fingerprint is taken from its text, statement by statement, so blanks and comments between lines are in
//! none.

use crate::resolver::ledger::{Part, UnitId};
use crate::schema;
use crate::span::Span;
use crate::syntax::ast::{Block, Item};
use crate::syntax::reuse::Edit;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A statement at the top level.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) id: UnitId,
    pub(super) span: Span,
    pub(super) sort: Sort,
    /// What it declares; empty for what has no name.
    pub(super) name: String,
    /// What it says.
    pub(super) parts: BTreeMap<Part, u64>,
    /// Where it says it, in order.
    places: Vec<(Part, Span)>,
    /// Kinds of the blocks in it.
    pub(super) holds: BTreeSet<&'static str>,
    /// Those of which something was wrong with the form: what is read in its place is not in the text alone.
    faulty: BTreeSet<Part>,
    /// Nothing was wrong with its form.
    is_sound: bool,
}

/// What a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Use,
    If,
    Param,
    Let,
    /// Of a kind; without one where there is no such kind.
    Block(Option<&'static str>),
    /// A line that belongs into a block, or could not be read.
    Loose,
}

impl Sort {
    /// What it says decides which declarations there are, or is said of the whole program.
    pub(super) fn reaches_all(self) -> bool {
        matches!(self, Self::Use | Self::If | Self::Block(Some("test" | "scenario")))
    }
}

/// What became of the statements of a file.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Those that are there now, in order.
    pub(super) units: Vec<Unit>,
    /// Those that say something new in these parts.
    pub(super) changed: Vec<(UnitId, Vec<Part>)>,
    pub(super) added: Vec<UnitId>,
    pub(super) removed: Vec<Unit>,
}

/// A file as it was read.
#[derive(Clone, Copy)]
pub(super) struct Read<'a> {
    pub(super) items: &'a [Item],
    pub(super) text: &'a str,
    /// The bytes at which something is wrong with its form, in order.
    pub(super) faults: &'a [u32],
}

impl Read<'_> {
    /// The statements of a file that is read for the first time.
    pub(super) fn units(self, ids: &[UnitId]) -> Vec<Unit> {
        self.items.iter().zip(ids).map(|(item, id)| self.unit(item, *id)).collect()
    }

    /// What an edit has made of `old`. Statements keep their order, and those that keep their name keep their
    /// number; others get the next ones from `fresh`.
    pub(super) fn again(
        self,
        old: Vec<Unit>,
        edit: Edit,
        fresh: &mut impl Iterator<Item = UnitId>,
    ) -> Changes {
        let starts: HashMap<u32, usize> =
            old.iter().enumerate().map(|(at, unit)| (unit.span.start, at)).collect();
        let kept = |item: &Item| -> Option<usize> {
            let span = span_of(item);
            let back = if (span.end as usize) < edit.before {
                0
            } else if span.start as usize > edit.new_after {
                edit.new_after as i64 - edit.old_after as i64
            } else {
                return None;
            };
            let start = u32::try_from(i64::from(span.start) - back).ok()?;
            let at = *starts.get(&start)?;
            let unit = old.get(at)?;
            let same = unit.span.end - unit.span.start == span.end - span.start && unit.sort == sort_of(item);
            (same && unit.is_sound && !self.has_fault(span)).then_some(at)
        };
        // Which of the old ones each is, as far as nothing has changed there.
        let mut same: Vec<Option<usize>> = Vec::with_capacity(self.items.len());
        let mut next = 0;
        for item in self.items {
            let at = kept(item).filter(|at| *at >= next);
            next = at.map_or(next, |at| at + 1);
            same.push(at);
        }
        let mut changes = Changes::default();
        let mut old: Vec<Option<Unit>> = old.into_iter().map(Some).collect();
        let mut next = 0;
        for (at, item) in self.items.iter().enumerate() {
            if let Some(known) = same.get(at).copied().flatten() {
                next = known + 1;
                if let Some(unit) = old.get_mut(known).and_then(Option::take) {
                    changes.units.push(Unit { span: span_of(item), ..unit });
                }
                continue;
            }
            let end = same.iter().skip(at).find_map(|at| *at).unwrap_or(old.len());
            let (sort, name) = (sort_of(item), name_of(item));
            let is_it = |unit: &Option<Unit>| {
                unit.as_ref().is_some_and(|unit| unit.sort == sort && unit.name == name)
            };
            let known = old.get(next..end).and_then(|between| between.iter().position(is_it));
            match known.and_then(|known| Some((known, old.get_mut(next + known)?.take()?))) {
                Some((known, before)) => {
                    next += known + 1;
                    let unit = self.unit(item, before.id);
                    let differ = |part: &&Part| before.parts.get(*part) != unit.parts.get(*part);
                    let parts = before.parts.keys().chain(unit.parts.keys()).filter(differ);
                    let elsewhere = elsewhere(&before, &unit, edit);
                    let parts: BTreeSet<Part> =
                        parts.chain(&elsewhere).chain(&before.faulty).chain(&unit.faulty).copied().collect();
                    if !parts.is_empty() {
                        changes.changed.push((unit.id, parts.into_iter().collect()));
                    }
                    changes.units.push(unit);
                }
                None => {
                    // There are fewer statements than numbers.
                    let unit = self.unit(item, fresh.next().unwrap_or(UnitId(u32::MAX)));
                    changes.added.push(unit.id);
                    changes.units.push(unit);
                }
            }
        }
        changes.removed = old.into_iter().flatten().collect();
        changes
    }

    fn has_fault(self, span: Span) -> bool {
        let first = self.faults.partition_point(|at| *at < span.start);
        self.faults.get(first).is_some_and(|at| *at <= span.end)
    }

    fn unit(self, item: &Item, id: UnitId) -> Unit {
        let span = span_of(item);
        let mut unit = Unit {
            id,
            span,
            sort: sort_of(item),
            name: name_of(item),
            parts: BTreeMap::new(),
            places: Vec::new(),
            holds: BTreeSet::new(),
            faulty: BTreeSet::new(),
            is_sound: !self.has_fault(span),
        };
        Parts { read: self, unit: &mut unit, at: 0 }.item(item, true);
        unit
    }
}

/// Takes the fingerprints of a statement's parts.
struct Parts<'a, 'u> {
    read: Read<'a>,
    unit: &'u mut Unit,
    /// How many blocks and branches have begun or ended: where a line stands.
    at: usize,
}

impl Parts<'_, '_> {
    fn item(&mut self, item: &Item, top: bool) {
        match item {
            Item::Block(block) => self.block(block),
            Item::If(if_) => {
                self.add(Part::SHAPE, if_.condition.span);
                for branch in [&if_.then, &if_.otherwise] {
                    self.nested(branch);
                }
            }
            Item::Assign(assign) if !top => {
                let target = &assign.target;
                let is_field = target.steps.is_empty() && target.statistic.is_none();
                let part = if is_field { Part::of(&target.head.value) } else { Part::SHAPE };
                self.add(part, assign.span);
            }
            Item::Require(_) | Item::Prefer(_) if !top => self.add(Part::LINES, span_of(item)),
            Item::Let(_) | Item::Param(_) if top => self.add(Part::VALUE, span_of(item)),
            // It says nothing that anybody hears.
            Item::Broken(_) => {}
            other => self.add(Part::SHAPE, span_of(other)),
        }
    }

    fn block(&mut self, block: &Block) {
        self.unit.holds.extend(schema::kind(&block.kind.value).map(|kind| kind.name));
        self.add(Part::SHAPE, block.head);
        self.note(Part::SHAPE, &(block.is_abstract, block.items.is_some()));
        self.nested(block.items.as_deref().unwrap_or_default());
    }

    fn nested(&mut self, items: &[Item]) {
        self.at += 1;
        items.iter().for_each(|item| self.item(item, false));
        self.at += 1;
        self.note(Part::SHAPE, &self.at.clone());
    }

    fn add(&mut self, part: Part, span: Span) {
        let at = self.at;
        self.note(part, &(at, self.read.text.get(span.range())));
        self.unit.places.push((part, span));
        if self.read.has_fault(span) {
            self.unit.faulty.insert(part);
        }
    }

    fn note(&mut self, part: Part, said: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        let known = self.unit.parts.entry(part).or_default();
        (*known, said).hash(&mut hasher);
        *known = hasher.finish();
    }
}

/// Parts of which something stands elsewhere than where `edit` has moved it: the same words may be other
/// statements now, and what was found in the old ones is to be told of these.
fn elsewhere(before: &Unit, now: &Unit, edit: Edit) -> BTreeSet<Part> {
    let mut places: BTreeMap<Part, [Vec<Option<Span>>; 2]> = BTreeMap::new();
    for (part, span) in &before.places {
        places.entry(*part).or_default()[0].push(edit.moved(*span));
    }
    for (part, span) in &now.places {
        places.entry(*part).or_default()[1].push(Some(*span));
    }
    places.into_iter().filter(|(_, [before, now])| before != now).map(|(part, _)| part).collect()
}

fn sort_of(item: &Item) -> Sort {
    match item {
        Item::Use(_) => Sort::Use,
        Item::If(_) => Sort::If,
        Item::Param(_) => Sort::Param,
        Item::Let(_) => Sort::Let,
        Item::Block(block) => Sort::Block(schema::kind(&block.kind.value).map(|kind| kind.name)),
        Item::Assign(_) | Item::Require(_) | Item::Prefer(_) | Item::Broken(_) => Sort::Loose,
    }
}

fn name_of(item: &Item) -> String {
    match item {
        Item::Param(param) => param.name.value.clone(),
        Item::Let(let_) => let_.name.value.clone(),
        Item::Block(Block { name: Some(name), .. }) => name.value.clone(),
        _ => String::new(),
    }
}

fn span_of(item: &Item) -> Span {
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

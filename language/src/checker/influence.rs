//! Whom a change reaches: whoever has read what changed, whoever has read that, and so on.

use super::Last;
use super::units::Unit;
use crate::resolver::ledger::{Cell, Owner, Page, Part, UnitId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Who reads whom, by page: which part reads which stands there. It may name too many.
#[derive(Debug, Default)]
pub(super) struct Readers {
    of: HashMap<UnitId, HashSet<Owner>>,
    /// Of all things of a kind, or of each of them.
    of_all: HashMap<Part, HashSet<Owner>>,
    /// Of the lines of the whole program, or of everything.
    of_everything: HashSet<Owner>,
}

impl Readers {
    /// Notes what stands on the page of `owner`.
    pub(super) fn note(&mut self, owner: Owner, page: &Page) {
        let Some(unit) = owner.unit() else { return };
        let reader = match owner {
            Owner::Member { .. } => owner,
            // Whatever a declaration has built goes with it.
            _ => Owner::Unit(unit),
        };
        for cell in page.reads.values().flatten() {
            match cell {
                Cell::Of(read, _) if *read == unit => {}
                Cell::Of(read, _) => {
                    self.of.entry(*read).or_default().insert(reader);
                }
                Cell::All(kind) | Cell::Each(kind) => {
                    self.of_all.entry(*kind).or_default().insert(reader);
                }
                Cell::Lines | Cell::Everything => {
                    self.of_everything.insert(reader);
                }
            }
        }
        for base in page.bases.iter().filter(|base| **base != unit) {
            self.of.entry(*base).or_default().insert(reader);
        }
    }
}

/// What is new about a declaration.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    parts: BTreeSet<Part>,
    /// Each of them is.
    all: bool,
}

impl News {
    fn has(&self, part: Part) -> bool {
        self.all || self.parts.contains(&part)
    }
}

/// A change as it spreads.
pub(super) struct Influence<'l> {
    last: &'l Last,
    /// Declarations that were taken away, which still have their pages.
    removed: &'l [Unit],
    pub(super) news: BTreeMap<UnitId, News>,
    /// What lines of a declaration say of the things of these others is new.
    pub(super) members: BTreeMap<UnitId, BTreeSet<UnitId>>,
    waiting: Vec<(UnitId, Option<Part>)>,
}

impl<'l> Influence<'l> {
    pub(super) fn new(last: &'l Last, removed: &'l [Unit]) -> Self {
        Self { last, removed, news: BTreeMap::new(), members: BTreeMap::new(), waiting: Vec::new() }
    }

    /// One part of a declaration is new, or each of them.
    pub(super) fn add(&mut self, unit: UnitId, part: Option<Part>) {
        let news = self.news.entry(unit).or_default();
        let is_news = match part {
            _ if news.all => false,
            None => !std::mem::replace(&mut news.all, true),
            Some(part) => news.parts.insert(part),
        };
        if is_news {
            self.waiting.push((unit, part));
        }
    }

    /// Has it reach whomever it reaches.
    pub(super) fn spread(&mut self) {
        while let Some((unit, part)) = self.waiting.pop() {
            self.reach(unit, part);
        }
    }

    fn reach(&mut self, unit: UnitId, part: Option<Part>) {
        let Last { readers, .. } = self.last;
        let readers_of = readers.of.get(&unit).into_iter().flatten().copied();
        for reader in readers_of.chain([Owner::Unit(unit)]) {
            let reads = |cell: &Cell| match cell {
                Cell::Of(read, of) => *read == unit && part.is_none_or(|part| part == *of),
                _ => false,
            };
            self.add_readers(reader, reads);
            // What derives has each line of its base.
            let derives = |page: &Page| reader != Owner::Unit(unit) && page.bases.contains(&unit);
            if let Owner::Unit(reader) = reader
                && self.last.pages_of(reader).any(|(_, page)| derives(page))
            {
                self.add(reader, part);
            }
        }
        if part.is_none_or(|part| part == Part::SHAPE) {
            for kind in self.kinds(unit) {
                let (all, each) = (Cell::All(Part::of(kind)), Cell::Each(Part::of(kind)));
                let readers = readers.of_all.get(&Part::of(kind)).into_iter().flatten();
                for reader in readers.copied() {
                    self.add_readers(reader, |cell| *cell == all);
                    if let Owner::Unit(reader) = reader
                        && self.last.pages_of(reader).any(|(_, page)| reads(page, &each))
                    {
                        self.add_member(reader, unit);
                    }
                }
            }
            // Blocks of one name are one group.
            for other in self.last.called_as(unit) {
                self.add(other, Some(Part::SHAPE));
            }
        }
        if self.last.built_of(unit).next().is_some() {
            // What is made of a device or model depends on what it does not say, too.
            self.add(unit, Some(Part::REST));
        }
        self.reach_everything(part.is_none_or(|part| part == Part::LINES));
    }

    /// Those who read everything are new, and where it is about lines, those who read the lines of all.
    fn reach_everything(&mut self, of_lines: bool) {
        for reader in self.last.readers.of_everything.iter().copied() {
            self.add_readers(reader, |cell| *cell == Cell::Everything || of_lines && *cell == Cell::Lines);
        }
    }

    /// Those parts of `reader` are new that read such cells.
    fn add_readers(&mut self, reader: Owner, is_read: impl Fn(&Cell) -> bool) {
        let last = self.last;
        if let Owner::Member { unit, of, .. } = reader {
            let page = last.pages.get(&reader);
            if page.is_some_and(|page| page.reads.values().flatten().any(is_read)) {
                self.add_member(unit, of);
            }
            return;
        }
        let Some(unit) = reader.unit() else { return };
        for (_, page) in last.pages_of(unit) {
            for (part, cells) in &page.reads {
                if !self.news.get(&unit).is_some_and(|news| news.has(*part)) && cells.iter().any(&is_read) {
                    self.add(unit, Some(*part));
                }
            }
        }
    }

    /// What lines of `unit` say of the things of `of` is new.
    fn add_member(&mut self, unit: UnitId, of: UnitId) {
        let members = self.members.entry(unit).or_default();
        let is_first = members.is_empty();
        members.insert(of);
        if is_first {
            self.reach_everything(true);
        }
    }

    /// Kinds of the things that a declaration has, or had before, as far as its own text tells.
    pub(super) fn kinds(&self, unit: UnitId) -> BTreeSet<&'static str> {
        let made = self.last.pages.get(&Owner::Unit(unit)).map(|page| page.kinds.clone());
        let mut kinds = made.unwrap_or_default();
        let removed = self.removed.iter().find(|removed| removed.id == unit);
        kinds.extend(self.last.unit(unit).or(removed).iter().flat_map(|unit| &unit.holds));
        kinds
    }

    /// The declarations that which things there are is new of.
    pub(super) fn shapes(&self) -> impl Iterator<Item = UnitId> {
        self.news.iter().filter(|(_, news)| news.has(Part::SHAPE)).map(|(unit, _)| *unit)
    }
}

fn reads(page: &Page, cell: &Cell) -> bool {
    page.reads.values().flatten().any(|read| read == cell)
}

//! Whom a change reaches: whoever has read what changed, whoever has read that, and so on.

use super::Last;
use super::units::Unit;
use crate::resolver::ledger::{Cell, Owner, Page, Part, UnitId};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Who reads whom, by declaration: which part reads which stands on the pages. It may name too many.
#[derive(Debug, Default)]
pub(super) struct Readers {
    of: HashMap<UnitId, HashSet<UnitId>>,
    /// Of all things of a kind.
    of_all: HashMap<Part, HashSet<UnitId>>,
    /// Of the lines of the whole program, or of everything.
    of_everything: HashSet<UnitId>,
}

impl Readers {
    /// Notes what stands on a page of `unit`.
    pub(super) fn note(&mut self, unit: UnitId, page: &Page) {
        for cell in page.reads.values().flatten() {
            match cell {
                Cell::Of(read, _) if *read == unit => {}
                Cell::Of(read, _) => {
                    self.of.entry(*read).or_default().insert(unit);
                }
                Cell::All(kind) => {
                    self.of_all.entry(*kind).or_default().insert(unit);
                }
                Cell::Lines | Cell::Everything => {
                    self.of_everything.insert(unit);
                }
            }
        }
        for base in page.bases.iter().filter(|base| **base != unit) {
            self.of.entry(*base).or_default().insert(unit);
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
    waiting: Vec<(UnitId, Option<Part>)>,
}

impl<'l> Influence<'l> {
    pub(super) fn new(last: &'l Last, removed: &'l [Unit]) -> Self {
        Self { last, removed, news: BTreeMap::new(), waiting: Vec::new() }
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
        for reader in readers_of.chain([unit]) {
            let reads = |cell: &Cell| match cell {
                Cell::Of(read, of) => *read == unit && part.is_none_or(|part| part == *of),
                _ => false,
            };
            self.add_readers(reader, reads);
            // What derives has each line of its base.
            let derives = |page: &Page| reader != unit && page.bases.contains(&unit);
            if self.last.pages_of(reader).any(|(_, page)| derives(page)) {
                self.add(reader, part);
            }
        }
        if part.is_none_or(|part| part == Part::SHAPE) {
            for kind in self.kinds(unit) {
                let all = Cell::All(Part::of(kind));
                let readers = readers.of_all.get(&Part::of(kind)).into_iter().flatten();
                for reader in readers.copied() {
                    self.add_readers(reader, |cell| *cell == all);
                }
            }
            // Blocks of one name are one group.
            for other in self.last.called_as(unit) {
                self.add(other, Some(Part::SHAPE));
            }
        }
        let of_lines = part.is_none_or(|part| part == Part::LINES);
        for reader in readers.of_everything.iter().copied() {
            self.add_readers(reader, |cell| *cell == Cell::Everything || of_lines && *cell == Cell::Lines);
        }
    }

    /// Those parts of `reader` are new that read such cells.
    fn add_readers(&mut self, reader: UnitId, is_read: impl Fn(&Cell) -> bool) {
        let last = self.last;
        for (_, page) in last.pages_of(reader) {
            for (part, cells) in &page.reads {
                if !self.news.get(&reader).is_some_and(|news| news.has(*part)) && cells.iter().any(&is_read) {
                    self.add(reader, Some(*part));
                }
            }
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

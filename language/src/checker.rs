//! A program that is checked again and again while somebody edits it.
//!
//! What is found is what [`check`](crate::check) finds; it is found faster by doing again only what an edit
//! can have changed:
//!
//! - statements that the edit is not in are not read again (`syntax::parse_again`);
//! - declarations are resolved again where their own lines changed, or where they name what changed, in as
//!   many steps as it takes (`influence`). They are resolved by the same code as ever, in a program of their
//!   own: they, and all that they name. What was said of the others is kept, moved to where its lines are
//!   now.
//!
//! An edit costs what it influences. What everything leans on, such as the `use` lines, the plan's steps, or
//! a `let` that half of the program reads, costs a whole check; so do worlds (tests and scenarios that the
//! edit reaches), and messages that depend on the order of evaluation, such as cycles.

mod influence;
mod units;

use crate::diagnostics::Diagnostic;
use crate::model::Program;
use crate::quantity::Currency;
use crate::resolver::imports::{self, Imports, Module, Trees};
use crate::resolver::ledger::{self, Owner, Page};
use crate::resolver::{self, Part};
use crate::sources::{Files, Sources};
use crate::span::{FileId, Span};
use crate::syntax::reuse::Edit;
use influence::{Change, Changes};
use std::collections::{BTreeSet, HashMap};
use units::{Target, Unit};

/// A program under edit.
#[derive(Debug, Default)]
pub struct Checker {
    trees: Trees,
    last: Option<Last>,
}

/// What a check finds, without the program: see [`Checker::program`].
#[derive(Debug, Default)]
pub struct Findings {
    /// Every file that was read.
    pub sources: Sources,
    /// In order of file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Messages that depend on where evaluation began, or on how much was done before.
const FRAGILE: [&str; 7] = [
    "fact::cycle",
    "derive::cycle",
    "name::too-early",
    "limit::too-deep",
    "keys::too-many",
    "units::mixed-currencies",
    "use::too-many",
];

/// Did-you-means of a whole program, beyond which it matters which of them come first.
const MOST_SUGGESTIONS: usize = 50;

impl Checker {
    /// Reads the program whose root file is `path`: what [`check`](crate::check) finds.
    pub fn check(&mut self, path: &str, files: &dyn Files) -> &Findings {
        let imports = imports::read(path, files, &mut self.trees);
        let last = self.last.take().filter(|last| last.root == path);
        let last = match last.and_then(|last| last.again(&imports, files)) {
            Some(last) => last,
            None => Last::cold(path, &imports, files),
        };
        let Last { findings, .. } = self.last.insert(last);
        findings.sources = imports.sources;
        findings
    }

    /// Data files, such as traces, are taken to be as they were: after one has changed, this has the next
    /// check look at everything.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The program, if nothing is wrong with it. It is put together anew.
    pub fn program(&mut self, path: &str, files: &dyn Files) -> Option<Program> {
        resolver::resolve_in(path, files, None, &mut self.trees).0
    }
}

/// What is known of the program as it was checked last.
#[derive(Debug)]
struct Last {
    root: String,
    frames: Vec<Frame>,
    units: Vec<Unit>,
    ids: HashMap<Target, usize>,
    /// Who mentions a name.
    readers: HashMap<Target, BTreeSet<usize>>,
    pages: HashMap<Option<Owner>, Page>,
    findings: Findings,
}

/// How files hang together: where this changes, everything is checked.
#[derive(Debug, PartialEq)]
struct Frame {
    start: Span,
    aliases: Vec<(String, Option<usize>)>,
    importer: Option<usize>,
}

impl Last {
    /// Checks everything.
    fn cold(root: &str, imports: &Imports, files: &dyn Files) -> Self {
        let mut last = Self {
            root: root.to_owned(),
            frames: frames(&imports.modules),
            units: Vec::new(),
            ids: HashMap::new(),
            readers: HashMap::new(),
            pages: HashMap::new(),
            findings: Findings::default(),
        };
        for (module, read) in imports.modules.iter().enumerate() {
            let text = imports.sources.get(read.start.file).map_or("", |source| source.text.as_str());
            for unit in units::units(&imports.modules, module, text).into_values() {
                last.add(unit);
            }
        }
        if !imports.modules.is_empty() {
            last.pages = resolver::pages(&imports.modules, &imports.sources, files, Part::default());
        }
        last.tell(imports);
        last
    }

    /// Checks what an edit can have changed; nothing where that is everything.
    fn again(mut self, imports: &Imports, files: &dyn Files) -> Option<Self> {
        let modules = &imports.modules;
        let is_fragile = |found: &Diagnostic| FRAGILE.contains(&found.code);
        if self.frames != frames(modules) || self.findings.diagnostics.iter().any(is_fragile) {
            return None;
        }
        let mut changes = Changes::default();
        for (file, edit) in edits(&self.findings.sources, &imports.sources)? {
            self.follow(file, edit, imports, &mut changes);
        }
        let influenced = influence::influenced(&self.units, &self.ids, &self.readers, changes)?;
        if !influenced.is_empty() {
            self.resolve(&influenced, imports, files)?;
        }
        let suggestions: usize = self.pages.values().map(|page| page.suggestions).sum();
        self.tell(imports);
        let told = &self.findings.diagnostics;
        (suggestions <= MOST_SUGGESTIONS && !told.iter().any(is_fragile)).then_some(self)
    }

    /// Takes over one file's edit: what it declares now, and where what was said stands now.
    fn follow(&mut self, file: FileId, edit: Edit, imports: &Imports, changes: &mut Changes) {
        let text = imports.sources.get(file).map_or("", |source| source.text.as_str());
        for (module, read) in imports.modules.iter().enumerate() {
            if read.start.file != file {
                continue;
            }
            let mut new = units::units(&imports.modules, module, text);
            let mut moved: HashMap<u32, u32> = HashMap::new();
            let mut renamed = false;
            // Where what changed stood.
            let mut old_places: Vec<Span> = Vec::new();
            for (id, old) in self.units.iter_mut().enumerate().filter(|(_, unit)| unit.module == module) {
                let was_there = !old.spans.is_empty();
                let change = match new.remove(&old.name) {
                    Some(new) => {
                        let change = Change::between(old, &new);
                        let starts = old.spans.iter().map(|span| span.start);
                        moved.extend(starts.zip(new.spans.iter().map(|span| span.start)));
                        renamed |= !was_there || old.declared.is_some() != new.declared.is_some();
                        if change.is_some() {
                            old_places.extend(&old.spans);
                        }
                        mention(&mut self.readers, id, &new);
                        *old = new;
                        change
                    }
                    None if was_there => {
                        renamed = true;
                        old_places.extend(&old.spans);
                        let gone = Unit { module, name: old.name.clone(), ..Unit::default() };
                        Change::between(&std::mem::replace(old, gone), &Unit::default())
                    }
                    None => None,
                };
                changes.add(id, change);
            }
            for unit in new.into_values() {
                renamed = true;
                let change = Change::between(&Unit::default(), &unit);
                let id = self.add(unit);
                changes.add(id, change);
            }
            self.pages.entry(None).or_default().diagnostics.retain(|found| !is_inside(found, &old_places));
            self.move_pages(module, &moved);
            if renamed {
                // Did-you-means look at every name of a file.
                let owners = self.pages.iter().filter(|(_, page)| page.suggestions > 0);
                let owners: Vec<_> = owners.filter_map(|(owner, _)| *owner).collect();
                changes.again(owners.into_iter().filter_map(|owner| self.unit_of(owner)));
            }
        }
        let mut touched = BTreeSet::new();
        for (owner, page) in &mut self.pages {
            if !page.shift(file, edit) {
                touched.insert(*owner);
            }
        }
        for owner in touched {
            match owner {
                Some(owner) => changes.again(self.unit_of(owner)),
                None => changes.everything = true,
            }
        }
    }

    /// Pages of a file's declarations go where these have gone; those of declarations that went go away.
    fn move_pages(&mut self, module: usize, moved: &HashMap<u32, u32>) {
        let own = |owner: &&Option<Owner>| owner.is_some_and(|owner| owner.module == module);
        let owners: Vec<Owner> = self.pages.keys().filter(own).filter_map(|owner| *owner).collect();
        let pages: Vec<_> =
            owners.into_iter().map(|owner| (owner, self.pages.remove(&Some(owner)))).collect();
        for (owner, page) in pages {
            if let (Some(start), Some(page)) = (moved.get(&owner.start), page) {
                self.pages.insert(Some(Owner { start: *start, ..owner }), page);
            }
        }
        for page in self.pages.values_mut() {
            let uses = std::mem::take(&mut page.uses).into_iter();
            page.uses = uses
                .map(|used| match moved.get(&used.start) {
                    Some(start) if used.module == module => Owner { start: *start, ..used },
                    _ => used,
                })
                .collect();
        }
    }

    /// Resolves `influenced` again, in a program of what they name.
    fn resolve(&mut self, influenced: &BTreeSet<usize>, imports: &Imports, files: &dyn Files) -> Option<()> {
        let named = influence::named(&self.units, &self.ids, influenced);
        let there = self.units.iter().filter(|unit| !unit.spans.is_empty()).count();
        if 2 * named.len() > there {
            return None;
        }
        let mut kept = vec![BTreeSet::new(); imports.modules.len()];
        let mut names = vec![Vec::new(); imports.modules.len()];
        for (id, unit) in self.units.iter().enumerate() {
            if named.contains(&id) {
                kept.get_mut(unit.module)?.extend(unit.spans.iter().map(|span| span.start));
            } else if let Some(declared) = unit.declared {
                names.get_mut(unit.module)?.push((unit.name.clone(), declared));
            }
        }
        let currencies: BTreeSet<&str> =
            self.units.iter().flat_map(Unit::said).flat_map(|said| said.currencies.iter().copied()).collect();
        let currency = match currencies.len() {
            0 => None,
            1 => Currency::ALL.into_iter().find(|currency| currencies.contains(currency.sign())),
            _ => return None,
        };
        let modules = imports.modules.iter().zip(&kept);
        let modules: Vec<Module> = modules.map(|(module, kept)| units::part(module, kept)).collect();
        let pages = resolver::pages(&modules, &imports.sources, files, Part { names, currency });
        let starts: BTreeSet<(usize, u32)> = influenced
            .iter()
            .filter_map(|id| self.units.get(*id))
            .flat_map(|unit| unit.spans.iter().map(|span| (unit.module, span.start)))
            .collect();
        let is_influenced = |owner: Owner| starts.contains(&(owner.module, owner.start));
        self.pages.retain(|owner, _| owner.is_none_or(|owner| owner.built || !is_influenced(owner)));
        let places: Vec<Span> = influenced
            .iter()
            .filter_map(|id| self.units.get(*id))
            .flat_map(|unit| unit.spans.clone())
            .collect();
        self.pages.entry(None).or_default().diagnostics.retain(|found| !is_inside(found, &places));
        for (owner, page) in pages {
            match owner {
                Some(owner) if owner.built || is_influenced(owner) => {
                    self.pages.insert(Some(owner), page);
                }
                Some(_) => {}
                None => {
                    let found = page.diagnostics.into_iter().filter(|found| is_inside(found, &places));
                    self.pages.entry(None).or_default().diagnostics.extend(found);
                }
            }
        }
        Some(())
    }

    /// Puts together what there is to tell.
    fn tell(&mut self, imports: &Imports) {
        let pages = self.pages.iter().map(|(owner, page)| (*owner, page));
        let found = ledger::told(pages, &imports.sources);
        self.findings.diagnostics = resolver::told(imports.diagnostics.clone(), found).0;
    }

    fn add(&mut self, unit: Unit) -> usize {
        let id = self.units.len();
        mention(&mut self.readers, id, &unit);
        self.ids.insert((unit.module, unit.name.clone()), id);
        self.units.push(unit);
        id
    }

    fn unit_of(&self, owner: Owner) -> Option<usize> {
        self.units.iter().position(|unit| {
            unit.module == owner.module && unit.spans.iter().any(|span| span.start == owner.start)
        })
    }
}

/// The place of a message is in one of `places`.
fn is_inside(found: &Diagnostic, places: &[Span]) -> bool {
    let Some(place) = found.labels.first().map(|label| label.span) else { return false };
    places.iter().any(|span| span.file == place.file && span.start <= place.start && place.end <= span.end)
}

/// Notes whom `unit` mentions. What it mentioned before stays noted, which costs a little and changes nothing.
fn mention(readers: &mut HashMap<Target, BTreeSet<usize>>, id: usize, unit: &Unit) {
    for (target, _) in unit.said().flat_map(|said| &said.mentions) {
        match readers.get_mut(target) {
            Some(known) => {
                known.insert(id);
            }
            None => {
                readers.insert(target.clone(), BTreeSet::from([id]));
            }
        }
    }
}

fn frames(modules: &[Module]) -> Vec<Frame> {
    let frame = |module: &Module| Frame {
        start: module.start,
        aliases: module.aliases.iter().map(|alias| (alias.name.clone(), alias.module)).collect(),
        importer: module.body.as_ref().map(|(importer, _)| *importer),
    };
    modules.iter().map(frame).collect()
}

/// What became of each file's text; nothing where there are other files.
fn edits(old: &Sources, new: &Sources) -> Option<Vec<(FileId, Edit)>> {
    if old.iter().count() != new.iter().count() {
        return None;
    }
    let mut edits = Vec::new();
    for ((id, old), (_, new)) in old.iter().zip(new.iter()) {
        if old.path != new.path || old.shipped != new.shipped {
            return None;
        }
        if old.text != new.text {
            edits.push((id, Edit::between(&old.text, &new.text)));
        }
    }
    Some(edits)
}

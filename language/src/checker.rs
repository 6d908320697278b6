//! A program that is checked again and again while somebody edits it.
//!
//! What is found is what [`check`](crate::check) finds; it is found faster by doing again only what the edit
//! can have changed. That rests on one invariant:
//!
//! > What stands on a declaration's page is decided by what that declaration says and by what it has read,
//! > and all that it has read is noted on the page.
//!
//! The resolver sees to it (`resolver::ledger`). It computes each value once, on behalf of the declaration that
//! states it, and has whoever reads it note the declaration and the part of it that is read: a field, the
//! value of a `let`, which things there are, all things of a kind. So after an edit:
//!
//! 1. Statements that the edit is not in are not read again (`syntax::parse_again`), and each statement of the
//!    edited file is compared part by part with what it said before (`units`).
//! 2. Where a part is new, the declarations that have read it are new in the parts that did, and so on
//!    (`influence`). A name that comes or goes is new to every declaration in whose text it stands.
//! 3. The same resolver is run over the whole program, told to work on these declarations alone. Whatever
//!    they read of others is computed as it is read, as always.
//! 4. Their new pages take the place of the old ones. All other pages stay, moved to where their places are now.
//!
//! An edit costs what it reaches, and a little for every name of the program: much where a `let` that all read
//! changes. What a line over all services says of each stands on a page of its own, so an edit of one service
//! has it read for that one alone. Everything is checked as if for the first time where that is most of the
//! program; where an edit reaches a `use` line, an `if` outside of all blocks, a test or a scenario; where
//! nodes change and a line limits their nameplates; and where something was found that depends on the order of
//! evaluation, such as a cycle or a limit that is passed: such a ledger is called fragile.
//!
//! What the run computes for declarations that it was not told to work on stands on their pages already. Where
//! it does not, the invariant is broken, and everything is checked.

mod influence;
mod totals;
mod units;

use crate::diagnostics::Diagnostic;
use crate::model::Program;
use crate::resolver::imports::{self, Imports, Module, Trees};
use crate::resolver::ledger::{self, Ledger, Owner, Page, Part, UnitId};
use crate::resolver::{self, Work};
use crate::sources::{Files, Sources};
use crate::span::{FileId, Span};
use crate::syntax::reuse::Edit;
use influence::{Influence, Readers};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use totals::Totals;
use units::{Changes, Read, Sort, Unit};

/// A program under edit.
///
/// An editor keeps one for each root file and asks it after every key: `files` has the documents as they are
/// now.
#[derive(Debug, Default)]
pub struct Checker {
    trees: Trees,
    last: Option<Last>,
}

/// What a check finds, without the program: see [`Checker::program`].
#[derive(Debug, Default)]
pub struct Findings {
    /// Every plan file that was read.
    pub sources: Sources,
    /// In order of file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// How many declarations were looked at to find them; none where it is all of them.
    pub looked_at: Option<usize>,
}

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

    /// Data files, such as traces and configurations, are taken to be as they were: after one has changed,
    /// this has the next check look at everything.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// The program, if nothing is wrong with it. It is put together anew.
    pub fn program(&mut self, path: &str, files: &dyn Files) -> Option<Program> {
        resolver::resolve(path, files, None, &mut self.trees).0
    }
}

/// What is known of the program as it was checked last.
#[derive(Debug)]
struct Last {
    root: String,
    frames: Vec<Frame>,
    /// The statements of each module, in order.
    units: Vec<Vec<Unit>>,
    /// Where each stands: its module, and its place in it.
    places: HashMap<UnitId, (usize, usize)>,
    /// The number of the next one.
    next: u32,
    pages: HashMap<Owner, Page>,
    /// Pages beside those of declarations: of devices and models, and of members.
    beside: BTreeSet<Owner>,
    /// Pages on which something is said.
    telling: BTreeSet<Owner>,
    readers: Readers,
    totals: Totals,
    /// Some of it depends on the order of evaluation: nothing of it is kept.
    is_fragile: bool,
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
        let modules = &imports.modules;
        let numbers = resolver::numbered(modules);
        let faults = Faults::of(&imports.diagnostics);
        let units = modules.iter().zip(&numbers).map(|(module, ids)| faults.read(module, imports).units(ids));
        let mut last = Self {
            root: root.to_owned(),
            frames: frames(modules),
            units: units.collect(),
            places: HashMap::new(),
            next: numbers.iter().map(Vec::len).sum::<usize>().try_into().unwrap_or(u32::MAX),
            pages: HashMap::new(),
            beside: BTreeSet::new(),
            telling: BTreeSet::new(),
            readers: Readers::default(),
            totals: Totals::default(),
            is_fragile: modules.is_empty(),
            findings: Findings::default(),
        };
        (0..last.units.len()).for_each(|module| last.place(module));
        if !modules.is_empty() {
            let ledger = resolver::pages(modules, &imports.sources, files, &numbers, None);
            last.is_fragile = ledger.is_fragile();
            let Ledger { pages, .. } = ledger;
            pages.into_iter().for_each(|(owner, page)| last.keep(owner, page));
            last.is_fragile |= last.totals.depend_on_order();
        }
        last.tell(imports);
        last
    }

    /// Checks what an edit can have changed; nothing where that is everything.
    fn again(mut self, imports: &Imports, files: &dyn Files) -> Option<Self> {
        let modules = &imports.modules;
        if self.is_fragile || self.frames != frames(modules) {
            return None;
        }
        let faults = Faults::of(&imports.diagnostics);
        let mut touched = BTreeSet::new();
        let (mut changes, mut any) = (Changes::default(), false);
        for (file, edit) in edits(&self.findings.sources, &imports.sources)? {
            touched.extend(self.shift(file, edit));
            for (at, module) in modules.iter().enumerate().filter(|(_, module)| module.start.file == file) {
                let old = std::mem::take(self.units.get_mut(at)?);
                let mut fresh = (self.next..).map(UnitId);
                let Changes { units, changed, added, removed } =
                    faults.read(module, imports).again(old, edit, &mut fresh);
                self.next = fresh.next()?.0;
                any |= !changed.is_empty() || !added.is_empty() || !removed.is_empty();
                *self.units.get_mut(at)? = units;
                changes.changed.extend(changed);
                changes.added.extend(added);
                for unit in &removed {
                    self.places.remove(&unit.id);
                }
                changes.removed.extend(removed);
                self.place(at);
            }
        }
        let mut looked_at = 0;
        if any || !touched.is_empty() {
            looked_at = self.resolve(&changes, &touched, imports, files)?;
        }
        self.findings.looked_at = Some(looked_at);
        self.tell(imports);
        Some(self)
    }

    /// Does again what `changes` reach and what stands where the edit is; how many declarations that is.
    fn resolve(
        &mut self,
        changes: &Changes,
        touched: &BTreeSet<Owner>,
        imports: &Imports,
        files: &dyn Files,
    ) -> Option<usize> {
        let Changes { units: _, changed, added, removed } = changes;
        let mut influence = Influence::new(self, removed);
        for (unit, parts) in changed {
            parts.iter().for_each(|part| influence.add(*unit, Some(*part)));
        }
        let gone = removed.iter().map(|unit| (unit.id, unit));
        let come = added.iter().filter_map(|id| Some((*id, self.unit(*id)?)));
        let renamed: Vec<_> = gone.chain(come).collect();
        renamed.iter().for_each(|(id, _)| influence.add(*id, None));
        let names: BTreeSet<&str> =
            renamed.iter().map(|(_, unit)| unit.name.as_str()).filter(|name| !name.is_empty()).collect();
        for unit in self.saying(&names, imports) {
            influence.add(unit, None);
        }
        influence.spread();
        let mut again: BTreeSet<UnitId> = influence.news.keys().copied().collect();
        let mut members = std::mem::take(&mut influence.members);
        for owner in touched {
            match owner {
                Owner::Unit(unit) | Owner::Built(unit, _) => again.extend([*unit]),
                Owner::Member { unit, of, .. } => {
                    members.entry(*unit).or_default().insert(*of);
                }
                // They are looked at again whatever happens.
                Owner::Program | Owner::Teams => {}
                Owner::Nameplates => return None,
            }
        }
        if !names.is_empty() {
            // Did-you-means look at every name of a file.
            let lost = self.pages.iter().filter(|(_, page)| page.suggestions > 0 || !page.nearly.is_empty());
            again.extend(lost.filter_map(|(owner, _)| owner.unit()));
        }
        let is_team = |unit: &Unit| unit.sort == Sort::Block(Some("team"));
        let there = |id: &UnitId| self.unit(*id);
        let teams =
            touched.contains(&Owner::Teams) || again.iter().filter_map(there).chain(removed).any(is_team);
        if teams {
            again.extend(self.units.iter().flatten().filter(|unit| is_team(unit)).map(|unit| unit.id));
        }
        let shapes: BTreeMap<UnitId, _> =
            influence.shapes().map(|unit| (unit, influence.kinds(unit))).collect();
        again.extend(members.keys().filter(|unit| !self.is_in_parts(**unit)));
        again.retain(|unit| self.places.contains_key(unit));
        members.retain(|unit, _| !again.contains(unit) && self.places.contains_key(unit));
        let reaches_all = again.iter().filter_map(there).chain(removed).any(|unit| unit.sort.reaches_all());
        if reaches_all || 3 * again.len() > self.places.len() + FEW {
            return None;
        }
        let built = again.iter().flat_map(|unit| self.built_of(*unit)).collect();
        let mut work = Work { units: again, members, built, teams };
        let numbers: Vec<Vec<UnitId>> =
            self.units.iter().map(|units| units.iter().map(|unit| unit.id).collect()).collect();
        let currency = self.totals.money.keys().next().copied();
        let ledger = loop {
            let work_and_currency = Some((&work, currency));
            let ledger =
                resolver::pages(&imports.modules, &imports.sources, files, &numbers, work_and_currency);
            let whole: Vec<UnitId> =
                work.members.keys().copied().filter(|unit| self.needs_all(*unit, &work, &ledger)).collect();
            if whole.is_empty() {
                break ledger;
            }
            whole.iter().for_each(|unit| drop(work.members.remove(unit)));
            work.units.extend(whole);
        };
        self.replace(ledger, &work, removed, &shapes)?;
        Some(work.units.len() + work.members.len())
    }

    /// Whether lines of `unit` can be read for a few members again: nothing that they say depends on all.
    fn is_in_parts(&self, unit: UnitId) -> bool {
        self.pages.get(&Owner::Unit(unit)).is_some_and(|page| !page.needs_all && !page.tells())
    }

    /// Whether lines of `unit`, read for the members in `work`, turn out to have to be read for all of them.
    fn needs_all(&self, unit: UnitId, work: &Work, ledger: &Ledger) -> bool {
        let page = ledger.pages.get(&Owner::Unit(unit));
        if page.is_some_and(|page| page.needs_all || page.tells() || page.limits_nameplates) {
            return true;
        }
        let Some(members) = work.members.get(&unit) else { return true };
        // Where a line begins or ceases to speak of anything, that is said on the page of its declaration.
        let mut spoken_of: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        let speaking = |owner: Owner, page: &Page| match owner {
            Owner::Member { unit: by, of, line } => {
                (by == unit && page.speaks && members.contains(&of)).then_some(line)
            }
            _ => None,
        };
        let before = self.members_of(unit).filter_map(|owner| speaking(owner, self.pages.get(&owner)?));
        before.for_each(|line| spoken_of.entry(line).or_default().0 += 1);
        let after = ledger.pages.iter().filter_map(|(owner, page)| speaking(*owner, page));
        after.for_each(|line| spoken_of.entry(line).or_default().1 += 1);
        spoken_of.into_iter().any(|(line, (before, after))| {
            let all = self.totals.spoken_of.get(&(unit, line)).copied().unwrap_or_default();
            (all > 0) != (all + after > before)
        })
    }

    /// Takes over what was found; nothing where it does not go together with what is kept.
    fn replace(
        &mut self,
        ledger: Ledger,
        work: &Work,
        removed: &[Unit],
        shapes: &BTreeMap<UnitId, BTreeSet<&'static str>>,
    ) -> Option<()> {
        if ledger.is_fragile() {
            return None;
        }
        let limited = self.totals.nameplates;
        let (mut nodes, mut limits) = (false, false);
        let mut note = |page: &Page| {
            nodes |= page.kinds.iter().any(|kind| NODES.contains(kind));
            limits |= page.limits_nameplates;
        };
        for unit in work.units.iter().copied().chain(removed.iter().map(|unit| unit.id)) {
            let beside = self.built_of(unit).chain(self.members_of(unit));
            let owners: Vec<Owner> = [Owner::Unit(unit)].into_iter().chain(beside).collect();
            owners.into_iter().filter_map(|owner| self.drop(owner)).for_each(|page| note(&page));
        }
        let is_again = |owner: &Owner| match owner {
            Owner::Member { unit, of, .. } => {
                work.members.get(unit).is_some_and(|members| members.contains(of))
            }
            _ => false,
        };
        for unit in work.members.keys() {
            let again: Vec<Owner> = self.members_of(*unit).filter(is_again).collect();
            again.into_iter().filter_map(|owner| self.drop(owner)).for_each(|page| note(&page));
        }
        self.drop(Owner::Program);
        if work.teams {
            self.drop(Owner::Teams);
        }
        for (owner, page) in ledger.pages {
            match (self.pages.get(&owner), owner) {
                // What others were asked for is what they have said before.
                (Some(known), _) => {
                    let says = |found: &Diagnostic| known.diagnostics.contains(found);
                    let computes = |part: &Part| known.reads.contains_key(part);
                    if !page.diagnostics.iter().all(says) || !page.reads.keys().all(computes) {
                        return None;
                    }
                    if owner.unit().is_some_and(|unit| work.members.contains_key(&unit)) {
                        self.read_more(owner, page);
                    }
                }
                (None, Owner::Unit(unit)) if !work.units.contains(&unit) => return None,
                (None, Owner::Member { unit, .. }) if !work.units.contains(&unit) && !is_again(&owner) => {
                    return None;
                }
                (None, _) => {
                    let told = owner.unit().and_then(|unit| shapes.get(&unit));
                    if told.is_some_and(|kinds| !page.kinds.is_subset(kinds)) {
                        // Whoever reads all things of another kind has not been told.
                        return None;
                    }
                    note(&page);
                    self.keep(owner, page);
                }
            }
        }
        // Lines over nameplates read all nodes.
        let nameplates = limits || nodes && limited + self.totals.nameplates > 0;
        (!nameplates && !self.totals.depend_on_order()).then_some(())
    }

    /// Moves what stands in `file` to where `edit` has put it; the pages with a place that the edit is in.
    fn shift(&mut self, file: FileId, edit: Edit) -> Vec<Owner> {
        let mut touched = Vec::new();
        for owner in &self.telling {
            if self.pages.get_mut(owner).is_some_and(|page| !page.shift(file, edit)) {
                touched.push(*owner);
            }
        }
        touched
    }

    /// The declarations in whose text one of `names` stands.
    fn saying(&self, names: &BTreeSet<&str>, imports: &Imports) -> BTreeSet<UnitId> {
        let mut saying = BTreeSet::new();
        for (module, units) in imports.modules.iter().zip(&self.units) {
            let text = imports.sources.get(module.start.file).map_or("", |source| &*source.text);
            for name in names {
                for (at, _) in text.match_indices(name) {
                    let is_part =
                        |other: Option<char>| other.is_some_and(|c| c.is_alphanumeric() || c == '_');
                    let (before, after) = (text.get(..at), text.get(at + name.len()..));
                    let (before, after) = (before.and_then(|text| text.chars().next_back()), after);
                    if is_part(before) || is_part(after.and_then(|text| text.chars().next())) {
                        continue;
                    }
                    let next = units.partition_point(|unit| unit.span.start as usize <= at);
                    let unit = next.checked_sub(1).and_then(|at| units.get(at));
                    saying.extend(unit.filter(|unit| at < unit.span.end as usize).map(|unit| unit.id));
                }
            }
        }
        saying
    }

    /// Puts together what there is to tell.
    fn tell(&mut self, imports: &Imports) {
        let position = |unit: UnitId| {
            self.places.get(&unit).map_or(0, |(module, at)| {
                // Neither has as many statements.
                ((*module as u64) << 32) + *at as u64
            })
        };
        let is_told =
            |owner: Owner| !matches!(owner, Owner::Built(..)) || self.totals.uses.contains_key(&owner);
        let telling = self.telling.iter().copied().filter(|owner| is_told(*owner));
        let pages = telling.filter_map(|owner| Some((owner, self.pages.get(&owner)?)));
        let pages: Vec<_> = pages.collect();
        // Where a name is claimed twice, nothing is kept.
        let found = if self.is_fragile {
            ledger::told(&self.pages, position, &imports.sources)
        } else {
            let nearly = pages.iter().flat_map(|(_, page)| &page.nearly).collect();
            let found = ledger::found(pages.into_iter(), position);
            ledger::with_blame(found, nearly, &self.pages, &imports.sources)
        };
        self.findings.diagnostics = resolver::told(imports.diagnostics.clone(), found).0;
    }

    /// Notes what the lines of a declaration have read on behalf of all when they were read for a few members.
    fn read_more(&mut self, owner: Owner, page: Page) {
        self.readers.note(owner, &page);
        let Some(known) = self.pages.get_mut(&owner) else { return };
        for (part, cells) in page.reads {
            let reads = known.reads.entry(part).or_default();
            reads.extend(cells);
            reads.sort_unstable();
            reads.dedup();
        }
    }

    fn keep(&mut self, owner: Owner, page: Page) {
        self.readers.note(owner, &page);
        if let Owner::Built(..) | Owner::Member { .. } = owner {
            self.beside.insert(owner);
        }
        if page.tells() {
            self.telling.insert(owner);
        }
        self.totals.add(owner, &page);
        self.pages.insert(owner, page);
    }

    fn drop(&mut self, owner: Owner) -> Option<Page> {
        let page = self.pages.remove(&owner)?;
        self.beside.remove(&owner);
        self.telling.remove(&owner);
        self.totals.remove(owner, &page);
        Some(page)
    }

    /// Notes where the statements of a module stand.
    fn place(&mut self, module: usize) {
        let units = self.units.get(module).into_iter().flatten().enumerate();
        self.places.extend(units.map(|(at, unit)| (unit.id, (module, at))));
    }

    fn unit(&self, unit: UnitId) -> Option<&Unit> {
        let (module, at) = self.places.get(&unit)?;
        self.units.get(*module)?.get(*at)
    }

    /// Other statements of its file that declare the same name.
    fn called_as(&self, unit: UnitId) -> impl Iterator<Item = UnitId> {
        let own = self.unit(unit).filter(|unit| !unit.name.is_empty());
        let module = self.places.get(&unit).and_then(|(module, _)| self.units.get(*module));
        let others = own.zip(module).into_iter().flat_map(move |(own, units)| {
            units.iter().filter(move |other| other.id != unit && other.name == own.name)
        });
        others.map(|other| other.id)
    }

    /// Devices and models of a declaration that were built.
    fn built_of(&self, unit: UnitId) -> impl Iterator<Item = Owner> {
        self.beside.range(Owner::Built(unit, 0)..=Owner::Built(unit, u64::MAX)).copied()
    }

    /// What lines of a declaration say of the things of others.
    fn members_of(&self, unit: UnitId) -> impl Iterator<Item = Owner> {
        let member = |of: u32, line: u64| Owner::Member { unit, of: UnitId(of), line };
        self.beside.range(member(0, 0)..=member(u32::MAX, u64::MAX)).copied()
    }

    /// The pages of a declaration.
    fn pages_of(&self, unit: UnitId) -> impl Iterator<Item = (Owner, &Page)> {
        let owners = [Owner::Unit(unit)].into_iter().chain(self.built_of(unit));
        owners.filter_map(|owner| Some((owner, self.pages.get(&owner)?)))
    }
}

/// So many declarations are not many, however small the program is.
const FEW: usize = 200;

/// What stands among the nodes whose nameplates are added up, or holds them.
const NODES: [&str; 5] = ["node", "device", "rack", "row", "site"];

/// Where something is wrong with the form of files.
struct Faults(HashMap<FileId, Vec<u32>>);

impl Faults {
    fn of(read: &[Diagnostic]) -> Self {
        let mut faults: HashMap<FileId, Vec<u32>> = HashMap::new();
        for place in read.iter().flat_map(|found| &found.labels).map(|label| label.span) {
            faults.entry(place.file).or_default().push(place.start);
        }
        faults.values_mut().for_each(|starts| starts.sort_unstable());
        Self(faults)
    }

    fn read<'a>(&'a self, module: &'a Module, imports: &'a Imports) -> Read<'a> {
        let file = module.start.file;
        Read {
            items: &module.tree.items,
            text: imports.sources.get(file).map_or("", |source| &*source.text),
            faults: self.0.get(&file).map_or(&[], Vec::as_slice),
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
        if !Arc::ptr_eq(&old.text, &new.text) && old.text != new.text {
            edits.push((id, Edit::between(&old.text, &new.text)));
        }
    }
    Some(edits)
}

//! Tree to model, in stages: files, names, things (keys and derivation), facts, conditions, the program.
//!
//! Facts are computed when they are read and remembered, so the order of lines never matters and a
//! cycle is found where it closes. Every recursion counts its depth, every expansion its size.

mod architecture;
mod arithmetic;
mod arrivals;
mod building;
mod calendar;
mod checks;
mod coercion;
mod comparison;
mod conditions;
mod diffusion;
mod draws;
mod evaluation;
mod experts;
mod fields;
mod flows;
mod functions;
mod guards;
mod hardware;
mod implied;
pub(crate) mod imports;
mod indices;
mod instances;
mod jobs;
mod keys;
pub(crate) mod ledger;
mod limits;
mod lines;
mod logic;
mod members;
mod module;
mod moved;
mod nameplates;
mod names;
mod params;
mod paths;
mod places;
mod pools;
mod services;
mod shapes;
mod targets;
mod teams;
mod things;
mod trials;
mod unknown;
mod value;
mod vision;
mod worlds;

use crate::data::{Summary, Undecodable, Wanted};
use crate::diagnostics::{Diagnostic, Severity, listed};
use crate::model::{Bound, Program, World};
use crate::quantity::Currency;
use crate::sources::{Files, Source, Sources};
use crate::span::{FileId, Span};
use crate::syntax::ast;
use crate::units::Unit;
use architecture::ReadConfiguration;
use calendar::Calendar;
use imports::{Imports, Module, Trees};
use indices::Indices;
pub(crate) use keys::MOST_THINGS;
use ledger::{Cell, Ledger, Owner, Part, UnitId};
use module::ReadModule;
use names::{Group, GroupId, Names};
use num_rational::BigRational;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use things::{Thing, ThingId};
use value::Value;
use worlds::Set;
pub(crate) use worlds::WorldLine;

/// The program at `root` in `world`, or the base where it is none, if nothing is wrong with it; every file
/// read; what was found, in order of file and place.
pub(crate) fn resolve(
    root: &str,
    files: &dyn Files,
    world: Option<&World>,
    trees: &mut Trees,
) -> (Option<Program>, Sources, Vec<Diagnostic>) {
    let Imports { modules, mut sources, mut diagnostics } = imports::read(root, files, trees);
    let mut program = None;
    if !modules.is_empty() {
        let units = numbered(&modules);
        let mut resolver = Resolver::new(&modules, &sources, files, &units);
        if let Some(world) = world {
            resolver.enter(&world.lines);
        }
        let built = resolver.program(world);
        let found = resolver.ledger.told(&sources);
        let mut read = module::files_of(resolver.configurations.values(), resolver.read_modules.values());
        read.extend(resolver.templates);
        let data = resolver.data;
        let sound;
        (diagnostics, sound) = told(diagnostics, found);
        // They are inputs as plan files are, and like them listed with their hashes.
        for (path, bytes) in read {
            let text = String::from_utf8_lossy(&bytes).into();
            sources.add(Source { path, text, bytes: bytes.into(), shipped: false });
        }
        for (wanted, summary) in data {
            if let Ok(summary) = summary {
                sources.add_data(&wanted.path, &summary.sha256);
            }
        }
        program = sound.then_some(built);
    }
    (program, sources, diagnostics)
}

/// The statements at the top level of every module, by module, numbered in the order of the files.
pub(crate) fn numbered(modules: &[Module]) -> Vec<Vec<UnitId>> {
    let mut numbers = (0..).map(UnitId);
    let number = |module: &Module| numbers.by_ref().take(module.tree.items.len()).collect();
    modules.iter().map(number).collect()
}

/// What is wrong with the form of files and what was `found` in them, in order of file and place; whether
/// there is a program.
pub(crate) fn told(read: Vec<Diagnostic>, mut found: Vec<Diagnostic>) -> (Vec<Diagnostic>, bool) {
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let readable = !read.iter().any(is_error);
    if !readable {
        // What a line that could not be read would have said is missing, and so is what follows from
        // it: only mistakes that stand for themselves are told.
        found.retain(|diagnostic| !follows_from_absence(diagnostic));
    }
    let sound = readable && !found.iter().any(is_error);
    if !sound {
        // The line that is wrong may be the one that asks for something.
        found.retain(|diagnostic| diagnostic.code != "world::idle");
    }
    let mut all = read;
    all.extend(found);
    all.sort_by_key(|diagnostic| {
        diagnostic.labels.first().map(|label| (label.span.file, label.span.start, label.span.end))
    });
    (all, sound)
}

/// What is done where not everything is: work on behalf of these, and whatever they turn out to need.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Declarations.
    pub(crate) units: BTreeSet<UnitId>,
    /// Others, as far as their lines over all things of a kind speak of those of these declarations.
    pub(crate) members: BTreeMap<UnitId, BTreeSet<UnitId>>,
    /// Devices and models of theirs that others have built.
    pub(crate) built: BTreeSet<Owner>,
    /// What all teams are guaranteed together; the teams are among the declarations.
    pub(crate) teams: bool,
}

/// What a program says of each declaration; of those in `work`, where that is given.
pub(crate) fn pages(
    modules: &[Module],
    sources: &Sources,
    files: &dyn Files,
    units: &[Vec<UnitId>],
    work: Option<(&Work, Option<Currency>)>,
) -> Ledger {
    let mut resolver = Resolver::new(modules, sources, files, units);
    if let Some((work, currency)) = work {
        resolver.work = Some(work);
        resolver.currency = currency.map(|currency| (currency, resolver.file_start(0)));
    }
    resolver.program(None);
    resolver.ledger
}

/// It may be the consequence of a line that is not there.
fn follows_from_absence(diagnostic: &Diagnostic) -> bool {
    matches!(
        diagnostic.code,
        "name::unknown"
            | "name::unknown-key"
            | "name::misplaced"
            | "name::missing"
            | "fact::unset"
            | "param::unset"
            | "param::unknown"
            | "service::no-work"
            | "service::not-a-model"
            | "derive::kind"
            | "plan::not-yet"
            | "test::no-check"
    )
}

/// Reported already; whoever gets it says no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// A value, or a message that has been made.
pub(crate) type Outcome<T> = Result<T, Reported>;

/// What evaluates: names, things and what is known of them so far.
pub(crate) struct Resolver<'a> {
    sources: &'a Sources,
    files: &'a dyn Files,
    /// Data files that were asked for.
    data: BTreeMap<Wanted, Result<Summary, Undecodable>>,
    /// Configurations that were read, by path.
    configurations: BTreeMap<String, Rc<ReadConfiguration>>,
    /// The bytes of files that services are filled into, by path.
    templates: BTreeMap<String, Vec<u8>>,
    /// Modules that were read, by path and entry.
    read_modules: BTreeMap<(String, Option<String>), Rc<ReadModule>>,
    modules: &'a [Module],
    /// The number of each statement at a file's top level, by module.
    units: &'a [Vec<UnitId>],
    /// What is to be done; everything where it is none.
    work: Option<&'a Work>,
    names: Vec<Names<'a>>,
    groups: Vec<Group<'a>>,
    things: Vec<Thing<'a>>,
    /// Top-level groups in the order in which their first blocks appear, the root's first.
    order: Vec<GroupId>,
    /// Where each group stands in that order.
    ranks: Vec<usize>,
    /// Every block that is worked on has become things, and others do where they are read.
    expanded: bool,
    /// Things of a kind that were asked for, once blocks have become things.
    planned: HashMap<&'static str, Rc<Vec<ThingId>>>,
    /// Nodes that are there, by the innermost place that holds them, once blocks have become things.
    nodes_by_place: Option<Rc<Vec<Vec<ThingId>>>>,
    /// Values of params and lets, by module and name.
    values: HashMap<(usize, &'a str), Slot>,
    /// Where things stand among those of their sort.
    indices: Indices,
    /// Units that were read, by how they are written.
    measures: HashMap<&'a str, Unit>,
    /// The first money that was read.
    currency: Option<(Currency, Span)>,
    calendar: Option<Calendar>,
    /// How high days stand in each of its steps, by when they peak.
    heights: HashMap<BigRational, Rc<Vec<BigRational>>>,
    /// Nested evaluations in progress.
    depth: usize,
    /// Bodies of quantifiers evaluated so far.
    folded: usize,
    /// What quantifiers of the line in hand run over: whether there was anything at all.
    quantified: BTreeMap<Span, bool>,
    /// While it is set nothing is reported: an abstract block may lack what its deriving blocks state.
    lenient: bool,
    /// What is said, on whose behalf.
    ledger: Ledger,
    suggestions: usize,
    /// Lines of the world that is read; none in the base.
    sets: Vec<Set<'a>>,
    /// Params that the world binds, by module and name.
    bound: HashMap<(usize, &'a str), (&'a ast::Expr, Scope)>,
    /// What the world loses, without what stands in it.
    lost: BTreeSet<ThingId>,
}

/// What was being done before somebody else's turn came.
struct Before {
    ledger: ledger::Before,
    lenient: bool,
    quantified: BTreeMap<Span, bool>,
}

/// A value that is computed when it is first read.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// Being computed.
    Pending,
    /// Known.
    Known(Value),
    /// A message has been made.
    Failed,
}

/// What is in reach where an expression stands.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The file it is written in.
    pub(crate) module: usize,
    /// Keys and quantifier variables.
    pub(crate) variables: Rc<Vec<(String, Value)>>,
    /// The innermost block: of the deriving thing, where the expression stands in a base.
    pub(crate) thing: Option<ThingId>,
    /// The field whose value the expression is part of.
    pub(crate) field: Option<&'static str>,
}

impl Scope {
    /// The top level of a file.
    pub(crate) fn top(module: usize) -> Self {
        Self { module, variables: Rc::default(), thing: None, field: None }
    }

    /// With one more variable.
    pub(crate) fn with(&self, name: &str, value: Value) -> Self {
        let mut variables = (*self.variables).clone();
        variables.retain(|(known, _)| known != name);
        variables.push((name.to_owned(), value));
        Self { variables: Rc::new(variables), ..self.clone() }
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// Evaluations nest at most this deep: through expressions, lets, params, facts and bases.
const DEEPEST: usize = 160;

/// After this many did-you-means a message goes without: each looks at every name in reach.
pub(crate) const MOST_SUGGESTIONS: usize = 100;

impl<'a> Resolver<'a> {
    fn new(
        modules: &'a [Module],
        sources: &'a Sources,
        files: &'a dyn Files,
        units: &'a [Vec<UnitId>],
    ) -> Self {
        Self {
            sources,
            files,
            data: BTreeMap::new(),
            configurations: BTreeMap::new(),
            templates: BTreeMap::new(),
            read_modules: BTreeMap::new(),
            modules,
            units,
            work: None,
            names: Vec::new(),
            groups: Vec::new(),
            things: Vec::new(),
            order: Vec::new(),
            ranks: Vec::new(),
            expanded: false,
            planned: HashMap::new(),
            nodes_by_place: None,
            values: HashMap::new(),
            indices: Indices::default(),
            measures: HashMap::new(),
            currency: None,
            calendar: None,
            heights: HashMap::new(),
            depth: 0,
            folded: 0,
            quantified: BTreeMap::new(),
            lenient: false,
            ledger: Ledger::default(),
            suggestions: 0,
            sets: Vec::new(),
            bound: HashMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Every stage in turn.
    fn program(&mut self, world: Option<&World>) -> Program {
        let params = self.read();
        self.build(params, world)
    }

    /// Every stage up to the facts of all things; the root's params.
    fn read(&mut self) -> Vec<Bound> {
        self.declare();
        self.expand();
        self.expanded = true;
        self.lose();
        self.number_things();
        let params = self.params();
        self.check_things();
        params
    }

    /// Writes `diagnostic` down, once for each place: a block with many keys, or with many derivations, says
    /// everything once.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        if self.lenient && diagnostic.code == "fact::unset" {
            return Reported;
        }
        self.ledger.report(diagnostic);
        Reported
    }

    /// Whether anything is to be done on behalf of `unit`.
    pub(crate) fn works_on(&self, unit: UnitId) -> bool {
        self.work.is_none_or(|work| work.units.contains(&unit) || work.members.contains_key(&unit))
    }

    /// Does `work` on behalf of `owner`: whatever it reports and reads is written down there. Nothing of what
    /// is being done for somebody else enters it.
    pub(crate) fn on_behalf<T>(
        &mut self,
        owner: Owner,
        part: Part,
        lenient: bool,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.turn(owner, part, lenient);
        let outcome = work(self);
        self.turn_back(before);
        outcome
    }

    /// What follows is done on behalf of `owner`.
    fn turn(&mut self, owner: Owner, part: Part, lenient: bool) -> Before {
        Before {
            ledger: self.ledger.turn(owner, part),
            lenient: std::mem::replace(&mut self.lenient, lenient),
            quantified: std::mem::take(&mut self.quantified),
        }
    }

    fn turn_back(&mut self, before: Before) {
        let Before { ledger, lenient, quantified } = before;
        self.quantified = quantified;
        self.lenient = lenient;
        self.ledger.turn_back(ledger);
    }

    /// Notes that `part` of the declaration of a thing is read.
    pub(crate) fn note(&self, thing: ThingId, part: &str) {
        self.ledger.read(Cell::Of(self.thing(thing).unit, Part::of(part)));
    }

    /// What is found now depends on what was done before.
    pub(crate) fn depends_on_order(&self) {
        self.ledger.fragile.set(true);
    }

    /// Runs `work` one level deeper, unless that is too deep.
    pub(crate) fn deeper<T>(&mut self, span: Span, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= DEEPEST {
            return Err(self.report(
                Diagnostic::error(
                    "limit::too-deep",
                    "values lean on values too deep",
                    span,
                    format!("more than {DEEPEST} steps down"),
                )
                .help("Name a part of it with `let` near its use, or state the value itself."),
            ));
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    /// The name among `known` that `name` might be meant to be.
    pub(crate) fn suggestion<'n>(
        &mut self,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        if self.suggestions >= MOST_SUGGESTIONS {
            return None;
        }
        self.suggestions += 1;
        self.ledger.page().suggestions += 1;
        closest(name, known).map(str::to_owned)
    }

    /// A line as it is written, on one line, without comments.
    pub(crate) fn text(&self, span: Span) -> String {
        one_line(self.sources.text(span))
    }

    /// The place that stands for a whole file.
    pub(crate) fn file_start(&self, module: usize) -> Span {
        self.modules.get(module).map_or(Span::new(FileId(0), 0, 0), |module| module.start)
    }
}

/// The closest of `known` to `name`, if it is close: few edits for its length, or another ending.
fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    let allowed = match length {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && *candidate != name)
        .filter_map(|candidate| {
            if candidate.chars().count().abs_diff(length) > allowed + 4 {
                return None;
            }
            let distance = strsim::osa_distance(name, candidate);
            let prefix = length >= 4 && (candidate.starts_with(name) || name.starts_with(candidate));
            // Two edits away from a short name is another name.
            let close = distance <= allowed && distance * 2 <= length;
            (close || prefix).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `text` with comments left out and runs of blanks made one.
pub(crate) fn one_line(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_text = false;
        let mut escaped = false;
        let mut previous = '\0';
        let mut end = line.len();
        for (at, character) in line.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' if in_text => escaped = true,
                '"' => in_text = !in_text,
                '/' if !in_text && previous == '/' => {
                    end = at - 1;
                    break;
                }
                _ => {}
            }
            previous = character;
        }
        kept.push_str(line.get(..end).unwrap_or(line));
        kept.push(' ');
    }
    let words: Vec<_> = kept.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{closest, one_line};

    #[test]
    fn near_names() {
        assert_eq!(closest("availabilty", ["availability", "bill"]), Some("availability"));
        assert_eq!(closest("pritority", ["priority", "prompt"]), Some("priority"));
        assert_eq!(closest("cpus", ["cpu", "memory"]), Some("cpu"));
        assert_eq!(closest("colour", ["cpu", "memory", "price"]), None);
        assert_eq!(closest("x", ["y"]), None);
    }

    #[test]
    fn one_line_keeps_slashes_in_texts() {
        assert_eq!(one_line("a  = \"x//y\" // why\n  + 2"), "a = \"x//y\" + 2");
    }
}

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
mod draws;
mod evaluation;
mod fields;
mod flows;
mod functions;
mod guards;
mod hardware;
pub(crate) mod imports;
mod instances;
mod jobs;
mod keys;
mod limits;
mod lines;
mod logic;
mod module;
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
mod value;
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
use imports::{Imports, Module};
use module::ReadModule;
use names::{Group, GroupId, Names};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
) -> (Option<Program>, Sources, Vec<Diagnostic>) {
    let Imports { modules, mut sources, mut diagnostics } = imports::read(root, files);
    let readable = diagnostics.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
    let mut program = None;
    if !modules.is_empty() {
        let mut resolver = Resolver::new(&modules, &sources, files);
        if let Some(world) = world {
            resolver.enter(&world.lines);
        }
        let built = resolver.program(world);
        let mut found = resolver.diagnostics;
        let read = module::files_of(resolver.configurations.values(), resolver.read_modules.values());
        let data = resolver.data;
        if !readable {
            // What a line that could not be read would have said is missing, and so is what follows from
            // it: only mistakes that stand for themselves are told.
            found.retain(|diagnostic| !follows_from_absence(diagnostic));
        }
        let sound = found.iter().all(|diagnostic| diagnostic.severity != Severity::Error);
        diagnostics.extend(found);
        // They are inputs as plan files are, and like them listed with their hashes.
        for (path, bytes) in read {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            sources.add(Source { path, text, bytes, shipped: false });
        }
        for (wanted, summary) in data {
            if let Ok(summary) = summary {
                sources.add_data(&wanted.path, &summary.sha256);
            }
        }
        program = (readable && sound).then_some(built);
    }
    diagnostics.sort_by_key(|diagnostic| {
        diagnostic.labels.first().map(|label| (label.span.file, label.span.start, label.span.end))
    });
    (program, sources, diagnostics)
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
    /// Modules that were read, by path and entry.
    read_modules: BTreeMap<(String, Option<String>), Rc<ReadModule>>,
    modules: &'a [Module],
    names: Vec<Names<'a>>,
    groups: Vec<Group<'a>>,
    things: Vec<Thing<'a>>,
    /// Top-level groups in the order in which their first blocks appear, the root's first.
    order: Vec<GroupId>,
    /// Values of params and lets, by module and name.
    values: HashMap<(usize, &'a str), Slot>,
    /// Planned services by thing: their index in the program.
    services: HashMap<ThingId, usize>,
    /// Nodes by thing: their index in the program.
    nodes: HashMap<ThingId, usize>,
    /// Sites, rows and racks by thing: their index in the program.
    places: HashMap<ThingId, usize>,
    /// Links by thing: their index in the program.
    links: HashMap<ThingId, usize>,
    /// Scenarios by thing: their index in the program.
    scenarios: HashMap<ThingId, usize>,
    /// Units that were read, by how they are written.
    units: HashMap<&'a str, Unit>,
    /// The first money that was read.
    currency: Option<(Currency, Span)>,
    calendar: Option<Calendar>,
    /// Nested evaluations in progress.
    depth: usize,
    /// Bodies of quantifiers evaluated so far.
    folded: usize,
    /// What quantifiers of the line in hand run over: whether there was anything at all.
    quantified: BTreeMap<Span, bool>,
    /// While it is set nothing is reported: an abstract block may lack what its deriving blocks state.
    lenient: bool,
    diagnostics: Vec<Diagnostic>,
    seen: HashSet<(&'static str, Option<Span>)>,
    suggestions: usize,
    /// Declarations that something refers to.
    referred: HashSet<(usize, &'a str)>,
    /// Unknown names that are one letter longer than a declaration.
    nearly: Vec<Nearly<'a>>,
    /// Lines of the world that is read; none in the base.
    sets: Vec<Set<'a>>,
    /// Params that the world binds, by module and name.
    bound: HashMap<(usize, &'a str), (&'a ast::Expr, Scope)>,
    /// What the world loses, without what stands in it.
    lost: BTreeSet<ThingId>,
}

/// An unknown name, and the declaration that it might be meant to be.
struct Nearly<'a> {
    place: Span,
    module: usize,
    name: &'a str,
    declared: Span,
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
const MOST_SUGGESTIONS: usize = 100;

impl<'a> Resolver<'a> {
    fn new(modules: &'a [Module], sources: &'a Sources, files: &'a dyn Files) -> Self {
        Self {
            sources,
            files,
            data: BTreeMap::new(),
            configurations: BTreeMap::new(),
            read_modules: BTreeMap::new(),
            modules,
            names: Vec::new(),
            groups: Vec::new(),
            things: Vec::new(),
            order: Vec::new(),
            values: HashMap::new(),
            services: HashMap::new(),
            nodes: HashMap::new(),
            places: HashMap::new(),
            links: HashMap::new(),
            scenarios: HashMap::new(),
            units: HashMap::new(),
            currency: None,
            calendar: None,
            depth: 0,
            folded: 0,
            quantified: BTreeMap::new(),
            lenient: false,
            diagnostics: Vec::new(),
            seen: HashSet::new(),
            suggestions: 0,
            referred: HashSet::new(),
            nearly: Vec::new(),
            sets: Vec::new(),
            bound: HashMap::new(),
            lost: BTreeSet::new(),
        }
    }

    /// Every stage in turn.
    fn program(&mut self, world: Option<&World>) -> Program {
        let params = self.read();
        let program = self.build(params, world);
        self.blame_declarations();
        program
    }

    /// Every stage up to the facts of all things; the root's params.
    fn read(&mut self) -> Vec<Bound> {
        self.declare();
        self.expand();
        self.lose();
        let params = self.params();
        self.check_things();
        params
    }

    /// Where a name is unknown and a declaration that lacks one of its letters is referred to by nothing,
    /// the letter is missing there: the declaration becomes the first place.
    fn blame_declarations(&mut self) {
        for nearly in std::mem::take(&mut self.nearly) {
            if self.referred.contains(&(nearly.module, nearly.name)) {
                continue;
            }
            let diagnostic = self.diagnostics.iter_mut().find(|diagnostic| {
                let place = diagnostic.labels.first().map(|label| label.span);
                diagnostic.code == "name::unknown" && place == Some(nearly.place)
            });
            let (Some(diagnostic), Some(name)) = (diagnostic, self.sources.get(nearly.place.file)) else {
                continue;
            };
            let used = name.text.get(nearly.place.range()).unwrap_or_default();
            let place = nearly.place;
            *diagnostic = Diagnostic::error(
                "name::unknown",
                format!("`{used}` is used, and `{}` is declared", nearly.name),
                nearly.declared,
                format!("nothing uses `{}`", nearly.name),
            )
            .and(place, format!("nothing is called `{used}`"))
            .help("Give both the same name.");
        }
    }

    /// Keeps `diagnostic` unless the same was said of the same place: a block with many keys, or with
    /// many derivations, says everything once.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        if self.lenient && diagnostic.code == "fact::unset" {
            return Reported;
        }
        let place = diagnostic.labels.first().map(|label| label.span);
        if self.seen.insert((diagnostic.code, place)) {
            self.diagnostics.push(diagnostic);
        }
        Reported
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

//! What is said of each declaration, and what was read to say it: a page for each.
//!
//! Work is done on behalf of an [`Owner`]: a declaration at a file's top level, mostly. Whatever is reported
//! meanwhile stands on the owner's page, wherever its place is; a line of a base may be wrong for one of its
//! derivations only. Where work for one owner needs a value of another, that value is computed on behalf
//! of the other. So a page depends on nothing but what its owner reads, and not on who was first.
//!
//! What is told is the same in whatever order pages were written: the same said of the same place is told
//! once, for the first owner in the files.

use crate::diagnostics::Diagnostic;
use crate::quantity::Currency;
use crate::sources::Sources;
use crate::span::{FileId, Span};
use crate::syntax::reuse::Edit;
use std::cell::{self, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A statement at the top level of a file, as one importer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UnitId(pub(crate) u32);

/// On whose behalf work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// Nobody's in particular: names, the bodies of `use` lines, the number of plans.
    Program,
    /// A declaration's.
    Unit(UnitId),
    /// A device or model of a declaration, by its address, which is built because something uses it.
    Built(UnitId, u64),
    /// A declaration's, as far as one of its lines over all things of a kind speaks of those of another.
    Member {
        /// The declaration.
        unit: UnitId,
        /// The other one.
        of: UnitId,
        /// A fingerprint of which line it is.
        line: u64,
    },
    /// What all teams are guaranteed together.
    Teams,
    /// What all nodes draw together.
    Nameplates,
}

/// A part of what a declaration says: a field of its things, the value of a `let`, or one of the following.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Part(u32);

impl Owner {
    /// The declaration it is.
    pub(crate) fn unit(self) -> Option<UnitId> {
        match self {
            Self::Unit(unit) | Self::Built(unit, _) | Self::Member { unit, .. } => Some(unit),
            Self::Program | Self::Teams | Self::Nameplates => None,
        }
    }
}

impl Part {
    /// Which things there are: kinds, names, keys, what they derive from.
    pub(crate) const SHAPE: Self = Self::of(" shape");
    /// What is required and wished.
    pub(crate) const LINES: Self = Self::of(" lines");
    /// What is made of all that, which nobody reads.
    pub(crate) const REST: Self = Self::of(" rest");
    /// What a `let` or `param` is.
    pub(crate) const VALUE: Self = Self::of(" value");

    /// The field called `name`. Two names may share a number: then too much is taken for one.
    pub(crate) const fn of(name: &str) -> Self {
        // FNV-1a.
        let bytes = name.as_bytes();
        let mut hash: u32 = 0x811c_9dc5;
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        Self(hash)
    }
}

/// What somebody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cell {
    /// A part of a declaration.
    Of(UnitId, Part),
    /// All things of a kind.
    All(Part),
    /// All things of a kind, what is said of each on a page of its own.
    Each(Part),
    /// What the lines of the whole program require.
    Lines,
    /// All there is.
    Everything,
}

/// What the work on behalf of one owner led to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Found in another world: told where nobody says the same of this one.
    pub(crate) adopted: Vec<Diagnostic>,
    /// Fingerprints of the names that it refers to.
    pub(crate) referred: HashSet<u64>,
    /// Unknown names that are one letter longer than a declaration.
    pub(crate) nearly: Vec<Nearly>,
    /// Names that one thing of the program may have.
    pub(crate) claims: Vec<Claim>,
    /// Devices and models that it has built.
    pub(crate) uses: BTreeSet<Owner>,
    /// Did-you-means that were looked for.
    pub(crate) suggestions: usize,
    /// Bodies of quantifiers that were evaluated.
    pub(crate) folded: usize,
    /// Things that were made.
    pub(crate) things: usize,
    /// Their kinds.
    pub(crate) kinds: BTreeSet<&'static str>,
    /// What each part of it reads, sorted; every part that was computed is here.
    pub(crate) reads: HashMap<Part, Vec<Cell>>,
    /// The declarations whose lines its things have.
    pub(crate) bases: BTreeSet<UnitId>,
    /// Currencies of the money in it.
    pub(crate) money: BTreeSet<Currency>,
    /// Some of it is the value of a fact, so that it is known before any line is read.
    pub(crate) has_priced_facts: bool,
    /// A currency was asked for that may not have been known yet: dollars were assumed.
    pub(crate) assumes_dollars: bool,
    /// A line of it limits what hardware could draw.
    pub(crate) limits_nameplates: bool,
    /// Of a member: there is something that the line speaks of.
    pub(crate) speaks: bool,
    /// What its lines come to is known of all members together alone.
    pub(crate) needs_all: bool,
}

/// An unknown name, and the declaration that it might be meant to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nearly {
    pub(crate) place: Span,
    pub(crate) module: usize,
    pub(crate) name: String,
    pub(crate) declared: Span,
}

/// A name that one thing of the program may have: of its kind, and where that thing stands.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) span: Span,
    /// The thing is called otherwise now.
    pub(crate) was: bool,
}

/// The pages of one run, and whose turn it is.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) pages: HashMap<Owner, Page>,
    /// Something was found that depends on where evaluation began, or on how much was done before.
    pub(crate) fragile: cell::Cell<bool>,
    turn: (Owner, Part),
    reads: RefCell<Vec<Cell>>,
    /// Where a message stands on its page, and when its turn comes.
    said: HashMap<(Owner, &'static str, Option<Span>), (usize, Turn)>,
}

/// When parts of a declaration have their turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Once, one thing after the other.
    Shape,
    /// Whenever somebody reads one.
    Facts,
    /// Once, one thing after the other.
    Lines,
}

/// Whose turn it was before.
pub(crate) struct Before {
    turn: (Owner, Part),
    reads: Vec<Cell>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            pages: HashMap::new(),
            fragile: cell::Cell::new(false),
            turn: (Owner::Program, Part::REST),
            reads: RefCell::default(),
            said: HashMap::new(),
        }
    }
}

/// Messages that depend on where evaluation began, or on how much was done before.
const FRAGILE: [&str; 6] = [
    "fact::cycle",
    "derive::cycle",
    "name::too-early",
    "limit::too-deep",
    "keys::too-many",
    "units::mixed-currencies",
];

impl Ledger {
    /// Has what follows be done on behalf of `owner`.
    pub(crate) fn turn(&mut self, owner: Owner, part: Part) -> Before {
        Before {
            turn: std::mem::replace(&mut self.turn, (owner, part)),
            reads: std::mem::take(self.reads.get_mut()),
        }
    }

    /// Whose turn it is.
    pub(crate) fn owner(&self) -> Owner {
        self.turn.0
    }

    /// Goes back to who it was before.
    pub(crate) fn turn_back(&mut self, before: Before) {
        let Before { turn, reads } = before;
        let read = std::mem::replace(self.reads.get_mut(), reads);
        let (owner, part) = std::mem::replace(&mut self.turn, turn);
        let known = self.pages.entry(owner).or_default().reads.entry(part).or_default();
        let fresh = known.len();
        known.extend(read);
        if known.len() > fresh {
            known.sort_unstable();
            known.dedup();
        }
    }

    /// Notes that whoever's turn it is reads `cell`.
    pub(crate) fn read(&self, cell: Cell) {
        let mut reads = self.reads.borrow_mut();
        if reads.last() != Some(&cell) {
            reads.push(cell);
        }
    }

    /// Notes money that is read.
    pub(crate) fn pays_in(&mut self, currency: Currency) {
        let is_fact = !self.reads_lines();
        let page = self.page();
        page.money.insert(currency);
        page.has_priced_facts |= is_fact;
    }

    /// Notes that somebody asks what the program pays in.
    pub(crate) fn ask_currency(&mut self, known: Option<Currency>) {
        if known.is_none() || !self.reads_lines() {
            self.page().assumes_dollars = true;
        }
    }

    /// Lines are being read, which comes after all facts.
    fn reads_lines(&self) -> bool {
        matches!(self.turn.1, Part::LINES | Part::REST)
    }

    /// The page of whoever's turn it is.
    pub(crate) fn page(&mut self) -> &mut Page {
        self.pages.entry(self.turn.0).or_default()
    }

    /// Writes down what is said. Of messages that say the same of one place a page keeps the first; of those
    /// about facts the one that comes first by its text, since facts are computed in any order.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        if FRAGILE.contains(&diagnostic.code) {
            self.fragile.set(true);
        }
        let page = self.pages.entry(self.turn.0).or_default();
        let key = (self.turn.0, diagnostic.code, place(&diagnostic));
        let turn = match self.turn.1 {
            Part::SHAPE => Turn::Shape,
            Part::LINES | Part::REST => Turn::Lines,
            _ => Turn::Facts,
        };
        let (at, known) = *self.said.entry(key).or_insert((page.diagnostics.len(), turn));
        match page.diagnostics.get_mut(at) {
            None => page.diagnostics.push(diagnostic),
            Some(first) => {
                let by_text = || known == Turn::Facts && by_text(&diagnostic, first) == Ordering::Less;
                if turn < known || turn == known && by_text() {
                    self.said.insert(key, (at, turn));
                    *first = diagnostic;
                }
            }
        }
    }

    /// It depends on where evaluation began, or on how much was done before.
    pub(crate) fn is_fragile(&self) -> bool {
        self.fragile.get()
    }

    /// What all pages say, in order of place, with nobody blamed for a name that is unknown.
    pub(crate) fn found(&self) -> Vec<Diagnostic> {
        found_in(&self.pages, |unit| unit.0.into())
    }

    /// What all pages say, in order of place.
    pub(crate) fn told(&self, sources: &Sources) -> Vec<Diagnostic> {
        told(&self.pages, |unit| unit.0.into(), sources)
    }
}

impl Page {
    /// Moves every place in `file` to where `edit` has put it; whether none is touched by the edit. Where names
    /// are claimed stays as it is: where one is claimed twice, nobody edits pages.
    pub(crate) fn shift(&mut self, file: FileId, edit: Edit) -> bool {
        let shift = edit.shift(file);
        let mut whole = true;
        let labels = self.diagnostics.iter_mut().chain(&mut self.adopted).flat_map(|found| &mut found.labels);
        let places = labels.map(|label| &mut label.span);
        let nearly = self.nearly.iter_mut().flat_map(|nearly| [&mut nearly.place, &mut nearly.declared]);
        for place in places.chain(nearly).filter(|place| place.file == file) {
            if place.start as usize > edit.old_after {
                shift.span(place);
            } else if place.end as usize >= edit.before {
                whole = false;
            }
        }
        whole
    }

    /// There is something on it to be told.
    pub(crate) fn tells(&self) -> bool {
        !self.diagnostics.is_empty() || !self.adopted.is_empty() || !self.nearly.is_empty()
    }

    /// Remembers that something refers to `name`.
    pub(crate) fn refer(&mut self, module: usize, name: &str) {
        self.referred.insert(fingerprint(&(module, name)));
    }
}

pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The place of a message.
fn place(diagnostic: &Diagnostic) -> Option<Span> {
    diagnostic.labels.first().map(|label| label.span)
}

/// Shorter texts first, so that `box[2]` stands before `box[10]`.
fn by_text(a: &Diagnostic, b: &Diagnostic) -> Ordering {
    let key = |diagnostic: &Diagnostic| (diagnostic.title.len(), diagnostic.severity);
    let labels = |diagnostic: &Diagnostic| -> Vec<_> {
        diagnostic.labels.iter().map(|label| (label.span, label.text.len(), label.text.clone())).collect()
    };
    key(a)
        .cmp(&key(b))
        .then_with(|| a.title.cmp(&b.title))
        .then_with(|| labels(a).cmp(&labels(b)))
        .then_with(|| a.help.cmp(&b.help))
}

/// What `pages` say, where declarations stand in the order of `position`.
pub(crate) fn told(
    pages: &HashMap<Owner, Page>,
    position: impl Fn(UnitId) -> u64,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let nearly = pages.values().flat_map(|page| &page.nearly).collect();
    with_blame(found_in(pages, position), nearly, pages, sources)
}

/// The same, with nobody blamed for a name that is unknown.
fn found_in(pages: &HashMap<Owner, Page>, position: impl Fn(UnitId) -> u64) -> Vec<Diagnostic> {
    let used: HashSet<Owner> = pages.values().flat_map(|page| page.uses.iter().copied()).collect();
    let is_told = |owner: &Owner| !matches!(owner, Owner::Built(..)) || used.contains(owner);
    let pages = pages.iter().map(|(owner, page)| (*owner, page)).filter(|(owner, _)| is_told(owner));
    found(pages, position)
}

/// `told`, with declarations blamed for names that are unknown.
pub(crate) fn with_blame(
    mut told: Vec<Diagnostic>,
    nearly: BTreeSet<&Nearly>,
    pages: &HashMap<Owner, Page>,
    sources: &Sources,
) -> Vec<Diagnostic> {
    for nearly in nearly {
        let declared = fingerprint(&(nearly.module, nearly.name.as_str()));
        if !pages.values().any(|page| page.referred.contains(&declared)) {
            blame(nearly, &mut told, sources);
        }
    }
    told
}

/// What `pages` say that are told.
pub(crate) fn found<'p>(
    pages: impl Iterator<Item = (Owner, &'p Page)>,
    position: impl Fn(UnitId) -> u64,
) -> Vec<Diagnostic> {
    let pages: Vec<(Owner, &Page)> = pages.collect();
    let rank = |owner: Owner| match owner {
        Owner::Program => (0, 0, 0),
        Owner::Unit(unit) => (1, position(unit), 0),
        Owner::Member { unit, of, line: _ } => (1, position(unit), 1 + position(of)),
        Owner::Built(unit, thing) => (2, position(unit), thing),
        Owner::Teams => (3, 0, 0),
        Owner::Nameplates => (4, 0, 0),
    };
    let pages = || pages.iter().copied();
    let said = pages().flat_map(|(owner, page)| page.diagnostics.iter().map(move |said| (owner, said)));
    let mut all: Vec<_> = said.map(|(owner, said)| ((0, rank(owner)), said.clone())).collect();
    let claims = pages().flat_map(|(owner, page)| page.claims.iter().map(move |claim| (owner, claim)));
    let claims = claims.map(|(owner, claim)| (rank(owner), claim));
    all.extend(twice(claims).map(|(owner, said)| ((0, owner), said)));
    let adopted = pages().flat_map(|(owner, page)| page.adopted.iter().map(move |said| (owner, said)));
    all.extend(adopted.map(|(owner, said)| ((1, rank(owner)), said.clone())));
    all.sort_by(|(a_rank, a), (b_rank, b)| {
        let a_place = (place(a), a.code, a_rank);
        a_place.cmp(&(place(b), b.code, b_rank)).then_with(|| by_text(a, b))
    });
    let mut told: Vec<Diagnostic> = Vec::with_capacity(all.len());
    for (_, said) in all {
        if told.last().is_none_or(|known| (place(known), known.code) != (place(&said), said.code)) {
            told.push(said);
        }
    }
    told
}

/// The rank of a page.
type Rank = (u8, u64, u64);

/// Names that two things have.
fn twice<'c>(claims: impl Iterator<Item = (Rank, &'c Claim)>) -> impl Iterator<Item = (Rank, Diagnostic)> {
    let mut named: HashMap<(&'static str, &str), Vec<(Rank, &'c Claim)>> = HashMap::new();
    for (rank, claim) in claims {
        named.entry((claim.kind, claim.name.as_str())).or_default().push((rank, claim));
    }
    let mut found = BTreeMap::new();
    for ((kind, name), mut claims) in named.into_iter().filter(|(_, claims)| claims.len() > 1) {
        claims.sort_by_key(|(rank, claim)| (*rank, claim.span));
        let Some(((_, first), others)) = claims.split_first() else { continue };
        for (rank, claim) in others {
            found.insert((claim.span, kind, name), (*rank, claimed_twice(claim, first)));
        }
    }
    found.into_values().collect::<Vec<_>>().into_iter()
}

fn claimed_twice(Claim { kind, name, span, was }: &Claim, first: &Claim) -> Diagnostic {
    let (title, help) = match *kind {
        kind if *was || first.was => (
            format!("the {kind} `{name}` has moved, and is there"),
            "An address that something has moved from is nobody's any more: rename one, or leave one out.",
        ),
        "test" => (
            format!("two tests are called \"{name}\""),
            "Rename one of them: reports tell tests apart by their names.",
        ),
        kind if *span == first.span => (
            format!("a file that is used twice makes a {kind} `{name}` twice"),
            "Use it once. What a file makes several times it makes with keys: `rack r[1..3]`.",
        ),
        kind => (
            format!("two files have a {kind} `{name}`"),
            "Rename one of them: plans and messages name things by their address.",
        ),
    };
    if *span == first.span {
        return Diagnostic::error("name::duplicate", title, *span, "this would stand in the program twice")
            .help(help);
    }
    Diagnostic::error("name::duplicate", title, *span, "this is one of them")
        .and(first.span, "this is the other")
        .help(help)
}

/// Where a name is unknown and a declaration that lacks one of its letters is referred to by nothing,
/// the letter is missing there: the declaration becomes the first place.
fn blame(nearly: &Nearly, told: &mut [Diagnostic], sources: &Sources) {
    let diagnostic = told
        .iter_mut()
        .find(|diagnostic| diagnostic.code == "name::unknown" && place(diagnostic) == Some(nearly.place));
    let Some(diagnostic) = diagnostic else { return };
    let used = sources.text(nearly.place);
    *diagnostic = Diagnostic::error(
        "name::unknown",
        format!("`{used}` is used, and `{}` is declared", nearly.name),
        nearly.declared,
        format!("nothing uses `{}`", nearly.name),
    )
    .and(nearly.place, format!("nothing is called `{used}`"))
    .help("Give both the same name.");
}

//! What is said of each declaration, and by whose doing: a page for each.
//!
//! A message belongs to the declaration whose lines were being worked on, wherever its place is. A line of
//! a base may be wrong for one of its derivations only; and whoever checks again after an edit has to
//! know whose message goes when that one changes. What is told is the same in whatever order pages were
//! written: the same said of the same place is told once, for the first declaration in the files.

use crate::diagnostics::Diagnostic;
use crate::sources::Sources;
use crate::span::{FileId, Span};
use crate::syntax::reuse::Edit;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A declaration at a file's top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Owner {
    /// The file, as one importer sees it.
    pub(crate) module: usize,
    /// The byte at which it starts.
    pub(crate) start: u32,
    /// A device or model, built because something uses it.
    pub(crate) built: bool,
}

/// What the lines of one declaration led to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) diagnostics: Vec<Diagnostic>,
    seen: HashSet<(&'static str, Option<Span>)>,
    /// Fingerprints of the declarations that it refers to.
    referred: HashSet<u64>,
    /// Unknown names that are one letter longer than a declaration.
    pub(crate) nearly: Vec<Nearly>,
    /// Names that one thing of the program may have.
    pub(crate) claims: Vec<Claim>,
    /// Devices and models that it has built.
    pub(crate) uses: BTreeSet<Owner>,
    /// Did-you-means that were looked for.
    pub(crate) suggestions: usize,
}

/// An unknown name, and the declaration that it might be meant to be.
#[derive(Clone, Debug)]
pub(crate) struct Nearly {
    pub(crate) place: Span,
    pub(crate) module: usize,
    pub(crate) name: String,
    pub(crate) declared: Span,
}

/// A thing's name, which another file's thing of that kind may not have.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// All pages.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Whose lines are being worked on.
    owner: Option<Owner>,
    pub(crate) pages: HashMap<Option<Owner>, Page>,
}

impl Ledger {
    /// Turns to the page of `owner`; whose it was before.
    pub(crate) fn turn(&mut self, owner: Option<Owner>) -> Option<Owner> {
        std::mem::replace(&mut self.owner, owner)
    }

    /// The page in hand.
    pub(crate) fn page(&mut self) -> &mut Page {
        self.pages.entry(self.owner).or_default()
    }

    /// Somebody has said this of this place.
    pub(crate) fn says(&self, code: &'static str, place: Span) -> bool {
        self.pages.values().any(|page| page.seen.contains(&(code, Some(place))))
    }

    /// Everything that is to be told.
    pub(crate) fn told(&self, sources: &Sources) -> Vec<Diagnostic> {
        told(self.pages.iter().map(|(owner, page)| (*owner, page)), sources)
    }
}

impl Page {
    /// Keeps `diagnostic` unless the same was said of the same place.
    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        let place = diagnostic.labels.first().map(|label| label.span);
        if self.seen.insert((diagnostic.code, place)) {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Moves every place in `file` to where `edit` has put it; not all of them where the edit is in one.
    pub(crate) fn shift(&mut self, file: FileId, edit: Edit) -> bool {
        let shift = edit.shift(file);
        let mut whole = true;
        let labels = self.diagnostics.iter_mut().flat_map(|found| &mut found.labels);
        let places = labels.map(|label| &mut label.span);
        let nearly = self.nearly.iter_mut().flat_map(|nearly| [&mut nearly.place, &mut nearly.declared]);
        let claims = self.claims.iter_mut().map(|claim| &mut claim.span);
        for place in places.chain(nearly).chain(claims).filter(|place| place.file == file) {
            if place.start as usize >= edit.old_after {
                shift.span(place);
            } else if place.end as usize >= edit.before {
                whole = false;
            }
        }
        whole
    }

    /// Remembers that something refers to `name`.
    pub(crate) fn refer(&mut self, module: usize, name: &str) {
        self.referred.insert(fingerprint(module, name));
    }
}

fn fingerprint(module: usize, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (module, name).hash(&mut hasher);
    hasher.finish()
}

/// What the pages say, each once, in order of place.
pub(crate) fn told<'p>(
    pages: impl Iterator<Item = (Option<Owner>, &'p Page)>,
    sources: &Sources,
) -> Vec<Diagnostic> {
    let pages: Vec<_> = pages.collect();
    let used: BTreeSet<Owner> = pages.iter().flat_map(|(_, page)| page.uses.iter().copied()).collect();
    let pages =
        || pages.iter().filter(|(owner, _)| owner.is_none_or(|owner| !owner.built || used.contains(&owner)));
    let mut all: Vec<(Option<Owner>, Diagnostic)> = pages()
        .flat_map(|(owner, page)| page.diagnostics.iter().map(move |diagnostic| (*owner, diagnostic.clone())))
        .collect();
    let claims = pages().flat_map(|(owner, page)| page.claims.iter().map(move |claim| (*owner, claim)));
    all.extend(twice(claims));
    let place = |diagnostic: &Diagnostic| {
        diagnostic.labels.first().map(|label| (label.span.file, label.span.start, label.span.end))
    };
    all.sort_by(|(a_owner, a), (b_owner, b)| {
        (place(a), a_owner, a.code, &a.title).cmp(&(place(b), b_owner, b.code, &b.title))
    });
    let mut told: Vec<Diagnostic> = Vec::with_capacity(all.len());
    for (_, diagnostic) in all {
        let here = told.iter().rev().take_while(|known| place(known) == place(&diagnostic));
        if here.into_iter().all(|known| known.code != diagnostic.code) {
            told.push(diagnostic);
        }
    }
    for nearly in pages().flat_map(|(_, page)| &page.nearly) {
        let declared = fingerprint(nearly.module, &nearly.name);
        if !pages().any(|(_, page)| page.referred.contains(&declared)) {
            blame(nearly, &mut told, sources);
        }
    }
    told
}

/// Names that two things have.
fn twice<'c>(
    claims: impl Iterator<Item = (Option<Owner>, &'c Claim)>,
) -> impl Iterator<Item = (Option<Owner>, Diagnostic)> {
    type Claims<'c> = Vec<(Option<Owner>, &'c Claim)>;
    let mut named: HashMap<(&'static str, &str), Claims<'_>> = HashMap::new();
    for (owner, claim) in claims {
        named.entry((claim.kind, claim.name.as_str())).or_default().push((owner, claim));
    }
    let mut found = BTreeMap::new();
    for ((kind, name), mut claims) in named.into_iter().filter(|(_, claims)| claims.len() > 1) {
        claims.sort_by_key(|(owner, claim)| (*owner, claim.span));
        let Some(((_, first), others)) = claims.split_first() else { continue };
        for (owner, claim) in others {
            let diagnostic = Diagnostic::error(
                "name::duplicate",
                format!("two files have a {kind} `{name}`"),
                claim.span,
                "this is one of them",
            )
            .and(first.span, "this is the other")
            .help("Rename one of them: plans and messages name things by their address.");
            found.insert((claim.span, kind, name), (*owner, diagnostic));
        }
    }
    found.into_values().collect::<Vec<_>>().into_iter()
}

/// Where a name is unknown and a declaration that lacks one of its letters is referred to by nothing,
/// the letter is missing there: the declaration becomes the first place.
fn blame(nearly: &Nearly, told: &mut [Diagnostic], sources: &Sources) {
    let diagnostic = told.iter_mut().find(|diagnostic| {
        let place = diagnostic.labels.first().map(|label| label.span);
        diagnostic.code == "name::unknown" && place == Some(nearly.place)
    });
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

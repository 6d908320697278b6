//! `berth.lock`: what a program takes from this version of Berth, so that another version cannot change
//! it unseen.
//!
//! The lock lies beside the root file. It pins the things of the catalog that the program uses, with their
//! lines, and, where a model is served, the fits that predictions rest on, by hash. Files of the user's own
//! are not in it: they are under version control, and every plan names their hashes.

use crate::performance::fits;
use crate::plan::digest;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{Program, Work};
use berth_language::pinned::CatalogThing;
use berth_language::span::{FileId, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format this program writes.
pub const FORMAT: &str = "berth.lock/1";

/// The name of the file, beside the root file.
pub const FILE: &str = "berth.lock";

/// What is pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`FORMAT`].
    pub format: String,
    /// Hashes of fits, by operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fits: BTreeMap<String, String>,
    /// Modules of the catalog, by name: `nvidia`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub catalog: BTreeMap<String, Module>,
}

/// A module of the catalog, as far as the program uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// Of its things and their lines.
    pub sha256: String,
    /// Lines by thing: `h100_sxm`.
    pub things: BTreeMap<String, BTreeMap<String, String>>,
}

/// A line of the catalog, or a fit, that is not what the lock pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `catalog.nvidia`; `fits`
    pub module: String,
    /// `h100_sxm`; `matmul`
    pub thing: String,
    /// `memory`; none of a fit.
    pub line: Option<String>,
    /// What is pinned; none where nothing is.
    pub from: Option<String>,
    /// What ships; none where nothing does.
    pub to: Option<String>,
}

/// Where the lock of the program at `root` lies.
pub fn path(root: &str) -> String {
    match root.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{FILE}"),
        None => FILE.to_owned(),
    }
}

impl Lock {
    /// What `program` takes from this version, which uses `things` of the catalog.
    pub fn of(program: Option<&Program>, things: &[CatalogThing]) -> Self {
        let mut lock = Self { format: FORMAT.to_owned(), ..Self::default() };
        let serves_model =
            |program: &Program| program.services.iter().any(|service| matches!(service.work, Work::Llm(_)));
        if program.is_some_and(serves_model) {
            lock.fits = fits::FILES
                .iter()
                .map(|(name, text)| ((*name).to_owned(), digest(text.as_bytes())))
                .collect();
        }
        for thing in things {
            let module = lock.catalog.entry(short(&thing.module).to_owned()).or_default();
            let mut lines = thing.lines.clone();
            lines.insert("kind".to_owned(), thing.kind.clone());
            module.things.insert(thing.name.clone(), lines);
        }
        for module in lock.catalog.values_mut() {
            module.sha256 = module.hash();
        }
        lock
    }

    /// Nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.fits.is_empty() && self.catalog.is_empty()
    }

    /// The text of the file; the same lock gives the same bytes.
    pub fn to_text(&self) -> String {
        let table = toml::to_string(self).unwrap_or_default();
        format!(
            "# What this program takes from berth. `berth lock` writes it and says what changes.\n\n{table}"
        )
    }

    /// Reads the text of a lock, which is `file` among the sources.
    pub fn from_text(text: &str, file: FileId) -> Result<Self, Box<Diagnostic>> {
        let damaged = |range: std::ops::Range<usize>, label: String| {
            Box::new(
                Diagnostic::error(
                    "lock::damaged",
                    format!("{FILE} is not what `berth lock` wrote"),
                    Span::new(file, range.start, range.end),
                    label,
                )
                .help("Restore it from version control, or delete it and run `berth lock` again."),
            )
        };
        let lock: Self = toml::from_str(text).map_err(|error| {
            let range = error.span().unwrap_or(0..0);
            damaged(range, "it cannot be read from here on".to_owned())
        })?;
        let place = |words: &str| text.find(words).map_or(0..0, |at| at..at + words.len());
        if lock.format != FORMAT {
            return Err(damaged(
                place(&format!("{:?}", lock.format)),
                format!("another format; this program reads `{FORMAT}`"),
            ));
        }
        for (name, module) in &lock.catalog {
            if module.hash() != module.sha256 {
                let label = format!("the lines of `catalog.{name}` do not match this hash");
                return Err(damaged(place(&module.sha256), label));
            }
        }
        Ok(lock)
    }

    /// Where `shipped` has other lines or fits than are pinned, of what both have.
    pub fn changes(&self, shipped: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, module) in &self.catalog {
            let Some(now) = shipped.catalog.get(name) else { continue };
            for (thing, lines) in &module.things {
                let Some(now) = now.things.get(thing) else { continue };
                let names = lines.keys().chain(now.keys().filter(|line| !lines.contains_key(*line)));
                for line in names.filter(|line| lines.get(*line) != now.get(*line)) {
                    changes.push(Change {
                        module: format!("catalog.{name}"),
                        thing: thing.clone(),
                        line: Some(line.clone()),
                        from: lines.get(line).cloned(),
                        to: now.get(line).cloned(),
                    });
                }
            }
        }
        for (fit, hash) in &self.fits {
            let now = shipped.fits.get(fit);
            if now.is_some_and(|now| now != hash) {
                changes.push(Change {
                    module: "fits".to_owned(),
                    thing: fit.clone(),
                    line: None,
                    from: Some(hash.clone()),
                    to: now.cloned(),
                });
            }
        }
        changes
    }

    /// What `shipped` has and the lock does not pin: `catalog.nvidia.h100_sxm`.
    pub fn lacks(&self, shipped: &Self) -> Vec<String> {
        let things = shipped.catalog.iter().flat_map(|(name, module)| {
            let pinned = self.catalog.get(name);
            let absent = module
                .things
                .keys()
                .filter(move |thing| pinned.is_none_or(|pinned| !pinned.things.contains_key(*thing)));
            absent.map(move |thing| format!("catalog.{name}.{thing}"))
        });
        let fits = shipped.fits.keys().filter(|fit| !self.fits.contains_key(*fit));
        things.chain(fits.map(|fit| format!("the fit `{fit}`"))).collect()
    }

    /// What is said about a program whose lock this is: errors where the catalog or a fit is not what is
    /// pinned, a warning where something is not pinned at all. `root` is the start of the root file.
    pub fn differences(&self, shipped: &Self, things: &[CatalogThing], root: Span) -> Vec<Diagnostic> {
        let used = |module: &str| {
            things.iter().find(|thing| thing.module == module).map_or(root, |thing| thing.used)
        };
        let mut by_module: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        for change in self.changes(shipped) {
            by_module.entry(change.module.clone()).or_default().push(change);
        }
        let mut diagnostics = Vec::new();
        for (module, changes) in &by_module {
            let title = match module.as_str() {
                "fits" => format!("this version predicts with other fits than {FILE} pins"),
                module => format!("this version ships another `{module}` than {FILE} pins"),
            };
            diagnostics.push(
                Diagnostic::error("lock::differs", title, used(module), summary(changes)).help(
                    "Run `berth lock` to see every change and take them over, or plan with the version of berth that wrote the lock.",
                ),
            );
        }
        let lacking = self.lacks(shipped);
        if let Some(first) = lacking.first() {
            let more = match lacking.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            diagnostics.push(
                Diagnostic::warning(
                    "lock::incomplete",
                    format!("{FILE} does not pin all that this program uses"),
                    things.first().map_or(root, |thing| thing.used),
                    format!("{first}{more} may change with the next version"),
                )
                .help("Run `berth lock`."),
            );
        }
        diagnostics
    }
}

impl Module {
    /// SHA-256 over its things and their lines.
    fn hash(&self) -> String {
        let mut text = String::new();
        for (thing, lines) in &self.things {
            text.push_str(&format!("{thing:?}\n"));
            for (line, value) in lines {
                text.push_str(&format!("{line:?} = {value:?}\n"));
            }
        }
        digest(text.as_bytes())
    }
}

/// The first changes in few words: `h100_sxm: memory was 80GB and is 94GB`.
fn summary(changes: &[Change]) -> String {
    let words = |change: &Change| match (&change.line, &change.from, &change.to) {
        (None, ..) => format!("`{}` was fitted again", change.thing),
        (Some(line), Some(from), Some(to)) => {
            format!("`{line}` of `{}` was {from} and is {to}", change.thing)
        }
        (Some(line), None, Some(to)) => format!("`{line}` of `{}` is new: {to}", change.thing),
        (Some(line), ..) => format!("`{line}` of `{}` is no longer stated", change.thing),
    };
    let first = changes.first().map(words).unwrap_or_default();
    match changes.len() {
        0 | 1 => first,
        2 => format!("{first}, and 1 more"),
        count => format!("{first}, and {} more", count - 1),
    }
}

/// `nvidia` of `catalog.nvidia`.
fn short(module: &str) -> &str {
    module.strip_prefix("catalog.").unwrap_or(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(name: &str, lines: &[(&str, &str)]) -> CatalogThing {
        CatalogThing {
            module: "catalog.nvidia".into(),
            name: name.into(),
            kind: "device".into(),
            lines: lines.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            used: Span::new(FileId(0), 4, 9),
        }
    }

    fn lock(lines: &[(&str, &str)]) -> Lock {
        Lock::of(None, &[thing("h100.sxm \"a\"", lines)])
    }

    #[test]
    fn a_lock_is_read_as_it_was_written() {
        let lock = lock(&[("memory", "80GB"), ("source", "\"a \\\"sheet\\\", 東京 \\ #\"")]);
        let text = lock.to_text();
        assert_eq!(Lock::from_text(&text, FileId(0)).unwrap(), lock);
        assert_eq!(Lock::from_text(&text, FileId(0)).unwrap().to_text(), text);
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let lock = lock(&[("memory", "80GB")]);
        let text = lock.to_text();
        for at in text.find("format").unwrap()..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(
                Lock::from_text(&changed, FileId(0)).is_err() || changed.trim() == text.trim(),
                "byte {at}: {changed}"
            );
        }
    }

    #[test]
    fn an_upgrade_says_what_it_changes() {
        let before = lock(&[("memory", "80GB"), ("idle", "70W")]);
        let after = lock(&[("memory", "94GB"), ("clock", "1.8GHz")]);
        let said: Vec<_> = before
            .changes(&after)
            .into_iter()
            .map(|change| (change.line.unwrap(), change.from, change.to))
            .collect();
        let text = |value: &str| Some(value.to_owned());
        assert_eq!(
            said,
            [
                ("idle".to_owned(), text("70W"), None),
                ("memory".to_owned(), text("80GB"), text("94GB")),
                ("clock".to_owned(), None, text("1.8GHz")),
            ]
        );
        let root = Span::new(FileId(0), 0, 0);
        let found = before.differences(&after, &[thing("h100.sxm \"a\"", &[])], root);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].code, "lock::differs");
        assert_eq!(found[0].labels[0].text, "`idle` of `h100.sxm \"a\"` is no longer stated, and 2 more");
    }

    #[test]
    fn what_is_not_pinned_is_told() {
        let shipped = lock(&[("memory", "80GB")]);
        let root = Span::new(FileId(0), 0, 0);
        let empty = Lock { format: FORMAT.into(), ..Lock::default() };
        let found = empty.differences(&shipped, &[], root);
        assert_eq!(found[0].code, "lock::incomplete");
        assert!(shipped.differences(&shipped, &[], root).is_empty());
        // What is pinned and no longer used is nobody's concern.
        assert!(shipped.differences(&empty, &[], root).is_empty());
    }
}

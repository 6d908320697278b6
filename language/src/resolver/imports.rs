//! Files: the root, what it uses, and what that uses.

use crate::catalog;
use crate::diagnostics::Diagnostic;
use crate::sources::{Files, LARGEST_FILE, Source, Sources, Unreadable};
use crate::span::{FileId, Span};
use crate::syntax::{self, ast};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// One file as one importer sees it. A file that is used with a body is a module of its own, because
/// its params differ; without a body every importer shares one.
#[derive(Clone)]
pub(crate) struct Module {
    /// Its tree.
    pub(crate) tree: Rc<ast::File>,
    /// The start of the file, for messages about the whole of it.
    pub(crate) start: Span,
    /// What its imports are called here, with the module and the `use` line; `None` where it could not be read.
    pub(crate) aliases: Vec<Alias>,
    /// The importer, by index, and the body that sets params.
    pub(crate) body: Option<(usize, Vec<ast::Item>)>,
}

/// An import's name.
#[derive(Clone)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) module: Option<usize>,
    pub(crate) span: Span,
}

/// Modules, the root first, and the files behind them.
pub(crate) struct Imports {
    pub(crate) modules: Vec<Module>,
    pub(crate) sources: Sources,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Files may use files this deep.
const DEEPEST: usize = 64;

/// A program has at most this many modules: bodies multiply them.
const MOST_MODULES: usize = 1_000;

/// Reads `root` and everything it uses.
pub(crate) fn read(root: &str, files: &dyn Files, trees: &mut Trees) -> Imports {
    let mut reader = Reader {
        files,
        trees,
        parsed: BTreeMap::new(),
        shared: BTreeMap::new(),
        stack: Vec::new(),
        imports: Imports { modules: Vec::new(), sources: Sources::default(), diagnostics: Vec::new() },
    };
    // The root is a file of the program even where it cannot be read, so that its message has a place.
    match reader.file(root, false) {
        Ok(parsed) => {
            reader.module(root, &parsed, None);
        }
        Err(unreadable) => {
            let file = reader.imports.sources.add(Source {
                path: root.to_owned(),
                text: "".into(),
                bytes: [].into(),
                shipped: false,
            });
            let at = Span::new(file, 0, 0);
            let diagnostic = unreadable_file(root, &unreadable, at);
            reader.imports.diagnostics.push(diagnostic);
        }
    }
    reader.imports
}

/// A shipped file and one of the user's may have the same path.
type Key = (bool, String);

/// Trees of files that were read before: what has not changed since is not read again.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    kept: HashMap<Key, Kept>,
}

/// A file as it was read last.
#[derive(Debug)]
struct Kept {
    file: FileId,
    source: Source,
    tree: Rc<ast::File>,
    diagnostics: Vec<Diagnostic>,
    /// Of its reading: see [`syntax::Parsed`].
    faults: Vec<usize>,
}

impl Trees {
    /// The file at `key` as it was read last, if it holds the same bytes now.
    fn source(&self, key: &Key, bytes: &[u8]) -> Option<Source> {
        self.kept.get(key).map(|kept| &kept.source).filter(|source| *source.bytes == *bytes).cloned()
    }

    /// The tree of `source`, the file `file` at `key`, and what is wrong with its form.
    fn read(&mut self, key: &Key, file: FileId, source: &Source) -> (Rc<ast::File>, Vec<Diagnostic>) {
        let text = &*source.text;
        let kept = match self.kept.remove(key) {
            Some(kept) if kept.file == file && *kept.source.text == *text => kept,
            last => {
                let parsed = match last {
                    None => syntax::parse(file, text),
                    Some(Kept { source: old, tree, diagnostics, faults, .. }) => {
                        let tree = Rc::unwrap_or_clone(tree);
                        let parsed = syntax::Parsed { file: tree, diagnostics, faults, comments: Vec::new() };
                        syntax::parse_again(file, text, &old.text, parsed)
                    }
                };
                let syntax::Parsed { file: tree, diagnostics, faults, comments: _ } = parsed;
                Kept { file, source: source.clone(), tree: Rc::new(tree), diagnostics, faults }
            }
        };
        let read = (Rc::clone(&kept.tree), kept.diagnostics.clone());
        self.kept.insert(key.clone(), kept);
        read
    }
}

struct Reader<'f> {
    files: &'f dyn Files,
    trees: &'f mut Trees,
    parsed: BTreeMap<Key, Parsed>,
    /// Modules without a body, by path.
    shared: BTreeMap<Key, usize>,
    /// Paths that are being read, each with the `use` line in it that is followed.
    stack: Vec<(Key, Span)>,
    imports: Imports,
}

#[derive(Clone)]
struct Parsed {
    file: FileId,
    tree: Rc<ast::File>,
    shipped: bool,
}

impl Reader<'_> {
    /// The tree of the file at `path`, read once.
    fn file(&mut self, path: &str, shipped: bool) -> Result<Parsed, Unreadable> {
        let key = (shipped, path.to_owned());
        if let Some(parsed) = self.parsed.get(&key) {
            return Ok(parsed.clone());
        }
        let bytes = if shipped {
            catalog::file(path).ok_or(Unreadable::Missing)?.into()
        } else {
            self.files.read(path)?
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > LARGEST_FILE {
            return Err(Unreadable::TooLarge(size));
        }
        let (file, odd) = match self.trees.source(&key, &bytes) {
            Some(known) => {
                let file = self.imports.sources.add(known);
                (file, self.imports.sources.not_utf8(file))
            }
            None => self.imports.sources.decode(path, bytes, shipped),
        };
        self.imports.diagnostics.extend(odd);
        let Some(source) = self.imports.sources.get(file) else {
            return Err(Unreadable::Missing);
        };
        let (tree, diagnostics) = self.trees.read(&key, file, source);
        self.imports.diagnostics.extend(diagnostics);
        let parsed = Parsed { file, tree, shipped };
        self.parsed.insert(key, parsed.clone());
        Ok(parsed)
    }

    /// Adds the module of `parsed` and those it uses; its index.
    fn module(&mut self, path: &str, parsed: &Parsed, body: Option<(usize, Vec<ast::Item>)>) -> usize {
        let index = self.imports.modules.len();
        if body.is_none() {
            self.shared.insert((parsed.shipped, path.to_owned()), index);
        }
        self.imports.modules.push(Module {
            tree: Rc::clone(&parsed.tree),
            start: Span::new(parsed.file, 0, 0),
            aliases: Vec::new(),
            body,
        });
        let tree = Rc::clone(&parsed.tree);
        for item in &tree.items {
            let ast::Item::Use(use_) = item else { continue };
            let module = self.used(path, index, use_, parsed.shipped);
            let alias = alias(use_, module);
            if let Some(module) = self.imports.modules.get_mut(index) {
                module.aliases.push(alias);
            }
        }
        index
    }

    /// The module that `use_` in `path` names.
    fn used(&mut self, path: &str, importer: usize, use_: &ast::Use, shipped: bool) -> Option<usize> {
        let (target, target_span, target_shipped) = match &use_.target {
            ast::UseTarget::Catalog(parts) => {
                let Some(target) = catalog::path(&parts.value) else {
                    let known: Vec<_> = catalog::names().map(|name| format!("`{name}`")).collect();
                    self.imports.diagnostics.push(
                        Diagnostic::error(
                            "use::unknown-catalog",
                            format!("the catalog has no `{}`", parts.value.join(".")),
                            parts.span,
                            "nothing of this name ships with the program",
                        )
                        .help(format!(
                            "The catalog has {}. A file of your own is named by a text: `use \"./{}.berth\" as …`.",
                            known.join(", "),
                            parts.value.join("/")
                        )),
                    );
                    return None;
                };
                (target, parts.span, true)
            }
            ast::UseTarget::File(name) => (relative(path, &name.value), name.span, shipped),
        };
        let key = (target_shipped, target.clone());
        if let Some(at) = self.stack.iter().position(|(open, _)| *open == key) {
            self.cycle(at, &target, use_.span);
            return None;
        }
        if (shipped, path) == (key.0, key.1.as_str()) {
            self.cycle(self.stack.len(), &target, use_.span);
            return None;
        }
        if use_.body.is_none()
            && let Some(shared) = self.shared.get(&key)
        {
            return Some(*shared);
        }
        if self.stack.len() >= DEEPEST || self.imports.modules.len() >= MOST_MODULES {
            // Every `use` from here on passes a limit; the first says it all.
            if self.imports.diagnostics.iter().any(|told| told.code == "use::too-many") {
                return None;
            }
            self.imports.diagnostics.push(
                Diagnostic::error(
                    "use::too-many",
                    "files use files too often",
                    use_.span,
                    format!("this would pass {DEEPEST} files in a row or {MOST_MODULES} files in all"),
                )
                .help("Use a file once and derive from what it declares."),
            );
            return None;
        }
        match self.file(&target, target_shipped) {
            Ok(parsed) => {
                self.stack.push(((shipped, path.to_owned()), use_.span));
                let body = use_.body.clone().map(|items| (importer, items));
                let module = self.module(&target, &parsed, body);
                self.stack.pop();
                Some(module)
            }
            Err(unreadable) => {
                let diagnostic = unreadable_file(&target, &unreadable, target_span);
                self.imports.diagnostics.push(diagnostic);
                None
            }
        }
    }

    fn cycle(&mut self, at: usize, target: &str, span: Span) {
        let mut diagnostic = Diagnostic::error(
            "use::cycle",
            format!("{target} uses itself"),
            span,
            "this comes back to a file that is being read",
        );
        for ((_, path), line) in self.stack.iter().skip(at) {
            diagnostic = diagnostic.and(*line, format!("{path} uses the next file here"));
        }
        self.imports
            .diagnostics
            .push(diagnostic.help("Move what both files need into a third one, and use that from both."));
    }
}

/// What an import is called: the name after `as`, else the last part of its path or the file's stem.
fn alias(use_: &ast::Use, module: Option<usize>) -> Alias {
    let (name, span) = match (&use_.alias, &use_.target) {
        (Some(alias), _) => (alias.value.clone(), alias.span),
        (None, ast::UseTarget::Catalog(parts)) => {
            (parts.value.last().cloned().unwrap_or_default(), parts.span)
        }
        (None, ast::UseTarget::File(path)) => {
            let last = path.value.rsplit('/').next().unwrap_or_default();
            let stem = last.strip_suffix(".berth").unwrap_or(last);
            (stem.to_owned(), path.span)
        }
    };
    Alias { name, module, span }
}

/// `target` as seen from the folder of `importer`, without `.` and with `..` resolved.
pub(super) fn relative(importer: &str, target: &str) -> String {
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let whole = if target.starts_with('/') || (folder.is_empty() && !importer.starts_with('/')) {
        target.to_owned()
    } else {
        format!("{folder}/{target}")
    };
    let rooted = whole.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                // Above the root of the file system is the root.
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

fn unreadable_file(path: &str, why: &Unreadable, span: Span) -> Diagnostic {
    match why {
        Unreadable::Missing => Diagnostic::error(
            "use::missing-file",
            format!("{path} is not there"),
            span,
            format!("no file at {path}"),
        )
        .help("Paths are relative to the file that uses them."),
        Unreadable::Directory => Diagnostic::error(
            "file::directory",
            format!("{path} is a folder"),
            span,
            "a plan file is needed here",
        )
        .help(format!("Name a file in it: `{}/main.berth`.", path.trim_end_matches('/'))),
        Unreadable::TooLarge(size) => Diagnostic::error(
            "file::too-large",
            format!("{path} holds {size} bytes"),
            span,
            format!("more than {LARGEST_FILE} bytes are not read as a plan file"),
        )
        .help("Keep traces and tables in files of their own and name them: `trace(\"arrivals.csv\")`."),
        Unreadable::Other(reason) => {
            Diagnostic::error("file::unreadable", format!("{path} cannot be read"), span, reason.clone())
                .help("Look at the file's permissions and at the disk it is on.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn a_path_is_relative_to_its_importer() {
        assert_eq!(relative("web.berth", "./a.berth"), "a.berth");
        assert_eq!(relative("x/web.berth", "./a.berth"), "x/a.berth");
        assert_eq!(relative("x/y/web.berth", "../a.berth"), "x/a.berth");
        assert_eq!(relative("web.berth", "../a.berth"), "../a.berth");
        assert_eq!(relative("../web.berth", "../a.berth"), "../../a.berth");
        assert_eq!(relative("/x/web.berth", "a.berth"), "/x/a.berth");
        assert_eq!(relative("/x/web.berth", "../../a.berth"), "/a.berth");
        assert_eq!(relative("/web.berth", "a.berth"), "/a.berth");
        assert_eq!(relative("x/web.berth", "/a.berth"), "/a.berth");
    }
}

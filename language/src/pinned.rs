//! What a program takes from the catalog: every thing it names, and what these name in turn.
//!
//! Names are followed through the text alone, before anything is evaluated, so that what a program leans on
//! can be told even where the catalog no longer lets it check.

use crate::resolver::imports::{Imports, Module, Trees, read};
use crate::sources::{Files, Sources};
use crate::span::Span;
use crate::syntax::ast::{Block, Expr, ExprKind, Item, Path, Step};
use std::collections::{BTreeMap, BTreeSet};

/// A thing of the catalog that a program uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogThing {
    /// `catalog.nvidia`
    pub module: String,
    /// `h100_sxm`
    pub name: String,
    /// `device`; `let` and `param` for what is only a value.
    pub kind: String,
    /// Its lines, each value by what stands left of it, as written on one line.
    pub lines: BTreeMap<String, String>,
    /// The `use` that brings its module in, or the module that does.
    pub used: Span,
}

/// The things of the catalog that the program at `root` uses, by module and name, and the files read.
pub fn catalog_things(root: &str, files: &dyn Files) -> (Vec<CatalogThing>, Sources) {
    let Imports { modules, sources, diagnostics: _ } = read(root, files, &mut Trees::default());
    let shipped = |module: &Module| sources.get(module.start.file).is_some_and(|source| source.shipped);
    let mut waiting: Vec<(usize, String, Span)> = Vec::new();
    for module in modules.iter().filter(|module| !shipped(module)) {
        paths_of(&module.tree.items, &mut |path| waiting.extend(named(module, path)));
    }
    let mut seen = BTreeSet::new();
    let mut things = Vec::new();
    while let Some((index, name, used)) = waiting.pop() {
        let Some(module) = modules.get(index).filter(|module| shipped(module)) else { continue };
        if !seen.insert((index, name.clone())) {
            continue;
        }
        let path = sources.get(module.start.file).map(|source| source.path.as_str()).unwrap_or_default();
        let catalog = path.trim_end_matches(".berth").replace('/', ".");
        for item in module.tree.items.iter().filter(|item| declares(item, &name)) {
            let mut lines = BTreeMap::new();
            let kind = match item {
                Item::Block(block) => {
                    add_lines(&sources, block, "", &mut lines);
                    block.kind.value.clone()
                }
                Item::Let(let_) => {
                    lines.insert("value".to_owned(), one_line(&sources, let_.value.span));
                    "let".to_owned()
                }
                Item::Param(param) => {
                    lines.insert("value".to_owned(), one_line(&sources, param.span));
                    "param".to_owned()
                }
                _ => continue,
            };
            things.push(CatalogThing { module: catalog.clone(), name: name.clone(), kind, lines, used });
            paths_of(std::slice::from_ref(item), &mut |path| {
                waiting.extend(named(module, path).map(|(index, name, _)| (index, name, used)));
                waiting.push((index, path.head.value.clone(), used));
            });
        }
    }
    things.sort_by(|a, b| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
    (things, sources)
}

/// What a path through an import names.
fn named(module: &Module, path: &Path) -> Option<(usize, String, Span)> {
    let alias = module.aliases.iter().find(|alias| alias.name == path.head.value)?;
    match path.steps.first() {
        Some(Step::Field(name)) => Some((alias.module?, name.value.clone(), alias.span)),
        _ => None,
    }
}

fn declares(item: &Item, name: &str) -> bool {
    match item {
        Item::Block(block) => block.name.as_ref().is_some_and(|known| known.value == name),
        Item::Let(let_) => let_.name.value == name,
        Item::Param(param) => param.name.value == name,
        _ => false,
    }
}

/// Every line of a block by what it states; lines that state nothing stand for themselves.
fn add_lines(sources: &Sources, block: &Block, within: &str, lines: &mut BTreeMap<String, String>) {
    if let Some(base) = &block.base {
        lines.insert(format!("{within}derives from"), one_line(sources, base.span));
    }
    if let Some(keys) = &block.keys {
        lines.insert(format!("{within}keys"), one_line(sources, keys.span));
    }
    for item in block.items.iter().flatten() {
        match item {
            Item::Assign(assign) => {
                let name = format!("{within}{}", one_line(sources, assign.target.span));
                lines.insert(name, one_line(sources, assign.value.span));
            }
            Item::Block(inner) => {
                let name = inner.name.as_ref().map_or(&inner.kind.value, |name| &name.value);
                add_lines(sources, inner, &format!("{within}{name}."), lines);
            }
            Item::Require(require) => {
                lines.insert(format!("{within}{}", one_line(sources, require.span)), String::new());
            }
            Item::Prefer(prefer) => {
                lines.insert(format!("{within}{}", one_line(sources, prefer.span)), String::new());
            }
            Item::If(if_) => {
                lines.insert(format!("{within}{}", one_line(sources, if_.span)), String::new());
            }
            Item::Use(_) | Item::Param(_) | Item::Let(_) | Item::Broken(_) => {}
        }
    }
}

fn one_line(sources: &Sources, span: Span) -> String {
    crate::resolver::one_line(sources.text(span))
}

/// Every path that stands anywhere in `items`.
fn paths_of<'a>(items: &'a [Item], found: &mut impl FnMut(&'a Path)) {
    let mut items: Vec<&'a Item> = items.iter().collect();
    let mut expressions: Vec<&'a Expr> = Vec::new();
    loop {
        if let Some(expression) = expressions.pop() {
            paths_in(expression, &mut expressions, found);
            continue;
        }
        match items.pop() {
            None => return,
            Some(Item::Block(block)) => {
                if let Some(base) = &block.base {
                    expressions.extend(inside(base));
                    found(base);
                }
                expressions.extend(block.keys.iter().flat_map(|keys| &keys.keys));
                items.extend(block.items.iter().flatten());
            }
            Some(Item::If(if_)) => {
                expressions.push(&if_.condition);
                items.extend(if_.then.iter().chain(&if_.otherwise));
            }
            Some(Item::Use(use_)) => items.extend(use_.body.iter().flatten()),
            Some(Item::Param(param)) => expressions.extend(param.default.iter().chain(&param.condition)),
            Some(Item::Let(let_)) => expressions.push(&let_.value),
            Some(Item::Assign(assign)) => {
                expressions.extend(inside(&assign.target));
                found(&assign.target);
                expressions.push(&assign.value);
            }
            Some(Item::Require(require)) => {
                expressions.push(&require.condition);
                expressions.extend(&require.when);
            }
            Some(Item::Prefer(prefer)) => {
                expressions.push(&prefer.condition);
                expressions.extend(prefer.when.iter().chain(&prefer.price));
            }
            Some(Item::Broken(_)) => {}
        }
    }
}

/// The paths of one expression; what is nested in it waits.
fn paths_in<'a>(expression: &'a Expr, waiting: &mut Vec<&'a Expr>, found: &mut impl FnMut(&'a Path)) {
    match &expression.kind {
        ExprKind::Path(path) => {
            found(path);
            waiting.extend(inside(path));
        }
        ExprKind::List(entries) => {
            waiting.extend(entries.iter().flat_map(|entry| entry.key.iter().chain([&entry.value])));
        }
        ExprKind::Negate(inner) | ExprKind::Not(inner) => waiting.push(inner),
        ExprKind::Binary { left, right, .. } => waiting.extend([left.as_ref(), right.as_ref()]),
        ExprKind::Choose { condition, then, otherwise } => {
            waiting.extend([condition.as_ref(), then.as_ref(), otherwise.as_ref()]);
        }
        ExprKind::Fold { over, condition, body, .. } => {
            waiting.push(over);
            waiting.extend(condition.iter().chain(body).map(AsRef::as_ref));
        }
        ExprKind::Quantity(_) | ExprKind::String(_) | ExprKind::Boolean(_) | ExprKind::Broken => {}
    }
}

/// Expressions within the steps of a path.
fn inside(path: &Path) -> Vec<&Expr> {
    let steps = path.steps.iter().flat_map(|step| match step {
        Step::Index { keys, .. } => keys.iter().collect(),
        Step::Call { arguments, .. } => arguments.iter().map(|argument| &argument.value).collect(),
        Step::Field(_) | Step::All(_) => Vec::new(),
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::catalog_things;
    use crate::sources::{Files, Unreadable};

    struct Alone(&'static str);

    impl Files for Alone {
        fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
            if path == "main.berth" { Ok(self.0.as_bytes().to_vec()) } else { Err(Unreadable::Missing) }
        }
    }

    fn names(text: &'static str) -> Vec<String> {
        let (things, _) = catalog_things("main.berth", &Alone(text));
        things.iter().map(|thing| format!("{}.{}", thing.module, thing.name)).collect()
    }

    #[test]
    fn what_is_named_and_what_that_names() {
        let text = "use catalog.nvidia as nv\nuse catalog.models\nnode h : nv.hgx_h100 {\n}\n";
        assert_eq!(names(text), ["catalog.nvidia.h100_sxm", "catalog.nvidia.hgx_h100"]);
    }

    #[test]
    fn names_in_expressions_count() {
        let text = "use catalog.models as m\nservice s {\n    model = if true then m.llama_3_1_8b_instruct else m.llama_3_1_70b_instruct\n}\n";
        assert_eq!(names(text).len(), 2);
        assert!(names("node h {\n    cpu = 8 core\n}\n").is_empty());
    }

    #[test]
    fn lines_are_kept_as_written() {
        let text = "use catalog.nvidia as nv\nnode h : nv.hgx_h100 {\n}\n";
        let (things, _) = catalog_things("main.berth", &Alone(text));
        let node = things.iter().find(|thing| thing.name == "hgx_h100").expect("it is used");
        assert_eq!(node.kind, "node");
        assert_eq!(node.lines.get("devices").map(String::as_str), Some("8 * h100_sxm"));
    }
}

//! Identity is the key: renaming one changes its addresses in the model, and nothing else.

#[path = "../../tests/fuzz/laws.rs"]
mod laws;

#[path = "support/texts.rs"]
mod texts;

use berth_language::description::describe;
use berth_language::span::FileId;
use berth_language::syntax::ast::{Expr, ExprKind, Item};
use berth_language::syntax::parse;
use std::collections::BTreeSet;

fn model(text: &str) -> Option<String> {
    laws::check_one(text.as_bytes()).program.map(|program| describe(&program))
}

/// `text` with the word `from` as `to`, but in strings and comments.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let comments = parse(FileId(0), text).comments;
    let mut out = String::new();
    let mut quoted = false;
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        if let Some(comment) = comments.iter().find(|comment| comment.start as usize == at) {
            out.push_str(&text[comment.range()]);
            at = comment.end as usize;
            continue;
        }
        let word = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - at);
        quoted ^= character == '"';
        let length = if quoted || word == 0 { character.len_utf8() } else { word };
        let written = &text[at..at + length];
        out.push_str(if !quoted && written == from { to } else { written });
        at += length;
    }
    out
}

/// Names in the brackets of blocks, and of the lists there.
fn keys(items: &[Item], found: &mut BTreeSet<String>) {
    fn names(expr: &Expr, found: &mut BTreeSet<String>) {
        match &expr.kind {
            ExprKind::Path(path) if path.steps.is_empty() => drop(found.insert(path.head.value.clone())),
            ExprKind::List(entries) => entries.iter().for_each(|entry| names(&entry.value, found)),
            _ => {}
        }
    }
    for item in items {
        if let Item::Block(block) = item {
            for key in block.keys.iter().flat_map(|keys| &keys.keys) {
                names(key, found);
            }
            keys(block.items.as_deref().unwrap_or_default(), found);
        }
    }
}

#[test]
fn a_key_and_nothing_else() {
    let mut count = 0;
    for text in texts::suites() {
        let Some(before) = model(&text) else { continue };
        let mut found = BTreeSet::new();
        keys(&parse(FileId(0), &text).file.items, &mut found);
        for key in found {
            let new = format!("{key}_anew");
            let after = model(&renamed(&text, &key, &new)).expect("a program still");
            assert_eq!(after.replace(&new, &key), before, "renaming {key} in\n{text}");
            // A string may insert the key; the names around it are the keys that were written.
            let names = |model: &str| model.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
            assert_eq!(names(&after), renamed(&names(&before), &key, &new), "renaming {key} in\n{text}");
            count += 1;
        }
    }
    assert!(count >= 5, "only {count} keys were renamed");
}

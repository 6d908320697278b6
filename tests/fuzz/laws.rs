//! What must hold of any bytes: the fuzz targets and the ordinary tests run these.

#![allow(dead_code, reason = "each target uses a part of it")]

use berth_language::description::describe;
use berth_language::diagnostics::Diagnostic;
use berth_language::format::format as formatted;
use berth_language::sources::{Files, Unreadable};
use berth_language::span::{FileId, Span};
use berth_language::syntax::ast::Item;
use berth_language::syntax::{Parsed, parse as parsed, parse_again};
use berth_language::{Checked, check as checked};

/// Reading is total: statements and comments cover the text, in order, and what is broken is explained.
pub fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Parsed { file, diagnostics, comments, .. } = parsed(FileId(0), &text);
    let mut covered = vec![false; text.len()];
    for comment in &comments {
        covered[comment.range()].fill(true);
    }
    let mut end = 0;
    for item in &file.items {
        let span = span(item);
        assert!(end <= span.start && span.start <= span.end, "statements are in order and apart");
        end = span.end;
        covered[span.range()].fill(true);
    }
    let left = text.char_indices().filter(|(at, _)| !covered[*at]).map(|(_, character)| character);
    for character in left {
        assert!(character.is_whitespace() || character == '\u{FEFF}', "nothing covers {character:?}");
    }
    let starts: Vec<u32> = diagnostics.iter().map(|diagnostic| diagnostic.labels[0].span.start).collect();
    assert!(starts.is_sorted(), "what is said is said by place");
    for diagnostic in &diagnostics {
        explained(diagnostic, |_| Some(text.as_ref()));
    }
    let old: String =
        text.chars().enumerate().filter(|(at, _)| at % 97 != 31).map(|(_, kept)| kept).collect();
    let again = parse_again(FileId(0), &text, &old, parsed(FileId(0), &old));
    assert_eq!(again, parsed(FileId(0), &text), "what is read after an edit is what is read");
    if diagnostics.is_empty() {
        assert!(!tree(&text).contains("Broken"), "what is broken is explained");
    }
}

/// Formatting settles a text and keeps its tree, its comments and all it is written with.
pub fn format(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        settled(text);
    }
}

/// `text` in its settled form, if it can be read; then the laws of formatting hold.
pub fn settled(text: &str) -> Option<String> {
    let diagnostics = parsed(FileId(0), text).diagnostics;
    let first = formatted(FileId(0), text);
    assert_eq!(first.diagnostics, diagnostics, "formatting says what reading says");
    let Some(once) = first.text else {
        assert!(!diagnostics.is_empty(), "what can be read is formatted:\n{text}");
        return None;
    };
    let again = formatted(FileId(0), &once);
    assert_eq!(again.diagnostics, [], "what was read is read again:\n{text}\n---\n{once}");
    assert_eq!(again.text.as_deref(), Some(once.as_str()), "what is settled stays:\n{text}");
    assert!(tree(&once) == tree(text), "the tree stays:\n{text}\n---\n{once}");
    assert_eq!(written(&once), written(text), "what is written stays:\n{text}\n---\n{once}");
    assert_eq!(comments(&once), comments(text), "comments stay:\n{text}\n---\n{once}");
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"), "it ends with one line end");
    assert!(!once.starts_with('\n') && !once.contains("\n\n\n"), "no two lines in a row are empty");
    Some(once)
}

/// Checking is total, each of its messages has a place and a way forward, and formatting keeps the model.
pub fn check(bytes: &[u8]) {
    let first = check_one(bytes);
    for diagnostic in &first.diagnostics {
        explained(diagnostic, |file| first.sources.get(file).map(|source| &*source.text));
    }
    let Some(program) = &first.program else { return };
    let settled = str::from_utf8(bytes).ok().and_then(|text| formatted(FileId(0), text).text);
    let Some(settled) = settled else { return };
    // Lines that the model quotes are quoted as they are written.
    let again = check_one(settled.as_bytes()).program.map(|program| written(&describe(&program)));
    assert_eq!(again, Some(written(&describe(program))), "formatting keeps the model:\n{settled}");
}

/// What is found in a program of one file.
pub fn check_one(bytes: &[u8]) -> Checked {
    struct One<'b>(&'b [u8]);

    impl Files for One<'_> {
        fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
            match path {
                "main.berth" => Ok(self.0.to_vec()),
                "again.berth" => Ok(b"param size: Integer = 3\nlet twice = 2 * size".to_vec()),
                _ => Err(Unreadable::Missing),
            }
        }
    }

    checked("main.berth", &One(bytes))
}

/// The tree of `text` without places.
pub fn tree(text: &str) -> String {
    let whole = format!("{:?}", parsed(FileId(0), text).file);
    let mut tree = String::with_capacity(whole.len());
    let mut rest = whole.as_str();
    while let Some((before, after)) = rest.split_once("Span { ") {
        tree.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    tree + rest
}

/// All characters but blanks and commas.
fn written(text: &str) -> String {
    text.replace(|character: char| character.is_whitespace() || ",\u{FEFF}".contains(character), "")
}

/// The comments of `text`, in order, without blanks at their ends.
fn comments(text: &str) -> Vec<&str> {
    let found = parsed(FileId(0), text).comments;
    found.iter().map(|comment| text[comment.range()].trim_end()).collect()
}

fn explained<'t>(diagnostic: &Diagnostic, text: impl Fn(FileId) -> Option<&'t str>) {
    assert!(!diagnostic.labels.is_empty(), "{} has no place", diagnostic.code);
    assert!(diagnostic.help.is_some(), "{} has no way forward", diagnostic.code);
    for label in &diagnostic.labels {
        let place = text(label.span.file).and_then(|text| text.get(label.span.range()));
        assert!(place.is_some(), "{} has a label beside its text", diagnostic.code);
    }
}

fn span(item: &Item) -> Span {
    match item {
        Item::Use(item) => item.span,
        Item::Param(item) => item.span,
        Item::Let(item) => item.span,
        Item::Block(item) => item.span,
        Item::If(item) => item.span,
        Item::Assign(item) => item.span,
        Item::Require(item) => item.span,
        Item::Prefer(item) => item.span,
        Item::Broken(span) => *span,
    }
}

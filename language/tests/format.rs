//! What formatting makes of texts: `tests/spec/format.md`, and that what ships is settled.

#[path = "support/texts.rs"]
mod texts;

use berth_language::format::{Formatted, format};
use berth_language::span::FileId;
use std::fmt::Write;

/// `text` settled, or what cannot be read in it.
fn settled(text: &str) -> String {
    match format(FileId(0), text) {
        Formatted { text: Some(text), .. } => text,
        Formatted { diagnostics, .. } => format!("{diagnostics:?}\n"),
    }
}

/// The lines of the block named `name` in a section of Markdown.
fn block<'t>(section: &'t str, name: &str) -> Option<&'t str> {
    let (_, block) = section.split_once(&format!("```{name}\n"))?;
    block.split_once("```").map(|(block, _)| block)
}

#[test]
fn the_suite_holds() {
    let suite = std::fs::read_to_string(texts::of_repository("tests/spec/format.md")).expect("the suite");
    let (mut report, mut count) = (String::new(), 0);
    for section in suite.split("\n## ").skip(1) {
        let heading = section.lines().next().unwrap_or_default();
        let (Some(before), Some(after)) = (block(section, "before"), block(section, "after")) else {
            panic!("{heading} has no two blocks");
        };
        count += 1;
        for text in [before, after, &before.replace('\n', "\r\n"), &format!("\u{FEFF}{after}")] {
            let found = settled(text);
            if found != after {
                writeln!(report, "\n{heading}\n{found}").expect("a text takes all");
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(count >= 7, "only {count} cases were found");
}

#[test]
fn a_text_that_cannot_be_read_is_left_alone() {
    for text in
        ["node box {\n  cpu = = 3\n}\n", "let a = \"x\nlet   b = 2\n", "x = (1\n", "}\n", "x = 1e999\n"]
    {
        let formatted = format(FileId(0), text);
        assert_eq!(formatted.text, None, "{text}");
        assert!(!formatted.diagnostics.is_empty(), "{text}");
    }
}

#[test]
fn nothing_comes_of_nothing() {
    for text in ["", "\n\n", "\u{FEFF}", " \t\r\n"] {
        assert_eq!(settled(text), "", "{text:?}");
    }
}

#[test]
fn what_ships_is_settled() {
    for folder in ["examples", "language/catalog"] {
        let files = texts::files(folder, "berth");
        assert!(!files.is_empty(), "{folder}");
        for path in files {
            let text = std::fs::read_to_string(&path).expect("a plan file");
            assert!(settled(&text) == text, "{} is not formatted", path.display());
        }
    }
}

/// Blocks of `berth` in the suites and the documents, unless they show what cannot be read.
#[test]
fn what_documents_show_is_settled() {
    let mut count = 0;
    for folder in ["tests/spec", "docs", "."] {
        for path in texts::files(folder, "md").into_iter().filter(|path| !path.ends_with("spec/format.md")) {
            let document = std::fs::read_to_string(&path).expect("a document");
            for block in document.split("\n```berth").skip(1) {
                let (_, block) = block.split_once('\n').expect("a block has lines");
                let block = block.split("```").next().unwrap_or_default();
                if let Some(settled) = format(FileId(0), block).text {
                    assert!(settled == block, "in {}:\n{block}\nis formatted\n{settled}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100, "only {count} blocks were found");
}

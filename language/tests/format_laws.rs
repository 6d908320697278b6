//! Laws of formatting, on texts of every form: settled once is settled, nothing but blanks and commas
//! changes, and the tree stays.

#[path = "support/texts.rs"]
mod texts;

use berth_language::format::format;
use berth_language::span::FileId;
use berth_language::syntax::parse;
use texts::{Random, mutated, relaid, suites, tree};

/// `text` settled, if it can be read; then the laws hold.
fn settled(text: &str) -> Option<String> {
    let parsed = parse(FileId(0), text);
    let formatted = format(FileId(0), text);
    assert_eq!(formatted.diagnostics, parsed.diagnostics);
    let Some(once) = formatted.text else {
        assert!(!parsed.diagnostics.is_empty(), "a text without faults is formatted: {text:?}");
        return None;
    };
    let again = format(FileId(0), &once);
    assert_eq!(again.diagnostics, [], "what was read is read again:\n{text}\n---\n{once}");
    assert_eq!(again.text.as_deref(), Some(once.as_str()), "settled is settled:\n{text}");
    assert!(tree(&once) == tree(text), "the tree stays:\n{text}\n---\n{once}");
    let written = |text: &str| text.replace(|c: char| c.is_whitespace() || ",\u{FEFF}".contains(c), "");
    assert_eq!(written(&once), written(text), "what is written stays:\n{text}\n---\n{once}");
    let comments = |text: &str| -> Vec<String> {
        let found = parse(FileId(0), text).comments;
        found.iter().map(|comment| text[comment.range()].trim_end().to_owned()).collect()
    };
    assert_eq!(comments(&once), comments(text));
    assert!(!once.contains(['\t', '\u{FEFF}']) || text.contains(['"', '/']), "{once:?}");
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"), "{once:?}");
    assert!(!once.starts_with('\n') && !once.contains("\n\n\n"), "{once:?}");
    Some(once)
}

#[test]
fn of_every_suite_and_shipped_file() {
    let mut formatted = 0;
    for text in suites() {
        formatted += usize::from(settled(&text).is_some());
        settled(&text.replace('\n', "\r\n"));
        settled(&text.replace("    ", "\t"));
        settled(&format!("\u{FEFF}{text}"));
    }
    assert!(formatted > 100, "{formatted} texts were formatted");
}

/// As deep as reading allows, on the stack of an ordinary thread.
#[test]
fn of_what_nests_deep() {
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    let texts = [
        format!("x = {}", nested("(", "1", ")", 199)),
        format!("x = {}", nested("[", "1", "]", 199)),
        format!("x = {}", nested("[\n", "1", "\n]", 199)),
        format!("x = {}", nested("f(1, ", "1", ")", 120)),
        format!("x = {}", nested("f(y = ", "1", ")", 120)),
        format!("x = {}", nested("f(", "1", " + 1)", 120)),
        format!("x = {}", nested("all x in xs: ", "1", "", 199)),
        format!("x = {}", nested("if a then ", "1", " else 1", 199)),
        format!("x = {}", nested("if a then 1 else ", "1", "", 199)),
        format!("x = {}", nested("-", "1", "", 240)),
        format!("{}x", "not ".repeat(240)),
        format!("x = {}1", "1 + ".repeat(240)),
        format!("x = {}1", "1 +\n ".repeat(240)),
        format!("x = {}1", "a -> ".repeat(240)),
        format!("x = {}1 and {0}1", "1 + ".repeat(240)),
        format!("x = {}1 and {0}1", "a and\n b + ".repeat(120)),
        nested("a {\n", "x = 1", "}\n", 199),
        nested("a {\n", &format!("x = {}1\n", "1 + ".repeat(240)), "}\n", 199),
        nested("if a {\n", "x = 1", "}\n", 99),
        format!("if a {{ }} {}", "else if a { } ".repeat(190)),
    ];
    for text in texts {
        assert!(settled(&text).is_some(), "{} {:?}", &text[..30], parse(FileId(0), &text).diagnostics);
    }
}

/// Blanks, line ends and comments wherever the language lets them stand.
#[test]
fn of_texts_laid_out_anyhow() {
    let mut random = Random(0xB1A2);
    let mut formatted = 0;
    let texts = suites();
    for round in 0..6_000 {
        let text = relaid(&texts[round % texts.len()], &mut random);
        formatted += usize::from(settled(&text).is_some());
    }
    assert!(formatted > 4_000, "{formatted} texts were formatted");
}

#[test]
fn of_mutated_texts() {
    let mut random = Random(0x5E77);
    let texts = suites();
    let mut formatted = 0;
    for _ in 0..6_000 {
        formatted += usize::from(settled(&mutated(&texts, &mut random)).is_some());
    }
    assert!(formatted > 500, "{formatted} texts were formatted");
}

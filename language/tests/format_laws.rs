//! Laws of formatting, on texts of every form: settled once is settled, nothing but blanks and commas
//! changes, and the tree stays.

#[path = "../../tests/fuzz/laws.rs"]
mod laws;

#[path = "support/texts.rs"]
mod texts;

use berth_language::span::FileId;
use berth_language::syntax::parse;
use laws::settled;
use texts::{Random, mutated, relaid, suites};

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

#[test]
fn and_the_model_stays() {
    let mut random = Random(0x40DE);
    let mut models = 0;
    for text in suites() {
        laws::check(text.as_bytes());
        let text = relaid(&text, &mut random);
        models += usize::from(laws::check_one(text.as_bytes()).program.is_some());
        laws::check(text.as_bytes());
    }
    assert!(models > 50, "{models} texts had a model");
}

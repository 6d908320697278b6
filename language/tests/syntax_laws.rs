//! Laws of reading: total, lossless, precise about where.

use berth_language::diagnostics::Diagnostic;
use berth_language::span::{FileId, Span};
use berth_language::syntax::ast::Item;
use berth_language::syntax::{Parsed, parse};

const SAMPLES: [&str; 2] = [include_str!("syntax/bakery.berth"), include_str!("syntax/harbour.berth")];

fn read(text: &str) -> Parsed {
    parse(FileId(0), text)
}

#[test]
fn samples_are_read_whole() {
    for text in SAMPLES {
        assert_eq!(read(text).diagnostics, []);
        lossless(text);
        lossless(&text.replace('\n', "\r\n"));
        lossless(&text.replace("    ", "\t"));
        lossless(&format!("\u{FEFF}{text}"));
        assert_eq!(read(&text.replace('\n', "\r\n")).diagnostics, []);
        assert_eq!(read(&text.replace("    ", "\t")).diagnostics, []);
        assert_eq!(read(&text.replace("    ", "")).diagnostics, []);
        assert_eq!(read(&format!("\u{FEFF}{text}")).diagnostics, []);
    }
}

/// Outside of statements and comments there are only blanks.
fn lossless(text: &str) -> Parsed {
    let parsed = read(text);
    let mut covered = vec![false; text.len()];
    for comment in &parsed.comments {
        covered[comment.range()].fill(true);
    }
    let mut end = 0;
    for item in &parsed.file.items {
        let span = span(item);
        assert!(end <= span.start && span.start <= span.end, "statements overlap in {text:?}");
        end = span.end;
        covered[span.range()].fill(true);
        inside(text, item);
    }
    let left = uncovered(text, &covered);
    assert!(left.trim().is_empty(), "nothing covers {left:?} in {text:?}");
    parsed
}

/// Statements of a body stand inside of their block, and between them there are only blanks,
/// comments, braces and `else`.
fn inside(text: &str, item: &Item) {
    let (outer, bodies): (Span, Vec<&Vec<Item>>) = match item {
        Item::Block(block) => (block.span, block.items.iter().collect()),
        Item::Use(use_) => (use_.span, use_.body.iter().collect()),
        Item::If(if_) => (if_.span, vec![&if_.then, &if_.otherwise]),
        _ => return,
    };
    let mut end = outer.start;
    for inner in bodies.into_iter().flatten() {
        let span = span(inner);
        assert!(end <= span.start && span.end <= outer.end, "{text:?}");
        end = span.end;
        inside(text, inner);
    }
}

fn uncovered(text: &str, covered: &[bool]) -> String {
    text.char_indices()
        .filter(|(at, _)| !covered[*at])
        .map(|(_, character)| character)
        .filter(|character| *character != '\u{FEFF}')
        .collect()
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

fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// After any one byte is deleted, either all is still well or the first message is within a line of
/// the place; one about brackets has a label there or on the line of the opener.
#[test]
fn a_deleted_byte_is_found() {
    let mut silent = 0;
    let mut told = 0;
    let mut failures = Vec::new();
    for text in SAMPLES {
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            let deleted = bytes.remove(at);
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            let diagnostics = read(&changed).diagnostics;
            let Some(first) = diagnostics.first() else {
                silent += 1;
                continue;
            };
            told += 1;
            if !is_near(text, &changed, at, deleted, first) {
                let line = line(text, at) + 1;
                failures.push(format!(
                    "without `{}` of line {line} ({}): {first:?}",
                    char::from(deleted).escape_debug(),
                    text.lines().nth(line - 1).unwrap_or("")
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(told > 800, "{told} told, {silent} silent");
}

fn is_near(text: &str, changed: &str, at: usize, deleted: u8, first: &Diagnostic) -> bool {
    let place = line(changed, at);
    let near = |span: Span| line(changed, span.start as usize).abs_diff(place) <= 1;
    if near(first.labels[0].span) {
        return true;
    }
    if first.code.ends_with("-bracket") {
        // The line of the opener, in the text before the deletion.
        let opener = opener_of(text, at);
        return first.labels.iter().any(|label| {
            let start = label.span.start as usize;
            near(label.span)
                || "([{)]}".contains(char::from(deleted))
                    && opener.is_some_and(|opener| line(changed, start) == line(text, opener))
        });
    }
    false
}

/// The opener whose closer, or which, stands at `at` in a text without faults.
fn opener_of(text: &str, at: usize) -> Option<usize> {
    let comments = read(text).comments;
    let mut open = Vec::new();
    let mut quoted = false;
    for (index, character) in text.char_indices() {
        if comments.iter().any(|comment| comment.range().contains(&index)) {
            continue;
        }
        match character {
            '"' if !text[..index].ends_with('\\') => quoted = !quoted,
            '(' | '[' | '{' if !quoted => open.push(index),
            ')' | ']' | '}' if !quoted => {
                let opener = open.pop()?;
                if at == index || at == opener {
                    return Some(opener);
                }
            }
            _ => {}
        }
    }
    None
}

/// A bad line is one message and hides none of the others.
#[test]
fn a_bad_line_hides_no_other() {
    for text in SAMPLES {
        let lines: Vec<&str> = text.lines().collect();
        for at in 0..lines.len() {
            let before = lines[..at].join("\n");
            let depth_line = lines[at].trim();
            // Where a statement ends, so that a line can be put behind it.
            let starts_statement = !depth_line.is_empty() && !inside_brackets(&before);
            if !starts_statement {
                continue;
            }
            let mut changed = lines.clone();
            changed.insert(at, "    ]] = ) nothing of note (");
            let changed = changed.join("\n");
            let parsed = read(&changed);
            assert!(!parsed.diagnostics.is_empty());
            for diagnostic in &parsed.diagnostics {
                let line = line(&changed, diagnostic.labels[0].span.start as usize);
                assert_eq!(line, at, "{diagnostic:?}");
            }
        }
    }
}

fn inside_brackets(text: &str) -> bool {
    let opens = text.matches(['(', '[']).count();
    opens > text.matches([')', ']']).count()
}

/// xorshift64*, Vigna 2016; the seed is fixed so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

const PIECES: [&str; 72] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "\\",
    "\n",
    "\r\n",
    "\t",
    " ",
    "    ",
    "//",
    "///",
    "/",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "..",
    ".",
    "->",
    "-",
    "+",
    "*",
    "&",
    ":",
    ",",
    "%",
    "$",
    "€",
    "µ",
    "use ",
    "as ",
    "param ",
    "let ",
    "abstract ",
    "if ",
    "then ",
    "else ",
    "prefer ",
    "when ",
    "where ",
    "in ",
    "and ",
    "or ",
    "not ",
    "true",
    "all x in ",
    "sum x in ",
    "count x in ",
    "max ",
    "p99",
    "mean",
    "1",
    "1_000.5e3",
    "1e999",
    "34kW",
    "12 req/s",
    "name",
    "service chat ",
    "naïve",
    "\u{0}",
    "\u{1}",
    "\u{FEFF}",
    "\u{A0}",
    "🦀",
    "\u{2028}",
];

#[test]
fn random_and_mutated_texts_are_read() {
    let mut random = Random(0x5EED_BE47);
    let mut broken = 0;
    for round in 0..50_000 {
        let text = if round % 2 == 0 {
            (0..random.below(40)).map(|_| PIECES[random.below(PIECES.len())]).collect::<String>()
        } else {
            mutated(&mut random)
        };
        let parsed = lossless(&text);
        broken += usize::from(!parsed.diagnostics.is_empty());
        let starts: Vec<u32> =
            parsed.diagnostics.iter().map(|diagnostic| diagnostic.labels[0].span.start).collect();
        assert!(starts.is_sorted());
        for diagnostic in &parsed.diagnostics {
            for label in &diagnostic.labels {
                assert!(text.get(label.span.range()).is_some(), "{diagnostic:?} in {text:?}");
            }
        }
        let is_broken = format!("{:?}", parsed.file).contains("Broken");
        assert!(!is_broken || !parsed.diagnostics.is_empty(), "broken without a message: {text:?}");
    }
    assert!(broken > 10_000, "{broken} of 50,000 had faults");
}

/// A few lines of a sample with bytes deleted, doubled, swapped or replaced.
fn mutated(random: &mut Random) -> String {
    let text = SAMPLES[random.below(SAMPLES.len())];
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = random.below(lines.len());
    let count = 1 + random.below(12);
    let mut bytes = lines[first..].iter().take(count).copied().collect::<String>().into_bytes();
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let other = random.below(bytes.len());
        match random.below(5) {
            0 => {
                bytes.remove(at);
            }
            1 => bytes.swap(at, other),
            2 => bytes[at] = random.below(256) as u8,
            3 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            _ => {
                let copy = bytes[at.min(other)..at.max(other)].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whatever nests is refused past a limit, and the lines around it are read.
#[test]
fn deep_nesting_is_refused() {
    let many = 20_000;
    let deep = [
        format!("x = {}1{}", "(".repeat(many), ")".repeat(many)),
        format!("x = {}", "(".repeat(many)),
        format!("x = {}", ")".repeat(many)),
        format!("x = {}\n{}", "(".repeat(many), "]".repeat(many)),
        format!("x = {}1{}", "f(1 + ".repeat(many), ")".repeat(many)),
        format!("x = {}1", "(\n".repeat(many)),
        format!("x = {}1{}", "[".repeat(many), "]".repeat(many)),
        format!("x = a{}1{}", "[b".repeat(many), "]".repeat(many)),
        format!("x = {}1", "all x in xs: ".repeat(many)),
        format!("x = {}1", "all x in xs:\n ".repeat(many)),
        format!("{}{}", "a {\n".repeat(many), "}\n".repeat(many)),
        "a {\n".repeat(many),
        "}\n".repeat(many),
        "a {".repeat(many),
        format!("{}{}", "a {".repeat(many), "}".repeat(many)),
        format!("x = {}1{}", "if a then ".repeat(many), " else 1".repeat(many)),
        format!("x = {}1", "if a then 1 else ".repeat(many)),
        format!("x = ({}1)", "if a then 1\n else ".repeat(many)),
        format!("x = ({}1)", "all x in xs\n: ".repeat(many)),
        format!("if a {{ }} {}", "else if a { } ".repeat(many)),
        format!("x = {}1", "1 + ".repeat(many)),
        format!("x = {}1", "1 +\n ".repeat(many)),
        format!("x = {}1", "= +\n ".repeat(many)),
        format!("x = {}1", "- ".repeat(many)),
        format!("x = {}1", "a -> b & ".repeat(many)),
        format!("{}x", "not ".repeat(many)),
        format!("x = 1{}", "0".repeat(many)),
    ];
    for text in deep {
        let text = format!("before = 1\n{text}\nafter = 2\n");
        let parsed = read(&text);
        assert!(!parsed.diagnostics.is_empty());
        assert!(parsed.diagnostics.iter().any(|found| found.code != "syntax::unexpected"));
        assert!(
            matches!(parsed.file.items.first(), Some(Item::Assign(_))),
            "{}: {:?}",
            &text[..40],
            parsed.diagnostics
        );
    }
}

#[test]
fn nesting_up_to_the_limit_is_read() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("f(1 + ", ")"), ("all x in xs: ", ""), ("if a then ", " else 1")]
    {
        let text = format!("x = {}1{}", open.repeat(200), close.repeat(200));
        let parsed = read(&text);
        if open != "f(1 + " {
            assert_eq!(parsed.diagnostics, [], "{open}");
        }
    }
    let text = format!("{}{}", "a {\n".repeat(200), "}\n".repeat(200));
    assert_eq!(read(&text).diagnostics, []);
}

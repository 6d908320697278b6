//! Reading again after an edit gives what reading anew gives, whatever the edit.

use berth_language::description::describe;
use berth_language::diagnostics::Diagnostic;
use berth_language::span::FileId;
use berth_language::syntax::{Parsed, parse, parse_again};

#[path = "../../benches/generators/random.rs"]
#[allow(dead_code, reason = "a part of it is needed")]
mod random;
#[path = "../../benches/generators/program/text.rs"]
#[allow(dead_code, reason = "a part of it is needed")]
mod text;

use berth_language::{Checker, check, sources};
use random::Random;
use std::collections::BTreeMap;
use std::path::Path;

const SAMPLES: [&str; 2] = [include_str!("syntax/bakery.berth"), include_str!("syntax/harbour.berth")];

/// What an edit puts into a file: what people type, and what turns one form into another.
const PIECES: [&str; 36] = [
    "",
    "",
    "",
    "a",
    "1",
    "_",
    " ",
    "\n",
    "\n\n",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "/",
    "//",
    "// note\n",
    "/// note\n",
    "=",
    " = ",
    "<",
    ":",
    ",",
    ".",
    "%",
    "+",
    " else {\n",
    "} else {\n",
    "if ",
    " where ",
    "µ",
    "service x {\n",
    "    cpu = 2 core\n",
    "}\n",
];

/// `text` with one stretch of it replaced.
fn edited(text: &str, random: &mut Random) -> String {
    let place = |random: &mut Random| {
        let mut at = random.below(text.len() as u64 + 1) as usize;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = place(random);
    let to = match random.below(6) {
        // Sometimes much goes at once; mostly nothing or one character.
        0 => place(random).max(from).min(from + 300),
        1 | 2 => text[from..].chars().next().map_or(from, |next| from + next.len_utf8()),
        _ => from,
    };
    let to = (to..).find(|to| text.is_char_boundary(*to)).unwrap_or(text.len());
    let piece = match random.below(8) {
        // Something from elsewhere in the same file.
        0 => {
            let start = place(random);
            let end = (start + random.below(120) as usize).min(text.len());
            let end = (end..).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
            text[start..end].to_owned()
        }
        _ => PIECES[random.below(PIECES.len() as u64) as usize].to_owned(),
    };
    format!("{}{piece}{}", &text[..from], &text[to..])
}

/// The first line that two readings differ in.
fn difference(again: &Parsed, cold: &Parsed) -> String {
    let (again, cold) = (format!("{again:#?}"), format!("{cold:#?}"));
    let (mut again, mut cold) = (again.lines(), cold.lines());
    loop {
        match (again.next(), cold.next()) {
            (again, cold) if again != cold => return format!("{again:?} and not {cold:?}"),
            (None, None) => return String::new(),
            _ => {}
        }
    }
}

#[test]
fn reading_again_is_reading() {
    let size = text::Size { lines: 600, files: 5 };
    let generated = text::program(size, 3);
    let texts = SAMPLES.into_iter().chain(generated.iter().map(|(_, text)| text.as_str()));
    for (seed, original) in texts.enumerate() {
        let mut random = Random::new(seed as u64);
        let mut old = original.to_owned();
        let mut parsed = parse(FileId(0), &old);
        for step in 0..300 {
            // Now and then the file is whole again; in between mistakes pile up.
            let new = if step % 12 == 11 { original.to_owned() } else { edited(&old, &mut random) };
            let file = FileId(u32::from(step % 3 == 0));
            let cold = parse(file, &new);
            parsed = parse_again(file, &new, &old, parsed);
            if parsed != cold {
                panic!(
                    "seed {seed}, step {step}: {}\n{}\n---- became\n{new}",
                    difference(&parsed, &cold),
                    old
                );
            }
            old = new;
        }
    }
}

/// The files of a program.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

impl sources::Files for Files {
    fn read(&self, path: &str) -> Result<Vec<u8>, sources::Unreadable> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(sources::Unreadable::Missing)
    }
}

/// Every program of the specification.
fn specified() -> Vec<Files> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spec");
    let mut suites: Vec<_> = std::fs::read_dir(folder)
        .expect("the suites are here")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    suites.sort();
    let mut programs = Vec::new();
    for suite in suites {
        let text = std::fs::read_to_string(&suite).expect("a suite");
        for case in text.split("\n#") {
            let mut files = BTreeMap::new();
            let mut lines = case.lines();
            while let Some(line) = lines.next() {
                let Some(info) = line.strip_prefix("```") else { continue };
                let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                if let ("berth", file) = info.split_once(' ').unwrap_or((info, "main.berth")) {
                    files.insert(file.to_owned(), block.join("\n"));
                }
            }
            if files.contains_key("main.berth") {
                programs.push(Files(files));
            }
        }
    }
    programs
}

/// Edits of `original`, each checked again and anew; how many.
fn checked_again(original: &Files, seed: u64, steps: usize) -> usize {
    let mut random = Random::new(seed);
    let mut checker = Checker::default();
    let mut files = original.clone();
    checker.check("main.berth", &files);
    for step in 0..steps {
        let before = files.clone();
        let names: Vec<String> = files.0.keys().cloned().collect();
        let name = &names[random.below(names.len() as u64) as usize];
        let text = &files.0[name];
        // Now and then the program is whole again; in between mistakes pile up.
        if step % 5 == 4 {
            files = original.clone();
        } else {
            let text =
                if random.below(3) == 0 { edited(text, &mut random) } else { retyped(text, &mut random) };
            files.0.insert(name.clone(), text);
        }
        let again = checker.check("main.berth", &files);
        let cold = check("main.berth", &files);
        if again.diagnostics != cold.diagnostics {
            let changed = files.0.iter().filter(|(name, text)| before.0[*name] != **text);
            let changed: Vec<_> = changed
                .map(|(name, text)| format!("{name}:\n{}\n---- became\n{text}", before.0[name]))
                .collect();
            let only = |a: &[Diagnostic], b: &[Diagnostic]| -> Vec<String> {
                let a = a.iter().filter(|found| !b.contains(found));
                a.map(|found| format!("{found:?}")).collect()
            };
            panic!(
                "seed {seed}, step {step}\n{}\nagain only: {:#?}\ncold only: {:#?}",
                changed.join("\n"),
                only(&again.diagnostics, &cold.diagnostics),
                only(&cold.diagnostics, &again.diagnostics),
            );
        }
        if step % 7 == 0 {
            let again = checker.program("main.berth", &files).map(|program| describe(&program));
            assert_eq!(again, cold.program.map(|program| describe(&program)));
        }
    }
    steps
}

/// One letter or digit of `text`, changed, taken out or doubled.
fn retyped(text: &str, random: &mut Random) -> String {
    let places: Vec<usize> =
        text.match_indices(|c: char| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    let Some(at) = places.get(random.below(places.len() as u64) as usize).copied() else {
        return text.to_owned();
    };
    let other = char::from(b"0123456789abcdefghij_"[random.below(21) as usize]);
    let with = match random.below(3) {
        0 => String::new(),
        1 => format!("{}{other}", &text[at..=at]),
        _ => other.to_string(),
    };
    format!("{}{with}{}", &text[..at], &text[at + 1..])
}

#[test]
fn checking_again_is_checking() {
    let mut count = 0;
    for (seed, program) in specified().iter().enumerate() {
        count += checked_again(program, seed as u64, 12);
    }
    let generated = text::program(text::Size { lines: 700, files: 6 }, 5).into_iter().collect();
    count += checked_again(&Files(generated), 5, 400);
    assert!(count > 2_000, "{count} edits");
}

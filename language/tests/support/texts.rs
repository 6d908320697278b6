//! Texts of every form of the language.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::{Path, PathBuf};

/// A file or folder of the repository.
pub fn of_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The files of a folder whose names end in `.extension`, in the order of their names.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of_repository(folder)).expect("a folder of the repository");
    let paths = entries.map(|entry| entry.expect("an entry of a folder").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// The plan files of the examples and the catalog, and the larger samples of the tests.
pub fn shipped() -> Vec<String> {
    ["examples", "language/catalog", "language/tests/syntax"]
        .into_iter()
        .flat_map(|folder| files(folder, "berth"))
        .map(|path| std::fs::read_to_string(path).expect("a plan file"))
        .collect()
}

/// The shipped files and the blocks of all suites: every form of the language is in one of them.
pub fn suites() -> Vec<String> {
    let mut texts = shipped();
    for suite in files("tests/spec", "md") {
        let suite = std::fs::read_to_string(suite).expect("a suite");
        for block in suite.split("\n```berth").skip(1) {
            let (_, block) = block.split_once('\n').expect("a block has lines");
            texts.push(block.split("```").next().unwrap_or_default().to_owned());
        }
    }
    texts
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is below a usize")
    }
}

/// A few lines of one of `texts` with a piece of another one in it, or a piece less.
pub fn mutated(texts: &[String], random: &mut Random) -> String {
    let text = &texts[random.below(texts.len())];
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = random.below(lines.len());
    let mut some: Vec<char> =
        lines.iter().skip(first).take(1 + random.below(14)).flat_map(|line| line.chars()).collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(some.len() + 1);
        let to = (at + random.below(12)).min(some.len());
        let other: Vec<char> = texts[random.below(texts.len())].chars().collect();
        let from = random.below(other.len() + 1);
        let until = (from + random.below(16)).min(other.len());
        match random.below(4) {
            0 => drop(some.drain(at..to)),
            1 => drop(some.splice(at..at, other[from..until].iter().copied())),
            2 => drop(some.splice(at..to, other[from..until].iter().copied())),
            _ => {
                let copy = some[at..to].to_vec();
                some.splice(at..at, copy);
            }
        }
    }
    some.into_iter().collect()
}

/// `text` with other blanks, and with line ends and comments where lines may end: in brackets and after
/// what dangles.
pub fn relaid(text: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        if quoted || character == '"' {
            quoted = match (quoted, character) {
                (false, _) => true,
                (true, '"' | '\n') => false,
                (true, '\\') => {
                    out.push('\\');
                    out.extend(characters.next());
                    continue;
                }
                (true, _) => true,
            };
            out.push(character);
            continue;
        }
        if character == '/' && characters.peek() == Some(&'/') {
            out.push('/');
            out.extend(std::iter::from_fn(|| characters.next_if(|next| *next != '\n')));
            continue;
        }
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_apart = matches!(character, '(' | '[' | ',') && depth > 0;
        match character {
            // After a number the blank before a count noun is one of its own.
            ' ' if depth > 0 && !out.ends_with(|last: char| last.is_ascii_digit()) => {
                gap(&mut out, random, true)
            }
            ' ' => {
                let dangles = ["=", " +", " *", " and", " or", "->", "<=", ">=", "=="];
                let dangles = dangles.iter().any(|end| out.ends_with(end));
                gap(&mut out, random, dangles);
            }
            ')' | ']' => {
                if random.below(6) == 0 && depth > 0 && !out.ends_with(|last: char| "*([".contains(last)) {
                    gap(&mut out, random, true);
                }
                out.push(character);
            }
            '\n' => {
                out.push_str(
                    ["\n", "\n", "\n", "\r\n", "\n\n", "\n\n\n\n", " // said\n", "  \n"][random.below(8)],
                );
            }
            _ => {
                out.push(character);
                if is_apart && random.below(6) == 0 {
                    gap(&mut out, random, true);
                }
            }
        }
    }
    out
}

/// Blanks; where lines may end, perhaps also line ends and comments.
fn gap(out: &mut String, random: &mut Random, may_end_line: bool) {
    const BLANKS: [&str; 12] = [
        " ",
        " ",
        " ",
        " ",
        "  ",
        "\t",
        "\n        ",
        " // why\n        ",
        "\n\n        ",
        "\n        // how\n        ",
        " // one\n        // two\n\n        ",
        " \r\n        ",
    ];
    out.push_str(BLANKS[random.below(if may_end_line { BLANKS.len() } else { 6 })]);
}

//! Reading again after an edit gives what reading anew gives, whatever the edit.

use berth_language::span::FileId;
use berth_language::syntax::{Parsed, parse, parse_again};

#[path = "../../benches/generators/random.rs"]
#[allow(dead_code, reason = "a part of it is needed")]
mod random;
#[path = "../../benches/generators/program/text.rs"]
#[allow(dead_code, reason = "a part of it is needed")]
mod text;

use random::Random;

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

//! Any input gets an answer: mutated files, deep files, large files; and the same input the same answer.

use berth_language::description::describe;
use berth_language::sources::{Files, Unreadable};
use berth_language::{Checked, check};
use std::path::Path;

struct One<'t>(&'t [u8]);

impl Files for One<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        match path {
            "main.berth" => Ok(self.0.to_vec()),
            "again.berth" => Ok(b"param size: Integer = 3\nlet twice = 2 * size".to_vec()),
            _ => Err(Unreadable::Missing),
        }
    }
}

fn checked(text: &[u8]) -> Checked {
    check("main.berth", &One(text))
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is below a usize")
    }
}

/// The blocks of the suites: every form of the language is in one of them.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/spec");
    let mut suites: Vec<_> = std::fs::read_dir(folder)
        .expect("the suites are here")
        .map(|entry| entry.expect("an entry of a folder").path())
        .collect();
    suites.sort();
    let mut seeds = Vec::new();
    for suite in suites {
        let text = std::fs::read_to_string(suite).expect("a suite");
        for part in text.split("```berth\n").skip(1) {
            let block = part.split("```").next().unwrap_or_default();
            // The catalog is read anew each time; a few seeds with it are enough.
            if !block.contains("catalog.nvidia") && block.len() < 400 {
                seeds.push(block.as_bytes().to_vec());
            }
        }
    }
    seeds
}

const PIECES: [&str; 48] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "=",
    "==",
    "<=",
    "..",
    "->",
    "&",
    "*",
    "/ ",
    "/",
    "-",
    "\"",
    "\n",
    " ",
    ".",
    ",",
    ":",
    "///",
    "//",
    "if ",
    "else ",
    "not ",
    "in ",
    "all x in service[*]: ",
    "sum s in service[*]: ",
    "prefer ",
    "when hour in 2h..3h",
    " p99",
    " peak",
    "plan.bill",
    "$3/h",
    "€2",
    "40%",
    "1e60",
    "0",
    "999999999999",
    "box[1..9]",
    "service",
    "replicas",
    "demand",
    "diurnal(",
    "use \"./again.berth\"",
    "\u{fffd}é",
];

fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut text = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        let to = (at + random.below(24)).min(text.len());
        match random.below(7) {
            0 => drop(text.drain(at..to)),
            1 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
            2 => drop(text.splice(at..to, PIECES[random.below(PIECES.len())].bytes())),
            3 => {
                let copied = text[at..to].to_vec();
                let place = random.below(text.len() + 1);
                text.splice(place..place, copied);
            }
            4 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let until = (from + random.below(60)).min(other.len());
                text.splice(at..at, other[from..until].to_vec());
            }
            5 => text.truncate(at),
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).expect("a byte");
                }
            }
        }
    }
    text
}

#[test]
fn mutated_files_never_panic() {
    let seeds = seeds();
    let threads: Vec<_> = (0..2)
        .map(|thread| {
            let seeds = seeds.clone();
            std::thread::spawn(move || {
                let mut random = Random(thread);
                for _ in 0..25_000 {
                    let text = mutated(&seeds, &mut random);
                    let checked = checked(&text);
                    for diagnostic in &checked.diagnostics {
                        let label = diagnostic.labels.first().expect("a place");
                        let source = checked.sources.get(label.span.file).expect("a file");
                        assert!(
                            source.text.get(label.span.range()).is_some(),
                            "{} has no place in {:?}",
                            diagnostic.code,
                            String::from_utf8_lossy(&text)
                        );
                        assert!(diagnostic.help.is_some(), "{} has no way forward", diagnostic.code);
                    }
                    if let Some(program) = &checked.program {
                        describe(program);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn what_nests_or_leans_deep_is_refused() {
    let deep = |before: &str, inner: &str, after: &str, count: usize| {
        format!("let a = {}{inner}{}\n", before.repeat(count), after.repeat(count))
    };
    let chain = |count: usize| {
        let lines = (0..count).map(|at| format!("let c{at} = c{} + 1\n", at + 1));
        lines.collect::<String>() + &format!("let c{count} = 1\n")
    };
    let bases = |count: usize| {
        let lines = (0..count).map(|at| format!("abstract node n{at} : n{}\n", at + 1));
        lines.collect::<String>() + &format!("abstract node n{count} {{\n    cpu = 1 core\n}}\n")
    };
    let nested = |count: usize| {
        let open: String = (0..count).map(|at| format!("rack r{at} {{\n")).collect();
        format!("site s {{\n{open}{}}}\n", "}\n".repeat(count))
    };
    let texts = [
        deep("(", "1", ")", 10_000),
        deep("[", "1", "]", 10_000),
        deep("-", "1", "", 10_000),
        deep("not ", "true", "", 10_000),
        deep("1 + ", "1", "", 100_000),
        deep("if true then 1 else ", "1", "", 10_000),
        deep("lognormal(", "1", ")", 1_000),
        chain(5_000),
        bases(5_000),
        nested(5_000),
        "if true {\n".repeat(5_000),
    ];
    for text in texts {
        let checked = checked(text.as_bytes());
        assert!(!checked.diagnostics.is_empty(), "{}", &text[..40]);
    }
}

#[test]
fn odd_files() {
    for text in [&b""[..], b"\xff\xfe", b"\0\0\0", b"\xef\xbb\xbf", "\u{2028}".as_bytes()] {
        checked(text);
    }
    type Why = fn() -> Unreadable;
    struct Nothing(Why);
    impl Files for Nothing {
        fn read(&self, _: &str) -> Result<Vec<u8>, Unreadable> {
            Err(self.0())
        }
    }
    let cases: [(Why, &str); 4] = [
        (|| Unreadable::Missing, "use::missing-file"),
        (|| Unreadable::Directory, "file::directory"),
        (|| Unreadable::TooLarge(1 << 30), "file::too-large"),
        (|| Unreadable::Other("denied".to_owned()), "file::unreadable"),
    ];
    for (why, code) in cases {
        let checked = check("plan.berth", &Nothing(why));
        assert!(checked.program.is_none());
        let codes: Vec<_> = checked.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, [code]);
        // The message has a place in a file that has a name.
        let label = &checked.diagnostics[0].labels[0];
        let source = checked.sources.get(label.span.file).expect("the root");
        assert_eq!(source.path, "plan.berth");
    }
    let latin = checked(b"// plain\nlet a = \"caf\xe9\"\nnode b {\n    cpu = 1 core\n}\n");
    let odd = &latin.diagnostics[0];
    assert_eq!(odd.code, "file::not-utf8");
    assert_eq!(latin.sources.position(odd.labels[0].span), (2, 13));
}

/// As large as the largest inventory and trace. How its cost grows is `benches/check.rs`'s to say.
#[test]
fn a_large_program_is_checked_and_is_the_same_each_time() {
    let program = |nodes: usize, pods: usize| {
        let mut text = String::from("device p100 {\n    memory = 16GB\n}\n");
        for node in 0..nodes {
            text.push_str(&format!(
                "node n{node:04} {{\n    devices = 2 * p100\n    cpu = 64 core\n    memory = 256GiB\n    price = $1/h\n    market = on_demand\n}}\n"
            ));
        }
        for pod in 0..pods {
            text.push_str(&format!(
                "service pod_{pod:04} {{\n    cpu = 12 core\n    memory = 16384MiB\n    devices = 1\n    share = 46%\n    device in [p100]\n    priority = 10\n    replicas in 0..1\n    prefer replicas == 1\n}}\n"
            ));
        }
        text
    };
    let found = || {
        let checked = checked(program(1_523, 8_152).as_bytes());
        assert!(checked.diagnostics.is_empty());
        checked.program.expect("a program")
    };
    let first = found();
    assert_eq!((first.nodes.len(), first.services.len()), (1_523, 8_152));
    assert_eq!(describe(&first), describe(&found()));
}

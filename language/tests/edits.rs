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

/// Lines of which small programs are made: every form, and what is wrong with brackets, strings and ends.
const LINES: [&str; 30] = [
    "service a {",
    "a {",
    "a { b { x = 1 }",
    "a { b {",
    "a { x = 1 }",
    "a { x = [1 }",
    "service a: b",
    "if a {",
    "} else {",
    "} else if b {",
    "else {",
    "use \"a\" as b {",
    "x = 1",
    "x =",
    "x = a.in",
    "x = (1 +",
    "2) * 3",
    "y <= 2",
    "y = \"open",
    "x = [1, 2)",
    "x = 1) + (2",
    "- 3",
    "/// said",
    "// service a {",
    "",
    "{",
    "}",
    "} }",
    ")",
    "]",
];

/// A few lines, indented somehow.
fn small(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..2 + random.below(7) {
        text.push_str(["", "", "    ", "        "][random.below(4) as usize]);
        text.push_str(LINES[random.below(LINES.len() as u64) as usize]);
        text.push('\n');
    }
    text
}

/// Programs of a few lines, of which one stretch of lines becomes another.
#[test]
fn reading_a_few_lines_again_is_reading() {
    let mut random = Random::new(7);
    for step in 0..20_000 * rounds() {
        let (start, end) = (small(&mut random), small(&mut random));
        let [old, new] = [small(&mut random), small(&mut random)].map(|middle| match random.below(4) {
            0 => format!("{start}{end}"),
            1 => format!("{start}{middle}"),
            2 => format!("{middle}{end}"),
            _ => format!("{start}{middle}{end}"),
        });
        let new = if random.below(2) == 0 { edited(&old, &mut random) } else { new };
        let file = FileId(0);
        let (again, cold) = (parse_again(file, &new, &old, parse(file, &old)), parse(file, &new));
        if again != cold {
            panic!("step {step}: {}\n{old}---- became\n{new}", difference(&again, &cold));
        }
    }
}

/// How many times as long as usual to look: `BERTH_EDITS=40` is forty times.
fn rounds() -> u64 {
    std::env::var("BERTH_EDITS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
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

/// A program that `main.berth` makes of several: it uses what the others were.
fn joined(programs: &[Files], random: &mut Random) -> Files {
    let mut files = BTreeMap::new();
    let mut main = String::new();
    for name in ["a", "b", "c"] {
        let other = &programs[random.below(programs.len() as u64) as usize];
        if other.0.len() == 1 {
            main.push_str(&format!("use \"./{name}.berth\" as {name}\n"));
            files.insert(format!("{name}.berth"), other.0["main.berth"].clone());
        }
    }
    let own = &programs[random.below(programs.len() as u64) as usize];
    files.extend(own.0.clone());
    let text = format!("{main}{}", own.0["main.berth"]);
    files.insert("main.berth".to_owned(), text);
    Files(files)
}

/// One of `things`.
fn pick<'t, T>(things: &'t [T], random: &mut Random) -> Option<&'t T> {
    things.get(random.below(things.len().max(1) as u64) as usize)
}

/// Words of a text, with the bytes at which they start.
fn words(text: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                words.push((first, &text[first..at]));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The lines of a declaration at the top level of `lines`, by their numbers.
fn declaration(lines: &[String], random: &mut Random) -> std::ops::Range<usize> {
    let is_start = |line: &String| line.starts_with(|c: char| c.is_ascii_lowercase());
    let starts: Vec<usize> = (0..lines.len()).filter(|at| is_start(&lines[*at])).collect();
    let Some(start) = pick(&starts, random).copied() else { return 0..0 };
    let end = (start + 1..lines.len()).find(|at| is_start(&lines[*at])).unwrap_or(lines.len());
    start..end
}

/// What people do to a program. `pool` has lines of other programs.
fn changed(files: &mut Files, pool: &[String], random: &mut Random) {
    let names: Vec<String> = files.0.keys().cloned().collect();
    let Some(name) = pick(&names, random).cloned() else { return };
    let text = files.0[&name].clone();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = random.below(lines.len().max(1) as u64) as usize;
    let replaced =
        |at: usize, old: &str, new: &str| format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
    let new = match random.below(21) {
        0 | 1 => retyped(&text, random),
        2 => edited(&text, random),
        // A line goes, stands twice, changes its place, or comes from elsewhere.
        3 if !lines.is_empty() => {
            lines.remove(line);
            lines.join("\n")
        }
        4 if !lines.is_empty() => {
            lines.insert(line, lines[line].clone());
            lines.join("\n")
        }
        5 if !lines.is_empty() => {
            let other = random.below(lines.len() as u64) as usize;
            lines.swap(line, other);
            lines.join("\n")
        }
        6 | 7 => {
            lines.insert(line, pick(pool, random).cloned().unwrap_or_default());
            lines.join("\n")
        }
        // A declaration goes, moves within its file or into another, or comes twice.
        8 => {
            lines.drain(declaration(&lines, random));
            lines.join("\n")
        }
        9 | 10 => {
            let range = declaration(&lines, random);
            let moved: Vec<String> =
                if random.below(3) == 0 { lines[range].to_vec() } else { lines.drain(range).collect() };
            files.0.insert(name.clone(), lines.join("\n"));
            let Some(other) = pick(&names, random).cloned() else { return };
            let mut lines: Vec<String> = files.0[&other].lines().map(str::to_owned).collect();
            let at = declaration(&lines, random).start;
            lines.splice(at..at, moved);
            files.0.insert(other, lines.join("\n"));
            return;
        }
        // A name becomes another, here or everywhere.
        11 | 12 => {
            let others: Vec<String> =
                files.0.values().flat_map(|text| words(text)).map(|(_, word)| word.to_owned()).collect();
            let (Some((at, word)), Some(other)) =
                (pick(&words(&text), random).copied(), pick(&others, random))
            else {
                return;
            };
            replaced(at, word, other)
        }
        13 => {
            let Some((_, word)) = pick(&words(&text), random).copied() else { return };
            let other = format!("{word}x");
            let places = words(&text).into_iter().filter(|(_, known)| *known == word);
            let mut new = text.clone();
            for (at, _) in places.collect::<Vec<_>>().into_iter().rev() {
                new.replace_range(at..at + word.len(), &other);
            }
            new
        }
        14 => {
            let numbers: Vec<_> = words(&text)
                .into_iter()
                .filter(|(_, word)| word.starts_with(|c: char| c.is_ascii_digit()))
                .collect();
            let Some((at, number)) = pick(&numbers, random).copied() else { return };
            let digits = number.trim_end_matches(|c: char| !c.is_ascii_digit());
            replaced(at, digits, &random.below(2_000).to_string())
        }
        15 => {
            const UNITS: [&str; 14] =
                ["ms", "s", "h", "GB", "GiB", "W", "kW", "%", "req/s", "tok", "/h", "$", "€", "core"];
            let units: Vec<_> =
                UNITS.iter().flat_map(|unit| text.match_indices(unit).collect::<Vec<_>>()).collect();
            let Some((at, unit)) = pick(&units, random).copied() else { return };
            replaced(at, unit, pick(&UNITS, random).copied().unwrap_or_default())
        }
        16 => {
            let braces: Vec<_> = text.match_indices(['{', '}']).collect();
            let Some((at, brace)) = pick(&braces, random).copied() else { return };
            replaced(at, brace, ["", "{", "}", "}}"][random.below(4) as usize])
        }
        17 => {
            let said = ["", "// a note", "/// What it is.", "    // deeper"];
            lines.insert(line, pick(&said, random).copied().unwrap_or_default().to_owned());
            lines.join("\n")
        }
        // A line is in the middle of being typed.
        18 | 19 if !lines.is_empty() => {
            let mut end = random.below(lines[line].len() as u64 + 1) as usize;
            while !lines[line].is_char_boundary(end) {
                end -= 1;
            }
            lines[line].truncate(end);
            lines.join("\n")
        }
        20 => {
            // Another file changes at the same time.
            changed(files, pool, random);
            changed(files, pool, random);
            return;
        }
        _ => retyped(&text, random),
    };
    files.0.insert(name, new);
}

/// Edits of `original`, each checked again and anew: how many, and how many took less than everything.
fn checked_again(original: &Files, pool: &[String], seed: u64, steps: usize) -> [usize; 2] {
    let mut random = Random::new(seed);
    let mut checker = Checker::default();
    let mut files = original.clone();
    checker.check("main.berth", &files);
    let (mut past, mut less) = (Vec::new(), 0);
    for step in 0..steps {
        let before = files.clone();
        match random.below(6) {
            // Now and then the program is whole again, or as it was a moment ago; in between mistakes pile up.
            0 => files = original.clone(),
            1 => files = past.pop().unwrap_or_else(|| original.clone()),
            _ => {
                past.push(files.clone());
                changed(&mut files, pool, &mut random);
            }
        }
        let again = checker.check("main.berth", &files);
        let cold = check("main.berth", &files);
        less += usize::from(again.looked_at.is_some());
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
            assert_eq!(again, cold.program.map(|program| describe(&program)), "seed {seed}, step {step}");
        }
    }
    [steps, less]
}

/// One letter or digit of `text`, changed, taken out or doubled.
fn retyped(text: &str, random: &mut Random) -> String {
    let places: Vec<usize> =
        text.match_indices(|c: char| c.is_ascii_alphanumeric()).map(|(at, _)| at).collect();
    let Some(at) = pick(&places, random).copied() else {
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

/// The programs in `examples`.
fn examples() -> Vec<Files> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut programs = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the examples are here") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "berth") {
            let text = std::fs::read_to_string(&path).expect("an example");
            programs.push((path, Files(BTreeMap::from([("main.berth".to_owned(), text)]))));
        }
    }
    programs.sort_by(|(a, _), (b, _)| a.cmp(b));
    programs.into_iter().map(|(_, program)| program).collect()
}

fn generated(lines: usize, files: usize, seed: u64) -> Files {
    Files(text::program(text::Size { lines, files }, seed).into_iter().collect())
}

/// Where did-you-means come to an end it matters which are looked for first.
#[test]
fn at_a_limit() {
    let mistakes = |count: usize| -> String {
        (0..count)
            .map(|at| format!("service s{at} {{\n    cpu = corse{at}\n    memory = 1GiB\n}}\n"))
            .collect()
    };
    let program = |count: usize| Files(BTreeMap::from([("main.berth".to_owned(), mistakes(count))]));
    let mut checker = Checker::default();
    for count in [97, 98, 99, 100, 101, 102, 100, 99, 101, 98, 97] {
        let files = program(count);
        let again = checker.check("main.berth", &files);
        assert_eq!(again.diagnostics, check("main.berth", &files).diagnostics, "{count} mistakes");
    }
    checked_again(&program(98), &[], 1, 40);
}

/// The first of two like lines breaks, and what was said of it is said of the second.
#[test]
fn what_is_said_goes_with_the_line() {
    let program = |text: &str| Files(BTreeMap::from([("main.berth".to_owned(), text.to_owned())]));
    let mut checker = Checker::default();
    for text in [
        "model it {\n    latnt = [kv: 0.5, rope: 64]\n}\n",
        "model it {\n    latnt = [kv: 0.5, rope it {\n    latnt = [kv: 0.5, rope: 64]\n}\n",
    ] {
        let files = program(text);
        let again = checker.check("main.berth", &files);
        assert_eq!(again.diagnostics, check("main.berth", &files).diagnostics, "{text}");
    }
}

/// A model comes to say what it has not said, which services that run it depend on.
#[test]
fn what_was_not_said_is_read_too() {
    let program = |said: &str| {
        let text = format!(
            "model embed {{\n    {said} = bidirectional\n}}\nservice answers {{\n    model = embed\n    kv_cache = fp8\n}}\n"
        );
        Files(BTreeMap::from([("main.berth".to_owned(), text)]))
    };
    let mut checker = Checker::default();
    for said in ["attentiaon", "attention", "attentiaon"] {
        let files = program(said);
        let again = checker.check("main.berth", &files);
        assert_eq!(again.diagnostics, check("main.berth", &files).diagnostics, "{said}");
    }
}

/// Lines over all things of a kind are read again for those things alone that an edit reaches.
#[test]
fn what_is_said_of_all_is_said_of_each() {
    let program = |text: &str| Files(BTreeMap::from([("main.berth".to_owned(), text.to_owned())]));
    let service = |at: usize| {
        let base = ["", " : small", " : large"][at % 3];
        let own = ["    cpu = 2 core\n    memory = 4GiB\n", "", "    memory = 6GiB\n"][at % 3];
        let team = ["red", "blue"][at % 2];
        format!("service s{at}{base} {{\n    priority = {}\n{own}    team = {team}\n}}\n", 10 * at)
    };
    let services: String = (0..24).map(service).collect();
    let original = program(&format!("{OF_ALL}{services}"));
    let pool: Vec<String> = original.0.values().flat_map(|text| text.lines()).map(str::to_owned).collect();
    let [mut count, mut less] = [0, 0];
    for seed in 0..6 * rounds() {
        let [edits, partly] = checked_again(&original, &pool, seed, 60);
        (count, less) = (count + edits, less + partly);
    }
    assert!(4 * less > 3 * count, "{less} of {count} edits");
    // What a quantifier within runs over may be there because of another one.
    let text = |first: &str, second: &str| {
        let service =
            |name: &str, cpu: &str| format!("service {name} : small {{\n    cpu = {cpu} core\n}}\n");
        program(&format!("{WITHIN}{}{}", service("a", first), service("b", second)))
    };
    let mut checker = Checker::default();
    for [first, second] in [["2", "2"], ["20", "2"], ["20", "20"], ["2", "20"], ["20", "20"], ["20", "x"]] {
        let files = text(first, second);
        let again = checker.check("main.berth", &files);
        assert_eq!(again.diagnostics, check("main.berth", &files).diagnostics, "{first} and {second}");
    }
    // What is said of a new service is found by looking at it, and at what speaks of it.
    let mut checker = Checker::default();
    let quiet = SPOKEN_OF.to_owned() + &services.replace("team = red", "").replace("team = blue", "");
    checker.check("main.berth", &program(&quiet));
    for edit in [("priority = 50", "priority = 51"), ("service s7 ", "service t7 "), ("cpu = 2", "cpu = 3")] {
        let files = program(&quiet.replacen(edit.0, edit.1, 1));
        let looked_at = checker.check("main.berth", &files).looked_at;
        assert!(looked_at.is_some_and(|count| count <= 4), "{edit:?}: {looked_at:?}");
        checker.check("main.berth", &program(&quiet));
    }
}

const SPOKEN_OF: &str = r"abstract service small {
    cpu = 1 core
    memory = 1GiB
}
abstract service large : small {
    cpu = 8 core
}
policy spread {
    all s in service[*] where s.priority >= 90: s.replicas >= 2
}
";

const WITHIN: &str = r"abstract service small {
    memory = 1GiB
}
node box {
    cpu = 16 core
    memory = 64GiB
}
policy keep {
    all s in service[*]: all n in node[*] where n.cpu > s.cpu: s.replicas <= 30
}
";

const OF_ALL: &str = r#"param most: Integer = 12
let floor = 90
team red {
    budget = $1_200/d
}
team blue {
    budget = $1_400/d
}
abstract service small {
    cpu = 1 core
    memory = 1GiB
}
abstract service large : small {
    cpu = 8 core
    priority = 5
}
node box[1..2] {
    cpu = 16 core
    memory = 64GiB
    price = $1/h
}
policy spread {
    all s in service[*] where s.priority >= floor: s.replicas >= 2
    all s in service[*] where s.priority >= 230: s.replicas <= most
    all s in service[*] where s.cpu >= 7 core: any n in node[*]: n.cpu >= s.cpu
    all s in service[*]: s.memory <= 8GiB
    all s in service[*]: all n in node[*] where n.cpu > s.cpu: s.replicas <= 30
}
abstract policy keep {
    all s in service[*] where s.cpu <= 2 core: s.replicas >= 1
    prefer all s in service[*] where s.priority > 100: s.replicas >= 3 else $1/h
}
policy kept : keep
policy narrow[bound in 3..4] {
    all s in service[*] where s.priority == bound * 10: s.spread(node) >= 2
    sum s in service[*] where s.priority == 10: s.cpu <= 40 core
}
policy guarded {
    all s in service[*] where s.priority > 200: s.replicas <= 9 when hour in 8h..18h
    all n in node[*]: n.memory >= 2 * s3.memory
}
"#;

#[test]
fn checking_again_is_checking() {
    let specified = specified();
    let pool: Vec<String> = specified
        .iter()
        .flat_map(|program| program.0.values())
        .flat_map(|text| text.lines())
        .map(str::to_owned)
        .collect();
    let mut total = [0, 0];
    let mut add = |[count, less]: [usize; 2]| total = [total[0] + count, total[1] + less];
    for round in 0..rounds() {
        let seed = |at: usize| 1_000_000 * round + at as u64;
        for (at, program) in specified.iter().enumerate() {
            add(checked_again(program, &pool, seed(at), 4));
        }
        for at in 0..50 {
            let program = joined(&specified, &mut Random::new(seed(at)));
            add(checked_again(&program, &pool, seed(at), 12));
        }
        for (at, program) in examples().iter().enumerate() {
            add(checked_again(program, &pool, seed(at), 60));
        }
        for at in 0..2 {
            add(checked_again(&generated(700, 6, seed(at)), &pool, seed(at), 60));
        }
    }
    let [count, less] = total;
    println!("{count} edits, {less} of them checked by less than everything");
    assert!(count > 2_000 && 2 * less > count, "{less} of {count} edits");
}

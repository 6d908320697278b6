//! How fast a large program is checked, and in how much memory. Every figure is CPU time of this
//! process and stands beside a peer's in the same run: `toml`, the parser that Cargo itself leans
//! on, reading the same lines as data.
//!
//! The ratio is a scale, not a race. The peer reads and that is all; a check also knows names, units,
//! derivation and what every line may say. But the peer is widely known, and a machine that is twice
//! as slow today is so for both.
//!
//!     cargo bench --profile dev -p berth-language --bench check [-- --lines 50000 --files 20 --seed 1 --rounds 7 --places 25]

#[path = "generators/random.rs"]
#[allow(dead_code, unused_imports, reason = "the generator needs a part of it")]
mod random;
#[path = "generators/program/text.rs"]
mod text;

use berth_language::diagnostics::Severity;
use berth_language::sources::{Files, Unreadable};
use berth_language::{Checker, check};
use cpu_time::ProcessTime;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

struct Program(BTreeMap<String, String>);

impl Files for Program {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.get(path).map(|text| text.clone().into_bytes()).ok_or(Unreadable::Missing)
    }
}

const ROOT: &str = "main.berth";

fn main() {
    let size = text::Size { lines: argument("--lines", 50_000), files: argument("--files", 20) };
    let seed = argument("--seed", 1) as u64;
    let rounds = argument("--rounds", 7).max(1);
    let program = Program(text::program(size, seed).into_iter().collect());
    if std::env::args().any(|argument| argument == KEPT) {
        return kept(&program);
    }
    let lines: usize = program.0.values().map(|text| text.lines().count()).sum();
    let bytes: usize = program.0.values().map(String::len).sum();
    let data: Vec<String> = program.0.values().map(|text| as_data(text)).collect();
    println!("{lines} lines, {bytes} bytes in {} files, seed {seed}; {rounds} rounds", program.0.len());

    let before = resident("VmRSS:");
    let checked = check(ROOT, &program);
    let errors = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let (kept, most) = (resident("VmRSS:"), resident("VmHWM:"));
    println!("{} diagnostics, {errors} of them errors", checked.diagnostics.len());
    assert!(errors == 0 && checked.program.is_some(), "the program is meant to be sound");
    drop(checked);
    if let (Some(before), Some(kept), Some(most)) = (before, kept, most) {
        let megabytes = |kilobytes: u64| kilobytes.saturating_sub(before).div_ceil(1_024);
        println!("memory of a cold check: {} MiB at its peak, {} MiB kept", megabytes(most), megabytes(kept));
    }

    if let Ok(own) = std::env::current_exe() {
        let arguments = std::env::args().skip(1).chain([KEPT.to_owned()]);
        // Where it cannot be run nothing is said.
        let _ = std::process::Command::new(own).args(arguments).status();
    }

    // The peer takes its turn within every round, so that both see the same machine.
    let (mut cold, mut read, mut peer, mut part) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let eighth = text::Size { lines: size.lines / 8, files: size.files };
    let eighth = Program(text::program(eighth, seed).into_iter().collect());
    for _ in 0..rounds {
        cold.push(timed(|| check(ROOT, &program)));
        part.push(timed(|| check(ROOT, &eighth)));
        read.push(timed(|| {
            let parse = |text: &String| berth_language::syntax::parse(berth_language::span::FileId(0), text);
            program.0.values().map(parse).collect::<Vec<_>>()
        }));
        peer.push(timed(|| data.iter().map(|text| text.parse::<toml::Table>().is_ok()).collect::<Vec<_>>()));
    }
    let peer = Figures::of(peer);
    let head = |what: &str| {
        format!("{what:<28}{:>10}{:>10}{:>9}{:>12}{:>12}", "least", "median", "spread", "of toml's", "most")
    };
    println!("{}", head("CPU time"));
    println!("{}", peer.row("toml reads it as data", &peer));
    println!("{}", Figures::of(read).row("parse", &peer));
    println!("{}", Figures::of(cold).row("cold check", &peer));
    // Where it takes much less than an eighth, something grows faster than what it reads.
    println!("{}", Figures::of(part).row("cold check of an eighth", &peer));
    println!("{}{:>14}", head("CPU time after an edit"), "most again");
    edits(program, argument("--places", 25), &peer);
}

/// Has a process of its own say what a checker keeps: memory that was used before is not given back.
const KEPT: &str = "--kept";

fn kept(program: &Program) {
    let before = resident("VmRSS:");
    let mut checker = Checker::default();
    checker.check(ROOT, program);
    if let (Some(before), Some(after)) = (before, resident("VmRSS:")) {
        println!("memory of a checker after its first check: {} MiB", (after - before).div_ceil(1_024));
    }
}

/// What is typed: after a mark some bytes go and others come.
struct Edit {
    what: &'static str,
    /// How the names of the files begin in which it is done.
    file: &'static str,
    mark: &'static str,
    gone: &'static str,
    typed: &'static str,
}

const fn edit(
    what: &'static str,
    file: &'static str,
    mark: &'static str,
    gone: &'static str,
    typed: &'static str,
) -> Edit {
    Edit { what, file, mark, gone, typed }
}

const EDITS: [Edit; 20] = [
    edit("a comment", "", "// ---- ", "", "x"),
    edit("a doc comment", "", "/// ", "", "x"),
    edit("an image", "", "    image = \"", "", "x"),
    edit("cores of a service", "", "    cpu = ", "", "1"),
    edit("what a replica serves", "", "    serves = ", "", "1"),
    edit("a demand", "", "    demand = ", "", "1"),
    edit("a priority", "", "    priority = ", "", "1"),
    edit("a promise", "", "    latency p95 < ", "", "1"),
    edit("a wish", "", "prefer replicas == ", "", "1"),
    edit("the feed of a rack", "sites", "    feed = ", "", "1"),
    edit("memory of nodes", "sites", "        memory = ", "", "1"),
    edit("a policy", "main", "s.replicas <= ", "", "1"),
    edit("an unknown name", "", "    demand = ", "", "x"),
    edit("a line broken off", "", "    latency p95 < 1", "1ms", ""),
    edit("a word of no form", "", "    image ", "", "x "),
    edit("a new name", "", "service ", "", "x"),
    edit("a brace gone", "", "0ms\n", "}\n", ""),
    edit("a base of one team", "", "ours : platform.inner {\n    memory = ", "", "1"),
    edit("a `let` of one team", "", "let visitors = ", "", "2 * "),
    edit("a `let` of all", "rates", "let core_hour = ", "", "2 * "),
];

/// What a check costs after an edit, and after it is taken back, at places all over the program; and how many
/// declarations are checked again where that is most.
fn edits(mut program: Program, places: usize, peer: &Figures) {
    let mut checker = Checker::default();
    checker.check(ROOT, &program);
    for Edit { what, file, mark, gone, typed } in EDITS {
        let mut all: Vec<(String, usize)> = Vec::new();
        for (name, text) in program.0.iter().filter(|(name, _)| name.starts_with(file)) {
            let places = text.match_indices(mark).map(|(at, _)| at + mark.len());
            all.extend(places.filter(|at| text[*at..].starts_with(gone)).map(|at| (name.clone(), at)));
        }
        let count = places.min(all.len());
        let (mut times, mut after) = (Vec::new(), None);
        let mut again = Some(0);
        for place in 0..count {
            let (name, at) = &all[place * all.len() / count];
            let text = program.0[name].clone();
            program.0.insert(name.clone(), format!("{}{typed}{}", &text[..*at], &text[at + gone.len()..]));
            times.push(timed(|| {
                let looked_at = checker.check(ROOT, &program).looked_at;
                again = again.zip(looked_at).map(|(most, now)| most.max(now));
            }));
            if place + 1 == count {
                // Not in between: a whole check leaves an untidy heap behind.
                after = Some((checker.check(ROOT, &program).diagnostics.clone(), check(ROOT, &program)));
            }
            program.0.insert(name.clone(), text);
            if place + 1 < count {
                times.push(timed(|| checker.check(ROOT, &program).diagnostics.len()));
            }
        }
        checker.check(ROOT, &program);
        if let Some((found, cold)) = after {
            assert_eq!(found, cold.diagnostics, "{what}");
        }
        if !times.is_empty() {
            let again = again.map_or("all".to_owned(), |most| most.to_string());
            println!("{}{again:>14}", Figures::of(times).row(what, peer));
        }
    }
}

/// The number after `name` on the command line.
fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = ProcessTime::now();
    let value = std::hint::black_box(work());
    let time = start.elapsed();
    drop(value);
    time
}

/// The same lines as TOML: each a text in its place. Whatever the peer makes of the file it has to
/// read as many lines and names, and nearly as many bytes.
fn as_data(text: &str) -> String {
    let mut data = String::with_capacity(2 * text.len());
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let code = code.trim().replace('\\', "\\\\").replace('"', "\\\"");
        let written = match code.split_once(" = ") {
            _ if code.is_empty() => Ok(()),
            Some((name, value)) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                write!(data, "l{at}_{name} = \"{value}\"")
            }
            _ => write!(data, "l{at} = \"{code}\""),
        };
        let comment = if comment.is_empty() { Ok(()) } else { write!(data, " # {comment}") };
        data.push('\n');
        assert!(written.is_ok() && comment.is_ok(), "a text takes all");
    }
    data
}

/// Times of one kind, in order.
struct Figures(Vec<Duration>);

impl Figures {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2].as_secs_f64()
    }

    fn row(&self, what: &str, peer: &Self) -> String {
        let milliseconds = |time: f64| format!("{:.2} ms", 1_000.0 * time);
        let (least, most) = (self.0[0].as_secs_f64(), self.0[self.0.len() - 1].as_secs_f64());
        format!(
            "{what:<28}{:>10}{:>10}{:>8.0}%{:>12.2}{:>12}",
            milliseconds(least),
            milliseconds(self.median()),
            100.0 * (most - least) / self.median(),
            self.median() / peer.median(),
            milliseconds(most),
        )
    }
}

/// A line of `/proc/self/status`, in KiB; `None` where there is no such file.
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

//! How fast a large program is checked, and in how much memory. Every figure is CPU time of this
//! process and stands beside a peer's in the same run: `toml`, the parser that Cargo itself leans
//! on, reading the same lines as data.
//!
//! The ratio is a scale, not a race. The peer reads and that is all; a check also knows names, units,
//! derivation and what every line may say. But the peer is widely known, and a machine that is twice
//! as slow today is so for both.
//!
//!     cargo bench --profile dev -p berth-language --bench check [-- --lines 50000 --files 20 --seed 1 --rounds 7]

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

    // The peer takes its turn within every round, so that both see the same machine.
    let (mut cold, mut read, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        cold.push(timed(|| check(ROOT, &program)));
        read.push(timed(|| {
            let parse = |text: &String| berth_language::syntax::parse(berth_language::span::FileId(0), text);
            program.0.values().map(parse).collect::<Vec<_>>()
        }));
        peer.push(timed(|| data.iter().map(|text| text.parse::<toml::Table>().is_ok()).collect::<Vec<_>>()));
    }
    let peer = Figures::of(peer);
    println!("{:<28}{:>10}{:>10}{:>9}{:>12}", "CPU time", "least", "median", "spread", "of toml's");
    peer.print("toml reads it as data", &peer);
    Figures::of(read).print("parse", &peer);
    Figures::of(cold).print("cold check", &peer);
    edits(program, 4 * rounds, &peer);
}

/// What a check costs after one character is typed into a file in the middle of the program.
fn edits(mut program: Program, rounds: usize, peer: &Figures) {
    let before = resident("VmRSS:");
    let mut checker = Checker::default();
    checker.check(ROOT, &program);
    if let (Some(before), Some(after)) = (before, resident("VmRSS:")) {
        println!("memory that a checker keeps: {} MiB", after.saturating_sub(before).div_ceil(1_024));
    }
    let edited =
        program.0.keys().filter(|name| name.as_str() != "platform.berth" && !name.starts_with("sites"));
    let edited = edited.max_by_key(|name| program.0[*name].len()).cloned().unwrap_or_default();
    for (what, mark, typed) in [
        ("edit: a comment", "// ---- ", "x"),
        ("edit: a number", "serves = ", "1"),
        ("edit: a promise", "latency p95 < ", "1"),
        ("edit: a name", ".demand", "x"),
        ("edit: a word of no form", "    image = ", "x "),
        ("edit: a brace goes missing", "service ", "{"),
        ("edit: the priority of a service", "priority = ", "1"),
        ("edit: a base of the team", "prefer replicas >= ", "1"),
        ("edit: a `let` of the team", "let visitors = ", "2 * "),
    ] {
        let text = program.0[&edited].clone();
        let places: Vec<usize> = text.match_indices(mark).map(|(at, found)| at + found.len()).collect();
        let mut times = Vec::new();
        for round in 0..rounds {
            let Some(at) = places.get(round * places.len() / rounds).copied() else { continue };
            program.0.insert(edited.clone(), format!("{}{typed}{}", &text[..at], &text[at..]));
            times.push(timed(|| checker.check(ROOT, &program).diagnostics.len()));
            let (again, cold) = (checker.check(ROOT, &program), check(ROOT, &program));
            assert_eq!(again.diagnostics, cold.diagnostics, "{what} at {at} of {edited}");
            program.0.insert(edited.clone(), text.clone());
            times.push(timed(|| checker.check(ROOT, &program).diagnostics.len()));
        }
        if !times.is_empty() {
            Figures::of(times).print(what, peer);
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

    fn print(&self, what: &str, peer: &Self) {
        let milliseconds = |time: f64| format!("{:.2} ms", 1_000.0 * time);
        let (least, most) = (self.0[0].as_secs_f64(), self.0[self.0.len() - 1].as_secs_f64());
        println!(
            "{what:<28}{:>10}{:>10}{:>8.0}%{:>12.2}",
            milliseconds(least),
            milliseconds(self.median()),
            100.0 * (most - least) / self.median(),
            self.median() / peer.median(),
        );
    }
}

/// A line of `/proc/self/status`, in KiB; `None` where there is no such file.
fn resident(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

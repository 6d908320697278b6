//! The engine of sessions: Markdown documents to commands, commands to answers, answers to a judgement. The front
//! page of `tests/cli.rs` has the rules.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A command that takes longer is ended, and its test fails.
const PATIENCE: Duration = Duration::from_secs(300);

/// What commands find around them.
#[derive(Default)]
pub struct Surroundings {
    /// Programs beside `berth`, by the names under which commands call them.
    pub programs: Vec<(&'static str, PathBuf)>,
    /// Variables, and what they hold.
    pub variables: Vec<(&'static str, String)>,
    /// Texts that differ from run to run, and what stands for them in answers.
    pub names: Vec<(String, &'static str)>,
    /// Tests share something, so they run one after another, in the order of the document.
    pub shared: bool,
}

// --- Documents ----------------------------------------------------------------------------------

/// The tests of one Markdown file.
pub struct Document {
    pub tests: Vec<Test>,
}

/// What stands under one heading.
pub struct Test {
    heading: String,
    steps: Vec<Step>,
}

impl Test {
    /// The files that it writes, by their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Write { name, content } => Some((name.as_str(), content.as_str())),
            Step::Run(_) => None,
        })
    }
}

pub enum Step {
    Write { name: String, content: String },
    Run(Exchange),
}

/// A command and its answer. Lines are counted from 1; the answer lies in `answer_from..answer_to`.
#[derive(Clone, Debug)]
pub struct Exchange {
    line: usize,
    command: String,
    expected: Vec<String>,
    answer_from: usize,
    answer_to: usize,
}

impl Document {
    pub fn read(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut tests = vec![Test { heading: String::new(), steps: Vec::new() }];
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            at += 1;
            if let Some(heading) = line.trim_start_matches('#').strip_prefix(' ')
                && line.starts_with('#')
            {
                tests.push(Test { heading: heading.to_owned(), steps: Vec::new() });
            }
            let fence: String = line.chars().take_while(|c| *c == '`').collect();
            if fence.len() < 3 {
                continue;
            }
            let opened = at;
            let end = (at..lines.len())
                .find(|at| lines[*at] == fence)
                .ok_or_else(|| format!("line {opened}: this block has no end"))?;
            let info = line.trim_start_matches('`').trim();
            let steps = &mut tests.last_mut().unwrap().steps;
            let mut words = info.split_whitespace();
            let language = words.next().unwrap_or_default();
            if let Some(name) = words.find_map(|word| word.strip_prefix("file=")) {
                if name.starts_with('/') || name.split('/').any(|part| part == "..") {
                    return Err(format!("line {opened}: a file is named inside the test's folder"));
                }
                let content = lines[at..end].iter().map(|line| format!("{line}\n")).collect();
                let name = name.to_owned();
                steps.push(Step::Write { name, content });
            } else if language == "console" {
                steps.extend(exchanges(&lines, at, end)?.into_iter().map(Step::Run));
            } else if ["sh", "bash", "shell", "zsh"].contains(&language) {
                return Err(format!("line {opened}: a shell's block that nothing runs; make it ```console"));
            }
            at = end + 1;
        }
        tests.retain(|test| test.steps.iter().any(|step| matches!(step, Step::Run(_))));
        Ok(Self { tests })
    }
}

/// The commands of a block whose content is `lines[from..to]`.
fn exchanges(lines: &[&str], from: usize, to: usize) -> Result<Vec<Exchange>, String> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for (at, line) in lines.iter().enumerate().take(to).skip(from) {
        if let Some(command) = line.strip_prefix("$ ") {
            exchanges.push(Exchange {
                line: at + 1,
                command: command.to_owned(),
                expected: Vec::new(),
                answer_from: at + 1,
                answer_to: at + 1,
            });
            continue;
        }
        let Some(last) = exchanges.last_mut() else {
            return Err(format!("line {}: an answer before any command", at + 1));
        };
        match line.strip_prefix("> ") {
            Some(more) if last.expected.is_empty() => {
                last.command += &format!("\n{more}");
                last.answer_from = at + 1;
            }
            _ => last.expected.push(line.trim_end().to_owned()),
        }
        last.answer_to = at + 1;
    }
    // Blank lines before the next command are for the reader.
    for exchange in &mut exchanges {
        while exchange.expected.last().is_some_and(String::is_empty) {
            exchange.expected.pop();
            exchange.answer_to -= 1;
        }
    }
    Ok(exchanges)
}

// --- Running ------------------------------------------------------------------------------------

/// What became of one test.
#[derive(Debug)]
pub struct Outcome {
    heading: String,
    answers: Vec<(Exchange, Vec<String>)>,
}

pub fn run(files: &[PathBuf], surroundings: &Surroundings) {
    let only = std::env::var("BERTH_SESSION").unwrap_or_default();
    let bless = std::env::var_os("BERTH_BLESS").is_some_and(|value| value == "1");
    let texts: Vec<(String, String)> = files
        .iter()
        .map(|file| {
            let name = file.strip_prefix(root()).unwrap().display().to_string();
            let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, text)
        })
        .collect();
    let documents: Vec<Document> = texts
        .iter()
        .map(|(name, text)| Document::read(text).unwrap_or_else(|problem| panic!("{name}: {problem}")))
        .collect();

    let tests: Vec<(usize, &Test)> = documents
        .iter()
        .enumerate()
        .flat_map(|(file, document)| document.tests.iter().map(move |test| (file, test)))
        .filter(|(file, test)| format!("{} {}", texts[*file].0, test.heading).contains(&only))
        .collect();
    let outcomes = performed(&tests, surroundings);

    let mut failed = Vec::new();
    for (file, (name, text)) in texts.iter().enumerate() {
        let both = tests.iter().zip(&outcomes);
        let of_file: Vec<&Outcome> =
            both.filter(|((owner, _), _)| *owner == file).map(|(_, outcome)| outcome).collect();
        let differing = failures(name, &of_file);
        if bless && !differing.is_empty() {
            fs::write(&files[file], blessed(text, &of_file)).unwrap();
        } else {
            failed.extend(differing);
        }
    }
    assert!(
        failed.is_empty(),
        "{} of the commands answered otherwise than written:\n\n{}\n\
         BERTH_BLESS=1 writes the answers down; judge each before it is committed.",
        failed.len(),
        failed.join("\n")
    );
}

/// Performs the tests, and keeps their order: on as many threads as there are processors, unless they share something.
fn performed(tests: &[(usize, &Test)], surroundings: &Surroundings) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some((_, test)) = tests.get(at) else {
                break;
            };
            let outcome = perform(test, surroundings);
            done.lock().unwrap().insert(at, outcome);
        }
    };
    thread::scope(|scope| {
        let threads =
            if surroundings.shared { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

pub fn perform(test: &Test, surroundings: &Surroundings) -> Outcome {
    let folder = Folder::new(surroundings);
    let mut answers = Vec::new();
    for step in &test.steps {
        match step {
            Step::Write { name, content } => {
                let path = folder.work.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Step::Run(exchange) => answers.push((exchange.clone(), folder.answer(&exchange.command))),
        }
    }
    let heading = test.heading.clone();
    Outcome { heading, answers }
}

/// A folder for one test; it goes when the test ends.
struct Folder<'a> {
    surroundings: &'a Surroundings,
    top: PathBuf,
    /// Where commands run; beside it lies what they print.
    work: PathBuf,
}

impl<'a> Folder<'a> {
    fn new(surroundings: &'a Surroundings) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let top = std::env::temp_dir().join(format!("berth-session-{}-{number}", std::process::id()));
        let work = top.join("work");
        for folder in [top.join("bin"), work.join("benches")] {
            fs::create_dir_all(folder).unwrap();
        }
        for (program, link) in [
            (env!("CARGO_BIN_EXE_berth"), top.join("bin/berth")),
            (env!("CARGO_BIN_EXE_berth"), work.join("berth")),
            (env!("CARGO_BIN_EXE_berth-generate"), work.join("benches/generate")),
        ] {
            std::os::unix::fs::symlink(program, link).unwrap();
        }
        for (name, program) in &surroundings.programs {
            std::os::unix::fs::symlink(program, top.join("bin").join(name)).unwrap();
        }
        copy(&root().join("examples"), &work.join("examples"));
        Self { surroundings, top, work }
    }

    /// What the command prints, by line, and how it ended if not well.
    fn answer(&self, command: &str) -> Vec<String> {
        let printed = self.top.join("printed");
        let out = fs::File::create(&printed).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut child = Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.work)
            .env("PATH", format!("{}:{path}", self.top.join("bin").display()))
            .env("HOME", &self.top)
            .envs([("COLUMNS", "80"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("LC_ALL", "C.UTF-8")])
            .envs(self.surroundings.variables.iter().map(|(name, value)| (name, value)))
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let status = within_patience(&mut child);
        let bytes = fs::read(&printed).unwrap();
        let mut text = String::from_utf8_lossy(&bytes).replace(&self.work.display().to_string(), ".");
        for (found, stands) in &self.surroundings.names {
            text = text.replace(found, stands);
        }
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        match status {
            None => lines.push(format!("[ended after {} s]", PATIENCE.as_secs())),
            Some(status) if status.success() => {}
            Some(status) => lines.push(match status.code() {
                Some(code) => format!("[exit {code}]"),
                None => format!("[{status}]"),
            }),
        }
        lines
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.top);
    }
}

/// How the child ended; `None` where it had to be killed.
fn within_patience(child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Copies a folder and all in it; one that is not there is empty.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

// --- Judging ------------------------------------------------------------------------------------

/// Whether the lines are as expected, where `...` stands for any of them.
pub fn agree(expected: &[String], actual: &[String]) -> bool {
    let Some((first, rest)) = expected.split_first() else {
        return actual.is_empty();
    };
    if first == "..." {
        return (0..=actual.len()).any(|skipped| agree(rest, &actual[skipped..]));
    }
    actual.split_first().is_some_and(|(line, others)| line == first && agree(rest, others))
}

/// What each command that answered otherwise printed, for a person.
pub fn failures(file: &str, outcomes: &[&Outcome]) -> Vec<String> {
    let mut failures = Vec::new();
    for Outcome { heading, answers } in outcomes {
        for (exchange, actual) in
            answers.iter().filter(|(exchange, actual)| !agree(&exchange.expected, actual))
        {
            let Exchange { line, command, expected, .. } = exchange;
            let indented =
                |lines: &[String]| lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
            failures.push(format!(
                "{file}:{line}, under {heading}\n$ {command}\n  as written:\n{}  as it answered:\n{}",
                indented(expected),
                indented(actual),
            ));
        }
    }
    failures
}

/// The document with the answers that differ replaced by those given.
pub fn blessed(text: &str, outcomes: &[&Outcome]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut blessed: Vec<String> = Vec::new();
    let mut at = 0;
    for (exchange, actual) in outcomes.iter().flat_map(|outcome| &outcome.answers) {
        if agree(&exchange.expected, actual) {
            continue;
        }
        for line in actual {
            let means_more = line.starts_with("$ ") || line.starts_with("```") || line == "...";
            assert!(!means_more, "an answer cannot be written down, for its line `{line}` means more here");
        }
        blessed.extend(lines[at..exchange.answer_from].iter().map(|line| (*line).to_owned()));
        blessed.extend(actual.iter().cloned());
        at = exchange.answer_to;
    }
    blessed.extend(lines[at..].iter().map(|line| (*line).to_owned()));
    blessed.join("\n") + "\n"
}

// --- Files --------------------------------------------------------------------------------------

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file in the folder and below, by name.
pub fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(markdown(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    files
}

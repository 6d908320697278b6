//! `berth lock`: pin what a plan file takes from the catalog, and say what changed.

use crate::arguments::Lock as Arguments;
use crate::commands::with_session;
use crate::disk::{root, write};
use crate::render::failure::Failure;
use crate::render::table::{Align, paragraph, table};
use berth_compiler::lock::{self, Change, Lock};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Serialize)]
struct Answer<'a> {
    path: &'a str,
    /// The file is as this version writes it.
    current: bool,
    changes: &'a [Change],
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let root = root(&arguments.file);
    let path = lock::path(&root);
    let (shipped, known) = with_session(|session| session.lock(&root))?;
    let changes = known.as_ref().map(|known| known.changes(&shipped)).unwrap_or_default();
    let stays = known.as_ref().map_or(shipped.is_empty(), |known| *known == shipped);
    if !stays && !arguments.check {
        let file = PathBuf::from(&path);
        write(&file, &shipped.to_text()).map_err(|error| Failure::write(&file, &error))?;
    }
    let current = stays || !arguments.check;
    if arguments.json {
        let answer = Answer { path: &path, current, changes: &changes };
        println!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default());
    } else {
        print!("{}", text(&root, &path, &shipped, known.as_ref(), &changes, current));
    }
    Ok(if current { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(
    root: &str,
    path: &str,
    shipped: &Lock,
    known: Option<&Lock>,
    changes: &[Change],
    current: bool,
) -> String {
    if shipped.is_empty() && known.is_none() {
        return paragraph(&format!("{root} takes nothing from the catalog: there is nothing to pin."), 0);
    }
    let mut text = String::new();
    if !changes.is_empty() {
        text.push_str("What this version changes\n");
        let rows: Vec<Vec<String>> = changes.iter().map(row).collect();
        let heading =
            [("in", Align::Left), ("of", Align::Left), ("line", Align::Left), ("change", Align::Left)];
        text.push_str(&table(&heading, &rows));
        text.push('\n');
    }
    let things: usize = shipped.catalog.values().map(|module| module.things.len()).sum();
    let pins = format!("{} and {}", counted(things, "thing"), counted(shipped.fits.len(), "fit"));
    let said = match (known, current) {
        (_, false) => {
            format!("{path} is not what this version would write; renew it with: berth lock {root}")
        }
        (Some(known), true) if known == shipped => format!("{path} pins {pins}, as this version ships them."),
        (_, true) => format!("{path} now pins {pins}."),
    };
    text.push_str(&paragraph(&said, 0));
    text
}

fn row(change: &Change) -> Vec<String> {
    let short =
        |value: &String| if change.line.is_none() { value.chars().take(8).collect() } else { value.clone() };
    let (from, to) = (change.from.as_ref().map(short), change.to.as_ref().map(short));
    let change_text = match (from, to) {
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (None, Some(to)) => format!("new: {to}"),
        (Some(from), None) => format!("gone: {from}"),
        (None, None) => String::new(),
    };
    vec![change.module.clone(), change.thing.clone(), change.line.clone().unwrap_or_default(), change_text]
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

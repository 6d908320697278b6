//! `berth fmt`: plan files in their settled form.

use crate::arguments::Fmt;
use crate::disk::{Disk, plan_files, write};
use crate::render::diagnostics;
use crate::render::failure::{self, Failure};
use berth_language::format::{Formatted, format};
use berth_language::sources::{Files as _, LARGEST_FILE, Sources, Unreadable};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Standard input, as an argument names it.
const INPUT: &str = "-";

pub fn run(arguments: &Fmt) -> Result<ExitCode, Failure> {
    let mut well = true;
    let mut files = BTreeSet::new();
    for path in &arguments.paths {
        match named(path) {
            Ok(found) => files.extend(found),
            Err(failure) => well &= said(&failure),
        }
    }
    for file in files {
        let outcome =
            if file == Path::new(INPUT) { pass(arguments.check) } else { settle(&file, arguments.check) };
        well &= outcome.unwrap_or_else(|failure| said(&failure));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files that an argument names.
fn named(path: &str) -> Result<Vec<PathBuf>, Failure> {
    let folder = Path::new(path);
    if path == INPUT || !folder.is_dir() {
        return Ok(vec![folder.to_owned()]);
    }
    let files = plan_files(folder).map_err(|error| Failure::read(folder, &error))?;
    if files.is_empty() {
        return Err(Failure::NoPlanFile(folder.to_owned()));
    }
    Ok(files)
}

/// Formats one file where it lies, or says that it would; whether all is well.
fn settle(file: &Path, check: bool) -> Result<bool, Failure> {
    let path = file.to_string_lossy().into_owned();
    let bytes = Disk.read(&path).map_err(|error| Failure::Text(path.clone(), error))?;
    let Some(text) = settled(&path, bytes.clone()) else {
        return Ok(false);
    };
    if text.as_bytes() == bytes {
        return Ok(true);
    }
    if !check {
        write(file, &text).map_err(|error| Failure::write(file, &error))?;
    }
    println!("{path}");
    Ok(!check)
}

/// Formats standard input to standard output; whether all is well.
fn pass(check: bool) -> Result<bool, Failure> {
    let mut bytes = Vec::new();
    let size = std::io::stdin()
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::read(Path::new("standard input"), &error))?;
    if size as u64 > LARGEST_FILE {
        return Err(Failure::Text("standard input".into(), Unreadable::TooLarge(size as u64)));
    }
    let Some(text) = settled("standard input", bytes.clone()) else {
        return Ok(false);
    };
    if !check {
        print!("{text}");
        return Ok(true);
    }
    let well = text.as_bytes() == bytes;
    if !well {
        println!("{INPUT}");
    }
    Ok(well)
}

/// The settled text of a file; none where lines of it cannot be read, which is said.
fn settled(path: &str, bytes: Vec<u8>) -> Option<String> {
    let mut sources = Sources::default();
    let (file, odd) = sources.decode(path, bytes, false);
    let text = sources.get(file).map_or("", |source| &*source.text);
    let Formatted { text, diagnostics } = format(file, text);
    let found: Vec<_> = odd.into_iter().chain(diagnostics).collect();
    diagnostics::print(&sources, &found);
    text.filter(|_| found.is_empty())
}

/// Says why; all is not well then.
fn said(failure: &Failure) -> bool {
    failure::print(failure);
    false
}

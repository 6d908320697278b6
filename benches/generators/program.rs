//! `benches/generate program`: a large program of many files, as a company with many teams would
//! write it. Everything in it is invented; it is there to be read and checked, not planned.

pub mod text;

use std::path::PathBuf;
use text::Size;

/// Writes a large program of many files to check.
///
/// main.berth is the root; rates.berth and platform.berth hold what all share, sites-….berth the
/// machines, and the other files the services of one team each, which lean on one another's.
#[derive(clap::Args)]
pub struct Arguments {
    /// Lines in all, comments and blank lines included; a few more or less are written
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    lines: usize,

    /// Files in all
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=200))]
    files: u64,

    /// Another seed, another program
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes the files and says how many lines they have.
///
/// # Errors
/// A message for a person: a file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let size = Size { lines: arguments.lines, files: arguments.files as usize };
    let files = text::program(size, arguments.seed);
    let failed = |path: &std::path::Path, error| format!("cannot write {}: {error}", path.display());
    std::fs::create_dir_all(&arguments.out).map_err(|error| failed(&arguments.out, error))?;
    let mut lines = 0;
    for (name, text) in &files {
        let path = arguments.out.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        lines += text.lines().count();
    }
    Ok(format!("{lines} lines in {} files: {}\n", files.len(), arguments.out.join("main.berth").display()))
}

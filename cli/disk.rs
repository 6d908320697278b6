//! Files from the disk, and files to it: beside first, then renamed.

use berth_language::data::{Summary, Undecodable, Wanted};
use berth_language::sources::{Files, LARGEST_FILE, Unreadable};
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The disk, relative to the working directory.
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
        if metadata.is_dir() {
            return Err(Unreadable::Directory);
        }
        if metadata.len() > LARGEST_FILE {
            return Err(Unreadable::TooLarge(metadata.len()));
        }
        if !metadata.is_file() {
            return Err(Unreadable::Other("it is neither a file nor a folder".into()));
        }
        fs::read(path).map_err(|error| unreadable(&error))
    }

    fn data(&self, wanted: &Wanted) -> Result<Summary, Undecodable> {
        berth_data::Cache::new(summaries()).load(wanted).map(Rc::new)
    }
}

/// Where summaries of data files are kept: in `$BERTH_CACHE`, else in `~/.cache/berth`; nowhere without a home.
fn summaries() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("BERTH_CACHE").or_else(|| Some(named("HOME")?.join(".cache/berth")))?;
    Some(folder.join("data"))
}

fn unreadable(error: &std::io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing,
        ErrorKind::IsADirectory => Unreadable::Directory,
        _ => Unreadable::Other(error.to_string()),
    }
}

/// The root file that a user's argument means: a folder's `main.berth`, else its only plan file.
pub fn root(argument: &str) -> String {
    let path = Path::new(argument);
    if !path.is_dir() {
        return argument.to_owned();
    }
    let main = path.join("main.berth");
    if main.is_file() {
        return main.to_string_lossy().into_owned();
    }
    let mut plans: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|entry| entry.extension().is_some_and(|extension| extension == "berth"))
        .collect();
    match (plans.pop(), plans.is_empty()) {
        (Some(only), true) => only.to_string_lossy().into_owned(),
        _ => argument.to_owned(),
    }
}

/// The plan files of a folder and of those in it, in order of their names. Folders that are hidden or links
/// are somebody else's.
pub fn plan_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if entry.file_type()?.is_dir() {
                if !is_hidden {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "berth") && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether both name one file that is there.
pub fn same_file(left: &Path, right: &Path) -> bool {
    matches!((fs::canonicalize(left), fs::canonicalize(right)), (Ok(left), Ok(right)) if left == right)
}

/// Writes `text` to `path`, whole or not at all: beside first, then renamed. A link keeps leading where it
/// leads, a file keeps who may read it, and what is no file is not replaced by one.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is there, and is no file"));
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = target.as_path();
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| there.map_or(Ok(()), |there| fs::set_permissions(&beside, there.permissions())))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left beside the file is ours and of no use; the error that matters is the first.
        let _ = fs::remove_file(&beside);
    }
    written
}

//! Summaries that are kept, so that a large file is decoded once.
//!
//! A summary is kept by what the file holds (its SHA-256) and the step. To spare large files even the hashing, a
//! second entry keeps the hash by where a file lies, and is believed while its size, its time of change and its
//! place on the disk are the same, and that time is long enough before the file was read: two changes within
//! one tick of the disk's clock cannot be told apart.
//!
//! Nothing depends on the cache. What is damaged, of another version or of somebody else is passed over and written
//! anew; where nothing can be written, files are decoded each time.

use crate::bytes::Bytes;
use crate::content::{begins_as_named, decode};
use crate::stored::Stored;
use berth_language::data::{Data, Undecodable, Wanted};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The form of the entries, and of what is computed in them. Another number makes old ones unread.
const FORMAT: &str = "berth.data/1";

/// The largest entry that is read, in bytes; the largest that is written has far fewer.
const LARGEST: u64 = 64 << 20;

/// Nanoseconds that a change must lie before the reading: the ticks of file systems are 2 s at most (FAT).
const SETTLED: i128 = 2_000_000_000;

/// A folder with summaries.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// In this folder, which is made when it is needed; nowhere for `None`.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The file that is wanted: its summary from before if its content is the same, else decoded.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn load(&self, wanted: &Wanted) -> Result<Data, Undecodable> {
        let before = fs::metadata(&wanted.path).ok().filter(Metadata::is_file);
        let (Some(folder), Some(before)) = (&self.folder, before) else {
            return decode(wanted);
        };
        // What the name promises is not in the hash.
        begins_as_named(&wanted.path)?;
        let read_at = now();
        let known = place(folder, &wanted.path).and_then(|(entry, path)| {
            read::<Placed>(&entry)
                .filter(|placed| placed.still_holds(&path, &before))
                .map(|placed| placed.sha256)
        });
        let sha256 = known.clone().or_else(|| hash(&wanted.path));
        let kept = sha256.as_ref().and_then(|sha256| {
            let stored: Stored = read(&summary(folder, sha256, wanted))?;
            stored.data(sha256, &wanted.step)
        });
        let found = match kept {
            Some(data) => data,
            None => {
                let data = decode(wanted)?;
                write(&summary(folder, &data.sha256, wanted), &Stored::of(&data, &wanted.step));
                data
            }
        };
        // A file that changed meanwhile is not known.
        let same = fs::metadata(&wanted.path).is_ok_and(|after| Stamp::of(&after) == Stamp::of(&before));
        if known.as_ref() != Some(&found.sha256)
            && same
            && let Some((entry, path)) = place(folder, &wanted.path)
        {
            write(&entry, &Placed { path, stamp: Stamp::of(&before), read_at, sha256: found.sha256.clone() });
        }
        Ok(found)
    }
}

/// Where a file lies, and what it held.
#[derive(Serialize, Deserialize)]
struct Placed {
    path: PathBuf,
    stamp: Stamp,
    /// Nanoseconds since 1970.
    read_at: i64,
    sha256: String,
}

/// What tells one state of a file from another.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    changed: i64,
}

impl Placed {
    fn still_holds(&self, path: &Path, metadata: &Metadata) -> bool {
        let last = self.stamp.modified.max(self.stamp.changed);
        self.path == path
            && self.stamp == Stamp::of(metadata)
            && i128::from(last) + SETTLED < i128::from(self.read_at)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: metadata.len(),
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Nanoseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The hash of a file's bytes.
fn hash(path: &str) -> Option<String> {
    let mut bytes = Bytes::new(File::open(path).ok()?);
    bytes.drain().ok()?;
    Some(bytes.hash().digits())
}

/// The entry of a file by where it lies, and where that is.
fn place(folder: &Path, path: &str) -> Option<(PathBuf, PathBuf)> {
    let path = fs::canonicalize(path).ok()?;
    let digits = digits(path.as_os_str().as_encoded_bytes());
    Some((folder.join(format!("at-{digits}.json")), path))
}

/// The entry of a summary.
fn summary(folder: &Path, sha256: &str, wanted: &Wanted) -> PathBuf {
    let step = wanted.step.to_string().replace('/', "_");
    folder.join(format!("{sha256}-{step}.json"))
}

fn digits(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry: a line with the format and the hash of what follows, then JSON.
fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    // What is no file, a pipe say, is not ours and might not end.
    file.metadata().ok().filter(Metadata::is_file)?;
    file.take(LARGEST).read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once('\n')?;
    (head == format!("{FORMAT} {}", digits(body.as_bytes())))
        .then(|| serde_json::from_str(body).ok())
        .flatten()
}

/// Writes an entry beside its place, then renames it. What goes wrong is nobody's concern: it is a cache.
fn write<T: Serialize>(path: &Path, entry: &T) {
    let Ok(body) = serde_json::to_string(entry) else { return };
    let text = format!("{FORMAT} {}\n{body}", digits(body.as_bytes()));
    let Some(folder) = path.parent() else { return };
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::create_dir_all(folder)
        .and_then(|()| File::create(&beside))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
}

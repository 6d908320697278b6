//! A file's content, summed up: its first bytes decide how it is read.

use crate::bytes::{Bytes, GZIP, PARQUET};
use crate::gathering::Gathering;
use crate::lines::{Lines, unreadable};
use crate::refusal::Refusal;
use crate::{comma, json, parquet_rows};
use berth_language::data::{Data, Undecodable, Wanted};
use berth_language::sources::Unreadable;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek as _, SeekFrom};

/// Reads the file that is wanted, from the working directory: a regular file, or a pipe.
///
/// # Errors
/// What was found instead, where, and what to do.
pub fn decode(wanted: &Wanted) -> Result<Data, Undecodable> {
    let broken = |error: std::io::Error| Undecodable::Unreadable(of(&error));
    let metadata = fs::metadata(&wanted.path).map_err(broken)?;
    if metadata.is_dir() {
        return Err(Undecodable::Unreadable(Unreadable::Directory));
    }
    let mut file = File::open(&wanted.path).map_err(broken)?;
    if metadata.is_file() && begins_as_parquet(&mut file).map_err(broken)? {
        let mut bytes = Bytes::new(&file);
        bytes.drain().map_err(broken)?;
        let sha256 = bytes.hash().digits();
        drop(bytes);
        let gathering = parquet_rows::gather(file, &wanted.step)?;
        return Ok(Data { sha256, rows: gathering.finish().map_err(Refusal::whole)? });
    }
    decode_stream(file, wanted)
}

/// Reads text from a stream to its end; the path is only looked at for what its name promises.
///
/// # Errors
/// As [`decode`].
pub fn decode_stream(reader: impl Read, wanted: &Wanted) -> Result<Data, Undecodable> {
    let mut bytes = Bytes::new(reader);
    let hash = bytes.hash();
    let beginning = |bytes: &mut Bytes<'_>| bytes.beginning(64).map_err(|error| unreadable(&error, "line 1"));
    let mut first = beginning(&mut bytes)?;
    let zipped = first.starts_with(GZIP);
    keeps_its_name(&wanted.path, &first).map_err(Refusal::whole)?;
    if zipped {
        bytes = bytes.unpacked();
        first = beginning(&mut bytes)?;
    }
    if first.starts_with(PARQUET) {
        let help = if zipped {
            "Unpack it: a Parquet file is read from several places at once."
        } else {
            "Write it to a file first: a Parquet file is read from several places at once."
        };
        return Err(Refusal::new("Parquet in a stream", help).whole());
    }
    let braced = first.trim_ascii_start().first() == Some(&b'{');
    let mut lines = Lines::new(bytes);
    let gathering: Gathering = if braced {
        json::gather(&mut lines, &wanted.step)?
    } else {
        comma::gather(&mut lines, &wanted.step)?
    };
    let rows = gathering.finish().map_err(Refusal::whole)?;
    Ok(Data { sha256: hash.digits(), rows })
}

/// Whether a regular file begins as its name promises.
///
/// # Errors
/// Where it does not, or cannot be read.
pub fn begins_as_named(path: &str) -> Result<(), Undecodable> {
    let broken = |error: std::io::Error| Undecodable::Unreadable(of(&error));
    let mut first = Vec::new();
    File::open(path).map_err(broken)?.take(64).read_to_end(&mut first).map_err(broken)?;
    keeps_its_name(path, &first).map_err(Refusal::whole)
}

fn begins_as_parquet(file: &mut File) -> std::io::Result<bool> {
    let mut first = Vec::new();
    file.by_ref().take(PARQUET.len() as u64).read_to_end(&mut first)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(first == PARQUET)
}

/// A name may say less than the content, but nothing else.
fn keeps_its_name(path: &str, first: &[u8]) -> Result<(), Refusal> {
    let named = |ending: &str| path.to_ascii_lowercase().ends_with(ending);
    if named(".parquet") && !first.starts_with(PARQUET) {
        return Err(Refusal::new(
            "no Parquet, though its name says so: it does not begin with `PAR1`",
            "Name it for what it is (CSV and JSON lines are read too), or fetch it again.",
        ));
    }
    if named(".gz") && !first.starts_with(GZIP) {
        return Err(Refusal::new(
            "no gzip, though its name says so: it does not begin with the bytes 1f 8b",
            "Take the `.gz` off its name, or fetch it again.",
        ));
    }
    Ok(())
}

fn of(error: &std::io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound => Unreadable::Missing,
        ErrorKind::IsADirectory => Unreadable::Directory,
        _ => Unreadable::Other(error.to_string()),
    }
}

//! Bytes in, summaries or refusals out.

#[path = "../../../../benches/generators/random.rs"]
#[allow(dead_code, reason = "the generators draw in more ways than these tests")]
mod random;

mod cache;
mod fits;
mod large;
mod mutations;
mod parquet_files;
mod real;
mod refusals;
mod schemas;
mod spacing;

use berth_data::{decode, decode_stream};
use berth_language::data::{Data, Readings, Requests, Rows, Undecodable, Wanted};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is wanted of a file, in steps of so many seconds.
fn wanted(path: &str, step: i64) -> Wanted {
    Wanted { path: path.to_owned(), step: BigRational::from_integer(step.into()) }
}

/// A stream of this name and content, in steps of an hour.
fn stream(name: &str, bytes: &[u8]) -> Result<Data, Undecodable> {
    decode_stream(bytes, &wanted(name, 3_600))
}

/// The requests of a stream of CSV.
fn requests(text: &str, step: i64) -> Requests {
    match decode_stream(text.as_bytes(), &wanted("trace.csv", step)).map(|data| data.rows) {
        Ok(Rows::Requests(requests)) => requests,
        other => panic!("{other:?}"),
    }
}

/// The readings of a stream of CSV.
fn readings(text: &str, step: i64) -> Readings {
    match decode_stream(text.as_bytes(), &wanted("trace.csv", step)).map(|data| data.rows) {
        Ok(Rows::Readings(readings)) => readings,
        other => panic!("{other:?}"),
    }
}

/// What a refusal says: what was found, and where.
fn refusal(result: Result<Data, Undecodable>) -> String {
    match result {
        Err(Undecodable::Content { found, at, help }) => {
            assert!(help.ends_with(['.', '?', '}']), "a help is a sentence: {help}");
            assert!(found.len() < 700 && !found.contains('\n'), "{found}");
            match at {
                Some(at) => format!("{at}: {found}"),
                None => found,
            }
        }
        other => panic!("{other:?}"),
    }
}

fn float(value: &BigRational) -> f64 {
    value.to_f64().unwrap()
}

/// A folder of a test's own; it goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("berth-data-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file in it, and its path.
    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file of this name and content, in steps of an hour.
fn file(name: &str, bytes: &[u8]) -> Result<Data, Undecodable> {
    let folder = Folder::new();
    decode(&wanted(&folder.file(name, bytes), 3_600))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

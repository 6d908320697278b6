//! The files of a program: read through [`Files`], kept for spans and messages.

use crate::data::{Summary, Undecodable, Wanted};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How `language` reads: the command line gives the disk, an editor its open documents.
pub trait Files {
    /// The bytes at `path`, as the user would name it.
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable>;

    /// The data file that is `wanted`, decoded and summed up.
    fn data(&self, wanted: &Wanted) -> Result<Summary, Undecodable> {
        let _ = wanted;
        Err(Undecodable::NotLoaded)
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing is there.
    Missing,
    /// A directory where a file should be.
    Directory,
    /// More than [`LARGEST_FILE`] bytes; the size found.
    TooLarge(u64),
    /// Whatever else the system said.
    Other(String),
}

/// The largest plan file that is read, in bytes. Larger inputs are traces, which are named, not included.
pub const LARGEST_FILE: u64 = 64 << 20;

/// Every file that was read, in the order of reading.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    data: BTreeMap<String, String>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// As the user named it; `catalog/nvidia.berth` for what ships with the program.
    pub path: String,
    /// Its text. Bytes that are not UTF-8 are replaced, one replacement a byte sequence, and reported.
    pub text: Arc<str>,
    /// SHA-256 of the bytes on disk is taken by whoever needs it; these are the bytes.
    pub bytes: Arc<[u8]>,
    /// It ships inside the program.
    pub shipped: bool,
}

impl Sources {
    /// Adds a file and returns its identity.
    pub fn add(&mut self, source: Source) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(source);
        id
    }

    /// Adds the file at `path` by its bytes, and says so where they are no UTF-8 text.
    pub fn decode(&mut self, path: &str, bytes: Vec<u8>, shipped: bool) -> (FileId, Option<Diagnostic>) {
        let file = self.add(Source {
            path: path.to_owned(),
            text: String::from_utf8_lossy(&bytes).into(),
            bytes: bytes.into(),
            shipped,
        });
        (file, self.not_utf8(file))
    }

    /// Says where the bytes of a file are no UTF-8 text.
    pub(crate) fn not_utf8(&self, file: FileId) -> Option<Diagnostic> {
        let Source { path, bytes, .. } = self.get(file)?;
        let odd = std::str::from_utf8(bytes).err();
        odd.map(|error| {
            // Before the first odd byte text and bytes agree; there stands the replacement, three bytes long.
            let at = error.valid_up_to();
            Diagnostic::error(
                "file::not-utf8",
                format!("{path} is not UTF-8 text"),
                Span::new(file, at, at + '\u{FFFD}'.len_utf8()),
                "this byte starts no UTF-8 character",
            )
            .help("Save the file as UTF-8.")
        })
    }

    /// Notes that the data file at `path`, whose bytes have this SHA-256, was summed up.
    pub fn add_data(&mut self, path: &str, sha256: &str) {
        self.data.insert(path.to_owned(), sha256.to_owned());
    }

    /// Data files by path, with the SHA-256 of their bytes.
    pub fn data(&self) -> impl Iterator<Item = (&str, &str)> {
        self.data.iter().map(|(path, sha256)| (path.as_str(), sha256.as_str()))
    }

    /// The file `id`.
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// All files, in the order of reading: the root first.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, source)| (FileId(index as u32), source))
    }

    /// The text that `span` covers; empty where it covers none.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).and_then(|source| source.text.get(span.range())).unwrap_or("")
    }

    /// Line and column of the first byte of `span`, both from 1; columns count characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let Some(source) = self.get(span.file) else {
            return (1, 1);
        };
        let mut at = (span.start as usize).min(source.text.len());
        while !source.text.is_char_boundary(at) {
            at -= 1;
        }
        let before = &source.text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

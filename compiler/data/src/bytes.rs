//! The bytes of a file as they pass: hashed on the way, and unpacked where they are in gzip.

use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

/// How much is read at once.
const BUFFER: usize = 256 << 10;

/// What a gzip file begins with (RFC 1952, 2.3.1).
pub const GZIP: &[u8] = &[0x1f, 0x8b];

/// What a Parquet file begins with, and ends with.
pub const PARQUET: &[u8] = b"PAR1";

/// The hash of what has passed so far.
#[derive(Clone)]
pub struct Hash(Rc<RefCell<Sha256>>);

impl Hash {
    /// In hexadecimal digits, as `sha256sum` prints it.
    pub fn digits(&self) -> String {
        self.0.borrow().clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A reader that hashes what passes.
struct Hashing<R> {
    inner: R,
    hash: Hash,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.0.borrow_mut().update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// A stream of bytes whose beginning can be looked at.
pub struct Bytes<'a> {
    reader: BufReader<Box<dyn Read + 'a>>,
    hash: Hash,
}

impl<'a> Bytes<'a> {
    /// What `reader` gives.
    pub fn new(reader: impl Read + 'a) -> Self {
        let hash = Hash(Rc::default());
        let hashing = Hashing { inner: reader, hash: hash.clone() };
        Self { reader: BufReader::with_capacity(BUFFER, Box::new(hashing)), hash }
    }

    /// The first bytes, fewer than `count` only where there are no more; none of them is taken.
    pub fn beginning(&mut self, count: usize) -> std::io::Result<Vec<u8>> {
        let mut beginning = Vec::new();
        self.reader.by_ref().take(count as u64).read_to_end(&mut beginning)?;
        let rest = std::mem::replace(&mut self.reader, BufReader::new(Box::new(std::io::empty())));
        let again = std::io::Cursor::new(beginning.clone()).chain(rest);
        self.reader = BufReader::with_capacity(BUFFER, Box::new(again));
        Ok(beginning)
    }

    /// The hash of what has been read.
    pub fn hash(&self) -> Hash {
        self.hash.clone()
    }

    /// Reads to the end, for the hash alone.
    pub fn drain(&mut self) -> std::io::Result<()> {
        std::io::copy(&mut self.reader, &mut std::io::sink()).map(|_| ())
    }

    /// What the gzip members say, one after another.
    pub fn unpacked(self) -> Self {
        let hash = self.hash;
        let inner: Box<dyn Read + 'a> = Box::new(flate2::bufread::MultiGzDecoder::new(self.reader));
        Self { reader: BufReader::with_capacity(BUFFER, inner), hash }
    }
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for Bytes<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

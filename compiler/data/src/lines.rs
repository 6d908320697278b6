//! The lines of a text, each of bounded length.

use crate::refusal::Refusal;
use berth_language::data::Undecodable;
use berth_language::sources::Unreadable;
use std::io::{BufRead, ErrorKind};

/// The longest line that is read, in bytes.
pub const LONGEST_LINE: usize = 1 << 20;

/// What UTF-8 text from some programs begins with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Lines, and the number of the last one read.
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Those of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// The next line that is not blank, without its end.
    pub fn next(&mut self) -> Result<Option<&[u8]>, Undecodable> {
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(&self.line));
            }
        }
    }

    /// Where the last line stands: `line 7`.
    pub fn place(&self) -> String {
        format!("line {}", self.number)
    }

    /// Reads one line; false at the end of the text.
    fn fill(&mut self) -> Result<bool, Undecodable> {
        self.line.clear();
        self.number += 1;
        loop {
            let found = match self.reader.fill_buf() {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(&error, &self.place())),
            };
            if found.is_empty() && self.line.is_empty() {
                return Ok(false);
            }
            let end = found.iter().position(|byte| *byte == b'\n');
            let part = found.get(..end.unwrap_or(found.len())).unwrap_or_default();
            if self.line.len() + part.len() > LONGEST_LINE {
                return Err(Refusal::new(
                    format!("this line is longer than {} KiB", LONGEST_LINE >> 10),
                    "A row of a trace is short. Is this file what its name says?",
                )
                .at(&self.place()));
            }
            self.line.extend_from_slice(part);
            let (taken, over) = (part.len() + usize::from(end.is_some()), end.is_some() || found.is_empty());
            self.reader.consume(taken);
            if over {
                break;
            }
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }
}

/// A stream that broke off, in gzip or below it.
pub fn unreadable(error: &std::io::Error, place: &str) -> Undecodable {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            Refusal::new("the gzip stream breaks off", "Fetch or write the file again; its end is missing.")
                .at(place)
        }
        ErrorKind::InvalidInput | ErrorKind::InvalidData => Refusal::new(
            format!("the gzip stream is damaged ({error})"),
            "Fetch or write the file again; `gzip -t` tells whether it is whole.",
        )
        .at(place),
        _ => Undecodable::Unreadable(Unreadable::Other(error.to_string())),
    }
}

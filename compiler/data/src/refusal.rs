//! Why a file is not taken, in words for the person who named it.

use berth_language::data::Undecodable;

/// A cell, a row or a file that is something else than was expected; where it stands is added later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One short line: what was found.
    pub found: String,
    /// The column it is in.
    pub column: Option<String>,
    /// What to do.
    pub help: String,
}

impl Refusal {
    /// Of no column in particular.
    pub fn new(found: impl Into<String>, help: impl Into<String>) -> Self {
        Self { found: found.into(), column: None, help: help.into() }
    }

    /// The same, of this column.
    pub fn of(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }

    /// The same at a place such as `line 7`.
    pub fn at(self, place: &str) -> Undecodable {
        let at = match self.column {
            Some(column) => format!("{place}, column `{column}`"),
            None => place.to_owned(),
        };
        Undecodable::Content { found: self.found, at: Some(at), help: self.help }
    }

    /// The same of the file as a whole.
    pub fn whole(self) -> Undecodable {
        let at = self.column.map(|column| format!("column `{column}`"));
        Undecodable::Content { found: self.found, at, help: self.help }
    }
}

/// Bytes of a file as a message can show them: escaped, and cut where they go on.
pub fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(bytes.get(..4 * MOST).unwrap_or(bytes));
    let mut shown: String = text.trim().chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.trim().chars().count() > MOST || bytes.len() > 4 * MOST {
        shown.push('…');
    }
    // Quotes need no escape here, and read better without.
    shown.replace("\\\"", "\"").replace("\\'", "'")
}

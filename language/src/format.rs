//! Text to the same text as everybody would write it.
//!
//! [`format`] changes blanks, line ends and the comma after the last entry of a list, and nothing else:
//! every other character stays, in its order, so what a file means stays too. It leaves a settled text as
//! it is. The way:
//!
//! - `marks`: what is written, each with the comments and line ends before it;
//! - `statements`: items, bodies and the comments between them, line by line;
//! - `expressions`: the marks of one statement to a [layout](layout::Doc), by its tree;
//! - `layout`: where the lines of a layout end.
//!
//! Lines end where the user ended them, if a line may end there: a list broken by hand stays broken, one
//! entry a line, and so does a sum, a fold or what follows `=`. What does not fit in [`WIDTH`] characters
//! is broken the same way. Nothing is aligned into columns, so that a rename changes one line.

mod expressions;
mod layout;
mod marks;
mod statements;

use crate::diagnostics::Diagnostic;
use crate::span::FileId;
use crate::syntax;

/// Characters of a line; what has no place to break may be longer.
pub const WIDTH: usize = 100;

/// Blanks of one level.
const INDENT: usize = 4;

/// What became of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Formatted {
    /// The text in its settled form; `None` where a line could not be read.
    pub text: Option<String>,
    /// What could not be read and why. Codes are `syntax::…`.
    pub diagnostics: Vec<Diagnostic>,
}

/// `text`, which is the file `file`, in its settled form.
///
/// While any line cannot be read there is none: where a statement ends is then a guess, and a guess is no
/// reason to move a user's lines.
pub fn format(file: FileId, text: &str) -> Formatted {
    let parsed = syntax::parse(file, text);
    let text = parsed.diagnostics.is_empty().then(|| {
        let marks = marks::marks(text, &parsed.comments);
        statements::settled(&marks, &parsed.file.items)
    });
    Formatted { text, diagnostics: parsed.diagnostics }
}

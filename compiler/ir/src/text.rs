//! Modules as text: parsing with places, printing, and finding the line of an operation whose location
//! says something else.

use crate::dialect::IRDL;
use crate::foreign::{self, Trial};
use berth_compiler::graph::Place;
use berth_compiler::lowering::IrDiagnostic;
use melior::Context;
use melior::diagnostic::{Diagnostic, DiagnosticSeverity};
use melior::dialect::DialectHandle;
use melior::ir::operation::{OperationLike, OperationPrintingFlags};
use melior::ir::{Location, Module};
use melior::utility::load_irdl_dialects;
use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The largest IR text that is read, in bytes: a thousand times what a large program lowers to.
const LARGEST_TEXT: usize = 64 << 20;

/// Deepest nesting of brackets, and longest run of minus signs: MLIR's parser recurses on both.
const DEEPEST_NESTING: usize = 200;

/// A context in which `func` is known, and our dialect where `strict`. Where not, operations of any
/// name are read and only their form is checked, so that a reader can report every one that is wrong:
/// MLIR's own verifier ends at the first.
pub(crate) fn context(strict: bool) -> Context {
    let _alone = alone();
    made(strict)
}

fn made(strict: bool) -> Context {
    let context = Context::new_with_threading(false);
    DialectHandle::func().load_dialect(&context);
    foreign::load_modules_dialects(&context);
    // Operations of exported modules. Those of our own dialect are known, and verified, where it is loaded.
    context.set_allow_unregistered_dialects(true);
    if strict {
        foreign::load_irdl(&context);
        let loaded = Module::parse(&context, IRDL).is_some_and(|module| load_irdl_dialects(&module));
        // The definition is a part of this crate and a test loads it.
        debug_assert!(loaded, "the dialect's definition loads");
    }
    context
}

/// Held by whoever makes a context or parses: see [`foreign::trial`].
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    // Nothing is left half done in `()`.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Dialects whose operations have parsers of their own here, beside `func`.
const WITH_PARSERS: [&str; 9] =
    ["arith", "cf", "complex", "linalg", "math", "memref", "ml_program", "scf", "tensor"];

/// Whether MLIR's parser answers `text` at all: those of some dialects crash on some texts.
pub(crate) fn tried(text: &str, path: &str, code: &'static str) -> Result<(), IrDiagnostic> {
    let words = || text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.');
    let concerned =
        words().any(|word| word.split_once('.').is_some_and(|(dialect, _)| WITH_PARSERS.contains(&dialect)));
    if !concerned {
        return Ok(());
    }
    let trial = {
        let _alone = alone();
        foreign::trial(text, || made(true))
    };
    let message = match trial {
        Trial::Answered => return Ok(()),
        Trial::Crashed => "MLIR's own parser crashes on this text; `mlir-opt` does too",
        Trial::Endless => "MLIR's own parser does not end on this text",
    };
    Err(IrDiagnostic {
        code,
        message: message.to_owned(),
        file: path.to_owned(),
        line: 1,
        column: 1,
        help: Some("print the module anew with the program that made it, in generic form".to_owned()),
    })
}

/// Parses `text`. Everything that MLIR says about it where it has errors; at least one message.
pub(crate) fn parse<'c>(
    context: &'c Context,
    text: &str,
    path: &str,
    code: &'static str,
) -> Result<Module<'c>, Vec<IrDiagnostic>> {
    let said: Rc<RefCell<Vec<IrDiagnostic>>> = Rc::default();
    let heard = Rc::clone(&said);
    let handler = context.attach_diagnostic_handler(move |diagnostic| {
        if matches!(diagnostic.severity(), DiagnosticSeverity::Error) {
            heard.borrow_mut().push(of_mlir(&diagnostic, code));
        }
        true
    });
    let module = {
        let _alone = alone();
        foreign::parse(context, text, path)
    };
    context.detach_diagnostic_handler(handler);
    module.ok_or_else(|| {
        let mut errors = std::mem::take(&mut *said.borrow_mut());
        let whole = |message: String| IrDiagnostic {
            code,
            message,
            file: path.to_owned(),
            line: 1,
            column: 1,
            help: Some("the text is one `module { … }`".to_owned()),
        };
        if errors.is_empty() {
            errors.push(whole("this is no MLIR module".to_owned()));
        }
        // MLIR says what concerns the whole text of line 0.
        for error in errors.iter_mut().filter(|error| error.line == 0) {
            *error = whole(std::mem::take(&mut error.message));
        }
        errors
    })
}

/// Constants of more elements are left out of the text: nothing that is counted depends on what they hold.
const LARGEST_CONSTANT: usize = 64;

/// The text of a module, with the location of every operation.
pub(crate) fn print(module: &Module) -> String {
    let flags = OperationPrintingFlags::new()
        .enable_debug_info(true, false)
        .elide_large_elements_attributes(LARGEST_CONSTANT);
    foreign::without_resources(&flags);
    module
        .as_operation()
        .to_string_with_flags(flags)
        .map(|text| format!("{}\n", text.trim_end()))
        .unwrap_or_default()
}

/// The first file, line and column that a location names.
pub(crate) fn place(mut location: Location) -> Option<Place> {
    loop {
        if location.is_name() {
            location = location.name_child_location();
        } else if location.is_call_site() {
            location = location.call_site_callee();
        } else if location.is_fused() && location.fused_num_locations() > 0 {
            location = location.fused_location(0);
        } else {
            break;
        }
    }
    if !location.is_file_line_col_range() {
        return None;
    }
    let number = |from: usize| u32::try_from(from).unwrap_or(0);
    Some(Place {
        file: foreign::identifier(location.file_line_col_range_filename()),
        line: number(location.file_line_col_range_start_line()),
        column: number(location.file_line_col_range_start_column()),
    })
}

/// Refuses what would take MLIR's parser down: it recurses on nesting, and a NUL byte ends its input.
pub(crate) fn guard(text: &str, path: &str) -> Result<(), IrDiagnostic> {
    let refuse = |offset: usize, message: String| {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        IrDiagnostic {
            code: "ir::parse",
            message,
            file: path.to_owned(),
            line: u32::try_from(line).unwrap_or(0),
            column: u32::try_from(column).unwrap_or(0),
            help: None,
        }
    };
    if text.len() > LARGEST_TEXT {
        return Err(refuse(0, format!("the text has {} bytes; at most {LARGEST_TEXT} are read", text.len())));
    }
    if let Some(offset) = text.bytes().position(|byte| byte == 0) {
        return Err(refuse(offset, "a NUL byte stands here; IR is text".to_owned()));
    }
    let mut depth = 0_usize;
    let mut minuses = 0_usize;
    for token in Tokens::new(text) {
        match token {
            Token::Byte(offset, byte) => {
                match byte {
                    b'(' | b'[' | b'{' | b'<' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    // The `>` of an arrow closes nothing.
                    b'>' if text.as_bytes().get(offset.wrapping_sub(1)) != Some(&b'-') => {
                        depth = depth.saturating_sub(1);
                    }
                    _ => {}
                }
                match byte {
                    b'-' => minuses += 1,
                    _ if byte.is_ascii_whitespace() => {}
                    _ => minuses = 0,
                }
                if depth > DEEPEST_NESTING || minuses > DEEPEST_NESTING {
                    return Err(refuse(
                        offset,
                        format!("this is nested more than {DEEPEST_NESTING} deep; no IR needs it"),
                    ));
                }
            }
            Token::Location { .. } | Token::Quoted => minuses = 0,
        }
    }
    Ok(())
}

/// `text` with every location blanked out, byte for byte: parsed, each operation's location is then its
/// own line and column in the text.
pub(crate) fn without_locations(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for token in Tokens::new(text) {
        if let Token::Location { start, end } = token {
            for byte in bytes.iter_mut().take(end).skip(start) {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
    }
    // Whole tokens are replaced by ASCII, so the rest is the UTF-8 it was.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// What matters of MLIR's lexical structure.
enum Token {
    /// Any byte outside strings, comments and locations, with its offset.
    Byte(usize, u8),
    /// `loc(…)`, with the `#name =` of an alias before it.
    Location { start: usize, end: usize },
    /// A string.
    Quoted,
}

struct Tokens<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// One past the string that starts at `from`; strings end at their line's end at the latest.
    fn string_end(&self, from: usize) -> usize {
        let mut at = from + 1;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\n' => return at,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    /// The location that starts with the word `loc` at the current byte.
    fn location(&self) -> Option<Token> {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$.-#%@!".contains(byte);
        if !self.bytes.get(self.at..)?.starts_with(b"loc") {
            return None;
        }
        if self.at.checked_sub(1).and_then(|before| self.bytes.get(before)).is_some_and(word) {
            return None;
        }
        let mut at = self.at + 3;
        while self.bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if self.bytes.get(at) != Some(&b'(') {
            return None;
        }
        let start = self.alias_start()?;
        let mut depth = 0_usize;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => {
                    at = self.string_end(at);
                    continue;
                }
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        // Deep nesting is left to be seen by `guard`.
                        return Some(Token::Location { start, end: at + 1 });
                    }
                    if depth > DEEPEST_NESTING {
                        return None;
                    }
                }
                _ => {}
            }
            if depth > DEEPEST_NESTING {
                return None;
            }
            at += 1;
        }
        None
    }

    /// Where the location's alias starts, or the location itself; `None` where it is an attribute's value.
    fn alias_start(&self) -> Option<usize> {
        let back = |mut at: usize| {
            while at > 0 && self.bytes.get(at - 1).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
                at -= 1;
            }
            at
        };
        let before = back(self.at);
        if before == 0 || self.bytes.get(before - 1) != Some(&b'=') {
            return Some(self.at);
        }
        let mut at = back(before - 1);
        while at > 0
            && self
                .bytes
                .get(at - 1)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_$.".contains(byte))
        {
            at -= 1;
        }
        (at > 0 && self.bytes.get(at - 1) == Some(&b'#')).then(|| at - 1)
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            let byte = *self.bytes.get(start)?;
            match byte {
                b'"' => {
                    self.at = self.string_end(start);
                    return Some(Token::Quoted);
                }
                b'/' if self.bytes.get(start + 1) == Some(&b'/') => {
                    while self.bytes.get(self.at).is_some_and(|byte| *byte != b'\n') {
                        self.at += 1;
                    }
                }
                b'l' => {
                    if let Some(Token::Location { start, end }) = self.location() {
                        self.at = end;
                        return Some(Token::Location { start, end });
                    }
                    self.at += 1;
                    return Some(Token::Byte(start, byte));
                }
                _ => {
                    self.at += 1;
                    return Some(Token::Byte(start, byte));
                }
            }
        }
    }
}

/// What MLIR says, its notes on lines of their own.
fn of_mlir(diagnostic: &Diagnostic, code: &'static str) -> IrDiagnostic {
    // Writing fails where MLIR cuts a character in two; the rest of the message still stands.
    let written = |diagnostic: &Diagnostic| {
        let mut text = String::new();
        let _ = write!(text, "{diagnostic}");
        text
    };
    let mut message = written(diagnostic);
    for index in 0..diagnostic.note_count() {
        if let Ok(note) = diagnostic.note(index) {
            message.push('\n');
            message.push_str(&written(&note));
        }
    }
    let place = place(diagnostic.location()).unwrap_or(Place { file: String::new(), line: 0, column: 0 });
    let help = Some(remedy(&message, code).to_owned());
    IrDiagnostic { code, message, file: place.file, line: place.line, column: place.column, help }
}

/// What to do about what MLIR says, which says only what is so.
fn remedy(message: &str, code: &str) -> &'static str {
    let known = [
        (
            "does not dominate this use",
            "a value is made before it is used, so what computes has no cycle: move the operation that makes it \
             up, or take another value",
        ),
        ("invalid dimension", "a dimension is a whole number below 2^63, or `?` where it is open"),
        (
            "integer constant out of range",
            "a figure is a whole number below 2^63; `times`, heads and widths are far smaller",
        ),
        ("redefinition of symbol", "give one of the two functions another name"),
        ("use of undeclared SSA value", "name a value of the same body: the argument, or a result above"),
        ("redefinition of SSA value", "give one of the two values another name"),
        ("different type than prior uses", "a value has one type: write the same one wherever it is used"),
        ("but enclosing function", "a body returns one value, of the type that the function's own line says"),
        ("return operand", "a body returns one value, of the type that the function's own line says"),
        ("alias was never defined", "leave the `loc(…)` out, or copy the line that defines it"),
        ("undefined symbol alias", "copy the line that defines the alias, or write what it stands for"),
        (
            "expected operation name in quotes",
            "an operation is written as `%1 = \"berth.norm\"(%0) {…} : (type) -> type`, and every bracket is closed",
        ),
        ("is unknown", "write the operation's name in quotes, in generic form"),
        ("not found for custom op", "write the operation's name in quotes, in generic form"),
        ("expected non-function type", "a type is such as `bf16`, `i64` or `tensor<?x?xbf16>`"),
        ("identifier for symbol name", "a function's name starts with `@`, as in `@body`"),
    ];
    let known = known.into_iter().find(|(said, _)| message.contains(said));
    known.map_or(
        if code == "ir::parse" {
            "MLIR reads `%1 = \"berth.norm\"(%0) {name = \"…\"} : (type) -> type`; `berth lower --to ir` prints text to \
             start from"
        } else {
            "`docs/dialect.md` says what the operation takes and states; `mlir-opt --irdl-file` says the same of it"
        },
        |(_, remedy)| remedy,
    )
}

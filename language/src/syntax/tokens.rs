//! Text to tokens: just enough to know lines, brackets, strings and comments.
//!
//! Total and linear. Tokens, comments and blanks together are the whole text; the grammar reads the
//! text again within one statement and agrees with this on where strings and comments end.

use super::Parsed;
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};

/// One token, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    /// First byte.
    pub start: usize,
    /// One past the last byte; `start` where the token was supplied.
    pub end: usize,
    pub condition: Condition,
}

/// What a token is, as far as statements and brackets care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word,
    Number,
    String,
    /// Operators and marks of one to three characters.
    Symbol,
    Open(Bracket),
    Close(Bracket),
    Newline,
    /// A character that no form of the language has.
    Unknown,
}

/// The three pairs of brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bracket {
    Round,
    Square,
    Curly,
}

/// Whether the text really has the token, and whether something was said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Sound,
    /// A diagnostic is out, the statement may still be read.
    Reported,
    /// A bracket that the text lacks; its diagnostic is out.
    Supplied,
    /// A diagnostic is out, the statement is not to be read.
    Faulty,
}

impl Bracket {
    pub(super) fn opener(self) -> char {
        match self {
            Bracket::Round => '(',
            Bracket::Square => '[',
            Bracket::Curly => '{',
        }
    }

    pub(super) fn closer(self) -> char {
        match self {
            Bracket::Round => ')',
            Bracket::Square => ']',
            Bracket::Curly => '}',
        }
    }
}

impl Token {
    pub(crate) fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }

    pub(super) fn span(self, file: FileId) -> Span {
        Span::new(file, self.start, self.end)
    }
}

/// The tokens of `text`; its comments and what is wrong with its strings go into `parsed`.
pub(crate) fn tokens(file: FileId, text: &str, parsed: &mut Parsed) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let mut condition = Condition::Sound;
        let kind = match next {
            ' ' | '\t' | '\r' | '\u{FEFF}' => {
                at += next.len_utf8();
                continue;
            }
            '\n' => {
                at += 1;
                TokenKind::Newline
            }
            '/' if rest.starts_with("//") => {
                at += line_length(rest);
                parsed.comments.push(Span::new(file, start, at));
                continue;
            }
            '"' => {
                let (length, closed) = string_length(rest);
                at += length;
                if !closed {
                    condition = Condition::Reported;
                    parsed.diagnostics.push(unclosed_string(Span::new(file, start, at)));
                }
                TokenKind::String
            }
            '(' | '[' | '{' | ')' | ']' | '}' => {
                at += 1;
                match next {
                    '(' => TokenKind::Open(Bracket::Round),
                    '[' => TokenKind::Open(Bracket::Square),
                    '{' => TokenKind::Open(Bracket::Curly),
                    ')' => TokenKind::Close(Bracket::Round),
                    ']' => TokenKind::Close(Bracket::Square),
                    _ => TokenKind::Close(Bracket::Curly),
                }
            }
            'a'..='z' | 'A'..='Z' | '_' | 'µ' => {
                at += run(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == 'µ');
                TokenKind::Word
            }
            '0'..='9' => {
                at += number_length(rest);
                TokenKind::Number
            }
            _ => match symbol_length(rest) {
                Some(length) => {
                    at += length;
                    TokenKind::Symbol
                }
                None => {
                    at += next.len_utf8();
                    TokenKind::Unknown
                }
            },
        };
        tokens.push(Token { kind, start, end: at, condition });
    }
    tokens
}

/// Bytes of the first line of `rest`, without its end.
fn line_length(rest: &str) -> usize {
    let line = rest.find('\n').map_or(rest, |newline| &rest[..newline]);
    line.trim_end_matches('\r').len()
}

/// Bytes of the string that `rest` starts with, and whether it is closed before its line ends.
fn string_length(rest: &str) -> (usize, bool) {
    let mut escaped = false;
    for (offset, character) in rest.char_indices().skip(1) {
        match character {
            '\n' => break,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (offset + 1, true),
            _ => {}
        }
    }
    (line_length(rest), false)
}

/// Digits with a fraction, an exponent and the letters attached to them: `1_200`, `1.5e3`, `34kW`, `8h100`.
fn number_length(rest: &str) -> usize {
    let digits = |from: usize| run(&rest[from..], |c| c.is_ascii_alphanumeric() || c == '_' || c == 'µ');
    let mut length = digits(0);
    if rest[length..].starts_with('.') && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        length += 1;
        length += digits(length);
    }
    // Behind other letters it is the end of a unit, and the sign subtracts: `1Ae-9`.
    let mantissa = rest[..length].strip_suffix(['e', 'E']);
    if mantissa.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit() || c == '_' || c == '.'))
        && rest[length..].starts_with(['+', '-'])
        && rest[length + 1..].starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1;
        length += digits(length);
    }
    length
}

fn run(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|character| !belongs(character)).unwrap_or(rest.len())
}

fn symbol_length(rest: &str) -> Option<usize> {
    const SYMBOLS: [&str; 22] = [
        "==", "!=", "<=", ">=", "->", "..", "=", "<", ">", "+", "-", "*", "/", "&", ":", ",", ".", "%", "$",
        "€", "£", "¥",
    ];
    SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).map(|symbol| symbol.len())
}

fn unclosed_string(span: Span) -> Diagnostic {
    Diagnostic::error(
        "syntax::unclosed-string",
        "a string without its closing quote",
        span,
        "this string runs to the end of its line",
    )
    .help("Close it with `\"` on the same line. A quote inside a string is written `\\\"`.")
}

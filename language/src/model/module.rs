//! Models that are exported modules: which file, and what its open dimensions are.

use super::Fact;
use crate::span::Span;

/// A network as an exported module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Where it is.
    pub file: ModuleFile,
    /// Extents of dimensions that its types leave open.
    pub dimensions: Vec<(ArgumentDimension, Extent)>,
    /// The line that states them.
    pub bind: Option<Span>,
    /// How many of the entry's last arguments come with a call; the others are weights. 1 where nothing is said.
    pub inputs: Option<Fact<u64>>,
}

/// A module that was read from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFile {
    /// As [`Files::read`](crate::sources::Files::read) took it, and as its [`Source`](crate::sources::Source) is
    /// called.
    pub path: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// The function that a call runs; where none is said `main`, or the only public one.
    pub entry: Option<String>,
}

/// A dimension of an argument of a module's entry, `arg0_1`; both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArgumentDimension {
    /// Which argument.
    pub argument: u32,
    /// Which of its dimensions.
    pub axis: u32,
}

impl ArgumentDimension {
    /// `arg0_1`
    pub fn named(name: &str) -> Option<Self> {
        let (argument, axis) = name.strip_prefix("arg")?.split_once('_')?;
        let number = |digits: &str| {
            let canonical = digits == "0" || !digits.starts_with('0');
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())?
                .filter(|_| canonical)
        };
        Some(Self { argument: number(argument)?, axis: number(axis)? })
    }
}

impl std::fmt::Display for ArgumentDimension {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "arg{}_{}", self.argument, self.axis)
    }
}

/// What an open dimension is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many.
    Number(u64),
    /// Requests that one call answers.
    Sequences,
    /// Tokens of one request's prompt.
    Tokens,
}

impl Extent {
    /// Those that have a name.
    pub const NAMES: [&'static str; 2] = ["sequences", "tokens"];

    /// The extent called `name`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sequences" => Some(Self::Sequences),
            "tokens" => Some(Self::Tokens),
            _ => None,
        }
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Sequences => formatter.write_str("sequences"),
            Self::Tokens => formatter.write_str("tokens"),
        }
    }
}

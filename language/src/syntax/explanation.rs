//! Why a piece of a file is no statement and no head.
//!
//! The grammar says how far it came and what it tried there; the tokens around that place say what was
//! meant. The first explanation that fits is given, from the specific to the general.

mod forms;
mod marks;

use super::grammar::{Rule, Stop};
use super::tokens::{Bracket, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};

/// The words that name nothing; `reserved` in the grammar.
const RESERVED: [&str; 17] = [
    "use", "as", "param", "let", "abstract", "if", "then", "else", "prefer", "when", "where", "in", "and",
    "or", "not", "true", "false",
];

/// Rules that a value starts with.
const VALUE: [Rule; 19] = [
    Rule::expr,
    Rule::negated,
    Rule::term,
    Rule::sum_,
    Rule::factor,
    Rule::primary,
    Rule::fold,
    Rule::conditional,
    Rule::boolean,
    Rule::quantity,
    Rule::list,
    Rule::group,
    Rule::path,
    Rule::entry,
    Rule::argument,
    Rule::NOT,
    Rule::minus,
    Rule::number,
    Rule::require,
];

/// The message for a `piece` whose reading as `rule` stopped at byte `at` of the file, as `stop` says.
pub(super) fn explain(
    file: FileId,
    text: &str,
    rule: Rule,
    piece: &[Token],
    at: usize,
    stop: &Stop,
) -> Diagnostic {
    let written = |token: &&Token| token.kind != TokenKind::Newline;
    let next = piece.partition_point(|token| token.end <= at);
    let place = Place {
        file,
        text,
        is_head: rule != Rule::statement,
        piece,
        at,
        stop,
        before: piece[..next].iter().rfind(written).copied(),
        found: piece[next..].iter().find(written).copied(),
    };
    let explanations = [
        Place::operator_of_other_languages,
        Place::unknown_character,
        Place::start,
        Place::misspelled_word,
        Place::number,
        Place::braces_of_a_map,
        Place::declaration,
        Place::name,
        Place::blank_before_bracket,
        Place::division,
        Place::set_or_compare,
        Place::value,
        Place::inside_brackets,
        Place::missing_body,
        Place::missing_word,
        Place::no_statistic,
        Place::guarded_fact,
        Place::two_statements,
    ];
    explanations.iter().find_map(|explanation| explanation(&place)).unwrap_or_else(|| place.unexpected())
}

/// Where reading stopped.
struct Place<'a> {
    file: FileId,
    text: &'a str,
    /// A `{` follows the piece.
    is_head: bool,
    piece: &'a [Token],
    at: usize,
    stop: &'a Stop,
    /// The last token that was read.
    before: Option<Token>,
    /// The one that does not fit; none at the end of the piece.
    found: Option<Token>,
}

impl Place<'_> {
    fn unexpected(&self) -> Diagnostic {
        let phrases = self.expected();
        let help = match phrases.as_slice() {
            [] => FORMS.to_owned(),
            phrases => format!("What can stand here: {}.", phrases.join(", ")),
        };
        let title = match self.found {
            Some(found) => format!("`{}` does not fit here", found.text(self.text)),
            None => "the line ends too early".to_owned(),
        };
        let label = format!("this follows {}", self.after_what());
        self.error("syntax::unexpected", title, self.here(), label).help(help)
    }

    /// What the grammar tried, in words.
    fn expected(&self) -> Vec<&'static str> {
        let mut phrases = Vec::new();
        for rule in &self.stop.expected {
            let phrase = match rule {
                rule if VALUE.contains(rule) => "a value",
                Rule::name | Rule::ident | Rule::kind | Rule::title => "a name",
                Rule::logic | Rule::compare | Rule::flow_op | Rule::sum_op => "an operator",
                Rule::EQUALS => "`=`",
                Rule::COLON => "`:`",
                Rule::COMMA => "`,`",
                Rule::END_ROUND => "`)`",
                Rule::END_SQUARE => "`]`",
                Rule::WHEN => "`when`",
                Rule::WHERE => "`where`",
                Rule::ELSE => "`else`",
                Rule::AS => "`as`",
                Rule::EOI if self.is_head => "`{`",
                Rule::EOI => "the end of the line",
                _ => continue,
            };
            if !phrases.contains(&phrase) {
                phrases.push(phrase);
            }
        }
        phrases
    }

    fn wants(&self, rules: &[Rule]) -> bool {
        self.stop.expected.iter().any(|rule| rules.contains(rule))
    }

    /// The bracket around the place, if one is.
    fn enclosing(&self) -> Option<Bracket> {
        let mut open = Vec::new();
        for token in self.piece.iter().take_while(|token| token.end <= self.at) {
            match token.kind {
                TokenKind::Open(bracket) => open.push(bracket),
                TokenKind::Close(_) => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.pop()
    }

    fn after(&self, token: Token) -> Option<Token> {
        let next = self.piece.partition_point(|other| other.end <= token.end);
        self.piece.get(next).copied()
    }

    /// The piece up to the place.
    fn read(&self) -> &str {
        let start = self.piece.first().map_or(self.at, |first| first.start);
        self.text.get(start..self.at).unwrap_or("")
    }

    fn piece_span(&self) -> Span {
        let start = self.piece.first().map_or(self.at, |first| first.start);
        let end = self.piece.last().map_or(self.at, |last| last.end);
        Span::new(self.file, start, end)
    }

    /// What does not fit; at the end of the piece, what came before.
    fn here(&self) -> Span {
        let token = self.found.or(self.before);
        token.map_or(Span::new(self.file, self.at, self.at), |token| self.span(token))
    }

    fn after_what(&self) -> String {
        match self.before {
            Some(before) => format!("`{}`", before.text(self.text)),
            None => "the start of the line".to_owned(),
        }
    }

    fn span(&self, token: Token) -> Span {
        token.span(self.file)
    }

    fn error(
        &self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, title, span, label)
    }
}

/// Reserved words that may follow a value.
const FOLLOWING: [&str; 8] = ["as", "then", "else", "when", "where", "in", "and", "or"];

/// Reserved words that a line may start with.
const LEADING: [&str; 6] = ["use", "param", "let", "abstract", "if", "prefer"];

/// What every line is one of.
const FORMS: &str = "A line sets something, `replicas = 3`; requires it, `latency p99 < 60ms`; wishes it, `prefer replicas == 3 else $1/h`; or opens a block, `service shop {`.";

//! Forms that lack a part or have one too many.

use super::{FOLLOWING, FORMS, LEADING, Place, RESERVED, VALUE};
use crate::diagnostics::Diagnostic;
use crate::span::Span;
use crate::syntax::grammar::Rule;
use crate::syntax::tokens::{Bracket, Token, TokenKind};

impl Place<'_> {
    /// A piece that is wrong from its first token on.
    pub(super) fn start(&self) -> Option<Diagnostic> {
        let (None, Some(found)) = (self.before, self.found) else {
            return None;
        };
        let word = found.text(self.text);
        if word == "else" {
            return Some(
                self.error(
                    "syntax::else-without-if",
                    "`else` without its `if`",
                    self.span(found),
                    "no body of an `if` ends before this, on the same line",
                )
                .help("Write it behind the body's end: `} else {`."),
            );
        }
        if found.kind == TokenKind::Number {
            return None;
        }
        Some(
            self.error(
                "syntax::unexpected",
                format!("no statement starts with `{word}`"),
                self.span(found),
                "the line starts here",
            )
            .help(FORMS),
        )
    }

    /// A word where none can stand that is almost a reserved one: here, or at the start of the line.
    pub(super) fn misspelled_word(&self) -> Option<Diagnostic> {
        let found = self.found.filter(|found| found.kind == TokenKind::Word);
        let found = found.filter(|found| {
            let next = self.after(*found);
            next.is_none_or(|next| next.text(self.text) != "=")
        });
        let fitting: Vec<&str> = [
            ("as", Rule::AS),
            ("then", Rule::THEN),
            ("else", Rule::ELSE),
            ("when", Rule::WHEN),
            ("where", Rule::WHERE),
            ("in", Rule::IN),
            ("in", Rule::compare),
            ("and", Rule::logic),
            ("or", Rule::logic),
        ]
        .into_iter()
        .filter(|(_, rule)| self.wants(&[*rule]))
        .map(|(word, _)| word)
        .collect();
        let here = found.and_then(|found| Some((found, self.meant(found, &fitting)?)));
        let first = *self.piece.first()?;
        let second = self.piece.get(1);
        let starts = second.is_some_and(|second| {
            matches!(second.kind, TokenKind::Word | TokenKind::String)
                && self.before.is_some_and(|before| before.start >= first.start)
        });
        let start = || Some((first, self.meant(first, &LEADING)?));
        let (token, meant) = here.or_else(|| if starts { start() } else { None })?;
        let word = token.text(self.text);
        Some(
            self.error(
                "syntax::unknown-word",
                format!("`{word}` is no word of the language"),
                self.span(token),
                if token == first { "the line starts with it" } else { "a name does not fit here" },
            )
            .help(format!("Did you mean `{meant}`?")),
        )
    }

    /// The one of `words` that `token` almost is.
    fn meant<'w>(&self, token: Token, words: &[&'w str]) -> Option<&'w str> {
        let word = token.text(self.text);
        if token.kind != TokenKind::Word || RESERVED.contains(&word) || word.len() > 12 {
            return None;
        }
        let distance = |meant: &str| strsim::osa_distance(&word.to_lowercase(), meant);
        words
            .iter()
            .filter(|meant| distance(meant) <= if meant.len() > 4 { 2 } else { 1 })
            .filter(|meant| meant.len() > 2 || word.len() < 3)
            .min_by_key(|meant| distance(meant))
            .copied()
    }

    /// `use`, `param` and `let` without one of their parts.
    pub(super) fn declaration(&self) -> Option<Diagnostic> {
        let first = self.piece.first()?.text(self.text);
        let form = match first {
            "use" => "`use catalog.nvidia as nv`, or a file: `use \"./platform.berth\"`",
            "param" => "`param growth: Ratio = 100%`",
            "let" => "`let evening = 20h`",
            _ => return None,
        };
        let missing = if self.wants(&[Rule::string, Rule::catalog]) && first == "use" {
            "what is imported"
        } else if self.wants(&[Rule::type_]) {
            "the param's type"
        } else if self.wants(&[Rule::COLON]) && first == "param" && self.enclosing().is_none() {
            "`:` and the param's type"
        } else if self.wants(&[Rule::EQUALS]) && first == "let" {
            "`=` and the value"
        } else {
            return None;
        };
        let found = self.found.map(|found| found.text(self.text));
        if found == Some("==") {
            return None;
        }
        let help = if found == Some(":") {
            format!("A `let` has its value's type. Write it like this: {form}.")
        } else {
            format!("Write it like this: {form}.")
        };
        Some(
            self.error(
                "syntax::incomplete-declaration",
                format!("`{first}` without {missing}"),
                self.here(),
                format!("{missing} should follow {}", self.after_what()),
            )
            .help(help),
        )
    }

    pub(super) fn name(&self) -> Option<Diagnostic> {
        if !self.wants(&[Rule::name, Rule::ident, Rule::kind, Rule::title]) {
            return None;
        }
        if let Some(found) = self.found
            && RESERVED.contains(&found.text(self.text))
            && (!self.wants(&VALUE) || !FOLLOWING.contains(&found.text(self.text)))
        {
            return Some(self.reserved(found));
        }
        let opens = self.found.is_some_and(|found| matches!(found.kind, TokenKind::Open(_)));
        if opens && !self.is_head {
            return None;
        }
        let is_unnamed = self.is_head
            && self.found.is_some_and(|found| found.text(self.text) == "[")
            && self.wants(&[Rule::title, Rule::name]);
        if self.wants(&VALUE) && !is_unnamed {
            return None;
        }
        let digit = self.found.filter(|found| found.kind == TokenKind::Number);
        let label = match digit {
            Some(_) => "a name does not start with a digit".to_owned(),
            None => format!("no name follows {}", self.after_what()),
        };
        let span = digit.map_or(self.here(), |digit| self.span(digit));
        Some(
            self.error("syntax::missing-name", "a name is missing", span, label)
                .help("A name is a letter or `_`, then letters, digits and `_`."),
        )
    }

    fn reserved(&self, found: Token) -> Diagnostic {
        let word = found.text(self.text);
        self.error(
            "syntax::reserved-word",
            format!("`{word}` cannot be a name"),
            self.span(found),
            "a reserved word",
        )
        .help(format!("Choose another name, such as `{word}_`. Reserved are: {}.", RESERVED.join(", ")))
    }

    pub(super) fn value(&self) -> Option<Diagnostic> {
        if !self.wants(&VALUE) && !self.wants(&[Rule::string]) {
            return None;
        }
        let before = self.before?;
        let mark = before.text(self.text);
        if let Some(found) = self.found {
            let word = found.text(self.text);
            if RESERVED.contains(&word) && !FOLLOWING.contains(&word) {
                return Some(self.reserved(found));
            }
            if self.wants(&[Rule::COMMA, Rule::END_ROUND, Rule::END_SQUARE])
                && !matches!(before.kind, TokenKind::Symbol | TokenKind::Open(_))
            {
                return None;
            }
        }
        let help = match mark {
            "=" if self.enclosing().is_none() => {
                match self.read().trim_end_matches(['=', ' ']).lines().last() {
                    Some(field) => {
                        format!("Write the value on the same line: `{} = …`.", field.trim())
                    }
                    None => "Write the value on the same line.".to_owned(),
                }
            }
            "[" | "(" | "," => "Write a value, or leave the comma out.".to_owned(),
            _ => format!("Write the value behind `{mark}`."),
        };
        let label = match self.found {
            Some(found) => format!("a value should stand between this and `{}`", found.text(self.text)),
            None => "no value follows this".to_owned(),
        };
        Some(
            self.error("syntax::missing-value", format!("no value after `{mark}`"), self.span(before), label)
                .help(help),
        )
    }

    /// What follows an entry, an argument or a key.
    pub(super) fn inside_brackets(&self) -> Option<Diagnostic> {
        let bracket = self.enclosing()?;
        let (before, found) = (self.before?, self.found?);
        if !self.wants(&[Rule::COMMA]) {
            return None;
        }
        if found.text(self.text) == ":" && bracket == Bracket::Round {
            return Some(
                self.error(
                    "syntax::unexpected",
                    "a colon in a call",
                    self.span(found),
                    "arguments are named with `=`",
                )
                .help("Write it like this: `diurnal(peak = 30 req/s)`."),
            );
        }
        let starts = matches!(
            found.kind,
            TokenKind::Word | TokenKind::Number | TokenKind::String | TokenKind::Open(_)
        );
        let span = self.span(before);
        starts.then(|| {
            self.error(
                "syntax::missing-comma",
                "a comma is missing",
                Span { start: span.end.saturating_sub(1).max(span.start), ..span },
                "no `,` follows this",
            )
            .and(self.span(found), "the next one starts here")
            .help("Put a `,` between them.")
        })
    }

    /// `service chat` and nothing more.
    pub(super) fn missing_body(&self) -> Option<Diagnostic> {
        let ends = self.found.is_none() && self.wants(&[Rule::COLON]) && self.enclosing().is_none();
        let mut tokens = self.piece.iter();
        let named = tokens.next()?.kind == TokenKind::Word
            && matches!(tokens.next()?.kind, TokenKind::Word | TokenKind::String);
        if !ends || !named {
            return None;
        }
        let whole = self.read().trim_end();
        Some(
            self.error(
                "syntax::missing-body",
                "a block without a body",
                self.piece_span(),
                "neither `{` nor `:` and a base follow",
            )
            .help(format!(
                "Write what it holds, `{whole} {{ … }}`, or what it derives from, `{whole} : base`."
            )),
        )
    }

    /// A word or mark in the middle of a form.
    pub(super) fn missing_word(&self) -> Option<Diagnostic> {
        let (word, form) = if self.wants(&[Rule::THEN]) {
            ("then", "`if c then a else b`")
        } else if self.wants(&[Rule::IN]) && !self.wants(&[Rule::compare]) {
            ("in", "`all x in xs: e`")
        } else if self.wants(&[Rule::COLON]) && self.is_in_fold() {
            (":", "`all x in xs where c: e`")
        } else if self.wants(&[Rule::ELSE]) && self.is_in_conditional() {
            ("else", "`if c then a else b`")
        } else {
            return None;
        };
        Some(
            self.error(
                "syntax::missing-word",
                format!("`{word}` is missing"),
                self.here(),
                format!("`{word}` should follow {}", self.after_what()),
            )
            .help(format!("Write it like this: {form}.")),
        )
    }

    /// `latency median < 300ms`
    pub(super) fn no_statistic(&self) -> Option<Diagnostic> {
        let (before, found) = (self.before?, self.found?);
        let compares = ["<", "<=", ">", ">=", "==", "!="].contains(&found.text(self.text));
        let next = self.piece.partition_point(|token| token.end <= before.start);
        let first = self.piece.get(next.checked_sub(1)?)?;
        let names = [*first, before]
            .iter()
            .all(|token| token.kind == TokenKind::Word && !RESERVED.contains(&token.text(self.text)));
        if !compares || !names {
            return None;
        }
        let whole = Span { end: self.span(before).end, ..self.span(*first) };
        Some(
            self.error("syntax::unexpected", "two names are compared", whole, "the second is no statistic")
                .help("Compare a field, or a figure of it: `latency p99 < 300ms`. Figures are `p50`, `p99`, `p99.9`, `mean` and `peak`."),
        )
    }

    /// `cpu = 2 core when hour in 17h..20h`
    pub(super) fn guarded_fact(&self) -> Option<Diagnostic> {
        let found = self.found.filter(|found| found.text(self.text) == "when")?;
        if self.enclosing().is_some() || !self.wants(&[Rule::EOI]) || self.is_head {
            return None;
        }
        let is_wish = self.piece.first().is_some_and(|first| first.text(self.text) == "prefer");
        let (label, help) = if is_wish {
            (
                "the price stands before it",
                "Write the price last: `prefer replicas >= 3 when hour in 17h..20h else $1/h`.",
            )
        } else {
            (
                "what stands before it holds in every step",
                "Requirements and wishes have guards. A fact that varies over the day is a profile: `diurnal(…)`, `trace(…)`; one that a scenario changes is set there.",
            )
        };
        Some(self.error("syntax::unexpected", "`when` does not fit here", self.span(found), label).help(help))
    }

    pub(super) fn two_statements(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let ends = self.enclosing().is_none() && self.wants(&[Rule::EOI]) && !self.is_head;
        if found.kind != TokenKind::Word || !ends {
            return None;
        }
        self.second_statement(found)
    }

    /// A statement that starts with `first`, behind another one.
    pub(super) fn second_statement(&self, first: Token) -> Option<Diagnostic> {
        let next = self.piece.partition_point(|token| token.end <= first.start);
        let before = self.piece.get(next.checked_sub(1)?)?;
        Some(
            self.error(
                "syntax::two-statements",
                "two statements on one line",
                self.span(first),
                format!("the statement before ends with `{}`", before.text(self.text)),
            )
            .help("Start a new line here, or join the two with an operator."),
        )
    }

    pub(super) fn is_declaration(&self) -> bool {
        let first = self.piece.first().map(|first| first.text(self.text));
        matches!(first, Some("param" | "let" | "use"))
    }

    fn is_in_fold(&self) -> bool {
        self.piece.iter().any(|token| {
            token.start < self.at && matches!(token.text(self.text), "all" | "any" | "sum" | "min" | "max")
        })
    }

    fn is_in_conditional(&self) -> bool {
        let is_then = |token: &Token| token.start < self.at && token.text(self.text) == "then";
        self.piece.iter().any(is_then)
    }
}

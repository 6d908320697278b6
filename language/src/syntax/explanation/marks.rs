//! Characters, operators, numbers and blanks that no form has.

use super::{Place, RESERVED, VALUE};
use crate::diagnostics::Diagnostic;
use crate::quantity_text::number;
use crate::span::Span;
use crate::syntax::grammar::Rule;
use crate::syntax::tokens::{Bracket, Token, TokenKind};
use num_bigint::BigInt;
use num_rational::BigRational;

impl Place<'_> {
    /// `=>`, `&&`, `+=` and their like.
    pub(super) fn operator_of_other_languages(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let pairs = [(self.before, Some(found)), (Some(found), self.after(found))];
        pairs
            .into_iter()
            .filter_map(|(first, second)| Some((first?, second?)))
            .filter(|(first, second)| first.end == second.start)
            .find_map(|(first, second)| self.operator(self.span(first).join(self.span(second))))
    }

    fn operator(&self, span: Span) -> Option<Diagnostic> {
        let help = match self.text.get(span.range())? {
            "=>" => "“At least” is `>=`; “then”, between the steps of a flow, is `->`.",
            "=<" => "“At most” is `<=`.",
            "===" => "Compare with `==`.",
            "!==" | "<>" => "“Differs from” is `!=`.",
            "&&" => "Write `and` between conditions; one `&` puts steps of a flow side by side.",
            ":=" => "Set a field with `=`.",
            "+=" | "-=" | "*=" | "/=" => {
                "Nothing changes once it is set: write the whole value after one `=`."
            }
            "..=" => "Ranges of integers include both ends: `2..6`.",
            "**" | "++" => "There is `+ - * /`; write a power as a product.",
            _ => return None,
        };
        Some(
            self.error(
                "syntax::unknown-operator",
                "an operator of another language",
                span,
                "not one of `= == != < <= > >= + - * / .. -> &`",
            )
            .help(help),
        )
    }

    pub(super) fn unknown_character(&self) -> Option<Diagnostic> {
        let found = self.found?;
        if found.kind != TokenKind::Unknown {
            return None;
        }
        let character = found.text(self.text).chars().next()?;
        let help = match character {
            ';' => "A statement ends with its line: leave the `;` out.",
            '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
                "Text stands between two `\"`."
            }
            '#' => "A comment starts with `//`.",
            '!' => "Write `not x`; “differs from” is `!=`.",
            '|' => "Write `or` between conditions.",
            '^' => "There is `+ - * /`; write a power as a product.",
            '−' | '–' | '—' => "Write a minus as `-`.",
            '×' | '·' => "Write “times” as `*`.",
            '÷' => "Write “divided by” as `/`, with spaces around it.",
            '≤' => "Write “at most” as `<=`.",
            '≥' => "Write “at least” as `>=`.",
            '≠' => "Write “differs from” as `!=`.",
            '→' => "Write “then” as `->`.",
            '…' => "Write a range as `2..6`.",
            'μ' => "The sign for micro is `µ`, U+00B5; `us` for microseconds works too.",
            _ if character.is_whitespace() => "Replace it with a space.",
            _ if character.is_alphabetic() => {
                "Names are made of `a` to `z`, `A` to `Z`, `0` to `9` and `_`. Strings hold any text."
            }
            _ => "Outside of strings and comments, leave it out.",
        };
        let shown = if character.is_control() || character.is_whitespace() {
            format!("U+{:04X}", u32::from(character))
        } else {
            format!("`{character}`")
        };
        Some(
            self.error(
                "syntax::unknown-character",
                "a character that no statement has",
                self.span(found),
                format!("{shown} means nothing here"),
            )
            .help(help),
        )
    }

    pub(super) fn number(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let written = found.text(self.text);
        let span = self.span(found);
        let attaches = |title: &str, label: &str, help: String| {
            Some(self.error("syntax::malformed-number", title, span, label).help(help))
        };
        let a_number = |token: Option<Token>| token.filter(|token| token.kind == TokenKind::Number);
        if let "$" | "€" | "£" | "¥" = written {
            return match a_number(self.before) {
                Some(before) => attaches(
                    "a currency behind its number",
                    "the currency",
                    format!("It stands first: `{written}{}`.", before.text(self.text)),
                ),
                None => attaches(
                    "a currency without a number",
                    "no number follows this",
                    format!("Write the amount behind it: `{written}2.10`."),
                ),
            };
        }
        if written == "%" {
            let help = "Write it right behind a number: `20%`.".to_owned();
            return attaches("a `%` without its number", "no number right before this", help);
        }
        let currency = self.before.map(|before| before.text(self.text));
        if let (Some(currency @ ("$" | "€" | "£" | "¥")), Some(amount)) = (currency, a_number(self.found))
        {
            if self.before.is_some_and(|before| before.end == amount.start) {
                let whole = written_out(amount.text(self.text));
                let whole = whole.map_or_else(String::new, |whole| format!(": `{currency}{whole}`"));
                let label = "an amount has digits alone";
                return attaches("letters in an amount of money", label, format!("Write it out{whole}."));
            }
            return attaches(
                "a currency away from its number",
                "a blank stands before this",
                format!("Write them together: `{currency}{}`.", amount.text(self.text)),
            );
        }
        if found.kind == TokenKind::Number && (self.wants(&VALUE) || self.at > found.start) {
            return attaches(
                "neither a number nor a name",
                "digits, letters, then digits",
                "A name starts with a letter; a number may end with a unit, which has letters only: `34kW`."
                    .to_owned(),
            );
        }
        None
    }

    /// `labels = { … }`.
    pub(super) fn braces_of_a_map(&self) -> Option<Diagnostic> {
        let equals = self.piece.iter().find(|token| token.text(self.text) == "=")?;
        let first = self.piece.first()?.text(self.text);
        let ends = self.before.is_some_and(|before| before.start >= equals.start)
            || self.found.is_some_and(|found| found.start == equals.start);
        if !self.is_head || !ends || RESERVED.contains(&first) {
            return None;
        }
        let field = self.text.get(self.piece_span().start as usize..equals.start)?;
        let field = field.trim_end();
        Some(
            self.error(
                "syntax::body-after-equals",
                "a body where a value is set",
                self.span(*equals),
                "a `{` follows, which is no value",
            )
            .help(format!(
                "A list or map stands in square brackets, `{field} = [a: 1, b: 2]`; a block has no `=`, `{field} {{`."
            )),
        )
    }

    pub(super) fn blank_before_bracket(&self) -> Option<Diagnostic> {
        let (before, found) = (self.before?, self.found?);
        let opens = matches!(found.kind, TokenKind::Open(Bracket::Round | Bracket::Square))
            || found.text(self.text) == ".";
        let follows = matches!(before.kind, TokenKind::Word | TokenKind::Close(_));
        if !opens || !follows || before.end == found.start || self.wants(&VALUE) {
            return None;
        }
        let mark = found.text(self.text);
        Some(
            self.error(
                "syntax::blank-before-bracket",
                format!("a blank before `{mark}`"),
                self.span(found),
                "separate from the name before it",
            )
            .and(self.span(before), "the name")
            .help(format!("Write them together: `{}{mark}`.", before.text(self.text))),
        )
    }

    pub(super) fn division(&self) -> Option<Diagnostic> {
        let found = self.found?;
        if found.text(self.text) != "/" || self.wants(&VALUE) {
            return None;
        }
        Some(
            self.error(
                "syntax::unspaced-division",
                "a division without spaces",
                self.span(found),
                "no space follows this",
            )
            .help("Write `a / b`. An attached `/unit` belongs to a number: `$2/h`."),
        )
    }

    /// `=` where values are compared, `==` where one is set.
    pub(super) fn set_or_compare(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let (title, label, help) = match found.text(self.text) {
            "==" if self.wants(&[Rule::EQUALS]) => {
                ("`==` where something is set", "this compares", "Set it with one `=`.".to_owned())
            }
            "=" if self.before.is_none()
                || self.wants(&VALUE)
                || self.wants(&[Rule::COLON]) && self.is_declaration() =>
            {
                return None;
            }
            "=" if self.enclosing() == Some(Bracket::Square) => (
                "`=` in a list",
                "this sets something",
                "An entry's key takes a colon: `[eu: 45%, us: 55%]`.".to_owned(),
            ),
            "=" if self.before.is_some_and(|before| is_statistic(before.text(self.text))) => (
                "a statistic is set",
                "`=` says what is",
                format!("What must hold is a comparison, such as `{} <= …`.", self.read().trim_end()),
            ),
            "=" if self.is_set_before(found) => return self.second_statement(self.before?),
            "=" => ("`=` where values are compared", "`=` sets a field", "Compare with `==`.".to_owned()),
            _ => return None,
        };
        Some(self.error("syntax::set-or-compare", title, self.span(found), label).help(help))
    }

    /// Another `=` stands before `equals`, both outside of brackets.
    fn is_set_before(&self, equals: Token) -> bool {
        let mut depth = 0_usize;
        self.piece.iter().take_while(|token| token.start < equals.start).any(|token| {
            match token.kind {
                TokenKind::Open(_) => depth += 1,
                TokenKind::Close(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.text(self.text) == "="
        }) && self.enclosing().is_none()
    }
}

fn is_statistic(word: &str) -> bool {
    matches!(word, "mean" | "peak")
        || word.strip_prefix('p').is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
}

/// `40k` and `1.5M` in digits.
fn written_out(amount: &str) -> Option<String> {
    let (digits, letters) = amount.split_at(amount.find(|c: char| c.is_ascii_alphabetic())?);
    let factor: u32 = match letters {
        "k" | "K" => 1_000,
        "M" | "m" | "mn" => 1_000_000,
        "B" | "b" | "bn" => 1_000_000_000,
        _ => return None,
    };
    let digits = digits.replace('_', "");
    let (whole, parts) = digits.split_once('.').unwrap_or((&digits, ""));
    let shifted: BigInt = format!("{whole}{parts}").parse().ok()?;
    let shift = BigInt::from(10u8).pow(u32::try_from(parts.len()).ok()?);
    Some(number(&BigRational::new(shifted * factor, shift)))
}

//! Why a piece of a file is no statement and no head.
//!
//! The grammar says how far it came and what it tried there; the tokens around that place say what was
//! meant. The first explanation that fits is given, from the specific to the general.

use super::grammar::{Rule, Stop};
use super::tokens::{Bracket, Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span};

/// The words that name nothing; `reserved` in the grammar.
const RESERVED: [&str; 17] = [
    "use", "as", "param", "let", "abstract", "if", "then", "else", "prefer", "when", "where", "in",
    "and", "or", "not", "true", "false",
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
        Place::two_statements,
    ];
    explanations
        .iter()
        .find_map(|explanation| explanation(&place))
        .unwrap_or_else(|| place.unexpected())
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
    /// `=>`, `&&`, `+=` and their like.
    fn operator_of_other_languages(&self) -> Option<Diagnostic> {
        let (before, found) = (self.before?, self.found?);
        if before.end != found.start {
            return None;
        }
        let span = self.span(before).join(self.span(found));
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

    fn unknown_character(&self) -> Option<Diagnostic> {
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

    /// A piece that is wrong from its first token on.
    fn start(&self) -> Option<Diagnostic> {
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
    fn misspelled_word(&self) -> Option<Diagnostic> {
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
                && self
                    .before
                    .is_some_and(|before| before.start >= first.start)
        });
        let start = || Some((first, self.meant(first, &LEADING)?));
        let (token, meant) = here.or_else(|| if starts { start() } else { None })?;
        let word = token.text(self.text);
        Some(
            self.error(
                "syntax::unknown-word",
                format!("`{word}` is no word of the language"),
                self.span(token),
                if token == first {
                    "the line starts with it"
                } else {
                    "a name does not fit here"
                },
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

    fn number(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let written = found.text(self.text);
        let span = self.span(found);
        let attaches = |title: &str, label: &str, help: String| {
            Some(
                self.error("syntax::malformed-number", title, span, label)
                    .help(help),
            )
        };
        let number = |token: Option<Token>| token.filter(|token| token.kind == TokenKind::Number);
        if let "$" | "€" | "£" | "¥" = written {
            return match number(self.before) {
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
            return attaches(
                "a `%` without its number",
                "no number right before this",
                help,
            );
        }
        let currency = self.before.map(|before| before.text(self.text));
        if let (Some(currency @ ("$" | "€" | "£" | "¥")), Some(number)) =
            (currency, number(self.found))
        {
            return attaches(
                "a currency away from its number",
                "a blank stands before this",
                format!(
                    "Write them together: `{currency}{}`.",
                    number.text(self.text)
                ),
            );
        }
        if found.kind == TokenKind::Number && (self.wants(&VALUE) || self.at > found.start) {
            return attaches(
                "neither a number nor a name",
                "digits, letters, then digits",
                "A name starts with a letter; a number may end with a unit, which has letters only: `34kW`.".to_owned(),
            );
        }
        None
    }

    /// `labels = { … }`.
    fn braces_of_a_map(&self) -> Option<Diagnostic> {
        let equals = self
            .piece
            .iter()
            .find(|token| token.text(self.text) == "=")?;
        let first = self.piece.first()?.text(self.text);
        let ends = self
            .before
            .is_some_and(|before| before.start >= equals.start)
            || self.found.is_some_and(|found| found.start == equals.start);
        if !self.is_head || !ends || RESERVED.contains(&first) {
            return None;
        }
        let field = self
            .text
            .get(self.piece_span().start as usize..equals.start)?;
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

    fn blank_before_bracket(&self) -> Option<Diagnostic> {
        let (before, found) = (self.before?, self.found?);
        let opens = matches!(
            found.kind,
            TokenKind::Open(Bracket::Round | Bracket::Square)
        ) || found.text(self.text) == ".";
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
            .help(format!(
                "Write them together: `{}{mark}`.",
                before.text(self.text)
            )),
        )
    }

    fn division(&self) -> Option<Diagnostic> {
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
    fn set_or_compare(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let (title, label, help) = match found.text(self.text) {
            "==" if self.wants(&[Rule::EQUALS]) => (
                "`==` where something is set",
                "this compares",
                "Set it with one `=`.".to_owned(),
            ),
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
            "=" if self
                .before
                .is_some_and(|before| is_statistic(before.text(self.text))) =>
            {
                (
                    "a statistic is set",
                    "`=` says what is",
                    format!(
                        "What must hold is a comparison, such as `{} <= …`.",
                        self.read().trim_end()
                    ),
                )
            }
            "=" if self.is_set_before(found) => return self.second_statement(self.before?),
            "=" => (
                "`=` where values are compared",
                "`=` sets a field",
                "Compare with `==`.".to_owned(),
            ),
            _ => return None,
        };
        Some(
            self.error("syntax::set-or-compare", title, self.span(found), label)
                .help(help),
        )
    }

    /// `use`, `param` and `let` without one of their parts.
    fn declaration(&self) -> Option<Diagnostic> {
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
        Some(
            self.error(
                "syntax::incomplete-declaration",
                format!("`{first}` without {missing}"),
                self.here(),
                format!("{missing} should follow {}", self.after_what()),
            )
            .help(format!("Write it like this: {form}.")),
        )
    }

    fn name(&self) -> Option<Diagnostic> {
        if !self.wants(&[Rule::name, Rule::ident, Rule::kind, Rule::title]) {
            return None;
        }
        if let Some(found) = self.found
            && RESERVED.contains(&found.text(self.text))
            && (!self.wants(&VALUE) || !FOLLOWING.contains(&found.text(self.text)))
        {
            return Some(self.reserved(found));
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
        .help(format!(
            "Choose another name, such as `{word}_`. Reserved are: {}.",
            RESERVED.join(", ")
        ))
    }

    fn value(&self) -> Option<Diagnostic> {
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
            "=" => match self.read().trim_end_matches(['=', ' ']).lines().last() {
                Some(field) => format!("Write the value on the same line: `{} = …`.", field.trim()),
                None => "Write the value on the same line.".to_owned(),
            },
            "[" | "(" | "," => "Write a value, or leave the comma out.".to_owned(),
            _ => format!("Write the value behind `{mark}`."),
        };
        let label = match self.found {
            Some(found) => format!(
                "a value should stand between this and `{}`",
                found.text(self.text)
            ),
            None => "no value follows this".to_owned(),
        };
        Some(
            self.error(
                "syntax::missing-value",
                format!("no value after `{mark}`"),
                self.span(before),
                label,
            )
            .help(help),
        )
    }

    /// What follows an entry, an argument or a key.
    fn inside_brackets(&self) -> Option<Diagnostic> {
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
                Span {
                    start: span.end.saturating_sub(1).max(span.start),
                    ..span
                },
                "no `,` follows this",
            )
            .and(self.span(found), "the next one starts here")
            .help("Put a `,` between them.")
        })
    }

    /// `service chat` and nothing more.
    fn missing_body(&self) -> Option<Diagnostic> {
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
    fn missing_word(&self) -> Option<Diagnostic> {
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

    fn two_statements(&self) -> Option<Diagnostic> {
        let found = self.found?;
        let ends = self.enclosing().is_none() && self.wants(&[Rule::EOI]) && !self.is_head;
        if found.kind != TokenKind::Word || !ends {
            return None;
        }
        self.second_statement(found)
    }

    /// A statement that starts with `first`, behind another one.
    fn second_statement(&self, first: Token) -> Option<Diagnostic> {
        let next = self.piece.partition_point(|token| token.end <= first.start);
        let before = self.piece.get(next.checked_sub(1)?)?;
        Some(
            self.error(
                "syntax::two-statements",
                "two statements on one line",
                self.span(first),
                format!(
                    "the statement before ends with `{}`",
                    before.text(self.text)
                ),
            )
            .help("Start a new line here, or join the two with an operator."),
        )
    }

    /// Another `=` stands before `equals`, both outside of brackets.
    fn is_set_before(&self, equals: Token) -> bool {
        let mut depth = 0_usize;
        self.piece
            .iter()
            .take_while(|token| token.start < equals.start)
            .any(|token| {
                match token.kind {
                    TokenKind::Open(_) => depth += 1,
                    TokenKind::Close(_) => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && token.text(self.text) == "="
            })
            && self.enclosing().is_none()
    }

    fn unexpected(&self) -> Diagnostic {
        let phrases = self.expected();
        let help = match phrases.split_last() {
            None => FORMS.to_owned(),
            Some((last, [])) => format!("Here stands {last}."),
            Some((last, others)) => format!("Here stands {} or {last}.", others.join(", ")),
        };
        let title = match self.found {
            Some(found) => format!("`{}` does not fit here", found.text(self.text)),
            None => "the line ends too early".to_owned(),
        };
        let label = format!("this follows {}", self.after_what());
        self.error("syntax::unexpected", title, self.here(), label)
            .help(help)
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

    fn is_declaration(&self) -> bool {
        let first = self.piece.first().map(|first| first.text(self.text));
        matches!(first, Some("param" | "let" | "use"))
    }

    fn is_in_fold(&self) -> bool {
        self.piece.iter().any(|token| {
            token.start < self.at
                && matches!(token.text(self.text), "all" | "any" | "sum" | "min" | "max")
        })
    }

    fn is_in_conditional(&self) -> bool {
        let is_then = |token: &Token| token.start < self.at && token.text(self.text) == "then";
        self.piece.iter().any(is_then)
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
        token.map_or(Span::new(self.file, self.at, self.at), |token| {
            self.span(token)
        })
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

fn is_statistic(word: &str) -> bool {
    matches!(word, "mean" | "peak")
        || word
            .strip_prefix('p')
            .is_some_and(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))
}

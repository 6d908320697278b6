//! What is said about the user's lines.
//!
//! A diagnostic never says "invalid" and never blames: its labels are facts about lines, its help says
//! what to do. Each is made beside the check that raises it; the long form of its code stands in
//! [`codes`](crate::codes).

use crate::span::Span;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing can be planned until it is mended.
    Error,
    /// Planning goes on; the plan may be partial.
    Warning,
}

/// One message with its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Stable, `area::name`; listed in [`codes`](crate::codes).
    pub code: &'static str,
    /// One short line.
    pub title: String,
    /// The first one is the place; the others are related facts.
    pub labels: Vec<Label>,
    /// What to do; may have several lines.
    pub help: Option<String>,
}

/// A fact about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The fact.
    pub text: String,
}

impl Diagnostic {
    /// An error titled `title` at `span`, where `label` is so.
    pub fn error(code: &'static str, title: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            title: title.into(),
            labels: vec![Label { span, text: label.into() }],
            help: None,
        }
    }

    /// A warning titled `title` at `span`, where `label` is so.
    pub fn warning(
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        label: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, title, span, label) }
    }

    /// With a related fact.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: label.into() });
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Names joined for a message: "`a`, `b` and `c`"; long lists are cut.
pub(crate) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    const MOST: usize = 24;
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        return format!("{} and {more} more", names.join(", "));
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        Some(last) => last,
        None => "none".to_owned(),
    }
}

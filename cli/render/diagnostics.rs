//! Diagnostics through miette: the code, a title, the lines, what to do.

use berth_compiler::lowering::IrDiagnostic;
use berth_language::diagnostics::{Diagnostic, Severity};
use berth_language::sources::Sources;
use berth_language::span::FileId;
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, NamedSource, SourceCode, SourceSpan,
    SpanContents,
};
use serde::Serialize;
use std::fmt;
use std::io::IsTerminal as _;

/// More than this are counted, not shown.
const MOST: usize = 30;

/// Prints every diagnostic on standard error.
pub fn print(sources: &Sources, found: &[Diagnostic]) {
    for diagnostic in found.iter().take(MOST) {
        eprintln!("{}", rendered(sources, diagnostic, theme()));
    }
    if found.len() > MOST {
        eprintln!("… and {} more; `--json` has all", found.len() - MOST);
    }
}

/// A diagnostic as a page shows it, without colour.
pub fn plain(sources: &Sources, diagnostic: &Diagnostic) -> String {
    rendered(sources, diagnostic, GraphicalTheme::unicode_nocolor())
}

fn rendered(sources: &Sources, diagnostic: &Diagnostic, theme: GraphicalTheme) -> String {
    let handler =
        GraphicalReportHandler::new_themed(theme).with_width(80).with_context_lines(1).with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, &Report::new(sources, diagnostic)) {
        Ok(()) => trimmed(&text),
        Err(_) => format!("{}: {}\n", diagnostic.code, diagnostic.title),
    }
}

/// miette pads lines with blanks; nobody wants them in a log.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n"
}

fn theme() -> GraphicalTheme {
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() }
}

/// Diagnostics of IR text, a line each with its help.
pub fn print_ir(found: &[IrDiagnostic]) {
    for diagnostic in found.iter().take(MOST) {
        eprintln!(
            "{}:{}:{}: {}: {}",
            diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.code, diagnostic.message
        );
        if let Some(help) = &diagnostic.help {
            eprintln!("  help: {help}");
        }
    }
    if found.len() > MOST {
        eprintln!("… and {} more", found.len() - MOST);
    }
}

/// Prints every diagnostic as JSON on standard output, and what was found of policies: `(name, answer)`.
pub fn print_json(sources: &Sources, found: &[Diagnostic], policies: &[(&str, &str)]) {
    #[derive(Serialize)]
    struct Entry<'a> {
        severity: &'a str,
        code: &'a str,
        title: &'a str,
        labels: Vec<Place<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Place<'a> {
        file: &'a str,
        line: usize,
        column: usize,
        text: &'a str,
    }
    let entries: Vec<Entry<'_>> = found
        .iter()
        .map(|diagnostic| Entry {
            severity: match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: diagnostic.code,
            title: &diagnostic.title,
            labels: diagnostic
                .labels
                .iter()
                .map(|label| {
                    let (line, column) = sources.position(label.span);
                    let file = sources.get(label.span.file).map_or("", |source| source.path.as_str());
                    Place { file, line, column, text: &label.text }
                })
                .collect(),
            help: diagnostic.help.as_deref(),
        })
        .collect();
    let policies: Vec<_> = policies
        .iter()
        .map(|(name, answer)| serde_json::json!({ "name": name, "holds_in_every_plan": answer }))
        .collect();
    let mut answer = serde_json::json!({ "diagnostics": entries });
    if !policies.is_empty() {
        answer["policies"] = policies.into();
    }
    let text = serde_json::to_string_pretty(&answer);
    println!("{}", text.unwrap_or_default());
}

/// One diagnostic as miette wants it: labels of other files follow as related reports.
#[derive(Debug)]
struct Report {
    code: &'static str,
    severity: Severity,
    title: String,
    help: Option<String>,
    source: Text,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

impl Report {
    fn new(sources: &Sources, diagnostic: &Diagnostic) -> Self {
        let home = diagnostic.labels.first().map_or(FileId(0), |label| label.span.file);
        let mut elsewhere: Vec<FileId> =
            diagnostic.labels.iter().map(|label| label.span.file).filter(|file| *file != home).collect();
        elsewhere.dedup();
        let labels = |file: FileId| {
            diagnostic
                .labels
                .iter()
                .filter(|label| label.span.file == file)
                .map(|label| LabeledSpan::new_with_span(Some(label.text.clone()), label.span.range()))
                .collect()
        };
        let report = |file: FileId, title: String, help: Option<String>, related: Vec<Report>| Report {
            code: diagnostic.code,
            severity: diagnostic.severity,
            title,
            help,
            source: Text::new(sources, file),
            labels: labels(file),
            related,
        };
        let related =
            elsewhere.into_iter().map(|file| report(file, "see also".to_owned(), None, Vec::new())).collect();
        report(home, diagnostic.title.clone(), diagnostic.help.clone(), related)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.title)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|report| report as &dyn miette::Diagnostic)))
    }
}

/// A file's text with its name.
#[derive(Debug)]
struct Text(NamedSource<String>);

impl Text {
    fn new(sources: &Sources, file: FileId) -> Self {
        let (path, text) = sources.get(file).map_or(("", ""), |source| (source.path.as_str(), &*source.text));
        Self(NamedSource::new(path, text.to_owned()))
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        self.0.read_span(span, before, after)
    }
}

//! What the compiler asks of the intermediate representation.

use crate::graph::OperatorGraph;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::sources::Sources;
use berth_language::span::{FileId, Span};

/// Model to MLIR to operator graph.
pub trait Lowering {
    /// Lowers every model that a service runs. `path` is the root file as the user named it.
    fn lower(&self, program: &Program, sources: &Sources, path: &str) -> Result<Lowered, Vec<Diagnostic>>;

    /// Continues from text, perhaps edited. `path` names it in messages.
    fn resume(&self, text: &str, path: &str) -> Result<Lowered, Vec<IrDiagnostic>>;
}

/// Text and graph of one program.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The module after all passes.
    pub text: String,
    /// What it computes.
    pub graph: OperatorGraph,
    /// The root file the module was lowered from.
    pub program: Option<String>,
    /// What looks wrong and can still be priced.
    pub warnings: Vec<IrDiagnostic>,
}

/// Something about a line of IR text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrDiagnostic {
    /// `ir::parse`, `ir::verify`
    pub code: &'static str,
    /// What is so.
    pub message: String,
    /// Where: in the IR text, or the user's file where the location of the operation says so.
    pub file: String,
    /// From 1; 0 where unknown.
    pub line: u32,
    /// From 1; 0 where unknown.
    pub column: u32,
    /// What to do.
    pub help: Option<String>,
}

impl IrDiagnostic {
    /// As an error of a line of `sources`, or of their root where the file is none of them.
    pub fn located(self, sources: &Sources) -> Diagnostic {
        let IrDiagnostic { code, message, file, line, column, help } = self;
        let found = sources.iter().find(|(_, source)| source.path == file);
        let span = found.map_or(Span::new(FileId(0), 0, 0), |(id, source)| {
            let row = usize::try_from(line).unwrap_or(0).saturating_sub(1);
            let before: usize = source.text.split_inclusive('\n').take(row).map(str::len).sum();
            let own = source.text.get(before..).and_then(|rest| rest.lines().next()).unwrap_or("");
            let mut at = usize::try_from(column).unwrap_or(0).saturating_sub(1).min(own.len());
            while !own.is_char_boundary(at) {
                at -= 1;
            }
            Span::new(id, before + at, before + own.trim_end().len().max(at))
        });
        let (title, more) =
            message.split_once('\n').map_or((message.as_str(), None), |(title, more)| (title, Some(more)));
        let help = match (more, help) {
            (Some(more), Some(help)) => Some(format!("{more}\n{help}")),
            (more, help) => help.or_else(|| more.map(str::to_owned)),
        };
        let diagnostic = Diagnostic::error(code, title.trim_end(), span, "here");
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

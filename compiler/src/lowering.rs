//! What the compiler asks of the intermediate representation.

use crate::graph::OperatorGraph;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::sources::Sources;

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

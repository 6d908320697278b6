//! # berth-ir
//!
//! Model to MLIR to operator graph: the only crate that links MLIR.
//!
//! ```text
//! import -> decompose -> simplify -> shard -> fuse -> overlap -> annotate -> variants -> graph
//! ```
//!
//! Each is one file with its contract at the top. The text of the module after the last pass is what
//! users read and edit; [`Mlir::resume`](Lowering::resume) continues from it, pricing every operation
//! anew from its own dimensions, element types and splits. The dialect is declared in [`IRDL`], so the
//! same text opens in stock `mlir-opt --irdl-file`.

mod annotate;
mod bodies;
mod cost;
mod decompose;
mod dialect;
mod flow;
mod foreign;
mod fuse;
mod graph;
mod import;
mod module;
mod overlap;
mod passes;
mod shape;
mod shard;
mod simplify;
mod structure;
mod text;
mod training;
mod variants;
mod verifier;

pub use dialect::IRDL;
pub use passes::{Pass, text_after};

use berth_compiler::lowering::{IrDiagnostic, Lowered, Lowering};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{Program, Work};
use berth_language::sources::Sources;
use berth_language::span::{FileId, Span};
use melior::ir::Module;

/// Lowering through MLIR.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mlir;

impl Lowering for Mlir {
    fn lower(&self, program: &Program, sources: &Sources, path: &str) -> Result<Lowered, Vec<Diagnostic>> {
        let context = text::context(true);
        let module = import::import(&context, program, sources, path)?;
        passes::run(&context, &module, path, Pass::Variants).map_err(|fault| said_of(program, fault))?;
        let (structure, warnings) = verifier::read(&context, &module, path).map_err(|errors| {
            let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
            said_of(program, Malformed(messages.join("; ")))
        })?;
        Ok(finish(&module, structure, warnings))
    }

    fn resume(&self, text: &str, path: &str) -> Result<Lowered, Vec<IrDiagnostic>> {
        text::guard(text, path).map_err(|error| vec![error])?;
        text::tried(text, path, "ir::parse").map_err(|error| vec![error])?;
        // Read without locations first: what is wrong is said of the line of this text that says it,
        // not of the user's line that it was once lowered from.
        let here = text::without_locations(text);
        text::tried(&here, path, "ir::parse").map_err(|error| vec![error])?;
        let lenient = text::context(false);
        let module = text::parse(&lenient, &here, path, "ir::parse")?;
        let (structure, mut warnings) = verifier::read(&lenient, &module, path)?;
        warnings.extend(flow::passes(&structure).1);
        let strict = text::context(true);
        let module = match text::parse(&strict, text, path, "ir::parse") {
            Ok(module) => module,
            // What is left is either MLIR's own word on our operations, or a location that is none.
            Err(of_locations) => {
                let refused = text::parse(&strict, &here, path, "ir::verify").err();
                return Err(refused.unwrap_or(of_locations));
            }
        };
        let (structure, _) = verifier::read(&strict, &module, path)?;
        annotate::annotate(&strict, &module, &flow::passes(&structure).0);
        let lowered = finish(&module, structure, Vec::new());
        Ok(Lowered { warnings, ..lowered })
    }
}

/// Edited text, simplified as lowered modules are: see the pass `simplify`.
///
/// # Errors
/// Everything that the text is refused for.
pub fn simplified(text: &str, path: &str) -> Result<String, Vec<IrDiagnostic>> {
    Mlir.resume(text, path)?;
    let context = text::context(true);
    let module = text::parse(&context, text, path, "ir::parse")?;
    simplify::simplify(&context, &module).map_err(|Malformed(message)| {
        let (file, help) = (path.to_owned(), None);
        vec![IrDiagnostic { code: "ir::verify", message, file, line: 1, column: 1, help }]
    })?;
    Ok(text::print(&module))
}

/// Prices the module and leaves MLIR.
fn finish(module: &Module, structure: structure::Structure, mut warnings: Vec<IrDiagnostic>) -> Lowered {
    let (passes, misfits) = flow::passes(&structure);
    warnings.extend(misfits);
    Lowered { text: text::print(module), graph: graph::graph(passes), program: structure.program, warnings }
}

/// A fault of this crate, said where the user can see which service raises it.
fn said_of(program: &Program, Malformed(message): Malformed) -> Vec<Diagnostic> {
    let span = program
        .services
        .iter()
        .find(|service| matches!(service.work, Work::Llm(_)))
        .map_or(Span::new(FileId(0), 0, 0), |service| service.span);
    let title = format!("the module lowered from this program is malformed: {message}");
    vec![
        Diagnostic::error("ir::verify", title, span, "lowered from here")
            .help("this is a fault of berth; please report it with the file"),
    ]
}

/// A module that a pass of this crate cannot take: a fault of the pass before it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Malformed(String);

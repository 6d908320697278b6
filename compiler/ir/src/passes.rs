//! The passes in their order, and the text after each.

use crate::{Malformed, annotate, decompose, flow, import, said_of, shard, text, verifier};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::sources::Sources;
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::OperationLike;

/// The passes from the model to the text that users edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// Models and calls, as the program states them.
    Import,
    /// Calls become phases, phases become operators with a repeat for the layers.
    Decompose,
    /// Operators are split over the tensor axis; collectives join what must be whole.
    Shard,
    /// Each operator says what it costs one device.
    Annotate,
}

impl Pass {
    /// Every pass, in order.
    pub const ALL: [Pass; 4] = [Pass::Import, Pass::Decompose, Pass::Shard, Pass::Annotate];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Pass::Import => "import",
            Pass::Decompose => "decompose",
            Pass::Shard => "shard",
            Pass::Annotate => "annotate",
        }
    }
}

/// The module's text after `pass`, lowered from a program whose root file is `path`.
pub fn text_after(
    pass: Pass,
    program: &Program,
    sources: &Sources,
    path: &str,
) -> Result<String, Vec<Diagnostic>> {
    let context = text::context(true);
    let module = import::import(&context, program, sources, path)?;
    run(&context, &module, pass).map_err(|fault| said_of(program, fault))?;
    if pass == Pass::Annotate {
        let (structure, _) = verifier::read(&context, &module, path).map_err(|errors| {
            let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
            said_of(program, Malformed(messages.join("; ")))
        })?;
        annotate::annotate(&context, &module, &flow::passes(&structure).0);
    }
    Ok(text::print(&module))
}

/// Runs the passes that rewrite the module, up to and including `last`; MLIR verifies after each.
pub(crate) fn run(context: &Context, module: &Module, last: Pass) -> Result<(), Malformed> {
    let verified = |pass: Pass| {
        if module.as_operation().verify() {
            Ok(())
        } else {
            Err(Malformed(format!("MLIR refuses it after {}", pass.name())))
        }
    };
    verified(Pass::Import)?;
    if last >= Pass::Decompose {
        decompose::decompose(context, module)?;
        verified(Pass::Decompose)?;
    }
    if last >= Pass::Shard {
        shard::shard(context, module)?;
        verified(Pass::Shard)?;
    }
    Ok(())
}

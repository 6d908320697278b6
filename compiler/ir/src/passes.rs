//! The passes in their order, and the text after each.

use crate::{
    Malformed, annotate, decompose, flow, fuse, import, overlap, said_of, shard, simplify, text, variants,
    verifier,
};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::sources::Sources;
use melior::Context;
use melior::ir::Module;
use melior::ir::operation::OperationLike;

/// The passes from the model to the text that users edit. `berth lower --print-after` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// See [`Pass::help`].
    Import,
    /// See [`Pass::help`].
    Decompose,
    /// See [`Pass::help`].
    Simplify,
    /// See [`Pass::help`].
    Shard,
    /// See [`Pass::help`].
    Fuse,
    /// See [`Pass::help`].
    Overlap,
    /// See [`Pass::help`].
    Annotate,
    /// See [`Pass::help`].
    Variants,
}

impl Pass {
    /// Every pass, in order.
    pub const ALL: [Pass; 8] = [
        Pass::Import,
        Pass::Decompose,
        Pass::Simplify,
        Pass::Shard,
        Pass::Fuse,
        Pass::Overlap,
        Pass::Annotate,
        Pass::Variants,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Pass::Import => "import",
            Pass::Decompose => "decompose",
            Pass::Simplify => "simplify",
            Pass::Shard => "shard",
            Pass::Fuse => "fuse",
            Pass::Overlap => "overlap",
            Pass::Annotate => "annotate",
            Pass::Variants => "variants",
        }
    }

    /// What it does, in one line.
    pub fn help(self) -> &'static str {
        match self {
            Pass::Import => "Models and calls, as the program states them",
            Pass::Decompose => "Calls become phases, phases become operators with a repeat for the layers",
            Pass::Simplify => "What is repeated once is inlined, what is computed twice is computed once",
            Pass::Shard => {
                "Operators are divided over the parallel axes; collectives join what must be whole"
            }
            Pass::Fuse => "What an engine runs inside a neighbour's kernel is marked",
            Pass::Overlap => "What may run while something is sent is marked, and how much that hides",
            Pass::Annotate => "Each operator says what it costs one device",
            Pass::Variants => {
                "Each product lists how it may be computed, and what a device must offer for it"
            }
        }
    }

    /// The one before it.
    pub fn before(self) -> Option<Pass> {
        Pass::ALL.into_iter().take_while(|pass| *pass < self).last()
    }

    fn run(self, context: &Context, module: &Module, path: &str) -> Result<(), Malformed> {
        match self {
            // It makes the module.
            Pass::Import => Ok(()),
            Pass::Decompose => decompose::decompose(context, module),
            Pass::Simplify => simplify::simplify(context, module),
            Pass::Shard => shard::shard(context, module),
            Pass::Fuse => fuse::fuse(context, module),
            Pass::Overlap => overlap::overlap(context, module),
            Pass::Annotate => {
                let (structure, _) = verifier::read(context, module, path).map_err(|errors| {
                    let messages: Vec<_> = errors.into_iter().map(|error| error.message).collect();
                    Malformed(messages.join("; "))
                })?;
                annotate::annotate(context, module, &flow::passes(&structure).0);
                Ok(())
            }
            Pass::Variants => {
                variants::variants(context, module);
                Ok(())
            }
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
    run(&context, &module, path, pass).map_err(|fault| said_of(program, fault))?;
    Ok(text::print(&module))
}

/// Runs the passes up to and including `last`; MLIR verifies after each.
pub(crate) fn run(context: &Context, module: &Module, path: &str, last: Pass) -> Result<(), Malformed> {
    for pass in Pass::ALL.into_iter().take_while(|pass| *pass <= last) {
        pass.run(context, module, path)?;
        if !module.as_operation().verify() {
            return Err(Malformed(format!("MLIR refuses it after {}", pass.name())));
        }
    }
    Ok(())
}

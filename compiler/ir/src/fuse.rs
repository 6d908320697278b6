//! **fuse**: marks the operators that an engine runs inside the kernel of a neighbour.
//!
//! Contract: a sharded module goes in; some operators that only move bytes get `fused`: `"before"` says that the
//! operator runs in the kernel that makes its first operand, `"after"` that it runs in the kernel of its only
//! user. What flows between the two is then neither written nor read, unless somebody else needs it too, and the
//! operator starts no kernel of its own: [`flow`](crate::flow) takes both off the costs. Nothing else changes.
//!
//! What is fused depends on the engine and on the devices that the graph is for:
//!
//! | engine, devices | what |
//! | --- | --- |
//! | any, kernels | the sum into the stream with the norm after it: `fused_add_rms_norm` in vLLM and SGLang, the residual RMS norm of TensorRT-LLM |
//! | `tensorrt_llm`, kernels | rotation and KV write with the attention after them: its attention operator takes queries, keys and values as they leave their matrix |
//! | any, dataflow | every operator that only moves bytes with the one before it, else with its only user: values stream through the chip (Prabhakar et al., SN40L, 2024, section 3) |

use crate::dialect::{self, Computation, NAMES};
use crate::{Malformed, bodies, foreign};
use berth_compiler::graph::Target;
use melior::ir::Module;
use melior::ir::attribute::StringAttribute;
use melior::ir::operation::{OperationLike, OperationMutLike, OperationRef};
use melior::{
    Context, GreedyRewriteDriverConfig, RewritePatternSet, RewriterBase, apply_patterns_and_fold_greedily,
};
use std::collections::BTreeMap;

/// The engine and the devices of a pass.
#[derive(Clone, PartialEq)]
struct For {
    engine: Option<String>,
    target: Target,
}

/// Marks what is fused, in every function by the pass that it stands in.
pub(crate) fn fuse(context: &Context, module: &Module) -> Result<(), Malformed> {
    let passes = bodies::of_passes(module, |function| {
        bodies::text(function, "berth.phase")?;
        let target = bodies::text(function, "berth.target");
        let target = Target::ALL.into_iter().find(|known| target.as_deref() == Some(known.name()));
        Some(For { engine: bodies::text(function, "berth.engine"), target: target.unwrap_or_default() })
    });
    let patterns = RewritePatternSet::new(context);
    for root in NAMES {
        let passes = passes.clone();
        patterns.add(foreign::pattern(context, root, move |context, operation, rewriter| {
            mark(context, operation, rewriter, &passes).unwrap_or(false)
        }));
    }
    let config = GreedyRewriteDriverConfig::new();
    // Nothing here folds, and what looks unused is for the verifier to speak of.
    config.enable_folding(false);
    apply_patterns_and_fold_greedily(module, patterns.freeze(), &config)
        .map_err(|error| Malformed(format!("fusing does not end: {error}")))
}

/// Marks one operation, once; none where it has no function or says nothing readable.
fn mark(
    context: &Context,
    operation: OperationRef,
    rewriter: &RewriterBase,
    passes: &BTreeMap<String, For>,
) -> Option<bool> {
    if operation.has_attribute("fused") {
        return Some(false);
    }
    let function = operation.parent_operation()?;
    let of = passes.get(&bodies::text(function, "sym_name")?)?;
    let computation = dialect::read(context, operation).ok()?.computation;
    let fused = match of.target {
        Target::Kernels => kernels(operation, &computation, of.engine.as_deref()),
        Target::Dataflow => dataflow(operation, &computation),
    };
    let Some(fused) = fused else { return Some(false) };
    rewriter.start_op_modification(operation);
    foreign::mutable(operation).set_attribute("fused", StringAttribute::new(context, fused).into());
    rewriter.finalize_op_modification(operation);
    Some(true)
}

fn kernels(operation: OperationRef, computation: &Computation, engine: Option<&str>) -> Option<&'static str> {
    match computation {
        Computation::Norm { .. } => (made_by(operation)?.as_str() == "berth.residual").then_some("before"),
        Computation::CacheWrite { .. } | Computation::LatentCacheWrite { .. }
            if engine == Some("tensorrt_llm") =>
        {
            let user = only_user(operation)?;
            matches!(user.as_str(), "berth.attention" | "berth.latent_attention").then_some("after")
        }
        _ => None,
    }
}

fn dataflow(operation: OperationRef, computation: &Computation) -> Option<&'static str> {
    if !computation.only_moves() {
        return None;
    }
    if made_by(operation).is_some_and(|maker| computes(&maker)) {
        return Some("before");
    }
    // A user that only moves bytes comes into the kernel of this one instead.
    only_user(operation).filter(|user| computes(user) && !ONLY_MOVE.contains(&user.as_str())).map(|_| "after")
}

/// What only moves bytes.
const ONLY_MOVE: [&str; 16] = [
    "berth.norm",
    "berth.residual",
    "berth.silu_multiply",
    "berth.activate",
    "berth.cache_write",
    "berth.latent_cache_write",
    "berth.dispatch",
    "berth.combine",
    "berth.positions",
    "berth.merge",
    "berth.head_norm",
    "berth.join",
    "berth.modulate",
    "berth.last_token",
    "berth.loss",
    "berth.first_token",
];

/// It is an operator on the chip: nothing that sends, repeats, ends, or says which rows are meant.
fn computes(name: &str) -> bool {
    !matches!(
        name,
        "berth.all_reduce"
            | "berth.all_gather"
            | "berth.reduce_scatter"
            | "berth.all_to_all"
            | "berth.send"
            | "berth.kv_exchange"
            | "berth.repeat"
            | "berth.given"
            | "berth.join"
            | "berth.take"
            | "func.return"
    )
}

/// What makes its first operand.
fn made_by(operation: OperationRef) -> Option<String> {
    let maker = foreign::producer(operation.operands().next()?)?;
    Some(foreign::identifier(maker.name()))
}

/// What alone uses its result, looking through what sends queries on.
fn only_user(operation: OperationRef) -> Option<String> {
    let users = foreign::users(operation.result(0).ok()?.into());
    let [user] = users.as_slice() else { return None };
    let name = foreign::identifier(user.name());
    let sends_on = name == "berth.kv_exchange"
        || name == "berth.all_gather" && bodies::text(*user, "axis").as_deref() == Some("context");
    if sends_on { only_user(*user) } else { Some(name) }
}

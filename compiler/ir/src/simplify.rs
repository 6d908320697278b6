//! **simplify**: inlines what is repeated once, computes once what is computed twice, drops what nobody uses.
//!
//! Contract: a decomposed module goes in. A body that is repeated once takes the place of its repeat, and is gone
//! where nothing else repeats it. Of two operations of a body that say the same of the same values the first stands
//! for both; a name is only a name where nothing is held, but two matrices of one shape are two matrices, so that
//! what holds a weight or writes a cache must have the same name too, and layers that are alike are never one. An
//! operation whose result nobody uses is gone. The pass computes what it
//! computed before: nothing here changes a result, and no operation has another effect, because what is written to
//! the cache is read through the queries that the write returns.
//!
//! MLIR's own passes do none of it: operations that IRDL declares have no traits and no interfaces, so CSE and
//! dead-code elimination take them for effects, and the inliner refuses bodies that hold them.
//!
//! Edited text is not simplified: what its author writes twice is counted twice.

use crate::dialect::{self, Computation, NAMES};
use crate::{Malformed, bodies, foreign};
use melior::ir::attribute::FlatSymbolRefAttribute;
use melior::ir::operation::{OperationLike, OperationMutLike, OperationRef};
use melior::ir::{BlockLike, BlockRef, Module, RegionLike, Value, ValueLike};
use melior::{
    Context, GreedyRewriteDriverConfig, IrRewriter, RewritePatternSet, apply_patterns_and_fold_greedily,
};
use std::collections::{BTreeMap, BTreeSet};

/// Simplifies every function.
pub(crate) fn simplify(context: &Context, module: &Module) -> Result<(), Malformed> {
    inline(context, module)?;
    let mut function = module.body().first_operation();
    while let Some(operation) = function {
        function = operation.next_in_block();
        if let Some(block) = operation.region(0).ok().and_then(|region| region.first_block()) {
            once(context, block)?;
        }
    }
    let patterns = RewritePatternSet::new(context);
    for root in NAMES {
        patterns.add(foreign::pattern(context, root, |_, operation, rewriter| {
            let unused = operation.result(0).is_ok_and(|result| foreign::users(result.into()).is_empty());
            if unused {
                rewriter.erase_op(operation);
            }
            unused
        }));
    }
    let config = GreedyRewriteDriverConfig::new();
    config.enable_folding(false);
    apply_patterns_and_fold_greedily(module, patterns.freeze(), &config)
        .map_err(|error| Malformed(format!("dropping what is unused does not end: {error}")))
}

/// Puts bodies that are repeated once in the place of their repeats.
fn inline(context: &Context, module: &Module) -> Result<(), Malformed> {
    let functions = functions(module);
    let mut inlined = BTreeSet::new();
    let mut waiting: Vec<BlockRef> = functions.values().filter_map(|function| block_of(*function)).collect();
    while let Some(block) = waiting.pop() {
        let mut step = block.first_operation();
        while let Some(repeat) = step {
            step = repeat.next_in_block();
            let Some(callee) = once_repeated(repeat) else { continue };
            let Some(body) = functions.get(&callee).copied().and_then(block_of) else { continue };
            // A body that repeats itself is for the verifier to refuse.
            if body == block || repeats(body) {
                continue;
            }
            copy(context, repeat, body)?;
            inlined.insert(callee);
        }
    }
    let used: BTreeSet<String> = functions.values().filter_map(|function| block_of(*function)).fold(
        BTreeSet::new(),
        |mut used, block| {
            let mut step = block.first_operation();
            while let Some(operation) = step {
                step = operation.next_in_block();
                used.extend(callee_of(operation));
            }
            used
        },
    );
    let rewriter = IrRewriter::new(context);
    for symbol in inlined.difference(&used) {
        if let Some(function) = functions.get(symbol) {
            rewriter.as_rewriter_base().erase_op(*function);
        }
    }
    Ok(())
}

/// Copies the operations of `body` before `repeat`, which they stand for from then on.
fn copy<'c, 'a>(
    context: &'c Context,
    repeat: OperationRef<'c, 'a>,
    body: BlockRef<'c, 'a>,
) -> Result<(), Malformed> {
    let malformed = |error: melior::Error| Malformed(error.to_string());
    let rewriter = IrRewriter::new(context);
    let rewriter = rewriter.as_rewriter_base();
    let mut values: BTreeMap<usize, Value> = BTreeMap::new();
    let argument: Value = body.argument(0).map_err(malformed)?.into();
    let given = repeat.operands().next().ok_or_else(|| Malformed("a repeat of nothing".to_owned()))?;
    values.insert(key(&argument), given);
    rewriter.set_insertion_point_before(repeat);
    let mut step = body.first_operation();
    while let Some(operation) = step {
        step = operation.next_in_block();
        let operands: Vec<Option<Value>> =
            operation.operands().map(|operand| values.get(&key(&operand)).copied()).collect();
        if foreign::identifier(operation.name()) == "func.return" {
            if let Some(Some(returned)) = operands.first() {
                rewriter.replace_op_with_values(repeat, &[*returned]);
            }
            return Ok(());
        }
        let copied = rewriter.clone_op(operation);
        for (index, operand) in operands.into_iter().enumerate() {
            if let Some(operand) = operand {
                foreign::mutable(copied).set_operand(index, operand);
            }
        }
        let (from, to): (Value, Value) =
            (operation.result(0).map_err(malformed)?.into(), copied.result(0).map_err(malformed)?.into());
        values.insert(key(&from), to);
    }
    Err(Malformed("a body returns nothing".to_owned()))
}

/// Lets the first of operations that say the same stand for all of them.
fn once(context: &Context, block: BlockRef) -> Result<(), Malformed> {
    let rewriter = IrRewriter::new(context);
    let rewriter = rewriter.as_rewriter_base();
    let mut seen: BTreeMap<(String, Vec<usize>, Vec<String>), Value> = BTreeMap::new();
    let mut step = block.first_operation();
    while let Some(operation) = step {
        step = operation.next_in_block();
        let kind = foreign::identifier(operation.name());
        let Ok(result) = operation.result(0) else { continue };
        let Ok(computation) = dialect::read(context, operation).map(|said| said.computation) else {
            continue;
        };
        if matches!(computation, Computation::Repeat { .. }) {
            continue;
        }
        let holds = computation.holds();
        let result: Value = result.into();
        let operands = operation.operands().map(|operand| key(&operand)).collect();
        let mut said: Vec<String> = (0..operation.attribute_count())
            .filter_map(|index| operation.attribute_at(index).ok())
            .map(|(name, value)| (foreign::identifier(name), value))
            .filter(|(name, _)| holds || name != "name")
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        said.push(result.r#type().to_string());
        match seen.get(&(kind.clone(), operands, said.clone())) {
            Some(first) => rewriter.replace_op_with_values(operation, &[*first]),
            None => {
                let operands = operation.operands().map(|operand| key(&operand)).collect();
                seen.insert((kind, operands, said), result);
            }
        }
    }
    Ok(())
}

fn functions<'c, 'a>(module: &'a Module<'c>) -> BTreeMap<String, OperationRef<'c, 'a>> {
    let mut functions = BTreeMap::new();
    let mut next = module.body().first_operation();
    while let Some(function) = next {
        next = function.next_in_block();
        if foreign::identifier(function.name()) == "func.func"
            && let Some(symbol) = bodies::text(function, "sym_name")
        {
            functions.insert(symbol, function);
        }
    }
    functions
}

fn block_of<'c, 'a>(function: OperationRef<'c, 'a>) -> Option<BlockRef<'c, 'a>> {
    function.region(0).ok().and_then(|region| region.first_block())
}

fn callee_of(operation: OperationRef) -> Option<String> {
    if foreign::identifier(operation.name()) != "berth.repeat" || !operation.has_attribute("callee") {
        return None;
    }
    FlatSymbolRefAttribute::try_from(operation.attribute("callee").ok()?).ok().map(foreign::symbol)
}

/// The body of a repeat that runs it once.
fn once_repeated(operation: OperationRef) -> Option<String> {
    let callee = callee_of(operation)?;
    let times = operation.attribute("times").ok()?.to_string();
    (times == "1 : i64").then_some(callee)
}

/// It holds repeats of its own.
fn repeats(block: BlockRef) -> bool {
    let mut step = block.first_operation();
    while let Some(operation) = step {
        if callee_of(operation).is_some() {
            return true;
        }
        step = operation.next_in_block();
    }
    false
}

fn key(value: &Value) -> usize {
    value.to_raw().ptr as usize
}

//! Second pass, **shard**: divides every operator over the tensor axis and joins what must be whole.
//!
//! Contract: functions whose operators all have `split = "none"` go in, in MLIR; each matrix, table and
//! head group gets its split, and a collective is inserted before each use that needs a value whole
//! where it is split or a partial sum. Degrees stay symbolic: at degree 1 the collectives send nothing.
//!
//! The rule is propagation (Shoeybi et al., Megatron-LM, 2019): a matrix that meets a whole value is
//! split by columns, so its result is split; one that meets a split value is split by rows, so its
//! result is a partial sum; attention follows its queries, experts are divided as matrices are. What is small is replicated: the router,
//! projections into a latent space. A table is split by rows, each device adding
//! what it finds (the vocabulary-parallel embedding of the same paper, which engines share).

use crate::Malformed;
use crate::dialect::{self, Computation, Split};
use crate::flow::Distribution;
use crate::foreign;
use melior::Context;
use melior::ir::attribute::StringAttribute;
use melior::ir::operation::{OperationBuilder, OperationLike, OperationMutLike, OperationRef};
use melior::ir::{BlockLike, BlockRef, Identifier, Module, RegionLike, Value, ValueLike};
use std::collections::BTreeMap;

/// Shards every function.
pub(crate) fn shard(context: &Context, module: &Module) -> Result<(), Malformed> {
    let mut next = module.body().first_operation();
    while let Some(function) = next {
        next = function.next_in_block();
        if let Some(block) = function.region(0).ok().and_then(|region| region.first_block()) {
            body(context, block)?;
        }
    }
    Ok(())
}

/// What is known of a value: what devices hold of it, and the operator it is the result of.
#[derive(Clone)]
struct Known {
    distribution: Distribution,
    producer: String,
}

/// Values enter and leave a body whole.
fn body<'c>(context: &'c Context, block: BlockRef<'c, '_>) -> Result<(), Malformed> {
    let mut values: BTreeMap<usize, Known> = BTreeMap::new();
    // The whole value that stands for a split or partial one, once it was joined.
    let mut joined: BTreeMap<usize, Value> = BTreeMap::new();
    let key = |value: &Value| value.to_raw().ptr as usize;
    let mut next = block.first_operation();
    while let Some(operation) = next {
        next = operation.next_in_block();
        let kind = foreign::identifier(operation.name());
        let known = |value: &Value| {
            values
                .get(&key(value))
                .cloned()
                .unwrap_or(Known { distribution: Distribution::Whole, producer: String::new() })
        };
        let operands: Vec<Value> = operation.operands().collect();
        let inputs: Vec<Distribution> = operands.iter().map(|operand| known(operand).distribution).collect();
        let (name, plan) = if kind == "func.return" {
            (
                String::new(),
                Plan { accepts: vec![Distribution::Whole], split: None, result: Distribution::Whole },
            )
        } else {
            let (name, computation) = dialect::read(context, operation)
                .map_err(|messages| Malformed(format!("`{operation}`: {}", messages.join("; "))))?;
            (name.unwrap_or_default(), plan(&computation, &inputs))
        };
        for (index, operand) in operands.iter().enumerate() {
            let Known { distribution, producer } = known(operand);
            if plan.accepts.contains(&distribution) {
                continue;
            }
            let whole = match joined.get(&key(operand)) {
                Some(whole) => *whole,
                None => {
                    let kind = if distribution == Distribution::Split { "all_gather" } else { "all_reduce" };
                    let whole = join(context, block, operation, *operand, kind, &producer)?;
                    joined.insert(key(operand), whole);
                    whole
                }
            };
            foreign::mutable(operation).set_operand(index, whole);
        }
        if let Some(split) = plan.split {
            foreign::mutable(operation)
                .set_attribute("split", StringAttribute::new(context, split.name()).into());
        }
        if let Ok(result) = operation.result(0) {
            values.insert(result.to_raw().ptr as usize, Known { distribution: plan.result, producer: name });
        }
    }
    Ok(())
}

/// How an operator is divided.
struct Plan {
    /// What it takes without a collective before it.
    accepts: Vec<Distribution>,
    /// Its `split`, where it has one.
    split: Option<Split>,
    /// What it gives.
    result: Distribution,
}

fn plan(computation: &Computation, inputs: &[Distribution]) -> Plan {
    use Distribution::{Partial, Split as Parts, Whole};
    // What the first operand is once it is no partial sum.
    let split = inputs.first() == Some(&Parts);
    let followed = if split { Parts } else { Whole };
    match computation {
        Computation::Lookup { .. } => {
            Plan { accepts: vec![Whole], split: Some(Split::Rows), result: Partial }
        }
        Computation::Matmul { replicated: true, .. } => {
            Plan { accepts: vec![Whole], split: Some(Split::None), result: Whole }
        }
        Computation::Matmul { .. } | Computation::GroupedMatmul { .. } if split => {
            Plan { accepts: vec![Parts], split: Some(Split::Rows), result: Partial }
        }
        Computation::Matmul { .. } | Computation::GroupedMatmul { .. } => {
            Plan { accepts: vec![Whole], split: Some(Split::Columns), result: Parts }
        }
        Computation::CacheWrite { .. }
        | Computation::Attention { .. }
        | Computation::LatentAttention { .. }
        | Computation::EncoderAttention { .. } => Plan {
            accepts: vec![followed],
            split: Some(if split { Split::Heads } else { Split::None }),
            result: followed,
        },
        Computation::SiluMultiply | Computation::Activate => {
            Plan { accepts: vec![followed], split: None, result: followed }
        }
        // Both alike add up as they are.
        Computation::Residual if inputs.iter().all(|input| Some(input) == inputs.first()) => {
            let both = inputs.first().copied().unwrap_or(Whole);
            Plan { accepts: vec![both], split: None, result: both }
        }
        // The weighted sum of partial sums is one.
        Computation::LastToken | Computation::FirstToken | Computation::Combine { .. } => {
            let same = inputs.first().copied().unwrap_or(Whole);
            Plan { accepts: vec![same], split: None, result: same }
        }
        Computation::Norm { .. }
        | Computation::Residual
        | Computation::LatentCacheWrite { .. }
        | Computation::Dispatch { .. }
        | Computation::Repeat { .. }
        | Computation::AllReduce
        | Computation::AllGather => Plan { accepts: vec![Whole], split: None, result: Whole },
    }
}

/// A collective before `user` that makes `value` whole, named for its producer and on its line.
fn join<'c, 'a>(
    context: &'c Context,
    block: BlockRef<'c, 'a>,
    user: OperationRef<'c, 'a>,
    value: Value<'c, 'a>,
    kind: &str,
    producer: &str,
) -> Result<Value<'c, 'a>, Malformed> {
    let named =
        |name: &str, text: &str| (Identifier::new(context, name), StringAttribute::new(context, text).into());
    let operation = OperationBuilder::new(&format!("berth.{kind}"), value.location())
        .add_operands(&[value])
        .add_results(&[value.r#type()])
        .add_attributes(&[named("name", &format!("{kind}_{producer}")), named("axis", "tensor")])
        .build()
        .map_err(|error| Malformed(error.to_string()))?;
    let inserted = block.insert_operation_before(user, operation);
    Ok(inserted.result(0).map_err(|error| Malformed(error.to_string()))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    /// The operators of one body after sharding, one a line: name, operands, split.
    #[track_caller]
    fn check(body: &str, expected: &str) {
        let context = text::context(true);
        let value = "tensor<?x?xbf16>";
        let mut module = format!("module {{ func.func @body(%x: {value}) -> {value} {{\n");
        for line in body.lines() {
            let line = line.trim();
            match line.strip_prefix("return ") {
                Some(result) => module += &format!("return {result} : {value}\n"),
                None => {
                    let operands =
                        if line.contains(", %") { format!("{value}, {value}") } else { value.to_owned() };
                    module += &format!("{line} : ({operands}) -> {value}\n");
                }
            }
        }
        module += "} }";
        let module = text::parse(&context, &module, "body.mlir", "ir::parse").unwrap();
        shard(&context, &module).unwrap();
        assert!(module.as_operation().verify());
        let printed = module.as_operation().to_string();
        let shown: Vec<String> = printed
            .lines()
            .filter(|line| line.contains(" = \"") || line.contains("return"))
            .map(|line| {
                let line = line.trim();
                let line = &line[..line.find(" : (tensor").or(line.find(" : tensor")).unwrap()];
                line.replace("\"berth.", "").replace("\"(", "(").replace(", weight = tensor<8x8xbf16>", "")
            })
            .collect();
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_split_value_is_gathered_once_for_all_who_need_it_whole() {
        check(
            r#"%0 = "berth.matmul"(%x) {name = "a", split = "none", weight = tensor<8x8xbf16>}
               %1 = "berth.norm"(%0) {name = "b", weight = tensor<8xbf16>}
               %2 = "berth.residual"(%1, %0) {name = "c"}
               return %2"#,
            r#"%0 = matmul(%arg0) {name = "a", split = "columns"}
               %1 = all_gather(%0) {axis = "tensor", name = "all_gather_a"}
               %2 = norm(%1) {name = "b", weight = tensor<8xbf16>}
               %3 = residual(%2, %1) {name = "c"}
               return %3"#,
        );
    }

    #[test]
    fn partial_sums_are_added_before_one_all_reduce() {
        check(
            r#"%0 = "berth.matmul"(%x) {name = "a", split = "none", weight = tensor<8x8xbf16>}
               %1 = "berth.matmul"(%0) {name = "b", split = "none", weight = tensor<8x8xbf16>}
               %2 = "berth.matmul"(%0) {name = "c", split = "none", weight = tensor<8x8xbf16>}
               %3 = "berth.residual"(%1, %2) {name = "d"}
               return %3"#,
            r#"%0 = matmul(%arg0) {name = "a", split = "columns"}
               %1 = matmul(%0) {name = "b", split = "rows"}
               %2 = matmul(%0) {name = "c", split = "rows"}
               %3 = residual(%1, %2) {name = "d"}
               %4 = all_reduce(%3) {axis = "tensor", name = "all_reduce_d"}
               return %4"#,
        );
    }

    #[test]
    fn attention_of_whole_queries_is_not_split() {
        check(
            r#"%0 = "berth.attention"(%x) {name = "a", heads = 4, kv_heads = 2, head_width = 2, cache = bf16, split = "none"}
               return %0"#,
            r#"%0 = attention(%arg0) {cache = bf16, head_width = 2 : i64, heads = 4 : i64, kv_heads = 2 : i64, name = "a", split = "none"}
               return %0"#,
        );
    }
}

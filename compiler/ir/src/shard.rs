//! **shard**: divides every operator over the parallel axes and joins what must be whole.
//!
//! Contract: functions whose operators all have `split = "none"` go in, in MLIR, the passes among them with their
//! phase; each matrix, table and head group gets its split, and a collective is inserted before each use that
//! needs a value whole where it is split or a partial sum. Degrees stay symbolic: at degree 1 the collectives
//! send nothing.
//!
//! **tensor**: the rule is propagation (Shoeybi et al., Megatron-LM, 2019): a matrix that meets a whole value is
//! split by columns, so its result is split; one that meets a split value is split by rows, so its result is a
//! partial sum; attention follows its queries, experts are divided as matrices are. What is small is replicated:
//! the router, projections into a latent space. A table is split by rows, each device adding what it finds (the
//! vocabulary-parallel embedding of the same paper, which engines share).
//!
//! **expert**: dispatch gives rows to the groups that hold their experts, all-to-all sends them there, and another
//! brings the answers back to be combined (Lepikhin et al., GShard, 2020).
//!
//! **pipeline**: the layers of a repeat are shared by the stages, and the stream is sent on after the last of them. Images
//! are seen by the first stage alone.
//!
//! **data**, **context**: rows are divided. In prefill keys and values go round before attention; in decode the
//! queries of the group are gathered before it, and what they find in each part of the cache is summed after it
//! (Bhatia et al., Helix parallelism, 2025). An encoder divides its sequences only, and so does what sees or makes images.

use crate::bodies;
use crate::dialect::{self, Computation, Said, Split};
use crate::flow::Distribution;
use crate::{Malformed, foreign};
use berth_compiler::degrees::Axis;
use berth_compiler::graph::Phase;
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, Attribute, IntegerAttribute, StringAttribute, TypeAttribute};
use melior::ir::operation::{OperationBuilder, OperationLike, OperationMutLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockLike, BlockRef, Identifier, Module, RegionLike, Type, Value, ValueLike};
use std::collections::BTreeMap;

/// Shards every function.
pub(crate) fn shard(context: &Context, module: &Module) -> Result<(), Malformed> {
    let phases = bodies::of_passes(module, phase_of);
    let mut next = module.body().first_operation();
    while let Some(function) = next {
        next = function.next_in_block();
        // An exported module says itself what it computes where.
        if foreign::identifier(function.name()) != "func.func" {
            continue;
        }
        let phase = bodies::text(function, "sym_name").and_then(|symbol| phases.get(&symbol).copied());
        if let Some(phase) = phase_of(function) {
            let text = |axis: Axis| Attribute::from(StringAttribute::new(context, axis.name()));
            let axes: &[Axis] = match phase {
                Phase::Prefill | Phase::Decode | Phase::Step => &[Axis::Data, Axis::Context],
                Phase::Encode | Phase::Vision | Phase::Denoise => &[Axis::Data],
            };
            let rows: Vec<Attribute> = axes.iter().copied().map(text).collect();
            foreign::mutable(function)
                .set_attribute("berth.rows", ArrayAttribute::new(context, &rows).into());
        }
        if let Some(block) = function.region(0).ok().and_then(|region| region.first_block()) {
            Body { context, block, phase, known: BTreeMap::new(), joined: BTreeMap::new() }.shard()?;
        }
    }
    Ok(())
}

/// The phase that a pass is of.
fn phase_of(function: OperationRef) -> Option<Phase> {
    let written = bodies::text(function, "berth.phase")?;
    Phase::ALL.into_iter().find(|phase| phase.name() == written)
}

/// What is known of a value: what devices hold of it, and the operator it is the result of.
#[derive(Clone)]
struct Known {
    distribution: Distribution,
    producer: String,
}

/// One body at work. Values enter and leave it whole.
struct Body<'c, 'a> {
    context: &'c Context,
    block: BlockRef<'c, 'a>,
    /// The phase it is of; none: no tokens are divided.
    phase: Option<Phase>,
    known: BTreeMap<usize, Known>,
    /// What stands for a value: the whole one for one that was split or partial, once it was joined; and what a
    /// collective after its producer made of it.
    joined: BTreeMap<usize, Value<'c, 'a>>,
}

impl<'c, 'a> Body<'c, 'a> {
    fn shard(mut self) -> Result<(), Malformed> {
        let last_repeat = self.last_repeat();
        let mut next = self.block.first_operation();
        while let Some(operation) = next {
            next = operation.next_in_block();
            self.step(operation, next, last_repeat)?;
        }
        Ok(())
    }

    /// The last repeat of a pass: the stream leaves the pipeline after it.
    fn last_repeat(&self) -> Option<usize> {
        let mut last = None;
        let mut next = self.block.first_operation();
        while let Some(operation) = next {
            next = operation.next_in_block();
            if foreign::identifier(operation.name()) == "berth.repeat" {
                last = Some(operation.to_raw().ptr as usize);
            }
        }
        last
    }

    fn known(&self, value: &Value) -> Known {
        let unknown = Known { distribution: Distribution::Whole, producer: String::new() };
        self.known.get(&key(value)).cloned().unwrap_or(unknown)
    }

    fn step(
        &mut self,
        operation: OperationRef<'c, 'a>,
        next: Option<OperationRef<'c, 'a>>,
        last_repeat: Option<usize>,
    ) -> Result<(), Malformed> {
        for (index, operand) in operation.operands().enumerate().collect::<Vec<_>>() {
            // What a collective after its producer made of it.
            if let Some(moved) = self.joined.get(&key(&operand)).copied()
                && self.known(&operand).distribution == self.known(&moved).distribution
            {
                foreign::mutable(operation).set_operand(index, moved);
            }
        }
        let operands: Vec<Value> = operation.operands().collect();
        let inputs: Vec<Distribution> =
            operands.iter().map(|operand| self.known(operand).distribution).collect();
        if foreign::identifier(operation.name()) == "func.return" {
            let whole = Plan { accepts: vec![Distribution::Whole], split: None, result: Distribution::Whole };
            return self.join(operation, &operands, &whole);
        }
        let Said { name, computation, .. } = dialect::read(self.context, operation).map_err(|problems| {
            let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
            Malformed(format!("`{operation}`: {}", messages.join("; ")))
        })?;
        let name = name.unwrap_or_default();
        let plan = plan(&computation, &inputs);
        self.join(operation, &operands, &plan)?;
        self.before(operation, &computation, &name)?;
        if let Some(split) = plan.split {
            self.write(operation, "split", split.name());
        }
        let after = self.over(operation, &computation, last_repeat);
        if let Ok(result) = operation.result(0) {
            let result: Value = result.into();
            self.known.insert(key(&result), Known { distribution: plan.result, producer: name.clone() });
            if let (Some((kind, axis)), Some(user)) = (after, next) {
                let named = if name.is_empty() { "stream" } else { &name };
                let moved = self.collective(user, result, kind, axis, named, &[])?;
                self.known.insert(key(&moved), Known { distribution: plan.result, producer: name });
                self.joined.insert(key(&result), moved);
            }
        }
        Ok(())
    }

    /// Collectives before each operand that is not what the plan accepts.
    fn join(
        &mut self,
        operation: OperationRef<'c, 'a>,
        operands: &[Value<'c, 'a>],
        plan: &Plan,
    ) -> Result<(), Malformed> {
        for (index, operand) in operands.iter().enumerate() {
            let Known { distribution, producer } = self.known(operand);
            if plan.accepts.contains(&distribution) {
                continue;
            }
            let whole = match self.joined.get(&key(operand)) {
                Some(whole) => *whole,
                None => {
                    let kind = if distribution == Distribution::Split { "all_gather" } else { "all_reduce" };
                    let whole = self.collective(operation, *operand, kind, Axis::Tensor, &producer, &[])?;
                    self.joined.insert(key(operand), whole);
                    whole
                }
            };
            foreign::mutable(operation).set_operand(index, whole);
        }
        Ok(())
    }

    /// What moves rows, keys and values before an operation that needs them elsewhere.
    fn before(
        &self,
        operation: OperationRef<'c, 'a>,
        computation: &Computation,
        name: &str,
    ) -> Result<(), Malformed> {
        let Some(operand) = operation.operands().next() else { return Ok(()) };
        let moved = match (computation, self.phase) {
            (Computation::Combine { .. }, _) => {
                self.collective(operation, operand, "all_to_all", Axis::Expert, name, &[])?
            }
            (
                Computation::Attention { .. } | Computation::LatentAttention { .. },
                Some(Phase::Prefill | Phase::Step),
            ) => {
                let (width, cache, by_heads, parts) = match computation {
                    Computation::Attention { heads, .. } => {
                        (heads.kv_width(), heads.cache, true, heads.parts())
                    }
                    Computation::LatentAttention { heads, .. } => {
                        (heads.latent.cached_width(), heads.latent.cache, false, None)
                    }
                    _ => return Ok(()),
                };
                let split = by_heads && self.known(&operand).distribution == Distribution::Split;
                let split = if split { Split::Heads } else { Split::None };
                let i64_type = IntegerType::new(self.context, 64).into();
                let cache = Type::parse(self.context, cache.name())
                    .ok_or_else(|| Malformed(format!("`{}` is no type", cache.name())))?;
                // Factors are at most 2^20.
                let integer = |value: u64| -> Attribute<'c> {
                    IntegerAttribute::new(i64_type, i64::try_from(value).unwrap_or(i64::MAX)).into()
                };
                let mut said = vec![
                    ("width", integer(width)),
                    ("cache", TypeAttribute::new(cache).into()),
                    ("split", StringAttribute::new(self.context, split.name()).into()),
                ];
                said.extend(parts.map(|parts| ("kv_heads", integer(parts))));
                self.collective(operation, operand, "kv_exchange", Axis::Context, name, &said)?
            }
            (Computation::Attention { .. } | Computation::LatentAttention { .. }, Some(Phase::Decode)) => {
                self.collective(operation, operand, "all_gather", Axis::Context, "queries", &[])?
            }
            _ => return Ok(()),
        };
        foreign::mutable(operation).set_operand(0, moved);
        Ok(())
    }

    /// Marks what an axis beside tensor divides; the collective that stands after it, if one does.
    fn over(
        &self,
        operation: OperationRef<'c, 'a>,
        computation: &Computation,
        last_repeat: Option<usize>,
    ) -> Option<(&'static str, Axis)> {
        match (computation, self.phase) {
            (Computation::Dispatch { .. }, _) => {
                self.write(operation, "over", Axis::Expert.name());
                Some(("all_to_all", Axis::Expert))
            }
            (Computation::GroupedMatmul { .. } | Computation::Combine { .. }, _) => {
                self.write(operation, "over", Axis::Expert.name());
                None
            }
            (
                Computation::CacheWrite { .. } | Computation::LatentCacheWrite { .. },
                Some(Phase::Prefill | Phase::Decode),
            ) => {
                self.write(operation, "over", Axis::Context.name());
                None
            }
            (Computation::Attention { .. } | Computation::LatentAttention { .. }, Some(Phase::Decode)) => {
                Some(("reduce_scatter", Axis::Context))
            }
            // The first stage sees for all.
            (Computation::Repeat { .. }, Some(Phase::Vision | Phase::Denoise)) => None,
            (Computation::Repeat { .. }, Some(_)) => {
                self.write(operation, "over", Axis::Pipeline.name());
                let last = last_repeat == Some(operation.to_raw().ptr as usize);
                last.then_some(("send", Axis::Pipeline))
            }
            _ => None,
        }
    }

    fn write(&self, operation: OperationRef<'c, 'a>, name: &str, text: &str) {
        foreign::mutable(operation).set_attribute(name, StringAttribute::new(self.context, text).into());
    }

    /// A collective of `value` before `user`, named for what it is of and on the value's line.
    fn collective(
        &self,
        user: OperationRef<'c, 'a>,
        value: Value<'c, 'a>,
        kind: &str,
        axis: Axis,
        of: &str,
        said: &[(&str, Attribute<'c>)],
    ) -> Result<Value<'c, 'a>, Malformed> {
        let text = |text: &str| Attribute::from(StringAttribute::new(self.context, text));
        let mut attributes = vec![("name", text(&format!("{kind}_{of}"))), ("axis", text(axis.name()))];
        attributes.extend_from_slice(said);
        let attributes: Vec<_> = attributes
            .into_iter()
            .map(|(name, value)| (Identifier::new(self.context, name), value))
            .collect();
        let operation = OperationBuilder::new(&format!("berth.{kind}"), value.location())
            .add_operands(&[value])
            .add_results(&[value.r#type()])
            .add_attributes(&attributes)
            .build()
            .map_err(|error| Malformed(error.to_string()))?;
        let inserted = self.block.insert_operation_before(user, operation);
        Ok(inserted.result(0).map_err(|error| Malformed(error.to_string()))?.into())
    }
}

fn key(value: &Value) -> usize {
    value.to_raw().ptr as usize
}

/// How an operator is divided over the tensor axis.
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
        | Computation::EncoderAttention { .. }
        | Computation::HeadNorm { .. } => Plan {
            accepts: vec![followed],
            split: Some(if split { Split::Heads } else { Split::None }),
            result: followed,
        },
        Computation::SiluMultiply | Computation::Activate => {
            Plan { accepts: vec![followed], split: None, result: followed }
        }
        Computation::Loss => {
            Plan { accepts: vec![followed], split: None, result: if split { Partial } else { Whole } }
        }
        // Both alike add up as they are.
        Computation::Residual if inputs.iter().all(|input| Some(input) == inputs.first()) => {
            let both = inputs.first().copied().unwrap_or(Whole);
            Plan { accepts: vec![both], split: None, result: both }
        }
        Computation::Join { .. } if inputs.iter().all(|input| *input == Parts) => {
            Plan { accepts: vec![Parts], split: None, result: Parts }
        }
        Computation::Take { .. } => Plan { accepts: vec![followed], split: None, result: followed },
        // What it stands beside is not read.
        Computation::Given { .. } => {
            Plan { accepts: vec![Parts, Partial, Whole], split: None, result: Whole }
        }
        // The answers of a token's experts are on several devices, each of which adds up its own.
        Computation::Combine { .. } => {
            let input = inputs.first().copied().unwrap_or(Whole);
            let result = if input == Whole { Partial } else { input };
            Plan { accepts: vec![input], split: None, result }
        }
        Computation::LastToken
        | Computation::FirstToken
        | Computation::AllToAll
        | Computation::Send
        | Computation::KvExchange { .. } => {
            let same = inputs.first().copied().unwrap_or(Whole);
            Plan { accepts: vec![same], split: None, result: same }
        }
        Computation::Norm { .. }
        | Computation::Positions { .. }
        | Computation::Merge { .. }
        | Computation::Join { .. }
        | Computation::Modulate { .. }
        | Computation::Residual
        | Computation::LatentCacheWrite { .. }
        | Computation::Dispatch { .. }
        | Computation::Repeat { .. }
        | Computation::AllReduce { .. }
        | Computation::AllGather { .. }
        | Computation::ReduceScatter { .. } => Plan { accepts: vec![Whole], split: None, result: Whole },
    }
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

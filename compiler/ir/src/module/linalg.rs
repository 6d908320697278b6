//! linalg on tensors, with the tensor, arith and math operations around it.
//!
//! Every structured operation, generic or named, says by its indexing maps which element of each value a run of
//! its body sees. So one rule prices them all: the body's arithmetic as often as it runs, each value read once,
//! each result written once. A body that multiplies and adds up over loops that the result does not have is a
//! matrix product or a convolution.

use super::attributes;
use super::rules::{
    Fault, Outcome, all, body_flops, computed, elementwise, of, plain_results, result_type, takes, view,
};
use super::stablehlo;
use super::tensor::{self, Value, product};
use super::walk::{Walk, Work};
use crate::foreign;
use berth_compiler::form::Form;
use berth_compiler::graph::OperatorKind;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockLike, RegionLike, ValueLike};
use std::collections::BTreeSet;

/// FLOPs of one element of an operation on floats; `None` where it is none.
pub(super) fn arithmetic(dialect: &str, short: &str) -> Option<u64> {
    match (dialect, short) {
        (
            "arith",
            "addf" | "subf" | "mulf" | "divf" | "remf" | "negf" | "maximumf" | "minimumf" | "maxnumf"
            | "minnumf",
        ) => Some(1),
        (
            "arith",
            "cmpf" | "cmpi" | "select" | "extf" | "truncf" | "sitofp" | "uitofp" | "fptosi" | "fptoui"
            | "extsi" | "extui" | "trunci" | "bitcast" | "index_cast" | "index_castui" | "addi" | "subi"
            | "muli" | "divsi" | "divui" | "ceildivsi" | "ceildivui" | "floordivsi" | "remsi" | "remui"
            | "andi" | "ori" | "xori" | "shli" | "shrsi" | "shrui" | "maxsi" | "maxui" | "minsi" | "minui",
        ) => Some(0),
        // A product and a sum.
        ("math", "fma") => Some(2),
        ("math", "ctlz" | "cttz" | "ctpop" | "absi" | "ipowi" | "isnan" | "isinf" | "isfinite") => Some(0),
        ("math", _) => Some(1),
        _ => None,
    }
}

/// The outcome of an operation; `None` where no rule prices it.
pub(super) fn apply<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    dialect: &str,
    short: &str,
    operands: &[Value],
) -> Option<Outcome> {
    if let Some(flops) = arithmetic(dialect, short) {
        return Some(elementwise(walk, operation, short, operands, flops));
    }
    Some(match (dialect, short) {
        ("arith", "constant") => stablehlo::constant(walk, operation, "value"),
        ("tensor", "dim") => dimension(operation, operands),
        ("tensor", "empty" | "splat" | "generate") => empty(walk, operation, short, operands),
        ("tensor", "cast" | "bitcast") => cast(operation, operands),
        ("tensor", "expand_shape" | "collapse_shape" | "reshape") => reshaped(operation, short, operands),
        ("tensor", "extract_slice") => slice(operation, operands),
        ("tensor", "insert_slice") => insert(walk, operation, operands),
        ("tensor", "extract" | "from_elements") => picked(operation, short, operands),
        ("tensor", "pad") => pad(walk, operation, operands),
        ("tensor", "concat") => concat(walk, operation, operands),
        ("linalg", "fill") => filled(operation, operands),
        ("linalg", "softmax") => softmax(walk, operation, operands),
        ("linalg", "index") => plain_results(operation),
        ("linalg", _) => {
            let maps = foreign::indexing_maps(operation)?;
            structured(walk, operation, short, operands, &maps)
        }
        _ => return None,
    })
}

fn dimension(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let value = computed(result_type(operation)?, None)?;
    let Some(axis) = operands[1].number().and_then(tensor::constant) else {
        return Err(Fault::new("which dimension it asks for is not known"));
    };
    let extent = operands[0].extent(usize::try_from(axis).unwrap_or(usize::MAX))?;
    Ok(vec![Value { known: Some(vec![extent]), ..value }])
}

/// The extents of a result whose open ones stand among `given`, in order.
fn opened(r#type: melior::ir::Type, given: &[Value]) -> Result<Vec<Option<Form>>, String> {
    let tensor::Sort::Tensor(extents, _) = tensor::sort(r#type)? else { return Ok(Vec::new()) };
    let mut given = given.iter();
    Ok(extents
        .into_iter()
        .map(|extent| match extent {
            Some(extent) => Some(Form::integer(extent)),
            None => given.next().and_then(|value| value.number().cloned()),
        })
        .collect())
}

/// Where a result goes; `generate` computes its elements.
fn empty<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    short: &str,
    operands: &[Value],
) -> Outcome {
    let r#type = result_type(operation)?;
    let given = if short == "splat" { operands.get(1..).unwrap_or_default() } else { operands };
    let value = computed(r#type, Some(&opened(r#type, given)?))?;
    if short != "generate" {
        return Ok(vec![Value { read: Form::default(), ..value }]);
    }
    let body = operation.region(0).map_or(0, body_flops);
    let work = Work {
        kind: OperatorKind::Elementwise,
        flops: value.elements() * Form::integer(body),
        written: value.bytes(),
    };
    let at = walk.record(operation, short, work, &[]);
    Ok(vec![of(at, value)])
}

/// The same value under a type that says more or less of its extents.
fn cast(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let value = computed(result_type(operation)?, Some(&all(&from.shape)))?;
    Ok(vec![view(Value { known: from.known.clone(), ..value }, from, from.read.clone())])
}

fn reshaped(operation: OperationRef, short: &str, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let r#type = result_type(operation)?;
    let extents = match short {
        "expand_shape" => opened(r#type, operands.get(1..).unwrap_or_default())?,
        "reshape" => match operands.get(1).and_then(|extents| extents.known.as_deref()) {
            Some(extents) => all(extents),
            None => opened(r#type, &[])?,
        },
        _ => {
            let groups = attributes::text(operation, "reassociation").unwrap_or_default();
            let mut extents = Vec::new();
            for group in groups.split('[').skip(2) {
                let axes = attributes::integers_of(group.split(']').next().unwrap_or("")).unwrap_or_default();
                let parts: Vec<Form> = axes
                    .iter()
                    .map(|axis| from.extent(usize::try_from(*axis).unwrap_or(usize::MAX)))
                    .collect::<Result<_, _>>()?;
                extents.push(Some(product(&parts)));
            }
            extents
        }
    };
    let value = computed(r#type, Some(&extents))?;
    Ok(vec![view(Value { known: from.known.clone(), ..value }, from, from.read.clone())])
}

fn slice(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let r#type = result_type(operation)?;
    // Open sizes are operands; offsets stand before them, strides after.
    let segments = attributes::integers(operation, "operandSegmentSizes")?.unwrap_or_default();
    let given = match segments.as_slice() {
        [source, offsets, sizes, _] => {
            let start = usize::try_from(source + offsets).unwrap_or(0);
            let end = start + usize::try_from(*sizes).unwrap_or(0);
            operands.get(start..end).unwrap_or_default()
        }
        _ => &[],
    };
    let value = computed(r#type, Some(&opened(r#type, given)?))?;
    let read = if from.read.is_zero() { Form::default() } else { value.bytes() };
    Ok(vec![view(value, from, read)])
}

fn insert<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let (part, whole) = (&operands[0], &operands[1]);
    let value = computed(result_type(operation)?, Some(&all(&whole.shape)))?;
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written: part.bytes() };
    let nothing = Value { read: Form::default(), ..whole.clone() };
    let at = walk.record(operation, "insert_slice", work, &[part, &nothing]);
    Ok(vec![of(at, value)])
}

/// Single elements: they say extents and indices.
fn picked(operation: OperationRef, short: &str, operands: &[Value]) -> Outcome {
    let value = computed(result_type(operation)?, None)?;
    let known = if short == "extract" {
        let at = operands.get(1).and_then(Value::number).and_then(tensor::constant);
        let known = operands.first().and_then(|from| from.known.as_deref());
        match (known, operands.len()) {
            (Some([only]), _) => Some(vec![only.clone()]),
            (Some(known), 2) => at
                .and_then(|at| usize::try_from(at).ok())
                .and_then(|at| known.get(at))
                .map(|number| vec![number.clone()]),
            _ => None,
        }
    } else {
        operands.iter().map(|operand| operand.number().cloned()).collect()
    };
    Ok(vec![Value { known, read: Form::default(), ..value }])
}

fn pad<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let (low, high) =
        (attributes::needed(operation, "static_low")?, attributes::needed(operation, "static_high")?);
    // Open paddings are operands after the value, low ones first.
    let mut given = operands.iter().skip(1);
    let mut side = |amounts: &[i64]| -> Vec<Option<Form>> {
        let amounts = amounts.iter();
        amounts
            .map(|amount| match *amount {
                i64::MIN => given.next().and_then(|value| value.number().cloned()),
                amount => Some(tensor::integer(amount)),
            })
            .collect()
    };
    let (low, high) = (side(&low), side(&high));
    let sides = from.shape.iter().zip(low).zip(high);
    let extents: Vec<Option<Form>> =
        sides.map(|((extent, low), high)| Some(extent.clone() + low? + high?)).collect();
    let value = computed(result_type(operation)?, Some(&extents))?;
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written: value.bytes() };
    let at = walk.record(operation, "pad", work, &[from]);
    Ok(vec![of(at, value)])
}

fn concat<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let along = usize::try_from(attributes::one(operation, "dim")?).unwrap_or(usize::MAX);
    stablehlo::concatenated(walk, operation, along, operands)
}

/// One number everywhere: whoever reads it has it at hand.
fn filled(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let into = &operands[1];
    let value = computed(result_type(operation)?, Some(&all(&into.shape)))?;
    Ok(vec![Value { read: Form::default(), ..value }])
}

/// Of each row the largest, and for each element a difference, a power, a sum and a quotient.
fn softmax<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let value = computed(result_type(operation)?, Some(&all(&operands[0].shape)))?;
    let work = Work {
        kind: OperatorKind::Elementwise,
        flops: value.elements() * Form::integer(5),
        written: value.bytes(),
    };
    let at = walk.record(operation, "softmax", work, &[&operands[0]]);
    Ok(vec![of(at, value)])
}

/// Which element of a value a run of the body sees.
#[derive(Debug, PartialEq, Eq)]
struct Map {
    /// By dimension of the value: the loop that it follows alone, and all loops that it follows.
    axes: Vec<(Option<usize>, BTreeSet<usize>)>,
}

impl Map {
    /// Reads `affine_map<(d0, d1, d2) -> (d0, d1 * 2 + d2)>`.
    fn read(text: &str) -> Option<Map> {
        let results = text.split_once("->")?.1.trim().trim_end_matches('>');
        let results = results.strip_prefix('(')?.strip_suffix(')')?;
        let mut axes = Vec::new();
        for result in results.split(',').map(str::trim).filter(|result| !result.is_empty()) {
            let loops: BTreeSet<usize> = result
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter_map(|word| word.strip_prefix('d')?.parse().ok())
                .collect();
            let alone = result.strip_prefix('d').and_then(|number| number.parse().ok());
            axes.push((alone, loops));
        }
        Some(Map { axes })
    }

    fn loops(&self) -> BTreeSet<usize> {
        self.axes.iter().flat_map(|(_, loops)| loops.iter().copied()).collect()
    }
}

fn structured<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    short: &str,
    operands: &[Value],
    maps: &[String],
) -> Outcome {
    let maps: Vec<Map> = maps
        .iter()
        .map(|text| Map::read(text).ok_or_else(|| Fault::new(format!("`{text}` is no map that is read"))))
        .collect::<Result<_, _>>()?;
    if maps.len() != operands.len() {
        let message = format!("it has {} indexing maps for {} values", maps.len(), operands.len());
        return Err(Fault::new(message));
    }
    let outputs = if operation.result_count() > 0 { operation.result_count() } else { 1 };
    let inputs = operands.len().saturating_sub(outputs);
    let count = maps.iter().flat_map(Map::loops).max().map_or(0, |last| last + 1);
    let mut extents: Vec<Option<Form>> = vec![None; count];
    for (operand, map) in operands.iter().zip(&maps) {
        for (axis, (alone, _)) in map.axes.iter().enumerate() {
            let (Some(number), Some(extent)) = (alone, operand.shape.get(axis)) else { continue };
            let Some(slot) = extents.get_mut(*number) else { continue };
            match slot {
                None => *slot = Some(extent.clone()),
                Some(known) if known != extent => {
                    return Err(Fault::new(format!("loop {number} runs to {known} and to {extent}")));
                }
                Some(_) => {}
            }
        }
    }
    let extents: Vec<Form> = extents
        .into_iter()
        .enumerate()
        .map(|(number, extent)| {
            extent.ok_or_else(|| Fault::new(format!("no value says how far loop {number} runs")))
        })
        .collect::<Result<_, _>>()?;
    let runs = product(&extents);
    let kept: BTreeSet<usize> = maps.iter().skip(inputs).flat_map(Map::loops).collect();
    let reduces = kept.len() < count;

    let body = operation.region(0).map_or(0, body_flops);
    let values: Vec<Value> = operation
        .results()
        .zip(operands.iter().skip(inputs))
        .map(|(result, output)| computed(result.r#type(), Some(&all(&output.shape))))
        .collect::<Result<_, _>>()?;
    let named = foreign::identifier(operation.name());
    let label =
        if named == "linalg.generic" { if reduces { "reduce" } else { "elementwise" } } else { short };
    let mut reads: Vec<&Value> = operands.iter().take(inputs).collect();
    if reduces {
        // What is added to is read, unless it was only just filled.
        reads.extend(operands.iter().skip(inputs));
    }
    let contraction = match (operands, maps.as_slice()) {
        ([left, right, ..], [one, other, ..]) if inputs >= 2 && reduces && multiplies_and_adds(operation) => {
            let (one, other) = (one.loops(), other.loops());
            let over = |wanted: &dyn Fn(usize) -> bool| {
                let chosen: Vec<Form> = extents
                    .iter()
                    .enumerate()
                    .filter(|(number, _)| wanted(*number))
                    .map(|(_, extent)| extent.clone())
                    .collect();
                product(&chosen)
            };
            let columns =
                over(&|number| kept.contains(&number) && other.contains(&number) && !one.contains(&number));
            let rows =
                over(&|number| kept.contains(&number) && (one.contains(&number) || !other.contains(&number)));
            let inner = over(&|number| !kept.contains(&number));
            Some(OperatorKind::Matmul { rows, inner, columns, precision: stablehlo::precision(left, right) })
        }
        _ => None,
    };
    let label = if contraction.is_some() && named == "linalg.generic" { "contraction" } else { label };
    // Products of integers are what their units are for: they count as those of floats do.
    let arithmetic = if contraction.is_some() { body.max(2) } else { body };
    let work = Work {
        flops: runs * Form::integer(arithmetic),
        kind: contraction.unwrap_or(OperatorKind::Elementwise),
        written: values.iter().fold(Form::default(), |sum, value| sum + value.bytes()),
    };
    let at = walk.record(operation, label, work, &reads);
    Ok(values.into_iter().map(|value| of(at, value)).collect())
}

/// Its body has a product and a sum of floats or integers.
fn multiplies_and_adds(operation: OperationRef) -> bool {
    let (mut product, mut sum) = (false, false);
    let block = operation.region(0).ok().and_then(|region| region.first_block());
    let mut next = block.and_then(|block| block.first_operation());
    while let Some(inner) = next {
        let name = foreign::identifier(inner.name());
        product |= matches!(name.as_str(), "arith.mulf" | "arith.muli" | "math.fma");
        sum |= matches!(name.as_str(), "arith.addf" | "arith.addi" | "math.fma");
        next = inner.next_in_block();
    }
    product && sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_say_which_loops_each_dimension_follows() {
        let map = Map::read("affine_map<(d0, d1, d2) -> (d0, d1 * 2 + d2, 0)>").unwrap();
        assert_eq!(map.axes[0], (Some(0), BTreeSet::from([0])));
        assert_eq!(map.axes[1], (None, BTreeSet::from([1, 2])));
        assert_eq!(map.axes[2], (None, BTreeSet::new()));
        assert_eq!(Map::read("affine_map<(d0) -> ()>").unwrap().axes, []);
        assert_eq!(Map::read("affine_map<(d0)"), None);
    }
}

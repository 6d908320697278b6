//! Calls, loops and branches: what runs how often.
//!
//! Of a loop the trips follow from its counter: where it starts, what is added to it and what it is compared
//! with. Of branches the one that costs most is taken: which of them runs is known only then.

use super::attributes;
use super::rules::{Fault, Outcome, computed};
use super::tensor::{self, Value, minus};
use super::walk::{Frame, Recorded, Stopped, Walk};
use crate::foreign;
use berth_compiler::form::Form;
use melior::ir::block::BlockArgument;
use melior::ir::operation::{OperationLike, OperationRef, OperationResult};
use melior::ir::{BlockLike, RegionLike, RegionRef, ValueLike};

/// Custom calls that exporters write and that compute nothing.
const FREE_CALLS: [&str; 7] = [
    "Sharding",
    "SPMDFullToShardShape",
    "SPMDShardToFullShape",
    "LayoutConstraint",
    "annotate_device_placement",
    "shape_assertion",
    "xla.sdy.FuncResultSharding",
];

/// The outcome of a control operation; `None` of any other.
pub(super) fn apply<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    name: &str,
    operands: &[Value],
    frame: &mut Frame,
) -> Result<Option<Outcome>, Stopped> {
    let short = name.strip_prefix("mhlo.").or_else(|| name.strip_prefix("stablehlo.")).unwrap_or(name);
    Ok(Some(match short {
        "func.call" => call(walk, operation, "callee", operands)?,
        "composite" => call(walk, operation, "decomposition", operands)?,
        "while" => while_loop(walk, operation, operands, frame, [0, 1])?,
        "scf.while" => while_loop(walk, operation, operands, frame, [0, 1])?,
        "scf.for" => counted(walk, operation, operands, frame)?,
        "if" | "case" | "scf.if" | "scf.index_switch" => branches(walk, operation, frame)?,
        "optimization_barrier" | "sdy.sharding_constraint" => Ok(operands.to_vec()),
        "custom_call" => {
            let target = super::attribute_text(operation, "call_target_name").unwrap_or_default();
            if !FREE_CALLS.contains(&target.as_str()) {
                return Ok(Some(super::rules::unpriced(
                    walk,
                    operation,
                    &format!("{name} @{target}"),
                    operands,
                )));
            }
            Ok(operands.iter().take(operation.result_count()).cloned().collect())
        }
        _ => return Ok(None),
    }))
}

fn call<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    attribute: &str,
    operands: &[Value],
) -> Result<Outcome, Stopped> {
    match super::attribute_text(operation, attribute) {
        Some(callee) => walk.call(operation, &callee, operands.to_vec()),
        None => Ok(Err(Fault::new(format!("`{attribute}` names no function")))),
    }
}

/// What an iteration starts with: a value that every iteration hands on unchanged stays what it is, of another
/// only the shape does.
fn carried(start: &Value, unchanged: bool) -> Value {
    if unchanged {
        return start.clone();
    }
    let read = if start.shape.is_empty() { start.read.clone() } else { start.bytes() };
    Value { read, weight: false, known: None, ..start.clone() }
}

/// For each value that the body's end takes, whether it is the argument at the same place, `skipped` aside.
fn unchanged(body: RegionRef, skipped: usize) -> Vec<bool> {
    let Some(block) = body.first_block() else { return Vec::new() };
    let Some(end) = last(body) else { return Vec::new() };
    end.operands()
        .enumerate()
        .map(|(index, operand)| {
            block
                .argument(index + skipped)
                .is_ok_and(|argument| argument.to_raw().ptr == operand.to_raw().ptr)
        })
        .collect()
}

fn last<'c, 'a>(region: RegionRef<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    let mut last = region.first_block()?.first_operation()?;
    while let Some(next) = last.next_in_block() {
        last = next;
    }
    Some(last)
}

/// `stablehlo.while` and `scf.while`: a region that decides and one that works.
fn while_loop<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
    frame: &mut Frame,
    [decides, works]: [usize; 2],
) -> Result<Outcome, Stopped> {
    let (Ok(condition), Ok(body)) = (operation.region(decides), operation.region(works)) else {
        return Ok(Err(Fault::new("it has a region that decides and one that works")));
    };
    let same = unchanged(body, 0);
    let arguments: Vec<Value> = operands
        .iter()
        .enumerate()
        .map(|(index, start)| carried(start, same.get(index).copied().unwrap_or(false)))
        .collect();
    // What decides costs next to nothing; it is run for what it says of the counter.
    let start = walk.operators.len();
    if let Err(fault) = walk.region(operation, condition, arguments.clone(), frame)? {
        return Ok(Err(fault));
    }
    walk.operators.truncate(start);
    let results = match walk.region(operation, body, arguments, frame)? {
        Ok(results) => results,
        Err(fault) => return Ok(Err(fault)),
    };
    let trips = match stated_trips(operation) {
        Err(fault) => return Ok(Err(fault)),
        Ok(Some(trips)) => Some(trips),
        Ok(None) => trips(condition, body, operands, frame),
    };
    let Some(trips) = trips else {
        return Ok(Err(Fault::new("how often it runs does not follow from its counter")
            .help("state it among its attributes: `berth.trips = 12 : i64`")));
    };
    walk.repeat(start, &trips);
    Ok(after(operation, operands, &results))
}

/// `berth.trips`, where the module states it.
fn stated_trips(operation: OperationRef) -> Result<Option<Form>, Fault> {
    match attributes::integers(operation, "berth.trips")?.as_deref() {
        None => Ok(None),
        Some([trips]) if (0..=1 << 40).contains(trips) => Ok(Some(tensor::integer(*trips))),
        Some(_) => Err(Fault::new("`berth.trips` is one whole number from 0 to 2^40")),
    }
}

/// Results of a loop: of the shape that they started with, from its last iteration.
fn after(operation: OperationRef, starts: &[Value], results: &[Value]) -> Outcome {
    operation
        .results()
        .enumerate()
        .map(|(index, result)| {
            let start = starts.get(index).map(|start| super::rules::all(&start.shape));
            let value = computed(result.r#type(), start.as_deref())?;
            let producers = results.get(index).map_or_else(Vec::new, |last| last.producers.clone());
            Ok(Value { producers, ..value })
        })
        .collect()
}

/// The trips of a loop that counts: the condition compares a carried value with one that does not change, and
/// the body adds to it.
fn trips(condition: RegionRef, body: RegionRef, starts: &[Value], frame: &Frame) -> Option<Form> {
    let decision = last(condition)?.operand(0).ok()?;
    let compare = OperationResult::try_from(decision).ok()?.owner();
    let (left, right) = (compare.operand(0).ok()?, compare.operand(1).ok()?);
    let number = |value: melior::ir::Value| frame.get(&(value.to_raw().ptr as usize))?.number().cloned();
    let argument = |value: melior::ir::Value| {
        let argument = BlockArgument::try_from(value).ok()?;
        let block = condition.first_block()?;
        let index = argument.argument_number();
        let same = block.argument(index).ok()?;
        (same.to_raw().ptr == argument.to_raw().ptr).then_some(index)
    };
    let counts = direction(compare)?;
    let (counter, limit, counts) = match (argument(left), number(right)) {
        (Some(counter), Some(limit)) => (counter, limit, counts),
        _ => (argument(right)?, number(left)?, counts.mirrored()),
    };
    let first = starts.get(counter)?.number()?.clone();
    // What the body hands on in the counter's place.
    let next = last(body)?.operand(counter).ok()?;
    let step = OperationResult::try_from(next).ok()?.owner();
    let (from, by) = (step.operand(0).ok()?, step.operand(1).ok()?);
    let own = body.first_block()?.argument(counter).ok()?.to_raw().ptr;
    let name = foreign::identifier(step.name());
    let by = match name.split_once('.').map_or("", |(_, short)| short) {
        "add" | "addi" if from.to_raw().ptr == own => number(by)?,
        "add" | "addi" if by.to_raw().ptr == own => number(from)?,
        "subtract" | "subi" if from.to_raw().ptr == own => minus(Form::default(), number(by)?),
        _ => return None,
    };
    steps(first, limit, by, counts)
}

/// How a counter is compared with its limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Below,
    UpTo,
    Above,
    DownTo,
    Unless,
}

impl Counts {
    fn mirrored(self) -> Self {
        match self {
            Counts::Below => Counts::Above,
            Counts::UpTo => Counts::DownTo,
            Counts::Above => Counts::Below,
            Counts::DownTo => Counts::UpTo,
            Counts::Unless => Counts::Unless,
        }
    }
}

fn direction(compare: OperationRef) -> Option<Counts> {
    if let Some(text) = attributes::text(compare, "comparison_direction") {
        let word = |wanted: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == wanted);
        return [
            ("LT", Counts::Below),
            ("LE", Counts::UpTo),
            ("GT", Counts::Above),
            ("GE", Counts::DownTo),
            ("NE", Counts::Unless),
        ]
        .into_iter()
        .find_map(|(name, counts)| word(name).then_some(counts));
    }
    match attributes::integers(compare, "predicate").ok()??.as_slice() {
        [1] => Some(Counts::Unless),
        [2 | 6] => Some(Counts::Below),
        [3 | 7] => Some(Counts::UpTo),
        [4 | 8] => Some(Counts::Above),
        [5 | 9] => Some(Counts::DownTo),
        _ => None,
    }
}

/// Iterations from `first` in steps of `by` while the comparison with `limit` holds.
fn steps(first: Form, limit: Form, by: Form, counts: Counts) -> Option<Form> {
    let by = tensor::constant(&by)?;
    let (distance, by) = match counts {
        Counts::Below => (minus(limit, first), by),
        Counts::UpTo => (minus(limit, first) + Form::integer(1), by),
        Counts::Above => (minus(first, limit), by.checked_neg()?),
        Counts::DownTo => (minus(first, limit) + Form::integer(1), by.checked_neg()?),
        Counts::Unless if by > 0 => (minus(limit, first), by),
        Counts::Unless => (minus(first, limit), by.checked_neg()?),
    };
    match (tensor::constant(&distance), by) {
        (_, ..=0) => None,
        (Some(distance), by) => {
            let distance = u64::try_from(distance).unwrap_or(0);
            Some(Form::integer(distance.div_ceil(u64::try_from(by).ok()?)))
        }
        (None, 1) => Some(distance),
        (None, _) => None,
    }
}

/// `scf.for`: from, to, step, and what is carried.
fn counted<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
    frame: &mut Frame,
) -> Result<Outcome, Stopped> {
    let ([from, to, by, starts @ ..], Ok(body)) = (operands, operation.region(0)) else {
        return Ok(Err(Fault::new("it takes where it starts, where it ends and its step")));
    };
    let same = unchanged(body, 1);
    let mut arguments = vec![Value { known: None, ..from.clone() }];
    arguments.extend(
        starts
            .iter()
            .enumerate()
            .map(|(index, start)| carried(start, same.get(index).copied().unwrap_or(false))),
    );
    let begin = walk.operators.len();
    let results = match walk.region(operation, body, arguments, frame)? {
        Ok(results) => results,
        Err(fault) => return Ok(Err(fault)),
    };
    let trips = match (stated_trips(operation), from.number(), to.number(), by.number()) {
        (Err(fault), ..) => return Ok(Err(fault)),
        (Ok(Some(trips)), ..) => Some(trips),
        (Ok(None), Some(from), Some(to), Some(by)) => {
            steps(from.clone(), to.clone(), by.clone(), Counts::Below)
        }
        _ => None,
    };
    let Some(trips) = trips else {
        return Ok(Err(Fault::new("how often it runs does not follow from its bounds")
            .help("state it among its attributes: `berth.trips = 12 : i64`")));
    };
    walk.repeat(begin, &trips);
    Ok(after(operation, starts, &results))
}

/// A branch that was run: its FLOPs and bytes, its operators and what it hands on.
struct Branch {
    weight: (f64, f64),
    operators: Vec<Recorded>,
    results: Vec<Value>,
}

/// The costliest branch, by FLOPs and then by bytes.
fn branches<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    frame: &mut Frame,
) -> Result<Outcome, Stopped> {
    let start = walk.operators.len();
    let mut kept: Option<Branch> = None;
    for region in operation.regions() {
        if region.first_block().is_none() {
            continue;
        }
        let results = match walk.region(operation, region, Vec::new(), frame)? {
            Ok(results) => results,
            Err(fault) => return Ok(Err(fault)),
        };
        let weight = walk.weigh(start);
        let operators = walk.operators.split_off(start);
        if kept.as_ref().is_none_or(|known| weight > known.weight) {
            kept = Some(Branch { weight, operators, results });
        }
    }
    let Some(Branch { operators, results: values, .. }) = kept else {
        return Ok(Err(Fault::new("it has no branch")));
    };
    walk.operators.extend(operators);
    Ok(operation
        .results()
        .enumerate()
        .map(|(index, result)| {
            let value = values.get(index);
            let shape = value.map(|value| super::rules::all(&value.shape));
            let computed = computed(result.r#type(), shape.as_deref())?;
            Ok(match value {
                Some(value) => {
                    Value { known: None, ..super::rules::view(computed, value, value.read.clone()) }
                }
                None => computed,
            })
        })
        .collect())
}

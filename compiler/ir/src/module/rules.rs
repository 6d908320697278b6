//! Which rule prices an operation, and what all rules share.

use super::attributes;
use super::tensor::{self, Element, Sort, Value, product};
use super::walk::{Frame, Stopped, Walk, Work};
use super::{control, linalg, stablehlo};
use crate::foreign;
use berth_compiler::form::Form;
use berth_compiler::graph::OperatorKind;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockLike, RegionLike, RegionRef, Type, TypeLike, ValueLike};

/// Why an operation cannot be priced.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// Results of an operation, or why there are none.
pub(super) type Outcome = Result<Vec<Value>, Fault>;

/// Operations that end a block and hand on what they take.
pub(super) fn ends_a_block(name: &str) -> bool {
    matches!(
        name,
        "func.return"
            | "stablehlo.return"
            | "mhlo.return"
            | "scf.yield"
            | "linalg.yield"
            | "tensor.yield"
            | "scf.condition"
            | "ml_program.return"
            | "ml_program.output"
    )
}

/// Prices one operation and says what its results are.
pub(super) fn apply<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    name: &str,
    operands: &[Value],
    frame: &mut Frame,
) -> Result<Outcome, Stopped> {
    if let Some(outcome) = control::apply(walk, operation, name, operands, frame)? {
        return Ok(outcome);
    }
    let (dialect, short) = name.split_once('.').unwrap_or(("", name));
    let outcome = match dialect {
        "stablehlo" | "mhlo" | "chlo" => stablehlo::apply(walk, operation, short, operands),
        "linalg" | "tensor" | "arith" | "math" | "bufferization" => {
            linalg::apply(walk, operation, dialect, short, operands)
        }
        // Assertions compute nothing that is used.
        "cf" if short == "assert" => Some(Ok(Vec::new())),
        _ => None,
    };
    Ok(match outcome {
        Some(outcome) => outcome,
        None => unpriced(walk, operation, name, operands),
    })
}

/// An operation without a rule: its bytes count, its FLOPs only where the module states them.
pub(super) fn unpriced<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    name: &str,
    operands: &[Value],
) -> Outcome {
    let stated = attributes::integers(operation, "berth.flops")?;
    let flops = match stated.as_deref() {
        None => None,
        Some([flops]) if *flops >= 0 => Some(*flops),
        Some(_) => return Err(Fault::new("`berth.flops` is one whole number, such as `12 : i64`")),
    };
    let results = plain_results(operation)?;
    let written = results.iter().fold(Form::default(), |sum, result| sum + result.bytes());
    let label = name.split_once('.').map_or(name, |(_, short)| short);
    let work = Work { kind: OperatorKind::Elementwise, flops: tensor::integer(flops.unwrap_or(0)), written };
    let at = walk.record(operation, label, work, &operands.iter().collect::<Vec<_>>());
    if flops.is_none()
        && let Some(operator) = walk.operators.get_mut(at)
    {
        operator.unpriced = Some(name.to_owned());
    }
    Ok(results.into_iter().map(|result| of(at, result)).collect())
}

/// Results of known extents.
pub(super) fn plain_results(operation: OperationRef) -> Result<Vec<Value>, Fault> {
    operation.results().map(|result| Ok(computed(result.r#type(), None)?)).collect()
}

/// A value that the operator `at` gives.
pub(super) fn of(at: usize, value: Value) -> Value {
    Value { producers: vec![at], ..value }
}

/// A computed value of a type whose extents are `expected` where that is known.
///
/// # Errors
/// They differ, or an open one does not follow.
pub(super) fn computed(r#type: Type, expected: Option<&[Option<Form>]>) -> Result<Value, String> {
    let (extents, element) = match tensor::sort(r#type)? {
        Sort::Tensor(extents, element) => (extents, element),
        Sort::Scalar(element) => (Vec::new(), element),
        Sort::Other => (Vec::new(), Element { bits: 8, float: false }),
    };
    if let Some(expected) = expected
        && expected.len() != extents.len()
    {
        return Err(format!(
            "its result `{type}` has {} dimensions, and {} follow from what it takes",
            extents.len(),
            expected.len()
        ));
    }
    let mut shape = Vec::with_capacity(extents.len());
    for (axis, extent) in extents.into_iter().enumerate() {
        let follows = expected.and_then(|expected| expected.get(axis).cloned().flatten());
        shape.push(match (extent, follows) {
            (None, None) => {
                return Err(format!(
                    "dimension {axis} of its result `{type}` is open, and nothing that it takes says how far it goes"
                ));
            }
            (None, Some(follows)) => follows,
            (Some(extent), follows) => {
                let extent = Form::integer(extent);
                if let Some(follows) = follows
                    && follows != extent
                {
                    return Err(format!(
                        "dimension {axis} of its result `{type}` is {extent}, and {follows} follows from what it takes"
                    ));
                }
                extent
            }
        });
    }
    let mut value = Value {
        shape,
        element,
        read: Form::default(),
        weight: false,
        known: None,
        producers: Vec::new(),
        poisoned: false,
    };
    // What is no tensor lives in registers, or nowhere.
    if r#type.is_ranked_tensor() {
        value.read = value.bytes();
    }
    Ok(value)
}

/// The type of the only result.
pub(super) fn result_type<'c>(operation: OperationRef<'c, '_>) -> Result<Type<'c>, Fault> {
    match operation.result(0) {
        Ok(result) if operation.result_count() == 1 => Ok(result.r#type()),
        _ => Err(Fault::new(format!("it has one result; here it has {}", operation.result_count()))),
    }
}

/// All extents known.
pub(super) fn all(extents: &[Form]) -> Vec<Option<Form>> {
    extents.iter().cloned().map(Some).collect()
}

/// So many operands.
pub(super) fn takes(operands: &[Value], count: usize) -> Result<(), Fault> {
    if operands.len() < count {
        return Err(Fault::new(format!("it takes {count} values; here it takes {}", operands.len())));
    }
    Ok(())
}

/// Operands of one shape, numbers aside; that shape.
pub(super) fn common_shape(operands: &[Value]) -> Result<Vec<Form>, Fault> {
    let mut tensors = operands.iter().filter(|operand| !operand.shape.is_empty());
    let Some(first) = tensors.next() else { return Ok(Vec::new()) };
    match tensors.find(|other| other.shape != first.shape) {
        Some(other) => Err(Fault::new(format!(
            "it takes values of one shape; here they are {} and {}",
            shape_text(&first.shape),
            shape_text(&other.shape)
        ))),
        None => Ok(first.shape.clone()),
    }
}

/// `[8, sequences, 64]`
pub(super) fn shape_text(shape: &[Form]) -> String {
    format!("[{}]", shape.iter().map(Form::to_string).collect::<Vec<_>>().join(", "))
}

/// An operation on each element: `arithmetic` FLOPs each where they are floats.
pub(super) fn elementwise<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    label: &str,
    operands: &[Value],
    arithmetic: u64,
) -> Outcome {
    let shape = common_shape(operands)?;
    let value = computed(result_type(operation)?, Some(&all(&shape)))?;
    let known = fold(label, operands);
    let float = operands.iter().any(|operand| operand.element.float);
    if known.is_some() || (value.shape.is_empty() && (!float || value.read.is_zero())) {
        // Extents and counters are computed on the way.
        return Ok(vec![Value { known, read: Form::default(), ..value }]);
    }
    let flops = if float { value.elements() * Form::integer(arithmetic) } else { Form::default() };
    let work = Work { kind: OperatorKind::Elementwise, flops, written: value.bytes() };
    let at = walk.record(operation, label, work, &operands.iter().collect::<Vec<_>>());
    Ok(vec![of(at, value)])
}

/// Integers of a result where those of all operands are known.
pub(super) fn fold(label: &str, operands: &[Value]) -> Option<Vec<Form>> {
    let known: Vec<&Vec<Form>> =
        operands.iter().map(|operand| operand.known.as_ref()).collect::<Option<_>>()?;
    let constants =
        |forms: &[&Form]| forms.iter().map(|form| tensor::constant(form)).collect::<Option<Vec<i64>>>();
    match (label, known.as_slice()) {
        (
            "convert" | "reshape" | "index_cast" | "index_castui" | "extsi" | "extui" | "trunci" | "bitcast"
            | "cast",
            [only],
        ) => Some((*only).clone()),
        ("select", [condition, yes, no]) => {
            match constants(&condition.iter().collect::<Vec<_>>())?.as_slice() {
                [0] => Some((*no).clone()),
                [_] => Some((*yes).clone()),
                _ => None,
            }
        }
        (_, [left, right]) if left.len() == right.len() => left
            .iter()
            .zip(right.iter())
            .map(|(left, right)| match label {
                "add" | "addi" => Some(left.clone() + right.clone()),
                "subtract" | "subi" => Some(tensor::minus(left.clone(), right.clone())),
                "multiply" | "muli" => Some(left.clone() * right.clone()),
                _ => {
                    let (left, right) = (tensor::constant(left)?, tensor::constant(right)?);
                    Some(tensor::integer(match label {
                        "divide" | "divsi" | "divui" => left.checked_div(right)?,
                        "remainder" | "remsi" | "remui" => left.checked_rem(right)?,
                        "ceildivsi" | "ceildivui" => {
                            left.checked_div(right)?
                                + i64::from(left.checked_rem(right)? != 0 && (left < 0) == (right < 0))
                        }
                        "floordivsi" => {
                            left.checked_div(right)?
                                - i64::from(left.checked_rem(right)? != 0 && (left < 0) != (right < 0))
                        }
                        "maximum" | "maxsi" | "maxui" => left.max(right),
                        "minimum" | "minsi" | "minui" => left.min(right),
                        _ => return None,
                    }))
                }
            })
            .collect(),
        _ => None,
    }
}

/// A value that looks at another: nothing moves until somebody reads it.
pub(super) fn view(value: Value, of: &Value, read: Form) -> Value {
    Value { read, weight: of.weight, producers: of.producers.clone(), ..value }
}

/// Arithmetic operations on floats in one run of a body, which computes one element.
pub(super) fn body_flops(region: RegionRef) -> u64 {
    let mut count = 0;
    let Some(block) = region.first_block() else { return 0 };
    let mut next = block.first_operation();
    while let Some(operation) = next {
        next = operation.next_in_block();
        let name = foreign::identifier(operation.name());
        let float = operation.operands().next().is_some_and(|operand| match tensor::sort(operand.r#type()) {
            Ok(Sort::Tensor(_, element) | Sort::Scalar(element)) => element.float,
            _ => false,
        });
        if float {
            count += arithmetic(&name).unwrap_or(0);
        }
    }
    count
}

/// FLOPs of one element of an operation on each element; `None` where it is none.
pub(super) fn arithmetic(name: &str) -> Option<u64> {
    let (dialect, short) = name.split_once('.')?;
    match dialect {
        "stablehlo" | "mhlo" | "chlo" => stablehlo::arithmetic(short),
        "arith" | "math" => linalg::arithmetic(dialect, short),
        _ => None,
    }
}

/// Bytes of so many elements like those of `value`.
pub(super) fn bytes_like(value: &Value, shape: &[Form]) -> Form {
    value.element.bytes_of(product(shape))
}

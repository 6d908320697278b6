//! StableHLO (and CHLO, and the older MHLO): what each operation computes and moves, and the extents of its result.
//!
//! Conventions, repeated by hand in `tests/ir/modules.md`:
//!
//! - A matrix product and a convolution have a multiply and an add for each product of two elements. Any other
//!   arithmetic on floats counts one each; comparing, choosing, converting and integers count none.
//! - A reduction counts its body for each element that it takes.
//! - Reshapes, broadcasts and slices are views: they move nothing, and whoever reads them reads what they look at.
//! - A convolution counts the products with padding, and not those with the zeros that dilation puts in between.

use super::attributes::{self, Convolution, axis, entry};
use super::rules::{
    Fault, Outcome, all, body_flops, bytes_like, common_shape, computed, elementwise, of, plain_results,
    result_type, shape_text, takes, view,
};
use super::tensor::{self, Value, minus, product};
use super::walk::{Walk, Work};
use berth_compiler::form::Form;
use berth_compiler::graph::OperatorKind;
use berth_language::model::Precision;
use melior::ir::ValueLike;
use melior::ir::attribute::DenseElementsAttribute;
use melior::ir::operation::{OperationLike, OperationRef};

/// FLOPs of one element of an operation on each element of floats; `None` where it is none.
pub(super) fn arithmetic(short: &str) -> Option<u64> {
    match short {
        "add"
        | "subtract"
        | "multiply"
        | "divide"
        | "maximum"
        | "minimum"
        | "negate"
        | "abs"
        | "sign"
        | "floor"
        | "ceil"
        | "round_nearest_afz"
        | "round_nearest_even"
        | "exponential"
        | "exponential_minus_one"
        | "log"
        | "log_plus_one"
        | "logistic"
        | "tanh"
        | "tan"
        | "sine"
        | "cosine"
        | "sqrt"
        | "rsqrt"
        | "cbrt"
        | "power"
        | "atan2"
        | "remainder" => Some(1),
        // CHLO's, each one function.
        "erf" | "erfc" | "erf_inv" | "square" | "asin" | "acos" | "atan" | "sinh" | "cosh" | "asinh"
        | "acosh" | "atanh" | "lgamma" | "digamma" | "polygamma" | "zeta" | "bessel_i1e" | "next_after" => {
            Some(1)
        }
        // A maximum and a minimum.
        "clamp" => Some(2),
        "compare"
        | "select"
        | "convert"
        | "and"
        | "or"
        | "xor"
        | "not"
        | "shift_left"
        | "shift_right_logical"
        | "shift_right_arithmetic"
        | "popcnt"
        | "count_leading_zeros"
        | "is_finite"
        | "is_inf"
        | "is_pos_inf"
        | "is_neg_inf"
        | "real"
        | "imag"
        | "complex"
        | "reduce_precision"
        | "uniform_quantize"
        | "uniform_dequantize"
        | "map"
        | "constant_like" => Some(0),
        _ => None,
    }
}

/// The outcome of an operation; `None` where no rule prices it.
pub(super) fn apply<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    short: &str,
    operands: &[Value],
) -> Option<Outcome> {
    if let Some(flops) = arithmetic(short) {
        return Some(elementwise(walk, operation, short, operands, flops));
    }
    Some(match short {
        "constant" => constant(walk, operation, "value"),
        "iota" | "dynamic_iota" => {
            made(operation, operands.first().and_then(|extents| extents.known.as_deref()))
        }
        "create_token" | "after_all" => plain_results(operation),
        "get_dimension_size" => dimension_size(operation, operands),
        "reshape" | "dynamic_reshape" | "bitcast_convert" => reshape(operation, operands),
        "broadcast" | "broadcast_in_dim" | "dynamic_broadcast_in_dim" => broadcast(operation, operands),
        "slice" | "dynamic_slice" | "real_dynamic_slice" => slice(operation, operands),
        "dot_general" | "dot" => dot(walk, operation, short, operands),
        "convolution" | "dynamic_conv" => convolution(walk, operation, operands),
        "transpose" => transpose(walk, operation, operands),
        "reverse" => moved(walk, operation, short, operands),
        "concatenate" => concatenate(walk, operation, operands),
        "pad" | "dynamic_pad" => pad(walk, operation, operands),
        "gather" | "dynamic_gather" => gather(walk, operation, operands),
        "scatter" => scatter(walk, operation, operands),
        "dynamic_update_slice" => update(walk, operation, operands),
        "reduce" => reduce(walk, operation, operands),
        "reduce_window" => reduce_window(walk, operation, operands),
        "sort" => sort(walk, operation, operands),
        "rng_bit_generator" | "rng" => generated(walk, operation, short, operands),
        _ => return None,
    })
}

/// A constant; one that is no single number repeated is a weight.
pub(super) fn constant<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    name: &str,
) -> Outcome {
    let value = computed(result_type(operation)?, None)?;
    let elements = tensor::constant(&value.elements()).and_then(|count| u64::try_from(count).ok());
    let attribute = if operation.has_attribute(name) { operation.attribute(name).ok() } else { None };
    let splat = attribute
        .and_then(|attribute| DenseElementsAttribute::try_from(attribute).ok())
        .is_some_and(|elements| elements.is_splat());
    let few = elements.is_some_and(|count| count <= tensor::MOST_KNOWN);
    if few || splat {
        let whole = few && !value.element.float;
        let written = if whole { attributes::integers(operation, name).ok().flatten() } else { None };
        let known = written.map(|numbers| numbers.into_iter().map(tensor::integer).collect());
        return Ok(vec![Value { known, read: Form::default(), ..value }]);
    }
    let key = operation.to_raw().ptr as usize;
    walk.constants.insert(key, (elements.unwrap_or(0), value.bytes()));
    Ok(vec![Value { weight: true, ..value }])
}

/// A value that is computed where it is read.
fn made(operation: OperationRef, extents: Option<&[Form]>) -> Outcome {
    let value = computed(result_type(operation)?, extents.map(all).as_deref())?;
    Ok(vec![Value { read: Form::default(), ..value }])
}

fn dimension_size(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let which = attributes::one(operation, "dimension")?;
    let extent = operands[0].extent(usize::try_from(which).unwrap_or(usize::MAX))?;
    let value = computed(result_type(operation)?, None)?;
    Ok(vec![Value { known: Some(vec![extent]), read: Form::default(), ..value }])
}

fn reshape(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let extents = operands.get(1).and_then(|extents| extents.known.as_deref()).map(all);
    let value = computed(result_type(operation)?, extents.as_deref())?;
    if value.element.bytes_of(value.elements()) != from.bytes() {
        return Err(Fault::new(format!(
            "{} elements do not take the shape {}",
            shape_text(&from.shape),
            shape_text(&value.shape)
        )));
    }
    let value = Value { known: from.known.clone(), ..value };
    Ok(vec![view(value, from, from.read.clone())])
}

fn broadcast(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let extents = operands.get(1).and_then(|extents| extents.known.as_deref()).map(all);
    let value = computed(result_type(operation)?, extents.as_deref())?;
    let known = match (from.number(), tensor::constant(&value.elements())) {
        (Some(number), Some(count)) if count as u64 <= tensor::MOST_KNOWN => {
            Some(vec![number.clone(); usize::try_from(count).unwrap_or(0)])
        }
        _ => None,
    };
    Ok(vec![view(Value { known, ..value }, from, from.read.clone())])
}

fn slice(operation: OperationRef, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let mut known = None;
    let extents = if let Some(sizes) = attributes::integers(operation, "slice_sizes")? {
        Some(sizes.into_iter().map(|size| Some(tensor::integer(size))).collect::<Vec<_>>())
    } else if let Some(starts) = attributes::integers(operation, "start_indices")? {
        let (limits, strides) =
            (attributes::needed(operation, "limit_indices")?, attributes::needed(operation, "strides")?);
        let mut extents = Vec::new();
        for ((start, limit), stride) in starts.iter().zip(&limits).zip(&strides) {
            let distance = limit.checked_sub(*start).filter(|distance| *distance >= 0 && *stride > 0);
            let distance = distance
                .ok_or_else(|| Fault::new(format!("it goes from {start} to {limit} in steps of {stride}")))?;
            extents
                .push(Some(tensor::integer(distance.unsigned_abs().div_ceil(stride.unsigned_abs()) as i64)));
        }
        if let (Some(numbers), [start], [limit], [stride]) =
            (&from.known, starts.as_slice(), limits.as_slice(), strides.as_slice())
        {
            let every = usize::try_from(*stride).unwrap_or(1).max(1);
            let range = usize::try_from(*start).unwrap_or(0)..usize::try_from(*limit).unwrap_or(0);
            known = numbers.get(range).map(|part| part.iter().step_by(every).cloned().collect());
        }
        Some(extents)
    } else if let [_, starts, limits, strides, ..] = operands {
        let parts = (starts.known.as_ref(), limits.known.as_ref(), strides.known.as_ref());
        let (Some(starts), Some(limits), Some(strides)) = parts else {
            return Err(Fault::new("where it starts and ends does not follow from the extents"));
        };
        let one = Form::integer(1);
        let ends = starts.iter().zip(limits).zip(strides);
        Some(ends.map(|((start, end), by)| (*by == one).then(|| minus(end.clone(), start.clone()))).collect())
    } else {
        None
    };
    let value = computed(result_type(operation)?, extents.as_deref())?;
    // Of something that takes no reading, a part takes none.
    let read = if from.read.is_zero() { Form::default() } else { value.bytes() };
    Ok(vec![view(Value { known, ..value }, from, read)])
}

/// The precision that products of two values are computed in; wider ones than 16 bit are priced as 16.
pub(super) fn precision(left: &Value, right: &Value) -> Precision {
    if left.element.bits <= 8 && right.element.bits <= 8 { Precision::Fp8 } else { Precision::Bf16 }
}

fn dot<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    short: &str,
    operands: &[Value],
) -> Outcome {
    takes(operands, 2)?;
    let (left, right) = (&operands[0], &operands[1]);
    let (batch, contracted) = if short == "dot" {
        // The last dimension of the one and the first of the other.
        ([Vec::new(), Vec::new()], [vec![left.shape.len().saturating_sub(1)], vec![0]])
    } else {
        let text = attributes::text(operation, "dot_dimension_numbers")
            .ok_or_else(|| Fault::new("it lacks `dot_dimension_numbers`"))?;
        (
            [entry(&text, "lhs_batching_dimensions")?, entry(&text, "rhs_batching_dimensions")?],
            [entry(&text, "lhs_contracting_dimensions")?, entry(&text, "rhs_contracting_dimensions")?],
        )
    };
    let extents = |value: &Value, axes: &[usize]| -> Result<Vec<Form>, String> {
        axes.iter().map(|axis| value.extent(*axis)).collect()
    };
    for (what, [lefts, rights]) in [("batches over", &batch), ("contracts", &contracted)] {
        let (one, other) = (extents(left, lefts)?, extents(right, rights)?);
        if one != other {
            return Err(Fault::new(format!("it {what} {} with {}", shape_text(&one), shape_text(&other))));
        }
    }
    let free = |value: &Value, taken: [&Vec<usize>; 2]| -> Vec<Form> {
        let extents = value.shape.iter().enumerate();
        let free = extents.filter(|(axis, _)| !taken.iter().any(|taken| taken.contains(axis)));
        free.map(|(_, extent)| extent.clone()).collect()
    };
    let (rows, columns) = (free(left, [&batch[0], &contracted[0]]), free(right, [&batch[1], &contracted[1]]));
    let (batches, inner) = (extents(left, &batch[0])?, product(&extents(left, &contracted[0])?));
    let shape: Vec<Form> = batches.iter().chain(&rows).chain(&columns).cloned().collect();
    let value = computed(result_type(operation)?, Some(&all(&shape)))?;
    // Batches are so many more rows of tiles.
    let (rows, columns) = (product(&batches) * product(&rows), product(&columns));
    let work = Work {
        flops: rows.clone() * inner.clone() * columns.clone() * Form::integer(2),
        kind: OperatorKind::Matmul { rows, inner, columns, precision: precision(left, right) },
        written: value.bytes(),
    };
    let at = walk.record(operation, short, work, &[left, right]);
    Ok(vec![of(at, value)])
}

fn convolution<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
) -> Outcome {
    takes(operands, 2)?;
    let (input, kernel) = (&operands[0], &operands[1]);
    let text = attributes::text(operation, "dimension_numbers")
        .ok_or_else(|| Fault::new("it lacks `dimension_numbers`"))?;
    let numbers = Convolution::read(&text)?;
    let groups = |name: &str| -> Result<Form, Fault> {
        Ok(tensor::integer(
            attributes::integers(operation, name)?.and_then(|list| list.first().copied()).unwrap_or(1),
        ))
    };
    let (feature_groups, batch_groups) = (groups("feature_group_count")?, groups("batch_group_count")?);
    let (batch, features) =
        (input.extent(axis(&numbers.input, "b")?)?, kernel.extent(axis(&numbers.kernel, "o")?)?);
    let per_group = kernel.extent(axis(&numbers.kernel, "i")?)?;
    let channels = input.extent(axis(&numbers.input, "f")?)?;
    if per_group.clone() * feature_groups != channels {
        return Err(Fault::new(format!(
            "its kernel takes {per_group} features of each group, and its input has {channels}"
        )));
    }
    let mut extents = vec![None; numbers.output.len()];
    if batch_groups == Form::integer(1)
        && let Some(slot) = extents.get_mut(axis(&numbers.output, "b")?)
    {
        *slot = Some(batch);
    }
    if let Some(slot) = extents.get_mut(axis(&numbers.output, "f")?) {
        *slot = Some(features.clone());
    }
    let value = computed(result_type(operation)?, Some(&extents))?;
    let spatial: Vec<Form> = numbers
        .kernel
        .iter()
        .zip(&kernel.shape)
        .filter(|(name, _)| !matches!(name.as_str(), "i" | "o"))
        .map(|(_, extent)| extent.clone())
        .collect();
    let inner = product(&spatial) * per_group;
    // Zeros between the input's elements are multiplied by nobody.
    let dilation: i64 = attributes::integers(operation, "lhs_dilation")?.unwrap_or_default().iter().product();
    let real = if dilation > 1 {
        Form::constant(num_rational::BigRational::new(1.into(), dilation.into()))
    } else {
        Form::integer(1)
    };
    let extents: Vec<Form> = numbers
        .output
        .iter()
        .zip(&value.shape)
        .filter(|(name, _)| name.as_str() != "f")
        .map(|(_, extent)| extent.clone())
        .collect();
    let work = Work {
        flops: value.elements() * inner.clone() * Form::integer(2) * real,
        kind: OperatorKind::Matmul {
            rows: product(&extents),
            inner,
            columns: features,
            precision: precision(input, kernel),
        },
        written: value.bytes(),
    };
    let at = walk.record(operation, "convolution", work, &[input, kernel]);
    Ok(vec![of(at, value)])
}

/// An operation that only moves what it takes to `value`.
fn moves<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    label: &str,
    reads: &[&Value],
    value: Value,
) -> Outcome {
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written: value.bytes() };
    let at = walk.record(operation, label, work, reads);
    Ok(vec![of(at, value)])
}

fn transpose<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
) -> Outcome {
    takes(operands, 1)?;
    let from = &operands[0];
    let order = attributes::needed(operation, "permutation")?;
    let shape: Vec<Form> = order
        .iter()
        .map(|axis| from.extent(usize::try_from(*axis).unwrap_or(usize::MAX)))
        .collect::<Result<_, _>>()?;
    let value = computed(result_type(operation)?, Some(&all(&shape)))?;
    moves(walk, operation, "transpose", &[from], value)
}

fn moved<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    label: &str,
    operands: &[Value],
) -> Outcome {
    takes(operands, 1)?;
    let value = computed(result_type(operation)?, Some(&all(&operands[0].shape)))?;
    moves(walk, operation, label, &[&operands[0]], value)
}

fn concatenate<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
) -> Outcome {
    takes(operands, 1)?;
    let along = usize::try_from(attributes::one(operation, "dimension")?).unwrap_or(usize::MAX);
    concatenated(walk, operation, along, operands)
}

/// Values side by side along a dimension.
pub(super) fn concatenated<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    along: usize,
    operands: &[Value],
) -> Outcome {
    let mut shape = operands[0].shape.clone();
    let mut sum = Form::default();
    for operand in operands {
        sum = sum + operand.extent(along)?;
        let mut others = operand.shape.clone();
        if let (Some(slot), Some(own)) = (others.get_mut(along), operands[0].shape.get(along)) {
            *slot = own.clone();
        }
        if others != operands[0].shape {
            return Err(Fault::new(format!(
                "values of {} and {} do not stand side by side",
                shape_text(&operands[0].shape),
                shape_text(&operand.shape)
            )));
        }
    }
    if let Some(slot) = shape.get_mut(along) {
        *slot = sum;
    }
    let value = computed(result_type(operation)?, Some(&all(&shape)))?;
    let known: Option<Vec<Form>> = if shape.len() == 1 {
        operands
            .iter()
            .map(|operand| operand.known.clone())
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat())
    } else {
        None
    };
    if known.is_some() {
        return Ok(vec![Value { known, read: Form::default(), ..value }]);
    }
    moves(walk, operation, "concatenate", &operands.iter().collect::<Vec<_>>(), value)
}

fn pad<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let from = &operands[0];
    let edge = |name: &str, at: usize| -> Result<Option<Vec<Form>>, Fault> {
        Ok(match attributes::integers(operation, name)? {
            Some(numbers) => Some(numbers.into_iter().map(tensor::integer).collect()),
            None => operands.get(at).and_then(|operand| operand.known.clone()),
        })
    };
    let edges = (edge("edge_padding_low", 2)?, edge("edge_padding_high", 3)?, edge("interior_padding", 4)?);
    let extents = match edges {
        (Some(low), Some(high), Some(between)) => {
            let one = Form::integer(1);
            let sides = from.shape.iter().zip(low).zip(high).zip(between);
            let extents = sides.map(|(((extent, low), high), between)| {
                let gaps =
                    if extent.is_zero() { Form::default() } else { minus(extent.clone(), one.clone()) };
                Some(extent.clone() + low + high + gaps * between)
            });
            Some(extents.collect::<Vec<_>>())
        }
        _ => None,
    };
    let value = computed(result_type(operation)?, extents.as_deref())?;
    moves(walk, operation, "pad", &[from], value)
}

fn gather<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let (from, indices) = (&operands[0], &operands[1]);
    let text = attributes::text(operation, "dimension_numbers")
        .ok_or_else(|| Fault::new("it lacks `dimension_numbers`"))?;
    let sizes: Option<Vec<Form>> = match attributes::integers(operation, "slice_sizes")? {
        Some(sizes) => Some(sizes.into_iter().map(tensor::integer).collect()),
        None => operands.get(2).and_then(|sizes| sizes.known.clone()),
    };
    let shape = sizes.map(|sizes| -> Result<Vec<Option<Form>>, String> {
        let offset = entry(&text, "offset_dims")?;
        let mut gone = entry(&text, "collapsed_slice_dims")?;
        gone.extend(entry(&text, "operand_batching_dims")?);
        let vector = entry(&text, "index_vector_dim")?.first().copied().unwrap_or(0);
        let mut offsets =
            sizes.iter().enumerate().filter(|(axis, _)| !gone.contains(axis)).map(|(_, size)| size.clone());
        let mut batches = indices
            .shape
            .iter()
            .enumerate()
            .filter(|(axis, _)| *axis != vector)
            .map(|(_, size)| size.clone());
        let batch_count = indices.shape.len().saturating_sub(usize::from(vector < indices.shape.len()));
        let rank = offset.len() + batch_count;
        Ok((0..rank)
            .map(|axis| if offset.contains(&axis) { offsets.next() } else { batches.next() })
            .collect())
    });
    let value = computed(result_type(operation)?, shape.transpose()?.as_deref())?;
    // Of the table as much is read as is taken from it.
    let taken = Value { read: bytes_like(from, &value.shape), ..from.clone() };
    let work = Work { kind: OperatorKind::Lookup, flops: Form::default(), written: value.bytes() };
    let at = walk.record(operation, "gather", work, &[&taken, indices]);
    Ok(vec![of(at, value)])
}

/// Updates in place: reads what is there where it is changed, the updates and their indices.
fn scatter<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    let count = operation.result_count();
    takes(operands, 2 * count + 1)?;
    let (inputs, indices, updates) = (&operands[..count], &operands[count], &operands[count + 1..]);
    let body = operation.region(0).map_or(0, body_flops);
    let float = updates.iter().any(|update| update.element.float);
    let elements = updates.first().map(Value::elements).unwrap_or_default();
    let written = updates.iter().fold(Form::default(), |sum, update| sum + update.bytes());
    let work = Work {
        kind: OperatorKind::Elementwise,
        flops: if float { elements * Form::integer(body) } else { Form::default() },
        written: written.clone(),
    };
    let there = Value { read: if body > 0 { written } else { Form::default() }, ..inputs[0].clone() };
    let mut reads: Vec<&Value> = updates.iter().collect();
    reads.extend([indices, &there]);
    let at = walk.record(operation, "scatter", work, &reads);
    let results = operation.results().zip(inputs);
    results.map(|(result, input)| Ok(of(at, computed(result.r#type(), Some(&all(&input.shape)))?))).collect()
}

fn update<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 2)?;
    let (whole, part) = (&operands[0], &operands[1]);
    let value = computed(result_type(operation)?, Some(&all(&whole.shape)))?;
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written: part.bytes() };
    let nothing = Value { read: Form::default(), ..whole.clone() };
    let at = walk.record(operation, "dynamic_update_slice", work, &[part, &nothing]);
    Ok(vec![of(at, value)])
}

fn reduce<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    let count = operation.result_count();
    takes(operands, 2 * count)?;
    let inputs = &operands[..count];
    let gone = attributes::needed(operation, "dimensions")?;
    let from = common_shape(inputs)?;
    for axis in &gone {
        if usize::try_from(*axis).map_or(true, |axis| axis >= from.len()) {
            return Err(Fault::new(format!("it reduces dimension {axis} of {}", from.len())));
        }
    }
    let shape: Vec<Form> = from
        .iter()
        .enumerate()
        .filter(|(axis, _)| !gone.iter().any(|gone| usize::try_from(*gone) == Ok(*axis)))
        .map(|(_, extent)| extent.clone())
        .collect();
    let body = operation.region(0).map_or(0, body_flops);
    let values: Vec<Value> = operation
        .results()
        .map(|result| computed(result.r#type(), Some(&all(&shape))))
        .collect::<Result<_, _>>()?;
    let work = Work {
        kind: OperatorKind::Elementwise,
        flops: product(&from) * Form::integer(body),
        written: values.iter().fold(Form::default(), |sum, value| sum + value.bytes()),
    };
    let at = walk.record(operation, "reduce", work, &operands.iter().collect::<Vec<_>>());
    Ok(values.into_iter().map(|value| of(at, value)).collect())
}

fn reduce_window<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    operands: &[Value],
) -> Outcome {
    let count = operation.result_count();
    takes(operands, 2 * count)?;
    let window = attributes::needed(operation, "window_dimensions")?;
    let from = common_shape(&operands[..count])?;
    // A window of one along a dimension leaves its extent.
    let plain = |name: &str, neutral: i64, axis: usize| -> Result<bool, Fault> {
        Ok(attributes::integers(operation, name)?
            .is_none_or(|numbers| numbers.get(axis).is_none_or(|number| *number == neutral)))
    };
    let padding = attributes::integers(operation, "padding")?;
    let mut extents = Vec::new();
    for (axis, extent) in from.iter().enumerate() {
        let unpadded = padding
            .as_ref()
            .is_none_or(|padding| padding.iter().skip(2 * axis).take(2).all(|number| *number == 0));
        let same = window.get(axis) == Some(&1)
            && unpadded
            && plain("window_strides", 1, axis)?
            && plain("base_dilations", 1, axis)?;
        extents.push(same.then(|| extent.clone()));
    }
    let body = operation.region(0).map_or(0, body_flops);
    let values: Vec<Value> = operation
        .results()
        .map(|result| computed(result.r#type(), Some(&extents)))
        .collect::<Result<_, _>>()?;
    let seen = window.iter().fold(Form::integer(1), |product, extent| product * tensor::integer(*extent));
    let elements = values.first().map(Value::elements).unwrap_or_default();
    let work = Work {
        kind: OperatorKind::Elementwise,
        flops: elements * seen * Form::integer(body),
        written: values.iter().fold(Form::default(), |sum, value| sum + value.bytes()),
    };
    let at = walk.record(operation, "reduce_window", work, &operands.iter().collect::<Vec<_>>());
    Ok(values.into_iter().map(|value| of(at, value)).collect())
}

/// Comparing counts no FLOPs; what is sorted is read and written once.
fn sort<'c, 'a>(walk: &mut Walk<'c, 'a>, operation: OperationRef<'c, 'a>, operands: &[Value]) -> Outcome {
    takes(operands, 1)?;
    let shape = common_shape(operands)?;
    let values: Vec<Value> = operation
        .results()
        .map(|result| computed(result.r#type(), Some(&all(&shape))))
        .collect::<Result<_, _>>()?;
    let written = values.iter().fold(Form::default(), |sum, value| sum + value.bytes());
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written };
    let at = walk.record(operation, "sort", work, &operands.iter().collect::<Vec<_>>());
    Ok(values.into_iter().map(|value| of(at, value)).collect())
}

/// Random bits: integers, written.
fn generated<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    operation: OperationRef<'c, 'a>,
    label: &str,
    operands: &[Value],
) -> Outcome {
    let extents = operands.last().and_then(|extents| extents.known.as_deref()).filter(|_| label == "rng");
    let values: Vec<Value> = operation
        .results()
        .map(|result| computed(result.r#type(), extents.map(all).as_deref()))
        .collect::<Result<_, _>>()?;
    let written = values.iter().fold(Form::default(), |sum, value| sum + value.bytes());
    let work = Work { kind: OperatorKind::Elementwise, flops: Form::default(), written };
    let at = walk.record(operation, label, work, &[]);
    Ok(values.into_iter().map(|value| of(at, value)).collect())
}

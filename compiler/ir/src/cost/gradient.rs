//! What the gradients of one operation cost on one device; see [`training`](crate::training) for the conventions.

use super::{Cost, Shape, divided, elementwise, number, of, part_of};
use crate::dialect::{Computation, Split, Weight};
use berth_compiler::degrees::Axis;
use berth_compiler::form::Form;
use berth_compiler::graph::OperatorKind;
use num_rational::BigRational;

/// One of the operators that compute the gradients of another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gradient {
    /// Of what: `input`, `weight`; empty where there is one.
    pub of: &'static str,
    pub cost: Cost,
}

/// The gradients of an operation, in the order in which they are computed.
pub(crate) fn gradients(computation: &Computation, shape: &Shape) -> Vec<Gradient> {
    let Some(forward) = of(computation, shape) else { return Vec::new() };
    let only = |cost: Cost| vec![Gradient { of: "", cost }];
    // Reads what it took and the gradient of what it gave, and writes that of what it took.
    let through = || elementwise(shape.read() * number(2) + shape.written());
    match computation {
        Computation::Repeat { .. }
        | Computation::Given { .. }
        | Computation::Take { .. }
        | Computation::Join { copied: false } => Vec::new(),
        // The rows that were read are added to, in a table of gradients.
        Computation::Lookup { .. } => {
            only(elementwise(shape.written() + forward.weight_bytes.clone() * number(2)))
        }
        Computation::Matmul { weight, split, replicated, keys, .. } => {
            let (inner, columns) = divided(weight, *split, &part_of(weight, *split, *keys));
            let mut gradients = products(&forward, weight, (inner, columns), shape);
            let summand = *split == Split::Columns && !replicated;
            if summand {
                gradients.insert(1, Gradient { of: "input_sum", cost: summed(shape) });
            }
            gradients
        }
        Computation::GroupedMatmul { weight, split, over, .. } => {
            let part = if *over { shape.groups.of_expert() } else { Axis::Tensor.degree(-1) };
            let (inner, columns) = divided(weight, *split, &part);
            products(&forward, weight, (inner, columns), shape)
        }
        Computation::Norm { .. } | Computation::HeadNorm { .. } => {
            only(Cost { weight_bytes: forward.weight_bytes.clone(), ..through() })
        }
        Computation::SiluMultiply
        | Computation::Activate
        | Computation::Modulate { .. }
        | Computation::Loss => only(through()),
        // The rows that were added are added to, in a table of gradients.
        Computation::Positions { .. } => {
            only(elementwise(shape.written() + forward.weight_bytes.clone() * number(2)))
        }
        Computation::Merge { .. } | Computation::Join { copied: true } => {
            only(elementwise(forward.activation_bytes.clone()))
        }
        Computation::Residual
        | Computation::CacheWrite { .. }
        | Computation::LatentCacheWrite { .. }
        | Computation::Combine { .. }
        | Computation::LastToken
        | Computation::FirstToken => only(elementwise(forward.activation_bytes.clone())),
        // Each of the experts that took a row gives a summand of its gradient, on each device a part of it.
        Computation::Dispatch { .. } => vec![
            Gradient { of: "", cost: elementwise(forward.activation_bytes.clone()) },
            Gradient { of: "input_sum", cost: summed(shape) },
        ],
        // Twice the products, over twice the values: queries, keys, values and answers, and the gradients of them.
        Computation::Attention { .. }
        | Computation::LatentAttention { .. }
        | Computation::EncoderAttention { .. } => {
            let twice = |form: &Form| form.clone() * number(2);
            only(Cost {
                kind: forward.kind.clone(),
                flops: twice(&forward.flops),
                ..elementwise(twice(&forward.activation_bytes) + twice(&forward.kv_bytes))
            })
        }
        // What was summed is handed back as it is.
        Computation::AllReduce { .. } => Vec::new(),
        Computation::AllGather { axis } => only(Cost {
            kind: OperatorKind::ReduceScatter { axis: *axis, message: shape.written() },
            link_bytes: forward.link_bytes,
            ..elementwise(Form::default())
        }),
        Computation::ReduceScatter { axis } => only(Cost {
            kind: OperatorKind::AllGather { axis: *axis, message: shape.read() },
            link_bytes: forward.link_bytes,
            ..elementwise(Form::default())
        }),
        Computation::AllToAll | Computation::Send => only(forward),
        // Keys and values go round again, and their gradients with them.
        Computation::KvExchange { .. } => {
            only(Cost { link_bytes: forward.link_bytes.clone() * number(2), ..forward })
        }
    }
}

/// Both products of a matrix: of what it took, and of itself.
fn products(forward: &Cost, weight: &Weight, (inner, columns): (Form, Form), shape: &Shape) -> Vec<Gradient> {
    let moved = forward.activation_bytes.clone();
    let (of_input, of_weight) = match &forward.kind {
        OperatorKind::Experts { tokens, rows, experts, per_token, precision, .. } => {
            let expert = |rows: Form, inner: Form, columns: Form| OperatorKind::Experts {
                tokens: tokens.clone(),
                rows,
                inner,
                columns,
                experts: *experts,
                per_token: *per_token,
                precision: *precision,
            };
            (expert(rows.clone(), columns.clone(), inner.clone()), expert(rows.clone(), inner, columns))
        }
        _ => {
            let precision = weight.element.precision();
            let rows = shape.rows_in.clone();
            (
                OperatorKind::Matmul {
                    rows: rows.clone(),
                    inner: columns.clone(),
                    columns: inner.clone(),
                    precision,
                },
                OperatorKind::Matmul { rows: inner, inner: rows, columns, precision },
            )
        }
    };
    vec![
        Gradient {
            of: "input",
            cost: Cost {
                kind: of_input,
                flops: forward.flops.clone(),
                weight_bytes: forward.weight_bytes.clone(),
                ..elementwise(moved.clone())
            },
        },
        Gradient {
            of: "weight",
            // Written where the weight is read.
            cost: Cost {
                kind: of_weight,
                flops: forward.flops.clone(),
                weight_bytes: forward.weight_bytes.clone(),
                ..elementwise(moved)
            },
        },
    ]
}

/// The sum over the tensor axis of the gradient of what an operation took whole.
fn summed(shape: &Shape) -> Cost {
    let message = shape.rows_in.clone() * number(shape.width_in) * number(shape.bytes_in);
    let others = number(1) + Axis::Tensor.degree(-1) * Form::constant(BigRational::from_integer((-1).into()));
    Cost {
        kind: OperatorKind::AllReduce { axis: Axis::Tensor, message: message.clone() },
        link_bytes: message * number(2) * others,
        ..elementwise(Form::default())
    }
}

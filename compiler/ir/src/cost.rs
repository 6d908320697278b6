//! What one operation costs on one device, from its own dimensions, element types and split.
//!
//! Symbols: `sequences` B, `new` S, `context` C, `tensor` t. Conventions, each a choice that the
//! derivation tests repeat by hand:
//!
//! - FLOPs count matrix products only, a multiply and an add each (Chowdhery et al., PaLM, 2022,
//!   appendix B); norms, activations, rotations and sums are limited by memory and count as bytes.
//! - Causal attention of S new tokens over C cached ones sees S*C + S^2/2 pairs, of 4*heads*width FLOPs
//!   each (a product with the keys, one with the values): 2*S*(S + 2C)*heads*width.
//! - In decode, `context` counts every token attended, the new one included.
//! - A weight is read once a pass. Attention reads the keys and values of every token it attends once.
//! - All-reduce is a ring: each device sends 2(t-1)/t of the message; all-gather (t-1)/t of the gathered
//!   value (Thakur, Rabenseifner, Gropp, 2005, section 4).

use crate::dialect::{Computation, Heads, Split, Weight};
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{OperatorKind, Phase};
use num_rational::BigRational;

/// The costs of one operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cost {
    pub kind: OperatorKind,
    pub flops: Form,
    pub weight_bytes: Form,
    pub activation_bytes: Form,
    pub kv_bytes: Form,
    pub link_bytes: Form,
    pub parameters: u64,
    pub weight_memory: Form,
    pub kv_memory: Form,
}

/// What an operation takes in and gives out, beside what it says itself.
pub(crate) struct Shape {
    /// Which pass it stands in.
    pub phase: Phase,
    /// Tokens it takes.
    pub rows_in: Form,
    /// Tokens it gives.
    pub rows_out: Form,
    /// Width it takes, over all devices.
    pub width_in: u64,
    /// Width it gives, over all devices.
    pub width_out: u64,
    /// Bytes of an element it takes.
    pub bytes_in: u64,
    /// Bytes of an element it gives.
    pub bytes_out: u64,
    /// A device holds only its part of the width it takes.
    pub split_in: bool,
    /// A device holds only its part of the width it gives.
    pub split_out: bool,
}

impl Shape {
    fn read(&self) -> Form {
        share(self.split_in, self.rows_in.clone() * number(self.width_in) * number(self.bytes_in))
    }

    fn written(&self) -> Form {
        share(self.split_out, self.rows_out.clone() * number(self.width_out) * number(self.bytes_out))
    }
}

/// The cost of one operator; `None` of a repeat, whose body costs.
pub(crate) fn of(computation: &Computation, shape: &Shape) -> Option<Cost> {
    Some(match computation {
        Computation::Repeat { .. } => return None,
        Computation::Lookup { weight, split } => lookup(weight, *split, shape),
        Computation::Matmul { weight, split, tied } => matmul(weight, *split, *tied, shape),
        Computation::Norm { weight } => Cost {
            parameters: weight.elements(),
            weight_bytes: bytes(weight),
            weight_memory: bytes(weight),
            ..elementwise(shape.read() + shape.written())
        },
        Computation::Residual => elementwise(shape.read() * number(2) + shape.written()),
        Computation::SiluMultiply | Computation::LastToken => elementwise(shape.read() + shape.written()),
        Computation::CacheWrite { heads, split } => {
            let split = *split == Split::Heads;
            Cost {
                kv_bytes: share(split, shape.rows_in.clone() * number(heads.token_bytes())),
                kv_memory: share(split, number(heads.token_bytes())),
                ..elementwise(share(
                    split,
                    shape.rows_in.clone()
                        * (number(heads.qkv_width()) * number(shape.bytes_in)
                            + number(heads.query_width()) * number(shape.bytes_out)),
                ))
            }
        }
        Computation::Attention { heads, split } => attention(heads, *split == Split::Heads, shape),
        Computation::AllReduce => {
            let message = shape.read();
            Cost {
                kind: OperatorKind::AllReduce { message: message.clone() },
                link_bytes: message * number(2) * beyond_own_part(),
                ..elementwise(Form::default())
            }
        }
        Computation::AllGather => {
            let message = shape.written();
            Cost {
                kind: OperatorKind::AllGather { message: message.clone() },
                link_bytes: message * beyond_own_part(),
                ..elementwise(Form::default())
            }
        }
    })
}

/// Rows of the table: as many as there are tokens, of which a device that holds a part of the
/// vocabulary finds its part.
fn lookup(weight: &Weight, split: Split, shape: &Shape) -> Cost {
    let split = split == Split::Rows;
    Cost {
        kind: OperatorKind::Lookup,
        weight_bytes: share(
            split,
            shape.rows_in.clone() * number(weight.columns()) * number(weight.element.bytes()),
        ),
        parameters: weight.elements(),
        weight_memory: share(split, bytes(weight)),
        ..elementwise(shape.read() + shape.written())
    }
}

/// `rows x inner` times `inner x columns`: 2*rows*inner*columns FLOPs over all devices that split it.
fn matmul(weight: &Weight, split: Split, tied: bool, shape: &Shape) -> Cost {
    let (inner, columns) = (number(weight.rows()), number(weight.columns()));
    let (inner, columns) = match split {
        Split::Columns => (inner, share(true, columns)),
        Split::Rows => (share(true, inner), columns),
        Split::None | Split::Heads => (inner, columns),
    };
    let weights = inner.clone() * columns.clone() * number(weight.element.bytes());
    let rows = shape.rows_in.clone();
    Cost {
        flops: rows.clone() * inner.clone() * columns.clone() * number(2),
        activation_bytes: rows.clone()
            * (inner.clone() * number(shape.bytes_in) + columns.clone() * number(shape.bytes_out)),
        weight_bytes: weights.clone(),
        // A tied matrix is the embedding table, which holds it.
        parameters: if tied { 0 } else { weight.elements() },
        weight_memory: if tied { Form::default() } else { weights },
        kind: OperatorKind::Matmul { rows, inner, columns, precision: weight.element.precision() },
        ..elementwise(Form::default())
    }
}

fn attention(heads: &Heads, split: bool, shape: &Shape) -> Cost {
    let sequences = Form::symbol(Symbol::Sequences, 1);
    let (new, context) = (Form::symbol(Symbol::New, 1), Form::symbol(Symbol::Context, 1));
    // Pairs of a query and a key it sees, doubled so that they are whole; and tokens attended.
    let (twice_pairs, attended) = match shape.phase {
        Phase::Prefill => (new.clone() * (new.clone() + context.clone() * number(2)), new + context),
        Phase::Decode => (context.clone() * number(2), context),
    };
    let queries = shape.rows_in.clone() * number(heads.query_width());
    Cost {
        kind: OperatorKind::Attention {
            heads: share(split, number(heads.heads)),
            kv_heads: share(split, number(heads.kv_heads)),
            head_width: heads.width,
            cache: heads.cache.precision(),
        },
        flops: share(split, sequences.clone() * twice_pairs * number(2) * number(heads.query_width())),
        kv_bytes: share(split, sequences * attended * number(heads.token_bytes())),
        ..elementwise(share(split, queries * number(shape.bytes_in + shape.bytes_out)))
    }
}

fn elementwise(activation_bytes: Form) -> Cost {
    Cost {
        kind: OperatorKind::Elementwise,
        flops: Form::default(),
        weight_bytes: Form::default(),
        activation_bytes,
        kv_bytes: Form::default(),
        link_bytes: Form::default(),
        parameters: 0,
        weight_memory: Form::default(),
        kv_memory: Form::default(),
    }
}

fn bytes(weight: &Weight) -> Form {
    number(weight.elements()) * number(weight.element.bytes())
}

fn number(value: u64) -> Form {
    Form::integer(value)
}

/// One device's part where the tensor axis divides it.
fn share(split: bool, whole: Form) -> Form {
    if split { whole * Form::symbol(Symbol::Tensor, -1) } else { whole }
}

/// (t - 1) / t
fn beyond_own_part() -> Form {
    number(1) + Form::constant(BigRational::from_integer((-1).into())) * Form::symbol(Symbol::Tensor, -1)
}

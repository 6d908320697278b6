//! What one operation costs on one device, from its own dimensions, element types and split.
//!
//! Symbols: `sequences` B, `new` S, `context` C, and degrees: `tensor` t, `pipeline` p, `expert` e, `data` d,
//! `context_degree` c. B counts the sequences of one data-parallel group. A stage has D = d c groups of t devices,
//! and each has B S/c rows. Conventions, each a choice that the
//! derivation tests repeat by hand:
//!
//! - FLOPs count matrix products only, a multiply and an add each (Chowdhery et al., PaLM, 2022,
//!   appendix B); norms, activations, rotations and sums are limited by memory and count as bytes.
//! - Causal attention of S new tokens over C cached ones sees S*C + S^2/2 pairs, of 4*heads*width FLOPs
//!   each (a product with the keys, one with the values): 2*S*(S + 2C)*heads*width.
//! - In decode, `context` counts every token attended, the new one included. A pass that also reads tokens that were
//!   guessed has a row for each of them, and each attends as many; the cache is read once for all.
//! - A weight is read once a pass. Attention reads the keys and values of every token it attends once.
//! - Quantised weights are read with their scales; zero points, 4 bits for each scale where a format has them, are
//!   not counted. The scales of a cache are one a layer, and nothing.
//! - Of experts the weights that are read are those of all of them: which ones read a token is not known
//!   here. A pass over few tokens reads fewer; who prices it knows how many, from the operator's kind.
//! - A window of w tokens bounds what a query sees. The first n tokens of a sequence see P(n) = m n - m^2/2 pairs, m the
//!   lesser of n and w: in prefill P(S + C) - P(C) pairs, and S tokens with the lesser of C and w are attended; in decode the
//!   lesser of C and w.
//! - Latent attention in prefill multiplies keys and values that the expansion has made of the new tokens
//!   (DeepSeek-V2, 2024, section 2.1); in decode it multiplies latent vectors, which all heads share, with
//!   queries that the expansion has been applied to. The expansion costs the same either way: a matrix
//!   product a new token. No tensor degree divides the latent vectors.
//! - Devices that share matrices divide key and value heads, and hold one each where there are more devices than
//!   heads, several the same (as engines do; Pope et al., 2022, section 3.3): of keys and values, and of the columns
//!   that make them, a device has one part of min(t, heads). What training does to keep the copies alike is not counted.
//! - An encoder's S tokens see S^2 pairs; those that see a window of w, S*w. Those of an image that is made and of its
//!   text see one another, (S + C)^2 pairs.
//! - Rows that only stand beside one another are not moved; those that attention takes together are copied.
//! - Devices that share the tokens of a sequence divide its pairs evenly. In prefill each computes its own queries
//!   against all keys and values, which go round (Liu, Zaharia, Abbeel, Ring attention, 2023): it reads them all
//!   and sends (c-1)/c of them. In decode each computes all queries of the group against its part of the cache.
//! - Experts divide the t D devices of a stage into e groups, so that each matrix of a group's E/e experts is split
//!   over t D/e devices. With k experts a token and choices spread evenly B S k d/e rows reach each group. Rows
//!   whose tokens are held by its own group of t devices are there already; of the others, a part of 1 - 1/D,
//!   every device receives its rows, so it sends as many on average, and as many come back: a row for each choice,
//!   though two experts of one token may be neighbours.
//! - Stages of a pipeline hand the stream on p-1 times a pass.
//! - All-reduce is a ring: each device sends 2(t-1)/t of the message; all-gather (t-1)/t of the gathered
//!   value (Thakur, Rabenseifner, Gropp, 2005, section 4).

mod gradient;

pub(crate) use gradient::{Gradient, gradients};

use crate::dialect::{Computation, Element, EncoderHeads, Heads, Keys, Latent, LatentHeads, Split, Weight};
use berth_compiler::degrees::Axis;
use berth_compiler::form::{AtMost, Form, Symbol};
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
    /// Those of them that do not read a given token.
    pub idle_parameters: u64,
    pub weight_memory: Form,
    pub kv_memory: Form,
}

/// What an operation takes in and gives out, beside what it says itself.
pub(crate) struct Shape {
    /// Which pass it stands in.
    pub phase: Phase,
    /// Tokens of each sequence that a pass of decode reads beside the last one, guessed before.
    pub drafts: u64,
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
    /// Width of a second value it takes, over all devices; 0 where there is none.
    pub width_beside: u64,
    /// The part of the width it takes that one device has.
    pub part_in: Form,
    /// The part of the width it gives that one device has.
    pub part_out: Form,
    /// Where the rows of this pass are.
    pub groups: Groups,
}

/// The groups of devices that the rows of a pass are divided among, each of as many devices as the tensor degree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// There are others, with sequences of their own.
    pub data: bool,
    /// Each has its part of the tokens of every sequence.
    pub context: bool,
}

impl Groups {
    /// The part of its sequences' rows that one has.
    pub(crate) fn part(self) -> Form {
        if self.context { Axis::Context.degree(-1) } else { number(1) }
    }

    /// Sequences' rows over one's part of them.
    pub(crate) fn over_part(self) -> Form {
        if self.context { Axis::Context.degree(1) } else { number(1) }
    }

    /// How many there are, to a power.
    pub(crate) fn count(self, exponent: i8) -> Form {
        let degree = |axis: Axis, divided| if divided { axis.degree(exponent) } else { number(1) };
        degree(Axis::Data, self.data) * degree(Axis::Context, self.context)
    }

    /// The part of an expert's matrices that one device has.
    pub(crate) fn of_expert(self) -> Form {
        Axis::Expert.degree(1) * Axis::Tensor.degree(-1) * self.count(-1)
    }
}

impl Shape {
    fn read(&self) -> Form {
        self.part_in.clone() * self.rows_in.clone() * number(self.width_in) * number(self.bytes_in)
    }

    fn written(&self) -> Form {
        self.part_out.clone() * self.rows_out.clone() * number(self.width_out) * number(self.bytes_out)
    }
}

/// The cost of one operator; `None` of a repeat, whose body costs, and of what only says which rows are meant.
pub(crate) fn of(computation: &Computation, shape: &Shape) -> Option<Cost> {
    let cost = of_pass(computation, shape)?;
    if shape.phase != Phase::Step {
        return Some(cost);
    }
    // A step caches nothing: keys and values are activations like any others.
    Some(Cost {
        activation_bytes: cost.activation_bytes + cost.kv_bytes,
        kv_bytes: Form::default(),
        kv_memory: Form::default(),
        ..cost
    })
}

fn of_pass(computation: &Computation, shape: &Shape) -> Option<Cost> {
    Some(match computation {
        Computation::Repeat { .. }
        | Computation::Given { .. }
        | Computation::Take { .. }
        | Computation::Join { copied: false } => return None,
        Computation::Lookup { weight, split, tied } => lookup(weight, *split, *tied, shape),
        Computation::Matmul { weight, split, tied, bias, replicated: _, keys } => {
            matmul(weight, *split, *tied, *bias, *keys, shape)
        }
        Computation::Norm { weight, bias } => {
            let vectors = 1 + u64::from(*bias);
            Cost {
                parameters: vectors * weight.elements(),
                weight_bytes: number(vectors) * bytes(weight),
                weight_memory: number(vectors) * bytes(weight),
                ..elementwise(shape.read() + shape.written())
            }
        }
        Computation::Residual => elementwise(shape.read() * number(2) + shape.written()),
        Computation::SiluMultiply
        | Computation::Activate
        | Computation::LastToken
        | Computation::FirstToken
        | Computation::Merge { .. }
        | Computation::Loss
        | Computation::Dispatch { .. }
        | Computation::Combine { .. } => elementwise(shape.read() + shape.written()),
        Computation::CacheWrite { heads, split, head_norm, over } => {
            let split = *split == Split::Heads;
            // One vector for the queries' heads and one for the keys'.
            let norms = if *head_norm { 2 * heads.width } else { 0 };
            let norm_bytes = number(norms) * number(Element::BF16.bytes());
            let queries = number(heads.query_width()) * number(shape.bytes_in + shape.bytes_out);
            let keys = number(heads.kv_width()) * number(shape.bytes_in);
            let moved = share(split, queries) + shared(split, heads.parts(), keys);
            let cached = shared(split, heads.parts(), number(heads.token_bytes()));
            Cost {
                kv_bytes: shape.rows_in.clone() * cached.clone(),
                kv_memory: cached * kept(*over, shape),
                parameters: norms,
                weight_bytes: norm_bytes.clone(),
                weight_memory: norm_bytes,
                ..elementwise(shape.rows_in.clone() * moved)
            }
        }
        Computation::Attention { heads, split, window, sinks } => {
            attention(heads, *split == Split::Heads, *window, *sinks, shape)
        }
        Computation::LatentCacheWrite { latent, over } => latent_cache_write(latent, *over, shape),
        Computation::LatentAttention { heads, split } => {
            latent_attention(heads, *split == Split::Heads, shape)
        }
        Computation::EncoderAttention { heads, split, window } => {
            encoder_attention(heads, *split == Split::Heads, *window, shape)
        }
        // A row of the table for each.
        Computation::Positions { weight } => Cost {
            weight_bytes: shape.rows_in.clone() * number(weight.columns()) * of_element(weight.element),
            parameters: weight.elements(),
            weight_memory: bytes(weight),
            ..elementwise(shape.read() + shape.written())
        },
        Computation::HeadNorm { heads, split } => {
            let normalised = heads.query_width() + heads.kv_width() / 2;
            let moved = shape.rows_in.clone() * number(normalised) * number(shape.bytes_in + shape.bytes_out);
            let norms = 2 * heads.width;
            let norm_bytes = number(norms) * number(Element::BF16.bytes());
            Cost {
                parameters: norms,
                weight_bytes: norm_bytes.clone(),
                weight_memory: norm_bytes,
                ..elementwise(share(*split == Split::Heads, moved))
            }
        }
        // What is given out is both that are taken.
        Computation::Join { copied: true } => elementwise(shape.written() * number(2)),
        // A scale for each image; beside it a shift.
        Computation::Modulate { vector: _, norm } => {
            let images = Form::symbol(Symbol::Sequences, 1);
            let vectors = images * number(if *norm { 2 } else { 1 } * shape.width_in * shape.bytes_in);
            elementwise(shape.read() + shape.written() + vectors)
        }
        Computation::GroupedMatmul { weight, per_token, split, bias, over } => {
            grouped_matmul(weight, *per_token, *split, *bias, *over, shape)
        }
        Computation::AllReduce { axis } => {
            let message = shape.read();
            Cost {
                kind: OperatorKind::AllReduce { axis: *axis, message: message.clone() },
                link_bytes: message * number(2) * beyond(&axis.degree(-1)),
                ..elementwise(Form::default())
            }
        }
        Computation::AllGather { axis } => {
            let message = shape.written();
            Cost {
                kind: OperatorKind::AllGather { axis: *axis, message: message.clone() },
                link_bytes: message * beyond(&axis.degree(-1)),
                ..elementwise(Form::default())
            }
        }
        Computation::ReduceScatter { axis } => {
            let message = shape.read();
            Cost {
                kind: OperatorKind::ReduceScatter { axis: *axis, message: message.clone() },
                link_bytes: message * beyond(&axis.degree(-1)),
                ..elementwise(Form::default())
            }
        }
        Computation::AllToAll => Cost {
            kind: OperatorKind::AllToAll,
            link_bytes: shape.read() * beyond(&shape.groups.count(-1)),
            ..elementwise(Form::default())
        },
        Computation::Send => Cost {
            kind: OperatorKind::Send,
            link_bytes: shape.read() * (Axis::Pipeline.degree(1) + minus(number(1))),
            ..elementwise(Form::default())
        },
        Computation::KvExchange { width, cache, split, kv_heads } => {
            let sequences = Form::symbol(Symbol::Sequences, 1);
            let (new, context) = (Form::symbol(Symbol::New, 1), Form::symbol(Symbol::Context, 1));
            let tokens = match shape.phase {
                Phase::Prefill => new + context,
                Phase::Encode | Phase::Vision | Phase::Denoise | Phase::Step => new,
                Phase::Decode => context,
            };
            let bytes = sequences * tokens * number(*width) * number(cache.bytes());
            Cost {
                kind: OperatorKind::KvExchange,
                link_bytes: shared(*split == Split::Heads, *kv_heads, bytes)
                    * beyond(&Axis::Context.degree(-1)),
                ..elementwise(Form::default())
            }
        }
    })
}

/// Rows of the table: as many as there are tokens, of which a device that holds a part of the
/// vocabulary finds its part.
fn lookup(weight: &Weight, split: Split, tied: bool, shape: &Shape) -> Cost {
    let split = split == Split::Rows;
    Cost {
        kind: OperatorKind::Lookup,
        weight_bytes: share(
            split,
            shape.rows_in.clone() * number(weight.columns()) * of_element(weight.element),
        ),
        // A tied table is another's.
        parameters: if tied { 0 } else { weight.elements() },
        weight_memory: if tied { Form::default() } else { share(split, bytes(weight)) },
        ..elementwise(shape.read() + shape.written())
    }
}

/// `rows x inner` times `inner x columns`: 2*rows*inner*columns FLOPs over all devices that split it.
fn matmul(weight: &Weight, split: Split, tied: bool, bias: bool, keys: Option<Keys>, shape: &Shape) -> Cost {
    let part = part_of(weight, split, keys);
    let (inner, columns) = divided(weight, split, &part);
    let weights = stored(weight, split, &part);
    let rows = shape.rows_in.clone();
    let added = if bias { weight.columns() } else { 0 };
    let held = if tied { Form::default() } else { weights.clone() } + biases(added, split, &part);
    Cost {
        flops: rows.clone() * inner.clone() * columns.clone() * number(2),
        activation_bytes: rows.clone()
            * (inner.clone() * number(shape.bytes_in) + columns.clone() * number(shape.bytes_out)),
        weight_bytes: weights + biases(added, split, &part),
        // A tied matrix is the embedding table, which holds it.
        parameters: if tied { 0 } else { weight.elements() } + added,
        weight_memory: held,
        kind: OperatorKind::Matmul { rows, inner, columns, precision: weight.element.precision() },
        ..elementwise(Form::default())
    }
}

/// The same with a matrix for each expert; rows come once for each expert that reads them.
fn grouped_matmul(
    weight: &Weight,
    per_token: u64,
    split: Split,
    bias: bool,
    over: bool,
    shape: &Shape,
) -> Cost {
    let part = if over { shape.groups.of_expert() } else { Axis::Tensor.degree(-1) };
    let (inner, columns) = divided(weight, split, &part);
    let experts = weight.experts();
    let added = if bias { weight.columns() } else { 0 };
    let held = if over { number(experts) * Axis::Expert.degree(-1) } else { number(experts) };
    let weights = held * (stored(weight, split, &part) + biases(added, split, &part));
    let each = Form::constant(BigRational::new(1.into(), per_token.into()));
    let tokens = shape.rows_in.clone() * each * if over { Axis::Expert.degree(1) } else { number(1) };
    let rows = shape.rows_in.clone();
    Cost {
        flops: rows.clone() * inner.clone() * columns.clone() * number(2),
        activation_bytes: rows.clone()
            * (inner.clone() * number(shape.bytes_in) + columns.clone() * number(shape.bytes_out)),
        weight_bytes: weights.clone(),
        parameters: experts * (weight.rows() * weight.columns() + added),
        idle_parameters: (experts - per_token) * (weight.rows() * weight.columns() + added),
        weight_memory: weights,
        kind: OperatorKind::Experts {
            tokens,
            rows,
            inner,
            columns,
            experts,
            per_token,
            precision: weight.element.precision(),
        },
        ..elementwise(Form::default())
    }
}

/// The part of a matrix that one device of those that share it has.
pub(crate) fn part_of(weight: &Weight, split: Split, keys: Option<Keys>) -> Form {
    match keys {
        Some(Keys { columns, heads }) if split == Split::Columns => {
            let all = weight.columns();
            let of = |columns: u64| Form::constant(BigRational::new(columns.into(), all.into()));
            of(all - columns) * Axis::Tensor.degree(-1) + of(columns) * Form::tensor_at_most(heads, -1)
        }
        _ => Axis::Tensor.degree(-1),
    }
}

/// What one device holds of a matrix's two widths.
fn divided(weight: &Weight, split: Split, part: &Form) -> (Form, Form) {
    let (inner, columns) = (number(weight.rows()), number(weight.columns()));
    match split {
        Split::Columns => (inner, columns * part.clone()),
        Split::Rows => (inner * part.clone(), columns),
        Split::None | Split::Heads => (inner, columns),
    }
}

/// Bytes of a vector of `added` numbers: as its matrix where that is split by columns, else whole.
fn biases(added: u64, split: Split, part: &Form) -> Form {
    let whole = number(added) * number(Element::BF16.bytes());
    if split == Split::Columns { whole * part.clone() } else { whole }
}

fn attention(heads: &Heads, split: bool, window: Option<u64>, sinks: bool, shape: &Shape) -> Cost {
    let (sequences, own) = (Form::symbol(Symbol::Sequences, 1), shape.groups.part());
    let (new, context) = (Form::symbol(Symbol::New, 1), Form::symbol(Symbol::Context, 1));
    let read = read_part(shape);
    // Pairs of a query and a key it sees, doubled so that they are whole; and tokens attended.
    let (twice_pairs, attended) = match (shape.phase, window) {
        (Phase::Prefill | Phase::Encode | Phase::Vision | Phase::Denoise, None) => causal(new, context),
        (Phase::Step, None) => causal(new, Form::default()),
        (Phase::Prefill | Phase::Encode | Phase::Vision | Phase::Denoise, Some(window)) => {
            let seen = Form::at_most(AtMost::Context(window), 1);
            let before = windowed(&seen, context.clone());
            let after = windowed(&Form::at_most(AtMost::Attended(window), 1), new.clone() + context);
            (after + minus(before), new + seen)
        }
        (Phase::Step, Some(window)) => {
            (windowed(&Form::at_most(AtMost::Attended(window), 1), new.clone()), new)
        }
        (Phase::Decode, None) => (context.clone() * number(2 * (1 + shape.drafts)), context),
        (Phase::Decode, Some(window)) => {
            let seen = Form::at_most(AtMost::Context(window), 1);
            (seen.clone() * number(2 * (1 + shape.drafts)), seen)
        }
    };
    let queries = shape.rows_in.clone() * number(heads.query_width());
    let sinks = if sinks { heads.heads } else { 0 };
    let sink_bytes = share(split, number(sinks) * number(Element::BF16.bytes()));
    Cost {
        kind: OperatorKind::Attention {
            heads: share(split, number(heads.heads)),
            kv_heads: shared(split, heads.parts(), number(heads.kv_heads)),
            head_width: heads.width,
            cache: heads.cache.cached(),
            window,
        },
        flops: share(split, sequences.clone() * own * twice_pairs * number(2) * number(heads.query_width())),
        kv_bytes: shared(split, heads.parts(), sequences * read * attended * number(heads.token_bytes())),
        parameters: sinks,
        weight_bytes: sink_bytes.clone(),
        weight_memory: sink_bytes,
        ..elementwise(share(split, queries * number(shape.bytes_in + shape.bytes_out)))
    }
}

/// Twice the pairs that the first `tokens` of a sequence see, each of them at most `most`.
fn windowed(most: &Form, tokens: Form) -> Form {
    most.clone() * tokens * number(2) + minus(most.clone() * most.clone())
}

/// Twice the pairs that S new tokens see over C cached ones, and the tokens attended.
fn causal(new: Form, context: Form) -> (Form, Form) {
    (new.clone() * (new.clone() + context.clone() * number(2)), new + context)
}

/// The part of what a sequence attends that one device reads: in decode its own, in prefill all that goes round.
fn read_part(shape: &Shape) -> Form {
    match shape.phase {
        Phase::Prefill | Phase::Encode | Phase::Vision | Phase::Denoise | Phase::Step => number(1),
        Phase::Decode => shape.groups.part(),
    }
}

/// The part of the cached tokens of its sequences that one device keeps; `over`: of each it keeps its part.
fn kept(over: bool, shape: &Shape) -> Form {
    if over || shape.phase == Phase::Decode { shape.groups.part() } else { number(1) }
}

fn latent_cache_write(latent: &Latent, over: bool, shape: &Shape) -> Cost {
    let norm = number(latent.width) * number(Element::BF16.bytes());
    Cost {
        kv_bytes: shape.rows_in.clone() * number(latent.token_bytes()),
        kv_memory: number(latent.token_bytes()) * kept(over, shape),
        parameters: latent.width,
        weight_bytes: norm.clone(),
        weight_memory: norm,
        ..elementwise(shape.read() + shape.written())
    }
}

fn latent_attention(heads: &LatentHeads, split: bool, shape: &Shape) -> Cost {
    let LatentHeads { heads: count, width, value, latent } = *heads;
    let (sequences, own) = (Form::symbol(Symbol::Sequences, 1), shape.groups.part());
    let (new, context) = (Form::symbol(Symbol::New, 1), Form::symbol(Symbol::Context, 1));
    // FLOPs of half a pair and head, doubled pairs, tokens attended, and the width of what is multiplied.
    let (half, twice_pairs, attended, beside) = match shape.phase {
        Phase::Prefill | Phase::Encode | Phase::Vision | Phase::Denoise | Phase::Step => {
            let context = if shape.phase == Phase::Step { Form::default() } else { context };
            let (twice_pairs, attended) = causal(new, context);
            (width + latent.rope + value, twice_pairs, attended, shape.width_beside)
        }
        Phase::Decode => {
            let twice_pairs = context.clone() * number(2 * (1 + shape.drafts));
            (2 * latent.width + latent.rope, twice_pairs, context, 0)
        }
    };
    let moved = number(heads.query_width() + beside) * number(shape.bytes_in)
        + number(heads.value_width()) * number(shape.bytes_out);
    Cost {
        kind: OperatorKind::LatentAttention {
            heads: share(split, number(count)),
            latent: latent.width,
            rope: latent.rope,
            cache: latent.cache.cached(),
        },
        flops: share(split, sequences.clone() * own * twice_pairs * number(count) * number(half)),
        kv_bytes: sequences * read_part(shape) * attended * number(latent.token_bytes()),
        ..elementwise(share(split, shape.rows_in.clone() * moved))
    }
}

fn encoder_attention(heads: &EncoderHeads, split: bool, window: Option<u64>, shape: &Shape) -> Cost {
    let rows = shape.rows_in.clone();
    // Each row sees as many as there are of its sequence.
    let seen = match window {
        None => rows.clone() * Form::symbol(Symbol::Sequences, -1) * shape.groups.over_part(),
        Some(window) => number(window),
    };
    let pairs = rows.clone() * seen;
    Cost {
        kind: OperatorKind::EncoderAttention {
            heads: share(split, number(heads.heads)),
            head_width: heads.width,
        },
        flops: share(split, pairs * number(4) * number(heads.query_width())),
        ..elementwise(
            share(
                split,
                rows.clone() * number(heads.query_width()) * number(shape.bytes_in + shape.bytes_out),
            ) + shared(split, heads.parts(), rows * number(heads.kv_width()) * number(shape.bytes_in)),
        )
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
        idle_parameters: 0,
        weight_memory: Form::default(),
        kv_memory: Form::default(),
    }
}

fn bytes(weight: &Weight) -> Form {
    number(weight.elements()) * of_element(weight.element)
}

/// Bytes of one matrix that one device has, with the scales of its numbers: those of each column are divided with
/// it, by rows where there are several.
fn stored(weight: &Weight, split: Split, part: &Form) -> Form {
    let (inner, columns) = divided(weight, split, part);
    let numbers = inner * columns.clone() * of_element(weight.element);
    let Some(scales) = weight.scales else { return numbers };
    let rows = number(scales.rows);
    let rows = if split == Split::Rows && scales.rows > 1 { rows * part.clone() } else { rows };
    numbers + rows * columns * of_element(scales.element)
}

/// Bytes of one number.
fn of_element(element: Element) -> Form {
    Form::constant(BigRational::new(element.bits().into(), 8.into()))
}

fn number(value: u64) -> Form {
    Form::integer(value)
}

/// One device's part where the tensor axis divides it.
fn share(split: bool, whole: Form) -> Form {
    if split { whole * Form::symbol(Symbol::Tensor, -1) } else { whole }
}

/// The same of what is in at most so many parts.
fn shared(split: bool, parts: Option<u64>, whole: Form) -> Form {
    match parts {
        Some(parts) if split => whole * Form::tensor_at_most(parts, -1),
        _ => share(split, whole),
    }
}

/// What is left beside one device's part.
fn beyond(part: &Form) -> Form {
    number(1) + minus(part.clone())
}

fn minus(form: Form) -> Form {
    form * Form::constant(BigRational::from_integer((-1).into()))
}

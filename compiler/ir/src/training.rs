//! A step of training: what the forward pass of a model becomes when its weights are learnt.
//!
//! Contract: the operators of a forward pass go in, each with what its gradients cost; after them come, where
//! asked for, what is computed a second time, the gradients in reverse, their sums over copies of the weights, and
//! the optimizer's update. All are derived from the operators as the text has them, so that one edit changes them
//! all.
//!
//! - The gradient of a product is two products of its size: with the weight for what it took, with what it took
//!   for the weight. So a weight costs 2 FLOPs a token forward and 4 back (Kaplan et al., Scaling laws, 2020,
//!   section 2.1: 6 N a token). Attention has two products forward and four back.
//! - A matrix split by columns gives a summand of the gradient of what it took, which is summed over the tensor
//!   axis; one split by rows takes a whole gradient and gives parts (Shoeybi et al., Megatron-LM, 2019, section 3).
//!   What forward summed is handed back as it is; what it gathered, exchanged or sent goes the same way back.
//! - `recompute` runs the layers a second time, or attention's products alone (Korthikanti et al., Reducing
//!   activation recomputation, 2022, section 5): what is not kept.
//! - Copies of a weight, one in each data and context group, sum their gradients by a ring, in the weight's
//!   element type. Matrices of experts that are divided over the devices of a stage have no copies there.
//! - The optimizer holds numbers of 4 bytes beside each weight: AdamW a copy and two moments (Rajbhandari et al.,
//!   ZeRO, 2020, section 3.1), SGD a copy and one. It reads them and the gradient, and writes them and the weight.
//!
//! Activations that are kept for the gradients are in no figure of the graph: `performance::training` has them.

use crate::cost::{Cost, Gradient};
use crate::flow::Priced;
use berth_compiler::degrees::Axis;
use berth_compiler::form::Form;
use berth_compiler::graph::{OperatorKind, Part};
use num_rational::BigRational;

/// What is computed a second time rather than kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Recompute {
    /// Nothing.
    #[default]
    None,
    /// Attention's own products.
    Attention,
    /// Every operator of a layer.
    Layer,
}

impl Recompute {
    pub(crate) const ALL: [Recompute; 3] = [Recompute::None, Recompute::Attention, Recompute::Layer];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Recompute::None => "none",
            Recompute::Attention => "attention",
            Recompute::Layer => "layer",
        }
    }
}

/// What turns gradients into new weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Optimizer {
    /// Two moments.
    #[default]
    AdamW,
    /// One.
    Sgd,
}

impl Optimizer {
    pub(crate) const ALL: [Optimizer; 2] = [Optimizer::AdamW, Optimizer::Sgd];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Optimizer::AdamW => "adamw",
            Optimizer::Sgd => "sgd",
        }
    }

    /// Numbers of 4 bytes that it holds beside a weight, the copy included.
    fn held(self) -> u64 {
        match self {
            Optimizer::AdamW => 3,
            Optimizer::Sgd => 2,
        }
    }
}

/// How a pass trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Training {
    pub recompute: Recompute,
    pub optimizer: Optimizer,
}

/// Bytes of a weight, and of its gradient; the passes that train hold 16-bit weights.
const WEIGHT_BYTES: u64 = 2;

/// Bytes of each number that an optimizer holds.
const HELD_BYTES: u64 = 4;

/// Appends what a step does after `forward`; `gradients` are those of each of its operators.
pub(crate) fn step(training: Training, forward: &mut Vec<Priced>, gradients: Vec<Vec<Gradient>>) {
    let mut after = Vec::new();
    let copies = |of: &Priced, part: Part, name: String, cost: Cost| Priced {
        part,
        at: of.at,
        name,
        place: of.place.clone(),
        repeat: of.repeat,
        staged: of.staged,
        fused: false,
        hidden: None,
        variants: of.variants.clone(),
        cost,
        producers: Vec::new(),
    };
    for operator in forward.iter() {
        let again = match training.recompute {
            Recompute::None => false,
            Recompute::Attention => operator.cost.kind.is_attention(),
            Recompute::Layer => {
                operator.staged.is_some() && !matches!(operator.cost.kind, OperatorKind::Send)
            }
        };
        if again {
            let cost = held_by_nobody(operator.cost.clone());
            let fused = operator.fused;
            let name = format!("{}_again", operator.name);
            after.push(Priced { fused, ..copies(operator, Part::Again, name, cost) });
        }
    }
    for (operator, gradients) in forward.iter().zip(&gradients).rev() {
        for Gradient { of, cost } in gradients {
            let name = if of.is_empty() {
                format!("{}_gradient", operator.name)
            } else {
                format!("{}_gradient_{of}", operator.name)
            };
            after.push(copies(operator, Part::Backward, name, cost.clone()));
        }
    }
    for operator in forward.iter().filter(|operator| !operator.cost.weight_memory.is_zero()) {
        let gradient = operator.cost.weight_memory.clone();
        let divided = matches!(operator.cost.kind, OperatorKind::Experts { .. });
        for axis in [Axis::Data, Axis::Context].into_iter().filter(|_| !divided) {
            let one = Form::integer(1) + axis.degree(-1) * constant(-1);
            let cost = Cost {
                kind: OperatorKind::AllReduce { axis, message: gradient.clone() },
                link_bytes: gradient.clone() * Form::integer(2) * one,
                ..nothing()
            };
            let name = format!("{}_gradient_sum_{}", operator.name, axis.name());
            after.push(copies(operator, Part::Exchange, name, cost));
        }
    }
    for operator in forward.iter().filter(|operator| !operator.cost.weight_memory.is_zero()) {
        let weights = operator.cost.weight_memory.clone()
            * Form::constant(BigRational::new(1.into(), WEIGHT_BYTES.into()));
        let held = HELD_BYTES * training.optimizer.held();
        let cost = Cost {
            // The gradient is read and the weight is written.
            activation_bytes: weights.clone() * Form::integer(2 * held + 2 * WEIGHT_BYTES),
            weight_memory: weights * Form::integer(held + WEIGHT_BYTES),
            ..nothing()
        };
        after.push(copies(operator, Part::Update, format!("{}_update", operator.name), cost));
    }
    forward.extend(after);
}

/// The same work by operators that hold nothing of their own.
fn held_by_nobody(cost: Cost) -> Cost {
    Cost {
        parameters: 0,
        idle_parameters: 0,
        weight_memory: Form::default(),
        kv_memory: Form::default(),
        ..cost
    }
}

fn nothing() -> Cost {
    Cost {
        kind: OperatorKind::Elementwise,
        flops: Form::default(),
        weight_bytes: Form::default(),
        activation_bytes: Form::default(),
        kv_bytes: Form::default(),
        link_bytes: Form::default(),
        parameters: 0,
        idle_parameters: 0,
        weight_memory: Form::default(),
        kv_memory: Form::default(),
    }
}

fn constant(value: i64) -> Form {
    Form::constant(BigRational::from_integer(value.into()))
}

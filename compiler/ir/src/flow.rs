//! What flows through a pass: how many rows of what width, and whether every device holds all of it.
//!
//! Contract: a verified [`Structure`] goes in; every operator of every pass comes out in order, bodies
//! laid out where they are repeated, each with its cost and its producers, and warnings about values
//! that do not fit their use. An operation's own attributes decide its cost; what its neighbours say
//! decides only rows, and a width where it has none of its own. So an edited operation keeps its price
//! to itself, and a misfit is a warning, not an error.

use crate::cost::{self, Cost, Shape};
use crate::dialect::{Computation, Split};
use crate::structure::{Function, Role, Step, Structure};
use crate::verifier::diagnostic;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{Phase, Place};
use berth_compiler::lowering::IrDiagnostic;
use num_rational::BigRational;
use std::collections::BTreeSet;

/// One pass, priced.
pub(crate) struct Pass {
    pub role: Role,
    /// In order; a body stands where it is repeated.
    pub operators: Vec<Priced>,
    /// Divisible by the tensor degree.
    pub tensor_divides: BTreeSet<u64>,
}

/// One operator, priced.
pub(crate) struct Priced {
    /// Where it stands in the structure: function and step.
    pub at: (usize, usize),
    pub name: String,
    pub place: Place,
    /// Times a pass.
    pub repeat: u64,
    pub cost: Cost,
    /// The operators whose results it takes, by index.
    pub producers: Vec<usize>,
}

/// Prices every pass, in order of service, precision and phase.
pub(crate) fn passes(structure: &Structure) -> (Vec<Pass>, Vec<IrDiagnostic>) {
    let mut order: Vec<(&Role, usize)> = structure
        .functions
        .iter()
        .enumerate()
        .filter_map(|(index, function)| Some((function.role.as_ref()?, index)))
        .collect();
    order.sort();
    let mut warnings = Vec::new();
    let mut passes = Vec::new();
    for (role, index) in order {
        let mut layout = Layout {
            structure,
            phase: role.phase,
            operators: Vec::new(),
            tensor_divides: BTreeSet::new(),
            warnings: Vec::new(),
        };
        if let Some(function) = structure.functions.get(index) {
            let rows = match role.phase {
                Phase::Prefill | Phase::Encode => {
                    Form::symbol(Symbol::Sequences, 1) * Form::symbol(Symbol::New, 1)
                }
                Phase::Decode => Form::symbol(Symbol::Sequences, 1),
            };
            let tokens = Value {
                rows,
                width: 1,
                bytes: function.element.bytes(),
                distribution: Distribution::Whole,
                producer: None,
                origin: "the tokens".to_owned(),
            };
            let result = layout.function(index, function, tokens, 1);
            layout.whole(&result, &function.return_place, "the pass returns");
        }
        for warning in layout.warnings {
            // A body that two passes share says it once.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        passes.push(Pass {
            role: role.clone(),
            operators: layout.operators,
            tensor_divides: layout.tensor_divides,
        });
    }
    warnings.extend(one_copy(&passes));
    (passes, warnings)
}

/// Warns where the passes of one service and precision hold different weights or caches: there is one
/// copy of them. Operators are compared in order, so that a name is only a name.
fn one_copy(passes: &[Pass]) -> Vec<IrDiagnostic> {
    let holders = |pass: &'_ Pass| -> Vec<usize> {
        let holds = |cost: &Cost| !cost.weight_memory.is_zero() || !cost.kv_memory.is_zero();
        (0..pass.operators.len())
            .filter(|index| pass.operators.get(*index).is_some_and(|operator| holds(&operator.cost)))
            .collect()
    };
    let mut warnings = Vec::new();
    for pair in passes.windows(2) {
        let [first, second] = pair else { continue };
        if first.role.service != second.role.service || first.role.precision != second.role.precision {
            continue;
        }
        let (here, there) = (holders(first), holders(second));
        let mut names = Vec::new();
        let mut place = None;
        for index in 0..here.len().max(there.len()) {
            let one = here.get(index).and_then(|at| first.operators.get(*at));
            let other = there.get(index).and_then(|at| second.operators.get(*at));
            let held = |operator: &Priced| {
                let cost = &operator.cost;
                (operator.repeat, cost.parameters, cost.weight_memory.clone(), cost.kv_memory.clone())
            };
            if one.map(held) != other.map(held)
                && let Some(operator) = one.or(other)
            {
                names.push(format!("`{}`", operator.name));
                place.get_or_insert(&operator.place);
            }
        }
        let Some(place) = place else { continue };
        let message = format!(
            "{} and {} hold different weights or caches, yet there is one copy; they differ in {}",
            first.role.phase.name(),
            second.role.phase.name(),
            names.join(", ")
        );
        warnings.push(diagnostic(place, message, Some("make the same edit in both".to_owned())));
    }
    warnings
}

/// What every device holds of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distribution {
    /// All of it.
    Whole,
    /// Its part of the width.
    Split,
    /// A summand of the whole width.
    Partial,
}

#[derive(Clone)]
struct Value {
    rows: Form,
    /// Over all devices.
    width: u64,
    bytes: u64,
    distribution: Distribution,
    producer: Option<usize>,
    /// The operator it is the result of, for messages.
    origin: String,
}

struct Layout<'s> {
    structure: &'s Structure,
    phase: Phase,
    operators: Vec<Priced>,
    tensor_divides: BTreeSet<u64>,
    warnings: Vec<IrDiagnostic>,
}

impl Layout<'_> {
    fn function(&mut self, index: usize, function: &Function, argument: Value, repeat: u64) -> Value {
        let mut values = vec![argument];
        for (position, step) in function.steps.iter().enumerate() {
            // The verifier has seen every operand; a repeat's body may stand for one that is missing.
            let operands: Vec<Value> =
                step.operands.iter().filter_map(|operand| values.get(*operand).cloned()).collect();
            let Some(first) = operands.first().cloned() else { continue };
            let result = match &step.computation {
                Computation::Repeat { callee, times } => self.repeat(callee, *times, first, repeat),
                computation => {
                    let (shape, result) = self.shape(step, &first, operands.get(1));
                    let cost = cost::of(computation, &shape);
                    let producer = self.operators.len();
                    if let Some(cost) = cost {
                        self.operators.push(Priced {
                            at: (index, position),
                            name: step.name.clone(),
                            place: step.place.clone(),
                            repeat,
                            cost,
                            producers: operands.iter().filter_map(|operand| operand.producer).collect(),
                        });
                    }
                    Value { producer: Some(producer), ..result }
                }
            };
            values.push(result);
        }
        match values.get(function.result).cloned().or_else(|| values.into_iter().next()) {
            Some(value) => value,
            // `values` starts with the argument and only grows.
            None => Value {
                rows: Form::default(),
                width: 0,
                bytes: 0,
                distribution: Distribution::Whole,
                producer: None,
                origin: String::new(),
            },
        }
    }

    fn repeat(&mut self, callee: &str, times: u64, argument: Value, repeat: u64) -> Value {
        let Some((index, body)) =
            self.structure.find(callee).and_then(|index| Some((index, self.structure.functions.get(index)?)))
        else {
            return argument;
        };
        // Bodies in bodies, each of at most a million: the product may pass u64.
        let laid_out = repeat.saturating_mul(times);
        let result = self.function(index, body, argument.clone(), laid_out);
        if times > 1 && result.width != argument.width {
            self.warn(
                &body.return_place,
                format!(
                    "`@{callee}` takes a width of {} and returns {}, yet it is repeated on its own result",
                    argument.width, result.width
                ),
            );
        }
        self.whole(&result, &body.return_place, &format!("`@{callee}` returns"));
        Value { width: argument.width, distribution: Distribution::Whole, ..result }
    }

    /// The shapes of one operator, with warnings about what does not fit.
    fn shape(&mut self, step: &Step, input: &Value, second: Option<&Value>) -> (Shape, Value) {
        let mut result = Value {
            bytes: step.element.bytes(),
            origin: format!("`{}`", step.name),
            producer: None,
            ..input.clone()
        };
        let mut split_in = input.distribution == Distribution::Split;
        let does = format!("`{}` takes", step.name);
        match &step.computation {
            Computation::Repeat { .. } => {}
            Computation::Lookup { weight, split } => {
                result.width = weight.columns();
                result.distribution =
                    if *split == Split::Rows { Distribution::Partial } else { Distribution::Whole };
            }
            Computation::Matmul { weight, split, .. } => {
                self.width(step, input, weight.rows());
                result.width = weight.columns();
                result.distribution = match split {
                    Split::Columns => Distribution::Split,
                    Split::Rows => Distribution::Partial,
                    Split::None | Split::Heads => Distribution::Whole,
                };
                if *split == Split::Rows {
                    self.tensor_divides.insert(weight.rows());
                    self.summed(input, &step.place, &does);
                } else {
                    self.whole(input, &step.place, &does);
                }
            }
            Computation::Norm { weight, .. } => {
                self.width(step, input, weight.rows());
                self.whole(input, &step.place, &does);
                result.distribution = Distribution::Whole;
                split_in = false;
            }
            Computation::Residual => {
                if let Some(second) = second {
                    if second.width != input.width {
                        self.warn(
                            &step.place,
                            format!(
                                "`{}` adds a width of {} from {} to {} from {}",
                                step.name, second.width, second.origin, input.width, input.origin
                            ),
                        );
                    }
                    // Two summands, or two parts, add up as they are; a mixture does not.
                    if second.distribution != input.distribution {
                        self.whole(input, &step.place, &does);
                        self.whole(second, &step.place, &does);
                        result.distribution = Distribution::Whole;
                    }
                }
            }
            Computation::SiluMultiply => {
                self.summed(input, &step.place, &does);
                if !input.width.is_multiple_of(2) {
                    self.warn(
                        &step.place,
                        format!("`{}` multiplies two halves; the width {} has none", step.name, input.width),
                    );
                }
                result.width = input.width / 2;
                if input.distribution == Distribution::Partial {
                    result.distribution = Distribution::Whole;
                }
            }
            Computation::Activate => {
                self.summed(input, &step.place, &does);
                if input.distribution == Distribution::Partial {
                    result.distribution = Distribution::Whole;
                }
            }
            Computation::GroupedMatmul { weight, split, .. } => {
                self.width(step, input, weight.rows());
                result.width = weight.columns();
                result.distribution = match split {
                    Split::Columns => Distribution::Split,
                    Split::Rows => Distribution::Partial,
                    Split::None | Split::Heads => Distribution::Whole,
                };
                if *split == Split::Rows {
                    self.tensor_divides.insert(weight.rows());
                    self.summed(input, &step.place, &does);
                } else {
                    self.whole(input, &step.place, &does);
                }
            }
            Computation::Dispatch { experts, per_token } => {
                self.whole(input, &step.place, &does);
                if let Some(scores) = second {
                    self.width(step, scores, *experts);
                    self.whole(scores, &step.place, &does);
                }
                result.distribution = Distribution::Whole;
                split_in = false;
                result.rows = input.rows.clone() * Form::integer(*per_token);
            }
            Computation::Combine { per_token } => {
                let part = BigRational::new(1.into(), (*per_token).into());
                result.rows = input.rows.clone() * Form::constant(part);
            }
            Computation::LatentCacheWrite { latent } => {
                self.width(step, input, latent.cached_width());
                self.whole(input, &step.place, &does);
                result.width = latent.width;
                result.distribution = Distribution::Whole;
                split_in = false;
            }
            Computation::LatentAttention { heads, split } => {
                self.width(step, input, heads.query_width());
                self.heads(step, input, heads.heads, heads.heads, *split, &does);
                if let Some(expanded) = second {
                    self.width(step, expanded, heads.expanded_width());
                    self.heads(step, expanded, heads.heads, heads.heads, *split, &does);
                }
                result.width = heads.value_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::EncoderAttention { heads, split } => {
                self.width(step, input, 3 * heads.heads * heads.width);
                self.heads(step, input, heads.heads, heads.heads, *split, &does);
                result.width = heads.heads * heads.width;
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::CacheWrite { heads, split, .. } => {
                self.width(step, input, heads.qkv_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.width = heads.query_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::Attention { heads, split, .. } => {
                self.width(step, input, heads.query_width());
                self.heads(step, input, heads.heads, heads.kv_heads, *split, &does);
                result.width = heads.query_width();
                result.distribution = by_heads(*split);
                split_in = *split == Split::Heads;
            }
            Computation::LastToken | Computation::FirstToken => {
                result.rows = Form::symbol(Symbol::Sequences, 1)
            }
            Computation::AllReduce => {
                if input.distribution != Distribution::Partial {
                    self.warn(
                        &step.place,
                        format!("`{}` sums {}, which is no partial sum", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
            Computation::AllGather => {
                if input.distribution != Distribution::Split {
                    self.warn(
                        &step.place,
                        format!("`{}` gathers {}, which is not split", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
        }
        let shape = Shape {
            phase: self.phase,
            rows_in: input.rows.clone(),
            rows_out: result.rows.clone(),
            width_in: input.width,
            width_beside: second.map_or(0, |second| second.width),
            width_out: result.width,
            bytes_in: input.bytes,
            bytes_out: result.bytes,
            split_in,
            split_out: result.distribution == Distribution::Split,
        };
        (shape, result)
    }

    fn heads(&mut self, step: &Step, input: &Value, heads: u64, kv_heads: u64, split: Split, does: &str) {
        if split == Split::Heads {
            self.tensor_divides.extend([heads, kv_heads]);
            self.summed(input, &step.place, does);
        } else {
            self.whole(input, &step.place, does);
        }
    }

    fn width(&mut self, step: &Step, input: &Value, wanted: u64) {
        if input.width != wanted {
            self.warn(
                &step.place,
                format!("`{}` takes a width of {wanted}; {} has {}", step.name, input.origin, input.width),
            );
        }
    }

    /// Warns of a use that needs all of a value on every device.
    fn whole(&mut self, value: &Value, place: &Place, does: &str) {
        match value.distribution {
            Distribution::Whole => {}
            Distribution::Partial => self.summed(value, place, does),
            Distribution::Split => self.warn(
                place,
                format!(
                    "{does} {}, of which each device holds a part that no all_gather has joined",
                    value.origin
                ),
            ),
        }
    }

    /// Warns of a use that needs a value summed, whole or in parts.
    fn summed(&mut self, value: &Value, place: &Place, does: &str) {
        if value.distribution == Distribution::Partial {
            self.warn(
                place,
                format!(
                    "{does} {}, a partial sum on each device that no all_reduce has added up",
                    value.origin
                ),
            );
        }
    }

    fn warn(&mut self, place: &Place, message: String) {
        let help =
            "it is priced as it stands; a plan for it may be one for a model that computes something else";
        self.warnings.push(diagnostic(place, message, Some(help.to_owned())));
    }
}

fn by_heads(split: Split) -> Distribution {
    if split == Split::Heads { Distribution::Split } else { Distribution::Whole }
}

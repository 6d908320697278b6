//! What flows through a pass: how many rows of what width, and whether every device holds all of it.
//!
//! Contract: a verified [`Structure`] goes in; every operator of every pass comes out in order, bodies
//! laid out where they are repeated, each with its cost and its producers, and warnings about values
//! that do not fit their use. An operation's own attributes decide its cost; what its neighbours say
//! decides only rows, and a width where it has none of its own. So an edited operation keeps its price
//! to itself, and a misfit is a warning, not an error.

mod kernels;
mod shapes;

use crate::cost::{self, Cost, Gradient, Groups};
use crate::dialect::Computation;
use crate::module::Imported;
use crate::structure::{Function, Role, Step, Structure};
use crate::training;
use crate::verifier::diagnostic;
use berth_compiler::degrees::Axis;
use berth_compiler::degrees::Degrees;
use berth_compiler::form::{Binding, Form, Symbol};
use berth_compiler::graph::{Divides, Hidden, Part, Patches, Phase, Place, Variant};
use berth_compiler::lowering::IrDiagnostic;
use std::collections::BTreeSet;

/// One pass, priced.
pub(crate) struct Pass {
    pub role: Role,
    /// In order; a body stands where it is repeated.
    pub operators: Vec<Priced>,
    /// Layers of each sort.
    pub layers: Vec<u64>,
    /// What degrees divide.
    pub divides: Vec<Divides>,
    /// Of a pass over images: what it takes them apart into.
    pub patches: Option<Patches>,
    /// Of decode: tokens of each sequence that it reads beside the last one.
    pub drafts: u64,
    /// It is an exported module: its operators stand in one of those, by number of module and operation.
    pub module: bool,
}

/// One operator, priced.
pub(crate) struct Priced {
    /// Where it stands in the structure: function and step.
    pub at: (usize, usize),
    pub name: String,
    pub place: Place,
    /// Times a pass.
    pub repeat: u64,
    /// The sort of layer it stands in, where stages share them.
    pub staged: Option<usize>,
    /// What it is of a step of training.
    pub part: Part,
    /// It runs in a neighbour's kernel.
    pub fused: bool,
    /// What it may run behind, by index.
    pub hidden: Option<Hidden>,
    pub variants: Vec<Variant>,
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
        let mut patches = None;
        let mut layout = Layout {
            structure,
            phase: role.phase,
            drafts: 0,
            groups: Groups::default(),
            operators: Vec::new(),
            layers: Vec::new(),
            staged: None,
            divides: Vec::new(),
            gradients: None,
            warnings: Vec::new(),
        };
        if let Some(function) = structure.functions.get(index) {
            layout.gradients = function.training.map(|_| Vec::new());
            layout.groups = function.groups;
            layout.drafts = function.drafts;
            let rows = match role.phase {
                Phase::Prefill | Phase::Encode | Phase::Step | Phase::Vision | Phase::Denoise => {
                    Form::symbol(Symbol::Sequences, 1) * Form::symbol(Symbol::New, 1)
                }
                Phase::Decode => Form::symbol(Symbol::Sequences, 1) * Form::integer(1 + function.drafts),
            };
            let tokens = Value {
                rows: rows * layout.groups.part(),
                part: Form::integer(1),
                station: Station::Home,
                width: width_of_argument(function),
                bytes: function.element.bytes(),
                distribution: Distribution::Whole,
                producers: Vec::new(),
                origin: match role.phase {
                    Phase::Vision => "the pixels",
                    Phase::Denoise => "the image",
                    _ => "the tokens",
                }
                .to_owned(),
            };
            let result = layout.function(index, function, tokens, 1);
            patches =
                function.patch.map(|patch| Patches { pixels: patch * patch, tokens: tokens_each(&result) });
            layout.whole(&result, &function.return_place, "the pass returns");
            if let (Some(training), Some(gradients)) = (function.training, layout.gradients.take()) {
                training::step(training, &mut layout.operators, gradients);
            }
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
            layers: layout.layers,
            divides: layout
                .divides
                .into_iter()
                .flat_map(|(by, widths)| {
                    widths.into_iter().map(move |width| Divides { by: by.clone(), width })
                })
                .collect(),
            patches,
            drafts: layout.drafts,
            module: false,
        });
    }
    passes.extend(structure.modules.iter().enumerate().filter_map(|(index, module)| imported(index, module)));
    passes.sort_by(|one, other| one.role.cmp(&other.role));
    warnings.extend(one_copy(&passes));
    (passes, warnings)
}

/// The width of what a pass takes: tokens are numbers of rows, and pixels are as wide as the matrix that takes them.
fn width_of_argument(function: &Function) -> u64 {
    let takes = function.steps.iter().filter(|step| step.operands.contains(&0));
    let width = |step: &Step| match &step.computation {
        Computation::Matmul { weight, .. } if !function.element.is_token() => Some(weight.rows()),
        _ => None,
    };
    takes.filter_map(width).next().unwrap_or(1)
}

/// Rows that a pass gives for each that it takes.
fn tokens_each(result: &Value) -> f64 {
    let one = Binding { sequences: 1.0, new: 1.0, context: 0.0, degrees: Degrees::of_tensor(1) };
    result.rows.evaluate(&one)
}

/// The pass that an exported module is. Nothing says how to split it, so it runs on one device.
fn imported(index: usize, module: &Imported) -> Option<Pass> {
    let operators = module.operators.iter().map(|operator| Priced {
        at: (index, operator.at),
        name: operator.name.clone(),
        place: operator.place.clone(),
        repeat: operator.repeat,
        staged: None,
        part: Part::Forward,
        // What is held starts no kernel.
        fused: operator.at == 0,
        hidden: None,
        variants: Vec::new(),
        cost: operator.cost.clone(),
        producers: operator.producers.clone(),
    });
    let devices = Axis::ALL.into_iter().fold(Form::integer(1), |product, axis| product * axis.degree(1));
    Some(Pass {
        role: module.role.clone()?,
        operators: operators.collect(),
        layers: Vec::new(),
        divides: vec![Divides { by: devices, width: 1 }],
        patches: None,
        drafts: 0,
        module: true,
    })
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
        let of = |role: &Role| (role.service.clone(), role.precision, role.target);
        // What sees images holds weights that no other pass does.
        let sees = [first, second].iter().any(|pass| pass.role.phase == Phase::Vision);
        if sees || of(&first.role) != of(&second.role) {
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

/// Where the rows of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Station {
    /// On the devices that hold their sequences.
    Home,
    /// To be sent to the devices that hold their experts.
    Leaving,
    /// On the devices that hold their experts.
    Experts,
}

#[derive(Clone)]
struct Value {
    rows: Form,
    /// Over all devices.
    width: u64,
    bytes: u64,
    /// The part of the width that one device has.
    part: Form,
    station: Station,
    distribution: Distribution,
    /// The operators whose results it is: several where their rows only stand beside one another.
    producers: Vec<usize>,
    /// The operator it is the result of, for messages.
    origin: String,
}

impl Value {
    /// Bytes that one device writes of it, or reads.
    fn bytes_moved(&self) -> Form {
        self.rows.clone() * Form::integer(self.width) * Form::integer(self.bytes) * self.part.clone()
    }
}

struct Layout<'s> {
    structure: &'s Structure,
    phase: Phase,
    drafts: u64,
    groups: Groups,
    operators: Vec<Priced>,
    layers: Vec<u64>,
    staged: Option<usize>,
    divides: Vec<(Form, BTreeSet<u64>)>,
    /// Those of each operator, where the pass trains.
    gradients: Option<Vec<Vec<Gradient>>>,
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
                Computation::Repeat { callee, times, over } => {
                    self.repeat(callee, *times, *over, first, repeat)
                }
                computation => {
                    let (shape, result) = self.shape(step, &first, operands.get(1));
                    let cost = cost::of(computation, &shape);
                    let mut producers: Vec<usize> =
                        operands.iter().flat_map(|operand| operand.producers.iter().copied()).collect();
                    producers.sort_unstable();
                    producers.dedup();
                    if let Some(cost) = cost {
                        let producer = self.operators.len();
                        if let Some(gradients) = &mut self.gradients {
                            gradients.push(cost::gradients(computation, &shape));
                        }
                        self.operators.push(Priced {
                            at: (index, position),
                            name: step.name.clone(),
                            place: step.place.clone(),
                            repeat,
                            staged: self.staged,
                            part: Part::Forward,
                            fused: false,
                            hidden: None,
                            variants: step.variants.clone(),
                            cost,
                            producers: std::mem::replace(&mut producers, vec![producer]),
                        });
                    }
                    Value { producers, ..result }
                }
            };
            values.push(result);
        }
        self.fusions(function, &values);
        self.overlaps(function, &values);
        match values.get(function.result).cloned().or_else(|| values.into_iter().next()) {
            Some(value) => value,
            // `values` starts with the argument and only grows.
            None => Value {
                rows: Form::default(),
                width: 0,
                bytes: 0,
                part: Form::integer(1),
                station: Station::Home,
                distribution: Distribution::Whole,
                producers: Vec::new(),
                origin: String::new(),
            },
        }
    }

    fn repeat(&mut self, callee: &str, times: u64, over: bool, argument: Value, repeat: u64) -> Value {
        let Some((index, body)) =
            self.structure.find(callee).and_then(|index| Some((index, self.structure.functions.get(index)?)))
        else {
            return argument;
        };
        // Bodies in bodies, each of at most a million: the product may pass u64.
        let laid_out = repeat.saturating_mul(times);
        let around = self.staged;
        if over && around.is_none() {
            self.staged = Some(self.layers.len());
            self.layers.push(laid_out);
        }
        let result = self.function(index, body, argument.clone(), laid_out);
        self.staged = around;
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
        Value { width: argument.width, distribution: Distribution::Whole, part: Form::integer(1), ..result }
    }

    fn warn(&mut self, place: &Place, message: String) {
        let help =
            "it is priced as it stands; a plan for it may be one for a model that computes something else";
        self.warnings.push(diagnostic(place, message, Some(help.to_owned())));
    }
}

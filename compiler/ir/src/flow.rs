//! What flows through a pass: how many rows of what width, and whether every device holds all of it.
//!
//! Contract: a verified [`Structure`] goes in; every operator of every pass comes out in order, bodies
//! laid out where they are repeated, each with its cost and its producers, and warnings about values
//! that do not fit their use. An operation's own attributes decide its cost; what its neighbours say
//! decides only rows, and a width where it has none of its own. So an edited operation keeps its price
//! to itself, and a misfit is a warning, not an error.

use crate::cost::{self, Cost, Gradient, Groups, Shape};
use crate::dialect::{Computation, Fused, Split};
use crate::module::Imported;
use crate::structure::{Function, Role, Step, Structure};
use crate::training;
use crate::verifier::diagnostic;
use berth_compiler::degrees::Axis;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{Divides, Hidden, Phase, Place, Variant};
use berth_compiler::lowering::IrDiagnostic;
use num_rational::BigRational;
use num_traits::ToPrimitive;
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
        let mut layout = Layout {
            structure,
            phase: role.phase,
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
            let rows = match role.phase {
                Phase::Prefill | Phase::Encode | Phase::Step => {
                    Form::symbol(Symbol::Sequences, 1) * Form::symbol(Symbol::New, 1)
                }
                Phase::Decode => Form::symbol(Symbol::Sequences, 1),
            };
            let tokens = Value {
                rows: rows * layout.groups.part(),
                part: Form::integer(1),
                station: Station::Home,
                width: 1,
                bytes: function.element.bytes(),
                distribution: Distribution::Whole,
                producer: None,
                origin: "the tokens".to_owned(),
            };
            let result = layout.function(index, function, tokens, 1);
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
            module: false,
        });
    }
    passes.extend(structure.modules.iter().enumerate().filter_map(|(index, module)| imported(index, module)));
    passes.sort_by(|one, other| one.role.cmp(&other.role));
    warnings.extend(one_copy(&passes));
    (passes, warnings)
}

/// The pass that an exported module is. Nothing says how to split it, so it runs on one device.
fn imported(index: usize, module: &Imported) -> Option<Pass> {
    let operators = module.operators.iter().map(|operator| Priced {
        at: (index, operator.at),
        name: operator.name.clone(),
        place: operator.place.clone(),
        repeat: operator.repeat,
        staged: None,
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
        if of(&first.role) != of(&second.role) {
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
    producer: Option<usize>,
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
                    let producer = self.operators.len();
                    if let Some(cost) = cost {
                        if let Some(gradients) = &mut self.gradients {
                            gradients.push(cost::gradients(computation, &shape));
                        }
                        self.operators.push(Priced {
                            at: (index, position),
                            name: step.name.clone(),
                            place: step.place.clone(),
                            repeat,
                            staged: self.staged,
                            fused: false,
                            hidden: None,
                            variants: step.variants.clone(),
                            cost,
                            producers: operands.iter().filter_map(|operand| operand.producer).collect(),
                        });
                    }
                    Value { producer: Some(producer), ..result }
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
                producer: None,
                origin: String::new(),
            },
        }
    }

    /// Takes off what operators in one kernel neither write nor read.
    fn fusions(&mut self, function: &Function, values: &[Value]) {
        let (mut read_on_chip, mut written_on_chip) = (BTreeSet::new(), BTreeSet::new());
        for (index, step) in function.steps.iter().enumerate() {
            let Some(fused) = step.fused else { continue };
            let own = index + 1;
            // The value between the two, and who makes and takes it.
            let between = match fused {
                Fused::Before => step.operands.first().map(|value| (*value, own)),
                Fused::After => self.only_taker(function, own).map(|taker| (own, taker)),
            };
            let maker = between.and_then(|(value, _)| function.steps.get(value.checked_sub(1)?));
            let maker = maker.filter(|maker| !matches!(maker.computation, Computation::Repeat { .. }));
            let (Some((value, taker)), Some(maker)) = (between, maker) else {
                let message = match fused {
                    Fused::Before => format!(
                        "`{}` runs in the kernel before it, yet what it takes is made elsewhere",
                        step.name
                    ),
                    Fused::After => format!(
                        "`{}` runs in the kernel of its only user, yet it has none or several",
                        step.name
                    ),
                };
                self.warn(&step.place, message);
                continue;
            };
            // What an operator takes from one that sends was read from memory to be sent.
            let sent = maker.computation.sends();
            let users = function.steps.iter().flat_map(|step| &step.operands).filter(|used| **used == value);
            let alone = users.count() == 1 && function.result != value;
            if let Some(other) = function.steps.get(taker - 1)
                && (fused, other.fused) == (Fused::After, Some(Fused::Before))
                && other.operands.first() == Some(&own)
            {
                let message =
                    format!("`{}` and `{}` each run in the kernel of the other", step.name, other.name);
                self.warn(&step.place, message);
            }
            let takes = function.steps.get(taker - 1).and_then(|step| step.operands.first()).copied();
            let taken = if fused == Fused::Before { Some(value) } else { takes };
            if !sent {
                if let Some(taken) = taken
                    && let Some(read) = values.get(taken)
                    && read_on_chip.insert((taker, taken))
                {
                    self.spare(values, taker, read.bytes_moved());
                }
                if alone
                    && let Some(written) = values.get(value)
                    && written_on_chip.insert(value)
                {
                    self.spare(values, value, written.bytes_moved());
                }
            }
            if let Some(operator) = self.operator_of(values, own) {
                operator.fused = true;
            }
        }
    }

    /// Activation bytes that the operator of a value does not move.
    fn spare(&mut self, values: &[Value], value: usize, bytes: Form) {
        if let Some(operator) = self.operator_of(values, value) {
            let minus = Form::constant(BigRational::from_integer((-1).into()));
            operator.cost.activation_bytes = operator.cost.activation_bytes.clone() + bytes * minus;
        }
    }

    fn operator_of(&mut self, values: &[Value], value: usize) -> Option<&mut Priced> {
        let producer = values.get(value)?.producer?;
        self.operators.get_mut(producer)
    }

    /// The value that the only user of `value` makes, looking through what only sends it on.
    fn only_taker(&self, function: &Function, value: usize) -> Option<usize> {
        if function.result == value {
            return None;
        }
        let mut users = function.steps.iter().enumerate().filter(|(_, step)| step.operands.contains(&value));
        let (index, user) = users.next()?;
        if users.next().is_some() {
            return None;
        }
        match user.computation {
            Computation::KvExchange { .. } | Computation::AllGather { axis: Axis::Context } => {
                self.only_taker(function, index + 1)
            }
            _ if user.computation.sends() => None,
            _ => Some(index + 1),
        }
    }

    /// Finds what is hidden behind what.
    fn overlaps(&mut self, function: &Function, values: &[Value]) {
        for (index, step) in function.steps.iter().enumerate() {
            let Some(overlap) = &step.overlap else { continue };
            let behind = function.steps.iter().position(|other| {
                other.name == overlap.behind
                    && !other.computation.sends()
                    && !matches!(other.computation, Computation::Repeat { .. })
            });
            let behind = behind.and_then(|behind| values.get(behind + 1)?.producer);
            let (Some(behind), Some(share)) = (behind, overlap.share.to_f64()) else {
                self.warn(
                    &step.place,
                    format!(
                        "`{}` runs behind `{}`, which nothing that computes here is called",
                        step.name, overlap.behind
                    ),
                );
                continue;
            };
            if let Some(operator) = self.operator_of(values, index + 1) {
                operator.hidden = Some(Hidden { behind, share });
            }
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

    /// The shapes of one operator, with warnings about what does not fit.
    fn shape(&mut self, step: &Step, input: &Value, second: Option<&Value>) -> (Shape, Value) {
        let mut result = Value {
            bytes: step.element.bytes(),
            origin: format!("`{}`", step.name),
            producer: None,
            ..input.clone()
        };
        // What its devices share of the width it takes and gives; by tensor unless it says otherwise.
        let mut part = Axis::Tensor.degree(-1);
        let mut split_in = input.distribution == Distribution::Split;
        let does = format!("`{}` takes", step.name);
        match &step.computation {
            Computation::Repeat { .. } => {}
            Computation::Lookup { weight, split } => {
                result.width = weight.columns();
                result.distribution =
                    if *split == Split::Rows { Distribution::Partial } else { Distribution::Whole };
            }
            Computation::Matmul { weight, split, keys, .. } => {
                result.width = weight.columns();
                result.distribution = self.product(step, input, weight.rows(), *split, &part);
                part = cost::part_of(weight, *split, *keys);
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
                part = input.part.clone();
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
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                if input.distribution == Distribution::Partial {
                    result.distribution = Distribution::Whole;
                }
            }
            Computation::GroupedMatmul { weight, split, over, .. } => {
                if *over {
                    part = self.groups.of_expert();
                    self.divides(Axis::Expert.degree(1), weight.experts());
                    self.at(input, Station::Experts, &step.place, &does);
                }
                result.width = weight.columns();
                result.distribution = self.product(step, input, weight.rows(), *split, &part);
            }
            Computation::Dispatch { experts, per_token, over } => {
                self.whole(input, &step.place, &does);
                if let Some(scores) = second {
                    self.width(step, scores, *experts);
                    self.whole(scores, &step.place, &does);
                }
                result.distribution = Distribution::Whole;
                split_in = false;
                result.rows = input.rows.clone() * Form::integer(*per_token);
                if *over {
                    result.rows = result.rows * self.groups.count(1) * Axis::Expert.degree(-1);
                    result.station = Station::Leaving;
                }
            }
            Computation::Combine { per_token, over } => {
                part = input.part.clone();
                let each = BigRational::new(1.into(), (*per_token).into());
                result.rows = input.rows.clone() * Form::constant(each);
                if *over {
                    result.rows = result.rows * Axis::Expert.degree(1) * self.groups.count(-1);
                    self.at(input, Station::Home, &step.place, &does);
                    // The answers of a token's experts are on several devices: what each adds up is a summand.
                    if input.distribution == Distribution::Whole {
                        result.distribution = Distribution::Partial;
                    }
                }
                result.station = Station::Home;
            }
            Computation::LatentCacheWrite { latent, .. } => {
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
            Computation::Loss => {
                part = input.part.clone();
                self.summed(input, &step.place, &does);
                result.width = 1;
                result.distribution = match input.distribution {
                    Distribution::Split => Distribution::Partial,
                    Distribution::Whole | Distribution::Partial => Distribution::Whole,
                };
            }
            Computation::LastToken | Computation::FirstToken => {
                part = input.part.clone();
                result.rows = Form::symbol(Symbol::Sequences, 1) * self.groups.part();
            }
            Computation::AllReduce { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Partial {
                    self.warn(
                        &step.place,
                        format!("`{}` sums {}, which is no partial sum", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
            Computation::AllGather { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Split {
                    self.warn(
                        &step.place,
                        format!("`{}` gathers {}, which is not split", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Whole;
            }
            Computation::ReduceScatter { axis: Axis::Tensor } => {
                if input.distribution != Distribution::Partial {
                    self.warn(
                        &step.place,
                        format!("`{}` sums {}, which is no partial sum", step.name, input.origin),
                    );
                }
                result.distribution = Distribution::Split;
            }
            // Over the other axes rows are gathered and given up; the width stays as it is.
            Computation::AllGather { axis } => {
                part = input.part.clone();
                result.rows = input.rows.clone() * axis.degree(1);
            }
            Computation::ReduceScatter { axis } => {
                part = input.part.clone();
                result.rows = input.rows.clone() * axis.degree(-1);
            }
            Computation::AllReduce { .. } | Computation::Send | Computation::KvExchange { .. } => {
                part = input.part.clone();
            }
            Computation::AllToAll => {
                part = input.part.clone();
                result.station = match input.station {
                    Station::Home => {
                        let message = format!(
                            "`{}` sends {}, whose rows are with their sequences and go nowhere",
                            step.name, input.origin
                        );
                        self.warn(&step.place, message);
                        Station::Home
                    }
                    Station::Leaving => Station::Experts,
                    Station::Experts => Station::Home,
                };
            }
        }
        let split_out = result.distribution == Distribution::Split;
        result.part = if split_out { part.clone() } else { Form::integer(1) };
        let shape = Shape {
            phase: self.phase,
            rows_in: input.rows.clone(),
            rows_out: result.rows.clone(),
            width_in: input.width,
            width_beside: second.map_or(0, |second| second.width),
            width_out: result.width,
            bytes_in: input.bytes,
            bytes_out: result.bytes,
            // An operation that is split by heads takes its heads of a value, whatever it is given.
            part_in: match (split_in, input.distribution == Distribution::Split) {
                (false, _) => Form::integer(1),
                (true, true) => input.part.clone(),
                (true, false) => part,
            },
            part_out: result.part.clone(),
            groups: self.groups,
        };
        (shape, result)
    }

    /// What is made of a value by a matrix with so many rows.
    fn product(&mut self, step: &Step, input: &Value, rows: u64, split: Split, part: &Form) -> Distribution {
        let does = format!("`{}` takes", step.name);
        self.width(step, input, rows);
        if split == Split::Rows {
            // Engines pad other widths.
            let devices = inverse(part);
            self.divides(devices, rows);
            self.summed(input, &step.place, &does);
        } else {
            self.whole(input, &step.place, &does);
        }
        match split {
            Split::Columns => Distribution::Split,
            Split::Rows => Distribution::Partial,
            Split::None | Split::Heads => Distribution::Whole,
        }
    }

    fn divides(&mut self, by: Form, width: u64) {
        match self.divides.iter_mut().find(|(form, _)| *form == by) {
            Some((_, widths)) => {
                widths.insert(width);
            }
            None => self.divides.push((by, BTreeSet::from([width]))),
        }
    }

    /// Warns of rows that are elsewhere.
    fn at(&mut self, value: &Value, wanted: Station, place: &Place, does: &str) {
        if value.station == wanted {
            return;
        }
        let origin = &value.origin;
        let message = match wanted {
            Station::Home => format!("{does} {origin}, whose rows no all_to_all has brought back"),
            Station::Leaving | Station::Experts => {
                format!("{does} {origin}, whose rows no all_to_all has sent to their experts")
            }
        };
        self.warn(place, message);
    }

    fn heads(&mut self, step: &Step, input: &Value, heads: u64, kv_heads: u64, split: Split, does: &str) {
        if split == Split::Heads {
            self.divides(Axis::Tensor.degree(1), heads);
            if kv_heads < heads {
                // Its own heads, or one that it shares with whole others: either divides the other.
                let parts = Form::tensor_at_most(kv_heads, 1);
                self.divides(Axis::Tensor.degree(1) * Form::tensor_at_most(kv_heads, -1), heads / kv_heads);
                self.divides(parts, kv_heads);
            }
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

/// One over a form of one term.
fn inverse(form: &Form) -> Form {
    form.terms().next().map_or_else(Form::default, |(coefficient, powers)| {
        let one = Form::constant(coefficient.recip());
        Symbol::ALL
            .into_iter()
            .zip(powers.symbols)
            .fold(one, |product, (symbol, exponent)| product * Form::symbol(symbol, -exponent))
    })
}

fn by_heads(split: Split) -> Distribution {
    if split == Split::Heads { Distribution::Split } else { Distribution::Whole }
}

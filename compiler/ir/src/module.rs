//! Exported modules: a network as the framework that trains or runs it wrote it down, priced from the types and
//! bodies of its own operations.
//!
//! | file | answers |
//! | --- | --- |
//! | [`source`] | from a file to a module inside ours |
//! | [`walk`] | which operations run, in which order and how often |
//! | [`control`] | calls, loops and branches |
//! | [`rules`] | which rule prices an operation |
//! | [`stablehlo`], [`linalg`] | the rules of each dialect |
//! | [`tensor`], [`attributes`] | types, values and attributes |
//!
//! Contract: a nested `module` whose attributes say which pass of which service it is goes in; its operators
//! come out, each with its cost, or every reason why not. The text keeps the module's own operations: to edit
//! one is to edit its price.
//!
//! A pass is one call of the entry on one device. Its last arguments come with the call, the others are weights,
//! and so are constants of more than one number. Nothing is split over devices, because nothing says how.

mod attributes;
mod control;
mod linalg;
mod rules;
pub(crate) mod source;
mod stablehlo;
mod tensor;
mod walk;

use crate::cost::Cost;
use crate::foreign;
use crate::structure::Role;
use crate::verifier::diagnostic;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{OperatorKind, Place};
use berth_compiler::lowering::IrDiagnostic;
use berth_language::model::{ArgumentDimension, Extent, Precision};
use melior::ir::attribute::{AttributeLike, DictionaryAttribute, FlatSymbolRefAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{Attribute, BlockLike, RegionLike, ValueLike};
use num_traits::ToPrimitive;
use std::collections::BTreeMap;
use tensor::{Sort, Value};
use walk::Walk;
pub(crate) use walk::numbered;

/// Most parameters that are counted.
const MOST_PARAMETERS: u64 = crate::dialect::MOST_ELEMENTS;

/// An exported module, priced.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    /// Which pass it is.
    pub role: Option<Role>,
    /// In the order of a run.
    pub operators: Vec<ModuleOperator>,
    /// What has no price, one message a name.
    pub warnings: Vec<IrDiagnostic>,
}

/// An operator of a module.
#[derive(Clone, Debug)]
pub(crate) struct ModuleOperator {
    /// The number of its operation, in order of nesting; 0 is the module.
    pub at: usize,
    pub name: String,
    pub place: Place,
    pub repeat: u64,
    pub cost: Cost,
    pub producers: Vec<usize>,
}

impl Imported {
    /// The precision of most of its products.
    pub(crate) fn precision(&self) -> Precision {
        let mut narrow = 0.0;
        let mut all = 0.0;
        for operator in &self.operators {
            if let OperatorKind::Matmul { precision, .. } = operator.cost.kind {
                let flops = at_one(&operator.cost.flops) * operator.repeat as f64;
                all += flops;
                if precision == Precision::Fp8 {
                    narrow += flops;
                }
            }
        }
        if narrow * 2.0 > all { Precision::Fp8 } else { Precision::Bf16 }
    }
}

/// How a module is called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calling {
    /// The function that a call runs.
    pub entry: Option<String>,
    /// What the open dimensions of its arguments are.
    pub extents: BTreeMap<ArgumentDimension, Extent>,
    /// How many of its last arguments come with a call.
    pub inputs: u64,
}

impl Calling {
    /// What the attributes of a nested module say.
    pub(crate) fn read(module: OperationRef) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let entry = attribute_text(module, "berth.entry");
        let inputs = match attributes::integers(module, "berth.inputs") {
            Ok(None) => 1,
            Ok(Some(numbers)) if numbers.len() == 1 && numbers[0] >= 0 => numbers[0].unsigned_abs(),
            Ok(_) => {
                problems.push("`berth.inputs` is one whole number, such as `1 : i64`".to_owned());
                1
            }
            Err(message) => {
                problems.push(message);
                1
            }
        };
        let mut extents = BTreeMap::new();
        if module.has_attribute("berth.bind") {
            let bound = module.attribute("berth.bind").ok();
            match bound.and_then(|bound| DictionaryAttribute::try_from(bound).ok()) {
                None => problems
                    .push("`berth.bind` is a dictionary, such as `{arg0_0 = \"sequences\"}`".to_owned()),
                Some(bound) => {
                    for index in 0..bound.len() {
                        let Ok((name, extent)) = bound.element(index) else { continue };
                        let name = foreign::identifier(name);
                        match (ArgumentDimension::named(&name), extent_of(extent)) {
                            (Some(dimension), Some(extent)) => {
                                extents.insert(dimension, extent);
                            }
                            _ => problems.push(format!(
                                "`berth.bind` holds dimensions such as `arg0_1`, each a whole number, \"sequences\" or \"tokens\"; here `{name}` is `{extent}`"
                            )),
                        }
                    }
                }
            }
        }
        if problems.is_empty() { Ok(Self { entry, extents, inputs }) } else { Err(problems) }
    }
}

fn extent_of(attribute: Attribute) -> Option<Extent> {
    if attribute.is_string() {
        return Extent::named(&foreign::string(StringAttribute::try_from(attribute).ok()?));
    }
    match attributes::integers_of(&attribute.to_string())?.as_slice() {
        [number] => u64::try_from(*number).ok().filter(|number| *number <= 1 << 40).map(Extent::Number),
        _ => None,
    }
}

/// The text of a string or symbol attribute.
fn attribute_text(operation: OperationRef, name: &str) -> Option<String> {
    if !operation.has_attribute(name) {
        return None;
    }
    let attribute = operation.attribute(name).ok()?;
    if attribute.is_string() {
        return StringAttribute::try_from(attribute).ok().map(foreign::string);
    }
    if attribute.is_flat_symbol_ref() {
        return FlatSymbolRefAttribute::try_from(attribute).ok().map(foreign::symbol);
    }
    None
}

/// Prices one call of a module.
pub(crate) fn price(
    module: OperationRef,
    path: &str,
    calling: &Calling,
) -> Result<Imported, Vec<IrDiagnostic>> {
    let mut walk = Walk::new(module, path);
    let entry = match entry(&walk, module, calling) {
        Ok(entry) => entry,
        Err((message, help)) => return Err(vec![diagnostic(&walk.place(module), message, Some(help))]),
    };
    let Some(function) = walk.functions().get(&entry).copied() else {
        // `entry` found it there.
        return Err(Vec::new());
    };
    let (arguments, weights) = arguments(&mut walk, function, calling);
    if walk.errors.is_empty()
        && let Ok(Err(fault)) = walk.call(function, &entry, arguments)
    {
        walk.error(function, fault.message, fault.help);
    }
    if !walk.errors.is_empty() {
        return Err(walk.errors);
    }
    let place = walk.place(function);
    let mut parameters = Some(0_u64);
    let mut memory = Form::default();
    for (count, bytes) in weights.iter().chain(walk.constants.values()) {
        parameters = parameters.and_then(|sum| sum.checked_add(*count)).filter(|sum| *sum <= MOST_PARAMETERS);
        memory = memory + bytes.clone();
    }
    let Some(parameters) = parameters else {
        let message = "its weights have more than 2^62 elements in all".to_owned();
        let help = "no machine holds them: mend the largest of their dimensions".to_owned();
        return Err(vec![diagnostic(&place, message, Some(help))]);
    };
    let warnings = unpriced(&walk);
    let mut operators: Vec<ModuleOperator> = walk
        .operators
        .into_iter()
        .map(|recorded| ModuleOperator {
            at: recorded.at,
            name: recorded.name,
            place: recorded.place,
            repeat: recorded.repeat,
            cost: recorded.cost,
            producers: recorded.producers,
        })
        .collect();
    if parameters > 0 {
        // What is held, whoever reads it and how often.
        operators.push(ModuleOperator {
            at: 0,
            name: "weights".to_owned(),
            place,
            repeat: 1,
            cost: Cost { parameters, weight_memory: memory, ..nothing() },
            producers: Vec::new(),
        });
    }
    Ok(Imported { role: None, operators, warnings })
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

/// The function that a call runs: the one that is named, else `main`, else the only one that others see.
fn entry(walk: &Walk, module: OperationRef, calling: &Calling) -> Result<String, (String, String)> {
    let functions = walk.functions();
    let names = || functions.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(named) = &calling.entry {
        return match functions.contains_key(named) {
            true => Ok(named.clone()),
            false => {
                Err((format!("no function of the module is called `{named}`"), format!("it has {}", names())))
            }
        };
    }
    if functions.contains_key("main") {
        return Ok("main".to_owned());
    }
    let body =
        |function: &OperationRef| function.region(0).is_ok_and(|region| region.first_block().is_some());
    let seen: Vec<&String> = functions
        .iter()
        .filter(|(_, function)| {
            body(function) && attribute_text(**function, "sym_visibility").as_deref() != Some("private")
        })
        .map(|(name, _)| name)
        .collect();
    match seen.as_slice() {
        [only] => Ok((*only).clone()),
        [] if functions.is_empty() => Err((
            format!("the module has no function, {} operations aside", count(module)),
            "export it with `func.func @main`".to_owned(),
        )),
        _ => Err((
            format!("which of {} a call runs is not said", names()),
            "name it: `mlir(\"model.mlir\", entry = \"main\")`".to_owned(),
        )),
    }
}

fn count(module: OperationRef) -> usize {
    let mut count = 0;
    numbered(module, |_, _| count += 1);
    count - 1
}

/// The entry's arguments, and of each weight its elements and bytes.
fn arguments<'c, 'a>(
    walk: &mut Walk<'c, 'a>,
    function: OperationRef<'c, 'a>,
    calling: &Calling,
) -> (Vec<Value>, Vec<(u64, Form)>) {
    let (mut values, mut weights, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let block = function.region(0).ok().and_then(|region| region.first_block());
    let Some(block) = block else { return (values, weights) };
    let count = block.argument_count();
    let mut bound = calling.extents.clone();
    for index in 0..count {
        let Ok(argument) = block.argument(index) else { continue };
        let r#type = argument.r#type();
        let mut value = walk.placeholder(r#type);
        match tensor::sort(r#type) {
            Err(message) => walk.say(function, format!("argument {index}: {message}"), None),
            Ok(Sort::Scalar(_) | Sort::Other) => value.poisoned = false,
            Ok(Sort::Tensor(extents, _)) => {
                value.poisoned = false;
                let mut any_open = false;
                for (axis, extent) in extents.iter().enumerate() {
                    let (Ok(argument), Ok(axis_number)) = (u32::try_from(index), u32::try_from(axis)) else {
                        continue;
                    };
                    let dimension = ArgumentDimension { argument, axis: axis_number };
                    let stated = bound.remove(&dimension);
                    match (extent, stated) {
                        (Some(extent), Some(stated)) if stated != Extent::Number(*extent) => walk.say(
                            function,
                            format!("`{dimension}` is {extent} in the module and {stated} by its binding"),
                            Some("leave it out of `bind`".to_owned()),
                        ),
                        (Some(_), _) => {}
                        (None, None) => open.push((dimension, r#type.to_string())),
                        (None, Some(stated)) => {
                            any_open = true;
                            if let Some(slot) = value.shape.get_mut(axis) {
                                *slot = form(stated);
                            }
                        }
                    }
                }
                value.read = value.bytes();
                let comes = u64::try_from(count - index).unwrap_or(u64::MAX) <= calling.inputs || any_open;
                if !comes {
                    value.weight = true;
                    let elements = value
                        .elements()
                        .evaluate_exactly(|_| 1)
                        .and_then(|count| count.to_integer().to_u64());
                    weights.push((elements.unwrap_or(u64::MAX), value.bytes()));
                }
            }
        }
        values.push(value);
    }
    if !open.is_empty() {
        let entries: Vec<_> = open.iter().map(|(dimension, _)| format!("{dimension}: …")).collect();
        let mut types: Vec<_> = open
            .iter()
            .map(|(dimension, r#type)| format!("argument {} is `{}`", dimension.argument, r#type))
            .collect();
        types.dedup();
        let message = format!(
            "{} open, and nothing binds {}: {}",
            if open.len() == 1 { "a dimension is" } else { "dimensions are" },
            if open.len() == 1 { "it" } else { "them" },
            types.join(", ")
        );
        let help = format!(
            "state them on the model, each a whole number, `sequences` or `tokens`: `bind = [{}]`",
            entries.join(", ")
        );
        walk.say(function, message, Some(help));
    }
    for dimension in bound.keys() {
        let message =
            format!("`{dimension}` is bound, and the entry takes {count} arguments that do not have it");
        walk.say(function, message, None);
    }
    (values, weights)
}

fn form(extent: Extent) -> Form {
    match extent {
        Extent::Number(number) => Form::integer(number),
        Extent::Sequences => Form::symbol(Symbol::Sequences, 1),
        Extent::Tokens => Form::symbol(Symbol::New, 1),
    }
}

/// Of one sequence of one token: what shares and branches are compared by.
fn at_one(form: &Form) -> f64 {
    form.evaluate_exactly(|_| 1).and_then(|value| value.to_f64()).unwrap_or(0.0)
}

/// What has no price, a message for each name: how often it runs, and its share of the bytes moved.
fn unpriced(walk: &Walk) -> Vec<IrDiagnostic> {
    let moved = |operator: &walk::Recorded| {
        let bytes = operator.cost.weight_bytes.clone() + operator.cost.activation_bytes.clone();
        at_one(&bytes) * operator.repeat as f64
    };
    let all: f64 = walk.operators.iter().map(moved).sum();
    let mut names: BTreeMap<&str, (u64, f64, &Place)> = BTreeMap::new();
    for operator in &walk.operators {
        let Some(name) = &operator.unpriced else { continue };
        let entry = names.entry(name).or_insert((0, 0.0, &operator.place));
        entry.0 = entry.0.saturating_add(operator.repeat);
        entry.1 += moved(operator);
    }
    let mut warnings: Vec<IrDiagnostic> = names
        .into_iter()
        .map(|(name, (count, bytes, place))| {
            let share = if all > 0.0 { 100.0 * bytes / all } else { 0.0 };
            let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let message = format!(
                "no rule prices `{name}`: it runs {times} and moves {share:.1} % of the bytes, which count; its FLOPs do not"
            );
            let help = "state them among the operation's attributes: `berth.flops = 1024 : i64`".to_owned();
            IrDiagnostic { code: "module::unpriced", ..diagnostic(place, message, Some(help)) }
        })
        .collect();
    warnings.sort_by(|one, other| {
        (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
    });
    warnings
}

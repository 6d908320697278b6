//! Walks the entry of a module as a call would run it: functions where they are called, loops times their
//! trips, one branch of several, the costliest.
//!
//! Contract: the operations of a module go in; recorded operators come out in the order of a run, each with
//! its cost, its producers and how often it runs. What is wrong is said once for each operation, and nothing
//! that follows from it.

use super::rules::{self, Fault};
use super::tensor::{self, Element, Sort, Value};
use crate::cost::Cost;
use crate::foreign;
use crate::text;
use crate::verifier::diagnostic;
use berth_compiler::form::Form;
use berth_compiler::graph::{OperatorKind, Place};
use berth_compiler::lowering::IrDiagnostic;
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockLike, BlockRef, RegionLike, RegionRef, Type, ValueLike};
use std::collections::{BTreeMap, BTreeSet};

/// Most operations that are walked, calls and bodies counted each time.
const MOST_WALKED: usize = 2_000_000;

/// Most operators that one call has.
const MOST_OPERATORS: usize = 200_000;

/// Deepest nesting of calls and regions.
const DEEPEST: usize = 64;

/// Most messages about one module.
const MOST_ERRORS: usize = 50;

/// An operator of a run.
pub(super) struct Recorded {
    /// Which operation of the module it is, in order of nesting.
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) repeat: u64,
    pub(super) cost: Cost,
    pub(super) producers: Vec<usize>,
    /// The operation's name, where no rule prices it.
    pub(super) unpriced: Option<String>,
}

/// Limits were passed, and that was said.
pub(super) struct Stopped;

/// Values of one function's run, by the address of the MLIR value, which is only looked up.
pub(super) type Frame = BTreeMap<usize, Value>;

pub(super) struct Walk<'c, 'a> {
    path: &'a str,
    functions: BTreeMap<String, OperationRef<'c, 'a>>,
    numbers: BTreeMap<usize, usize>,
    pub(super) operators: Vec<Recorded>,
    pub(super) errors: Vec<IrDiagnostic>,
    /// Parameters and bytes of constants that are weights, by operation.
    pub(super) constants: BTreeMap<usize, (u64, Form)>,
    /// How many operators have a name so far.
    named: BTreeMap<String, usize>,
    complained: BTreeSet<usize>,
    calling: Vec<String>,
    walked: usize,
    depth: usize,
}

/// Every operation below `root` in order of nesting, with its number. `root` itself is 0.
pub(crate) fn numbered<'c, 'a>(
    root: OperationRef<'c, 'a>,
    mut visit: impl FnMut(usize, OperationRef<'c, 'a>),
) {
    let mut number = 0;
    let mut waiting = vec![root];
    while let Some(operation) = waiting.pop() {
        visit(number, operation);
        number += 1;
        let mut inner = Vec::new();
        for region in operation.regions() {
            let mut block = region.first_block();
            while let Some(current) = block {
                let mut next = current.first_operation();
                while let Some(operation) = next {
                    inner.push(operation);
                    next = operation.next_in_block();
                }
                block = current.next_in_region();
            }
        }
        waiting.extend(inner.into_iter().rev());
    }
}

impl<'c, 'a> Walk<'c, 'a> {
    pub(super) fn new(root: OperationRef<'c, 'a>, path: &'a str) -> Self {
        let mut numbers = BTreeMap::new();
        let mut functions = BTreeMap::new();
        numbered(root, |number, operation| {
            numbers.insert(operation.to_raw().ptr as usize, number);
            if foreign::identifier(operation.name()) == "func.func"
                && let Some(symbol) = super::attribute_text(operation, "sym_name")
            {
                functions.entry(symbol).or_insert(operation);
            }
        });
        Self {
            path,
            functions,
            numbers,
            operators: Vec::new(),
            errors: Vec::new(),
            constants: BTreeMap::new(),
            named: BTreeMap::new(),
            complained: BTreeSet::new(),
            calling: Vec::new(),
            walked: 0,
            depth: 0,
        }
    }

    pub(super) fn functions(&self) -> &BTreeMap<String, OperationRef<'c, 'a>> {
        &self.functions
    }

    pub(super) fn place(&self, operation: OperationRef<'c, 'a>) -> Place {
        text::place(operation.location()).unwrap_or(Place { file: self.path.to_owned(), line: 1, column: 1 })
    }

    /// Says something of an operation, once.
    pub(super) fn error(&mut self, operation: OperationRef<'c, 'a>, message: String, help: Option<String>) {
        if self.complained.insert(operation.to_raw().ptr as usize) {
            self.say(operation, message, help);
        }
    }

    /// Says something more of an operation.
    pub(super) fn say(&mut self, operation: OperationRef<'c, 'a>, message: String, help: Option<String>) {
        let place = self.place(operation);
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(diagnostic(&place, message, help));
        }
    }

    fn limit(&mut self, operation: OperationRef<'c, 'a>, message: String) -> Stopped {
        self.error(operation, message, None);
        Stopped
    }

    /// Runs a function; its results.
    pub(super) fn call(
        &mut self,
        caller: OperationRef<'c, 'a>,
        name: &str,
        arguments: Vec<Value>,
    ) -> Result<Result<Vec<Value>, Fault>, Stopped> {
        let Some(function) = self.functions.get(name).copied() else {
            return Ok(Err(Fault::new(format!("no function of the module is called `@{name}`"))));
        };
        if self.calling.iter().any(|known| known == name) {
            let way: Vec<_> = self.calling.iter().map(|name| format!("`@{name}`")).collect();
            let message = format!("`@{name}` ends up calling itself, through {}", way.join(", "));
            return Ok(Err(Fault::new(message)));
        }
        let Some(region) = function.region(0).ok().filter(|region| region.first_block().is_some()) else {
            return Ok(Err(Fault::new(format!("`@{name}` is declared and has no body"))
                .help("export the module with everything that it calls")));
        };
        self.calling.push(name.to_owned());
        let mut frame = Frame::new();
        let results = self.region(caller, region, arguments, &mut frame);
        self.calling.pop();
        results
    }

    /// Runs a region of one block with these values for its arguments; what its terminator takes.
    pub(super) fn region(
        &mut self,
        owner: OperationRef<'c, 'a>,
        region: RegionRef<'c, 'a>,
        arguments: Vec<Value>,
        frame: &mut Frame,
    ) -> Result<Result<Vec<Value>, Fault>, Stopped> {
        let Some(block) = region.first_block() else { return Ok(Ok(Vec::new())) };
        if block.next_in_region().is_some() {
            return Ok(Err(Fault::new(
                "its body branches between blocks, and how often each runs is not said",
            )
            .help("export with structured control flow: `scf`, or StableHLO's `while` and `case`")));
        }
        if block.argument_count() != arguments.len() {
            let message =
                format!("its body takes {} values; here it gets {}", block.argument_count(), arguments.len());
            return Ok(Err(Fault::new(message)));
        }
        if self.depth == DEEPEST {
            return Err(self.limit(owner, format!("calls and bodies are nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        for (index, value) in arguments.into_iter().enumerate() {
            if let Ok(argument) = block.argument(index) {
                frame.insert(argument.to_raw().ptr as usize, value);
            }
        }
        let results = self.block(block, frame);
        self.depth -= 1;
        results.map(Ok)
    }

    fn block(&mut self, block: BlockRef<'c, 'a>, frame: &mut Frame) -> Result<Vec<Value>, Stopped> {
        let mut next = block.first_operation();
        while let Some(operation) = next {
            next = operation.next_in_block();
            self.walked += 1;
            if self.walked > MOST_WALKED {
                let message = format!("a run of this module has more than {MOST_WALKED} operations");
                return Err(self.limit(operation, message));
            }
            let operands = self.operands(operation, frame);
            let name = foreign::identifier(operation.name());
            if next.is_none() && rules::ends_a_block(&name) {
                return Ok(operands);
            }
            self.operation(operation, &name, &operands, frame)?;
        }
        Ok(Vec::new())
    }

    pub(super) fn operands(&self, operation: OperationRef<'c, 'a>, frame: &Frame) -> Vec<Value> {
        operation
            .operands()
            .map(|operand| match frame.get(&(operand.to_raw().ptr as usize)) {
                Some(value) => value.clone(),
                // Defined after its use, where a module's regions allow that, or in a body not run yet.
                None => self.placeholder(operand.r#type()),
            })
            .collect()
    }

    fn operation(
        &mut self,
        operation: OperationRef<'c, 'a>,
        name: &str,
        operands: &[Value],
        frame: &mut Frame,
    ) -> Result<(), Stopped> {
        let poisoned = operands.iter().any(|operand| operand.poisoned);
        let results = match rules::apply(self, operation, name, operands, frame)? {
            Ok(results) => results,
            Err(Fault { message, help }) => {
                if !poisoned {
                    self.error(operation, format!("{name}: {message}"), help);
                }
                Vec::new()
            }
        };
        if self.operators.len() > MOST_OPERATORS {
            let message = format!("a call of this module has more than {MOST_OPERATORS} operators");
            return Err(self.limit(operation, message));
        }
        for (index, result) in operation.results().enumerate() {
            let mut value = match results.get(index) {
                Some(value) => value.clone(),
                None => self.placeholder(result.r#type()),
            };
            value.poisoned |= poisoned;
            frame.insert(result.to_raw().ptr as usize, value);
        }
        Ok(())
    }

    /// What stands for a value of which nothing more is known than its type.
    pub(super) fn placeholder(&self, r#type: Type) -> Value {
        let (shape, element) = match tensor::sort(r#type) {
            Ok(Sort::Tensor(extents, element)) => {
                (extents.into_iter().map(|extent| Form::integer(extent.unwrap_or(1))).collect(), element)
            }
            Ok(Sort::Scalar(element)) => (Vec::new(), element),
            _ => (Vec::new(), Element { bits: 8, float: false }),
        };
        let read = Form::default();
        Value { shape, element, read, weight: false, known: None, producers: Vec::new(), poisoned: true }
    }

    /// Notes an operator that reads some values and `more` bytes, and writes `written`.
    pub(super) fn record(
        &mut self,
        operation: OperationRef<'c, 'a>,
        label: &str,
        work: Work,
        reads: &[&Value],
    ) -> usize {
        let Work { kind, flops, written } = work;
        let (mut weights, mut activations) = (Form::default(), written);
        for value in reads {
            if value.weight {
                weights = weights + value.read.clone();
            } else {
                activations = activations + value.read.clone();
            }
        }
        let mut producers: Vec<usize> =
            reads.iter().flat_map(|value| value.producers.iter().copied()).collect();
        producers.sort_unstable();
        producers.dedup();
        let count = self.named.entry(label.to_owned()).or_insert(0);
        *count += 1;
        let name = if *count == 1 { label.to_owned() } else { format!("{label}_{count}") };
        self.operators.push(Recorded {
            at: self.numbers.get(&(operation.to_raw().ptr as usize)).copied().unwrap_or(0),
            name,
            place: self.place(operation),
            repeat: 1,
            cost: Cost {
                kind,
                flops,
                weight_bytes: weights,
                activation_bytes: activations,
                kv_bytes: Form::default(),
                link_bytes: Form::default(),
                parameters: 0,
                idle_parameters: 0,
                weight_memory: Form::default(),
                kv_memory: Form::default(),
            },
            producers,
            unpriced: None,
        });
        self.operators.len() - 1
    }

    /// Operators from `start` on run `trips` times.
    pub(super) fn repeat(&mut self, start: usize, trips: &Form) {
        let times = tensor::constant(trips).and_then(|times| u64::try_from(times).ok());
        for operator in self.operators.iter_mut().skip(start) {
            match times {
                Some(times) => operator.repeat = operator.repeat.saturating_mul(times),
                None => {
                    let cost = &mut operator.cost;
                    for form in [&mut cost.flops, &mut cost.weight_bytes, &mut cost.activation_bytes] {
                        *form = form.clone() * trips.clone();
                    }
                }
            }
        }
    }

    /// What operators from `start` on cost at one sequence of one token, to compare branches by.
    pub(super) fn weigh(&self, start: usize) -> (f64, f64) {
        self.operators.iter().skip(start).fold((0.0, 0.0), |(flops, bytes), operator| {
            let repeat = operator.repeat as f64;
            let moved =
                super::at_one(&operator.cost.weight_bytes) + super::at_one(&operator.cost.activation_bytes);
            (flops + repeat * super::at_one(&operator.cost.flops), bytes + repeat * moved)
        })
    }
}

/// What an operator computes, and the bytes that it writes.
pub(super) struct Work {
    pub(super) kind: OperatorKind,
    pub(super) flops: Form,
    pub(super) written: Form,
}

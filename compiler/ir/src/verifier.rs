//! Every problem of a module, each on its line: MLIR's own verifier ends at the first.
//!
//! Contract: a module parsed or built in any context goes in; a [`Structure`] comes out in which every
//! function takes and returns one activation, every operand is a value, every callee exists, no body
//! repeats itself and no pass has more than [`MOST_OPERATORS`] operators. Or every reason why not.

mod whole;

use crate::cost::Groups;
use crate::dialect::{self, Computation, Element, Problem, Said};
use crate::foreign;
use crate::module::{self, Calling, Imported};
use crate::structure::{Function, Role, Step, Structure};
use crate::text;
use crate::training::{Optimizer, Recompute, Training};
use berth_compiler::graph::{Phase, Place, Target};
use berth_compiler::lowering::IrDiagnostic;
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, AttributeLike, IntegerAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockLike, BlockRef, Module, RegionLike, ValueLike};
use std::collections::BTreeMap;

/// Most operators of one pass, once bodies are laid out where they are repeated. The largest model
/// known has under a hundred; bodies that call bodies twice would double at each level.
pub(crate) const MOST_OPERATORS: usize = 10_000;

/// Deepest nesting of bodies in bodies.
pub(crate) const DEEPEST_BODIES: usize = 100;

/// What to write where a type is no activation.
const ACTIVATION: &str = "write `tensor<?x?xbf16>` with the element that the value has";

/// What to write where an exported module does not say how it is called.
const CALLED: &str = "write `berth.inputs = 1 : i64` for how many arguments are given with each call, and `berth.bind = \
                      {arg0_0 = \"sequences\"}` for dimensions that are open";

/// What a module says, and what is odd about it; or all that is wrong.
pub(crate) fn read(
    context: &Context,
    module: &Module,
    path: &str,
) -> Result<(Structure, Vec<IrDiagnostic>), Vec<IrDiagnostic>> {
    let mut reader = Reader { context, path, errors: Vec::new() };
    let mut structure = Structure::default();
    let mut next = module.body().first_operation();
    let operation = module.as_operation();
    if operation.has_attribute("berth.program") {
        structure.program = reader.string(operation, "berth.program");
    }
    while let Some(operation) = next {
        next = operation.next_in_block();
        let name = foreign::identifier(operation.name());
        if name == "builtin.module" {
            reader.module(operation, &mut structure);
        } else if name != "func.func" {
            reader.unknown(operation, &name);
        } else if let Some(function) = reader.function(operation) {
            structure.functions.push(function);
        }
    }
    let mut warnings = if reader.errors.is_empty() { reader.whole(&structure) } else { Vec::new() };
    warnings.extend(structure.modules.iter().flat_map(|module| module.warnings.iter().cloned()));
    if reader.errors.is_empty() { Ok((structure, warnings)) } else { Err(reader.errors) }
}

struct Reader<'c, 'p> {
    context: &'c Context,
    path: &'p str,
    errors: Vec<IrDiagnostic>,
}

impl<'c> Reader<'c, '_> {
    fn place(&self, operation: OperationRef<'c, '_>) -> Place {
        text::place(operation.location()).unwrap_or(Place { file: self.path.to_owned(), line: 0, column: 0 })
    }

    /// What is wrong somewhere, and what to write instead.
    fn error(&mut self, place: &Place, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(diagnostic(place, message.into(), Some(help.into())));
    }

    fn unknown(&mut self, operation: OperationRef<'c, '_>, name: &str) {
        let place = self.place(operation);
        if ["berth.model", "berth.diffusion", "berth.call"].contains(&name) {
            for Problem { message, help } in
                dialect::read(self.context, operation).err().into_iter().flatten()
            {
                self.error(&place, message, help);
            }
            return;
        }
        self.error(
            &place,
            format!("`{name}` does not stand in a module; functions do"),
            "put it into the body of a `func.func`, or delete it",
        );
    }

    fn string(&mut self, operation: OperationRef<'c, '_>, name: &str) -> Option<String> {
        let attribute = operation.attribute(name).ok()?;
        if attribute.is_string() {
            return StringAttribute::try_from(attribute).ok().map(foreign::string);
        }
        let place = self.place(operation);
        self.error(
            &place,
            format!("`{name}` is a string; here it is `{attribute}`"),
            format!("write it in quotes: `{name} = \"…\"`"),
        );
        None
    }

    /// An exported module, which is a pass of its own.
    fn module(&mut self, operation: OperationRef<'c, '_>, structure: &mut Structure) {
        let place = self.place(operation);
        let errors_before = self.errors.len();
        let symbol = self.string_if_any(operation, "sym_name").unwrap_or_default();
        let role = self.role(operation, &place, &symbol);
        if role.is_none() && self.errors.len() == errors_before {
            let message = format!("the module `@{symbol}` is no pass of a service: it lacks `berth.service`");
            let help =
                "add `berth.service`, `berth.precision` and `berth.phase = \"step\"` to its attributes";
            self.error(&place, message, help);
        }
        let calling = match Calling::read(operation) {
            Ok(calling) => calling,
            Err(messages) => {
                for message in messages {
                    self.error(&place, message, CALLED);
                }
                return;
            }
        };
        match module::price(operation, self.path, &calling) {
            Ok(imported) if self.errors.len() == errors_before => {
                structure.modules.push(Imported { role, ..imported });
            }
            Ok(_) => {}
            Err(errors) => self.errors.extend(errors),
        }
    }

    fn string_if_any(&mut self, operation: OperationRef<'c, '_>, name: &str) -> Option<String> {
        if operation.has_attribute(name) { self.string(operation, name) } else { None }
    }

    fn function(&mut self, operation: OperationRef<'c, '_>) -> Option<Function> {
        let place = self.place(operation);
        let symbol = self.string(operation, "sym_name")?;
        let errors_before = self.errors.len();
        let role = self.role(operation, &place, &symbol);
        let groups = self.groups(operation, &place);
        let patch = self.patch(operation, &place, &symbol, role.as_ref());
        let drafts = self.drafts(operation, &place, &symbol, role.as_ref());
        let blocks = operation.region(0).ok().and_then(|region| region.first_block());
        let Some(block) = blocks else {
            self.error(
                &place,
                format!("`@{symbol}` has no body"),
                "write its operations and a `return` between braces, or delete it",
            );
            return None;
        };
        if block.next_in_region().is_some() {
            self.error(
                &place,
                format!("the body of `@{symbol}` has more than one block"),
                "put all of its operations into the first, and delete branches: a pass takes every one of them",
            );
            return None;
        }
        let argument = match block.argument(0) {
            Ok(argument) if block.argument_count() == 1 => argument,
            _ => {
                self.error(
                    &place,
                    format!(
                        "`@{symbol}` takes {} values; it takes one, the tokens or the stream",
                        block.argument_count()
                    ),
                    "a pass takes `%tokens: tensor<?x?xi32>`, a body `%stream: tensor<?x?xbf16>`",
                );
                return None;
            }
        };
        let element = match dialect::activation(argument.r#type()) {
            Ok(element) => element,
            Err(message) => {
                self.error(&place, message, ACTIVATION);
                return None;
            }
        };
        let mut values = Values { index: BTreeMap::new(), elements: vec![Some(element)] };
        values.index.insert(argument.to_raw().ptr as usize, 0);
        let (steps, returned) = self.steps(block, &mut values);
        let Some((result, return_place)) = returned else {
            if self.errors.len() == errors_before {
                self.error(
                    &place,
                    format!("`@{symbol}` returns no value"),
                    "end its body with `return %x : tensor<?x?xbf16>`, the value that it makes",
                );
            }
            return None;
        };
        let training = self.training(operation, &place);
        let function = Function {
            symbol,
            role,
            training,
            groups,
            patch,
            drafts,
            element,
            steps,
            result,
            place,
            return_place,
        };
        (self.errors.len() == errors_before).then_some(function)
    }

    /// The pass that a function is; `None` also where it is none.
    fn role(&mut self, operation: OperationRef<'c, '_>, place: &Place, symbol: &str) -> Option<Role> {
        let names = ["berth.service", "berth.precision", "berth.phase"];
        let present = names.map(|name| operation.has_attribute(name));
        if present == [false; 3] {
            return None;
        }
        for (name, _) in names.iter().zip(present).filter(|(_, present)| !present) {
            self.error(
                place,
                format!("`@{symbol}` is a pass of a service and lacks `{name}`"),
                "a pass says all three: `berth.service = \"chat\", berth.precision = \"bf16\", berth.phase = \
                 \"prefill\"`; a body says none",
            );
        }
        if present != [true; 3] {
            return None;
        }
        let [service, precision, phase] = names.map(|name| self.string(operation, name));
        let (service, precision, phase) = (service?, precision?, phase?);
        let known_precision = dialect::precision_of(&precision);
        if known_precision.is_none() {
            self.error(
                place,
                format!("`berth.precision` is \"bf16\" or \"fp8\"; here it is \"{precision}\""),
                "write one of the two; narrower weights stand in the types of weights",
            );
        }
        let known_phase = phase_of(&phase);
        if known_phase.is_none() {
            self.error(
                place,
                format!(
                    "`berth.phase` is \"prefill\", \"decode\", \"encode\", \"step\", \"vision\" or \"denoise\"; here it is \"{phase}\""
                ),
                "write what this pass is of: \"prefill\" and \"decode\" of what answers token by token, \"encode\" of an encoder, \
                 \"vision\" of images that are seen, \"denoise\" of those that are made, \"step\" of training",
            );
        }
        // Text that says nothing is for devices that run one kernel after another.
        let target = match operation.has_attribute("berth.target") {
            false => Some(Target::default()),
            true => {
                let written = self.string(operation, "berth.target")?;
                let target = Target::ALL.into_iter().find(|target| target.name() == written);
                if target.is_none() {
                    self.error(
                        place,
                        format!("`berth.target` is \"kernels\" or \"dataflow\"; here it is \"{written}\""),
                        "write one of the two, or delete it for devices that run one kernel after another",
                    );
                }
                target
            }
        };
        Some(Role { service, precision: known_precision?, target: target?, phase: known_phase? })
    }

    /// Pixels along a side of the patches that a pass over images takes.
    fn patch(
        &mut self,
        operation: OperationRef<'c, '_>,
        place: &Place,
        symbol: &str,
        role: Option<&Role>,
    ) -> Option<u64> {
        if !takes_pixels(role?.phase) {
            return None;
        }
        let patch = self.count(operation, "berth.patch").filter(|patch| (1..=1 << 20).contains(patch));
        if patch.is_none() {
            let message = format!(
                "`@{symbol}` is a pass over images; it says the pixels along a side of a patch as an i64 from 1 to \
                 1048576"
            );
            self.error(place, message, "add `berth.patch = 14 : i64` to its attributes");
        }
        patch
    }

    /// Tokens that a pass of decode reads of each sequence beside the last one.
    fn drafts(
        &mut self,
        operation: OperationRef<'c, '_>,
        place: &Place,
        symbol: &str,
        role: Option<&Role>,
    ) -> u64 {
        if !operation.has_attribute("berth.drafts") {
            return 0;
        }
        if role.is_none_or(|role| role.phase != Phase::Decode) {
            let message =
                format!("`@{symbol}` is no pass of decode, and only those read tokens that were guessed");
            self.error(place, message, "delete its `berth.drafts`");
        }
        let drafts = self.count(operation, "berth.drafts").filter(|drafts| (1..=64).contains(drafts));
        if drafts.is_none() {
            let message = format!("`berth.drafts` of `@{symbol}` is an i64 from 1 to 64");
            self.error(place, message, "write how many tokens were guessed, or delete it where none were");
        }
        drafts.unwrap_or(0)
    }

    /// An attribute that is an i64 of 0 or more.
    fn count(&self, operation: OperationRef<'c, '_>, name: &str) -> Option<u64> {
        let stated = operation.has_attribute(name).then(|| operation.attribute(name).ok()).flatten()?;
        let integer = IntegerAttribute::try_from(stated).ok()?;
        let i64_type = IntegerType::new(self.context, 64).into();
        (integer.r#type() == i64_type).then(|| u64::try_from(integer.value()).ok()).flatten()
    }

    /// The axes that divide the rows of a pass; none where nothing is said.
    fn groups(&mut self, operation: OperationRef<'c, '_>, place: &Place) -> Groups {
        let mut groups = Groups::default();
        if !operation.has_attribute("berth.rows") {
            return groups;
        }
        let Ok(attribute) = operation.attribute("berth.rows") else { return groups };
        let named: Option<Vec<String>> = ArrayAttribute::try_from(attribute).ok().and_then(|names| {
            (0..names.len())
                .map(|index| StringAttribute::try_from(names.element(index).ok()?).ok().map(foreign::string))
                .collect()
        });
        for name in named.unwrap_or_else(|| vec![attribute.to_string()]) {
            match name.as_str() {
                "data" => groups.data = true,
                "context" => groups.context = true,
                _ => {
                    let message =
                        format!("`berth.rows` lists \"data\" and \"context\"; here it has `{name}`");
                    let help = "write `berth.rows = [\"data\"]`, with \"context\" beside it where tokens are divided too";
                    self.error(place, message, help);
                }
            }
        }
        groups
    }

    /// How a pass trains, where it does.
    fn training(&mut self, operation: OperationRef<'c, '_>, place: &Place) -> Option<Training> {
        let optimizer = self.string_if_any(operation, "berth.optimizer");
        let recompute = self.string_if_any(operation, "berth.recompute");
        if optimizer.is_none() && recompute.is_none() {
            return None;
        }
        let mut unknown = |name: &str, known: &[&str], written: &str| {
            let known: Vec<_> = known.iter().map(|known| format!("\"{known}\"")).collect();
            self.error(
                place,
                format!("`{name}` is one of {}; here it is \"{written}\"", known.join(", ")),
                format!(
                    "write one of these, or delete `{name}` for {}",
                    known.first().map_or("", String::as_str)
                ),
            );
        };
        let mut training = Training::default();
        if let Some(written) = optimizer {
            match Optimizer::ALL.into_iter().find(|known| known.name() == written) {
                Some(optimizer) => training.optimizer = optimizer,
                None => unknown("berth.optimizer", &Optimizer::ALL.map(Optimizer::name), &written),
            }
        }
        if let Some(written) = recompute {
            match Recompute::ALL.into_iter().find(|known| known.name() == written) {
                Some(recompute) => training.recompute = recompute,
                None => unknown("berth.recompute", &Recompute::ALL.map(Recompute::name), &written),
            }
        }
        Some(training)
    }

    /// All steps that can be read, and what is returned where.
    fn steps(&mut self, block: BlockRef<'c, '_>, values: &mut Values) -> (Vec<Step>, Option<(usize, Place)>) {
        let mut steps = Vec::new();
        let mut returned = None;
        let mut next = block.first_operation();
        while let Some(operation) = next {
            next = operation.next_in_block();
            let place = self.place(operation);
            let operands: Vec<Option<usize>> = operation
                .operands()
                .map(|value| values.index.get(&(value.to_raw().ptr as usize)).copied())
                .collect();
            if foreign::identifier(operation.name()) == "func.return" {
                match operands.as_slice() {
                    [Some(value)] => returned = Some((*value, place)),
                    _ => {
                        let message = format!("a body returns one value; here it returns {}", operands.len());
                        let help =
                            "return the value that the next body or the answer is made of, and no other";
                        self.error(&place, message, help);
                    }
                }
                continue;
            }
            let step = self.step(operation, &place, &operands, values);
            // A step that cannot be read still has a result, so that its users are read too.
            if let Ok(result) = operation.result(0) {
                let element = dialect::activation(result.r#type()).ok().filter(|element| !element.is_token());
                values.index.insert(result.to_raw().ptr as usize, values.elements.len());
                values.elements.push(element);
            }
            steps.extend(step);
        }
        (steps, returned)
    }

    fn step(
        &mut self,
        operation: OperationRef<'c, '_>,
        place: &Place,
        operands: &[Option<usize>],
        values: &Values,
    ) -> Option<Step> {
        let kind = foreign::identifier(operation.name());
        let Said { name, computation, fused, overlap, variants } =
            match dialect::read(self.context, operation) {
                Ok(read) => read,
                Err(problems) => {
                    for Problem { message, help } in problems {
                        self.error(place, format!("{kind}: {message}"), help);
                    }
                    return None;
                }
            };
        let errors_before = self.errors.len();
        let mut wrong = |message: String, help: &str| self.error(place, format!("{kind}: {message}"), help);
        if operation.region_count() != 0 {
            wrong(
                "it has no region".to_owned(),
                "delete what stands in `({ … })`; operations of a body stand in a function that berth.repeat names",
            );
        }
        if operation.result_count() != 1 {
            wrong(
                format!("it has one result; here it has {}", operation.result_count()),
                "write `%0 = … : (…) -> tensor<?x?xbf16>`",
            );
        }
        if operands.len() != computation.operands() {
            let takes = if computation.operands() == 1 { "1 value" } else { "2 values" };
            wrong(
                format!("it takes {takes}; here it takes {}", operands.len()),
                "name its values in `(…)` after its name, and as many types before `->`",
            );
        }
        let tokens = computation_reads_tokens(&computation);
        let mut known = Vec::with_capacity(operands.len());
        for operand in operands {
            let Some(index) = *operand else {
                wrong(
                    "it uses a value that no operation of this body has".to_owned(),
                    "take a value that stands above it in the same body",
                );
                continue;
            };
            known.push(index);
            let given = values.elements.get(index).copied().flatten().map(Element::is_token);
            if let (Some(wanted), Some(given)) = (tokens, given)
                && wanted != given
            {
                if wanted {
                    wrong(
                        "it takes tokens, `tensor<?x?xi32>`".to_owned(),
                        "take the argument of the pass, which is the only value that is tokens",
                    );
                } else {
                    wrong(
                        "it takes numbers such as `tensor<?x?xbf16>`, not tokens".to_owned(),
                        "take the rows that a `berth.lookup` makes of the tokens",
                    );
                }
            }
        }
        let mut element = None;
        if let Ok(result) = operation.result(0) {
            match dialect::activation(result.r#type()) {
                Ok(found) if found.is_token() => {
                    wrong(
                        "its result is never tokens".to_owned(),
                        "write numbers after `->`: `tensor<?x?xbf16>`",
                    );
                }
                Ok(found) => element = Some(found),
                Err(message) => wrong(message, ACTIVATION),
            }
        }
        if self.errors.len() > errors_before {
            return None;
        }
        let name = match (&computation, name) {
            (Computation::Repeat { callee, .. }, _) => callee.clone(),
            (_, Some(name)) => name,
            (_, None) => kind,
        };
        Some(Step {
            name,
            computation,
            operands: known,
            element: element?,
            fused,
            overlap,
            variants,
            place: place.clone(),
        })
    }
}

/// Values of one body by the address of the MLIR value, which is only looked up, never ordered by.
struct Values {
    index: BTreeMap<usize, usize>,
    /// None where the type is none that a value has.
    elements: Vec<Option<Element>>,
}

/// Whether an operation wants tokens (`true`) or numbers; a repeat takes what its body takes.
fn computation_reads_tokens(computation: &Computation) -> Option<bool> {
    match computation {
        Computation::Lookup { .. } => Some(true),
        Computation::Repeat { .. } => None,
        Computation::Matmul { .. }
        | Computation::Norm { .. }
        | Computation::Residual
        | Computation::SiluMultiply
        | Computation::Activate
        | Computation::CacheWrite { .. }
        | Computation::Attention { .. }
        | Computation::LatentCacheWrite { .. }
        | Computation::LatentAttention { .. }
        | Computation::EncoderAttention { .. }
        | Computation::Positions { .. }
        | Computation::Merge { .. }
        | Computation::HeadNorm { .. }
        | Computation::Given { .. }
        | Computation::Join { .. }
        | Computation::Take { .. }
        | Computation::Modulate { .. }
        | Computation::Dispatch { .. }
        | Computation::GroupedMatmul { .. }
        | Computation::Combine { .. }
        | Computation::LastToken
        | Computation::FirstToken
        | Computation::Loss
        | Computation::AllReduce { .. }
        | Computation::AllGather { .. }
        | Computation::ReduceScatter { .. }
        | Computation::AllToAll
        | Computation::Send
        | Computation::KvExchange { .. } => Some(false),
    }
}

/// Its pass takes images as numbers, where others take tokens.
fn takes_pixels(phase: Phase) -> bool {
    matches!(phase, Phase::Vision | Phase::Denoise)
}

fn phase_of(name: &str) -> Option<Phase> {
    Phase::ALL.into_iter().find(|phase| phase.name() == name)
}

/// A message at a place.
pub(crate) fn diagnostic(place: &Place, message: String, help: Option<String>) -> IrDiagnostic {
    IrDiagnostic {
        code: "ir::verify",
        message,
        file: place.file.clone(),
        line: place.line,
        column: place.column,
        help,
    }
}

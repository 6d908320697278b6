//! From the typed model to MLIR: one `berth.model` for each model that a service runs, one `berth.call`
//! for each service, precision and sort of devices that the program has.
//!
//! Contract: a field that is missing, or sizes that no machine could hold, are the user's to mend: a
//! located diagnostic naming all of them. [`shape`] reads a model's fields, and nothing after it does.

use crate::dialect::precision_name;
use crate::module::source::{self, Reading};
use crate::shape::{Shape, Value, shape};
use berth_compiler::graph::Target;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{Attention, LlmWork, Model, Precision, Program, Work};
use berth_language::sources::Sources;
use berth_language::span::Span;
use melior::Context;
use melior::ir::attribute::{
    Attribute, BoolAttribute, DictionaryAttribute, FlatSymbolRefAttribute, IntegerAttribute, StringAttribute,
};
use melior::ir::operation::{OperationBuilder, OperationMutLike};
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockLike, Identifier, Location, Module};
use std::collections::BTreeSet;

/// The module before any pass.
pub(crate) fn import<'c>(
    context: &'c Context,
    program: &Program,
    sources: &Sources,
    path: &str,
) -> Result<Module<'c>, Vec<Diagnostic>> {
    let mut module = Module::new(Location::new(context, path, 1, 1));
    module.as_operation_mut().set_attribute("berth.program", StringAttribute::new(context, path).into());
    let lines = Lines { context, sources };
    let mut diagnostics = Vec::new();
    let mut imported = BTreeSet::new();
    for service in &program.services {
        let Work::Llm(work) = &service.work else { continue };
        let Some(model) = program.models.get(work.model.value) else { continue };
        if let Some(stated) = &model.module {
            let reading = Reading { sources, model, service, work };
            let allowed = if work.precision.is_empty() { PRECISIONS.to_vec() } else { precisions(work) };
            let location = lines.at(service.span);
            for target in targets(program) {
                let appended = source::append(context, &module, &reading, stated, &allowed, target, location);
                if let Err(found) = appended {
                    diagnostics.extend(found);
                    break;
                }
            }
            continue;
        }
        let runs = Runs { name: &service.name, span: service.span, what: "this service runs it", work };
        if let Err(diagnostic) = calls(&lines, &module, program, model, &runs, &mut imported) {
            diagnostics.push(*diagnostic);
        }
    }
    for job in &program.jobs {
        if let Some(work) = &job.runs {
            let Some(model) = program.models.get(work.model.value) else { continue };
            let runs = Runs { name: &job.name, span: job.span, what: "this job runs it", work };
            if let Err(diagnostic) = calls(&lines, &module, program, model, &runs, &mut imported) {
                diagnostics.push(*diagnostic);
            }
            continue;
        }
        let (Some(trains), Some(_)) = (&job.trains, &job.steps) else { continue };
        let derived = |model: &&Model| model.module.is_none() && model.diffusion.is_none();
        let Some(model) = program.models.get(trains.model).filter(derived) else { continue };
        if imported.insert(trains.model) {
            match shape(model, (job.span, "this job trains it")) {
                Ok(shape) => append(&module, declaration(&lines, model, &shape)),
                Err(diagnostic) => diagnostics.push(*diagnostic),
            }
        }
        let text = |text: &str| Attribute::from(StringAttribute::new(context, text));
        let call = OperationBuilder::new("berth.call", lines.at(job.span)).add_attributes(&[
            lines.named("service", text(&job.name)),
            lines.named("model", FlatSymbolRefAttribute::new(context, &model.name).into()),
            lines.named("precision", text(precision_name(Precision::Bf16))),
            lines.named("optimizer", text(&trains.optimizer)),
            lines.named("recompute", text(&trains.recompute)),
        ]);
        append(&module, call);
    }
    if diagnostics.is_empty() { Ok(module) } else { Err(diagnostics) }
}

/// What runs a model.
struct Runs<'p> {
    name: &'p str,
    span: Span,
    /// Why the model is read.
    what: &'static str,
    work: &'p LlmWork,
}

/// Declares `model`, where nothing has, and calls it once for each precision and each sort of device.
fn calls<'c>(
    lines: &Lines<'c, '_>,
    module: &Module<'c>,
    program: &Program,
    model: &Model,
    Runs { name, span, what, work }: &Runs<'_>,
    imported: &mut BTreeSet<usize>,
) -> Result<(), Box<Diagnostic>> {
    let context = lines.context;
    if imported.insert(work.model.value) {
        append(module, declaration(lines, model, &shape(model, (*span, what))?));
    }
    for precision in precisions(work) {
        for target in targets(program) {
            let text = |text: &str| Attribute::from(StringAttribute::new(context, text));
            let mut attributes = vec![
                lines.named("service", text(name)),
                lines.named("model", FlatSymbolRefAttribute::new(context, &model.name).into()),
                lines.named("precision", text(precision_name(precision))),
            ];
            if let Some(engine) = &work.engine {
                attributes.push(lines.named("engine", text(&engine.value)));
            }
            attributes.extend(storage(lines, model, work));
            if target != Target::default() {
                attributes.push(lines.named("target", text(target.name())));
            }
            if work.acceptance.is_some() {
                attributes.push(lines.named("predicts", BoolAttribute::new(context, true).into()));
            }
            let call = OperationBuilder::new("berth.call", lines.at(*span));
            append(module, call.add_attributes(&attributes));
        }
    }
    Ok(())
}

/// How the devices of the program run operators; kernels where it has none.
fn targets(program: &Program) -> BTreeSet<Target> {
    let devices = program.nodes.iter().filter_map(|node| program.devices.get(node.devices.as_ref()?.value.0));
    let mut targets: BTreeSet<Target> = devices.map(Target::of).collect();
    if targets.is_empty() {
        targets.insert(Target::default());
    }
    targets
}

const PRECISIONS: [Precision; 2] = [Precision::Bf16, Precision::Fp8];

/// The precisions that every line on it allows; bf16 where there is none.
fn precisions(work: &LlmWork) -> Vec<Precision> {
    let LlmWork {
        model: _,
        engine: _,
        image: _,
        prompt: _,
        output: _,
        images: _,
        image_size: _,
        denoising_steps: _,
        guidance: _,
        acceptance: _,
        sequences: _,
        prefix_hit: _,
        tensor: _,
        pipeline: _,
        expert: _,
        expert_load: _,
        redundant_experts: _,
        data: _,
        context: _,
        nodes: _,
        batch: _,
        precision,
        weights: _,
        kv_cache: _,
        device: _,
    } = work;
    if precision.is_empty() {
        return vec![Precision::Bf16];
    }
    PRECISIONS
        .into_iter()
        .filter(|candidate| precision.iter().all(|line| line.allowed.contains(candidate)))
        .collect()
}

/// What matrices, keys and values are held as, where the precision does not say it.
fn storage<'c>(lines: &Lines<'c, '_>, model: &Model, work: &LlmWork) -> Vec<(Identifier<'c>, Attribute<'c>)> {
    let text = |text: &str| Attribute::from(StringAttribute::new(lines.context, text));
    let mut said = Vec::new();
    if let Some(weights) = work.held_as(model) {
        said.push(lines.named("weights", text(weights.name())));
        if let (None, Some(group)) = (&work.weights, &model.native_group) {
            // Scales of groups larger than any matrix are one for each column.
            let group = i64::try_from(group.value).unwrap_or(i64::MAX);
            let i64_type = IntegerType::new(lines.context, 64).into();
            said.push(lines.named("group", IntegerAttribute::new(i64_type, group).into()));
        }
    }
    let cache = work.kv_cache.as_ref().or(model.kv_cache.as_ref()).map(|fact| fact.value);
    if let Some(cache) = cache
        && !matches!(model.attention, Attention::Bidirectional(_))
        && model.diffusion.is_none()
    {
        said.push(lines.named("cache", text(cache.name())));
    }
    said
}

fn declaration<'c>(lines: &Lines<'c, '_>, model: &Model, shape: &Shape) -> OperationBuilder<'c> {
    let context = lines.context;
    let i64_type = IntegerType::new(context, 64).into();
    let mut attributes = vec![lines.named("sym_name", StringAttribute::new(context, &model.name).into())];
    let mut places = Vec::new();
    for (field, value, span) in &shape.fields {
        attributes.push(lines.named(
            field,
            match value {
                // At most 2^40.
                Value::Count(count) => {
                    IntegerAttribute::new(i64_type, i64::try_from(*count).unwrap_or(i64::MAX)).into()
                }
                Value::Flag(flag) => BoolAttribute::new(context, *flag).into(),
                Value::Name(name) => StringAttribute::new(context, name).into(),
            },
        ));
        if matches!(value, Value::Count(_)) {
            places.push(lines.named(field, lines.at(*span).to_attribute()));
        }
    }
    if model.diffusion.is_none() {
        attributes.push(lines.named("places", DictionaryAttribute::new(context, &places).into()));
    }
    // What a diffusion transformer is stands on one line.
    let at = model.diffusion.as_ref().map_or(model.span, |diffusion| diffusion.span);
    OperationBuilder::new(shape.operation, lines.at(at)).add_attributes(&attributes)
}

fn append<'c>(module: &Module<'c>, operation: OperationBuilder<'c>) {
    // Building fails only where result types are to be inferred, and none are.
    if let Ok(operation) = operation.build() {
        module.body().append_operation(operation);
    }
}

/// The user's lines as MLIR locations.
struct Lines<'c, 's> {
    context: &'c Context,
    sources: &'s Sources,
}

impl<'c> Lines<'c, '_> {
    fn at(&self, span: Span) -> Location<'c> {
        let path = self.sources.get(span.file).map_or("", |source| source.path.as_str());
        let (line, column) = self.sources.position(span);
        Location::new(self.context, path, line, column)
    }

    fn named(&self, name: &str, attribute: Attribute<'c>) -> (Identifier<'c>, Attribute<'c>) {
        (Identifier::new(self.context, name), attribute)
    }
}

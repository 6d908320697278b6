//! From the typed model to MLIR: one `berth.model` for each model that a service runs, one `berth.call`
//! for each service and precision.
//!
//! Contract: here a model's fields are read, and nowhere after. A field that is missing, or sizes that
//! no machine could hold, are the user's to mend: a located diagnostic naming all of them.

use crate::dialect::{MOST_ELEMENTS, precision_name};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{Fact, LlmWork, Model, Precision, Program, Work};
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
        if imported.insert(work.model.value) {
            match shape(model, service.span) {
                Ok(shape) => append(&module, declaration(&lines, model, &shape)),
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        }
        for precision in precisions(work) {
            let call = OperationBuilder::new("berth.call", lines.at(service.span)).add_attributes(&[
                lines.named("service", StringAttribute::new(context, &service.name).into()),
                lines.named("model", FlatSymbolRefAttribute::new(context, &model.name).into()),
                lines.named("precision", StringAttribute::new(context, precision_name(precision)).into()),
            ]);
            append(&module, call);
        }
    }
    if diagnostics.is_empty() { Ok(module) } else { Err(diagnostics) }
}

/// The precisions that every line on it allows; bf16 where there is none.
fn precisions(work: &LlmWork) -> Vec<Precision> {
    let LlmWork {
        model: _,
        engine: _,
        prompt: _,
        output: _,
        sequences: _,
        prefix_hit: _,
        tensor: _,
        batch: _,
        precision,
        device: _,
    } = work;
    if precision.is_empty() {
        return vec![Precision::Bf16];
    }
    [Precision::Bf16, Precision::Fp8]
        .into_iter()
        .filter(|candidate| precision.iter().all(|line| line.allowed.contains(candidate)))
        .collect()
}

/// The shape of a dense decoder with nothing missing, each field with the line that states it.
struct Shape {
    fields: Vec<(&'static str, u64, Span)>,
    tied: bool,
}

fn shape(model: &Model, service: Span) -> Result<Shape, Diagnostic> {
    let Model {
        name,
        span,
        layers,
        hidden,
        heads,
        kv_heads,
        head_width,
        feed_forward,
        vocabulary,
        tied_embeddings,
    } = model;
    let stated = [
        ("layers", layers),
        ("hidden", hidden),
        ("heads", heads),
        ("kv_heads", kv_heads),
        ("feed_forward", feed_forward),
        ("vocabulary", vocabulary),
    ];
    let missing: Vec<&str> =
        stated.iter().filter(|(_, fact)| fact.is_none()).map(|(field, _)| *field).collect();
    let missing_input = |missing: &[&str]| {
        let names = missing.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
        Diagnostic::error(
            "model::missing-input",
            format!("model `{name}` cannot be lowered without {names}"),
            *span,
            format!("{names} missing here"),
        )
        .and(service, "this service runs it")
        .help(missing.iter().map(|field| format!("{field} = …")).collect::<Vec<_>>().join("\n"))
    };
    if !missing.is_empty() {
        return Err(missing_input(&missing));
    }
    let mut fields: Vec<(&'static str, u64, Span)> = stated
        .iter()
        .filter_map(|(field, fact)| fact.as_ref().map(|fact: &Fact<u64>| (*field, fact.value, fact.span)))
        .collect();
    let of = |fields: &[(&str, u64, Span)], wanted: &str| {
        fields.iter().find(|(field, ..)| *field == wanted).map_or(0, |(_, value, _)| *value)
    };
    let (hidden_width, head_count) = (of(&fields, "hidden"), of(&fields, "heads"));
    match head_width {
        Some(fact) => fields.push(("head_width", fact.value, fact.span)),
        None if head_count > 0 && hidden_width.is_multiple_of(head_count) => {
            fields.push(("head_width", hidden_width / head_count, *span));
        }
        None => return Err(missing_input(&["head_width"])),
    }
    let wrong = |span: Span, title: String, label: String| {
        Diagnostic::error("model::shape", title, span, label).and(service, "this service runs it")
    };
    if let Some((field, value, span)) = fields.iter().find(|(_, value, _)| *value == 0 || *value > 1 << 40) {
        return Err(wrong(
            *span,
            format!("`{field}` of model `{name}` is from 1 to 2^40"),
            format!("it is {value} here"),
        ));
    }
    let widths = [("layers", 1_000_000), ("heads", 1 << 20), ("kv_heads", 1 << 20), ("head_width", 1 << 20)];
    for (field, value, span) in &fields {
        if let Some((_, most)) = widths.iter().find(|(limited, _)| limited == field)
            && value > most
        {
            return Err(wrong(
                *span,
                format!("`{field}` of model `{name}` is at most {most}"),
                format!("it is {value} here"),
            ));
        }
    }
    let kv = of(&fields, "kv_heads");
    if !head_count.is_multiple_of(kv) {
        let span = kv_heads.as_ref().map_or(*span, |fact| fact.span);
        return Err(wrong(
            span,
            format!("`kv_heads` of model `{name}` divides `heads`: each serves equally many"),
            format!("{kv} does not divide {head_count}"),
        ));
    }
    let (width, inner, words) =
        (of(&fields, "head_width"), of(&fields, "feed_forward"), of(&fields, "vocabulary"));
    let largest = [(head_count + 2 * kv).checked_mul(width), inner.checked_mul(2), Some(words)]
        .into_iter()
        .map(|columns| columns.and_then(|columns| columns.checked_mul(hidden_width)))
        .try_fold(0, |most: u64, elements| elements.map(|elements| most.max(elements)));
    if largest.is_none_or(|elements| elements > MOST_ELEMENTS) {
        return Err(wrong(
            *span,
            format!("model `{name}` has a weight of more than 2^62 elements"),
            "the product of its widths is that large".to_owned(),
        ));
    }
    Ok(Shape { fields, tied: tied_embeddings.as_ref().is_some_and(|fact| fact.value) })
}

fn declaration<'c>(lines: &Lines<'c, '_>, model: &Model, shape: &Shape) -> OperationBuilder<'c> {
    let context = lines.context;
    let i64_type = IntegerType::new(context, 64).into();
    let mut attributes = vec![
        lines.named("sym_name", StringAttribute::new(context, &model.name).into()),
        lines.named("tied_embeddings", BoolAttribute::new(context, shape.tied).into()),
    ];
    let mut places = Vec::new();
    for (field, value, span) in &shape.fields {
        // At most 2^40.
        let value = i64::try_from(*value).unwrap_or(i64::MAX);
        attributes.push(lines.named(field, IntegerAttribute::new(i64_type, value).into()));
        places.push(lines.named(field, lines.at(*span).to_attribute()));
    }
    attributes.push(lines.named("places", DictionaryAttribute::new(context, &places).into()));
    OperationBuilder::new("berth.model", lines.at(model.span)).add_attributes(&attributes)
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

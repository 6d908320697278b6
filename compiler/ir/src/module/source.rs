//! From a module's file to a module inside ours, which says which pass of which service it is.
//!
//! Contract: a model whose module was read goes in; the text is parsed without the locations that it may hold,
//! so that what is wrong is said of the line of the file. It is priced once here, for its precision and for what
//! is wrong with it: that is the user's to mend.

use super::{Calling, price};
use crate::dialect::precision_name;
use crate::foreign;
use crate::text;
use berth_compiler::graph::Target;
use berth_compiler::lowering::IrDiagnostic;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{Extent, Fact, LlmWork, Model, Module as Stated, Precision, Service};
use berth_language::sources::Sources;
use melior::Context;
use melior::ir::attribute::{Attribute, DictionaryAttribute, IntegerAttribute, StringAttribute};
use melior::ir::operation::OperationMutLike;
use melior::ir::r#type::IntegerType;
use melior::ir::{BlockLike, Identifier, Location, Module};

/// What a module is read for.
pub(crate) struct Reading<'p> {
    pub(crate) sources: &'p Sources,
    pub(crate) model: &'p Model,
    pub(crate) service: &'p Service,
    pub(crate) work: &'p LlmWork,
}

/// Appends the module that `stated` names to `top`.
///
/// # Errors
/// The file is no module, or one that cannot be priced: each message at its line of the file.
pub(crate) fn append<'c>(
    context: &'c Context,
    top: &Module<'c>,
    reading: &Reading,
    stated: &Fact<Stated>,
    allowed: &[Precision],
    target: Target,
    location: Location<'c>,
) -> Result<(), Vec<Diagnostic>> {
    let path = stated.value.file.path.as_str();
    let Some((_, source)) = reading.sources.iter().find(|(_, source)| source.path == path) else {
        // Whoever resolves the model adds its file to the sources.
        return Ok(());
    };
    let located = |errors: Vec<IrDiagnostic>| -> Vec<Diagnostic> {
        let located = errors.into_iter().map(|error| error.located(reading.sources));
        located.map(|diagnostic| diagnostic.and(stated.span, "this model is read from it")).collect()
    };
    if source.bytes.starts_with(b"ML\xEFR") {
        return Err(located(vec![refusal(
            path,
            "this is MLIR's binary form, and modules are read as text",
            "print it: `mlir-opt --mlir-print-op-generic`, or `stablehlo-opt` for StableHLO",
        )]));
    }
    if std::str::from_utf8(&source.bytes).is_err() {
        return Err(located(vec![refusal(path, "this is no UTF-8 text", "export the module as text")]));
    }
    text::guard(&source.text, path)
        .map_err(|error| located(vec![IrDiagnostic { code: "module::parse", ..error }]))?;
    let here = text::without_locations(&source.text);
    text::tried(&here, path, "module::parse").map_err(|error| located(vec![error]))?;
    let parsed = text::parse(context, &here, path, "module::parse")
        .map_err(|errors| located(errors.into_iter().map(exporting).collect()))?;
    let module = foreign::copy_of(parsed.as_operation());
    let module = top.body().append_operation(module);

    let Stated { file, dimensions, bind: _, inputs } = &stated.value;
    let calling = Calling {
        entry: file.entry.clone(),
        extents: dimensions.iter().copied().collect(),
        inputs: inputs.as_ref().map_or(1, |inputs| inputs.value),
    };
    let imported = price(module, path, &calling).map_err(|errors| {
        located(errors.into_iter().map(|error| IrDiagnostic { code: "module::verify", ..error }).collect())
    })?;
    let precision = imported.precision();
    if !allowed.contains(&precision) {
        let span = reading.work.precision.first().map_or(reading.service.span, |line| line.span);
        let name = precision_name(precision);
        return Err(vec![
            Diagnostic::error(
                "module::precision",
                format!("`{}` runs a module, which computes in {name}", reading.service.name),
                span,
                "this asks for another precision",
            )
            .and(stated.span, "the module's own types say so")
            .help(format!("Leave the line out, allow {name}, or export the module anew.")),
        ]);
    }

    let string = |value: &str| -> Attribute<'c> { StringAttribute::new(context, value).into() };
    let number = |value: u64| -> Attribute<'c> {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        IntegerAttribute::new(IntegerType::new(context, 64).into(), value).into()
    };
    let bound: Vec<(Identifier<'c>, Attribute<'c>)> = calling
        .extents
        .iter()
        .map(|(dimension, extent)| {
            let extent = match extent {
                Extent::Number(extent) => number(*extent),
                named => string(&named.to_string()),
            };
            (Identifier::new(context, &dimension.to_string()), extent)
        })
        .collect();
    let name = precision_name(precision);
    let mut attributes = vec![
        ("sym_name", string(&format!("{}_{name}_step", reading.service.name))),
        ("berth.service", string(&reading.service.name)),
        ("berth.precision", string(name)),
        ("berth.phase", string("step")),
        ("berth.model", string(&reading.model.name)),
        ("berth.inputs", number(calling.inputs)),
    ];
    if !bound.is_empty() {
        attributes.push(("berth.bind", DictionaryAttribute::new(context, &bound).into()));
    }
    if target != Target::default() {
        attributes.push(("berth.target", string(target.name())));
        attributes
            .push(("sym_name", string(&format!("{}_{name}_step_{}", reading.service.name, target.name()))));
    }
    if let Some(entry) = &calling.entry {
        attributes.push(("berth.entry", string(entry)));
    }
    let mut module = foreign::mutable(module);
    for (name, value) in attributes {
        module.set_attribute(name, value);
    }
    module.set_location(location);
    Ok(())
}

fn refusal(path: &str, message: &str, help: &str) -> IrDiagnostic {
    IrDiagnostic {
        code: "module::parse",
        message: message.to_owned(),
        file: path.to_owned(),
        line: 1,
        column: 1,
        help: Some(help.to_owned()),
    }
}

/// MLIR knows a dialect's own way of writing only where it has the dialect; the dialects that it has instead are no
/// help.
fn exporting(error: IrDiagnostic) -> IrDiagnostic {
    let (said, name) = match error.message.split_once("not found for custom op '") {
        Some((_, rest)) => (true, rest.split('\'').next().unwrap_or("").to_owned()),
        None => (false, String::new()),
    };
    if !said {
        let help = error.help.clone().filter(|_| error.line == 1);
        return IrDiagnostic { help, ..error };
    }
    let help = match name.split('.').next() {
        Some("stablehlo" | "mhlo" | "chlo" | "vhlo") => {
            "export the generic form: `stablehlo-opt --mlir-print-op-generic`, or in Python \
             `module.operation.get_asm(print_generic_op_form=True)`"
        }
        _ => "print it in generic form: `--mlir-print-op-generic`",
    };
    let message =
        format!("`{name}` is written in its dialect's own form, which is read where the dialect is known");
    IrDiagnostic { message, help: Some(help.to_owned()), ..error }
}

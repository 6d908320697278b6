//! `berth catalog`: what ships with the program, with its sources.

use crate::arguments::Catalog;
use crate::render::failure::Failure;
use crate::render::table::{Align, table};
use berth_compiler::graph::{OperatorGraph, Phase, Target};
use berth_compiler::lowering::Lowering as _;
use berth_compiler::session::Stopped;
use berth_language::model::Precision;
use berth_language::sources::{Files, Unreadable};
use berth_language::span::FileId;
use berth_language::syntax::ast::{Block, Entry, Expr, ExprKind, Item};
use berth_language::{catalog, check, syntax};
use serde::Serialize;
use std::process::ExitCode;

pub fn run(arguments: &Catalog) -> Result<ExitCode, Failure> {
    let things = things();
    match arguments.name.as_deref() {
        Some("models") => models(&things, arguments.json)?,
        name => list(&things, name, arguments.json)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Answer<'a> {
    things: &'a [&'a Thing],
}

#[derive(Serialize)]
struct Models<'a> {
    models: &'a [ModelEntry],
}

/// A declaration of the catalog.
#[derive(Serialize)]
struct Thing {
    module: String,
    kind: String,
    name: String,
    #[serde(rename = "abstract")]
    is_abstract: bool,
    doc: String,
    source: String,
    #[serde(skip)]
    text: String,
}

fn things() -> Vec<Thing> {
    let mut things = Vec::new();
    for module in catalog::names() {
        let parts: Vec<String> = module.split('.').map(str::to_owned).collect();
        let Some(bytes) = catalog::path(&parts).and_then(|path| catalog::file(&path)) else { continue };
        let text = String::from_utf8_lossy(bytes);
        for item in syntax::parse(FileId(0), &text).file.items {
            if let Item::Block(block) = item {
                things.push(thing(&module, &block, &text));
            }
        }
    }
    things
}

fn thing(module: &str, block: &Block, text: &str) -> Thing {
    let source = block.items.iter().flatten().find_map(|item| match item {
        Item::Assign(assign) if assign.target.head.value == "source" => Some(sources(&assign.value, text)),
        _ => None,
    });
    Thing {
        module: module.to_owned(),
        kind: block.kind.value.clone(),
        name: block.name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
        is_abstract: block.is_abstract,
        doc: block.doc.clone().unwrap_or_default().trim().replace('\n', " "),
        source: source.unwrap_or_default(),
        text: text.get(block.span.range()).unwrap_or_default().to_owned(),
    }
}

/// A source as one line: what speaks for most facts first, then `field: source` of the others.
fn sources(value: &Expr, text: &str) -> String {
    let written = |value: &Expr| match &value.kind {
        ExprKind::String(source) => source.clone(),
        _ => text.get(value.span.range()).unwrap_or_default().to_owned(),
    };
    let ExprKind::List(entries) = &value.kind else { return written(value) };
    let name = |entry: &Entry| {
        entry.key.as_ref().and_then(|key| text.get(key.span.range())).unwrap_or_default().to_owned()
    };
    let (most, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| name(entry) == "other");
    let most = most.into_iter().map(|entry| written(&entry.value));
    let others = others.into_iter().map(|entry| format!("{}: {}", name(entry), written(&entry.value)));
    most.chain(others).collect::<Vec<_>>().join("; ")
}

fn list(things: &[Thing], name: Option<&str>, json: bool) -> Result<(), Failure> {
    let named = |thing: &&Thing| {
        name.is_none_or(|name| {
            thing.name == name || thing.module == name || thing.module.strip_prefix("catalog.") == Some(name)
        })
    };
    let found: Vec<&Thing> = things.iter().filter(named).collect();
    if found.is_empty() {
        let mut known: Vec<String> = catalog::names().collect();
        known.extend(things.iter().map(|thing| thing.name.clone()));
        return Err(Failure::UnknownName(name.unwrap_or_default().to_owned(), known));
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&Answer { things: &found }).unwrap_or_default());
        return Ok(());
    }
    // One thing is shown as it is declared: facts and sources are its text.
    if let [only] = found.as_slice() {
        println!("// {}\n{}", only.module, only.text);
        return Ok(());
    }
    let mut module = "";
    let mut rows: Vec<Vec<String>> = Vec::new();
    let heading = [("kind", Align::Left), ("name", Align::Left), ("what it is", Align::Left)];
    for thing in &found {
        if thing.module != module {
            if !rows.is_empty() {
                println!("use {module}\n{}", table(&heading, &rows));
            }
            rows.clear();
            module = &thing.module;
        }
        rows.push(vec![thing.kind.clone(), thing.name.clone(), thing.doc.clone()]);
    }
    println!("use {module}\n{}", table(&heading, &rows));
    println!("One of them, with its facts and sources: berth catalog NAME");
    Ok(())
}

/// A shipped model with what follows from its shape.
#[derive(Serialize)]
struct ModelEntry {
    name: String,
    parameters: u64,
    active_parameters: u64,
    kv_bytes_per_token: u64,
    layers: u64,
    source: String,
}

fn models(things: &[Thing], json: bool) -> Result<(), Failure> {
    let shipped: Vec<&Thing> =
        things.iter().filter(|thing| thing.kind == "model" && !thing.is_abstract).collect();
    let graph = lowered(&shipped)?;
    let entries: Vec<ModelEntry> = shipped
        .iter()
        .enumerate()
        .filter_map(|(index, thing)| model_entry(&graph, &service_name(index), thing))
        .collect();
    if json {
        println!("{}", serde_json::to_string_pretty(&Models { models: &entries }).unwrap_or_default());
        return Ok(());
    }
    let heading = [
        ("model", Align::Left),
        ("parameters", Align::Right),
        ("for one token", Align::Right),
        ("KV bytes", Align::Right),
        ("layers", Align::Right),
    ];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            vec![
                entry.name.clone(),
                grouped(entry.parameters),
                grouped(entry.active_parameters),
                grouped(entry.kv_bytes_per_token),
                entry.layers.to_string(),
            ]
        })
        .collect();
    print!("{}", table(&heading, &rows));
    println!("\nKV bytes are those that one token adds to the cache. Sources");
    let rows: Vec<Vec<String>> =
        entries.iter().map(|entry| vec![entry.name.clone(), entry.source.clone()]).collect();
    print!("{}", table(&[("model", Align::Left), ("from", Align::Left)], &rows));
    Ok(())
}

fn service_name(index: usize) -> String {
    format!("m{index}")
}

/// Figures are read from the operator graph, as planning does: a service a model is enough to get one.
fn lowered(shipped: &[&Thing]) -> Result<OperatorGraph, Failure> {
    let mut text = String::from("use catalog.models as models\n");
    for (index, thing) in shipped.iter().enumerate() {
        text.push_str(&format!(
            "service {} {{\n    model = models.{}\n    engine = vllm\n    prompt = 1 tok\n    output = 1 tok\n}}\n",
            service_name(index),
            thing.name
        ));
    }
    let path = "catalog";
    let checked = check(path, &One(&text));
    let Some(program) = checked.program else {
        return Err(Stopped::Lines(checked.sources, checked.diagnostics).into());
    };
    match berth_ir::Mlir.lower(&program, &checked.sources, path) {
        Ok(lowered) => Ok(lowered.graph),
        Err(found) => Err(Stopped::Lines(checked.sources, found).into()),
    }
}

/// One file in memory, whatever its name.
struct One<'a>(&'a str);

impl Files for One<'_> {
    fn read(&self, _: &str) -> Result<Vec<u8>, Unreadable> {
        Ok(self.0.as_bytes().to_vec())
    }
}

/// Figures of one pass: a decoder's decode, an encoder's only one.
fn model_entry(graph: &OperatorGraph, service: &str, thing: &Thing) -> Option<ModelEntry> {
    let pass = [Phase::Decode, Phase::Encode, Phase::Step, Phase::Denoise]
        .into_iter()
        .find_map(|phase| graph.phase(service, Precision::Bf16, Target::default(), phase))?;
    let operators = || pass.operators.node_weights();
    let vision = graph.phase(service, Precision::Bf16, Target::default(), Phase::Vision);
    let seeing = || vision.iter().flat_map(|vision| vision.operators.node_weights());
    let kv_bytes_per_token = operators()
        .filter_map(|operator| {
            let bytes = operator.kv_memory.evaluate_exactly(|_| 1)?;
            u64::try_from(bytes.to_integer()).ok()?.checked_mul(operator.repeat)
        })
        .sum();
    Some(ModelEntry {
        name: thing.name.clone(),
        parameters: operators().chain(seeing()).map(|operator| operator.parameters * operator.repeat).sum(),
        active_parameters: operators().map(|operator| operator.active_parameters * operator.repeat).sum(),
        kv_bytes_per_token,
        layers: operators()
            .filter(|operator| operator.kind.is_attention())
            .map(|operator| operator.repeat)
            .sum(),
        source: thing.source.clone(),
    })
}

/// `8,030,261,248`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

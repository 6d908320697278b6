//! Programs for tests from lines such as `hidden = 8192`, without the language's front end.

use berth_language::model::{Fact, LlmWork, Model, Plan, Precision, Program, Restriction, Service, Work};
use berth_language::sources::{Source, Sources};
use berth_language::span::{Span, Spanned};

/// The file that the facts stand in.
pub const PATH: &str = "chat.berth";

/// `model NAME` and `service NAME` start a block, whose fields follow; a service runs the model before
/// it. Any other line is a mistake in the test.
pub fn program(text: &str) -> (Program, Sources) {
    let mut sources = Sources::default();
    let file = sources.add(Source {
        path: PATH.to_owned(),
        text: text.to_owned(),
        bytes: text.as_bytes().to_vec(),
        shipped: false,
    });
    let mut program = Program { plan: Plan::default(), ..Program::default() };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let written = line.trim();
        let indent = line.len() - line.trim_start().len();
        let span = Span::new(file, start + indent, start + indent + written.len());
        start += line.len();
        if written.is_empty() {
            continue;
        }
        if let Some(name) = written.strip_prefix("model ") {
            program.models.push(Model {
                name: name.to_owned(),
                span,
                layers: None,
                hidden: None,
                heads: None,
                kv_heads: None,
                head_width: None,
                feed_forward: None,
                vocabulary: None,
                tied_embeddings: None,
            });
        } else if let Some(name) = written.strip_prefix("service ") {
            let model = program.models.len() - 1;
            program.services.push(service(name, model, span));
        } else {
            let (field, value) =
                written.split_once(" = ").unwrap_or_else(|| panic!("`{written}` is no fact"));
            set(&mut program, field, value, span);
        }
    }
    (program, sources)
}

fn set(program: &mut Program, field: &str, value: &str, span: Span) {
    if field == "precision" {
        let Some(Service { work: Work::Llm(work), .. }) = program.services.last_mut() else {
            panic!("`precision` stands in a service")
        };
        let allowed = value
            .split(", ")
            .map(|name| match name {
                "bf16" => Precision::Bf16,
                "fp8" => Precision::Fp8,
                _ => panic!("no precision is called `{name}`"),
            })
            .collect();
        work.precision.push(Restriction { allowed, span, pinned: false });
        return;
    }
    let model = program.models.last_mut().expect("a fact stands in a model");
    if field == "tied_embeddings" {
        model.tied_embeddings = Some(Fact::new(value == "true", span));
        return;
    }
    let slot = match field {
        "layers" => &mut model.layers,
        "hidden" => &mut model.hidden,
        "heads" => &mut model.heads,
        "kv_heads" => &mut model.kv_heads,
        "head_width" => &mut model.head_width,
        "feed_forward" => &mut model.feed_forward,
        "vocabulary" => &mut model.vocabulary,
        _ => panic!("no fact is called `{field}`"),
    };
    *slot = Some(Fact::new(value.replace('_', "").parse().expect("a fact is an integer"), span));
}

fn service(name: &str, model: usize, span: Span) -> Service {
    Service {
        name: name.to_owned(),
        span,
        doc: None,
        work: Work::Llm(LlmWork {
            model: Spanned::new(model, span),
            engine: None,
            prompt: None,
            output: None,
            sequences: 1,
            prefix_hit: None,
            tensor: Vec::new(),
            batch: Vec::new(),
            precision: Vec::new(),
            device: Vec::new(),
        }),
        priority: Spanned::new(0, span),
        demand: None,
        replicas: Vec::new(),
        requirements: Vec::new(),
        wishes: Vec::new(),
        stateful: None,
        pools: Vec::new(),
        measured: None,
        residency: None,
        team: None,
        elastic: false,
        start_up: None,
        interference: None,
        template: None,
        adopt: None,
    }
}

//! Programs for tests from lines such as `hidden = 8192`, without the language's front end.

use berth_language::model::{
    Attention, Biases, Cached, Container, EncoderAttention, Experts, Fact, FeedForward, GroupedAttention,
    LatentAttention, LatentWidths, LlmWork, Model, Plan, Precision, Program, Restriction, Service, Stored,
    Work,
};
use berth_language::sources::{Source, Sources};
use berth_language::span::{Span, Spanned};
use std::collections::BTreeMap;

/// The file that the facts stand in.
pub const PATH: &str = "chat.berth";

/// `model NAME` and `service NAME` start a block, whose fields follow; a service runs the model before
/// it. Any other line is a mistake in the test.
pub fn program(text: &str) -> (Program, Sources) {
    let mut sources = Sources::default();
    let file = sources.add(Source {
        path: PATH.to_owned(),
        text: text.into(),
        bytes: text.as_bytes().into(),
        shipped: false,
    });
    let mut program = Program { plan: Plan::default(), ..Program::default() };
    let mut facts = BTreeMap::new();
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
            facts = BTreeMap::new();
            program.models.push(model(name, span, &facts));
        } else if let Some(name) = written.strip_prefix("service ") {
            let model = program.models.len() - 1;
            program.services.push(service(name, model, span));
        } else {
            let (field, value) =
                written.split_once(" = ").unwrap_or_else(|| panic!("`{written}` is no fact"));
            set(&mut program, &mut facts, field, value, span);
        }
    }
    (program, sources)
}

/// The facts of a model as they are written.
type Facts<'t> = BTreeMap<&'t str, (&'t str, Span)>;

fn set<'t>(program: &mut Program, facts: &mut Facts<'t>, field: &'t str, value: &'t str, span: Span) {
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
    if field == "engine" {
        let Some(Service { work: Work::Llm(work), .. }) = program.services.last_mut() else {
            panic!("`engine` stands in a service")
        };
        work.engine = Some(Fact::new(value.to_owned(), span));
        return;
    }
    if field == "weights" || field == "kv_cache" && work_of(program).is_some() {
        let work = work_of(program).expect("`weights` stands in a service");
        if field == "weights" {
            work.weights = Some(Fact::new(chosen(value, &Stored::ALL, Stored::name), span));
        } else {
            work.kv_cache = Some(Fact::new(chosen(value, &Cached::ALL, Cached::name), span));
        }
        return;
    }
    if field == "acceptance" {
        let work = work_of(program).expect("`acceptance` stands in a service");
        work.acceptance = Some(Box::new(Fact::new(value.parse().expect("a ratio"), span)));
        return;
    }
    assert!(FIELDS.contains(&field), "no fact is called `{field}`");
    facts.insert(field, (value, span));
    let stated = program.models.last_mut().expect("a fact stands in a model");
    *stated = model(&stated.name, stated.span, facts);
}

/// The work of the service that the last block is; none while it is a model.
fn work_of(program: &mut Program) -> Option<&mut LlmWork> {
    let of_last = program.models.len() - 1;
    match &mut program.services.last_mut()?.work {
        Work::Llm(work) if work.model.value == of_last => Some(work),
        _ => None,
    }
}

/// The choice that is called `name`.
fn chosen<T: Copy>(name: &str, all: &[T], name_of: fn(T) -> &'static str) -> T {
    let found = all.iter().copied().find(|choice| name_of(*choice) == name);
    found.unwrap_or_else(|| panic!("`{name}` is no choice"))
}

const FIELDS: [&str; 32] = [
    "layers",
    "hidden",
    "heads",
    "kv_heads",
    "head_width",
    "feed_forward",
    "vocabulary",
    "tied_embeddings",
    "bidirectional",
    "latent_kv",
    "latent_rope",
    "latent_query",
    "latent_value",
    "window",
    "windowed_layers",
    "query_key_norm",
    "post_norms",
    "attention_sinks",
    "biases",
    "dense_layers",
    "experts",
    "experts_per_token",
    "shared_experts",
    "expert_feed_forward",
    "router_bias",
    "prediction_modules",
    "positions",
    "token_types",
    "labels",
    "native",
    "native_group",
    "kv_cache",
];

/// The model of these facts.
fn model(name: &str, span: Span, facts: &Facts) -> Model {
    let count = |field: &str| {
        let (value, span) = facts.get(field)?;
        Some(Fact::new(value.replace('_', "").parse::<u64>().expect("a fact is an integer"), *span))
    };
    let flag = |field: &str| facts.get(field).map(|(value, span)| Fact::new(*value == "true", *span));
    let attention = if facts.contains_key("bidirectional") {
        Attention::Bidirectional(EncoderAttention {
            heads: count("heads"),
            kv_heads: count("kv_heads"),
            head_width: count("head_width"),
            positions: count("positions"),
            token_types: count("token_types"),
            // Whoever gives no scores pools.
            pooler: Some(Fact::new(!facts.contains_key("labels"), span)),
            labels: count("labels"),
        })
    } else if let (Some(kv), Some(rope)) = (count("latent_kv"), count("latent_rope")) {
        let value = |field: &str| count(field).map(|fact| fact.value);
        let widths = LatentWidths {
            kv: kv.value,
            rope: rope.value,
            query: value("latent_query"),
            value: value("latent_value"),
        };
        Attention::Latent(LatentAttention {
            heads: count("heads"),
            head_width: count("head_width"),
            widths: Fact::new(widths, kv.span),
        })
    } else {
        Attention::Grouped(GroupedAttention {
            heads: count("heads"),
            kv_heads: count("kv_heads"),
            head_width: count("head_width"),
            window: count("window"),
            windowed_layers: count("windowed_layers"),
            query_key_norm: flag("query_key_norm"),
            sinks: flag("attention_sinks"),
        })
    };
    let feed_forward = match count("experts") {
        None => FeedForward::Dense(count("feed_forward")),
        Some(experts) => FeedForward::Experts(Experts {
            experts,
            per_token: count("experts_per_token"),
            width: count("expert_feed_forward"),
            shared: count("shared_experts"),
            dense_layers: count("dense_layers"),
            dense_width: count("feed_forward"),
            router_bias: flag("router_bias"),
        }),
    };
    Model {
        name: name.to_owned(),
        span,
        configuration: None,
        module: None,
        layers: count("layers"),
        hidden: count("hidden"),
        vocabulary: count("vocabulary"),
        tied_embeddings: flag("tied_embeddings"),
        attention,
        feed_forward,
        post_norms: flag("post_norms"),
        biases: facts.get("biases").map(|(value, span)| {
            let biases = Biases::ALL.into_iter().find(|biases| biases.name() == *value);
            Fact::new(biases.expect("a choice of biases"), *span)
        }),
        vision: None,
        diffusion: None,
        prediction_modules: count("prediction_modules"),
        native: facts
            .get("native")
            .map(|(value, span)| Fact::new(chosen(value, &Stored::ALL, Stored::name), *span)),
        native_group: count("native_group"),
        kv_cache: facts
            .get("kv_cache")
            .map(|(value, span)| Fact::new(chosen(value, &Cached::ALL, Cached::name), *span)),
        repository: None,
        quality: Vec::new(),
    }
}

fn service(name: &str, model: usize, span: Span) -> Service {
    Service {
        name: name.to_owned(),
        span,
        doc: None,
        work: Work::Llm(LlmWork {
            model: Spanned::new(model, span),
            engine: None,
            image: None,
            prompt: None,
            output: None,
            images: None,
            image_size: None,
            denoising_steps: None,
            guidance: None,
            acceptance: None,
            sequences: 1,
            prefix_hit: None,
            tensor: Vec::new(),
            pipeline: Vec::new(),
            expert: Vec::new(),
            expert_load: None,
            redundant_experts: Vec::new(),
            data: Vec::new(),
            context: Vec::new(),
            nodes: Vec::new(),
            batch: Vec::new(),
            precision: Vec::new(),
            weights: None,
            kv_cache: None,
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
        tolerations: None,
        team: None,
        elastic: None,
        start_up: None,
        interference: None,
        template: None,
        adopt: None,
        container: Container::default(),
    }
}

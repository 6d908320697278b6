//! Models, fact by fact.

use super::{Text, precision_name};
use crate::model::{
    Attention, ConfigurationFile, DiffusionTransformer, EncoderAttention, Experts, Fact, FeedForward,
    GroupedAttention, LatentAttention, LatentWidths, Model, Module, ModuleFile, VisionTower,
};
use crate::quantity_text::percent;

pub(super) fn describe_model(text: &mut Text, model: &Model) {
    let Model {
        name,
        span: _,
        configuration,
        module,
        layers,
        hidden,
        vocabulary,
        tied_embeddings,
        attention,
        feed_forward,
        post_norms,
        biases,
        vision,
        diffusion,
        prediction_modules,
        repository,
        native,
        native_group,
        kv_cache,
        quality,
    } = model;
    text.paragraph(&format!("model {name}"));
    if let Some(Fact { value: ConfigurationFile { path, sha256, family }, .. }) = configuration {
        text.line(&format!("architecture = hf({path:?}) // {family}, sha256 {sha256}"));
    }
    if let Some(Fact { value: module, .. }) = module {
        describe_module(text, module);
    }
    text.fact("layers", layers.as_ref());
    text.fact("hidden", hidden.as_ref());
    describe_attention(text, attention);
    describe_feed_forward(text, feed_forward);
    text.fact("vocabulary", vocabulary.as_ref());
    text.fact("tied_embeddings", tied_embeddings.as_ref());
    text.fact("post_norms", post_norms.as_ref());
    if let Some(biases) = biases {
        text.line(&format!("biases = {}", biases.value.name()));
    }
    if let Some(vision) = vision {
        describe_vision(text, &vision.value);
    }
    if let Some(diffusion) = diffusion {
        describe_diffusion(text, &diffusion.value);
    }
    text.fact("prediction_modules", prediction_modules.as_ref());
    if let Some(repository) = repository {
        text.line(&format!("repository = {:?}", repository.value));
    }
    if let Some(native) = native {
        text.line(&format!("native = {}", native.value.name()));
    }
    text.fact("native_group", native_group.as_ref());
    if let Some(kv_cache) = kv_cache {
        text.line(&format!("kv_cache = {}", kv_cache.value.name()));
    }
    for (precision, share) in quality {
        text.line(&format!("quality[{}] = {}", precision_name(*precision), percent(&share.value)));
    }
}

fn describe_module(text: &mut Text, module: &Module) {
    let Module { file: ModuleFile { path, sha256, entry }, dimensions, bind: _, inputs } = module;
    let entry = entry.as_ref().map_or_else(String::new, |entry| format!(", entry = {entry:?}"));
    text.line(&format!("architecture = mlir({path:?}{entry}) // sha256 {sha256}"));
    if !dimensions.is_empty() {
        let bound: Vec<_> =
            dimensions.iter().map(|(dimension, extent)| format!("{dimension}: {extent}")).collect();
        text.line(&format!("bind = [{}]", bound.join(", ")));
    }
    text.fact("inputs", inputs.as_ref());
}

fn describe_attention(text: &mut Text, attention: &Attention) {
    match attention {
        Attention::Grouped(GroupedAttention {
            heads,
            kv_heads,
            head_width,
            window,
            windowed_layers,
            query_key_norm,
            sinks,
        }) => {
            text.fact("heads", heads.as_ref());
            text.fact("kv_heads", kv_heads.as_ref());
            text.fact("head_width", head_width.as_ref());
            text.fact("window", window.as_ref());
            text.fact("windowed_layers", windowed_layers.as_ref());
            text.fact("query_key_norm", query_key_norm.as_ref());
            text.fact("attention_sinks", sinks.as_ref());
        }
        Attention::Latent(LatentAttention { heads, head_width, widths }) => {
            text.fact("heads", heads.as_ref());
            text.fact("head_width", head_width.as_ref());
            let LatentWidths { kv, rope, query, value } = &widths.value;
            let optional = [("query", query), ("value", value)];
            let optional: String = optional
                .iter()
                .filter_map(|(name, width)| width.map(|width| format!(", {name}: {width}")))
                .collect();
            text.line(&format!("latent = [kv: {kv}, rope: {rope}{optional}]"));
        }
        Attention::Bidirectional(EncoderAttention {
            heads,
            kv_heads,
            head_width,
            positions,
            token_types,
            pooler,
            labels,
        }) => {
            text.line("attention = bidirectional");
            text.fact("heads", heads.as_ref());
            text.fact("kv_heads", kv_heads.as_ref());
            text.fact("head_width", head_width.as_ref());
            text.fact("positions", positions.as_ref());
            text.fact("token_types", token_types.as_ref());
            text.fact("pooler", pooler.as_ref());
            text.fact("labels", labels.as_ref());
        }
    }
}

fn describe_vision(text: &mut Text, vision: &VisionTower) {
    let VisionTower {
        layers,
        hidden,
        heads,
        feed_forward,
        patch,
        merge,
        frames,
        window,
        positions,
        projector,
        deepstack,
        gated,
    } = vision;
    let (window, windowed) = window.unzip();
    let needed = [
        ("layers", layers),
        ("hidden", hidden),
        ("heads", heads),
        ("feed_forward", feed_forward),
        ("patch", patch),
        ("merge", merge),
        ("frames", frames),
        ("projector", projector),
    ];
    let deepstack = Some(*deepstack).filter(|layers| *layers > 0);
    let optional = [
        ("window", window),
        ("windowed_layers", windowed),
        ("positions", *positions),
        ("deepstack", deepstack),
    ];
    let entries: Vec<String> = needed
        .into_iter()
        .map(|(name, width)| format!("{name}: {width}"))
        .chain(optional.into_iter().filter_map(|(name, width)| Some(format!("{name}: {}", width?))))
        .collect();
    text.line(&format!("vision = [{}]", entries.join(", ")));
    text.line(&format!("vision_form = {}", if *gated { "gated" } else { "plain" }));
}

fn describe_diffusion(text: &mut Text, diffusion: &DiffusionTransformer) {
    let DiffusionTransformer {
        layers,
        single_layers,
        dual_layers,
        hidden,
        heads,
        feed_forward,
        // It stands with the facts of attention, as `query_key_norm`.
        head_norm: _,
        channels,
        out_channels,
        pixels,
        patch,
        positions,
        text: seen,
        pooled,
        classes,
        scalars,
    } = diffusion;
    let some = |layers: u64| Some(layers).filter(|layers| *layers > 0);
    let entries: Vec<String> = [
        ("layers", Some(*layers)),
        ("hidden", Some(*hidden)),
        ("heads", Some(*heads)),
        ("feed_forward", Some(*feed_forward)),
        ("channels", Some(*channels)),
        ("patch", Some(*patch)),
        ("out_channels", Some(*out_channels)),
        ("pixels", Some(*pixels)),
        ("positions", *positions),
        ("single_layers", some(*single_layers)),
        ("dual_layers", some(*dual_layers)),
        ("text", *seen),
        ("pooled", *pooled),
        ("classes", *classes),
        ("scalars", Some(*scalars)),
    ]
    .into_iter()
    .filter_map(|(name, width)| Some(format!("{name}: {}", width?)))
    .collect();
    text.line(&format!("diffusion = [{}]", entries.join(", ")));
}

fn describe_feed_forward(text: &mut Text, feed_forward: &FeedForward) {
    match feed_forward {
        FeedForward::Dense(width) => text.fact("feed_forward", width.as_ref()),
        FeedForward::Experts(Experts {
            experts,
            per_token,
            width,
            shared,
            dense_layers,
            dense_width,
            router_bias,
        }) => {
            text.fact("dense_layers", dense_layers.as_ref());
            text.fact("feed_forward", dense_width.as_ref());
            text.fact("experts", Some(experts));
            text.fact("experts_per_token", per_token.as_ref());
            text.fact("shared_experts", shared.as_ref());
            text.fact("expert_feed_forward", width.as_ref());
            text.fact("router_bias", router_bias.as_ref());
        }
    }
}

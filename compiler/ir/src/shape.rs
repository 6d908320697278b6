//! The shape of a model with nothing missing: what `berth.model` says, or `berth.diffusion`.
//!
//! Contract: a model's facts go in; names with values, each with the line that states it, come out, small
//! enough that no product of them overflows. Or a diagnostic that names all that is missing, or the first
//! size that no machine could hold.

use crate::dialect::MOST_ELEMENTS;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::{
    Attention, DiffusionTransformer, EncoderAttention, Experts, Fact, FeedForward, GroupedAttention,
    LatentAttention, Model, VisionTower,
};
use berth_language::span::Span;

/// Names of the attributes of a model's operation, with values and places.
pub(crate) struct Shape {
    /// Which operation: its attributes are of it.
    pub(crate) operation: &'static str,
    pub(crate) fields: Vec<(&'static str, Value, Span)>,
}

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Count(u64),
    Flag(bool),
    Name(&'static str),
}

/// The shape of `model`, which a service or a job runs: where that stands, and what it does.
pub(crate) fn shape(model: &Model, runs: (Span, &'static str)) -> Result<Shape, Box<Diagnostic>> {
    let Model {
        name: _,
        span,
        configuration: _,
        module: _,
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
        native: _,
        native_group: _,
        kv_cache: _,
        repository: _,
        quality: _,
    } = model;
    let mut facts = Facts { model, runs, fields: Vec::new(), missing: Vec::new() };
    if let Some(Fact { value: diffusion, span }) = diffusion {
        facts.diffusion(diffusion, *span);
        facts.sizes()?;
        return Ok(Shape { operation: "berth.diffusion", fields: facts.fields });
    }
    facts.needed("layers", layers);
    facts.needed("hidden", hidden);
    let head_width = match attention {
        Attention::Grouped(GroupedAttention {
            heads,
            kv_heads,
            head_width,
            window,
            windowed_layers,
            query_key_norm,
            sinks,
        }) => {
            facts.needed("heads", heads);
            facts.needed("kv_heads", kv_heads);
            facts.optional("window", window);
            facts.optional("windowed_layers", windowed_layers);
            facts.flag("query_key_norm", query_key_norm);
            facts.flag("attention_sinks", sinks);
            head_width
        }
        Attention::Latent(LatentAttention { heads, head_width, widths }) => {
            facts.needed("heads", heads);
            // A head is no part of the stream here, so the stream's width says nothing of it.
            facts.needed("head_width", head_width);
            let latent = &widths.value;
            let of = |width: u64| Some(Fact::new(width, widths.span));
            facts.optional("latent_kv", &of(latent.kv));
            facts.optional("latent_rope", &of(latent.rope));
            facts.optional("latent_query", &latent.query.and_then(of));
            facts.optional("latent_value", &latent.value.and_then(of));
            &None
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
            facts.fields.push(("bidirectional", Value::Flag(true), *span));
            facts.needed("heads", heads);
            facts.optional("kv_heads", kv_heads);
            facts.optional("positions", positions);
            facts.optional("token_types", token_types);
            facts.flag("pooler", pooler);
            facts.optional("labels", labels);
            head_width
        }
    };
    match feed_forward {
        FeedForward::Dense(width) => facts.needed("feed_forward", width),
        FeedForward::Experts(Experts {
            experts,
            per_token,
            width,
            shared,
            dense_layers,
            dense_width,
            router_bias,
        }) => {
            facts.needed("experts", &Some(experts.clone()));
            facts.needed("experts_per_token", per_token);
            facts.needed("expert_feed_forward", width);
            if shared.as_ref().is_some_and(|shared| shared.value > 0) {
                facts.optional("shared_experts", shared);
            }
            if dense_layers.as_ref().is_some_and(|layers| layers.value > 0) {
                facts.optional("dense_layers", dense_layers);
                facts.needed("feed_forward", dense_width);
            }
            facts.flag("router_bias", router_bias);
        }
    }
    facts.needed("vocabulary", vocabulary);
    facts.flag("post_norms", post_norms);
    if prediction_modules.as_ref().is_some_and(|modules| modules.value > 0) {
        facts.optional("prediction_modules", prediction_modules);
    }
    if let Some(biases) = biases {
        facts.fields.push(("biases", Value::Name(biases.value.name()), biases.span));
    }
    if let Some(Fact { value: vision, span }) = vision {
        facts.vision(vision, *span);
    }
    let tied = tied_embeddings.as_ref().is_some_and(|fact| fact.value);
    facts.fields.push(("tied_embeddings", Value::Flag(tied), *span));
    if !facts.missing.is_empty() {
        return Err(facts.missing_input());
    }
    if facts.count("head_width").is_none() {
        let (hidden, heads) = (facts.at("hidden"), facts.at("heads"));
        match head_width {
            Some(_) => facts.optional("head_width", head_width),
            None if heads > 0 && hidden.is_multiple_of(heads) => {
                facts.fields.push(("head_width", Value::Count(hidden / heads), *span));
            }
            None => {
                facts.missing.push("head_width");
                return Err(facts.missing_input());
            }
        }
    }
    facts.sizes()?;
    Ok(Shape { operation: "berth.model", fields: facts.fields })
}

/// Facts while they are collected.
struct Facts<'m> {
    model: &'m Model,
    runs: (Span, &'static str),
    fields: Vec<(&'static str, Value, Span)>,
    missing: Vec<&'static str>,
}

impl Facts<'_> {
    fn needed(&mut self, field: &'static str, fact: &Option<Fact<u64>>) {
        match fact {
            Some(_) => self.optional(field, fact),
            None => self.missing.push(field),
        }
    }

    fn optional(&mut self, field: &'static str, fact: &Option<Fact<u64>>) {
        if let Some(fact) = fact {
            self.fields.push((field, Value::Count(fact.value), fact.span));
        }
    }

    /// A mark, where it is set.
    fn flag(&mut self, field: &'static str, fact: &Option<Fact<bool>>) {
        if let Some(fact) = fact.as_ref().filter(|fact| fact.value) {
            self.fields.push((field, Value::Flag(true), fact.span));
        }
    }

    /// Those of the vision part, all on one line.
    fn vision(&mut self, vision: &VisionTower, span: Span) {
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
        let (window, windowed) = window.filter(|(_, layers)| *layers > 0).unzip();
        for (field, value) in [
            ("vision_layers", Some(*layers)),
            ("vision_hidden", Some(*hidden)),
            ("vision_heads", Some(*heads)),
            ("vision_feed_forward", Some(*feed_forward)),
            ("vision_patch", Some(*patch)),
            ("vision_merge", Some(*merge)),
            ("vision_frames", Some(*frames)),
            ("vision_window", window),
            ("vision_windowed_layers", windowed),
            ("vision_positions", *positions),
            ("vision_projector", Some(*projector)),
            ("vision_deepstack", Some(*deepstack).filter(|layers| *layers > 0)),
        ] {
            self.optional(field, &value.map(|value| Fact::new(value, span)));
        }
        self.flag("vision_gated", &Some(Fact::new(*gated, span)));
    }

    /// Those of a diffusion transformer, all on one line.
    fn diffusion(&mut self, diffusion: &DiffusionTransformer, span: Span) {
        let DiffusionTransformer {
            layers,
            single_layers,
            dual_layers,
            hidden,
            heads,
            feed_forward,
            head_norm,
            channels,
            out_channels,
            pixels,
            patch,
            positions,
            text,
            pooled,
            classes,
            scalars,
        } = diffusion;
        let some = |layers: u64| Some(layers).filter(|layers| *layers > 0);
        for (field, value) in [
            ("layers", Some(*layers)),
            ("single_layers", some(*single_layers)),
            ("dual_layers", some(*dual_layers)),
            ("hidden", Some(*hidden)),
            ("heads", Some(*heads)),
            ("feed_forward", Some(*feed_forward)),
            ("channels", Some(*channels)),
            ("out_channels", Some(*out_channels)),
            ("pixels", Some(*pixels)),
            ("patch", Some(*patch)),
            ("positions", *positions),
            ("text", *text),
            ("pooled", *pooled),
            ("classes", *classes),
            ("scalars", Some(*scalars)),
        ] {
            self.optional(field, &value.map(|value| Fact::new(value, span)));
        }
        self.flag("head_norm", &Some(Fact::new(*head_norm, span)));
    }

    fn count(&self, wanted: &str) -> Option<(u64, Span)> {
        self.fields.iter().find_map(|(field, value, span)| match value {
            Value::Count(count) if *field == wanted => Some((*count, *span)),
            _ => None,
        })
    }

    /// 0 where nothing is said.
    fn at(&self, field: &str) -> u64 {
        self.count(field).map_or(0, |(count, _)| count)
    }

    fn missing_input(&self) -> Box<Diagnostic> {
        let names = self.missing.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
        Box::new(
            Diagnostic::error(
                "model::missing-input",
                format!("model `{}` cannot be lowered without {names}", self.model.name),
                self.model.span,
                format!("{names} missing here"),
            )
            .and(self.runs.0, self.runs.1)
            .help(self.missing.iter().map(|field| format!("{field} = …")).collect::<Vec<_>>().join("\n")),
        )
    }

    fn wrong(&self, span: Span, title: String, label: String) -> Box<Diagnostic> {
        Box::new(Diagnostic::error("model::shape", title, span, label).and(self.runs.0, self.runs.1))
    }

    /// No count is 0 or larger than any machine, no weight has more elements than are counted.
    fn sizes(&self) -> Result<(), Box<Diagnostic>> {
        let name = &self.model.name;
        let small = [
            ("heads", 1 << 20),
            ("kv_heads", 1 << 20),
            ("head_width", 1 << 20),
            ("experts", 1 << 20),
            ("experts_per_token", 1 << 20),
            ("shared_experts", 1 << 20),
            ("latent_kv", 1 << 20),
            ("latent_rope", 1 << 20),
            ("latent_query", 1 << 20),
            ("latent_value", 1 << 20),
            ("vision_hidden", 1 << 20),
            ("vision_heads", 1 << 20),
            ("vision_patch", 1 << 20),
            ("vision_merge", 1 << 10),
            ("vision_frames", 1 << 20),
            ("vision_layers", 1_000_000),
            // Each is a projector of its own.
            ("vision_deepstack", 1_000),
            ("layers", 1_000_000),
            // Each is a layer of its own.
            ("prediction_modules", 64),
            ("single_layers", 1_000_000),
            ("channels", 1 << 20),
            ("out_channels", 1 << 20),
            // A patch of so many places of so many pixels is at most as large as one that is seen.
            ("pixels", 1 << 10),
            ("patch", 1 << 10),
            // Each is a network of its own.
            ("scalars", 1_000),
        ];
        for (field, value, span) in &self.fields {
            let Value::Count(count) = value else { continue };
            if *count == 0 || *count > 1 << 40 {
                return Err(self.wrong(
                    *span,
                    format!("`{field}` of model `{name}` is from 1 to 2^40"),
                    format!("it is {count} here"),
                ));
            }
            if let Some((_, most)) = small.iter().find(|(limited, _)| limited == field)
                && count > most
            {
                return Err(self.wrong(
                    *span,
                    format!("`{field}` of model `{name}` is at most {most}"),
                    format!("it is {count} here"),
                ));
            }
        }
        for (part, whole, rule) in [
            ("experts_per_token", "experts", "at most all of them read a token"),
            ("dense_layers", "layers", "at most all layers are dense"),
            ("windowed_layers", "layers", "at most all layers have a window"),
            ("vision_windowed_layers", "vision_layers", "at most all layers have a window"),
            ("vision_deepstack", "vision_layers", "at most all layers hand their values on"),
            ("dual_layers", "layers", "at most all layers are dual"),
        ] {
            if let (Some((part_count, span)), Some((whole_count, _))) = (self.count(part), self.count(whole))
                && part_count > whole_count
            {
                return Err(self.wrong(
                    span,
                    format!("`{part}` of model `{name}` exceeds `{whole}`: {rule}"),
                    format!("{part_count} is more than {whole_count}"),
                ));
            }
        }
        let heads = self.at("heads");
        if let Some((kv_heads, span)) = self.count("kv_heads")
            && !heads.is_multiple_of(kv_heads)
        {
            return Err(self.wrong(
                span,
                format!("`kv_heads` of model `{name}` divides `heads`: each serves equally many"),
                format!("{kv_heads} does not divide {heads}"),
            ));
        }
        if let (Some((hidden, span)), heads) = (self.count("vision_hidden"), self.at("vision_heads"))
            && !hidden.is_multiple_of(heads)
        {
            return Err(self.wrong(
                span,
                format!("the heads of the vision part of model `{name}` divide its width"),
                format!("{heads} does not divide {hidden}"),
            ));
        }
        let diffusion = self.model.diffusion.is_some();
        if let (true, Some((hidden, span))) = (diffusion, self.count("hidden"))
            && !hidden.is_multiple_of(heads)
        {
            return Err(self.wrong(
                span,
                format!("the heads of the diffusion transformer of model `{name}` divide its width"),
                format!("{heads} does not divide {hidden}"),
            ));
        }
        if self.weights().into_iter().any(|elements| elements.is_none_or(|elements| elements > MOST_ELEMENTS))
        {
            let wrong = self.wrong(
                self.model.span,
                format!("model `{name}` has a weight of more than 2^62 elements"),
                "the product of its widths is that large".to_owned(),
            );
            return Err(Box::new(
                wrong.help("No machine holds it: mend the largest of its widths and counts."),
            ));
        }
        Ok(())
    }

    /// Elements of every weight, or of a larger one.
    fn weights(&self) -> Vec<Option<u64>> {
        let hidden = self.at("hidden");
        let heads = self.at("heads");
        let width = self.at("head_width") + self.at("latent_rope");
        let value = self.at("latent_value").max(width);
        let kv_heads = self.count("kv_heads").map_or(heads, |(count, _)| count);
        let product =
            |factors: &[u64]| factors.iter().try_fold(1_u64, |product, factor| product.checked_mul(*factor));
        let latent = hidden.max(self.at("latent_kv")).max(self.at("latent_query"));
        let (seen, patch, merge) =
            (self.at("vision_hidden"), self.at("vision_patch"), self.at("vision_merge"));
        let projector = self.at("vision_projector");
        let side = self.at("patch");
        let latent_token = |channels: &str| product(&[side, side, self.at(channels), hidden]);
        vec![
            latent_token("channels"),
            latent_token("out_channels"),
            product(&[9, hidden, hidden]),
            product(&[self.at("text"), hidden]),
            product(&[self.at("pooled"), hidden]),
            product(&[self.at("classes"), hidden]),
            product(&[3, self.at("vision_frames"), patch, patch, seen]),
            product(&[3, seen, seen]),
            product(&[2, self.at("vision_feed_forward"), seen]),
            product(&[self.at("vision_positions"), seen]),
            product(&[merge, merge, seen, projector]),
            product(&[projector, hidden]),
            product(&[heads + 2 * kv_heads, width + value, latent]),
            product(&[2, self.at("feed_forward"), hidden]),
            product(&[self.at("vocabulary"), hidden]),
            product(&[self.at("positions"), hidden]),
            product(&[self.at("token_types"), hidden]),
            product(&[self.at("labels"), hidden]),
            product(&[self.at("experts"), 2, self.at("expert_feed_forward"), hidden]),
            product(&[self.at("shared_experts"), 2, self.at("expert_feed_forward"), hidden]),
            product(&[hidden, hidden]),
        ]
    }
}

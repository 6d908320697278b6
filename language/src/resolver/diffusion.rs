//! Models that make images of noise: a diffusion transformer, which is all that its model says of a network.

use super::Resolver;
use super::architecture::{AT_MOST_LAYERS, Conflict, named_width, uneven_heads};
use super::building::Builder;
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{DiffusionTransformer, Fact};
use crate::schema::Field;
use crate::schema::kinds::model;

/// The published autoencoders halve an image three times.
const PIXELS: u64 = 8;

impl Resolver<'_> {
    /// What cannot stand together in a diffusion transformer, or beside one.
    pub(super) fn diffusion_conflicts(&mut self, id: ThingId) -> Vec<Conflict> {
        let mut found = Vec::new();
        let Some((Value::Map(entries), at)) = self.known(id, &model::diffusion) else { return found };
        let of_tokens: [&'static Field; 15] = [
            &model::layers,
            &model::hidden,
            &model::heads,
            &model::kv_heads,
            &model::head_width,
            &model::feed_forward,
            &model::vocabulary,
            &model::attention,
            &model::latent,
            &model::window,
            &model::experts,
            &model::vision,
            &model::biases,
            &model::tied_embeddings,
            &model::kv_cache,
        ];
        for field in of_tokens {
            // A default says nothing.
            let Some((value, stated)) = self.known(id, field) else { continue };
            found.push(Conflict {
                title: format!("`{}` is of models that read tokens", field.name),
                at: stated,
                label: format!("this is {}", value.written()),
                other: Some((at, "the model is a diffusion transformer".to_owned())),
                help: "Leave the line out: `diffusion` has the widths and counts of all of it.".to_owned(),
            });
        }
        found.extend(uneven_heads("diffusion transformer", &entries, at));
        let width = |name: &str| named_width(&entries, name);
        let mut wrong = |title: &str, label: String, help: &str| {
            let (title, help) = (title.to_owned(), help.to_owned());
            found.push(Conflict { title, at, label, other: None, help });
        };
        let layers = width("layers").unwrap_or(0);
        if let Some(dual) = width("dual_layers").filter(|dual| *dual > layers) {
            wrong(
                "`dual_layers` of the diffusion transformer is at most its layers",
                format!("{dual} is more than {layers}"),
                AT_MOST_LAYERS,
            );
        }
        if width("text").is_none() {
            for name in ["single_layers", "dual_layers", "pooled"] {
                if width(name).is_some() {
                    let title = format!("`{name}` is of a diffusion transformer that sees text");
                    let help = "Say how wide the tokens of text are: `text: 4_096`.";
                    wrong(&title, "`text` has no width here".to_owned(), help);
                }
            }
        }
        found
    }
}

impl Builder<'_, '_> {
    /// The diffusion transformer of a model, with what its line leaves to be found.
    pub(super) fn diffusion(
        &mut self,
        id: ThingId,
        diffusion: &'static Field,
        query_key_norm: &'static Field,
    ) -> Option<Fact<DiffusionTransformer>> {
        let head_norm = self.boolean(id, query_key_norm).is_some_and(|fact| fact.value);
        self.stated(id, diffusion, |_, value| {
            let Value::Map(entries) = value else { return None };
            let width = |name: &str| named_width(&entries, name);
            let channels = width("channels")?;
            Some(DiffusionTransformer {
                layers: width("layers")?,
                single_layers: width("single_layers").unwrap_or(0),
                dual_layers: width("dual_layers").unwrap_or(0),
                hidden: width("hidden")?,
                heads: width("heads")?,
                feed_forward: width("feed_forward")?,
                head_norm,
                channels,
                out_channels: width("out_channels").unwrap_or(channels),
                pixels: width("pixels").unwrap_or(PIXELS),
                patch: width("patch")?,
                positions: width("positions"),
                text: width("text"),
                pooled: width("pooled"),
                classes: width("classes"),
                scalars: width("scalars").unwrap_or(1),
            })
        })
    }

    /// Steps are of a model that makes images.
    pub(super) fn makes(&mut self, id: ThingId, chosen: &Fact<usize>, stated: [&'static Field; 2]) {
        let makes = self.program.models.get(chosen.value).is_some_and(|of| of.diffusion.is_some());
        if makes || self.is_unread(chosen.value, &model::diffusion) {
            return;
        }
        let thing = self.resolver.thing(id);
        let name = thing.address.clone();
        let spans = stated.map(|field| Some((field, thing.assigned.get(field.name)?.assign.span)));
        for (field, span) in spans.into_iter().flatten() {
            self.resolver.report(
                Diagnostic::error(
                    "service::no-diffusion",
                    format!("`{}` is of models that make images", field.name),
                    span,
                    format!("`{name}` says how its images are made"),
                )
                .and(chosen.span, "this model makes none")
                .help(
                    "Leave the line out, name a model that makes images, or state it: `diffusion = [layers: …, \
                     hidden: …, heads: …, feed_forward: …, channels: …, patch: …]`.",
                ),
            );
        }
    }
}

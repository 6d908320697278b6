//! Models that see: the vision part of a model, and the images that a service says its requests have.

use super::Resolver;
use super::architecture::{AT_MOST_LAYERS, Conflict, named_width, uneven_heads};
use super::building::Builder;
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{Draws, Fact, Model, VisionTower};
use crate::schema::Field;
use crate::schema::kinds::model;
use crate::span::Spanned;

impl Resolver<'_> {
    /// What cannot stand together in the vision part of a model.
    pub(super) fn vision_conflicts(&mut self, id: ThingId) -> Vec<Conflict> {
        let mut found = Vec::new();
        let Some((Value::Map(entries), at)) = self.known(id, &model::vision) else {
            if let Some((form, at)) = self.known(id, &model::vision_form)
                && matches!(&form, Value::Symbol(name) if name != "plain")
            {
                found.push(Conflict {
                    title: "`vision_form` is of a model that says its `vision`".to_owned(),
                    at,
                    label: format!("this is {}", form.written()),
                    other: None,
                    help: "State the widths of the vision part, or leave the line out.".to_owned(),
                });
            }
            return found;
        };
        found.extend(uneven_heads("vision part", &entries, at));
        let width = |name: &str| named_width(&entries, name);
        let mut wrong = |title: &str, label: String, help: &str| {
            let (title, help) = (title.to_owned(), help.to_owned());
            found.push(Conflict { title, at, label, other: None, help });
        };
        let layers = width("layers").unwrap_or(0);
        for name in ["windowed_layers", "deepstack"] {
            if let Some(count) = width(name).filter(|count| *count > layers) {
                let title = format!("`{name}` of the vision part is at most its layers");
                wrong(&title, format!("{count} is more than {layers}"), AT_MOST_LAYERS);
            }
        }
        if width("windowed_layers").is_some() && width("window").is_none() {
            wrong(
                "the windowed layers of the vision part have a window",
                "`windowed_layers` stands without `window`".to_owned(),
                "Say how many patches they see: `window: 64`.",
            );
        }
        found
    }
}

impl Builder<'_, '_> {
    /// The vision part of a model, with what its lines leave to be found.
    pub(super) fn vision(
        &mut self,
        id: ThingId,
        vision: &'static Field,
        form: &'static Field,
    ) -> Option<Fact<VisionTower>> {
        let gated = self.symbol(id, form).is_some_and(|form| form.value == "gated");
        self.stated(id, vision, |_, value| {
            let Value::Map(entries) = value else { return None };
            let width = |name: &str| named_width(&entries, name);
            let (layers, hidden, merge) = (width("layers")?, width("hidden")?, width("merge").unwrap_or(1));
            // What passes 64 bits is refused with the sizes that no machine holds.
            let merged = merge.saturating_mul(merge).saturating_mul(hidden);
            Some(VisionTower {
                layers,
                hidden,
                heads: width("heads")?,
                feed_forward: width("feed_forward")?,
                patch: width("patch")?,
                merge,
                frames: width("frames").unwrap_or(1),
                window: width("window").map(|window| (window, width("windowed_layers").unwrap_or(layers))),
                positions: width("positions"),
                projector: width("projector").unwrap_or(merged),
                deepstack: width("deepstack").unwrap_or(0),
                gated,
            })
        })
    }

    /// Images of requests to a model are images that it sees.
    pub(super) fn sees(
        &mut self,
        id: ThingId,
        chosen: &Fact<usize>,
        stated: [(&'static Field, Option<&Spanned<Draws>>); 2],
    ) {
        // What makes images has them too.
        let sees = |of: &Model| of.vision.is_some() || of.diffusion.is_some();
        let sees = self.program.models.get(chosen.value).is_some_and(sees);
        if sees || self.is_unread(chosen.value, &model::vision) {
            return;
        }
        let name = self.resolver.thing(id).address.clone();
        for (field, draws) in stated {
            let Some(draws) = draws else { continue };
            self.resolver.report(
                Diagnostic::error(
                    "service::no-vision",
                    format!("`{}` is of models that see", field.name),
                    draws.span,
                    format!("requests to `{name}` are to have images"),
                )
                .and(chosen.span, "this model has no vision part")
                .help(
                    "Leave the line out, name a model that has one, or state it: \
                     `vision = [layers: …, hidden: …, heads: …, feed_forward: …, patch: …]`.",
                ),
            );
        }
    }
}

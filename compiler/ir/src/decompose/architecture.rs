//! What `berth.model` says, read back.

use super::string;
use crate::Malformed;
use melior::ir::Location;
use melior::ir::attribute::{BoolAttribute, DictionaryAttribute, IntegerAttribute};
use melior::ir::operation::{OperationLike, OperationRef};

/// A field and the line that states it.
#[derive(Clone, Copy)]
pub(super) struct Field<'c> {
    pub(super) value: u64,
    pub(super) location: Location<'c>,
}

/// The architecture of a model.
pub(super) struct Architecture<'c> {
    pub(super) layers: Field<'c>,
    pub(super) hidden: Field<'c>,
    pub(super) heads: Field<'c>,
    pub(super) head_width: Field<'c>,
    pub(super) vocabulary: Field<'c>,
    pub(super) tied: bool,
    /// What attention and feed-forward give is normalised too.
    pub(super) post_norms: bool,
    pub(super) attention: Attention<'c>,
    /// Inner width of layers without experts.
    pub(super) feed_forward: Option<Field<'c>>,
    pub(super) experts: Option<Experts<'c>>,
    pub(super) vision: Option<Vision<'c>>,
    /// Modules that each guess one token more.
    pub(super) prediction_modules: Option<Field<'c>>,
    /// Queries, keys and values add a vector; attention's output does; all other matrices of a layer do.
    pub(super) biases: [bool; 3],
}

pub(super) enum Attention<'c> {
    Grouped {
        kv_heads: Field<'c>,
        /// Tokens, and layers that see no more.
        window: Option<(Field<'c>, u64)>,
        query_key_norm: bool,
        sinks: bool,
    },
    Latent {
        kv: Field<'c>,
        rope: Field<'c>,
        query: Option<Field<'c>>,
        value: u64,
    },
    Bidirectional {
        kv_heads: u64,
        positions: Option<Field<'c>>,
        token_types: Option<Field<'c>>,
        pooler: bool,
        labels: Option<Field<'c>>,
    },
}

pub(super) struct Experts<'c> {
    pub(super) count: Field<'c>,
    pub(super) per_token: u64,
    pub(super) width: Field<'c>,
    pub(super) shared: u64,
    pub(super) dense_layers: u64,
    pub(super) router_bias: bool,
}

/// What turns images into tokens; on one line.
pub(super) struct Vision<'c> {
    pub(super) location: Location<'c>,
    pub(super) layers: u64,
    pub(super) hidden: u64,
    pub(super) heads: u64,
    pub(super) feed_forward: u64,
    /// Pixels along a side.
    pub(super) patch: u64,
    /// Patches along a side.
    pub(super) merge: u64,
    pub(super) frames: u64,
    /// Patches, and layers that see no more.
    pub(super) window: Option<(u64, u64)>,
    pub(super) positions: Option<u64>,
    pub(super) projector: u64,
    pub(super) deepstack: u64,
    pub(super) gated: bool,
}

impl<'c> Architecture<'c> {
    pub(super) fn read(model: OperationRef<'c, '_>) -> Result<Self, Malformed> {
        let lacking = |name: &str| Malformed(format!("`{model}` lacks `{name}`"));
        let places = model
            .attribute("places")
            .ok()
            .and_then(|attribute| DictionaryAttribute::try_from(attribute).ok())
            .ok_or_else(|| lacking("places"))?;
        let optional = |name: &str| {
            if !model.has_attribute(name) {
                return None;
            }
            let value = IntegerAttribute::try_from(model.attribute(name).ok()?).ok()?;
            let value = u64::try_from(value.value()).ok()?;
            let location =
                places.element_by_name(name).map_or_else(|| model.location(), Location::from_attribute);
            Some(Field { value, location })
        };
        let field = |name: &str| optional(name).ok_or_else(|| lacking(name));
        let flag = |name: &str| {
            model.has_attribute(name)
                && model
                    .attribute(name)
                    .ok()
                    .and_then(|attribute| BoolAttribute::try_from(attribute).ok())
                    .is_some_and(|attribute| attribute.value())
        };
        let (layers, heads, head_width) = (field("layers")?, field("heads")?, field("head_width")?);
        let attention = if flag("bidirectional") {
            Attention::Bidirectional {
                kv_heads: optional("kv_heads").map_or(heads.value, |count| count.value),
                positions: optional("positions"),
                token_types: optional("token_types"),
                pooler: flag("pooler"),
                labels: optional("labels"),
            }
        } else if let Some(kv) = optional("latent_kv") {
            Attention::Latent {
                kv,
                rope: field("latent_rope")?,
                query: optional("latent_query"),
                value: optional("latent_value").map_or(head_width.value, |width| width.value),
            }
        } else {
            let windowed = optional("windowed_layers").map_or(layers.value, |count| count.value);
            Attention::Grouped {
                kv_heads: field("kv_heads")?,
                window: optional("window").map(|window| (window, windowed)),
                query_key_norm: flag("query_key_norm"),
                sinks: flag("attention_sinks"),
            }
        };
        let experts = match optional("experts") {
            None => None,
            Some(count) => Some(Experts {
                count,
                per_token: field("experts_per_token")?.value,
                width: field("expert_feed_forward")?,
                shared: optional("shared_experts").map_or(0, |shared| shared.value),
                dense_layers: optional("dense_layers").map_or(0, |layers| layers.value),
                router_bias: flag("router_bias"),
            }),
        };
        let vision = match optional("vision_layers") {
            None => None,
            Some(layers) => {
                let needed = |name: &str| field(name).map(|field| field.value);
                let value = |name: &str| optional(name).map(|field| field.value);
                Some(Vision {
                    location: layers.location,
                    layers: layers.value,
                    hidden: needed("vision_hidden")?,
                    heads: needed("vision_heads")?,
                    feed_forward: needed("vision_feed_forward")?,
                    patch: needed("vision_patch")?,
                    merge: needed("vision_merge")?,
                    frames: needed("vision_frames")?,
                    window: value("vision_window").zip(value("vision_windowed_layers")),
                    positions: value("vision_positions"),
                    projector: needed("vision_projector")?,
                    deepstack: value("vision_deepstack").unwrap_or(0),
                    gated: flag("vision_gated"),
                })
            }
        };
        let biases = if model.has_attribute("biases") { string(model, "biases")? } else { String::new() };
        Ok(Self {
            layers,
            hidden: field("hidden")?,
            heads,
            head_width,
            vocabulary: field("vocabulary")?,
            tied: flag("tied_embeddings"),
            post_norms: flag("post_norms"),
            attention,
            feed_forward: optional("feed_forward"),
            experts,
            vision,
            prediction_modules: optional("prediction_modules"),
            biases: match biases.as_str() {
                "qkv" => [true, false, false],
                "attention" => [true, true, false],
                "all" => [true; 3],
                _ => [false; 3],
            },
        })
    }

    /// Its layers by sort: how many are alike, in the order of the first of each.
    pub(super) fn sorts(&self) -> Vec<(Sort<'c>, u64)> {
        let layers = self.layers.value;
        let dense = self.experts.as_ref().map_or(0, |experts| experts.dense_layers.min(layers));
        let (window, windowed) = match &self.attention {
            Attention::Grouped { window: Some((window, windowed)), .. } => {
                (Some(*window), (*windowed).min(layers))
            }
            _ => (None, 0),
        };
        // Where both are said, leading layers are taken to have the window: nothing that is counted
        // depends on which have.
        let dense_windowed = dense.min(windowed);
        let with_experts = self.experts.is_some();
        let sort = |dense: bool, window: Option<Field<'c>>, count: u64| {
            let experts = with_experts && !dense;
            let suffix = match (with_experts && dense, window) {
                (true, Some(_)) => "layer_dense_windowed",
                (true, None) => "layer_dense",
                (false, Some(_)) => "layer_windowed",
                (false, None) => "layer",
            };
            (Sort { suffix, window, experts }, count)
        };
        [
            sort(true, window, dense_windowed),
            sort(true, None, dense - dense_windowed),
            sort(false, window, windowed - dense_windowed),
            sort(false, None, layers - dense - (windowed - dense_windowed)),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
    }
}

/// Layers that are alike.
#[derive(Clone, Copy)]
pub(super) struct Sort<'c> {
    /// What the function of their body is called after the pass.
    pub(super) suffix: &'static str,
    pub(super) window: Option<Field<'c>>,
    pub(super) experts: bool,
}

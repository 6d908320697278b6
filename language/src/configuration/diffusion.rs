//! Diffusion transformers: `transformer/config.json` of a pipeline, whose `_class_name` says what it is.
//!
//! Keys and defaults are those of diffusers 0.35. The file says nothing of the autoencoder, so that of the published pipelines
//! is taken: a place of a latent image stands for 8 by 8 pixels, and where the pipeline puts 2 by 2 places beside one
//! another before the transformer, for 16 by 16.

use super::families::set;
use super::{Fact, Facts, Keys};

/// Inner width of a feed-forward by the width of the stream: no key states another.
const FEED_FORWARD: u64 = 4;

/// Pixels along a side of a place of a latent image.
const PIXELS: u64 = 8;

/// DiT (Peebles, Xie, 2022): told the time and a class.
pub(super) fn dit(keys: &mut Keys, facts: &mut Facts) {
    let Some(Stream { mut widths, places, .. }) =
        stream(keys, Defaults { layers: 28, heads: 16, head: 72, channels: 4, patch: 2 })
    else {
        return;
    };
    let classes = keys.count("num_embeds_ada_norm").unwrap_or(1_000);
    // One more stands for no class, which guidance needs.
    widths.extend([
        ("pixels", PIXELS),
        ("positions", positions(keys.count("sample_size").unwrap_or(32) / places)),
        ("classes", classes + 1),
    ]);
    for (key, only) in [("norm_type", "ada_norm_zero"), ("activation_fn", "gelu-approximate")] {
        if let Some(other) = keys.text(key).filter(|stated| stated != only) {
            keys.values.push(format!("`{key}` is read as `{only}`; it is `{other}` here"));
        }
    }
    if !keys.boolean("attention_bias", true) {
        keys.wrong("attention_bias", "read as true");
    }
    if keys.boolean("norm_elementwise_affine", false) {
        keys.wrong("norm_elementwise_affine", "read as false");
    }
    set(facts, "diffusion", Fact::Widths(widths));
}

/// Stable Diffusion 3 and 3.5 (Esser et al., 2024): joint layers, with queries and keys normalised and leading dual
/// layers in some.
pub(super) fn sd3(keys: &mut Keys, facts: &mut Facts) {
    let Some(Stream { mut widths, hidden, .. }) =
        stream(keys, Defaults { layers: 18, heads: 18, head: 64, channels: 16, patch: 2 })
    else {
        return;
    };
    let text = keys.count("caption_projection_dim").unwrap_or(1_152);
    if text != hidden {
        keys.contradiction(format!(
            "`caption_projection_dim` is {text}, and the stream that text joins is {hidden} wide"
        ));
    }
    widths.extend([
        ("pixels", PIXELS),
        ("positions", positions(keys.count("pos_embed_max_size").unwrap_or(96))),
        ("text", keys.count("joint_attention_dim").unwrap_or(4_096)),
        ("pooled", keys.count("pooled_projection_dim").unwrap_or(2_048)),
    ]);
    let dual = dual_layers(keys);
    if dual > 0 {
        widths.push(("dual_layers", dual));
    }
    match keys.text("qk_norm").as_deref() {
        None => {}
        Some("rms_norm") => set(facts, "query_key_norm", Fact::Boolean(true)),
        Some(_) => keys.wrong("qk_norm", "`rms_norm` or `null`"),
    }
    set(facts, "diffusion", Fact::Widths(widths));
}

/// FLUX.1 (Black Forest Labs, 2024): joint layers and then single ones.
pub(super) fn flux(keys: &mut Keys, facts: &mut Facts) {
    let Some(Stream { mut widths, .. }) =
        stream(keys, Defaults { layers: 19, heads: 24, head: 128, channels: 64, patch: 1 })
    else {
        return;
    };
    widths.extend([
        ("pixels", 2 * PIXELS),
        ("single_layers", keys.count("num_single_layers").unwrap_or(38)),
        ("text", keys.count("joint_attention_dim").unwrap_or(4_096)),
        ("pooled", keys.count("pooled_projection_dim").unwrap_or(768)),
        ("scalars", if keys.boolean("guidance_embeds", false) { 2 } else { 1 }),
    ]);
    set(facts, "query_key_norm", Fact::Boolean(true));
    set(facts, "diffusion", Fact::Widths(widths));
}

/// What the library takes where a key is not there.
struct Defaults {
    layers: u64,
    heads: u64,
    head: u64,
    channels: u64,
    patch: u64,
}

/// What every family says of its stream.
struct Stream {
    widths: Vec<(&'static str, u64)>,
    hidden: u64,
    /// Places along a side of a token.
    places: u64,
}

/// None where a width is larger than any network's, which is said.
fn stream(keys: &mut Keys, defaults: Defaults) -> Option<Stream> {
    let heads = keys.count("num_attention_heads").unwrap_or(defaults.heads);
    let head = keys.count("attention_head_dim").unwrap_or(defaults.head);
    let Some(hidden) = heads.checked_mul(head).filter(|hidden| *hidden <= super::MOST / FEED_FORWARD) else {
        keys.contradiction(format!("{heads} heads of {head} are wider than any network"));
        return None;
    };
    let channels = keys.count("in_channels").unwrap_or(defaults.channels);
    let places = keys.count("patch_size").unwrap_or(defaults.patch);
    let widths = vec![
        ("layers", keys.count("num_layers").unwrap_or(defaults.layers)),
        ("hidden", hidden),
        ("heads", heads),
        ("feed_forward", FEED_FORWARD * hidden),
        ("channels", channels),
        ("patch", places),
        ("out_channels", keys.count("out_channels").unwrap_or(channels)),
    ];
    Some(Stream { widths, hidden, places })
}

/// Rows of a table of positions of a square.
fn positions(side: u64) -> u64 {
    side.max(1).saturating_mul(side.max(1)).min(super::MOST)
}

/// How many layers `dual_attention_layers` names: the first ones.
fn dual_layers(keys: &mut Keys) -> u64 {
    let Some(stated) = keys.list("dual_attention_layers") else { return 0 };
    let leading = stated.iter().enumerate().all(|(index, layer)| layer.as_u64() == Some(index as u64));
    if !leading {
        keys.wrong("dual_attention_layers", "a list of the first layers, from 0");
    }
    stated.len() as u64
}

//! Models with a vision part: `text_config` as its own family has it, and `vision_config`.
//!
//! Defaults are those of transformers 4.57, as for the other families: published files leave some of these keys out.

use super::families::{integer, qwen2, qwen3, qwen3_moe, set};
use super::{Fact, Facts, Keys};
use serde_json::Value;

/// Qwen2.5-VL (Bai et al., 2025, section 2.1): gated layers, all but some of which see a window.
pub(super) fn qwen2_5_vl(keys: &mut Keys, facts: &mut Facts) {
    // The files of the models themselves have the keys of the language part beside `vision_config`.
    keys.enter("text_config");
    qwen2(keys, facts);
    if !keys.enter("vision_config") {
        keys.missing.push("vision_config".to_owned());
        return;
    }
    let mut widths = tower(keys, facts, ("in_chans", 14), (32, None, 3_420));
    let layers = width(&widths, "layers").unwrap_or(0);
    let full = indices(keys, "fullatt_block_indexes", &[7, 15, 23, 31], layers);
    let (pixels, patch, merge) = (
        keys.count("window_size").unwrap_or(112),
        width(&widths, "patch").unwrap_or(1),
        width(&widths, "merge").unwrap_or(1),
    );
    // A window holds whole tokens: a square of squares of patches.
    let tokens = pixels / patch / merge;
    let patches = tokens.saturating_mul(tokens).saturating_mul(merge.saturating_mul(merge));
    if full < layers {
        if patches == 0 {
            keys.contradiction(format!(
                "`window_size` is {pixels} pixels, and {merge} patches of {patch} are more"
            ));
        }
        widths.extend([("window", patches), ("windowed_layers", layers - full)]);
    }
    set(facts, "vision", Fact::Widths(widths));
    set(facts, "vision_form", Fact::Symbol("gated"));
}

/// Qwen3-VL (2025), with a dense language part.
pub(super) fn qwen3_vl(keys: &mut Keys, facts: &mut Facts) {
    keys.enter("text_config");
    qwen3(keys, facts);
    qwen3_tower(keys, facts);
}

/// The same with experts.
pub(super) fn qwen3_vl_moe(keys: &mut Keys, facts: &mut Facts) {
    keys.enter("text_config");
    qwen3_moe(keys, facts);
    qwen3_tower(keys, facts);
}

/// Plain layers with a table of positions; some of them hand their values to the language part too.
fn qwen3_tower(keys: &mut Keys, facts: &mut Facts) {
    if !keys.enter("vision_config") {
        keys.missing.push("vision_config".to_owned());
        return;
    }
    let mut widths = tower(keys, facts, ("in_channels", 16), (27, Some(1_152), 4_304));
    let layers = width(&widths, "layers").unwrap_or(0);
    widths.push(("positions", keys.count("num_position_embeddings").unwrap_or(2_304)));
    let taken = indices(keys, "deepstack_visual_indexes", &[8, 16, 24], layers);
    if taken > 0 {
        widths.push(("deepstack", taken));
    }
    set(facts, "vision", Fact::Widths(widths));
    set(facts, "vision_form", Fact::Symbol("plain"));
}

/// What both have; an image's tokens are as wide as the language part's.
fn tower(
    keys: &mut Keys,
    facts: &Facts,
    (channels, patch): (&str, u64),
    (layers, hidden, feed_forward): (u64, Option<u64>, u64),
) -> Vec<(&'static str, u64)> {
    let hidden = match hidden {
        Some(hidden) => keys.count("hidden_size").or(Some(hidden)),
        None => keys.needed("hidden_size"),
    };
    let heads = keys.count("num_heads").unwrap_or(16);
    if let Some(hidden) = hidden.filter(|hidden| !hidden.is_multiple_of(heads)) {
        keys.contradiction(format!("{heads} heads of `vision_config` do not divide its width of {hidden}"));
    }
    keys.only(channels, 3);
    if let (Some(given), Some(taken)) = (keys.count("out_hidden_size"), integer(facts, "hidden"))
        && given != taken
    {
        keys.contradiction(format!("`out_hidden_size` is {given}, and the language part is {taken} wide"));
    }
    let stated = [
        ("layers", keys.count("depth").unwrap_or(layers)),
        ("heads", heads),
        ("feed_forward", keys.count("intermediate_size").unwrap_or(feed_forward)),
        ("patch", keys.count("patch_size").unwrap_or(patch)),
        ("merge", keys.count("spatial_merge_size").unwrap_or(2)),
        ("frames", keys.count("temporal_patch_size").unwrap_or(2)),
    ];
    hidden.map(|hidden| ("hidden", hidden)).into_iter().chain(stated).collect()
}

fn width(widths: &[(&'static str, u64)], wanted: &str) -> Option<u64> {
    widths.iter().find_map(|(name, width)| (*name == wanted).then_some(*width))
}

/// How many layers a list names; they are below `layers`, and each stands once.
fn indices(keys: &mut Keys, key: &str, default: &[u64], layers: u64) -> u64 {
    let stated = keys.list(key).map(|stated| stated.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>());
    let mut named = match stated {
        None => default.to_vec(),
        Some(Some(named)) => named,
        Some(None) => {
            keys.wrong(key, "a list of layers");
            return 0;
        }
    };
    named.sort_unstable();
    named.dedup();
    if let Some(beyond) = named.last().filter(|last| **last >= layers) {
        keys.contradiction(format!("`{key}` names layer {beyond}, and there are {layers}, from 0"));
    }
    named.len() as u64
}

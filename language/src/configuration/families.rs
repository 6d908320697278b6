//! The families, one reader each. Keys and defaults as in the `configuration_*.py` of transformers 4.57.

use super::diffusion::{dit, flux, sd3};
use super::quantisation::quantised;
use super::vision::{qwen2_5_vl, qwen3_vl, qwen3_vl_moe};
use super::{Fact, Facts, Keys};
use serde_json::Value;

/// A family of networks.
pub(super) struct Family {
    /// Its `model_type` or `_class_name`.
    pub(super) name: &'static str,
    /// Other names of the same layout.
    aliases: &'static [&'static str],
    pub(super) read: fn(&mut Keys, &mut Facts),
}

impl Family {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

pub(super) static FAMILIES: &[Family] = &[
    Family { name: "llama", aliases: &["granite"], read: llama },
    Family { name: "mistral", aliases: &[], read: mistral },
    Family { name: "phi3", aliases: &[], read: phi3 },
    Family { name: "gemma2", aliases: &[], read: gemma2 },
    Family { name: "gemma3_text", aliases: &[], read: gemma3 },
    Family { name: "qwen2", aliases: &[], read: qwen2 },
    Family { name: "qwen3", aliases: &[], read: qwen3 },
    Family { name: "qwen3_moe", aliases: &[], read: qwen3_moe },
    Family { name: "qwen2_5_vl", aliases: &[], read: qwen2_5_vl },
    Family { name: "qwen3_vl", aliases: &[], read: qwen3_vl },
    Family { name: "qwen3_vl_moe", aliases: &[], read: qwen3_vl_moe },
    Family { name: "mixtral", aliases: &[], read: mixtral },
    Family { name: "glm4_moe", aliases: &[], read: glm4_moe },
    Family { name: "deepseek_v2", aliases: &[], read: deepseek_v2 },
    Family { name: "deepseek_v3", aliases: &["kimi_k2"], read: deepseek_v3 },
    Family { name: "gpt_oss", aliases: &[], read: gpt_oss },
    Family { name: "bert", aliases: &["roberta", "xlm-roberta"], read: bert },
    Family { name: "DiTTransformer2DModel", aliases: &[], read: dit },
    Family { name: "SD3Transformer2DModel", aliases: &[], read: sd3 },
    Family { name: "FluxTransformer2DModel", aliases: &[], read: flux },
];

fn llama(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::AsHeads);
    dense(keys, facts);
    let (attention, feed_forward) = (keys.boolean("attention_bias", false), keys.boolean("mlp_bias", false));
    match (attention, feed_forward) {
        (true, true) => set(facts, "biases", Fact::Symbol("all")),
        (true, false) => set(facts, "biases", Fact::Symbol("attention")),
        (false, true) => keys.values.push("`mlp_bias` is read together with `attention_bias`".to_owned()),
        (false, false) => {}
    }
}

fn mistral(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    dense(keys, facts);
    count(facts, "window", keys.count("sliding_window"));
}

fn phi3(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::AsHeads);
    dense(keys, facts);
    count(facts, "window", keys.count("sliding_window"));
}

/// Gemma 2 (Gemma Team, 2024, section 2): every second layer sees a window, from the first on.
fn gemma2(keys: &mut Keys, facts: &mut Facts) {
    gemma(keys, facts, 256_000, 2);
}

/// Gemma 3 (Gemma Team, 2025, section 2): five layers of six see a window, and heads are normalised.
fn gemma3(keys: &mut Keys, facts: &mut Facts) {
    let pattern = keys.count("sliding_window_pattern").unwrap_or(6);
    gemma(keys, facts, 262_208, pattern);
    set(facts, "query_key_norm", Fact::Boolean(true));
}

/// What both have; one layer in `pattern` sees everything. Published files leave many of the defaults out.
fn gemma(keys: &mut Keys, facts: &mut Facts, vocabulary: u64, pattern: u64) {
    for (field, key, default) in [
        ("layers", "num_hidden_layers", 26),
        ("hidden", "hidden_size", 2_304),
        ("vocabulary", "vocab_size", vocabulary),
        ("heads", "num_attention_heads", 8),
        ("kv_heads", "num_key_value_heads", 4),
        ("head_width", "head_dim", 256),
        ("feed_forward", "intermediate_size", 9_216),
    ] {
        set(facts, field, Fact::Integer(keys.count(key).unwrap_or(default)));
    }
    even(keys, integer(facts, "heads"), integer(facts, "kv_heads"));
    quantised(keys, facts);
    set(facts, "tied_embeddings", Fact::Boolean(keys.boolean("tie_word_embeddings", true)));
    set(facts, "post_norms", Fact::Boolean(true));
    attention_bias(keys, facts);
    let window = keys.count("sliding_window").unwrap_or(4_096);
    windowed(keys, facts, Some(window), |layers| layers - layers / pattern);
}

pub(super) fn qwen2(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    dense(keys, facts);
    set(facts, "biases", Fact::Symbol("qkv"));
    qwen_window(keys, facts);
}

pub(super) fn qwen3(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    dense(keys, facts);
    set(facts, "query_key_norm", Fact::Boolean(true));
    attention_bias(keys, facts);
    qwen_window(keys, facts);
}

pub(super) fn qwen3_moe(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    let experts = keys.needed_as("num_experts", "num_local_experts");
    experts_of(keys, facts, experts, "moe_intermediate_size");
    set(facts, "query_key_norm", Fact::Boolean(true));
    attention_bias(keys, facts);
    qwen_window(keys, facts);
    keys.only("decoder_sparse_step", 1);
    if keys.list("mlp_only_layers").is_some_and(|layers| !layers.is_empty()) {
        keys.values.push("`mlp_only_layers` is read where it is empty".to_owned());
    }
}

fn mixtral(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    let experts = keys.needed("num_local_experts");
    experts_of(keys, facts, experts, "intermediate_size");
    count(facts, "window", keys.count("sliding_window"));
}

/// GLM-4.5 (2025): the routing of DeepSeek-V3 beside grouped heads.
fn glm4_moe(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    routed(keys, facts);
    set(facts, "router_bias", Fact::Boolean(true));
    set(facts, "query_key_norm", Fact::Boolean(keys.boolean("use_qk_norm", false)));
    // Its output projection has none in any case.
    if keys.boolean("attention_bias", false) {
        set(facts, "biases", Fact::Symbol("qkv"));
    }
}

fn deepseek_v2(keys: &mut Keys, facts: &mut Facts) {
    latent(keys, facts);
    routed(keys, facts);
    set(facts, "router_bias", Fact::Boolean(false));
    attention_bias(keys, facts);
}

fn deepseek_v3(keys: &mut Keys, facts: &mut Facts) {
    latent(keys, facts);
    routed(keys, facts);
    // The routing that adds a bias to balance the experts (DeepSeek-V3, 2024, section 2.1.2).
    let method = keys.text("topk_method");
    set(facts, "router_bias", Fact::Boolean(method.is_none_or(|method| method == "noaux_tc")));
    attention_bias(keys, facts);
}

/// A decoder with latent attention.
fn latent(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    let heads = keys.needed("num_attention_heads");
    count(facts, "heads", heads);
    count(facts, "head_width", keys.needed("qk_nope_head_dim"));
    let kv = keys.needed("kv_lora_rank");
    let rope = keys.needed("qk_rope_head_dim");
    let value = keys.needed("v_head_dim");
    let query = keys.count("q_lora_rank");
    let widths = [("kv", kv), ("rope", rope), ("query", query), ("value", value)];
    let widths = widths.into_iter().filter_map(|(name, width)| Some((name, width?))).collect();
    set(facts, "latent", Fact::Widths(widths));
}

/// Experts, those that read every token, leading layers without, and modules that predict further tokens.
fn routed(keys: &mut Keys, facts: &mut Facts) {
    let experts = keys.needed("n_routed_experts");
    experts_of(keys, facts, experts, "moe_intermediate_size");
    set(facts, "shared_experts", Fact::Integer(keys.count_or("n_shared_experts", 0)));
    let dense_layers = keys.count_or("first_k_dense_replace", 0);
    set(facts, "dense_layers", Fact::Integer(dense_layers));
    if dense_layers > 0 {
        count(facts, "feed_forward", keys.needed("intermediate_size"));
    }
    if let Some(layers) = integer(facts, "layers")
        && dense_layers > layers
    {
        keys.contradiction(format!(
            "`first_k_dense_replace` is {dense_layers}, and `num_hidden_layers` is {layers}"
        ));
    }
    keys.only("moe_layer_freq", 1);
    set(facts, "prediction_modules", Fact::Integer(keys.count_or("num_nextn_predict_layers", 0)));
}

fn gpt_oss(keys: &mut Keys, facts: &mut Facts) {
    decoder(keys, facts);
    grouped(keys, facts, KvHeads::Needed);
    let experts = keys.needed("num_local_experts");
    experts_of(keys, facts, experts, "intermediate_size");
    set(facts, "attention_sinks", Fact::Boolean(true));
    // Router and experts have theirs in any case.
    if keys.boolean("attention_bias", true) {
        set(facts, "biases", Fact::Symbol("all"));
    } else {
        keys.wrong("attention_bias", "read as true");
    }
    let window = keys.needed("sliding_window");
    windowed(keys, facts, window, |layers| layers.div_ceil(2));
}

/// How many layers see a window: those that `layer_types` says, or `default` of all of them.
fn windowed(keys: &mut Keys, facts: &mut Facts, window: Option<u64>, default: impl Fn(u64) -> u64) {
    let Some(layers) = integer(facts, "layers") else { return };
    let windowed = match keys.list("layer_types") {
        None => default(layers),
        Some(types) => {
            if types.len() as u64 != layers {
                keys.contradiction(format!(
                    "`layer_types` has {} entries, and `num_hidden_layers` is {layers}",
                    types.len()
                ));
            }
            for other in types.iter().filter_map(Value::as_str) {
                if !matches!(other, "sliding_attention" | "full_attention") {
                    keys.values.push(format!(
                        "`layer_types` holds `sliding_attention` and `full_attention`; it has `{other}` here"
                    ));
                }
            }
            types.iter().filter(|kind| kind.as_str() == Some("sliding_attention")).count() as u64
        }
    };
    if windowed > 0 {
        count(facts, "window", window);
        set(facts, "windowed_layers", Fact::Integer(windowed));
    }
}

fn bert(keys: &mut Keys, facts: &mut Facts) {
    common(keys, facts);
    set(facts, "attention", Fact::Symbol("bidirectional"));
    let heads = keys.needed("num_attention_heads");
    count(facts, "heads", heads);
    divided(keys, facts, heads);
    count(facts, "feed_forward", keys.needed("intermediate_size"));
    count(facts, "positions", keys.needed("max_position_embeddings"));
    count(facts, "token_types", keys.needed("type_vocab_size"));
    let classes = keys.list("architectures").unwrap_or_default();
    match classes.first().and_then(Value::as_str) {
        Some(class) if class.ends_with("ForSequenceClassification") => {
            let named = keys.get("id2label").and_then(Value::as_object).map(|names| names.len() as u64);
            // The library's default is a choice of two.
            let labels = named.or_else(|| keys.count("num_labels")).unwrap_or(2);
            set(facts, "labels", Fact::Integer(labels.max(1)));
        }
        Some(class) if class.ends_with("Model") => set(facts, "pooler", Fact::Boolean(true)),
        Some(class) => keys.values.push(format!(
            "`architectures` is a `…Model` or a `…ForSequenceClassification`; it is `{class}` here"
        )),
        None => keys.missing.push("architectures".to_owned()),
    }
}

/// Whether a family states its key and value heads.
enum KvHeads {
    Needed,
    /// As many as query heads where it does not.
    AsHeads,
}

fn common(keys: &mut Keys, facts: &mut Facts) {
    count(facts, "layers", keys.needed("num_hidden_layers"));
    count(facts, "hidden", keys.needed("hidden_size"));
    count(facts, "vocabulary", keys.needed("vocab_size"));
    quantised(keys, facts);
}

fn decoder(keys: &mut Keys, facts: &mut Facts) {
    common(keys, facts);
    // Of a model of several parts it may stand beside them.
    let beside = keys.whole.get("tie_word_embeddings").and_then(Value::as_bool);
    let tied = keys.boolean("tie_word_embeddings", beside.unwrap_or(false));
    set(facts, "tied_embeddings", Fact::Boolean(tied));
}

fn grouped(keys: &mut Keys, facts: &mut Facts, kv: KvHeads) {
    let heads = keys.needed("num_attention_heads");
    count(facts, "heads", heads);
    let kv_heads = match kv {
        KvHeads::Needed => keys.needed("num_key_value_heads"),
        KvHeads::AsHeads => {
            if keys.get("num_key_value_heads").is_some() {
                keys.count("num_key_value_heads")
            } else {
                heads
            }
        }
    };
    count(facts, "kv_heads", kv_heads);
    even(keys, heads, kv_heads);
    match keys.count("head_dim") {
        Some(width) => set(facts, "head_width", Fact::Integer(width)),
        None => divided(keys, facts, heads),
    }
}

/// Every key head serves equally many query heads.
fn even(keys: &mut Keys, heads: Option<u64>, kv_heads: Option<u64>) {
    if let (Some(heads), Some(kv_heads)) = (heads, kv_heads)
        && !heads.is_multiple_of(kv_heads)
    {
        keys.contradiction(format!(
            "`num_key_value_heads` is {kv_heads}, which does not divide the {heads} of `num_attention_heads`"
        ));
    }
}

/// The width of a head where no key states it.
fn divided(keys: &mut Keys, facts: &mut Facts, heads: Option<u64>) {
    let (Some(hidden), Some(heads)) = (integer(facts, "hidden"), heads) else { return };
    if hidden.is_multiple_of(heads) {
        set(facts, "head_width", Fact::Integer(hidden / heads));
    } else {
        keys.contradiction(format!(
            "`hidden_size` is {hidden}, which {heads} heads do not divide, and no `head_dim` is stated"
        ));
    }
}

fn dense(keys: &mut Keys, facts: &mut Facts) {
    count(facts, "feed_forward", keys.needed("intermediate_size"));
}

fn experts_of(keys: &mut Keys, facts: &mut Facts, experts: Option<u64>, width: &str) {
    count(facts, "experts", experts);
    let per_token = keys.needed_as("num_experts_per_tok", "experts_per_token");
    count(facts, "experts_per_token", per_token);
    count(facts, "expert_feed_forward", keys.needed(width));
    if let (Some(experts), Some(per_token)) = (experts, per_token)
        && per_token > experts
    {
        keys.contradiction(format!("{per_token} experts read a token, and there are {experts}"));
    }
}

fn attention_bias(keys: &mut Keys, facts: &mut Facts) {
    if keys.boolean("attention_bias", false) {
        set(facts, "biases", Fact::Symbol("attention"));
    }
}

/// Qwen's window is stated and switched off.
fn qwen_window(keys: &mut Keys, facts: &mut Facts) {
    if !keys.boolean("use_sliding_window", false) {
        return;
    }
    count(facts, "window", keys.needed("sliding_window"));
    let (Some(layers), full) = (integer(facts, "layers"), keys.count_or("max_window_layers", 0)) else {
        return;
    };
    if full < layers {
        set(facts, "windowed_layers", Fact::Integer(layers - full));
    } else {
        facts.remove("window");
    }
}

pub(super) fn set(facts: &mut Facts, field: &'static str, fact: Fact) {
    facts.insert(field, fact);
}

fn count(facts: &mut Facts, field: &'static str, value: Option<u64>) {
    if let Some(value) = value {
        facts.insert(field, Fact::Integer(value));
    }
}

pub(super) fn integer(facts: &Facts, field: &str) -> Option<u64> {
    match facts.get(field) {
        Some(Fact::Integer(value)) => Some(*value),
        _ => None,
    }
}

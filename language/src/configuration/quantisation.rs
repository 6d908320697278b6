//! What a checkpoint stores, from `quantization_config`.
//!
//! The tools that quantise write different keys: `fp8`, `mxfp4`, `gptq` and `awq` as transformers 4.57 reads them,
//! `compressed-tensors` as llm-compressor writes it, `modelopt` as NVIDIA's Model Optimizer does. What other tools
//! store is none of ours to say: such a model is planned as if it were published in 16 bits, and a note says so, as it
//! does where some matrices of layers are left wider than the others.

use super::{Fact, Facts, Keys};
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// What is stored: its name, and how many numbers share a scale where that is said.
type Stored = (&'static str, Option<u64>);

/// Facts about weights and cache.
pub(super) fn quantised(keys: &mut Keys, facts: &mut Facts) {
    // Of a model of several parts it stands beside them.
    let said = keys.get("quantization_config").or_else(|| keys.whole.get("quantization_config"));
    let config = match said {
        None | Some(Value::Null) => {
            facts.insert("native", Fact::Symbol("bf16"));
            return;
        }
        Some(Value::Object(config)) => config.clone(),
        Some(_) => {
            keys.wrong("quantization_config", "an object");
            return;
        }
    };
    let method = config.get("quant_method").and_then(Value::as_str);
    let (values, notes) = (keys.values.len(), keys.notes.len());
    let stored = match method {
        None => Some(("bf16", None)),
        Some("fp8" | "fbgemm_fp8") => Some(("fp8", None)),
        Some("mxfp4") => Some(("mxfp4", None)),
        Some(method @ ("gptq" | "awq")) => grouped(keys, &config, method),
        Some("compressed-tensors") => {
            cached(facts, scheme(config.get("kv_cache_scheme")));
            compressed(keys, &config)
        }
        Some("modelopt" | "modelopt_fp4") => {
            let algorithm = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_uppercase);
            let known = |name: String| match name.as_str() {
                "FP8" => Some("fp8"),
                "INT8" => Some("int8"),
                _ => None,
            };
            let cache = algorithm("kv_cache_quant_algo").and_then(known);
            cached(facts, cache.or_else(|| scheme(config.get("kv_cache_scheme"))));
            match algorithm("quant_algo").as_deref() {
                Some("FP8") => Some(("fp8", None)),
                Some("NVFP4" | "W4A16_NVFP4") => Some(("nvfp4", None)),
                Some("W8A8_SQ_PER_CHANNEL") => {
                    keys.notes.push(WHOLE_BY_WHOLE.to_owned());
                    Some(("int8", Some(0)))
                }
                _ => None,
            }
        }
        Some(_) => None,
    };
    let Some((native, group)) = stored else {
        if (values, notes) == (keys.values.len(), keys.notes.len()) {
            let method = method.unwrap_or_default();
            keys.notes.push(format!("what `{method}` stores here is taken as published in 16 bits"));
        }
        return;
    };
    facts.insert("native", Fact::Symbol(native));
    if let Some(group) = group {
        facts.insert("native_group", Fact::Integer(group));
    }
    if let Some(left) = left_out(&config, native) {
        keys.notes.push(format!(
            "`{left}` is left wider, and is counted as {native} like the other matrices of layers"
        ));
    }
}

/// 8 bits by 8 bits: no precision here is that arithmetic.
const WHOLE_BY_WHOLE: &str =
    "whole numbers are multiplied by whole numbers, which is priced as the arithmetic of `precision`";

/// The first matrix of a layer that the tool left alone. Head, embedding, norms, routers and parts that see keep their
/// 16 bits here too.
fn left_out(config: &Object, native: &str) -> Option<String> {
    let lists = ["ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"];
    let named =
        lists.iter().filter_map(|list| config.get(*list)?.as_array()).flatten().filter_map(Value::as_str);
    // GPTQModel's exceptions are keys that start with `-:`.
    let exceptions = config.get("dynamic").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let exceptions = exceptions.filter_map(|key| key.strip_prefix("-:"));
    let is_matrix = |name: &&str| {
        let name = name.trim_end_matches(['$', '*', '.']);
        let elsewhere = ["norm", "router", "visual", "vision", "multi_modal", "audio", "mtp", "eh_proj"];
        let in_layers = ["attn", "attention", "mlp", "experts", "_proj", "ffn"];
        // Of experts alone is what `mxfp4` is.
        let kept = native == "mxfp4" && (name.contains("attn") || name.contains("shared"));
        !kept
            && !name.ends_with("gate")
            && !elsewhere.iter().any(|part| name.contains(part))
            && in_layers.iter().any(|part| name.contains(part))
    };
    named.chain(exceptions).find(is_matrix).map(str::to_owned)
}

fn cached(facts: &mut Facts, cache: Option<&'static str>) {
    if let Some(cache) = cache {
        facts.insert("kv_cache", Fact::Symbol(cache));
    }
}

/// `{"bits": 4, "group_size": 128}`, a group of -1 being a whole column.
fn grouped(keys: &mut Keys, config: &Object, method: &str) -> Option<Stored> {
    let bits = config.get("bits").or_else(|| config.get("w_bit")).and_then(Value::as_u64);
    let group = config.get("group_size").or_else(|| config.get("q_group_size"));
    let name = match bits {
        Some(4) => "int4",
        Some(8) => "int8",
        _ => {
            keys.values.push(format!("`quantization_config` of {method} has `bits` of 4 or 8"));
            return None;
        }
    };
    Some((name, Some(size(keys, group, method)?)))
}

/// Numbers that share a scale.
fn size(keys: &mut Keys, group: Option<&Value>, method: &str) -> Option<u64> {
    let size = match group.map(|group| (group.as_i64(), group)) {
        None | Some((Some(-1), _)) => Some(0),
        Some((Some(size), _)) if size > 0 => u64::try_from(size).ok(),
        Some(_) => None,
    };
    if size.is_none() {
        keys.values.push(format!(
            "`quantization_config` of {method} has a `group_size` above 0, or -1 for a whole column"
        ));
    }
    size
}

/// `{"config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int", "group_size": 128}}}}`, where all groups
/// say the same of their weights.
fn compressed(keys: &mut Keys, config: &Object) -> Option<Stored> {
    let groups = config.get("config_groups")?.as_object()?;
    let mut stored = None;
    for group in groups.values() {
        let weights = group.get("weights").filter(|weights| !weights.is_null())?;
        let bits = weights.get("num_bits").and_then(Value::as_u64);
        let size_said = weights.get("group_size").and_then(Value::as_u64);
        let name = match (bits, weights.get("type").and_then(Value::as_str)) {
            (Some(4), Some("int")) => "int4",
            (Some(4), Some("float")) if size_said == Some(16) => "nvfp4",
            _ => scheme(Some(weights))?,
        };
        let activations = group.get("input_activations").filter(|activations| !activations.is_null());
        if name == "int8" && activations.is_some() {
            keys.notes.push(WHOLE_BY_WHOLE.to_owned());
        }
        let size = match weights.get("strategy").and_then(Value::as_str) {
            _ if matches!(name, "fp8" | "nvfp4") => None,
            Some("group") => Some(size(keys, weights.get("group_size"), "compressed-tensors")?),
            _ => Some(0),
        };
        if stored.is_some_and(|stored| stored != (name, size)) {
            return None;
        }
        stored = Some((name, size));
    }
    stored
}

/// `{"num_bits": 8, "type": "float"}`
fn scheme(said: Option<&Value>) -> Option<&'static str> {
    let said = said?.as_object()?;
    match (said.get("num_bits").and_then(Value::as_u64), said.get("type").and_then(Value::as_str)) {
        (Some(8), Some("float")) => Some("fp8"),
        (Some(8), Some("int")) => Some("int8"),
        _ => None,
    }
}

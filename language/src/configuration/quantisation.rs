//! What a checkpoint stores, from `quantization_config`.
//!
//! The tools that quantise write different keys: `fp8`, `mxfp4`, `gptq` and `awq` as transformers 4.57 reads them,
//! `compressed-tensors` as llm-compressor writes it, `modelopt` as NVIDIA's Model Optimizer does. What other tools
//! store is none of ours to say: such a model is planned as if it were published in 16 bits.

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
    let stored = match config.get("quant_method").and_then(Value::as_str) {
        None => Some(("bf16", None)),
        Some("fp8") => Some(("fp8", None)),
        Some("mxfp4") => Some(("mxfp4", None)),
        Some(method @ ("gptq" | "awq")) => grouped(keys, &config, method),
        Some("compressed-tensors") => {
            cached(facts, scheme(config.get("kv_cache_scheme")));
            compressed(keys, &config)
        }
        Some("modelopt") => {
            let algorithm = |key: &str| config.get(key).and_then(Value::as_str).map(str::to_uppercase);
            let known = |name: String| match name.as_str() {
                "FP8" => Some("fp8"),
                "INT8" => Some("int8"),
                _ => None,
            };
            cached(facts, algorithm("kv_cache_quant_algo").and_then(known));
            // Of whole numbers it multiplies 8 bits by 8 bits, which no precision here is.
            algorithm("quant_algo").filter(|name| name == "FP8").map(|_| ("fp8", None))
        }
        Some(_) => None,
    };
    let Some((native, group)) = stored else { return };
    facts.insert("native", Fact::Symbol(native));
    if let Some(group) = group {
        facts.insert("native_group", Fact::Integer(group));
    }
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
        let name = scheme(Some(weights)).or_else(|| {
            let whole = weights.get("type").and_then(Value::as_str) == Some("int");
            (whole && weights.get("num_bits").and_then(Value::as_u64) == Some(4)).then_some("int4")
        })?;
        // 8 bits by 8 bits: no precision here is that arithmetic.
        let activations = group.get("input_activations").filter(|activations| !activations.is_null());
        if name == "int8" && activations.is_some() {
            return None;
        }
        let size = match weights.get("strategy").and_then(Value::as_str) {
            _ if name == "fp8" => None,
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

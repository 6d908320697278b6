//! Layouts of models to the arguments of engines: what makes an engine divide a model, and bound its batches, as the
//! plan counted on.
//!
//! Arguments are those of vLLM 0.11, SGLang 0.5 and TensorRT-LLM 1.0 (`vllm serve --help`,
//! `sglang.launch_server --help`, `trtllm-serve --help`). A layout that an engine has no arguments for is refused:
//! it would run as something that was not planned.

use berth_compiler::degrees::Degrees;
use berth_compiler::performance::memory::RUNTIME_BYTES;
use berth_compiler::performance::phase::EngineOverhead;
use berth_compiler::plan::Layout;
use berth_language::model::{Attention, Cached, FeedForward, Model, Stored};

/// An engine's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The container that it is in where no other is named, with NVIDIA's libraries; none where the engine's
    /// makers publish it only on a registry of their own, which is for the user to name.
    pub image: Option<&'static str>,
    /// What is run.
    pub command: Vec<String>,
    /// With what the plan decides.
    pub args: Vec<String>,
}

/// What an engine is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What it loads.
    pub model: &'a Model,
    /// How.
    pub layout: &'a Layout,
    /// What weights are held as, where a line of the service says.
    pub weights: Option<Stored>,
    /// What keys and values are cached as.
    pub kv_cache: Cached,
    /// Tokens that the model's own modules guess ahead in a step; 0: they do not run.
    pub guesses: u64,
    /// Where it listens.
    pub port: u16,
    /// Bytes of one device.
    pub device_memory: Option<f64>,
    /// The share of a device's memory that a line keeps free.
    pub memory_free: f64,
    /// An autoscaler goes by what it counts.
    pub is_elastic: bool,
}

/// The process of `engine` that realises a layout, or why it has none.
pub fn process(engine: &str, asked: &Asked<'_>) -> Result<Process, String> {
    let Some(repository) = &asked.model.repository else {
        let name = &asked.model.name;
        return Err(format!(
            "its model names nothing to load: say `repository = \"org/{name}\"` in the model"
        ));
    };
    if asked.model.module.is_some() {
        return Err("no engine loads an exported module".into());
    }
    if asked.layout.nodes > 1 {
        return Err(format!(
            "a replica takes {} nodes, and only replicas of one node are written yet: `nodes = 1` asks for those",
            asked.layout.nodes
        ));
    }
    let weights = repository.value.as_str();
    match engine {
        "sglang" => sglang(weights, asked),
        "tensorrt_llm" => tensorrt_llm(weights, asked),
        _ => vllm(weights, asked),
    }
}

fn vllm(weights: &str, asked: &Asked<'_>) -> Result<Process, String> {
    let Degrees { tensor, pipeline, expert, data, context } = asked.layout.degrees();
    whole_sequences(context)?;
    let mut args = vec![weights.to_owned(), "--host=0.0.0.0".into(), format!("--port={}", asked.port)];
    args.push(format!("--tensor-parallel-size={tensor}"));
    if pipeline > 1 {
        args.push(format!("--pipeline-parallel-size={pipeline}"));
    }
    if data > 1 {
        args.push(format!("--data-parallel-size={data}"));
    }
    if expert > 1 && expert != asked.layout.degrees().stage() {
        return Err(format!("vLLM divides experts among all devices of a stage or none, not in {expert}"));
    } else if expert > 1 {
        args.push("--enable-expert-parallel".into());
    }
    // It has its own count of what each expert is asked for, and moves copies by that.
    if asked.layout.redundant > 0 {
        let redundant = asked.layout.redundant;
        args.push("--enable-eplb".into());
        args.push(format!("--eplb-config={{\"num_redundant_experts\":{redundant}}}"));
    }
    // Of one data-parallel group; a plan counts all.
    args.push(format!("--max-num-seqs={}", (asked.layout.batch / data).max(1)));
    if encodes(asked.model) {
        args.push("--runner=pooling".into());
    } else {
        args.push(format!("--max-num-batched-tokens={}", token_budget()));
    }
    if let Some(share) = utilisation(asked) {
        args.push(format!("--gpu-memory-utilization={share}"));
    }
    args.push("--dtype=bfloat16".into());
    if quantises(asked)? {
        args.push("--quantization=fp8".into());
    }
    match asked.kv_cache {
        Cached::Bf16 => {}
        Cached::Fp8 => args.push("--kv-cache-dtype=fp8".into()),
        Cached::Int8 => return Err(cached("vLLM", asked.kv_cache)),
    }
    if asked.guesses > 0 {
        let guesses = asked.guesses;
        args.push(format!(
            "--speculative-config={{\"method\":\"mtp\",\"num_speculative_tokens\":{guesses}}}"
        ));
    }
    let command = ["vllm", "serve"].map(str::to_owned).to_vec();
    Ok(Process { image: Some("vllm/vllm-openai:v0.11.0"), command, args })
}

fn sglang(weights: &str, asked: &Asked<'_>) -> Result<Process, String> {
    let Degrees { tensor, pipeline, expert, data, context } = asked.layout.degrees();
    whole_sequences(context)?;
    let mut args =
        vec![format!("--model-path={weights}"), "--host=0.0.0.0".into(), format!("--port={}", asked.port)];
    // Its tensor degree counts all devices of a stage: attention is divided by less where groups have sequences of
    // their own.
    args.push(format!("--tp-size={}", tensor * data));
    if pipeline > 1 {
        args.push(format!("--pp-size={pipeline}"));
    }
    if data > 1 {
        if matches!(asked.model.feed_forward, FeedForward::Dense(_)) {
            return Err(
                "SGLang gives groups of devices sequences of their own only in models with experts; \
                        plan replicas instead: `data = 1`"
                    .into(),
            );
        }
        args.extend([format!("--dp-size={data}"), "--enable-dp-attention".into()]);
    }
    if expert > 1 {
        args.push(format!("--ep-size={expert}"));
    }
    if asked.layout.redundant > 0 {
        args.push("--enable-eplb".into());
        args.push(format!("--ep-num-redundant-experts={}", asked.layout.redundant));
    }
    // Of all groups; so is the budget.
    args.push(format!("--max-running-requests={}", asked.layout.batch));
    if encodes(asked.model) {
        args.push("--is-embedding".into());
    } else {
        args.push(format!("--chunked-prefill-size={}", token_budget() * data));
    }
    args.push("--dtype=bfloat16".into());
    if quantises(asked)? {
        args.push("--quantization=fp8".into());
    }
    match asked.kv_cache {
        Cached::Bf16 => {}
        Cached::Fp8 => args.push("--kv-cache-dtype=fp8_e4m3".into()),
        Cached::Int8 => return Err(cached("SGLang", asked.kv_cache)),
    }
    if asked.guesses > 0 {
        // It takes a model's modules for a draft model of its own and follows one guess.
        args.extend([
            "--speculative-algorithm=EAGLE".into(),
            format!("--speculative-num-steps={}", asked.guesses),
            "--speculative-eagle-topk=1".into(),
            format!("--speculative-num-draft-tokens={}", asked.guesses + 1),
        ]);
    }
    // Others show what they count by themselves.
    if asked.is_elastic {
        args.push("--enable-metrics".into());
    }
    let command = ["python3", "-m", "sglang.launch_server"].map(str::to_owned).to_vec();
    Ok(Process { image: Some("lmsysorg/sglang:v0.5.5"), command, args })
}

fn tensorrt_llm(weights: &str, asked: &Asked<'_>) -> Result<Process, String> {
    let Degrees { tensor, pipeline, expert, data, context } = asked.layout.degrees();
    whole_sequences(context)?;
    if data > 1 {
        return Err("TensorRT-LLM is not given groups of devices with sequences of their own yet; \
                    limit them: `data = 1`"
            .into());
    }
    if asked.layout.redundant > 0 {
        return Err("TensorRT-LLM is told of copies of experts in a file, which is not written yet; pin \
                    `redundant_experts = 0`, or take vLLM or SGLang"
            .into());
    }
    if asked.guesses > 0 {
        return Err(
            "TensorRT-LLM is told of modules that guess tokens in a file, which is not written yet; leave \
                    `acceptance` out, or take vLLM or SGLang"
                .into(),
        );
    }
    if encodes(asked.model) {
        return Err("encoders are not served with TensorRT-LLM; take vLLM or SGLang".into());
    }
    if quantises(asked)? {
        return Err("TensorRT-LLM computes in fp8 what is stored so; name such weights in the model, with \
                    `native = fp8`"
            .into());
    }
    if asked.kv_cache != Cached::Bf16 {
        return Err(cached("TensorRT-LLM", asked.kv_cache));
    }
    let mut args = vec![weights.to_owned(), "--host=0.0.0.0".into(), format!("--port={}", asked.port)];
    args.push(format!("--tp_size={tensor}"));
    if pipeline > 1 {
        args.push(format!("--pp_size={pipeline}"));
    }
    if expert > 1 {
        args.push(format!("--ep_size={expert}"));
    }
    args.push(format!("--max_batch_size={}", asked.layout.batch));
    args.push(format!("--max_num_tokens={}", token_budget()));
    Ok(Process { image: None, command: vec!["trtllm-serve".into()], args })
}

/// An argument of `own` that the plan decides already, if any does: the two would contradict each other.
pub fn decided_twice<'a>(decided: &[String], own: &'a [String]) -> Option<&'a str> {
    let decided: Vec<String> = decided.iter().map(|argument| name(argument)).collect();
    own.iter().map(String::as_str).find(|own| own.starts_with('-') && decided.contains(&name(own)))
}

/// What an argument sets, whichever of its names it is written with.
fn name(argument: &str) -> String {
    const SHORT: [(&str, &str); 9] = [
        ("-tp", "--tensor-parallel-size"),
        ("--tp", "--tensor-parallel-size"),
        ("--tp-size", "--tensor-parallel-size"),
        ("-pp", "--pipeline-parallel-size"),
        ("--pp-size", "--pipeline-parallel-size"),
        ("-dp", "--data-parallel-size"),
        ("--dp-size", "--data-parallel-size"),
        ("--ep", "--ep-size"),
        ("--expert-parallel-size", "--ep-size"),
    ];
    let name = argument.split('=').next().unwrap_or_default().replace('_', "-");
    SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| (*long).to_owned())
}

/// Of tokens in one step, as predictions assume it.
fn token_budget() -> u64 {
    EngineOverhead::ASSUMED.token_budget as u64
}

/// The share of a device that vLLM may fill: all but what the plan keeps for the runtime, which vLLM does not count,
/// and what a line keeps free. In hundredths, rounded down.
fn utilisation(asked: &Asked<'_>) -> Option<f64> {
    let kept = (RUNTIME_BYTES / asked.device_memory?).max(asked.memory_free);
    let hundredths = ((1.0 - kept) * 100.0 + 1e-9).floor();
    (hundredths > 0.0).then_some(hundredths / 100.0)
}

/// The engine has to quantise what it loads, because the plan holds weights in fewer bits than are stored. None of
/// them holds more than is stored, and of fewer bits they make fp8 alone while they load.
fn quantises(asked: &Asked<'_>) -> Result<bool, String> {
    let native = asked.model.native.as_ref().map_or(Stored::Bf16, |native| native.value);
    let held = asked.weights.unwrap_or(match (native, asked.layout.precision.as_str()) {
        (Stored::Int8 | Stored::Int4 | Stored::Mxfp4 | Stored::Nvfp4, _) => native,
        (_, "fp8") => Stored::Fp8,
        _ => Stored::Bf16,
    });
    match (native, held) {
        (Stored::Bf16, Stored::Fp8) => Ok(true),
        _ if native == held => Ok(false),
        _ => Err(format!(
            "its weights are stored in {} and engines load them as they are, while the plan counts on {}",
            native.name(),
            held.name()
        )),
    }
}

fn cached(engine: &str, kv_cache: Cached) -> String {
    format!("{engine} is not given an argument for keys and values in {}", kv_cache.name())
}

fn encodes(model: &Model) -> bool {
    matches!(model.attention, Attention::Bidirectional(_))
}

fn whole_sequences(context: u64) -> Result<(), String> {
    if context > 1 {
        Err("the tokens of a sequence are not divided by any engine here".into())
    } else {
        Ok(())
    }
}

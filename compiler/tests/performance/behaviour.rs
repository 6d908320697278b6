//! What its users rely on: sums, limits, growth, errors, and agreement with an engine.

use crate::decoder::{Decoder, LLAMA_8B, LLAMA_70B};
use crate::engine::{Engine, Mixing, Request, Seen, Uniform, serve, tabulated};
use berth_compiler::degrees::Degrees;
use berth_compiler::form::Binding;
use berth_compiler::graph::{Patches, Phase, PhaseGraph};
use berth_compiler::performance::draws::Lengths;
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::images::Images;
use berth_compiler::performance::memory::Phases;
use berth_compiler::performance::phase::{EngineOverhead, pass};
use berth_compiler::performance::serving::{Capacity, Limit, Replica, Workload};
use berth_compiler::performance::{NoteKind, Notes, PerformanceError};
use berth_language::model::{Draws, FabricKind, LatencyMeasure, Precision, Statistic};
use num_rational::BigRational;
use std::collections::{BTreeMap, BTreeSet};

fn hardware(device: &str) -> Hardware {
    let (memory, bandwidth, bf16, fp8, fabric) = match device {
        "a100_sxm" => (80e9, 2.039e12, 312e12, None, (FabricKind::Nvlink, 600e9)),
        "h100_sxm" => (80e9, 3.35e12, 989e12, Some(1_979e12), (FabricKind::Nvlink, 900e9)),
        "h200_sxm" => (141e9, 4.8e12, 989e12, Some(1_979e12), (FabricKind::Nvlink, 900e9)),
        "l40s" => (48e9, 864e9, 362e12, Some(733e12), (FabricKind::Pcie, 64e9)),
        _ => (64e9, 1.2e12, 300e12, None, (FabricKind::Nvlink, 600e9)),
    };
    let mut compute = BTreeMap::from([(Precision::Bf16, bf16)]);
    compute.extend(fp8.map(|rate| (Precision::Fp8, rate)));
    Hardware { device: device.to_owned(), memory, bandwidth, compute, fabric: Some(fabric), network: None }
}

fn integer(value: u64) -> BigRational {
    BigRational::from_integer(value.into())
}

fn p99() -> Statistic {
    Statistic::Quantile(BigRational::new(99.into(), 100.into()))
}

fn chat() -> Workload {
    Workload {
        prompt: Draws::Lognormal { p50: integer(900), p99: integer(6_000) },
        output: Draws::Lognormal { p50: integer(220), p99: integer(900) },
        images: None,
        spacing: 1.0,
        steps: 1,
        guided: false,
        acceptance: 0.0,
    }
}

fn replica(model: Decoder, device: &str, tensor: u64, precision: Precision, workload: &Workload) -> Replica {
    let (prefill, decode) = (model.graph(precision, Phase::Prefill), model.graph(precision, Phase::Decode));
    let phases = Phases { prefill: &prefill, decode: Some(&decode), vision: None };
    Replica::new(phases, &hardware(device), Degrees::of_tensor(tensor), workload).unwrap()
}

/// Poisson arrivals through the engine, step by step.
fn simulated(
    model: Decoder,
    device: &str,
    tensor: u64,
    workload: &Workload,
    rate: f64,
    slots: u64,
) -> Vec<Seen> {
    let hardware = hardware(device);
    let (prompts, outputs) = (Lengths::of(&workload.prompt), Lengths::of(&workload.output));
    let context = prompts.mean(|x| x) + outputs.mean(|x| x * x) / outputs.mean(|x| x) / 2.0;
    let degrees = Degrees::of_tensor(tensor);
    let overhead = EngineOverhead::ASSUMED;
    let (prefill, decode) =
        (model.graph(Precision::Fp8, Phase::Prefill), model.graph(Precision::Fp8, Phase::Decode));
    let seconds = |graph, binding| {
        pass(graph, &hardware, &binding, &overhead, &mut Notes::Ignored).unwrap().seconds.middle
    };
    let step =
        tabulated(1_024.0, |sequences| seconds(&decode, Binding { sequences, new: 1.0, context, degrees }));
    let chunk = tabulated(prompts.largest().max(2.0), |new| {
        seconds(&prefill, Binding { sequences: 1.0, new, context: 0.0, degrees })
    });
    let engine = Engine {
        decode: &step,
        prefill: &chunk,
        mixing: Mixing::Together,
        token_budget: overhead.token_budget,
        slots: slots as usize,
        admission: overhead.request.middle,
    };
    let mut uniform = Uniform(7);
    let pick = |lengths: &Lengths, mut u: f64| {
        for (value, weight) in &lengths.values {
            u -= weight;
            if u <= 0.0 {
                return *value;
            }
        }
        lengths.largest()
    };
    let mut now = 0.0;
    let arrivals = (0..20_000)
        .map(|_| {
            now -= uniform.draw().ln() / rate;
            let (prompt, output) = (pick(&prompts, uniform.draw()), pick(&outputs, uniform.draw()));
            Request { arrival: now, prompt, output: output.round() as u64 }
        })
        .collect();
    serve(&engine, arrivals, |_| None)
}

fn mean_and_p99(seen: &[Seen], of: fn(&Seen) -> f64) -> (f64, f64) {
    let mut values: Vec<f64> = seen.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    (values.iter().sum::<f64>() / values.len() as f64, values[values.len() * 99 / 100])
}

#[test]
fn queueing_agrees_with_an_engine_served_step_by_step() {
    for (model, device, tensor, batch) in [
        (LLAMA_70B, "h100_sxm", 8, 256),
        (LLAMA_70B, "h100_sxm", 4, 256),
        (LLAMA_8B, "h100_sxm", 1, 256),
        (LLAMA_8B, "l40s", 1, 64),
    ] {
        let workload = chat();
        let replica = replica(model, device, tensor, Precision::Fp8, &workload);
        // What it carries at the slow end of the band; shares of it are of the middle.
        let most = replica.capacity(batch, &[]).unwrap().rate;
        for share in [0.1, 0.4, 0.7, 0.9] {
            let rate = share * most;
            let seen = simulated(model, device, tensor, &workload, rate, replica.slots(batch));
            for (measure, of) in [
                (LatencyMeasure::Ttft, (|seen| seen.ttft) as fn(&Seen) -> f64),
                (LatencyMeasure::Tpot, |seen| seen.tpot),
                (LatencyMeasure::Latency, |seen| seen.latency),
            ] {
                let (mean, high) = mean_and_p99(&seen, of);
                let predict =
                    |statistic: &Statistic| replica.predict(rate, batch, measure, statistic).unwrap().middle;
                let (own_mean, own_high) = (predict(&Statistic::Mean), predict(&p99()));
                let text = format!(
                    "{device} x {tensor}, {rate:.2}/s, {measure:?}: mean {mean:.4} predicted {own_mean:.4} \
                     ({:+.0} %), p99 {high:.4} predicted {own_high:.4} ({:+.0} %)",
                    100.0 * (own_mean / mean - 1.0),
                    100.0 * (own_high / high - 1.0)
                );
                println!("{text}");
                assert!((own_mean / mean - 1.0).abs() < 0.05, "{text}");
                assert!((-0.12..0.12).contains(&(own_high / high - 1.0)), "{text}");
            }
        }
    }
}

#[test]
fn a_pass_is_the_sum_of_its_operators_and_loses_what_is_deleted() {
    let hardware = hardware("h100_sxm");
    let engine = EngineOverhead::ASSUMED;
    for phase in [Phase::Prefill, Phase::Decode] {
        let graph = LLAMA_70B.graph(Precision::Bf16, phase);
        let new = if phase == Phase::Prefill { 1_024.0 } else { 1.0 };
        let binding = Binding { sequences: 16.0, new, context: 1_024.0, degrees: Degrees::of_tensor(8) };
        let whole = pass(&graph, &hardware, &binding, &engine, &mut Notes::Ignored).unwrap();
        let mut less = graph.clone();
        let deleted =
            less.operators.node_indices().find(|at| less.operators[*at].name == "all_reduce_mlp").unwrap();
        less.operators.remove_node(deleted);
        let rest = pass(&less, &hardware, &binding, &engine, &mut Notes::Ignored).unwrap();
        let own = whole.operators[deleted.index()];
        assert!(
            (whole.seconds.middle - rest.seconds.middle - own.middle).abs() < 1e-12 * whole.seconds.middle
        );
        // 80 layers, 2 (8 - 1)/8 of a value of 16 x new x 8192 numbers of 2 bytes.
        let link = 80.0 * 1.75 * 16.0 * new * 8_192.0 * 2.0;
        assert!((whole.link_bytes - rest.link_bytes - link).abs() < 1e-6 * link);
        assert_eq!(whole.flops, rest.flops);
        let sum: f64 = whole.operators.iter().map(|band| band.middle).sum();
        assert!((sum + whole.step - whole.seconds.middle).abs() < 1e-12);
    }
}

#[test]
fn an_unknown_device_is_a_roofline_of_its_datasheet() {
    // One product alone: 4096 tokens through qkv of the 8B model on one device of 300 TFLOP/s, 1.2 TB/s.
    let mut graph = LLAMA_8B.graph(Precision::Bf16, Phase::Prefill);
    graph.operators.retain_nodes(|graph, at| graph[at].name == "qkv");
    let binding = Binding { sequences: 1.0, new: 4_096.0, context: 0.0, degrees: Degrees::of_tensor(1) };
    let mut notes = Notes::Kept(BTreeSet::new());
    let pass = pass(&graph, &hardware("strange"), &binding, &EngineOverhead::ASSUMED, &mut notes).unwrap();
    // 32 layers of 2 x 4096 x 4096 x 6144 FLOP at 45 % of 300 TFLOP/s and 10 µs each, limited by arithmetic.
    let derived = 32.0 * (2.0 * 4_096.0 * 4_096.0 * 6_144.0 / (0.45 * 300e12) + 10e-6);
    assert!((pass.operators[0].middle - derived).abs() < 1e-12);
    assert!((pass.operators[0].high - 1.5 * derived).abs() < 1e-12);
    assert!(
        notes
            .into_kept()
            .iter()
            .any(|note| note.kind == NoteKind::Datasheet && note.text.contains("strange"))
    );
}

#[test]
fn what_a_device_cannot_do_is_an_error_that_names_it() {
    let (prefill, decode) =
        (LLAMA_8B.graph(Precision::Fp8, Phase::Prefill), LLAMA_8B.graph(Precision::Fp8, Phase::Decode));
    let phases = Phases { prefill: &prefill, decode: Some(&decode), vision: None };
    let error = Replica::new(phases, &hardware("a100_sxm"), Degrees::of_tensor(1), &chat()).unwrap_err();
    assert_eq!(error.to_string(), "`a100_sxm` states no compute at fp8");
    let alone = Hardware { fabric: None, ..hardware("h100_sxm") };
    let error = Replica::new(phases, &alone, Degrees::of_tensor(2), &chat()).unwrap_err();
    assert_eq!(error.to_string(), "`a node of h100_sxm` states no fabric");
    assert!(Replica::new(phases, &alone, Degrees::of_tensor(1), &chat()).is_ok());
}

#[test]
fn constant_prompts_without_decoding_wait_as_in_md1() {
    // One token of output: prefill is all there is, and D its time on 2,048 tokens.
    let workload = Workload {
        prompt: Draws::Constant(integer(2_048)),
        output: Draws::Constant(integer(1)),
        images: None,
        spacing: 1.0,
        steps: 1,
        guided: false,
        acceptance: 0.0,
    };
    let replica = replica(LLAMA_8B, "h100_sxm", 1, Precision::Bf16, &workload);
    let graph = LLAMA_8B.graph(Precision::Bf16, Phase::Prefill);
    let binding = Binding { sequences: 1.0, new: 2_048.0, context: 0.0, degrees: Degrees::of_tensor(1) };
    let overhead = EngineOverhead::ASSUMED;
    let d =
        pass(&graph, &hardware("h100_sxm"), &binding, &overhead, &mut Notes::Ignored).unwrap().seconds.middle;
    for utilisation in [0.1, 0.5, 0.9] {
        let rate = utilisation / d;
        let mean = replica.predict(rate, 8, LatencyMeasure::Ttft, &Statistic::Mean).unwrap().middle;
        let derived = overhead.request.middle + d + rate * d * d / (2.0 * (1.0 - rate * d));
        assert!((mean - derived).abs() < 1e-9, "{utilisation}: {mean} {derived}");
    }
    let beyond = replica.predict(1.01 / d, 8, LatencyMeasure::Ttft, &Statistic::Mean).unwrap();
    assert_eq!(beyond.middle, f64::INFINITY);
}

#[test]
fn memory_is_what_the_shape_says() {
    // 8,030,261,248 parameters of 2 bytes; 2 x 32 x 8 x 128 x 2 bytes of KV a token. The norms, 266,240
    // parameters, are not in this graph.
    let replica = replica(LLAMA_8B, "h100_sxm", 1, Precision::Bf16, &chat());
    let memory = replica.memory();
    assert_eq!(memory.weights, 2.0 * (8_030_261_248.0 - 266_240.0));
    assert_eq!(memory.kv_per_token, 131_072.0);
    assert_eq!(memory.most_tokens(), ((80e9 - memory.weights - memory.reserve) / 131_072.0).floor());
    assert!((memory.free(1e5) - (1.0 - (memory.weights + memory.reserve + 131_072e5) / 80e9)).abs() < 1e-15);
    // 70B at 16 bit on two 80 GB devices leaves nothing for the cache: no rate is carried.
    let full = self::replica(LLAMA_70B, "h100_sxm", 2, Precision::Bf16, &chat());
    assert!(full.slots(256) < 40, "{}", full.slots(256));
    let over = self::replica(LLAMA_70B, "l40s", 2, Precision::Bf16, &chat());
    assert_eq!((over.memory().most_tokens(), over.slots(256)), (0.0, 0));
    assert_eq!(over.capacity(256, &[]).unwrap(), Capacity { rate: 0.0, limited_by: None });
}

#[test]
fn every_measure_grows_with_the_rate() {
    for (device, tensor, batch) in [("h100_sxm", 8, 256), ("h200_sxm", 4, 32), ("l40s", 4, 64)] {
        let replica = replica(LLAMA_70B, device, tensor, Precision::Fp8, &chat());
        let most = replica.capacity(batch, &[]).unwrap().rate;
        for measure in [LatencyMeasure::Ttft, LatencyMeasure::Tpot, LatencyMeasure::Latency] {
            for statistic in [Statistic::Mean, p99()] {
                let mut before = 0.0;
                for step in 0..13 {
                    let rate = most * 1.2 * f64::from(step) / 12.0;
                    let band = replica.predict(rate, batch, measure, &statistic).unwrap();
                    assert!(band.low <= band.middle && band.middle <= band.high, "{band:?}");
                    assert!(
                        band.high >= before * (1.0 - 1e-9),
                        "{device} {measure:?} {rate}: {before} {band:?}"
                    );
                    before = band.high;
                }
            }
        }
        let free = |rate: f64| replica.predict_memory_free(rate, batch).low;
        assert!(free(0.1 * most) >= free(0.9 * most));
    }
}

#[test]
fn capacity_is_where_the_first_limit_stops_holding() {
    let ttft = |most| Limit::Latency { measure: LatencyMeasure::Ttft, statistic: p99(), most };
    let tpot = |most| Limit::Latency { measure: LatencyMeasure::Tpot, statistic: p99(), most };
    for tensor in [4, 8] {
        let replica = replica(LLAMA_70B, "h100_sxm", tensor, Precision::Fp8, &chat());
        let capacity = |limits: &[Limit]| replica.capacity(128, limits).unwrap();
        let least = replica.predict_memory_free(0.5 * capacity(&[]).rate, 128).low;
        for limits in [
            vec![ttft(0.8), tpot(0.05), Limit::MemoryFree { least: 0.08 }],
            vec![tpot(0.025), ttft(2.0)],
            vec![Limit::MemoryFree { least }],
        ] {
            let found = capacity(&limits);
            assert!(found.rate > 0.1, "{tensor} {limits:?} {found:?}");
            // Just under it every limit holds at the unfavourable end; just over, the one named fails.
            let holds = |limit: &Limit, rate: f64| match limit {
                Limit::Latency { measure, statistic, most } => {
                    replica.predict(rate, 128, *measure, statistic).unwrap().high <= *most
                }
                Limit::MemoryFree { least } => replica.predict_memory_free(rate, 128).low >= *least,
            };
            assert!(limits.iter().all(|limit| holds(limit, found.rate * 0.9999)), "{limits:?} {found:?}");
            let named = &limits[found.limited_by.unwrap()];
            assert!(!holds(named, found.rate * 1.0001), "{named:?} {found:?}");
        }
        assert_eq!(capacity(&[tpot(0.05), ttft(0.01)]), Capacity { rate: 0.0, limited_by: Some(1) });
        assert_eq!(capacity(&[Limit::MemoryFree { least: 0.99 }]).limited_by, Some(0));
        assert!(capacity(&[ttft(0.6)]).rate < capacity(&[ttft(1.0)]).rate);
        // Nothing asked: it is carried until prefill or the slots run out, and no limit is to blame.
        assert_eq!(capacity(&[]).limited_by, None);
        let peak = Limit::Latency { measure: LatencyMeasure::Ttft, statistic: Statistic::Peak, most: 1.0 };
        assert_eq!(replica.capacity(128, &[peak]), Err(PerformanceError::Peak));
    }
}

#[test]
fn a_step_with_guesses_gives_more_than_one_token() {
    // Its cost is the graph's; here it is that of one without, so that only the count of tokens differs.
    let tpot = |drafts: u64, acceptance: f64| {
        let prefill = LLAMA_8B.graph(Precision::Bf16, Phase::Prefill);
        let decode = PhaseGraph { drafts, ..LLAMA_8B.graph(Precision::Bf16, Phase::Decode) };
        let phases = Phases { prefill: &prefill, decode: Some(&decode), vision: None };
        let workload = Workload { acceptance, ..chat() };
        let hardware = hardware("h100_sxm");
        let replica = Replica::new(phases, &hardware, Degrees::of_tensor(1), &workload).unwrap();
        replica.predict(1e-9, 8, LatencyMeasure::Tpot, &Statistic::Mean).unwrap().middle
    };
    let alone = tpot(0, 0.9);
    assert_eq!(tpot(1, 0.0), alone);
    for (drafts, acceptance, tokens) in [(1, 0.5, 1.5), (1, 1.0, 2.0), (3, 0.8, 1.0 + 0.8 + 0.64 + 0.512)] {
        let found = alone / tpot(drafts, acceptance);
        assert!((found - tokens).abs() < 1e-6, "{found} tokens a step in place of {tokens}");
    }
}

#[test]
fn figures_outside_what_was_measured_say_so() {
    let long = Workload {
        prompt: Draws::Constant(integer(60_000)),
        output: Draws::Constant(integer(10)),
        images: None,
        spacing: 1.0,
        steps: 1,
        guided: false,
        acceptance: 0.0,
    };
    let noted = |tensor: u64, workload: &Workload| {
        let replica = replica(LLAMA_8B, "h100_sxm", tensor, Precision::Bf16, workload);
        let outside = replica.notes().iter().filter(|note| note.kind == NoteKind::Outside);
        outside.map(|note| note.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        noted(2, &long),
        [
            "matmul on h100_sxm: larger than any shape measured",
            "prefill attention on h100_sxm: larger than any shape measured"
        ]
    );
    assert!(noted(2, &chat()).is_empty());
    // Alone it computes all 128,256 columns of the output projection; 65,536 were measured.
    assert_eq!(noted(1, &chat()), ["matmul on h100_sxm: larger than any shape measured"]);
}

#[test]
fn bursts_never_let_a_replica_carry_more() {
    let limits = [Limit::Latency { measure: LatencyMeasure::Ttft, statistic: p99(), most: 0.8 }];
    let carried = |spacing: f64| {
        let workload = Workload { spacing, ..chat() };
        let replica = replica(LLAMA_70B, "h100_sxm", 4, Precision::Fp8, &workload);
        replica.capacity(128, &limits).unwrap().rate
    };
    let rates = [1.0, 2.0, 4.0, 9.0].map(carried);
    assert!(rates.is_sorted_by(|a, b| a > b), "{rates:?}");
    // Shared by chance, steady arrivals are irregular again.
    assert_eq!(carried(0.25), rates[0]);
}

/// Something that sees: the layers of a small decoder, on patches of 14 x 14 pixels, four of them a token.
fn sees() -> PhaseGraph {
    let patches = Some(Patches { pixels: 196, tokens: 0.25 });
    PhaseGraph { phase: Phase::Vision, patches, ..LLAMA_8B.graph(Precision::Bf16, Phase::Prefill) }
}

fn seeing(images: Option<Images>, prompt: u64, pipeline: u64) -> Replica {
    let (prefill, decode) =
        (LLAMA_70B.graph(Precision::Fp8, Phase::Prefill), LLAMA_70B.graph(Precision::Fp8, Phase::Decode));
    let workload = Workload { prompt: Draws::Constant(integer(prompt)), images, ..chat() };
    let phases = Phases { prefill: &prefill, decode: Some(&decode), vision: Some(&sees()) };
    let degrees = Degrees { pipeline, ..Degrees::of_tensor(4) };
    Replica::new(phases, &hardware("h200_sxm"), degrees, &workload).unwrap()
}

#[test]
fn images_are_seen_one_after_another_and_then_prefilled() {
    // 1,036 x 784 pixels are 74 x 56 = 4,144 patches and 1,036 tokens; two of them, with 900 tokens of text, 2,972.
    let two = Images { count: Draws::Constant(integer(2)), pixels: Draws::Constant(integer(1_036 * 784)) };
    let at = |graph: &PhaseGraph, new: f64| {
        let binding = Binding { sequences: 1.0, new, context: 0.0, degrees: Degrees::of_tensor(4) };
        let hardware = hardware("h200_sxm");
        pass(graph, &hardware, &binding, &EngineOverhead::ASSUMED, &mut Notes::Ignored).unwrap()
    };
    let image = at(&sees(), 4_144.0);
    let prefill = at(&LLAMA_70B.graph(Precision::Fp8, Phase::Prefill), 2_972.0).seconds.middle;
    let derived =
        EngineOverhead::ASSUMED.request.middle + prefill + 2.0 * (image.seconds.middle - image.step);
    let replica = seeing(Some(two), 900, 1);
    let ttft = replica.predict(1e-9, 64, LatencyMeasure::Ttft, &Statistic::Mean).unwrap().middle;
    assert!((ttft - derived).abs() < 1e-6, "{ttft} {derived}");
    assert!(replica.notes().iter().any(|note| note.text.contains("seen one after another")));
}

#[test]
fn what_sees_stands_on_the_first_stage() {
    let weights = |vision: bool, pipeline: u64| {
        let (prefill, decode) =
            (LLAMA_70B.graph(Precision::Fp8, Phase::Prefill), LLAMA_70B.graph(Precision::Fp8, Phase::Decode));
        let sees = sees();
        let vision = vision.then_some(&sees);
        let phases = Phases { prefill: &prefill, decode: Some(&decode), vision };
        let degrees = Degrees { pipeline, ..Degrees::of_tensor(1) };
        Replica::new(phases, &hardware("h200_sxm"), degrees, &chat()).unwrap().memory().weights
    };
    // 8,029,995,008 parameters of 2 bytes, norms not among them, whole on each device of that stage.
    for pipeline in [1, 2, 4] {
        assert_eq!(weights(true, pipeline) - weights(false, pipeline), 16_059_990_016.0, "{pipeline}");
    }
}

#[test]
fn larger_images_cost_more_and_none_cost_nothing() {
    let ttft = |images: Option<Images>| {
        seeing(images, 900, 2).predict(0.5, 64, LatencyMeasure::Ttft, &p99()).unwrap().middle
    };
    let of = |pixels: u64, p99: u64| {
        Some(Images {
            count: Draws::Constant(integer(1)),
            pixels: Draws::Lognormal { p50: integer(pixels), p99: integer(p99) },
        })
    };
    let none = Images { count: Draws::Constant(integer(0)), pixels: Draws::Constant(integer(1)) };
    let (without, zero) = (ttft(None), ttft(Some(none)));
    assert!((without - zero).abs() < 1e-9, "{without} {zero}");
    let grown =
        [without, ttft(of(200_000, 400_000)), ttft(of(800_000, 1_600_000)), ttft(of(800_000, 9_000_000))];
    assert!(grown.is_sorted_by(|one, other| one < other), "{grown:?}");
}

/// Something that makes images: the layers of a small decoder, on tokens of 16 x 16 pixels.
fn makes() -> PhaseGraph {
    let patches = Some(Patches { pixels: 256, tokens: 1.0 });
    PhaseGraph { phase: Phase::Denoise, patches, ..LLAMA_8B.graph(Precision::Bf16, Phase::Prefill) }
}

fn making(steps: u64, guided: bool, images: u64) -> Replica {
    let workload = Workload {
        prompt: Draws::Constant(integer(333)),
        output: Draws::Constant(integer(1)),
        images: Some(Images {
            count: Draws::Constant(integer(images)),
            pixels: Draws::Constant(integer(1_024 * 1_024)),
        }),
        spacing: 1.0,
        steps,
        guided,
        acceptance: 0.0,
    };
    let phases = Phases { prefill: &makes(), decode: None, vision: None };
    Replica::new(phases, &hardware("h100_sxm"), Degrees::of_tensor(2), &workload).unwrap()
}

#[test]
fn images_are_made_step_by_step_one_after_another() {
    // 1,024 x 1,024 pixels are 64 x 64 = 4,096 tokens.
    let at = |sequences: f64| {
        let binding = Binding { sequences, new: 4_096.0, context: 333.0, degrees: Degrees::of_tensor(2) };
        pass(&makes(), &hardware("h100_sxm"), &binding, &EngineOverhead::ASSUMED, &mut Notes::Ignored)
            .unwrap()
            .seconds
            .middle
    };
    for (steps, guided, images) in [(1, false, 1), (28, false, 1), (28, true, 1), (28, true, 3)] {
        let replica = making(steps, guided, images);
        let passes = (steps * images) as f64;
        let derived = EngineOverhead::ASSUMED.request.middle + passes * at(if guided { 2.0 } else { 1.0 });
        for measure in [LatencyMeasure::Ttft, LatencyMeasure::Latency] {
            let found = replica.predict(1e-9, 64, measure, &Statistic::Mean).unwrap().middle;
            assert!((found - derived).abs() < 1e-6 * derived, "{steps} {guided} {images}: {found} {derived}");
        }
        // An M/D/1 queue that serves one request at a time carries at most one in that time.
        let slowest = replica.capacity(64, &[]).unwrap().rate;
        assert!(slowest < 1.0 / (passes * at(1.0)), "{slowest}");
        assert!(replica.notes().iter().any(|note| note.text.contains("made one after another")));
    }
    // A guided pass is over twice the rows, and reads the weights once.
    assert!(at(2.0) > 1.8 * at(1.0) && at(2.0) < 2.0 * at(1.0), "{} {}", at(1.0), at(2.0));
}

#[test]
fn both_halves_of_a_guided_pass_are_alive_at_once() {
    let reserve = |guided: bool, images: u64| making(28, guided, images).memory().reserve;
    let runtime = berth_compiler::performance::memory::RUNTIME_BYTES;
    let (one, two) = (reserve(false, 1) - runtime, reserve(true, 1) - runtime);
    assert!((two - 2.0 * one).abs() < 1e-6 * one, "{one} {two}");
    assert_eq!(reserve(true, 1), reserve(true, 5));
}

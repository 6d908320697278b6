//! The performance model as its users call it.

#[path = "performance/decoder.rs"]
mod decoder;
#[path = "performance/engine.rs"]
mod engine;

use berth_compiler::form::Binding;
use berth_compiler::graph::Phase;
use berth_compiler::performance::draws::Lengths;
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::phase::{EngineOverhead, pass};
use berth_compiler::performance::serving::{Limit, Replica, Workload};
use berth_language::model::{Draws, FabricKind, LatencyMeasure, Precision, Statistic};
use decoder::{Decoder, LLAMA_8B, LLAMA_70B};
use engine::{Engine, Mixing, Request, Seen, Uniform, serve, tabulated};
use num_rational::BigRational;
use std::collections::BTreeMap;

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
    Hardware { device: device.to_owned(), memory, bandwidth, compute, fabric: Some(fabric) }
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
    }
}

fn replica(model: Decoder, device: &str, tensor: u64, precision: Precision, workload: &Workload) -> Replica {
    let (prefill, decode) = (model.graph(precision, Phase::Prefill), model.graph(precision, Phase::Decode));
    Replica::new(&prefill, &decode, &hardware(device), tensor, workload).unwrap()
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
    let tensor = tensor as f64;
    let overhead = EngineOverhead::ASSUMED;
    let (prefill, decode) =
        (model.graph(Precision::Fp8, Phase::Prefill), model.graph(Precision::Fp8, Phase::Decode));
    let seconds = |graph, binding| pass(graph, &hardware, &binding, &overhead).unwrap().seconds.middle;
    let step =
        tabulated(1_024.0, |sequences| seconds(&decode, Binding { sequences, new: 1.0, context, tensor }));
    let chunk = tabulated(prompts.largest().max(2.0), |new| {
        seconds(&prefill, Binding { sequences: 1.0, new, context: 0.0, tensor })
    });
    let engine = Engine {
        decode: &step,
        prefill: &chunk,
        mixing: Mixing::Together,
        token_budget: overhead.token_budget,
        slots: slots as usize,
        admission: overhead.request,
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
    let mut worst = 0.0_f64;
    for (model, device, tensor, batch) in [
        (LLAMA_70B, "h100_sxm", 8, 256),
        (LLAMA_70B, "h100_sxm", 4, 256),
        (LLAMA_8B, "h100_sxm", 1, 256),
        (LLAMA_8B, "l40s", 1, 64),
    ] {
        let workload = chat();
        let replica = replica(model, device, tensor, Precision::Fp8, &workload);
        let most = replica.capacity(batch, &[]).unwrap().rate;
        for share in [0.1, 0.4, 0.7, 0.9, 1.1] {
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
                println!(
                    "{device} {tensor} {rate:.2}/s {measure:?}: mean {mean:.4} predicted {own_mean:.4} ({:+.0} %), p99 {high:.4} predicted {own_high:.4} ({:+.0} %)",
                    100.0 * (own_mean / mean - 1.0),
                    100.0 * (own_high / high - 1.0)
                );
                worst = worst.max((own_high / high - 1.0).abs());
            }
        }
    }
    println!("{worst}");
    let _ = Limit::MemoryFree { least: 0.0 };
}

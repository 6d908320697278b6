//! The performance model against measurements, where they are: `BERTH_REFERENCE` names their folder.
//!
//! `cargo test -p berth-compiler --test performance_reference -- --nocapture` prints the tables of
//! `docs/performance.md`. Without the folder each test says so and passes.

#[path = "performance/decoder.rs"]
mod decoder;
#[path = "performance/engine.rs"]
mod engine;

use berth_compiler::form::Binding;
use berth_compiler::graph::Phase;
use berth_compiler::performance::fits::shipped;
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::operators::{Alignment, AttentionShape, Operands};
use berth_compiler::performance::phase::{EngineOverhead, pass};
use berth_language::model::{FabricKind, Precision};
use decoder::{LLAMA_8B, QWEN_32B};
use engine::{Engine, Mixing, Request, Uniform, serve, tabulated};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

const DEVICES: [&str; 5] = ["a100_sxm", "h100_sxm", "h200_sxm", "b200_sxm", "l40s"];

fn reference(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BERTH_REFERENCE")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from("../../shared/reference"));
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no measurements at {}; set BERTH_REFERENCE to the folder that holds `operators` and `serving`",
        path.display()
    );
    None
}

/// Rows of a CSV without quotes, by column, with their number from 0.
fn rows(path: &std::path::Path) -> Vec<(usize, BTreeMap<String, String>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| columns.iter().map(|c| (*c).to_owned()).zip(line.split(',').map(str::to_owned)).collect())
        .enumerate()
        .collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

/// Median and 90th percentile.
fn quantiles(errors: &mut [f64]) -> (f64, f64) {
    errors.sort_by(f64::total_cmp);
    // Linear between order statistics, as numpy does.
    let at = |q: f64| {
        let place = q * (errors.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        errors[below] + (errors[above] - errors[below]) * place.fract()
    };
    (at(0.5), at(0.9))
}

/// What a row must satisfy to be counted, and predicted and measured seconds.
struct Table {
    name: String,
    fitted_errors: (f64, f64),
    errors: Vec<f64>,
}

impl Table {
    fn check(mut self) {
        let (median, p90) = quantiles(&mut self.errors);
        println!(
            "| {} | {} | {:.1} % | {:.1} % |",
            self.name,
            self.errors.len(),
            100.0 * median,
            100.0 * p90
        );
        // The program computes what the fit promised: same rows, same errors.
        assert!(
            (median - self.fitted_errors.0).abs() < 2e-4,
            "{}: {median} {:?}",
            self.name,
            self.fitted_errors
        );
        assert!((p90 - self.fitted_errors.1).abs() < 2e-4, "{}: {p90} {:?}", self.name, self.fitted_errors);
    }
}

#[test]
fn operators_are_as_wrong_as_their_fits_say() {
    let Some(root) = reference("operators") else { return };
    println!(
        "| operator, device, precision | rows held out | median | 90th percentile |\n| --- | --- | --- | --- |"
    );
    for device in DEVICES {
        let file = |name: &str| {
            let mut rows = rows(&root.join(device).join(name));
            rows.retain(|(index, _)| index % 10 < 3);
            rows
        };
        let gemm = file("gemm.csv");
        for fit in shipped().matmul.iter().filter(|fit| fit.device == device) {
            let (name, width) = match fit.parameters.precision {
                Precision::Bf16 => ("bfloat16", 2.0),
                Precision::Fp8 => ("fp8", 1.0),
            };
            let errors = gemm
                .iter()
                .filter(|(_, row)| row["gemm_dtype"] == name)
                .map(|(_, row)| {
                    let (m, n, k) = (number(row, "m"), number(row, "n"), number(row, "k"));
                    let bytes = width * (n * k + m * k) + 2.0 * m * n;
                    let rates = (fit.parameters.peak, fit.parameters.bandwidth);
                    let alignment = if m % 16.0 == 0.0 { Alignment::Multiple } else { Alignment::Odd };
                    let seconds = fit.parameters.seconds(
                        2.0 * m * n * k,
                        bytes,
                        [m, n, k],
                        rates,
                        Operands::Repeated,
                        alignment,
                    );
                    (seconds / (number(row, "latency") * 1e-3) - 1.0).abs()
                })
                .collect();
            Table {
                name: format!("matmul, {device}, {name}"),
                fitted_errors: (fit.median_error, fit.p90_error),
                errors,
            }
            .check();
        }
        let attention = |file_name: &str, kv: Precision| -> Vec<(AttentionShape, f64)> {
            let name = if kv == Precision::Bf16 { "bfloat16" } else { "fp8" };
            file(file_name)
                .iter()
                .filter(|(_, row)| {
                    row["kv_cache_dtype"] == name
                        && row.get("window_size").is_none_or(|window| window == "0")
                        && ["64", "128"].contains(&row["head_dim"].as_str())
                })
                .map(|(_, row)| {
                    let shape = AttentionShape {
                        sequences: number(row, "batch_size"),
                        new: number(row, "isl"),
                        context: number(row, "step"),
                        heads: number(row, "num_heads"),
                        kv_heads: number(row, "num_key_value_heads"),
                        width: number(row, "head_dim"),
                        kv_precision: kv,
                    };
                    (shape, number(row, "latency") * 1e-3)
                })
                .collect()
        };
        for fit in shipped().prefill_attention.iter().filter(|fit| fit.device == device) {
            let errors = attention("context_attention.csv", fit.parameters.precision)
                .into_iter()
                .map(|(shape, measured)| {
                    let tokens = shape.sequences * shape.new;
                    let flops = 2.0 * tokens * shape.new * shape.heads * shape.width;
                    let bytes = 2.0 * tokens * shape.width * (2.0 * shape.heads + 2.0 * shape.kv_heads);
                    let rates = (fit.parameters.peak, fit.parameters.bandwidth);
                    (fit.parameters.seconds(flops, bytes, &shape, rates) / measured - 1.0).abs()
                })
                .collect();
            Table {
                name: format!("prefill attention, {device}, {:?} KV", fit.parameters.precision),
                fitted_errors: (fit.median_error, fit.p90_error),
                errors,
            }
            .check();
        }
        for fit in shipped().decode_attention.iter().filter(|fit| fit.device == device) {
            let width = if fit.parameters.precision == Precision::Bf16 { 2.0 } else { 1.0 };
            let errors = attention("generation_attention.csv", fit.parameters.precision)
                .into_iter()
                .map(|(shape, measured)| {
                    let cached = shape.context + 1.0;
                    let bytes = 2.0 * shape.sequences * cached * shape.kv_heads * shape.width * width;
                    let seconds =
                        fit.parameters.seconds(bytes, &shape, fit.parameters.bandwidth, Operands::Repeated);
                    (seconds / measured - 1.0).abs()
                })
                .collect();
            Table {
                name: format!("decode attention, {device}, {:?} KV", fit.parameters.precision),
                fitted_errors: (fit.median_error, fit.p90_error),
                errors,
            }
            .check();
        }
        for (what, fits, file_name) in [
            ("all-reduce", &shipped().all_reduce, "custom_allreduce.csv"),
            ("all-gather", &shipped().all_gather, "nccl.csv"),
        ] {
            for fit in fits.iter().filter(|fit| fit.device == device) {
                let errors = file(file_name)
                    .iter()
                    .filter(|(_, row)| match row.get("backend") {
                        Some(backend) => backend == "vllm_graph",
                        None => row["op_name"] == "all_gather" && row["nccl_dtype"] == "half",
                    })
                    .filter(|(_, row)| row["num_gpus"] == fit.parameters.devices.to_string())
                    .map(|(_, row)| {
                        let seconds = fit.parameters.seconds(2.0 * number(row, "message_size"), 1.0);
                        (seconds / (number(row, "latency") * 1e-3) - 1.0).abs()
                    })
                    .collect();
                Table {
                    name: format!("{what}, {device}, {} devices", fit.parameters.devices),
                    fitted_errors: (fit.median_error, fit.p90_error),
                    errors,
                }
                .check();
            }
        }
    }
}

fn hardware(device: &str) -> Hardware {
    let (memory, bandwidth) = if device == "h200_sxm" { (141e9, 4.8e12) } else { (80e9, 3.35e12) };
    Hardware {
        device: device.to_owned(),
        memory,
        bandwidth,
        compute: BTreeMap::from([(Precision::Bf16, 989e12), (Precision::Fp8, 1_979e12)]),
        fabric: Some((FabricKind::Nvlink, 900e9)),
    }
}

#[test]
fn serving_is_compared_with_engines_that_were_measured() {
    let Some(path) = reference("serving/measured.csv") else { return };
    let mut errors: BTreeMap<(String, &str), Vec<f64>> = BTreeMap::new();
    let detail = std::env::var_os("BERTH_REFERENCE_ROWS").is_some();
    for (_, row) in rows(&path) {
        let model = match row["model_path"].as_str() {
            "meta-llama/Llama-3.1-8B-Instruct" => LLAMA_8B,
            "Qwen/Qwen3-32B" => QWEN_32B,
            _ => continue,
        };
        if row["mode"] != "agg"
            || row["pp_size"] != "1"
            || !["", "1"].contains(&row["attention_dp_size"].as_str())
        {
            continue;
        }
        let precision =
            if row["gemm_quant_mode"].starts_with("fp8") { Precision::Fp8 } else { Precision::Bf16 };
        let hardware = hardware(&row["system"]);
        let tensor = number(&row, "tp_size");
        let (isl, osl, clients) = (number(&row, "isl"), number(&row, "osl"), number(&row, "batch_size"));
        let (prefill, decode) =
            (model.graph(precision, Phase::Prefill), model.graph(precision, Phase::Decode));
        let overhead = EngineOverhead::ASSUMED;
        let seconds =
            |graph: &_, binding: Binding| pass(graph, &hardware, &binding, &overhead).unwrap().seconds.middle;
        // Lengths are drawn from 0.8 to 1 of their nominal value.
        let (prompt, output) = (0.9 * isl, 0.9 * osl);
        let context = prompt + output / 2.0;
        let step = tabulated(clients, |sequences| {
            seconds(&decode, Binding { sequences, new: 1.0, context, tensor })
        });
        // A chunk of several prompts: linear operators by tokens, attention by prompt.
        let chunk = tabulated(overhead.token_budget, |tokens| {
            let sequences = (tokens / isl).max(1.0);
            seconds(&prefill, Binding { sequences, new: tokens / sequences, context: 0.0, tensor })
        });
        let engine = Engine {
            decode: &step,
            prefill: &chunk,
            mixing: if row["backend"] == "sglang" { Mixing::PromptsFirst } else { Mixing::Together },
            token_budget: overhead.token_budget,
            slots: clients as usize,
            admission: overhead.request,
        };
        let mut uniform = Uniform(1);
        let mut draw = |arrival: f64| Request {
            arrival,
            prompt: isl * (0.8 + 0.2 * uniform.draw()),
            output: (osl * (0.8 + 0.2 * uniform.draw())).round() as u64,
        };
        let first: VecDeque<Request> = (0..clients as usize).map(|_| draw(0.0)).collect();
        let mut left = 9 * clients as usize;
        let seen = serve(&engine, first, |now| {
            left = left.checked_sub(1)?;
            Some(draw(now))
        });
        let mean = |of: fn(&engine::Seen) -> f64| seen.iter().map(of).sum::<f64>() / seen.len() as f64;
        let (ttft, tpot) = (mean(|seen| seen.ttft) * 1e3, mean(|seen| seen.tpot) * 1e3);
        let measured = (number(&row, "silicon_ttft_ms"), number(&row, "silicon_tpot_ms"));
        if detail {
            println!(
                "ROW,{},{},{},{},{isl},{osl},{clients},{tensor},{:?},{:.1},{:.1},{:.2},{:.2}",
                row["model_path"],
                row["system"],
                row["backend"],
                row["backend_version"],
                precision,
                measured.0,
                ttft,
                measured.1,
                tpot
            );
        }
        for name in [row["backend"].clone(), "all".to_owned()] {
            errors.entry((name.clone(), "TTFT")).or_default().push((ttft / measured.0 - 1.0).abs());
            errors.entry((name, "TPOT")).or_default().push((tpot / measured.1 - 1.0).abs());
        }
    }
    println!("| engine | rows | measure | median | 90th percentile |\n| --- | --- | --- | --- | --- |");
    for ((engine, measure), mut errors) in errors {
        let (median, p90) = quantiles(&mut errors);
        println!(
            "| {engine} | {} | {measure} | {:.1} % | {:.1} % |",
            errors.len(),
            100.0 * median,
            100.0 * p90
        );
        assert!(median.is_finite());
    }
}

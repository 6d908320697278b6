//! The performance model against measurements, where they are: `BERTH_REFERENCE` names their folder.
//!
//! `cargo test -p berth-compiler --test performance reference -- --nocapture` prints the tables of
//! `docs/performance.md`. Without the folder each test says so and passes.

use crate::decoder::{LLAMA_8B, QWEN_32B};
use crate::engine::{Engine, Mixing, Request, Seen, Uniform, serve, tabulated};
use berth_compiler::degrees::Degrees;
use berth_compiler::form::Binding;
use berth_compiler::graph::{Phase, PhaseGraph};
use berth_compiler::performance::Notes;
use berth_compiler::performance::fits::shipped;
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::operators::{Alignment, AttentionShape, Operands};
use berth_compiler::performance::phase::{EngineOverhead, pass};
use berth_compiler::performance::serving::ENGINE_ERROR;
use berth_language::model::{FabricKind, Precision};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::PathBuf;

const DEVICES: [&str; 5] = ["a100_sxm", "h100_sxm", "h200_sxm", "b200_sxm", "l40s"];

/// Where the measurements are that `test` is about.
fn reference(test: &str, part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("BERTH_REFERENCE")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from("../../shared/reference"));
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    // Past the test harness's capture: a skip is seen.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: no measurements at {}; set BERTH_REFERENCE to the folder that holds `operators` and `serving`",
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
    let Some(root) = reference("operators_are_as_wrong_as_their_fits_say", "operators") else { return };
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
            let error = |row: &BTreeMap<String, String>| {
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
            };
            let own = || gemm.iter().filter(|(_, row)| row["gemm_dtype"] == name).map(|(_, row)| row);
            let errors = own().map(error).collect();
            // The products of models of a billion parameters and more.
            let wide =
                |row: &&BTreeMap<String, String>| number(row, "n") >= 512.0 && number(row, "k") >= 512.0;
            let mut of_wide: Vec<f64> = own().filter(wide).map(error).collect();
            let (median, p90) = quantiles(&mut of_wide);
            println!(
                "| of the next line, 512 and wider | {} | {:.1} % | {:.1} % |",
                of_wide.len(),
                100.0 * median,
                100.0 * p90
            );
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
        network: None,
    }
}

/// What one row of the validation says and what is predicted for it, in s.
struct Served {
    engine: String,
    text: String,
    /// TTFT and TPOT.
    measured: [f64; 2],
    /// By lengths (drawn, constant) and by end of the band (middle, slow).
    predicted: [[[f64; 2]; 2]; 2],
}

/// Dense models, one replica, no pipeline: what this version can predict.
fn served(row: &BTreeMap<String, String>) -> Option<Served> {
    let model = match row["model_path"].as_str() {
        "meta-llama/Llama-3.1-8B-Instruct" => LLAMA_8B,
        "Qwen/Qwen3-32B" => QWEN_32B,
        _ => return None,
    };
    let one = |column: &str| ["", "1"].contains(&row[column].as_str());
    if row["mode"] != "agg" || !one("pp_size") || !one("attention_dp_size") {
        return None;
    }
    let precision = if row["gemm_quant_mode"].starts_with("fp8") { Precision::Fp8 } else { Precision::Bf16 };
    let (isl, osl, clients) = (number(row, "isl"), number(row, "osl"), number(row, "batch_size"));
    let tensor = number(row, "tp_size");
    let degrees = Degrees::of_tensor(tensor as u64);
    let hardware = hardware(&row["system"]);
    let (prefill, decode) = (model.graph(precision, Phase::Prefill), model.graph(precision, Phase::Decode));
    let overhead = EngineOverhead::ASSUMED;
    let predict = |least: f64, slow: bool| {
        let seconds = |graph: &PhaseGraph, binding: Binding| {
            let seconds = pass(graph, &hardware, &binding, &overhead, &mut Notes::Ignored).unwrap().seconds;
            if slow { seconds.high * (1.0 + ENGINE_ERROR) } else { seconds.middle }
        };
        let mean = (1.0 + least) / 2.0;
        let context = mean * (isl + osl / 2.0);
        let step = tabulated(clients, |sequences| {
            seconds(&decode, Binding { sequences, new: 1.0, context, degrees })
        });
        // A chunk may hold several prompts: products go by tokens, attention by prompt.
        let chunk = tabulated(overhead.token_budget, |tokens| {
            let sequences = (tokens / (mean * isl)).max(1.0);
            seconds(&prefill, Binding { sequences, new: tokens / sequences, context: 0.0, degrees })
        });
        let engine = Engine {
            decode: &step,
            prefill: &chunk,
            mixing: if row["backend"] == "sglang" { Mixing::PromptsFirst } else { Mixing::Together },
            token_budget: overhead.token_budget,
            slots: clients as usize,
            admission: if slow { overhead.request.high } else { overhead.request.middle },
        };
        let mut uniform = Uniform(1);
        let mut draw = |arrival: f64| Request {
            arrival,
            prompt: isl * (least + (1.0 - least) * uniform.draw()),
            output: (osl * (least + (1.0 - least) * uniform.draw())).round() as u64,
        };
        let first: VecDeque<Request> = (0..clients as usize).map(|_| draw(0.0)).collect();
        let mut left = 9 * clients as usize;
        let seen = serve(&engine, first, |now| {
            left = left.checked_sub(1)?;
            Some(draw(now))
        });
        let mean = |of: fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>() / seen.len() as f64;
        [mean(|seen| seen.ttft), mean(|seen| seen.tpot)]
    };
    Some(Served {
        engine: row["backend"].clone(),
        text: format!(
            "{},{},{},{},{isl},{osl},{clients},{tensor},{precision:?}",
            row["model_path"], row["system"], row["backend"], row["backend_version"]
        ),
        measured: [number(row, "silicon_ttft_ms") * 1e-3, number(row, "silicon_tpot_ms") * 1e-3],
        predicted: [0.8, 1.0].map(|least| [false, true].map(|slow| predict(least, slow))),
    })
}

#[test]
fn serving_is_compared_with_engines_that_were_measured() {
    let Some(path) = reference("serving_is_compared_with_engines", "serving/measured.csv") else { return };
    let all: Vec<Served> = rows(&path).iter().filter_map(|(_, row)| served(row)).collect();
    if std::env::var_os("BERTH_REFERENCE_ROWS").is_some() {
        for row in &all {
            let [ttft, tpot] = row.measured.map(|seconds| seconds * 1e3);
            let [own_ttft, own_tpot] = row.predicted[0][0].map(|seconds| seconds * 1e3);
            println!("ROW,{},{ttft:.1},{own_ttft:.1},{tpot:.2},{own_tpot:.2}", row.text);
        }
    }
    println!(
        "| engine | rows | measure | lengths drawn from 0.8 to 1 | lengths constant | not slower than the band |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (measure, name) in ["TTFT", "TPOT"].into_iter().enumerate() {
        for engine in ["vllm", "trtllm", "sglang", ""] {
            let rows: Vec<&Served> =
                all.iter().filter(|row| engine.is_empty() || row.engine == engine).collect();
            let errors = |lengths: usize| {
                let mut errors: Vec<f64> = rows
                    .iter()
                    .map(|row| (row.predicted[lengths][0][measure] / row.measured[measure] - 1.0).abs())
                    .collect();
                let (median, p90) = quantiles(&mut errors);
                format!("{:.1} / {:.1} %", 100.0 * median, 100.0 * p90)
            };
            let within =
                rows.iter().filter(|row| row.measured[measure] <= row.predicted[0][1][measure]).count();
            // Drawn lengths take waves of prompts apart, constant ones keep them together: ± 10 %.
            let between = rows
                .iter()
                .filter(|row| {
                    let [drawn, constant] = row.predicted.map(|ends| ends[0][measure]);
                    let (low, high) = (0.9 * drawn.min(constant), 1.1 * drawn.max(constant));
                    (low..=high).contains(&row.measured[measure])
                })
                .count();
            println!(
                "| {} | {} | {name} | {} | {} | {:.0} % | {:.0} % |",
                if engine.is_empty() { "all" } else { engine },
                rows.len(),
                errors(0),
                errors(1),
                100.0 * between as f64 / rows.len() as f64,
                100.0 * within as f64 / rows.len() as f64
            );
        }
    }
}

//! `benches/generate experts`: a mixture of experts on one machine with many devices, and loads of its experts as
//! studies of expert placement draw them: a power law of the rank, times noise, in another order in every layer.

use crate::random::Random;
use crate::write_file;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Makes a service of a mixture of experts, and a file with what is asked of each expert.
///
/// Each layer asks of the expert of rank r as much as 1 / r^exponent, times a lognormal factor, and has its own order of
/// experts. The service has one group of devices for each device of its machine, and as many redundant experts as are
/// asked for, or as the planner chooses.
#[derive(clap::Args)]
pub struct Arguments {
    /// Experts of a layer
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    experts: u64,

    /// Layers with experts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    layers: u64,

    /// Devices of the machine
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=64))]
    devices: u64,

    /// Redundant experts of a layer; the planner's choice where nothing is said
    #[arg(long, value_name = "N")]
    redundant: Option<u64>,

    /// Exponent of the power law
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    exponent: f64,

    /// Standard deviation of the logarithm of the noise
    #[arg(long, value_name = "X", default_value_t = 0.3)]
    noise: f64,

    /// Another seed, other loads
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Tokens that experts of a layer have read together, about.
const TOKENS: f64 = 1e9;

/// Writes `main.berth` and `experts.csv`, and says what is in them.
///
/// # Errors
/// A message for a person: a figure that is none, or a file that cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let Arguments { experts, layers, devices, exponent, noise, seed, .. } = arguments;
    if !exponent.is_finite() || !(0.0..=16.0).contains(exponent) || !(0.0..=4.0).contains(noise) {
        return Err("an exponent is from 0 to 16, and noise from 0 to 4".to_owned());
    }
    let random = &mut Random::new(*seed);
    let mut rows = "layer,expert,load\n".to_owned();
    let mut hottest: f64 = 0.0;
    for layer in 0..*layers {
        let loads = loads(*experts, *exponent, *noise, random);
        let total: u64 = loads.iter().sum();
        hottest = hottest.max(loads.iter().max().copied().unwrap_or(0) as f64 / total.max(1) as f64);
        for (expert, load) in loads.iter().enumerate() {
            let _ = writeln!(rows, "{layer},{expert},{load}");
        }
    }
    let path = write_file(&arguments.out, "main.berth", &text(arguments))?;
    let loads = write_file(&arguments.out, "experts.csv", &rows)?;
    Ok(format!(
        "{experts} experts in each of {layers} layers on {devices} devices, the hottest {:.1} % of its layer\n{}, {}\n",
        100.0 * hottest,
        path.display(),
        loads.display()
    ))
}

/// Tokens by expert.
pub fn loads(experts: u64, exponent: f64, noise: f64, random: &mut Random) -> Vec<u64> {
    let mut weights: Vec<f64> =
        (1..=experts).map(|rank| (rank as f64).powf(-exponent) * (noise * random.normal()).exp()).collect();
    for last in (1..weights.len()).rev() {
        weights.swap(last, random.below(last as u64 + 1) as usize);
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| (TOKENS * weight / total).round() as u64).collect()
}

fn text(arguments: &Arguments) -> String {
    let Arguments { experts, layers, devices, redundant, exponent, noise, seed, .. } = arguments;
    let asked = redundant.map_or_else(String::new, |redundant| format!(" --redundant {redundant}"));
    let line = redundant.map_or_else(String::new, |count| format!("    redundant_experts = {count}\n"));
    let per_token = (*experts).min(8);
    format!(
        "// Made by `benches/generate experts --experts {experts} --layers {layers} --devices {devices}{asked} --exponent {exponent} --noise {noise} --seed {seed}`.

use catalog.nvidia as nv

node box {{
    devices = {devices} * nv.h200_sxm
    fabric = nvlink(900GB/s)
    cpu = 112 core
    memory = 2TiB
    market = on_demand
    price = $100/h
    source = \"placeholder: as many devices as are asked for, behind one fabric\"
}}

model mixture {{
    layers = {layers}
    hidden = 4_096
    heads = 32
    kv_heads = 8
    experts = {experts}
    experts_per_token = {per_token}
    expert_feed_forward = 1_536
    vocabulary = 128_000
    source = \"placeholder: a model to measure with\"
}}

service chat {{
    model = mixture
    engine = sglang
    demand = 4 req/s
    prompt = 1_000 tok
    output = 200 tok
    tensor = 1
    data = {devices}
    expert = {devices}
    expert_load = trace(\"experts.csv\")
{line}}}

plan experts {{
    minimize = bill
}}
"
    )
}

//! `benches/generate openb`: an inventory and pods of a GPU cluster as plan files, from the "openb"
//! lists of Alibaba's cluster trace of 2023.

mod program;
mod selection;
mod trace;

use crate::random::Random;
use selection::Selection;
use std::path::{Path, PathBuf};
use trace::Trace;

/// Turns the openb GPU cluster trace into an inventory, pods and a plan.
///
/// Reads openb_node_list_all_node.csv and openb_pod_list_default.csv and writes inventory.berth,
/// pods.berth and main.berth. Every node and pod keeps the figures of the trace. Invented, and marked
/// `placeholder:` in the files, are the prices ($0.03 an hour a core, and a price for each GPU model)
/// and the memory of the GPU models that the trace does not name.
///
/// A pod becomes a service that may stay out (`replicas in 0..1`) and wants in
/// (`prefer replicas == 1`), ranked by its quality of service: LS 100, Guaranteed 90, Burstable 50,
/// BE 10, anything else 0. All pods of the list count, whatever became of them in the trace.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that holds `alibaba_openb`, or the two files themselves [default: $BERTH_DATA,
    /// else ../shared/data beside the clone]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// How many nodes: a seeded sample of this size, or all of them
    #[arg(long, value_name = "N|all", default_value = "all", value_parser = count)]
    nodes: Count,

    /// How many pods: a seeded sample of this size, or all of them
    #[arg(long, value_name = "N|all", default_value = "all", value_parser = count)]
    pods: Count,

    /// Only pods that ask for a GPU
    #[arg(long)]
    gpu_pods: bool,

    /// Choose GPU nodes so that the pods ask for this part of their GPUs, or as little less as can
    /// be: above 0, at most 1. Classes of GPU are kept in the proportion in which pods can use them
    #[arg(long, value_name = "PART", requires = "gpu_pods", conflicts_with = "nodes", value_parser = load)]
    load: Option<Load>,

    /// Another seed, other samples
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// All of a list, or a sample of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// As they are.
    All,
    /// So many.
    Some(usize),
}

/// Requested GPUs over those there are, as a fraction of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    numerator: u64,
    denominator: u64,
}

/// Writes the three files and says what is in them.
///
/// # Errors
/// A message for a person: the trace is not there or not as expected, the load cannot be had, or a
/// file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let trace = Trace::read(&data_folder(arguments)?)?;
    let mut random = Random::new(arguments.seed);
    let pods = selection::pods(trace.pods, arguments.pods, arguments.gpu_pods, &mut random)?;
    let nodes = match arguments.load {
        Some(load) => selection::nodes_at_load(trace.nodes, &pods, load, &mut random)?,
        None => selection::nodes(trace.nodes, arguments.nodes, &mut random)?,
    };
    let selection = Selection { nodes, pods };

    let files = [
        ("inventory.berth", program::inventory(&selection, &origin(arguments))),
        ("pods.berth", program::pods(&selection, &origin(arguments))),
        ("main.berth", program::main(&selection, &origin(arguments))),
    ];
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    for (name, text) in files {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(format!("{}wrote {}\n", selection.summary(), out.join("main.berth").display()))
}

/// The folder with the two lists.
fn data_folder(arguments: &Arguments) -> Result<PathBuf, String> {
    let stated = arguments.data.clone();
    let named = stated
        .or_else(|| std::env::var_os("BERTH_DATA").filter(|value| !value.is_empty()).map(PathBuf::from));
    let Some(folder) = named else {
        return Err("give the folder of the trace with --data DIR or BERTH_DATA".to_owned());
    };
    let holds = |folder: &Path| folder.join(trace::NODES).is_file() && folder.join(trace::PODS).is_file();
    let inner = folder.join("alibaba_openb");
    if holds(&inner) {
        return Ok(inner);
    }
    if holds(&folder) {
        return Ok(folder);
    }
    Err(format!(
        "the openb trace is not in {}.\n  \
         Looked for {} and {}, there and in its folder alibaba_openb.\n  \
         They belong to Alibaba's cluster trace of 2023 (clusterdata, cluster-trace-gpu-v2023).\n  \
         Say where they are with --data DIR or BERTH_DATA.",
        folder.display(),
        trace::NODES,
        trace::PODS,
    ))
}

/// The arguments that decide the content, as the head of each file repeats them.
fn origin(arguments: &Arguments) -> String {
    let mut line = "benches/generate openb".to_owned();
    for (flag, count) in [("--nodes", arguments.nodes), ("--pods", arguments.pods)] {
        if let Count::Some(count) = count {
            line += &format!(" {flag} {count}");
        }
    }
    if arguments.gpu_pods {
        line += " --gpu-pods";
    }
    if let Some(load) = arguments.load {
        line += &format!(" --load {}", decimal(load.numerator, load.denominator));
    }
    line + &format!(" --seed {}", arguments.seed)
}

/// `numerator / denominator`, the denominator a power of ten, without trailing zeros: `12.5`, `3`.
fn decimal(numerator: u64, denominator: u64) -> String {
    let digits = denominator.checked_ilog10().unwrap_or(0) as usize;
    let (whole, rest) = (numerator / denominator.max(1), numerator % denominator.max(1));
    if rest == 0 {
        return whole.to_string();
    }
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

fn count(text: &str) -> Result<Count, String> {
    if text == "all" {
        return Ok(Count::All);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err("a number above 0, or `all`".to_owned()),
        Ok(count) => Ok(Count::Some(count)),
    }
}

fn load(text: &str) -> Result<Load, String> {
    let expected = || "a decimal above 0 and at most 1, such as 0.95, with at most 9 places".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(expected());
    }
    let denominator = 10_u64.pow(fraction.len() as u32);
    let numerator = format!("{whole}{fraction}").parse().map_err(|_| expected())?;
    if numerator == 0 || numerator > denominator {
        return Err(expected());
    }
    Ok(Load { numerator, denominator })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal(3_152, 1_000), "3.152");
        assert_eq!(decimal(12_000, 1_000), "12");
        assert_eq!(decimal(50, 1_000), "0.05");
        assert_eq!(decimal(465, 10), "46.5");
    }

    #[test]
    fn a_load_is_a_part() {
        assert_eq!(load("0.95"), Ok(Load { numerator: 95, denominator: 100 }));
        assert_eq!(load("1"), Ok(Load { numerator: 1, denominator: 1 }));
        for text in ["", "0", "0.0", "1.01", "95%", "-1", ".5", "0.0000000001", "1e-1"] {
            assert!(load(text).is_err(), "{text}");
        }
    }
}

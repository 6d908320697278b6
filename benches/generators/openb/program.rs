//! The plan files: an inventory, the pods, and the plan over both.

use super::decimal;
use super::selection::Selection;
use super::trace::{Node, Pod};
use std::collections::BTreeSet;

const TRACE: &str = "Alibaba cluster trace 2023, cluster-trace-gpu-v2023";

/// Invented: a core, in thousandths of a dollar an hour.
const CORE_PRICE: u64 = 30;

/// `inventory.berth`: GPU models and nodes.
pub fn inventory(selection: &Selection, origin: &str) -> String {
    let mut text = head("The machines of a GPU cluster", origin);
    for model in models(selection) {
        text += &device(model);
    }
    for each in &selection.nodes {
        text += &node(each);
    }
    text
}

/// `pods.berth`: a service for each pod.
pub fn pods(selection: &Selection, origin: &str) -> String {
    let mut text = head("What the machines shall run", origin);
    if selection.pods.iter().any(|pod| !pod.models.is_empty()) {
        text += "\nuse \"./inventory.berth\" as inventory\n";
    }
    for pod in &selection.pods {
        text += &service(pod);
    }
    text
}

/// `main.berth`: what to plan and for what.
pub fn main(selection: &Selection, origin: &str) -> String {
    let (nodes, pods) = (selection.nodes.len(), selection.pods.len());
    head(&format!("{pods} pods on {nodes} machines: as many as fit, by rank, for the least money"), origin)
        + "\nuse \"./inventory.berth\" as inventory\nuse \"./pods.berth\" as pods\n\nplan openb {\n    minimize = bill\n}\n"
}

fn head(title: &str, origin: &str) -> String {
    format!("// {title}.\n// Made by `{origin}`\n// from the {TRACE}.\n")
}

/// The models that a node has or a pod names.
fn models(selection: &Selection) -> BTreeSet<&str> {
    let there = selection.nodes.iter().map(|node| node.model.as_str());
    let named = selection.pods.iter().flat_map(|pod| pod.models.iter().map(String::as_str));
    there.chain(named).filter(|model| !model.is_empty()).collect()
}

/// A GPU model: memory in GB, where that is from, and an invented price in thousandths of a dollar
/// an hour.
fn model_facts(model: &str) -> (u64, &'static str, u64) {
    match model {
        "a10" => (24, "NVIDIA A10 datasheet", 900),
        "p100" => (16, "NVIDIA Tesla P100 datasheet, the 16 GB version; the trace does not say which", 600),
        "t4" => (16, "NVIDIA T4 datasheet", 350),
        "v100m16" => (16, "NVIDIA V100 datasheet, the 16 GB version, as the trace names it", 1_200),
        "v100m32" => (32, "NVIDIA V100 datasheet, the 32 GB version, as the trace names it", 1_500),
        "g1" | "g2" => {
            (24, "placeholder: the trace does not say what this GPU is; its memory is invented", 1_000)
        }
        "g3" => (32, "placeholder: the trace does not say what this GPU is; its memory is invented", 1_600),
        _ => (16, "placeholder: a GPU that the generator does not know; its memory is invented", 1_000),
    }
}

/// Millionths of a dollar an hour, with at least two places: `$0.60/h`.
fn money(millionths: u64) -> String {
    let mut text = decimal(millionths, 1_000_000);
    match text.find('.').map(|point| text.len() - point) {
        None => text += ".00",
        Some(2) => text += "0",
        Some(_) => {}
    }
    format!("${text}/h")
}

fn device(model: &str) -> String {
    let (memory, source, _) = model_facts(model);
    format!("\ndevice {model} {{\n    memory = {memory}GB\n    source = \"{source}\"\n}}\n")
}

fn node(node: &Node) -> String {
    let mut lines = vec![
        format!("cpu = {} core", decimal(node.cpu_milli, 1_000)),
        format!("memory = {}MiB", node.memory_mib),
    ];
    // Thousandths of a core at thousandths of a dollar are millionths.
    let mut price = node.cpu_milli * CORE_PRICE;
    let mut because = format!("placeholder: an invented price, {} a core", money(CORE_PRICE * 1_000));
    if node.gpus > 0 {
        let (_, _, each) = model_facts(&node.model);
        lines.push(format!("devices = {} * {}", node.gpus, node.model));
        price += node.gpus * each * 1_000;
        because += &format!(" and {} a {}", money(each * 1_000), node.model);
    }
    lines.push("market = on_demand".to_owned());
    lines.push(format!("price = {}", money(price)));
    lines.push(format!("source = [price: \"{because}\", other: \"{TRACE}\"]"));
    block("node", &node.name, &lines)
}

fn service(pod: &Pod) -> String {
    let mut lines = vec![
        format!("cpu = {} core", decimal(pod.cpu_milli, 1_000)),
        format!("memory = {}MiB", pod.memory_mib),
    ];
    if pod.gpus > 0 {
        lines.push(format!("devices = {}", pod.gpus));
        if pod.gpu_milli < 1_000 {
            lines.push(format!("share = {}%", decimal(pod.gpu_milli, 10)));
        }
        if !pod.models.is_empty() {
            let named: Vec<String> = pod.models.iter().map(|model| format!("inventory.{model}")).collect();
            lines.push(format!("device in [{}]", named.join(", ")));
        }
    }
    lines.push(format!("priority = {}", priority(&pod.quality)));
    lines.push("replicas in 0..1".to_owned());
    lines.push("prefer replicas == 1".to_owned());
    block("service", &pod.name, &lines)
}

/// Ranks the trace's classes of service: latency-sensitive work before the two middle classes of
/// Kubernetes, in its order, before best effort.
fn priority(quality: &str) -> u32 {
    match quality {
        "LS" => 100,
        "Guaranteed" => 90,
        "Burstable" => 50,
        "BE" => 10,
        _ => 0,
    }
}

fn block(kind: &str, name: &str, lines: &[String]) -> String {
    let mut text = format!("\n{kind} {name} {{\n");
    for line in lines {
        text += &format!("    {line}\n");
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection() -> Selection {
        Selection {
            nodes: vec![
                Node {
                    name: "openb_node_0000".to_owned(),
                    cpu_milli: 64_000,
                    memory_mib: 262_144,
                    gpus: 2,
                    model: "p100".to_owned(),
                },
                Node {
                    name: "openb_node_0001".to_owned(),
                    cpu_milli: 32_000,
                    memory_mib: 131_072,
                    gpus: 0,
                    model: String::new(),
                },
            ],
            pods: vec![
                Pod {
                    name: "openb_pod_0000".to_owned(),
                    cpu_milli: 3_152,
                    memory_mib: 12_288,
                    gpus: 1,
                    gpu_milli: 465,
                    models: ["p100".to_owned(), "t4".to_owned()].into(),
                    quality: "LS".to_owned(),
                },
                Pod {
                    name: "openb_pod_0001".to_owned(),
                    cpu_milli: 8_000,
                    memory_mib: 0,
                    gpus: 8,
                    gpu_milli: 1_000,
                    models: BTreeSet::new(),
                    quality: "BE".to_owned(),
                },
            ],
        }
    }

    /// 64 cores at $0.03 and two P100s at $0.60 are $3.12; 32 cores are $0.96.
    #[test]
    fn an_inventory() {
        insta::assert_snapshot!(inventory(&selection(), "benches/generate openb"), @r#"
        // The machines of a GPU cluster.
        // Made by `benches/generate openb`
        // from the Alibaba cluster trace 2023, cluster-trace-gpu-v2023.

        device p100 {
            memory = 16GB
            source = "NVIDIA Tesla P100 datasheet, the 16 GB version; the trace does not say which"
        }

        device t4 {
            memory = 16GB
            source = "NVIDIA T4 datasheet"
        }

        node openb_node_0000 {
            cpu = 64 core
            memory = 262144MiB
            devices = 2 * p100
            market = on_demand
            price = $3.12/h
            source = [price: "placeholder: an invented price, $0.03/h a core and $0.60/h a p100", other: "Alibaba cluster trace 2023, cluster-trace-gpu-v2023"]
        }

        node openb_node_0001 {
            cpu = 32 core
            memory = 131072MiB
            market = on_demand
            price = $0.96/h
            source = [price: "placeholder: an invented price, $0.03/h a core", other: "Alibaba cluster trace 2023, cluster-trace-gpu-v2023"]
        }
        "#);
    }

    #[test]
    fn pods_of_a_part_of_a_gpu_and_of_eight() {
        insta::assert_snapshot!(pods(&selection(), "benches/generate openb"), @r#"
        // What the machines shall run.
        // Made by `benches/generate openb`
        // from the Alibaba cluster trace 2023, cluster-trace-gpu-v2023.

        use "./inventory.berth" as inventory

        service openb_pod_0000 {
            cpu = 3.152 core
            memory = 12288MiB
            devices = 1
            share = 46.5%
            device in [inventory.p100, inventory.t4]
            priority = 100
            replicas in 0..1
            prefer replicas == 1
        }

        service openb_pod_0001 {
            cpu = 8 core
            memory = 0MiB
            devices = 8
            priority = 10
            replicas in 0..1
            prefer replicas == 1
        }
        "#);
    }

    #[test]
    fn the_plan() {
        insta::assert_snapshot!(main(&selection(), "benches/generate openb"), @r#"
        // 2 pods on 2 machines: as many as fit, by rank, for the least money.
        // Made by `benches/generate openb`
        // from the Alibaba cluster trace 2023, cluster-trace-gpu-v2023.

        use "./inventory.berth" as inventory
        use "./pods.berth" as pods

        plan openb {
            minimize = bill
        }
        "#);
    }
}

//! A cluster as a plan file: its nodes, with what nobody uses yet.
//!
//! What pods of others ask for is not there any more for a plan; what an applied plan has placed is, because the next
//! plan places it again. Nodes that take no pods are left out, and the file says which and why.

use super::amounts::amount;
use super::devices::{Claimed, DRIVER};
use super::objects::{CONTAINER, MANAGED_BY, MANAGER};
use super::observation::{Seen, has_ended, runs_for};
use super::placement::HOSTNAME;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The resource of whole devices, and the labels that describe them.
const DEVICES: &str = "nvidia.com/gpu";
const PRODUCT: &str = "nvidia.com/gpu.product";
const DEVICE_MEMORY: &str = "nvidia.com/gpu.memory";
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// Labels that go into the file: by them replicas are placed, and people know their machines and, where a cloud runs the
/// nodes, the pools that these are upgraded by.
const KEPT: [&str; 9] = [
    HOSTNAME,
    INSTANCE_TYPE,
    PRODUCT,
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
];

/// Taints that the control plane puts on a node for the state that it is in, and takes away again.
const CONDITIONS: [&str; 2] = ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"];

/// Products, as NVIDIA's feature discovery labels them, that the shipped catalog describes.
const CATALOG: [(&str, &str); 7] = [
    ("NVIDIA-H100-80GB-HBM3", "h100_sxm"),
    ("NVIDIA-H200", "h200_sxm"),
    ("NVIDIA-A100-SXM4-80GB", "a100_sxm"),
    ("NVIDIA-A100-SXM4-40GB", "a100_sxm_40gb"),
    ("NVIDIA-B200", "b200_sxm"),
    ("NVIDIA-A10G", "a10g"),
    ("NVIDIA-L40S", "l40s"),
];

/// The inventory of a cluster as the text of a plan file.
pub fn inventory(seen: &Seen, context: Option<&str>) -> String {
    let mut pods = seen.pods.clone();
    for pod in &mut pods {
        let workload = runs_for(pod).and_then(|workload| seen.workloads.get(&workload));
        // The pods of what a plan has filled in do not carry its labels, and what runs beside that container is in no
        // plan.
        if let Some(container) = workload.and_then(|of| of["metadata"]["annotations"][CONTAINER].as_str())
            && let Some(containers) = pod["spec"]["containers"].as_array_mut()
        {
            containers.retain(|other| other["name"] != container);
            pod["metadata"]["annotations"][CONTAINER] = container.into();
        }
    }
    let claimed = Claimed::of(&seen.slices, &seen.claims, &seen.pods);
    written(&seen.nodes, &pods, &claimed, context)
}

/// What is known of one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Machine {
    name: String,
    labels: Vec<(String, String)>,
    taints: Vec<(String, String)>,
    cpu: BigRational,
    memory: BigRational,
    /// None where the node says nothing of them.
    pods: Option<BigRational>,
    devices: Option<(u64, Device)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Device {
    /// `nv.h100_sxm`
    Shipped(&'static str),
    /// Declared in the file.
    Own { name: String, product: String, memory: Option<BigRational> },
}

impl Device {
    fn reference(&self) -> String {
        match self {
            Device::Shipped(name) => format!("nv.{name}"),
            Device::Own { name, .. } => name.clone(),
        }
    }
}

/// The text, from the API's own objects.
fn written(nodes: &[Value], pods: &[Value], claimed: &Claimed, context: Option<&str>) -> String {
    let taken = taken(pods, claimed);
    let mut machines = Vec::new();
    let mut left_out = Vec::new();
    for node in nodes {
        match machine(node, &taken) {
            Ok(machine) => machines.push(machine),
            Err(because) => left_out.push(format!("{}: {because}", name_of(node))),
        }
    }
    // Their counter is that of a device plugin, which they do not have.
    for (node, count) in &claimed.offered {
        let counts =
            |other: &&Value| name_of(other) == *node && other["status"]["allocatable"][DEVICES].is_string();
        if nodes.iter().find(counts).is_none() {
            left_out.push(format!(
                "{node}: {count} devices that pods get of {DRIVER} by claims alone; plans ask for {DEVICES}"
            ));
        }
    }
    machines.sort();
    left_out.sort();
    let whence = context.map_or("the current context".to_owned(), |context| format!("context {context}"));
    let mut text = format!(
        "// Nodes of a Kubernetes cluster, {}, as they are now: what they can allocate, less what pods ask for that\n\
         // no plan has placed. Written by `berth import kubernetes`; state prices and places beside it.\n",
        comment(&whence)
    );
    for line in left_out {
        let _ = writeln!(text, "// Left out: {}", comment(&line));
    }
    let devices: BTreeSet<&Device> =
        machines.iter().filter_map(|machine| machine.devices.as_ref()).map(|(_, device)| device).collect();
    if devices.iter().any(|device| matches!(device, Device::Shipped(_))) {
        text.push_str("\nuse catalog.nvidia as nv\n");
    }
    for device in devices {
        if let Device::Own { name, product, memory } = device {
            let _ = writeln!(text, "\n/// {}\ndevice {name} {{", comment(product));
            if let Some(memory) = memory {
                let _ = writeln!(
                    text,
                    "    memory = {}\n    source = \"the node's label {DEVICE_MEMORY}\"",
                    bytes(memory)
                );
            }
            text.push_str("}\n");
        }
    }
    for (name, alike) in blocks(&machines) {
        text.push_str(&block(&name, &alike));
    }
    text
}

/// Machines that differ in nothing but their name share a block.
fn blocks(machines: &[Machine]) -> Vec<(String, Vec<&Machine>)> {
    let mut groups: Vec<(String, Vec<&Machine>)> = Vec::new();
    for machine in machines {
        let alike = |other: &&Machine| {
            (&other.labels, &other.taints, &other.devices)
                == (&machine.labels, &machine.taints, &machine.devices)
                && (&other.cpu, &other.memory, &other.pods) == (&machine.cpu, &machine.memory, &machine.pods)
        };
        match groups.iter_mut().find(|(_, group)| group.first().is_some_and(alike)) {
            Some((_, group)) => group.push(machine),
            None => groups.push((block_name(machine), vec![machine])),
        }
    }
    groups
}

fn block(name: &str, alike: &[&Machine]) -> String {
    let Some(first) = alike.first() else { return String::new() };
    let hosts: Vec<String> = alike.iter().map(|machine| quoted(&machine.name)).collect();
    let mut text = format!("\nnode {name}[host in [{}]] {{\n", hosts.join(", "));
    if let Some((count, device)) = &first.devices {
        let _ = writeln!(text, "    devices = {count} * {}", device.reference());
    }
    let _ = writeln!(text, "    cpu = {} core", decimal(&first.cpu));
    let _ = writeln!(text, "    memory = {}", bytes(&first.memory));
    if let Some(pods) = &first.pods {
        let _ = writeln!(text, "    pods = {}", pods.floor().to_integer());
    }
    let mut labels = vec![format!("{}: \"{{host}}\"", quoted(HOSTNAME))];
    let entry = |(name, value): &(String, String)| format!("{}: {}", quoted(name), quoted(value));
    labels.extend(first.labels.iter().map(entry));
    let _ = writeln!(text, "    labels = [\n        {},\n    ]", labels.join(",\n        "));
    if !first.taints.is_empty() {
        let taints: Vec<String> = first.taints.iter().map(entry).collect();
        let _ = writeln!(text, "    taints = [{}]", taints.join(", "));
    }
    text.push_str("}\n");
    text
}

/// Place of their number among what pods take.
const PODS: usize = 3;

/// Place of devices among them.
const OF_DEVICES: usize = 2;

/// Cores, bytes and devices that pods of others ask for or have claimed, and how many they are, by node.
fn taken<'v>(pods: &'v [Value], claimed: &'v Claimed) -> BTreeMap<&'v str, [BigRational; 4]> {
    let mut taken: BTreeMap<&str, [BigRational; 4]> = BTreeMap::new();
    for (node, count) in &claimed.given {
        taken.entry(node).or_insert_with(nothing)[OF_DEVICES] += BigRational::from_integer((*count).into());
    }
    for pod in pods {
        let Some(node) = pod["spec"]["nodeName"].as_str() else { continue };
        if has_ended(pod) || pod["metadata"]["labels"][MANAGED_BY] == MANAGER {
            continue;
        }
        let sums = taken.entry(node).or_insert_with(nothing);
        for (sum, resource) in sums.iter_mut().zip(["cpu", "memory", DEVICES]) {
            *sum += asked(pod, resource);
        }
        // The next plan places again what a plan has filled in.
        if !pod["metadata"]["annotations"][CONTAINER].is_string() {
            sums[PODS] += BigRational::one();
        }
    }
    taken
}

fn nothing() -> [BigRational; 4] {
    std::array::from_fn(|_| BigRational::zero())
}

/// What a pod asks for: its containers together, or its hungriest first step where that is more (the rule of the
/// scheduler, less containers that stay beside the others from the start).
fn asked(pod: &Value, resource: &str) -> BigRational {
    let of = |container: &Value| {
        let resources = &container["resources"];
        let asked =
            resources["requests"][resource].as_str().or_else(|| resources["limits"][resource].as_str());
        asked.and_then(amount).unwrap_or_else(BigRational::zero)
    };
    let containers = |name: &str| pod["spec"][name].as_array().map_or(&[][..], Vec::as_slice);
    let stays = |container: &&Value| container["restartPolicy"] == "Always";
    let together: BigRational = containers("containers").iter().map(of).sum();
    let beside: BigRational = containers("initContainers").iter().filter(stays).map(of).sum();
    let first = containers("initContainers").iter().filter(|container| !stays(container)).map(of).max();
    let overhead =
        pod["spec"]["overhead"][resource].as_str().and_then(amount).unwrap_or_else(BigRational::zero);
    (together + beside).max(first.unwrap_or_else(BigRational::zero)) + overhead
}

/// A node that takes pods, or why it takes none.
fn machine(node: &Value, taken: &BTreeMap<&str, [BigRational; 4]>) -> Result<Machine, String> {
    let name = name_of(node);
    if node["spec"]["unschedulable"] == true {
        return Err("it is cordoned".into());
    }
    let taints = taints(node);
    if let Some((key, _)) =
        taints.iter().find(|(key, _)| CONDITIONS.iter().any(|prefix| key.starts_with(prefix)))
    {
        return Err(format!("its taint {key} keeps pods away"));
    }
    let conditions = node["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    if !conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True") {
        return Err("it is not ready".into());
    }
    let none = nothing();
    let used = taken.get(name.as_str()).unwrap_or(&none);
    let allocatable = &node["status"]["allocatable"];
    let free = |resource: &str, at: usize| -> BigRational {
        let all = allocatable[resource].as_str().and_then(amount).unwrap_or_else(BigRational::zero);
        let free = all - &used[at];
        if free.is_negative() { BigRational::zero() } else { free }
    };
    let labels = node["metadata"]["labels"].as_object();
    let label = |name: &str| labels.and_then(|labels| labels.get(name)).and_then(Value::as_str);
    let own: Vec<(String, String)> = KEPT
        .iter()
        .filter(|name| **name != HOSTNAME)
        .filter_map(|name| Some(((*name).to_owned(), label(name)?.to_owned())))
        .collect();
    let count = free(DEVICES, OF_DEVICES).floor().to_integer().to_u64().filter(|count| *count > 0);
    let devices = count.map(|count| {
        let product = label(PRODUCT).unwrap_or("gpu");
        let known = CATALOG.iter().find(|(known, _)| *known == product);
        let device = match known {
            Some((_, shipped)) => Device::Shipped(shipped),
            None => Device::Own {
                name: identifier(product, "gpu"),
                product: product.to_owned(),
                memory: label(DEVICE_MEMORY)
                    .and_then(amount)
                    .map(|mebibytes| mebibytes * BigRational::from_integer((1 << 20).into())),
            },
        };
        (count, device)
    });
    // The scheduler knows a node by its label, which need not be its name.
    let host = label(HOSTNAME).unwrap_or(&name).to_owned();
    let [cpu, memory] = [free("cpu", 0), free("memory", 1)];
    let pods = allocatable["pods"].is_string().then(|| free("pods", PODS));
    Ok(Machine { name: host, labels: own, taints, cpu, memory, pods, devices })
}

/// The taints of a node that keep pods away, by key and text, each once.
fn taints(node: &Value) -> Vec<(String, String)> {
    let text = |taint: &Value, key: &str| taint[key].as_str().unwrap_or_default().to_owned();
    let keeps_away = |taint: &&Value| matches!(taint["effect"].as_str(), Some("NoSchedule" | "NoExecute"));
    let taints = node["spec"]["taints"].as_array().map_or(&[][..], Vec::as_slice).iter();
    let mut taints: Vec<_> =
        taints.filter(keeps_away).map(|taint| (text(taint, "key"), text(taint, "value"))).collect();
    taints.sort();
    taints.dedup();
    taints
}

fn name_of(node: &Value) -> String {
    node["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn block_name(machine: &Machine) -> String {
    let kind = machine.labels.iter().find(|(name, _)| name == INSTANCE_TYPE);
    kind.map_or_else(|| "box".to_owned(), |(_, value)| identifier(value, "box"))
}

/// A text as a name of the language.
fn identifier(text: &str, otherwise: &str) -> String {
    let letters =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let name: String = text.chars().map(letters).collect();
    let name = name.trim_matches('_');
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => {
            // A word of the language would be no name.
            let parsed = berth_language::syntax::parse(
                berth_language::span::FileId(0),
                &format!("node {name} {{\n}}\n"),
            );
            if parsed.diagnostics.is_empty() { name.to_owned() } else { format!("{otherwise}_{name}") }
        }
        Some(_) => format!("{otherwise}_{name}"),
        None => otherwise.to_owned(),
    }
}

/// A text of the language; a brace would insert a key.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars().filter(|letter| !letter.is_control() && !"{}".contains(*letter)) {
        if letter == '"' || letter == '\\' {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

fn comment(text: &str) -> String {
    super::yaml::one_line(text)
}

/// Exact where a decimal can be; what is less than a millionth is given away.
fn decimal(value: &BigRational) -> String {
    let millionths = (value * BigRational::from_integer(1_000_000.into())).floor().to_integer();
    let million = BigInt::from(1_000_000);
    let (whole, rest) = (&millionths / &million, (&millionths % &million).to_string());
    let rest = format!("{rest:0>6}");
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_string() } else { format!("{whole}.{rest}") }
}

/// In the largest binary unit that is exact; a part of a byte is given away.
fn bytes(value: &BigRational) -> String {
    let mut whole = value.floor().to_integer();
    let step = BigInt::from(1024);
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if whole.is_zero() || !(&whole % &step).is_zero() {
            break;
        }
        whole /= &step;
        unit = larger;
    }
    format!("{whole}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(name: &str, cpu: &str, labels: Value, spec: Value) -> Value {
        json!({
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
            "status": {
                "allocatable": {"cpu": cpu, "memory": "33651712Ki", "pods": "110", "nvidia.com/gpu": "8"},
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        })
    }

    #[test]
    fn what_is_free_and_what_is_left_out() {
        let gpu = json!({"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"});
        let odd = json!({"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.memory": "15360"});
        let nodes = [
            node("n1", "7910m", gpu.clone(), json!({})),
            node("n2", "7910m", gpu.clone(), json!({})),
            node("n3", "8", odd, json!({})),
            node("n4", "8", gpu.clone(), json!({"unschedulable": true})),
            node(
                "n5",
                "8",
                gpu.clone(),
                json!({"taints": [
                    {"key": "dedicated", "value": "ml", "effect": "NoExecute"},
                    {"key": "dedicated", "value": "ml", "effect": "NoSchedule"},
                    {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
                    {"key": "busy", "effect": "PreferNoSchedule"},
                ]}),
            ),
            node(
                "n6",
                "8",
                gpu,
                json!({"taints": [{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]}),
            ),
        ];
        let pod = |node: &str, owner: Value, phase: &str| {
            json!({
                "metadata": {"labels": owner},
                "spec": {"nodeName": node, "containers": [
                    {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": "1"}}},
                ]},
                "status": {"phase": phase},
            })
        };
        let pods = [
            pod("n1", json!({}), "Running"),
            pod("n2", json!({}), "Running"),
            pod("n3", json!({"app.kubernetes.io/managed-by": "berth"}), "Running"),
            pod("n3", json!({}), "Succeeded"),
        ];
        assert_eq!(
            written(&nodes, &pods, &Claimed::default(), Some("prod")),
            r#"// Nodes of a Kubernetes cluster, context prod, as they are now: what they can allocate, less what pods ask for that
// no plan has placed. Written by `berth import kubernetes`; state prices and places beside it.
// Left out: n4: it is cordoned
// Left out: n6: its taint node.kubernetes.io/disk-pressure keeps pods away

use catalog.nvidia as nv

/// Tesla-T4
device tesla_t4 {
    memory = 15GiB
    source = "the node's label nvidia.com/gpu.memory"
}

node box[host in ["n1", "n2"]] {
    devices = 7 * nv.h100_sxm
    cpu = 7.41 core
    memory = 31839MiB
    pods = 109
    labels = [
        "kubernetes.io/hostname": "{host}",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    ]
}

node box[host in ["n3"]] {
    devices = 8 * tesla_t4
    cpu = 8 core
    memory = 32863MiB
    pods = 110
    labels = [
        "kubernetes.io/hostname": "{host}",
        "nvidia.com/gpu.product": "Tesla-T4",
    ]
}

node box[host in ["n5"]] {
    devices = 8 * nv.h100_sxm
    cpu = 8 core
    memory = 32863MiB
    pods = 110
    labels = [
        "kubernetes.io/hostname": "{host}",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
    ]
    taints = ["dedicated": "ml", "nvidia.com/gpu": ""]
}
"#
        );
    }

    #[test]
    fn any_text_gives_a_name_and_a_text() {
        assert_eq!(identifier("m7i.4xlarge", "box"), "m7i_4xlarge");
        assert_eq!(identifier("8-way", "box"), "box_8_way");
        assert_eq!(identifier("", "box"), "box");
        assert_eq!(identifier("if", "box"), "box_if");
        assert_eq!(quoted("a\"b\\{c}\n"), "\"a\\\"b\\\\c\"");
    }
}

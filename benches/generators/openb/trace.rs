//! The two lists of the trace: nodes and pods as they are written down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every node of the cluster.
pub const NODES: &str = "openb_node_list_all_node.csv";
/// Every pod of the trace's default list.
pub const PODS: &str = "openb_pod_list_default.csv";

/// Both lists, in their order.
pub struct Trace {
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: String,
    pub cpu_milli: u64,
    pub memory_mib: u64,
    pub gpus: u64,
    /// The GPU model in lower case; empty without GPUs.
    pub model: String,
}

/// A pod and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: String,
    pub cpu_milli: u64,
    pub memory_mib: u64,
    /// How many GPUs; each of them wholly unless it is one.
    pub gpus: u64,
    /// The part of each GPU, in thousandths; 1,000 is the whole.
    pub gpu_milli: u64,
    /// GPU models that will do, in lower case; empty: any.
    pub models: BTreeSet<String>,
    /// `LS`, `BE`, `Burstable`, `Guaranteed`.
    pub quality: String,
}

impl Pod {
    /// Thousandths of GPUs, all together.
    pub fn requested_milli(&self) -> u64 {
        self.gpus.saturating_mul(self.gpu_milli)
    }

    /// Whether a GPU of this model will do.
    pub fn accepts(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.contains(model)
    }
}

impl Trace {
    /// Reads both lists from `folder`.
    ///
    /// # Errors
    /// A message with file and line.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let at = |name: &str, problem: String| format!("{}: {problem}", folder.join(name).display());
        Ok(Self {
            nodes: nodes(&text(NODES)?).map_err(|problem| at(NODES, problem))?,
            pods: pods(&text(PODS)?).map_err(|problem| at(PODS, problem))?,
        })
    }
}

fn nodes(text: &str) -> Result<Vec<Node>, String> {
    let columns = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
    table(text, columns, |[name, cpu, memory, gpus, model]| {
        Ok(Node {
            name: identifier(name)?,
            cpu_milli: number("cpu_milli", cpu)?,
            memory_mib: number("memory_mib", memory)?,
            gpus: number("gpu", gpus)?,
            model: match (gpus, model) {
                ("0", _) => String::new(),
                (_, "") => return Err("GPUs without a model".to_owned()),
                (_, model) => identifier(model)?.to_lowercase(),
            },
        })
    })
}

fn pods(text: &str) -> Result<Vec<Pod>, String> {
    let columns = ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos"];
    table(text, columns, |[name, cpu, memory, gpus, part, models, quality]| {
        let pod = Pod {
            name: identifier(name)?,
            cpu_milli: number("cpu_milli", cpu)?,
            memory_mib: number("memory_mib", memory)?,
            gpus: number("num_gpu", gpus)?,
            gpu_milli: number("gpu_milli", part)?,
            models: models
                .split('|')
                .filter(|model| !model.is_empty())
                .map(|model| identifier(model).map(|model| model.to_lowercase()))
                .collect::<Result<_, _>>()?,
            quality: quality.to_owned(),
        };
        let whole = match pod.gpus {
            0 => pod.gpu_milli == 0,
            1 => (1..=1_000).contains(&pod.gpu_milli),
            _ => pod.gpu_milli == 1_000,
        };
        if !whole {
            return Err(format!("{} GPUs of {} thousandths each", pod.gpus, pod.gpu_milli));
        }
        Ok(pod)
    })
}

/// The rows of a comma-separated text, each as its values under the named columns. The trace has no
/// quoted values. A first column that repeats names a thing twice.
fn table<T, const N: usize>(
    text: &str,
    columns: [&str; N],
    row: impl Fn([&str; N]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut lines = text.lines().enumerate();
    let head: Vec<&str> = lines.next().map_or("", |(_, line)| line).split(',').collect();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = head
            .iter()
            .position(|name| *name == column)
            .ok_or_else(|| format!("line 1: no column `{column}`"))?;
    }

    let mut seen = BTreeMap::new();
    let mut rows = Vec::new();
    for (at, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let number = at + 1;
        let values: Vec<&str> = line.split(',').collect();
        if values.len() != head.len() {
            let (have, want) = (values.len(), head.len());
            return Err(format!("line {number}: {have} values under {want} columns"));
        }
        // As many values as there are columns, and every place is that of a column.
        let values = places.map(|place| values.get(place).copied().unwrap_or_default());
        if let Some(first) = values.first().and_then(|name| seen.insert(*name, number)) {
            return Err(format!("line {number}: the name of line {first} again"));
        }
        rows.push(row(values).map_err(|problem| format!("line {number}: {problem}"))?);
    }
    Ok(rows)
}

fn number(column: &str, text: &str) -> Result<u64, String> {
    // Far beyond any machine, and far from where sums overflow.
    match text.parse() {
        Ok(number) if number < 1_000_000_000_000 => Ok(number),
        _ => Err(format!("`{column}` is `{text}`, not a count")),
    }
}

/// `openb-pod-0001` as a name of the language: `openb_pod_0001`.
fn identifier(text: &str) -> Result<String, String> {
    let name = text.replace('-', "_");
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !letters || !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(format!("`{text}` cannot be a name"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_may_name_models() {
        let text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase\n\
                    openb-pod-0001,6000,12288,1,460,V100M16|V100M32,LS,Running\n";
        let pod = Pod {
            name: "openb_pod_0001".to_owned(),
            cpu_milli: 6_000,
            memory_mib: 12_288,
            gpus: 1,
            gpu_milli: 460,
            models: ["v100m16".to_owned(), "v100m32".to_owned()].into(),
            quality: "LS".to_owned(),
        };
        assert_eq!(pods(text), Ok(vec![pod]));
    }

    #[test]
    fn what_is_not_as_expected_is_named_with_its_line() {
        let head = "sn,cpu_milli,memory_mib,gpu,model";
        for (body, problem) in [
            ("a,1,2,0", "line 2: 4 values under 5 columns"),
            ("a,1,2,0,\na,1,2,0,", "line 3: the name of line 2 again"),
            ("a,-1,2,0,", "line 2: `cpu_milli` is `-1`, not a count"),
            ("a,1,2,4,", "line 2: GPUs without a model"),
            ("7,1,2,0,", "line 2: `7` cannot be a name"),
        ] {
            assert_eq!(nodes(&format!("{head}\n{body}\n")), Err(problem.to_owned()));
        }
        assert_eq!(nodes(""), Err("line 1: no column `sn`".to_owned()));
    }
}

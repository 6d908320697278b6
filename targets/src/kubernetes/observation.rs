//! What a cluster runs now: one look at it, of which the [inventory](super::inventory) is one half and the state of what
//! plans have placed the other.

use super::connection::{Connection, Refusal};
use super::items::Item;
use super::kinds::{JOB_SET, JOB_SET_NAME, KINDS, NODE, POD, RESOURCE_CLAIM, RESOURCE_SLICE};
use super::names::item_names;
use super::objects::{ADOPTED, MANAGED_BY, MANAGER, NAME, plan_name_of};
use super::ownership::{Ownership, PART_OF};
use super::placement::{HOSTNAME, hostname};
use berth_compiler::state::{RunningEntry, State};
use berth_compiler::targeting::Names;
use berth_language::model::{Cluster, Program};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one look at a cluster finds.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its nodes.
    pub nodes: Vec<Value>,
    /// Its pods, of all namespaces.
    pub pods: Vec<Value>,
    /// Workloads that are members of a set, whosever.
    pub workloads: BTreeMap<Workload, Value>,
    /// Devices that its nodes offer by name.
    pub slices: Vec<Value>,
    /// What of them was claimed, in all namespaces.
    pub claims: Vec<Value>,
}

/// A workload: kind, namespace and name.
pub type Workload = (String, String, String);

impl Seen {
    /// Looks.
    ///
    /// # Errors
    /// Where a list is refused.
    pub fn look(connection: &Connection) -> Result<Self, Refusal> {
        let nodes = connection.list(&NODE, "", "")?;
        let pods = connection.list(&POD, "", "")?;
        // Versions before 1.34 have them under other names; nothing of a device plugin's is claimed there.
        let slices = if_known(connection.list(&RESOURCE_SLICE, "", ""))?;
        let claims = if_known(connection.list(&RESOURCE_CLAIM, "", ""))?;
        let mut workloads = BTreeMap::new();
        for kind in KINDS.iter().filter(|kind| kind.has_pods()) {
            for object in if_known(connection.list(kind, "", PART_OF))? {
                let metadata = &object["metadata"];
                let workload = (kind.name.to_owned(), text(&metadata["namespace"]), text(&metadata["name"]));
                workloads.insert(workload, object);
            }
        }
        Ok(Self { nodes, pods, workloads, slices, claims })
    }

    /// What plans have placed and runs. Pods that are not on a node yet, that have ended or that are being ended run
    /// nowhere.
    pub fn state(&self) -> State {
        let label = |node: &Value| node["metadata"]["labels"][HOSTNAME].as_str().map(str::to_owned);
        let hosts: BTreeMap<String, String> = self
            .nodes
            .iter()
            .filter_map(|node| Some((text(&node["metadata"]["name"]), label(node)?)))
            .collect();
        let running = self.pods.iter().filter(|pod| !has_ended(pod) && is_wanted(pod)).filter_map(|pod| {
            let node = pod["spec"]["nodeName"].as_str()?;
            let (owner, service) = placed(self.workloads.get(&runs_for(pod)?)?)?;
            let node = hosts.get(node).cloned().unwrap_or_else(|| node.to_owned());
            Some(RunningEntry { owner, service, node, replicas: 1 })
        });
        State::new(running)
    }
}

/// Objects of a kind; none where the cluster does not have it.
fn if_known(listed: Result<Vec<Value>, Refusal>) -> Result<Vec<Value>, Refusal> {
    match listed {
        Err(Refusal::Missing(_)) => Ok(Vec::new()),
        other => other,
    }
}

/// The set of a workload that a plan has made or taken over, and the service that it is.
fn placed(workload: &Value) -> Option<(String, String)> {
    let metadata = &workload["metadata"];
    let owner = metadata["labels"][PART_OF].as_str()?;
    let adopted = metadata["annotations"][ADOPTED].as_str();
    let made = metadata["labels"][NAME].as_str().filter(|_| metadata["labels"][MANAGED_BY] == MANAGER);
    Some((owner.to_owned(), adopted.or(made)?.to_owned()))
}

/// The pod asks for nothing any more.
pub fn has_ended(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// Nobody has asked for its end.
fn is_wanted(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null()
}

/// The workload that a pod is of. A Deployment runs its pods through a ReplicaSet, which is called as it is and by
/// the hash of its template; a JobSet through Jobs, whose pods name it.
pub fn runs_for(pod: &Value) -> Option<Workload> {
    let metadata = &pod["metadata"];
    if let Some(set) = metadata["labels"][JOB_SET_NAME].as_str() {
        return Some((JOB_SET.name.to_owned(), metadata["namespace"].as_str()?.to_owned(), set.to_owned()));
    }
    let owner = metadata["ownerReferences"].get(0)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    let (kind, name) = match (kind, metadata["labels"]["pod-template-hash"].as_str()) {
        ("ReplicaSet", Some(hash)) => ("Deployment", name.strip_suffix(hash)?.strip_suffix('-')?),
        _ => (kind, name),
    };
    Some((kind.to_owned(), metadata["namespace"].as_str()?.to_owned(), name.to_owned()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What a cluster calls the services and nodes of `program`: objects that are made carry the name that a service gets
/// there, objects that are taken over its address.
pub fn names(program: &Program, cluster: &Cluster) -> Names {
    let items = Item::all(program);
    let objects = item_names(program, &items);
    let services = items.iter().zip(objects).enumerate().map(|(index, (item, object))| match item {
        Item::Service(service) => {
            vec![object, program.plan.first_address(index, &service.name).to_owned(), service.name.clone()]
        }
        Item::Job(job) => vec![object, job.name.clone()],
    });
    Names {
        owner: Ownership::of(plan_name_of(program.plan.name.as_deref()), &cluster.namespace).id(),
        services: services.collect(),
        nodes: program.nodes.iter().map(|node| vec![hostname(node)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_runs_is_counted_by_service_and_node() {
        let pod = |name: &str, node: Option<&str>, phase: &str| {
            json!({
                "metadata": {
                    "name": name,
                    "namespace": "shop",
                    "labels": {"pod-template-hash": "5d8"},
                    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d8"}],
                },
                "spec": {"nodeName": node},
                "status": {"phase": phase},
            })
        };
        let mut going = pod("web-5", Some("n1"), "Running");
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let foreign = json!({
            "metadata": {"namespace": "shop", "ownerReferences": [{"kind": "DaemonSet", "name": "log"}]},
            "spec": {"nodeName": "n1"},
        });
        let workload = json!({"metadata": {
            "labels": {PART_OF: "set", MANAGED_BY: MANAGER, NAME: "web"},
        }});
        let seen = Seen {
            nodes: vec![json!({"metadata": {"name": "n1", "labels": {HOSTNAME: "host-1"}}})],
            pods: vec![
                pod("web-1", Some("n1"), "Running"),
                pod("web-2", Some("n1"), "Pending"),
                pod("web-3", Some("gone"), "Running"),
                pod("web-4", None, "Pending"),
                going,
                pod("web-6", Some("n1"), "Failed"),
                foreign,
            ],
            workloads: BTreeMap::from([(("Deployment".into(), "shop".into(), "web".into()), workload)]),
            ..Seen::default()
        };
        let entry = |node: &str, replicas| RunningEntry {
            owner: "set".into(),
            service: "web".into(),
            node: node.into(),
            replicas,
        };
        assert_eq!(seen.state().running, [entry("gone", 1), entry("host-1", 2)]);
    }
}

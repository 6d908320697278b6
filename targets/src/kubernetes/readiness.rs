//! Whether a workload is what was asked for, and why it is not.

use super::begun::{End, end_of};
use super::connection::{Connection, Refusal};
use super::kinds::{Identity, JOB_SET_NAME, Kind, POD};
use super::ownership::Ownership;
use super::parallel::{WIDTH, side_by_side};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How far a workload is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// `Deployment/shop`
    pub object: String,
    /// Replicas of the newest form that are ready.
    pub ready: u64,
    /// Replicas wanted.
    pub wanted: u64,
    /// It is what was asked for.
    pub done: bool,
    /// It is a job that was given up.
    #[serde(skip)]
    pub has_failed: bool,
    /// What keeps replicas from being ready, and how many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<(String, u64)>,
}

/// Kinds that become ready.
pub fn becomes_ready(identity: &Identity) -> bool {
    identity.kind.has_pods()
}

/// How far each of the workloads is, members of `ownership`; `explained` asks their pods what keeps them.
pub fn progress(
    connection: &Connection,
    ownership: &Ownership,
    workloads: &[&Identity],
    explained: bool,
) -> Result<Vec<Progress>, Refusal> {
    let listed = listed(connection, ownership, workloads)?;
    let of = |identity: &&Identity| {
        let Identity { kind, namespace, name } = identity;
        let live = match listed.get(*identity) {
            Some(live) => Some(live.clone()),
            None => connection.get(kind, namespace, name)?,
        };
        let Some(live) = live else {
            return Err(Refusal::Missing(format!("{identity} was deleted meanwhile")));
        };
        let mut progress = match kind.ends {
            true => of_job(&identity.to_string(), &live),
            false => of(&identity.to_string(), &live),
        };
        if explained && !progress.done && !progress.has_failed {
            progress.because.extend(reasons(connection, identity, &live)?);
        }
        Ok(progress)
    };
    side_by_side(workloads, of, |_| ())
}

/// Members by one list a kind, where `workloads` are more than are read at once one by one; else none.
fn listed(
    connection: &Connection,
    ownership: &Ownership,
    workloads: &[&Identity],
) -> Result<BTreeMap<Identity, Value>, Refusal> {
    let mut listed = BTreeMap::new();
    if workloads.len() <= WIDTH {
        return Ok(listed);
    }
    let kinds: BTreeSet<&'static Kind> = workloads.iter().map(|identity| identity.kind).collect();
    for kind in kinds {
        for object in connection.list(kind, &ownership.namespace, &ownership.selector())? {
            if let Some(identity) = Identity::of(&object) {
                listed.insert(identity, object);
            }
        }
    }
    Ok(listed)
}

/// Read off the object itself.
fn of(object: &str, live: &Value) -> Progress {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (spec, status) = (&live["spec"], &live["status"]);
    let wanted = spec["replicas"].as_u64().unwrap_or(1);
    let seen = number(&status["observedGeneration"]) >= number(&live["metadata"]["generation"]);
    let updated = number(&status["updatedReplicas"]);
    let ready = number(&status["availableReplicas"]);
    let total = number(&status["replicas"]);
    // A StatefulSet that has nothing to roll counts no replica as updated.
    let rolled = updated == wanted
        || (status["currentRevision"].is_string() && status["currentRevision"] == status["updateRevision"]);
    let done = seen && rolled && ready == wanted && total == wanted;
    let (has_failed, because) = (false, Vec::new());
    Progress { object: object.to_owned(), ready: ready.min(wanted), wanted, done, has_failed, because }
}

/// The same of a job: all of its copies are ready or done, or all of it is; or it waits because somebody said so.
fn of_job(object: &str, live: &Value) -> Progress {
    let (spec, status) = (&live["spec"], &live["status"]);
    let sum = |counts: &Value| {
        let of = |field: &str| counts[field].as_u64().unwrap_or(0);
        of("ready") + of("succeeded")
    };
    let (wanted, ready) = match (spec["replicatedJobs"].as_array(), status["replicatedJobsStatus"].as_array())
    {
        (Some(jobs), counted) => {
            let wanted = jobs.iter().map(|job| job["replicas"].as_u64().unwrap_or(1)).sum();
            (wanted, counted.into_iter().flatten().map(sum).sum())
        }
        (None, _) => (spec["parallelism"].as_u64().unwrap_or(1), sum(status)),
    };
    let mut because = Vec::new();
    let (done, has_failed) = match end_of(live) {
        Some((End::Done, _)) => (true, false),
        Some((End::Failed, reason)) => {
            because.push((format!("it has failed: {reason}"), wanted));
            (false, true)
        }
        None => (ready >= wanted || spec["suspend"] == true, false),
    };
    if !done && status.as_object().is_none_or(serde_json::Map::is_empty) {
        because.push(("no controller of its kind has seen it yet".to_owned(), wanted));
    }
    Progress { object: object.to_owned(), ready: u64::min(ready, wanted), wanted, done, has_failed, because }
}

/// What its pods say, each reason with the number of pods.
fn reasons(
    connection: &Connection,
    identity: &Identity,
    live: &Value,
) -> Result<Vec<(String, u64)>, Refusal> {
    let of_set = json!({JOB_SET_NAME: identity.name});
    let labels = match live["spec"]["replicatedJobs"].is_array() {
        true => of_set.as_object(),
        false => live["spec"]["selector"]["matchLabels"].as_object(),
    };
    let labels: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    let pods = connection.list(&POD, &identity.namespace, &labels.join(","))?;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for reason in pods.iter().filter_map(reason) {
        *counted.entry(reason).or_default() += 1;
    }
    let conditions = live["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    for condition in conditions {
        if condition["type"] == "ReplicaFailure" && condition["status"] == "True" {
            let message = condition["message"].as_str().unwrap_or("pods are not created");
            *counted.entry(message.to_owned()).or_default() += 1;
        }
    }
    Ok(counted.into_iter().collect())
}

/// Why a pod is not ready.
fn reason(pod: &Value) -> Option<String> {
    let status = &pod["status"];
    let condition = |name: &str| {
        let conditions = status["conditions"].as_array()?;
        conditions.iter().find(|condition| condition["type"] == name)
    };
    if let Some(scheduled) = condition("PodScheduled")
        && scheduled["status"] == "False"
    {
        let message = scheduled["message"].as_str().unwrap_or("no node takes it");
        return Some(format!("not scheduled: {message}"));
    }
    let containers = status["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    for container in containers {
        let name = container["name"].as_str().unwrap_or_default();
        for state in ["waiting", "terminated"] {
            if let Some(reason) = container["state"][state]["reason"].as_str() {
                return Some(format!("container {name}: {reason}"));
            }
        }
    }
    if condition("Ready").is_some_and(|ready| ready["status"] == "True") {
        return None;
    }
    Some(match status["phase"].as_str() {
        Some("Running") => "running, and its readiness probe does not hold".to_owned(),
        Some(phase) => phase.to_lowercase(),
        None => "not seen by its node".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(generation: u64, observed: u64, counts: [u64; 3]) -> Value {
        let [replicas, updated, available] = counts;
        json!({
            "metadata": {"generation": generation},
            "spec": {"replicas": 3},
            "status": {
                "observedGeneration": observed,
                "replicas": replicas,
                "updatedReplicas": updated,
                "availableReplicas": available,
            },
        })
    }

    #[test]
    fn ready_is_what_the_newest_form_has() {
        assert!(of("x", &deployment(2, 2, [3, 3, 3])).done);
        // Nobody has looked at the change yet.
        assert!(!of("x", &deployment(2, 1, [3, 3, 3])).done);
        // An old replica is left, or a new one is not ready.
        assert!(!of("x", &deployment(2, 2, [4, 3, 3])).done);
        assert!(!of("x", &deployment(2, 2, [3, 3, 2])).done);
        assert!(!of("x", &deployment(2, 2, [3, 2, 3])).done);
    }

    #[test]
    fn jobs_are_there_once_their_copies_are() {
        let job = |status: Value| json!({"spec": {"parallelism": 3}, "status": status});
        let done = |live: &Value| of_job("x", live).done;
        assert!(done(&job(json!({"ready": 2, "succeeded": 1}))));
        assert!(!done(&job(json!({"active": 3, "ready": 2}))));
        let ended = |of: &str| job(json!({"conditions": [{"type": of, "status": "True", "reason": "Why"}]}));
        assert!(done(&ended("Complete")));
        assert!(of_job("x", &ended("Failed")).has_failed);
        assert!(done(&json!({"spec": {"parallelism": 3, "suspend": true}, "status": {}})));
        let set = |ready: u64| {
            json!({
                "spec": {"replicatedJobs": [{"name": "copy", "replicas": 2}, {"name": "copy-2-each", "replicas": 1}]},
                "status": {"replicatedJobsStatus": [{"ready": ready}, {"succeeded": 1}]},
            })
        };
        assert!(done(&set(2)));
        assert_eq!((of_job("x", &set(1)).ready, of_job("x", &set(1)).wanted), (2, 3));
        assert_eq!(of_job("x", &job(json!({}))).because.len(), 1);
    }

    #[test]
    fn pods_say_why() {
        let pod = json!({"status": {"conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"},
        ]}});
        assert_eq!(reason(&pod).unwrap(), "not scheduled: 0/1 nodes are available");
        let pod = json!({"status": {"phase": "Pending", "containerStatuses": [
            {"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
        ]}});
        assert_eq!(reason(&pod).unwrap(), "container a: ImagePullBackOff");
        let pod =
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        assert_eq!(reason(&pod), None);
    }
}

//! Jobs that were begun. What a Job runs cannot be changed once it is there, and what it has done is lost where it is taken
//! away: so one that is there stays what it is, done or not, until it is let go by name.

use super::changes::{FieldChange, compare_stated};
use super::connection::{Application, Connection, Refusal};
use super::difference::{Entry, Permissions, Step};
use super::kinds::Identity;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fields of a spec that stay as the job was begun with them.
const FIXED: [&str; 9] = [
    "completionMode",
    "completions",
    "failurePolicy",
    "network",
    "parallelism",
    "podFailurePolicy",
    "replicatedJobs",
    "successPolicy",
    "template",
];

/// Labels that controllers put on a template to tell its pods from those of others.
const OF_CONTROLLERS: [&str; 4] =
    ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"];

/// How a job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All of it is done.
    Done,
    /// It was given up.
    Failed,
}

/// How a Job or JobSet has ended, and the reason that it gives; none where it has not.
pub fn end_of(live: &Value) -> Option<(End, &str)> {
    let conditions = live["status"]["conditions"].as_array()?;
    conditions.iter().filter(|condition| condition["status"] == "True").find_map(|condition| {
        let end = match condition["type"].as_str()? {
            "Complete" | "Completed" => End::Done,
            "Failed" => End::Failed,
            _ => return None,
        };
        Some((end, condition["reason"].as_str().unwrap_or_default()))
    })
}

/// The fields in which `member` says something else than what the job that is `live` was begun with.
///
/// What the server makes of a manifest is asked for under a name that nobody has: what it adds and how it writes amounts
/// then differs in nothing.
///
/// # Errors
/// Where the server does not take the manifest.
pub fn changed(
    connection: &Connection,
    identity: &Identity,
    member: &Value,
    live: &Value,
) -> Result<Vec<FieldChange>, Refusal> {
    let mut other = member.clone();
    other["metadata"]["name"] = json!(nobodys(&identity.name));
    let mut wanted = connection.apply(identity.kind, &other, Application::DryRun, false)?;
    if let Some(Value::Object(labels)) = wanted.pointer_mut("/spec/template/metadata/labels") {
        labels.retain(|label, _| !OF_CONTROLLERS.contains(&label.as_str()));
    }
    Ok(of_specs(&live["spec"], &wanted["spec"]))
}

fn of_specs(live: &Value, wanted: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    for field in FIXED {
        if let Some(wanted) = wanted.get(field) {
            compare_stated(&format!("spec.{field}"), live.get(field), wanted, &mut found);
        }
    }
    found
}

/// A job may have other objects in this plan than it was begun with: of other layouts, or with copies counted otherwise.
/// Those that are there stay, and as long as one stays that is not as planned, nothing is begun beside it: its work would be
/// done twice.
pub fn begin_nothing_twice(entries: &mut Vec<Entry>, permissions: &Permissions) {
    let of_job = |entry: &Entry| entry.label().filter(|_| entry.identity.kind.ends).map(str::to_owned);
    let planned: BTreeSet<String> =
        entries.iter().filter(|entry| entry.manifest.is_some()).filter_map(of_job).collect();
    for entry in entries.iter_mut().filter(|entry| entry.step == Step::Delete) {
        let job = of_job(entry).filter(|job| planned.contains(job));
        if job.is_some_and(|job| !permissions.may_end(&entry.identity.name, Some(&job))) {
            (entry.step, entry.stops, entry.hindrance) = (Step::Keep, 0, None);
            entry.is_outdated = true;
        }
    }
    let begun: BTreeSet<String> =
        entries.iter().filter(|entry| entry.is_outdated).filter_map(of_job).collect();
    entries
        .retain(|entry| entry.step != Step::Create || of_job(entry).is_none_or(|job| !begun.contains(&job)));
}

/// A field of one that was begun, which the server lets nobody change.
pub fn is_fixed(field: &str) -> bool {
    let name = field.strip_prefix("spec.").unwrap_or_default();
    let name = name.split(['.', '[']).next().unwrap_or_default();
    FIXED.contains(&name)
}

/// Where pods would rather land: it says nothing any more of those that have landed, and proves nothing of others.
pub fn is_preference(field: &str) -> bool {
    field.contains(".preferredDuringSchedulingIgnoredDuringExecution")
}

/// As long as names that are taken may be.
fn nobodys(name: &str) -> String {
    const TAIL: &str = "-as-planned";
    let cut = name.len().min(52 - TAIL.len());
    format!("{}{TAIL}", name.get(..cut).unwrap_or_default().trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_off_conditions() {
        let job = |of: &str, status: &str| json!({"status": {"conditions": [{"type": of, "status": status, "reason": "Why"}]}});
        assert_eq!(end_of(&job("Complete", "True")), Some((End::Done, "Why")));
        assert_eq!(end_of(&job("Completed", "True")), Some((End::Done, "Why")));
        assert_eq!(end_of(&job("Failed", "True")), Some((End::Failed, "Why")));
        for other in [job("Failed", "False"), job("Suspended", "True"), json!({})] {
            assert_eq!(end_of(&other), None);
        }
    }

    #[test]
    fn what_others_add_is_no_change() {
        let live = json!({
            "suspend": false,
            "completions": 2,
            "template": {"spec": {"containers": [{"name": "a", "image": "a:1"}], "nodeSelector": {"x": "y"}}},
        });
        let wanted = |image: &str| {
            json!({
                "suspend": true,
                "completions": 2,
                "template": {"spec": {"containers": [{"name": "a", "image": image}]}},
            })
        };
        assert!(of_specs(&live, &wanted("a:1")).is_empty());
        let found = of_specs(&live, &wanted("a:2"));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "spec.template.spec.containers[a].image");
        assert!(is_fixed(&found[0].field) && is_fixed("spec.completions") && !is_fixed("spec.suspend"));
    }
}

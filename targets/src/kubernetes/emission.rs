//! Objects as files for whoever applies them from a repository: the same objects that `apply` would create, in a
//! stable order, under stable names.

use super::kinds::{AUTOSCALER, Identity};
use super::names::object_name;
use super::objects::{ADOPTED, NAME};
use super::yaml::{document, one_line};
use berth_compiler::plan::Plan;
use berth_compiler::plan::objects::{Asked, ObjectEntry, TargetEntry};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The first line of every file: what carries it may be written again, or removed.
pub const HEADER: &str = "# Written by berth; changes are overwritten.";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One file a service.
    Yaml,
    /// The same, and the list that kustomize reads.
    Kustomize,
    /// Values of a chart by service: the fields that a plan decides.
    HelmValues,
}

impl Form {
    /// Every form, by the name it is asked for with.
    pub const ALL: [(&'static str, Form); 3] =
        [("yaml", Form::Yaml), ("kustomize", Form::Kustomize), ("helm-values", Form::HelmValues)];
}

/// The files, by name.
pub fn files(plan: &Plan, form: Form) -> BTreeMap<String, String> {
    if form == Form::HelmValues {
        return BTreeMap::from([("values.yaml".to_owned(), values(plan))]);
    }
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut patches = BTreeSet::new();
    for object in &plan.objects {
        let name = file_of(object);
        if is_adopted(&object.manifest) {
            patches.insert(name.clone());
        }
        let text = files.entry(name).or_insert_with(|| format!("{HEADER}\n"));
        text.push_str("---\n");
        text.push_str(&object_text(object));
    }
    if form == Form::Kustomize {
        let names: Vec<&String> = files.keys().filter(|name| !patches.contains(*name)).collect();
        let mut list = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": names,
        });
        // What they are fields of stands in a file of somebody else, which is a resource there.
        if !patches.is_empty() {
            list["patches"] = patches.iter().map(|name| json!({"path": name})).collect();
        }
        if let Some(TargetEntry::Kubernetes { namespace, .. }) = &plan.target {
            list["namespace"] = json!(namespace);
        }
        files.insert(
            "kustomization.yaml".to_owned(),
            format!("{HEADER}\n{}", document(&list, &BTreeMap::new())),
        );
    }
    files
}

/// One object with who asked for it.
pub fn object_text(object: &ObjectEntry) -> String {
    let remarks: BTreeMap<String, String> =
        object.asked.iter().rev().map(|asked| (asked.pointer.clone(), remark(asked))).collect();
    let whole = object.asked.iter().find(|asked| asked.pointer.is_empty());
    let mut head = whole.map(|asked| format!("# {}\n", one_line(&remark(asked)))).unwrap_or_default();
    if is_adopted(&object.manifest) {
        head.push_str("# Some fields of an object that is there already: kubectl apply --server-side\n");
    }
    format!("{head}{}", document(&object.manifest, &remarks))
}

fn is_adopted(manifest: &Value) -> bool {
    manifest["metadata"]["annotations"][ADOPTED].is_string()
}

fn remark(asked: &Asked) -> String {
    format!("{}:{}: {}", asked.file, asked.line, asked.text)
}

/// Objects of one service share a file, those of all have one of their own.
fn file_of(object: &ObjectEntry) -> String {
    match &object.service {
        Some(_) => {
            let metadata = &object.manifest["metadata"];
            let name = metadata["labels"][NAME].as_str().or(metadata["name"].as_str());
            format!("{}.yaml", name.map_or_else(|| "service".into(), object_name))
        }
        None => {
            let kind = Identity::of(&object.manifest).map_or("objects", |identity| identity.kind.plural);
            format!("_{kind}.yaml")
        }
    }
}

/// The bounds of an autoscaler, as charts name them.
fn bounds(spec: &Value) -> Value {
    let mut bounds = json!({
        "enabled": true,
        "minReplicas": spec["minReplicas"],
        "maxReplicas": spec["maxReplicas"],
    });
    let utilization = &spec["metrics"][0]["containerResource"]["target"]["averageUtilization"];
    if utilization.is_u64() {
        bounds["targetCPUUtilizationPercentage"] = utilization.clone();
    } else {
        bounds["metrics"] = spec["metrics"].clone();
    }
    bounds
}

/// What a plan decides of each workload, as charts name it.
fn values(plan: &Plan) -> String {
    let mut services = Map::new();
    let mut remarks = BTreeMap::new();
    for object in &plan.objects {
        let manifest = &object.manifest;
        if manifest["kind"] == AUTOSCALER.name {
            let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
            let own = services.entry(name).or_insert_with(|| json!({}));
            own["autoscaling"] = bounds(&manifest["spec"]);
            for asked in &object.asked {
                if let Some(field) = asked.pointer.strip_prefix("/spec") {
                    remarks.insert(format!("/{name}/autoscaling{field}"), remark(asked));
                }
            }
            continue;
        }
        let Some(name) = manifest["metadata"]["name"].as_str() else { continue };
        // Of a set each of its parts, of all else the object itself.
        let set = manifest["spec"]["replicatedJobs"].as_array();
        let mut own = Map::new();
        for (at, part) in set.into_iter().flatten().enumerate() {
            let key = part["name"].as_str().unwrap_or_default();
            let place = format!("/spec/replicatedJobs/{at}");
            let mut values =
                decided(object, &format!("{place}/template/spec"), &format!("{name}/{key}"), &mut remarks);
            let pointer = format!("{place}/replicas");
            take(object, ("replicas", &pointer), &format!("{name}/{key}"), &mut values, &mut remarks);
            own.insert(key.to_owned(), Value::Object(values));
        }
        if set.is_none() {
            own = decided(object, "/spec", name, &mut remarks);
        }
        if !own.is_empty() {
            services.insert(name.to_owned(), Value::Object(own));
        }
    }
    format!("{HEADER}\n{}", document(&Value::Object(services), &remarks))
}

/// What a plan decides of the pods whose workload has its spec at `spec`, as charts name it; `remarks` get who asked for
/// it, as they stand under `name`.
fn decided(
    object: &ObjectEntry,
    spec: &str,
    name: &str,
    remarks: &mut BTreeMap<String, String>,
) -> Map<String, Value> {
    const CONTAINER: &str = "template/spec/containers/0";
    let mut values = Map::new();
    if object.manifest.pointer(&format!("{spec}/{CONTAINER}")).is_none() {
        return values;
    }
    for (key, field) in [
        ("replicaCount", "replicas".to_owned()),
        ("completions", "completions".to_owned()),
        ("parallelism", "parallelism".to_owned()),
        ("image", format!("{CONTAINER}/image")),
        ("command", format!("{CONTAINER}/command")),
        ("args", format!("{CONTAINER}/args")),
        ("env", format!("{CONTAINER}/env")),
        ("resources", format!("{CONTAINER}/resources")),
        ("affinity", "template/spec/affinity".to_owned()),
        ("topologySpreadConstraints", "template/spec/topologySpreadConstraints".to_owned()),
        ("priorityClassName", "template/spec/priorityClassName".to_owned()),
    ] {
        // Of variables a plan decides those of jobs alone.
        let is_job = object.manifest["spec"]["parallelism"].is_u64() || spec != "/spec";
        if key != "env" || is_job {
            take(object, (key, &format!("{spec}/{field}")), name, &mut values, remarks);
        }
    }
    values
}

/// What stands at a pointer, under `key`.
fn take(
    object: &ObjectEntry,
    (key, pointer): (&str, &str),
    name: &str,
    values: &mut Map<String, Value>,
    remarks: &mut BTreeMap<String, String>,
) {
    let Some(value) = object.manifest.pointer(pointer) else { return };
    values.insert(key.to_owned(), value.clone());
    for asked in object.asked.iter().filter(|asked| asked.pointer.starts_with(pointer)) {
        let inner = asked.pointer.strip_prefix(pointer).unwrap_or_default();
        remarks.insert(format!("/{name}/{key}{inner}"), remark(asked));
    }
}

//! What a user must be allowed to do, and nothing more, as objects that grant it.

use super::kinds::{CONFIG_MAP, KINDS, Kind, LEASE, NAMESPACE, NODE, POD, RESOURCE_CLAIM, RESOURCE_SLICE};
use super::names::object_name;
use super::objects::{MANAGED_BY, MANAGER};
use super::yaml::document;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The roles of whoever applies plans in `namespace`, as YAML, and of whoever imports.
pub fn roles(namespace: &str) -> String {
    let labels = json!({MANAGED_BY: MANAGER});
    let changing = ["create", "delete", "get", "list", "patch"];
    let written = |namespaced: bool| KINDS.iter().filter(move |kind| kind.namespaced == namespaced);
    let mut inside: Vec<Value> = written(true).map(|kind| rule(kind, &changing)).collect();
    inside.extend([
        rule(&CONFIG_MAP, &["create", "delete", "get", "patch"]),
        rule(&LEASE, &["create", "delete", "get", "update"]),
        rule(&POD, &["list"]),
    ]);
    let mut outside: Vec<Value> = written(false).map(|kind| rule(kind, &changing)).collect();
    outside.push(named(&NAMESPACE, &["get"], namespace));
    let apply = format!("berth-apply-{}", object_name(namespace));
    let imported = [&NODE, &POD, &RESOURCE_SLICE, &RESOURCE_CLAIM]
        .into_iter()
        .chain(KINDS.iter().filter(|kind| kind.has_pods()));
    let importing: Vec<Value> = imported.map(|kind| rule(kind, &["list"])).collect();
    let objects = [
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "berth-apply", "namespace": namespace, "labels": labels},
            "rules": inside,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": apply, "labels": labels},
            "rules": outside,
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "berth-import", "labels": labels},
            "rules": importing,
        }),
    ];
    let texts = objects.iter().map(|object| document(object, &BTreeMap::new()));
    texts.collect::<Vec<_>>().join("---\n")
}

fn rule(kind: &Kind, verbs: &[&str]) -> Value {
    json!({"apiGroups": [kind.group], "resources": [kind.plural], "verbs": verbs})
}

fn named(kind: &Kind, verbs: &[&str], name: &str) -> Value {
    let mut rule = rule(kind, verbs);
    rule["resourceNames"] = json!([name]);
    rule
}

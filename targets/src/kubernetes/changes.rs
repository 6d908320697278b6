//! What differs between two forms of an object, field by field.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// `spec.template.spec.containers[shop].image`
    pub field: String,
    /// In the cluster; none where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// In the plan; none where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Fields that the server keeps for itself.
const OF_THE_SERVER: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

/// The fields in which `after` differs from `before`, what the server keeps for itself left out.
pub fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare("", Some(&cleaned(before)), Some(&cleaned(after)), &mut found);
    found
}

fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|name, _| !OF_THE_SERVER.contains(&name.as_str()));
    }
    object
}

/// The same of what `after` states alone: what `before` has beside it is no change.
pub fn compare_stated(field: &str, before: Option<&Value>, after: &Value, found: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(Value::Object(left)), Value::Object(right)) => {
            for (name, value) in right {
                compare_stated(&inner(field, name), left.get(name), value, found);
            }
        }
        (Some(Value::Array(left)), Value::Array(right)) if left.len() == right.len() => {
            let names = names_of(left).zip(names_of(right));
            for (at, value) in right.iter().enumerate() {
                match &names {
                    Some((known, wanted)) => {
                        let same = known.iter().position(|name| *name == wanted[at]);
                        let same = same.and_then(|same| left.get(same));
                        compare_stated(&format!("{field}[{}]", wanted[at]), same, value, found);
                    }
                    None => compare_stated(&format!("{field}[{at}]"), left.get(at), value, found),
                }
            }
        }
        _ if before == Some(after) => {}
        _ => found.push(change(field, before, Some(after))),
    }
}

/// `spec.template`, `labels[app.kubernetes.io/name]`
fn inner(field: &str, name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric());
    match (field.is_empty(), plain) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{field}.{name}"),
        (false, false) => format!("{field}[{name}]"),
    }
}

fn compare(field: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                compare(&inner(field, name), left.get(name), right.get(name), found);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => match (names_of(left), names_of(right)) {
            (Some(left_names), Some(right_names)) => {
                let all: BTreeSet<&str> = left_names.iter().chain(&right_names).copied().collect();
                for name in all {
                    let of = |values: &'_ [Value], names: &[&str]| -> Option<Value> {
                        Some(values.get(names.iter().position(|known| *known == name)?)?.clone())
                    };
                    let (left, right) = (of(left, &left_names), of(right, &right_names));
                    compare(&format!("{field}[{name}]"), left.as_ref(), right.as_ref(), found);
                }
            }
            _ if left.len() == right.len() => {
                for (at, (left, right)) in left.iter().zip(right).enumerate() {
                    compare(&format!("{field}[{at}]"), Some(left), Some(right), found);
                }
            }
            _ => found.push(change(field, before, after)),
        },
        _ => found.push(change(field, before, after)),
    }
}

/// The names of the elements of a list, where each has its own.
fn names_of(values: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = values.iter().map(|value| value["name"].as_str()).collect::<Option<_>>()?;
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    (distinct.len() == names.len()).then_some(names)
}

fn change(field: &str, before: Option<&Value>, after: Option<&Value>) -> FieldChange {
    // What somebody else put into a variable may be a secret; what the plan has is not.
    let hidden = field.contains(".env") && before.is_some();
    let from = if hidden { Some(Value::from(HIDDEN)) } else { before.map(without_variables) };
    FieldChange { field: field.to_owned(), from, to: after.cloned() }
}

/// `value` with no variable's content in it.
fn without_variables(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| {
                let value = if name == "env" { Value::from(HIDDEN) } else { without_variables(value) };
                (name.clone(), value)
            });
            Value::Object(kept.collect())
        }
        Value::Array(values) => values.iter().map(without_variables).collect(),
        other => other.clone(),
    }
}

/// In the place of what is not shown.
const HIDDEN: &str = "(not shown)";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(before: &Value, after: &Value) -> Vec<String> {
        let shown = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        changes(before, after)
            .iter()
            .map(|change| format!("{}: {} -> {}", change.field, shown(&change.from), shown(&change.to)))
            .collect()
    }

    #[test]
    fn fields_by_their_names_and_nothing_of_the_servers() {
        let before = json!({
            "metadata": {"name": "shop", "uid": "1", "generation": 3, "labels": {"app.kubernetes.io/name": "shop"}},
            "spec": {"replicas": 2, "containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]},
            "status": {"replicas": 2},
        });
        let after = json!({
            "metadata": {"name": "shop", "uid": "2", "generation": 4, "labels": {"app.kubernetes.io/name": "cart"}},
            "spec": {"replicas": 3, "containers": [{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"}]},
            "status": {"replicas": 3},
        });
        assert_eq!(
            text(&before, &after),
            [
                "metadata.labels[app.kubernetes.io/name]: \"shop\" -> \"cart\"",
                "spec.containers[b].image: \"b:1\" -> \"b:2\"",
                "spec.replicas: 2 -> 3",
            ]
        );
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn what_others_put_into_variables_is_not_shown() {
        let container = |env: Value| json!({"spec": {"containers": [{"name": "a", "env": env}]}});
        let before =
            container(json!([{"name": "TOKEN", "value": "s3cret"}, {"name": "OLD", "value": "s3cret"}]));
        let after = container(json!([{"name": "TOKEN", "value": "plain"}]));
        assert_eq!(
            text(&before, &after),
            [
                "spec.containers[a].env[OLD]: \"(not shown)\" -> -",
                "spec.containers[a].env[TOKEN].value: \"(not shown)\" -> \"plain\"",
            ]
        );
        let all = container(json!([]));
        assert!(!text(&before, &all).concat().contains("s3cret"));
        assert!(!text(&before, &json!({})).concat().contains("s3cret"));
    }

    #[test]
    fn lists_without_names_by_their_place() {
        let list = |values: Value| json!({"spec": {"args": values}});
        assert_eq!(
            text(&list(json!(["a", "b"])), &list(json!(["a", "c"]))),
            ["spec.args[1]: \"b\" -> \"c\""]
        );
        assert_eq!(
            text(&list(json!(["a"])), &list(json!(["a", "c"]))),
            ["spec.args: [\"a\"] -> [\"a\",\"c\"]"]
        );
        assert_eq!(text(&json!({}), &list(json!([]))), ["spec: - -> {\"args\":[]}"]);
    }
}

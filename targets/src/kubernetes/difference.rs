//! What applying a plan would change: every object against the server's own answer to a dry run.

use super::connection::{Application, Connection, Owned, Refusal};
use super::kinds::{CONFIG_MAP, Identity, KINDS, Kind, NAMESPACE};
use super::objects::{ADOPTED, MANAGED_BY, MANAGER};
use super::ownership::{Ownership, Parent, set_of};
use super::parallel::side_by_side;
use super::scaling::{COUNT, Scaling, is_left_behind};
use berth_compiler::plan::objects::ObjectEntry;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What differs between a plan and a cluster, in the order in which it is mended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// One an object: those of the plan in its order, then those that go.
    pub entries: Vec<Entry>,
    /// The fingerprint of the plan that was applied last.
    pub last_applied: Option<String>,
    /// Kinds that members may have, before this.
    pub known_kinds: BTreeSet<String>,
}

/// What becomes of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which.
    pub identity: Identity,
    /// The service it is for.
    pub service: Option<String>,
    /// What is done.
    pub step: Step,
    /// Its fields before and after.
    pub changes: Vec<FieldChange>,
    /// Replicas that stop by it, to come back or not.
    pub stops: u64,
    /// What is applied; none where it goes.
    pub manifest: Option<Value>,
    /// Of the object that is there.
    pub uid: Option<String>,
    /// Replicas that it begins with, or has, where an autoscaler is to say how many: the plan gives that up.
    pub count: Option<u64>,
    /// Fields that are taken over without being asked for, because whoever owns them has left them behind.
    pub left_behind: Vec<Owned>,
    /// Why it cannot be done as things are.
    pub hindrance: Option<Hindrance>,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Nothing.
    Keep,
    /// It is not there.
    Create,
    /// It is there and differs.
    Change,
    /// The plan has it no more.
    Delete,
    /// The plan has it no more, and has not made it: it stays as it is.
    Release,
}

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

/// Why something cannot be done as things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Others own fields that the plan decides.
    Conflict(Vec<Owned>),
    /// The object is there, and is another's: the set it is part of, if any.
    Foreign(Option<String>),
    /// Its data would go with it.
    Data,
    /// Somebody else's autoscaler, by its name, scales the same.
    Scaled(String),
    /// The server does not take it.
    Refused(String),
    /// The namespace is not there.
    NoNamespace,
    /// It is to be taken over, and is not there.
    Absent,
    /// It is to be taken over, and has no such container.
    NoContainer {
        /// The one that is wanted.
        wanted: String,
        /// Those that it has.
        known: Vec<String>,
    },
}

/// How far somebody is let go.
#[derive(Clone, Debug, Default)]
pub struct Permissions {
    /// Managers whose fields may be taken over.
    pub take_over: BTreeSet<String>,
    /// Names of objects whose data may go.
    pub delete_data: BTreeSet<String>,
}

/// What applying `objects` as `ownership` would change.
pub fn difference(
    connection: &Connection,
    ownership: &Ownership,
    objects: &[ObjectEntry],
    permissions: &Permissions,
) -> Result<Difference, Refusal> {
    let parent = connection.get(&CONFIG_MAP, &ownership.namespace, &ownership.name)?;
    let parent = parent.as_ref().map(Parent::read).unwrap_or_default();
    let has_namespace = connection.get(&NAMESPACE, "", &ownership.namespace)?.is_some();
    let mut members = members(connection, ownership, &parent)?;
    let scaling = Scaling::look(connection, ownership, objects)?;
    let listed: BTreeMap<&Identity, &Value> =
        members.iter().map(|(identity, object)| (identity, object)).collect();
    let of = |object: &ObjectEntry| {
        let Some(identity) = Identity::of(&object.manifest) else {
            return Err(Refusal::Object("the plan holds an object of a kind that is not written".into()));
        };
        let entry = if identity.kind.namespaced && !has_namespace {
            let hindrance = Some(Hindrance::NoNamespace);
            let manifest = Some(ownership.member(&object.manifest));
            Entry { step: Step::Create, manifest, hindrance, ..kept(identity) }
        } else {
            let live = listed.get(&identity).copied();
            of_object(connection, ownership, &object.manifest, &identity, live, (&scaling, permissions))?
        };
        Ok(Entry { service: object.service.clone(), ..entry })
    };
    let mut entries = side_by_side(objects, of, |_| ())?;
    let wanted: BTreeSet<&Identity> = entries.iter().map(|entry| &entry.identity).collect();
    members.retain(|(identity, _)| !wanted.contains(identity));
    entries.extend(deletions(members, permissions));
    keep_around_data(&mut entries);
    Ok(Difference { entries, last_applied: parent.fingerprint, known_kinds: parent.kinds })
}

/// What taking away everything that `ownership` has would change.
pub fn destruction(
    connection: &Connection,
    ownership: &Ownership,
    permissions: &Permissions,
) -> Result<Difference, Refusal> {
    let parent = connection.get(&CONFIG_MAP, &ownership.namespace, &ownership.name)?;
    let parent = parent.as_ref().map(Parent::read).unwrap_or_default();
    let mut entries = deletions(members(connection, ownership, &parent)?, permissions);
    keep_around_data(&mut entries);
    Ok(Difference { entries, last_applied: parent.fingerprint, known_kinds: parent.kinds })
}

impl Difference {
    /// Entries that change something.
    pub fn changing(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.step != Step::Keep)
    }

    /// Entries that cannot be done.
    pub fn hindered(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.hindrance.is_some())
    }
}

fn kept(identity: Identity) -> Entry {
    Entry {
        identity,
        service: None,
        step: Step::Keep,
        changes: Vec::new(),
        stops: 0,
        manifest: None,
        uid: None,
        count: None,
        left_behind: Vec::new(),
        hindrance: None,
    }
}

/// How often an object is looked at that changes while it is.
const LOOKS: u32 = 5;

/// What becomes of an object. `listed` is what the list of members has of it: then nothing has to be read. Where that has
/// nothing the dry run comes first, for what is new is seen by its answer.
fn of_object(
    connection: &Connection,
    ownership: &Ownership,
    manifest: &Value,
    identity: &Identity,
    listed: Option<&Value>,
    (scaling, permissions): (&Scaling, &Permissions),
) -> Result<Entry, Refusal> {
    let Identity { kind, namespace, name } = identity;
    let member = ownership.member(manifest);
    let begins = scaling.most(identity);
    if let Some(rival) = scaling.rival(manifest) {
        let hindrance = Some(Hindrance::Scaled(rival.to_owned()));
        return Ok(Entry { manifest: Some(member), hindrance, ..kept(identity.clone()) });
    }
    let mut live = listed.cloned();
    if live.is_none() {
        if !is_adopted(manifest) {
            match connection.apply(kind, &member, Application::DryRun, false) {
                Ok(after) if is_new(&after) => {
                    return Ok(Entry {
                        step: Step::Create,
                        manifest: Some(member),
                        count: begins,
                        ..kept(identity.clone())
                    });
                }
                Ok(_) | Err(Refusal::Conflict(_) | Refusal::Object(_)) => {}
                Err(other) => return Err(other),
            }
        }
        live = connection.get(kind, namespace, name)?;
    }
    let mut looks = 0;
    loop {
        let (entry, is_of_one_version) =
            look(connection, ownership, &member, identity, live.as_ref(), (begins, permissions))?;
        looks += 1;
        if is_of_one_version || looks == LOOKS {
            return Ok(entry);
        }
        live = connection.get(kind, namespace, name)?;
    }
}

/// What a dry run answers is of an object that is not there yet: the store has given it no version.
fn is_new(after: &Value) -> bool {
    after["metadata"]["resourceVersion"].as_str().is_none_or(str::is_empty)
}

/// What becomes of an object that is `live`, and whether that was read off one version of it: controllers write to objects
/// at any time, and what they write between the reading and the dry run is no change of the plan's.
fn look(
    connection: &Connection,
    ownership: &Ownership,
    member: &Value,
    identity: &Identity,
    live: Option<&Value>,
    (begins, permissions): (Option<u64>, &Permissions),
) -> Result<(Entry, bool), Refusal> {
    let kind = identity.kind;
    let uid = live.and_then(|live| live["metadata"]["uid"].as_str()).map(str::to_owned);
    let mut entry = Entry { manifest: Some(member.clone()), uid, ..kept(identity.clone()) };
    if let Some(hindrance) = hindrance(live, member, ownership) {
        return Ok((Entry { hindrance: Some(hindrance), ..entry }, true));
    }
    let mut applied = connection.apply(kind, member, Application::DryRun, false);
    if let Err(Refusal::Conflict(owned)) = &applied {
        let mut open = Vec::new();
        for owned in owned {
            if is_left_behind(connection, ownership, identity, owned)? {
                entry.left_behind.push(owned.clone());
            } else if !permissions.take_over.contains(&owned.manager) {
                open.push(owned.clone());
            }
        }
        // What would come of it is shown all the same, taken over or not.
        if !open.is_empty() {
            entry.hindrance = Some(Hindrance::Conflict(open));
        }
        applied = connection.apply(kind, member, Application::DryRun, true);
    }
    let after = match applied {
        Ok(after) => after,
        Err(Refusal::Object(because)) => {
            let step = if live.is_some() { Step::Change } else { Step::Create };
            return Ok((Entry { step, hindrance: Some(Hindrance::Refused(because)), ..entry }, true));
        }
        Err(other) => return Err(other),
    };
    let Some(live) = live else {
        // What came into being meanwhile is looked at again.
        return Ok((Entry { step: Step::Create, count: begins, ..entry }, is_new(&after)));
    };
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    entry.changes = changes(live, &after);
    if begins.is_some() {
        entry.count = live["spec"]["replicas"].as_u64();
        // It keeps them, as the plan gives them up to whoever says how many next.
        for change in entry.changes.iter_mut().filter(|change| change.field == COUNT) {
            change.to = None;
        }
    }
    if !entry.changes.is_empty() {
        entry.step = Step::Change;
        entry.stops = stopped(live, &entry.changes);
    }
    Ok((entry, version(live) == version(&after)))
}

/// Why an object that is there, or is not, cannot become what `manifest` says.
fn hindrance(live: Option<&Value>, manifest: &Value, ownership: &Ownership) -> Option<Hindrance> {
    let foreign = |live: &Value| Hindrance::Foreign(set_of(live).map(str::to_owned));
    let Some(live) = live else { return is_adopted(manifest).then_some(Hindrance::Absent) };
    if !is_adopted(manifest) {
        return (!is_ours(live, ownership)).then(|| foreign(live));
    }
    if set_of(live).is_some_and(|set| set != ownership.id()) {
        return Some(foreign(live));
    }
    let wanted = containers(manifest).next().unwrap_or_default();
    let known: Vec<String> = containers(live).map(str::to_owned).collect();
    let has = known.iter().any(|known| known == wanted);
    (!has).then(|| Hindrance::NoContainer { wanted: wanted.to_owned(), known })
}

/// The names of the containers of an object's pods.
fn containers(object: &Value) -> impl Iterator<Item = &str> {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    containers.into_iter().flatten().filter_map(|container| container["name"].as_str())
}

/// The plan has taken the object over and not made it.
fn is_adopted(object: &Value) -> bool {
    object["metadata"]["annotations"][ADOPTED].is_string()
}

/// The plan has made the object. What lacks the label that it puts on all that it makes is taken for somebody else's:
/// that is never deleted.
fn is_made(object: &Value) -> bool {
    !is_adopted(object) && object["metadata"]["labels"][MANAGED_BY] == MANAGER
}

/// The object is a member of this set. One that this program made before, as its fields say, and that lost its
/// label, is too.
fn is_ours(live: &Value, ownership: &Ownership) -> bool {
    match set_of(live) {
        Some(set) => set == ownership.id(),
        None => {
            let managers = live["metadata"]["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
            let is_own = |entry: &Value| entry["manager"] == MANAGER && entry["operation"] == "Apply";
            managers.iter().any(is_own)
        }
    }
}

/// Replicas that stop: all where their template changes, else those that are too many.
fn stopped(live: &Value, changes: &[FieldChange]) -> u64 {
    if changes.iter().any(|change| change.field.starts_with("spec.template")) {
        return running(live);
    }
    let counted = changes.iter().find(|change| change.field == "spec.replicas");
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64);
    match counted.map(|change| (number(&change.from), number(&change.to))) {
        Some((Some(from), Some(to))) => from.saturating_sub(to),
        _ => 0,
    }
}

fn running(live: &Value) -> u64 {
    live["status"]["replicas"].as_u64().unwrap_or(0)
}

/// Everything that carries the set's label, of the kinds that the parent names and of all that are written.
fn members(
    connection: &Connection,
    ownership: &Ownership,
    parent: &Parent,
) -> Result<Vec<(Identity, Value)>, Refusal> {
    let mut found = Vec::new();
    // Pods before what they need: the order of creation, from its end.
    for kind in KINDS.iter().rev() {
        if !parent.known().any(|known| known == kind) {
            continue;
        }
        for object in connection.list(kind, &ownership.namespace, &ownership.selector())? {
            // What is going already needs nobody.
            if let Some(identity) = Identity::of(&object)
                && object["metadata"]["deletionTimestamp"].is_null()
            {
                found.push((identity, object));
            }
        }
    }
    Ok(found)
}

/// What becomes of members that the plan has no more.
fn deletions(members: Vec<(Identity, Value)>, permissions: &Permissions) -> Vec<Entry> {
    // Pods of what is let go are still created of this priority.
    let needed: BTreeSet<String> = members
        .iter()
        .filter(|(_, object)| !is_made(object))
        .filter_map(|(_, object)| object["spec"]["template"]["spec"]["priorityClassName"].as_str())
        .map(str::to_owned)
        .collect();
    let entry = |member: (Identity, Value)| {
        let (identity, object) = &member;
        let class = identity.kind.name == "PriorityClass" && needed.contains(&identity.name);
        if !is_made(object) || class {
            let service = object["metadata"]["annotations"][ADOPTED].as_str().map(str::to_owned);
            Entry { step: Step::Release, service, ..kept(identity.clone()) }
        } else {
            deletion(member, permissions)
        }
    };
    members.into_iter().map(entry).collect()
}

fn deletion((identity, object): (Identity, Value), permissions: &Permissions) -> Entry {
    let Identity { kind, name, .. } = &identity;
    let guarded = guards_data(kind) && !permissions.delete_data.contains(name);
    Entry {
        step: Step::Delete,
        service: object["metadata"]["labels"][super::objects::NAME].as_str().map(str::to_owned),
        uid: object["metadata"]["uid"].as_str().map(str::to_owned),
        stops: running(&object),
        hindrance: guarded.then_some(Hindrance::Data),
        ..kept(identity)
    }
}

/// What stays for its data keeps what it runs with: the Service that names its replicas, its budget, its priority.
fn keep_around_data(entries: &mut [Entry]) {
    let guarded: BTreeSet<Option<String>> = entries
        .iter()
        .filter(|entry| entry.hindrance == Some(Hindrance::Data))
        .map(|entry| entry.service.clone())
        .collect();
    if guarded.is_empty() {
        return;
    }
    for entry in entries.iter_mut().filter(|entry| entry.step == Step::Delete && entry.hindrance.is_none()) {
        // What is of no service is of all.
        if entry.service.is_none() || guarded.contains(&entry.service) {
            (entry.step, entry.stops) = (Step::Keep, 0);
        }
    }
}

fn guards_data(kind: &Kind) -> bool {
    kind.guards_data
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

fn compare(field: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric());
                let inner = match (field.is_empty(), plain) {
                    (true, _) => name.clone(),
                    (false, true) => format!("{field}.{name}"),
                    (false, false) => format!("{field}[{name}]"),
                };
                compare(&inner, left.get(name), right.get(name), found);
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

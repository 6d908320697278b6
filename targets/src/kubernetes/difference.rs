//! What applying a plan would change: every object against the server's own answer to a dry run.

use super::begun::{begin_nothing_twice, changed, end_of, is_fixed, is_preference};
use super::changes::{FieldChange, changes};
use super::connection::{Application, Connection, Owned, Refusal};
use super::kinds::{CONFIG_MAP, Identity, KINDS, NAMESPACE};
use super::objects::{ADOPTED, MANAGED_BY, MANAGER, NAME};
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
    /// It is a job that was begun, and stays as it was begun with although the plan says something else now.
    pub is_outdated: bool,
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
    /// It is taken away and made anew: a job that may be.
    Replace,
    /// The plan has it no more.
    Delete,
    /// The plan has it no more, and has not made it: it stays as it is.
    Release,
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
    /// It is a job that is not done, and what it has done would be lost.
    Running,
    /// The cluster has no such kind.
    NoKind,
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
    /// Names of jobs, or of their objects, that were begun and may be taken away, to begin anew where the plan has them.
    pub end_job: BTreeSet<String>,
}

impl Permissions {
    /// An object of a job may be taken away, by its own name or by that of the job.
    pub fn may_end(&self, object: &str, job: Option<&str>) -> bool {
        self.end_job.contains(object) || job.is_some_and(|job| self.end_job.contains(job))
    }
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
    let jobs = members.iter().filter(|(identity, _)| identity.kind.ends);
    let classes: BTreeMap<Identity, Vec<String>> = jobs
        .map(|(identity, live)| (identity.clone(), priority_classes(live).map(str::to_owned).collect()))
        .collect();
    members.retain(|(identity, _)| !wanted.contains(identity));
    entries.extend(deletions(members, permissions));
    begin_nothing_twice(&mut entries, permissions);
    // What stays as it was begun is still made from what it needed then.
    let begun = entries.iter().filter(|entry| entry.is_outdated);
    let begun = begun.filter_map(|entry| classes.get(&entry.identity));
    let needed: BTreeSet<String> = begun.flatten().cloned().collect();
    entries.retain(|entry| entry.step != Step::Delete || !is_class(&entry.identity, &needed));
    keep_around_those_that_stay(&mut entries);
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
    keep_around_those_that_stay(&mut entries);
    Ok(Difference { entries, last_applied: parent.fingerprint, known_kinds: parent.kinds })
}

/// The service or job that an object is for, as its label says it.
pub fn label(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][NAME].as_str()
}

impl Entry {
    /// The service or job of an object that the plan makes or has made, as the object's label says it.
    pub fn label(&self) -> Option<&str> {
        match &self.manifest {
            Some(manifest) => label(manifest),
            None => self.service.as_deref(),
        }
    }

    /// It would be taken away, and is not: for its data, or because it is not done.
    pub fn stays_for_what_it_has(&self) -> bool {
        matches!(self.hindrance, Some(Hindrance::Data | Hindrance::Running))
    }
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
        is_outdated: false,
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
                Err(Refusal::Missing(_)) => {
                    let hindrance = Some(Hindrance::NoKind);
                    let manifest = Some(member);
                    return Ok(Entry { step: Step::Create, manifest, hindrance, ..kept(identity.clone()) });
                }
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
    if let Some(live) = live.filter(|_| kind.ends) {
        match changed(connection, identity, member, live) {
            Ok(changes) => {
                let (preferences, changes): (Vec<_>, Vec<_>) =
                    changes.into_iter().partition(|change| is_preference(&change.field));
                entry.changes = changes;
                let may = permissions.may_end(&identity.name, label(member));
                if may && (!entry.changes.is_empty() || end_of(live).is_some()) {
                    entry.step = Step::Replace;
                    entry.stops = running(live);
                    return Ok((entry, true));
                }
                entry.is_outdated = !entry.changes.is_empty();
                if entry.is_outdated || !preferences.is_empty() {
                    return Ok((entry, true));
                }
            }
            Err(Refusal::Object(because)) => {
                return Ok((Entry { hindrance: Some(Hindrance::Refused(because)), ..entry }, true));
            }
            Err(other) => return Err(other),
        }
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
        // What the plan says no more is seen here alone.
        Err(Refusal::Object(because)) if kind.ends && live.is_some() && because.contains("immutable") => {
            return Ok((Entry { is_outdated: true, ..entry }, true));
        }
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
    if kind.ends && entry.changes.iter().any(|change| is_fixed(&change.field)) {
        return Ok((Entry { is_outdated: true, ..entry }, version(live) == version(&after)));
    }
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
    let status = &live["status"];
    // A JobSet counts Jobs, one a copy.
    let sets = status["replicatedJobsStatus"].as_array().map_or(&[][..], Vec::as_slice);
    let of_sets: u64 = sets.iter().filter_map(|set| set["active"].as_u64()).sum();
    ["replicas", "active"].iter().filter_map(|field| status[*field].as_u64()).sum::<u64>() + of_sets
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
        let listed = match connection.list(kind, &ownership.namespace, &ownership.selector()) {
            // Whoever took the kind away has taken its objects away.
            Err(Refusal::Missing(_)) => Vec::new(),
            other => other?,
        };
        for object in listed {
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
        .flat_map(|(_, object)| priority_classes(object))
        .map(str::to_owned)
        .collect();
    let entry = |member: (Identity, Value)| {
        let (identity, object) = &member;
        if !is_made(object) || is_class(identity, &needed) {
            let service = object["metadata"]["annotations"][ADOPTED].as_str().map(str::to_owned);
            Entry { step: Step::Release, service, ..kept(identity.clone()) }
        } else {
            deletion(member, permissions)
        }
    };
    members.into_iter().map(entry).collect()
}

/// One of these classes of priority.
fn is_class(identity: &Identity, names: &BTreeSet<String>) -> bool {
    identity.kind.name == "PriorityClass" && names.contains(&identity.name)
}

/// The classes of priority that an object's pods have.
fn priority_classes(object: &Value) -> impl Iterator<Item = &str> {
    let set = object["spec"]["replicatedJobs"].as_array().into_iter().flatten();
    let templates = set.map(|job| &job["template"]["spec"]["template"]);
    let templates = templates.chain([&object["spec"]["template"]]);
    templates.filter_map(|template| template["spec"]["priorityClassName"].as_str())
}

fn deletion((identity, object): (Identity, Value), permissions: &Permissions) -> Entry {
    let Identity { kind, name, .. } = &identity;
    let hindrance = if kind.guards_data && !permissions.delete_data.contains(name) {
        Some(Hindrance::Data)
    } else if kind.ends && end_of(&object).is_none() && !permissions.may_end(name, label(&object)) {
        Some(Hindrance::Running)
    } else {
        None
    };
    Entry {
        step: Step::Delete,
        service: label(&object).map(str::to_owned),
        uid: object["metadata"]["uid"].as_str().map(str::to_owned),
        stops: running(&object),
        hindrance,
        ..kept(identity)
    }
}

/// What stays for its data, or because it is not done, keeps what it runs with: the Service that names its replicas, its
/// budget, its priority.
fn keep_around_those_that_stay(entries: &mut [Entry]) {
    let guarded: BTreeSet<Option<String>> = entries
        .iter()
        .filter(|entry| entry.stays_for_what_it_has())
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

//! Doing what a difference says. Every step can be done again: whatever request a run ended at, the next one finds
//! what is left to do and does it.

use super::connection::{Application, Connection, Owned, Refusal};
use super::difference::{Difference, Entry, Permissions, Step};
use super::handover::{hand_over, handovers};
use super::kinds::{AUTOSCALER, CONFIG_MAP, Identity};
use super::lock::{Denied, Lock};
use super::objects::{ADOPTED, CONTAINER, COUNT_MANAGER, MANAGER};
use super::ownership::{Ownership, PART_OF};
use super::parallel::side_by_side;
use super::readiness::{Progress, becomes_ready, progress};
use super::scaling::hand_over_count;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks at what is not ready.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// Looks at what was deleted, until it counts as stuck.
const LOOKS_UNTIL_GONE: u32 = 60;

/// How it is done.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How long workloads may take to be ready; none: they are not waited for.
    pub patience: Option<Duration>,
    /// How far it may go.
    pub permissions: Permissions,
}

/// What happens meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening<'a> {
    /// A step is done.
    Done(Step, &'a Identity),
    /// Workloads are waited for; those that are not ready.
    Waiting(&'a [Progress]),
}

/// Why it ended early. What was done is done, and the next run goes on from there.
#[derive(Debug)]
pub enum Stopped {
    /// A request failed while this was done to an object.
    At(Step, Identity, Refusal),
    /// A request failed that is about no object of the plan.
    Refusal(Refusal),
    /// Somebody else applies.
    Held(String),
    /// Workloads are not ready in time.
    NotReady(Vec<Progress>),
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<Denied> for Stopped {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Held { by } => Self::Held(by),
            Denied::Refusal(refusal) => Self::Refusal(refusal),
        }
    }
}

/// Makes the cluster what `difference` says. `objects` are all of the plan, those that stay included.
///
/// # Errors
/// Where a request is refused, somebody else applies, or workloads are not ready in time. Entries with a hindrance
/// are refused before anything is done.
pub fn apply(
    connection: &Connection,
    ownership: &Ownership,
    difference: &Difference,
    fingerprint: &str,
    manner: &Manner,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    let settled =
        difference.changing().next().is_none() && difference.last_applied.as_deref() == Some(fingerprint);
    // One that was killed after all was done has left its lock.
    if !settled || Lock::is_left_behind(connection, ownership)? {
        let mut lock = Lock::take(connection, ownership)?;
        let outcome = act(connection, ownership, difference, fingerprint, manner, &mut lock, tell);
        lock.release();
        outcome?;
    }
    let workloads = difference.entries.iter().filter(|entry| stays(entry));
    let workloads: Vec<&Identity> =
        workloads.map(|entry| &entry.identity).filter(|identity| becomes_ready(identity)).collect();
    match manner.patience {
        Some(patience) => until_ready(connection, ownership, &workloads, patience, tell),
        None => Ok(()),
    }
}

/// The object is of the plan.
pub(super) fn stays(entry: &Entry) -> bool {
    !matches!(entry.step, Step::Delete | Step::Release)
}

fn act(
    connection: &Connection,
    ownership: &Ownership,
    difference: &Difference,
    fingerprint: &str,
    manner: &Manner,
    lock: &mut Lock<'_>,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    // The parent is told of every kind before the first of it is there.
    let wanted: BTreeSet<String> = difference
        .entries
        .iter()
        .filter(|entry| stays(entry))
        .map(|entry| entry.identity.kind.group_kind())
        .collect();
    let both: BTreeSet<String> = difference.known_kinds.union(&wanted).cloned().collect();
    if both != difference.known_kinds || difference.last_applied.is_none() {
        let parent = ownership.parent(&both, difference.last_applied.as_deref());
        connection.apply(&CONFIG_MAP, &parent, Application::Done, true)?;
    }
    let (staying, going): (Vec<&Entry>, Vec<&Entry>) = difference.changing().partition(|entry| stays(entry));
    // What scales a workload would undo what is done to it.
    let (scaling, going): (Vec<&Entry>, Vec<&Entry>) =
        going.into_iter().partition(|entry| *entry.identity.kind == AUTOSCALER);
    perform(connection, &scaling, &manner.permissions, lock, tell)?;
    perform(connection, &staying, &manner.permissions, lock, tell)?;
    // Others may wait for the room of what simply goes.
    let handovers = handovers(difference);
    let (last, first): (Vec<&Entry>, Vec<&Entry>) = going.into_iter().partition(|entry| {
        entry.service.is_none() || handovers.iter().any(|handover| handover.going.contains(&&entry.identity))
    });
    perform(connection, &first, &manner.permissions, lock, tell)?;
    if let Some(patience) = manner.patience {
        hand_over(connection, ownership, handovers, patience, lock, tell)?;
    }
    perform(connection, &last, &manner.permissions, lock, tell)?;
    // And what it says of kinds and plan is true again at the end.
    let parent = ownership.parent(&wanted, Some(fingerprint));
    connection.apply(&CONFIG_MAP, &parent, Application::Done, true)?;
    Ok(())
}

/// Takes the steps of `entries`, under a lock that is renewed.
fn perform(
    connection: &Connection,
    entries: &[&Entry],
    permissions: &Permissions,
    lock: &mut Lock<'_>,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    // Whoever finds that it is due renews it, and nobody begins a step meanwhile.
    let lock = Mutex::new(lock);
    let take = |entry: &&Entry| {
        lock.lock().unwrap_or_else(PoisonError::into_inner).renew()?;
        step(connection, entry, permissions)
            .map_err(|refusal| Stopped::At(entry.step, entry.identity.clone(), refusal))
    };
    for turn in turns(entries) {
        let in_order = |lane: &Vec<&Entry>| lane.iter().try_for_each(take);
        side_by_side(&turn, in_order, |lane| {
            for entry in lane {
                tell(Happening::Done(entry.step, &entry.identity));
            }
        })?;
    }
    Ok(())
}

/// Entries in the turns they are taken in. Within a turn services do not wait for each other, and objects of one service go in
/// their order. What is of no service is there before those that need it, and goes after them.
fn turns<'a>(entries: &[&'a Entry]) -> Vec<Vec<Vec<&'a Entry>>> {
    let (stay, go): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| stays(entry));
    let lanes = |entries: Vec<&'a Entry>| {
        let mut services: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        let mut shared = Vec::new();
        for entry in entries {
            match entry.service.as_deref() {
                Some(service) => services.entry(service).or_default().push(entry),
                None => shared.push(vec![entry]),
            }
        }
        (shared, services.into_values().collect())
    };
    let ((needed, staying), (shared, going)) = (lanes(stay), lanes(go));
    vec![needed, staying, going, shared]
}

fn step(connection: &Connection, entry: &Entry, permissions: &Permissions) -> Result<(), Refusal> {
    let Identity { kind, namespace, name } = &entry.identity;
    match (&entry.manifest, entry.step) {
        (_, Step::Delete) => {
            connection.delete(kind, namespace, name, entry.uid.as_deref().unwrap_or_default())
        }
        (_, Step::Release) => release(connection, &entry.identity),
        (Some(manifest), Step::Replace) => {
            connection.delete(kind, namespace, name, entry.uid.as_deref().unwrap_or_default())?;
            until_gone(connection, entry)?;
            apply_object(connection, entry, manifest, permissions)
        }
        (Some(manifest), step) => {
            if let Some(count) = entry.count {
                if step == Step::Create {
                    // Whoever goes on from here finds a number that the plan is to give up.
                    let mut begun = manifest.clone();
                    begun["spec"]["replicas"] = json!(count);
                    apply_object(connection, entry, &begun, permissions)?;
                }
                hand_over_count(connection, &entry.identity, count)?;
            }
            apply_object(connection, entry, manifest, permissions)
        }
        (None, _) => Ok(()),
    }
}

/// Waits until an object is not there any more that was deleted: what is applied to it while it goes would go with it.
fn until_gone(connection: &Connection, entry: &Entry) -> Result<(), Refusal> {
    let Identity { kind, namespace, name } = &entry.identity;
    for _ in 0..LOOKS_UNTIL_GONE {
        let live = connection.get(kind, namespace, name)?;
        if live.is_none_or(|live| live["metadata"]["uid"].as_str() != entry.uid.as_deref()) {
            return Ok(());
        }
        connection.pause(LOOK);
    }
    Err(Refusal::Raced(format!("{} is deleted and does not go, as its finalizers ask", entry.identity)))
}

/// Applies `manifest`, and takes over what may be.
fn apply_object(
    connection: &Connection,
    entry: &Entry,
    manifest: &Value,
    permissions: &Permissions,
) -> Result<(), Refusal> {
    let may =
        |owned: &Owned| permissions.take_over.contains(&owned.manager) || entry.left_behind.contains(owned);
    match connection.apply(entry.identity.kind, manifest, Application::Done, false) {
        Err(Refusal::Conflict(owned)) if owned.iter().all(may) => {
            connection.apply(entry.identity.kind, manifest, Application::Done, true).map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

/// Lets an object go: it loses what marks it as a member and whose its fields are, and nothing else. So nothing
/// that runs is touched, and the next who applies it finds no conflict.
fn release(connection: &Connection, identity: &Identity) -> Result<(), Refusal> {
    let Identity { kind, namespace, name } = identity;
    // Each turn somebody else was faster.
    for _ in 0..5 {
        let Some(live) = connection.get(kind, namespace, name)? else { return Ok(()) };
        match connection.merge(kind, namespace, name, &letting_go(&live)) {
            Err(Refusal::Raced(_)) => {}
            Err(Refusal::Missing(_)) => return Ok(()),
            other => return other.map(|_| ()),
        }
    }
    Err(Refusal::Raced(format!("{identity} is changed all the time")))
}

/// What to merge into an object to let it go, as it is in this version.
fn letting_go(live: &Value) -> Value {
    let metadata = &live["metadata"];
    let managed = metadata["managedFields"].as_array().map_or(&[][..], Vec::as_slice);
    let is_ours = |entry: &Value| entry["manager"] == MANAGER || entry["manager"] == COUNT_MANAGER;
    let others: Vec<&Value> = managed.iter().filter(|entry| !is_ours(entry)).collect();
    // The API takes an empty list for no statement; an empty entry says that nobody owns anything.
    let managed = if others.is_empty() { json!([{}]) } else { json!(others) };
    json!({"metadata": {
        "resourceVersion": metadata["resourceVersion"],
        "labels": {PART_OF: null},
        "annotations": {ADOPTED: null, CONTAINER: null},
        "managedFields": managed,
    }})
}

/// Takes everything away that `ownership` has, and its parent last.
pub fn destroy(
    connection: &Connection,
    ownership: &Ownership,
    difference: &Difference,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    let mut lock = Lock::take(connection, ownership)?;
    let going: Vec<&Entry> = difference.changing().filter(|entry| entry.hindrance.is_none()).collect();
    let mut outcome = perform(connection, &going, &Permissions::default(), &mut lock, tell);
    let keeps = difference.entries.iter().any(Entry::stays_for_what_it_has);
    if outcome.is_ok() && !keeps {
        outcome = forget(connection, ownership).map_err(Stopped::from);
    }
    lock.release();
    outcome
}

/// Deletes the parent: nothing belongs to it any more.
fn forget(connection: &Connection, ownership: &Ownership) -> Result<(), Refusal> {
    let Ownership { namespace, name, .. } = ownership;
    if let Some(parent) = connection.get(&CONFIG_MAP, namespace, name)? {
        let uid = parent["metadata"]["uid"].as_str().unwrap_or_default();
        connection.delete(&CONFIG_MAP, namespace, name, uid)?;
    }
    Ok(())
}

fn until_ready(
    connection: &Connection,
    ownership: &Ownership,
    workloads: &[&Identity],
    patience: Duration,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    let started = Instant::now();
    let mut open: Vec<&Identity> = workloads.to_vec();
    loop {
        let late = started.elapsed() >= patience;
        let mut states = progress(connection, ownership, &open, late)?;
        let mut done = states.iter().map(|state| state.done);
        open.retain(|_| !done.next().unwrap_or(false));
        states.retain(|state| !state.done);
        if states.is_empty() {
            return Ok(());
        }
        // What has failed becomes nothing else by waiting.
        if late || states.iter().all(|state| state.has_failed) {
            return Err(Stopped::NotReady(states));
        }
        tell(Happening::Waiting(&states));
        connection.pause(LOOK);
    }
}

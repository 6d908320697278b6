//! Workloads that go while others of their service stay or come. Their replicas go as fast as those of the others become
//! ready, so that of what the plan counts on no more than one is missing at any time; and the room of each is free for
//! the next.

use super::application::{Happening, LOOK, Stopped, stays};
use super::connection::{Connection, Refusal};
use super::difference::{Difference, Step};
use super::kinds::Identity;
use super::lock::Lock;
use super::ownership::Ownership;
use super::readiness::progress;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One service.
#[derive(Debug, PartialEq)]
pub struct Handover<'a> {
    /// Its workloads that the plan has no more.
    pub going: Vec<&'a Identity>,
    /// Those that it has.
    pub staying: Vec<&'a Identity>,
}

/// Takes the replicas of workloads that go, until none of them is needed.
///
/// # Errors
/// Where a request is refused, the lock is lost, or the others are not ready in time.
pub fn hand_over(
    connection: &Connection,
    ownership: &Ownership,
    mut open: Vec<Handover<'_>>,
    patience: Duration,
    lock: &mut Lock<'_>,
    tell: &mut dyn FnMut(Happening<'_>),
) -> Result<(), Stopped> {
    let started = Instant::now();
    loop {
        let late = started.elapsed() >= patience;
        let mut waiting = Vec::new();
        let mut still = Vec::new();
        for handover in open {
            lock.renew()?;
            let states = progress(connection, ownership, &handover.staying, late)?;
            let [wanted, ready] = [
                states.iter().map(|state| state.wanted).sum::<u64>(),
                states.iter().map(|state| state.ready).sum(),
            ];
            if !handover.shrink(connection, needed(wanted, ready))? {
                waiting.extend(states.into_iter().filter(|state| !state.done));
                still.push(handover);
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        if late {
            return Err(Stopped::NotReady(waiting));
        }
        tell(Happening::Waiting(&waiting));
        open = still;
        connection.pause(LOOK);
    }
}

/// How many replicas of those that go are still needed: all that others lack, but for the one that may be missing.
fn needed(wanted: u64, ready: u64) -> u64 {
    wanted.saturating_sub(ready).saturating_sub(1)
}

/// By service: what goes and has pods, where something with pods stays.
pub fn handovers(difference: &Difference) -> Vec<Handover<'_>> {
    let mut services: BTreeMap<&str, Handover<'_>> = BTreeMap::new();
    let with_pods =
        difference.entries.iter().filter(|entry| entry.identity.kind.has_pods() && !entry.identity.kind.ends);
    for entry in with_pods.filter(|entry| entry.hindrance.is_none()) {
        let Some(service) = entry.label() else { continue };
        let nothing = || Handover { going: Vec::new(), staying: Vec::new() };
        let handover = services.entry(service).or_insert_with(nothing);
        if stays(entry) {
            handover.staying.push(&entry.identity);
        } else if entry.step == Step::Delete {
            handover.going.push(&entry.identity);
        }
    }
    let both = |handover: &Handover<'_>| !handover.going.is_empty() && !handover.staying.is_empty();
    services.into_values().filter(both).collect()
}

impl Handover<'_> {
    /// Leaves `needed` replicas of what goes; whether none is left.
    fn shrink(&self, connection: &Connection, mut needed: u64) -> Result<bool, Refusal> {
        let mut is_over = true;
        for Identity { kind, namespace, name } in &self.going {
            let Some(live) = connection.get(kind, namespace, name)? else { continue };
            let has = live["spec"]["replicas"].as_u64().unwrap_or(1);
            let keeps = has.min(needed);
            needed -= keeps;
            is_over &= keeps == 0;
            if keeps < has {
                match connection.merge(kind, namespace, name, &scaled(&live, keeps)) {
                    // The next look finds what somebody else made of it.
                    Err(Refusal::Raced(_)) => is_over = false,
                    Err(Refusal::Missing(_)) => {}
                    other => _ = other?,
                }
            }
        }
        Ok(is_over)
    }
}

/// What to merge into a workload, as it is in this version, to leave it so many replicas.
fn scaled(live: &Value, replicas: u64) -> Value {
    json!({
        "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
        "spec": {"replicas": replicas},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_may_be_missing_and_no_more() {
        assert_eq!(needed(5, 5), 0);
        assert_eq!(needed(5, 4), 0);
        assert_eq!(needed(5, 3), 1);
        assert_eq!(needed(5, 0), 4);
        assert_eq!(needed(0, 0), 0);
        // A workload that shrinks has more than it wants.
        assert_eq!(needed(2, 3), 0);
    }
}

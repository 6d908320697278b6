//! What runs where, as somebody has seen it: the state file, format `berth.state/1`.
//!
//! It speaks of services and nodes by the names that a target gives them, so that any plan file that describes the same
//! machines can be planned from it. Unknown fields are ignored, another major version is refused.

use crate::problem::Running;
use crate::targeting::Names;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format this program writes.
pub const FORMAT: &str = "berth.state/1";

/// A state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT`].
    pub format: String,
    /// The program that wrote it.
    pub berth_version: String,
    /// What plans have placed and runs, in order.
    pub running: Vec<RunningEntry>,
}

/// Replicas of one service on one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunningEntry {
    /// Whose they are: what a target knows all objects of one plan by.
    pub owner: String,
    /// The service, as the target calls it.
    pub service: String,
    /// The node, as the target calls it.
    pub node: String,
    /// How many; 0 says nothing.
    pub replicas: u64,
}

/// Why a file is not a state this program reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or fields are missing.
    #[error("this is not a state file: {0}")]
    NotAState(String),
    /// Written by another major version.
    #[error("the state is of format `{0}`; this program reads `{FORMAT}`")]
    OtherFormat(String),
}

impl State {
    /// What `running` says, in order, each service on each node once.
    pub fn new(running: impl IntoIterator<Item = RunningEntry>) -> Self {
        let mut counts: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for RunningEntry { owner, service, node, replicas } in running {
            let count = counts.entry((owner, service, node)).or_default();
            *count = count.saturating_add(replicas);
        }
        let entry = |((owner, service, node), replicas)| RunningEntry { owner, service, node, replicas };
        Self {
            format: FORMAT.into(),
            berth_version: env!("CARGO_PKG_VERSION").into(),
            running: counts.into_iter().map(entry).filter(|entry| entry.replicas > 0).collect(),
        }
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a state file.
    ///
    /// # Errors
    /// Where it is none, or of another major version.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let refused = |error: serde_json::Error| Unreadable::NotAState(error.to_string());
        let Format { format } = serde_json::from_str(text).map_err(refused)?;
        if format != FORMAT {
            return Err(Unreadable::OtherFormat(format));
        }
        let State { running, .. } = serde_json::from_str(text).map_err(refused)?;
        Ok(Self::new(running))
    }
}

/// What a plan was made from beside its files: the part of a state that is its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Where it was seen: the path of a state file, or `live`.
    pub from: String,
    /// What runs, in order.
    pub running: Vec<RunningEntry>,
}

impl Observed {
    /// Of `state`, what `names` says is the plan's own.
    pub fn own(from: &str, state: &State, names: &Names) -> Self {
        let running = state.running.iter().filter(|entry| entry.owner == names.owner).cloned().collect();
        Self { from: from.to_owned(), running }
    }
}

/// What is observed, in terms of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// As it was observed.
    pub observed: Observed,
    /// By entry: the service and the node, by index; none where the program has none of that name.
    pub meant: Vec<(Option<usize>, Option<usize>)>,
}

impl Resolved {
    /// `observed`, by the names that a target gives.
    pub fn of(observed: Observed, names: &Names) -> Self {
        let by_name = |names: &[Vec<String>]| -> BTreeMap<String, usize> {
            let all = names.iter().enumerate();
            all.flat_map(|(index, names)| names.iter().map(move |name| (name.clone(), index))).collect()
        };
        let (services, nodes) = (by_name(&names.services), by_name(&names.nodes));
        let meant = observed
            .running
            .iter()
            .map(|entry| (services.get(&entry.service).copied(), nodes.get(&entry.node).copied()));
        let meant = meant.collect();
        Self { observed, meant }
    }

    /// As a problem over the program's services and nodes takes it.
    pub fn running(&self) -> Vec<Running> {
        let mut counts: BTreeMap<(usize, Option<usize>), u64> = BTreeMap::new();
        for (entry, (service, node)) in self.observed.running.iter().zip(&self.meant) {
            if let Some(service) = service {
                let count = counts.entry((*service, *node)).or_default();
                *count = count.saturating_add(entry.replicas);
            }
        }
        let running = |((item, machine), copies)| Running { item, machine, copies };
        counts.into_iter().map(running).collect()
    }
}

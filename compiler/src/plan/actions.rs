//! What becomes of what runs: replicas that are created, that move and that are deleted.

use super::autoscaling::Autoscaling;
use super::written::World;
use crate::problem::Solution;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Replicas of one service that one thing happens to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What happens.
    pub action: Kind,
    /// Its address; where the plan file has no such service, as the target calls it.
    pub service: String,
    /// How many.
    pub count: u64,
    /// The node that they leave: its address; where the plan file has no such node, as the target calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The node that they come to, by its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why, where it does not follow from a better objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What happens to a replica; what ends is stated first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It ends.
    Delete,
    /// It ends on one node and starts on another.
    Move,
    /// It starts where none runs now.
    Create,
}

/// Nodes by name with how many replicas, and why, where there is a reason.
type Counts = Vec<(String, u64, Option<String>)>;

/// From what is observed to `solution`: service by service as the program has them, then those that it does not have.
/// None where nothing was observed. How many replicas of an elastic service run within its bounds is no action of the
/// plan's: those that its autoscaler may ask for do not come with it.
pub fn actions(world: World<'_>, solution: &Solution, autoscaling: &[Autoscaling]) -> Option<Vec<Action>> {
    let resolved = world.observed?;
    let mut planned: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for assignment in &solution.assignments {
        *planned.entry((assignment.item, assignment.machine)).or_default() += assignment.copies;
    }
    let mut actions = Vec::new();
    for (item, service) in world.program.services.iter().enumerate() {
        let wanted: BTreeMap<usize, u64> =
            planned.range((item, 0)..=(item, usize::MAX)).map(|((_, on), count)| (*on, *count)).collect();
        let mut unserved = wanted.clone();
        let mut leaving: Counts = Vec::new();
        let mut runs = 0;
        for (entry, (of, on)) in resolved.observed.running.iter().zip(&resolved.meant) {
            if *of != Some(item) {
                continue;
            }
            runs += entry.replicas;
            let stays = on.and_then(|on| unserved.get_mut(&on)).map_or(0, |wanted| {
                let stays = entry.replicas.min(*wanted);
                *wanted -= stays;
                stays
            });
            if entry.replicas > stays {
                let name = on.map_or_else(|| entry.node.clone(), |on| world.program.nodes[on].name.clone());
                let gone = match on {
                    None => Some(format!("`{}` is no node of the plan file", entry.node)),
                    Some(on) if world.program.drained.contains(on) => Some(format!("`{name}` is emptied")),
                    Some(_) => None,
                };
                leaving.push((name, entry.replicas - stays, gone));
            }
        }
        let wanted: u64 = wanted.values().sum();
        let leave: u64 = leaving.iter().map(|(_, count, _)| count).sum();
        let mut come = unserved.values().sum::<u64>();
        if service.is_elastic() && runs > 0 {
            let least =
                autoscaling.iter().filter(|entry| entry.service == service.name).map(|entry| entry.min);
            come = come.min(leave.max((leave + least.sum::<u64>()).saturating_sub(runs)));
        }
        let mut coming: Counts = Vec::new();
        for (on, count) in unserved.into_iter().filter(|(_, count)| *count > 0) {
            let count = count.min(come);
            come -= count;
            if count > 0 {
                coming.push((world.program.nodes[on].name.clone(), count, None));
            }
        }
        let counts = format!("{wanted} planned, {runs} running");
        actions.extend(of_service(&service.name, leaving, coming, &counts));
    }
    for (entry, (of, on)) in resolved.observed.running.iter().zip(&resolved.meant) {
        if of.is_none() {
            let name = on.map_or_else(|| entry.node.clone(), |on| world.program.nodes[on].name.clone());
            let because = "the plan file has no such service".to_owned();
            actions.extend(of_service(
                &entry.service,
                vec![(name, entry.replicas, None)],
                Vec::new(),
                &because,
            ));
        }
    }
    actions.sort_by_key(|action| action.action);
    Some(actions)
}

/// What leaves is matched with what comes, in order; `counts` says why something is left over.
fn of_service(service: &str, leaving: Counts, coming: Counts, counts: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut coming = coming.into_iter();
    let mut place = coming.next();
    for (from, mut count, gone) in leaving {
        while count > 0 {
            let action = Action {
                action: Kind::Delete,
                service: service.to_owned(),
                count,
                from: Some(from.clone()),
                to: None,
                because: gone.clone().or_else(|| Some(counts.to_owned())),
            };
            let Some((to, room, _)) = &mut place else {
                actions.push(action);
                break;
            };
            let moved = count.min(*room);
            let to = Some(to.clone());
            actions.push(Action { action: Kind::Move, count: moved, to, because: gone.clone(), ..action });
            count -= moved;
            *room -= moved;
            if *room == 0 {
                place = coming.next();
            }
        }
    }
    for (to, count, _) in place.into_iter().chain(coming) {
        actions.push(Action {
            action: Kind::Create,
            service: service.to_owned(),
            count,
            from: None,
            to: Some(to),
            because: Some(counts.to_owned()),
        });
    }
    actions
}

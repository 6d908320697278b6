//! Nodes that one replica takes together.
//!
//! A replica of `k` nodes takes each of them whole, so that no two of its parts are on one. It stands in one rack where
//! some rack has that many of them, else in one row, else in one site: nodes that are close are joined by few switches,
//! and what a node states of its network is taken to be there between any two of them. Where no place has
//! as many, nodes outside every site stand together; all others hold none.

use super::{Candidate, DeviceClass, Refusal, ServiceCandidates};
use crate::assembly::{requirements, wishes};
use crate::performance::hardware::Network;
use berth_language::model::{
    Compare, Condition, Node, PlaceKind, Program, Requirement, Service, Subject, Wish,
};
use num_traits::{Signed, ToPrimitive};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that replicas take together where no line says how many.
pub(super) const NODES: [u64; 4] = [1, 2, 4, 8];

/// Nodes of a class that a replica takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// How many.
    pub nodes: u64,
    /// Devices of each; of one node alone, the most that one has.
    pub devices: u64,
}

/// The groups of so many nodes that some place has, of each size of node, the smallest first.
pub(super) fn groups(program: &Program, class: &DeviceClass, nodes: &[u64]) -> Vec<Group> {
    let mut groups = Vec::new();
    for devices in sizes(program, class) {
        for &nodes in nodes.iter().filter(|nodes| **nodes > 1) {
            let places = places(program, class, devices, nodes);
            if places.iter().any(|place| place.len() as u64 >= nodes) {
                groups.push(Group { nodes, devices });
            }
        }
    }
    groups
}

/// What joins the nodes of a class, of each size of which all state it.
pub(super) fn networks(program: &Program, class: &DeviceClass) -> Vec<Network> {
    let of = |devices| Some(Network { devices, bandwidth: bandwidth(program, class, devices)? });
    sizes(program, class).into_iter().filter_map(of).collect()
}

/// Devices that nodes of a class have, each number once.
fn sizes(program: &Program, class: &DeviceClass) -> BTreeSet<u64> {
    of_class(program, class).map(|(_, node)| devices(node)).collect()
}

fn of_class<'a>(program: &'a Program, class: &'a DeviceClass) -> impl Iterator<Item = (usize, &'a Node)> {
    program.nodes.iter().enumerate().filter(|(_, node)| {
        node.devices.as_ref().is_some_and(|devices| devices.value.0 == class.device)
            && node.fabric.as_ref().map(|fabric| &fabric.value) == class.fabric.as_ref()
    })
}

fn devices(node: &Node) -> u64 {
    node.devices.as_ref().map_or(0, |devices| u64::from(devices.value.1))
}

/// Bytes a second of one device, the least over all nodes of a size; none where one of them states no network.
fn bandwidth(program: &Program, class: &DeviceClass, size: u64) -> Option<f64> {
    let own = of_class(program, class).filter(|(_, node)| devices(node) == size);
    let parts = own.map(|(_, node)| Some(node.network.as_ref()?.value.value.to_f64()? / size.max(1) as f64));
    let parts: Option<Vec<f64>> = parts.collect();
    parts?.into_iter().reduce(f64::min).filter(|bandwidth| *bandwidth > 0.0)
}

/// The nodes of each place that a replica of `nodes` nodes with `devices` devices each may stand in.
pub(crate) fn places(program: &Program, class: &DeviceClass, size: u64, nodes: u64) -> Vec<Vec<usize>> {
    let own: Vec<usize> =
        of_class(program, class).filter(|(_, node)| devices(node) == size).map(|(index, _)| index).collect();
    for level in PlaceKind::ALL.into_iter().filter(|level| *level != PlaceKind::Node) {
        let mut held: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &node in &own {
            if let Some(place) = program.place_of(node, level) {
                held.entry(place).or_default().push(node);
            }
        }
        if held.values().any(|held| held.len() as u64 >= nodes) {
            return held.into_values().collect();
        }
    }
    // Sites are not known to be joined.
    let without_site = own.into_iter().filter(|node| program.place_of(*node, PlaceKind::Site).is_none());
    vec![without_site.collect()]
}

impl Candidate {
    /// Nodes that it takes.
    pub fn nodes(&self) -> u64 {
        self.layout.as_ref().map_or(1, |layout| layout.nodes)
    }
}

/// What may stand against leaving candidates out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weighed {
    /// A line may ask for few replicas.
    pub replicas: bool,
    /// A line may prefer one layout to another.
    pub layouts: bool,
}

impl Weighed {
    /// What lines may ask of a service beside what its replicas carry.
    pub fn of(program: &Program, index: usize, service: &Service) -> Self {
        fn add(condition: &Condition, service: usize, weighed: &mut Weighed) {
            match condition {
                Condition::Compare { terms, compare, .. } => {
                    let own = terms.iter().filter(|term| term.subject.service() == Some(service));
                    for term in own {
                        let for_more = matches!(compare, Compare::AtLeast | Compare::Above);
                        match term.subject {
                            Subject::Latency { .. } | Subject::MemoryFree { .. } => {}
                            Subject::Figure { .. } => weighed.layouts = true,
                            _ => weighed.replicas |= !for_more || !term.coefficient.is_positive(),
                        }
                    }
                }
                Condition::Not(inner) => add(inner, service, weighed),
                Condition::All(parts) | Condition::Any(parts) => {
                    parts.iter().for_each(|part| add(part, service, weighed));
                }
                Condition::Placed { .. } => {}
                Condition::Listed { .. } | Condition::Chosen { .. } | Condition::NotYet { .. } => {
                    *weighed = Weighed { replicas: true, layouts: true };
                }
            }
        }
        let limited = service.replicas.iter().any(|line| line.high.is_some());
        let mut weighed = Weighed { replicas: limited, layouts: false };
        let required = requirements(program).filter_map(Requirement::judged);
        let wished = wishes(program).filter_map(Wish::judged);
        required.chain(wished).for_each(|condition| add(condition, index, &mut weighed));
        weighed
    }
}

/// Makes refusals of the candidates of several nodes that no plan needs: another of as many carries no less whenever
/// promises are kept, or as many replicas as it takes nodes, one on each, do.
pub(super) fn refuse_outdone(found: &mut ServiceCandidates, weighed: Weighed) {
    let candidates = std::mem::take(&mut found.candidates);
    let carries = |one: &Candidate, times: u64, other: &Candidate| {
        let mut rates = one.capacities.iter().zip(&other.capacities);
        rates.all(|(one, other)| times as f64 * one.rate >= other.rate)
    };
    let better = |at: usize, candidate: &Candidate| {
        let alike = candidates
            .iter()
            .enumerate()
            .filter(|(_, one)| (&one.classes, one.devices) == (&candidate.classes, candidate.devices));
        let outdoes = |(other, one): &(usize, &Candidate)| {
            // Of equals the first is kept.
            let is_before = *other < at || !carries(candidate, 1, one);
            let as_many = one.nodes() == candidate.nodes() && *other != at && is_before && !weighed.layouts;
            let alone = one.nodes() == 1 && !weighed.replicas;
            (as_many && carries(one, 1, candidate)) || (alone && carries(one, candidate.nodes(), candidate))
        };
        let nodes = candidate.nodes();
        let mut better = alike.into_iter().filter(|_| nodes > 1).filter(outdoes).map(|(_, one)| one);
        let better = better.next()?;
        let layout = better.layout.as_ref()?;
        Some(match better.nodes() == nodes {
            true => format!("carries no more than {} on as many nodes", layout.degrees),
            false => format!("carries no more than {nodes} replicas of {}", layout.degrees),
        })
    };
    let outdone: Vec<Option<String>> =
        candidates.iter().enumerate().map(|(at, candidate)| better(at, candidate)).collect();
    for (candidate, outdone) in candidates.into_iter().zip(outdone) {
        match outdone.zip(candidate.layout) {
            Some((because, layout)) => found.refusals.push(Refusal { layout, because, origins: Vec::new() }),
            None => found.candidates.push(candidate),
        }
    }
}

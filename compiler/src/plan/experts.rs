//! Where the experts of services stand: the entries of the plan file.

use super::written::{World, plan_layout};
use super::{CertificateEntry, Layout};
use crate::experts::{PlacedExperts, PlacedLayer};
use crate::problem::{Assignment, Certificate};
use crate::recheck::Values;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use serde::{Deserialize, Serialize};

/// Where the experts of a service stand, in each replica of one layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpertsEntry {
    /// The service's address.
    pub service: String,
    /// Which of its replicas.
    pub layout: Layout,
    /// Groups of devices: as many as `layout.expert`.
    pub groups: u64,
    /// Copies of experts on each of them, in each layer.
    pub slots: u64,
    /// The mean load of a group over that of the fullest: the least of all layers.
    pub balancedness: f64,
    /// The mean of the layers'.
    pub mean_balancedness: f64,
    /// By layer with experts; a single one where all layers are alike.
    pub layers: Vec<ExpertLayer>,
}

/// The copies of one layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpertLayer {
    /// Which expert each slot holds: the first `slots` are those of group 0, then those of group 1. What engines call
    /// the map from physical to logical experts.
    pub experts: Vec<usize>,
    /// The mean load of a group over that of the fullest.
    pub balancedness: f64,
    /// No placement of as many copies has more.
    pub bound: f64,
    /// `(bound - balancedness) / bound`: by what part of itself the fullest group's load could be less, at most.
    pub gap: f64,
    /// Why the bound holds.
    pub certificate: CertificateEntry,
}

/// The experts of every layout in use.
pub fn expert_entries(world: World<'_>, values: &Values) -> Vec<ExpertsEntry> {
    let mut entries = Vec::new();
    for (item, own) in world.candidates.services.iter().enumerate() {
        let copies = values.copies.get(item).into_iter().flatten();
        for (candidate, _) in own.candidates.iter().zip(copies).filter(|(_, copies)| **copies > 0) {
            let (Some(layout), Some(placed)) = (&candidate.layout, &candidate.experts) else { continue };
            let service = world.packing.items[item].name.clone();
            entries.push(entry(service, plan_layout(world.candidates, layout), placed));
        }
    }
    entries
}

fn entry(service: String, layout: Layout, placed: &PlacedExperts) -> ExpertsEntry {
    ExpertsEntry {
        service,
        layout,
        groups: placed.groups,
        slots: placed.slots,
        balancedness: placed.least(),
        mean_balancedness: placed.mean(),
        layers: placed.layers.iter().map(layer).collect(),
    }
}

fn layer(placed: &PlacedLayer) -> ExpertLayer {
    let mut slots: Vec<(usize, usize)> =
        placed.solution.assignments.iter().map(|copy| (copy.machine, copy.item)).collect();
    slots.sort_unstable();
    let counts = placed.solution.levels.first().map(|level| &level.certificate);
    let certificate = match counts {
        Some(Certificate::Copies { counts }) => CertificateEntry::copies(counts),
        _ => CertificateEntry::Trivial,
    };
    ExpertLayer {
        experts: slots.into_iter().map(|(_, expert)| expert).collect(),
        balancedness: placed.balancedness(),
        bound: of_mean(placed, &placed.balanced.bound),
        gap: gap(&placed.balanced.fullest, &placed.balanced.bound),
        certificate,
    }
}

/// The mean load of a group over `load`; 1 where nothing is asked for.
pub fn of_mean(placed: &PlacedLayer, load: &BigRational) -> f64 {
    if load.is_zero() {
        return 1.0;
    }
    (placed.mean() / load).to_f64().unwrap_or(0.0)
}

fn gap(fullest: &BigRational, bound: &BigRational) -> f64 {
    if fullest.is_zero() {
        return 0.0;
    }
    ((fullest - bound) / fullest).to_f64().unwrap_or(1.0)
}

impl ExpertLayer {
    /// The copies that its slots hold, so many in each group; in order of expert and group.
    pub fn assignments(&self, slots: usize) -> Vec<Assignment> {
        let copy = |(slot, item): (usize, &usize)| Assignment {
            item: *item,
            choice: 0,
            machine: slot / slots.max(1),
            copies: 1,
            devices: Vec::new(),
        };
        let mut assignments: Vec<Assignment> = self.experts.iter().enumerate().map(copy).collect();
        assignments.sort();
        assignments
    }
}

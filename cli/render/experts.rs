//! Where experts stand, as a person reads it.

use crate::render::quantities::percent;
use crate::render::table::{Align, paragraph, table};
use berth_compiler::plan::Plan;
use berth_compiler::plan::experts::{ExpertLayer, ExpertsEntry};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Groups whose experts are all printed.
const MOST_GROUPS: u64 = 64;

/// More layers than this are not shown one by one.
const MOST_LAYERS: usize = 6;

/// The section about experts; empty where nothing is said of them.
pub fn text(plan: &Plan) -> String {
    if plan.experts.is_empty() {
        return String::new();
    }
    let heading = [
        ("service", Align::Left),
        ("groups", Align::Right),
        ("slots", Align::Right),
        ("redundant", Align::Right),
        ("layers", Align::Right),
        ("balancedness", Align::Right),
        ("at most", Align::Right),
        ("gap", Align::Right),
    ];
    let row = |entry: &ExpertsEntry| {
        let of = |figure: fn(&ExpertLayer) -> f64| entry.layers.iter().map(figure);
        vec![
            entry.service.clone(),
            entry.groups.to_string(),
            entry.slots.to_string(),
            entry.layout.redundant.to_string(),
            if entry.layers.len() == 1 { "alike".to_owned() } else { entry.layers.len().to_string() },
            four(entry.balancedness),
            four(of(|layer| layer.bound).fold(1.0, f64::min)),
            percent(of(|layer| layer.gap).fold(0.0, f64::max)),
        ]
    };
    let rows: Vec<Vec<String>> = plan.experts.iter().map(row).collect();
    let mut text = format!("\nExperts, over groups of devices\n{}", table(&heading, &rows));
    text.push_str(&paragraph(
        "Balancedness is the mean load of a group over that of the fullest, in the worst layer.",
        2,
    ));
    plan.experts.iter().for_each(|entry| text.push_str(&maps(entry)));
    text
}

/// Which experts stand where: each group where all layers are alike, the copies of the least even layers otherwise.
fn maps(entry: &ExpertsEntry) -> String {
    let slots = usize::try_from(entry.slots).unwrap_or(usize::MAX).max(1);
    let mut text = format!("\nExperts of {}\n", entry.service);
    match entry.layers.as_slice() {
        [layer] if entry.groups <= MOST_GROUPS => {
            for (group, experts) in layer.experts.chunks(slots).enumerate() {
                let names: Vec<String> = experts.iter().map(usize::to_string).collect();
                text.push_str(&paragraph(&format!("group {group}: {}", names.join(" ")), 2));
            }
        }
        layers => {
            let mut uneven: Vec<(usize, &ExpertLayer)> = layers.iter().enumerate().collect();
            uneven.sort_by(|(_, one), (_, other)| one.balancedness.total_cmp(&other.balancedness));
            for (index, layer) in uneven.into_iter().take(MOST_LAYERS) {
                let copies = copies(layer);
                let copies = if copies.is_empty() { "one copy of each".to_owned() } else { copies };
                let line = format!("layer {index}: {}, {copies}", four(layer.balancedness));
                text.push_str(&paragraph(&line, 2));
            }
            if let Some(more @ 1..) = layers.len().checked_sub(MOST_LAYERS) {
                text.push_str(&paragraph(&format!("… and {more} layers that are as even or more so"), 2));
            }
            text.push_str(&paragraph("`--json` has what each group holds.", 2));
        }
    }
    text
}

/// `12 6 times, 7 and 40 twice`
fn copies(layer: &ExpertLayer) -> String {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    layer.experts.iter().for_each(|expert| *counts.entry(*expert).or_default() += 1);
    let mut several: Vec<(usize, usize)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    several.sort_by_key(|(expert, count)| (std::cmp::Reverse(*count), *expert));
    let mut text = String::new();
    for same in several.chunk_by(|one, other| one.1 == other.1) {
        let names: Vec<String> = same.iter().map(|(expert, _)| expert.to_string()).collect();
        let times = same.first().map_or(0, |(_, count)| *count);
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{times} copies of {}", names.join(" "));
    }
    text
}

fn four(value: f64) -> String {
    format!("{value:.4}")
}

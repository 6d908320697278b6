//! Services and jobs to workloads: which replicas are run by one, what it is called, and where they may land.

use super::contents::{Contents, contents};
use super::holding::{Asked, Planned, held};
use super::items::Item;
use super::names::object_names;
use super::placement::{Landing, counts_by_machine, standing};
use berth_compiler::degrees::Degrees;
use berth_compiler::plan::{Layout, Placement, Plan};
use berth_language::model::{Cluster, Program};
use std::collections::BTreeMap;

/// Replicas of a service that one workload runs: all of one layout.
pub struct Part {
    /// The workload's name.
    pub name: String,
    /// How a model is laid out.
    pub layout: Option<Layout>,
    /// What one replica runs.
    pub contents: Contents,
    /// Where they may land.
    pub landing: Landing,
}

/// A layout of a service, as the cluster runs it.
struct Written {
    /// How a model is laid out, which tells it from the service's other layouts.
    layout: Option<Layout>,
    /// Replicas by machine.
    standing: BTreeMap<usize, u64>,
    contents: Contents,
}

/// By item: its workloads, or why they cannot be written; none where nothing of it is placed. `names` are what the objects
/// of each are called.
pub fn workloads(
    program: &Program,
    plan: &Plan,
    cluster: &Cluster,
    (items, names): (&[Item<'_>], &[String]),
) -> Vec<Option<Result<Vec<Part>, String>>> {
    let written: Vec<_> =
        items.iter().enumerate().map(|(index, item)| layouts(program, plan, index, *item)).collect();
    let asked: Vec<Asked<'_>> = written
        .iter()
        .enumerate()
        .filter_map(|(index, of)| Some(asked(program, (index, items[index]), of.as_ref()?.as_ref().ok()?)))
        .collect();
    let mut landings: BTreeMap<usize, Vec<(usize, Landing)>> =
        asked.iter().map(|of| of.service).zip(held(program, plan, cluster.pin, &asked)).collect();
    let mut parts = Vec::new();
    for (index, of) in written.into_iter().enumerate() {
        let landings = landings.remove(&index).unwrap_or_default();
        parts.push(of.map(|of| of.map(|layouts| named(&names[index], &layouts, landings))));
    }
    parts
}

/// The layouts of a service or job that the plan has placed.
fn layouts(
    program: &Program,
    plan: &Plan,
    index: usize,
    item: Item<'_>,
) -> Option<Result<Vec<Written>, String>> {
    let mut groups: Vec<Vec<&Placement>> = Vec::new();
    for placement in plan.placements.iter().filter(|placement| placement.service == item.name()) {
        match groups.iter_mut().find(|group| group.iter().all(|other| other.layout == placement.layout)) {
            Some(group) => group.push(placement),
            None => groups.push(vec![placement]),
        }
    }
    let written = |group: &Vec<&Placement>| {
        Ok(Written {
            layout: group.first().and_then(|placement| placement.layout.clone()),
            standing: standing(program, group),
            contents: contents((program, plan), index, item, group)?,
        })
    };
    (!groups.is_empty()).then(|| groups.iter().map(written).collect())
}

fn asked<'a>(program: &Program, (index, item): (usize, Item<'_>), layouts: &'a [Written]) -> Asked<'a> {
    let planned = |of: &'a Written| Planned { standing: of.standing.clone(), contents: &of.contents };
    // An object that somebody else has written is one; and replicas with data stay those of one object, whatever else
    // is planned.
    let is_one = item.is_filled_in() || item.is_stateful();
    Asked {
        service: index,
        layouts: layouts.iter().map(planned).collect(),
        is_divisible: !is_one || counts_by_machine(program, index),
    }
}

/// A service's workloads: one a layout, and where replicas are held to so many on each machine, one for each such number.
/// The largest of a layout keeps the name, so that what runs is not begun anew when it is divided.
fn named(name: &str, layouts: &[Written], landings: Vec<(usize, Landing)>) -> Vec<Part> {
    let mut tags: Vec<String> = Vec::new();
    for (layout, landing) in &landings {
        let whole = match &layouts[*layout].layout {
            Some(layout) if layouts.len() > 1 => format!("{name}-{}", tag(layout)),
            _ => name.to_owned(),
        };
        let each = landing.planned.values().next().copied().unwrap_or_default();
        let divided = format!("{whole}-{each}-each");
        tags.push(if tags.contains(&whole) { divided } else { whole });
    }
    let names = object_names(tags.iter().map(String::as_str).filter(|tag| *tag != name));
    let part = |((layout, landing), tag): ((usize, Landing), &String)| Part {
        name: names.get(tag.as_str()).unwrap_or(tag).clone(),
        layout: layouts[layout].layout.clone(),
        contents: layouts[layout].contents.clone(),
        landing,
    };
    landings.into_iter().zip(&tags).map(part).collect()
}

/// What tells a layout from the others of its service: `h100-sxm-tp4-fp8-b64`.
fn tag(layout: &Layout) -> String {
    let Degrees { tensor, pipeline, expert, data, context } = layout.degrees();
    let mut tag = format!("{}-tp{tensor}", layout.device);
    for (axis, degree) in [("pp", pipeline), ("ep", expert), ("dp", data), ("cp", context)] {
        if degree > 1 {
            tag.push_str(&format!("-{axis}{degree}"));
        }
    }
    format!("{tag}-{}-b{}", layout.precision, layout.batch)
}

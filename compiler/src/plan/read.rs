//! Plan to solution: the decisions of a plan file as assignments, so that they can be rechecked.
//!
//! Only decisions and claims are taken from the file; every other number is derived again.

use crate::plan::written::{World, plan_layout};
use crate::plan::{CertificateEntry, ObjectiveEntry, Placement, Plan};
use crate::problem::{Assignment, Certificate, Devices, LevelClaim, Solution};
use berth_language::addresses::expand;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::{BTreeMap, BTreeSet};

/// Something in a plan file that is no decision of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The line it should belong to.
    pub span: Option<Span>,
    /// What is so.
    pub text: String,
}

/// The decisions of `plan`. Claims keep their bounds and certificates; incumbents are recomputed by the caller.
pub fn assignments(world: World<'_>, plan: &Plan) -> Result<Vec<Assignment>, Vec<Unknown>> {
    let machines: BTreeMap<&str, usize> = world
        .packing
        .machines
        .iter()
        .enumerate()
        .map(|(index, machine)| (machine.name.as_str(), index))
        .collect();
    let mut assignments = Vec::new();
    let mut unknown = Vec::new();
    for placement in &plan.placements {
        match placement_assignments(world, &machines, placement) {
            Ok(found) => assignments.extend(found),
            Err(error) => unknown.push(error),
        }
    }
    first_copies(world, &mut assignments);
    assignments.sort();
    if unknown.is_empty() { Ok(assignments) } else { Err(unknown) }
}

fn placement_assignments(
    world: World<'_>,
    machines: &BTreeMap<&str, usize>,
    placement: &Placement,
) -> Result<Vec<Assignment>, Unknown> {
    let Some(item) = world.packing.items.iter().position(|item| item.name == placement.service) else {
        return Err(Unknown {
            span: None,
            text: format!("there is no service or job `{}`", placement.service),
        });
    };
    let service = &world.packing.items[item];
    let unknown = |text: String| Unknown { span: Some(service.origin), text };
    let choice = world.candidates.services[item]
        .candidates
        .iter()
        .zip(&service.choices)
        .position(|(candidate, choice)| {
            let layout = candidate.layout.as_ref().map(|layout| plan_layout(world.candidates, layout));
            let share = match choice.devices {
                Devices::Share(share) => Some(share as f64 / world.packing.share_scale as f64),
                Devices::None | Devices::Whole(_) => None,
            };
            layout == placement.layout && share == placement.share
        })
        .ok_or_else(|| {
            let layout = placement.layout.as_ref().map_or("this form".to_owned(), |layout| {
                format!(
                    "{}, batch {}, {} on {}",
                    layout.degrees(),
                    layout.batch,
                    layout.precision,
                    layout.device
                )
            });
            unknown(format!("`{}` cannot run as {layout}", placement.service))
        })?;
    let mut assignments = Vec::new();
    if !placement.groups.is_empty() {
        return group_assignments(world, machines, (item, choice), placement);
    }
    for address in &placement.nodes {
        let names = expand(address, machines.len())
            .ok_or_else(|| unknown(format!("`{address}` names more nodes than there are")))?;
        for name in names {
            let machine =
                *machines.get(name.as_str()).ok_or_else(|| unknown(format!("there is no node `{name}`")))?;
            assignments.push(Assignment {
                item,
                choice,
                machine,
                copies: placement.each,
                devices: placement.devices.clone(),
            });
        }
    }
    Ok(assignments)
}

/// The first node of each group is the replica's own, the others stand beside it.
fn group_assignments(
    world: World<'_>,
    machines: &BTreeMap<&str, usize>,
    (item, choice): (usize, usize),
    placement: &Placement,
) -> Result<Vec<Assignment>, Unknown> {
    let service = &world.packing.items[item];
    let unknown = |text: String| Unknown { span: Some(service.origin), text };
    let several = world.packing.others_of(item).and_then(|(others, beside)| {
        Some((others, beside.forms.iter().position(|form| form.choice == choice)?))
    });
    let (others, beside) =
        several.ok_or_else(|| unknown(format!("a replica of `{}` takes one node", placement.service)))?;
    let mut assignments = Vec::new();
    for group in &placement.groups {
        let names = group.iter().map(|address| expand(address, machines.len()));
        let names: Option<Vec<Vec<String>>> = names.collect();
        let names = names.ok_or_else(|| unknown("a group names more nodes than there are".into()))?;
        for (at, name) in names.into_iter().flatten().enumerate() {
            let machine =
                *machines.get(name.as_str()).ok_or_else(|| unknown(format!("there is no node `{name}`")))?;
            let (item, choice) = if at == 0 { (item, choice) } else { (others, beside) };
            let devices = placement.devices.clone();
            assignments.push(Assignment { item, choice, machine, copies: placement.each, devices });
        }
    }
    Ok(assignments)
}

/// Makes one copy of each job the first again, and all others what stands beside it: a plan does not tell them apart.
fn first_copies(world: World<'_>, assignments: &mut Vec<Assignment>) {
    assignments.sort();
    let mut first_of = BTreeSet::new();
    let mut apart = Vec::new();
    for assignment in assignments.iter_mut() {
        let Some(own) = world.candidates.services.get(assignment.item) else { continue };
        let candidate = &own.candidates[assignment.choice];
        let Some(training) = candidate.training.as_ref().filter(|training| training.step.copies > 1) else {
            continue;
        };
        let others = assignment.choice + 1;
        if training.is_first && first_of.insert((assignment.item, assignment.choice)) {
            if assignment.copies > 1 {
                let each = assignment.devices.len() / assignment.copies as usize;
                let devices = assignment.devices.split_off(each);
                let copies = std::mem::replace(&mut assignment.copies, 1) - 1;
                apart.push(Assignment { choice: others, copies, devices, ..assignment.clone() });
            }
        } else {
            assignment.choice = others;
        }
    }
    assignments.extend(apart);
}

/// The claims of `plan` beside recomputed incumbents, as [`recheck`](crate::recheck) wants them.
pub fn solution(
    plan: &Plan,
    assignments: Vec<Assignment>,
    incumbents: &[BigRational],
    standing: &[BigRational],
) -> Result<Solution, Unknown> {
    if plan.objective.len() != incumbents.len() {
        let text = format!(
            "the plan has {} objective entries where the program has {}",
            plan.objective.len(),
            incumbents.len()
        );
        return Err(Unknown { span: None, text });
    }
    let levels = plan
        .objective
        .iter()
        .zip(incumbents)
        .zip(standing)
        .map(|((entry, incumbent), standing)| claim(entry, incumbent, standing))
        .collect::<Result<_, _>>()?;
    Ok(Solution { assignments, levels })
}

fn claim(
    entry: &ObjectiveEntry,
    incumbent: &BigRational,
    standing: &BigRational,
) -> Result<LevelClaim, Unknown> {
    let number = |value: f64| {
        BigRational::from_float(value).ok_or_else(|| Unknown {
            span: None,
            text: format!("the bound of `{}` is no number", entry.name),
        })
    };
    let multipliers = |written: &[(usize, String)]| {
        written
            .iter()
            .map(|(row, text)| match text.parse::<BigRational>() {
                Ok(value) if !value.denom().is_zero() => Ok((*row, value)),
                _ => Err(Unknown { span: None, text: format!("the multiplier `{text}` is no fraction") }),
            })
            .collect::<Result<Vec<_>, _>>()
    };
    let bound =
        if entry.bound == entry.incumbent { incumbent.clone() } else { number(entry.bound)? - standing };
    let certificate = match &entry.certificate {
        CertificateEntry::Trivial => Certificate::Trivial,
        CertificateEntry::LinearDual { multipliers: rows } => {
            Certificate::LinearDual { multipliers: multipliers(rows)? }
        }
        CertificateEntry::Search { solver, proved, multipliers: rows } => Certificate::Search {
            solver: solver.clone(),
            proved: number(*proved)? - standing,
            multipliers: multipliers(rows)?,
        },
        CertificateEntry::Copies { .. } => {
            let text = format!("the certificate of `{}` is of no objective", entry.name);
            return Err(Unknown { span: None, text });
        }
    };
    Ok(LevelClaim { incumbent: incumbent.clone(), bound, certificate })
}

//! Where experts stand, rechecked: every map of the plan file against the loads of the program.

use crate::experts::{PlacedExperts, PlacedLayer};
use crate::plan::experts::{ExpertLayer, ExpertsEntry, of_mean};
use crate::plan::written::plan_layout;
use crate::plan::{CertificateEntry, Plan};
use crate::recheck::{least_fullest, recheck_copies};
use crate::session::Stages;
use berth_language::diagnostics::Diagnostic;

/// What is wrong with the entries about experts, the first of each.
pub(super) fn expert_differences(stages: &Stages, found: &Plan, derived: &Plan) -> Vec<Diagnostic> {
    let mut differences = Vec::new();
    for entry in &found.experts {
        match of_entry(stages, entry) {
            None => {
                let text = format!("`{}` has no experts in the layout named", entry.service);
                differences.push(super::altered(stages, None, text));
            }
            Some(placed) => {
                if let Some(text) = wrong(entry, placed) {
                    differences.push(super::altered(stages, Some(placed.origin), text));
                }
            }
        }
    }
    if differences.is_empty() && found.experts != derived.experts {
        let text = "where its experts stand is not what the planner gives";
        let first = super::longest(&found.experts, &derived.experts).find(|(left, right)| left != right);
        let placed = first.and_then(|(left, right)| of_entry(stages, right.or(left)?));
        differences.push(super::altered(stages, placed.map(|placed| placed.origin), text.to_owned()));
    }
    differences
}

/// What the program places of the experts of an entry's layout.
fn of_entry<'s>(stages: &'s Stages, entry: &ExpertsEntry) -> Option<&'s PlacedExperts> {
    let item = stages.packing.items.iter().position(|item| item.name == entry.service)?;
    let own = stages.candidates.services.get(item)?;
    own.candidates.iter().find_map(|candidate| {
        let layout = plan_layout(&stages.candidates, candidate.layout.as_ref()?);
        candidate.experts.as_deref().filter(|_| layout == entry.layout)
    })
}

fn wrong(entry: &ExpertsEntry, placed: &PlacedExperts) -> Option<String> {
    let name = &entry.service;
    if (entry.groups, entry.slots, entry.layers.len()) != (placed.groups, placed.slots, placed.layers.len()) {
        return Some(format!(
            "the experts of `{name}` stand in {} groups of {} slots in {} layers, not {} of {} in {}",
            placed.groups,
            placed.slots,
            placed.layers.len(),
            entry.groups,
            entry.slots,
            entry.layers.len()
        ));
    }
    entry.layers.iter().zip(&placed.layers).find_map(|(layer, placed)| wrong_layer(layer, placed))
}

fn wrong_layer(layer: &ExpertLayer, placed: &PlacedLayer) -> Option<String> {
    let balance = &placed.balance;
    let name = &balance.name;
    let carried = match recheck_copies(balance, &layer.assignments(balance.slots)) {
        Ok(carried) => carried,
        Err(violations) => return violations.into_iter().next().map(|violation| violation.text),
    };
    let (given, written) = (of_mean(placed, &carried.fullest), layer.balancedness);
    if given != written {
        return Some(format!("the copies of {name} have a balancedness of {given}, the plan says {written}"));
    }
    let counts = match &layer.certificate {
        CertificateEntry::Copies { counts: several } => {
            let mut counts = vec![1; balance.loads.len()];
            for (expert, count) in several {
                match counts.get_mut(*expert) {
                    Some(slot) => *slot = *count,
                    None => return Some(format!("the certificate of {name} is of other experts")),
                }
            }
            counts
        }
        _ => return Some(format!("the certificate of {name} does not apply")),
    };
    // Never below what the copies carry: a bound that is met is written as it is met.
    let proved = least_fullest(balance, &counts).map(|bound| of_mean(placed, &bound.min(carried.fullest)));
    match proved {
        Some(proved) if proved <= layer.bound => None,
        _ => Some(format!("the bound {} of {name} is not what its certificate gives", layer.bound)),
    }
}

//! What teams use of the devices: within their quotas, and beyond what they are guaranteed.

use crate::candidates::Disregarded;
use crate::jobs::{name_of, priority_of};
use crate::plan::judged::entry;
use crate::plan::written::{World, float};
use crate::plan::{RequirementEntry, TeamEntry};
use crate::quotas::{Among, Quota, among, devices, guaranteed, members, quotas, taken};
use crate::recheck::Values;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

/// One entry a quota that its members could meet.
pub fn quota_entries(world: World<'_>, values: &Values) -> Vec<RequirementEntry> {
    let mut entries = Vec::new();
    for quota in quotas(world.program, &Disregarded::new()) {
        let Some(line) = quota.origins.first().filter(|_| could_be_met(world, &quota)) else { continue };
        let (used, most) = (used(world, values, &quota.members, quota.device), quota.most());
        let stated = world.sources.text(*line).split_whitespace().collect::<Vec<_>>().join(" ");
        let team = quota.team.map(|team| world.program.teams[team].name.clone());
        let text = match &team {
            Some(_) => stated,
            None => format!("{stated}: left by services of no team"),
        };
        entries.push(RequirementEntry {
            team,
            value: Some(float(&used)),
            limit: Some(float(&most)),
            unit: Some(world.program.devices[quota.device].name.clone()),
            slack: Some(float(&(&most - &used))),
            met: Some(used <= most),
            ..entry(world, *line, &text)
        });
    }
    entries
}

/// What each team uses of each kind of device, of those that it uses or is guaranteed.
pub fn team_entries(world: World<'_>, values: &Values) -> Vec<TeamEntry> {
    let program = world.program;
    let mut entries = Vec::new();
    for team in &program.teams {
        for device in devices(program) {
            let members = members(program, Some(&team.name));
            let used_here = used(world, values, &members, device);
            let guaranteed = guaranteed(program, team, device);
            if used_here.is_zero() && guaranteed.is_zero() {
                continue;
            }
            let borrowed = (&used_here - &guaranteed).max(BigRational::zero());
            let mut gives_back = members;
            if !borrowed.is_positive() {
                gives_back.clear();
            }
            gives_back.retain(|service| used(world, values, &[*service], device).is_positive());
            gives_back.sort_by_key(|item| priority_of(program, *item));
            entries.push(TeamEntry {
                team: team.name.clone(),
                device: program.devices[device].name.clone(),
                guaranteed: float(&guaranteed),
                used: float(&used_here),
                borrowed: float(&borrowed),
                gives_back: gives_back.iter().map(|of| name_of(program, *of).to_owned()).collect(),
            });
        }
    }
    entries
}

/// The quota that leaves no room for one more replica of a service, where one does of every kind of device that it can
/// use.
pub fn blocked_by(world: World<'_>, values: &Values, service: usize) -> Option<String> {
    let all = quotas(world.program, &Disregarded::new());
    let forms = &world.candidates.services[service].candidates;
    let mut blocked = None;
    for device in devices(world.program) {
        let here = forms.iter().filter(|form| !matches!(among(world.candidates, form, device), Among::None));
        let Some(least) = here.map(|form| taken(form, world.packing.share_scale)).min() else { continue };
        let is_full = |quota: &&Quota| {
            let own = quota.device == device && quota.members.contains(&service);
            own && used(world, values, &quota.members, device) + &least > quota.most()
        };
        blocked = Some(all.iter().find(is_full)?.text(world.program));
    }
    blocked
}

/// Some form of some member takes devices of this kind.
fn could_be_met(world: World<'_>, quota: &Quota) -> bool {
    let forms = quota.members.iter().flat_map(|member| &world.candidates.services[*member].candidates);
    forms.into_iter().any(|form| {
        let takes = !taken(form, world.packing.share_scale).is_zero();
        takes && !matches!(among(world.candidates, form, quota.device), Among::None)
    })
}

/// Devices of a kind that the replicas of some services take.
fn used(world: World<'_>, values: &Values, services: &[usize], device: usize) -> BigRational {
    let mut used = BigRational::zero();
    for &service in services {
        for (&(node, form), copies) in &values.standing_as[service] {
            let of_kind = world.program.nodes[node].devices.as_ref().is_some_and(|of| of.value.0 == device);
            if of_kind {
                let each =
                    taken(&world.candidates.services[service].candidates[form], world.packing.share_scale);
                used += each * BigRational::from_integer((*copies).into());
            }
        }
    }
    used
}

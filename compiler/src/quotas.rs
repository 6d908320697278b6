//! Quotas: how many devices of a kind the services of a team may use together.
//!
//! Shares are of all devices of a kind. A team that borrows uses at most its `limit`; one that does not, at most what
//! it is guaranteed. Services of no team leave what teams are guaranteed: they are no team's to take back.

use crate::candidates::{Candidate, Candidates, Disregarded};
use crate::jobs::jobs;
use crate::problem::Devices;
use berth_language::model::{Program, Team};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::collections::BTreeSet;

/// A bound on what some services use together of the devices of a kind.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Whose, by index into the program's teams; none: of all services without one.
    pub team: Option<usize>,
    /// By index into the program's devices.
    pub device: usize,
    /// The share of them that may be used, 0 to 1.
    pub share: BigRational,
    /// How many there are.
    pub filled: u64,
    /// Services and jobs, by their items.
    pub members: Vec<usize>,
    /// The lines that say it, of which the first is the one to show; never empty.
    pub origins: Vec<Span>,
}

impl Quota {
    /// Devices that may be used.
    pub fn most(&self) -> BigRational {
        &self.share * BigRational::from_integer(self.filled.into())
    }

    /// `services of no team may use 8 of 32 h100_sxm`
    pub fn text(&self, program: &Program) -> String {
        let team = self.team.and_then(|team| program.teams.get(team));
        let who = team.map_or("services of no team".to_owned(), |team| format!("`{}`", team.name));
        let device = program.devices.get(self.device).map_or("?", |device| device.name.as_str());
        format!("{who} may use {} of {} {device}", self.most().floor().to_integer(), self.filled)
    }
}

/// Every quota of `program` that some service could meet, with the lines in `without` left out.
pub fn quotas(program: &Program, without: &Disregarded) -> Vec<Quota> {
    let mut all = Vec::new();
    let mut bound_of = |team: Option<usize>, share: &BigRational, origins: &[Span]| {
        let name = team.map(|team| program.teams[team].name.as_str());
        let members = members(program, name);
        let of_device = |device: usize| Quota {
            team,
            device,
            share: share.clone(),
            filled: filled(program, device),
            members: members.clone(),
            origins: origins.to_vec(),
        };
        if !members.is_empty() {
            all.extend(devices(program).into_iter().map(of_device));
        }
    };
    let (mut guaranteed, mut lines) = (BigRational::zero(), Vec::new());
    for (index, team) in program.teams.iter().enumerate() {
        if let Some((share, line)) = bound(team, without) {
            bound_of(Some(index), &share, &[line]);
        }
        let promised = team.guaranteed.as_ref().filter(|share| !without.contains(&share.span));
        if let Some(share) = promised.filter(|share| !share.value.is_zero()) {
            guaranteed += &share.value;
            lines.push(share.span);
        }
    }
    if !lines.is_empty() {
        bound_of(None, &(BigRational::one() - guaranteed), &lines);
    }
    all
}

/// The share that a team never exceeds, and the line that says so.
fn bound(team: &Team, without: &Disregarded) -> Option<(BigRational, Span)> {
    let stated = |line: &Option<berth_language::model::Fact<BigRational>>| {
        let line = line.as_ref().filter(|line| !without.contains(&line.span))?;
        Some((line.value.clone(), line.span))
    };
    match stated(&team.guaranteed) {
        Some(guaranteed) if !team.borrowing => Some(guaranteed),
        _ => stated(&team.limit),
    }
}

/// The services and jobs of a team, or of none.
pub fn members(program: &Program, team: Option<&str>) -> Vec<usize> {
    let services = program.services.iter().enumerate().map(|(index, service)| (index, &service.team));
    let all = services.chain(jobs(program).map(|(index, job)| (index, &job.team)));
    let own = all.filter(|(_, of)| of.as_ref().map(|of| of.value.as_str()) == team);
    own.map(|(index, _)| index).collect()
}

/// Whole devices of a kind that a team can always have back.
pub fn guaranteed(program: &Program, team: &Team, device: usize) -> BigRational {
    let share = team.guaranteed.as_ref().map_or_else(BigRational::zero, |share| share.value.clone());
    (share * BigRational::from_integer(filled(program, device).into())).floor()
}

/// Devices of a kind on all nodes.
fn filled(program: &Program, device: usize) -> u64 {
    let of_kind = program.nodes.iter().filter_map(|node| node.devices.as_ref());
    of_kind.filter(|of| of.value.0 == device).map(|of| u64::from(of.value.1)).sum()
}

/// The kinds of device that nodes have.
pub fn devices(program: &Program) -> BTreeSet<usize> {
    program.nodes.iter().filter_map(|node| Some(node.devices.as_ref()?.value.0)).collect()
}

/// Devices that one copy of a form takes.
pub fn taken(candidate: &Candidate, share_scale: u64) -> BigRational {
    match candidate.devices {
        Devices::None => BigRational::zero(),
        Devices::Whole(count) => BigRational::from_integer((u64::from(count) * candidate.nodes()).into()),
        Devices::Share(share) => BigRational::new(share.into(), share_scale.max(1).into()),
    }
}

/// Which of a form's classes of device are of a kind.
pub enum Among {
    /// None of them.
    None,
    /// Some of them.
    Some,
    /// All of them.
    All,
}

/// How many of the classes that may hold a copy are of a kind.
pub fn among(candidates: &Candidates, candidate: &Candidate, device: usize) -> Among {
    let classes = candidate.classes.as_deref().unwrap_or(&[]);
    let of_kind =
        |class: &&usize| candidates.classes.get(**class).is_some_and(|class| class.device == device);
    match classes.iter().filter(of_kind).count() {
        0 => Among::None,
        count if count == classes.len() => Among::All,
        _ => Among::Some,
    }
}

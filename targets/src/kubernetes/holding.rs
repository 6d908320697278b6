//! How closely replicas are held to the machines of a plan: as loosely as all of them are proved to find room.
//!
//! Four holds, each closer than the one before:
//!
//! | hold | replicas may land on | room |
//! | --- | --- | --- |
//! | like | machines that are like those of the plan in all that a proof reads | where it is proved for any order |
//! | own | the machines of the plan | likewise |
//! | even | the machines of the plan, on none more than where all have as many | likewise |
//! | each | the machines of the plan, on each as many as planned: a workload for each such number | always |
//!
//! Every service begins with the loosest that its lines allow. One that is not proved to find room is held closer, and
//! where that does not help, those that may land on its machines are, before anybody is held closer still. What is held closer than to machines that are like
//! the plan's may land on machines as well that the plan leaves empty: they are needed by nobody, so whoever stands there
//! is in nobody's way, and one whole machine takes whatever stood on one that dies.

use super::contents::Contents;
use super::placement::{
    Landing, Limit, alike, capacities, counts_by_machine, counts_by_place, fixes_places, nodes_of, spread,
    widest_skew,
};
use super::room::{Claim, finds_room};
use berth_compiler::plan::Plan;
use berth_language::model::{Pin, Program};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::{BTreeMap, BTreeSet};

/// Replicas of one layout of a service, as planned.
#[derive(Clone, Debug)]
pub struct Planned<'a> {
    /// By machine, by index into [`Program::nodes`].
    pub standing: BTreeMap<usize, u64>,
    /// What one asks for.
    pub contents: &'a Contents,
}

/// A service to be held.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// By the index that a problem gives it.
    pub service: usize,
    /// Its layouts.
    pub layouts: Vec<Planned<'a>>,
    /// It may become more workloads than it has layouts.
    pub is_divisible: bool,
}

/// How closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    Like,
    Own,
    Even,
    Each,
}

/// Where the replicas of one workload may land.
struct Workload<'a> {
    /// By index into what is asked.
    of: usize,
    layout: usize,
    request: &'a [u128],
    landing: Landing,
}

/// By service asked for: its workloads, each by its layout, and where its replicas may land.
pub fn held(program: &Program, plan: &Plan, pin: Pin, asked: &[Asked<'_>]) -> Vec<Vec<(usize, Landing)>> {
    let used = nodes_of(program, &plan.placements);
    let holding = Holding::new(program, pin, &used, asked);
    let loosest: Vec<Hold> = (0..asked.len()).map(|of| holding.loosest(of)).collect();
    let mut holds = loosest.clone();
    let mut workloads = holding.all(&holds);
    for hold in [Hold::Own, Hold::Even, Hold::Each] {
        while holding.tighten(&workloads, &mut holds, hold) {
            workloads = holding.all(&holds);
        }
    }
    // Spare machines change nothing of this: nobody needs them.
    let found = holding.finds_room(&workloads, 0);
    for (workload, finds) in workloads.iter_mut().zip(found) {
        workload.landing.is_tight = holds[workload.of] > loosest[workload.of];
        workload.landing.finds_room = finds;
    }
    holding.add_spare(&mut workloads, &holds);
    holding.see_who_lands_again(&mut workloads, &holds);
    let mut held: Vec<Vec<(usize, Landing)>> = asked.iter().map(|_| Vec::new()).collect();
    for Workload { of, layout, landing, .. } in workloads {
        held[of].push((layout, landing));
    }
    held
}

struct Holding<'a> {
    program: &'a Program,
    pin: Pin,
    /// Machines that some placement of the plan uses.
    used: &'a BTreeSet<usize>,
    asked: &'a [Asked<'a>],
    /// By machine and resource.
    capacity: Vec<Vec<u128>>,
    /// By service asked for, layout and resource.
    requests: Vec<Vec<Vec<u128>>>,
}

impl<'a> Holding<'a> {
    fn new(program: &'a Program, pin: Pin, used: &'a BTreeSet<usize>, asked: &'a [Asked<'a>]) -> Self {
        let layouts = || asked.iter().flat_map(|of| &of.layouts);
        let devices: BTreeSet<&str> = layouts().map(|layout| layout.contents.resource.as_str()).collect();
        let requests = asked
            .iter()
            .map(|of| of.layouts.iter().map(|layout| request(layout.contents, &devices)).collect());
        Self {
            program,
            pin,
            used,
            asked,
            capacity: capacities(program, &devices),
            requests: requests.collect(),
        }
    }

    /// The loosest hold that the lines allow. What they count by machine or place holds as it was planned; layouts count
    /// their own machines, so that together they stand on as many as planned only where none may use another's.
    fn loosest(&self, of: usize) -> Hold {
        let service = self.asked[of].service;
        if counts_by_machine(self.program, service) || counts_by_place(self.program, service) {
            return Hold::Each;
        }
        let overlap = || {
            let all = self.workloads(of, Hold::Like);
            let count: usize = all.iter().map(|workload| workload.landing.allowed.len()).sum();
            let together: BTreeSet<&usize> =
                all.iter().flat_map(|workload| &workload.landing.allowed).collect();
            together.len() < count
        };
        match self.pin {
            Pin::Class if spread(self.program, service).is_none() || !overlap() => Hold::Like,
            Pin::Class | Pin::Node => Hold::Own,
        }
    }

    fn all(&self, holds: &[Hold]) -> Vec<Workload<'_>> {
        holds.iter().enumerate().flat_map(|(of, hold)| self.workloads(of, *hold)).collect()
    }

    /// The workloads of a service under a hold, without spare machines.
    fn workloads(&self, of: usize, hold: Hold) -> Vec<Workload<'_>> {
        let Asked { service, layouts, is_divisible } = &self.asked[of];
        let mut groups: Vec<(usize, BTreeMap<usize, u64>)> = Vec::new();
        for (index, layout) in layouts.iter().enumerate() {
            let mut by_count: BTreeMap<u64, BTreeMap<usize, u64>> = BTreeMap::new();
            for (machine, count) in &layout.standing {
                let key = if hold == Hold::Each && *is_divisible { *count } else { 0 };
                by_count.entry(key).or_default().insert(*machine, *count);
            }
            let mut own: Vec<_> = by_count.into_values().collect();
            // The largest first: it keeps the service's name.
            own.sort_by_key(|standing| std::cmp::Reverse(standing.values().sum::<u64>()));
            groups.extend(own.into_iter().map(|standing| (index, standing)));
        }
        let least = spread(self.program, *service).map(|(least, _)| least);
        let is_single = groups.len() == 1;
        let workload = |(layout, planned): (usize, BTreeMap<usize, u64>)| {
            let machines = planned.len() as u64;
            let replicas: u64 = planned.values().sum();
            let distinct = least.map(|least| if is_single { least } else { machines });
            let each = replicas.div_ceil(machines.max(1)).max(1);
            let keeps = |distinct: &u64| replicas.div_ceil(each) >= *distinct;
            let limit = match hold {
                Hold::Even | Hold::Each if distinct.as_ref().is_none_or(keeps) => Some(Limit::Each(each)),
                _ => distinct.map(Limit::Distinct),
            };
            let allowed = match hold {
                Hold::Like => alike(self.program, *service, &planned, self.used),
                Hold::Own | Hold::Even | Hold::Each => planned.keys().copied().collect(),
            };
            let (is_tight, finds_room, lands_again) = (false, false, false);
            let landing = Landing { planned, allowed, limit, is_tight, finds_room, lands_again };
            Workload { of, layout, request: &self.requests[of][layout], landing }
        };
        groups.into_iter().map(workload).collect()
    }

    fn finds_room(&self, workloads: &[Workload<'_>], lost: u64) -> Vec<bool> {
        let claims: Vec<Claim<'_>> = workloads.iter().map(Workload::claim).collect();
        finds_room(&claims, &self.capacity, lost)
    }

    /// Holds those as closely as `hold` that are not proved to find room, or else those in their way; whether anything
    /// changed.
    fn tighten(&self, workloads: &[Workload<'_>], holds: &mut [Hold], hold: Hold) -> bool {
        let found = self.finds_room(workloads, 0);
        let without: Vec<&Workload<'_>> =
            workloads.iter().zip(found).filter(|(_, finds)| !finds).map(|(workload, _)| workload).collect();
        let mut closer: BTreeSet<usize> =
            without.iter().map(|workload| workload.of).filter(|of| holds[*of] < hold).collect();
        if closer.is_empty() {
            let in_the_way = workloads.iter().filter(|workload| {
                holds[workload.of] < hold
                    && without.iter().any(|of| !of.landing.allowed.is_disjoint(&workload.landing.allowed))
            });
            closer = in_the_way.map(|workload| workload.of).collect();
        }
        for of in &closer {
            holds[*of] = hold;
        }
        !closer.is_empty()
    }

    /// Lets replicas that are held to the plan's machines land on those too that it leaves empty, as far as nobody that is
    /// held loosely counts on them.
    fn add_spare(&self, workloads: &mut [Workload<'_>], holds: &[Hold]) {
        if self.pin == Pin::Node {
            return;
        }
        let loose = workloads.iter().filter(|workload| holds[workload.of] == Hold::Like);
        let counted_on: BTreeSet<usize> =
            loose.flat_map(|workload| &workload.landing.allowed).copied().collect();
        for workload in workloads.iter_mut().filter(|workload| holds[workload.of] > Hold::Like) {
            let service = self.asked[workload.of].service;
            if !fixes_places(self.program, service) {
                let landing = &mut workload.landing;
                let mut spare = alike(self.program, service, &landing.planned, self.used);
                spare.retain(|machine| !self.used.contains(machine) && !counted_on.contains(machine));
                landing.allowed.extend(spare);
            }
        }
    }

    /// Says of each workload whether its replicas on a machine that dies, whichever, find room on another.
    ///
    /// Where that is not proved for any order, it follows from a machine that the plan leaves empty: it takes all that stood on
    /// one that is not larger. Empty it is as long as schedulers prefer the machines of the plan, as they do by default.
    fn see_who_lands_again(&self, workloads: &mut [Workload<'_>], holds: &[Hold]) {
        let proved = self.finds_room(workloads, 1);
        let all_find_room = workloads.iter().all(|workload| workload.landing.finds_room);
        let mut on: BTreeMap<usize, Vec<&Workload<'_>>> = BTreeMap::new();
        for workload in workloads.iter().filter(|workload| holds[workload.of] > Hold::Like) {
            for machine in workload.landing.planned.keys() {
                on.entry(*machine).or_default().push(workload);
            }
        }
        let is_replaced = |machine: usize, own: &[&Workload<'_>]| {
            let takes_all = |spare: &usize| {
                !self.used.contains(spare)
                    && own.iter().all(|workload| workload.landing.allowed.contains(spare))
                    && self.capacity[*spare].iter().zip(&self.capacity[machine]).all(|(new, old)| new >= old)
            };
            own.first().is_some_and(|first| first.landing.allowed.iter().any(takes_all))
        };
        let replaced: BTreeSet<usize> = on
            .iter()
            .filter(|(machine, own)| all_find_room && is_replaced(**machine, own))
            .map(|(machine, _)| *machine)
            .collect();
        for (workload, proved) in workloads.iter_mut().zip(proved) {
            let landing = &mut workload.landing;
            landing.lands_again = proved || landing.planned.keys().all(|machine| replaced.contains(machine));
        }
    }
}

impl Workload<'_> {
    fn claim(&self) -> Claim<'_> {
        let replicas = self.landing.replicas();
        let (most, open_below) = match self.landing.limit {
            None => (None, None),
            Some(Limit::Each(each)) => (Some(each), Some(each)),
            Some(Limit::Distinct(distinct)) => (None, widest_skew(replicas, distinct)),
        };
        Claim { request: self.request, replicas, machines: &self.landing.allowed, most, open_below }
    }
}

/// What one replica asks for, as the API writes it: thousandths of a core, bytes, one pod, devices by the name of each.
fn request(contents: &Contents, devices: &BTreeSet<&str>) -> Vec<u128> {
    let whole = |amount: BigRational| amount.ceil().to_integer().to_u128().unwrap_or(0);
    let thousand = BigRational::from_integer(1000.into());
    let cpu = contents.cpu.as_ref().map_or(0, |cpu| whole(&cpu.value.value * thousand));
    let memory = contents.memory.as_ref().map_or(0, |memory| whole(memory.value.value.clone()));
    let count = contents.devices.as_ref().map_or(0, |devices| devices.value);
    let own = devices.iter().map(|name| if *name == contents.resource { u128::from(count) } else { 0 });
    [cpu, memory, 1].into_iter().chain(own).collect()
}

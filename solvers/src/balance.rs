//! Even load: copies of parts over devices.
//!
//! How often each part is held: one copy each, then one more of whichever has the largest share, until no slot is
//! left. No other counts have a smaller largest share (each step takes the only part whose share keeps the largest
//! where it is), which gives the bound that is claimed. Then the largest share first goes to the device with the
//! least load (longest processing time; Graham, Bounds on multiprocessing timing anomalies, 1969), and what the fullest
//! device holds is exchanged as long as that makes it less full: a copy for a copy of another device, or, as counts
//! that are best for the largest share need not be best for the fullest device, a copy of one part for one more of
//! another. Where neither helps a few copies change places at random, and what that does not better is taken back.
//!
//! Loads are integers of 2^-62 of the whole, in which sums are exact; the claim is computed from the loads themselves.

use crate::random::Random;
use berth_compiler::problem::{Assignment, Balance, Certificate, LevelClaim, Solution};
use berth_compiler::recheck::recheck_balance;
use berth_compiler::solving::{Outcome, Request};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Of every search: the same problem gives the same solution.
const SEED: u64 = 0x5EED;

/// Pairs of copies that are looked at, for each unit of effort.
const LOOKS: u64 = 1_000_000;

/// Changes at random, at most, before the search goes on; and how many of those in a row are taken back before one is
/// kept that made it worse.
const KICKS: usize = 3;
const PATIENCE: u32 = 30;

/// Copies over devices, and what the fullest of them carries.
pub(crate) fn balanced(balance: &Balance, request: &Request) -> Outcome {
    if let Some(because) = balance.impossible() {
        return Outcome::Unknown { because };
    }
    let counts = fewest_largest(&balance.loads, balance.devices, balance.copies());
    let bound = bound(balance, &counts);
    let mut search = Search::new(balance, &counts);
    search.place();
    let target = &bound * (BigRational::one() + &balance.gap);
    search.improve(scaled(balance, &target), request);
    let incumbent = fullest(balance, &search);
    // Rounded down to the loads' own scale, both may meet where they differ by a part of 2^62.
    let levels = vec![LevelClaim {
        bound: bound.min(incumbent.clone()),
        incumbent,
        certificate: Certificate::Copies { counts: counts.iter().map(|count| u64::from(*count)).collect() },
    }];
    let solution = Solution { assignments: search.assignments(), levels };
    match recheck_balance(balance, &solution) {
        Ok(_) => Outcome::Solved(solution),
        Err(violations) => {
            let texts: Vec<&str> = violations.iter().map(|violation| violation.text.as_str()).collect();
            Outcome::Unknown { because: format!("the solution found does not hold: {}", texts.join("; ")) }
        }
    }
}

/// How often each part is held, by at most so many devices, where the largest share is least.
fn fewest_largest(loads: &[u64], devices: usize, copies: usize) -> Vec<u32> {
    let most = u32::try_from(devices).unwrap_or(u32::MAX);
    let mut counts = vec![1_u32; loads.len()];
    let mut largest: BinaryHeap<Share> =
        loads.iter().enumerate().map(|(part, load)| Share { load: *load, count: 1, part }).collect();
    let mut left = copies.saturating_sub(loads.len());
    while left > 0 {
        let Some(Share { load, count, part }) = largest.pop() else { break };
        // What every device holds is held no more often.
        if count < most {
            counts[part] = count + 1;
            largest.push(Share { load, count: count + 1, part });
            left -= 1;
        }
    }
    counts
}

/// `load / count`, in the order of that; of equals the first part is larger.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Share {
    load: u64,
    count: u32,
    part: usize,
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let this = u128::from(self.load) * u128::from(other.count);
        let that = u128::from(other.load) * u128::from(self.count);
        this.cmp(&that).then(other.part.cmp(&self.part))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn ratio(part: u128, over: u128) -> BigRational {
    BigRational::new(part.into(), over.max(1).into())
}

fn total(balance: &Balance) -> u128 {
    balance.loads.iter().map(|load| u128::from(*load)).sum()
}

/// What the fullest device carries at least: the mean, or the largest share with what stands beside it.
fn bound(balance: &Balance, counts: &[u32]) -> BigRational {
    let mean = ratio(total(balance), balance.devices as u128);
    let shares = balance.loads.iter().zip(counts).enumerate();
    let largest = shares.map(|(part, (load, count))| Share { load: *load, count: *count, part }).max();
    let Some(largest) = largest.filter(|largest| largest.load > 0) else { return mean };
    let mut loads = balance.loads.clone();
    loads.sort_unstable();
    let beside: u128 = loads.iter().take(balance.slots.saturating_sub(1)).map(|load| u128::from(*load)).sum();
    let most_copies = balance.devices.min(balance.copies() - loads.len() + 1);
    let beside = ratio(beside, most_copies as u128);
    mean.max(ratio(largest.load.into(), largest.count.into()) + beside)
}

/// Of the whole, in the search's integers.
fn scaled(balance: &Balance, load: &BigRational) -> u64 {
    let whole = BigRational::from_integer(BigInt::from(total(balance).max(1)));
    (load * BigRational::from_integer(BigInt::from(WHOLE)) / whole)
        .floor()
        .to_integer()
        .to_u64()
        .unwrap_or(WHOLE)
}

/// All loads together.
const WHOLE: u64 = 1 << 62;

/// What the fullest device carries, exactly.
fn fullest(balance: &Balance, search: &Search<'_>) -> BigRational {
    let device = |device: usize| {
        let mut sums: Vec<(u32, u128)> = Vec::new();
        for part in search.on(device) {
            let (load, count) = (u128::from(balance.loads[*part as usize]), search.counts[*part as usize]);
            match sums.iter_mut().find(|(of, _)| *of == count) {
                Some((_, sum)) => *sum += load,
                None => sums.push((count, load)),
            }
        }
        sums.iter().fold(BigRational::zero(), |all, (count, sum)| all + ratio(*sum, u128::from(*count)))
    };
    (0..balance.devices).map(device).max().unwrap_or_else(BigRational::zero)
}

/// Copies on devices.
#[derive(Clone)]
struct Search<'b> {
    balance: &'b Balance,
    /// By part: its load in integers.
    units: Vec<u64>,
    counts: Vec<u32>,
    /// By device: what it holds, the largest share first.
    held: Vec<Vec<u32>>,
    /// By device and part.
    holds: Vec<bool>,
    loads: Vec<u64>,
}

/// A way to make the fullest device less full, and what the devices that it changes carry at most then.
enum Step {
    /// Of the fullest device for one of another.
    Exchange { mine: u32, other: usize, theirs: u32 },
    /// One copy less of one part, and in its place one more of another.
    Recount { device: usize, less: u32, more: u32 },
}

impl<'b> Search<'b> {
    fn new(balance: &'b Balance, counts: &[u32]) -> Self {
        let whole = total(balance).max(1);
        let units =
            balance.loads.iter().map(|load| (u128::from(*load) * u128::from(WHOLE) / whole) as u64).collect();
        Self {
            balance,
            units,
            counts: counts.to_vec(),
            held: vec![Vec::with_capacity(balance.slots); balance.devices],
            holds: vec![false; balance.devices * balance.loads.len()],
            loads: vec![0; balance.devices],
        }
    }

    fn on(&self, device: usize) -> &[u32] {
        &self.held[device]
    }

    fn holds(&self, device: usize, part: u32) -> bool {
        self.holds[device * self.units.len() + part as usize]
    }

    fn share(&self, part: u32) -> u64 {
        self.units[part as usize] / u64::from(self.counts[part as usize])
    }

    fn insert(&mut self, device: usize, part: u32) {
        let share = self.share(part);
        let at = self.held[device]
            .partition_point(|other| (self.share(*other), Reverse(*other)) > (share, Reverse(part)));
        self.held[device].insert(at, part);
        self.holds[device * self.units.len() + part as usize] = true;
        self.loads[device] += share;
    }

    fn remove(&mut self, device: usize, part: u32) {
        self.held[device].retain(|other| *other != part);
        self.holds[device * self.units.len() + part as usize] = false;
        self.loads[device] -= self.share(part);
    }

    /// Largest shares first, each where the load is least.
    fn place(&mut self) {
        let mut order: Vec<u32> = (0..self.units.len() as u32).collect();
        order.sort_by_key(|part| (Reverse(self.share(*part)), *part));
        for part in order {
            for _ in 0..self.counts[part as usize] {
                let free = |device: &usize| self.held[*device].len() < self.balance.slots;
                let lacks = |device: &usize| !self.holds(*device, part);
                let least = |device: &usize| (self.loads[*device], *device);
                let devices = || 0..self.balance.devices;
                if let Some(device) = devices().filter(free).filter(lacks).min_by_key(least) {
                    self.insert(device, part);
                    continue;
                }
                // All that have room hold it: one of them takes something from one that is full and lacks it.
                let (Some(room), Some(full)) =
                    (devices().find(free), devices().filter(lacks).min_by_key(least))
                else {
                    return;
                };
                // The full one holds more than the other, so something that the other lacks.
                let moved = self.held[full].iter().rev().copied().find(|other| !self.holds(room, *other));
                if let Some(moved) = moved {
                    self.remove(full, moved);
                    self.insert(room, moved);
                    self.insert(full, part);
                }
            }
        }
    }

    fn fullest(&self) -> usize {
        (0..self.loads.len()).max_by_key(|device| (self.loads[*device], Reverse(*device))).unwrap_or(0)
    }

    /// Until no device carries more than `target`, or the work of the request is done.
    fn improve(&mut self, target: u64, request: &Request) {
        // The clock is read only where the user asked for a limit in time.
        let deadline = request.time_limit.map(|limit| Instant::now() + limit);
        let most = LOOKS.saturating_mul(request.effort.max(1));
        let mut looks = 0;
        let mut random = Random::new(SEED);
        self.descend(target, most, &mut looks);
        let mut best = self.clone();
        let mut at = self.loads[self.fullest()];
        let mut least = at;
        let mut taken_back = 0;
        while least > target && looks < most {
            if request.cancellation.is_cancelled()
                || deadline.is_some_and(|deadline| Instant::now() >= deadline)
            {
                break;
            }
            let before = self.clone();
            self.kick(&mut random);
            self.descend(target, most, &mut looks);
            let found = self.loads[self.fullest()];
            if found > at && taken_back < PATIENCE {
                taken_back += 1;
                *self = before;
                continue;
            }
            taken_back = 0;
            at = found;
            if at < least {
                least = at;
                best = self.clone();
            }
        }
        *self = best;
    }

    /// Steps that each make the fullest device less full.
    fn descend(&mut self, target: u64, most: u64, looks: &mut u64) {
        while *looks < most {
            let fullest = self.fullest();
            if self.loads[fullest] <= target {
                return;
            }
            let step = self.exchange(fullest, looks).or_else(|| self.recount(fullest, looks));
            match step {
                Some(step) => self.take(fullest, &step),
                None => return,
            }
        }
    }

    fn take(&mut self, fullest: usize, step: &Step) {
        match *step {
            Step::Exchange { mine, other, theirs } => self.swap(fullest, mine, other, theirs),
            Step::Recount { device, less, more } => self.count_anew(device, less, more),
        }
    }

    /// The copy of `less` on `device` becomes one of `more`, and all other copies of both carry other shares.
    fn count_anew(&mut self, device: usize, less: u32, more: u32) {
        self.remove(device, less);
        let holding = |search: &Self, part| -> Vec<usize> {
            (0..search.loads.len()).filter(|device| search.holds(*device, part)).collect()
        };
        let (of_less, of_more) = (holding(self, less), holding(self, more));
        of_less.iter().for_each(|device| self.remove(*device, less));
        of_more.iter().for_each(|device| self.remove(*device, more));
        self.counts[less as usize] -= 1;
        self.counts[more as usize] += 1;
        of_less.iter().for_each(|device| self.insert(*device, less));
        of_more.iter().for_each(|device| self.insert(*device, more));
        self.insert(device, more);
    }

    fn swap(&mut self, one: usize, mine: u32, other: usize, theirs: u32) {
        self.remove(one, mine);
        self.remove(other, theirs);
        self.insert(one, theirs);
        self.insert(other, mine);
    }

    /// The exchange of two copies after which the two devices are least full.
    fn exchange(&self, fullest: usize, looks: &mut u64) -> Option<Step> {
        let most = self.loads[fullest];
        let mut best: Option<(u64, Step)> = None;
        for other in 0..self.loads.len() {
            let apart = most - self.loads[other];
            if apart == 0 {
                continue;
            }
            for &mine in &self.held[fullest] {
                if self.holds(other, mine) {
                    continue;
                }
                let share = self.share(mine);
                // Half of what is between the two would make them equal.
                let wanted = share.saturating_sub(apart / 2);
                let held = &self.held[other];
                let at = held.partition_point(|theirs| self.share(*theirs) > wanted);
                // What is nearest above, and nearest below.
                let above = held[..at].iter().rev().find(|theirs| !self.holds(fullest, **theirs));
                let below = held[at..].iter().find(|theirs| !self.holds(fullest, **theirs));
                *looks += 2;
                for &theirs in above.into_iter().chain(below) {
                    let Some(given) = share.checked_sub(self.share(theirs)).filter(|given| *given > 0) else {
                        continue;
                    };
                    let after = (most - given).max(self.loads[other] + given);
                    if after < most && best.as_ref().is_none_or(|(least, _)| after < *least) {
                        best = Some((after, Step::Exchange { mine, other, theirs }));
                    }
                }
            }
        }
        best.map(|(_, step)| step)
    }

    /// The copy of one part that had better be of another.
    fn recount(&self, fullest: usize, looks: &mut u64) -> Option<Step> {
        let most = self.loads[fullest];
        let parts = 0..self.units.len() as u32;
        let spare = |part: &u32| self.counts[*part as usize] > 1;
        let mut best: Option<(u64, Step)> = None;
        let mut consider = |device: usize, less: u32, more: u32| {
            *looks += self.loads.len() as u64;
            let after = self.after(device, less, more);
            if after < most && best.as_ref().is_none_or(|(least, _)| after < *least) {
                best = Some((after, Step::Recount { device, less, more }));
            }
        };
        let lacks = |device: usize, part: u32| !self.holds(device, part);
        for &less in self.held[fullest].iter().filter(|part| spare(part)) {
            parts.clone().filter(|more| lacks(fullest, *more)).for_each(|more| consider(fullest, less, more));
        }
        for &more in &self.held[fullest] {
            for device in (0..self.loads.len()).filter(|device| lacks(*device, more)) {
                let spared = self.held[device].iter().filter(|part| spare(part));
                spared.for_each(|less| consider(device, *less, more));
            }
        }
        best.map(|(_, step)| step)
    }

    /// What the fullest device carries after a copy of `less` on `device` has become one of `more`.
    fn after(&self, device: usize, less: u32, more: u32) -> u64 {
        let of = |part: u32, copies: u32| self.units[part as usize] / u64::from(copies);
        let (fewer, others) = (self.counts[less as usize], self.counts[more as usize]);
        let (grown, shrunk) =
            (of(less, fewer - 1) - of(less, fewer), of(more, others) - of(more, others + 1));
        let load = |at: usize| {
            let mut load = self.loads[at];
            if at == device {
                return load - of(less, fewer) + of(more, others + 1);
            }
            if self.holds(at, less) {
                load += grown;
            }
            if self.holds(at, more) {
                load -= shrunk;
            }
            load
        };
        (0..self.loads.len()).map(load).max().unwrap_or(0)
    }

    /// A few copies change places or parts, those of the fullest device first.
    fn kick(&mut self, random: &mut Random) {
        let mut one = self.fullest();
        for _ in 0..=random.below(KICKS) {
            let other = random.below(self.loads.len());
            let mine = self.held[one].get(random.below(self.held[one].len())).copied();
            let theirs = self.held[other].get(random.below(self.held[other].len())).copied();
            let (Some(mine), Some(theirs)) = (mine, theirs) else { return };
            if self.counts[mine as usize] > 1 && random.below(2) == 0 {
                let more = random.below(self.units.len()) as u32;
                if !self.holds(one, more) {
                    self.count_anew(one, mine, more);
                }
            } else if other != one && !self.holds(other, mine) && !self.holds(one, theirs) {
                self.swap(one, mine, other, theirs);
            }
            one = other;
        }
    }

    /// In order of part and device.
    fn assignments(&self) -> Vec<Assignment> {
        let devices = self.held.iter().enumerate();
        let copies =
            devices.flat_map(|(machine, held)| held.iter().map(move |part| (*part as usize, machine)));
        let mut copies: Vec<(usize, usize)> = copies.collect();
        copies.sort_unstable();
        let assignment =
            |(item, machine)| Assignment { item, choice: 0, machine, copies: 1, devices: Vec::new() };
        copies.into_iter().map(assignment).collect()
    }
}

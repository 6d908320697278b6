//! The exact check of copies that share a load.
//!
//! A device that carries the most carries no less than the mean. And however often each part is held, some copy of
//! some part has a share `s` or more: the least that all shares can be below or equal to. The device that holds such a
//! copy holds copies of `slots - 1` other parts besides, none of which has more copies than are left when every part
//! has one. Both are bounds, and the certificate is how often each part is held when no share is above `s`.

use super::{Violation, claim};
use crate::problem::{Assignment, Balance, Certificate, LevelClaim, Solution};
use crate::problem_description::number;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::BTreeMap;

/// What copies on devices amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balanced {
    /// By part: how many devices hold it.
    pub copies: Vec<u64>,
    /// By device: what it carries.
    pub loads: Vec<BigRational>,
    /// The load of the fullest device.
    pub fullest: BigRational,
    /// What the fullest device carries at least, whatever stands where; 0 where nothing is claimed.
    pub bound: BigRational,
}

/// Whether every slot holds a copy, no device two of one part, every part has one, and what is claimed of the fullest
/// device is so.
pub fn recheck_balance(balance: &Balance, solution: &Solution) -> Result<Balanced, Vec<Violation>> {
    let found = recheck_copies(balance, &solution.assignments)?;
    let name = &balance.name;
    let [LevelClaim { incumbent, bound, certificate }] = solution.levels.as_slice() else {
        return Err(vec![claim(format!("{name} has one level"))]);
    };
    let mut wrong = Vec::new();
    if *incumbent != found.fullest {
        wrong.push(claim(format!(
            "the fullest device of {name} carries {}, the solution claims {}",
            number(&found.fullest),
            number(incumbent)
        )));
    }
    let confirmed = match certificate {
        Certificate::Copies { counts } => least_fullest(balance, counts),
        Certificate::Trivial => Some(BigRational::zero()),
        Certificate::LinearDual { .. } | Certificate::Search { .. } => None,
    };
    match confirmed {
        Some(confirmed) if confirmed >= *bound => {}
        Some(confirmed) => wrong.push(claim(format!(
            "the certificate of {name} gives {}, the solution claims {}",
            number(&confirmed),
            number(bound)
        ))),
        None => wrong.push(claim(format!("the certificate of {name} does not apply"))),
    }
    if wrong.is_empty() { Ok(Balanced { bound: bound.clone(), ..found }) } else { Err(wrong) }
}

/// The same of copies of which nothing is claimed; they are in order of part and device.
pub fn recheck_copies(balance: &Balance, assignments: &[Assignment]) -> Result<Balanced, Vec<Violation>> {
    let at = |text: String| vec![Violation { origins: vec![balance.origin], text }];
    if let Some(because) = balance.impossible() {
        return Err(at(because));
    }
    let name = &balance.name;
    let mut held = vec![0_usize; balance.devices];
    let mut copies = vec![0_u64; balance.loads.len()];
    let mut last = None;
    for copy in assignments {
        let (Some(count), Some(slots)) = (copies.get_mut(copy.item), held.get_mut(copy.machine)) else {
            return Err(at(format!("{name} has a copy of no part, or on no device")));
        };
        if copy.copies != 1 || copy.choice != 0 || last >= Some((copy.item, copy.machine)) {
            return Err(at(format!("{name} has part {} twice on device {}", copy.item, copy.machine)));
        }
        last = Some((copy.item, copy.machine));
        *count += 1;
        *slots += 1;
    }
    if let Some(part) = copies.iter().position(Zero::is_zero) {
        return Err(at(format!("{name} has part {part} on no device")));
    }
    if let Some((device, held)) = held.iter().enumerate().find(|(_, held)| **held != balance.slots) {
        return Err(at(format!("{name} has {held} copies on device {device}, of {} slots", balance.slots)));
    }
    let loads = loads(balance, assignments, &copies);
    let fullest = loads.iter().max().cloned().unwrap_or_else(BigRational::zero);
    Ok(Balanced { copies, loads, fullest, bound: BigRational::zero() })
}

/// What each device carries.
fn loads(balance: &Balance, assignments: &[Assignment], copies: &[u64]) -> Vec<BigRational> {
    // Shares with as many copies are added first: few sums of fractions are left.
    let mut sums: Vec<BTreeMap<u64, u128>> = vec![BTreeMap::new(); balance.devices];
    for copy in assignments {
        let Some(count) = copies.get(copy.item) else { continue };
        if let (Some(of), Some(load)) = (sums.get_mut(copy.machine), balance.loads.get(copy.item)) {
            *of.entry(*count).or_default() += u128::from(*load);
        }
    }
    let total = |of: &BTreeMap<u64, u128>| {
        let parts = of.iter().map(|(count, sum)| ratio(*sum, u128::from(*count)));
        parts.fold(BigRational::zero(), |total, part| total + part)
    };
    sums.iter().map(total).collect()
}

/// What the fullest device carries at least, as these counts of copies prove it; none where they prove nothing.
pub fn least_fullest(balance: &Balance, counts: &[u64]) -> Option<BigRational> {
    let Balance { loads, devices, slots, .. } = balance;
    let (devices, copies) = (*devices as u64, balance.copies() as u64);
    let fits = |count: &u64| (1..=devices).contains(count);
    if counts.len() != loads.len() || !counts.iter().all(fits) || counts.iter().sum::<u64>() > copies {
        return None;
    }
    let total: u128 = loads.iter().map(|load| u128::from(*load)).sum();
    let mean = ratio(total, u128::from(devices));
    let share = |(load, count): (&u64, &u64)| ratio((*load).into(), (*count).into());
    let largest = loads.iter().zip(counts).map(share).max()?;
    if largest.is_zero() {
        return Some(mean);
    }
    // With all shares below it each part needs at least so many copies.
    let mut needed = BigInt::zero();
    for load in loads {
        let least = (BigRational::from_integer((*load).into()) / &largest).floor().to_integer() + 1;
        if least > BigInt::from(devices) {
            needed = BigInt::from(copies) + 1;
            break;
        }
        needed += least;
    }
    if needed <= BigInt::from(copies) {
        return None;
    }
    let mut smallest = loads.clone();
    smallest.sort_unstable();
    let beside: u128 = smallest.iter().take(slots.saturating_sub(1)).map(|load| u128::from(*load)).sum();
    let most_copies = devices.min(copies - loads.len() as u64 + 1);
    Some(mean.max(largest + ratio(beside, most_copies.into())))
}

/// `over` is not 0.
fn ratio(part: u128, over: u128) -> BigRational {
    BigRational::new(part.into(), over.max(1).into())
}

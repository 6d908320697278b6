//! Moments: which promises of a service hold together, and at what demand.
//!
//! A promise holds in the steps that its `when` admits. Steps in which the same promises hold differ in nothing but the
//! demand, and what keeps a promise at one rate keeps it at a lower one: so the busiest of them stands for all.

use crate::candidates::{Disregarded, latency_limit, memory_limit};
use berth_language::model::{Requirement, Service, When};
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::BTreeMap;

/// Steps in which the same promises of a service hold.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The first of the busiest of them.
    pub step: usize,
    /// What is asked then, requests a second; 0 where a service has no demand of its own.
    pub rate: BigRational,
    /// The promises that hold then, by index into the service's requirements.
    pub promises: Vec<usize>,
}

/// The moments of a service, the busiest first, with the lines in `without` left out; at least one.
pub fn moments(index: usize, service: &Service, without: &Disregarded) -> Vec<Moment> {
    let is_promise = |requirement: &Requirement| {
        !without.contains(&requirement.span)
            && (latency_limit(index, requirement).is_some() || memory_limit(index, requirement).is_some())
    };
    let promises: Vec<usize> = (0..service.requirements.len())
        .filter(|promise| is_promise(&service.requirements[*promise]))
        .collect();
    let demand = service.demand.as_ref().filter(|demand| !without.contains(&demand.span));
    let rates = demand.map_or(&[][..], |demand| &demand.value.rates);
    let whens = promises.iter().map(|promise| &service.requirements[*promise].when);
    let steps = whens.map(|when| when.base.count()).chain([rates.len()]).max().unwrap_or(1).max(1);
    let mut busiest: BTreeMap<Vec<usize>, Moment> = BTreeMap::new();
    for step in 0..steps {
        // A demand that is the same in all steps has one rate.
        let rate = rates.get(step).or(rates.first()).cloned().unwrap_or_else(BigRational::zero);
        let holding = promises.iter().copied();
        let promises: Vec<usize> =
            holding.filter(|promise| service.requirements[*promise].when.base.admits(step)).collect();
        let known = busiest.entry(promises.clone());
        let moment = known.or_insert_with(|| Moment { step, rate: rate.clone(), promises });
        if rate > moment.rate {
            (moment.step, moment.rate) = (step, rate);
        }
    }
    let mut moments: Vec<Moment> = busiest.into_values().collect();
    moments.sort_by(|left, right| right.rate.cmp(&left.rate).then(left.step.cmp(&right.step)));
    moments
}

impl Moment {
    /// Lines with this `when` hold.
    pub fn is_within(&self, when: &When) -> bool {
        when.base.admits(self.step)
    }
}

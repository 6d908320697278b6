//! Moments: which promises of a service hold together, and at what demand.
//!
//! A promise holds in the steps that its `when` admits. Steps in which the same promises hold differ in nothing but the
//! demand, and what keeps a promise at one rate keeps it at a lower one: so the busiest of them stands for all. In a scenario
//! the demand is that of the base, and the replicas on nodes that are gone carry nothing of it.

use crate::assembly::is_left_out;
use crate::candidates::{Disregarded, latency_limit, memory_limit};
use berth_language::model::{Program, Requirement, Service, When};
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::{BTreeMap, BTreeSet};

/// Steps in which the same promises of a service hold.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The scenario that has happened, by index; none in the base world.
    pub scenario: Option<usize>,
    /// The first of the busiest of them.
    pub step: usize,
    /// What is asked then, requests a second; 0 where a service has no demand of its own.
    pub rate: BigRational,
    /// The promises that hold then, by index into the service's requirements.
    pub promises: Vec<usize>,
}

/// The moments of a service with the lines in `without` left out, the busiest first: those of the base world, at least
/// one, before those of each scenario in which some promise holds.
pub fn moments(program: &Program, index: usize, without: &Disregarded) -> Vec<Moment> {
    let service = &program.services[index];
    let is_promise = |requirement: &Requirement| {
        !without.contains(&requirement.span)
            && (latency_limit(index, requirement).is_some() || memory_limit(index, requirement).is_some())
    };
    let promises: Vec<usize> = (0..service.requirements.len())
        .filter(|promise| is_promise(&service.requirements[*promise]))
        .collect();
    let scenarios: BTreeSet<usize> =
        promises.iter().flat_map(|promise| service.requirements[*promise].when.worlds()).flatten().collect();
    let mut moments = in_world(service, None, &promises, without);
    for scenario in scenarios {
        if !is_left_out(program, Some(scenario), without) {
            let of = in_world(service, Some(scenario), &promises, without);
            // Where nothing is promised, nothing is asked of a scenario.
            moments.extend(of.into_iter().filter(|moment| !moment.promises.is_empty()));
        }
    }
    moments
}

/// The moments of one world, at least one.
fn in_world(
    service: &Service,
    scenario: Option<usize>,
    promises: &[usize],
    without: &Disregarded,
) -> Vec<Moment> {
    let demand = service.demand.as_ref().filter(|demand| !without.contains(&demand.span));
    let rates = demand.map_or(&[][..], |demand| &demand.value.rates);
    let of = |promise: usize| service.requirements[promise].when.steps(scenario);
    let steps = promises.iter().map(|promise| of(*promise).count());
    let steps = steps.chain([rates.len()]).max().unwrap_or(1).max(1);
    let mut busiest: BTreeMap<Vec<usize>, Moment> = BTreeMap::new();
    for step in 0..steps {
        // A demand that is the same in all steps has one rate.
        let rate = rates.get(step).or(rates.first()).cloned().unwrap_or_else(BigRational::zero);
        let promises: Vec<usize> =
            promises.iter().copied().filter(|promise| of(*promise).admits(step)).collect();
        let known = busiest.entry(promises.clone());
        let moment = known.or_insert_with(|| Moment { scenario, step, rate: rate.clone(), promises });
        if rate > moment.rate {
            (moment.step, moment.rate) = (step, rate);
        }
    }
    let mut moments: Vec<Moment> = busiest.into_values().collect();
    moments.sort_by(|left, right| right.rate.cmp(&left.rate).then(left.step.cmp(&right.step)));
    moments
}

impl Moment {
    /// Lines with this `when` hold, in this world.
    pub fn is_within(&self, when: &When, scenario: Option<usize>) -> bool {
        self.scenario == scenario && when.steps(scenario).admits(self.step)
    }
}

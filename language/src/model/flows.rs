//! Paths through services, with promises from end to end.

use super::{Demand, Fact, Program, Requirement, Wish};
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::collections::BTreeMap;

/// A path through services.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Its address.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Its doc comment.
    pub doc: Option<String>,
    /// Higher is satisfied first. 0 where the file says nothing.
    pub priority: Fact<i64>,
    /// The services in their order; paths of other flows are written out.
    pub path: Option<Fact<Path>>,
    /// Requests by step of the horizon.
    pub demand: Option<Fact<Demand>>,
    /// Requirements of this flow and its bases.
    pub requirements: Vec<Requirement>,
    /// Wishes of this flow and its bases.
    pub wishes: Vec<Wish>,
}

/// How one request walks through services. Calls are independent given the step.
#[derive(Clone, Debug, PartialEq)]
pub enum Path {
    /// One call of a service, by index.
    Call(usize),
    /// `a -> b`: one after another.
    Then(Vec<Path>),
    /// `a & b`: side by side; whoever comes after waits for all.
    Beside(Vec<Path>),
    /// `n * a`: floor(n) times, one after another, and once more with probability n - floor(n).
    Times {
        /// The mean, above zero.
        mean: BigRational,
        /// What is walked.
        path: Box<Path>,
    },
    /// `calls(mean = …, max = …) * a`: a geometric count from 0, cut off at `max`, with this mean.
    Calls {
        /// The mean, above zero and at most `max`.
        mean: BigRational,
        /// The most.
        max: u64,
        /// What is walked.
        path: Box<Path>,
    },
    /// `loop(a -> b, mean = …, max = …)`: a geometric count from 1, cut off at `max`, with this mean.
    Loop {
        /// The mean, from 1 to `max`.
        mean: BigRational,
        /// The most.
        max: u64,
        /// What is walked.
        path: Box<Path>,
    },
}

impl Path {
    /// The mean number of calls of each service that one request makes.
    pub fn calls(&self) -> BTreeMap<usize, BigRational> {
        let mut calls = BTreeMap::new();
        self.add_calls(&BigRational::one(), &mut calls);
        calls
    }

    fn add_calls(&self, times: &BigRational, calls: &mut BTreeMap<usize, BigRational>) {
        match self {
            Self::Call(service) => *calls.entry(*service).or_insert_with(BigRational::zero) += times,
            Self::Then(parts) | Self::Beside(parts) => {
                for part in parts {
                    part.add_calls(times, calls);
                }
            }
            Self::Times { mean, path } | Self::Calls { mean, path, .. } | Self::Loop { mean, path, .. } => {
                path.add_calls(&(times * mean), calls);
            }
        }
    }
}

impl Program {
    /// What a service is asked for by step, requests a second: its own demand and the mean calls of every
    /// flow times the flow's. None where nobody asks for anything; one value where nothing varies.
    pub fn asked(&self, service: usize) -> Option<Vec<BigRational>> {
        let own = self.services.get(service).and_then(|service| service.demand.as_ref());
        let mut parts: Vec<(BigRational, &[BigRational])> = Vec::new();
        parts.extend(own.map(|demand| (BigRational::one(), demand.value.rates.as_slice())));
        for flow in &self.flows {
            let (Some(path), Some(demand)) = (&flow.path, &flow.demand) else { continue };
            if let Some(calls) = path.value.calls().remove(&service) {
                parts.push((calls, demand.value.rates.as_slice()));
            }
        }
        let steps = parts.iter().map(|(_, rates)| rates.len()).max()?;
        let in_step = |step: usize| {
            let rates = parts.iter().filter_map(|(calls, rates)| {
                // A constant has one value for all steps.
                let rate = if rates.len() == 1 { rates.first() } else { rates.get(step) };
                rate.map(|rate| calls * rate)
            });
            rates.sum()
        };
        Some((0..steps).map(in_step).collect())
    }
}

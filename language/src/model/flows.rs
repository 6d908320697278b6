//! Paths through services, with promises from end to end.

use super::{Demand, Fact, Program, Requirement, Wish};
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::collections::{BTreeMap, BTreeSet};

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
    /// `one_of([small, large])`: one of them; the plan chooses which share of the walks each has, step by step.
    OneOf(Vec<Variant>),
}

/// One way of several that a request may go.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The address of the service or flow.
    pub name: String,
    /// What is walked.
    pub path: Path,
}

/// Mean calls of a service that one request makes, whatever shares the plan gives to variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Where its variants have the least share.
    pub least: BigRational,
    /// Where they have the largest.
    pub most: BigRational,
}

impl Path {
    /// The mean number of calls of each service that one request makes.
    pub fn calls(&self) -> BTreeMap<usize, Calls> {
        match self {
            Self::Call(service) => {
                BTreeMap::from([(*service, Calls { least: BigRational::one(), most: BigRational::one() })])
            }
            Self::Then(parts) | Self::Beside(parts) => {
                let mut sum: BTreeMap<usize, Calls> = BTreeMap::new();
                for (service, calls) in parts.iter().flat_map(Self::calls) {
                    let known = sum.entry(service).or_default();
                    known.least += calls.least;
                    known.most += calls.most;
                }
                sum
            }
            Self::Times { mean, path } | Self::Calls { mean, path, .. } | Self::Loop { mean, path, .. } => {
                let mut calls = path.calls();
                for calls in calls.values_mut() {
                    calls.least *= mean;
                    calls.most *= mean;
                }
                calls
            }
            Self::OneOf(variants) => {
                let variants: Vec<_> = variants.iter().map(|variant| variant.path.calls()).collect();
                let services: BTreeSet<usize> =
                    variants.iter().flat_map(|calls| calls.keys().copied()).collect();
                let of = |service: usize| {
                    let each =
                        || variants.iter().map(|calls| calls.get(&service).cloned().unwrap_or_default());
                    Calls {
                        least: each().map(|calls| calls.least).min().unwrap_or_default(),
                        most: each().map(|calls| calls.most).max().unwrap_or_default(),
                    }
                };
                services.into_iter().map(|service| (service, of(service))).collect()
            }
        }
    }

    /// The names of the variants in it.
    pub fn variants(&self) -> BTreeSet<&str> {
        match self {
            Self::Call(_) => BTreeSet::new(),
            Self::Then(parts) | Self::Beside(parts) => parts.iter().flat_map(Self::variants).collect(),
            Self::Times { path, .. } | Self::Calls { path, .. } | Self::Loop { path, .. } => path.variants(),
            Self::OneOf(variants) => variants
                .iter()
                .flat_map(|variant| [variant.name.as_str()].into_iter().chain(variant.path.variants()))
                .collect(),
        }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self { least: BigRational::zero(), most: BigRational::zero() }
    }
}

impl Program {
    /// What a service is asked for by step, requests a second: its own demand and the mean calls of every
    /// flow times the flow's. A variant is asked for the most that it can be: that all walk it. None where nobody
    /// asks for anything; one value where nothing varies.
    pub fn asked(&self, service: usize) -> Option<Vec<BigRational>> {
        let own = self.services.get(service).and_then(|service| service.demand.as_ref());
        let mut parts: Vec<(BigRational, &[BigRational])> = Vec::new();
        parts.extend(own.map(|demand| (BigRational::one(), demand.value.rates.as_slice())));
        for flow in &self.flows {
            let (Some(path), Some(demand)) = (&flow.path, &flow.demand) else { continue };
            if let Some(calls) = path.value.calls().remove(&service) {
                parts.push((calls.most, demand.value.rates.as_slice()));
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

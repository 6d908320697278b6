//! The forms of jobs with work to do: replicas of a model as a service has them, each with all the requests that it can take.
//!
//! No request waits for anybody, so a replica is as fast as the rate at which it would just keep up. Replicas need not be alike:
//! together they do as many requests a second as the work asks for in the time that lines leave it.

use super::finish_limit;
use crate::assembly::requirements;
use crate::candidates::{
    Candidate, Capacity, DeviceClass, Disregarded, LEAST_RATE, Refusal, ServiceCandidates, largest_batch,
    replicas, why_nothing, workload,
};
use crate::graph::OperatorGraph;
use crate::problem::{Atom, Relation, Row};
use crate::solving::Solving;
use berth_language::model::{Compare, Condition, Job, LlmWork, Program, Statistic};
use berth_language::quantity::Dimension;
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Rates are counted in so many parts of a request a second.
const PARTS: u64 = 1_000_000;

/// The requests that a job has to do; none of a job that does something else.
pub fn requests(job: &Job) -> Option<BigRational> {
    let (runs, work) = (job.runs.as_ref()?, &job.work.as_ref()?.value);
    if work.dimension.matches(&Dimension::REQUEST) {
        return Some(work.value.clone());
    }
    // What writes none reads them.
    let tokens = runs.output.as_ref().or(runs.prompt.as_ref())?.value.figure(&Statistic::Mean).ok()?;
    tokens.is_positive().then(|| &work.value / tokens)
}

/// Seconds that the work takes with so many copies of each form; none where nothing does it.
pub fn seconds_for(job: &Job, own: &ServiceCandidates, copies: &[u64]) -> Option<BigRational> {
    let each = own.candidates.iter().zip(copies);
    let together: BigRational =
        each.map(|(form, copies)| rate(form) * BigRational::from_integer((*copies).into())).sum();
    together.is_positive().then(|| requests(job).map(|requests| requests / together)).flatten()
}

/// Requests a second of one replica, on the safe side.
fn rate(candidate: &Candidate) -> BigRational {
    let rate = candidate.capacities.first().map_or(0.0, |capacity| capacity.rate);
    let parts = (rate * PARTS as f64).floor().to_u64().unwrap_or(0);
    BigRational::new(BigInt::from(parts), BigInt::from(PARTS))
}

pub(super) fn candidates(
    program: &Program,
    job: &Job,
    runs: &LlmWork,
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
    solving: &dyn Solving,
) -> ServiceCandidates {
    let mut found = ServiceCandidates::default();
    let batch = largest_batch(runs, without);
    // Requests are taken when there is room: none comes late.
    let workload = workload(runs, 1.0);
    let laid = replicas(program, (&job.name, runs, &workload), graph, classes, without, solving);
    for (layout, replica) in laid {
        let judged = replica.and_then(|(replica, experts)| {
            let capacity = replica.capacity(batch, &[]).map_err(|error| error.to_string())?;
            match capacity.rate < LEAST_RATE {
                true => Err(why_nothing(&replica, batch, false)),
                false => Ok((capacity.rate, replica, experts)),
            }
        });
        match judged {
            Ok((rate, replica, experts)) => found.candidates.push(Candidate {
                layout: Some(layout),
                devices: layout.devices(),
                classes: Some(vec![layout.class]),
                capacities: vec![Capacity { rate, limited_by: None }],
                replica: Some(replica),
                training: None,
                experts,
            }),
            Err(because) => found.refusals.push(Refusal { layout, because, origins: Vec::new() }),
        }
    }
    found
}

/// Something does it, and for each line about the time, fast enough.
pub(super) fn rows(
    program: &Program,
    (item, job): (usize, &Job),
    own: &ServiceCandidates,
    without: &Disregarded,
) -> Vec<Row> {
    let mut rows = vec![Row {
        terms: vec![(BigRational::one(), Atom::Copies { item })],
        survives: None,
        relation: Relation::AtLeast,
        bound: BigRational::one(),
        origins: vec![job.span],
    }];
    let requests = requests(job).unwrap_or_else(BigRational::zero);
    let lines = requirements(program).filter(|line| !without.contains(&line.span));
    for line in lines {
        let Some(seconds) = finish_limit(line, &job.name) else { continue };
        let bound = match seconds.is_positive() {
            true => &requests / seconds,
            // Nothing is done in no time: more than all replicas could do.
            false => BigRational::from_integer(u64::MAX.into()),
        };
        // Sums are whole in parts: what is above is one part above.
        let parts = BigRational::from_integer(PARTS.into());
        let is_strict = matches!(line.condition, Condition::Compare { compare: Compare::Below, .. });
        let bound = match is_strict {
            true => ((bound * &parts).floor() + BigRational::one()) / parts,
            false => bound,
        };
        let forms = own.candidates.iter().enumerate();
        let terms = forms.map(|(choice, form)| (rate(form), Atom::CopiesOf { item, choice })).collect();
        let origins: Vec<Span> = vec![line.span];
        rows.push(Row { terms, survives: None, relation: Relation::AtLeast, bound, origins });
    }
    rows
}

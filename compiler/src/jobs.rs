//! The forms of jobs, and what the problem says of them.
//!
//! A job that [trains](training) runs in copies that share each batch; one with [work] to do with a model in replicas that each do a part of
//! it.

mod training;
mod work;

pub use work::{requests, seconds_for};

use crate::assembly::requirements;
use crate::candidates::{
    Candidate, Candidates, DeviceClass, Disregarded, Layout, ServiceCandidates, candidates,
};
use crate::degrees::Axis;
use crate::graph::OperatorGraph;
use crate::performance::Band;
use crate::performance::training::Step;
use crate::problem::{Devices, Row};
use crate::solving::Solving;
use berth_language::model::{Compare, Condition, Job, Program, Requirement, Restriction};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};

/// One copy of a job.
#[derive(Clone, Debug)]
pub struct Training {
    /// Of all its copies.
    pub step: Step,
    /// s, until the last of its steps is done.
    pub finish: Band,
    /// The first copy; the others are of another candidate.
    pub is_first: bool,
    /// What its figures rest on.
    pub notes: Vec<String>,
}

/// The jobs that are planned, each with its item of the problem: after those of the services.
pub fn jobs(program: &Program) -> impl Iterator<Item = (usize, &Job)> {
    let planned = program.jobs.iter().filter(|job| job.is_planned());
    planned.enumerate().map(|(index, job)| (program.services.len() + index, job))
}

/// The address of an item: a service's or a job's.
pub fn name_of(program: &Program, item: usize) -> &str {
    let service = program.services.get(item).map(|service| service.name.as_str());
    let job = || jobs(program).find(|(index, _)| *index == item).map(|(_, job)| job.name.as_str());
    service.or_else(job).unwrap_or("?")
}

/// The priority of an item.
pub fn priority_of(program: &Program, item: usize) -> i64 {
    let service = program.services.get(item).map(|service| service.priority.value);
    let job = || jobs(program).find(|(index, _)| *index == item).map(|(_, job)| job.priority.value);
    service.or_else(job).unwrap_or(0)
}

/// The lines about each axis.
pub fn degree_lines(job: &Job) -> [(Axis, &[Restriction<u64>]); 4] {
    [
        (Axis::Tensor, &job.tensor),
        (Axis::Pipeline, &job.pipeline),
        (Axis::Expert, &job.expert),
        (Axis::Data, &job.data),
    ]
}

/// The lines that limit a choice of a job.
pub fn choice_lines(job: &Job) -> impl Iterator<Item = Span> {
    let degrees = degree_lines(job).into_iter().flat_map(|(_, lines)| lines).map(|line| line.span);
    let precision = job.precision.iter().map(|line| line.span);
    let sharding = job.sharding.iter().map(|line| line.span);
    degrees.chain(precision).chain(sharding).chain(job.device.iter().map(|line| line.span))
}

/// Seconds that a line leaves a job until it is done.
pub fn finish_limit(requirement: &Requirement, job: &str) -> Option<BigRational> {
    let Some(Condition::Compare { terms, compare: Compare::AtMost | Compare::Below, limit, .. }) =
        requirement.judged_in(None)
    else {
        return None;
    };
    let [term] = terms.as_slice() else { return None };
    let own = term.coefficient.is_positive() && term.subject.finish() == Some(job);
    own.then(|| &limit.value / &term.coefficient)
}

/// Enumerates the forms of a job, with the lines in `without` left out.
pub fn job_candidates(
    program: &Program,
    job: &Job,
    graph: &OperatorGraph,
    classes: &[DeviceClass],
    without: &Disregarded,
    solving: &dyn Solving,
) -> ServiceCandidates {
    match &job.runs {
        Some(runs) => work::candidates(program, job, runs, graph, classes, without, solving),
        None => training::candidates(program, job, graph, classes, without),
    }
}

/// What the problem says of a job that is not left out.
pub fn job_rows(
    program: &Program,
    (item, job): (usize, &Job),
    candidates: &Candidates,
    without: &Disregarded,
) -> Vec<Row> {
    let Some(own) = candidates.services.get(item).filter(|_| !without.contains(&job.span)) else {
        return Vec::new();
    };
    match &job.runs {
        Some(_) => work::rows(program, (item, job), own, without),
        None => training::rows(job, item, own),
    }
}

/// `12.5 min`, `31.2 h`, `4.5 d`
pub fn hours(seconds: f64) -> String {
    let hours = seconds / 3_600.0;
    match hours {
        ..2.0 => format!("{:.1} min", 60.0 * hours),
        ..72.0 => format!("{hours:.1} h"),
        _ => format!("{:.1} d", hours / 24.0),
    }
}

/// What a line of a job asks for, or what the job itself does.
pub fn because(
    program: &Program,
    graph: &OperatorGraph,
    (item, job): (usize, &Job),
    span: Span,
    solving: &dyn Solving,
) -> Option<String> {
    let name = &job.name;
    let with = candidates(program, graph, &Disregarded::new(), solving);
    let own = &with.services[item];
    if job.runs.is_some()
        && let Some(asked) = asked_by(program, job, span)
    {
        let rate = |of: &Candidate| of.capacities.first().map_or(0.0, |capacity| capacity.rate);
        let best = own.candidates.iter().max_by(|left, right| rate(left).total_cmp(&rate(right)));
        let found = best.and_then(|best| Some((rate(best), best.layout.as_ref()?)));
        return Some(match (found, own.refusals.first()) {
            (Some((rate, layout)), _) => {
                format!("`{name}` {asked}; a copy does at most {rate:.3}: {}", with.layout_name(layout))
            }
            (None, Some(refusal)) => format!("`{name}` {asked}, and cannot run: {}", refusal.because),
            (None, None) => format!("`{name}` {asked}, and no node has a device that it may run on"),
        });
    }
    let forms =
        || own.candidates.iter().filter_map(|one| Some((one, one.layout.as_ref()?, one.training.as_ref()?)));
    let devices = |(one, _, training): &(&Candidate, &Layout, &Training)| match one.devices {
        Devices::Whole(each) => u64::from(each) * training.step.copies,
        Devices::None | Devices::Share(_) => 0,
    };
    let least = || match forms().min_by_key(devices) {
        Some(form) => format!("at least {} devices: {}", devices(&form), with.layout_name(form.1)),
        None => match own.refusals.first() {
            Some(refusal) => {
                format!("what no layout has: {} {}", with.layout_name(&refusal.layout), refusal.because)
            }
            None => "a device, and no node has one that it may run on".to_owned(),
        },
    };
    if job.span == span {
        return Some(format!("`{name}` takes {}", least()));
    }
    if requirements(program).any(|line| line.span == span && finish_limit(line, name).is_some()) {
        return Some(match forms().next() {
            Some(_) => format!("`{name}` takes {}", least()),
            None => match own.refusals.iter().find(|refusal| refusal.origins.contains(&span)) {
                Some(refusal) => {
                    format!("`{name}` {}: {}", refusal.because, with.layout_name(&refusal.layout))
                }
                None => format!("limits how long `{name}` takes"),
            },
        });
    }
    let mut degrees = degree_lines(job).into_iter();
    let axis = degrees.find(|(_, lines)| lines.iter().any(|line| line.span == span)).map(|(axis, _)| axis);
    let allows = match axis {
        Some(Axis::Tensor) => format!("`{name}` is split over no other number of devices"),
        Some(Axis::Pipeline) => format!("`{name}` runs in no other number of stages"),
        Some(Axis::Expert) => format!("`{name}` has its experts in no other number of groups"),
        Some(Axis::Data | Axis::Context) => {
            format!("`{name}` has no other number of groups with sequences of their own")
        }
        None if job.device.iter().any(|line| line.span == span) => {
            format!("`{name}` runs on no other device")
        }
        None if job.precision.iter().any(|line| line.span == span) => {
            format!("`{name}` computes at no other precision")
        }
        None if job.sharding.iter().any(|line| line.span == span) => {
            format!("copies of `{name}` hold a part of nothing else")
        }
        None => return None,
    };
    Some(match own.refusals.first().filter(|_| own.candidates.is_empty()) {
        Some(refusal) => format!("{allows}; so it {}", refusal.because),
        None => allows,
    })
}

/// What a job with work of a model, or a line about its time, asks for.
fn asked_by(program: &Program, job: &Job, span: Span) -> Option<String> {
    if job.span == span {
        return Some("needs at least one copy".into());
    }
    let mut lines = requirements(program).filter(|line| line.span == span);
    let seconds = lines.find_map(|line| finish_limit(line, &job.name)).filter(Signed::is_positive)?;
    let rate = (requests(job)? / seconds).to_f64().unwrap_or(f64::MAX);
    Some(format!("has to do {rate:.3} req/s"))
}

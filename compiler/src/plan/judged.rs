//! Every line that must hold, and whether it does.
//!
//! A line is met only where a figure was compared with it: what no stage can judge has no verdict.

use crate::assembly::{is_linear, per_hour, standing_price, wishes};
use crate::candidates::{Layout, degree_lines, latency_limit, memory_limit};
use crate::containers::Container;
use crate::jobs::{self, jobs};
use crate::plan::RequirementEntry;
use crate::plan::groups::broken;
use crate::plan::predicted::{Load, Predicted, latency, measure_name, memory_free, statistic_name};
use crate::plan::shares::quota_entries;
use crate::plan::written::{World, file_name, float, running_as, seconds_of};
use crate::recheck::Values;
use berth_language::model::{
    Compare, Condition, CountBound, Job, LatencyMeasure, Of, PlaceKind, Program, Requirement, Restriction,
    Scenario, Service, Sharding, Statistic, Subject, Term, Work,
};
use berth_language::quantity::Dimension;
use berth_language::quantity_text::column_unit;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// What could not be judged carries this code, which `--allow-unjudged` names.
pub const NOT_YET: &str = "plan::not-yet";

/// What could be judged if a fact were stated carries this one.
pub const MISSING: &str = "model::missing-input";

/// An entry for a line, not judged so far.
pub fn entry(world: World<'_>, span: Span, text: &str) -> RequirementEntry {
    let (line, column) = world.sources.position(span);
    RequirementEntry {
        file: file_name(world.sources, span),
        line,
        column,
        text: text.into(),
        service: None,
        policy: None,
        team: None,
        statistic: None,
        scenario: None,
        step: None,
        value: None,
        limit: None,
        unit: None,
        slack: None,
        met: None,
        because: None,
        code: None,
    }
}

fn unjudged(world: World<'_>, span: Span, text: &str, because: &str) -> RequirementEntry {
    RequirementEntry { because: Some(because.into()), code: Some(NOT_YET.into()), ..entry(world, span, text) }
}

/// One entry a line, in order of the program; first what is not acted on at all.
pub fn requirement_entries(world: World<'_>, values: &Values, loads: &[Load]) -> Vec<RequirementEntry> {
    let program = world.program;
    let mut entries = Vec::new();
    for not_yet in &program.not_yet {
        entries.push(unjudged(world, not_yet.span, &not_yet.text, &not_yet.because));
    }
    for (index, service) in program.services.iter().enumerate() {
        let from = entries.len();
        entries.extend(choice_entries(world, values, index, service));
        for requirement in &service.requirements {
            entries.push(judge(world, values, loads, requirement));
        }
        if let (Work::Image(work), Some(demand)) = (&service.work, &service.demand)
            && Container::of(work).is_none()
        {
            let text = world.sources.text(demand.span).split_whitespace().collect::<Vec<_>>().join(" ");
            let because = "whether the replicas carry it follows from `time` and `concurrency`, or from `serves`, the rate of one replica";
            entries.push(RequirementEntry {
                code: Some(MISSING.into()),
                ..unjudged(world, demand.span, &text, because)
            });
        }
        for entry in &mut entries[from..] {
            entry.service = Some(service.name.clone());
        }
    }
    let item_of: BTreeMap<&str, usize> = jobs(program).map(|(item, job)| (job.name.as_str(), item)).collect();
    for job in &program.jobs {
        let from = entries.len();
        let item = item_of.get(job.name.as_str()).copied();
        entries.extend(item.into_iter().flat_map(|item| layout_entries(world, values, item, job)));
        for requirement in &job.requirements {
            entries.push(judge(world, values, loads, requirement));
        }
        for entry in &mut entries[from..] {
            entry.service = Some(job.name.clone());
        }
    }
    for requirement in &program.requirements {
        entries.push(judge(world, values, loads, requirement));
    }
    entries.extend(quota_entries(world, values));
    for wish in wishes(program).filter(|wish| !is_linear(wish)) {
        let because = wish.unjudged.clone().unwrap_or_else(|| "this wish is not weighed yet".into());
        let mut entry = unjudged(world, wish.span, &wish.text, &because);
        entry.service = wish.service.map(|service| program.services[service].name.clone());
        entries.push(entry);
    }
    entries
}

/// Lines that bound a choice, pins included: what was chosen stands beside what was allowed.
fn choice_entries(
    world: World<'_>,
    values: &Values,
    index: usize,
    service: &Service,
) -> Vec<RequirementEntry> {
    let copies: u64 = values.copies[index].iter().sum();
    let in_use: Vec<_> = world.candidates.services[index]
        .candidates
        .iter()
        .zip(&values.copies[index])
        .filter(|(_, copies)| **copies > 0)
        .map(|(candidate, _)| candidate)
        .collect();
    let layouts: Vec<_> = in_use.iter().filter_map(|candidate| candidate.layout.as_ref()).collect();
    let device_of = |class: usize| world.candidates.classes[class].device;
    let line = |span: Span, met: bool| {
        let text = world.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
        RequirementEntry { met: Some(met), ..entry(world, span, &text) }
    };
    let within = |bound: &CountBound, value: u64| {
        bound.low.is_none_or(|low| low <= value) && bound.high.is_none_or(|high| value <= high)
    };
    let mut entries: Vec<RequirementEntry> = service
        .replicas
        .iter()
        .map(|bound| RequirementEntry {
            value: Some(copies as f64),
            unit: Some("1".into()),
            ..line(bound.span, within(bound, copies))
        })
        .collect();
    match &service.work {
        Work::Image(work) => {
            // A machine's class is checked by the problem itself; here the line is reported with it.
            entries.extend(work.device.iter().map(|restriction| {
                let met = in_use.iter().all(|candidate| {
                    candidate.classes.as_ref().is_some_and(|classes| {
                        classes.iter().all(|class| restriction.allowed.contains(&device_of(*class)))
                    })
                });
                line(restriction.span, met)
            }));
        }
        Work::Llm(work) => {
            let all = |holds: &dyn Fn(&Layout) -> bool| layouts.iter().all(|layout| holds(layout));
            for (axis, restrictions) in degree_lines(work) {
                entries.extend(restrictions.iter().map(|restriction| {
                    let allowed = |layout: &Layout| restriction.allowed.contains(&layout.degrees.of(axis));
                    line(restriction.span, all(&allowed))
                }));
            }
            entries.extend(work.nodes.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains(&layout.nodes)))
            }));
            entries.extend(work.precision.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains(&layout.precision)))
            }));
            entries.extend(work.device.iter().map(|restriction| {
                line(restriction.span, all(&|layout| restriction.allowed.contains(&device_of(layout.class))))
            }));
            entries.extend(
                work.batch.iter().map(|bound| line(bound.span, all(&|layout| within(bound, layout.batch)))),
            );
        }
    }
    entries
}

/// Lines that limit a choice of a job, beside what was chosen.
fn layout_entries(world: World<'_>, values: &Values, item: usize, job: &Job) -> Vec<RequirementEntry> {
    let forms = world.candidates.services[item].candidates.iter().zip(&values.copies[item]);
    let used = forms.filter(|(_, copies)| **copies > 0).filter_map(|(form, _)| form.layout.as_ref());
    let layouts: Vec<&Layout> = used.collect();
    let all = |holds: &dyn Fn(&Layout) -> bool| layouts.iter().all(|layout| holds(layout));
    let mut lines: Vec<(Span, bool)> = Vec::new();
    for (axis, restrictions) in jobs::degree_lines(job) {
        let met = |line: &Restriction<u64>| all(&|of| line.allowed.contains(&of.degrees.of(axis)));
        lines.extend(restrictions.iter().map(|line| (line.span, met(line))));
    }
    let met = |line: &Restriction<_>| all(&|of| line.allowed.contains(&of.precision));
    lines.extend(job.precision.iter().map(|line| (line.span, met(line))));
    if job.is_training() {
        let sharding = |of: &Layout| of.sharding.unwrap_or(Sharding::None);
        let met = |line: &Restriction<_>| all(&|of| line.allowed.contains(&sharding(of)));
        lines.extend(job.sharding.iter().map(|line| (line.span, met(line))));
    }
    let device = |of: &Layout| world.candidates.classes[of.class].device;
    let met = |line: &Restriction<_>| all(&|of| line.allowed.contains(&device(of)));
    lines.extend(job.device.iter().map(|line| (line.span, met(line))));
    let entry = |(span, met): (Span, bool)| {
        let text = world.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
        RequirementEntry { met: Some(met), ..entry(world, span, &text) }
    };
    lines.into_iter().map(entry).collect()
}

/// A line in the world in which least is left of it; where it breaks in one, in the first of those.
fn judge(world: World<'_>, values: &Values, loads: &[Load], requirement: &Requirement) -> RequirementEntry {
    let rank = |entry: &RequirementEntry| match entry.met {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    };
    let of = |scenario| judge_in(world, values, loads, requirement, scenario);
    let slack = |entry: &RequirementEntry| entry.slack.unwrap_or(f64::INFINITY);
    let worst = requirement
        .when
        .worlds()
        .map(of)
        .min_by(|left, right| rank(left).cmp(&rank(right)).then(slack(left).total_cmp(&slack(right))));
    worst.unwrap_or_else(|| judge_in(world, values, loads, requirement, None))
}

/// A line in one world: a scenario by its index, or the base.
fn judge_in(
    world: World<'_>,
    values: &Values,
    loads: &[Load],
    requirement: &Requirement,
    scenario: Option<usize>,
) -> RequirementEntry {
    let happened = scenario.and_then(|scenario| world.program.scenarios.get(scenario));
    let bare = || RequirementEntry {
        policy: requirement.policy.clone(),
        scenario: happened.map(|scenario| scenario.name.clone()),
        ..entry(world, requirement.span, &requirement.text)
    };
    let not_yet = |because: &str| RequirementEntry {
        policy: requirement.policy.clone(),
        ..unjudged(world, requirement.span, &requirement.text, because)
    };
    if let Some(because) = &requirement.unjudged {
        return not_yet(because);
    }
    let (terms, compare, limit) = match &requirement.condition {
        Condition::Compare { terms, compare, limit, .. } => (terms, compare, limit),
        condition => match holds(world, values, condition, happened) {
            Some(met) => return RequirementEntry { met: Some(met), ..bare() },
            None => return not_yet("only comparisons are judged"),
        },
    };
    if let Some(sum) = linear_sum(world, values, terms, happened) {
        // A bill is compared by the hour; what is counted may have a unit for each.
        let money = terms.iter().any(|term| term.subject == Subject::Bill);
        let plain = limit.dimension == Dimension::NONE;
        let (unit, factor) = match (money, plain) {
            (true, _) => ("$/h".to_owned(), BigRational::one()),
            (false, true) => ("1".to_owned(), BigRational::one()),
            (false, false) => column_unit(&limit.dimension),
        };
        let limit = if money { per_hour(limit) } else { &limit.value * &factor };
        let sum = sum * factor;
        let met = compare_exactly(*compare, &sum, &limit);
        if *compare == Compare::Unequal && !met {
            return not_yet("the planner does not steer away from a value yet");
        }
        return RequirementEntry {
            value: Some(float(&sum)),
            limit: Some(float(&limit)),
            unit: Some(unit),
            slack: slack(*compare, float(&sum), float(&limit)),
            met: Some(met),
            ..bare()
        };
    }
    if let [Term { coefficient, subject }] = terms.as_slice()
        && let Some(job) = subject.finish()
    {
        let Some(found) = jobs(world.program).find(|(_, known)| known.name == job) else {
            return not_yet("this job is not planned yet");
        };
        let limit = &limit.value / coefficient;
        let entry = |value: f64| judged_measure(bare(), *compare, value, float(&limit), "s", None, None);
        if let Some(seconds) = seconds_of(world, values, found) {
            let met = compare_exactly(*compare, &seconds, &limit);
            return RequirementEntry { met: Some(met), ..entry(float(&seconds)) };
        }
        return match running_as(world, values, found.0) {
            Some((_, training)) => entry(training.finish.high),
            None => not_yet("this job does not run"),
        };
    }
    let Some(service) = requirement.service else {
        return not_yet("only a service's own lines about latency or memory are judged");
    };
    if let Some((measure, statistic, seconds)) = latency_limit(service, requirement) {
        let of = (service, measure, statistic);
        let Some(found) = latency(world, values, loads, of, (&requirement.when, scenario)) else {
            let because = missing(world.program, service, measure, statistic);
            return RequirementEntry { code: Some(MISSING.into()), ..not_yet(&because) };
        };
        return judged_measure(
            bare(),
            *compare,
            found.band.high,
            seconds,
            "s",
            Some(statistic_name(statistic)),
            step_of(world, service, &found),
        );
    }
    if let Some(least) = memory_limit(service, requirement) {
        let Some(found) = memory_free(world, loads, service, (&requirement.when, scenario)) else {
            let because = "nothing of this service uses a device's memory, or its demand is not stated";
            return RequirementEntry { code: Some(MISSING.into()), ..not_yet(because) };
        };
        return judged_measure(bare(), *compare, found.band.low, least, "1", None, None);
    }
    not_yet("this combination of measures is not judged")
}

fn judged_measure(
    entry: RequirementEntry,
    compare: Compare,
    value: f64,
    limit: f64,
    unit: &str,
    statistic: Option<String>,
    step: Option<usize>,
) -> RequirementEntry {
    let met = match compare {
        Compare::AtMost => value <= limit,
        Compare::Below => value < limit,
        Compare::AtLeast => value >= limit,
        Compare::Above => value > limit,
        Compare::Equal => value == limit,
        Compare::Unequal => value != limit,
    };
    RequirementEntry {
        statistic,
        step,
        value: Some(value),
        limit: Some(limit),
        unit: Some(unit.into()),
        slack: slack(compare, value, limit),
        met: Some(met),
        ..entry
    }
}

/// Why a latency has no prediction.
pub fn missing(program: &Program, service: usize, measure: LatencyMeasure, statistic: &Statistic) -> String {
    let declared = &program.services[service];
    let name = measure_name(measure);
    match &declared.work {
        Work::Image(_) if measure != LatencyMeasure::Latency => {
            format!("`{name}` is of services that run a model; this one has `latency`")
        }
        Work::Image(_) if declared.demand.is_none() => format!("`{name}` needs the service's `demand`"),
        Work::Image(work) if Container::of(work).is_none() => {
            format!("`{name}` needs `time` and `concurrency`, or `serves`, the rate of one replica")
        }
        Work::Llm(_) if declared.demand.is_none() => format!("`{name}` needs the service's `demand`"),
        _ => format!("`{name} {}` is not predicted", statistic_name(statistic)),
    }
}

/// Where the demand varies, the step in which the figure was found.
fn step_of(world: World<'_>, service: usize, found: &Predicted) -> Option<usize> {
    let demand = world.program.services[service].demand.as_ref()?;
    (demand.value.rates.len() > 1).then_some(found.step)
}

/// Whether a condition over counts, places and money holds of what a scenario leaves, or of all; none where it speaks of
/// anything else.
fn holds(
    world: World<'_>,
    values: &Values,
    condition: &Condition,
    scenario: Option<&Scenario>,
) -> Option<bool> {
    Some(match condition {
        Condition::Compare { terms, compare, limit, .. } => {
            let money = terms.iter().any(|term| term.subject == Subject::Bill);
            let limit = if money { per_hour(limit) } else { limit.value.clone() };
            compare_exactly(*compare, &linear_sum(world, values, terms, scenario)?, &limit)
        }
        Condition::Placed { service, nodes } => {
            let nodes: BTreeSet<&usize> = nodes.iter().collect();
            let others = world.packing.others_of(*service).map(|(others, _)| others);
            let parts = [*service].into_iter().chain(others).filter_map(|item| values.standing.get(item));
            parts.flat_map(|standing| left(standing, scenario)).all(|(machine, _)| nodes.contains(machine))
        }
        Condition::Not(inner) => !holds(world, values, inner, scenario)?,
        Condition::All(parts) => {
            let of = |part| holds(world, values, part, scenario);
            let parts: Option<Vec<bool>> = parts.iter().map(of).collect();
            parts?.into_iter().all(|holds| holds)
        }
        Condition::Listed { .. }
        | Condition::Chosen { .. }
        | Condition::Any(_)
        | Condition::NotYet { .. } => return None,
    })
}

fn linear_sum(
    world: World<'_>,
    values: &Values,
    terms: &[Term],
    scenario: Option<&Scenario>,
) -> Option<BigRational> {
    let mut sum = BigRational::zero();
    for term in terms {
        let value = match &term.subject {
            Subject::Bill if scenario.is_none() => &values.price + standing_price(world.program),
            subject => BigRational::from_integer(count(world, values, subject, scenario)?.into()),
        };
        sum += &term.coefficient * value;
    }
    Some(sum)
}

/// What stands on nodes that a scenario leaves, or on all.
fn left<'v>(
    standing: &'v BTreeMap<usize, u64>,
    scenario: Option<&Scenario>,
) -> impl Iterator<Item = (&'v usize, &'v u64)> {
    let gone = scenario.map_or(&[][..], |scenario| &scenario.gone);
    standing.iter().filter(move |(node, _)| gone.binary_search(node).is_err())
}

/// What a plan, or what a scenario leaves of it, comes to of replicas and the places they stand in; none of anything
/// else.
pub fn count(
    world: World<'_>,
    values: &Values,
    subject: &Subject,
    scenario: Option<&Scenario>,
) -> Option<u64> {
    let standing = |service: usize| Some(left(values.standing.get(service)?, scenario));
    // What has its first node left and lacks another.
    let dead = subject.service().filter(|_| scenario.is_some()).map_or(0, |service| {
        let gone = scenario.map_or(&[][..], |scenario| &scenario.gone);
        let forms = 0..values.copies.get(service).map_or(0, Vec::len);
        forms.map(|form| broken(world.packing, values, (service, form), gone)).sum()
    });
    let there: u64 = match subject {
        Subject::Replicas { service } => standing(*service)?.map(|(_, copies)| copies).sum(),
        Subject::ReplicasOn { service, nodes } => {
            let on_these = standing(*service)?.filter(|(node, _)| nodes.binary_search(node).is_ok());
            on_these.map(|(_, copies)| copies).sum()
        }
        Subject::Spread { of: Of::Service(service), place: PlaceKind::Node } => {
            standing(*service)?.count() as u64
        }
        Subject::Spread { of: Of::Service(service), place } => {
            let places = standing(*service)?.filter_map(|(node, _)| world.program.place_of(*node, *place));
            places.collect::<BTreeSet<_>>().len() as u64
        }
        Subject::Moves => values.moves.iter().sum(),
        Subject::Bill
        | Subject::Latency { .. }
        | Subject::MemoryFree { .. }
        | Subject::Spread { .. }
        | Subject::Share { .. }
        | Subject::Figure { .. } => return None,
    };
    Some(there.saturating_sub(dead))
}

fn compare_exactly(compare: Compare, value: &BigRational, limit: &BigRational) -> bool {
    match compare {
        Compare::AtMost => value <= limit,
        Compare::Below => value < limit,
        Compare::AtLeast => value >= limit,
        Compare::Above => value > limit,
        Compare::Equal => value == limit,
        Compare::Unequal => value != limit,
    }
}

fn slack(compare: Compare, value: f64, limit: f64) -> Option<f64> {
    match compare {
        Compare::AtMost | Compare::Below => Some(limit - value),
        Compare::AtLeast | Compare::Above => Some(value - limit),
        Compare::Equal | Compare::Unequal => None,
    }
}

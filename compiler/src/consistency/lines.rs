//! The lines of a program, in one form: requirements as they are, bounds and pins of choices as conditions.

use crate::candidates::degree_lines;
use berth_language::model::{
    Compare, Condition, CountBound, LlmWork, Of, Precision, Program, Requirement, Restriction, Service,
    Steps, Subject, Term, When, Work,
};
use berth_language::quantity::{Dimension, Quantity};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::One;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A line that must hold.
pub(super) struct Line<'p> {
    pub(super) span: Span,
    pub(super) home: Home<'p>,
    pub(super) condition: Cow<'p, Condition>,
    pub(super) when: Cow<'p, When>,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home<'p> {
    /// In a service's block, or that of its base.
    Service(usize),
    /// In a policy.
    Policy(&'p str),
    /// In a plan, a place, a flow.
    Elsewhere,
    /// Nowhere: a service that is declared runs.
    Declared,
}

impl<'p> Home<'p> {
    pub(super) fn policy(self) -> Option<&'p str> {
        match self {
            Self::Policy(name) => Some(name),
            _ => None,
        }
    }

    /// What the line does, for a label.
    pub(super) fn says(self) -> String {
        match self {
            Self::Policy(name) => format!("policy `{name}` requires this"),
            Self::Service(_) | Self::Elsewhere => "this is required".to_owned(),
            Self::Declared => "this runs at least once, where no line allows it none".to_owned(),
        }
    }

    /// Whether a line there may be called needless.
    pub(super) fn is_questioned(self) -> bool {
        matches!(self, Self::Service(_) | Self::Policy(_))
    }

    /// Whether a line here is needless where a line in `other` implies it.
    pub(super) fn is_held_against(self, other: Home<'_>) -> bool {
        match self {
            Self::Service(_) => self == other,
            _ => other != Home::Declared,
        }
    }
}

/// Every line of `program` that something must hold to.
pub(super) fn lines(program: &Program) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for (index, service) in program.services.iter().enumerate() {
        lines.extend(of_service(program, index, service));
    }
    let elsewhere = program.requirements.iter().map(|requirement| {
        let home = requirement.policy.as_deref().map_or(Home::Elsewhere, Home::Policy);
        of_requirement(requirement, home)
    });
    lines.extend(elsewhere);
    lines
}

fn of_requirement<'p>(requirement: &'p Requirement, home: Home<'p>) -> Line<'p> {
    Line {
        span: requirement.span,
        home,
        condition: Cow::Borrowed(&requirement.condition),
        when: Cow::Borrowed(&requirement.when),
    }
}

fn of_service<'p>(program: &'p Program, index: usize, service: &'p Service) -> Vec<Line<'p>> {
    let own = |span: Span, condition: Condition| Line {
        span,
        home: Home::Service(index),
        condition: Cow::Owned(condition),
        when: Cow::Owned(When::default()),
    };
    let mut lines = Vec::new();
    let replicas = Subject::Replicas { service: index };
    // A service that is declared runs, unless a line allows it none.
    if !service.replicas.iter().any(|line| line.low == Some(0)) {
        let condition = compared(replicas.clone(), Compare::AtLeast, &BigRational::one());
        lines.push(Line { home: Home::Declared, ..own(service.span, condition) });
    }
    lines.extend(service.replicas.iter().map(|bound| own(bound.span, bounded(&replicas, bound))));
    if let Work::Llm(work) = &service.work {
        let LlmWork { batch, redundant_experts, precision, device, .. } = work;
        let figure = |field| Subject::Figure { of: Of::Service(index), field, statistic: None };
        lines.extend(batch.iter().map(|bound| own(bound.span, bounded(&figure("batch"), bound))));
        let redundant = figure("redundant_experts");
        lines.extend(redundant_experts.iter().map(|bound| own(bound.span, bounded(&redundant, bound))));
        let degrees = degree_lines(work).into_iter().map(|(axis, lines)| (axis.name(), lines));
        for (choice, degrees) in degrees.chain([("nodes", work.nodes.as_slice())]) {
            lines.extend(degrees.iter().map(|line| {
                let allowed =
                    line.allowed.iter().map(|value| plain(BigRational::from_integer((*value).into())));
                let terms = vec![Term { coefficient: BigRational::one(), subject: figure(choice) }];
                own(line.span, Condition::Listed { terms, allowed: allowed.collect() })
            }));
        }
        let name = |precision: &Precision| match precision {
            Precision::Bf16 => "bf16".to_owned(),
            Precision::Fp8 => "fp8".to_owned(),
        };
        lines.extend(precision.iter().map(|line| own(line.span, chosen(figure("precision"), line, name))));
        let name =
            |device: &usize| program.devices.get(*device).map_or_else(String::new, |of| of.name.clone());
        lines.extend(device.iter().map(|line| own(line.span, chosen(figure("device"), line, name))));
    }
    lines.extend(service.requirements.iter().map(|line| of_requirement(line, Home::Service(index))));
    lines
}

fn plain(value: BigRational) -> Quantity {
    Quantity::new(value, Dimension::NONE)
}

fn compared(subject: Subject, compare: Compare, limit: &BigRational) -> Condition {
    let terms = vec![Term { coefficient: BigRational::one(), subject }];
    Condition::Compare { terms, compare, limit: plain(limit.clone()), integer: true }
}

fn bounded(subject: &Subject, bound: &CountBound) -> Condition {
    let ends = [(bound.low, Compare::AtLeast), (bound.high, Compare::AtMost)];
    let ends = ends.into_iter().filter_map(|(end, compare)| {
        let limit = BigRational::from_integer(end?.into());
        Some(compared(subject.clone(), compare, &limit))
    });
    Condition::All(ends.collect())
}

fn chosen<T>(subject: Subject, line: &Restriction<T>, name: impl Fn(&T) -> String) -> Condition {
    Condition::Chosen { subject, allowed: line.allowed.iter().map(name).collect() }
}

/// The sets of lines that hold at the same time, each once, ascending: in the steps of the base world and of
/// every scenario.
pub(super) fn moments(lines: &[Line<'_>]) -> Vec<Vec<usize>> {
    let steps = lines.iter().map(|line| longest(&line.when)).max().unwrap_or(1).max(1);
    let worlds: BTreeSet<Option<usize>> = lines
        .iter()
        .flat_map(|line| line.when.scenarios.iter().map(|(scenario, _)| Some(*scenario)))
        .chain([None])
        .collect();
    let mut moments = BTreeSet::new();
    for world in worlds {
        for step in 0..steps {
            let active = lines.iter().enumerate().filter(|(_, line)| acts(&line.when, world, step));
            moments.insert(active.map(|(index, _)| index).collect::<Vec<_>>());
        }
    }
    moments.into_iter().filter(|moment| !moment.is_empty()).collect()
}

fn longest(when: &When) -> usize {
    let of = |steps: &Steps| match steps {
        Steps::These(set) => set.len(),
        Steps::Every | Steps::Never => 1,
    };
    when.scenarios.iter().map(|(_, steps)| of(steps)).chain([of(&when.base)]).max().unwrap_or(1)
}

fn acts(when: &When, world: Option<usize>, step: usize) -> bool {
    let steps = match world {
        None => Some(&when.base),
        Some(world) => when.scenarios.iter().find(|(known, _)| *known == world).map(|(_, steps)| steps),
    };
    match steps {
        Some(Steps::Every) => true,
        Some(Steps::These(set)) => set.get(step).copied().unwrap_or(false),
        // Once-choices are shared by all worlds, but only what a scenario's lines say binds it.
        Some(Steps::Never) | None => false,
    }
}

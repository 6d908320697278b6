//! Requirements and wishes as text.

use crate::model::{
    Compare, Condition, LatencyMeasure, Of, Program, Requirement, Statistic, Steps, Subject, Term, When, Wish,
};
use crate::quantity::{Dimension, Quantity};
use crate::quantity_text::{number, percent};
use crate::schema::{RATIO, Type};
use num_traits::{One, Signed};
use std::fmt::Write;

/// A requirement on one line; `whose` says where it stands, where the text around it does not.
pub(super) fn requirement_text(requirement: &Requirement, program: &Program, whose: bool) -> String {
    let Requirement { service, policy, text, span: _, when, condition, unjudged } = requirement;
    let service = service.and_then(|service| program.services.get(service));
    let of = match (policy, service) {
        (Some(policy), _) => format!(" of policy {policy}"),
        (None, Some(service)) if whose => format!(" of {}", service.name),
        _ => String::new(),
    };
    let said = said(condition, text, when, program);
    format!("require{of} {said}{}", not_judged(unjudged.as_deref()))
}

/// A wish on one line.
pub(super) fn wish_text(wish: &Wish, program: &Program) -> String {
    let Wish { service: _, text, span: _, when, condition, price, priority, unjudged } = wish;
    let worth = match price {
        Some(price) => format!("else {price} a unit"),
        None => format!("at priority {priority}"),
    };
    let said = said(condition, text, when, program);
    format!("prefer {said} {worth}{}", not_judged(unjudged.as_deref()))
}

fn not_judged(because: Option<&str>) -> String {
    because.map_or_else(String::new, |because| format!(", not judged: {because}"))
}

/// What is said and when; a condition that leans on something unknown as it is written.
fn said(condition: &Condition, line: &str, when: &When, program: &Program) -> String {
    match condition {
        Condition::NotYet { .. } => format!("`{line}`"),
        condition => format!("{}{}", condition_text(condition, program), when_text(when, program)),
    }
}

/// ` when hour in 17h..20h (steps 17..19)`
fn when_text(when: &When, program: &Program) -> String {
    let When { text, base, scenarios } = when;
    let Some(text) = text else {
        return String::new();
    };
    let mut at = Vec::new();
    match base {
        Steps::Never if !scenarios.is_empty() => {}
        steps => at.push(steps_text(steps)),
    }
    for (scenario, steps) in scenarios {
        let name = program.scenarios.get(*scenario).map_or("?", |scenario| scenario.name.as_str());
        at.push(format!("{} of {name}", steps_text(steps)));
    }
    format!(" when {text} ({})", at.join(", "))
}

/// `steps 0..5, 22..23`; of a long horizon the first few ranges and how many steps they are part of.
fn steps_text(steps: &Steps) -> String {
    const MOST_RANGES: usize = 4;
    let set = match steps {
        Steps::Every => return "every step".to_owned(),
        Steps::Never => return "no step".to_owned(),
        Steps::These(set) => set,
    };
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (step, _) in set.iter().enumerate().filter(|(_, set)| **set) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == step => *last = step,
            _ => ranges.push((step, step)),
        }
    }
    let shown = ranges
        .iter()
        .take(MOST_RANGES)
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}..{last}") });
    let noun = if set.iter().filter(|set| **set).count() == 1 { "step" } else { "steps" };
    let mut text = format!("{noun} {}", shown.collect::<Vec<_>>().join(", "));
    if ranges.len() > MOST_RANGES {
        let count = set.iter().filter(|set| **set).count();
        // Writing to a text cannot fail.
        let _ = write!(text, ", … {count} of {}", set.len());
    }
    text
}

fn condition_text(condition: &Condition, program: &Program) -> String {
    match condition {
        Condition::Compare { terms, compare, limit, integer: _ } => {
            let sum = sum_text(terms, &limit.dimension, program);
            format!("{sum} {} {}", compare_text(*compare), value_text(terms, limit))
        }
        Condition::Listed { terms, allowed } => {
            let values: Vec<_> = allowed.iter().map(|value| value_text(terms, value)).collect();
            let dimension = allowed.first().map_or(Dimension::NONE, |value| value.dimension.clone());
            format!("{} in [{}]", sum_text(terms, &dimension, program), values.join(", "))
        }
        Condition::Chosen { subject, allowed } => match allowed.as_slice() {
            [only] => format!("{} == {only}", subject_text(subject, program)),
            several => format!("{} in [{}]", subject_text(subject, program), several.join(", ")),
        },
        Condition::Placed { service, nodes } => {
            format!("{} only on {}", service_name(*service, program), nodes_text(nodes, program))
        }
        Condition::All(parts) => {
            let parts = parts.iter().map(|part| match part {
                Condition::Any(_) => format!("({})", condition_text(part, program)),
                part => condition_text(part, program),
            });
            parts.collect::<Vec<_>>().join(" and ")
        }
        Condition::Any(parts) => {
            let parts = parts.iter().map(|part| condition_text(part, program));
            parts.collect::<Vec<_>>().join(" or ")
        }
        Condition::Not(inner) => format!("not ({})", condition_text(inner, program)),
        Condition::NotYet { because } => format!("something not known yet ({because})"),
    }
}

/// What is minimised: `bill + $90/t * carbon`.
pub(super) fn objective_text(terms: &[Term], dimension: &Dimension, program: &Program) -> String {
    sum_text(terms, dimension, program)
}

/// `2 * shop.replicas - search.replicas`, in the dimension of the whole.
fn sum_text(terms: &[Term], dimension: &Dimension, program: &Program) -> String {
    let mut sum = String::new();
    for Term { coefficient, subject } in terms {
        let size = coefficient.abs();
        sum.push_str(match (sum.is_empty(), coefficient.is_negative()) {
            (true, true) => "-",
            (true, false) => "",
            (false, true) => " - ",
            (false, false) => " + ",
        });
        let measured = subject.dimension();
        let factor = measured.inverse().and_then(|inverse| dimension.multiply(&inverse));
        match factor {
            Ok(factor) if !measured.matches(dimension) => {
                sum.push_str(&format!("{} * ", Quantity::new(size, factor)));
            }
            _ if size.is_one() => {}
            _ => sum.push_str(&format!("{} * ", number(&size))),
        }
        sum.push_str(&subject_text(subject, program));
    }
    sum
}

/// A value that `terms` is compared with: shares in percent.
fn value_text(terms: &[Term], value: &Quantity) -> String {
    let share = |subject: &Subject| match subject {
        Subject::MemoryFree { .. } | Subject::Share { .. } => true,
        subject => subject.row().is_some_and(|row| match row.type_ {
            Type::Quantity(measured, _) => std::ptr::eq(measured, &RATIO),
            _ => false,
        }),
    };
    match terms.first() {
        Some(term) if share(&term.subject) => percent(&value.value),
        _ => value.to_string(),
    }
}

/// `chat.ttft p99`, `v3[eu].decode.batch`, `bill`
pub(super) fn subject_text(subject: &Subject, program: &Program) -> String {
    match subject {
        Subject::Replicas { service } => format!("{}.replicas", service_name(*service, program)),
        Subject::ReplicasOn { service, nodes } => {
            format!("{}.replicas on {}", service_name(*service, program), nodes_text(nodes, program))
        }
        Subject::Spread { of, place } => format!("{}spread({})", of_text(of, program), place.name()),
        Subject::Share { flow, variant } => format!("{flow}.share({variant})"),
        Subject::MemoryFree { service } => format!("{}.memory_free", service_name(*service, program)),
        Subject::Bill => "bill".to_owned(),
        Subject::Moves => "moves".to_owned(),
        Subject::Latency { service, measure, statistic } => {
            let measure = match measure {
                LatencyMeasure::Ttft => "ttft",
                LatencyMeasure::Tpot => "tpot",
                LatencyMeasure::Latency => "latency",
            };
            format!("{}.{measure} {}", service_name(*service, program), statistic_text(statistic))
        }
        Subject::Figure { of, field, statistic } => {
            let statistic = statistic
                .as_ref()
                .map_or_else(String::new, |statistic| format!(" {}", statistic_text(statistic)));
            format!("{}{field}{statistic}", of_text(of, program))
        }
    }
}

fn statistic_text(statistic: &Statistic) -> String {
    match statistic {
        Statistic::Mean => "mean".to_owned(),
        Statistic::Peak => "peak".to_owned(),
        Statistic::Quantile(quantile) => format!("p{}", percent(quantile).trim_end_matches('%')),
    }
}

fn of_text(of: &Of, program: &Program) -> String {
    match of {
        Of::Program => String::new(),
        Of::Service(service) => format!("{}.", service_name(*service, program)),
        Of::Thing { kind: _, address } => format!("{address}."),
    }
}

fn service_name(service: usize, program: &Program) -> &str {
    program.services.get(service).map_or("?", |service| service.name.as_str())
}

/// `box[1..3], spare`: nodes whose last keys follow each other are one range.
fn nodes_text(nodes: &[usize], program: &Program) -> String {
    let mut runs: Vec<(&str, Option<(i64, i64)>)> = Vec::new();
    for node in nodes {
        let name = program.nodes.get(*node).map_or("?", |node| node.name.as_str());
        let keyed = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
        let keyed = keyed.and_then(|(stem, key)| Some((stem, key.parse::<i64>().ok()?)));
        match (keyed, runs.last_mut()) {
            (Some((stem, key)), Some((known, Some((_, last))))) if *known == stem && *last + 1 == key => {
                *last = key;
            }
            (Some((stem, key)), _) => runs.push((stem, Some((key, key)))),
            (None, _) => runs.push((name, None)),
        }
    }
    if runs.is_empty() {
        return "no node".to_owned();
    }
    let runs = runs.into_iter().map(|(stem, keys)| match keys {
        None => stem.to_owned(),
        Some((first, last)) if first == last => format!("{stem}[{first}]"),
        Some((first, last)) => format!("{stem}[{first}..{last}]"),
    });
    runs.collect::<Vec<_>>().join(", ")
}

fn compare_text(compare: Compare) -> &'static str {
    match compare {
        Compare::AtMost => "<=",
        Compare::Below => "<",
        Compare::AtLeast => ">=",
        Compare::Above => ">",
        Compare::Equal => "==",
        Compare::Unequal => "!=",
    }
}

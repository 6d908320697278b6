//! Flows, and what they ask of services, as text.

use super::conditions::{requirement_text, wish_text};
use super::{Text, describe_profile};
use crate::model::{Calls, Flow, Path, Profile, Program, Service};
use crate::quantity::Dimension;
use crate::quantity_text::{number, percent};
use num_rational::BigRational;
use num_traits::One;

pub(super) fn describe_flow(text: &mut Text, flow: &Flow, program: &Program) {
    let Flow { name, span: _, doc, priority, path, demand, requirements, wishes } = flow;
    text.paragraph(&format!("flow {name}"));
    text.doc(doc.as_deref());
    text.line(&format!("priority = {}", priority.value));
    if let Some(path) = path {
        text.line(&format!("path = {}", path_text(&path.value, program, Binding::Then)));
        let calls = path.value.calls();
        let calls = calls
            .iter()
            .map(|(service, calls)| format!("{} {}", service_name(*service, program), calls_text(calls)));
        text.line(&format!("mean calls: {}", calls.collect::<Vec<_>>().join(", ")));
    }
    if let Some(demand) = demand {
        describe_rates(text, "demand", &demand.value.rates);
    }
    for requirement in requirements {
        text.line(&requirement_text(requirement, program, false));
    }
    for wish in wishes {
        text.line(&wish_text(wish, program));
    }
}

/// What a service is asked for with the calls of every flow, where a flow calls it.
pub(super) fn describe_asked(text: &mut Text, service: &Service, program: &Program) {
    let index = program.services.iter().position(|known| std::ptr::eq(known, service));
    let Some(index) = index else { return };
    let paths = program.flows.iter().filter_map(|flow| flow.path.as_ref());
    let calls: Vec<_> = paths.filter_map(|path| path.value.calls().remove(&index)).collect();
    if calls.is_empty() {
        return;
    }
    let is_chosen = calls.iter().any(|calls| calls.least != calls.most);
    let name = if is_chosen { "asked with flows, at most" } else { "asked with flows" };
    if let Some(rates) = program.asked(index) {
        describe_rates(text, name, &rates);
    }
}

/// `1.6`; `0 to 1` where the plan chooses.
fn calls_text(Calls { least, most }: &Calls) -> String {
    if least == most { number(most) } else { format!("{} to {}", number(least), number(most)) }
}

fn describe_rates(text: &mut Text, name: &str, rates: &[BigRational]) {
    let dimension = Dimension::REQUEST_RATE;
    describe_profile(text, name, &Profile { values: rates.to_vec(), dimension });
}

/// How tightly a path is bound by what stands around it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Then,
    Beside,
    Times,
}

/// A path as a file would say it.
fn path_text(path: &Path, program: &Program, around: Binding) -> String {
    let joined = |parts: &[Path], with: &str, own: Binding| {
        let parts: Vec<_> = parts.iter().map(|part| path_text(part, program, next(own))).collect();
        let text = parts.join(with);
        if own < around { format!("({text})") } else { text }
    };
    match path {
        Path::Call(service) => service_name(*service, program).to_owned(),
        Path::Then(parts) => joined(parts, " -> ", Binding::Then),
        Path::Beside(parts) => joined(parts, " & ", Binding::Beside),
        Path::Times { mean, path } => {
            let mean = if *mean < BigRational::one() { percent(mean) } else { number(mean) };
            format!("{mean} * {}", path_text(path, program, Binding::Times))
        }
        Path::Calls { mean, max, path } => {
            let path = path_text(path, program, Binding::Times);
            format!("calls(mean = {}, max = {max}) * {path}", number(mean))
        }
        Path::Loop { mean, max, path } => {
            let path = path_text(path, program, Binding::Then);
            format!("loop({path}, mean = {}, max = {max})", number(mean))
        }
        Path::OneOf(variants) => {
            let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
            format!("one_of([{}])", names.join(", "))
        }
    }
}

fn next(binding: Binding) -> Binding {
    match binding {
        Binding::Then => Binding::Beside,
        Binding::Beside | Binding::Times => Binding::Times,
    }
}

fn service_name(service: usize, program: &Program) -> &str {
    program.services.get(service).map_or("?", |service| service.name.as_str())
}

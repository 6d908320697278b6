//! The candidates of a program as text: what each form carries, what one pass of it costs, and why
//! others cannot be.

use crate::render::table::{Align, table};
use berth_compiler::candidates::{Candidate, Layout, Refusal, ServiceCandidates};
use berth_compiler::degrees::Degrees;
use berth_compiler::form::Binding;
use berth_compiler::graph::{Phase, PhaseGraph};
use berth_compiler::jobs::{hours, jobs};
use berth_compiler::performance::Notes;
use berth_compiler::performance::experts::ExpertSpread;
use berth_compiler::performance::phase::{EngineOverhead, spread_pass};
use berth_compiler::session::Stages;
use berth_language::model::{Draws, LlmWork, Service, Work};
use num_traits::ToPrimitive as _;
use std::fmt::Write as _;

/// Sequences in the decode step that is shown.
const DECODED_TOGETHER: f64 = 32.0;

/// Tables of every service that has something to choose from.
pub fn text(stages: &Stages) -> String {
    let mut text = String::new();
    for (service, own) in stages.program.services.iter().zip(&stages.candidates.services) {
        let _ = writeln!(text, "service {}", service.name);
        for least in &own.least {
            let (line, _) = least.origins.first().map_or((0, 0), |span| stages.sources.position(*span));
            let count = least.count.map_or("no number of".to_owned(), |count| format!("at least {count}"));
            let scenario = least.scenario.and_then(|scenario| stages.program.scenarios.get(scenario));
            let left =
                scenario.map_or_else(String::new, |scenario| format!(", of what {} leaves", scenario.name));
            let _ = writeln!(text, "  {count} replicas by line {line}{left}");
        }
        if let Work::Llm(work) = &service.work {
            text.push_str(&layouts(stages, work, own));
            text.push_str(&passes(stages, service, work, own));
        }
        text.push('\n');
    }
    for (item, job) in jobs(&stages.program) {
        let _ = writeln!(text, "job {}", job.name);
        if let Some(own) = stages.candidates.services.get(item) {
            text.push_str(&match &job.runs {
                Some(work) => layouts(stages, work, own),
                None => forms(stages, own),
            });
        }
        text.push('\n');
    }
    text
}

/// How a job may run, and what it takes.
fn forms(stages: &Stages, own: &ServiceCandidates) -> String {
    let mut rows = Vec::new();
    for candidate in &own.candidates {
        let (Some(layout), Some(training)) = (&candidate.layout, &candidate.training) else { continue };
        if training.is_first {
            rows.push(vec![
                stages.candidates.layout_name(layout),
                training.step.copies.to_string(),
                format!("{:.1}", training.step.held / 1e9),
                format!("{:.3}", training.step.seconds.middle),
                hours(training.finish.high),
            ]);
        }
    }
    rows.extend(refusals(stages, own).into_iter().map(|(layout, because)| {
        let none = || "-".to_owned();
        vec![layout, none(), none(), none(), because]
    }));
    if rows.is_empty() {
        return "  no device that a node holds can run it\n".into();
    }
    let heading = [
        ("layout", Align::Left),
        ("copies", Align::Right),
        ("GB a device", Align::Right),
        ("step, s", Align::Right),
        ("done after at most, or why not", Align::Left),
    ];
    table(&heading, &rows)
}

/// Forms that cannot be, and why.
fn refusals(stages: &Stages, own: &ServiceCandidates) -> Vec<(String, String)> {
    let refused = |refusal: &Refusal| {
        let because = match refusal.origins.first() {
            Some(span) => format!("{} (line {})", refusal.because, stages.sources.position(*span).0),
            None => refusal.because.clone(),
        };
        (stages.candidates.layout_name(&refusal.layout), because)
    };
    own.refusals.iter().map(refused).collect()
}

fn layouts(stages: &Stages, work: &LlmWork, own: &ServiceCandidates) -> String {
    let mut rows = Vec::new();
    for candidate in &own.candidates {
        // The busiest moment comes first.
        let (Some(layout), Some(capacity)) = (&candidate.layout, candidate.capacities.first()) else {
            continue;
        };
        let limit = match capacity.limited_by {
            Some(span) => format!("line {}", stages.sources.position(span).0),
            None => "the queue itself".to_owned(),
        };
        rows.push(vec![stages.candidates.layout_name(layout), format!("{:.3}", capacity.rate), limit]);
    }
    let refused = refusals(stages, own).into_iter();
    rows.extend(refused.map(|(layout, because)| vec![layout, "-".into(), because]));
    if rows.is_empty() {
        return "  no device that a node holds can run it\n".into();
    }
    let heading = [("layout", Align::Left), ("req/s", Align::Right), ("limited by, or why not", Align::Left)];
    let mut text = table(&heading, &rows);
    if work.context.is_empty() {
        text.push_str("\n  context 1: the tokens of a sequence are divided where a line says `context`\n");
    }
    text
}

/// What one device computes, moves and sends in one pass, and how long the pass takes.
fn passes(stages: &Stages, service: &Service, work: &LlmWork, own: &ServiceCandidates) -> String {
    let mut phases = stages.lowered.graph.phases.iter().filter(|graph| graph.service == service.name);
    let made = phases.any(|graph| graph.phase == Phase::Denoise);
    let [prompt, output] =
        [&work.prompt, &work.output].map(|stated| stated.as_ref().map(|stated| middle(&stated.value)));
    let pixels = work.image_size.as_ref().map(|size| middle(&size.value));
    let (prompt, output, mut text) = match (prompt, output, pixels) {
        (prompt, _, Some(pixels)) if made => {
            let text = prompt.unwrap_or(0.0);
            let twice = if sequences_made(work) > 1.0 { ", twice" } else { "" };
            let said = format!(
                "\n  one pass of a step, on each device: one image of {pixels:.0} pixels and {text:.0} tokens of text{twice}\n"
            );
            (text, 0.0, said)
        }
        (Some(prompt), Some(output), _) => {
            let said = format!(
                "\n  one pass, on each device: prefill of one prompt of {prompt:.0} tokens; decode of\n  \
                 {DECODED_TOGETHER:.0} sequences with {:.0} tokens cached each; in every data group\n",
                prompt + output
            );
            (prompt, output, said)
        }
        _ => return String::new(),
    };
    if let Some(pixels) = pixels.filter(|_| !made) {
        let _ =
            writeln!(text, "  vision: one image of {pixels:.0} pixels; its tokens are not in that prompt");
    }
    let mut rows = Vec::new();
    for candidate in &own.candidates {
        let Some(layout) = &candidate.layout else { continue };
        for phase in Phase::ALL {
            let target = stages.candidates.classes[layout.class].target;
            let graph = stages.lowered.graph.phase(&service.name, layout.precision, target, phase);
            let Some(graph) = graph else { continue };
            let (sequences, new, context) = match (phase, pixels.zip(graph.patches)) {
                (Phase::Vision | Phase::Denoise, None) => continue,
                (Phase::Denoise, Some((pixels, patches))) => {
                    (sequences_made(work), pixels / patches.pixels as f64, prompt)
                }
                (Phase::Vision, Some((pixels, patches))) => (1.0, pixels / patches.pixels as f64, 0.0),
                (Phase::Prefill | Phase::Encode | Phase::Step, _) => (1.0, prompt, 0.0),
                (Phase::Decode, _) => (DECODED_TOGETHER, 1.0, prompt + output),
            };
            let binding = Binding { sequences, new, context, degrees: layout.degrees };
            rows.extend(row(stages, (candidate, layout), phase.name(), graph, &binding));
        }
    }
    let heading = [
        ("layout", Align::Left),
        ("pass", Align::Left),
        ("FLOPs", Align::Right),
        ("link bytes", Align::Right),
        ("ms", Align::Right),
    ];
    text.push_str(&table(&heading, &rows));
    text
}

/// Images that a pass of a step takes at once: a guided one takes each twice.
fn sequences_made(work: &LlmWork) -> f64 {
    if work.guidance.as_ref().is_some_and(|stated| stated.value) { 2.0 } else { 1.0 }
}

fn row(
    stages: &Stages,
    (candidate, layout): (&Candidate, &Layout),
    name: &str,
    graph: &PhaseGraph,
    binding: &Binding,
) -> Option<Vec<String>> {
    let class = stages.candidates.classes.get(layout.class)?;
    let hardware = class.hardware_of(layout.nodes, layout.degrees.devices() / layout.nodes)?;
    let placed = candidate.experts.as_ref().zip(graph.experts());
    let spread =
        placed.map_or_else(ExpertSpread::even, |(placed, (_, per_token, _))| placed.spread(per_token));
    let engine = &EngineOverhead::ASSUMED;
    let pass = spread_pass(graph, &hardware, binding, engine, &spread, &mut Notes::Ignored).ok()?;
    let precision = berth_compiler::candidates::precision_name(layout.precision);
    let redundant = layout.redundant;
    let layout = match layout.degrees {
        degrees if degrees == Degrees::of_tensor(degrees.tensor) && layout.nodes == 1 => {
            format!("{} x {}, {precision}", degrees.tensor, class.name)
        }
        degrees if layout.nodes > 1 => {
            format!("{degrees} of {}, {precision}, {} nodes", class.name, layout.nodes)
        }
        degrees => format!("{degrees} of {}, {precision}", class.name),
    };
    let layout = match redundant {
        0 => layout,
        more => format!("{layout}, {more} redundant"),
    };
    Some(vec![
        layout,
        name.to_owned(),
        format!("{:.0}", pass.flops),
        format!("{:.0}", pass.link_bytes),
        format!("{:.4}", pass.seconds.middle * 1e3),
    ])
}

/// The median, in whole tokens.
fn middle(draws: &Draws) -> f64 {
    draws.median().and_then(|tokens| tokens.to_f64()).unwrap_or(0.0).round()
}

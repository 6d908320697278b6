//! What applying a plan changes, as a person and as a program reads it.

use crate::render::table::{paragraph, wrap};
use berth_compiler::plan::Plan;
use berth_compiler::plan::objects::TargetEntry;
use berth_targets::kubernetes::application::{Happening, Stopped};
use berth_targets::kubernetes::changes::FieldChange;
use berth_targets::kubernetes::connection::Owned;
use berth_targets::kubernetes::difference::{Difference, Entry, Hindrance, Step};
use berth_targets::kubernetes::objects::plan_name;
use berth_targets::kubernetes::readiness::Progress;
use berth_targets::kubernetes::scaling::COUNT;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _, stderr};

/// A value longer than this is not shown whole; `--json` has all.
const LONGEST_VALUE: usize = 60;

/// What changes: what stops replicas first, then the rest in the order in which it is done.
pub fn text(plan: &Plan, difference: &Difference) -> String {
    let mut text = format!("{}{}\n", plan_name(plan), place(plan));
    let outdated: Vec<&Entry> = difference.entries.iter().filter(|entry| entry.is_outdated).collect();
    if difference.changing().next().is_none() && difference.hindered().next().is_none() {
        let count = difference.entries.len() - outdated.len();
        let _ = writeln!(text, "\nNothing to do: {} as planned.", counted(count, "object is", "objects are"));
        text.push_str(&outdated_text(&outdated));
        return text;
    }
    // What stays for what it has does not happen at all; a conflict shows what would.
    let happens = |entry: &&Entry| !entry.stays_for_what_it_has();
    let (released, rest): (Vec<&Entry>, Vec<&Entry>) =
        difference.changing().filter(happens).partition(|entry| entry.step == Step::Release);
    let (stopping, other): (Vec<&Entry>, Vec<&Entry>) = rest
        .into_iter()
        .partition(|entry| entry.stops > 0 || matches!(entry.step, Step::Delete | Step::Replace));
    let headings = [
        ("Stops or goes", stopping),
        ("Is created or changed", other),
        ("Is let go, and stays as it is", released),
    ];
    for (heading, entries) in headings {
        if entries.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{heading}");
        let widest = entries.iter().map(|entry| entry.identity.kind.name.len()).max().unwrap_or(0);
        for entry in entries {
            text.push_str(&entry_text(entry, widest));
        }
    }
    text.push_str(&outdated_text(&outdated));
    let hindered: Vec<&Entry> = difference.hindered().collect();
    if !hindered.is_empty() {
        let _ = writeln!(text, "\nCannot be done as things are");
        let (homeless, other): (Vec<&Entry>, Vec<&Entry>) =
            hindered.into_iter().partition(|entry| entry.hindrance == Some(Hindrance::NoNamespace));
        // One sentence for all that lacks the same.
        for entry in homeless.iter().take(1).chain(&other) {
            text.push_str(&hindrance_text(entry));
        }
    }
    text
}

/// Jobs that stay as they were begun with.
fn outdated_text(entries: &[&Entry]) -> String {
    let Some(widest) = entries.iter().map(|entry| entry.identity.kind.name.len()).max() else {
        return String::new();
    };
    let mut text = "\nStays as it was begun, although the plan says something else now\n".to_owned();
    for entry in entries {
        text.push_str(&entry_text(entry, widest));
    }
    let name = |entry: &&Entry| entry.label().unwrap_or(&entry.identity.name).to_owned();
    let names: BTreeSet<String> = entries.iter().map(name).collect();
    let flags: Vec<String> = names.iter().map(|name| format!("--end-job {name}")).collect();
    text.push_str(&paragraph(
        &format!("To begin it anew, what it has done given up: {}", flags.join(" ")),
        6,
    ));
    text
}

fn entry_text(entry: &Entry, widest: usize) -> String {
    let Entry { identity, step, changes, stops, .. } = entry;
    let stops = match stops {
        0 => String::new(),
        count => format!(
            "  stops {}",
            counted(usize::try_from(*count).unwrap_or(usize::MAX), "replica", "replicas")
        ),
    };
    let mut text = format!("  {:6}  {:widest$}  {}{stops}\n", word(*step), identity.kind.name, identity.name);
    for FieldChange { field, from, to } in changes {
        let line = match (from, to) {
            (Some(from), Some(to)) => format!("{field}: {} -> {}", shown(from), shown(to)),
            (None, Some(to)) => format!("{field}: new, {}", shown(to)),
            (Some(from), None) if field == COUNT => {
                format!("{field}: left to its autoscaler, now {}", shown(from))
            }
            (Some(from), None) => format!("{field}: gone, was {}", shown(from)),
            (None, None) => continue,
        };
        for (at, part) in wrap(&line, 70).into_iter().enumerate() {
            let _ = writeln!(text, "            {}{part}", if at == 0 { "" } else { "  " });
        }
    }
    text
}

fn hindrance_text(entry: &Entry) -> String {
    let Entry { identity, hindrance, .. } = entry;
    let (what, help) = match hindrance {
        None => return String::new(),
        Some(Hindrance::Conflict(owned)) => {
            let fields: Vec<String> =
                owned.iter().map(|Owned { manager, field }| format!("{field} (by {manager})")).collect();
            let managers: BTreeSet<&str> = owned.iter().map(|owned| owned.manager.as_str()).collect();
            let flags: Vec<String> =
                managers.into_iter().map(|manager| format!("--take-over {manager}")).collect();
            (
                format!("others own fields of it that the plan decides: {}", fields.join(", ")),
                format!("Leave them theirs, or take them over with {}", flags.join(" ")),
            )
        }
        Some(Hindrance::Foreign(Some(set))) => (
            format!("it is part of another set, {set}"),
            "It stays as it is: name the service otherwise, or use another namespace.".into(),
        ),
        Some(Hindrance::Foreign(None)) => (
            "it is there already, and no plan has made it".into(),
            "It stays as it is: name the service otherwise, or use another namespace.".into(),
        ),
        Some(Hindrance::Absent) => (
            "it is to be taken over, and is not there".into(),
            "Create it, or leave `adopt` out: then the plan makes an object of its own.".into(),
        ),
        Some(Hindrance::NoContainer { wanted, known }) => (
            format!("it has no container `{wanted}`; it has {}", known.join(", ")),
            format!(
                "Say which of them the service is: `container = \"{}\"`",
                known.first().map_or("", String::as_str)
            ),
        ),
        Some(Hindrance::Scaled(rival)) => (
            format!("the autoscaler {rival} scales the same, and of two neither acts"),
            format!("Delete {rival}, or leave `elastic` out."),
        ),
        Some(Hindrance::Data) => (
            "its data would go with it".into(),
            format!("Keep the service, or say that it may go: --delete-data {}", identity.name),
        ),
        Some(Hindrance::Running) => (
            "it is not done, and what it has done would be lost".into(),
            format!(
                "Keep the job, wait until it is done, or say that it may go: --end-job {}",
                identity.name
            ),
        ),
        Some(Hindrance::NoKind) => (
            format!("the cluster has no kind {} ({})", identity.kind.name, identity.kind.api_version()),
            format!(
                "Install what brings it; its definition is called {}.{}",
                identity.kind.plural, identity.kind.group
            ),
        ),
        Some(Hindrance::Refused(because)) => {
            (format!("the API server refuses it: {because}"), "Mend the line that asks for it.".into())
        }
        Some(Hindrance::NoNamespace) => {
            let namespace = &identity.namespace;
            return format!(
                "  namespace {namespace}\n{}{}",
                paragraph("it is not there, and all but classes of priority would be created in it", 6),
                paragraph(&format!("Create it: kubectl create namespace {namespace}"), 6)
            );
        }
    };
    format!("  {identity}\n{}{}", paragraph(&what, 6), paragraph(&help, 6))
}

/// ` on kubernetes, context prod, namespace shop`
fn place(plan: &Plan) -> String {
    match &plan.target {
        Some(TargetEntry::Kubernetes { context: Some(context), namespace }) => {
            format!(" on kubernetes, context {context}, namespace {namespace}")
        }
        Some(TargetEntry::Kubernetes { context: None, namespace }) => {
            format!(" on kubernetes, the current context, namespace {namespace}")
        }
        None => String::new(),
    }
}

fn word(step: Step) -> &'static str {
    match step {
        Step::Keep => "keep",
        Step::Create => "create",
        Step::Change => "change",
        Step::Replace => "replace",
        Step::Delete => "delete",
        Step::Release => "release",
    }
}

/// `creating`
pub fn doing(step: Step) -> &'static str {
    match step {
        Step::Keep => "keeping",
        Step::Create => "creating",
        Step::Change => "changing",
        Step::Replace => "replacing",
        Step::Delete => "deleting",
        Step::Release => "releasing",
    }
}

fn done(step: Step) -> &'static str {
    match step {
        Step::Keep => "kept",
        Step::Create => "created",
        Step::Change => "changed",
        Step::Replace => "replaced",
        Step::Delete => "deleted",
        Step::Release => "released",
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_VALUE) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {several}") }
}

/// What was done, counted.
fn tally(difference: &Difference) -> String {
    let counts = [Step::Create, Step::Change, Step::Replace, Step::Delete, Step::Release].map(|step| {
        let count =
            difference.entries.iter().filter(|entry| entry.step == step && entry.hindrance.is_none()).count();
        (count > 0).then(|| format!("{count} {}", done(step)))
    });
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The last line of `apply`.
pub fn applied(plan: &Plan, difference: &Difference, waited: bool) -> String {
    let ready = if waited { "; all replicas are ready" } else { "" };
    let tally = tally(difference);
    if tally.is_empty() {
        return if waited { "All replicas are ready.\n".to_owned() } else { String::new() };
    }
    format!("\n{} is applied: {tally}{ready}.\n", plan_name(plan))
}

/// The last line of `destroy`.
pub fn destroyed(plan: &Plan, difference: &Difference) -> String {
    let tally = tally(difference);
    if tally.is_empty() { String::new() } else { format!("\n{} is destroyed: {tally}.\n", plan_name(plan)) }
}

/// Workloads that were not ready in time, and why.
pub fn not_ready(states: &[Progress]) -> Vec<String> {
    let mut lines = vec!["error: not everything is ready in time; what was applied stays".to_owned()];
    for Progress { object, ready, wanted, because, .. } in states {
        lines.push(format!("  {object}: {ready} of {wanted} ready"));
        for (reason, count) in because {
            let pods = counted(usize::try_from(*count).unwrap_or(usize::MAX), "pod", "pods");
            for (at, part) in wrap(&format!("{pods}: {reason}"), 70).into_iter().enumerate() {
                lines.push(format!("    {}{part}", if at == 0 { "" } else { "  " }));
            }
        }
    }
    lines
}

/// Steps as they are done: a line of a terminal that is redrawn, nothing elsewhere.
pub struct Steps {
    count: usize,
    done: usize,
    shown: bool,
    terminal: bool,
}

impl Steps {
    /// Of `count` steps; a quiet one shows nothing.
    pub fn new(quiet: bool, count: usize) -> Self {
        Self { count, done: 0, shown: false, terminal: !quiet && stderr().is_terminal() }
    }

    /// Shows what happens.
    pub fn show(&mut self, happening: &Happening<'_>) {
        let line = match happening {
            Happening::Done(step, identity) => {
                self.done += 1;
                format!("{} of {}  {} {identity}", self.done, self.count, done(*step))
            }
            Happening::Waiting(states) => {
                let open: Vec<String> = states
                    .iter()
                    .map(|state| format!("{} {} of {}", state.object, state.ready, state.wanted))
                    .collect();
                format!("waiting for {}", open.join(", "))
            }
        };
        if self.terminal {
            let line: String = line.chars().take(78).collect();
            // Nothing is lost where a terminal does not take it.
            let _ = write!(stderr(), "\r\x1b[2K{line}").and_then(|()| stderr().flush());
            self.shown = true;
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(stderr(), "\r\x1b[2K").and_then(|()| stderr().flush());
        }
    }
}

/// `berth diff --json`
#[derive(Serialize)]
struct Answer<'a> {
    format: &'static str,
    plan: &'a str,
    fingerprint: &'a str,
    target: &'a Option<TargetEntry>,
    /// Objects that are as planned.
    kept: usize,
    actions: Vec<Action<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "<[Progress]>::is_empty")]
    not_ready: &'a [Progress],
}

#[derive(Serialize)]
struct Action<'a> {
    step: Step,
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    stops: u64,
    changes: &'a [FieldChange],
    /// It is a job that stays as it was begun with.
    #[serde(skip_serializing_if = "is_false")]
    outdated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hindrance: Option<HindranceEntry<'a>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum HindranceEntry<'a> {
    Conflict { fields: Vec<OwnedEntry<'a>> },
    Foreign { set: Option<&'a str> },
    Scaled { by: &'a str },
    Data,
    Running,
    NoKind,
    Refused { because: &'a str },
    NoNamespace,
    Absent,
    NoContainer { wanted: &'a str, known: &'a [String] },
}

#[derive(Serialize)]
struct OwnedEntry<'a> {
    field: &'a str,
    manager: &'a str,
}

fn answer<'a>(plan: &'a Plan, difference: &'a Difference) -> Answer<'a> {
    let told = |entry: &&Entry| entry.step != Step::Keep || entry.hindrance.is_some() || entry.is_outdated;
    let action = |entry: &'a Entry| Action {
        step: entry.step,
        kind: entry.identity.kind.name,
        namespace: &entry.identity.namespace,
        name: &entry.identity.name,
        service: entry.service.as_deref(),
        stops: entry.stops,
        changes: &entry.changes,
        outdated: entry.is_outdated,
        hindrance: entry.hindrance.as_ref().map(|hindrance| match hindrance {
            Hindrance::Conflict(owned) => HindranceEntry::Conflict {
                fields: owned.iter().map(|Owned { manager, field }| OwnedEntry { field, manager }).collect(),
            },
            Hindrance::Foreign(set) => HindranceEntry::Foreign { set: set.as_deref() },
            Hindrance::Scaled(by) => HindranceEntry::Scaled { by },
            Hindrance::Data => HindranceEntry::Data,
            Hindrance::Running => HindranceEntry::Running,
            Hindrance::NoKind => HindranceEntry::NoKind,
            Hindrance::Refused(because) => HindranceEntry::Refused { because },
            Hindrance::NoNamespace => HindranceEntry::NoNamespace,
            Hindrance::Absent => HindranceEntry::Absent,
            Hindrance::NoContainer { wanted, known } => HindranceEntry::NoContainer { wanted, known },
        }),
    };
    let actions: Vec<Action<'_>> = difference.entries.iter().filter(told).map(action).collect();
    Answer {
        format: "berth.diff/1",
        plan: plan_name(plan),
        fingerprint: &plan.fingerprint,
        target: &plan.target,
        kept: difference.entries.len() - actions.len(),
        actions,
        outcome: None,
        error: None,
        not_ready: &[],
    }
}

/// The difference for programs.
pub fn json(plan: &Plan, difference: &Difference) -> String {
    serde_json::to_string_pretty(&answer(plan, difference)).unwrap_or_default()
}

/// The difference, and what became of it.
pub fn outcome_json(plan: &Plan, difference: &Difference, stopped: Option<&Stopped>) -> String {
    let mut answer = answer(plan, difference);
    answer.outcome = Some(if stopped.is_none() { "done" } else { "stopped" });
    match stopped {
        None => {}
        Some(Stopped::At(step, identity, refusal)) => {
            answer.error = Some(format!("while {} {identity}: {refusal}", doing(*step)));
        }
        Some(Stopped::Refusal(refusal)) => answer.error = Some(refusal.to_string()),
        Some(Stopped::Held(by)) => answer.error = Some(format!("held by {by}")),
        Some(Stopped::NotReady(states)) => {
            answer.error = Some("not ready in time".into());
            answer.not_ready = states;
        }
    }
    serde_json::to_string_pretty(&answer).unwrap_or_default()
}

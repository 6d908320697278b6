//! A plan file against its sources: every row rechecked, every number derived again.
//!
//! It takes decisions and claims from the plan file, everything else from the sources, and compares.
//! Whatever differs is refused and named by a line of the user's.

mod experts;

use self::experts::expert_differences;
use crate::assembly::standing_price;
use crate::conflict::cannot_hold;
use crate::lowering::IrDiagnostic;
use crate::plan::read::{Unknown, assignments, solution};
use crate::plan::written::{inputs, plan};
use crate::plan::{Input, Plan, Status, digest};
use crate::problem::{Assignment, Certificate};
use crate::recheck::{self, Violation};
use crate::session::{Session, Stages, Stopped};
use crate::solving::Request;
use crate::targeting::with_objects;
use berth_language::addresses::expand;
use berth_language::diagnostics::Diagnostic;
use berth_language::sources::Sources;
use berth_language::span::{FileId, Span};
use num_rational::BigRational;
use num_traits::Zero;

/// More nodes than this are not written as one range.
const MOST_DRAINED: usize = 1 << 20;

/// What was found of a plan that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows, capacities and claims that were rechecked.
    pub statements: usize,
    /// Bounds that an exact certificate proves; the others rest on a search's word.
    pub proved: usize,
    /// Entries of the objective.
    pub levels: usize,
}

/// Why a plan is refused.
#[derive(Debug)]
pub enum Refused {
    /// The sources do not plan at all.
    Stopped(Stopped),
    /// Lines, with the sources for rendering.
    Lines(Sources, Vec<Diagnostic>),
}

/// Rechecks `found` against the sources it names, read through `session`.
pub fn verify(session: &Session<'_>, found: &Plan, request: &Request) -> Result<Verified, Refused> {
    let stages = stages_of(session, found).map_err(Refused::Stopped)?;
    let refuse = |diagnostics: Vec<Diagnostic>| Refused::Lines(stages.sources.clone(), diagnostics);
    let stale = stale(&stages, found);
    if !stale.is_empty() {
        return Err(refuse(stale));
    }
    if matches!(found.status, Status::Infeasible) {
        return verify_conflict(session, &stages, found, request).map_err(refuse);
    }
    if matches!(found.status, Status::Unknown) {
        let diagnostic = Diagnostic::error(
            "solve::unknown",
            "this plan decides nothing",
            plan_line(&stages),
            "neither a plan nor a proof that none exists was found",
        );
        return Err(refuse(vec![
            diagnostic.help("Plan again with more `--effort`, or without a time limit."),
        ]));
    }
    let unknown = |unknown: Unknown| altered(&stages, unknown.span, unknown.text);
    let assignments = assignments(stages.world(), found)
        .map_err(|errors| refuse(errors.into_iter().map(unknown).collect()))?;
    let incumbents = incumbents(&stages, &assignments).map_err(|violations| {
        refuse(violations.into_iter().map(|violation| broken(&stages, violation)).collect())
    })?;
    let standing: Vec<BigRational> = stages
        .packing
        .levels
        .iter()
        .map(|level| if level.unit == "$/h" { standing_price(&stages.program) } else { BigRational::zero() })
        .collect();
    let claimed =
        solution(found, assignments, &incumbents, &standing).map_err(|error| refuse(vec![unknown(error)]))?;
    let values = recheck::recheck(&stages.packing, &claimed).map_err(|violations| {
        refuse(violations.into_iter().map(|violation| broken(&stages, violation)).collect())
    })?;
    let derived = plan(stages.world(), &claimed, &values);
    let derived = with_objects(session.targeting, &stages.program, &stages.sources, derived);
    let differences = differences(&stages, found, &derived);
    if !differences.is_empty() {
        return Err(refuse(differences));
    }
    if let Some(broken) = derived.requirements.iter().find(|entry| entry.met == Some(false)) {
        return Err(refuse(vec![altered(&stages, None, format!("`{}` does not hold", broken.text))]));
    }
    let proved = claimed
        .levels
        .iter()
        .filter(|level| !matches!(level.certificate, Certificate::Search { .. }))
        .count();
    let packing = &stages.packing;
    Ok(Verified {
        statements: packing.machines.len() * (packing.resources.len() + 1)
            + packing.rows.len()
            + packing.levels.len(),
        proved,
        levels: packing.levels.len(),
    })
}

/// Every stage up to the problem, from what a plan says it was made from.
pub(crate) fn stages_of(session: &Session<'_>, found: &Plan) -> Result<Stages, Stopped> {
    let root = found.inputs.first().map(|input| input.path.clone()).unwrap_or_default();
    let text = match &found.ir {
        None => None,
        Some(input) => Some((edited(session, input)?, input.path.as_str())),
    };
    let ir = text.as_ref().map(|(text, path)| (text.as_str(), *path));
    let drained =
        found.drained.iter().filter_map(|address| expand(address, MOST_DRAINED)).flatten().collect();
    session.stages_from(&root, ir, &drained, |_| found.observed.clone())
}

/// The edited IR that a plan was made from, if it is still the same.
fn edited(session: &Session<'_>, input: &Input) -> Result<String, Stopped> {
    let bytes = session.files.read(&input.path).unwrap_or_default();
    if digest(&bytes) == input.sha256 {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    Err(Stopped::Ir(vec![IrDiagnostic {
        code: "plan::stale",
        message: "the plan was made from another text than this".into(),
        file: input.path.clone(),
        line: 1,
        column: 1,
        help: Some("Plan again, or put the text back that the plan was made from.".into()),
    }]))
}

/// Inputs that are not what the plan was made from.
fn stale(stages: &Stages, found: &Plan) -> Vec<Diagnostic> {
    let now = inputs(&stages.sources);
    if now == found.inputs {
        return Vec::new();
    }
    let mut diagnostics = Vec::new();
    for (file, source) in stages.sources.iter().filter(|(_, source)| !source.shipped) {
        let before = found.inputs.iter().find(|input| input.path == source.path);
        let after = now.iter().find(|input| input.path == source.path);
        if before != after || before.is_none() {
            let start = Span::new(file, 0, 0);
            let label = match before {
                Some(_) => "changed since the plan was made",
                None => "no input of the plan",
            };
            let title = format!("the plan was made from another `{}`", source.path);
            diagnostics.push(
                Diagnostic::error("plan::stale", title, start, label)
                    .help("Plan again, or check out the files the plan was made from."),
            );
        }
    }
    for (path, sha256) in stages.sources.data() {
        let before = found.inputs.iter().find(|input| input.path == path);
        if before.is_none_or(|before| before.sha256 != sha256) {
            let title = format!("the plan was made from another `{path}`");
            diagnostics.push(
                Diagnostic::error("plan::stale", title, plan_line(stages), "this program reads other data")
                    .help("Plan again, or put the data back that the plan was made from."),
            );
        }
    }
    if diagnostics.is_empty() {
        let title = "the plan names inputs that the program does not read";
        diagnostics.push(
            Diagnostic::error("plan::stale", title, plan_line(stages), "this program reads other files")
                .help("Plan again."),
        );
    }
    diagnostics
}

/// The level values of assignments, by the exact check with no claims made.
fn incumbents(stages: &Stages, assignments: &[Assignment]) -> Result<Vec<BigRational>, Vec<Violation>> {
    recheck::recheck_assignments(&stages.packing, assignments).map(|values| values.levels)
}

fn verify_conflict(
    session: &Session<'_>,
    stages: &Stages,
    found: &Plan,
    request: &Request,
) -> Result<Verified, Vec<Diagnostic>> {
    if found.fingerprint != found.fingerprint_of_contents() {
        return Err(vec![altered(stages, None, "what it says does not match its fingerprint".into())]);
    }
    let mut kept = std::collections::BTreeSet::new();
    for line in &found.conflict {
        let span = stages
            .sources
            .iter()
            .filter(|(_, source)| source.path == line.file)
            .find_map(|(file, _)| span_at(stages, file, line.line, line.column));
        kept.extend(span);
    }
    let Stages { program, lowered, .. } = stages;
    match cannot_hold(program, &lowered.graph, &stages.running(), &kept, session.solving, request) {
        Some(true) => Ok(Verified { statements: found.conflict.len(), proved: 1, levels: 1 }),
        Some(false) => Err(vec![altered(stages, None, "the lines of the conflict can hold together".into())]),
        None => Err(vec![altered(
            stages,
            None,
            "whether the lines of the conflict can hold was not decided".into(),
        )]),
    }
}

/// The droppable line that starts at this place.
fn span_at(stages: &Stages, file: FileId, line: usize, column: usize) -> Option<Span> {
    crate::conflict::lines(&stages.program)
        .find(|span| span.file == file && stages.sources.position(*span) == (line, column))
}

fn broken(stages: &Stages, violation: Violation) -> Diagnostic {
    let mut origins = violation.origins.into_iter();
    let first = origins.next().unwrap_or_else(|| plan_line(stages));
    let mut diagnostic = Diagnostic::error("plan::altered", "the plan does not hold", first, violation.text);
    for origin in origins.take(3) {
        diagnostic = diagnostic.and(origin, "with this line");
    }
    diagnostic.help("Plan again: this file is not what the planner wrote.")
}

fn altered(stages: &Stages, span: Option<Span>, text: String) -> Diagnostic {
    let span = span.unwrap_or_else(|| plan_line(stages));
    Diagnostic::error("plan::altered", "the plan is not what the planner wrote", span, text)
        .help("Plan again: this file is not what the planner wrote.")
}

/// The `plan` block, or the start of the root file.
fn plan_line(stages: &Stages) -> Span {
    stages.program.plan.span.unwrap_or(Span::new(FileId(0), 0, 0))
}

fn minimize_line(stages: &Stages) -> Span {
    stages.program.plan.minimize.first().map_or_else(|| plan_line(stages), |entry| entry.span)
}

/// Where the file and what was derived from its decisions differ.
fn differences(stages: &Stages, found: &Plan, derived: &Plan) -> Vec<Diagnostic> {
    let mut differences = Vec::new();
    let items = &stages.packing.items;
    let service_line = |name: &str| items.iter().find(|item| item.name == name).map(|item| item.origin);
    let thing_line = |path: &str| {
        let named = |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '[']));
        let item = items.iter().find(|item| named(&item.name)).map(|item| item.origin);
        item.or_else(|| stages.program.nodes.iter().find(|node| named(&node.name)).map(|node| node.span))
    };
    for item in items.iter().filter(|item| item.beside.is_none()) {
        let seal = |plan: &Plan| plan.seals.iter().find(|seal| seal.service == item.name).cloned();
        if seal(found) != seal(derived)
            || seal(derived).is_none_or(|seal| seal.sha256 != found.seal_of(&item.name))
        {
            let text = format!("the placements of `{}` do not match their seal", item.name);
            differences.push(altered(stages, Some(item.origin), text));
        }
    }
    for (left, right) in longest(&found.jobs, &derived.jobs) {
        if left != right {
            let name = right.or(left).map(|entry| entry.job.clone()).unwrap_or_default();
            let text = format!("how `{name}` runs is not what its placements give");
            differences.push(altered(stages, service_line(&name), text));
        }
    }
    differences.extend(expert_differences(stages, found, derived));
    for (left, right) in longest(&found.objective, &derived.objective) {
        if left != right {
            let name = left.or(right).map(|entry| entry.name.clone()).unwrap_or_default();
            let text = format!("the objective `{name}` is not what its decisions and certificate give");
            differences.push(altered(stages, Some(minimize_line(stages)), text));
        }
    }
    for (left, right) in longest(&found.measures, &derived.measures) {
        if left != right {
            let path = right.or(left).map(|entry| entry.path.clone()).unwrap_or_default();
            differences.push(altered(
                stages,
                thing_line(&path),
                format!("the measure `{path}` is not what the model gives"),
            ));
        }
    }
    for (left, right) in longest(&found.requirements, &derived.requirements) {
        if left != right {
            let entry = right.or(left);
            let text = entry.map(|entry| entry.text.clone()).unwrap_or_default();
            let span = entry.and_then(|entry| {
                stages
                    .sources
                    .iter()
                    .filter(|(_, source)| source.path == entry.file)
                    .find_map(|(file, _)| span_at(stages, file, entry.line, entry.column))
            });
            differences.push(altered(
                stages,
                span,
                format!("the entry of `{text}` is not what the plan gives"),
            ));
        }
    }
    let rest = |plan: &Plan| {
        (
            plan.status,
            plan.name.clone(),
            plan.unplaced.clone(),
            plan.drained.clone(),
            plan.observed.clone(),
            plan.actions.clone(),
            plan.wishes.clone(),
            plan.teams.clone(),
            plan.steps.clone(),
            plan.conflict.clone(),
            plan.placeholders.clone(),
        )
    };
    for (left, right) in longest(&found.autoscaling, &derived.autoscaling) {
        if left != right {
            let service = right.or(left).map(|entry| entry.service.clone()).unwrap_or_default();
            let text = format!(
                "how many replicas `{service}` has by the step is not what its demand and lines give"
            );
            differences.push(altered(stages, service_line(&service), text));
        }
    }
    if rest(found) != rest(derived) {
        differences.push(altered(
            stages,
            None,
            "its status, wishes, teams, actions or steps are not what its decisions give".into(),
        ));
    }
    for (left, right) in longest(&found.objects, &derived.objects) {
        if left != right {
            let service = right.or(left).and_then(|object| object.service.as_deref());
            let what = service.map_or("one for all".to_owned(), |service| format!("of `{service}`"));
            differences.push(altered(
                stages,
                service.and_then(service_line),
                format!("an object {what} is not what the plan gives"),
            ));
        }
    }
    if found.target != derived.target || found.unwritten != derived.unwritten {
        let line = stages.program.plan.target.as_ref().map(|target| target.span);
        differences.push(altered(stages, line, "its target is not what the plan file names".into()));
    }
    if differences.is_empty() && found.placements != derived.placements {
        let service = longest(&found.placements, &derived.placements)
            .find(|(left, right)| left != right)
            .and_then(|(left, right)| left.or(right))
            .map(|placement| placement.service.clone())
            .unwrap_or_default();
        differences.push(altered(
            stages,
            service_line(&service),
            "written otherwise than the planner does".into(),
        ));
    }
    if differences.is_empty() && found.fingerprint != found.fingerprint_of_contents() {
        differences.push(altered(
            stages,
            Some(minimize_line(stages)),
            "what it says does not match its fingerprint".into(),
        ));
    }
    differences
}

/// Both lists side by side, to the end of the longer.
fn longest<'a, T>(left: &'a [T], right: &'a [T]) -> impl Iterator<Item = (Option<&'a T>, Option<&'a T>)> {
    (0..left.len().max(right.len())).map(|index| (left.get(index), right.get(index)))
}

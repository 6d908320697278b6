//! The one place that orchestrates: files to plan, stage by stage, over a lowering and a solver.
//!
//! The command line and an editor only call it. Every stage's value stays in [`Stages`], so that it can
//! be printed; nothing is computed twice.

use crate::assembly::{self, standing_price};
use crate::candidates::{self, Candidates, Disregarded};
use crate::concessions::{Concession, concessions};
use crate::conflict::{self, Conflict};
use crate::consistency::consistency;
use crate::implied::{Answer, implied};
use crate::inputs::missing_inputs;
use crate::lock::{self, Lock};
use crate::logic::Deciding;
use crate::lowering::{IrDiagnostic, Lowered, Lowering};
use crate::plan::groups::side_by_side;
use crate::plan::written::{World, file_name, float, plan, without_placements};
use crate::plan::{ConcessionEntry, ConflictLine, Input, Plan, StageTime, Status, digest};
use crate::problem::{Packing, Problem, Running as RunningCopies};
use crate::recheck::{self, Values};
use crate::relaxation::{Goal, farkas, relaxation};
use crate::solving::{Feasibility, Outcome, Progress, Proof, Reason, Request, Solving};
use crate::state::{Observed, Resolved, State};
use crate::targeting::{Names, Targeting, with_objects};
use crate::trial::{self, Base, Report, Running, Trial};
use berth_language::diagnostics::{Diagnostic, Severity};
use berth_language::model::{Policy, Precision, Program, Restriction, Test, Work};
use berth_language::pinned::catalog_things;
use berth_language::sources::{Files, Source, Sources, Unreadable};
use berth_language::span::{FileId, Span};
use berth_language::{Checked, check, check_world};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::BTreeSet;
use std::time::Instant;

/// What planning works with.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// Where files come from.
    pub files: &'a dyn Files,
    /// Model to operator graph.
    pub lowering: &'a dyn Lowering,
    /// Problem to solution.
    pub solving: &'a dyn Solving,
    /// Whether statements can hold together.
    pub deciding: &'a dyn Deciding,
    /// Plan to objects.
    pub targeting: &'a dyn Targeting,
}

/// A program with its models as operators; nothing predicted yet.
#[derive(Clone, Debug)]
pub struct Front {
    /// What the files say.
    pub program: Program,
    /// The files.
    pub sources: Sources,
    /// Warnings of the language.
    pub diagnostics: Vec<Diagnostic>,
    /// MLIR text and operator graph.
    pub lowered: Lowered,
    /// The edited text that took the place of lowering.
    pub ir: Option<Input>,
    times: Clock,
}

/// A program with everything before the solution.
#[derive(Debug)]
pub struct Stages {
    /// What the files say.
    pub program: Program,
    /// The files.
    pub sources: Sources,
    /// Warnings of the language.
    pub diagnostics: Vec<Diagnostic>,
    /// MLIR text and operator graph.
    pub lowered: Lowered,
    /// The edited text that took the place of lowering.
    pub ir: Option<Input>,
    /// What may run.
    pub candidates: Candidates,
    /// What is to be solved.
    pub packing: Packing,
    /// What runs now, where somebody has looked.
    pub observed: Option<Resolved>,
    /// How long each stage took.
    pub times: Vec<StageTime>,
}

impl Stages {
    /// What runs now, as the problem knows it; nothing where nobody has looked.
    pub(crate) fn running(&self) -> Vec<RunningCopies> {
        self.observed.as_ref().map_or_else(Vec::new, Resolved::running)
    }

    /// Everything a plan is derived from.
    pub fn world(&self) -> World<'_> {
        World {
            program: &self.program,
            sources: &self.sources,
            ir: self.ir.as_ref(),
            candidates: &self.candidates,
            packing: &self.packing,
            observed: self.observed.as_ref(),
        }
    }
}

/// Why there are no stages.
#[derive(Debug)]
pub enum Stopped {
    /// The user's lines; the sources are for rendering.
    Lines(Sources, Vec<Diagnostic>),
    /// Edited IR text.
    Ir(Vec<IrDiagnostic>),
}

/// A plan, and what stands behind it.
#[derive(Debug)]
pub struct Planned {
    /// The plan, infeasible ones included.
    pub plan: Plan,
    /// What it was derived from.
    pub stages: Stages,
    /// What the solution comes to; none where there is no plan.
    pub values: Option<Values>,
    /// Why no plan was found, where that is neither a plan nor a proof.
    pub because: Option<String>,
}

impl Planned {
    /// Money an hour of the plan, if there is one.
    pub fn bill(&self) -> Option<BigRational> {
        Some(&self.values.as_ref()?.price + standing_price(&self.stages.program))
    }
}

impl Session<'_> {
    /// Parses, resolves and checks, and holds the lines against each other; no planning.
    pub fn check(&self, path: &str) -> Checked {
        let mut checked = self.read(path);
        if let Some(program) = &checked.program {
            let told = checked.diagnostics.iter().filter(|told| told.code == "derive::implied");
            let told = told.filter_map(|told| Some(told.labels.first()?.span)).collect();
            checked.diagnostics.extend(consistency(program, self.deciding, &told));
        }
        checked
    }

    /// For every policy that asks for it, whether all plans keep it.
    ///
    /// # Errors
    /// Where a model cannot be lowered.
    pub fn implied(
        &self,
        checked: &Checked,
        path: &str,
        request: &Request,
    ) -> Result<Vec<Answer>, Vec<Diagnostic>> {
        let asks = |policy: &Policy| policy.implied.as_ref().is_some_and(|implied| implied.value);
        match &checked.program {
            Some(program) if program.policies.iter().any(asks) => {
                let lowered = self.lowering.lower(program, &checked.sources, path)?;
                Ok(implied(program, &lowered.graph, self.solving, request))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The program, if it says all that planning needs and is what its lock pins.
    fn read(&self, path: &str) -> Checked {
        let mut checked = complete(check(path, self.files));
        let at = lock::path(path);
        match self.files.read(&at) {
            // Most programs have no lock.
            Err(Unreadable::Missing) => {}
            Ok(bytes) => self.hold_to(&bytes, at, path, &mut checked),
            Err(_) => self.hold_to(&[], at, path, &mut checked),
        }
        checked
    }

    /// Says where what ships is not what the lock pins.
    fn hold_to(&self, bytes: &[u8], at: String, path: &str, checked: &mut Checked) {
        let (things, _) = catalog_things(path, self.files);
        let shipped = Lock::of(checked.program.as_ref(), &things);
        let found = match read_lock(bytes, at, &mut checked.sources) {
            Ok(lock) => lock.differences(&shipped, &things, Span::new(FileId(0), 0, 0)),
            Err(damaged) => vec![*damaged],
        };
        if found.iter().any(|found| found.severity == Severity::Error) {
            checked.program = None;
        }
        checked.diagnostics.extend(found);
    }

    /// The lock of what ships with this version, and the one beside the root file, if there is one.
    pub fn lock(&self, path: &str) -> Result<(Lock, Option<Lock>), Stopped> {
        let mut checked = check(path, self.files);
        if checked.program.is_none() {
            return Err(Stopped::Lines(checked.sources, checked.diagnostics));
        }
        let (things, _) = catalog_things(path, self.files);
        let shipped = Lock::of(checked.program.as_ref(), &things);
        let at = lock::path(path);
        let known = match self.files.read(&at) {
            Err(Unreadable::Missing) => None,
            read => {
                let bytes = read.unwrap_or_default();
                match read_lock(&bytes, at, &mut checked.sources) {
                    Ok(lock) => Some(lock),
                    Err(damaged) => return Err(Stopped::Lines(checked.sources, vec![*damaged])),
                }
            }
        };
        Ok((shipped, known))
    }

    /// Plans the file, then the world of each of its tests that `wanted` names, and judges what each checks.
    /// Codes in `allowed` may go without judgement.
    pub fn test(
        &self,
        path: &str,
        wanted: &dyn Fn(&str) -> bool,
        allowed: &[String],
        request: &Request,
        progress: &mut dyn FnMut(Running<'_>),
    ) -> Result<Report, Stopped> {
        let stages = self.stages(path, None)?;
        let names: Vec<String> = stages.program.tests.iter().map(|test| test.name.clone()).collect();
        let tests: Vec<Test> =
            stages.program.tests.iter().filter(|test| wanted(&test.name)).cloned().collect();
        let of = tests.len();
        let base = self.solved(stages, request, &mut |progress_| {
            progress(Running { test: None, done: 0, of, progress: &progress_ });
        });
        let base_bill = base.bill();
        let mut trials = Vec::with_capacity(of);
        for (done, test) in tests.iter().enumerate() {
            let line = base.stages.sources.position(test.span).0;
            let mut trial = Trial::new(test.name.clone(), line);
            if !request.cancellation.is_cancelled() {
                let since = Instant::now();
                let mut show = |progress_: Progress| {
                    progress(Running { test: Some(&test.name), done, of, progress: &progress_ });
                };
                self.try_world(path, test, base_bill.as_ref(), allowed, request, &mut show, &mut trial);
                trial.wall_s = since.elapsed().as_secs_f64();
            }
            trials.push(trial);
        }
        let Planned { plan, stages, .. } = base;
        Ok(Report {
            format: trial::FORMAT,
            file: path.to_owned(),
            base: Base { status: plan.status, bill: base_bill.as_ref().and_then(ToPrimitive::to_f64) },
            tests: trials,
            names,
            diagnostics: stages.diagnostics,
            sources: stages.sources,
        })
    }

    /// Plans the world of one test and judges what it checks there.
    #[allow(clippy::too_many_arguments, reason = "what a run shares, and what is its own")]
    fn try_world(
        &self,
        path: &str,
        test: &Test,
        base_bill: Option<&BigRational>,
        allowed: &[String],
        request: &Request,
        progress: &mut dyn FnMut(Progress),
        trial: &mut Trial,
    ) {
        let mut clock = Clock::default();
        let mut checked = complete(check_world(path, self.files, &test.world));
        clock.lap("check");
        if let Some(program) = &mut checked.program {
            trial::put_checks_in_place(program, base_bill);
        }
        let checks = checked.program.as_ref().map(|program| program.checks.clone()).unwrap_or_default();
        match self.front_of(checked, path, None, clock).map(|front| stages_of(front, self.solving)) {
            Ok(stages) => {
                let planned = self.solved(stages, request, progress);
                trial.judge(&checks, &planned, base_bill, allowed, request);
            }
            Err(stopped) => trial.stopped(stopped),
        }
    }

    /// Model and operator graph. `ir` continues from edited text, `(text, path)`.
    pub fn front(&self, path: &str, ir: Option<(&str, &str)>) -> Result<Front, Stopped> {
        let mut clock = Clock::default();
        let checked = self.read(path);
        clock.lap("check");
        self.front_of(checked, path, ir, clock)
    }

    fn front_of(
        &self,
        checked: Checked,
        path: &str,
        ir: Option<(&str, &str)>,
        mut clock: Clock,
    ) -> Result<Front, Stopped> {
        let has_errors = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
        let Some(program) = checked.program.filter(|_| !has_errors) else {
            return Err(Stopped::Lines(checked.sources, checked.diagnostics));
        };
        let lowered = match ir {
            None => match self.lowering.lower(&program, &checked.sources, path) {
                Ok(lowered) => lowered,
                Err(mut diagnostics) => {
                    diagnostics.extend(checked.diagnostics);
                    return Err(Stopped::Lines(checked.sources, diagnostics));
                }
            },
            Some((text, name)) => {
                let lowered = self.lowering.resume(text, name).map_err(Stopped::Ir)?;
                let strangers = strangers(&program, &lowered, name);
                if !strangers.is_empty() {
                    return Err(Stopped::Ir(strangers));
                }
                lowered
            }
        };
        let ir = ir.map(|(text, name)| Input { path: name.to_owned(), sha256: digest(text.as_bytes()) });
        clock.lap("lower");
        let (sources, mut diagnostics) = (checked.sources, checked.diagnostics);
        if ir.is_none() {
            let said = lowered.warnings.iter().cloned().map(|warning| warning.located(&sources));
            diagnostics.extend(said.map(|said| Diagnostic { severity: Severity::Warning, ..said }));
        }
        Ok(Front { program, sources, diagnostics, lowered, ir, times: clock })
    }

    /// Every stage up to the problem. `ir` continues from edited text, `(text, path)`.
    pub fn stages(&self, path: &str, ir: Option<(&str, &str)>) -> Result<Stages, Stopped> {
        self.front(path, ir).map(|front| stages_of(front, self.solving))
    }

    /// The same, with the nodes at the addresses `drained` being emptied, and from what runs now too. Where the
    /// program names no target nobody can have looked.
    pub fn stages_from(
        &self,
        path: &str,
        ir: Option<(&str, &str)>,
        drained: &BTreeSet<String>,
        observed: impl FnOnce(&Names) -> Option<Observed>,
    ) -> Result<Stages, Stopped> {
        let front = self.front(path, ir)?;
        let drained = nodes_at(&front.program, drained);
        Ok(self.stages_while(front, &drained, observed))
    }

    /// The stages over `front` while the nodes `drained` are being emptied, and from what is observed.
    pub(crate) fn stages_while(
        &self,
        mut front: Front,
        drained: &BTreeSet<usize>,
        observed: impl FnOnce(&Names) -> Option<Observed>,
    ) -> Stages {
        front.program.drained = drained.iter().copied().collect();
        let mut stages = stages_of(front, self.solving);
        if let Some(names) = self.targeting.names(&stages.program)
            && let Some(observed) = observed(&names)
        {
            let resolved = Resolved::of(observed, &names);
            assembly::observe(&mut stages.packing, &stages.program, resolved.running());
            stages.observed = Some(resolved);
        }
        stages
    }

    /// The whole way.
    pub fn plan(
        &self,
        path: &str,
        ir: Option<(&str, &str)>,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Planned, Stopped> {
        Ok(self.solved(self.stages(path, ir)?, request, progress))
    }

    /// The whole way, with the nodes at the addresses `drained` being emptied, and from what a state says runs now,
    /// which stands beside where it was seen.
    pub fn plan_from(
        &self,
        path: &str,
        drained: &BTreeSet<String>,
        state: Option<&(State, String)>,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Planned, Stopped> {
        let stages = self.stages_from(path, None, drained, |names| {
            state.map(|(state, from)| Observed::own(from, state, names))
        })?;
        Ok(self.solved(stages, request, progress))
    }

    /// From the problem to the plan.
    pub(crate) fn solved(
        &self,
        stages: Stages,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Planned {
        let mut clock = Clock { laps: stages.times.clone(), ..Clock::default() };
        let outcome = self.solving.solve(Problem::Packing(&stages.packing), request, progress);
        clock.lap("solve");
        let mut found = None;
        let (mut plan, because) = match outcome {
            Outcome::Solved(solution) => match recheck::recheck(&stages.packing, &solution) {
                Ok(values) => {
                    let (solution, values) = side_by_side(&stages.packing, solution, values);
                    let found_plan = plan(stages.world(), &solution, &values);
                    let targeted = with_objects(self.targeting, &stages.program, &stages.sources, found_plan);
                    let judged = judged(&stages, targeted);
                    found = Some(values).filter(|_| judged.1.is_none());
                    judged
                }
                Err(violations) => {
                    let refused: Vec<&str> =
                        violations.iter().take(3).map(|violation| violation.text.as_str()).collect();
                    let because =
                        format!("the solver's answer does not pass the exact check: {}", refused.join("; "));
                    (without_placements(stages.world(), Status::Unknown, Vec::new()), Some(because))
                }
            },
            Outcome::Infeasible(reason) => {
                let plan = match self.refuted(&stages.packing, &reason, request) {
                    Some(because) => {
                        (without_placements(stages.world(), Status::Unknown, Vec::new()), Some(because))
                    }
                    None => self.infeasible(&stages, &reason, request),
                };
                clock.lap("conflict");
                plan
            }
            Outcome::Unknown { because } => {
                (without_placements(stages.world(), Status::Unknown, Vec::new()), Some(because))
            }
        };
        clock.lap("recheck");
        plan.solve.stages = clock.laps;
        plan.solve.wall_s = plan.solve.stages.iter().map(|stage| stage.wall_s).sum();
        plan.solve.interrupted = request.cancellation.is_cancelled();
        plan.solve.time_limit_s = request.time_limit.map(|limit| limit.as_secs_f64());
        Planned { plan, stages, values: found, because }
    }

    /// Why the claim that nothing exists is not believed: its proof does not add up, or, where it has none
    /// that can be checked, something exists.
    fn refuted(&self, packing: &Packing, reason: &Reason, request: &Request) -> Option<String> {
        if let Proof::Farkas { multipliers } = &reason.proof {
            return (!farkas(&relaxation(packing, Goal::Feasibility), multipliers))
                .then(|| "the solver's proof that no plan exists does not add up".into());
        }
        match self.solving.feasible(packing, &[], request) {
            Feasibility::Feasible(witness)
                if recheck::recheck_assignments(packing, &witness.assignments).is_ok() =>
            {
                Some("the solver says that no plan exists, and finds one".into())
            }
            _ => None,
        }
    }

    fn infeasible(&self, stages: &Stages, reason: &Reason, request: &Request) -> (Plan, Option<String>) {
        // A line about precision that is left out leaves others to choose from: they need a graph too.
        let widened = widened(&stages.program);
        let every_precision = match stages.ir {
            None => self.lowering.lower(&widened, &stages.sources, "").ok().map(|lowered| lowered.graph),
            Some(_) => None,
        };
        let running = stages.running();
        let Conflict { lines, irreducible, shortages } = conflict::conflict(
            &stages.program,
            every_precision.as_ref().unwrap_or(&stages.lowered.graph),
            &running,
            &reason.origins,
            self.solving,
            request,
        );
        let graph = every_precision.as_ref().unwrap_or(&stages.lowered.graph);
        let concessions = if request.relax == 0 {
            Vec::new()
        } else {
            let lines: Vec<Span> = lines.iter().map(|(line, _)| *line).collect();
            concessions((&stages.program, graph, &running), &lines, request.relax, self.solving, request)
        };
        let concessions = concessions.into_iter().map(|concession| entry_of(stages, &concession)).collect();
        let because =
            (!irreducible).then(|| "some of these lines may not be needed for the conflict".to_owned());
        let lines = lines
            .into_iter()
            .map(|(span, because)| {
                let (line, column) = stages.sources.position(span);
                ConflictLine {
                    file: stages.sources.get(span.file).map(|file| file.path.clone()).unwrap_or_default(),
                    line,
                    column,
                    text: stages.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" "),
                    because,
                }
            })
            .collect();
        (
            Plan { shortages, concessions, ..without_placements(stages.world(), Status::Infeasible, lines) },
            because,
        )
    }
}

fn entry_of(stages: &Stages, concession: &Concession) -> ConcessionEntry {
    let (line, _) = stages.sources.position(concession.line);
    let to = concession.to.as_ref();
    ConcessionEntry {
        file: file_name(&stages.sources, concession.line),
        line,
        text: stages.sources.text(concession.line).split_whitespace().collect::<Vec<_>>().join(" "),
        to: to.map(|to| float(&to.value)),
        unit: to.map(|to| to.unit.into()),
        bill: float(&concession.bill),
    }
}

/// The nodes at these addresses, by index.
pub(crate) fn nodes_at(program: &Program, addresses: &BTreeSet<String>) -> BTreeSet<usize> {
    let nodes = program.nodes.iter().enumerate();
    nodes.filter(|(_, node)| addresses.contains(&node.name)).map(|(index, _)| index).collect()
}

/// With what planning cannot do without: where that is missing there is no program.
fn complete(mut checked: Checked) -> Checked {
    if let Some(program) = &checked.program {
        let missing = missing_inputs(program);
        let stops = missing.iter().any(|found| found.severity == Severity::Error);
        checked.diagnostics.extend(missing);
        if stops {
            checked.program = None;
        }
    }
    checked
}

/// Reads a lock; one that is damaged joins the sources, so that its place can be shown.
fn read_lock(bytes: &[u8], path: String, sources: &mut Sources) -> Result<Lock, Box<Diagnostic>> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let next = FileId(u32::try_from(sources.iter().count()).unwrap_or(u32::MAX));
    Lock::from_text(&text, next).inspect_err(|_| {
        sources.add(Source { path, text: text.into(), bytes: bytes.into(), shipped: false });
    })
}

/// Every stage between the operators and the problem.
fn stages_of(front: Front, solving: &dyn Solving) -> Stages {
    let Front { program, sources, diagnostics, lowered, ir, times: mut clock } = front;
    let without = Disregarded::new();
    let candidates = candidates::candidates(&program, &lowered.graph, &without, solving);
    clock.lap("candidates");
    let packing = assembly::problem(&program, &candidates, &without);
    clock.lap("problem");
    let observed = None;
    Stages { program, sources, diagnostics, lowered, ir, candidates, packing, observed, times: clock.laps }
}

/// `program` with every precision allowed.
fn widened(program: &Program) -> Program {
    let mut widened = program.clone();
    for service in &mut widened.services {
        if let Work::Llm(work) = &mut service.work {
            let allowed = vec![Precision::Bf16, Precision::Fp8];
            work.precision = vec![Restriction { allowed, span: service.span, pinned: false }];
        }
    }
    for job in &mut widened.jobs {
        if let Some(work) = &mut job.runs {
            let allowed = vec![Precision::Bf16, Precision::Fp8];
            work.precision = vec![Restriction { allowed, span: job.span, pinned: false }];
        }
    }
    widened
}

/// A plan in which a judged line does not hold is no plan.
fn judged(stages: &Stages, plan: Plan) -> (Plan, Option<String>) {
    let Some(broken) = plan.requirements.iter().find(|entry| entry.met == Some(false)) else {
        return (plan, None);
    };
    let because = format!("what was found does not keep line {}: {}", broken.line, broken.text);
    (without_placements(stages.world(), Status::Unknown, Vec::new()), Some(because))
}

/// Services of the program that edited text has no pass of, and passes of services there are not.
fn strangers(program: &Program, lowered: &Lowered, path: &str) -> Vec<IrDiagnostic> {
    let said = |message: String, help: &str| IrDiagnostic {
        code: "ir::verify",
        message,
        file: path.to_owned(),
        line: 1,
        column: 1,
        help: Some(help.to_owned()),
    };
    let models: BTreeSet<&str> = program
        .services
        .iter()
        .filter(|service| matches!(service.work, Work::Llm(_)))
        .map(|service| service.name.as_str())
        .collect();
    let jobs = program.jobs.iter().filter(|job| job.is_training() || job.runs.is_some());
    let jobs = jobs.map(|job| job.name.as_str());
    let models: BTreeSet<&str> = models.into_iter().chain(jobs).collect();
    let passes: BTreeSet<&str> = lowered.graph.phases.iter().map(|phase| phase.service.as_str()).collect();
    let absent = models.difference(&passes).map(|name| {
        said(
            format!("the text has no pass of `{name}`"),
            "Keep its functions, or take the service out of the plan file.",
        )
    });
    let unknown = passes.difference(&models).map(|name| {
        said(
            format!("`{name}` is no service of the plan file that runs a model"),
            "Mend `berth.service`, or name the plan file with `--program`.",
        )
    });
    absent.chain(unknown).collect()
}

/// Laps of wall-clock time.
#[derive(Clone, Debug)]
struct Clock {
    since: Instant,
    laps: Vec<StageTime>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { since: Instant::now(), laps: Vec::new() }
    }
}

impl Clock {
    fn lap(&mut self, name: &str) {
        let now = Instant::now();
        self.laps.push(StageTime { name: name.into(), wall_s: (now - self.since).as_secs_f64() });
        self.since = now;
    }
}

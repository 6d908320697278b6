//! The one place that orchestrates: files to plan, stage by stage, over a lowering and a solver.
//!
//! The command line and an editor only call it. Every stage's value stays in [`Stages`], so that it can
//! be printed; nothing is computed twice.

use crate::assembly;
use crate::candidates::{self, Candidates, Disregarded};
use crate::conflict::{self, Conflict};
use crate::consistency::consistency;
use crate::implied::{Answer, implied};
use crate::inputs::missing_inputs;
use crate::logic::Deciding;
use crate::lowering::{IrDiagnostic, Lowered, Lowering};
use crate::plan::written::{World, plan, without_placements};
use crate::plan::{ConflictLine, Input, Plan, StageTime, Status, digest};
use crate::problem::{Packing, Problem};
use crate::recheck;
use crate::relaxation::{Goal, farkas, relaxation};
use crate::solving::{Feasibility, Outcome, Progress, Proof, Reason, Request, Solving};
use berth_language::diagnostics::{Diagnostic, Severity};
use berth_language::model::{Policy, Precision, Program, Restriction, Work};
use berth_language::sources::{Files, Sources};
use berth_language::{Checked, check};
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
}

/// A program with its models as operators; nothing predicted yet.
#[derive(Debug)]
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
    pub problem: Problem,
    /// How long each stage took.
    pub times: Vec<StageTime>,
}

impl Stages {
    /// The problem's packing.
    pub fn packing(&self) -> &Packing {
        let Problem::Packing(packing) = &self.problem;
        packing
    }

    /// Everything a plan is derived from.
    pub fn world(&self) -> World<'_> {
        World {
            program: &self.program,
            sources: &self.sources,
            ir: self.ir.as_ref(),
            candidates: &self.candidates,
            packing: self.packing(),
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
    /// Why no plan was found, where that is neither a plan nor a proof.
    pub because: Option<String>,
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

    /// The program, if it says all that planning needs.
    fn read(&self, path: &str) -> Checked {
        let mut checked = check(path, self.files);
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

    /// Model and operator graph. `ir` continues from edited text, `(text, path)`.
    pub fn front(&self, path: &str, ir: Option<(&str, &str)>) -> Result<Front, Stopped> {
        let mut clock = Clock::default();
        let checked = self.read(path);
        clock.lap("check");
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
        let (sources, diagnostics) = (checked.sources, checked.diagnostics);
        Ok(Front { program, sources, diagnostics, lowered, ir, times: clock })
    }

    /// Every stage up to the problem. `ir` continues from edited text, `(text, path)`.
    pub fn stages(&self, path: &str, ir: Option<(&str, &str)>) -> Result<Stages, Stopped> {
        let Front { program, sources, diagnostics, lowered, ir, times: mut clock } = self.front(path, ir)?;
        let without = Disregarded::new();
        let candidates = candidates::candidates(&program, &lowered.graph, &without);
        clock.lap("candidates");
        let problem = assembly::problem(&program, &candidates, &without);
        clock.lap("problem");
        Ok(Stages { program, sources, diagnostics, lowered, ir, candidates, problem, times: clock.laps })
    }

    /// The whole way.
    pub fn plan(
        &self,
        path: &str,
        ir: Option<(&str, &str)>,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Planned, Stopped> {
        let stages = self.stages(path, ir)?;
        let mut clock = Clock { laps: stages.times.clone(), ..Clock::default() };
        let outcome = self.solving.solve(&stages.problem, request, progress);
        clock.lap("solve");
        let (mut plan, because) = match outcome {
            Outcome::Solved(solution) => match recheck::recheck(&stages.problem, &solution) {
                Ok(values) => judged(&stages, plan(stages.world(), &solution, &values)),
                Err(violations) => {
                    let refused: Vec<&str> =
                        violations.iter().take(3).map(|violation| violation.text.as_str()).collect();
                    let because =
                        format!("the solver's answer does not pass the exact check: {}", refused.join("; "));
                    (without_placements(stages.world(), Status::Unknown, Vec::new()), Some(because))
                }
            },
            Outcome::Infeasible(reason) => {
                let plan = match self.refuted(&stages.problem, &reason, request) {
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
        Ok(Planned { plan, stages, because })
    }

    /// Why the claim that nothing exists is not believed: its proof does not add up, or something exists.
    fn refuted(&self, problem: &Problem, reason: &Reason, request: &Request) -> Option<String> {
        if let Proof::Farkas { multipliers } = &reason.proof
            && !farkas(&relaxation(problem, Goal::Feasibility), multipliers)
        {
            return Some("the solver's proof that no plan exists does not add up".into());
        }
        match self.solving.feasible(problem, request) {
            Feasibility::Feasible(witness)
                if recheck::recheck_assignments(problem, &witness.assignments).is_ok() =>
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
        let Conflict { lines, irreducible } = conflict::conflict(
            &stages.program,
            every_precision.as_ref().unwrap_or(&stages.lowered.graph),
            &reason.origins,
            self.solving,
            request,
        );
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
        (without_placements(stages.world(), Status::Infeasible, lines), because)
    }
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
#[derive(Debug)]
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

//! Tests of a plan file: each plans its world, then its checks are judged on the plan found.
//!
//! In its world a check on a measure and statistic stands for the lines of the source that bound the same
//! measure and statistic in the same direction: the promise of a bad day. The planner keeps it; every other
//! check is only judged.

pub mod evaluation;

use crate::plan::predicted::loads;
use crate::plan::{ConflictLine, Status};
use crate::session::{Planned, Stopped};
use crate::solving::{Progress, Request};
use berth_language::diagnostics::{Diagnostic, Severity};
use berth_language::model::{Check, Compare, Condition, Program, Requirement, Subject, Term, When};
use berth_language::quantity::Quantity;
use berth_language::sources::Sources;
use evaluation::{Evaluated, Found, evaluate, limit};
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use serde::Serialize;

/// The format of a report.
pub const FORMAT: &str = "berth.test/1";

/// What running the tests of a file came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: &'static str,
    /// The root file, as the user named it.
    pub file: String,
    /// The plan of the file itself, which the tests observe.
    pub base: Base,
    /// In order of the file.
    pub tests: Vec<Trial>,
    /// Names of all tests of the file, those not wanted included.
    #[serde(skip)]
    pub names: Vec<String>,
    /// Warnings about the file.
    #[serde(skip)]
    pub diagnostics: Vec<Diagnostic>,
    /// The files, for showing them.
    #[serde(skip)]
    pub sources: Sources,
}

/// The plan of the file itself.
#[derive(Clone, Debug, Serialize)]
pub struct Base {
    /// How far it got.
    pub status: Status,
    /// `$/h`; none where there is no plan.
    pub bill: Option<f64>,
}

/// One test.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// Its name.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// What it came to.
    pub verdict: Verdict,
    /// How far the plan of its world got; none where the world was not planned.
    pub status: Option<Status>,
    /// Money an hour in its world, `$/h`.
    pub bill: Option<f64>,
    /// What it checks.
    pub checks: Vec<Evaluated>,
    /// Lines that its plan does not judge.
    pub unjudged: Vec<Unjudged>,
    /// Lines that cannot hold together in its world.
    pub conflict: Vec<ConflictLine>,
    /// Why the world was not planned, or not decided.
    pub because: Option<String>,
    /// The search in its world was ended before its end.
    pub interrupted: bool,
    /// s
    pub wall_s: f64,
    /// What is wrong with the files in its world.
    #[serde(skip)]
    pub diagnostics: Vec<Diagnostic>,
    /// The files, for showing that.
    #[serde(skip)]
    pub sources: Sources,
}

/// What a test came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check holds.
    Passed,
    /// A check does not hold.
    Failed,
    /// Some check or line was not judged, or no plan was found.
    Undecided,
    /// It was interrupted first.
    NotRun,
}

/// A line that a plan does not judge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unjudged {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// As written.
    pub text: String,
    /// Why.
    pub because: String,
    /// The diagnostic code to allow it by.
    pub code: String,
}

/// How far a run of tests is.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// The test at work; none while the base is planned.
    pub test: Option<&'a str>,
    /// Tests done.
    pub done: usize,
    /// Tests to run.
    pub of: usize,
    /// How far the search is.
    pub progress: &'a Progress,
}

impl Trial {
    /// A test that nothing is known of yet.
    pub fn new(name: String, line: usize) -> Self {
        Self {
            name,
            line,
            verdict: Verdict::NotRun,
            status: None,
            bill: None,
            checks: Vec::new(),
            unjudged: Vec::new(),
            conflict: Vec::new(),
            because: None,
            interrupted: false,
            wall_s: 0.0,
            diagnostics: Vec::new(),
            sources: Sources::default(),
        }
    }

    /// Judges `checks` on what was planned. Codes in `allowed` may go without judgement.
    pub fn judge(
        &mut self,
        checks: &[Check],
        planned: &Planned,
        base_bill: Option<&BigRational>,
        allowed: &[String],
        request: &Request,
    ) {
        let world = planned.stages.world();
        let loads = planned.values.as_ref().map(|values| loads(world, values));
        let solved = planned.values.as_ref().zip(loads.as_deref());
        let plan = &planned.plan;
        let feasible = match plan.status {
            Status::Optimal | Status::Feasible | Status::Partial => Some(true),
            Status::Infeasible => Some(false),
            Status::Unknown => None,
        };
        let found = Found { world, solved, feasible, base_bill };
        let line = |check: &Check| world.sources.position(check.span).0;
        self.checks = checks.iter().map(|check| evaluate(found, check, line(check))).collect();
        self.status = Some(plan.status);
        self.bill = planned.bill().as_ref().and_then(ToPrimitive::to_f64);
        self.conflict.clone_from(&plan.conflict);
        self.because.clone_from(&planned.because);
        self.interrupted = request.cancellation.is_cancelled();
        let open = plan.requirements.iter().filter(|entry| entry.met.is_none());
        self.unjudged = open
            .map(|entry| Unjudged {
                file: entry.file.clone(),
                line: entry.line,
                text: entry.text.clone(),
                because: entry.because.clone().unwrap_or_default(),
                code: entry.code.clone().unwrap_or_default(),
            })
            .collect();
        self.verdict = self.verdict(allowed);
    }

    /// Why its world was not planned.
    pub fn stopped(&mut self, stopped: Stopped) {
        self.verdict = Verdict::Undecided;
        match stopped {
            Stopped::Lines(sources, diagnostics) => {
                let first = diagnostics.iter().find(|found| found.severity == Severity::Error);
                self.because = first.map(|found| format!("{}: {}", found.code, found.title));
                (self.sources, self.diagnostics) = (sources, diagnostics);
            }
            Stopped::Ir(found) => self.because = found.first().map(|found| found.message.clone()),
        }
    }

    fn verdict(&self, allowed: &[String]) -> Verdict {
        if self.checks.iter().any(|check| check.holds == Some(false)) {
            return Verdict::Failed;
        }
        let allows = |code: &str| allowed.iter().any(|allowed| allowed == code);
        let checks = self.checks.iter().all(|check| check.holds.is_some() || check.code.is_some_and(allows));
        let lines = self.unjudged.iter().all(|line| allows(&line.code));
        // At least one check was judged: what is allowed to go without is no proof of anything.
        let judged = self.checks.iter().any(|check| check.holds.is_some());
        if checks && lines && judged { Verdict::Passed } else { Verdict::Undecided }
    }
}

/// Puts the checks of `program`'s world in the place of the lines that they stand for.
pub fn put_checks_in_place(program: &mut Program, base_bill: Option<&BigRational>) {
    let checks = std::mem::take(&mut program.checks);
    for check in &checks {
        for bound in check.bounds() {
            let Some(limit) = limit(bound.limit, base_bill) else { continue };
            let replaces = |line: &Requirement| bounds(&line.condition, bound.subject, bound.compare);
            let of_services = program.services.iter_mut().map(|service| &mut service.requirements);
            let lines = of_services.chain(program.jobs.iter_mut().map(|job| &mut job.requirements));
            let mut replaced: Option<Requirement> = None;
            for lines in lines.chain([&mut program.requirements]) {
                lines.retain(|line| {
                    let goes = replaces(line);
                    if goes && replaced.is_none() {
                        replaced = Some(line.clone());
                    }
                    !goes
                });
            }
            if let Some(replaced) = replaced {
                insert(program, check, bound.subject, bound.compare, limit, &replaced);
            }
        }
    }
    program.checks = checks;
}

/// The line bounds `subject` and nothing else, on the same side as `compare`.
fn bounds(condition: &Condition, subject: &Subject, compare: Compare) -> bool {
    let above = |compare: Compare| match compare {
        Compare::AtMost | Compare::Below => Some(true),
        Compare::AtLeast | Compare::Above => Some(false),
        Compare::Equal | Compare::Unequal => None,
    };
    matches!(
        condition,
        Condition::Compare { terms, compare: own, .. }
            if matches!(terms.as_slice(), [term] if term.subject == *subject)
                && above(*own).is_some()
                && above(*own) == above(compare)
    )
}

fn insert(
    program: &mut Program,
    check: &Check,
    subject: &Subject,
    compare: Compare,
    limit: Quantity,
    replaced: &Requirement,
) {
    let service = match subject {
        Subject::Latency { service, .. } | Subject::MemoryFree { service } => Some(*service),
        _ => replaced.service,
    };
    let planned = matches!(subject, Subject::Latency { .. } | Subject::MemoryFree { .. } | Subject::Bill)
        || subject.finish().is_some();
    let line = Requirement {
        service,
        policy: None,
        text: check.text.clone(),
        span: check.span,
        when: When::default(),
        condition: Condition::Compare {
            terms: vec![Term { coefficient: BigRational::one(), subject: subject.clone() }],
            compare,
            limit,
            integer: false,
        },
        unjudged: replaced.unjudged.clone().filter(|_| !planned),
    };
    match service.and_then(|service| program.services.get_mut(service)) {
        Some(service) => service.requirements.push(line),
        None => program.requirements.push(line),
    }
}

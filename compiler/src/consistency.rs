//! Lines that cannot hold together, and lines that say nothing new, found without planning.
//!
//! Every requirement, pin and bound becomes a [statement](crate::logic) over decisions and figures that
//! nobody predicts here: each is free but for what holds of it by its meaning. So a contradiction found
//! here is one whatever the machines and the models are; that none is found promises nothing. Where lines
//! have a `when`, those that act in the same steps of the same world are looked at together.

mod lines;
mod theory;

use crate::logic::{Deciding, Domain, Statement, Theory, Verdict};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::span::Span;
use lines::{Home, Line, lines, moments};
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::{BTreeMap, BTreeSet};
use theory::Figures;

/// What the lines of `program` say about each other. `told` are lines that a message calls needless already.
pub fn consistency(program: &Program, deciding: &dyn Deciding, told: &BTreeSet<Span>) -> Vec<Diagnostic> {
    let lines = lines(program);
    let mut figures = Figures::new(program, &lines);
    let statements: Vec<Option<Statement>> =
        lines.iter().map(|line| figures.statement(&line.condition)).collect();
    let question = Question { deciding, figures: &figures, statements: &statements };
    let moments = moments(&lines);
    let mut found = Vec::new();
    let mut blamed: BTreeSet<Vec<usize>> = BTreeSet::new();
    for moment in &moments {
        for part in question.parts(moment) {
            if let Some(core) = question.core(&part)
                && blamed.insert(core.clone())
            {
                found.extend(contradiction(&core, &lines));
            }
        }
    }
    if found.is_empty() {
        found.extend(redundant(program, &question, &lines, &moments, told));
    }
    found
}

/// What is asked of the solver, part by part.
struct Question<'q> {
    deciding: &'q dyn Deciding,
    figures: &'q Figures,
    /// By line; none where a line leans on what is not known yet.
    statements: &'q [Option<Statement>],
}

impl Question<'_> {
    /// The lines of a moment that share figures, directly or through others.
    fn parts(&self, moment: &[usize]) -> Vec<Vec<usize>> {
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut groups = self.figures.groups();
        let stated = || moment.iter().filter_map(|line| Some((*line, self.statements[*line].as_ref()?)));
        for (_, statement) in stated() {
            groups.join(&theory::variables(statement));
        }
        for (line, statement) in stated() {
            let first = theory::variables(statement).into_iter().next();
            parts.entry(first.map_or(usize::MAX, |first| groups.of(first))).or_default().push(line);
        }
        parts.into_values().collect()
    }

    /// An irreducible set of `lines` that cannot hold together, if they cannot.
    fn core(&self, lines: &[usize]) -> Option<Vec<usize>> {
        let mut core = self.refuted(lines, None)?;
        // The solver's core need not be a smallest one.
        for line in core.clone() {
            let rest: Vec<usize> = core.iter().copied().filter(|kept| *kept != line).collect();
            if let Some(smaller) = self.refuted(&rest, None) {
                core = smaller;
            }
        }
        Some(core)
    }

    /// Lines among `lines` that exclude `also`, or each other, if these are excluded.
    fn refuted(&self, lines: &[usize], also: Option<&Statement>) -> Option<Vec<usize>> {
        let statements: Vec<Statement> =
            lines.iter().filter_map(|line| self.statements[*line].clone()).chain(also.cloned()).collect();
        let theory = self.figures.theory(statements);
        if guessed(&theory) {
            return None;
        }
        match self.deciding.decide(&theory) {
            Verdict::Unsatisfiable(core) => {
                Some(core.into_iter().filter_map(|index| lines.get(index).copied()).collect())
            }
            Verdict::Satisfiable(_) | Verdict::Undecided => None,
        }
    }
}

/// Whether the least values that lower bounds ask for already satisfy everything: most lines of most
/// programs are bounds that nothing opposes, and need no solver.
fn guessed(theory: &Theory) -> bool {
    let mut least = vec![BigRational::zero(); theory.variables.len()];
    for statement in &theory.statements {
        theory::raise(statement, &theory.variables, &mut least);
    }
    let highest = theory
        .variables
        .iter()
        .zip(&least)
        .filter(|(domain, _)| **domain == Domain::Whole)
        .map(|(_, value)| value.clone())
        .max();
    let level: Vec<BigRational> = theory
        .variables
        .iter()
        .zip(&least)
        .map(|(domain, value)| match (domain, &highest) {
            (Domain::Whole, Some(highest)) => highest.clone(),
            _ => value.clone(),
        })
        .collect();
    [least, level]
        .iter()
        .any(|values| theory.axioms.iter().chain(&theory.statements).all(|statement| statement.holds(values)))
}

/// Lines that cannot hold together; none where no line is to blame, which what holds by meaning alone excludes.
fn contradiction(core: &[usize], lines: &[Line<'_>]) -> Option<Diagnostic> {
    let mut spans: Vec<(Span, Home<'_>)> =
        core.iter().map(|line| (lines[*line].span, lines[*line].home)).collect();
    spans.sort_by_key(|(span, _)| *span);
    // A policy over many things has one line, however many of its instances take part.
    spans.dedup();
    let policies: BTreeSet<&str> = spans.iter().filter_map(|(_, home)| home.policy()).collect();
    let title = match (policies.iter().copied().collect::<Vec<_>>().as_slice(), spans.len()) {
        ([first, second], 2) => format!("policies `{first}` and `{second}` contradict each other"),
        (_, 1) => "this line can never hold".to_owned(),
        (_, count) => format!("these {count} lines cannot hold together"),
    };
    let mut places = spans.iter();
    let (first, home) = places.next()?;
    let mut diagnostic = Diagnostic::error("requirement::contradiction", title, *first, home.says());
    for (span, home) in places {
        diagnostic = diagnostic.and(*span, home.says());
    }
    Some(diagnostic.help(if spans.len() == 1 {
        "Whatever is planned, it does not hold. Change it or leave it out."
    } else {
        "Whatever is planned, one of them does not hold; without any one of them the others can.\n\
         Change one of them, or say with `when` where each holds."
    }))
}

/// Lines that the others imply wherever they hold. A policy is held against everything else; a line of a
/// service against its own block, because a service states what it needs even where a policy asks for it too.
fn redundant(
    program: &Program,
    question: &Question<'_>,
    lines: &[Line<'_>],
    moments: &[Vec<usize>],
    told: &BTreeSet<Span>,
) -> Vec<Diagnostic> {
    // One line of the file may be many here: a policy over many services says it for each.
    let mut written: BTreeMap<Span, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        written.entry(line.span).or_default().push(index);
    }
    let mut found = Vec::new();
    for (span, own) in &written {
        let home = lines[own[0]].home;
        let shares = own.iter().all(|line| question.statements[*line].is_some());
        if told.contains(span) || !shares || !home.is_questioned() || is_asked(program, home) {
            continue;
        }
        let because = own.iter().try_fold(BTreeSet::new(), |mut because, line| {
            because.extend(implied(question, lines, moments, *line, *span)?);
            Some(because)
        });
        let Some(because) = because else { continue };
        let mut diagnostic = match home {
            Home::Policy(name) => Diagnostic::warning(
                "requirement::redundant",
                format!("policy `{name}` asks for nothing new here"),
                *span,
                "other lines imply this",
            ),
            _ => Diagnostic::warning(
                "requirement::redundant",
                "a line that asks for nothing new",
                *span,
                "other lines imply this",
            ),
        };
        for other in because {
            diagnostic = diagnostic.and(other, "with this line");
        }
        found.push(diagnostic.help("Leave it out, or ask for more than the other lines do."));
    }
    found
}

/// It stands in a policy that should be implied: that it asks for nothing new is what its author wants to hear.
fn is_asked(program: &Program, home: Home<'_>) -> bool {
    program.policies.iter().any(|policy| {
        Some(policy.name.as_str()) == home.policy()
            && policy.implied.as_ref().is_some_and(|implied| implied.value)
    })
}

/// The lines of the file that imply `line` in every moment in which it holds; none where it says something.
fn implied(
    question: &Question<'_>,
    lines: &[Line<'_>],
    moments: &[Vec<usize>],
    line: usize,
    span: Span,
) -> Option<BTreeSet<Span>> {
    let statement = question.statements[line].as_ref()?;
    let opposite = Statement::Not(Box::new(statement.clone()));
    let home = lines[line].home;
    let mut because = BTreeSet::new();
    let mut acts = false;
    for moment in moments.iter().filter(|moment| moment.contains(&line)) {
        acts = true;
        let part = question.parts(moment).into_iter().find(|part| part.contains(&line))?;
        let others: Vec<usize> = part
            .into_iter()
            .filter(|other| lines[*other].span != span && home.is_held_against(lines[*other].home))
            .collect();
        if others.is_empty() {
            return None;
        }
        let core = question.refuted(&others, Some(&opposite))?;
        because.extend(core.into_iter().map(|other| lines[other].span));
    }
    acts.then_some(because)
}

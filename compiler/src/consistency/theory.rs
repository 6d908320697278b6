//! Decisions and figures as variables, what holds of them by their meaning, and conditions as statements.

use super::lines::Line;
use crate::logic::{Domain, Relation, Statement, Theory};
use berth_language::model::{
    Compare, Condition, LatencyMeasure, Of, PlaceKind, Program, Statistic, Subject, Term,
};
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// The variables of a program's lines.
pub(super) struct Figures {
    index: BTreeMap<Figure, usize>,
    domains: Vec<Domain>,
    axioms: Vec<Statement>,
    /// By variable: the axioms that read it.
    about: Vec<Vec<usize>>,
    /// Names that choices are limited to, in order of appearance.
    names: Vec<String>,
    /// By service: its nodes, parted by the sets of nodes that lines speak of.
    areas: BTreeMap<usize, Areas>,
}

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    Subject(Subject),
    /// Replicas of a service in one of its areas.
    In(usize, usize),
}

/// Nodes that every set of nodes holds all of, or none.
struct Areas {
    /// By node: its area.
    of: Vec<usize>,
    count: usize,
}

impl Areas {
    fn new(nodes: usize, sets: &[&Vec<usize>]) -> Self {
        let mut signatures: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        let sets: Vec<BTreeSet<usize>> = sets.iter().map(|set| set.iter().copied().collect()).collect();
        let of = (0..nodes)
            .map(|node| {
                let signature = sets.iter().map(|set| set.contains(&node)).collect();
                let next = signatures.len();
                *signatures.entry(signature).or_insert(next)
            })
            .collect();
        Self { of, count: signatures.len() }
    }

    /// The areas that `nodes` are made of.
    fn within(&self, nodes: &[usize]) -> BTreeSet<usize> {
        nodes.iter().filter_map(|node| self.of.get(*node).copied()).collect()
    }
}

impl Figures {
    /// The variables that `lines` need, with their axioms.
    pub(super) fn new(program: &Program, lines: &[Line<'_>]) -> Self {
        let mut sets: BTreeMap<usize, Vec<&Vec<usize>>> = BTreeMap::new();
        let mut subjects = BTreeSet::new();
        for line in lines {
            collect(&line.condition, &mut subjects, &mut sets);
        }
        let areas = sets.iter().map(|(service, sets)| (*service, Areas::new(program.nodes.len(), sets)));
        let mut figures = Self {
            index: BTreeMap::new(),
            domains: Vec::new(),
            axioms: Vec::new(),
            about: Vec::new(),
            names: Vec::new(),
            areas: areas.collect(),
        };
        for service in sets.keys() {
            figures.split(*service);
        }
        for subject in &subjects {
            figures.meaning(subject);
        }
        figures.order(&subjects);
        figures.about = vec![Vec::new(); figures.domains.len()];
        for (index, axiom) in figures.axioms.iter().enumerate() {
            for variable in variables(axiom) {
                figures.about[variable].push(index);
            }
        }
        figures
    }

    fn variable(&mut self, figure: Figure) -> usize {
        if let Some(index) = self.index.get(&figure) {
            return *index;
        }
        let whole = match &figure {
            Figure::Subject(subject) => subject.is_count() || is_named(subject),
            Figure::In(..) => true,
        };
        let index = self.domains.len();
        self.domains.push(if whole { Domain::Whole } else { Domain::Real });
        self.index.insert(figure, index);
        index
    }

    fn subject(&mut self, subject: &Subject) -> usize {
        self.variable(Figure::Subject(subject.clone()))
    }

    /// All replicas of a service stand in one of its areas each.
    fn split(&mut self, service: usize) {
        let count = self.areas.get(&service).map_or(0, |areas| areas.count);
        let mut terms = vec![(-BigRational::one(), self.subject(&Subject::Replicas { service }))];
        for area in 0..count {
            let variable = self.variable(Figure::In(service, area));
            terms.push((BigRational::one(), variable));
            self.axioms.push(at_least(variable, BigRational::zero()));
        }
        self.axioms.push(Statement::Compare { terms, relation: Relation::Equal, limit: BigRational::zero() });
    }

    /// What holds of one figure.
    fn meaning(&mut self, subject: &Subject) {
        let variable = self.subject(subject);
        // Nothing that is counted, timed or paid is below zero; a name has a number.
        self.axioms.push(at_least(variable, BigRational::zero()));
        let share = match subject {
            Subject::MemoryFree { .. } => true,
            Subject::Figure { field, .. } => matches!(*field, "availability" | "memory_free" | "quality"),
            _ => false,
        };
        if share {
            self.axioms.push(at_most(variable, BigRational::one()));
        }
        if let Subject::Spread { of: Of::Service(service), place } = subject {
            let replicas = self.subject(&Subject::Replicas { service: *service });
            self.axioms.push(at_least(replicas, BigRational::zero()));
            self.axioms.push(not_above(variable, replicas));
            if *place == PlaceKind::Node {
                // What runs stands somewhere.
                self.axioms.push(Statement::Any(vec![
                    at_most(replicas, BigRational::zero()),
                    at_least(variable, BigRational::one()),
                ]));
            } else {
                let nodes = Subject::Spread { of: Of::Service(*service), place: PlaceKind::Node };
                let nodes = self.subject(&nodes);
                self.axioms.push(not_above(variable, nodes));
                self.axioms.push(not_above(nodes, replicas));
            }
        }
    }

    /// Figures of one sample are ordered as their statistics are, and the first token comes before the last.
    fn order(&mut self, subjects: &BTreeSet<Subject>) {
        let mut sampled: BTreeMap<Of, Vec<(&Subject, &Statistic)>> = BTreeMap::new();
        for subject in subjects {
            if let Some((of, statistic)) = sample(subject) {
                sampled.entry(of).or_default().push((subject, statistic));
            }
        }
        for figures in sampled.values() {
            for (low, of_low) in figures {
                for (high, of_high) in figures {
                    let ordered = if same_sample(low, high) {
                        low != high && not_more(of_low, of_high)
                    } else {
                        of_low == of_high && first_token_of(low, high)
                    };
                    if ordered {
                        let (low, high) = (self.subject(low), self.subject(high));
                        self.axioms.push(not_above(low, high));
                    }
                }
            }
        }
    }

    /// The condition as a statement; none where it leans on a value that is not known yet.
    pub(super) fn statement(&mut self, condition: &Condition) -> Option<Statement> {
        Some(match condition {
            Condition::Compare { terms, compare, limit, .. } => {
                self.compared(terms, *compare, limit.value.clone())
            }
            Condition::Listed { terms, allowed } => Statement::Any(
                allowed
                    .iter()
                    .map(|value| self.compared(terms, Compare::Equal, value.value.clone()))
                    .collect(),
            ),
            Condition::Chosen { subject, allowed } => {
                let variable = self.subject(subject);
                let named = allowed.iter().map(|name| {
                    let number = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
                        self.names.push(name.clone());
                        self.names.len() - 1
                    });
                    let number = BigRational::from_integer(number.into());
                    Statement::Compare {
                        terms: vec![(BigRational::one(), variable)],
                        relation: Relation::Equal,
                        limit: number,
                    }
                });
                Statement::Any(named.collect())
            }
            Condition::Placed { service, nodes } => {
                let areas = self.areas.get(service)?;
                let within = areas.within(nodes);
                let outside: Vec<usize> = (0..areas.count).filter(|area| !within.contains(area)).collect();
                let empty = outside.into_iter().map(|area| {
                    let variable = self.variable(Figure::In(*service, area));
                    at_most(variable, BigRational::zero())
                });
                Statement::All(empty.collect())
            }
            Condition::All(parts) => Statement::All(self.all(parts)?),
            Condition::Any(parts) => Statement::Any(self.all(parts)?),
            Condition::Not(part) => Statement::Not(Box::new(self.statement(part)?)),
            Condition::NotYet { .. } => return None,
        })
    }

    fn all(&mut self, parts: &[Condition]) -> Option<Vec<Statement>> {
        parts.iter().map(|part| self.statement(part)).collect()
    }

    fn compared(&mut self, terms: &[Term], compare: Compare, limit: BigRational) -> Statement {
        let mut sum: Vec<(BigRational, usize)> = Vec::new();
        for Term { coefficient, subject } in terms {
            match subject {
                Subject::ReplicasOn { service, nodes } => {
                    let within = self.areas.get(service).map(|areas| areas.within(nodes)).unwrap_or_default();
                    for area in within {
                        sum.push((coefficient.clone(), self.variable(Figure::In(*service, area))));
                    }
                }
                subject => sum.push((coefficient.clone(), self.subject(subject))),
            }
        }
        let negated = || sum.iter().map(|(by, variable)| (-by, *variable)).collect();
        let (terms, relation, limit, opposite) = match compare {
            Compare::AtMost => (sum, Relation::AtMost, limit, false),
            Compare::Below => (sum, Relation::Below, limit, false),
            Compare::AtLeast => (negated(), Relation::AtMost, -limit, false),
            Compare::Above => (negated(), Relation::Below, -limit, false),
            Compare::Equal => (sum, Relation::Equal, limit, false),
            Compare::Unequal => (sum, Relation::Equal, limit, true),
        };
        let statement = Statement::Compare { terms, relation, limit };
        if opposite { Statement::Not(Box::new(statement)) } else { statement }
    }

    /// `statements` with the axioms that bear on them, over variables of their own.
    pub(super) fn theory(&self, statements: Vec<Statement>) -> Theory {
        let mut needed: BTreeSet<usize> = statements.iter().flat_map(variables).collect();
        let mut axioms: BTreeSet<usize> = BTreeSet::new();
        let mut waiting: Vec<usize> = needed.iter().copied().collect();
        while let Some(variable) = waiting.pop() {
            for axiom in &self.about[variable] {
                if axioms.insert(*axiom) {
                    let of_axiom = variables(&self.axioms[*axiom]);
                    waiting.extend(of_axiom.into_iter().filter(|other| needed.insert(*other)));
                }
            }
        }
        let kept: Vec<usize> = needed.into_iter().collect();
        let renumbered: BTreeMap<usize, usize> =
            kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        Theory {
            variables: kept.iter().map(|old| self.domains[*old]).collect(),
            axioms: axioms.into_iter().map(|index| renamed(&self.axioms[index], &renumbered)).collect(),
            statements: statements.iter().map(|statement| renamed(statement, &renumbered)).collect(),
        }
    }

    /// Variables that an axiom ties together.
    pub(super) fn groups(&self) -> Groups {
        let mut groups = Groups { above: (0..self.domains.len()).collect() };
        for axiom in &self.axioms {
            groups.join(&variables(axiom));
        }
        groups
    }
}

/// Sets of variables that depend on each other.
pub(super) struct Groups {
    above: Vec<usize>,
}

impl Groups {
    /// The set of a variable, by one of its members.
    pub(super) fn of(&mut self, variable: usize) -> usize {
        let mut at = variable;
        while self.above[at] != at {
            self.above[at] = self.above[self.above[at]];
            at = self.above[at];
        }
        at
    }

    /// Makes one set of them.
    pub(super) fn join(&mut self, variables: &BTreeSet<usize>) {
        let mut members = variables.iter();
        let Some(first) = members.next() else { return };
        let first = self.of(*first);
        for other in members {
            let other = self.of(*other);
            self.above[other] = first;
        }
    }
}

/// The variables that a statement reads.
pub(super) fn variables(statement: &Statement) -> BTreeSet<usize> {
    match statement {
        Statement::Compare { terms, .. } => terms.iter().map(|(_, variable)| *variable).collect(),
        Statement::All(parts) | Statement::Any(parts) => parts.iter().flat_map(variables).collect(),
        Statement::Not(part) => variables(part),
    }
}

fn renamed(statement: &Statement, names: &BTreeMap<usize, usize>) -> Statement {
    let all = |parts: &[Statement]| parts.iter().map(|part| renamed(part, names)).collect();
    match statement {
        Statement::Compare { terms, relation, limit } => Statement::Compare {
            // Every variable of a statement has been renumbered.
            terms: terms.iter().map(|(by, old)| (by.clone(), names.get(old).copied().unwrap_or(0))).collect(),
            relation: *relation,
            limit: limit.clone(),
        },
        Statement::All(parts) => Statement::All(all(parts)),
        Statement::Any(parts) => Statement::Any(all(parts)),
        Statement::Not(part) => Statement::Not(Box::new(renamed(part, names))),
    }
}

/// Raises the `least` values to what lower bounds of single variables ask for.
pub(super) fn raise(statement: &Statement, domains: &[Domain], least: &mut [BigRational]) {
    match statement {
        Statement::Compare { terms, relation, limit } => {
            let [(by, variable)] = terms.as_slice() else { return };
            let bound = limit / by;
            let needed = match relation {
                Relation::Equal => bound,
                // -x <= -limit
                Relation::AtMost | Relation::Below if by.is_negative() => match domains[*variable] {
                    Domain::Whole if *relation == Relation::Below => bound.floor() + BigRational::one(),
                    Domain::Whole => bound.ceil(),
                    Domain::Real if *relation == Relation::Below => bound + BigRational::one(),
                    Domain::Real => bound,
                },
                Relation::AtMost | Relation::Below => return,
            };
            if needed > least[*variable] {
                least[*variable] = needed;
            }
        }
        Statement::All(parts) => {
            for part in parts {
                raise(part, domains, least);
            }
        }
        Statement::Any(parts) => {
            if let Some(first) = parts.first() {
                raise(first, domains, least);
            }
        }
        Statement::Not(_) => {}
    }
}

fn at_least(variable: usize, limit: BigRational) -> Statement {
    Statement::Compare {
        terms: vec![(-BigRational::one(), variable)],
        relation: Relation::AtMost,
        limit: -limit,
    }
}

fn at_most(variable: usize, limit: BigRational) -> Statement {
    Statement::Compare { terms: vec![(BigRational::one(), variable)], relation: Relation::AtMost, limit }
}

/// `low <= high`
fn not_above(low: usize, high: usize) -> Statement {
    Statement::Compare {
        terms: vec![(BigRational::one(), low), (-BigRational::one(), high)],
        relation: Relation::AtMost,
        limit: BigRational::zero(),
    }
}

/// A choice among names.
fn is_named(subject: &Subject) -> bool {
    subject.row().is_some_and(|row| {
        use berth_language::schema::Type;
        matches!(row.type_, Type::Symbol(_) | Type::Thing(_))
    })
}

/// Whose sample a figure is of, and which figure.
fn sample(subject: &Subject) -> Option<(Of, &Statistic)> {
    match subject {
        Subject::Latency { service, statistic, .. } => Some((Of::Service(*service), statistic)),
        Subject::Figure { of, statistic, .. } => Some((of.clone(), statistic.as_ref()?)),
        _ => None,
    }
}

/// They are figures of the same requests or readings.
fn same_sample(a: &Subject, b: &Subject) -> bool {
    match (a, b) {
        (
            Subject::Latency { service: a, measure: of_a, .. },
            Subject::Latency { service: b, measure: of_b, .. },
        ) => a == b && of_a == of_b,
        (Subject::Figure { of: a, field: of_a, .. }, Subject::Figure { of: b, field: of_b, .. }) => {
            a == b && of_a == of_b
        }
        _ => false,
    }
}

/// The first is never above the second, for any sample: `p50`, `p99`; anything, `peak`.
fn not_more(low: &Statistic, high: &Statistic) -> bool {
    match (low, high) {
        (Statistic::Quantile(low), Statistic::Quantile(high)) => low < high,
        (_, Statistic::Peak) => *low != Statistic::Peak,
        _ => false,
    }
}

/// `ttft` and `latency` of one service.
fn first_token_of(low: &Subject, high: &Subject) -> bool {
    matches!(
        (low, high),
        (
            Subject::Latency { service: a, measure: LatencyMeasure::Ttft, .. },
            Subject::Latency { service: b, measure: LatencyMeasure::Latency, .. },
        ) if a == b
    )
}

fn collect<'c>(
    condition: &'c Condition,
    subjects: &mut BTreeSet<Subject>,
    sets: &mut BTreeMap<usize, Vec<&'c Vec<usize>>>,
) {
    match condition {
        Condition::Compare { terms, .. } | Condition::Listed { terms, .. } => {
            for Term { subject, .. } in terms {
                match subject {
                    Subject::ReplicasOn { service, nodes } => sets.entry(*service).or_default().push(nodes),
                    subject => {
                        subjects.insert(subject.clone());
                    }
                }
            }
        }
        Condition::Chosen { subject, .. } => {
            subjects.insert(subject.clone());
        }
        Condition::Placed { service, nodes } => sets.entry(*service).or_default().push(nodes),
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                collect(part, subjects, sets);
            }
        }
        Condition::Not(part) => collect(part, subjects, sets),
        Condition::NotYet { .. } => {}
    }
}

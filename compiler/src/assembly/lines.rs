//! Lines to rows: what a condition over counts, places and money says as sums.
//!
//! Every set of nodes that a line speaks of becomes a [`Place`] of the problem, each set once; every level of
//! place whose parts are counted, a [`Division`].

use super::{HOUR, integer, per_hour, standing_price};
use crate::candidates::{Disregarded, least_common_multiple};
use crate::jobs::jobs;
use crate::problem::{Atom, Division, Packing, Place, Relation, Row, Together};
use berth_language::addresses::compress;
use berth_language::model::{Compare, Condition, Of, PlaceKind, Program, Subject, Term, Wish};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::One;
use std::collections::{BTreeMap, BTreeSet};

/// Rows for the lines of one program, with the places that they speak of.
pub(super) struct Lines<'l> {
    pub program: &'l Program,
    /// Rows that were made may be added to it.
    pub packing: &'l mut Packing,
    /// Places of the problem by their machines.
    known: BTreeMap<Vec<usize>, usize>,
    /// Names of the program's places by their nodes, once some were asked for.
    names: Option<BTreeMap<Vec<usize>, String>>,
}

/// Whether a wish became a row, so that its truth follows from counts and machines alone.
pub fn is_linear(wish: &Wish) -> bool {
    wish.judged().is_some_and(|condition| match condition {
        Condition::Compare { terms, compare, .. } => is_row(terms, *compare),
        Condition::Placed { .. } => true,
        Condition::Not(inner) => matches!(**inner, Condition::Placed { .. }),
        _ => false,
    })
}

/// Rows that each exclude a condition over counts, places and money in a world, and together all that it excludes; none
/// where it speaks of anything else. Places that it speaks of are added to the packing.
pub fn opposite(
    program: &Program,
    packing: &mut Packing,
    condition: &Condition,
    scenario: Option<usize>,
    origin: Span,
) -> Option<Vec<Row>> {
    let mut lines = Lines::new(program, packing);
    let Condition::Compare { terms, compare, limit, .. } = condition else {
        return match condition {
            Condition::Placed { .. } => {
                lines.rows(&Condition::Not(Box::new(condition.clone())), scenario, origin)
            }
            Condition::Not(inner) if matches!(**inner, Condition::Placed { .. }) => {
                lines.rows(inner, scenario, origin)
            }
            _ => None,
        };
    };
    let opposites: &[Compare] = match compare {
        Compare::AtMost => &[Compare::Above],
        Compare::Below => &[Compare::AtLeast],
        Compare::AtLeast => &[Compare::Below],
        Compare::Above => &[Compare::AtMost],
        Compare::Equal => &[Compare::Below, Compare::Above],
        Compare::Unequal => &[Compare::Equal],
    };
    let row = |compare: &Compare| lines.row(terms, *compare, &limit.value, scenario, origin);
    opposites.iter().map(row).collect()
}

/// Whether a comparison of these terms is one row.
fn is_row(terms: &[Term], compare: Compare) -> bool {
    let counted = |term: &Term| match &term.subject {
        Subject::Replicas { .. }
        | Subject::ReplicasOn { .. }
        | Subject::Spread { of: Of::Service(_), .. }
        | Subject::Bill
        | Subject::Moves => true,
        Subject::Latency { .. }
        | Subject::MemoryFree { .. }
        | Subject::Spread { .. }
        | Subject::Share { .. }
        | Subject::Figure { .. } => false,
    };
    compare != Compare::Unequal && terms.iter().all(counted)
}

impl<'l> Lines<'l> {
    /// With the places that the packing has already.
    pub fn new(program: &'l Program, packing: &'l mut Packing) -> Self {
        let places = packing.places.iter().enumerate();
        let known = places.map(|(index, place)| (place.machines.clone(), index)).collect();
        Self { program, packing, known, names: None }
    }

    /// The rows that together say what a condition over counts, places and money says in a world, a scenario by its
    /// index or the base; `None` where it speaks of anything else.
    pub fn rows(&mut self, condition: &Condition, scenario: Option<usize>, origin: Span) -> Option<Vec<Row>> {
        match condition {
            Condition::Compare { terms, compare, limit, .. } => {
                Some(vec![self.row(terms, *compare, &limit.value, scenario, origin)?])
            }
            // No copy stands elsewhere; or one does.
            Condition::Placed { service, nodes } => {
                let elsewhere = self.others(nodes, scenario);
                let origins = self.origins(scenario, origin);
                Some(vec![self.counted_on(*service, &elsewhere, (Relation::AtMost, 0), origins)])
            }
            Condition::Not(inner) => match &**inner {
                Condition::Placed { service, nodes } => {
                    let elsewhere = self.others(nodes, scenario);
                    let origins = self.origins(scenario, origin);
                    Some(vec![self.counted_on(*service, &elsewhere, (Relation::AtLeast, 1), origins)])
                }
                _ => None,
            },
            Condition::All(parts) => {
                let rows: Option<Vec<_>> =
                    parts.iter().map(|part| self.rows(part, scenario, origin)).collect();
                Some(rows?.into_iter().flatten().collect())
            }
            Condition::Listed { .. }
            | Condition::Chosen { .. }
            | Condition::Any(_)
            | Condition::NotYet { .. } => None,
        }
    }

    /// The nodes that a world has not, ascending.
    fn gone(&self, scenario: Option<usize>) -> &'l [usize] {
        let program: &'l Program = self.program;
        let scenario = scenario.and_then(|scenario| program.scenarios.get(scenario));
        scenario.map_or(&[], |scenario| &scenario.gone)
    }

    /// All nodes of a world but these.
    fn others(&self, nodes: &[usize], scenario: Option<usize>) -> Vec<usize> {
        let gone = self.gone(scenario);
        let without: BTreeSet<usize> = nodes.iter().chain(gone).copied().collect();
        (0..self.program.nodes.len()).filter(|node| !without.contains(node)).collect()
    }

    /// A line, and the scenario that it holds in.
    fn origins(&self, scenario: Option<usize>, origin: Span) -> Vec<Span> {
        let scenario = scenario.and_then(|scenario| self.program.scenarios.get(scenario));
        [origin].into_iter().chain(scenario.map(|scenario| scenario.span)).collect()
    }

    /// Copies of a service, in one form or in any, that a world has: all in the base; in a scenario those on what it
    /// leaves, or all but those on what it takes, whichever is the smaller place to speak of. Of copies that take several
    /// nodes each node that is gone takes one.
    pub fn copies_there(
        &mut self,
        item: usize,
        choice: Option<usize>,
        scenario: Option<usize>,
    ) -> Vec<(BigRational, Atom)> {
        let all = match choice {
            None => Atom::Copies { item },
            Some(choice) => Atom::CopiesOf { item, choice },
        };
        let program = self.program;
        let Some(scenario) = scenario.and_then(|scenario| program.scenarios.get(scenario)) else {
            return vec![(BigRational::one(), all)];
        };
        let left = scenario.left(program);
        let mut terms = if left.len() > scenario.gone.len() {
            let mut terms = vec![(BigRational::one(), all)];
            if !scenario.gone.is_empty() {
                let place = self.place(&scenario.gone);
                terms.push((-BigRational::one(), Atom::CopiesOn { item, choice, place }));
            }
            terms
        } else {
            let place = match self.known.get(&left) {
                Some(known) => *known,
                None => self.add_place(left, format!("what {} leaves", scenario.name)),
            };
            vec![(BigRational::one(), Atom::CopiesOn { item, choice, place })]
        };
        terms.extend(self.dead(item, choice, &scenario.gone));
        terms
    }

    /// Less what has its first node left and has lost another to these: copies of a service, in one form or in any, that
    /// take several nodes.
    fn dead(&mut self, item: usize, choice: Option<usize>, gone: &[usize]) -> Vec<(BigRational, Atom)> {
        let Some((others, beside)) = self.packing.others_of(item) else { return Vec::new() };
        let counted = |form: &Together| {
            choice.is_none_or(|choice| choice == form.choice) && !gone.is_empty() && !form.goes_whole(gone)
        };
        let forms = beside.forms.iter().enumerate().filter(|(_, form)| counted(form));
        let forms: Vec<usize> = forms.map(|(form, _)| form).collect();
        let lost = |form: usize| {
            let place = self.place(gone);
            (-BigRational::one(), Atom::CopiesOn { item: others, choice: Some(form), place })
        };
        forms.into_iter().map(lost).collect()
    }

    /// What the copies of a service on these nodes are; where they are few, those too that have only a part there.
    fn counted_on(
        &mut self,
        service: usize,
        nodes: &[usize],
        (relation, bound): (Relation, u64),
        origins: Vec<Span>,
    ) -> Row {
        let place = self.place(nodes);
        let others = self.packing.others_of(service).filter(|_| relation == Relation::AtMost);
        let items = [service].into_iter().chain(others.map(|(others, _)| others));
        let terms = items.map(|item| (BigRational::one(), Atom::CopiesOn { item, choice: None, place }));
        Row { terms: terms.collect(), survives: None, relation, bound: integer(bound), origins }
    }

    /// No copy stands on a node with a taint that its service or job does not tolerate. A row for each
    /// service or job and each line with taints that keep it away, of those that are not `without`.
    pub fn tainted(&mut self, without: &Disregarded) -> Vec<Row> {
        let mut tainted: BTreeMap<Span, Vec<usize>> = BTreeMap::new();
        for (index, node) in self.program.nodes.iter().enumerate() {
            if let Some(taints) = node.taints.as_ref().filter(|taints| !without.contains(&taints.span)) {
                tainted.entry(taints.span).or_default().push(index);
            }
        }
        let program = self.program;
        let services = program.services.iter().map(|service| service.tolerations.as_ref()).enumerate();
        let jobs = jobs(program).map(|(item, job)| (item, job.tolerations.as_ref()));
        let mut rows = Vec::new();
        for (item, tolerations) in services.chain(jobs) {
            for (line, nodes) in &tainted {
                let takes = |node: &usize| program.nodes[*node].takes(tolerations);
                let away: Vec<usize> = nodes.iter().copied().filter(|node| !takes(node)).collect();
                if !away.is_empty() {
                    rows.push(self.counted_on(item, &away, (Relation::AtMost, 0), vec![*line]));
                }
            }
        }
        rows
    }

    fn row(
        &mut self,
        terms: &[Term],
        compare: Compare,
        limit: &BigRational,
        scenario: Option<usize>,
        origin: Span,
    ) -> Option<Row> {
        if !is_row(terms, compare) {
            return None;
        }
        let mut sum = Vec::new();
        for term in terms {
            match term.subject {
                Subject::Replicas { service } => {
                    let there = self.copies_there(service, None, scenario).into_iter();
                    sum.extend(there.map(|(factor, atom)| (&term.coefficient * factor, atom)));
                }
                _ => {
                    sum.push((term.coefficient.clone(), self.atom(&term.subject, scenario)?));
                    let gone = self.gone(scenario);
                    if let Some(service) = term.subject.service().filter(|_| !gone.is_empty()) {
                        let dead = self.dead(service, None, gone);
                        sum.extend(dead.into_iter().map(|(factor, atom)| (&term.coefficient * factor, atom)));
                    }
                }
            }
        }
        let mut bound = limit.clone();
        if sum.iter().any(|(_, atom)| *atom == Atom::Price) {
            // The bill has what stands anyway in it; the rest is compared by the hour.
            bound *= integer(HOUR);
            let standing = standing_price(self.program);
            for (coefficient, atom) in &sum {
                if *atom == Atom::Price {
                    bound -= coefficient * &standing;
                }
            }
        }
        let step = finest_step(self.program, &sum);
        let scaled = &bound / &step;
        let (relation, bound) = match compare {
            Compare::AtMost => (Relation::AtMost, bound),
            Compare::AtLeast => (Relation::AtLeast, bound),
            Compare::Equal => (Relation::Equal, bound),
            Compare::Below => (Relation::AtMost, (scaled.ceil() - BigRational::one()) * step),
            Compare::Above => (Relation::AtLeast, (scaled.floor() + BigRational::one()) * step),
            Compare::Unequal => return None,
        };
        Some(Row { terms: sum, survives: None, relation, bound, origins: self.origins(scenario, origin) })
    }

    fn atom(&mut self, subject: &Subject, scenario: Option<usize>) -> Option<Atom> {
        Some(match (subject, scenario) {
            (Subject::ReplicasOn { service, nodes }, scenario) => {
                let gone = self.gone(scenario);
                let place = if gone.is_empty() {
                    self.place(nodes)
                } else {
                    let left = nodes.iter().copied().filter(|node| gone.binary_search(node).is_err());
                    self.place(&left.collect::<Vec<_>>())
                };
                Atom::CopiesOn { item: *service, choice: None, place }
            }
            (Subject::Spread { of: Of::Service(service), place: PlaceKind::Node }, None) => {
                Atom::Spread { item: *service }
            }
            (Subject::Spread { of: Of::Service(service), place }, scenario) => {
                Atom::SpreadOver { item: *service, division: self.division(*place, scenario) }
            }
            (Subject::Moves, _) => Atom::Moves,
            (Subject::Bill, None) => Atom::Price,
            (Subject::Bill, Some(_)) => return None,
            (
                // Counted by themselves.
                Subject::Replicas { .. }
                | Subject::Latency { .. }
                | Subject::MemoryFree { .. }
                | Subject::Spread { .. }
                | Subject::Share { .. }
                | Subject::Figure { .. },
                _,
            ) => return None,
        })
    }

    /// The problem's place of these nodes, which are its machines.
    pub fn place(&mut self, nodes: &[usize]) -> usize {
        if let Some(known) = self.known.get(nodes) {
            return *known;
        }
        let name = self.name(nodes);
        self.add_place(nodes.to_vec(), name)
    }

    fn add_place(&mut self, machines: Vec<usize>, name: String) -> usize {
        let index = self.packing.places.len();
        self.known.insert(machines.clone(), index);
        self.packing.places.push(Place { name, machines });
        index
    }

    /// That of the program's place that holds just these nodes, or theirs.
    fn name(&mut self, nodes: &[usize]) -> String {
        let program = self.program;
        let names = self.names.get_or_insert_with(|| {
            let mut held: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for node in 0..program.nodes.len() {
                for level in PlaceKind::ALL {
                    if let Some(place) = program.place_of(node, level) {
                        held.entry(place).or_default().push(node);
                    }
                }
            }
            let named = |(place, nodes): (usize, Vec<usize>)| {
                let place = program.places.get(place)?;
                Some((nodes, format!("{} {}", place.level.name(), place.name)))
            };
            // Of places that hold the same nodes, the outermost names them.
            held.into_iter().rev().filter_map(named).collect()
        });
        match names.get(nodes) {
            Some(name) => name.clone(),
            None if nodes.is_empty() => "no node".into(),
            None => {
                let nodes = nodes.iter().filter_map(|node| program.nodes.get(*node));
                compress(nodes.map(|node| node.name.as_str())).join(", ")
            }
        }
    }

    /// The places of a level; of a scenario, those with a node that it leaves.
    fn division(&mut self, level: PlaceKind, scenario: Option<usize>) -> usize {
        let scenario = scenario.and_then(|scenario| self.program.scenarios.get(scenario));
        let left = scenario.map_or_else(String::new, |scenario| format!(" that {} leaves", scenario.name));
        let name = format!("{}s{left}", level.name());
        if let Some(known) = self.packing.divisions.iter().position(|division| division.name == name) {
            return known;
        }
        let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
        let part_of = (0..self.program.nodes.len()).map(|node| {
            if scenario.is_some_and(|scenario| scenario.gone.binary_search(&node).is_ok()) {
                return None;
            }
            let place = match level {
                PlaceKind::Node => node,
                level => self.program.place_of(node, level)?,
            };
            let next = parts.len();
            Some(*parts.entry(place).or_insert(next))
        });
        let part_of = part_of.collect();
        self.packing.divisions.push(Division { name, part_of });
        self.packing.divisions.len() - 1
    }
}

/// A step that every value of the sum is a multiple of, so that `<` is `<=` one step below.
fn finest_step(program: &Program, terms: &[(BigRational, Atom)]) -> BigRational {
    let mut denominator = BigInt::one();
    for (coefficient, atom) in terms {
        denominator = least_common_multiple(&denominator, coefficient.denom());
        if *atom == Atom::Price {
            for price in program.nodes.iter().filter_map(|node| node.price.as_ref()) {
                let price = coefficient * per_hour(&price.value.mean());
                denominator = least_common_multiple(&denominator, price.denom());
            }
        }
    }
    BigRational::new(BigInt::one(), denominator)
}

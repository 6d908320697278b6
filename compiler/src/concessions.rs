//! Ways out of a conflict: what each of its lines would have to give while all others hold, and what the plan is
//! then.
//!
//! A line that is one sum compared with a bound gives as little as it must: its shortfall is minimised ahead of everything
//! else. Any other is left out. Each is solved again as a whole, and rechecked.

use crate::assembly;
use crate::candidates::{self, Disregarded, latency_limit, memory_limit};
use crate::graph::OperatorGraph;
use crate::jobs::{finish_limit, jobs, requests};
use crate::problem::{Atom, Level, LevelAtom, Packing, Problem, Row, Running, Shortfall, Wish};
use crate::recheck::{self, Values};
use crate::solving::{Outcome, Request, Solving};
use berth_language::model::{Condition, Job, Program, Service, Work};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// One way out.
#[derive(Clone, Debug)]
pub struct Concession {
    /// The line that gives way.
    pub line: Span,
    /// How far; none: it is left out.
    pub to: Option<Bound>,
    /// Money an hour of the plan that keeps all others.
    pub bill: BigRational,
    /// The values of that plan's levels, of which the first is not what the line gives.
    levels: Vec<BigRational>,
}

/// What a sum would come to.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The sum.
    pub value: BigRational,
    /// `1`, `$/h`, `req/s`; `elsewhere` of replicas that stand where a line says that none do.
    pub unit: &'static str,
}

/// A program with its models as operators, and what runs now.
type Asked<'a> = (&'a Program, &'a OperatorGraph, &'a [Running]);

/// The best `most` ways out of a conflict of these lines, the best plan first.
pub fn concessions(
    asked: Asked<'_>,
    conflict: &[Span],
    most: usize,
    solving: &dyn Solving,
    request: &Request,
) -> Vec<Concession> {
    let whole = problem(asked, &Disregarded::new(), solving);
    let mut found: Vec<Concession> = Vec::new();
    for line in conflict {
        if request.cancellation.is_cancelled() {
            break;
        }
        found.extend(concession(asked, &whole, *line, solving, request));
    }
    found.sort_by(|left, right| left.levels.cmp(&right.levels).then(left.line.cmp(&right.line)));
    found.truncate(most);
    found
}

fn problem((program, graph, running): Asked<'_>, without: &Disregarded, solving: &dyn Solving) -> Packing {
    let candidates = candidates::candidates(program, graph, without, solving);
    let mut packing = assembly::problem(program, &candidates, without);
    if !running.is_empty() {
        assembly::observe(&mut packing, program, running.to_vec());
    }
    packing
}

fn concession(
    asked: Asked<'_>,
    whole: &Packing,
    line: Span,
    solving: &dyn Solving,
    request: &Request,
) -> Option<Concession> {
    let (program, ..) = asked;
    let mut packing = problem(asked, &Disregarded::from([line]), solving);
    let rows = soft_rows(program, whole, line).into_iter();
    let soft: Vec<Row> = rows.map(|row| moved(row, whole, &mut packing)).collect();
    if !soft.is_empty() {
        let short = soft.iter().map(|row| add_wish(&mut packing, row)).collect();
        let level =
            Level { name: "what is given".into(), unit: "1".into(), terms: short, gap: BigRational::zero() };
        packing.levels.insert(0, level);
    }
    let solved = solving.solve(Problem::Packing(&packing), request, &mut |_| ());
    let Outcome::Solved(solution) = solved else { return None };
    let values = recheck::recheck(&packing, &solution).ok()?;
    let Values { price, levels, .. } = &values;
    let to = soft.first().map(|row| {
        let value = recheck::left_side(&packing, row, &values);
        let is_money = row.terms.iter().any(|(_, atom)| *atom == Atom::Price);
        // The bill has what stands anyway in it.
        let standing = if is_money { assembly::standing_price(program) } else { BigRational::zero() };
        let is_demand = demand_of(program, line).is_some();
        let is_placed = |condition: &Condition| matches!(condition, Condition::Placed { .. });
        let elsewhere = assembly::requirements(program)
            .any(|requirement| requirement.span == line && is_placed(&requirement.condition));
        let unit = match (is_money, is_demand, elsewhere) {
            (true, ..) => "$/h",
            (_, true, _) => "req/s",
            (_, _, true) => "elsewhere",
            _ => "1",
        };
        // A row has the requests a second that a time until work is done leaves.
        match requests_by(program, line).filter(|_| value.is_positive()) {
            Some(requests) => Bound { value: requests / value, unit: "s" },
            None => Bound { value: value + standing, unit },
        }
    });
    Some(Concession {
        line,
        to,
        bill: price + assembly::standing_price(program),
        levels: levels[usize::from(!soft.is_empty())..].to_vec(),
    })
}

/// The rows that a line is, where it is one sum with a bound on one side or both; else none. A promise about latency or memory
/// is a count only in the problem, and a money row only where the bill stands alone.
fn soft_rows(program: &Program, whole: &Packing, line: Span) -> Vec<Row> {
    let is_promise = program.services.iter().enumerate().any(|(index, service)| {
        let promises = service.requirements.iter().filter(|requirement| requirement.span == line);
        promises
            .into_iter()
            .any(|promise| latency_limit(index, promise).is_some() || memory_limit(index, promise).is_some())
    });
    let own: Vec<&Row> = whole.rows.iter().filter(|row| row.origins.first() == Some(&line)).collect();
    let same = own.windows(2).all(|pair| pair[0].terms == pair[1].terms);
    let plain = own.iter().all(|row| {
        let money = row.terms.iter().any(|(_, atom)| *atom == Atom::Price);
        !money || matches!(row.terms.as_slice(), [(factor, Atom::Price)] if factor.is_one())
    });
    // What replicas of a container carry is a count only in the problem too.
    let is_count = demand_of(program, line).is_some_and(|of| matches!(of.work, Work::Image(_)));
    let is_taint = program.nodes.iter().any(|node| node.taints.as_ref().is_some_and(|of| of.span == line));
    if is_promise || is_count || is_taint || !same || !plain {
        return Vec::new();
    }
    own.into_iter().cloned().collect()
}

/// The requests of the job with work of a model that the line limits the time of.
fn requests_by(program: &Program, line: Span) -> Option<BigRational> {
    let limits = |job: &Job| {
        let mut lines = assembly::requirements(program).filter(|requirement| requirement.span == line);
        lines.any(|requirement| finish_limit(requirement, &job.name).is_some())
    };
    jobs(program).find(|(_, job)| limits(job)).and_then(|(_, job)| requests(job))
}

/// The service of which the line states the demand.
fn demand_of(program: &Program, line: Span) -> Option<&Service> {
    program.services.iter().find(|service| service.demand.as_ref().is_some_and(|of| of.span == line))
}

/// A row of `whole` as one of `packing`, which may have other places, divisions and hazards.
fn moved(mut row: Row, whole: &Packing, packing: &mut Packing) -> Row {
    for (_, atom) in &mut row.terms {
        match atom {
            Atom::CopiesOn { place, .. } => *place = position(&mut packing.places, &whole.places[*place]),
            Atom::SpreadOver { division, .. } => {
                *division = position(&mut packing.divisions, &whole.divisions[*division]);
            }
            _ => {}
        }
    }
    row.survives = row.survives.map(|hazard| position(&mut packing.hazards, &whole.hazards[hazard]));
    row
}

/// Where it stands in a list, at the end where it stood nowhere.
fn position<T: Clone + PartialEq>(list: &mut Vec<T>, wanted: &T) -> usize {
    list.iter().position(|known| known == wanted).unwrap_or_else(|| {
        list.push(wanted.clone());
        list.len() - 1
    })
}

/// Adds a wish for a row, and returns its part of a level that sums what rows are short of.
fn add_wish(packing: &mut Packing, row: &Row) -> (BigRational, LevelAtom) {
    let factors = row.terms.iter().map(|(factor, _)| factor).chain([&row.bound]);
    let parts =
        factors.fold(BigInt::one(), |all, factor| candidates::least_common_multiple(&all, factor.denom()));
    let parts = BigRational::from_integer(parts);
    let terms = row.terms.iter().map(|(factor, atom)| (factor * &parts, *atom)).collect();
    let row = Row { terms, bound: &row.bound * &parts, ..row.clone() };
    packing.wishes.push(Wish { row, shortfall: Shortfall::Distance });
    (parts.recip(), LevelAtom::Shortfall { wish: packing.wishes.len() - 1 })
}

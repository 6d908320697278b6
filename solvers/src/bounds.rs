//! Bounds from the exact linear relaxation: HiGHS proposes multipliers, exact arithmetic decides what
//! they prove.

use crate::program::{End, Found, Limits, Program};
use crate::rational::{exact_power, float, power_of_two, rational};
use crate::watch::Watcher;
use berth_compiler::problem::Relation;
use berth_compiler::relaxation::{Counted, Relaxation, RelaxedRow, dual_bound, farkas, proved};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::{BTreeSet, HashMap};

/// Multipliers on the rows of a relaxation.
pub(crate) type Multipliers = Vec<(usize, BigRational)>;

/// What the relaxation proves of a level.
#[derive(Clone, Debug)]
pub(crate) struct LinearBound {
    pub multipliers: Multipliers,
    /// Confirmed in exact arithmetic, rounded up to a value that a solution can have.
    pub proved: BigRational,
}

/// A relaxation in floating point, with what its rows and its objective were divided by.
pub(crate) struct Scaled {
    pub program: Program,
    row_scales: Vec<f64>,
    pub objective_scale: f64,
}

/// The relaxation for HiGHS; with whole columns it is the *master* program, whose points are counts of
/// copies by group of machines.
pub(crate) fn scaled(relaxation: &Relaxation, whole: bool) -> Scaled {
    let mut program = Program::default();
    for column in &relaxation.columns {
        let counts_whole = !matches!(column.counts, Counted::Shortfall { .. });
        program.add_column(float(&column.upper), whole && counts_whole);
    }
    let costs: Vec<f64> = relaxation.objective.iter().map(|(_, cost)| float(cost)).collect();
    let objective_scale = power_of_two(costs.iter().copied().map(f64::abs).fold(0.0, f64::max));
    for ((column, _), cost) in relaxation.objective.iter().zip(costs) {
        program.set_cost(*column, cost / objective_scale);
    }
    let mut row_scales = Vec::new();
    for row in &relaxation.rows {
        let terms: Vec<(usize, f64)> =
            row.terms.iter().map(|(column, factor)| (*column, float(factor))).collect();
        let scale = power_of_two(terms.iter().map(|(_, factor)| factor.abs()).fold(0.0, f64::max));
        let terms = terms.into_iter().map(|(column, factor)| (column, factor / scale)).collect();
        program.add_row(terms, row.relation, float(&row.bound) / scale);
        row_scales.push(scale);
    }
    Scaled { program, row_scales, objective_scale }
}

/// The best bound that the relaxation gives; none where HiGHS finds no optimum.
pub(crate) fn linear_bound(
    relaxation: &Relaxation,
    limits: &Limits,
    watcher: &mut Watcher,
) -> Result<Option<LinearBound>, String> {
    let scaled = scaled(relaxation, false);
    let found = scaled.program.solve(limits, None, watcher)?;
    if found.end != End::Optimal {
        return Ok(None);
    }
    let multipliers = multipliers(&scaled, &found, scaled.objective_scale);
    let proved = proved(relaxation, &multipliers);
    Ok(Some(LinearBound { multipliers, proved }))
}

/// Multipliers that prove the relaxation has no point; none where HiGHS finds no such.
///
/// Each row that zero does not satisfy gets a column for what it lacks, and their sum is minimised:
/// always feasible, and where the least sum is above 0 its duals are a Farkas certificate.
pub(crate) fn contradiction(
    relaxation: &Relaxation,
    limits: &Limits,
    watcher: &mut Watcher,
) -> Result<Option<Multipliers>, String> {
    // A relaxation for feasibility has no objective.
    let base = scaled(relaxation, false);
    let mut program = Program::default();
    for column in &relaxation.columns {
        program.add_column(float(&column.upper), false);
    }
    for (terms, relation, bound) in base.program.rows() {
        let lacks = match relation {
            Relation::AtMost => *bound < 0.0,
            Relation::AtLeast => *bound > 0.0,
            Relation::Equal => *bound != 0.0,
        };
        let mut terms = terms.clone();
        if lacks {
            let column = program.add_column(f64::INFINITY, false);
            program.set_cost(column, 1.0);
            terms.push((column, bound.signum()));
        }
        program.add_row(terms, *relation, *bound);
    }
    // Most rows hold at zero, where the search starts: measured, presolving takes four times as long as the rest.
    let limits = Limits { as_it_stands: true, ..limits.clone() };
    let found = program.solve(&limits, None, watcher)?;
    if found.end != End::Optimal {
        return Ok(None);
    }
    let multipliers = multipliers(&base, &found, 1.0);
    Ok(farkas(relaxation, &multipliers).then_some(multipliers))
}

/// More rows than these are not tried one by one.
const MOST_TRIED: usize = 64;

/// Fewer rows that still contradict one another: each is left out in turn, and stays out where the rest
/// is enough. Irreducible, unless cancelled or of very many rows.
pub(crate) fn fewest(
    relaxation: &Relaxation,
    multipliers: Multipliers,
    limits: &Limits,
    watcher: &mut Watcher,
) -> Result<Multipliers, String> {
    let mut best = without_surplus(relaxation, multipliers);
    let mut needed: Vec<usize> = Vec::new();
    while best.len() <= MOST_TRIED && !watcher.cancellation.is_cancelled() {
        let Some(&(tried, _)) = best.iter().find(|(row, _)| !needed.contains(row)) else { break };
        let rest: Vec<usize> = best.iter().map(|(row, _)| *row).filter(|row| *row != tried).collect();
        match contradiction(&of_rows(relaxation, &rest), limits, watcher)? {
            // Rows are renumbered in the smaller relaxation.
            Some(fewer) => {
                best =
                    fewer.into_iter().filter_map(|(row, by)| rest.get(row).map(|&row| (row, by))).collect();
            }
            None => needed.push(tried),
        }
    }
    Ok(best)
}

/// The multipliers without those of rows that the contradiction can spare as it stands, the largest first: where
/// 256 pods lack a core, those of so many that the others lack just a little.
fn without_surplus(relaxation: &Relaxation, multipliers: Multipliers) -> Multipliers {
    let worth = |(row, by): &(usize, BigRational)| {
        relaxation.rows.get(*row).map_or_else(BigRational::zero, |row| by * &row.bound)
    };
    let mut surplus = dual_bound(relaxation, &multipliers);
    let mut order: Vec<(BigRational, usize)> = multipliers
        .iter()
        .map(|entry| (worth(entry), entry.0))
        .filter(|(worth, _)| worth.is_positive())
        .collect();
    order.sort_by(|(left, at), (right, other)| right.cmp(left).then(at.cmp(other)));
    let mut spared = BTreeSet::new();
    for (worth, row) in order {
        // Without a row of factors above 0 the bound falls by its worth at most; of others the check below decides.
        if worth < surplus {
            surplus -= worth;
            spared.insert(row);
        }
    }
    let rest: Multipliers = multipliers.iter().filter(|(row, _)| !spared.contains(row)).cloned().collect();
    if farkas(relaxation, &rest) { rest } else { multipliers }
}

/// Some rows of a relaxation and the columns in them, numbered anew in their order.
fn of_rows(relaxation: &Relaxation, rows: &[usize]) -> Relaxation {
    let rows = rows.iter().filter_map(|&row| relaxation.rows.get(row));
    let columns: BTreeSet<usize> =
        rows.clone().flat_map(|row| &row.terms).map(|(column, _)| *column).collect();
    let numbers: HashMap<usize, usize> =
        columns.iter().enumerate().map(|(number, column)| (*column, number)).collect();
    let renumbered = |row: &RelaxedRow| {
        let terms = row.terms.iter().filter_map(|(column, by)| Some((*numbers.get(column)?, by.clone())));
        RelaxedRow { terms: terms.collect(), ..row.clone() }
    };
    Relaxation {
        groups: Vec::new(),
        rows: rows.map(renumbered).collect(),
        columns: columns.iter().filter_map(|&column| relaxation.columns.get(column).cloned()).collect(),
        objective: Vec::new(),
        step: None,
    }
}

/// The duals of the unscaled rows, as fractions, without zeros and without signs that prove nothing.
fn multipliers(scaled: &Scaled, found: &Found, objective_scale: f64) -> Multipliers {
    let signs = scaled.program.rows().iter().map(|(_, relation, _)| *relation);
    let mut multipliers = Vec::new();
    for (index, ((dual, relation), row_scale)) in
        found.duals.iter().zip(signs).zip(&scaled.row_scales).enumerate()
    {
        if dual.abs() < 1e-10 {
            continue;
        }
        let multiplier = rational(*dual) * exact_power(objective_scale) / exact_power(*row_scale);
        let useful = match relation {
            Relation::AtMost => multiplier.is_negative(),
            Relation::AtLeast => multiplier.is_positive(),
            Relation::Equal => !multiplier.is_zero(),
        };
        if useful {
            multipliers.push((index, multiplier));
        }
    }
    multipliers
}

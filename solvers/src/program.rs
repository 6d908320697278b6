//! A linear program with whole-number columns in floating point, solved by HiGHS through good_lp.
//!
//! One thread, a fixed seed and limits in nodes make it deterministic unless a time limit is set.

use crate::watch::{Watcher, solve_watched};
use berth_compiler::problem::Relation;
use good_lp::solvers::highs::highs;
use good_lp::{Expression, ProblemVariables, SolverModel, Variable, variable};
use highs::{HighsModelStatus, HighsSolutionStatus, Model, TrySetOptionError};
use std::time::Duration;

/// What is minimised, and over what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    columns: Vec<Column>,
    rows: Vec<ProgramRow>,
}

/// Columns and factors, how their sum is related, to what.
pub(crate) type ProgramRow = (Vec<(usize, f64)>, Relation, f64);

#[derive(Clone, Debug)]
struct Column {
    lower: f64,
    upper: f64,
    cost: f64,
    whole: bool,
    /// What it is, in columns before it; HiGHS never sees it.
    sum: Option<Sum>,
}

/// A sum of columns, and what is added to it.
#[derive(Clone, Debug)]
struct Sum {
    terms: Vec<(usize, f64)>,
    constant: f64,
}

/// How far HiGHS goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// Nodes of the search tree.
    pub nodes: u32,
    /// Wall clock.
    pub time: Option<Duration>,
    /// Relative gap at which it may stop.
    pub gap: f64,
    /// Whether it starts with the program as it stands: what presolving takes is not always had back.
    pub as_it_stands: bool,
}

/// How a solve ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The point is the best, up to tolerances and the gap allowed.
    Optimal,
    /// There is no point, HiGHS says.
    Infeasible,
    /// A limit came first, or HiGHS gave up.
    Limit,
}

/// What HiGHS found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub end: End,
    /// By column; none without a feasible point.
    pub values: Option<Vec<f64>>,
    /// No point is below it, HiGHS says; only for programs with whole columns.
    pub bound: Option<f64>,
    /// By row; only for programs without whole columns.
    pub duals: Vec<f64>,
}

impl Program {
    pub fn add_column(&mut self, upper: f64, whole: bool) -> usize {
        self.columns.push(Column { lower: 0.0, upper, cost: 0.0, whole, sum: None });
        self.columns.len() - 1
    }

    /// A column that stands for a sum of others wherever it is named in a row. That it lies between 0 and `upper` has
    /// to follow from the rows; it has no cost.
    pub fn add_sum(&mut self, upper: f64, terms: Vec<(usize, f64)>, constant: f64) -> usize {
        let sum = Some(Sum { terms, constant });
        self.columns.push(Column { lower: 0.0, upper, cost: 0.0, whole: false, sum });
        self.columns.len() - 1
    }

    pub fn add_row(&mut self, terms: Vec<(usize, f64)>, relation: Relation, mut bound: f64) {
        let mut all = Vec::with_capacity(terms.len());
        for (column, factor) in terms {
            match self.columns.get(column).and_then(|column| column.sum.as_ref()) {
                None => all.push((column, factor)),
                Some(sum) => {
                    all.extend(sum.terms.iter().map(|(column, by)| (*column, factor * by)));
                    bound -= factor * sum.constant;
                }
            }
        }
        self.rows.push((all, relation, bound));
    }

    /// Costs are of columns that are no sums.
    pub fn set_cost(&mut self, column: usize, cost: f64) {
        if let Some(column) = self.columns.get_mut(column) {
            column.cost = cost;
        }
    }

    pub fn upper(&self, column: usize) -> f64 {
        self.columns.get(column).map_or(0.0, |column| column.upper)
    }

    /// The objective at a point.
    pub fn value(&self, point: &[f64]) -> f64 {
        self.columns.iter().zip(point).map(|(column, value)| column.cost * value).sum()
    }

    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    pub fn rows(&self) -> &[ProgramRow] {
        &self.rows
    }

    /// Minimises. The error is a text for the log of why a result is unknown.
    pub fn solve(
        &self,
        limits: &Limits,
        start: Option<&[f64]>,
        watcher: &mut Watcher,
    ) -> Result<Found, String> {
        if self.columns.is_empty() {
            return Ok(self.without_columns());
        }
        let whole = self.columns.iter().any(|column| column.whole);
        let mut variables = ProblemVariables::new();
        let columns: Vec<Option<Variable>> = self
            .columns
            .iter()
            .map(|column| {
                let definition = variable().bounds(column.lower..=column.upper);
                let definition = if column.whole { definition.integer() } else { definition };
                column.sum.is_none().then(|| variables.add(definition))
            })
            .collect();
        let objective =
            sum(&columns, self.columns.iter().enumerate().map(|(index, column)| (index, column.cost)));
        let mut problem = variables.minimise(objective).using(highs);
        for (terms, relation, bound) in &self.rows {
            let left = sum(&columns, terms.iter().copied());
            problem.add_constraint(match relation {
                Relation::AtMost => left.leq(*bound),
                Relation::AtLeast => left.geq(Expression::from(*bound)),
                Relation::Equal => left.eq(*bound),
            });
        }
        let mut model = problem.try_into_inner().map_err(|error| error.to_string())?;
        set_options(&mut model, limits, whole)
            .map_err(|error| format!("HiGHS refuses an option: {error:?}"))?;
        if let Some(start) = start {
            let seen = self.columns.iter().zip(start).filter(|(column, _)| column.sum.is_none());
            let start: Vec<f64> = seen.map(|(_, value)| *value).collect();
            // A refused start costs time only.
            let _ = model.try_set_solution(Some(&start), None, None, None);
        }
        let solved = solve_watched(model, watcher).map_err(|status| format!("HiGHS ends with {status:?}"))?;
        let end = match solved.status() {
            HighsModelStatus::Optimal => End::Optimal,
            HighsModelStatus::Infeasible => End::Infeasible,
            _ => End::Limit,
        };
        let feasible = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
        let point = solved.get_solution();
        let bound = if whole { solved.double_info_value(c"mip_dual_bound").ok() } else { None };
        Ok(Found {
            end,
            values: feasible.then(|| self.with_sums(point.columns())),
            bound: bound.filter(|bound| bound.is_finite()),
            duals: if whole { Vec::new() } else { point.dual_rows().to_vec() },
        })
    }

    /// The value of every column, from those that are no sums.
    fn with_sums(&self, seen: &[f64]) -> Vec<f64> {
        let mut seen = seen.iter();
        let mut values: Vec<f64> = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let value = match &column.sum {
                None => seen.next().copied().unwrap_or(0.0),
                Some(Sum { terms, constant }) => {
                    let term = |(column, factor): &(usize, f64)| factor * values.get(*column).unwrap_or(&0.0);
                    constant + terms.iter().map(term).sum::<f64>()
                }
            };
            values.push(value);
        }
        values
    }

    /// HiGHS has no answer for an empty model: its rows hold or not.
    fn without_columns(&self) -> Found {
        let hold = self.rows.iter().all(|(_, relation, bound)| match relation {
            Relation::AtMost => *bound >= 0.0,
            Relation::AtLeast => *bound <= 0.0,
            Relation::Equal => *bound == 0.0,
        });
        Found {
            end: if hold { End::Optimal } else { End::Infeasible },
            values: hold.then(Vec::new),
            bound: hold.then_some(0.0),
            duals: vec![0.0; self.rows.len()],
        }
    }
}

fn sum(columns: &[Option<Variable>], terms: impl Iterator<Item = (usize, f64)>) -> Expression {
    let mut sum = Expression::with_capacity(terms.size_hint().0);
    for (column, factor) in terms {
        if factor != 0.0
            && let Some(Some(column)) = columns.get(column)
        {
            sum.add_mul(factor, *column);
        }
    }
    sum
}

/// `try_into_inner` drops what was set before it, so everything is set here.
fn set_options(model: &mut Model, limits: &Limits, whole: bool) -> Result<(), TrySetOptionError> {
    model.try_set_option("output_flag", false)?;
    model.try_set_option("threads", 1)?;
    model.try_set_option("parallel", "off")?;
    model.try_set_option("random_seed", 0)?;
    model.try_set_option("primal_feasibility_tolerance", 1e-9)?;
    model.try_set_option("dual_feasibility_tolerance", 1e-9)?;
    if whole {
        model.try_set_option("mip_feasibility_tolerance", 1e-9)?;
        model.try_set_option("mip_rel_gap", limits.gap)?;
        model.try_set_option("mip_abs_gap", 1e-9)?;
        model.try_set_option("mip_max_nodes", i32::try_from(limits.nodes).unwrap_or(i32::MAX))?;
    }
    if limits.as_it_stands {
        model.try_set_option("presolve", "off")?;
    }
    if let Some(time) = limits.time {
        model.try_set_option("time_limit", time.as_secs_f64())?;
    }
    Ok(())
}

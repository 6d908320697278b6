//! What multipliers on the rows of a relaxation prove: bounds, and contradictions with their lines.

use super::Relaxation;
use crate::problem::Relation;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeMap;

/// The bound that multipliers on the rows give: no point of the relaxation has an objective below it.
///
/// With `y` the multipliers, clipped to the sign their row's relation allows (`<=`: at most 0, `>=`: at
/// least 0), it is `y b + sum_j min(0, c_j - y A_j) upper_j`. Multipliers of rows that do not exist count
/// as 0; the last one given for a row counts.
pub fn dual_bound(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BigRational {
    bound_of(relaxation, &relaxation.objective, multipliers)
}

/// [`dual_bound`], raised to the next value that a solution can have.
pub fn proved(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BigRational {
    raised(relaxation, dual_bound(relaxation, multipliers))
}

/// A bound, raised to the next multiple of [`Relaxation::step`].
pub fn raised(relaxation: &Relaxation, bound: BigRational) -> BigRational {
    match &relaxation.step {
        Some(step) if step.is_positive() => (bound / step).ceil() * step,
        _ => bound,
    }
}

/// Whether multipliers on the rows sum to a contradiction, so that the relaxation has no point and the
/// problem no solution: with nothing to minimise they give a bound above 0.
pub fn farkas(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> bool {
    bound_of(relaxation, &[], multipliers).is_positive()
}

/// The lines behind a contradiction, in order of the files: those of each row with a multiplier, of each
/// column whose upper bound is used, and of each column on which the rows pull in opposite directions (so
/// that a smaller demand or a larger machine would end the contradiction).
pub fn farkas_origins(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> Vec<Span> {
    let multipliers = clipped(relaxation, multipliers);
    let mut origins = Vec::new();
    let mut raised = vec![false; relaxation.columns.len()];
    let mut lowered = raised.clone();
    for (&row, multiplier) in &multipliers {
        let Some(row) = relaxation.rows.get(row) else { continue };
        origins.extend(&row.origins);
        for (column, factor) in &row.terms {
            let pulled =
                if multiplier.is_positive() == factor.is_positive() { &mut raised } else { &mut lowered };
            if let Some(pulled) = pulled.get_mut(*column) {
                *pulled = true;
            }
        }
    }
    let reduced = reduced_costs(relaxation, &[], &multipliers);
    for (index, (column, reduced)) in relaxation.columns.iter().zip(&reduced).enumerate() {
        if reduced.is_negative() || (raised[index] && lowered[index]) {
            origins.extend(&column.origins);
        }
    }
    origins.sort();
    origins.dedup();
    origins
}

fn bound_of(
    relaxation: &Relaxation,
    objective: &[(usize, BigRational)],
    multipliers: &[(usize, BigRational)],
) -> BigRational {
    let multipliers = clipped(relaxation, multipliers);
    let mut bound: BigRational = multipliers
        .iter()
        .filter_map(|(&row, multiplier)| relaxation.rows.get(row).map(|row| multiplier * &row.bound))
        .sum();
    let reduced = reduced_costs(relaxation, objective, &multipliers);
    for (column, reduced) in relaxation.columns.iter().zip(&reduced) {
        if reduced.is_negative() {
            bound += reduced * &column.upper;
        }
    }
    bound
}

/// Multipliers of existing rows, with the sign that the row allows, without zeros.
fn clipped(relaxation: &Relaxation, multipliers: &[(usize, BigRational)]) -> BTreeMap<usize, BigRational> {
    let mut clipped = BTreeMap::new();
    for (index, multiplier) in multipliers {
        let Some(row) = relaxation.rows.get(*index) else { continue };
        let allowed = match row.relation {
            Relation::AtMost => multiplier.is_negative(),
            Relation::AtLeast => multiplier.is_positive(),
            Relation::Equal => !multiplier.is_zero(),
        };
        if allowed {
            clipped.insert(*index, multiplier.clone());
        } else {
            clipped.remove(index);
        }
    }
    clipped
}

fn reduced_costs(
    relaxation: &Relaxation,
    objective: &[(usize, BigRational)],
    multipliers: &BTreeMap<usize, BigRational>,
) -> Vec<BigRational> {
    let mut reduced = vec![BigRational::zero(); relaxation.columns.len()];
    for (column, factor) in objective {
        if let Some(reduced) = reduced.get_mut(*column) {
            *reduced += factor;
        }
    }
    for (&row, multiplier) in multipliers {
        let Some(row) = relaxation.rows.get(row) else { continue };
        for (column, factor) in &row.terms {
            if let Some(reduced) = reduced.get_mut(*column) {
                *reduced -= multiplier * factor;
            }
        }
    }
    reduced
}

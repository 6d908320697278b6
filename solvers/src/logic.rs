//! Whether statements can hold together, by z3 over whole and real numbers.

use crate::Highs;
use berth_compiler::logic::{Deciding, Domain, Relation, Statement, Theory, Verdict};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::BTreeMap;
use z3::ast::{Bool, Int, Real};
use z3::{Params, SatResult, Solver};

/// z3 gives up after about this many of its own steps.
const STEPS: u32 = 2_000_000;

impl Deciding for Highs {
    fn decide(&self, theory: &Theory) -> Verdict {
        decide(theory).unwrap_or(Verdict::Undecided)
    }
}

/// A variable of z3; whole ones are read as reals too.
enum Variable {
    Whole(Int, Real),
    Real(Real),
}

impl Variable {
    fn real(&self) -> &Real {
        match self {
            Self::Whole(_, real) | Self::Real(real) => real,
        }
    }
}

/// None where z3 does not read a number, which is not known to happen.
fn decide(theory: &Theory) -> Option<Verdict> {
    let solver = Solver::new();
    let mut parameters = Params::new();
    parameters.set_bool("unsat_core", true);
    parameters.set_bool("core.minimize", true);
    parameters.set_u32("rlimit", STEPS);
    parameters.set_u32("random_seed", 0);
    solver.set_params(&parameters);
    let variables: Vec<Variable> = theory
        .variables
        .iter()
        .enumerate()
        .map(|(index, domain)| match domain {
            Domain::Whole => {
                let whole = Int::new_const(format!("n{index}"));
                let real = whole.to_real();
                Variable::Whole(whole, real)
            }
            Domain::Real => Variable::Real(Real::new_const(format!("r{index}"))),
        })
        .collect();
    for axiom in &theory.axioms {
        solver.assert(formula(axiom, &variables)?);
    }
    let mut names = BTreeMap::new();
    for (index, statement) in theory.statements.iter().enumerate() {
        let literal = Bool::new_const(format!("s{index}"));
        solver.assert_and_track(formula(statement, &variables)?, &literal);
        names.insert(literal.to_string(), index);
    }
    Some(match solver.check() {
        SatResult::Unsat => {
            let core = solver.get_unsat_core();
            let mut core: Vec<usize> =
                core.iter().filter_map(|literal| names.get(&literal.to_string()).copied()).collect();
            core.sort_unstable();
            Verdict::Unsatisfiable(core)
        }
        SatResult::Sat => {
            let model = solver.get_model()?;
            let value = |variable: &Variable| match variable {
                Variable::Whole(whole, _) => {
                    model.eval(whole, true)?.to_string().parse().ok().map(whole_number)
                }
                Variable::Real(real) => {
                    let (numerator, denominator) = model.eval(real, true)?.as_rational()?;
                    Some(BigRational::new(numerator.into(), denominator.into()))
                }
            };
            let values: Option<Vec<BigRational>> = variables.iter().map(value).collect();
            // A value that cannot be read, an algebraic number or one past 64 bits, confirms nothing.
            values.map_or(Verdict::Undecided, Verdict::Satisfiable)
        }
        SatResult::Unknown => Verdict::Undecided,
    })
}

fn whole_number(value: i128) -> BigRational {
    BigRational::from_integer(BigInt::from(value))
}

fn formula(statement: &Statement, variables: &[Variable]) -> Option<Bool> {
    Some(match statement {
        Statement::Compare { terms, relation, limit } => {
            let mut parts = Vec::new();
            for (coefficient, variable) in terms {
                if !coefficient.is_zero() {
                    parts.push(number(coefficient)? * variables.get(*variable)?.real());
                }
            }
            let sum = if parts.is_empty() { number(&BigRational::zero())? } else { Real::add(&parts) };
            let limit = number(limit)?;
            match relation {
                Relation::AtMost => sum.le(limit),
                Relation::Below => sum.lt(limit),
                Relation::Equal => sum.eq(limit),
            }
        }
        Statement::All(parts) => Bool::and(&formulas(parts, variables)?),
        Statement::Any(parts) => Bool::or(&formulas(parts, variables)?),
        Statement::Not(part) => formula(part, variables)?.not(),
    })
}

fn formulas(parts: &[Statement], variables: &[Variable]) -> Option<Vec<Bool>> {
    parts.iter().map(|part| formula(part, variables)).collect()
}

fn number(value: &BigRational) -> Option<Real> {
    Real::from_rational_str(&value.numer().to_string(), &value.denom().to_string())
}

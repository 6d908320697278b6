//! Statements over counts and figures, and whether they can hold together.
//!
//! It knows nothing of services: variables have an index, and one bit that says whether they are whole.

use num_rational::BigRational;

/// What a variable may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A whole number.
    Whole,
    /// Any real number.
    Real,
}

/// Something that holds or not, once every variable has a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `terms relation limit`
    Compare {
        /// Sum of coefficient times variable, by index.
        terms: Vec<(BigRational, usize)>,
        /// How.
        relation: Relation,
        /// To what.
        limit: BigRational,
    },
    /// All of them.
    All(Vec<Statement>),
    /// At least one of them.
    Any(Vec<Statement>),
    /// The opposite.
    Not(Box<Statement>),
}

/// How a sum is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `==`
    Equal,
}

impl Statement {
    /// Whether it holds where the variables have these values; variables without one are 0.
    pub fn holds(&self, values: &[BigRational]) -> bool {
        match self {
            Self::Compare { terms, relation, limit } => {
                let zero = BigRational::from_integer(0.into());
                let sum: BigRational = terms
                    .iter()
                    .map(|(coefficient, variable)| coefficient * values.get(*variable).unwrap_or(&zero))
                    .sum();
                match relation {
                    Relation::AtMost => sum <= *limit,
                    Relation::Below => sum < *limit,
                    Relation::Equal => sum == *limit,
                }
            }
            Self::All(parts) => parts.iter().all(|part| part.holds(values)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(values)),
            Self::Not(part) => !part.holds(values),
        }
    }
}

/// Statements that are to hold together.
#[derive(Clone, Debug, Default)]
pub struct Theory {
    /// What each variable may be.
    pub variables: Vec<Domain>,
    /// They always hold.
    pub axioms: Vec<Statement>,
    /// They are questioned: a core names them by index.
    pub statements: Vec<Statement>,
}

/// Whether statements can hold together.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// At these values of the variables, it is claimed; [`Statement::holds`] confirms it.
    Satisfiable(Vec<BigRational>),
    /// Not these of the statements, by index, ascending.
    Unsatisfiable(Vec<usize>),
    /// The solver gave up.
    Undecided,
}

/// A solver of [`Theory`]s. It gives up after a fixed amount of work, never by the clock.
pub trait Deciding {
    /// Whether all statements can hold together.
    fn decide(&self, theory: &Theory) -> Verdict;
}

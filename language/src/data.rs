//! What a data file holds, summed up: `trace("arrivals.csv")`.
//!
//! The language only names data. Whoever implements [`Files`](crate::sources::Files) decodes the file and
//! hands over a summary whose size does not depend on that of the file.

use num_rational::BigRational;
use num_traits::Zero as _;
use std::rc::Rc;

/// A decoded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// What its rows are.
    pub rows: Rows,
}

/// What the rows of a file are.
#[expect(clippy::large_enum_variant, reason = "there is one a file, behind an `Rc`")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// One request a row.
    Requests(Requests),
    /// One reading a row: a price, an intensity.
    Readings(Readings),
    /// The load of an expert a row.
    Loads(Loads),
}

/// Requests that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Whose columns they are: `azure`, `mooncake`, `burstgpt`, `plain`.
    pub schema: &'static str,
    /// How many.
    pub count: u64,
    /// How many of them were never answered, where the schema tells; their output is in no sample.
    pub failed: u64,
    /// When the first arrived, in whole seconds since 1970 (UTC), where times are dates.
    pub start: Option<i64>,
    /// Seconds from the first arrival to the last.
    pub span: BigRational,
    /// Requests in each step from the first arrival on. The last step ends with the last arrival; see
    /// [`rates`](Self::rates).
    pub arrivals: Vec<u64>,
    /// Coefficient of variation of the time between two arrivals, within a step; 1 is Poisson. None where
    /// too few fall into one step to tell.
    pub spacing: Option<BigRational>,
    /// Tokens of the prompts.
    pub prompt: Option<Sample>,
    /// Tokens of the answers.
    pub output: Option<Sample>,
}

impl Requests {
    /// Requests a second in each step of `step` seconds, the step that they were counted by.
    ///
    /// The last step counts for the part of it that the file covers. Where that is less than half of it, it
    /// says too little and is left out, unless it is the only one.
    pub fn rates(&self, step: &BigRational) -> Vec<BigRational> {
        let mut rates: Vec<BigRational> =
            self.arrivals.iter().map(|count| BigRational::from_integer((*count).into()) / step).collect();
        let before = step * BigRational::from_integer(self.arrivals.len().saturating_sub(1).into());
        let covered = &self.span - before;
        let (Some(last), Some(count)) = (rates.pop(), self.arrivals.last()) else {
            return rates;
        };
        if rates.is_empty() {
            // `count` arrivals have one gap fewer between them.
            let gaps = BigRational::from_integer(count.saturating_sub(1).into());
            rates.push(if gaps.is_zero() || covered.is_zero() { last } else { gaps / covered });
        } else if &covered + &covered >= *step {
            rates.push(BigRational::from_integer((*count).into()) / covered);
        }
        rates
    }
}

/// Readings over time, one value a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    /// The unit, as the head of the column writes it: `g/kWh`.
    pub unit: String,
    /// How many.
    pub count: u64,
    /// When the first was taken, in whole seconds since 1970 (UTC), where times are dates.
    pub start: Option<i64>,
    /// The mean of the readings in each step from the first on; a step without one keeps the last.
    pub values: Vec<BigRational>,
}

/// How much was asked of each expert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loads {
    /// How many rows there were.
    pub count: u64,
    /// By layer in ascending order of the file's numbers, one where it has none; then by expert, from 0. Experts that no
    /// row names have no load. All have one common unit.
    pub layers: Vec<Vec<u64>>,
}

/// Values and how often each occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `(value, count)`, ascending; neighbours are joined at their mean where there are too many.
    pub values: Vec<(BigRational, u64)>,
    /// Families that were fitted, the best first.
    pub fits: Vec<Fit>,
}

/// A distribution fitted to a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// `lognormal`, `gamma`, …, with its parameters, as the language writes it.
    pub text: String,
    /// The Kolmogorov-Smirnov distance between sample and fit, in [0, 1].
    pub distance: BigRational,
}

/// What is asked of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// The path, as [`Files::read`](crate::sources::Files::read) takes it.
    pub path: String,
    /// Seconds in a step of the horizon.
    pub step: BigRational,
}

/// Why there is no summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// Whoever reads files here decodes none, or has not done so yet.
    NotLoaded,
    /// The file could not be read.
    Unreadable(crate::sources::Unreadable),
    /// Its content is something else than was expected.
    Content {
        /// One short line: what was found.
        found: String,
        /// Where in the file, as people count: `line 7, column \`prompt\``.
        at: Option<String>,
        /// What to do.
        help: String,
    },
}

/// A summary that many values share.
pub type Summary = Rc<Data>;

//! Rows to a summary, one at a time.

use crate::cell::{Cell, PLACES};
use crate::fits;
use crate::instant::{Clock, Instant, SECOND};
use crate::loads::{self, Gathered};
use crate::refusal::Refusal;
use crate::schema::{Kind, Role, Schema};
use crate::sketch::Sketch;
use crate::spacing::Spacing;
use berth_language::data::{Readings, Requests, Rows, Sample};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive as _, Signed as _, ToPrimitive as _};

/// The most steps that a file may span.
pub const MOST_STEPS: i64 = 1 << 18;

/// What the rows so far come to.
pub struct Gathering {
    schema: Schema,
    /// Nanoseconds in a step.
    step: i64,
    /// The first and the last moment.
    times: Option<(Instant, i64)>,
    count: u64,
    failed: u64,
    arrivals: Vec<u64>,
    spacing: Spacing,
    prompt: Option<Sketch>,
    output: Option<Sketch>,
    /// The means of the steps that are done, in units of `10^-PLACES`.
    values: Vec<BigRational>,
    /// The sum and the number of the readings in the last step.
    open: (i128, u64),
    loads: Gathered,
}

/// A row's cells, in the order of the schema's columns.
pub type Row<'a> = [Cell<'a>; 3];

impl Gathering {
    /// Of no row yet, in steps of so many seconds.
    pub fn new(schema: Schema, step: &BigRational) -> Self {
        let nanoseconds =
            (step * BigRational::from_integer(SECOND.into())).to_i64().unwrap_or(i64::MAX).max(1);
        let sketch = |role: Role| schema.columns.iter().any(|column| column.role == role).then(Sketch::new);
        Self {
            step: nanoseconds,
            times: None,
            count: 0,
            failed: 0,
            arrivals: Vec::new(),
            spacing: Spacing::new(nanoseconds),
            prompt: sketch(Role::Prompt),
            output: sketch(Role::Output),
            values: Vec::new(),
            open: (0, 0),
            loads: Gathered::default(),
            schema,
        }
    }

    /// Whose columns these are.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Takes one row.
    pub fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        let (mut time, mut prompt, mut output, mut reading) = (None, None, None, None);
        let (mut layer, mut expert, mut load) = (0, None, None);
        for (column, cell) in self.schema.columns.iter().zip(row) {
            let of = |refusal: Refusal| refusal.of(&column.name);
            match column.role {
                Role::Time => time = Some(cell.instant(self.schema.clock_unit).map_err(of)?),
                Role::Prompt => prompt = Some(cell.tokens().map_err(of)?),
                Role::Output => output = Some(cell.tokens().map_err(of)?),
                Role::Reading => reading = Some(cell.reading().map_err(of)?),
                Role::Layer => layer = loads::index(cell).map_err(of)?,
                Role::Expert => expert = Some(loads::index(cell).map_err(of)?),
                Role::Load => load = Some(loads::load(cell).map_err(of)?),
            }
        }
        if let (Some(expert), Some(load)) = (expert, load) {
            return self.loads.take(layer, expert, load);
        }
        let Some(time) = time else {
            return Err(Refusal::new("this row has no time", "Give every row its time."));
        };
        let (index, gap) = self.advance(time)?;
        self.count += 1;
        match reading {
            Some(reading) => self.read(index, reading),
            None => self.arrive(index, gap, prompt, output),
        }
        Ok(())
    }

    /// Moves on to `time`: the step it falls into, and nanoseconds since the row before if there is one.
    fn advance(&mut self, time: Instant) -> Result<(usize, Option<(i64, i64)>), Refusal> {
        let of = |refusal: Refusal| match self.schema.columns.first() {
            Some(column) => refusal.of(&column.name),
            None => refusal,
        };
        let Some((first, last)) = self.times else {
            self.times = Some((time, time.nanoseconds));
            return Ok((0, None));
        };
        if first.clock != time.clock {
            let (this, others) = match time.clock {
                Clock::Date => ("a date", "numbers"),
                Clock::Number => ("a number", "dates"),
            };
            return Err(of(Refusal::new(
                format!("this time is {this}, those before it are {others}"),
                "Write all times in one way.",
            )));
        }
        if time.nanoseconds < last {
            return Err(of(Refusal::new(
                format!("this row is {} earlier than the one before", seconds(last, time.nanoseconds)),
                "Sort the rows by time.",
            )));
        }
        let too_long = || {
            of(Refusal::new(
                format!(
                    "from the first row to this one are more than {MOST_STEPS} steps of {}",
                    seconds(self.step, 0)
                ),
                "Cut the file, or take a longer `step`. Are the times in the unit that is expected? Numbers \
                 count seconds, in Mooncake's columns milliseconds.",
            ))
        };
        let since = time.nanoseconds.checked_sub(first.nanoseconds).ok_or_else(too_long)?;
        let index = since / self.step;
        if index >= MOST_STEPS {
            return Err(too_long());
        }
        self.times = Some((first, time.nanoseconds));
        Ok((usize::try_from(index).unwrap_or(0), Some((since, time.nanoseconds - last))))
    }

    fn arrive(&mut self, index: usize, gap: Option<(i64, i64)>, prompt: Option<u64>, output: Option<u64>) {
        if self.arrivals.len() <= index {
            self.arrivals.resize(index + 1, 0);
        }
        if let Some(count) = self.arrivals.get_mut(index) {
            *count += 1;
        }
        if let Some((now, gap)) = gap {
            self.spacing.arrive(now, gap);
        }
        if let (Some(sketch), Some(tokens)) = (&mut self.prompt, prompt) {
            sketch.add(tokens);
        }
        if let (Some(sketch), Some(tokens)) = (&mut self.output, output) {
            let Kind::Requests { unanswered_without_output: true, .. } = self.schema.kind else {
                return sketch.add(tokens);
            };
            match tokens {
                0 => self.failed += 1,
                tokens => sketch.add(tokens),
            }
        }
    }

    fn read(&mut self, index: usize, reading: i128) {
        if index > self.values.len() {
            let mean = self.mean();
            // Steps without a reading keep the last.
            self.values.resize(index, mean);
            self.open = (0, 0);
        }
        self.open = (self.open.0.saturating_add(reading), self.open.1 + 1);
    }

    /// The mean of the readings of the last step.
    fn mean(&self) -> BigRational {
        let unit = BigInt::from(10_u32).pow(PLACES);
        BigRational::new(BigInt::from(self.open.0), BigInt::from(self.open.1.max(1)) * unit)
    }

    /// The summary.
    ///
    /// # Errors
    /// Where there was no row.
    pub fn finish(mut self) -> Result<Rows, Refusal> {
        if self.schema.kind == Kind::Loads {
            return self.loads.finish().map(Rows::Loads);
        }
        let Some((first, last)) = self.times else {
            return Err(Refusal::new("a head and no rows", "A trace needs at least one row."));
        };
        let start = match first.clock {
            Clock::Date => Some(first.nanoseconds.div_euclid(SECOND)),
            Clock::Number => None,
        };
        let span = last - first.nanoseconds;
        match &self.schema.kind {
            Kind::Requests { schema, .. } => Ok(Rows::Requests(Requests {
                schema,
                count: self.count,
                failed: self.failed,
                start,
                span: BigRational::new(span.into(), SECOND.into()),
                spacing: self.spacing.coefficient(&self.arrivals, span).and_then(three_digits),
                arrivals: self.arrivals,
                prompt: self.prompt.as_ref().and_then(sample),
                output: self.output.as_ref().and_then(sample),
            })),
            Kind::Readings { unit } => {
                let unit = unit.clone();
                let mean = self.mean();
                self.values.push(mean);
                Ok(Rows::Readings(Readings { unit, count: self.count, start, values: self.values }))
            }
            Kind::Loads => Err(Refusal::new("loads beside times", "Give each a file of its own.")),
        }
    }
}

/// A sample of fewer values says too little of its family.
const FEWEST_TO_FIT: u64 = 30;

/// The sample with its fits; none of a column that had no value.
fn sample(sketch: &Sketch) -> Option<Sample> {
    let mut sample = sketch.sample();
    let values: Vec<(f64, f64)> = sketch.values().map(|value| (value.mean(), value.count as f64)).collect();
    if sketch.count() >= FEWEST_TO_FIT {
        sample.fits = fits::fit(&values, " tok");
    }
    (!sample.values.is_empty()).then_some(sample)
}

/// Rounded to three significant digits: no more are meant by an estimate.
fn three_digits(value: f64) -> Option<BigRational> {
    format!("{value:.2e}").parse::<f64>().ok().and_then(BigRational::from_f64).map(|value| {
        let places = BigRational::from_integer(1_000_000_000.into());
        (value * &places).round() / places
    })
}

/// `later - earlier` nanoseconds as people write them.
fn seconds(later: i64, earlier: i64) -> String {
    let span = BigRational::new((i128::from(later) - i128::from(earlier)).into(), SECOND.into()).abs();
    berth_language::quantity::Quantity::new(span, berth_language::quantity::Dimension::TIME).to_string()
}

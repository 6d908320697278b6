//! Profiles and arrivals: `diurnal(…)`, `poisson(…)`, `arrivals(…)` and files.

use super::functions::Arguments;
use super::imports::relative;
use super::value::{Arrivals, Value};
use super::{Calendar, Outcome, Reported, Resolver};
use crate::data::{Readings, Requests, Rows, Summary, Undecodable, Wanted};
use crate::diagnostics::Diagnostic;
use crate::model::{Demand, ExpertLoad, Profile};
use crate::quantity::{Dimension, Quantity, fits, is_positive, product, ratio, sum};
use crate::sources::Unreadable;
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};
use std::rc::Rc;

impl<'a> Resolver<'a> {
    /// `diurnal(peak = 380 req/s, trough = 40 req/s, peak_at = 20h)`.
    ///
    /// At hour `t` of the plan's clock the rate is
    /// `trough + (peak - trough) * (1 + cos(2π (t - peak_at) / 24h)) / 2`; a step has the highest rate of any
    /// moment in it, so that the busiest one has `peak`. The factor that multiplies
    /// `peak - trough` is rounded to a millionth, so that every machine computes the same rational.
    pub(super) fn diurnal(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (peak, peak_span) = self.quantity_argument(values, 0, None)?;
        let (trough, trough_span) = self.quantity_argument(values, 1, Some(&peak.dimension))?;
        let (peak_at, at_span) = self.quantity_argument(values, 2, Some(&Dimension::TIME))?;
        let day = ratio(86_400, 1);
        if trough.value.is_negative() || peak.value < trough.value {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a profile has 0 <= trough <= peak",
                    trough_span,
                    format!("this is {trough}"),
                )
                .and(peak_span, format!("this is {peak}"))
                .help("Exchange or mend the two rates."),
            ));
        }
        if peak_at.value.is_negative() || peak_at.value >= day {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a day has 24 hours",
                    at_span,
                    format!("this is {peak_at}"),
                )
                .help("`peak_at` is an hour of the day: `20h`."),
            ));
        }
        let heights = self.heights(&peak_at.value, span)?;
        let swing = &peak.value - &trough.value;
        let values = heights.iter().map(|height| sum(&trough.value, &product(&swing, height)));
        Ok(Value::Profile(Rc::new(Profile { values: values.collect(), dimension: peak.dimension })))
    }

    /// How high a day that peaks so many seconds after midnight stands in each step, from 0 to 1.
    fn heights(&mut self, peak_at: &BigRational, span: Span) -> Outcome<Rc<Vec<BigRational>>> {
        let calendar = self.calendar(span)?;
        if let Some(known) = self.heights.get(peak_at) {
            return Ok(Rc::clone(known));
        }
        let day = ratio(86_400, 1);
        let heights = calendar.hours(calendar.zone()).map(|begins| {
            let phase = (begins - peak_at) / &day;
            // Whole days change nothing; what is left is exact before it becomes a float.
            let phase = &phase - phase.floor();
            let end = &phase + &calendar.seconds / &day;
            let one = ratio(1, 1);
            // The peak is where the phase is whole; between two peaks an end of the step is highest.
            if phase.is_zero() || end > one { one } else { half_cosine(&phase).max(half_cosine(&end)) }
        });
        let heights: Rc<Vec<_>> = Rc::new(heights.collect());
        self.heights.insert(peak_at.clone(), Rc::clone(&heights));
        Ok(heights)
    }

    /// `poisson(40 req/s)`: arrivals independent of one another.
    pub(super) fn poisson(&mut self, values: &Arguments) -> Outcome<Value> {
        self.spaced(values, Some(BigRational::one()))
    }

    /// `arrivals(evening, cv = 2)`: arrivals whose times apart vary so much.
    pub(super) fn arrivals(&mut self, values: &Arguments) -> Outcome<Value> {
        let spacing = match values.get(1) {
            Some(Some(_)) => {
                let cv = self.variation(values, 1)?;
                Some(&cv * &cv)
            }
            _ => None,
        };
        self.spaced(values, spacing)
    }

    /// The first argument as arrivals, with `spacing` where one is given.
    fn spaced(&mut self, values: &Arguments, spacing: Option<BigRational>) -> Outcome<Value> {
        let Some(Some((value, span))) = values.first() else {
            return Err(Reported);
        };
        if let Value::NotYet(unjudged) = value {
            return Ok(Value::not_yet_of(unjudged.because.clone(), Dimension::REQUEST_RATE));
        }
        let Some(mut demand) = self.demand(value, *span)? else {
            let label = format!("this is {}", value.noun());
            return Err(self.type_error(
                "arrivals have a rate, or a profile of rates",
                *span,
                label,
                "Write a rate, `poisson(30 req/s)`, or name a profile of one.",
            ));
        };
        if let Some(spacing) = spacing {
            demand.spacing = spacing;
        }
        Ok(Value::Arrivals(Rc::new(Arrivals { demand, read: None })))
    }

    /// A rate, a profile of rates or arrivals as arrivals: without a spacing of their own they are Poisson. None
    /// for what has no rate.
    pub(super) fn demand(&mut self, value: &Value, span: Span) -> Outcome<Option<Demand>> {
        let (rates, dimension) = match value {
            Value::Arrivals(arrivals) => return Ok(Some(arrivals.demand.clone())),
            Value::Quantity(Quantity { value, dimension }) => (vec![value.clone()], dimension),
            Value::Profile(profile) => (profile.values.clone(), &profile.dimension),
            _ => return Ok(None),
        };
        if *dimension != Dimension::REQUEST_RATE {
            let found = Quantity::new(BigRational::one(), dimension.clone());
            return Err(self.argument_units(&found, &Dimension::REQUEST_RATE, span));
        }
        if let Some(below) = rates.iter().find(|rate| rate.is_negative()) {
            let label = format!("one is {}", Quantity::new(below.clone(), dimension.clone()));
            return Err(self.beyond(
                "rates are at least zero",
                span,
                label,
                "Take away less, or scale by a share: `80% * evening`.",
            ));
        }
        Ok(Some(Demand { rates, spacing: BigRational::one() }))
    }

    /// `trace("f.csv", peak = 12 req/s)`: a file of requests as arrivals, one of readings as a profile. A
    /// file shorter than the horizon repeats; a longer one is read as far as the horizon goes.
    pub(super) fn trace(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (name, at) = match values.first() {
            Some(Some((Value::Text(name), at))) => (name.clone(), *at),
            Some(Some((other, at))) => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "a file is named in quotes",
                    *at,
                    label,
                    "Write its path in quotes: `trace(\"requests.csv\")`.",
                ));
            }
            _ => return Err(Reported),
        };
        let calendar = self.calendar(span)?;
        let importer = self.sources.get(at.file).map_or("", |source| source.path.as_str());
        let wanted = Wanted { path: relative(importer, &name), step: calendar.seconds.clone() };
        let summary = match self.data(wanted) {
            Ok(summary) => summary,
            Err((_, Undecodable::NotLoaded)) => return Ok(Value::not_yet("data files are not read here")),
            Err((path, why)) => return Err(self.undecodable(&path, &why, at)),
        };
        match &summary.rows {
            Rows::Requests(requests) => {
                let peak = match values.get(1) {
                    Some(Some(_)) => {
                        Some(self.quantity_argument(values, 1, Some(&Dimension::REQUEST_RATE))?)
                    }
                    _ => None,
                };
                let demand = self.requests(requests, peak, &calendar, at)?;
                let read = Some(Rc::clone(&summary));
                Ok(Value::Arrivals(Rc::new(Arrivals { demand, read })))
            }
            Rows::Readings(readings) => {
                if let Some(Some((_, peak))) = values.get(1) {
                    return Err(self.report(
                        Diagnostic::error(
                            "value::arguments",
                            "`peak` scales arrivals",
                            *peak,
                            "the file holds readings",
                        )
                        .and(at, format!("readings in {}", readings.unit))
                        .help("Multiply the trace instead: `120% * trace(…)`."),
                    ));
                }
                self.readings(readings, &calendar, at)
            }
            Rows::Loads(loads) => {
                if let Some(Some((_, peak))) = values.get(1) {
                    return Err(self.report(
                        Diagnostic::error(
                            "value::arguments",
                            "`peak` scales arrivals",
                            *peak,
                            "the file holds loads of experts",
                        )
                        .and(at, "of which only the proportions count")
                        .help("Leave `peak` out."),
                    ));
                }
                Ok(Value::ExpertLoad(Rc::new(ExpertLoad::Measured(loads.layers.clone()))))
            }
        }
    }

    /// Arrivals in every step of the horizon.
    fn requests(
        &mut self,
        requests: &Requests,
        peak: Option<(Quantity, Span)>,
        calendar: &Calendar,
        span: Span,
    ) -> Outcome<Demand> {
        let measured = requests.rates(&calendar.seconds);
        let rates: Vec<BigRational> = measured.iter().cycle().take(calendar.steps).cloned().collect();
        let busiest = rates.iter().max().filter(|rate| is_positive(rate)).cloned();
        let Some(busiest) = busiest else {
            return Err(self.report(
                Diagnostic::error(
                    "data::empty",
                    "nothing arrives in this file",
                    span,
                    "no request stands in it, up to the end of the horizon",
                )
                .help("Name a file with requests, or state the rate: `demand = 0 req/s`."),
            ));
        };
        let scale = match peak {
            None => BigRational::one(),
            Some((peak, at)) => {
                if !is_positive(&peak.value) {
                    let label = format!("this is {peak}");
                    return Err(self.beyond(
                        "the busiest step has arrivals",
                        at,
                        label,
                        "Name a rate above zero; without `peak` the file counts as it was recorded.",
                    ));
                }
                peak.value / busiest
            }
        };
        let rates: Vec<_> = rates.into_iter().map(|rate| rate * &scale).collect();
        let cv = requests.spacing.clone().unwrap_or_else(BigRational::one);
        let spacing = &cv * &cv;
        if !rates.iter().chain([&spacing]).all(fits) {
            return Err(self.too_large(span));
        }
        Ok(Demand { rates, spacing })
    }

    /// Readings in every step of the horizon.
    fn readings(&mut self, readings: &Readings, calendar: &Calendar, span: Span) -> Outcome<Value> {
        let Ok(unit) = crate::units::unit(&readings.unit) else {
            return Err(self.report(
                Diagnostic::error(
                    "data::content",
                    format!("there is no unit `{}`", readings.unit),
                    span,
                    "the head of its second column names it",
                )
                .help("Name a unit as plan files do: `time,g/kWh`, `time,$/h`."),
            ));
        };
        if let Some((currency, _)) = unit.dimension.money {
            self.money(currency, span)?;
        }
        if readings.values.is_empty() {
            return Err(self.report(
                Diagnostic::error("data::empty", "nothing stands in this file", span, "it holds no reading")
                    .help("Name a file with readings, or state one value for all steps."),
            ));
        }
        let values = readings.values.iter().cycle().take(calendar.steps).map(|value| value * &unit.factor);
        self.profile(values.collect(), unit.dimension, span)
    }

    /// The summary of a file, asked for once; or the path and why there is none.
    fn data(&mut self, wanted: Wanted) -> Result<Summary, (String, Undecodable)> {
        let files = self.files;
        let path = wanted.path.clone();
        let known = self.data.entry(wanted).or_insert_with_key(|wanted| files.data(wanted));
        known.clone().map_err(|why| (path, why))
    }

    fn undecodable(&mut self, path: &str, why: &Undecodable, span: Span) -> Reported {
        let diagnostic = match why {
            Undecodable::Unreadable(Unreadable::Missing) => Diagnostic::error(
                "data::missing",
                format!("{path} is not there"),
                span,
                format!("no file at {path}"),
            )
            .help("Paths are relative to the file that names them."),
            Undecodable::Unreadable(Unreadable::Directory) => Diagnostic::error(
                "data::unreadable",
                format!("{path} is a folder"),
                span,
                "a data file is needed here",
            )
            .help("Name a file in it."),
            Undecodable::Unreadable(Unreadable::TooLarge(bytes)) => Diagnostic::error(
                "data::unreadable",
                format!("{path} is too large"),
                span,
                format!("it has {bytes} bytes"),
            )
            .help("Name a smaller file, or cut this one."),
            Undecodable::Unreadable(Unreadable::Other(error)) => Diagnostic::error(
                "data::unreadable",
                format!("{path} could not be read"),
                span,
                error.clone(),
            )
            .help("Check that you may read it."),
            Undecodable::Content { found, at, help } => {
                let label = match at {
                    Some(at) => format!("{path}, {at}"),
                    None => path.to_owned(),
                };
                Diagnostic::error("data::content", found.clone(), span, label).help(help.clone())
            }
            Undecodable::NotLoaded => return Reported,
        };
        self.report(diagnostic)
    }
}

impl Demand {
    /// Some of the arrivals, or more of them.
    ///
    /// A share below 1 keeps each with that probability, which makes the spacing more like Poisson:
    /// `c² = k c² + 1 - k` (Whitt, The Queueing Network Analyzer, Bell System Technical Journal 62, 1983). A factor
    /// above 1 is the same process, faster: its spacing stays.
    pub(crate) fn times(&self, factor: &BigRational) -> Self {
        let one = BigRational::one();
        let spacing =
            if *factor < one { factor * &self.spacing + one - factor } else { self.spacing.clone() };
        Self { rates: self.rates.iter().map(|rate| rate * factor).collect(), spacing }
    }

    /// Both arrive, independently.
    ///
    /// In a step the squared variations mix by rate (the asymptotic method of the same paper); the
    /// step in which they mix worst speaks for all.
    pub(crate) fn beside(&self, other: &Self) -> Self {
        let steps = self.rates.len().max(other.rates.len());
        let rate = |demand: &Self, step: usize| {
            let rates = &demand.rates;
            let only = if rates.len() == 1 { rates.first() } else { rates.get(step) };
            only.cloned().unwrap_or_else(BigRational::zero)
        };
        let mut worst: Option<BigRational> = None;
        let mut rates = Vec::with_capacity(steps);
        for step in 0..steps {
            let (a, b) = (rate(self, step), rate(other, step));
            let sum = &a + &b;
            if is_positive(&sum) {
                let mixed = (a * &self.spacing + b * &other.spacing) / &sum;
                worst = Some(worst.map_or(mixed.clone(), |worst| worst.max(mixed)));
            }
            rates.push(sum);
        }
        Self { rates, spacing: worst.unwrap_or_else(BigRational::one) }
    }
}

/// `(1 + cos(2π phase)) / 2`, rounded to a millionth; `phase` lies in [0, 1).
fn half_cosine(phase: &BigRational) -> BigRational {
    const MILLION: f64 = 1_000_000.0;
    let turn = phase.to_f64().unwrap_or(0.0);
    let height = (1.0 + (turn * std::f64::consts::TAU).cos()) / 2.0;
    let millionths = i64::from_f64((height * MILLION).round()).unwrap_or(0);
    if millionths.is_zero() {
        return BigRational::zero();
    }
    ratio(millionths, 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_a_cosine() {
        // A quarter of a turn is the middle, half a turn the bottom.
        assert_eq!(half_cosine(&ratio(0, 1)), ratio(1, 1));
        assert_eq!(half_cosine(&ratio(1, 4)), ratio(1, 2));
        assert_eq!(half_cosine(&ratio(1, 2)), ratio(0, 1));
        // cos(30°) = 0.866025…: (1 + 0.866025…) / 2 = 0.9330127…
        assert_eq!(half_cosine(&ratio(1, 12)), ratio(933_013, 1_000_000));
    }
}

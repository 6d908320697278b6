//! Draws: `lognormal(…)`, `gamma(…)`, `histogram(…)` and their kin, and figures of them.

use super::functions::Arguments;
use super::value::Value;
use super::{Outcome, Reported, Resolver, Scope};
use crate::data::{Rows, Sample};
use crate::diagnostics::Diagnostic;
use crate::distribution::NoFigure;
use crate::model::{Draws, Profile, Statistic};
use crate::quantity::{Dimension, Quantity, fits, is_positive, ratio};
use crate::span::Span;
use crate::syntax::ast::Name;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use std::rc::Rc;

/// How a histogram is written.
const SHARES: &str =
    "Write each value with its share, or its count: `histogram([100 tok: 20%, 400 tok: 80%])`.";

/// The columns of a file of requests that draws can be read from.
pub(super) const COLUMNS: &[&str] = &["prompt", "output"];

/// A larger coefficient of variation is a slip: one draw in thousands would be all that counts.
const LARGEST_VARIATION: i64 = 20;

impl<'a> Resolver<'a> {
    /// `lognormal(p50 = 900 tok, p99 = 6_000 tok)`.
    pub(super) fn lognormal(&mut self, values: &Arguments, span: Span) -> Outcome<Value> {
        let (p50, first) = self.quantity_argument(values, 0, None)?;
        let (p99, second) = self.quantity_argument(values, 1, Some(&p50.dimension))?;
        if !is_positive(&p50.value) || p99.value < p50.value {
            let label = if is_positive(&p50.value) {
                format!("{p99} is below {p50}")
            } else {
                format!("{p50} is not above zero")
            };
            let at = if is_positive(&p50.value) { second } else { first };
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a lognormal distribution has 0 < p50 <= p99",
                    at,
                    label,
                )
                .and(span, "of this distribution")
                .help("Exchange or mend the two figures."),
            ));
        }
        Ok(draws(Draws::Lognormal { p50: p50.value, p99: p99.value }, p50.dimension))
    }

    /// `gamma(mean = 300 tok, cv = 80%)`, and `weibull` with the same arguments.
    pub(super) fn by_variation(
        &mut self,
        values: &Arguments,
        family: impl FnOnce(BigRational, BigRational) -> Draws,
    ) -> Outcome<Value> {
        let mean = self.positive_mean(values)?;
        let cv = self.variation(values, 1)?;
        Ok(draws(family(mean.value, cv), mean.dimension))
    }

    /// `normal(mean = 20ms, deviation = 4ms)`.
    pub(super) fn normal(&mut self, values: &Arguments) -> Outcome<Value> {
        let mean = self.positive_mean(values)?;
        let (deviation, span) = self.quantity_argument(values, 1, Some(&mean.dimension))?;
        if deviation.value.is_negative() {
            let label = format!("this is {deviation}");
            return Err(self.beyond(
                "a deviation is at least zero",
                span,
                label,
                "Write it without its sign.",
            ));
        }
        Ok(draws(Draws::Normal { mean: mean.value, deviation: deviation.value }, mean.dimension))
    }

    fn positive_mean(&mut self, values: &Arguments) -> Outcome<Quantity> {
        let (mean, span) = self.quantity_argument(values, 0, None)?;
        if is_positive(&mean.value) {
            return Ok(mean);
        }
        let label = format!("this is {mean}");
        Err(self.beyond(
            "draws have a mean above zero",
            span,
            label,
            "Write what a request takes on average: `mean = 400 tok`.",
        ))
    }

    /// A coefficient of variation.
    pub(super) fn variation(&mut self, values: &Arguments, at: usize) -> Outcome<BigRational> {
        let (cv, span) = self.quantity_argument(values, at, Some(&Dimension::NONE))?;
        if !cv.value.is_negative() && cv.value <= ratio(LARGEST_VARIATION, 1) {
            return Ok(cv.value);
        }
        let title = format!("a coefficient of variation lies between 0 and {LARGEST_VARIATION}");
        let label = format!("this is {cv}");
        Err(self.beyond(
            &title,
            span,
            label,
            "It is the standard deviation over the mean: 1 for Poisson arrivals, more for bursts.",
        ))
    }

    pub(super) fn beyond(&mut self, title: &str, span: Span, label: String, help: &str) -> Reported {
        self.report(Diagnostic::error("value::out-of-range", title, span, label).help(help))
    }

    /// `histogram([100 tok: 20%, 400 tok: 50%, 2_000 tok: 30%])`: values and their shares, which sum to
    /// 100%, or whole numbers that count how often each occurs.
    pub(super) fn histogram(&mut self, values: &Arguments) -> Outcome<Value> {
        let Some(Some((value, span))) = values.first() else {
            return Err(Reported);
        };
        let span = *span;
        let entries = match value {
            Value::Map(entries) if !entries.is_empty() => entries.clone(),
            other => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "a histogram needs values and their shares",
                    span,
                    label,
                    SHARES,
                ));
            }
        };
        let mut dimension: Option<Dimension> = None;
        let mut bins = Vec::with_capacity(entries.len());
        for (value, share) in entries.iter() {
            let (Value::Quantity(value), Value::Quantity(share)) = (value, share) else {
                let label = format!("this holds {} for {}", share.noun(), value.noun());
                return Err(self.type_error(
                    "a histogram needs values and their shares",
                    span,
                    label,
                    SHARES,
                ));
            };
            if let Some(known) = &dimension
                && *known != value.dimension
            {
                return Err(self.mismatch(&known.clone(), &value.dimension, span));
            }
            if share.dimension != Dimension::NONE {
                return Err(self.argument_units(share, &Dimension::NONE, span));
            }
            if value.value.is_negative() || share.value.is_negative() {
                let label = format!("this has {share} of {value}");
                return Err(self.beyond(
                    "values and shares of a histogram are at least zero",
                    span,
                    label,
                    SHARES,
                ));
            }
            dimension = Some(value.dimension.clone());
            if !share.value.is_zero() {
                bins.push((value.value.clone(), share.value.clone()));
            }
        }
        let total: BigRational = bins.iter().map(|(_, share)| share).sum();
        let counted = bins.iter().all(|(_, share)| share.is_integer());
        if total.is_zero() || (!counted && !total.is_one()) {
            let total = crate::quantity_text::percent(&total);
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "the shares of a histogram sum to 100%",
                    span,
                    format!("these sum to {total}"),
                )
                .help("Mend the shares, or give counts: `histogram([100 tok: 2, 400 tok: 5])`."),
            ));
        }
        for (_, share) in &mut bins {
            *share /= &total;
        }
        bins.sort();
        let Some(dimension) = dimension.filter(|_| bins.iter().all(|(_, share)| fits(share))) else {
            return Err(self.too_large(span));
        };
        Ok(draws(Draws::Weighted(bins), dimension))
    }

    /// `empirical(trace("x.csv"), column = output)`: the values of a column, each as often as it occurs.
    /// Without `column` it is that of the field that is stated.
    pub(super) fn empirical(&mut self, values: &Arguments, span: Span, scope: &Scope) -> Outcome<Value> {
        let Some(Some((value, at))) = values.first() else {
            return Err(Reported);
        };
        let at = *at;
        let read = match value {
            Value::NotYet(unjudged) => {
                return Ok(Value::not_yet_of(unjudged.because.clone(), Dimension::TOKEN));
            }
            Value::Arrivals(arrivals) => arrivals.read.clone(),
            _ => None,
        };
        let Some(read) = read else {
            let label = format!("this is {}", value.noun());
            return Err(self.report(
                Diagnostic::error("value::type", "draws are read from a file of requests", at, label)
                    .help("Write `empirical(trace(\"requests.csv\"))`, with the trace as it is."),
            ));
        };
        let stated = match values.get(1) {
            Some(Some((Value::Symbol(name), _))) => Some(name.as_str()),
            _ => scope.field.filter(|field| COLUMNS.contains(field)),
        };
        let Rows::Requests(requests) = &read.rows else {
            return Err(Reported);
        };
        let (column, sample) = match stated {
            Some("prompt") => ("prompt", &requests.prompt),
            Some("output") => ("output", &requests.output),
            _ => {
                return Err(self.report(
                    Diagnostic::error(
                        "data::column",
                        "which column is read is not said",
                        span,
                        "neither `prompt` nor `output` is stated here",
                    )
                    .help("Say it: `empirical(trace(…), column = output)`."),
                ));
            }
        };
        let bins = sample.as_ref().map(weighted).unwrap_or_default();
        if bins.is_empty() {
            return Err(self.report(
                Diagnostic::error(
                    "data::column",
                    format!("the file has no column `{column}`"),
                    at,
                    format!("a file of {} requests in the form `{}`", requests.count, requests.schema),
                )
                .help("Name a file that has it, or state the lengths: `lognormal(p50 = …, p99 = …)`."),
            ));
        }
        Ok(draws(Draws::Weighted(bins), Dimension::TOKEN))
    }

    /// A figure of a value: of draws, or of a profile over its steps.
    pub(super) fn figure_of(&mut self, value: Value, statistic: &Name, span: Span) -> Outcome<Value> {
        let figure = self.statistic(statistic)?;
        match value {
            Value::Draws(draws, dimension) => match draws.figure(&figure) {
                Ok(value) if fits(&value) => Ok(Value::Quantity(Quantity::new(value, dimension))),
                Ok(_) | Err(NoFigure::TooLarge) => Err(self.too_large(span)),
                Err(NoFigure::Unbounded) => Err(self.report(
                    Diagnostic::error(
                        "statistic::unbounded",
                        "these draws have no largest value",
                        statistic.span,
                        "a family without an upper end has no `peak`",
                    )
                    .help("Write `p99.9`, or give the values themselves: `histogram([…])`, `empirical(trace(…))`."),
                )),
            },
            Value::NotYet(unjudged) => Ok(Value::NotYet(unjudged)),
            Value::Profile(profile) => {
                let value = profile_figure(&profile, &figure);
                if fits(&value) {
                    Ok(Value::Quantity(Quantity::new(value, profile.dimension.clone())))
                } else {
                    Err(self.too_large(span))
                }
            }
            Value::Arrivals(_) => Err(self.report(
                Diagnostic::error(
                    "statistic::of-arrivals",
                    "arrivals are no sample",
                    statistic.span,
                    "they have a rate in each step and a spacing",
                )
                .help("Name the profile of their rate and read its figure: `let evening = diurnal(…)`, `evening peak`."),
            )),
            _ => {
                let name = self.text(span);
                let name = name.split(' ').next().unwrap_or_default().to_owned();
                Err(self.of_constant(&name, statistic))
            }
        }
    }
}

/// The value of draws in a dimension.
pub(super) fn draws(draws: Draws, dimension: Dimension) -> Value {
    Value::Draws(Rc::new(draws), dimension)
}

/// Values of a sample with their shares.
fn weighted(sample: &Sample) -> Vec<(BigRational, BigRational)> {
    let total: u64 = sample.values.iter().map(|(_, count)| count).sum();
    let share = |count: u64| BigRational::new(count.into(), total.max(1).into());
    let values = sample.values.iter().filter(|(_, count)| *count > 0);
    values.map(|(value, count)| (value.clone(), share(*count))).collect()
}

/// A figure of a profile over its steps, each as good as another; a percentile is the smallest value that
/// at least so many steps do not exceed.
fn profile_figure(profile: &Profile, statistic: &Statistic) -> BigRational {
    let mut values: Vec<_> = profile.values.iter().collect();
    values.sort();
    let count = BigRational::from_integer(values.len().max(1).into());
    let last = values.last().map_or_else(BigRational::zero, |value| (*value).clone());
    match statistic {
        Statistic::Peak => last,
        Statistic::Mean => profile.values.iter().sum::<BigRational>() / count,
        Statistic::Quantile(quantile) => {
            let rank = (quantile * count).ceil().to_integer();
            let at = usize::try_from(rank).unwrap_or(usize::MAX).max(1);
            values.get(at - 1).map_or(last, |value| (*value).clone())
        }
    }
}

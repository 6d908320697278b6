//! Sums, products and ranges of values.

use super::value::{Arrivals, Linear, Unjudged, Value};
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{Demand, Draws, Profile};
use crate::quantity::{ArithmeticError, Dimension, Quantity, fits, product};
use crate::schema::dimension_name;
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{One, Signed};
use std::rc::Rc;

/// A sum has at most this many distributions: each costs a convolution.
const MOST_TERMS: usize = 64;

/// What there is to add and to multiply.
const ARITHMETIC: &str = "Quantities add where they measure the same; numbers scale quantities, distributions, profiles and counts of devices.";

impl<'a> Resolver<'a> {
    pub(super) fn range(&mut self, low: Value, high: Value, span: Span) -> Outcome<Value> {
        match (low, high) {
            (Value::NotYet(unjudged), _) | (_, Value::NotYet(unjudged)) => Ok(Value::NotYet(unjudged)),
            (Value::Quantity(low), Value::Quantity(high)) => {
                if low.dimension != high.dimension {
                    return Err(self.mismatch(&low.dimension, &high.dimension, span));
                }
                Ok(Value::Range(low, high))
            }
            (low, high) => {
                let label = format!("this is a range from {} to {}", low.noun(), high.noun());
                Err(self.type_error(
                    "a range needs two quantities",
                    span,
                    label,
                    "Write it from the least to the most: `2..6`, `17h..20h`.",
                ))
            }
        }
    }

    /// `left + right`, or `left - right`.
    pub(super) fn add(
        &mut self,
        left: Value,
        right: Value,
        subtract: bool,
        (left_span, right_span, whole): (Span, Span, Span),
    ) -> Outcome<Value> {
        let (a, b) = (left.dimension().cloned(), right.dimension().cloned());
        let (left, right) = (left.measured(b.as_ref()), right.measured(a.as_ref()));
        if let (Some(a), Some(b)) = (left.dimension(), right.dimension())
            && !a.matches(b)
        {
            let (a, b) = (dimension_name(a), dimension_name(b));
            return Err(self.report(
                Diagnostic::error(
                    "units::mismatch",
                    format!("{a} and {b} cannot be {}", if subtract { "subtracted" } else { "added" }),
                    left_span,
                    format!("this is {a}"),
                )
                .and(right_span, format!("this is {b}"))
                .help(format!(
                    "Both sides of `{}` have to measure the same: multiply or divide one of them first.",
                    if subtract { "-" } else { "+" }
                )),
            ));
        }
        let sign = if subtract { -BigRational::one() } else { BigRational::one() };
        let result = match (left, right) {
            (Value::NotYet(unjudged), _) | (_, Value::NotYet(unjudged)) => Value::NotYet(unjudged),
            (Value::Quantity(a), Value::Quantity(b)) => {
                let sum = if subtract { a.subtract(&b) } else { a.add(&b) };
                Value::Quantity(sum.map_err(|error| self.arithmetic(error, whole))?)
            }
            (Value::Linear(a), Value::Linear(b)) => Value::Linear(a.plus(&b, &sign)),
            (Value::Linear(a), Value::Quantity(b)) => Value::Linear(a.plus(&Linear::constant(b), &sign)),
            (Value::Quantity(a), Value::Linear(b)) => Value::Linear(Linear::constant(a).plus(&b, &sign)),
            (Value::Profile(a), Value::Profile(b)) => {
                let values = a.values.iter().zip(&b.values);
                let values = values.map(|(a, b)| a + b * &sign).collect();
                self.profile(values, a.dimension.clone(), whole)?
            }
            (Value::Profile(a), Value::Quantity(b)) => {
                let values = a.values.iter().map(|a| a + &b.value * &sign).collect();
                self.profile(values, b.dimension, whole)?
            }
            (Value::Quantity(a), Value::Profile(b)) => {
                let values = b.values.iter().map(|b| &a.value + b * &sign).collect();
                self.profile(values, a.dimension, whole)?
            }
            (left @ (Value::Draws(..) | Value::Quantity(_)), right @ Value::Draws(..))
            | (left @ Value::Draws(..), right @ Value::Quantity(_)) => {
                self.add_draws(left, right, subtract, whole)?
            }
            (
                left @ (Value::Arrivals(_) | Value::Quantity(_) | Value::Profile(_)),
                right @ Value::Arrivals(_),
            )
            | (left @ Value::Arrivals(_), right @ (Value::Quantity(_) | Value::Profile(_)))
                if !subtract =>
            {
                // What is a rate is Poisson beside arrivals.
                let (a, b) = (self.demand(&left, left_span)?, self.demand(&right, right_span)?);
                let (Some(a), Some(b)) = (a, b) else { return Err(Reported) };
                self.scaled_arrivals(a.beside(&b), whole)?
            }
            (left, right) if kind_of(&left).is_some() || kind_of(&right).is_some() => {
                return Err(self.mixed_kinds((&left, left_span), (&right, right_span), subtract));
            }
            (left, right) => {
                let label = format!("this adds {} and {}", left.noun(), right.noun());
                return Err(self.type_error("these cannot be added", whole, label, ARITHMETIC));
            }
        };
        if let Value::Linear(linear) = &result
            && !linear.fits()
        {
            return Err(self.too_large(whole));
        }
        Ok(result)
    }

    /// The sum of independent draws; a plain quantity is one that is always the same.
    fn add_draws(&mut self, left: Value, right: Value, subtract: bool, whole: Span) -> Outcome<Value> {
        let negative =
            |value: &Value| matches!(value, Value::Quantity(quantity) if quantity.value.is_negative());
        if subtract || negative(&left) || negative(&right) {
            return Err(self.type_error(
                "draws stay above zero",
                whole,
                "this takes something away from draws".to_owned(),
                "Add draws and quantities, or scale draws: `80% * lengths`.",
            ));
        }
        let as_draws = |value: Value| match value {
            Value::Draws(draws, dimension) => Some((draws, dimension)),
            Value::Quantity(quantity) => Some((Rc::new(Draws::Constant(quantity.value)), quantity.dimension)),
            _ => None,
        };
        let (Some((a, dimension)), Some((b, _))) = (as_draws(left), as_draws(right)) else {
            return Err(Reported);
        };
        let sum = a.plus(&b);
        if matches!(&sum, Draws::Sum(terms) if terms.len() > MOST_TERMS) {
            return Err(self.report(
                Diagnostic::error(
                    "limit::too-many-draws",
                    "too many draws in one sum",
                    whole,
                    format!("more than {MOST_TERMS} distributions are added"),
                )
                .help("Multiply instead, or state the distribution of the sum."),
            ));
        }
        self.checked_draws(sum, dimension, whole)
    }

    fn checked_draws(&mut self, draws: Draws, dimension: Dimension, whole: Span) -> Outcome<Value> {
        if draws.numbers().into_iter().all(fits) {
            Ok(Value::Draws(Rc::new(draws), dimension))
        } else {
            Err(self.too_large(whole))
        }
    }

    fn scaled_arrivals(&mut self, demand: Demand, whole: Span) -> Outcome<Value> {
        if demand.rates.iter().chain([&demand.spacing]).all(fits) {
            Ok(Value::Arrivals(Rc::new(Arrivals { demand, read: None })))
        } else {
            Err(self.too_large(whole))
        }
    }

    /// Draws, profiles and arrivals do not mix.
    fn mixed_kinds(
        &mut self,
        (left, left_span): (&Value, Span),
        (right, right_span): (&Value, Span),
        subtract: bool,
    ) -> Reported {
        let name = |value: &Value| kind_of(value).map_or_else(|| value.noun(), str::to_owned);
        let (a, b) = (name(left), name(right));
        let help = match (left, right) {
            (Value::Draws(..), _) | (_, Value::Draws(..)) => {
                "Draws are one sample a request, a profile has one value a step, arrivals are a rate and a spacing. Read a figure of one of them: `p99`, `mean`, `peak`."
            }
            _ => "Arrivals are added, or thinned by a share: `80% * trace(…)`.",
        };
        let verb = if subtract { "subtracted" } else { "added" };
        self.report(
            Diagnostic::error(
                "value::mixed-kinds",
                format!("{a} and {b} cannot be {verb}"),
                left_span,
                format!("this is {a}"),
            )
            .and(right_span, format!("this is {b}"))
            .help(help),
        )
    }

    /// `left * right`.
    pub(super) fn multiply(&mut self, left: &Value, right: Value, whole: Span) -> Outcome<Value> {
        // A number may stand on either side.
        let (factor, scaled) = match (left, right) {
            (Value::Zero, _) | (_, Value::Zero) => return Ok(Value::Zero),
            (Value::NotYet(unjudged), _) => return Ok(Value::NotYet(unjudged.clone())),
            (_, Value::NotYet(unjudged)) => {
                return Ok(Value::NotYet(Unjudged { because: unjudged.because, dimension: None }));
            }
            (Value::Count(count), path) => {
                let stages = self.stages(path, whole)?;
                return Ok(self.called(count, stages));
            }
            (path, Value::Count(count)) => {
                let stages = self.stages(path.clone(), whole)?;
                return Ok(self.called(&count, stages));
            }
            (Value::Quantity(factor), scaled) => (factor.clone(), scaled),
            (scaled, Value::Quantity(factor)) => (factor, scaled.clone()),
            (Value::Linear(_), Value::Linear(_)) => {
                return Ok(Value::not_yet("a product of two decisions is not judged yet"));
            }
            (Value::Profile(a), Value::Profile(b)) => {
                let dimension = a.dimension.multiply(&b.dimension);
                let dimension = dimension.map_err(|error| self.arithmetic(error, whole))?;
                let values = a.values.iter().zip(&b.values).map(|(a, b)| a * b);
                return self.profile(values.collect(), dimension, whole);
            }
            (left, right) => {
                let label = format!("this multiplies {} and {}", left.noun(), right.noun());
                return Err(self.type_error("these cannot be multiplied", whole, label, ARITHMETIC));
            }
        };
        match scaled {
            Value::Quantity(quantity) => {
                let product = quantity.multiply(&factor);
                Ok(Value::Quantity(product.map_err(|error| self.arithmetic(error, whole))?))
            }
            Value::Linear(linear) => {
                let dimension = linear.dimension.multiply(&factor.dimension);
                let dimension = dimension.map_err(|error| self.arithmetic(error, whole))?;
                let scaled = linear.scaled(&factor.value, dimension);
                if !scaled.fits() {
                    return Err(self.too_large(whole));
                }
                Ok(Value::Linear(scaled))
            }
            Value::Profile(profile) => {
                let dimension = profile.dimension.multiply(&factor.dimension);
                let dimension = dimension.map_err(|error| self.arithmetic(error, whole))?;
                let values = profile.values.iter().map(|value| product(value, &factor.value));
                self.profile(values.collect(), dimension, whole)
            }
            Value::Draws(draws, dimension) => {
                if !crate::quantity::is_positive(&factor.value) {
                    return Err(self.type_error(
                        "draws are scaled by something above zero",
                        whole,
                        format!("this scales them by {factor}"),
                        "Scale them by a number or a quantity: `80% * lengths`.",
                    ));
                }
                let dimension = dimension.multiply(&factor.dimension);
                let dimension = dimension.map_err(|error| self.arithmetic(error, whole))?;
                self.checked_draws(draws.scaled(&factor.value), dimension, whole)
            }
            Value::Arrivals(arrivals) => {
                if factor.dimension != Dimension::NONE || factor.value.is_negative() {
                    return Err(self.type_error(
                        "arrivals are scaled by a plain number that is not below zero",
                        whole,
                        format!("this scales them by {factor}"),
                        "Write which share of them it is: `40% * requests`, `2 * requests`.",
                    ));
                }
                self.scaled_arrivals(arrivals.demand.times(&factor.value), whole)
            }
            Value::Thing(thing) if matches!(self.thing(thing).kind.name, "service" | "flow") => {
                let stages = self.stages(Value::Thing(thing), whole)?;
                self.repeated(&factor, stages, whole)
            }
            Value::Path(stages) => self.repeated(&factor, (*stages).clone(), whole),
            Value::Thing(thing) => Ok(Value::Devices(factor, thing)),
            other => {
                let label = format!("this scales {}", other.noun());
                Err(self.type_error("these cannot be multiplied", whole, label, ARITHMETIC))
            }
        }
    }

    pub(super) fn divide(&mut self, left: Value, right: Value, below: Span, whole: Span) -> Outcome<Value> {
        match right {
            Value::Quantity(divisor) => {
                let one = Quantity::integer(1);
                let inverse = one.divide(&divisor).map_err(|error| match error {
                    ArithmeticError::DivisionByZero => self.report(
                        Diagnostic::error(
                            "units::division-by-zero",
                            "a division by zero",
                            below,
                            "this is zero",
                        )
                        .help("Divide by something else, or leave the line out with `if`."),
                    ),
                    error => self.arithmetic(error, whole),
                })?;
                self.multiply(&Value::Quantity(inverse), left, whole)
            }
            Value::NotYet(unjudged) => Ok(Value::not_yet(unjudged.because)),
            Value::Profile(divisor) => {
                if divisor.values.iter().any(num_traits::Zero::is_zero) {
                    return Err(self.report(
                        Diagnostic::error(
                            "units::division-by-zero",
                            "a division by zero",
                            below,
                            "this is zero in some step",
                        )
                        .help("Divide by something else, or leave the line out with `if`."),
                    ));
                }
                let dimension = divisor.dimension.inverse().map_err(|error| self.arithmetic(error, whole))?;
                let values = divisor.values.iter().map(BigRational::recip).collect();
                let inverse = self.profile(values, dimension, whole)?;
                self.multiply(&inverse, left, whole)
            }
            Value::Linear(_) => Ok(Value::not_yet("division by something that is decided is not judged yet")),
            other => {
                let label = format!("this is {}", other.noun());
                Err(self.type_error("division needs a quantity below the line", below, label, ARITHMETIC))
            }
        }
    }

    pub(super) fn profile(
        &mut self,
        values: Vec<BigRational>,
        dimension: Dimension,
        span: Span,
    ) -> Outcome<Value> {
        if values.iter().all(fits) {
            Ok(Value::Profile(Rc::new(Profile { values, dimension })))
        } else {
            Err(self.too_large(span))
        }
    }

    pub(super) fn type_error(&mut self, title: &str, span: Span, label: String, help: &str) -> Reported {
        self.report(Diagnostic::error("value::type", title, span, label).help(help))
    }

    pub(super) fn mismatch(&mut self, a: &Dimension, b: &Dimension, span: Span) -> Reported {
        let (a, b) = (dimension_name(a), dimension_name(b));
        self.report(
            Diagnostic::error(
                "units::mismatch",
                format!("{a} and {b} stand side by side"),
                span,
                format!("from {a} to {b}"),
            )
            .help("Write both ends in units of one dimension."),
        )
    }

    pub(super) fn too_large(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "units::too-large",
                "a number beyond all measure",
                span,
                "this needs more than 512 bits",
            )
            .help("Check the exponents; no quantity of a plan is that large or that fine."),
        )
    }

    pub(super) fn arithmetic(&mut self, error: ArithmeticError, span: Span) -> Reported {
        match error {
            ArithmeticError::TooLarge => self.too_large(span),
            ArithmeticError::DivisionByZero => self.report(
                Diagnostic::error(
                    "units::division-by-zero",
                    "a division by zero",
                    span,
                    "this is divided by zero",
                )
                .help("Divide by something else, or leave the line out with `if`."),
            ),
            ArithmeticError::Mismatch | ArithmeticError::MixedCurrencies => self.report(
                Diagnostic::error(
                    "units::mismatch",
                    "quantities that measure different things",
                    span,
                    "these cannot be combined",
                )
                .help("Multiply or divide one of them first, so that both measure the same."),
            ),
        }
    }
}

/// What a value over time or over requests is; none for anything else.
fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Draws(..) => Some("draws"),
        Value::Profile(_) => Some("a profile"),
        Value::Arrivals(_) => Some("arrivals"),
        _ => None,
    }
}

//! A check on the plan found: whether it holds, and the value of each of its parts.
//!
//! A figure with a band enters by its unfavourable end: the one that makes the check fail first. What no
//! stage judges makes a check not judged wherever its truth hangs on it, and only there.

use crate::assembly::{HOUR, standing_price};
use crate::candidates::precision_name;
use crate::jobs::jobs;
use crate::performance::Band;
use crate::plan::judged::{MISSING, NOT_YET, count, missing};
use crate::plan::predicted::{Load, Predicted, latency, memory_free};
use crate::plan::written::{World, running_as, seconds_of};
use crate::recheck::Values;
use berth_language::model::{Arithmetic, Check, Compare, Expression, Fold, Form, Member, Of, Subject, When};
use berth_language::quantity::{ArithmeticError, Dimension, Quantity};
use berth_language::quantity_text::column_unit;
use berth_language::schema::Support;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};
use serde::Serialize;

/// What a check is evaluated on.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// What the world says.
    pub world: World<'a>,
    /// What the solution comes to, and the loads of its replicas; none where no plan was found.
    pub solved: Option<(&'a Values, &'a [Load])>,
    /// Whether a plan exists; none where that was not decided.
    pub feasible: Option<bool>,
    /// Money an hour of the base plan; none where it has none.
    pub base_bill: Option<&'a BigRational>,
}

/// A check and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluated {
    /// From 1.
    pub line: usize,
    /// As written, on one line.
    pub text: String,
    /// `null` where it was not judged.
    pub holds: Option<bool>,
    /// Why it was not judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The diagnostic code to allow it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What its parts came to, in the order in which they were looked at.
    pub parts: Vec<Part>,
}

/// The value of a part of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Where in the check's text it is shown, in bytes.
    pub at: usize,
    /// As written.
    pub text: String,
    /// What it came to.
    #[serde(flatten)]
    pub value: PartValue,
    /// The element of a fold that it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// What a part came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PartValue {
    /// A number; of a figure with a band its unfavourable end.
    Number {
        /// In `unit`.
        value: f64,
        /// `s`, `$/h`, `1`
        unit: String,
    },
    /// A condition.
    Truth {
        /// Whether it holds.
        holds: bool,
    },
    /// Names.
    Names {
        /// In order.
        names: Vec<String>,
    },
    /// Nothing.
    NotJudged {
        /// Why.
        because: String,
    },
}

/// Why a part has no value, and the code to allow that by; none where there is no plan to judge.
#[derive(Clone, Debug)]
struct NotJudged {
    because: String,
    code: Option<&'static str>,
}

type Judged<T> = Result<T, NotJudged>;

/// Which end of a band.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// Evaluates `check`, which stands on `line`.
pub fn evaluate(found: Found<'_>, check: &Check, line: usize) -> Evaluated {
    let mut evaluation = Evaluation { found, parts: Vec::new() };
    let outcome = evaluation.truth(&check.expression, true);
    let (holds, because, code) = match outcome {
        Ok(holds) => (Some(holds), None, None),
        // A proof that no plan exists fails whatever asks something of a plan.
        Err(NotJudged { because, code: None }) if found.feasible == Some(false) => {
            (Some(false), Some(because), None)
        }
        Err(NotJudged { because, code }) => (None, Some(because), code),
    };
    Evaluated { line, text: check.text.clone(), holds, because, code, parts: evaluation.parts }
}

/// The value of an expression that says nothing of a check's own world.
pub fn limit(expression: &Expression, base_bill: Option<&BigRational>) -> Option<Quantity> {
    match &expression.form {
        Form::Quantity(quantity) => Some(quantity.clone()),
        Form::BaseBill(dimension) => Some(money(base_bill?.clone(), dimension)),
        Form::Negate(inner) => Some(limit(inner, base_bill)?.negate()),
        Form::Arithmetic(operator, left, right) => {
            combined(*operator, &limit(left, base_bill)?, &limit(right, base_bill)?).ok()
        }
        _ => None,
    }
}

struct Evaluation<'a> {
    found: Found<'a>,
    parts: Vec<Part>,
}

impl Evaluation<'_> {
    /// Whether a condition holds. It is `wished` for, or under a `not`.
    fn truth(&mut self, expression: &Expression, wished: bool) -> Judged<bool> {
        let outcome = self.truth_here(expression, wished);
        // What a fold says of its element has been noted with it.
        if !matches!(expression.form, Form::Fold(..)) {
            self.note(expression, outcome.clone().map(|holds| PartValue::Truth { holds }), None);
        }
        outcome
    }

    fn truth_here(&mut self, expression: &Expression, wished: bool) -> Judged<bool> {
        match &expression.form {
            Form::Truth(holds) => Ok(*holds),
            Form::Feasible => self.found.feasible.ok_or_else(|| NotJudged {
                because: "neither a plan nor a proof that none exists was found".to_owned(),
                code: None,
            }),
            Form::Not(inner) => Ok(!self.truth(inner, !wished)?),
            Form::And(left, right) => self.joined(false, left, right, wished),
            Form::Or(left, right) => self.joined(true, left, right, wished),
            Form::Compare(compare, left, right) => self.compared(*compare, left, right, wished),
            Form::Within { value, low, high } => self.within(value, low, high),
            Form::OneOf(value, allowed) => self.one_of(value, allowed),
            Form::Fold(fold @ (Fold::All | Fold::Any), members) => {
                self.quantified(expression, *fold == Fold::Any, members, wished)
            }
            Form::NotJudged { because } => Err(not_yet(because.clone())),
            _ => Err(not_yet("this is no condition".to_owned())),
        }
    }

    /// Both, or either: one that is not judged matters only where the other does not decide.
    fn joined(&mut self, decides: bool, left: &Expression, right: &Expression, wished: bool) -> Judged<bool> {
        let left = self.truth(left, wished);
        let right = self.truth(right, wished);
        match (left, right) {
            (Ok(holds), _) | (_, Ok(holds)) if holds == decides => Ok(decides),
            (Err(unjudged), _) | (_, Err(unjudged)) => Err(unjudged),
            (Ok(_), Ok(_)) => Ok(!decides),
        }
    }

    fn compared(
        &mut self,
        compare: Compare,
        left: &Expression,
        right: &Expression,
        wished: bool,
    ) -> Judged<bool> {
        if matches!(compare, Compare::Equal | Compare::Unequal) {
            let (left, right) = (self.values(left), self.values(right));
            let (left, right) = (left?, right?);
            let same = |(a, b): (&Several, &Several)| a == b;
            let mut pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
            return Ok(match compare {
                Compare::Equal => pairs.all(same),
                _ => !pairs.any(same),
            });
        }
        // The end at which a wished comparison fails first; under a `not` the end at which it holds first.
        let low_fails = matches!(compare, Compare::AtLeast | Compare::Above);
        let end = if low_fails == wished { End::Low } else { End::High };
        let (left, right) = (self.number(left, end), self.number(right, end.other()));
        let (left, right) = (left?, right?);
        // What they measure was compared when the check was read; a sum of nothing measures anything.
        let order = left.value.cmp(&right.value);
        Ok(match compare {
            Compare::AtMost => order.is_le(),
            Compare::Below => order.is_lt(),
            Compare::AtLeast => order.is_ge(),
            _ => order.is_gt(),
        })
    }

    /// Plain numbers up to and including the end; of anything else the end is out.
    fn within(&mut self, value: &Expression, low: &Quantity, high: &Quantity) -> Judged<bool> {
        let values = self.values(value)?;
        let inside = |value: &Several| match value {
            Several::Number(value) if low.dimension == Dimension::NONE => {
                low.value <= value.value && value.value <= high.value
            }
            Several::Number(value) => low.value <= value.value && value.value < high.value,
            Several::Name(_) => false,
        };
        Ok(values.iter().all(inside))
    }

    fn one_of(&mut self, value: &Expression, allowed: &[Expression]) -> Judged<bool> {
        let values = self.values(value)?;
        let mut known = Vec::new();
        for member in allowed {
            known.extend(self.values(member)?);
        }
        Ok(values.iter().all(|value| known.contains(value)))
    }

    /// `all`, or `any`: the element that decides is shown, else the first that could have.
    fn quantified(
        &mut self,
        fold: &Expression,
        decides: bool,
        members: &[Member],
        wished: bool,
    ) -> Judged<bool> {
        let mut shown: Option<(Judged<bool>, String, Vec<Part>)> = None;
        let before = std::mem::take(&mut self.parts);
        for member in members {
            let outcome = self.member(member, decides, wished);
            let parts = std::mem::take(&mut self.parts);
            let stronger = match (&outcome, &shown) {
                (Ok(holds), _) if *holds == decides => true,
                (_, None) => true,
                (Err(_), Some((Ok(_), ..))) => true,
                _ => false,
            };
            let decided = matches!(outcome, Ok(holds) if holds == decides);
            if stronger {
                shown = Some((outcome, member.name.clone(), parts));
            }
            if decided {
                break;
            }
        }
        self.parts = before;
        let Some((outcome, name, parts)) = shown else {
            self.note(fold, Ok(PartValue::Truth { holds: !decides }), None);
            return Ok(!decides);
        };
        // That all hold, or that some does, is the work of no element.
        let speaks_of = match &outcome {
            Ok(holds) if *holds == decides || decides || members.len() == 1 => Some(name),
            Ok(_) => None,
            Err(_) => Some(name),
        };
        if let Some(name) = &speaks_of {
            let of = |part: Part| Part { of: Some(part.of.unwrap_or_else(|| name.clone())), ..part };
            self.parts.extend(parts.into_iter().map(of));
        }
        self.note(fold, outcome.clone().map(|holds| PartValue::Truth { holds }), speaks_of);
        outcome
    }

    /// An element that its condition leaves out decides nothing.
    fn member(&mut self, member: &Member, decides: bool, wished: bool) -> Judged<bool> {
        if let Some(condition) = &member.condition
            && !self.truth(condition, wished)?
        {
            return Ok(!decides);
        }
        match &member.value {
            Some(value) => self.truth(value, wished),
            None => Ok(!decides),
        }
    }

    /// The value of a number.
    fn number(&mut self, expression: &Expression, end: End) -> Judged<Quantity> {
        let outcome = self.number_here(expression, end);
        if !matches!(expression.form, Form::Fold(Fold::Min | Fold::Max, _)) {
            self.note(expression, outcome.as_ref().map(number).map_err(Clone::clone), None);
        }
        outcome
    }

    fn number_here(&mut self, expression: &Expression, end: End) -> Judged<Quantity> {
        match &expression.form {
            Form::Quantity(quantity) => Ok(quantity.clone()),
            Form::BaseBill(dimension) => match self.found.base_bill {
                Some(bill) => Ok(money(bill.clone(), dimension)),
                None => Err(NotJudged { because: "the base has no plan".to_owned(), code: None }),
            },
            Form::Subject { subject, dimension } => self.figure(subject, dimension, end),
            Form::Negate(inner) => Ok(self.number(inner, end.other())?.negate()),
            Form::Arithmetic(operator, left, right) => self.arithmetic(*operator, left, right, end),
            Form::Fold(fold, members) => self.total(expression, *fold, members, end),
            Form::NotJudged { because } => Err(not_yet(because.clone())),
            _ => Err(not_yet("this is no number".to_owned())),
        }
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &Expression,
        right: &Expression,
        end: End,
    ) -> Judged<Quantity> {
        // Below zero a factor turns the ends of the other around, and below a line ends are turned anyway.
        let turned = |value: &Quantity, end: End| if value.value.is_negative() { end.other() } else { end };
        let (left_end, right_end) = match operator {
            Arithmetic::Add => (end, end),
            Arithmetic::Subtract => (end, end.other()),
            Arithmetic::Multiply | Arithmetic::Divide => {
                let signs = (self.quietly(left, end), self.quietly(right, end));
                let right_end = signs.0.as_ref().map_or(end, |left| turned(left, end));
                let left_end = signs.1.as_ref().map_or(end, |right| turned(right, end));
                match operator {
                    Arithmetic::Divide => (left_end, right_end.other()),
                    _ => (left_end, right_end),
                }
            }
        };
        let (left, right) = (self.number(left, left_end), self.number(right, right_end));
        let (left, right) = (left?, right?);
        combined(operator, &left, &right).map_err(arithmetic)
    }

    /// The value of a number whose parts are not shown.
    fn quietly(&mut self, expression: &Expression, end: End) -> Option<Quantity> {
        let shown = self.parts.len();
        let outcome = self.number(expression, end).ok();
        self.parts.truncate(shown);
        outcome
    }

    /// `sum`, `count`, `min`, `max`: totals show no element, extremes show theirs.
    fn total(
        &mut self,
        expression: &Expression,
        fold: Fold,
        members: &[Member],
        end: End,
    ) -> Judged<Quantity> {
        let before = std::mem::take(&mut self.parts);
        let mut total: Option<Quantity> = None;
        let mut extreme: Option<(String, Vec<Part>)> = None;
        let mut count = 0_u64;
        let mut failed = None;
        for member in members {
            let outcome = self.element(member, end);
            let parts = std::mem::take(&mut self.parts);
            let value = match outcome {
                Ok(None) => continue,
                Ok(Some(value)) => value,
                Err(unjudged) => {
                    failed = Some((unjudged, member.name.clone(), parts));
                    break;
                }
            };
            count += 1;
            let next = match (fold, total.take()) {
                (Fold::Count, _) => None,
                (Fold::Sum, Some(total)) => Some(sum(&total, &value).map_err(arithmetic)?),
                (Fold::Min | Fold::Max, Some(known)) => {
                    let order = value.value.cmp(&known.value);
                    let replaces = if fold == Fold::Min { order.is_lt() } else { order.is_gt() };
                    if replaces {
                        extreme = Some((member.name.clone(), parts));
                    }
                    Some(if replaces { value } else { known })
                }
                (_, _) => {
                    extreme = Some((member.name.clone(), parts));
                    Some(value)
                }
            };
            total = next;
        }
        self.parts = before;
        if let Some((unjudged, name, parts)) = failed {
            self.parts.extend(parts.into_iter().map(|part| Part { of: Some(name.clone()), ..part }));
            return Err(unjudged);
        }
        let value = match (fold, total) {
            (Fold::Count, _) => Quantity::integer(count),
            (_, Some(total)) => total,
            (Fold::Sum, None) => Quantity::integer(0),
            (_, None) => return Err(not_yet("nothing is left to compare".to_owned())),
        };
        if matches!(fold, Fold::Min | Fold::Max) {
            let of = extreme.map(|(name, parts)| {
                self.parts.extend(parts.into_iter().map(|part| Part { of: Some(name.clone()), ..part }));
                name
            });
            self.note(expression, Ok(number(&value)), of);
        }
        Ok(value)
    }

    /// The number of an element; none where its condition leaves it out.
    fn element(&mut self, member: &Member, end: End) -> Judged<Option<Quantity>> {
        if let Some(condition) = &member.condition
            && !self.truth(condition, true)?
        {
            return Ok(None);
        }
        match &member.value {
            Some(value) => Ok(Some(self.number(value, end)?)),
            None => Ok(Some(Quantity::integer(1))),
        }
    }

    /// Every value of a side of an equality: a layout has one for each form in use.
    fn values(&mut self, expression: &Expression) -> Judged<Vec<Several>> {
        let outcome =
            match &expression.form {
                Form::Names(names) => Ok(names.iter().cloned().map(Several::Name).collect()),
                Form::Subject {
                    subject: Subject::Figure { of: Of::Service(service), field, .. }, ..
                } if is_layout(field) => self.layouts(*service, field),
                _ => return Ok(vec![Several::Number(self.number(expression, End::High)?)]),
            };
        let shown = outcome.as_ref().map(|values: &Vec<Several>| PartValue::Names {
            names: values.iter().map(Several::text).collect(),
        });
        self.note(expression, shown.map_err(Clone::clone), None);
        outcome
    }

    /// What the forms in use say of one choice, without repetition.
    fn layouts(&self, service: usize, field: &str) -> Judged<Vec<Several>> {
        let (values, _) = self.solved()?;
        let candidates = self.found.world.candidates;
        let forms = &candidates.services[service].candidates;
        let mut found: Vec<Several> = Vec::new();
        for (form, copies) in forms.iter().zip(&values.copies[service]) {
            let Some(layout) = form.layout.as_ref().filter(|_| *copies > 0) else { continue };
            let value = match field {
                "tensor" => Several::Number(Quantity::integer(layout.degrees.tensor)),
                "pipeline" => Several::Number(Quantity::integer(layout.degrees.pipeline)),
                "expert" => Several::Number(Quantity::integer(layout.degrees.expert)),
                "data" => Several::Number(Quantity::integer(layout.degrees.data)),
                "context" => Several::Number(Quantity::integer(layout.degrees.context)),
                "nodes" => Several::Number(Quantity::integer(layout.nodes)),
                "redundant_experts" => Several::Number(Quantity::integer(layout.redundant)),
                "batch" => Several::Number(Quantity::integer(layout.batch)),
                "precision" => Several::Name(precision_name(layout.precision).to_owned()),
                _ => {
                    let device = candidates.classes[layout.class].device;
                    Several::Name(self.found.world.program.devices[device].name.clone())
                }
            };
            if !found.contains(&value) {
                found.push(value);
            }
        }
        if found.is_empty() {
            let name = &self.found.world.program.services[service].name;
            return Err(not_yet(format!("no replica of `{name}` has a layout")));
        }
        Ok(found)
    }

    fn solved(&self) -> Judged<(&Values, &[Load])> {
        self.found.solved.ok_or_else(|| NotJudged {
            because: match self.found.feasible {
                Some(false) => "no plan exists in this world".to_owned(),
                _ => "neither a plan nor a proof that none exists was found".to_owned(),
            },
            code: None,
        })
    }

    /// What the plan decides or predicts.
    fn figure(&self, subject: &Subject, dimension: &Dimension, end: End) -> Judged<Quantity> {
        let (values, loads) = self.solved()?;
        let world = self.found.world;
        let of_float = |value: f64, dimension: Dimension| {
            let exact = BigRational::from_float(value);
            exact
                .map(|value| Quantity::new(value, dimension))
                .ok_or_else(|| not_yet("it is unbounded".to_owned()))
        };
        if *subject == Subject::Moves {
            return Err(not_yet("moves are not counted in a test yet".to_owned()));
        }
        if let Some(count) = count(world, values, subject, None) {
            return Ok(Quantity::integer(count));
        }
        match subject {
            Subject::Bill => Ok(money(&values.price + standing_price(world.program), dimension)),
            Subject::Latency { service, measure, statistic } => {
                let of = (*service, *measure, statistic);
                // What is checked holds in every step.
                match latency(world, values, loads, of, (&When::default(), None)) {
                    Some(Predicted { band, step: _ }) => {
                        of_float(if end == End::High { band.high } else { band.low }, Dimension::TIME)
                    }
                    None => Err(NotJudged {
                        because: missing(world.program, *service, *measure, statistic),
                        code: Some(MISSING),
                    }),
                }
            }
            Subject::MemoryFree { service } => {
                match memory_free(world, loads, *service, (&When::default(), None)) {
                    Some(Predicted { band, step: _ }) => {
                        of_float(if end == End::High { band.high } else { band.low }, Dimension::NONE)
                    }
                    None => Err(NotJudged {
                        because:
                            "nothing of this service uses a device's memory, or its demand is not stated"
                                .to_owned(),
                        code: Some(MISSING),
                    }),
                }
            }
            Subject::Figure { .. } if let Some(job) = subject.finish() => {
                let found = jobs(world.program).find(|(_, known)| known.name == job);
                let Some(found) = found else {
                    return Err(not_yet("this job is not planned yet".to_owned()));
                };
                if let Some(seconds) = seconds_of(world, values, found) {
                    return Ok(Quantity::new(seconds, Dimension::TIME));
                }
                let (_, training) = running_as(world, values, found.0)
                    .ok_or_else(|| not_yet("this job does not run".to_owned()))?;
                let Band { low, high, .. } = training.finish;
                of_float(if end == End::High { high } else { low }, Dimension::TIME)
            }
            Subject::Figure { of: Of::Service(service), field, .. } if is_layout(field) => {
                let numbers = self.layouts(*service, field)?.into_iter().filter_map(|value| match value {
                    Several::Number(quantity) => Some(quantity),
                    Several::Name(_) => None,
                });
                let by_value = |a: &Quantity, b: &Quantity| a.value.cmp(&b.value);
                let extreme = match end {
                    End::Low => numbers.min_by(by_value),
                    End::High => numbers.max_by(by_value),
                };
                extreme.ok_or_else(|| not_yet("names have no order".to_owned()))
            }
            Subject::Replicas { .. } | Subject::ReplicasOn { .. } => {
                Err(not_yet("this service is not planned".to_owned()))
            }
            Subject::Spread { place, .. } => {
                Err(not_yet(format!("spread over {}s is judged of services alone yet", place.name())))
            }
            Subject::Moves => Err(not_yet("moves are not counted in a test yet".to_owned())),
            Subject::Share { .. } => Err(not_yet("flows are not planned yet".to_owned())),
            Subject::Figure { field, .. } => Err(not_yet(match subject.row().map(|row| row.support) {
                Some(Support::NotYet(because)) => because.to_owned(),
                _ => format!("`{field}` is not judged yet"),
            })),
        }
    }

    /// Remembers what a part came to, unless it is its own value.
    fn note(&mut self, expression: &Expression, value: Judged<PartValue>, of: Option<String>) {
        let Some(at) = expression.at else { return };
        let value = value.unwrap_or_else(|unjudged| PartValue::NotJudged { because: unjudged.because });
        self.parts.push(Part { at, text: expression.text.clone(), value, of });
    }
}

/// One of the values of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Several {
    Number(Quantity),
    Name(String),
}

impl Several {
    fn text(&self) -> String {
        match self {
            Self::Number(quantity) => quantity.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Every form of a replica has its own.
fn is_layout(field: &str) -> bool {
    matches!(
        field,
        "tensor"
            | "pipeline"
            | "expert"
            | "redundant_experts"
            | "data"
            | "context"
            | "nodes"
            | "batch"
            | "precision"
            | "device"
    )
}

fn not_yet(because: String) -> NotJudged {
    NotJudged { because, code: Some(NOT_YET) }
}

fn arithmetic(error: ArithmeticError) -> NotJudged {
    let because = match error {
        ArithmeticError::Mismatch => "its parts measure different things",
        ArithmeticError::MixedCurrencies => "its parts are in two currencies",
        ArithmeticError::DivisionByZero => "it divides by zero",
        ArithmeticError::TooLarge => "it is too large a number",
    };
    not_yet(because.to_owned())
}

fn combined(operator: Arithmetic, left: &Quantity, right: &Quantity) -> Result<Quantity, ArithmeticError> {
    match operator {
        Arithmetic::Add => sum(left, right),
        Arithmetic::Subtract => sum(left, &right.negate()),
        Arithmetic::Multiply => left.multiply(right),
        Arithmetic::Divide => left.divide(right),
    }
}

/// The sum; a sum of nothing measures whatever it is added to.
fn sum(left: &Quantity, right: &Quantity) -> Result<Quantity, ArithmeticError> {
    match (left.value.is_zero(), right.value.is_zero()) {
        (true, _) => Ok(right.clone()),
        (_, true) => Ok(left.clone()),
        _ => left.add(right),
    }
}

/// Money an hour as a quantity.
fn money(by_hour: BigRational, dimension: &Dimension) -> Quantity {
    Quantity::new(by_hour / BigRational::from_integer(HOUR.into()), dimension.clone())
}

/// A number in the unit of its dimension that the plan file uses.
fn number(quantity: &Quantity) -> PartValue {
    let (unit, factor) = plan_unit(&quantity.dimension);
    let value = (&quantity.value * factor).to_f64().unwrap_or(f64::NAN);
    PartValue::Number { value: if value.is_zero() { 0.0 } else { value }, unit }
}

/// The unit of a dimension in a plan file, and what base units are multiplied by to be in it.
fn plan_unit(dimension: &Dimension) -> (String, BigRational) {
    let one = || BigRational::from_integer(1.into());
    if *dimension == Dimension::NONE {
        return ("1".to_owned(), one());
    }
    if *dimension == Dimension::DATA {
        return ("byte".to_owned(), one());
    }
    column_unit(dimension)
}

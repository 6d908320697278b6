//! Expressions to values.

use super::instances::OverInstances;
use super::keys::MOST_THINGS;
use super::logic::{joined, negated};
use super::value::{Judged, Unjudged, Value};
use super::{Outcome, Reported, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::quantity::{Currency, Quantity, fits, product};
use crate::schema;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Fold, Name, Operator, Quantity as Written};
use crate::units::{self, Unit, UnknownUnit};
use std::rc::Rc;

/// What a place in the file makes of a bare name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// It refers to something.
    Value,
    /// It is one of these.
    Names(&'static [&'static str]),
    /// It stands for itself unless it refers to something.
    AnyName,
    /// It stands for itself, unless a key, a param or a `let` is called so.
    Itself,
}

impl<'a> Resolver<'a> {
    /// Whether a condition over params and keys holds.
    pub(crate) fn decide(&mut self, expression: &'a Expr, scope: &Scope) -> Outcome<bool> {
        match self.evaluate(expression, scope, Expect::Value)? {
            Value::Boolean(value) | Value::Condition(Judged::Fact(value, _)) => Ok(value),
            value => {
                let label = if value.is_judged() || matches!(value, Value::NotYet(_)) {
                    "this is known only once there is a plan".to_owned()
                } else {
                    format!("this is {}", value.noun())
                };
                Err(self.report(
                    Diagnostic::error(
                        "value::not-a-condition",
                        "a condition over facts is needed here",
                        expression.span,
                        label,
                    )
                    .help("Compare params and facts: `if growth > 100% { … }`. What holds at run time is said with `when`."),
                ))
            }
        }
    }

    /// The value of an expression that only facts may enter.
    pub(crate) fn fact_value(&mut self, expression: &'a Expr, scope: &Scope) -> Outcome<Value> {
        let value = self.evaluate(expression, scope, Expect::Value)?;
        self.only_facts(value, expression.span)
    }

    /// `value`, unless it leans on a decision or prediction.
    pub(crate) fn only_facts(&mut self, value: Value, span: Span) -> Outcome<Value> {
        if !value.is_judged() {
            return Ok(value);
        }
        Err(self.report(
            Diagnostic::error(
                "role::not-a-fact",
                "a fact is computed from facts only",
                span,
                "the planner decides or predicts this, after all facts are known",
            )
            .help("State the value, or turn the line into a requirement: a comparison may speak of decisions and predictions."),
        ))
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expression: &'a Expr, scope: &Scope, expect: Expect) -> Outcome<Value> {
        self.deeper(expression.span, |resolver| resolver.evaluate_here(expression, scope, expect))
    }

    fn evaluate_here(&mut self, expression: &'a Expr, scope: &Scope, expect: Expect) -> Outcome<Value> {
        match &expression.kind {
            ExprKind::Quantity(written) => self.quantity(written, expression.span),
            ExprKind::String(text) => Ok(Value::Text(interpolated(text, scope))),
            ExprKind::Boolean(value) => Ok(Value::Boolean(*value)),
            ExprKind::Path(path) => self.path(path, scope, expect),
            ExprKind::List(_) => self.list(expression, scope, expect),
            ExprKind::Negate(inner) => {
                let value = self.evaluate(inner, scope, Expect::Value)?;
                self.multiply(&Value::integer(-1), value, expression.span)
            }
            ExprKind::Not(inner) => {
                let value = self.evaluate(inner, scope, Expect::Value)?;
                let judged = self.condition_of(value, inner.span)?;
                Ok(Value::Condition(negated(judged)))
            }
            ExprKind::Binary { .. } => self.binary(expression, scope),
            ExprKind::Choose { condition, then, otherwise } => {
                let branch = if self.decide(condition, scope)? { then } else { otherwise };
                self.evaluate(branch, scope, expect)
            }
            ExprKind::Fold { fold, variable, over, condition, body } => {
                self.fold((*fold, variable), over, condition.as_deref(), body.as_deref(), scope)
            }
            ExprKind::Broken => Err(Reported),
        }
    }

    /// A number with its unit.
    fn quantity(&mut self, written: &'a Written, span: Span) -> Outcome<Value> {
        let unit = match self.unit(&written.unit) {
            Ok(unit) => unit,
            Err(unknown) => {
                let mut diagnostic = Diagnostic::error(
                    "units::unknown",
                    format!("there is no unit `{}`", unknown.part),
                    written.unit_span,
                    "not a unit",
                );
                if let Some(suggestion) = unknown.suggestion {
                    diagnostic = diagnostic.help(format!("Did you mean {suggestion}?"));
                } else {
                    diagnostic = diagnostic.help(
                        "Units are written as `34kW`, `900GB/s`, `600ms`, `12 req/s`, `$2.10/h`, `90g/kWh`, `99.9%`.",
                    );
                }
                return Err(self.report(diagnostic));
            }
        };
        let value = product(&written.number, &unit.factor);
        if !fits(&value) {
            return Err(self.too_large(span));
        }
        if let Some((currency, _)) = unit.dimension.money {
            self.money(currency, span)?;
        }
        Ok(Value::Quantity(Quantity::new(value, unit.dimension)))
    }

    /// The unit called `name`, looked up once.
    fn unit(&mut self, name: &'a str) -> Result<Unit, UnknownUnit> {
        if let Some(unit) = self.measures.get(name) {
            return Ok(unit.clone());
        }
        let unit = units::unit(name)?;
        self.measures.insert(name, unit.clone());
        Ok(unit)
    }

    /// A program pays in one currency.
    pub(super) fn money(&mut self, currency: Currency, span: Span) -> Outcome<()> {
        self.ledger.pays_in(currency);
        let Some((first, place)) = self.currency else {
            self.currency = Some((currency, span));
            return Ok(());
        };
        if first == currency {
            return Ok(());
        }
        Err(self.report(
            Diagnostic::error(
                "units::mixed-currencies",
                format!("{} and {} in one program", first.sign(), currency.sign()),
                span,
                format!("this is in {}", currency.sign()),
            )
            .and(place, format!("this is in {}", first.sign()))
            .help(format!(
                "Write every price in one currency, multiplied by a rate of your own: `let rate = 1.08`, `rate * {}3/h`.",
                first.sign()
            )),
        ))
    }

    fn list(&mut self, expression: &'a Expr, scope: &Scope, expect: Expect) -> Outcome<Value> {
        let ExprKind::List(entries) = &expression.kind else {
            return Err(Reported);
        };
        if entries.iter().all(|entry| entry.key.is_none()) {
            let mut values = Vec::with_capacity(entries.len());
            for entry in entries {
                values.push(self.evaluate(&entry.value, scope, expect)?);
            }
            return Ok(Value::List(Rc::new(values)));
        }
        let mut pairs: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(key) = &entry.key else {
                return Err(self.report(
                    Diagnostic::error(
                        "value::type",
                        "a list and a map at once",
                        entry.value.span,
                        "this entry has no key, others have one",
                    )
                    .help("Give every entry a key, or none."),
                ));
            };
            let name = self.evaluate(key, scope, Expect::Itself)?;
            let written = name.written();
            if pairs.iter().any(|(known, _)| known.written() == written) {
                return Err(self.report(
                    Diagnostic::error(
                        "keys::duplicate",
                        format!("the key `{written}` stands twice in one map"),
                        key.span,
                        "stands again here",
                    )
                    .help("Leave one of them out."),
                ));
            }
            pairs.push((name, self.evaluate(&entry.value, scope, expect)?));
        }
        Ok(Value::Map(Rc::new(pairs)))
    }

    /// A chain of operators: long ones are walked, not recursed into, on the left.
    fn binary(&mut self, expression: &'a Expr, scope: &Scope) -> Outcome<Value> {
        let mut rest = Vec::new();
        let mut first = expression;
        while let ExprKind::Binary { operator, left, right } = &first.kind {
            rest.push((operator, right.as_ref(), first));
            first = left;
        }
        let (mut value, mut left) = (None, first);
        while let Some((operator, right, chain)) = rest.pop() {
            let whole = chain.span;
            let known = match value.take() {
                Some(value) => value,
                // The first operand of all: a name there may be told by what it is compared with.
                None => self.evaluate(left, scope, Expect::Value)?,
            };
            let result = match operator.value {
                Operator::And | Operator::Or => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    let a = self.condition_of(known, left.span)?;
                    let b = self.condition_of(other, right.span)?;
                    Value::Condition(joined(operator.value == Operator::And, a, b))
                }
                Operator::AtMost
                | Operator::AtLeast
                | Operator::Below
                | Operator::Above
                | Operator::Equal
                | Operator::Unequal
                | Operator::In => {
                    let expect = self.expected_beside(&known);
                    let other = self.evaluate(right, scope, expect)?;
                    let judged = self.compare(operator, (known, left), (other, right))?;
                    Value::Condition(judged)
                }
                Operator::Range => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    self.range(known, other, whole)?
                }
                Operator::Then | Operator::Beside => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    let beside = operator.value == Operator::Beside;
                    self.joined_paths(beside, (known, left.span), (other, right.span))?
                }
                Operator::Add => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    self.add(known, other, false, (left.span, right.span, whole))?
                }
                Operator::Subtract => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    self.add(known, other, true, (left.span, right.span, whole))?
                }
                Operator::Multiply => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    self.multiply(&known, other, whole)?
                }
                Operator::Divide => {
                    let other = self.evaluate(right, scope, Expect::Value)?;
                    self.divide(known, other, right.span, whole)?
                }
            };
            value = Some(result);
            left = chain;
        }
        value.ok_or(Reported)
    }

    /// What runs through a quantifier is the same in every step.
    pub(super) fn time_in_where(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "when::misplaced",
                "a `where` that varies over time",
                span,
                "this holds in some steps and not in others",
            )
            .help("Choose by facts that do not vary; say when the line holds with `when`."),
        )
    }

    /// One more body of a quantifier; they are limited in number.
    pub(super) fn count_fold(&mut self, span: Span) -> Outcome<()> {
        self.folded += 1;
        self.ledger.page().folded += 1;
        if self.folded > MOST_THINGS { Err(self.too_many(span)) } else { Ok(()) }
    }

    /// What a quantifier over `value` runs over.
    pub(super) fn elements(&mut self, value: Value, span: Span) -> Outcome<Result<Vec<Value>, Unjudged>> {
        Ok(Ok(match value {
            Value::NotYet(unjudged) => return Ok(Err(unjudged)),
            Value::Things(things) => things.iter().copied().map(Value::Thing).collect(),
            Value::Thing(thing) => vec![Value::Thing(thing)],
            Value::List(values) => {
                let mut elements = Vec::with_capacity(values.len());
                for value in values.iter() {
                    match value {
                        // It stands for each of its numbers, as among the keys of a block.
                        Value::Range(low, high) => elements.extend(self.numbers(low, high, span)?),
                        _ => elements.push(value.clone()),
                    }
                    if elements.len() > MOST_THINGS {
                        return Err(self.too_many(span));
                    }
                }
                elements
            }
            Value::Range(low, high) => self.numbers(&low, &high, span)?.collect(),
            other => {
                let label = format!("this is {}", other.noun());
                let help = match &other {
                    Value::Symbol(name) if schema::kind(name).is_some() => {
                        format!("Write `{name}[*]` for each {name} of the program.")
                    }
                    _ => "It runs over things, keys or a range: `service[*]`, `[eu, us]`, `1..3`.".to_owned(),
                };
                return Err(self.type_error("a quantifier runs over several things", span, label, &help));
            }
        }))
    }

    /// The whole numbers of a range, both ends among them.
    fn numbers(
        &mut self,
        low: &Quantity,
        high: &Quantity,
        span: Span,
    ) -> Outcome<impl Iterator<Item = Value> + use<>> {
        match (low.as_integer(), high.as_integer()) {
            (Some(low), Some(high)) if high.saturating_sub(low) < MOST_THINGS as i64 => {
                Ok((low..=high).map(Value::integer))
            }
            _ => Err(self.too_many(span)),
        }
    }

    /// Whether what runs through a quantifier meets its `where`; why that is not known, where it is not.
    pub(super) fn is_among(
        &mut self,
        condition: Option<&'a Expr>,
        scope: &Scope,
    ) -> Outcome<Result<bool, String>> {
        let Some(condition) = condition else { return Ok(Ok(true)) };
        let value = self.evaluate(condition, scope, Expect::Value)?;
        match self.condition_of(value, condition.span)? {
            Judged::Fact(holds, _) => Ok(Ok(holds)),
            Judged::NotYet(because) => Ok(Err(because)),
            Judged::Steps(_) => Err(self.time_in_where(condition.span)),
            _ => Ok(Err("a `where` over decisions is not judged yet".to_owned())),
        }
    }

    /// `all x in xs where c: e` and its kin.
    fn fold(
        &mut self,
        (fold, variable): (Fold, &'a Name),
        over: &'a Expr,
        condition: Option<&'a Expr>,
        body: Option<&'a Expr>,
        scope: &Scope,
    ) -> Outcome<Value> {
        let members = match self.evaluate(over, scope, Expect::AnyName)? {
            Value::Instances(service) => {
                let quantifier = OverInstances { fold, variable, over, condition, body };
                return self.fold_instances(&quantifier, service, scope);
            }
            value => self.elements(value, over.span)?,
        };
        let members = match members {
            Ok(members) => members,
            Err(unjudged) => return Ok(Value::not_yet(unjudged.because)),
        };
        let mut judged = Vec::new();
        let mut total: Option<Value> = None;
        let mut count = 0;
        for member in members {
            self.count_fold(over.span)?;
            let scope = scope.with(&variable.value, member);
            match self.is_among(condition, &scope)? {
                Ok(true) => {}
                Ok(false) => continue,
                Err(because) => return Ok(Value::not_yet(because)),
            }
            count += 1;
            let Some(body) = body else { continue };
            let value = self.evaluate(body, &scope, Expect::Value)?;
            match fold {
                Fold::All | Fold::Any => judged.push(self.condition_of(value, body.span)?),
                Fold::Sum => {
                    total = Some(match total.take() {
                        None => value,
                        Some(total) => self.add(total, value, false, (body.span, body.span, body.span))?,
                    });
                }
                Fold::Min | Fold::Max => {
                    total = Some(match (total.take(), value) {
                        (None, value) => value,
                        (Some(Value::NotYet(unjudged)), _) | (_, Value::NotYet(unjudged)) => {
                            Value::NotYet(unjudged)
                        }
                        (Some(Value::Quantity(a)), Value::Quantity(b)) => {
                            let order = a.compare(&b).map_err(|error| self.arithmetic(error, body.span))?;
                            let first = (fold == Fold::Min) == order.is_le();
                            Value::Quantity(if first { a } else { b })
                        }
                        (Some(total), value) => self.extreme(fold == Fold::Min, total, value, body.span)?,
                    });
                }
                Fold::Count => {}
            }
        }
        if matches!(fold, Fold::All | Fold::Sum) {
            let any = self.quantified.entry(over.span).or_default();
            *any = *any || count > 0;
        }
        Ok(match fold {
            Fold::Count => Value::integer(count),
            Fold::All => judged
                .into_iter()
                .reduce(|a, b| joined(true, a, b))
                .map_or(Value::Boolean(true), Value::Condition),
            Fold::Any => judged
                .into_iter()
                .reduce(|a, b| joined(false, a, b))
                .map_or(Value::Boolean(false), Value::Condition),
            Fold::Sum => total.unwrap_or(Value::Zero),
            Fold::Min | Fold::Max => match total {
                Some(total) => total,
                None => {
                    return Err(self.type_error(
                        "the least or greatest of nothing",
                        over.span,
                        "nothing is left here".to_owned(),
                        "Widen what it runs over, or its `where`.",
                    ));
                }
            },
        })
    }
}

/// `"{shard}"` with the keys in reach filled in; other braces stay.
fn interpolated(text: &str, scope: &Scope) -> String {
    if scope.variables.is_empty() || !text.contains('{') {
        return text.to_owned();
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let key = after.split_once('}').and_then(|(name, after)| Some((scope.variable(name)?, after)));
        match key {
            Some((value, after)) => {
                match value {
                    Value::Text(text) => filled.push_str(text),
                    value => filled.push_str(&value.written()),
                }
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

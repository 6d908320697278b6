//! What a test checks, as a tree: facts are values, decisions and predictions wait for the plan found, and
//! every part remembers where its value is shown.

use super::evaluation::Expect;
use super::one_line;
use super::things::{Line, Said, ThingId};
use super::value::{Judged, Value};
use super::{Outcome, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::model::{Arithmetic, Check, Compare, Expression, Fold, Form, Member, Subject};
use crate::quantity::{Dimension, Quantity};
use crate::schema::{Field, Role, Support, kinds};
use crate::span::Span;
use crate::syntax::ast::{self, Expr, ExprKind, Operator, Path, Require, Step};
use num_traits::{One, Zero};

/// Why the totals of the base are no facts.
pub(super) const BASE: &str = "what the base needs is known once it is planned";

impl<'a> Resolver<'a> {
    /// What a test checks; a scenario has nothing to check. Whatever is wrong with a line is reported.
    pub(super) fn checks(&mut self, id: ThingId) -> Vec<Check> {
        let known = self.thing(id);
        if known.kind.name != "test" {
            self.asks_nothing(id);
            return Vec::new();
        }
        let (lines, layers) = (known.lines.clone(), known.layers.clone());
        let head = layers.first().map_or_else(|| self.file_start(0), |layer| layer.block.head);
        if lines.is_empty() {
            self.report(
                Diagnostic::error("test::no-check", "this test checks nothing", head, "no line of it can fail")
                    .help("Say what must hold in its world: `feasible`, `bill <= 1.5 * plan.bill`, `shop.replicas >= 2`."),
            );
        }
        let mut checks = Vec::new();
        for Line { said, layer } in lines {
            let Some(layer) = layers.get(layer) else { continue };
            let scope = Scope { thing: Some(id), ..layer.scope.clone() };
            match said {
                Said::Require(require) => {
                    // What fails has been reported.
                    checks.extend(self.check(require, &scope).ok());
                }
                Said::Prefer(prefer) => {
                    self.report(
                        Diagnostic::error(
                            "test::wish",
                            "a test checks, it does not wish",
                            prefer.span,
                            "whether this is granted says nothing about the plan",
                        )
                        .help("Write the condition alone, or move the wish into the block it speaks of."),
                    );
                }
            }
        }
        checks
    }

    /// A scenario is a world: what must hold there is said where it is said of all others.
    fn asks_nothing(&mut self, id: ThingId) {
        let known = self.thing(id);
        let name = known.name.clone();
        let spans = known.lines.iter().map(|line| match line.said {
            Said::Require(require) => require.span,
            Said::Prefer(prefer) => prefer.span,
        });
        for span in spans.collect::<Vec<_>>() {
            self.report(
                Diagnostic::error("name::misplaced", "a scenario asks for nothing itself", span, "this binds no plan")
                    .help(format!(
                        "A scenario says what becomes of the world. What must hold there stands in a service or policy: `{} when {name}`.",
                        self.text(span),
                    )),
            );
        }
    }

    fn check(&mut self, require: &'a Require, scope: &Scope) -> Outcome<Check> {
        self.condition(&require.condition, scope)?;
        let mut expression = self.expression(require.span, &require.condition, scope, Expect::Value)?;
        if let Some(when) = &require.when {
            self.evaluate(when, scope, Expect::Value)?;
            expression.form = Form::NotJudged { because: "checks with `when` are not judged yet".to_owned() };
        }
        Ok(Check { text: self.text(require.span), span: require.span, expression })
    }

    /// A path to a total of the base plan, in a test: `plan.bill`.
    pub(super) fn base_total(&self, path: &Path, scope: &Scope) -> Option<&'static Field> {
        let in_test = scope.thing.is_some_and(|thing| self.thing(thing).kind.name == "test");
        let [Step::Field(name)] = path.steps.as_slice() else { return None };
        let plan = path.head.value == "plan" && path.statistic.is_none();
        if !in_test || !plan || self.declared(scope.module, "plan").is_some() {
            return None;
        }
        kinds::plan::KIND.field(&name.value).filter(|field| field.role == Role::Measure)
    }

    /// The tree of an expression within the line at `whole`; its types have been checked.
    fn expression(
        &mut self,
        whole: Span,
        expr: &'a Expr,
        scope: &Scope,
        expect: Expect,
    ) -> Outcome<Expression> {
        self.deeper(expr.span, |resolver| resolver.expression_here(whole, expr, scope, expect))
    }

    fn expression_here(
        &mut self,
        whole: Span,
        expr: &'a Expr,
        scope: &Scope,
        expect: Expect,
    ) -> Outcome<Expression> {
        let mut at = expr.span;
        let form = match &expr.kind {
            _ if is_literal(expr) => {
                let form = self.leaf(expr, scope, expect)?;
                return Ok(Expression { at: None, text: self.text(expr.span), form });
            }
            ExprKind::Negate(inner) => Form::Negate(Box::new(self.expression(whole, inner, scope, expect)?)),
            ExprKind::Not(inner) => Form::Not(Box::new(self.expression(whole, inner, scope, expect)?)),
            ExprKind::Choose { condition, then, otherwise } => {
                let branch = if self.decide(condition, scope)? { then } else { otherwise };
                return self.expression(whole, branch, scope, expect);
            }
            ExprKind::Fold { fold, variable, over, condition, body } => {
                let parts = (condition.as_deref(), body.as_deref());
                self.members_of(whole, *fold, &variable.value, over, parts, scope)?
            }
            ExprKind::Binary { operator, left, right } => {
                let shape = shape(operator.value);
                // Above a literal there is room to show the value of `1.6 * plan.bill` where that begins.
                if !matches!(shape, Some(Shape::Arithmetic(_))) || !is_literal(left) {
                    at = operator.span;
                }
                match shape {
                    None => self.leaf(expr, scope, expect)?,
                    Some(Shape::In) => self.contained_in(whole, (left, right), scope)?,
                    Some(Shape::Compare(compare)) => {
                        let (left, right) = self.sides(whole, left, right, scope)?;
                        Form::Compare(compare, left, right)
                    }
                    Some(shape) => {
                        let left = Box::new(self.expression(whole, left, scope, Expect::Value)?);
                        let right = Box::new(self.expression(whole, right, scope, Expect::Value)?);
                        match shape {
                            Shape::Arithmetic(operator) => Form::Arithmetic(operator, left, right),
                            Shape::And => Form::And(left, right),
                            _ => Form::Or(left, right),
                        }
                    }
                }
            }
            _ => self.leaf(expr, scope, expect)?,
        };
        let text = self.text(expr.span);
        // A name that stands for itself is its own value, as a literal is.
        let is_own_value = matches!(&form, Form::Names(names) if *names == [text.as_str()]);
        let at = (!is_own_value).then(|| self.column(whole, at.start));
        Ok(Expression { at, text, form })
    }

    /// Both sides of a comparison; a name on the right may be told by what stands on the left.
    fn sides(
        &mut self,
        whole: Span,
        left: &'a Expr,
        right: &'a Expr,
        scope: &Scope,
    ) -> Outcome<(Box<Expression>, Box<Expression>)> {
        let known = self.evaluate(left, scope, Expect::Value)?;
        let expect = self.expected_beside(&known);
        let left = self.expression(whole, left, scope, Expect::Value)?;
        let right = self.expression(whole, right, scope, expect)?;
        Ok((Box::new(left), Box::new(right)))
    }

    /// `left in right`
    fn contained_in(
        &mut self,
        whole: Span,
        (left, right): (&'a Expr, &'a Expr),
        scope: &Scope,
    ) -> Outcome<Form> {
        let known = self.evaluate(left, scope, Expect::Value)?;
        let expect = self.expected_beside(&known);
        let value = Box::new(self.expression(whole, left, scope, Expect::Value)?);
        Ok(match self.evaluate(right, scope, expect)? {
            Value::Range(low, high) => Form::Within { value, low, high },
            Value::List(values) => {
                let mut allowed = Vec::with_capacity(values.len());
                for member in values.iter() {
                    let text = member.written();
                    allowed.push(Expression { at: None, text, form: self.form(member.clone()) });
                }
                Form::OneOf(value, allowed)
            }
            Value::NotYet(unjudged) => Form::NotJudged { because: unjudged.because },
            other => {
                Form::NotJudged { because: format!("whether it is in {} is not judged yet", other.noun()) }
            }
        })
    }

    /// A fold with the part of each element that facts let in.
    fn members_of(
        &mut self,
        whole: Span,
        fold: ast::Fold,
        variable: &str,
        over: &'a Expr,
        (condition, body): (Option<&'a Expr>, Option<&'a Expr>),
        scope: &Scope,
    ) -> Outcome<Form> {
        let value = self.evaluate(over, scope, Expect::AnyName)?;
        if let Value::Instances(_) = value {
            let because = "what holds of single replicas is not judged in a test yet".to_owned();
            return Ok(Form::NotJudged { because });
        }
        let elements = match self.elements(value, over.span)? {
            Ok(elements) => elements,
            Err(unjudged) => return Ok(Form::NotJudged { because: unjudged.because }),
        };
        let mut members = Vec::new();
        for element in elements {
            let name = match &element {
                Value::Thing(thing) => self.thing(*thing).address.clone(),
                other => other.written(),
            };
            let scope = scope.with(variable, element);
            let condition = match condition {
                None => None,
                Some(condition) => {
                    let value = self.evaluate(condition, &scope, Expect::Value)?;
                    match self.condition_of(value, condition.span)? {
                        Judged::Fact(true, _) => None,
                        Judged::Fact(false, _) => continue,
                        _ => Some(self.expression(whole, condition, &scope, Expect::Value)?),
                    }
                }
            };
            let value = match body {
                None => None,
                Some(body) => Some(self.expression(whole, body, &scope, Expect::Value)?),
            };
            members.push(Member { name, condition, value });
        }
        let fold = match fold {
            ast::Fold::All => Fold::All,
            ast::Fold::Any => Fold::Any,
            ast::Fold::Sum => Fold::Sum,
            ast::Fold::Count => Fold::Count,
            ast::Fold::Min => Fold::Min,
            ast::Fold::Max => Fold::Max,
        };
        Ok(Form::Fold(fold, members))
    }

    /// An expression without parts of its own.
    fn leaf(&mut self, expr: &'a Expr, scope: &Scope, expect: Expect) -> Outcome<Form> {
        if let ExprKind::Path(path) = &expr.kind
            && let Some(field) = self.base_total(path, scope)
        {
            return Ok(match field.support {
                Support::NotYet(because) => Form::NotJudged { because: because.to_owned() },
                _ => {
                    let currency = self.pays_in();
                    Form::BaseBill(Dimension::money_rate(currency))
                }
            });
        }
        if let ExprKind::Path(path) = &expr.kind
            && path.steps.is_empty()
            && path.head.value == kinds::test::feasible.name
            && self.declared(scope.module, &path.head.value).is_none()
            && scope.variable(&path.head.value).is_none()
        {
            return Ok(Form::Feasible);
        }
        let value = self.evaluate(expr, scope, expect)?;
        Ok(self.form(value))
    }

    /// A value as part of a check.
    fn form(&self, value: Value) -> Form {
        let not_judged = |because: String| Form::NotJudged { because };
        match value {
            Value::Quantity(quantity) => Form::Quantity(quantity),
            Value::Zero => Form::Quantity(Quantity::integer(0)),
            Value::Boolean(truth) | Value::Condition(Judged::Fact(truth, _)) => Form::Truth(truth),
            Value::Symbol(name) | Value::Text(name) => Form::Names(vec![name]),
            Value::Thing(thing) => Form::Names(vec![self.thing(thing).name.clone()]),
            Value::Linear(linear) if linear.constant.is_zero() && linear.terms.len() == 1 => {
                match linear.terms.into_iter().next() {
                    Some((subject, factor)) if factor.is_one() => {
                        Form::Subject { subject, dimension: linear.dimension }
                    }
                    _ => not_judged("this multiple is not judged yet".to_owned()),
                }
            }
            // Names that a choice is among.
            Value::Choice(thing, field) => Form::Subject {
                subject: Subject::Figure { of: self.of(thing), field: field.name, statistic: None },
                dimension: Dimension::NONE,
            },
            Value::NotYet(unjudged) => not_judged(unjudged.because),
            other => not_judged(format!("{} is not compared with a plan yet", other.noun())),
        }
    }

    /// Where the byte at `start` stands in the line at `whole` once that is written on one line.
    fn column(&self, whole: Span, start: u32) -> usize {
        let text = self.sources.text(whole);
        let before = text.get(..start.saturating_sub(whole.start) as usize).unwrap_or(text);
        let line = one_line(before);
        line.len() + usize::from(!line.is_empty() && before.ends_with(char::is_whitespace))
    }
}

/// What an operator makes of its sides.
#[derive(Clone, Copy)]
enum Shape {
    And,
    Or,
    In,
    Compare(Compare),
    Arithmetic(Arithmetic),
}

fn shape(operator: Operator) -> Option<Shape> {
    Some(match operator {
        Operator::And => Shape::And,
        Operator::Or => Shape::Or,
        Operator::In => Shape::In,
        Operator::AtMost => Shape::Compare(Compare::AtMost),
        Operator::AtLeast => Shape::Compare(Compare::AtLeast),
        Operator::Below => Shape::Compare(Compare::Below),
        Operator::Above => Shape::Compare(Compare::Above),
        Operator::Equal => Shape::Compare(Compare::Equal),
        Operator::Unequal => Shape::Compare(Compare::Unequal),
        Operator::Add => Shape::Arithmetic(Arithmetic::Add),
        Operator::Subtract => Shape::Arithmetic(Arithmetic::Subtract),
        Operator::Multiply => Shape::Arithmetic(Arithmetic::Multiply),
        Operator::Divide => Shape::Arithmetic(Arithmetic::Divide),
        Operator::Range | Operator::Then | Operator::Beside => return None,
    })
}

/// It is its own value.
fn is_literal(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Quantity(_) | ExprKind::String(_) | ExprKind::Boolean(_) => true,
        ExprKind::Negate(inner) => is_literal(inner),
        _ => false,
    }
}

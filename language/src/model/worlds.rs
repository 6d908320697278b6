//! Other worlds: what a `test` or `scenario` changes, and what a test checks there.

use super::{Compare, Subject};
use crate::quantity::{Dimension, Quantity};
use crate::resolver::WorldLine;
use crate::span::{Span, Spanned};

/// A test of the root file.
#[derive(Clone, Debug)]
pub struct Test {
    /// As written, without quotes; with its key where it has one.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// The world it plans.
    pub world: World,
}

/// The program with some lines set otherwise and some things gone:
/// [`check_world`](crate::check_world) reads the files as they are in it.
#[derive(Clone, Debug)]
pub struct World {
    /// The `test` or `scenario` block that describes it: its address and its head.
    pub block: Spanned<String>,
    /// Params, facts and pins that are set, in order.
    pub changes: Vec<Change>,
    /// Addresses of what is gone, in order; what stands in a lost place is gone with it.
    pub lost: Vec<Spanned<String>>,
    /// The lines themselves, for whoever reads the files again.
    pub(crate) lines: Vec<WorldLine>,
}

/// A param, fact or choice that a world sets.
#[derive(Clone, Debug)]
pub struct Change {
    /// As written: `growth`, `dal.feed`.
    pub path: String,
    /// As written, on one line.
    pub value: String,
    /// The line.
    pub span: Span,
}

/// A line of a test that is judged on the plan found in its world.
#[derive(Clone, Debug)]
pub struct Check {
    /// As written, on one line, without comments.
    pub text: String,
    /// The line.
    pub span: Span,
    /// What it says.
    pub expression: Expression,
}

/// A bound on one measure that a check states.
#[derive(Clone, Copy, Debug)]
pub struct MeasureBound<'c> {
    /// The measure, with its statistic.
    pub subject: &'c Subject,
    /// How it is compared.
    pub compare: Compare,
    /// With what: nothing in it speaks of the check's own world.
    pub limit: &'c Expression,
}

/// A part of a check.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Where in the check's text its value is shown, in bytes; none for a literal, which is its own value.
    pub at: Option<usize>,
    /// As written, on one line.
    pub text: String,
    /// What it says.
    pub form: Form,
}

/// The forms of an expression whose names are resolved: facts are values, the rest waits for a plan.
#[derive(Clone, Debug)]
pub enum Form {
    /// A fact.
    Quantity(Quantity),
    /// A condition over facts.
    Truth(bool),
    /// Names, texts or addresses: what a choice is compared with.
    Names(Vec<String>),
    /// What the planner decides or predicts in this world.
    Subject {
        /// Which.
        subject: Subject,
        /// What it measures.
        dimension: Dimension,
    },
    /// `plan.bill`: money an hour of the base plan.
    BaseBill(Dimension),
    /// `feasible`: a plan was found.
    Feasible,
    /// `-x`
    Negate(Box<Expression>),
    /// `not x`
    Not(Box<Expression>),
    /// `x + y`
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    /// `x <= y`
    Compare(Compare, Box<Expression>, Box<Expression>),
    /// `x in 2..4`, ends included, or `x in 8h..10h`, without its end.
    Within {
        /// `x`
        value: Box<Expression>,
        /// The lower end.
        low: Quantity,
        /// The upper end.
        high: Quantity,
    },
    /// `x in [a, b]`
    OneOf(Box<Expression>, Vec<Expression>),
    /// `x and y`
    And(Box<Expression>, Box<Expression>),
    /// `x or y`
    Or(Box<Expression>, Box<Expression>),
    /// `all x in xs where c: e` and its kin.
    Fold(Fold, Vec<Member>),
    /// Understood, and not judged by any stage yet.
    NotJudged {
        /// Why.
        because: String,
    },
}

impl Check {
    /// The bounds on single measures that it states: alone, joined by `and`, or for all elements.
    pub fn bounds(&self) -> Vec<MeasureBound<'_>> {
        let mut bounds = Vec::new();
        self.expression.add_bounds(&mut bounds);
        bounds
    }
}

impl Expression {
    fn add_bounds<'c>(&'c self, bounds: &mut Vec<MeasureBound<'c>>) {
        match &self.form {
            Form::Compare(compare, left, right) => {
                for (side, limit, compare) in [(left, right, *compare), (right, left, compare.mirrored())] {
                    if let Form::Subject { subject, .. } = &side.form
                        && !subject.is_choice()
                        && limit.is_outside()
                    {
                        bounds.push(MeasureBound { subject, compare, limit });
                    }
                }
            }
            Form::And(left, right) => {
                left.add_bounds(bounds);
                right.add_bounds(bounds);
            }
            Form::Fold(Fold::All, members) => {
                for value in members
                    .iter()
                    .filter_map(|member| member.value.as_ref().filter(|_| member.condition.is_none()))
                {
                    value.add_bounds(bounds);
                }
            }
            _ => {}
        }
    }

    /// A number in which nothing speaks of the check's own world.
    fn is_outside(&self) -> bool {
        match &self.form {
            Form::Quantity(_) | Form::BaseBill(_) => true,
            Form::Negate(inner) => inner.is_outside(),
            Form::Arithmetic(_, left, right) => left.is_outside() && right.is_outside(),
            _ => false,
        }
    }
}

/// What one element of a fold says. Elements that facts exclude are left out.
#[derive(Clone, Debug)]
pub struct Member {
    /// The element: `shop`, `3`.
    pub name: String,
    /// It counts only where this holds; none: always.
    pub condition: Option<Expression>,
    /// Its part; none where elements are only counted.
    pub value: Option<Expression>,
}

/// Operators on numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// Quantifiers and totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It holds for every element.
    All,
    /// It holds for some element.
    Any,
    /// The total.
    Sum,
    /// How many elements there are.
    Count,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

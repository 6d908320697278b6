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

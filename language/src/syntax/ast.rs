//! The typed syntax tree: what the lines say, before any name is resolved.
//!
//! Every node carries its span; whatever lies between spans is blank or comment, so text and tree
//! together lose nothing. A line that does not parse is an [`Item::Broken`] in its place.

use crate::span::{Span, Spanned};
use num_rational::BigRational;

/// The statements of one file, in order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct File {
    /// Statements, broken ones included.
    pub items: Vec<Item>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `use catalog.nvidia as nv`, `use "./x.berth" as x { feed = 1MW }`
    Use(Use),
    /// `param growth: Ratio = 100% where growth > 0%`
    Param(Param),
    /// `let evening = …`
    Let(Let),
    /// `kind name[keys] : base { … }`, or the same without a body when it derives
    Block(Block),
    /// `if condition { … } else { … }`
    If(If),
    /// `path = expr`
    Assign(Assign),
    /// `expr when expr`
    Require(Require),
    /// `prefer expr when expr else $x/h`
    Prefer(Prefer),
    /// A line that does not parse; its diagnostic is already reported.
    Broken(Span),
}

/// An import.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The whole statement.
    pub span: Span,
    /// What is imported.
    pub target: UseTarget,
    /// The name after `as`; otherwise the last part of the path or the file's stem names it.
    pub alias: Option<Name>,
    /// `{ param = value }`; only [`Item::Assign`] means something here.
    pub body: Option<Vec<Item>>,
}

/// What a `use` names.
#[derive(Clone, Debug, PartialEq)]
pub enum UseTarget {
    /// `"./platform.berth"`, relative to the importing file.
    File(Spanned<String>),
    /// `catalog.nvidia`, shipped with the program.
    Catalog(Spanned<Vec<String>>),
}

/// An identifier and where it stands.
pub type Name = Spanned<String>;

/// A value that the caller may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The whole statement.
    pub span: Span,
    /// Its name.
    pub name: Name,
    /// The type as written, `Ratio`, `Money/Time`.
    pub type_: Name,
    /// The default; without one a caller must set it.
    pub default: Option<Expr>,
    /// What any value must satisfy.
    pub condition: Option<Expr>,
}

/// A named expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The whole statement.
    pub span: Span,
    /// Its name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// A thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The whole block, body included.
    pub span: Span,
    /// From the kind to before the body: what a diagnostic points at.
    pub head: Span,
    /// Lines of `///` directly above, joined by newlines, without the slashes.
    pub doc: Option<String>,
    /// `abstract` stood before the kind.
    pub is_abstract: bool,
    /// `node`, `service`, …; resolved against the schema later.
    pub kind: Name,
    /// Its name; `plan` and nested blocks such as `sensor` may have none. A `test` has a string.
    pub name: Option<Name>,
    /// `[1..3]`, `[region in [eu, us]]`.
    pub keys: Option<Keys>,
    /// `: nv.hgx_h100`.
    pub base: Option<Path>,
    /// Its statements; `None` where a deriving line has no body.
    pub items: Option<Vec<Item>>,
}

/// The keys of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    /// With the brackets.
    pub span: Span,
    /// `region` in `[region in [eu, us]]`.
    pub variable: Option<Name>,
    /// Keys, ranges and lists.
    pub keys: Vec<Expr>,
}

/// A compile-time choice.
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// The whole statement.
    pub span: Span,
    /// Over params.
    pub condition: Expr,
    /// Statements when it holds.
    pub then: Vec<Item>,
    /// Statements when it does not; `else if` is one [`Item::If`].
    pub otherwise: Vec<Item>,
}

/// A fact, or a choice pinned.
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// The whole statement.
    pub span: Span,
    /// What is set.
    pub target: Path,
    /// To what.
    pub value: Expr,
}

/// A requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// The whole statement.
    pub span: Span,
    /// What must hold.
    pub condition: Expr,
    /// Only where this holds.
    pub when: Option<Expr>,
}

/// A wish.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefer {
    /// The whole statement.
    pub span: Span,
    /// What would be liked.
    pub condition: Expr,
    /// Only where this holds.
    pub when: Option<Expr>,
    /// What each unit of shortfall costs.
    pub price: Option<Expr>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `12 req/s`, `$2/h`, `99.9%`, `8`
    Quantity(Quantity),
    /// `"text"`, with `\"` resolved
    String(String),
    /// `true`
    Boolean(bool),
    /// `nv.h100`, `latency p99`, `diurnal(peak = …)`, `s.spread(node)`
    Path(Path),
    /// `[a, b]`, `[eu: 45%]`, `[]`
    List(Vec<Entry>),
    /// `-x`
    Negate(Box<Expr>),
    /// `not x`
    Not(Box<Expr>),
    /// `a + b`
    Binary {
        /// Which.
        operator: Spanned<Operator>,
        /// Before it.
        left: Box<Expr>,
        /// After it.
        right: Box<Expr>,
    },
    /// `if c then a else b`
    Choose {
        /// Over params.
        condition: Box<Expr>,
        /// Its value when the condition holds.
        then: Box<Expr>,
        /// Its value when not.
        otherwise: Box<Expr>,
    },
    /// `all x in xs where c: e`
    Fold {
        /// Which.
        fold: Fold,
        /// `x`
        variable: Name,
        /// `xs`
        over: Box<Expr>,
        /// `c`
        condition: Option<Box<Expr>>,
        /// `e`; `count` has none.
        body: Option<Box<Expr>>,
    },
    /// Something that did not parse inside an expression; already reported.
    Broken,
}

/// A number with its unit as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// The number, exactly, before its unit is applied.
    pub number: BigRational,
    /// `GB/s`, `req/s`, `%`, `$`, `$/h`; empty for a plain number. A currency sign comes first.
    pub unit: String,
    /// Where the unit stands; the end of the number when there is none.
    pub unit_span: Span,
}

/// `a.b[1].c(x) p99`
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// Without the statistic.
    pub span: Span,
    /// The first name.
    pub head: Name,
    /// What follows it.
    pub steps: Vec<Step>,
    /// `p99`, `mean`, `peak`.
    pub statistic: Option<Name>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// `.name`
    Field(Name),
    /// `[1, 2]`
    Index {
        /// With the brackets.
        span: Span,
        /// Keys and ranges.
        keys: Vec<Expr>,
    },
    /// `[*]`
    All(Span),
    /// `(x, name = y)`
    Call {
        /// With the parentheses.
        span: Span,
        /// In order.
        arguments: Vec<Argument>,
    },
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// `name =`
    pub name: Option<Name>,
    /// Its value.
    pub value: Expr,
}

/// An entry of a list or map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `eu:`
    pub key: Option<Expr>,
    /// Its value.
    pub value: Expr,
}

/// Operators, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `or`
    Or,
    /// `and`
    And,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `>`
    Above,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `in`
    In,
    /// `..`
    Range,
    /// `->`
    Then,
    /// `&`
    Beside,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Operator {
    /// How tightly it binds: those that bind alike have the same number, looser ones a smaller one.
    pub fn level(self) -> u8 {
        let first = match self {
            Operator::Subtract => Operator::Add,
            Operator::Divide => Operator::Multiply,
            Operator::AtLeast
            | Operator::Below
            | Operator::Above
            | Operator::Equal
            | Operator::Unequal
            | Operator::In => Operator::AtMost,
            alone => alone,
        };
        first as u8
    }
}

/// Quantifiers and totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// `all`
    All,
    /// `any`
    Any,
    /// `sum`
    Sum,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
}

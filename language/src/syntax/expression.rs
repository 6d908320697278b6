//! Pairs of an expression to its tree: precedence, folds, paths.

use super::ast::*;
use super::grammar::Rule;
use super::statement::Tree;
use crate::diagnostics::Diagnostic;
use crate::span::{Span, Spanned};
use pest::iterators::Pair;

/// Levels of an expression's tree, each operator being one: whoever walks it may recurse.
pub(super) const DEEPEST: usize = 250;

/// A tree and how many levels it has.
struct Grown {
    expr: Expr,
    levels: usize,
}

impl Tree<'_> {
    /// A pair of rule `expr`, `term` or `sum_`.
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        self.grown(pair).expr
    }

    fn grown(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::expr | Rule::term | Rule::sum_ => self.operators(pair),
            Rule::negated => self.negated(pair),
            Rule::factor => {
                let mut minuses = Vec::new();
                let mut grown = None;
                for inner in pair.into_inner() {
                    match inner.as_rule() {
                        Rule::minus => minuses.push(self.span(&inner)),
                        _ => grown = Some(self.grown(inner)),
                    }
                }
                self.prefixed(span, &minuses, grown, ExprKind::Negate)
            }
            Rule::primary => self.primary(pair),
            _ => broken(span),
        }
    }

    /// Operands with operators between them, by precedence climbing without recursion.
    fn operators(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let whole = self.span(&pair);
        let mut operands: Vec<Grown> = Vec::new();
        let mut waiting: Vec<Spanned<Operator>> = Vec::new();
        for inner in pair.into_inner() {
            let Some(operator) = operator(&inner) else {
                operands.push(self.grown(inner));
                continue;
            };
            while waiting.last().is_some_and(|before| before.value.level() >= operator.level()) {
                self.combine(&mut operands, &mut waiting);
            }
            waiting.push(Spanned::new(operator, self.span(&inner)));
        }
        while !waiting.is_empty() {
            self.combine(&mut operands, &mut waiting);
        }
        operands.pop().unwrap_or_else(|| broken(whole))
    }

    /// The last two operands under the last operator.
    fn combine(&mut self, operands: &mut Vec<Grown>, waiting: &mut Vec<Spanned<Operator>>) {
        if let (Some(operator), Some(right), Some(left)) = (waiting.pop(), operands.pop(), operands.pop()) {
            operands.push(self.binary(operator, left, right));
        }
    }

    fn binary(&mut self, operator: Spanned<Operator>, left: Grown, right: Grown) -> Grown {
        let span = left.expr.span.join(right.expr.span);
        let levels = left.levels.max(right.levels) + 1;
        self.limited(Grown {
            levels,
            expr: Expr {
                span,
                kind: ExprKind::Binary { operator, left: Box::new(left.expr), right: Box::new(right.expr) },
            },
        })
    }

    fn negated(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        let mut nots = Vec::new();
        let mut compare = None;
        let mut left = None;
        let mut chained = None;
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::NOT => nots.push(self.span(&inner)),
                Rule::compare => {
                    compare = operator(&inner).map(|found| Spanned::new(found, self.span(&inner)));
                }
                Rule::chained => chained = Some(inner),
                _ => {
                    let grown = self.grown(inner);
                    left = match (left, compare.take()) {
                        (Some(left), Some(operator)) => Some(self.binary(operator, left, grown)),
                        _ => Some(grown),
                    };
                }
            }
        }
        if let Some(chained) = chained {
            self.chained(left.as_ref(), chained);
            return broken(span);
        }
        self.prefixed(span, &nots, left, ExprKind::Not)
    }

    fn chained(&mut self, before: Option<&Grown>, chained: Pair<'_, Rule>) {
        let mut second = chained.into_inner();
        let (Some(compare), Some(Grown { expr, .. })) = (second.next(), before) else {
            return;
        };
        let span = self.span(&compare);
        let mut diagnostic = Diagnostic::error(
            "syntax::chained-comparison",
            "two comparisons in a row",
            span,
            "a second comparison of the same values",
        );
        if let ExprKind::Binary { operator, right, .. } = &expr.kind {
            diagnostic = diagnostic.and(operator.span, "the first one");
            let first = self.text(expr.span);
            let middle = self.text(right.span);
            let last = second.next().map(|pair| self.text(self.span(&pair)));
            let last = last.unwrap_or("");
            diagnostic = diagnostic.help(format!(
                "Join two comparisons with `and`: `{first} and {middle} {} {last}`.\nBounds on both sides can be a range: `x in 2..6`.",
                compare.as_str(),
            ));
        }
        self.diagnostics.push(diagnostic);
    }

    /// `grown` under one node for each of the spans before it.
    fn prefixed(
        &mut self,
        whole: Span,
        before: &[Span],
        grown: Option<Grown>,
        kind: impl Fn(Box<Expr>) -> ExprKind,
    ) -> Grown {
        let mut grown = grown.unwrap_or_else(|| broken(whole));
        for span in before.iter().rev() {
            grown = self.limited(Grown {
                levels: grown.levels + 1,
                expr: Expr { span: span.join(grown.expr.span), kind: kind(Box::new(grown.expr)) },
            });
        }
        grown
    }

    /// `grown`, unless it has too many levels.
    fn limited(&mut self, grown: Grown) -> Grown {
        if grown.levels <= DEEPEST {
            return grown;
        }
        let span = grown.expr.span;
        if std::mem::replace(&mut self.too_deep, true) {
            return broken(span);
        }
        self.diagnostics.push(
            Diagnostic::error(
                "syntax::too-deep",
                "an expression with too many levels",
                span,
                format!("more than {DEEPEST} operators, one over the other"),
            )
            .help("Name parts of it with `let`, or write a long sum as `sum x in xs: …`."),
        );
        broken(span)
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let Some(first) = inner.next() else {
            return broken(span);
        };
        match first.as_rule() {
            Rule::fold => self.fold(first),
            Rule::conditional => self.conditional(first),
            Rule::boolean => leaf(span, ExprKind::Boolean(first.as_str() == "true")),
            Rule::quantity => {
                let kind = self.quantity(first).map_or(ExprKind::Broken, ExprKind::Quantity);
                leaf(span, kind)
            }
            Rule::string => leaf(span, ExprKind::String(self.string(first).value)),
            Rule::list => self.list(first),
            Rule::group => {
                let grown =
                    first.into_inner().find(|part| part.as_rule() == Rule::expr).map(|part| self.grown(part));
                let mut grown = grown.unwrap_or_else(|| broken(span));
                grown.expr.span = span;
                grown
            }
            Rule::path => {
                let (mut path, levels) = self.path_levels(first);
                path.statistic = inner.next().map(|part| self.name(&part));
                self.limited(Grown { levels: levels + 1, expr: Expr { span, kind: ExprKind::Path(path) } })
            }
            _ => broken(span),
        }
    }

    fn fold(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        let mut fold = Fold::Count;
        let mut variable = None;
        let mut over = None;
        let mut condition = None;
        let mut body = None;
        let mut levels = 0;
        for inner in pair.into_inner() {
            match inner.as_rule() {
                Rule::every | Rule::total | Rule::count => {
                    fold = match inner.as_str() {
                        "all" => Fold::All,
                        "any" => Fold::Any,
                        "sum" => Fold::Sum,
                        "min" => Fold::Min,
                        "max" => Fold::Max,
                        _ => Fold::Count,
                    };
                }
                Rule::over => {
                    for part in inner.into_inner() {
                        match part.as_rule() {
                            Rule::name => variable = Some(self.name(&part)),
                            Rule::term => over = Some(self.boxed(part, &mut levels)),
                            Rule::expr => condition = Some(self.boxed(part, &mut levels)),
                            _ => {}
                        }
                    }
                }
                Rule::expr | Rule::sum_ => body = Some(self.boxed(inner, &mut levels)),
                _ => {}
            }
        }
        let (Some(variable), Some(over)) = (variable, over) else {
            return broken(span);
        };
        self.limited(Grown {
            levels: levels + 1,
            expr: Expr { span, kind: ExprKind::Fold { fold, variable, over, condition, body } },
        })
    }

    fn conditional(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        let mut levels = 0;
        let mut parts = pair
            .into_inner()
            .filter(|part| part.as_rule() == Rule::expr)
            .map(|part| self.boxed(part, &mut levels))
            .collect::<Vec<_>>()
            .into_iter();
        let (Some(condition), Some(then), Some(otherwise)) = (parts.next(), parts.next(), parts.next())
        else {
            return broken(span);
        };
        self.limited(Grown {
            levels: levels + 1,
            expr: Expr { span, kind: ExprKind::Choose { condition, then, otherwise } },
        })
    }

    fn list(&mut self, pair: Pair<'_, Rule>) -> Grown {
        let span = self.span(&pair);
        let mut levels = 0;
        let mut entries = Vec::new();
        for entry in pair.into_inner() {
            let mut key = None;
            for part in entry.into_inner() {
                match part.as_rule() {
                    Rule::map_key => key = self.map_key(part),
                    Rule::expr => {
                        let value = self.levelled(part, &mut levels);
                        let key = key.take();
                        entries.push(Entry { key, value });
                    }
                    _ => {}
                }
            }
        }
        self.limited(Grown { levels: levels + 1, expr: Expr { span, kind: ExprKind::List(entries) } })
    }

    fn map_key(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let span = self.span(&pair);
        let inner = pair.into_inner().next()?;
        let kind = match inner.as_rule() {
            Rule::quantity => self.quantity(inner).map_or(ExprKind::Broken, ExprKind::Quantity),
            Rule::string => ExprKind::String(self.string(inner).value),
            _ => ExprKind::Path(Path { span, head: self.name(&inner), steps: Vec::new(), statistic: None }),
        };
        Some(Expr { span, kind })
    }

    /// A pair of rule `path`, without a statistic.
    pub(super) fn path(&mut self, pair: Pair<'_, Rule>) -> Path {
        self.path_levels(pair).0
    }

    fn path_levels(&mut self, pair: Pair<'_, Rule>) -> (Path, usize) {
        let span = self.span(&pair);
        let mut path =
            Path { span, head: Spanned::new(String::new(), span), steps: Vec::new(), statistic: None };
        let mut levels = 0;
        for inner in pair.into_inner() {
            let span = self.span(&inner);
            match inner.as_rule() {
                Rule::name => path.head = self.name(&inner),
                Rule::field => {
                    let name = inner.into_inner().find(|part| part.as_rule() == Rule::ident);
                    if let Some(name) = name {
                        path.steps.push(Step::Field(self.name(&name)));
                    }
                }
                Rule::index => {
                    let mut keys = Vec::new();
                    let mut all = false;
                    for part in inner.into_inner() {
                        match part.as_rule() {
                            Rule::ALL => all = true,
                            Rule::expr => keys.push(self.levelled(part, &mut levels)),
                            _ => {}
                        }
                    }
                    path.steps.push(if all { Step::All(span) } else { Step::Index { span, keys } });
                }
                Rule::call => {
                    let arguments = inner
                        .into_inner()
                        .filter(|part| part.as_rule() == Rule::argument)
                        .filter_map(|part| self.argument(part, &mut levels))
                        .collect();
                    path.steps.push(Step::Call { span, arguments });
                }
                _ => {}
            }
        }
        (path, levels)
    }

    fn argument(&mut self, pair: Pair<'_, Rule>, levels: &mut usize) -> Option<Argument> {
        let mut name = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::ident => name = Some(self.name(&part)),
                Rule::expr => value = Some(self.levelled(part, levels)),
                _ => {}
            }
        }
        value.map(|value| Argument { name, value })
    }

    fn levelled(&mut self, pair: Pair<'_, Rule>, levels: &mut usize) -> Expr {
        let grown = self.grown(pair);
        *levels = (*levels).max(grown.levels);
        grown.expr
    }

    fn boxed(&mut self, pair: Pair<'_, Rule>, levels: &mut usize) -> Box<Expr> {
        Box::new(self.levelled(pair, levels))
    }
}

/// The operator a pair stands for, if it is one.
fn operator(pair: &Pair<'_, Rule>) -> Option<Operator> {
    if !matches!(pair.as_rule(), Rule::logic | Rule::compare | Rule::flow_op | Rule::sum_op) {
        return None;
    }
    Some(match pair.as_str() {
        "or" => Operator::Or,
        "and" => Operator::And,
        "<=" => Operator::AtMost,
        ">=" => Operator::AtLeast,
        "<" => Operator::Below,
        ">" => Operator::Above,
        "==" => Operator::Equal,
        "!=" => Operator::Unequal,
        "in" => Operator::In,
        ".." => Operator::Range,
        "->" => Operator::Then,
        "&" => Operator::Beside,
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        _ => return None,
    })
}

fn broken(span: Span) -> Grown {
    leaf(span, ExprKind::Broken)
}

fn leaf(span: Span, kind: ExprKind) -> Grown {
    Grown { expr: Expr { span, kind }, levels: 1 }
}

//! Pairs of one statement or head to its tree.

use super::ast::*;
use super::grammar::Rule;
use super::tokens::{Token, TokenKind};
use crate::diagnostics::Diagnostic;
use crate::span::{FileId, Span, Spanned};
use pest::iterators::Pair;

/// Builds trees from pairs of a piece of the file.
pub(super) struct Tree<'a> {
    pub file: FileId,
    /// The file's text.
    pub text: &'a str,
    /// Where the piece starts in it.
    pub base: usize,
    /// The piece's tokens.
    pub tokens: &'a [Token],
    /// What is wrong with it that the grammar lets pass.
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// It has too many levels, which is reported once.
    pub too_deep: bool,
}

/// What stands before a body.
pub(super) enum Head {
    Use(Use),
    Block(Box<Block>),
    If(Expr),
    /// `else` alone.
    Else,
}

impl Tree<'_> {
    /// A pair of rule `statement`.
    pub(super) fn statement(&mut self, pair: Pair<'_, Rule>) -> Item {
        let span = self.span(&pair);
        let Some(form) = pair.into_inner().next() else {
            return Item::Broken(span);
        };
        let span = self.span(&form);
        let item = match form.as_rule() {
            Rule::use_ => self.use_(form).map(Item::Use),
            Rule::param => self.param(form).map(Item::Param),
            Rule::let_ => self.let_(form).map(Item::Let),
            Rule::prefer => self.prefer(form).map(Item::Prefer),
            Rule::derive => self.block(form).map(Item::Block),
            Rule::assign => self.assign(form).map(Item::Assign),
            Rule::require => self.require(form).map(Item::Require),
            _ => None,
        };
        item.unwrap_or(Item::Broken(span))
    }

    /// A pair of rule `head` or `otherwise`.
    pub(super) fn head(&mut self, pair: Pair<'_, Rule>) -> Option<Head> {
        let otherwise = pair.as_rule() == Rule::otherwise;
        for form in pair.into_inner() {
            match form.as_rule() {
                Rule::use_ => return self.use_(form).map(Head::Use),
                Rule::block => return self.block(form).map(Box::new).map(Head::Block),
                Rule::choice => return self.head(form),
                Rule::expr => return Some(Head::If(self.expr(form))),
                _ => {}
            }
        }
        otherwise.then_some(Head::Else)
    }

    fn use_(&mut self, pair: Pair<'_, Rule>) -> Option<Use> {
        let span = self.span(&pair);
        let mut target = None;
        let mut alias = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string => target = Some(UseTarget::File(self.string(part))),
                Rule::catalog => {
                    let span = self.span(&part);
                    let names = part
                        .into_inner()
                        .filter(|name| matches!(name.as_rule(), Rule::name | Rule::ident))
                        .map(|name| name.as_str().to_owned())
                        .collect();
                    target = Some(UseTarget::Catalog(Spanned::new(names, span)));
                }
                Rule::name => alias = Some(self.name(&part)),
                _ => {}
            }
        }
        Some(Use { span, target: target?, alias, body: None })
    }

    fn param(&mut self, pair: Pair<'_, Rule>) -> Option<Param> {
        let span = self.span(&pair);
        let mut name = None;
        let mut type_ = None;
        let mut default = None;
        let mut condition = None;
        let mut after_where = false;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.name(&part)),
                Rule::type_ => type_ = Some(self.name(&part)),
                Rule::WHERE => after_where = true,
                Rule::expr if after_where => condition = Some(self.expr(part)),
                Rule::expr => default = Some(self.expr(part)),
                _ => {}
            }
        }
        Some(Param { span, name: name?, type_: type_?, default, condition })
    }

    fn let_(&mut self, pair: Pair<'_, Rule>) -> Option<Let> {
        let span = self.span(&pair);
        let mut name = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.name(&part)),
                Rule::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        Some(Let { span, name: name?, value: value? })
    }

    fn prefer(&mut self, pair: Pair<'_, Rule>) -> Option<Prefer> {
        let span = self.span(&pair);
        let mut condition = None;
        let mut when = None;
        let mut price = None;
        let mut before = Rule::PREFER;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expr => {
                    let expr = Some(self.expr(part));
                    match before {
                        Rule::WHEN => when = expr,
                        Rule::ELSE => price = expr,
                        _ => condition = expr,
                    }
                }
                keyword => before = keyword,
            }
        }
        Some(Prefer { span, condition: condition?, when, price })
    }

    fn assign(&mut self, pair: Pair<'_, Rule>) -> Option<Assign> {
        let span = self.span(&pair);
        let mut target = None;
        let mut value = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::path => target = Some(self.path(part)),
                Rule::expr => value = Some(self.expr(part)),
                _ => {}
            }
        }
        Some(Assign { span, target: target?, value: value? })
    }

    fn require(&mut self, pair: Pair<'_, Rule>) -> Option<Require> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner().filter(|part| part.as_rule() == Rule::expr);
        let condition = self.expr(parts.next()?);
        let when = parts.next().map(|part| self.expr(part));
        Some(Require { span, condition, when })
    }

    fn block(&mut self, pair: Pair<'_, Rule>) -> Option<Block> {
        let span = self.span(&pair);
        let mut is_abstract = false;
        let mut kind: Option<Name> = None;
        let mut name = None;
        let mut keys = None;
        let mut base = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::ABSTRACT => is_abstract = true,
                Rule::kind => kind = Some(self.name(&part)),
                Rule::title => name = self.title(part),
                Rule::keys => keys = Some(self.keys(part)),
                Rule::path => base = Some(self.path(part)),
                _ => {}
            }
        }
        let kind = kind?;
        if is_abstract && name.is_none() {
            self.diagnostics.push(
                Diagnostic::error(
                    "syntax::missing-name",
                    "a name is missing",
                    kind.span,
                    format!("no name follows `{}`", kind.value),
                )
                .help(format!(
                    "What is abstract is only derived from, by its name: `abstract {} base {{`.",
                    kind.value
                )),
            );
        }
        Some(Block {
            span,
            head: Span { start: kind.span.start, ..span },
            doc: None,
            is_abstract,
            kind,
            name,
            keys,
            base,
            items: None,
        })
    }

    fn title(&mut self, pair: Pair<'_, Rule>) -> Option<Name> {
        let inner = pair.into_inner().next()?;
        Some(match inner.as_rule() {
            Rule::string => self.string(inner),
            _ => self.name(&inner),
        })
    }

    fn keys(&mut self, pair: Pair<'_, Rule>) -> Keys {
        let span = self.span(&pair);
        let mut variable = None;
        let mut keys = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => variable = Some(self.name(&part)),
                Rule::expr => keys.push(self.expr(part)),
                _ => {}
            }
        }
        Keys { span, variable, keys }
    }

    /// What `pair` covers, as it stands.
    pub(super) fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        Spanned::new(pair.as_str().to_owned(), self.span(pair))
    }

    /// Where `pair` stands in the file, without blanks after it.
    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = self.base + pair.as_span().start();
        // A rule that tried one part more has skipped the blanks and comments before it.
        let end = self.base + pair.as_span().end();
        let after = self.tokens.partition_point(|token| token.start < end);
        let last = self.tokens[..after].iter().rev().find(|token| token.kind != TokenKind::Newline);
        let end = last.map_or(end, |token| token.end.min(end));
        Span::new(self.file, start, end)
    }

    /// The text at `span`.
    pub(super) fn text(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }
}

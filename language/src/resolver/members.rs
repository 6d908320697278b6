//! Lines over all things of a kind, what is said of each on a page of its own.
//!
//! `all s in service[*] where s.priority >= 90: s.replicas >= 2` reads a fact of every service. The page of the
//! declaration would be new with each of them; so what the line says of the services of one declaration
//! stands on a page beside it, and an edit that reaches a few of these pages has the line read for those alone.

use super::evaluation::Expect;
use super::ledger::{Cell, Owner, Part, UnitId};
use super::logic::joined;
use super::things::ThingId;
use super::value::{Judged, Value};
use super::{Outcome, Resolver, Scope};
use crate::schema::Kind;
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Fold, Name, Step};
use std::collections::BTreeMap;
use std::rc::Rc;

/// `all x in KIND[*] where c: e`, where that is the whole line.
pub(super) struct Each<'a> {
    /// The declaration that it stands in.
    unit: UnitId,
    kind: &'static Kind,
    variable: &'a Name,
    over: Span,
    condition: Option<&'a Expr>,
    body: &'a Expr,
}

/// What a line says of one thing; nothing where it does not speak of it.
type Said = Result<Option<Judged>, String>;

impl<'a> Resolver<'a> {
    /// The line as one over all things of a kind, if it is that.
    pub(super) fn each(&self, line: &'a Expr, scope: &Scope) -> Option<Each<'a>> {
        let ExprKind::Fold { fold: Fold::All, variable, over, condition, body: Some(body) } = &line.kind
        else {
            return None;
        };
        let ExprKind::Path(path) = &over.kind else { return None };
        let is_all = matches!(path.steps.as_slice(), [Step::All(_)]) && path.statistic.is_none();
        // A world that lacks some of them is read as a whole.
        if !is_all || !self.lost.is_empty() || scope.variable(&path.head.value).is_some() {
            return None;
        }
        let Owner::Unit(unit) = self.ledger.owner() else { return None };
        let kind = self.kind_called(&path.head.value, scope)?;
        Some(Each { unit, kind, variable, over: over.span, condition: condition.as_deref(), body })
    }

    /// What a line says, with a page for the things of each declaration; `line` tells it from others.
    pub(super) fn judged_by_member(&mut self, each: &Each<'a>, line: u64, scope: &Scope) -> Outcome<Judged> {
        let unit = each.unit;
        self.ledger.read(Cell::Each(Part::of(each.kind.name)));
        let in_part = self.work.is_some_and(|work| !work.units.contains(&unit));
        let mut all = Judged::Fact(true, String::new());
        let mut speaks = false;
        let mut quantified: BTreeMap<Span, bool> = BTreeMap::new();
        for thing in self.members_in_hand(each.kind, unit).iter().copied() {
            let owner = Owner::Member { unit, of: self.thing(thing).unit, line };
            let (said, within) = self.on_behalf(owner, Part::LINES, self.lenient, |resolver| {
                let said = resolver.said_of(thing, each, scope);
                resolver.ledger.page().speaks |= matches!(said, Ok(Ok(Some(_))));
                (said, std::mem::take(&mut resolver.quantified))
            });
            for (span, any) in within {
                *quantified.entry(span).or_default() |= any;
            }
            match said {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(judged))) => {
                    speaks = true;
                    all = joined(true, all, judged);
                }
                Ok(Err(because)) => {
                    self.ledger.page().needs_all = true;
                    return Ok(Judged::NotYet(because));
                }
                Err(reported) => {
                    self.ledger.page().needs_all = true;
                    return Err(reported);
                }
            }
        }
        let empty = quantified.into_iter().filter(|(_, any)| !any).map(|(span, _)| span);
        let empty: Vec<Span> = empty.chain((!speaks && !in_part).then_some(each.over)).collect();
        if in_part {
            // Others may be what a quantifier within speaks of. What the line itself speaks of is counted.
            self.ledger.page().needs_all |= !empty.is_empty();
        } else {
            empty.into_iter().for_each(|span| self.speaks_of_nothing(span));
        }
        Ok(all)
    }

    /// What the line says of `thing`.
    fn said_of(&mut self, thing: ThingId, each: &Each<'a>, scope: &Scope) -> Outcome<Said> {
        self.count_fold(each.over)?;
        let scope = scope.with(&each.variable.value, Value::Thing(thing));
        Ok(match self.is_among(each.condition, &scope)? {
            Err(because) => Err(because),
            Ok(false) => Ok(None),
            Ok(true) => {
                let value = self.evaluate(each.body, &scope, Expect::Value)?;
                Ok(Some(self.condition_of(value, each.body.span)?))
            }
        })
    }

    /// The things of a kind that lines of `unit` are read for.
    fn members_in_hand(&mut self, kind: &'static Kind, unit: UnitId) -> Rc<Vec<ThingId>> {
        let only = self.work.filter(|work| !work.units.contains(&unit));
        // That which things there are may have changed is noted as `Cell::Each`.
        self.on_behalf(Owner::Program, Part::SHAPE, false, |resolver| match only {
            None => resolver.all_things(kind),
            Some(work) => {
                let members = work.members.get(&unit);
                Rc::new(resolver.things_among(kind, |unit| members.is_some_and(|of| of.contains(&unit))))
            }
        })
    }
}

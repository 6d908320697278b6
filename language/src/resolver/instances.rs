//! `all i in s.instance[*]: …`: what holds of single replicas, told by the node that each stands on.
//!
//! Replicas are interchangeable and nobody knows yet where they will stand, so a body is evaluated once
//! for each node of the program; once for all nodes of one place, where it speaks of places alone. Where it
//! only reads facts, the answer is a set of nodes: the service may run on these and no others.

use super::evaluation::Expect;
use super::logic::{joined, negated};
use super::things::ThingId;
use super::value::{Judged, Linear, Value};
use super::{Outcome, Resolver, Scope};
use crate::model::{Compare, Subject};
use crate::quantity::{Dimension, Quantity};
use crate::schema::{self, Kind, kinds};
use crate::syntax::ast::{Expr, ExprKind, Fold, Name, Operator, Step};
use num_traits::{One, Zero};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A quantifier over the replicas of one service.
pub(super) struct OverInstances<'a> {
    pub(super) fold: Fold,
    pub(super) variable: &'a Name,
    pub(super) over: &'a Expr,
    pub(super) condition: Option<&'a Expr>,
    pub(super) body: Option<&'a Expr>,
}

impl<'a> Resolver<'a> {
    /// The value of a quantifier over the replicas of `service`.
    pub(super) fn fold_instances(
        &mut self,
        quantifier: &OverInstances<'a>,
        service: ThingId,
        scope: &Scope,
    ) -> Outcome<Value> {
        if quantifier.fold == Fold::Count
            && let Some(condition) = quantifier.condition
            && speaks_of_places(condition, &quantifier.variable.value)
        {
            return self.count_by_place(quantifier, condition, service, scope);
        }
        let nodes = self.all_things(&kinds::node::KIND);
        let every: Vec<ThingId> = nodes.iter().copied().filter(|node| !self.is_lost(*node)).collect();
        if quantifier.fold == Fold::Count
            && let Some(condition) = quantifier.condition
            && let Some((level, other)) = at_one_place(condition, &quantifier.variable.value)
            && level.name == kinds::node::KIND.name
        {
            // `i.node == n`: the other side is read once.
            self.count_fold(quantifier.over.span)?;
            if let Value::Thing(node) = self.evaluate(other, scope, Expect::Value)? {
                let chosen = every.iter().copied().filter(|of| *of == node);
                let subject = self.replicas_on(service, chosen, every.len());
                return Ok(Value::Linear(Linear::subject(subject, Dimension::NONE)));
            }
        }
        if quantifier.fold == Fold::All
            && let Some(body) = quantifier.body
            && [Some(body), quantifier.condition]
                .into_iter()
                .flatten()
                .all(|part| speaks_of_places(part, &quantifier.variable.value))
        {
            return self.every_place(quantifier, body, service, &every, scope);
        }
        let mut chosen = Vec::new();
        for node in &every {
            self.count_fold(quantifier.over.span)?;
            let scope = scope.with(&quantifier.variable.value, Value::Instance(*node));
            match self.is_among(quantifier.condition, &scope)? {
                Ok(true) => chosen.push((*node, scope)),
                Ok(false) => {}
                Err(because) => return Ok(Value::not_yet(because)),
            }
        }
        match (quantifier.fold, quantifier.body) {
            (Fold::Count, _) | (_, None) => {
                let subject = self.replicas_on(service, chosen.iter().map(|(node, _)| *node), every.len());
                Ok(Value::Linear(Linear::subject(subject, Dimension::NONE)))
            }
            (Fold::All, Some(body)) => self.every_instance(service, &every, chosen, body),
            (Fold::Any, Some(body)) => self.some_instance(service, &every, chosen, body),
            (Fold::Sum, Some(body)) => self.sum_of_instances(service, every.len(), chosen, body),
            (Fold::Min | Fold::Max, Some(_)) => {
                Ok(Value::not_yet("the least or greatest of replicas is not judged yet"))
            }
        }
    }

    /// As [`every_instance`](Self::every_instance), for what is the same of all nodes of one place.
    fn every_place(
        &mut self,
        quantifier: &OverInstances<'a>,
        body: &'a Expr,
        service: ThingId,
        every: &[ThingId],
        scope: &Scope,
    ) -> Outcome<Value> {
        let mut whole = Judged::Fact(true, String::new());
        let mut forbidden = BTreeSet::new();
        for nodes in self.nodes_by_place().iter() {
            self.count_fold(quantifier.over.span)?;
            let Some(first) = nodes.first().copied() else { continue };
            let scope = scope.with(&quantifier.variable.value, Value::Instance(first));
            let mut judged = Judged::Fact(false, String::new());
            if let Some(condition) = quantifier.condition {
                let value = self.evaluate(condition, &scope, Expect::Value)?;
                match self.condition_of(value, condition.span)? {
                    Judged::Fact(true, _) => {}
                    Judged::Fact(false, _) => continue,
                    Judged::NotYet(because) => return Ok(Value::not_yet(because)),
                    Judged::Steps(_) => return Err(self.time_in_where(condition.span)),
                    other => judged = negated(other),
                }
            }
            let value = self.evaluate(body, &scope, Expect::Value)?;
            judged = joined(false, judged, self.condition_of(value, body.span)?);
            match judged {
                Judged::Fact(true, _) => {}
                Judged::Fact(false, _) => forbidden.extend(nodes),
                Judged::NotYet(because) => return Ok(Value::not_yet(because)),
                judged => {
                    let elsewhere = only_on(service, every, &nodes.iter().copied().collect());
                    whole = joined(true, whole, joined(false, elsewhere, judged));
                }
            }
        }
        if !forbidden.is_empty() {
            whole = joined(true, only_on(service, every, &forbidden), whole);
        }
        Ok(Value::Condition(whole))
    }

    /// How many replicas stand on the nodes of which `condition` holds, which is the same for all nodes of one
    /// place.
    fn count_by_place(
        &mut self,
        quantifier: &OverInstances<'a>,
        condition: &'a Expr,
        service: ThingId,
        scope: &Scope,
    ) -> Outcome<Value> {
        let variable = &quantifier.variable.value;
        let places = self.nodes_by_place();
        // `i.rack == r`: the other side is read once.
        let one = match at_one_place(condition, variable) {
            None => None,
            Some((level, other)) => {
                self.count_fold(quantifier.over.span)?;
                match self.evaluate(other, scope, Expect::Value)? {
                    Value::Thing(place) => Some((level, place)),
                    _ => None,
                }
            }
        };
        let mut chosen: Vec<ThingId> = Vec::new();
        for nodes in places.iter() {
            let Some(first) = nodes.first().copied() else { continue };
            let holds = match one {
                Some((level, place)) => self.place_of(first, level, condition.span)? == place,
                None => {
                    self.count_fold(quantifier.over.span)?;
                    let scope = scope.with(variable, Value::Instance(first));
                    match self.is_among(Some(condition), &scope)? {
                        Ok(holds) => holds,
                        Err(because) => return Ok(Value::not_yet(because)),
                    }
                }
            };
            if holds {
                chosen.extend(nodes);
            }
        }
        let every = places.iter().map(Vec::len).sum();
        let subject = self.replicas_on(service, chosen.into_iter(), every);
        Ok(Value::Linear(Linear::subject(subject, Dimension::NONE)))
    }

    /// Every node that is not lost, together with the others of the innermost place that holds it.
    fn nodes_by_place(&mut self) -> Rc<Vec<Vec<ThingId>>> {
        let nodes = self.all_things(&kinds::node::KIND);
        if let Some(known) = &self.nodes_by_place {
            return Rc::clone(known);
        }
        // Nodes stand in places alone, and what holds one that is there is not lost.
        let mut by_place: BTreeMap<Option<ThingId>, Vec<ThingId>> = BTreeMap::new();
        for node in nodes.iter().copied().filter(|node| !self.is_lost(*node)) {
            by_place.entry(self.thing(node).parent).or_default().push(node);
        }
        let places = Rc::new(by_place.into_values().collect());
        if self.expanded {
            self.nodes_by_place = Some(Rc::clone(&places));
        }
        places
    }

    /// No replica stands where `body` is false; where it is a decision, it holds if one stands there.
    fn every_instance(
        &mut self,
        service: ThingId,
        every: &[ThingId],
        chosen: Vec<(ThingId, Scope)>,
        body: &'a Expr,
    ) -> Outcome<Value> {
        let mut forbidden = Vec::new();
        let mut conditions = Vec::new();
        for (node, scope) in chosen {
            let value = self.evaluate(body, &scope, Expect::Value)?;
            match self.condition_of(value, body.span)? {
                Judged::Fact(true, _) => {}
                Judged::Fact(false, _) => forbidden.push(node),
                Judged::NotYet(because) => return Ok(Value::not_yet(because)),
                judged => conditions.push(joined(false, self.stands_on(service, node, false), judged)),
            }
        }
        let placed = if forbidden.is_empty() {
            Judged::Fact(true, String::new())
        } else {
            only_on(service, every, &forbidden.into_iter().collect())
        };
        Ok(Value::Condition(conditions.into_iter().fold(placed, |all, part| joined(true, all, part))))
    }

    /// Some replica stands where `body` holds.
    fn some_instance(
        &mut self,
        service: ThingId,
        every: &[ThingId],
        chosen: Vec<(ThingId, Scope)>,
        body: &'a Expr,
    ) -> Outcome<Value> {
        let mut fitting = Vec::new();
        let mut conditions = Vec::new();
        for (node, scope) in chosen {
            let value = self.evaluate(body, &scope, Expect::Value)?;
            match self.condition_of(value, body.span)? {
                Judged::Fact(true, _) => fitting.push(node),
                Judged::Fact(false, _) => {}
                Judged::NotYet(because) => return Ok(Value::not_yet(because)),
                judged => conditions.push(joined(true, self.stands_on(service, node, true), judged)),
            }
        }
        let placed = if fitting.is_empty() {
            Judged::Fact(false, "no node is like this".to_owned())
        } else {
            negated(only_on(service, every, &fitting.into_iter().collect()))
        };
        Ok(Value::Condition(conditions.into_iter().fold(placed, |any, part| joined(false, any, part))))
    }

    /// A quantity of the node that each replica stands on, over all replicas.
    fn sum_of_instances(
        &mut self,
        service: ThingId,
        count: usize,
        chosen: Vec<(ThingId, Scope)>,
        body: &'a Expr,
    ) -> Outcome<Value> {
        let mut by_value: BTreeMap<_, Vec<ThingId>> = BTreeMap::new();
        let mut dimension: Option<Dimension> = None;
        for (node, scope) in chosen {
            match self.evaluate(body, &scope, Expect::Value)? {
                Value::Quantity(quantity) => {
                    let known = dimension.get_or_insert_with(|| quantity.dimension.clone());
                    if *known != quantity.dimension {
                        let known = known.clone();
                        return Err(self.mismatch(&known, &quantity.dimension, body.span));
                    }
                    by_value.entry(quantity.value).or_default().push(node);
                }
                Value::NotYet(unjudged) => return Ok(Value::NotYet(unjudged)),
                _ => return Ok(Value::not_yet("sums of decisions over replicas are not judged yet")),
            }
        }
        let Some(dimension) = dimension else {
            return Ok(Value::Zero);
        };
        let mut sum = Linear::constant(Quantity::new(Zero::zero(), dimension.clone()));
        for (value, nodes) in by_value {
            let subject = self.replicas_on(service, nodes.into_iter(), count);
            let term = Linear::subject(subject, Dimension::NONE).scaled(&value, dimension.clone());
            sum = sum.plus(&term, &One::one());
        }
        Ok(Value::Linear(sum))
    }

    /// Some replica of `service` stands on `node`, or none does.
    fn stands_on(&self, service: ThingId, node: ThingId, stands: bool) -> Judged {
        // Never all replicas, even where this is the only node.
        let subject = self.replicas_on(service, std::iter::once(node), usize::MAX);
        let (compare, limit) = if stands { (Compare::AtLeast, 1) } else { (Compare::AtMost, 0) };
        Judged::Compare { terms: vec![(One::one(), subject)], compare, limit: Quantity::integer(limit) }
    }

    /// The replicas that stand on `nodes`, out of as many as there are.
    fn replicas_on(&self, service: ThingId, nodes: impl Iterator<Item = ThingId>, every: usize) -> Subject {
        let mut nodes: Vec<usize> = nodes.filter_map(|node| self.node_index(node)).collect();
        nodes.sort_unstable();
        // An abstract service has no place in the program; what its lines say is only checked.
        let service = self.service_index(service).unwrap_or(usize::MAX);
        if nodes.len() == every {
            Subject::Replicas { service }
        } else {
            Subject::ReplicasOn { service, nodes }
        }
    }
}

/// `i.rack == r` or `i.node == n`: the level, and what is compared with it, where that does not read `variable`.
fn at_one_place<'e>(condition: &'e Expr, variable: &str) -> Option<(&'static Kind, &'e Expr)> {
    let ExprKind::Binary { operator, left, right } = &condition.kind else { return None };
    if operator.value != Operator::Equal {
        return None;
    }
    let level = |side: &Expr| match &side.kind {
        ExprKind::Path(path) if path.head.value == variable => match path.steps.as_slice() {
            [Step::Field(name)] => schema::kind(&name.value)
                .filter(|kind| kind.is_place() || kind.name == kinds::node::KIND.name),
            _ => None,
        },
        _ => None,
    };
    let is_plain = |side: &Expr| match &side.kind {
        ExprKind::Path(path) => {
            let literal = |key: &Expr| matches!(key.kind, ExprKind::Quantity(_) | ExprKind::String(_));
            path.head.value != variable
                && path.steps.iter().all(|step| match step {
                    Step::Field(_) => true,
                    Step::Index { keys, .. } => keys.iter().all(literal),
                    Step::All(_) | Step::Call { .. } => false,
                })
        }
        _ => false,
    };
    [(left, right), (right, left)]
        .into_iter()
        .find_map(|(side, other)| Some((level(side)?, &**other)).filter(|(_, other)| is_plain(other)))
}

/// Of `variable` it reads nothing but the places that hold it: `i.site.market`.
fn speaks_of_places(expression: &Expr, variable: &str) -> bool {
    let inner = |part: &Expr| speaks_of_places(part, variable);
    match &expression.kind {
        ExprKind::Path(path) if path.head.value == variable => match path.steps.first() {
            Some(Step::Field(name)) => schema::kind(&name.value).is_some_and(Kind::is_place),
            _ => false,
        },
        // What stands in brackets or parentheses may read it too.
        ExprKind::Path(path) => path.steps.iter().all(|step| match step {
            Step::Field(_) | Step::All(_) => true,
            Step::Index { keys, .. } => keys.iter().all(inner),
            Step::Call { arguments, .. } => arguments.iter().all(|argument| inner(&argument.value)),
        }),
        ExprKind::List(entries) => entries.iter().all(|entry| inner(&entry.value)),
        ExprKind::Negate(part) | ExprKind::Not(part) => inner(part),
        ExprKind::Binary { left, right, .. } => inner(left) && inner(right),
        ExprKind::Choose { condition, then, otherwise } => {
            inner(condition) && inner(then) && inner(otherwise)
        }
        ExprKind::Fold { over, condition, body, .. } => {
            [Some(over), condition.as_ref(), body.as_ref()].into_iter().flatten().all(|part| inner(part))
        }
        ExprKind::String(text) => !text.contains('{'),
        ExprKind::Quantity(_) | ExprKind::Boolean(_) | ExprKind::Broken => true,
    }
}

/// Every replica stands on a node of `every` that is not one of `without`.
fn only_on(service: ThingId, every: &[ThingId], without: &BTreeSet<ThingId>) -> Judged {
    let nodes = every.iter().filter(|node| !without.contains(node)).copied();
    Judged::Placed { service, nodes: Rc::new(nodes.collect()) }
}

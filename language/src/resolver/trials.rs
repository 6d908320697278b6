//! Scenarios, the tests of the root file, and the program of a test's world.

use super::building::Builder;
use super::ledger::{Cell, Owner};
use super::things::ThingId;
use crate::diagnostics::Diagnostic;
use crate::model::{
    Check, Compare, Condition, CountBound, Form, MeasureBound, Of, PlaceKind, Program, Requirement, Scenario,
    Service, Subject, Term, Test, When, Wish, World,
};
use crate::quantity::Quantity;
use crate::span::{Span, Spanned};
use num_traits::One;
use std::collections::BTreeSet;

const FACTS: &str = "a fact that a scenario sets is not planned yet; what it loses is";

impl Builder<'_, '_> {
    /// Reads every scenario.
    pub(super) fn scenarios(&mut self, order: &[ThingId]) {
        for id in order {
            let known = self.resolver.thing(*id);
            if known.is_abstract || known.kind.name != "scenario" {
                continue;
            }
            let name = known.address.clone();
            let scenario = self.on_behalf(Owner::Unit(known.unit), false, |builder| {
                let (world, checks) = builder.resolver.world(*id);
                builder.repeated(&checks);
                builder.scenario(name, world)
            });
            self.program.scenarios.push(scenario);
        }
    }

    fn scenario(&mut self, name: String, world: World) -> Scenario {
        let World { block, changes, lost, lines: _ } = world;
        for fact in &changes {
            self.not_yet(fact.span, FACTS);
        }
        let links: BTreeSet<String> = self.program.links.iter().map(|link| link.name.clone()).collect();
        for link in lost.iter().filter(|lost| links.contains(&lost.value)) {
            self.not_yet(link.span, "links are not planned yet");
        }
        let is_lost = |address: &String| lost.iter().any(|lost| lost.value == *address);
        let program = &self.program;
        let is_gone = |node: &usize| {
            let mut places = PlaceKind::ALL.into_iter().filter_map(|level| program.place_of(*node, level));
            is_lost(&program.nodes[*node].name) || places.any(|place| is_lost(&program.places[place].name))
        };
        let gone: Vec<usize> = (0..program.nodes.len()).filter(is_gone).collect();
        self.resolver.ledger.read(Cell::Lines);
        let in_services = program.services.iter().flat_map(|service| &service.requirements);
        let requirements = in_services.chain(&program.requirements).map(|line| &line.when);
        let wishes = program.services.iter().flat_map(|service| &service.wishes).chain(&program.wishes);
        let own = Some(program.scenarios.len());
        if !requirements.chain(wishes.map(|wish| &wish.when)).any(|when| when.holds_in(own)) {
            self.resolver.report(
                Diagnostic::warning(
                    "world::idle",
                    "nothing is asked of this scenario",
                    block.span,
                    "no line holds in this world",
                )
                .help("Say what must hold there, in a service or policy: `replicas >= 2 when NAME`."),
            );
        }
        let facts = changes.into_iter().map(|set| Spanned::new((set.path, set.value), set.span)).collect();
        Scenario { name, span: block.span, lost, gone, facts }
    }

    /// Reads every test; those of the root file are run with it.
    pub(super) fn tests(&mut self, order: &[ThingId]) {
        for id in order {
            let known = self.resolver.thing(*id);
            if known.is_abstract || known.kind.name != "test" {
                continue;
            }
            let in_root = known.layers.first().is_some_and(|layer| layer.scope.module == 0);
            let name = known.address.clone();
            let world = self.on_behalf(Owner::Unit(known.unit), false, |builder| {
                let (world, checks) = builder.resolver.world(*id);
                builder.repeated(&checks);
                if in_root {
                    builder.unique("test", &name, world.block.span);
                }
                world
            });
            if in_root {
                self.program.tests.push(Test { name, span: world.block.span, world });
            }
        }
    }

    /// The rest of the program of another world: where something is lost counts are wished for, and what
    /// the world's test checks.
    pub(super) fn other_world(&mut self, world: &World) {
        if !world.lost.is_empty() {
            let own = |span: Span| world.lines.iter().any(|line| line.stands_at(span));
            let resolver = &*self.resolver;
            wish_for_counts(&mut self.program, own, |span| resolver.text(span));
        }
        if let Some(id) = self.resolver.thing_of(&world.block) {
            self.program.checks = self.resolver.checks(id);
        }
    }

    /// Warns of checks that a source line asks for as they are.
    fn repeated(&mut self, checks: &[Check]) {
        if !checks.is_empty() {
            self.resolver.ledger.read(Cell::Lines);
        }
        for check in checks {
            for MeasureBound { subject, compare, limit } in check.bounds() {
                let Form::Quantity(limit) = &limit.form else { continue };
                let requirements = self.program.services.iter().flat_map(|service| &service.requirements);
                let mut requirements = requirements.chain(&self.program.requirements);
                let same = requirements.find(|line| says(&line.condition, subject, compare, limit));
                let Some(span) = same.map(|line| line.span) else { continue };
                self.resolver.report(
                    Diagnostic::warning(
                        "test::repeats",
                        "this check repeats a requirement",
                        check.span,
                        "every plan keeps this already",
                    )
                    .and(span, "it is asked for here")
                    .help("Leave it out, or change it: in its world a check stands for the line on the same measure and statistic."),
                );
            }
        }
    }
}

/// The condition is exactly this bound of a measure.
fn says(condition: &Condition, subject: &Subject, compare: Compare, limit: &Quantity) -> bool {
    match condition {
        Condition::Compare { terms, compare: own, limit: own_limit, .. } => {
            matches!(terms.as_slice(), [term] if term.coefficient.is_one() && term.subject == *subject)
                && *own == compare
                && own_limit.value == limit.value
        }
        Condition::All(parts) => parts.iter().any(|part| says(part, subject, compare, limit)),
        _ => false,
    }
}

/// Whether a condition speaks of counts of replicas and places alone; the services go to `of`.
fn counts_only(condition: &Condition, of: &mut Vec<usize>) -> bool {
    let mut counted = |subject: &Subject| match subject {
        Subject::Replicas { service }
        | Subject::ReplicasOn { service, .. }
        | Subject::Spread { of: Of::Service(service), .. } => {
            of.push(*service);
            true
        }
        _ => false,
    };
    match condition {
        Condition::Compare { terms, .. } | Condition::Listed { terms, .. } => {
            terms.iter().all(|term| counted(&term.subject))
        }
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(|part| counts_only(part, of)),
        Condition::Not(inner) => counts_only(inner, of),
        Condition::Chosen { .. } | Condition::Placed { .. } | Condition::NotYet { .. } => false,
    }
}

/// Turns lines on `replicas` and `spread` into wishes without a price, at the priority of the service they
/// speak of: the highest, where they speak of several. Lines that the world itself states stay.
fn wish_for_counts(program: &mut Program, own: impl Fn(Span) -> bool, text: impl Fn(Span) -> String) {
    let priorities: Vec<i64> = program.services.iter().map(|service| service.priority.value).collect();
    let is_wish = |requirement: &Requirement| {
        counts_only(&requirement.condition, &mut Vec::new()) && !own(requirement.span)
    };
    let wish = |requirement: Requirement| {
        let mut of = Vec::new();
        counts_only(&requirement.condition, &mut of);
        let priority = of.iter().filter_map(|service| priorities.get(*service)).max();
        Wish {
            service: requirement.service,
            text: requirement.text,
            span: requirement.span,
            when: requirement.when,
            condition: requirement.condition,
            price: None,
            priority: priority.copied().unwrap_or(0),
            unjudged: requirement.unjudged,
        }
    };
    for (index, service) in program.services.iter_mut().enumerate() {
        let lines = std::mem::take(&mut service.requirements);
        let (wished, kept): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_wish);
        service.requirements = kept;
        service.wishes.extend(wished.into_iter().map(wish));
        wish_for_replicas(index, service, &own, &text);
    }
    let lines = std::mem::take(&mut program.requirements);
    let (wished, kept): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_wish);
    program.requirements = kept;
    program.wishes.extend(wished.into_iter().map(wish));
}

/// The same of the lines that bound a service's replicas. That a service runs at all, unless a line lets it
/// rest, is wished for too.
fn wish_for_replicas(
    index: usize,
    service: &mut Service,
    own: impl Fn(Span) -> bool,
    text: impl Fn(Span) -> String,
) {
    let lines = std::mem::take(&mut service.replicas);
    let (stated, bounds): (Vec<_>, Vec<_>) = lines.into_iter().partition(|bound| own(bound.span));
    let mut wish = |span, compare, limit: u64| {
        service.wishes.push(Wish {
            service: Some(index),
            text: text(span),
            span,
            when: When::default(),
            condition: Condition::Compare {
                terms: vec![Term { coefficient: One::one(), subject: Subject::Replicas { service: index } }],
                compare,
                limit: Quantity::integer(limit),
                integer: true,
            },
            price: None,
            priority: service.priority.value,
            unjudged: None,
        });
    };
    if stated.is_empty() && bounds.iter().all(|bound| bound.low.is_none()) {
        wish(service.span, Compare::AtLeast, 1);
    }
    for bound in &bounds {
        // Both ends: at most one of them is missed, so the shortfall is the distance from the range.
        if let Some(low) = bound.low.filter(|low| *low > 0) {
            wish(bound.span, Compare::AtLeast, low);
        }
        if let Some(high) = bound.high {
            wish(bound.span, Compare::AtMost, high);
        }
    }
    service.replicas = stated;
    if service.replicas.is_empty() {
        service.replicas.push(CountBound { low: Some(0), high: None, span: service.span, pinned: false });
    }
}

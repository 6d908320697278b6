//! Things to the program: devices and models in use, nodes, services, policies and the plan.

use super::conditions::unjudged_subject;
use super::evaluation::Expect;
use super::ledger::{Cell, Claim, Owner, Part, fingerprint};
use super::names::Group;
use super::things::{Thing, ThingId};
use super::value::{Linear, Value};
use super::{Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::model::{
    Bound, Fact, NotYet, Objective, Placeholder, Plan, Policy, Profile, Program, Requirement, Subject, Term,
    World,
};
use crate::quantity::Quantity;
use crate::schema::kinds::{self, PlanRows, PolicyRows};
use crate::schema::{Field, Support, Type};
use crate::span::{Span, Spanned};
use crate::syntax::ast::{self, ExprKind, Item};
use num_rational::BigRational;
use num_traits::Zero;
use std::collections::{BTreeMap, BTreeSet};

/// A program while it is put together.
pub(super) struct Builder<'r, 'a> {
    pub(super) resolver: &'r mut Resolver<'a>,
    pub(super) program: Program,
    pub(super) devices: BTreeMap<ThingId, usize>,
    pub(super) models: BTreeMap<ThingId, usize>,
    /// Blocks of nodes that need not be filled, by what holds them and where they stand.
    pub(super) fillings: BTreeMap<(Option<ThingId>, Option<Span>), usize>,
    reported: BTreeSet<Span>,
    /// While it is set, lines are read for their mistakes alone.
    pub(super) quiet: bool,
}

impl<'a> Resolver<'a> {
    /// Every stated fact is computed once, so that its mistakes are found even where nobody reads it.
    pub(super) fn check_things(&mut self) {
        for at in 0..self.things.len() {
            let id = ThingId(at);
            let Thing { unit, is_abstract, .. } = *self.thing(id);
            if self.works_on(unit) {
                self.on_behalf(Owner::Unit(unit), Part::REST, is_abstract, |resolver| {
                    resolver.check_thing(id);
                });
            }
        }
        self.check_single_plan();
    }

    fn check_thing(&mut self, id: ThingId) {
        let known = self.thing(id);
        let known_kind = known.kind.name;
        let head = known.layers.first().map(|layer| layer.block.head);
        let assigned: Vec<_> =
            known.assigned.values().map(|assigned| (assigned.field, assigned.assign.span)).collect();
        for (field, span) in assigned {
            // What a world loses is read in that world.
            if matches!(field.type_, Type::Open | Type::Objective | Type::Moved)
                || matches!(known_kind, "test" | "scenario")
            {
                continue;
            }
            // What fails has been reported.
            let _ = self.fact(id, field, head.unwrap_or(span));
            if field.type_ == Type::Source
                && let Some(line) = self.thing(id).assigned.get(field.name).map(|assigned| assigned.assign)
            {
                self.check_source(self.thing(id).kind, line);
            }
        }
        if self.thing(id).kind.name == "model" && !self.lenient {
            self.check_model(id);
        }
    }

    /// A program has one plan.
    fn check_single_plan(&mut self) {
        let plans = self.all_things(&kinds::plan::KIND);
        let heads = plans.iter().filter_map(|thing| self.thing(*thing).layers.first());
        let heads: Vec<_> = heads.map(|layer| layer.block.head).collect();
        if let [first, others @ ..] = heads.as_slice() {
            // The first one is the plan, but it may be read before there is another.
            if !others.is_empty() {
                self.depends_on_order();
            }
            for other in others {
                self.report(
                    Diagnostic::error("name::duplicate", "a program has one plan", *other, "a second one")
                        .and(*first, "the first one")
                        .help(
                            "Make one block of them; two objectives are a list: `minimize = [moves, bill]`.",
                        ),
                );
            }
        }
    }

    /// The `plan` block.
    pub(super) fn plan_thing(&mut self) -> Option<ThingId> {
        self.all_things(&kinds::plan::KIND).first().copied()
    }

    /// The things of some groups in the order in which they stand in the files, nested ones after what holds
    /// them.
    pub(super) fn in_order(&self, wanted: impl Fn(&Group<'a>) -> bool) -> Vec<ThingId> {
        let mut listed = Vec::new();
        for group in &self.order {
            let Some(group) = self.groups.get(group.0).filter(|group| wanted(group)) else {
                continue;
            };
            let mut things: Vec<_> = group.things.values().copied().collect();
            things.sort_unstable();
            let mut waiting: Vec<_> = things.into_iter().rev().collect();
            while let Some(thing) = waiting.pop() {
                listed.push(thing);
                let children = self.thing(thing).children.values();
                let mut children: Vec<_> = children.flat_map(|keyed| keyed.values().copied()).collect();
                children.sort_unstable_by(|a, b| b.cmp(a));
                waiting.extend(children);
            }
        }
        listed
    }

    /// The program of all things.
    pub(super) fn build(&mut self, params: Vec<Bound>, world: Option<&World>) -> Program {
        let order = self.in_order(|group| group.blocks().any(|(unit, _)| self.works_on(unit)));
        let an_hour = || BigRational::from_integer(3_600.into());
        let calendar = self.calendar(self.file_start(0));
        let (steps, step) =
            calendar.map_or_else(|_| (24, an_hour()), |calendar| (calendar.steps, calendar.seconds));
        let mut builder = Builder {
            resolver: self,
            program: Program { params, plan: Plan { steps, step, ..Plan::default() }, ..Program::default() },
            devices: BTreeMap::new(),
            models: BTreeMap::new(),
            fillings: BTreeMap::new(),
            reported: BTreeSet::new(),
            quiet: false,
        };
        for thing in &order {
            builder.thing(*thing);
        }
        if builder.resolver.work.is_none() {
            builder.scenarios(&order);
        }
        match (world, builder.resolver.work) {
            (Some(world), _) => builder.other_world(world),
            (None, None) => builder.tests(&order),
            // Tests are never among what is worked on.
            (None, Some(_)) => {}
        }
        if builder.resolver.work.is_none_or(|work| work.teams) {
            builder.on_behalf(Owner::Teams, false, Builder::guarantees);
        }
        if builder.resolver.work.is_none() {
            builder.on_behalf(Owner::Nameplates, false, Builder::nameplates);
        }
        builder.program
    }
}

impl<'a> Builder<'_, 'a> {
    /// Does `work` on behalf of `owner`.
    pub(super) fn on_behalf<T>(
        &mut self,
        owner: Owner,
        lenient: bool,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.part(owner, Part::REST, lenient, work)
    }

    /// Does `work` for a part of what `owner` says.
    pub(super) fn part<T>(
        &mut self,
        owner: Owner,
        part: Part,
        lenient: bool,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.resolver.turn(owner, part, lenient);
        let outcome = work(self);
        self.resolver.turn_back(before);
        outcome
    }

    fn thing(&mut self, id: ThingId) {
        let Thing { unit, is_abstract, .. } = *self.resolver.thing(id);
        if self.resolver.works_on(unit) {
            self.on_behalf(Owner::Unit(unit), is_abstract, |builder| builder.thing_here(id));
        }
    }

    fn thing_here(&mut self, id: ThingId) {
        if self.resolver.is_lost(id) {
            return;
        }
        let kind = self.resolver.thing(id).kind;
        if kind.describes() {
            self.built_for_others(id);
        }
        let known = self.resolver.thing(id);
        // Read once everything else is known: each is a world of its own.
        if matches!(kind.name, "test" | "scenario") && known.is_abstract {
            return;
        }
        if known.is_abstract {
            // Its lines are read for their mistakes alone.
            self.quiet = true;
            let _ = self.lines(id);
            self.quiet = false;
            return;
        }
        let parent_told = known
            .parent
            .is_some_and(|parent| matches!(self.resolver.thing(parent).kind.support, Support::NotYet(_)));
        match kind.support {
            Support::NotYet(because) if !parent_told => {
                if let Some(head) = self.head(id) {
                    self.not_yet(head, because);
                }
            }
            _ => {}
        }
        match kind.name {
            "node" => self.node(id),
            "site" | "row" | "rack" => self.place(id),
            // Built with the place they stand in.
            "breaker" | "sensor" | "stage" => {}
            "link" => self.link(id),
            "team" => self.team(id),
            "maintenance" => self.maintenance(id),
            "service" => self.service(id),
            "flow" => self.flow(id),
            "job" => self.job(id),
            "pool" => self.pool(id),
            "plan" => self.plan(id),
            "policy" => self.policy(id),
            // They describe: built where they are used.
            "device" | "model" => {}
            "test" | "scenario" => {}
            _ => {
                let lines = self.lines(id);
                self.program.requirements.extend(lines.requirements);
                self.program.wishes.extend(lines.wishes);
            }
        }
    }

    fn policy(&mut self, id: ThingId) {
        let PolicyRows { implied, bill: _, carbon: _, energy: _, moves: _, hour: _ } = PolicyRows::rows();
        let lines = self.lines(id);
        let name = self.resolver.thing(id).name.clone();
        let named = |requirement: Requirement| Requirement { policy: Some(name.clone()), ..requirement };
        self.program.requirements.extend(lines.requirements.into_iter().map(named));
        self.program.wishes.extend(lines.wishes);
        let implied = self.boolean(id, implied);
        self.program.policies.push(Policy { name, span: self.head_or_start(id), implied });
    }

    /// The head of a thing's own block.
    pub(super) fn head(&self, id: ThingId) -> Option<Span> {
        let layers = &self.resolver.thing(id).layers;
        layers.first().map(|layer| layer.block.head)
    }

    /// The doc comment of a thing's own block.
    pub(super) fn doc(&self, id: ThingId) -> Option<String> {
        let layers = &self.resolver.thing(id).layers;
        layers.first().and_then(|layer| layer.block.doc.clone())
    }

    pub(super) fn head_or_start(&self, id: ThingId) -> Span {
        self.head(id).unwrap_or_else(|| self.resolver.file_start(0))
    }

    /// Says that a plan is partial because of the line at `span`.
    pub(super) fn not_yet(&mut self, span: Span, because: &str) {
        if !self.warn(span, because) {
            return;
        }
        let text = self.resolver.text(span);
        self.program.not_yet.push(NotYet { text, span, because: because.to_owned() });
    }

    /// Whether it is said for the first time.
    pub(super) fn warn(&mut self, span: Span, because: &str) -> bool {
        if self.quiet {
            return false;
        }
        self.resolver.report(
            Diagnostic::warning("plan::not-yet", "understood, and not acted on yet", span, because)
                .help("The plan does not take this line into account, and every output says so."),
        );
        self.reported.insert(span)
    }

    /// A stated fact, converted; `None` where no line states it or no stage reads it yet.
    pub(super) fn stated<T>(
        &mut self,
        id: ThingId,
        field: &'static Field,
        convert: impl FnOnce(&mut Self, Value) -> Option<T>,
    ) -> Option<Fact<T>> {
        let Some(line) = self.resolver.thing(id).assigned.get(field.name) else {
            let (value, span) = self.resolver.configured(id, field)?;
            return Some(Spanned::new(convert(self, value)?, span));
        };
        let span = line.assign.span;
        match self.resolver.fact(id, field, span).ok()? {
            Value::NotYet(unjudged) => {
                self.not_yet(span, &unjudged.because);
                None
            }
            value => Some(Spanned::new(convert(self, value)?, span)),
        }
    }

    pub(super) fn quantity(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Quantity>> {
        self.stated(id, field, |_, value| match value {
            Value::Quantity(quantity) => Some(quantity),
            _ => None,
        })
    }

    /// A fact that may vary over the horizon.
    pub(super) fn profile(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Profile>> {
        self.stated(id, field, |_, value| match value {
            Value::Quantity(Quantity { value, dimension }) => {
                Some(Profile { values: vec![value], dimension })
            }
            Value::Profile(profile) => Some((*profile).clone()),
            _ => None,
        })
    }

    pub(super) fn whole(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<i64>> {
        self.stated(id, field, |_, value| match value {
            Value::Quantity(quantity) => quantity.as_integer(),
            _ => None,
        })
    }

    pub(super) fn count(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<u64>> {
        let whole = self.whole(id, field)?;
        let value = u64::try_from(whole.value).ok()?;
        Some(Spanned::new(value, whole.span))
    }

    pub(super) fn boolean(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<bool>> {
        self.stated(id, field, |_, value| match value {
            Value::Boolean(value) => Some(value),
            _ => None,
        })
    }

    pub(super) fn name_of(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<String>> {
        self.stated(id, field, |_, value| match value {
            Value::Symbol(name) | Value::Text(name) => Some(name),
            _ => None,
        })
    }

    /// The address of the thing that a fact names.
    pub(super) fn address_of(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<String>> {
        self.stated(id, field, |builder, value| match value {
            Value::Thing(thing) => Some(builder.resolver.thing(thing).address.clone()),
            _ => None,
        })
    }

    /// The service that a thing is, or whose pool it is, by index.
    pub(super) fn service_of(&self, id: ThingId) -> Option<usize> {
        let parent = || self.resolver.service_index(self.resolver.thing(id).parent?);
        self.resolver.service_index(id).or_else(parent)
    }

    /// Fields that no stage acts on: those that are stated are said once a line.
    pub(super) fn unread(&mut self, id: ThingId, fields: &[&'static Field]) {
        for field in fields {
            let assigned = self.resolver.thing(id).assigned.get(field.name);
            let Some(span) = assigned.map(|assigned| assigned.assign.span) else {
                continue;
            };
            match field.support {
                Support::NotYet(because) => self.not_yet(span, because),
                Support::Acted | Support::Describes => {}
            }
        }
    }

    /// Keeps `name` of a kind to one thing in the whole program.
    pub(super) fn unique(&mut self, kind: &'static str, name: &str, span: Span) {
        self.resolver.ledger.page().claims.push(Claim { kind, name: name.to_owned(), span, was: false });
    }

    /// The same, of a name that a thing had before.
    pub(super) fn was(&mut self, kind: &'static str, name: &str, span: Span) {
        self.resolver.ledger.page().claims.push(Claim { kind, name: name.to_owned(), span, was: true });
    }

    /// Notes that a device or model is used: whoever uses it may read what was made of it.
    pub(super) fn uses(&mut self, id: ThingId) {
        let owner = self.owner_built(id);
        self.resolver.ledger.read(Cell::Of(self.resolver.thing(id).unit, Part::REST));
        self.resolver.ledger.page().uses.insert(owner);
    }

    /// Builds a device or model on its own behalf.
    pub(super) fn built<T>(&mut self, id: ThingId, build: impl FnOnce(&mut Self) -> T) -> T {
        let owner = self.owner_built(id);
        self.on_behalf(owner, false, build)
    }

    fn owner_built(&self, id: ThingId) -> Owner {
        let known = self.resolver.thing(id);
        Owner::Built(known.unit, fingerprint(&known.address))
    }

    /// Builds what describes again where something uses it that is not worked on.
    fn built_for_others(&mut self, id: ThingId) {
        let (owner, is_model) = (self.owner_built(id), self.resolver.thing(id).kind.name == "model");
        if !self.resolver.work.is_some_and(|work| work.built.contains(&owner)) {
            return;
        }
        if is_model && !self.models.contains_key(&id) {
            self.built(id, |builder| builder.build_model(id));
        } else if !is_model && !self.devices.contains_key(&id) {
            self.built(id, |builder| builder.build_device(id));
        }
    }

    /// Sources that say their facts are invented.
    pub(super) fn placeholders(&mut self, id: ThingId) {
        let layers = self.resolver.thing(id).layers.clone();
        for layer in layers {
            for item in layer.block.items.as_deref().unwrap_or_default() {
                let Item::Assign(assign) = item else { continue };
                if assign.target.head.value != "source" || !assign.target.steps.is_empty() {
                    continue;
                }
                let texts: Vec<&ast::Expr> = match &assign.value.kind {
                    ExprKind::List(entries) => entries.iter().map(|entry| &entry.value).collect(),
                    _ => vec![&assign.value],
                };
                for expression in texts {
                    let ExprKind::String(text) = &expression.kind else {
                        continue;
                    };
                    let Some(text) = text.strip_prefix("placeholder:") else {
                        continue;
                    };
                    if !self.reported.insert(expression.span) {
                        continue;
                    }
                    let name = layer.block.name.as_ref();
                    let keys = layer.block.keys.as_ref();
                    let name = name.map_or(layer.block.kind.value.as_str(), |name| name.value.as_str());
                    let keys = keys.map_or(String::new(), |keys| self.resolver.text(keys.span));
                    self.program.placeholders.push(Placeholder {
                        thing: format!("{name}{keys}"),
                        text: text.trim().to_owned(),
                        span: expression.span,
                    });
                }
            }
        }
    }

    fn plan(&mut self, id: ThingId) {
        let PlanRows {
            minimize,
            horizon: _,
            step: _,
            start: _,
            gap,
            effort,
            band,
            target,
            moved,
            bill: _,
            carbon: _,
            energy: _,
            hour: _,
            moves: _,
        } = PlanRows::rows();
        let known = self.resolver.thing(id);
        let name = known.layers.first().and_then(|layer| layer.block.name.as_ref());
        self.program.plan.name = name.map(|name| name.value.clone());
        self.program.plan.span = self.head(id);
        self.program.plan.gap = self.quantity(id, gap).map(|gap| Spanned::new(gap.value.value, gap.span));
        self.program.plan.effort = self.count(id, effort);
        self.program.plan.target = self.target(id, target);
        self.unread(id, &[band, target]);
        self.minimize(id, minimize);
        self.moved(id, moved);
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// `minimize = bill`, or a list of objectives.
    fn minimize(&mut self, id: ThingId, field: &'static Field) {
        let known = self.resolver.thing(id);
        let Some(assigned) = known.assigned.get(field.name) else {
            return;
        };
        let expression = &assigned.assign.value;
        let Some(layer) = known.layers.get(assigned.layer) else {
            return;
        };
        let scope = Scope { thing: Some(id), ..layer.scope.clone() };
        let entries: Vec<&'a ast::Expr> = match &expression.kind {
            ExprKind::List(entries) => entries.iter().map(|entry| &entry.value).collect(),
            _ => vec![expression],
        };
        for entry in entries {
            let Ok(value) = self.resolver.evaluate(entry, &scope, Expect::Value) else {
                continue;
            };
            if let Value::Linear(linear) = &value
                && let Some(objective) = plain(linear)
            {
                self.program.plan.minimize.push(Spanned::new(objective, entry.span));
                continue;
            }
            match value {
                Value::NotYet(unjudged) => self.not_yet(entry.span, &unjudged.because),
                Value::Linear(linear) if !linear.terms.is_empty() => {
                    let unjudged = linear.terms.keys().find_map(unjudged_subject);
                    let unjudged = unjudged.unwrap_or_else(|| {
                        "of objectives only `bill` and `moves` are minimised yet".to_owned()
                    });
                    self.not_yet(entry.span, &unjudged);
                    let terms = linear.terms.into_iter();
                    let terms = terms.map(|(subject, coefficient)| Term { coefficient, subject }).collect();
                    let objective = Objective::Sum { terms, dimension: linear.dimension, unjudged };
                    self.program.plan.minimize.push(Spanned::new(objective, entry.span));
                }
                other => {
                    let label = format!("this is {}", other.noun());
                    self.resolver.report(
                        Diagnostic::error("value::type", "there is nothing to minimise", entry.span, label)
                            .help("Minimise something that the planner predicts: `minimize = bill`."),
                    );
                }
            }
        }
    }
}

/// The objective that a sum is where it orders plans as one that is minimised does: a positive multiple of it.
fn plain(linear: &Linear) -> Option<Objective> {
    let mut terms = linear.terms.iter().filter(|_| linear.constant.is_zero());
    let (Some((subject, factor)), None) = (terms.next(), terms.next()) else { return None };
    match subject {
        _ if *factor <= BigRational::zero() => None,
        Subject::Bill => Some(Objective::Bill),
        Subject::Moves => Some(Objective::Moves),
        _ => None,
    }
}

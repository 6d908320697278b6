//! Teams and maintenance.

use super::building::Builder;
use super::shapes::window_of;
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{Fact, Maintenance, Object, Team, Window};
use crate::quantity::{Dimension, Quantity, ratio};
use crate::quantity_text::percent;
use crate::schema::Field;
use crate::schema::kinds::{MaintenanceRows, TeamRows};
use crate::span::Spanned;
use num_rational::BigRational;
use num_traits::{One, Zero};

impl<'a> Builder<'_, 'a> {
    pub(super) fn team(&mut self, id: ThingId) {
        let TeamRows { guaranteed, limit, borrowing, budget } = TeamRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("team", &name, span);
        let guaranteed = self.ratio(id, guaranteed);
        let limit = self.ratio(id, limit);
        if let (Some(guaranteed), Some(limit)) = (&guaranteed, &limit)
            && guaranteed.value > limit.value
        {
            let (guaranteed_text, limit_text) = (percent(&guaranteed.value), percent(&limit.value));
            self.resolver.report(
                Diagnostic::error(
                    "team::shares",
                    format!("team `{name}` is guaranteed more than it may use"),
                    guaranteed.span,
                    format!("{guaranteed_text} can always be had back"),
                )
                .and(limit.span, format!("at most {limit_text} may be used"))
                .help("Raise the limit or lower the guarantee."),
            );
        }
        let team = Team {
            name,
            span,
            doc: self.doc(id),
            guaranteed,
            limit,
            borrowing: self.boolean(id, borrowing).is_some_and(|borrowing| borrowing.value),
            budget: self.quantity(id, budget),
        };
        self.unread(id, &[budget]);
        self.program.teams.push(team);
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// Guarantees hold at once: together they are at most everything.
    pub(super) fn guarantees(&mut self) {
        let shares = self.program.teams.iter().filter_map(|team| team.guaranteed.as_ref());
        let shares: Vec<_> = shares.map(|share| (share.value.clone(), share.span)).collect();
        let total = shares.iter().fold(BigRational::zero(), |total, (share, _)| total + share);
        if total <= BigRational::one() {
            return;
        }
        // The line with which it becomes too much is the place; the others are why.
        let mut so_far = BigRational::zero();
        let over = shares.iter().position(|(share, _)| {
            so_far += share;
            so_far > BigRational::one()
        });
        let Some(((share, span), before)) = over.and_then(|over| shares.get(..=over)?.split_last()) else {
            return;
        };
        let mut diagnostic = Diagnostic::error(
            "team::shares",
            format!("teams are guaranteed {} of the devices together", percent(&total)),
            *span,
            format!("{} more", percent(share)),
        );
        for (share, span) in before.iter().filter(|(share, _)| !share.is_zero()) {
            diagnostic = diagnostic.and(*span, percent(share));
        }
        self.resolver.report(diagnostic.help(
            "Guarantees hold at the same time, so they add up to 100% at most. What a team may use beyond is its `limit`.",
        ));
    }

    pub(super) fn maintenance(&mut self, id: ThingId) {
        let MaintenanceRows { what, at_once, each, hours } = MaintenanceRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("maintenance", &name, span);
        let what = self.worked_on(id, what);
        let each = self.needed(id, each);
        let hours = self.stated(id, hours, |_, value| window_of(&value));
        if let (Some(each), Some(hours)) = (&each, &hours) {
            self.fits_within(each, hours);
        }
        let at_once = self.count(id, at_once).map_or(1, |at_once| at_once.value);
        let doc = self.doc(id);
        if let (Some(what), Some(each)) = (what, each) {
            self.program.maintenances.push(Maintenance { name, span, doc, what, at_once, each, hours });
        }
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// What is worked on, each once, in order.
    fn worked_on(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Vec<Object>>> {
        let head = self.head_or_start(id);
        let span = self.resolver.thing(id).assigned.get(field.name).map_or(head, |line| line.assign.span);
        let Value::Things(things) = self.resolver.fact(id, field, head).ok()? else {
            return None;
        };
        let mut objects: Vec<_> = things.iter().filter_map(|thing| self.object(*thing)).collect();
        objects.sort_unstable();
        objects.dedup();
        // In another world all of it may be lost.
        if things.is_empty() {
            self.resolver.report(
                Diagnostic::error("value::empty", "nothing is worked on", span, "nothing stands here")
                    .help("Name nodes, places or links: `what = dal.r[*]`."),
            );
            return None;
        }
        Some(Spanned::new(objects, span))
    }

    fn object(&self, thing: ThingId) -> Option<Object> {
        let resolver = &self.resolver;
        match resolver.thing(thing).kind.name {
            "node" => resolver.node_index(thing).map(Object::Node),
            "link" => resolver.link_index(thing).map(Object::Link),
            _ => resolver.place_index(thing).map(Object::Place),
        }
    }

    /// One piece of work ends before its hours do.
    fn fits_within(&mut self, each: &Fact<Quantity>, hours: &Fact<Window>) {
        let Window { from, to } = &hours.value;
        let day = ratio(86_400, 1);
        let length = if from < to { to - from } else { to - from + day };
        if each.value.value <= length {
            return;
        }
        let length = Quantity::new(length, Dimension::TIME);
        self.resolver.report(
            Diagnostic::error(
                "maintenance::too-long",
                "the work does not fit into its hours",
                each.span,
                format!("one takes {}", each.value),
            )
            .and(hours.span, format!("these are {length}"))
            .help("Widen the hours, or part the work."),
        );
    }
}

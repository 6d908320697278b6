//! Sites, rows and racks, what guards their power, and the links between places.

use super::building::Builder;
use super::shapes::{labels_of, points_of, window_of};
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{Actuator, Breaker, Fact, Label, Link, Place, PlaceKind, Profile, Reach, Sensor, Stage};
use crate::quantity::Quantity;
use crate::schema::kinds::{BreakerRows, LinkRows, RackRows, RowRows, SensorRows, SiteRows, StageRows};
use crate::schema::{Field, Kind};
use crate::span::{Span, Spanned};

/// The rows that sites, rows and racks share; those that only some have are optional.
struct Rows {
    zone: &'static Field,
    residency: &'static Field,
    market: &'static Field,
    feed: &'static Field,
    pue: Option<&'static Field>,
    energy_price: &'static Field,
    carbon_intensity: &'static Field,
    interruption: &'static Field,
    notice: &'static Field,
    failures: &'static Field,
    repair: &'static Field,
    labels: &'static Field,
}

impl<'a> Builder<'_, 'a> {
    pub(super) fn place(&mut self, id: ThingId) {
        let kind = self.resolver.thing(id).kind;
        let (level, rows) = rows(kind);
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique(kind.name, &name, span);
        let parent = self.holder(id);
        let mut place = Place {
            level,
            name,
            span,
            parent,
            zone: self.text_around(id, rows.zone),
            residency: self.text_around(id, rows.residency),
            market: self.market(id, rows.market, span),
            interruption: self.quantity_around(id, rows.interruption),
            notice: self.quantity_around(id, rows.notice),
            feed: self.quantity(id, rows.feed),
            pue: rows.pue.and_then(|pue| self.ratio(id, pue)),
            energy_price: self.profile_around(id, rows.energy_price),
            carbon_intensity: self.profile_around(id, rows.carbon_intensity),
            failures: self.quantity(id, rows.failures),
            repair: self.quantity(id, rows.repair),
            labels: self.labels(id, rows.labels),
            breaker: None,
            sensor: None,
            stages: Vec::new(),
        };
        self.guards_of(id, &mut place);
        self.program.places.push(place);
        self.placeholders(id);
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// The innermost place that holds a thing, by index into the program's places.
    pub(super) fn holder(&self, id: ThingId) -> Option<usize> {
        let mut above = self.resolver.thing(id).parent;
        while let Some(parent) = above {
            if let Some(index) = self.resolver.place_index(parent) {
                return Some(index);
            }
            above = self.resolver.thing(parent).parent;
        }
        None
    }

    /// The breaker, the sensor and the stages that stand in a place.
    fn guards_of(&mut self, id: ThingId, place: &mut Place) {
        let children = self.resolver.thing(id).children.values();
        let mut children: Vec<_> = children.flat_map(|keyed| keyed.values().copied()).collect();
        children.sort_unstable();
        for child in children {
            match self.resolver.thing(child).kind.name {
                "breaker" => {
                    let first = place.breaker.as_ref().map(|breaker| breaker.span);
                    if self.only_one(child, first, &place.name) {
                        place.breaker = self.breaker(child);
                    }
                }
                "sensor" => {
                    let first = place.sensor.as_ref().map(|sensor| sensor.span);
                    if self.only_one(child, first, &place.name) {
                        place.sensor = self.sensor(child);
                    }
                }
                "stage" => place.stages.extend(self.stage(child)),
                _ => continue,
            }
            self.placeholders(child);
            let lines = self.lines(child);
            self.program.requirements.extend(lines.requirements);
            self.program.wishes.extend(lines.wishes);
        }
        place.stages.sort_by(|a, b| a.at.value.value.cmp(&b.at.value.value));
        if let (Some(stage), None) = (place.stages.first(), &place.sensor) {
            let stage = stage.span;
            self.resolver.report(
                Diagnostic::error(
                    "power::no-sensor",
                    format!("nothing reads the power of `{}`", place.name),
                    stage,
                    "this acts on what a sensor reads",
                )
                .and(place.span, "no sensor stands in here")
                .help("Give the place a sensor: `sensor { every = 2s }`."),
            );
        }
    }

    /// A place has one breaker and one sensor; whether this is the first.
    fn only_one(&mut self, id: ThingId, first: Option<Span>, place: &str) -> bool {
        let Some(first) = first else {
            return true;
        };
        let (kind, head) = (self.resolver.thing(id).kind.name, self.head_or_start(id));
        self.resolver.report(
            Diagnostic::error("name::duplicate", format!("`{place}` has two {kind}s"), head, "a second one")
                .and(first, "the first one")
                .help(format!(
                    "A place has one {kind}. Give each part of it a place of its own, with its {kind}."
                )),
        );
        false
    }

    fn breaker(&mut self, id: ThingId) -> Option<Breaker> {
        let BreakerRows { rated, trips, source: _ } = BreakerRows::rows();
        let trips = self.stated(id, trips, |_, value| points_of(&value));
        Some(Breaker { span: self.head_or_start(id), rated: self.needed(id, rated)?, trips })
    }

    fn sensor(&mut self, id: ThingId) -> Option<Sensor> {
        let SensorRows { every, error, source: _ } = SensorRows::rows();
        let error = self.ratio(id, error);
        Some(Sensor { span: self.head_or_start(id), every: self.needed(id, every)?, error })
    }

    fn stage(&mut self, id: ThingId) -> Option<Stage> {
        let StageRows { at, release, clock, cap, below_priority, actuator, source: _ } = StageRows::rows();
        let (name, span) = (self.resolver.thing(id).name.clone(), self.head_or_start(id));
        let clock = self.quantity(id, clock);
        let cap = self.quantity(id, cap);
        let below_priority = self.whole(id, below_priority);
        let actuator: Option<Fact<Actuator>> = self.stated(id, actuator, |_, value| match value {
            Value::Actuator(actuator) => Some(actuator),
            _ => None,
        });
        if clock.is_none() && cap.is_none() {
            self.resolver.report(
                Diagnostic::error(
                    "power::no-effect",
                    format!("stage `{name}` changes nothing"),
                    span,
                    "it sets neither a clock nor a power limit",
                )
                .help("Say what it does: `clock = 1_110MHz`, or `cap = 400W`."),
            );
        }
        let (at, release) = (self.needed(id, at), self.needed(id, release));
        let (at, release) = (at?, release?);
        if release.value.value >= at.value.value {
            self.resolver.report(
                Diagnostic::error(
                    "power::release",
                    format!("stage `{name}` ends where it begins"),
                    release.span,
                    format!("it ends under {}", release.value),
                )
                .and(at.span, format!("it begins at {}", at.value))
                .help("Let it end well below where it begins, or it sets in again at once."),
            );
            return None;
        }
        Some(Stage { name, span, at, release, clock, cap, below_priority, actuator })
    }

    /// A fact that a thing cannot be without.
    pub(super) fn needed(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Quantity>> {
        if !self.resolver.thing(id).assigned.contains_key(field.name) {
            let head = self.head_or_start(id);
            // It has been reported.
            let _ = self.resolver.fact(id, field, head);
            return None;
        }
        self.quantity(id, field)
    }

    pub(super) fn link(&mut self, id: ThingId) {
        let LinkRows { between, bandwidth, latency, price, reach, contacts, load: _, bill: _, source: _ } =
            LinkRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("link", &name, span);
        self.placeholders(id);
        let joined = self.ends(id, between);
        let bandwidth = self.needed(id, bandwidth);
        let latency = self.quantity(id, latency);
        let price = self.quantity(id, price);
        let reach = self.stated(id, reach, |_, value| match value {
            Value::Symbol(name) => Some(match name.as_str() {
                "nat" => Reach::Nat,
                "relay" => Reach::Relay,
                _ => Reach::Public,
            }),
            _ => None,
        });
        let contacts = self.stated(id, contacts, |_, value| match value {
            Value::List(windows) => windows.iter().map(window_of).collect::<Option<Vec<_>>>(),
            _ => None,
        });
        if let (Some(between), Some(bandwidth)) = (joined, bandwidth) {
            let reach = reach.map_or_else(Reach::default, |reach| reach.value);
            let link = Link { name, span, between, bandwidth, latency, price, reach, contacts };
            self.program.links.push(link);
        }
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// The two places that a link joins.
    fn ends(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<(usize, usize)>> {
        let head = self.head_or_start(id);
        let span = self.resolver.thing(id).assigned.get(field.name).map_or(head, |line| line.assign.span);
        let Value::Things(things) = self.resolver.fact(id, field, head).ok()? else {
            return None;
        };
        let label = match things.as_slice() {
            [a, b] if a != b => {
                let index = |thing: &ThingId| self.resolver.place_index(*thing);
                return Some(Spanned::new((index(a)?, index(b)?), span));
            }
            [a, _] => format!("both ends are `{}`", self.resolver.thing(*a).address),
            [only] => format!("only `{}` is named", self.resolver.thing(*only).address),
            several => format!("{} places are named", several.len()),
        };
        self.resolver.report(
            Diagnostic::error("link::ends", "a link joins two places", span, label)
                .help("Name two different places: `between = [ams, dal]`. Write a link for each pair."),
        );
        None
    }

    pub(super) fn labels(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Vec<Label>>> {
        self.stated(id, field, |_, value| labels_of(&value).ok())
    }

    // Facts that a place states for what stands in it.

    pub(super) fn text_around(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<String>> {
        let (id, field) = self.stating(id, field);
        self.name_of(id, field)
    }

    pub(super) fn quantity_around(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Quantity>> {
        let (id, field) = self.stating(id, field);
        self.quantity(id, field)
    }

    pub(super) fn profile_around(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Profile>> {
        let (id, field) = self.stating(id, field);
        self.profile(id, field)
    }

    /// The thing itself, or the place around it that states `field` in its stead.
    fn stating(&self, id: ThingId, field: &'static Field) -> (ThingId, &'static Field) {
        if self.resolver.thing(id).assigned.contains_key(field.name) {
            return (id, field);
        }
        self.resolver.stated_above(id, field).unwrap_or((id, field))
    }
}

/// The shared rows of one kind of place, and what it has beside them.
macro_rules! rows_of {
    ($rows:ident, $pue:expr, $($beside:tt)*) => {{
        let $rows {
            zone,
            residency,
            market,
            feed,
            energy_price,
            carbon_intensity,
            interruption,
            notice,
            failures,
            repair,
            labels,
            hour: _,
            power: _,
            nameplate: _,
            bill: _,
            source: _,
            $($beside)*
        } = $rows::rows();
        Rows {
            zone,
            residency,
            market,
            feed,
            pue: $pue,
            energy_price,
            carbon_intensity,
            interruption,
            notice,
            failures,
            repair,
            labels,
        }
    }};
}

fn rows(kind: &'static Kind) -> (PlaceKind, Rows) {
    match kind.name {
        "site" => (PlaceKind::Site, rows_of!(SiteRows, Some(pue), pue, carbon: _, energy: _)),
        "row" => (PlaceKind::Row, rows_of!(RowRows, None,)),
        _ => (PlaceKind::Rack, rows_of!(RackRows, None,)),
    }
}

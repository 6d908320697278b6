//! Places, links, teams and maintenance as text.

use super::{Text, describe_profile, market_name};
use crate::model::{
    Actuator, ActuatorKind, Breaker, Label, Link, Maintenance, Object, Place, Program, Reach, Sensor, Stage,
    Team, Window,
};
use crate::quantity::{Dimension, Quantity};
use crate::quantity_text::percent;
use crate::span::Spanned;
use num_rational::BigRational;

pub(super) fn describe_place(text: &mut Text, place: &Place, places: &[Place]) {
    let Place {
        level: _,
        name: _,
        span: _,
        parent,
        zone,
        residency,
        market,
        interruption,
        notice,
        feed,
        pue,
        energy_price,
        carbon_intensity,
        failures,
        repair,
        labels,
        breaker,
        sensor,
        stages,
    } = place;
    within(text, *parent, places);
    around(text, zone.as_ref(), residency.as_ref());
    text.line(&format!("market = {}", market_name(*market)));
    text.fact("interruption", interruption.as_ref());
    text.fact("notice", notice.as_ref());
    text.fact("feed", feed.as_ref());
    if let Some(pue) = pue {
        text.line(&format!("pue = {}", Quantity::number(pue.value.clone())));
    }
    if let Some(price) = energy_price {
        describe_profile(text, "energy_price", &price.value);
    }
    if let Some(intensity) = carbon_intensity {
        describe_profile(text, "carbon_intensity", &intensity.value);
    }
    text.fact("failures", failures.as_ref());
    text.fact("repair", repair.as_ref());
    describe_labels(text, "labels", labels.as_ref());
    if let Some(breaker) = breaker {
        describe_breaker(text, breaker);
    }
    if let Some(Sensor { span: _, every, error }) = sensor {
        let error =
            error.as_ref().map_or(String::new(), |error| format!(", error {}", percent(&error.value)));
        text.line(&format!("sensor every {}{error}", every.value));
    }
    for stage in stages {
        describe_stage(text, stage);
    }
}

/// The place that holds something.
pub(super) fn within(text: &mut Text, place: Option<usize>, places: &[Place]) {
    if let Some(place) = place.and_then(|place| places.get(place)) {
        text.line(&format!("in {} {}", place.level.name(), place.name));
    }
}

/// The clock and the law of a place or node.
pub(super) fn around(text: &mut Text, zone: Option<&Spanned<String>>, residency: Option<&Spanned<String>>) {
    if let Some(zone) = zone {
        text.line(&format!("zone = {:?}", zone.value));
    }
    text.fact("residency", residency);
}

pub(super) fn describe_labels(text: &mut Text, name: &str, labels: Option<&Spanned<Vec<Label>>>) {
    let Some(labels) = labels else { return };
    let labels = labels.value.iter().map(|Label { name, value }| match value {
        Some(value) => format!("{name}: {value:?}"),
        None => name.clone(),
    });
    text.line(&format!("{name} = [{}]", labels.collect::<Vec<_>>().join(", ")));
}

fn describe_breaker(text: &mut Text, breaker: &Breaker) {
    let Breaker { span: _, rated, trips } = breaker;
    let trips = trips.as_ref().map_or(String::new(), |trips| {
        let points = trips.value.iter().map(|(load, after)| format!("{}: {}", percent(load), time(after)));
        format!(", trips [{}]", points.collect::<Vec<_>>().join(", "))
    });
    text.line(&format!("breaker rated {}{trips}", rated.value));
}

fn describe_stage(text: &mut Text, stage: &Stage) {
    let Stage { name, span: _, at, release, clock, cap, below_priority, actuator } = stage;
    let mut said = format!("stage {name} at {}, release {}", at.value, release.value);
    if let Some(clock) = clock {
        said.push_str(&format!(", clock {}", clock.value));
    }
    if let Some(cap) = cap {
        said.push_str(&format!(", cap {}", cap.value));
    }
    if let Some(priority) = below_priority {
        said.push_str(&format!(", below priority {}", priority.value));
    }
    if let Some(Spanned { value: Actuator { kind, delay }, span: _ }) = actuator {
        let kind = match kind {
            ActuatorKind::OutOfBand => "out of band",
            ActuatorKind::PowerBrake => "power brake",
        };
        said.push_str(&format!(", {kind} within {delay}"));
    }
    text.line(&said);
}

pub(super) fn describe_link(text: &mut Text, link: &Link, places: &[Place]) {
    let Link {
        name,
        span: _,
        between: Spanned { value: (a, b), .. },
        bandwidth,
        latency,
        price,
        reach,
        contacts,
    } = link;
    text.paragraph(&format!("link {name}"));
    let end = |place: &usize| places.get(*place).map_or("?", |place| place.name.as_str());
    text.line(&format!("between {} and {}", end(a), end(b)));
    text.fact("bandwidth", Some(bandwidth));
    text.fact("latency", latency.as_ref());
    text.fact("price", price.as_ref());
    text.line(&format!(
        "reach = {}",
        match reach {
            Reach::Public => "public",
            Reach::Nat => "nat",
            Reach::Relay => "relay",
        }
    ));
    if let Some(contacts) = contacts {
        let windows: Vec<_> = contacts.value.iter().map(window).collect();
        text.line(&format!("contacts = [{}]", windows.join(", ")));
    }
}

pub(super) fn describe_team(text: &mut Text, team: &Team) {
    let Team { name, span: _, doc, guaranteed, limit, borrowing, budget } = team;
    text.paragraph(&format!("team {name}"));
    text.doc(doc.as_deref());
    for (name, share) in [("guaranteed", guaranteed), ("limit", limit)] {
        if let Some(share) = share {
            text.line(&format!("{name} = {}", percent(&share.value)));
        }
    }
    text.line(&format!("borrowing = {borrowing}"));
    text.fact("budget", budget.as_ref());
}

pub(super) fn describe_maintenance(text: &mut Text, maintenance: &Maintenance, program: &Program) {
    let Maintenance { name, span: _, doc, what, at_once, each, hours } = maintenance;
    text.paragraph(&format!("maintenance {name}"));
    text.doc(doc.as_deref());
    let named = what.value.iter().map(|object| object_name(*object, program));
    text.line(&format!("what = [{}]", named.collect::<Vec<_>>().join(", ")));
    text.line(&format!("at_once = {at_once}"));
    text.fact("each", Some(each));
    if let Some(hours) = hours {
        text.line(&format!("hours = {}", window(&hours.value)));
    }
}

fn object_name(object: Object, program: &Program) -> &str {
    let name = match object {
        Object::Node(node) => program.nodes.get(node).map(|node| &node.name),
        Object::Place(place) => program.places.get(place).map(|place| &place.name),
        Object::Link(link) => program.links.get(link).map(|link| &link.name),
    };
    name.map_or("?", String::as_str)
}

fn window(Window { from, to }: &Window) -> String {
    let hour = |at: &BigRational| match num_traits::Zero::is_zero(at) {
        true => "0h".to_owned(),
        false => time(at),
    };
    format!("{}..{}", hour(from), hour(to))
}

fn time(seconds: &BigRational) -> String {
    Quantity::new(seconds.clone(), Dimension::TIME).to_string()
}

//! Where things stand among those of their sort: services, nodes, places, links and scenarios.
//!
//! The whole program is numbered from 0, as its lists are. Where only a part of it is worked on, nobody
//! knows how many stand before a thing; its number then is one that compares with others as the index does.

use super::Resolver;
use super::things::ThingId;
use std::collections::HashMap;

/// Numbers of things.
#[derive(Debug, Default)]
pub(super) struct Indices {
    services: HashMap<ThingId, usize>,
    nodes: HashMap<ThingId, usize>,
    /// Sites, rows and racks.
    places: HashMap<ThingId, usize>,
    links: HashMap<ThingId, usize>,
    scenarios: HashMap<ThingId, usize>,
    are_known: bool,
}

impl Resolver<'_> {
    /// Numbers all things, once they exist and what a world loses is known.
    pub(super) fn number_things(&mut self) {
        self.indices.are_known = true;
        if self.work.is_some() {
            return;
        }
        for thing in self.in_order(|_| true) {
            let known = self.thing(thing);
            let (kind, is_abstract) = (known.kind.name, known.is_abstract);
            let is_lost = kind != "service" && kind != "scenario" && self.is_lost(thing);
            if is_abstract || is_lost {
                continue;
            }
            let known = match kind {
                "service" => &mut self.indices.services,
                "node" => &mut self.indices.nodes,
                "site" | "row" | "rack" => &mut self.indices.places,
                "link" => &mut self.indices.links,
                "scenario" => &mut self.indices.scenarios,
                _ => continue,
            };
            let index = known.len();
            known.insert(thing, index);
        }
    }

    /// A service's number; none for what is no service, or is abstract.
    pub(super) fn service_index(&self, thing: ThingId) -> Option<usize> {
        self.index(thing, &self.indices.services, &["service"])
    }

    /// The service of a number.
    pub(super) fn service_at(&self, index: usize) -> Option<ThingId> {
        self.at(index, &self.indices.services, Self::service_index)
    }

    /// The scenario of a number.
    pub(super) fn scenario_at(&self, index: usize) -> Option<ThingId> {
        self.at(index, &self.indices.scenarios, Self::scenario_index)
    }

    fn at(
        &self,
        index: usize,
        known: &HashMap<ThingId, usize>,
        number: fn(&Self, ThingId) -> Option<usize>,
    ) -> Option<ThingId> {
        match self.work {
            None => known.iter().find(|(_, known)| **known == index).map(|(thing, _)| *thing),
            Some(_) => (0..self.things.len()).map(ThingId).find(|thing| number(self, *thing) == Some(index)),
        }
    }

    pub(super) fn node_index(&self, thing: ThingId) -> Option<usize> {
        self.index(thing, &self.indices.nodes, &["node"])
    }

    pub(super) fn place_index(&self, thing: ThingId) -> Option<usize> {
        self.index(thing, &self.indices.places, &["site", "row", "rack"])
    }

    pub(super) fn link_index(&self, thing: ThingId) -> Option<usize> {
        self.index(thing, &self.indices.links, &["link"])
    }

    pub(super) fn scenario_index(&self, thing: ThingId) -> Option<usize> {
        self.index(thing, &self.indices.scenarios, &["scenario"])
    }

    fn index(&self, thing: ThingId, known: &HashMap<ThingId, usize>, kinds: &[&str]) -> Option<usize> {
        if !self.indices.are_known {
            self.depends_on_order();
        }
        if self.work.is_none() {
            return known.get(&thing).copied();
        }
        let known = self.thing(thing);
        let rank = self.ranks.get(known.group.0)?;
        let is_numbered = kinds.contains(&known.kind.name) && !known.is_abstract;
        // A program has fewer things than this.
        is_numbered.then_some((rank << 24) + known.ordinal)
    }
}

//! Pools: replicas of a service that do one phase, with a layout of their own.

use super::building::Builder;
use super::limits::Limit;
use super::lines::Lines;
use super::things::ThingId;
use super::value::{Judged, Value};
use crate::model::{Compare, Fact, Pool, Requirement, When};
use crate::quantity::Quantity;
use crate::schema::kinds::{PoolRows, service};
use crate::schema::{Field, Type};
use num_traits::One;

impl<'a> Builder<'_, 'a> {
    /// A pool of the service that was built last.
    pub(super) fn pool(&mut self, id: ThingId) {
        let PoolRows {
            replicas,
            tensor,
            pipeline,
            expert,
            data,
            batch,
            precision,
            device,
            share,
            cap,
            clock,
            hour: _,
            spread: _,
            memory_free: _,
            power: _,
            bill: _,
            source: _,
        } = PoolRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        let mut lines = self.lines(id);
        self.implied(id, &lines);
        let limits = std::mem::take(&mut lines.limits);
        lines.requirements.extend(self.pins(id, &[pipeline, expert, data, share, cap, clock]));
        let Some(parent) = self.resolver.thing(id).parent else {
            return;
        };
        // Lines of the service about a layout bind each of its pools; those about replicas bind all together.
        let shared = self.layout_limits(parent);
        let mut pool = Pool {
            replicas: self.bounds(id, replicas, &limits),
            tensor: self.degrees(id, tensor, &limits),
            batch: self.bounds(id, batch, &limits),
            precision: self.precisions(id, precision, &limits),
            device: self.device_classes(id, device, &limits),
            requirements: lines.requirements,
            wishes: lines.wishes,
            name,
            span,
        };
        pool.tensor.extend(self.degrees(parent, &service::tensor, &shared));
        pool.batch.extend(self.bounds(parent, &service::batch, &shared));
        pool.precision.extend(self.precisions(parent, &service::precision, &shared));
        pool.device.extend(self.device_classes(parent, &service::device, &shared));
        if let Some(service) = self.resolver.service_index(parent)
            && let Some(service) = self.program.services.get_mut(service)
        {
            service.pools.push(pool);
        }
        self.placeholders(id);
    }

    /// The limits that a service's own lines put on its layout.
    fn layout_limits(&mut self, service: ThingId) -> Vec<Limit> {
        // What is wrong with them was said when the service was built.
        let quiet = std::mem::replace(&mut self.quiet, true);
        let Lines { limits, .. } = self.lines(service);
        self.quiet = quiet;
        limits
    }

    /// The pins of choices that no stage plans yet: each is a requirement like any other.
    pub(super) fn pins(&mut self, id: ThingId, fields: &[&'static Field]) -> Vec<Requirement> {
        let mut requirements = Vec::new();
        for field in fields {
            let pin = self.stated(id, field, |_, value| Some(value));
            let Some(Fact { value, span }) = pin else {
                continue;
            };
            let judged = match (field.type_, value) {
                (Type::Symbol(_) | Type::Thing(_), value) => {
                    Judged::Restrict { thing: id, field, allowed: vec![value] }
                }
                (_, Value::Quantity(limit)) => self.pinned(id, field, limit),
                _ => continue,
            };
            let when = When::default();
            let Ok(condition) = self.condition(judged, span) else {
                continue;
            };
            let unjudged = self.unjudged(id, &condition, &when);
            if let Some(because) = &unjudged {
                self.warn(span, because);
            }
            requirements.push(Requirement {
                service: self.service_of(id),
                policy: None,
                text: self.resolver.text(span),
                span,
                when,
                condition,
                unjudged,
            });
        }
        requirements
    }

    fn pinned(&self, id: ThingId, field: &'static Field, limit: Quantity) -> Judged {
        let subject = self.resolver.figure(id, field);
        Judged::Compare { terms: vec![(One::one(), subject)], compare: Compare::Equal, limit }
    }
}

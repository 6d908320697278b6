//! Devices in use, and nodes.

use super::building::Builder;
use super::limits::Limit;
use super::things::ThingId;
use super::value::Value;
use crate::model::{Device, Fact, Filling, Market, Node, Precision};
use crate::quantity::Quantity;
use crate::schema::kinds::{DeviceRows, NodeRows};
use crate::schema::{Field, Support};
use crate::span::{Span, Spanned};

impl<'a> Builder<'_, 'a> {
    /// The index of a device class, built when it is first used.
    pub(super) fn device(&mut self, id: ThingId) -> usize {
        self.uses(id);
        match self.devices.get(&id) {
            Some(index) => *index,
            None => self.built(id, |builder| builder.build_device(id)),
        }
    }

    pub(super) fn build_device(&mut self, id: ThingId) -> usize {
        let index = self.program.devices.len();
        self.devices.insert(id, index);
        let DeviceRows {
            memory,
            bandwidth,
            compute,
            idle,
            nameplate,
            sram,
            host_memory,
            resource,
            calibration,
            clock,
            cap,
            power: _,
            source: _,
        } = DeviceRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("device", &name, span);
        let compute = self
            .stated(id, compute, |_, value| match value {
                Value::Map(entries) => Some(entries),
                _ => None,
            })
            .map_or(Vec::new(), |rates| self.compute(&rates));
        let device = Device {
            name,
            span,
            memory: self.quantity(id, memory),
            bandwidth: self.quantity(id, bandwidth),
            compute,
            idle: self.quantity(id, idle),
            nameplate: self.quantity(id, nameplate),
            sram: self.quantity(id, sram),
            host_memory: self.quantity(id, host_memory),
            resource: self.name_of(id, resource),
            calibration: self.stated(id, calibration, |_, value| match value {
                Value::Measured(file) => Some(file),
                _ => None,
            }),
        };
        self.program.devices.push(device);
        self.unread(id, &[sram, host_memory, calibration, clock, cap]);
        self.placeholders(id);
        let lines = self.lines(id);
        self.program.requirements.extend(lines.requirements);
        index
    }

    /// Rates by precision; a precision that no engine here runs says so.
    fn compute(
        &mut self,
        rates: &Fact<std::rc::Rc<Vec<(Value, Value)>>>,
    ) -> Vec<(Precision, Fact<Quantity>)> {
        let mut known = Vec::new();
        for (name, rate) in rates.value.iter() {
            let (Value::Symbol(name), Value::Quantity(rate)) = (name, rate) else {
                self.not_yet(rates.span, "a rate stands after the name of a precision");
                continue;
            };
            // A rate in a precision that nobody asks for changes no plan.
            if let Some(precision) = precision(name) {
                known.push((precision, Spanned::new(rate.clone(), rates.span)));
            }
        }
        known.sort_by_key(|(precision, _)| *precision);
        known
    }

    pub(super) fn node(&mut self, id: ThingId) {
        let NodeRows {
            devices,
            fabric,
            network,
            cpu,
            memory,
            pods,
            overhead,
            price,
            market,
            failures,
            repair,
            disk,
            labels,
            trust,
            zone,
            residency,
            taints,
            interruption,
            notice,
            energy_price,
            filled,
            power: _,
            nameplate: _,
            bill: _,
            memory_free: _,
            hour: _,
            source: _,
        } = NodeRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("node", &name, span);
        let node = Node {
            devices: self.stated(id, devices, |builder, value| match value {
                Value::Devices(count, device) => {
                    let count = u32::try_from(count.as_integer()?).ok()?;
                    Some((builder.device(device), count))
                }
                _ => None,
            }),
            fabric: self.stated(id, fabric, |_, value| match value {
                Value::Fabric(fabric) => Some(fabric),
                _ => None,
            }),
            network: self.quantity(id, network),
            cpu: self.quantity(id, cpu),
            memory: self.quantity(id, memory),
            pods: self.count(id, pods),
            overhead: self.quantity(id, overhead),
            price: self.profile(id, price),
            market: self.market(id, market, span),
            failures: self.quantity(id, failures),
            repair: self.quantity(id, repair),
            place: self.holder(id),
            disk: self.quantity(id, disk),
            labels: self.labels(id, labels),
            taints: self.labels(id, taints),
            trust: self.labels(id, trust),
            zone: self.text_around(id, zone),
            residency: self.text_around(id, residency),
            interruption: self.quantity_around(id, interruption),
            notice: self.quantity_around(id, notice),
            energy_price: self.profile_around(id, energy_price),
            name,
            span,
        };
        let index = self.program.nodes.len();
        self.program.nodes.push(node);
        self.unread(id, &[interruption, notice, energy_price]);
        self.placeholders(id);
        let mut lines = self.lines(id);
        let limits = std::mem::take(&mut lines.limits);
        self.filling(id, index, filled, &limits);
        self.program.requirements.extend(lines.requirements);
        self.program.wishes.extend(lines.wishes);
    }

    /// A node whose block need not be filled joins the others of that block in its place.
    fn filling(&mut self, id: ThingId, index: usize, field: &'static Field, limits: &[Limit]) {
        let filled = self.bounds(id, field, limits);
        let known = self.resolver.thing(id);
        let (parent, block) = (known.parent, known.layers.first().map(|layer| layer.block.span));
        if filled.is_empty() {
            return;
        }
        if let Support::NotYet(because) = field.support {
            for bound in &filled {
                self.not_yet(bound.span, because);
            }
        }
        match self.fillings.get(&(parent, block)) {
            Some(at) => {
                if let Some(filling) = self.program.fillings.get_mut(*at) {
                    filling.nodes.push(index);
                }
            }
            None => {
                self.fillings.insert((parent, block), self.program.fillings.len());
                self.program.fillings.push(Filling { nodes: vec![index], filled });
            }
        }
    }

    pub(super) fn market(&mut self, id: ThingId, field: &'static Field, span: Span) -> Market {
        match self.resolver.fact(id, field, span) {
            Ok(Value::Symbol(name)) => match name.as_str() {
                "reserved" => Market::Reserved,
                "on_demand" => Market::OnDemand,
                "spot" => Market::Spot,
                _ => Market::Owned,
            },
            Ok(Value::NotYet(unjudged)) => {
                let line = self.resolver.thing(id).assigned.get(field.name);
                let at = line.map_or(span, |line| line.assign.span);
                self.not_yet(at, &unjudged.because);
                Market::Owned
            }
            _ => Market::Owned,
        }
    }
}

/// The precision called `name`.
pub(super) fn precision(name: &str) -> Option<Precision> {
    match name {
        "bf16" => Some(Precision::Bf16),
        "fp8" => Some(Precision::Fp8),
        _ => None,
    }
}

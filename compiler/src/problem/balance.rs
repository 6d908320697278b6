//! Even load: copies of parts over devices, so that the fullest device carries as little as it can.

use berth_language::span::Span;
use num_rational::BigRational;

/// Parts of unequal load, such as the experts of one layer, each held by one device or by several that share its load
/// evenly.
///
/// In a [`Solution`](super::Solution) an assignment is a copy: its item is the part, its machine the device, and it
/// has one choice. Every slot of every device holds a copy, and no two of a device are of one part. The only level is
/// the load of the fullest device.
#[derive(Clone, Debug)]
pub struct Balance {
    /// What is spread: `chat, layer 12`.
    pub name: String,
    /// By part.
    pub loads: Vec<u64>,
    /// How many devices there are.
    pub devices: usize,
    /// Copies that each of them holds.
    pub slots: usize,
    /// Relative gap at which a search may stop.
    pub gap: BigRational,
    /// The line that states the loads.
    pub origin: Span,
}

impl Balance {
    /// Copies of all parts together.
    pub fn copies(&self) -> usize {
        self.devices.saturating_mul(self.slots)
    }

    /// Why no copies can be placed, where that is so.
    pub fn impossible(&self) -> Option<String> {
        let Self { loads, devices, slots, .. } = self;
        let (parts, copies) = (loads.len(), self.copies());
        if copies < parts {
            Some(format!("{devices} devices with {slots} slots each hold {copies} copies of {parts} parts"))
        } else if *slots > parts {
            Some(format!("{slots} slots on one device are more than the {parts} parts there are"))
        } else {
            None
        }
    }
}

//! One device class and what joins its devices, in a node and between nodes, as plain numbers.

use super::PerformanceError;
use berth_language::model::{Device, Fabric, FabricKind, Precision};
use berth_language::quantity::Quantity;
use num_traits::ToPrimitive;
use std::collections::BTreeMap;

/// A device class with the fabric of the node that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// The device's name, by which fits are looked up.
    pub device: String,
    /// Bytes.
    pub memory: f64,
    /// Bytes a second between memory and compute.
    pub bandwidth: f64,
    /// Dense peak FLOP/s.
    pub compute: BTreeMap<Precision, f64>,
    /// What joins the devices, and bytes a second of one device with both directions counted.
    pub fabric: Option<(FabricKind, f64)>,
    /// What joins the nodes of a replica that stands on several; none: it stands in one.
    pub network: Option<Network>,
}

/// What joins nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Devices of each node.
    pub devices: u64,
    /// Bytes a second of one device to those of other nodes, one direction.
    pub bandwidth: f64,
}

impl Hardware {
    /// The facts of `device` in a node with this `fabric`.
    ///
    /// # Errors
    /// Memory or bandwidth is not stated. Compute and fabric are asked for only where needed.
    pub fn of(device: &Device, fabric: Option<&Fabric>) -> Result<Self, PerformanceError> {
        let missing =
            |fact: &str| PerformanceError::Missing { of: device.name.clone(), fact: fact.to_owned() };
        let memory = device.memory.as_ref().and_then(|fact| positive(&fact.value));
        let bandwidth = device.bandwidth.as_ref().and_then(|fact| positive(&fact.value));
        let compute = device
            .compute
            .iter()
            .filter_map(|(precision, fact)| Some((*precision, positive(&fact.value)?)))
            .collect();
        Ok(Self {
            device: device.name.clone(),
            memory: memory.ok_or_else(|| missing("memory"))?,
            bandwidth: bandwidth.ok_or_else(|| missing("bandwidth"))?,
            compute,
            fabric: fabric.and_then(|fabric| Some((fabric.kind, positive(&fabric.bandwidth)?))),
            network: None,
        })
    }

    /// Dense peak FLOP/s at `precision`.
    ///
    /// # Errors
    /// The device states none: it cannot compute at this precision.
    pub fn peak(&self, precision: Precision) -> Result<f64, PerformanceError> {
        self.compute.get(&precision).copied().ok_or_else(|| PerformanceError::Missing {
            of: self.device.clone(),
            fact: match precision {
                Precision::Bf16 => "compute at bf16".to_owned(),
                Precision::Fp8 => "compute at fp8".to_owned(),
            },
        })
    }
}

impl Hardware {
    /// What joins the devices of a node, and its bytes a second.
    ///
    /// # Errors
    /// The node states nothing that does.
    pub fn joined(&self) -> Result<(FabricKind, f64), PerformanceError> {
        self.fabric.ok_or_else(|| PerformanceError::Missing {
            of: format!("a node of {}", self.device),
            fact: "fabric".to_owned(),
        })
    }
}

fn positive(quantity: &Quantity) -> Option<f64> {
    quantity.value.to_f64().filter(|value| value.is_finite() && *value > 0.0)
}

//! Machines and what is in them.

use super::{CountBound, Fact, Label, Precision, Profile};
use crate::quantity::Quantity;
use crate::span::Span;

/// A device class: `device h100_sxm`.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name as declared, without the import's alias: `h100_sxm`. Unique within a program.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// Bytes.
    pub memory: Option<Fact<Quantity>>,
    /// Bytes a second between memory and compute.
    pub bandwidth: Option<Fact<Quantity>>,
    /// Dense peak rate by precision, FLOP/s.
    pub compute: Vec<(Precision, Fact<Quantity>)>,
    /// W.
    pub idle: Option<Fact<Quantity>>,
    /// W.
    pub nameplate: Option<Fact<Quantity>>,
    /// Bytes on the chip, beside compute.
    pub sram: Option<Fact<Quantity>>,
    /// Bytes of host memory that it reaches.
    pub host_memory: Option<Fact<Quantity>>,
    /// The name under which a target hands it out.
    pub resource: Option<Fact<String>>,
    /// The name of the file with what was measured of it.
    pub calibration: Option<Fact<String>>,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its address: `box[1]`.
    pub name: String,
    /// The block's head.
    pub span: Span,
    /// The innermost place that holds it, by index into [`Program::places`](super::Program::places).
    pub place: Option<usize>,
    /// `devices = 8 * h100_sxm`: the class, by index into [`Program::devices`](super::Program::devices), and how many.
    pub devices: Option<Fact<(usize, u32)>>,
    /// `nvlink(900GB/s)`, both directions of one device.
    pub fabric: Option<Fact<Fabric>>,
    /// Bytes a second, one direction.
    pub network: Option<Fact<Quantity>>,
    /// Cores.
    pub cpu: Option<Fact<Quantity>>,
    /// Bytes.
    pub memory: Option<Fact<Quantity>>,
    /// Replicas that it takes at most.
    pub pods: Option<Fact<u64>>,
    /// W.
    pub overhead: Option<Fact<Quantity>>,
    /// Money a time while used (`on_demand`, `spot`), always (`reserved`), or as amortisation (`owned`).
    pub price: Option<Fact<Profile>>,
    /// How it is paid; `owned` where the file says nothing.
    pub market: Market,
    /// Failures a time, for availability.
    pub failures: Option<Fact<Quantity>>,
    /// Time to repair.
    pub repair: Option<Fact<Quantity>>,
    /// Bytes of local disk.
    pub disk: Option<Fact<Quantity>>,
    /// Labels for targets.
    pub labels: Option<Fact<Vec<Label>>>,
    /// What keeps services away.
    pub taints: Option<Fact<Vec<Label>>>,
    /// What is attested of it.
    pub trust: Option<Fact<Vec<Label>>>,
    /// Time zone; its own or that of a place that holds it, like the four facts below.
    pub zone: Option<Fact<String>>,
    /// Whose law holds here.
    pub residency: Option<Fact<String>>,
    /// Interruptions a time, of what is rented.
    pub interruption: Option<Fact<Quantity>>,
    /// Time between notice and interruption.
    pub notice: Option<Fact<Quantity>>,
    /// Money for energy, by step.
    pub energy_price: Option<Fact<Profile>>,
}

impl Node {
    /// Whether none of its taints keeps away what tolerates these.
    pub fn takes(&self, tolerations: Option<&Fact<Vec<Label>>>) -> bool {
        let tolerations = tolerations.map_or(&[][..], |tolerations| &tolerations.value);
        let mut taints = self.taints.iter().flat_map(|taints| &taints.value);
        taints.all(|taint| tolerations.iter().any(|toleration| toleration.tolerates(taint)))
    }
}

/// A block of nodes of which the planner may leave some out; the nodes of every other block are all filled.
#[derive(Clone, Debug)]
pub struct Filling {
    /// The nodes of the block in one place, by index into [`Program::nodes`](super::Program::nodes).
    pub nodes: Vec<usize>,
    /// How many of them are filled, every line that bounds it kept apart.
    pub filled: Vec<CountBound>,
}

/// What joins the devices of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fabric {
    /// Which.
    pub kind: FabricKind,
    /// Bytes a second of one device, both directions counted.
    pub bandwidth: Quantity,
}

/// Kinds of fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FabricKind {
    /// NVLink, switched.
    Nvlink,
    /// PCI Express.
    Pcie,
    /// AMD's links between devices.
    InfinityFabric,
    /// Ethernet between the devices of a server.
    Ethernet,
}

impl FabricKind {
    /// Every kind.
    pub const ALL: [FabricKind; 4] =
        [FabricKind::Nvlink, FabricKind::Pcie, FabricKind::InfinityFabric, FabricKind::Ethernet];

    /// The function that a plan file states it with.
    pub fn name(self) -> &'static str {
        match self {
            FabricKind::Nvlink => "nvlink",
            FabricKind::Pcie => "pcie",
            FabricKind::InfinityFabric => "infinity_fabric",
            FabricKind::Ethernet => "ethernet",
        }
    }
}

/// How a machine is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Market {
    /// Bought; the default.
    #[default]
    Owned,
    /// Paid always.
    Reserved,
    /// Paid while used.
    OnDemand,
    /// Paid while used, and taken away at short notice.
    Spot,
}

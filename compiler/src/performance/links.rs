//! What devices send to one another: within a node over its fabric, between nodes over their network.
//!
//! The devices of a replica are numbered along its axes, tensor first, then context, data and pipeline; each node holds as
//! many in a row as it has. So a group along an axis has some of its devices in one node, `m`, and stands in `q` nodes.
//!
//! **A value that all have, of S bytes.** In a node as measured. Between nodes each device speaks for its node with an `m`-th
//! of the value, to the `q - 1` others: an all-reduce sends `2 (q - 1) / q` of that part in `2 log2 q` rounds, gathering and
//! scattering half of both (Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in MPICH,
//! 2005; the two levels are those of NCCL's rings and trees). The two follow one another.
//!
//! **Rows to experts.** Of what a device sends to the `n - 1` others of its stage, `n - m` are in other nodes; both go at once.
//!
//! **From stage to stage**, one after the other: within a node, or to the next. **Keys and values** go round a ring, whose
//! slowest link sets the pace.
//!
//! A device has its part of the network of its node, one direction.

use super::fits::{self, Collective, Fit};
use super::hardware::Hardware;
use super::operators::{UNMEASURED_ERROR, fitted, unmeasured};
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::degrees::{Axis, Degrees};
use berth_language::model::FabricKind;

/// The part of a network's stated rate that an exchange reaches, between what is seen at best and what is seen often.
pub const NETWORK: Band = Band { low: 0.6, middle: 0.85, high: 0.95 };

/// s that a round between nodes takes beside its bytes, from what adapters alone take to what a busy switch adds.
const ROUND: Band = Band { low: 5e-6, middle: 10e-6, high: 25e-6 };

/// How the devices of a group stand in nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    /// Devices of the group in one node.
    inside: u64,
    /// Nodes.
    nodes: u64,
}

impl Standing {
    /// Of `count` devices, every `stride`-th of those in a row.
    fn of(count: u64, stride: u64, hardware: &Hardware) -> Self {
        let inside = hardware.network.map_or(count, |network| network.devices / stride.max(1));
        let inside = inside.clamp(1, count.max(1));
        Self { inside, nodes: count.div_ceil(inside) }
    }

    fn along(axis: Axis, degrees: Degrees, hardware: &Hardware) -> Self {
        let stride = match axis {
            Axis::Tensor => 1,
            Axis::Context => degrees.tensor,
            Axis::Data => degrees.tensor * degrees.context,
            Axis::Expert => degrees.stage() / degrees.expert.max(1),
            Axis::Pipeline => degrees.stage(),
        };
        Self::of(degrees.of(axis), stride, hardware)
    }

    /// Rounds in which each node has heard of all others.
    fn rounds(self) -> f64 {
        f64::from(self.nodes.max(1).next_power_of_two().trailing_zeros())
    }
}

/// A sum of `message` bytes over the devices of an axis, whole on each.
///
/// # Errors
/// The node states no fabric, where devices of one take part.
pub fn all_reduce(
    axis: Axis,
    message: f64,
    degrees: Degrees,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let fits = &fits::shipped().all_reduce;
    on_two_levels(fits, "all-reduce", 2.0, message, Standing::along(axis, degrees, hardware), hardware, notes)
}

/// A value of `message` bytes, gathered from or scattered over the devices of an axis: each moves what the other moves,
/// backwards.
///
/// # Errors
/// As [`all_reduce`].
pub fn all_gather(
    axis: Axis,
    message: f64,
    degrees: Degrees,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let fits = &fits::shipped().all_gather;
    on_two_levels(fits, "all-gather", 1.0, message, Standing::along(axis, degrees, hardware), hardware, notes)
}

/// What takes a value within each node as measured, and between nodes goes over it so many times.
fn on_two_levels(
    fits: &[Fit<Collective>],
    what: &str,
    times: f64,
    message: f64,
    standing: Standing,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let inside = collective(fits, what, message, standing.inside, hardware, notes)?;
    let nodes = standing.nodes as f64;
    let sent = times * (nodes - 1.0) / nodes * message / standing.inside as f64;
    Ok(inside + between(sent, times * standing.rounds(), hardware, notes))
}

/// Rows of `sent` bytes of each device, evenly to all others of its stage.
///
/// # Errors
/// As [`all_reduce`].
pub fn all_to_all(
    sent: f64,
    degrees: Degrees,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    if degrees.data * degrees.context <= 1 {
        return Ok(Band::NOTHING);
    }
    let devices = degrees.stage();
    let Standing { inside, nodes } = Standing::of(devices, 1, hardware);
    let outside = (devices - inside) as f64 / (devices - 1).max(1) as f64;
    let within = transfer("an all-to-all", sent * (1.0 - outside), u64::from(inside > 1), hardware, notes)?;
    let rounds = if nodes > 1 { 1.0 } else { 0.0 };
    let between = between(sent * outside, rounds, hardware, notes);
    let at = |end: fn(&Band) -> f64| end(&within).max(end(&between));
    Ok(Band { low: at(|band| band.low), middle: at(|band| band.middle), high: at(|band| band.high) })
}

/// `sent` bytes of each device on the way through all stages of a pipeline.
///
/// # Errors
/// As [`all_reduce`].
pub fn send(
    sent: f64,
    degrees: Degrees,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let handed = degrees.pipeline.saturating_sub(1);
    let crossing = Standing::along(Axis::Pipeline, degrees, hardware).nodes - 1;
    let outside = crossing as f64 / handed.max(1) as f64;
    let within =
        transfer("sending between stages", sent * (1.0 - outside), handed - crossing, hardware, notes)?;
    Ok(within + between(sent * outside, crossing as f64, hardware, notes))
}

/// Keys and values of `sent` bytes of each device round those that share the tokens of a sequence.
///
/// # Errors
/// As [`all_reduce`].
pub fn kv_exchange(
    sent: f64,
    degrees: Degrees,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let rounds = degrees.context.saturating_sub(1);
    if Standing::along(Axis::Context, degrees, hardware).nodes > 1 {
        return Ok(between(sent, rounds as f64, hardware, notes));
    }
    transfer("exchanging keys and values", sent, rounds, hardware, notes)
}

/// Bytes that one device sends to other nodes in so many rounds.
fn between(sent: f64, rounds: f64, hardware: &Hardware, notes: &mut Notes) -> Band {
    let Some(network) = hardware.network.filter(|_| rounds > 0.0) else { return Band::NOTHING };
    notes.add(|| Note {
        kind: NoteKind::Assumed,
        text: format!(
            "between nodes {:.0} % of the stated rate of their network is reached ({:.0} to {:.0} %), and a round takes {:.0} µs \
             ({:.0} to {:.0}): round figures, not fitted",
            100.0 * NETWORK.middle,
            100.0 * NETWORK.low,
            100.0 * NETWORK.high,
            1e6 * ROUND.middle,
            1e6 * ROUND.low,
            1e6 * ROUND.high
        ),
    });
    Band {
        low: rounds * ROUND.low + sent / (NETWORK.high * network.bandwidth),
        middle: rounds * ROUND.middle + sent / (NETWORK.middle * network.bandwidth),
        high: rounds * ROUND.high + sent / (NETWORK.low * network.bandwidth),
    }
}

impl Collective {
    /// Seconds for a value of `message` bytes over a fabric `speed` times as fast as the measured one.
    pub fn seconds(&self, message: f64, speed: f64) -> f64 {
        self.launch
            + (message / self.bandwidth + self.rise * (1.0 - (-(message / self.rise_bytes).powi(2)).exp()))
                / speed
    }
}

fn collective(
    fits: &[Fit<Collective>],
    what: &str,
    message: f64,
    devices: u64,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    if devices <= 1 {
        return Ok(Band::exact(0.0));
    }
    let devices = devices as f64;
    let (kind, bandwidth) = hardware.joined()?;
    let own = |fit: &&Fit<Collective>| fit.device == hardware.device && fit.parameters.fabric == kind;
    // The box of another device that is joined in the same way, where this one was not measured so.
    let stand_in = match kind {
        FabricKind::Nvlink => "a100_sxm",
        FabricKind::Pcie => "l40s",
        // Nobody measured a box that is joined so.
        FabricKind::InfinityFabric | FabricKind::Ethernet => "",
    };
    let of_device = fits.iter().any(|fit| own(&fit));
    let mut rows: Vec<&Fit<Collective>> = fits
        .iter()
        .filter(
            |fit| if of_device { own(fit) } else { fit.device == stand_in && fit.parameters.fabric == kind },
        )
        .collect();
    rows.sort_by_key(|fit| fit.parameters.devices);
    let seconds_of =
        |fit: &Fit<Collective>| fit.parameters.seconds(message, bandwidth / fit.parameters.fabric_bandwidth);
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        // Latency 10 µs and half of one direction, by no measurement at all.
        let seconds = 10e-6 + 2.0 * message / (0.5 * bandwidth / 2.0);
        notes.add(|| unmeasured(hardware));
        return Ok(Band::around(seconds, UNMEASURED_ERROR));
    };
    // Between counts that were measured: linear in the count.
    let above = rows.iter().position(|fit| fit.parameters.devices as f64 >= devices).unwrap_or(rows.len());
    let (seconds, fit) = match (above.checked_sub(1).and_then(|below| rows.get(below)), rows.get(above)) {
        (Some(below), Some(above)) => {
            let (from, to) = (below.parameters.devices as f64, above.parameters.devices as f64);
            let part = (devices - from) / (to - from);
            (seconds_of(below) * (1.0 - part) + seconds_of(above) * part, *above)
        }
        (None, _) => (seconds_of(first), *first),
        (Some(_), None) => (seconds_of(last) * devices / last.parameters.devices as f64, *last),
    };
    let outside = message > fit.parameters.most_bytes || devices > last.parameters.devices as f64;
    let measured = [(bandwidth, fit.parameters.fabric_bandwidth)];
    let time = fitted(seconds, fit, &measured, outside, what, hardware, notes);
    if of_device {
        return Ok(time);
    }
    notes.add(|| Note {
        kind: NoteKind::Datasheet,
        text: format!("{what} on {} is that of {stand_in}, scaled to the fabric", hardware.device),
    });
    Ok(Band::around(seconds, UNMEASURED_ERROR))
}

/// Bytes that one device sends in so many rounds, at half of one direction of the fabric and 10 µs a round: no
/// table measures them.
fn transfer(
    what: &str,
    sent: f64,
    rounds: u64,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    if rounds == 0 {
        return Ok(Band::exact(0.0));
    }
    let (_, bandwidth) = hardware.joined()?;
    notes.add(|| Note {
        kind: NoteKind::Datasheet,
        text: format!(
            "{what} on {} is not fitted yet: half of one direction of its fabric and 10 µs a round, ± {:.0} %",
            hardware.device,
            100.0 * UNMEASURED_ERROR
        ),
    });
    let seconds = rounds as f64 * 10e-6 + sent / (0.5 * bandwidth / 2.0);
    Ok(Band::around(seconds, UNMEASURED_ERROR))
}

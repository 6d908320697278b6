//! What devices send between nodes, against figures worked out by hand.

use berth_compiler::degrees::{Axis, Degrees};
use berth_compiler::performance::hardware::{Hardware, Network};
use berth_compiler::performance::links::{all_gather, all_reduce, all_to_all, kv_exchange, send};
use berth_compiler::performance::{Band, Notes};
use berth_language::model::{FabricKind, Precision};
use std::collections::BTreeMap;

/// Eight H100s a node, and of the network 50 GB/s each.
fn hardware() -> Hardware {
    Hardware {
        device: "h100_sxm".into(),
        memory: 80e9,
        bandwidth: 3.35e12,
        compute: BTreeMap::from([(Precision::Bf16, 989e12)]),
        fabric: Some((FabricKind::Nvlink, 900e9)),
        network: Some(Network { devices: 8, bandwidth: 50e9 }),
    }
}

fn in_one_node() -> Hardware {
    Hardware { network: None, ..hardware() }
}

fn is_about(found: f64, derived: f64) -> bool {
    (found / derived - 1.0).abs() < 1e-9
}

#[test]
fn a_sum_over_sixteen_devices_is_one_of_eight_and_one_of_two_nodes() {
    let over = |tensor: u64, hardware: &Hardware| {
        all_reduce(Axis::Tensor, 16e6, Degrees::of_tensor(tensor), hardware, &mut Notes::Ignored).unwrap()
    };
    let (two, one) = (over(16, &hardware()), over(8, &in_one_node()));
    // Each device has an eighth of 16 MB for the other node: 2 * 1/2 * 2 MB, in 2 rounds of 10 µs, at 42.5 GB/s.
    assert!(is_about(two.middle - one.middle, 20e-6 + 2e6 / 42.5e9), "{two:?} {one:?}");
    // At worst 25 µs and 30 GB/s, at best 5 µs and 47.5 GB/s.
    assert!(is_about(two.high - one.high, 50e-6 + 2e6 / 30e9), "{two:?} {one:?}");
    assert!(is_about(two.low - one.low, 10e-6 + 2e6 / 47.5e9), "{two:?} {one:?}");
    // What stays in a node has nothing to do with the network.
    assert_eq!(over(8, &hardware()), one);
}

#[test]
fn gathering_sends_half_of_what_a_sum_sends() {
    let groups = Degrees { data: 4, ..Degrees::of_tensor(4) };
    let gathered = all_gather(Axis::Data, 32e6, groups, &hardware(), &mut Notes::Ignored).unwrap();
    let two = Degrees { data: 2, ..Degrees::of_tensor(4) };
    let inside = all_gather(Axis::Data, 32e6, two, &in_one_node(), &mut Notes::Ignored).unwrap();
    // Two of the four groups are in each of two nodes: half of 16 MB, in one round.
    assert!(is_about(gathered.middle - inside.middle, 10e-6 + 8e6 / 42.5e9), "{gathered:?} {inside:?}");
}

#[test]
fn rows_go_to_experts_within_and_between_nodes_at_once() {
    let degrees = Degrees { data: 16, expert: 16, ..Degrees::ONE };
    let time = |sent: f64, degrees: Degrees, hardware: &Hardware| {
        all_to_all(sent, degrees, hardware, &mut Notes::Ignored).unwrap()
    };
    // Of 15 others 8 are in the other node.
    let both = time(30e6, degrees, &hardware());
    assert!(is_about(both.middle, 10e-6 + 16e6 / 42.5e9), "{both:?}");
    let eight = Degrees { data: 8, expert: 8, ..Degrees::ONE };
    assert_eq!(time(30e6, eight, &hardware()), time(30e6, eight, &in_one_node()));
}

#[test]
fn a_pipeline_crosses_to_the_next_node_where_its_stages_do() {
    let time = |degrees: Degrees, hardware: &Hardware| {
        send(3e6, degrees, hardware, &mut Notes::Ignored).unwrap().middle
    };
    // Four stages of four devices: two in a node, so one of three steps crosses.
    let four = Degrees { pipeline: 4, ..Degrees::of_tensor(4) };
    let inside = |sent: f64, steps: f64| steps * 10e-6 + sent / 225e9;
    let crossing = |sent: f64, steps: f64| steps * 10e-6 + sent / 42.5e9;
    assert!(is_about(time(four, &hardware()), inside(2e6, 2.0) + crossing(1e6, 1.0)));
    // Stages of a whole node, or of two, all cross.
    for tensor in [8, 16] {
        let two = Degrees { pipeline: 2, ..Degrees::of_tensor(tensor) };
        assert!(is_about(time(two, &hardware()), crossing(3e6, 1.0)), "{tensor}");
    }
}

#[test]
fn a_ring_goes_at_the_pace_of_its_slowest_link() {
    let ring = |context: u64| {
        let degrees = Degrees { context, ..Degrees::of_tensor(4) };
        kv_exchange(12e6, degrees, &hardware(), &mut Notes::Ignored).unwrap().middle
    };
    assert!(is_about(ring(2), 10e-6 + 12e6 / 225e9));
    assert!(is_about(ring(4), 30e-6 + 12e6 / 42.5e9));
}

#[test]
fn a_group_of_one_sends_nothing_and_needs_no_fabric() {
    let alone =
        Hardware { fabric: None, network: Some(Network { devices: 1, bandwidth: 10e9 }), ..hardware() };
    let over = |tensor: u64| {
        all_reduce(Axis::Tensor, 1e6, Degrees::of_tensor(tensor), &alone, &mut Notes::Ignored).unwrap()
    };
    assert_eq!(over(1), Band::NOTHING);
    // Four nodes of one device: 2 * 3/4 of 1 MB in 2 * 2 rounds.
    assert!(is_about(over(4).middle, 40e-6 + 1.5e6 / 8.5e9));
}

//! Copies of a model that learn: steps and memory whose figures a person can derive.
//!
//! Eight layers of one operator each that only moves bytes, so that its time is theirs over 70 % of the memory bandwidth of
//! 1 TB/s and 2 µs for its kernel.

use berth_compiler::degrees::Degrees;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{Operator, OperatorKind, Part, Phase, PhaseGraph, Place, Target};
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::memory::RUNTIME_BYTES;
use berth_compiler::performance::training::{Copy, Step};
use berth_language::model::{FabricKind, Precision, Sharding};
use petgraph::graph::DiGraph;
use std::collections::BTreeMap;

/// Tokens of a sequence.
const TOKENS: f64 = 1_000.0;

/// Bytes of weights of a layer on one device.
const WEIGHTS: u64 = 1_000_000_000;

/// Bytes that a token moves in a layer forward; back it is twice as much.
const MOVED: u64 = 1_000_000;

fn operator(name: &str, part: Part, activation_bytes: Form, weight_memory: Form) -> Operator {
    Operator {
        name: name.into(),
        kind: OperatorKind::Elementwise,
        repeat: 8,
        flops: Form::default(),
        weight_bytes: Form::default(),
        activation_bytes,
        kv_bytes: Form::default(),
        link_bytes: Form::default(),
        parameters: 0,
        active_parameters: 0,
        weight_memory,
        kv_memory: Form::default(),
        fused: false,
        hidden: None,
        variants: Vec::new(),
        staged: Some(0),
        part,
        place: Place { file: "hand".into(), line: 1, column: 1 },
    }
}

fn graph() -> PhaseGraph {
    let tokens = || Form::symbol(Symbol::Sequences, 1) * Form::symbol(Symbol::New, 1);
    let mut operators = DiGraph::new();
    operators.add_node(operator(
        "layer",
        Part::Forward,
        tokens() * Form::integer(MOVED),
        Form::integer(WEIGHTS),
    ));
    operators.add_node(operator(
        "layer_gradient",
        Part::Backward,
        tokens() * Form::integer(2 * MOVED),
        Form::default(),
    ));
    // AdamW: 14 bytes beside each weight of 2, and 28 moved.
    operators.add_node(operator(
        "layer_update",
        Part::Update,
        Form::integer(14 * WEIGHTS),
        Form::integer(7 * WEIGHTS),
    ));
    PhaseGraph {
        service: "train".into(),
        precision: Precision::Bf16,
        target: Target::Kernels,
        phase: Phase::Step,
        operators,
        layers: vec![8],
        divides: Vec::new(),
        patches: None,
        drafts: 0,
    }
}

fn hardware(memory: f64) -> Hardware {
    Hardware {
        device: "invented".into(),
        memory,
        bandwidth: 1e12,
        compute: BTreeMap::from([(Precision::Bf16, 1e15)]),
        fabric: Some((FabricKind::Nvlink, 900e9)),
        network: None,
    }
}

fn copy(memory: f64, degrees: Degrees, network: f64) -> Copy {
    Copy::new(&graph(), &hardware(memory), degrees, Some(network), (TOKENS, 64)).unwrap()
}

fn step(copy: &Copy, copies: u64, sharding: Sharding) -> Step {
    copy.step(copies, 64, sharding).unwrap()
}

fn is_close(found: f64, derived: f64) {
    assert!((found / derived - 1.0).abs() < 1e-9, "found {found}, derived {derived}");
}

/// 8 GB of weights with 16 bytes for each of 2: 64 GB. Of them 8 are weights, 8 gradients and 48 the optimizer's. One sequence
/// keeps half of what 8 layers move forward, 4 GB. At work are the 2 GB that a layer's gradient moves of it.
#[test]
fn what_a_device_holds() {
    let copy = copy(200e9, Degrees::ONE, 1e15);
    let kept = |step: &Step| RUNTIME_BYTES + (4e9 + 2e9) * step.sequences as f64;
    for (sharding, states) in [
        (Sharding::None, 64e9),
        (Sharding::Optimizer, 8e9 + 8e9 + 12e9),
        (Sharding::Gradients, 8e9 + 2e9 + 12e9),
        (Sharding::Weights, 16e9),
    ] {
        let step = step(&copy, 4, sharding);
        is_close(step.held, states + kept(&step));
    }
    // One copy has nobody to share with.
    let alone = step(&copy, 1, Sharding::Weights);
    is_close(alone.held, 64e9 + kept(&alone));
}

/// 64 GB of states, 2 of the runtime, 4 and 2 of a sequence on 68 GB: four are lacking. Two copies that share the optimizer's numbers hold
/// 24 less, which leaves room for four sequences at once.
#[test]
fn what_is_lacking() {
    let copy = copy(68e9, Degrees::ONE, 1e15);
    is_close(copy.step(1, 64, Sharding::None).unwrap_err(), 4e9);
    is_close(copy.step(2, 64, Sharding::None).unwrap_err(), 4e9);
    is_close(step(&copy, 2, Sharding::Optimizer).held, 40e9 + 2e9 + 4.0 * 6e9);
}

/// 64 sequences, 8 layers, 3 MB a token: 8 * 3e9 / 0.7e12 s a sequence and 16 kernels of 2 µs a micro-batch; an update of
/// 8 * 14e9 / 0.7e12 s and 8 kernels.
#[test]
fn how_long_a_step_takes() {
    let copy = copy(1e12, Degrees::ONE, 1e15);
    let found = step(&copy, 1, Sharding::None);
    let micro_batches = found.micro_batches as f64;
    let work = 64.0 * 24e9 / 0.7e12 + micro_batches * 16.0 * 2e-6;
    is_close(found.seconds.middle, work + 112e9 / 0.7e12 + 8.0 * 2e-6);
    assert_eq!(found.sequences * found.micro_batches, 64);
}

/// Four stages of 64 passes take 67 times a stage's quarter of a pass: 3 of 67 are idle.
#[test]
fn stages_wait_for_one_another() {
    let one = copy(36e9, Degrees::ONE, 1e15);
    assert!(one.step(1, 64, Sharding::None).is_err());
    let four = copy(25e9, Degrees { pipeline: 4, ..Degrees::ONE }, 1e15);
    let found = step(&four, 1, Sharding::None);
    // Two of eight layers: 16 GB of states and 1 GB kept of each of four passes under way.
    assert_eq!((found.sequences, found.micro_batches), (1, 64));
    is_close(found.held, 16e9 + 4.0 * 1e9 + RUNTIME_BYTES + 2e9);
    let pass = 24e9 / 0.7e12 + 16.0 * 2e-6;
    let update = 112e9 / 0.7e12 + 8.0 * 2e-6;
    is_close(found.seconds.middle, pass * 67.0 / 4.0 + update);
}

/// Four copies send 2 * 3/4 of 8 GB each: at 85 % of 10 GB/s 1.41 s. Behind the gradients of the last micro-batch is hidden what
/// these take; the rest is waited for.
#[test]
fn gradients_that_are_exchanged() {
    let copy = copy(1e12, Degrees::ONE, 10e9);
    let fast = self::copy(1e12, Degrees::ONE, 1e15);
    let (slow, quick) = (step(&copy, 4, Sharding::None), step(&fast, 4, Sharding::None));
    let exchange = 12e9 / 8.5e9;
    let back = |step: &Step| step.sequences as f64 * 16e9 / 0.7e12 + 8.0 * 2e-6;
    let waited = (exchange - back(&slow)).max(0.0);
    let work = 16.0 * 24e9 / 0.7e12 + slow.micro_batches as f64 * 16.0 * 2e-6;
    is_close(slow.seconds.middle, work + waited + 112e9 / 0.7e12 + 8.0 * 2e-6);
    assert!(quick.seconds.middle <= slow.seconds.middle);
}

/// Where the exchange is hidden, more copies never make a step slower.
#[test]
fn more_copies_are_never_slower_where_the_exchange_is_hidden() {
    let copy = copy(1e12, Degrees::ONE, 1e18);
    for sharding in Sharding::ALL {
        let steps: Vec<f64> = (1..=64).map(|copies| step(&copy, copies, sharding).seconds.middle).collect();
        assert!(steps.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-9)), "{sharding:?}: {steps:?}");
    }
}

/// Data groups of one copy share the weights, so that they halve what each of them holds of the optimizer's.
#[test]
fn groups_of_a_copy_share_too() {
    let copy = copy(200e9, Degrees { data: 2, ..Degrees::ONE }, 1e15);
    let found = step(&copy, 2, Sharding::Optimizer);
    is_close(found.held, 16e9 + 48e9 / 4.0 + RUNTIME_BYTES + 6e9 * found.sequences as f64);
}

//! An edit of the IR's text changes what is computed, sent and waited for by exactly the derived amounts.

mod support;

use berth_compiler::degrees::Degrees;
use berth_compiler::form::Binding;
use berth_compiler::graph::{OperatorGraph, Phase, Target};
use berth_compiler::lowering::Lowering as _;
use berth_compiler::performance::Notes;
use berth_compiler::performance::phase::{EngineOverhead, Pass, pass};
use berth_language::model::Precision;
use std::ops::Deref;
use support::{example, with_session};

/// A pass with the names of its operators.
struct Priced {
    pass: Pass,
    names: Vec<String>,
}

impl Deref for Priced {
    type Target = Pass;

    fn deref(&self) -> &Pass {
        &self.pass
    }
}

/// Prefill of one prompt of 900 tokens over four devices of the first class, H100 behind NVLink.
fn prefill(edit: impl FnOnce(String) -> String) -> Priced {
    with_session(&example("chat.berth"), |session| {
        let stages = session.stages("chat.berth", None).unwrap();
        let text = edit(stages.lowered.text.clone());
        let graph: OperatorGraph = berth_ir::Mlir.resume(&text, "edited.mlir").unwrap().graph;
        let phase = graph.phase("chat", Precision::Bf16, Target::Kernels, Phase::Prefill).unwrap();
        let hardware = stages.candidates.classes[0].hardware.as_ref().unwrap();
        assert_eq!(hardware.device, "h100_sxm");
        let binding = Binding { sequences: 1.0, new: 900.0, context: 0.0, degrees: Degrees::of_tensor(4) };
        let pass = pass(phase, hardware, &binding, &EngineOverhead::ASSUMED, &mut Notes::Ignored).unwrap();
        let names = phase.operators.node_weights().map(|operator| operator.name.clone()).collect();
        Priced { pass, names }
    })
}

/// Milliseconds of all 80 repetitions of one operator.
fn milliseconds(pass: &Priced, operator: &str) -> f64 {
    let at = pass.names.iter().position(|name| name == operator).unwrap();
    pass.operators[at].middle * 1e3
}

/// The layer's function of the bf16 prefill, edited; the rest of the text as it is.
fn in_layer(text: &str, edit: impl FnOnce(&str) -> String) -> String {
    let start = text.find("func.func @chat_bf16_prefill_layer").unwrap();
    let end = start + text[start..].find("\n  }").unwrap();
    format!("{}{}{}", &text[..start], edit(&text[start..end]), &text[end..])
}

#[test]
fn text_that_nobody_edited_changes_nothing() {
    let before = prefill(|text| text);
    // 80 layers of 2 * 900 / 4 times 8192 * (10240 + 8192 + 57344 + 28672) weights, attention with half of
    // 4 * 900^2 * 8192 a layer, and logits of the last token: 2 * 8192 * 128256 / 4.
    let layers = 80.0 * 450.0 * 8192.0 * (10240.0 + 8192.0 + 57344.0 + 28672.0);
    let attention = 80.0 * 2.0 * 900.0 * 900.0 * 8192.0 / 4.0;
    let logits = 2.0 * 8192.0 * 128_256.0 / 4.0;
    assert_eq!(before.flops, layers + attention + logits);
}

#[test]
fn half_a_dimension_is_half_the_arithmetic_of_one_matmul() {
    let before = prefill(|text| text);
    let after = prefill(|text| {
        in_layer(&text, |layer| {
            layer.replace("weight = tensor<28672x8192xbf16>", "weight = tensor<14336x8192xbf16>")
        })
    });
    // 80 layers, 2 * 900 tokens, 14336 / 4 rows a device fewer, 8192 columns.
    assert_eq!(before.flops - after.flops, 80.0 * 2.0 * 900.0 * (14336.0 / 4.0) * 8192.0);
    assert_eq!(before.link_bytes, after.link_bytes);
    let saved = milliseconds(&before, "down") - milliseconds(&after, "down");
    assert!(saved > 0.0);
    assert!(((before.seconds.middle - after.seconds.middle) * 1e3 - saved).abs() < 1e-9);
}

#[test]
fn an_all_reduce_less_is_its_bytes_and_its_time_less() {
    let before = prefill(|text| text);
    let after = prefill(|text| {
        in_layer(&text, |layer| {
            let line = layer.lines().find(|line| line.contains("\"all_reduce_down\"")).unwrap();
            let (result, rest) = line.trim().split_once(" = ").unwrap();
            let operand = rest.split_once('(').unwrap().1.split_once(')').unwrap().0;
            let without = layer.replace(&format!("{line}\n"), "");
            // What used the sum now uses the partial value.
            without.replace(&format!("{result})"), &format!("{operand})"))
        })
    });
    // A ring sends 2 (4 - 1) / 4 of 900 tokens of 8192 values of 2 bytes, 80 times.
    assert_eq!(before.link_bytes - after.link_bytes, 80.0 * 1.5 * 900.0 * 8192.0 * 2.0);
    assert_eq!(before.flops, after.flops);
    let saved = milliseconds(&before, "all_reduce_down");
    assert!(saved > 0.0);
    assert!(((before.seconds.middle - after.seconds.middle) * 1e3 - saved).abs() < 1e-9);
}

/// One line of the layer gets more attributes.
fn marked(text: &str, name: &str, marks: &str) -> String {
    in_layer(text, |layer| {
        layer.replace(&format!("name = \"{name}\""), &format!("{marks}, name = \"{name}\""))
    })
}

#[test]
fn what_runs_behind_a_product_takes_its_part_of_the_time_less() {
    let before = prefill(|text| text);
    let after = prefill(|text| {
        marked(&text, "all_reduce_output", "overlap = {behind = \"gate_up\", share = \"9/10\"}")
    });
    // An all-reduce of 900 tokens takes less than the product of 8192 by 57344, so the share is what counts.
    let (sum, cover) = (milliseconds(&before, "all_reduce_output"), milliseconds(&before, "gate_up"));
    assert!(0.0 < sum && sum < cover);
    let saved = (before.seconds.middle - after.seconds.middle) * 1e3;
    assert!((saved - 0.9 * sum).abs() < 1e-9, "{saved} of {sum}");
    assert_eq!((before.flops, before.link_bytes), (after.flops, after.link_bytes));
}

#[test]
fn two_that_run_behind_one_operator_share_its_time() {
    let before = prefill(|text| text);
    let after = prefill(|text| {
        let one = marked(&text, "all_reduce_output", "overlap = {behind = \"silu_multiply\", share = \"1\"}");
        marked(&one, "all_reduce_down", "overlap = {behind = \"silu_multiply\", share = \"1\"}")
    });
    let cover = milliseconds(&before, "silu_multiply");
    let sums = milliseconds(&before, "all_reduce_output") + milliseconds(&before, "all_reduce_down");
    assert!(cover < sums);
    let saved = (before.seconds.middle - after.seconds.middle) * 1e3;
    assert!((saved - cover).abs() < 1e-9, "{saved} of {cover}");
}

#[test]
fn a_kernel_less_is_its_start_and_the_bytes_between_less() {
    let before = prefill(|text| text);
    let after = prefill(|text| marked(&text, "silu_multiply", "fused = \"before\""));
    // 900 tokens of 57344 / 4 values of 2 bytes, written by one and read by the other, in 80 layers.
    assert_eq!(before.memory_bytes - after.memory_bytes, 80.0 * 2.0 * 900.0 * (57_344.0 / 4.0) * 2.0);
    // Of the activation itself: 2 µs to start, and what it does not read at 70 % of 3.35 TB/s.
    let read = 900.0 * (57_344.0 / 4.0) * 2.0 / (0.7 * 3.35e12);
    let saved = milliseconds(&before, "silu_multiply") - milliseconds(&after, "silu_multiply");
    assert!((saved - 80.0 * 1e3 * (2e-6 + read)).abs() < 1e-9, "{saved}");
}

#[test]
fn a_layer_twice_is_all_of_it_once_more() {
    let before = prefill(|text| text);
    let after = prefill(|text| {
        let (start, rest) = text.split_once("@chat_bf16_prefill(").unwrap();
        let again = rest.replacen("times = 80", "times = 81", 1);
        format!("{start}@chat_bf16_prefill({again}")
    });
    let layer = 450.0 * 8192.0 * (10240.0 + 8192.0 + 57344.0 + 28672.0) + 2.0 * 900.0 * 900.0 * 8192.0 / 4.0;
    assert_eq!(after.flops - before.flops, layer);
    assert_eq!(after.link_bytes - before.link_bytes, 2.0 * 1.5 * 900.0 * 8192.0 * 2.0);
    let in_a_layer = [
        "attention_norm",
        "qkv",
        "rotary_kv_write",
        "attention",
        "output",
        "all_reduce_output",
        "attention_residual",
        "mlp_norm",
        "gate_up",
        "silu_multiply",
        "down",
        "all_reduce_down",
        "mlp_residual",
    ];
    let one: f64 = in_a_layer.iter().map(|name| milliseconds(&before, name) / 80.0).sum();
    assert!(((after.seconds.middle - before.seconds.middle) * 1e3 - one).abs() < 1e-9);
}

/// The devices that hold a form of the service at fp8, lowered and then edited.
fn devices_at_fp8(edit: impl FnOnce(String) -> String) -> Vec<String> {
    with_session(&example("chat.berth"), |session| {
        let text = edit(session.stages("chat.berth", None).unwrap().lowered.text);
        let stages = session.stages("chat.berth", Some((&text, "edited.mlir"))).unwrap();
        let mut devices: Vec<String> = stages.candidates.services[0]
            .candidates
            .iter()
            .filter_map(|candidate| candidate.layout.as_ref())
            .filter(|layout| layout.precision == Precision::Fp8)
            .map(|layout| stages.candidates.classes[layout.class].name.clone())
            .collect();
        devices.dedup();
        devices
    })
}

#[test]
fn a_variant_makes_a_device_a_candidate_that_was_none() {
    assert_eq!(devices_at_fp8(|text| text), ["h100_sxm"]);
    let widened = devices_at_fp8(|text| {
        let own = "variants = [{arithmetic = \"fp8\", needs = [\"fp8\"]}]";
        let both = "variants = [{arithmetic = \"fp8\", needs = [\"fp8\"]}, {arithmetic = \"bf16\", needs = [\"bf16\"]}]";
        text.replace(own, both)
    });
    assert_eq!(widened, ["h100_sxm", "a100_sxm"]);
}

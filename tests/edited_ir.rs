//! An edit of the IR's text changes what is computed, sent and waited for by exactly the derived amounts.

mod support;

use berth_compiler::form::Binding;
use berth_compiler::graph::{OperatorGraph, Phase};
use berth_compiler::lowering::Lowering as _;
use berth_compiler::performance::phase::{EngineOverhead, Pass, pass};
use berth_language::model::Precision;
use support::{example, with_session};

/// Prefill of one prompt of 900 tokens over four devices of the first class, H100 behind NVLink.
fn prefill(edit: impl FnOnce(String) -> String) -> Pass {
    with_session(&example("chat.berth"), |session| {
        let stages = session.stages("chat.berth", None).unwrap();
        let text = edit(stages.lowered.text.clone());
        let graph: OperatorGraph = berth_ir::Mlir.resume(&text, "edited.mlir").unwrap().graph;
        let phase = graph.phase("chat", Precision::Bf16, Phase::Prefill).unwrap();
        let hardware = stages.candidates.classes[0].hardware.as_ref().unwrap();
        assert_eq!(hardware.device, "h100_sxm");
        let binding = Binding { sequences: 1.0, new: 900.0, context: 0.0, tensor: 4.0 };
        pass(phase, hardware, &binding, &EngineOverhead::ASSUMED).unwrap()
    })
}

/// Milliseconds of all 80 repetitions of one operator.
fn milliseconds(pass: &Pass, operator: &str) -> f64 {
    let (_, band) = pass.operators.iter().find(|(name, _)| name == operator).unwrap();
    band.middle * 1e3
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

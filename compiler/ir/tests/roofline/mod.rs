//! A step that prefills and decodes at once, at the rates of a datasheet: what the counts of a graph come to.

use berth_compiler::degrees::Degrees;
use berth_compiler::form::{Binding, Form};
use berth_compiler::graph::{Operator, OperatorGraph, OperatorKind, Phase, PhaseGraph};
use std::fmt::Write;

/// How far a sum may lie from what a source says.
const TOLERANCE: f64 = 0.02;

/// What is asked for: `tensor=8 prefill=4/3x512 decode=4096/3x1024 compute=312e12 memory=2e12 link=300e9
/// source=114.17,45.09,31.33`: sequences and new tokens of each, sequences and cached tokens of each, rates of one
/// device, and the milliseconds that a source says of products, attention and sums.
struct Asked {
    prefill: Binding,
    decode: Binding,
    /// FLOP/s, bytes/s of memory, bytes/s of one direction of the link.
    rates: [f64; 3],
    source: [f64; 3],
}

impl Asked {
    fn read(text: &str) -> Self {
        let value = |name: &str| {
            let parts = text.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            parts.unwrap_or_else(|| panic!("`{name}` is asked for"))
        };
        let number = |text: &str| match text.split_once('/') {
            None => text.parse::<f64>().expect("a number"),
            Some((over, under)) => {
                over.parse::<f64>().expect("a number") / under.parse::<f64>().expect("a number")
            }
        };
        let degrees = Degrees::of_tensor(value("tensor").parse().expect("a degree"));
        let pair = |text: &str| {
            let (sequences, tokens) = text.split_once('x').expect("sequences x tokens");
            (number(sequences), number(tokens))
        };
        let (sequences, new) = pair(value("prefill"));
        let prefill = Binding { sequences, new, context: 0.0, degrees };
        let (sequences, context) = pair(value("decode"));
        let decode = Binding { sequences, new: 1.0, context, degrees };
        let mut source = value("source").split(',').map(number);
        Self {
            prefill,
            decode,
            rates: ["compute", "memory", "link"].map(|name| number(value(name))),
            source: [(); 3].map(|()| source.next().expect("three sums")),
        }
    }
}

/// FLOPs, bytes of memory and bytes sent, of one device.
fn counts(prefill: &Operator, decode: &Operator, asked: &Asked) -> [f64; 3] {
    let both = |of: fn(&Operator) -> &Form| {
        of(prefill).evaluate(&asked.prefill) + of(decode).evaluate(&asked.decode)
    };
    // One step reads the weights once, for both.
    let weights = decode.weight_bytes.evaluate(&asked.decode);
    let memory = weights + both(|operator| &operator.activation_bytes) + both(|operator| &operator.kv_bytes);
    let one = [both(|operator| &operator.flops), memory, both(|operator| &operator.link_bytes)];
    one.map(|count| count * decode.repeat as f64)
}

/// A table of all operators, and the sums of those that the source counts: products of layers, attention, sums.
pub fn mixed(graph: &OperatorGraph, asked: &str, fail: &mut dyn FnMut(String)) -> String {
    let asked = Asked::read(asked);
    let of = |phase: Phase| -> &PhaseGraph {
        graph.phases.iter().find(|graph| graph.phase == phase).expect("the phase is there")
    };
    let (prefill, decode) = (of(Phase::Prefill), of(Phase::Decode));
    let mut text = format!(
        "{:<24} {:>10} {:>9} {:>9} {:>11} {:>10} {:>10}\n",
        "on one device", "GFLOP", "GB", "GB sent", "compute ms", "memory ms", "link ms"
    );
    let mut sums = [[0.0; 3]; 2];
    for operator in decode.operators.node_weights() {
        let same = prefill.operators.node_weights().find(|other| other.name == operator.name);
        let Some(same) = same else { continue };
        let counts = counts(same, operator, &asked);
        let milliseconds = [0, 1, 2].map(|index| 1e3 * counts[index] / asked.rates[index]);
        let counted = operator.repeat > 1
            && matches!(
                operator.kind,
                OperatorKind::Matmul { .. } | OperatorKind::Attention { .. } | OperatorKind::AllReduce { .. }
            );
        for index in 0..3 {
            sums[1][index] += milliseconds[index];
            if counted {
                sums[0][index] += milliseconds[index];
            }
        }
        if counts.iter().any(|count| *count > 0.0) {
            writeln!(
                text,
                "{:<24} {:>10.1} {:>9.2} {:>9.2} {:>11.2} {:>10.2} {:>10.2}",
                operator.name,
                counts[0] / 1e9,
                counts[1] / 1e9,
                counts[2] / 1e9,
                milliseconds[0],
                milliseconds[1],
                milliseconds[2]
            )
            .unwrap();
        }
    }
    for (what, [compute, memory, link]) in
        [("products, attention, sums", sums[0]), ("the source", asked.source), ("everything", sums[1])]
    {
        writeln!(text, "{what:<56}{compute:>11.2} {memory:>10.2} {link:>10.2}").unwrap();
    }
    for (what, found, said) in [
        ("compute", sums[0][0], asked.source[0]),
        ("memory", sums[0][1], asked.source[1]),
        ("link", sums[0][2], asked.source[2]),
    ] {
        if (found / said - 1.0).abs() > TOLERANCE {
            fail(format!("{what} is {found:.2} ms, the source has {said:.2} ms"));
        }
    }
    text
}

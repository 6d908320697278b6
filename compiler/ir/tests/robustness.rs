//! No text makes it panic, abort or fall silent: seeded mutations of a lowered module, and texts that
//! take parsers down.

mod facts;

use berth_compiler::lowering::Lowering;
use berth_ir::Mlir;
use std::path::Path;

const PROGRAM: &str = "model tiny\n  layers = 2\n  hidden = 64\n  heads = 4\n  kv_heads = 2\n  \
                       feed_forward = 128\n  vocabulary = 1000\nservice chat\n";

/// Steele and Vigna's SplitMix64: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// An answer, and where it is a refusal one that says where and why.
fn answers(text: &str) {
    match Mlir.resume(text, "mutated.mlir") {
        Ok(lowered) => {
            let again = Mlir.resume(&lowered.text, "again.mlir").expect("what is printed is read");
            assert_eq!(again.text, lowered.text);
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.message.is_empty() && error.line > 0, "{error:?} for\n{text}");
            }
        }
    }
}

#[test]
fn mutations_are_answered() {
    let (program, sources) = facts::program(PROGRAM);
    let text = Mlir.lower(&program, &sources, facts::PATH).expect("it lowers").text;
    let words = [
        "0",
        "-1",
        "18446744073709551616",
        "\"\"",
        "\"\\FF\"",
        "tensor<",
        ">",
        "{",
        "}",
        "(",
        ")",
        "loc(",
        "loc",
        "#loc1",
        "%0",
        "%arg0",
        "@chat_bf16_decode_layer",
        "unit",
        "dense<0>",
        "i128",
        "none",
        "?",
        "x",
        "*",
        "\\",
        "//",
        "\n",
        "é",
        "split = \"rows\"",
        "times = 9 : i64",
        "berth.norm",
        "!berth.x",
        "affine_map<(d0) -> (d0)>",
    ];
    let mut numbers = Numbers(1);
    for _ in 0..1500 {
        answers(&mutated(&text, &words, &mut numbers));
    }
}

/// `text` after one to three changes.
fn mutated(text: &str, words: &[&str], numbers: &mut Numbers) -> String {
    let mut mutated = text.to_owned();
    {
        for _ in 0..=numbers.below(3) {
            let mut at = numbers.below(mutated.len());
            while !mutated.is_char_boundary(at) {
                at -= 1;
            }
            match numbers.below(4) {
                0 => mutated.insert_str(at, words[numbers.below(words.len())]),
                1 => {
                    mutated.remove(at);
                }
                2 => {
                    let lines: Vec<&str> = mutated.lines().collect();
                    let gone = numbers.below(lines.len());
                    let left: Vec<&str> = lines
                        .iter()
                        .enumerate()
                        .filter(|(index, _)| *index != gone)
                        .map(|(_, line)| *line)
                        .collect();
                    mutated = left.join("\n");
                }
                _ => {
                    let mut end = (at + numbers.below(20)).min(mutated.len());
                    while !mutated.is_char_boundary(end) {
                        end -= 1;
                    }
                    let part = mutated[at..end.max(at)].to_owned();
                    mutated.insert_str(at, &part);
                }
            }
        }
    }
    mutated
}

/// Exported modules, mutated in their files and in the text that they are lowered to.
#[test]
fn mutated_modules_are_answered() {
    let words = [
        "0",
        "-1",
        "9223372036854775807",
        "18446744073709551616",
        "?",
        "x",
        "tensor<",
        "tensor<4611686018427387904x4xf32>",
        "tensor<*xf32>",
        "tensor<?x?xf32>",
        "memref<4xf32>",
        "!quant.uniform<i8:f32, 1.0>",
        "complex<f32>",
        ">",
        "<",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "array<i64>",
        "array<i64: 9, -1>",
        "dense<0>",
        "dense<\"0x00\">",
        "dense_resource<a>",
        "affine_map<(d0, d1) -> (d1 floordiv 0)>",
        "affine_map<(d0)[s0] -> (d0 + s0)>",
        "linalg.matmul",
        "linalg.conv_2d_nhwc_hwcf",
        "\"linalg.generic\"",
        "tensor.expand_shape",
        "stablehlo.while",
        "stablehlo.case",
        "stablehlo.dot_general",
        "func.call",
        "scf.for",
        "@main",
        "%0",
        "%1#0",
        "^bb0",
        "index",
        "i1",
        "f8E4M3FN",
        "loc(",
        "\n",
        "é",
    ];
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir");
    let page = std::fs::read_to_string(kept.join("modules.md")).expect("the page is there");
    let inline: Vec<&str> = page
        .split("```module ")
        .skip(1)
        .filter_map(|block| Some(block.split_once('\n')?.1.split_once("```")?.0))
        .collect();
    let file = |name: &str| std::fs::read_to_string(kept.join("modules").join(name)).expect("it is there");
    let mut modules: Vec<(String, &str)> =
        inline.into_iter().map(|text| (text.to_owned(), "arg3_0: 8")).collect();
    modules.push((file("encoder.mlir"), "arg9_0: sequences, arg9_1: tokens"));
    modules.push((file("layers.mlir"), "arg9_0: 8"));
    let mut numbers = Numbers(2);
    let mut lowered = Vec::new();
    for (text, bind) in &modules {
        if let Ok(text) = lower_module(text, bind) {
            lowered.push(text);
        }
    }
    assert!(lowered.len() > 2);
    for round in 0..1500 {
        let (text, bind) = &modules[round % modules.len()];
        let _ = lower_module(&mutated(text, &words, &mut numbers), bind);
        answers(&mutated(&lowered[round % lowered.len()], &words, &mut numbers));
    }
}

/// The text that a module is lowered to; a refusal says why, and where in it.
fn lower_module(text: &str, bind: &str) -> Result<String, ()> {
    struct Files(Vec<u8>, String);
    impl berth_language::sources::Files for Files {
        fn read(&self, path: &str) -> Result<Vec<u8>, berth_language::sources::Unreadable> {
            Ok(if path == "plan.berth" { self.1.clone().into_bytes() } else { self.0.clone() })
        }
    }
    let bind = if text.contains('?') { format!("    bind = [{bind}]\n") } else { String::new() };
    let plan = format!(
        "model it {{\n    architecture = mlir(\"it.mlir\")\n{bind}}}\nservice runs {{\n    model = it\n}}\n"
    );
    let checked = berth_language::check("plan.berth", &Files(text.as_bytes().to_vec(), plan));
    let program = checked.program.expect("the plan file is sound");
    match Mlir.lower(&program, &checked.sources, "plan.berth") {
        Ok(lowered) => Ok(lowered.text),
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            for diagnostic in diagnostics {
                assert!(!diagnostic.title.is_empty() && !diagnostic.labels.is_empty(), "{diagnostic:?}");
                assert!(!diagnostic.title.contains("malformed"), "{diagnostic:?} for\n{text}");
            }
            Err(())
        }
    }
}

#[test]
fn texts_that_take_parsers_down_are_answered() {
    let deep = 200_000;
    for text in [
        String::new(),
        "\0".to_owned(),
        "module {".repeat(deep),
        format!("module attributes {{a = {}", "[".repeat(deep)),
        format!("module attributes {{a = affine_map<(d0) -> ({}d0)>}} {{}}", "-".repeat(deep)),
        format!("module {{}} loc({}", "fused[".repeat(deep)),
        format!("module {{}} loc({}", "(".repeat(deep)),
        "loc(".repeat(deep),
        "\"".to_owned(),
        "\"\\".to_owned(),
        "module {} loc(\"\":0:0)".to_owned(),
        "module {\n  func.func @\"\"(%x: tensor<?x?xbf16>) -> tensor<?x?xbf16> { return %x : tensor<?x?xbf16> }\n}"
            .to_owned(),
        "module { func.func @a(%x: tensor<?x?xbf16>) -> tensor<?x?xbf16> { %0 = \"berth.repeat\"(%x) {callee = @\"\", times = 1} : (tensor<?x?xbf16>) -> tensor<?x?xbf16> return %0 : tensor<?x?xbf16> } }"
            .to_owned(),
    ] {
        if let Err(errors) = Mlir.resume(&text, "odd.mlir") {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.message.is_empty()));
        }
    }
}

/// Bodies that repeat bodies twice double at each level; laid out they would not end.
#[test]
fn bodies_in_bodies_are_bounded() {
    let mut text = String::from("module {\n");
    for level in 0..60 {
        text += &format!(
            "func.func @b{level}(%x: tensor<?x?xbf16>) -> tensor<?x?xbf16> {{\n\
             %0 = \"berth.repeat\"(%x) {{callee = @b{next}, times = 1000000}} : (tensor<?x?xbf16>) -> tensor<?x?xbf16>\n\
             %1 = \"berth.repeat\"(%0) {{callee = @b{next}, times = 1000000}} : (tensor<?x?xbf16>) -> tensor<?x?xbf16>\n\
             return %1 : tensor<?x?xbf16>\n}}\n",
            next = level + 1
        );
    }
    text += "func.func @b60(%x: tensor<?x?xbf16>) -> tensor<?x?xbf16> {\n\
             %0 = \"berth.last_token\"(%x) {name = \"a\"} : (tensor<?x?xbf16>) -> tensor<?x?xbf16>\n\
             return %0 : tensor<?x?xbf16>\n}\n}\n";
    let errors = Mlir.resume(&text, "bodies.mlir").expect_err("it is refused");
    assert!(errors.iter().any(|error| error.message.contains("operators")), "{errors:?}");
}

//! No text makes it panic, abort or fall silent: seeded mutations of a lowered module, and texts that
//! take parsers down.

mod facts;

use berth_compiler::lowering::Lowering;
use berth_ir::Mlir;

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
        let mut mutated = text.clone();
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
        answers(&mutated);
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

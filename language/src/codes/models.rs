//! Codes of models and their configurations.

use super::{Code, code};

/// A small network, for examples.
pub(super) const CONFIG: &str = r#"{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 1000}"#;

/// The same as a part of a larger one.
pub(super) const PARTS: &str = r#"{"model_type": "seeing", "text_config": {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 32, "intermediate_size": 8192, "vocab_size": 1000}}"#;

/// The same in numbers that no shape here has.
pub(super) const NF4: &str = r#"{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 1000, "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}"#;

pub(super) static CODES: &[Code] = &[
    code(
        "model::contradiction",
        "facts that are of no one network",
        "\
A model's facts describe one network. These two cannot: heads that do not share keys equally, more experts for a token
than there are, a fact of encoders beside one of decoders, or a line that says otherwise than the file beside it.

A configuration file states the shape as it was published. A line beside it may repeat what the file says and may say
what it leaves out; to change a shape, state it without the file.",
        "\
model chat {
    heads = 32
    kv_heads = 5
}",
        "\
model chat {
    heads = 32
    kv_heads = 8
}",
    ),
    code(
        "module::unreadable",
        "a module that cannot be read",
        "\
`mlir(\"…\")` reads an exported module from disk, beside the file that names it. Nothing is fetched: a plan depends on
files alone. Its hash is in every plan made from it.",
        "\
model embed {
    architecture = mlir(\"gone.mlir\")
}",
        "\
model embed {
    architecture = mlir(\"embed.mlir\")
}",
    ),
    code(
        "config::unreadable",
        "a configuration that cannot be read",
        "\
`hf(\"…\")` reads a `config.json` from disk, beside the file that names it. Nothing is fetched: a plan depends on files
alone. Download the file once and keep it with the plan; its hash is in every plan made from it.",
        "\
model chat {
    architecture = hf(\"gone.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::not-json",
        "a configuration that is no JSON",
        "\
The file was read, and its text ends early, has a stray character or holds no names and values. The message says where.
An interrupted download and a page that says that one must log in first are the usual reasons.",
        "\
model chat {
    architecture = hf(\"cut.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::unknown-model",
        "a family of models that is not known",
        "\
`model_type` says how the other keys are to be understood. A family is read where its layers are known exactly; of any
other, state the fields: `layers`, `hidden`, `heads` and so on.",
        "\
model chat {
    architecture = hf(\"unknown.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::missing",
        "a configuration that lacks keys",
        "\
Some keys have a default in the library that reads such files, the others must be there. All that are missing are named
together.",
        "\
model chat {
    architecture = hf(\"short.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::value",
        "a configuration with values that are not read",
        "\
A width is a whole number from 1 to 2^40. Some keys stand for a network that this program has no shape for, such as
experts in every second layer only: they are refused rather than ignored, because every figure would be wrong.",
        "\
model chat {
    architecture = hf(\"text.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::contradiction",
        "a configuration that contradicts itself",
        "\
The file's own figures do not fit one another: heads that do not divide the width, more experts for a token than there
are, more entries than layers. Files that were edited by hand are the usual reason.",
        "\
model chat {
    architecture = hf(\"odd.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::weights",
        "weights that are not counted whole",
        "\
`quantization_config` says what a checkpoint stores. Some tools store what has no shape here, some leave single matrices wider
than the rest, and some multiply whole numbers by whole numbers, an arithmetic that no `precision` is. The model is planned
all the same, and this says as what.",
        "\
model chat {
    architecture = hf(\"nf4.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
    code(
        "config::part",
        "the language part of a larger model",
        "\
A model that sees or hears has a part for each sense. `text_config` describes the one that reads and writes text, and of this
family it alone is read: what the others hold in memory and compute is in no figure. A vision part can be stated beside
the file, as `vision`; of `qwen2_5_vl`, `qwen3_vl` and `qwen3_vl_moe` it is read too.",
        "\
model chat {
    architecture = hf(\"parts.json\")
}",
        "\
model chat {
    architecture = hf(\"config.json\")
}",
    ),
];

//! A dense decoder as an operator graph, built by hand from its dimensions: the tests of the
//! performance model stand on their own, without lowering.

use berth_compiler::degrees::Axis;
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{Divides, Operator, OperatorKind, Part, Phase, PhaseGraph, Place, Target};
use berth_language::model::Precision;
use num_rational::BigRational;
use petgraph::graph::DiGraph;

/// The shape of a dense decoder.
#[derive(Clone, Copy)]
pub struct Decoder {
    pub layers: u64,
    pub hidden: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub head_width: u64,
    pub feed_forward: u64,
    pub vocabulary: u64,
}

/// config.json of meta-llama/Llama-3.1-8B-Instruct.
pub const LLAMA_8B: Decoder = Decoder {
    layers: 32,
    hidden: 4_096,
    heads: 32,
    kv_heads: 8,
    head_width: 128,
    feed_forward: 14_336,
    vocabulary: 128_256,
};

/// config.json of meta-llama/Llama-3.1-70B-Instruct.
pub const LLAMA_70B: Decoder = Decoder {
    layers: 80,
    hidden: 8_192,
    heads: 64,
    kv_heads: 8,
    head_width: 128,
    feed_forward: 28_672,
    vocabulary: 128_256,
};

/// config.json of Qwen/Qwen3-32B.
pub const QWEN_32B: Decoder = Decoder {
    layers: 64,
    hidden: 5_120,
    heads: 64,
    kv_heads: 8,
    head_width: 128,
    feed_forward: 25_600,
    vocabulary: 151_936,
};

fn integer(value: u64) -> Form {
    Form::integer(value)
}

fn symbol(symbol: Symbol) -> Form {
    Form::symbol(symbol, 1)
}

fn per_device() -> Form {
    Form::symbol(Symbol::Tensor, -1)
}

fn tokens() -> Form {
    symbol(Symbol::Sequences) * symbol(Symbol::New)
}

fn sum(forms: [Form; 3]) -> Form {
    let [one, two, three] = forms;
    one + two + three
}

fn operator(name: &str, kind: OperatorKind, repeat: u64) -> Operator {
    Operator {
        name: name.to_owned(),
        kind,
        repeat,
        flops: Form::default(),
        weight_bytes: Form::default(),
        activation_bytes: Form::default(),
        kv_bytes: Form::default(),
        link_bytes: Form::default(),
        parameters: 0,
        active_parameters: 0,
        weight_memory: Form::default(),
        kv_memory: Form::default(),
        fused: false,
        hidden: None,
        variants: Vec::new(),
        staged: (repeat > 1).then_some(0),
        part: Part::Forward,
        place: Place { file: "decoder.rs".to_owned(), line: 1, column: 1 },
    }
}

impl Decoder {
    /// One phase at one precision of weights; the KV cache has 16 bits.
    pub fn graph(&self, precision: Precision, phase: Phase) -> PhaseGraph {
        let width = match precision {
            Precision::Bf16 => 2,
            Precision::Fp8 => 1,
        };
        let query = self.heads * self.head_width;
        let kv = self.kv_heads * self.head_width;
        let layers = self.layers;
        // Rows of x K by K x N; `split` says which of K and N the tensor degree divides.
        let matmul = |name: &str, rows: Form, inner: (u64, bool), columns: (u64, bool), repeat: u64| {
            let divided = |(extent, split): (u64, bool)| {
                if split { integer(extent) * per_device() } else { integer(extent) }
            };
            let (k, n) = (divided(inner), divided(columns));
            let weights = integer(width) * k.clone() * n.clone();
            Operator {
                flops: integer(2) * rows.clone() * k.clone() * n.clone(),
                weight_bytes: weights.clone(),
                activation_bytes: rows.clone() * (integer(width) * k.clone() + integer(2) * n.clone()),
                parameters: inner.0 * columns.0,
                weight_memory: weights,
                ..operator(name, OperatorKind::Matmul { rows, inner: k, columns: n, precision }, repeat)
            }
        };
        let all_reduce = |name: &str| {
            let message = integer(2 * self.hidden) * tokens();
            // Each device sends 2 (t-1)/t of the value.
            let share = integer(2) + Form::constant(BigRational::from_integer((-2).into())) * per_device();
            Operator {
                link_bytes: message.clone() * share,
                ..operator(name, OperatorKind::AllReduce { axis: Axis::Tensor, message }, layers)
            }
        };
        let elementwise = |name: &str, bytes: Form| Operator {
            activation_bytes: bytes,
            ..operator(name, OperatorKind::Elementwise, layers)
        };
        let heads = integer(self.heads) * per_device();
        let kv_heads = integer(self.kv_heads) * per_device();
        // Causal: each new token attends to the context and, on average, to half of the new ones.
        let attended = match phase {
            Phase::Prefill | Phase::Encode | Phase::Step | Phase::Vision | Phase::Denoise => {
                integer(2) * symbol(Symbol::New) + integer(4) * symbol(Symbol::Context)
            }
            Phase::Decode => integer(4) * (symbol(Symbol::New) + symbol(Symbol::Context)),
        };
        let kv_per_token = integer(2 * 2 * kv) * per_device();
        let attention = Operator {
            flops: tokens() * attended * integer(query) * per_device(),
            activation_bytes: integer(2 * 2 * query) * tokens() * per_device(),
            kv_bytes: symbol(Symbol::Sequences)
                * (symbol(Symbol::New) + symbol(Symbol::Context))
                * kv_per_token.clone(),
            kv_memory: kv_per_token,
            ..operator(
                "attention",
                OperatorKind::Attention {
                    heads,
                    kv_heads,
                    head_width: self.head_width,
                    cache: Precision::Bf16,
                    window: None,
                },
                layers,
            )
        };
        let residual = integer(2 * 4 * self.hidden) * tokens();
        let embedding = integer(2 * self.hidden * self.vocabulary) * per_device();
        let lookup = Operator {
            activation_bytes: integer(2 * 2 * self.hidden) * tokens(),
            parameters: self.hidden * self.vocabulary,
            weight_memory: embedding,
            ..operator("embedding", OperatorKind::Lookup, 1)
        };
        let mut head =
            matmul("head", symbol(Symbol::Sequences), (self.hidden, false), (self.vocabulary, true), 1);
        // Engines keep the output projection at 16 bits; its time is not what this test is about.
        head.weight_memory = integer(2 * self.hidden * self.vocabulary) * per_device();
        let gathered = integer(2 * self.vocabulary) * symbol(Symbol::Sequences);
        let gather = Operator {
            link_bytes: gathered.clone() * per_device(),
            ..operator("gather", OperatorKind::AllGather { axis: Axis::Tensor, message: gathered }, 1)
        };
        let silu = sum([
            integer(2 * 2 * self.feed_forward) * tokens() * per_device(),
            integer(2 * self.feed_forward) * tokens() * per_device(),
            Form::default(),
        ]);
        let mut operators = DiGraph::new();
        let mut before = None;
        for next in [
            lookup,
            elementwise("norm_attention", residual.clone()),
            matmul("qkv", tokens(), (self.hidden, false), (query + 2 * kv, true), layers),
            attention,
            matmul("output", tokens(), (query, true), (self.hidden, false), layers),
            all_reduce("all_reduce_attention"),
            elementwise("norm_mlp", residual),
            matmul("gate_up", tokens(), (self.hidden, false), (2 * self.feed_forward, true), layers),
            elementwise("silu", silu),
            matmul("down", tokens(), (self.feed_forward, true), (self.hidden, false), layers),
            all_reduce("all_reduce_mlp"),
            head,
            gather,
        ] {
            let node = operators.add_node(next);
            if let Some(before) = before {
                operators.add_edge(before, node, ());
            }
            before = Some(node);
        }
        PhaseGraph {
            service: "chat".to_owned(),
            precision,
            target: Target::Kernels,
            phase,
            operators,
            layers: vec![layers],
            patches: None,
            drafts: 0,
            divides: [self.kv_heads, self.heads, self.feed_forward]
                .map(|width| Divides { by: symbol(Symbol::Tensor), width })
                .to_vec(),
        }
    }
}

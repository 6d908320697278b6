//! How fast a large model is lowered, and how fast candidates of it are priced. Every figure is CPU time of this
//! process and stands beside a peer's in the same run: lowering beside reading what it prints, which MLIR's own
//! parser and verifier dominate; pricing beside the same forms in exact arithmetic.
//!
//!     cargo bench --profile dev --workspace --bench lowering [-- --rounds 7 --prices 100000]

use berth_compiler::degrees::Degrees;
use berth_compiler::form::{Binding, Form, Symbol};
use berth_compiler::graph::{Operator, Phase, PhaseGraph, Target};
use berth_compiler::lowering::Lowering;
use berth_compiler::performance::Notes;
use berth_compiler::performance::hardware::Hardware;
use berth_compiler::performance::phase::{EngineOverhead, pass};
use berth_ir::Mlir;
use berth_language::check;
use berth_language::model::Precision;
use berth_language::sources::{Files, Unreadable};
use cpu_time::ProcessTime;
use std::hint::black_box;

/// DeepSeek-V3 on eight H200, at both precisions: four passes, eight bodies.
const PROGRAM: &str = "use catalog.models as m\nuse catalog.nvidia as nv\n\
                       node box {\n    devices = 8 * nv.h200_sxm\n    fabric = nvlink(900GB/s)\n    cpu = 112 core\n    \
                       memory = 2TiB\n    overhead = 1kW\n    price = $40/h\n    source = \"placeholder: a node\"\n}\n\
                       service chat {\n    model = m.deepseek_v3\n    engine = sglang\n    precision in [bf16, fp8]\n    \
                       demand = 1 req/s\n    prompt = 1_000 tok\n    output = 300 tok\n}\n\
                       plan p {\n    minimize = bill\n}\n";

struct Alone;

impl Files for Alone {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        if path == "main.berth" { Ok(PROGRAM.into()) } else { Err(Unreadable::Missing) }
    }
}

fn main() {
    let rounds = argument("--rounds", 7).max(1);
    let prices = argument("--prices", 100_000).max(1);
    let checked = check("main.berth", &Alone);
    let program = checked.program.expect("the program is meant to be sound");
    let lower = || Mlir.lower(&program, &checked.sources, "main.berth").expect("it lowers");
    let lowered = lower();
    let again = || Mlir.resume(&lowered.text, "main.mlir").expect("it is read");

    let (mut down, mut back) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        down.push(milliseconds(|| drop(black_box(lower()))));
        back.push(milliseconds(|| drop(black_box(again()))));
    }
    let (down, back) = (median(&mut down), median(&mut back));
    println!("{} lines of MLIR, {} passes", lowered.text.lines().count(), lowered.graph.phases.len());
    println!("lowering DeepSeek-V3: {down:.1} ms CPU, {:.2} times continuing from its text", down / back);

    let graph = lowered.graph.phase("chat", Precision::Fp8, Target::Kernels, Phase::Decode);
    let graph = graph.expect("it has a decode");
    let node = &program.nodes[0];
    let (device, _) = node.devices.as_ref().expect("it has devices").value;
    let fabric = node.fabric.as_ref().map(|fabric| &fabric.value);
    let hardware = Hardware::of(&program.devices[device], fabric).expect("it states its rates");
    let priced = milliseconds(|| {
        for index in 0..prices {
            let binding = candidate(index);
            let engine = &EngineOverhead::ASSUMED;
            black_box(pass(graph, &hardware, &binding, engine, &mut Notes::Ignored).expect("it is priced"));
        }
    });
    let few = (prices / 100).max(1);
    let exact = milliseconds(|| {
        for index in 0..few {
            black_box(exactly(graph, &candidate(index)));
        }
    });
    let ratio = exact / few as f64 / (priced / prices as f64);
    println!(
        "{prices} prices of a decode step of {} operators: {priced:.0} ms CPU, {:.2} µs each; \
         its forms alone in exact arithmetic take {ratio:.0} times as long",
        graph.operators.node_count(),
        1e3 * priced / prices as f64
    );
}

/// A candidate unlike its neighbours.
fn candidate(index: usize) -> Binding {
    let tensor = 1 << (index % 4);
    let data = 8 / tensor;
    Binding {
        sequences: 1.0 + (index % 256) as f64,
        new: 1.0,
        context: 500.0 + (index / 256) as f64,
        degrees: Degrees { tensor, data, expert: tensor * data, ..Degrees::ONE },
    }
}

/// Every form of a pass in exact arithmetic.
fn exactly(graph: &PhaseGraph, binding: &Binding) -> usize {
    let Degrees { tensor, pipeline, expert, data, context } = binding.degrees;
    let value = |symbol: Symbol| match symbol {
        Symbol::Sequences => binding.sequences as u64,
        Symbol::New => 1,
        Symbol::Context => binding.context as u64,
        Symbol::Tensor => tensor,
        Symbol::Pipeline => pipeline,
        Symbol::Expert => expert,
        Symbol::Data => data,
        Symbol::ContextDegree => context,
    };
    let forms = |operator: &Operator| -> Vec<Form> {
        vec![
            operator.flops.clone(),
            operator.weight_bytes.clone(),
            operator.activation_bytes.clone(),
            operator.kv_bytes.clone(),
            operator.link_bytes.clone(),
        ]
    };
    let operators = graph.operators.node_weights();
    operators.flat_map(forms).filter(|form| form.evaluate_exactly(value).is_some()).count()
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let since = ProcessTime::now();
    work();
    since.elapsed().as_secs_f64() * 1e3
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What follows `name` on the command line.
fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments
        .next()
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} takes a number")))
}

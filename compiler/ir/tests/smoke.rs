mod facts;
use berth_compiler::lowering::Lowering;
#[test]
fn smoke() {
    let (p, s) = facts::program(
        "model m\n  layers = 80\n  hidden = 8192\n  heads = 64\n  kv_heads = 8\n  feed_forward = 28672\n  vocabulary = 128256\nservice chat\n  precision = bf16, fp8\n",
    );
    let l = berth_ir::Mlir.lower(&p, &s, facts::PATH).unwrap();
    println!("{}", l.text);
    println!("{:?}", l.warnings);
    std::fs::write("/tmp/s/out.mlir", &l.text).unwrap();
    let r = berth_ir::Mlir.resume(&l.text, "edited.mlir").unwrap();
    assert_eq!(r.text, l.text);
    println!("{:?}", r.warnings);
    for p in &r.graph.phases {
        println!(
            "{} {:?} {:?} {:?} params {}",
            p.service,
            p.precision,
            p.phase,
            p.tensor_divides,
            p.operators.node_weights().map(|o| o.parameters * o.repeat).sum::<u64>()
        );
    }
    let t = std::time::Instant::now();
    let l = berth_ir::Mlir.lower(&p, &s, facts::PATH).unwrap();
    println!("lower {:?}", t.elapsed());
    let t = std::time::Instant::now();
    berth_ir::Mlir.resume(&l.text, "edited.mlir").unwrap();
    println!("resume {:?}", t.elapsed());
}

//! Stock `mlir-opt` with the dialect's definition: does it take what we print?

use berth_ir::IRDL;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Fails where stock `mlir-opt` does not parse and verify `text`. Where there is none, says so past the
/// test harness's capture and passes.
pub fn opens(text: &str, fail: &mut dyn FnMut(String)) {
    let Some((program, definition)) = tool() else { return };
    let mut child = Command::new(program)
        .arg(format!("--irdl-file={}", definition.display()))
        // Operations of exported modules; those of ours are known by the definition.
        .args(["--allow-unregistered-dialect", "-o", "/dev/null", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mlir-opt starts");
    // It may refuse before it has read everything.
    let _ = child.stdin.take().expect("it is piped").write_all(text.as_bytes());
    let output = child.wait_with_output().expect("mlir-opt ends");
    if !output.status.success() {
        fail(format!("stock mlir-opt refuses: {}", String::from_utf8_lossy(&output.stderr)));
    }
}

fn tool() -> Option<&'static (PathBuf, PathBuf)> {
    static TOOL: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    TOOL.get_or_init(|| {
        let prefix = option_env!("MLIR_SYS_220_PREFIX").unwrap_or("/usr/lib/llvm-22");
        let program = PathBuf::from(prefix).join("bin/mlir-opt");
        if !program.exists() {
            // Written to the descriptor itself: the macros are captured while a test passes.
            let warning = format!(
                "\nSKIPPED stock_mlir_agrees: {} is missing, so stock MLIR checks nothing\n",
                program.display()
            );
            let _ = std::io::stderr().write_all(warning.as_bytes());
            return None;
        }
        let definition = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("berth.irdl.mlir");
        std::fs::write(&definition, IRDL).expect("the target folder can be written");
        Some((program, definition))
    })
    .as_ref()
}

//! The kept modules are what their script writes: the networks that `tests/ir/modules.md` derives figures of.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// With `BERTH_PYTHON` naming a Python that has `tests/ir/modules/requirements.txt`, the script is run; without, or
/// where it lacks a package, that is said and the kept modules are imported all the same (`suite.rs`).
#[test]
fn the_script_writes_the_kept_modules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir/modules");
    let python = std::env::var("BERTH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let skip = |reason: &str| {
        // Written to the descriptor itself: the macros are captured while a test passes.
        let warning = format!("\nSKIPPED the_script_writes_the_kept_modules: {reason}\n");
        let _ = std::io::stderr().write_all(warning.as_bytes());
    };
    let needed = "import jax, jaxlib; print(jax.__version__)";
    let pinned = std::fs::read_to_string(folder.join("requirements.txt")).expect("it is there");
    let pinned =
        pinned.lines().find_map(|line| line.strip_prefix("jax==")).expect("jax is pinned").to_owned();
    match Command::new(&python).args(["-c", needed]).output() {
        Ok(output) if output.status.success() => {
            let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if found != pinned {
                return skip(&format!("`{python}` has jax {found}, and {pinned} wrote the kept modules"));
            }
        }
        _ => return skip(&format!("`{python}` has no jax; set BERTH_PYTHON to one that has")),
    }
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exported");
    std::fs::create_dir_all(&fresh).expect("the target folder can be written");
    let output = Command::new(&python).arg(folder.join("export.py")).arg(&fresh).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["encoder.mlir", "layers.mlir"] {
        let read = |folder: &Path| std::fs::read_to_string(folder.join(name)).expect("it is written");
        assert!(read(&fresh) == read(&folder), "{name} is not what the script writes");
    }
}

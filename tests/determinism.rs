//! The same input gives the same plan, byte for byte, in another process too.

use serde_json::Value;
use std::process::Command;

fn plan_twice(example: &str) {
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_berth"))
            .current_dir(format!("{}/examples", env!("CARGO_MANIFEST_DIR")))
            .args(["plan", "--json", example])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        // How long it took is the only thing that may differ.
        plan.as_object_mut().unwrap().remove("solve").unwrap();
        plan.to_string()
    };
    assert_eq!(run(), run());
}

#[test]
fn the_web_plan_is_the_same_every_time() {
    plan_twice("web.berth");
}

#[test]
fn the_chat_plan_is_the_same_every_time() {
    plan_twice("chat.berth");
}

//! The parts of the manual that the program prints are what it prints. `BERTH_BLESS=1` writes them anew.

use std::path::Path;
use std::process::Command;

#[test]
fn printed_pages_are_what_the_program_prints() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut stale = Vec::new();
    for part in ["reference", "errors"] {
        let output = Command::new(env!("CARGO_BIN_EXE_berth"))
            .args(["manual", part])
            .output()
            .expect("the program runs");
        assert!(output.status.success(), "berth manual {part} ends with {}", output.status);
        let printed = String::from_utf8(output.stdout).expect("the manual is text");
        let page = docs.join(part).with_extension("md");
        let kept = std::fs::read_to_string(&page).unwrap_or_default();
        if std::env::var_os("BERTH_BLESS").is_some() {
            std::fs::write(&page, printed).expect("the page can be written");
        } else if kept != printed {
            stale.push(format!("docs/{part}.md"));
        }
    }
    assert!(stale.is_empty(), "{} differ: BERTH_BLESS=1 cargo test --test manual", stale.join(", "));
}

//! Sessions and laws against a real control plane. The documents of `tests/cluster` follow the rules of
//! `tests/cli`, with `kubectl` beside `berth`, and these differences: every document has a control plane of its own,
//! with nothing in it, which its tests share and use one after another; `KUBECONFIG` names its administrator,
//! `$VIEWER` and `$STRANGER` hold the kubeconfigs of users without rights, until a test grants some.
//!
//! Where the control plane cannot be built these tests are skipped, and say so.

#[path = "support/control_plane.rs"]
mod control_plane;
#[path = "support/sessions.rs"]
mod sessions;

use control_plane::ControlPlane;
use sessions::{Surroundings, markdown, root, run};
use std::io::Write as _;
use std::path::PathBuf;

/// The program of the control plane; where there is none, `test` counts as skipped.
fn program(test: &str) -> Option<PathBuf> {
    match ControlPlane::program() {
        Ok(program) => Some(program),
        Err(because) => {
            // The stream itself: what goes through the test runner's is swallowed where a test passes.
            let _ = writeln!(std::io::stderr(), "SKIPPED cluster::{test}: {because}");
            None
        }
    }
}

#[test]
fn sessions_against_a_control_plane() {
    let Some(program) = program("sessions_against_a_control_plane") else { return };
    for document in markdown(&root().join("tests/cluster")) {
        let plane = ControlPlane::start(&program);
        let kubeconfig = |user: &str| plane.kubeconfig(user).display().to_string();
        let surroundings = Surroundings {
            programs: vec![("kubectl", program.clone()), ("control-plane", program.clone())],
            variables: vec![
                ("KUBECONFIG", kubeconfig("admin")),
                ("VIEWER", kubeconfig("viewer")),
                ("STRANGER", kubeconfig("stranger")),
            ],
            names: vec![(plane.server.clone(), "SERVER")],
            shared: true,
        };
        run(&[document], &surroundings);
    }
}

//! Sessions at a terminal, written in Markdown: every ```` ```console ```` block of `tests/cli/*.md`,
//! `README.md` and `docs/**/*.md` is run, so a document cannot show what the program does not do.
//!
//! A heading starts a test: a fresh folder with a copy of `examples/`, in which `berth`, `./berth` and
//! `benches/generate` run the programs. In it, from top to bottom:
//!
//! - A block ```` ```LANGUAGE file=NAME ```` writes a file.
//! - In a console block, a line `$ COMMAND` runs in `sh` (`> ` continues it). The lines after it are what
//!   it prints on both streams, 80 columns wide and without colour; `[exit N]` follows unless N is 0.
//!   A line `...` stands for any lines, none included. Blanks at the end of a line do not count, nor
//!   blank lines at the end of an answer.
//! - Other blocks are left alone, save those a shell would run: these must be console blocks.
//!
//! `BERTH_BLESS=1` rewrites the answers that differ. `BERTH_SESSION=TEXT` runs only tests whose file and
//! heading contain the text.

#[path = "support/sessions.rs"]
mod sessions;

use sessions::{Document, Surroundings, agree, blessed, failures, markdown, perform, root, run};

#[test]
fn sessions() {
    run(&markdown(&root().join("tests/cli")), &Surroundings::default());
}

#[test]
fn commands_that_documents_show() {
    let mut files = markdown(&root().join("docs"));
    files.push(root().join("README.md"));
    run(&files, &Surroundings::default());
}

/// The harness on a document of its own: it must see what differs, and bless it.
#[test]
fn an_answer_that_differs_is_seen_and_blessed() {
    let text = "# One\n\n```console\n$ echo yes\nno\n$ echo a; echo b; echo c; exit 3\na\n...\n[exit 3]\n\n\
                $ echo end >&2; exit 1\nend\n```\n\n```text\n$ not a session\n```\n";
    let around = Surroundings::default();
    let outcome = perform(&Document::read(text).unwrap().tests[0], &around);
    let differing = failures("x.md", &[&outcome]);
    assert_eq!(differing.len(), 2);
    assert_eq!(
        differing[0],
        "x.md:4, under One\n$ echo yes\n  as written:\n    no\n  as it answered:\n    yes\n"
    );
    let blessed = blessed(text, &[&outcome]);
    assert_eq!(blessed, text.replace("no\n", "yes\n").replace("end\n```", "end\n[exit 1]\n```"));
    let outcome = perform(&Document::read(&blessed).unwrap().tests[0], &around);
    assert!(failures("x.md", &[&outcome]).is_empty());
}

#[test]
fn any_lines_between() {
    let matches = |expected: &str, actual: &str| {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        agree(&lines(expected), &lines(actual))
    };
    assert!(matches("a ... d", "a b c d"));
    assert!(matches("... c ...", "c"));
    assert!(matches("a ... b ... c", "a b b x c"));
    assert!(!matches("a ... b", "a b c"));
    assert!(!matches("...x", "x"));
    assert!(!matches("", "a"));
}

#[test]
fn what_cannot_be_run_is_refused() {
    let problem = |text: &str| Document::read(text).map(|_| ()).unwrap_err();
    assert_eq!(
        problem("```sh\nberth check\n```\n"),
        "line 1: a shell's block that nothing runs; make it ```console"
    );
    assert_eq!(problem("# a\n```console\n$ ls\n"), "line 2: this block has no end");
    assert_eq!(problem("```console\nhello\n```\n"), "line 2: an answer before any command");
    assert_eq!(problem("```toml file=../x\n```\n"), "line 1: a file is named inside the test's folder");
}

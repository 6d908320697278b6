//! After any one byte of an example is deleted, either it still checks or the first diagnostic stands
//! within one line of the deletion; for brackets it names the one left open.

mod support;

use berth_language::check;
use berth_language::diagnostics::Severity;
use support::{Memory, example};

fn every_deletion_is_found_where_it_is(name: &str) {
    let text = String::from_utf8(example(name).0.remove(name).unwrap()).unwrap();
    let mut far = Vec::new();
    for at in 0..text.len() {
        if !text.is_char_boundary(at) || !text.is_char_boundary(at + 1) {
            continue;
        }
        let broken = format!("{}{}", &text[..at], &text[at + 1..]);
        let line = text[..at].matches('\n').count() + 1;
        let checked = check(name, &Memory::of(name, &broken));
        let Some(first) = checked.diagnostics.iter().find(|found| found.severity == Severity::Error) else {
            continue;
        };
        let close = |label: &berth_language::diagnostics::Label| {
            let (found, _) = checked.sources.position(label.span);
            found.abs_diff(line) <= 1
        };
        let is_bracket = b"{}[]()".contains(&text.as_bytes()[at]);
        let named =
            if is_bracket { !first.labels.is_empty() } else { first.labels.first().is_some_and(close) };
        if !named {
            let byte = text[at..=at].escape_debug();
            let (found, _) = checked.sources.position(first.labels[0].span);
            far.push(format!("line {line}, `{byte}`: {} at line {found}: {}", first.code, first.title));
        }
    }
    assert!(far.is_empty(), "{} deletions:\n{}", far.len(), far.join("\n"));
}

#[test]
fn in_the_web_example() {
    every_deletion_is_found_where_it_is("web.berth");
}

#[test]
fn in_the_chat_example() {
    every_deletion_is_found_where_it_is("chat.berth");
}

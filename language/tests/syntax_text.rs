//! What texts are read as, and what is said about those that cannot be: every case stands in
//! `syntax/*.md`, text first, then what comes of it. `BERTH_UPDATE=1` writes what comes of it now.

use berth_language::span::FileId;
use berth_language::syntax::ast::*;
use berth_language::syntax::{Parsed, parse};
use std::fmt::Write;
use std::path::Path as FilePath;

#[test]
fn trees() {
    suite("trees.md", |text, parsed| {
        let mut tree = String::new();
        for item in &parsed.file.items {
            show(&mut tree, text, item, 0);
        }
        for diagnostic in &parsed.diagnostics {
            let _ = writeln!(tree, "! {}", diagnostic.code);
        }
        tree
    });
}

#[test]
fn diagnostics() {
    suite("diagnostics.md", |text, parsed| {
        let mut told = String::new();
        for diagnostic in &parsed.diagnostics {
            let _ = writeln!(told, "{}: {}", diagnostic.code, diagnostic.title);
            for label in &diagnostic.labels {
                let start = label.span.start as usize;
                let line = text[..start].matches('\n').count() + 1;
                let column = text[..start].chars().rev().take_while(|c| *c != '\n').count() + 1;
                let covered = &text[label.span.range()];
                let _ = writeln!(told, "  {line}:{column} `{covered}` {}", label.text);
            }
            for line in diagnostic.help.iter().flat_map(|help| help.lines()) {
                let _ = writeln!(told, "  help: {line}");
            }
        }
        told
    });
}

/// Checks each pair of a `berth` and a `text` block of the file.
fn suite(file: &str, come_of: impl Fn(&str, &Parsed) -> String) {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax").join(file);
    let suite = std::fs::read_to_string(&path).expect("the suite stands beside the tests");
    let mut written = String::new();
    let mut cases = 0;
    let mut rest = suite.as_str();
    while let Some((before, after)) = rest.split_once("```berth\n") {
        let (input, after) = after.split_once("```\n").expect("a closed block");
        let after = match after.strip_prefix("\n```text\n") {
            Some(expected) => expected.split_once("```\n").expect("a closed block").1,
            None => after,
        };
        let parsed = parse(FileId(0), input);
        let output = come_of(input, &parsed);
        let _ = write!(written, "{before}```berth\n{input}```\n\n```text\n{output}```\n");
        cases += 1;
        rest = after;
    }
    written.push_str(rest);
    assert!(cases > 0);
    if std::env::var_os("BERTH_UPDATE").is_some() {
        std::fs::write(&path, &written).expect("the suite can be written");
    }
    let first = written.lines().zip(suite.lines()).enumerate().find(|(_, (now, then))| now != then);
    let now_and_then = first.map(|(line, (now, then))| format!("line {}: {now:?}, not {then:?}", line + 1));
    assert!(written == suite || std::env::var_os("BERTH_UPDATE").is_some(), "{file} {now_and_then:?}");
}

/// `item` on lines of its own, its statements two columns further in.
fn show(out: &mut String, text: &str, item: &Item, indent: usize) {
    let blank = " ".repeat(indent);
    let body = |out: &mut String, items: &[Item]| {
        for item in items {
            show(out, text, item, indent + 2);
        }
    };
    let _ = match item {
        Item::Use(use_) => {
            let target = match &use_.target {
                UseTarget::File(path) => format!("{:?}", path.value),
                UseTarget::Catalog(names) => names.value.join("."),
            };
            let alias = use_.alias.as_ref().map_or("-", |alias| &alias.value);
            let _ = writeln!(out, "{blank}use {target} as {alias}");
            body(out, use_.body.as_deref().unwrap_or(&[]));
            Ok(())
        }
        Item::Param(param) => writeln!(
            out,
            "{blank}param {}: {}{}{}",
            param.name.value,
            param.type_.value,
            option(" = ", &param.default),
            option(" where ", &param.condition)
        ),
        Item::Let(let_) => writeln!(out, "{blank}let {} = {}", let_.name.value, expr(&let_.value)),
        Item::Block(block) => {
            for line in block.doc.iter().flat_map(|doc| doc.split('\n')) {
                let _ = writeln!(out, "{blank}/// {line}");
            }
            let keys = block.keys.as_ref().map_or(String::new(), |keys| {
                let variable = keys.variable.as_ref();
                let variable = variable.map_or(String::new(), |name| format!("{} in ", name.value));
                format!("[{variable}{}]", exprs(&keys.keys))
            });
            let _ = writeln!(
                out,
                "{blank}{}{} {}{keys}{}{} // {}",
                if block.is_abstract { "abstract " } else { "" },
                block.kind.value,
                block.name.as_ref().map_or("-".to_owned(), |name| format!("{:?}", name.value)),
                block.base.as_ref().map_or(String::new(), |base| format!(" : {}", path(base))),
                if block.items.is_some() { " {}" } else { "" },
                &text[block.head.range()],
            );
            body(out, block.items.as_deref().unwrap_or(&[]));
            Ok(())
        }
        Item::If(if_) => {
            let _ = writeln!(out, "{blank}if {}", expr(&if_.condition));
            body(out, &if_.then);
            let _ = writeln!(out, "{blank}else");
            body(out, &if_.otherwise);
            Ok(())
        }
        Item::Assign(assign) => writeln!(out, "{blank}{} = {}", path(&assign.target), expr(&assign.value)),
        Item::Require(require) => {
            writeln!(out, "{blank}require {}{}", expr(&require.condition), option(" when ", &require.when))
        }
        Item::Prefer(prefer) => writeln!(
            out,
            "{blank}prefer {}{}{}",
            expr(&prefer.condition),
            option(" when ", &prefer.when),
            option(" else ", &prefer.price)
        ),
        Item::Broken(span) => writeln!(out, "{blank}broken {:?}", &text[span.range()]),
    };
}

fn option(before: &str, value: &Option<Expr>) -> String {
    value.as_ref().map_or(String::new(), |value| format!("{before}{}", expr(value)))
}

fn exprs(values: &[Expr]) -> String {
    values.iter().map(expr).collect::<Vec<_>>().join(", ")
}

/// Fully bracketed, operators first.
fn expr(value: &Expr) -> String {
    match &value.kind {
        ExprKind::Quantity(quantity) if quantity.unit.is_empty() => quantity.number.to_string(),
        ExprKind::Quantity(quantity) => format!("<{} {}>", quantity.number, quantity.unit),
        ExprKind::String(text) => format!("{text:?}"),
        ExprKind::Boolean(value) => value.to_string(),
        ExprKind::Path(value) => path(value),
        ExprKind::List(entries) => {
            let entry = |entry: &Entry| match &entry.key {
                Some(key) => format!("{}: {}", expr(key), expr(&entry.value)),
                None => expr(&entry.value),
            };
            format!("[{}]", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        ExprKind::Negate(value) => format!("(- {})", expr(value)),
        ExprKind::Not(value) => format!("(not {})", expr(value)),
        ExprKind::Binary { operator, left, right } => {
            format!("({:?} {} {})", operator.value, expr(left), expr(right))
        }
        ExprKind::Choose { condition, then, otherwise } => {
            format!("(if {} {} {})", expr(condition), expr(then), expr(otherwise))
        }
        ExprKind::Fold { fold, variable, over, condition, body } => {
            let condition = condition.as_ref().map_or(String::new(), |it| format!(" where {}", expr(it)));
            let body = body.as_ref().map_or(String::new(), |it| format!(": {}", expr(it)));
            format!("({fold:?} {} in {}{condition}{body})", variable.value, expr(over))
        }
        ExprKind::Broken => "broken".to_owned(),
    }
}

fn path(value: &Path) -> String {
    let mut shown = value.head.value.clone();
    for step in &value.steps {
        match step {
            Step::Field(name) => shown.push_str(&format!(".{}", name.value)),
            Step::Index { keys, .. } => shown.push_str(&format!("[{}]", exprs(keys))),
            Step::All(_) => shown.push_str("[*]"),
            Step::Call { arguments, .. } => {
                let argument = |argument: &Argument| match &argument.name {
                    Some(name) => format!("{} = {}", name.value, expr(&argument.value)),
                    None => expr(&argument.value),
                };
                let arguments: Vec<_> = arguments.iter().map(argument).collect();
                shown.push_str(&format!("({})", arguments.join(", ")));
            }
        }
    }
    if let Some(statistic) = &value.statistic {
        shown.push_str(&format!("@{}", statistic.value));
    }
    shown
}

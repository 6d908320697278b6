//! Runs every Markdown file of `tests/ir`: a heading is a test, its blocks are its steps.
//!
//! - `facts`: lowers them; below the file's title they are those of every test that has none. The text must come back unchanged from `resume`, and stock `mlir-opt` must
//!   take it.
//! - `module NAME`: a file that a `berth` block may name; else it is one of `tests/ir/modules`.
//! - `berth`: a plan file, checked and lowered as `facts` are.
//! - `mlir`: continues from the text. `// error: …` and `// warning: …` stand on the line they are about,
//!   or on lines of their own above it; all that is said must be expected and the reverse, and every error must say what
//!   to write instead: `text helps` shows that.
//! - `edit`: edits the lowered text: below `@function`, a `-` line is a part of one line, replaced by the
//!   `+` line after it; without one, the whole line goes. Continues from the result.
//! - `text WHAT`: what is then so; [`Test::shown`] lists what can be asked. `UPDATE=1` writes it anew, to be
//!   judged by hand.

mod facts;
mod roofline;
mod stock;

use berth_compiler::degrees::{Axis, Degrees};
use berth_compiler::form::{Form, Symbol};
use berth_compiler::graph::{Operator, OperatorGraph, OperatorKind, PhaseGraph, Variant};
use berth_compiler::graph_description::{describe_graph, expanded};
use berth_compiler::lowering::{IrDiagnostic, Lowered, Lowering};
use berth_ir::{Mlir, Pass, simplified, text_after};
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Program;
use berth_language::sources::{Files, Sources, Unreadable};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[test]
fn every_file_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no tests in {}", folder.display());
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let (written, found) = file(&text);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        failures.extend(found.into_iter().map(|failure| format!("{name}: {failure}")));
        if update {
            std::fs::write(&path, written).unwrap();
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The file with every expectation as it is found, and what differs.
fn file(text: &str) -> (String, Vec<String>) {
    let mut written = String::new();
    let mut failures = Vec::new();
    let mut test = Test::default();
    let mut common = Test::default();
    let mut below_title = false;
    let mut heading = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        writeln!(written, "{line}").unwrap();
        if line.starts_with('#') {
            below_title = !line.starts_with("##");
            heading = line.trim_start_matches('#').trim().to_owned();
            test = if line.starts_with("##") { common.clone() } else { Test::default() };
        }
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let block: String =
            lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        let mut fail = |message: String| failures.push(format!("{heading}: {message}"));
        let mut shown_block = block.clone();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("facts", _) => {
                test = Test::default();
                test.facts(&block, &mut fail);
                if below_title {
                    common = test.clone();
                }
            }
            ("module", name) => {
                test.files.insert(name.to_owned(), block.clone());
            }
            ("berth", _) => test.berth(&block, &mut fail),
            ("mlir", _) => test.mlir(&block, &mut fail),
            ("edit", _) => test.edit(&block, &mut fail),
            ("text", what) => {
                let found = test.shown(what, &mut fail);
                if found != block {
                    fail(format!("`{what}` is\n{found}\nnot\n{block}"));
                }
                shown_block = found;
            }
            _ => {}
        }
        writeln!(written, "{shown_block}```").unwrap();
    }
    (written, failures)
}

/// What the blocks of one test have come to.
#[derive(Clone, Default)]
struct Test {
    facts: String,
    /// Exported modules by name.
    files: BTreeMap<String, String>,
    before: Option<Lowered>,
    now: Option<Lowered>,
    /// What `now` was continued from.
    text: String,
    diagnostics: Vec<String>,
    /// What the last refusal says to write, by line.
    helps: Vec<(u32, String)>,
}

impl Test {
    fn facts(&mut self, block: &str, fail: &mut dyn FnMut(String)) {
        self.facts = block.to_owned();
        let (program, sources) = facts::program(block);
        self.lower(&program, &sources, fail);
        if let Some(lowered) = &self.now
            && !lowered.warnings.is_empty()
        {
            fail(format!("lowering warns: {:?}", lowered.warnings));
        }
    }

    fn berth(&mut self, block: &str, fail: &mut dyn FnMut(String)) {
        let mut files = self.files.clone();
        files.insert(facts::PATH.to_owned(), block.to_owned());
        let checked = berth_language::check(facts::PATH, &Beside(files));
        self.now = None;
        self.diagnostics.clear();
        match checked.program {
            Some(program) => self.lower(&program, &checked.sources, fail),
            None => self.say(&checked.sources, checked.diagnostics),
        }
    }

    fn lower(&mut self, program: &Program, sources: &Sources, fail: &mut dyn FnMut(String)) {
        match Mlir.lower(program, sources, facts::PATH) {
            Ok(lowered) => {
                comes_back(&lowered, fail);
                self.now = Some(lowered);
            }
            Err(diagnostics) => self.say(sources, diagnostics),
        }
    }

    fn say(&mut self, sources: &Sources, diagnostics: Vec<Diagnostic>) {
        for diagnostic in diagnostics {
            let mut text = format!("{}: {}\n", diagnostic.code, diagnostic.title);
            for label in &diagnostic.labels {
                let (line, column) = sources.position(label.span);
                let file = sources.get(label.span.file).map_or("", |source| source.path.as_str());
                let file = if file == facts::PATH { String::new() } else { format!("{file}:") };
                writeln!(text, "  {file}{line}:{column} {}", label.text).unwrap();
            }
            for line in diagnostic.help.iter().flat_map(|help| help.lines()) {
                writeln!(text, "  help: {line}").unwrap();
            }
            self.diagnostics.push(text);
        }
    }

    fn mlir(&mut self, block: &str, fail: &mut dyn FnMut(String)) {
        let mut expected = Vec::new();
        let mut above = Vec::new();
        for (index, line) in block.lines().enumerate() {
            let (code, remarks) = line.split_once("// ").map_or((line, ""), |(code, remark)| (code, remark));
            for remark in remarks.split(" // ").filter(|remark| is_remark(remark)) {
                above.push(remark.to_owned());
            }
            if !code.trim().is_empty() {
                expected.extend(above.drain(..).map(|remark| (index + 1, remark)));
            }
        }
        let (found, lowered) = match Mlir.resume(block, "test.mlir") {
            Ok(lowered) => (said("warning", &lowered.warnings), Some(lowered)),
            Err(errors) => {
                for error in errors.iter().filter(|error| error.help.is_none()) {
                    fail(format!("nothing says what to write where {}", error.message));
                }
                let helps = errors.iter().map(|error| (error.line, error.help.clone().unwrap_or_default()));
                self.helps = helps.collect();
                (said("error", &errors), None)
            }
        };
        let mut found: Vec<(usize, String)> =
            found.into_iter().map(|(line, message)| (line as usize, first_line(&message))).collect();
        found.sort();
        expected.sort();
        if found != expected {
            let list = |said: &[(usize, String)]| {
                said.iter().map(|(line, message)| format!("  {line}: {message}\n")).collect::<String>()
            };
            fail(format!("found\n{}expected\n{}", list(&found), list(&expected)));
        }
        if let Some(lowered) = &lowered {
            comes_back(lowered, fail);
        }
        self.now = lowered;
    }

    fn edit(&mut self, block: &str, fail: &mut dyn FnMut(String)) {
        let lowered = self.now.take().expect("an edit follows facts");
        let text = edited(&lowered.text, block);
        match Mlir.resume(&text, "edited.mlir") {
            Ok(now) => {
                stock::opens(&text, fail);
                comes_back(&now, fail);
                self.now = Some(now);
                self.text = text;
            }
            Err(errors) => fail(format!("the edit is refused: {:?}", said("error", &errors))),
        }
        // Edits add up: the change is that of all of them.
        self.before.get_or_insert(lowered);
    }

    /// What `text WHAT` asks for.
    fn shown(&self, what: &str, fail: &mut dyn FnMut(String)) -> String {
        if what == "diagnostics" {
            return self.diagnostics.concat();
        }
        if let Some(name) = what.strip_prefix("after ") {
            let pass = Pass::ALL.into_iter().find(|pass| pass.name() == name).expect("a pass");
            let (program, sources) = facts::program(&self.facts);
            return without_places(&text_after(pass, &program, &sources, facts::PATH).unwrap());
        }
        if let Some(name) = what.strip_prefix("changes ") {
            let pass = Pass::ALL.into_iter().find(|pass| pass.name() == name).expect("a pass");
            let (program, sources) = facts::program(&self.facts);
            let of = |pass| without_places(&text_after(pass, &program, &sources, facts::PATH).unwrap());
            let (before, after) = (of(pass.before().expect("it is not the first")), of(pass));
            let known: Vec<&str> = before.lines().collect();
            let changed = after.lines().filter(|line| !known.contains(line));
            return changed.map(|line| format!("{}\n", line.trim())).collect();
        }
        if what == "helps" {
            let mut helps = self.helps.clone();
            helps.sort();
            helps.dedup();
            return helps.iter().map(|(line, help)| format!("{line}: {}\n", first_line(help))).collect();
        }
        let Some(now) = &self.now else { return "nothing was lowered\n".to_owned() };
        if let Some(degrees) = what.strip_prefix("links ") {
            return links(&now.graph, &degrees_of(degrees));
        }
        if let Some(degrees) = what.strip_prefix("held ") {
            return held(&now.graph, &degrees_of(degrees));
        }
        if let Some(asked) = what.strip_prefix("mixed ") {
            return roofline::mixed(&now.graph, asked, fail);
        }
        match what {
            "module" => now.text.clone(),
            "graph" => describe_graph(&now.graph),
            "sizes" => sizes(&now.graph),
            "flops" => flops(&now.graph),
            "simplified" => {
                let text = simplified(&now.text, "test.mlir").expect("it was read before");
                stock::opens(&text, fail);
                without_costs(&without_places(&text))
            }
            "said" => said("warning", &now.warnings)
                .into_iter()
                .map(|(line, message)| format!("{line}: {}\n", message.trim_start_matches("warning: ")))
                .collect(),
            "work" => work(&now.graph),
            "places" => places(&now.graph),
            "change" => {
                let before = self.before.as_ref().expect("a change follows an edit");
                change(&before.graph, &now.graph)
            }
            "warnings" => said("warning", &now.warnings)
                .into_iter()
                .map(|(line, message)| {
                    let of = operation_on(line, &self.text);
                    format!("{of}: {}\n", message.trim_start_matches("warning: "))
                })
                .collect(),
            _ => panic!("`{what}` cannot be asked for"),
        }
    }
}

/// The files of a test, and the kept modules.
struct Beside(BTreeMap<String, String>);

impl Files for Beside {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        match self.0.get(path) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => {
                let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ir/modules");
                std::fs::read(folder.join(path)).map_err(|_| Unreadable::Missing)
            }
        }
    }
}

/// MLIR prints the operation below what it says of it.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

fn is_remark(text: &str) -> bool {
    text.starts_with("error: ") || text.starts_with("warning: ")
}

fn said(severity: &str, diagnostics: &[IrDiagnostic]) -> Vec<(u32, String)> {
    diagnostics.iter().map(|said| (said.line, format!("{severity}: {}", said.message))).collect()
}

/// The name of the operation on a line.
fn operation_on(line: u32, text: &str) -> String {
    let line = text.lines().nth(line as usize - 1).unwrap_or("").trim();
    match line.split_once("name = \"").and_then(|(_, rest)| rest.split_once('"')) {
        Some((name, _)) => name.to_owned(),
        None => line.split(['(', ' ']).next().unwrap_or("").to_owned(),
    }
}

/// The text is what it lowers to itself, and stock MLIR takes it.
fn comes_back(lowered: &Lowered, fail: &mut dyn FnMut(String)) {
    stock::opens(&lowered.text, fail);
    match Mlir.resume(&lowered.text, "again.mlir") {
        Ok(again) => {
            if again.text != lowered.text {
                fail(format!("the text comes back as\n{}\nnot\n{}", again.text, lowered.text));
            }
            if describe_graph(&again.graph) != describe_graph(&lowered.graph) {
                fail("the graph comes back otherwise".to_owned());
            }
        }
        Err(errors) => fail(format!("the text does not come back: {:?}", said("error", &errors))),
    }
}

fn edited(text: &str, block: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut function = String::new();
    let mut edits = block.lines().peekable();
    while let Some(edit) = edits.next() {
        if edit.starts_with('@') {
            function = format!("{edit}(");
            continue;
        }
        let old = edit.strip_prefix("- ").unwrap_or_else(|| panic!("`{edit}` is no edit"));
        let heads = |line: &String| line.contains("func.func") && line.contains(&function);
        let start = lines.iter().position(heads).expect("the function is there");
        let indent: String = lines[start].chars().take_while(|character| *character == ' ').collect();
        let ends = |line: &String| line.starts_with(&format!("{indent}}}"));
        let end = start + lines[start..].iter().position(ends).expect("it ends");
        let hits: Vec<usize> = (start..end).filter(|index| lines[*index].contains(old)).collect();
        let [hit] = hits[..] else { panic!("`{old}` stands on {} lines", hits.len()) };
        match edits.next_if(|next| next.starts_with("+ ")) {
            Some(new) => lines[hit] = lines[hit].replacen(old, &new[2..], 1),
            None => drop(lines.remove(hit)),
        }
    }
    lines.join("\n") + "\n"
}

/// The text without locations and without the words that only MLIR needs.
fn without_places(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines().filter(|line| !line.starts_with("#loc")) {
        let mut line = line.to_owned();
        while let Some(start) = line.find(" loc(") {
            let end = start + line[start..].find(')').expect("it ends");
            line.replace_range(start..=end, "");
        }
        if !line.trim().is_empty() {
            writeln!(shown, "{line}").unwrap();
        }
    }
    shown
}

fn phase_title(phase: &PhaseGraph) -> String {
    format!("{} {:?} {:?}", phase.service, phase.precision, phase.phase).to_lowercase()
}

fn total(phase: &PhaseGraph, of: impl Fn(&Operator) -> Form) -> Form {
    phase
        .operators
        .node_weights()
        .fold(Form::default(), |sum, operator| sum + of(operator) * Form::integer(operator.repeat))
}

fn at_degree_one(form: &Form) -> String {
    // What is held depends on no other symbol: with them it would come out as 0.
    let value = form.evaluate_exactly(|symbol| {
        u64::from(!matches!(symbol, Symbol::Sequences | Symbol::New | Symbol::Context))
    });
    value.expect("1 divides").to_string()
}

/// Parameters, bytes held by one device that holds all, and KV bytes of one cached token.
fn sizes(graph: &OperatorGraph) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        let parameters: u64 =
            phase.operators.node_weights().map(|operator| operator.parameters * operator.repeat).sum();
        let active: u64 =
            phase.operators.node_weights().map(|operator| operator.active_parameters * operator.repeat).sum();
        let active = if active == parameters { String::new() } else { format!(", {active} for one token") };
        let memory = at_degree_one(&total(phase, |operator| operator.weight_memory.clone()));
        let cached = at_degree_one(&total(phase, |operator| operator.kv_memory.clone()));
        writeln!(
            text,
            "{}: {parameters} parameters{active}, {memory} bytes, {cached} bytes of KV a token",
            phase_title(phase)
        )
        .unwrap();
    }
    text
}

/// Bytes of weights that one device of a replica without stages holds, and of one cached token.
fn held(graph: &OperatorGraph, degrees: &Degrees) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        let of = |form: fn(&Operator) -> &Form| {
            expanded(&total(phase, |operator| form(operator).with_degrees(degrees)))
        };
        let (weights, cached) = (of(|operator| &operator.weight_memory), of(|operator| &operator.kv_memory));
        writeln!(text, "{}: {weights} bytes, {cached} bytes of KV a token", phase_title(phase)).unwrap();
    }
    text
}

/// FLOPs of a pass over all devices: at degree 1 one device does everything.
fn flops(graph: &OperatorGraph) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        let all = total(phase, |operator| operator.flops.with_degrees(&Degrees::ONE));
        writeln!(text, "{}: {}", phase_title(phase), expanded(&all)).unwrap();
    }
    text
}

/// `tensor 8, expert 64, data 8`
fn degrees_of(text: &str) -> Degrees {
    let mut degrees = Degrees::ONE;
    for part in text.split(", ") {
        let (name, degree) = part.split_once(' ').expect("a degree has a name");
        let axis = Axis::ALL.into_iter().find(|axis| axis.name() == name).expect("an axis");
        let degree: u64 = degree.parse().expect("a degree is an integer");
        match axis {
            Axis::Tensor => degrees.tensor = degree,
            Axis::Pipeline => degrees.pipeline = degree,
            Axis::Expert => degrees.expert = degree,
            Axis::Data => degrees.data = degree,
            Axis::Context => degrees.context = degree,
        }
    }
    degrees
}

/// Bytes that one device sends, by operator; also where a plan would refuse these degrees.
fn links(graph: &OperatorGraph, degrees: &Degrees) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        let refused =
            phase.refuses(*degrees, false).map_or(String::new(), |because| format!(", refused: {because}"));
        writeln!(text, "{}{refused}", phase_title(phase)).unwrap();
        for operator in phase.operators.node_weights() {
            let sent = operator.link_bytes.with_degrees(degrees);
            if !sent.is_zero() {
                writeln!(text, "  {} times {}: {}", operator.repeat, operator.name, expanded(&sent)).unwrap();
            }
        }
    }
    text
}

/// The text without what annotate writes.
fn without_costs(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some(start) = line.find(", work = {") {
            let end = start + line[start..].find('}').expect("it ends");
            line.replace_range(start..=end, "");
        }
        writeln!(shown, "{line}").unwrap();
    }
    shown
}

/// FLOPs of each operator that has some, times its repetitions, and of all.
fn work(graph: &OperatorGraph) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        writeln!(text, "{}", phase_title(phase)).unwrap();
        for operator in phase.operators.node_weights().filter(|operator| !operator.flops.is_zero()) {
            let times = if operator.repeat == 1 { String::new() } else { format!("{} x ", operator.repeat) };
            writeln!(text, "  {} {times}{}", operator.name, operator.flops).unwrap();
        }
        writeln!(text, "  in all {}", total(phase, |operator| operator.flops.clone())).unwrap();
    }
    text
}

fn places(graph: &OperatorGraph) -> String {
    let mut text = String::new();
    for phase in &graph.phases {
        writeln!(text, "{}", phase_title(phase)).unwrap();
        for operator in phase.operators.node_weights() {
            let place = &operator.place;
            writeln!(text, "  {} {}:{}:{}", operator.name, place.file, place.line, place.column).unwrap();
        }
    }
    text
}

/// Every form, count and shape of an operator that can change.
fn facets(phase: &PhaseGraph, operator: &Operator) -> Vec<(&'static str, String)> {
    let kind = match &operator.kind {
        OperatorKind::Lookup => "lookup".to_owned(),
        OperatorKind::Matmul { rows, inner, columns, precision } => {
            format!("{rows} x {inner} x {columns} {precision:?}").to_lowercase()
        }
        OperatorKind::Attention { heads, kv_heads, head_width, cache, window } => {
            let window = window.map_or(String::new(), |window| format!(", window {window}"));
            format!("{heads} heads, {kv_heads} kv_heads of {head_width} {cache:?}{window}").to_lowercase()
        }
        OperatorKind::LatentAttention { heads, latent, rope, cache } => {
            format!("{heads} heads over {latent} + {rope} {cache:?}").to_lowercase()
        }
        OperatorKind::EncoderAttention { heads, head_width } => format!("{heads} heads of {head_width}"),
        OperatorKind::Experts { tokens: _, rows, inner, columns, experts, per_token, precision } => {
            format!("{rows} x {inner} x {columns} {precision:?}, {per_token} of {experts}").to_lowercase()
        }
        OperatorKind::Elementwise => "elementwise".to_owned(),
        OperatorKind::AllReduce { axis, message }
        | OperatorKind::AllGather { axis, message }
        | OperatorKind::ReduceScatter { axis, message } => format!("{message} over {}", axis.name()),
        OperatorKind::AllToAll => "all_to_all".to_owned(),
        OperatorKind::Send => "send".to_owned(),
        OperatorKind::KvExchange => "kv_exchange".to_owned(),
    };
    vec![
        ("shape", kind),
        ("repeat", operator.repeat.to_string()),
        ("fused", operator.fused.to_string()),
        ("hidden", hidden(phase, operator)),
        ("variants", variants(operator)),
        ("flops", operator.flops.to_string()),
        ("weight_bytes", operator.weight_bytes.to_string()),
        ("activation_bytes", operator.activation_bytes.to_string()),
        ("kv_bytes", operator.kv_bytes.to_string()),
        ("link_bytes", operator.link_bytes.to_string()),
        ("parameters", operator.parameters.to_string()),
        ("weight_memory", operator.weight_memory.to_string()),
        ("kv_memory", operator.kv_memory.to_string()),
    ]
}

/// `90 % behind attention`
fn hidden(phase: &PhaseGraph, operator: &Operator) -> String {
    operator.hidden.as_ref().map_or("none".to_owned(), |hidden| {
        let behind = phase.operators.node_weights().nth(hidden.behind).expect("an operator of the graph");
        format!("{} % behind {}", 100.0 * hidden.share, behind.name)
    })
}

/// `fp8 where fp8, bf16 where bf16`
fn variants(operator: &Operator) -> String {
    let of = |variant: &Variant| {
        let needs: Vec<String> = variant.needs.iter().map(|need| format!("{need:?}")).collect();
        format!("{:?} where {}", variant.arithmetic, needs.join(" and ")).to_lowercase()
    };
    operator.variants.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// What differs between two graphs, operator by operator, and by how much in all.
fn change(before: &OperatorGraph, now: &OperatorGraph) -> String {
    let mut text = String::new();
    for (old, new) in before.phases.iter().zip(&now.phases) {
        let by_name = |phase: &PhaseGraph| -> BTreeMap<String, Vec<Operator>> {
            let mut named: BTreeMap<String, Vec<Operator>> = BTreeMap::new();
            for operator in phase.operators.node_weights() {
                named.entry(operator.name.clone()).or_default().push(operator.clone());
            }
            named
        };
        let (old_operators, new_operators) = (by_name(old), by_name(new));
        let mut said = String::new();
        let (mut repeats, mut stands) = (Vec::new(), Vec::new());
        for (name, operators) in &old_operators {
            let Some(others) = new_operators.get(name) else {
                writeln!(said, "  {name} is gone").unwrap();
                continue;
            };
            if operators.len() != others.len() {
                stands.push(format!("{name} {} -> {}", operators.len(), others.len()));
            }
            for (operator, other) in operators.iter().zip(others) {
                for ((what, from), (_, to)) in facets(old, operator).into_iter().zip(facets(new, other)) {
                    if from == to {
                        continue;
                    }
                    if what == "repeat" {
                        repeats.push(format!("{name} {from} -> {to}"));
                    } else {
                        writeln!(said, "  {name} {what}: {from} -> {to}").unwrap();
                    }
                }
            }
        }
        for name in new_operators.keys().filter(|name| !old_operators.contains_key(*name)) {
            writeln!(said, "  {name} is new").unwrap();
        }
        if !repeats.is_empty() {
            writeln!(said, "  repeat: {}", repeats.join(", ")).unwrap();
        }
        if !stands.is_empty() {
            writeln!(said, "  stands: {}", stands.join(", ")).unwrap();
        }
        let minus_one: Form = "-1".parse().unwrap();
        type Figure = fn(&Operator) -> Form;
        let totals: [(&str, Figure); 7] = [
            ("flops", |operator| operator.flops.clone()),
            ("weight_bytes", |operator| operator.weight_bytes.clone()),
            ("activation_bytes", |operator| operator.activation_bytes.clone()),
            ("kv_bytes", |operator| operator.kv_bytes.clone()),
            ("link_bytes", |operator| operator.link_bytes.clone()),
            ("parameters", |operator| Form::integer(operator.parameters)),
            ("kv_memory", |operator| operator.kv_memory.clone()),
        ];
        for (what, of) in totals {
            let difference = total(new, of) + total(old, of) * minus_one.clone();
            if !difference.is_zero() {
                writeln!(said, "  in all {what}: {difference}").unwrap();
            }
        }
        if !said.is_empty() {
            write!(text, "{}\n{said}", phase_title(old)).unwrap();
        }
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
}

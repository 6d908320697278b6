//! `berth init`: a small plan file to start from. It plans as it is, and nothing that is there is touched.

use crate::arguments::Init;
use crate::render::failure::Failure;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// The plan file; `NAME` becomes the folder's.
const PLAN: &str = r#"// What exists, what it must do, and what would be liked. `berth plan .` decides
// the rest. Keep this file under version control, and a plan beside it:
// `berth plan . -o plan.json` is made to be reviewed line by line.

param growth: Ratio = 100% where growth > 0%

node box[1..2] {
    market = on_demand
    price = $0.19/h
    cpu = 8 core
    memory = 32GiB
    source = "placeholder: write here where price and size are from"
}

/// What answers your users.
service web {
    image = "example/web:1.0"
    priority = 100
    cpu = 1 core
    memory = 1GiB
    serves = 60 req/s
    demand = growth * diurnal(peak = 200 req/s, trough = 20 req/s, peak_at = 20h)
    source = "placeholder: write here how the rate of one replica was measured"

    latency p99 < 200ms
    spread(node) >= 2
}

plan NAME {
    minimize = bill
}

/// `berth test .` plans such worlds and checks what is found there.
test "a machine dies" {
    lose = box[1]

    web.replicas >= 4
}

test "twice the traffic" {
    growth = 200%

    feasible
    bill <= 2 * plan.bill
}
"#;

pub fn run(arguments: &Init) -> Result<ExitCode, Failure> {
    let folder = &arguments.folder;
    let path = folder.join("main.berth");
    fs::create_dir_all(folder).map_err(|error| Failure::write(&path, &error))?;
    // Made only if it is not there: between looking and writing nobody's file is lost.
    let mut file = match fs::File::create_new(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(Failure::AlreadyThere(path)),
        Err(error) => return Err(Failure::write(&path, &error)),
    };
    let text = PLAN.replace("NAME", &plan_name(folder));
    file.write_all(text.as_bytes()).map_err(|error| Failure::write(&path, &error))?;
    println!("{} is a plan file to start from.", path.display());
    println!("Plan it with: berth plan {}", folder.display());
    println!("Test it with: berth test {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The folder's name, as the language can write it.
fn plan_name(folder: &Path) -> String {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(letters).collect();
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_free = syntax_allows(&name);
    if starts_well && is_free { name } else { format!("plan_{name}").trim_end_matches('_').to_owned() }
}

/// The name stands for itself in a plan file, no word of the language.
fn syntax_allows(name: &str) -> bool {
    use berth_language::span::FileId;
    let text = format!("plan {name} {{\n}}\n");
    berth_language::syntax::parse(FileId(0), &text).diagnostics.is_empty()
}

//! What the architecture rests on, checked by reading manifests and sources. `docs/architecture.md` says why
//! each of these holds.

#[path = "invariants/source.rs"]
mod source;

use serde_json::Value;
use source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each crate may know of the others, by folder. The binary, in the root, plugs all of them together.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("language", &[]),
    ("compiler", &["language"]),
    ("compiler/data", &["language"]),
    ("compiler/ir", &["language", "compiler"]),
    ("solvers", &["language", "compiler"]),
    ("simulator", &["language", "compiler"]),
    ("targets", &["language", "compiler"]),
];

/// Libraries that one crate keeps to itself, as manifests and as code name them.
const AT_HOME: &[(&str, &str, &str)] = &[
    ("melior", "melior", "compiler/ir"),
    ("mlir-sys", "mlir_sys", "compiler/ir"),
    ("parquet", "parquet", "compiler/data"),
    ("k8s-openapi", "k8s_openapi", "targets"),
    ("kube", "kube", "targets"),
    ("good_lp", "good_lp", "solvers"),
    ("highs", "highs", "solvers"),
    ("highs-sys", "highs_sys", "solvers"),
    ("z3", "z3", "solvers"),
    ("kube", "kube", "targets"),
    ("k8s-openapi", "k8s_openapi", "targets"),
    ("lsp-types", "lsp_types", "editors/server"),
    ("lsp-server", "lsp_server", "editors/server"),
    ("tower-lsp-server", "tower_lsp_server", "editors/server"),
];

#[test]
fn crates_depend_in_one_direction() {
    let packages = packages();
    let mut broken = Vec::new();
    for package in packages.iter().filter(|package| !package.folder.is_empty()) {
        let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(folder, _)| *folder == package.folder) else {
            broken.push(format!("{}: what it may depend on is not said in MAY_DEPEND_ON", package.folder));
            continue;
        };
        for dependency in &package.dependencies {
            let Some(folder) = &dependency.folder else { continue };
            if !allowed.contains(&folder.as_str()) {
                broken.push(format!("{} depends on {folder}", package.folder));
            }
        }
    }
    none(&broken);
}

#[test]
fn each_library_stays_in_its_crate() {
    let mut broken = Vec::new();
    for package in packages() {
        for dependency in &package.dependencies {
            let home = AT_HOME.iter().find(|(name, _, _)| *name == dependency.name);
            if let Some((name, _, home)) = home.filter(|(_, _, home)| *home != package.folder) {
                broken.push(format!("{}/Cargo.toml: {name} belongs to {home}", package.folder));
            }
        }
    }
    for source in sources() {
        for (_, name, home) in AT_HOME {
            let inside = source.path.starts_with(home);
            let forms: &[String] = if inside {
                &[format!("pub use {name}"), format!("pub extern crate {name}")]
            } else {
                &[format!("{name}::"), format!("use {name}"), format!("extern crate {name}")]
            };
            for line in forms.iter().flat_map(|form| source.lines_with(form)) {
                broken.push(format!("{}:{line}: {name} belongs to {home}", source.path.display()));
            }
        }
    }
    none(&broken);
}

/// Not even through another library: the language builds, and is fuzzed, where neither is.
#[test]
fn the_language_needs_neither_mlir_nor_a_solver() {
    let needed = cargo(&["tree", "--offline", "-p", "berth-language", "-e", "all", "--prefix", "none"]);
    let names: BTreeSet<&str> = needed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("pest") && names.contains("proptest"), "{names:?}");
    let heavy =
        ["melior", "mlir-sys", "tblgen", "highs", "highs-sys", "good_lp", "z3", "z3-sys", "bindgen", "cmake"];
    let found: Vec<_> = heavy.into_iter().filter(|name| names.contains(name)).collect();
    assert!(found.is_empty(), "berth-language needs {found:?}");
    let fuzzing = read(Path::new("tests/fuzz/Cargo.lock"));
    let found: Vec<_> =
        heavy.into_iter().filter(|name| fuzzing.contains(&format!("name = \"{name}\"\n"))).collect();
    assert!(found.is_empty(), "fuzzing needs {found:?}");
}

#[test]
fn the_language_touches_no_machine() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("language")) {
        for module in ["fs", "net", "env", "time", "io", "process", "os"] {
            for line in lines_naming_std(source, module) {
                broken.push(format!("{}:{line}: std::{module}", source.path.display()));
            }
        }
    }
    none(&broken);
}

#[test]
fn only_the_command_line_prints() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.path.starts_with("cli")) {
        for print in ["print!", "println!", "eprint!", "eprintln!", "dbg!"] {
            for line in source.lines_with(print) {
                broken.push(format!("{}:{line}: {print}", source.path.display()));
            }
        }
    }
    none(&broken);
}

/// Outside tests a panic needs its reason: a comment that says `Invariant:` on the line or before it.
#[test]
fn nothing_panics_without_its_invariant() {
    let mut broken = Vec::new();
    for source in sources() {
        for panic in [".unwrap()", ".expect(", ".unwrap_err()", ".expect_err(", "panic!", "unreachable!"] {
            for line in source.lines_with(panic) {
                if !source.is_remarked(line, "Invariant:") {
                    broken.push(format!("{}:{line}: {panic}", source.path.display()));
                }
            }
        }
        for unfinished in ["todo!", "unimplemented!"] {
            for line in source.lines_with(unfinished) {
                broken.push(format!("{}:{line}: {unfinished}", source.path.display()));
            }
        }
    }
    none(&broken);
}

#[test]
fn no_test_is_switched_off() {
    let mut broken = Vec::new();
    for (path, text) in files("rs") {
        // Spelt in two parts, or this line would be found.
        for (at, _) in text.lines().enumerate().filter(|(_, line)| line.contains(concat!("#[", "ignore"))) {
            broken.push(format!("{}:{}", path.display(), at + 1));
        }
    }
    none(&broken);
}

/// Where a person or a machine keeps things, and where packages come from, is nobody else's business: package
/// names go through clients that each machine has configured.
#[test]
fn no_file_names_a_machine() {
    const HOMES: [&str; 8] = ["root", "home", "Users", "work", "workspace", "farm", "mnt", "media"];
    const REGISTRIES: [[&str; 2]; 8] = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "org"],
        ["debian", "org"],
        ["ubuntu", "com"],
        ["golang", "org"],
        ["llvm", "org"],
    ];
    let mut broken = Vec::new();
    for (path, text) in files("") {
        // Cargo writes its registry's name there, and Go modules are named as hosts are.
        if ["Cargo.lock", "go.mod", "go.sum"].iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for (at, line) in text.lines().enumerate() {
            let path_of = |home: &str| {
                let found = line.match_indices(&format!("/{home}/")).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || "._-}/*".contains(c))
                });
                found.then(|| format!("/{home}/"))
            };
            let host =
                |[name, top]: &[&str; 2]| Some(format!("{name}.{top}")).filter(|host| line.contains(host));
            for named in HOMES.into_iter().filter_map(path_of).chain(REGISTRIES.iter().filter_map(host)) {
                broken.push(format!("{}:{}: {named}", path.display(), at + 1));
            }
        }
    }
    none(&broken);
}

#[test]
fn versions_are_pinned_in_one_place() {
    let mut broken = Vec::new();
    for (name, value) in workspace_dependencies() {
        if !value.contains("path = ") && !value.contains("\"=") {
            broken.push(format!("Cargo.toml: {name} = {value}"));
        }
    }
    for package in packages() {
        let manifest = read(&Path::new(&package.folder).join("Cargo.toml"));
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let own = section.ends_with("dependencies]") && section != "[workspace.dependencies]";
            let entry = !line.starts_with(['[', '#']) && !line.trim().is_empty();
            if own && entry && !line.contains("workspace = true") {
                broken.push(format!("{}/Cargo.toml: {line}", package.folder));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_dependency_has_its_reason() {
    let outside = workspace_dependencies().into_iter().filter(|(_, value)| !value.contains("path = "));
    let table: BTreeSet<String> = outside.map(|(name, _)| name).collect();
    let document = read(Path::new("docs/dependencies.md"));
    let explained: BTreeSet<String> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    let missing: Vec<_> = table.difference(&explained).collect();
    let left_over: Vec<_> = explained.difference(&table).collect();
    assert!(missing.is_empty(), "docs/dependencies.md says nothing of {missing:?}");
    assert!(left_over.is_empty(), "docs/dependencies.md explains what nobody uses: {left_over:?}");
}

/// `./berth` builds the program alone, `./test` everything. What compiles HiGHS and the bindings of MLIR must have
/// the same features both times, or Cargo would take these minutes twice.
#[test]
fn one_build_serves_program_and_tests() {
    let tree = |arguments: &str| -> BTreeSet<String> {
        let fixed = ["tree", "--offline", "--prefix", "none", "--no-dedupe"];
        let lines = cargo(&[&fixed, arguments.split(' ').collect::<Vec<_>>().as_slice()].concat());
        lines.lines().map(str::to_owned).collect()
    };
    let slow = tree("-p highs-sys -p mlir-sys -e normal,build --format {p}");
    assert!(slow.len() > 10, "{slow:?}");
    let of_slow = |lines: BTreeSet<String>| -> BTreeSet<String> {
        let package = |line: &str| line.split_once('|').map(|(package, _)| package.to_owned());
        lines
            .into_iter()
            .filter(|line| package(line).is_some_and(|package| slow.contains(&package)))
            .collect()
    };
    let program = of_slow(tree("-p berth -e normal,build --format {p}|{f}"));
    let tests = of_slow(tree("--workspace -e normal,build,dev --format {p}|{f}"));
    assert!(program.len() >= slow.len(), "{program:?}");
    assert_eq!(program, tests);
}

/// A test that a document names, as `path/to/file.rs::name`, is there.
#[test]
fn documents_name_tests_that_exist() {
    let mut named = 0;
    let mut broken = Vec::new();
    for (path, text) in files("md") {
        for code in text.split('`').skip(1).step_by(2) {
            let Some((file, name)) = code.split_once(".rs::") else { continue };
            let file = format!("{file}.rs");
            let there =
                root().join(&file).is_file() && read(Path::new(&file)).contains(&format!("fn {name}("));
            named += 1;
            if !there {
                broken.push(format!("{}: {code}", path.display()));
            }
        }
    }
    none(&broken);
    assert!(named > 0, "docs/architecture.md names the tests of its invariants");
}

// --- Manifests ----------------------------------------------------------------------------------

/// A crate of the workspace.
struct Package {
    /// From the root; empty for the root itself.
    folder: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    /// Where it lies, for a crate of the workspace.
    folder: Option<String>,
}

fn packages() -> Vec<Package> {
    let output = cargo(&["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let inside = |path: &str| Path::new(path).strip_prefix(root()).unwrap().display().to_string();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| {
        let manifest = text(&package["manifest_path"]);
        let dependencies = package["dependencies"].as_array().unwrap().iter().map(|dependency| Dependency {
            name: text(&dependency["name"]),
            folder: dependency.get("path").map(|path| inside(path.as_str().unwrap())),
        });
        let folder = Path::new(&manifest).parent().unwrap().to_str().unwrap();
        Package { folder: inside(folder), dependencies: dependencies.collect() }
    });
    packages.collect()
}

/// What this cargo answers.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The table every crate takes its versions from: names and what stands after `=`.
fn workspace_dependencies() -> BTreeMap<String, String> {
    let manifest = read(Path::new("Cargo.toml"));
    let after = manifest.split_once("[workspace.dependencies]\n").unwrap().1;
    let section = after.split_once("\n[").map_or(after, |(section, _)| section);
    let entries =
        section.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "));
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

// --- Files --------------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Rust files of the crates and the binary: no tests, no benchmarks, no build scripts.
fn sources() -> Vec<Source> {
    let apart = |path: &Path| {
        let first = path.components().next().unwrap().as_os_str();
        let tests = path.components().any(|part| part.as_os_str() == "tests");
        first == "benches"
            || tests
            || path.file_name().is_some_and(|name| name == "build.rs" || name == "tests.rs")
    };
    let files = files("rs").into_iter().filter(|(path, _)| !apart(path));
    let sources: Vec<Source> = files.map(|(path, text)| Source::new(&path, &text)).collect();
    let tests: BTreeSet<PathBuf> = sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    let sources: Vec<Source> = sources.into_iter().filter(|source| !tests.contains(&source.path)).collect();
    assert!(sources.len() > 10, "the sources were not found");
    sources
}

/// Every text file that git has or would take, and whose name ends in `.extension`; all for an empty one.
fn files(extension: &str) -> Vec<(PathBuf, String)> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let paths = names.split_terminator('\0').map(PathBuf::from);
    let wanted =
        paths.filter(|path| extension.is_empty() || path.extension().is_some_and(|own| own == extension));
    // Deleted and not committed, or no text.
    let texts =
        wanted.filter_map(|path| std::fs::read_to_string(root().join(&path)).ok().map(|text| (path, text)));
    texts.collect()
}

/// Lines that name `std::module`, also as `std::{a, module}`.
fn lines_naming_std(source: &Source, module: &str) -> Vec<usize> {
    let mut lines = source.lines_with(&format!("std::{module}"));
    for (start, _) in source.code.match_indices("std::{") {
        let group = &source.code[start..];
        let group = &group[..group.find(';').unwrap_or(group.len())];
        let word = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric() && c != '_') == module;
        if group.split([',', '{', '}']).any(|part| word(part.split("::").next().unwrap_or_default())) {
            lines.push(1 + source.code[..start].matches('\n').count());
        }
    }
    lines
}

#[track_caller]
fn none(broken: &[String]) {
    assert!(broken.is_empty(), "{} places:\n  {}", broken.len(), broken.join("\n  "));
}

//! Why a command ended without doing what was asked.

use crate::render::diagnostics;
use crate::render::table::paragraph;
use berth_compiler::plan::objects::Unwritten;
use berth_compiler::session::Stopped;
use berth_language::data::Undecodable;
use berth_language::sources::Unreadable;
use berth_targets::kubernetes::connection::Refusal;
use std::path::{Path, PathBuf};

/// A reason to exit with 1.
#[derive(Debug)]
pub enum Failure {
    /// Lines of the user, or of edited IR.
    Stopped(Box<Stopped>),
    /// A file could not be read.
    Read(PathBuf, String),
    /// A file could not be written; what was there before still is.
    Write(PathBuf, String),
    /// The output is a file that the plan was made from.
    Overwrites(PathBuf),
    /// Not a plan file.
    NotAPlan(PathBuf, String),
    /// The plan is from a version of the program that is newer than this one.
    Newer(PathBuf, String),
    /// Not a state file.
    NotAState(PathBuf, String),
    /// A data file is not what was expected.
    Data(String, Undecodable),
    /// A text file could not be read.
    Text(String, Unreadable),
    /// A folder with nothing in it to format.
    NoPlanFile(PathBuf),
    /// Not a form that objects are written in.
    NoForm(String),
    /// A file that was not written here stands where one would be written.
    NotEmitted(PathBuf),
    /// Nothing that stands in the plan file is called so.
    NoNode(String),
    /// No service or node of the plan is called so.
    NotInPlan(String),
    /// The plan file names no target.
    NoTarget,
    /// A service that the target does not get.
    Unwritten(Unwritten),
    /// A plan that decides nothing is not applied.
    Undecided,
    /// An API server, or the way to it.
    Cluster(Refusal),
    /// What an API server refused, and while what was done.
    While(String, Refusal),
    /// Somebody else applies.
    Held(String),
    /// More replicas would stop than is allowed.
    Disruption(u64, u64),
    /// Some things cannot be done as they are; they have been said.
    Hindered,
    /// Neither a plan nor a proof that none exists.
    NoPlan(String),
    /// Not a diagnostic code, and what comes near.
    UnknownCode(String, Option<&'static str>),
    /// Nothing of the catalog has this name.
    UnknownName(String, Vec<String>),
    /// `berth init` finds a plan file there already.
    AlreadyThere(PathBuf),
    /// The file has no tests.
    NoTests(String),
    /// No test of the file is called so, and how they are called.
    NoSuchTest(String, Vec<String>),
    /// `--from ir --to model`.
    Backwards,
    /// Edited IR that does not say where it comes from.
    NoProgram,
}

impl Failure {
    /// `path` could not be read.
    pub fn read(path: &Path, error: &std::io::Error) -> Self {
        Self::Read(path.to_owned(), error.to_string())
    }

    /// `path` could not be written.
    pub fn write(path: &Path, error: &std::io::Error) -> Self {
        Self::Write(path.to_owned(), error.to_string())
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(Box::new(stopped))
    }
}

/// Says it on standard error.
pub fn print(failure: &Failure) {
    match failure {
        Failure::Stopped(stopped) => match stopped.as_ref() {
            Stopped::Lines(sources, found) => diagnostics::print(sources, found),
            Stopped::Ir(found) => diagnostics::print_ir(found),
        },
        Failure::Read(path, error) => eprintln!("error: `{}` cannot be read: {error}", path.display()),
        Failure::Write(path, error) => {
            eprintln!(
                "error: `{}` cannot be written: {error}\nWhat was there before is unchanged.",
                path.display()
            );
        }
        Failure::Overwrites(path) => {
            eprintln!("error: `{}` is what the plan was made from, and stays as it is", path.display());
            eprintln!("Write the plan to a file of its own: -o plan.json");
        }
        Failure::NotAPlan(path, error) => {
            eprintln!(
                "error: `{}`: {error}\nWrite one with: berth plan FILE -o {}",
                path.display(),
                path.display()
            );
        }
        Failure::Newer(path, version) => {
            let title = format!(
                "error: `{}` was written by berth {version}, and this is {}: what it says may mean something else there",
                path.display(),
                env!("CARGO_PKG_VERSION")
            );
            eprintln!("{}", paragraph(&title, 0).trim_end());
            eprintln!("Plan again with this version, or use the newer one. `berth show` shows it.");
        }
        Failure::NotAState(path, error) => {
            eprintln!("{}", paragraph(&format!("error: `{}`: {error}", path.display()), 0).trim_end());
            eprintln!("Write one with: berth import kubernetes --state {}", path.display());
        }
        Failure::Data(path, Undecodable::Unreadable(error)) => {
            eprintln!("error: `{path}` {}", unreadable(error))
        }
        Failure::Data(path, Undecodable::NotLoaded) => eprintln!("error: `{path}` has not been read"),
        Failure::Data(path, Undecodable::Content { found, at, help }) => {
            let place = at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
            eprintln!("{}", paragraph(&format!("error: `{path}`{place}: {found}"), 0).trim_end());
            eprintln!("{}", paragraph(help, 0).trim_end());
        }
        Failure::Text(path, error) => eprintln!("error: `{path}` {}", unreadable(error)),
        Failure::NoPlanFile(folder) => {
            eprintln!("error: no file in `{}` ends in `.berth`", folder.display());
        }
        Failure::NoForm(form) => {
            eprintln!("error: objects are not written as `{form}`");
            eprintln!("Write them as `yaml`, `kustomize` or `helm-values`: --emit yaml FOLDER");
        }
        Failure::NotEmitted(path) => {
            eprintln!("error: `{}` is there already, and berth did not write it", path.display());
            eprintln!("Nothing was written. Name another folder, or move the file away.");
        }
        Failure::NoNode(text) => {
            eprintln!("error: `{text}` is no node of the plan file, and no label of one");
            eprintln!(
                "Name one by its address, or several by a label: --drain topology.kubernetes.io/zone=a"
            );
        }
        Failure::NotInPlan(name) => {
            eprintln!("error: `{name}` is neither a service nor a node of the plan");
            eprintln!("Name both by their addresses: berth explain plan.json shop box[1]");
        }
        Failure::NoTarget => {
            eprintln!("error: the plan names no target");
            eprintln!("Name one in the `plan` block: target = kubernetes(namespace = \"shop\")");
        }
        Failure::Unwritten(Unwritten { service, file, line, because }) => {
            eprintln!("error: `{service}` ({file}:{line}) does not get to the target: {because}");
        }
        Failure::Undecided => {
            eprintln!("error: this plan decides nothing that could be applied");
        }
        Failure::Cluster(refusal) => print_refusal(refusal),
        Failure::While(what, refusal) => {
            eprintln!("{}", paragraph(&format!("error: {what}: {refusal}"), 0).trim_end());
            eprintln!("What was done stays, and the same command goes on from there.");
        }
        Failure::Held(by) => {
            eprintln!("error: somebody else applies this plan right now: {by}");
            eprintln!("Try again when they are done; of one who died the right expires within 30 s.");
        }
        Failure::Disruption(stops, most) => {
            eprintln!("error: {stops} replicas would stop, and --max-disruption allows {most}");
        }
        Failure::Hindered => {}
        Failure::NoPlan(because) => {
            eprintln!("solve::unknown: neither a plan nor a proof that none exists was found\n{because}");
            eprintln!("Search longer with `--effort 4`, or without `--time-limit`.");
        }
        Failure::UnknownCode(code, nearest) => {
            eprintln!("error: there is no diagnostic code `{code}`");
            if let Some(nearest) = nearest {
                eprintln!("Did you mean `{nearest}`?");
            }
        }
        Failure::UnknownName(name, known) => {
            eprintln!("error: the catalog has no `{name}`");
            eprintln!("It has: {}", known.join(", "));
        }
        Failure::AlreadyThere(path) => {
            eprintln!("error: `{}` is there already, and stays as it is", path.display());
            eprintln!("Start in a folder of its own: berth init NAME");
        }
        Failure::NoTests(file) => {
            eprintln!("error: `{file}` has no tests");
            eprintln!("A block `test \"…\" {{ … }}` holds what its world changes and what must hold there.");
        }
        Failure::NoSuchTest(filter, known) => {
            eprintln!("error: no test has `{filter}` in its name");
            eprintln!("There are:");
            for name in known {
                eprintln!("  {name}");
            }
        }
        Failure::Backwards => {
            eprintln!(
                "error: the model comes before the IR; continue to `graph`, `candidates`, `problem` or `plan`"
            );
        }
        Failure::NoProgram => {
            eprintln!("error: this text does not say which plan file it belongs to");
            eprintln!("Name it: berth lower --to plan --from ir --program FILE.berth TEXT.mlir");
        }
    }
}

/// What an API server refused, and what to do about it.
fn print_refusal(refusal: &Refusal) {
    eprintln!("{}", paragraph(&format!("error: {refusal}"), 0).trim_end());
    match refusal {
        Refusal::Kubeconfig(_) => {
            eprintln!("It is where KUBECONFIG says, else `~/.kube/config`.");
        }
        Refusal::NoContext { .. } => {
            eprintln!("Change `context` in the plan file's `target`, or the kubeconfig.");
        }
        Refusal::Unreachable(_) | Refusal::Busy(_) => {
            eprintln!("It was tried several times. Nothing is lost: run the command again.");
        }
        _ => {}
    }
}

fn unreadable(error: &Unreadable) -> String {
    match error {
        Unreadable::Missing => "does not exist".into(),
        Unreadable::Directory => "is a folder".into(),
        Unreadable::TooLarge(bytes) => format!("has {bytes} bytes, more than is read"),
        Unreadable::Other(error) => format!("cannot be read: {error}"),
    }
}

//! The command line.

use berth_ir::Pass;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Plans infrastructure from files: what exists, what must hold, what would be liked.
#[derive(Debug, Parser)]
#[command(name = "berth", version, max_term_width = 80)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Parse and check a plan file, without planning
    Check(Check),
    /// Format plan files
    Fmt(Fmt),
    /// Plan, verify and print
    Plan(Plan),
    /// Show what applying a saved plan would change
    Diff(Diff),
    /// Do what a saved plan says
    Apply(Apply),
    /// Take away everything that a plan has created
    Destroy(Destroy),
    /// Print the roles that applying a saved plan needs
    Rbac(Rbac),
    /// Write what machines there are as a plan file
    Import(Import),
    /// Run the tests of a plan file
    Test(Test),
    /// Print a saved plan
    Show(Saved),
    /// Recheck a saved plan with nothing but the file and its sources
    Verify(Saved),
    /// Print a stage on the way from text to plan
    Lower(Lower),
    /// List the shipped hardware and models with their sources
    Catalog(Catalog),
    /// Pin what a plan file takes from the catalog, and say what changed
    Lock(Lock),
    /// Write a small plan file to start from
    Init(Init),
    /// Show what a data file holds: arrivals, tokens and their fits, or readings
    Trace(Trace),
    /// Explain a diagnostic code, or where a plan has a service
    Explain(Explain),
    /// Print a part of the manual, as Markdown
    Manual(Manual),
}

/// `berth check`
#[derive(Debug, Args)]
pub struct Check {
    /// A plan file, or a folder with a `main.berth`
    pub file: String,
    /// Print diagnostics as JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth fmt`
#[derive(Debug, Args)]
pub struct Fmt {
    /// Plan files, or folders with plan files at any depth; `-` formats what
    /// it reads to what it prints
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Change nothing, print the files that would change, and exit with 1 if
    /// there are any
    #[arg(long)]
    pub check: bool,
}

/// `berth plan`
#[derive(Debug, Args)]
pub struct Plan {
    /// A plan file, or a folder with a `main.berth`
    pub file: String,
    /// Write the plan here; beside it first, then renamed
    #[arg(short, long, value_name = "PLAN.JSON")]
    pub output: Option<PathBuf>,
    /// Print the plan as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of the search
    #[command(flatten)]
    pub search: Search,
    /// Exit with 0 although lines with this code could not be judged; repeatable
    #[arg(long, value_name = "CODE")]
    pub allow_unjudged: Vec<String>,
    /// Plan from what runs now, as this file says: written by `berth import`
    #[arg(long, value_name = "STATE.JSON", conflicts_with = "live")]
    pub state: Option<PathBuf>,
    /// Plan from what runs now on the plan's target
    #[arg(long)]
    pub live: bool,
    /// Where no plan exists, look for so many ways out: what one line would
    /// have to give while all others hold
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub relax: usize,
    /// Empty this node: place nothing on it. Its address, its name on the
    /// target, or a label of several, `key` or `key=value`; repeatable
    #[arg(long, value_name = "NODE|LABEL")]
    pub drain: Vec<String>,
    /// Empty them in waves, as few as are found: write a plan for each into
    /// this folder, to be applied one after the other
    #[arg(long, value_name = "FOLDER", requires = "drain", conflicts_with_all = ["output", "emit"])]
    pub waves: Option<PathBuf>,
    /// Empty at most this many nodes in one wave
    #[arg(long, value_name = "N", requires = "waves", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_unavailable: Option<u64>,
    /// Write what the target would create into a folder: as `yaml`,
    /// `kustomize` or `helm-values`
    #[arg(long, num_args = 2, value_names = ["FORM", "FOLDER"])]
    pub emit: Option<Vec<String>>,
}

/// `berth rbac`
#[derive(Debug, Args)]
pub struct Rbac {
    /// A plan written by `berth plan -o`
    pub plan: PathBuf,
}

/// `berth import`
#[derive(Debug, Args)]
pub struct Import {
    /// Where the machines are
    #[arg(value_enum)]
    pub whence: Whence,
    /// The context of the kubeconfig; its current one by default
    #[arg(long)]
    pub context: Option<String>,
    /// Write the plan file here; beside it first, then renamed
    #[arg(short, long, value_name = "FILE.berth")]
    pub output: Option<PathBuf>,
    /// Write what plans have placed there and runs now here, for
    /// `berth plan --state`
    #[arg(long, value_name = "STATE.JSON")]
    pub state: Option<PathBuf>,
}

/// Where machines can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Whence {
    /// A Kubernetes cluster
    Kubernetes,
}

/// `berth diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// A plan written by `berth plan -o`
    pub plan: PathBuf,
    /// How far it may go
    #[command(flatten)]
    pub permissions: Permissions,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// A plan written by `berth plan -o`
    pub plan: PathBuf,
    /// How far it may go
    #[command(flatten)]
    pub permissions: Permissions,
    /// How long workloads may take to be ready
    #[arg(long, value_name = "DURATION", default_value = "10min", value_parser = duration)]
    pub timeout: Duration,
    /// Do not wait until workloads are ready
    #[arg(long)]
    pub no_wait: bool,
    /// Refuse to stop more replicas than this
    #[arg(long, value_name = "N")]
    pub max_disruption: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth destroy`
#[derive(Debug, Args)]
pub struct Destroy {
    /// A plan written by `berth plan -o`
    pub plan: PathBuf,
    /// Delete this object although its data goes with it; repeatable
    #[arg(long, value_name = "NAME")]
    pub delete_data: Vec<String>,
    /// Take this job away although it is not done; repeatable
    #[arg(long, value_name = "NAME")]
    pub end_job: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What has to be allowed by name.
#[derive(Debug, Args)]
pub struct Permissions {
    /// Take over fields that this manager owns and the plan decides; repeatable
    #[arg(long, value_name = "MANAGER")]
    pub take_over: Vec<String>,
    /// Delete this object although its data goes with it; repeatable
    #[arg(long, value_name = "NAME")]
    pub delete_data: Vec<String>,
    /// Take this job away, done or not, where the plan says something else of it or has it no more; it begins anew where
    /// the plan has it; repeatable
    #[arg(long, value_name = "NAME")]
    pub end_job: Vec<String>,
}

/// `berth test`
#[derive(Debug, Args)]
pub struct Test {
    /// A plan file, or a folder with a `main.berth`
    pub file: String,
    /// Run only tests whose name contains this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Write a JUnit report here; beside it first, then renamed
    #[arg(long, value_name = "REPORT.XML")]
    pub junit: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Settings of each search
    #[command(flatten)]
    pub search: Search,
    /// Let lines and checks with this code go without judgement; repeatable
    #[arg(long, value_name = "CODE")]
    pub allow_unjudged: Vec<String>,
}

/// Settings of a search.
#[derive(Debug, Args)]
pub struct Search {
    /// Stop after this long with the best plan so far; recorded in the plan
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub time_limit: Option<Duration>,
    /// Deterministic work units, instead of the plan's own `effort`
    #[arg(long, value_name = "N")]
    pub effort: Option<u64>,
}

/// A saved plan.
#[derive(Debug, Args)]
pub struct Saved {
    /// A plan written by `berth plan -o`
    pub plan: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth lower`
#[derive(Debug, Args)]
pub struct Lower {
    /// The stage to print
    #[arg(long, value_enum, required_unless_present_any = ["print_after", "print_before"])]
    pub to: Option<Stage>,
    /// Print the MLIR text after this pass instead
    #[arg(long, value_name = "PASS", value_parser = pass(), conflicts_with_all = ["to", "from", "print_before"])]
    pub print_after: Option<Pass>,
    /// Print the MLIR text before this pass instead
    #[arg(long, value_name = "PASS", value_parser = pass(), conflicts_with_all = ["to", "from"])]
    pub print_before: Option<Pass>,
    /// Continue from this stage: FILE is then its text, perhaps edited
    #[arg(long, value_enum)]
    pub from: Option<Source>,
    /// Inline, compute once and drop what is unused in edited text before continuing from it
    #[arg(long, requires = "from")]
    pub simplify: bool,
    /// The plan file that edited text belongs to; by default the one it names
    #[arg(long, value_name = "FILE", requires = "from")]
    pub program: Option<String>,
    /// A plan file; with `--from ir`, MLIR text
    pub file: String,
    /// Settings of the search, for `--to plan`
    #[command(flatten)]
    pub search: Search,
}

/// Stages with a text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// What the lines say, every name resolved
    Model,
    /// MLIR after all passes
    Ir,
    /// Operators with their costs as expressions
    Graph,
    /// What may run, and what each form carries
    Candidates,
    /// Machines, items, rows, wishes and levels
    Problem,
    /// The plan file
    Plan,
}

/// Stages that text can continue from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// MLIR as `berth lower --to ir` prints it
    Ir,
}

/// `berth catalog`
#[derive(Debug, Args)]
pub struct Catalog {
    /// `models`, or a module or thing: `nvidia`, `h100_sxm`
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth lock`
#[derive(Debug, Args)]
pub struct Lock {
    /// A plan file, or a folder with a `main.berth`
    pub file: String,
    /// Write nothing: exit with 1 where the lock is not what this version would write
    #[arg(long)]
    pub check: bool,
    /// Print what changed as JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth init`
#[derive(Debug, Args)]
pub struct Init {
    /// The folder to write `main.berth` into; it is made where it is not there
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// `berth trace`
#[derive(Debug, Args)]
pub struct Trace {
    /// CSV, JSON lines or Parquet, the first two also in gzip or through a pipe; `-` is standard input
    pub file: String,
    /// How long a step is, by which arrivals are counted
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = step)]
    pub step: Duration,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `berth explain`
#[derive(Debug, Args)]
pub struct Explain {
    /// A diagnostic code, such as `units::mismatch`, or a plan written by
    /// `berth plan -o`
    #[arg(value_name = "CODE|PLAN.JSON")]
    pub what: String,
    /// Of a plan: why this service
    #[arg(requires = "node")]
    pub service: Option<String>,
    /// stands on this node, or why it does not
    pub node: Option<String>,
}

/// `berth manual`
#[derive(Debug, Args)]
pub struct Manual {
    /// The part to print
    #[arg(value_enum)]
    pub part: Part,
}

/// Parts of the manual that are written from the program's own tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Every kind, field, function, type and unit
    Reference,
    /// Every message, with lines that raise it and the lines mended
    Errors,
}

/// A pass by its name; each is listed with what it does.
fn pass() -> impl TypedValueParser<Value = Pass> {
    let known = Pass::ALL.map(|pass| PossibleValue::new(pass.name()).help(pass.help()));
    PossibleValuesParser::new(known).try_map(|name| {
        let found = Pass::ALL.into_iter().find(|pass| pass.name() == name);
        found.ok_or_else(|| format!("`{name}` is no pass"))
    })
}

/// A duration above zero.
fn step(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|step| if step.is_zero() { Err("a step takes time".into()) } else { Ok(step) })
}

/// `60s`, `1.5min`, `500ms`; a bare number counts seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{unit}` is no unit of time here; write `60s`, `2min` or `1h`")),
    };
    let seconds: f64 = number.parse().map_err(|_| format!("`{text}` is no duration; write `60s`"))?;
    Duration::try_from_secs_f64(seconds * scale).map_err(|_| format!("`{text}` is no duration; write `60s`"))
}

//! Functions that a value may call: `lognormal(…)`, `diurnal(…)`, `nvlink(…)`.

use super::Support;

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Arguments that it needs, in order.
    pub arguments: &'static [&'static str],
    /// Arguments that may be left out, after those.
    pub optional: &'static [&'static str],
    /// Whether any stage acts on it.
    pub support: Support,
    /// What it yields.
    pub doc: &'static str,
}

/// The function called `name`.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const fn acted(name: &'static str, arguments: &'static [&'static str], doc: &'static str) -> Function {
    Function { name, arguments, optional: &[], support: Support::Acted, doc }
}

const fn not_yet(name: &'static str, because: &'static str, doc: &'static str) -> Function {
    Function { name, arguments: &[], optional: &[], support: Support::NotYet(because), doc }
}

const DRAWS: &str = "of distributions only `lognormal` and plain quantities are read yet";
const DATA: &str = "data files are not read yet";

/// All of them.
pub static FUNCTIONS: &[Function] = &[
    acted("lognormal", &["p50", "p99"], "Draws with this median and 99th percentile."),
    acted("constant", &["value"], "Draws that are always the same."),
    acted(
        "diurnal",
        &["peak", "trough", "peak_at"],
        "A rate with a period of 24 h: a cosine between `trough` and `peak`, highest at `peak_at` by the plan's clock.",
    ),
    acted("nvlink", &["bandwidth"], "A fabric of NVLink; both directions of one device."),
    acted("pcie", &["bandwidth"], "A fabric of PCI Express; both directions of one device."),
    not_yet("gamma", DRAWS, "Draws by mean and coefficient of variation."),
    not_yet("normal", DRAWS, "Draws by mean and deviation."),
    not_yet("empirical", DRAWS, "Draws from a file."),
    not_yet("histogram", DRAWS, "Draws by bin."),
    not_yet(
        "poisson",
        "arrivals are Poisson within a step already; stating it is not read yet",
        "Arrivals at a mean rate.",
    ),
    not_yet("trace", DATA, "A profile or arrivals from a file."),
    acted("measured", &["file"], "What a load test measured, by the name of its file."),
    not_yet(
        "hf",
        "configurations are not read yet; state the model's fields",
        "A model's configuration file.",
    ),
    not_yet("mlir", "models in MLIR are not read yet; state the model's fields", "A model in MLIR."),
    Function {
        name: "dataset",
        arguments: &["name"],
        optional: &["size", "at"],
        support: Support::Acted,
        doc: "Data, its size and the place that holds it.",
    },
    acted("deployment", &["name"], "A deployment that runs already: `deployment(\"namespace/name\")`."),
    acted("stateful_set", &["name"], "A stateful set that runs already: `stateful_set(\"namespace/name\")`."),
    Function {
        name: "date",
        arguments: &["day"],
        optional: &["zone"],
        support: Support::Acted,
        doc: "A day in a time zone.",
    },
    Function {
        name: "every",
        arguments: &["period"],
        optional: &["size", "to"],
        support: Support::Acted,
        doc: "A period: of checkpoints, with the size of one and the place that keeps it.",
    },
    acted(
        "loop",
        &["path", "mean", "max"],
        "A path walked several times: a geometric count from 1, cut off at `max`, with this mean.",
    ),
    acted(
        "calls",
        &["mean", "max"],
        "How often a stage is called, as in `calls(mean = 2.4, max = 8) * s`: a geometric count from 0, cut off at `max`, with this mean.",
    ),
    not_yet("out_of_band", "power stages are not planned yet", "An actuator beside the operating system."),
    not_yet("power_brake", "power stages are not planned yet", "An actuator in hardware."),
    not_yet("kubernetes", "targets are not written yet", "A Kubernetes cluster."),
    not_yet("slurm", "targets are not written yet", "A Slurm cluster."),
    not_yet("systemd", "targets are not written yet", "Hosts over ssh."),
];

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
    acted("infinity_fabric", &["bandwidth"], "A fabric of AMD's links; both directions of one device."),
    acted("ethernet", &["bandwidth"], "A fabric of Ethernet within a server; both directions of one device."),
    acted(
        "gamma",
        &["mean", "cv"],
        "Draws of the gamma family with this mean; `cv` is their standard deviation over it.",
    ),
    acted(
        "weibull",
        &["mean", "cv"],
        "Draws of the Weibull family with this mean; `cv` is their standard deviation over it.",
    ),
    acted(
        "normal",
        &["mean", "deviation"],
        "Draws of the normal family; what would fall below zero is drawn again, which lifts the mean where the deviation is large.",
    ),
    acted(
        "histogram",
        &["shares"],
        "Draws of these values and no others, by share: `[100 tok: 20%, 400 tok: 80%]`. Shares sum to 100%; whole numbers are counts.",
    ),
    Function {
        name: "empirical",
        arguments: &["trace"],
        optional: &["column"],
        support: Support::Acted,
        doc: "Draws of the values in a column of a file of requests, `prompt` or `output`; the field's own where none is said.",
    },
    acted("poisson", &["rate"], "Arrivals at a rate or a profile of rates, independent of one another."),
    Function {
        name: "arrivals",
        arguments: &["rate"],
        optional: &["cv"],
        support: Support::Acted,
        doc: "Arrivals at a rate, a profile of rates or as in a trace; `cv` is the standard deviation of the time between two over its mean, 1 (Poisson) where nothing is said.",
    },
    Function {
        name: "trace",
        arguments: &["file"],
        optional: &["peak"],
        support: Support::Acted,
        doc: "Arrivals from a file of requests, scaled so that the busiest step has `peak`; a profile from one of readings, and a short file repeats. Of a file with `expert` and `load`, the loads of experts.",
    },
    Function {
        name: "zipf",
        arguments: &["exponent"],
        optional: &["seed"],
        support: Support::Acted,
        doc: "Loads of experts by rank: that of rank r is as 1 / r^`exponent`. With a `seed` every layer has its own order, drawn from it; without one expert 0 has the most in every layer, expert 1 the next.",
    },
    acted("measured", &["file"], "What a load test measured, by the name of its file."),
    acted("hf", &["path"], "A model's `config.json` as Hugging Face publishes it, from disk."),
    Function {
        name: "mlir",
        arguments: &["path"],
        optional: &["entry"],
        support: Support::Acted,
        doc: "An exported module, from disk: StableHLO in generic form, linalg on tensors. A call runs its function `entry`; `main`, or the only public one, where none is said.",
    },
    Function {
        name: "dataset",
        arguments: &["name"],
        optional: &["size", "at"],
        support: Support::Acted,
        doc: "Data, its size and the place that holds it.",
    },
    Function {
        name: "deployment",
        arguments: &["name"],
        optional: &["container"],
        support: Support::Acted,
        doc: "A Deployment that runs already: `deployment(\"namespace/name\")`, and which of its containers the service is, the one of its own name where nothing is said.",
    },
    Function {
        name: "stateful_set",
        arguments: &["name"],
        optional: &["container"],
        support: Support::Acted,
        doc: "A StatefulSet that runs already: `stateful_set(\"namespace/name\")`, and which of its containers the service is, the one of its own name where nothing is said.",
    },
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
        "one_of",
        &["variants"],
        "One of several services or flows, as in `one_of([small, large])`: the plan chooses which share of the walks each has.",
    ),
    acted(
        "calls",
        &["mean", "max"],
        "How often a stage is called, as in `calls(mean = 2.4, max = 8) * s`: a geometric count from 0, cut off at `max`, with this mean.",
    ),
    acted(
        "out_of_band",
        &["delay"],
        "An actuator beside the operating system, and the time until it has acted.",
    ),
    acted("power_brake", &["delay"], "An actuator in hardware, and the time until it has acted."),
    Function {
        name: "kubernetes",
        arguments: &[],
        optional: &["context", "namespace", "pin", "sites"],
        support: Support::Acted,
        doc: "A Kubernetes cluster: a context of the kubeconfig, its current one where none is said; the namespace, `default` where none is said; whether replicas are held to machines of the planned `class` or to the planned `node`; and, of several targets, whose machines these are, `sites = [ams]`.",
    },
    Function {
        name: "secret_key_ref",
        arguments: &["name", "key"],
        optional: &[],
        support: Support::Acted,
        doc: "A key of a Secret, for a variable. What it holds is never read.",
    },
    Function {
        name: "config_map_key_ref",
        arguments: &["name", "key"],
        optional: &[],
        support: Support::Acted,
        doc: "A key of a ConfigMap, for a variable.",
    },
    Function {
        name: "persistent_volume_claim",
        arguments: &["claim_name", "mount_path"],
        optional: &["read_only"],
        support: Support::Acted,
        doc: "A claim that exists, mounted.",
    },
    Function {
        name: "volume_claim_template",
        arguments: &["storage", "mount_path"],
        optional: &["storage_class_name"],
        support: Support::Acted,
        doc: "A claim of each replica's own, mounted; of services whose data lives with them.",
    },
    Function {
        name: "config_map",
        arguments: &["name", "mount_path"],
        optional: &[],
        support: Support::Acted,
        doc: "The keys of a ConfigMap as files.",
    },
    Function {
        name: "secret",
        arguments: &["secret_name", "mount_path"],
        optional: &[],
        support: Support::Acted,
        doc: "The keys of a Secret as files.",
    },
    Function {
        name: "empty_dir",
        arguments: &["mount_path"],
        optional: &["size_limit"],
        support: Support::Acted,
        doc: "A folder that lives as long as its pod.",
    },
    Function {
        name: "http_get",
        arguments: &["path", "port"],
        optional: &["initial_delay", "period", "timeout", "failure_threshold", "success_threshold"],
        support: Support::Acted,
        doc: "A probe by an HTTP request that is answered with 200 to 399.",
    },
    Function {
        name: "tcp_socket",
        arguments: &["port"],
        optional: &["initial_delay", "period", "timeout", "failure_threshold", "success_threshold"],
        support: Support::Acted,
        doc: "A probe by a connection that is taken.",
    },
    Function {
        name: "grpc",
        arguments: &["port"],
        optional: &["initial_delay", "period", "timeout", "failure_threshold", "success_threshold"],
        support: Support::Acted,
        doc: "A probe by the health service of gRPC.",
    },
    Function {
        name: "exec",
        arguments: &["command"],
        optional: &["initial_delay", "period", "timeout", "failure_threshold", "success_threshold"],
        support: Support::Acted,
        doc: "A probe by a command that ends with 0.",
    },
    not_yet("slurm", "only Kubernetes is a target yet", "A Slurm cluster."),
    not_yet("systemd", "only Kubernetes is a target yet", "Hosts over ssh."),
];

//! What comparing a plan of 1,000 objects with a cluster costs, and applying it, beside `kubectl` doing the same with
//! the same objects, in the same run on the same control plane: the real one that tests run against.
//!
//!     cargo bench --profile dev --workspace --bench cluster [-- --objects 1000 --rounds 3]
//!
//! Each has a namespace of its own in each round; who begins changes from round to round. Time and memory are those of the process
//! and of what it starts. Requests are counted in a round of their own, by a proxy, and in
//! the log of `kubectl`, which tells no proxy without TLS who it is. `berth apply` also rechecks the plan and
//! compares it with the cluster first, `kubectl apply` does not. The API server says that it is fair by itself, so `kubectl` does not
//! hold itself back either. Neither waits for pods.

#[path = "../tests/support/control_plane.rs"]
mod control_plane;

use control_plane::ControlPlane;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A service with a port is a Service, a Deployment and a PodDisruptionBudget.
const OBJECTS_OF_A_SERVICE: usize = 3;
/// Services whose replicas one machine has room for.
const SERVICES_A_MACHINE: usize = 50;

fn main() {
    let services = argument("--objects", 1_000).div_ceil(OBJECTS_OF_A_SERVICE).max(1);
    let rounds = argument("--rounds", 3).max(1);
    let (program, kubectl) = match (ControlPlane::program(), ControlPlane::kubectl_alone()) {
        (Ok(program), Ok(kubectl)) => (program, kubectl),
        (Err(because), _) | (_, Err(because)) => {
            println!("nothing is measured: {because}");
            return;
        }
    };
    let bench = Bench::prepare(&program, kubectl, services);
    println!("{} objects of {services} services, {rounds} rounds", services * OBJECTS_OF_A_SERVICE);

    let requests = bench.round(Way::Counted, 0);
    let spent: Vec<_> = (0..rounds).map(|round| bench.round(Way::Timed, round)).collect();
    println!(
        "{:<24}{:>9}{:>10}{:>9}{:>9}{:>10}   of kubectl's: requests   wall    CPU  memory",
        "median", "requests", "wall", "a second", "CPU", "memory"
    );
    for (at, task) in TASKS.iter().enumerate() {
        let [own, peer] = [0, 1].map(|side| {
            let of = |pick: fn(&Spent) -> f64| median(spent.iter().map(|round| pick(&round[at][side])));
            [
                requests[at][side].requests as f64,
                of(|spent| spent.wall),
                of(|spent| spent.cpu),
                of(|spent| spent.memory),
            ]
        });
        for (side, [requests, wall, cpu, memory]) in [("berth", own), ("kubectl", peer)] {
            let what = if side == "berth" { task.name } else { "" };
            print!(
                "{what:<16}{side:<8}{requests:>9.0}{wall:>8.2} s{:>9.0}{cpu:>7.2} s{memory:>6.0} MiB",
                requests / wall
            );
            if side == "berth" {
                let [requests, wall, cpu, memory] = [0, 1, 2, 3].map(|figure| own[figure] / peer[figure]);
                print!("{requests:>26.2}{wall:>7.2}{cpu:>7.2}{memory:>8.2}");
            }
            println!();
        }
    }
}

/// What is done, in this order, to what the one before has left.
struct Task {
    name: &'static str,
    berth: &'static [&'static str],
    kubectl: &'static [&'static str],
    /// Exit codes of both: there are changes, or there are none.
    codes: [i32; 2],
}

const APPLY: &[&str] = &["apply", "plan.json", "--no-wait"];
const PEER_APPLY: &[&str] = &["apply", "--server-side", "-f", "peer.json"];
const PEER_DIFF: &[&str] = &["diff", "--server-side", "-f", "peer.json"];

const TASKS: [Task; 4] = [
    Task { name: "diff, all new", berth: &["diff", "plan.json"], kubectl: PEER_DIFF, codes: [2, 1] },
    Task { name: "apply, all new", berth: APPLY, kubectl: PEER_APPLY, codes: [0, 0] },
    Task { name: "diff, as it is", berth: &["diff", "plan.json"], kubectl: PEER_DIFF, codes: [0, 0] },
    Task { name: "apply, as it is", berth: APPLY, kubectl: PEER_APPLY, codes: [0, 0] },
];

#[derive(Clone, Copy)]
enum Way {
    Timed,
    Counted,
}

#[derive(Clone, Copy, Default)]
struct Spent {
    requests: usize,
    /// Seconds.
    wall: f64,
    /// Seconds, in the program and in the kernel for it.
    cpu: f64,
    /// MiB, the most at once.
    memory: f64,
}

struct Bench {
    services: usize,
    plane: ControlPlane,
    kubectl: PathBuf,
    folder: PathBuf,
    proxy: Child,
}

impl Bench {
    fn prepare(program: &Path, kubectl: PathBuf, services: usize) -> Self {
        let plane = ControlPlane::start_with(program, &[]);
        let folder = std::env::temp_dir().join(format!("berth-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut proxy = plane.command("proxy");
        proxy.arg("--kubeconfig").arg(plane.kubeconfig("admin"));
        proxy.arg("--write-kubeconfig").arg(folder.join("proxied")).arg("--log").arg(folder.join("log"));
        let proxy = proxy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let bench = Self { services, plane, kubectl, folder, proxy };
        let machines = services.div_ceil(SERVICES_A_MACHINE);
        let node = |number: usize| {
            let name = format!("box-{number}");
            // Room for all rounds at once: taking things away again takes longer than everything else.
            let capacity = json!({"cpu": "10000", "memory": "10000Gi", "pods": "10000"});
            json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                "status": {"capacity": capacity},
            })
        };
        bench.write_list("nodes.json", (1..=machines).map(node).collect());
        bench.plane.kubectl(&["create", "-f", &bench.path("nodes.json")]);
        bench
    }

    /// The plan and the objects of a round, which lie in namespaces of their own.
    fn plan(&self, namespaces: &[String; 2]) {
        let machines = self.services.div_ceil(SERVICES_A_MACHINE);
        fs::write(self.folder.join("plan.berth"), text(self.services, machines, &namespaces[0])).unwrap();
        let planned = self.berth(&["plan", "plan.berth", "-o", "plan.json"]).stdout(Stdio::null()).status();
        assert!(planned.unwrap().success(), "the file has a plan");
        let read = fs::read_to_string(self.folder.join("plan.json")).unwrap();
        let plan: Value = serde_json::from_str(&read).unwrap();
        let mut objects: Vec<Value> =
            plan["objects"].as_array().unwrap().iter().map(|object| object["manifest"].clone()).collect();
        for object in &mut objects {
            object["metadata"]["namespace"] = json!(namespaces[1]);
        }
        self.write_list("peer.json", objects);
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn write_list(&self, name: &str, items: Vec<Value>) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        fs::write(self.folder.join(name), list.to_string()).unwrap();
    }

    /// Every task by both.
    fn round(&self, way: Way, number: usize) -> Vec<[Spent; 2]> {
        let round = if let Way::Counted = way { "counted".to_owned() } else { number.to_string() };
        let namespaces = ["berth", "peer"].map(|side| format!("{side}-{round}"));
        for namespace in &namespaces {
            self.plane.kubectl(&["create", "namespace", namespace]);
        }
        self.plan(&namespaces);
        let spent = TASKS.iter().map(|task| {
            let mut spent = [Spent::default(); 2];
            for turn in 0..2 {
                let side = (number + turn) % 2;
                let command = match side {
                    0 => self.berth(task.berth),
                    _ => self.run(&self.kubectl, task.kubectl),
                };
                spent[side] = self.measure(command, side, way, task.codes[side]);
                // What one has set going is over before the other begins.
                self.settle(&namespaces[side]);
            }
            spent
        });
        spent.collect()
    }

    fn settle(&self, namespace: &str) {
        let replicas = |field: &str| {
            let path = format!("jsonpath={{.items[*].{field}}}");
            let counts = self.plane.kubectl(&["-n", namespace, "get", "deployments", "-o", &path]);
            counts.split_whitespace().filter_map(|count| count.parse::<u64>().ok()).sum::<u64>()
        };
        let started = Instant::now();
        while replicas("spec.replicas") != replicas("status.availableReplicas") {
            assert!(
                started.elapsed() < Duration::from_secs(300),
                "the replicas of {namespace} are not ready"
            );
            thread::sleep(Duration::from_millis(500));
        }
    }

    fn berth(&self, arguments: &[&str]) -> Command {
        self.run(Path::new(env!("CARGO_BIN_EXE_berth")), arguments)
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.env("KUBECONFIG", self.plane.kubeconfig("admin"));
        command
    }

    fn measure(&self, mut command: Command, side: usize, way: Way, code: i32) -> Spent {
        let read = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let proxied = read("log").lines().count();
        match (way, side) {
            (Way::Timed, _) => {}
            (Way::Counted, 0) => {
                while read("proxied").is_empty() {
                    thread::sleep(Duration::from_millis(20));
                }
                command.env("KUBECONFIG", self.folder.join("proxied"));
            }
            (Way::Counted, _) => {
                command.arg("-v=6");
            }
        }
        let said = fs::File::create(self.folder.join("said")).unwrap();
        command.stdout(said.try_clone().unwrap()).stderr(said);
        let started = Instant::now();
        let (ended, cpu, memory) = waited_for(&command.spawn().unwrap());
        let wall = started.elapsed().as_secs_f64();
        let said = read("said");
        assert_eq!(ended, Some(code), "{command:?}: {}", said.chars().take(2_000).collect::<String>());
        let logged = said.lines().filter(|line| line.contains("\"Response\" verb=")).count();
        Spent { requests: read("log").lines().count() - proxied + logged, wall, cpu, memory }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The exit code of a process when it has ended, its CPU seconds, and the most MiB it had at once; those that it has
/// started and waited for included.
#[allow(unsafe_code, reason = "the standard library does not tell what one child has used")]
fn waited_for(child: &Child) -> (Option<i32>, f64, f64) {
    let process = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: a record of plain numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are live for the call, and nobody else waits for this child.
    let waited = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, process, "the child is waited for");
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    (code, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as f64 / 1_024.0)
}

fn text(services: usize, machines: usize, namespace: &str) -> String {
    let mut text = format!("node box[1..{machines}] {{\n    cpu = 64 core\n    memory = 256GiB\n}}\n");
    for number in 0..services {
        let _ = write!(
            text,
            "service s{number} {{\n    image = \"example/s{number}:1\"\n    ports = [http: 8080]\n    cpu = 1 core\n    \
             memory = 1GiB\n    replicas = 1\n}}\n"
        );
    }
    let _ = write!(
        text,
        "plan many {{\n    minimize = bill\n    target = kubernetes(namespace = \"{namespace}\")\n}}\n"
    );
    text
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn argument(name: &str, otherwise: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} takes a number")))
}

//! A fleet that a plan nearly fills: 200 machines, and 600 replicas of ten services that ask for 96 % of all cores.

use crate::control_plane::ControlPlane;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const MACHINES: usize = 200;
const REPLICAS: usize = 600;
/// Of a machine.
const CORES: u64 = 8;

/// A service of the fleet; it promises to stand on half as many machines as it has replicas.
#[derive(Clone, Debug)]
struct Service {
    /// Cores of a replica, and as many GiB.
    cores: u64,
    replicas: usize,
    priority: u32,
}

/// Services by number, in the order in which they are created.
#[derive(Clone, Debug)]
pub struct Services(Vec<(usize, Service)>);

impl Services {
    /// The ten services of a seed, in an order of its own: how many replicas each has differs, all together never.
    pub fn of(seed: u64) -> Self {
        const BASE: [(u64, usize, u32); 10] = [
            (4, 120, 100),
            (4, 50, 10),
            (3, 70, 50),
            (3, 40, 10),
            (2, 90, 100),
            (2, 70, 50),
            (2, 40, 10),
            (1, 60, 100),
            (1, 40, 50),
            (1, 20, 10),
        ];
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let mut services: Vec<(usize, Service)> = BASE
            .iter()
            .map(|(cores, replicas, priority)| Service {
                cores: *cores,
                replicas: *replicas,
                priority: *priority,
            })
            .enumerate()
            .collect();
        // Two replicas become two others that together ask for as much.
        for _ in 0..400 {
            let [a, b, c, d] = std::array::from_fn(|_| below(BASE.len()));
            let gives = |at: usize| services[at].1.replicas > 10;
            let cores = |at: usize| services[at].1.cores;
            if a != b && c != d && gives(a) && gives(b) && cores(a) + cores(b) == cores(c) + cores(d) {
                for at in [a, b] {
                    services[at].1.replicas -= 1;
                }
                for at in [c, d] {
                    services[at].1.replicas += 1;
                }
            }
        }
        for at in (1..services.len()).rev() {
            services.swap(at, below(at + 1));
        }
        Self(services)
    }

    fn program(&self) -> String {
        let mut text = format!("node n[1..{MACHINES}] {{\n    cpu = {CORES} core\n    memory = 32GiB\n}}\n");
        for (number, Service { cores, replicas, priority }) in &self.0 {
            let _ = write!(
                text,
                "\nservice s{number} {{\n    image = \"example/s{number}:1\"\n    priority = {priority}\n    \
                 cpu = {cores} core\n    memory = {cores}GiB\n    replicas = {replicas}\n    \
                 spread(node) >= {}\n}}\n",
                replicas / 2
            );
        }
        text + "\nplan fleet {\n    minimize = bill\n    target = kubernetes(namespace = \"fleet\")\n}\n\n\
                test \"a machine dies\" {\n    lose = n[1]\n\n    feasible\n}\n"
    }

    fn service(&self, number: usize) -> &Service {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, service)| service).unwrap()
    }
}

/// The control plane with the machines, and a folder for plans.
pub struct Fleet {
    plane: ControlPlane,
    folder: PathBuf,
}

impl Fleet {
    pub fn start(program: &Path) -> Self {
        let plane = ControlPlane::start(program);
        let folder = std::env::temp_dir().join(format!("berth-fleet-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let node = |number: usize| {
            json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": format!("n-{number}"), "labels": {"kubernetes.io/hostname": format!("n-{number}")}},
                "status": {"capacity": {"cpu": CORES.to_string(), "memory": "32Gi", "pods": "110"}},
            })
        };
        let fleet = Self { plane, folder };
        fleet.create("nodes.json", (1..=MACHINES).map(node).collect());
        fleet.plane.kubectl(&["create", "namespace", "fleet"]);
        fleet.plane.kubectl(&["wait", "--for=condition=Ready", "node", "--all", "--timeout=240s"]);
        fleet
    }

    fn create(&self, file: &str, items: Vec<Value>) {
        let path = self.folder.join(file);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        fs::write(&path, list.to_string()).unwrap();
        self.plane.kubectl(&["create", "-f", &path.display().to_string()]);
    }

    /// Plans the services, and lets their test of a lost machine say that it is feasible.
    pub fn plan(&self, services: &Services) {
        fs::write(self.folder.join("fleet.berth"), services.program()).unwrap();
        self.berth(&["plan", "fleet.berth", "-o", "plan.json"]);
        self.berth(&["test", "fleet.berth"]);
    }

    /// Applies the plan, waits for all replicas, and checks what was promised of them.
    pub fn apply(&self, services: &Services) {
        self.berth(&["apply", "plan.json", "--timeout", "300s"]);
        self.check(services);
    }

    /// What the command prints; it must succeed.
    #[track_caller]
    fn berth(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        let output = command.env("KUBECONFIG", self.plane.kubeconfig("admin")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "berth {}: {text}{error}", arguments.join(" "));
        text
    }

    /// By service: the machines of its replicas, an empty name for those that no machine has taken.
    fn standing(&self) -> BTreeMap<usize, Vec<String>> {
        let columns = "custom-columns=:.spec.containers[0].name,:.spec.nodeName";
        let pods = self.plane.kubectl(&["-n", "fleet", "get", "pods", "-o", columns, "--no-headers"]);
        let mut standing: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for line in pods.lines() {
            let mut words = line.split_whitespace();
            let service = words.next().and_then(|name| name.strip_prefix('s')?.parse().ok()).unwrap();
            let node = words.next().filter(|node| *node != "<none>").unwrap_or_default();
            standing.entry(service).or_default().push(node.to_owned());
        }
        standing
    }

    /// Every replica stands on a machine, no machine holds more than it has, and every service stands on as many as
    /// it promises.
    fn check(&self, services: &Services) {
        let standing = self.standing();
        let mut used: BTreeMap<&str, u64> = BTreeMap::new();
        for (number, Service { cores, replicas, .. }) in &services.0 {
            let on = &standing[number];
            assert_eq!(on.len(), *replicas, "replicas of s{number}");
            assert!(on.iter().all(|node| !node.is_empty()), "s{number} waits: {on:?}");
            let distinct: BTreeSet<&String> = on.iter().collect();
            assert!(distinct.len() >= replicas / 2, "s{number} stands on {}", distinct.len());
            for node in on {
                *used.entry(node).or_default() += cores;
            }
        }
        assert!(used.values().all(|cores| *cores <= CORES), "{used:?}");
        assert_eq!(standing.values().flatten().count(), REPLICAS);
    }

    /// The fullest machine dies: what stood there is gone, and lands again without anybody's help.
    pub fn kill_a_machine(&self, services: &Services) {
        let mut used: BTreeMap<String, u64> = BTreeMap::new();
        for (number, on) in self.standing() {
            for node in on {
                *used.entry(node).or_default() += services.service(number).cores;
            }
        }
        let dead = used.into_iter().max_by_key(|(_, cores)| *cores).map(|(node, _)| node).unwrap();
        self.plane.kubectl(&["annotate", "node", &dead, "test.berth/node=dead"]);
        let node = format!("node/{dead}");
        self.plane.kubectl(&["wait", "--for=condition=Ready=Unknown", &node, "--timeout=60s"]);
        let stood = format!("--field-selector=spec.nodeName={dead}");
        let gone = ["-n", "fleet", "delete", "pods", &stood, "--force", "--grace-period=0"];
        self.plane.kubectl(&gone);
        self.until("the replicas of a dead machine land again", || {
            let standing = self.standing();
            let mut all = standing.values().flatten();
            all.clone().count() == REPLICAS && all.all(|node| !node.is_empty() && *node != dead)
        });
        self.check(services);
        self.plane.kubectl(&["annotate", "node", &dead, "test.berth/node-"]);
        self.plane.kubectl(&["wait", "--for=condition=Ready", &node, "--timeout=60s"]);
    }

    /// By priority: replicas that find no machine where nothing is said of them but what they ask for and their priority.
    /// The objects are those of the plan, created in their order, without what says where replicas may land.
    pub fn left_pending_without_pins(&self, services: &Services) -> BTreeMap<u32, usize> {
        let plan: Value =
            serde_json::from_str(&fs::read_to_string(self.folder.join("plan.json")).unwrap()).unwrap();
        let mut objects: Vec<Value> =
            plan["objects"].as_array().unwrap().iter().map(|object| object["manifest"].clone()).collect();
        for object in &mut objects {
            if let Some(pod) = object.pointer_mut("/spec/template/spec").and_then(Value::as_object_mut) {
                pod.remove("affinity");
                pod.remove("topologySpreadConstraints");
            }
        }
        self.create("plain.json", objects);
        let (mut last, mut since) = ((0, 0), Instant::now());
        self.until("the scheduler comes to an end", || {
            let standing = self.standing();
            let all = standing.values().flatten();
            let now = (all.clone().count(), all.filter(|node| node.is_empty()).count());
            if now != last {
                (last, since) = (now, Instant::now());
            }
            now.0 == REPLICAS && since.elapsed() > Duration::from_secs(10)
        });
        let mut pending: BTreeMap<u32, usize> = BTreeMap::new();
        for (number, on) in self.standing() {
            let waiting = on.iter().filter(|node| node.is_empty()).count();
            *pending.entry(services.service(number).priority).or_default() += waiting;
        }
        let path = self.folder.join("plain.json").display().to_string();
        self.plane.kubectl(&["delete", "--wait=false", "-f", &path]);
        self.until("nothing runs", || self.standing().is_empty());
        pending
    }

    /// Nothing of the plan is there any more.
    pub fn clear(&self) {
        self.berth(&["destroy", "plan.json"]);
        self.until("nothing runs", || self.standing().is_empty());
    }

    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < Duration::from_secs(240), "not in time: {what}");
            thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

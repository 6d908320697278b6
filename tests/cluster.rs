//! Sessions and laws against a real control plane. The documents of `tests/cluster` follow the rules of
//! `tests/cli`, with `kubectl` beside `berth`, and these differences: every document has a control plane of its own,
//! with nothing in it, which its tests share and use one after another; `KUBECONFIG` names its administrator,
//! `$VIEWER` and `$STRANGER` hold the kubeconfigs of users without rights, until a test grants some; `$JOBSET` holds the
//! definition of that kind, which is in no cluster by itself.
//!
//! Where the control plane cannot be built these tests are skipped, and say so.

#[path = "support/control_plane.rs"]
mod control_plane;
#[path = "cluster/fleet.rs"]
mod fleet;
#[path = "support/sessions.rs"]
mod sessions;

use control_plane::ControlPlane;
use sessions::{Surroundings, markdown, root, run};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The program of the control plane; where there is none, `test` counts as skipped.
fn program(test: &str) -> Option<PathBuf> {
    match ControlPlane::program() {
        Ok(program) => Some(program),
        Err(because) => {
            skipped(test, &because);
            None
        }
    }
}

fn skipped(test: &str, because: &str) {
    // The stream itself: what goes through the test runner's is swallowed where a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED cluster::{test}: {because}");
}

#[test]
fn sessions_against_a_control_plane() {
    let Some(program) = program("sessions_against_a_control_plane") else { return };
    let definition = match ControlPlane::definition() {
        Ok(definition) => definition,
        Err(because) => return skipped("sessions_against_a_control_plane", &because),
    };
    // They wait more than they compute.
    thread::scope(|scope| {
        for document in markdown(&root().join("tests/cluster")) {
            scope.spawn(|| perform(&program, &definition, document));
        }
    });
}

/// One document on a control plane of its own.
fn perform(program: &Path, definition: &Path, document: PathBuf) {
    let plane = ControlPlane::start(program);
    let kubeconfig = |user: &str| plane.kubeconfig(user).display().to_string();
    let surroundings = Surroundings {
        programs: vec![("kubectl", program.to_owned()), ("control-plane", program.to_owned())],
        variables: vec![
            ("KUBECONFIG", kubeconfig("admin")),
            ("VIEWER", kubeconfig("viewer")),
            ("STRANGER", kubeconfig("stranger")),
            ("JOBSET", definition.display().to_string()),
        ],
        names: vec![(plane.server.clone(), "SERVER")],
        shared: true,
    };
    run(&[document], &surroundings);
}

/// An apply is killed at every request it makes, before the server has seen the request or after. What is there then
/// is no secret: the next apply does the rest, nothing is there twice, and everything can be taken away again.
#[test]
fn an_apply_killed_at_any_request_is_finished_by_the_next() {
    const PLAN: &str = r#"
        device accelerator {
            memory = 80GB
            bandwidth = 3TB/s
            compute = [bf16: 900TFLOPS]
        }
        node box[1..2] {
            devices = 1 * accelerator
            cpu = 8 core
            memory = 32GiB
        }
        model small {
            layers = 4
            hidden = 1_024
            heads = 8
            kv_heads = 8
            feed_forward = 4_096
            vocabulary = 32_000
        }
        job learn {
            image = "example/learn:1"
            model = small
            steps = 10
            batch = 65_536 tok
        }
        service shop {
            image = "example/shop:1"
            priority = 10
            cpu = 1 core
            memory = 1GiB
            replicas = 2
            ports = [http: 8080]
        }
        service search {
            image = "example/search:1"
            cpu = 1 core
            memory = 1GiB
            serves = 60 req/s
            demand = diurnal(peak = 100 req/s, trough = 10 req/s, peak_at = 20h)
            elastic = true
            start_up = 30s
        }
        plan cut {
            minimize = bill
            target = kubernetes(namespace = "cut")
        }
    "#;
    let Some(program) = program("an_apply_killed_at_any_request_is_finished_by_the_next") else { return };
    let cut = Cut::start(&program);
    fs::write(cut.folder.join("plan.berth"), PLAN).unwrap();
    let success = |output: &Output| {
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}{error}", String::from_utf8_lossy(&output.stdout));
    };
    success(&cut.berth(&["plan", "plan.berth", "-o", "plan.json"]));

    let apply = ["apply", "plan.json", "--no-wait"];
    let whole = cut.requests(&apply, u64::MAX, false);
    let objects = cut.objects();
    assert!(whole.len() > 15, "{whole:?}");
    for kind in [
        "job.batch/learn",
        "deployment.apps/shop",
        "service/shop",
        "deployment.apps/search",
        "configmap/berth-cut",
    ] {
        assert!(objects.iter().any(|object| object == kind), "{objects:?}");
    }
    for at in 1..=whole.len() as u64 {
        // From nothing, each time.
        success(&cut.berth(&["destroy", "plan.json", "--end-job", "learn"]));
        assert_eq!(cut.objects(), Vec::<String>::new(), "before {at}");
        let seen = at % 2 == 0;
        let made = cut.requests(&apply, at, seen);
        // Which of those that go side by side come first differs.
        assert!(made.len() >= at as usize, "{made:?}");
        assert!(made.iter().all(|request| whole.contains(request)), "{made:?}, of {whole:?}");
        success(&cut.berth(&apply));
        assert_eq!(cut.objects(), objects, "after {made:?}");
        success(&cut.berth(&["diff", "plan.json"]));
    }

    // A job that begins anew is taken away first: it is never lost in between, nor begun with what it had.
    let image = || {
        let image = "jsonpath={.spec.template.spec.containers[0].image}";
        cut.plane.kubectl(&["get", "job", "learn", "-n", "cut", "-o", image])
    };
    let anew = ["apply", "anew.json", "--end-job", "learn", "--no-wait"];
    fs::write(cut.folder.join("anew.berth"), PLAN.replace("learn:1", "learn:2")).unwrap();
    success(&cut.berth(&["plan", "anew.berth", "-o", "anew.json"]));
    let whole = cut.requests(&anew, u64::MAX, false);
    assert_eq!(image(), "example/learn:2");
    assert!(whole.iter().any(|request| request.starts_with("DELETE") && request.contains("/jobs/learn")));
    for at in 1..=whole.len() as u64 {
        success(&cut.berth(&["apply", "plan.json", "--end-job", "learn", "--no-wait"]));
        assert_eq!(image(), "example/learn:1", "before {at}");
        let made = cut.requests(&anew, at, at % 2 == 0);
        success(&cut.berth(&anew));
        assert_eq!(cut.objects(), objects, "after {made:?}");
        assert_eq!(image(), "example/learn:2", "after {made:?}");
    }
}

/// 200 machines and 600 replicas that nearly fill them: the scheduler binds every replica of a plan, in whatever order
/// services are created, and everything that was promised holds; those of a machine that dies land again. Without what
/// the plan says of where replicas may land, the same scheduler leaves some out. How many fleets, each with an order of its
/// own, `BERTH_ORDERS` says, and the first `BERTH_FIRST_ORDER`.
#[test]
fn the_scheduler_binds_every_replica_of_a_plan_that_nearly_fills_its_machines() {
    let name = "the_scheduler_binds_every_replica_of_a_plan_that_nearly_fills_its_machines";
    let Some(program) = program(name) else { return };
    let number = |variable| std::env::var(variable).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("BERTH_FIRST_ORDER").unwrap_or(1);
    let fleet = fleet::Fleet::start(&program);
    println!("order   bound   time  of a dead machine   without pins, left pending by priority");
    for seed in first..first + number("BERTH_ORDERS").unwrap_or(1).max(1) {
        let services = fleet::Services::of(seed);
        fleet.plan(&services);
        let pending = fleet.left_pending_without_pins(&services);
        let started = Instant::now();
        fleet.apply(&services);
        let spent = started.elapsed().as_secs_f64();
        fleet.kill_a_machine(&services);
        fleet.clear();
        let pending: Vec<String> =
            pending.iter().rev().map(|(priority, count)| format!("{priority}: {count}")).collect();
        println!("{seed:5}     600 {spent:4.0} s       landed again   {}", pending.join(", "));
    }
}

/// A control plane, and a way to it on which requests are counted and can get lost.
struct Cut {
    plane: ControlPlane,
    folder: PathBuf,
}

impl Cut {
    fn start(program: &Path) -> Self {
        let plane = ControlPlane::start(program);
        let folder = std::env::temp_dir().join(format!("berth-cut-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        plane.kubectl(&["create", "namespace", "cut"]);
        // What the cluster puts into every namespace by itself.
        let cut = Self { plane, folder };
        let started = Instant::now();
        while !cut.all().iter().any(|object| object.contains("kube-root-ca")) {
            assert!(started.elapsed() < Duration::from_secs(60), "the controllers do not act");
            thread::sleep(Duration::from_millis(100));
        }
        cut
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.env("KUBECONFIG", self.plane.kubeconfig("admin"));
        command
    }

    fn berth(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Objects that an apply creates, and those of controllers that they bring along left out.
    fn objects(&self) -> Vec<String> {
        self.all().into_iter().filter(|object| !object.contains("kube-root-ca")).collect()
    }

    fn all(&self) -> Vec<String> {
        let kinds = "configmap,service,job,deployment,statefulset,poddisruptionbudget,hpa,lease";
        let mut found = self.plane.kubectl(&["get", kinds, "-n", "cut", "-o", "name"]);
        let ours = "app.kubernetes.io/instance=cut";
        found += &self.plane.kubectl(&["get", "priorityclass", "-l", ours, "-o", "name"]);
        found.lines().map(str::to_owned).collect()
    }

    /// The requests of an apply, as `arguments` say, that is killed when the request numbered `at` is on its way; `seen` by
    /// the server, or not.
    fn requests(&self, arguments: &[&str], at: u64, seen: bool) -> Vec<String> {
        let (config, log) = (self.folder.join("config"), self.folder.join("log"));
        let _ = fs::remove_file(&config);
        let _ = fs::remove_file(&log);
        let at_text = at.min(1 << 40).to_string();
        let mut proxy = self.plane.command("proxy");
        proxy.arg("--kubeconfig").arg(self.plane.kubeconfig("admin"));
        proxy.arg("--write-kubeconfig").arg(&config).arg("--log").arg(&log);
        proxy.args(["--hold", "--from", &at_text]).args(seen.then_some("--afterwards"));
        let mut proxy = proxy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.until(&mut proxy, || fs::metadata(&config).is_ok_and(|file| file.len() > 0));
        let mut apply = self.command(arguments);
        apply.env("KUBECONFIG", &config).stdout(Stdio::null()).stderr(Stdio::null());
        let mut apply = apply.spawn().unwrap();
        let lines = || fs::read_to_string(&log).unwrap_or_default().lines().count() as u64;
        let started = Instant::now();
        while lines() < at && apply.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(60), "an apply hangs before request {at}");
            thread::sleep(Duration::from_millis(5));
        }
        let _ = apply.kill();
        apply.wait().unwrap();
        proxy.kill().unwrap();
        proxy.wait().unwrap();
        let text = fs::read_to_string(&log).unwrap();
        let request = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        text.lines().map(request).collect()
    }

    fn until(&self, process: &mut Child, holds: impl Fn() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(process.try_wait().unwrap().is_none(), "the proxy ended");
            assert!(started.elapsed() < Duration::from_secs(60), "the proxy does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

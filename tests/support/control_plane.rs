//! A real control plane on the loopback: etcd, the API server, scheduler and controllers of Kubernetes, and a
//! stand-in for the kubelet of every node. It is started for a test and gone when the test ends.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long the API server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(120);

/// A control plane that runs.
pub struct ControlPlane {
    /// The program that all parts are in.
    program: PathBuf,
    /// Where it keeps everything.
    folder: PathBuf,
    /// Ended in this order.
    parts: Vec<Child>,
    /// `https://127.0.0.1:…`
    pub server: String,
}

impl ControlPlane {
    /// The program, built where it is not there yet; or why it cannot be had.
    pub fn program() -> Result<PathBuf, String> {
        Self::answer("control-plane", &[])
    }

    /// `kubectl` by itself, likewise.
    pub fn kubectl_alone() -> Result<PathBuf, String> {
        Self::answer("control-plane", &["kubectl"])
    }

    /// The definition of the one kind that is written and is not Kubernetes' own; or why it cannot be had.
    pub fn definition() -> Result<PathBuf, String> {
        Self::answer("crds", &[])
    }

    /// The file that a script names.
    fn answer(script: &str, arguments: &[&str]) -> Result<PathBuf, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci").join(script);
        let output = Command::new(script).args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        let last =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().last().unwrap_or_default().to_owned();
        match output.status.code() {
            Some(0) => Ok(PathBuf::from(last(&output.stdout))),
            Some(3) => Err(last(&output.stderr)),
            _ => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// Starts one, with nothing in it.
    pub fn start(program: &Path) -> Self {
        Self::start_with(program, &["--enable-priority-and-fairness=false"])
    }

    /// The same, with more arguments for the API server.
    pub fn start_with(program: &Path, arguments: &[&str]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("berth-cluster-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [store, peers, api] = free_ports();
        let server = format!("https://127.0.0.1:{api}");
        let mut plane = Self { program: program.to_owned(), folder, parts: Vec::new(), server };
        let users = ["admin=system:masters", "parts=system:masters", "viewer", "stranger"];
        let folder = plane.folder.display().to_string();
        let made = Command::new(program)
            .args(["credentials", "--folder", &folder, "--server", &plane.server])
            .args(users)
            .status();
        assert!(made.unwrap().success());
        plane.run(
            "etcd",
            &[
                format!("--data-dir={folder}/etcd"),
                format!("--listen-client=http://127.0.0.1:{store}"),
                format!("--listen-peer=http://127.0.0.1:{peers}"),
            ],
        );
        let mut served = arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
        served.extend([
            format!("--etcd-servers=http://127.0.0.1:{store}"),
            format!("--secure-port={api}"),
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=127.0.0.1".into(),
            "--endpoint-reconciler-type=none".into(),
            format!("--cert-dir={folder}/certificates"),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={folder}/service-accounts.key"),
            format!("--service-account-signing-key-file={folder}/service-accounts.key"),
            format!("--token-auth-file={folder}/tokens.csv"),
            "--authorization-mode=RBAC".into(),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            // Pods need no identity here.
            "--disable-admission-plugins=ServiceAccount".into(),
            "--profiling=false".into(),
        ]);
        plane.run("kube-apiserver", &served);
        plane.until_ready();
        let kubeconfig = format!("--kubeconfig={folder}/parts.kubeconfig");
        let alone = ["--leader-elect=false".into(), "--secure-port=0".into(), kubeconfig.clone()];
        let key = format!("--service-account-private-key-file={folder}/service-accounts.key");
        // Tests wait for what the parts do; by default they ask the API server 20 times a second at most.
        let quick = ["--kube-api-qps=500".into(), "--kube-api-burst=1000".into()];
        // And to see an autoscaler act nobody waits for five minutes.
        let scaling = [
            "--horizontal-pod-autoscaler-sync-period=1s".into(),
            "--horizontal-pod-autoscaler-downscale-stabilization=2s".into(),
        ];
        plane.run("kube-controller-manager", &[&alone[..], &quick, &scaling, &[key]].concat());
        plane.run("kube-scheduler", &[&alone[..], &quick].concat());
        plane.run("kubelet", &[kubeconfig]);
        plane
    }

    /// How `user` reaches it.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.kubeconfig"))
    }

    /// What `kubectl` answers as the administrator; it must succeed.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.command("kubectl").args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {}: {error}", arguments.join(" "));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A part of the program, not yet run, with the administrator's kubeconfig.
    pub fn command(&self, part: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(part).env("KUBECONFIG", self.kubeconfig("admin")).stdin(Stdio::null());
        command
    }

    fn run(&mut self, part: &str, arguments: &[String]) {
        let log = fs::File::create(self.folder.join(format!("{part}.log"))).unwrap();
        let child = Command::new(&self.program)
            .arg(part)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.parts.push(child);
    }

    fn until_ready(&mut self) {
        let started = Instant::now();
        loop {
            let asked = self.command("kubectl").args(["get", "--raw", "/readyz"]).output().unwrap();
            if asked.status.success() {
                return;
            }
            let ended = self.parts.iter_mut().any(|part| part.try_wait().unwrap().is_some());
            if ended || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("kube-apiserver.log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(20).collect();
                panic!("the API server does not answer; last it said, newest first:\n{}", last.join("\n"));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The store last: what still runs asks it.
        for part in self.parts.iter_mut().rev() {
            let _ = part.kill();
            let _ = part.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ports that nobody listens on. Connections out take theirs from 32768 on, on the systems that this runs on, so none of
/// these is gone when it is used; and each is handed out once.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    const FIRST: u32 = 12_000;
    const MANY: u32 = 20_000;
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    std::array::from_fn(|_| {
        // Two runs at a time begin apart.
        let begin = std::process::id().wrapping_mul(97);
        let mut ports = (0..MANY).map(|_| {
            let next = begin.wrapping_add(HANDED_OUT.fetch_add(1, Ordering::SeqCst));
            u16::try_from(FIRST + next % MANY).unwrap()
        });
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        ports.find(is_free).expect("one of these ports is free")
    })
}

//! Where a plan is applied, and what a target writes for a service beyond the decisions.

use super::Fact;
use crate::quantity::Quantity;

/// `target = kubernetes(context = "prod", namespace = "shop")`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A Kubernetes cluster.
    Kubernetes(Cluster),
}

/// A Kubernetes cluster, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The context of the kubeconfig; none: its current one.
    pub context: Option<String>,
    /// Where everything is created.
    pub namespace: String,
    /// How tightly replicas are held to the machines that were planned for them.
    pub pin: Pin,
}

/// How tightly replicas are held to machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// To machines that are like those of the plan.
    Class,
    /// To the machines of the plan.
    Node,
}

impl Pin {
    /// As a plan file writes it.
    pub fn name(self) -> &'static str {
        match self {
            Pin::Class => "class",
            Pin::Node => "node",
        }
    }
}

/// How a container is run, by the names that Kubernetes gives these things. No decision depends on it.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// Instead of the image's entry point.
    pub command: Option<Fact<Vec<String>>>,
    /// Instead of the image's arguments.
    pub args: Option<Fact<Vec<String>>>,
    /// Ports it listens on.
    pub ports: Option<Fact<Vec<Port>>>,
    /// Environment variables.
    pub env: Option<Fact<Vec<Variable>>>,
    /// What is mounted into it.
    pub volumes: Option<Fact<Vec<Volume>>>,
    /// When it takes requests.
    pub readiness_probe: Option<Fact<Probe>>,
    /// When it is started anew.
    pub liveness_probe: Option<Fact<Probe>>,
    /// Until when the others wait.
    pub startup_probe: Option<Fact<Probe>>,
    /// `Always`, `IfNotPresent`, `Never`
    pub image_pull_policy: Option<Fact<String>>,
    /// Secrets, by name, with which the image is fetched.
    pub image_pull_secrets: Option<Fact<Vec<String>>>,
    /// Whose rights it has.
    pub service_account_name: Option<Fact<String>>,
    /// Seconds it has to end.
    pub termination_grace_period: Option<Fact<Quantity>>,
}

/// A port that a container listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `http`
    pub name: String,
    /// From 1 to 65535.
    pub number: u16,
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `LOG_LEVEL`
    pub name: String,
    /// What it holds.
    pub value: VariableValue,
}

/// What an environment variable holds. A secret is never here, only where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableValue {
    /// A text.
    Text(String),
    /// A key of a Secret.
    SecretKeyRef(KeyRef),
    /// A key of a ConfigMap.
    ConfigMapKeyRef(KeyRef),
}

/// A key of a Secret or ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRef {
    /// Of the object.
    pub name: String,
    /// In it.
    pub key: String,
}

/// Something mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Within the pod.
    pub name: String,
    /// What and where.
    pub mounted: Mounted,
}

/// What is mounted, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// What.
    pub source: VolumeSource,
    /// Where in the container.
    pub mount_path: String,
    /// The container cannot write to it.
    pub read_only: bool,
}

/// What a volume is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A claim that exists.
    PersistentVolumeClaim {
        /// Its name.
        claim_name: String,
    },
    /// A claim of each replica's own, which stays when the replica goes.
    VolumeClaimTemplate {
        /// Bytes.
        storage: Quantity,
        /// The class; none: the cluster's default.
        storage_class_name: Option<String>,
    },
    /// The keys of a ConfigMap as files.
    ConfigMap {
        /// Its name.
        name: String,
    },
    /// The keys of a Secret as files.
    Secret {
        /// Its name.
        secret_name: String,
    },
    /// A folder that lives as long as the pod.
    EmptyDir {
        /// Bytes at most.
        size_limit: Option<Quantity>,
    },
}

/// How the state of a container is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub action: ProbeAction,
    /// Seconds before the first question.
    pub initial_delay: Option<Quantity>,
    /// Seconds between two.
    pub period: Option<Quantity>,
    /// Seconds until an answer is too late.
    pub timeout: Option<Quantity>,
    /// Failures in a row that count.
    pub failure_threshold: Option<u32>,
    /// Successes in a row that count.
    pub success_threshold: Option<u32>,
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAction {
    /// An HTTP request that is answered with 200 to 399.
    HttpGet {
        /// Of the request.
        path: String,
        /// Where to.
        port: PortRef,
    },
    /// A connection that is taken.
    TcpSocket {
        /// Where to.
        port: PortRef,
    },
    /// The health service of gRPC.
    Grpc {
        /// Where to.
        port: u16,
    },
    /// A command that ends with 0.
    Exec {
        /// The command and its arguments.
        command: Vec<String>,
    },
}

/// A port by its name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    /// One of `ports`.
    Name(String),
    /// From 1 to 65535.
    Number(u16),
}

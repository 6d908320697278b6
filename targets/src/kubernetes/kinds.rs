//! The kinds this program writes. Each is validated by a real API server in the tests; no other is written.

use serde_json::Value;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Empty for the core group.
    pub group: &'static str,
    /// `v1`
    pub version: &'static str,
    /// `Deployment`
    pub name: &'static str,
    /// `deployments`, as in addresses.
    pub plural: &'static str,
    /// It lies in a namespace.
    pub namespaced: bool,
    /// What happens to it happens to data: it is deleted only by name.
    pub guards_data: bool,
    /// Its pods end, and what they run is not changed once they are begun.
    pub ends: bool,
}

const fn kind(group: &'static str, name: &'static str, plural: &'static str, namespaced: bool) -> Kind {
    Kind { group, version: "v1", name, plural, namespaced, guards_data: false, ends: false }
}

/// Every kind that is written.
pub static KINDS: [Kind; 8] = [
    kind("scheduling.k8s.io", "PriorityClass", "priorityclasses", false),
    kind("", "Service", "services", true),
    kind("apps", "Deployment", "deployments", true),
    Kind { guards_data: true, ..kind("apps", "StatefulSet", "statefulsets", true) },
    JOB,
    JOB_SET,
    kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", true),
    AUTOSCALER,
];

/// Pods that end.
pub const JOB: Kind = Kind { ends: true, ..kind("batch", "Job", "jobs", true) };

/// Jobs that begin together and know each other.
pub const JOB_SET: Kind =
    Kind { version: "v1alpha2", ends: true, ..kind("jobset.x-k8s.io", "JobSet", "jobsets", true) };

/// On each pod of a JobSet: whose it is.
pub const JOB_SET_NAME: &str = "jobset.sigs.k8s.io/jobset-name";

/// What decides how many replicas a workload has, within bounds.
pub const AUTOSCALER: Kind = Kind {
    version: "v2",
    ..kind("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true)
};

/// The parent of everything that one plan owns.
pub static CONFIG_MAP: Kind = kind("", "ConfigMap", "configmaps", true);
/// Who applies right now.
pub static LEASE: Kind = kind("coordination.k8s.io", "Lease", "leases", true);
/// What runs.
pub static POD: Kind = kind("", "Pod", "pods", true);
/// Where it runs.
pub static NODE: Kind = kind("", "Node", "nodes", false);
/// Devices of nodes, by name.
pub static RESOURCE_SLICE: Kind = kind("resource.k8s.io", "ResourceSlice", "resourceslices", false);
/// Who has been given some.
pub static RESOURCE_CLAIM: Kind = kind("resource.k8s.io", "ResourceClaim", "resourceclaims", true);
/// What everything lies in.
pub static NAMESPACE: Kind = kind("", "Namespace", "namespaces", false);

impl Kind {
    /// Its objects run pods made from a template.
    pub fn has_pods(&self) -> bool {
        matches!(self.name, "Deployment" | "StatefulSet") || self.ends
    }

    /// `apps/v1`
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `Deployment.apps`, as an ApplySet names it.
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.name, self.group) }
    }

    /// Where its objects are asked for.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let version = self.api_version();
        if self.namespaced {
            format!("{root}/{version}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{version}/{}", self.plural)
        }
    }

    /// The kind of `manifest`, if it is one that is written.
    pub fn of(manifest: &Value) -> Option<&'static Kind> {
        let (version, name) = (manifest["apiVersion"].as_str()?, manifest["kind"].as_str()?);
        KINDS.iter().find(|kind| kind.name == name && kind.api_version() == version)
    }
}

/// Which object a manifest is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its namespace; empty where its kind has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Identity {
    /// Of `manifest`, if it is of a kind that is written and has a name.
    pub fn of(manifest: &Value) -> Option<Self> {
        let kind = Kind::of(manifest)?;
        let metadata = &manifest["metadata"];
        Some(Self {
            kind,
            namespace: metadata["namespace"].as_str().unwrap_or_default().to_owned(),
            name: metadata["name"].as_str()?.to_owned(),
        })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.kind.name, self.name)
    }
}

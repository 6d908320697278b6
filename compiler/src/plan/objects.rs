//! What a target would create.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a plan is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TargetEntry {
    /// A Kubernetes cluster.
    Kubernetes {
        /// The context of the kubeconfig; none: its current one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        context: Option<String>,
        /// Where everything is created.
        namespace: String,
    },
}

/// An object that a target creates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// The service it is for; none: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The lines that ask for it and for what is in it; the first for the whole.
    pub asked: Vec<Asked>,
    /// The object, as the target's API takes it.
    pub manifest: Value,
}

/// A line that asks for a part of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// A JSON pointer into the manifest; empty for the whole.
    pub pointer: String,
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// What stands there, or what was decided.
    pub text: String,
}

/// A service or job that the target does not get, so that the plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwritten {
    /// Its address.
    pub service: String,
    /// As the user named it.
    pub file: String,
    /// Of its head, from 1.
    pub line: usize,
    /// Why.
    pub because: String,
}

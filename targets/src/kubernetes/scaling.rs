//! Who decides how many replicas a workload has: the plan, or an autoscaler.
//!
//! Of an elastic workload the plan has no number. What was a number of the plan's is handed over before it is given up: a
//! field that nobody owns is one that the API gives its own default, 1. And the number that an autoscaler of the plan's has
//! left behind is nobody's any more, so that the plan takes it without being asked to.

use super::connection::{Application, Connection, Owned, Refusal};
use super::kinds::{AUTOSCALER, Identity};
use super::objects::COUNT_MANAGER;
use super::ownership::{Ownership, set_of};
use berth_compiler::plan::objects::ObjectEntry;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The field that says how many there are.
pub const COUNT: &str = "spec.replicas";

/// The manager whose fields its autoscalers' are: it scales by nothing else.
const CONTROLLERS: &str = "kube-controller-manager";

/// A workload: its kind and name, in the plan's namespace.
type Scaled = (String, String);

/// Workloads of a plan that autoscalers scale.
#[derive(Clone, Debug, Default)]
pub struct Scaling {
    /// The most that each has.
    most: BTreeMap<Scaled, u64>,
    /// Those that somebody else's autoscaler scales, by its name.
    rivals: BTreeMap<Scaled, String>,
}

impl Scaling {
    /// Of the plan with these objects. Where it has autoscalers, others may scale the same.
    ///
    /// # Errors
    /// Where the list is refused.
    pub fn look(
        connection: &Connection,
        ownership: &Ownership,
        objects: &[ObjectEntry],
    ) -> Result<Self, Refusal> {
        let own = objects.iter().filter(|object| object.manifest["kind"] == AUTOSCALER.name);
        let most: BTreeMap<Scaled, u64> =
            own.filter_map(|object| Some((target(&object.manifest)?, most(&object.manifest)?))).collect();
        if most.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self { most, rivals: rivals(connection, ownership)? })
    }

    /// The most replicas that a workload has, where an autoscaler of the plan's decides how many.
    pub fn most(&self, identity: &Identity) -> Option<u64> {
        self.most.get(&(identity.kind.name.to_owned(), identity.name.clone())).copied()
    }

    /// Somebody else's autoscaler of what this one is to scale.
    pub fn rival(&self, manifest: &Value) -> Option<&str> {
        if manifest["kind"] != AUTOSCALER.name {
            return None;
        }
        self.rivals.get(&target(manifest)?).map(String::as_str)
    }
}

fn target(autoscaler: &Value) -> Option<Scaled> {
    let target = &autoscaler["spec"]["scaleTargetRef"];
    Some((target["kind"].as_str()?.to_owned(), target["name"].as_str()?.to_owned()))
}

fn most(autoscaler: &Value) -> Option<u64> {
    autoscaler["spec"]["maxReplicas"].as_u64()
}

/// What autoscalers that are not of this set scale, with their names.
fn rivals(connection: &Connection, ownership: &Ownership) -> Result<BTreeMap<Scaled, String>, Refusal> {
    let all = connection.list(&AUTOSCALER, &ownership.namespace, "")?;
    let others = all.iter().filter(|object| set_of(object) != Some(&ownership.id()));
    let named = |object: &Value| Some((target(object)?, object["metadata"]["name"].as_str()?.to_owned()));
    Ok(others.filter_map(named).collect())
}

/// Whether the number of replicas of a workload is nobody's, whoever the API says owns it: it is what an autoscaler has
/// left behind, or what the plan has handed over to one.
///
/// # Errors
/// Where the list is refused.
pub fn is_left_behind(
    connection: &Connection,
    ownership: &Ownership,
    identity: &Identity,
    owned: &Owned,
) -> Result<bool, Refusal> {
    if owned.field.trim_start_matches('.') != COUNT || !identity.kind.has_pods() {
        return Ok(false);
    }
    Ok(match owned.manager.as_str() {
        COUNT_MANAGER => true,
        CONTROLLERS => {
            let workload = (identity.kind.name.to_owned(), identity.name.clone());
            !rivals(connection, ownership)?.contains_key(&workload)
        }
        _ => false,
    })
}

/// Lets the number of replicas that a workload has be owned apart from the plan, so that it stays when the plan says none.
///
/// # Errors
/// Where a request is refused.
pub fn hand_over_count(connection: &Connection, identity: &Identity, count: u64) -> Result<(), Refusal> {
    let Identity { kind, namespace, name } = identity;
    let number = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": count},
    });
    match connection.apply_as(COUNT_MANAGER, kind, &number, Application::Done, false) {
        // Somebody has said another number meanwhile: it is theirs.
        Ok(_) | Err(Refusal::Conflict(_)) => Ok(()),
        Err(other) => Err(other),
    }
}

//! Devices that pods get by claims (dynamic resource allocation) rather than by asking for so many of a resource.
//!
//! A device may be offered in both ways: to a device plugin's counter, `nvidia.com/gpu`, and by name in a ResourceSlice. It
//! is one device all the same, so a node has no more than its counter says, less what pods ask for, less what claims have
//! been given of it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whose devices are those that a plan asks for as [`NVIDIA`](super::contents::NVIDIA).
pub const DRIVER: &str = "gpu.nvidia.com";

/// Devices of nodes, counted, by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Offered by name.
    pub offered: BTreeMap<String, u64>,
    /// Of those, given to claims.
    pub given: BTreeMap<String, u64>,
}

impl Claimed {
    /// Of what slices offer and claims were given. A claim that stands for what a pod asks for of a resource is left out:
    /// that is counted with the pod.
    pub fn of(slices: &[Value], claims: &[Value], pods: &[Value]) -> Self {
        let offered = offered(slices);
        let stands_in: BTreeSet<(&str, &str)> = pods
            .iter()
            .filter_map(|pod| {
                let claim = pod["status"]["extendedResourceClaimStatus"]["resourceClaimName"].as_str()?;
                Some((pod["metadata"]["namespace"].as_str()?, claim))
            })
            .collect();
        let is_own = |claim: &&Value| {
            let metadata = &claim["metadata"];
            let name = (
                metadata["namespace"].as_str().unwrap_or_default(),
                metadata["name"].as_str().unwrap_or_default(),
            );
            !stands_in.contains(&name)
        };
        let results = claims.iter().filter(is_own).flat_map(|claim| {
            claim["status"]["allocation"]["devices"]["results"].as_array().into_iter().flatten()
        });
        // Who looks after a device does not take it; and several claims may share one.
        let taken = results.filter(|result| result["driver"] == DRIVER && result["adminAccess"] != true);
        let taken: BTreeSet<(&str, &str)> =
            taken.filter_map(|result| Some((result["pool"].as_str()?, result["device"].as_str()?))).collect();
        let mut claimed = Self::default();
        for (device, node) in offered {
            *claimed.offered.entry(node.to_owned()).or_default() += 1;
            if taken.contains(&device) {
                *claimed.given.entry(node.to_owned()).or_default() += 1;
            }
        }
        claimed
    }
}

/// Whole devices by pool and name, with the node that each is on.
fn offered(slices: &[Value]) -> BTreeMap<(&str, &str), &str> {
    let pool = |slice: &'_ Value| -> Option<(String, i64)> {
        let pool = &slice["spec"]["pool"];
        Some((pool["name"].as_str()?.to_owned(), pool["generation"].as_i64()?))
    };
    let own = || slices.iter().filter(|slice| slice["spec"]["driver"] == DRIVER);
    let mut newest: BTreeMap<String, i64> = BTreeMap::new();
    for (name, generation) in own().filter_map(pool) {
        let known = newest.entry(name).or_insert(generation);
        *known = generation.max(*known);
    }
    // What a pool had before is about to go.
    let is_newest =
        |slice: &&Value| pool(slice).is_some_and(|(name, generation)| newest.get(&name) == Some(&generation));
    let mut offered = BTreeMap::new();
    for slice in own().filter(is_newest) {
        let spec = &slice["spec"];
        let (Some(node), Some(pool)) = (spec["nodeName"].as_str(), spec["pool"]["name"].as_str()) else {
            continue;
        };
        let devices = spec["devices"].as_array().into_iter().flatten().filter(|device| is_whole(device));
        offered.extend(devices.filter_map(|device| Some(((pool, device["name"].as_str()?), node))));
    }
    offered
}

/// It is a device, and not a part of one.
fn is_whole(device: &Value) -> bool {
    let attributes = &device["attributes"];
    let kind = |name: &str| attributes[name]["string"].as_str();
    kind("type").or_else(|| kind("gpu.nvidia.com/type")).is_none_or(|kind| kind == "gpu")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(pool: &str, generation: i64, devices: &[(&str, &str)]) -> Value {
        let device =
            |(name, kind): &(&str, &str)| json!({"name": name, "attributes": {"type": {"string": kind}}});
        json!({"spec": {
            "driver": DRIVER,
            "nodeName": pool,
            "pool": {"name": pool, "generation": generation, "resourceSliceCount": 1},
            "devices": devices.iter().map(device).collect::<Vec<_>>(),
        }})
    }

    fn claim(name: &str, results: Value) -> Value {
        json!({
            "metadata": {"namespace": "a", "name": name},
            "status": {"allocation": {"devices": {"results": results}}},
        })
    }

    #[test]
    fn each_device_is_counted_once() {
        let slices = [
            slice("n1", 1, &[("gpu-9", "gpu")]),
            slice("n1", 2, &[("gpu-0", "gpu"), ("gpu-1", "gpu"), ("gpu-2", "gpu"), ("gpu-0-mig-1", "mig")]),
            slice("n2", 1, &[("gpu-0", "gpu")]),
        ];
        let given = |device: &str| json!({"driver": DRIVER, "pool": "n1", "device": device});
        let mut watched = given("gpu-2");
        watched["adminAccess"] = json!(true);
        let claims = [
            claim("one", json!([given("gpu-0"), watched])),
            claim(
                "shares",
                json!([given("gpu-0"), {"driver": "net.example.com", "pool": "n2", "device": "gpu-0"}]),
            ),
            claim("of-a-pod", json!([given("gpu-1")])),
            claim("gone", json!([given("gpu-9")])),
            json!({"metadata": {"namespace": "a", "name": "waits"}}),
        ];
        let pods = [json!({
            "metadata": {"namespace": "a", "name": "asks"},
            "status": {"extendedResourceClaimStatus": {"resourceClaimName": "of-a-pod"}},
        })];
        let claimed = Claimed::of(&slices, &claims, &pods);
        assert_eq!(claimed.offered, BTreeMap::from([("n1".into(), 3), ("n2".into(), 1)]));
        assert_eq!(claimed.given, BTreeMap::from([("n1".into(), 1)]));
        assert_eq!(Claimed::of(&slices, &claims, &[]).given, BTreeMap::from([("n1".into(), 2)]));
    }
}

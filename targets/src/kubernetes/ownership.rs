//! What belongs to a plan: an ApplySet, so that other tools see whose an object is and leave it alone, as theirs is
//! left alone here.
//!
//! The parent is a ConfigMap. It names the kinds that its members have, and is told of a kind before the first of
//! it is created and after the last is gone: whenever a run ends early, the next finds all members. The form is that
//! of Kubernetes enhancement proposal 3659.

use super::kinds::{CONFIG_MAP, KINDS, Kind};
use super::names::object_name;
use super::objects::{INSTANCE, MANAGED_BY, MANAGER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// On a member: whose it is.
pub const PART_OF: &str = "applyset.kubernetes.io/part-of";
const ID: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// On the parent: the fingerprint of the plan that was applied last.
const FINGERPRINT: &str = "berth/fingerprint";

/// The ApplySet of one plan in one namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Of the parent, and of everything.
    pub namespace: String,
    /// Of the parent.
    pub name: String,
    /// The plan's name.
    pub plan: String,
}

impl Ownership {
    /// Of the plan called `plan`.
    pub fn of(plan: &str, namespace: &str) -> Self {
        let name = format!("berth-{}", object_name(plan));
        Self { namespace: namespace.to_owned(), name, plan: plan.to_owned() }
    }

    /// The set's identity, computed from its parent alone.
    pub fn id(&self) -> String {
        let parent = format!("{}.{}.{}.{}", self.name, self.namespace, CONFIG_MAP.name, CONFIG_MAP.group);
        format!("applyset-{}-v1", base64_url(&Sha256::digest(parent)))
    }

    /// `manifest` as a member.
    pub fn member(&self, manifest: &Value) -> Value {
        let mut member = manifest.clone();
        member["metadata"]["labels"][PART_OF] = json!(self.id());
        member
    }

    /// What selects its members.
    pub fn selector(&self) -> String {
        format!("{PART_OF}={}", self.id())
    }

    /// The parent, naming `kinds`, and the plan that was applied last.
    pub fn parent(&self, kinds: &BTreeSet<String>, fingerprint: Option<&str>) -> Value {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        let mut annotations = json!({
            TOOLING: concat!("berth/v", env!("CARGO_PKG_VERSION")),
            GROUP_KINDS: kinds.join(","),
        });
        if let Some(fingerprint) = fingerprint {
            annotations[FINGERPRINT] = json!(fingerprint);
        }
        json!({
            "apiVersion": CONFIG_MAP.api_version(),
            "kind": CONFIG_MAP.name,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {ID: self.id(), MANAGED_BY: MANAGER, INSTANCE: super::names::label_value(&self.plan)},
                "annotations": annotations,
            },
        })
    }
}

/// What a parent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parent {
    /// The kinds its members may have: `Deployment.apps`.
    pub kinds: BTreeSet<String>,
    /// The plan that was applied last.
    pub fingerprint: Option<String>,
}

impl Parent {
    /// Reads one.
    pub fn read(object: &Value) -> Self {
        let annotation = |name: &str| object["metadata"]["annotations"][name].as_str();
        let kinds = annotation(GROUP_KINDS).unwrap_or_default().split(',').map(str::trim);
        let kinds = kinds.filter(|kind| !kind.is_empty()).map(str::to_owned).collect();
        Self { kinds, fingerprint: annotation(FINGERPRINT).map(str::to_owned) }
    }

    /// The kinds among those that this program writes.
    pub fn known(&self) -> impl Iterator<Item = &'static Kind> + '_ {
        KINDS.iter().filter(|kind| self.kinds.contains(&kind.group_kind()))
    }
}

/// Whose set an object is part of; none where it is in no set.
pub fn set_of(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][PART_OF].as_str()
}

/// Base 64 with the alphabet of addresses and without padding (RFC 4648, section 5).
fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let digit = (word >> (18 - 6 * place)) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64_url(bytes.as_bytes()), text);
        }
        assert_eq!(base64_url(&[0xfb, 0xff]), "-_8");
    }

    /// As `printf %s NAME.NAMESPACE.KIND.GROUP | openssl dgst -sha256 -binary | basenc --base64url` has it.
    #[test]
    fn the_identity_of_a_set_is_that_of_its_parent() {
        let ownership = Ownership::of("web", "shop");
        assert_eq!(ownership.name, "berth-web");
        assert_eq!(ownership.id(), "applyset-ZY4EXZdojpYsWG2IAHsEHxljsdzRLBNteQYcrOPkCAI-v1");
        let parent =
            ownership.parent(&BTreeSet::from(["Deployment.apps".into(), "Service".into()]), Some("abc"));
        let read = Parent::read(&parent);
        assert_eq!(read.fingerprint.as_deref(), Some("abc"));
        assert_eq!(read.known().map(|kind| kind.name).collect::<Vec<_>>(), ["Service", "Deployment"]);
        assert_eq!(
            set_of(&ownership.member(&json!({"metadata": {"name": "x"}}))),
            Some(ownership.id().as_str())
        );
    }
}

//! Addresses of a plan file as names that Kubernetes takes.

use super::items::Item;
use berth_language::model::Program;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The longest name that a label, a Service and a pod's host name take.
const LONGEST: usize = 63;
/// What is left of a workload's name once its pods and revisions have got theirs.
const LONGEST_OF_WORKLOADS: usize = 52;

/// What objects of each of `items` of `program` are called, by index: a service by the address that it had first, because
/// what is called keeps its name.
pub fn item_names(program: &Program, items: &[Item<'_>]) -> Vec<String> {
    let address = |(index, item): (usize, &Item<'_>)| match item {
        Item::Service(service) => program.plan.first_address(index, &service.name).to_owned(),
        Item::Job(job) => job.name.clone(),
    };
    let addresses: Vec<String> = items.iter().enumerate().map(address).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let names = object_names(addresses.iter().copied());
    addresses
        .iter()
        .map(|address| names.get(address).cloned().unwrap_or_else(|| object_name(address)))
        .collect()
}

/// A name for each address, no two alike. Which name one gets does not depend on the others, unless two would
/// have the same: then both carry a part of their hash.
pub fn object_names<'a>(addresses: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, String> {
    let mut by_name: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for address in addresses {
        by_name.entry(object_name(address)).or_default().push(address);
    }
    let mut names = BTreeMap::new();
    for (name, addresses) in by_name {
        match addresses.as_slice() {
            [only] => {
                names.insert(*only, name);
            }
            several => {
                names.extend(several.iter().map(|address| (*address, hashed(&name, address))));
            }
        }
    }
    names
}

/// `v3[eu]` as `v3-eu`, `chat_fleet` as `chat-fleet`.
pub fn object_name(address: &str) -> String {
    let mut name = String::new();
    for letter in address.chars() {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            'A'..='Z' => name.push(letter.to_ascii_lowercase()),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let plain = name.trim_matches('-');
    if plain.is_empty() || plain.len() > LONGEST_OF_WORKLOADS {
        return hashed(plain, address);
    }
    // A Service's name starts with a letter.
    if plain.starts_with(|first: char| first.is_ascii_digit()) {
        format!("b-{plain}")
    } else {
        plain.to_owned()
    }
}

/// `name`, cut where it must be, with a part of the hash of `address`.
fn hashed(name: &str, address: &str) -> String {
    let hash: String = Sha256::digest(address).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST_OF_WORKLOADS - hash.len() - 1;
    let cut = name.get(..name.len().min(room)).unwrap_or_default().trim_matches('-');
    let cut = if cut.starts_with(|first: char| first.is_ascii_lowercase()) { cut } else { "berth" };
    format!("{cut}-{hash}")
}

/// A text as the value of a label: what a label does not take is a `-`.
pub fn label_value(text: &str) -> String {
    let allowed =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
    let value: String = text.chars().map(allowed).take(LONGEST).collect();
    value.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_names_and_stay_apart() {
        assert_eq!(object_name("shop"), "shop");
        assert_eq!(object_name("v3[eu]"), "v3-eu");
        assert_eq!(object_name("chat_fleet"), "chat-fleet");
        assert_eq!(object_name("x[\"a.b\", 3]"), "x-a-b-3");
        let names = object_names(["v3[eu]", "v3_eu", "shop"]);
        assert_eq!(names["shop"], "shop");
        assert_ne!(names["v3[eu]"], names["v3_eu"]);
        assert!(names["v3[eu]"].starts_with("v3-eu-"));
        // Whatever the others are, the name of one without a double stays.
        assert_eq!(object_names(["v3[eu]"])["v3[eu]"], "v3-eu");
    }

    #[test]
    fn any_address_gives_a_name_that_is_taken() {
        let long = "a".repeat(300);
        for address in ["", "[]", "é", "9lives", "-", long.as_str(), "x[\"-\"]"] {
            let name = object_name(address);
            assert!((1..=LONGEST_OF_WORKLOADS).contains(&name.len()), "{name}");
            assert!(name.starts_with(|first: char| first.is_ascii_lowercase()), "{name}");
            assert!(name.ends_with(|last: char| last.is_ascii_alphanumeric()), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        }
    }
}

//! One apply at a time: a Lease beside the parent of the set.
//!
//! Whoever dies leaves it behind. The next one takes it over when it has expired, and at once where the holder was a
//! process of this machine that is gone.

use super::connection::{Connection, Refusal};
use super::kinds::LEASE;
use super::objects::{MANAGED_BY, MANAGER};
use super::ownership::Ownership;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a lease holds without renewal.
const HOLDS: i64 = 30;
/// How often it is renewed.
const RENEWED: Duration = Duration::from_secs(10);

/// The right to apply, as long as it is renewed.
pub struct Lock<'a> {
    connection: &'a Connection,
    namespace: String,
    lease: Value,
    renewed: Instant,
}

/// Why the right to apply was not had.
#[derive(Debug)]
pub enum Denied {
    /// Somebody else applies.
    Held {
        /// Who: host and process.
        by: String,
    },
    /// The request was refused.
    Refusal(Refusal),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl<'a> Lock<'a> {
    /// Whether somebody died with the lock of `ownership` and nobody has taken it since.
    ///
    /// # Errors
    /// Where the request is refused.
    pub fn is_left_behind(connection: &Connection, ownership: &Ownership) -> Result<bool, Refusal> {
        let lease = connection.get(&LEASE, &ownership.namespace, &ownership.name)?;
        Ok(lease.is_some_and(|lease| {
            is_over(&lease) || is_gone(lease["spec"]["holderIdentity"].as_str().unwrap_or_default())
        }))
    }

    /// Takes the lock of `ownership`.
    pub fn take(connection: &'a Connection, ownership: &Ownership) -> Result<Self, Denied> {
        let (name, namespace) = (&ownership.name, ownership.namespace.clone());
        let own = identity();
        let wanted = json!({
            "apiVersion": LEASE.api_version(),
            "kind": LEASE.name,
            "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}},
            "spec": spec(&own),
        });
        // Each turn somebody else was faster; whoever is, holds it.
        for _ in 0..3 {
            match connection.create(&LEASE, &namespace, &wanted) {
                Ok(lease) => return Ok(Self::held(connection, namespace, lease)),
                Err(Refusal::Raced(_)) => {}
                Err(other) => return Err(other.into()),
            }
            let Some(mut lease) = connection.get(&LEASE, &namespace, name)? else { continue };
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            // A create whose answer was lost.
            if holder == own {
                return Ok(Self::held(connection, namespace, lease));
            }
            if !is_over(&lease) && !is_gone(&holder) {
                let by = holder.split('@').next().unwrap_or_default().trim().to_owned();
                return Err(Denied::Held { by });
            }
            lease["spec"] = spec(&own);
            match connection.replace(&LEASE, &namespace, &lease) {
                Ok(lease) => return Ok(Self::held(connection, namespace, lease)),
                Err(Refusal::Raced(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Denied::Held { by: "several others".into() })
    }

    fn held(connection: &'a Connection, namespace: String, lease: Value) -> Self {
        Self { connection, namespace, lease, renewed: Instant::now() }
    }

    /// Keeps it, where that is due.
    ///
    /// # Errors
    /// Where it was lost to somebody else, or cannot be kept.
    pub fn renew(&mut self) -> Result<(), Denied> {
        if self.renewed.elapsed() < RENEWED {
            return Ok(());
        }
        let mut lease = self.lease.clone();
        lease["spec"]["renewTime"] = json!(now());
        match self.connection.replace(&LEASE, &self.namespace, &lease) {
            Ok(lease) => self.lease = lease,
            // A renewal whose answer was lost looks like somebody else's.
            Err(Refusal::Raced(_)) => {
                let name = lease["metadata"]["name"].as_str().unwrap_or_default();
                let found = self.connection.get(&LEASE, &self.namespace, name)?.unwrap_or_default();
                let holder = found["spec"]["holderIdentity"].as_str().unwrap_or("nobody").to_owned();
                if holder != identity() {
                    return Err(Denied::Held { by: holder });
                }
                self.lease = found;
            }
            Err(other) => return Err(other.into()),
        }
        self.renewed = Instant::now();
        Ok(())
    }

    /// Gives it back. One that cannot be given back expires.
    pub fn release(self) {
        let metadata = &self.lease["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default();
        let uid = metadata["uid"].as_str().unwrap_or_default();
        let _ = self.connection.delete_if_possible(&LEASE, &self.namespace, name, uid);
    }
}

fn spec(own: &str) -> Value {
    let now = now();
    json!({"holderIdentity": own, "leaseDurationSeconds": HOLDS, "acquireTime": now, "renewTime": now})
}

/// To the microsecond, as the API has it.
fn now() -> String {
    format!("{:.6}", Timestamp::now())
}

fn is_over(lease: &Value) -> bool {
    let spec = &lease["spec"];
    let renewed = spec["renewTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let holds = spec["leaseDurationSeconds"].as_i64().unwrap_or(HOLDS);
    renewed.is_none_or(|renewed| {
        renewed.checked_add(SignedDuration::from_secs(holds)).is_ok_and(|end| end < Timestamp::now())
    })
}

/// `host pid@machine`: the machine as it runs since its start, and the processes that this one sees.
fn identity() -> String {
    let host = read("/proc/sys/kernel/hostname").unwrap_or_else(|| "host".into());
    format!("{host} {}@{}", std::process::id(), machine())
}

fn machine() -> String {
    let boot = read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{boot} {}", processes.display())
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The holder was a process of this machine, and is no more.
fn is_gone(holder: &str) -> bool {
    let Some((who, on)) = holder.split_once('@') else { return false };
    let Some(process) = who.rsplit(' ').next().and_then(|process| process.parse::<u32>().ok()) else {
        return false;
    };
    let here = machine();
    // Where the machine does not tell which it is, nobody is known to be gone.
    here.len() > 8 && on == here && !Path::new(&format!("/proc/{process}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_gone_only_where_this_machine_knows() {
        assert!(!is_gone(&identity()));
        let machine = machine();
        assert!(is_gone(&format!("host {}@{machine}", u32::MAX)));
        assert!(!is_gone(&format!("host {}@another", u32::MAX)));
        assert!(!is_gone("somebody"));
        assert!(!is_gone(&format!("host x@{machine}")));
    }

    #[test]
    fn a_lease_is_over_when_its_time_is() {
        let lease = |renewed: &str| json!({"spec": {"renewTime": renewed, "leaseDurationSeconds": 30}});
        assert!(is_over(&lease("2020-01-01T00:00:00.000000Z")));
        assert!(!is_over(&lease(&now())));
        assert!(is_over(&lease("yesterday")));
    }
}

//! Which machines the replicas of a service may land on: as few words as keep what was proved.
//!
//! A plan names machines; what it proves holds for any machine that is like them in everything a proof reads. So
//! replicas are held to that class, as required node affinity, and the machines of the plan are preferred in it: the
//! scheduler still counts what fits, and replicas of a machine that dies land on another without anybody's help.
//! Where the program limits the bill, a machine that nobody uses yet would cost what was not counted, and is not
//! part of the class.

use super::contents::NVIDIA;
use super::names::object_name;
use berth_compiler::assembly::requirements;
use berth_compiler::plan::{Placement, Plan};
use berth_language::addresses::expand;
use berth_language::model::{
    Compare, Condition, Market, Node, Of, Pin, PlaceKind, Program, Requirement, Subject, Term,
};
use num_traits::{One, ToPrimitive};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The label by which the scheduler knows a machine.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Labels that tell classes of machines apart, where every machine of a class has them and no other has.
const OF_CLASSES: [&str; 2] = ["nvidia.com/gpu.product", "node.kubernetes.io/instance-type"];

/// Machines of a plan file that replicas were placed on, and those they may land on.
pub struct Landing {
    /// By index into [`Program::nodes`], ascending.
    planned: BTreeSet<usize>,
    /// The same, with those that are like them.
    allowed: BTreeSet<usize>,
}

impl Landing {
    /// Of the replicas that `placements` place.
    pub fn of(program: &Program, plan: &Plan, service: usize, placements: &[&Placement], pin: Pin) -> Self {
        let planned = nodes_of(program, placements.iter().copied());
        let used = nodes_of(program, &plan.placements);
        let allowed = match pin {
            Pin::Node => planned.clone(),
            Pin::Class => {
                let bill_is_limited = limits_bill(program);
                let places = placed(program, service);
                let like = |index: &usize| {
                    let node = &program.nodes[*index];
                    planned.iter().any(|other| is_like(node, &program.nodes[*other]))
                        && (used.contains(index) || !bill_is_limited || !is_paid_in_use(node))
                        && places.as_ref().is_none_or(|places| places.contains(index))
                        && !program.drained.contains(index)
                };
                (0..program.nodes.len()).filter(like).collect()
            }
        };
        Self { planned, allowed }
    }

    /// Some machine is allowed to more than one of them.
    pub fn overlap(all: &[Landing]) -> bool {
        let together: BTreeSet<usize> = all.iter().flat_map(|landing| &landing.allowed).copied().collect();
        together.len() < all.iter().map(|landing| landing.allowed.len()).sum()
    }

    /// Machines of the plan, counted.
    pub fn machines(&self) -> u64 {
        self.planned.len() as u64
    }

    /// As a pod's affinity.
    pub fn affinity(&self, program: &Program) -> Value {
        let mut affinity = json!({
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [self.class(program)]}],
            },
        });
        if self.planned != self.allowed {
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = json!([{
                "weight": 100,
                "preference": {"matchExpressions": [hostnames(program, &self.planned)]},
            }]);
        }
        json!({"nodeAffinity": affinity})
    }

    /// What is required of a machine: a label that its class alone has, else its name.
    fn class(&self, program: &Program) -> Value {
        for key in OF_CLASSES {
            let value = |index: usize| label(&program.nodes[index], key);
            let values: BTreeSet<Option<&str>> = self.allowed.iter().map(|index| value(*index)).collect();
            let others = (0..program.nodes.len()).filter(|index| !self.allowed.contains(index));
            let others: BTreeSet<Option<&str>> = others.map(value).collect();
            if let Some(Some(only)) = values.first()
                && values.len() == 1
                && !others.contains(&Some(*only))
            {
                return json!({"key": key, "operator": "In", "values": [only]});
            }
        }
        hostnames(program, &self.allowed)
    }

    /// The machines of the plan, for people.
    pub fn planned_names(&self, program: &Program) -> Vec<String> {
        let names = self.planned.iter().map(|index| program.nodes[*index].name.as_str());
        berth_language::addresses::compress(names)
    }
}

fn hostnames(program: &Program, nodes: &BTreeSet<usize>) -> Value {
    let names: Vec<String> = nodes.iter().map(|index| hostname(&program.nodes[*index])).collect();
    json!({"key": HOSTNAME, "operator": "In", "values": names})
}

/// The names under which the machines of placements hand out their devices.
pub fn device_resources<'a>(program: &'a Program, placements: &[&Placement]) -> BTreeSet<&'a str> {
    let nodes = nodes_of(program, placements.iter().copied());
    let classes = nodes.iter().filter_map(|index| program.nodes[*index].devices.as_ref());
    let devices = classes.filter_map(|devices| program.devices.get(devices.value.0));
    devices
        .map(|device| device.resource.as_ref().map_or(NVIDIA, |resource| resource.value.as_str()))
        .collect()
}

/// Bytes of one device of the machines of placements, of the smallest.
pub fn least_device_memory(program: &Program, placements: &[&Placement]) -> Option<f64> {
    let nodes = nodes_of(program, placements.iter().copied());
    let classes = nodes.iter().filter_map(|index| program.nodes[*index].devices.as_ref());
    let devices = classes.filter_map(|devices| program.devices.get(devices.value.0));
    devices.filter_map(|device| device.memory.as_ref()?.value.value.to_f64()).reduce(f64::min)
}

/// The name of a machine in the cluster: its label, else its address by the rules of names.
pub fn hostname(node: &Node) -> String {
    label(node, HOSTNAME).map_or_else(|| object_name(&node.name), str::to_owned)
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let labels = &node.labels.as_ref()?.value;
    labels.iter().find(|label| label.name == key)?.value.as_deref()
}

/// The machines that placements name, by index.
fn nodes_of<'a>(program: &Program, placements: impl IntoIterator<Item = &'a Placement>) -> BTreeSet<usize> {
    let names: BTreeSet<String> = placements
        .into_iter()
        .flat_map(|placement| &placement.nodes)
        .flat_map(|address| expand(address, program.nodes.len()).unwrap_or_default())
        .collect();
    (0..program.nodes.len()).filter(|index| names.contains(&program.nodes[*index].name)).collect()
}

/// The nodes that somebody means by an address, by the name that the cluster gives one, or by a label, `key` or
/// `key=value`: by index.
pub fn meant(program: &Program, text: &str) -> Vec<usize> {
    let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
    let is_labelled = |node: &Node| {
        let labels = node.labels.iter().flat_map(|labels| &labels.value);
        labels
            .clone()
            .any(|label| label.name == key && value.is_none_or(|v| label.value.as_deref() == Some(v)))
    };
    let is_meant = |node: &Node| node.name == text || hostname(node) == text || is_labelled(node);
    (0..program.nodes.len()).filter(|index| is_meant(&program.nodes[*index])).collect()
}

/// Nothing that a proof reads tells the two apart. Names and labels do, and prove nothing.
fn is_like(left: &Node, right: &Node) -> bool {
    let Node {
        name: _,
        span: _,
        place,
        devices,
        fabric,
        network,
        cpu,
        memory,
        overhead,
        price,
        market,
        failures,
        repair,
        disk,
        labels: _,
        taints,
        trust,
        zone,
        residency,
        interruption,
        notice,
        energy_price,
    } = left;
    macro_rules! same {
        ($($field:ident),*) => {
            $($field.as_ref().map(|fact| &fact.value) == right.$field.as_ref().map(|fact| &fact.value))&&*
        };
    }
    *place == right.place
        && *market == right.market
        && same!(devices, fabric, network, cpu, memory, overhead, price, failures, repair, disk, zone)
        && same!(residency, interruption, notice)
        && same_texts(taints, &right.taints)
        && same_texts(trust, &right.trust)
        && energy_price.as_ref().map(|fact| &fact.value.values)
            == right.energy_price.as_ref().map(|fact| &fact.value.values)
}

type Labels = Option<berth_language::model::Fact<Vec<berth_language::model::Label>>>;

fn same_texts(left: &Labels, right: &Labels) -> bool {
    let texts = |labels: &Labels| -> BTreeSet<(String, Option<String>)> {
        let labels = labels.iter().flat_map(|labels| &labels.value);
        labels.map(|label| (label.name.clone(), label.value.clone())).collect()
    };
    texts(left) == texts(right)
}

/// Reserved machines are paid whether anybody uses them or not; of all others the bill counts those in use.
fn is_paid_in_use(node: &Node) -> bool {
    node.market != Market::Reserved && node.price.is_some()
}

/// Some line limits money.
fn limits_bill(program: &Program) -> bool {
    requirements(program).any(|line| speaks_of(&line.condition, &|subject| *subject == Subject::Bill))
}

/// The machines that lines hold a service to, if any does.
fn placed(program: &Program, service: usize) -> Option<BTreeSet<usize>> {
    let lines = requirements(program).filter_map(|line| match line.judged()? {
        Condition::Placed { service: of, nodes } if *of == service => Some(nodes),
        _ => None,
    });
    lines.map(|nodes| nodes.iter().copied().collect()).reduce(|left: BTreeSet<usize>, right| &left & &right)
}

/// Some line speaks of how many replicas of `service` stand on some machines: then where each stands is part of
/// the proof.
pub fn counts_by_machine(program: &Program, service: usize) -> bool {
    let counts =
        |subject: &Subject| matches!(subject, Subject::ReplicasOn { service: of, .. } if *of == service);
    requirements(program).any(|line| speaks_of(&line.condition, &counts))
}

fn speaks_of(condition: &Condition, wanted: &dyn Fn(&Subject) -> bool) -> bool {
    match condition {
        Condition::Compare { terms, .. } | Condition::Listed { terms, .. } => {
            terms.iter().any(|term| wanted(&term.subject))
        }
        Condition::Chosen { subject, .. } => wanted(subject),
        Condition::All(conditions) | Condition::Any(conditions) => {
            conditions.iter().any(|condition| speaks_of(condition, wanted))
        }
        Condition::Not(condition) => speaks_of(condition, wanted),
        Condition::Placed { .. } | Condition::NotYet { .. } => false,
    }
}

/// How many distinct machines the lines ask for, and the line that asks for the most.
pub fn spread(program: &Program, service: usize) -> Option<(u64, &Requirement)> {
    let lines = requirements(program).filter_map(|line| {
        let Condition::Compare { terms, compare, limit, .. } = line.judged()? else { return None };
        let [Term { coefficient, subject: Subject::Spread { of: Of::Service(of), place: PlaceKind::Node } }] =
            terms.as_slice()
        else {
            return None;
        };
        if *of != service || !coefficient.is_one() {
            return None;
        }
        let least = match compare {
            Compare::AtLeast | Compare::Equal => limit.value.ceil(),
            Compare::Above => limit.value.floor() + num_rational::BigRational::one(),
            Compare::AtMost | Compare::Below | Compare::Unequal => return None,
        };
        Some((least.to_integer().to_u64()?, line))
    });
    lines.max_by_key(|(least, _)| *least)
}

/// The weakest constraint under which `replicas` stand on `distinct` machines at least: as long as a machine that is
/// allowed has none, no other has more than this many ahead of it. Were all on fewer machines, they could not all
/// be placed.
pub fn widest_skew(replicas: u64, distinct: u64) -> Option<u64> {
    let others = distinct.checked_sub(1).filter(|others| *others > 0)?;
    Some((replicas.saturating_sub(1) / others).max(1))
}

#[cfg(test)]
mod tests {
    use super::widest_skew;

    /// The most replicas that fewer machines than asked for could take, one of the allowed staying empty.
    #[test]
    fn fewer_machines_cannot_take_all_replicas() {
        for replicas in 1..40 {
            for distinct in 2..=replicas {
                let skew = widest_skew(replicas, distinct).unwrap();
                assert!(skew * (distinct - 1) < replicas, "{replicas} on {distinct}: {skew}");
                // One more and they could.
                assert!((skew + 1) * (distinct - 1) >= replicas, "{replicas} on {distinct}: {skew}");
            }
        }
        assert_eq!(widest_skew(9, 1), None);
        assert_eq!(widest_skew(9, 0), None);
    }
}

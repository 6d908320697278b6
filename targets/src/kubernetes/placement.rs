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
use berth_compiler::plan::Placement;
use berth_language::addresses::expand;
use berth_language::model::{
    Compare, Condition, Market, Node, Of, PlaceKind, Program, Requirement, Subject, Term,
};
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The label by which the scheduler knows a machine.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// Labels that tell classes of machines apart, where every machine of a class has them and no other has.
const OF_CLASSES: [&str; 2] = ["nvidia.com/gpu.product", "node.kubernetes.io/instance-type"];

/// Where the replicas of a workload may land.
#[derive(Clone, Debug)]
pub struct Landing {
    /// Machines of the plan, by index into [`Program::nodes`], with the replicas on each.
    pub planned: BTreeMap<usize, u64>,
    /// Those that replicas may land on.
    pub allowed: BTreeSet<usize>,
    /// How many may stand on one.
    pub limit: Option<Limit>,
    /// They are held closer than was asked for, because others could take their room.
    pub is_tight: bool,
    /// They always find room there, in whatever order a scheduler places them.
    pub finds_room: bool,
    /// And so do those of any one machine that dies.
    pub lands_again: bool,
}

/// How many replicas of a workload may stand on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As many as leave enough for others: they stand on so many machines at least.
    Distinct(u64),
    /// At most so many.
    Each(u64),
}

impl Landing {
    /// Replicas, counted.
    pub fn replicas(&self) -> u64 {
        self.planned.values().sum()
    }

    /// As a pod's affinity.
    pub fn affinity(&self, program: &Program) -> Value {
        let mut affinity = json!({
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [self.class(program)]}],
            },
        });
        if self.allowed.iter().any(|index| !self.planned.contains_key(index)) {
            affinity["preferredDuringSchedulingIgnoredDuringExecution"] = json!([{
                "weight": 100,
                "preference": {"matchExpressions": [hostnames(program, self.planned.keys())]},
            }]);
        }
        json!({"nodeAffinity": affinity})
    }

    /// What is required of a machine: a label that its class alone has, else its name.
    fn class(&self, program: &Program) -> Value {
        // Who counts by machine counts these and no others.
        let keys: &[&str] = if matches!(self.limit, Some(Limit::Each(_))) { &[] } else { &OF_CLASSES };
        for key in keys {
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

    /// Where they may land and why, for people.
    pub fn explained(&self, program: &Program) -> String {
        let names = |nodes: &mut dyn Iterator<Item = &usize>| {
            berth_language::addresses::compress(nodes.map(|index| program.nodes[*index].name.as_str()))
                .join(", ")
        };
        let mut text = format!("planned on {}", names(&mut self.planned.keys()));
        if !self.finds_room {
            text.push_str(", where others may take their room");
        } else if self.is_tight {
            text.push_str(" and held there, or others could take their room");
        }
        if self.is_tight {
            let spare = names(&mut self.allowed.iter().filter(|index| !self.planned.contains_key(index)));
            match (self.lands_again, spare.is_empty()) {
                (true, false) => text.push_str(&format!("; when a machine dies, they land on {spare}")),
                (true, true) => {}
                (false, _) => text.push_str("; when a machine dies, they may have to wait for it"),
            }
        }
        text
    }
}

fn hostnames<'a>(program: &Program, nodes: impl IntoIterator<Item = &'a usize>) -> Value {
    let names: Vec<String> = nodes.into_iter().map(|index| hostname(&program.nodes[*index])).collect();
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

/// What each machine has, as the API counts it: thousandths of a core, bytes, pods, and devices under each of these names.
pub fn capacities(program: &Program, resources: &BTreeSet<&str>) -> Vec<Vec<u128>> {
    let whole = |amount: Option<BigRational>| {
        amount.and_then(|amount| amount.floor().to_integer().to_u128()).unwrap_or(0)
    };
    let thousand = BigRational::from_integer(1000.into());
    let of = |node: &Node| {
        let cpu = whole(node.cpu.as_ref().map(|cpu| &cpu.value.value * &thousand));
        let memory = whole(node.memory.as_ref().map(|memory| memory.value.value.clone()));
        let pods = node.pods.as_ref().map_or(u128::MAX, |pods| u128::from(pods.value));
        let own = node.devices.as_ref().map(|devices| devices.value);
        let named = own.and_then(|(device, count)| {
            let resource = program.devices.get(device)?.resource.as_ref();
            Some((resource.map_or(NVIDIA, |resource| resource.value.as_str()), u128::from(count)))
        });
        let devices =
            resources.iter().map(|name| named.filter(|(own, _)| own == name).map_or(0, |(_, count)| count));
        [cpu, memory, pods].into_iter().chain(devices).collect()
    };
    program.nodes.iter().map(of).collect()
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
pub fn nodes_of<'a>(
    program: &Program,
    placements: impl IntoIterator<Item = &'a Placement>,
) -> BTreeSet<usize> {
    let names: BTreeSet<String> = placements
        .into_iter()
        .flat_map(|placement| &placement.nodes)
        .flat_map(|address| expand(address, program.nodes.len()).unwrap_or_default())
        .collect();
    (0..program.nodes.len()).filter(|index| names.contains(&program.nodes[*index].name)).collect()
}

/// Replicas by machine, as placements have them.
pub fn standing(program: &Program, placements: &[&Placement]) -> BTreeMap<usize, u64> {
    let by_name: BTreeMap<&str, usize> =
        program.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
    let mut standing = BTreeMap::new();
    for placement in placements {
        let addresses = placement.nodes.iter().filter_map(|address| expand(address, program.nodes.len()));
        for index in addresses.flatten().filter_map(|address| by_name.get(address.as_str()).copied()) {
            *standing.entry(index).or_default() += placement.each;
        }
    }
    standing
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

/// Machines that replicas of a service, planned on some, may land on as well for all that a proof reads, those of the plan
/// included. What is used by no placement of the plan is not `used`.
pub fn alike(
    program: &Program,
    service: usize,
    planned: &BTreeMap<usize, u64>,
    used: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let bill_is_limited = limits_bill(program);
    let places = placed(program, service);
    // Machines come in few kinds.
    let mut kinds: Vec<&Node> = Vec::new();
    for index in planned.keys() {
        let node = &program.nodes[*index];
        if !kinds.iter().any(|kind| is_like(node, kind)) {
            kinds.push(node);
        }
    }
    let is_meant = |index: &usize| {
        let node = &program.nodes[*index];
        kinds.iter().any(|kind| is_like(node, kind))
            && (used.contains(index) || !bill_is_limited || !is_paid_in_use(node))
            && places.as_ref().is_none_or(|places| places.contains(index))
            && !program.drained.contains(index)
    };
    (0..program.nodes.len()).filter(is_meant).collect()
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
        pods,
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
        && same!(devices, fabric, network, cpu, memory, pods, overhead, price, failures, repair, disk, zone)
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
    let lines = requirements(program).filter_map(|line| match line.judged_in(None)? {
        Condition::Placed { service: of, nodes } if *of == service => Some(nodes),
        _ => None,
    });
    lines.map(|nodes| nodes.iter().copied().collect()).reduce(|left: BTreeSet<usize>, right| &left & &right)
}

/// Some line speaks of how many replicas of `service` stand on some machines, or of those that a scenario leaves: then
/// where each stands is part of the proof.
pub fn counts_by_machine(program: &Program, service: usize) -> bool {
    let counts =
        |subject: &Subject| matches!(subject, Subject::ReplicasOn { service: of, .. } if *of == service);
    let of_service = |subject: &Subject| subject.service() == Some(service);
    requirements(program).any(|line| {
        let in_scenario = line.judged().is_some() && line.when.worlds().any(|world| world.is_some());
        speaks_of(&line.condition, &counts) || in_scenario && speaks_of(&line.condition, &of_service)
    })
}

/// Some line asks of the places that replicas of `service` stand in for more than a least number of machines.
pub fn counts_by_place(program: &Program, service: usize) -> bool {
    speaks_of_spread(program, service)
        .any(|line| !matches!(least_places(line, service), Some((PlaceKind::Node, _))))
}

/// Some line says of the machines or places that replicas of `service` stand in more than how many there are at least:
/// then it need not hold with a replica on another.
pub fn fixes_places(program: &Program, service: usize) -> bool {
    counts_by_machine(program, service)
        || speaks_of_spread(program, service).any(|line| least_places(line, service).is_none())
}

fn speaks_of_spread(program: &Program, service: usize) -> impl Iterator<Item = &Requirement> {
    let counts = move |subject: &Subject| matches!(subject, Subject::Spread { of: Of::Service(of), .. } if *of == service);
    requirements(program).filter(move |line| speaks_of(&line.condition, &counts))
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
        Condition::Placed { service, .. } => wanted(&Subject::Replicas { service: *service }),
        Condition::NotYet { .. } => false,
    }
}

/// How many distinct machines the lines ask for, and the line that asks for the most.
pub fn spread(program: &Program, service: usize) -> Option<(u64, &Requirement)> {
    let lines = requirements(program).filter_map(|line| match least_places(line, service)? {
        (PlaceKind::Node, least) => Some((least, line)),
        _ => None,
    });
    lines.max_by_key(|(least, _)| *least)
}

/// How many distinct places a line asks for, where it says no more.
fn least_places(line: &Requirement, service: usize) -> Option<(PlaceKind, u64)> {
    let Condition::Compare { terms, compare, limit, .. } = line.judged_in(None)? else { return None };
    let [Term { coefficient, subject: Subject::Spread { of: Of::Service(of), place } }] = terms.as_slice()
    else {
        return None;
    };
    if *of != service || !coefficient.is_one() {
        return None;
    }
    let least = match compare {
        Compare::AtLeast => limit.value.ceil(),
        Compare::Above => limit.value.floor() + BigRational::one(),
        Compare::Equal | Compare::AtMost | Compare::Below | Compare::Unequal => return None,
    };
    Some((*place, least.to_integer().to_u64()?))
}

/// What a scheduler is told, so that no more replicas stand on one machine than `limit` says.
pub fn spread_constraint(landing: &Landing, limit: Limit) -> Option<Value> {
    let (skew, domains) = match limit {
        Limit::Distinct(distinct) => (widest_skew(landing.replicas(), distinct)?, distinct),
        // With more domains asked for than there are, the scheduler compares with none instead of with the machine that has
        // the fewest: no machine ever has more than this.
        Limit::Each(each) => (each, landing.allowed.len() as u64 + 1),
    };
    Some(json!({
        "maxSkew": skew,
        "minDomains": domains,
        "topologyKey": HOSTNAME,
        "whenUnsatisfiable": "DoNotSchedule",
        // A machine that died counts no longer, or its replicas could not land.
        "nodeTaintsPolicy": "Honor",
    }))
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

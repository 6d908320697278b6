//! `benches/generate conflict`: pods on machines in zones, as studies of infeasible packings draw them, with one
//! thing too much.

use crate::random::Random;
use crate::write_file;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Makes pods for machines in zones that cannot all be placed, for one reason among many lines that can hold.
///
/// A pod has 1 to 10 cores and 1 to 10 GiB, and all of them 75 % of what the machines have. Groups of six
/// keep to machines of their own, one pod in eight keeps to a zone.
#[derive(clap::Args)]
pub struct Arguments {
    /// What is too much
    #[arg(long, value_enum)]
    reason: Reason,

    /// Pods, each a service of one replica
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(64..=10_000))]
    pods: u64,

    /// Machines in each of the four zones
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=1_000))]
    zone: u64,

    /// Another seed, other pods
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What is too much.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Reason {
    /// The largest pods are kept to one machine, which cannot hold them
    Pins,
    /// One pod more than a zone has machines keep to that zone, each on a machine of its own
    Exclusive,
    /// All machines together lack 2 % of the cores
    Cpu,
    /// Nothing: a plan exists
    Nothing,
}

const ZONES: u64 = 4;

struct Pod {
    cpu: u64,
    memory: u64,
}

/// What the lines beside the pods keep to.
#[derive(Default)]
struct Lines {
    groups: Vec<BTreeSet<u64>>,
    /// Zones, from 1, of pods.
    zones: BTreeMap<u64, u64>,
    /// Pods of the first machine.
    pinned: Vec<u64>,
}

/// Writes `main.berth` and says what is in it.
///
/// # Errors
/// A message for a person: the file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let random = &mut Random::new(arguments.seed);
    let pods: Vec<Pod> = (0..arguments.pods)
        .map(|_| Pod { cpu: random.within(1, 10), memory: random.within(1, 10) })
        .collect();
    let machines = ZONES * arguments.zone;
    let all = |of: fn(&Pod) -> u64| pods.iter().map(of).sum::<u64>();
    let roomy = |asked: u64| (asked * 100).div_ceil(75 * machines).max(10);
    let cpu = match arguments.reason {
        Reason::Cpu => all(|pod| pod.cpu) * 98 / (100 * machines),
        _ => roomy(all(|pod| pod.cpu)),
    };
    let memory = roomy(all(|pod| pod.memory));
    let lines = lines(arguments, &pods, cpu, random);
    let path = write_file(&arguments.out, "main.berth", &text(arguments, &pods, (cpu, memory), &lines))?;
    Ok(format!("{} pods for {machines} machines: {}\n", arguments.pods, path.display()))
}

fn lines(arguments: &Arguments, pods: &[Pod], cpu: u64, random: &mut Random) -> Lines {
    let mut some = |count: u64| {
        let mut chosen = BTreeSet::new();
        while (chosen.len() as u64) < count {
            chosen.insert(random.within(0, arguments.pods - 1));
        }
        chosen
    };
    let mut groups: Vec<BTreeSet<u64>> = (0..12).map(|_| some(6.min(arguments.zone))).collect();
    let kept = some(arguments.pods / 8);
    let exclusive = some(arguments.zone + 1);
    let mut zones: BTreeMap<u64, u64> = kept.into_iter().map(|pod| (pod, random.within(1, ZONES))).collect();
    let mut pinned = Vec::new();
    match arguments.reason {
        Reason::Pins => {
            let mut order: Vec<u64> = (0..arguments.pods).collect();
            let size =
                |pod: u64| usize::try_from(pod).ok().and_then(|pod| pods.get(pod)).map_or(0, |pod| pod.cpu);
            order.sort_by_key(|pod| std::cmp::Reverse(size(*pod)));
            let mut taken = 0;
            for pod in order {
                pinned.push(pod);
                zones.remove(&pod);
                taken += size(pod);
                if taken > cpu {
                    break;
                }
            }
        }
        Reason::Exclusive => {
            zones.extend(exclusive.iter().map(|pod| (*pod, 3)));
            groups.push(exclusive);
        }
        Reason::Cpu | Reason::Nothing => {}
    }
    Lines { groups, zones, pinned }
}

fn text(arguments: &Arguments, pods: &[Pod], (cpu, memory): (u64, u64), lines: &Lines) -> String {
    let reason = clap::ValueEnum::to_possible_value(&arguments.reason);
    let reason = reason.map_or_else(String::new, |reason| reason.get_name().to_owned());
    let Arguments { zone, seed, .. } = arguments;
    let mut text = format!(
        "// Made by `benches/generate conflict --reason {reason} --pods {} --zone {zone} --seed {seed}`.\n\nrack z[1..{ZONES}] {{\n    node n[1..{zone}] {{\n        cpu = {cpu} core\n        memory = {memory}GiB\n    }}\n}}\n",
        arguments.pods,
    );
    // Writing to a string does not fail.
    for (index, Pod { cpu, memory }) in pods.iter().enumerate() {
        let _ = write!(
            text,
            "\nservice p{index} {{\n    cpu = {cpu} core\n    memory = {memory}GiB\n    replicas = 1\n}}\n"
        );
    }
    text.push_str("\npolicy apart {\n");
    for group in &lines.groups {
        let names: Vec<String> = group.iter().map(|pod| format!("p{pod}")).collect();
        let _ = writeln!(
            text,
            "    all n in node[*]: (sum s in [{}]: (count i in s.instance[*] where i.node == n)) <= 1",
            names.join(", ")
        );
    }
    text.push_str("}\n\npolicy zones {\n");
    for (pod, zone) in &lines.zones {
        let _ = writeln!(text, "    all i in p{pod}.instance[*]: i.rack == z[{zone}]");
    }
    text.push_str("}\n");
    if !lines.pinned.is_empty() {
        text.push_str("\npolicy pins {\n");
        for pod in &lines.pinned {
            let _ = writeln!(text, "    all i in p{pod}.instance[*]: i.node == z[1].n[1]");
        }
        text.push_str("}\n");
    }
    text.push_str("\nplan p {\n    minimize = bill\n}\n");
    text
}

//! `benches/generate reschedule`: virtual machines on hosts of two sockets whose free cores have come to lie in
//! slivers, as studies of rescheduling under a limit on migrations draw them.

use crate::random::Random;
use crate::write_file;
use berth_compiler::state::{RunningEntry, State};
use berth_targets::kubernetes::ownership::Ownership;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Makes hosts whose free cores lie in slivers, and the state of what runs on them.
///
/// A host has two sockets of 44 cores and 180 GiB, each a node. Machines come, twice a third of them goes again,
/// and others come, until the hosts are as full as asked for: half of them where the fewest cores are free, half
/// anywhere. One of up to 32 cores stands on one socket and may move; one of 64 or 88 cores stands on both of a host
/// and stays: what it takes is no part of the nodes. Machines of one size are replicas of one service.
///
/// What is free is worth the blocks of 16 cores that a further machine could take: `block` is a service that wants
/// as many replicas as the free cores would give if they lay together, and no more machines than asked for may move.
#[derive(clap::Args)]
pub struct Arguments {
    /// Hosts
    #[arg(long, value_name = "N", default_value_t = 280, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    hosts: u64,

    /// Machines that may move
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    moves: u64,

    /// Cores in use, in percent of all
    #[arg(long, value_name = "PERCENT", default_value_t = 92, value_parser = clap::value_parser!(u64).range(1..=100))]
    full: u64,

    /// Another seed, other machines
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Cores and MiB of a socket; the sockets of a host.
const SOCKET: [u64; 2] = [44, 184_320];
const SOCKETS: usize = 2;

/// Cores of a block.
const BLOCK: u64 = 16;

/// A size of machine.
struct Size {
    name: &'static str,
    cores: u64,
    mebibytes: u64,
    /// Of a hundred that come.
    share: u64,
}

const SIZES: [Size; 7] = [
    Size { name: "c2", cores: 2, mebibytes: 4_096, share: 28 },
    Size { name: "c4", cores: 4, mebibytes: 8_192, share: 27 },
    Size { name: "c8", cores: 8, mebibytes: 16_384, share: 20 },
    Size { name: "c16", cores: 16, mebibytes: 32_768, share: 14 },
    Size { name: "c32", cores: 32, mebibytes: 65_536, share: 6 },
    Size { name: "c64", cores: 64, mebibytes: 131_072, share: 3 },
    Size { name: "c88", cores: 88, mebibytes: 180_224, share: 2 },
];

impl Size {
    fn stands_on_both(&self) -> bool {
        self.cores > SOCKET[0]
    }

    /// What it takes of each socket that it stands on.
    fn of_socket(&self) -> [u64; 2] {
        let sockets = if self.stands_on_both() { SOCKETS as u64 } else { 1 };
        [self.cores / sockets, self.mebibytes / sockets]
    }
}

/// A machine: its size, and the socket that it stands on, or the first of its host.
#[derive(Clone, Copy)]
struct Machine {
    size: usize,
    socket: usize,
}

/// What is free on each socket.
struct Hosts {
    free: Vec<[u64; 2]>,
    machines: Vec<Machine>,
}

impl Hosts {
    fn empty(hosts: u64) -> Self {
        let sockets = usize::try_from(hosts).unwrap_or(0) * SOCKETS;
        Self { free: vec![SOCKET; sockets], machines: Vec::new() }
    }

    fn cores_free(&self) -> u64 {
        self.free.iter().map(|[cores, _]| cores).sum()
    }

    fn sockets_of(machine: Machine) -> std::ops::Range<usize> {
        let sockets = if SIZES[machine.size].stands_on_both() { SOCKETS } else { 1 };
        machine.socket..machine.socket + sockets
    }

    fn fits(&self, machine: Machine) -> bool {
        let takes = SIZES[machine.size].of_socket();
        let fits = |free: &[u64; 2]| free.iter().zip(takes).all(|(free, takes)| *free >= takes);
        self.free.get(Self::sockets_of(machine)).is_some_and(|sockets| sockets.iter().all(fits))
    }

    /// One of a size comes; whether it found room.
    fn come(&mut self, size: usize, random: &mut Random) -> bool {
        let step = if SIZES[size].stands_on_both() { SOCKETS } else { 1 };
        let sockets = (0..self.free.len()).step_by(step);
        let fitting: Vec<usize> = sockets.filter(|&socket| self.fits(Machine { size, socket })).collect();
        let closely = step == 1 && random.unit() < 0.5;
        let socket = if closely {
            fitting.iter().copied().min_by_key(|&socket| self.free[socket][0])
        } else {
            fitting.get(random.below(fitting.len() as u64) as usize).copied()
        };
        let Some(socket) = socket else { return false };
        let machine = Machine { size, socket };
        self.change(machine, |free, takes| free - takes);
        self.machines.push(machine);
        true
    }

    /// About a third goes.
    fn go(&mut self, random: &mut Random) {
        const STAY: f64 = 0.65;
        let (stay, go): (Vec<Machine>, Vec<Machine>) =
            std::mem::take(&mut self.machines).into_iter().partition(|_| random.unit() < STAY);
        self.machines = stay;
        for machine in go {
            self.change(machine, |free, takes| free + takes);
        }
    }

    fn change(&mut self, machine: Machine, by: impl Fn(u64, u64) -> u64) {
        let takes = SIZES[machine.size].of_socket();
        for socket in Self::sockets_of(machine) {
            for (free, takes) in self.free[socket].iter_mut().zip(takes) {
                *free = by(*free, takes);
            }
        }
    }
}

/// Machines come and go until the hosts are full.
fn hosts(arguments: &Arguments) -> Hosts {
    const ROUNDS: usize = 3;
    const MOST_REFUSED: usize = 30;
    let random = &mut Random::new(arguments.seed);
    let mut hosts = Hosts::empty(arguments.hosts);
    let free_at_the_end = hosts.cores_free() * (100 - arguments.full) / 100;
    for round in 1..=ROUNDS {
        let mut refused = 0;
        while hosts.cores_free() > free_at_the_end && refused < MOST_REFUSED {
            let mut at = random.below(100);
            let size = SIZES.iter().position(|size| match at.checked_sub(size.share) {
                Some(rest) => {
                    at = rest;
                    false
                }
                None => true,
            });
            refused += usize::from(!size.is_some_and(|size| hosts.come(size, random)));
        }
        if round < ROUNDS {
            hosts.go(random);
        }
    }
    hosts
}

/// Writes `main.berth` and `state.json`, and says what is in them.
///
/// # Errors
/// A message for a person: a file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let hosts = hosts(arguments);
    let free = hosts.cores_free();
    let blocks: u64 = hosts.free.iter().map(|[cores, _]| cores / BLOCK).sum();
    let path = write_file(&arguments.out, "main.berth", &text(arguments, &hosts))?;
    let state = write_file(&arguments.out, "state.json", &state(&hosts).to_json())?;
    let slivers = 100.0 * (1.0 - (blocks * BLOCK) as f64 / free.max(1) as f64);
    Ok(format!(
        "{} machines on {} hosts, {free} cores free: {blocks} blocks of {BLOCK}, {slivers:.1} % in slivers\n{}, {}\n",
        hosts.machines.len(),
        arguments.hosts,
        path.display(),
        state.display()
    ))
}

/// By size: machines that may move, by socket.
fn movable(hosts: &Hosts) -> BTreeMap<usize, BTreeMap<usize, u64>> {
    let mut counts: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
    for machine in hosts.machines.iter().filter(|machine| !SIZES[machine.size].stands_on_both()) {
        *counts.entry(machine.size).or_default().entry(machine.socket).or_default() += 1;
    }
    counts
}

const NAMESPACE: &str = "machines";
const PLAN: &str = "reschedule";

fn state(hosts: &Hosts) -> State {
    let owner = Ownership::of(PLAN, NAMESPACE).id();
    let movable = movable(hosts);
    let entries =
        movable.iter().flat_map(|(size, on)| on.iter().map(move |(socket, count)| (size, socket, count)));
    State::new(entries.map(|(size, socket, count)| RunningEntry {
        owner: owner.clone(),
        service: SIZES[*size].name.into(),
        node: format!("socket-{}", socket + 1),
        replicas: *count,
    }))
}

fn text(arguments: &Arguments, hosts: &Hosts) -> String {
    let Arguments { hosts: count, moves, full, seed, .. } = arguments;
    let mut text = format!(
        "// Made by `benches/generate reschedule --hosts {count} --moves {moves} --full {full} --seed {seed}`.\n// Host h has the sockets 2h - 1 and 2h; what machines on both of them take is no part of these nodes.\n"
    );
    let mut there = vec![SOCKET; hosts.free.len()];
    for machine in hosts.machines.iter().filter(|machine| SIZES[machine.size].stands_on_both()) {
        let takes = SIZES[machine.size].of_socket();
        for socket in Hosts::sockets_of(*machine) {
            for (there, takes) in there[socket].iter_mut().zip(takes) {
                *there -= takes;
            }
        }
    }
    let mut alike: BTreeMap<[u64; 2], Vec<usize>> = BTreeMap::new();
    for (socket, there) in there.into_iter().enumerate().filter(|(_, there)| there[0] > 0) {
        alike.entry(there).or_default().push(socket + 1);
    }
    // Writing to a string does not fail.
    for ([cores, mebibytes], sockets) in alike.iter().rev() {
        let keys: Vec<String> = sockets
            .chunk_by(|before, after| before + 1 == *after)
            .map(|run| match run {
                [first, .., last] => format!("{first}..{last}"),
                _ => run.iter().map(usize::to_string).collect(),
            })
            .collect();
        let _ = write!(
            text,
            "\nnode socket[{}] {{\n    cpu = {cores} core\n    memory = {mebibytes}MiB\n}}\n",
            keys.join(", ")
        );
    }
    for (size, on) in movable(hosts) {
        let Size { name, cores, mebibytes, .. } = &SIZES[size];
        let replicas: u64 = on.values().sum();
        let _ = write!(
            text,
            "\nservice {name} {{\n    cpu = {cores} core\n    memory = {mebibytes}MiB\n    replicas = {replicas}\n}}\n"
        );
    }
    let most = hosts.cores_free() / BLOCK;
    let _ = write!(
        text,
        "\n// A further machine finds room in a block of free cores.\nservice block {{\n    cpu = {BLOCK} core\n    replicas in 0..{most}\n    prefer replicas == {most}\n}}\n\nplan {PLAN} {{\n    minimize = bill\n    moves <= {moves}\n    target = kubernetes(namespace = \"{NAMESPACE}\")\n}}\n"
    );
    text
}

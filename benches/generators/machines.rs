//! `benches/generate machines`: many machines of few classes, and many replicas of few services.

use crate::random::Random;
use crate::{thousandths, write_file};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Makes a fleet of machines in classes, rented by the hour, and services with many replicas for it.
///
/// A class has 16 to 128 cores, 2 to 8 GiB for each, none, 4 or 8 devices, and a price by what it has. A
/// service has a size, a priority and, its share drawn from a lognormal distribution, a count of replicas; one
/// in eight takes a device. The replicas ask for the given part of the cores, at most 80 % of the devices.
///
/// With zones, no more than 1.2 times its even share of a service's replicas may stand in one. With racks, each of
/// one class, a replica draws power, and a rack may draw 1.15 times its share of what all replicas draw.
#[derive(clap::Args)]
pub struct Arguments {
    /// Machines, about: each class has as many
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    machines: u64,

    /// Classes of machines
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    classes: u64,

    /// Services
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    services: u64,

    /// Replicas in all, for each machine
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    replicas_per_machine: u64,

    /// What the replicas ask for, in percent of all cores
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    utilisation: u64,

    /// Zones, among which the machines of each class are divided; 0: none
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=100))]
    zones: u64,

    /// Machines of a rack, where there are zones; each rack has machines of one class
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    rack: u64,

    /// Another seed, other machines and services
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Equal machines.
struct Class {
    cores: u64,
    memory_gib: u64,
    devices: u64,
    /// Which of the two kinds of device.
    kind: u64,
    /// Thousandths of a dollar an hour.
    price: u64,
}

/// Equal replicas.
struct Service {
    replicas: u64,
    /// Thousandths of a core, before they are scaled to the utilisation.
    cpu: u64,
    memory_mib: u64,
    devices: u64,
    priority: u64,
}

/// Writes `main.berth` and says what is in it.
///
/// # Errors
/// A message for a person: the file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let mut random = Random::new(arguments.seed);
    let classes: Vec<Class> = (0..arguments.classes).map(|_| class(&mut random)).collect();
    let (racks, each) = arguments.racks();
    let mut services = services(arguments, each * arguments.classes, &mut random);
    fit(&mut services, &classes, each, arguments.utilisation);
    let replicas: u64 = services.iter().map(|service| service.replicas).sum();
    let text = text(arguments, (racks, each), &classes, &services);
    let path = write_file(&arguments.out, "main.berth", &text)?;
    Ok(format!(
        "{replicas} replicas of {} services for {} machines of {} classes: {}\n",
        services.len(),
        each * arguments.classes,
        arguments.classes,
        path.display()
    ))
}

impl Arguments {
    /// Racks of a class in one zone, and machines of a class in all.
    fn racks(&self) -> (u64, u64) {
        let each = (self.machines / self.classes).max(1);
        if self.zones == 0 {
            return (0, each);
        }
        let racks = (each / (self.zones * self.rack)).max(1);
        (racks, racks * self.zones * self.in_rack())
    }

    /// Machines of one rack: fewer where a class has too few to fill one in each zone.
    fn in_rack(&self) -> u64 {
        let each = (self.machines / self.classes).max(1);
        self.rack.min(each / self.zones.max(1)).max(1)
    }
}

/// Watts of one replica, in steps of which there are few: services of equal power stand in one sum.
fn watts(service: &Service) -> u64 {
    let watts = service.cpu * 6 / 1_000 + service.devices * 120;
    [5, 10, 20, 40, 80, 160].into_iter().find(|step| *step >= watts).unwrap_or(320)
}

fn one_of(random: &mut Random, values: &[u64]) -> u64 {
    values.get(random.below(values.len() as u64) as usize).copied().unwrap_or(1)
}

fn class(random: &mut Random) -> Class {
    let cores = one_of(random, &[16, 32, 48, 64, 96, 128]);
    let memory_gib = cores * one_of(random, &[2, 4, 8]);
    let devices = one_of(random, &[0, 0, 0, 4, 8]);
    let kind = random.below(2);
    let price = cores * 30 + memory_gib * 4 + devices * [1_200, 1_800][kind as usize];
    Class { cores, memory_gib, devices, kind, price }
}

fn services(arguments: &Arguments, machines: u64, random: &mut Random) -> Vec<Service> {
    let weights: Vec<f64> = (0..arguments.services).map(|_| random.normal().exp()).collect();
    let all: f64 = weights.iter().sum();
    let replicas = (machines * arguments.replicas_per_machine) as f64;
    weights
        .iter()
        .map(|weight| Service {
            replicas: ((replicas * weight / all).round() as u64).max(1),
            cpu: one_of(random, &[250, 500, 1_000, 2_000, 4_000]),
            memory_mib: one_of(random, &[512, 1_024, 2_048, 4_096, 8_192]),
            devices: u64::from(random.below(8) == 0),
            priority: random.within(1, 4),
        })
        .collect()
}

/// Scales what the services ask for to what the machines have.
fn fit(services: &mut [Service], classes: &[Class], each: u64, utilisation: u64) {
    let devices: u64 = classes.iter().map(|class| class.devices * each).sum();
    let wanted: u64 = services.iter().map(|service| service.devices * service.replicas).sum();
    if wanted * 10 > devices * 8 {
        for service in services.iter_mut().filter(|service| service.devices > 0) {
            service.replicas = (service.replicas * devices * 8 / (wanted * 10)).max(1);
        }
    }
    let cores: u64 = classes.iter().map(|class| class.cores * each * 1_000).sum();
    let asked: u64 = services.iter().map(|service| service.cpu * service.replicas).sum();
    for service in services {
        let scaled = u128::from(service.cpu) * u128::from(cores) * u128::from(utilisation);
        service.cpu = u64::try_from(scaled / (u128::from(asked.max(1)) * 100)).unwrap_or(u64::MAX).max(1);
    }
}

fn text(arguments: &Arguments, (racks, each): (u64, u64), classes: &[Class], services: &[Service]) -> String {
    let mut text = format!(
        "// A fleet of {} classes and what it runs, {} % of its cores.\n// Made by `benches/generate machines --machines {} --classes {} --services {} --replicas-per-machine {} --utilisation {} --zones {} --rack {} --seed {}`.\n",
        arguments.classes,
        arguments.utilisation,
        arguments.machines,
        arguments.classes,
        arguments.services,
        arguments.replicas_per_machine,
        arguments.utilisation,
        arguments.zones,
        arguments.rack,
        arguments.seed
    );
    for (kind, memory) in [(0, 48), (1, 80)] {
        if classes.iter().any(|class| class.devices > 0 && class.kind == kind) {
            // Writing to a string does not fail.
            let _ = write!(text, "\ndevice g{kind} {{\n    memory = {memory}GB\n}}\n");
        }
    }
    for (index, class) in classes.iter().enumerate() {
        let head = if arguments.zones == 0 {
            format!("node c{index}[1..{each}]")
        } else {
            format!("abstract node c{index}")
        };
        let _ = write!(
            text,
            "\n{head} {{\n    market = on_demand\n    price = ${}/h\n    cpu = {} core\n    memory = {}GiB\n",
            thousandths(class.price),
            class.cores,
            class.memory_gib
        );
        if class.devices > 0 {
            let _ = writeln!(text, "    devices = {} * g{}", class.devices, class.kind);
        }
        text.push_str("    source = \"placeholder: an invented price\"\n}\n");
    }
    if arguments.zones > 0 {
        text.push_str(&zones(arguments, racks, classes, services));
    }
    for (index, service) in services.iter().enumerate() {
        let _ = write!(
            text,
            "\nservice s{index} {{\n    cpu = {} core\n    memory = {}MiB\n",
            thousandths(service.cpu),
            service.memory_mib
        );
        if service.devices > 0 {
            let _ = writeln!(text, "    devices = {}", service.devices);
        }
        let _ = write!(
            text,
            "    priority = {}\n    replicas in 0..{}\n    prefer replicas == {}\n}}\n",
            service.priority, service.replicas, service.replicas
        );
    }
    text.push_str("\nplan fleet {\n    minimize = bill\n}\n");
    text
}

/// Zones with their racks, and the lines that hold of each.
fn zones(arguments: &Arguments, racks: u64, classes: &[Class], services: &[Service]) -> String {
    let mut text = String::new();
    let drawn: u64 = services.iter().map(|service| watts(service) * service.replicas).sum();
    let cores: u64 = classes.iter().map(|class| class.cores * racks * arguments.zones).sum();
    for zone in 0..arguments.zones {
        let _ = write!(text, "\nsite z{zone} {{\n");
        for (index, class) in classes.iter().enumerate() {
            let feed = drawn * class.cores * 115 / (cores.max(1) * 100);
            let _ = write!(
                text,
                "    rack c{index}[1..{racks}] {{\n        feed = {feed}W\n        source = \"placeholder: an invented feed\"\n\n        node m[1..{}] : c{index}\n    }}\n",
                arguments.in_rack()
            );
        }
        text.push_str("}\n");
    }
    text.push_str("\npolicy zones {\n");
    for (index, service) in services.iter().enumerate() {
        let most = (service.replicas * 6).div_ceil(arguments.zones * 5) + 1;
        let _ = writeln!(
            text,
            "    all z in site[*]: (count i in s{index}.instance[*] where i.site == z) <= {most}"
        );
    }
    let mut by_power: std::collections::BTreeMap<u64, Vec<String>> = std::collections::BTreeMap::new();
    for (index, service) in services.iter().enumerate() {
        by_power.entry(watts(service)).or_default().push(format!("s{index}"));
    }
    let sums: Vec<String> = by_power
        .into_iter()
        .map(|(watts, services)| {
            let services = services.join(", ");
            format!("{watts}W * (sum s in [{services}]: (count i in s.instance[*] where i.rack == r))")
        })
        .collect();
    let _ = write!(
        text,
        "}}\n\npolicy power {{\n    all r in rack[*]: (\n        {}\n    ) <= r.feed\n}}\n",
        sums.join("\n        + ")
    );
    text
}

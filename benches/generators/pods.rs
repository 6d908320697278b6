//! `benches/generate pods`: pods on equal machines, as studies of pod packing on Kubernetes draw them:
//! deployments of a few equal pods, sizes and priorities uniform, machines just as large as the utilisation
//! asks for.

use crate::random::Random;
use crate::{thousandths, write_file};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Makes pods of deployments for equal machines that they fill to a given part.
///
/// A deployment has 1 to 4 equal pods of 0.1 to 1 core and 100 to 1,000 MB, and a priority; it is a
/// service that may stay out (`replicas in 0..N`) and wants in (`prefer replicas == N`). All machines
/// have the least whole number of thousandths of a core and of MB with which the pods ask for no more
/// than the utilisation; above 1, something has to stay out.
#[derive(clap::Args)]
pub struct Arguments {
    /// Machines
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    nodes: u64,

    /// Pods in all, for each machine
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=100))]
    pods_per_node: u64,

    /// Priorities, from 1
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=100))]
    priorities: u64,

    /// What the pods ask for, in percent of what the machines have
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    utilisation: u64,

    /// Another seed, other pods
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Where to write; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Equal pods.
struct Deployment {
    pods: u64,
    /// Thousandths of a core.
    cpu: u64,
    /// MB.
    memory: u64,
    priority: u64,
}

/// Writes `main.berth` and says what is in it.
///
/// # Errors
/// A message for a person: the file cannot be written.
pub fn write(arguments: &Arguments) -> Result<String, String> {
    let pods = arguments.nodes * arguments.pods_per_node;
    let deployments = deployments(pods, arguments.priorities, &mut Random::new(arguments.seed));
    let path = write_file(&arguments.out, "main.berth", &text(arguments, &deployments))?;
    Ok(format!(
        "{pods} pods of {} deployments for {} machines: {}\n",
        deployments.len(),
        arguments.nodes,
        path.display()
    ))
}

fn deployments(mut pods: u64, priorities: u64, random: &mut Random) -> Vec<Deployment> {
    let mut deployments = Vec::new();
    while pods > 0 {
        let of_one = random.within(1, 4).min(pods);
        pods -= of_one;
        deployments.push(Deployment {
            pods: of_one,
            cpu: random.within(100, 1_000),
            memory: random.within(100, 1_000),
            priority: random.within(1, priorities),
        });
    }
    deployments
}

/// What one machine needs for the pods to ask for no more than the utilisation, and to hold each of them.
fn capacity(arguments: &Arguments, deployments: &[Deployment], of: impl Fn(&Deployment) -> u64) -> u64 {
    let asked: u64 = deployments.iter().map(|deployment| deployment.pods * of(deployment)).sum();
    let largest = deployments.iter().map(of).max().unwrap_or(0);
    (asked * 100).div_ceil(arguments.utilisation * arguments.nodes).max(largest)
}

fn text(arguments: &Arguments, deployments: &[Deployment]) -> String {
    let mut text = format!(
        "// {} pods on {} equal machines, {} % full.\n// Made by `benches/generate pods --nodes {} --pods-per-node {} --priorities {} --utilisation {} --seed {}`.\n",
        arguments.nodes * arguments.pods_per_node,
        arguments.nodes,
        arguments.utilisation,
        arguments.nodes,
        arguments.pods_per_node,
        arguments.priorities,
        arguments.utilisation,
        arguments.seed
    );
    let cpu = capacity(arguments, deployments, |deployment| deployment.cpu);
    let memory = capacity(arguments, deployments, |deployment| deployment.memory);
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\nnode n[1..{}] {{\n    cpu = {} core\n    memory = {memory}MB\n}}\n",
        arguments.nodes,
        thousandths(cpu)
    );
    for (index, deployment) in deployments.iter().enumerate() {
        let Deployment { pods, cpu, memory, priority } = deployment;
        let _ = write!(
            text,
            "\nservice d{index} {{\n    cpu = {} core\n    memory = {memory}MB\n    priority = {priority}\n    replicas in 0..{pods}\n    prefer replicas == {pods}\n}}\n",
            thousandths(*cpu)
        );
    }
    text
}

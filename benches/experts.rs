//! How evenly experts are placed, and how soon, beside the greedy placement that engines ship, in one run. Every time is
//! CPU time of this process.
//!
//!     cargo bench --profile dev --workspace --bench experts [-- --seeds 8]
//!
//! Balancedness is the mean load of a device over that of the fullest: the least over the seeds. `at most` is what
//! the planner proves that no placement passes.

#[path = "generators/experts.rs"]
#[allow(dead_code, reason = "the loads alone are needed")]
mod experts;
#[path = "peers/greedy_experts.rs"]
mod greedy_experts;
#[path = "generators/random.rs"]
#[allow(dead_code, unused_imports, reason = "the generator needs a part of it")]
mod random;

use berth_compiler::problem::{Balance, Problem};
use berth_compiler::recheck::recheck_balance;
use berth_compiler::solving::{Outcome, Request, Solving};
use berth_language::span::{FileId, Span};
use berth_solvers::Highs;
use cpu_time::ProcessTime;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use random::Random;
use std::path::{Path, PathBuf};

/// What the loads' generator writes with; nothing is written here.
fn write_file(_: &Path, name: &str, _: &str) -> Result<PathBuf, String> {
    Ok(name.into())
}

/// Experts, redundant ones, devices.
const SIZES: [(u64, u64, usize); 7] =
    [(64, 8, 8), (64, 32, 32), (64, 64, 64), (256, 8, 8), (256, 32, 32), (256, 64, 32), (256, 64, 64)];
const EXPONENTS: [f64; 5] = [0.3, 0.6, 0.8, 1.0, 1.2];
const NOISE: f64 = 0.3;

fn main() {
    let seeds = argument("--seeds", 8).max(1);
    println!("{seeds} seeds; balancedness the least of them, ms CPU their mean and largest");
    println!(
        "| experts + redundant / devices | exponent | greedy | planner | at most | greedy ms | planner ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (count, redundant, devices) in SIZES {
        for exponent in EXPONENTS {
            let (mut greedy, mut own, mut most) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
            let (mut greedy_ms, mut own_ms) = (Vec::new(), Vec::new());
            for seed in 0..seeds {
                let loads = experts::loads(count, exponent, NOISE, &mut Random::new(seed as u64 + 1));
                let slots = (count + redundant) as usize / devices;
                let mean = loads.iter().map(|load| *load as f64).sum::<f64>() / devices as f64;
                let since = ProcessTime::now();
                greedy = greedy.min(mean / greedy_experts::fullest(&loads, devices, slots));
                greedy_ms.push(1e3 * since.elapsed().as_secs_f64());
                let balance = Balance {
                    name: "experts".into(),
                    loads,
                    devices,
                    slots,
                    gap: BigRational::new(1.into(), 2_000.into()),
                    origin: Span::new(FileId(0), 0, 0),
                };
                let since = ProcessTime::now();
                let outcome =
                    Highs::new().solve(Problem::Balance(&balance), &Request::default(), &mut |_| {});
                own_ms.push(1e3 * since.elapsed().as_secs_f64());
                let Outcome::Solved(solution) = outcome else { panic!("every slot can be filled") };
                let found = recheck_balance(&balance, &solution).expect("what the solver returns holds");
                own = own.min(mean / found.fullest.to_f64().unwrap_or(f64::INFINITY));
                most = most.min(mean / found.bound.to_f64().unwrap_or(f64::INFINITY));
            }
            let times = |ms: &[f64]| {
                let mean = ms.iter().sum::<f64>() / ms.len() as f64;
                format!("{mean:.2}, {:.2}", ms.iter().copied().fold(0.0, f64::max))
            };
            println!(
                "| {count} + {redundant} / {devices} | {exponent} | {greedy:.4} | {own:.4} | {most:.4} | {} | {} |",
                times(&greedy_ms),
                times(&own_ms)
            );
        }
    }
}

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

//! Laws of the whole way, on small programs drawn from seeds.

mod support;

use berth_compiler::plan::{Plan, Status};
use berth_compiler::verify::verify;
use num_traits::ToPrimitive as _;
use std::fmt::Write as _;
use support::{Memory, Random, bill, plan, planned, request, with_session};

/// A small fleet and some services; most such programs have a plan.
struct Draw {
    nodes: usize,
    price: usize,
    services: Vec<String>,
}

impl Draw {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let nodes = random.within(2, 4);
        let price = random.within(5, 60);
        let services = (0..random.within(1, 4))
            .map(|index| {
                let mut text = format!("service s{index} {{\n");
                let _ = writeln!(text, "    priority = {}", random.within(1, 3) * 10);
                let _ = writeln!(text, "    cpu = {}.{} core", random.within(0, 2), random.within(1, 9));
                let _ = writeln!(text, "    memory = {}GiB", random.within(1, 6));
                if random.below(2) == 0 {
                    let _ = writeln!(text, "    serves = {} req/s", random.within(40, 90));
                    let _ = writeln!(text, "    demand = {} req/s", random.within(10, 160));
                    let _ = writeln!(text, "    latency p99 < {}ms", random.within(120, 400));
                } else {
                    let low = random.within(0, 2);
                    let _ = writeln!(text, "    replicas in {low}..{}", low + random.within(1, 2));
                    let _ = writeln!(text, "    prefer replicas == {}", low + 1);
                }
                text.push('}');
                text
            })
            .collect();
        Self { nodes, price, services }
    }

    fn text(&self, extra: &str) -> String {
        format!(
            "node n[1..{}] {{\n    market = on_demand\n    price = $0.{:02}/h\n    cpu = 4 core\n    memory = 16GiB\n}}\n\n{}\n\nplan p {{\n    minimize = bill\n    {extra}\n}}\n",
            self.nodes,
            self.price,
            self.services.join("\n\n")
        )
    }
}

const SEEDS: std::ops::Range<u64> = 0..40;

fn is_plan(status: Status) -> bool {
    matches!(status, Status::Optimal | Status::Feasible)
}

#[test]
fn every_plan_verifies_and_keeps_every_requirement() {
    let mut plans = 0;
    for seed in SEEDS {
        let files = Memory::of("plan.berth", &Draw::new(seed).text(""));
        let plan = planned(&files).unwrap().plan;
        if is_plan(plan.status) {
            assert!(plan.requirements.iter().all(|entry| entry.met == Some(true)), "seed {seed}");
            with_session(&files, |session| verify(session, &plan, &request())).expect("a plan holds");
            plans += 1;
        }
    }
    assert!(plans >= 20, "only {plans} of the draws have a plan");
}

#[test]
fn adding_a_node_never_raises_the_bill_where_wishes_are_met_alike() {
    for seed in SEEDS {
        let mut draw = Draw::new(seed);
        let before = plan(&draw.text(""));
        draw.nodes += 1;
        let after = plan(&draw.text(""));
        if !is_plan(before.status) {
            continue;
        }
        assert!(is_plan(after.status), "seed {seed}: a node more leaves a plan a plan");
        // Levels are compared in their order: the first that differs must have come down.
        let first = before
            .objective
            .iter()
            .zip(&after.objective)
            .find(|(left, right)| left.incumbent != right.incumbent);
        if let Some((left, right)) = first {
            assert!(right.incumbent < left.incumbent, "seed {seed}: {} rose", left.name);
        }
    }
}

#[test]
fn a_bill_one_cent_below_the_optimum_cannot_be_had() {
    let mut refused = 0;
    for seed in SEEDS {
        let draw = Draw::new(seed);
        let best = plan(&draw.text(""));
        // Wishes come before money: only a plan that grants them all is the cheapest at its wishes.
        let wishes_met = best.objective.iter().all(|entry| entry.name == "bill" || entry.incumbent == 0.0);
        if best.status != Status::Optimal || !wishes_met || best.objective.len() > 1 {
            continue;
        }
        let limited = plan(&draw.text(&format!("bill <= ${:.4}/h", bill(&best) - 0.0001)));
        assert_eq!(limited.status, Status::Infeasible, "seed {seed}");
        refused += 1;
    }
    assert!(refused >= 3, "only {refused} of the draws were asked");
}

#[test]
fn a_conflict_without_any_one_of_its_lines_plans() {
    let mut conflicts = 0;
    for seed in SEEDS {
        let mut draw = Draw::new(seed);
        // Two services that fill the fleet between them, one of them pinned too high.
        draw.services.push(format!(
            "service big {{\n    cpu = 3 core\n    memory = 2GiB\n    replicas = {}\n    spread(node) >= 2\n}}",
            draw.nodes + 1
        ));
        let text = draw.text("");
        let found = plan(&text);
        if found.status != Status::Infeasible {
            continue;
        }
        conflicts += 1;
        assert!(!found.conflict.is_empty(), "seed {seed}");
        for line in &found.conflict {
            let dropped = match text.lines().nth(line.line - 1).unwrap().trim() {
                // Without its head a service is not there at all.
                head if head.starts_with("service") => continue,
                _ => text
                    .lines()
                    .enumerate()
                    .map(|(index, kept)| if index + 1 == line.line { "" } else { kept })
                    .collect::<Vec<_>>()
                    .join("\n"),
            };
            let rest = plan(&dropped);
            // Other conflicts of the same program may remain; then this line is in none of them alone.
            if rest.status == Status::Infeasible {
                assert_ne!(rest.conflict, found.conflict, "seed {seed}, line {}", line.line);
            }
        }
    }
    assert!(conflicts >= 20, "only {conflicts} of the draws conflict");
}

/// What a service promises of replicas and latency in a world.
fn promises(random: &mut Random, service: &str) -> Vec<String> {
    let mut lines = vec![format!("replicas >= {}", random.within(0, 2))];
    if service.contains("latency") {
        lines.push(format!("latency p99 < {}ms", random.within(200, 900)));
    }
    lines
}

/// A service with more lines.
fn with(service: &str, lines: impl Iterator<Item = String>) -> String {
    let head = service.trim_end().trim_end_matches('}');
    let lines: String = lines.map(|line| format!("    {line}\n")).collect();
    format!("{head}{lines}}}")
}

#[test]
fn what_a_scenario_leaves_is_a_plan_of_what_is_left() {
    let mut survived = 0;
    for seed in SEEDS {
        let mut draw = Draw::new(seed);
        let mut random = Random(seed + 1_000);
        let promised: Vec<(String, Vec<String>)> =
            draw.services.iter().map(|service| (service.clone(), promises(&mut random, service))).collect();
        let there = |(service, lines): &(String, Vec<String>)| {
            with(service, lines.iter().map(|line| format!("{line} when dies")))
        };
        draw.services = promised.iter().map(there).collect();
        let text = draw.text("") + "\nscenario dies {\n    lose = [n[1]]\n}\n";
        let planned = planned(&Memory::of("plan.berth", &text)).unwrap();
        if !is_plan(planned.plan.status) {
            continue;
        }
        survived += 1;
        // The same promises where there never was such a node, each replica held where it stands.
        let values = planned.values.expect("a plan has values");
        let left = |(index, (service, lines)): (usize, &(String, Vec<String>))| {
            let facts =
                service.lines().filter(|line| !line.contains("replicas") && !line.contains("latency"));
            let held = (1..draw.nodes).map(|node| {
                let copies = values.standing[index].get(&node).copied().unwrap_or(0);
                format!("(count i in s{index}.instance[*] where i.node == n[{}]) == {copies}", node + 1)
            });
            let lines = ["replicas in 0..99".to_owned()].into_iter().chain(lines.iter().cloned()).chain(held);
            with(&facts.collect::<Vec<_>>().join("\n"), lines)
        };
        let services = promised.iter().enumerate().map(left).collect();
        let rest = Draw { services, ..draw }.text("").replace("node n[1..", "node n[2..");
        assert!(is_plan(plan(&rest).status), "seed {seed}:\n{text}\n{rest}");
    }
    assert!(survived >= 10, "only {survived} of the draws survive");
}

/// The step's count of a schedule.
fn replicas_at(plan: &Plan, step: usize) -> u64 {
    let schedule = &plan.autoscaling[0].schedule;
    schedule.iter().rev().find(|change| change.step <= step).unwrap().replicas
}

#[test]
fn a_step_has_the_fewest_replicas_that_a_plan_for_it_alone_can_have() {
    let (mut asked, mut differ) = (0, 0);
    for seed in SEEDS {
        let mut random = Random(seed);
        let [serves, peak, limit] = [random.within(40, 90), random.within(90, 400), random.within(60, 400)];
        let facts =
            format!("    cpu = 1 core\n    serves = {serves} req/s\n    latency p99 < {}ms\n", limit + 200);
        let guarded = [
            (random.below(2) == 0).then(|| format!("latency p99 < {limit}ms")),
            (random.below(2) == 0).then(|| format!("replicas >= {}", random.within(1, 4))),
            (random.below(2) == 0).then(|| format!("spread(node) >= {}", random.within(2, 3))),
        ];
        let lines = |end: &str| -> String {
            guarded.iter().flatten().map(|line| format!("    {line}{end}\n")).collect()
        };
        let text = |lines: &str| {
            format!(
                "node n[1..4] {{\n    cpu = 16 core\n}}\nservice s {{\n{facts}{lines}}}\nplan p {{\n    minimize = bill\n}}\n"
            )
        };
        let elastic = format!(
            "    elastic = true\n    start_up = 0s\n    demand = diurnal(peak = {peak} req/s, trough = {} req/s, peak_at = 20h)\n{}",
            random.within(1, peak / 2),
            lines(" when hour in 8h..14h"),
        );
        let found = planned(&Memory::of("plan.berth", &text(&elastic))).unwrap();
        if !is_plan(found.plan.status) {
            continue;
        }
        let counts: Vec<u64> = (0..24).map(|step| replicas_at(&found.plan, step)).collect();
        differ += usize::from(counts.iter().any(|count| *count != counts[0]));
        assert_eq!(counts.iter().max(), Some(&found.plan.autoscaling[0].max), "seed {seed}: {counts:?}");
        let rates = &found.stages.program.services[0].demand.as_ref().unwrap().value.rates;
        for step in [3, 8, 13, 20] {
            let rate = format!("    demand = {:.9} req/s\n", rates[step].to_f64().unwrap());
            let own = if (8..14).contains(&step) { lines("") } else { String::new() };
            let alone = |count: u64| plan(&text(&format!("{rate}{own}    replicas = {count}\n"))).status;
            assert!(is_plan(alone(counts[step])), "seed {seed}, step {step}: {counts:?}");
            if counts[step] > 1 {
                assert_eq!(
                    alone(counts[step] - 1),
                    Status::Infeasible,
                    "seed {seed}, step {step}: {counts:?}"
                );
            }
            asked += 1;
        }
    }
    assert!(asked >= 80 && differ >= 20, "{asked} steps were asked for, {differ} schedules change");
}

/// Machines with eight devices each, and a job that trains on them.
fn training(nodes: usize, steps: usize, lines: &str) -> String {
    format!(
        "use catalog.nvidia as nv\n\nnode box[1..{nodes}] {{\n    devices = 8 * nv.h100_sxm\n    fabric = nvlink(900GB/s)\n    network = 400GB/s\n    market = on_demand\n    price = $20/h\n}}\n\nmodel small {{\n    layers = 16\n    hidden = 2_048\n    heads = 32\n    kv_heads = 8\n    feed_forward = 8_192\n    vocabulary = 128_256\n}}\n\njob train {{\n    model = small\n    steps = {steps}\n    batch = 2_097_152 tok\n    recompute = layer\n    {lines}\n}}\n\nplan p {{\n    minimize = bill\n}}\n"
    )
}

#[test]
fn twice_the_steps_take_twice_the_time() {
    for lines in ["tensor = 2", "pipeline = 4", "data = 16", "sharding = weights\n    data in 8..12"] {
        let of = |steps| plan(&training(4, steps, lines)).jobs;
        let (once, twice) = (of(1_000), of(2_000));
        let ([once], [twice]) = (once.as_slice(), twice.as_slice()) else { panic!("{lines}: one job") };
        assert_eq!(twice.finish, 2.0 * once.finish, "{lines}");
        let layout = |job: &berth_compiler::plan::JobEntry| {
            job.training.as_ref().map(|training| training.layout.clone())
        };
        assert_eq!((layout(twice), twice.copies), (layout(once), once.copies), "{lines}");
    }
}

#[test]
fn a_job_that_must_be_done_sooner_never_costs_less() {
    let mut bills = Vec::new();
    for hours in [24, 12, 6, 3, 2, 1] {
        let text = training(4, 2_000, &format!("finish <= {hours}h"));
        let files = Memory::of("plan.berth", &text);
        let plan = planned(&files).unwrap().plan;
        if !is_plan(plan.status) {
            assert_eq!(plan.status, Status::Infeasible, "{hours} h");
            bills.push(f64::INFINITY);
            continue;
        }
        let copies: u64 = plan.jobs.iter().map(|job| job.copies).sum();
        let placed: u64 = plan.placements.iter().map(|placed| placed.each * placed.nodes.len() as u64).sum();
        assert!(placed <= copies, "a placement names one node or a range of them");
        assert!(plan.requirements.iter().all(|entry| entry.met == Some(true)), "{hours} h");
        with_session(&files, |session| verify(session, &plan, &request())).expect("a plan holds");
        bills.push(bill(&plan));
    }
    assert!(bills.windows(2).all(|pair| pair[0] <= pair[1]), "{bills:?}");
    assert!(bills[0].is_finite() && bills[0] < bills[4], "{bills:?}");
}

//! What holds for every packing: solutions pass the recheck, and on tiny ones, where everything can be
//! tried, the best is found and what is called infeasible is.

mod text;

use berth_compiler::problem::{Assignment, Devices, LevelClaim, Packing, Problem};
use berth_compiler::recheck::{recheck, recheck_assignments};
use berth_compiler::solving::{Feasibility, Outcome, Request, Solving};
use berth_solvers::Highs;
use num_rational::BigRational;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeMap;
use text::packing;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_best_of_everything_tried_is_found(text in tiny()) {
        for claim in as_good_as_all_tried(&text)? {
            prop_assert_eq!(&claim.bound, &claim.incumbent, "not proved: {}", text);
        }
    }

    #[test]
    fn copies_of_several_machines_are_placed_as_well(text in of_several_machines()) {
        as_good_as_all_tried(&text)?;
    }

    #[test]
    fn without_the_exact_program_bounds_still_hold(text in tiny()) {
        let problem = packing(&text);
        let tried = best_of_all(&problem);
        match (Highs { exact_columns: 0 }).solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
            Outcome::Solved(solution) => {
                let values = recheck(&problem, &solution).map_err(|violations| {
                    TestCaseError::fail(format!("{text}\n{violations:?}"))
                })?;
                let tried = tried.unwrap();
                prop_assert!(values.levels >= tried, "{}", text);
                for (level, claim) in solution.levels.iter().enumerate() {
                    // A bound is for those solutions that keep the levels before it at their incumbents.
                    if values.levels[..level] == tried[..level] {
                        prop_assert!(claim.bound <= tried[level], "{}", text);
                    }
                }
            }
            Outcome::Infeasible(_) => prop_assert_eq!(None, tried, "{}", text),
            Outcome::Unknown { .. } => {}
        }
    }

    #[test]
    fn feasible_means_that_something_fits(text in tiny()) {
        let problem = packing(&text);
        let tried = best_of_all(&problem);
        match Highs::new().feasible(&problem, &[], &Request::default()) {
            Feasibility::Feasible(witness) => {
                prop_assert!(recheck_assignments(&problem, &witness.assignments).is_ok(), "{}", text);
                prop_assert!(tried.is_some());
            }
            Feasibility::Infeasible(reason) => {
                prop_assert_eq!(None, tried, "{}", text);
                prop_assert!(!reason.origins.is_empty());
            }
            Feasibility::Unknown => prop_assert!(false, "not decided: {text}"),
        }
    }

    #[test]
    fn the_same_problem_gives_the_same_solution(text in tiny()) {
        let problem = packing(&text);
        let solve = || format!("{:?}", Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}));
        prop_assert_eq!(solve(), solve());
    }
}

/// That the solver finds what is the best of everything tried, or that there is nothing; what it claims of each level.
fn as_good_as_all_tried(text: &str) -> Result<Vec<LevelClaim>, TestCaseError> {
    let problem = packing(text);
    let tried = best_of_all(&problem);
    match Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
        Outcome::Solved(solution) => {
            let values = recheck(&problem, &solution)
                .map_err(|violations| TestCaseError::fail(format!("{text}\n{violations:?}")))?;
            prop_assert_eq!(Some(&values.levels), tried.as_ref(), "{}", text);
            Ok(solution.levels)
        }
        Outcome::Infeasible(_) => {
            prop_assert_eq!(None, tried, "{}", text);
            Ok(Vec::new())
        }
        Outcome::Unknown { because } => Err(TestCaseError::fail(format!("{because}: {text}"))),
    }
}

/// The least levels, one before the other, over every way to place the copies; none where no way keeps
/// the rows. Tries each copy in each form on each machine (and device, for a share), or not at all.
fn best_of_all(packing: &Packing) -> Option<Vec<BigRational>> {
    let copies: Vec<usize> = packing
        .items
        .iter()
        .enumerate()
        .flat_map(|(item, of)| std::iter::repeat_n(item, of.most as usize))
        .collect();
    let mut best = None;
    try_all(packing, &copies, &mut Vec::new(), &mut best);
    best
}

/// Item, form, machine and device of a copy.
type Place = (usize, usize, usize, u32);

fn try_all(
    packing: &Packing,
    copies: &[usize],
    placed: &mut Vec<Place>,
    best: &mut Option<Vec<BigRational>>,
) {
    let Some((&item, rest)) = copies.split_first() else {
        if let Some(assignments) = assignments(packing, placed)
            && let Ok(values) = recheck_assignments(packing, &assignments)
            && best.as_ref().is_none_or(|best| values.levels < *best)
        {
            *best = Some(values.levels);
        }
        return;
    };
    let last = placed.iter().rev().find(|place| place.0 == item).copied();
    for (choice, of) in packing.items[item].choices.iter().enumerate() {
        for (machine, on) in packing.machines.iter().enumerate() {
            let devices = if matches!(of.devices, Devices::Share(_)) { on.devices } else { 1 };
            for device in 0..devices {
                let place = (item, choice, machine, device);
                // Copies of an item are alike: only in ascending order.
                if last.is_none_or(|last| last <= place) {
                    placed.push(place);
                    try_all(packing, rest, placed, best);
                    placed.pop();
                }
            }
        }
    }
    // This copy and so all further ones of the item are left out.
    let next = rest.iter().position(|&other| other != item).unwrap_or(rest.len());
    try_all(packing, &rest[next..], placed, best);
}

fn assignments(packing: &Packing, placed: &[Place]) -> Option<Vec<Assignment>> {
    let mut taken: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut together: BTreeMap<(usize, usize, usize), u64> = BTreeMap::new();
    let mut assignments = Vec::new();
    for &(item, choice, machine, device) in placed {
        if let Devices::Share(_) = packing.items[item].choices[choice].devices {
            taken.entry(machine).or_default().push(device);
            assignments.push(Assignment { item, choice, machine, copies: 1, devices: vec![device] });
        } else {
            *together.entry((item, choice, machine)).or_default() += 1;
        }
    }
    for ((item, choice, machine), copies) in together {
        let mut devices = Vec::new();
        if let Devices::Whole(count) = packing.items[item].choices[choice].devices {
            let taken = taken.entry(machine).or_default();
            for _ in 0..copies * u64::from(count) {
                let free = (0..packing.machines[machine].devices).find(|device| !taken.contains(device))?;
                taken.push(free);
                devices.push(free);
            }
        }
        assignments.push(Assignment { item, choice, machine, copies, devices });
    }
    assignments.sort();
    Some(assignments)
}

/// A packing small enough to try everything.
fn tiny() -> impl Strategy<Value = String> {
    let machine = (1..=2_u32, 4..=12_u32, 0..=2_u32, prop::sample::select(vec!["0", "1", "1.5", "3"]));
    let form = (1..=8_u32, 0..=4_usize, prop::bool::weighted(0.3), 0..=1_u32);
    let item = (1..=2_u32, prop::collection::vec(form, 1..=2));
    let row = (0..=19_usize, 0..=1_usize, 0..=1_usize, 0..=3_u32);
    let wish = (0..=19_usize, 0..=1_usize, 0..=1_usize, 0..=3_u32, any::<bool>());
    (
        prop::collection::vec(machine, 1..=2),
        prop::collection::vec(item, 1..=2),
        prop::collection::vec(row, 0..=2),
        prop::collection::vec(wish, 1..=2),
        0..=3_usize,
        (prop::collection::btree_map((0..=1_usize, 0..=4_usize), 1..=2_u32, 0..=3), 0..=2_usize),
    )
        .prop_map(|(machines, items, rows, wishes, levels, (running, moves))| {
            let mut text = String::from("resources cpu core\n");
            for (index, (count, cpu, devices, price)) in machines.iter().enumerate() {
                text += &format!(
                    "machine m{index} {count}x cpu {cpu} devices {devices} class {index} price {price}\n"
                );
            }
            // Two places that overlap or not, and a division into two parts with every third machine in none.
            let names: Vec<String> = machines
                .iter()
                .enumerate()
                .flat_map(|(index, (count, ..))| match count {
                    1 => vec![format!("m{index}")],
                    _ => (1..=*count).map(|at| format!("m{index}[{at}]")).collect(),
                })
                .collect();
            let every =
                |step: usize| -> Vec<&str> { names.iter().step_by(step).map(String::as_str).collect() };
            text += &format!("place left {}\nplace right {}\n", every(2).join(" "), names[1..].join(" "));
            let parts: Vec<&str> = (0..names.len()).map(|at| ["0", "1", "-"][at % 3]).collect();
            text += &format!("parts halves {}\n", parts.join(" "));
            // What may be gone: any one machine, or any one of two sets of them.
            let each: Vec<String> = (0..names.len()).map(|at| at.to_string()).collect();
            text += &format!("hazard each {}\nhazard sets {}\n", each.join(" "), parts.join(" "));
            for (index, (most, forms)) in items.iter().enumerate() {
                text += &format!("item i{index} most {most}\n");
                for (at, (cpu, devices, pinned, class)) in forms.iter().enumerate() {
                    let devices = ["", " whole 1", " whole 2", " share 400", " share 600"][*devices];
                    let pinned = if *pinned { format!(" on {class}") } else { String::new() };
                    text += &format!("  form f{at} cpu {cpu}{devices}{pinned}\n");
                }
            }
            for (kind, item, other, bound) in &rows {
                text += &format!("row {}\n", row_text(items.len(), *kind, *item, *other, *bound));
            }
            for (kind, item, other, bound, unmet) in &wishes {
                let how = if *unmet { "unmet" } else { "distance" };
                text += &format!("wish {} {how}\n", row_text(items.len(), *kind, *item, *other, *bound));
            }
            for ((item, machine), copies) in &running {
                if *item < items.len() && *machine <= names.len() {
                    let machine = names.get(*machine).map_or("nowhere", String::as_str);
                    text += &format!("runs i{item} {copies} on {machine}\n");
                }
            }
            if moves == 1 {
                text += "level moves: moves\n";
            }
            let all: Vec<String> = (0..wishes.len()).map(|wish| format!("wish{wish}")).collect();
            text += &match levels {
                0 => format!("level unmet: {}\nlevel bill: price\n", all.join(" + ")),
                1 => format!("level bill: price + 0.7 {}\n", all.join(" + 1.2 ")),
                2 => format!("level last: 2 {}\nlevel bill: price + wish0\n", all[all.len() - 1]),
                _ => format!("level bill: price\nlevel unmet: 3 {}\n", all.join(" + 2 ")),
            };
            if moves == 2 {
                text += "level moves: moves\n";
            }
            text
        })
}

/// One item that may take one machine or two, in either of two places or in both together, beside another item.
fn of_several_machines() -> impl Strategy<Value = String> {
    let counts = (1..=2_usize, 1..=2_usize, 0..=2_u32, 0..=2_u32);
    (counts, 1..=4_u32, 0..=2_u32, 0..=4_u32, any::<bool>()).prop_map(
        |((left, right, most, least), alone, others, cpu, apart)| {
            let names: Vec<String> = (0..left + right).map(|at| format!("m{at}")).collect();
            let mut text = String::from("resources cpu core\n");
            for (at, name) in names.iter().enumerate() {
                text += &format!("machine {name} 1x cpu 4 devices 1 class 0 price {}\n", 1 + at % 2);
            }
            let [left, right] = [&names[..left], &names[left..]].map(|names| names.join(" "));
            text += &format!("place left {left}\nplace right {right}\nplace both {left} {right}\n");
            text += &format!("item a most {most}\n  form alone whole 1 on 0\n  form two whole 1 on 0\n");
            text += &format!("item c most {others} cpu {cpu}\n");
            text += "item rest most 2\n  form two whole 1 on 0\n";
            let places: &[&str] = if apart { &["left", "right"] } else { &["both"] };
            text += &format!("beside rest a.two 2 {}\n", places.join(" "));
            for place in places {
                text += &format!("row - a.two@{place} + rest.two@{place} == 0\n");
            }
            text += &format!("row a.alone + {alone} a.two >= {}\nrow c >= {}\n", 2 * least, others.min(1));
            text + "level bill: price\n"
        },
    )
}

fn row_text(items: usize, kind: usize, item: usize, other: usize, bound: u32) -> String {
    let (item, other) = (item % items, other % items);
    match kind {
        0 | 1 => format!("i{item} >= {bound}"),
        2 => format!("i{item} == {bound}"),
        3 => format!("spread(i{item}) >= {}", bound.min(2)),
        4 => format!("2 i{item}.f0 + 3 i{other} >= {bound}"),
        5 => format!("i{item} - i{other}.f0 <= 0"),
        6 => format!("price <= {bound}.5"),
        8 => format!("i{item}@left <= {bound}"),
        9 => format!("i{item}@right >= {bound}"),
        10 => format!("2 i{item}@left + i{other}@left <= {bound}"),
        11 => format!("i{item}@left - i{other}@right == 0"),
        12 => format!("spread(i{item},halves) >= {}", bound.min(2)),
        13 => format!("2 i{item} - 3 i{item}@left - spread(i{item},halves) >= 0"),
        14 => format!("i{item}.f0@left >= {bound}"),
        15 => format!("2 i{item}.f0@right + i{other}@left <= {bound}"),
        16 => format!("i{item} >= {bound} without each"),
        17 => format!("i{item} >= {bound} without sets"),
        18 => format!("2 i{item}.f0 + 3 i{other} >= {bound} without each"),
        19 => format!("1.5 i{item} + i{other}.f0 >= {bound} without sets"),
        _ => format!("spread(i{item}) <= {bound}"),
    }
}

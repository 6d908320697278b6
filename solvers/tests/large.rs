//! A cluster of 1,523 machines and 300 items, made up from a seed in the proportions of a real one.

mod text;

use berth_compiler::problem::Problem;
use berth_compiler::recheck::recheck;
use berth_compiler::solving::{Cancellation, Outcome, Request, Solving};
use berth_solvers::Highs;
use num_rational::BigRational;
use num_traits::Zero;
use text::{packing, rational};

/// A linear congruential generator (Knuth, MMIX).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

/// Five kinds of machines; pods of which a third take a part of a device and a third whole ones; each is
/// wished for, in three priorities.
fn cluster(machines: u64, items: u64, seed: u64) -> String {
    let mut draw = Draw(seed);
    let kinds = [
        ("cpu 32000 memory 262144", "0.9"),
        ("cpu 96000 memory 786432 devices 8 class 0", "9.4"),
        ("cpu 64000 memory 262144 devices 2 class 1", "3.1"),
        ("cpu 96000 memory 393216 devices 4 class 2", "4.7"),
        ("cpu 128000 memory 786432 devices 8 class 3", "14.2"),
    ];
    let mut text = String::from("resources cpu core/1000, memory MiB\n");
    for (index, (kind, price)) in kinds.iter().enumerate() {
        let count = machines / 5 + u64::from((index as u64) < machines % 5);
        text += &format!("machine m{index} {count}x {kind} price {price}\n");
    }
    for item in 0..items {
        let (cpu, memory) =
            (draw.of(&[2000, 4000, 6000, 8000, 12000, 16000]), draw.of(&[4096, 16384, 32768, 65536]));
        let devices = match draw.below(3) {
            0 => String::new(),
            1 => format!(" share {}", draw.of(&[200, 350, 460, 500, 720])),
            _ => format!(" whole {}", draw.of(&[1, 1, 1, 2, 4, 8])),
        };
        text += &format!("item p{item} most 1 cpu {cpu} memory {memory}{devices}\n");
        text += &format!("wish p{item} >= 1 distance\n");
    }
    for priority in 0..3 {
        let wishes: Vec<String> =
            (0..items).filter(|item| item % 3 == priority).map(|item| format!("wish{item}")).collect();
        text += &format!("level priority_{priority}: {}\n", wishes.join(" + "));
    }
    text + "level bill: price\n"
}

fn gap(incumbent: &BigRational, bound: &BigRational) -> BigRational {
    if incumbent.is_zero() { BigRational::zero() } else { (incumbent - bound) / incumbent }
}

#[test]
fn everything_is_placed_within_a_tenth_of_the_best() {
    let problem = packing(&cluster(1523, 300, 7));
    let Outcome::Solved(solution) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    println!("{}", text::claimed(&problem, &solution));
    let values = recheck(&problem, &solution).unwrap();
    assert!(values.levels[..3].iter().all(Zero::is_zero), "everything is placed");
    let bill = &solution.levels[3];
    assert!(gap(&bill.incumbent, &bill.bound) < rational("0.1"), "{} of {}", bill.incumbent, bill.bound);
    assert!(gap(&bill.incumbent, &values.proved[3]) < rational("0.1"), "the bound is confirmed exactly");
}

#[test]
fn a_cluster_that_is_full_serves_priorities_in_order() {
    // Five machines hold 22 devices, far fewer than are asked for.
    let problem = packing(&cluster(5, 80, 7));
    let Outcome::Solved(solution) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    recheck(&problem, &solution).unwrap();
    println!("{}", text::claimed(&problem, &solution));
    let missing: Vec<&BigRational> = solution.levels[..3].iter().map(|level| &level.incumbent).collect();
    assert!(missing[0] < missing[1] && missing[1] <= missing[2], "{missing:?}");
    for level in &solution.levels[..3] {
        assert!(&level.incumbent - &level.bound <= rational("4"), "{} of {}", level.incumbent, level.bound);
    }
}

/// Items of 1 to 4 equal copies, sizes uniform, for equal machines that they fill to the last unit.
fn brim(machines: u64, seed: u64) -> String {
    let mut draw = Draw(seed);
    let (mut text, mut wishes) = (String::new(), Vec::new());
    let (mut left, mut cpu, mut memory) = (machines * 8, 0, 0);
    while left > 0 {
        let (count, index) = ((1 + draw.below(4)).min(left), wishes.len());
        let (of_cpu, of_memory) = (100 + draw.below(901), 100 + draw.below(901));
        text += &format!("item p{index} most {count} cpu {of_cpu} memory {of_memory}\n");
        text += &format!("wish p{index} >= {count} distance\n");
        wishes.push(format!("wish{index}"));
        (left, cpu, memory) = (left - count, cpu + count * of_cpu, memory + count * of_memory);
    }
    let (cpu, memory) = (cpu.div_ceil(machines), memory.div_ceil(machines));
    format!(
        "resources cpu core/1000, memory MB\nmachine m {machines}x cpu {cpu} memory {memory}\n{text}level missing: {}\n",
        wishes.join(" + ")
    )
}

#[test]
fn what_is_free_in_slivers_is_brought_together() {
    for (machines, seed) in [(8, 1), (16, 2), (32, 3)] {
        let problem = packing(&brim(machines, seed));
        let Outcome::Solved(solution) =
            Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
        else {
            panic!("solved")
        };
        recheck(&problem, &solution).unwrap();
        let missing = &solution.levels[0].incumbent;
        assert!(*missing <= rational("2"), "{missing} of {} copies are missing", machines * 8);
    }
}

#[test]
fn one_that_matters_more_takes_the_place_of_two() {
    // Two machines hold four small copies each, or one large one; the small ones are placed first, being many.
    let problem = packing(
        "
resources cpu core
machine m 2x cpu 8
item large most 2 cpu 7
item small most 8 cpu 2
wish large >= 2 distance
wish small >= 8 distance
level high: wish0
level low: wish1
",
    );
    let Outcome::Solved(solution) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    recheck(&problem, &solution).unwrap();
    let missing: Vec<&BigRational> = solution.levels.iter().map(|level| &level.incumbent).collect();
    assert_eq!(missing, [&rational("0"), &rational("8")]);
}

#[test]
fn machines_that_all_differ_are_no_trouble() {
    // Each of 400 machines has its own amount of memory, as a live cluster reports it.
    let mut text = cluster(0, 60, 3);
    let machines: String = (0..400)
        .map(|m| {
            format!(
                "machine n{m} 1x cpu 32000 memory {} devices 2 class 0 price 1.{m:03}\n",
                200_000 + m * 37
            )
        })
        .collect();
    text = text.replace("machine m0 0x", &format!("{machines}machine m0 0x"));
    let text = text.replace("whole 4", "whole 1").replace("whole 8", "whole 2");
    let problem = packing(&text);
    let Outcome::Solved(solution) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    let values = recheck(&problem, &solution).unwrap();
    assert!(values.levels[..3].iter().all(Zero::is_zero));
    let bill = &solution.levels[3];
    assert!(gap(&bill.incumbent, &bill.bound) < rational("0.1"), "{} of {}", bill.incumbent, bill.bound);
}

#[test]
fn a_cancelled_search_keeps_what_it_has() {
    let problem = packing(&cluster(1523, 300, 7));
    let cancellation = Cancellation::default();
    cancellation.cancel();
    let request = Request { cancellation, ..Request::default() };
    match Highs::new().solve(Problem::Packing(&problem), &request, &mut |_| {}) {
        Outcome::Solved(solution) => assert!(recheck(&problem, &solution).is_ok()),
        Outcome::Unknown { because } => assert!(!because.is_empty()),
        Outcome::Infeasible(reason) => panic!("{reason:?}"),
    }
}

#[test]
fn progress_names_levels() {
    let problem = packing(&cluster(40, 30, 1));
    let of = &problem;
    let mut seen = Vec::new();
    Highs::new()
        .solve(Problem::Packing(&problem), &Request::default(), &mut |progress| seen.push(progress.level));
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|level| of.levels.iter().any(|of| of.name == *level)));
}

#[test]
fn services_in_many_forms_share_a_fleet() {
    // Six services, each in 22 forms over three classes of 200 machines, each with a rate to reach and a
    // wish to reach half as much again; general pods fill the gaps.
    let mut text = String::from(
        "
resources cpu core/1000
machine h100 60x cpu 192000 devices 8 class 0 price 31.20
machine a100 60x cpu 128000 devices 8 class 1 price 17.60
machine l40s 80x cpu 64000 devices 4 class 2 price 5.10
",
    );
    let mut draw = Draw(11);
    for service in 0..6 {
        text += &format!("item s{service} most 400\n");
        let mut rates = Vec::new();
        for (class, (name, speed)) in [("h", 23), ("a", 11), ("l", 4)].iter().enumerate() {
            for (tensor, gain) in [(1, 10), (2, 21), (4, 41), (8, 77)] {
                for batch in [64, 128] {
                    if (*name, tensor) != ("l", 8) {
                        let rate = speed * gain * (7 + batch / 42) + draw.below(200);
                        text += &format!(
                            "  form {name}{tensor}_{batch} cpu {} whole {tensor} on {class}\n",
                            6000 * tensor
                        );
                        rates.push(format!("{rate}.{} s{service}.{name}{tensor}_{batch}", draw.below(1000)));
                    }
                }
            }
        }
        let demand = 100_000 + draw.below(200_000);
        text += &format!("row {} >= {demand}\n", rates.join(" + "));
        text += &format!("wish s{service} >= {} distance\n", 20 + draw.below(20));
    }
    for pod in 0..40 {
        text += &format!(
            "item p{pod} most 6 cpu {}\nrow p{pod} >= {}\n",
            1000 + 500 * draw.below(16),
            1 + draw.below(6)
        );
    }
    text += "level unmet: wish0 + wish1 + wish2 + wish3 + wish4 + wish5\nlevel bill: price\n";
    let problem = packing(&text);
    let Outcome::Solved(solution) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    recheck(&problem, &solution).unwrap();
    assert!(solution.levels[0].incumbent.is_zero());
    let bill = &solution.levels[1];
    assert!(gap(&bill.incumbent, &bill.bound) < rational("0.05"), "{}", text::claimed(&problem, &solution));
}

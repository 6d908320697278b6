//! Solvers that lie, and solutions that were tampered with: the recheck refuses them, in words.

mod text;

use berth_compiler::problem::{Assignment, Certificate, Packing, Problem, Solution};
use berth_compiler::recheck::{Violation, recheck};
use berth_compiler::solving::{Feasibility, Outcome, Progress, Request, Solving};
use berth_solvers::Highs;
use insta::assert_snapshot;
use num_traits::Zero;
use text::{packing, rational};

/// One GPU machine is needed: `train` takes a device, both copies of `infer` share the other, and beside
/// their 4 cores 12 are left, enough for four copies of `web`. They are to stand on two machines, so a box
/// comes in: 3.10 + 0.19.
const FLEET: &str = "
resources cpu core/1000, memory byte
machine box 3x cpu 8000 memory 8000000000 price 0.19
machine gpu 2x cpu 16000 memory 64000000000 devices 2 class 0 price 3.10
item web most 6 cpu 3000 memory 1000000000
item infer most 2 cpu 1000 memory 8000000000 share 400
item train most 1
  form one cpu 2000 memory 1000000000 whole 1 on 0
  form two cpu 2000 memory 1000000000 whole 2 on 0
row web >= 3
row infer == 2
row 3 train.one + 5 train.two >= 3
wish web >= 4 distance
wish spread(web) >= 2 unmet
level unmet: wish0 + wish1
level bill: price
";

/// A solver that passes on what another finds, changed.
struct Liar<F: Fn(&Packing, &mut Solution)>(F);

impl<F: Fn(&Packing, &mut Solution)> Solving for Liar<F> {
    fn solve(&self, problem: Problem<'_>, request: &Request, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let Problem::Packing(packing) = problem else {
            return Highs::new().solve(problem, request, progress);
        };
        let mut outcome = Highs::new().solve(problem, request, progress);
        if let Outcome::Solved(solution) = &mut outcome {
            (self.0)(packing, solution);
        }
        outcome
    }

    fn feasible(&self, _: &Packing, _: &[Assignment], _: &Request) -> Feasibility {
        Feasibility::Unknown
    }
}

/// What the recheck says of a liar's solution.
fn refused(lie: impl Fn(&Packing, &mut Solution)) -> String {
    let problem = packing(FLEET);
    match Liar(lie).solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
        Outcome::Solved(solution) => match recheck(&problem, &solution) {
            Ok(_) => "accepted".into(),
            Err(violations) => violations.iter().map(described).collect(),
        },
        other => format!("{other:?}"),
    }
}

fn described(violation: &Violation) -> String {
    let mut text = format!("{}\n", violation.text);
    for origin in &violation.origins {
        text += &format!("  {}\n", &FLEET[origin.range()]);
    }
    text
}

fn machine(packing: &Packing, name: &str) -> usize {
    packing.machines.iter().position(|machine| machine.name == name).unwrap()
}

#[test]
fn the_truth() {
    assert_snapshot!(text::solve(FLEET), @"
    box[1]: 2 web
    gpu[1]: 2 web, infer #0, infer #0, train.one #1
    unmet = 0, bound 0 (trivial)
    bill = 3.29, bound 3.29 (linear dual)
    ");
    assert_eq!(refused(|_, _| {}), "accepted");
}

#[test]
fn a_false_incumbent() {
    assert_snapshot!(refused(|_, solution| solution.levels[1].incumbent = rational("3.10")), @"bill is 3.29, the solution claims 3.1");
}

#[test]
fn a_bound_above_the_incumbent() {
    assert_snapshot!(refused(|_, solution| solution.levels[1].bound = rational("4")), @"
    the bound 4 of bill is above its value 3.29
    the certificate of bill gives 3.29, the solution claims 4
    ");
}

#[test]
fn a_level_left_out() {
    assert_snapshot!(refused(|_, solution| drop(solution.levels.pop())), @"the solution claims 1 levels, the problem has 2");
}

#[test]
fn a_bound_that_its_multipliers_do_not_give() {
    let lie = |_: &Packing, solution: &mut Solution| {
        solution.levels[1].certificate = Certificate::LinearDual { multipliers: vec![(0, rational("1"))] };
    };
    assert_snapshot!(refused(lie), @"the certificate of bill gives 0, the solution claims 3.29");
}

#[test]
fn multipliers_of_rows_that_do_not_exist() {
    let lie = |_: &Packing, solution: &mut Solution| {
        solution.levels[1].certificate = Certificate::LinearDual { multipliers: vec![(999, rational("1"))] };
    };
    assert_snapshot!(refused(lie), @"the certificate of bill does not apply");
}

#[test]
fn a_search_that_says_too_much_is_proved() {
    let lie = |_: &Packing, solution: &mut Solution| {
        let proved = solution.levels[1].bound.clone();
        solution.levels[1].certificate =
            Certificate::Search { solver: "me".into(), proved, multipliers: Vec::new() };
    };
    assert_snapshot!(refused(lie), @"the certificate of bill gives 0, the solution claims 3.29");
}

#[test]
fn a_trivial_bound_above_0() {
    assert_snapshot!(refused(|_, solution| solution.levels[1].certificate = Certificate::Trivial), @"the certificate of bill gives 0, the solution claims 3.29");
}

#[test]
fn an_overfull_machine() {
    let lie = |packing: &Packing, solution: &mut Solution| {
        let box_1 = machine(packing, "box[1]");
        for assignment in solution.assignments.iter_mut().filter(|assignment| assignment.item == 0) {
            assignment.machine = box_1;
        }
    };
    assert_snapshot!(refused(lie), @"
    box[1] holds 12 of 8 core (cpu)
      machine box 3x cpu 8000 memory 8000000000 price 0.19
      item web most 6 cpu 3000 memory 1000000000
    ");
}

#[test]
fn two_shares_too_many_on_a_device_given_whole() {
    let lie = |_: &Packing, solution: &mut Solution| {
        let device = solution.assignments.iter().find(|of| of.item == 2).unwrap().devices[0];
        for assignment in solution.assignments.iter_mut().filter(|assignment| assignment.item == 1) {
            assignment.devices = vec![device];
        }
    };
    assert_snapshot!(refused(lie), @"
    device 1 of gpu[1] is both given whole and shared
      machine gpu 2x cpu 16000 memory 64000000000 devices 2 class 0 price 3.10
      item infer most 2 cpu 1000 memory 8000000000 share 400
      item train most 1
    ");
}

#[test]
fn a_dropped_copy() {
    let lie = |_: &Packing, solution: &mut Solution| {
        let at = solution.assignments.iter().position(|of| of.item == 1).unwrap();
        solution.assignments.remove(at);
    };
    assert_snapshot!(refused(lie), @"
    copies of infer = 1, exactly 2 is required
      row infer == 2
    ");
}

#[test]
fn a_machine_of_the_wrong_class() {
    let lie = |packing: &Packing, solution: &mut Solution| {
        let box_3 = machine(packing, "box[3]");
        solution.assignments.iter_mut().find(|of| of.item == 2).unwrap().machine = box_3;
    };
    assert_snapshot!(refused(lie), @"
    train is placed on device 1 of box[3], which has 0
      item train most 1
    train as one may not run on box[3]
      item train most 1
      machine box 3x cpu 8000 memory 8000000000 price 0.19
    ");
}

#[test]
fn things_that_do_not_exist() {
    let lie = |_: &Packing, solution: &mut Solution| {
        solution.assignments[0].machine = 77;
        solution.assignments[1].choice = 77;
        solution.assignments[2].item = 77;
        solution.assignments[3].copies = 0;
    };
    assert_snapshot!(refused(lie), @"
    web is placed on machine 77, which does not exist
      item web most 6 cpu 3000 memory 1000000000
    web is placed in form 77, which does not exist
      item web most 6 cpu 3000 memory 1000000000
    an assignment places item 77, which does not exist
    infer is placed on gpu[1] with 0 copies
      item infer most 2 cpu 1000 memory 8000000000 share 400
    infer needs 0 devices of gpu[1], 1 are assigned
      item infer most 2 cpu 1000 memory 8000000000 share 400
    the assignments are not in order of item, choice and machine
    ");
}

/// Each corruption changes one thing; what is still accepted must be as good as the original and claim no
/// more.
#[test]
fn two_hundred_corruptions() {
    let problem = packing(FLEET);
    let packing = &problem;
    let Outcome::Solved(original) =
        Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {})
    else {
        panic!("solved")
    };
    let true_levels = recheck(&problem, &original).unwrap().levels;
    let mut seed: u64 = 1;
    let mut below = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound.max(1)
    };
    let mut refused = 0;
    for round in 0..200 {
        let mut solution = original.clone();
        let at = below(solution.assignments.len());
        let level = below(solution.levels.len());
        let step = rational(["0.01", "1", "0.19", "1/3"][below(4)]);
        match round % 10 {
            0 => solution.assignments[at].machine = below(packing.machines.len()),
            1 => solution.assignments[at].copies += 1 + below(2) as u64,
            2 => drop(solution.assignments.remove(at)),
            3 => {
                let other = below(solution.assignments.len());
                let machine = solution.assignments[at].machine;
                solution.assignments[at].machine = solution.assignments[other].machine;
                solution.assignments[other].machine = machine;
            }
            4 => match solution.assignments[at].devices.first_mut() {
                Some(device) => *device = (*device + 1 + below(2) as u32) % 3,
                None => solution.assignments[at].devices.push(0),
            },
            5 => solution.levels[level].incumbent += step,
            6 => solution.levels[level].incumbent -= step,
            7 => solution.levels[level].bound += step,
            8 => match &mut solution.levels[level].certificate {
                Certificate::LinearDual { multipliers } | Certificate::Search { multipliers, .. } => {
                    let which = below(multipliers.len());
                    match below(3) {
                        0 => drop(multipliers.remove(which)),
                        1 => multipliers[which].1 = -multipliers[which].1.clone(),
                        _ => multipliers[which].1 += step,
                    }
                }
                Certificate::Trivial | Certificate::Copies { .. } => solution.levels[level].bound += step,
            },
            _ => solution.assignments[at].choice += 1,
        }
        if solution == original {
            continue;
        }
        match recheck(&problem, &solution) {
            Err(violations) => {
                refused += 1;
                assert!(violations.iter().all(|violation| !violation.text.is_empty()));
            }
            Ok(values) => {
                assert_eq!(values.levels, true_levels, "round {round}");
                for (claim, value) in solution.levels.iter().zip(&true_levels) {
                    assert!(claim.incumbent == *value && claim.bound <= *value, "round {round}");
                }
                for (confirmed, value) in values.proved.iter().zip(&true_levels) {
                    assert!(confirmed <= value || value.is_zero(), "round {round}");
                }
            }
        }
    }
    // The others changed nothing, swapped what is alike, or claimed less than is true.
    assert!(refused >= 150, "{refused} refused");
}

#[test]
fn problems_that_refer_to_nothing() {
    let mut problem = packing(FLEET);
    let of = &mut problem;
    of.machines[0].capacity.pop();
    of.rows[0].terms[0].1 = berth_compiler::problem::Atom::Copies { item: 9 };
    of.levels[0].terms[0].1 = berth_compiler::problem::LevelAtom::Shortfall { wish: 9 };
    match Highs::new().solve(Problem::Packing(&problem), &Request::default(), &mut |_| {}) {
        Outcome::Unknown { because } => {
            assert_snapshot!(because, @"box[1] states 1 of 2 resources; a row counts an item or a place that does not exist; level unmet counts a wish that does not exist")
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(Highs::new().feasible(&problem, &[], &Request::default()), Feasibility::Unknown));
}

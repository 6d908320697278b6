//! What holds for copies that share a load: what is found passes the check, is the best there is where everything can
//! be tried, and as even as the brief of a cluster asks where it cannot.

use berth_compiler::problem::{Balance, Certificate, Problem, Solution};
use berth_compiler::recheck::{Balanced, recheck_balance};
use berth_compiler::solving::{Cancellation, Outcome, Request, Solving};
use berth_language::span::{FileId, Span};
use berth_solvers::Highs;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 150,
        rng_seed: RngSeed::Fixed(2026),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_best_of_everything_tried_is_found(balance in tiny()) {
        let best = best_of_all(&balance);
        let found = solved(&balance).1;
        prop_assert!(found.bound <= best, "{} is no bound of {best}: {balance:?}", found.bound);
        prop_assert_eq!(&found.fullest, &best, "{:?}", balance);
    }

    #[test]
    fn every_slot_holds_a_copy_and_no_load_is_lost(balance in any_size()) {
        let (_, found) = solved(&balance);
        let total: u128 = balance.loads.iter().map(|load| u128::from(*load)).sum();
        let carried = found.loads.iter().fold(BigRational::zero(), |sum, load| sum + load);
        prop_assert_eq!(carried, BigRational::from_integer(total.into()));
        prop_assert_eq!(found.copies.iter().sum::<u64>(), balance.copies() as u64);
        prop_assert!(found.bound <= found.fullest);
    }

    #[test]
    fn one_slot_more_on_each_device_does_not_raise_the_bound(balance in any_size()) {
        let more = Balance { slots: balance.slots + 1, ..balance.clone() };
        prop_assume!(more.impossible().is_none());
        // What stands beside the largest share grows with the slots; its own bound does not.
        let largest = |balance: &Balance| {
            let (solution, _) = solved(balance);
            let counts = certified(&solution);
            let shares = balance.loads.iter().zip(counts);
            shares.map(|(load, count)| BigRational::new((*load).into(), count.into())).max()
        };
        prop_assert!(largest(&more) <= largest(&balance));
    }

    #[test]
    fn the_same_loads_give_the_same_copies(balance in any_size()) {
        prop_assert_eq!(solved(&balance).0, solved(&balance).0);
    }

    #[test]
    fn what_is_altered_is_refused(balance in any_size(), at in any::<prop::sample::Index>(), how in 0..6) {
        let (mut solution, before) = solved(&balance);
        let place = at.index(solution.assignments.len());
        let copy = &mut solution.assignments[place];
        match how {
            0 => copy.machine = (copy.machine + 1) % (balance.devices + 1),
            1 => copy.item = balance.loads.len(),
            2 => drop(solution.assignments.remove(place)),
            3 => solution.levels[0].incumbent += BigRational::new(1.into(), 7.into()),
            4 => solution.levels[0].bound = &before.bound + BigRational::new(1.into(), 7.into()),
            _ => solution.levels[0].certificate = Certificate::Copies { counts: vec![1; balance.loads.len() + 1] },
        }
        prop_assert!(recheck_balance(&balance, &solution).is_err(), "{:?} {}", balance, how);
    }
}

/// What the solver finds, as it passes the check.
fn solved(balance: &Balance) -> (Solution, Balanced) {
    match Highs::new().solve(Problem::Balance(balance), &Request::default(), &mut |_| {}) {
        Outcome::Solved(solution) => {
            let found = recheck_balance(balance, &solution).expect("what the solver returns holds");
            (solution, found)
        }
        other => panic!("{other:?}: {balance:?}"),
    }
}

fn certified(solution: &Solution) -> Vec<u64> {
    match &solution.levels[0].certificate {
        Certificate::Copies { counts } => counts.clone(),
        other => panic!("{other:?}"),
    }
}

fn balance(loads: Vec<u64>, devices: usize, slots: usize) -> Balance {
    let origin = Span::new(FileId(0), 0, 1);
    Balance { name: "layer".into(), loads, devices, slots, gap: BigRational::zero(), origin }
}

fn tiny() -> impl Strategy<Value = Balance> {
    let sizes = (2_usize..=4, 1_usize..=3).prop_flat_map(|(parts, devices)| {
        let least = parts.div_ceil(devices);
        (Just(parts), Just(devices), least..=parts)
    });
    sizes.prop_flat_map(|(parts, devices, slots)| {
        let loads = prop::collection::vec(prop_oneof![0_u64..5, 0_u64..100], parts);
        loads.prop_map(move |loads| balance(loads, devices, slots))
    })
}

fn any_size() -> impl Strategy<Value = Balance> {
    let sizes = (1_usize..=24, 1_usize..=8).prop_flat_map(|(parts, devices)| {
        let least = parts.div_ceil(devices);
        (Just(parts), Just(devices), least..=(least + 2).min(parts))
    });
    sizes.prop_flat_map(|(parts, devices, slots)| {
        let loads = prop::collection::vec(prop_oneof![Just(0), 0_u64..1_000, any::<u64>()], parts);
        loads.prop_map(move |loads| balance(loads, devices, slots))
    })
}

/// The least that the fullest device carries over all ways to fill all slots.
fn best_of_all(balance: &Balance) -> BigRational {
    let parts = balance.loads.len();
    let sets: Vec<u32> =
        (0..1_u32 << parts).filter(|set| set.count_ones() as usize == balance.slots).collect();
    let mut chosen = vec![0_usize; balance.devices];
    let mut best: Option<BigRational> = None;
    loop {
        let held: Vec<u32> = chosen.iter().map(|set| sets[*set]).collect();
        let copies = |part: usize| held.iter().filter(|set| **set >> part & 1 == 1).count();
        if (0..parts).all(|part| copies(part) > 0) {
            let load = |set: &u32| {
                let on = (0..parts).filter(|part| set >> part & 1 == 1);
                on.fold(BigRational::zero(), |sum, part| {
                    sum + BigRational::new(balance.loads[part].into(), copies(part).into())
                })
            };
            let fullest = held.iter().map(load).max().unwrap();
            best = Some(best.map_or(fullest.clone(), |best| best.min(fullest)));
        }
        let Some(next) = chosen.iter().position(|set| *set + 1 < sets.len()) else { return best.unwrap() };
        chosen[next] += 1;
        chosen[..next].fill(0);
    }
}

/// The mean load of a device over that of the fullest.
fn balancedness(balance: &Balance) -> f64 {
    let (_, found) = solved(balance);
    let total: u128 = balance.loads.iter().map(|load| u128::from(*load)).sum();
    let mean = BigRational::new(total.into(), balance.devices.into());
    (mean / found.fullest).to_f64().unwrap()
}

/// `10^12 / rank^exponent`, each times something between a half and twice that the seed says.
fn zipf(experts: usize, exponent: f64, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (2.0 * ((state >> 11) as f64 / (1_u64 << 53) as f64) - 1.0).exp2()
    };
    (1..=experts).map(|rank| (1e12 / (rank as f64).powf(exponent) * noise()) as u64).collect()
}

#[test]
fn experts_of_a_large_model_are_spread_evenly() {
    // Beyond it the hottest copies leave the fullest device with more than the mean, whatever stands beside them.
    for exponent in [0.3, 0.6, 0.8, 1.0] {
        for seed in 0..8 {
            let gap = BigRational::new(1.into(), 2_000.into());
            let even = balancedness(&Balance { gap, ..balance(zipf(256, exponent, seed), 32, 9) });
            assert!(even >= 0.999, "{even} at {exponent}, seed {seed}");
        }
    }
}

#[test]
fn the_edges_of_what_loads_can_be() {
    // Nothing arrives: nothing is uneven.
    let (_, found) = solved(&balance(vec![0; 16], 4, 5));
    assert_eq!((found.fullest, found.bound), (BigRational::zero(), BigRational::zero()));
    // One part carries all: a copy on every device.
    let mut loads = vec![0; 16];
    loads[5] = u64::MAX;
    let (_, found) = solved(&balance(loads, 4, 5));
    assert_eq!(found.copies[5], 4);
    assert_eq!(found.fullest, BigRational::new(u64::MAX.into(), 4.into()));
    assert_eq!(found.fullest, found.bound);
    // The largest numbers there are.
    let (_, found) = solved(&balance(vec![u64::MAX; 6], 3, 2));
    assert_eq!(found.fullest, BigRational::new((u128::from(u64::MAX) * 2).into(), 1.into()));
    assert_eq!(found.fullest, found.bound);
}

#[test]
fn slots_that_hold_no_copies() {
    let because = |balance: &Balance| match Highs::new().solve(
        Problem::Balance(balance),
        &Request::default(),
        &mut |_| {},
    ) {
        Outcome::Unknown { because } => because,
        other => panic!("{other:?}"),
    };
    assert_eq!(because(&balance(vec![1; 9], 4, 2)), "4 devices with 2 slots each hold 8 copies of 9 parts");
    assert_eq!(
        because(&balance(vec![1; 3], 2, 4)),
        "4 slots on one device are more than the 3 parts there are"
    );
}

#[test]
fn what_is_cancelled_holds() {
    let request = Request { cancellation: Cancellation::default(), ..Request::default() };
    request.cancellation.cancel();
    let balance = balance(zipf(256, 1.0, 1), 32, 9);
    match Highs::new().solve(Problem::Balance(&balance), &request, &mut |_| {}) {
        Outcome::Solved(solution) => assert!(recheck_balance(&balance, &solution).is_ok()),
        other => panic!("{other:?}"),
    }
}

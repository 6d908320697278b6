//! The exact check of a solution: every constraint, every claim, in integers and rationals.
//!
//! Nothing here is shared with a solver, and nothing that a solver says is used without being
//! computed again. Claims about bounds are confirmed through [`relaxation`](crate::relaxation).

mod balance;

pub use balance::{Balanced, least_fullest, recheck_balance, recheck_copies};

use crate::problem::{
    Assignment, Atom, Certificate, Devices, LevelAtom, LevelClaim, Packing, Relation, Row, Running,
    Shortfall, Solution, Wish, moves,
};
use crate::problem_description::{amounts, atom_text, joined, number, survived};
use crate::relaxation::{Goal, proved, relaxation};
use berth_language::span::Span;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// A constraint or a claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The lines that say it; empty where only a claim is wrong.
    pub origins: Vec<Span>,
    /// `box[1] holds 9.5 of 8 core (cpu)`
    pub text: String,
}

/// What a solution amounts to, computed from its assignments alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// By item and choice.
    pub copies: Vec<Vec<u64>>,
    /// Machines that hold at least one copy, ascending.
    pub machines_in_use: Vec<usize>,
    /// By item: the machines that hold copies of it, and how many.
    pub standing: Vec<BTreeMap<usize, u64>>,
    /// By item: the same by machine and form.
    pub standing_as: Vec<BTreeMap<(usize, usize), u64>>,
    /// By item: the places of the problem that hold copies of it in which form, and how many.
    pub on_places: Vec<BTreeMap<(usize, usize), u64>>,
    /// By item: distinct machines that hold a copy of it.
    pub spread: Vec<u64>,
    /// Money an hour of all machines in use.
    pub price: BigRational,
    /// By item: copies that move.
    pub moves: Vec<u64>,
    /// By wish.
    pub shortfalls: Vec<BigRational>,
    /// By level.
    pub levels: Vec<BigRational>,
    /// By level: the bound that exact arithmetic confirms, which may lie below the one claimed.
    pub proved: Vec<BigRational>,
}

/// Whether the solution keeps every constraint and every claim in it is true: each incumbent equals
/// the value at the assignments, no bound is above its incumbent, and each certificate gives what it
/// is said to give.
pub fn recheck(packing: &Packing, solution: &Solution) -> Result<Values, Vec<Violation>> {
    let mut values = recheck_assignments(packing, &solution.assignments)?;
    let mut violations = Vec::new();
    if solution.levels.len() != packing.levels.len() {
        violations.push(claim(format!(
            "the solution claims {} levels, the problem has {}",
            solution.levels.len(),
            packing.levels.len()
        )));
        return Err(violations);
    }
    values.proved = solution
        .levels
        .iter()
        .enumerate()
        .map(|(level, claimed)| check_claim(packing, level, claimed, &values.levels, &mut violations))
        .collect();
    if violations.is_empty() { Ok(values) } else { Err(violations) }
}

/// Whether the assignments keep every constraint; nothing is claimed of levels, so
/// [`Values::proved`] is empty.
pub fn recheck_assignments(packing: &Packing, assignments: &[Assignment]) -> Result<Values, Vec<Violation>> {
    well_formed(packing)?;
    let misshapen = misshapen_assignments(packing, assignments);
    if !misshapen.is_empty() {
        return Err(misshapen);
    }
    let mut violations = Vec::new();
    check_capacities(packing, assignments, &mut violations);
    check_devices(packing, assignments, &mut violations);
    let values = values(packing, assignments);
    for (item, copies) in packing.items.iter().zip(&values.copies) {
        let total: BigInt = copies.iter().map(|&count| BigInt::from(count)).sum();
        if total > BigInt::from(item.most) {
            violations.push(Violation {
                origins: vec![item.origin],
                text: format!("{} has {total} copies, at most {} are allowed", item.name, item.most),
            });
        }
    }
    for row in &packing.rows {
        let sum = left_side(packing, row, &values);
        if !distance(row, &sum).is_zero() {
            violations.push(Violation { origins: row.origins.clone(), text: row_text(packing, row, &sum) });
        }
    }
    if violations.is_empty() { Ok(values) } else { Err(violations) }
}

/// Whether the problem's own indices and lengths are right: amounts for every resource, rows over items
/// that exist, levels over wishes that exist.
pub fn well_formed(packing: &Packing) -> Result<(), Vec<Violation>> {
    let malformed = malformations(packing);
    if malformed.is_empty() { Ok(()) } else { Err(malformed) }
}

fn claim(text: String) -> Violation {
    Violation { origins: Vec::new(), text }
}

/// Indices and lengths of the problem itself, so that the rest may rely on them.
fn malformations(packing: &Packing) -> Vec<Violation> {
    let mut found = Vec::new();
    let resources = packing.resources.len();
    for machine in &packing.machines {
        if machine.capacity.len() != resources {
            found.push(Violation {
                origins: vec![machine.origin],
                text: format!("{} states {} of {resources} resources", machine.name, machine.capacity.len()),
            });
        }
    }
    for item in &packing.items {
        for choice in &item.choices {
            if choice.demand.len() != resources {
                found.push(Violation {
                    origins: vec![item.origin],
                    text: format!("{} demands {} of {resources} resources", item.name, choice.demand.len()),
                });
            }
        }
    }
    let machines = packing.machines.len();
    for place in &packing.places {
        let ascending = place.machines.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || place.machines.last().is_some_and(|&last| last >= machines) {
            found.push(claim(format!("{} does not name machines that exist, ascending", place.name)));
        }
    }
    for division in &packing.divisions {
        if division.part_of.len() != machines {
            found.push(claim(format!("the {} do not say where each machine belongs", division.name)));
        }
    }
    for hazard in &packing.hazards {
        if hazard.part_of.len() != machines {
            found.push(claim(format!(
                "the hazard of {} does not say what of it each machine is",
                hazard.name
            )));
        }
    }
    let rows = packing.rows.iter().chain(packing.wishes.iter().map(|wish| &wish.row));
    for row in rows {
        let counts_copies = |atom: &Atom| matches!(atom, Atom::Copies { .. } | Atom::CopiesOf { .. });
        let may_survive = row.relation == Relation::AtLeast
            && row.terms.iter().all(|(factor, atom)| factor.is_positive() && counts_copies(atom));
        if row.survives.is_some_and(|hazard| hazard >= packing.hazards.len() || !may_survive) {
            found.push(Violation {
                origins: row.origins.clone(),
                text: "a row survives what does not exist, or counts more than copies".into(),
            });
        }
        let known = |item: usize, choice: usize| {
            packing.items.get(item).is_some_and(|item| choice == 0 || choice < item.choices.len())
        };
        let all_known = row.terms.iter().all(|(_, atom)| match *atom {
            Atom::Copies { item } | Atom::Spread { item } => known(item, 0),
            Atom::CopiesOf { item, choice } => known(item, choice),
            Atom::CopiesOn { item, choice, place } => {
                known(item, choice.unwrap_or(0)) && place < packing.places.len()
            }
            Atom::SpreadOver { item, division } => known(item, 0) && division < packing.divisions.len(),
            Atom::Price | Atom::Moves => true,
        });
        if !all_known {
            found.push(Violation {
                origins: row.origins.clone(),
                text: "a row counts an item or a place that does not exist".into(),
            });
        }
    }
    let is_known = |running: &Running| {
        running.item < packing.items.len()
            && running.machine.is_none_or(|machine| machine < packing.machines.len())
    };
    let places = packing.running.iter().map(|running| (running.item, running.machine));
    if !packing.running.iter().all(is_known) || !places.is_sorted_by(|left, right| left < right) {
        found.push(claim("what runs is not in order, or runs where nothing is".into()));
    }
    for level in &packing.levels {
        let unknown = level
            .terms
            .iter()
            .any(|(_, atom)| matches!(atom, LevelAtom::Shortfall { wish } if *wish >= packing.wishes.len()));
        if unknown {
            found.push(claim(format!("level {} counts a wish that does not exist", level.name)));
        }
    }
    found
}

/// Assignments that do not even say something about this problem.
fn misshapen_assignments(packing: &Packing, assignments: &[Assignment]) -> Vec<Violation> {
    let mut found = Vec::new();
    for assignment in assignments {
        let Some(item) = packing.items.get(assignment.item) else {
            found.push(claim(format!("an assignment places item {}, which does not exist", assignment.item)));
            continue;
        };
        let mut refuse = |text: String| {
            found.push(Violation { origins: vec![item.origin], text: format!("{} {text}", item.name) })
        };
        let Some(choice) = item.choices.get(assignment.choice) else {
            refuse(format!("is placed in form {}, which does not exist", assignment.choice));
            continue;
        };
        let Some(machine) = packing.machines.get(assignment.machine) else {
            refuse(format!("is placed on machine {}, which does not exist", assignment.machine));
            continue;
        };
        if assignment.copies == 0 {
            refuse(format!("is placed on {} with 0 copies", machine.name));
        }
        let expected = match choice.devices {
            Devices::None => 0,
            Devices::Whole(count) => u128::from(assignment.copies) * u128::from(count),
            Devices::Share(_) => u128::from(assignment.copies),
        };
        if matches!(choice.devices, Devices::Share(_)) && assignment.copies > 1 {
            refuse(format!("puts {} shares on {} in one assignment", assignment.copies, machine.name));
        }
        if assignment.devices.len() as u128 != expected {
            refuse(format!(
                "needs {expected} devices of {}, {} are assigned",
                machine.name,
                assignment.devices.len()
            ));
        }
        for device in &assignment.devices {
            if *device >= machine.devices {
                refuse(format!(
                    "is placed on device {device} of {}, which has {}",
                    machine.name, machine.devices
                ));
            }
        }
        if let Some(classes) = &choice.classes
            && !machine.class.is_some_and(|class| classes.contains(&class))
        {
            let form = if choice.name.is_empty() { String::new() } else { format!(" as {}", choice.name) };
            found.push(Violation {
                origins: vec![item.origin, machine.origin],
                text: format!("{}{form} may not run on {}", item.name, machine.name),
            });
        }
    }
    if !assignments.is_sorted() {
        found.push(claim("the assignments are not in order of item, choice and machine".into()));
    }
    found
}

fn check_capacities(packing: &Packing, assignments: &[Assignment], violations: &mut Vec<Violation>) {
    let mut held: BTreeMap<(usize, usize), (BigInt, BTreeSet<usize>)> = BTreeMap::new();
    for assignment in assignments {
        let demand = &packing.items[assignment.item].choices[assignment.choice].demand;
        for (resource, &amount) in demand.iter().enumerate().filter(|(_, amount)| **amount > 0) {
            let (sum, items) = held.entry((assignment.machine, resource)).or_default();
            *sum += BigInt::from(amount) * BigInt::from(assignment.copies);
            items.insert(assignment.item);
        }
    }
    for ((machine, resource), (sum, items)) in held {
        let machine = &packing.machines[machine];
        let capacity = BigInt::from(machine.capacity[resource]);
        if sum > capacity {
            let resource = &packing.resources[resource];
            violations.push(Violation {
                origins: with_items(packing, machine.origin, &items),
                text: format!(
                    "{} holds {} ({})",
                    machine.name,
                    amounts(&resource.unit, &sum, &capacity),
                    resource.name
                ),
            });
        }
    }
}

/// What is taken of one device.
#[derive(Default)]
struct Taken {
    whole: u64,
    shares: u64,
    share: BigInt,
    items: BTreeSet<usize>,
}

fn check_devices(packing: &Packing, assignments: &[Assignment], violations: &mut Vec<Violation>) {
    let mut taken: BTreeMap<(usize, u32), Taken> = BTreeMap::new();
    for assignment in assignments {
        let devices = packing.items[assignment.item].choices[assignment.choice].devices;
        for &device in &assignment.devices {
            let entry = taken.entry((assignment.machine, device)).or_default();
            entry.items.insert(assignment.item);
            match devices {
                Devices::None => {}
                Devices::Whole(_) => entry.whole += 1,
                Devices::Share(share) => {
                    entry.shares += 1;
                    entry.share += BigInt::from(share);
                }
            }
        }
    }
    let scale = BigInt::from(packing.share_scale);
    for ((machine, device), taken) in taken {
        let machine = &packing.machines[machine];
        let mut refuse = |text: String| {
            violations.push(Violation {
                origins: with_items(packing, machine.origin, &taken.items),
                text: format!("device {device} of {} {text}", machine.name),
            });
        };
        if taken.whole > 1 {
            refuse(format!("is given whole to {} copies", taken.whole));
        }
        if taken.whole > 0 && taken.shares > 0 {
            refuse("is both given whole and shared".into());
        }
        if taken.share > scale {
            let of_one =
                |amount: BigInt| number(&BigRational::new(amount, scale.clone().max(BigInt::from(1))));
            refuse(format!("holds shares of {} in all, 1 is there", of_one(taken.share)));
        }
    }
}

fn with_items(packing: &Packing, origin: Span, items: &BTreeSet<usize>) -> Vec<Span> {
    let mut origins = vec![origin];
    for &item in items {
        let origin = packing.items[item].origin;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    origins
}

/// Everything that follows from the assignments, which are known to be well shaped.
fn values(packing: &Packing, assignments: &[Assignment]) -> Values {
    let mut copies: Vec<Vec<u64>> = packing.items.iter().map(|item| vec![0; item.choices.len()]).collect();
    let mut machines = BTreeSet::new();
    let mut standing: Vec<BTreeMap<usize, u64>> = vec![BTreeMap::new(); packing.items.len()];
    let mut standing_as: Vec<BTreeMap<(usize, usize), u64>> = vec![BTreeMap::new(); packing.items.len()];
    let mut on_places: Vec<BTreeMap<(usize, usize), u64>> = vec![BTreeMap::new(); packing.items.len()];
    let mut places_of: Vec<Vec<usize>> = vec![Vec::new(); packing.machines.len()];
    for (index, place) in packing.places.iter().enumerate() {
        for &machine in &place.machines {
            places_of[machine].push(index);
        }
    }
    for assignment in assignments {
        let count = &mut copies[assignment.item][assignment.choice];
        *count = count.saturating_add(assignment.copies);
        machines.insert(assignment.machine);
        let standing = standing[assignment.item].entry(assignment.machine).or_default();
        *standing = standing.saturating_add(assignment.copies);
        let standing_as = &mut standing_as[assignment.item];
        let standing_as = standing_as.entry((assignment.machine, assignment.choice)).or_default();
        *standing_as = standing_as.saturating_add(assignment.copies);
        for &place in &places_of[assignment.machine] {
            let count = on_places[assignment.item].entry((place, assignment.choice)).or_default();
            *count = count.saturating_add(assignment.copies);
        }
    }
    let price = machines.iter().map(|&machine| &packing.machines[machine].price).sum();
    let mut values = Values {
        copies,
        machines_in_use: machines.into_iter().collect(),
        spread: standing.iter().map(|standing| standing.len() as u64).collect(),
        standing,
        standing_as,
        on_places,
        price,
        moves: moved(packing, assignments),
        shortfalls: Vec::new(),
        levels: Vec::new(),
        proved: Vec::new(),
    };
    values.shortfalls = packing.wishes.iter().map(|wish| shortfall(packing, wish, &values)).collect();
    values.levels = packing
        .levels
        .iter()
        .map(|level| {
            let terms = level.terms.iter().map(|(factor, atom)| match atom {
                LevelAtom::Shortfall { wish } => factor * &values.shortfalls[*wish],
                LevelAtom::Price => factor * &values.price,
                LevelAtom::Moves => factor * all_moves(&values),
            });
            terms.sum()
        })
        .collect();
    values
}

/// By item: copies that move from where they run now.
fn moved(packing: &Packing, assignments: &[Assignment]) -> Vec<u64> {
    let mut placed: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let mut planned = vec![0_u64; packing.items.len()];
    for Assignment { item, machine, copies, .. } in assignments {
        let here = placed.entry((*item, *machine)).or_default();
        *here = here.saturating_add(*copies);
        planned[*item] = planned[*item].saturating_add(*copies);
    }
    let mut running = vec![0_u64; packing.items.len()];
    let mut kept = vec![0_u64; packing.items.len()];
    for Running { item, machine, copies } in &packing.running {
        running[*item] = running[*item].saturating_add(*copies);
        let stays = machine.and_then(|machine| placed.get(&(*item, machine)));
        kept[*item] = kept[*item].saturating_add(stays.map_or(0, |here| *here.min(copies)));
    }
    (0..packing.items.len()).map(|item| moves(planned[item], running[item], kept[item])).collect()
}

fn all_moves(values: &Values) -> BigRational {
    BigRational::from_integer(values.moves.iter().map(|&count| BigInt::from(count)).sum())
}

fn integer(count: u64) -> BigRational {
    BigRational::from_integer(BigInt::from(count))
}

/// The left side of a row.
pub fn left_side(packing: &Packing, row: &Row, values: &Values) -> BigRational {
    debug_assert!(packing.items.len() == values.copies.len());
    let terms = row.terms.iter().map(|(factor, atom)| {
        let count = match *atom {
            Atom::Copies { item } => {
                BigRational::from_integer(values.copies[item].iter().map(|&count| BigInt::from(count)).sum())
            }
            Atom::CopiesOf { item, choice } => {
                values.copies[item].get(choice).map_or_else(BigRational::zero, |&count| integer(count))
            }
            Atom::CopiesOn { item, choice, place } => {
                let here = values.on_places[item].range((place, 0)..=(place, usize::MAX));
                let counted = here.filter(|((_, form), _)| choice.is_none_or(|choice| choice == *form));
                BigRational::from_integer(counted.map(|(_, &count)| BigInt::from(count)).sum())
            }
            Atom::Spread { item } => integer(values.spread[item]),
            Atom::SpreadOver { item, division } => {
                let part_of = &packing.divisions[division].part_of;
                let parts: BTreeSet<usize> =
                    values.standing[item].keys().filter_map(|&machine| part_of[machine]).collect();
                integer(parts.len() as u64)
            }
            Atom::Price => values.price.clone(),
            Atom::Moves => all_moves(values),
        };
        factor * count
    });
    terms.sum::<BigRational>() - lost(packing, row, values)
}

/// The most that a row counts on any one part of what it survives.
fn lost(packing: &Packing, row: &Row, values: &Values) -> BigRational {
    let Some(hazard) = row.survives else { return BigRational::zero() };
    let hazard = &packing.hazards[hazard];
    let mut by_part: BTreeMap<usize, BigRational> = BTreeMap::new();
    for (factor, atom) in &row.terms {
        let (item, choice) = match *atom {
            Atom::Copies { item } => (item, None),
            Atom::CopiesOf { item, choice } => (item, Some(choice)),
            _ => continue,
        };
        for (&(machine, form), &copies) in &values.standing_as[item] {
            if let Some(part) = hazard.part(machine)
                && choice.is_none_or(|choice| choice == form)
            {
                *by_part.entry(part).or_default() += factor * integer(copies);
            }
        }
    }
    by_part.into_values().max().unwrap_or_default()
}

/// How far a row is from holding; 0 where it holds.
fn distance(row: &Row, sum: &BigRational) -> BigRational {
    let over = sum - &row.bound;
    match row.relation {
        Relation::AtMost => over.max(BigRational::zero()),
        Relation::AtLeast => (-over).max(BigRational::zero()),
        Relation::Equal => over.abs(),
    }
}

fn shortfall(packing: &Packing, wish: &Wish, values: &Values) -> BigRational {
    let distance = distance(&wish.row, &left_side(packing, &wish.row, values));
    match wish.shortfall {
        Shortfall::Distance => distance,
        Shortfall::Unmet if distance.is_zero() => BigRational::zero(),
        Shortfall::Unmet => integer(1),
    }
}

/// `copies of web are 2, at least 3 are required`
fn row_text(packing: &Packing, row: &Row, sum: &BigRational) -> String {
    let names: Vec<String> =
        row.terms.iter().map(|(factor, atom)| atom_text(packing, factor, *atom)).collect();
    let relation = match row.relation {
        Relation::AtMost => "at most",
        Relation::AtLeast => "at least",
        Relation::Equal => "exactly",
    };
    let (counted, survived) = (joined(&names), survived(packing, row));
    format!("{counted}{survived} = {}, {relation} {} is required", number(sum), number(&row.bound))
}

/// Checks one level's claim and returns the bound that is confirmed.
fn check_claim(
    packing: &Packing,
    level: usize,
    claimed: &LevelClaim,
    actual: &[BigRational],
    violations: &mut Vec<Violation>,
) -> BigRational {
    let name = &packing.levels[level].name;
    if claimed.incumbent != actual[level] {
        violations.push(claim(format!(
            "{name} is {}, the solution claims {}",
            number(&actual[level]),
            number(&claimed.incumbent)
        )));
    }
    if claimed.bound > actual[level] {
        violations.push(claim(format!(
            "the bound {} of {name} is above its value {}",
            number(&claimed.bound),
            number(&actual[level])
        )));
    }
    let confirmed = |multipliers: &[(usize, BigRational)]| {
        let relaxed = relaxation(packing, Goal::Level { level, frozen: &actual[..level] });
        let in_range = multipliers.iter().all(|(row, _)| *row < relaxed.rows.len());
        in_range.then(|| proved(&relaxed, multipliers))
    };
    let (asserted, confirmed) = match &claimed.certificate {
        Certificate::Trivial => {
            let confirmed = never_negative(packing, level).then(BigRational::zero);
            (&claimed.bound, confirmed)
        }
        Certificate::LinearDual { multipliers } => (&claimed.bound, confirmed(multipliers)),
        Certificate::Search { proved, multipliers, .. } => {
            if *proved > claimed.bound {
                violations.push(claim(format!(
                    "{name} is said to be proved to {}, above its bound {}",
                    number(proved),
                    number(&claimed.bound)
                )));
            }
            (proved, confirmed(multipliers))
        }
        Certificate::Copies { .. } => (&claimed.bound, None),
    };
    match confirmed {
        Some(confirmed) if confirmed >= *asserted => asserted.clone(),
        Some(confirmed) => {
            violations.push(claim(format!(
                "the certificate of {name} gives {}, the solution claims {}",
                number(&confirmed),
                number(asserted)
            )));
            confirmed
        }
        None => {
            violations.push(claim(format!("the certificate of {name} does not apply")));
            BigRational::zero()
        }
    }
}

/// Whether a level is a sum of non-negative terms: shortfalls never are below 0, and a price is a sum
/// over machines.
fn never_negative(packing: &Packing, level: usize) -> bool {
    let prices_not_negative = packing.machines.iter().all(|machine| !machine.price.is_negative());
    packing.levels[level].terms.iter().all(|(factor, atom)| {
        !factor.is_negative()
            && match atom {
                LevelAtom::Shortfall { .. } | LevelAtom::Moves => true,
                LevelAtom::Price => prices_not_negative,
            }
    })
}

//! Candidates to problem: the one function that scales exact quantities to a solver's integers.
//!
//! Amounts of a resource become integers of one unit; where a unit fine enough for every amount would
//! be absurd, demand is rounded up and capacity down. Every row names the lines it comes from.

mod groups;
mod hazards;
mod lines;
mod shares;

pub use lines::{is_linear, opposite};

use crate::candidates::{Candidates, Disregarded, least_common_multiple, share_scale};
use crate::jobs::{job_rows, jobs};
use crate::moments::Moment;
use crate::problem::{
    Atom, Choice, Devices, Item, Level, LevelAtom, Machine, Packing, Relation, Resource, Row, Running,
    Shortfall, Wish,
};
use berth_language::model::{
    Condition, Market, Node, Objective, Program, Requirement, Wish as WishLine, Work,
};
use berth_language::quantity::Quantity;
use berth_language::span::Span;
use lines::Lines;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// Indices into [`Packing::resources`].
const CPU: usize = 0;
const MEMORY: usize = 1;

/// More copies of one item than this are never considered.
pub const MOST_COPIES: u64 = 1_000_000;

/// The finest unit of cpu: a millionth of a core.
const FINEST: u64 = 1_000_000;

/// Seconds an hour: money is compared by the hour.
pub const HOUR: u64 = 3_600;

/// The problem that `program` poses over `candidates`, with the lines in `without` left out.
pub fn problem(program: &Program, candidates: &Candidates, without: &Disregarded) -> Packing {
    let scales = [cpu_scale(program), 1];
    let mut packing = Packing {
        resources: vec![
            Resource { name: "cpu".into(), unit: format!("core/{}", scales[CPU]) },
            Resource { name: "memory".into(), unit: "byte".into() },
        ],
        machines: program.nodes.iter().map(|node| machine(candidates, node, scales)).collect(),
        share_scale: share_scale(program),
        ..Packing::default()
    };
    let states_pods = program.nodes.iter().any(|node| node.pods.is_some());
    if states_pods {
        add_pods(program, &mut packing);
    }
    let empties = !program.drained.is_empty();
    if empties {
        add_room(program, &mut packing);
    }
    // What each replica takes one of.
    let counted = usize::from(states_pods) + usize::from(empties);
    for index in 0..program.services.len() {
        let item = item(program, candidates, index, scales, counted, &packing, without);
        packing.items.push(item);
    }
    // What a copy of a model takes beside devices is not stated.
    let of_models: Vec<u64> = [0, 0].into_iter().chain(std::iter::repeat_n(1, counted)).collect();
    for (index, job) in jobs(program) {
        let demand = of_models.clone();
        packing.items.push(item_of(&job.name, job.span, candidates, index, demand, MOST_COPIES, &packing));
    }
    groups::add_others(program, candidates, &of_models, &mut packing);
    for index in 0..program.services.len() {
        service_rows(program, candidates, index, without, &mut packing);
    }
    for job in jobs(program) {
        packing.rows.extend(job_rows(program, job, candidates, without));
    }
    let mut lines = Lines::new(program, &mut packing);
    let tainted = lines.tainted(without);
    lines.packing.rows.extend(tainted);
    let together = lines.together();
    lines.packing.rows.extend(together);
    let quotas = lines.quotas(candidates, without);
    lines.packing.rows.extend(quotas);
    for requirement in requirements(program).filter(|requirement| !without.contains(&requirement.span)) {
        for scenario in requirement.when.worlds().filter(|world| !is_left_out(program, *world, without)) {
            let Some(condition) = requirement.judged() else { continue };
            let rows = lines.rows(condition, scenario, requirement.span).unwrap_or_default();
            lines.packing.rows.extend(rows);
        }
    }
    hazards::join(&mut packing);
    wishes_and_levels(program, candidates, &mut packing);
    if moves_before_bill(program).is_some() {
        add_moves(program, &mut packing);
    }
    packing
}

/// A resource of which each replica takes one, where some node says how many it takes at most. Others have
/// [`MOST_COPIES`].
fn add_pods(program: &Program, packing: &mut Packing) {
    packing.resources.push(Resource { name: "pods".into(), unit: "pod".into() });
    for (node, machine) in program.nodes.iter().zip(&mut packing.machines) {
        let most = node.pods.as_ref().map_or(MOST_COPIES, |pods| pods.value.min(MOST_COPIES));
        machine.capacity.push(most);
    }
}

/// Where nodes are being emptied, a resource that says so.
pub const ROOM: &str = "room";

/// A resource of which each replica takes one: nodes that are being emptied have none, all others enough.
fn add_room(program: &Program, packing: &mut Packing) {
    packing.resources.push(Resource { name: ROOM.into(), unit: "replica".into() });
    for (index, machine) in packing.machines.iter_mut().enumerate() {
        let drained = program.drained.binary_search(&index).is_ok();
        machine.capacity.push(if drained { 0 } else { MOST_COPIES });
    }
}

/// Lets `packing` know what runs now. What the program does not minimise before is settled by it: of plans that are
/// as good, one under which the fewest replicas move.
pub fn observe(packing: &mut Packing, program: &Program, running: Vec<Running>) {
    packing.running = running;
    if moves_before_bill(program).is_none() {
        add_moves(program, packing);
    }
}

/// Whether moves are minimised before the bill; none where the program does not minimise them.
fn moves_before_bill(program: &Program) -> Option<bool> {
    let at = |wanted: Objective| program.plan.minimize.iter().position(|entry| entry.value == wanted);
    let moves = at(Objective::Moves)?;
    Some(at(Objective::Bill).is_none_or(|bill| moves < bill))
}

fn add_moves(program: &Program, packing: &mut Packing) {
    let level = Level {
        name: "moves".into(),
        unit: "1".into(),
        terms: vec![(BigRational::one(), LevelAtom::Moves)],
        gap: BigRational::zero(),
    };
    // The bill is the last of the others.
    let last = packing.levels.len();
    let before_bill = moves_before_bill(program) == Some(true);
    packing.levels.insert(if before_bill { last.saturating_sub(1) } else { last }, level);
}

/// Money an hour that is paid whatever the plan: reserved machines.
pub fn standing_price(program: &Program) -> BigRational {
    program
        .nodes
        .iter()
        .filter(|node| node.market == Market::Reserved)
        .filter_map(|node| node.price.as_ref())
        .map(|price| per_hour(&price.value.mean()))
        .sum()
}

/// Every requirement of the program: those of services and jobs, then those of plans and policies.
pub fn requirements(program: &Program) -> impl Iterator<Item = &Requirement> {
    let of_services = program.services.iter().flat_map(|service| &service.requirements);
    let of_jobs = program.jobs.iter().flat_map(|job| &job.requirements);
    of_services.chain(of_jobs).chain(&program.requirements)
}

/// Money by the hour.
pub fn per_hour(price: &Quantity) -> BigRational {
    &price.value * BigRational::from_integer(HOUR.into())
}

fn cpu_scale(program: &Program) -> u64 {
    let amounts = program.nodes.iter().filter_map(|node| node.cpu.as_ref()).chain(
        program.services.iter().filter_map(|service| match &service.work {
            Work::Image(work) => work.cpu.as_ref(),
            Work::Llm(_) => None,
        }),
    );
    let mut scale = BigInt::from(1_000);
    for amount in amounts {
        let denominator = amount.value.value.denom();
        scale = least_common_multiple(&scale, denominator);
        if scale > BigInt::from(FINEST) {
            return FINEST;
        }
    }
    scale.to_u64().unwrap_or(FINEST)
}

fn round_up(amount: &BigRational, scale: u64) -> u64 {
    (amount * BigRational::from_integer(scale.into())).ceil().to_integer().to_u64().unwrap_or(u64::MAX)
}

fn round_down(amount: &BigRational, scale: u64) -> u64 {
    (amount * BigRational::from_integer(scale.into())).floor().to_integer().to_u64().unwrap_or(u64::MAX)
}

fn machine(candidates: &Candidates, node: &Node, scales: [u64; 2]) -> Machine {
    let amount = |fact: &Option<berth_language::model::Fact<Quantity>>, scale| {
        fact.as_ref().map_or(0, |fact| round_down(&fact.value.value, scale))
    };
    let fabric = node.fabric.as_ref().map(|fabric| &fabric.value);
    let (class, devices) = match &node.devices {
        None => (None, 0),
        Some(devices) => {
            let (device, count) = devices.value;
            let class = candidates
                .classes
                .iter()
                .position(|class| class.device == device && class.fabric.as_ref() == fabric);
            (class, count)
        }
    };
    // A reserved machine is paid used or not: its price is no part of any choice.
    let price = match (&node.price, node.market) {
        (Some(price), Market::Owned | Market::OnDemand | Market::Spot) => per_hour(&price.value.mean()),
        _ => BigRational::zero(),
    };
    Machine {
        name: node.name.clone(),
        capacity: vec![amount(&node.cpu, scales[CPU]), amount(&node.memory, scales[MEMORY])],
        devices,
        class,
        price,
        origin: node.span,
    }
}

fn item(
    program: &Program,
    candidates: &Candidates,
    index: usize,
    scales: [u64; 2],
    counted: usize,
    packing: &Packing,
    without: &Disregarded,
) -> Item {
    let service = &program.services[index];
    let mut demand = match &service.work {
        Work::Image(work) => {
            let amount = |fact: &Option<berth_language::model::Fact<Quantity>>, scale| {
                fact.as_ref().map_or(0, |fact| round_up(&fact.value.value, scale))
            };
            vec![amount(&work.cpu, scales[CPU]), amount(&work.memory, scales[MEMORY])]
        }
        Work::Llm(_) => vec![0, 0],
    };
    demand.extend(std::iter::repeat_n(1, counted));
    let bounded = service
        .replicas
        .iter()
        .filter(|bound| !without.contains(&bound.span))
        .filter_map(|bound| bound.high)
        .min()
        .unwrap_or(MOST_COPIES);
    item_of(&service.name, service.span, candidates, index, demand, bounded, packing)
}

/// An item whose copies each take `demand`, of which there are never more than `most`.
fn item_of(
    name: &str,
    origin: Span,
    candidates: &Candidates,
    index: usize,
    demand: Vec<u64>,
    most: u64,
    packing: &Packing,
) -> Item {
    let choices: Vec<Choice> = candidates.services[index]
        .candidates
        .iter()
        .map(|candidate| Choice {
            name: candidate.layout.as_ref().map_or_else(String::new, |layout| candidates.layout_name(layout)),
            demand: demand.clone(),
            devices: candidate.devices,
            classes: candidate.classes.clone(),
        })
        .collect();
    Item { name: name.to_owned(), most: most.min(all_fit(packing, &choices)), choices, beside: None, origin }
}

/// Copies in some of these forms that all machines hold, each empty but for those of one form.
fn all_fit(packing: &Packing, choices: &[Choice]) -> u64 {
    let share_scale = packing.share_scale;
    let most = |machine| choices.iter().map(|choice| fits(machine, choice, share_scale)).max().unwrap_or(0);
    packing.machines.iter().map(most).fold(0, u64::saturating_add).min(MOST_COPIES)
}

/// Copies of `choice` that an empty `machine` holds.
fn fits(machine: &Machine, choice: &Choice, share_scale: u64) -> u64 {
    if let Some(classes) = &choice.classes
        && machine.class.is_none_or(|class| !classes.contains(&class))
    {
        return 0;
    }
    let by_resource = machine
        .capacity
        .iter()
        .zip(&choice.demand)
        .filter(|(_, demand)| **demand > 0)
        .map(|(capacity, demand)| capacity / demand)
        .min()
        .unwrap_or(MOST_COPIES);
    let devices = u64::from(machine.devices);
    let by_device = match choice.devices {
        Devices::None => MOST_COPIES,
        Devices::Whole(0) => MOST_COPIES,
        Devices::Whole(count) => devices / u64::from(count),
        Devices::Share(0) => MOST_COPIES,
        Devices::Share(share) => devices.saturating_mul(share_scale / share),
    };
    by_resource.min(by_device)
}

fn integer(value: u64) -> BigRational {
    BigRational::from_integer(value.into())
}

/// Whether a world is a scenario of which the line is left out.
pub fn is_left_out(program: &Program, scenario: Option<usize>, without: &Disregarded) -> bool {
    let scenario = scenario.and_then(|scenario| program.scenarios.get(scenario));
    scenario.is_some_and(|scenario| without.contains(&scenario.span))
}

fn copies(index: usize) -> Vec<(BigRational, Atom)> {
    vec![(BigRational::one(), Atom::Copies { item: index })]
}

fn service_rows(
    program: &Program,
    candidates: &Candidates,
    index: usize,
    without: &Disregarded,
    packing: &mut Packing,
) {
    let service = &program.services[index];
    let own = &candidates.services[index];
    let mut rows = Vec::new();
    let mut at_least = |bound: BigRational, origins: Vec<Span>| {
        rows.push(Row { terms: copies(index), survives: None, relation: Relation::AtLeast, bound, origins });
    };
    // A service that is declared runs, unless a line allows it none: leaving lines out never asks for more.
    let may_rest = service.replicas.iter().any(|line| line.low == Some(0));
    let runs = !may_rest && !without.contains(&service.span);
    if runs {
        at_least(BigRational::one(), vec![service.span]);
    }
    for line in service.replicas.iter().filter(|line| !without.contains(&line.span)) {
        // A line that asks for no more than that the service runs says nothing new.
        if let Some(low) = line.low.filter(|low| *low > u64::from(runs)) {
            at_least(integer(low), vec![line.span]);
        }
    }
    packing.rows.extend(rows);
    for least in &own.least {
        let terms = Lines::new(program, packing).copies_there(index, None, least.scenario);
        packing.rows.push(Row {
            terms,
            survives: None,
            relation: Relation::AtLeast,
            // No count is enough: one more than could ever be had.
            bound: integer(least.count.unwrap_or(MOST_COPIES + 1)),
            origins: least.origins.clone(),
        });
    }
    for line in service.replicas.iter().filter(|line| !without.contains(&line.span)) {
        if let Some(high) = line.high {
            packing.rows.push(Row {
                terms: copies(index),
                survives: None,
                relation: Relation::AtMost,
                bound: integer(high),
                origins: vec![line.span],
            });
        }
    }
    if let Work::Llm(_) = &service.work {
        let rows = demand_rows(program, candidates, index, without, packing);
        packing.rows.extend(rows);
    }
}

/// In every moment all replicas that are there carry together at least what is asked then.
fn demand_rows(
    program: &Program,
    candidates: &Candidates,
    index: usize,
    without: &Disregarded,
    packing: &mut Packing,
) -> Vec<Row> {
    let demand = program.services[index].demand.as_ref().filter(|demand| !without.contains(&demand.span));
    let Some(demand) = demand else { return Vec::new() };
    let own = &candidates.services[index];
    let asked = own.moments.iter().enumerate().filter(|(_, moment)| moment.rate.is_positive());
    let row = |(at, moment): (usize, &Moment)| {
        let mut origins = vec![demand.span];
        let happened = moment.scenario.and_then(|scenario| program.scenarios.get(scenario));
        origins.extend(happened.map(|scenario| scenario.span));
        let mut terms = Vec::new();
        for (choice, candidate) in own.candidates.iter().enumerate() {
            let Some(capacity) = candidate.capacities.get(at) else { continue };
            if capacity.rate > 0.0 {
                let rate = rate_rounded_down(capacity.rate);
                let there = Lines::new(program, packing).copies_there(index, Some(choice), moment.scenario);
                terms.extend(there.into_iter().map(|(factor, atom)| (factor * &rate, atom)));
            }
            origins.extend(capacity.limited_by);
        }
        origins.extend(own.refusals.iter().flat_map(|refusal| &refusal.origins));
        origins.sort();
        origins.dedup();
        Row { terms, survives: None, relation: Relation::AtLeast, bound: moment.rate.clone(), origins }
    };
    asked.map(row).collect()
}

/// A predicted rate as a rational on the safe side: thousandths of a request a second, rounded down.
pub fn rate_rounded_down(rate: f64) -> BigRational {
    let thousandths = (rate * 1_000.0).floor().max(0.0);
    BigRational::new(BigInt::from(thousandths.to_u64().unwrap_or(0)), BigInt::from(1_000))
}

/// Every wish of the program, with its price by the hour: those of services and jobs, then those of the plan.
pub fn wishes(program: &Program) -> impl Iterator<Item = &berth_language::model::Wish> {
    let of_services = program.services.iter().flat_map(|service| &service.wishes);
    of_services.chain(program.jobs.iter().flat_map(|job| &job.wishes)).chain(&program.wishes)
}

/// Wishes that became part of the problem, in order; the others cannot be judged yet.
pub fn linear_wishes(program: &Program) -> impl Iterator<Item = &berth_language::model::Wish> {
    wishes(program).filter(|wish| is_linear(wish))
}

/// Money an hour for each unit of a wish's shortfall: its `price`, paid while the wish holds.
pub fn paid(program: &Program, wish: &WishLine, price: &Quantity) -> BigRational {
    per_hour(price) * wish.when.share(wish.world(), program.plan.steps)
}

fn wishes_and_levels(program: &Program, candidates: &Candidates, packing: &mut Packing) {
    let mut priced = Vec::new();
    let mut ranked: std::collections::BTreeMap<i64, Vec<usize>> = std::collections::BTreeMap::new();
    let mut lines = Lines::new(program, packing);
    for wish in linear_wishes(program) {
        let rows = lines.rows(&wish.condition, wish.world(), wish.span).unwrap_or_default();
        let Ok([row]) = <[Row; 1]>::try_from(rows) else { continue };
        let integer = matches!(wish.condition, Condition::Compare { integer: true, .. });
        let shortfall = if integer { Shortfall::Distance } else { Shortfall::Unmet };
        let index = lines.packing.wishes.len();
        lines.packing.wishes.push(Wish { row, shortfall });
        match &wish.price {
            Some(price) => priced.push((paid(program, wish, price), LevelAtom::Shortfall { wish: index })),
            None => ranked.entry(wish.priority).or_default().push(index),
        }
    }
    lines.add_guarantees(candidates);
    for (priority, wishes) in ranked.into_iter().rev() {
        packing.levels.push(Level {
            name: format!("unmet wishes of priority {priority}"),
            unit: "1".into(),
            terms: wishes
                .into_iter()
                .map(|wish| (BigRational::one(), LevelAtom::Shortfall { wish }))
                .collect(),
            gap: BigRational::zero(),
        });
    }
    let mut terms = vec![(BigRational::one(), LevelAtom::Price)];
    terms.extend(priced);
    let gap = program.plan.gap.as_ref().map_or_else(BigRational::zero, |gap| gap.value.clone());
    packing.levels.push(Level { name: "bill".into(), unit: "$/h".into(), terms, gap });
}

//! Whether an integer solution exists, by z3, with the lines of an unsatisfiable core.
//!
//! The packing on named machines as in [`exact`](crate::exact), in exact integers. Each machine's
//! capacity, each item's limit and each row is tracked by a literal, so that a core names lines. z3 works
//! to a resource limit that counts its own steps, so that the answer does not depend on the clock.

use crate::instance::{Instance, counts_money};
use berth_compiler::problem::{Atom, Devices, Relation};
use berth_language::span::Span;
use std::collections::BTreeMap;
use z3::ast::{Bool, Int};
use z3::{Params, SatResult, Solver};

/// What z3 knows.
pub(crate) enum Verdict {
    /// No solution exists; these lines are in the core.
    Unsatisfiable(Vec<Span>),
    /// A solution exists, or none was excluded within the limit.
    Open,
}

/// Asks z3, which gives up after about `steps` of its own steps.
pub(crate) fn verdict(instance: &Instance, steps: u32) -> Verdict {
    let solver = Solver::new();
    let mut parameters = Params::new();
    parameters.set_bool("unsat_core", true);
    parameters.set_bool("core.minimize", true);
    parameters.set_u32("rlimit", steps);
    parameters.set_u32("random_seed", 0);
    solver.set_params(&parameters);
    let mut encoding = Encoding::default();
    if encoding.encode(instance, &solver).is_none() {
        return Verdict::Open;
    }
    if solver.check() != SatResult::Unsat {
        return Verdict::Open;
    }
    let mut origins: Vec<Span> = solver
        .get_unsat_core()
        .iter()
        .filter_map(|literal| encoding.origins.get(&literal.to_string()))
        .flatten()
        .copied()
        .collect();
    origins.sort();
    origins.dedup();
    Verdict::Unsatisfiable(origins)
}

#[derive(Default)]
struct Encoding {
    /// By the literal's name.
    origins: BTreeMap<String, Vec<Span>>,
}

/// Copies of a form on a machine; of a form that takes a share, one entry for each device.
struct Copies {
    form: usize,
    machine: usize,
    device: Option<u32>,
    count: Int,
}

impl Encoding {
    fn track(&mut self, solver: &Solver, fact: Bool, name: String, origins: Vec<Span>) {
        let literal = Bool::new_const(name);
        solver.assert_and_track(fact, &literal);
        self.origins.insert(literal.to_string(), origins);
    }

    /// None where a number is too large.
    fn encode(&mut self, instance: &Instance, solver: &Solver) -> Option<()> {
        let packing = instance.packing;
        let mut copies = Vec::new();
        for (form_index, form) in instance.forms.iter().enumerate() {
            for machine in 0..packing.machines.len() {
                if instance.fits[form_index][instance.group_of[machine]] == 0 {
                    continue;
                }
                let devices: Vec<Option<u32>> = match form.devices {
                    Devices::Share(_) => (0..packing.machines[machine].devices).map(Some).collect(),
                    _ => vec![None],
                };
                for device in devices {
                    let name = format!("x{form_index}_{machine}_{}", device.map_or(-1, i64::from));
                    let count = Int::new_const(name);
                    solver.assert(count.ge(Int::from_i64(0)));
                    copies.push(Copies { form: form_index, machine, device, count });
                }
            }
        }
        for (index, item) in packing.items.iter().enumerate() {
            let of_item = copies.iter().filter(|copies| instance.forms_of[index].contains(&copies.form));
            let total = sum(of_item.map(|copies| (1, &copies.count)))?;
            self.track(solver, total.le(Int::from_u64(item.most)), format!("item{index}"), vec![item.origin]);
        }
        for machine in 0..packing.machines.len() {
            let fact = machine_fact(instance, machine, &copies)?;
            let origins = vec![packing.machines[machine].origin];
            self.track(solver, fact, format!("machine{machine}"), origins);
        }
        let used = indicators(solver, "used", packing.machines.len(), |machine| {
            if !counts_money(instance) {
                return None;
            }
            sum(copies.iter().filter(|of| of.machine == machine).map(|of| (1, &of.count)))
        });
        for (index, row) in packing.rows.iter().enumerate() {
            let scaled = &instance.rows[index];
            let mut terms: Vec<(i128, Int)> = Vec::new();
            for of in &copies {
                let there = instance.effects_there(of.form, instance.group_of[of.machine]);
                let effects = instance.effects[of.form].iter().chain(there);
                let by: i128 = effects.filter(|(row, _)| *row == index).map(|(_, by)| by).sum();
                if by != 0 {
                    terms.push((by, of.count.clone()));
                }
            }
            for (at, spread) in instance.spreads_over.iter().enumerate() {
                let Some((_, by)) = spread.effects.iter().find(|(row, _)| *row == index) else { continue };
                let forms = instance.forms_of[spread.item].clone();
                let holds = indicators(solver, &format!("over{at}"), spread.parts, |part| {
                    let here = copies.iter().filter(|of| {
                        forms.contains(&of.form)
                            && spread.part_of[instance.group_of[of.machine]] == Some(part)
                    });
                    sum(here.map(|of| (1, &of.count)))
                });
                terms.extend(holds.into_values().map(|holds| (*by, holds)));
            }
            for (_, atom) in &row.terms {
                let Atom::Spread { item } = *atom else { continue };
                let Some((_, by)) = instance.spread_effects.get(item)?.iter().find(|(row, _)| *row == index)
                else {
                    continue;
                };
                let forms = instance.forms_of[item].clone();
                let holds = indicators(solver, &format!("holds{item}"), packing.machines.len(), |machine| {
                    let here = copies.iter().filter(|of| of.machine == machine && forms.contains(&of.form));
                    sum(here.map(|of| (1, &of.count)))
                });
                terms.extend(holds.into_values().map(|holds| (*by, holds)));
            }
            if let Some((_, by)) = instance.price_effects.iter().find(|(row, _)| *row == index) {
                for (machine, used) in &used {
                    terms.push((by.checked_mul(instance.prices[*machine])?, used.clone()));
                }
            }
            let left = sum(terms.iter().map(|(by, count)| (*by, count)))?;
            let right = integer(scaled.bound)?;
            let mut fact = match scaled.relation {
                Relation::AtMost => left.le(&right),
                Relation::AtLeast => left.ge(&right),
                Relation::Equal => left.eq(&right),
            };
            let survives = instance.surviving.iter().position(|surviving| surviving.row == index);
            for gone in survives.map(|surviving| on_parts(instance, surviving, &copies)).unwrap_or_default() {
                fact &= (&left - gone?).ge(&right);
            }
            // An item that a row counts is part of the story: its demands meet the machines' capacity.
            let items = row.terms.iter().filter_map(|(_, atom)| packing.items.get(atom.item()?));
            let origins = row.origins.iter().copied().chain(items.map(|item| item.origin)).collect();
            self.track(solver, fact, format!("row{index}"), origins);
        }
        Some(())
    }
}

/// What a row counts on each part of what it survives.
fn on_parts(instance: &Instance, surviving: usize, copies: &[Copies]) -> Vec<Option<Int>> {
    let mut parts: BTreeMap<usize, Vec<(i128, &Int)>> = BTreeMap::new();
    for of in copies {
        let by = instance.survives[of.form].iter().find(|(index, _)| *index == surviving);
        if let (Some((_, by)), Some(part)) = (by, instance.part_of(surviving, of.machine)) {
            parts.entry(part).or_default().push((*by, &of.count));
        }
    }
    parts.into_values().map(|terms| sum(terms.into_iter())).collect()
}

/// Capacity and devices of one machine.
fn machine_fact(instance: &Instance, machine: usize, copies: &[Copies]) -> Option<Bool> {
    let packing = instance.packing;
    let here: Vec<&Copies> = copies.iter().filter(|of| of.machine == machine).collect();
    let mut facts = Vec::new();
    for (resource, &capacity) in packing.machines[machine].capacity.iter().enumerate() {
        let mut terms = Vec::new();
        for of in &here {
            let demand = instance.forms[of.form].demand[resource];
            if demand > 0 {
                terms.push((i128::from(demand), &of.count));
            }
        }
        if !terms.is_empty() {
            facts.push(sum(terms.into_iter())?.le(Int::from_u64(capacity)));
        }
    }
    let zero = || Int::from_i64(0);
    let one = || Int::from_i64(1);
    let mut devices: Vec<(i128, Int)> = Vec::new();
    for of in &here {
        if let Devices::Whole(count) = instance.forms[of.form].devices {
            devices.push((i128::from(count), of.count.clone()));
        }
    }
    for device in 0..packing.machines[machine].devices {
        let on_device: Vec<&&Copies> = here.iter().filter(|of| of.device == Some(device)).collect();
        if on_device.is_empty() {
            break;
        }
        let mut shares = Vec::new();
        for of in &on_device {
            if let Devices::Share(share) = instance.forms[of.form].devices {
                shares.push((i128::from(share), &of.count));
            }
        }
        facts.push(sum(shares.into_iter())?.le(Int::from_u64(packing.share_scale)));
        let present = sum(on_device.iter().map(|of| (1, &of.count)))?;
        devices.push((1, present.gt(zero()).ite(&one(), &zero())));
    }
    if !devices.is_empty() {
        let total = sum(devices.iter().map(|(by, count)| (*by, count)))?;
        facts.push(total.le(Int::from_i64(i64::from(packing.machines[machine].devices))));
    }
    Some(Bool::and(&facts.iter().collect::<Vec<_>>()))
}

/// 1 where the sum of a machine, or of a part, is positive, otherwise 0.
fn indicators(
    solver: &Solver,
    name: &str,
    count: usize,
    total: impl Fn(usize) -> Option<Int>,
) -> BTreeMap<usize, Int> {
    let mut indicators = BTreeMap::new();
    for index in 0..count {
        if let Some(total) = total(index) {
            let indicator = Int::new_const(format!("{name}_{index}"));
            let positive = total.gt(Int::from_i64(0));
            solver.assert(indicator.eq(positive.ite(&Int::from_i64(1), &Int::from_i64(0))));
            indicators.insert(index, indicator);
        }
    }
    indicators
}

/// None where z3 does not read a number, which is not known to happen.
fn sum<'t>(terms: impl Iterator<Item = (i128, &'t Int)>) -> Option<Int> {
    let terms: Option<Vec<Int>> = terms
        .map(|(by, count)| if by == 1 { Some(count.clone()) } else { Some(count * integer(by)?) })
        .collect();
    let terms = terms?;
    if terms.is_empty() { integer(0) } else { Some(Int::add(&terms.iter().collect::<Vec<_>>())) }
}

fn integer(value: i128) -> Option<Int> {
    value.to_string().parse().ok()
}

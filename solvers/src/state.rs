//! Copies on machines while a search goes on: what is free, what every row sums to, and the score.
//!
//! All arithmetic is exact. Every change is journalled and can be taken back. Devices given whole are
//! counted, not named; shares stand in *slots*, each of which is one device. Names are given at the end.

use crate::exposed::Exposed;
use crate::instance::{Instance, RowCounts, distance};
use berth_compiler::problem::{Assignment, Devices, moves};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One copy on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub form: usize,
    /// Which slot its share stands in; [`NO_SLOT`] where it takes none.
    pub slot: u32,
}

pub(crate) const NO_SLOT: u32 = u32::MAX;

/// A device that is shared.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    used: u64,
    copies: u32,
}

#[derive(Clone, Debug)]
struct Load {
    free: Vec<u64>,
    whole: u32,
    slots: Vec<Slot>,
    slots_in_use: u32,
    copies: Vec<Copy>,
}

/// Machines of a group: those in use first.
#[derive(Clone, Debug)]
struct Order {
    machines: Vec<usize>,
    in_use: usize,
}

enum Change {
    Inserted { machine: usize },
    Removed { machine: usize, at: usize, copy: Copy },
}

/// How a copy somewhere suits the rows that speak of places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suits {
    /// A row comes nearer to holding.
    pub helps: bool,
    /// A wish is missed by more.
    pub worsens: bool,
}

/// What stands where, as (machine, copy).
pub(crate) type Snapshot = Vec<(usize, Copy)>;

pub(crate) struct State<'i, 'p> {
    pub instance: &'i Instance<'p>,
    loads: Vec<Load>,
    orders: Vec<Order>,
    /// By machine: where it stands in its group's order.
    position: Vec<usize>,
    pub copies_of_form: Vec<u64>,
    copies_of_item: Vec<u64>,
    /// By item: copies that stay where they run now.
    kept_of_item: Vec<u64>,
    sums: Vec<i128>,
    /// Of each spread over a division, by part: copies there.
    on_parts: Vec<Vec<u64>>,
    /// Of each row that survives a hazard.
    exposed: Vec<Exposed>,
    /// Violation of rows, then the levels; compared in order, less is better.
    pub score: Vec<i128>,
    journal: Vec<Change>,
}

impl<'i, 'p> State<'i, 'p> {
    /// Nothing placed.
    pub fn new(instance: &'i Instance<'p>) -> Self {
        let packing = instance.packing;
        let loads = packing
            .machines
            .iter()
            .map(|machine| Load {
                free: machine.capacity.clone(),
                whole: 0,
                slots: Vec::new(),
                slots_in_use: 0,
                copies: Vec::new(),
            })
            .collect();
        let mut position = vec![0; packing.machines.len()];
        for group in &instance.groups {
            for (place, &machine) in group.iter().enumerate() {
                position[machine] = place;
            }
        }
        let orders =
            instance.groups.iter().map(|group| Order { machines: group.clone(), in_use: 0 }).collect();
        let mut state = Self {
            instance,
            loads,
            orders,
            position,
            copies_of_form: vec![0; instance.forms.len()],
            copies_of_item: vec![0; packing.items.len()],
            kept_of_item: vec![0; packing.items.len()],
            sums: vec![0; instance.rows.len()],
            exposed: vec![Exposed::default(); instance.surviving.len()],
            on_parts: instance.spreads_over.iter().map(|spread| vec![0; spread.parts]).collect(),
            score: vec![0; packing.levels.len() + 1],
            journal: Vec::new(),
        };
        for row in 0..instance.rows.len() {
            let start = distance(&instance.rows[row], 0);
            state.add_distance(row, 0, start);
        }
        state
    }

    /// What was placed before, again.
    pub fn restored(instance: &'i Instance<'p>, snapshot: &Snapshot) -> Self {
        let mut state = Self::new(instance);
        for &(machine, copy) in snapshot {
            state.put(machine, copy);
        }
        state.commit();
        state
    }

    pub fn snapshot(&self) -> Snapshot {
        let of = |(machine, load): (usize, &Load)| {
            load.copies.iter().map(move |&copy| (machine, copy)).collect::<Vec<_>>()
        };
        self.loads.iter().enumerate().flat_map(of).collect()
    }

    /// The slot a copy of the form would take on the machine; none where it does not fit.
    pub fn slot_for(&self, form: usize, machine: usize) -> Option<u32> {
        let load = &self.loads[machine];
        let of = &self.instance.forms[form];
        if of.demand.iter().zip(&load.free).any(|(demand, free)| demand > free) {
            return None;
        }
        match of.devices {
            Devices::None => Some(NO_SLOT),
            Devices::Whole(count) => (self.devices_free(machine) >= count).then_some(NO_SLOT),
            Devices::Share(share) => {
                let scale = self.instance.packing.share_scale;
                let mut best: Option<(u64, usize)> = None;
                let mut empty = None;
                for (index, slot) in load.slots.iter().enumerate() {
                    if slot.copies == 0 {
                        empty = empty.or(Some(index));
                    } else if share <= scale - slot.used && best.is_none_or(|(used, _)| slot.used > used) {
                        best = Some((slot.used, index));
                    }
                }
                match best {
                    Some((_, index)) => Some(index as u32),
                    None if self.devices_free(machine) == 0 => None,
                    None => Some(empty.unwrap_or(load.slots.len()) as u32),
                }
            }
        }
    }

    /// Devices that are neither given whole nor shared.
    pub fn devices_free(&self, machine: usize) -> u32 {
        let load = &self.loads[machine];
        self.instance.packing.machines[machine].devices - load.whole - load.slots_in_use
    }

    /// What is left of the shared devices, in parts of the scale.
    pub fn shares_free(&self, machine: usize) -> u64 {
        let scale = self.instance.packing.share_scale;
        self.loads[machine].slots.iter().filter(|slot| slot.copies > 0).map(|slot| scale - slot.used).sum()
    }

    /// Whether a copy in this slot would be the first on its device.
    pub fn slot_is_empty(&self, machine: usize, slot: u32) -> bool {
        self.loads[machine].slots.get(slot as usize).is_none_or(|slot| slot.copies == 0)
    }

    pub fn free(&self, machine: usize) -> &[u64] {
        &self.loads[machine].free
    }

    pub fn copies_on(&self, machine: usize) -> &[Copy] {
        &self.loads[machine].copies
    }

    /// Machines of a group in use, in no particular but a deterministic order.
    pub fn in_use(&self, group: usize) -> &[usize] {
        let order = &self.orders[group];
        &order.machines[..order.in_use]
    }

    /// One machine of the group that is not in use.
    pub fn unused(&self, group: usize) -> Option<usize> {
        let order = &self.orders[group];
        order.machines.get(order.in_use).copied()
    }

    /// Whether no more copies of the item are useful or fit.
    pub fn is_full(&self, item: usize) -> bool {
        self.copies_of_item[item] >= self.instance.packing.items[item].most
    }

    pub fn is_in_use(&self, machine: usize) -> bool {
        !self.loads[machine].copies.is_empty()
    }

    pub fn holds(&self, machine: usize, item: usize) -> bool {
        self.loads[machine].copies.iter().any(|copy| self.instance.forms[copy.form].item == item)
    }

    /// What a copy of a form on a machine of a group does to the rows that speak of where its item stands;
    /// none where it would break one that must hold.
    pub fn suits(&self, form: usize, group: usize) -> Option<Suits> {
        let instance = self.instance;
        let item = instance.forms[form].item;
        let new_parts = instance.spreads_of[item].iter().filter(|&&index| self.is_new_part(index, group));
        let there = instance
            .effects_there(form, group)
            .chain(new_parts.flat_map(|&index| &instance.spreads_over[index].effects));
        let mut suits = Suits { helps: false, worsens: false };
        for &(row, by) in there.clone() {
            let by = if instance.rows_meet[item] {
                let all = there.clone().chain(&instance.effects[form]);
                all.filter(|(other, _)| *other == row).map(|(_, by)| by).sum()
            } else {
                by
            };
            let of = &instance.rows[row];
            let (before, after) = (distance(of, self.sums[row]), distance(of, self.sums[row] + by));
            if after > before {
                // What stands beside a first machine comes after it.
                if by < 0 && instance.tie(form, group).is_some_and(|tie| tie.row == row) {
                    continue;
                }
                if matches!(of.counts, RowCounts::Violation) {
                    return None;
                }
                suits.worsens = true;
            }
            suits.helps |= after < before;
        }
        Some(suits)
    }

    /// Whether the machines of a group belong to a part that holds no copy yet.
    fn is_new_part(&self, spread: usize, group: usize) -> bool {
        let part = self.instance.spreads_over[spread].part_of[group];
        part.is_some_and(|part| self.on_parts[spread][part] == 0)
    }

    /// Positive where the row asks for a larger sum, negative where it asks for a smaller one.
    pub fn wanted(&self, row: usize) -> i128 {
        let of = &self.instance.rows[row];
        let missing = of.bound - self.sums[row];
        match of.relation {
            berth_compiler::problem::Relation::AtLeast => missing.max(0),
            berth_compiler::problem::Relation::AtMost => missing.min(0),
            berth_compiler::problem::Relation::Equal => missing,
        }
    }

    /// Places a copy where [`slot_for`](Self::slot_for) allows it; whether it could.
    pub fn insert(&mut self, form: usize, machine: usize) -> bool {
        let item = self.instance.forms[form].item;
        if self.copies_of_item[item] >= self.instance.packing.items[item].most {
            return false;
        }
        match self.slot_for(form, machine) {
            Some(slot) => {
                self.put(machine, Copy { form, slot });
                self.journal.push(Change::Inserted { machine });
                true
            }
            None => false,
        }
    }

    /// Places a copy in the slot named, if everything allows it.
    pub fn insert_in_slot(&mut self, form: usize, machine: usize, slot: u32) -> bool {
        let Devices::Share(share) = self.instance.forms[form].devices else {
            return self.insert(form, machine);
        };
        let load = &self.loads[machine];
        let fits = self.slot_for(form, machine).is_some()
            && match load.slots.get(slot as usize) {
                Some(of) if of.copies > 0 => share <= self.instance.packing.share_scale - of.used,
                _ => self.devices_free(machine) > 0 && slot < self.instance.packing.machines[machine].devices,
            };
        if fits {
            self.put(machine, Copy { form, slot });
            self.journal.push(Change::Inserted { machine });
        }
        fits
    }

    /// Takes the copy at a place of a machine's list away; the last copy moves to its place.
    pub fn remove(&mut self, machine: usize, at: usize) {
        let copy = self.loads[machine].copies[at];
        self.take(machine, at);
        self.journal.push(Change::Removed { machine, at, copy });
    }

    /// A mark to go back to.
    pub fn mark(&self) -> usize {
        self.journal.len()
    }

    /// Takes back every change after the mark.
    pub fn undo_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            match self.journal.pop() {
                Some(Change::Inserted { machine }) => {
                    self.take(machine, self.loads[machine].copies.len() - 1)
                }
                Some(Change::Removed { machine, at, copy }) => {
                    self.put(machine, copy);
                    let copies = &mut self.loads[machine].copies;
                    let last = copies.len() - 1;
                    copies.swap(at, last);
                }
                None => break,
            }
        }
    }

    /// Forgets how to go back.
    pub fn commit(&mut self) {
        self.journal.clear();
    }

    fn put(&mut self, machine: usize, copy: Copy) {
        let instance = self.instance;
        let form = &instance.forms[copy.form];
        if self.loads[machine].copies.is_empty() {
            self.move_across(machine, true);
            self.add_price(instance.prices[machine]);
        }
        if !instance.spread_effects[form.item].is_empty() && !self.holds(machine, form.item) {
            self.add_effects(&instance.spread_effects[form.item], 1);
        }
        let load = &mut self.loads[machine];
        for (free, demand) in load.free.iter_mut().zip(&form.demand) {
            *free -= demand;
        }
        match form.devices {
            Devices::None => {}
            Devices::Whole(count) => load.whole += count,
            Devices::Share(share) => {
                let index = copy.slot as usize;
                if load.slots.len() <= index {
                    load.slots.resize(index + 1, Slot::default());
                }
                let slot = &mut load.slots[index];
                if slot.copies == 0 {
                    load.slots_in_use += 1;
                }
                slot.used += share;
                slot.copies += 1;
            }
        }
        let (moved, stays) = (self.moves(form.item), self.would_stay(form.item, machine));
        self.loads[machine].copies.push(copy);
        self.copies_of_form[copy.form] += 1;
        self.copies_of_item[form.item] += 1;
        self.kept_of_item[form.item] += u64::from(stays);
        self.add_moves(form.item, moved);
        self.add_effects(&instance.effects[copy.form], 1);
        self.expose(copy.form, machine, 1);
        self.add_there(copy.form, machine, 1);
    }

    fn take(&mut self, machine: usize, at: usize) {
        let instance = self.instance;
        let load = &mut self.loads[machine];
        let copy = load.copies.swap_remove(at);
        let form = &instance.forms[copy.form];
        for (free, demand) in load.free.iter_mut().zip(&form.demand) {
            *free += demand;
        }
        match form.devices {
            Devices::None => {}
            Devices::Whole(count) => load.whole -= count,
            Devices::Share(share) => {
                let slot = &mut load.slots[copy.slot as usize];
                slot.used -= share;
                slot.copies -= 1;
                if slot.copies == 0 {
                    load.slots_in_use -= 1;
                }
            }
        }
        if self.loads[machine].copies.is_empty() {
            self.move_across(machine, false);
            self.add_price(-instance.prices[machine]);
        }
        if !instance.spread_effects[form.item].is_empty() && !self.holds(machine, form.item) {
            self.add_effects(&instance.spread_effects[form.item], -1);
        }
        self.copies_of_form[copy.form] -= 1;
        let (moved, stayed) = (self.moves(form.item), self.would_stay(form.item, machine));
        self.copies_of_item[form.item] -= 1;
        self.kept_of_item[form.item] -= u64::from(stayed);
        self.add_moves(form.item, moved);
        self.add_effects(&instance.effects[copy.form], -1);
        self.expose(copy.form, machine, -1);
        self.add_there(copy.form, machine, -1);
    }

    /// What a copy on a machine, as it comes or, times -1, goes, takes from rows that survive the machine's loss.
    fn expose(&mut self, form: usize, machine: usize, times: i128) {
        let instance = self.instance;
        for &(index, factor) in &instance.survives[form] {
            let Some(part) = instance.part_of(index, machine) else { continue };
            let exposed = &mut self.exposed[index];
            let before = exposed.most();
            exposed.add(part, factor * times);
            let more = exposed.most() - before;
            if more != 0 {
                self.add_effects(&[(instance.surviving[index].row, -1)], more);
            }
        }
    }

    /// Whether some row still lacks copies of the form that survive, and one on this machine would go with those that it
    /// has to do without already.
    pub fn is_exposed(&self, form: usize, machine: usize) -> bool {
        self.instance.survives[form].iter().any(|&(index, factor)| {
            let (row, exposed) = (self.instance.surviving[index].row, &self.exposed[index]);
            let part = self.instance.part_of(index, machine);
            self.wanted(row) > 0 && part.is_some_and(|part| exposed.on(part) + factor > exposed.most())
        })
    }

    /// What a copy does for where it stands, as it comes or, times -1, goes.
    fn add_there(&mut self, form: usize, machine: usize, times: i128) {
        let instance = self.instance;
        let item = instance.forms[form].item;
        if !instance.is_placed(item) {
            return;
        }
        let group = instance.group_of[machine];
        for effect in instance.effects_there(form, group) {
            self.add_effects(std::slice::from_ref(effect), times);
        }
        for &index in &instance.spreads_of[item] {
            let spread = &instance.spreads_over[index];
            let Some(part) = spread.part_of[group] else { continue };
            let copies = &mut self.on_parts[index][part];
            let changes = if times > 0 {
                *copies += 1;
                *copies == 1
            } else {
                *copies -= 1;
                *copies == 0
            };
            if changes {
                self.add_effects(&spread.effects, times);
            }
        }
    }

    /// Moves a machine to the other side of its group's border between used and unused.
    fn move_across(&mut self, machine: usize, to_use: bool) {
        let order = &mut self.orders[self.instance.group_of[machine]];
        let from = self.position[machine];
        let to = if to_use { order.in_use } else { order.in_use - 1 };
        let other = order.machines[to];
        order.machines.swap(from, to);
        self.position[machine] = to;
        self.position[other] = from;
        if to_use {
            order.in_use += 1;
        } else {
            order.in_use -= 1;
        }
    }

    /// A further copy of the item on this machine would be one that stays where it runs now.
    pub fn would_stay(&self, item: usize, machine: usize) -> bool {
        let runs = self.instance.running_on[item].get(&machine).copied().unwrap_or(0);
        let here = self.loads[machine].copies.iter();
        runs > 0 && (here.filter(|copy| self.instance.forms[copy.form].item == item).count() as u64) < runs
    }

    /// How many more copies would move with one of a form gone from a machine and one come to another.
    pub fn moves_of(&self, form: usize, from: Option<usize>, to: Option<usize>) -> i64 {
        let item = self.instance.forms[form].item;
        let running = self.instance.running[item];
        if running == 0 {
            return 0;
        }
        let planned = self.copies_of_item[item] + u64::from(to.is_some()) - u64::from(from.is_some());
        let comes_home = to.is_some_and(|machine| self.would_stay(item, machine));
        let leaves_home = from.is_some_and(|machine| self.stays(item, machine));
        let kept = self.kept_of_item[item] + u64::from(comes_home) - u64::from(leaves_home);
        moves(planned, running, kept) as i64 - self.moves(item) as i64
    }

    /// One copy of the item less on this machine would be one less that stays where it runs now.
    fn stays(&self, item: usize, machine: usize) -> bool {
        let runs = self.instance.running_on[item].get(&machine).copied().unwrap_or(0);
        let here = self.loads[machine].copies.iter();
        runs > 0 && (here.filter(|copy| self.instance.forms[copy.form].item == item).count() as u64) <= runs
    }

    /// Copies of an item that move.
    pub fn moves(&self, item: usize) -> u64 {
        moves(self.copies_of_item[item], self.instance.running[item], self.kept_of_item[item])
    }

    fn add_moves(&mut self, item: usize, before: u64) {
        let change = i128::from(self.moves(item)) - i128::from(before);
        for &(level, factor) in &self.instance.moves_in_levels {
            self.score[level + 1] += factor * change;
        }
        if change != 0 {
            self.add_effects(&self.instance.move_effects, change);
        }
    }

    fn add_price(&mut self, price: i128) {
        if price == 0 {
            return;
        }
        for &(level, factor) in &self.instance.price_in_levels {
            self.score[level + 1] += factor * price;
        }
        self.add_effects(&self.instance.price_effects, price);
    }

    fn add_effects(&mut self, effects: &[(usize, i128)], times: i128) {
        for &(row, factor) in effects {
            let of = &self.instance.rows[row];
            let before = distance(of, self.sums[row]);
            self.sums[row] += factor * times;
            let after = distance(of, self.sums[row]);
            self.add_distance(row, before, after);
        }
    }

    fn add_distance(&mut self, row: usize, before: i128, after: i128) {
        if before == after {
            return;
        }
        match &self.instance.rows[row].counts {
            RowCounts::Violation => self.score[0] += after - before,
            RowCounts::Distance(levels) => {
                for &(level, factor) in levels {
                    self.score[level + 1] += factor * (after - before);
                }
            }
            RowCounts::Unmet(levels) => {
                let change = i128::from(after > 0) - i128::from(before > 0);
                for &(level, factor) in levels {
                    self.score[level + 1] += factor * change;
                }
            }
        }
    }
}

/// Assignments with named devices: of interchangeable machines the first are used, the fullest first; on
/// each machine the shared devices come first, in order of their slots, then those given whole.
pub(crate) fn assignments(instance: &Instance, snapshot: &Snapshot) -> Vec<Assignment> {
    let mut by_machine: BTreeMap<usize, Vec<Copy>> = BTreeMap::new();
    for &(machine, copy) in snapshot {
        by_machine.entry(machine).or_default().push(copy);
    }
    let mut by_group: BTreeMap<usize, Vec<Vec<Copy>>> = BTreeMap::new();
    for (machine, mut copies) in by_machine {
        copies.sort_by_key(|copy| (copy.form, copy.slot));
        by_group.entry(instance.group_of[machine]).or_default().push(copies);
    }
    let mut named: Vec<(usize, Vec<Copy>)> = Vec::new();
    for (group, mut loads) in by_group {
        loads.sort_by_cached_key(|copies| {
            let forms: Vec<(usize, u32)> = copies.iter().map(|copy| (copy.form, copy.slot)).collect();
            (Reverse(copies.len()), forms)
        });
        named.extend(instance.groups[group].iter().copied().zip(loads));
    }
    let mut assignments = Vec::new();
    for (machine, copies) in named {
        let mut slots: Vec<u32> =
            copies.iter().map(|copy| copy.slot).filter(|slot| *slot != NO_SLOT).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut next_whole = slots.len() as u32;
        let mut together: BTreeMap<usize, (u64, Vec<u32>)> = BTreeMap::new();
        for copy in copies {
            let form = &instance.forms[copy.form];
            if copy.slot != NO_SLOT {
                let device = slots.binary_search(&copy.slot).unwrap_or(0) as u32;
                assignments.push(Assignment {
                    item: form.item,
                    choice: form.choice,
                    machine,
                    copies: 1,
                    devices: vec![device],
                });
                continue;
            }
            let (count, devices) = together.entry(copy.form).or_default();
            *count += 1;
            if let Devices::Whole(whole) = form.devices {
                devices.extend(next_whole..next_whole + whole);
                next_whole += whole;
            }
        }
        for (form, (count, devices)) in together {
            let form = &instance.forms[form];
            assignments.push(Assignment {
                item: form.item,
                choice: form.choice,
                machine,
                copies: count,
                devices,
            });
        }
    }
    assignments.sort();
    assignments
}

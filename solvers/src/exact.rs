//! The whole problem on named machines, as a mixed-integer program for HiGHS.
//!
//! **Source form.** A packing. **Target form.** Whole columns `x[f,m]` (copies of form `f` on machine `m`),
//! or `x[f,m,d]` for a form that takes a share, with `d` the device; `shared[m,d]` where a device may be
//! given whole as well; `used[m]`, `holds[i,m]`, `holds_in[i,p]` and `e[w]` where money, spread (over machines,
//! over parts of a division) and shortfalls are counted; `moved[i]` and `kept[i,m]`, or `left[i,m]` and `came[i,m]`,
//! where moves are; `gone[r]`, what a row that survives a hazard counts on any one part of it. Rows say
//! capacity, devices, shares of each device, and the problem's own rows.
//!
//! **Why equivalent.** Columns and rows are the problem's definition, one to one. Two additions keep one
//! solution of each orbit at least: machines of a group may be permuted, so that those in use can come
//! first; the shared devices of a machine likewise.
//! Amounts are divided by their greatest common divisor, the capacity rounded down: the same whole points.

mod terms;

use crate::instance::{Instance, MOST_COPIES, counts_money};
use crate::program::Program;
use crate::rational::float;
use crate::state::{Snapshot, State};
use berth_compiler::problem::{Atom, Devices, LevelAtom, Relation, Shortfall, moves};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::BTreeMap;

/// A program and what its columns mean.
pub(crate) struct Exact {
    pub program: Program,
    /// Form, machine, device if it takes a share, column.
    copies: Vec<Copies>,
    used: BTreeMap<usize, usize>,
    /// By item and machine.
    holds: BTreeMap<(usize, usize), usize>,
    /// By index into the instance's `spreads_over`, and part.
    holds_in: BTreeMap<(usize, usize), usize>,
    /// By machine and device.
    shared: BTreeMap<(usize, u32), usize>,
    /// By wish; with what one unit of the column is worth where it counts a distance.
    shortfalls: BTreeMap<usize, usize>,
    /// By item; with the column that is 1 where fewer are planned than run, if that can be.
    moved: BTreeMap<usize, (usize, Option<usize>)>,
    /// By item and machine, where fewer may be planned than run.
    kept: BTreeMap<(usize, usize), usize>,
    /// Of rows that survive a hazard.
    gone: Vec<Gone>,
    /// By item and machine, elsewhere: copies that have left where they run, and others that came there.
    exchanged: BTreeMap<(usize, usize), (usize, usize)>,
}

/// What goes with any one part of what a row survives.
struct Gone {
    column: usize,
    /// By part: columns and what each counts.
    parts: Vec<Vec<(usize, f64)>>,
}

struct Copies {
    form: usize,
    machine: usize,
    device: Option<u32>,
    column: usize,
}

/// How many columns [`exact`] would make for copies.
pub(crate) fn size(instance: &Instance) -> usize {
    let mut size: usize = 0;
    for (form, fits) in instance.forms.iter().zip(&instance.fits) {
        for (group, &fit) in instance.groups.iter().zip(fits) {
            if fit > 0 {
                let devices = match form.devices {
                    Devices::Share(_) => {
                        group.first().map_or(0, |&m| instance.packing.machines[m].devices) as usize
                    }
                    _ => 1,
                };
                size = size.saturating_add(group.len().saturating_mul(devices));
            }
        }
    }
    size
}

/// The program that minimises a level with those before it kept at their values, or only asks for a
/// solution.
pub(crate) fn exact(instance: &Instance, level: Option<(usize, &[BigRational])>) -> Exact {
    let mut exact = Exact {
        program: Program::default(),
        copies: Vec::new(),
        used: BTreeMap::new(),
        holds: BTreeMap::new(),
        holds_in: BTreeMap::new(),
        shared: BTreeMap::new(),
        shortfalls: BTreeMap::new(),
        moved: BTreeMap::new(),
        kept: BTreeMap::new(),
        exchanged: BTreeMap::new(),
        gone: Vec::new(),
    };
    let in_levels =
        level.is_some_and(|(level, _)| instance.moves_in_levels.iter().any(|(counts, _)| *counts <= level));
    let counts_moves = in_levels || !instance.move_effects.is_empty();
    exact.add_copies(instance, counts_moves);
    exact.add_used(instance);
    exact.add_capacities(instance);
    exact.add_devices(instance);
    exact.add_spread(instance);
    exact.add_spread_over(instance);
    if counts_moves {
        exact.add_moves(instance);
    }
    for row in &instance.packing.rows {
        let terms = exact.left_terms(instance, row);
        exact.add_scaled(terms, row.relation, float(&row.bound));
    }
    if let Some((level, frozen)) = level {
        for earlier in 0..=level {
            exact.add_wishes_of(instance, earlier);
        }
        for (earlier, value) in frozen.iter().enumerate().take(level) {
            let terms = exact.level_terms(instance, earlier);
            exact.add_scaled(terms, Relation::AtMost, float(value));
        }
        for (column, factor) in exact.level_terms(instance, level) {
            exact.program.set_cost(column, factor);
        }
    }
    exact
}

impl Exact {
    /// The state that a point of the program means; none where it is not quite whole or, in exact
    /// numbers, does not fit.
    pub fn state<'i, 'p>(&self, instance: &'i Instance<'p>, values: &[f64]) -> Option<State<'i, 'p>> {
        if values.iter().sum::<f64>() > MOST_COPIES as f64 * 2.0 {
            return None;
        }
        let mut state = State::new(instance);
        // Shares first: they name their devices.
        let (shares, others): (Vec<&Copies>, Vec<&Copies>) =
            self.copies.iter().partition(|copies| copies.device.is_some());
        for copies in shares.into_iter().chain(others) {
            let value = *values.get(copies.column)?;
            let count = value.round();
            if (value - count).abs() > 1e-4 || count < 0.0 {
                return None;
            }
            for _ in 0..count.to_u64()? {
                let placed = match copies.device {
                    Some(device) => state.insert_in_slot(copies.form, copies.machine, device),
                    None => state.insert(copies.form, copies.machine),
                };
                if !placed {
                    return None;
                }
            }
        }
        state.commit();
        Some(state)
    }

    /// Makes each move cost so much, beside what the level costs.
    pub fn weigh_moves(&mut self, weight: f64) {
        if weight > 0.0 {
            self.moved.values().for_each(|(column, _)| self.program.set_cost(*column, weight));
        }
    }

    /// The point that a state is, up to the order of interchangeable machines and devices.
    pub fn start(&self, instance: &Instance, snapshot: &Snapshot, shortfalls: &[BigRational]) -> Vec<f64> {
        let mut loads: BTreeMap<usize, Vec<(usize, u32)>> = BTreeMap::new();
        for (machine, copy) in snapshot {
            loads.entry(*machine).or_default().push((copy.form, copy.slot));
        }
        // Machines in use come first in their group.
        let mut place: BTreeMap<usize, usize> = BTreeMap::new();
        for group in &instance.groups {
            let in_use = group.iter().filter(|machine| loads.contains_key(machine));
            for (&machine, &first) in in_use.zip(group) {
                place.insert(machine, first);
            }
        }
        let mut counts: BTreeMap<(usize, usize, Option<u32>), f64> = BTreeMap::new();
        let mut values = vec![0.0; self.program.columns()];
        let mut set = |column: Option<&usize>, value: f64| {
            if let Some(place) = column.and_then(|&column| values.get_mut(column)) {
                *place = value;
            }
        };
        for (machine, copies) in &loads {
            let Some(&at) = place.get(machine) else { continue };
            set(self.used.get(&at), 1.0);
            let mut slots: Vec<u32> = copies.iter().map(|(_, slot)| *slot).collect();
            slots.retain(|slot| *slot != crate::state::NO_SLOT);
            slots.sort_unstable();
            slots.dedup();
            for device in 0..slots.len() as u32 {
                set(self.shared.get(&(at, device)), 1.0);
            }
            for (form, slot) in copies {
                let device = slots.binary_search(slot).ok().map(|device| device as u32);
                *counts.entry((*form, at, device)).or_default() += 1.0;
                let item = instance.forms[*form].item;
                set(self.holds.get(&(item, at)), 1.0);
                for &spread in &instance.spreads_of[item] {
                    if let Some(part) = instance.spreads_over[spread].part_of[instance.group_of[at]] {
                        set(self.holds_in.get(&(spread, part)), 1.0);
                    }
                }
            }
        }
        for copies in &self.copies {
            let count = counts.get(&(copies.form, copies.machine, copies.device));
            set(Some(&copies.column), count.copied().unwrap_or(0.0));
        }
        for (&item, (moved, fewer)) in &self.moved {
            let mut here: BTreeMap<usize, u64> = BTreeMap::new();
            for (machine, copies) in &loads {
                let of_item = copies.iter().filter(|(form, _)| instance.forms[*form].item == item).count();
                if let Some(&at) = place.get(machine) {
                    here.insert(at, of_item as u64);
                }
            }
            let planned = here.values().sum();
            let mut all_kept = 0;
            for (&machine, &copies) in &instance.running_on[item] {
                let kept = here.get(&machine).map_or(0, |here| copies.min(*here));
                set(self.kept.get(&(item, machine)), kept as f64);
                if let Some((left, came)) = self.exchanged.get(&(item, machine)) {
                    set(Some(left), (copies - kept) as f64);
                    set(Some(came), here.get(&machine).map_or(0, |here| here - kept) as f64);
                }
                all_kept += kept;
            }
            let running = instance.running[item];
            set(Some(moved), moves(planned, running, all_kept) as f64);
            set(fewer.as_ref(), f64::from(u8::from(planned < running)));
        }
        for (wish, column) in &self.shortfalls {
            set(Some(column), shortfalls.get(*wish).map_or(0.0, float));
        }
        for Gone { column: gone, parts } in &self.gone {
            let value = |(column, factor): &(usize, f64)| factor * values.get(*column).unwrap_or(&0.0);
            let most = parts.iter().map(|part| part.iter().map(value).sum()).fold(0.0, f64::max);
            if let Some(gone) = values.get_mut(*gone) {
                *gone = most;
            }
        }
        values
    }

    fn add_copies(&mut self, instance: &Instance, counts_moves: bool) {
        for (form_index, form) in instance.forms.iter().enumerate() {
            for machine in 0..instance.packing.machines.len() {
                let fit = instance.fits[form_index][instance.group_of[machine]];
                if fit == 0 {
                    continue;
                }
                let devices: Vec<Option<u32>> = match form.devices {
                    Devices::Share(_) => (0..instance.packing.machines[machine].devices).map(Some).collect(),
                    _ => vec![None],
                };
                for device in devices {
                    let upper = match form.devices {
                        Devices::Share(share) if share > 0 => fit.min(instance.packing.share_scale / share),
                        _ => fit,
                    };
                    let runs = instance.running_on[form.item].get(&machine).filter(|_| counts_moves);
                    let column = match runs {
                        Some(&copies) if may_exchange(instance, form.item) => {
                            let left = self.program.add_column(copies as f64, true);
                            let came = self.program.add_column(upper as f64, true);
                            self.exchanged.insert((form.item, machine), (left, came));
                            let terms = vec![(came, 1.0), (left, -1.0)];
                            self.program.add_sum(upper as f64, terms, copies as f64)
                        }
                        _ => self.program.add_column(upper as f64, true),
                    };
                    self.copies.push(Copies { form: form_index, machine, device, column });
                }
            }
        }
        for (item, forms) in instance.forms_of.iter().enumerate() {
            let terms = self.sum_of(|copies| forms.contains(&copies.form));
            self.add_scaled(terms, Relation::AtMost, instance.packing.items[item].most as f64);
        }
    }

    fn sum_of(&self, counted: impl Fn(&Copies) -> bool) -> Vec<(usize, f64)> {
        self.copies.iter().filter(|copies| counted(copies)).map(|copies| (copies.column, 1.0)).collect()
    }

    /// `used[m]` is 1 exactly where a copy stands on the machine.
    fn add_used(&mut self, instance: &Instance) {
        if !counts_money(instance) {
            return;
        }
        for machine in 0..instance.packing.machines.len() {
            let column = self.program.add_column(1.0, true);
            self.used.insert(machine, column);
        }
        for group in &instance.groups {
            for pair in group.windows(2) {
                let [before, after] = pair else { continue };
                let terms = vec![(self.used[before], 1.0), (self.used[after], -1.0)];
                self.program.add_row(terms, Relation::AtLeast, 0.0);
            }
        }
        let mut on_machine: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for copies in &self.copies {
            let used = self.used[&copies.machine];
            on_machine.entry(copies.machine).or_default().push((copies.column, 1.0));
            let fit = instance.fits[copies.form][instance.group_of[copies.machine]] as f64;
            self.program.add_row(vec![(copies.column, 1.0), (used, -fit)], Relation::AtMost, 0.0);
        }
        for (machine, column) in &self.used {
            let mut terms = on_machine.remove(machine).unwrap_or_default();
            terms.push((*column, -1.0));
            self.program.add_row(terms, Relation::AtLeast, 0.0);
        }
    }

    /// Adds `terms <= capacity`, times `used[m]` where that is a column.
    fn add_per_machine(&mut self, machine: usize, mut terms: Vec<(usize, f64)>, capacity: f64) {
        if terms.is_empty() {
            return;
        }
        match self.used.get(&machine) {
            Some(&used) => {
                terms.push((used, -capacity));
                self.add_scaled(terms, Relation::AtMost, 0.0);
            }
            None => self.add_scaled(terms, Relation::AtMost, capacity),
        }
    }

    fn add_capacities(&mut self, instance: &Instance) {
        let mut on_machine: Vec<Vec<(usize, usize)>> = vec![Vec::new(); instance.packing.machines.len()];
        for copies in &self.copies {
            on_machine[copies.machine].push((copies.form, copies.column));
        }
        for (machine, copies) in on_machine.iter().enumerate() {
            for (resource, &capacity) in instance.packing.machines[machine].capacity.iter().enumerate() {
                let demand = |form: usize| instance.forms[form].demand[resource];
                let divisor = copies.iter().map(|(form, _)| demand(*form)).fold(0, greatest_common_divisor);
                if divisor == 0 {
                    continue;
                }
                let terms: Vec<(usize, f64)> = copies
                    .iter()
                    .filter(|(form, _)| demand(*form) > 0)
                    .map(|(form, column)| (*column, (demand(*form) / divisor) as f64))
                    .collect();
                self.add_per_machine(machine, terms, (capacity / divisor) as f64);
            }
        }
    }

    fn add_devices(&mut self, instance: &Instance) {
        let mut shares: BTreeMap<(usize, u32), Vec<(usize, f64)>> = BTreeMap::new();
        let mut whole: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
        for copies in &self.copies {
            match (instance.forms[copies.form].devices, copies.device) {
                (Devices::Share(share), Some(device)) => {
                    shares.entry((copies.machine, device)).or_default().push((copies.column, share as f64));
                }
                (Devices::Whole(count), _) if count > 0 => {
                    whole.entry(copies.machine).or_default().push((copies.column, f64::from(count)));
                }
                _ => {}
            }
        }
        let scale = instance.packing.share_scale as f64;
        for (&(machine, device), terms) in &shares {
            if !whole.contains_key(&machine) {
                self.add_scaled(terms.clone(), Relation::AtMost, scale);
                continue;
            }
            let shared = self.program.add_column(1.0, true);
            self.shared.insert((machine, device), shared);
            let mut at_most = terms.clone();
            at_most.push((shared, -scale));
            self.add_scaled(at_most, Relation::AtMost, 0.0);
            // A share of nothing still shares its device.
            for &(column, share) in terms {
                if share == 0.0 {
                    let most = instance.packing.items.iter().map(|item| item.most).max().unwrap_or(0) as f64;
                    self.add_scaled(vec![(column, 1.0), (shared, -most)], Relation::AtMost, 0.0);
                }
            }
            whole.entry(machine).or_default().push((shared, 1.0));
            if let Some(&before) =
                device.checked_sub(1).and_then(|before| self.shared.get(&(machine, before)))
            {
                self.program.add_row(vec![(before, 1.0), (shared, -1.0)], Relation::AtLeast, 0.0);
            }
        }
        for (machine, terms) in whole {
            self.add_per_machine(machine, terms, f64::from(instance.packing.machines[machine].devices));
        }
    }

    fn add_spread(&mut self, instance: &Instance) {
        for item in 0..instance.packing.items.len() {
            if instance.spread_effects[item].is_empty() {
                continue;
            }
            let mut on_machine: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for copies in &self.copies {
                if instance.forms_of[item].contains(&copies.form) {
                    on_machine.entry(copies.machine).or_default().push(copies.column);
                }
            }
            let most = instance.packing.items[item].most as f64;
            for (machine, columns) in on_machine {
                let holds = self.add_presence(columns, most);
                self.holds.insert((item, machine), holds);
            }
        }
    }

    /// `holds_in[s,p]` is 1 exactly where a copy of the item stands in the part.
    fn add_spread_over(&mut self, instance: &Instance) {
        for (index, spread) in instance.spreads_over.iter().enumerate() {
            let mut in_part: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for copies in &self.copies {
                if instance.forms_of[spread.item].contains(&copies.form)
                    && let Some(part) = spread.part_of[instance.group_of[copies.machine]]
                {
                    in_part.entry(part).or_default().push(copies.column);
                }
            }
            let most = instance.packing.items[spread.item].most as f64;
            for (part, columns) in in_part {
                let holds = self.add_presence(columns, most);
                self.holds_in.insert((index, part), holds);
            }
        }
    }

    /// A column that is 1 exactly where some of the columns, of which the sum is at most `most`, is above 0.
    fn add_presence(&mut self, columns: Vec<usize>, most: f64) -> usize {
        let holds = self.program.add_column(1.0, true);
        let mut at_least: Vec<(usize, f64)> = columns.iter().map(|&column| (column, 1.0)).collect();
        let mut at_most = at_least.clone();
        at_least.push((holds, -1.0));
        self.program.add_row(at_least, Relation::AtLeast, 0.0);
        at_most.push((holds, -most));
        self.add_scaled(at_most, Relation::AtMost, 0.0);
        holds
    }

    fn add_wishes_of(&mut self, instance: &Instance, level: usize) {
        let Some(level) = instance.packing.levels.get(level) else { return };
        for (_, atom) in &level.terms {
            let LevelAtom::Shortfall { wish } = *atom else { continue };
            if self.shortfalls.contains_key(&wish) {
                continue;
            }
            let Some(of) = instance.packing.wishes.get(wish) else { continue };
            let terms = self.left_terms(instance, &of.row);
            let bound = float(&of.row.bound);
            let upper = |column: usize| self.program.upper(column);
            let least: f64 = terms.iter().map(|&(column, factor)| factor.min(0.0) * upper(column)).sum();
            let most: f64 = terms.iter().map(|&(column, factor)| factor.max(0.0) * upper(column)).sum();
            let (deficit, excess) = ((bound - least).max(0.0), (most - bound).max(0.0));
            let unmet = of.shortfall == Shortfall::Unmet;
            let counts =
                of.row.terms.iter().all(|(factor, atom)| factor.is_integer() && *atom != Atom::Price);
            let whole = unmet || (counts && of.row.bound.is_integer());
            let column = self.program.add_column(if unmet { 1.0 } else { deficit.max(excess) }, whole);
            self.shortfalls.insert(wish, column);
            let weight = |largest: f64| if unmet { largest } else { 1.0 };
            if of.row.relation != Relation::AtMost {
                let mut at_least = terms.clone();
                at_least.push((column, weight(deficit)));
                self.add_scaled(at_least, Relation::AtLeast, bound);
            }
            if of.row.relation != Relation::AtLeast {
                let mut at_most = terms;
                at_most.push((column, -weight(excess)));
                self.add_scaled(at_most, Relation::AtMost, bound);
            }
        }
    }

    /// What moves of each item that runs now.
    fn add_moves(&mut self, instance: &Instance) {
        for item in 0..instance.forms_of.len() {
            if may_exchange(instance, item) {
                self.add_exchanges(instance, item);
            } else if instance.running[item] > 0 {
                self.add_kept(instance, item);
            }
        }
    }

    /// `moved` is what has left, with what runs on no machine or on one that cannot hold it.
    fn add_exchanges(&mut self, instance: &Instance, item: usize) {
        let running = instance.running[item];
        let moved = self.program.add_column(running as f64, true);
        self.moved.insert(item, (moved, None));
        let mut terms = vec![(moved, 1.0)];
        let mut gone = running;
        for (machine, copies) in &instance.running_on[item] {
            if let Some((left, _)) = self.exchanged.get(&(item, *machine)) {
                terms.push((*left, -1.0));
                gone -= copies;
            }
        }
        self.add_scaled(terms, Relation::Equal, gone as f64);
    }

    /// `moved + kept >= planned` and `>= running` where the smaller of both counts: which of them does is a column.
    fn add_kept(&mut self, instance: &Instance, item: usize) {
        let running = instance.running[item];
        let forms = instance.forms_of[item].clone();
        let most = instance.packing.items[item].most.max(running) as f64;
        let moved = self.program.add_column(running as f64, true);
        let fewer = self.program.add_column(1.0, true);
        self.moved.insert(item, (moved, Some(fewer)));
        let mut stays_or_moves = vec![(moved, 1.0)];
        for (&machine, &copies) in &instance.running_on[item] {
            let here = self.copies_here(instance, item, machine);
            let kept = self.program.add_column(copies as f64, true);
            self.kept.insert((item, machine), kept);
            stays_or_moves.push((kept, 1.0));
            let mut within: Vec<(usize, f64)> =
                here.into_iter().map(|(column, factor)| (column, -factor)).collect();
            within.push((kept, 1.0));
            self.add_scaled(within, Relation::AtMost, 0.0);
        }
        let mut running_counts = stays_or_moves.clone();
        running_counts.push((fewer, most));
        self.add_scaled(running_counts, Relation::AtLeast, running as f64);
        let mut planned_counts = stays_or_moves;
        let planned = self.sum_of(|of| forms.contains(&of.form));
        planned_counts.extend(planned.into_iter().map(|(column, factor)| (column, -factor)));
        planned_counts.push((fewer, -most));
        self.add_scaled(planned_counts, Relation::AtLeast, -most);
    }

    fn copies_here(&self, instance: &Instance, item: usize, machine: usize) -> Vec<(usize, f64)> {
        let forms = &instance.forms_of[item];
        self.sum_of(|of| of.machine == machine && forms.contains(&of.form))
    }

    /// Adds a row divided by its largest factor, so that tolerances mean the same in every row.
    fn add_scaled(&mut self, mut terms: Vec<(usize, f64)>, relation: Relation, bound: f64) {
        let largest = terms.iter().map(|(_, factor)| factor.abs()).fold(0.0, f64::max);
        let scale = crate::rational::power_of_two(largest);
        for (_, factor) in &mut terms {
            *factor /= scale;
        }
        self.program.add_row(terms, relation, bound / scale);
    }
}

/// Whether copies of an item are counted as `running - left + came` where they run: no fewer are planned than run, and
/// all are alike. HiGHS proves far more from that than from the copies themselves, for it has what is free on the right
/// side of every row.
fn may_exchange(instance: &Instance, item: usize) -> bool {
    let running = instance.running[item];
    let alike = match &instance.forms[instance.forms_of[item].clone()] {
        [only] => !matches!(only.devices, Devices::Share(_)),
        _ => false,
    };
    alike && running > 0 && instance.packing.least_copies(item) >= running
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

//! Annealing by exchanges, for machines that are nearly full: it brings together what is free until what
//! was left out fits.
//!
//! On a full cluster enough may be free for what is missing, only in slivers on many machines. A step
//! exchanges two copies between machines, moves one, or exchanges one that stands with one left out. The
//! score never becomes worse; among equal scores a step is taken by the rule of Metropolis (Kirkpatrick,
//! Gelatt and Vecchi, Optimization by simulated annealing, Science 220, 1983) on a *potential*: the sum over
//! machines of the product of the parts of each wanted resource that are free. Of all ways to have the same
//! amounts free, it is largest where they lie on one machine, and in proportion.
//!
//! Where moves are counted later, a step that takes a copy from where it runs loses potential for it: much in the
//! first cooling, less in each that follows. So what little has to move for all to fit is found first.
//!
//! Deterministic: the work is counted in steps tried, the seed is that of the search.

use crate::search::{Budget, Counts, Search};
use crate::state::{NO_SLOT, Snapshot, State};
use berth_compiler::problem::Devices;
use std::time::Instant;

/// Of a mean copy's squared part of a machine: how much potential a step may lose at the start of each
/// cooling. Small clusters want more, large ones less; each gets its turn.
const HEATS: [f64; 3] = [0.02, 0.06, 0.01];

/// What a move loses in the first coolings, in heats at their start; nothing in later ones.
const RELUCTANCE: [f64; 4] = [16.0, 4.0, 1.0, 0.25];

/// The same where fewer moves are all that is searched for.
const RELUCTANCE_OF_MOVES: [f64; 4] = [16.0, 8.0, 4.0, 8.0];

/// What leaving out a larger copy is worth, by the part of a machine that it frees.
const ROOM: f64 = 0.05;

/// Steps tried for each copy in the first cooling.
const STEPS: u64 = 1_500;

/// The resources that what is missing wants.
struct Wanted {
    resources: Vec<usize>,
    devices: bool,
}

impl Search<'_, '_, '_> {
    /// Cools down, again and again with more steps, until everything is placed, `enough` says so of the
    /// score, or the budget is spent.
    pub fn anneal(&mut self, budget: &Budget, enough: &dyn Fn(&[i128]) -> bool) {
        let copies: u64 = self.state.copies_of_form.iter().sum();
        let mut steps = STEPS * copies.max(8);
        let mut best = self.state.snapshot();
        let mut best_score = self.state.score.clone();
        let reluctances = RELUCTANCE.into_iter().chain(std::iter::repeat(0.0));
        for (heat, reluctance) in HEATS.into_iter().cycle().zip(reluctances) {
            if self.work >= budget.work || self.missing().is_empty() || enough(&best_score) {
                break;
            }
            let over_time = budget.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if over_time || budget.cancellation.is_cancelled() {
                break;
            }
            let steps_left = steps.min(budget.work - self.work);
            let cooling = Cooling { heat, reluctance, steps: steps_left, for_moves: false };
            self.cool(&cooling, budget, &mut best, &mut best_score, enough);
            steps = steps.saturating_mul(2);
        }
        self.state = State::restored(self.state.instance, &best);
    }

    /// Cools down for fewer moves, no less being placed than before: in turn from `home`, where nothing has moved,
    /// and from the best state, until `enough` says so of the score or the budget is spent.
    pub fn anneal_moves(&mut self, home: &Snapshot, budget: &Budget, enough: &dyn Fn(&[i128]) -> bool) {
        let copies: u64 = self.state.copies_of_form.iter().sum();
        let mut best = self.state.snapshot();
        let mut best_score = self.state.score.clone();
        let of_rounds = HEATS.into_iter().flat_map(|heat| [(heat, true), (heat, false)]);
        for ((heat, from_home), reluctance) in of_rounds.cycle().zip(RELUCTANCE_OF_MOVES.into_iter().cycle())
        {
            let over_time = budget.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if self.work >= budget.work
                || enough(&best_score)
                || over_time
                || budget.cancellation.is_cancelled()
            {
                break;
            }
            let from = if from_home { home } else { &best };
            self.state = State::restored(self.state.instance, from);
            let steps = (STEPS * copies.max(8)).min(budget.work - self.work);
            let cooling = Cooling { heat, reluctance, steps, for_moves: true };
            self.cool(&cooling, budget, &mut best, &mut best_score, enough);
        }
        self.state = State::restored(self.state.instance, &best);
    }

    /// One cooling from hot to cold.
    fn cool(
        &mut self,
        cooling: &Cooling,
        budget: &Budget,
        best: &mut Snapshot,
        best_score: &mut Vec<i128>,
        enough: &dyn Fn(&[i128]) -> bool,
    ) {
        let mut missing = self.missing();
        let for_moves = cooling.for_moves;
        let wanted = self.wanted_resources(&missing);
        let machines = 0..self.state.instance.packing.machines.len();
        let mut potentials: Vec<f64> =
            machines.map(|machine| self.potential(machine, None, None, &wanted).unwrap_or(0.0)).collect();
        let hot = cooling.heat * self.mean_part(&wanted).powi(2);
        let a_move = if self.moves_later.is_some() { cooling.reluctance * hot } else { 0.0 };
        // The state is as good as the best and nowhere kept: saving each of many that come soon after one another is dear.
        let mut unsaved = false;
        for step in 0..cooling.steps {
            self.work += 1;
            if step.is_multiple_of(4096) {
                let over_time = budget.deadline.is_some_and(|deadline| Instant::now() >= deadline);
                if over_time || budget.cancellation.is_cancelled() {
                    break;
                }
            }
            let heat = hot * (1.0 - step as f64 / cooling.steps as f64) + 1e-12;
            let heat = Heat { heat, a_move };
            let touched = match self.random.below(20) {
                0..4 => self.replace(&missing, &mut potentials, &wanted, heat),
                4..8 => self.shift(&mut potentials, &wanted, heat),
                _ => self.exchange(&mut potentials, &wanted, heat),
            };
            let Some(touched) = touched else { continue };
            self.fill(&touched, &missing, &wanted, &mut potentials);
            if unsaved && self.state.score > *best_score {
                // A step away from the best, which is saved instead.
                self.state.undo_to(0);
                *best = self.state.snapshot();
                unsaved = false;
                missing = self.missing();
                for machine in touched.machines.into_iter().flatten() {
                    potentials[machine] = self.potential(machine, None, None, &wanted).unwrap_or(0.0);
                }
                continue;
            }
            self.state.commit();
            if touched.replaced || self.state.score < *best_score {
                missing = self.missing();
            }
            if self.state.score < *best_score {
                best_score.clone_from(&self.state.score);
                unsaved = true;
                if enough(best_score) || (missing.is_empty() && !for_moves) {
                    break;
                }
            }
        }
        if unsaved {
            *best = self.state.snapshot();
        }
    }

    /// Two copies of different forms change places.
    fn exchange(&mut self, potentials: &mut [f64], wanted: &Wanted, heat: Heat) -> Option<Touched> {
        let (a, at_a) = self.random_copy()?;
        let (b, at_b) = self.random_copy()?;
        let (form_a, form_b) = (self.form_at(a, at_a), self.form_at(b, at_b));
        if a == b || form_a == form_b || !self.may_stand(form_a, b) || !self.may_stand(form_b, a) {
            return None;
        }
        let after_a = self.potential(a, Some(form_a), Some(form_b), wanted)?;
        let after_b = self.potential(b, Some(form_b), Some(form_a), wanted)?;
        let moved =
            || self.state.moves_of(form_a, Some(a), Some(b)) + self.state.moves_of(form_b, Some(b), Some(a));
        let gain = after_a + after_b - potentials[a] - potentials[b] - heat.of_moves(moved);
        if !self.takes(gain, heat) {
            return None;
        }
        let before = self.state.score.clone();
        let mark = self.state.mark();
        self.state.remove(a, at_a);
        self.state.remove(b, at_b);
        if !self.state.insert(form_b, a) || !self.state.insert(form_a, b) || self.is_worse_than(&before) {
            self.state.undo_to(mark);
            return None;
        }
        (potentials[a], potentials[b]) = (after_a, after_b);
        Some(Touched { machines: [Some(a), Some(b)], replaced: false })
    }

    /// One copy moves.
    fn shift(&mut self, potentials: &mut [f64], wanted: &Wanted, heat: Heat) -> Option<Touched> {
        let (a, at) = self.random_copy()?;
        let b = self.random_machine()?;
        let form = self.form_at(a, at);
        if a == b || !self.may_stand(form, b) {
            return None;
        }
        let after_b = self.potential(b, None, Some(form), wanted)?;
        let after_a = self.potential(a, Some(form), None, wanted)?;
        let moved = || self.state.moves_of(form, Some(a), Some(b));
        let gain = after_a + after_b - potentials[a] - potentials[b] - heat.of_moves(moved);
        if !self.takes(gain, heat) {
            return None;
        }
        let before = self.state.score.clone();
        let mark = self.state.mark();
        self.state.remove(a, at);
        if !self.state.insert(form, b) || self.is_worse_than(&before) {
            self.state.undo_to(mark);
            return None;
        }
        (potentials[a], potentials[b]) = (after_a, after_b);
        Some(Touched { machines: [Some(a), Some(b)], replaced: false })
    }

    /// One that was left out takes the place of one that stands and matters no more.
    fn replace(
        &mut self,
        missing: &[(usize, u64)],
        potentials: &mut [f64],
        wanted: &Wanted,
        heat: Heat,
    ) -> Option<Touched> {
        let (form, _) = *missing.get(self.random.below(missing.len()))?;
        let (machine, at) = self.random_copy()?;
        let old = self.form_at(machine, at);
        let rank = |form: usize| self.guide.rank[self.state.instance.forms[form].item];
        if old == form || rank(old) < rank(form) || !self.may_stand(form, machine) {
            return None;
        }
        if rank(old) > rank(form) {
            return self.displace(form, machine, potentials, wanted);
        }
        let after = self.potential(machine, Some(old), Some(form), wanted)?;
        let freed = self.part(old, machine, wanted) - self.part(form, machine, wanted);
        let moved =
            || self.state.moves_of(old, Some(machine), None) + self.state.moves_of(form, None, Some(machine));
        let gain = after - potentials[machine] + ROOM * freed - heat.of_moves(moved);
        if !self.takes(gain, heat) {
            return None;
        }
        let before = self.state.score.clone();
        let mark = self.state.mark();
        self.state.remove(machine, at);
        if !self.state.insert(form, machine) || self.is_worse_than(&before) {
            self.state.undo_to(mark);
            return None;
        }
        potentials[machine] = after;
        Some(Touched { machines: [Some(machine), None], replaced: true })
    }

    /// One that was left out takes the place of as many that matter less as it needs.
    fn displace(
        &mut self,
        form: usize,
        machine: usize,
        potentials: &mut [f64],
        wanted: &Wanted,
    ) -> Option<Touched> {
        let rank = |search: &Self, form: usize| search.guide.rank[search.state.instance.forms[form].item];
        let before = self.state.score.clone();
        let mark = self.state.mark();
        while self.state.slot_for(form, machine).is_none() {
            let copies = self.state.copies_on(machine);
            let less = (0..copies.len()).filter(|&at| rank(self, copies[at].form) > rank(self, form));
            let less: Vec<usize> = less.collect();
            match less.get(self.random.below(less.len())) {
                Some(&at) => self.state.remove(machine, at),
                None => break,
            }
        }
        if !self.state.insert(form, machine) || self.is_worse_than(&before) {
            self.state.undo_to(mark);
            return None;
        }
        potentials[machine] = self.potential(machine, None, None, wanted).unwrap_or(0.0);
        Some(Touched { machines: [Some(machine), None], replaced: true })
    }

    /// Places what is missing on the machines that have changed.
    fn fill(&mut self, touched: &Touched, missing: &Counts, wanted: &Wanted, potentials: &mut [f64]) {
        for machine in touched.machines.into_iter().flatten() {
            for &(form, _) in missing {
                if !self.may_stand(form, machine) {
                    continue;
                }
                while self.state.copies_of_form[form] < self.targets[form] {
                    let mark = self.state.mark();
                    let before = self.state.score.clone();
                    if !self.state.insert(form, machine) || self.state.score >= before {
                        self.state.undo_to(mark);
                        break;
                    }
                    potentials[machine] = self.potential(machine, None, None, wanted).unwrap_or(0.0);
                }
            }
        }
    }

    fn takes(&mut self, gain: f64, Heat { heat, .. }: Heat) -> bool {
        gain >= 0.0 || (gain > -20.0 * heat && self.random.unit() < (gain / heat).exp())
    }

    /// A copy that does not share a device, with its place on its machine.
    fn random_copy(&mut self) -> Option<(usize, usize)> {
        let machine = self.random_machine()?;
        let at = self.random.below(self.state.copies_on(machine).len());
        let copy = self.state.copies_on(machine).get(at)?;
        (copy.slot == NO_SLOT).then_some((machine, at))
    }

    fn random_machine(&mut self) -> Option<usize> {
        let machines = self.state.instance.packing.machines.len();
        (machines > 0).then(|| self.random.below(machines))
    }

    fn form_at(&self, machine: usize, at: usize) -> usize {
        self.state.copies_on(machine)[at].form
    }

    fn may_stand(&self, form: usize, machine: usize) -> bool {
        let instance = self.state.instance;
        instance.fits[form][instance.group_of[machine]] > 0
    }

    /// The resources that some missing form takes.
    fn wanted_resources(&self, missing: &[(usize, u64)]) -> Wanted {
        let instance = self.state.instance;
        let forms = || missing.iter().map(|(form, _)| &instance.forms[*form]);
        Wanted {
            resources: (0..instance.packing.resources.len())
                .filter(|&resource| forms().any(|form| form.demand[resource] > 0))
                .collect(),
            devices: forms().any(|form| form.devices != Devices::None),
        }
    }

    /// What a machine has free with one copy taken away and one placed; none where that does not fit.
    fn potential(
        &self,
        machine: usize,
        without: Option<usize>,
        with: Option<usize>,
        wanted: &Wanted,
    ) -> Option<f64> {
        let instance = self.state.instance;
        let of = &instance.packing.machines[machine];
        let free = self.state.free(machine);
        let demand = |form: Option<usize>, resource: usize| {
            form.map_or(0, |form| i128::from(instance.forms[form].demand[resource]))
        };
        let left =
            |resource: usize| i128::from(free[resource]) + demand(without, resource) - demand(with, resource);
        if with.is_some() && (0..free.len()).any(|resource| left(resource) < 0) {
            return None;
        }
        let devices = |form: Option<usize>| match form.map(|form| instance.forms[form].devices) {
            Some(Devices::Whole(count)) => i64::from(count),
            _ => 0,
        };
        let devices_left = i64::from(self.state.devices_free(machine)) + devices(without) - devices(with);
        if devices_left < 0 {
            return None;
        }
        let mut product = 1.0;
        let mut factors = 0;
        for &resource in &wanted.resources {
            let part = left(resource) as f64 / (of.capacity[resource].max(1)) as f64;
            product *= part;
            factors += 1;
        }
        if wanted.devices {
            product *= devices_left as f64 / f64::from(of.devices.max(1));
            factors += 1;
        }
        // With one resource alone, the square: it too is largest where all lies together.
        Some(if factors == 1 { product * product } else { product })
    }

    /// The part of a machine that a copy takes, over the wanted resources.
    fn part(&self, form: usize, machine: usize, wanted: &Wanted) -> f64 {
        let of = &self.state.instance.packing.machines[machine];
        let demand = &self.state.instance.forms[form].demand;
        let parts = wanted.resources.iter().map(|&r| demand[r] as f64 / of.capacity[r].max(1) as f64);
        parts.sum()
    }

    /// The mean over copies of the mean part that one takes.
    fn mean_part(&self, wanted: &Wanted) -> f64 {
        let mut sum = 0.0;
        let mut count = 0.0;
        for machine in 0..self.state.instance.packing.machines.len() {
            for copy in self.state.copies_on(machine) {
                sum += self.part(copy.form, machine, wanted) / wanted.resources.len().max(1) as f64;
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 0.1 }
    }
}

/// How much potential a step may lose.
#[derive(Clone, Copy)]
struct Heat {
    heat: f64,
    /// What each copy that it moves loses beside.
    a_move: f64,
}

impl Heat {
    fn of_moves(self, moved: impl FnOnce() -> i64) -> f64 {
        if self.a_move > 0.0 { self.a_move * moved() as f64 } else { 0.0 }
    }
}

/// From hot to cold once.
struct Cooling {
    /// One of [`HEATS`].
    heat: f64,
    /// One of [`RELUCTANCE`].
    reluctance: f64,
    /// Whether it goes on once everything is placed.
    for_moves: bool,
    steps: u64,
}

/// What a step has changed.
struct Touched {
    machines: [Option<usize>; 2],
    /// Another form is missing now.
    replaced: bool,
}

//! The native search: best-fit construction, then ruin and recreate.
//!
//! Construction places the most important and largest copies first, each where the least is left over,
//! weighted by how scarce a resource is, and on a machine already in use where money is counted. A round
//! of ruin and recreate (Schrimpf et al., Record breaking optimization results using the ruin and recreate
//! principle, Journal of Computational Physics 159, 2000) takes the copies of a few machines away and
//! places them, and what was missing, again; machines are passed over now and then (the blinks of
//! Christiaens and Vanden Berghe, Slack induction by string removals, Transportation Science 54, 2020).
//! A result is kept where its score is not worse, level by level, within a threshold on money that falls to 0.
//!
//! Deterministic: the work is counted in machines looked at, the seed is fixed.

use crate::guide::{Guide, device_parts};
use crate::instance::Instance;
use crate::random::Random;
use crate::state::{NO_SLOT, State};
use crate::targets::importance;
use berth_compiler::problem::Devices;
use berth_compiler::solving::Cancellation;
use std::time::Instant;

/// When to end.
pub(crate) struct Budget<'b> {
    /// Machines looked at.
    pub work: u64,
    /// Rounds without a better result; small problems are exhausted long before their work is done.
    pub patience: u64,
    pub cancellation: &'b Cancellation,
    pub deadline: Option<Instant>,
}

/// Copies by form.
pub(crate) type Counts = Vec<(usize, u64)>;

/// Where a copy may go.
pub(crate) enum Among<'a> {
    /// All machines: those in use, and one of each group that is not.
    All,
    /// These.
    These(&'a [usize]),
    /// Those of these groups.
    Groups(&'a [usize]),
    /// One of each of these groups, or of every group, that is not in use.
    Unused(Option<&'a [usize]>),
}

pub(crate) struct Search<'g, 'i, 'p> {
    pub state: State<'i, 'p>,
    pub(crate) guide: &'g Guide,
    pub(crate) targets: Vec<u64>,
    pub(crate) random: Random,
    /// By group: what its price is taken for in this round, as a multiple; varied so that rounds open
    /// different machines.
    liking: Vec<f64>,
    /// A level of moves that comes after what is searched for: while that is, copies may move.
    pub moves_later: Option<usize>,
    pub work: u64,
}

impl<'g, 'i, 'p> Search<'g, 'i, 'p> {
    pub fn new(state: State<'i, 'p>, guide: &'g Guide, targets: Vec<u64>, seed: u64) -> Self {
        let liking = vec![1.0; state.instance.groups.len()];
        let random = Random::new(seed);
        Self { state, guide, targets, random, liking, moves_later: None, work: 0 }
    }

    /// Places what is missing, then takes away what serves nothing.
    pub fn construct(&mut self) {
        let missing = self.missing();
        self.place(missing, None, 0.0);
        self.place_instead();
        self.trim();
        self.state.commit();
    }

    /// Places copies where such run now, fullest machines first, as far as they are wanted and fit.
    pub fn stay(&mut self) {
        let instance = self.state.instance;
        for (item, on) in instance.running_on.iter().enumerate() {
            let mut machines: Vec<(u64, usize)> =
                on.iter().map(|(&machine, &copies)| (copies, machine)).collect();
            machines.sort_by_key(|&(copies, machine)| (std::cmp::Reverse(copies), machine));
            for (copies, machine) in machines {
                for _ in 0..copies {
                    let missing = |form: &usize| self.targets[*form] > self.state.copies_of_form[*form];
                    let mut forms = instance.forms_of[item].clone().filter(missing);
                    if !forms
                        .find(|form| {
                            self.state.slot_for(*form, machine).is_some() && self.suits(*form, machine)
                        })
                        .is_some_and(|form| self.insert(form, machine))
                    {
                        break;
                    }
                }
            }
        }
    }

    /// Places counts by form and group first, as the master program chose them.
    ///
    /// Each entry is a form, groups of the instance, and how many copies go there.
    pub fn construct_by_group(&mut self, mut counts: Vec<(usize, Vec<usize>, u64)>) {
        counts.sort_by(|(a, ..), (b, ..)| self.guide.size[*b].total_cmp(&self.guide.size[*a]).then(a.cmp(b)));
        for (form, groups, count) in counts {
            let left = self.place_together(form, count, Some(&groups));
            for _ in 0..left {
                let Some(machine) = self.best_machine(form, &Among::Groups(&groups), 0.0) else { break };
                if !self.insert(form, machine) {
                    break;
                }
            }
        }
        self.construct();
    }

    /// Ruins and recreates until the budget is spent or `enough` says so of the score.
    pub fn improve(&mut self, budget: &Budget, enough: &dyn Fn(&[i128]) -> bool) {
        let mut best = self.state.snapshot();
        let mut best_score = self.state.score.clone();
        let mut rounds: u64 = 0;
        let mut last_better: u64 = 0;
        while self.work < budget.work && rounds - last_better < budget.patience && !enough(&best_score) {
            rounds += 1;
            let over_time = || budget.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if rounds.is_multiple_of(64) && (budget.cancellation.is_cancelled() || over_time()) {
                break;
            }
            let before = self.state.score.clone();
            let missing_before = self.missing();
            for liking in &mut self.liking {
                *liking = 0.5 + self.random.unit();
            }
            let touched = self.ruin(&missing_before);
            // What was missing before fits nowhere but where something was taken away.
            let taken = self.taken(&missing_before);
            self.work += 1 + touched.len() as u64;
            self.recreate(missing_before, taken, &touched);
            let heat = 0.005 * (1.0 - self.work as f64 / budget.work as f64).max(0.0);
            if self.accepts(&before, heat) {
                self.state.commit();
                if self.state.score < best_score {
                    best_score = self.state.score.clone();
                    best = self.state.snapshot();
                    last_better = rounds;
                }
            } else {
                self.state.undo_to(0);
            }
        }
        self.state = State::restored(self.state.instance, &best);
        self.trim();
        self.state.commit();
    }

    /// Forms and how many copies are missing to their targets.
    pub(crate) fn missing(&self) -> Counts {
        let placed = self.state.copies_of_form.iter();
        let missing = self.targets.iter().zip(placed).map(|(target, placed)| target.saturating_sub(*placed));
        missing.enumerate().filter(|(_, count)| *count > 0).collect()
    }

    /// What the ruin took.
    fn taken(&self, before: &[(usize, u64)]) -> Counts {
        let mut taken = Vec::new();
        for (form, count) in self.missing() {
            let old = before.iter().find(|(of, _)| *of == form).map_or(0, |(_, count)| *count);
            if count > old {
                taken.push((form, count - old));
            }
        }
        taken
    }

    fn recreate(&mut self, old: Counts, taken: Counts, touched: &[usize]) {
        const BLINK: f64 = 0.02;
        // The more important of both first: merged in order of rank, old ones only onto touched machines.
        let important = |guide: &Guide, forms: &[(usize, u64)], instance: &Instance| {
            forms.iter().map(|(form, _)| guide.rank[instance.forms[*form].item]).min().unwrap_or(usize::MAX)
        };
        let old_first = important(self.guide, &old, self.state.instance)
            < important(self.guide, &taken, self.state.instance)
            || self.random.unit() < 0.5;
        if old_first {
            self.place(old, Some(touched), BLINK);
            self.place(taken, None, BLINK);
        } else {
            self.place(taken, None, BLINK);
            self.place(old, Some(touched), BLINK);
        }
        if self.state.score[0] > 0 {
            self.place_instead();
            if self.guide.violated_by_copies {
                self.drop_violations();
            }
        }
    }

    /// Whether an entry of the score decides, or waits until what comes before it is settled.
    fn counts(&self, entry: usize) -> bool {
        self.moves_later.is_none_or(|level| level + 1 != entry)
    }

    /// Whether the score is worse than `before` was.
    pub(crate) fn is_worse_than(&self, before: &[i128]) -> bool {
        let differs = |at: &usize| self.counts(*at) && self.state.score[*at] != before[*at];
        (0..before.len()).find(differs).is_some_and(|at| self.state.score[at] > before[at])
    }

    /// Whether the state may replace the one whose score was `before`.
    fn accepts(&mut self, before: &[i128], heat: f64) -> bool {
        let after = &self.state.score;
        let Some(differs) = (0..after.len()).find(|&at| self.counts(at) && after[at] != before[at]) else {
            return true;
        };
        if after[differs] < before[differs] {
            return true;
        }
        let money = self.state.instance.price_in_levels.iter().any(|(level, _)| level + 1 == differs);
        let worse = (after[differs] - before[differs]) as f64;
        money && worse <= heat * (before[differs].unsigned_abs() as f64) * self.random.unit()
    }

    /// Takes copies away; the machines they stood on.
    fn ruin(&mut self, missing: &[(usize, u64)]) -> Vec<usize> {
        let mut touched = Vec::new();
        let aim_at_missing = !missing.is_empty() && self.random.unit() < 0.7;
        if aim_at_missing {
            let form = self.random_missing(missing);
            for _ in 0..1 + self.random.below(3) {
                if let Some(machine) = self.random_machine_for(form) {
                    touched.push(machine);
                }
            }
        } else {
            let wanted = 1 + self.random.below(4);
            let first = self.random_machine_in_use(true);
            touched.extend(first);
            for _ in 1..wanted {
                touched.extend(self.random_machine_in_use(false));
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for (index, &machine) in touched.clone().iter().enumerate() {
            let all = index == 0 || self.random.unit() < 0.6;
            for at in (0..self.state.copies_on(machine).len()).rev() {
                if all || self.random.unit() < 0.5 {
                    self.state.remove(machine, at);
                }
            }
        }
        touched
    }

    /// One of those missing; half the time one of the most important.
    fn random_missing(&mut self, missing: &[(usize, u64)]) -> usize {
        let instance = self.state.instance;
        let rank = |form: usize| self.guide.rank[instance.forms[form].item];
        let first = missing.iter().map(|(form, _)| rank(*form)).min().unwrap_or(0);
        let important: Vec<usize> =
            missing.iter().map(|(form, _)| *form).filter(|form| rank(*form) == first).collect();
        if self.random.unit() < 0.5 {
            important[self.random.below(important.len())]
        } else {
            missing[self.random.below(missing.len())].0
        }
    }

    fn random_machine_for(&mut self, form: usize) -> Option<usize> {
        let instance = self.state.instance;
        let fits = &instance.fits[form];
        let usable: usize =
            instance.groups.iter().zip(fits).filter(|(_, fit)| **fit > 0).map(|(group, _)| group.len()).sum();
        let mut at = self.random.below(usable);
        for (group, fit) in instance.groups.iter().zip(fits) {
            if *fit > 0 {
                match group.get(at) {
                    Some(&machine) => return Some(machine),
                    None => at -= group.len(),
                }
            }
        }
        None
    }

    /// A machine in use; of a few drawn, the one with the fewest copies, if asked: it is nearest to being
    /// empty.
    fn random_machine_in_use(&mut self, nearly_empty: bool) -> Option<usize> {
        let groups = self.state.instance.groups.len();
        let total: usize = (0..groups).map(|group| self.state.in_use(group).len()).sum();
        let mut best: Option<(usize, usize)> = None;
        for _ in 0..if nearly_empty { 3 } else { 1 } {
            let mut at = self.random.below(total);
            for group in 0..groups {
                match self.state.in_use(group).get(at) {
                    Some(&machine) => {
                        let copies = self.state.copies_on(machine).len();
                        if best.is_none_or(|(fewest, _)| copies < fewest) {
                            best = Some((copies, machine));
                        }
                        break;
                    }
                    None => at -= self.state.in_use(group).len(),
                }
            }
        }
        best.map(|(_, machine)| machine)
    }

    /// Places copies, the important and large ones first, on the machines given or on all.
    fn place(&mut self, mut forms: Counts, on: Option<&[usize]>, blink: f64) {
        let instance = self.state.instance;
        let noise = if blink > 0.0 { 0.4 } else { 0.0 };
        let mut keyed: Vec<(usize, f64, usize, u64)> = forms
            .drain(..)
            .map(|(form, count)| {
                let size = self.guide.size[form] * (1.0 + noise * (self.random.unit() - 0.5));
                (self.guide.rank[instance.forms[form].item], -size, form, count)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        for (_, _, form, mut count) in keyed {
            if on.is_none() && blink == 0.0 && count > 1 {
                count = self.place_together(form, count, None);
            }
            let among = on.map_or(Among::All, Among::These);
            for _ in 0..count {
                let Some(machine) = self.best_machine(form, &among, blink) else { break };
                if !self.insert(form, machine) {
                    break;
                }
            }
        }
    }

    /// Places copies of one form as [`best_machine`](Self::best_machine) would one by one, and says how many
    /// are left: a machine that is filled stays the best until it is full, and the others stay as they are. On
    /// machines of some groups alone, if asked.
    fn place_together(&mut self, form: usize, mut count: u64, within: Option<&[usize]>) -> u64 {
        let instance = self.state.instance;
        let item = instance.forms[form].item;
        let spreads = !instance.spread_effects[item].is_empty()
            || !instance.remainders[item].is_empty()
            || !instance.survives[form].is_empty();
        if spreads || instance.running[item] > 0 {
            return count;
        }
        if !self.guide.counts_money {
            // Where machines cost nothing, unused ones compete with those in use.
            return count;
        }
        // Rows over places first: where they want copies, one machine is not as good as another.
        while count > 0 && self.seeks_a_place(item) {
            let among = within.map_or(Among::All, Among::Groups);
            let Some(machine) = self.best_machine(form, &among, 0.0) else { return count };
            if !self.insert(form, machine) {
                return count;
            }
            count -= 1;
        }
        let mut fitting: Vec<(f64, usize)> = Vec::new();
        let is_within = |group: &usize| within.is_none_or(|groups| groups.contains(group));
        let usable = (0..instance.groups.len()).filter(|&group| instance.fits[form][group] > 0);
        for group in usable.filter(is_within) {
            self.work += self.state.in_use(group).len() as u64;
            for &machine in self.state.in_use(group) {
                if let Some(slot) = self.state.slot_for(form, machine) {
                    fitting.push((self.left_over(form, machine, slot), machine));
                }
            }
        }
        fitting.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut fitting = fitting.into_iter();
        while count > 0 {
            let next = fitting.next().map(|(_, machine)| machine);
            let Some(machine) = next.or_else(|| self.best_machine(form, &Among::Unused(within), 0.0)) else {
                break;
            };
            let before = count;
            while count > 0 && self.suits(form, machine) && self.insert(form, machine) {
                count -= 1;
            }
            if next.is_none() && count == before {
                // The best of those not in use misses a wish: one by one, each where it misses the least.
                return count;
            }
            if self.state.is_full(item) {
                break;
            }
        }
        count
    }

    /// Where a form could not be placed, other forms of its item, as long as the score falls.
    fn place_instead(&mut self) {
        let instance = self.state.instance;
        let mut items: Vec<usize> =
            self.missing().iter().map(|(form, _)| instance.forms[*form].item).collect();
        items.dedup();
        for item in items {
            let mut forms: Vec<usize> = instance.forms_of[item].clone().collect();
            if forms.len() < 2 {
                continue;
            }
            forms.sort_by(|a, b| self.guide.expense[*a].total_cmp(&self.guide.expense[*b]).then(a.cmp(b)));
            for form in forms {
                loop {
                    let mark = self.state.mark();
                    let before = self.state.score.clone();
                    let placed =
                        self.best_machine(form, &Among::All, 0.0).is_some_and(|m| self.insert(form, m));
                    if !placed || self.state.score >= before {
                        self.state.undo_to(mark);
                        break;
                    }
                }
            }
        }
    }

    /// Takes copies away while fewer rows are violated for it.
    fn drop_violations(&mut self) {
        for machine in 0..self.state.instance.packing.machines.len() {
            for at in (0..self.state.copies_on(machine).len()).rev() {
                let mark = self.state.mark();
                let before = self.state.score[0];
                self.state.remove(machine, at);
                if self.state.score[0] >= before {
                    self.state.undo_to(mark);
                }
            }
        }
    }

    /// Takes away every copy without which the score is as good.
    pub fn trim(&mut self) {
        for machine in 0..self.state.instance.packing.machines.len() {
            for at in (0..self.state.copies_on(machine).len()).rev() {
                let mark = self.state.mark();
                let before = self.state.score.clone();
                self.remove(machine, at);
                if self.state.score > before {
                    self.state.undo_to(mark);
                }
            }
        }
    }

    pub(crate) fn best_machine(&mut self, form: usize, among: &Among, blink: f64) -> Option<usize> {
        let instance = self.state.instance;
        let item = instance.forms[form].item;
        let wants_new = self.wants_new_machine(item);
        let seeks = self.seeks_a_place(item);
        // None where a row over places must not be broken; otherwise whether another place is better.
        let out_of_place = |search: &Self, group: usize| {
            if !search.has_room_beside(form, group) {
                return None;
            }
            if !instance.is_placed(item) {
                return Some(false);
            }
            search.state.suits(form, group).map(|suits| suits.worsens || (seeks && !suits.helps))
        };
        let mut best: Option<((bool, bool, bool, f64), usize)> = None;
        let mut look = |search: &mut Self, machine: usize, out_of_place: bool| {
            search.work += 1;
            if blink > 0.0 && search.random.unit() < blink {
                return;
            }
            let Some(slot) = search.state.slot_for(form, machine) else { return };
            let opens = search.guide.counts_money && !search.state.is_in_use(machine);
            let group = instance.group_of[machine];
            let cost = if opens {
                search.guide.opening[form][group] * search.liking[group]
            } else {
                search.left_over(form, machine, slot)
            };
            let misplaced = out_of_place
                || wants_new.is_some_and(|new| new == search.state.holds(machine, item))
                || search.state.is_exposed(form, machine);
            let moves = !search.state.would_stay(item, machine);
            let (first, then) = if search.guide.stays_first { (moves, opens) } else { (opens, moves) };
            let key = (misplaced, first, then, cost);
            let better = best.as_ref().is_none_or(|(least, _)| {
                (key.0, key.1, key.2)
                    .cmp(&(least.0, least.1, least.2))
                    .then(key.3.total_cmp(&least.3))
                    .is_lt()
            });
            if better {
                best = Some((key, machine));
            }
        };
        match among {
            Among::These(machines) => {
                for &machine in *machines {
                    let group = instance.group_of[machine];
                    if instance.fits[form][group] > 0
                        && let Some(out_of_place) = out_of_place(self, group)
                    {
                        look(self, machine, out_of_place);
                    }
                }
            }
            Among::All | Among::Groups(_) | Among::Unused(_) => {
                for group in 0..instance.groups.len() {
                    let chosen = match among {
                        Among::Groups(only) | Among::Unused(Some(only)) => only.contains(&group),
                        _ => true,
                    };
                    if !chosen || instance.fits[form][group] == 0 {
                        continue;
                    }
                    if instance.is_placed(item) {
                        self.work += 1;
                    }
                    let Some(out_of_place) = out_of_place(self, group) else { continue };
                    let in_use = match among {
                        Among::Unused(_) => 0,
                        _ => self.state.in_use(group).len(),
                    };
                    for at in 0..in_use {
                        let machine = self.state.in_use(group)[at];
                        look(self, machine, out_of_place);
                    }
                    if let Some(machine) = self.state.unused(group) {
                        look(self, machine, out_of_place);
                    }
                }
            }
        }
        best.map(|(_, machine)| machine)
    }

    /// Whether a copy on a machine misses no row over places, nor a wish, by more.
    fn suits(&self, form: usize, machine: usize) -> bool {
        let instance = self.state.instance;
        !instance.is_placed(instance.forms[form].item)
            || self.state.suits(form, instance.group_of[machine]).is_some_and(|suits| !suits.worsens)
    }

    /// Whether some row over places still wants copies of the item somewhere.
    fn seeks_a_place(&self, item: usize) -> bool {
        self.guide.seeks[item].iter().any(|&row| self.state.wanted(row) != 0)
    }

    /// Whether a further copy had better stand on a machine without one (some row wants more spread), or
    /// with one (some row wants less).
    fn wants_new_machine(&self, item: usize) -> Option<bool> {
        let effects = &self.state.instance.spread_effects[item];
        let mut rows: Vec<(usize, i128)> =
            effects.iter().map(|&(row, by)| (row, self.state.wanted(row).signum() * by.signum())).collect();
        rows.sort_by_key(|(row, _)| importance(self.state.instance, *row));
        let spread = rows.into_iter().map(|(_, sign)| sign).find(|sign| *sign != 0).map(|sign| sign > 0);
        // What may go with one machine had better not all stand on it.
        let mut remainders = self.state.instance.remainders[item].iter();
        spread.or_else(|| remainders.any(|row| self.state.wanted(*row) > 0).then_some(true))
    }

    /// What is left of a machine once the copy stands there, by scarcity.
    fn left_over(&self, form: usize, machine: usize, slot: u32) -> f64 {
        let of = &self.state.instance.forms[form];
        let free = self.state.free(machine).iter().zip(&of.demand).zip(&self.guide.left_over);
        let resources: f64 = free.map(|((free, demand), cost)| (free - demand) as f64 * cost).sum();
        let machine_devices = self.state.instance.packing.machines[machine].devices;
        if machine_devices == 0 {
            return resources;
        }
        let scale = self.state.instance.packing.share_scale.max(1) as f64;
        let parts_free =
            f64::from(self.state.devices_free(machine)) * scale + self.state.shares_free(machine) as f64;
        let mut devices = parts_free - device_parts(of.devices, scale);
        if slot != NO_SLOT
            && let Devices::Share(share) = of.devices
        {
            // Breaking a free device costs, what then stays of it can take only shares.
            let shares_only = self.state.shares_free(machine) as f64;
            if self.state.slot_is_empty(machine, slot) {
                devices += scale - share as f64;
            } else {
                devices -= shares_only.min(share as f64) * 0.5;
            }
        }
        resources + devices * self.guide.device_left_over
    }
}

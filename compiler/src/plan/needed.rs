//! How many replicas of an elastic service a step needs: the fewest with which every line of it that holds then is met.
//!
//! A promise about requests is met by as many as carry the demand of the step under it, by the same predictions that
//! bound what is placed. A line about counts and places is met whichever replicas are left, but for one thing that is
//! counted on: replicas leave the node first that has the most of them, so no node in use is left while one has two.

use crate::assembly::{linear_wishes, rate_rounded_down, requirements};
use crate::candidates::{latency_limit, memory_limit};
use crate::containers::Container;
use crate::plan::groups::broken;
use crate::plan::written::{World, float};
use crate::problem::Shortfall;
use crate::recheck::Values;
use berth_language::model::{
    Compare, Condition, LatencyMeasure, Of, PlaceKind, Requirement, Service, Steps, Subject, Term, When, Work,
};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Replicas that a step needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// By form.
    pub forms: Vec<u64>,
    /// The line that asks for the last of them; none where a service only has to be there.
    pub line: Option<Span>,
}

impl Need {
    /// Over all forms.
    pub fn count(&self) -> u64 {
        self.forms.iter().sum()
    }
}

/// An elastic service, as it is placed.
pub struct Elastic<'w> {
    world: World<'w>,
    values: &'w Values,
    /// By index.
    pub index: usize,
    service: &'w Service,
    /// Lines about counts and places: when each holds, how many it needs, and where it stands.
    kept: Vec<(Steps, u64, Span)>,
    /// What is known of a rate under promises.
    known: RefCell<BTreeMap<(BigRational, Vec<bool>), Need>>,
}

impl<'w> Elastic<'w> {
    /// The service of this index in a plan.
    pub fn of(world: World<'w>, values: &'w Values, index: usize) -> Self {
        let service = &world.program.services[index];
        let known = RefCell::default();
        let mut elastic = Self { world, values, index, service, kept: Vec::new(), known };
        elastic.kept = elastic.kept_lines();
        elastic
    }

    /// Replicas that are placed, by form.
    pub fn placed(&self) -> &'w [u64] {
        &self.values.copies[self.index]
    }

    /// How many steps the horizon has.
    pub fn steps(&self) -> usize {
        let rates = self.service.demand.as_ref().map_or(0, |demand| demand.value.rates.len());
        self.world.program.plan.steps.max(rates).max(1)
    }

    /// What is asked in a step, requests a second. The horizon begins anew behind its end.
    pub fn rate(&self, step: usize) -> BigRational {
        let rates = self.service.demand.as_ref().map_or(&[][..], |demand| &demand.value.rates);
        match rates {
            [] => BigRational::zero(),
            rates => rates[step % rates.len()].clone(),
        }
    }

    /// What lines about counts and places need in a step, whatever is asked.
    pub fn floor(&self, step: usize) -> (u64, Option<Span>) {
        // A service that is declared runs, unless a line allows it none.
        let may_rest = self.service.replicas.iter().any(|line| line.low == Some(0));
        let least = (u64::from(!may_rest), None);
        let lines = self.kept.iter().filter(|(steps, _, _)| steps.admits(step));
        lines.fold(
            least,
            |least, (_, count, span)| {
                if *count > least.0 { (*count, Some(*span)) } else { least }
            },
        )
    }

    /// What a step needs, were `rate` asked in it.
    pub fn need(&self, rate: &BigRational, step: usize) -> Need {
        let mut need = self.carrying(rate, step);
        let (floor, line) = self.floor(step);
        if need.count() < floor {
            self.fill(&mut need.forms, floor);
            need.line = line;
        }
        need
    }

    /// More of what is placed, until there are so many: of the form first that carries the most.
    pub fn fill(&self, forms: &mut [u64], count: u64) {
        let placed = self.placed();
        let mut missing = count.saturating_sub(forms.iter().sum());
        for form in self.by_rate(0) {
            let more = missing.min(placed[form].saturating_sub(forms[form]));
            forms[form] += more;
            missing -= more;
        }
    }

    /// Requests a second of one replica of each form, in the step's moment of the base world.
    pub fn rates(&self, step: usize) -> Vec<f64> {
        match self.moment(None, step) {
            Some(at) => (0..self.placed().len()).map(|form| self.capacity(form, at)).collect(),
            None => vec![0.0; self.placed().len()],
        }
    }

    fn capacity(&self, form: usize, moment: usize) -> f64 {
        let candidates = &self.world.candidates.services[self.index].candidates;
        let capacity = candidates.get(form).and_then(|candidate| candidate.capacities.get(moment));
        capacity.map_or(0.0, |capacity| capacity.rate)
    }

    /// Forms that are placed, what carries the most in a moment first.
    fn by_rate(&self, moment: usize) -> Vec<usize> {
        let placed = self.placed();
        let mut forms: Vec<usize> = (0..placed.len()).filter(|form| placed[*form] > 0).collect();
        let rate = |form: &usize| self.capacity(*form, moment);
        forms.sort_by(|left, right| rate(right).total_cmp(&rate(left)).then(left.cmp(right)));
        forms
    }

    /// Worlds that promises of the service speak of: the base first.
    fn worlds(&self) -> impl Iterator<Item = Option<usize>> + use<'_, 'w> {
        let scenarios = 0..self.world.program.scenarios.len();
        let of_some = move |scenario: &usize| {
            self.promises().any(|promise| self.service.requirements[promise].when.holds_in(Some(*scenario)))
        };
        [None].into_iter().chain(scenarios.filter(of_some).map(Some))
    }

    /// Promises about requests, by index into the service's requirements.
    fn promises(&self) -> impl Iterator<Item = usize> + use<'_, 'w> {
        let is_promise = |line: &Requirement| {
            latency_limit(self.index, line).is_some() || memory_limit(self.index, line).is_some()
        };
        (0..self.service.requirements.len()).filter(move |at| is_promise(&self.service.requirements[*at]))
    }

    fn promises_in(&self, scenario: Option<usize>, step: usize) -> Vec<usize> {
        let holds = |at: &usize| self.service.requirements[*at].when.steps(scenario).admits(step);
        self.promises().filter(holds).collect()
    }

    /// The service's moment in which the promises of a step hold.
    fn moment(&self, scenario: Option<usize>, step: usize) -> Option<usize> {
        let promises = self.promises_in(scenario, step);
        let moments = &self.world.candidates.services[self.index].moments;
        moments.iter().position(|moment| moment.scenario == scenario && moment.promises == promises)
    }

    /// Replicas of a form that a world has lost; any of those that are left may be among them.
    fn gone(&self, form: usize, scenario: Option<usize>) -> u64 {
        let Some(scenario) = scenario.and_then(|scenario| self.world.program.scenarios.get(scenario)) else {
            return 0;
        };
        let standing = self.values.standing_as[self.index].iter();
        let own = standing.filter(|((node, of), _)| *of == form && scenario.gone.binary_search(node).is_ok());
        let own: u64 = own.map(|(_, copies)| copies).sum();
        let broken = broken(self.world.packing, self.values, (self.index, form), &scenario.gone);
        own.saturating_add(broken).min(self.placed()[form])
    }

    /// The fewest replicas that carry `rate` under the promises of a step.
    fn carrying(&self, rate: &BigRational, step: usize) -> Need {
        let none = || Need { forms: vec![0; self.placed().len()], line: None };
        if !rate.is_positive() {
            return none();
        }
        let holds = |world| {
            self.promises().map(move |at| self.service.requirements[at].when.steps(world).admits(step))
        };
        let key = (rate.clone(), self.worlds().flat_map(holds).collect());
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let mut need = none();
        for world in self.worlds() {
            let of_world = match &self.service.work {
                Work::Image(_) => self.queued(rate, world, step),
                Work::Llm(_) => self.served(rate, world, step),
            };
            if of_world.count() > need.count() {
                need.line = of_world.line;
            }
            for (form, count) in need.forms.iter_mut().zip(of_world.forms) {
                *form = (*form).max(count);
            }
        }
        // What was placed carries the busiest step, and was rechecked.
        for (form, placed) in need.forms.iter_mut().zip(self.placed()) {
            *form = (*form).min(*placed);
        }
        self.known.borrow_mut().insert(key, need.clone());
        need
    }

    /// Of a container: as many as keep the queue stable, and each promise.
    fn queued(&self, rate: &BigRational, world: Option<usize>, step: usize) -> Need {
        let mut need = Need { forms: vec![0; self.placed().len()], line: None };
        let Work::Image(work) = &self.service.work else { return need };
        let (Some(container), Some(form)) = (Container::of(work), need.forms.first_mut()) else {
            return need;
        };
        let demand = self.service.demand.as_ref();
        let gone = self.gone(0, world);
        let mut at_least = |count: Option<u64>, span: Span| {
            let count = count.map_or(u64::MAX, |count| count.saturating_add(gone));
            if count > *form {
                (*form, need.line) = (count, Some(span));
            }
        };
        if let Some(demand) = demand.filter(|_| world.is_none()) {
            at_least(container.stable(rate), demand.span);
        }
        for promise in self.promises_in(world, step) {
            let line = &self.service.requirements[promise];
            let Some((LatencyMeasure::Latency, statistic, limit)) = latency_limit(self.index, line) else {
                continue;
            };
            // A statistic that the queue does not have is judged nowhere, and asks for nothing here.
            if let Ok(count) = container.fewest(rate, demand, statistic, limit) {
                at_least(count, line.span);
            }
        }
        need
    }

    /// Of a model: as many as carry the rate together, those first that carry the most.
    fn served(&self, rate: &BigRational, world: Option<usize>, step: usize) -> Need {
        let mut need = Need { forms: vec![0; self.placed().len()], line: None };
        let Some(moment) = self.moment(world, step) else { return need };
        let own = &self.world.candidates.services[self.index];
        let mut left = rate.clone();
        for form in self.by_rate(moment) {
            let each = rate_rounded_down(self.capacity(form, moment));
            if !left.is_positive() || !each.is_positive() {
                break;
            }
            let gone = self.gone(form, world);
            let there = self.placed()[form].saturating_sub(gone);
            let count = (&left / &each).ceil().to_integer().to_u64().unwrap_or(u64::MAX).min(there);
            need.forms[form] = count + gone;
            left -= each * BigRational::from_integer(count.into());
            let limited_by = own.candidates[form].capacities[moment].limited_by;
            need.line = limited_by.or(self.service.demand.as_ref().map(|demand| demand.span));
        }
        need
    }

    /// Every line about counts and places, in each world that it speaks of: when it holds there, and what it needs.
    fn kept_lines(&self) -> Vec<(Steps, u64, Span)> {
        let placed: u64 = self.placed().iter().sum();
        let bounds = self.service.replicas.iter();
        let mut kept: Vec<_> =
            bounds.filter_map(|bound| Some((Steps::Every, bound.low?, bound.span))).collect();
        let none = BigRational::zero();
        let mut add = |condition: &Condition, when: &When, span: Span, short: &BigRational| {
            kept.extend(when.worlds().map(|world| {
                let count = self.kept(condition, world, short).unwrap_or(placed);
                (when.steps(world).clone(), count.min(placed), span)
            }));
        };
        for line in requirements(self.world.program) {
            if let Some(condition) = line.judged() {
                add(condition, &line.when, line.span, &none);
            }
        }
        let wishes = linear_wishes(self.world.program).zip(&self.values.shortfalls);
        for ((wish, shortfall), weighed) in wishes.zip(&self.world.packing.wishes) {
            // As much of it as is granted stays so.
            let is_open = weighed.shortfall == Shortfall::Unmet && shortfall.is_positive();
            if let Some(condition) = wish.judged().filter(|_| !is_open) {
                add(condition, &wish.when, wish.span, shortfall);
            }
        }
        kept
    }

    /// The fewest replicas with which a condition that holds of all that are placed, or is `short` of it, still does,
    /// whichever are left; none where only all are known to keep it.
    fn kept(&self, condition: &Condition, scenario: Option<usize>, short: &BigRational) -> Option<u64> {
        match condition {
            Condition::Compare { terms, compare, limit, .. } => {
                self.kept_sum(terms, *compare, &(&limit.value - short), scenario)
            }
            // One at least stands elsewhere.
            Condition::Not(inner) => match &**inner {
                Condition::Placed { service, nodes } if *service == self.index => {
                    let here = self.standing(scenario).filter(|(node, _)| nodes.binary_search(node).is_ok());
                    Some(here.map(|(_, copies)| copies).sum::<u64>() + self.lost(scenario) + 1)
                }
                _ => Some(0),
            },
            Condition::All(parts) => {
                let parts: Option<Vec<u64>> =
                    parts.iter().map(|part| self.kept(part, scenario, short)).collect();
                Some(parts?.into_iter().max().unwrap_or(0))
            }
            // That none stands elsewhere holds of fewer; the others are judged nowhere.
            Condition::Placed { .. }
            | Condition::Listed { .. }
            | Condition::Chosen { .. }
            | Condition::Any(_)
            | Condition::NotYet { .. } => Some(0),
        }
    }

    fn kept_sum(
        &self,
        terms: &[Term],
        compare: Compare,
        limit: &BigRational,
        scenario: Option<usize>,
    ) -> Option<u64> {
        let counts = |term: &&Term| {
            term.subject.service() == Some(self.index)
                && matches!(
                    term.subject,
                    Subject::Replicas { .. } | Subject::ReplicasOn { .. } | Subject::Spread { .. }
                )
        };
        let own: Vec<&Term> = terms.iter().filter(counts).collect();
        if own.is_empty() {
            return Some(0);
        }
        let falls = own.iter().all(|term| term.coefficient.is_positive());
        let rises = own.iter().all(|term| term.coefficient.is_negative());
        match compare {
            Compare::AtMost | Compare::Below if falls => return Some(0),
            Compare::AtLeast | Compare::Above if rises => return Some(0),
            Compare::AtLeast | Compare::Above if falls => {}
            _ => return None,
        }
        let [term] = terms else { return None };
        let bound = limit / &term.coefficient;
        let least = if compare == Compare::Above { bound.floor() + BigRational::one() } else { bound.ceil() };
        let Some(least) = least.to_integer().to_u64().filter(|least| *least > 0) else { return Some(0) };
        Some(match &term.subject {
            Subject::ReplicasOn { nodes, .. } => {
                let here = self.standing(scenario).filter(|(node, _)| nodes.binary_search(node).is_ok());
                let here: u64 = here.map(|(_, copies)| copies).sum();
                least + self.placed().iter().sum::<u64>().saturating_sub(here)
            }
            // Those in use are left one by one only when each has one.
            Subject::Spread { place: PlaceKind::Node, .. } => {
                let all = self.values.standing[self.index].len();
                least + (all - self.standing(scenario).count()) as u64
            }
            Subject::Spread { of: Of::Service(_), place } => {
                let mut places: BTreeMap<usize, u64> = BTreeMap::new();
                let mut nowhere = 0;
                for (node, copies) in self.standing(scenario) {
                    match self.world.program.place_of(node, *place) {
                        Some(place) => *places.entry(place).or_default() += copies,
                        None => nowhere += copies,
                    }
                }
                let mut largest: Vec<u64> = places.into_values().collect();
                largest.sort_unstable_by(|left, right| right.cmp(left));
                let others = usize::try_from(least - 1).unwrap_or(usize::MAX);
                largest.iter().take(others).sum::<u64>() + nowhere + self.lost(scenario) + 1
            }
            _ => least + self.lost(scenario),
        })
    }

    /// Replicas by node, of those that a world has.
    fn standing(&self, scenario: Option<usize>) -> impl Iterator<Item = (usize, u64)> + use<'_, 'w> {
        let gone = scenario.and_then(|scenario| self.world.program.scenarios.get(scenario));
        let gone = gone.map_or(&[][..], |scenario| &scenario.gone);
        let standing = self.values.standing[self.index].iter();
        standing.map(|(node, copies)| (*node, *copies)).filter(|(node, _)| gone.binary_search(node).is_err())
    }

    /// Replicas that a world has lost.
    fn lost(&self, scenario: Option<usize>) -> u64 {
        (0..self.placed().len()).map(|form| self.gone(form, scenario)).sum()
    }

    /// How busy a replica is at so many requests a second: the share of what it can serve, or the sequences that it
    /// decodes together; none where that is not predicted.
    pub fn busy(&self, form: usize, rate: f64) -> (Option<f64>, Option<f64>) {
        match &self.service.work {
            Work::Image(work) => (Container::of(work).map(|container| rate / float(&container.rate)), None),
            Work::Llm(_) => {
                let candidate = &self.world.candidates.services[self.index].candidates[form];
                let load = candidate.replica.as_ref().zip(candidate.layout.as_ref());
                let steady = load.and_then(|(replica, layout)| replica.steady_state(rate, layout.batch));
                (None, steady.map(|steady| steady.batch))
            }
        }
    }
}

//! Which experts have copies, and on which group of devices each stands.
//!
//! `expert` groups of devices share the experts of each layer. Each group has as many slots, and as many copies are
//! placed as there are slots: one of every expert, and further ones of those that are asked for most. What is asked of an
//! expert is shared evenly among its copies, and no group has two of one. A layer is a [`Balance`], in which only the
//! loads count and not whose they are: layers with the same loads in another order are solved once.

use crate::performance::experts::ExpertSpread;
use crate::problem::{Balance, Certificate, Problem, Solution};
use crate::recheck::{Balanced, recheck_balance};
use crate::solving::{Outcome, Request, Solving};
use berth_language::model::{CountBound, ExpertLoad};
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A group that carries more than the mean by less than this part of it is full enough: a thousandth of the time
/// of a layer is below what any prediction tells apart.
const GAP: (u32, u32) = (1, 2_000);

/// Slots of each group beside those that hold one copy of each expert, where the planner chooses.
const MORE_SLOTS: [u64; 4] = [0, 1, 2, 4];

/// Above this there is nothing to gain from further copies.
const EVEN: f64 = 0.999;

/// The most experts whose copies are placed.
const MOST_EXPERTS: u64 = 1 << 16;

/// The copies of all layers of a replica.
#[derive(Clone, Debug)]
pub struct PlacedExperts {
    /// Groups of devices.
    pub groups: u64,
    /// Copies that each holds of every layer.
    pub slots: u64,
    /// By layer with experts; a single one where all layers are alike.
    pub layers: Vec<PlacedLayer>,
    /// The line that states the loads, or asks for copies.
    pub origin: Span,
}

/// The copies of one layer.
#[derive(Clone, Debug)]
pub struct PlacedLayer {
    /// What was solved.
    pub balance: Balance,
    /// The copies: item is the expert, machine the group.
    pub solution: Solution,
    /// What they amount to.
    pub balanced: Balanced,
}

impl PlacedLayer {
    /// The mean load of a group.
    pub fn mean(&self) -> BigRational {
        let total: u128 = self.balance.loads.iter().map(|load| u128::from(*load)).sum();
        BigRational::new(total.into(), self.balance.devices.max(1).into())
    }

    /// The mean load of a group over that of the fullest; 1 where nothing is asked for.
    pub fn balancedness(&self) -> f64 {
        if self.balanced.fullest.is_zero() {
            return 1.0;
        }
        (self.mean() / &self.balanced.fullest).to_f64().unwrap_or(0.0)
    }
}

impl PlacedExperts {
    /// Copies beyond one of each expert.
    pub fn redundant(&self) -> u64 {
        let experts = self.layers.first().map_or(0, |layer| layer.balance.loads.len() as u64);
        (self.groups * self.slots).saturating_sub(experts)
    }

    /// The least balancedness of any layer.
    pub fn least(&self) -> f64 {
        self.layers.iter().map(PlacedLayer::balancedness).fold(1.0, f64::min)
    }

    /// The mean of the layers'.
    pub fn mean(&self) -> f64 {
        self.layers.iter().map(PlacedLayer::balancedness).sum::<f64>() / self.layers.len().max(1) as f64
    }

    /// As a pass of tokens that choose `per_token` experts sees it.
    pub fn spread(&self, per_token: u64) -> ExpertSpread {
        let imbalances = self.layers.iter().map(|layer| 1.0 / layer.balancedness()).collect();
        let mut chosen = Vec::new();
        for PlacedLayer { balance, balanced, .. } in &self.layers {
            let total: u128 = balance.loads.iter().map(|load| u128::from(*load)).sum();
            for (load, copies) in balance.loads.iter().zip(&balanced.copies) {
                let share = match total {
                    0 => 1.0 / balance.loads.len() as f64,
                    total => *load as f64 / total as f64,
                };
                // A token chooses an expert once.
                let of_copy = (share * per_token as f64).min(1.0) / *copies as f64;
                chosen.extend(std::iter::repeat_n(of_copy, usize::try_from(*copies).unwrap_or(0)));
            }
        }
        let experts = self.layers.first().map_or(1, |layer| layer.balance.loads.len().max(1));
        ExpertSpread::new((self.groups * self.slots) as f64 / experts as f64, imbalances, chosen)
    }
}

/// Experts, layers, groups and copies beyond one of each.
type Shape = (u64, u64, u64, u64);

/// What is known of the experts of a service, and what was placed of them already.
pub(crate) struct Placing<'a> {
    name: &'a str,
    load: ExpertLoad,
    /// The loads are stated, rather than taken as even.
    stated: bool,
    origin: Span,
    redundant: Vec<&'a CountBound>,
    solving: &'a dyn Solving,
    known: BTreeMap<Shape, Result<Rc<PlacedExperts>, String>>,
}

impl<'a> Placing<'a> {
    /// Of a service of this name; none where it says nothing of its experts.
    pub(crate) fn new(
        name: &'a str,
        load: Option<(&ExpertLoad, Span)>,
        redundant: Vec<&'a CountBound>,
        solving: &'a dyn Solving,
    ) -> Option<Self> {
        let origin = load.map(|(_, span)| span).or_else(|| Some(redundant.first()?.span))?;
        Some(Self {
            name,
            load: load.map_or_else(ExpertLoad::even, |(load, _)| load.clone()),
            stated: load.is_some(),
            origin,
            redundant,
            solving,
            known: BTreeMap::new(),
        })
    }

    /// Lines ask for copies.
    pub(crate) fn asks_for_copies(&self) -> bool {
        self.redundant.iter().any(|bound| bound.low.is_some_and(|low| low > 0))
    }

    /// How many copies beyond one of each may be placed on so many groups, the fewest first.
    fn counts(&self, experts: u64, groups: u64) -> Vec<u64> {
        let low = self.redundant.iter().filter_map(|bound| bound.low).max().unwrap_or(0);
        let high = self.redundant.iter().filter_map(|bound| bound.high).min().unwrap_or(u64::MAX);
        let fewest = experts.div_ceil(groups).max(low.saturating_add(experts).div_ceil(groups));
        let slots = MORE_SLOTS.iter().map(|more| fewest.saturating_add(*more));
        let count = |slots: u64| slots.checked_mul(groups)?.checked_sub(experts);
        let counts = slots.filter(|slots| *slots <= experts).filter_map(count);
        counts.filter(|count| (low..=high).contains(count)).collect()
    }

    /// What may be placed on so many groups, the fewest copies first; or why nothing can.
    pub(crate) fn placed(
        &mut self,
        experts: u64,
        layers: u64,
        groups: u64,
    ) -> Result<Vec<Rc<PlacedExperts>>, String> {
        if experts > MOST_EXPERTS {
            return Err(format!(
                "copies of at most {MOST_EXPERTS} experts are placed, and there are {experts}"
            ));
        }
        let counts = self.counts(experts, groups);
        if counts.is_empty() {
            return Err(format!(
                "no number of redundant experts that its lines allow gives {groups} groups as many of {experts} each"
            ));
        }
        let mut found: Vec<Rc<PlacedExperts>> = Vec::new();
        for count in counts {
            let key = (experts, layers, groups, count);
            let placed = match self.known.get(&key) {
                Some(known) => known.clone(),
                None => {
                    let placed =
                        self.solved(experts, layers, groups, (experts + count) / groups).map(Rc::new);
                    self.known.insert(key, placed.clone());
                    placed
                }
            };
            let placed = placed?;
            let even = placed.least() >= EVEN;
            found.push(placed);
            if even || !self.stated {
                break;
            }
        }
        Ok(found)
    }

    fn solved(&self, experts: u64, layers: u64, groups: u64, slots: u64) -> Result<PlacedExperts, String> {
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let loads = self.load.by_layer(size(experts), size(layers));
        let several = loads.len() > 1;
        let mut solved: BTreeMap<Vec<u64>, Solution> = BTreeMap::new();
        let mut placed = Vec::with_capacity(loads.len());
        for (layer, loads) in loads.into_iter().enumerate() {
            let name = if several { format!("{}, layer {layer}", self.name) } else { self.name.to_owned() };
            let balance = Balance {
                name,
                loads,
                devices: size(groups),
                slots: size(slots),
                gap: BigRational::new(GAP.0.into(), GAP.1.into()),
                origin: self.origin,
            };
            // The largest load first, of equals the first expert.
            let mut order: Vec<usize> = (0..balance.loads.len()).collect();
            order.sort_by_key(|expert| (std::cmp::Reverse(balance.loads[*expert]), *expert));
            let sorted: Vec<u64> = order.iter().map(|expert| balance.loads[*expert]).collect();
            let canonical = match solved.get(&sorted) {
                Some(known) => known.clone(),
                None => {
                    let balance = Balance { loads: sorted.clone(), ..balance.clone() };
                    let outcome =
                        self.solving.solve(Problem::Balance(&balance), &Request::default(), &mut |_| {});
                    let solution = match outcome {
                        Outcome::Solved(solution) => solution,
                        Outcome::Unknown { because } => return Err(because),
                        Outcome::Infeasible(_) => return Err("its copies cannot be placed".to_owned()),
                    };
                    solved.insert(sorted, solution.clone());
                    solution
                }
            };
            let solution = relabelled(canonical, &order)?;
            let balanced = recheck_balance(&balance, &solution).map_err(|violations| {
                let texts: Vec<String> = violations.into_iter().map(|violation| violation.text).collect();
                format!("its copies do not pass the exact check: {}", texts.join("; "))
            })?;
            placed.push(PlacedLayer { balance, solution, balanced });
        }
        Ok(PlacedExperts { groups, slots, layers: placed, origin: self.origin })
    }
}

/// A solution in which the part `i` is the expert `order[i]`.
fn relabelled(solution: Solution, order: &[usize]) -> Result<Solution, String> {
    let unknown = || "its copies are of experts that there are not".to_owned();
    let Solution { mut assignments, mut levels } = solution;
    for copy in &mut assignments {
        copy.item = *order.get(copy.item).ok_or_else(unknown)?;
    }
    assignments.sort();
    for level in &mut levels {
        if let Certificate::Copies { counts } = &mut level.certificate {
            let mut relabelled = vec![1; counts.len()];
            for (count, expert) in counts.iter().zip(order) {
                *relabelled.get_mut(*expert).ok_or_else(unknown)? = *count;
            }
            *counts = relabelled;
        }
    }
    Ok(Solution { assignments, levels })
}

//! The horizon reduced to a few load steps: representative ones, with their weights.
//!
//! A plan is judged in load steps instead of in every step. What must hold in each step of the horizon must
//! therefore hold once it does in the load steps, so a load step asks for no less than any of its steps: for
//! what is *served* it has the largest value of its members. What is *paid* or emitted counts by its mean over
//! the horizon: there a load step has the mean of its members, and the weighted mean of all is exact. No step
//! of the horizon is left out, so the busiest one of every demand is always represented in full.
//!
//! Where as many load steps as there are different steps will do, nothing is lost. Otherwise the steps are
//! divided from the top: the division that takes most from the overstatement comes next, until there are
//! enough (as a regression tree is grown: Breiman and others, Classification and Regression Trees, 1984; on
//! aggregated time series in planning see Hoffmann and others, A Review on Time Series Aggregation Methods for
//! Energy System Models, Energies 13, 2020). Steps in which other lines hold are kept apart.

use super::{Profile, Program, Requirement, Steps, Wish};
use crate::quantity::Dimension;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use std::collections::{BTreeMap, BTreeSet};

/// A horizon is reduced to at most this many.
pub const MOST_LOAD_STEPS: usize = 24;

/// Something that varies over the horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is: `shop.demand`, `ams.carbon_intensity`.
    pub name: String,
    /// One value a step.
    pub values: Vec<BigRational>,
    /// What it measures.
    pub dimension: Dimension,
    /// What a load step makes of its members' values.
    pub kept: Kept,
}

/// What stands for several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The largest: what is asked must be served in every step.
    Largest,
    /// The mean: what is paid is paid over the horizon.
    Mean,
}

/// Some steps of the horizon, and what stands for them.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadStep {
    /// Its members, ascending.
    pub steps: Vec<usize>,
    /// The share of the horizon.
    pub weight: BigRational,
    /// One value a series.
    pub values: Vec<BigRational>,
    /// For each series, the share of steps whose own value is at most that.
    pub quantiles: Vec<BigRational>,
}

impl Program {
    /// What varies over the horizon: what is asked of each service and flow, and what machines, energy and carbon
    /// cost, each course of prices once however many things have it.
    pub fn series(&self) -> Vec<Series> {
        let asked =
            self.services.iter().enumerate().filter_map(|(index, service)| {
                Some((format!("{}.demand", service.name), self.asked(index)?))
            });
        let flows = self.flows.iter().filter_map(|flow| {
            Some((format!("{}.demand", flow.name), flow.demand.as_ref()?.value.rates.clone()))
        });
        let mut series: Vec<Series> = asked
            .chain(flows)
            .filter(|(_, values)| values.len() > 1)
            .map(|(name, values)| Series {
                name,
                values,
                dimension: Dimension::REQUEST_RATE,
                kept: Kept::Largest,
            })
            .collect();
        let mut known: BTreeSet<(&str, &[BigRational])> = BTreeSet::new();
        for (thing, field, profile) in self.paid() {
            if profile.values.len() > 1 && known.insert((field, &profile.values)) {
                series.push(Series {
                    name: format!("{thing}.{field}"),
                    values: profile.values.clone(),
                    dimension: profile.dimension.clone(),
                    kept: Kept::Mean,
                });
            }
        }
        series
    }

    /// What is paid or emitted for what is used: the thing, its field, the course of it.
    fn paid(&self) -> impl Iterator<Item = (&str, &'static str, &Profile)> {
        let places = self.places.iter().flat_map(|place| {
            let name = place.name.as_str();
            [
                place.energy_price.as_ref().map(|fact| (name, "energy_price", &fact.value)),
                place.carbon_intensity.as_ref().map(|fact| (name, "carbon_intensity", &fact.value)),
            ]
        });
        let nodes = self.nodes.iter().flat_map(|node| {
            let name = node.name.as_str();
            [
                node.price.as_ref().map(|fact| (name, "price", &fact.value)),
                node.energy_price.as_ref().map(|fact| (name, "energy_price", &fact.value)),
            ]
        });
        places.chain(nodes).flatten()
    }

    /// The horizon in at most [`MOST_LOAD_STEPS`] load steps, the busiest first.
    pub fn load_steps(&self) -> Vec<LoadStep> {
        load_steps(&self.series(), &self.guards(), self.plan.steps, MOST_LOAD_STEPS)
    }

    /// The steps of every guard that holds in some and not in others, each once.
    fn guards(&self) -> Vec<Vec<bool>> {
        let services = self.services.iter().map(|service| (&service.requirements, &service.wishes));
        let flows = self.flows.iter().map(|flow| (&flow.requirements, &flow.wishes));
        let blocks = services.chain(flows).chain([(&self.requirements, &self.wishes)]);
        let mut guards: Vec<Vec<bool>> = Vec::new();
        for (requirements, wishes) in blocks {
            let required = requirements.iter().map(|line: &Requirement| &line.when);
            for when in required.chain(wishes.iter().map(|line: &Wish| &line.when)) {
                let worlds = when.scenarios.iter().map(|(_, steps)| steps);
                for steps in worlds.chain([&when.base]) {
                    if let Steps::These(set) = steps
                        && !guards.contains(set)
                    {
                        guards.push(set.clone());
                    }
                }
            }
        }
        guards
    }
}

/// A horizon of `steps` in at most `most` load steps, the busiest first.
///
/// Steps that differ in a guard are kept apart unless the guards alone need more than `most`; then a line holds in
/// a load step where it holds in some member.
pub fn load_steps(series: &[Series], guards: &[Vec<bool>], steps: usize, most: usize) -> Vec<LoadStep> {
    let value =
        |series: &Series, step: usize| series.values.get(step).cloned().unwrap_or_else(BigRational::zero);
    let guard = |step: usize| -> Vec<bool> {
        guards.iter().map(|set| set.get(step).copied().unwrap_or(false)).collect()
    };
    let mut apart: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
    let mut different: BTreeMap<(Vec<bool>, Vec<BigRational>), Vec<usize>> = BTreeMap::new();
    for step in 0..steps {
        apart.entry(guard(step)).or_default().push(step);
        let values = series.iter().map(|series| value(series, step)).collect();
        different.entry((guard(step), values)).or_default().push(step);
    }
    let members: Vec<Vec<usize>> = if different.len() <= most {
        different.into_values().collect()
    } else if apart.len() <= most {
        divided(apart.into_values().collect(), &scaled(series, steps), most)
    } else {
        divided(vec![(0..steps).collect()], &scaled(series, steps), most)
    };
    let count = BigRational::from_integer(steps.max(1).into());
    let share = |part: usize| BigRational::from_integer(part.into()) / &count;
    let mut found: Vec<LoadStep> = members
        .into_iter()
        .map(|members| {
            let stands = |series: &Series| {
                let values = members.iter().map(|step| value(series, *step));
                match series.kept {
                    Kept::Largest => values.max().unwrap_or_else(BigRational::zero),
                    Kept::Mean => {
                        values.sum::<BigRational>() / BigRational::from_integer(members.len().max(1).into())
                    }
                }
            };
            let values: Vec<_> = series.iter().map(stands).collect();
            let quantiles = series.iter().zip(&values).map(|(series, stands)| {
                share((0..steps).filter(|step| value(series, *step) <= *stands).count())
            });
            LoadStep { quantiles: quantiles.collect(), weight: share(members.len()), values, steps: members }
        })
        .collect();
    let largest: Vec<_> = series
        .iter()
        .map(|series| series.values.iter().max().cloned().unwrap_or_else(BigRational::zero))
        .collect();
    let busy = |step: &LoadStep| -> BigRational {
        let parts = step.values.iter().zip(&largest).zip(series);
        parts
            .filter(|((_, most), series)| series.kept == Kept::Largest && !most.is_zero())
            .map(|((value, most), _)| value / most)
            .sum()
    };
    found.sort_by_cached_key(|step| (std::cmp::Reverse(busy(step)), step.steps.clone()));
    found
}

/// Values as floats, the largest size in each series 1.
fn scaled(series: &[Series], steps: usize) -> Vec<(Kept, Vec<f64>)> {
    let float = |value: Option<&BigRational>| value.and_then(ToPrimitive::to_f64).unwrap_or(0.0);
    let scale = |series: &Series| {
        let values: Vec<f64> = (0..steps).map(|step| float(series.values.get(step))).collect();
        let largest = values.iter().copied().map(f64::abs).fold(0.0, f64::max);
        let by = if largest > 0.0 && largest.is_finite() { 1.0 / largest } else { 0.0 };
        (series.kept, values.into_iter().map(|value| value * by).collect())
    };
    series.iter().map(scale).collect()
}

/// Divides until there are `most` parts or nothing is gained.
fn divided(parts: Vec<Vec<usize>>, series: &[(Kept, Vec<f64>)], most: usize) -> Vec<Vec<usize>> {
    let mut parts: Vec<(Vec<usize>, Option<Division>)> =
        parts.into_iter().map(|part| (part.clone(), Division::best(&part, series))).collect();
    while parts.len() < most {
        let gain = |part: &(Vec<usize>, Option<Division>)| part.1.as_ref().map_or(0.0, |best| best.gain);
        // The first of equals, so that every machine divides alike.
        let mut next = None;
        for (at, part) in parts.iter().enumerate() {
            if gain(part) > next.map_or(0.0, |(_, most)| most) {
                next = Some((at, gain(part)));
            }
        }
        let Some((at, _)) = next else { break };
        let (_, Some(division)) = parts.swap_remove(at) else { break };
        for part in [division.low, division.high] {
            let best = Division::best(&part, series);
            parts.push((part, best));
        }
    }
    parts.into_iter().map(|(part, _)| part).collect()
}

/// Two parts of one, and what that takes from its cost.
struct Division {
    low: Vec<usize>,
    high: Vec<usize>,
    gain: f64,
}

impl Division {
    /// The best division along the series that costs most.
    fn best(part: &[usize], series: &[(Kept, Vec<f64>)]) -> Option<Self> {
        let at = |values: &[f64], step: usize| values.get(step).copied().unwrap_or(0.0);
        let own = |(kept, values): &(Kept, Vec<f64>)| {
            part.iter().fold(Cost::default(), |cost, step| cost.with(at(values, *step))).of(*kept)
        };
        let mut widest: Option<(&Vec<f64>, f64)> = None;
        for one in series {
            let cost = own(one);
            if cost > widest.map_or(1e-12, |(_, most)| most) {
                widest = Some((&one.1, cost));
            }
        }
        let (along, _) = widest?;
        let mut sorted = part.to_vec();
        sorted.sort_by(|a, b| at(along, *a).total_cmp(&at(along, *b)).then(a.cmp(b)));
        let whole: f64 = series.iter().map(own).sum();
        // What the first so many cost, and what the others do.
        let mut costs = vec![0.0; sorted.len() + 1];
        for (kept, values) in series {
            let (mut low, mut high) = (Cost::default(), Cost::default());
            for (count, step) in sorted.iter().enumerate() {
                low = low.with(at(values, *step));
                costs[count + 1] += low.of(*kept);
            }
            for (count, step) in sorted.iter().enumerate().rev() {
                high = high.with(at(values, *step));
                costs[count] += high.of(*kept);
            }
        }
        let mut best: Option<(usize, f64)> = None;
        for count in 1..sorted.len() {
            let apart = at(along, sorted[count - 1]) < at(along, sorted[count]);
            if apart && costs[count] < best.map_or(whole, |(_, least)| least) {
                best = Some((count, costs[count]));
            }
        }
        let (count, cost) = best?;
        let mut low = sorted;
        let mut high = low.split_off(count);
        low.sort_unstable();
        high.sort_unstable();
        Some(Self { low, high, gain: whole - cost })
    }
}

/// Sums from which the cost of a part follows.
#[derive(Clone, Copy, Default)]
struct Cost {
    count: f64,
    sum: f64,
    squares: f64,
    largest: f64,
}

impl Cost {
    fn with(self, value: f64) -> Self {
        Self {
            count: self.count + 1.0,
            sum: self.sum + value,
            squares: self.squares + value * value,
            largest: self.largest.max(value),
        }
    }

    /// What is overstated where the largest stands for all; the squared deviations where the mean does.
    fn of(self, kept: Kept) -> f64 {
        match kept {
            Kept::Largest => self.count * self.largest - self.sum,
            Kept::Mean => (self.squares - self.sum * self.sum / self.count.max(1.0)).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = i64>, kept: Kept) -> Series {
        Series {
            name: "a".to_owned(),
            values: values.into_iter().map(|value| BigRational::from_integer(value.into())).collect(),
            dimension: Dimension::REQUEST_RATE,
            kept,
        }
    }

    /// A week of hours: a day that swings, busier on weekdays, with an odd noise.
    fn week(factor: i64) -> Series {
        series(
            (0..168).map(|hour| factor * ((hour % 24) * (24 - hour % 24) + hour / 24 + (hour * 7919) % 31)),
            Kept::Largest,
        )
    }

    #[test]
    fn a_load_step_asks_for_no_less_than_any_of_its_steps_and_weights_sum_to_one() {
        let all = [
            week(3),
            series((0..168).map(|hour| (hour * 37) % 101), Kept::Largest),
            series((0..168).map(|hour| 50 + hour % 12), Kept::Mean),
        ];
        let guards = [(0..168).map(|hour| (17..20).contains(&(hour % 24))).collect::<Vec<_>>()];
        let found = load_steps(&all, &guards, 168, MOST_LOAD_STEPS);
        assert_eq!(found.len(), MOST_LOAD_STEPS);
        assert_eq!(
            found.iter().map(|step| &step.weight).sum::<BigRational>(),
            BigRational::from_integer(1.into())
        );
        let mut seen = vec![0; 168];
        for load in &found {
            for step in &load.steps {
                seen[*step] += 1;
                assert_eq!(guards[0][*step], guards[0][load.steps[0]]);
                for (series, value) in
                    all.iter().zip(&load.values).filter(|(series, _)| series.kept == Kept::Largest)
                {
                    assert!(series.values[*step] <= *value);
                }
            }
        }
        assert!(seen.iter().all(|count| *count == 1));
        // What is paid has its exact mean.
        let mean: BigRational = found.iter().map(|load| &load.weight * &load.values[2]).sum();
        assert_eq!(mean, all[2].values.iter().sum::<BigRational>() / BigRational::from_integer(168.into()));
        // The busiest step of every demand is there in full.
        for (index, series) in all.iter().enumerate().take(2) {
            let most = series.values.iter().max().expect("steps");
            assert!(found.iter().any(|load| load.values[index] == *most));
        }
    }

    #[test]
    fn few_different_steps_are_kept_as_they_are() {
        let found = load_steps(&[series([5, 7, 7, 5], Kept::Largest)], &[], 4, 24);
        assert_eq!(found.iter().map(|step| step.steps.clone()).collect::<Vec<_>>(), [vec![1, 2], vec![0, 3]]);
        let half = BigRational::new(1.into(), 2.into());
        assert_eq!(found[1].weight, half);
        assert_eq!(found[1].quantiles, [half]);
    }

    #[test]
    fn more_load_steps_never_overstate_more() {
        let all = [week(1), series((0..168).map(|hour| (hour * hour) % 53), Kept::Largest)];
        let overstated = |most: usize| -> f64 {
            let found = load_steps(&all, &[], 168, most);
            let mean: BigRational = found.iter().map(|load| &load.weight * &load.values[0]).sum();
            mean.to_f64().expect("a number")
        };
        let both: Vec<f64> = [1, 4, 24, 100, 168].into_iter().map(overstated).collect();
        assert!(both.first() > both.last(), "{both:?}");
        assert!(both.is_sorted_by(|a, b| a >= b), "{both:?}");
    }

    #[test]
    fn guards_that_alone_need_more_do_not_keep_steps_apart() {
        let guards: Vec<Vec<bool>> = (0..30).map(|own| (0..30).map(|step| step == own).collect()).collect();
        let found = load_steps(&[series(0..30, Kept::Largest)], &guards, 30, 24);
        assert_eq!(found.len(), 24);
    }
}

//! What guides a search through an instance: sizes, scarcities and prices, and which rows want an item.

use crate::instance::{Instance, RowCounts, counts_money};
use crate::targets::importance;
use berth_compiler::problem::{Devices, Relation, Together};

/// Sizes and costs in floating point, which guide but never decide whether something fits.
pub(crate) struct Guide {
    pub counts_money: bool,
    /// By resource: what one unit left over costs.
    pub left_over: Vec<f64>,
    /// The same for one part of a device, of the share scale.
    pub device_left_over: f64,
    /// By form.
    pub size: Vec<f64>,
    /// By form and group: price times the largest part of a machine that a copy takes.
    pub opening: Vec<Vec<f64>>,
    /// By form: the least money or room a copy takes anywhere it fits.
    pub expense: Vec<f64>,
    /// By item: the most important row that wants it; less comes first.
    pub rank: Vec<usize>,
    /// By item: rows over places that want copies of it somewhere.
    pub seeks: Vec<Vec<usize>>,
    /// Whether some row can be violated by too many copies.
    pub violated_by_copies: bool,
    /// Whether staying where copies run now counts before money does.
    pub stays_first: bool,
}

impl Guide {
    pub fn new(instance: &Instance) -> Self {
        let packing = instance.packing;
        let scale = packing.share_scale.max(1) as f64;
        let counts_money = counts_money(instance);
        let machines = packing.machines.len().max(1) as f64;
        let mut demanded = vec![0.0; packing.resources.len()];
        let mut devices_demanded = 0.0;
        for forms in &instance.forms_of {
            let count = forms.len().max(1) as f64;
            for form in &instance.forms[forms.clone()] {
                let copies = packing.items[form.item].most.min(1 << 20) as f64 / count;
                for (sum, demand) in demanded.iter_mut().zip(&form.demand) {
                    *sum += copies * *demand as f64;
                }
                devices_demanded += copies * device_parts(form.devices, scale);
            }
        }
        // A unit costs in proportion to how much of all there is is asked for, over the mean machine.
        let cost = |demanded: f64, there: f64| {
            if there > 0.0 { (demanded / there).clamp(0.05, 2.0) * machines / there } else { 0.0 }
        };
        let left_over: Vec<f64> = demanded
            .iter()
            .enumerate()
            .map(|(resource, demanded)| {
                let there: f64 =
                    packing.machines.iter().map(|machine| machine.capacity[resource] as f64).sum();
                cost(*demanded, there)
            })
            .collect();
        let devices_there: f64 =
            packing.machines.iter().map(|machine| f64::from(machine.devices) * scale).sum();
        let device_left_over = cost(devices_demanded, devices_there);
        let size: Vec<f64> = instance
            .forms
            .iter()
            .map(|form| {
                let resources: f64 =
                    form.demand.iter().zip(&left_over).map(|(demand, cost)| *demand as f64 * cost).sum();
                resources + device_parts(form.devices, scale) * device_left_over
            })
            .collect();
        let opening: Vec<Vec<f64>> = (0..instance.forms.len())
            .map(|form| {
                let of_group = |group: usize| {
                    let price = instance.groups[group].first().map_or(0, |&machine| instance.prices[machine]);
                    price as f64 * largest_part(instance, form, group)
                };
                (0..instance.groups.len()).map(of_group).collect()
            })
            .collect();
        let mut expense: Vec<f64> = (0..instance.forms.len())
            .map(|form| {
                let fitting = (0..instance.groups.len()).filter(|&group| instance.fits[form][group] > 0);
                let cheapest = fitting.map(|group| opening[form][group]).fold(f64::INFINITY, f64::min);
                if counts_money && cheapest.is_finite() { cheapest } else { size[form] }
            })
            .collect();
        // What takes several machines costs them all.
        for (others, item) in packing.items.iter().enumerate() {
            for (at, form) in item
                .beside
                .iter()
                .flat_map(|beside| beside.forms.iter().map(move |form| (beside.item, form)))
                .enumerate()
            {
                let (item, Together { choice, machines, .. }) = form;
                let beside = expense[instance.forms_of[others].start + at];
                expense[instance.forms_of[item].start + choice] += (machines - 1) as f64 * beside;
            }
        }
        let mut falls = vec![false; instance.rows.len()];
        let items = 0..packing.items.len();
        let of_places = || items.clone().flat_map(|item| instance.effects_of_places(item));
        for &(row, by) in instance.effects.iter().chain(&instance.spread_effects).flatten().chain(of_places())
        {
            falls[row] |= by < 0;
        }
        // A row that allows so many copies, or asks for none, wants none.
        let wants = |row: usize, by: i128| match instance.rows[row].relation {
            Relation::AtLeast | Relation::Equal => by > 0 && (instance.rows[row].bound > 0 || falls[row]),
            Relation::AtMost => by < 0,
        };
        let seeks = items
            .clone()
            .map(|item| {
                let effects = instance.effects_of_places(item);
                let mut rows: Vec<usize> =
                    effects.filter(|(row, by)| wants(*row, *by)).map(|(row, _)| *row).collect();
                rows.sort_unstable();
                rows.dedup();
                rows
            })
            .collect();
        let rank = items
            .clone()
            .map(|item| {
                let effects = instance.forms_of[item].clone().flat_map(|form| instance.effects[form].iter());
                effects
                    .chain(instance.effects_of_places(item))
                    .filter(|(row, by)| wants(*row, *by))
                    .map(|(row, _)| importance(instance, *row))
                    .min()
                    .unwrap_or(usize::MAX)
            })
            .collect();
        let effects = instance.effects.iter().chain(&instance.spread_effects).flatten();
        let mut effects =
            effects.chain(&instance.price_effects).chain(&instance.move_effects).chain(of_places());
        let violated_by_copies = effects.any(|(row, by)| {
            let of = &instance.rows[*row];
            let too_many = of.relation != Relation::AtLeast || *by < 0;
            too_many && matches!(of.counts, RowCounts::Violation)
        });
        let first =
            |levels: &[(usize, i128)]| levels.iter().map(|(level, _)| *level).min().unwrap_or(usize::MAX);
        Self {
            counts_money,
            left_over,
            device_left_over,
            size,
            opening,
            expense,
            rank,
            seeks,
            violated_by_copies,
            stays_first: first(&instance.moves_in_levels) < first(&instance.price_in_levels),
        }
    }
}

pub(crate) fn device_parts(devices: Devices, scale: f64) -> f64 {
    match devices {
        Devices::None => 0.0,
        Devices::Whole(count) => f64::from(count) * scale,
        Devices::Share(share) => share as f64,
    }
}

/// The largest part that a copy takes of any resource of an empty machine of the group.
fn largest_part(instance: &Instance, form: usize, group: usize) -> f64 {
    let Some(&machine) = instance.groups[group].first() else { return 0.0 };
    let machine = &instance.packing.machines[machine];
    let of = &instance.forms[form];
    let scale = instance.packing.share_scale.max(1) as f64;
    let resources = of
        .demand
        .iter()
        .zip(&machine.capacity)
        .map(|(demand, capacity)| *demand as f64 / (*capacity).max(1) as f64);
    let devices = device_parts(of.devices, scale) / (f64::from(machine.devices.max(1)) * scale);
    resources.fold(devices, f64::max)
}

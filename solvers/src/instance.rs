//! A packing in machine integers: forms, groups of machines, and rows scaled to whole numbers.
//!
//! Rows and levels are multiplied by the least common denominator of their factors, so that the native
//! search compares exact integers. Where those would be too large, factors are rounded to 40 bits, against
//! the row: what keeps the rounded row keeps the row. What a search finds is rechecked exactly anyway.

use crate::together::Tie;
use berth_compiler::problem::{Atom, Devices, LevelAtom, Packing, Relation, Row, Running, Shortfall};
use berth_compiler::relaxation::machine_groups;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Copies are placed one by one; more than this are not tried.
pub(crate) const MOST_COPIES: u64 = 4_000_000;

/// A packing, prepared.
pub(crate) struct Instance<'p> {
    pub packing: &'p Packing,
    /// All choices of all items, in their order.
    pub forms: Vec<Form>,
    /// By item: its forms.
    pub forms_of: Vec<Range<usize>>,
    /// Interchangeable machines.
    pub groups: Vec<Vec<usize>>,
    /// By machine.
    pub group_of: Vec<usize>,
    /// By form and group: copies that fit on an empty machine; 0 where none may stand.
    pub fits: Vec<Vec<u64>>,
    /// By machine, in units of 1/`price_scale`.
    pub prices: Vec<i128>,
    /// The problem's rows, then its wishes.
    pub rows: Vec<ScaledRow>,
    /// By form: what one copy adds to which row.
    pub effects: Vec<Vec<(usize, i128)>>,
    /// By item: what one more machine that holds it adds to which row.
    pub spread_effects: Vec<Vec<(usize, i128)>>,
    /// By form and place: what one copy there adds to which row.
    pub place_effects: Vec<BTreeMap<usize, Vec<(usize, i128)>>>,
    /// By item: whether one of its rows speaks of several places, or of a place and of copies anywhere.
    pub rows_meet: Vec<bool>,
    /// By item: rows, ascending, that ask for more copies, and for which those in some place do not count: what
    /// remains when that is gone.
    pub remainders: Vec<Vec<usize>>,
    /// Rows that survive a hazard.
    pub surviving: Vec<Surviving>,
    /// By form: which of `surviving` count it, and what one copy adds to their rows.
    pub survives: Vec<Vec<(usize, i128)>>,
    /// By group: the places that its machines belong to.
    pub places_of: Vec<Vec<usize>>,
    /// Rows that tie what takes several machines together.
    pub ties: Vec<Tie>,
    /// By form on first machines and group of machines: which of `ties`.
    pub ties_of: Vec<BTreeMap<usize, usize>>,
    /// Items whose parts of a division some row counts.
    pub spreads_over: Vec<SpreadOver>,
    /// By item: indices into `spreads_over`.
    pub spreads_of: Vec<Vec<usize>>,
    /// What one unit of price adds to which row.
    pub price_effects: Vec<(usize, i128)>,
    /// What one move adds to which row.
    pub move_effects: Vec<(usize, i128)>,
    /// What one unit of price adds to which level.
    pub price_in_levels: Vec<(usize, i128)>,
    /// What one move adds to which level.
    pub moves_in_levels: Vec<(usize, i128)>,
    /// By item: copies that run now, wherever; 0 where no row and no level counts moves.
    pub running: Vec<u64>,
    /// By item: copies that run now, by machine.
    pub running_on: Vec<BTreeMap<usize, u64>>,
    /// By level: its value times this is whole.
    pub level_scales: Vec<BigRational>,
}

/// One choice of one item.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub item: usize,
    pub choice: usize,
    pub demand: Vec<u64>,
    pub devices: Devices,
}

/// An item whose parts of a division some row counts.
#[derive(Clone, Debug)]
pub(crate) struct SpreadOver {
    pub item: usize,
    pub division: usize,
    /// By group: the part that its machines belong to.
    pub part_of: Vec<Option<usize>>,
    /// How many parts there are.
    pub parts: usize,
    /// What one more part that holds the item adds to which row.
    pub effects: Vec<(usize, i128)>,
}

/// A row that holds without any one part of a hazard.
#[derive(Clone, Debug)]
pub(crate) struct Surviving {
    pub row: usize,
    /// Of the packing, by index.
    pub hazard: usize,
}

/// A row in whole numbers.
#[derive(Clone, Debug)]
pub(crate) struct ScaledRow {
    pub relation: Relation,
    pub bound: i128,
    pub counts: RowCounts,
}

/// What a row's distance adds to.
#[derive(Clone, Debug)]
pub(crate) enum RowCounts {
    /// It must hold.
    Violation,
    /// Distance times factor, to these levels.
    Distance(Vec<(usize, i128)>),
    /// The factor where it does not hold, to these levels.
    Unmet(Vec<(usize, i128)>),
}

impl<'p> Instance<'p> {
    /// Of a packing whose indices and lengths are right.
    pub fn new(packing: &'p Packing) -> Self {
        let groups = machine_groups(packing);
        let mut group_of = vec![0; packing.machines.len()];
        for (group, machines) in groups.iter().enumerate() {
            for &machine in machines {
                group_of[machine] = group;
            }
        }
        let mut forms = Vec::new();
        let mut forms_of = Vec::new();
        for (item_index, item) in packing.items.iter().enumerate() {
            let first = forms.len();
            forms.extend(item.choices.iter().enumerate().map(|(choice_index, choice)| Form {
                item: item_index,
                choice: choice_index,
                demand: choice.demand.clone(),
                devices: choice.devices,
            }));
            forms_of.push(first..forms.len());
        }
        let fits =
            forms.iter().map(|form| groups.iter().map(|group| fit(packing, form, group)).collect()).collect();
        let price_scale = scale_of(packing.machines.iter().map(|machine| &machine.price), 30);
        let prices =
            packing.machines.iter().map(|machine| whole((&machine.price * &price_scale).round())).collect();
        let mut instance = Self {
            packing,
            effects: vec![Vec::new(); forms.len()],
            place_effects: vec![BTreeMap::new(); forms.len()],
            surviving: Vec::new(),
            survives: vec![Vec::new(); forms.len()],
            forms,
            forms_of,
            groups,
            group_of,
            fits,
            prices,
            rows: Vec::new(),
            spread_effects: vec![Vec::new(); packing.items.len()],
            rows_meet: Vec::new(),
            remainders: Vec::new(),
            places_of: Vec::new(),
            ties: Vec::new(),
            ties_of: Vec::new(),
            spreads_over: Vec::new(),
            spreads_of: vec![Vec::new(); packing.items.len()],
            price_effects: Vec::new(),
            move_effects: Vec::new(),
            price_in_levels: Vec::new(),
            moves_in_levels: Vec::new(),
            running: vec![0; packing.items.len()],
            running_on: vec![BTreeMap::new(); packing.items.len()],
            level_scales: Vec::new(),
        };
        instance.find_places();
        instance.find_ties();
        let mut row_scales = Vec::new();
        for row in packing.rows.iter().chain(packing.wishes.iter().map(|wish| &wish.row)) {
            row_scales.push(instance.add_row(row, &price_scale));
        }
        instance.rows_meet = (0..packing.items.len()).map(|item| instance.meets(item)).collect();
        instance.remainders = (0..packing.items.len()).map(|item| instance.remainders_of(item)).collect();
        instance.add_levels(&price_scale, &row_scales);
        if !instance.moves_in_levels.is_empty() || !instance.move_effects.is_empty() {
            instance.add_running();
        }
        instance
    }

    /// The value of a level from its scaled score.
    pub fn level_value(&self, level: usize, scaled: i128) -> BigRational {
        let scaled = BigRational::from_integer(BigInt::from(scaled));
        match self.level_scales.get(level) {
            Some(scale) => scaled / scale,
            None => scaled,
        }
    }

    /// Whether a row that counts moves counts nothing else.
    pub fn counts_moves_alone(&self, row: usize) -> bool {
        let rows = self.packing.rows.iter().chain(self.packing.wishes.iter().map(|wish| &wish.row));
        rows.skip(row).take(1).all(|row| row.terms.iter().all(|(_, atom)| *atom == Atom::Moves))
    }

    /// Whether some row speaks of where copies of the item stand.
    pub fn is_placed(&self, item: usize) -> bool {
        let mut forms = self.forms_of[item].clone();
        forms.any(|form| !self.place_effects[form].is_empty()) || !self.spreads_of[item].is_empty()
    }

    /// What rows over places count of an item: everything that it does to them somewhere.
    pub fn effects_of_places(&self, item: usize) -> impl Iterator<Item = &(usize, i128)> {
        let on = self.forms_of[item].clone().flat_map(|form| self.place_effects[form].values().flatten());
        on.chain(self.effects_of_parts(item))
    }

    fn effects_of_parts(&self, item: usize) -> impl Iterator<Item = &(usize, i128)> {
        self.spreads_of[item].iter().flat_map(|&index| &self.spreads_over[index].effects)
    }

    /// What a copy of a form on a machine of a group adds to which row, for standing there.
    pub fn effects_there(&self, form: usize, group: usize) -> impl Iterator<Item = &(usize, i128)> + Clone {
        let on = &self.place_effects[form];
        let places = if on.is_empty() { &[][..] } else { &self.places_of[group] };
        places.iter().filter_map(move |place| on.get(place)).flatten()
    }

    fn meets(&self, item: usize) -> bool {
        self.forms_of[item].clone().any(|form| {
            let of_places = self.place_effects[form].values().flatten().chain(self.effects_of_parts(item));
            let mut rows: Vec<usize> = of_places.map(|(row, _)| *row).collect();
            if self.effects[form].iter().any(|(row, _)| rows.contains(row)) {
                return true;
            }
            let count = rows.len();
            rows.sort_unstable();
            rows.dedup();
            rows.len() < count
        })
    }

    fn remainders_of(&self, item: usize) -> Vec<usize> {
        let mut rows = BTreeSet::new();
        for form in self.forms_of[item].clone() {
            let less = self.place_effects[form].values().flatten().filter(|(_, by)| *by < 0);
            let less: BTreeSet<usize> = less.map(|(row, _)| *row).collect();
            let more = self.effects[form].iter().filter(|(_, by)| *by > 0).map(|(row, _)| *row);
            rows.extend(more.filter(|row| less.contains(row)));
        }
        rows.retain(|row| self.rows[*row].relation != Relation::AtMost);
        rows.into_iter().collect()
    }

    fn find_places(&mut self) {
        self.places_of = vec![Vec::new(); self.groups.len()];
        for (index, place) in self.packing.places.iter().enumerate() {
            for &machine in &place.machines {
                let places = &mut self.places_of[self.group_of[machine]];
                // All machines of a group belong to the same places.
                if places.last() != Some(&index) {
                    places.push(index);
                }
            }
        }
    }

    /// The entry of an item and a division, made where it is not there.
    fn spread_over(&mut self, item: usize, division: usize) -> usize {
        let known = |of: &SpreadOver| of.item == item && of.division == division;
        if let Some(known) = self.spreads_over.iter().position(known) {
            return known;
        }
        let parts = self.packing.divisions.get(division).map_or(&[][..], |of| &of.part_of);
        let of_group = |group: &Vec<usize>| group.first().and_then(|&m| parts.get(m).copied().flatten());
        let part_of: Vec<Option<usize>> = self.groups.iter().map(of_group).collect();
        let parts = part_of.iter().flatten().max().map_or(0, |last| last + 1);
        self.spreads_over.push(SpreadOver { item, division, part_of, parts, effects: Vec::new() });
        let index = self.spreads_over.len() - 1;
        if let Some(of_item) = self.spreads_of.get_mut(item) {
            of_item.push(index);
        }
        index
    }

    /// Adds a row and returns what it was multiplied by.
    fn add_row(&mut self, row: &Row, price_scale: &BigRational) -> BigRational {
        let factors: Vec<(BigRational, Atom)> = row
            .terms
            .iter()
            .map(|(factor, atom)| match atom {
                Atom::Price => (factor / price_scale, *atom),
                _ => (factor.clone(), *atom),
            })
            .collect();
        let scale = scale_of(factors.iter().map(|(factor, _)| factor).chain([&row.bound]), 40);
        let round = |value: BigRational| match row.relation {
            Relation::AtMost => whole(value.ceil()),
            Relation::AtLeast => whole(value.floor()),
            Relation::Equal => whole(value.round()),
        };
        let index = self.rows.len();
        let surviving = row.survives.map(|hazard| {
            self.surviving.push(Surviving { row: index, hazard });
            self.surviving.len() - 1
        });
        for (factor, atom) in &factors {
            let factor = round(factor * &scale);
            if factor == 0 {
                continue;
            }
            match *atom {
                Atom::Copies { item } => {
                    for form in self.forms_of.get(item).cloned().unwrap_or(0..0) {
                        self.add_copies_effect(form, index, factor, surviving);
                    }
                }
                Atom::CopiesOf { item, choice } => {
                    let forms = self.forms_of.get(item).cloned().unwrap_or(0..0);
                    if let Some(form) = forms.clone().nth(choice) {
                        self.add_copies_effect(form, index, factor, surviving);
                    }
                }
                Atom::CopiesOn { item, choice, place } => {
                    let forms = self.forms_of.get(item).cloned().unwrap_or(0..0);
                    for (at, form) in forms.enumerate() {
                        if choice.is_none_or(|choice| choice == at) {
                            let effects = self.place_effects[form].entry(place).or_default();
                            add_effect(effects, index, factor);
                        }
                    }
                }
                Atom::Spread { item } => {
                    if let Some(effects) = self.spread_effects.get_mut(item) {
                        add_effect(effects, index, factor);
                    }
                }
                Atom::SpreadOver { item, division } => {
                    let spread = self.spread_over(item, division);
                    add_effect(&mut self.spreads_over[spread].effects, index, factor);
                }
                Atom::Price => add_effect(&mut self.price_effects, index, factor),
                Atom::Moves => add_effect(&mut self.move_effects, index, factor),
            }
        }
        // Rounded the other way than the factors: -ceil(-x) = floor(x).
        let bound = -round(-&row.bound * &scale);
        self.rows.push(ScaledRow { relation: row.relation, bound, counts: RowCounts::Violation });
        scale
    }

    fn add_copies_effect(&mut self, form: usize, row: usize, factor: i128, surviving: Option<usize>) {
        add_effect(&mut self.effects[form], row, factor);
        if let Some(surviving) = surviving {
            add_effect(&mut self.survives[form], surviving, factor);
        }
    }

    /// The part of a row's hazard that a machine goes with.
    pub fn part_of(&self, surviving: usize, machine: usize) -> Option<usize> {
        self.packing.hazards[self.surviving[surviving].hazard].part(machine)
    }

    fn add_running(&mut self) {
        for Running { item, machine, copies } in &self.packing.running {
            self.running[*item] += copies;
            if let Some(machine) = machine {
                self.running_on[*item].insert(*machine, *copies);
            }
        }
    }

    fn add_levels(&mut self, price_scale: &BigRational, row_scales: &[BigRational]) {
        let first_wish = self.packing.rows.len();
        let mut counts: Vec<Vec<(usize, i128)>> = vec![Vec::new(); self.packing.wishes.len()];
        for (index, level) in self.packing.levels.iter().enumerate() {
            let in_units = |factor: &BigRational, atom: &LevelAtom| match atom {
                LevelAtom::Price => factor / price_scale,
                LevelAtom::Moves => factor.clone(),
                LevelAtom::Shortfall { wish } => {
                    match self.packing.wishes.get(*wish).map(|wish| wish.shortfall) {
                        Some(Shortfall::Distance) => factor / &row_scales[first_wish + wish],
                        _ => factor.clone(),
                    }
                }
            };
            let factors: Vec<(BigRational, LevelAtom)> =
                level.terms.iter().map(|(factor, atom)| (in_units(factor, atom), *atom)).collect();
            let scale = scale_of(factors.iter().map(|(factor, _)| factor), 40);
            for (factor, atom) in &factors {
                let factor = whole((factor * &scale).round());
                match *atom {
                    LevelAtom::Price => add_effect(&mut self.price_in_levels, index, factor),
                    LevelAtom::Moves => add_effect(&mut self.moves_in_levels, index, factor),
                    LevelAtom::Shortfall { wish } => {
                        if let Some(counts) = counts.get_mut(wish) {
                            add_effect(counts, index, factor);
                        }
                    }
                }
            }
            self.level_scales.push(scale);
        }
        for ((row, wish), counts) in
            self.rows.iter_mut().skip(first_wish).zip(&self.packing.wishes).zip(counts)
        {
            row.counts = match wish.shortfall {
                Shortfall::Distance => RowCounts::Distance(counts),
                Shortfall::Unmet => RowCounts::Unmet(counts),
            };
        }
    }
}

fn add_effect(effects: &mut Vec<(usize, i128)>, on: usize, factor: i128) {
    match effects.iter_mut().find(|(index, _)| *index == on) {
        Some((_, sum)) => *sum += factor,
        None => effects.push((on, factor)),
    }
}

/// Scaled numbers stay below 2 to this, so that sums of products of two, over four million copies and
/// machines, fit 128 bits.
const EXACT_BITS: u64 = 52;

/// What to multiply values with: their least common denominator, or, where that makes them too large, what
/// brings the largest to the bits given.
fn scale_of<'v>(values: impl Iterator<Item = &'v BigRational>, bits: u64) -> BigRational {
    let mut scale = BigInt::one();
    let mut largest = BigRational::zero();
    for value in values {
        // scale / gcd(scale, denominator) * denominator, by way of a reduced fraction.
        let reduced = BigRational::new(scale, value.denom().clone());
        scale = reduced.numer() * value.denom();
        largest = largest.max(value.abs());
    }
    let scale = BigRational::from_integer(scale);
    if (&largest * &scale).to_integer().bits() <= EXACT_BITS {
        return scale;
    }
    BigRational::from_integer(BigInt::one() << bits) / largest
}

/// Of a number that [`scale_of`] has kept small.
fn whole(value: BigRational) -> i128 {
    value.to_integer().to_i128().unwrap_or_default()
}

/// Copies of a form that fit on an empty machine of a group.
fn fit(packing: &Packing, form: &Form, group: &[usize]) -> u64 {
    let Some(machine) = group.first().and_then(|&machine| packing.machines.get(machine)) else { return 0 };
    let item = &packing.items[form.item];
    if let Some(classes) = &item.choices[form.choice].classes
        && !machine.class.is_some_and(|class| classes.contains(&class))
    {
        return 0;
    }
    let mut fit = item.most;
    for (resource, &demand) in form.demand.iter().enumerate() {
        if let Some(copies) = machine.capacity.get(resource).copied().unwrap_or(0).checked_div(demand) {
            fit = fit.min(copies);
        }
    }
    let devices = u64::from(machine.devices);
    match form.devices {
        Devices::None | Devices::Whole(0) => fit,
        Devices::Whole(count) => fit.min(devices / u64::from(count)),
        Devices::Share(share) if devices == 0 || share > packing.share_scale => 0,
        Devices::Share(0) => fit,
        Devices::Share(share) => fit.min(devices.saturating_mul(packing.share_scale / share)),
    }
}

/// How far a sum is from what its row asks.
pub(crate) fn distance(row: &ScaledRow, sum: i128) -> i128 {
    let over = sum - row.bound;
    match row.relation {
        Relation::AtMost => over.max(0),
        Relation::AtLeast => (-over).max(0),
        Relation::Equal => over.abs(),
    }
}

/// Whether any factor of money is not 0, so that the choice of machines matters.
pub(crate) fn counts_money(instance: &Instance) -> bool {
    let counted = !instance.price_effects.is_empty() || !instance.price_in_levels.is_empty();
    counted && instance.packing.machines.iter().any(|machine| !machine.price.is_zero())
}

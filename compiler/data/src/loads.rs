//! Loads of experts: rows of `layer,expert,load`, in any order, summed up where several are of one expert.

use crate::cell::{Cell, PLACES};
use crate::refusal::Refusal;
use berth_language::data::Loads;
use num_bigint::BigUint;
use num_traits::ToPrimitive as _;
use std::collections::BTreeMap;

/// The most experts of a layer, and layers, that a file may name.
const MOST_EXPERTS: u64 = 1 << 16;
const MOST_LAYERS: usize = 1 << 12;

/// The most pairs of a layer and an expert.
const MOST_PAIRS: usize = 1 << 20;

/// What the rows so far come to, in units of `10^-PLACES`.
#[derive(Default)]
pub struct Gathered {
    count: u64,
    layers: BTreeMap<u64, BTreeMap<u64, BigUint>>,
    pairs: usize,
}

impl Gathered {
    /// Takes one row; without a column of layers all rows are of one.
    pub fn take(&mut self, layer: u64, expert: u64, load: u128) -> Result<(), Refusal> {
        if expert >= MOST_EXPERTS {
            return Err(Refusal::new(
                format!("expert {expert}, and at most {MOST_EXPERTS} are read"),
                "Number the experts of each layer from 0.",
            ));
        }
        let many = self.layers.len() >= MOST_LAYERS && !self.layers.contains_key(&layer);
        let experts = self.layers.entry(layer).or_default();
        if !experts.contains_key(&expert) {
            self.pairs += 1;
        }
        if many || self.pairs > MOST_PAIRS {
            return Err(Refusal::new(
                format!("more than {MOST_LAYERS} layers, or {MOST_PAIRS} experts of all layers"),
                "Keep the layers of one model, each once.",
            ));
        }
        *experts.entry(expert).or_default() += load;
        self.count += 1;
        Ok(())
    }

    /// The summary, in the largest unit of which all loads are whole.
    ///
    /// # Errors
    /// Where there was no row, or a sum does not fit.
    pub fn finish(self) -> Result<Loads, Refusal> {
        if self.layers.is_empty() {
            return Err(Refusal::new("a head and no rows", "Give each expert of each layer a row."));
        }
        let unit = self
            .layers
            .values()
            .flat_map(BTreeMap::values)
            .fold(BigUint::ZERO, |divisor, load| greatest_common_divisor(divisor, load.clone()))
            .max(BigUint::from(1_u8));
        let mut layers = Vec::with_capacity(self.layers.len());
        for (layer, experts) in self.layers {
            let last = experts.last_key_value().map_or(0, |(expert, _)| *expert);
            let mut loads = vec![0; usize::try_from(last).unwrap_or(0) + 1];
            for (expert, load) in experts {
                let Some(load) = (load / &unit).to_u64() else {
                    return Err(Refusal::new(
                        format!("the load of expert {expert} of layer {layer} needs more than 64 bits"),
                        "Use a larger unit, or fewer digits.",
                    ));
                };
                if let Some(slot) = loads.get_mut(usize::try_from(expert).unwrap_or(usize::MAX)) {
                    *slot = load;
                }
            }
            layers.push(loads);
        }
        Ok(Loads { count: self.count, layers })
    }
}

fn greatest_common_divisor(mut one: BigUint, mut other: BigUint) -> BigUint {
    while other != BigUint::ZERO {
        let rest = one % &other;
        one = std::mem::replace(&mut other, rest);
    }
    one
}

/// A number of a layer or an expert.
pub fn index(cell: &Cell<'_>) -> Result<u64, Refusal> {
    let refused = |found: String| Refusal::new(found, "Number layers and experts from 0.");
    let whole = cell.reading()?;
    let unit = 10_i128.pow(PLACES);
    if whole < 0 || whole % unit != 0 {
        return Err(refused("it is no whole number from 0 on".to_owned()));
    }
    u64::try_from(whole / unit).map_err(|_| refused("it is too large".to_owned()))
}

/// A load, in units of `10^-PLACES`.
pub fn load(cell: &Cell<'_>) -> Result<u128, Refusal> {
    // Counts up to the largest that a program writes.
    if let Cell::Text(text) = cell
        && let Some(whole) = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<u64>().ok())
    {
        return Ok(u128::from(whole) * 10_u128.pow(PLACES));
    }
    u128::try_from(cell.reading()?).map_err(|_| {
        Refusal::new(
            "a load below zero",
            "A load is zero or more: tokens that an expert has read, or a share.",
        )
    })
}

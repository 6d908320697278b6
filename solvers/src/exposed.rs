//! What stands to be lost: sums by part of a hazard, and the largest of them, as copies come and go.

use std::collections::BTreeMap;

/// What a row counts by part of a hazard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposed {
    /// By part, without zeros.
    by_part: BTreeMap<usize, i128>,
    /// How many parts hold so much.
    amounts: BTreeMap<i128, usize>,
}

impl Exposed {
    /// The most on one part: what goes with it.
    pub fn most(&self) -> i128 {
        self.amounts.last_key_value().map_or(0, |(most, _)| *most)
    }

    pub fn on(&self, part: usize) -> i128 {
        self.by_part.get(&part).copied().unwrap_or(0)
    }

    /// Adds an amount, which may be negative, to a part.
    pub fn add(&mut self, part: usize, amount: i128) {
        let before = self.on(part);
        let after = before + amount;
        if let Some(parts) = self.amounts.get_mut(&before) {
            *parts -= 1;
            if *parts == 0 {
                self.amounts.remove(&before);
            }
        }
        if after == 0 {
            self.by_part.remove(&part);
        } else {
            self.by_part.insert(part, after);
            *self.amounts.entry(after).or_default() += 1;
        }
    }
}

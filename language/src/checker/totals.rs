//! What the pages of a program come to together.

use crate::quantity::Currency;
use crate::resolver::ledger::{Owner, Page, UnitId, fingerprint};
use crate::resolver::{MOST_SUGGESTIONS, MOST_THINGS};
use std::collections::{BTreeMap, HashMap};

/// Sums over all pages.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) suggestions: usize,
    pub(super) folded: usize,
    pub(super) things: usize,
    /// Pages with money of each currency.
    pub(super) money: BTreeMap<Currency, usize>,
    /// Pages with a price that is known before any line is read.
    pub(super) priced_facts: usize,
    /// Pages that may have assumed what the program pays in.
    pub(super) assumed: usize,
    /// Pages with a line over nameplates.
    pub(super) nameplates: usize,
    /// Pages that use a device or model.
    pub(super) uses: BTreeMap<Owner, usize>,
    /// How often each name is claimed.
    pub(super) claims: HashMap<u64, usize>,
    /// Names that are claimed more than once.
    pub(super) claimed_twice: usize,
    /// Of how many members a line of a declaration speaks.
    pub(super) spoken_of: HashMap<(UnitId, u64), usize>,
}

impl Totals {
    pub(super) fn add(&mut self, owner: Owner, page: &Page) {
        self.count(page, |sum, by| *sum += by);
        if let Owner::Member { unit, of: _, line } = owner
            && page.speaks
        {
            *self.spoken_of.entry((unit, line)).or_default() += 1;
        }
        page.money.iter().for_each(|currency| *self.money.entry(*currency).or_default() += 1);
        page.uses.iter().for_each(|owner| *self.uses.entry(*owner).or_default() += 1);
        for claim in &page.claims {
            let count = self.claims.entry(fingerprint(&(claim.kind, &claim.name))).or_default();
            *count += 1;
            self.claimed_twice += usize::from(*count == 2);
        }
    }

    pub(super) fn remove(&mut self, owner: Owner, page: &Page) {
        self.count(page, |sum, by| *sum -= by);
        if let Owner::Member { unit, of: _, line } = owner
            && page.speaks
            && let Some(count) = self.spoken_of.get_mut(&(unit, line))
        {
            *count -= 1;
        }
        page.money.iter().for_each(|currency| one_less(&mut self.money, currency));
        page.uses.iter().for_each(|owner| one_less(&mut self.uses, owner));
        for claim in &page.claims {
            let count = self.claims.entry(fingerprint(&(claim.kind, &claim.name))).or_default();
            self.claimed_twice -= usize::from(*count == 2);
            *count -= 1;
        }
    }

    fn count(&mut self, page: &Page, change: impl Fn(&mut usize, usize)) {
        change(&mut self.suggestions, page.suggestions);
        change(&mut self.folded, page.folded);
        change(&mut self.things, page.things);
        change(&mut self.priced_facts, usize::from(page.has_priced_facts));
        change(&mut self.assumed, usize::from(page.assumes_dollars));
        change(&mut self.nameplates, usize::from(page.limits_nameplates));
    }

    /// It matters who came first: to be counted, to be paid for, or to claim a name.
    pub(super) fn depend_on_order(&self) -> bool {
        let currencies: Vec<Currency> = self.money.keys().copied().collect();
        let pays = match currencies.as_slice() {
            [] | [Currency::Dollar] => false,
            // Facts come before lines, so that all lines know the currency of one.
            [_] => self.priced_facts == 0 || self.assumed > 0,
            _ => true,
        };
        pays || self.claimed_twice > 0
            || self.suggestions >= MOST_SUGGESTIONS
            || self.things >= MOST_THINGS
            || self.folded >= MOST_THINGS
    }
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(key)),
    }
}

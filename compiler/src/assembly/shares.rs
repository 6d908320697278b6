//! Shares of teams to rows: what may be used of each kind of device, and what is had back first.

use super::linear_wishes;
use super::lines::Lines;
use crate::candidates::{Candidates, Disregarded, least_common_multiple};
use crate::problem::{Atom, Level, LevelAtom, Relation, Row, Shortfall, Wish};
use crate::quotas::{Among, Quota, among, devices, guaranteed, members, quotas, taken};
use berth_language::model::{Compare, Condition, Subject};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

impl Lines<'_> {
    /// A row for each quota that its members could meet.
    pub fn quotas(&mut self, candidates: &Candidates, without: &Disregarded) -> Vec<Row> {
        let all = quotas(self.program, without);
        let row = |quota: Quota| {
            let terms = self.devices_used(candidates, &quota.members, quota.device);
            let row = Row {
                terms,
                survives: None,
                relation: Relation::AtMost,
                bound: quota.most(),
                origins: quota.origins,
            };
            (!row.terms.is_empty()).then_some(row)
        };
        all.into_iter().filter_map(row).collect()
    }

    /// Of the devices that each team is guaranteed it has as many as its services wish for, ahead of what others wish
    /// for: so what is borrowed is given back. Where replicas take several devices, that may be a part of one more.
    pub fn add_guarantees(&mut self, candidates: &Candidates) {
        let mut short = Vec::new();
        for team in &self.program.teams {
            let members = members(self.program, Some(&team.name));
            for device in devices(self.program) {
                let wanted = self.wished_for(candidates, &members, device);
                let bound = wanted.min(guaranteed(self.program, team, device));
                let Some(line) = team.guaranteed.as_ref().filter(|_| bound.is_positive()) else { continue };
                let mut terms = self.devices_used(candidates, &members, device);
                // In whole parts of a device.
                let denominators = terms.iter().map(|(taken, _)| taken.denom());
                let parts = denominators.fold(BigInt::one(), |all, part| least_common_multiple(&all, part));
                let parts = BigRational::from_integer(parts);
                terms.iter_mut().for_each(|(taken, _)| *taken *= &parts);
                let bound = (bound * &parts).floor();
                let row = Row {
                    terms,
                    survives: None,
                    relation: Relation::AtLeast,
                    bound,
                    origins: vec![line.span],
                };
                let wish = self.packing.wishes.len();
                self.packing.wishes.push(Wish { row, shortfall: Shortfall::Distance });
                short.push((parts.recip(), LevelAtom::Shortfall { wish }));
            }
        }
        if !short.is_empty() {
            self.packing.levels.push(Level {
                name: "devices short of guarantees".into(),
                unit: "1".into(),
                terms: short,
                gap: BigRational::zero(),
            });
        }
    }

    /// Devices of a kind that services take, each copy.
    fn devices_used(
        &mut self,
        candidates: &Candidates,
        services: &[usize],
        device: usize,
    ) -> Vec<(BigRational, Atom)> {
        let mut terms = Vec::new();
        for &item in services {
            for (choice, candidate) in candidates.services[item].candidates.iter().enumerate() {
                let taken = taken(candidate, self.packing.share_scale);
                let atom = match among(candidates, candidate, device) {
                    Among::None => continue,
                    Among::All => Atom::CopiesOf { item, choice },
                    Among::Some => {
                        let of_kind = |node: &usize| {
                            let devices = self.program.nodes[*node].devices.as_ref();
                            devices.is_some_and(|devices| devices.value.0 == device)
                        };
                        let nodes: Vec<usize> = (0..self.program.nodes.len()).filter(of_kind).collect();
                        Atom::CopiesOn { item, choice: Some(choice), place: self.place(&nodes) }
                    }
                };
                if !taken.is_zero() {
                    terms.push((taken, atom));
                }
            }
        }
        terms
    }

    /// Devices of a kind that services ask for where some of what they ask for is a wish: the least that so many
    /// replicas take; 0 where nothing is.
    fn wished_for(&self, candidates: &Candidates, services: &[usize], device: usize) -> BigRational {
        let wishes =
            |service: usize| linear_wishes(self.program).filter_map(move |wish| wished(wish, service));
        if services.iter().all(|service| wishes(*service).next().is_none()) {
            return BigRational::zero();
        }
        let of = |service: &usize| {
            let forms = candidates.services[*service].candidates.iter();
            let here = forms.filter(|form| !matches!(among(candidates, form, device), Among::None));
            let each = here.map(|form| taken(form, self.packing.share_scale)).min();
            // A job has no replicas to wish for.
            let bounds = self.program.services.get(*service).map_or(&[][..], |service| &service.replicas);
            let required = bounds.iter().filter_map(|bound| bound.low).map(whole);
            let most = bounds.iter().filter_map(|bound| bound.high).map(whole).min();
            let asked = required.chain(wishes(*service)).max().unwrap_or_else(BigRational::one);
            each.unwrap_or_else(BigRational::zero) * most.map_or(asked.clone(), |most| asked.min(most))
        };
        services.iter().map(of).sum()
    }
}

/// Replicas that a wish asks for of a service.
fn wished(wish: &berth_language::model::Wish, service: usize) -> Option<BigRational> {
    let Condition::Compare { terms, compare, limit, .. } = wish.judged()? else { return None };
    let [term] = terms.as_slice() else { return None };
    if term.subject != (Subject::Replicas { service })
        || wish.world().is_some()
        || !term.coefficient.is_positive()
    {
        return None;
    }
    let limit = &limit.value / &term.coefficient;
    match compare {
        Compare::AtLeast | Compare::Equal => Some(limit.ceil()),
        Compare::Above => Some(limit.floor() + BigRational::one()),
        Compare::AtMost | Compare::Below | Compare::Unequal => None,
    }
}

fn whole(count: u64) -> BigRational {
    BigRational::from_integer(count.into())
}

//! The step between the values that a level can have.

use crate::problem::{Atom, LevelAtom, Packing, Shortfall};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// Every solution's value of a level is a multiple of this.
pub(super) fn level_step(packing: &Packing, terms: &[(BigRational, LevelAtom)]) -> Option<BigRational> {
    let prices =
        common_divisor(packing.machines.iter().map(|machine| &machine.price).filter(|p| !p.is_zero()));
    let mut steps = Vec::new();
    for (factor, atom) in terms.iter().filter(|(factor, _)| !factor.is_zero()) {
        match atom {
            LevelAtom::Price => steps.extend(prices.as_ref().map(|price| factor * price)),
            LevelAtom::Moves => steps.push(factor.clone()),
            LevelAtom::Shortfall { wish } => {
                let wish = packing.wishes.get(*wish)?;
                let step = match wish.shortfall {
                    Shortfall::Unmet => BigRational::one(),
                    Shortfall::Distance => {
                        // A price is a multiple of the prices' divisor, other quantities are whole.
                        let of_term = |(factor, atom): &(BigRational, Atom)| match atom {
                            Atom::Price => prices.as_ref().map(|price| factor * price),
                            _ => Some(factor.clone()),
                        };
                        let mut parts: Vec<BigRational> = wish.row.terms.iter().filter_map(of_term).collect();
                        parts.push(wish.row.bound.clone());
                        match common_divisor(parts.iter()) {
                            Some(step) => step,
                            None => continue,
                        }
                    }
                };
                steps.push(factor * step);
            }
        }
    }
    common_divisor(steps.iter())
}

/// The largest rational of which all are whole multiples; none where there are none.
pub(super) fn common_divisor<'v>(values: impl Iterator<Item = &'v BigRational>) -> Option<BigRational> {
    values.filter(|value| !value.is_zero()).fold(None, |divisor, value| {
        Some(match divisor {
            None => value.abs(),
            Some(divisor) => {
                let numerator = greatest_common_divisor(
                    (divisor.numer() * value.denom()).abs(),
                    (value.numer() * divisor.denom()).abs(),
                );
                BigRational::new(numerator, divisor.denom() * value.denom())
            }
        })
    })
}

fn greatest_common_divisor(mut a: BigInt, mut b: BigInt) -> BigInt {
    while !b.is_zero() {
        let rest = &a % &b;
        a = std::mem::replace(&mut b, rest);
    }
    a
}

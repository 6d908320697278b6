//! What machines hold: the rows of capacities and devices, and their roundings.

use super::rows::{Builder, Terms};
use super::whole;
use crate::problem::{Choice, Devices};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Zero};
use std::collections::HashMap;
use std::rc::Rc;

/// So many dual feasible functions are tried: `f_1` to `f_3` of the head of [`relaxation`](super).
const FUNCTIONS: usize = 3;

/// A part of a machine, or of a device.
struct Part {
    size: BigRational,
    /// Under the dual feasible functions.
    images: [BigRational; FUNCTIONS],
}

/// Each part once: the same forms meet the same capacities on many groups.
#[derive(Default)]
struct Parts(HashMap<(u64, u128), Rc<Part>>);

/// Parts by column of a group.
type ByColumn = Vec<(usize, Rc<Part>)>;

impl Parts {
    /// `taken` of `whole`, none of which is 0.
    fn of(&mut self, taken: u64, whole: u128) -> Rc<Part> {
        let part = || {
            let size = BigRational::new(BigInt::from(taken), BigInt::from(whole));
            let images = [1, 2, 3].map(|k| dual_feasible(&size, k));
            Rc::new(Part { size, images })
        };
        Rc::clone(self.0.entry((taken, whole)).or_insert_with(part))
    }
}

impl Builder<'_> {
    pub(super) fn add_capacities(&mut self) {
        let mut known = Parts::default();
        for group in 0..self.groups.len() {
            for resource in 0..self.packing.resources.len() {
                let capacity = self.groups[group].capacity.get(resource).copied().unwrap_or(0);
                let parts = self.parts(group, &mut known, |choice| {
                    let demand = choice.demand.get(resource).copied().unwrap_or(0);
                    // A form with a positive demand on a capacity of 0 has no column here.
                    (demand, u128::from(capacity))
                });
                self.add_parts(group, &parts, &BigRational::one());
            }
            let scale = u128::from(self.packing.share_scale.max(1));
            let devices = u64::from(self.groups[group].devices);
            if devices == 0 {
                continue;
            }
            // Of so many devices; a copy that takes several whole ones counts as that many times 1.
            let taken = |choice: &Choice, of: u64| match choice.devices {
                Devices::None => (0, 1),
                Devices::Whole(count) => (u64::from(count), u128::from(of)),
                Devices::Share(share) => (share, scale * u128::from(of)),
            };
            let of_device = self.parts(group, &mut known, |choice| taken(choice, 1));
            self.add_parts(group, &of_device, &whole(devices));
            if devices > 1 {
                let of_all = self.parts(group, &mut known, |choice| taken(choice, devices));
                self.add_rounded_parts(group, &of_all, &BigRational::one());
            }
        }
    }

    /// The part that one copy takes, by column of the group: so much of so much. Without zeros.
    fn parts(&self, group: usize, known: &mut Parts, part: impl Fn(&Choice) -> (u64, u128)) -> ByColumn {
        let mut parts = Vec::new();
        for (item, by_choice) in self.packing.items.iter().zip(&self.copies) {
            for (choice, columns) in item.choices.iter().zip(by_choice) {
                for &(of, column) in columns {
                    if of == Some(group) {
                        let (taken, whole) = part(choice);
                        if taken > 0 && whole > 0 {
                            parts.push((column, known.of(taken, whole)));
                        }
                    }
                }
            }
        }
        parts
    }

    fn add_parts(&mut self, group: usize, parts: &ByColumn, bins: &BigRational) {
        let sizes = parts.iter().map(|(column, part)| (*column, part.size.clone()));
        self.add_per_machine(group, sizes.collect(), bins.clone());
        self.add_rounded_parts(group, parts, bins);
    }

    /// The images of the parts under the dual feasible functions, where some image is larger.
    fn add_rounded_parts(&mut self, group: usize, parts: &ByColumn, bins: &BigRational) {
        for k in 0..FUNCTIONS {
            if parts.iter().any(|(_, part)| part.images[k] > part.size) {
                let images = parts.iter().map(|(column, part)| (*column, &part.images[k]));
                let terms: Terms = images
                    .filter(|(_, image)| !image.is_zero())
                    .map(|(column, image)| (column, image.clone()))
                    .collect();
                self.add_per_machine(group, terms, bins.clone());
            }
        }
    }
}

/// `f_k`, extended to whole numbers above 1, which are their own images.
fn dual_feasible(part: &BigRational, k: u64) -> BigRational {
    let scaled = part * whole(k + 1);
    if scaled.is_integer() { part.clone() } else { scaled.floor() / whole(k) }
}

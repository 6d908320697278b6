//! Operators that share a kernel or run behind one another.

use super::{Layout, Priced, Value};
use crate::dialect::{Computation, Fused};
use crate::structure::Function;
use berth_compiler::degrees::Axis;
use berth_compiler::form::Form;
use berth_compiler::graph::Hidden;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::BTreeSet;

/// An operator of the graph stands for it alone.
fn is_operator(computation: &Computation) -> bool {
    !matches!(computation, Computation::Repeat { .. }) && !computation.is_view()
}

impl Layout<'_> {
    /// Takes off what operators in one kernel neither write nor read.
    pub(super) fn fusions(&mut self, function: &Function, values: &[Value]) {
        let (mut read_on_chip, mut written_on_chip) = (BTreeSet::new(), BTreeSet::new());
        for (index, step) in function.steps.iter().enumerate() {
            let Some(fused) = step.fused else { continue };
            let own = index + 1;
            // The value between the two, and who makes and takes it.
            let between = match fused {
                Fused::Before => step.operands.first().map(|value| (*value, own)),
                Fused::After => self.only_taker(function, own).map(|taker| (own, taker)),
            };
            let maker = between.and_then(|(value, _)| function.steps.get(value.checked_sub(1)?));
            let maker = maker.filter(|maker| is_operator(&maker.computation));
            let (Some((value, taker)), Some(maker)) = (between, maker) else {
                let message = match fused {
                    Fused::Before => format!(
                        "`{}` runs in the kernel before it, yet what it takes is made elsewhere",
                        step.name
                    ),
                    Fused::After => format!(
                        "`{}` runs in the kernel of its only user, yet it has none or several",
                        step.name
                    ),
                };
                self.warn(&step.place, message);
                continue;
            };
            // What an operator takes from one that sends was read from memory to be sent.
            let sent = maker.computation.sends();
            let users = function.steps.iter().flat_map(|step| &step.operands).filter(|used| **used == value);
            let alone = users.count() == 1 && function.result != value;
            if let Some(other) = function.steps.get(taker - 1)
                && (fused, other.fused) == (Fused::After, Some(Fused::Before))
                && other.operands.first() == Some(&own)
            {
                let message =
                    format!("`{}` and `{}` each run in the kernel of the other", step.name, other.name);
                self.warn(&step.place, message);
            }
            let takes = function.steps.get(taker - 1).and_then(|step| step.operands.first()).copied();
            let taken = if fused == Fused::Before { Some(value) } else { takes };
            if !sent {
                if let Some(taken) = taken
                    && let Some(read) = values.get(taken)
                    && read_on_chip.insert((taker, taken))
                {
                    self.spare(values, taker, read.bytes_moved());
                }
                if alone
                    && let Some(written) = values.get(value)
                    && written_on_chip.insert(value)
                {
                    self.spare(values, value, written.bytes_moved());
                }
            }
            if let Some(operator) = self.operator_of(values, own) {
                operator.fused = true;
            }
        }
    }

    /// Activation bytes that the operator of a value does not move.
    fn spare(&mut self, values: &[Value], value: usize, bytes: Form) {
        if let Some(operator) = self.operator_of(values, value) {
            let minus = Form::constant(BigRational::from_integer((-1).into()));
            operator.cost.activation_bytes = operator.cost.activation_bytes.clone() + bytes * minus;
        }
    }

    fn operator_of(&mut self, values: &[Value], value: usize) -> Option<&mut Priced> {
        let [producer] = values.get(value)?.producers.as_slice() else { return None };
        self.operators.get_mut(*producer)
    }

    /// The value that the only user of `value` makes, looking through what only sends it on.
    fn only_taker(&self, function: &Function, value: usize) -> Option<usize> {
        if function.result == value {
            return None;
        }
        let mut users = function.steps.iter().enumerate().filter(|(_, step)| step.operands.contains(&value));
        let (index, user) = users.next()?;
        if users.next().is_some() {
            return None;
        }
        match user.computation {
            Computation::KvExchange { .. } | Computation::AllGather { axis: Axis::Context } => {
                self.only_taker(function, index + 1)
            }
            _ if user.computation.sends() => None,
            _ => Some(index + 1),
        }
    }

    /// Finds what is hidden behind what.
    pub(super) fn overlaps(&mut self, function: &Function, values: &[Value]) {
        for (index, step) in function.steps.iter().enumerate() {
            let Some(overlap) = &step.overlap else { continue };
            let behind = function.steps.iter().position(|other| {
                other.name == overlap.behind && !other.computation.sends() && is_operator(&other.computation)
            });
            let behind = behind.and_then(|behind| values.get(behind + 1)?.producers.first().copied());
            let (Some(behind), Some(share)) = (behind, overlap.share.to_f64()) else {
                self.warn(
                    &step.place,
                    format!(
                        "`{}` runs behind `{}`, which nothing that computes here is called",
                        step.name, overlap.behind
                    ),
                );
                continue;
            };
            if let Some(operator) = self.operator_of(values, index + 1) {
                operator.hidden = Some(Hidden { behind, share });
            }
        }
    }
}

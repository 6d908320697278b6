//! Loads of experts: `zipf(1.0)`, `trace("experts.csv")`, and whether they are those of the model.

use super::building::Builder;
use super::functions::Arguments;
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{ExpertLoad, Fact, FeedForward};
use crate::quantity::{Dimension, Quantity};
use crate::schema::Field;
use crate::schema::kinds::model;
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive};
use std::rc::Rc;

/// Beyond it all is asked of one expert.
const STEEPEST: i64 = 16;

impl<'a> Resolver<'a> {
    /// `zipf(1.0, seed = 7)`
    pub(super) fn zipf(&mut self, values: &Arguments) -> Outcome<Value> {
        let (exponent, at) = self.quantity_argument(values, 0, Some(&Dimension::NONE))?;
        if exponent.value.is_negative() || exponent.value > BigRational::from_integer(STEEPEST.into()) {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    format!("an exponent is from 0 to {STEEPEST}"),
                    at,
                    format!("this is {exponent}"),
                )
                .help("0 makes all loads equal, 1 is Zipf's own law."),
            ));
        }
        let seed = match values.get(1) {
            Some(Some(_)) => {
                let (seed, at) = self.quantity_argument(values, 1, Some(&Dimension::NONE))?;
                Some(self.seed(&seed, at)?)
            }
            _ => None,
        };
        Ok(Value::ExpertLoad(Rc::new(ExpertLoad::Zipf { exponent: exponent.value, seed })))
    }

    fn seed(&mut self, seed: &Quantity, at: Span) -> Outcome<u64> {
        let whole = seed.value.is_integer().then(|| seed.value.to_integer().to_u64()).flatten();
        whole.ok_or_else(|| {
            self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a seed is a whole number, none below zero",
                    at,
                    format!("this is {seed}"),
                )
                .help("Any will do: each stands for one order of the experts in every layer."),
            )
        })
    }
}

impl<'a> Builder<'_, 'a> {
    /// The loads that a service states, if its model has such experts.
    pub(super) fn expert_load(
        &mut self,
        id: ThingId,
        field: &'static Field,
        chosen: &Fact<usize>,
    ) -> Option<Fact<ExpertLoad>> {
        let stated = self.stated(id, field, |_, value| match value {
            Value::ExpertLoad(load) => Some((*load).clone()),
            _ => None,
        })?;
        self.has_experts(id, field, chosen, stated.span).then_some(())?;
        let of = self.program.models.get(chosen.value)?;
        let (FeedForward::Experts(experts), ExpertLoad::Measured(measured)) =
            (&of.feed_forward, &stated.value)
        else {
            return Some(stated);
        };
        let has = experts.experts.value;
        let count = |fact: &Option<Fact<u64>>| fact.as_ref().map_or(0, |fact| fact.value);
        let layers = count(&of.layers).saturating_sub(count(&experts.dense_layers));
        let named = measured.iter().map(Vec::len).max().unwrap_or(0) as u64;
        let (title, label) = if named > has {
            let label = format!("the file names expert {}", named - 1);
            (format!("a layer of the model has {has} experts, from 0 on"), label)
        } else if measured.len() > 1 && measured.len() as u64 != layers {
            let label = format!("the file has {}", measured.len());
            (format!("{layers} layers of the model have experts"), label)
        } else {
            return Some(stated);
        };
        let span = stated.span;
        self.resolver.report(
            Diagnostic::error("service::other-experts", title, span, label).and(chosen.span, "this model").help(
                "Name a file of this model: a row for each of its layers that have experts, in any numbering, and \
                 each expert; without a column `layer` all layers are alike.",
            ),
        );
        None
    }

    /// Says so where the model of a line about experts has none.
    pub(super) fn has_experts(
        &mut self,
        id: ThingId,
        field: &'static Field,
        chosen: &Fact<usize>,
        span: Span,
    ) -> bool {
        let Some(of) = self.program.models.get(chosen.value) else { return false };
        if matches!(of.feed_forward, FeedForward::Experts(_)) {
            return true;
        }
        if self.is_unread(chosen.value, &model::experts) {
            return false;
        }
        let name = self.resolver.thing(id).address.clone();
        self.resolver.report(
            Diagnostic::error(
                "service::no-experts",
                format!("`{}` is of mixtures of experts", field.name),
                span,
                format!("`{name}` says it of one"),
            )
            .and(chosen.span, "no layer of this model has experts")
            .help("Leave the line out, or name a model that has `experts`."),
        );
        false
    }
}

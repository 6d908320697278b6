//! Last pass, **variants**: lists how each product may be computed, and what a device must offer for it.
//!
//! Contract: an annotated module goes in; every matrix product gets `variants`, a list of dictionaries, the best
//! first: `arithmetic` is the rate that it is computed at, `needs` the number formats in which a device must state
//! a rate. The first whose needs a device meets is what is priced there; a device that meets none is no candidate.
//! A list that is there already stays.
//!
//! A product is computed in the arithmetic of its weight, or of the plan's precision where that is another: decompose
//! has listed it then. Whoever runs an engine that widens weights on their way
//! to the multipliers (8-bit weights, 16-bit arithmetic) adds `{arithmetic = "bf16", needs = ["bf16"]}`: the weights
//! keep their bytes, and devices without 8-bit arithmetic become candidates. It is not listed on its own, because a
//! plan's `precision` is of weights and arithmetic.

use crate::dialect::{self, Computation, precision_name};
use crate::foreign;
use berth_compiler::graph::Variant;
use melior::Context;
use melior::ir::attribute::{ArrayAttribute, Attribute, DictionaryAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationMutLike};
use melior::ir::{BlockLike, Identifier, Module, RegionLike};

/// Lists the variants of every product.
pub(crate) fn variants(context: &Context, module: &Module) {
    let mut function = module.body().first_operation();
    while let Some(operation) = function {
        function = operation.next_in_block();
        let block = operation.region(0).ok().and_then(|region| region.first_block());
        let mut step = block.and_then(|block| block.first_operation());
        while let Some(product) = step {
            step = product.next_in_block();
            if product.has_attribute("variants") {
                continue;
            }
            let weight = match dialect::read(context, product).map(|said| said.computation) {
                Ok(Computation::Matmul { weight, .. } | Computation::GroupedMatmul { weight, .. }) => weight,
                _ => continue,
            };
            let own = weight.element.precision();
            let only = Variant { arithmetic: own, needs: vec![own] };
            foreign::mutable(product).set_attribute("variants", listed(context, &[only]));
        }
    }
}

/// The attribute that lists them.
pub(crate) fn listed<'c>(context: &'c Context, variants: &[Variant]) -> Attribute<'c> {
    let listed: Vec<Attribute> = variants.iter().map(|variant| written(context, variant)).collect();
    ArrayAttribute::new(context, &listed).into()
}

fn written<'c>(context: &'c Context, variant: &Variant) -> Attribute<'c> {
    let text = |text: &str| Attribute::from(StringAttribute::new(context, text));
    let needs: Vec<Attribute> =
        variant.needs.iter().map(|precision| text(precision_name(*precision))).collect();
    let entries = [
        (Identifier::new(context, "arithmetic"), text(precision_name(variant.arithmetic))),
        (Identifier::new(context, "needs"), ArrayAttribute::new(context, &needs).into()),
    ];
    DictionaryAttribute::new(context, &entries).into()
}

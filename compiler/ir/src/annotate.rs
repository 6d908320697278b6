//! Third pass, **annotate**: writes onto each operator what it costs one device, once.
//!
//! Contract: a sharded module and its priced passes go in; every operator of a pass gets the attribute
//! `work`, a dictionary of the forms that are not 0 as text that reads back unchanged. Old ones are
//! replaced or removed: they are for readers, and nothing in this program reads them again.

use crate::cost::Cost;
use crate::flow::Pass;
use crate::foreign;
use melior::Context;
use melior::ir::attribute::{Attribute, DictionaryAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationMutLike};
use melior::ir::{BlockLike, Identifier, Module, RegionLike};
use std::collections::BTreeMap;

/// Writes the costs.
pub(crate) fn annotate(context: &Context, module: &Module, passes: &[Pass]) {
    let mut costs: BTreeMap<(usize, usize), &Cost> = BTreeMap::new();
    for priced in passes.iter().flat_map(|pass| &pass.operators) {
        costs.entry(priced.at).or_insert(&priced.cost);
    }
    let mut function = module.body().first_operation();
    let mut index = 0;
    while let Some(operation) = function {
        let mut step = operation
            .region(0)
            .ok()
            .and_then(|region| region.first_block())
            .and_then(|block| block.first_operation());
        let mut position = 0;
        while let Some(operator) = step {
            let mut changed = foreign::mutable(operator);
            match costs.get(&(index, position)) {
                Some(cost) => changed.set_attribute("work", written(context, cost)),
                None if operator.has_attribute("work") => {
                    // It is there, so that it can be removed.
                    let _ = changed.remove_attribute("work");
                }
                None => {}
            }
            step = operator.next_in_block();
            position += 1;
        }
        function = operation.next_in_block();
        index += 1;
    }
}

fn written<'c>(context: &'c Context, cost: &Cost) -> Attribute<'c> {
    let forms = [
        ("activation_bytes", &cost.activation_bytes),
        ("flops", &cost.flops),
        ("kv_bytes", &cost.kv_bytes),
        ("link_bytes", &cost.link_bytes),
        ("weight_bytes", &cost.weight_bytes),
    ];
    let entries: Vec<(Identifier, Attribute)> = forms
        .into_iter()
        .filter(|(_, form)| !form.is_zero())
        .map(|(name, form)| {
            (Identifier::new(context, name), StringAttribute::new(context, &form.to_string()).into())
        })
        .collect();
    DictionaryAttribute::new(context, &entries).into()
}

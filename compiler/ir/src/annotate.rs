//! **annotate**: writes onto each operator what it costs one device, once.
//!
//! Contract: a module whose operators say all that they cost and its priced passes go in; every operator of a pass gets the attribute
//! `work`, a dictionary of the forms that are not 0 as text that reads back unchanged. Old ones are
//! replaced or removed: they are for readers, and nothing in this program reads them again.

use crate::cost::Cost;
use crate::flow::Pass;
use crate::foreign;
use crate::module::numbered;
use melior::Context;
use melior::ir::attribute::{Attribute, DictionaryAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationMutLike, OperationRef};
use melior::ir::{BlockLike, Identifier, Module, RegionLike};
use std::collections::BTreeMap;

/// Writes the costs.
pub(crate) fn annotate(context: &Context, module: &Module, passes: &[Pass]) {
    let costs = |of_modules: bool| {
        let mut costs: BTreeMap<(usize, usize), &Cost> = BTreeMap::new();
        let passes = passes.iter().filter(|pass| pass.module == of_modules);
        for priced in passes.flat_map(|pass| &pass.operators) {
            costs.entry(priced.at).or_insert(&priced.cost);
        }
        costs
    };
    let (costs, of_modules) = (costs(false), costs(true));
    let write = |operator: OperationRef, cost: Option<&&Cost>| {
        let mut changed = foreign::mutable(operator);
        match cost {
            Some(cost) => changed.set_attribute("work", written(context, cost)),
            None if operator.has_attribute("work") => {
                // It is there, so that it can be removed.
                let _ = changed.remove_attribute("work");
            }
            None => {}
        }
    };
    let mut function = module.body().first_operation();
    let (mut index, mut module_index) = (0, 0);
    while let Some(operation) = function {
        function = operation.next_in_block();
        if foreign::identifier(operation.name()) == "builtin.module" {
            // An operation's number is what `at` says; 0 is the module itself.
            numbered(operation, |number, operator| {
                if number > 0 {
                    write(operator, of_modules.get(&(module_index, number)));
                }
            });
            module_index += 1;
            continue;
        }
        let mut step = operation
            .region(0)
            .ok()
            .and_then(|region| region.first_block())
            .and_then(|block| block.first_operation());
        let mut position = 0;
        while let Some(operator) = step {
            write(operator, costs.get(&(index, position)));
            step = operator.next_in_block();
            position += 1;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flow, text, verifier};
    use berth_compiler::form::Form;

    /// What stands in the text reads back as the form that was written, for every form of every operator.
    #[test]
    fn annotations_read_back() {
        let context = text::context(true);
        let written = include_str!("../../../tests/ir/operations.md");
        let module = written.split("```mlir\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let module = text::parse(&context, module, "test.mlir", "ir::parse").unwrap();
        let (structure, _) = verifier::read(&context, &module, "test.mlir").unwrap();
        let (passes, _) = flow::passes(&structure);
        annotate(&context, &module, &passes);

        let printed = text::print(&module);
        let again = text::parse(&context, &printed, "test.mlir", "ir::parse").unwrap();
        let mut forms = BTreeMap::new();
        let mut function = again.body().first_operation();
        let mut index = 0;
        while let Some(operation) = function {
            let mut step = operation.region(0).unwrap().first_block().unwrap().first_operation();
            let mut position = 0;
            while let Some(operator) = step {
                if let Ok(work) = operator.attribute("work") {
                    let work = DictionaryAttribute::try_from(work).unwrap();
                    for entry in 0..work.len() {
                        let (name, form) = work.element(entry).unwrap();
                        let form = foreign::string(StringAttribute::try_from(form).unwrap());
                        forms.insert(
                            (index, position, foreign::identifier(name)),
                            form.parse::<Form>().unwrap(),
                        );
                    }
                }
                step = operator.next_in_block();
                position += 1;
            }
            function = operation.next_in_block();
            index += 1;
        }

        let mut compared = 0;
        let mut seen = std::collections::BTreeSet::new();
        for priced in passes.iter().flat_map(|pass| &pass.operators) {
            // A body that both passes share is annotated for the first.
            if !seen.insert(priced.at) {
                continue;
            }
            let cost = &priced.cost;
            for (name, form) in [
                ("flops", &cost.flops),
                ("weight_bytes", &cost.weight_bytes),
                ("activation_bytes", &cost.activation_bytes),
                ("kv_bytes", &cost.kv_bytes),
                ("link_bytes", &cost.link_bytes),
            ] {
                let read = forms.get(&(priced.at.0, priced.at.1, name.to_owned()));
                assert_eq!(read.cloned().unwrap_or_default(), *form, "{} {name}", priced.name);
                compared += usize::from(!form.is_zero());
            }
        }
        assert_eq!(compared, forms.len());
        assert!(compared > 20);
    }
}

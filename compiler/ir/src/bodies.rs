//! Which pass each function stands in: a pass is a function itself, a body that of whoever repeats it.

use crate::foreign;
use melior::ir::attribute::{FlatSymbolRefAttribute, StringAttribute};
use melior::ir::operation::{OperationLike, OperationRef};
use melior::ir::{BlockLike, Module, RegionLike};
use std::collections::BTreeMap;

/// For the symbol of every function that stands in a pass, what `read` finds on that pass. A body of several passes
/// on which it finds different things has nothing; decompose makes no such body.
pub(crate) fn of_passes<T: Clone + PartialEq>(
    module: &Module,
    read: impl Fn(OperationRef) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut callees: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut found: BTreeMap<String, Option<T>> = BTreeMap::new();
    let mut open = Vec::new();
    let mut next = module.body().first_operation();
    while let Some(function) = next {
        next = function.next_in_block();
        let symbol = text(function, "sym_name").unwrap_or_default();
        if let Some(said) = read(function) {
            open.push((symbol.clone(), said));
        }
        let block = function.region(0).ok().and_then(|region| region.first_block());
        let mut step = block.and_then(|block| block.first_operation());
        while let Some(operation) = step {
            step = operation.next_in_block();
            let callee = operation.attribute("callee").ok();
            if let Some(callee) = callee.and_then(|callee| FlatSymbolRefAttribute::try_from(callee).ok()) {
                callees.entry(symbol.clone()).or_default().push(foreign::symbol(callee));
            }
        }
    }
    while let Some((symbol, said)) = open.pop() {
        let now = match found.get(&symbol) {
            None => Some(said.clone()),
            Some(Some(before)) if *before == said => continue,
            Some(None) => continue,
            Some(Some(_)) => None,
        };
        found.insert(symbol.clone(), now);
        open.extend(callees.get(&symbol).into_iter().flatten().map(|callee| (callee.clone(), said.clone())));
    }
    found.into_iter().filter_map(|(symbol, said)| Some((symbol, said?))).collect()
}

/// A string that an operation says, if it does.
pub(crate) fn text(operation: OperationRef, name: &str) -> Option<String> {
    if !operation.has_attribute(name) {
        return None;
    }
    StringAttribute::try_from(operation.attribute(name).ok()?).ok().map(foreign::string)
}

//! What concerns several functions of a module: passes that are there twice or lack their other half, and bodies that
//! nothing repeats, that are not there or that repeat themselves.

use super::{DEEPEST_BODIES, MOST_OPERATORS, Reader, diagnostic, takes_pixels};
use crate::dialect::Computation;
use crate::structure::{Function, Role, Structure};
use berth_compiler::graph::Phase;
use berth_compiler::lowering::IrDiagnostic;
use std::collections::{BTreeMap, BTreeSet};

impl Reader<'_, '_> {
    /// What concerns several functions; warnings.
    pub(super) fn whole(&mut self, structure: &Structure) -> Vec<IrDiagnostic> {
        let mut roles: BTreeMap<&Role, &Function> = BTreeMap::new();
        let by_symbol: BTreeMap<&str, usize> = structure
            .functions
            .iter()
            .enumerate()
            .map(|(index, function)| (function.symbol.as_str(), index))
            .collect();
        let mut callees = Vec::with_capacity(structure.functions.len());
        let of_modules: BTreeSet<&Role> =
            structure.modules.iter().filter_map(|module| module.role.as_ref()).collect();
        for function in &structure.functions {
            if let Some(role) = &function.role
                && of_modules.contains(role)
            {
                let message = format!("`@{}` and a module are the same pass", function.symbol);
                let help = "delete one of the two, or give it another service, precision, target or phase";
                self.error(&function.place, message, help);
            }
            if let Some(role) = &function.role
                && let Some(first) = roles.insert(role, function)
            {
                let message = format!("`@{}` and `@{}` are the same pass", first.symbol, function.symbol);
                let help =
                    "a service has one pass of a phase for each precision and target: delete one of the two";
                self.error(&function.place, message, help);
            }
            let mut of_function = Vec::new();
            for step in &function.steps {
                let Computation::Repeat { callee, .. } = &step.computation else { continue };
                let found = by_symbol.get(callee.as_str()).copied();
                let Some((index, body)) =
                    found.and_then(|index| Some((index, structure.functions.get(index)?)))
                else {
                    self.error(
                        &step.place,
                        format!("berth.repeat: no function is called `@{callee}`"),
                        bodies_there(structure),
                    );
                    continue;
                };
                of_function.push(index);
                if body.role.is_some() {
                    let message = format!("berth.repeat: `@{callee}` is a pass of its own, not a body");
                    let help = "name a body, or delete the roles that make this a pass: `berth.service` and the others";
                    self.error(&step.place, message, help);
                }
                let given = step.operands.first().and_then(|value| function.element_of(*value));
                if given.is_some_and(|given| given.is_token() != body.element.is_token()) {
                    let message = format!(
                        "berth.repeat: `@{callee}` and the operand disagree on whether they are tokens"
                    );
                    let help = format!(
                        "a body takes the stream: give `@{callee}` an argument of `tensor<?x?xbf16>`, and the repeat the rows of \
                         a `berth.lookup`"
                    );
                    self.error(&step.place, message, help);
                }
            }
            callees.push(of_function);
        }
        for (role, function) in &roles {
            let other = match role.phase {
                Phase::Prefill => Phase::Decode,
                Phase::Decode => Phase::Prefill,
                Phase::Vision => Phase::Prefill,
                // These have no other.
                Phase::Encode => Phase::Encode,
                Phase::Step => Phase::Step,
                Phase::Denoise => Phase::Denoise,
            };
            if !roles.contains_key(&Role { phase: other, ..(*role).clone() }) {
                let message =
                    format!("service `{}` has a {} and no {}", role.service, role.phase.name(), other.name());
                let help = format!("keep the {} of this service, precision and target too", other.name());
                self.error(&function.place, message, help);
            }
            let symbol = &function.symbol;
            let takes = match (role.phase, function.element.is_token()) {
                (phase, true) if takes_pixels(phase) => {
                    format!("`@{symbol}` takes tokens; a pass over images takes pixels, `tensor<?x?xbf16>`")
                }
                (phase, tokens) if takes_pixels(phase) || tokens => continue,
                _ => format!("`@{symbol}` takes numbers; a pass takes tokens, `tensor<?x?xi32>`"),
            };
            self.error(
                &function.place,
                takes,
                "mend the type of its argument, and let its first operation take it",
            );
        }
        if self.errors.is_empty() {
            self.repetition(structure, &callees);
        }
        let called: BTreeSet<usize> = callees.into_iter().flatten().collect();
        let mut warnings = Vec::new();
        for (index, function) in structure.functions.iter().enumerate() {
            if function.role.is_none() && !called.contains(&index) {
                warnings.push(diagnostic(
                    &function.place,
                    format!("nothing repeats `@{}`, so it costs nothing", function.symbol),
                    Some("delete it, or name it in a berth.repeat".to_owned()),
                ));
            }
        }
        warnings
    }

    /// No body repeats itself, and laid out no pass is too long or too deep: callees first, each function
    /// once all its callees are known (Kahn's order).
    fn repetition(&mut self, structure: &Structure, callees: &[Vec<usize>]) {
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); callees.len()];
        for (caller, of_caller) in callees.iter().enumerate() {
            for callee in of_caller {
                if let Some(of_callee) = callers.get_mut(*callee) {
                    of_callee.push(caller);
                }
            }
        }
        let mut unknown: Vec<usize> = callees.iter().map(Vec::len).collect();
        let mut extents: Vec<Option<(usize, usize)>> = vec![None; callees.len()];
        let mut ready: Vec<usize> =
            (0..callees.len()).filter(|index| unknown.get(*index) == Some(&0)).collect();
        while let Some(index) = ready.pop() {
            let of_this = callees.get(index).map_or(&[][..], Vec::as_slice);
            let own =
                structure.functions.get(index).map_or(0, |function| function.steps.len() - of_this.len());
            let extent = of_this
                .iter()
                .filter_map(|callee| extents.get(*callee).copied().flatten())
                .fold((own, 1_usize), |(operators, depth), (more, below)| {
                    (operators.saturating_add(more), depth.max(below + 1))
                });
            if let Some(slot) = extents.get_mut(index) {
                *slot = Some(extent);
            }
            for caller in callers.get(index).into_iter().flatten() {
                if let Some(left) = unknown.get_mut(*caller) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(*caller);
                    }
                }
            }
        }
        for (function, extent) in structure.functions.iter().zip(&extents) {
            let (message, help) = match extent {
                None => (
                    format!("`@{}` ends up repeating itself", function.symbol),
                    "let the repeat that closes the circle name another body",
                ),
                Some((operators, depth)) if *operators > MOST_OPERATORS || *depth > DEEPEST_BODIES => {
                    let message = format!(
                        "with its bodies laid out `@{}` has {operators} operators, {depth} deep; at most {MOST_OPERATORS} and {DEEPEST_BODIES} are read",
                        function.symbol
                    );
                    (message, "repeat one body more often in the place of bodies that repeat bodies")
                }
                Some(_) => continue,
            };
            self.error(&function.place, message, help);
        }
    }
}

/// What a repeat may name.
fn bodies_there(structure: &Structure) -> String {
    let bodies = structure.functions.iter().filter(|function| function.role.is_none());
    let names: Vec<String> = bodies.map(|body| format!("`@{}`", body.symbol)).collect();
    match names.is_empty() {
        true => "write the body as a `func.func` of its own".to_owned(),
        false => format!("there are {}; or write the body as a `func.func` of its own", names.join(", ")),
    }
}

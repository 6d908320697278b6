//! Lines of a thing that change nothing: what it derives from asks for at least as much.

use super::building::Builder;
use super::limits::Left;
use super::lines::Lines;
use super::services::whole;
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Condition, Requirement, Term};
use std::collections::BTreeMap;

impl Builder<'_, '_> {
    /// Warns of lines that a base already implies.
    pub(super) fn implied(&mut self, id: ThingId, lines: &Lines) {
        let mut strongest: BTreeMap<usize, Vec<(&Requirement, usize)>> = BTreeMap::new();
        for (requirement, layer) in lines.requirements.iter().zip(&lines.layers) {
            strongest.entry(*layer).or_default().push((requirement, *layer));
        }
        let mut said = Vec::new();
        for (own, layer) in lines.requirements.iter().zip(&lines.layers) {
            let above = strongest.range(layer + 1..).flat_map(|(_, known)| known);
            for (base, _) in above {
                if base.when.covers(&own.when) && implies(&base.condition, &own.condition) {
                    said.push((own.span, base.span));
                }
            }
        }
        for own in &lines.limits {
            let above = lines.limits.iter().filter(|base| base.layer > own.layer);
            for base in above.filter(|base| base.field.name == own.field.name) {
                if limit_implies(&base.left, &own.left) {
                    said.push((own.span, base.span));
                }
            }
        }
        let name = self.resolver.thing(id).address.clone();
        for (own, base) in said {
            self.resolver.report(
                Diagnostic::warning(
                    "derive::implied",
                    "this line changes nothing",
                    own,
                    format!("what `{name}` derives from asks for at least this"),
                )
                .and(base, "it is asked for here")
                .help("Leave it out, or tighten it: promises of bases hold as they are. What should vary is a `param`."),
            );
        }
    }
}

/// Whatever meets `base` meets `own`: the same terms, and a limit that asks no more.
fn implies(base: &Condition, own: &Condition) -> bool {
    let (
        Condition::Compare { terms: base_terms, compare: base_compare, limit: base_limit, .. },
        Condition::Compare { terms: own_terms, compare: own_compare, limit: own_limit, .. },
    ) = (base, own)
    else {
        return false;
    };
    let same = |(a, b): (&Term, &Term)| a.subject == b.subject && a.coefficient == b.coefficient;
    if base_terms.len() != own_terms.len() || !base_terms.iter().zip(own_terms).all(same) {
        return false;
    }
    let (base, own) = (&base_limit.value, &own_limit.value);
    match (base_compare, own_compare) {
        (Compare::AtMost | Compare::Below, Compare::AtMost) | (Compare::Below, Compare::Below) => base <= own,
        (Compare::AtMost, Compare::Below) => base < own,
        (Compare::AtLeast | Compare::Above, Compare::AtLeast) | (Compare::Above, Compare::Above) => {
            base >= own
        }
        (Compare::AtLeast, Compare::Above) => base > own,
        (a, b) => a == b && base == own,
    }
}

/// Whatever `base` leaves, `own` leaves too.
fn limit_implies(base: &Left, own: &Left) -> bool {
    match (base, own) {
        (Left::Between(base_low, base_high), Left::Between(low, high)) => {
            let low_kept = low.is_none_or(|low| base_low.is_some_and(|base| base >= low));
            let high_kept = high.is_none_or(|high| base_high.is_some_and(|base| base <= high));
            low_kept && high_kept
        }
        (Left::Values(base), Left::Values(own)) => {
            let own: Vec<_> = own.iter().map(key).collect();
            base.iter().all(|value| own.contains(&key(value)))
        }
        (Left::Values(base), Left::Between(low, high)) => base
            .iter()
            .filter_map(whole)
            .all(|value| low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high)),
        (Left::Between(Some(first), Some(last)), Left::Values(own)) => {
            let own: Vec<_> = own.iter().filter_map(whole).collect();
            last.saturating_sub(*first) < 64 && (*first..=*last).all(|value| own.contains(&value))
        }
        (Left::Between(..), Left::Values(_)) => false,
    }
}

/// What tells a member of a list apart.
fn key(value: &Value) -> (Option<usize>, String) {
    match value {
        Value::Thing(thing) => (Some(thing.0), String::new()),
        value => (None, value.written()),
    }
}

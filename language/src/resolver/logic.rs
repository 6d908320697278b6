//! `and`, `or` and `not` over conditions.
//!
//! Facts are decided on the way: what is left speaks of decisions and predictions, of time, or of
//! scenarios. A step within which something holds only partly is neither in it nor out of it; the
//! opposite holds partly too.

use super::value::{Held, Judged};
use crate::model::Compare;
use std::rc::Rc;

/// `a and b`, or `a or b`.
pub(super) fn joined(and: bool, a: Judged, b: Judged) -> Judged {
    match (and, a, b) {
        (true, Judged::Fact(true, _), other) | (true, other, Judged::Fact(true, _)) => other,
        (true, Judged::Fact(false, why), _) | (true, _, Judged::Fact(false, why)) => Judged::Fact(false, why),
        (false, Judged::Fact(false, _), other) | (false, other, Judged::Fact(false, _)) => other,
        (false, Judged::Fact(true, why), _) | (false, _, Judged::Fact(true, why)) => Judged::Fact(true, why),
        (and, Judged::Steps(a), Judged::Steps(b)) => {
            let each = a.iter().zip(b.iter());
            let joined = each.map(|(a, b)| if and { *a.min(b) } else { *a.max(b) });
            Judged::Steps(Rc::new(joined.collect()))
        }
        (true, a, b) => Judged::All(flat(a, b, |part| match part {
            Judged::All(parts) => Ok(parts),
            part => Err(part),
        })),
        (false, a, b) => Judged::Any(flat(a, b, |part| match part {
            Judged::Any(parts) => Ok(parts),
            part => Err(part),
        })),
    }
}

/// Both, with what `open` takes apart taken apart.
fn flat(a: Judged, b: Judged, open: impl Fn(Judged) -> Result<Vec<Judged>, Judged>) -> Vec<Judged> {
    let mut parts = open(a).unwrap_or_else(|part| vec![part]);
    parts.extend(open(b).unwrap_or_else(|part| vec![part]));
    parts
}

/// `not judged`: comparisons turn round, what holds of all fails of some.
pub(super) fn negated(judged: Judged) -> Judged {
    match judged {
        Judged::Fact(value, why) => Judged::Fact(!value, why),
        Judged::Steps(steps) => Judged::Steps(Rc::new(steps.iter().map(|held| opposite(*held)).collect())),
        Judged::Compare { terms, compare, limit } => {
            Judged::Compare { terms, compare: contrary(compare), limit }
        }
        Judged::All(parts) => Judged::Any(parts.into_iter().map(negated).collect()),
        Judged::Any(parts) => Judged::All(parts.into_iter().map(negated).collect()),
        Judged::Not(inner) => *inner,
        Judged::NotYet(because) => Judged::NotYet(because),
        leaf @ (Judged::Scenario(_)
        | Judged::Listed { .. }
        | Judged::Restrict { .. }
        | Judged::Placed { .. }) => Judged::Not(Box::new(leaf)),
    }
}

/// `not held`
pub(super) fn opposite(held: Held) -> Held {
    match held {
        Held::Never => Held::Throughout,
        Held::Partly => Held::Partly,
        Held::Throughout => Held::Never,
    }
}

/// What holds exactly where `compare` does not.
fn contrary(compare: Compare) -> Compare {
    match compare {
        Compare::AtMost => Compare::Above,
        Compare::Below => Compare::AtLeast,
        Compare::AtLeast => Compare::Below,
        Compare::Above => Compare::AtMost,
        Compare::Equal => Compare::Unequal,
        Compare::Unequal => Compare::Equal,
    }
}

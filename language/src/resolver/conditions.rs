//! Conditions as the model holds them, and why a stage judges them or not.

use super::building::Builder;
use super::nameplates::speaks_of_nameplates_alone;
use super::things::ThingId;
use super::value::{Judged, Value};
use super::{Outcome, Reported};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Condition, Of, Subject, Term, When};
use crate::quantity::Quantity;
use crate::schema::{self, Role, Support};
use crate::span::Span;
use num_rational::BigRational;
use num_traits::Signed;

const GUARDS: &str = "this line is not judged by the step yet";
const WISHES: &str = "wishes about predictions are not weighed yet";
const WORLDS: &str = "a wish is weighed in one world; write a line for each";
const FACTS: &str = "what holds in a scenario that sets facts is not judged yet";
const SCENARIOS: &str =
    "of a scenario only replicas, `spread`, nodes, latency and free memory are judged yet";
const EITHER: &str = "`or` between decisions or predictions is not judged yet";

impl<'a> Builder<'_, 'a> {
    /// The condition as the planner reads it.
    pub(super) fn condition(&mut self, judged: Judged, span: Span) -> Outcome<Condition> {
        Ok(match judged {
            Judged::Compare { terms, compare, limit } => compared(terms, compare, limit),
            Judged::Listed { terms, allowed } => Condition::Listed { terms: summed(terms), allowed },
            Judged::Restrict { thing, field, allowed } => {
                let named = |value: &Value| match value {
                    Value::Thing(thing) => self.resolver.thing(*thing).address.clone(),
                    value => value.written(),
                };
                let allowed = allowed.iter().map(named).collect();
                let of = self.resolver.of(thing);
                Condition::Chosen {
                    subject: Subject::Figure { of, field: field.name, statistic: None },
                    allowed,
                }
            }
            Judged::Placed { service, nodes } => {
                let indices = nodes.iter().filter_map(|node| self.resolver.node_index(*node));
                let mut nodes: Vec<_> = indices.collect();
                nodes.sort_unstable();
                // An abstract service has no place in the program; what its lines say is only checked.
                let service = self.resolver.service_index(service).unwrap_or(usize::MAX);
                Condition::Placed { service, nodes }
            }
            Judged::All(parts) => Condition::All(self.conditions(parts, span)?),
            Judged::Any(parts) => Condition::Any(self.conditions(parts, span)?),
            Judged::Not(inner) => Condition::Not(Box::new(self.condition(*inner, span)?)),
            Judged::NotYet(because) => Condition::NotYet { because },
            Judged::Scenario(_) => return Err(self.scenario_in_condition(span)),
            // Facts that vary may decide a part of a condition only where they say when it holds.
            Judged::Steps(_) | Judged::Fact(..) => return Err(self.time_in_condition(span)),
        })
    }

    fn conditions(&mut self, parts: Vec<Judged>, span: Span) -> Outcome<Vec<Condition>> {
        let mut conditions = Vec::with_capacity(parts.len());
        for part in parts {
            conditions.push(self.condition(part, span)?);
        }
        Ok(conditions)
    }

    fn scenario_in_condition(&mut self, span: Span) -> Reported {
        self.resolver.report(
            Diagnostic::error(
                "when::misplaced",
                "a scenario stands in a condition",
                span,
                "a scenario says where a line holds, not what",
            )
            .help("Move it after `when`: `power peak <= feed when one_feed`."),
        )
    }

    fn time_in_condition(&mut self, span: Span) -> Reported {
        self.resolver.report(
            Diagnostic::error(
                "when::misplaced",
                "time stands in a condition over decisions",
                span,
                "a part of this holds in some steps and not in others",
            )
            .help("Say when the line holds with `when`: `power p99 <= 1.1MW when hour in 16h..20h`."),
        )
    }

    /// Why no stage judges a requirement that stands in `id`, if none does.
    pub(super) fn unjudged(&mut self, id: ThingId, condition: &Condition, when: &When) -> Option<String> {
        if speaks_of_nameplates_alone(condition) {
            // Decided where all nodes are known.
            return None;
        }
        let because = match condition {
            Condition::Compare { terms, compare, .. } => {
                let own = self.resolver.of(id);
                let reason = terms.iter().find_map(|term| unjudged_subject(&term.subject));
                let reason = reason.or_else(|| unbounded_finish(terms, *compare));
                match (terms.as_slice(), compare) {
                    ([Term { subject: Subject::Figure { of, field, .. }, .. }], Compare::Unequal)
                        if *of == own =>
                    {
                        Some(format!("`!=` on `{field}` is not planned yet"))
                    }
                    _ => reason,
                }
            }
            Condition::Listed { terms, .. } => terms
                .iter()
                .find_map(|term| unjudged_subject(&term.subject))
                .or_else(|| Some("a list with gaps is not planned yet; a range is".to_owned())),
            Condition::Chosen { subject, .. } => unjudged_subject(subject),
            Condition::Placed { .. } => None,
            Condition::All(parts) => parts.iter().find_map(|part| self.unjudged(id, part, when)),
            Condition::Any(_) => Some(EITHER.to_owned()),
            Condition::Not(inner) if matches!(**inner, Condition::Placed { .. }) => None,
            Condition::Not(inner) => self.unjudged(id, inner, when).or_else(|| {
                Some("`not` over decisions is not planned yet; name what is allowed with `in`".to_owned())
            }),
            Condition::NotYet { because } => Some(because.clone()),
        };
        because.or_else(|| self.unguarded(condition, when))
    }

    /// Why a line is not judged in the steps and worlds that it holds in.
    fn unguarded(&mut self, condition: &Condition, when: &When) -> Option<String> {
        let scenarios: Vec<usize> = when.worlds().flatten().collect();
        let by_the_step = is_by_the_step(condition);
        let once = self.decided_once(condition);
        if scenarios.is_empty() {
            return (!when.is_always() && !once && !by_the_step).then(|| GUARDS.to_owned());
        }
        let sets_facts = |scenario: &usize| {
            self.resolver.scenario_at(*scenario).is_none_or(|scenario| self.resolver.sets_facts(scenario))
        };
        if scenarios.iter().any(sets_facts) {
            return Some(FACTS.to_owned());
        }
        (!once && !by_the_step).then(|| SCENARIOS.to_owned())
    }

    /// It speaks of what is decided once for all steps: where it holds in one, it holds in all. How many replicas of an
    /// elastic service there are is not; where a line asks for more of them, there are as many at most in all.
    fn decided_once(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Compare { terms, compare, .. } => terms.iter().all(|term| match &term.subject {
                Subject::Replicas { service }
                | Subject::ReplicasOn { service, .. }
                | Subject::Spread { of: Of::Service(service), .. } => {
                    let asks_for_more = matches!(compare, Compare::AtLeast | Compare::Above);
                    asks_for_more && term.coefficient.is_positive() || !self.may_be_elastic(*service)
                }
                Subject::Moves => true,
                _ => false,
            }),
            Condition::Placed { .. } => true,
            Condition::Not(inner) => matches!(**inner, Condition::Placed { .. }),
            Condition::All(parts) => parts.iter().all(|part| self.decided_once(part)),
            _ => false,
        }
    }

    /// Whether a service says that it is elastic, or what it says is wrong.
    fn may_be_elastic(&mut self, service: usize) -> bool {
        const ELASTIC: &str = "elastic";
        let Some(thing) = self.resolver.service_at(service) else { return true };
        self.resolver.note(thing, ELASTIC);
        let stated = self.resolver.thing(thing).assigned.get(ELASTIC);
        let Some((field, span)) = stated.map(|stated| (stated.field, stated.assign.span)) else {
            return false;
        };
        !matches!(self.resolver.fact(thing, field, span), Ok(Value::Boolean(false)))
    }

    /// Why no stage weighs a wish, if none does.
    pub(super) fn unweighed(&mut self, condition: &Condition, when: &When) -> Option<String> {
        let because = match condition {
            Condition::Compare { terms, .. } => terms.iter().find_map(|term| match &term.subject {
                Subject::Figure { of: Of::Service(_) | Of::Thing { kind: "pool", .. }, .. }
                    if term.subject.is_choice() =>
                {
                    Some("wishes for a layout or a device class are not weighed yet".to_owned())
                }
                subject => unjudged_subject(subject),
            }),
            Condition::Listed { .. } | Condition::Chosen { .. } => {
                Some("wishes for a layout or a device class are not weighed yet".to_owned())
            }
            Condition::Placed { .. } => None,
            Condition::All(_) => {
                Some("a wish for several things at once is not weighed yet; write one line each".to_owned())
            }
            Condition::Any(_) => Some(EITHER.to_owned()),
            Condition::Not(inner) if matches!(**inner, Condition::Placed { .. }) => None,
            Condition::Not(_) => Some("a wish for the opposite of a choice is not weighed yet".to_owned()),
            Condition::NotYet { because } => Some(because.clone()),
        };
        let predicted = is_by_the_step(condition) || speaks_of_finish(condition);
        let because = because.or_else(|| predicted.then(|| WISHES.to_owned()));
        let because = because.or_else(|| self.unguarded(condition, when));
        because.or_else(|| (when.worlds().count() > 1).then(|| WORLDS.to_owned()))
    }
}

/// Why a sum with the time that a job takes is not judged, if it is not.
fn unbounded_finish(terms: &[Term], compare: Compare) -> Option<String> {
    if terms.iter().all(|term| term.subject.finish().is_none()) {
        return None;
    }
    let bounds = matches!(compare, Compare::AtMost | Compare::Below) && terms.len() == 1;
    (!bounds).then(|| "of `finish` one upper limit is planned yet: `finish <= 3d`".to_owned())
}

fn speaks_of_finish(condition: &Condition) -> bool {
    match condition {
        Condition::Compare { terms, .. } => terms.iter().any(|term| term.subject.finish().is_some()),
        _ => false,
    }
}

/// It compares what is predicted of each step.
fn is_by_the_step(condition: &Condition) -> bool {
    match condition {
        Condition::Compare { terms, .. } => terms
            .iter()
            .all(|term| matches!(term.subject, Subject::Latency { .. } | Subject::MemoryFree { .. })),
        Condition::All(parts) => parts.iter().all(is_by_the_step),
        _ => false,
    }
}

/// Why no stage judges what a condition speaks of, if none does.
pub(super) fn unjudged_subject(subject: &Subject) -> Option<String> {
    let supported = |row: &'static schema::Field| match row.support {
        Support::NotYet(because) => Some(because.to_owned()),
        Support::Acted | Support::Describes => None,
    };
    match subject {
        Subject::Replicas { .. }
        | Subject::ReplicasOn { .. }
        | Subject::Latency { .. }
        | Subject::MemoryFree { .. }
        | Subject::Bill
        | Subject::Moves
        | Subject::Spread { of: Of::Service(_), .. } => None,
        // As above.
        Subject::Figure { field: "nameplate", of: Of::Thing { .. }, .. } => None,
        Subject::Figure { .. } if subject.finish().is_some() => None,
        Subject::Share { .. } => supported(&schema::kinds::flow::share),
        Subject::Spread { of, place } => {
            let row = schema::kind(of.kind()).and_then(|kind| kind.field("spread"));
            row.and_then(supported)
                .or_else(|| Some(format!("spread over {}s is not judged yet", place.name())))
        }
        Subject::Figure { field, .. } => {
            let row = subject.row()?;
            supported(row).or_else(|| {
                Some(match row.role {
                    Role::Choice => format!("`{field}` is limited in the service's own block only, as yet"),
                    _ => format!("`{field}` is not judged yet"),
                })
            })
        }
    }
}

fn summed(terms: Vec<(BigRational, Subject)>) -> Vec<Term> {
    terms.into_iter().map(|(coefficient, subject)| Term { coefficient, subject }).collect()
}

/// The comparison as the planner reads it: of whole counts with a whole limit, where one says the same.
fn compared(terms: Vec<(BigRational, Subject)>, compare: Compare, limit: Quantity) -> Condition {
    let counts = terms.iter().all(|(coefficient, subject)| coefficient.is_integer() && subject.is_count());
    let (compare, limit) = if counts && !limit.value.is_integer() {
        let whole = |value| Quantity::new(value, limit.dimension.clone());
        match compare {
            Compare::AtLeast | Compare::Above => (Compare::AtLeast, whole(limit.value.ceil())),
            Compare::AtMost | Compare::Below => (Compare::AtMost, whole(limit.value.floor())),
            // No count is ever equal to it; the planner finds out.
            Compare::Equal | Compare::Unequal => (compare, limit),
        }
    } else {
        (compare, limit)
    };
    Condition::Compare { terms: summed(terms), compare, limit, integer: counts }
}

//! Flows: `think -> embed & vectors -> 40% * rerank -> chat` as a path through services.

use super::building::Builder;
use super::evaluation::Expect;
use super::things::ThingId;
use super::value::{Linear, Value};
use super::{Outcome, Reported, Resolver, Scope, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{Flow, Path, Subject, Variant};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::schema::kinds::{FlowRows, flow as rows};
use crate::span::{Span, Spanned};
use crate::syntax::ast::Argument;
use num_rational::BigRational;
use num_traits::One;
use std::rc::Rc;

/// A path has at most this many stages, after the paths of other flows are written out.
const MOST_STAGES: usize = 10_000;

/// A path and how many calls are written in it.
#[derive(Clone, Debug)]
pub(crate) struct Stages {
    pub(crate) path: Path,
    count: usize,
}

/// How often a path is walked: `calls(mean = 2.4, max = 8)`.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    mean: BigRational,
    max: u64,
}

impl<'a> Resolver<'a> {
    /// `left -> right`, or `left & right`.
    pub(super) fn joined_paths(
        &mut self,
        beside: bool,
        (left, left_at): (Value, Span),
        (right, right_at): (Value, Span),
    ) -> Outcome<Value> {
        let (left, right) = match (left, right) {
            (Value::NotYet(unjudged), _) | (_, Value::NotYet(unjudged)) => {
                return Ok(Value::NotYet(unjudged));
            }
            sides => sides,
        };
        let left = self.stages(left, left_at)?;
        let right = self.stages(right, right_at)?;
        let count = left.count + right.count;
        let mut parts = Vec::new();
        for side in [left.path, right.path] {
            match (beside, side) {
                (true, Path::Beside(more)) | (false, Path::Then(more)) => parts.extend(more),
                (_, path) => parts.push(path),
            }
        }
        let path = if beside { Path::Beside(parts) } else { Path::Then(parts) };
        self.counted(path, count, left_at.join(right_at))
    }

    /// A path of so many stages, if that is not too many.
    fn counted(&mut self, path: Path, count: usize, span: Span) -> Outcome<Value> {
        if count > MOST_STAGES {
            return Err(self.report(
                Diagnostic::error(
                    "flow::too-long",
                    "a path with more stages than can be planned",
                    span,
                    format!("more than {MOST_STAGES}, with the paths of other flows written out"),
                )
                .help("Say how often a part is walked: `12 * s`, `loop(a -> b, mean = 3, max = 8)`."),
            ));
        }
        Ok(Value::Path(Rc::new(Stages { path, count })))
    }

    /// `one_of([small, large])`
    pub(super) fn one_of(&mut self, variants: Value, span: Span) -> Outcome<Value> {
        let variants: Vec<Value> = match variants {
            Value::NotYet(unjudged) => return Ok(Value::NotYet(unjudged)),
            Value::List(values) => values.iter().cloned().collect(),
            Value::Things(things) => things.iter().map(|thing| Value::Thing(*thing)).collect(),
            other => vec![other],
        };
        let mut known: Vec<Variant> = Vec::new();
        let mut count = 0;
        for variant in &variants {
            let Value::Thing(thing) = variant else {
                let label = format!("one of these is {}", variant.noun());
                return Err(self.no_variant("a variant is a service or a flow", label, span));
            };
            let name = self.thing(*thing).address.clone();
            let stages = self.stages(variant.clone(), span)?;
            if known.iter().any(|known| known.name == name) {
                return Err(self.no_variant("a variant stands once", format!("`{name}` stands twice"), span));
            }
            count += stages.count;
            known.push(Variant { name, path: stages.path });
        }
        if known.len() < 2 {
            let label = format!("{} to choose from", if known.is_empty() { "nothing" } else { "one" });
            return Err(self.no_variant("a choice is between two or more", label, span));
        }
        self.counted(Path::OneOf(known), count, span)
    }

    fn no_variant(&mut self, title: &'static str, label: String, span: Span) -> Reported {
        self.report(
            Diagnostic::error("flow::variant", title, span, label)
                .help("List the services and flows that may serve a call: `one_of([small, large])`."),
        )
    }

    /// `share(small)`: of a flow whose path has that variant.
    pub(super) fn share(
        &mut self,
        flow: ThingId,
        (arguments, span): (&'a [Argument], Span),
        scope: &Scope,
    ) -> Outcome<Value> {
        let [Argument { name: None, value }] = arguments else {
            return Err(self.report(
                Diagnostic::error("value::type", "`share` is a variant's", span, "this names no variant")
                    .help("Write `share(small)`."),
            ));
        };
        let at = value.span;
        let variant = match self.evaluate(value, scope, Expect::Value)? {
            Value::Thing(thing) => self.thing(thing).address.clone(),
            Value::NotYet(unjudged) => return Ok(Value::NotYet(unjudged)),
            other => other.written(),
        };
        let path = match self.fact(flow, &rows::path, span)? {
            Value::Path(stages) => stages.path.clone(),
            Value::NotYet(unjudged) => return Ok(Value::NotYet(unjudged)),
            _ => return Err(Reported),
        };
        let flow = self.thing(flow).address.clone();
        let variants = path.variants();
        if !variants.contains(variant.as_str()) {
            let help = if variants.is_empty() {
                "Give the path a choice: `one_of([small, large])`.".to_owned()
            } else {
                format!("Its variants are {}.", listed(variants))
            };
            return Err(self.report(
                Diagnostic::error(
                    "flow::variant",
                    format!("`{variant}` is no variant of flow `{flow}`"),
                    at,
                    "no `one_of` of its path lists this",
                )
                .help(help),
            ));
        }
        Ok(Value::Linear(Linear::subject(Subject::Share { flow, variant }, Dimension::NONE)))
    }

    /// A value that should be a path: a service, another flow, or a path.
    pub(super) fn stages(&mut self, value: Value, span: Span) -> Outcome<Stages> {
        match value {
            Value::Path(stages) => Ok((*stages).clone()),
            Value::Thing(thing) => match self.thing(thing).kind.name {
                "service" => {
                    // An abstract service cannot be named; every other has an index.
                    let service = self.service_index(thing).ok_or(Reported)?;
                    Ok(Stages { path: Path::Call(service), count: 1 })
                }
                "flow" => match self.fact(thing, &rows::path, span)? {
                    Value::Path(stages) => Ok((*stages).clone()),
                    _ => Err(Reported),
                },
                kind => {
                    let label = format!("`{}` is a {kind}", self.thing(thing).address);
                    Err(self.not_a_stage(label, span))
                }
            },
            Value::Things(_) => Err(self.not_a_stage("this is several things".to_owned(), span)),
            other => {
                let label = format!("this is {}", other.noun());
                Err(self.not_a_stage(label, span))
            }
        }
    }

    fn not_a_stage(&mut self, label: String, span: Span) -> Reported {
        self.report(
            Diagnostic::error("flow::stage", "a path leads through services and flows", span, label)
                .help("Name one service or flow a stage: `embed -> 40% * rerank -> chat`."),
        )
    }

    /// `n * path`
    pub(super) fn repeated(&mut self, factor: &Quantity, stages: Stages, span: Span) -> Outcome<Value> {
        if factor.dimension != Dimension::NONE {
            let factor = factor.dimension.clone();
            return Err(self.mismatch(&Dimension::NONE, &factor, span));
        }
        if !is_positive(&factor.value) {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a stage is called more often than never",
                    span,
                    format!("this calls it {factor} times"),
                )
                .help("Leave the stage out, or with `if` where a param decides."),
            ));
        }
        if factor.value.is_one() {
            return Ok(Value::Path(Rc::new(stages)));
        }
        let Stages { path, count } = stages;
        let path = Path::Times { mean: factor.value.clone(), path: Box::new(path) };
        Ok(Value::Path(Rc::new(Stages { path, count })))
    }

    /// `calls(mean = 2.4, max = 8) * path`
    pub(super) fn called(&self, count: &Count, stages: Stages) -> Value {
        let Stages { path, count: stages } = stages;
        let Count { mean, max } = count.clone();
        Value::Path(Rc::new(Stages { path: Path::Calls { mean, max, path: Box::new(path) }, count: stages }))
    }

    /// `loop(path, mean = 1.6, max = 5)`
    pub(super) fn looped(&mut self, count: &Count, stages: Stages) -> Value {
        let Stages { path, count: stages } = stages;
        let Count { mean, max } = count.clone();
        Value::Path(Rc::new(Stages { path: Path::Loop { mean, max, path: Box::new(path) }, count: stages }))
    }

    /// The mean and the most of a bounded count that is at least `least`.
    pub(super) fn count_of_calls(
        &mut self,
        (mean, mean_at): (Quantity, Span),
        (max, max_at): (Quantity, Span),
        least: u64,
    ) -> Outcome<Count> {
        let most = max.as_integer().and_then(|max| u64::try_from(max).ok()).filter(|max| *max >= 1);
        let Some(most) = most else {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "the most calls are a whole number from 1",
                    max_at,
                    format!("this is {max}"),
                )
                .help("Write how many there can be: `max = 5`."),
            ));
        };
        let least = BigRational::from_integer(least.into());
        let fits = is_positive(&mean.value)
            && mean.value >= least
            && mean.value <= BigRational::from_integer(most.into());
        if !fits {
            let title = if least.is_one() {
                format!("the mean lies between 1 and {most}")
            } else {
                format!("the mean lies above 0 and is at most {most}")
            };
            return Err(self.report(
                Diagnostic::error("value::out-of-range", title, mean_at, format!("this is {mean}"))
                    .help("A loop is walked at least once, calls may be none; neither is more than `max`."),
            ));
        }
        Ok(Count { mean: mean.value, max: most })
    }
}

impl<'a> Builder<'_, 'a> {
    pub(super) fn flow(&mut self, id: ThingId) {
        let FlowRows {
            path,
            demand,
            priority,
            share: _,
            hour: _,
            ttft: _,
            latency: _,
            availability: _,
            quality: _,
            bill: _,
            source: _,
        } = FlowRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("flow", &name, span);
        let lines = self.lines(id);
        self.implied(id, &lines);
        let stated = self.whole(id, priority);
        let flow = Flow {
            doc: self.doc(id),
            priority: stated.unwrap_or_else(|| Spanned::new(0, span)),
            path: self.stated(id, path, |_, value| match value {
                Value::Path(stages) => Some(stages.path.clone()),
                _ => None,
            }),
            demand: self.demand(id, demand),
            requirements: lines.requirements,
            wishes: lines.wishes,
            name,
            span,
        };
        self.program.flows.push(flow);
        self.placeholders(id);
    }
}

//! `when`: the clock, profiles and scenarios, as steps of the horizon and worlds.

use super::building::Builder;
use super::evaluation::Expect;
use super::ledger::{Cell, Part};
use super::logic::opposite;
use super::names::Declared;
use super::things::ThingId;
use super::value::{Held, Hours, Judged, Value};
use super::{Outcome, Reported, Resolver, Scope};
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Steps, When};
use crate::quantity::{Dimension, Quantity, ratio};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind};
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What `when` says about a line.
pub(super) enum Guard {
    /// When it holds; never nowhere.
    At(When),
    /// It holds nowhere, which is either said or what a param decides.
    Nowhere,
    /// When it holds, except for what is not known yet, and why.
    Unknown(When, String),
}

/// Lets are followed this deep in search of a param.
const DEEPEST_LET: usize = 16;

impl<'a> Builder<'_, 'a> {
    /// What `when` says about a line.
    pub(super) fn guard(&mut self, when: Option<&'a Expr>, scope: &Scope) -> Outcome<Guard> {
        let Some(when) = when else {
            return Ok(Guard::At(When::default()));
        };
        let value = self.resolver.evaluate(when, scope, Expect::Value)?;
        let judged = self.resolver.condition_of(value, when.span)?;
        let text = Some(self.resolver.text(when.span));
        let mut scenarios = BTreeSet::new();
        match leaves(&judged, &mut scenarios) {
            Leaves::Known => {}
            Leaves::Unknown(because) => {
                let base = Steps::Every;
                return Ok(Guard::Unknown(When { text, base, scenarios: Vec::new() }, because));
            }
            Leaves::Decided => return Err(self.resolver.decided_guard(when.span)),
        }
        let steps = self.resolver.calendar(when.span)?.steps;
        let base = admitted(&judged, None, steps);
        let worlds = scenarios.iter().filter_map(|scenario| {
            let index = self.resolver.scenario_index(*scenario)?;
            Some((index, admitted(&judged, Some(*scenario), steps)))
        });
        let when_ = When { text, base, scenarios: worlds.collect() };
        let by_param = self.resolver.reads_param(when, scope.module, DEEPEST_LET);
        if when_.is_never() {
            if !(by_param && matches!(judged, Judged::Fact(..))) {
                self.resolver.report(
                    Diagnostic::warning(
                        "when::never",
                        "this line never holds",
                        when.span,
                        "no step of the horizon is in it",
                    )
                    .help("Widen the guard, or leave the line out. A range excludes its end, and `22h..6h` runs over midnight."),
                );
            }
            return Ok(Guard::Nowhere);
        }
        let throughout = held(&judged, None, steps).iter().all(|held| *held == Held::Throughout);
        if throughout && !by_param && scenarios.is_empty() {
            self.resolver.report(
                Diagnostic::warning(
                    "when::always",
                    "this guard lets every step through",
                    when.span,
                    "every step of the horizon is in it",
                )
                .help("Leave the `when` out, or narrow it."),
            );
        }
        Ok(Guard::At(when_))
    }
}

impl<'a> Resolver<'a> {
    fn decided_guard(&mut self, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "when::decided",
                "a guard over what the planner decides or predicts",
                span,
                "this is known only once there is a plan",
            )
            .help("`when` reads the hour, profiles and scenarios: `when hour in 17h..20h`. Put the rest into the condition, with `or`."),
        )
    }

    /// The clock of a thing: a place's own, elsewhere the plan's.
    pub(super) fn hours(&mut self, thing: ThingId, span: Span) -> Outcome<Value> {
        let calendar = self.calendar(span)?;
        let zone = self.zone_of(thing)?;
        let zone = zone.as_ref().unwrap_or(calendar.zone());
        let begins = calendar.hours(zone).collect();
        Ok(Value::Hours(Rc::new(Hours { begins, step: calendar.seconds.clone() })))
    }

    /// `hour compare limit`.
    pub(super) fn compare_hours(
        &mut self,
        hours: &Hours,
        compare: Compare,
        limit: &Quantity,
        span: Span,
    ) -> Outcome<Judged> {
        self.hour_of_day(limit, span)?;
        let (from, to) = match compare {
            // The clock passes a moment in no time: with the moment or without it is the same.
            Compare::AtLeast | Compare::Above => (limit.value.clone(), day()),
            Compare::AtMost | Compare::Below => (BigRational::zero(), limit.value.clone()),
            Compare::Equal | Compare::Unequal => {
                return Err(self.report(
                    Diagnostic::error(
                        "value::type",
                        "the clock is compared with one moment",
                        span,
                        "it passes this in no time",
                    )
                    .help("Name a range: `hour in 17h..18h`."),
                ));
            }
        };
        Ok(Judged::Steps(Rc::new(within(hours, &from, &to))))
    }

    /// `hour in 17h..20h`; `22h..6h` runs over midnight.
    pub(super) fn hours_within(
        &mut self,
        hours: &Hours,
        low: &Quantity,
        high: &Quantity,
        span: Span,
    ) -> Outcome<Judged> {
        self.hour_of_day(low, span)?;
        self.hour_of_day(high, span)?;
        Ok(Judged::Steps(Rc::new(within(hours, &low.value, &high.value))))
    }

    pub(super) fn hour_of_day(&mut self, hour: &Quantity, span: Span) -> Outcome<()> {
        if hour.dimension != Dimension::TIME {
            return Err(self.mismatch(&Dimension::TIME, &hour.dimension, span));
        }
        if !hour.value.is_negative() && hour.value <= day() {
            return Ok(());
        }
        Err(self.report(
            Diagnostic::error("value::out-of-range", "a day has 24 hours", span, format!("this is {hour}"))
                .help("Hours of the day run from `0h` to `24h`: `17h..20h`, `22h..6h`."),
        ))
    }

    /// A param enters the expression, itself or through a `let`.
    fn reads_param(&self, expression: &Expr, module: usize, deep: usize) -> bool {
        let reads = |inner: &Expr| deep > 0 && self.reads_param(inner, module, deep - 1);
        match &expression.kind {
            ExprKind::Path(path) => {
                let declared = self.names.get(module).and_then(|names| {
                    names.declared.get(path.head.value.as_str()).map(|declaration| declaration.what)
                });
                match declared {
                    Some(Declared::Param(..)) => true,
                    Some(Declared::Let(unit, let_)) => {
                        self.ledger.read(Cell::Of(unit, Part::VALUE));
                        reads(&let_.value)
                    }
                    _ => false,
                }
            }
            ExprKind::Binary { left, right, .. } => reads(left) || reads(right),
            ExprKind::Not(inner) | ExprKind::Negate(inner) => reads(inner),
            ExprKind::Choose { condition, then, otherwise } => {
                reads(condition) || reads(then) || reads(otherwise)
            }
            ExprKind::Fold { over, condition, body, .. } => {
                let parts = [Some(over), condition.as_ref(), body.as_ref()];
                parts.into_iter().flatten().any(|part| reads(part))
            }
            ExprKind::List(entries) => entries.iter().any(|entry| reads(&entry.value)),
            ExprKind::Quantity(_) | ExprKind::String(_) | ExprKind::Boolean(_) | ExprKind::Broken => false,
        }
    }
}

fn day() -> BigRational {
    ratio(86_400, 1)
}

/// How much of each step lies within the hours `from..to` of a day.
fn within(hours: &Hours, from: &BigRational, to: &BigRational) -> Vec<Held> {
    let zero = BigRational::zero();
    let day = day();
    let ranges = if from <= to {
        vec![(from.clone(), to.clone())]
    } else {
        vec![(from.clone(), day.clone()), (zero.clone(), to.clone())]
    };
    let share = |begin: &BigRational, end: &BigRational| -> BigRational {
        let shares = ranges.iter().map(|(from, to)| {
            let width = to.min(end) - from.max(begin);
            if width.is_negative() { BigRational::zero() } else { width }
        });
        shares.sum()
    };
    let whole_day = share(&zero, &day);
    let held = hours.begins.iter().map(|begin| {
        let days = (&hours.step / &day).floor();
        let end = begin + (&hours.step - &days * &day);
        let rest =
            if end <= day { share(begin, &end) } else { share(begin, &day) + share(&zero, &(&end - &day)) };
        let inside = days * &whole_day + rest;
        if inside.is_zero() {
            Held::Never
        } else if inside == hours.step {
            Held::Throughout
        } else {
            Held::Partly
        }
    });
    held.collect()
}

/// What the leaves of a guard are.
enum Leaves {
    /// Facts, steps and scenarios.
    Known,
    /// Some value is not known yet, and why.
    Unknown(String),
    /// A decision or prediction.
    Decided,
}

fn leaves(judged: &Judged, scenarios: &mut BTreeSet<ThingId>) -> Leaves {
    match judged {
        Judged::Fact(..) | Judged::Steps(_) => Leaves::Known,
        Judged::Scenario(scenario) => {
            scenarios.insert(*scenario);
            Leaves::Known
        }
        Judged::All(parts) | Judged::Any(parts) => {
            let mut worst = Leaves::Known;
            for part in parts {
                match leaves(part, scenarios) {
                    Leaves::Known => {}
                    Leaves::Decided => return Leaves::Decided,
                    unknown => worst = unknown,
                }
            }
            worst
        }
        Judged::Not(inner) => leaves(inner, scenarios),
        Judged::NotYet(because) => Leaves::Unknown(because.clone()),
        Judged::Compare { .. } | Judged::Listed { .. } | Judged::Restrict { .. } | Judged::Placed { .. } => {
            Leaves::Decided
        }
    }
}

/// The steps at some moment of which a guard holds, in the base world or in one scenario.
fn admitted(judged: &Judged, world: Option<ThingId>, steps: usize) -> Steps {
    let held = held(judged, world, steps);
    Steps::of(held.into_iter().map(|held| held != Held::Never).collect())
}

fn held(judged: &Judged, world: Option<ThingId>, steps: usize) -> Vec<Held> {
    let all = |holds: bool| vec![if holds { Held::Throughout } else { Held::Never }; steps];
    match judged {
        Judged::Fact(holds, _) => all(*holds),
        Judged::Steps(held) => held.to_vec(),
        Judged::Scenario(scenario) => all(world == Some(*scenario)),
        Judged::Not(inner) => held(inner, world, steps).into_iter().map(opposite).collect(),
        Judged::All(parts) => parts.iter().fold(all(true), |so_far, part| {
            let part = held(part, world, steps);
            so_far.into_iter().zip(part).map(|(a, b)| a.min(b)).collect()
        }),
        Judged::Any(parts) => parts.iter().fold(all(false), |so_far, part| {
            let part = held(part, world, steps);
            so_far.into_iter().zip(part).map(|(a, b)| a.max(b)).collect()
        }),
        // `leaves` has let none of these through.
        Judged::Compare { .. }
        | Judged::Listed { .. }
        | Judged::Restrict { .. }
        | Judged::Placed { .. }
        | Judged::NotYet(_) => all(true),
    }
}

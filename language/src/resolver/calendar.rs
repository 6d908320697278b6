//! The plan's clock: steps of the horizon, and what a clock on the wall shows in each.
//!
//! Time zones come from the database inside the program; no clock and no file is read.

use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::quantity::ratio;
use crate::schema::Kind;
use crate::span::Span;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use num_rational::BigRational;
use num_traits::ToPrimitive;

/// The steps of the horizon.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Calendar {
    /// How many.
    pub(crate) steps: usize,
    /// Seconds in each.
    pub(crate) seconds: BigRational,
    /// The midnight that begins the first.
    start: Timestamp,
    /// The zone of that midnight.
    zone: TimeZone,
}

/// A horizon has at most this many steps: a year of hours.
const MOST_STEPS: usize = 8_784;

impl Calendar {
    /// A plan without `start` begins on a Monday at 00:00 UTC: where a place's zone has summer time, that of
    /// this Monday counts.
    const MONDAY: Date = Date::constant(2024, 1, 1);

    /// `steps` of so many `seconds` from the midnight that begins `day` in `zone`.
    fn new(steps: usize, seconds: BigRational, start: Option<(Date, TimeZone)>) -> Self {
        let (day, zone) = start.unwrap_or((Self::MONDAY, TimeZone::UTC));
        // A midnight that a change of the clock skips is the first moment after it.
        let start = zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
        Self { steps, seconds, start, zone }
    }

    /// The zone of the plan's clock.
    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// For each step, the seconds since midnight that a clock in `zone` shows when it begins.
    ///
    /// On the days on which clocks change, an hour stands twice or not at all, as on the wall.
    pub(crate) fn hours<'z>(&'z self, zone: &'z TimeZone) -> impl Iterator<Item = BigRational> + 'z {
        (0..self.steps).map(move |step| {
            let since = BigRational::from_integer(step.into()) * &self.seconds;
            let whole = since.floor();
            let after = SignedDuration::from_secs(whole.to_integer().to_i64().unwrap_or(i64::MAX));
            let moment = self.start.saturating_add(after).unwrap_or(Timestamp::MAX);
            let clock = zone.to_datetime(moment);
            let shown =
                i64::from(clock.hour()) * 3_600 + i64::from(clock.minute()) * 60 + i64::from(clock.second());
            ratio(shown, 1) + (since - whole)
        })
    }
}

/// The zone called `name`.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

impl<'a> Resolver<'a> {
    /// The zone called `name`, which stands at `span`.
    pub(crate) fn zone(&mut self, name: &str, span: Span) -> Outcome<TimeZone> {
        if let Some(zone) = zone(name) {
            return Ok(zone);
        }
        let known: Vec<String> =
            TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect();
        // A city alone is half the name.
        let city = name.rsplit('/').next().unwrap_or(name).replace(' ', "_").to_ascii_lowercase();
        let of_city = known
            .iter()
            .find(|known| known.rsplit('/').next().is_some_and(|last| last.to_ascii_lowercase() == city));
        let meant = match of_city {
            Some(known) => Some(known.clone()),
            None => self.suggestion(name, known.iter().map(String::as_str)),
        };
        let help = match meant {
            Some(meant) => format!("Did you mean `\"{meant}\"`?"),
            None => {
                "Write a name of the time zone database: `\"Europe/Amsterdam\"`, `\"America/Chicago\"`, `\"UTC\"`."
                    .to_owned()
            }
        };
        Err(self.report(
            Diagnostic::error(
                "time::unknown-zone",
                format!("there is no time zone `{name}`"),
                span,
                "not in the time zone database",
            )
            .help(help),
        ))
    }

    /// The zone of a thing: what it states itself, or what the nearest place around it does.
    pub(super) fn zone_of(&mut self, thing: ThingId) -> Outcome<Option<TimeZone>> {
        let mut at = Some(thing);
        while let Some(here) = at {
            self.note(here, "zone");
            let known = self.thing(here);
            at = known.parent;
            let Some(assigned) = known.assigned.get("zone") else { continue };
            let (field, span) = (assigned.field, assigned.assign.span);
            // A name that is no zone has been told of where it stands.
            return match self.fact(here, field, span)? {
                Value::Text(name) => Ok(zone(&name)),
                _ => Ok(None),
            };
        }
        Ok(None)
    }

    /// The steps of the horizon: from the `plan`, else a day of hours.
    pub(super) fn calendar(&mut self, reader: Span) -> Outcome<Calendar> {
        let plan = self.plan_thing();
        // Whoever reads the clock reads these, whether it is known or not.
        for name in plan.iter().flat_map(|_| ["horizon", "step", "start"]) {
            plan.iter().for_each(|plan| self.note(*plan, name));
        }
        if let Some(calendar) = &self.calendar {
            return Ok(calendar.clone());
        }
        let calendar = match plan {
            None => Calendar::new(24, ratio(3_600, 1), None),
            Some(plan) => {
                let kind: &'static Kind = self.thing(plan).kind;
                let mut read = |name: &str| -> Outcome<Option<Value>> {
                    let stated = self.thing(plan).assigned.contains_key(name);
                    match kind.field(name).filter(|_| stated) {
                        None => Ok(None),
                        Some(field) => self.fact(plan, field, reader).map(Some),
                    }
                };
                let length = |value: Option<Value>, default: i64| match value {
                    None => Ok(ratio(default, 1)),
                    Some(Value::Quantity(quantity)) => Ok(quantity.value),
                    Some(_) => Err(Reported),
                };
                let horizon = length(read("horizon")?, 86_400)?;
                let seconds = length(read("step")?, 3_600)?;
                let start = match read("start")? {
                    None => None,
                    // The zone has been looked up where it stands.
                    Some(Value::Date(day, name)) => Some((day, zone(&name).unwrap_or(TimeZone::UTC))),
                    Some(_) => return Err(Reported),
                };
                let steps = &horizon / &seconds;
                let count = steps.to_integer().to_usize().unwrap_or(usize::MAX);
                if !steps.is_integer() || count == 0 || count > MOST_STEPS {
                    let head = self.thing(plan).layers.first().map(|layer| layer.block.head);
                    let stated = ["step", "horizon"].iter().find_map(|name| {
                        let assigned = self.thing(plan).assigned.get(name)?;
                        Some(assigned.assign.span)
                    });
                    let at = stated.or(head).unwrap_or(reader);
                    return Err(self.report(
                        Diagnostic::error(
                            "plan::steps",
                            "the horizon is no whole number of steps",
                            at,
                            format!(
                                "{} steps; 1 to {MOST_STEPS} whole ones can be planned",
                                crate::quantity_text::number(&steps)
                            ),
                        )
                        .help("Choose a `step` that divides the `horizon`: `horizon = 7d`, `step = 1h`."),
                    ));
                }
                Calendar::new(count, seconds, start)
            }
        };
        self.calendar = Some(calendar.clone());
        Ok(calendar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(day: Date, at: &str, of: &str) -> Vec<i64> {
        let zone = |name| zone(name).expect("a zone of the database");
        let calendar = Calendar::new(24, ratio(3_600, 1), Some((day, zone(at))));
        let place = zone(of);
        calendar
            .hours(&place)
            .filter_map(|seconds| (seconds / ratio(3_600, 1)).to_integer().to_i64())
            .collect()
    }

    #[test]
    fn a_place_shows_its_own_hour() {
        // Amsterdam is one hour ahead of UTC in November, two in July.
        assert_eq!(hours(Date::constant(2026, 11, 2), "UTC", "Europe/Amsterdam")[..3], [1, 2, 3]);
        assert_eq!(hours(Date::constant(2026, 7, 1), "UTC", "Europe/Amsterdam")[..3], [2, 3, 4]);
        // Chicago is seven hours behind Amsterdam then.
        assert_eq!(hours(Date::constant(2026, 11, 2), "Europe/Amsterdam", "America/Chicago")[..2], [17, 18]);
    }

    #[test]
    fn clocks_change_with_the_seasons() {
        // On 25 October 2026 clocks in Amsterdam go back from 3h to 2h; on 29 March from 2h to 3h.
        let zone = "Europe/Amsterdam";
        assert_eq!(hours(Date::constant(2026, 10, 25), zone, zone)[..5], [0, 1, 2, 2, 3]);
        assert_eq!(hours(Date::constant(2026, 3, 29), zone, zone)[..4], [0, 1, 3, 4]);
    }

    #[test]
    fn the_last_day_of_all_does_not_end_time() {
        assert_eq!(hours(Date::constant(9999, 12, 31), "UTC", "UTC").len(), 24);
    }
}

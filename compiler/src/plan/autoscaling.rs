//! Elastic services: bounds and a schedule for an autoscaler.
//!
//! What is placed is the most there are at a time: machines are held for it, and the bill counts them. Each step has the
//! fewest with which every line that holds then is met ([`needed`](crate::plan::needed)), and those of the steps that begin
//! before a replica asked for now would serve.

use crate::plan::Layout;
use crate::plan::needed::{Elastic, Need};
use crate::plan::written::{World, file_name, float, plan_layout};
use crate::recheck::Values;
use berth_language::span::Span;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use serde::{Deserialize, Serialize};

/// How many replicas of one form an elastic service has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Autoscaling {
    /// Its address.
    pub service: String,
    /// The form, of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// Fewest: what the step needs that needs the fewest, and what lines ask for in any step whatever the demand.
    pub min: u64,
    /// Most: what is placed.
    pub max: u64,
    /// The mean of the schedule.
    pub mean: f64,
    /// Time until a new replica serves, s.
    pub start_up: f64,
    /// How many there are from which step on, the first included; what is asked for in time for a later step counts.
    pub schedule: Vec<Scheduled>,
    /// Up to which load of one replica more of them are not needed yet.
    pub load: Load,
    /// The line that asks for `min`; none where the service only has to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Line>,
}

/// From one step on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// From 0.
    pub step: usize,
    /// When it begins: `08:00`, from midnight of the first day; `day 2, 08:00` where the horizon is longer.
    pub when: String,
    /// How many.
    pub replicas: u64,
}

/// The load of one replica at which an autoscaler that keeps it is never behind the demand, were the demand to change from
/// step to step along a line: in no step would one replica fewer than are needed see as little.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    /// Of a container: the share of what it can serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilisation: Option<f64>,
    /// Of a model: sequences decoded together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded_together: Option<f64>,
}

/// A line of the plan file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// As the user named it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// As written.
    pub text: String,
}

/// The bounds and schedules of a plan's elastic services, one a form that is placed.
pub fn autoscaling(world: World<'_>, values: &Values) -> Vec<Autoscaling> {
    let services = world.program.services.iter().enumerate();
    let elastic = services.filter(|(_, service)| service.is_elastic());
    elastic.flat_map(|(index, _)| of_service(world, &Elastic::of(world, values, index))).collect()
}

fn of_service(world: World<'_>, elastic: &Elastic<'_>) -> Vec<Autoscaling> {
    let service = &world.program.services[elastic.index];
    let step = &world.program.plan.step;
    let start_up =
        service.start_up.as_ref().map_or_else(BigRational::zero, |start_up| start_up.value.value.clone());
    let ahead = &start_up / step;
    let needs: Vec<Need> = (0..elastic.steps()).map(|step| elastic.need(&elastic.rate(step), step)).collect();
    let active = active(&needs, &ahead);
    let (mut least, held_by) = least(elastic, &needs, &active);
    let kept = (0..needs.len()).map(|step| elastic.floor(step)).max_by_key(|(count, _)| *count);
    let held_by = match kept {
        Some((count, line)) if line.is_some() && count >= least.iter().sum() => {
            elastic.fill(&mut least, count);
            line
        }
        _ => held_by,
    };
    let loads = loads(elastic, &needs, &least, &ahead);
    let days = BigRational::from_integer(needs.len().into()) * step > BigRational::from_integer(DAY.into());
    let entry = |form: usize| {
        let counts = active.iter().map(|forms| forms[form]);
        let layout = world.candidates.services[elastic.index].candidates[form].layout.as_ref();
        let (utilisation, decoded_together) = elastic.busy(form, loads[form]);
        Autoscaling {
            service: service.name.clone(),
            layout: layout.map(|layout| plan_layout(world.candidates, layout)),
            min: least[form],
            max: elastic.placed()[form],
            mean: counts.clone().map(|count| count as f64).sum::<f64>() / needs.len() as f64,
            start_up: float(&start_up),
            schedule: scheduled(counts, step, days),
            load: Load { rate: loads[form], utilisation, decoded_together },
            held_by: held_by.map(|span| line(world, span)),
        }
    };
    (0..elastic.placed().len()).filter(|form| elastic.placed()[*form] > 0).map(entry).collect()
}

/// Seconds in a day.
const DAY: u64 = 86_400;

/// By step and form, how many there are: what is needed then and in the steps that begin before a replica asked for now
/// serves. The horizon begins anew behind its end.
fn active(needs: &[Need], ahead: &BigRational) -> Vec<Vec<u64>> {
    let ahead = ahead.ceil().to_integer().to_usize().unwrap_or(usize::MAX).min(needs.len().saturating_sub(1));
    let of = |step: usize| {
        let mut forms = needs[step].forms.clone();
        for later in 1..=ahead {
            for (form, count) in forms.iter_mut().zip(&needs[(step + later) % needs.len()].forms) {
                *form = (*form).max(*count);
            }
        }
        forms
    };
    (0..needs.len()).map(of).collect()
}

/// By form, what the step has that has the fewest, and the line that asks for it.
fn least(elastic: &Elastic<'_>, needs: &[Need], active: &[Vec<u64>]) -> (Vec<u64>, Option<Span>) {
    let forms = 0..elastic.placed().len();
    let least = forms.map(|form| active.iter().map(|forms| forms[form]).min().unwrap_or(0)).collect();
    let quietest = (0..active.len()).min_by_key(|step| active[*step].iter().sum::<u64>());
    let asks = quietest.and_then(|step| {
        // The step itself, or the next for which that many are asked for in time.
        let later = (0..needs.len()).map(|later| &needs[(step + later) % needs.len()]);
        later.clone().find(|need| need.count() >= active[step].iter().sum()).or(later.clone().next())
    });
    (least, asks.and_then(|need| need.line))
}

/// By form, the rate of one replica at which an autoscaler has to ask for more.
fn loads(elastic: &Elastic<'_>, needs: &[Need], least: &[u64], ahead: &BigRational) -> Vec<f64> {
    let forms = elastic.placed().len();
    let mut found: Vec<Option<f64>> = vec![None; forms];
    let mut busiest = vec![0.0_f64; forms];
    for step in 0..needs.len() {
        let rate = elastic.rate(step);
        let rates = elastic.rates(step);
        // Replicas of a container get as much each; of a model, in proportion to what they carry.
        let are_alike = rates.iter().all(|rate| *rate == 0.0);
        let weight = |form: usize| if are_alike { 1.0 } else { rates[form] };
        let each = |counts: &[u64], form: usize| {
            let carried: f64 = (0..forms).map(|form| counts[form] as f64 * weight(form)).sum();
            float(&rate) * weight(form) / carried
        };
        let counts = elastic.need(&expected(elastic, step, ahead), step).forms;
        for form in (0..forms).filter(|form| counts[*form] > 0) {
            let load = each(&counts, form);
            if load.is_finite() {
                busiest[form] = busiest[form].max(load);
            }
            if counts[form] > least[form] {
                let mut fewer = counts.clone();
                fewer[form] -= 1;
                let load = each(&fewer, form);
                if load.is_finite() {
                    found[form] = Some(found[form].map_or(load, |known| known.min(load)));
                }
            }
        }
    }
    // Where the fewest are always enough, the busiest that they become.
    found.iter().zip(busiest).map(|(found, busiest)| found.unwrap_or(busiest)).collect()
}

/// The most that is asked until a replica asked for at the beginning of a step serves, were the demand to change from step
/// to step along a line.
fn expected(elastic: &Elastic<'_>, step: usize, ahead: &BigRational) -> BigRational {
    let whole = ahead.floor().to_integer().to_usize().unwrap_or(usize::MAX).min(elastic.steps());
    let later = (1..=whole).map(|later| elastic.rate(step + later));
    let most = later.fold(elastic.rate(step), BigRational::max);
    let part = if whole == elastic.steps() { BigRational::zero() } else { ahead - ahead.floor() };
    let [from, to] = [elastic.rate(step + whole), elastic.rate(step + whole + 1)];
    most.max(&from * (BigRational::one() - &part) + to * part)
}

/// Counts by step as those from which on they change.
fn scheduled(counts: impl Iterator<Item = u64>, step: &BigRational, days: bool) -> Vec<Scheduled> {
    let mut schedule: Vec<Scheduled> = Vec::new();
    for (at, replicas) in counts.enumerate() {
        if schedule.last().is_none_or(|last| last.replicas != replicas) {
            let seconds = (BigRational::from_integer(at.into()) * step).floor().to_integer();
            schedule.push(Scheduled { step: at, when: clock(seconds.to_u64().unwrap_or(0), days), replicas });
        }
    }
    schedule
}

/// `08:00`, `08:00:30`, `day 2, 08:00`
fn clock(seconds: u64, days: bool) -> String {
    let (hour, minute, second) = (seconds % DAY / 3_600, seconds % 3_600 / 60, seconds % 60);
    let second = if second > 0 { format!(":{second:02}") } else { String::new() };
    let day = if days { format!("day {}, ", seconds / DAY + 1) } else { String::new() };
    format!("{day}{hour:02}:{minute:02}{second}")
}

fn line(world: World<'_>, span: Span) -> Line {
    let text = world.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
    Line { file: file_name(world.sources, span), line: world.sources.position(span).0, text }
}

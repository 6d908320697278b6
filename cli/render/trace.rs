//! A data file as a person reads it, from the answer that `--json` prints.

use crate::commands::trace::{Answer, AnswerLoads, AnswerReadings, AnswerRequests, AnswerRows, AnswerSample};
use crate::render::quantities::{percent, quantity};
use crate::render::table::{Align, paragraph, table};
use std::fmt::Write as _;

/// The answer in at most 80 columns.
pub fn text(answer: &Answer) -> String {
    match &answer.rows {
        AnswerRows::Requests(requests) => of_requests(answer, requests),
        AnswerRows::Readings(readings) => of_readings(answer, readings),
        AnswerRows::Loads(loads) => of_loads(answer, loads),
    }
}

fn of_requests(answer: &Answer, requests: &AnswerRequests) -> String {
    let mut text = format!(
        "{}: {} with {} columns\n\n",
        answer.path,
        counted(requests.count, "request"),
        match requests.schema {
            "azure" => "Azure's",
            "burstgpt" => "BurstGPT's",
            "mooncake" => "Mooncake's",
            _ => "plain",
        }
    );
    let mut facts = start(requests.start);
    facts.push(("span", duration(requests.span)));
    let step = duration(answer.step);
    let of_steps = if requests.rates.len() == 1 {
        format!("{} (in one step of {step})", rate(requests.mean))
    } else {
        let steps = requests.rates.len();
        format!("mean {}, peak {} (in {steps} steps of {step})", rate(requests.mean), rate(requests.peak))
    };
    facts.push(("rate", of_steps));
    facts.push(("spacing", requests.spacing.map_or("too few arrivals a step to tell".into(), spacing)));
    if requests.failed > 0 {
        let share = percent(requests.failed as f64 / requests.count as f64);
        facts.push(("unanswered", format!("{} ({share}), without output", requests.failed)));
    }
    text.push_str(&listed(&facts));
    let samples = [("prompt", &requests.prompt), ("output", &requests.output)];
    let samples: Vec<(&str, &AnswerSample)> =
        samples.into_iter().filter_map(|(name, sample)| Some((name, sample.as_ref()?))).collect();
    if !samples.is_empty() {
        text.push_str("\nTokens\n");
        text.push_str(&tokens(&samples));
    }
    if samples.iter().any(|(_, sample)| !sample.fits.is_empty()) {
        text.push_str("\nFits, the best first\n");
        text.push_str(&fits(&samples));
        text.push_str(&paragraph(
            "Distance is Kolmogorov and Smirnov's: the largest difference between the shares of the file and of the \
             fit that lie below a value.",
            2,
        ));
    }
    text + &hash(answer)
}

fn of_readings(answer: &Answer, readings: &AnswerReadings) -> String {
    let mut text =
        format!("{}: {} in {}\n\n", answer.path, counted(readings.count, "reading"), readings.unit);
    let mut facts = start(readings.start);
    let value = |value: f64| quantity(value, "1");
    facts.push(("steps", format!("{} of {}", readings.values.len(), duration(answer.step))));
    facts.push(("lowest", value(readings.lowest)));
    facts.push(("mean", value(readings.mean)));
    facts.push(("highest", value(readings.highest)));
    text.push_str(&listed(&facts));
    text + &hash(answer)
}

fn of_loads(answer: &Answer, loads: &AnswerLoads) -> String {
    let AnswerLoads { count, experts, hottest, expert, idle } = loads;
    let mut text = format!("{}: {} of loads of experts\n\n", answer.path, counted(*count, "row"));
    let layers = counted(hottest.len() as u64, "layer");
    let mean = hottest.iter().sum::<f64>() / hottest.len().max(1) as f64;
    let most = hottest.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1));
    let mut facts = vec![("experts", format!("{experts} in {layers}"))];
    if let Some((layer, share)) = most {
        let of = expert.get(layer).copied().unwrap_or(0);
        let place = if hottest.len() > 1 {
            format!(" of layer {} in the file's order", layer + 1)
        } else {
            String::new()
        };
        facts.push((
            "hottest",
            format!("{}, expert {of}{place}; mean of layers {}", percent(share), percent(mean)),
        ));
    }
    facts.push(("idle", format!("{} of which nothing was asked", counted(*idle as u64, "expert"))));
    text.push_str(&listed(&facts));
    text + &hash(answer)
}

fn start(start: Option<i64>) -> Vec<(&'static str, String)> {
    start.map(|seconds| ("first", format!("{} UTC", berth_data::date(seconds)))).into_iter().collect()
}

fn spacing(coefficient: f64) -> String {
    let meaning = match coefficient {
        ..0.8 => "more even than Poisson's 1",
        ..=1.2 => "about Poisson's 1",
        _ => "burstier than Poisson's 1",
    };
    format!("{}, {meaning}", quantity(coefficient, "1"))
}

fn tokens(samples: &[(&str, &AnswerSample)]) -> String {
    let heading = [
        ("of", Align::Left),
        ("rows", Align::Right),
        ("mean", Align::Right),
        ("p50", Align::Right),
        ("p90", Align::Right),
        ("p99", Align::Right),
        ("largest", Align::Right),
    ];
    let rows: Vec<Vec<String>> = samples
        .iter()
        .map(|(name, sample)| {
            let AnswerSample { count, mean, p50, p90, p99, largest, fits: _ } = sample;
            let mut row = vec![(*name).to_owned(), count.to_string()];
            row.extend([mean, p50, p90, p99, largest].map(|value| format!("{:.0}", value)));
            row
        })
        .collect();
    table(&heading, &rows)
}

fn fits(samples: &[(&str, &AnswerSample)]) -> String {
    let heading = [("of", Align::Left), ("distance", Align::Right), ("distribution", Align::Left)];
    let rows: Vec<Vec<String>> = samples
        .iter()
        .flat_map(|(name, sample)| {
            sample
                .fits
                .iter()
                .map(|fit| vec![(*name).to_owned(), format!("{:.3}", fit.distance), fit.text.clone()])
        })
        .collect();
    table(&heading, &rows)
}

fn hash(answer: &Answer) -> String {
    format!("\nsha256 {}\n", answer.sha256)
}

/// Names and what is said of them, as lines.
fn listed(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    facts.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "  {name:width$}  {value}");
        text
    })
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Slow ones by the hour.
fn rate(value: f64) -> String {
    if value < 0.1 { quantity(value * 3_600.0, "req/h") } else { quantity(value, "req/s") }
}

/// Seconds in the unit that suits them.
fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => quantity(seconds, "s"),
        ..3_600.0 => quantity(seconds / 60.0, "min"),
        ..172_800.0 => quantity(seconds / 3_600.0, "h"),
        _ => quantity(seconds / 86_400.0, "d"),
    }
}

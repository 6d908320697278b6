//! `berth trace`: what a data file holds, as a plan that names it sees it.

use crate::arguments::Trace;
use crate::disk::Disk;
use crate::render;
use crate::render::failure::Failure;
use berth_language::data::{Fit, Loads, Readings, Requests, Rows, Sample, Wanted};
use berth_language::sources::Files as _;
use num_rational::BigRational;
use num_traits::ToPrimitive as _;
use serde::Serialize;
use std::process::ExitCode;

pub fn run(arguments: &Trace) -> Result<ExitCode, Failure> {
    let path = if arguments.file == "-" { "/dev/stdin" } else { &arguments.file };
    let step = BigRational::new(arguments.step.as_nanos().into(), 1_000_000_000.into());
    let wanted = Wanted { path: path.to_owned(), step };
    let data = Disk.data(&wanted).map_err(|error| Failure::Data(arguments.file.clone(), error))?;
    let answer = Answer {
        path: arguments.file.clone(),
        sha256: data.sha256.clone(),
        step: number(&wanted.step),
        rows: match &data.rows {
            Rows::Requests(requests) => {
                AnswerRows::Requests(Box::new(self::requests(requests, &wanted.step)))
            }
            Rows::Readings(readings) => AnswerRows::Readings(self::readings(readings)),
            Rows::Loads(loads) => AnswerRows::Loads(self::loads(loads)),
        },
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&answer).unwrap_or_default());
    } else {
        print!("{}", render::trace::text(&answer));
    }
    Ok(ExitCode::SUCCESS)
}

/// A data file. Times are in seconds, `start` counts them from 1970 (UTC), rates are in requests a second.
#[derive(Serialize)]
pub struct Answer {
    pub path: String,
    pub sha256: String,
    pub step: f64,
    #[serde(flatten)]
    pub rows: AnswerRows,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerRows {
    Requests(Box<AnswerRequests>),
    Readings(AnswerReadings),
    Loads(AnswerLoads),
}

#[derive(Serialize)]
pub struct AnswerRequests {
    pub schema: &'static str,
    pub count: u64,
    pub failed: u64,
    pub start: Option<i64>,
    pub span: f64,
    /// Requests a second, step by step.
    pub rates: Vec<f64>,
    pub peak: f64,
    pub mean: f64,
    pub spacing: Option<f64>,
    pub prompt: Option<AnswerSample>,
    pub output: Option<AnswerSample>,
}

#[derive(Serialize)]
pub struct AnswerReadings {
    pub unit: String,
    pub count: u64,
    pub start: Option<i64>,
    pub lowest: f64,
    pub mean: f64,
    pub highest: f64,
    /// Step by step.
    pub values: Vec<f64>,
}

/// Loads of experts. `hottest` is the part of its layer that the hottest expert of each layer has.
#[derive(Serialize)]
pub struct AnswerLoads {
    pub count: u64,
    pub experts: usize,
    /// By layer.
    pub hottest: Vec<f64>,
    /// By layer: the expert that has it.
    pub expert: Vec<usize>,
    /// Experts of all layers of which nothing was asked.
    pub idle: usize,
}

/// Tokens.
#[derive(Serialize)]
pub struct AnswerSample {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub largest: f64,
    /// The best first.
    pub fits: Vec<AnswerFit>,
}

#[derive(Serialize)]
pub struct AnswerFit {
    pub text: String,
    /// Kolmogorov and Smirnov's, in [0, 1].
    pub distance: f64,
}

fn requests(requests: &Requests, step: &BigRational) -> AnswerRequests {
    let Requests { schema, count, failed, start, span, arrivals: _, spacing, prompt, output } = requests;
    let rates: Vec<f64> = requests.rates(step).iter().map(number).collect();
    AnswerRequests {
        schema,
        count: *count,
        failed: *failed,
        start: *start,
        span: number(span),
        peak: rates.iter().copied().fold(0.0, f64::max),
        mean: mean(&rates),
        rates,
        spacing: spacing.as_ref().map(number),
        prompt: prompt.as_ref().map(sample),
        output: output.as_ref().map(sample),
    }
}

fn readings(Readings { unit, count, start, values }: &Readings) -> AnswerReadings {
    let values: Vec<f64> = values.iter().map(number).collect();
    AnswerReadings {
        unit: unit.clone(),
        count: *count,
        start: *start,
        lowest: values.iter().copied().fold(f64::INFINITY, f64::min),
        mean: mean(&values),
        highest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        values,
    }
}

fn loads(Loads { count, layers }: &Loads) -> AnswerLoads {
    let experts = layers.iter().map(Vec::len).max().unwrap_or(0);
    let hottest = |loads: &Vec<u64>| {
        let total: u128 = loads.iter().map(|load| u128::from(*load)).sum();
        // Of equals the first.
        let (expert, most) = loads.iter().enumerate().rev().max_by_key(|(_, load)| **load).unwrap_or((0, &0));
        (expert, *most as f64 / total.max(1) as f64)
    };
    let of = layers.iter().map(hottest);
    let (expert, hottest): (Vec<usize>, Vec<f64>) = of.unzip();
    let idle = layers.iter().map(|loads| experts - loads.iter().filter(|load| **load > 0).count()).sum();
    AnswerLoads { count: *count, experts, hottest, expert, idle }
}

fn sample(Sample { values, fits }: &Sample) -> AnswerSample {
    let values: Vec<(f64, u64)> = values.iter().map(|(value, count)| (number(value), *count)).collect();
    let count: u64 = values.iter().map(|(_, count)| count).sum();
    // The smallest value that this share of the sample does not exceed.
    let quantile = |share: f64| {
        let mut below = 0;
        let found = values.iter().find(|(_, times)| {
            below += times;
            below as f64 >= share * count as f64
        });
        found.map_or(0.0, |(value, _)| *value)
    };
    AnswerSample {
        count,
        mean: values.iter().map(|(value, times)| value * *times as f64).sum::<f64>() / count.max(1) as f64,
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        largest: values.last().map_or(0.0, |(value, _)| *value),
        fits: fits
            .iter()
            .map(|Fit { text, distance }| AnswerFit { text: text.clone(), distance: number(distance) })
            .collect(),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn number(value: &BigRational) -> f64 {
    value.to_f64().unwrap_or(f64::MAX)
}

//! Fits to draws of known families, against their own parameters.

use super::random::Random;
use super::*;
use berth_data::fit;

/// Draws, each once, ascending.
fn sample(seed: u64, draw: impl Fn(&mut Random) -> f64) -> Vec<(f64, f64)> {
    let mut random = Random::new(seed);
    let mut draws: Vec<(f64, f64)> = (0..20_000).map(|_| (draw(&mut random), 1.0)).collect();
    draws.sort_by(|a, b| a.0.total_cmp(&b.0));
    draws
}

/// `(family, its figures)` of a text such as `gamma(mean = 300 tok, cv = 1.2)`.
fn read(text: &str) -> (&str, Vec<f64>) {
    let (family, rest) = text.split_once('(').unwrap();
    let figures = rest.trim_end_matches(')').split(", ").map(|part| {
        let figure = part.split_once(" = ").unwrap().1.replace('_', "");
        figure.trim_end_matches(" tok").parse().unwrap()
    });
    (family, figures.collect())
}

/// The best family is the one that was drawn, and its figures are near those given, by share.
fn finds(seed: u64, expected: (&str, [f64; 2]), near: f64, draw: impl Fn(&mut Random) -> f64) {
    let fits = fit(&sample(seed, draw), " tok");
    let (family, figures) = read(&fits[0].text);
    assert_eq!(family, expected.0, "{fits:?}");
    for (found, wanted) in figures.iter().zip(expected.1) {
        assert!((found / wanted - 1.0).abs() < near, "{expected:?}: {}", fits[0].text);
    }
    assert!(fits.is_sorted_by(|a, b| a.distance <= b.distance));
    assert_eq!(fits.len(), 4);
}

fn weibull(random: &mut Random, shape: f64, scale: f64) -> f64 {
    scale * (-random.unit().ln()).powf(1.0 / shape)
}

#[test]
fn each_family_is_found_again() {
    // p99 = 900 exp(0.8 * 2.32635) = 5,787.
    finds(1, ("lognormal", [900.0, 5_787.0]), 0.03, |random| 900.0 * (0.8 * random.normal()).exp());
    // Mean shape * scale, coefficient of variation 1 / sqrt(shape).
    finds(2, ("gamma", [1_500.0, 0.632_5]), 0.02, |random| 600.0 * random.gamma(2.5));
    finds(3, ("gamma", [300_000.0, std::f64::consts::SQRT_2]), 0.03, |random| 600_000.0 * random.gamma(0.5));
    finds(4, ("normal", [5_000.0, 600.0]), 0.02, |random| 5_000.0 + 600.0 * random.normal());
    // Gamma(1 + 1/3) = 0.892980, Gamma(1 + 2/3) = 0.902745 (Abramowitz and Stegun, table 6.1).
    finds(5, ("weibull", [892.98, 0.363_4]), 0.02, |random| weibull(random, 3.0, 1_000.0));
}

/// The moments that are published for BurstGPT's cold starts: lognormal with mean 3.24 s and deviation 7.10 s,
/// Weibull with mean 1.25 s and deviation 3.66 s. Draws of either are fitted to these moments again.
#[test]
fn published_moments_come_back() {
    // sigma^2 = ln(1 + (7.10/3.24)^2) = 1.758; mu = ln 3.24 - sigma^2 / 2 = 0.2966.
    let sigma = (1.0 + (7.10_f64 / 3.24).powi(2)).ln().sqrt();
    let mu = 3.24_f64.ln() - sigma * sigma / 2.0;
    // In milliseconds, so that rounding to whole units does not matter.
    let fits = fit(&sample(6, |random| 1e3 * (mu + sigma * random.normal()).exp()), "");
    let (family, figures) = read(&fits[0].text);
    assert_eq!(family, "lognormal");
    let fitted = (figures[1] / figures[0]).ln() / 2.326_348;
    let mean = figures[0] * (fitted * fitted / 2.0).exp();
    assert!((mean / 3_240.0 - 1.0).abs() < 0.05, "{mean}");
    let deviation = mean * (fitted * fitted).exp_m1().sqrt();
    assert!((deviation / 7_100.0 - 1.0).abs() < 0.08, "{deviation}");

    // The shape k with cv = 3.66 / 1.25 = 2.928, by bisection on the identity that defines it.
    let gamma = |x: f64| statrs::function::gamma::gamma(x);
    let cv = |shape: f64| (gamma(1.0 + 2.0 / shape) / gamma(1.0 + 1.0 / shape).powi(2) - 1.0).sqrt();
    let (mut low, mut high) = (0.1, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if cv(middle) > 3.66 / 1.25 { low = middle } else { high = middle }
    }
    let scale = 1.25 / gamma(1.0 + 1.0 / low);
    let fits = fit(&sample(7, |random| 1e3 * weibull(random, low, scale)), "");
    let (family, figures) = read(&fits[0].text);
    assert_eq!(family, "weibull");
    assert!((figures[0] / 1_250.0 - 1.0).abs() < 0.06, "{figures:?}");
    assert!((figures[1] / 2.928 - 1.0).abs() < 0.05, "{figures:?}");
}

/// Whole numbers are compared with families rounded to whole numbers: a fit to coarse counts is not worse for
/// their being coarse.
#[test]
fn coarse_counts_are_no_misfit() {
    let mut counts = std::collections::BTreeMap::<u64, f64>::new();
    for (value, count) in sample(8, |random| 6.0 + 2.0 * random.normal()) {
        *counts.entry(value.round().max(0.0) as u64).or_default() += count;
    }
    let values: Vec<(f64, f64)> = counts.into_iter().map(|(value, count)| (value as f64, count)).collect();
    let fits = fit(&values, " tok");
    assert!(fits[0].text.starts_with("normal("), "{fits:?}");
    // The 99th percentile of the distance of 20,000 draws is 1.63 / sqrt(20,000) = 0.0115.
    assert!(float(&fits[0].distance) < 0.0115, "{fits:?}");
}

#[test]
fn a_constant_has_no_fit_and_zeros_count_against_one() {
    assert_eq!(fit(&[(7.0, 100.0)], " tok"), []);
    assert_eq!(fit(&[], " tok"), []);
    let fits = fit(&[(0.0, 50.0), (100.0, 20.0), (200.0, 30.0)], " tok");
    let gamma = fits.iter().find(|fit| fit.text.starts_with("gamma")).unwrap();
    assert!(float(&gamma.distance) >= 0.49, "{fits:?}");
}

//! The spacing of arrivals that were drawn with a known one.

use super::random::Random;
use super::*;

const HOUR: i64 = 3_600;

/// A trace of gamma renewals of coefficient of variation `cv` whose rate at a second is `rate`, with times
/// rounded down to multiples of `tick`.
fn trace(seed: u64, cv: f64, days: f64, tick: f64, rate: impl Fn(f64) -> f64) -> String {
    let mut random = Random::new(seed);
    let shape = 1.0 / (cv * cv);
    let (mut text, mut now) = ("time\n".to_owned(), 0.0);
    loop {
        let mut gap = random.gamma(shape) / shape;
        loop {
            let piece = (gap / rate(now)).min(60.0);
            gap -= piece * rate(now);
            now += piece;
            if piece < 60.0 {
                break;
            }
        }
        if now > days * 86_400.0 {
            return text;
        }
        text += &format!("{:.6}\n", (now / tick).floor() * tick);
    }
}

fn spacing(text: &str, step: i64) -> f64 {
    float(&requests(text, step).spacing.unwrap())
}

/// Between 1 and 10 times the mean.
fn diurnal(mean: f64) -> impl Fn(f64) -> f64 {
    move |now| mean * (1.0 + 0.818 * (now / 86_400.0 * std::f64::consts::TAU).cos())
}

#[test]
fn poisson_in_a_diurnal_rate_is_one() {
    for (seed, mean) in [(1, 0.02), (2, 0.1), (3, 0.5)] {
        let found = spacing(&trace(seed, 1.0, 3.0, 1e-6, diurnal(mean)), HOUR);
        assert!((found - 1.0).abs() < 0.05, "{mean} a second: {found}");
    }
    // Over the whole day in one step the same arrivals look bursty: the rate's shape is in it.
    let found = spacing(&trace(2, 1.0, 3.0, 1e-6, diurnal(0.1)), 86_400);
    assert!(found > 1.2, "{found}");
}

#[test]
fn gamma_renewals_have_their_own() {
    for cv in [0.5, 2.0, 3.0] {
        let found = spacing(&trace(5, cv, 2.0, 1e-6, |_| 1.0), HOUR);
        assert!((found / cv - 1.0).abs() < 0.06, "{cv}: {found}");
        let found = spacing(&trace(6, cv, 2.0, 1e-6, diurnal(1.0)), HOUR);
        assert!((found / cv - 1.0).abs() < 0.1, "{cv}, diurnal: {found}");
    }
}

/// Eight arrivals a step are enough, where there are many steps.
#[test]
fn few_arrivals_a_step_give_no_bias() {
    let found = spacing(&trace(7, 1.0, 60.0, 1e-6, |_| 8.0 / 3_600.0), HOUR);
    assert!((found - 1.0).abs() < 0.05, "{found}");
}

#[test]
fn a_night_without_arrivals_is_no_burst() {
    let day = |now: f64| if now % 86_400.0 < 43_200.0 { 0.05 } else { 1e-9 };
    let found = spacing(&trace(8, 1.0, 6.0, 1e-6, day), HOUR);
    assert!((found - 1.0).abs() < 0.06, "{found}");
}

/// Mooncake's clock ticks every 3 s, with ten arrivals in each.
#[test]
fn a_coarse_clock_is_no_burst() {
    for per_tick in [0.7, 3.0, 10.0] {
        let found = spacing(&trace(9, 1.0, 0.5, 3.0, |_| per_tick / 3.0), HOUR);
        assert!((found - 1.0).abs() < 0.06, "{per_tick} a tick: {found}");
    }
    // Each of Poisson arrivals brings three more: the variance of the counts is four times their mean.
    let single = trace(10, 1.0, 1.0, 1e-6, |_| 0.2);
    let (head, times) = single.split_once('\n').unwrap();
    let fours: String = times.lines().map(|time| format!("{time}\n{time}\n{time}\n{time}\n")).collect();
    let found = spacing(&format!("{head}\n{fours}"), HOUR);
    assert!((found - 2.0).abs() < 0.1, "{found}");
}

#[test]
fn too_few_say_nothing() {
    assert_eq!(requests("time\n0\n1\n2\n", HOUR).spacing, None);
    // One arrival an hour: no two in a step.
    let text = (0..100).fold("time\n".to_owned(), |text, at| text + &format!("{}\n", at * HOUR + 1));
    assert_eq!(requests(&text, HOUR).spacing, None);
    // Even arrivals have none.
    let text = (0..1_000).fold("time\n".to_owned(), |text, at| text + &format!("{}\n", at * 60));
    assert_eq!(spacing(&text, HOUR), 0.0);
    // All at once: no gap tells anything.
    assert_eq!(requests(&("time\n".to_owned() + &"5\n".repeat(500)), HOUR).spacing, None);
}

//! Waiting, in closed form: G/G/c for image services and slots, G/G/1 for prefill.
//!
//! M/M/c: Poisson arrivals, exponential service, c servers, one queue (Erlang, 1917; as in Kleinrock,
//! Queueing Systems I, section 3.5). M/G/1: the mean wait of Pollaczek and Khinchine. Arrivals that are spaced
//! otherwise, and service that varies otherwise, scale the wait of M/M/c by `(ca² + cs²) / 2`, the squared
//! coefficients of variation of the time between arrivals and of service (Allen and Cunneen, in Allen,
//! Probability, Statistics and Queueing Theory, 1978; Whitt, Approximations for the GI/G/m queue, 1993). It is
//! exact for M/M/c and M/G/1 and in heavy traffic.

use super::PerformanceError;
use super::draws::{Lengths, normal_below};
use super::serving::quantile_of;
use berth_language::model::Statistic;

/// How long a request takes while it is served.
#[derive(Clone, Debug, PartialEq)]
pub enum Service {
    /// Exponential, so many requests a second of one server while it is busy.
    Exponential {
        /// 1/s
        rate: f64,
    },
    /// Seconds of one request.
    Drawn(Lengths),
}

impl Service {
    /// s
    pub fn mean(&self) -> f64 {
        match self {
            Self::Exponential { rate } => 1.0 / rate,
            Self::Drawn(seconds) => seconds.mean(|seconds| seconds),
        }
    }

    /// The squared coefficient of variation.
    fn variation(&self) -> f64 {
        match self {
            Self::Exponential { .. } => 1.0,
            Self::Drawn(seconds) => {
                let mean = self.mean();
                (seconds.mean(|seconds| seconds * seconds) / (mean * mean) - 1.0).max(0.0)
            }
        }
    }
}

/// A G/G/c queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Servers<'a> {
    /// Requests a second, over all servers.
    pub arrivals: f64,
    /// The squared coefficient of variation of the time between two arrivals; 1 is Poisson.
    pub spacing: f64,
    /// Of one request.
    pub service: &'a Service,
    /// How many: requests that are served side by side.
    pub servers: u64,
}

impl<'a> Servers<'a> {
    /// The share of the servers' time that is busy; 1 or more: the queue grows without end.
    pub fn utilisation(&self) -> f64 {
        if self.arrivals <= 0.0 { 0.0 } else { self.arrivals * self.service.mean() / self.servers as f64 }
    }

    /// Every request is served in the end.
    pub fn stable(&self) -> bool {
        self.utilisation() < 1.0
    }

    /// The probability that a request has to wait: Erlang C. 1 where the queue is not stable.
    pub fn waits(&self) -> f64 {
        erlang_c(self.servers, self.arrivals * self.service.mean())
    }

    /// Seconds from arrival to completion; infinite where the queue is not stable.
    ///
    /// # Errors
    /// [`PerformanceError::Peak`]: no sojourn is the longest. [`PerformanceError::Quantile`].
    pub fn sojourn(&self, statistic: &Statistic) -> Result<f64, PerformanceError> {
        match statistic {
            Statistic::Mean if !self.stable() => Ok(f64::INFINITY),
            Statistic::Mean => Ok(self.service.mean() + self.waits() / self.drain()),
            Statistic::Quantile(quantile) => {
                let quantile = quantile_of(quantile)?;
                Ok(if self.stable() { self.sojourn_quantile(quantile) } else { f64::INFINITY })
            }
            Statistic::Peak => Err(PerformanceError::Peak),
        }
    }

    /// The probability that a sojourn takes longer than `seconds`, for a stable queue.
    ///
    /// Waiting is an atom `1 - C` at 0 and otherwise exponential with the rate at which the queue drains;
    /// for exponential service the sum of the two exponentials has the closed form used here.
    pub fn sojourn_exceeds(&self, seconds: f64) -> f64 {
        if !self.stable() || seconds < 0.0 {
            return 1.0;
        }
        let (waits, drain) = (self.waits(), self.drain());
        match self.service {
            Service::Exponential { rate } => {
                (1.0 - waits) * (-rate * seconds).exp() + waits * sum_exceeds(*rate, drain, seconds)
            }
            Service::Drawn(times) => times
                .mean(|time| if time > seconds { 1.0 } else { waits * (-drain * (seconds - time)).exp() }),
        }
    }

    /// The fewest servers, at least `from`, whose sojourn keeps `statistic` at or under `limit`
    /// seconds; none where no count does.
    ///
    /// # Errors
    /// As [`Servers::sojourn`].
    pub fn fewest(
        arrivals: f64,
        spacing: f64,
        service: &'a Service,
        statistic: &Statistic,
        limit: f64,
        from: u64,
    ) -> Result<Option<u64>, PerformanceError> {
        let holds = |servers: u64| -> Result<bool, PerformanceError> {
            Ok(Self { arrivals, spacing, service, servers }.sojourn(statistic)? <= limit)
        };
        let mean = service.mean();
        if !mean.is_finite() || mean <= 0.0 || !arrivals.is_finite() {
            return Ok(None);
        }
        // With no waiting at all only service is left, and no count makes that shorter.
        let alone = Self { arrivals: 0.0, spacing, service, servers: 1 };
        if alone.sojourn(statistic)? > limit {
            return Ok(None);
        }
        let stable = (arrivals.max(0.0) * mean).floor();
        if stable > 1e15 {
            return Ok(None);
        }
        let mut low = from.max(stable as u64).max(1);
        if holds(low)? {
            return Ok(Some(low));
        }
        let mut step = 1_u64;
        while !holds(low.saturating_add(step))? {
            step = step.saturating_mul(2);
            if step > 1 << 40 {
                return Ok(None);
            }
        }
        let mut high = low.saturating_add(step);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if holds(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(Some(high))
    }

    /// How fast a wait ends, 1/s: the spare rate of the servers over what the two variations add.
    fn drain(&self) -> f64 {
        let spare = self.servers as f64 / self.service.mean() - self.arrivals;
        spare / (0.5 * (self.spacing + self.service.variation())).max(1e-12)
    }

    fn sojourn_quantile(&self, quantile: f64) -> f64 {
        smallest(|seconds| self.sojourn_exceeds(seconds) <= 1.0 - quantile, self.service.mean())
    }
}

/// Erlang C: the probability that all `servers` are busy at an offered load of `load` erlangs.
///
/// By the recursion of Erlang B, `1/B(c) = 1 + (c/a) / B(c-1)`, which neither overflows nor cancels;
/// then `C = B / (1 - rho (1 - B))`. 1 where the load is not below the count.
pub fn erlang_c(servers: u64, load: f64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    let count = servers as f64;
    if load.is_nan() || load >= count {
        return 1.0;
    }
    if servers > COUNTED {
        return halfin_whitt(count, load);
    }
    // The recursion in B itself, from B(0) = 1: B(k) = a B(k-1) / (k + a B(k-1)).
    let (mut blocked, mut index) = (1.0_f64, 0_u64);
    while index < servers {
        index += 1;
        blocked = load * blocked / (index as f64 + load * blocked);
        // Past the load B only falls; once it is nothing it stays nothing.
        if blocked < 1e-300 {
            return 0.0;
        }
    }
    let utilisation = load / count;
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// Counts up to this are summed one by one.
const COUNTED: u64 = 1_000_000;

/// The limit of Erlang C for many servers, `1 / (1 + b Phi(b) / phi(b))` at `count = load + b sqrt(load)`
/// (Halfin and Whitt, 1981).
fn halfin_whitt(count: f64, load: f64) -> f64 {
    let spare = (count - load) / load.sqrt();
    let density = (-spare * spare / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    density / (density + spare * normal_below(spare))
}

/// The mean wait in M/G/1 (Pollaczek and Khinchine): `R E[X^2] / (2 (1 - R E[X]))` seconds, infinite
/// where `R E[X]` is 1 or more.
///
/// With constant service D the mean sojourn `D + wait` is `D + R D^2 / (2 (1 - R D))`.
pub fn mean_wait(arrivals: f64, mean_service: f64, mean_square_service: f64) -> f64 {
    let utilisation = arrivals * mean_service;
    if utilisation >= 1.0 {
        f64::INFINITY
    } else {
        arrivals * mean_square_service / (2.0 * (1.0 - utilisation))
    }
}

/// The wait for prefill in M/G/1: 0, or one of two exponential variables.
#[derive(Clone, Debug)]
pub struct Wait {
    /// s
    pub mean: f64,
    /// (probability, rate); what the probabilities lack to 1 is the probability of no wait.
    phases: [(f64, f64); 2],
}

impl Wait {
    /// From the first three moments of service and the squared variation of the time between arrivals, 1 for
    /// Poisson; none where the queue is not stable.
    ///
    /// Takacs: `E[W^2] = 2 E[W]^2 + R E[X^3] / (3 (1 - rho))`. The wait given that there is one has the
    /// matching mean; where it varies more than an exponential variable, two of them with balanced
    /// means also match its variance, otherwise one is on the safe side. Other arrivals scale the wait as Allen
    /// and Cunneen have it.
    pub fn new(rate: f64, moments: [f64; 3], spacing: f64) -> Option<Self> {
        let [service, square, cube] = moments;
        let utilisation = rate * service;
        let mean = mean_wait(rate, service, square);
        if !mean.is_finite() {
            return None;
        }
        if mean <= 0.0 {
            return Some(Self { mean: 0.0, phases: [(0.0, 1.0); 2] });
        }
        let second = 2.0 * mean * mean + rate * cube / (3.0 * (1.0 - utilisation));
        let given = mean / utilisation;
        let variation = (second / utilisation / (given * given) - 1.0).max(1.0);
        let short = 0.5 * (1.0 + ((variation - 1.0) / (variation + 1.0)).sqrt());
        let variation = (square / (service * service) - 1.0).max(0.0);
        let longer = ((spacing + variation) / (1.0 + variation)).max(1e-12);
        let phase = |share: f64| (utilisation * share, 2.0 * share / (given * longer));
        Some(Self { mean: mean * longer, phases: [phase(short), phase(1.0 - short)] })
    }

    /// The probability that this wait and another, which is 0 or, with probability `other_waits`,
    /// exponential with rate `other_rate`, exceed `t` seconds together.
    pub fn exceeds_with(&self, other_waits: f64, other_rate: f64, t: f64) -> f64 {
        if t < 0.0 {
            return 1.0;
        }
        let none = 1.0 - self.phases.iter().map(|(weight, _)| weight).sum::<f64>();
        let other = if other_waits > 0.0 { other_waits * (-other_rate * t).exp() } else { 0.0 };
        let own = |(weight, rate): &(f64, f64)| {
            let both = if other_waits > 0.0 { other_waits * sum_exceeds(*rate, other_rate, t) } else { 0.0 };
            weight * ((1.0 - other_waits) * (-rate * t).exp() + both)
        };
        none * other + self.phases.iter().map(own).sum::<f64>()
    }
}

/// The probability that the sum of two independent exponential variables of these rates exceeds `t`.
pub fn sum_exceeds(first: f64, second: f64, t: f64) -> f64 {
    let (slow, fast) = (first.min(second), first.max(second));
    let gap = fast - slow;
    // (fast e^(-slow t) - slow e^(-fast t)) / (fast - slow), written so that equal rates are its limit.
    let ratio = if gap * t < 1e-9 { t } else { -(-gap * t).exp_m1() / gap };
    ((-slow * t).exp() * (1.0 + slow * ratio)).min(1.0)
}

/// The smallest t >= 0 at which `holds`, which stays true once it is; `scale` is its likely size.
pub fn smallest(holds: impl Fn(f64) -> bool, scale: f64) -> f64 {
    if holds(0.0) {
        return 0.0;
    }
    let mut high = scale.max(1e-9);
    while !holds(high) {
        high *= 2.0;
        if high > 1e15 {
            return f64::INFINITY;
        }
    }
    let mut low = 0.0;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= 1e-12 * high {
            break;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_rational::BigRational;

    fn quantile(numerator: u64, denominator: u64) -> Statistic {
        Statistic::Quantile(BigRational::new(numerator.into(), denominator.into()))
    }

    const EVERY_SECOND: Service = Service::Exponential { rate: 1.0 };
    const QUICK: Service = Service::Exponential { rate: 100.0 };

    fn poisson(arrivals: f64, service: &Service, servers: u64) -> Servers<'_> {
        Servers { arrivals, spacing: 1.0, service, servers }
    }

    #[test]
    fn one_server_has_an_exponential_sojourn() {
        // M/M/1: P(T > t) = e^(-(mu - lambda) t), so p99 = ln(100) / (mu - lambda), mean = 1 / (mu - lambda).
        let queue = poisson(70.0, &QUICK, 1);
        let p99 = queue.sojourn(&quantile(99, 100)).unwrap();
        assert!((p99 - 100.0_f64.ln() / 30.0).abs() < 1e-9, "{p99}");
        let mean = queue.sojourn(&Statistic::Mean).unwrap();
        assert!((mean - 1.0 / 30.0).abs() < 1e-12, "{mean}");
        assert!((queue.waits() - 0.7).abs() < 1e-12);
    }

    #[test]
    fn two_servers_follow_the_closed_form() {
        // C(2, a) = a^2 / (2 + a): for a = 1, 1/3; mean wait = C / (c mu - lambda) = 1/3.
        assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-15);
        let queue = poisson(1.0, &EVERY_SECOND, 2);
        assert!((queue.sojourn(&Statistic::Mean).unwrap() - 4.0 / 3.0).abs() < 1e-12);
        // Both rates are 1: P(T > t) = 2/3 e^-t + 1/3 (1 + t) e^-t = (1 + t/3) e^-t.
        for t in [0.0_f64, 0.5, 2.0, 7.0] {
            assert!((queue.sojourn_exceeds(t) - (1.0 + t / 3.0) * (-t).exp()).abs() < 1e-9);
        }
    }

    #[test]
    fn erlang_c_agrees_with_exact_sums() {
        // C = (a^c/c!)(c/(c-a)) / (sum_{k<c} a^k/k! + (a^c/c!)(c/(c-a))), by hand in exact fractions:
        // c = 3, a = 2: (8/6)*3 = 4; 1 + 2 + 2 = 5; C = 4/9.
        assert!((erlang_c(3, 2.0) - 4.0 / 9.0).abs() < 1e-15);
        // c = 4, a = 3: (81/24)*4 = 13.5; 1 + 3 + 4.5 + 4.5 = 13; C = 13.5/26.5 = 27/53.
        assert!((erlang_c(4, 3.0) - 27.0 / 53.0).abs() < 1e-15);
        // c = 5, a = 4: (1024/120)*5 = 128/3; 1 + 4 + 8 + 32/3 + 32/3 = 103/3; C = 128/231.
        assert!((erlang_c(5, 4.0) - 128.0 / 231.0).abs() < 1e-15);
    }

    #[test]
    fn large_counts_neither_overflow_nor_vanish() {
        // Halfin and Whitt, c = a + b sqrt(a) with b = 1: Phi(1) = 0.841345, phi(1) = 0.241971,
        // C = 0.241971 / (0.241971 + 0.841345) = 0.22336. Summed, then by the limit.
        assert!((erlang_c(1_000_000, 999_000.5) - 0.22336).abs() < 1e-3);
        assert!((erlang_c(4_000_000, 3_998_000.5) - 0.22336).abs() < 1e-5);
        assert!(erlang_c(u64::MAX, 1.0) < 1e-300);
        assert_eq!(erlang_c(100_000, 1.0), 0.0);
        assert_eq!(erlang_c(10, 10.0), 1.0);
        assert_eq!(erlang_c(10, f64::NAN), 1.0);
        assert_eq!(erlang_c(0, 1.0), 1.0);
    }

    #[test]
    fn an_overloaded_queue_never_answers() {
        let queue = poisson(200.0, &QUICK, 2);
        assert!(!queue.stable());
        assert_eq!(queue.sojourn(&quantile(99, 100)), Ok(f64::INFINITY));
        assert_eq!(queue.sojourn(&Statistic::Mean), Ok(f64::INFINITY));
        assert_eq!(queue.sojourn(&Statistic::Peak), Err(PerformanceError::Peak));
        assert_eq!(queue.sojourn(&quantile(1, 1)), Err(PerformanceError::Quantile));
    }

    #[test]
    fn the_fewest_servers_meet_the_limit_and_one_less_does_not() {
        // mu = 100/s: p99 of service alone is ln(100)/100 = 46.05 ms.
        let p99 = quantile(99, 100);
        let fewest = |arrivals, limit| Servers::fewest(arrivals, 1.0, &QUICK, &p99, limit, 1).unwrap();
        // One server: ln(100)/(100 - lambda) <= 100 ms up to lambda = 53.9.
        assert_eq!(fewest(53.0, 0.1), Some(1));
        assert_eq!(fewest(55.0, 0.1), Some(2));
        assert_eq!(fewest(55.0, 0.046), None);
        let servers = fewest(2_000.0, 0.05).unwrap();
        let sojourn = |servers| poisson(2_000.0, &QUICK, servers).sojourn(&p99).unwrap();
        assert!(sojourn(servers) <= 0.05 && sojourn(servers - 1) > 0.05);
        assert_eq!(Servers::fewest(f64::NAN, 1.0, &QUICK, &p99, 1.0, 1), Ok(None));
        assert_eq!(Servers::fewest(1.0, 1.0, &Service::Exponential { rate: 0.0 }, &p99, 1.0, 1), Ok(None));
    }

    #[test]
    fn bursts_need_at_least_as_many_servers_as_poisson_and_steadier_arrivals_at_most_as_many() {
        let drawn = Service::Drawn(Lengths { values: vec![(0.002, 0.5), (0.01, 0.4), (0.05, 0.1)] });
        for service in [&QUICK, &drawn] {
            for statistic in [Statistic::Mean, quantile(9, 10), quantile(99, 100)] {
                for limit in [0.06, 0.08, 0.2] {
                    let counts = [0.0, 0.5, 1.0, 2.0, 9.0, 100.0].map(|spacing| {
                        Servers::fewest(700.0, spacing, service, &statistic, limit, 1)
                            .unwrap()
                            .unwrap_or(u64::MAX)
                    });
                    assert!(counts.is_sorted(), "{service:?} {statistic:?} {limit}: {counts:?}");
                    assert!(counts[0] < counts[5] || counts[0] == u64::MAX, "{counts:?}");
                }
            }
        }
    }

    /// Mean and 99th percentile of the sojourns of many requests, first come first served.
    fn simulated(arrivals: f64, spacing: f64, service: &Lengths, servers: usize) -> (f64, f64) {
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
        };
        // Two exponential phases with balanced means have any variation above that of one.
        let short = 0.5 * (1.0 + ((spacing - 1.0) / (spacing + 1.0)).sqrt());
        let (mut now, mut free) = (0.0, vec![0.0_f64; servers]);
        let mut sojourns: Vec<f64> = (0..400_000)
            .map(|_| {
                let share = if uniform() < short { short } else { 1.0 - short };
                now += -uniform().ln() / (2.0 * share * arrivals);
                let mut left = uniform();
                let drawn = service.values.iter().find(|(_, weight)| {
                    left -= weight;
                    left <= 0.0
                });
                let time = drawn.map_or(service.largest(), |(time, _)| *time);
                let next = (0..servers).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
                free[next] = free[next].max(now) + time;
                free[next] - now
            })
            .collect();
        let mean = sojourns.iter().sum::<f64>() / sojourns.len() as f64;
        sojourns.sort_by(f64::total_cmp);
        (mean, sojourns[sojourns.len() * 99 / 100])
    }

    #[test]
    fn the_queue_agrees_with_requests_that_are_served_one_by_one() {
        let times = Lengths { values: vec![(0.01, 0.6), (0.03, 0.3), (0.1, 0.1)] };
        let service = Service::Drawn(times.clone());
        for (servers, spacing, busy) in [(1_u32, 1.0, 0.7), (4, 1.0, 0.8), (4, 4.0, 0.8), (16, 4.0, 0.9)] {
            let arrivals = busy * f64::from(servers) / service.mean();
            let queue = Servers { arrivals, spacing, service: &service, servers: u64::from(servers) };
            let (mean, high) = simulated(arrivals, spacing, &times, servers as usize);
            let own = |statistic: &Statistic| queue.sojourn(statistic).unwrap();
            let (own_mean, own_high) = (own(&Statistic::Mean), own(&quantile(99, 100)));
            let text = format!(
                "{servers} servers, ca² = {spacing}, {busy} busy: mean {mean:.4} predicted {own_mean:.4}, \
                 p99 {high:.4} predicted {own_high:.4}"
            );
            println!("{text}");
            assert!((0.85..1.25).contains(&(own_mean / mean)), "{text}");
            assert!((0.85..1.25).contains(&(own_high / high)), "{text}");
        }
    }

    #[test]
    fn one_server_with_drawn_service_waits_as_pollaczek_and_khinchine_say() {
        // Service 1 or 10 (9 : 1): E X = 1.9, E X^2 = 10.9; R = 0.25: E W = 2.595238 (see below).
        let service = Service::Drawn(Lengths { values: vec![(1.0, 0.9), (10.0, 0.1)] });
        let queue = poisson(0.25, &service, 1);
        assert!((queue.sojourn(&Statistic::Mean).unwrap() - (1.9 + 2.595_238)).abs() < 1e-5);
        // D/D/1 never waits.
        let same = Service::Drawn(Lengths { values: vec![(1.0, 1.0)] });
        let steady = Servers { arrivals: 0.9, spacing: 0.0, service: &same, servers: 1 };
        assert!((steady.sojourn(&quantile(99, 100)).unwrap() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_wait_has_the_moments_it_was_made_from() {
        // Exponential service of mean 1 at R = 0.5: M/M/1, whose wait is exponential beyond its atom.
        let wait = Wait::new(0.5, [1.0, 2.0, 6.0], 1.0).unwrap();
        assert!((wait.mean - 1.0).abs() < 1e-12);
        for t in [0.0_f64, 1.0, 5.0] {
            assert!((wait.exceeds_with(0.0, 1.0, t) - 0.5 * (-0.5 * t).exp()).abs() < 1e-12);
        }
        // Service 1 or 10 (9 : 1): E X = 1.9, E X^2 = 10.9, E X^3 = 100.9; R = 0.25: rho = 0.475,
        // E W = 0.25 * 10.9 / 1.05 = 2.595238, E W^2 = 2 * 2.595238^2 + 0.25 * 100.9 / 1.575 = 29.486395.
        let wait = Wait::new(0.25, [1.9, 10.9, 100.9], 1.0).unwrap();
        let moment = |power: i32| {
            let factorial = f64::from(power);
            wait.phases.iter().map(|(weight, rate)| weight * factorial / rate.powi(power)).sum::<f64>()
        };
        assert!((moment(1) - 2.595_238).abs() < 1e-6, "{}", moment(1));
        assert!((moment(2) - 29.486_395).abs() < 1e-5, "{}", moment(2));
        assert!(Wait::new(1.0, [1.0, 1.0, 1.0], 1.0).is_none());
    }

    #[test]
    fn constant_service_gives_md1() {
        // D = 0.1 s, R = 5/s: rho = 0.5; D + R D^2 / (2 (1 - R D)) = 0.1 + 0.05/1 = 0.15 s.
        assert!((0.1 + mean_wait(5.0, 0.1, 0.01) - 0.15).abs() < 1e-15);
        assert_eq!(mean_wait(10.0, 0.1, 0.01), f64::INFINITY);
    }
}

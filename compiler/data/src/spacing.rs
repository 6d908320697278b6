//! How evenly arrivals come: the coefficient of variation of the time between two of them, 1 for Poisson.
//!
//! A day's rise and fall is no burstiness, so it must not count as such. Arrivals are taken by step, and
//! each gap `x` between two of them as a multiple `y` of the mean gap of its step. Were the `n` gaps of a
//! step a renewal process with gamma gaps of squared coefficient of variation `c`, their shares of the step
//! would be Dirichlet with parameters `1/c`, and then
//!
//! ```text
//! E[ sum (y - 1)^2 ] = n (n - 1) c / (n + c)
//! ```
//!
//! exactly (from the moments of that distribution: Johnson and Kotz, "Distributions in Statistics:
//! Continuous Multivariate Distributions", 1972, chapter 40). The estimate is the `c` at which the sum over
//! all steps is what was observed, so short steps give no bias. A gap belongs to the step in which it begins; one
//! that passes over a whole step says that the rate fell to nothing, and is left out.
//!
//! Some traces keep time in ticks far longer than the gaps; then most gaps read as none and the rest as one
//! tick, which says nothing of spacing. Where more than a fifth of the gaps are none, what is taken is the
//! index of dispersion of the counts by tick, again within steps: variance over mean, which for a renewal process
//! tends to `c` as ticks grow and is 1 for Poisson in any (Cox and Lewis, "The Statistical Analysis of Series
//! of Events", 1966, section 4.5). The tick is the gap that 5 % of the gaps that are not none do not exceed.

use crate::sketch::Sketch;
use std::collections::BTreeMap;

/// Gaps within steps, beyond one a step, below which nothing is said.
const FEWEST: u64 = 30;

/// The share of gaps that are none from which a clock counts as coarse.
const COARSE: f64 = 0.2;

/// The share of the other gaps that do not exceed a tick.
const TICK: f64 = 0.05;

/// What has been seen of the gaps.
pub struct Spacing {
    /// Nanoseconds in a step.
    step: i64,
    /// The step whose gaps are being summed.
    index: i64,
    gaps: Gaps,
    /// The sum of `(y - 1)^2` over the steps that are done.
    scatter: f64,
    /// How many of these steps had so many gaps.
    sizes: BTreeMap<u64, u64>,
    /// How many gaps are none.
    ties: u64,
    /// The others.
    apart: Sketch,
    /// Arrivals at the moment of the last one.
    together: u64,
    /// The sum of the squares of the arrivals that came together.
    squares: f64,
}

/// Gaps that begin in one step.
#[derive(Clone, Copy, Default)]
struct Gaps {
    count: u64,
    sum: f64,
    squares: f64,
}

impl Spacing {
    /// Of one arrival.
    pub fn new(step: i64) -> Self {
        Self {
            step: step.max(1),
            index: 0,
            gaps: Gaps::default(),
            scatter: 0.0,
            sizes: BTreeMap::new(),
            ties: 0,
            apart: Sketch::new(),
            together: 1,
            squares: 0.0,
        }
    }

    /// One more arrival, `now` nanoseconds after the first and `gap` after the one before.
    pub fn arrive(&mut self, now: i64, gap: i64) {
        if gap == 0 {
            self.ties += 1;
            self.together += 1;
        } else {
            self.apart.add(gap.unsigned_abs());
            self.close_moment();
        }
        let index = (now - gap) / self.step;
        if index != self.index {
            self.close_step();
            self.index = index;
        }
        if now / self.step - index > 1 {
            return;
        }
        let gap = gap as f64;
        self.gaps.count += 1;
        self.gaps.sum += gap;
        self.gaps.squares += gap * gap;
    }

    /// The coefficient of variation, given the arrivals by step and the time of the last.
    pub fn coefficient(mut self, arrivals: &[u64], last: i64) -> Option<f64> {
        self.close_step();
        self.close_moment();
        let beyond: u64 = self.sizes.iter().map(|(size, steps)| (size - 1) * steps).sum();
        if beyond < FEWEST {
            return None;
        }
        let gaps = self.ties + self.apart.count();
        let squared = if self.ties as f64 > COARSE * gaps as f64 {
            self.dispersion(arrivals, last)?
        } else {
            self.dispersion_of_gaps()
        };
        Some(squared.max(0.0).sqrt())
    }

    fn close_moment(&mut self) {
        self.squares += (self.together as f64).powi(2);
        self.together = 1;
    }

    fn close_step(&mut self) {
        let Gaps { count, sum, squares } = std::mem::take(&mut self.gaps);
        if count > 1 && sum > 0.0 {
            // sum (x / mean - 1)^2, with mean = sum / count.
            let n = count as f64;
            self.scatter += (squares * n * n / (sum * sum) - n).max(0.0);
            *self.sizes.entry(count).or_default() += 1;
        }
    }

    /// The `c` of the equation above; its left side grows with `c`.
    fn dispersion_of_gaps(&self) -> f64 {
        let expected = |c: f64| -> f64 {
            let of = |(size, steps): (&u64, &u64)| {
                let n = *size as f64;
                *steps as f64 * n * (n - 1.0) * c / (n + c)
            };
            self.sizes.iter().map(of).sum()
        };
        let (mut low, mut high) = (0.0, 1.0);
        while expected(high) < self.scatter && high < 1e12 {
            high *= 2.0;
        }
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if expected(middle) < self.scatter { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    }

    /// Variance over mean of the counts by tick: the counts of a step's `T` ticks have the variance
    /// `(sum g^2 - n^2 / T) / (T - 1)` and the mean `n / T`; steps weigh by their arrivals.
    fn dispersion(&self, arrivals: &[u64], last: i64) -> Option<f64> {
        let tick = self.apart.quantile(TICK)?;
        let (mut between, mut degrees) = (0.0, 0.0);
        for (index, count) in arrivals.iter().enumerate() {
            let begins = self.step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
            let covered = (last as f64 + tick - begins as f64).min(self.step as f64);
            let ticks = (covered / tick).max(1.0);
            let n = *count as f64;
            between += n * n / ticks;
            degrees += n * (1.0 - 1.0 / ticks);
        }
        (degrees > 0.0).then(|| (self.squares - between) / degrees)
    }
}

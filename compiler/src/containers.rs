//! Containers as queues: what one replica carries, and how many keep a promise.

use crate::performance::PerformanceError;
use crate::performance::draws::Lengths;
use crate::performance::queueing::{Servers, Service};
use berth_language::model::{Demand, Fact, ImageWork, Statistic};
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive};

/// A container whose speed is known.
#[derive(Clone, Debug)]
pub struct Container {
    /// Requests a second of one busy replica, exactly where its facts are.
    pub rate: BigRational,
    /// Of one request.
    service: Service,
    /// Requests that one replica serves side by side.
    concurrency: u64,
}

impl Container {
    /// From `serves`, one exponential server a replica; or from `time` and `concurrency`, so many servers.
    /// None where neither is stated.
    pub fn of(work: &ImageWork) -> Option<Self> {
        if let Some(serves) = &work.serves {
            let rate = serves.value.value.clone();
            let service = Service::Exponential { rate: rate.to_f64()? };
            return rate.is_positive().then_some(Self { rate, service, concurrency: 1 });
        }
        let time = &work.time.as_ref()?.value;
        let concurrency = work.concurrency.as_ref().map_or(1, |concurrency| concurrency.value);
        let mean = time.figure(&Statistic::Mean).ok()?;
        if !mean.is_positive() {
            return None;
        }
        let rate = BigRational::from_integer(concurrency.into()) / mean;
        Some(Self { rate, service: Service::Drawn(Lengths::seconds(time)), concurrency })
    }

    /// Its queue, with so many replicas.
    pub fn queue(&self, arrivals: &BigRational, demand: Option<&Fact<Demand>>, replicas: u64) -> Servers<'_> {
        Servers {
            arrivals: arrivals.to_f64().unwrap_or(f64::INFINITY),
            spacing: spacing(demand),
            service: &self.service,
            servers: replicas.saturating_mul(self.concurrency),
        }
    }

    /// The replicas without which the queue grows for ever: exactly, `replicas * rate > arrivals`.
    pub fn stable(&self, arrivals: &BigRational) -> Option<u64> {
        ((arrivals / &self.rate).floor().to_integer() + 1u32).to_u64()
    }

    /// The fewest replicas that keep `statistic` of the latency at or under `limit` seconds; none where no
    /// count does.
    ///
    /// # Errors
    /// As [`Servers::sojourn`].
    pub fn fewest(
        &self,
        arrivals: &BigRational,
        demand: Option<&Fact<Demand>>,
        statistic: &Statistic,
        limit: f64,
    ) -> Result<Option<u64>, PerformanceError> {
        let arrivals = arrivals.to_f64().unwrap_or(f64::INFINITY);
        let servers =
            Servers::fewest(arrivals, spacing(demand), &self.service, statistic, limit, self.concurrency)?;
        Ok(servers.map(|servers| servers.div_ceil(self.concurrency)))
    }
}

/// The squared variation of the time between two arrivals.
pub fn spacing(demand: Option<&Fact<Demand>>) -> f64 {
    let one = BigRational::one();
    let spacing = demand.map_or(&one, |demand| &demand.value.spacing);
    spacing.to_f64().unwrap_or(1.0)
}

//! One replica of an aggregated service, with continuous batching; Poisson arrivals, or burstier ones.
//!
//! `B` sequences are being decoded. A decode-only step takes `D(B)`; a step that also prefills a
//! prompt of S tokens takes `P(S) + D(B) - D(1)`: the weights are read once for both, and what the
//! batch adds is its own attention and arithmetic. Every step gives each sequence one token.
//!
//! **TPOT.** In a time T with N steps, of which `R T` prefill one prompt each,
//! `T = N D(B) + R T E[P - D(1)]`, so `TPOT = T/N = D(B) / (1 - R E[I])` with the interruption
//! `I = max(P(S) - D(1), 0)`: decode is slowed by the share of time that prefill takes from it.
//! Little's law: `B = R E[O - 1] TPOT`, as prefill gives the first of O tokens. A request sees the
//! others and itself (arrivals see time averages), so D is taken at `1 + B`.
//! A step whose tokens were guessed ahead gives `K` of them, more than one: `K >= 1 + i` where the first i guesses are right,
//! with probability `a^i` of an acceptance `a` (Leviathan et al., Fast inference by speculative decoding, 2023, equation
//! 1). Then `TPOT = D(B) / (E[K] (1 - R E[I]))`, and of o tokens the count of steps adds `TPOT^2 Var K / (E[K] o)` to its
//! variance, as a renewal count does.
//! A request of o tokens is interrupted by a Poisson count of prefills, and more while it is interrupted:
//! its time is a busy period that starts with `o D` of work, so the variance of its mean TPOT is
//! `R TPOT E[I^2] / ((1 - R E[I])^2 o)`. That of the batch adds `(dD/dB)^2 Var B / (1 - R E[I])^2`. Decoding is
//! processor sharing with a rate that falls with the batch, whose law near its mean has
//! `Var B = B / (1 - B D'/D)`. Given o, TPOT is taken as lognormal with this mean and variance.
//!
//! **TTFT** = admission + wait for a slot + wait for the current step + wait for prefill + the step
//! itself. Prefill is M/G/1 with service `X = P(S) + D(1 + B) - D(1)`: the mean wait is Pollaczek and
//! Khinchine's, the wait is 0 with probability `1 - rho` and otherwise one of two exponential variables
//! that match the mean and, where that is larger, the variance (see `Wait`). Slots are M/M/c (Erlang C) with the time a sequence stays for service. The current step is
//! uniform. Quantiles are of the convolution of all of these over the distribution of S.
//!
//! **Latency** = TTFT + (O - 1) TPOT, a convolution over O and TPOT with TTFT taken as independent.
//!
//! **Bursts.** Where the time between arrivals varies more than Poisson's, `ca² > 1`, the waits for prefill and
//! for a slot grow by `(ca² + cs²) / (1 + cs²)` and `(ca² + 1) / 2` (see `queueing`), and the variance of the count
//! of sequences by `ca²`, the most that a count in an infinite server grows by (its peakedness lies between 1 and
//! `ca²`; Whitt, Heavy-traffic approximations for service systems with blocking, 1984).
//!
//! **Groups and stages.** Of d data-parallel groups each takes a d-th of the requests and of the batch; their passes
//! go in step, because they share experts, so each is timed with all groups at work. Of p pipeline stages each is
//! held by a prompt for `P/p`: prefill is a queue with service `X/p`, while the prompt itself takes all of `X`
//! (Zhong et al., DistServe, 2024, section 3.1); the batch is decoded in p parts, each a p-th of it, that follow one
//! another through the stages.
//!
//! **Images** are seen before their prompt is prefilled (see `images`): `V` of them takes the first stage's devices, so
//! that a prompt holds that stage for `P/p + V` and takes `P + V` itself.
//!
//! **Images that are made** are all of their request, in every pass of every step (see `images`): it has no prefill, and its
//! answer is there when the last step is done.
//!
//! **One pass a request.** What has no decode answers with its only pass: TTFT and latency are its time and its
//! waiting, as above with an answer of one token and nothing that decodes.
//!
//! Everything grows with the rate, so the most a replica carries is found by bisection.

use super::curve::{Curve, grid};
use super::draws::{Lengths, normal_below};
use super::experts::ExpertSpread;
use super::hardware::Hardware;
use super::images::{Images, Prompts};
use super::memory::{Memory, Phases};
use super::phase::{EngineOverhead, spread_pass};
use super::queueing::{Wait, erlang_c, smallest};
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::degrees::Degrees;
use crate::form::Binding;
use crate::graph::Phase;
use berth_language::model::{Draws, LatencyMeasure, Statistic};
use num_rational::BigRational;
use num_traits::ToPrimitive;
use std::collections::BTreeSet;

/// Relative error of a step beyond that of its operators: what engines differ by, see
/// `docs/performance.md`.
pub const ENGINE_ERROR: f64 = 0.10;

/// What a replica is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Tokens of one prompt, without those of its images.
    pub prompt: Draws,
    /// Images of one request, seen or made; none: it has none.
    pub images: Option<Images>,
    /// Steps in which an image is made.
    pub steps: u64,
    /// Each of them is two passes.
    pub guided: bool,
    /// The probability that a guessed token is right where all before it are.
    pub acceptance: f64,
    /// Tokens of one answer.
    pub output: Draws,
    /// The squared coefficient of variation of the time between two requests; 1 is Poisson.
    pub spacing: f64,
}

/// One limit of a promise.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// `ttft p99 <= most` seconds.
    Latency {
        /// Which.
        measure: LatencyMeasure,
        /// Of the requests.
        statistic: Statistic,
        /// s
        most: f64,
    },
    /// `memory_free >= least`, a share.
    MemoryFree {
        /// The share.
        least: f64,
    },
}

/// How much a replica carries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Requests a second; 0 where no rate keeps the limits.
    pub rate: f64,
    /// The limit, by index, that fails beyond it; none: prefill, memory or slots run out first.
    pub limited_by: Option<usize>,
}

/// One replica: pass times by batch and by prompt length, at the ends of their band.
#[derive(Clone, Debug)]
pub struct Replica {
    fast: Times,
    middle: Times,
    slow: Times,
    prompt: Lengths,
    output: Lengths,
    /// Squared variation of the time between requests, at least 1: requests are shared among replicas by
    /// chance, which makes steady ones irregular and leaves bursts at most as they are.
    spacing: f64,
    memory: Memory,
    /// Data-parallel groups: what follows is of one of them.
    groups: f64,
    /// Pipeline stages of each.
    stages: f64,
    /// Mean and variance of the tokens that a step gives a sequence.
    kept: (f64, f64),
    notes: BTreeSet<Note>,
}

/// The steady state of one replica at one rate.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    replica: &'a Replica,
    times: &'a Times,
    rate: f64,
    /// Sequences being decoded, on average, seen from outside.
    pub batch: f64,
    /// Most sequences that are decoded together: the limit, or what memory holds.
    pub slots: u64,
    /// The share of time that prefill takes.
    pub prefill_share: f64,
    tpot: f64,
    tpot_batch_variance: f64,
    /// `E[I^2] / (1 - R E[I])^2`
    interruption_square: f64,
    step: f64,
    slower: f64,
    wait: Wait,
    slot_waits: f64,
}

impl Replica {
    /// A replica with these degrees. Without `decode` each request is one pass of `prefill`.
    ///
    /// # Errors
    /// As [`pass`](super::phase::pass).
    pub fn new(
        phases: Phases,
        hardware: &Hardware,
        degrees: Degrees,
        workload: &Workload,
    ) -> Result<Self, PerformanceError> {
        Self::with_experts(phases, hardware, degrees, workload, &ExpertSpread::even())
    }

    /// The same, with experts that stand as `spread` says.
    ///
    /// # Errors
    /// As [`pass`](super::phase::pass).
    pub fn with_experts(
        phases: Phases,
        hardware: &Hardware,
        degrees: Degrees,
        workload: &Workload,
        spread: &ExpertSpread,
    ) -> Result<Self, PerformanceError> {
        let Phases { prefill, decode, vision } = phases;
        let engine = EngineOverhead::ASSUMED;
        let mut notes = Notes::Kept(BTreeSet::new());
        let made = prefill.phase == Phase::Denoise;
        let Prompts { tokens: prompt, seeing: [see_fast, see_middle, see_slow], largest } =
            Prompts::new(workload, if made { Some(prefill) } else { vision }, hardware, degrees, &mut notes)?;
        let output = match decode {
            Some(_) => Lengths::of(&workload.output),
            None => Lengths { values: vec![(1.0, 1.0)] },
        };
        // A pass of its own holds one request.
        let engine = match decode {
            Some(_) => engine,
            None => EngineOverhead { token_budget: prompt.largest(), ..engine },
        };
        let memory = Memory::of(phases, hardware, degrees, &engine, &largest, spread)?;
        notes.add(|| memory.note());
        let context = resident(&prompt, &output).0;
        let (groups, stages) = (degrees.data as f64, degrees.pipeline as f64);
        let mut decode_curve = Vec::new();
        for batch in grid(1.0, BATCH_MOST) {
            let Some(decode) = decode else {
                // Nothing decodes: a step of it is the engine's own.
                decode_curve.push((batch, Band::exact(engine.step)));
                continue;
            };
            // The stages work on as many parts of a group's batch at once.
            let sequences = (batch / stages).max(1.0);
            let binding = Binding { sequences, new: 1.0, context, degrees };
            let wanted = if batch <= BATCH_NOTED { &mut notes } else { &mut Notes::Ignored };
            let pass = spread_pass(decode, hardware, &binding, &engine, spread, wanted)?;
            decode_curve.push((batch, pass.seconds));
        }
        let mut prefill_curve = Vec::new();
        // One prompt in a thousand is longer: what is not known about it moves no percentile promised.
        let noted = prompt.exceeded_by(1e-3);
        for new in grid(1.0, prompt.largest().max(2.0)) {
            if made {
                // All that a request takes is making its images.
                prefill_curve.push((new, Band::exact(0.0)));
                continue;
            }
            let binding = Binding { sequences: 1.0, new, context: 0.0, degrees };
            let wanted = if new <= noted { &mut notes } else { &mut Notes::Ignored };
            let pass = spread_pass(prefill, hardware, &binding, &engine, spread, wanted)?;
            prefill_curve.push((new, pass.seconds));
        }
        for note in parallel(&degrees) {
            notes.add(|| note);
        }
        let drafts = decode.map_or(0, |decode| decode.drafts);
        if drafts > 0 {
            notes.add(|| Note {
                kind: NoteKind::Assumed,
                text: format!(
                    "{drafts} guessed tokens a step, each right in {:.0} % of the steps in which those before it are: as stated",
                    100.0 * workload.acceptance
                ),
            });
        }
        let times = |end: fn(&Band) -> f64, seeing: Curve, engine_error: f64| {
            let admission = end(&engine.request);
            let curve = |points: &[(f64, Band)]| {
                Curve::new(points.iter().map(|(x, band)| (*x, end(band) * engine_error)).collect())
            };
            Times {
                decode: curve(&decode_curve),
                prefill: curve(&prefill_curve),
                seeing: seeing.scaled(engine_error),
                admission,
            }
        };
        Ok(Self {
            fast: times(|band| band.low, see_fast, 1.0 - ENGINE_ERROR),
            middle: times(|band| band.middle, see_middle, 1.0),
            slow: times(|band| band.high, see_slow, 1.0 + ENGINE_ERROR),
            prompt,
            output,
            spacing: workload.spacing.max(1.0),
            memory,
            groups,
            stages,
            kept: kept(drafts, workload.acceptance),
            notes: notes.into_kept(),
        })
    }

    /// The most requests a second that keep every limit, judged at the unfavourable end of the band,
    /// with at most `batch` sequences decoded together.
    ///
    /// # Errors
    /// [`PerformanceError::Peak`] or [`PerformanceError::Quantile`] where a limit asks for it.
    pub fn capacity(&self, batch: u64, limits: &[Limit]) -> Result<Capacity, PerformanceError> {
        let fails = |rate: f64| self.first_failing(rate, batch, limits);
        let nothing = fails(1e-9)?;
        if let Verdict::Fails(index) = nothing {
            return Ok(Capacity { rate: 0.0, limited_by: index });
        }
        // Prefill alone takes all the time at this rate.
        let held = self.prompt.mean(|tokens| self.slow.held(tokens, 0.0, self.stages));
        let most = self.groups / held.max(1e-9);
        let (mut low, mut high, mut limited_by) = (1e-9, most, None);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            match fails(middle)? {
                Verdict::Holds => low = middle,
                Verdict::Fails(index) => {
                    high = middle;
                    limited_by = index;
                }
            }
            if high - low <= 1e-6 * high {
                break;
            }
        }
        Ok(Capacity { rate: low, limited_by })
    }

    /// A latency at `rate` requests a second with at most `batch` sequences decoded together; infinite
    /// where the replica cannot keep up.
    ///
    /// # Errors
    /// [`PerformanceError::Peak`] or [`PerformanceError::Quantile`].
    pub fn predict(
        &self,
        rate: f64,
        batch: u64,
        measure: LatencyMeasure,
        statistic: &Statistic,
    ) -> Result<Band, PerformanceError> {
        let at = |times| match self.load(times, rate, batch) {
            Some(load) => load.latency(measure, statistic),
            None => statistic_is_known(statistic).map(|()| f64::INFINITY),
        };
        Ok(Band { low: at(&self.fast)?, middle: at(&self.middle)?, high: at(&self.slow)? })
    }

    /// The share of device memory that stays free at `rate`, with the KV cache at the mean count of
    /// sequences and three standard deviations more; negative or 0 where it cannot keep up.
    ///
    /// A slower replica holds more sequences, so the slow end is `low`.
    pub fn predict_memory_free(&self, rate: f64, batch: u64) -> Band {
        let at = |times| self.load(times, rate, batch).map_or(0.0, |load| load.memory_free());
        Band { low: at(&self.slow), middle: at(&self.middle), high: at(&self.fast) }
    }

    /// The memory of one of its devices.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Where its figures come from.
    pub fn notes(&self) -> &BTreeSet<Note> {
        &self.notes
    }

    /// The steady state in the middle of the band; none where the replica cannot keep up.
    pub fn steady_state(&self, rate: f64, batch: u64) -> Option<Load<'_>> {
        self.load(&self.middle, rate, batch)
    }

    /// Most sequences that a data-parallel group decodes together: its part of `batch`, or as many as the KV
    /// cache holds but for three standard deviations of what they hold together.
    pub fn slots(&self, batch: u64) -> u64 {
        let (mean, deviation) = resident(&self.prompt, &self.output);
        let tokens = self.memory.most_tokens();
        // Of one group.
        let batch = batch / self.groups as u64;
        if tokens.is_infinite() {
            return batch;
        }
        // n mean + 3 sqrt(n) deviation = tokens
        let root =
            (-3.0 * deviation + (9.0 * deviation * deviation + 4.0 * mean * tokens).sqrt()) / (2.0 * mean);
        let fit = (root * root).floor();
        if fit.is_finite() && fit >= 1.0 { batch.min(fit as u64) } else { 0 }
    }

    fn first_failing(&self, rate: f64, batch: u64, limits: &[Limit]) -> Result<Verdict, PerformanceError> {
        let load = self.load(&self.slow, rate, batch);
        for (index, limit) in limits.iter().enumerate() {
            let holds = match (limit, &load) {
                (Limit::Latency { statistic, .. }, None) => {
                    statistic_is_known(statistic)?;
                    true
                }
                (Limit::MemoryFree { .. }, None) => true,
                (Limit::Latency { measure, statistic, most }, Some(load)) => {
                    load.keeps(*measure, statistic, *most)?
                }
                (Limit::MemoryFree { least }, Some(load)) => load.memory_free() >= *least,
            };
            if !holds {
                return Ok(Verdict::Fails(Some(index)));
            }
        }
        Ok(if load.is_some() { Verdict::Holds } else { Verdict::Fails(None) })
    }

    fn load<'a>(&'a self, times: &'a Times, rate: f64, batch: u64) -> Option<Load<'a>> {
        let slots = self.slots(batch);
        if slots == 0 || !rate.is_finite() || rate < 0.0 {
            return None;
        }
        let rate = rate / self.groups;
        let alone = times.decode.at(1.0);
        // A prompt holds each stage for its part of the pass.
        let interruption = |tokens: f64| times.held(tokens, -alone, self.stages);
        let prefill_share = rate * self.prompt.mean(interruption);
        if prefill_share >= 1.0 {
            return None;
        }
        let interruption_square =
            self.prompt.mean(|tokens| interruption(tokens).powi(2)) / (1.0 - prefill_share).powi(2);
        let (kept, _) = self.kept;
        let tokens = self.output.mean(|tokens| tokens - 1.0) / kept;
        // B = rate tokens D(1 + B) / (1 - share), the smallest solution with 1 + B within the slots.
        let per_step = rate * tokens / (1.0 - prefill_share);
        let batch = times.decode.fixed_point(per_step).filter(|batch| *batch < slots as f64)?;
        let seen = (1.0 + batch).min(slots as f64);
        let step = times.decode.at(seen);
        let tpot = step / (1.0 - prefill_share) / kept;
        let slope = times.decode.slope(seen) / (1.0 - prefill_share) / kept;
        let elasticity = batch * times.decode.slope(seen) / step;
        let spread = self.spacing * batch;
        let batch_variance =
            (spread / (1.0 - elasticity).max(0.05)).min(spread + (slots as f64).powi(2) / 4.0);
        let slower = (step - alone).max(0.0);
        let service = |tokens: f64| times.held(tokens, slower, self.stages);
        let mean_service = self.prompt.mean(service);
        let mean_square = self.prompt.mean(|tokens| service(tokens).powi(2));
        let mean_cube = self.prompt.mean(|tokens| service(tokens).powi(3));
        let wait = Wait::new(rate, [mean_service, mean_square, mean_cube], self.spacing)?;
        Some(Load {
            replica: self,
            times,
            rate,
            batch,
            slots,
            prefill_share: rate * mean_service,
            tpot,
            tpot_batch_variance: slope * slope * batch_variance,
            interruption_square,
            step,
            slower,
            wait,
            slot_waits: erlang_c(slots, batch),
        })
    }
}

impl Load<'_> {
    /// A latency at this load, in s.
    ///
    /// # Errors
    /// [`PerformanceError::Peak`] or [`PerformanceError::Quantile`].
    pub fn latency(&self, measure: LatencyMeasure, statistic: &Statistic) -> Result<f64, PerformanceError> {
        match statistic {
            Statistic::Mean => Ok(self.mean(measure)),
            Statistic::Quantile(quantile) => {
                let beyond = 1.0 - quantile_of(quantile)?;
                let exceeds = self.exceeding(measure);
                Ok(smallest(|seconds| exceeds(seconds) <= beyond, self.mean(measure)))
            }
            Statistic::Peak => Err(PerformanceError::Peak),
        }
    }

    /// The share of device memory that stays free.
    pub fn memory_free(&self) -> f64 {
        let (mean, deviation) = resident(&self.replica.prompt, &self.replica.output);
        let deviations = 3.0 * (self.replica.spacing * self.batch).sqrt();
        let sequences = (self.batch + deviations).min(self.slots as f64);
        self.replica.memory.free(sequences * mean + 3.0 * sequences.sqrt() * deviation)
    }

    /// `latency(measure, statistic) <= most`, without looking for the quantile.
    fn keeps(
        &self,
        measure: LatencyMeasure,
        statistic: &Statistic,
        most: f64,
    ) -> Result<bool, PerformanceError> {
        match statistic {
            Statistic::Quantile(quantile) => {
                Ok(self.exceeding(measure)(most) <= 1.0 - quantile_of(quantile)?)
            }
            _ => Ok(self.latency(measure, statistic)? <= most),
        }
    }

    fn mean(&self, measure: LatencyMeasure) -> f64 {
        let ttft = || {
            let own = self.replica.prompt.mean(|tokens| self.own(tokens));
            self.times.admission
                + own
                + self.wait.mean
                + self.slot_wait_mean()
                + self.decoding() * self.step / 2.0
        };
        match measure {
            LatencyMeasure::Ttft => ttft(),
            LatencyMeasure::Tpot => self.tpot,
            LatencyMeasure::Latency => ttft() + self.replica.output.mean(|tokens| tokens - 1.0) * self.tpot,
        }
    }

    /// The probability that the measure exceeds so many seconds.
    fn exceeding(&self, measure: LatencyMeasure) -> Box<dyn Fn(f64) -> f64 + '_> {
        match measure {
            LatencyMeasure::Ttft => Box::new(|seconds| self.ttft_exceeds(seconds)),
            LatencyMeasure::Tpot => Box::new(|seconds| self.tpot_exceeds(seconds)),
            LatencyMeasure::Latency => {
                // TTFT once, on a grid that holds all but a millionth of it.
                let end =
                    smallest(|seconds| self.ttft_exceeds(seconds) <= 1e-6, self.mean(LatencyMeasure::Ttft));
                let points = 64_u32;
                let ttft = Curve::new(
                    (0..=points)
                        .map(|index| {
                            let seconds = end * f64::from(index) / f64::from(points);
                            (seconds, self.ttft_exceeds(seconds))
                        })
                        .collect(),
                );
                Box::new(move |seconds| {
                    self.replica.output.mean(|tokens| {
                        let after = tokens - 1.0;
                        let (location, scale) = self.tpot_given(after.max(1.0));
                        // Five equally likely values of TPOT, each at the middle of its fifth.
                        let fifths =
                            [-1.281_551_565_5, -0.524_400_512_7, 0.0, 0.524_400_512_7, 1.281_551_565_5];
                        fifths
                            .iter()
                            .map(|z| {
                                let left = seconds - after * (location + scale * z).exp();
                                if left < 0.0 { 1.0 } else { ttft.at(left) }
                            })
                            .sum::<f64>()
                            / 5.0
                    })
                })
            }
        }
    }

    fn ttft_exceeds(&self, seconds: f64) -> f64 {
        let slot_rate =
            if self.slot_waits > 0.0 { self.slot_waits / self.slot_wait_mean() } else { f64::INFINITY };
        let slot_waits = if slot_rate.is_finite() { self.slot_waits } else { 0.0 };
        let waits_exceed = |t: f64| self.wait.exceeds_with(slot_waits, slot_rate, t);
        let decoding = self.decoding();
        self.replica.prompt.mean(|tokens| {
            let left = seconds - self.times.admission - self.own(tokens);
            // The current step is uniform: the middles of its quarters.
            let within: f64 =
                [0.125, 0.375, 0.625, 0.875].iter().map(|part| waits_exceed(left - part * self.step)).sum();
            decoding * within / 4.0 + (1.0 - decoding) * waits_exceed(left)
        })
    }

    fn tpot_exceeds(&self, seconds: f64) -> f64 {
        if seconds <= 0.0 {
            return 1.0;
        }
        self.replica.output.mean(|tokens| {
            let (location, scale) = self.tpot_given((tokens - 1.0).max(1.0));
            if scale <= 0.0 {
                return if seconds.ln() < location { 1.0 } else { 0.0 };
            }
            normal_below((location - seconds.ln()) / scale)
        })
    }

    /// Location and scale of the logarithm of TPOT for a request of so many tokens after the first.
    fn tpot_given(&self, tokens: f64) -> (f64, f64) {
        let (kept, kept_variance) = self.replica.kept;
        let steps = self.tpot * self.tpot * kept_variance / kept;
        let variance =
            self.tpot_batch_variance + (steps + self.rate * self.tpot * self.interruption_square) / tokens;
        let square = (variance / (self.tpot * self.tpot)).ln_1p();
        (self.tpot.ln() - square / 2.0, square.sqrt())
    }

    /// The step that prefills a prompt of so many tokens.
    fn own(&self, tokens: f64) -> f64 {
        self.times.held(tokens, self.slower, 1.0)
    }

    /// The probability that some sequence is being decoded, which is Poisson.
    fn decoding(&self) -> f64 {
        -(-self.batch).exp_m1()
    }

    fn slot_wait_mean(&self) -> f64 {
        let stays = self.replica.output.mean(|tokens| tokens - 1.0) * self.tpot;
        let longer = 0.5 * (self.replica.spacing + 1.0);
        self.slot_waits * longer * stays / (self.slots as f64 - self.batch)
    }
}

/// What is assumed of axes beside the tensor degree.
fn parallel(degrees: &Degrees) -> Vec<Note> {
    let mut notes = Vec::new();
    if degrees.data > 1 {
        notes.push(Note {
            kind: NoteKind::Assumed,
            text: format!("{} data-parallel groups share the requests evenly and go in step", degrees.data),
        });
    }
    if degrees.pipeline > 1 {
        notes.push(Note {
            kind: NoteKind::Assumed,
            text: format!("{} pipeline stages take equally long and are never idle", degrees.pipeline),
        });
    }
    notes
}

/// The value of a quantile in (0, 1).
pub(super) fn quantile_of(quantile: &BigRational) -> Result<f64, PerformanceError> {
    quantile.to_f64().filter(|value| *value > 0.0 && *value < 1.0).ok_or(PerformanceError::Quantile)
}

fn statistic_is_known(statistic: &Statistic) -> Result<(), PerformanceError> {
    match statistic {
        Statistic::Mean => Ok(()),
        Statistic::Quantile(quantile) => quantile_of(quantile).map(drop),
        Statistic::Peak => Err(PerformanceError::Peak),
    }
}

enum Verdict {
    Holds,
    Fails(Option<usize>),
}

/// Tokens that a sequence being decoded holds, seen at a random time: mean and standard deviation.
///
/// It has its prompt and a uniform part of its output, and long outputs are seen more often:
/// `E[O^2] / (2 E[O])` on average.
fn resident(prompt: &Lengths, output: &Lengths) -> (f64, f64) {
    let moment = |lengths: &Lengths, power: i32| lengths.mean(|value| value.powi(power));
    let (one, two, three) = (moment(output, 1), moment(output, 2), moment(output, 3));
    let grown = two / (2.0 * one);
    let mean = moment(prompt, 1) + grown;
    let variance = moment(prompt, 2) - moment(prompt, 1).powi(2) + three / (3.0 * one) - grown * grown;
    (mean, variance.max(0.0).sqrt())
}

/// Mean and variance of the tokens that a step gives where so many were guessed.
fn kept(drafts: u64, acceptance: f64) -> (f64, f64) {
    // Of a variable with P(K > i) = a^i: its mean is the sum of those, that of its square of (2 i + 1) a^i.
    let (mut mean, mut square, mut all_right) = (0.0, 0.0, 1.0);
    for guess in 0..=drafts {
        mean += all_right;
        square += (2 * guess + 1) as f64 * all_right;
        all_right *= acceptance;
    }
    (mean, (square - mean * mean).max(0.0))
}

/// Sequences beyond which decode times are extrapolated.
const BATCH_MOST: f64 = 1_024.0;

/// Sequences up to which notes are taken: the most that a plan decodes together unless it says more.
const BATCH_NOTED: f64 = 256.0;

#[derive(Clone, Debug)]
struct Times {
    /// Seconds of a decode-only step by sequences.
    decode: Curve,
    /// Seconds of the pass over one prompt by tokens.
    prefill: Curve,
    /// Seconds of seeing the images of a prompt by its tokens.
    seeing: Curve,
    /// Seconds from arrival to the queue.
    admission: f64,
}

impl Times {
    /// How long a prompt of so many tokens, images among them, holds each of `stages`, where its prefill takes `more`
    /// seconds more; less than nothing is nothing.
    fn held(&self, tokens: f64, more: f64, stages: f64) -> f64 {
        (self.prefill.at(tokens) + more).max(0.0) / stages + self.seeing.at(tokens)
    }
}

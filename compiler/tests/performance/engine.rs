//! A serving engine step by step: the judge of what `serving` derives. It shares the pass times with
//! it, and none of the queueing.

use std::collections::VecDeque;

/// How an engine mixes prompts into steps.
#[derive(Clone, Copy, PartialEq)]
pub enum Mixing {
    /// One step decodes the batch and prefills a chunk: vLLM, TensorRT-LLM.
    Together,
    /// Prompts first; decoding waits: SGLang.
    PromptsFirst,
}

/// What the engine is told.
pub struct Engine<'a> {
    /// s of a decode-only step by sequences.
    pub decode: &'a dyn Fn(f64) -> f64,
    /// s of a pass over this many tokens of prompts.
    pub prefill: &'a dyn Fn(f64) -> f64,
    pub mixing: Mixing,
    pub token_budget: f64,
    pub slots: usize,
    pub admission: f64,
}

/// One request.
#[derive(Clone, Copy)]
pub struct Request {
    pub arrival: f64,
    pub prompt: f64,
    pub output: u64,
}

/// What it saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub ttft: f64,
    pub tpot: f64,
    pub latency: f64,
}

struct Running {
    request: Request,
    left: f64,
    made: u64,
    first: f64,
}

/// Serves every request. `next` is told of each completion and may send another request.
pub fn serve(
    engine: &Engine,
    mut arrivals: VecDeque<Request>,
    mut next: impl FnMut(f64) -> Option<Request>,
) -> Vec<Seen> {
    let mut now = 0.0;
    let mut waiting: VecDeque<Running> = VecDeque::new();
    let mut running: Vec<Running> = Vec::new();
    let mut seen = Vec::new();
    loop {
        while arrivals.front().is_some_and(|request| request.arrival + engine.admission <= now) {
            let request = arrivals.pop_front().unwrap();
            waiting.push_back(Running { request, left: request.prompt, made: 0, first: 0.0 });
        }
        // Admit by order of arrival while there are slots.
        while running.len() < engine.slots {
            let Some(request) = waiting.pop_front() else { break };
            running.push(request);
        }
        if running.is_empty() {
            match arrivals.front() {
                Some(request) => now = request.arrival + engine.admission,
                None => return seen,
            }
            continue;
        }
        let decoding = running.iter().filter(|sequence| sequence.left <= 0.0).count();
        let prompts_wait = running.iter().any(|sequence| sequence.left > 0.0);
        let decodes = decoding > 0 && !(engine.mixing == Mixing::PromptsFirst && prompts_wait);
        let mut budget = engine.token_budget - if decodes { decoding as f64 } else { 0.0 };
        let mut chunk = 0.0;
        let mut finishing = Vec::new();
        for (index, sequence) in running.iter_mut().enumerate().filter(|(_, sequence)| sequence.left > 0.0) {
            let part = sequence.left.min(budget);
            if part <= 0.0 {
                break;
            }
            budget -= part;
            chunk += part;
            sequence.left -= part;
            if sequence.left <= 0.0 {
                finishing.push(index);
            }
        }
        let alone = (engine.decode)(1.0);
        now += match (decodes, chunk > 0.0) {
            (true, true) => (engine.prefill)(chunk) + ((engine.decode)(decoding as f64) - alone).max(0.0),
            (true, false) => (engine.decode)(decoding as f64),
            (false, _) => (engine.prefill)(chunk),
        };
        for (index, sequence) in running.iter_mut().enumerate() {
            if finishing.contains(&index) {
                sequence.first = now;
                sequence.made = 1;
            } else if decodes && sequence.left <= 0.0 {
                sequence.made += 1;
            }
        }
        let mut sent = Vec::new();
        running.retain(|sequence| {
            let done = sequence.left <= 0.0 && sequence.made >= sequence.request.output;
            if done {
                let arrival = sequence.request.arrival;
                let after = sequence.request.output.saturating_sub(1);
                seen.push(Seen {
                    ttft: sequence.first - arrival,
                    tpot: if after > 0 { (now - sequence.first) / after as f64 } else { 0.0 },
                    latency: now - arrival,
                });
                sent.extend(next(now));
            }
            !done
        });
        arrivals.extend(sent);
    }
}

/// Uniform numbers in (0, 1) from a seed: splitmix64.
pub struct Uniform(pub u64);

impl Uniform {
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// A function of one variable through points a factor of sqrt(2) apart.
pub fn tabulated(most: f64, of: impl Fn(f64) -> f64) -> impl Fn(f64) -> f64 {
    let mut points = vec![];
    let mut x = 1.0;
    while x < most * 1.5 {
        points.push((x, of(x)));
        x *= std::f64::consts::SQRT_2;
    }
    move |x: f64| {
        let above = points.partition_point(|point| point.0 < x).clamp(1, points.len() - 1);
        let ((x0, y0), (x1, y1)) = (points[above - 1], points[above]);
        y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    }
}

//! What the images of a request add to it: tokens of its prompt and the time of seeing them, or that of making them.
//!
//! An image of so many pixels is `pixels / pixels of a patch` patches, each a part of a token, and at least the patches
//! of one token. The images of one request are of one size, which varies among requests, and are seen one after
//! another in the step that prefills their prompt, by the devices of its first stage. Sizes, counts and the prompt's
//! own tokens are independent. Given the length of the whole prompt, seeing takes its mean time.
//!
//! Images that are made are made one after another too, each in so many steps of one pass over its tokens and those of its
//! text. A step that is guided passes over both of its halves at once (Ho, Salimans, 2022). Then the request has the tokens
//! of its images, and takes what making them takes; pipelines pad texts to one length, so these are taken at their mean.

use super::draws::{Lengths, normal_below};
use super::hardware::Hardware;
use super::phase::{EngineOverhead, pass};
use super::serving::Workload;
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::degrees::Degrees;
use crate::form::Binding;
use crate::graph::{Patches, Phase, PhaseGraph};
use crate::performance::curve::{Curve, grid};
use berth_language::model::Draws;

/// Images of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// How many.
    pub count: Draws,
    /// Pixels of one.
    pub pixels: Draws,
}

/// Prompts with their images.
#[derive(Clone, Debug)]
pub(super) struct Prompts {
    /// Tokens, those of images included.
    pub(super) tokens: Lengths,
    /// Seconds of seeing or making by tokens of the prompt: the low end of the band, the middle and the high end.
    pub(super) seeing: [Curve; 3],
    /// The pass over the largest image.
    pub(super) largest: Binding,
}

/// One size of request and how likely it is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Request {
    tokens: f64,
    seeing: [f64; 3],
    weight: f64,
}

/// Sizes of requests that are told apart, as many as the bins of a family of draws; and of images alone.
const REQUESTS: u32 = 160;
const IMAGES: u32 = 64;

impl Prompts {
    /// Of requests with a prompt of text and, where they have some, images that a pass of `graph` sees, or that its passes
    /// make.
    ///
    /// # Errors
    /// As [`pass`].
    pub(super) fn new(
        workload: &Workload,
        graph: Option<&PhaseGraph>,
        hardware: &Hardware,
        degrees: Degrees,
        notes: &mut Notes,
    ) -> Result<Self, PerformanceError> {
        let text = Lengths::of(&workload.prompt);
        let none = Binding { sequences: 1.0, new: 0.0, context: 0.0, degrees };
        let patches = graph.and_then(|graph| graph.patches.map(|patches| (graph, patches)));
        let (Some(images), Some((graph, Patches { pixels, tokens: each }))) = (&workload.images, patches)
        else {
            let nothing = || Curve::new(Vec::new());
            return Ok(Self { tokens: text, seeing: [nothing(), nothing(), nothing()], largest: none });
        };
        let made = graph.phase == Phase::Denoise;
        let (one, text, steps) = match made {
            false => (none, text, 1.0),
            true => {
                let sequences = if workload.guided { 2.0 } else { 1.0 };
                let one = Binding { sequences, context: text.mean(|tokens| tokens), ..none };
                (one, Lengths { values: vec![(0.0, 1.0)] }, workload.steps as f64)
            }
        };
        let least = 1.0 / each;
        let sizes = Lengths::at_least(&images.pixels, 0.0).each(|size| (size / pixels as f64).max(least));
        let counts = Lengths::at_least(&images.count, 0.0);
        notes.add(|| Note {
            kind: NoteKind::Assumed,
            text: match made {
                false => "images are seen one after another by the first stage, in the step that prefills their prompt; \
                          reading and resizing them on the host is in no figure",
                true => "images are made one after another; what encodes their text and decodes them runs elsewhere, and is \
                         in no figure of time or memory",
            }
            .to_owned(),
        });
        let mut curves = [Vec::new(), Vec::new(), Vec::new()];
        let noted = sizes.exceeded_by(1e-3);
        for new in grid(least, sizes.largest().max(2.0 * least)) {
            let binding = Binding { new, ..one };
            let wanted = if new <= noted { &mut *notes } else { &mut Notes::Ignored };
            let pass = pass(graph, hardware, &binding, &EngineOverhead::ASSUMED, wanted)?;
            let Band { low, middle, high } = pass.seconds;
            // The step of what is seen is the prefill's.
            let own = if made { 0.0 } else { pass.step };
            for (curve, end) in curves.iter_mut().zip([low, middle, high]) {
                curve.push((new, steps * (end - own).max(0.0)));
            }
        }
        let curves = curves.map(Curve::new);
        let mut seen = Vec::new();
        for (count, likely) in &counts.values {
            for (size, share) in &sizes.values {
                seen.push(Request {
                    tokens: count * size * each,
                    seeing: [0, 1, 2]
                        .map(|end: usize| curves.get(end).map_or(0.0, |curve| count * curve.at(*size))),
                    weight: likely * share,
                });
            }
        }
        let seen = gathered(seen, IMAGES);
        let mut requests = Vec::new();
        for (tokens, likely) in &text.values {
            for image in &seen {
                requests.push(Request {
                    tokens: tokens + image.tokens,
                    seeing: image.seeing,
                    weight: likely * image.weight,
                });
            }
        }
        let requests = gathered(requests, REQUESTS);
        let seeing = |end: usize| {
            let of = |request: &Request| request.seeing.get(end).copied().unwrap_or(0.0);
            Curve::new(requests.iter().map(|request| (request.tokens, of(request))).collect())
        };
        Ok(Self {
            tokens: Lengths {
                values: requests.iter().map(|request| (request.tokens, request.weight)).collect(),
            },
            seeing: [seeing(0), seeing(1), seeing(2)],
            largest: Binding { new: sizes.largest(), ..one },
        })
    }
}

/// At most so many requests in the place of many, ascending in tokens: each the mean of its neighbours. They are finer
/// where few are, as the bins of a family of draws: equal parts of eight standard deviations of a normal variable.
fn gathered(mut requests: Vec<Request>, most: u32) -> Vec<Request> {
    requests.sort_by(|one, other| one.tokens.total_cmp(&other.tokens));
    let edge = |index: u32| normal_below(-4.0 + 8.0 * f64::from(index + 1) / f64::from(most));
    let mut gathered: Vec<Request> = Vec::new();
    let (mut bin, mut below, mut open) = (0, 0.0, None::<Request>);
    for request in requests.into_iter().filter(|request| request.weight > 0.0) {
        let middle = below + request.weight / 2.0;
        below += request.weight;
        let before = bin;
        while bin + 1 < most && edge(bin) < middle {
            bin += 1;
        }
        open = Some(match open {
            // What is equal stays together, so that no length is told apart from itself.
            Some(sum) if bin == before || sum.tokens / sum.weight >= request.tokens => Request {
                tokens: sum.tokens + request.weight * request.tokens,
                seeing: plus(sum.seeing, request.seeing, request.weight),
                weight: sum.weight + request.weight,
            },
            other => {
                gathered.extend(other);
                Request {
                    tokens: request.weight * request.tokens,
                    seeing: plus([0.0; 3], request.seeing, request.weight),
                    weight: request.weight,
                }
            }
        });
    }
    gathered.extend(open);
    for request in &mut gathered {
        request.tokens /= request.weight;
        request.seeing = request.seeing.map(|seconds| seconds / request.weight);
    }
    gathered
}

fn plus(sum: [f64; 3], more: [f64; 3], weight: f64) -> [f64; 3] {
    let [low, middle, high] = sum;
    let [more_low, more_middle, more_high] = more;
    [low + weight * more_low, middle + weight * more_middle, high + weight * more_high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_keeps_the_mass_the_mean_and_the_tail() {
        // Uniform over 0.5, 1.5 … 9999.5: mean 5000, p99 9900.
        let many: Vec<Request> = (0..10_000)
            .rev()
            .map(|index| {
                let tokens = f64::from(index) + 0.5;
                Request { tokens, seeing: [tokens, 2.0 * tokens, 3.0 * tokens], weight: 1e-4 }
            })
            .collect();
        let few = gathered(many, 160);
        assert!(few.len() <= 160 && few.is_sorted_by(|one, other| one.tokens < other.tokens));
        let mean = |of: &dyn Fn(&Request) -> f64| few.iter().map(|one| one.weight * of(one)).sum::<f64>();
        assert!((mean(&|_| 1.0) - 1.0).abs() < 1e-9);
        assert!((mean(&|one| one.tokens) - 5_000.0).abs() < 1e-6);
        let [_, middle, high] = [0, 1, 2].map(|end: usize| mean(&move |one| one.seeing[end]));
        assert!((middle - 10_000.0).abs() < 1e-6 && (high - 15_000.0).abs() < 1e-6);
        let beyond: f64 = few.iter().filter(|one| one.tokens > 9_900.0).map(|one| one.weight).sum();
        assert!((beyond - 0.01).abs() < 2e-3, "{beyond}");
    }

    #[test]
    fn equal_requests_are_one() {
        let one = Request { tokens: 900.0, seeing: [1.0, 2.0, 3.0], weight: 0.25 };
        assert_eq!(gathered(vec![one; 4], 160), [Request { weight: 1.0, ..one }]);
    }
}

//! How long one operator takes on one device: roofline over its resources, with what was measured.
//!
//! Demands (FLOPs, bytes) come from the operator's cost forms; its kind gives the shape by which
//! efficiency is looked up. A device without fits gets a roofline from its datasheet with guessed
//! efficiencies, a wide band and a note that says so.

use super::experts::ExpertSpread;
use super::fits::{self, DecodeAttention, Fit, Matmul, PrefillAttention};
use super::hardware::Hardware;
use super::links;
use super::{Band, Note, NoteKind, Notes, PerformanceError};
use crate::form::{Binding, Form};
use crate::graph::{Operator, OperatorKind, Phase, Variant};
use berth_language::model::Precision;

/// Relative error assumed of everything that was not measured on the device.
pub const UNMEASURED_ERROR: f64 = 0.5;

/// Share of memory bandwidth that normalisation, activation functions and lookups reach, and seconds
/// to start one inside a captured graph. No table measures them; rounded from public kernel profiles
/// of fused normalisation on Hopper (2 to 3 µs in decode).
const ELEMENTWISE: (f64, f64) = (0.7, 2e-6);

/// Guessed efficiencies for a device nobody measured, below every device that was: arithmetic and
/// memory shares of the datasheet and seconds to start.
const DATASHEET: (f64, f64, f64) = (0.45, 0.6, 10e-6);

/// Declared figures this close to those of the measured device are taken to be the same.
const SAME: f64 = 0.02;

/// What one repetition of an operator asks of one device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demands {
    /// FLOPs.
    pub flops: f64,
    /// Bytes of weights read.
    pub weight_bytes: f64,
    /// Bytes of activations moved between memory and compute.
    pub activation_bytes: f64,
    /// Bytes of keys and values moved.
    pub kv_bytes: f64,
    /// Bytes sent to other devices.
    pub link_bytes: f64,
}

impl Demands {
    /// The cost forms of `operator` at `binding`.
    ///
    /// # Errors
    /// A cost has no finite value there.
    pub fn of(operator: &Operator, binding: &Binding) -> Result<Self, PerformanceError> {
        let at = |form: &Form| finite(operator, form, binding);
        Ok(Self {
            flops: at(&operator.flops)?,
            weight_bytes: at(&operator.weight_bytes)?,
            activation_bytes: at(&operator.activation_bytes)?,
            kv_bytes: at(&operator.kv_bytes)?,
            link_bytes: at(&operator.link_bytes)?,
        })
    }
}

fn finite(operator: &Operator, form: &Form, binding: &Binding) -> Result<f64, PerformanceError> {
    let value = form.evaluate(binding);
    if value.is_finite() {
        Ok(value.max(0.0))
    } else {
        Err(PerformanceError::NotFinite { operator: operator.name.clone() })
    }
}

/// The time of one repetition of `operator`, with its `demands` at `binding`, on one device of `hardware`, in seconds; the
/// band holds nine of ten rows that its fit had not seen. Where experts stand as `spread` says, it is the mean of the layers.
/// Where it comes from is added to `notes`.
///
/// # Errors
/// The device states no peak rate at the precision, the node no fabric where devices must
/// communicate, or a cost has no finite value at the binding.
pub fn operator_time(
    operator: &Operator,
    demands: &Demands,
    phase: Phase,
    hardware: &Hardware,
    binding: &Binding,
    spread: &ExpertSpread,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let at = |form: &Form| finite(operator, form, binding);
    let &Demands { flops, weight_bytes, activation_bytes, kv_bytes, link_bytes } = demands;
    let other_bytes = weight_bytes + activation_bytes;
    let bytes = kv_bytes + other_bytes;
    match &operator.kind {
        OperatorKind::Lookup | OperatorKind::Elementwise => {
            Ok(elementwise(bytes, operator.starts_kernel(), hardware, notes))
        }
        OperatorKind::Matmul { rows, inner, columns, precision } => {
            let precision = arithmetic(operator, *precision, hardware)?;
            let shape = [at(rows)?, at(columns)?, at(inner)?];
            matmul(flops, bytes, shape, precision, hardware, notes)
        }
        OperatorKind::Attention { heads, kv_heads, head_width, cache, window } => {
            let (heads, kv_heads) = (at(heads)?, at(kv_heads)?);
            let width = *head_width as f64;
            let ring = binding.degrees.context as f64;
            // The tokens of a sequence are divided: its queries in prefill, its cache in decode.
            let (new, cached) = match phase {
                Phase::Prefill | Phase::Encode | Phase::Step | Phase::Vision | Phase::Denoise => {
                    (binding.new / ring, binding.context)
                }
                Phase::Decode => (binding.new, binding.context / ring),
            };
            let shape = AttentionShape {
                sequences: binding.sequences,
                new,
                context: window.map_or(cached, |window| cached.min(window as f64)),
                heads,
                kv_heads,
                width,
                kv_precision: *cache,
            };
            match phase {
                Phase::Prefill | Phase::Encode | Phase::Step | Phase::Vision | Phase::Denoise => {
                    prefill_attention(flops, bytes, &shape, hardware, notes)
                }
                Phase::Decode => Ok(decode_attention(kv_bytes, other_bytes, &shape, hardware, notes)),
            }
        }
        OperatorKind::Experts { tokens, experts, per_token, precision, .. } => {
            // Those that some token reads, where each token chooses as if by lot.
            let read = spread.read(at(tokens)?, *experts as f64, *per_token as f64);
            let weights = weight_bytes * spread.copies * read;
            let precision = arithmetic(operator, *precision, hardware)?;
            let rates = (hardware.peak(precision)?, hardware.bandwidth);
            let what = match spread.is_known() {
                true => "experts, the fullest group of each layer setting its pace,",
                false => "experts, their load taken as even,",
            };
            notes.add(|| unfitted_note(what, hardware));
            let seconds = |imbalance: f64| {
                guessed(flops * imbalance, weights + activation_bytes * imbalance, rates).middle
            };
            Ok(Band::around(spread.mean(seconds), UNMEASURED_ERROR))
        }
        OperatorKind::LatentAttention { .. } => {
            let rates = (hardware.peak(Precision::Bf16)?, hardware.bandwidth);
            Ok(unfitted("latent attention", flops, bytes, rates, hardware, notes))
        }
        OperatorKind::EncoderAttention { .. } => {
            let rates = (hardware.peak(Precision::Bf16)?, hardware.bandwidth);
            Ok(unfitted("attention of an encoder", flops, bytes, rates, hardware, notes))
        }
        OperatorKind::AllReduce { axis, message } => {
            links::all_reduce(*axis, at(message)?, binding.degrees, hardware, notes)
        }
        OperatorKind::AllGather { axis, message } | OperatorKind::ReduceScatter { axis, message } => {
            links::all_gather(*axis, at(message)?, binding.degrees, hardware, notes)
        }
        OperatorKind::AllToAll => {
            // The fullest group takes in, and sends back, that much more.
            let fullest = spread.mean(|imbalance| imbalance * link_bytes);
            links::all_to_all(fullest, binding.degrees, hardware, notes)
        }
        OperatorKind::Send => links::send(link_bytes, binding.degrees, hardware, notes),
        OperatorKind::KvExchange => links::kv_exchange(link_bytes, binding.degrees, hardware, notes),
    }
}

/// What efficiency depends on in attention, on one device.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Sequences.
    pub sequences: f64,
    /// New tokens of each.
    pub new: f64,
    /// Cached tokens of each.
    pub context: f64,
    /// Query heads.
    pub heads: f64,
    /// Key and value heads.
    pub kv_heads: f64,
    /// Of one head.
    pub width: f64,
    /// Of the cache.
    pub kv_precision: Precision,
}

/// Where the operands of a measured kernel were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// In memory, as in a pass, where all other weights have been read since.
    Memory,
    /// Possibly in the second-level cache, as in a benchmark that repeats one kernel.
    Repeated,
}

/// Whether the rows of a product are a multiple of 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Any count of tokens: one in 16 is a multiple.
    Any,
    /// They are.
    Multiple,
    /// They are not.
    Odd,
}

impl Matmul {
    /// Seconds for `shape` = rows, columns, inner width at these demands and peak rates.
    pub fn seconds(
        &self,
        flops: f64,
        bytes: f64,
        shape: [f64; 3],
        rates: (f64, f64),
        operands: Operands,
        alignment: Alignment,
    ) -> f64 {
        let [rows, columns, inner] = shape.map(|extent| extent.max(f64::MIN_POSITIVE));
        let (peak, bandwidth) = rates;
        let large = 1.0 / (1.0 + (128.0 / rows).powi(4));
        let odd = match alignment {
            Alignment::Any => large * 15.0 / 16.0,
            Alignment::Multiple => 0.0,
            Alignment::Odd if rows > 128.0 => 1.0,
            Alignment::Odd => 0.0,
        };
        let fill = (1.0 + self.k_half / inner) * (1.0 + self.m_half / rows + self.n_half / columns);
        let arithmetic = flops / (self.compute_efficiency * peak) * fill * (1.0 + self.unaligned * odd);
        let cached = match operands {
            Operands::Memory => 1.0,
            Operands::Repeated => {
                1.0 - self.cache_gain / (1.0 + self.cache_gain) / (1.0 + (bytes / self.cache_bytes).powi(2))
            }
        };
        let memory = bytes / (self.memory_efficiency * bandwidth) * cached;
        self.launch
            + (self.seconds_per_k + self.seconds_per_k_large * large) * inner
            + smooth_max(arithmetic, memory, self.sharpness)
    }
}

impl PrefillAttention {
    /// Seconds at these demands and 16-bit peak and memory rates.
    pub fn seconds(&self, flops: f64, bytes: f64, shape: &AttentionShape, rates: (f64, f64)) -> f64 {
        let (peak, bandwidth) = rates;
        let new = shape.new.max(f64::MIN_POSITIVE);
        let efficiency = self.compute_efficiency * new / (new + self.s_half)
            * (shape.width.max(1.0) / 128.0).powf(self.width_exponent);
        let occupancy = shape.sequences * shape.heads * new / 128.0 / self.multiprocessors;
        let slower = 1.0
            + (self.occupancy_half / occupancy.max(f64::MIN_POSITIVE))
                .powf(self.occupancy_exponent)
                .min(1e12);
        self.launch
            + flops * slower / (efficiency * peak).max(f64::MIN_POSITIVE)
            + bytes / (self.memory_efficiency * bandwidth)
    }
}

impl DecodeAttention {
    /// Seconds to read `kv_bytes` at this memory rate.
    pub fn seconds(&self, kv_bytes: f64, shape: &AttentionShape, bandwidth: f64, operands: Operands) -> f64 {
        let tokens = (shape.context + shape.new).max(1.0);
        let kv_bytes = kv_bytes * (1.0 + self.more_tokens / tokens);
        let cached = match operands {
            Operands::Memory => 1.0,
            Operands::Repeated => {
                let gain = self.cache_gain / (1.0 + self.cache_gain);
                1.0 - gain / (1.0 + (kv_bytes / self.cache_bytes).powi(4))
            }
        };
        let alone = if shape.heads <= shape.kv_heads {
            1.0 + self.unsplit / (shape.sequences * shape.kv_heads).max(1.0)
        } else {
            1.0
        };
        self.launch
            + kv_bytes / (self.memory_efficiency * bandwidth) * cached * alone
            + self.rise * (1.0 - (-kv_bytes / self.rise_bytes).exp())
            + 4.0 * shape.sequences * shape.heads * shape.width / (self.query_efficiency * bandwidth)
            + self.seconds_per_block * shape.sequences * shape.kv_heads / self.multiprocessors
    }
}

fn matmul(
    flops: f64,
    bytes: f64,
    shape: [f64; 3],
    precision: Precision,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let rates = (hardware.peak(precision)?, hardware.bandwidth);
    let fit = fits::shipped()
        .matmul
        .iter()
        .find(|fit| fit.device == hardware.device && fit.parameters.precision == precision);
    let Some(fit) = fit else { return Ok(datasheet(flops, bytes, rates, hardware, notes)) };
    let seconds = fit.parameters.seconds(flops, bytes, shape, rates, Operands::Memory, Alignment::Any);
    let outside = shape.iter().zip(fit.parameters.most).any(|(extent, most)| *extent > most);
    let measured = [(rates.0, fit.parameters.peak), (rates.1, fit.parameters.bandwidth)];
    Ok(fitted(seconds, fit, &measured, outside, "matmul", hardware, notes))
}

fn prefill_attention(
    flops: f64,
    bytes: f64,
    shape: &AttentionShape,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Result<Band, PerformanceError> {
    let rates = (hardware.peak(Precision::Bf16)?, hardware.bandwidth);
    let fits = &fits::shipped().prefill_attention;
    let Some(fit) = attention_fit(fits, hardware, |fit| fit.parameters.precision == shape.kv_precision)
    else {
        return Ok(datasheet(flops, bytes, rates, hardware, notes));
    };
    let seconds = fit.parameters.seconds(flops, bytes, shape, rates);
    let [sequences, tokens] = fit.parameters.most;
    let outside = shape.sequences > sequences || shape.new + shape.context > tokens;
    let measured = [(rates.0, fit.parameters.peak), (rates.1, fit.parameters.bandwidth)];
    Ok(fitted(seconds, fit, &measured, outside, "prefill attention", hardware, notes))
}

fn decode_attention(
    kv_bytes: f64,
    other_bytes: f64,
    shape: &AttentionShape,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Band {
    let fits = &fits::shipped().decode_attention;
    let Some(fit) = attention_fit(fits, hardware, |fit| fit.parameters.precision == shape.kv_precision)
    else {
        return datasheet(0.0, kv_bytes + other_bytes, (1.0, hardware.bandwidth), hardware, notes);
    };
    let seconds = fit.parameters.seconds(kv_bytes, shape, hardware.bandwidth, Operands::Memory);
    let [sequences, tokens] = fit.parameters.most;
    let outside = shape.sequences > sequences || shape.new + shape.context > tokens;
    let measured = [(hardware.bandwidth, fit.parameters.bandwidth)];
    fitted(seconds, fit, &measured, outside, "decode attention", hardware, notes)
}

/// The row of this device whose KV precision matches; any row of the device before none.
fn attention_fit<'a, Parameters>(
    fits: &'a [Fit<Parameters>],
    hardware: &Hardware,
    matches: impl Fn(&Fit<Parameters>) -> bool,
) -> Option<&'a Fit<Parameters>> {
    let of_device = || fits.iter().filter(|fit| fit.device == hardware.device);
    of_device().find(|fit| matches(fit)).or_else(|| of_device().next())
}

/// The first variant that this device can compute.
fn arithmetic(
    operator: &Operator,
    own: Precision,
    hardware: &Hardware,
) -> Result<Precision, PerformanceError> {
    let meets = |variant: &&Variant| variant.needs.iter().all(|need| hardware.compute.contains_key(need));
    match (operator.variants.iter().find(meets), operator.variants.first()) {
        (Some(variant), _) => Ok(variant.arithmetic),
        (None, None) => Ok(own),
        // What the best of them lacks is what is missing.
        (None, Some(best)) => {
            best.needs.iter().try_for_each(|need| hardware.peak(*need).map(drop))?;
            Ok(best.arithmetic)
        }
    }
}

fn elementwise(bytes: f64, starts_kernel: bool, hardware: &Hardware, notes: &mut Notes) -> Band {
    let (efficiency, launch) = ELEMENTWISE;
    notes.add(|| Note {
        kind: NoteKind::Assumed,
        text: format!(
            "normalisation, activation and lookup at {:.0} % of memory bandwidth and {:.0} µs each",
            100.0 * efficiency,
            1e6 * launch
        ),
    });
    let start = if starts_kernel { launch } else { 0.0 };
    Band::around(start + bytes / (efficiency * hardware.bandwidth), UNMEASURED_ERROR)
}

fn datasheet(flops: f64, bytes: f64, rates: (f64, f64), hardware: &Hardware, notes: &mut Notes) -> Band {
    notes.add(|| unmeasured(hardware));
    guessed(flops, bytes, rates)
}

fn guessed(flops: f64, bytes: f64, rates: (f64, f64)) -> Band {
    let (compute, memory, launch) = DATASHEET;
    let seconds = launch + (flops / (compute * rates.0)).max(bytes / (memory * rates.1));
    Band::around(seconds, UNMEASURED_ERROR)
}

/// An operator that no fit is for, on a device that may have others.
fn unfitted(
    what: &str,
    flops: f64,
    bytes: f64,
    rates: (f64, f64),
    hardware: &Hardware,
    notes: &mut Notes,
) -> Band {
    notes.add(|| unfitted_note(what, hardware));
    guessed(flops, bytes, rates)
}

fn unfitted_note(what: &str, hardware: &Hardware) -> Note {
    let (compute, memory, launch) = DATASHEET;
    Note {
        kind: NoteKind::Datasheet,
        text: format!(
            "{what} on {} is not fitted yet: its datasheet at {:.0} % of arithmetic, {:.0} % of memory \
             bandwidth and {:.0} µs an operator, ± {:.0} %",
            hardware.device,
            100.0 * compute,
            100.0 * memory,
            1e6 * launch,
            100.0 * UNMEASURED_ERROR
        ),
    }
}

pub(super) fn unmeasured(hardware: &Hardware) -> Note {
    let (compute, memory, launch) = DATASHEET;
    Note {
        kind: NoteKind::Datasheet,
        text: format!(
            "no measurements of {}: its datasheet at {:.0} % of arithmetic, {:.0} % of memory bandwidth \
             and {:.0} µs an operator, ± {:.0} %",
            hardware.device,
            100.0 * compute,
            100.0 * memory,
            1e6 * launch,
            100.0 * UNMEASURED_ERROR
        ),
    }
}

pub(super) fn fitted<Parameters>(
    seconds: f64,
    fit: &Fit<Parameters>,
    declared_and_measured: &[(f64, f64)],
    outside: bool,
    what: &str,
    hardware: &Hardware,
    notes: &mut Notes,
) -> Band {
    let mut error = fit.p90_error;
    notes.add(|| fit.note.clone());
    if declared_and_measured.iter().any(|(declared, measured)| (declared / measured - 1.0).abs() > SAME) {
        error = error.max(UNMEASURED_ERROR / 2.0);
        notes.add(|| Note {
            kind: NoteKind::Scaled,
            text: format!(
                "{what} on {}: its rates differ from those of the device measured",
                hardware.device
            ),
        });
    }
    if outside {
        error = error.max(UNMEASURED_ERROR);
        notes.add(|| Note {
            kind: NoteKind::Outside,
            text: format!("{what} on {}: larger than any shape measured", hardware.device),
        });
    }
    Band::around(seconds, error)
}

/// `(a^q + b^q)^(1/q)`, without overflow.
fn smooth_max(a: f64, b: f64, sharpness: f64) -> f64 {
    let (high, low) = (a.max(b), a.min(b));
    if high <= 0.0 {
        return 0.0;
    }
    high * (1.0 + (low / high).powf(sharpness)).powf(1.0 / sharpness)
}

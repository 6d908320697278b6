//! What was measured: parameters fitted to single-kernel latencies, one CSV for each operator.
//!
//! `benches/fit_operators.py` writes the CSVs; `docs/performance.md` explains the forms. A table that
//! does not parse yields no rows for what is broken, and a test insists that every row parses.

use super::Note;
use super::NoteKind;
use berth_language::model::{FabricKind, Precision};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The CSVs that ship with the program, by operator.
pub const FILES: [(&str, &str); 5] = [
    ("all_gather", include_str!("../../fits/all_gather.csv")),
    ("all_reduce", include_str!("../../fits/all_reduce.csv")),
    ("decode_attention", include_str!("../../fits/decode_attention.csv")),
    ("matmul", include_str!("../../fits/matmul.csv")),
    ("prefill_attention", include_str!("../../fits/prefill_attention.csv")),
];

/// All that ships with the program.
pub fn shipped() -> &'static Fits {
    static SHIPPED: OnceLock<Fits> = OnceLock::new();
    SHIPPED.get_or_init(|| Fits {
        matmul: table(file("matmul"), "matmul", Matmul::read),
        prefill_attention: table(file("prefill_attention"), "prefill attention", PrefillAttention::read),
        decode_attention: table(file("decode_attention"), "decode attention", DecodeAttention::read),
        all_reduce: table(file("all_reduce"), "all-reduce", Collective::read),
        all_gather: table(file("all_gather"), "all-gather", Collective::read),
    })
}

/// The CSV of one operator; empty where none ships.
fn file(operator: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == operator).map_or("", |(_, text)| text)
}

/// Parameters by device name, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Fits {
    /// Matrix products, by precision of both operands.
    pub matmul: Vec<Fit<Matmul>>,
    /// Causal attention over a prompt, by precision of the KV cache.
    pub prefill_attention: Vec<Fit<PrefillAttention>>,
    /// Attention of one new token over the cache, by precision of the KV cache.
    pub decode_attention: Vec<Fit<DecodeAttention>>,
    /// Sums over the devices of one node, by count of devices.
    pub all_reduce: Vec<Fit<Collective>>,
    /// Concatenations over the devices of one node, by count of devices.
    pub all_gather: Vec<Fit<Collective>>,
}

/// Parameters of one operator on one device, and what they are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<Parameters> {
    /// The device's name in the catalog.
    pub device: String,
    /// The parameters.
    pub parameters: Parameters,
    /// Rows that were fitted.
    pub rows_fitted: u64,
    /// Rows that were not, and that the errors are of.
    pub rows_held_out: u64,
    /// Median absolute relative error.
    pub median_error: f64,
    /// 90th percentile of the absolute relative error.
    pub p90_error: f64,
    /// As the CSV has it: where it was measured and when it was fitted.
    pub note: Note,
}

/// `launch + (per_k + large(m) per_k_large) k + smoothmax(arithmetic, memory)`, with
/// `arithmetic = F / (e_c P) (1 + k_half/k) (1 + m_half/m + n_half/n)` and `memory = B / (e_b W)`;
/// `large(m) = 1/(1 + (128/m)^4)` and `smoothmax(a, b) = (a^q + b^q)^(1/q)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matmul {
    /// Of both operands.
    pub precision: Precision,
    /// FLOP/s that the efficiency is relative to.
    pub peak: f64,
    /// Bytes a second that the efficiency is relative to.
    pub bandwidth: f64,
    /// Most rows, columns and inner width measured.
    pub most: [f64; 3],
    /// s
    pub launch: f64,
    /// Share of the peak at large shapes.
    pub compute_efficiency: f64,
    /// Share of the bandwidth.
    pub memory_efficiency: f64,
    /// `q`, at least 1.
    pub sharpness: f64,
    /// Inner width at which arithmetic takes twice its asymptotic time.
    pub k_half: f64,
    /// The same for rows.
    pub m_half: f64,
    /// The same for columns.
    pub n_half: f64,
    /// s: the loop over the inner width that no other block shortens.
    pub seconds_per_k: f64,
    /// s: more of it with the tiles used above 128 rows.
    pub seconds_per_k_large: f64,
    /// More arithmetic time where the rows are more than 128 and no multiple of 16.
    pub unaligned: f64,
    /// A benchmark repeats one product: below `cache_bytes`, memory is `1 + cache_gain` times as fast.
    pub cache_gain: f64,
    /// See `cache_gain`.
    pub cache_bytes: f64,
}

/// `launch + F (1 + (o_half/o)^a) / (e P) + B / (e_b W)`, `e = e_c S/(S + s_half) (width/128)^x`, and
/// occupancy `o` = tiles of 128 query rows and one head, over multiprocessors.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefillAttention {
    /// Of the KV cache.
    pub precision: Precision,
    /// 16-bit FLOP/s that the efficiency is relative to.
    pub peak: f64,
    /// Bytes a second that the efficiency is relative to.
    pub bandwidth: f64,
    /// Of the device that was measured.
    pub multiprocessors: f64,
    /// Most sequences and tokens of each measured.
    pub most: [f64; 2],
    /// s
    pub launch: f64,
    /// Share of the peak with long prompts, full occupancy and heads 128 wide.
    pub compute_efficiency: f64,
    /// `x`
    pub width_exponent: f64,
    /// Tokens.
    pub s_half: f64,
    /// Occupancy at which the arithmetic takes twice its time.
    pub occupancy_half: f64,
    /// `a`
    pub occupancy_exponent: f64,
    /// Share of the bandwidth.
    pub memory_efficiency: f64,
}

/// `launch + KV / (e W) + rise (1 - exp(-KV / rise_bytes)) + Q / (e_q W) + per_block o`, with `KV` the
/// bytes of the cached tokens and of `more_tokens` in each sequence, times `1 + unsplit / (sequences
/// kv_heads)` where every query head has its own KV head; `Q` = 4 bytes a query value; `o` = sequences x
/// KV heads over multiprocessors.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeAttention {
    /// Of the KV cache.
    pub precision: Precision,
    /// Bytes a second that the efficiency is relative to.
    pub bandwidth: f64,
    /// Of the device that was measured.
    pub multiprocessors: f64,
    /// Most sequences and cached tokens of each measured.
    pub most: [f64; 2],
    /// s
    pub launch: f64,
    /// Share of the bandwidth that reading the cache reaches.
    pub memory_efficiency: f64,
    /// s
    pub rise: f64,
    /// Bytes.
    pub rise_bytes: f64,
    /// Share of the bandwidth that queries and results reach.
    pub query_efficiency: f64,
    /// See above.
    pub unsplit: f64,
    /// s
    pub seconds_per_block: f64,
    /// Tokens, most of a page of the cache.
    pub more_tokens: f64,
    /// See [`Matmul::cache_gain`].
    pub cache_gain: f64,
    /// See [`Matmul::cache_gain`].
    pub cache_bytes: f64,
}

/// `launch + message / bandwidth + rise (1 - exp(-(message / rise_bytes)^2))` for one count of devices.
#[derive(Clone, Debug, PartialEq)]
pub struct Collective {
    /// How many take part.
    pub devices: u64,
    /// What joined them.
    pub fabric: FabricKind,
    /// Bytes a second of one device, both directions, of the fabric measured.
    pub fabric_bandwidth: f64,
    /// Most bytes measured.
    pub most_bytes: f64,
    /// s
    pub launch: f64,
    /// Bytes of the value a second.
    pub bandwidth: f64,
    /// s
    pub rise: f64,
    /// Bytes.
    pub rise_bytes: f64,
}

impl Matmul {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            precision: row.precision("precision")?,
            peak: row.positive("peak")?,
            bandwidth: row.positive("bandwidth")?,
            most: [row.positive("most_m")?, row.positive("most_n")?, row.positive("most_k")?],
            launch: row.positive("launch_s")?,
            compute_efficiency: row.positive("compute_efficiency")?,
            memory_efficiency: row.positive("memory_efficiency")?,
            sharpness: row.positive("sharpness")?,
            k_half: row.positive("k_half")?,
            m_half: row.positive("m_half")?,
            n_half: row.positive("n_half")?,
            seconds_per_k: row.positive("seconds_per_k")?,
            seconds_per_k_large: row.positive("seconds_per_k_large")?,
            unaligned: row.positive("unaligned")?,
            cache_gain: row.positive("cache_gain")?,
            cache_bytes: row.positive("cache_bytes")?,
        })
    }
}

impl PrefillAttention {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            precision: row.precision("kv_precision")?,
            peak: row.positive("peak")?,
            bandwidth: row.positive("bandwidth")?,
            multiprocessors: row.positive("multiprocessors")?,
            most: [row.positive("most_sequences")?, row.positive("most_tokens")?],
            launch: row.positive("launch_s")?,
            compute_efficiency: row.positive("compute_efficiency")?,
            width_exponent: row.positive("width_exponent")?,
            s_half: row.positive("s_half")?,
            occupancy_half: row.positive("occupancy_half")?,
            occupancy_exponent: row.positive("occupancy_exponent")?,
            memory_efficiency: row.positive("memory_efficiency")?,
        })
    }
}

impl DecodeAttention {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            precision: row.precision("kv_precision")?,
            bandwidth: row.positive("bandwidth")?,
            multiprocessors: row.positive("multiprocessors")?,
            most: [row.positive("most_sequences")?, row.positive("most_tokens")?],
            launch: row.positive("launch_s")?,
            memory_efficiency: row.positive("memory_efficiency")?,
            rise: row.positive("rise_s")?,
            rise_bytes: row.positive("rise_bytes")?,
            query_efficiency: row.positive("query_efficiency")?,
            unsplit: row.positive("unsplit")?,
            seconds_per_block: row.positive("seconds_per_block")?,
            more_tokens: row.positive("more_tokens")?,
            cache_gain: row.positive("cache_gain")?,
            cache_bytes: row.positive("cache_bytes")?,
        })
    }
}

impl Collective {
    fn read(row: &Row) -> Option<Self> {
        Some(Self {
            devices: row.text("devices")?.parse().ok()?,
            fabric: {
                let name = row.text("fabric")?;
                FabricKind::ALL.into_iter().find(|kind| kind.name() == name)?
            },
            fabric_bandwidth: row.positive("fabric_bandwidth")?,
            most_bytes: row.positive("most_bytes")?,
            launch: row.positive("launch_s")?,
            bandwidth: row.positive("bytes_per_s")?,
            rise: row.positive("rise_s")?,
            rise_bytes: row.positive("rise_bytes")?,
        })
    }
}

/// One line of a CSV by column. A comma inside quotes belongs to the field.
struct Row(BTreeMap<String, String>);

impl Row {
    fn text(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    fn positive(&self, column: &str) -> Option<f64> {
        let value: f64 = self.text(column)?.parse().ok()?;
        (value.is_finite() && value > 0.0).then_some(value)
    }

    fn precision(&self, column: &str) -> Option<Precision> {
        match self.text(column)? {
            "bf16" => Some(Precision::Bf16),
            "fp8" => Some(Precision::Fp8),
            _ => None,
        }
    }
}

fn table<Parameters>(
    text: &str,
    operator: &str,
    read: impl Fn(&Row) -> Option<Parameters>,
) -> Vec<Fit<Parameters>> {
    let mut lines = text.lines();
    let columns = fields(lines.next().unwrap_or_default());
    lines
        .filter_map(|line| {
            let row = Row(columns.iter().cloned().zip(fields(line)).collect());
            let device = row.text("device")?.to_owned();
            let which = row
                .text("precision")
                .or(row.text("kv_precision"))
                .map(str::to_owned)
                .or(row.text("devices").map(|count| format!("over {count} devices")))?;
            let (median_error, p90_error) = (row.positive("median_error")?, row.positive("p90_error")?);
            let rows_held_out: u64 = row.text("rows_held_out")?.parse().ok()?;
            let text = format!(
                "{operator} {which} on {device}: error {:.1} % median, {:.1} % at the 90th percentile of \
                 {rows_held_out} rows held out; {}, fitted {}",
                100.0 * median_error,
                100.0 * p90_error,
                row.text("source")?,
                row.text("date")?,
            );
            Some(Fit {
                device,
                parameters: read(&row)?,
                rows_fitted: row.text("rows_fitted")?.parse().ok()?,
                rows_held_out,
                median_error,
                p90_error,
                note: Note { kind: NoteKind::Fitted, text },
            })
        })
        .collect()
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match (character, fields.last_mut()) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => fields.push(String::new()),
            (_, Some(field)) => field.push(character),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_shipped_is_read() {
        let fits = shipped();
        let count = |text: &str| text.lines().count() - 1;
        assert_eq!(fits.matmul.len(), count(include_str!("../../fits/matmul.csv")));
        assert_eq!(fits.prefill_attention.len(), count(include_str!("../../fits/prefill_attention.csv")));
        assert_eq!(fits.decode_attention.len(), count(include_str!("../../fits/decode_attention.csv")));
        assert_eq!(fits.all_reduce.len(), count(include_str!("../../fits/all_reduce.csv")));
        assert_eq!(fits.all_gather.len(), count(include_str!("../../fits/all_gather.csv")));
        for device in ["a100_sxm", "h100_sxm", "h200_sxm", "l40s"] {
            assert!(fits.matmul.iter().any(|fit| fit.device == device), "{device}");
        }
    }

    #[test]
    fn broken_tables_lose_their_rows_and_nothing_else() {
        let read = |text: &str| table(text, "all-reduce", Collective::read).len();
        let head = include_str!("../../fits/all_reduce.csv").lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(read(&head), 1);
        assert_eq!(read(&head.replace("nvlink", "string")), 0);
        assert_eq!(read(""), 0);
        assert_eq!(read("device\n\n,,\n\""), 0);
        assert_eq!(fields("a,\"b,c\",d"), ["a", "b,c", "d"]);
    }
}

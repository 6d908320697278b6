//! # berth-data
//!
//! Files that a plan file names with `trace("…")`, decoded and summed up: requests that arrived, readings
//! over time, or loads of experts. Text (CSV, JSON lines, either of them in gzip) is read once, from a file or a pipe, in memory
//! that does not grow with it; Parquet needs a file. A [`Cache`] spares files from before the decoding. What comes out are the types of
//! [`berth_language::data`].
//!
//! What a file is, its first bytes say, not its name: `PAR1` begins Parquet, `1f 8b` gzip, a brace JSON
//! lines, and anything else is CSV. Whose columns they are, their names say, in any order and case.

mod bytes;
mod cache;
mod cell;
mod comma;
mod content;
mod fits;
mod gathering;
mod instant;
mod json;
mod lines;
mod loads;
mod parquet_rows;
mod refusal;
mod schema;
mod sketch;
mod spacing;
mod stored;

pub use cache::Cache;
pub use content::{decode, decode_stream};
pub use fits::fit;
pub use gathering::MOST_STEPS;
pub use instant::date_text as date;
pub use lines::LONGEST_LINE;

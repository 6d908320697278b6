//! Rows of Parquet, a batch of each column that is read at a time.
//!
//! Columns lie apart in such a file and the list of them at its end, so it cannot come through a pipe.

use crate::cell::Cell;
use crate::gathering::Gathering;
use crate::instant::SECOND;
use crate::refusal::Refusal;
use crate::schema::Schema;
use berth_language::data::Undecodable;
use num_rational::BigRational;
use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Rows that are read at once.
const BATCH: usize = 8_192;

/// Digits of the widest decimal that is read: as many as 16 bytes hold.
const MOST_DIGITS: i32 = 38;

/// Reads all rows.
pub fn gather(file: File, step: &BigRational) -> Result<Gathering, Undecodable> {
    // Where the library meets bytes that it did not foresee it panics, about once in 2,000 damaged files; it
    // holds nothing of ours but the file and the rows so far, and both are given up.
    quietly(|| read(file, step))
        .unwrap_or_else(|| Err(damaged("its pages are not as its footer says").whole()))
}

/// What `work` gives; `None` where it panics, of which nobody hears.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                others(panic);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.ok()
}

fn read(file: File, step: &BigRational) -> Result<Gathering, Undecodable> {
    let length = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
    let reader = SerializedFileReader::new(file).map_err(|error| damaged(&error.to_string()).whole())?;
    let described = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<&[u8]> = described.columns().iter().map(|column| column.name().as_bytes()).collect();
    let schema = Schema::of(&names).map_err(Refusal::whole)?;
    let mut meanings = Vec::new();
    for column in &schema.columns {
        let described = described.column(column.index);
        meanings.push(Meaning::of(&described).map_err(|refusal| refusal.of(&column.name).whole())?);
    }
    for group in reader.metadata().row_groups() {
        for column in &schema.columns {
            readable(group.column(column.index), length)
                .map_err(|refusal| refusal.of(&column.name).whole())?;
        }
    }
    let mut gathering = Gathering::new(schema, step);
    let mut row = 0_u64;
    for group in 0..reader.num_row_groups() {
        let broken =
            |error: ParquetError| damaged(&error.to_string()).at(&format!("row group {}", group + 1));
        let reader = reader.get_row_group(group).map_err(broken)?;
        let columns = gathering.schema().columns.iter().map(|column| reader.get_column_reader(column.index));
        let mut columns = columns.collect::<Result<Vec<_>, _>>().map_err(broken)?;
        loop {
            let batches = columns.iter_mut().zip(&meanings).map(|(column, meaning)| meaning.batch(column));
            let batches = batches.collect::<Result<Vec<_>, _>>().map_err(broken)?;
            let rows = batches.first().map_or(0, Vec::len);
            if batches.iter().any(|batch| batch.len() != rows) {
                return Err(broken(ParquetError::General("its columns differ in length".to_owned())));
            }
            if rows == 0 {
                break;
            }
            for index in 0..rows {
                row += 1;
                let mut cells = [Cell::Missing; 3];
                for (cell, held) in cells.iter_mut().zip(batches.iter().filter_map(|batch| batch.get(index)))
                {
                    *cell = held.cell();
                }
                gathering.take(&cells).map_err(|refusal| refusal.at(&format!("row {row}")))?;
            }
        }
    }
    Ok(gathering)
}

fn damaged(error: &str) -> Refusal {
    Refusal::new(
        format!("the Parquet file is damaged ({})", error.trim_start_matches("Parquet error: ")),
        "Fetch or write the file again.",
    )
}

/// Whether a column lies inside the file, of so many bytes, and what packs it can be undone here.
fn readable(column: &ColumnChunkMetaData, length: u64) -> Result<(), Refusal> {
    let begins = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let ends = begins.checked_add(column.compressed_size()).and_then(|end| u64::try_from(end).ok());
    if begins < 0 || column.compressed_size() < 0 || ends.is_none_or(|end| end > length) {
        return Err(damaged("a column lies outside of the file"));
    }
    match column.compression() {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::LZ4
        | Compression::LZ4_RAW
        | Compression::ZSTD(_) => Ok(()),
        other => {
            let name = other.to_string().to_ascii_lowercase();
            let name = name.split('(').next().unwrap_or_default();
            Err(Refusal::new(
                format!("a column packed with {name}, which is not read"),
                "Write the file with zstd, snappy, gzip, lz4 or no compression.",
            ))
        }
    }
}

/// What the values of a column are.
#[derive(Clone, Copy)]
enum Meaning {
    /// Numbers, or text.
    Plain,
    /// Dates: units of so many nanoseconds since 1970.
    Dates(i64),
    /// Decimals: units of `10^-scale`.
    Decimals { scale: u32 },
}

impl Meaning {
    fn of(column: &ColumnDescriptor) -> Result<Self, Refusal> {
        if column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Err(Refusal::new("a nested column", "Write a column of plain values."));
        }
        let other = |what: &str| {
            Err(Refusal::new(format!("a column of {what}"), "Write integers, doubles, text or timestamps."))
        };
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(stamp)), _) => Ok(Self::Dates(match stamp.unit {
                TimeUnit::MILLIS => SECOND / 1_000,
                TimeUnit::MICROS => SECOND / 1_000_000,
                TimeUnit::NANOS => 1,
            })),
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Ok(Self::Dates(86_400 * SECOND)),
            (_, ConvertedType::TIMESTAMP_MILLIS) => Ok(Self::Dates(SECOND / 1_000)),
            (_, ConvertedType::TIMESTAMP_MICROS) => Ok(Self::Dates(SECOND / 1_000_000)),
            (Some(LogicalType::Decimal(_)), _) | (_, ConvertedType::DECIMAL) => {
                match (u32::try_from(column.type_scale()), column.type_precision()) {
                    (Ok(scale), ..=MOST_DIGITS) => Ok(Self::Decimals { scale }),
                    (_, digits) => other(&format!("decimals of {digits} digits")),
                }
            }
            (Some(LogicalType::Time(_)), _)
            | (_, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => other("times of day"),
            _ => Ok(Self::Plain),
        }
    }

    /// The next values of a column, at most a batch of them; none at its end.
    fn batch(self, column: &mut ColumnReader) -> Result<Vec<Held>, ParquetError> {
        let whole = |value: i64| match self {
            Self::Plain => Held::Whole(value),
            // Out of range it stays a number, which a column of dates has no other of.
            Self::Dates(unit) => value.checked_mul(unit).map_or(Held::Whole(value), Held::Date),
            Self::Decimals { scale } => Held::Digits(digits(i128::from(value), scale)),
        };
        let bytes = |value: ByteArray| match self {
            Self::Decimals { scale } => Held::Digits(digits(big_endian(value.data()), scale)),
            _ => Held::Text(value),
        };
        match column {
            ColumnReader::Int32ColumnReader(column) => next(column, |value| whole(i64::from(value))),
            ColumnReader::Int64ColumnReader(column) => next(column, whole),
            ColumnReader::Int96ColumnReader(column) => next(column, |value| date(&value)),
            ColumnReader::FloatColumnReader(column) => {
                // By its digits: those of a double that is nearest to it would be others.
                next(column, |value| Held::Float(value.to_string().parse().unwrap_or(f64::NAN)))
            }
            ColumnReader::DoubleColumnReader(column) => next(column, Held::Float),
            ColumnReader::ByteArrayColumnReader(column) => next(column, bytes),
            ColumnReader::FixedLenByteArrayColumnReader(column) if matches!(self, Self::Decimals { .. }) => {
                next(column, |value| bytes(value.into()))
            }
            ColumnReader::BoolColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                Err(ParquetError::General("a column of neither numbers, text nor timestamps".to_owned()))
            }
        }
    }
}

/// A value that outlives the page it was read from.
enum Held {
    Whole(i64),
    Float(f64),
    Date(i64),
    /// A decimal, as it is written.
    Digits(String),
    Text(ByteArray),
    Missing,
}

impl Held {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Whole(value) => Cell::Whole(*value),
            Self::Float(value) => Cell::Float(*value),
            Self::Date(nanoseconds) => Cell::Date(*nanoseconds),
            Self::Digits(digits) => Cell::Text(digits.as_bytes()),
            Self::Text(text) => Cell::Text(text.data()),
            Self::Missing => Cell::Missing,
        }
    }
}

fn next<T: DataType>(
    column: &mut ColumnReaderImpl<T>,
    held: impl Fn(T::T) -> Held,
) -> Result<Vec<Held>, ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (rows, ..) = column.read_records(BATCH, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter().map(held);
    // A column in which every row has a value has no levels.
    let present = |row: usize| levels.get(row).is_none_or(|level| *level > 0);
    Ok((0..rows)
        .map(|row| if present(row) { values.next().unwrap_or(Held::Missing) } else { Held::Missing })
        .collect())
}

/// A whole number of as many bytes as it takes, the first one with its sign: the form of decimals that are
/// wider than an integer.
fn big_endian(bytes: &[u8]) -> i128 {
    let sign = bytes.first().map_or(0, |first| i128::from(first.cast_signed() >> 7));
    bytes.iter().fold(sign, |value, byte| value << 8 | i128::from(*byte))
}

/// `value * 10^-scale` as it is written: 1250 of scale 2 is `12.50`.
fn digits(value: i128, scale: u32) -> String {
    let scale = scale as usize;
    let mut text = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    if scale > 0 {
        text.insert(text.len() - scale, '.');
    }
    if value < 0 { format!("-{text}") } else { text }
}

/// The form in which Impala and old Spark write dates: nanoseconds of the day, and the Julian day.
fn date(value: &Int96) -> Held {
    const JULIAN_DAY_OF_1970: i64 = 2_440_588;
    let [low, high, day] = *value.data() else { return Held::Missing };
    let of_day = i64::try_from(u64::from(high) << 32 | u64::from(low)).ok();
    let midnight = (i64::from(day) - JULIAN_DAY_OF_1970).checked_mul(86_400 * SECOND);
    match midnight.zip(of_day).and_then(|(midnight, of_day)| midnight.checked_add(of_day)) {
        Some(nanoseconds) => Held::Date(nanoseconds),
        None => Held::Missing,
    }
}

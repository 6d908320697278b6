//! Parquet: the same requests with each codec and type, and files that are none.

use super::*;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// What a column holds.
pub enum Column {
    Int64(Vec<i64>),
    Int32(Vec<i32>),
    Double(Vec<f64>),
    Text(Vec<&'static str>),
    /// Wide decimals, by their bytes.
    Bytes(Vec<&'static [u8]>),
    /// Of which some are missing.
    Optional(Vec<Option<i64>>),
}

/// A Parquet file of these columns, in two row groups.
pub fn written(schema: &str, columns: &[Column], compression: Compression) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message trace {{ {schema} }}")).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let rows = match &columns[0] {
        Column::Int64(values) => values.len(),
        Column::Double(values) => values.len(),
        Column::Text(values) => values.len(),
        Column::Bytes(values) => values.len(),
        Column::Int32(values) => values.len(),
        Column::Optional(values) => values.len(),
    };
    for range in [0..rows / 2, rows / 2..rows] {
        let mut group = writer.next_row_group().unwrap();
        for column in columns {
            let mut open = group.next_column().unwrap().unwrap();
            match column {
                Column::Int64(values) => {
                    open.typed::<Int64Type>().write_batch(&values[range.clone()], None, None).map(drop)
                }
                Column::Int32(values) => {
                    open.typed::<Int32Type>().write_batch(&values[range.clone()], None, None).map(drop)
                }
                Column::Double(values) => {
                    open.typed::<DoubleType>().write_batch(&values[range.clone()], None, None).map(drop)
                }
                Column::Text(values) => {
                    let values: Vec<ByteArray> =
                        values[range.clone()].iter().map(|text| ByteArray::from(*text)).collect();
                    open.typed::<ByteArrayType>().write_batch(&values, None, None).map(drop)
                }
                Column::Bytes(values) => {
                    let values: Vec<FixedLenByteArray> = values[range.clone()]
                        .iter()
                        .map(|bytes| ByteArray::from(bytes.to_vec()).into())
                        .collect();
                    open.typed::<FixedLenByteArrayType>().write_batch(&values, None, None).map(drop)
                }
                Column::Optional(values) => {
                    let levels: Vec<i16> =
                        values[range.clone()].iter().map(|value| i16::from(value.is_some())).collect();
                    let present: Vec<i64> = values[range.clone()].iter().flatten().copied().collect();
                    open.typed::<Int64Type>().write_batch(&present, Some(&levels), None).map(drop)
                }
            }
            .unwrap();
            open.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn azure(compression: Compression) -> Vec<u8> {
    let schema = "required int64 TIMESTAMP (TIMESTAMP(MICROS, true)); required int64 ContextTokens; \
                  required int32 GeneratedTokens; required double extra;";
    let start = 1_700_158_546_680_590;
    let columns = [
        Column::Int64(vec![start, start + 90_000_000, start + 4_000_000_000]),
        Column::Int64(vec![374, 12, 8_000]),
        Column::Int32(vec![44, 0, 1]),
        Column::Double(vec![0.0; 3]),
    ];
    written(schema, &columns, compression)
}

#[test]
fn every_codec_says_what_csv_says() {
    let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.680590,374,44\n\
                2023-11-16 18:17:16.680590,12,0\n2023-11-16 19:22:26.680590,8000,1\n";
    let expected = stream("azure.csv", text.as_bytes()).unwrap().rows;
    for codec in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        assert_eq!(file("azure.parquet", &azure(codec)).unwrap().rows, expected, "{codec}");
        // What a file is, its bytes say.
        assert_eq!(file("azure", &azure(codec)).unwrap().rows, expected, "{codec}");
    }
}

#[test]
fn numbers_and_text_are_read_as_in_csv() {
    let plain = written(
        "required double time; required binary prompt (UTF8);",
        &[Column::Double(vec![0.5, 90.5, 4_000.5]), Column::Text(vec!["374", "12", "8000"])],
        Compression::SNAPPY,
    );
    let text = "time,prompt\n0.5,374\n90.5,12\n4000.5,8000\n";
    assert_eq!(file("p.parquet", &plain).unwrap().rows, stream("p.csv", text.as_bytes()).unwrap().rows);
    let dates = written(
        "required binary time (UTF8); required double g_per_kWh;",
        &[Column::Text(vec!["2026-11-02", "2026-11-03"]), Column::Double(vec![0.1, 0.2])],
        Compression::UNCOMPRESSED,
    );
    assert!(
        matches!(file("d.parquet", &dates).unwrap().rows, Rows::Requests(requests) if requests.count == 2)
    );
}

/// The forms in which databases write sums and prices.
#[test]
fn decimals_are_read_as_in_csv() {
    let decimals = written(
        "required int32 time (DECIMAL(9, 1)); required int64 prompt (DECIMAL(10, 2)); \
         required fixed_len_byte_array(3) output (DECIMAL(6, 0));",
        &[
            Column::Int32(vec![-5, 905, 40_005]),
            Column::Int64(vec![37_400, 1_200, 0]),
            Column::Bytes(vec![&[0, 0, 44], &[0, 1, 0], &[1, 0, 0]]),
        ],
        Compression::SNAPPY,
    );
    let text = "time,prompt,output\n-0.5,374,44\n90.5,12,256\n4000.5,0,65536\n";
    assert_eq!(file("d.parquet", &decimals).unwrap().rows, stream("d.csv", text.as_bytes()).unwrap().rows);
    let prices = written(
        "required int32 time; required fixed_len_byte_array(2) W (DECIMAL(4, 3));",
        &[Column::Int32(vec![0, 3_600]), Column::Bytes(vec![&[0xff, 0x38], &[0x01, 0xf4]])],
        Compression::UNCOMPRESSED,
    );
    let text = "time,W\n0,-0.2\n3600,0.5\n";
    assert_eq!(file("w.parquet", &prices).unwrap().rows, stream("w.csv", text.as_bytes()).unwrap().rows);
}

#[test]
fn rows_and_columns_are_named() {
    let optional = |values: Vec<Option<i64>>| {
        let times = Column::Int64((0..values.len() as i64).collect());
        written(
            "required int64 time; optional int64 prompt;",
            &[times, Column::Optional(values)],
            Compression::UNCOMPRESSED,
        )
    };
    assert!(file("o.parquet", &optional(vec![Some(1), Some(2), Some(3)])).is_ok());
    assert_eq!(
        refusal(file("o.parquet", &optional(vec![Some(1), None, Some(3)]))),
        "row 2, column `prompt`: it is empty"
    );
    let unordered =
        written("required int64 time;", &[Column::Int64(vec![5, 6, 4])], Compression::UNCOMPRESSED);
    assert_eq!(
        refusal(file("u.parquet", &unordered)),
        "row 3, column `time`: this row is 2s earlier than the one before"
    );
    let other = written("required int64 when;", &[Column::Int64(vec![5])], Compression::UNCOMPRESSED);
    assert_eq!(refusal(file("w.parquet", &other)), "one column, `when`, which is none that is known");
    let wide = written(
        "required int64 time; required fixed_len_byte_array(17) prompt (DECIMAL(40, 2));",
        &[Column::Int64(vec![1]), Column::Bytes(vec![&[0; 17]])],
        Compression::UNCOMPRESSED,
    );
    assert!(refusal(file("d.parquet", &wide)).contains("a column of decimals of 40 digits"));
    let fraction = written(
        "required int64 time; required int64 prompt (DECIMAL(10, 2));",
        &[Column::Int64(vec![1]), Column::Int64(vec![1_250])],
        Compression::UNCOMPRESSED,
    );
    assert_eq!(
        refusal(file("d.parquet", &fraction)),
        "row 1, column `prompt`: `12.50` is no whole number of tokens"
    );
    let empty = written("required int64 time;", &[Column::Int64(vec![])], Compression::UNCOMPRESSED);
    assert_eq!(refusal(file("e.parquet", &empty)), "a head and no rows");
}

#[test]
fn a_damaged_file_is_said_to_be() {
    let whole = azure(Compression::SNAPPY);
    assert!(
        refusal(file("t.parquet", &whole[..whole.len() - 20])).starts_with("the Parquet file is damaged (")
    );
    assert!(refusal(file("t.parquet", b"PAR1")).starts_with("the Parquet file is damaged ("));
    assert!(
        refusal(file("t.parquet", b"PAR1 and then text, not Parquet"))
            .starts_with("the Parquet file is damaged (")
    );
}

/// The footer's word for the codec, 1 for snappy, is made 4, which is brotli (`CompressionCodec` of parquet.thrift).
#[test]
fn a_codec_that_is_not_read_is_named() {
    let mut bytes = azure(Compression::SNAPPY);
    // A field of type i32, twice its value, and the next field, of type i64.
    let codec = [0x15, 0x02, 0x16];
    let places: Vec<usize> = (0..bytes.len() - 3).filter(|at| bytes[*at..at + 3] == codec).collect();
    assert!(places.len() >= 8, "four columns in two groups: {places:?}");
    places.into_iter().for_each(|at| bytes[at + 1] = 0x08);
    assert_eq!(
        refusal(file("t.parquet", &bytes)),
        "column `TIMESTAMP`: a column packed with brotli, which is not read"
    );
}

/// A name with a unit is a reading in Parquet too.
#[test]
fn readings_come_from_parquet() {
    let file = file(
        "grid.parquet",
        &written(
            "required int64 time (TIMESTAMP(MILLIS, true)); required double W;",
            &[Column::Int64(vec![0, 1_800_000, 3_600_000]), Column::Double(vec![0.1, 0.3, 7.0])],
            Compression::LZ4_RAW,
        ),
    );
    let Rows::Readings(readings) = file.unwrap().rows else { panic!() };
    assert_eq!((readings.unit.as_str(), readings.start), ("W", Some(0)));
    assert_eq!(readings.values.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1/5", "7"]);
}

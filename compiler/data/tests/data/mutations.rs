//! Files with bytes changed, cut and repeated: a summary or a refusal, never a panic.

use super::parquet_files::{Column, written};
use super::random::Random;
use super::*;
use parquet::basic::Compression;
use proptest::prelude::*;

/// Files to change, of every kind.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let csv = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n\
               2023-11-16 18:17:16.6805900,12,0\n2023-11-16 19:22:26.6805900,8000,1\n";
    let burst =
        "Timestamp,Model,Request tokens,Response tokens\n5,\"a, b\",374,44\n95.25,b,12,0\n1e4,c,8000,1\n";
    let json = "{\"timestamp\": 27000, \"input_length\": 374, \"output_length\": 44, \"hash_ids\": [0, 1]}\n\
                {\"timestamp\": 117000, \"input_length\": 12, \"output_length\": 0, \"hash_ids\": []}\n";
    let grid =
        "time,g/kWh\n2026-11-02T00:00:00Z,270\n2026-11-02T01:00:00+01:00,1e2\n2026-11-02T03:00:00Z,-1.5\n";
    let table = written(
        "required int64 time; required binary prompt (UTF8); optional int64 output;",
        &[
            Column::Int64((0..40).collect()),
            Column::Text((0..40).map(|_| "120").collect()),
            Column::Optional((0..40).map(|at| Some(at % 7)).collect()),
        ],
        Compression::SNAPPY,
    );
    vec![
        ("t.csv", csv.into()),
        ("t.csv", burst.into()),
        ("t.jsonl", json.into()),
        ("t.csv", grid.into()),
        ("t.csv.gz", gzip(csv.as_bytes())),
        ("t.parquet", table),
    ]
}

/// One to four changes of a byte, a run of bytes or the length.
fn changed(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(6) {
            0 => bytes[at] = random.bits() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => {
                let end = (at + random.below(9) as usize).min(bytes.len());
                let run = bytes[at..end].to_vec();
                bytes.splice(at..at, run);
            }
            4 => drop(bytes.drain(at..(at + random.below(9) as usize).min(bytes.len()))),
            _ => {
                let marks = b",\n\r\"-+.eE0{}[]:\xff\x00TZ ";
                bytes.insert(at, marks[random.below(marks.len() as u64) as usize]);
            }
        }
    }
    bytes
}

#[test]
fn changed_files_are_read_or_refused() {
    let folder = Folder::new();
    let mut outcomes = [0, 0];
    for (which, (name, bytes)) in seeds().into_iter().enumerate() {
        for round in 0..1_500 {
            let mut random = Random::new(which as u64 * 1_000_000 + round);
            let path = folder.file(name, &changed(&bytes, &mut random));
            outcomes[usize::from(decode(&wanted(&path, 60)).is_ok())] += 1;
        }
    }
    // Were all of them one or the other, the changes would test nothing.
    assert!(outcomes.iter().all(|count| *count > 500), "{outcomes:?}");
}

#[test]
fn files_cut_anywhere_are_read_or_refused() {
    let folder = Folder::new();
    for (name, bytes) in seeds() {
        for length in 0..bytes.len() {
            let _ = decode(&wanted(&folder.file(name, &bytes[..length]), 3_600));
        }
    }
}

proptest! {
    /// Any text of what traces are made of.
    #[test]
    fn any_text_is_read_or_refused(text in "(time|prompt|output|g/kWh|,|\n|\r\n|\"|[0-9]{1,20}|-|\\.|e|\\{|\\}|:|\\[|PC){0,60}") {
        let _ = stream("t", text.as_bytes());
    }

    /// Any bytes, below a head that is known.
    #[test]
    fn any_rows_are_read_or_refused(rows in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = stream("t", &[b"time,prompt,output\n".to_vec(), rows.clone()].concat());
        let _ = stream("t", &rows);
        let _ = stream("t", &gzip(&rows));
    }

    /// Any steps and times: counts stay together.
    #[test]
    fn arrivals_are_counted_once(mut times in proptest::collection::vec(0_i64..2_000_000, 1..200), step in 1_i64..100_000) {
        times.sort_unstable();
        let text = times.iter().fold("time\n".to_owned(), |text, time| text + &format!("{time}\n"));
        let last = times[times.len() - 1] - times[0];
        match decode_stream(text.as_bytes(), &wanted("t.csv", step)).map(|data| data.rows) {
            Ok(Rows::Requests(requests)) => {
                prop_assert_eq!(requests.arrivals.iter().sum::<u64>(), times.len() as u64);
                prop_assert_eq!(requests.arrivals.len() as i64, last / step + 1);
                for (index, count) in requests.arrivals.iter().enumerate() {
                    let begins = times[0] + index as i64 * step;
                    let there = times.iter().filter(|time| (begins..begins + step).contains(time)).count();
                    prop_assert_eq!(*count, there as u64);
                }
            }
            Ok(other) => prop_assert!(false, "{other:?}"),
            Err(_) => prop_assert!(last / step >= berth_data::MOST_STEPS),
        }
    }
}

//! What is no trace, and where that is seen.

use super::*;
use berth_data::{LONGEST_LINE, MOST_STEPS};
use berth_language::sources::Unreadable;

/// Each stream of CSV with what is said of it.
#[test]
fn rows_are_refused_where_they_stand() {
    for (text, expected) in [
        ("", "line 1: the file is empty"),
        ("\n \n", "line 3: the file is empty"),
        ("time,prompt\n", "a head and no rows"),
        (
            "when,prompt,output\n1,2,3\n",
            "line 1: the columns `when`, `prompt`, `output`, from which no time and tokens can be told",
        ),
        ("0,100,20\n", "line 1: the columns `0`, `100`, `20`, from which no time and tokens can be told"),
        ("time;prompt\n0;1\n", "line 1: one column, `time;prompt`, which is none that is known"),
        ("time\n0\n10\n9\n", "line 4, column `time`: this row is 1s earlier than the one before"),
        (
            "time\n2026-11-02T10:00:00Z\n2026-11-02T10:30:00+01:00\n",
            "line 3, column `time`: this row is 30min earlier than the one before",
        ),
        (
            "time\n0\n\n2026-11-02\n",
            "line 4, column `time`: this time is a date, those before it are numbers",
        ),
        ("time\n2026-11-02\n5\n", "line 3, column `time`: this time is a number, those before it are dates"),
        ("time,prompt\n0,1\n1\n", "line 3: 1 field where the head has 2"),
        ("time,prompt\n0,1,2\n", "line 2: 3 fields where the head has 2"),
        ("time,prompt\n0,-4\n", "line 2, column `prompt`: `-4` tokens, fewer than none"),
        ("time,prompt\n0,\n", "line 2, column `prompt`: it is empty"),
        ("time,prompt\n0,NaN\n", "line 2, column `prompt`: `NaN` is no number"),
        ("time,prompt\nNaN,3\n", "line 2, column `time`: `NaN` is no time"),
        ("time,prompt\ninf,3\n", "line 2, column `time`: `inf` is no time"),
        ("time,prompt\n,3\n", "line 2, column `time`: the time is empty"),
        ("time,prompt\n0,12 tok\n", "line 2, column `prompt`: `12 tok` is no number"),
        ("time,prompt\n0,1_000\n", "line 2, column `prompt`: `1_000` is no number"),
        ("time\n1793608200000\n", "line 2, column `time`: the time `1793608200000` is out of range"),
        ("time\n2026-02-30\n", "line 2, column `time`: `2026-02-30` is no time"),
        ("time\n9999-12-31T00:00:00Z\n", "line 2, column `time`: `9999-12-31T00:00:00Z` is no time"),
        ("time,g/kWh\n0,cheap\n", "line 2, column `g/kWh`: `cheap` is no number"),
        ("time,g/kWh\n0,1e300\n", "line 2, column `g/kWh`: `1e300` is out of range"),
        ("time,g/kWh,W\n0,1,2\n", "line 1: several columns are headed by a unit: `g/kWh`, `W`"),
        ("time,prompt\n0,\"1\n2\"\n", "line 2: a quote is opened and not closed on this line"),
        ("time,Time\n0,1\n", "line 1: two columns are named `time`"),
        ("{\"time\": 1}\n{\"prompt\": 2}\n", "line 2: this row has no `time`"),
        ("{\"time\": 1}\n[1]\n", "line 2: a sequence where an object is expected"),
        ("{\"time\": 1\n", "line 1: no JSON from column 10 on"),
        ("{\"time\": [1]}\n", "line 1: a list where a number or a time is expected"),
        ("{\"time\": true}\n", "line 1: a boolean `true` where a number or a time is expected"),
        ("{\"time\": null}\n", "line 1, column `time`: the time is empty"),
        ("{\"time\": 1e999}\n", "line 1: no JSON from column 14 on"),
        ("{\"a\": 1}\n", "line 1: one column, `a`, which is none that is known"),
    ] {
        assert_eq!(refusal(stream("trace", text.as_bytes())), expected, "{text:?}");
    }
}

#[test]
fn what_was_needed_is_named() {
    let Err(Undecodable::Content { help, .. }) = stream("trace.csv", b"when\n1\n") else { panic!() };
    for column in
        ["time", "prompt", "output", "TIMESTAMP", "ContextTokens", "Request tokens", "input_length", "g/kWh"]
    {
        assert!(help.contains(&format!("`{column}`")), "{help}");
    }
}

#[test]
fn a_file_that_spans_too_long_says_so() {
    let long = format!("time\n0\n{}\n", MOST_STEPS * 3_600);
    assert_eq!(
        refusal(stream("trace.csv", long.as_bytes())),
        "line 3, column `time`: from the first row to this one are more than 262144 steps of 1h"
    );
    let apart = "time\n1678-01-01\n2262-01-01\n";
    assert!(refusal(stream("trace.csv", apart.as_bytes())).contains("more than 262144 steps"));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let garbage: Vec<u8> = (0..=255).cycle().skip(3).take(5_000).collect();
    assert!(refusal(stream("trace.csv", &garbage)).starts_with("line 1: one column, `"));
    assert_eq!(
        refusal(stream("trace.csv", b"time,prompt\n0,\xff\xfe\n")),
        "line 2, column `prompt`: `\u{fffd}\u{fffd}` is no number"
    );
    assert_eq!(
        refusal(stream("trace.csv", &[&b"time,"[..], &[b'x'; LONGEST_LINE]].concat())),
        "line 1: this line is longer than 1024 KiB"
    );
    let wide = vec!["time"; 2_000].join(",");
    assert_eq!(refusal(stream("trace.csv", wide.as_bytes())), "line 1: more than 1024 columns");
    let deep = format!("{{\"time\": 1, \"x\": {}", "[".repeat(200_000));
    assert!(refusal(stream("trace.jsonl", deep.as_bytes())).starts_with("line 1: no JSON from column "));
}

#[test]
fn a_name_that_promises_something_else_is_refused() {
    let parquet = "no Parquet, though its name says so: it does not begin with `PAR1`";
    assert_eq!(refusal(file("t.parquet", b"time\n0\n")), parquet);
    assert_eq!(refusal(file("t.parquet", b"")), parquet);
    assert_eq!(
        refusal(file("t.csv.gz", b"time\n0\n")),
        "no gzip, though its name says so: it does not begin with the bytes 1f 8b"
    );
    assert_eq!(refusal(stream("-", b"PAR1PAR1")), "Parquet in a stream");
    assert_eq!(refusal(file("t.gz", &gzip(b"PAR1PAR1"))), "Parquet in a stream");
}

#[test]
fn gzip_that_breaks_off_is_refused() {
    let text: String =
        (0..20_000).fold("time,prompt\n".to_owned(), |text, at| text + &format!("{at},{at}\n"));
    let packed = gzip(text.as_bytes());
    assert!(file("t.csv.gz", &packed).is_ok());
    for length in [3, packed.len() / 2, packed.len() - 1] {
        let refused = refusal(file("t.csv.gz", &packed[..length]));
        assert!(refused.ends_with(": the gzip stream breaks off"), "{length}: {refused}");
    }
    let mut damaged = packed.clone();
    damaged[packed.len() - 6] ^= 1;
    assert!(refusal(file("t.csv.gz", &damaged)).contains("the gzip stream is damaged"));
    let behind = [packed, b"what is this".to_vec()].concat();
    assert!(refusal(file("t.csv.gz", &behind)).contains("the gzip stream"));
}

#[test]
fn what_is_no_file_is_said() {
    let folder = Folder::new();
    let missing = folder.0.join("none.csv").display().to_string();
    assert_eq!(decode(&wanted(&missing, 60)), Err(Undecodable::Unreadable(Unreadable::Missing)));
    let folder = folder.0.display().to_string();
    assert_eq!(decode(&wanted(&folder, 60)), Err(Undecodable::Unreadable(Unreadable::Directory)));
}

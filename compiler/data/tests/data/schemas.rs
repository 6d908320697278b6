//! The same three requests in every form, and readings.

use super::*;
use sha2::{Digest as _, Sha256};

/// Arrivals at 0, 90 and 4,000 s; prompts of 374, 12 and 8,000 tokens; answers of 44, 0 and 1 tokens.
const FORMS: &[(&str, &str, &str, u64)] = &[
    (
        "azure",
        "azure.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n\
         2023-11-16 18:17:16.6805900,12,0\n2023-11-16 19:22:26.6805900,8000,1\n",
        0,
    ),
    (
        "azure",
        "azure-2024.csv",
        "\u{feff}TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46+00:00,374,44\r\n\
         2023-11-16 18:17:16+00:00,12,0\r\n\r\n2023-11-16 19:22:26+00:00,8000,1",
        0,
    ),
    (
        "burstgpt",
        "burst.csv",
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n\
         5,ChatGPT,374,44,418,Conversation log\n95,\"GPT-4, large\",12,0,12,API log\n4005.0,ChatGPT,8000,1,8001,API log\n",
        1,
    ),
    (
        "mooncake",
        "mooncake.jsonl",
        "{\"timestamp\": 27000, \"input_length\": 374, \"output_length\": 44, \"hash_ids\": [0, 1]}\n\
         {\"timestamp\": 117000, \"input_length\": 12, \"output_length\": 0, \"hash_ids\": []}\n\
         {\"hash_ids\": [[{\"a\": 1}]], \"output_length\": 1, \"timestamp\": 4027000, \"input_length\": 8000}\n",
        0,
    ),
    ("plain", "plain.csv", "user,Output,TIME,prompt\nann,44,0.5,374\nbob,0,90.5,12\nann,1,4000.5,8000\n", 0),
    (
        "plain",
        "plain.jsonl",
        "{\"time\": \"2026-11-02T09:30:00+01:00\", \"prompt\": 374, \"output\": 44.0}\n\
         {\"time\": \"2026-11-02T08:31:30Z\", \"prompt\": \"12\", \"output\": 0}\n\
         {\"time\": \"2026-11-02 09:36:40\", \"prompt\": 8000, \"output\": 1}\n",
        0,
    ),
];

#[test]
fn every_form_says_the_same() {
    for (schema, name, text, failed) in FORMS {
        for (name, bytes) in
            [((*name).to_owned(), text.as_bytes().to_vec()), (format!("{name}.gz"), gzip(text.as_bytes()))]
        {
            let data = stream(&name, &bytes).unwrap();
            let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(data.sha256, digest, "{name}");
            assert_eq!(file(&name, &bytes).unwrap(), data, "{name}");
            let Rows::Requests(requests) = data.rows else { panic!("{name}") };
            assert_eq!(requests.schema, *schema, "{name}");
            assert_eq!((requests.count, requests.failed), (3, *failed), "{name}");
            assert_eq!(requests.arrivals, [2, 1], "{name}");
            assert_eq!(float(&requests.span), 4_000.0, "{name}");
            assert_eq!(requests.spacing, None, "{name}");
            let values = |sample: Option<berth_language::data::Sample>| -> Vec<(f64, u64)> {
                sample.unwrap().values.iter().map(|(value, count)| (float(value), *count)).collect()
            };
            assert_eq!(values(requests.prompt), [(12.0, 1), (374.0, 1), (8_000.0, 1)], "{name}");
            let mut output = vec![(0.0, 1), (1.0, 1), (44.0, 1)];
            output.drain(..*failed as usize);
            assert_eq!(values(requests.output), output, "{name}");
        }
    }
}

#[test]
fn dates_have_a_start_and_numbers_none() {
    let dated = requests("time\n2026-11-02T09:30:00.9+01:00\n2026-11-02T09:00:00\n", 60);
    assert_eq!(dated.start, Some(1_793_608_200));
    assert_eq!(requests("time\n1793608200\n", 60).start, None);
    assert_eq!(requests("time\n0\n", 60).prompt, None);
}

#[test]
fn readings_are_means_by_step_and_last_until_the_next() {
    let read = readings("zone,time,g/kWh\nnl,0,100\nnl,1800,50.5\nnl,3600,70\nnl,14400,0.1\n", 3_600);
    assert_eq!((read.unit.as_str(), read.count, read.start), ("g/kWh", 4, None));
    let values: Vec<String> = read.values.iter().map(ToString::to_string).collect();
    assert_eq!(values, ["301/4", "70", "70", "70", "1/10"]);
    let read = readings("$/h,time\n2.10,2026-11-02T00:00:00Z\n", 3_600);
    assert_eq!((read.unit.as_str(), read.start), ("$/h", Some(1_793_577_600)));
    assert_eq!(read.values.iter().map(ToString::to_string).collect::<Vec<_>>(), ["21/10"]);
}

#[test]
fn rates_take_the_last_step_for_what_it_covers() {
    let rates = |text: &str| -> Vec<String> {
        let requests = requests(text, 100);
        requests.rates(&BigRational::from_integer(100.into())).iter().map(ToString::to_string).collect()
    };
    // Three gaps in 60 s.
    assert_eq!(rates("time\n0\n10\n20\n60\n"), ["1/20"]);
    // 2 in 100 s, and 4 in the 80 s that are covered.
    assert_eq!(rates("time\n0\n10\n110\n120\n130\n180\n"), ["1/50", "1/20"]);
    // 20 s of a step say too little.
    assert_eq!(rates("time\n0\n10\n110\n120\n"), ["1/50"]);
    assert_eq!(rates("time\n7\n"), ["1/100"]);
}

#[test]
fn a_pipe_is_read_as_a_file_is() {
    let folder = Folder::new();
    let (_, _, text, _) = FORMS[0];
    let pipe = folder.0.join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let path = pipe.display().to_string();
    let writer = std::thread::spawn(move || std::fs::write(pipe, text));
    let data = berth_data::Cache::new(Some(folder.0.join("cache"))).load(&wanted(&path, 3_600)).unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(data, stream("pipe.csv", text.as_bytes()).unwrap());
    assert!(!folder.0.join("cache").exists(), "what a pipe gave will not come again");
}

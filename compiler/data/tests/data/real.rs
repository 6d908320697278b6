//! Published traces, where they are: `BERTH_DATA`, else `../shared/data` beside the clone.

use super::*;
use std::io::Write as _;
use std::path::Path;

/// The requests of a file there, in steps of so many seconds; `None`, said aloud, where it is not.
fn real(test: &str, name: &str, step: i64) -> Option<Requests> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("BERTH_DATA").filter(|folder| !folder.is_empty());
    let path = named.map_or(beside, PathBuf::from).join(name);
    if !path.is_file() {
        // Past the test runner, which keeps what tests print to itself.
        let _ =
            writeln!(std::io::stderr(), "SKIPPED {test}: {name} is not in BERTH_DATA (or ../shared/data)");
        return None;
    }
    match decode(&wanted(&path.display().to_string(), step)).unwrap().rows {
        Rows::Requests(requests) => Some(requests),
        rows => panic!("{rows:?}"),
    }
}

/// Counts of the dataset's own page; medians and means by `sort` and `awk` over the columns.
#[test]
fn azure_conversations() {
    let name = "azure_llm_2023/AzureLLMInferenceTrace_conv.csv";
    let Some(requests) = real("azure_conversations", name, 60) else { return };
    assert_eq!((requests.schema, requests.count, requests.failed), ("azure", 19_366, 0));
    assert_eq!(requests.start, Some(1_700_158_546));
    assert_eq!(float(&requests.span), 3_501.721_937);
    // Its arrivals are about Poisson: Patel et al., "Splitwise" (ISCA 2024), draw them so.
    let spacing = float(&requests.spacing.unwrap());
    assert!((0.95..1.1).contains(&spacing), "{spacing}");
    median(&requests.prompt.unwrap(), 1_020.0);
    median(&requests.output.unwrap(), 129.0);
}

/// Their bursts are what the service is known for.
#[test]
fn azure_code() {
    let name = "azure_llm_2023/AzureLLMInferenceTrace_code.csv";
    let Some(requests) = real("azure_code", name, 60) else { return };
    assert_eq!((requests.schema, requests.count), ("azure", 8_819));
    assert!(float(&requests.spacing.unwrap()) > 3.0);
    median(&requests.prompt.unwrap(), 1_469.0);
    median(&requests.output.unwrap(), 13.0);
}

#[test]
fn mooncake_conversations() {
    let name = "mooncake/conversation_trace.jsonl.gz";
    let Some(requests) = real("mooncake_conversations", name, 60) else { return };
    assert_eq!((requests.schema, requests.count), ("mooncake", 12_031));
    assert_eq!(float(&requests.span), 3_536.999);
    // Ten arrivals share each tick of 3 s, and are Poisson over them.
    let spacing = float(&requests.spacing.unwrap());
    assert!((0.9..1.15).contains(&spacing), "{spacing}");
    let mean = |sample: &berth_language::data::Sample| {
        sample.values.iter().map(|(value, count)| float(value) * *count as f64).sum::<f64>() / 12_031.0
    };
    // Qin et al., "Mooncake" (FAST 2025), table 2: mean input 12,035 and output 343 tokens.
    assert_eq!(mean(&requests.prompt.unwrap()).round(), 12_035.0);
    assert_eq!(mean(&requests.output.unwrap()).round(), 343.0);
}

/// The smallest value that at least half of the sample does not exceed is this one, or what it was joined in.
fn median(sample: &berth_language::data::Sample, expected: f64) {
    let total: u64 = sample.values.iter().map(|(_, count)| count).sum();
    let mut below = 0;
    let found = sample.values.iter().find(|(_, count)| {
        below += count;
        2 * below >= total
    });
    let found = float(&found.unwrap().0);
    assert!((found / expected - 1.0).abs() < 1.0 / 64.0, "{found} instead of {expected}");
}

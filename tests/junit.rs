//! A JUnit report is XML whatever tests are called, and says what each came to.

use std::path::PathBuf;
use std::process::Command;

/// Names of tests with everything that XML gives a meaning to, or cannot write.
const FILE: &str = "
node box {
    cpu = 4 core
}

service shop {
    cpu = 1 core
    serves = 60 req/s
    demand = 50 req/s
}

test \"a < b & c > 'd' \\\"e\\\" ]]> 東京 \u{1}\u{8}\" {
    shop.replicas <= 0
}

test \"sound\" {
    feasible
}

test \"open\" {
    shop.availability >= 99%
}
";

#[test]
fn a_report_is_well_formed() {
    let folder = std::env::temp_dir().join(format!("berth-junit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, report): (PathBuf, PathBuf) = (folder.join("a&b.berth"), folder.join("report.xml"));
    std::fs::write(&file, FILE).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_berth"))
        .arg("test")
        .arg(&file)
        .arg("--junit")
        .arg(&report)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    std::fs::remove_dir_all(&folder).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));

    let suite = document.root_element().first_element_child().unwrap();
    assert_eq!(suite.tag_name().name(), "testsuite");
    assert_eq!(suite.attribute("name"), file.to_str());
    let count = |name: &str| suite.attribute(name).unwrap().parse::<usize>().unwrap();
    assert_eq!((count("tests"), count("failures"), count("errors"), count("skipped")), (3, 1, 1, 0));

    let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    let name = |at: usize| cases[at].attribute("name").unwrap();
    assert_eq!(name(0), "a < b & c > 'd' \"e\" ]]> 東京 \u{FFFD}\u{FFFD}");
    let child = |at: usize, name: &str| cases[at].children().find(|node| node.has_tag_name(name));
    let failure = child(0, "failure").unwrap();
    assert_eq!(failure.attribute("message"), Some("shop.replicas <= 0 does not hold"));
    assert!(failure.text().unwrap().contains("shop.replicas <= 0\n    │             │\n"), "{text}");
    assert!(child(1, "failure").is_none() && child(1, "error").is_none());
    let error = child(2, "error").unwrap();
    assert_eq!(error.attribute("message"), Some("shop.availability >= 99% is not judged"));
    for case in &cases {
        assert!(case.attribute("time").unwrap().parse::<f64>().unwrap() >= 0.0);
        let properties = case.children().find(|node| node.has_tag_name("properties")).unwrap();
        assert!(properties.children().any(|node| node.attribute("name") == Some("plan")));
    }
}

//! A plan that was tampered with is refused, and a line of the user's is named.

mod support;

use berth_compiler::plan::Plan;
use berth_compiler::verify::{Refused, verify};
use serde_json::Value;
use support::{Memory, Random, example, request, with_session};

/// One corruption of a plan file; its name, for the message when it is not caught.
fn corrupt(plan: &mut Value, random: &mut Random) -> &'static str {
    fn at<'a>(plan: &'a mut Value, section: &str, random: &mut Random) -> &'a mut Value {
        let entries = plan[section].as_array_mut().unwrap();
        let index = random.below(entries.len());
        &mut entries[index]
    }
    fn scale(value: &mut Value, factor: f64) {
        let number = value.as_f64().unwrap();
        *value = serde_json::json!(if number == 0.0 { factor } else { number * factor });
    }
    match random.below(12) {
        0 => {
            let placement = at(plan, "placements", random);
            placement["each"] = serde_json::json!(placement["each"].as_u64().unwrap() + 1);
            "one copy over"
        }
        1 => {
            let entries = plan["placements"].as_array_mut().unwrap();
            let (left, right) = (random.below(entries.len()), random.below(entries.len()));
            let nodes = entries[left]["nodes"].clone();
            entries[left]["nodes"] = std::mem::replace(&mut entries[right]["nodes"], nodes);
            "swapped nodes"
        }
        2 => {
            let entries = plan["placements"].as_array_mut().unwrap();
            let index = random.below(entries.len());
            entries.remove(index);
            "a dropped placement"
        }
        3 => {
            let placement = at(plan, "placements", random);
            placement["each"] = serde_json::json!(placement["each"].as_u64().unwrap().saturating_sub(1));
            "a dropped replica"
        }
        4 => {
            let placement = at(plan, "placements", random);
            if placement["layout"].is_object() {
                match random.below(3) {
                    0 => placement["layout"]["tensor"] = serde_json::json!(1 + random.below(9)),
                    1 => placement["layout"]["batch"] = serde_json::json!(1 + random.below(999)),
                    _ => placement["layout"]["precision"] = serde_json::json!("fp4"),
                }
            } else {
                placement["layout"] = serde_json::json!({
                    "device": "h100_sxm", "tensor": 2, "batch": 8, "precision": "bf16"
                });
            }
            "an altered layout"
        }
        5 => {
            scale(&mut at(plan, "measures", random)["value"], 1.01);
            "an altered measure"
        }
        6 => {
            let factor = [0.5, 0.999, 1.001, 2.0][random.below(4)];
            scale(&mut at(plan, "objective", random)["bound"], factor);
            "an altered bound"
        }
        7 => {
            scale(&mut at(plan, "objective", random)["incumbent"], 0.9);
            "an altered incumbent"
        }
        8 => {
            let entry = at(plan, "requirements", random);
            entry["met"] = serde_json::json!(!entry["met"].as_bool().unwrap());
            "an altered verdict"
        }
        9 => {
            let entry = at(plan, "requirements", random);
            entry["limit"] = serde_json::json!(entry["limit"].as_f64().unwrap_or(0.0) + 1.0);
            "an altered limit"
        }
        10 => {
            plan["status"] = serde_json::json!("feasible");
            "an altered status"
        }
        _ => {
            let placement = at(plan, "placements", random);
            placement["nodes"] = serde_json::json!(["nowhere[1]"]);
            "a node that is not there"
        }
    }
}

fn every_corruption_is_refused(files: &Memory, name: &str, seeds: std::ops::Range<u64>) -> usize {
    with_session(files, |session| {
        let request = request();
        let planned = session.plan(name, None, &request, &mut |_| {}).unwrap();
        let text = planned.plan.to_json();
        let clean = Plan::from_json(&text).unwrap();
        verify(session, &clean, &request).expect("the plan itself holds");
        let mut refused = 0;
        for seed in seeds {
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let what = corrupt(&mut value, &mut Random(seed));
            let Ok(plan) = Plan::from_json(&value.to_string()) else {
                refused += 1;
                continue;
            };
            if plan == clean {
                // The draw changed nothing, such as a node swapped with itself.
                continue;
            }
            let Err(Refused::Lines(sources, found)) = verify(session, &plan, &request) else {
                panic!("{name}, seed {seed}: {what} was not refused");
            };
            let label = &found.first().expect("a reason is given").labels[0];
            let (line, _) = sources.position(label.span);
            assert!(line >= 1 && sources.get(label.span.file).is_some(), "{what} names a line");
            assert!(label.span.end > label.span.start, "{name}, seed {seed}: {what} marks something");
            refused += 1;
        }
        refused
    })
}

#[test]
fn corruptions_of_the_web_plan_are_refused() {
    let refused = every_corruption_is_refused(&example("web.berth"), "web.berth", 0..160);
    assert!(refused >= 130, "only {refused} of the draws changed anything");
}

#[test]
fn corruptions_of_the_chat_plan_are_refused() {
    let refused = every_corruption_is_refused(&example("chat.berth"), "chat.berth", 1_000..1_120);
    assert!(refused >= 90, "only {refused} of the draws changed anything");
}

/// Pods of many kinds on the machines of racks, with caps on racks and sites, and wishes that not all are met.
fn pods() -> String {
    let mut text = String::new();
    for site in ["ams", "dal"] {
        text += &format!("site {site} {{\n    rack r[1..3] {{\n        feed = 1kW\n\n");
        text += "        node h[1..2] {\n            cpu = 8 core\n            memory = 32GiB\n";
        text += "            market = on_demand\n            price = $1/h\n        }\n    }\n}\n\n";
    }
    for pod in 0..6 {
        text += &format!(
            "service s{pod} {{\n    cpu = {}.5 core\n    memory = {}GiB\n    priority = {}\n    replicas in 0..9\n    prefer replicas == {}\n",
            1 + pod % 3,
            2 + pod,
            1 + pod % 2,
            4 + pod
        );
        text += &format!(
            "    spread(rack) >= 2\n    all r in rack[*]: (count i in s{pod}.instance[*] where i.rack == r) <= 3\n}}\n\n"
        );
    }
    text += "policy power {\n    all r in rack[*]: 90W * (sum s in service[*]: (count i in s.instance[*] where i.rack == r)) <= r.feed\n";
    text += "    all i in s5.instance[*]: i.site == dal\n}\n\nplan p {\n    minimize = bill\n}\n";
    text
}

#[test]
fn corruptions_of_a_plan_of_pods_over_places_are_refused() {
    let files = Memory::of("pods.berth", &pods());
    let refused = every_corruption_is_refused(&files, "pods.berth", 0..560);
    assert!(refused >= 500, "only {refused} of the draws changed anything");
}

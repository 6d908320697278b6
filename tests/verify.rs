//! A plan that was tampered with is refused, and a line of the user's is named.

mod support;

use berth_compiler::plan::Plan;
use berth_compiler::verify::{Refused, verify};
use serde_json::Value;
use support::{Random, example, request, with_session};

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

fn every_corruption_is_refused(name: &str, seeds: std::ops::Range<u64>) -> usize {
    let files = example(name);
    with_session(&files, |session| {
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
    let refused = every_corruption_is_refused("web.berth", 0..160);
    assert!(refused >= 130, "only {refused} of the draws changed anything");
}

#[test]
fn corruptions_of_the_chat_plan_are_refused() {
    let refused = every_corruption_is_refused("chat.berth", 1_000..1_120);
    assert!(refused >= 90, "only {refused} of the draws changed anything");
}

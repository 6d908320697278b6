//! Elastic services to bounds of an autoscaler, and what it goes by.
//!
//! A HorizontalPodAutoscaler keeps a load of its replicas: the plan says up to which load of one replica another is not needed
//! yet, so that one that keeps it has in each step as many as are needed. For a container that is how much of its requested
//! CPU it uses, of which a replica that serves all it can is taken to use all. For a model server it is how many requests
//! it runs at a time, as its engine counts them: CPU and the utilisation of a device say little of how
//! full a batch is.

use super::items::Item;
use super::lines::Lines;
use super::placement::spread;
use super::workloads::Part;
use berth_compiler::plan::Plan;
use berth_compiler::plan::autoscaling::Autoscaling;
use berth_language::model::{Program, Work};
use serde_json::{Value, json};

/// An autoscaler leaves replicas as many as they are while their load is within this share of what it keeps: the default
/// of `--horizontal-pod-autoscaler-tolerance`.
const TOLERANCE: f64 = 0.1;

/// Less of a replica's CPU than this, in percent, is no sign of anything.
const LEAST_UTILIZATION: f64 = 10.0;

/// The spec of what scales `workload`, one of the workloads of a service, or why there is none; its container is called
/// `container`.
pub fn autoscaler(
    program: &Program,
    plan: &Plan,
    index: usize,
    part: &Part,
    container: &str,
    workload: &Value,
    lines: &mut Lines<'_>,
) -> Result<Value, String> {
    let service = &program.services[index];
    if Item::Service(service).is_stateful() {
        return Err(
            "`elastic` replicas come and go, and those of a `stateful` service have data of their own: \
                    leave one of the two out"
                .into(),
        );
    }
    let is_own = |entry: &&Autoscaling| entry.service == service.name && entry.layout == part.layout;
    let Some(entry) = plan.autoscaling.iter().find(is_own) else {
        return Err("the plan has no bounds of it for an autoscaler".into());
    };
    let elastic = service.elastic.as_ref().map_or(service.span, |elastic| elastic.span);
    lines.asked("", elastic);
    let most = part.landing.replicas();
    if let Some(line) = &entry.held_by {
        lines.stated("/spec/minReplicas", line);
    }
    lines.count("/spec/maxReplicas", service);
    let metric = match &service.work {
        Work::Image(_) => {
            if part.contents.cpu.is_none() {
                return Err("an autoscaler goes by how much of its `cpu` a replica uses: state it".into());
            }
            let utilisation = entry.load.utilisation.unwrap_or(1.0);
            let target = below(100.0 * utilisation).max(LEAST_UTILIZATION);
            let target = json!({"type": "Utilization", "averageUtilization": target as u64});
            json!({
                "type": "ContainerResource",
                "containerResource": {"name": "cpu", "container": container, "target": target},
            })
        }
        Work::Llm(work) => {
            let engine = work.engine.as_ref().map_or("", |engine| engine.value.as_str());
            let Some(name) = running_requests(engine) else {
                return Err(format!(
                    "no metric by which an autoscaler could tell how full a replica of {engine} is is known here: \
                     leave `elastic` out"
                ));
            };
            let Some(together) = entry.load.decoded_together else {
                return Err(
                    "how many requests a replica runs at a time is not predicted: leave `elastic` out".into(),
                );
            };
            let target =
                json!({"type": "AverageValue", "averageValue": below(together).max(1.0).to_string()});
            json!({"type": "Pods", "pods": {"metric": {"name": name}, "target": target}})
        }
    };
    let load = "the load up to which the plan needs no more replicas, less what an autoscaler tolerates";
    lines.note("/spec/metrics", elastic, load.to_owned());
    let mut spec = json!({
        "scaleTargetRef": {
            "apiVersion": workload["apiVersion"],
            "kind": workload["kind"],
            "name": workload["metadata"]["name"],
        },
        "minReplicas": share(entry, most),
        "maxReplicas": most,
        "metrics": [metric],
    });
    // Replicas that go at once are those of the fullest machines as they were before: several could empty one.
    if let Some((_, line)) = spread(program, index) {
        spec["behavior"] =
            json!({"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}});
        lines.asked("/spec/behavior", line.span);
    }
    Ok(spec)
}

/// The fewest of a workload that has `most` of the replicas: all workloads of a form together have no fewer than the plan
/// says. An autoscaler leaves one.
fn share(entry: &Autoscaling, most: u64) -> u64 {
    let of_all = u128::from(entry.min) * u128::from(most);
    let own = of_all.div_ceil(u128::from(entry.max.max(1)));
    u64::try_from(own).unwrap_or(most).clamp(1, most.max(1))
}

/// The largest whole number with which an autoscaler asks for more before the load is `most`.
fn below(most: f64) -> f64 {
    (most / (1.0 + TOLERANCE)).ceil() - 1.0
}

/// What an engine calls the requests that it runs at a time.
///
/// vLLM: Production Metrics, docs.vllm.ai. SGLang: Production Metrics, docs.sglang.io. `trtllm-serve` counts them in no
/// form that is scraped.
fn running_requests(engine: &str) -> Option<&'static str> {
    match engine {
        "vllm" => Some("vllm:num_requests_running"),
        "sglang" => Some("sglang:num_running_reqs"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_before_the_load_is_reached() {
        for most in [1.2, 2.0, 5.5, 11.0, 90.9, 100.0] {
            let kept = below(most);
            assert!(kept * (1.0 + TOLERANCE) < most, "{kept} of {most}");
            assert!((kept + 1.0) * (1.0 + TOLERANCE) >= most, "{kept} of {most}");
        }
    }

    #[test]
    fn workloads_have_together_no_fewer_than_planned() {
        let entry = |min, max| Autoscaling {
            service: "chat".into(),
            layout: None,
            min,
            max,
            mean: 1.0,
            start_up: 0.0,
            schedule: Vec::new(),
            load: berth_compiler::plan::autoscaling::Load::default(),
            held_by: None,
        };
        for (min, parts) in [(3, vec![4, 2]), (1, vec![4, 2]), (6, vec![4, 2]), (5, vec![3, 3, 1])] {
            let max = parts.iter().sum();
            let shares: Vec<u64> = parts.iter().map(|part| share(&entry(min, max), *part)).collect();
            assert!(shares.iter().sum::<u64>() >= min, "{shares:?} of {min}");
            assert!(shares.iter().zip(&parts).all(|(share, part)| (1..=*part).contains(share)), "{shares:?}");
        }
        assert_eq!(share(&entry(0, 4), 4), 1);
    }
}

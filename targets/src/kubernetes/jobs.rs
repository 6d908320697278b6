//! Jobs to objects. What trains in several copies is a JobSet, whose copies begin together, know each other by name and begin
//! again together when one fails; all else is a Job for each of its workloads, whose pods know nothing of each other.
//!
//! A copy in a JobSet is a Job of its own, of as many pods as a copy has machines: one, as yet.

use super::kinds::{JOB, JOB_SET};
use super::lines::Lines;
use super::objects::{Alike, CONTAINER, PART, World};
use super::template::{Filling, Template, at};
use super::workloads::Part;
use berth_compiler::degrees::Degrees;
use berth_compiler::plan::objects::ObjectEntry;
use berth_compiler::plan::{JobEntry, Layout, TrainingEntry};
use berth_language::model::Job;
use berth_language::span::Span;
use serde_json::{Value, json};

/// What the copies of a JobSet are called in it: `pretrain-copy-3`.
const COPY: &str = "copy";
/// Where the first copy waits for the others: what torchrun takes where nothing is said.
const PORT: u16 = 29_500;
/// On each pod of a JobSet: which of all its Jobs it is of.
const GLOBAL_INDEX: &str = "metadata.labels['jobset.sigs.k8s.io/job-global-index']";
/// What becomes of a pod whose container failed where no line says: another takes its place, and its log is kept.
const RESTART: &str = "Never";
/// How often copies begin again where no line says: as often as the pods of a Job do.
const RESTARTS: u64 = 6;
/// The longest name of a pod, whose host is called so.
const LONGEST_OF_PODS: usize = 63;
/// What controllers put behind the name of a Job to name its pods.
const OF_PODS: &str = "-0-abcde";

/// What one Job is made from.
struct Made<'a> {
    /// By index among all items.
    index: usize,
    job: &'a Job,
    part: &'a Part,
    /// What is filled in.
    template: Option<&'a Template>,
    /// Its pods.
    count: u64,
    /// What the plan says to them.
    variables: &'a [Value],
}

impl World<'_> {
    /// What the plan creates for a job, or why it cannot be written.
    pub(super) fn job(&self, index: usize, job: &Job, parts: &[Part]) -> Result<Vec<ObjectEntry>, String> {
        let Some(entry) = self.plan.jobs.iter().find(|entry| entry.job == job.name) else {
            return Err("the plan does not say how it runs".into());
        };
        let template = match &job.template {
            Some(path) if parts.len() > 1 => {
                let count = parts.len();
                return Err(format!("{} holds one Job, and it takes {count}: limit its layout", path.value));
            }
            Some(path) => Some(Template::of_job(&path.value, self.text_of(&path.value), &self.names[index])?),
            None => None,
        };
        match &entry.training {
            Some(training) if entry.copies > 1 => self
                .job_set((index, job), parts, template.as_ref(), (entry.copies, training))
                .map(|set| vec![set]),
            _ => self.independent((index, job), parts, template.as_ref(), entry),
        }
    }

    /// A Job for each workload.
    fn independent(
        &self,
        (index, job): (usize, &Job),
        parts: &[Part],
        template: Option<&Template>,
        entry: &JobEntry,
    ) -> Result<Vec<ObjectEntry>, String> {
        let mut first = 0;
        let mut objects = Vec::new();
        for part in parts {
            let count = part.landing.replicas();
            let variables = match (&entry.training, &part.layout) {
                (Some(training), _) => [alone(training), trains(training)].concat(),
                (None, Some(layout)) => works(layout, entry.copies, first),
                (None, None) => Vec::new(),
            };
            let mut lines = Lines::new(self.sources);
            let made = Made { index, job, part, template, count, variables: &variables };
            let mut manifest = self.made(&made, &mut lines)?;
            for field in ["completions", "parallelism"] {
                lines.decided(&format!("/spec/{field}"), decides_copies(job));
            }
            if let Some(limit) = &job.backoff_limit {
                manifest["spec"]["backoffLimit"] = json!(limit.value);
                lines.asked("/spec/backoffLimit", limit.span);
            }
            objects.push(lines.entry(Some(&job.name), manifest));
            first += count;
        }
        Ok(objects)
    }

    /// All copies of what trains, each a Job. One that fails is not replaced alone: the others wait for it in the middle of a
    /// step.
    fn job_set(
        &self,
        (index, job): (usize, &Job),
        parts: &[Part],
        template: Option<&Template>,
        (copies, training): (u64, &TrainingEntry),
    ) -> Result<ObjectEntry, String> {
        let name = template.and_then(Template::name).unwrap_or(&self.names[index]);
        let variables = [together(training, copies, name), trains(training)].concat();
        let mut lines = Lines::new(self.sources);
        lines.asked("", job.span);
        let (mut metadata, mut jobs, mut longest) = (Value::Null, Vec::new(), 0);
        for part in parts {
            let mut own = Lines::new(self.sources);
            let made = Made { index, job, part, template, count: 1, variables: &variables };
            let mut manifest = self.made(&made, &mut own)?;
            // The first has the name of the job.
            if metadata.is_null() {
                metadata = manifest["metadata"].take();
            }
            manifest["spec"]["backoffLimit"] = json!(0);
            let copy =
                format!("{COPY}{}", part.name.strip_prefix(self.names[index].as_str()).unwrap_or_default());
            let replicas = part.landing.replicas();
            longest = longest.max(format!("{name}-{copy}-{}{OF_PODS}", replicas.saturating_sub(1)).len());
            let place = format!("/spec/replicatedJobs/{}", jobs.len());
            lines.nested(own, &format!("{place}/template"));
            lines.decided(&format!("{place}/replicas"), decides_copies(job));
            jobs.push(
                json!({"name": copy, "replicas": replicas, "template": {"spec": manifest["spec"].take()}}),
            );
        }
        if longest > LONGEST_OF_PODS {
            return Err(format!(
                "its pods would have names of {longest} letters, and {LONGEST_OF_PODS} are the most: call it shorter"
            ));
        }
        let restarts = job.backoff_limit.as_ref().map_or(RESTARTS, |limit| limit.value);
        if let Some(limit) = &job.backoff_limit {
            lines.asked("/spec/failurePolicy/maxRestarts", limit.span);
        }
        let manifest = json!({
            "apiVersion": JOB_SET.api_version(),
            "kind": JOB_SET.name,
            "metadata": metadata,
            "spec": {
                "failurePolicy": {"maxRestarts": restarts},
                "network": {"enableDNSHostnames": true, "publishNotReadyAddresses": true, "subdomain": name},
                "replicatedJobs": jobs,
            },
        });
        Ok(lines.entry(Some(&job.name), manifest))
    }

    /// A Job.
    fn made(&self, made: &Made<'_>, lines: &mut Lines<'_>) -> Result<Value, String> {
        let Made { index, job, part, template, count, variables } = *made;
        let name = &self.names[index];
        if let Some(twice) = stated_and_decided(job, variables) {
            return Err(format!("its `env` sets {twice}, which the plan decides: leave it out"));
        }
        lines.asked("", job.span);
        let mut alike = self.selector(name);
        alike[PART] = json!(part.name);
        let mut pod = self.pod(index, part, name, &Alike::of(&alike), variables, lines);
        match &job.restart_policy {
            Some(policy) => {
                pod.insert("restartPolicy".into(), json!(policy.value));
                lines.asked("/spec/template/spec/restartPolicy", policy.span);
            }
            None if template.is_some() => {}
            None => _ = pod.insert("restartPolicy".into(), json!(RESTART)),
        }
        let mut manifest = match template {
            None => {
                let mut labels = self.labels(Some(name));
                labels.insert(PART.into(), json!(part.name));
                json!({
                    "apiVersion": JOB.api_version(),
                    "kind": JOB.name,
                    "metadata": self.metadata(&part.name, name),
                    "spec": {"template": {"metadata": {"labels": labels}, "spec": pod}},
                })
            }
            Some(template) => {
                lines.moved(template.container());
                let mut manifest = template.filled(Filling {
                    namespace: self.cluster.namespace.clone(),
                    name: part.name.clone(),
                    labels: self.labels(Some(name)),
                    annotation: (CONTAINER, template.container_name().to_owned()),
                    replicas: None,
                    pod,
                })?;
                for (label, value) in alike.as_object().into_iter().flatten() {
                    *at(&mut manifest, &["spec", "template", "metadata", "labels", label])? = value.clone();
                }
                let policy = at(&mut manifest, &["spec", "template", "spec", "restartPolicy"])?;
                if policy.is_null() {
                    *policy = json!(RESTART);
                }
                manifest
            }
        };
        for (field, value) in [
            ("completionMode", json!("Indexed")),
            ("completions", json!(count)),
            ("parallelism", json!(count)),
        ] {
            manifest["spec"][field] = value;
        }
        Ok(manifest)
    }
}

/// The line within which the number of copies was decided.
fn decides_copies(job: &Job) -> Span {
    // Of other work `data` is of one copy.
    job.data.first().filter(|_| job.runs.is_none()).map_or(job.span, |line| line.span)
}

/// A variable that a line states and the plan decides.
fn stated_and_decided<'a>(job: &'a Job, variables: &[Value]) -> Option<&'a str> {
    let mut stated = job.container.env.iter().flat_map(|env| &env.value);
    let is_decided = |name: &str| variables.iter().any(|decided| decided["name"] == *name);
    stated.find(|stated| is_decided(&stated.name)).map(|stated| stated.name.as_str())
}

fn variable(name: &str, value: impl ToString) -> Value {
    json!({"name": name, "value": value.to_string()})
}

/// What torchrun reads instead of its own arguments (`torch.distributed.argparse_util`), in a single copy.
fn alone(training: &TrainingEntry) -> Vec<Value> {
    vec![variable("PET_NNODES", 1), variable("PET_NPROC_PER_NODE", training.devices)]
}

/// The same in one of several copies of the JobSet called `name`: all meet at the first.
fn together(training: &TrainingEntry, copies: u64, name: &str) -> Vec<Value> {
    vec![
        variable("PET_NNODES", copies),
        variable("PET_NPROC_PER_NODE", training.devices),
        json!({"name": "PET_NODE_RANK", "valueFrom": {"fieldRef": {"fieldPath": GLOBAL_INDEX}}}),
        variable("PET_MASTER_ADDR", format!("{name}-{COPY}-0-0.{name}")),
        variable("PET_MASTER_PORT", PORT),
    ]
}

/// How a model learns.
fn trains(training: &TrainingEntry) -> Vec<Value> {
    let TrainingEntry { layout, micro_batches, .. } = training;
    let mut variables = degrees(layout);
    variables.extend([
        variable("BERTH_SHARDING", layout.sharding.as_deref().unwrap_or("none")),
        variable("BERTH_MICRO_BATCH", layout.batch),
        variable("BERTH_MICRO_BATCHES", micro_batches),
    ]);
    variables
}

/// How a model does its part of some work; the copies of this Job are numbered from `first` on.
fn works(layout: &Layout, copies: u64, first: u64) -> Vec<Value> {
    let mut variables = degrees(layout);
    variables.extend([
        variable("BERTH_BATCH", layout.batch),
        variable("BERTH_COPIES", copies),
        variable("BERTH_FIRST_COPY", first),
    ]);
    variables
}

fn degrees(layout: &Layout) -> Vec<Value> {
    let Degrees { tensor, pipeline, expert, data, context: _ } = layout.degrees();
    vec![
        variable("BERTH_TENSOR", tensor),
        variable("BERTH_PIPELINE", pipeline),
        variable("BERTH_EXPERT", expert),
        variable("BERTH_DATA", data),
        variable("BERTH_PRECISION", &layout.precision),
    ]
}

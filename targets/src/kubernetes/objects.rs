//! Plan to objects: a pure function.
//!
//! One workload a layout of a service; all layouts share a Service and a disruption budget. The order is that of
//! creation: classes of priority first, then service by service what a workload needs, the workload, its budget.

use super::contents::{Contents, contents};
use super::names::{label_value, object_name, object_names};
use super::placement::{Landing, counts_by_machine, spread, widest_skew};
use super::pods::{claims, pod};
use berth_compiler::degrees::Degrees;
use berth_compiler::plan::objects::{Asked, ObjectEntry, Unwritten};
use berth_compiler::plan::written::file_name;
use berth_compiler::plan::{Layout, Placement, Plan};
use berth_language::model::{Cluster, Fact, Pin, Port, Program, Requirement, Service};
use berth_language::sources::Sources;
use berth_language::span::Span;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Label of the service that an object is for.
pub const NAME: &str = "app.kubernetes.io/name";
/// Label of the plan that it is part of.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label of who sees to it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The name under which this program owns fields.
pub const MANAGER: &str = "berth";

/// The objects of `plan`, which was made from `program`, and the services that get none.
pub fn objects(
    program: &Program,
    sources: &Sources,
    plan: &Plan,
    cluster: &Cluster,
) -> (Vec<ObjectEntry>, Vec<Unwritten>) {
    let names = object_names(program.services.iter().map(|service| service.name.as_str()));
    let world = World { program, sources, plan, cluster, names };
    let mut objects = world.priority_classes();
    let mut unwritten = Vec::new();
    for (index, service) in program.services.iter().enumerate() {
        let placements: Vec<&Placement> =
            plan.placements.iter().filter(|placement| placement.service == service.name).collect();
        if placements.is_empty() {
            continue;
        }
        match world.service(index, service, &placements) {
            Ok(own) => objects.extend(own),
            Err(because) => unwritten.push(Unwritten {
                service: service.name.clone(),
                file: file_name(sources, service.span),
                line: sources.position(service.span).0,
                because,
            }),
        }
    }
    (objects, unwritten)
}

/// Replicas of a service that one workload runs: all of one layout.
struct Part<'a> {
    /// The workload's name.
    name: String,
    placements: Vec<&'a Placement>,
    contents: Contents,
    landing: Landing,
    /// Machines that they have to stand on at least, and the line that asks for it.
    distinct: Option<(u64, &'a Requirement)>,
}

struct World<'a> {
    program: &'a Program,
    sources: &'a Sources,
    plan: &'a Plan,
    cluster: &'a Cluster,
    names: BTreeMap<&'a str, String>,
}

impl<'a> World<'a> {
    /// One for each priority in use but 0, which is everybody's. Such classes are everywhere in a cluster, so their
    /// names say whose they are.
    fn priority_classes(&self) -> Vec<ObjectEntry> {
        let placed: BTreeSet<&str> =
            self.plan.placements.iter().map(|placement| placement.service.as_str()).collect();
        let mut by_value: BTreeMap<i64, &Service> = BTreeMap::new();
        for service in self.program.services.iter().filter(|service| placed.contains(service.name.as_str())) {
            if service.priority.value != 0 {
                by_value.entry(service.priority.value).or_insert(service);
            }
        }
        let class = |(value, service): (i64, &Service)| {
            let mut lines = Lines::new(self.sources);
            lines.asked("", service.priority.span);
            let metadata = json!({"name": self.priority_class(value), "labels": self.labels(None)});
            lines.entry(
                None,
                json!({
                    "apiVersion": "scheduling.k8s.io/v1",
                    "kind": "PriorityClass",
                    "metadata": metadata,
                    "value": scheduler_priority(value),
                    "globalDefault": false,
                    "description": format!("Services of priority {value} in the plan {}.", self.plan_name()),
                }),
            )
        };
        by_value.into_iter().map(class).collect()
    }

    fn priority_class(&self, value: i64) -> String {
        let sign = if value < 0 { "minus-" } else { "" };
        let plan = object_name(self.plan_name());
        format!("{}-{plan}-{sign}{}", self.cluster.namespace, value.unsigned_abs())
    }

    fn plan_name(&self) -> &str {
        plan_name(self.plan)
    }

    fn labels(&self, service: Option<&str>) -> Map<String, Value> {
        let mut labels = Map::new();
        if let Some(service) = service {
            labels.insert(NAME.into(), json!(service));
        }
        labels.insert(INSTANCE.into(), json!(label_value(self.plan_name())));
        labels.insert(MANAGED_BY.into(), json!(MANAGER));
        labels
    }

    fn metadata(&self, name: &str, service: &str) -> Value {
        json!({"name": name, "namespace": self.cluster.namespace, "labels": self.labels(Some(service))})
    }

    /// What selects the pods of a service, whatever their layout. It never changes: the API allows no change.
    fn selector(&self, service: &str) -> Value {
        json!({NAME: service, INSTANCE: label_value(self.plan_name())})
    }

    /// What the plan creates for a service, or why it cannot be written.
    fn service(
        &self,
        index: usize,
        service: &Service,
        placements: &[&'a Placement],
    ) -> Result<Vec<ObjectEntry>, String> {
        let name =
            self.names.get(service.name.as_str()).cloned().unwrap_or_else(|| object_name(&service.name));
        let parts = self.parts(index, service, placements, &name)?;
        let ports = parts.first().and_then(|part| part.contents.ports.as_ref());
        let mut objects = Vec::new();
        objects.extend(self.network(service, ports, &name));
        objects.extend(parts.iter().map(|part| self.workload(service, part, &name)));
        objects.push(self.budget(service, &name));
        Ok(objects)
    }

    /// The workloads of a service: one a layout; one a placement where a line counts replicas by machine, because
    /// then where each replica stands is part of the proof.
    fn parts(
        &self,
        index: usize,
        service: &Service,
        placements: &[&'a Placement],
        name: &str,
    ) -> Result<Vec<Part<'a>>, String> {
        let by_machine = counts_by_machine(self.program, index) && placements.len() > 1;
        let mut groups: Vec<Vec<&'a Placement>> = Vec::new();
        for placement in placements {
            let same = |group: &&mut Vec<&Placement>| {
                !by_machine && group.iter().all(|other| other.layout == placement.layout)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(placement),
                None => groups.push(vec![placement]),
            }
        }
        let landing = |pin: Pin| -> Vec<Landing> {
            let of = |group: &Vec<&Placement>| Landing::of(self.program, self.plan, index, group, pin);
            groups.iter().map(of).collect()
        };
        let asked = spread(self.program, index);
        let mut landings = landing(if by_machine { Pin::Node } else { self.cluster.pin });
        // Workloads count their own machines; together they stand on as many as planned where none may use another's.
        if asked.is_some() && Landing::overlap(&landings) {
            landings = landing(Pin::Node);
        }
        let single = groups.len() == 1;
        let tags = groups.iter().enumerate().map(|(at, group)| match group.first() {
            Some(Placement { layout: Some(layout), .. }) if !by_machine => format!("{name}-{}", tag(layout)),
            _ => format!("{name}-{}", at + 1),
        });
        let tags: Vec<String> = tags.collect();
        let names = object_names(tags.iter().map(String::as_str));
        let mut parts = Vec::new();
        for ((group, landing), tag) in groups.into_iter().zip(landings).zip(&tags) {
            let contents = contents(self.program, index, service, &group)?;
            let name = if single { name.to_owned() } else { names.get(tag.as_str()).unwrap_or(tag).clone() };
            let distinct = asked.map(|(all, line)| (if single { all } else { landing.machines() }, line));
            parts.push(Part { name, placements: group, contents, landing, distinct });
        }
        Ok(parts)
    }

    /// The Service: what reaches the replicas, and what gives those with an identity their names.
    fn network(
        &self,
        service: &Service,
        ports: Option<&Fact<Vec<Port>>>,
        name: &str,
    ) -> Option<ObjectEntry> {
        let is_stateful = is_stateful(service);
        if ports.is_none() && !is_stateful {
            return None;
        }
        let mut lines = Lines::new(self.sources);
        lines.asked("", service.span);
        let mut spec = json!({"selector": self.selector(name)});
        if is_stateful {
            spec["clusterIP"] = json!("None");
        }
        if let Some(ports) = ports {
            let listed = ports.value.iter().map(|port| {
                json!({"name": port.name, "port": port.number, "targetPort": port.name, "protocol": "TCP"})
            });
            spec["ports"] = listed.collect();
            lines.asked("/spec/ports", ports.span);
        }
        let metadata = self.metadata(name, name);
        let manifest = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
        Some(lines.entry(Some(service), manifest))
    }

    fn workload(&self, service: &Service, part: &Part<'_>, name: &str) -> ObjectEntry {
        let Part { name: own, placements, contents, landing, distinct } = part;
        let mut lines = Lines::new(self.sources);
        lines.asked("", service.span);
        let replicas: u64 = placements.iter().map(|placement| copies(self.program, placement)).sum();
        match service.replicas.first() {
            Some(bound) if bound.pinned => lines.asked("/spec/replicas", bound.span),
            bound => lines.decided("/spec/replicas", bound.map_or(service.span, |bound| bound.span)),
        }

        let mut pod_labels = self.labels(Some(name));
        let mut selector = self.selector(name);
        if own != name {
            // Workloads of one service do not take each other's pods.
            pod_labels.insert(PART.into(), json!(own));
            selector[PART] = json!(own);
        }
        let mut pod = pod(service, contents, name, &mut lines);
        pod.insert("affinity".into(), landing.affinity(self.program));
        let target = self.program.plan.target.as_ref().map_or(service.span, |target| target.span);
        let planned = landing.planned_names(self.program).join(", ");
        lines.note("/spec/template/spec/affinity", target, format!("planned on {planned}"));
        if let Some((distinct, line)) = distinct
            && let Some(skew) = widest_skew(replicas, *distinct)
        {
            pod.insert(
                "topologySpreadConstraints".into(),
                json!([{
                    "maxSkew": skew,
                    "minDomains": distinct,
                    "topologyKey": super::placement::HOSTNAME,
                    "whenUnsatisfiable": "DoNotSchedule",
                    // A machine that died counts no longer, or its replicas could not land.
                    "nodeTaintsPolicy": "Honor",
                    "labelSelector": {"matchLabels": selector},
                }]),
            );
            lines.asked("/spec/template/spec/topologySpreadConstraints", line.span);
        }
        if service.priority.value != 0 {
            pod.insert("priorityClassName".into(), json!(self.priority_class(service.priority.value)));
            lines.asked("/spec/template/spec/priorityClassName", service.priority.span);
        }

        let mut spec = json!({
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": pod_labels}, "spec": pod},
        });
        let kind = if is_stateful(service) {
            spec["serviceName"] = json!(name);
            let claims = claims(service);
            if !claims.is_empty() {
                spec["volumeClaimTemplates"] = json!(claims);
                let span = service.container.volumes.as_ref().map_or(service.span, |volumes| volumes.span);
                lines.asked("/spec/volumeClaimTemplates", span);
            }
            if let Some(stateful) = &service.stateful {
                lines.asked("/spec/serviceName", stateful.span);
            }
            "StatefulSet"
        } else {
            // The plan leaves no room for more replicas than it counts: one goes before the next comes.
            spec["strategy"] =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            "Deployment"
        };
        let metadata = self.metadata(own, name);
        let manifest = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec});
        lines.entry(Some(service), manifest)
    }

    /// One replica at a time: what is planned is what the promises need.
    fn budget(&self, service: &Service, name: &str) -> ObjectEntry {
        let mut lines = Lines::new(self.sources);
        lines.asked("", service.span);
        let manifest = json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": self.metadata(name, name),
            "spec": {
                "maxUnavailable": 1,
                "selector": {"matchLabels": self.selector(name)},
                // What never became ready serves nobody, and must not hold up a drain.
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        });
        lines.entry(Some(service), manifest)
    }
}

/// Label that tells workloads of one service apart.
const PART: &str = "app.kubernetes.io/component";

/// What tells a layout from the others of its service: `h100-sxm-tp4-fp8-b64`.
fn tag(layout: &Layout) -> String {
    let Degrees { tensor, pipeline, expert, data, context } = layout.degrees();
    let mut tag = format!("{}-tp{tensor}", layout.device);
    for (axis, degree) in [("pp", pipeline), ("ep", expert), ("dp", data), ("cp", context)] {
        if degree > 1 {
            tag.push_str(&format!("-{axis}{degree}"));
        }
    }
    format!("{tag}-{}-b{}", layout.precision, layout.batch)
}

/// The plan's name; `plan` where its block has none.
pub fn plan_name(plan: &Plan) -> &str {
    plan.name.as_deref().unwrap_or("plan")
}

fn is_stateful(service: &Service) -> bool {
    service.stateful.as_ref().is_some_and(|stateful| stateful.value)
}

/// Replicas that a placement stands for.
fn copies(program: &Program, placement: &Placement) -> u64 {
    let nodes = placement.nodes.iter().map(|address| {
        berth_language::addresses::expand(address, program.nodes.len()).map_or(0, |nodes| nodes.len() as u64)
    });
    placement.each * nodes.sum::<u64>()
}

/// As the scheduler takes it: above the thousand millions are the cluster's own.
fn scheduler_priority(value: i64) -> i64 {
    value.clamp(i64::from(i32::MIN), 1_000_000_000)
}

/// Who asked for what in one object.
pub struct Lines<'a> {
    sources: &'a Sources,
    asked: Vec<Asked>,
}

impl<'a> Lines<'a> {
    fn new(sources: &'a Sources) -> Self {
        Self { sources, asked: Vec::new() }
    }

    /// The line at `span` states what stands at `pointer`.
    pub fn asked(&mut self, pointer: &str, span: Span) {
        self.note(pointer, span, self.text(span));
    }

    /// What stands at `pointer` was decided as `decided` says, else the line at `span` states it.
    pub fn asked_or_decided(&mut self, pointer: &str, span: Span, decided: Option<&str>) {
        match decided {
            Some(decided) => self.note(pointer, span, decided.to_owned()),
            None => self.asked(pointer, span),
        }
    }

    /// What stands at `pointer` was decided, within the line at `span`.
    fn decided(&mut self, pointer: &str, span: Span) {
        let text = format!("decided within: {}", self.text(span));
        self.note(pointer, span, text);
    }

    fn note(&mut self, pointer: &str, span: Span, text: String) {
        let (line, _) = self.sources.position(span);
        self.asked.push(Asked { pointer: pointer.into(), file: file_name(self.sources, span), line, text });
    }

    fn text(&self, span: Span) -> String {
        self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn entry(self, service: Option<&Service>, manifest: Value) -> ObjectEntry {
        ObjectEntry { service: service.map(|service| service.name.clone()), asked: self.asked, manifest }
    }
}

//! Plan to objects: a pure function.
//!
//! One workload a layout of a service; all layouts share a Service and a disruption budget. The order is that of
//! creation: classes of priority first, then service by service what a workload needs, the workload, its budget; then jobs.

use super::autoscaler::autoscaler;
use super::items::Item;
use super::kinds::{AUTOSCALER, Identity};
use super::lines::Lines;
use super::names::{item_names, label_value, object_name};
use super::placement::{Limit, spread, spread_constraint};
use super::pods::{claims, pod};
use super::template::{Filling, Template};
use super::workloads::{Part, workloads};
use berth_compiler::plan::Plan;
use berth_compiler::plan::objects::{ObjectEntry, Unwritten};
use berth_compiler::plan::written::file_name;
use berth_language::model::{Cluster, Fact, LiveObject, Port, Program, Service};
use berth_language::sources::Sources;
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
/// The name under which it owns how many replicas an elastic workload has, until its autoscaler does: so the API does not
/// take the number for nobody's and put its own default there.
pub const COUNT_MANAGER: &str = "berth-replicas";

/// The objects of `plan`, which was made from `program`, and the services and jobs that get none.
pub fn objects(
    program: &Program,
    sources: &Sources,
    plan: &Plan,
    cluster: &Cluster,
) -> (Vec<ObjectEntry>, Vec<Unwritten>) {
    let items = Item::all(program);
    let names = item_names(program, &items);
    let world = World { program, sources, plan, cluster, items, names };
    let mut objects = world.priority_classes();
    let mut unwritten = Vec::new();
    let parts = workloads(program, plan, cluster, (&world.items, &world.names));
    for ((index, item), parts) in world.items.iter().enumerate().zip(parts) {
        let Some(parts) = parts else { continue };
        let written = parts.and_then(|parts| {
            let own = match item {
                Item::Service(service) => world.service(index, service, &parts),
                Item::Job(job) => world.job(index, job, &parts),
            }?;
            let fits = |object: &ObjectEntry| fits(object, &objects);
            own.iter().try_for_each(fits).map(|()| own)
        });
        match written {
            Ok(own) => objects.extend(own),
            Err(because) => unwritten.push(Unwritten {
                service: item.name().to_owned(),
                file: file_name(sources, item.span()),
                line: sources.position(item.span()).0,
                because,
            }),
        }
    }
    (objects, unwritten)
}

/// An object is none of those that other services have written, and not larger than a cluster takes.
fn fits(object: &ObjectEntry, others: &[ObjectEntry]) -> Result<(), String> {
    let identity = Identity::of(&object.manifest);
    let same = |other: &&ObjectEntry| Identity::of(&other.manifest) == identity;
    let name = identity.as_ref().map_or_else(|| "its object".to_owned(), ToString::to_string);
    if let Some(other) = others.iter().find(same) {
        let service = other.service.as_deref().unwrap_or("the plan");
        return Err(format!("it would write {name}, which `{service}` writes already"));
    }
    let bytes = object.manifest.to_string().len();
    if bytes > LARGEST {
        return Err(format!("{name} would have {bytes} bytes, more than a cluster stores of one object"));
    }
    Ok(())
}

/// The most bytes of one object that etcd takes by default (`--max-request-bytes`).
pub const LARGEST: usize = 3 << 19;

/// What objects are made from.
pub(super) struct World<'a> {
    program: &'a Program,
    pub(super) sources: &'a Sources,
    pub(super) plan: &'a Plan,
    pub(super) cluster: &'a Cluster,
    /// By the index that a problem gives them.
    items: Vec<Item<'a>>,
    /// By item.
    pub(super) names: Vec<String>,
}

impl<'a> World<'a> {
    /// One for each priority in use but 0, which is everybody's. Such classes are everywhere in a cluster, so their
    /// names say whose they are.
    fn priority_classes(&self) -> Vec<ObjectEntry> {
        let placed: BTreeSet<&str> =
            self.plan.placements.iter().map(|placement| placement.service.as_str()).collect();
        let mut by_value: BTreeMap<i64, Item<'_>> = BTreeMap::new();
        for item in self.items.iter().filter(|item| placed.contains(item.name())) {
            if item.priority().value != 0 {
                by_value.entry(item.priority().value).or_insert(*item);
            }
        }
        let class = |(value, item): (i64, Item<'_>)| {
            let mut lines = Lines::new(self.sources);
            lines.asked("", item.priority().span);
            let what = match item {
                Item::Service(_) => "Services",
                Item::Job(_) => "Jobs",
            };
            let metadata = json!({"name": self.priority_class(value), "labels": self.labels(None)});
            lines.entry(
                None,
                json!({
                    "apiVersion": "scheduling.k8s.io/v1",
                    "kind": "PriorityClass",
                    "metadata": metadata,
                    "value": scheduler_priority(value),
                    "globalDefault": false,
                    "description": format!("{what} of priority {value} in the plan {}.", self.plan_name()),
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

    pub(super) fn labels(&self, service: Option<&str>) -> Map<String, Value> {
        let mut labels = Map::new();
        if let Some(service) = service {
            labels.insert(NAME.into(), json!(service));
        }
        labels.insert(INSTANCE.into(), json!(label_value(self.plan_name())));
        labels.insert(MANAGED_BY.into(), json!(MANAGER));
        labels
    }

    pub(super) fn metadata(&self, name: &str, service: &str) -> Value {
        json!({"name": name, "namespace": self.cluster.namespace, "labels": self.labels(Some(service))})
    }

    /// What selects the pods of a service or job, whatever their layout. It never changes: the API allows no change.
    pub(super) fn selector(&self, service: &str) -> Value {
        json!({NAME: service, INSTANCE: label_value(self.plan_name())})
    }

    /// What the plan creates for a service, or why it cannot be written.
    fn service(&self, index: usize, service: &Service, parts: &[Part]) -> Result<Vec<ObjectEntry>, String> {
        let name = &self.names[index];
        if Item::Service(service).is_filled_in() {
            return self.filled_in(index, service, parts, name);
        }
        let ports = parts.first().and_then(|part| part.contents.ports.as_ref());
        let mut objects = Vec::new();
        objects.extend(self.network(service, ports, name));
        for part in parts {
            let workload = self.workload(index, service, part, name);
            let scaled = self.scaled(index, service, part, name, &workload)?;
            objects.extend([workload].into_iter().chain(scaled));
        }
        objects.push(self.budget(service, name));
        Ok(objects)
    }

    /// The Service: what reaches the replicas, and what gives those with an identity their names.
    fn network(&self, service: &Service, ports: Option<&Fact<Vec<Port>>>, name: &str) -> Option<ObjectEntry> {
        let is_stateful = Item::Service(service).is_stateful();
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
        Some(lines.entry(Some(&service.name), manifest))
    }

    /// One of the workloads of a service. None selects the pods of another: a service that has one today may have
    /// several tomorrow, and the API lets no selector change.
    fn workload(&self, index: usize, service: &Service, part: &Part, name: &str) -> ObjectEntry {
        let own = part.name.as_str();
        let mut pod_labels = self.labels(Some(name));
        pod_labels.insert(PART.into(), json!(own));
        let mut selector = self.selector(name);
        selector[PART] = json!(own);
        let mut lines = Lines::new(self.sources);
        let (replicas, pod) = self.decided(index, service, part, name, &Alike::of(&selector), &mut lines);
        let mut spec = json!({
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": pod_labels}, "spec": pod},
        });
        if let Some(replicas) = replicas {
            spec["replicas"] = json!(replicas);
        }
        let kind = if Item::Service(service).is_stateful() {
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
            spec["strategy"] = one_by_one();
            "Deployment"
        };
        let metadata = self.metadata(own, name);
        let manifest = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec});
        lines.entry(Some(&service.name), manifest)
    }

    /// What decides how many replicas `workload` has, where the service is elastic; its container is called `container`.
    fn scaled(
        &self,
        index: usize,
        service: &Service,
        part: &Part,
        container: &str,
        workload: &ObjectEntry,
    ) -> Result<Option<ObjectEntry>, String> {
        if !service.is_elastic() {
            return Ok(None);
        }
        let mut lines = Lines::new(self.sources);
        let spec =
            autoscaler(self.program, self.plan, index, part, container, &workload.manifest, &mut lines)?;
        let own = workload.manifest["metadata"]["name"].as_str().unwrap_or(&part.name);
        let manifest = json!({
            "apiVersion": AUTOSCALER.api_version(),
            "kind": AUTOSCALER.name,
            "metadata": self.metadata(own, &self.names[index]),
            "spec": spec,
        });
        Ok(Some(lines.entry(Some(&service.name), manifest)))
    }

    /// What a plan decides of a workload: how many replicas, unless an autoscaler does, and of a pod whose container is called `container` what
    /// lines say and where it may land. Replicas are told from others as `alike` says.
    fn decided(
        &self,
        index: usize,
        service: &Service,
        part: &Part,
        container: &str,
        alike: &Alike,
        lines: &mut Lines<'_>,
    ) -> (Option<u64>, Map<String, Value>) {
        lines.asked("", service.span);
        let replicas = (!service.is_elastic()).then(|| part.landing.replicas());
        if replicas.is_some() {
            lines.count("/spec/replicas", service);
        }
        (replicas, self.pod(index, part, container, alike, &[], lines))
    }

    /// What a plan decides of a pod of an item: what lines say, `variables`, and where it may land.
    pub(super) fn pod(
        &self,
        index: usize,
        part: &Part,
        container: &str,
        alike: &Alike,
        variables: &[Value],
        lines: &mut Lines<'_>,
    ) -> Map<String, Value> {
        let Part { name: _, layout: _, contents, landing } = part;
        let item = self.items[index];
        let mut pod = pod(item, contents, container, variables, lines);
        pod.insert("affinity".into(), landing.affinity(self.program));
        let target = self.program.plan.target.as_ref().map_or(item.span(), |target| target.span);
        lines.note("/spec/template/spec/affinity", target, landing.explained(self.program));
        if let Some(limit) = landing.limit
            && let Some(mut constraint) = spread_constraint(landing, limit)
        {
            constraint["labelSelector"] = json!({"matchLabels": alike.labels});
            if let Some(key) = alike.key {
                constraint["matchLabelKeys"] = json!([key]);
            }
            pod.insert("topologySpreadConstraints".into(), json!([constraint]));
            const POINTER: &str = "/spec/template/spec/topologySpreadConstraints";
            match (limit, spread(self.program, index)) {
                (Limit::Distinct(_), Some((_, line))) => lines.asked(POINTER, line.span),
                (Limit::Each(each), _) => {
                    lines.note(POINTER, target, format!("at most {each} on one machine, as planned"));
                }
                (Limit::Distinct(_), None) => {}
            }
        }
        if item.priority().value != 0 {
            pod.insert("priorityClassName".into(), json!(self.priority_class(item.priority().value)));
            lines.asked("/spec/template/spec/priorityClassName", item.priority().span);
        }
        pod
    }

    /// A service whose object somebody else has written: what the plan decides of it, and no more.
    fn filled_in(
        &self,
        index: usize,
        service: &Service,
        parts: &[Part],
        name: &str,
    ) -> Result<Vec<ObjectEntry>, String> {
        let [part] = parts else {
            let count = parts.len();
            return Err(format!(
                "it has one object and was placed in {count} layouts, or on {count} machines that lines tell apart; \
                 limit it to one"
            ));
        };
        match (&service.adopt, &service.template) {
            (Some(live), _) => {
                let adopted = self.adopted(index, service, part, &live.value)?;
                let scaled = self.scaled(index, service, part, &live.value.container, &adopted)?;
                Ok([adopted].into_iter().chain(scaled).collect())
            }
            (None, Some(template)) => self.templated(index, service, part, &template.value, name),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The fields of a live object that the plan takes over.
    fn adopted(
        &self,
        index: usize,
        service: &Service,
        part: &Part,
        live: &LiveObject,
    ) -> Result<ObjectEntry, String> {
        let LiveObject { kind, namespace, name, container } = live;
        if *namespace != self.cluster.namespace {
            let target = &self.cluster.namespace;
            return Err(format!(
                "it takes over an object of namespace {namespace}, and the plan's target is namespace {target}"
            ));
        }
        // Its own selector is not known here; controllers mark the pods of one form of an object.
        let (kind, key) = match *kind {
            "stateful_set" => ("StatefulSet", "controller-revision-hash"),
            _ => ("Deployment", "pod-template-hash"),
        };
        let alike = Alike { labels: json!({}), key: Some(key) };
        let mut lines = Lines::new(self.sources);
        let (replicas, pod) = self.decided(index, service, part, container, &alike, &mut lines);
        let mut manifest = json!({
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace, "annotations": {ADOPTED: service.name, CONTAINER: container}},
            "spec": {"template": {"spec": pod}},
        });
        if let Some(replicas) = replicas {
            manifest["spec"]["replicas"] = json!(replicas);
        }
        Ok(lines.entry(Some(&service.name), manifest))
    }

    /// A user's manifest, filled in, with its budget, and a Service where lines name ports.
    fn templated(
        &self,
        index: usize,
        service: &Service,
        part: &Part,
        path: &str,
        name: &str,
    ) -> Result<Vec<ObjectEntry>, String> {
        let template = Template::read(path, self.text_of(path), name)?;
        let mut lines = Lines::new(self.sources);
        let selector = template.selector();
        let (replicas, pod) = self.decided(index, service, part, name, &Alike::of(&selector), &mut lines);
        let own = template.name().unwrap_or(name).to_owned();
        let filling = Filling {
            namespace: self.cluster.namespace.clone(),
            name: own.clone(),
            labels: self.labels(Some(name)),
            annotation: (CONTAINER, template.container_name().to_owned()),
            replicas,
            pod,
        };
        lines.moved(template.container());
        let workload = lines.entry(Some(&service.name), template.filled(filling)?);
        let network = service.container.ports.as_ref().map(|ports| {
            let mut entry = self.network(service, Some(ports), &own);
            if let Some(entry) = &mut entry {
                entry.manifest["spec"]["selector"] = selector.clone();
            }
            entry
        });
        let scaled = self.scaled(index, service, part, template.container_name(), &workload)?;
        let mut budget = self.budget(service, &own);
        budget.manifest["spec"]["selector"] = json!({"matchLabels": selector});
        Ok(network.flatten().into_iter().chain([workload]).chain(scaled).chain([budget]).collect())
    }

    /// What was read at a path.
    pub(super) fn text_of(&self, path: &str) -> &str {
        self.sources.iter().find(|(_, source)| source.path == path).map_or("", |(_, source)| &source.text)
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
        lines.entry(Some(&service.name), manifest)
    }
}

/// How the replicas of a workload are told from others.
pub(super) struct Alike {
    /// Labels that they carry.
    labels: Value,
    /// A label of which they have the same value.
    key: Option<&'static str>,
}

impl Alike {
    pub(super) fn of(labels: &Value) -> Self {
        Self { labels: labels.clone(), key: None }
    }
}

/// One replica goes before the next comes: the plan leaves no room for more than it counts.
pub fn one_by_one() -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
}

/// Annotation of an object that the plan has taken over and not made: the service that it is. Such an object is
/// never deleted, only let go.
pub const ADOPTED: &str = "berth/adopted";

/// Annotation of an object that somebody else has written: which of its containers the service is.
pub const CONTAINER: &str = "berth/container";

/// Label that tells workloads of one service apart.
pub(super) const PART: &str = "app.kubernetes.io/component";

/// The plan's name; `plan` where its block has none.
pub fn plan_name(plan: &Plan) -> &str {
    plan_name_of(plan.name.as_deref())
}

/// The same, of the name that the block has, if it has one.
pub fn plan_name_of(name: Option<&str>) -> &str {
    name.unwrap_or("plan")
}

/// As the scheduler takes it: above the thousand millions are the cluster's own.
fn scheduler_priority(value: i64) -> i64 {
    value.clamp(i64::from(i32::MIN), 1_000_000_000)
}

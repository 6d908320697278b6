//! Services and jobs to pods: one container, what it needs and how it is run.

use super::amounts::{bytes, cores};
use super::contents::Contents;
use super::items::Item;
use super::lines::Lines;
use berth_language::model::{
    Container, KeyRef, Label, Mounted, Port, PortRef, Probe, ProbeAction, Service, Variable, VariableValue,
    Volume, VolumeSource,
};
use berth_language::quantity::Quantity;
use num_traits::ToPrimitive;
use serde_json::{Map, Value, json};

/// Where the container stands in a pod template.
const CONTAINER: &str = "/spec/template/spec/containers/0";
/// Where the pod stands in a workload.
const POD: &str = "/spec/template/spec";
/// The volume of memory that processes of one container share, and where they look for it.
const SHARED: &str = "shared-memory";
const SHARED_MEMORY: &str = "/dev/shm";

/// The pod of a service or job, without what placing it adds; `variables` are what the plan says to it. `lines` gets who
/// asked for what.
pub fn pod(
    item: Item<'_>,
    contents: &Contents,
    name: &str,
    variables: &[Value],
    lines: &mut Lines<'_>,
) -> Map<String, Value> {
    let Container {
        command: _,
        args: _,
        ports: _,
        env,
        volumes,
        readiness_probe: _,
        liveness_probe,
        startup_probe,
        image_pull_policy,
        image_pull_secrets,
        service_account_name,
        termination_grace_period,
    } = item.container();
    let Contents { image, command, args, ports, readiness_probe, cpu, memory, devices, resource, layout } =
        contents;
    let mut container = Map::new();
    container.insert("name".into(), json!(name));
    let mut set_as = |key: &str, span, value: Value, decided: Option<&str>| {
        container.insert(key.into(), value);
        lines.asked_or_decided(&format!("{CONTAINER}/{key}"), span, decided);
    };
    let mut set = |key: &str, span, value: Value| set_as(key, span, value, None);
    if let Some(image) = image {
        set("image", image.span, json!(image.value));
    }
    if let Some(policy) = image_pull_policy {
        set("imagePullPolicy", policy.span, json!(policy.value));
    }
    if let Some(command) = command {
        set("command", command.span, json!(command.value));
    }
    if let Some(ports) = ports {
        let listed = ports
            .value
            .iter()
            .map(|Port { name, number }| json!({"name": name, "containerPort": number, "protocol": "TCP"}));
        set("ports", ports.span, listed.collect());
    }
    let stated = env.iter().flat_map(|env| &env.value).map(variable);
    let all: Vec<Value> = variables.iter().cloned().chain(stated).collect();
    if !all.is_empty() {
        let span = env.as_ref().map_or(item.span(), |env| env.span);
        set_as("env", span, Value::Array(all), layout.as_deref().filter(|_| !variables.is_empty()));
    }
    let mut set = |key: &str, span, value: Value| set_as(key, span, value, None);
    for (key, probe) in [
        ("readinessProbe", readiness_probe),
        ("livenessProbe", liveness_probe),
        ("startupProbe", startup_probe),
    ] {
        if let Some(probe) = probe {
            set(key, probe.span, probe_of(&probe.value));
        }
    }
    let stated = volumes.as_ref().map_or(&[][..], |volumes| &volumes.value);
    let mut mounts: Vec<Value> = stated.iter().map(mount).collect();
    // Processes that share a model hand each other what they compute through memory; a container has 64 MiB of it
    // by itself.
    let count = devices.as_ref().map_or(0, |devices| devices.value);
    let shares = layout.is_some()
        && !item.is_filled_in()
        && count > 1
        && !stated.iter().any(|volume| volume.mounted.mount_path == SHARED_MEMORY || volume.name == SHARED);
    if shares {
        mounts.push(json!({"name": SHARED, "mountPath": SHARED_MEMORY}));
    }
    if !mounts.is_empty() {
        container.insert("volumeMounts".into(), json!(mounts));
        if let Some(volumes) = volumes {
            lines.asked(&format!("{CONTAINER}/volumeMounts"), volumes.span);
        }
    }
    if let Some(args) = args {
        container.insert("args".into(), json!(args.value));
        // Of an engine.
        let planned = layout.as_deref().filter(|_| variables.is_empty());
        lines.asked_or_decided(&format!("{CONTAINER}/args"), args.span, planned);
    }
    let mut requests = Map::new();
    let mut limits = Map::new();
    if let Some(cpu) = cpu {
        requests.insert("cpu".into(), json!(cores(&cpu.value.value)));
        lines.asked(&format!("{CONTAINER}/resources/requests/cpu"), cpu.span);
    }
    if let Some(memory) = memory {
        requests.insert("memory".into(), json!(bytes(&memory.value)));
        lines.asked(&format!("{CONTAINER}/resources/requests/memory"), memory.span);
    }
    if let Some(devices) = devices.as_ref().filter(|devices| devices.value > 0) {
        // Whole devices are asked for as a limit; the request is the same by default.
        limits.insert(resource.clone(), json!(devices.value.to_string()));
        let pointer = format!("{CONTAINER}/resources/limits");
        lines.asked_or_decided(&pointer, devices.span, layout.as_deref());
    }
    let mut resources = Map::new();
    for (key, of) in [("limits", limits), ("requests", requests)] {
        if !of.is_empty() {
            resources.insert(key.into(), Value::Object(of));
        }
    }
    if !resources.is_empty() {
        container.insert("resources".into(), Value::Object(resources));
    }

    let mut pod = Map::new();
    pod.insert("containers".into(), json!([container]));
    let mut listed: Vec<Value> = stated.iter().filter_map(volume).collect();
    if shares {
        listed.push(json!({"name": SHARED, "emptyDir": {"medium": "Memory"}}));
    }
    if !listed.is_empty() {
        pod.insert("volumes".into(), json!(listed));
        if let Some(volumes) = volumes {
            lines.asked(&format!("{POD}/volumes"), volumes.span);
        }
    }
    if let Some(secrets) = image_pull_secrets {
        pod.insert(
            "imagePullSecrets".into(),
            secrets.value.iter().map(|name| json!({"name": name})).collect(),
        );
        lines.asked(&format!("{POD}/imagePullSecrets"), secrets.span);
    }
    if let Some(account) = service_account_name {
        pod.insert("serviceAccountName".into(), json!(account.value));
        lines.asked(&format!("{POD}/serviceAccountName"), account.span);
    }
    if let Some(period) = termination_grace_period {
        pod.insert("terminationGracePeriodSeconds".into(), json!(seconds(&period.value)));
        lines.asked(&format!("{POD}/terminationGracePeriodSeconds"), period.span);
    }
    if let Some(tolerations) = item.tolerations() {
        pod.insert("tolerations".into(), tolerations.value.iter().map(toleration).collect());
        lines.asked(&format!("{POD}/tolerations"), tolerations.span);
    }
    pod
}

/// A toleration, whatever the taint does.
fn toleration(Label { name, value }: &Label) -> Value {
    match value {
        Some(value) => json!({"key": name, "operator": "Equal", "value": value}),
        None => json!({"key": name, "operator": "Exists"}),
    }
}

/// Claims of each replica's own.
pub fn claims(service: &Service) -> Vec<Value> {
    let volumes = service.container.volumes.iter().flat_map(|volumes| &volumes.value);
    let claims = volumes.filter_map(|Volume { name, mounted }| {
        let VolumeSource::VolumeClaimTemplate { storage, storage_class_name } = &mounted.source else {
            return None;
        };
        let mut spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": bytes(storage)}},
        });
        if let Some(class) = storage_class_name {
            spec["storageClassName"] = json!(class);
        }
        Some(json!({"metadata": {"name": name}, "spec": spec}))
    });
    claims.collect()
}

fn mount(Volume { name, mounted }: &Volume) -> Value {
    let mut mount = json!({"name": name, "mountPath": mounted.mount_path});
    if mounted.read_only {
        mount["readOnly"] = json!(true);
    }
    mount
}

fn variable(Variable { name, value }: &Variable) -> Value {
    let reference = |kind: &str, KeyRef { name: object, key }: &KeyRef| json!({"name": name, "valueFrom": {kind: {"name": object, "key": key}}});
    match value {
        VariableValue::Text(text) => json!({"name": name, "value": text}),
        VariableValue::SecretKeyRef(key) => reference("secretKeyRef", key),
        VariableValue::ConfigMapKeyRef(key) => reference("configMapKeyRef", key),
    }
}

/// A volume of the pod; none where each replica has a claim of its own.
fn volume(Volume { name, mounted }: &Volume) -> Option<Value> {
    let Mounted { source, mount_path: _, read_only } = mounted;
    Some(match source {
        VolumeSource::PersistentVolumeClaim { claim_name } => {
            let mut claim = json!({"claimName": claim_name});
            if *read_only {
                claim["readOnly"] = json!(true);
            }
            json!({"name": name, "persistentVolumeClaim": claim})
        }
        VolumeSource::VolumeClaimTemplate { .. } => return None,
        VolumeSource::ConfigMap { name: object } => json!({"name": name, "configMap": {"name": object}}),
        VolumeSource::Secret { secret_name } => json!({"name": name, "secret": {"secretName": secret_name}}),
        VolumeSource::EmptyDir { size_limit } => {
            let mut folder = json!({});
            if let Some(limit) = size_limit {
                folder["sizeLimit"] = json!(bytes(limit));
            }
            json!({"name": name, "emptyDir": folder})
        }
    })
}

fn probe_of(probe: &Probe) -> Value {
    let Probe { action, initial_delay, period, timeout, failure_threshold, success_threshold } = probe;
    let port = |port: &PortRef| match port {
        PortRef::Name(name) => json!(name),
        PortRef::Number(number) => json!(number),
    };
    let mut value = match action {
        ProbeAction::HttpGet { path, port: at } => json!({"httpGet": {"path": path, "port": port(at)}}),
        ProbeAction::TcpSocket { port: at } => json!({"tcpSocket": {"port": port(at)}}),
        ProbeAction::Grpc { port } => json!({"grpc": {"port": port}}),
        ProbeAction::Exec { command } => json!({"exec": {"command": command}}),
    };
    for (key, time) in
        [("initialDelaySeconds", initial_delay), ("periodSeconds", period), ("timeoutSeconds", timeout)]
    {
        if let Some(time) = time {
            value[key] = json!(seconds(time));
        }
    }
    for (key, count) in [("failureThreshold", failure_threshold), ("successThreshold", success_threshold)] {
        if let Some(count) = count {
            value[key] = json!(count);
        }
    }
    value
}

/// Whole seconds, rounded up: time that was asked for is given.
fn seconds(time: &Quantity) -> u64 {
    time.value.ceil().to_integer().to_u64().unwrap_or(u64::from(u32::MAX))
}

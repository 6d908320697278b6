//! Targets, and how a container is run.

use super::Text;
use crate::model::{
    Cluster, Container, Fact, KeyRef, Mounted, Port, PortRef, Probe, ProbeAction, Target, Variable,
    VariableValue, Volume, VolumeSource,
};
use crate::span::Spanned;

pub(super) fn describe_target(text: &mut Text, target: Option<&Fact<Target>>) {
    if let Some(Spanned { value: Target::Kubernetes(cluster), .. }) = target {
        let Cluster { context, namespace, pin } = cluster;
        let context = context.as_ref().map(|context| format!("context = {context:?}, ")).unwrap_or_default();
        let pin = pin.name();
        text.line(&format!("target = kubernetes({context}namespace = {namespace:?}, pin = {pin})"));
    }
}

pub(super) fn describe_container(text: &mut Text, container: &Container) {
    let Container {
        command,
        args,
        ports,
        env,
        volumes,
        readiness_probe,
        liveness_probe,
        startup_probe,
        image_pull_policy,
        image_pull_secrets,
        service_account_name,
        termination_grace_period,
    } = container;
    for (name, texts) in [("command", command), ("args", args)] {
        if let Some(texts) = texts {
            text.line(&format!("{name} = {:?}", texts.value));
        }
    }
    map(text, "ports", ports.as_ref(), |Port { name, number }| format!("{name}: {number}"));
    map(text, "env", env.as_ref(), |Variable { name, value }| format!("{name}: {}", variable(value)));
    map(text, "volumes", volumes.as_ref(), |Volume { name, mounted }| format!("{name}: {}", mount(mounted)));
    for (name, stated) in [
        ("readiness_probe", readiness_probe),
        ("liveness_probe", liveness_probe),
        ("startup_probe", startup_probe),
    ] {
        if let Some(stated) = stated {
            text.line(&format!("{name} = {}", probe(&stated.value)));
        }
    }
    text.fact("image_pull_policy", image_pull_policy.as_ref());
    if let Some(secrets) = image_pull_secrets {
        text.line(&format!("image_pull_secrets = {:?}", secrets.value));
    }
    text.fact("service_account_name", service_account_name.as_ref());
    text.fact("termination_grace_period", termination_grace_period.as_ref());
}

fn map<T>(text: &mut Text, name: &str, stated: Option<&Fact<Vec<T>>>, write: impl Fn(&T) -> String) {
    if let Some(stated) = stated {
        let entries: Vec<_> = stated.value.iter().map(write).collect();
        text.line(&format!("{name} = [{}]", entries.join(", ")));
    }
}

fn variable(value: &VariableValue) -> String {
    let reference =
        |function: &str, KeyRef { name, key }: &KeyRef| format!("{function}({name:?}, key = {key:?})");
    match value {
        VariableValue::Text(text) => format!("{text:?}"),
        VariableValue::SecretKeyRef(key) => reference("secret_key_ref", key),
        VariableValue::ConfigMapKeyRef(key) => reference("config_map_key_ref", key),
    }
}

fn mount(Mounted { source, mount_path, read_only }: &Mounted) -> String {
    let path = format!("mount_path = {mount_path:?}");
    match source {
        VolumeSource::PersistentVolumeClaim { claim_name } => {
            let read_only = if *read_only { ", read_only = true" } else { "" };
            format!("persistent_volume_claim({claim_name:?}, {path}{read_only})")
        }
        VolumeSource::VolumeClaimTemplate { storage, storage_class_name } => {
            let class = storage_class_name.as_ref();
            let class = class.map(|class| format!(", storage_class_name = {class:?}")).unwrap_or_default();
            format!("volume_claim_template({storage}, {path}{class})")
        }
        VolumeSource::ConfigMap { name } => format!("config_map({name:?}, {path})"),
        VolumeSource::Secret { secret_name } => format!("secret({secret_name:?}, {path})"),
        VolumeSource::EmptyDir { size_limit } => {
            let limit =
                size_limit.as_ref().map(|limit| format!(", size_limit = {limit}")).unwrap_or_default();
            format!("empty_dir({mount_path:?}{limit})")
        }
    }
}

fn probe(probe: &Probe) -> String {
    let Probe { action, initial_delay, period, timeout, failure_threshold, success_threshold } = probe;
    let port = |port: &PortRef| match port {
        PortRef::Name(name) => name.clone(),
        PortRef::Number(number) => number.to_string(),
    };
    let mut parts = Vec::new();
    let name = match action {
        ProbeAction::HttpGet { path, port: at } => {
            parts.push(format!("{path:?}, port = {}", port(at)));
            "http_get"
        }
        ProbeAction::TcpSocket { port: at } => {
            parts.push(format!("port = {}", port(at)));
            "tcp_socket"
        }
        ProbeAction::Grpc { port } => {
            parts.push(format!("port = {port}"));
            "grpc"
        }
        ProbeAction::Exec { command } => {
            parts.push(format!("{command:?}"));
            "exec"
        }
    };
    for (name, time) in [("initial_delay", initial_delay), ("period", period), ("timeout", timeout)] {
        parts.extend(time.as_ref().map(|time| format!("{name} = {time}")));
    }
    for (name, count) in [("failure_threshold", failure_threshold), ("success_threshold", success_threshold)]
    {
        parts.extend(count.map(|count| format!("{name} = {count}")));
    }
    format!("{name}({})", parts.join(", "))
}

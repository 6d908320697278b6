//! Targets, and how a target runs a service: ports, environment, volumes, probes.
//!
//! Names are held to the rules of Kubernetes here, so that what an API server would refuse has a line.

use super::building::Builder;
use super::functions::Arguments;
use super::imports::relative;
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver};
use crate::diagnostics::Diagnostic;
use crate::model::{
    Cluster, Container, Fact, KeyRef, Mounted, Pin, Port, PortRef, Probe, ProbeAction, Target, Variable,
    VariableValue, Volume, VolumeSource,
};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::schema::Field;
use crate::sources::Unreadable;
use crate::span::{Span, Spanned};
use num_traits::{Signed, ToPrimitive};
use std::rc::Rc;

/// What only a target reads.
#[derive(Clone, Debug)]
pub(crate) enum Deployed {
    /// `kubernetes(namespace = "shop")`
    Target(Target),
    /// `secret_key_ref("shop", key = "password")`
    Reference(VariableValue),
    /// `config_map("shop", mount_path = "/etc/shop")`
    Mounted(Mounted),
    /// `http_get("/ready", port = http)`
    Probe(Probe),
}

impl Deployed {
    /// What a message calls it.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Target(_) => "a target",
            Self::Reference(_) => "a reference to a key",
            Self::Mounted(_) => "something to mount",
            Self::Probe(_) => "a probe",
        }
    }
}

/// Which of the four a call yields, with the arguments as the table orders them.
impl Resolver<'_> {
    /// The value of a call that only a target reads; `None` where the function is another's.
    pub(super) fn deployed(&mut self, name: &str, values: &Arguments) -> Option<Outcome<Value>> {
        let part = match name {
            "kubernetes" => match self.part_of_the_sites(values) {
                Ok(false) => self.cluster(values).map(Deployed::Target),
                Ok(true) => return Some(self.cluster(values).map(|_| Value::not_yet(SEVERAL))),
                Err(reported) => return Some(Err(reported)),
            },
            "secret_key_ref" => {
                self.key_ref(values).map(|key| Deployed::Reference(VariableValue::SecretKeyRef(key)))
            }
            "config_map_key_ref" => {
                self.key_ref(values).map(|key| Deployed::Reference(VariableValue::ConfigMapKeyRef(key)))
            }
            "persistent_volume_claim" | "volume_claim_template" | "config_map" | "secret" | "empty_dir" => {
                self.mounted(name, values).map(Deployed::Mounted)
            }
            "http_get" | "tcp_socket" | "grpc" | "exec" => self.probe(name, values).map(Deployed::Probe),
            _ => return None,
        };
        Some(part.map(|part| Value::Deployed(Rc::new(part))))
    }

    /// Whether `sites` are named, each of them one.
    fn part_of_the_sites(&mut self, values: &Arguments) -> Outcome<bool> {
        let Some(Some((sites, span))) = values.get(3) else { return Ok(false) };
        let is_site =
            |value: &Value| matches!(value, Value::Thing(thing) if self.thing(*thing).kind.name == "site");
        match sites {
            Value::List(sites) if sites.iter().all(is_site) => Ok(true),
            other => {
                let label = format!("this is {}", other.noun());
                Err(self.type_error(
                    "`sites` is a list of sites",
                    *span,
                    label,
                    "Name them in brackets: `sites = [ams, dal]`.",
                ))
            }
        }
    }

    fn cluster(&mut self, values: &Arguments) -> Outcome<Target> {
        let context = self.optional_text(values, 0)?.map(|(text, _)| text);
        let namespace = match self.optional_text(values, 1)? {
            None => "default".to_owned(),
            Some((name, span)) => self.object_name(name, span, is_label)?,
        };
        let pin = match values.get(2) {
            Some(Some((Value::Symbol(name), _))) if name == Pin::Node.name() => Pin::Node,
            Some(Some((Value::Symbol(name), _))) if name == Pin::Class.name() => Pin::Class,
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.written());
                return Err(self.type_error(
                    "replicas are held to a `class` or a `node`",
                    *span,
                    label,
                    "Write one of the two without quotes: `pin = node`.",
                ));
            }
            _ => Pin::Class,
        };
        Ok(Target::Kubernetes(Cluster { context, namespace, pin }))
    }

    /// `(name, key)`
    fn key_ref(&mut self, values: &Arguments) -> Outcome<KeyRef> {
        let (name, span) = self.text_argument(values, 0)?;
        let name = self.object_name(name, span, is_subdomain)?;
        let (key, span) = self.text_argument(values, 1)?;
        let key = self.object_name(key, span, is_key)?;
        Ok(KeyRef { name, key })
    }

    fn mounted(&mut self, function: &str, values: &Arguments) -> Outcome<Mounted> {
        // `empty_dir` has nothing to name: its first argument is where it is mounted.
        let (source, path, read_only) = match function {
            "empty_dir" => (VolumeSource::EmptyDir { size_limit: self.size(values, 1)? }, 0, None),
            "volume_claim_template" => {
                let (storage, _) = self.positive(values, 0, &Dimension::DATA)?;
                let storage_class_name = self.optional_text(values, 2)?.map(|(text, _)| text);
                (VolumeSource::VolumeClaimTemplate { storage, storage_class_name }, 1, None)
            }
            _ => {
                let (name, span) = self.text_argument(values, 0)?;
                let name = self.object_name(name, span, is_subdomain)?;
                let source = match function {
                    "config_map" => VolumeSource::ConfigMap { name },
                    "secret" => VolumeSource::Secret { secret_name: name },
                    _ => VolumeSource::PersistentVolumeClaim { claim_name: name },
                };
                (source, 1, (function == "persistent_volume_claim").then_some(2))
            }
        };
        let (mount_path, span) = self.text_argument(values, path)?;
        if !mount_path.starts_with('/') || mount_path.contains(':') {
            return Err(self.refused("a mount path starts with `/` and has no `:`", &mount_path, span));
        }
        let read_only = match read_only.and_then(|at| values.get(at)) {
            Some(Some((Value::Boolean(value), _))) => *value,
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "`read_only` is `true` or `false`",
                    *span,
                    label,
                    "Write `read_only = true`, or leave it out.",
                ));
            }
            // What comes from an object is never written back.
            _ => matches!(source, VolumeSource::ConfigMap { .. } | VolumeSource::Secret { .. }),
        };
        Ok(Mounted { source, mount_path, read_only })
    }

    fn probe(&mut self, function: &str, values: &Arguments) -> Outcome<Probe> {
        let (action, after) = match function {
            "http_get" => {
                let (path, span) = self.text_argument(values, 0)?;
                if !path.starts_with('/') {
                    return Err(self.refused("a path starts with `/`", &path, span));
                }
                (ProbeAction::HttpGet { path, port: self.port_ref(values, 1)? }, 2)
            }
            "tcp_socket" => (ProbeAction::TcpSocket { port: self.port_ref(values, 0)? }, 1),
            "grpc" => {
                let (port, span) = self.quantity_argument(values, 0, Some(&Dimension::NONE))?;
                (ProbeAction::Grpc { port: self.port_number(&port, span)? }, 1)
            }
            _ => match values.first() {
                Some(Some((value, span))) => {
                    let command = texts_of(value).filter(|command| !command.is_empty());
                    let Some(command) = command else {
                        let label = format!("this is {}", value.noun());
                        return Err(self.type_error(
                            "a command is a list of texts",
                            *span,
                            label,
                            "Write each word in quotes: `[\"pg_isready\", \"-U\", \"app\"]`.",
                        ));
                    };
                    (ProbeAction::Exec { command }, 1)
                }
                _ => return Err(Reported),
            },
        };
        Ok(Probe {
            action,
            initial_delay: self.seconds(values, after, false)?,
            period: self.seconds(values, after + 1, true)?,
            timeout: self.seconds(values, after + 2, true)?,
            failure_threshold: self.threshold(values, after + 3)?,
            success_threshold: self.threshold(values, after + 4)?,
        })
    }

    /// Whole seconds: the API has no finer ones.
    fn seconds(&mut self, values: &Arguments, at: usize, positive: bool) -> Outcome<Option<Quantity>> {
        if !matches!(values.get(at), Some(Some(_))) {
            return Ok(None);
        }
        let (time, span) = self.quantity_argument(values, at, Some(&Dimension::TIME))?;
        let fits = time.value.is_integer()
            && !time.value.is_negative()
            && (is_positive(&time.value) || !positive)
            && time.value.to_i32().is_some();
        if fits {
            Ok(Some(time))
        } else {
            Err(self.refused("probes count whole seconds", &time.to_string(), span))
        }
    }

    fn threshold(&mut self, values: &Arguments, at: usize) -> Outcome<Option<u32>> {
        if !matches!(values.get(at), Some(Some(_))) {
            return Ok(None);
        }
        let (count, span) = self.positive(values, at, &Dimension::NONE)?;
        match count.as_integer().and_then(|count| i32::try_from(count).ok()) {
            Some(count) => Ok(Some(count.unsigned_abs())),
            None => Err(self.refused("a threshold is a whole number", &count.to_string(), span)),
        }
    }

    fn size(&mut self, values: &Arguments, at: usize) -> Outcome<Option<Quantity>> {
        if !matches!(values.get(at), Some(Some(_))) {
            return Ok(None);
        }
        self.positive(values, at, &Dimension::DATA).map(|(size, _)| Some(size))
    }

    fn positive(
        &mut self,
        values: &Arguments,
        at: usize,
        dimension: &Dimension,
    ) -> Outcome<(Quantity, Span)> {
        let (quantity, span) = self.quantity_argument(values, at, Some(dimension))?;
        if is_positive(&quantity.value) {
            Ok((quantity, span))
        } else {
            Err(self.refused("this is above zero", &quantity.to_string(), span))
        }
    }

    fn port_ref(&mut self, values: &Arguments, at: usize) -> Outcome<PortRef> {
        match values.get(at) {
            Some(Some((Value::Symbol(name) | Value::Text(name), span))) => {
                Ok(PortRef::Name(self.object_name(name.clone(), *span, is_port_name)?))
            }
            Some(Some((Value::Quantity(number), span))) => {
                Ok(PortRef::Number(self.port_number(number, *span)?))
            }
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.noun());
                Err(self.type_error(
                    "a port has a name or a number",
                    *span,
                    label,
                    "Write a number, `port = 8_080`, or its name in quotes: `port = \"http\"`.",
                ))
            }
            _ => Err(Reported),
        }
    }

    fn port_number(&mut self, number: &Quantity, span: Span) -> Outcome<u16> {
        let plain = number.dimension == Dimension::NONE;
        match number.as_integer().filter(|_| plain).and_then(|number| u16::try_from(number).ok()) {
            Some(number) if number > 0 => Ok(number),
            _ => Err(self.refused("ports are numbered from 1 to 65535", &number.to_string(), span)),
        }
    }

    fn text_argument(&mut self, values: &Arguments, at: usize) -> Outcome<(String, Span)> {
        match self.optional_text(values, at)? {
            Some(text) => Ok(text),
            None => Err(Reported),
        }
    }

    fn optional_text(&mut self, values: &Arguments, at: usize) -> Outcome<Option<(String, Span)>> {
        match values.get(at) {
            Some(Some((Value::Text(text), span))) => Ok(Some((text.clone(), *span))),
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.noun());
                Err(self.type_error("a text in quotes is needed here", *span, label, "Put it in quotes."))
            }
            _ => Ok(None),
        }
    }

    /// The name of a container, where one is said.
    pub(super) fn container_argument(&mut self, values: &Arguments, at: usize) -> Outcome<Option<String>> {
        match self.optional_text(values, at)? {
            Some((name, span)) => self.object_name(name, span, is_label).map(Some),
            None => Ok(None),
        }
    }

    /// `name`, where Kubernetes takes it.
    fn object_name(
        &mut self,
        name: String,
        span: Span,
        rule: fn(&str) -> Result<(), &'static str>,
    ) -> Outcome<String> {
        match rule(&name) {
            Ok(()) => Ok(name),
            Err(rule) => Err(self.refused(rule, &name, span)),
        }
    }

    fn refused(&mut self, rule: &str, found: &str, span: Span) -> Reported {
        self.report(
            Diagnostic::error(
                "target::refused",
                "the target would refuse this",
                span,
                format!("this is `{found}`"),
            )
            .help(format!("In Kubernetes {rule}.")),
        )
    }

    /// `value` as a field of a container takes it.
    pub(super) fn container_value(
        &mut self,
        field: &'static Field,
        value: Value,
        span: Span,
    ) -> Outcome<Value> {
        use crate::schema::Type;
        match (field.type_, &value) {
            (Type::Texts, _) if texts_of(&value).is_some() => Ok(value),
            (Type::Ports, Value::Map(entries)) => {
                for (name, number) in entries.iter() {
                    let name = key_text(name).unwrap_or_default();
                    self.object_name(name, span, is_port_name)?;
                    match number {
                        Value::Quantity(number) => self.port_number(number, span)?,
                        other => {
                            let label = format!("it holds {}", other.noun());
                            return Err(self.wrong_type(field, span, label));
                        }
                    };
                }
                Ok(value)
            }
            (Type::Environment, Value::Map(entries)) => {
                for (name, held) in entries.iter() {
                    let name = key_text(name).unwrap_or_default();
                    let name = self.object_name(name, span, is_variable)?;
                    if variable(&name, held).is_none() {
                        let label = format!("`{name}` is {}", held.noun());
                        return Err(self.wrong_type(field, span, label));
                    }
                }
                Ok(value)
            }
            (Type::Volumes, Value::Map(entries)) => {
                for (name, held) in entries.iter() {
                    let name = key_text(name).unwrap_or_default();
                    let name = self.object_name(name, span, is_label)?;
                    if volume(&name, held).is_none() {
                        let label = format!("`{name}` is {}", held.noun());
                        return Err(self.wrong_type(field, span, label));
                    }
                }
                Ok(value)
            }
            (Type::Probe, Value::Deployed(part)) if matches!(**part, Deployed::Probe(_)) => Ok(value),
            (Type::Target, Value::Deployed(part)) if matches!(**part, Deployed::Target(_)) => Ok(value),
            (Type::Target, Value::List(targets)) if targets.iter().all(is_target) => Ok(match &targets[..] {
                [one] => one.clone(),
                _ => Value::not_yet(SEVERAL),
            }),
            (_, other) => {
                let label = format!("this is {}", other.noun());
                Err(self.wrong_type(field, span, label))
            }
        }
    }
}

/// The rows that say how a container is run.
pub(super) struct ContainerRows {
    pub(super) command: &'static Field,
    pub(super) args: &'static Field,
    pub(super) ports: &'static Field,
    pub(super) env: &'static Field,
    pub(super) volumes: &'static Field,
    pub(super) probes: Option<ProbeRows>,
    pub(super) image_pull_policy: &'static Field,
    pub(super) image_pull_secrets: &'static Field,
    pub(super) service_account_name: &'static Field,
    pub(super) termination_grace_period: &'static Field,
}

/// The rows that say how the state of a container is asked: of what goes on for ever.
pub(super) struct ProbeRows {
    pub(super) readiness: &'static Field,
    pub(super) liveness: &'static Field,
    pub(super) startup: &'static Field,
}

impl Builder<'_, '_> {
    /// How the container of a service or job is run.
    pub(super) fn container(&mut self, id: ThingId, rows: &ContainerRows, stateful: bool) -> Container {
        let ContainerRows {
            command,
            args,
            ports,
            env,
            volumes,
            probes,
            image_pull_policy,
            image_pull_secrets,
            service_account_name,
            termination_grace_period,
        } = rows;
        let mut probe = |row: fn(&ProbeRows) -> &'static Field| self.probe_of(id, row(probes.as_ref()?));
        let (readiness_probe, liveness_probe, startup_probe) =
            (probe(|rows| rows.readiness), probe(|rows| rows.liveness), probe(|rows| rows.startup));
        let texts = |builder: &mut Self, field| builder.stated(id, field, |_, value| texts_of(&value));
        let container = Container {
            command: texts(self, command),
            args: texts(self, args),
            image_pull_secrets: texts(self, image_pull_secrets),
            ports: self.stated(id, ports, |_, value| entries(&value, port)),
            env: self.stated(id, env, |_, value| entries(&value, variable)),
            volumes: self.stated(id, volumes, |_, value| entries(&value, volume)),
            readiness_probe,
            liveness_probe,
            startup_probe,
            image_pull_policy: self.name_of(id, image_pull_policy),
            service_account_name: self.name_of(id, service_account_name),
            termination_grace_period: self.quantity(id, termination_grace_period),
        };
        self.hold_together(&container, stateful);
        container
    }

    /// The file that a service or job is filled into, by the path it is read at; its bytes are kept as an input.
    pub(super) fn template(
        &mut self,
        id: ThingId,
        field: &'static Field,
        adopt: Option<&'static Field>,
    ) -> Option<Fact<String>> {
        let stated = self.name_of(id, field)?;
        let thing = self.resolver.thing(id);
        if let Some(adopted) = adopt.and_then(|adopt| thing.assigned.get(adopt.name)) {
            let (name, adopted) = (thing.address.clone(), adopted.assign.span);
            self.resolver.report(
                Diagnostic::error(
                    "service::two-objects",
                    format!("`{name}` is filled into a file and into a live object"),
                    adopted,
                    "a live object",
                )
                .and(stated.span, "a file")
                .help("Leave one of the two out: `adopt` changes what runs, `template` makes a new object."),
            );
            return None;
        }
        let stated_in = self.resolver.sources.get(stated.span.file).map_or("", |source| source.path.as_str());
        let path = relative(stated_in, &stated.value);
        if !self.resolver.templates.contains_key(&path) {
            match self.resolver.files.read(&path) {
                Ok(bytes) => {
                    self.resolver.templates.insert(path.clone(), bytes);
                }
                Err(why) => {
                    let (label, help) = match why {
                        Unreadable::Missing => (
                            "nothing is there".to_owned(),
                            "Paths are relative to the file that states them; files are never fetched."
                                .to_owned(),
                        ),
                        Unreadable::Directory => (
                            "this is a folder".to_owned(),
                            format!(
                                "Name the file in it: `template = \"{}/chat.yaml\"`.",
                                stated.value.trim_end_matches('/')
                            ),
                        ),
                        Unreadable::TooLarge(size) => {
                            (format!("it holds {size} bytes"), "A manifest holds a few thousand.".to_owned())
                        }
                        Unreadable::Other(reason) => {
                            (reason, "Look at the file's permissions and at the disk it is on.".to_owned())
                        }
                    };
                    let title = format!("no template is read from {path}");
                    self.resolver.report(
                        Diagnostic::error("target::no-template", title, stated.span, label).help(help),
                    );
                    return None;
                }
            }
        }
        Some(Spanned::new(path, stated.span))
    }

    fn probe_of(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Probe>> {
        self.stated(id, field, |_, value| match value {
            Value::Deployed(part) => match &*part {
                Deployed::Probe(probe) => Some(probe.clone()),
                _ => None,
            },
            _ => None,
        })
    }

    /// The target that a plan names.
    pub(super) fn target(&mut self, id: ThingId, field: &'static Field) -> Option<Fact<Target>> {
        self.stated(id, field, |_, value| match value {
            Value::Deployed(part) => match &*part {
                Deployed::Target(target) => Some(target.clone()),
                _ => None,
            },
            _ => None,
        })
    }

    /// A port named by a probe is one of the container's, no two volumes are mounted at one place, and replicas
    /// with claims of their own have an identity.
    fn hold_together(&mut self, container: &Container, stateful: bool) {
        let ports = container.ports.as_ref().map_or(&[][..], |ports| &ports.value);
        let probes = [&container.readiness_probe, &container.liveness_probe, &container.startup_probe];
        for probe in probes.into_iter().flatten() {
            let named = match &probe.value.action {
                ProbeAction::HttpGet { port, .. } | ProbeAction::TcpSocket { port } => port,
                ProbeAction::Grpc { .. } | ProbeAction::Exec { .. } => continue,
            };
            if let PortRef::Name(name) = named
                && !ports.iter().any(|port| port.name == *name)
            {
                self.resolver.report(
                    Diagnostic::error(
                        "target::no-port",
                        format!("the container has no port `{name}`"),
                        probe.span,
                        "this asks there",
                    )
                    .help(format!("Name the port: `ports = [{name}: 8080]`.")),
                );
            }
        }
        let volumes = container.volumes.as_ref();
        let mounts = volumes.map_or(&[][..], |volumes| &volumes.value);
        for (at, volume) in mounts.iter().enumerate() {
            let path = &volume.mounted.mount_path;
            if mounts[..at].iter().any(|before| before.mounted.mount_path == *path)
                && let Some(Spanned { span, .. }) = volumes
            {
                self.resolver.refused("one path has one volume", path, *span);
            }
            if matches!(volume.mounted.source, VolumeSource::VolumeClaimTemplate { .. })
                && !stateful
                && let Some(Spanned { span, .. }) = volumes
            {
                let rule = "a replica with a claim of its own is of a service with `stateful = true`";
                self.resolver.refused(rule, &volume.name, *span);
            }
        }
    }
}

/// Why a plan that is parted among targets is not applied.
const SEVERAL: &str = "a plan goes to one target, and whole, as yet";

fn is_target(value: &Value) -> bool {
    match value {
        Value::Deployed(part) => matches!(**part, Deployed::Target(_)),
        value => matches!(value, Value::NotYet(_)),
    }
}

fn entries<T>(value: &Value, read: impl Fn(&str, &Value) -> Option<T>) -> Option<Vec<T>> {
    let Value::Map(entries) = value else { return None };
    entries.iter().map(|(name, held)| read(&key_text(name)?, held)).collect()
}

fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Symbol(name) | Value::Text(name) => Some(name.clone()),
        _ => None,
    }
}

/// The texts of a list, or one text alone.
pub(super) fn texts_of(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    match value {
        Value::List(values) => values.iter().map(text).collect(),
        value => text(value).map(|text| vec![text]),
    }
}

fn port(name: &str, value: &Value) -> Option<Port> {
    let Value::Quantity(number) = value else { return None };
    let number = u16::try_from(number.as_integer()?).ok()?;
    Some(Port { name: name.to_owned(), number })
}

fn variable(name: &str, value: &Value) -> Option<Variable> {
    let value = match value {
        Value::Text(text) => VariableValue::Text(text.clone()),
        Value::Boolean(_) => VariableValue::Text(value.written()),
        Value::Quantity(quantity) if quantity.dimension == Dimension::NONE => {
            VariableValue::Text(quantity.as_integer()?.to_string())
        }
        Value::Deployed(part) => match &**part {
            Deployed::Reference(reference) => reference.clone(),
            _ => return None,
        },
        _ => return None,
    };
    Some(Variable { name: name.to_owned(), value })
}

fn volume(name: &str, value: &Value) -> Option<Volume> {
    let Value::Deployed(part) = value else { return None };
    match &**part {
        Deployed::Mounted(mounted) => Some(Volume { name: name.to_owned(), mounted: mounted.clone() }),
        _ => None,
    }
}

// The rules of names, as `k8s.io/apimachinery/pkg/util/validation` has them.

/// One label of a domain name.
fn is_label(name: &str) -> Result<(), &'static str> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well = (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-');
    if well { Ok(()) } else { Err("this name has up to 63 small letters, digits and inner `-`") }
}

/// Labels joined by points.
fn is_subdomain(name: &str) -> Result<(), &'static str> {
    if name.len() <= 253 && name.split('.').all(|part| is_label(part).is_ok()) {
        Ok(())
    } else {
        Err("this name has small letters, digits, and inner `-` and `.`")
    }
}

/// A key of a ConfigMap or Secret.
fn is_key(name: &str) -> Result<(), &'static str> {
    let well = (1..=253).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && name != "."
        && !name.starts_with("..");
    if well { Ok(()) } else { Err("a key has letters, digits, `-`, `_` and `.`") }
}

/// A port's name: of IANA's, up to 15 characters with a letter among them.
fn is_port_name(name: &str) -> Result<(), &'static str> {
    let well = name.len() <= 15
        && is_label(name).is_ok()
        && !name.contains("--")
        && name.contains(|c: char| c.is_ascii_lowercase());
    if well {
        Ok(())
    } else {
        Err("a port's name has up to 15 small letters, digits and inner `-`, one a letter")
    }
}

/// A variable's name.
fn is_variable(name: &str) -> Result<(), &'static str> {
    let well = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_graphic() && c != '=')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if well {
        Ok(())
    } else {
        Err("a variable's name has no blank and no `=`, and does not start with a digit")
    }
}

//! Requests to an API server, with back-off, and what their errors mean.

use super::kinds::Kind;
use super::objects::MANAGER;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use serde_json::Value;
use std::time::Duration;

/// How often a request is tried that failed for no fault of its own, and how long is waited first.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// A server may ask for more patience than is had.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Objects of one page of a list.
const PAGE: u32 = 500;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no usable kubeconfig.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// The kubeconfig has no such context.
    #[error("the kubeconfig has no context `{wanted}`; it has {}", listed(.known))]
    NoContext {
        /// What the plan file names.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Nobody answers.
    #[error("the API server does not answer: {0}")]
    Unreachable(String),
    /// It answers that it cannot now.
    #[error("the API server is too busy or broken: {0}")]
    Busy(String),
    /// The credentials are not taken.
    #[error("the API server does not know who asks: {0}")]
    Unauthorized(String),
    /// The user may not do this.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// Others own fields.
    #[error("{}", conflicts(.0))]
    Conflict(Vec<Owned>),
    /// Somebody else was there first.
    #[error("changed by somebody else meanwhile: {0}")]
    Raced(String),
    /// It is not there.
    #[error("not found: {0}")]
    Missing(String),
    /// The object is not one that the server takes.
    #[error("the API server refuses the object: {0}")]
    Object(String),
    /// What was answered is no answer to this.
    #[error("the API server answers what cannot be read: {0}")]
    Answer(String),
}

/// A field that somebody else owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// Who.
    pub manager: String,
    /// Which: `.spec.replicas`.
    pub field: String,
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn conflicts(owned: &[Owned]) -> String {
    let fields = owned.iter().map(|Owned { manager, field }| format!("{field} is {manager}'s"));
    fields.collect::<Vec<_>>().join(", ")
}

/// A way to one API server.
pub struct Connection {
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// Only what would be is asked for.
    DryRun,
    /// It is done.
    Done,
}

impl Connection {
    /// The way to what `context` names in the kubeconfig; none: its current context. `KUBECONFIG` and
    /// `~/.kube/config` say where it lies, as for every client of Kubernetes.
    pub fn open(context: Option<&str>) -> Result<Self, Refusal> {
        let unusable = |error: kube::config::KubeconfigError| match &error {
            kube::config::KubeconfigError::ReadConfig(cause, path)
                if cause.kind() == std::io::ErrorKind::NotFound =>
            {
                Refusal::Kubeconfig(format!("`{}` is not there", path.display()))
            }
            other => Refusal::Kubeconfig(chain(other)),
        };
        let kubeconfig = Kubeconfig::read().map_err(unusable)?;
        let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
        let wanted = context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone());
        match wanted {
            None => {
                return Err(Refusal::Kubeconfig("it has no current context, and the plan names none".into()));
            }
            Some(wanted) if !known.contains(&wanted) => return Err(Refusal::NoContext { wanted, known }),
            Some(_) => {}
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Refusal::Unreachable(error.to_string()))?;
        let options =
            KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let client = runtime.block_on(async {
            let mut config =
                kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)?;
            // What is tried again, and how often, is decided here.
            config.default_retry = false;
            config.connect_timeout = Some(Duration::from_secs(10));
            config.read_timeout = Some(Duration::from_secs(60));
            config.write_timeout = Some(Duration::from_secs(60));
            kube::Client::try_from(config).map_err(|error| Refusal::Kubeconfig(chain(&error)))
        })?;
        Ok(Self { runtime, client })
    }

    /// The object, if it is there.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Result<Option<Value>, Refusal> {
        let request = || Request::new(kind.path(namespace)).get(name, &GetParams::default());
        match self.ask(request) {
            Ok(object) => Ok(Some(object)),
            Err(Refusal::Missing(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Objects that carry `labels`, or all: of one namespace, or of kinds without. An empty namespace asks for all.
    pub fn list(&self, kind: &Kind, namespace: &str, labels: &str) -> Result<Vec<Value>, Refusal> {
        let path = if kind.namespaced && namespace.is_empty() {
            kind.path("").replace("/namespaces/", "")
        } else {
            kind.path(namespace)
        };
        let mut objects = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut wanted = ListParams::default().limit(PAGE);
            if !labels.is_empty() {
                wanted = wanted.labels(labels);
            }
            if let Some(next) = &next {
                wanted = wanted.continue_token(next);
            }
            let mut page = self.ask(|| Request::new(path.clone()).list(&wanted))?;
            let items = page["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            objects.extend(items.into_iter().map(|mut object| {
                // A list says it once.
                object["apiVersion"] = kind.api_version().into();
                object["kind"] = kind.name.into();
                object
            }));
            next = page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                return Ok(objects);
            }
        }
    }

    /// Applies `manifest` on the server's side as [`MANAGER`]; what comes of it. `forced` takes over fields that
    /// others own.
    pub fn apply(
        &self,
        kind: &Kind,
        manifest: &Value,
        application: Application,
        forced: bool,
    ) -> Result<Value, Refusal> {
        self.apply_as(MANAGER, kind, manifest, application, forced)
    }

    /// The same as another manager.
    pub fn apply_as(
        &self,
        manager: &str,
        kind: &Kind,
        manifest: &Value,
        application: Application,
        forced: bool,
    ) -> Result<Value, Refusal> {
        let namespace = manifest["metadata"]["namespace"].as_str().unwrap_or_default();
        let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
        let mut how = PatchParams::apply(manager).validation_strict();
        if application == Application::DryRun {
            how = how.dry_run();
        }
        if forced {
            how = how.force();
        }
        self.ask(|| Request::new(kind.path(namespace)).patch(name, &how, &Patch::Apply(manifest)))
    }

    /// Deletes the object that has this `uid`, and what it owns; one that is gone already is no error.
    pub fn delete(&self, kind: &Kind, namespace: &str, name: &str, uid: &str) -> Result<(), Refusal> {
        self.delete_times(TRIES, kind, namespace, name, uid)
    }

    /// The same, tried once: nothing depends on it.
    pub fn delete_if_possible(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), Refusal> {
        self.delete_times(1, kind, namespace, name, uid)
    }

    fn delete_times(
        &self,
        tries: u32,
        kind: &Kind,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), Refusal> {
        let preconditions = kube::api::Preconditions { uid: Some(uid.to_owned()), resource_version: None };
        let how = DeleteParams::background().preconditions(preconditions);
        match self.ask_times(tries, || Request::new(kind.path(namespace)).delete(name, &how)) {
            Ok(_) | Err(Refusal::Missing(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Creates the object; [`Refusal::Raced`] where it is there already.
    pub fn create(&self, kind: &Kind, namespace: &str, object: &Value) -> Result<Value, Refusal> {
        let body = object.to_string().into_bytes();
        self.ask(|| Request::new(kind.path(namespace)).create(&PostParams::default(), body.clone()))
    }

    /// Puts `object` in the place of the version that it names; [`Refusal::Raced`] where there is a newer one.
    pub fn replace(&self, kind: &Kind, namespace: &str, object: &Value) -> Result<Value, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let body = object.to_string().into_bytes();
        self.ask(|| Request::new(kind.path(namespace)).replace(name, &PostParams::default(), body.clone()))
    }

    /// Merges `change` into the object, if it is still of the version that `change` names; else [`Refusal::Raced`].
    pub fn merge(&self, kind: &Kind, namespace: &str, name: &str, change: &Value) -> Result<Value, Refusal> {
        let how = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        self.ask(|| Request::new(kind.path(namespace)).patch(name, &how, &Patch::Merge(change)))
    }

    /// Waits.
    pub fn pause(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Sends the request, again where it failed for no fault of its own. All requests here can be repeated: what
    /// was done already is done again to the same effect, or says that it was.
    fn ask<E: std::error::Error>(
        &self,
        request: impl Fn() -> Result<http::Request<Vec<u8>>, E>,
    ) -> Result<Value, Refusal> {
        self.ask_times(TRIES, request)
    }

    fn ask_times<E: std::error::Error>(
        &self,
        tries: u32,
        request: impl Fn() -> Result<http::Request<Vec<u8>>, E>,
    ) -> Result<Value, Refusal> {
        let mut wait = FIRST_WAIT;
        let mut tried = 0;
        loop {
            tried += 1;
            let built = request().map_err(|error| Refusal::Object(error.to_string()))?;
            let error = match self.runtime.block_on(self.client.request::<Value>(built)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (refusal, patience) = refusal(&error);
            let again = matches!(refusal, Refusal::Busy(_) | Refusal::Unreachable(_));
            if !again || tried >= tries {
                return Err(refusal);
            }
            self.pause(patience.unwrap_or(wait).min(LONGEST_WAIT));
            wait *= 2;
        }
    }
}

/// What an error means, and how long the server asks to wait.
fn refusal(error: &kube::Error) -> (Refusal, Option<Duration>) {
    let kube::Error::Api(status) = error else {
        return match error {
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => (Refusal::Answer(chain(error)), None),
            kube::Error::Auth(_) => (Refusal::Unauthorized(chain(error)), None),
            kube::Error::BuildRequest(_) | kube::Error::HttpError(_) => (Refusal::Object(chain(error)), None),
            _ => (Refusal::Unreachable(chain(error).trim_start_matches("ServiceError: ").to_owned()), None),
        };
    };
    let message = status.message.clone();
    let details = status.details.as_ref();
    let patience = details.map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0);
    let patience = patience.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let refusal = match status.code {
        401 => Refusal::Unauthorized(message),
        403 => Refusal::Forbidden(message),
        404 => Refusal::Missing(message),
        409 => {
            let causes = details.map_or(&[][..], |details| &details.causes);
            let mut owned: Vec<Owned> =
                causes.iter().filter(|cause| cause.reason == "FieldManagerConflict").map(owned).collect();
            // The server has no order.
            owned.sort();
            if owned.is_empty() { Refusal::Raced(message) } else { Refusal::Conflict(owned) }
        }
        400 | 413 | 415 | 422 => Refusal::Object(message),
        // A mistake in the object, although the status says otherwise.
        500 if message.contains("field not declared in schema") => Refusal::Object(message),
        429 | 500..=599 => {
            Refusal::Busy(if message.is_empty() { format!("HTTP {}", status.code) } else { message })
        }
        code => Refusal::Answer(format!("HTTP {code}: {message}")),
    };
    (refusal, patience)
}

/// `conflict with "kubectl-edit" using apps/v1`
fn owned(cause: &kube::core::response::StatusCause) -> Owned {
    let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
    Owned { manager: manager.to_owned(), field: cause.field.clone() }
}

/// An error with what caused it, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

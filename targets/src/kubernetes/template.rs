//! Manifests of users, filled in: what a plan decides takes the place of what stands there, and all else stays as it
//! was written.

use super::kinds::{JOB, Kind};
use super::objects::{LARGEST, one_by_one};
use serde_json::{Map, Value, json};

/// A manifest with a pod template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    object: Value,
    /// The container that the service is, by its place.
    container: usize,
}

/// What takes the place of what a manifest says.
#[derive(Clone, Debug, Default)]
pub struct Filling {
    /// Where everything is created.
    pub namespace: String,
    /// The object's name where the manifest states none.
    pub name: String,
    /// Whose it is.
    pub labels: Map<String, Value>,
    /// An annotation, by its name.
    pub annotation: (&'static str, String),
    /// How many run; none: an autoscaler says.
    pub replicas: Option<u64>,
    /// Of one of them; its only container is that of the service.
    pub pod: Map<String, Value>,
}

impl Template {
    /// The manifest of what goes on in `text`, the file at `path`; the service is its only container, or the one called
    /// `container`.
    ///
    /// # Errors
    /// A sentence that says what the file has instead.
    pub fn read(path: &str, text: &str, container: &str) -> Result<Self, String> {
        let goes_on = |kind: &Kind| kind.has_pods() && !kind.ends;
        let template = Self::of(path, text, container, (goes_on, "a Deployment or StatefulSet of apps/v1"))?;
        let selects = template.object["spec"]["selector"]["matchLabels"].as_object();
        if selects.is_none_or(Map::is_empty) {
            return Err(format!("{path} has no `spec.selector.matchLabels`, by which its pods are known"));
        }
        Ok(template)
    }

    /// The same of a Job.
    ///
    /// # Errors
    /// A sentence that says what the file has instead, or what in it would have the job done twice.
    pub fn of_job(path: &str, text: &str, container: &str) -> Result<Self, String> {
        let template = Self::of(path, text, container, (|kind| *kind == JOB, "a Job of batch/v1"))?;
        if !template.object["spec"]["ttlSecondsAfterFinished"].is_null() {
            return Err(format!(
                "{path} has `ttlSecondsAfterFinished`: once the Job is gone, the next `apply` would begin it anew; leave \
                 it out, and the job out of the plan once it is done"
            ));
        }
        Ok(template)
    }

    fn of(
        path: &str,
        text: &str,
        container: &str,
        (is_taken, taken): (fn(&Kind) -> bool, &str),
    ) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("{path} has {} bytes, more than a cluster stores of one object", text.len()));
        }
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
            let said = error.to_string();
            format!("{path} is no YAML: {}", said.lines().next().unwrap_or_default())
        })?;
        let mut documents = documents.into_iter().filter(|document| !document.is_null());
        let (Some(object), None) = (documents.next(), documents.next()) else {
            return Err(format!("{path} has none or several documents, and one manifest is filled in"));
        };
        let kind = object["kind"].as_str().unwrap_or("nothing with a kind");
        if !Kind::of(&object).is_some_and(is_taken) {
            let version = object["apiVersion"].as_str().unwrap_or("no apiVersion");
            return Err(format!("{path} holds {kind} ({version}), and what is filled in is {taken}"));
        }
        let containers = object["spec"]["template"]["spec"]["containers"].as_array();
        let names: Vec<&str> = containers
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(|container| container["name"].as_str().unwrap_or_default())
            .collect();
        let container = match names.as_slice() {
            [] => return Err(format!("{path} has no container in its pod template")),
            [_] => 0,
            several => several.iter().position(|name| *name == container).ok_or_else(|| {
                format!(
                    "{path} has the containers {}, and none is called `{container}` as the service is",
                    several.join(", ")
                )
            })?,
        };
        Ok(Self { object, container })
    }

    /// What selects its pods.
    pub fn selector(&self) -> Value {
        self.object["spec"]["selector"]["matchLabels"].clone()
    }

    /// Its name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.object["metadata"]["name"].as_str()
    }

    /// Where the service's container stands in it.
    pub fn container(&self) -> usize {
        self.container
    }

    /// What that is called there.
    pub fn container_name(&self) -> &str {
        self.object["spec"]["template"]["spec"]["containers"][self.container]["name"]
            .as_str()
            .unwrap_or_default()
    }

    /// The manifest, filled in.
    ///
    /// # Errors
    /// Where it names another namespace than the one that everything is created in.
    pub fn filled(&self, filling: Filling) -> Result<Value, String> {
        let Filling { namespace, name, labels, annotation, replicas, pod } = filling;
        let mut object = self.object.clone();
        match object["metadata"]["namespace"].as_str() {
            Some(other) if other != namespace => {
                return Err(format!(
                    "its template is of namespace {other}, and the plan's target is namespace {namespace}"
                ));
            }
            _ => *at(&mut object, &["metadata", "namespace"])? = json!(namespace),
        }
        if self.name().is_none() {
            *at(&mut object, &["metadata", "name"])? = json!(name);
        }
        for (name, value) in labels {
            *at(&mut object, &["metadata", "labels", &name])? = value;
        }
        *at(&mut object, &["metadata", "annotations", annotation.0])? = json!(annotation.1);
        match (replicas, at(&mut object, &["spec"])?) {
            (Some(replicas), spec) => *at(spec, &["replicas"])? = json!(replicas),
            (None, Value::Object(spec)) => _ = spec.remove("replicas"),
            (None, _) => {}
        }
        if object["kind"] == "Deployment" && object["spec"]["strategy"].is_null() {
            *at(&mut object, &["spec", "strategy"])? = one_by_one();
        }
        let own = at(&mut object, &["spec", "template", "spec"])?;
        for (name, decided) in pod {
            match name.as_str() {
                "containers" => {
                    let container = decided.get(0).cloned().unwrap_or_default();
                    let place = own["containers"].get_mut(self.container);
                    if let (Some(place), Value::Object(container)) = (place, container) {
                        fill_container(place, container)?;
                    }
                }
                "affinity" => fill_affinity(own, &decided["nodeAffinity"])?,
                "topologySpreadConstraints" => {
                    merge_list(at(own, &[&name])?, decided, &["topologyKey", "whenUnsatisfiable"]);
                }
                "volumes" | "imagePullSecrets" => merge_list(at(own, &[&name])?, decided, &["name"]),
                _ => *at(own, &[&name])? = decided,
            }
        }
        Ok(object)
    }
}

fn fill_container(own: &mut Value, decided: Map<String, Value>) -> Result<(), String> {
    for (name, value) in decided {
        match name.as_str() {
            // It keeps its own.
            "name" => {}
            "resources" => {
                for (kind, amounts) in value.as_object().into_iter().flatten() {
                    for (resource, amount) in amounts.as_object().into_iter().flatten() {
                        *at(own, &["resources", kind, resource])? = amount.clone();
                    }
                }
            }
            "env" | "ports" => merge_list(at(own, &[&name])?, value, &["name"]),
            "volumeMounts" => merge_list(at(own, &[&name])?, value, &["mountPath"]),
            _ => *at(own, &[&name])? = value,
        }
    }
    Ok(())
}

/// The machines that a plan allows, beside what the manifest asks of them: both have to hold.
fn fill_affinity(pod: &mut Value, decided: &Value) -> Result<(), String> {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let own = at(pod, &["affinity", "nodeAffinity", REQUIRED])?;
    let expressions = &decided[REQUIRED]["nodeSelectorTerms"][0]["matchExpressions"];
    match own.get_mut("nodeSelectorTerms").and_then(Value::as_array_mut) {
        // Of the terms one has to hold, of the expressions of a term all.
        Some(terms) if !terms.is_empty() => {
            for term in terms {
                append(at(term, &["matchExpressions"])?, expressions);
            }
        }
        _ => *own = decided[REQUIRED].clone(),
    }
    if decided[PREFERRED].is_array() {
        append(at(pod, &["affinity", "nodeAffinity", PREFERRED])?, &decided[PREFERRED]);
    }
    Ok(())
}

/// Entries of `more` behind those of `own`.
fn append(own: &mut Value, more: &Value) {
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    *own = entries(own).into_iter().chain(entries(more)).collect();
}

/// Entries of `decided` in the place of those of `own` that `keys` tell to be the same, the others behind them.
fn merge_list(own: &mut Value, decided: Value, keys: &[&str]) {
    let mut merged = own.as_array().cloned().unwrap_or_default();
    for entry in decided.as_array().into_iter().flatten() {
        let same = |other: &&mut Value| keys.iter().all(|key| other[*key] == entry[*key]);
        match merged.iter_mut().find(same) {
            Some(other) => *other = entry.clone(),
            None => merged.push(entry.clone()),
        }
    }
    *own = Value::Array(merged);
}

/// What stands at `path`, made where nothing does.
///
/// # Errors
/// Where something on the way has no fields.
pub fn at<'v>(value: &'v mut Value, path: &[&str]) -> Result<&'v mut Value, String> {
    let mut place = value;
    for name in path {
        if place.is_null() {
            *place = json!({});
        }
        let Value::Object(fields) = place else {
            return Err(format!("its template has {place} where fields such as `{name}` belong"));
        };
        place = fields.entry((*name).to_owned()).or_insert(Value::Null);
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat
  annotations: {team: talk}
spec:
  selector: {matchLabels: {app: chat}}
  template:
    metadata: {labels: {app: chat}}
    spec:
      affinity:
        podAntiAffinity: {kept: true}
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions: [{key: arch, operator: In, values: [amd64]}]
      containers:
        - {name: proxy, image: 'proxy:1'}
        - name: chat
          image: chat:1
          resources: {requests: {cpu: 1, ephemeral-storage: 1Gi}}
          env: [{name: MODE, value: slow}, {name: KEPT, value: x}]
";

    fn refusal(text: &str) -> String {
        Template::read("chat.yaml", text, "chat").unwrap_err()
    }

    #[test]
    fn all_that_is_not_decided_stays() {
        let template = Template::read("chat.yaml", CHAT, "chat").unwrap();
        let pod = json!({
            "priorityClassName": "high",
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "host", "operator": "In", "values": ["n1"]}]}],
            }}},
            "containers": [{
                "name": "chat",
                "resources": {"requests": {"cpu": "2"}},
                "env": [{"name": "MODE", "value": "fast"}],
            }],
        });
        let filling = Filling {
            namespace: "talk".into(),
            name: "other".into(),
            annotation: ("container", "chat".into()),
            replicas: Some(3),
            pod: pod.as_object().unwrap().clone(),
            ..Filling::default()
        };
        let mut expected: Value = serde_saphyr::from_str(CHAT).unwrap();
        expected["metadata"]["namespace"] = json!("talk");
        expected["metadata"]["annotations"]["container"] = json!("chat");
        expected["spec"]["replicas"] = json!(3);
        expected["spec"]["strategy"] = one_by_one();
        let own = &mut expected["spec"]["template"]["spec"];
        own["priorityClassName"] = json!("high");
        own["containers"][1]["resources"]["requests"]["cpu"] = json!("2");
        own["containers"][1]["env"][0]["value"] = json!("fast");
        own["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
            [0]["matchExpressions"] = json!([
            {"key": "arch", "operator": "In", "values": ["amd64"]},
            {"key": "host", "operator": "In", "values": ["n1"]},
        ]);
        assert_eq!(template.filled(filling).unwrap(), expected);
    }

    #[test]
    fn what_is_no_template_is_said() {
        assert!(refusal("a: [").contains("is no YAML"));
        assert!(refusal("").contains("none or several documents"));
        assert!(refusal(&format!("{CHAT}---\n{CHAT}")).contains("none or several documents"));
        assert!(refusal("kind: Service\napiVersion: v1\n").contains("holds Service (v1)"));
        assert!(refusal("- 1\n").contains("holds nothing with a kind"));
        assert!(refusal("apiVersion: apps/v1\nkind: Deployment\n").contains("has no container"));
        assert!(
            refusal(&CHAT.replace("name: chat\n          image", "name: x\n          image"))
                .contains("proxy, x")
        );
        assert!(
            refusal(&CHAT.replace("matchLabels: {app: chat}", "matchLabels: {}")).contains("matchLabels")
        );
        let elsewhere = CHAT.replace("  name: chat\n  ann", "  name: chat\n  namespace: prod\n  ann");
        let template = Template::read("chat.yaml", &elsewhere, "chat").unwrap();
        assert!(template.filled(Filling::default()).unwrap_err().contains("namespace prod"));
        let odd = CHAT.replace("annotations: {team: talk}", "labels: 3");
        let template = Template::read("chat.yaml", &odd, "chat").unwrap();
        let labels = json!({"a": "b"}).as_object().unwrap().clone();
        let said = template.filled(Filling { labels, ..Filling::default() }).unwrap_err();
        assert_eq!(said, "its template has 3 where fields such as `a` belong");
    }
}

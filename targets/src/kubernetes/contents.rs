//! What the container of a service is, whether a line states it or an engine of models brings it.

use super::engines::{self, Process};
use super::items::Item;
use super::placement::{device_resources, least_device_memory};
use berth_compiler::candidates::memory_limit;
use berth_compiler::plan::{Placement, Plan};
use berth_language::model::{
    Cached, Fact, ImageWork, Job, LlmWork, Port, PortRef, Probe, ProbeAction, Program, Service, Work,
};
use berth_language::quantity::Quantity;
use berth_language::span::Spanned;

/// The resource under which NVIDIA's devices are handed out.
pub const NVIDIA: &str = "nvidia.com/gpu";

/// A container, each part with the line that asks for it.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What it is made from; none where an object of somebody else says.
    pub image: Option<Fact<String>>,
    /// Instead of the image's entry point.
    pub command: Option<Fact<Vec<String>>>,
    /// With these.
    pub args: Option<Fact<Vec<String>>>,
    /// Where it listens.
    pub ports: Option<Fact<Vec<Port>>>,
    /// When it takes requests.
    pub readiness_probe: Option<Fact<Probe>>,
    /// Cores.
    pub cpu: Option<Fact<Quantity>>,
    /// Bytes.
    pub memory: Option<Fact<Quantity>>,
    /// Whole devices.
    pub devices: Option<Fact<u32>>,
    /// What those are handed out as.
    pub resource: String,
    /// The layout that decides arguments and devices; none where lines state them.
    pub layout: Option<String>,
}

/// What the replicas of `placements` run, all of one layout, or why it cannot be written.
pub fn contents(
    (program, plan): (&Program, &Plan),
    index: usize,
    item: Item<'_>,
    placements: &[&Placement],
) -> Result<Contents, String> {
    if placements.iter().any(|placement| placement.share.is_some()) {
        return Err("a share of a device is not written to Kubernetes yet".into());
    }
    let resources = device_resources(program, placements);
    let resource = resources.first().copied().unwrap_or_default().to_owned();
    let several = resources.len() > 1;
    let service = match item {
        Item::Service(service) => service,
        Item::Job(job) => return of_job(plan, job, placements, resource),
    };
    match &service.work {
        Work::Image(work) if several && work.devices.as_ref().is_some_and(|devices| devices.value > 0) => Err(
            "it was placed on devices that are handed out under different names; limit `device` to one class"
                .into(),
        ),
        Work::Image(work) => of_image(service, work, resource),
        Work::Llm(work) => of_model(program, index, service, work, placements, resource),
    }
}

fn of_image(service: &Service, work: &ImageWork, resource: String) -> Result<Contents, String> {
    if work.image.is_none() && !Item::Service(service).is_filled_in() {
        return Err("it names no image".into());
    }
    let container = &service.container;
    Ok(Contents {
        image: work.image.clone(),
        command: container.command.clone(),
        args: container.args.clone(),
        ports: container.ports.clone(),
        readiness_probe: container.readiness_probe.clone(),
        cpu: work.cpu.clone(),
        memory: work.memory.clone(),
        devices: work.devices.clone(),
        resource,
        layout: None,
    })
}

fn of_model(
    program: &Program,
    index: usize,
    service: &Service,
    work: &LlmWork,
    placements: &[&Placement],
    resource: String,
) -> Result<Contents, String> {
    let Some(engine) = &work.engine else {
        return Err("it names no engine: say what runs the model, such as `engine = vllm`".into());
    };
    let layout = placements.first().and_then(|placement| placement.layout.as_ref());
    let (Some(layout), Some(model)) = (layout, program.models.get(work.model.value)) else {
        return Err("it has no layout".into());
    };
    if !service.pools.is_empty() {
        return Err("pools that do one phase each are not written to Kubernetes yet".into());
    }
    let container = &service.container;
    // What has an object already has a container, ports and probes there.
    let whole = !Item::Service(service).is_filled_in();
    let stated = container.ports.clone().filter(|ports| !ports.value.is_empty());
    // The first is the engine's; others are of what it does beside.
    let port = stated.as_ref().and_then(|ports| ports.value.first()).map_or(ENGINE_PORT, |port| port.number);
    let usual = || Spanned::new(vec![Port { name: "http".into(), number: ENGINE_PORT }], engine.span);
    let kept = service.requirements.iter().filter_map(|line| memory_limit(index, line));
    let asked = engines::Asked {
        model,
        layout,
        weights: work.weights.as_ref().map(|weights| weights.value),
        kv_cache: work
            .kv_cache
            .as_ref()
            .or(model.kv_cache.as_ref())
            .map_or(Cached::Bf16, |cache| cache.value),
        guesses: work
            .acceptance
            .as_ref()
            .and(model.prediction_modules.as_ref())
            .map_or(0, |modules| modules.value),
        port,
        device_memory: least_device_memory(program, placements),
        memory_free: kept.fold(0.0, f64::max),
        is_elastic: service.is_elastic(),
    };
    let Process { image, command, mut args } = engines::process(&engine.value, &asked)?;
    if let Some(own) = &container.args {
        if let Some(twice) = engines::decided_twice(&args, &own.value) {
            return Err(format!("its `args` set `{twice}`, which the plan decides: leave it out"));
        }
        args.extend(own.value.iter().cloned());
    }
    let known = image.filter(|_| resource == NVIDIA);
    let image = match (&work.image, known) {
        (Some(image), _) => Some(image.clone()),
        (None, _) if !whole => None,
        (None, Some(known)) => Some(Spanned::new(known.to_owned(), engine.span)),
        (None, None) => {
            return Err(format!(
                "no container of {} for {resource} is known here; name one: `image = \"…\"`",
                engine.value
            ));
        }
    };
    let health = || {
        // All three answer there once the weights are loaded.
        let action = ProbeAction::HttpGet { path: "/health".into(), port: PortRef::Number(port) };
        let (initial_delay, period, timeout) = (None, None, None);
        let (failure_threshold, success_threshold) = (None, None);
        let probe = Probe { action, initial_delay, period, timeout, failure_threshold, success_threshold };
        Spanned::new(probe, engine.span)
    };
    let degrees = layout.degrees();
    let devices = u32::try_from(degrees.devices()).unwrap_or(u32::MAX);
    let chosen = work.tensor.first().map_or(engine.span, |line| line.span);
    Ok(Contents {
        image,
        command: container.command.clone().or_else(|| whole.then(|| Spanned::new(command, engine.span))),
        args: Some(Spanned::new(args, chosen)),
        ports: stated.or_else(|| whole.then(usual)),
        readiness_probe: container.readiness_probe.clone().or_else(|| whole.then(health)),
        cpu: None,
        memory: None,
        devices: Some(Spanned::new(devices, chosen)),
        resource,
        layout: Some(format!(
            "planned as {degrees}, {}, batch {} on {}",
            layout.precision, layout.batch, layout.device
        )),
    })
}

/// A copy of a job; the devices of one class, as its forms are.
fn of_job(plan: &Plan, job: &Job, placements: &[&Placement], resource: String) -> Result<Contents, String> {
    if job.image.is_none() && job.template.is_none() {
        return Err(
            "it names no container: say which, `image = \"…\"`, or fill a Job in, `template = \"job.yaml\"`"
                .into(),
        );
    }
    let entry = plan.jobs.iter().find(|entry| entry.job == job.name);
    let layout = placements.first().and_then(|placement| placement.layout.as_ref());
    let (Some(entry), Some(layout)) = (entry, layout) else { return Err("it has no layout".into()) };
    if layout.nodes > 1 {
        return Err(format!(
            "a copy takes {} nodes, and only copies of one node are written yet: limit `tensor` and `pipeline` to what one \
             node has",
            layout.nodes
        ));
    }
    let devices = match &entry.training {
        // The layout counts the data groups of all copies.
        Some(training) => training.devices,
        None => layout.degrees().devices(),
    };
    let degrees = layout.degrees();
    let chosen = job.tensor.first().map_or(job.span, |line| line.span);
    let container = &job.container;
    Ok(Contents {
        image: job.image.clone(),
        command: container.command.clone(),
        args: container.args.clone(),
        ports: container.ports.clone(),
        readiness_probe: None,
        cpu: None,
        memory: None,
        devices: Some(Spanned::new(u32::try_from(devices).unwrap_or(u32::MAX), chosen)),
        resource,
        layout: Some(format!(
            "planned as {degrees}, {}, batch {} on {}",
            layout.precision, layout.batch, layout.device
        )),
    })
}

/// Where an engine listens where no line says.
const ENGINE_PORT: u16 = 8000;

//! Services: what they run, what bounds them, what they promise.

use super::building::Builder;
use super::hardware::precision;
use super::limits::{Left, Limit};
use super::targets::{ContainerRows, ProbeRows};
use super::things::ThingId;
use super::value::Value;
use crate::diagnostics::Diagnostic;
use crate::model::{
    Attention, Cached, CountBound, Demand, Draws, Fact, FeedForward, ImageWork, LlmWork, Model, Precision,
    Restriction, Service, Sharding, Stored, Work,
};
use crate::quantity::Quantity;
use crate::schema::Field;
use crate::schema::kinds::{ServiceRows, job, model};
use crate::span::{Span, Spanned};
use num_rational::BigRational;
use num_traits::One;

/// The largest degree that a line without an upper end leaves.
const LARGEST_DEGREE: i64 = 64;

/// The same of the copies of a job.
const MOST_COPIES: i64 = 1_024;

impl<'a> Builder<'_, 'a> {
    pub(super) fn service(&mut self, id: ThingId) {
        let ServiceRows {
            model,
            engine,
            image,
            cpu,
            memory,
            serves,
            devices,
            share,
            priority,
            demand,
            prompt,
            output,
            images,
            image_size,
            denoising_steps,
            guidance,
            tolerations,
            acceptance,
            stateful,
            replicas,
            tensor,
            batch,
            precision,
            weights,
            kv_cache,
            device,
            spread: _,
            ttft: _,
            tpot: _,
            latency: _,
            memory_free: _,
            time,
            concurrency,
            sequences,
            prefix_hit,
            residency,
            interference,
            elastic,
            start_up,
            team,
            template,
            adopt,
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
            pipeline,
            expert,
            expert_load,
            redundant_experts,
            data,
            context,
            nodes,
            cap,
            clock,
            throughput: _,
            availability: _,
            power: _,
            energy: _,
            carbon: _,
            bill: _,
            hour: _,
            source: _,
        } = ServiceRows::rows();
        let thing = self.resolver.thing(id);
        let name = thing.address.clone();
        let layer = thing.layers.first().map(|layer| layer.block);
        let span = layer.map_or_else(|| self.resolver.file_start(0), |block| block.head);
        let doc = self.doc(id);
        self.unique("service", &name, span);
        let mut lines = self.lines(id);
        self.implied(id, &lines);
        let limits = std::mem::take(&mut lines.limits);
        lines.requirements.extend(self.pins(id, &[cap, clock]));
        let work = self.work(id, span, [model, engine, image, cpu, memory, devices]);
        let work = match work {
            Some(Runs::Model(chosen)) => {
                // What a container alone states, a model server does not.
                self.not_of_models(id, &[cpu, memory, serves, time, concurrency, devices, share]);
                let (weights, kv_cache) = (self.stored(id, weights), self.cached(id, kv_cache));
                self.stores(id, &chosen, weights.as_ref(), kv_cache.as_ref());
                let (each, pixels) = (self.draws(id, images), self.draws(id, image_size));
                self.sees(id, &chosen, [(images, each.as_ref()), (image_size, pixels.as_ref())]);
                self.makes(id, &chosen, [denoising_steps, guidance]);
                let acceptance = self.ratio(id, acceptance);
                self.guesses(id, &chosen, acceptance.as_ref());
                let load = self.expert_load(id, expert_load, &chosen);
                let redundant = self.bounds(id, redundant_experts, &limits);
                if let Some(line) = redundant.first() {
                    self.has_experts(id, redundant_experts, &chosen, line.span);
                }
                Work::Llm(LlmWork {
                    model: chosen,
                    engine: self.name_of(id, engine),
                    image: self.name_of(id, image),
                    prompt: self.draws(id, prompt),
                    output: self.draws(id, output),
                    images: each.map(boxed),
                    image_size: pixels.map(boxed),
                    denoising_steps: self.count(id, denoising_steps),
                    guidance: self.boolean(id, guidance),
                    acceptance: acceptance.map(Box::new),
                    sequences: self.count(id, sequences).map_or(1, |stated| stated.value),
                    prefix_hit: self.ratio(id, prefix_hit).map(Box::new),
                    tensor: self.degrees(id, tensor, &limits),
                    pipeline: self.degrees(id, pipeline, &limits),
                    expert: self.degrees(id, expert, &limits),
                    expert_load: load.map(Box::new),
                    redundant_experts: redundant,
                    data: self.degrees(id, data, &limits),
                    context: self.degrees(id, context, &limits),
                    nodes: self.degrees(id, nodes, &limits),
                    batch: self.bounds(id, batch, &limits),
                    precision: self.precisions(id, precision, &limits),
                    weights,
                    kv_cache,
                    device: self.device_classes(id, device, &limits),
                })
            }
            Some(Runs::Image) => {
                self.not_of_images(id, &[tensor, pipeline, expert, data, context, nodes]);
                self.not_of_images(id, &[expert_load, redundant_experts]);
                self.not_of_images(id, &[denoising_steps, guidance, acceptance]);
                self.not_of_images(
                    id,
                    &[prompt, output, images, image_size, batch, precision, weights, kv_cache],
                );
                self.one_speed(id, serves, time, concurrency);
                let devices = self.whole(id, devices).and_then(|count| {
                    let value = u32::try_from(count.value).ok()?;
                    Some(Spanned::new(value, count.span))
                });
                let share = self.ratio(id, share);
                if let (Some(count), Some(_)) = (&devices, &share)
                    && count.value != 1
                {
                    let because =
                        "a share is of one device; shares of several for one replica are not placed yet";
                    self.not_yet(count.span, because);
                }
                Work::Image(ImageWork {
                    image: self.name_of(id, image),
                    cpu: self.quantity(id, cpu),
                    memory: self.quantity(id, memory),
                    serves: self.quantity(id, serves),
                    time: self.draws(id, time),
                    concurrency: self.count(id, concurrency),
                    devices,
                    share,
                    device: self.device_classes(id, device, &limits),
                })
            }
            // Reported; the program is not used, but the indices of services stay right.
            None => Work::Image(ImageWork {
                image: None,
                cpu: None,
                memory: None,
                serves: None,
                time: None,
                concurrency: None,
                devices: None,
                share: None,
                device: Vec::new(),
            }),
        };
        let stated = self.whole(id, priority);
        let stated_stateful = self.boolean(id, stateful);
        let is_stateful = stated_stateful.as_ref().is_some_and(|stateful| stateful.value);
        let service = Service {
            name,
            span,
            doc,
            work,
            priority: stated.unwrap_or_else(|| Spanned::new(0, span)),
            demand: self.demand(id, demand),
            replicas: self.bounds(id, replicas, &limits),
            requirements: lines.requirements,
            wishes: lines.wishes,
            stateful: stated_stateful,
            pools: Vec::new(),
            measured: self.stated(id, serves, |_, value| match value {
                Value::Measured(file) => Some(file),
                _ => None,
            }),
            residency: self.name_of(id, residency),
            tolerations: self.labels(id, tolerations),
            team: self.address_of(id, team),
            elastic: self.boolean(id, elastic),
            start_up: self.quantity(id, start_up),
            interference: self.quantity(id, interference),
            template: self.template(id, template, Some(adopt)),
            adopt: self.stated(id, adopt, |_, value| match value {
                Value::Live(object) => Some(object),
                _ => None,
            }),
            container: self.container(
                id,
                &ContainerRows {
                    command,
                    args,
                    ports,
                    env,
                    volumes,
                    probes: Some(ProbeRows {
                        readiness: readiness_probe,
                        liveness: liveness_probe,
                        startup: startup_probe,
                    }),
                    image_pull_policy,
                    image_pull_secrets,
                    service_account_name,
                    termination_grace_period,
                },
                is_stateful,
            ),
        };
        if let Some(measured) = &service.measured {
            self.not_yet(measured.span, "measured curves are not read yet");
        }
        self.program.services.push(service);
        self.unread(id, &[sequences, prefix_hit, interference]);
        self.placeholders(id);
    }

    /// Whether a service runs a model or a container.
    fn work(&mut self, id: ThingId, span: Span, rows: [&'static Field; 6]) -> Option<Runs> {
        let [model, engine, image, cpu, memory, devices] = rows;
        let line = |builder: &Self, field: &'static Field| {
            let assigned = builder.resolver.thing(id).assigned.get(field.name);
            assigned.map(|assigned| assigned.assign.span)
        };
        let name = self.resolver.thing(id).address.clone();
        match (line(self, model), line(self, engine), line(self, image)) {
            (Some(model), None, Some(image)) => {
                self.resolver.report(
                    Diagnostic::error(
                        "service::two-works",
                        format!("`{name}` runs a model and a container"),
                        image,
                        "a container",
                    )
                    .and(model, "a model")
                    .help(
                        "Make two services of it, or leave one line out; where the container is that of the model's engine, say which: `engine = vllm`.",
                    ),
                );
                None
            }
            (None, Some(engine), _) => {
                self.resolver.report(
                    Diagnostic::error(
                        "service::no-work",
                        format!("`{name}` has an engine and no model"),
                        engine,
                        "this runs models",
                    )
                    .help("Say which: `model = models.llama_3_1_8b_instruct`."),
                );
                None
            }
            (Some(_), _, _) => {
                let chosen = self.stated(id, model, |builder, value| match value {
                    Value::Thing(thing) => Some(builder.model(thing)),
                    _ => None,
                })?;
                Some(Runs::Model(chosen))
            }
            (None, None, Some(_)) => Some(Runs::Image),
            (None, None, None) => {
                let shaped = [cpu, memory, devices].iter().any(|field| line(self, field).is_some());
                if shaped {
                    return Some(Runs::Image);
                }
                self.resolver.report(
                    Diagnostic::error(
                        "service::no-work",
                        format!("`{name}` runs nothing"),
                        span,
                        "neither a model nor a container, and no size",
                    )
                    .help("Give it `model = …` and `engine = …`, or `image = …`, or at least `cpu` and `memory`."),
                );
                None
            }
        }
    }

    /// Facts of a container on a model server: nobody counts them yet.
    fn not_of_models(&mut self, id: ThingId, fields: &[&'static Field]) {
        for field in fields {
            if let Some(assigned) = self.resolver.thing(id).assigned.get(field.name) {
                let span = assigned.assign.span;
                let because = format!("`{}` of a model server is not counted yet", field.name);
                self.not_yet(span, &because);
            }
        }
    }

    /// Facts and choices of a model server on a container: nothing they could mean.
    fn not_of_images(&mut self, id: ThingId, fields: &[&'static Field]) {
        for field in fields {
            if let Some(assigned) = self.resolver.thing(id).assigned.get(field.name) {
                let span = assigned.assign.span;
                let name = self.resolver.thing(id).address.clone();
                self.resolver.report(
                    Diagnostic::error(
                        "service::not-a-model",
                        format!("`{}` is of services that run a model", field.name),
                        span,
                        format!("`{name}` runs none"),
                    )
                    .help("Leave the line out, or give the service a `model` and an `engine`."),
                );
            }
        }
    }

    /// What a service stores otherwise than its model has it is something that the model stores.
    fn stores(
        &mut self,
        id: ThingId,
        chosen: &Fact<usize>,
        weights: Option<&Fact<Stored>>,
        kv_cache: Option<&Fact<Cached>>,
    ) {
        let Some(model) = self.program.models.get(chosen.value) else { return };
        let has_experts = matches!(model.feed_forward, FeedForward::Experts(_));
        let module = model.module.is_some();
        let caches = !module && !matches!(model.attention, Attention::Bidirectional(_));
        let name = self.resolver.thing(id).address.clone();
        let mut wrong = |span, title: &str, label: String, help: &str| {
            let diagnostic = Diagnostic::error("service::not-stored", title, span, label);
            self.resolver.report(diagnostic.and(chosen.span, format!("`{name}` runs this")).help(help));
        };
        if let Some(weights) = weights {
            let said = format!("they are to be {}", weights.value.name());
            if module {
                wrong(
                    weights.span,
                    "the types of a module say what its weights are",
                    said,
                    "Leave the line out, or export the module with such weights.",
                );
            } else if weights.value == Stored::Mxfp4 && !has_experts {
                wrong(
                    weights.span,
                    "`mxfp4` is of matrices of experts, and the model has none",
                    said,
                    "Say `int4` for matrices of four bits, or leave the line out.",
                );
            }
        }
        if let Some(kv_cache) = kv_cache.filter(|_| !caches) {
            wrong(
                kv_cache.span,
                "the model caches no keys and values",
                format!("they are to be {}", kv_cache.value.name()),
                "Leave the line out: a request is one pass over all of its tokens.",
            );
        }
    }

    /// Tokens that are kept were guessed by something.
    fn guesses(&mut self, id: ThingId, chosen: &Fact<usize>, acceptance: Option<&Fact<BigRational>>) {
        let Some(acceptance) = acceptance else { return };
        let modules = |of: &Model| of.prediction_modules.as_ref().map(|modules| modules.value);
        match self.program.models.get(chosen.value).and_then(modules) {
            Some(0) => {}
            None if !self.is_unread(chosen.value, &model::prediction_modules) => {}
            _ => return,
        }
        let name = self.resolver.thing(id).address.clone();
        self.resolver.report(
            Diagnostic::error(
                "service::no-prediction",
                "`acceptance` is of models that guess further tokens",
                acceptance.span,
                format!("guesses of `{name}` are to be right so often"),
            )
            .and(chosen.span, "this model has no module that predicts any")
            .help(
                "Leave the line out, or say how many such modules the model has: `prediction_modules = 1`.",
            ),
        );
    }

    /// A container's speed is stated once: `serves`, or `time` with `concurrency`.
    fn one_speed(
        &mut self,
        id: ThingId,
        serves: &'static Field,
        time: &'static Field,
        concurrency: &'static Field,
    ) {
        let assigned = &self.resolver.thing(id).assigned;
        let line = |field: &Field| assigned.get(field.name).map(|assigned| assigned.assign.span);
        match (line(serves), line(time), line(concurrency)) {
            (Some(serves), Some(time), _) => {
                let name = self.resolver.thing(id).address.clone();
                self.resolver.report(
                    Diagnostic::error(
                        "service::two-speeds",
                        format!("`{name}` says twice how fast it is"),
                        serves,
                        "requests a second of one replica",
                    )
                    .and(time, "time of one request")
                    .help("Leave one line out: `time` and `concurrency` say more than `serves`."),
                );
            }
            (_, None, Some(concurrency)) => {
                self.not_yet(concurrency, "`concurrency` says something only beside `time`");
            }
            _ => {}
        }
    }

    pub(super) fn demand(&mut self, id: ThingId, field: &'static Field) -> Option<Spanned<Demand>> {
        self.stated(id, field, |_, value| {
            let (rates, spacing) = match value {
                Value::Arrivals(arrivals) => return Some(arrivals.demand.clone()),
                Value::Quantity(rate) => (vec![rate.value], BigRational::one()),
                Value::Profile(profile) => (profile.values.clone(), BigRational::one()),
                _ => return None,
            };
            Some(Demand { rates, spacing })
        })
    }

    pub(super) fn draws(&mut self, id: ThingId, field: &'static Field) -> Option<Spanned<Draws>> {
        self.stated(id, field, |_, value| match value {
            Value::Quantity(Quantity { value, .. }) => Some(Draws::Constant(value)),
            Value::Draws(draws, _) => Some((*draws).clone()),
            _ => None,
        })
    }

    /// A plain number: a share, a ratio.
    pub(super) fn ratio(&mut self, id: ThingId, field: &'static Field) -> Option<Spanned<BigRational>> {
        self.quantity(id, field).map(|ratio| Spanned::new(ratio.value.value, ratio.span))
    }

    /// The pin of a choice, if a line pins it.
    fn pin(&mut self, id: ThingId, field: &'static Field) -> Option<(Value, Span)> {
        self.stated(id, field, |_, value| Some(value)).map(|pin| (pin.value, pin.span))
    }

    /// Every line that bounds a count.
    pub(super) fn bounds(&mut self, id: ThingId, field: &'static Field, limits: &[Limit]) -> Vec<CountBound> {
        let mut bounds = Vec::new();
        if let Some((Value::Quantity(value), span)) = self.pin(id, field) {
            let value = value.as_integer().and_then(|value| u64::try_from(value).ok());
            bounds.push(CountBound { low: value, high: value, span, pinned: true });
        }
        for limit in limits.iter().filter(|limit| limit.field.name == field.name) {
            match &limit.left {
                Left::Between(low, high) => bounds.push(count_bound(*low, *high, limit.span)),
                Left::Values(values) => {
                    let mut numbers: Vec<_> = values.iter().filter_map(whole).collect();
                    numbers.sort_unstable();
                    numbers.dedup();
                    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
                        continue;
                    };
                    bounds.push(count_bound(Some(*first), Some(*last), limit.span));
                    let gaps = usize::try_from(last.saturating_sub(*first))
                        .is_ok_and(|width| width + 1 != numbers.len());
                    if gaps {
                        self.not_yet(limit.span, "a list with gaps is planned as its range");
                    }
                }
            }
        }
        bounds
    }

    /// Every line that limits a degree, as the degrees it leaves.
    pub(super) fn degrees(
        &mut self,
        id: ThingId,
        field: &'static Field,
        limits: &[Limit],
    ) -> Vec<Restriction<u64>> {
        let copies = std::ptr::eq(field, &job::data);
        let largest = if copies { MOST_COPIES } else { LARGEST_DEGREE };
        let mut restrictions = Vec::new();
        if let Some((value, span)) = self.pin(id, field) {
            let allowed = whole(&value).and_then(|value| u64::try_from(value).ok());
            restrictions.push(Restriction { allowed: allowed.into_iter().collect(), span, pinned: true });
        }
        for limit in limits.iter().filter(|limit| limit.field.name == field.name) {
            let mut allowed: Vec<u64> = match &limit.left {
                Left::Values(values) => {
                    values.iter().filter_map(whole).filter_map(|value| u64::try_from(value).ok()).collect()
                }
                Left::Between(low, high) => {
                    let low = low.unwrap_or(1).max(1);
                    let high = high.unwrap_or(largest.max(low)).min(largest);
                    (low..=high).filter_map(|value| u64::try_from(value).ok()).collect()
                }
            };
            allowed.sort_unstable();
            allowed.dedup();
            restrictions.push(Restriction { allowed, span: limit.span, pinned: false });
        }
        restrictions
    }

    pub(super) fn precisions(
        &mut self,
        id: ThingId,
        field: &'static Field,
        limits: &[Limit],
    ) -> Vec<Restriction<Precision>> {
        let pinned = self.pin(id, field);
        restrictions(field, pinned, limits, |value| match value {
            Value::Symbol(name) => precision(name),
            _ => None,
        })
    }

    pub(super) fn shardings(
        &mut self,
        id: ThingId,
        field: &'static Field,
        limits: &[Limit],
    ) -> Vec<Restriction<Sharding>> {
        let pinned = self.pin(id, field);
        restrictions(field, pinned, limits, |value| match value {
            Value::Symbol(name) => Sharding::ALL.into_iter().find(|sharding| sharding.name() == name),
            _ => None,
        })
    }

    pub(super) fn device_classes(
        &mut self,
        id: ThingId,
        field: &'static Field,
        limits: &[Limit],
    ) -> Vec<Restriction<usize>> {
        let pinned = self.pin(id, field);
        restrictions(field, pinned, limits, |value| match value {
            Value::Thing(thing) => Some(self.device(*thing)),
            _ => None,
        })
    }
}

/// What a service runs.
enum Runs {
    Model(Spanned<usize>),
    Image,
}

/// The whole number that a value is.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Quantity(quantity) => quantity.as_integer(),
        _ => None,
    }
}

/// Bounds of a count; those that no count meets stay unmeetable.
fn count_bound(low: Option<i64>, high: Option<i64>, span: Span) -> CountBound {
    if high.is_some_and(i64::is_negative) {
        return CountBound { low: Some(1), high: Some(0), span, pinned: false };
    }
    CountBound {
        low: low.map(|low| u64::try_from(low).unwrap_or(0)),
        high: high.map(|high| u64::try_from(high).unwrap_or(0)),
        span,
        pinned: false,
    }
}

fn restrictions<T: Ord>(
    field: &Field,
    pinned: Option<(Value, Span)>,
    limits: &[Limit],
    mut convert: impl FnMut(&Value) -> Option<T>,
) -> Vec<Restriction<T>> {
    let mut restrictions = Vec::new();
    if let Some((value, span)) = pinned {
        restrictions.push(Restriction { allowed: convert(&value).into_iter().collect(), span, pinned: true });
    }
    for limit in limits.iter().filter(|limit| limit.field.name == field.name) {
        let Left::Values(values) = &limit.left else {
            continue;
        };
        let mut allowed: Vec<T> = values.iter().filter_map(&mut convert).collect();
        allowed.sort_unstable();
        allowed.dedup();
        restrictions.push(Restriction { allowed, span: limit.span, pinned: false });
    }
    restrictions
}

/// The same, where a service has room for few.
fn boxed(draws: Fact<Draws>) -> Fact<Box<Draws>> {
    Spanned::new(Box::new(draws.value), draws.span)
}

//! Jobs: what there is to do, on which data, and how it saves.

use super::building::Builder;
use super::functions::Arguments;
use super::targets::ContainerRows;
use super::things::ThingId;
use super::value::Value;
use super::{Outcome, Reported, Resolver, listed};
use crate::diagnostics::Diagnostic;
use crate::model::{Attention, Checkpoint, Dataset, Fact, Job, LlmWork, Trains};
use crate::quantity::{Dimension, Quantity, is_positive};
use crate::schema::kinds::JobRows;
use crate::schema::{Field, Kind};
use crate::span::{Span, Spanned};

impl<'a> Resolver<'a> {
    /// `dataset("s3://…", size = 1.2TB, at = dal)`
    pub(super) fn dataset(&mut self, values: &Arguments) -> Outcome<Value> {
        let name = match values.first() {
            Some(Some((Value::Text(name), _))) => name.clone(),
            Some(Some((other, span))) => {
                let label = format!("this is {}", other.noun());
                return Err(self.type_error(
                    "a dataset is named by a text",
                    *span,
                    label,
                    "Write its name in quotes: `dataset(\"corpus\", size = 1.2TB, at = store)`.",
                ));
            }
            _ => return Err(Reported),
        };
        let size = self.size_argument(values, 1)?;
        let at = self.place_argument(values, 2)?;
        Ok(Value::Dataset(Dataset { name, size, at }))
    }

    /// `every(30min, size = 420GB, to = dal)`
    pub(super) fn checkpoint(&mut self, values: &Arguments) -> Outcome<Value> {
        let (every, span) = self.quantity_argument(values, 0, Some(&Dimension::TIME))?;
        if !is_positive(&every.value) {
            return Err(self.report(
                Diagnostic::error(
                    "value::out-of-range",
                    "a period is above zero",
                    span,
                    format!("this is {every}"),
                )
                .help("Write the time between two: `every(30min)`."),
            ));
        }
        let size = self.size_argument(values, 1)?;
        let to = self.place_argument(values, 2)?;
        Ok(Value::Checkpoint(Checkpoint { every, size, to }))
    }

    fn size_argument(&mut self, values: &Arguments, at: usize) -> Outcome<Option<Quantity>> {
        match values.get(at) {
            Some(Some(_)) => Ok(Some(self.quantity_argument(values, at, Some(&Dimension::DATA))?.0)),
            _ => Ok(None),
        }
    }

    /// The address of the place or node that an argument names.
    fn place_argument(&mut self, values: &Arguments, at: usize) -> Outcome<Option<String>> {
        let Some(Some((value, span))) = values.get(at) else {
            return Ok(None);
        };
        if let Value::Thing(thing) = value {
            let known = self.thing(*thing);
            if known.kind.is_place() || known.kind.name == "node" {
                return Ok(Some(known.address.clone()));
            }
        }
        let label = match value {
            Value::Thing(thing) => {
                let known = self.thing(*thing);
                format!("`{}` is a {}", known.address, known.kind.name)
            }
            other => format!("this is {}", other.noun()),
        };
        let kinds = crate::schema::KINDS.iter().copied();
        let places =
            kinds.filter(|kind: &&Kind| kind.is_place() || kind.name == "node").map(|kind| kind.name);
        let help = format!("Name one {}.", listed(places));
        Err(self.report(Diagnostic::error("value::type", "data is kept at a place", *span, label).help(help)))
    }
}

impl<'a> Builder<'_, 'a> {
    /// What a job with `steps` trains, and how.
    fn trains(
        &mut self,
        id: ThingId,
        [model, steps, optimizer, recompute]: [&'static Field; 4],
    ) -> Option<Trains> {
        self.count(id, steps)?;
        let thing = self.stated(id, model, |_, value| match value {
            Value::Thing(thing) => Some(thing),
            _ => None,
        })?;
        let network = self.model(thing.value);
        if let Some(model) = self.program.models.get(network) {
            let because = if model.module.is_some() {
                "what the gradients of an exported module cost is not derived"
            } else if model.diffusion.is_some() {
                "what the gradients of a diffusion transformer cost is not derived"
            } else {
                ""
            };
            if !because.is_empty() {
                self.not_yet(thing.span, because);
                return None;
            }
        }
        let mut named = |field: &'static Field, default: &str| {
            let stated = self.stated(id, field, |_, value| match value {
                Value::Symbol(name) => Some(name),
                _ => None,
            });
            stated.map_or_else(|| default.to_owned(), |stated| stated.value)
        };
        let (optimizer, recompute) = (named(optimizer, "adamw"), named(recompute, "none"));
        Some(Trains { model: network, optimizer, recompute })
    }

    /// The line of the thing's own or a base's that states a field.
    fn line_of(&self, id: ThingId, field: &Field) -> Option<Span> {
        self.resolver.thing(id).assigned.get(field.name).map(|assigned| assigned.assign.span)
    }

    /// The model that a job with `work` runs, where the work is requests or tokens of a model that reads tokens.
    fn runs(&mut self, id: ThingId, model: &'static Field, amount: &Fact<Quantity>) -> Option<Fact<usize>> {
        let thing = self.stated(id, model, |_, value| match value {
            Value::Thing(thing) => Some(thing),
            _ => None,
        })?;
        let network = self.model(thing.value);
        let of_tokens = self
            .program
            .models
            .get(network)
            .is_some_and(|model| model.module.is_none() && model.diffusion.is_none());
        let counted = [&Dimension::TOKEN, &Dimension::REQUEST];
        (of_tokens && counted.iter().any(|known| amount.value.dimension.matches(known)))
            .then(|| Spanned::new(network, thing.span))
    }

    pub(super) fn job(&mut self, id: ThingId) {
        let JobRows {
            model,
            work,
            prompt,
            output,
            steps,
            batch,
            sequence,
            optimizer,
            recompute,
            input,
            preemptible,
            checkpoint,
            priority,
            team,
            residency,
            tensor,
            pipeline,
            expert,
            data,
            precision,
            sharding,
            device,
            market,
            local_steps,
            cap,
            clock,
            hour: _,
            spread: _,
            image,
            tolerations,
            template,
            command,
            args,
            ports,
            env,
            volumes,
            image_pull_policy,
            image_pull_secrets,
            service_account_name,
            termination_grace_period,
            backoff_limit,
            restart_policy,
            finish: _,
            preemptions: _,
            power: _,
            energy: _,
            bill: _,
            source: _,
        } = JobRows::rows();
        let (name, span) = (self.resolver.thing(id).address.clone(), self.head_or_start(id));
        self.unique("job", &name, span);
        let mut lines = self.lines(id);
        self.implied(id, &lines);
        let limits = std::mem::take(&mut lines.limits);
        lines.requirements.extend(self.pins(id, &[market, local_steps, cap, clock]));
        let ranked = self.whole(id, priority);
        let trains = self.trains(id, [model, steps, optimizer, recompute]);
        let amount = self.quantity(id, work);
        let [tensor, pipeline, expert, data] =
            [tensor, pipeline, expert, data].map(|axis| self.degrees(id, axis, &limits));
        let precision = self.precisions(id, precision, &limits);
        let device = self.device_classes(id, device, &limits);
        let network = match (&amount, self.line_of(id, steps)) {
            (Some(amount), None) => self.runs(id, model, amount),
            _ => None,
        };
        let [reads, writes] = [prompt, output].map(|field| self.draws(id, field));
        let run = network.as_ref().and_then(|network| self.program.models.get(network.value));
        let writes_none = run.is_some_and(|model| matches!(model.attention, Attention::Bidirectional(_)));
        let unsaid = network.is_some() && (reads.is_none() || writes.is_none() && !writes_none);
        let runs = network.filter(|_| !unsaid).map(|model| {
            Box::new(LlmWork {
                model,
                engine: None,
                image: None,
                prompt: reads,
                output: writes,
                images: None,
                image_size: None,
                denoising_steps: None,
                guidance: None,
                acceptance: None,
                sequences: 1,
                prefix_hit: None,
                tensor: tensor.clone(),
                pipeline: pipeline.clone(),
                expert: expert.clone(),
                expert_load: None,
                redundant_experts: Vec::new(),
                data: data.clone(),
                context: Vec::new(),
                nodes: Vec::new(),
                batch: Vec::new(),
                precision: precision.clone(),
                weights: None,
                kv_cache: None,
                device: device.clone(),
            })
        });
        let job = Job {
            doc: self.doc(id),
            priority: ranked.unwrap_or_else(|| Spanned::new(0, span)),
            model: self.address_of(id, model),
            trains,
            work: amount,
            runs,
            steps: self.count(id, steps),
            batch: self.quantity(id, batch),
            sequence: self.quantity(id, sequence),
            input: self.stated(id, input, |_, value| match value {
                Value::Dataset(dataset) => Some(dataset),
                _ => None,
            }),
            preemptible: self.boolean(id, preemptible).is_some_and(|stated| stated.value),
            checkpoint: self.stated(id, checkpoint, |_, value| match value {
                Value::Checkpoint(checkpoint) => Some(checkpoint),
                _ => None,
            }),
            team: self.address_of(id, team),
            residency: self.name_of(id, residency),
            tensor,
            pipeline,
            expert,
            data,
            precision,
            sharding: self.shardings(id, sharding, &limits),
            device,
            image: self.name_of(id, image),
            container: self.container(
                id,
                &ContainerRows {
                    command,
                    args,
                    ports,
                    env,
                    volumes,
                    probes: None,
                    image_pull_policy,
                    image_pull_secrets,
                    service_account_name,
                    termination_grace_period,
                },
                false,
            ),
            tolerations: self.labels(id, tolerations),
            backoff_limit: self.count(id, backoff_limit),
            restart_policy: self.name_of(id, restart_policy),
            template: self.template(id, template, None),
            requirements: lines.requirements,
            wishes: lines.wishes,
            name,
            span,
        };
        if !job.is_planned() {
            let because = if job.is_training() {
                "without `batch` nobody knows how much a step is: what this takes is not counted"
            } else if unsaid {
                "without `prompt` and `output` nobody knows how long its work takes: what this takes is not counted"
            } else {
                "of jobs only `steps` that train a `model`, and `work` of one in tokens or requests, are planned yet: what this takes is not counted"
            };
            self.not_yet(span, because);
        }
        let (others, because) = if job.runs.is_some() {
            let learns = vec![batch, sequence, optimizer, recompute, sharding];
            (learns, "this is of jobs with `steps`, which learn")
        } else if unsaid {
            (Vec::new(), "")
        } else {
            (vec![prompt, output], "this is of jobs with `work` of a model")
        };
        let beside = self.line_of(id, work).filter(|_| job.is_training());
        for span in
            others.iter().filter_map(|field| self.line_of(id, field)).chain(beside).collect::<Vec<_>>()
        {
            self.not_yet(span, because);
        }
        self.program.jobs.push(job);
        self.unread(id, &[input, preemptible, checkpoint]);
        self.placeholders(id);
    }
}

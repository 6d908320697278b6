//! Jobs as text.

use super::conditions::{requirement_text, wish_text};
use super::targets::describe_container;
use super::{Text, describe_classes, draws_text, places, precision_name, restricted};
use crate::model::{Checkpoint, Dataset, Job, Program, Trains};
use crate::quantity::{Dimension, Quantity};

pub(super) fn describe_job(text: &mut Text, job: &Job, program: &Program) {
    let Job {
        name,
        span: _,
        doc,
        priority,
        model,
        trains,
        work,
        runs,
        steps,
        batch,
        sequence,
        input,
        preemptible,
        checkpoint,
        team,
        residency,
        tensor,
        pipeline,
        expert,
        data,
        precision,
        sharding,
        device,
        image,
        container,
        tolerations,
        backoff_limit,
        restart_policy,
        template,
        requirements,
        wishes,
    } = job;
    text.paragraph(&format!("job {name}"));
    text.doc(doc.as_deref());
    text.line(&format!("priority = {}", priority.value));
    text.fact("model", model.as_ref());
    text.fact("work", work.as_ref());
    if let Some(runs) = runs {
        for (name, draws) in [("prompt", &runs.prompt), ("output", &runs.output)] {
            if let Some(draws) = draws {
                text.line(&format!("{name} = {}", draws_text(&draws.value, &Dimension::TOKEN)));
            }
        }
    }
    text.fact("steps", steps.as_ref());
    text.fact("batch", batch.as_ref());
    text.fact("sequence", sequence.as_ref());
    if let Some(Trains { model: _, optimizer, recompute }) = trains {
        text.line(&format!("optimizer = {optimizer}"));
        text.line(&format!("recompute = {recompute}"));
    }
    if let Some(input) = input {
        let Dataset { name, size, at } = &input.value;
        let call = format!("dataset({name:?}{})", arguments(size.as_ref(), ("at", at.as_deref())));
        text.line(&format!("input = {call}"));
    }
    if *preemptible {
        text.line("preemptible = true");
    }
    if let Some(checkpoint) = checkpoint {
        let Checkpoint { every, size, to } = &checkpoint.value;
        let call = format!("every({every}{})", arguments(size.as_ref(), ("to", to.as_deref())));
        text.line(&format!("checkpoint = {call}"));
    }
    text.fact("team", team.as_ref());
    text.fact("residency", residency.as_ref());
    for (name, restrictions) in
        [("tensor", tensor), ("pipeline", pipeline), ("expert", expert), ("data", data)]
    {
        for restriction in restrictions {
            text.line(&restricted(name, restriction, u64::to_string));
        }
    }
    for restriction in precision {
        text.line(&restricted("precision", restriction, |value| precision_name(*value).to_owned()));
    }
    for restriction in sharding {
        text.line(&restricted("sharding", restriction, |value| value.name().to_owned()));
    }
    describe_classes(text, device, &program.devices);
    places::describe_labels(text, "tolerations", tolerations.as_ref());
    if let Some(template) = template {
        text.line(&format!("template = {:?}", template.value));
    }
    if let Some(image) = image {
        text.line(&format!("image = {:?}", image.value));
    }
    describe_container(text, container);
    text.fact("backoff_limit", backoff_limit.as_ref());
    text.fact("restart_policy", restart_policy.as_ref());
    for requirement in requirements {
        text.line(&requirement_text(requirement, program, false));
    }
    for wish in wishes {
        text.line(&wish_text(wish, program));
    }
}

/// `, size = 420GB, to = dal`
fn arguments(size: Option<&Quantity>, (name, place): (&str, Option<&str>)) -> String {
    let mut written = String::new();
    if let Some(size) = size {
        written.push_str(&format!(", size = {size}"));
    }
    if let Some(place) = place {
        written.push_str(&format!(", {name} = {place}"));
    }
    written
}

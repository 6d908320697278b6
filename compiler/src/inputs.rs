//! Facts that planning cannot do without, asked for before anything is computed from them.

use berth_language::diagnostics::Diagnostic;
use berth_language::model::{
    Attention, Extent, Fact, LlmWork, Market, Node, Program, Restriction, Service, Work,
};
use berth_language::quantity::Quantity;
use berth_language::span::Span;
use num_rational::BigRational;

/// What is missing, each at the head of the thing that should state it.
pub fn missing_inputs(program: &Program) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    let divides = program.services.iter().any(|service| matches!(service.work, Work::Llm(_)))
        || program.jobs.iter().any(|job| job.is_planned());
    for node in &program.nodes {
        let Node { name, span, cpu, memory, price, market, devices, fabric, .. } = node;
        let several = devices.as_ref().is_some_and(|devices| devices.value.1 > 1);
        if several && fabric.is_none() && divides {
            missing.push(
                Diagnostic::warning(
                    "model::missing-input",
                    format!("`{name}` does not say what joins its devices"),
                    *span,
                    "no model is split over several of them",
                )
                .help("State it: `fabric = nvlink(900GB/s)`, `fabric = pcie(64GB/s)`."),
            );
        }
        if price.is_none() && *market != Market::Owned {
            missing.push(
                Diagnostic::error(
                    "model::missing-input",
                    format!("`{name}` is paid for, and does not say how much"),
                    *span,
                    "`price` has no value",
                )
                .help("State it: `price = $2.10/h`. Only what is `owned` may do without."),
            );
        }
        missing.extend([cpu, memory].into_iter().flatten().filter_map(too_large));
    }
    for service in &program.services {
        missing.extend(elastic(service));
        match &service.work {
            Work::Llm(work) => missing.extend(llm(program, service, work)),
            Work::Image(work) => {
                missing.extend([&work.cpu, &work.memory].into_iter().flatten().filter_map(too_large));
                if work.cpu.is_none()
                    && work.memory.is_none()
                    && work.devices.is_none()
                    && work.share.is_none()
                {
                    missing.push(
                        Diagnostic::error(
                            "model::missing-input",
                            format!("`{}` does not say what a replica needs", service.name),
                            service.span,
                            "no `cpu`, no `memory`, no `devices`",
                        )
                        .help("State what one replica takes: `cpu = 1 core`, `memory = 2GiB`."),
                    );
                }
            }
        }
    }
    for job in program.jobs.iter().filter(|job| job.is_planned()) {
        missing.extend(devices(program, &job.name, job.span, &job.device));
    }
    missing
}

/// What a service whose replicas follow the demand does not say of it, or of how they follow.
fn elastic(service: &Service) -> Option<Diagnostic> {
    let elastic = service.elastic.as_ref().filter(|elastic| elastic.value)?;
    let has_speed = match &service.work {
        Work::Image(work) => work.serves.is_some() || work.time.is_some(),
        Work::Llm(_) => true,
    };
    let absent: Vec<(&str, &str)> = [
        (
            "demand",
            "demand = diurnal(peak = 380 req/s, trough = 40 req/s, peak_at = 20h)",
            service.demand.is_none(),
        ),
        ("serves", "serves = 60 req/s", !has_speed),
        ("start_up", "start_up = 90s", service.start_up.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, example, absent)| absent.then_some((name, example)))
    .collect();
    let (names, examples): (Vec<&str>, Vec<&str>) = absent.into_iter().unzip();
    (!names.is_empty()).then(|| {
        Diagnostic::error(
            "model::missing-input",
            format!("`{}` does not say how its replicas follow the demand", service.name),
            service.span,
            format!("`{}` {} no value", names.join("`, `"), if names.len() == 1 { "has" } else { "have" }),
        )
        .and(elastic.span, "they do")
        .help(format!(
            "State what is asked, what one replica serves, and when a new one does:\n{}",
            examples.join("\n")
        ))
    })
}

/// Amounts are counted in 64 bits, a core in a million parts.
fn too_large(amount: &Fact<Quantity>) -> Option<Diagnostic> {
    let most = BigRational::from_integer((1_u64 << 43).into());
    let bytes = amount.value.dimension.data != 0;
    let most = if bytes { most * BigRational::from_integer((1_u64 << 20).into()) } else { most };
    (amount.value.value > most).then(|| {
        Diagnostic::error(
            "value::out-of-range",
            "no machine holds this much",
            amount.span,
            format!("this is {}", amount.value),
        )
        .help("Mend the number or its unit.")
    })
}

/// What a service that makes images does not say of them.
fn making(service: &Service, work: &LlmWork, diffusion: Span) -> Option<Diagnostic> {
    let absent: Vec<(&str, &str)> = [
        ("images", "images = 1 image", work.images.is_none()),
        ("image_size", "image_size = 1_024 * 1_024", work.image_size.is_none()),
        ("denoising_steps", "denoising_steps = 28", work.denoising_steps.is_none()),
        ("guidance", "guidance = true", work.guidance.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, example, absent)| absent.then_some((name, example)))
    .collect();
    if absent.is_empty() {
        return None;
    }
    let names: Vec<String> = absent.iter().map(|(name, _)| format!("`{name}`")).collect();
    let examples: Vec<&str> = absent.iter().map(|(_, example)| *example).collect();
    Some(
        Diagnostic::error(
            "model::missing-input",
            format!("`{}` does not say what images it makes, or in how many passes", service.name),
            service.span,
            format!("{} missing here", names.join(", ")),
        )
        .and(diffusion, "its model takes noise out of images step by step")
        .help(examples.join("\n")),
    )
}

fn llm(program: &Program, service: &Service, work: &LlmWork) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    // What answers with a pass has no output, and a module whose extents name no tokens no prompt.
    let model = program.models.get(work.model.value);
    let module = model.and_then(|model| model.module.as_ref());
    let diffusion = model.and_then(|model| model.diffusion.as_ref());
    let encoder = model.is_some_and(|model| matches!(model.attention, Attention::Bidirectional(_)));
    let by_tokens = module
        .is_none_or(|module| module.value.dimensions.iter().any(|(_, extent)| *extent == Extent::Tokens));
    let needed = [
        ("prompt", by_tokens && work.prompt.is_none() && diffusion.is_none_or(|of| of.value.text.is_some())),
        ("output", module.is_none() && !encoder && diffusion.is_none() && work.output.is_none()),
    ];
    let absent: Vec<&str> = needed.into_iter().filter_map(|(name, absent)| absent.then_some(name)).collect();
    if !absent.is_empty() {
        missing.push(how_long(&service.name, service.span, &absent));
    }
    if let Some(diffusion) = diffusion {
        missing.extend(making(service, work, diffusion.span));
    }
    let lacking = match (&work.images, &work.image_size) {
        _ if diffusion.is_some() => None,
        (Some(images), None) => Some((
            images.span,
            "image_size",
            "how large the images of its requests are",
            "image_size = 1_024 * 768",
        )),
        (None, Some(size)) => {
            Some((size.span, "images", "how many images its requests have", "images = 2 images"))
        }
        _ => None,
    };
    if let Some((at, field, unsaid, example)) = lacking {
        missing.push(
            Diagnostic::error(
                "model::missing-input",
                format!("`{}` does not say {unsaid}", service.name),
                service.span,
                format!("`{field}` has no value"),
            )
            .and(at, "they have images")
            .help(format!("State it, as a figure or a distribution: `{example}`.")),
        );
    }
    missing.extend(devices(program, &service.name, service.span, &work.device));
    missing
}

/// What is absent of how long requests are.
fn how_long(name: &str, span: Span, absent: &[&str]) -> Diagnostic {
    Diagnostic::error(
        "model::missing-input",
        format!("`{name}` does not say how long its requests are"),
        span,
        format!("`{}` has no value", absent.join("` and `")),
    )
    .help("State tokens a request: `prompt = lognormal(p50 = 900 tok, p99 = 6_000 tok)`, `output = 200 tok`.")
}

/// What devices do not say that something may run on which the lines allow.
fn devices(program: &Program, name: &str, span: Span, lines: &[Restriction<usize>]) -> Vec<Diagnostic> {
    let mut missing = Vec::new();
    // Classes that no node holds are never asked for anything.
    for (index, device) in program.devices.iter().enumerate() {
        let held = program
            .nodes
            .iter()
            .any(|node| node.devices.as_ref().is_some_and(|devices| devices.value.0 == index));
        let may_run = lines.iter().all(|line| line.allowed.contains(&index));
        let absent: Vec<&str> = [
            ("memory", device.memory.is_none()),
            ("bandwidth", device.bandwidth.is_none()),
            ("compute", device.compute.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, absent)| absent.then_some(name))
        .collect();
        if held && may_run && !absent.is_empty() {
            missing.push(
                Diagnostic::error(
                    "model::missing-input",
                    format!("`{}` cannot be predicted on `{}`", name, device.name),
                    device.span,
                    format!("`{}` has no value", absent.join("`, `")),
                )
                .and(span, "this may run on it")
                .help("State it with its source, or keep it off with `device in [...]`."),
            );
        }
    }
    missing
}

//! The model as text: what `berth lower --to model` prints.
//!
//! One thing a paragraph, one fact a line, everything that a later stage reads, in the units that people
//! use. The same program gives the same text.

mod conditions;
mod flows;
mod jobs;
mod models;
mod places;
mod pools;
mod targets;

use crate::addresses::compress;
use crate::model::{
    Change, Check, CountBound, Demand, Device, Draws, Fabric, Filling, ImageWork, LiveObject, LlmWork,
    LoadStep, Market, Moved, Node, NotYet, Objective, Placeholder, Plan, Policy, Precision, Profile, Program,
    Restriction, Scenario, Series, Service, Statistic, Test, Work, World,
};
use crate::quantity::{Dimension, Quantity};
use crate::quantity_text::{column_unit, number, percent};
use crate::span::Spanned;
use conditions::{objective_text, requirement_text, wish_text};
use flows::{describe_asked, describe_flow};
use jobs::describe_job;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive};
use pools::describe_pool;
use std::collections::BTreeMap;
use std::fmt::Write;
use targets::{describe_container, describe_target};

/// The program as text.
pub fn describe(program: &Program) -> String {
    let Program {
        params,
        devices,
        places,
        links,
        nodes,
        drained: _,
        fillings,
        models,
        services,
        flows,
        jobs,
        scenarios,
        policies,
        teams,
        maintenances,
        requirements,
        wishes,
        plan,
        tests,
        checks,
        not_yet,
        placeholders,
    } = program;
    let mut text = Text::default();
    for param in params {
        text.paragraph(&format!("param {} = {}", param.name, param.value));
    }
    for device in devices {
        describe_device(&mut text, device);
    }
    text.alike(
        places,
        |place| (place.level.name(), &place.name),
        |text, place| places::describe_place(text, place, places),
    );
    for link in links {
        places::describe_link(&mut text, link, places);
    }
    text.alike(nodes, |node| ("node", &node.name), |text, node| describe_node(text, node, program));
    for Filling { nodes: block, filled } in fillings {
        let names: Vec<_> =
            block.iter().filter_map(|node| nodes.get(*node)).map(|node| &*node.name).collect();
        text.paragraph(&format!("block {}", names.join(", ")));
        for bound in filled {
            text.line(&count_bound("filled", bound));
        }
    }
    for model in models {
        models::describe_model(&mut text, model);
    }
    for service in services {
        describe_service(&mut text, service, program);
    }
    for team in teams {
        places::describe_team(&mut text, team);
    }
    for maintenance in maintenances {
        places::describe_maintenance(&mut text, maintenance, program);
    }
    describe_plan(&mut text, plan, program);
    for flow in flows {
        describe_flow(&mut text, flow, program);
    }
    for job in jobs {
        describe_job(&mut text, job, program);
    }
    for scenario in scenarios {
        describe_scenario(&mut text, scenario);
    }
    for Policy { name, span: _, implied } in policies {
        if implied.as_ref().is_some_and(|implied| implied.value) {
            text.paragraph(&format!("policy {name}"));
            text.fact("implied", implied.as_ref());
        }
    }
    describe_load_steps(&mut text, program);
    for requirement in requirements {
        text.paragraph(&requirement_text(requirement, program, true));
    }
    for wish in wishes {
        text.paragraph(&wish_text(wish, program));
    }
    for test in tests {
        describe_test(&mut text, test);
    }
    if !checks.is_empty() {
        text.paragraph("checks");
        for Check { text: line, span: _, expression: _ } in checks {
            text.line(line);
        }
    }
    if !not_yet.is_empty() {
        text.paragraph("not yet");
        for NotYet { text: line, span: _, because } in not_yet {
            text.line(&format!("{line}: {because}"));
        }
    }
    if !placeholders.is_empty() {
        text.paragraph("placeholders");
        for Placeholder { thing, text: source, span: _ } in placeholders {
            text.line(&format!("{thing}: {source}"));
        }
    }
    text.whole
}

/// Paragraphs of lines.
#[derive(Default)]
struct Text {
    whole: String,
    /// The head of the paragraph in hand.
    head: String,
    /// Whose course of values was written out, by its name and its values.
    courses: BTreeMap<(String, Vec<BigRational>), String>,
}

impl Text {
    /// A paragraph for each run of `things` of which the same is to say; `named` gives kind and address of one.
    fn alike<'t, T>(
        &mut self,
        things: &'t [T],
        named: impl Fn(&'t T) -> (&'static str, &'t str),
        describe: impl Fn(&mut Self, &'t T),
    ) {
        let mut runs: Vec<(&str, Vec<&str>, String)> = Vec::new();
        for thing in things {
            let (kind, name) = named(thing);
            let courses = std::mem::take(&mut self.courses);
            let mut own = Self { head: format!("{kind} {name}"), courses, ..Self::default() };
            describe(&mut own, thing);
            self.courses = own.courses;
            match runs.last_mut() {
                Some((last, names, said)) if *last == kind && *said == own.whole => names.push(name),
                _ => runs.push((kind, vec![name], own.whole)),
            }
        }
        for (kind, names, said) in runs {
            self.paragraph(&format!("{kind} {}", compress(names).join(", ")));
            self.whole.push_str(&said);
        }
    }

    fn paragraph(&mut self, head: &str) {
        if !self.whole.is_empty() {
            self.whole.push('\n');
        }
        self.whole.push_str(head);
        self.whole.push('\n');
        head.clone_into(&mut self.head);
    }

    fn line(&mut self, line: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.whole, "    {line}");
    }

    fn share(&mut self, name: &str, share: Option<&BigRational>) {
        if let Some(share) = share {
            self.line(&format!("{name} = {}", percent(share)));
        }
    }

    fn doc(&mut self, doc: Option<&str>) {
        for line in doc.unwrap_or_default().lines() {
            self.line(format!("/// {}", line.trim()).trim_end());
        }
    }

    /// Values under a name, eight on a line.
    fn column(&mut self, name: &str, values: impl Iterator<Item = String>) {
        self.line(name);
        let values: Vec<_> = values.collect();
        for chunk in values.chunks(8) {
            self.line(&format!("    {}", chunk.join(" ")));
        }
    }

    fn fact<T: std::fmt::Display>(&mut self, name: &str, value: Option<&Spanned<T>>) {
        if let Some(value) = value {
            self.line(&format!("{name} = {}", value.value));
        }
    }
}

/// What varies over the horizon: one value for all, or every step's in one unit; or whose it is the same as.
fn describe_profile(text: &mut Text, name: &str, profile: &Profile) {
    let Profile { values, dimension } = profile;
    if let [constant] = values.as_slice() {
        text.line(&format!("{name} = {}", Quantity::new(constant.clone(), dimension.clone())));
        return;
    }
    let course = (name.to_owned(), values.clone());
    if let Some(of) = text.courses.get(&course) {
        text.line(&format!("{name} as of {of}"));
        return;
    }
    text.courses.insert(course, text.head.clone());
    let (unit, factor) = column_unit(dimension);
    text.column(&format!("{name} in {unit}, by step"), values.iter().map(|value| number(&(value * &factor))));
}

/// Values of draws up to this many are written out.
const MOST_BINS: usize = 12;

/// The representative steps of a horizon in which something varies, the busiest first.
fn describe_load_steps(text: &mut Text, program: &Program) {
    let series = program.series();
    if series.is_empty() {
        return;
    }
    let found = program.load_steps();
    text.paragraph(&format!("load steps, {} for {}", found.len(), program.plan.steps));
    text.column("share of the horizon", found.iter().map(|step| percent(&step.weight)));
    for (index, Series { name, values: _, dimension, kept: _ }) in series.iter().enumerate() {
        let (unit, factor) = column_unit(dimension);
        let values = found.iter().filter_map(|LoadStep { values, .. }| values.get(index));
        text.column(&format!("{name} in {unit}"), values.map(|value| number(&(value * &factor))));
        let quantiles = found.iter().filter_map(|LoadStep { quantiles, .. }| quantiles.get(index));
        text.column(&format!("{name}, share of steps at most this"), quantiles.map(percent));
    }
}

/// Draws as a file would say them; many values by their figures.
pub(crate) fn draws_text(draws: &Draws, dimension: &Dimension) -> String {
    let of = |value: &BigRational| Quantity::new(value.clone(), dimension.clone());
    match draws {
        Draws::Constant(value) => of(value).to_string(),
        Draws::Lognormal { p50, p99 } => format!("lognormal(p50 = {}, p99 = {})", of(p50), of(p99)),
        Draws::Gamma { mean, cv } => format!("gamma(mean = {}, cv = {})", of(mean), number(cv)),
        Draws::Weibull { mean, cv } => format!("weibull(mean = {}, cv = {})", of(mean), number(cv)),
        Draws::Normal { mean, deviation } => {
            format!("normal(mean = {}, deviation = {})", of(mean), of(deviation))
        }
        Draws::Weighted(values) if values.len() <= MOST_BINS => {
            let bins: Vec<_> =
                values.iter().map(|(value, share)| format!("{}: {}", of(value), percent(share))).collect();
            format!("histogram([{}])", bins.join(", "))
        }
        Draws::Weighted(values) => {
            let figure = |statistic: &Statistic| {
                draws.figure(statistic).map_or_else(|_| "?".to_owned(), |value| of(&value).to_string())
            };
            let at = |percent: i64| figure(&Statistic::Quantile(crate::quantity::ratio(percent, 100)));
            format!(
                "{} values: mean {}, p50 {}, p99 {}, peak {}",
                values.len(),
                figure(&Statistic::Mean),
                at(50),
                at(99),
                figure(&Statistic::Peak)
            )
        }
        Draws::Sum(terms) => {
            let terms: Vec<_> = terms.iter().map(|term| draws_text(term, dimension)).collect();
            terms.join(" + ")
        }
    }
}

/// The square root of a number at least zero, as far as it is written.
fn root(square: &BigRational) -> String {
    let root = square.to_f64().map_or(0.0, f64::sqrt);
    let millionths = BigRational::from_float((root * 1e6).round()).unwrap_or_else(BigRational::one);
    number(&(millionths / BigRational::from_integer(1_000_000.into())))
}

fn describe_device(text: &mut Text, device: &Device) {
    let Device {
        name,
        span: _,
        memory,
        bandwidth,
        compute,
        idle,
        nameplate,
        sram,
        host_memory,
        resource,
        calibration,
    } = device;
    text.paragraph(&format!("device {name}"));
    text.fact("memory", memory.as_ref());
    text.fact("bandwidth", bandwidth.as_ref());
    for (precision, rate) in compute {
        text.line(&format!("compute[{}] = {}", precision_name(*precision), rate.value));
    }
    text.fact("idle", idle.as_ref());
    text.fact("nameplate", nameplate.as_ref());
    text.fact("sram", sram.as_ref());
    text.fact("host_memory", host_memory.as_ref());
    if let Some(resource) = resource {
        text.line(&format!("resource = {:?}", resource.value));
    }
    if let Some(calibration) = calibration {
        text.line(&format!("calibration = {:?}", calibration.value));
    }
}

fn describe_node(text: &mut Text, node: &Node, program: &Program) {
    let Node {
        name: _,
        span: _,
        place,
        devices,
        fabric,
        network,
        cpu,
        memory,
        pods,
        overhead,
        price,
        market,
        failures,
        repair,
        disk,
        labels,
        taints,
        trust,
        zone,
        residency,
        interruption,
        notice,
        energy_price,
    } = node;
    places::within(text, *place, &program.places);
    if let Some(Spanned { value: (class, count), .. }) = devices {
        let class = program.devices.get(*class).map_or("?", |class| class.name.as_str());
        text.line(&format!("devices = {count} * {class}"));
    }
    if let Some(Spanned { value: Fabric { kind, bandwidth }, .. }) = fabric {
        text.line(&format!("fabric = {}({bandwidth})", kind.name()));
    }
    text.fact("network", network.as_ref());
    text.fact("cpu", cpu.as_ref());
    text.fact("memory", memory.as_ref());
    if let Some(pods) = pods {
        text.line(&format!("pods = {}", pods.value));
    }
    text.fact("overhead", overhead.as_ref());
    if let Some(price) = price {
        describe_profile(text, "price", &price.value);
    }
    text.line(&format!("market = {}", market_name(*market)));
    text.fact("failures", failures.as_ref());
    text.fact("repair", repair.as_ref());
    text.fact("disk", disk.as_ref());
    for (name, labels) in [("labels", labels), ("taints", taints), ("trust", trust)] {
        places::describe_labels(text, name, labels.as_ref());
    }
    places::around(text, zone.as_ref(), residency.as_ref());
    text.fact("interruption", interruption.as_ref());
    text.fact("notice", notice.as_ref());
    if let Some(price) = energy_price {
        describe_profile(text, "energy_price", &price.value);
    }
}

fn market_name(market: Market) -> &'static str {
    match market {
        Market::Owned => "owned",
        Market::Reserved => "reserved",
        Market::OnDemand => "on_demand",
        Market::Spot => "spot",
    }
}

fn describe_service(text: &mut Text, service: &Service, program: &Program) {
    let Service {
        name,
        span: _,
        doc,
        work,
        priority,
        demand,
        replicas,
        requirements,
        wishes,
        stateful,
        pools,
        measured,
        residency,
        tolerations,
        team,
        elastic,
        start_up,
        interference,
        template,
        adopt,
        container,
    } = service;
    text.paragraph(&format!("service {name}"));
    text.doc(doc.as_deref());
    text.line(&format!("priority = {}", priority.value));
    match work {
        Work::Image(image) => describe_image(text, image, &program.devices),
        Work::Llm(llm) => describe_llm(text, llm, program),
    }
    text.fact("stateful", stateful.as_ref());
    if let Some(measured) = measured {
        text.line(&format!("serves = measured({:?})", measured.value));
    }
    text.fact("residency", residency.as_ref());
    places::describe_labels(text, "tolerations", tolerations.as_ref());
    text.fact("team", team.as_ref());
    if elastic.as_ref().is_some_and(|elastic| elastic.value) {
        text.line("elastic = true");
    }
    text.fact("start_up", start_up.as_ref());
    text.share("interference", interference.as_ref().map(|share| &share.value.value));
    if let Some(template) = template {
        text.line(&format!("template = {:?}", template.value));
    }
    if let Some(Spanned { value: LiveObject { kind, namespace, name, container }, .. }) = adopt {
        let container =
            if container == name { String::new() } else { format!(", container = {container:?}") };
        text.line(&format!("adopt = {kind}(\"{namespace}/{name}\"{container})"));
    }
    describe_container(text, container);
    if let Some(Spanned { value: Demand { rates, spacing }, .. }) = demand {
        let dimension = Dimension::REQUEST_RATE;
        describe_profile(text, "demand", &Profile { values: rates.clone(), dimension });
        if !spacing.is_one() {
            text.line(&format!("demand cv = {}", root(spacing)));
        }
    }
    describe_asked(text, service, program);
    for bound in replicas {
        text.line(&count_bound("replicas", bound));
    }
    for requirement in requirements {
        text.line(&requirement_text(requirement, program, false));
    }
    for wish in wishes {
        text.line(&wish_text(wish, program));
    }
    for pool in pools {
        describe_pool(text, pool, program);
    }
}

fn describe_image(text: &mut Text, work: &ImageWork, classes: &[Device]) {
    let ImageWork { image, cpu, memory, serves, time, concurrency, devices, share, device } = work;
    if let Some(image) = image {
        text.line(&format!("image = {:?}", image.value));
    }
    text.fact("cpu", cpu.as_ref());
    text.fact("memory", memory.as_ref());
    text.fact("serves", serves.as_ref());
    if let Some(time) = time {
        text.line(&format!("time = {}", draws_text(&time.value, &Dimension::TIME)));
    }
    text.fact("concurrency", concurrency.as_ref());
    text.fact("devices", devices.as_ref());
    if let Some(share) = share {
        text.line(&format!("share = {}", percent(&share.value)));
    }
    describe_classes(text, device, classes);
}

fn describe_llm(text: &mut Text, work: &LlmWork, program: &Program) {
    let LlmWork {
        model,
        engine,
        image,
        prompt,
        output,
        images,
        image_size,
        denoising_steps,
        guidance,
        acceptance,
        sequences,
        prefix_hit,
        tensor,
        pipeline,
        expert,
        expert_load,
        redundant_experts,
        data,
        context,
        nodes,
        batch,
        precision,
        weights,
        kv_cache,
        device,
    } = work;
    let model = program.models.get(model.value);
    text.line(&format!("model = {}", model.map_or("?", |model| model.name.as_str())));
    text.fact("engine", engine.as_ref());
    if let Some(image) = image {
        text.line(&format!("image = {:?}", image.value));
    }
    let drawn = [
        ("prompt", prompt.as_ref().map(|draws| &draws.value), Dimension::TOKEN),
        ("output", output.as_ref().map(|draws| &draws.value), Dimension::TOKEN),
        ("images", images.as_ref().map(|draws| &*draws.value), Dimension::IMAGE),
        ("image_size", image_size.as_ref().map(|draws| &*draws.value), Dimension::NONE),
    ];
    for (name, draws, dimension) in drawn {
        if let Some(draws) = draws {
            text.line(&format!("{name} = {}", draws_text(draws, &dimension)));
        }
    }
    text.fact("denoising_steps", denoising_steps.as_ref());
    text.fact("guidance", guidance.as_ref());
    text.fact("acceptance", acceptance.as_deref());
    if *sequences != 1 {
        text.line(&format!("sequences = {sequences}"));
    }
    text.share("prefix_hit", prefix_hit.as_ref().map(|share| &share.value));
    let degrees = [
        ("tensor", tensor),
        ("pipeline", pipeline),
        ("expert", expert),
        ("data", data),
        ("context", context),
        ("nodes", nodes),
    ];
    for (name, restrictions) in degrees {
        for restriction in restrictions {
            text.line(&restricted(name, restriction, u64::to_string));
        }
    }
    text.fact("expert_load", expert_load.as_deref());
    for bound in redundant_experts {
        text.line(&count_bound("redundant_experts", bound));
    }
    for bound in batch {
        text.line(&count_bound("batch", bound));
    }
    for restriction in precision {
        text.line(&restricted("precision", restriction, |value| precision_name(*value).to_owned()));
    }
    if let Some(weights) = weights {
        text.line(&format!("weights = {}", weights.value.name()));
    }
    if let Some(kv_cache) = kv_cache {
        text.line(&format!("kv_cache = {}", kv_cache.value.name()));
    }
    describe_classes(text, device, &program.devices);
}

fn describe_classes(text: &mut Text, restrictions: &[Restriction<usize>], classes: &[Device]) {
    for restriction in restrictions {
        text.line(&restricted("device", restriction, |class| {
            classes.get(*class).map_or_else(|| "?".to_owned(), |class| class.name.clone())
        }));
    }
}

fn describe_plan(text: &mut Text, plan: &Plan, program: &Program) {
    let Plan { name, span: _, minimize, steps, step, gap, effort, target, moved } = plan;
    text.paragraph(&match name {
        Some(name) => format!("plan {name}"),
        None => "plan".to_owned(),
    });
    for objective in minimize {
        text.line(&match &objective.value {
            Objective::Bill => "minimize bill".to_owned(),
            Objective::Moves => "minimize moves".to_owned(),
            Objective::Sum { terms, dimension, unjudged } => {
                format!("minimize {}, not judged: {unjudged}", objective_text(terms, dimension, program))
            }
        });
    }
    text.line(&format!("steps = {steps}"));
    // An hour is what nobody has to say.
    if *step != BigRational::from_integer(3_600.into()) {
        text.line(&format!("step = {}", Quantity::new(step.clone(), Dimension::TIME)));
    }
    if let Some(gap) = gap {
        text.line(&format!("gap = {}", percent(&gap.value)));
    }
    text.fact("effort", effort.as_ref());
    describe_target(text, target.as_ref());
    for Moved { from, service, span: _ } in moved {
        let to = program.services.get(*service).map_or("?", |service| service.name.as_str());
        text.line(&format!("moved {from} -> {to}"));
    }
}

fn describe_test(text: &mut Text, test: &Test) {
    let Test { name, span: _, world } = test;
    text.paragraph(&format!("test {name:?}"));
    let World { block: _, changes, lost, lines: _ } = world;
    for Change { path, value, span: _ } in changes {
        text.line(&format!("set {path} = {value}"));
    }
    for lost in lost {
        text.line(&format!("lose {}", lost.value));
    }
}

fn describe_scenario(text: &mut Text, scenario: &Scenario) {
    let Scenario { name, span: _, lost, gone: _, facts } = scenario;
    text.paragraph(&format!("scenario {name}"));
    for lost in lost {
        text.line(&format!("lose {}", lost.value));
    }
    for fact in facts {
        let (path, value) = &fact.value;
        text.line(&format!("{path} = {value}"));
    }
}

fn count_bound(name: &str, bound: &CountBound) -> String {
    let CountBound { low, high, span: _, pinned } = bound;
    match (low, high, pinned) {
        (Some(low), _, true) => format!("{name} = {low}"),
        (Some(low), Some(high), _) => format!("{name} in {low}..{high}"),
        (Some(low), None, _) => format!("{name} >= {low}"),
        (None, Some(high), _) => format!("{name} <= {high}"),
        (None, None, _) => format!("{name} unbounded"),
    }
}

fn restricted<T>(name: &str, restriction: &Restriction<T>, write: impl Fn(&T) -> String) -> String {
    let Restriction { allowed, span: _, pinned } = restriction;
    let allowed: Vec<_> = allowed.iter().map(write).collect();
    match (allowed.as_slice(), pinned) {
        ([only], true) => format!("{name} = {only}"),
        _ => format!("{name} in [{}]", allowed.join(", ")),
    }
}

fn precision_name(precision: Precision) -> &'static str {
    match precision {
        Precision::Bf16 => "bf16",
        Precision::Fp8 => "fp8",
    }
}

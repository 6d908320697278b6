//! The files of a large program: shared rates and bases, sites with their machines, teams with their
//! services, and the plan and policies over all of them.

use crate::random::Random;
use std::fmt::Write;

/// How large the program is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Lines in all.
    pub lines: usize,
    /// Files in all; at least five.
    pub files: usize,
}

/// A service as others see it.
struct Service {
    name: String,
    /// It stands under several keys: others do not name it.
    keyed: bool,
    /// Others may read its `demand`.
    is_read: bool,
}

/// The files by name, `main.berth` first.
pub fn program(size: Size, seed: u64) -> Vec<(String, String)> {
    let mut random = Random::new(seed);
    let sites = (size.files / 6).max(1);
    let teams = size.files.saturating_sub(3 + sites).max(1);
    let mut files = vec![("rates.berth".to_owned(), rates()), ("platform.berth".to_owned(), platform())];
    let each = size.lines.saturating_sub(300) / (sites + teams);
    let mut machines = Vec::new();
    for site in 0..sites {
        let (text, site) = sites_file(site, each, &mut random);
        machines.extend(site);
        files.push(text);
    }
    let mut services: Vec<Vec<Service>> = Vec::new();
    for team in 0..teams {
        let (text, names) = team_file(team, each, &services, &mut random);
        services.push(names);
        files.push(text);
    }
    files.insert(0, ("main.berth".to_owned(), main(sites, &services, &mut random)));
    files
}

fn pick<'t>(random: &mut Random, words: &[&'t str]) -> &'t str {
    words.get(random.below(words.len() as u64) as usize).copied().unwrap_or("")
}

/// One chance in `of`.
fn rarely(random: &mut Random, of: u64) -> bool {
    random.below(of) == 0
}

fn between(random: &mut Random, low: u64, high: u64) -> u64 {
    low + random.below(high - low + 1)
}

/// `$0.19/h` of thousandths.
fn dollars(thousandths: u64) -> String {
    format!("${}.{:03}/h", thousandths / 1_000, thousandths % 1_000)
}

const PLACEHOLDER: &str = "placeholder: invented for a benchmark";

fn rates() -> String {
    format!(
        "// What things cost, and by how much that may be wrong.

param margin: Ratio = 10% where margin >= 0%
param discount: Ratio = 0% where discount < 60%

let core_hour = (1 - discount) * $0.030/h
let gib_hour = (1 - discount) * $0.004/h
let gpu_hour = (1 - discount) * $2.40/h
let cushion = 100% + margin

/// The smallest thing that is bought.
abstract node priced {{
    market = on_demand
    price = 8 * core_hour
    source = \"{PLACEHOLDER}\"
}}
"
    )
}

fn platform() -> String {
    let mut text = String::from(
        "// What every team builds on.

use \"./rates.berth\" as rates { margin = 15% }

param growth: Ratio = 100% where growth > 0%
param strict: Bool = true

let workday = diurnal(peak = 400 req/s, trough = 30 req/s, peak_at = 15h)
let evening = diurnal(peak = 900 req/s, trough = 60 req/s, peak_at = 20h)
let nightly = diurnal(peak = 120 req/s, trough = 4 req/s, peak_at = 2h)
let steady = 40 req/s
let slow = 250ms
let quick = 60ms
",
    );
    let tiers = [("front", 100, 80), ("inner", 80, 120), ("worker", 40, 900), ("overnight", 10, 4_000)];
    for (name, priority, promise) in tiers {
        let _ = write!(
            text,
            "
/// Promises of the {name} tier: every service of it keeps them.
abstract service {name} {{
    priority = {priority}
    cpu = 1 core
    memory = 2GiB
    serves = 80 req/s
    source = \"{PLACEHOLDER}\"

    latency p99 <= {promise}ms
    replicas in 1..40
    if strict {{
        prefer spread(node) >= 2 else $0.02/h
    }}
}}
"
        );
    }
    let _ = write!(
        text,
        "
/// A language model with a first token in two seconds.
abstract service assistant {{
    engine = vllm
    priority = 90
    prompt = lognormal(p50 = 700 tok, p99 = 3_500 tok)
    output = lognormal(p50 = 180 tok, p99 = 800 tok)
    source = \"{PLACEHOLDER}\"

    precision in [fp8, bf16]
    tensor in [1, 2, 4, 8]
    batch in 1..256
    ttft p99 < 2s
    tpot p99 < 90ms
    memory_free >= 6%
}}
"
    );
    text
}

/// A file of racks with machines, and the names of its racks.
fn sites_file(at: usize, lines: usize, random: &mut Random) -> ((String, String), Vec<String>) {
    let name = format!("sites-{}", at + 1);
    let mut text = String::from(
        "// Machines, rack by rack.

use catalog.cpu as cpu
use catalog.nvidia as nv
use \"./rates.berth\" as rates
",
    );
    let _ = write!(
        text,
        "
let spare = {}GB/s

abstract node general : rates.priced {{
    network = spare
    overhead = {}W
}}
",
        between(random, 3, 12),
        between(random, 180, 420)
    );
    let mut names = Vec::new();
    let mut rack = 0;
    while text.lines().count() < lines {
        rack += 1;
        let rack_name =
            format!("{}{}_{rack}", pick(random, &["north", "south", "hall", "cage", "row"]), at + 1);
        if rarely(random, 3) {
            let words = [
                "Delivered in spring.",
                "Cooled by water.",
                "Shares its switch with the next one.",
                "Half empty.",
            ];
            let _ = write!(text, "\n// {}", pick(random, &words));
        }
        let _ = write!(
            text,
            "\nrack {rack_name} {{\n    feed = {}kW\n    source = \"{PLACEHOLDER}\"\n",
            between(random, 12, 44)
        );
        for node in 0..between(random, 2, 5) {
            let node_name = format!("{}{}", pick(random, &["a", "b", "m", "x"]), node + 1);
            text.push('\n');
            match random.below(6) {
                0 => {
                    let base = pick(random, &["hgx_h100", "hgx_h200", "hgx_a100", "quad_l40s"]);
                    let _ = write!(
                        text,
                        "    node {node_name}[1..{}] : nv.{base} {{\n        market = {}\n        price = rates.cushion * {}\n        source = \"{PLACEHOLDER}\"\n    }}\n",
                        between(random, 2, 6),
                        pick(random, &["on_demand", "reserved"]),
                        dollars(between(random, 3_000, 24_000)),
                    );
                }
                1 => {
                    let base = pick(random, &["epyc_9654_2s", "epyc_4564p"]);
                    let _ = write!(
                        text,
                        "    node {node_name} : cpu.{base} {{\n        market = reserved\n        price = 3 * rates.core_hour + 2 * rates.gib_hour // a year in advance\n        source = \"{PLACEHOLDER}\"\n    }}\n"
                    );
                }
                _ => {
                    let cores = [8, 16, 24, 32, 48, 64][random.below(6) as usize];
                    let _ = write!(
                        text,
                        "    node {node_name}[1..{}] : general {{\n        cpu = {cores} core\n        memory = {}GiB\n        price = {cores} * rates.core_hour\n    }}\n",
                        between(random, 2, 8),
                        cores * between(random, 2, 6),
                    );
                }
            }
        }
        text.push_str("}\n");
        names.push(rack_name);
    }
    ((format!("{name}.berth"), text), names)
}

const TEAMS: [&str; 24] = [
    "checkout",
    "catalogue",
    "identity",
    "search",
    "billing",
    "shipping",
    "support",
    "media",
    "ads",
    "insight",
    "ledger",
    "mail",
    "maps",
    "fraud",
    "loyalty",
    "pricing",
    "returns",
    "stock",
    "chat",
    "growth",
    "legal",
    "events",
    "feeds",
    "tools",
];

const NOUNS: [&str; 24] = [
    "order", "basket", "session", "token", "invoice", "parcel", "ticket", "picture", "banner", "report",
    "entry", "letter", "route", "score", "voucher", "quote", "refund", "shelf", "thread", "trial",
    "contract", "visit", "stream", "build",
];

const PARTS: [&str; 12] = [
    "api", "web", "index", "cache", "worker", "gateway", "store", "sync", "export", "router", "digest",
    "audit",
];

/// A team's file, and the names of its services that others may read.
fn team_file(
    at: usize,
    lines: usize,
    others: &[Vec<Service>],
    random: &mut Random,
) -> ((String, String), Vec<Service>) {
    let team = format!("{}{}", TEAMS[at % TEAMS.len()], if at < TEAMS.len() { "" } else { "_more" });
    let file = team_name(at);
    let mut text = format!(
        "// Services of the team {team}.\n\nuse catalog.models as models\nuse \"./platform.berth\" as platform\n"
    );
    // Files use earlier ones alone, so that no file uses itself.
    let mut used: Vec<usize> = Vec::new();
    for _ in 0..2 {
        if !others.is_empty() {
            let other = random.below(others.len() as u64) as usize;
            if !used.contains(&other) {
                used.push(other);
                let _ = writeln!(text, "use \"./{}.berth\" as {}", team_name(other), alias(other));
            }
        }
    }
    let rates = at.is_multiple_of(3);
    if rates {
        let _ = writeln!(text, "use \"./rates.berth\" as rates {{ discount = {}% }}", between(random, 2, 30));
    }
    let _ = write!(
        text,
        "
param busy: Ratio = {}% where busy > 0%

let visitors = busy * platform.evening
let office = {}% * platform.workday

/// What the services of this team have in common.
abstract service ours : platform.inner {{
    memory = {}GiB
    prefer replicas >= 2 else {}
}}
",
        between(random, 40, 220),
        between(random, 10, 160),
        between(random, 1, 4),
        dollars(between(random, 5, 60)),
    );
    let mut services: Vec<Service> = Vec::new();
    while text.lines().count() < lines {
        let name = format!(
            "{}_{}_{}_{}",
            TEAMS[at % TEAMS.len()],
            pick(random, &NOUNS),
            pick(random, &PARTS),
            services.len() + 1 + 10_000 * (at / TEAMS.len())
        );
        if rarely(random, 12) {
            let _ = write!(
                text,
                "\n// ---- {} ",
                pick(random, &["Orders", "Readers", "Night work", "Partners", "Inside"])
            );
            text.push_str(&"-".repeat(between(random, 8, 40) as usize));
            text.push('\n');
        }
        if rarely(random, 15) {
            let _ = write!(
                text,
                "\nlet {}_{} = {}% * {}\n",
                pick(random, &NOUNS),
                services.len() + 1,
                between(random, 5, 90),
                pick(random, &["visitors", "office", "platform.nightly"]),
            );
        }
        let keyed = rarely(random, 9);
        let is_read = service(&mut text, &name, keyed, &services, &used, others, rates, random);
        if rarely(random, 40)
            && !keyed
            && let Some(before) = services.iter().rev().find(|service| !service.keyed)
        {
            let _ = write!(
                text,
                "\npolicy {}_{name} {{\n    all s in [{name}, {}]: s.replicas <= {}\n}}\n",
                pick(random, &["keep", "bound", "watch"]),
                before.name,
                between(random, 40, 90),
            );
        }
        services.push(Service { name, keyed, is_read });
    }
    ((format!("{file}.berth"), text), services)
}

fn team_name(at: usize) -> String {
    match at / TEAMS.len() {
        0 => TEAMS[at].to_owned(),
        round => format!("{}-{}", TEAMS[at % TEAMS.len()], round + 1),
    }
}

fn alias(at: usize) -> String {
    format!("of_{}", team_name(at).replace('-', "_"))
}

/// Adds a service; whether others may read its demand.
#[allow(clippy::too_many_arguments, reason = "a service leans on all that is there")]
fn service(
    text: &mut String,
    name: &str,
    keyed: bool,
    own: &[Service],
    used: &[usize],
    others: &[Vec<Service>],
    rates: bool,
    random: &mut Random,
) -> bool {
    text.push('\n');
    for _ in 0..random.below(3) {
        let sentences = [
            "/// Reads more than it writes.",
            "/// Falls over first when the sale starts.",
            "/// Kept warm for the partners.",
            "/// Nobody remembers why it has its own queue, but it does.",
            "/// Owned by whoever is on call.",
        ];
        let _ = writeln!(text, "{}", pick(random, &sentences));
    }
    if !keyed && rarely(random, 14) {
        assistant(text, name, random);
        return false;
    }
    let base =
        pick(random, &["ours", "ours", "ours", "platform.front", "platform.worker", "platform.overnight"]);
    let keys = if keyed { "[1..3]" } else { "" };
    let _ = writeln!(text, "service {name}{keys} : {base} {{");
    let _ = writeln!(
        text,
        "    image = \"example/{}:{}.{}\"",
        name.replace('_', "-"),
        between(random, 1, 9),
        between(random, 0, 40)
    );
    if rarely(random, 2) {
        let _ = writeln!(text, "    cpu = {}.{} core", between(random, 0, 3), between(random, 1, 9));
    }
    if rarely(random, 3) {
        let _ = writeln!(text, "    memory = {}MiB", 128 * between(random, 2, 40));
    }
    if rarely(random, 3) {
        let _ = writeln!(text, "    priority = {} // agreed with the owners", between(random, 1, 99));
    }
    let _ = writeln!(text, "    serves = {} req/s", between(random, 20, 400));
    demand(text, own, used, others, random);
    let _ = writeln!(text, "    source = \"{PLACEHOLDER}\"\n");
    let statistic = pick(random, &["p50", "p90", "p95"]);
    let _ = writeln!(text, "    latency {statistic} < {}ms", between(random, 8, 58));
    if rarely(random, 2) {
        let _ = writeln!(text, "    replicas in {}..{}", between(random, 1, 3), between(random, 4, 30));
    }
    if rarely(random, 4) {
        let _ = writeln!(text, "    spread(node) >= 2");
    }
    if rarely(random, 5) {
        let price = if rates { "2 * rates.core_hour".to_owned() } else { dollars(between(random, 10, 900)) };
        let _ = writeln!(text, "    prefer replicas == {} else {price}", between(random, 2, 4));
    }
    text.push_str("}\n");
    !keyed
}

/// Adds the line that says how much a service is asked.
fn demand(text: &mut String, own: &[Service], used: &[usize], others: &[Vec<Service>], random: &mut Random) {
    let share = between(random, 5, 95);
    let recent: Vec<&Service> = own.iter().rev().take(30).filter(|service| service.is_read).collect();
    let read = recent.get(random.below(recent.len() as u64) as usize);
    let other = used.get(random.below(used.len() as u64) as usize).copied();
    let their = other.and_then(|other| others.get(other)).map_or(&[][..], Vec::as_slice);
    let their = their.get(random.below(their.len() as u64) as usize).filter(|service| service.is_read);
    let _ = match (random.below(6), read, other, their) {
        (0, Some(read), _, _) => writeln!(text, "    demand = {share}% * {}.demand", read.name),
        (1, _, Some(other), Some(their)) => {
            writeln!(text, "    demand = {share}% * {}.{}.demand", alias(other), their.name)
        }
        (2, _, Some(other), _) => writeln!(text, "    demand = {share}% * {}.visitors", alias(other)),
        (3, ..) => writeln!(text, "    demand = platform.growth * {share}% * office"),
        (4, ..) => writeln!(
            text,
            "    demand = diurnal(\n        peak = {} req/s,\n        trough = {} req/s,\n        peak_at = {}h,\n    )",
            between(random, 100, 900),
            between(random, 1, 90),
            between(random, 0, 23)
        ),
        _ => writeln!(text, "    demand = {share}% * visitors"),
    };
}

fn assistant(text: &mut String, name: &str, random: &mut Random) {
    let _ = write!(
        text,
        "service {name} : platform.assistant {{
    model = models.{}
    priority = {}
    demand = diurnal(peak = {} req/s, trough = {} req/s, peak_at = {}h)
    source = \"{PLACEHOLDER}\"

    ttft p95 < {}ms
    replicas in 1..{}
}}
",
        pick(random, &["llama_3_1_8b_instruct", "llama_3_1_70b_instruct"]),
        between(random, 50, 120),
        between(random, 6, 30),
        between(random, 1, 5),
        between(random, 0, 23),
        between(random, 400, 1_900),
        between(random, 4, 16),
    );
}

fn main(sites: usize, services: &[Vec<Service>], random: &mut Random) -> String {
    let mut text = String::from("// Everything, planned together.\n\n");
    for site in 0..sites {
        let _ = writeln!(text, "use \"./sites-{0}.berth\" as sites_{0}", site + 1);
    }
    for team in 0..services.len() {
        let _ = writeln!(text, "use \"./{}.berth\" as {}", team_name(team), alias(team));
    }
    text.push_str("\nparam most_spent: Money/Time = $90_000/h where most_spent > $0/h\n");
    for (team, names) in services.iter().enumerate() {
        for Service { name, .. } in names.iter().filter(|service| !service.keyed).take(2) {
            let _ = write!(
                text,
                "\npolicy standing_{name} {{\n    sum s in [{0}.{name}]: s.replicas <= {1}\n}}\n",
                alias(team),
                between(random, 60, 200)
            );
        }
    }
    text.push_str(
        "
policy everybody {
    all s in service[*] where s.priority >= 100: s.replicas >= 1
    bill <= most_spent
}

/// One bill for all of it.
plan everything {
    horizon = 1d
    step = 1h
    minimize = bill
    gap = 5%
}
",
    );
    text
}

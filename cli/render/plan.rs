//! A plan as a person reads it: what is open first, then who runs where, then what was promised.
//!
//! It reads nothing but the plan file's own structure.

use crate::render::autoscaling;
use crate::render::diagnostics::print;
use crate::render::experts;
use crate::render::quantities::{money, percent, quantity};
use crate::render::table::{Align, paragraph, table};
use berth_compiler::plan::actions::Kind;
use berth_compiler::plan::objects::Unwritten;
use berth_compiler::plan::{
    CertificateEntry, ConcessionEntry, JobEntry, Measure, ObjectiveEntry, Placement, Plan, RequirementEntry,
    Status, TeamEntry, TrainingEntry,
};
use berth_language::diagnostics::Diagnostic;
use berth_language::sources::Sources;
use berth_language::span::Span;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Longer tables say how many rows they leave out; `--json` has all.
pub const MOST_ROWS: usize = 40;

/// Characters of a line that are shown.
const MOST_OF_LINE: usize = 32;

/// Characters of a line that gives way, where that is said in one line.
const MOST_OF_WAY: usize = 28;

/// Lines of a conflict that are shown.
const MOST_LINES: usize = 12;

/// The plan in at most 80 columns.
pub fn text(plan: &Plan) -> String {
    let mut text = title(plan);
    text.push_str(&unjudged(plan));
    text.push_str(&placements(plan));
    text.push_str(&autoscaling::text(plan));
    text.push_str(&jobs(plan));
    text.push_str(&emptied(plan));
    text.push_str(&actions(plan));
    text.push_str(&gives_way(plan));
    text.push_str(&promises(plan));
    text.push_str(&borrowed(plan));
    text.push_str(&objective(plan));
    text.push_str(&experts::text(plan));
    text.push_str(&free(plan));
    text.push_str(&unwritten(plan));
    text.push_str(&footnotes(plan));
    text
}

/// The lines of a conflict, each with what it asks for.
pub fn print_conflict(sources: &Sources, plan: &Plan, because: Option<&str>) {
    let count = plan.conflict.len();
    let title = match count {
        1 => "this line cannot hold".to_owned(),
        _ => format!("these {count} lines cannot hold together"),
    };
    let Some((diagnostic, left)) = conflict(sources, plan, title) else {
        eprintln!(
            "plan::infeasible: no plan exists, and no line of the files could be left out to change that"
        );
        return;
    };
    let mut help = plan.shortages.clone();
    if left > 0 {
        help.push(format!("{left} more lines are not shown here; --json has all."));
    }
    help.push(match (because, count) {
        (_, 1) => "Change it, or add what it needs.".to_owned(),
        (Some(_), _) => "Change one of them.".to_owned(),
        (None, _) => "Change one of them: without any one, the others named here can hold.".to_owned(),
    });
    help.extend(because.map(str::to_owned));
    if !plan.concessions.is_empty() {
        help.push("Each of these alone is a way out, the best plan first:".to_owned());
        help.extend(plan.concessions.iter().map(|way| format!("  {}", way_out(way))));
    }
    print(sources, &[diagnostic.help(help.join("\n"))]);
}

/// The lines of a conflict as those that rule something out.
pub fn print_ruling_out(sources: &Sources, plan: &Plan) {
    let title = match plan.conflict.len() {
        1 => "this line rules it out",
        _ => "these lines together rule it out",
    };
    match conflict(sources, plan, title.to_owned()) {
        Some((diagnostic, _)) => print(sources, &[diagnostic]),
        None => eprintln!("No line of the files could be left out to change that."),
    }
}

/// The first lines of a conflict, each with what it asks for, and how many more there are; none where there are none.
fn conflict(sources: &Sources, plan: &Plan, title: String) -> Option<(Diagnostic, usize)> {
    let spans = plan.conflict.iter().filter_map(|line| {
        let (file, source) = sources.iter().find(|(_, source)| source.path == line.file)?;
        let start = offset(&source.text, line.line, line.column)?;
        // The text was folded onto one line: what is marked ends with the first of its lines.
        let rest = source.text.get(start..)?;
        let end = start + rest.find('\n').unwrap_or(rest.len()).min(line.text.len().max(1));
        Some((Span::new(file, start, end), line.because.clone()))
    });
    let mut labels = spans.collect::<Vec<_>>().into_iter();
    let (span, label) = labels.next()?;
    let mut diagnostic = Diagnostic::error("plan::infeasible", title, span, label);
    for (span, label) in labels.by_ref().take(MOST_LINES - 1) {
        diagnostic = diagnostic.and(span, label);
    }
    Some((diagnostic, labels.len()))
}

/// `line 12, replicas >= 5: with 4; $3.20/h`
fn way_out(way: &ConcessionEntry) -> String {
    let ConcessionEntry { file: _, line, text, to, unit, bill } = way;
    let gives = match to {
        Some(value) => format!("with {}", quantity(*value, unit.as_deref().unwrap_or("1"))),
        None => "left out".to_owned(),
    };
    format!("line {line}, `{}`: {gives}; {}", shortened(text, MOST_OF_WAY), money(*bill))
}

fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let within = text.get(start..)?.char_indices().nth(column.checked_sub(1)?).map_or(0, |(at, _)| at);
    Some(start + within)
}

fn title(plan: &Plan) -> String {
    let name =
        plan.name.clone().or_else(|| plan.inputs.first().map(|input| input.path.clone())).unwrap_or_default();
    let bill =
        plan.measures.iter().find(|measure| measure.path == "bill").map(|measure| money(measure.value));
    let searched =
        plan.objective.iter().any(|entry| matches!(entry.certificate, CertificateEntry::Search { .. }));
    let says = match plan.status {
        Status::Optimal if searched => "optimal, on the word of the search",
        Status::Optimal => "optimal: no better plan exists",
        Status::Feasible => "feasible: every requirement holds",
        Status::Partial => "partial: some lines are not judged",
        Status::Infeasible => "infeasible: no plan exists",
        Status::Unknown => "unknown: no plan was found",
    };
    match bill {
        Some(bill) => format!("{name}: {bill}, {says}\n"),
        None => format!("{name}: {says}\n"),
    }
}

/// Services that the target does not get.
fn unwritten(plan: &Plan) -> String {
    if plan.unwritten.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nNot written to the target, so that this plan is not applied\n");
    for Unwritten { service, file, line, because } in plan.unwritten.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "  {file}:{line}  {service}");
        text.push_str(&paragraph(because, 6));
    }
    text.push_str(&left_out(plan.unwritten.len(), "of them"));
    text
}

/// Lines that nobody judged.
pub fn unjudged(plan: &Plan) -> String {
    let open: Vec<&RequirementEntry> =
        plan.requirements.iter().filter(|entry| entry.met != Some(true)).collect();
    if open.is_empty() {
        return String::new();
    }
    // A base's line is asked of everything that derives from it.
    let mut lines: Vec<(&RequirementEntry, Vec<&str>)> = Vec::new();
    for entry in &open {
        let at = lines.iter().position(|(known, _)| {
            (&known.file, known.line, known.column) == (&entry.file, entry.line, entry.column)
                && known.because == entry.because
        });
        let at = at.unwrap_or_else(|| {
            lines.push((entry, Vec::new()));
            lines.len() - 1
        });
        lines[at].1.extend(entry.service.as_deref());
    }
    let mut text = String::from("\nNot judged\n");
    for (entry, services) in lines.iter().take(MOST_ROWS) {
        let _ = writeln!(text, "  {}:{}  {}", entry.file, entry.line, shortened(&entry.text, 60));
        if let Some(because) = &entry.because {
            text.push_str(&paragraph(because, 6));
        }
        if services.len() > 1 {
            text.push_str(&paragraph(&format!("asked of {}", named(services)), 6));
        }
    }
    text.push_str(&left_out(lines.len(), "lines"));
    let mut codes: Vec<&str> = open.iter().filter_map(|entry| entry.code.as_deref()).collect();
    codes.dedup();
    for code in codes {
        text.push_str(&paragraph(&format!("Accept them with: --allow-unjudged {code}"), 2));
    }
    text
}

/// A few names, and how many more there are.
fn named(names: &[&str]) -> String {
    const MOST: usize = 6;
    match names.len().checked_sub(MOST) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MOST].join(", ")),
    }
}

/// `text`, cut where it has more characters than `most`.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// How many rows a table leaves out, where it does.
pub fn left_out(count: usize, what: &str) -> String {
    match count.checked_sub(MOST_ROWS) {
        None | Some(0) => String::new(),
        Some(more) => format!("  … and {more} more {what}; --json has all\n"),
    }
}

fn placements(plan: &Plan) -> String {
    if plan.placements.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = plan
        .placements
        .iter()
        .take(MOST_ROWS)
        .map(|placement| {
            let count = copies(placement);
            vec![placement.service.clone(), count.to_string(), place(placement)]
        })
        .collect();
    let mut text = String::from("\nPlacement\n");
    text.push_str(&table(
        &[("service", Align::Left), ("replicas", Align::Right), ("where", Align::Left)],
        &rows,
    ));
    text.push_str(&left_out(plan.placements.len(), "placements"));
    text
}

/// How each job runs.
fn jobs(plan: &Plan) -> String {
    if plan.jobs.is_empty() {
        return String::new();
    }
    let row = |entry: &JobEntry| {
        let JobEntry { job, copies, finish, training, requests } = entry;
        let done = quantity(*finish, "s");
        match training {
            Some(TrainingEntry { steps, layout: _, devices, micro_batches, held, step_time }) => {
                let devices = format!("{devices} {}", if *devices == 1 { "device" } else { "devices" });
                let steps = format!("{steps} steps of {}", quantity(*step_time, "s"));
                let held = quantity(*held, "byte");
                vec![
                    job.clone(),
                    format!("{copies} of {devices}"),
                    micro_batches.to_string(),
                    held,
                    steps,
                    done,
                ]
            }
            None => {
                let work = requests.map_or(String::new(), |requests| quantity(requests.round(), "req"));
                vec![job.clone(), copies.to_string(), String::new(), String::new(), work, done]
            }
        }
    };
    let rows: Vec<Vec<String>> = plan.jobs.iter().take(MOST_ROWS).map(row).collect();
    let heading = [
        ("job", Align::Left),
        ("copies", Align::Left),
        ("batches", Align::Right),
        ("a device holds", Align::Right),
        ("work", Align::Right),
        ("done after", Align::Right),
    ];
    format!("\nJobs\n{}{}", table(&heading, &rows), left_out(plan.jobs.len(), "jobs"))
}

/// Replicas of one placement. Ranges are counted from their text.
fn copies(placement: &Placement) -> u64 {
    match placement.groups.len() as u64 {
        0 => count_of(&placement.nodes) * placement.each,
        replicas => replicas,
    }
}

/// How many nodes addresses stand for.
pub fn count_of(addresses: &[String]) -> u64 {
    addresses.iter().map(|address| nodes_of(address)).sum()
}

/// Replicas that move.
pub fn moving(plan: &Plan) -> u64 {
    let actions = plan.actions.iter().flatten();
    actions.filter(|action| action.action == Kind::Move).map(|action| action.count).sum()
}

fn nodes_of(address: &str) -> u64 {
    let range = || {
        let (low, high) = address.strip_suffix(']')?.rsplit_once('[')?.1.split_once("..")?;
        let (low, high): (u64, u64) = (low.parse().ok()?, high.parse().ok()?);
        high.checked_sub(low)?.checked_add(1)
    };
    range().unwrap_or(1)
}

fn place(placement: &Placement) -> String {
    // A node stands there once for each replica that shares one of its devices.
    let same: Vec<&[String]> = placement.nodes.chunk_by(|left, right| left == right).collect();
    let each = |nodes: &[String]| placement.each * nodes.len() as u64;
    let counts: BTreeSet<u64> = same.iter().map(|nodes| each(nodes)).collect();
    let named = |nodes: &&[String]| match counts.len() {
        1 => nodes[0].clone(),
        _ => format!("{} ({})", nodes[0], each(nodes)),
    };
    let mut text = same.iter().map(named).collect::<Vec<_>>().join(", ");
    if let (1, Some(each @ 2..)) = (counts.len(), counts.first()) {
        let _ = write!(text, " ({each} each)");
    }
    if let Some(layout) = &placement.layout {
        let _ = write!(text, " · {} of {}, {}", layout.degrees(), layout.device, layout.precision);
        if layout.nodes > 1 {
            let _ = write!(text, ", {} nodes a replica", layout.nodes);
        }
        match placement.weights.as_deref() {
            // A format of the matrices of experts alone.
            Some("mxfp4") => text.push_str(" with mxfp4 experts"),
            Some(weights) => {
                let _ = write!(text, " with {weights} weights");
            }
            None => {}
        }
        let _ = write!(text, ", batch {}", layout.batch);
        match layout.redundant {
            0 => {}
            1 => text.push_str(", 1 redundant expert"),
            redundant => {
                let _ = write!(text, ", {redundant} redundant experts");
            }
        }
        if let Some(sharding) = &layout.sharding {
            let _ = write!(text, ", sharded {sharding}");
        }
    }
    if let Some(share) = placement.share {
        let devices: Vec<String> = placement.devices.iter().map(u32::to_string).collect();
        let _ = write!(text, " · {} of device {}", percent(share), devices.join(", "));
    }
    text
}

fn emptied(plan: &Plan) -> String {
    if plan.drained.is_empty() {
        return String::new();
    }
    format!("\nEmptied, so that nothing stands on it\n{}", paragraph(&plan.drained.join(", "), 2))
}

/// What becomes of what runs, where the plan was made from that.
fn actions(plan: &Plan) -> String {
    let (Some(observed), Some(actions)) = (&plan.observed, &plan.actions) else { return String::new() };
    let from = match observed.from.as_str() {
        "live" => "the target as it is now",
        path => path,
    };
    if actions.is_empty() {
        let running: u64 = observed.running.iter().map(|entry| entry.replicas).sum();
        return format!("\nNo actions: all {running} replicas stay where they run ({from}).\n");
    }
    let rows: Vec<Vec<String>> = actions
        .iter()
        .take(MOST_ROWS)
        .map(|action| {
            let nodes = match (&action.from, &action.to) {
                (Some(from), Some(to)) => format!("{from} -> {to}"),
                (Some(node), None) | (None, Some(node)) => node.clone(),
                (None, None) => String::new(),
            };
            let word = match action.action {
                Kind::Create => "create",
                Kind::Move => "move",
                Kind::Delete => "delete",
            };
            let because = action.because.clone().unwrap_or_default();
            vec![word.to_owned(), action.service.clone(), action.count.to_string(), nodes, because]
        })
        .collect();
    let heading = [
        ("action", Align::Left),
        ("service", Align::Left),
        ("replicas", Align::Right),
        ("where", Align::Left),
        ("because", Align::Left),
    ];
    let mut text = format!("\nActions, from what runs ({from})\n{}", table(&heading, &rows));
    text.push_str(&left_out(actions.len(), "actions"));
    text
}

fn gives_way(plan: &Plan) -> String {
    if plan.wishes.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nGives way\n");
    for wish in plan.wishes.iter().take(MOST_ROWS) {
        let who = wish.service.as_ref().map_or(String::new(), |service| format!("{service}: "));
        let cost = match wish.cost {
            Some(cost) => format!("costs {}", money(cost)),
            None => format!("short by {}", quantity(wish.shortfall, "1")),
        };
        let because = wish
            .service
            .as_ref()
            .and_then(|service| plan.unplaced.iter().find(|unplaced| &unplaced.service == service))
            .map_or(String::new(), |unplaced| format!("; {}", unplaced.because));
        text.push_str(&paragraph(&format!("{who}{} ({cost}{because})", shortened(&wish.text, 50)), 2));
    }
    text.push_str(&left_out(plan.wishes.len(), "wishes"));
    text
}

fn promises(plan: &Plan) -> String {
    let judged = plan.requirements.iter().filter(|entry| entry.met == Some(true) && entry.limit.is_some());
    let lines = by_line(judged);
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .take(MOST_ROWS)
        .map(|(entry, parts)| {
            let unit = entry.unit.as_deref().unwrap_or("1");
            let of = [&entry.service, &entry.policy, &entry.team];
            let who = of.into_iter().flatten().next().cloned().unwrap_or_default();
            let value = entry.value.map_or(String::new(), |value| quantity(value, unit));
            let tightest = if *parts > 1 { format!(" (tightest of {parts})") } else { String::new() };
            let line = shortened(&entry.text, MOST_OF_LINE - tightest.len()) + &tightest;
            vec![who, line, value, slack(entry)]
        })
        .collect();
    let mut text = String::from("\nPromises, all kept\n");
    text.push_str(&table(
        &[("of", Align::Left), ("line", Align::Left), ("found", Align::Right), ("slack", Align::Right)],
        &rows,
    ));
    text.push_str(&left_out(lines.len(), "promises"));
    text
}

/// What teams use beyond what they are guaranteed.
fn borrowed(plan: &Plan) -> String {
    let borrowing = || plan.teams.iter().filter(|entry| entry.borrowed > 0.0);
    if borrowing().next().is_none() {
        return String::new();
    }
    let row = |entry: &TeamEntry| {
        let borrowed = quantity(entry.borrowed, &entry.device);
        vec![entry.team.clone(), borrowed, entry.gives_back.join(", ")]
    };
    let rows: Vec<Vec<String>> = borrowing().take(MOST_ROWS).map(row).collect();
    let heading = [("team", Align::Left), ("borrows", Align::Right), ("given back first by", Align::Left)];
    format!("\nBorrowed devices\n{}{}", table(&heading, &rows), left_out(borrowing().count(), "rows"))
}

/// A line over many things asks for something of each: that with the least slack stands for them, with how many
/// they are.
fn by_line<'p>(entries: impl Iterator<Item = &'p RequirementEntry>) -> Vec<(&'p RequirementEntry, usize)> {
    let mut lines: Vec<(&RequirementEntry, usize)> = Vec::new();
    let mut known = HashMap::new();
    for entry in entries {
        let RequirementEntry { file, line, column, text, service, statistic, unit, .. } = entry;
        let place = *known.entry((file, line, column, text, service, statistic, unit)).or_insert(lines.len());
        match lines.get_mut(place) {
            None => lines.push((entry, 1)),
            Some((tightest, parts)) => {
                *parts += 1;
                let slack = |entry: &RequirementEntry| entry.slack.unwrap_or(f64::INFINITY);
                if slack(entry) < slack(tightest) {
                    *tightest = entry;
                }
            }
        }
    }
    lines
}

fn slack(entry: &RequirementEntry) -> String {
    match (entry.slack, entry.limit) {
        (Some(slack), Some(limit)) if limit != 0.0 && entry.unit.as_deref() == Some("s") => {
            percent(slack / limit.abs())
        }
        (Some(slack), _) => quantity(slack, entry.unit.as_deref().unwrap_or("1")),
        _ => String::new(),
    }
}

fn objective(plan: &Plan) -> String {
    if plan.objective.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = plan
        .objective
        .iter()
        .map(|entry| {
            vec![
                entry.name.clone(),
                quantity(entry.incumbent, &entry.unit),
                quantity(entry.bound, &entry.unit),
                percent(entry.gap),
                certificate(entry),
            ]
        })
        .collect();
    let heading = [
        ("minimised", Align::Left),
        ("plan", Align::Right),
        ("bound", Align::Right),
        ("gap", Align::Right),
        ("proof", Align::Left),
    ];
    format!("\nObjective, in this order\n{}", table(&heading, &rows))
}

fn certificate(entry: &ObjectiveEntry) -> String {
    match &entry.certificate {
        CertificateEntry::Trivial => "never below 0".into(),
        CertificateEntry::LinearDual { .. } => "exact dual".into(),
        CertificateEntry::Search { solver, proved, .. } => {
            format!("search by {solver}; exact to {}", quantity(*proved, &entry.unit))
        }
        CertificateEntry::Copies { .. } => "exact counts".into(),
    }
}

fn free(plan: &Plan) -> String {
    let of = |suffix: &str| -> Vec<(&str, &Measure)> {
        plan.measures
            .iter()
            .filter_map(|measure| Some((measure.path.strip_suffix(suffix)?, measure)))
            .collect()
    };
    let (cpu, memory) = (of(".cpu_free"), of(".memory_free"));
    if cpu.is_empty() || cpu.len() > 12 {
        return String::new();
    }
    let rows: Vec<Vec<String>> = cpu
        .iter()
        .map(|(node, measure)| {
            let bytes = memory.iter().find(|(other, _)| other == node).map(|(_, found)| *found);
            vec![
                (*node).to_owned(),
                quantity(measure.value, &measure.unit),
                bytes.map_or(String::new(), |found| quantity(found.value, &found.unit)),
            ]
        })
        .collect();
    let heading = [("node", Align::Left), ("cpu", Align::Right), ("memory", Align::Right)];
    format!("\nFree on nodes in use\n{}", table(&heading, &rows))
}

fn footnotes(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.placeholders.is_empty() {
        text.push_str("\nInvented facts this plan rests on\n");
        for placeholder in plan.placeholders.iter().take(MOST_ROWS) {
            text.push_str(&paragraph(
                &format!("{}: {}", shortened(&placeholder.things.join(", "), 60), placeholder.text),
                2,
            ));
        }
        text.push_str(&left_out(plan.placeholders.len(), "facts"));
    }
    if plan.solve.interrupted {
        text.push_str("\nThe search was interrupted: this is the best it had found, checked as always.\n");
    }
    if let Some(limit) = plan.solve.time_limit_s {
        let _ =
            writeln!(text, "\nThe search was limited to {}; another run may differ.", quantity(limit, "s"));
    }
    text
}

//! Elastic services as a person reads them: bounds, then how many there are from when on.

use crate::render::plan::{MOST_ROWS, left_out, shortened};
use crate::render::quantities::quantity;
use crate::render::table::{Align, paragraph, table};
use berth_compiler::plan::Plan;
use berth_compiler::plan::autoscaling::Autoscaling;

/// Changes of one schedule that are shown.
const MOST_CHANGES: usize = 24;

/// Characters of a line that holds replicas up.
const MOST_OF_LINE: usize = 28;

/// Nothing where no service is elastic.
pub fn text(plan: &Plan) -> String {
    if plan.autoscaling.is_empty() {
        return String::new();
    }
    let row = |entry: &Autoscaling| {
        let held_by = entry.held_by.as_ref().map(|line| shortened(&line.text, MOST_OF_LINE));
        vec![
            name(plan, entry),
            entry.min.to_string(),
            entry.max.to_string(),
            format!("{:.1}", entry.mean),
            quantity(entry.start_up, "s"),
            held_by.unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = plan.autoscaling.iter().take(MOST_ROWS).map(row).collect();
    let heading = [
        ("service", Align::Left),
        ("fewest", Align::Right),
        ("most", Align::Right),
        ("mean", Align::Right),
        ("start-up", Align::Right),
        ("fewest by", Align::Left),
    ];
    let mut text = format!(
        "\nReplicas that follow the demand; the bill holds room for the most\n{}",
        table(&heading, &rows)
    );
    text.push_str(&left_out(plan.autoscaling.len(), "services"));
    for entry in plan.autoscaling.iter().take(MOST_ROWS) {
        text.push_str(&paragraph(&schedule(plan, entry), 2));
    }
    text
}

/// `shop: 2 from 00:00, 3 from 08:00`
fn schedule(plan: &Plan, entry: &Autoscaling) -> String {
    let changes = entry.schedule.iter().take(MOST_CHANGES);
    let changes: Vec<String> =
        changes.map(|change| format!("{} from {}", change.replicas, change.when)).collect();
    let more = match entry.schedule.len().checked_sub(MOST_CHANGES) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more changes; --json has all"),
    };
    format!("{}: {}{more}", name(plan, entry), changes.join(", "))
}

/// The service; with its device where several of its forms are placed.
fn name(plan: &Plan, entry: &Autoscaling) -> String {
    let forms = plan.autoscaling.iter().filter(|other| other.service == entry.service).count();
    match &entry.layout {
        Some(layout) if forms > 1 => format!("{} ({} of {})", entry.service, layout.degrees(), layout.device),
        _ => entry.service.clone(),
    }
}

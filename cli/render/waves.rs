//! Nodes that are emptied in turns, as a person reads it: what each wave empties and where its plan is.

use crate::render::plan::{count_of, moving, unjudged};
use crate::render::table::{Align, paragraph, table};
use berth_compiler::plan::Plan;
use serde_json::{Value, json};

/// How few waves there can be.
#[derive(Clone, Copy)]
pub struct Bound {
    /// By all that is known.
    pub least: usize,
    /// By what exact arithmetic confirms.
    pub proved: usize,
}

impl Bound {
    /// What it says of `count` waves.
    fn of(self, count: usize) -> String {
        match self {
            Self { proved, .. } if proved == count => "the fewest there can be".into(),
            Self { least, .. } if least == count => {
                "the fewest there can be, on the word of the search".into()
            }
            Self { least, .. } => format!("and it takes at least {least}"),
        }
    }
}

/// The waves, each with the path of its plan, in at most 80 columns.
pub fn text(waves: &[(String, &Plan)], bound: Bound) -> String {
    let Some((_, first)) = waves.first() else { return String::new() };
    let count = waves.len();
    let nodes: u64 = waves.iter().map(|(_, plan)| count_of(&plan.drained)).sum();
    let name = first.name.as_deref().unwrap_or("plan");
    let (nodes_are, waves_are) = (counted(nodes, "node"), counted(count as u64, "wave"));
    let mut text = paragraph(&format!("{name}: {nodes_are} emptied in {waves_are}, {}", bound.of(count)), 0);
    text.push_str(&unjudged(first));
    let moves = first.actions.is_some();
    let mut columns = vec![("wave", Align::Right), ("nodes", Align::Right)];
    columns.extend(moves.then_some(("replicas that move", Align::Right)));
    columns.push(("wishes that give way", Align::Right));
    columns.push(("plan", Align::Left));
    let row = |(number, (path, plan)): (usize, &(String, &Plan))| {
        let mut row = vec![number.to_string(), count_of(&plan.drained).to_string()];
        row.extend(moves.then(|| moving(plan).to_string()));
        row.push(plan.wishes.len().to_string());
        row.push(path.clone());
        row
    };
    let rows: Vec<Vec<String>> = (1..).zip(waves).map(row).collect();
    text.push('\n');
    text.push_str(&table(&columns, &rows));
    text.push('\n');
    for (number, (_, plan)) in (1..).zip(waves) {
        text.push_str(&paragraph(&format!("Wave {number} empties {}", plan.drained.join(", ")), 0));
    }
    text
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The same for programs: `berth.waves/1`.
pub fn json(waves: &[(String, &Plan)], Bound { least, proved }: Bound) -> String {
    let wave = |(path, plan): &(String, &Plan)| -> Value {
        json!({
            "plan": path,
            "status": plan.status,
            "drained": plan.drained,
            "moves": plan.actions.is_some().then(|| moving(plan)),
            "wishes": plan.wishes.len(),
        })
    };
    let waves: Vec<Value> = waves.iter().map(wave).collect();
    let whole = json!({"format": "berth.waves/1", "least": least, "proved": proved, "waves": waves});
    serde_json::to_string_pretty(&whole).unwrap_or_default()
}

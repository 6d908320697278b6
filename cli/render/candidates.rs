//! The candidates of a program as text: what each form carries, and why others cannot be.

use crate::render::table::{Align, table};
use berth_compiler::session::Stages;
use std::fmt::Write as _;

/// One table a service that has layouts to choose from.
pub fn text(stages: &Stages) -> String {
    let mut text = String::new();
    for (service, own) in stages.program.services.iter().zip(&stages.candidates.services) {
        let _ = writeln!(text, "service {}", service.name);
        for least in &own.least {
            let (line, _) = least.origins.first().map_or((0, 0), |span| stages.sources.position(*span));
            let count = least.count.map_or("no number of".to_owned(), |count| format!("at least {count}"));
            let _ = writeln!(text, "  {count} replicas by line {line}");
        }
        let mut rows = Vec::new();
        for candidate in &own.candidates {
            let Some(layout) = &candidate.layout else { continue };
            let (rate, limit) = match &candidate.capacity {
                None => (String::new(), "no demand is stated".to_owned()),
                Some(capacity) => {
                    let limit = match capacity.limited_by {
                        Some(span) => format!("line {}", stages.sources.position(span).0),
                        None => "the queue itself".to_owned(),
                    };
                    (format!("{:.3}", capacity.rate), limit)
                }
            };
            rows.push(vec![stages.candidates.layout_name(layout), rate, limit]);
        }
        for refusal in &own.refusals {
            let because = match refusal.origins.first() {
                Some(span) => format!("{} (line {})", refusal.because, stages.sources.position(*span).0),
                None => refusal.because.clone(),
            };
            rows.push(vec![stages.candidates.layout_name(&refusal.layout), "-".into(), because]);
        }
        if !rows.is_empty() {
            let heading =
                [("layout", Align::Left), ("req/s", Align::Right), ("limited by, or why not", Align::Left)];
            text.push_str(&table(&heading, &rows));
        }
        text.push('\n');
    }
    text
}

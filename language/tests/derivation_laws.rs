//! Values override, requirements accumulate: what derives may tighten a promise, never loosen it.

use berth_language::check;
use berth_language::model::{Compare, Condition, Program};
use berth_language::quantity::Quantity;
use berth_language::sources::{Files, Unreadable};
use num_rational::BigRational;
use proptest::prelude::*;

struct One(String);

impl Files for One {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        if path == "main.berth" { Ok(self.0.clone().into_bytes()) } else { Err(Unreadable::Missing) }
    }
}

/// What one block of a chain states, in milliseconds and replicas.
#[derive(Clone, Debug)]
struct Level {
    latency: Option<u32>,
    replicas: Option<(u32, u32)>,
    priority: Option<u32>,
}

impl Level {
    fn lines(&self) -> String {
        let latency = self.latency.map(|bound| format!("    latency p99 < {bound}ms\n"));
        let replicas = self.replicas.map(|(low, more)| format!("    replicas in {low}..{}\n", low + more));
        let priority = self.priority.map(|priority| format!("    priority = {priority}\n"));
        [latency, replicas, priority].into_iter().flatten().collect()
    }

    fn allows(&self, latency: u32, replicas: u32) -> bool {
        self.latency.is_none_or(|bound| latency < bound)
            && self.replicas.is_none_or(|(low, more)| (low..=low + more).contains(&replicas))
    }
}

fn level() -> impl Strategy<Value = Level> {
    let latency = prop::option::of(1_u32..40);
    let replicas = prop::option::of((1_u32..6, 0_u32..6));
    (latency, replicas, prop::option::of(1_u32..9)).prop_map(|(latency, replicas, priority)| Level {
        latency,
        replicas,
        priority,
    })
}

/// A service that derives from all levels but the last, which is its own.
fn program(levels: &[Level]) -> String {
    let mut text = String::from(
        "node box {\n    cpu = 8 core\n    memory = 32GiB\n    market = on_demand\n    price = $1/h\n}\n",
    );
    for (at, level) in levels.iter().enumerate() {
        let base = at.checked_sub(1).map(|base| format!(" : s{base}")).unwrap_or_default();
        let own = "    image = \"example/shop\"\n    cpu = 1 core\n    memory = 1GiB\n";
        let (before, own) = if at + 1 == levels.len() { ("", own) } else { ("abstract ", "") };
        text += &format!("{before}service s{at}{base} {{\n{own}{}}}\n", level.lines());
    }
    text + "plan p {\n    minimize = bill\n}\n"
}

/// Whether the model's only service may be as slow and as many.
fn model_allows(program: &Program, latency: u32, replicas: u32) -> bool {
    let service = &program.services[0];
    let latency = BigRational::new(latency.into(), 1_000.into());
    let promised = service.requirements.iter().all(|requirement| match &requirement.condition {
        Condition::Compare { compare: Compare::Below, limit: Quantity { value, .. }, .. } => latency < *value,
        other => panic!("{other:?} was not written"),
    });
    let counted = service.replicas.iter().all(|bound| {
        bound.low.is_none_or(|low| low <= replicas.into())
            && bound.high.is_none_or(|high| u64::from(replicas) <= high)
    });
    promised && counted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_derives_allows_what_all_its_bases_allow(levels in prop::collection::vec(level(), 1..6)) {
        let text = program(&levels);
        let checked = check("main.berth", &One(text.clone()));
        let program = checked.program.expect("a program");
        for latency in 0..41 {
            for replicas in 0..13 {
                let expected = levels.iter().all(|level| level.allows(latency, replicas));
                prop_assert_eq!(model_allows(&program, latency, replicas), expected, "{}", text);
            }
        }
        // A value is the nearest one.
        let nearest = levels.iter().rev().find_map(|level| level.priority).unwrap_or(0);
        prop_assert_eq!(program.services[0].priority.value, i64::from(nearest));
    }

    #[test]
    fn a_promise_that_would_loosen_is_said_to_change_nothing(base in 1_u32..40, own in 1_u32..40) {
        let level = |latency| Level { latency: Some(latency), replicas: None, priority: None };
        let checked = check("main.berth", &One(program(&[level(base), level(own)])));
        let implied = checked.diagnostics.iter().filter(|found| found.code == "derive::implied").count();
        prop_assert_eq!(implied, usize::from(own >= base));
    }
}

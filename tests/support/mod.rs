//! What the tests of the whole way share: files in memory, a session, a seeded draw.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use berth_compiler::plan::Plan;
use berth_compiler::session::{Planned, Session, Stopped};
use berth_compiler::solving::Request;
use berth_language::sources::{Files, Unreadable};
use std::collections::BTreeMap;

/// Files in memory.
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Memory {
    /// One file.
    pub fn of(path: &str, text: &str) -> Self {
        Self(BTreeMap::from([(path.to_owned(), text.as_bytes().to_vec())]))
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, Unreadable> {
        self.0.get(path).cloned().ok_or(Unreadable::Missing)
    }
}

/// A file of `examples/`, under its own name.
pub fn example(name: &str) -> Memory {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    Memory(BTreeMap::from([(name.to_owned(), std::fs::read(path).unwrap())]))
}

/// The session of the command line, over `files`.
pub fn with_session<T>(files: &Memory, work: impl FnOnce(&Session<'_>) -> T) -> T {
    let lowering = berth_ir::Mlir;
    let solving = berth_solvers::Highs::default();
    let targeting = berth_targets::Targets;
    work(&Session {
        files,
        lowering: &lowering,
        solving: &solving,
        deciding: &solving,
        targeting: &targeting,
    })
}

/// An ordinary search.
pub fn request() -> Request {
    Request { effort: 1, ..Request::default() }
}

/// Plans the only file of `files`.
pub fn planned(files: &Memory) -> Result<Planned, Stopped> {
    let path = files.0.keys().next().unwrap().clone();
    with_session(files, |session| session.plan(&path, None, &request(), &mut |_| {}))
}

/// The plan of one text.
pub fn plan(text: &str) -> Plan {
    match planned(&Memory::of("plan.berth", text)) {
        Ok(planned) => planned.plan,
        Err(stopped) => panic!("{stopped:?}\n{text}"),
    }
}

/// The bill of a plan.
pub fn bill(plan: &Plan) -> f64 {
    plan.measures.iter().find(|measure| measure.path == "bill").unwrap().value
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, good enough to choose test cases.
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap()
    }

    /// From `low` to `high`, both included.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}

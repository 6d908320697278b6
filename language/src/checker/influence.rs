//! What an edit can influence: what changed, whoever names it, and so on.

use super::units::{Said, Target, Unit};
use crate::schema;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is new about a declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Change {
    /// Which lines it has, or its name or keys.
    shape: bool,
    /// What it requires or wishes.
    lines: bool,
    /// What it says of these fields.
    fields: BTreeSet<String>,
    /// Kinds of its blocks, before and after.
    holds: BTreeSet<&'static str>,
    /// Everything leans on it, or nobody can tell what does.
    everything: bool,
}

/// Changes by declaration.
#[derive(Debug, Default)]
pub(super) struct Changes {
    by_unit: BTreeMap<usize, Change>,
    /// They are to be resolved again though nothing is new about them.
    again: BTreeSet<usize>,
    /// Whatever there is.
    pub(super) everything: bool,
}

/// Fields of a plan that all profiles lean on.
const STEPS: [&str; 3] = ["horizon", "step", "start"];

impl Change {
    /// What makes `new` of `old`, if anything does.
    pub(super) fn between(old: &Unit, new: &Unit) -> Option<Self> {
        let same_fields = old.fields.keys().eq(new.fields.keys());
        let differ = new
            .fields
            .iter()
            .filter(|(name, said)| old.fields.get(*name).is_none_or(|old| old.differs(said)));
        let change = Self {
            shape: !same_fields || old.spans.len() != new.spans.len() || old.shape.differs(&new.shape),
            lines: old.lines.differs(&new.lines),
            fields: differ.map(|(name, _)| name.clone()).collect(),
            holds: old.holds.union(&new.holds).copied().collect(),
            // The body of a `use` may set a param that comes or goes.
            everything: [old, new].iter().any(|unit| unit.is_loose || unit.is_world)
                || old.is_param != new.is_param,
        };
        let steps = change.shape || STEPS.iter().any(|step| change.fields.contains(*step));
        let everything = change.everything || (old.is_plan || new.is_plan) && steps;
        let change = Self { everything, ..change };
        (change.shape || change.lines || !change.fields.is_empty()).then(|| change.whole())
    }

    /// What describes is built for whoever uses it: they are built again too.
    fn whole(self) -> Self {
        let describes = ["device", "model"].iter().any(|kind| self.holds.contains(kind));
        Self { shape: self.shape || describes, ..self }
    }

    /// Takes in `other`; whether that is news.
    fn join(&mut self, other: Self) -> bool {
        let before = self.clone();
        self.shape |= other.shape;
        self.lines |= other.lines;
        self.fields.extend(other.fields);
        self.holds.extend(other.holds);
        self.everything |= other.everything;
        *self != before
    }
}

impl Changes {
    pub(super) fn add(&mut self, id: usize, change: Option<Change>) {
        if let Some(change) = change {
            self.by_unit.entry(id).or_default().join(change);
        }
    }

    pub(super) fn again(&mut self, ids: impl IntoIterator<Item = usize>) {
        self.again.extend(ids);
    }
}

/// The declarations to resolve again; nothing where all are.
pub(super) fn influenced(
    units: &[Unit],
    ids: &HashMap<Target, usize>,
    readers: &HashMap<Target, BTreeSet<usize>>,
    changes: Changes,
) -> Option<BTreeSet<usize>> {
    let Changes { by_unit: mut changed, again, everything } = changes;
    if everything {
        return None;
    }
    let worlds: Vec<&Unit> = units.iter().filter(|unit| unit.is_world).collect();
    let nothing = changed.is_empty() && again.is_empty();
    if !nothing && worlds.iter().any(|world| is_apart(world, units, ids)) {
        return None;
    }
    // Those that read all things of a kind.
    let wide = units.iter().enumerate().filter(|(_, unit)| unit.said().any(|said| !said.kinds.is_empty()));
    let wide: Vec<(usize, &Unit)> = wide.collect();
    let mut waiting: Vec<usize> = changed.keys().copied().collect();
    while let Some(id) = waiting.pop() {
        let (Some(unit), Some(mut change)) = (units.get(id), changed.get(&id).cloned()) else { continue };
        let of_all = ["policy", "plan"].iter().any(|kind| unit.holds.contains(kind));
        let steps = unit.is_plan && (change.shape || STEPS.iter().any(|step| change.fields.contains(*step)));
        if change.everything
            || unit.is_loose
            || unit.is_world
            || steps
            || (change.lines && of_all && !worlds.is_empty())
        {
            return None;
        }
        if within(unit, units, ids, &mut change) {
            changed.insert(id, change.clone());
        }
        let target = (unit.module, unit.name.clone());
        let mut pass = |reader: usize, influence: Change| {
            if influence != Change::default() && changed.entry(reader).or_default().join(influence) {
                waiting.push(reader);
            }
        };
        for reader in readers.get(&target).into_iter().flatten().copied().filter(|reader| *reader != id) {
            let Some(other) = units.get(reader).filter(|unit| !unit.spans.is_empty()) else { continue };
            if other.is_world {
                return None;
            }
            if other.bases.contains(&target) {
                let holds = other.holds.clone();
                pass(reader, Change { holds, ..change.clone() }.whole());
                continue;
            }
            let leans = |said: &Said| {
                said.mentions
                    .iter()
                    .any(|(name, field)| *name == target && reads(unit, &change, field.as_deref()))
            };
            pass(reader, influence(other, leans));
        }
        for (reader, other) in wide.iter().copied() {
            let leans = |said: &Said| {
                said.kinds.iter().any(|kind| change.holds.contains(kind) || unit.holds.contains(kind))
                    && (change.shape || change.fields.iter().any(|field| said.words.contains(field)))
            };
            let influence = influence(other, leans);
            if influence != Change::default() && other.is_world {
                return None;
            }
            pass(reader, influence);
        }
    }
    let all: BTreeSet<usize> = changed.into_keys().chain(again).collect();
    let lost = all.iter().filter_map(|id| units.get(*id)).any(|unit| unit.is_loose || unit.is_world);
    (!lost).then_some(all)
}

/// What changes in `unit` where `leans` says which of its parts lean on what changed.
fn influence(unit: &Unit, leans: impl Fn(&Said) -> bool) -> Change {
    let fields = unit.fields.iter().filter(|(_, said)| leans(said));
    let change = Change {
        shape: leans(&unit.shape),
        lines: leans(&unit.lines),
        fields: fields.map(|(name, _)| name.clone()).collect(),
        ..Change::default()
    };
    if change == Change::default() { change } else { Change { holds: unit.holds.clone(), ..change }.whole() }
}

/// Whoever reads `field` of `unit`, or all of it, reads what changed.
fn reads(unit: &Unit, change: &Change, field: Option<&str>) -> bool {
    if change.shape {
        return true;
    }
    let is_field = |field: &&str| {
        unit.holds.iter().filter_map(|kind| schema::kind(kind)).any(|kind| kind.field(field).is_some())
    };
    match field.filter(is_field) {
        Some(field) => change.fields.contains(field),
        None => !change.fields.is_empty(),
    }
}

/// Fields of a block lean on one another, in its own lines and in those of what it derives from.
fn within(unit: &Unit, units: &[Unit], ids: &HashMap<Target, usize>, change: &mut Change) -> bool {
    let mut lines = vec![unit];
    let mut at = 0;
    while let Some(unit) = lines.get(at) {
        let bases = unit.bases.iter().filter_map(|base| units.get(*ids.get(base)?));
        let bases: Vec<_> =
            bases.filter(|base| !lines.iter().any(|known| std::ptr::eq(*known, *base))).collect();
        lines.extend(bases);
        at += 1;
    }
    let before = change.fields.len();
    loop {
        let known = change.fields.len();
        let fields = lines.iter().flat_map(|unit| &unit.fields);
        let leaning = fields.filter(|(_, said)| said.words.iter().any(|word| change.fields.contains(word)));
        let leaning: Vec<String> = leaning.map(|(name, _)| name.clone()).collect();
        change.fields.extend(leaning);
        if change.fields.len() == known {
            return known != before;
        }
    }
}

/// The world sets a param, which may make other things of everything.
fn is_apart(world: &Unit, units: &[Unit], ids: &HashMap<Target, usize>) -> bool {
    let mentions = world.shape.mentions.iter().filter_map(|(target, _)| units.get(*ids.get(target)?));
    mentions.into_iter().any(|unit| unit.is_param)
}

/// `influenced`, and all that they name, in as many steps as it takes; with them what stands in no block, and
/// the plan.
pub(super) fn named(
    units: &[Unit],
    ids: &HashMap<Target, usize>,
    influenced: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let there = || units.iter().enumerate().filter(|(_, unit)| !unit.spans.is_empty());
    let always = there().filter(|(_, unit)| unit.is_loose || unit.is_plan).map(|(id, _)| id);
    let mut waiting: Vec<usize> = influenced.iter().copied().chain(always).collect();
    let mut named = BTreeSet::new();
    let mut whole: BTreeSet<&str> = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        let Some(unit) = units.get(id).filter(|unit| !unit.spans.is_empty()) else { continue };
        if !named.insert(id) {
            continue;
        }
        for said in unit.said() {
            waiting.extend(said.mentions.iter().filter_map(|(target, _)| ids.get(target)));
            for kind in &said.kinds {
                if whole.insert(kind) {
                    waiting.extend(there().filter(|(_, unit)| unit.holds.contains(kind)).map(|(id, _)| id));
                }
            }
        }
    }
    named
}

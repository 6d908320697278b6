//! What the hardware of a place could draw at most, and the lines that limit it.
//!
//! A nameplate is a sum of facts over the servers that are filled: of each its devices' nameplates and its
//! overhead. A line over nameplates is decided here, unless a block that need not be filled leaves a choice.

use super::building::Builder;
use crate::diagnostics::Diagnostic;
use crate::model::{Compare, Condition, Filling, Of, PlaceKind, Program, Requirement, Steps, Subject, Term};
use crate::quantity::{Dimension, Quantity};
use crate::span::Span;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::{BTreeMap, BTreeSet};

const CHOICE: &str = "which servers of a block are filled is not planned yet";

const SCENARIO: &str = "what holds in a scenario alone is not judged yet";

/// From how little to how much, W.
#[derive(Clone, Debug)]
struct Between {
    low: BigRational,
    high: BigRational,
}

/// A fact that a nameplate lacks: what lacks it, where that stands, and the fact's name.
struct Missing {
    thing: String,
    span: Span,
    fact: &'static str,
}

/// Servers of one block within a place.
struct Block {
    span: Span,
    /// W of each, with its address.
    servers: Vec<(BigRational, String)>,
    /// How many are filled at the least, and what these draw at the least.
    filled: usize,
    least: BigRational,
    /// In how many places of the one in hand the block stands: a line in it speaks of each.
    times: usize,
}

impl<'a> Builder<'_, 'a> {
    /// Decides every line over nameplates that facts decide.
    pub(super) fn nameplates(&mut self) {
        let requirements = std::mem::take(&mut self.program.requirements);
        let limits: Vec<_> = requirements.iter().filter_map(limit_of).collect();
        let kept = requirements.into_iter().filter_map(|line| self.nameplate_line(line, &limits));
        let kept: Vec<_> = kept.collect();
        self.program.requirements = kept;
        for at in 0..self.program.services.len() {
            let Some(service) = self.program.services.get_mut(at) else { continue };
            let lines = std::mem::take(&mut service.requirements);
            let kept: Vec<_> =
                lines.into_iter().filter_map(|line| self.nameplate_line(line, &limits)).collect();
            if let Some(service) = self.program.services.get_mut(at) {
                service.requirements = kept;
            }
        }
        let mut wishes = std::mem::take(&mut self.program.wishes);
        for wish in wishes.iter_mut().filter(|wish| speaks_of_nameplates(&wish.condition)) {
            if wish.unjudged.is_none() && !matches!(truth(&self.program, &wish.condition), Ok(Some(true))) {
                self.warn(wish.span, CHOICE);
                wish.unjudged = Some(CHOICE.to_owned());
            }
        }
        self.program.wishes = wishes;
    }

    /// The line, unless facts decide it.
    fn nameplate_line(&mut self, line: Requirement, limits: &[(Of, BigRational)]) -> Option<Requirement> {
        if !speaks_of_nameplates(&line.condition) {
            return Some(line);
        }
        if line.when.base == Steps::Never {
            self.warn(line.span, SCENARIO);
            return Some(Requirement { unjudged: Some(SCENARIO.to_owned()), ..line });
        }
        match truth(&self.program, &line.condition) {
            Ok(Some(true)) => None,
            Ok(Some(false)) => {
                self.over_nameplate(&line, limits);
                None
            }
            Ok(None) => {
                let unjudged = line.unjudged.clone().unwrap_or_else(|| CHOICE.to_owned());
                self.warn(line.span, &unjudged);
                Some(Requirement { unjudged: Some(unjudged), ..line })
            }
            Err(missing) => {
                self.missing_nameplate(&line, &missing);
                Some(line)
            }
        }
    }

    fn missing_nameplate(&mut self, line: &Requirement, missing: &Missing) {
        let Missing { thing, span, fact } = missing;
        self.resolver.report(
            Diagnostic::error(
                "model::missing-input",
                format!("`{}` needs facts that nobody states", line.text),
                line.span,
                format!("this needs `{fact}` of `{thing}`"),
            )
            .and(*span, format!("no line here states `{fact}`"))
            .help("A nameplate adds up what the devices of each server may draw and its `overhead`. State it, or leave the requirement out."),
        );
    }

    /// More hardware stands in a place than a line allows.
    fn over_nameplate(&mut self, line: &Requirement, limits: &[(Of, BigRational)]) {
        let place = limit_of(line).and_then(|(of, limit)| match of {
            Of::Thing { kind, address } => Some((kind, address, limit)),
            Of::Program | Of::Service(_) => None,
        });
        let Some((kind, address, limit)) = place else {
            self.violated(line.span, "it adds up facts, and no plan can change them");
            return;
        };
        let nodes = nodes_in(&self.program, kind, &address);
        let blocks = blocks(&self.program, &nodes);
        let total = blocks.iter().fold(BigRational::zero(), |total, block| total + &block.least);
        let excess = &total - &limit;
        if !excess.is_positive() {
            // `< 44kW` of exactly 44kW.
            self.violated(line.span, &format!("`{address}` holds {}", watts(&total)));
            return;
        }
        let choice = blocks.iter().any(|block| block.filled < block.servers.len());
        let least = if choice { "at least " } else { "" };
        let title = format!(
            "{kind} {address} holds {least}{} of hardware, {} over its limit",
            watts(&total),
            watts(&excess)
        );
        let mut diagnostic = Diagnostic::error("power::over-nameplate", title, line.span, "the limit");
        for block in &blocks {
            diagnostic = diagnostic.and(block.span, block.sum());
        }
        let mut help = self.leave_out(&blocks, &total, &excess);
        help.push_str("\nA cap lowers `power`, not `nameplate`.");
        if let Some(spare) = self.spare(kind, &address, &excess, &blocks, limits) {
            help.push(' ');
            help.push_str(&spare);
        }
        self.resolver.report(diagnostic.help(help));
    }

    /// The block of which the fewest servers need to be left out, and the line that allows it.
    fn leave_out(&self, blocks: &[Block], total: &BigRational, excess: &BigRational) -> String {
        let fewest = blocks.iter().filter_map(|block| Some((block.left_out(excess)?, block)));
        let Some((left, block)) = fewest.min_by_key(|(left, _)| *left) else {
            return format!("Take hardware out, or raise the limit to {}.", watts(total));
        };
        // The line speaks of the block in one place.
        let high = block.filled / block.times - left;
        let low = high.saturating_sub(1);
        let freed = block.servers_freed(left);
        let servers = if left == 1 { "a server".to_owned() } else { format!("{left} servers") };
        format!(
            "Let the plan leave {servers} out ({} with {high} of {}):\n    {} {{ filled in {low}..{high} }}",
            watts(&(total - freed)),
            block.servers.len() / block.times,
            self.resolver.text(block.span),
        )
    }

    /// What stands beside a place and could take one of its servers, or not.
    fn spare(
        &self,
        kind: &'static str,
        address: &str,
        excess: &BigRational,
        blocks: &[Block],
        limits: &[(Of, BigRational)],
    ) -> Option<String> {
        let parent = |name: &str| {
            let place =
                self.program.places.iter().find(|place| place.level.name() == kind && place.name == name);
            place.map(|place| place.parent)
        };
        let own = parent(address)?;
        let beside = limits.iter().filter_map(|(of, limit)| match of {
            Of::Thing { kind: theirs, address: other } if *theirs == kind && other != address => {
                (parent(other)? == own).then_some(())?;
                let held = between(&self.program, kind, other).ok()?;
                let spare = limit - held.high;
                spare.is_positive().then_some((spare, other))
            }
            _ => None,
        });
        let (spare, other) = beside.max_by(|a, b| a.0.cmp(&b.0))?;
        // The smallest server whose leaving is enough, or the smallest of all.
        let servers = || blocks.iter().flat_map(|block| block.servers.iter());
        let enough = servers().filter(|(power, _)| power >= excess).min_by(|a, b| a.0.cmp(&b.0));
        let (power, name) = enough.or_else(|| servers().min_by(|a, b| a.0.cmp(&b.0)))?;
        let name = name.strip_prefix(&format!("{address}.")).unwrap_or(name);
        Some(if *power <= spare {
            format!("{other} has {} spare: {name} with its {} fits there.", watts(&spare), watts(power))
        } else {
            format!("{other} has {} spare; {name} needs {}.", watts(&spare), watts(power))
        })
    }
}

impl Block {
    /// `4 x 8.8kW = 35.2kW`
    fn sum(&self) -> String {
        let same =
            self.servers.iter().all(|(power, _)| self.servers.first().is_some_and(|first| first.0 == *power));
        match self.servers.first() {
            Some((each, _)) if same => {
                format!("{} x {} = {}", self.filled, watts(each), watts(&self.least))
            }
            _ => format!("{} servers, {}", self.filled, watts(&self.least)),
        }
    }

    /// What leaving `count` of the largest servers out frees, in every place in which the block stands.
    fn servers_freed(&self, count: usize) -> BigRational {
        let mut powers: Vec<_> = self.servers.iter().map(|(power, _)| power).collect();
        powers.sort_unstable();
        powers.into_iter().take(count * self.times).fold(BigRational::zero(), |sum, power| sum + power)
    }

    /// How many servers of the block in one place must go for `excess` to go, if that is enough. Whichever
    /// servers go: the smallest are counted.
    fn left_out(&self, excess: &BigRational) -> Option<usize> {
        let filled = self.filled / self.times;
        (1..=filled).find(|count| self.servers_freed(*count) >= *excess)
    }
}

fn watts(value: &BigRational) -> Quantity {
    Quantity::new(value.clone(), Dimension::POWER)
}

/// The thing whose nameplate alone a line limits from above, and the limit.
fn limit_of(line: &Requirement) -> Option<(Of, BigRational)> {
    let Condition::Compare { terms, compare: Compare::AtMost | Compare::Below, limit, .. } = &line.condition
    else {
        return None;
    };
    match terms.as_slice() {
        [Term { coefficient, subject: Subject::Figure { of, field: "nameplate", .. } }] => {
            Some((of.clone(), &limit.value / coefficient))
        }
        _ => None,
    }
}

fn is_nameplate(subject: &Subject) -> bool {
    matches!(subject, Subject::Figure { field: "nameplate", .. })
}

pub(super) fn speaks_of_nameplates(condition: &Condition) -> bool {
    match condition {
        Condition::Compare { terms, .. } | Condition::Listed { terms, .. } => {
            terms.iter().any(|term| is_nameplate(&term.subject))
        }
        Condition::All(parts) | Condition::Any(parts) => parts.iter().any(speaks_of_nameplates),
        Condition::Not(inner) => speaks_of_nameplates(inner),
        Condition::Chosen { .. } | Condition::Placed { .. } | Condition::NotYet { .. } => false,
    }
}

/// It compares nameplates and nothing else.
pub(super) fn speaks_of_nameplates_alone(condition: &Condition) -> bool {
    match condition {
        Condition::Compare { terms, .. } => terms.iter().all(|term| is_nameplate(&term.subject)),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().all(speaks_of_nameplates_alone),
        Condition::Not(inner) => speaks_of_nameplates_alone(inner),
        Condition::Listed { .. }
        | Condition::Chosen { .. }
        | Condition::Placed { .. }
        | Condition::NotYet { .. } => false,
    }
}

/// Whether a condition holds however blocks are filled, never, or depends on it or on anything else.
fn truth(program: &Program, condition: &Condition) -> Result<Option<bool>, Missing> {
    match condition {
        Condition::Compare { terms, compare, limit, .. } => {
            if !terms.iter().all(|term| is_nameplate(&term.subject)) {
                return Ok(None);
            }
            let mut sum = Between { low: BigRational::zero(), high: BigRational::zero() };
            for Term { coefficient, subject } in terms {
                let Subject::Figure { of: Of::Thing { kind, address }, .. } = subject else {
                    return Ok(None);
                };
                let Between { low, high } = between(program, kind, address)?;
                let (low, high) = if coefficient.is_negative() { (high, low) } else { (low, high) };
                sum.low += coefficient * low;
                sum.high += coefficient * high;
            }
            Ok(compared(&sum, *compare, &limit.value))
        }
        Condition::All(parts) => {
            let parts = parts.iter().map(|part| truth(program, part)).collect::<Result<Vec<_>, _>>()?;
            Ok(if parts.contains(&Some(false)) {
                Some(false)
            } else {
                parts.iter().all(|part| *part == Some(true)).then_some(true)
            })
        }
        Condition::Any(parts) => {
            let parts = parts.iter().map(|part| truth(program, part)).collect::<Result<Vec<_>, _>>()?;
            Ok(if parts.contains(&Some(true)) {
                Some(true)
            } else {
                parts.iter().all(|part| *part == Some(false)).then_some(false)
            })
        }
        Condition::Not(inner) => Ok(truth(program, inner)?.map(|holds| !holds)),
        Condition::Listed { .. }
        | Condition::Chosen { .. }
        | Condition::Placed { .. }
        | Condition::NotYet { .. } => Ok(None),
    }
}

fn compared(sum: &Between, compare: Compare, limit: &BigRational) -> Option<bool> {
    let (low, high) = (&sum.low, &sum.high);
    let (always, never) = match compare {
        Compare::AtMost => (high <= limit, low > limit),
        Compare::Below => (high < limit, low >= limit),
        Compare::AtLeast => (low >= limit, high < limit),
        Compare::Above => (low > limit, high <= limit),
        Compare::Equal => (low == limit && high == limit, low > limit || high < limit),
        Compare::Unequal => (low > limit || high < limit, low == limit && high == limit),
    };
    if always { Some(true) } else { never.then_some(false) }
}

/// What a node, or the nodes that are filled in a place, could draw.
fn between(program: &Program, kind: &str, address: &str) -> Result<Between, Missing> {
    let nodes = nodes_in(program, kind, address);
    let mut sum = Between { low: BigRational::zero(), high: BigRational::zero() };
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for filling in &program.fillings {
        let here: Vec<_> = filling.nodes.iter().copied().filter(|node| nodes.contains(node)).collect();
        chosen.extend(&here);
        let mut powers = Vec::with_capacity(here.len());
        for node in &here {
            powers.push(nameplate(program, *node)?);
        }
        powers.sort_unstable();
        let (low, high) = filled(filling);
        // Where only some of a block are meant, the others may be the filled ones.
        let low = low.saturating_sub(filling.nodes.len() - here.len());
        sum.low += powers.iter().take(low).fold(BigRational::zero(), |sum, power| sum + power);
        sum.high += powers.iter().rev().take(high).fold(BigRational::zero(), |sum, power| sum + power);
    }
    for node in nodes.iter().filter(|node| !chosen.contains(node)) {
        let power = nameplate(program, *node)?;
        sum.low += &power;
        sum.high += power;
    }
    Ok(sum)
}

/// The least and the greatest number of servers that may be filled of a block.
fn filled(filling: &Filling) -> (usize, usize) {
    let count = filling.nodes.len();
    let whole = |value: u64| usize::try_from(value).unwrap_or(usize::MAX).min(count);
    let low = filling.filled.iter().filter_map(|bound| bound.low).max().map_or(0, whole);
    let high = filling.filled.iter().filter_map(|bound| bound.high).min().map_or(count, whole);
    (low, high)
}

/// A node's own, or those that stand in a place, by index.
fn nodes_in(program: &Program, kind: &str, address: &str) -> BTreeSet<usize> {
    let nodes = program.nodes.iter().enumerate();
    if kind == PlaceKind::Node.name() {
        return nodes.filter(|(_, node)| node.name == address).map(|(at, _)| at).collect();
    }
    let place = program.places.iter().position(|place| place.level.name() == kind && place.name == address);
    let inside = |mut at: Option<usize>| {
        while let Some(known) = at {
            if Some(known) == place {
                return true;
            }
            at = program.places.get(known).and_then(|place| place.parent);
        }
        false
    };
    nodes.filter(|(_, node)| inside(node.place)).map(|(at, _)| at).collect()
}

/// What one node could draw, W.
fn nameplate(program: &Program, node: usize) -> Result<BigRational, Missing> {
    let Some(node) = program.nodes.get(node) else {
        return Ok(BigRational::zero());
    };
    let overhead = node.overhead.as_ref().ok_or_else(|| Missing {
        thing: node.name.clone(),
        span: node.span,
        fact: "overhead",
    })?;
    let mut power = overhead.value.value.clone();
    if let Some(devices) = &node.devices {
        let (class, count) = devices.value;
        if let Some(class) = program.devices.get(class) {
            let each = class.nameplate.as_ref().ok_or_else(|| Missing {
                thing: class.name.clone(),
                span: class.span,
                fact: "nameplate",
            })?;
            power += &each.value.value * BigRational::from_integer(count.into());
        }
    }
    Ok(power)
}

/// The servers of a place by the block in which they are written, in order of appearance.
fn blocks(program: &Program, nodes: &BTreeSet<usize>) -> Vec<Block> {
    let mut order = Vec::new();
    let mut by_span: BTreeMap<Span, (Vec<usize>, BTreeSet<Option<usize>>)> = BTreeMap::new();
    for at in nodes {
        let Some(node) = program.nodes.get(*at) else { continue };
        let (servers, places) = by_span.entry(node.span).or_insert_with(|| {
            order.push(node.span);
            Default::default()
        });
        servers.push(*at);
        places.insert(node.place);
    }
    let block = |span: Span| {
        let (servers, places) = by_span.get(&span)?;
        let mut filled_count = servers.len();
        for filling in &program.fillings {
            if filling.nodes.iter().all(|node| servers.contains(node)) {
                filled_count -= filling.nodes.len() - filled(filling).0;
            }
        }
        let mut powers: Vec<_> = servers
            .iter()
            .filter_map(|at| Some((nameplate(program, *at).ok()?, program.nodes.get(*at)?.name.clone())))
            .collect();
        powers.sort_unstable();
        let least = powers.iter().take(filled_count).fold(BigRational::zero(), |sum, (power, _)| sum + power);
        Some(Block { span, servers: powers, filled: filled_count, least, times: places.len().max(1) })
    };
    order.into_iter().filter_map(block).collect()
}

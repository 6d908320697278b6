//! Nodes emptied in turns: waves, each of them a plan under which its nodes are empty.
//!
//! What can be emptied together can be emptied in parts, because a plan that uses none of some nodes uses none of
//! fewer. So there are waves wherever each node can be emptied alone. Where at most `m` of `n` nodes can be empty at
//! once, those `n` take `n / m` waves at least, rounded up: whatever is left before a wave gives such a bound for all
//! of them. Each wave takes as many as come to that number, of those that can be empty together.

use crate::plan::Status;
use crate::problem::{Atom, Level, LevelAtom, Packing, Problem, Running};
use crate::recheck;
use crate::session::{Front, Planned, Session, Stopped, nodes_at};
use crate::solving::{Outcome, Progress, Request};
use crate::state::{Observed, Resolved, RunningEntry, State};
use crate::targeting::Names;
use num_rational::BigRational;
use num_traits::{One, ToPrimitive, Zero};
use std::collections::BTreeSet;

/// Nodes by index into the program's.
type Nodes = BTreeSet<usize>;

/// How some nodes are emptied in turns, or why they are not.
#[derive(Debug)]
pub enum Drain {
    /// They are, in these waves.
    Waves(Waves),
    /// One cannot be emptied, not even alone, or whether it can was not found out: the plan says which.
    Prevented(Box<Planned>),
}

/// Plans to be applied one after the other, and how few there can be.
#[derive(Debug)]
pub struct Waves {
    /// In order; each is made from what the one before it makes.
    pub planned: Vec<Planned>,
    /// It takes this many at least.
    pub least: usize,
    /// It takes this many at least by what exact arithmetic confirms, which may be less.
    pub proved: usize,
}

/// What is emptied, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The addresses of the nodes.
    pub nodes: &'a BTreeSet<String>,
    /// No more of them at once than this.
    pub at_once: Option<usize>,
    /// What runs before the first wave, and where it was seen.
    pub state: Option<&'a (State, String)>,
}

/// Nodes that can be emptied together, as far as a search has found.
struct Choice {
    /// At least one.
    nodes: Vec<usize>,
    /// No more than this many can, as it is claimed, and as exact arithmetic confirms.
    most: [usize; 2],
}

impl Session<'_> {
    /// Waves that empty the nodes of `wanted`. `progress` also gets the number of the wave, from 1.
    ///
    /// # Errors
    /// Where the files do not come to a problem.
    pub fn waves(
        &self,
        path: &str,
        wanted: Wanted<'_>,
        request: &Request,
        progress: &mut dyn FnMut(usize, Progress),
    ) -> Result<Drain, Stopped> {
        let front = self.front(path, None)?;
        let names = self.targeting.names(&front.program);
        let seen = wanted.state.zip(names.as_ref());
        let mut observed = seen.map(|((state, from), names)| Observed::own(from, state, names));
        let all = self.stages_while(front.clone(), &Nodes::new(), |_| None);
        let mut rest = nodes_at(&front.program, wanted.nodes);
        let limit = wanted.at_once.unwrap_or(usize::MAX).max(1);
        let mut waves = Waves { planned: Vec::new(), least: 1, proved: 1 };
        while !rest.is_empty() {
            let number = waves.planned.len() + 1;
            let mut show = |shown: Progress| progress(number, shown);
            let running = names.as_ref().zip(observed.clone());
            let running = running.map(|(names, observed)| Resolved::of(observed, names).running());
            let running = running.unwrap_or_default();
            let Choice { mut nodes, most } = self.choice(&all.packing, &rest, running, request, &mut show);
            let [least, proved] = most.map(|most| rest.len().div_ceil(most.min(limit)));
            waves.least = waves.least.max(least);
            waves.proved = waves.proved.max(proved);
            // Waves of one size are no more of them, and leave the most room in each.
            nodes.truncate(rest.len().div_ceil(least));
            let planned = loop {
                let drained = nodes.iter().copied().collect();
                let planned = self.planned_while(&front, &drained, observed.clone(), request, &mut show);
                if planned.values.is_some() {
                    break planned;
                }
                if nodes.len() == 1 || request.cancellation.is_cancelled() {
                    return Ok(Drain::Prevented(Box::new(planned)));
                }
                // A line that the choice does not see, such as one on the bill, allows fewer.
                if planned.plan.status == Status::Infeasible && nodes.len() == rest.len() {
                    waves.least = waves.least.max(2);
                }
                nodes.truncate(nodes.len() / 2);
            };
            rest.retain(|node| !nodes.contains(node));
            observed = names.as_ref().map(|names| outcome(&planned, names, number));
            waves.planned.push(planned);
        }
        Ok(Drain::Waves(waves))
    }

    fn planned_while(
        &self,
        front: &Front,
        drained: &Nodes,
        observed: Option<Observed>,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Planned {
        self.solved(self.stages_while(front.clone(), drained, |_| observed), request, progress)
    }

    /// As many nodes of `rest` as can be empty at once; of choices that are as good, those that the fewest replicas
    /// leave, the fewest first. Where a search finds nothing, all of them, to be tried.
    fn choice(
        &self,
        all: &Packing,
        rest: &Nodes,
        running: Vec<Running>,
        request: &Request,
        progress: &mut dyn FnMut(Progress),
    ) -> Choice {
        let packing = fewest_in_use(all, rest, running);
        let everything = || Choice { nodes: rest.iter().copied().collect(), most: [rest.len(); 2] };
        let solution = match self.solving.solve(Problem::Packing(&packing), request, progress) {
            Outcome::Solved(solution) => solution,
            // What is tried next says why.
            Outcome::Infeasible(_) => {
                return Choice { nodes: rest.iter().copied().take(1).collect(), most: [1; 2] };
            }
            Outcome::Unknown { because: _ } => return everything(),
        };
        let Ok(values) = recheck::recheck(&packing, &solution) else { return everything() };
        let [claimed, proved] = [&solution.levels[IN_USE].bound, &values.proved[IN_USE]];
        let most = [claimed, proved].map(|in_use| {
            let in_use = in_use.ceil().to_integer().to_usize().unwrap_or(0);
            rest.len().saturating_sub(in_use).max(1)
        });
        let leaving = |node: &usize| -> u64 {
            let on = packing.running.iter().filter(|running| running.machine == Some(*node));
            on.map(|running| running.copies).sum()
        };
        let mut nodes: Vec<usize> =
            rest.iter().copied().filter(|node| values.machines_in_use.binary_search(node).is_err()).collect();
        nodes.sort_by_key(|node| (leaving(node), *node));
        if nodes.is_empty() {
            // What is tried next says why.
            nodes.extend(rest.first());
        }
        Choice { nodes, most }
    }
}

/// Which level of [`fewest_in_use`] counts the nodes.
const IN_USE: usize = 0;

/// The problem of using as few machines of `rest` as what must hold allows, then of moving few replicas. Machines cost
/// 1 where they are of `rest` and nothing elsewhere, so lines about money are left out: it allows no less.
fn fewest_in_use(packing: &Packing, rest: &Nodes, running: Vec<Running>) -> Packing {
    let mut packing = packing.clone();
    for (index, machine) in packing.machines.iter_mut().enumerate() {
        machine.price = if rest.contains(&index) { BigRational::one() } else { BigRational::zero() };
    }
    packing.rows.retain(|row| row.terms.iter().all(|(_, atom)| *atom != Atom::Price));
    packing.wishes.clear();
    let level = |name: &str, atom| Level {
        name: name.into(),
        unit: "1".into(),
        terms: vec![(BigRational::one(), atom)],
        gap: BigRational::zero(),
    };
    packing.levels = vec![level("nodes in use", LevelAtom::Price)];
    if !running.is_empty() {
        packing.levels.push(level("moves", LevelAtom::Moves));
    }
    packing.running = running;
    packing
}

/// What `planned` makes, the wave `number`, as the next one finds it.
fn outcome(planned: &Planned, names: &Names, number: usize) -> Observed {
    let name = |known: &[Vec<String>], index: usize| {
        known.get(index).and_then(|names| names.first()).cloned().unwrap_or_default()
    };
    let standing = planned.values.iter().flat_map(|values| values.standing.iter().enumerate());
    let running = standing.flat_map(|(item, on)| {
        on.iter().map(move |(node, replicas)| RunningEntry {
            owner: names.owner.clone(),
            service: name(&names.services, item),
            node: name(&names.nodes, *node),
            replicas: *replicas,
        })
    });
    Observed { from: format!("after wave {number}"), running: State::new(running).running }
}

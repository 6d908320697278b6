//! Level after level: the best solution found, a bound, and a certificate for each.

mod moves;

use crate::balance::balanced;
use crate::bounds::{Multipliers, contradiction, fewest, linear_bound, scaled};
use crate::exact::{Exact, exact, size};
use crate::guide::Guide;
use crate::instance::{Instance, MOST_COPIES};
use crate::program::{End, Limits};
use crate::rational::float;
use crate::search::{Budget, Search};
use crate::smt::{Verdict, verdict};
use crate::state::{Snapshot, State, assignments};
use crate::targets::{Cell, greedy_targets, needs_master};
use crate::watch::{Watcher, solver_name};
use berth_compiler::problem::{Assignment, Certificate, LevelAtom, LevelClaim, Packing, Problem, Solution};
use berth_compiler::recheck::{Values, Violation, recheck, recheck_assignments, well_formed};
use berth_compiler::relaxation::{Counted, Goal, Relaxation, farkas_origins, proved, raised, relaxation};
use berth_compiler::solving::{Feasibility, Outcome, Progress, Proof, Reason, Request, Solving};
use berth_language::span::Span;
use moves::most_moves;
use num_rational::BigRational;
use num_traits::{Signed, Zero};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Above this many columns the relaxation is solved in fractions, which are rounded down; above the second,
/// not at all.
const WHOLE_COLUMNS: usize = 1_500;
const MASTER_COLUMNS: usize = 40_000;

/// Above this many columns z3 is not asked.
const SMT_COLUMNS: usize = 400;

/// Steps of annealing for each copy placed, or as for so few, and at most in all, where something is left out.
const STEPS_A_COPY: u64 = 10_000;
const FEW_COPIES: u64 = 200;
const MOST_STEPS: u64 = 8_000_000;

/// Machines looked at by ruining and recreating; fewer where more copies than this make each round dear.
const MOST_LOOKS: u64 = 100_000_000;
const MANY_COPIES: u64 = 10_000;

/// The same where a little is tried first, and rounds without a better result.
const SHORT_LOOKS: u64 = 1_000_000;
const SHORT_ROUNDS: u64 = 100;

/// Above this many columns for copies, a level of shortfalls is left to the native search: on full machines
/// the program on named ones proves nothing for minutes.
const SHORTFALL_COLUMNS: usize = 120;

/// Where a row limits moves, so many times as many.
const NEAR: usize = 5;

/// Of every search: the same problem gives the same solution.
const SEED: u64 = 0x5EED;

/// HiGHS, z3 and a native search behind one interface.
#[derive(Clone, Debug)]
pub struct Highs {
    /// Above this many columns for copies the mixed-integer program on named machines is not tried, and
    /// the native search decides with bounds from the relaxation.
    pub exact_columns: usize,
}

impl Highs {
    /// With its ordinary limits.
    pub fn new() -> Self {
        Self { exact_columns: 2_000 }
    }
}

impl Default for Highs {
    fn default() -> Self {
        Self::new()
    }
}

impl Solving for Highs {
    fn solve(&self, problem: Problem<'_>, request: &Request, progress: &mut dyn FnMut(Progress)) -> Outcome {
        let packing = match problem {
            Problem::Packing(packing) => packing,
            Problem::Balance(balance) => return balanced(balance, request),
        };
        let instance = match prepared(packing) {
            Ok(instance) => instance,
            Err(because) => return Outcome::Unknown { because },
        };
        let mut run = Run::new(self.exact_columns, &instance, request, progress);
        run.solve().unwrap_or_else(|because| Outcome::Unknown { because })
    }

    fn feasible(&self, packing: &Packing, near: &[Assignment], request: &Request) -> Feasibility {
        let Ok(instance) = prepared(packing) else { return Feasibility::Unknown };
        let mut ignored = |_: Progress| {};
        let mut run = Run::new(self.exact_columns, &instance, request, &mut ignored);
        match run.find_any(near, false) {
            // It has passed the check.
            Ok(Any::Found) => {
                let assignments = assignments(&instance, &run.best);
                Feasibility::Feasible(Solution { assignments, levels: Vec::new() })
            }
            Ok(Any::None(reason)) => Feasibility::Infeasible(reason),
            Ok(Any::Unknown(_)) | Err(_) => Feasibility::Unknown,
        }
    }
}

/// The instance of a problem whose indices and lengths are right.
fn prepared(packing: &Packing) -> Result<Instance<'_>, String> {
    well_formed(packing).map_err(|violations| texts(&violations))?;
    Ok(Instance::new(packing))
}

fn texts(violations: &[Violation]) -> String {
    let texts: Vec<&str> = violations.iter().map(|violation| violation.text.as_str()).collect();
    texts.join("; ")
}

/// Whether any solution exists.
enum Any {
    /// `Run::best` is one.
    Found,
    None(Reason),
    Unknown(String),
}

/// What is known of a level's bound.
struct LevelBound {
    /// The values of the levels before it when this was computed.
    frozen: Vec<BigRational>,
    multipliers: Multipliers,
    proved: BigRational,
    /// By the word of a search.
    searched: Option<BigRational>,
}

/// What the program on named machines came to.
struct Solved {
    /// At the point found, which is kept.
    objective: f64,
    /// HiGHS says that no point is below it.
    is_best: bool,
    /// HiGHS says that none is below this.
    bound: Option<f64>,
}

struct Run<'r, 'p> {
    packing: &'p Packing,
    /// Whether the program on named machines is worth trying.
    is_small: bool,
    /// How much may move, where a row says so and it is little: then the program is worth trying on more columns.
    most_moves: Option<u64>,
    /// The value of a level, and the fewest moves with which it is had, by the word of a search.
    fewest_moves: Option<(usize, BigRational, BigRational)>,
    instance: &'r Instance<'p>,
    request: &'r Request,
    progress: &'r mut dyn FnMut(Progress),
    guide: Guide,
    /// Copies by form that the search aims at.
    targets: Vec<u64>,
    best: Snapshot,
    score: Vec<i128>,
    /// What the best amounts to in exact numbers; none where it violates a row.
    values: Option<Values>,
    deadline: Option<Instant>,
}

impl<'r, 'p> Run<'r, 'p> {
    fn new(
        exact_columns: usize,
        instance: &'r Instance<'p>,
        request: &'r Request,
        progress: &'r mut dyn FnMut(Progress),
    ) -> Self {
        let score = State::new(instance).score;
        // The clock is read only where the user asked for a limit in time.
        let deadline = request.time_limit.map(|limit| Instant::now() + limit);
        let guide = Guide::new(instance);
        let targets = greedy_targets(instance, &guide.expense);
        let best = Snapshot::new();
        let packing = instance.packing;
        let values = recheck_assignments(packing, &[]).ok();
        let size = size(instance);
        let is_small = size <= exact_columns;
        let most_moves = most_moves(instance).filter(|_| size <= exact_columns.saturating_mul(NEAR));
        Self {
            packing,
            is_small,
            most_moves,
            fewest_moves: None,
            instance,
            request,
            progress,
            guide,
            targets,
            best,
            score,
            values,
            deadline,
        }
    }

    fn solve(&mut self) -> Result<Outcome, String> {
        match self.find_any(&[], true)? {
            Any::Found => {}
            Any::None(reason) => return Ok(Outcome::Infeasible(reason)),
            Any::Unknown(because) => return Ok(Outcome::Unknown { because }),
        }
        let mut bounds = Vec::new();
        for level in 0..self.packing.levels.len() {
            bounds.push(self.solve_level(level)?);
        }
        let levels = self.claims(bounds)?;
        let solution = Solution { assignments: assignments(self.instance, &self.best), levels };
        Ok(match recheck(self.packing, &solution) {
            Ok(_) => Outcome::Solved(solution),
            Err(violations) => {
                let texts: Vec<&str> = violations.iter().map(|violation| violation.text.as_str()).collect();
                Outcome::Unknown {
                    because: format!("the solution found does not hold: {}", texts.join("; ")),
                }
            }
        })
    }

    /// What solves another problem, as far as it fits, with what is missing placed around it.
    fn around(&self, near: &[Assignment]) -> State<'r, 'p> {
        let mut state = State::new(self.instance);
        for of in near {
            let form = self.instance.forms_of.get(of.item).and_then(|forms| forms.clone().nth(of.choice));
            let Some(form) = form.filter(|_| of.machine < self.packing.machines.len()) else { continue };
            let placed = |_: &u64| state.insert(form, of.machine);
            let _ = (0..of.copies).take_while(placed).count();
        }
        let mut search = Search::new(state, &self.guide, self.targets.clone(), SEED);
        search.trim();
        search.construct();
        search.state
    }

    /// A solution of the rows, or why there is none.
    ///
    /// `near` solves a problem like this one, or is empty. Why there is none is said with few lines, or with those
    /// that were found first.
    fn find_any(&mut self, near: &[Assignment], with_few: bool) -> Result<Any, String> {
        let copies = total(&self.targets);
        if copies > MOST_COPIES {
            return Ok(Any::Unknown(format!(
                "{copies} copies are asked for, at most {MOST_COPIES} are placed"
            )));
        }
        let around = (!near.is_empty()).then(|| self.around(near));
        if let Some(state) = &around {
            self.keep(state);
            if self.keeps_rows() {
                return Ok(Any::Found);
            }
        }
        let mut search = Search::new(State::new(self.instance), &self.guide, self.targets.clone(), SEED);
        search.construct();
        let state = search.state;
        self.keep(&state);
        self.stay();
        if self.keeps_rows() {
            return Ok(Any::Found);
        }
        // The searches below go on from there.
        around.iter().for_each(|state| self.keep(state));
        self.search_shortly();
        if self.keeps_rows() {
            return Ok(Any::Found);
        }
        let relaxed = relaxation(self.packing, Goal::Feasibility);
        let limits = self.limits(BigRational::zero());
        if let Some(mut multipliers) = contradiction(&relaxed, &limits, &mut self.quiet())? {
            if with_few {
                multipliers = fewest(&relaxed, multipliers, &limits, &mut self.quiet())?;
            }
            let origins = farkas_origins(&relaxed, &multipliers);
            return Ok(Any::None(Reason { origins, proof: Proof::Farkas { multipliers } }));
        }
        self.master(&relaxed, None, BigRational::zero())?;
        self.search(true, None, &|score| score.first() == Some(&0));
        if self.keeps_rows() {
            return Ok(Any::Found);
        }
        if !self.is_small {
            return Ok(Any::Unknown("no solution was found, and none was excluded".into()));
        }
        let exact = exact(self.instance, None);
        let found = exact.program.solve(&limits, None, &mut self.quiet())?;
        if let Some(state) = found.values.as_ref().and_then(|values| exact.state(self.instance, values)) {
            self.keep(&state);
        }
        if self.keeps_rows() {
            return Ok(Any::Found);
        }
        if size(self.instance) <= SMT_COLUMNS
            && let Verdict::Unsatisfiable(origins) = verdict(self.instance, self.smt_steps())
        {
            return Ok(Any::None(Reason { origins, proof: Proof::Smt }));
        }
        if found.end == End::Infeasible {
            return Ok(Any::None(Reason { origins: self.all_origins(), proof: Proof::Search }));
        }
        Ok(Any::Unknown("the search for a solution ended at its limit".into()))
    }

    /// What comes of leaving what runs where it is, and placing the rest around it.
    fn stay(&mut self) {
        if self.instance.running.iter().any(|running| *running > 0) {
            let state = State::new(self.instance);
            let mut search = Search::new(state, &self.guide, self.targets.clone(), SEED);
            search.stay();
            search.construct();
            let state = search.state;
            self.keep(&state);
        }
    }

    /// Improves the best solution in one level, those before it kept, and bounds it.
    fn solve_level(&mut self, level: usize) -> Result<LevelBound, String> {
        let (mut relaxed, mut bound) = self.bound(level)?;
        if self.is_done(level, &bound.proved) {
            return Ok(bound);
        }
        let target = bound.proved.clone();
        let gap = self.packing.levels[level].gap.clone();
        let instance = self.instance;
        if let Some(most_moves) = self.most_moves {
            // The program decides what all searches would only come near to.
            let searched = self.exact_near(level, most_moves, &relaxed, &bound.frozen)?;
            bound.searched = searched.map(|searched| raised(&relaxed, searched));
            if bound.searched.as_ref().is_some_and(|searched| self.is_done(level, searched)) {
                return Ok(bound);
            }
        }
        let mut searched = bound.searched.take();
        let needs_master = needs_master(instance);
        if needs_master {
            searched = self.master(&relaxed, Some(level), gap.clone())?;
        }
        let counts_shortfalls = self.packing.levels[level]
            .terms
            .iter()
            .any(|(_, atom)| matches!(atom, LevelAtom::Shortfall { .. }));
        self.search(counts_shortfalls, self.moves_after(level), &|score| {
            let value = instance.level_value(level, score.get(level + 1).copied().unwrap_or(0));
            &value - &target <= &gap * value.abs()
        });
        if instance.moves_in_levels.iter().any(|(counts, _)| *counts == level) {
            self.fewer_moves(level, &|score| instance.level_value(level, score[level + 1]) <= target);
        }
        if self.frozen(level) != bound.frozen {
            (relaxed, bound) = self.bound(level)?;
        }
        let best = |bound: &LevelBound, searched: &Option<BigRational>| {
            searched.iter().cloned().fold(bound.proved.clone(), BigRational::max)
        };
        if !self.is_done(level, &best(&bound, &searched)) && searched.is_none() && !needs_master {
            searched = self.master(&relaxed, Some(level), gap)?;
        }
        let counts_money = self.packing.levels[level].terms.iter().any(|(_, atom)| *atom == LevelAtom::Price);
        let exact_pays = self.is_small && (counts_money || size(self.instance) <= SHORTFALL_COLUMNS);
        if !self.is_done(level, &best(&bound, &searched)) && exact_pays {
            searched = searched.max(self.exact(level, &bound.frozen)?);
        }
        // A whole-number program's bound is no better than its floating point; a solution's value is a
        // multiple of the step.
        bound.searched = searched.map(|searched| raised(&relaxed, searched));
        Ok(bound)
    }

    /// The relaxation of a level, the levels before it at their present values, and what it proves.
    fn bound(&mut self, level: usize) -> Result<(Relaxation, LevelBound), String> {
        let frozen = self.frozen(level);
        let relaxed = relaxation(self.packing, Goal::Level { level, frozen: &frozen });
        let bound = self.linear(&relaxed, frozen)?;
        self.report("prove", level, Some(&bound.proved));
        Ok((relaxed, bound))
    }

    /// The program on named machines; the bound that its search gives.
    fn exact(&mut self, level: usize, frozen: &[BigRational]) -> Result<Option<BigRational>, String> {
        let mut limits = self.limits(self.packing.levels[level].gap.clone());
        let program = exact(self.instance, Some((level, frozen)));
        // Large programs take longer for each node, and prove less with it.
        let size = size(self.instance).max(300) as u64;
        let nodes = u64::from(limits.nodes) * 300 / size * 300 / size;
        limits.nodes = u32::try_from(nodes.max(100)).unwrap_or(u32::MAX);
        let found = self.solve_exact(&program, level, &limits)?;
        let value = self.value(level);
        if found.is_best && is_about(found.objective, float(&value)) {
            return Ok(Some(value));
        }
        Ok(found.bound.and_then(careful))
    }

    /// Solves a program from the best solution, and keeps what it finds.
    fn solve_exact(&mut self, exact: &Exact, level: usize, limits: &Limits) -> Result<Solved, String> {
        let start = exact.start(self.instance, &self.best, self.shortfalls());
        let name = self.packing.levels[level].name.clone();
        let progress = &mut *self.progress;
        let mut improved = |objective: f64, bound: f64| {
            let (incumbent, bound) = (finite(objective), finite(bound));
            progress(Progress { stage: "place", level: name.clone(), incumbent, bound });
        };
        let mut watcher = Watcher { cancellation: &self.request.cancellation, improved: Some(&mut improved) };
        let found = exact.program.solve(limits, Some(&start), &mut watcher)?;
        if let Some(state) = found.values.as_ref().and_then(|values| exact.state(self.instance, values)) {
            self.keep(&state);
        }
        let objective = found.values.as_deref().map_or(f64::NAN, |values| exact.program.value(values));
        let is_best = found.end == End::Optimal && limits.gap == 0.0;
        Ok(Solved { objective, is_best, bound: found.bound })
    }

    /// The master program: whole counts by group of machines, which construction then places. The bound
    /// that its search gives.
    ///
    /// It says nothing of items that only later levels want; for those the targets stay as they are. So they
    /// do where an item has one form only: the search may place more than the program thought possible.
    fn master(
        &mut self,
        relaxed: &Relaxation,
        level: Option<usize>,
        gap: BigRational,
    ) -> Result<Option<BigRational>, String> {
        if relaxed.columns.len() > MASTER_COLUMNS {
            return Ok(None);
        }
        let whole = relaxed.columns.len() <= WHOLE_COLUMNS;
        let master = scaled(relaxed, whole);
        // Of many copies, what the last thousandth of the counts would gain is lost where they are placed.
        let thousandth = BigRational::new(1.into(), 1_000.into());
        let gap = if self.is_small { gap } else { gap.max(thousandth) };
        let found = master.program.solve(&self.limits(gap), None, &mut self.quiet())?;
        if let Some(values) = &found.values {
            let last_rank = level.map_or(0, |level| level + 1);
            let decides = |item: usize| self.guide.rank[item] <= last_rank;
            let mut targets = self.targets.clone();
            for (item, forms) in self.instance.forms_of.iter().enumerate() {
                if decides(item) && forms.len() > 1 {
                    targets[forms.clone()].fill(0);
                }
            }
            let mut placed = vec![0.0; self.instance.forms.len()];
            let mut cells: BTreeMap<usize, Cell> = BTreeMap::new();
            for (column, &value) in relaxed.columns.iter().zip(values) {
                match column.counts {
                    Counted::Copies { item, choice, group } if decides(item) => {
                        let Some(form) = self.instance.forms_of[item].clone().nth(choice) else { continue };
                        placed[form] += value;
                        let count = if whole { value.round() } else { (value + 1e-6).floor() };
                        cells.entry(group).or_default().counts.push((form, count.max(0.0) as u64));
                    }
                    Counted::Machines { group } => {
                        cells.entry(group).or_default().in_use = Some(value);
                    }
                    _ => {}
                }
            }
            let mut counts = Vec::new();
            for (group, cell) in cells {
                let machines = relaxed.groups.get(group).into_iter().flatten();
                let mut groups: Vec<usize> =
                    machines.map(|&machine| self.instance.group_of[machine]).collect();
                groups.sort_unstable();
                groups.dedup();
                counts.extend(cell.among(self.instance, &groups));
            }
            let placed: Vec<u64> = placed.into_iter().map(|count| count.round().max(0.0) as u64).collect();
            for (target, placed) in targets.iter_mut().zip(&placed) {
                *target = (*target).max(*placed);
            }
            if total(&targets) > MOST_COPIES {
                return Ok(None);
            }
            let mut search = Search::new(State::new(self.instance), &self.guide, targets.clone(), SEED);
            search.construct_by_group(counts);
            let state = search.state;
            if state.score <= self.score {
                self.targets = targets;
            }
            self.keep(&state);
        }
        let bound = found.bound.filter(|_| whole);
        Ok(bound.map(|bound| bound * master.objective_scale).and_then(careful))
    }

    /// Ruins and recreates a little: mostly that is enough where a solution exists, and it costs less than to ask
    /// whether one does.
    fn search_shortly(&mut self) {
        let state = State::restored(self.instance, &self.best);
        let mut search = Search::new(state, &self.guide, self.targets.clone(), SEED);
        let (cancellation, deadline) = (&self.request.cancellation, self.deadline);
        let budget = Budget { work: SHORT_LOOKS, patience: SHORT_ROUNDS, cancellation, deadline };
        search.improve(&budget, &|score| score.first() == Some(&0));
        let state = search.state;
        self.keep(&state);
    }

    /// Ruins and recreates the best solution; first, where it counts what is left out, anneals.
    fn search(
        &mut self,
        counts_left_out: bool,
        moves_later: Option<usize>,
        enough: &dyn Fn(&[i128]) -> bool,
    ) {
        let state = State::restored(self.instance, &self.best);
        let mut search = Search::new(state, &self.guide, self.targets.clone(), SEED);
        search.moves_later = moves_later;
        let effort = self.request.effort.clamp(1, 1_000_000);
        let (cancellation, deadline) = (&self.request.cancellation, self.deadline);
        let copies = self.best.len() as u64;
        let left_out = !search.missing().is_empty();
        if left_out && counts_left_out {
            let work = effort * (STEPS_A_COPY * copies.max(FEW_COPIES)).min(MOST_STEPS);
            search.anneal(&Budget { work, patience: 0, cancellation, deadline }, enough);
            search.work = 0;
        }
        let work =
            if self.is_small { 20_000_000 } else { MOST_LOOKS * MANY_COPIES / copies.max(MANY_COPIES) };
        let work = effort * work.max(MOST_LOOKS / 10);
        // What annealing has not placed, ruining places seldom.
        let patience = if left_out { 500 + 20 * copies } else { 2_000 + 200 * copies };
        search.improve(&Budget { work, patience, cancellation, deadline }, enough);
        let state = search.state;
        self.keep(&state);
    }

    fn linear(&mut self, relaxed: &Relaxation, frozen: Vec<BigRational>) -> Result<LevelBound, String> {
        let limits = self.limits(BigRational::zero());
        let found = linear_bound(relaxed, &limits, &mut self.quiet())?;
        let (multipliers, proved) = match found {
            Some(found) => (found.multipliers, found.proved),
            None => (Vec::new(), proved(relaxed, &[])),
        };
        Ok(LevelBound { frozen, multipliers, proved, searched: None })
    }

    /// What is claimed at the end, each bound computed again where the levels before it have changed.
    fn claims(&mut self, bounds: Vec<LevelBound>) -> Result<Vec<LevelClaim>, String> {
        let mut claims = Vec::new();
        for (level, mut bound) in bounds.into_iter().enumerate() {
            let frozen = self.frozen(level);
            if frozen != bound.frozen {
                // Lower values before it leave fewer solutions, so what a search said still holds.
                let searched = bound.searched.take();
                let relaxed = relaxation(self.packing, Goal::Level { level, frozen: &frozen });
                bound = LevelBound { searched, ..self.linear(&relaxed, frozen)? };
            }
            let incumbent = self.value(level);
            let proved = bound.proved.clone().min(incumbent.clone());
            let best =
                bound.searched.unwrap_or_else(|| proved.clone()).max(proved.clone()).min(incumbent.clone());
            let certificate = if best.is_zero() && self.is_never_negative(level) {
                Certificate::Trivial
            } else if proved == best {
                Certificate::LinearDual { multipliers: bound.multipliers }
            } else {
                Certificate::Search { solver: solver_name(), proved, multipliers: bound.multipliers }
            };
            claims.push(LevelClaim { incumbent, bound: best, certificate });
        }
        Ok(claims)
    }

    fn frozen(&self, level: usize) -> Vec<BigRational> {
        (0..level).map(|level| self.value(level)).collect()
    }

    fn smt_steps(&self) -> u32 {
        let steps = 4_000_000_u64.saturating_mul(self.request.effort.max(1));
        u32::try_from(steps).unwrap_or(u32::MAX)
    }

    fn is_never_negative(&self, level: usize) -> bool {
        let priced = self.packing.machines.iter().all(|machine| !machine.price.is_negative());
        self.packing.levels[level]
            .terms
            .iter()
            .all(|(factor, atom)| !factor.is_negative() && (priced || *atom != LevelAtom::Price))
    }

    fn keeps_rows(&self) -> bool {
        self.values.is_some()
    }

    fn keep(&mut self, state: &State) {
        if state.score < self.score || self.values.is_none() {
            let best = state.snapshot();
            let values = recheck_assignments(self.packing, &assignments(self.instance, &best)).ok();
            if values.is_some() || self.values.is_none() {
                self.score = state.score.clone();
                self.best = best;
                self.values = values;
            }
        }
    }

    fn value(&self, level: usize) -> BigRational {
        let levels = self.values.as_ref().map(|values| values.levels.as_slice());
        levels.and_then(|levels| levels.get(level)).cloned().unwrap_or_else(BigRational::zero)
    }

    /// Whether the bound is met, or the gap that the level allows is.
    fn is_done(&self, level: usize, bound: &BigRational) -> bool {
        let value = self.value(level);
        let gap = &self.packing.levels[level].gap;
        &value - bound <= gap * value.abs()
    }

    fn shortfalls(&self) -> &[BigRational] {
        self.values.as_ref().map_or(&[], |values| values.shortfalls.as_slice())
    }

    fn limits(&self, gap: BigRational) -> Limits {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let nodes = 2_000_u64.saturating_mul(self.request.effort.max(1));
        Limits {
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
            time: left.map(|left| left.max(Duration::from_millis(1))),
            gap: float(&gap),
            as_it_stands: false,
        }
    }

    fn quiet(&self) -> Watcher<'r> {
        Watcher { cancellation: &self.request.cancellation, improved: None }
    }

    fn report(&mut self, stage: &'static str, level: usize, bound: Option<&BigRational>) {
        let incumbent = self.keeps_rows().then(|| float(&self.value(level)));
        let level = self.packing.levels[level].name.clone();
        (self.progress)(Progress { stage, level, incumbent, bound: bound.map(float) });
    }

    fn all_origins(&self) -> Vec<Span> {
        let rows = self.packing.rows.iter().flat_map(|row| row.origins.iter().copied());
        let items = self.packing.items.iter().map(|item| item.origin);
        let machines = self.packing.machines.iter().map(|machine| machine.origin);
        let mut origins: Vec<Span> = rows.chain(items).chain(machines).collect();
        origins.sort();
        origins.dedup();
        origins
    }
}

/// Up to what a search in floating point leaves open.
fn is_about(found: f64, value: f64) -> bool {
    (found - value).abs() <= 1e-6 * found.abs().max(1.0)
}

fn total(targets: &[u64]) -> u64 {
    targets.iter().fold(0, |sum, target| sum.saturating_add(*target))
}

/// A little below what a floating-point search says.
fn careful(bound: f64) -> Option<BigRational> {
    BigRational::from_float(bound - 1e-6 * bound.abs().max(1.0))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

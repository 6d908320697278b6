//! Few moves: the program on named machines where a row allows little to move, and annealing for fewer.

use super::{MOST_STEPS, Run, SEED, careful, is_about};
use crate::exact::exact;
use crate::instance::{Instance, RowCounts};
use crate::rational::float;
use crate::search::{Budget, Search};
use crate::state::State;
use berth_compiler::problem::{Level, LevelAtom, Relation};
use berth_compiler::relaxation::Relaxation;
use num_rational::BigRational;
use num_traits::Zero;

/// Steps of annealing for each copy placed: they are cheap, for most are refused at once.
const MOVE_STEPS_A_COPY: u64 = 100_000;

impl Run<'_, '_> {
    /// The program on named machines where little may move. A level that is followed by one of moves alone is minimised together with
    /// them, all moves weighing less than the level's least step: the best point is the best of both in turn.
    pub(super) fn exact_near(
        &mut self,
        level: usize,
        most_moves: u64,
        relaxed: &Relaxation,
        frozen: &[BigRational],
    ) -> Result<Option<BigRational>, String> {
        if let Some((before, value, moves)) = &self.fewest_moves
            && self.moves_after(*before) == Some(level)
            && *value == self.value(*before)
        {
            // What lies between leaves fewer solutions, so no fewer moves.
            return Ok(Some(moves.clone()));
        }
        let limits = self.limits(self.packing.levels[level].gap.clone());
        let mut program = exact(self.instance, Some((level, frozen)));
        let later = self.moves_after(level).filter(|_| limits.gap == 0.0);
        let weight = match (&relaxed.step, later) {
            (Some(step), Some(_)) => float(step) / (most_moves as f64 + 1.0),
            _ => 0.0,
        };
        program.weigh_moves(weight);
        let found = self.solve_exact(&program, level, &limits)?;
        let value = self.value(level);
        let moves = self.values.as_ref().map_or(0, |values| values.moves.iter().sum::<u64>());
        let of_best = float(&value) + weight * moves as f64;
        if found.is_best && is_about(found.objective, of_best) {
            if weight > 0.0 {
                let moves = BigRational::from_integer(moves.into());
                let factor = later.map_or_else(BigRational::zero, |later| {
                    self.packing.levels[later].terms.iter().map(|(factor, _)| factor).sum()
                });
                self.fewest_moves = Some((level, value.clone(), factor * moves));
            }
            return Ok(Some(value));
        }
        Ok(found.bound.and_then(|bound| careful(bound - weight * most_moves as f64)))
    }

    /// Anneals for fewer moves, from where all stay and from the best solution in turn.
    pub(super) fn fewer_moves(&mut self, level: usize, enough: &dyn Fn(&[i128]) -> bool) {
        let mut home = Search::new(State::new(self.instance), &self.guide, self.targets.clone(), SEED);
        home.stay();
        home.construct();
        let home = home.state.snapshot();
        let state = State::restored(self.instance, &self.best);
        let mut search = Search::new(state, &self.guide, self.targets.clone(), SEED);
        search.moves_later = Some(level);
        let copies = self.best.len() as u64;
        let effort = self.request.effort.clamp(1, 1_000_000);
        let work = effort * (MOVE_STEPS_A_COPY * copies).min(MOST_STEPS);
        let (cancellation, deadline) = (&self.request.cancellation, self.deadline);
        search.anneal_moves(&home, &Budget { work, patience: 0, cancellation, deadline }, enough);
        let state = search.state;
        self.keep(&state);
    }

    /// A level after this one that counts moves and nothing else.
    pub(super) fn moves_after(&self, level: usize) -> Option<usize> {
        let later = self.packing.levels.iter().enumerate().skip(level + 1);
        let only_moves = |of: &Level| of.terms.iter().all(|(_, atom)| *atom == LevelAtom::Moves);
        later.filter(|(_, of)| only_moves(of)).map(|(later, _)| later).next()
    }
}

/// How many copies may move at most, where that is the lesser part of what runs.
pub(super) fn most_moves(instance: &Instance) -> Option<u64> {
    let running: u64 = instance.running.iter().sum();
    let limits = instance.move_effects.iter().filter_map(|&(row, by)| {
        let of = &instance.rows[row];
        let must_hold = matches!(of.counts, RowCounts::Violation) && of.relation != Relation::AtLeast;
        let alone = instance.counts_moves_alone(row);
        (must_hold && alone && by > 0).then(|| u64::try_from((of.bound / by).max(0)).unwrap_or(u64::MAX))
    });
    limits.min().filter(|most| most.saturating_mul(2) < running)
}

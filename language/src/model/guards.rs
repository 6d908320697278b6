//! When a line holds: in which worlds, and in which steps of the horizon.

use num_rational::BigRational;

/// When a line holds. Outside the base world a line holds only in scenarios that its `when` names.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct When {
    /// As written after `when`, on one line; none where nothing is written.
    pub text: Option<String>,
    /// The steps of the base world.
    pub base: Steps,
    /// Scenarios, by index into [`Program::scenarios`](super::Program::scenarios), each with its steps.
    pub scenarios: Vec<(usize, Steps)>,
}

/// Steps of the horizon.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Steps {
    /// All of them.
    #[default]
    Every,
    /// Those that are set, one entry a step; at least one is.
    These(Vec<bool>),
    /// None.
    Never,
}

impl When {
    /// It holds in every step of the base world.
    pub fn is_always(&self) -> bool {
        self.base == Steps::Every
    }

    /// It holds wherever `other` does.
    pub fn covers(&self, other: &Self) -> bool {
        let same = self.base == other.base && self.scenarios == other.scenarios;
        same || (self.is_always() && other.scenarios.is_empty())
    }

    /// It holds nowhere.
    pub fn is_never(&self) -> bool {
        self.worlds().next().is_none()
    }

    /// Its steps in a world: a scenario by its index, or the base.
    pub fn steps(&self, scenario: Option<usize>) -> &Steps {
        match scenario {
            None => &self.base,
            Some(scenario) => self
                .scenarios
                .iter()
                .find(|(known, _)| *known == scenario)
                .map_or(&Steps::Never, |(_, steps)| steps),
        }
    }

    /// It holds in some step of this world.
    pub fn holds_in(&self, scenario: Option<usize>) -> bool {
        *self.steps(scenario) != Steps::Never
    }

    /// The share of a horizon of so many steps in which it holds in a world.
    pub fn share(&self, scenario: Option<usize>, steps: usize) -> BigRational {
        let within = (0..steps).filter(|step| self.steps(scenario).admits(*step)).count();
        BigRational::new(within.into(), steps.max(1).into())
    }

    /// The worlds in some step of which it holds: the base, none, before scenarios.
    pub fn worlds(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        let scenarios = self.scenarios.iter().map(|(scenario, _)| Some(*scenario));
        [None].into_iter().chain(scenarios).filter(|world| self.holds_in(*world))
    }
}

impl Steps {
    /// The steps that are set.
    pub fn of(set: Vec<bool>) -> Self {
        if set.iter().all(|set| *set) {
            Self::Every
        } else if set.iter().any(|set| *set) {
            Self::These(set)
        } else {
            Self::Never
        }
    }

    /// Whether this step, counted from 0, is among them.
    pub fn admits(&self, step: usize) -> bool {
        match self {
            Self::Every => true,
            Self::These(set) => set.get(step).copied().unwrap_or(false),
            Self::Never => false,
        }
    }

    /// How many steps it tells apart; 0 where all are alike.
    pub fn count(&self) -> usize {
        match self {
            Self::These(set) => set.len(),
            Self::Every | Self::Never => 0,
        }
    }
}

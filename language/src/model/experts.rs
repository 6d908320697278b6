//! How much is asked of each expert.

use num_rational::BigRational;
use num_traits::{One as _, ToPrimitive as _};

/// The share of the tokens that each expert of each layer reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpertLoad {
    /// `zipf(1.0, seed = 7)`: the load of rank r is as `1 / r^exponent`.
    Zipf {
        /// At least zero; zero: all are equal.
        exponent: BigRational,
        /// Every layer has an order of its own, drawn from it; none: in every layer expert 0 has the most, then 1.
        seed: Option<u64>,
    },
    /// `trace("experts.csv")`: by layer with experts, then by expert; one layer where all are alike. Experts beyond the
    /// last have no load.
    Measured(Vec<Vec<u64>>),
}

/// The load of the first rank of a law.
const FIRST: f64 = 1e12;

impl ExpertLoad {
    /// All are equal.
    pub fn even() -> Self {
        Self::Zipf { exponent: BigRational::from_integer(0.into()), seed: None }
    }

    /// The loads of `experts` experts in each of `layers` layers; a single layer where all layers are alike.
    pub fn by_layer(&self, experts: usize, layers: usize) -> Vec<Vec<u64>> {
        match self {
            Self::Zipf { exponent, seed } => {
                let exponent = exponent.to_f64().unwrap_or(f64::MAX);
                let load = |rank: usize| (FIRST / (rank as f64).powf(exponent)).round() as u64;
                let ranked: Vec<u64> = (1..=experts).map(load).collect();
                match seed {
                    None => vec![ranked],
                    Some(seed) => (0..layers).map(|layer| shuffled(&ranked, *seed, layer as u64)).collect(),
                }
            }
            Self::Measured(layers) => {
                let of = |loads: &Vec<u64>| {
                    let mut loads = loads.clone();
                    loads.resize(experts, 0);
                    loads
                };
                layers.iter().map(of).collect()
            }
        }
    }
}

impl std::fmt::Display for ExpertLoad {
    fn fmt(&self, text: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Zipf { exponent, seed } => {
                let exponent =
                    crate::quantity::Quantity::new(exponent.clone(), crate::quantity::Dimension::NONE);
                match seed {
                    None => write!(text, "zipf({exponent})"),
                    Some(seed) => write!(text, "zipf({exponent}, seed = {seed})"),
                }
            }
            Self::Measured(layers) => {
                let experts = layers.iter().map(Vec::len).max().unwrap_or(0);
                let total = |loads: &Vec<u64>| loads.iter().map(|load| u128::from(*load)).sum::<u128>();
                // The hottest expert's part of its layer, in the layer where that is largest.
                let hottest = |loads: &Vec<u64>| {
                    let most = loads.iter().max().copied().unwrap_or(0);
                    BigRational::new(most.into(), total(loads).max(1).into())
                };
                let hottest = layers.iter().map(hottest).max().unwrap_or_else(BigRational::one);
                let percent = 100.0 * hottest.to_f64().unwrap_or(0.0);
                write!(
                    text,
                    "measured of {experts} experts in {} layers, the hottest {percent:.2} %",
                    layers.len()
                )
            }
        }
    }
}

/// The loads in an order drawn from `seed` and `layer`, by Fisher and Yates' shuffle.
fn shuffled(loads: &[u64], seed: u64, layer: u64) -> Vec<u64> {
    let mut state = mixed(seed).wrapping_add(layer.wrapping_mul(GOLDEN));
    let mut shuffled = loads.to_vec();
    for last in (1..shuffled.len()).rev() {
        state = state.wrapping_add(GOLDEN);
        let chosen = (u128::from(mixed(state)) * (last as u128 + 1)) >> 64;
        shuffled.swap(last, chosen as usize);
    }
    shuffled
}

/// The step and the mixing of SplitMix64 (Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA
/// 2014).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mixed(state: u64) -> u64 {
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

//! What the loads of experts do to the time of their layers.
//!
//! Experts stand in groups of devices, each group with as many copies, one of an expert or of several. A token is read by
//! one copy of each expert that it chooses, by any of them as often. The group with the most to do sets the pace of a
//! layer: it multiplies `i` times the rows of the mean, where the imbalance `i` is its load over the mean load. Of the
//! weights it reads those copies that some token of the step goes to: one to which a token goes with probability `q` is
//! read in a step of T tokens with probability `1 - (1 - q)^T`, and a group is taken to read as large a part of its
//! copies as all together.

/// Copies over groups, as a pass sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpertSpread {
    /// Copies over experts, at least 1.
    pub copies: f64,
    /// Imbalances of layers, at least 1, and the share of the layers that has each.
    pub imbalances: Vec<(f64, f64)>,
    /// Probabilities that a token goes to a copy, and the share of the copies that has each; none: each expert is
    /// chosen as often, and has one copy.
    pub chosen: Vec<(f64, f64)>,
}

/// Copies are taken together by their probabilities, to so many kinds.
const KINDS: usize = 64;

impl ExpertSpread {
    /// One copy of each, and all are asked for as often.
    pub const fn even() -> Self {
        Self { copies: 1.0, imbalances: Vec::new(), chosen: Vec::new() }
    }

    /// Of `chosen` probabilities, one a copy over all layers.
    pub fn new(copies: f64, mut imbalances: Vec<f64>, mut chosen: Vec<f64>) -> Self {
        imbalances.sort_by(f64::total_cmp);
        chosen.sort_by(f64::total_cmp);
        let layers = imbalances.len().max(1) as f64;
        let of_layers = imbalances.chunk_by(|one, other| one == other);
        let imbalances = of_layers.filter_map(|same| Some((*same.first()?, same.len() as f64 / layers)));
        let all = chosen.len().max(1) as f64;
        let kind = |copies: &[f64]| {
            let count = copies.len() as f64;
            (copies.iter().sum::<f64>() / count, count / all)
        };
        let of_copies = chosen.chunks(chosen.len().div_ceil(KINDS).max(1)).map(kind).collect();
        Self { copies, imbalances: imbalances.collect(), chosen: of_copies }
    }

    /// Whether loads are known, or taken as even.
    pub fn is_known(&self) -> bool {
        !self.imbalances.is_empty()
    }

    /// The share of the copies that some of `tokens` tokens go to, where each chooses `per_token` of `experts`.
    pub fn read(&self, tokens: f64, experts: f64, per_token: f64) -> f64 {
        let some = |chosen: f64| 1.0 - (1.0 - chosen).powf(tokens);
        if self.chosen.is_empty() {
            return some(per_token / experts);
        }
        self.chosen.iter().map(|(chosen, share)| share * some(*chosen)).sum()
    }

    /// The mean over layers of what `of` an imbalance is.
    pub fn mean(&self, of: impl Fn(f64) -> f64) -> f64 {
        if self.imbalances.is_empty() {
            return of(1.0);
        }
        self.imbalances.iter().map(|(imbalance, share)| share * of(*imbalance)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_are_chosen_alike_are_read_as_if_nothing_were_known() {
        // Eight of 256 read a token: of 100 tokens none comes to one with (1 - 1/32)^100.
        let known = ExpertSpread::new(1.0, vec![1.0], vec![8.0 / 256.0; 256]);
        for tokens in [1.0, 100.0, 1e5] {
            let (one, other) =
                (known.read(tokens, 256.0, 8.0), ExpertSpread::even().read(tokens, 256.0, 8.0));
            assert!((one - other).abs() < 1e-12, "{tokens}");
        }
        assert!((known.read(100.0, 256.0, 8.0) - (1.0 - (31.0_f64 / 32.0).powi(100))).abs() < 1e-12);
    }

    #[test]
    fn a_few_hot_copies_leave_the_others_unread() {
        // Half of four copies take all tokens.
        let spread = ExpertSpread::new(1.0, vec![2.0], vec![0.0, 0.0, 0.5, 0.5]);
        assert!((spread.read(1.0, 4.0, 1.0) - 0.25).abs() < 1e-12);
        assert!((spread.read(1e6, 4.0, 1.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn layers_count_as_often_as_they_are() {
        let spread = ExpertSpread::new(1.0, vec![1.0, 3.0, 1.0], Vec::new());
        assert!((spread.mean(|imbalance| imbalance) - 5.0 / 3.0).abs() < 1e-12);
        assert!((ExpertSpread::even().mean(|imbalance| imbalance) - 1.0).abs() < 1e-12);
    }
}

//! Seeded choices that are the same on every machine and in every later version.

/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA
/// 2014), figure 17. Small enough to keep here, so that no release of a crate changes a benchmark.
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, each equally likely; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 {
            return 0;
        }
        // The last, incomplete run of `end` numbers is drawn again.
        let whole = u64::MAX - u64::MAX % end;
        loop {
            let bits = self.bits();
            if bits < whole {
                return bits % end;
            }
        }
    }

    /// A number from `low` to `high`, both included, each equally likely.
    pub fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A number in (0, 1), each of 2^53 equally likely.
    pub fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A draw of the standard normal distribution (Box and Muller, "A Note on the Generation of Random
    /// Normal Deviates", 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A draw of the gamma distribution with this shape and scale 1 (Marsaglia and Tsang, "A Simple Method for
    /// Generating Gamma Variables", 2000; below a shape of 1 by their remark in section 6).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.unit().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Reorders `items`, each order equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for left in (1..items.len()).rev() {
            items.swap(left, self.below(left as u64 + 1) as usize);
        }
    }

    /// `count` of the `items` in their old order, or all where there are no more than that; each
    /// set equally likely.
    pub fn sample<T>(&mut self, items: Vec<T>, count: usize) -> Vec<T> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        self.shuffle(&mut order);
        order.truncate(count);
        let chosen: std::collections::BTreeSet<usize> = order.into_iter().collect();
        let numbered = items.into_iter().enumerate();
        numbered.filter(|(at, _)| chosen.contains(at)).map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    /// The first outputs for seed 1234567, as other implementations of the generator publish them.
    #[test]
    fn the_sequence_is_splitmix64() {
        let mut random = Random::new(1_234_567);
        let first = [random.bits(), random.bits(), random.bits()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_sample_keeps_the_order_and_the_count() {
        for seed in 0..50 {
            let sample = Random::new(seed).sample((0..20).collect(), 7);
            assert_eq!(sample.len(), 7);
            assert!(sample.is_sorted());
        }
        assert_eq!(Random::new(1).sample(vec![1, 2, 3], 9), [1, 2, 3]);
    }

    /// Moments of 200,000 draws, within five standard errors.
    #[test]
    fn draws_have_the_moments_of_their_family() {
        let moments = |draw: &dyn Fn(&mut Random) -> f64| {
            let mut random = Random::new(3);
            let draws: Vec<f64> = (0..200_000).map(|_| draw(&mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 2e5;
            (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e5)
        };
        let (mean, variance) = moments(&|random| random.unit());
        assert!((mean - 0.5).abs() < 0.004 && (variance - 1.0 / 12.0).abs() < 0.001, "{mean} {variance}");
        let (mean, variance) = moments(&|random| random.normal());
        assert!(mean.abs() < 0.012 && (variance - 1.0).abs() < 0.016, "{mean} {variance}");
        for shape in [0.25, 1.0, 4.0] {
            let (mean, variance) = moments(&|random| random.gamma(shape));
            // The variance of a sample variance is (kurtosis - 1) variance^2 / n, the kurtosis 3 + 6 / shape.
            let error = shape * ((2.0 + 6.0 / shape) / 2e5).sqrt();
            assert!((mean - shape).abs() < 5.0 * (shape / 2e5).sqrt(), "{shape}: {mean}");
            assert!((variance - shape).abs() < 5.0 * error, "{shape}: {variance}");
        }
    }

    #[test]
    fn every_item_is_sampled_about_as_often() {
        let mut counts = [0_u32; 10];
        for seed in 0..10_000 {
            for item in Random::new(seed).sample((0..10).collect(), 3) {
                counts[item] += 1;
            }
        }
        // Binomial with mean 3,000 and standard deviation 46: five of those either way.
        assert!(counts.iter().all(|count| (2_770..3_230).contains(count)), "{counts:?}");
    }
}

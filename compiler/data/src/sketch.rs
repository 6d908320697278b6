//! How often whole numbers occur, in memory that does not grow with them.
//!
//! Small ones are counted one by one. Larger ones share a bin with others within a 64th of their size (the
//! binning of HdrHistogram: an octave has equal parts), and the bin knows its exact mean.

use berth_language::data::Sample;
use num_bigint::BigInt;
use num_rational::BigRational;

/// Numbers below this have a bin each.
const EXACT: usize = 1 << 12;

/// Parts of an octave, as a power of two.
const PARTS: u32 = 6;

/// The first octave that is in parts.
const FIRST: u32 = EXACT.ilog2();

/// The most values of a sample that is handed over.
pub const MOST_VALUES: usize = 1_000;

/// Counts of numbers.
#[derive(Clone)]
pub struct Sketch {
    exact: Vec<u64>,
    parts: Vec<Part>,
    count: u64,
}

/// What fell into a part of an octave.
#[derive(Clone, Copy, Default)]
struct Part {
    count: u64,
    sum: u128,
}

/// A value, exact as the mean of what was joined in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u128,
}

impl Value {
    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }
}

impl Sketch {
    /// Of nothing yet.
    pub fn new() -> Self {
        let octaves = (u64::BITS - FIRST) as usize;
        Self { exact: vec![0; EXACT], parts: vec![Part::default(); octaves << PARTS], count: 0 }
    }

    /// Counts one more.
    pub fn add(&mut self, value: u64) {
        self.count += 1;
        if let Some(count) = usize::try_from(value).ok().and_then(|value| self.exact.get_mut(value)) {
            *count += 1;
            return;
        }
        let octave = value.ilog2();
        let part = (value >> (octave - PARTS)) as usize & ((1 << PARTS) - 1);
        if let Some(part) = self.parts.get_mut((((octave - FIRST) as usize) << PARTS) + part) {
            part.count += 1;
            part.sum += u128::from(value);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What was counted, ascending.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        let exact = self
            .exact
            .iter()
            .enumerate()
            .map(|(value, count)| Value { count: *count, sum: u128::from(*count) * value as u128 });
        let parts = self.parts.iter().map(|part| Value { count: part.count, sum: part.sum });
        exact.chain(parts).filter(|value| value.count > 0)
    }

    /// The smallest value that at least this share of what was counted does not exceed.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.count as f64;
        let mut below = 0;
        let mut values = self.values();
        values.find_map(|value| {
            below += value.count;
            (below as f64 >= wanted).then(|| value.mean())
        })
    }

    /// The counts as a sample of at most [`MOST_VALUES`]: where there are more, neighbours within a share of
    /// their size are joined, the smallest share of 1/64, 1/32, … that is enough.
    pub fn sample(&self) -> Sample {
        let mut values: Vec<Value> = self.values().collect();
        let mut parts = PARTS;
        while values.len() > MOST_VALUES {
            values = joined(&values, parts);
            parts = parts.saturating_sub(1);
        }
        let values = values
            .iter()
            .map(|value| (BigRational::new(BigInt::from(value.sum), BigInt::from(value.count)), value.count))
            .collect();
        Sample { values, fits: Vec::new() }
    }
}

/// The values with those joined whose means agree in their leading `parts + 1` binary digits.
fn joined(values: &[Value], parts: u32) -> Vec<Value> {
    let leading = |value: &Value| {
        let mean = value.sum / u128::from(value.count);
        let digits = u128::BITS - mean.leading_zeros();
        (digits, mean >> digits.saturating_sub(parts + 1))
    };
    let mut joined: Vec<Value> = Vec::new();
    for value in values {
        match joined.last_mut() {
            Some(last) if leading(last) == leading(value) => {
                last.count += value.count;
                last.sum += value.sum;
            }
            _ => joined.push(*value),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_exact_and_large_ones_within_a_64th() {
        let mut sketch = Sketch::new();
        for value in [0, 7, 7, 4_095, 4_096, 1_000_000, u64::MAX] {
            sketch.add(value);
        }
        let values: Vec<(f64, u64)> = sketch.values().map(|value| (value.mean(), value.count)).collect();
        assert_eq!(
            values,
            [(0.0, 1), (7.0, 2), (4_095.0, 1), (4_096.0, 1), (1_000_000.0, 1), (u64::MAX as f64, 1)]
        );
        let mut sketch = Sketch::new();
        for value in (1..2_000_000).step_by(7) {
            sketch.add(value);
        }
        for (share, exact) in [(0.001, 2_000.0), (0.5, 1e6), (0.99, 1.98e6)] {
            let quantile = sketch.quantile(share).unwrap();
            assert!((quantile / exact - 1.0).abs() < 1.0 / 64.0, "{share}: {quantile}");
        }
    }

    #[test]
    fn a_sample_is_short_and_keeps_count_and_mean() {
        let mut sketch = Sketch::new();
        let (mut count, mut sum) = (0_u64, 0_u64);
        for value in (0..300_000).step_by(3) {
            sketch.add(value);
            count += 1;
            sum += value;
        }
        let sample = sketch.sample();
        assert!((300..=MOST_VALUES).contains(&sample.values.len()), "{}", sample.values.len());
        assert!(sample.values.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(sample.values.iter().map(|(_, count)| count).sum::<u64>(), count);
        let total: BigRational = sample
            .values
            .iter()
            .map(|(value, count)| value * BigRational::from_integer((*count).into()))
            .sum();
        assert_eq!(total, BigRational::from_integer(sum.into()));
    }
}

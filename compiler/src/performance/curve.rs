//! Piecewise linear functions: pass times by batch and by prompt length.

/// From `low` to `high`, four points an octave.
pub fn grid(low: f64, high: f64) -> Vec<f64> {
    let steps = (4.0 * (high / low).log2()).ceil().max(1.0);
    let count = steps.min(200.0) as u32;
    (0..=count).map(|index| low * (high / low).powf(f64::from(index) / f64::from(count))).collect()
}

/// A piecewise linear function through points of ascending x; beyond them its first and last pieces.
#[derive(Clone, Debug)]
pub struct Curve {
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// Of no points it is 0; of one that one's value everywhere.
    pub fn new(points: Vec<(f64, f64)>) -> Self {
        Self { points }
    }

    fn piece(&self, x: f64) -> ((f64, f64), (f64, f64)) {
        let above = self.points.partition_point(|point| point.0 < x).clamp(1, self.points.len().max(2) - 1);
        let at = |index: usize| self.points.get(index).copied().unwrap_or((0.0, 0.0));
        (at(above - 1), at(above))
    }

    /// All its values times a factor.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for (_, value) in &mut self.points {
            *value *= factor;
        }
        self
    }

    /// Its slope at `x`.
    pub fn slope(&self, x: f64) -> f64 {
        let (from, to) = self.piece(x);
        if to.0 > from.0 { (to.1 - from.1) / (to.0 - from.0) } else { 0.0 }
    }

    /// Its value at `x`, not below 0.
    pub fn at(&self, x: f64) -> f64 {
        let (from, _) = self.piece(x);
        (from.1 + self.slope(x) * (x - from.0)).max(0.0)
    }

    /// The smallest b >= 0 with `b = factor * self(1 + b)`, exact on each piece; none: there is none.
    pub fn fixed_point(&self, factor: f64) -> Option<f64> {
        let gap = |b: f64| b - factor * self.at(1.0 + b);
        if gap(0.0) >= 0.0 {
            return Some(0.0);
        }
        let mut from = 0.0;
        for (x, _) in &self.points {
            let to = x - 1.0;
            if to <= from {
                continue;
            }
            let (low, high) = (gap(from), gap(to));
            if high >= 0.0 {
                return Some(from + (to - from) * -low / (high - low));
            }
            from = to;
        }
        // On the last piece, which goes on for ever.
        let slope = factor * self.slope(from + 1.0);
        (slope < 1.0).then(|| from - gap(from) / (1.0 - slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_linear_between_points_and_beyond_them() {
        let curve = Curve::new(vec![(1.0, 10.0), (3.0, 14.0), (5.0, 24.0)]);
        assert_eq!([1.0, 2.0, 3.0, 4.0, 7.0, 0.0].map(|x| curve.at(x)), [10.0, 12.0, 14.0, 19.0, 34.0, 8.0]);
        assert_eq!(curve.slope(4.0), 5.0);
        assert_eq!(Curve::new(vec![]).at(3.0), 0.0);
    }

    #[test]
    fn the_fixed_point_solves_littles_law() {
        // D(b) = 10 + 2 (b - 1) ms: b = r D(1 + b) = r (10 + 2 b), so b = 10 r / (1 - 2 r).
        let curve = Curve::new(grid(1.0, 64.0).iter().map(|x| (*x, 10.0 + 2.0 * (x - 1.0))).collect());
        for rate in [0.0, 0.05, 0.2, 0.4, 0.49] {
            let b = curve.fixed_point(rate).unwrap();
            assert!((b - 10.0 * rate / (1.0 - 2.0 * rate)).abs() < 1e-9, "{rate}: {b}");
        }
        assert_eq!(curve.fixed_point(0.5), None);
    }

    #[test]
    fn a_grid_ends_where_it_should() {
        let points = grid(1.0, 4.0);
        assert_eq!(points.len(), 9);
        assert_eq!((points[0], points[8]), (1.0, 4.0));
    }
}

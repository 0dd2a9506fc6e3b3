//! From the rounds to one figure.

/// What one variant gave, one value a round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value that came last.
    pub(crate) fn last(&self) -> Option<f64> {
        self.0.last().copied()
    }

    /// The value in the middle; `NaN` if there is none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let upper = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
        if sorted.len() % 2 == 1 {
            return upper;
        }
        let lower = sorted
            .get((sorted.len() / 2).wrapping_sub(1))
            .copied()
            .unwrap_or(f64::NAN);
        f64::midpoint(lower, upper)
    }

    /// The least value.
    pub(crate) fn least(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    /// The greatest value.
    pub(crate) fn greatest(&self) -> f64 {
        self.sorted().last().copied().unwrap_or(f64::NAN)
    }

    /// This one against `baseline`, round by round.
    pub(crate) fn ratio_to(&self, baseline: &Self) -> Self {
        let pairs = self.0.iter().zip(&baseline.0);
        Self(pairs.map(|(value, base)| value / base).collect())
    }

    /// What this one has more than `other`, round by round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(value, other)| value - other).collect())
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    fn series(values: &[f64]) -> Series {
        values.iter().copied().collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, median) in [
            (&[3.0, 1.0, 2.0] as &[f64], 2.0),
            (&[4.0, 1.0, 2.0, 3.0], 2.5),
            (&[7.0], 7.0),
        ] {
            assert!((series(values).median() - median).abs() < 1e-9);
        }
        assert!(series(&[]).median().is_nan());
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // The machine was half as fast in the second round.
        let ratio = series(&[80.0, 40.0, 90.0]).ratio_to(&series(&[100.0, 50.0, 100.0]));
        assert!((ratio.median() - 0.8).abs() < 1e-9);
    }
}

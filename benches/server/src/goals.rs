//! What a run set out to show.

use crate::report::Table;
use crate::statistics::Series;

/// A figure and what it should be.
#[derive(Debug)]
pub(crate) struct Goal {
    figure: String,
    bound: Bound,
    unit: &'static str,
    measured: f64,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// A ratio that should not be less than `bound`.
    pub(crate) fn at_least(figure: &str, bound: f64, measured: &Series) -> Self {
        Self::new(figure, Bound::AtLeast(bound), "", measured)
    }

    /// A figure in `unit` that should not be more than `bound`.
    pub(crate) fn at_most(figure: &str, bound: f64, unit: &'static str, measured: &Series) -> Self {
        Self::new(figure, Bound::AtMost(bound), unit, measured)
    }

    fn new(figure: &str, bound: Bound, unit: &'static str, measured: &Series) -> Self {
        Self {
            figure: figure.to_owned(),
            bound,
            unit,
            measured: measured.median(),
        }
    }

    fn verdict(&self) -> &'static str {
        let met = match self.bound {
            _ if self.measured.is_nan() => return "not measured",
            Bound::AtLeast(least) => self.measured >= least,
            Bound::AtMost(most) => self.measured <= most,
        };
        if met { "met" } else { "missed" }
    }
}

/// Prints them all.
pub(crate) fn print(goals: &[Goal]) {
    let mut table = Table::new("Goals", &["figure", "goal", "measured", ""]);
    for goal in goals {
        let unit = goal.unit;
        let wanted = match goal.bound {
            Bound::AtLeast(least) => format!("at least {least}{unit}"),
            Bound::AtMost(most) => format!("at most {most}{unit}"),
        };
        let measured = format!("{:.2}{unit}", goal.measured);
        table.add(&goal.figure, &[wanted, measured, goal.verdict().to_owned()]);
    }
    table.print("Medians, as in the tables above.");
}

#[cfg(test)]
mod tests {
    use super::Goal;

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        let two = [2.0].into_iter().collect();
        for (goal, verdict) in [
            (Goal::at_least("", 2.0, &two), "met"),
            (Goal::at_least("", 2.1, &two), "missed"),
            (Goal::at_most("", 2.0, " s", &two), "met"),
            (Goal::at_most("", 1.9, " s", &two), "missed"),
            (
                Goal::at_least("", 2.0, &[].into_iter().collect()),
                "not measured",
            ),
        ] {
            assert_eq!(goal.verdict(), verdict);
        }
    }
}

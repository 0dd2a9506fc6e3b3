//! One page of metrics, written family by family.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::counters::Distribution;

/// Labels with their values: a bounded set, never an upload.
pub(super) type Labels = Vec<(&'static str, String)>;

/// What is written on.
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

impl Page<'_> {
    /// Numbers that only grow. `name` is without `_total`.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, samples, |mut on, count| {
            on.encode_counter::<NoLabelSet, _, f64>(&count, None)
        })
    }

    /// Numbers that go up and down.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, samples, |mut on, value| {
            on.encode_gauge(&value)
        })
    }

    /// How long things took.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, Distribution)>,
    ) -> fmt::Result {
        self.family(
            name,
            help,
            MetricType::Histogram,
            samples,
            |mut on, seen| {
                let (sum, count) = (seen.sum, seen.count());
                on.encode_histogram::<NoLabelSet>(sum, count, &seen.classes, None)
            },
        )
    }

    fn family<V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl IntoIterator<Item = (Labels, V)>,
        write: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut on = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in samples {
            write(on.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}

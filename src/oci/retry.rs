//! Trying again after a while that grows, and that no two servers share.

use std::time::Duration;

use super::error::OciError;

/// How often one request is made at most, the first included.
const ATTEMPTS: u32 = 3;

/// The wait before the second attempt; it doubles from there.
const FIRST: Duration = Duration::from_millis(200);

/// The longest that a registry's own wish is obeyed within one pull.
const LONGEST_WISH: Duration = Duration::from_secs(10);

/// Waits that double up to a bound, each of them a random part of it, so that
/// servers that failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Begins with `first` and never waits longer than `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self {
            next: first,
            first,
            most,
        }
    }

    /// Begins from the start.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait now: between a half and all of the present step.
    pub fn wait(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.most);
        step.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Does `attempt` again when what went wrong may pass.
pub(super) async fn retrying<T>(
    attempt: impl AsyncFn() -> Result<T, OciError>,
) -> Result<T, OciError> {
    let mut backoff = Backoff::new(FIRST, LONGEST_WISH);
    let mut made = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_worth_another() && made < ATTEMPTS => {
                let wish = error.retry_after().unwrap_or_default().min(LONGEST_WISH);
                let wait = backoff.wait().max(wish);
                tracing::debug!(%error, attempt = made, "a request to a registry is made again");
                tokio::time::sleep(wait).await;
                made += 1;
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound_and_are_never_the_same_for_all() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(8));
        for step in [1, 2, 4, 8, 8] {
            let wait = backoff.wait();
            let step = Duration::from_secs(step);
            assert!(wait >= step / 2 && wait <= step, "{wait:?} of {step:?}");
        }
        backoff.reset();
        assert!(backoff.wait() <= Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_three_times_and_anything_else_once() {
        let count = std::cell::Cell::new(0);
        let failing = async |error: fn() -> OciError| {
            count.set(0);
            retrying::<()>(async || {
                count.set(count.get() + 1);
                Err(error())
            })
            .await
            .unwrap_err();
            count.get()
        };
        let cut = || OciError::Unreachable {
            host: "h".to_owned(),
            reason: "cut".to_owned(),
        };
        let unknown = || OciError::NotFound {
            host: "h".to_owned(),
            what: "a:1".to_owned(),
        };
        let trickling = || OciError::Trickle {
            host: "h".to_owned(),
            what: "the manifest",
            within: Duration::from_secs(300),
        };
        assert_eq!(failing(cut).await, 3);
        assert_eq!(failing(trickling).await, 1);
        assert_eq!(failing(unknown).await, 1);
    }
}

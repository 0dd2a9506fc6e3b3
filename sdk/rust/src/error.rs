//! Why a hook could not answer.

use std::time::Duration;

use crate::HookError;

impl HookError {
    /// It may work later; when is unknown.
    pub fn retry() -> Self {
        Self::Retry(None)
    }

    /// It may work after this time, which counts in whole milliseconds.
    pub fn retry_after(wait: Duration) -> Self {
        Self::Retry(Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// It will not work, however often it is tried. The text goes to the
    /// server's log, never to the client.
    pub fn permanent(reason: impl ToString) -> Self {
        Self::Permanent(reason.to_string())
    }

    /// Anything else, such as an error of a library:
    /// `.map_err(HookError::other)?`. The text goes to the server's log, never to
    /// the client.
    pub fn other(reason: impl ToString) -> Self {
        Self::Other(reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::HookError;

    #[test]
    fn times_are_whole_milliseconds() {
        assert_eq!(
            HookError::retry_after(Duration::from_micros(1_500_999)),
            HookError::Retry(Some(1500))
        );
        assert_eq!(
            HookError::retry_after(Duration::MAX),
            HookError::Retry(Some(u64::MAX))
        );
        assert_eq!(HookError::retry(), HookError::Retry(None));
    }

    #[test]
    fn the_error_of_a_library_becomes_text() {
        let error = "x".parse::<u8>().map_err(HookError::other);
        assert_eq!(
            error,
            Err(HookError::Other("invalid digit found in string".into()))
        );
    }
}

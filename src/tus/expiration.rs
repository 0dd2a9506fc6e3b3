//! When an unfinished upload expires (tus 1.0.0, "Expiration").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Response;

/// The first second of the year 10000, which no date can name (RFC 9110,
/// 5.6.7).
const END_OF_DATES: Duration = Duration::from_secs(253_402_300_800);

impl Response {
    /// The response with `Upload-Expires`, if the upload expires and the time
    /// has a date.
    pub(super) fn expiring(self, at: Option<SystemTime>) -> Self {
        match at.and_then(date) {
            Some(date) => self.with("Upload-Expires", date),
            None => self,
        }
    }
}

/// A time as a date, cut to the second before, so that nobody counts on more
/// time than there is.
fn date(time: SystemTime) -> Option<String> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    (since < END_OF_DATES).then(|| httpdate::fmt_http_date(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_as_far_as_there_are_dates() {
        for (millis, expected) in [
            (784_111_777_999, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
            (0, Some("Thu, 01 Jan 1970 00:00:00 GMT")),
            (253_402_300_799_999, Some("Fri, 31 Dec 9999 23:59:59 GMT")),
            (253_402_300_800_000, None),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(date(time).as_deref(), expected);
        }
        assert_eq!(date(UNIX_EPOCH - Duration::from_millis(1)), None);
    }
}

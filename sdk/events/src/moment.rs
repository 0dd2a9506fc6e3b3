//! Times as numbers and as text.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// 9999-12-31T23:59:59Z: RFC 3339 has no year after it.
const LAST: i64 = 253_402_300_799;
const SECONDS_PER_DAY: i64 = 86_400;

/// A time, counted from 1970 in UTC. `Display` gives RFC 3339 with milliseconds;
/// what lies before 1970 or after the year 9999, where no clock in order stands,
/// is shown as the nearest time in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Negative before 1970.
    pub(crate) seconds: i64,
    /// Below a thousand million, always forward.
    pub(crate) nanoseconds: u32,
}

impl Moment {
    pub(crate) fn of(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self {
                seconds: 0i64.saturating_add_unsigned(since.as_secs()),
                nanoseconds: since.subsec_nanos(),
            },
            Err(before) => {
                let before = before.duration();
                let whole = 0i64.saturating_sub_unsigned(before.as_secs());
                match before.subsec_nanos() {
                    0 => Self {
                        seconds: whole,
                        nanoseconds: 0,
                    },
                    rest => Self {
                        seconds: whole.saturating_sub(1),
                        nanoseconds: 1_000_000_000 - rest,
                    },
                }
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds.clamp(0, LAST);
        let milliseconds = if seconds == self.seconds {
            self.nanoseconds / 1_000_000
        } else {
            0
        };
        let (year, month, day) = date(seconds / SECONDS_PER_DAY);
        let second_of_day = seconds % SECONDS_PER_DAY;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{milliseconds:03}Z",
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60,
        )
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from March here, so that the leap day is a year's last and
/// the lengths of the months before it follow one line.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_TO_1970: i64 = 719_468; // from 0000-03-01
    const PER_400_YEARS: i64 = 146_097;
    const PER_100_YEARS: i64 = 36_524;
    const PER_4_YEARS: i64 = 1_461;

    let days = days + DAYS_TO_1970;
    let cycle = days.div_euclid(PER_400_YEARS);
    let day = days.rem_euclid(PER_400_YEARS);
    let leap_days = day / (PER_4_YEARS - 1) - day / PER_100_YEARS + day / (PER_400_YEARS - 1);
    let year = (day - leap_days) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = 400 * cycle + year + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shown(seconds: i64, nanoseconds: u32) -> String {
        Moment {
            seconds,
            nanoseconds,
        }
        .to_string()
    }

    #[test]
    fn a_time_is_shown_as_rfc_3339_has_it() {
        for (seconds, nanoseconds, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000Z"),
            (1_658_671_969, 5_000_000, "2022-07-24T14:12:49.005Z"),
            (1_735_689_599, 0, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (LAST, 0, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(shown(seconds, nanoseconds), expected);
        }
    }

    #[test]
    fn days_follow_each_other_through_every_year() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=LAST / SECONDS_PER_DAY {
            assert_eq!(date(days), (year, month, day));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + i64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > last {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn a_time_outside_of_the_years_is_shown_as_the_nearest_inside() {
        assert_eq!(shown(-5, 999_000_000), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown(i64::MAX, 0), "9999-12-31T23:59:59.000Z");
    }

    #[test]
    fn a_time_before_1970_counts_forward_within_its_second() {
        let time = UNIX_EPOCH - Duration::from_millis(1250);
        let expected = Moment {
            seconds: -2,
            nanoseconds: 750_000_000,
        };
        assert_eq!(Moment::of(time), expected);
    }
}

//! The directory that an upload gets by the time of its creation
//! (`--dir-structure`).

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::DataPath;

/// A template such as `{year}/{month}/{day}`. The parts of the date are in UTC
/// and not padded with zeros.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirStructure(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Year,
    Month,
    Day,
    Hour,
    Minute,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDirStructure {
    /// A variable that does not exist.
    #[error(
        "`{{{0}}}` is not known; expected {{year}}, {{month}}, {{day}}, {{hour}} or {{minute}}"
    )]
    UnknownVariable(String),
    /// A brace without its counterpart.
    #[error("a `{{` or `}}` stands alone; write for example {{year}}/{{month}}")]
    UnbalancedBrace,
    /// What comes out is not a directory below the data directory.
    #[error(
        "`{0}` is not a path below the data directory; expected names separated by `/`, none of \
         them starting with a dot"
    )]
    NotBelowDataDirectory(String),
}

impl FromStr for DirStructure {
    type Err = InvalidDirStructure;

    fn from_str(template: &str) -> Result<Self, Self::Err> {
        let mut pieces = Vec::new();
        // Upstream's templates may begin or end with a slash.
        let mut rest = template.trim_matches('/');
        while !rest.is_empty() {
            let (text, after) = match rest.split_once('{') {
                Some((text, after)) => (text, Some(after)),
                None => (rest, None),
            };
            if text.contains('}') {
                return Err(InvalidDirStructure::UnbalancedBrace);
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, after) = after
                .split_once('}')
                .ok_or(InvalidDirStructure::UnbalancedBrace)?;
            pieces.push(Piece::variable(name)?);
            rest = after;
        }
        let structure = Self(pieces);
        let example = structure.directory(UNIX_EPOCH);
        if !example.is_empty() && DataPath::new(format!("{example}/id")).is_err() {
            return Err(InvalidDirStructure::NotBelowDataDirectory(
                template.to_owned(),
            ));
        }
        Ok(structure)
    }
}

impl Piece {
    fn variable(name: &str) -> Result<Self, InvalidDirStructure> {
        Ok(match name {
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            other => return Err(InvalidDirStructure::UnknownVariable(other.to_owned())),
        })
    }
}

impl DirStructure {
    /// The directory of an upload created at `time`; empty for the data
    /// directory itself.
    #[must_use]
    pub fn directory(&self, time: SystemTime) -> String {
        let date = CivilTime::from(time);
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Year => date.year.to_string(),
                Piece::Month => date.month.to_string(),
                Piece::Day => date.day.to_string(),
                Piece::Hour => date.hour.to_string(),
                Piece::Minute => date.minute.to_string(),
            })
            .collect()
    }
}

impl DirStructure {
    /// How many directories it has, one in the other.
    #[must_use]
    pub(super) fn depth(&self) -> usize {
        let example = self.directory(UNIX_EPOCH);
        match example.as_str() {
            "" => 0,
            path => path.split('/').count(),
        }
    }
}

/// A moment in the proleptic Gregorian calendar, UTC.
#[derive(Debug, PartialEq, Eq)]
struct CivilTime {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
}

impl From<SystemTime> for CivilTime {
    fn from(time: SystemTime) -> Self {
        // A clock before 1970 is a clock that was never set.
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years are counted from 1 March, so that the leap day is the last day
        // of a year, and in eras of 400 years, after which the calendar repeats.
        let days = days + 719_468; // days from 0000-03-01 to 1970-01-01
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second % 3_600 / 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_calendar_knows_leap_days_and_the_ends_of_years() {
        for (seconds, expected) in [
            (0, "1970/1/1/0/0"),
            (951_782_399, "2000/2/28/23/59"),
            (951_782_400, "2000/2/29/0/0"),
            (951_868_800, "2000/3/1/0/0"),
            (1_735_689_599, "2024/12/31/23/59"),
            (1_735_689_600, "2025/1/1/0/0"),
            (4_107_542_400, "2100/3/1/0/0"),
            (4_107_542_399, "2100/2/28/23/59"),
        ] {
            let all: DirStructure = "{year}/{month}/{day}/{hour}/{minute}".parse().unwrap();
            assert_eq!(all.directory(at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_template_is_text_with_parts_of_the_date() {
        for (template, expected) in [
            ("", ""),
            ("/", ""),
            ("plain", "plain"),
            ("/y{year}/x{month}-{day}/", "y1970/x1-1"),
        ] {
            let structure: DirStructure = template.parse().unwrap();
            assert_eq!(structure.directory(at(0)), expected, "{template}");
        }
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_at_start() {
        use InvalidDirStructure as E;
        for (template, expected) in [
            ("{century}", E::UnknownVariable("century".into())),
            ("{Year}", E::UnknownVariable("Year".into())),
            ("{year", E::UnbalancedBrace),
            ("year}", E::UnbalancedBrace),
            ("../{year}", E::NotBelowDataDirectory("../{year}".into())),
            ("a//b", E::NotBelowDataDirectory("a//b".into())),
            (".{year}", E::NotBelowDataDirectory(".{year}".into())),
        ] {
            assert_eq!(
                template.parse::<DirStructure>(),
                Err(expected),
                "{template}"
            );
        }
    }
}

//! How events are written down to be read by a later start, perhaps of a later
//! version of the server.

use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::event::{Event, RequestState, UploadState};
use crate::kind::EventKind;

/// The number of the encoding. Another number means that a field was renamed or
/// has another meaning.
const VERSION: u32 = 1;

/// The number of an encoding that can be read here.
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            VERSION => Ok(Self),
            other => Err(de::Error::custom(format_args!(
                "the event is written in encoding {other} and this version reads {VERSION}: \
                 it comes from another version of the server"
            ))),
        }
    }
}

/// An event to write. `v` stands first, so that a reader of another version
/// stops there and not at a field that it misses.
#[derive(Serialize)]
struct Written<'a> {
    v: Version,
    id: &'a str,
    kind: EventKind,
    #[serde(with = "time")]
    time: SystemTime,
    upload: &'a UploadState,
    request: &'a RequestState,
}

/// An event that was read.
#[derive(Deserialize)]
struct Read {
    #[serde(rename = "v")]
    _version: Version,
    id: String,
    kind: EventKind,
    #[serde(with = "time")]
    time: SystemTime,
    upload: UploadState,
    request: RequestState,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            v: Version,
            id: &self.id,
            kind: self.kind,
            time: self.time,
            upload: &self.upload,
            request: &self.request,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        Ok(Self {
            id: read.id,
            kind: read.kind,
            time: read.time,
            upload: read.upload,
            request: Arc::new(read.request),
        })
    }
}

/// Bytes as Base64: JSON has no other way to keep any bytes that is as short.
pub(crate) mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}

/// A time as `[seconds, nanoseconds]`. The seconds are counted from 1970 and
/// negative before; the nanoseconds always go forward.
pub(crate) mod time {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::moment::Moment;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        let Moment {
            seconds,
            nanoseconds,
        } = Moment::of(*time);
        (seconds, nanoseconds).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let (seconds, nanoseconds) = <(i64, u32)>::deserialize(from)?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)
        } else {
            UNIX_EPOCH.checked_add(whole)
        }
        .and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds.into())))
        .ok_or_else(|| de::Error::custom("a time is further away than a clock can show"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = r#"{"v":1,"id":"e","kind":"post-create","time":[-1,999999999],"upload":{"id":"u","offset":7,"kind":{"final":["a"]},"storage":"file_storage","created_at":[0,0]},"request":{"method":"POST","uri":"/files"}}"#;

    #[test]
    fn what_was_written_once_is_read_and_written_the_same_for_ever() {
        let event: Event = serde_json::from_str(WRITTEN).unwrap();
        assert_eq!(event.upload.offset, 7);
        assert_eq!(serde_json::to_string(&event).unwrap(), WRITTEN);
    }

    #[test]
    fn what_a_later_version_added_is_skipped() {
        let later = WRITTEN.replace(r#""offset":7"#, r#""offset":7,"colour":{"red":1}"#);
        let event: Event = serde_json::from_str(&later).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), WRITTEN);
    }

    #[test]
    fn another_encoding_is_refused_by_its_number() {
        let error = serde_json::from_str::<Event>(r#"{"v":2,"name":"x"}"#).unwrap_err();
        assert!(error.to_string().contains("encoding 2"), "{error}");
        let error = serde_json::from_str::<Event>("{}").unwrap_err();
        assert!(error.to_string().contains("`v`"), "{error}");
    }
}

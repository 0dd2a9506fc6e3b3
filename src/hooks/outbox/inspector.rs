//! What an operator sees and does, in another process than the server, which
//! may run meanwhile and notices within a second or two.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Row, ToSql, params};

use super::change::Change;
use super::slot::Slot;
use super::store::{Commit, DEAD, PENDING, Store, UNDECIDED};
use super::{Entry, OutboxError};

/// Deliveries that are changed at once: the server's promises wait meanwhile.
const AT_ONCE: usize = 500;

/// The databases of an outbox directory.
#[derive(Debug)]
pub struct Inspector {
    stores: Vec<Store>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Promised, and neither kept nor withdrawn yet.
    Undecided,
    /// To be delivered.
    Pending,
    /// Given up.
    Dead,
}

/// Which deliveries are meant; all that match everything that is set.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of the event with this id.
    pub event: Option<String>,
    /// To this sink.
    pub sink: Option<String>,
    /// In this state.
    pub state: Option<State>,
}

/// One event on its way to one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event's id.
    pub event_id: String,
    /// Its upload.
    pub upload: String,
    /// Its name, such as `post-finish`.
    pub kind: String,
    /// Who is to hear of it.
    pub sink: String,
    /// Where it stands.
    pub state: State,
    /// When it was promised, or replayed last.
    pub since: SystemTime,
    /// Deliveries that were tried.
    pub attempts: u32,
    /// What went wrong the last time, in one word.
    pub cause: Option<String>,
    /// What went wrong the last time.
    pub error: Option<String>,
}

/// One event with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The event.
    pub entry: Entry,
    /// Who is yet to hear of it.
    pub deliveries: Vec<Delivery>,
}

impl Inspector {
    /// Opens every slot in `directory`. Blocks, as all else here.
    ///
    /// # Errors
    /// When there is no such directory, or a database cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, OutboxError> {
        let open = |path: PathBuf| Store::open(&path, u64::MAX);
        let stores = Slot::databases(directory)?.into_iter().map(open);
        Ok(Self {
            stores: stores.collect::<Result<_, _>>()?,
        })
    }

    /// Up to `limit` deliveries, the oldest of each slot first.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<Delivery>, OutboxError> {
        let mut all = Vec::new();
        for store in &self.stores {
            let left = limit.saturating_sub(all.len());
            let some = deliveries(store, filter, left);
            all.extend(some.map_err(|error| failed("read", store, error))?);
        }
        Ok(all)
    }

    /// The event with this id, if it is there.
    ///
    /// # Errors
    /// When a database cannot be read.
    pub fn show(&self, event_id: &str) -> Result<Option<Shown>, OutboxError> {
        for store in &self.stores {
            let shown = show(store, event_id);
            let shown = shown.map_err(|error| failed("read", store, error))?;
            if shown.is_some() {
                return Ok(shown);
            }
        }
        Ok(None)
    }

    /// Makes dead letters pending again, with a new deadline, and returns how
    /// many. They come after what was delivered meanwhile.
    ///
    /// # Errors
    /// When a database cannot be written to.
    pub fn replay(&mut self, filter: &Filter) -> Result<usize, OutboxError> {
        let now = super::writer::now();
        self.change(filter, "state = 2", |change, seq, sink| {
            change.replay(seq, sink, now)
        })
    }

    /// Removes deliveries for good and returns how many. One that runs at the
    /// moment ends as it ends. What is undecided stays.
    ///
    /// # Errors
    /// When a database cannot be written to.
    pub fn drop(&mut self, filter: &Filter) -> Result<usize, OutboxError> {
        self.change(filter, "state <> 0", |change, seq, sink| {
            change.delivered(seq, sink)
        })
    }

    /// Changes the deliveries that are meant and of which `also` holds.
    fn change(
        &mut self,
        filter: &Filter,
        also: &str,
        does: impl Fn(&Change<'_>, i64, &str) -> rusqlite::Result<()>,
    ) -> Result<usize, OutboxError> {
        let mut changed = 0;
        for store in &mut self.stores {
            let path = store.path().to_owned();
            let failed = |error| OutboxError::storage("write to", &path, error);
            let all = keys(store, filter, also).map_err(failed)?;
            for some in all.chunks(AT_ONCE) {
                let change = store.change(Commit::Durable).map_err(failed)?;
                for (seq, sink) in some {
                    does(&change, *seq, sink).map_err(failed)?;
                }
                change.commit().map_err(failed)?;
            }
            changed += all.len();
        }
        Ok(changed)
    }
}

fn keys(store: &Store, filter: &Filter, also: &str) -> rusqlite::Result<Vec<(i64, String)>> {
    let (matches, values) = filter.condition();
    let sql = format!("SELECT seq, sink FROM delivery WHERE {also} AND {matches}");
    store
        .connection()
        .prepare(&sql)?
        .query_map(rusqlite::params_from_iter(values), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

impl Filter {
    /// The deliveries of one event.
    #[must_use]
    pub fn event(id: &str) -> Self {
        Self {
            event: Some(id.to_owned()),
            ..Self::default()
        }
    }

    /// As a condition on `delivery`, with its values.
    fn condition(&self) -> (&'static str, [Box<dyn ToSql>; 3]) {
        let state = self.state.map(State::number);
        (
            "(?1 IS NULL OR seq = (SELECT seq FROM event WHERE id = ?1))
             AND (?2 IS NULL OR sink = ?2) AND (?3 IS NULL OR state = ?3)",
            [
                Box::new(self.event.clone()),
                Box::new(self.sink.clone()),
                Box::new(state),
            ],
        )
    }
}

impl State {
    const fn number(self) -> i64 {
        match self {
            Self::Undecided => UNDECIDED,
            Self::Pending => PENDING,
            Self::Dead => DEAD,
        }
    }

    const fn of(number: i64) -> Self {
        match number {
            UNDECIDED => Self::Undecided,
            DEAD => Self::Dead,
            _ => Self::Pending,
        }
    }
}

fn deliveries(store: &Store, filter: &Filter, limit: usize) -> rusqlite::Result<Vec<Delivery>> {
    let (matches, values) = filter.condition();
    let sql = format!(
        "SELECT e.id, e.upload, e.kind, d.sink, d.state, d.since, d.attempts, d.cause, d.error
         FROM (SELECT * FROM delivery WHERE {matches} ORDER BY seq LIMIT {limit}) AS d
         JOIN event e ON e.seq = d.seq ORDER BY d.seq, d.sink"
    );
    store
        .connection()
        .prepare(&sql)?
        .query_map(rusqlite::params_from_iter(values), delivery)?
        .collect()
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let since: i64 = row.get(5)?;
    let since = Duration::from_millis(u64::try_from(since).unwrap_or(0));
    Ok(Delivery {
        event_id: row.get(0)?,
        upload: row.get(1)?,
        kind: row.get(2)?,
        sink: row.get(3)?,
        state: State::of(row.get(4)?),
        since: SystemTime::UNIX_EPOCH + since,
        attempts: row.get(6)?,
        cause: row.get(7)?,
        error: row.get(8)?,
    })
}

fn show(store: &Store, event_id: &str) -> rusqlite::Result<Option<Shown>> {
    let deliveries = deliveries(store, &Filter::event(event_id), usize::MAX >> 1)?;
    let mut statement = store
        .connection()
        .prepare("SELECT upload, kind, payload FROM event WHERE id = ?1")?;
    let mut rows = statement.query(params![event_id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let entry = Entry {
        event_id: event_id.to_owned(),
        upload: row.get(0)?,
        kind: row.get(1)?,
        payload: row.get(2)?,
    };
    Ok(Some(Shown { entry, deliveries }))
}

fn failed(action: &'static str, store: &Store, error: rusqlite::Error) -> OutboxError {
    OutboxError::storage(action, store.path(), error)
}

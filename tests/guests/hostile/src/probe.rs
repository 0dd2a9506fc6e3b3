//! What a guest finds out about the place where it runs.

use std::{
    cell::Cell,
    env, fs,
    io::ErrorKind,
    net::TcpStream,
    time::{SystemTime, UNIX_EPOCH},
};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Which call of this instance it is, from 1: stays 1 where every call gets a
/// fresh instance.
pub fn count() -> u64 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// Whole seconds since 1970; 0 for a clock that stands before.
pub fn clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How many environment variables there are.
pub fn environment_variables() -> usize {
    env::vars_os().count()
}

/// `ok` if the root directory can be read, else the error's kind.
pub fn files() -> String {
    verdict(fs::read_dir("/").map_err(|error| error.kind()))
}

/// `ok` if a connection to the server's own port succeeds, else the error's kind.
pub fn network() -> String {
    verdict(TcpStream::connect("127.0.0.1:1081").map_err(|error| error.kind()))
}

fn verdict<T>(result: Result<T, ErrorKind>) -> String {
    result.map_or_else(|kind| format!("{kind:?}"), |_| "ok".to_owned())
}

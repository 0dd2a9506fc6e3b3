//! One file that is never written and has a byte for every upload that could
//! be: whoever changes an upload locks its byte (`fcntl` with open file
//! description locks, Linux 3.15).
//!
//! Why so and not a file for each upload: it costs one system call and no
//! descriptor, and nothing stays behind, because the kernel drops the locks of
//! a process that is gone. It also works over NFS 4, whose server keeps the
//! locks; there each call takes a round trip.
//!
//! An upload's byte is chosen by a hash. Of two uploads that share one, one may
//! wait for the other; with 62 bits nobody will see it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use sha2::{Digest as _, Sha256};

use crate::store::{SharedLocks, StoreError, UploadId};

/// Begins with a dot, which neither ids nor data paths do.
const NAME: &str = ".locks";

/// The bytes below this one are locked by holders, those from it on by whoever
/// asks a holder to let go.
const ASKING: i64 = 1 << 62;

/// For how long it holds that nobody asks for anything, once it was seen: a
/// process looks this often at most, however many bodies it receives. With the
/// interval of those who look it stays well below 100 ms.
const QUIET: Duration = Duration::from_millis(20);

/// The lock file of an info directory.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
    opened: Instant,
    /// Microseconds after `opened` until which nobody asks for anything.
    quiet_until: AtomicU64,
}

impl LockFile {
    /// Opens or makes the file; `None` if the file system has no locks. Blocks.
    pub(super) fn open(info_dir: &Path) -> io::Result<Option<Self>> {
        let path = info_dir.join(NAME);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let locks = Self {
            file,
            path,
            opened: Instant::now(),
            quiet_until: AtomicU64::new(0),
        };
        match locks.conflicts(libc::F_WRLCK, ASKING, 0) {
            Ok(_) => Ok(Some(locks)),
            Err(Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets or takes away this process's lock on a byte; `false` if another
    /// process has one that is in the way.
    fn set(&self, kind: libc::c_int, byte: i64) -> Result<bool, Errno> {
        match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&range(kind, byte, 1))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether another process has a lock that is in the way of one of this
    /// kind; a length of 0 means all that follows.
    fn conflicts(&self, kind: libc::c_int, start: i64, length: i64) -> Result<bool, Errno> {
        let mut range = range(kind, start, length);
        fcntl(&self.file, FcntlArg::F_OFD_GETLK(&mut range))?;
        Ok(range.l_type != of_range(libc::F_UNLCK))
    }

    fn failed(&self, error: Errno) -> StoreError {
        StoreError::io("lock", &self.path, error.into())
    }

    /// For what can only fail if the storage is gone: the lock goes with the
    /// process then, or the next look fails too.
    fn tolerate(&self, id: &UploadId, result: Result<bool, Errno>) -> bool {
        result.unwrap_or_else(|error| {
            tracing::warn!(upload = %id, path = %self.path.display(), %error, "a lock failed");
            false
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl SharedLocks for LockFile {
    fn try_hold(&self, id: &UploadId) -> Result<bool, StoreError> {
        self.set(libc::F_WRLCK, byte_of(id))
            .map_err(|error| self.failed(error))
    }

    fn settle(&self, id: &UploadId) {
        // In the way of holders still, but not of those who only look.
        self.tolerate(id, self.set(libc::F_RDLCK, byte_of(id)));
    }

    fn release(&self, id: &UploadId) {
        self.tolerate(id, self.set(libc::F_UNLCK, byte_of(id)));
    }

    fn is_changing_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError> {
        self.conflicts(libc::F_RDLCK, byte_of(id), 1)
            .map_err(|error| self.failed(error))
    }

    fn is_held_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError> {
        self.conflicts(libc::F_WRLCK, byte_of(id), 1)
            .map_err(|error| self.failed(error))
    }

    fn ask(&self, id: &UploadId, asking: bool) {
        let kind = if asking { libc::F_WRLCK } else { libc::F_UNLCK };
        // That another process asks too is as good.
        self.tolerate(id, self.set(kind, ASKING + byte_of(id)));
    }

    fn is_asked_elsewhere(&self, id: &UploadId) -> bool {
        let now = self.now();
        if now < self.quiet_until.load(Ordering::Relaxed) {
            return false;
        }
        if !self.tolerate(id, self.conflicts(libc::F_WRLCK, ASKING, 0)) {
            let until = now.saturating_add(u64::try_from(QUIET.as_micros()).unwrap_or(0));
            self.quiet_until.store(until, Ordering::Relaxed);
            return false;
        }
        self.tolerate(id, self.conflicts(libc::F_WRLCK, ASKING + byte_of(id), 1))
    }
}

/// The byte of an upload: the same in all processes of all versions.
fn byte_of(id: &UploadId) -> i64 {
    let hash = Sha256::digest(id.as_str());
    let first = hash
        .iter()
        .take(8)
        .fold(0_i64, |number, byte| (number << 8) | i64::from(*byte));
    first & (ASKING - 1)
}

fn range(kind: libc::c_int, start: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: of_range(kind),
        l_whence: of_range(libc::SEEK_SET),
        l_start: start,
        l_len: length,
        // Required of locks of open file descriptions.
        l_pid: 0,
    }
}

/// The constants are declared wider than the fields that take them.
fn of_range(constant: libc::c_int) -> libc::c_short {
    libc::c_short::try_from(constant).unwrap_or(libc::c_short::MAX)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn id(id: &str) -> UploadId {
        UploadId::new(id).unwrap()
    }

    /// Two open files are to the kernel what two processes are.
    fn two() -> (LockFile, LockFile, TempDir) {
        let directory = TempDir::new().unwrap();
        let open = || LockFile::open(directory.path()).unwrap().unwrap();
        (open(), open(), directory)
    }

    #[test]
    fn an_upload_has_one_holder_and_others_are_free() {
        let (one, other, _directory) = two();
        assert!(one.try_hold(&id("a")).unwrap());
        assert!(!other.try_hold(&id("a")).unwrap());
        assert!(other.try_hold(&id("b")).unwrap());
        assert!(other.is_changing_elsewhere(&id("a")).unwrap());
        assert!(!one.is_changing_elsewhere(&id("a")).unwrap());
        one.settle(&id("a"));
        assert!(!other.is_changing_elsewhere(&id("a")).unwrap());
        assert!(other.is_held_elsewhere(&id("a")).unwrap());
        assert!(!other.try_hold(&id("a")).unwrap());
        one.release(&id("a"));
        assert!(other.try_hold(&id("a")).unwrap());
    }

    #[test]
    fn a_holder_sees_who_asks_for_its_upload_and_for_no_other() {
        let (one, other, _directory) = two();
        let asked = |name| {
            std::thread::sleep(QUIET);
            one.is_asked_elsewhere(&id(name))
        };
        assert!(!asked("a"));
        other.ask(&id("a"), true);
        assert!(asked("a"));
        assert!(!asked("b"));
        assert!(!other.is_asked_elsewhere(&id("a")));
        other.ask(&id("a"), false);
        assert!(!asked("a"));
    }

    #[test]
    fn what_a_process_held_is_free_when_it_is_gone() {
        let (one, other, _directory) = two();
        assert!(one.try_hold(&id("a")).unwrap());
        one.ask(&id("b"), true);
        drop(one);
        assert!(other.try_hold(&id("a")).unwrap());
        assert!(!other.is_asked_elsewhere(&id("b")));
    }
}

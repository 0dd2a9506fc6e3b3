//! Locks that hold among all processes that share a store.

use std::fmt;

use super::{StoreError, UploadId};

/// Who may change an upload, among processes. Within one process the caller
/// sees to it that one request at a time uses an upload's lock here; nothing
/// here counts.
///
/// All of it is called on threads that serve requests, so nothing may wait for
/// another process. What a process held is free when the process is gone,
/// however it ended.
pub trait SharedLocks: fmt::Debug + Send + Sync {
    /// Takes the upload's lock unless another process has it.
    ///
    /// # Errors
    /// The storage failed.
    fn try_hold(&self, id: &UploadId) -> Result<bool, StoreError>;

    /// Says that the holder, which is this process, will not change the number
    /// of bytes any more. It keeps the lock.
    fn settle(&self, id: &UploadId);

    /// Gives the lock back.
    fn release(&self, id: &UploadId);

    /// Whether another process has the lock and has not settled.
    ///
    /// # Errors
    /// The storage failed.
    fn is_changing_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError>;

    /// Whether another process has the lock.
    ///
    /// # Errors
    /// The storage failed.
    fn is_held_elsewhere(&self, id: &UploadId) -> Result<bool, StoreError>;

    /// Begins or ends to ask the holder to let go.
    fn ask(&self, id: &UploadId, asking: bool);

    /// Whether another process asks the holder to let go. Called often while a
    /// body is received; the answer may be as old as 20 ms.
    fn is_asked_elsewhere(&self, id: &UploadId) -> bool;
}

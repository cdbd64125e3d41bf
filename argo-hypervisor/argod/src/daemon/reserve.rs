//! Static mode: argod's own memory.
//!
//! What workers do takes no memory from the heap at all (tests/static_mode). What is around them
//! does: connections and their threads, services, administrators, metrics, the log, another policy.
//! Making all of that do without an allocator would mean to give up the libraries that it is made
//! of. So its heap is there from the beginning: as large as the configuration says, with a frame for
//! each page, locked, and never given back to the system. The C library's allocator then has no
//! reason to ask the system for more, as long as that suffices: what guests can use of it is bounded
//! by their quotas.

use std::io;

use parking_lot::Mutex;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, getrlimit};

use super::malloc;
use crate::config::{Reserve, Size};

/// Threads that may come and go at once beside those that are there when argod has started
/// (attachments, services, administrators, who read metrics or feeds) and find a stack. The C library
/// keeps 40 MiB of stacks, of 2 MiB each.
const SPARE_STACKS: usize = 16;

/// Something could not be had at the start, in static mode.
#[derive(Debug, thiserror::Error)]
#[error("static mode: {what}: {source}{}", locked_limit())]
pub struct ReserveError {
    what: String,
    source: io::Error,
}

/// Has the heap stay one piece that is never given back. Before any thread.
///
/// # Errors
/// This C library's allocator cannot.
pub fn hold_heap() -> Result<(), ReserveError> {
    malloc::hold().map_err(|source| ReserveError { what: "one heap".to_owned(), source })
}

/// Takes heap and stacks, and locks all memory that this process has by now.
///
/// # Errors
/// The system has less, or less may be locked.
pub fn fill(reserve: Reserve) -> Result<(), ReserveError> {
    let failed = |what: String| move |source| ReserveError { what, source };
    let heap = Size(reserve.heap);
    grow_heap(reserve.heap).map_err(failed(format!("a heap with {heap} free (static_heap)")))?;
    make_stacks().map_err(failed(format!("stacks for {SPARE_STACKS} threads")))?;
    let locked = mlockall(MlockAllFlags::CURRENT).map_err(io::Error::from);
    locked.map_err(failed("locking argod's own memory".to_owned()))
}

/// The limit on locked memory, for errors that it may have caused; nothing if there is none.
pub fn locked_limit() -> String {
    let limit = getrlimit(Resource::Memlock).current;
    let said = |limit| format!(" (at most {} may be locked: RLIMIT_MEMLOCK)", Size(limit));
    limit.map_or_else(String::new, said)
}

/// Free memory of the heap stays free memory of the heap.
fn grow_heap(bytes: u64) -> io::Result<()> {
    let mut free = Vec::new();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    free.try_reserve_exact(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // Each page is written, and nobody may find out that this is for nothing.
    free.resize(bytes, 1u8);
    std::hint::black_box(&free);
    Ok(())
}

/// Stacks of threads that have ended are kept for the next ones.
fn make_stacks() -> io::Result<()> {
    let gate = Mutex::new(());
    std::thread::scope(|scope| {
        // None ends before all are there.
        let _shut = gate.lock();
        let wait = || drop(gate.lock());
        (0..SPARE_STACKS)
            .try_for_each(|_| std::thread::Builder::new().spawn_scoped(scope, wait).map(drop))
    })
}

//! The engine's locks, as the checker switches between them.
//!
//! `lock_api` has no guards and makes its locks in a `const`; the checkers' locks have guards and are
//! made while a model runs. So each lock is made when it is first taken, and keeps its guards.
//!
//! It is also known what a thread holds: no thread may take a lock that it has already (where a lock
//! prefers writers, even two reads would wait for each other), nor two of them
//! [crosswise](crate::lock_order), and a model can ask whether a thread [holds](holding) any.
#![allow(unsafe_code, reason = "lock_api's raw locks are unsafe to implement")]

use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::{Mutex as StdMutex, MutexGuard as StdGuard, OnceLock, PoisonError};
use std::thread::panicking;

use argo_hypervisor::Locks;
use lock_api::GuardNoSend;

use crate::checker::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::checker::thread::{self, ThreadId};
use crate::lock_order::{self, LockName};

crate::checker::thread_local! {
    static HELD: RefCell<Vec<u64>> = RefCell::new(Vec::new());
}

/// How many of the engine's locks this thread holds.
pub fn holding() -> usize {
    HELD.with(|held| held.borrow().len())
}

/// This thread is about to take a lock, which it has not yet.
fn taking(lock: &LockName) {
    HELD.with(|held| assert!(!held.borrow().contains(&lock.number()), "a lock is taken twice"));
}

/// This thread is about to take a lock, and waits for it.
fn waiting(lock: &LockName) {
    taking(lock);
    HELD.with(|held| lock_order::note(&held.borrow(), lock.number()));
}

/// The checker's locks.
#[derive(Debug)]
pub enum CheckedLocks {}

impl Locks for CheckedLocks {
    type Rw = RawRw;
    type Mutex = RawMutex;
}

/// A lock of the checker's, made when it is first taken.
struct Late<L>(OnceLock<NonNull<L>>);

// SAFETY:
// - The pointer is that of a box which this owns, as a `Box<L>` would be.
// - The checker runs all threads of a model as coroutines on one thread of the system, so that what
//   is in the box never leaves that thread.
unsafe impl<L> Send for Late<L> {}
// SAFETY: as above.
unsafe impl<L> Sync for Late<L> {}

impl<L: Default> Late<L> {
    const fn new() -> Self {
        Self(OnceLock::new())
    }

    fn lock<'l>(&self) -> &'l L {
        let lock = self.0.get_or_init(|| NonNull::from(Box::leak(Box::default())));
        // SAFETY:
        // - The box is freed by the drop only, and it is never borrowed mutably.
        // - Whoever calls this is done with the reference before the drop: the guards are kept in
        //   `Holders`, which is dropped before, and without a guard nobody keeps the reference.
        unsafe { lock.as_ref() }
    }
}

impl<L> Drop for Late<L> {
    fn drop(&mut self) {
        // A run that has failed leaves guards behind.
        if let (Some(lock), false) = (self.0.take(), panicking()) {
            // SAFETY: the pointer came from a box, and nobody refers to it any more: see `lock`.
            drop(unsafe { Box::from_raw(lock.as_ptr()) });
        }
    }
}

/// The guards of one lock that are held, each with its thread.
struct Holders<G>(StdMutex<Vec<(ThreadId, G)>>);

// SAFETY:
// - The checker runs all threads of a model as coroutines on one thread of the system, so that a
//   guard never leaves the thread that made it.
unsafe impl<G> Send for Holders<G> {}
// SAFETY: as above.
unsafe impl<G> Sync for Holders<G> {}

impl<G> Holders<G> {
    const fn none() -> Self {
        Self(StdMutex::new(Vec::new()))
    }

    /// Takes the lock by `acquire`, and keeps the guard.
    fn enter(&self, lock: &LockName, acquire: impl FnOnce() -> Option<G>) -> bool {
        let guard = acquire();
        let entered = guard.is_some();
        if let Some(guard) = guard {
            HELD.with(|held| held.borrow_mut().push(lock.number()));
            self.list().push((thread::current().id(), guard));
        }
        entered
    }

    /// Lets the lock go. In a run that has failed nothing is switched any more, and the lock stays.
    fn leave(&self, lock: &LockName) {
        if panicking() {
            return;
        }
        let me = thread::current().id();
        let mut list = self.list();
        let mine = list.iter().position(|(holder, _)| *holder == me);
        let guard = mine.map(|at| list.swap_remove(at));
        drop(list);
        HELD.with(|held| held.borrow_mut().retain(|held| *held != lock.number()));
        drop(guard);
    }

    fn list(&self) -> StdGuard<'_, Vec<(ThreadId, G)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G> Drop for Holders<G> {
    fn drop(&mut self) {
        // A guard of a run that has failed must not unlock.
        std::mem::take(&mut *self.list()).into_iter().for_each(std::mem::forget);
    }
}

/// A mutex without guards.
pub struct RawMutex {
    name: LockName,
    holder: Holders<MutexGuard<'static, ()>>,
    lock: Late<Mutex<()>>,
}

// SAFETY:
// - Exclusion is the checker's lock's own: it is held from the moment its guard is put into
//   `holder` until that guard is dropped.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: Self = Self { name: LockName::new(), holder: Holders::none(), lock: Late::new() };

    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        waiting(&self.name);
        self.holder.enter(&self.name, || self.lock.lock().lock().ok());
    }

    fn try_lock(&self) -> bool {
        taking(&self.name);
        self.holder.enter(&self.name, || self.lock.lock().try_lock().ok())
    }

    unsafe fn unlock(&self) {
        self.holder.leave(&self.name);
    }
}

/// A lock of readers and writers without guards.
pub struct RawRw {
    name: LockName,
    readers: Holders<RwLockReadGuard<'static, ()>>,
    writer: Holders<RwLockWriteGuard<'static, ()>>,
    lock: Late<RwLock<()>>,
}

// SAFETY:
// - Exclusion is the checker's lock's own: it is held from the moment its guard is put into
//   `readers` or `writer` until that guard is dropped.
unsafe impl lock_api::RawRwLock for RawRw {
    const INIT: Self = Self {
        name: LockName::new(),
        readers: Holders::none(),
        writer: Holders::none(),
        lock: Late::new(),
    };

    type GuardMarker = GuardNoSend;

    fn lock_shared(&self) {
        waiting(&self.name);
        self.readers.enter(&self.name, || self.lock.lock().read().ok());
    }

    fn try_lock_shared(&self) -> bool {
        taking(&self.name);
        self.readers.enter(&self.name, || self.lock.lock().try_read().ok())
    }

    unsafe fn unlock_shared(&self) {
        self.readers.leave(&self.name);
    }

    fn lock_exclusive(&self) {
        waiting(&self.name);
        self.writer.enter(&self.name, || self.lock.lock().write().ok());
    }

    fn try_lock_exclusive(&self) -> bool {
        taking(&self.name);
        self.writer.enter(&self.name, || self.lock.lock().try_write().ok())
    }

    unsafe fn unlock_exclusive(&self) {
        self.writer.leave(&self.name);
    }
}

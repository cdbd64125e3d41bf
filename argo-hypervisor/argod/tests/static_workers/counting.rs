//! An allocator that counts by thread, and what all threads together hold.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use rustix::thread::gettid;

struct Counting;

/// Linux has no thread with a higher number (PID_MAX_LIMIT).
const THREADS: usize = 1 << 22;

/// Calls by each thread. (Pages that nobody writes are not there.)
static CALLS: [AtomicU32; THREADS] = [const { AtomicU32::new(0) }; THREADS];
static HELD: AtomicI64 = AtomicI64::new(0);

fn count(bytes: i64) {
    let thread = gettid().as_raw_nonzero().get() as usize;
    CALLS[thread % THREADS].fetch_add(1, Ordering::Relaxed);
    HELD.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged. (The other methods are made
// of these two.)
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often memory was asked for or given back by threads of this process with such a name.
pub fn calls_of(name: &str) -> u32 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap());
    let named = tasks.filter(|task| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.starts_with(name))
    });
    let number = |task: std::fs::DirEntry| task.file_name().to_str()?.parse::<usize>().ok();
    named.filter_map(number).map(|thread| CALLS[thread].load(Ordering::Relaxed)).sum()
}

/// Bytes that are allocated now.
pub fn held() -> i64 {
    HELD.load(Ordering::Relaxed)
}

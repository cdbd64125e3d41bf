//! Which core who runs on: the same for every contestant of a case.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first core that this process may use: who sends.
    First,
    /// The second, or the first if there is but one: who receives.
    Second,
}

/// The number of that core.
///
/// # Errors
/// The kernel's.
pub fn core(place: Place) -> io::Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let first = cores.next().ok_or(io::ErrorKind::NotFound)?;
    Ok(match place {
        Place::First => first,
        Place::Second => cores.next().unwrap_or(first),
    })
}

/// Has the calling thread, and those that it starts from now on, run on that core alone.
///
/// # Errors
/// The kernel's.
pub fn pin(place: Place) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core(place)?);
    Ok(sched_setaffinity(None, &only)?)
}

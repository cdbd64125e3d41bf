//! Limits of the process: nobody gets its memory as a file or by tracing.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

const NOTHING: Rlimit = Rlimit { current: Some(0), maximum: Some(0) };
const ANYTHING: Rlimit = Rlimit { current: None, maximum: None };

/// What needs no privilege and is done with a cage or without: guests of the same user cannot trace
/// this process nor take its descriptors, a fault leaves no core with the guests' memory, and it may
/// have as many descriptors as the system allows.
pub fn harden() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "argod can be traced by its user's processes");
    }
    if let Err(error) = setrlimit(Resource::Core, NOTHING) {
        tracing::warn!(%error, "a core dump would hold the guests' memory");
    }
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

/// As long as there are capabilities: guests' RAM is locked without one later.
pub(super) fn lock_as_much_as_is_wanted() {
    if let Err(error) = setrlimit(Resource::Memlock, ANYTHING) {
        let limit = getrlimit(Resource::Memlock).current;
        tracing::warn!(%error, bytes = ?limit, "the limit on locked memory stays as it is");
    }
}

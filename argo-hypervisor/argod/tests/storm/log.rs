//! What argod writes to its log in a storm.

use std::time::Duration;

use crate::administrator::Work;
use crate::common::{Argod, wait_until};

/// What argod allows a domain: so many lines in a window, for each of its throttles.
const LINES: u64 = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// Domains, and what is limited beside them: administrators, readers of what happens.
const THROTTLES: u64 = 5 + 3;

/// No more lines than guests can cause in this time, beside a few for what an administrator did; how
/// many.
pub fn is_short(argod: &Argod, elapsed: Duration, work: &Work) -> u64 {
    let lines = read(argod).lines().count() as u64;
    let windows = 1 + elapsed.as_secs().div_ceil(WINDOW.as_secs());
    // A domain that is made anew has a new throttle.
    let allowed = 2 * work.requests + LINES * (work.made + windows * THROTTLES);
    assert!(lines <= allowed, "{lines} lines in {elapsed:?}, {work:?}");
    lines
}

/// No panic and no error, and the last thing that argod says is that it stopped.
pub fn ends_properly(argod: &Argod) {
    wait_until("argod says that it stopped", || read(argod).trim_end().ends_with("stopped"));
    let log = read(argod);
    let is_bad = |line: &&str| ["ERROR", "panic"].iter().any(|word| line.contains(word));
    let found: Vec<_> = log.lines().filter(is_bad).collect();
    assert!(found.is_empty(), "{found:#?}");
}

fn read(argod: &Argod) -> String {
    std::fs::read_to_string(argod.path("log")).unwrap()
}

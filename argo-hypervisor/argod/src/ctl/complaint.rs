//! Lines on standard error about single connections: others can cause them, so there are not many.

use std::fmt::Display;
use std::io::{self, Write};

use crate::daemon::throttle::Throttle;

/// Says what went wrong with connections, ten lines in ten seconds; the rest is counted.
#[derive(Default)]
pub(super) struct Complaints(Throttle);

impl Complaints {
    /// Something went wrong with `whom`.
    pub(super) fn say(&self, whom: impl Display, error: impl Display) {
        let Some(pass) = self.0.pass() else { return };
        match pass.suppressed {
            None => say(format_args!("argoctl: {whom}: {error}")),
            Some(count) => {
                say(format_args!("argoctl: {whom}: {error} (and {count} more were not told)"));
            }
        }
    }
}

/// A line on standard error; lost if that is broken.
pub(super) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

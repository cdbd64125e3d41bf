//! What argod and systemd tell each other. Without systemd (no `NOTIFY_SOCKET`, no `LISTEN_FDS`)
//! nothing of it does anything.

mod descriptor;
mod passed;

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;

pub use passed::{PASSED_MAX, Passed, PassedError};

/// Whether there is a systemd that listens.
pub fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// argod serves: at the start, and again when a reload is over, whether or not it changed
/// anything.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// A reload begins. [`ready`] has to follow.
pub fn reloading() {
    // `Type=notify-reload` needs to know that this answers the signal that it has just sent.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn(&error),
    }
}

/// argod stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line for people, shown by `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// argod lives. To be said more often than [`watchdog_period`].
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How long systemd waits for the next [`alive`] before it ends argod; `None`: it does not look.
pub fn watchdog_period() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn(&error);
    }
}

fn warn(error: &io::Error) {
    tracing::warn!(%error, "systemd cannot be told anything");
}

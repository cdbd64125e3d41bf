//! Tells systemd that argod lives, for as long as the threads that guests depend on do.
//!
//! Asked are the workers and the reception. Each answers when it passes its loop, so one that hangs
//! in a call keeps argod from being called alive, whatever the others do. The undertaker and the
//! threads of attachments and administrators are not asked: one that hangs holds up no other guest,
//! which is no reason to end all of them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::host::Host;
use super::pulse::Pulse;
use crate::systemd;

/// Between two looks at what there is to say, if systemd does not ask for more.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Watches until argod stops. `period`: how long systemd waits for a sign of life, if it does.
pub fn run(host: &Arc<Host>, period: Option<Duration>) {
    let mut said = String::new();
    while !host.is_stopping() {
        let next = Instant::now() + period.map_or(LOOK_EVERY, |period| period / 2);
        if period.is_some() && all_answer(host) {
            systemd::alive();
        }
        let line = line(host);
        if line != said {
            systemd::status(&line);
            said = line;
        }
        sleep_until(host, next);
    }
}

/// Asks every thread that matters, and waits until all have answered. `false`: argod stops.
fn all_answer(host: &Host) -> bool {
    let pulses: Vec<&Pulse> = host.ask_pulses().collect();
    while !pulses.iter().all(|pulse| pulse.is_answered()) {
        if host.is_stopping() {
            return false;
        }
        thread::park();
    }
    true
}

/// Until then or until argod stops.
fn sleep_until(host: &Host, next: Instant) {
    while !host.is_stopping() {
        match next.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return,
            // Unparked too early by a late answer, or by the end of argod.
            left => thread::park_timeout(left),
        }
    }
}

fn line(host: &Host) -> String {
    let domains = host.domains();
    let sessions: usize = domains.iter().map(|domain| domain.sessions().len()).sum();
    format!("{} domain(s), {sessions} session(s)", domains.len())
}

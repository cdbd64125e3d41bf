//! Asks argod again and again.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use crate::admin::Stat;
use crate::ctl::sockets::Admin;

/// How long it takes at most until an argod that was gone is asked again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What argod said, or why it said nothing.
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) stat: Result<Stat, String>,
}

/// Asks each `interval`, in a thread that ends when nobody wants to know any more.
pub(super) fn start(admin: Admin, interval: Duration) -> io::Result<Receiver<Sample>> {
    let (sender, receiver) = bounded(1);
    let ask = move || {
        loop {
            let stat = admin.stat().map_err(|failure| failure.to_string());
            let pause = if stat.is_ok() { interval } else { interval.min(TRY_AGAIN) };
            if sender.send(Sample { at: Instant::now(), stat }).is_err() {
                return;
            }
            thread::sleep(pause);
        }
    };
    thread::Builder::new().name("sampler".into()).spawn(ask)?;
    Ok(receiver)
}

//! The way to wake a session: a word in its memory, and an interrupt if it sleeps.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argo_core::host::wake::{self, Event, Signal};
use argo_mem::{Mapping, Memory};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, send, shutdown};

use super::host::Host;
use super::kicking::Bill;
use super::notices::{Notice, Notices};
use super::processor::Stopwatch;
use super::slowness::Slowness;
use crate::cage::Class;

/// Wakes one session.
///
/// An interrupt is a byte on the attachment socket, sent without ever blocking; a full socket
/// means that one is pending already. What sits behind the socket is the guest's: with 100,000
/// waiters on it a send takes 17 ms. So each is timed, and a session that is slow is signalled from a
/// thread of its own for a while.
pub struct Bell {
    ram: Arc<Mapping>,
    socket: Arc<OwnedFd>,
    slowness: Arc<Slowness>,
    /// Has the session's own thread send an interrupt, once it is there.
    kicks: Sender<()>,
    /// What becomes that thread if it is needed. Made at once, for who finds that out is not to take
    /// memory.
    kicker: Mutex<Option<Kicker>>,
    notices: Arc<Notices>,
    bill: Arc<Bill>,
}

impl Bell {
    /// A bell for the session with this memory and socket; an interrupt that takes longer than
    /// `limit` makes it a slow one, which is told there.
    pub fn new(
        ram: Arc<Mapping>,
        socket: Arc<OwnedFd>,
        limit: Duration,
        notices: Arc<Notices>,
    ) -> Self {
        let slowness = Arc::new(Slowness::new(limit));
        let bill = Arc::<Bill>::default();
        let (kicks, to_send) = bounded(1);
        let kicker = Kicker {
            socket: socket.clone(),
            slowness: slowness.clone(),
            bill: bill.clone(),
            kicks: to_send,
        };
        let kicker = Mutex::new(Some(kicker));
        Self { ram, socket, slowness, kicks, kicker, notices, bill }
    }

    /// Records an event and interrupts the session if it sleeps. No lock is held meanwhile.
    pub fn raise(&self, event: Event) {
        if wake::raise(&self.ram.view(), event) == Signal::Needed {
            self.kick();
        }
    }

    /// Time spent on this session's interrupts.
    pub fn time(&self) -> Duration {
        self.bill.time()
    }

    /// Time spent on this session's interrupts that no worker has charged to its domain yet. Who
    /// asks has to do it: each nanosecond is told once.
    pub fn time_to_charge(&self) -> Duration {
        self.bill.time_to_charge()
    }

    fn kick(&self) {
        let begun = Instant::now();
        if self.slowness.is_slow(begun) {
            // Full: its thread has an interrupt to send already.
            let _ = self.kicks.try_send(());
            return self.ask_for_kicker();
        }
        let (ended, worked) = self.bill.kick(begun, || interrupt(&self.socket));
        if self.slowness.note(ended, worked) {
            self.ask_for_kicker();
        }
    }

    /// A worker starts no thread: the reception does. What is sent before waits.
    fn ask_for_kicker(&self) {
        if let Some(kicker) = self.kicker.lock().take() {
            self.notices.put(Notice::Slow(kicker));
        }
    }
}

/// Interrupts one session from a thread of its own while it is slow.
pub struct Kicker {
    socket: Arc<OwnedFd>,
    slowness: Arc<Slowness>,
    bill: Arc<Bill>,
    kicks: Receiver<()>,
}

impl Kicker {
    /// Starts the thread, which ends with the session's bell. Without a thread to spare the session
    /// ends, since it would not be interrupted any more: it is the only one to suffer.
    pub fn start(self, host: &Arc<Host>) {
        let (host, socket) = (host.clone(), self.socket.clone());
        let run = move || {
            let narrowed = host.narrow(Class::Worker);
            drop(host);
            if narrowed.is_err() {
                return hang_up(&self.socket);
            }
            self.run();
        };
        if std::thread::Builder::new().name("argod-kicker".into()).spawn(run).is_err() {
            hang_up(&socket);
        }
    }

    /// Until the session's bell is gone.
    fn run(&self) {
        let mut all = Stopwatch::since_birth();
        for () in &self.kicks {
            let worked = self.bill.time_of(|| interrupt(&self.socket));
            self.slowness.note(Instant::now(), worked);
            // The thread is there for this session alone.
            self.bill.add(all.lap().saturating_sub(worked));
        }
    }
}

fn interrupt(socket: &OwnedFd) {
    let sent = send(socket, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    // A full socket means that an interrupt is pending. Any other error means that the session is
    // over, or that it has missed an interrupt and would wait for ever.
    if sent.is_err_and(|errno| errno != Errno::AGAIN) {
        hang_up(socket);
    }
}

/// Ends the session: its process and the reception see it.
fn hang_up(socket: &OwnedFd) {
    // An error means that it is over already.
    let _ = shutdown(socket, Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use argo_core::host::layout::{ARMED, QUEUES_MAX, control_bytes};
    use argo_core::host::words::Words;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    use super::*;
    use crate::daemon::kicking::time_kicking;

    /// No interrupt takes as long.
    const LIMIT: Duration = Duration::from_millis(5);

    /// A bell, the other end of its socket, and what it tells the reception.
    fn bell() -> (Bell, OwnedFd, Arc<Notices>) {
        let (ram, _) = Mapping::create("bell", control_bytes(QUEUES_MAX) as usize).unwrap();
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let notices = Arc::new(Notices::new(1).unwrap());
        let bell = Bell::new(Arc::new(ram), Arc::new(ours), LIMIT, notices.clone());
        (bell, theirs, notices)
    }

    #[test]
    fn time_spent_on_interrupts_is_charged_once() {
        let (bell, _guest, _) = bell();
        bell.raise(Event::Virq);
        assert_eq!(bell.time_to_charge(), Duration::ZERO, "the guest was awake");
        let mut charged = Duration::ZERO;
        for _ in 0..10 {
            bell.ram.view().store(ARMED, 1, Ordering::Release);
            bell.raise(Event::Virq);
            let more = bell.time_to_charge();
            assert!(more > Duration::ZERO);
            charged += more;
            assert_eq!((charged, bell.time_to_charge()), (bell.time(), Duration::ZERO));
        }
    }

    #[test]
    fn a_session_that_was_slow_once_is_interrupted_by_its_thread_and_then_by_workers_again() {
        let (bell, guest, told) = bell();
        assert!(bell.slowness.note(Instant::now(), 2 * LIMIT));
        let interrupt = || {
            bell.ram.view().store(ARMED, 1, Ordering::Release);
            bell.raise(Event::Virq);
        };
        let comes = || recv(&guest, &mut [0; 8], RecvFlags::empty()).map(|(_, len)| len) == Ok(1);
        let by_workers = time_kicking();
        interrupt();
        let Some(Notice::Slow(kicker)) = told.take() else { unreachable!("it needs a thread") };
        std::thread::spawn(move || kicker.run());
        assert!(comes() && time_kicking() == by_workers);
        while bell.slowness.is_slow(Instant::now()) {
            interrupt();
            assert!(comes());
        }
        interrupt();
        assert!(comes() && time_kicking() > by_workers && told.take().is_none());
    }
}

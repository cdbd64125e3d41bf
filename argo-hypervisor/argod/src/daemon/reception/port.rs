//! What others need of the reception, and what it hears.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use argo_core::DomainId;
use crossbeam_channel::{Receiver, Sender, unbounded};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

use crate::daemon::domain::HostDomain;
use crate::daemon::host::EndReason;
use crate::daemon::pulse::Pulse;
use crate::daemon::session::{Session, SessionKey};

/// What others tell the reception. A session is in at most one notice a worker, so their number is
/// bounded by the number of sessions.
pub enum Notice {
    /// This session is to be ended.
    End(SessionKey, EndReason),
    /// This session has ended; drop it.
    Discard(Arc<Session>),
    /// argod stops.
    Stop,
}

/// What a readiness event is about, packed into its 64 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Listener(DomainId),
    Session(SessionKey),
    Notices,
    Admin,
    Metrics,
}

const KIND_SHIFT: u32 = 60;
const VALUE_MASK: u64 = (1 << KIND_SHIFT) - 1;

impl Source {
    fn data(self) -> epoll::EventData {
        let (kind, value) = match self {
            Self::Listener(id) => (0, u64::from(id.raw())),
            Self::Session(key) => (1, key),
            Self::Notices => (2, 0),
            Self::Admin => (3, 0),
            Self::Metrics => (4, 0),
        };
        epoll::EventData::new_u64(kind << KIND_SHIFT | value & VALUE_MASK)
    }

    pub(super) fn of(event: &epoll::Event) -> Option<Self> {
        let data = event.data.u64();
        let value = data & VALUE_MASK;
        match data >> KIND_SHIFT {
            0 => DomainId::new(u16::try_from(value).ok()?).map(Self::Listener),
            1 => Some(Self::Session(value)),
            2 => Some(Self::Notices),
            3 => Some(Self::Admin),
            4 => Some(Self::Metrics),
            _ => None,
        }
    }
}

/// What others need of the reception.
pub struct ReceptionPort {
    epoll: OwnedFd,
    wake: OwnedFd,
    notices: Sender<Notice>,
    arrived: Receiver<Notice>,
    pulse: Pulse,
}

impl ReceptionPort {
    /// The port of a reception that is about to start.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, Source::Notices.data(), epoll::EventFlags::IN)?;
        let (notices, arrived) = unbounded();
        Ok(Self { epoll, wake, notices, arrived, pulse: Pulse::default() })
    }

    /// Accepts attachments to a domain, one at a time.
    pub fn listen(&self, domain: &HostDomain) -> io::Result<()> {
        let source = Source::Listener(domain.id());
        Ok(epoll::add(&self.epoll, &domain.listener, source.data(), one_arrival())?)
    }

    /// Accepts the next attachment to a domain.
    pub(super) fn listen_again(&self, domain: &HostDomain) {
        let source = Source::Listener(domain.id());
        // An error means that the domain is being destroyed.
        let _ = epoll::modify(&self.epoll, &domain.listener, source.data(), one_arrival());
    }

    /// Accepts one administrator.
    pub fn listen_admin(&self, listener: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, listener, Source::Admin.data(), one_arrival())?)
    }

    /// Accepts the next administrator.
    pub(super) fn listen_admin_again(&self, listener: impl AsFd) {
        // It was added at the start.
        let _ = epoll::modify(&self.epoll, listener, Source::Admin.data(), one_arrival());
    }

    /// Accepts one who reads metrics.
    pub fn listen_metrics(&self, listener: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, listener, Source::Metrics.data(), one_arrival())?)
    }

    /// Accepts the next one who reads metrics.
    pub fn listen_metrics_again(&self, listener: impl AsFd) {
        // It was added at the start.
        let _ = epoll::modify(&self.epoll, listener, Source::Metrics.data(), one_arrival());
    }

    /// Ends the session when its process hangs up or dies, whichever is seen first.
    pub fn watch(&self, session: &Session) -> io::Result<()> {
        let source = Source::Session(session.key);
        // A hang-up is always reported; nothing else is of interest.
        let hang_up = epoll::EventFlags::ONESHOT;
        epoll::add(&self.epoll, &*session.socket, source.data(), hang_up)?;
        if let Some(pidfd) = &session.pidfd {
            let death = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
            epoll::add(&self.epoll, pidfd, source.data(), death)?;
        }
        Ok(())
    }

    /// Watches the session no more.
    pub fn unwatch(&self, session: &Session) {
        self.forget(&*session.socket);
        if let Some(pidfd) = &session.pidfd {
            self.forget(pidfd);
        }
    }

    /// Listens to a descriptor no more.
    pub fn forget(&self, source: impl AsFd) {
        // An error means that it was not listened to.
        let _ = epoll::delete(&self.epoll, source);
    }

    /// Tells the reception something.
    pub fn notify(&self, notice: Notice) {
        // The receiver lives as long as this port.
        let _ = self.notices.send(notice);
        self.wake();
    }

    /// Asks whether the reception still passes its loop.
    pub fn ask_pulse(&self) -> &Pulse {
        self.pulse.ask();
        self.wake();
        &self.pulse
    }

    /// Waits for what is of interest to the reception, and tells that it passes its loop.
    pub(super) fn hear(&self, events: &mut Vec<epoll::Event>, patience: Option<Timespec>) {
        events.clear();
        let spare = rustix::buffer::spare_capacity(events);
        // Interrupted: as if nothing was heard.
        let _ = epoll::wait(&self.epoll, spare, patience.as_ref());
        self.pulse.beat();
    }

    /// The notices that have arrived.
    pub(super) fn notices(&self) -> impl Iterator<Item = Notice> {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        self.arrived.try_iter()
    }

    fn wake(&self) {
        // A full counter wakes it too.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

fn one_arrival() -> epoll::EventFlags {
    epoll::EventFlags::IN | epoll::EventFlags::ONESHOT
}

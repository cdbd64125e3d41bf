//! The reception: accepts connections, notices hang-ups, and ends sessions.
//!
//! One thread that never waits for a guest: each attachment has a thread of its own, one at a time
//! for a domain.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use argo_core::DomainId;
use rustix::event::epoll;
use rustix::net::SocketFlags;

use super::admin::AdminServer;
use super::arrivals::{self, NoRoom, Resting, accept};
use super::attach::attach;
use super::audit::refused_attachment;
use super::domain::HostDomain;
use super::host::{EndReason, Host};
use super::meter::Work;
use super::metrics::MetricsServer;
use super::notices::{Notice, Notices};
use super::peer::Peer;
use super::processor::{Stopwatch, thread_time};
use super::pulse::Pulse;
use super::session::{Session, SessionKey};
use super::throttle::{Pass, Throttle};
use crate::cage::Class;

/// Pause after an attachment before the next one to the same domain is looked at, so that a
/// process that attaches in a loop, or is refused in one, costs little.
const PAUSE: Duration = Duration::from_millis(2);

/// What a readiness event is about, packed into its 64 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Listener(DomainId),
    Session(SessionKey),
    Notices,
    Admin,
    Metrics,
    Doorkeeper,
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
            Self::Doorkeeper => (5, 0),
        };
        epoll::EventData::new_u64(kind << KIND_SHIFT | value & VALUE_MASK)
    }

    fn of(event: &epoll::Event) -> Option<Self> {
        let data = event.data.u64();
        let value = data & VALUE_MASK;
        match data >> KIND_SHIFT {
            0 => DomainId::new(u16::try_from(value).ok()?).map(Self::Listener),
            1 => Some(Self::Session(value)),
            2 => Some(Self::Notices),
            3 => Some(Self::Admin),
            4 => Some(Self::Metrics),
            5 => Some(Self::Doorkeeper),
            _ => None,
        }
    }
}

/// What others need of the reception.
pub struct ReceptionPort {
    epoll: OwnedFd,
    notices: Arc<Notices>,
    pulse: Pulse,
}

impl ReceptionPort {
    /// The port of a reception that is about to start, with room for notices of so many sessions.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub fn new(sessions: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let notices = Notices::new(sessions)?;
        let data = Source::Notices.data();
        epoll::add(&epoll, notices.descriptor(), data, epoll::EventFlags::IN)?;
        Ok(Self { epoll, notices: Arc::new(notices), pulse: Pulse::default() })
    }

    /// Accepts attachments to a domain, one at a time.
    pub fn listen(&self, domain: &HostDomain) -> io::Result<()> {
        let source = Source::Listener(domain.id());
        Ok(epoll::add(&self.epoll, &domain.listener, source.data(), one_arrival())?)
    }

    /// Accepts the next attachment to a domain.
    fn listen_again(&self, domain: &HostDomain) {
        let source = Source::Listener(domain.id());
        // An error means that the domain is being destroyed.
        let _ = epoll::modify(&self.epoll, &domain.listener, source.data(), one_arrival());
    }

    /// Accepts one administrator.
    pub fn listen_admin(&self, listener: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, listener, Source::Admin.data(), one_arrival())?)
    }

    /// Accepts the next administrator.
    fn listen_admin_again(&self, listener: impl AsFd) {
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

    /// Says so when the doorkeeper hangs up.
    pub fn watch_doorkeeper(&self, line: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, line, Source::Doorkeeper.data(), epoll::EventFlags::ONESHOT)?)
    }

    /// The same once more.
    fn watch_doorkeeper_again(&self, line: impl AsFd) {
        // It was added at the start.
        let flags = epoll::EventFlags::ONESHOT;
        let _ = epoll::modify(&self.epoll, line, Source::Doorkeeper.data(), flags);
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
        self.notices.put(notice);
    }

    /// Where those put notices who know nothing else of it.
    pub fn notices(&self) -> &Arc<Notices> {
        &self.notices
    }

    /// Asks whether the reception still passes its loop.
    pub fn ask_pulse(&self) -> &Pulse {
        self.pulse.ask();
        self.notices.wake();
        &self.pulse
    }
}

fn one_arrival() -> epoll::EventFlags {
    epoll::EventFlags::IN | epoll::EventFlags::ONESHOT
}

/// Receives until argod is told to stop.
pub fn run(host: &Arc<Host>, admin: &AdminServer, metrics: Option<&MetricsServer>) {
    let (resting, log, stopwatch) = (Resting::default(), Throttle::default(), Stopwatch::start());
    Reception { host, admin, metrics, resting, log, stopwatch }.run();
}

struct Reception<'r> {
    host: &'r Arc<Host>,
    admin: &'r AdminServer,
    metrics: Option<&'r MetricsServer>,
    /// Whose connections there was no room for.
    resting: Resting<Source>,
    log: Throttle,
    /// What was done before the next thing is on somebody's account, or nobody's.
    stopwatch: Stopwatch,
}

impl Reception<'_> {
    fn run(mut self) {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            let port = self.host.reception();
            // Interrupted: as if nothing was heard.
            let _ = epoll::wait(&port.epoll, spare, self.resting.time_left().as_ref());
            port.pulse.beat();
            for source in events.iter().filter_map(Source::of) {
                match source {
                    Source::Session(key) => self.end(key, EndReason::Left),
                    Source::Notices if !self.read_notices() => return,
                    Source::Notices => {}
                    // There is a moment between its last word and its end.
                    Source::Doorkeeper if self.host.doors().have_lost_their_keeper() => {}
                    Source::Doorkeeper => self.resting.add(source),
                    arrival => self.arrival(arrival),
                }
                self.bill(source);
            }
            for rested in self.resting.rested() {
                self.listen_again(rested);
            }
        }
    }

    /// What was done goes to the account of the domain that somebody connected to, if it was that;
    /// ended sessions have been accounted for.
    fn bill(&mut self, source: Source) {
        let spent = self.stopwatch.lap();
        if let Source::Listener(id) = source
            && let Some(domain) = self.host.domain(id)
        {
            domain.meter().add_time(Work::Attachments, spent);
        }
    }

    fn end(&mut self, key: SessionKey, reason: EndReason) {
        let Some(domain) = self.host.session(key).map(|session| session.domain.clone()) else {
            return;
        };
        self.host.end_session(key, reason);
        domain.meter().add_time(Work::Endings, self.stopwatch.lap());
    }

    /// `false`: argod stops.
    fn read_notices(&mut self) -> bool {
        let port = self.host.reception();
        port.notices.woken();
        while let Some(notice) = port.notices.take() {
            match notice {
                Notice::End(key, reason) => self.end(key, reason),
                Notice::Slow(kicker) => kicker.start(self.host),
                Notice::Stop => return false,
            }
        }
        true
    }

    /// Lets one in, or has the listener rest.
    fn arrival(&mut self, source: Source) {
        let accepted = match (source, self.metrics) {
            (Source::Listener(id), _) => arrival(self.host, id),
            (Source::Admin, _) => {
                let accepted = self.admin.accept(self.host);
                accepted.inspect(|()| self.listen_again(Source::Admin))
            }
            (Source::Metrics, Some(metrics)) => metrics.accept(self.host),
            _ => Ok(()),
        };
        if let Err(error) = accepted {
            self.resting.add(source);
            if let Some(Pass { suppressed }) = self.log.pass() {
                tracing::error!(%error, suppressed, "who connects has to wait");
            }
        }
    }

    fn listen_again(&self, source: Source) {
        let port = self.host.reception();
        match (source, self.metrics) {
            (Source::Listener(id), _) => {
                if let Some(domain) = self.host.domain(id) {
                    port.listen_again(&domain);
                }
            }
            (Source::Admin, _) => port.listen_admin_again(self.admin.listener()),
            (Source::Metrics, Some(metrics)) => port.listen_metrics_again(metrics.listener()),
            (Source::Doorkeeper, _) => {
                if let Some(line) = self.host.doors().line() {
                    port.watch_doorkeeper_again(line);
                }
            }
            _ => {}
        }
    }
}

/// Has a thread serve who connected to a domain.
///
/// # Errors
/// There is neither a thread nor a descriptor.
fn arrival(host: &Arc<Host>, id: DomainId) -> Result<(), NoRoom> {
    let Some(domain) = host.domain(id) else { return Ok(()) };
    let name = format!("attach-{}", domain.name());
    let its = (host.clone(), domain.clone());
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        let (host, domain) = its;
        let pause = match host.narrow(Class::Attach) {
            Ok(()) => serve_arrival(&host, &domain),
            Err(error) => {
                // An error means that who connected waits for the next look.
                let _ = turn_away(&host, &domain, &error);
                arrivals::PAUSE
            }
        };
        // All that this thread did, it did for the domain.
        domain.meter().add_time(Work::Attachments, thread_time());
        std::thread::sleep(pause);
        host.reception().listen_again(&domain);
    });
    if let Err(error) = thread {
        turn_away(host, &domain, &error)?;
        host.reception().listen_again(&domain);
    }
    Ok(())
}

/// Turns away who connected: it would be what the next look finds again.
fn turn_away(host: &Host, domain: &HostDomain, error: &io::Error) -> Result<(), NoRoom> {
    accept(&domain.listener, SocketFlags::NONBLOCK)?;
    domain.meter().add_refused_attachment();
    refused_attachment(host, domain, None, error);
    if let Some(Pass { suppressed }) = domain.log.pass() {
        tracing::error!(domain = domain.name(), %error, suppressed, "no thread to attach");
    }
    Ok(())
}

/// Attaches who connected, or says why not; how long the next one has to wait.
fn serve_arrival(host: &Arc<Host>, domain: &Arc<HostDomain>) -> Duration {
    let socket = match accept(&domain.listener, SocketFlags::NONBLOCK) {
        Ok(Some(socket)) => socket,
        Ok(None) => return PAUSE,
        Err(error) => {
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::error!(domain = domain.name(), %error, suppressed, "attachment waits");
            }
            return arrivals::PAUSE;
        }
    };
    let by = Peer::of(&socket).ok();
    match attach(host, domain, socket) {
        Ok(peer) => {
            domain.meter().add_attachment();
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::info!(domain = domain.name(), %peer, suppressed, "attached");
            }
        }
        Err(error) => {
            domain.meter().add_refused_attachment();
            refused_attachment(host, domain, by, &error);
            // It may have been passed RAM before it failed.
            host.undertaker().call();
            if let Some(Pass { suppressed }) = domain.log.pass() {
                tracing::warn!(domain = domain.name(), %error, suppressed, "attachment refused");
            }
        }
    }
    PAUSE
}

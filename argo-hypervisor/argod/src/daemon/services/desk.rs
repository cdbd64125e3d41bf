//! One domain's connections, and the thread that serves them.
//!
//! The thread is there while there are connections. It answers one request of each in turn, so that
//! a domain that floods, or that has argod close what is slow to close, does it to itself.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::event::epoll::{self, EventFlags};
use xen_services::{ConnectionId, Holder};

use super::connection::{Buffer, Connection};
use super::ending::Remains;
use super::error::{Ending, JoinError};
use super::request::Visitor;
use crate::admin::ServicesStat;
use crate::cage::Class;
use crate::daemon::domain::HostDomain;
use crate::daemon::host::Host;
use crate::daemon::meter::Work;
use crate::daemon::peer::Peer;
use crate::daemon::processor::Stopwatch;
use crate::daemon::seats::{Seat, Seats};
use crate::daemon::throttle::Pass;

/// Descriptors in answers that the processes of a domain may leave unread, all together: the system
/// counts them as argod's, and limits them.
const UNREAD_DESCRIPTORS_MAX: usize = 1024;

/// A domain's connections for services.
pub struct Desk {
    /// Seats for descriptors that no process has taken yet.
    unread: Arc<Seats>,
    pub(super) requests: AtomicU64,
    pub(super) refused: AtomicU64,
    roster: Mutex<Roster>,
    /// Notified when the thread ends.
    deserted: Condvar,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            unread: Seats::new(UNREAD_DESCRIPTORS_MAX),
            requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            roster: Mutex::default(),
            deserted: Condvar::new(),
        }
    }
}

#[derive(Default)]
struct Roster {
    connections: HashMap<ConnectionId, Arc<Connection>>,
    /// What the thread waits on, if there is one.
    line: Option<Arc<OwnedFd>>,
    /// No connection is taken any more.
    is_closed: bool,
    /// What the thread does last.
    remains: Option<Remains>,
}

impl Roster {
    fn has_room(&self, domain: &HostDomain) -> Result<(), JoinError> {
        let name = || domain.name().to_owned();
        if self.is_closed {
            return Err(JoinError::Over { domain: name() });
        }
        let allowed = domain.config.quotas.services.connections;
        if self.connections.len() >= allowed as usize {
            return Err(JoinError::Full { domain: name(), allowed });
        }
        Ok(())
    }
}

impl Desk {
    /// Serves a connection that said Hello, from here on.
    ///
    /// # Errors
    /// [`JoinError`]; the process is not told.
    pub fn join(
        host: &Arc<Host>,
        domain: &Arc<HostDomain>,
        peer: Peer,
        socket: Arc<OwnedFd>,
    ) -> Result<(), JoinError> {
        let desk = &domain.services;
        let mut roster = desk.roster.lock();
        roster.has_room(domain)?;
        let line = match &roster.line {
            Some(line) => line.clone(),
            None => Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?),
        };
        let key = host.services().next_connection();
        let holder = Holder { domain: domain.id(), connection: key };
        let connection = Connection::new(holder, peer, socket, line.clone());
        let connection = Arc::new(connection.map_err(io::Error::from)?);
        if roster.line.is_none() {
            // It finds the domain with a connection: the roster is locked until then.
            begin(host, domain, &line)?;
            roster.line = Some(line);
        }
        roster.connections.insert(key, connection.clone());
        if connection.welcome().is_err() {
            // The thread will see.
            connection.hang_up();
        }
        Ok(())
    }

    /// Ends all connections, or those of one process; how many. What was made over them goes soon.
    pub fn end_connections(&self, host: &Host, pid: Option<i32>) -> usize {
        let mut chosen: Vec<_> = self.roster.lock().connections.values().cloned().collect();
        chosen.retain(|connection| pid.is_none_or(|pid| connection.peer.pid == pid));
        chosen.iter().filter(|connection| host.services().hang_up(connection)).count()
    }

    /// Takes no connection any more, and ends all.
    pub fn close(&self, host: &Host) -> usize {
        self.roster.lock().is_closed = true;
        self.end_connections(host, None)
    }

    /// Has done what is left to do for the domain, once what was made over its connections is gone.
    pub fn settle(&self, remains: Remains) {
        let mut roster = self.roster.lock();
        match roster.line {
            Some(_) => roster.remains = Some(remains),
            None => {
                drop(roster);
                // Nobody was connected: no promise is in there, nothing that is slow.
                remains.settle();
            }
        }
    }

    /// Waits until the thread has ended, but not for longer than this.
    pub fn wait_until_deserted(&self, deadline: Instant) {
        let mut roster = self.roster.lock();
        while roster.line.is_some() {
            if self.deserted.wait_until(&mut roster, deadline).timed_out() {
                return;
            }
        }
    }

    /// What a domain uses of the services, and how often it asked.
    pub fn stat(&self, host: &Host, domain: &HostDomain) -> ServicesStat {
        let connections = self.roster.lock().connections.len();
        let id = domain.id();
        let store = host.services().store_usage(id);
        let tables = host.services().tables();
        ServicesStat {
            connections,
            shares: tables.grants.shares(id),
            pages: tables.grants.pages(id),
            maps: tables.grants.maps(id),
            ports: tables.channels.ports(id),
            store_nodes: store.nodes,
            store_watches: store.watches,
            store_transactions: store.transactions,
            requests: self.requests.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Seats for so many descriptors in an answer. `None`: the domain's processes leave too many
    /// unread.
    pub(super) fn seats(&self, count: usize) -> Option<Vec<Seat>> {
        let take = || (0..count).map(|_| self.unread.take()).collect::<Option<Vec<_>>>();
        take().or_else(|| {
            // Of those who have taken their answers nobody has heard since.
            let roster = self.roster.lock();
            roster.connections.values().for_each(|connection| connection.free_seats());
            take()
        })
    }

    fn connection(&self, key: ConnectionId) -> Option<Arc<Connection>> {
        self.roster.lock().connections.get(&key).cloned()
    }

    /// Takes an ended connection off. `false`: it was the last, and the thread is not needed.
    fn leave(&self, key: ConnectionId) -> bool {
        let connection = self.roster.lock().connections.remove(&key);
        // Closes its socket, which takes it off the line.
        drop(connection);
        let mut roster = self.roster.lock();
        if !roster.connections.is_empty() {
            return true;
        }
        if let Some(remains) = roster.remains.take() {
            // Nobody joins meanwhile: the desk is closed.
            MutexGuard::unlocked(&mut roster, || remains.settle());
        }
        roster.line = None;
        self.deserted.notify_all();
        false
    }
}

fn begin(host: &Arc<Host>, domain: &Arc<HostDomain>, line: &Arc<OwnedFd>) -> io::Result<()> {
    let (host, domain, line) = (host.clone(), domain.clone(), line.clone());
    let name = format!("services-{}", domain.name());
    std::thread::Builder::new().name(name).spawn(move || match host.narrow(Class::Desk) {
        Ok(()) => run(&host, &domain, &line, visit),
        Err(_) => {
            domain.services.end_connections(&host, None);
            run(&host, &domain, &line, turn_away);
        }
    })?;
    Ok(())
}

/// What is done when a connection is ready for something.
type Turn = fn(&Visitor<'_>, EventFlags, &mut Buffer) -> Result<(), Ending>;

/// Gives each connection its turn until the last has ended.
fn run(host: &Host, domain: &HostDomain, line: &OwnedFd, turn: Turn) {
    let mut events = Vec::with_capacity(64);
    let mut buffer = Buffer::default();
    let mut stopwatch = Stopwatch::since_birth();
    loop {
        events.clear();
        domain.meter().add_time(Work::Services, stopwatch.lap());
        // Interrupted: as if nothing was heard.
        let _ = epoll::wait(line, rustix::buffer::spare_capacity(&mut events), None);
        for event in &events {
            let key = event.data.u64();
            let Some(connection) = domain.services.connection(key) else { continue };
            let visitor = Visitor { host, domain, connection: &connection };
            let Err(ending) = turn(&visitor, event.flags, &mut buffer) else { continue };
            visitor.say_goodbye(ending);
            connection.leave_line();
            if !domain.services.leave(key) {
                return domain.meter().add_time(Work::Services, stopwatch.lap());
            }
        }
    }
}

/// One connection's turn.
fn visit(visitor: &Visitor<'_>, flags: EventFlags, buffer: &mut Buffer) -> Result<(), Ending> {
    if flags.intersects(EventFlags::HUP | EventFlags::ERR) || visitor.connection.is_over() {
        return Err(Ending::Left);
    }
    if flags.contains(EventFlags::OUT) {
        visitor.tell()?;
    }
    match visitor.connection.receive(buffer)? {
        Some(packet) => visitor.serve(packet),
        None => Ok(()),
    }
}

/// The turn that a thread gives which could not be caged.
fn turn_away(_: &Visitor<'_>, _: EventFlags, _: &mut Buffer) -> Result<(), Ending> {
    Err(Ending::Uncaged)
}

impl Visitor<'_> {
    fn say_goodbye(&self, ending: Ending) {
        let is_its_own = self.host.services().hang_up(self.connection);
        self.host.services().wind_up(self.connection);
        if is_its_own && let Some(Pass { suppressed }) = self.domain.log.pass() {
            let (domain, peer) = (self.domain.name(), self.connection.peer);
            tracing::info!(domain, %peer, reason = %ending, suppressed, "services ended");
        }
    }
}

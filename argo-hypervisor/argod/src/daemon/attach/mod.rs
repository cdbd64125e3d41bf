//! How a process becomes a session: one connection, one thread, a few messages, a deadline.
//!
//! The order matters (each step was attacked without it): argod maps the memory before anybody
//! else has it; the *guest* adds the final seals, because adding them takes a lock that a guest can
//! hold for ever; argod only looks whether they are there, and touches the pages after.

mod connection;
mod error;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use argo_core::host::attach::{DOORBELLS_MAX, Text, Welcome};
use argo_core::host::layout::{QUEUES_MAX, control_bytes};
use argo_core::host::wake;
use argo_core::host::{MAGIC, VERSION};
use argo_hypervisor::Caller;
use argo_mem::{MapError, Mapping, Memory as _};
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};
use rustix::net::{Shutdown, shutdown};

use super::bell::Bell;
use super::burial::{self, Buried};
use super::domain::{HostDomain, NoPlace, Place};
use super::host::Host;
use super::services::Desk;
use super::session::{Doorbell, Peer, Service, Session};
use super::sockopt::peer_pidfd;
use super::throttle::Pass;
use crate::config::LockMemory;
use connection::{Connection, Wanted};
pub use error::AttachError;
use error::system;

/// Serves one connection up to the point where its session is live, or somebody else serves it, or
/// it is told why not.
///
/// # Errors
/// [`AttachError`], which the process was told if it still listens.
pub fn attach(
    host: &Arc<Host>,
    domain: &Arc<HostDomain>,
    socket: OwnedFd,
) -> Result<Peer, AttachError> {
    let connection = Connection::new(socket);
    let refused = |error: &AttachError| connection.refuse(error);
    let peer = connection.peer(domain).inspect_err(refused)?;
    let wanted = connection.hello().inspect_err(refused)?;
    if domain.machine.is_some() {
        return Err(AttachError::Machine).inspect_err(refused);
    }
    let Wanted::Session { queues } = wanted else {
        let joined = Desk::join(host, domain, peer, connection.socket.clone());
        joined.map_err(AttachError::from).inspect_err(refused)?;
        return Ok(peer);
    };
    let offered = connection.offer(host, domain, peer, queues).inspect_err(refused)?;
    connection.admit(host, offered).inspect_err(|error| connection.refuse_at_last(error))?;
    connection.conclude(Ok(()));
    Ok(peer)
}

/// How long a process waits for argod to let the memory of an earlier one go: hundreds of times what a
/// worker's visit takes.
const LETTING_GO: Duration = Duration::from_millis(500);

/// A place, for which that of a session which has just ended may have to become free.
fn place(host: &Host, domain: &Arc<HostDomain>, peer: Peer) -> Result<Place, NoPlace> {
    let until = Instant::now() + LETTING_GO;
    loop {
        // Asked first: argod may let go at any moment.
        let lets_go = domain.lets_go();
        match domain.place(peer) {
            Err(NoPlace::StillHeld { .. }) if lets_go && Instant::now() < until => {
                host.undertaker().call();
                thread::sleep(Duration::from_millis(1));
            }
            answer => return answer,
        }
    }
}

/// What is there once the process has been sent its memory.
struct Offered {
    place: Place,
    peer: Peer,
    pidfd: Option<OwnedFd>,
    memfd: OwnedFd,
    ram: Arc<Mapping>,
    doorbells: Vec<Doorbell>,
    queues: u32,
}

impl Connection {
    /// Up to the point where the process has been sent its memory.
    fn offer(
        &self,
        host: &Host,
        domain: &Arc<HostDomain>,
        peer: Peer,
        queues: u32,
    ) -> Result<Offered, AttachError> {
        // Older kernels cannot name the process; its socket tells of its end all the same.
        let pidfd = peer_pidfd(&*self.socket).ok();
        let mut place = place(host, domain, peer)?;

        let (ram, memfd) = domain.ram_for(queues)?;
        // From the beginning the guest has to ring: argod listens once the session is live.
        let _ = wake::rest(&ram.view(), &[0; QUEUES_MAX as usize][..queues as usize]);
        let doorbells = make_doorbells(host, domain)?;
        let passed = burial::reopen(&memfd).map_err(system("opening the RAM again"))?;
        let welcome = Welcome {
            magic: MAGIC,
            version: VERSION,
            errno: 0,
            domain: domain.id().raw().into(),
            queues,
            control_bytes: control_bytes(queues),
            ram_pages: domain.config.pages() as u32,
            doorbells: doorbells.len() as u32,
            cpus: cpus(host, &doorbells),
            text: Text::EMPTY,
        };
        let ram = Arc::new(ram);
        place.passes(grave(&memfd, &ram)?);
        self.welcome(&welcome, &passed, &doorbells)?;
        Ok(Offered { place, peer, pidfd, memfd, ram, doorbells, queues })
    }

    /// The rest: checks the seals, pins the memory, and makes the session live.
    fn admit(&self, host: &Arc<Host>, offered: Offered) -> Result<(), AttachError> {
        self.sealed()?;
        if !Mapping::is_sealed(&offered.memfd)? {
            return Err(AttachError::NotSealed);
        }
        offered.ram.populate()?;
        lock(host.lock_memory(), offered.place.domain(), &offered.ram)?;
        // Nothing is received any more: only a hang-up is of interest from here on.
        shutdown(&*self.socket, Shutdown::Read).map_err(system("closing the way in"))?;
        self.establish(host, offered)
    }

    fn establish(&self, host: &Arc<Host>, offered: Offered) -> Result<(), AttachError> {
        let Offered { mut place, peer, pidfd, ram, doorbells, queues, .. } = offered;
        let grave = place.session_begins();
        let domain = place.domain().clone();
        let memory = domain.memory(&ram, queues)?;
        let caller = Caller { domain: domain.engine.clone(), memory };
        let socket = self.socket.clone();
        let notices = host.reception().notices().clone();
        let bell = Bell::new(ram.clone(), socket.clone(), host.kick_limit(), notices);
        let bell = Arc::new(bell);
        let key = host.next_key();
        let session = Session {
            key,
            domain,
            peer,
            bell,
            socket,
            pidfd,
            doorbells,
            ram,
            grave: Mutex::new(grave),
            caller,
            capture: host.capture().clone(),
            service: Service::new(queues),
        };
        Ok(host.admit(place, Arc::new(session))?)
    }
}

/// What remembers the RAM once it has been passed on.
fn grave(memfd: &OwnedFd, ram: &Arc<Mapping>) -> Result<Buried, AttachError> {
    Buried::prepare(memfd, Arc::downgrade(ram)).map_err(system("opening the RAM again"))
}

/// A doorbell for each worker that may serve the domain.
fn make_doorbells(host: &Host, domain: &HostDomain) -> Result<Vec<Doorbell>, AttachError> {
    let workers = host.workers_for(&domain.config.cpus).take(DOORBELLS_MAX as usize);
    let make = |worker| {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Doorbell { worker, fd })
    };
    workers.map(make).collect::<Result<_, _>>().map_err(system("making a doorbell"))
}

/// The processor of each doorbell's worker.
fn cpus(host: &Host, doorbells: &[Doorbell]) -> [u16; DOORBELLS_MAX as usize] {
    let mut cpus = [0; DOORBELLS_MAX as usize];
    for (cpu, doorbell) in cpus.iter_mut().zip(doorbells) {
        // Linux has no processor beyond 8191.
        *cpu = host.cpu_of(doorbell.worker) as u16;
    }
    cpus
}

/// Keeps the RAM from being swapped out, as far as the configuration asks for it.
///
/// # Errors
/// It is required, and the limit on locked memory is too low.
pub fn lock(wanted: LockMemory, domain: &HostDomain, ram: &Mapping) -> Result<(), MapError> {
    match wanted {
        LockMemory::No => Ok(()),
        LockMemory::Require => ram.lock(),
        LockMemory::Try => {
            if let (Err(error), Some(Pass { suppressed })) = (ram.lock(), domain.log.pass()) {
                let domain = domain.name();
                tracing::debug!(domain, %error, suppressed, "RAM may be swapped out");
            }
            Ok(())
        }
    }
}

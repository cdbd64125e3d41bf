//! The ports of one handle: a connection, and which of them may be told.
//!
//! A port is in the epoll set for one shot: once its notification was taken it stays silent until
//! it is unmasked, as Xen's device has it.
//!
//! A port that has ended is told once and leaves the set. When no other is left, nothing can ever
//! come: the ended ones are shown for good, so that whoever waits is told.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Errno, signals};
use argo_guest::services::{Channel, Pending, RequestError, Services};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fs::OFlags;

const ONCE: EventFlags = EventFlags::IN.union(EventFlags::ONESHOT);

/// A connection, and its ports in a set that one descriptor shows.
pub struct Ports {
    services: Services,
    ports: Mutex<BTreeMap<u32, Arc<Channel>>>,
    epoll: OwnedFd,
}

impl Ports {
    /// Connects, without any port. Why not is told on stderr in the name of `library`.
    ///
    /// # Errors
    /// As [`connect`](crate::connect), or there is no room for more descriptors.
    pub fn open(library: &str) -> Result<Self, Errno> {
        let services = crate::connect(library)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(errno)?;
        Ok(Self { services, ports: Mutex::default(), epoll })
    }

    /// Readable while a port that is not masked has a notification pending.
    pub fn fd(&self) -> c_int {
        self.epoll.as_raw_fd()
    }

    /// The connection.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Makes a port that domain `remote` may bind to.
    ///
    /// # Errors
    /// ESRCH, or what argod says.
    pub fn alloc_unbound(&self, remote: u32) -> Result<u32, Errno> {
        let remote = crate::domain(&self.services, remote)?;
        self.keep(self.services.alloc_unbound(remote))
    }

    /// Makes a port that is bound to `port` of domain `remote`.
    ///
    /// # Errors
    /// ESRCH, or what argod says, but EINVAL, as from Xen's device, for a port that is bound already.
    pub fn bind(&self, remote: u32, port: u32) -> Result<u32, Errno> {
        let remote = crate::domain(&self.services, remote)?;
        self.keep(self.services.bind(remote, port)).map_err(|errno| match errno {
            Errno(libc::EBUSY) => Errno(libc::EINVAL),
            other => other,
        })
    }

    /// Closes a port.
    ///
    /// # Errors
    /// ENOTCONN if there is no such port here.
    pub fn unbind(&self, port: u32) -> Result<(), Errno> {
        let mut ports = self.ports();
        let removed = ports.remove(&port).ok_or(Errno(libc::ENOTCONN))?;
        if self.services.is_inherited() {
            // The set is the parent's, too.
            return Ok(());
        }
        // Another thread may be notifying over it just now, which would keep it in the set.
        self.hide(&removed)?;
        self.show_ended(&ports)
    }

    /// Notifies the other side.
    ///
    /// # Errors
    /// ENOTCONN if there is no such port here.
    pub fn notify(&self, port: u32) -> Result<(), Errno> {
        self.port(port)?.notify();
        Ok(())
    }

    /// Lets a port be told again. The device says nothing of ports that it does not know, and
    /// neither does this.
    ///
    /// # Errors
    /// There is no memory.
    pub fn unmask(&self, port: u32) -> Result<(), Errno> {
        match self.port(port) {
            Ok(channel) if !channel.has_ended() => self.arm(port, &channel),
            _ => Ok(()),
        }
    }

    /// Takes the next notification; its port is masked then. Waits for one, unless C has made the
    /// descriptor non-blocking.
    ///
    /// # Errors
    /// EAGAIN: there is none. EINTR: a signal handler ran that was
    /// installed without SA_RESTART (or another, and such a one is there). ENODEV: all ports have ended, which was
    /// told of each.
    pub fn pending(&self) -> Result<u32, Errno> {
        loop {
            let port = self.next_event()?;
            let Ok(channel) = self.port(port) else { continue };
            if channel.has_ended() {
                return Err(Errno(libc::ENODEV));
            }
            match channel.take() {
                Pending::Notified => return Ok(port),
                Pending::Ended => {
                    self.show_ended(&self.ports())?;
                    return Ok(port);
                }
                // Taken by somebody else who has the same end, after a fork.
                Pending::Nothing => self.arm(port, &channel)?,
            }
        }
    }

    fn next_event(&self) -> Result<u32, Errno> {
        let flags = rustix::fs::fcntl_getfl(&self.epoll).map_err(errno)?;
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let limit = flags.contains(OFlags::NONBLOCK).then_some(&now);
        let mut event = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }];
        loop {
            match epoll::wait(&self.epoll, &mut event, limit) {
                Ok(0) => return Err(Errno(libc::EAGAIN)),
                Ok(_) => return Ok(event[0].data.u64() as u32),
                Err(rustix::io::Errno::INTR) if signals::all_restart() => {}
                Err(error) => return Err(errno(error)),
            }
        }
    }

    fn keep(&self, channel: Result<Channel, RequestError>) -> Result<u32, Errno> {
        let channel = Arc::new(channel?);
        let port = channel.port();
        let mut ports = self.ports();
        epoll::add(&self.epoll, &*channel, EventData::new_u64(port.into()), ONCE).map_err(errno)?;
        ports.insert(port, channel);
        self.show_ended(&ports)?;
        Ok(port)
    }

    /// Has the ended ports in the set, until further notice, if there are no others.
    fn show_ended(&self, ports: &BTreeMap<u32, Arc<Channel>>) -> Result<(), Errno> {
        let nothing_can_come = ports.values().all(|channel| channel.has_ended());
        for (port, channel) in ports.iter().filter(|(_, channel)| channel.has_ended()) {
            self.hide(channel)?;
            if nothing_can_come {
                let data = EventData::new_u64((*port).into());
                epoll::add(&self.epoll, &**channel, data, EventFlags::IN).map_err(errno)?;
            }
        }
        Ok(())
    }

    fn hide(&self, channel: &Channel) -> Result<(), Errno> {
        match epoll::delete(&self.epoll, channel) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(errno(error)),
        }
    }

    fn arm(&self, port: u32, channel: &Channel) -> Result<(), Errno> {
        epoll::modify(&self.epoll, channel, EventData::new_u64(port.into()), ONCE).map_err(errno)
    }

    fn port(&self, port: u32) -> Result<Arc<Channel>, Errno> {
        self.ports().get(&port).cloned().ok_or(Errno(libc::ENOTCONN))
    }

    fn ports(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Channel>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno(errno.raw_os_error())
}

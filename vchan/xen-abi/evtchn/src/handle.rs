//! What lies behind a handle: a connection, its ports, and which of them may be told.
//!
//! A port is in the epoll set for one shot: once its notification was taken it stays silent until
//! it is unmasked, as Xen's device has it.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use argo_guest::services::{Channel, Pending, RequestError, Services};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fs::OFlags;
use xen_abi::Errno;

const ONCE: EventFlags = EventFlags::IN.union(EventFlags::ONESHOT);

pub(crate) struct Handle {
    services: Services,
    ports: Mutex<BTreeMap<u32, Arc<Channel>>>,
    epoll: OwnedFd,
}

impl Handle {
    pub(crate) fn open() -> Result<Self, Errno> {
        let services = xen_abi::connect("libxenevtchn")?;
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(errno)?;
        Ok(Self { services, ports: Mutex::default(), epoll })
    }

    /// Readable while a port that is not masked has a notification pending.
    pub(crate) fn fd(&self) -> c_int {
        self.epoll.as_raw_fd()
    }

    pub(crate) fn alloc_unbound(&self, remote: u32) -> Result<u32, Errno> {
        let remote = xen_abi::domain(&self.services, remote)?;
        self.keep(self.services.alloc_unbound(remote))
    }

    pub(crate) fn bind(&self, remote: u32, port: u32) -> Result<u32, Errno> {
        let remote = xen_abi::domain(&self.services, remote)?;
        self.keep(self.services.bind(remote, port))
    }

    pub(crate) fn unbind(&self, port: u32) -> Result<(), Errno> {
        let removed = self.ports().remove(&port).ok_or(Errno(libc::ENOTCONN))?;
        // Another thread may be notifying over it just now, which would keep it in the set.
        epoll::delete(&self.epoll, &*removed).map_err(errno)
    }

    pub(crate) fn notify(&self, port: u32) -> Result<(), Errno> {
        self.port(port)?.notify();
        Ok(())
    }

    /// The device says nothing of ports that it does not know, and neither does this.
    pub(crate) fn unmask(&self, port: u32) -> Result<(), Errno> {
        match self.port(port) {
            Ok(channel) if !channel.has_ended() => self.arm(port, &channel),
            _ => Ok(()),
        }
    }

    /// Takes the next notification; its port is masked then. Waits for one, unless C has made the
    /// descriptor non-blocking (EAGAIN).
    pub(crate) fn pending(&self) -> Result<u32, Errno> {
        loop {
            let port = self.next_event()?;
            let Ok(channel) = self.port(port) else { continue };
            match channel.take() {
                Pending::Notified | Pending::Ended => return Ok(port),
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
        match epoll::wait(&self.epoll, &mut event, limit).map_err(errno)? {
            0 => Err(Errno(libc::EAGAIN)),
            _ => Ok(event[0].data.u64() as u32),
        }
    }

    fn keep(&self, channel: Result<Channel, RequestError>) -> Result<u32, Errno> {
        let channel = Arc::new(channel?);
        let port = channel.port();
        let mut ports = self.ports();
        epoll::add(&self.epoll, &*channel, EventData::new_u64(port.into()), ONCE).map_err(errno)?;
        ports.insert(port, channel);
        Ok(port)
    }

    fn arm(&self, port: u32, channel: &Channel) -> Result<(), Errno> {
        epoll::modify(&self.epoll, channel, EventData::new_u64(port.into()), ONCE).map_err(errno)
    }

    fn port(&self, port: u32) -> Result<Arc<Channel>, Errno> {
        self.ports().get(&port).cloned().ok_or(Errno(libc::ENOTCONN))
    }

    fn ports(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<Channel>>> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno(errno.raw_os_error())
}

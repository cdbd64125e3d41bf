//! The connection: requests of several threads one after the other, watch events beside them.
//!
//! Whoever waits for something receives, for everybody: one thread at a time reads the socket and
//! files what comes, as the answer or as an event; the others sleep until it has. A receiver that
//! has what it waited for wakes them, and one of them goes on.

use alloc::string::String;
use alloc::vec::Vec;
use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use argo_core::DomainId;
use argo_core::host::services::{
    EVENT_TAG, Hello, Op, PACKET_MAX, Request, SERVICES_MAGIC, SERVICES_VERSION, Welcome,
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::io::Errno;
use rustix::net::{Shutdown, shutdown};
use zerocopy::IntoBytes;

use super::error::RequestError;
use super::events::EventsFd;
use super::packet::{self, Packet};
use crate::host::link::{Link, accepted, domain_id, expect};
use crate::host::{AttachCause, Step};

/// How long argod may take over a request, and over the beginning.
const PATIENCE: Duration = Duration::from_secs(10);

/// Watch events kept until they are taken, at most.
const EVENTS_MAX: usize = 16 << 10;

pub(super) struct Connection {
    domain: DomainId,
    /// The process that opened it. A child of it by `fork` has the same socket: whatever it sent or
    /// received would be the parent's.
    process: u32,
    socket: OwnedFd,
    /// Held while a request is asked and answered; the last tag used.
    asking: Mutex<u32>,
    inbox: Mutex<Inbox>,
    /// Something was filed, or nobody receives any more.
    filed: Condvar,
}

#[derive(Default)]
struct Inbox {
    receiving: bool,
    answer: Option<Packet>,
    events: VecDeque<Vec<u8>>,
    events_fd: Option<EventsFd>,
    ended: Option<RequestError>,
}

impl Connection {
    pub(super) fn open(path: &Path) -> Result<Self, (Step, AttachCause)> {
        let at = |step| move |cause| (step, cause);
        let link = Link::connect(path, PATIENCE).map_err(at(Step::Connecting))?;
        link.send(&Hello::for_services()).map_err(at(Step::Greeting))?;
        let (welcome, _) = link.receive::<Welcome>().map_err(at(Step::ReceivingWelcome))?;
        let domain = check(&welcome).map_err(at(Step::ReceivingWelcome))?;
        Ok(Self {
            domain,
            process: std::process::id(),
            socket: link.into_socket(),
            asking: Mutex::new(0),
            inbox: Mutex::default(),
            filed: Condvar::new(),
        })
    }

    pub(super) fn domain(&self) -> DomainId {
        self.domain
    }

    /// Whether it came to this process by `fork`.
    pub(super) fn is_inherited(&self) -> bool {
        self.process != std::process::id()
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, op: Op, body: &[u8]) -> Result<Packet, RequestError> {
        self.check_own()?;
        let maximum = PACKET_MAX - size_of::<Request>();
        if body.len() > maximum {
            return Err(RequestError::TooLong { len: body.len(), maximum });
        }
        let mut last = self.asking.lock();
        // Only now: the requests before this one have had their own time.
        let deadline = Instant::now() + PATIENCE;
        *last = (*last + 1) % EVENT_TAG;
        let tag = *last;
        let answer = self.exchange(Request { op: op as u32, tag }, body, deadline)?;
        if answer.head.tag != tag {
            let (found, expected) = (answer.head.tag.into(), tag.into());
            let error = RequestError::Protocol { what: "the answer's tag", found, expected };
            return Err(self.give_up(error));
        }
        match answer.head.errno {
            0 => Ok(answer),
            errno => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                Err(RequestError::Refused { op, errno, text })
            }
        }
    }

    /// The next watch event, a message of the store; `None` if there is none until the deadline.
    pub(super) fn next_event(
        &self,
        deadline: Option<Instant>,
    ) -> Result<Option<Vec<u8>>, RequestError> {
        self.check_own()?;
        self.wait(deadline, |inbox| {
            let event = inbox.events.pop_front();
            inbox.show_events();
            event
        })
    }

    pub(super) fn retain_events(&self, mut wanted: impl FnMut(&[u8]) -> bool) {
        let mut inbox = self.inbox.lock();
        inbox.events.retain(|event| wanted(event));
        inbox.show_events();
    }

    /// Lends the descriptor that is readable while there may be events.
    pub(super) fn events_fd<T>(
        &self,
        lend: impl FnOnce(BorrowedFd<'_>) -> T,
    ) -> Result<T, RequestError> {
        self.check_own()?;
        let mut inbox = self.inbox.lock();
        if inbox.events_fd.is_none() {
            inbox.events_fd = Some(EventsFd::new(&self.socket)?);
            inbox.show_events();
        }
        match &inbox.events_fd {
            Some(fd) => Ok(lend(fd.as_fd())),
            None => Err(Errno::BADF.into()),
        }
    }

    /// Before any lock, which another thread may have held when the process forked.
    fn check_own(&self) -> Result<(), RequestError> {
        if self.is_inherited() { Err(RequestError::Inherited(self.process)) } else { Ok(()) }
    }

    fn exchange(
        &self,
        head: Request,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Packet, RequestError> {
        if let Some(error) = &self.inbox.lock().ended {
            return Err(error.clone());
        }
        let sent = packet::send(&self.socket, &[head.as_bytes(), body], deadline)?;
        let answer =
            if sent { self.wait(Some(deadline), |inbox| inbox.answer.take())? } else { None };
        // An answer that comes later would be taken for the next one's.
        answer.ok_or_else(|| self.give_up(RequestError::TimedOut(PATIENCE)))
    }

    /// Waits for what `wanted` finds in the inbox, at most until the deadline.
    fn wait<T>(
        &self,
        deadline: Option<Instant>,
        mut wanted: impl FnMut(&mut Inbox) -> Option<T>,
    ) -> Result<Option<T>, RequestError> {
        let mut inbox = self.inbox.lock();
        loop {
            if let Some(found) = wanted(&mut inbox) {
                return Ok(Some(found));
            }
            if let Some(error) = &inbox.ended {
                return Err(error.clone());
            }
            let late = match inbox.receiving {
                true => self.sleep(&mut inbox, deadline),
                false => self.receive(&mut inbox, deadline),
            };
            if late {
                return Ok(wanted(&mut inbox));
            }
        }
    }

    /// Lets another thread receive. `true`: the deadline came.
    fn sleep(&self, inbox: &mut MutexGuard<'_, Inbox>, deadline: Option<Instant>) -> bool {
        match deadline {
            Some(deadline) => self.filed.wait_until(inbox, deadline).timed_out(),
            None => {
                self.filed.wait(inbox);
                false
            }
        }
    }

    /// Receives one packet for whoever it is for. `true`: the deadline came.
    fn receive(&self, inbox: &mut MutexGuard<'_, Inbox>, deadline: Option<Instant>) -> bool {
        inbox.receiving = true;
        let came = MutexGuard::unlocked(inbox, || packet::receive(&self.socket, deadline));
        inbox.receiving = false;
        let late = matches!(came, Ok(None));
        let filed = came.and_then(|packet| packet.map_or(Ok(()), |packet| inbox.file(packet)));
        if let Err(error) = filed {
            self.end(inbox, error);
        }
        self.filed.notify_all();
        late
    }

    fn give_up(&self, error: RequestError) -> RequestError {
        self.end(&mut self.inbox.lock(), error.clone());
        self.filed.notify_all();
        error
    }

    fn end(&self, inbox: &mut Inbox, error: RequestError) {
        inbox.ended.get_or_insert(error);
        // Fails only if argod was quicker. Whoever polls for events sees the end.
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

impl Inbox {
    fn file(&mut self, packet: Packet) -> Result<(), RequestError> {
        if packet.head.tag != EVENT_TAG {
            self.answer = Some(packet);
        } else if self.events.len() == EVENTS_MAX {
            return Err(RequestError::Flooded(EVENTS_MAX));
        } else {
            self.events.push_back(packet.body);
            self.show_events();
        }
        Ok(())
    }

    fn show_events(&self) {
        if let Some(fd) = &self.events_fd {
            fd.show(!self.events.is_empty());
        }
    }
}

fn check(welcome: &Welcome) -> Result<DomainId, AttachCause> {
    expect("Welcome's magic", welcome.magic, SERVICES_MAGIC)?;
    if welcome.version != SERVICES_VERSION {
        let (theirs, ours) = (welcome.version, SERVICES_VERSION);
        return Err(AttachCause::Version { theirs, ours });
    }
    accepted(welcome.errno, &welcome.text)?;
    domain_id(welcome.domain)
}

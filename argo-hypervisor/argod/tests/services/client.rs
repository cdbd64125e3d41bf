//! A process that speaks the protocol of the services itself.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use argo_core::Errno;
use argo_core::host::services::*;
use argo_core::xenstore::{Header, Kind};
use argo_mem::{Mapping, Memory};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recv, send};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::common::raw::Raw;
use crate::common::{Argod, PATIENCE, wait_until};

pub const PAGE: u32 = 4096;
/// A policy that allows everything.
pub const OPEN: &str = "[[policy]]\nhook = \"any\"\nfrom = \"any\"\nto = \"any\"\n\
                        [[store]]\nfrom = \"any\"\npath = \"/\"\naccess = \"write\"\n";

/// Domains 1 (`one`), 2 (`two`) and 3 (`three`), which may do everything.
pub fn system() -> String {
    let domains = [(1, "one"), (2, "two"), (3, "three")];
    domains.map(|(id, name)| domain(id, name, "")).concat() + OPEN
}

pub fn domain(id: u16, name: &str, quotas: &str) -> String {
    format!("[[domain]]\nid = {id}\nname = \"{name}\"\nram = \"1MiB\"\nquotas = {{ {quotas} }}\n")
}

pub struct Client {
    pub raw: Raw,
    tag: u32,
    /// Events that came while an answer was awaited.
    events: Vec<Vec<u8>>,
}

/// What argod answered.
#[derive(Debug)]
pub struct Told {
    pub tag: u32,
    pub errno: u32,
    pub body: Vec<u8>,
    pub fds: Vec<OwnedFd>,
}

/// A share as its owner has it.
pub struct Own {
    pub share: u32,
    pub reference: u32,
    pub memory: Mapping,
    pub fd: OwnedFd,
}

/// A map of one part.
#[derive(Debug)]
pub struct Got {
    pub map: u32,
    pub parts: Vec<Part>,
    pub fds: Vec<OwnedFd>,
}

/// A port with its end.
#[derive(Debug)]
pub struct Port {
    pub number: u32,
    pub end: OwnedFd,
}

impl Client {
    pub fn connect(argod: &Argod, domain: &str) -> Self {
        Self::connect_to(&argod.socket(domain))
    }

    pub fn connect_to(path: &Path) -> Self {
        Self::try_connect(path).unwrap()
    }

    /// Errno and text of a refusal.
    pub fn try_connect(path: &Path) -> Result<Self, (u32, String)> {
        let raw = Raw::connect(path);
        raw.send(Hello::for_services().as_bytes());
        let (welcome, fds) = raw.receive::<Welcome>().unwrap();
        assert!((welcome.magic, fds.len()) == (SERVICES_MAGIC, 0));
        match welcome.errno {
            0 => Ok(Self { raw, tag: 0, events: Vec::new() }),
            errno => Err((errno, welcome.text.as_str().to_owned())),
        }
    }

    /// Sends a request without waiting for its answer.
    pub fn post(&mut self, op: u32, body: &[u8]) -> u32 {
        self.tag += 1;
        let mut packet = Request { op, tag: self.tag }.as_bytes().to_vec();
        packet.extend(body);
        self.raw.send(&packet);
        self.tag
    }

    /// The next answer; `None`: argod hung up.
    pub fn told(&self) -> Option<Told> {
        let mut packet = vec![0; PACKET_MAX];
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [IoSliceMut::new(&mut packet)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = rustix::net::recvmsg(&self.raw.socket, &mut bytes, &mut control, flags);
        let len = match got {
            Ok(got) if got.bytes > 0 => got.bytes,
            Ok(_) | Err(rustix::io::Errno::CONNRESET) => return None,
            Err(errno) => panic!("no answer within {PATIENCE:?}: {errno}"),
        };
        let rights = control.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        let fds = rights.flatten().collect();
        let (Answer { tag, errno }, body) = Answer::read_from_prefix(&packet[..len]).unwrap();
        Some(Told { tag, errno, body: body.to_vec(), fds })
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, op: Op, body: &[u8]) -> Result<Told, Errno> {
        let tag = self.post(op as u32, body);
        let told = self.answer();
        assert_eq!(told.tag, tag);
        if told.errno == 0 {
            return Ok(told);
        }
        assert!(!told.body.is_empty() && told.fds.is_empty(), "a refusal gives its reason only");
        Err(Errno::from_number(told.errno as i32).unwrap())
    }

    fn answer(&mut self) -> Told {
        loop {
            match self.told().expect("an answer") {
                told if told.tag == EVENT_TAG => self.events.push(told.body),
                told => return told,
            }
        }
    }

    /// Asks the store; returns what its answer says, or the name of an errno.
    pub fn store(&mut self, kind: Kind, payload: &[u8]) -> Result<Vec<u8>, String> {
        self.store_within(0, kind, payload)
    }

    /// The same in a transaction.
    pub fn store_within(
        &mut self,
        transaction: u32,
        kind: Kind,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let (kind_number, len) = (kind as u32, payload.len() as u32);
        let header = Header { kind: kind_number, request: 5, transaction, len };
        let told = self.ask(Op::Store, &[header.as_bytes(), payload].concat()).unwrap();
        let (header, payload) = Header::read_from_prefix(&told.body).unwrap();
        assert_eq!((header.request, header.len as usize), (5, payload.len()));
        if header.kind == Kind::Error as u32 {
            return Err(String::from_utf8(payload.strip_suffix(b"\0").unwrap().to_vec()).unwrap());
        }
        assert_eq!(header.kind, kind as u32);
        Ok(payload.to_vec())
    }

    pub fn write(&mut self, path: &str, value: &str) -> Result<Vec<u8>, String> {
        self.store(Kind::Write, format!("{path}\0{value}").as_bytes())
    }

    pub fn read(&mut self, path: &str) -> Result<String, String> {
        let value = self.store(Kind::Read, format!("{path}\0").as_bytes())?;
        Ok(String::from_utf8(value).unwrap())
    }

    pub fn watch(&mut self, path: &str, token: &str) -> Result<Vec<u8>, String> {
        self.store(Kind::Watch, format!("{path}\0{token}\0").as_bytes())
    }

    /// The next event: path and token.
    pub fn event(&mut self) -> (String, String) {
        let body = match self.events.is_empty() {
            true => self.told().filter(|told| told.tag == EVENT_TAG).expect("an event").body,
            false => self.events.remove(0),
        };
        let (header, payload) = Header::read_from_prefix(&body).unwrap();
        assert_eq!(header.kind, Kind::WatchEvent as u32);
        let text = String::from_utf8(payload.to_vec()).unwrap();
        let mut parts = text.split('\0').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap())
    }

    fn asked(&mut self, op: Op, body: &(impl IntoBytes + Immutable)) -> Result<Told, Errno> {
        self.ask(op, body.as_bytes())
    }

    pub fn share(&mut self, to: u32, access: Access, pages: u32) -> Result<Own, Errno> {
        self.share_notifying(to, access, pages, Notify::NOTHING)
    }

    pub fn share_notifying(
        &mut self,
        to: u32,
        access: Access,
        pages: u32,
        notify: Notify,
    ) -> Result<Own, Errno> {
        let share = Share { to, access: access as u32, pages, notify };
        let mut told = self.asked(Op::Share, &share)?;
        let Shared { share, reference } = Shared::read_from_bytes(&told.body).unwrap();
        let fd = told.fds.pop().unwrap();
        let memory = Mapping::of(&fd, (pages * PAGE) as usize).unwrap();
        Ok(Own { share, reference, memory, fd })
    }

    pub fn unshare(&mut self, share: u32) -> Result<(), Errno> {
        self.asked(Op::Unshare, &Handle { number: share }).map(drop)
    }

    pub fn map(&mut self, access: Access, entries: &[(u32, u32)]) -> Result<Got, Errno> {
        self.map_notifying(access, entries, Notify::NOTHING)
    }

    pub fn map_notifying(
        &mut self,
        access: Access,
        entries: &[(u32, u32)],
        notify: Notify,
    ) -> Result<Got, Errno> {
        let head = Map { access: access as u32, entries: entries.len() as u32, notify };
        let mut body = head.as_bytes().to_vec();
        for (domain, reference) in entries {
            body.extend(Entry { domain: *domain, reference: *reference }.as_bytes());
        }
        let told = self.ask(Op::Map, &body)?;
        let (Mapped { map, parts }, rest) = Mapped::read_from_prefix(&told.body).unwrap();
        let all = rest.chunks(size_of::<Part>()).map(|part| Part::read_from_bytes(part).unwrap());
        let all: Vec<Part> = all.collect();
        assert_eq!(all.len(), parts as usize);
        Ok(Got { map, parts: all, fds: told.fds })
    }

    pub fn unmap(&mut self, map: u32) -> Result<(), Errno> {
        self.asked(Op::Unmap, &Handle { number: map }).map(drop)
    }

    pub fn alloc_unbound(&mut self, remote: u32) -> Result<Port, Errno> {
        self.asked(Op::AllocUnbound, &Handle { number: remote }).map(Port::of)
    }

    pub fn bind(&mut self, remote: u32, port: u32) -> Result<Port, Errno> {
        self.asked(Op::BindInterdomain, &Bind { remote, port }).map(Port::of)
    }

    pub fn close_channel(&mut self, port: u32) -> Result<(), Errno> {
        self.asked(Op::CloseChannel, &Handle { number: port }).map(drop)
    }

    pub fn is_allocated(&mut self, port: u32) -> bool {
        let told = self.asked(Op::IsAllocated, &Handle { number: port }).unwrap();
        Handle::read_from_bytes(&told.body).unwrap().number == 1
    }

    pub fn wait_for_hang_up(&self) {
        wait_until("argod hangs up", || self.raw.hung_up());
    }
}

impl Port {
    fn of(mut told: Told) -> Self {
        let Handle { number } = Handle::read_from_bytes(&told.body).unwrap();
        Self { number, end: told.fds.pop().unwrap() }
    }

    pub fn notify(&self) {
        let _ = send(&self.end, &[1], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Takes what is pending: `Some(true)` an event, `Some(false)` none, `None` the stream's end.
    pub fn pending(&self) -> Option<bool> {
        match recv(&self.end, &mut [0; 4096], RecvFlags::DONTWAIT) {
            Ok((0, _)) => None,
            Ok(_) => Some(true),
            Err(_) => Some(false),
        }
    }

    pub fn wait_for_event(&self) {
        wait_until("an event comes", || self.pending() == Some(true));
    }

    pub fn wait_for_end(&self) {
        wait_until("the other domain's port is closed", || self.pending().is_none());
    }
}

impl Own {
    pub fn byte(&self, at: usize) -> u8 {
        let mut byte = [0];
        self.memory.view().read(at, &mut byte).unwrap();
        byte[0]
    }

    pub fn set(&self, at: usize, byte: u8) {
        self.memory.view().write(at, &[byte]).unwrap();
    }

    /// The entries of its first pages.
    pub fn entries(&self, owner: u32, pages: u32) -> Vec<(u32, u32)> {
        (self.reference..self.reference + pages).map(|reference| (owner, reference)).collect()
    }
}

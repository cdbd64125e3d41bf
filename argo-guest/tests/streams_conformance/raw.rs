//! A peer that makes its hypercalls by hand and keeps every message.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use argo_core::abi::{Iov, PAGE_SIZE, RING_HEADER};
use argo_core::claim::RingLen;
use argo_core::platform::{Gone, Platform};
use argo_core::ring::Consumer;
use argo_core::{DomainId, Errno, Gfn, Partner, Port, RingName};
use argo_hypervisor::inprocess::{AllowAll, InProcess, LocalDomain};
use argo_hypervisor::{Answer, Existing, Fault, Question, RegisterRequest, SendRequest};
use argo_mem::View;

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);
const RAM_PAGES: usize = 512;
/// Where outgoing payload lies, and how much of it there may be, in pages.
const PAYLOAD_PAGE: u64 = 1;
const PAYLOAD_PAGES: u64 = 63;
/// Pages that each ring may have.
const RING_PAGES: u64 = 64;

pub struct Raw {
    system: InProcess<AllowAll>,
    platform: LocalDomain<AllowAll>,
    rings: BTreeMap<u32, Ring>,
    /// Interrupts that were looked at; `None` counts as one that is pending, as in the record,
    /// where the peer had a life before.
    virqs: Option<u32>,
}

struct Ring {
    name: RingName,
    first_page: u64,
    consumer: Consumer,
}

/// A message that was taken out of a ring.
pub struct Taken {
    pub source: u32,
    pub message_type: u32,
    pub payload: Vec<u8>,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, message_type, payload } = self;
        let (head, len) = (&payload[..payload.len().min(16)], payload.len());
        write!(f, "{len} bytes {head:x?} of type {message_type:#x} from {source:#x}")
    }
}

impl Taken {
    /// The word at that place of a stream's head: 0 flags, 1 connection id.
    pub fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.payload.get(at * 4..at * 4 + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().unwrap()))
    }

    pub fn flags(&self) -> Option<u32> {
        self.word(0)
    }

    pub fn conid(&self) -> Option<u32> {
        self.word(1)
    }
}

impl Raw {
    pub fn new(system: &InProcess<AllowAll>, id: DomainId) -> Self {
        let platform = system.domain(id, RAM_PAGES).unwrap();
        Self { system: system.clone(), platform, rings: BTreeMap::new(), virqs: None }
    }

    pub fn register(&mut self, port: u32, partner: Partner, len: u32) -> Result<(), Errno> {
        let len = RingLen::check(len).unwrap();
        let name = RingName { port: Port(port), partner };
        let first_page = self.free_pages();
        let consumer = Consumer::new(len);
        let ring = Ring { name, first_page, consumer };
        let memory = ring.memory(&self.platform);
        memory.write(0, &[0; RING_HEADER as usize]).unwrap();
        let request = RegisterRequest { name, len, existing: Existing::Fail };
        let pages = (first_page..).take(len.pages() as usize).map(|page| Ok::<_, Fault>(Gfn(page)));
        let pages: Vec<_> = pages.collect();
        self.system.engine().register_ring(self.platform.caller(), &request, pages.into_iter())?;
        self.rings.insert(port, ring);
        Ok(())
    }

    pub fn unregister(&mut self, port: u32) -> Result<(), Errno> {
        let ring = self.rings.remove(&port).ok_or(Errno::ENOENT)?;
        self.system.engine().unregister_ring(self.platform.caller(), ring.name)
    }

    /// The ports on which it receives.
    pub fn ports(&self) -> Vec<u32> {
        self.rings.keys().copied().collect()
    }

    pub fn send(
        &self,
        source: u32,
        to: (DomainId, u32),
        message_type: u32,
        payload: &[u8],
    ) -> Result<u32, Errno> {
        assert!(payload.len() as u64 <= PAYLOAD_PAGES * u64::from(PAGE_SIZE));
        let at = PAYLOAD_PAGE * u64::from(PAGE_SIZE);
        self.platform.ram().write(at as usize, payload).unwrap();
        let iovs = [Iov { iov_hnd: at, iov_len: payload.len() as u32, pad: 0 }];
        let (source, receiver, port) = (Port(source), to.0, Port(to.1));
        let request = SendRequest { source, receiver, port, iovs: &iovs, message_type };
        self.system.engine().sendv(self.platform.caller(), &request)
    }

    /// Says that there is room in its rings.
    pub fn notify(&self) {
        self.system.engine().notify_owned(self.platform.caller()).unwrap();
    }

    /// A notify call with one question.
    pub fn ask(&self, to: (DomainId, u32), space_required: u32) -> Answer {
        self.notify();
        let question = Question { receiver: to.0, port: Port(to.1), space_required };
        self.system.engine().query(self.platform.caller(), &question).unwrap()
    }

    /// Whether there was an interrupt since the last time.
    pub fn interrupted(&mut self) -> bool {
        let now = Some(self.platform.events().virq);
        std::mem::replace(&mut self.virqs, now) != now
    }

    /// The first message of a ring, if there are both now.
    pub fn take(&mut self, port: u32) -> Option<Taken> {
        let ring = self.rings.get_mut(&port)?;
        let memory = ring.memory(&self.platform);
        let message = ring.consumer.peek(&memory).unwrap()?;
        let mut payload = vec![0; message.payload_len() as usize];
        message.copy_to(&memory, &mut payload);
        let header = message.header();
        let (source, message_type) = (header.source.aport, header.message_type);
        ring.consumer.consume(&memory, message);
        Some(Taken { source, message_type, payload })
    }

    /// Waits for a message; `None`: none came.
    pub fn wait_for(&mut self, port: u32) -> Option<Taken> {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.platform.sequence();
            if let Some(taken) = self.take(port) {
                return Some(taken);
            }
            let left = end.checked_duration_since(Instant::now())?;
            let (Ok(()) | Err(Gone)) = self.platform.wait(seen, Some(left));
        }
    }

    fn free_pages(&self) -> u64 {
        let used: Vec<u64> = self.rings.values().map(|ring| ring.first_page).collect();
        let mut places = (1..).map(|place| place * RING_PAGES);
        places.find(|place| !used.contains(place)).unwrap()
    }
}

impl Ring {
    fn memory<'r>(&self, platform: &'r LocalDomain<AllowAll>) -> View<'r> {
        let at = self.first_page as usize * PAGE_SIZE as usize;
        let len = (RING_HEADER + self.consumer.len().bytes()) as usize;
        platform.ram().part(at, len).unwrap()
    }
}

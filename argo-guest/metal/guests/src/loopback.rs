//! A domain that talks to itself, call by call: what a platform promises to the sockets above it.

use core::time::Duration;

use argo_core::Errno;
use argo_core::abi::{Addr, Iov, Op, PAGE_SIZE, RING_HEADER, RegisterRing, SendAddr};
use argo_core::claim::RingLen;
use argo_core::platform::{Call, Link, Platform, Submission};
use argo_core::ring::Consumer;
use argo_mem::View;
use zerocopy::IntoBytes;

use crate::Report;

const PAGE: usize = PAGE_SIZE as usize;
const PORT: u32 = 0x1234;
const RING_LEN: u32 = 2 * PAGE_SIZE - RING_HEADER;
const PAYLOAD: &[u8] = b"to whom it may concern";
const MESSAGE_TYPE: u32 = 0xABCD;
const NAP: Duration = Duration::from_millis(5);

/// Where in the RAM what lies.
const ARGUMENT: usize = PAGE;
const LIST: usize = PAGE + 64;
const IOV: usize = PAGE + 128;
const MESSAGE: usize = PAGE + 256;
const RING: usize = 2 * PAGE;

/// Registers a ring, sends to it, and reads.
pub fn run(platform: &impl Platform, report: &mut Report<'_>) {
    let loopback = Loopback { platform };
    report.equal("send to nobody", loopback.send(Link::None), Errno::ECONNREFUSED.ret());
    report.equal("register", loopback.register(), 0);
    loopback.interrupted(report);
    loopback.read(report);
    loopback.chain(report);
    loopback.guarded(report);
    loopback.naps(report);
    report.equal("unregister", loopback.unregister(), 0);
}

struct Loopback<'p, P: Platform> {
    platform: &'p P,
}

impl<P: Platform> Loopback<'_, P> {
    /// A send moves the sequence and the count, and who waits for that does not wait.
    fn interrupted(&self, report: &mut Report<'_>) {
        let (before, counts) = (self.platform.sequence(), self.platform.events());
        report.equal("send", self.send(Link::None), PAYLOAD.len() as i64);
        let waited = self.platform.wait(before, None);
        report.equal("wait for the interrupt", waited, Ok(()));
        let after = self.platform.events();
        report.check("an interrupt is counted", after.virq == counts.virq.wrapping_add(1));
        report.check("the sequence moves", self.platform.sequence() != before);
    }

    fn read(&self, report: &mut Report<'_>) {
        let (Ok(memory), Ok(len)) = (self.ring(), RingLen::check(RING_LEN)) else {
            return report.check("the message", false);
        };
        let mut consumer = Consumer::new(len);
        let mut payload = [0; PAYLOAD.len()];
        let message = consumer.peek(&memory).ok().flatten();
        let read = message.map(|message| (message.copy_to(&memory, &mut payload), message));
        if let Some((_, message)) = read {
            consumer.consume(&memory, message);
        }
        let header = read.map(|(len, message)| (len, *message.header()));
        let own = header.is_some_and(|(len, header)| {
            len == PAYLOAD.len()
                && header.source.domain_id == self.platform.domain().raw()
                && header.message_type == MESSAGE_TYPE
        });
        report.check("the message", own && payload == *PAYLOAD);
        report.check("nothing more", matches!(consumer.peek(&memory), Ok(None)));
    }

    /// What is linked to a failed call is not made.
    fn chain(&self, report: &mut Report<'_>) {
        let answers =
            [self.send_to(0x999, Link::Next), self.send(Link::Next), self.send(Link::None)];
        let cancelled = Errno::ECANCELED.ret();
        report.equal("a chain", answers, [Errno::ECONNREFUSED.ret(), cancelled, cancelled]);
    }

    /// Memory that is not lent is not named: it would be written to.
    fn guarded(&self, report: &mut Report<'_>) {
        let outside = self.platform.handle(self.platform.ram().len()).0;
        let answer = self.call(Op::Notify, [outside, 0, 0, 0], Link::None);
        report.equal("answers outside of the RAM", answer, Errno::EFAULT.ret());
    }

    fn naps(&self, report: &mut Report<'_>) {
        let (began, seen) = (self.platform.now(), self.platform.sequence());
        let over = |now: Duration| now.saturating_sub(began) >= NAP;
        let mut waits = 0;
        while !over(self.platform.now()) {
            let left = NAP.saturating_sub(self.platform.now().saturating_sub(began));
            let waited = self.platform.wait(seen, Some(left));
            waits += 1;
            if waited.is_err() || self.platform.sequence() != seen {
                return report.check("a nap", false);
            }
        }
        report.note(format_args!("a nap of 5 ms took {waits} waits"));
        report.check("a nap", true);
    }

    fn register(&self) -> i64 {
        let head = RegisterRing {
            aport: PORT,
            partner_id: self.platform.domain().raw(),
            pad: 0,
            len: RING_LEN,
        };
        let pages = [RING, RING + PAGE].map(|page| self.platform.page(page));
        let args = [self.put(ARGUMENT, head.as_bytes()), self.put(LIST, pages.as_bytes()), 2, 0];
        self.call(Op::RegisterRing, args, Link::None)
    }

    fn unregister(&self) -> i64 {
        let head = [u64::from(PORT) | u64::from(self.platform.domain().raw()) << 32];
        self.call(Op::UnregisterRing, [self.put(ARGUMENT, head.as_bytes()), 0, 0, 0], Link::None)
    }

    fn send(&self, link: Link) -> i64 {
        self.send_to(PORT, link)
    }

    fn send_to(&self, aport: u32, link: Link) -> i64 {
        let own = |aport| Addr { aport, domain_id: self.platform.domain().raw(), pad: 0 };
        let addresses = SendAddr { src: own(1), dst: own(aport) };
        let iov_hnd = self.put(MESSAGE, PAYLOAD);
        let iov = Iov { iov_hnd, iov_len: PAYLOAD.len() as u32, pad: 0 };
        let addresses = self.put(ARGUMENT, addresses.as_bytes());
        let args = [addresses, self.put(IOV, iov.as_bytes()), 1, MESSAGE_TYPE.into()];
        self.call(Op::Sendv, args, link)
    }

    fn call(&self, op: Op, args: [u64; 4], link: Link) -> i64 {
        match self.platform.submit(&Call { cmd: op as u32, args, link }, 0) {
            Ok(Submission::Done(answer)) => answer,
            Ok(Submission::Queued | Submission::Full) | Err(_) => i64::MIN,
        }
    }

    fn ring(&self) -> Result<View<'_>, argo_mem::OutOfRange> {
        self.platform.ram().part(RING, 2 * PAGE)
    }

    fn put(&self, at: usize, bytes: &[u8]) -> u64 {
        let _inside = self.platform.ram().write(at, bytes);
        self.platform.handle(at).0
    }
}

//! What the attacker does: hypercalls that it may not make, as fast as it can, and nonsense in all
//! the memory that it shares with argod.

use std::path::Path;
use std::time::{Duration, Instant};

use argo_core::abi::{Addr, DOMID_ANY, Iov, Op, RegisterRing, SendAddr};
use argo_core::host::layout::{
    ARMED, DOORBELL_ARMED, PEERS_GONE, QUEUE_ENTRIES, QueueLayout, RINGS_CUT, SEQUENCE,
    SPACE_WANTED, VIRQS, WAITS_LOST,
};
use argo_core::host::words::Words;
use argo_core::platform::{Call, Gone, Link, Platform, Submission};
use argo_guest::host::HostSession;
use argo_mem::OutOfRange;
use serde::{Deserialize, Serialize};
use zerocopy::IntoBytes;

use super::stage::{ATTACKER, CLIENT, NOBODY, SERVER, SERVER_PORT};

/// A hypercall that gets the attacker nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Trick {
    /// Send the server a message.
    Send,
    /// Send the server a message that says it comes from the client.
    Forge,
    /// Open a ring that every domain may send to.
    Open,
    /// Open the same ring once more: the one thing here that it may do.
    Reopen,
    /// Send to a domain that does not exist.
    Nowhere,
}

const TRICKS: [Trick; 5] = [Trick::Send, Trick::Forge, Trick::Open, Trick::Reopen, Trick::Nowhere];

/// Where things lie in the attacker's RAM: an argument of each trick, then what they share.
const ARGUMENTS: u64 = 0x1000;
const ARGUMENT_BYTES: u64 = 64;
const IOV: u64 = 0x1800;
const PAGE_LIST: u64 = 0x1900;
const RING: u64 = 0x2000;
const RING_LEN: u32 = 4032;

/// What came of an attack.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Attacked {
    /// How long it took.
    pub(super) time: Duration,
    /// Hypercalls that argod answered.
    pub(super) calls: u64,
    /// Sends of them that were not refused.
    pub(super) delivered: u64,
    /// Times that a word or an entry of the shared memory was overwritten with nonsense.
    pub(super) scribbles: u64,
    /// Times that it attached: argod ends a session that lies about its queue.
    pub(super) sessions: u64,
}

/// Attacks until `stop` says so.
pub(super) fn attack(socket: &Path, stop: impl Fn() -> bool) -> Attacked {
    let begun = Instant::now();
    let mut attack = Attack { done: Attacked::default(), random: 0x2545_F491_4F6C_DD1D };
    while !stop() {
        // While argod still clears up the last session it turns us away: a flood of its own.
        if let Ok(session) = HostSession::attach(socket) {
            attack.done.sessions += 1;
            attack.misuse(&session, &stop);
        }
    }
    attack.done.time = begun.elapsed();
    attack.done
}

/// Writes the arguments of all tricks.
pub(super) fn prepare(session: &HostSession) -> Result<(), OutOfRange> {
    let ram = session.ram();
    let write = |at: u64, bytes: &[u8]| ram.write(at as usize, bytes);
    for trick in TRICKS {
        write(trick.argument(), &trick.argument_bytes())?;
    }
    let mut iov = Iov::default();
    (iov.iov_hnd, iov.iov_len) = (ARGUMENTS, 64);
    write(IOV, iov.as_bytes())?;
    write(PAGE_LIST, &(RING / 4096).to_le_bytes())
}

impl Trick {
    /// The call, once its argument is in place.
    pub(super) fn call(self) -> Call {
        let argument = self.argument();
        let (op, args) = match self {
            Self::Open | Self::Reopen => (Op::RegisterRing, [argument, PAGE_LIST, 1, 0]),
            Self::Send | Self::Forge | Self::Nowhere => (Op::Sendv, [argument, IOV, 1, 0]),
        };
        Call { cmd: op as u32, args, link: Link::None }
    }

    fn argument(self) -> u64 {
        ARGUMENTS + self as u64 * ARGUMENT_BYTES
    }

    fn argument_bytes(self) -> Vec<u8> {
        let at = |domain_id| Addr { aport: SERVER_PORT.0, domain_id, pad: 0 };
        let send = |src, dst| SendAddr { src: at(src), dst: at(dst) }.as_bytes().to_vec();
        let register = |partner_id| {
            let ring = RegisterRing { aport: 1, partner_id, pad: 0, len: RING_LEN };
            ring.as_bytes().to_vec()
        };
        match self {
            Self::Send => send(ATTACKER.id, SERVER.id),
            Self::Forge => send(CLIENT.id, SERVER.id),
            Self::Nowhere => send(ATTACKER.id, NOBODY),
            Self::Open => register(DOMID_ANY),
            Self::Reopen => register(ATTACKER.id),
        }
    }

    fn is_send(tag: u64) -> bool {
        TRICKS.get(tag as usize).is_some_and(|trick| trick.call().cmd == Op::Sendv as u32)
    }
}

struct Attack {
    done: Attacked,
    random: u64,
}

impl Attack {
    /// Until the session ends, or until `stop` says so.
    fn misuse(&mut self, session: &HostSession, stop: impl Fn() -> bool) {
        /// Rounds until the session is given up by a lie.
        const ROUNDS: u32 = 500;
        for _ in 0..ROUNDS {
            if stop() || prepare(session).is_err() || self.round(session).is_err() {
                return;
            }
        }
        // More calls than the queue has entries.
        let control = session.control();
        let queue = QueueLayout::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        let lie = control.load(queue.taken(), order).wrapping_add(QUEUE_ENTRIES + 1);
        control.store(queue.submitted(), lie, order);
        while !stop() && self.ring_doorbell(session).is_ok() {
            // argod's answer to the lie is to hang up; `wait` sees that.
            if session.wait(session.sequence(), Some(Duration::from_millis(1))).is_err() {
                return;
            }
        }
    }

    /// As many calls as the queue takes, with nonsense around them while argod works.
    fn round(&mut self, session: &HostSession) -> Result<(), Gone> {
        let mut left = 0;
        for tag in (0..TRICKS.len() as u64).cycle() {
            match session.submit(&TRICKS[tag as usize].call(), tag)? {
                Submission::Full => break,
                Submission::Queued | Submission::Done(_) => left += 1,
            }
        }
        while left > 0 {
            self.scribble(session);
            self.ring_doorbell(session)?;
            let mut delivered = 0;
            session.reap(&mut |tag, ret| {
                left -= 1;
                delivered += u64::from(ret >= 0 && Trick::is_send(tag));
                self.done.calls += 1;
            });
            self.done.delivered += delivered;
        }
        Ok(())
    }

    /// Nonsense in every word that argod reads but the queue's index, and in some calls.
    fn scribble(&mut self, session: &HostSession) {
        let control = session.control();
        let order = std::sync::atomic::Ordering::Relaxed;
        for word in [SEQUENCE, ARMED, VIRQS, WAITS_LOST, SPACE_WANTED, PEERS_GONE, RINGS_CUT] {
            control.store(word, self.next() as u32, order);
        }
        let slot = QueueLayout::new(0).slot(self.next() as u32);
        for offset in (0..64).step_by(8) {
            Words::write(&control, slot + offset, &self.next().to_le_bytes());
        }
        self.done.scribbles += 7;
    }

    fn ring_doorbell(&mut self, session: &HostSession) -> Result<(), Gone> {
        // The library rings only where argod asked for it.
        session.control().store(DOORBELL_ARMED, 1, std::sync::atomic::Ordering::SeqCst);
        session.flush()
    }

    /// Some number (xorshift).
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

//! Questions by notify, and about two rings on one port.

use argo_core::abi::{Addr, DOMID_ANY, Op, RingData, RingDataEnt, UnregisterRing};
use zerocopy::{Immutable, IntoBytes};

use super::rings::Registration;
use super::{Asked, NOBODY, PORT, Probe, anybodys};

/// A notify about one ring.
#[derive(Clone, Copy, IntoBytes, Immutable)]
#[repr(C)]
struct Question {
    head: RingData,
    entry: RingDataEnt,
}

/// Where in it the answers lie: flags, then (behind a pad and the space) the largest message.
const FLAGS: usize = 16;
const LARGEST: usize = 24;

impl<A: Asked> Probe<'_, A> {
    pub(super) fn notifies(&mut self) {
        let ring = self.mine(PORT);
        self.ask_about("notify empty ring, 0 bytes", ring, 0);
        self.ask_about("notify empty ring, 8096 bytes", ring, 8096);
        self.ask_about("notify empty ring, 8097 bytes", ring, 8097);
        self.ask_about("notify no ring", self.mine(0x999), 0);
        self.ask_about("notify no domain", Addr { domain_id: NOBODY, ..ring }, 0);
        self.ask_about("notify DOMID_ANY", anybodys(PORT), 0);
        self.ask_about("notify ring.pad=1", Addr { pad: 1, ..ring }, 0);
        self.send_short("sendv 8");
        self.ask_about("notify filled ring, 16 bytes", ring, 16);
        self.odd_notifies();
        self.odd_farewells();
    }

    /// Asks how a ring stands, for so many bytes.
    pub(super) fn ask_about(&mut self, question: &str, ring: Addr, space_required: u32) {
        let answer = self.notify(1, 0, ring, space_required, [0; 3]);
        let (mut flags, mut largest) = ([0; 2], [0; 4]);
        self.ram.answer(FLAGS, &mut flags);
        self.ram.answer(LARGEST, &mut largest);
        let (flags, largest) = (u16::from_le_bytes(flags), u32::from_le_bytes(largest));
        (self.tell)(question, format_args!("{answer}, flags {flags:#x}, at most {largest}"));
    }

    fn notify(&self, nent: u32, pad: u32, ring: Addr, space_required: u32, rest: [u64; 3]) -> i64 {
        let entry = RingDataEnt { ring, space_required, ..RingDataEnt::default() };
        let argument = self.ram.argument(&Question { head: RingData { nent, pad }, entry });
        let [arg2, arg3, arg4] = rest;
        self.call(Op::Notify, [argument, arg2, arg3, arg4])
    }

    fn odd_notifies(&mut self) {
        let ring = self.mine(PORT);
        let answer = self.call(Op::Notify, [0; 4]);
        self.say("notify null", answer);
        let questions = [
            ("notify of no entry", 0, 0, [0; 3]),
            ("notify of 257 entries", 257, 0, [0; 3]),
            ("notify pad=1", 1, 1, [0; 3]),
            ("notify arg3=1", 1, 0, [0, 1, 0]),
            ("notify arg2=1", 1, 0, [1, 0, 0]),
        ];
        for (question, nent, pad, rest) in questions {
            let answer = self.notify(nent, pad, ring, 0, rest);
            self.say(question, answer);
        }
    }

    fn odd_farewells(&mut self) {
        let ring = UnregisterRing { aport: PORT, partner_id: self.me(), pad: 0 };
        let odd = self.ram.argument(&ring);
        let answer = self.call(Op::UnregisterRing, [odd, 0, 1, 0]);
        self.say("unregister arg3=1", answer);
        let odd = self.ram.argument(&UnregisterRing { pad: 1, ..ring });
        let answer = self.call(Op::UnregisterRing, [odd, 0, 0, 0]);
        self.say("unregister pad=1", answer);
        let answer = self.unregister(PORT, DOMID_ANY);
        self.say("unregister other partner", answer);
    }

    /// A ring for one domain and one for anybody, on the same port.
    pub(super) fn both_rings(&mut self) {
        let answer = self.register(self.wildcard());
        self.say("register for anybody on the same port", answer);
        self.ram.first.drop_all();
        let before = self.ram.second.tx();
        self.send_short("sendv 8 to both");
        let after = self.ram.second.tx();
        (self.tell)(
            "of them to the ring for anybody",
            format_args!("tx {before:#x} -> {after:#x}"),
        );
        let answer = self.unregister(PORT, self.me());
        self.say("unregister the ring for one", answer);
        self.ask_about("notify the ring for anybody", self.mine(PORT), 0);
        let answer = self.unregister(PORT, DOMID_ANY);
        self.say("unregister the ring for anybody", answer);
    }

    /// How many rings a domain may have, and what counts as one.
    pub(super) fn counts(&mut self) {
        const MANY: u32 = 1000;
        let same = |_| self.register(self.wildcard());
        let (times, answer) = until_refused(MANY, same);
        (self.tell)(
            "register one ring again and again",
            format_args!("{times} times, then {answer}"),
        );
        let answer = self.unregister(PORT, DOMID_ANY);
        self.say("unregister it", answer);
        let other = |index| self.register(Registration { port: 0x5000 + index, ..self.wildcard() });
        let (rings, answer) = until_refused(MANY, other);
        (self.tell)("register other rings", format_args!("{rings} rings, then {answer}"));
        for index in 0..rings {
            self.unregister(0x5000 + index, DOMID_ANY);
        }
    }
}

/// How often something went well, and what it answered then.
fn until_refused(at_most: u32, mut what: impl FnMut(u32) -> i64) -> (u32, i64) {
    (0..at_most)
        .map(|index| (index, what(index)))
        .find(|(_, answer)| *answer != 0)
        .unwrap_or((at_most, 0))
}

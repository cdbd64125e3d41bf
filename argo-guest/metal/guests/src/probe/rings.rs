//! Questions about registering rings.

use argo_core::abi::{DOMID_ANY, DOMID_SELF, Op, RegisterRing, UnregisterRing};

use super::memory::{RING_LEN, RING_PAGES};
use super::{Asked, NOBODY, PORT, Probe};

/// What a registration says. The default is one that succeeds.
#[derive(Clone, Copy)]
pub(super) struct Registration {
    pub(super) port: u32,
    pub(super) partner: u16,
    pub(super) pad: u16,
    pub(super) len: u32,
    pub(super) list: u64,
    pub(super) pages: u64,
    pub(super) flags: u64,
}

/// A page that no machine has.
const NO_PAGE: u64 = 0xFFF_FFFF;
/// An address that no guest has: Xen's own, on x86-64.
const NO_ADDRESS: u64 = 0xFFFF_8300_0000_0000;
const FAIL_EXIST: u64 = 1;

impl<A: Asked> Probe<'_, A> {
    pub(super) fn rings(&mut self) {
        self.smallest_ring();
        self.odd_registrations();
        self.odd_pages();
        self.indexes();
        self.again();
    }

    /// A registration of the first ring, for this domain alone.
    pub(super) fn first(&self) -> Registration {
        let list = self.ram.list(self.ram.first.pages());
        let pages = RING_PAGES as u64;
        Registration {
            port: PORT,
            partner: self.me(),
            pad: 0,
            len: RING_LEN,
            list,
            pages,
            flags: 0,
        }
    }

    /// The same, for the second ring and anybody.
    pub(super) fn wildcard(&self) -> Registration {
        let ring = Registration { partner: DOMID_ANY, ..self.first() };
        self.ram.list(self.ram.second.pages());
        ring
    }

    pub(super) fn register(&self, ring: Registration) -> i64 {
        let Registration { port, partner, pad, len, list, pages, flags } = ring;
        // The list lies behind it, and stays as it is.
        let head = RegisterRing { aport: port, partner_id: partner, pad, len };
        self.call(Op::RegisterRing, [self.ram.argument(&head), list, pages, flags])
    }

    pub(super) fn unregister(&self, aport: u32, partner_id: u16) -> i64 {
        let argument = self.ram.argument(&UnregisterRing { aport, partner_id, pad: 0 });
        self.call(Op::UnregisterRing, [argument, 0, 0, 0])
    }

    pub(super) fn unregister_first(&mut self, question: &str) {
        let answer = self.unregister(PORT, self.me());
        self.say(question, answer);
        self.ram.first.clear();
    }

    fn smallest_ring(&mut self) {
        let small = |len| Registration { len, pages: 1, ..self.first() };
        let (too_small, odd, smallest) = (small(32), small(47), small(48));
        let answers = [too_small, odd, smallest].map(|ring| self.register(ring));
        for (question, answer) in
            ["register len 32", "register len 47", "register len 48"].iter().zip(answers)
        {
            self.say(question, answer);
        }
        self.ask_about("len 48: notify for 0 bytes", self.mine(PORT), 0);
        for (question, bytes) in [("len 48: sendv 16 bytes", 16), ("len 48: sendv 17 bytes", 17)] {
            self.send_bytes(question, bytes);
        }
        self.unregister_first("len 48: unregister");
    }

    fn odd_registrations(&mut self) {
        let fine = self.first();
        let questions = [
            ("register npages too many", Registration { len: 48, ..fine }),
            ("register pad=1", Registration { pad: 1, ..fine }),
            ("register flags=2", Registration { flags: 2, ..fine }),
            ("register flags=1<<32", Registration { flags: 1 << 32, ..fine }),
            ("register len 16MiB+16", Registration { len: 0x100_0010, pages: 4097, ..fine }),
            ("register partner 77 (no domain)", Registration { partner: NOBODY, ..fine }),
            ("register partner DOMID_SELF", Registration { partner: DOMID_SELF, ..fine }),
            ("register partner DOMID_XEN", Registration { partner: 0x7FF2, ..fine }),
        ];
        for (question, ring) in questions {
            let answer = self.register(ring);
            self.say(question, answer);
        }
    }

    fn odd_pages(&mut self) {
        let fine = self.first();
        let first = self.ram.first.page(0);
        self.ram.list([first, NO_PAGE]);
        let answer = self.register(fine);
        self.say("register bad gfn[1]", answer);
        self.unregister_first("unregister after failed register");
        self.ram.list([first, first]);
        let answer = self.register(fine);
        self.say("register same gfn twice", answer);
        self.unregister_first("unregister it");
        for (question, list) in
            [("register gfn array null", 0), ("register gfn array nowhere", NO_ADDRESS)]
        {
            let answer = self.register(Registration { list, ..fine });
            self.say(question, answer);
        }
    }

    /// What the hypervisor makes of indexes that were there before it knew the ring.
    fn indexes(&mut self) {
        for (rx, tx) in [(0x10, 0x20), (0x31, 0x21), (0x1_0000, 0x1_0000)] {
            self.ram.first.set(rx, tx);
            let answer = self.register(self.first());
            let (to_rx, to_tx) = (self.ram.first.rx(), self.ram.first.tx());
            (self.tell)(
                "register a ring with indexes of its own",
                format_args!("{answer}: rx {rx:#x} -> {to_rx:#x}, tx {tx:#x} -> {to_tx:#x}"),
            );
            self.unregister_first("unregister it");
        }
    }

    fn again(&mut self) {
        let fine = self.first();
        let answer = self.register(fine);
        self.say("register", answer);
        let answer = self.register(Registration { flags: FAIL_EXIST, ..fine });
        self.say("register again, fail if it exists", answer);
        let answer = self.register(Registration { len: RING_LEN - 16, ..fine });
        self.say("register again, other len", answer);
        self.ram.list(self.ram.second.pages());
        let answer = self.register(fine);
        self.say("register again, other pages", answer);
        let answer = self.register(self.first());
        self.say("register again, first pages", answer);
    }
}

//! Domains with rings, and the calls that one of them makes.

use std::sync::atomic::AtomicI64;

use argo_core::abi::{Addr, Iov, Op, RegisterRing, RingDataEnt, SendAddr, UnregisterRing};
use argo_core::claim::RingLen;
use argo_core::{Errno, GuestAddr, Partner, Port, RingName};
use argo_hypervisor::{
    Argo, Caller, Config, Engine, Existing, GuestMemory, Quotas, RegisterRequest, Start,
    WildcardRings,
};
use zerocopy::IntoBytes;

use crate::memory::{Frail, FrailMemory};
use crate::support::{Denials, PAGE, PAYLOAD, Record, domain, from, from_any, pages, ram};

pub type Guest = Caller<Frail>;

const ARGUMENT: u64 = 2 * PAGE;
const LIST: u64 = 3 * PAGE;
/// Where rings begin, and where they may move to.
pub const RING: u64 = 8;
const ELSEWHERE: u64 = 20;
pub const LEN: u32 = 208;
/// Needs three pages.
const LONG: u32 = 8144;

/// Three domains. The first makes the call; it has a ring in which there is room for those who
/// wait, and one that is full. The second has a ring that wraps, and one that is full.
pub struct Scene {
    pub engine: Engine<Frail>,
    pub guests: [Guest; 3],
}

impl Scene {
    pub fn new() -> Self {
        let config = Config { argo: Argo::On, wildcard_rings: WildcardRings::Allowed };
        let engine = Engine::new(config, Denials::default(), Record::default());
        let guests = [1, 2, 3].map(|id| {
            let own = engine.create_domain(domain(id), Quotas::default(), Start::Active).unwrap();
            Caller::new(own, FrailMemory { ram: ram(), good: AtomicI64::new(-1) })
        });
        let scene = Self { engine, guests };
        scene.register(1, from_any(), RING, LEN);
        scene.register(1, RingName { port: Port(9), ..from(2) }, RING + 1, LONG);
        scene.poke(2, RING * PAGE, &[160u32, 160].map(u32::to_le_bytes).concat());
        scene.register(2, from(1), RING, LEN);
        scene.register(2, RingName { port: Port(9), partner: Partner::Any }, RING + 1, 64);
        scene.fill();
        scene.engine.events().take();
        scene
    }

    fn fill(&self) {
        assert_eq!(self.send(2, 1, Port(7), &[100]), 100);
        assert_eq!(self.send(2, 1, Port(7), &[100]), Errno::EAGAIN.ret());
        assert_eq!(self.send(3, 1, Port(7), &[100]), Errno::EAGAIN.ret());
        self.poke(1, RING * PAGE, &112u32.to_le_bytes());
        assert_eq!(self.send(2, 1, Port(9), &[5000, 3000]), 8000);
        assert_eq!(self.send(2, 1, Port(9), &[200]), Errno::EAGAIN.ret());
        assert_eq!(self.send(3, 2, Port(9), &[32]), 32);
    }

    pub fn guest(&self, id: u16) -> &Guest {
        &self.guests[usize::from(id) - 1]
    }

    pub fn poke(&self, id: u16, at: u64, bytes: &[u8]) {
        self.guest(id).memory.ram.write(GuestAddr(at), bytes).unwrap();
    }

    fn register(&self, id: u16, name: RingName, page: u64, len: u32) {
        let len = RingLen::check(len).unwrap();
        let request = RegisterRequest { name, len, existing: Existing::Fail };
        self.engine.register_ring(self.guest(id), &request, pages(page, len)).unwrap();
    }

    pub fn call(&self, by: u16, (op, args): (Op, [u64; 4])) -> i64 {
        let [arg1, arg2, arg3, arg4] = args;
        self.engine.argo_op(self.guest(by), op as u32, arg1, arg2, arg3, arg4)
    }

    pub fn send(&self, by: u16, to: u16, port: Port, pieces: &[u32]) -> i64 {
        self.call(by, self.prepare_send(by, to, port, pieces))
    }

    pub fn prepare_send(&self, by: u16, to: u16, port: Port, pieces: &[u32]) -> (Op, [u64; 4]) {
        let at = |(number, len): (usize, &u32)| Iov {
            iov_hnd: PAYLOAD + 100 * number as u64,
            iov_len: *len,
            pad: 0,
        };
        let iovs: Vec<Iov> = pieces.iter().enumerate().map(at).collect();
        let addr = |domain_id, aport| Addr { aport, domain_id, pad: 0 };
        let addresses = SendAddr { src: addr(by, 5), dst: addr(to, port.0) };
        self.poke(by, ARGUMENT, addresses.as_bytes());
        self.poke(by, LIST, iovs.as_bytes());
        self.poke(by, PAYLOAD, &[0xA0 | by as u8; 900]);
        (Op::Sendv, [ARGUMENT, LIST, pieces.len() as u64, 77])
    }

    pub fn prepare_register(&self, port: u32) -> (Op, [u64; 4]) {
        let claim = RegisterRing { aport: port, partner_id: 2, pad: 0, len: LONG };
        self.poke(1, ARGUMENT, claim.as_bytes());
        self.poke(1, LIST, [ELSEWHERE, ELSEWHERE + 5, ELSEWHERE + 2].as_bytes());
        self.poke(1, ELSEWHERE * PAGE, &[16u32, 12].map(u32::to_le_bytes).concat());
        (Op::RegisterRing, [ARGUMENT, LIST, 3, 0])
    }

    pub fn prepare_unregister(&self) -> (Op, [u64; 4]) {
        let claim = UnregisterRing { aport: 9, partner_id: 2, pad: 0 };
        self.poke(1, ARGUMENT, claim.as_bytes());
        (Op::UnregisterRing, [ARGUMENT, 0, 0, 0])
    }

    /// About room that there is, room that there is not, room that can never be, and no ring.
    pub fn prepare_notify(&self) -> (Op, [u64; 4]) {
        let questions = [(7, 20), (9, 20), (9, 60), (8, 1)];
        let entries = questions.map(|(aport, space_required)| RingDataEnt {
            ring: Addr { aport, domain_id: 2, pad: 0 },
            space_required,
            ..RingDataEnt::default()
        });
        self.poke(1, ARGUMENT, &4u64.to_le_bytes());
        self.poke(1, ARGUMENT + 8, entries.as_bytes());
        (Op::Notify, [ARGUMENT, 0, 0, 0])
    }
}

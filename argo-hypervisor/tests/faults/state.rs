//! What all domains have, to be compared.

use argo_core::Errno;
use argo_hypervisor::DomainStat;
use argo_mem::Memory;

use crate::scene::{Guest, LEN, RING, Scene};
use crate::support::{PAGE, domain};

impl Scene {
    /// What all domains have, counts of refusals left out.
    pub fn state(&self) -> State {
        let stat = |guest: &Guest| {
            let mut stat = self.engine.stat(guest.domain.id()).unwrap();
            stat.counters.refusals = [0; Errno::ALL.len()];
            stat.rings.sort_by_key(|ring| ring.name);
            stat
        };
        let bytes = |guest: &Guest| {
            let view = guest.memory.ram.memory().view();
            let mut bytes = vec![0; view.len()];
            view.read(0, &mut bytes).unwrap();
            bytes
        };
        State { stats: self.guests.each_ref().map(stat), ram: self.guests.each_ref().map(bytes) }
    }

    pub fn refusals(&self, errno: Errno) -> u64 {
        self.engine.stat(domain(1)).unwrap().counters.refusals_with(errno)
    }
}

#[derive(PartialEq, Eq)]
pub struct State {
    stats: [DomainStat; 3],
    ram: [Vec<u8>; 3],
}

impl State {
    /// The same without what lies in the free part of the ring that wraps.
    pub fn less_free_part(mut self) -> Self {
        let data = (RING * PAGE) as usize + 64;
        self.ram[1][data..data + LEN as usize].fill(0);
        self
    }

    pub fn check_is(&self, expected: &Self, what: &str) {
        assert_eq!(self.stats, expected.stats, "{what}");
        for (id, (ram, expected)) in (1..).zip(self.ram.iter().zip(&expected.ram)) {
            let differs = ram.iter().zip(expected).position(|(is, should)| is != should);
            assert_eq!(differs, None, "{what}: memory of {id}");
        }
    }
}

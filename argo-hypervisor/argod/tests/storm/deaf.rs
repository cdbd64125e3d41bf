//! A domain to which the policy lets nobody send.

use argo_core::abi::DOMID_ANY;
use argo_core::platform::{EventCounts, Platform};
use argo_guest::host::HostSession;

use crate::common::{Argod, register, ring_bytes};
use crate::scene::{OPEN_PORT, PAIR_PORT};

const LEN: u32 = 4032;

/// Has wildcard rings on the ports that attackers send to, and hears nothing.
pub struct Deaf {
    session: HostSession,
    events: EventCounts,
    /// What argod counts up whenever it tells the session something.
    sequence: u32,
}

impl Deaf {
    pub fn start(argod: &Argod) -> Self {
        let session = argod.attach("deaf");
        for port in [OPEN_PORT, PAIR_PORT] {
            assert_eq!(register(&session, port, DOMID_ANY, LEN), 0);
        }
        let (events, sequence) = (session.events(), session.sequence());
        Self { session, events, sequence }
    }

    /// Nothing was delivered and nothing told.
    pub fn heard_nothing(&self, argod: &Argod) {
        let bytes = ring_bytes(&self.session, 0, LEN as usize);
        assert!(bytes.iter().all(|byte| *byte == 0), "something was delivered");
        assert_eq!(self.session.events(), self.events);
        assert_eq!(self.session.sequence(), self.sequence, "it was told something");
        let rings = argod.domain("deaf").rings;
        assert!(rings.len() == 2 && rings.iter().all(|ring| ring.messages + ring.bytes == 0));
        assert!(rings.iter().all(|ring| ring.waiting == 0), "{rings:?}");
    }
}

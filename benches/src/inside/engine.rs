//! The ends of two domains: each payload is written into the sender's RAM, and looked at where the
//! engine put it in the receiver's.

use argo_core::claim::RingLen;

use super::end::{End, Patience};
use super::in_place::Inbox;
use super::world::{Rate, World, pages_for_inbox};
use crate::case::Failure;
use crate::payload;

/// A domain that talks with another one.
pub struct Domain {
    inbox: Inbox,
    len: u32,
}

const PORT: u32 = 7;

/// Two domains, each with an inbox of so many bytes, for messages of `len` bytes.
///
/// # Errors
/// The engine's.
pub fn pair(ring: u32, len: u32) -> Result<[Domain; 2], Failure> {
    let world = World::new(2, Rate::Free)?;
    let ring = RingLen::check(ring)?;
    let domain = |id, peer| {
        let guest = world.guest(id, pages_for_inbox(ring))?;
        let inbox = Inbox::open(guest, PORT, ring)?;
        inbox.guest().aim(peer, PORT, len)?;
        Ok::<_, Failure>(Domain { inbox, len })
    };
    Ok([domain(1, 2)?, domain(2, 1)?])
}

impl End for Domain {
    #[inline]
    fn send(&mut self, number: u64, patience: &Patience) -> Result<(), Failure> {
        payload::write(self.inbox.payload(self.len)?, number);
        while !self.inbox.guest().send()? {
            patience.wait()?;
        }
        Ok(())
    }

    #[inline]
    fn receive(&mut self, patience: &Patience) -> Result<u64, Failure> {
        loop {
            if let Some(sum) = self.inbox.take()? {
                return Ok(sum);
            }
            patience.wait()?;
        }
    }
}

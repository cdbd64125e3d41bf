//! Datagrams: whole messages from socket to socket, each delivered once and in order, or not at
//! all.
//!
//! | | async | blocking | at once |
//! |---|---|---|---|
//! | bind | [`Datagram::bind`] | [`Datagram::bind_blocking`] | |
//! | send | `send`, `send_to`, `send_vectored_to`, `send_buffer_to`, `send_batch_to` | the same of [`Datagram::blocking`] | `try_send`, `try_send_to` |
//! | receive | `recv`, `recv_from`, `recv_bytes`, `receive`, `peek`, `peek_from` | the same | `try_recv`, `try_recv_from`, `try_receive` |

mod batch;
mod bind;
mod blocking;
mod error;
mod recv;
mod send;

use std::sync::Arc;

use argo_core::Partner;
use parking_lot::Mutex;

pub use bind::{BindOptions, RING_LEN_DEFAULT, RING_LEN_MAX};
pub use blocking::Blocking;
pub use error::{BatchError, BindError, RecvError, SendError};
pub use recv::Received;

use crate::address::Address;
use crate::domain::Domain;
use crate::registration::Registration;
use crate::ring::Ring;

/// The type that messages carry unless [`BindOptions::message_type`] says otherwise: what the
/// Linux driver gives its datagrams ("Mrgd" in memory).
pub const MESSAGE_TYPE: u32 = 0x6447_724D;

/// A socket for datagrams: a ring of this domain, on a port, and the right to send from there.
///
/// All operations take `&self`: several threads and tasks may use one socket, each message then
/// goes to one of them.
///
/// Dropping it takes the ring down: messages in it are lost, senders get
/// [`ConnectionRefused`](SendError::ConnectionRefused). The drop does not wait for that.
pub struct Datagram {
    domain: Domain,
    ring: Arc<Ring>,
    registration: Registration,
    peer: Mutex<Option<Address>>,
    message_type: u32,
}

impl Datagram {
    /// Where this socket receives, and where its messages come from.
    pub fn local_addr(&self) -> Address {
        Address::new(self.domain.id(), self.registration.port())
    }

    /// Who may send to it.
    pub fn partner(&self) -> Partner {
        self.registration.partner()
    }

    /// The longest message that it can receive, in bytes.
    pub fn max_message(&self) -> u32 {
        self.ring.len().max_payload()
    }

    /// Says where [`send`](Self::send) sends to. Nothing is sent for it, and what is received is
    /// not filtered by it: for that, bind with a partner.
    pub fn connect(&self, peer: Address) {
        *self.peer.lock() = Some(peer);
    }

    /// Where [`send`](Self::send) sends to, if [`connect`](Self::connect) has said so.
    pub fn peer_addr(&self) -> Option<Address> {
        *self.peer.lock()
    }

    /// The domain that it belongs to.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl std::fmt::Debug for Datagram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datagram")
            .field("local_addr", &self.local_addr())
            .field("partner", &self.partner())
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}

impl Drop for Datagram {
    fn drop(&mut self) {
        self.domain.inner().remove_ring(&*self.ring);
    }
}

//! Datagrams: whole messages from socket to socket, each delivered once and in order, or not at
//! all.
//!
//! | | async | blocking | at once |
//! |---|---|---|---|
//! | bind | [`Datagram::bind`] | [`Datagram::bind_blocking`], `pair` | |
//! | send | `send`, `send_to`, `send_vectored_to`, `send_buffer_to`, `send_batch_to` | the same of [`Datagram::blocking`] | `try_send`, `try_send_to`, `poll_send_to` |
//! | receive | `recv`, `recv_from`, `recv_buf_from`, `recv_bytes`, `receive`, `peek`, `peek_from` | the same | `try_recv`, `try_recv_from`, `try_receive`, `poll_recv_from` |
//! | wait | `readable`, `writable`, `ready` | | `poll_recv_ready` |
//!
//! A socket is also a `Sink` and a `Stream` of futures, of messages with their addresses.

mod batch;
mod bind;
mod blocking;
mod error;
mod poll;
mod ready;
mod recv;
mod send;

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use argo_core::Partner;
use bytes::Bytes;

pub use bind::{BindOptions, RING_LEN_DEFAULT, RING_LEN_MAX};
pub use blocking::Blocking;
pub use error::{BatchError, BindError, RecvError, SendError};
pub use recv::Received;

use crate::address::Address;
use crate::domain::Domain;
use crate::lock::Mutex;
use crate::registration::Registration;
use crate::ring::Ring;
use crate::stream::Waiter;
use poll::WaitForRoom;

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
    registration: Arc<Registration>,
    peer: Mutex<Option<Address>>,
    message_type: u32,
    skipped: AtomicU64,
    waiter: Mutex<Waiter>,
    room: Mutex<Option<WaitForRoom>>,
    /// What the sink has taken and not yet sent.
    pending: Option<(Bytes, Address)>,
    /// The stream of futures has ended with an error.
    failed: bool,
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

    /// Says where [`send`](Self::send) sends to, and that nobody else is listened to: messages from
    /// other addresses are dropped when a receive meets them, as OpenXT's driver does, and
    /// [counted](Self::skipped). Nothing is sent for it. The source's port is a claim: binding with
    /// a partner keeps other *domains* from filling the ring.
    pub fn connect(&self, peer: Address) {
        *self.peer.lock() = Some(peer);
    }

    /// Takes [`connect`](Self::connect) back.
    pub fn disconnect(&self) {
        *self.peer.lock() = None;
    }

    /// Messages that were dropped because they were not from the connected peer.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
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

impl core::fmt::Debug for Datagram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
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

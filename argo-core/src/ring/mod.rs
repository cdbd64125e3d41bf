//! The ring: where the hypervisor puts messages and the receiver takes them.
//!
//! A ring is a 64-byte header with two indexes and `len` bytes of data behind it. Messages lie in
//! 16-byte slots from `rx_ptr` to `tx_ptr`, each a [`MessageHeader`](crate::abi::MessageHeader)
//! and its payload, wrapping at the end of the data. One slot always stays free, so that equal
//! indexes mean an empty ring.
//!
//! - [`Producer`]: the hypervisor's side. It trusts nothing in the ring but its own `tx_ptr`.
//! - [`Consumer`]: the receiver's side. It keeps its own `rx_ptr`.
//! - [`RingMem`]: the memory of a ring, as either sees it.

mod consumer;
pub mod index;
mod mem;
mod producer;

pub use consumer::{Consumer, Corrupt, Message};
pub use mem::{RingMem, Span, Spans};
pub use producer::{NoRoom, Producer, Reservation};

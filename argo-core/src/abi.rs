//! Numbers and structures of the Argo hypercall, as Xen's public header has them.
//!
//! All integers are little-endian. Each structure is what a guest puts into its memory: a *claim*,
//! to be checked ([`claim`](crate::claim)) before anything relies on it.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The hypercall's number (`__HYPERVISOR_argo_op`).
pub const HYPERCALL: u32 = 39;
/// The virtual interrupt that says "look at your rings" (`VIRQ_ARGO`).
pub const VIRQ: u32 = 11;
/// The domain id that stands for any domain (`DOMID_INVALID`).
pub const DOMID_ANY: u16 = 0x7FF4;
/// What stands for oneself in other calls of Xen (its `DOMID_SELF`). Argo knows no such domain.
pub const DOMID_SELF: u16 = 0x7FF0;
/// Bytes of a page.
pub const PAGE_SIZE: u32 = 4096;
/// Bytes of a message slot: messages are padded to a multiple of it, and a header is one slot.
pub const SLOT: u32 = 16;
/// Bytes of a ring's header, which its length does not count.
pub const RING_HEADER: u32 = 64;
/// The smallest ring, in bytes.
pub const RING_LEN_MIN: u32 = 48;
/// The largest length that a ring may name, in bytes (`XEN_ARGO_MAX_RING_SIZE`). With its header
/// such a ring needs one page more than [`PAGES_MAX`], so the largest that registers is
/// 16,777,152.
pub const RING_LEN_MAX: u32 = 0x100_0000;
/// Pages that one registration may name.
pub const PAGES_MAX: u32 = 4096;
/// Buffers in one send (`XEN_ARGO_MAXIOV`).
pub const IOVS_MAX: u32 = 8;
/// The longest payload, in bytes: the largest ring less a header and the slot that stays free.
pub const PAYLOAD_MAX: u32 = RING_LEN_MAX - 2 * SLOT;

/// Xen's default number of rings a domain.
pub const RINGS_DEFAULT: u32 = 128;
/// Xen's default number of domains that may wait for space in one ring.
pub const WAITERS_DEFAULT: u32 = 32;
/// Xen's default number of entries in one notify.
pub const ENTRIES_DEFAULT: u32 = 256;

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Op {
    /// Register (or re-register) a ring.
    RegisterRing = 1,
    /// Unregister a ring.
    UnregisterRing = 2,
    /// Send a message.
    Sendv = 3,
    /// Say that there is room in one's rings, and ask for room in others'.
    Notify = 4,
}

impl Op {
    /// The operation with this number, if there is one.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::RegisterRing),
            2 => Some(Self::UnregisterRing),
            3 => Some(Self::Sendv),
            4 => Some(Self::Notify),
            _ => None,
        }
    }
}

/// An address: a port of a domain (`xen_argo_addr`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Addr {
    /// The port.
    pub aport: u32,
    /// The domain, or [`DOMID_ANY`].
    pub domain_id: u16,
    /// Must be zero.
    pub pad: u16,
}

/// Source and destination of a send (`xen_argo_send_addr`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SendAddr {
    /// Where the message says it comes from.
    pub src: Addr,
    /// Where it goes.
    pub dst: Addr,
}

/// One buffer of a send (`xen_argo_iov`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Iov {
    /// Where the bytes lie in the sender's memory.
    pub iov_hnd: u64,
    /// How many there are.
    pub iov_len: u32,
    /// Must be zero.
    pub pad: u32,
}

/// The argument of a registration (`xen_argo_register_ring`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RegisterRing {
    /// The ring's port.
    pub aport: u32,
    /// Who may send, or [`DOMID_ANY`].
    pub partner_id: u16,
    /// Must be zero.
    pub pad: u16,
    /// The ring's length in bytes, without its header.
    pub len: u32,
}

/// The argument of an unregistration (`xen_argo_unregister_ring`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UnregisterRing {
    /// The ring's port.
    pub aport: u32,
    /// The ring's partner, or [`DOMID_ANY`].
    pub partner_id: u16,
    /// Must be zero.
    pub pad: u16,
}

/// The head of a notify's argument (`xen_argo_ring_data`); [`RingDataEnt`]s follow.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RingData {
    /// How many entries follow.
    pub nent: u32,
    /// Ignored, as in Xen.
    pub pad: u32,
}

/// A question about one ring (`xen_argo_ring_data_ent`). Twenty bytes, so entries are not aligned.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RingDataEnt {
    /// The ring asked about: a port of a domain.
    pub ring: Addr,
    /// Answer: [`RingFlags`].
    pub flags: u16,
    /// Ignored, as in Xen.
    pub pad: u16,
    /// The payload one wants to send, in bytes.
    pub space_required: u32,
    /// Answer: the largest payload that could ever be sent there, in bytes.
    pub max_message_size: u32,
}

/// The two indexes at the start of a ring (`xen_argo_ring`, without its reserved bytes).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct RingHeader {
    /// Where the receiver reads next: the receiver's.
    pub rx_ptr: u32,
    /// Where the hypervisor writes next: the hypervisor's.
    pub tx_ptr: u32,
}

/// What stands before each message in a ring (`xen_argo_ring_message_header`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct MessageHeader {
    /// Bytes of the message, this header included.
    pub len: u32,
    /// The sender: its domain is true, its port a claim.
    pub source: Addr,
    /// The sender's choice.
    pub message_type: u32,
}

bitflags! {
    /// The answer to a question about a ring.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RingFlags: u16 {
        /// There is such a ring.
        const EXISTS = 1;
        /// It is a wildcard ring, shared with other senders.
        const SHARED = 2;
        /// Nothing is in it.
        const EMPTY = 4;
        /// There is room now for what was asked. The caller no longer waits.
        const SUFFICIENT = 8;
        /// What was asked can never fit.
        const EMSGSIZE = 16;
        /// No room now, and too many wait already: the caller does not wait.
        const EBUSY = 32;
    }

    /// The flags of a registration.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RegisterFlags: u32 {
        /// Fail if the ring exists.
        const FAIL_EXIST = 1;
    }
}

const _: () = {
    assert!(size_of::<Addr>() == 8);
    assert!(size_of::<SendAddr>() == 16);
    assert!(size_of::<Iov>() == 16);
    assert!(size_of::<RegisterRing>() == 12);
    assert!(size_of::<UnregisterRing>() == 8);
    assert!(size_of::<RingData>() == 8);
    assert!(size_of::<RingDataEnt>() == 20);
    assert!(size_of::<RingHeader>() == 8);
    assert!(size_of::<MessageHeader>() == SLOT as usize);
    assert!(core::mem::offset_of!(SendAddr, dst) == 8);
    assert!(core::mem::offset_of!(Iov, iov_len) == 8);
    assert!(core::mem::offset_of!(RegisterRing, partner_id) == 4);
    assert!(core::mem::offset_of!(RegisterRing, len) == 8);
    assert!(core::mem::offset_of!(RingDataEnt, flags) == 8);
    assert!(core::mem::offset_of!(RingDataEnt, space_required) == 12);
    assert!(core::mem::offset_of!(RingDataEnt, max_message_size) == 16);
    assert!(core::mem::offset_of!(RingHeader, tx_ptr) == 4);
    assert!(core::mem::offset_of!(MessageHeader, source) == 4);
    assert!(core::mem::offset_of!(MessageHeader, message_type) == 12);
};

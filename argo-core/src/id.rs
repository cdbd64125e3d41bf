//! Names: domains, ports, rings and places in guest memory.

use core::fmt;

/// A domain (a virtual machine, or a process group that `argod` treats as one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(u16);

impl DomainId {
    /// One more than the largest id of a domain: ids from here on are reserved by Xen
    /// (`DOMID_FIRST_RESERVED`).
    pub const LIMIT: u16 = 0x7FF0;

    /// Domain 0, which on Xen runs the tools.
    pub const CONTROL: Self = Self(0);

    /// The domain with this id.
    ///
    /// `None` for reserved ids, which name no domain.
    pub const fn new(id: u16) -> Option<Self> {
        if id < Self::LIMIT { Some(Self(id)) } else { None }
    }

    /// The id as a number below [`LIMIT`](Self::LIMIT).
    pub const fn raw(self) -> u16 {
        self.0
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An Argo port: any 32-bit number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(pub u32);

impl Port {
    /// From here on ports are handed out to whoever does not care which one it gets. A habit of
    /// this project's: to Xen all ports are alike.
    pub const DYNAMIC_FIRST: Self = Self(0x8000_0000);
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who may send to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partner {
    /// Every domain: a *wildcard* ring.
    Any,
    /// One domain only.
    Domain(DomainId),
}

/// What tells one ring of a domain from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingName {
    /// The port that senders name.
    pub port: Port,
    /// Who may send.
    pub partner: Partner,
}

/// A place in the memory of a guest, as the guest names it. Nothing is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestAddr(pub u64);

impl GuestAddr {
    /// Whether this is the null handle.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// The place `bytes` further on, wrapping as the guest's arithmetic would: an address that
    /// wraps is bad like any other and faults when it is used.
    #[must_use]
    pub const fn offset(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

/// The number of a page in the memory of a guest, as the guest names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gfn(pub u64);

//! The records of a trace, typed.

use std::fmt;

/// The first record: what the system is like from its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Whether Argo is on.
    pub argo: bool,
    /// Whether wildcard rings may be registered.
    pub mac_permissive: bool,
    /// What the trace shows, for people.
    pub note: String,
}

/// Any record after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// From here on the policy refuses this.
    Deny(Hook),
    /// Undoes the denial of the same hook.
    Allow(Hook),
    /// A domain comes, its memory all zero.
    Domain {
        /// Its id, not in use.
        id: u16,
        /// Its memory in pages.
        pages: u64,
        /// Page numbers that are there, but are no ordinary memory.
        ro: Vec<u64>,
    },
    /// A guest writes its own memory.
    Write {
        /// The guest.
        dom: u16,
        /// Where, as a guest address in bytes.
        addr: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A guest writes a pattern to its own memory.
    Fill {
        /// The guest.
        dom: u16,
        /// Where, as a guest address in bytes.
        addr: u64,
        /// How many bytes.
        len: u64,
        /// Chooses the pattern.
        seed: u64,
    },
    /// A guest makes a hypercall.
    Op(Op),
    /// A domain goes, with its memory.
    Destroy(Teardown),
    /// The Argo state of a domain goes; the domain and its memory stay.
    SoftReset(Teardown),
    /// A guest's memory must now hold this.
    Check(Check),
}

/// A question to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// May `src` have Argo at all.
    Enable {
        /// The domain.
        src: u16,
    },
    /// May `src` register wildcard rings.
    RegisterAnySource {
        /// The owner of the ring.
        src: u16,
    },
    /// May `src` register a ring for `dst`.
    RegisterSingleSource {
        /// The owner of the ring.
        src: u16,
        /// The partner.
        dst: u16,
    },
    /// May `src` send to `dst`.
    Send {
        /// The sender.
        src: u16,
        /// The receiver.
        dst: u16,
    },
}

/// A hypercall and what must come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The caller.
    pub dom: u16,
    /// 1 register, 2 unregister, 3 sendv, 4 notify; any other value is an unknown command.
    pub cmd: u32,
    /// The raw registers.
    pub args: [u64; 4],
    /// The low 32 bits of the result, as a signed number.
    pub ret: i32,
    /// The domains interrupted, ascending, once for each time.
    pub virq: Vec<u16>,
}

/// A domain whose Argo state goes, and the interrupts that this must raise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Teardown {
    /// The domain.
    pub dom: u16,
    /// The domains interrupted, ascending, once for each time.
    pub virq: Vec<u16>,
}

/// What a guest's memory must hold at this place in the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The guest.
    pub dom: u16,
    /// Where, as a guest address in bytes.
    pub addr: u64,
    /// How many bytes.
    pub len: u64,
    /// What must be there.
    pub content: Content,
}

/// The content of some memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The bytes themselves (1 to 64).
    Bytes(Vec<u8>),
    /// The SHA-256 of more than 64 bytes.
    Sha256([u8; 32]),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deny(hook) => write!(f, "deny {hook}"),
            Self::Allow(hook) => write!(f, "allow {hook}"),
            Self::Domain { id, pages, ro } => write!(f, "domain {id} pages {pages} ro {ro:?}"),
            Self::Write { dom, addr, bytes } => {
                write!(f, "write dom {dom} addr {addr:#x} len {}", bytes.len())
            }
            Self::Fill { dom, addr, len, seed } => {
                write!(f, "fill dom {dom} addr {addr:#x} len {len} seed {seed}")
            }
            Self::Op(op) => write!(f, "{op}"),
            Self::Destroy(teardown) => write!(f, "destroy dom {}", teardown.dom),
            Self::SoftReset(teardown) => write!(f, "soft_reset dom {}", teardown.dom),
            Self::Check(Check { dom, addr, len, .. }) => {
                write!(f, "check dom {dom} addr {addr:#x} len {len}")
            }
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enable { src } => write!(f, "enable src {src}"),
            Self::RegisterAnySource { src } => write!(f, "register_any_source src {src}"),
            Self::RegisterSingleSource { src, dst } => {
                write!(f, "register_single_source src {src} dst {dst}")
            }
            Self::Send { src, dst } => write!(f, "send src {src} dst {dst}"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.cmd {
            1 => "register",
            2 => "unregister",
            3 => "sendv",
            4 => "notify",
            _ => "unknown command",
        };
        let [a1, a2, a3, a4] = self.args;
        write!(f, "op dom {} cmd {} ({name}) ", self.dom, self.cmd)?;
        write!(f, "a1 {a1:#x} a2 {a2:#x} a3 {a3:#x} a4 {a4:#x}")
    }
}

//! What a trace is replayed on.

use super::record::Hook;

/// Most bytes that one [`World::write`] or [`World::read`] is asked for.
pub const MAX_ACCESS_BYTES: usize = 64 << 10;

/// Why a world could not do what it was asked: not a result of Argo, but a world that broke.
pub type WorldError = Box<dyn std::error::Error + Send + Sync>;

/// A system of domains, at its start without any, whose policy allows everything.
///
/// The runner asks only for what the format permits: a domain is created while its id is free, all
/// others name living domains, and memory is accessed within `0x1000..pages * 0x1000` and off the
/// pages in `ro`. An error says that the world itself failed, and ends the trace.
pub trait World {
    /// How far the interrupts that this world reports can be trusted.
    fn interrupts(&self) -> Interrupts;

    /// Creates a domain of at least one page, all zero. The pages whose numbers are in `ro` exist,
    /// but cannot be ring memory.
    fn create_domain(&mut self, id: u16, pages: u64, ro: &[u64]) -> Result<(), WorldError>;

    /// The guest writes its own memory, [`MAX_ACCESS_BYTES`] at the most.
    fn write(&mut self, dom: u16, addr: u64, bytes: &[u8]) -> Result<(), WorldError>;

    /// Fills `bytes` from the guest's memory, [`MAX_ACCESS_BYTES`] at the most.
    fn read(&mut self, dom: u16, addr: u64, bytes: &mut [u8]) -> Result<(), WorldError>;

    /// The guest makes the Argo hypercall with these registers.
    fn op(&mut self, dom: u16, cmd: u32, args: [u64; 4]) -> Result<OpResult, WorldError>;

    /// The domain goes, wholly, before this returns. Answers the domains interrupted.
    fn destroy(&mut self, dom: u16) -> Result<Vec<u16>, WorldError>;

    /// The Argo state of the domain goes before this returns. Answers the domains interrupted.
    fn soft_reset(&mut self, dom: u16) -> Result<Vec<u16>, WorldError>;

    /// The policy refuses this from here on; twice is the same as once.
    fn deny(&mut self, hook: Hook) -> Result<(), WorldError>;

    /// Undoes [`World::deny`] of the same hook.
    fn allow(&mut self, hook: Hook) -> Result<(), WorldError>;
}

/// What came of a hypercall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpResult {
    /// The result register; only its low 32 bits are compared, as a signed number.
    pub ret: i64,
    /// The domains interrupted during the call, in any order, once for each time.
    pub virq: Vec<u16>,
}

/// What a world can tell of the interrupts that were raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// Each time that a domain was interrupted.
    Counted,
    /// Which domains were interrupted, but not how often: several may have become one.
    AsSet,
}

impl Interrupts {
    /// What of `virq` can be compared, ascending.
    pub(super) fn comparable(self, virq: &[u16]) -> Vec<u16> {
        let mut virq = virq.to_vec();
        virq.sort_unstable();
        if self == Self::AsSet {
            virq.dedup();
        }
        virq
    }
}

//! A guest of Xen, as the guest library sees its machine.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use argo_core::abi::Op;
use argo_core::platform::{Call, Chains, EventCounts, Gone, Platform, Submission, Tag};
use argo_core::{DomainId, Errno, GuestAddr, abi};
use argo_mem::View;

use crate::channel::{Pending, Port};
use crate::clock::Clock;
use crate::guard;
use crate::hypercall::{self, Number};
use crate::machine::Machine;
use crate::ram::LentRam;
use crate::xen::{Refused, Xen};

/// This guest's session with Xen, for one vCPU. Every call is answered at once.
///
/// Xen tells nothing but `VIRQ_ARGO`: the library asks for what other platforms count.
pub struct XenDomain {
    xen: Xen,
    id: DomainId,
    pending: Pending,
    clock: &'static Clock,
    ram: LentRam,
    virq: Port,
    virqs: AtomicU32,
    /// Moves with each event, and with each [`wake`](Platform::wake).
    sequence: AtomicU32,
    chains: Chains,
    closed: AtomicBool,
}

/// Why there is no Argo for this guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoArgo {
    /// Xen was built without Argo: it takes `CONFIG_ARGO`, which `CONFIG_EXPERT` shows.
    #[error("this Xen was built without Argo (CONFIG_ARGO)")]
    NotBuilt,
    /// Argo is off: it takes `argo=yes` on Xen's command line.
    #[error("Argo is off in this Xen: its command line lacks argo=yes")]
    SwitchedOff,
    /// Another call was refused.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl XenDomain {
    /// Takes the machine's RAM and binds `VIRQ_ARGO`.
    ///
    /// # Errors
    /// There is no Argo, or somebody has its interrupt.
    pub fn new(machine: Machine) -> Result<Self, NoArgo> {
        let Machine { xen, pending, clock, ram, .. } = machine;
        probe(xen)?;
        Ok(Self {
            xen,
            id: xen.own_domain()?,
            pending,
            clock,
            ram,
            virq: xen.bind_virq(abi::VIRQ)?,
            virqs: AtomicU32::new(0),
            sequence: AtomicU32::new(0),
            chains: Chains::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The guest's connection to Xen itself.
    pub fn xen(&self) -> Xen {
        self.xen
    }

    /// Makes an Argo hypercall whatever it names: for programs that ask Xen what it answers.
    ///
    /// # Safety
    /// What the call has Xen write is memory that nobody else uses: the answers of a notify, and the
    /// pages of a ring for as long as it is registered.
    pub unsafe fn argo_op(&self, cmd: u32, args: [u64; 4]) -> i64 {
        // SAFETY: `self.xen` proves that this is a guest of Xen; the rest is the caller's promise.
        unsafe { argo_op(self.xen, cmd, args) }
    }

    /// Makes the call with copies of what it names, where Xen would write by it.
    fn guarded(&self, call: &Call) -> Result<i64, Errno> {
        let [first, second, third, fourth] = call.args;
        // SAFETY: Xen writes by a registration to the pages that it lists, and by a notify to its
        // entries. Both are then copies outside of the RAM, which this call has to itself: the pages are
        // judged to lie in the RAM, which everybody reaches through views only, and there is room for all
        // entries. By other calls, and a notify about nothing, Xen writes nothing of ours.
        let make = |args| unsafe { argo_op(self.xen, call.cmd, args) };
        match Op::from_number(call.cmd) {
            Some(Op::RegisterRing) => guard::with_pages(&self.ram, second, third, |pages| {
                make([first, pages.as_ptr().expose_provenance() as u64, third, fourth])
            }),
            Some(Op::Notify) if first != 0 => guard::with_answers(&self.ram, first, |answers| {
                let answers = answers.as_mut_ptr().expose_provenance() as u64;
                make([answers, second, third, fourth])
            }),
            _ => Ok(make(call.args)),
        }
    }

    fn collect(&self) {
        if self.pending.take(self.virq) {
            self.virqs.fetch_add(1, Ordering::AcqRel);
            self.sequence.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn check_open(&self) -> Result<(), Gone> {
        if self.closed.load(Ordering::Acquire) { Err(Gone) } else { Ok(()) }
    }
}

impl Platform for XenDomain {
    fn domain(&self) -> DomainId {
        self.id
    }

    fn ram(&self) -> View<'_> {
        self.ram.view()
    }

    fn handle(&self, offset: usize) -> GuestAddr {
        self.ram.address(offset)
    }

    fn page(&self, offset: usize) -> u64 {
        self.ram.page(offset)
    }

    fn submit(&self, call: &Call, _tag: Tag) -> Result<Submission, Gone> {
        self.check_open()?;
        let result = self.chains.make(call.link, || self.guarded(call).unwrap_or_else(Errno::ret));
        Ok(Submission::Done(result))
    }

    fn flush(&self) -> Result<(), Gone> {
        self.check_open()
    }

    fn reap(&self, _completed: &mut dyn FnMut(Tag, i64)) {}

    fn events(&self) -> EventCounts {
        self.collect();
        EventCounts { virq: self.virqs.load(Ordering::Acquire), ..EventCounts::default() }
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn sequence(&self) -> u32 {
        self.collect();
        self.sequence.load(Ordering::Acquire)
    }

    fn wait(&self, seen: u32, timeout: Option<Duration>) -> Result<(), Gone> {
        self.check_open()?;
        if self.sequence() == seen {
            let has_come = || self.sequence() != seen;
            let waited = match timeout {
                Some(timeout) => self.clock.wait(self.xen, self.virq, timeout, has_come),
                None => self.xen.poll(self.virq, None),
            };
            // Who waits in vain would wait again at once, for ever.
            waited.map_err(|_| Gone)?;
        }
        self.check_open()
    }

    /// The one vCPU that could wait is the one that calls this, so that nobody sleeps.
    fn wake(&self) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Unregisters no ring: a Xen that has Argo, and has it on, cannot read which.
fn probe(xen: Xen) -> Result<(), NoArgo> {
    // SAFETY: unregistering writes nothing, and there is no ring yet to unregister.
    let answer = unsafe { argo_op(xen, Op::UnregisterRing as u32, [0; 4]) };
    match answer {
        NO_HYPERCALL => Err(NoArgo::NotBuilt),
        _ if answer == Errno::EOPNOTSUPP.ret() => Err(NoArgo::SwitchedOff),
        _ => Ok(()),
    }
}

/// What Xen answers to a hypercall that it does not have: `ENOSYS`.
const NO_HYPERCALL: i64 = -38;

/// The answer of a failing send comes back with its upper half zero: only the lower counts.
///
/// # Safety
/// As [`XenDomain::argo_op`].
unsafe fn argo_op(_: Xen, cmd: u32, args: [u64; 4]) -> i64 {
    let [first, second, third, fourth] = args;
    // SAFETY: `Xen` proves that this is a guest of Xen; the rest is the caller's promise.
    let result =
        unsafe { hypercall::call(Number::ArgoOp, [cmd.into(), first, second, third, fourth]) };
    let [a, b, c, d, ..] = result.to_le_bytes();
    i64::from(i32::from_le_bytes([a, b, c, d]))
}

//! What a host brings: its memory, policy, events and locks.

use argo_core::DomainId;

use crate::memory::GuestMemory;
use crate::policy::Policy;

/// The choices of a host, as one type.
pub trait System: Send + Sync + Sized + 'static {
    /// How the memory of a caller is reached.
    type Memory: GuestMemory;
    /// Who may do what.
    type Policy: Policy;
    /// How domains are interrupted.
    type Events: Events;
    /// The locks.
    type Locks: Locks;
}

/// What the engine tells the host. Called with no lock of the engine held, so an implementation
/// may call the engine.
pub trait Events: Send + Sync {
    /// Interrupts the domain (`VIRQ_ARGO`): there is data, or the space that it waited for.
    fn virq(&self, domain: DomainId);

    /// A wait of the domain ended without a signal because the ring went. Xen tells nobody.
    fn wait_lost(&self, _domain: DomainId) {}

    /// Rings for this domain alone (it is their exact partner) went, by the wish of their owner or
    /// together with its session or domain. Raised once however many of one owner went together (by
    /// [`Engine::withdraw_rings`](crate::Engine::withdraw_rings) once for some of them each), and
    /// not when a ring is only registered anew. Xen tells nobody.
    fn peer_gone(&self, _domain: DomainId) {}

    /// Rings of this domain were taken from it by [`Engine::enforce`](crate::Engine::enforce) or
    /// [`Engine::soft_reset`](crate::Engine::soft_reset) (its own, or that of the rings' partner), and
    /// not by its wish. Xen tells nobody.
    fn rings_cut(&self, _owner: DomainId) {}

    /// A domain began to wait for (more) space in a ring of this owner, or a message came into one
    /// where others still wait for their turn. Whoever owns the ring notifies then, even if it has
    /// nothing to read. Xen tells nobody.
    fn space_wanted(&self, _owner: DomainId) {}

    /// In a ring of this owner somebody waits behind others, whose turn comes first
    /// ([`Waking::Fair`](crate::Waking::Fair) only). The host calls
    /// [`Engine::lend_room`](crate::Engine::lend_room) after the time that it grants to those who are
    /// woken; asked again before that, it need not do so twice.
    fn room_kept(&self, _owner: DomainId) {}
}

/// The locks of the host.
pub trait Locks: 'static {
    /// For gates and tables.
    type Rw: lock_api::RawRwLock + Send + Sync;
    /// For rings.
    type Mutex: lock_api::RawMutex + Send + Sync;
}

/// The locks of the crate `parking_lot`.
#[cfg(feature = "std")]
#[derive(Debug)]
pub enum ParkingLot {}

#[cfg(feature = "std")]
impl Locks for ParkingLot {
    type Rw = parking_lot::RawRwLock;
    type Mutex = parking_lot::RawMutex;
}

pub(crate) type JudgeOf<'p, S> = <<S as System>::Policy as Policy>::Judge<'p>;
pub(crate) type RingOf<S> = <<S as System>::Memory as GuestMemory>::Ring;
pub(crate) type RwLock<S, T> = lock_api::RwLock<<<S as System>::Locks as Locks>::Rw, T>;
pub(crate) type ReadGuard<'a, S, T> =
    lock_api::RwLockReadGuard<'a, <<S as System>::Locks as Locks>::Rw, T>;
pub(crate) type WriteGuard<'a, S, T> =
    lock_api::RwLockWriteGuard<'a, <<S as System>::Locks as Locks>::Rw, T>;
pub(crate) type Mutex<S, T> = lock_api::Mutex<<<S as System>::Locks as Locks>::Mutex, T>;
pub(crate) type MutexGuard<'a, S, T> =
    lock_api::MutexGuard<'a, <<S as System>::Locks as Locks>::Mutex, T>;

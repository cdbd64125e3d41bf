//! What the whole system has.

/// Whether there is Argo at all (Xen's option `argo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argo {
    /// There is.
    On,
    /// Every operation answers `EOPNOTSUPP`.
    Off,
}

/// Whether wildcard rings may be registered (Xen's option `argo=mac-permissive`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WildcardRings {
    /// Yes, where the policy agrees.
    Allowed,
    /// Never: `EPERM`.
    Refused,
}

/// Whom a notify wakes of those who wait for room in a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Waking {
    /// Whoever would find room alone, all at once. So does Xen.
    #[default]
    All,
    /// In the order in which they began to wait, as many as find room together. Their room is kept
    /// for them: who sends without having waited, or began later, gets `EAGAIN` and waits behind them.
    ///
    /// Who was woken and never comes keeps its room until the host has it [lent](crate::Engine::lend_room),
    /// which it is asked for by [`Events::room_kept`](crate::Events::room_kept): a host that wakes
    /// like this has to. A message longer than a quarter of the ring keeps none, and all together keep
    /// no more than three quarters of it.
    Fair,
}

/// When the memory of a domain's tables is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tables {
    /// As rings come.
    #[default]
    Growing,
    /// With the domain, for all that its [`Quotas`](crate::Quotas) allow. From then on no call of
    /// it takes memory nor gives any back, and neither does its coming and going by
    /// [`Engine::activate`](crate::Engine::activate),
    /// [`Engine::deactivate`](crate::Engine::deactivate) and
    /// [`Engine::withdraw_rings`](crate::Engine::withdraw_rings); nor
    /// [`Engine::soft_reset`](crate::Engine::soft_reset), unless others have more rings for the
    /// domain than it may have itself, or three threads reset it and let it go at once.
    ///
    /// The memory of the caller has to do the same: see
    /// [`LinearMemory::with_page_lists`](crate::LinearMemory::with_page_lists). Twice as many
    /// waiting lists are kept as there may be rings, for those that were taken out and are not let
    /// go yet; should they not suffice for a moment, a registration gets `ENOMEM`.
    Reserved,
}

/// The settings of an engine, fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether there is Argo at all.
    pub argo: Argo,
    /// Whether wildcard rings may be registered.
    pub wildcard_rings: WildcardRings,
}

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

/// The settings of an engine, fixed for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether there is Argo at all.
    pub argo: Argo,
    /// Whether wildcard rings may be registered.
    pub wildcard_rings: WildcardRings,
}

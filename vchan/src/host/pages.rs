//! Pages to write: shared by this side, or mapped from the other.

use argo_guest::services::{Mapped, Share};
use argo_mem::{Memory, View};

/// Pages that this side can write.
pub enum HostPages {
    /// Its own.
    Shared(Share),
    /// Another domain's.
    Mapped(Mapped),
}

impl Memory for HostPages {
    #[inline]
    fn view(&self) -> View<'_> {
        match self {
            HostPages::Shared(share) => share.view(),
            HostPages::Mapped(mapped) => mapped.view(),
        }
    }
}

//! Reading a message where it lies: the one place where RAM is lent as ordinary bytes.
#![allow(unsafe_code, reason = "the proof that nobody writes what is lent is made here, once")]

use alloc::sync::Arc;

use argo_core::abi::RING_HEADER;
use argo_core::platform::Platform;
use argo_core::ring::{Message, Span};
use argo_mem::View;

use crate::domain::{Domain, Driver, Lending};

impl Domain {
    /// Sockets over a platform whose RAM only the handle and the hypervisor reach, so that
    /// [`Received::parts`](crate::datagram::Received::parts) lends messages without a copy.
    ///
    /// # Safety
    /// For as long as the handle, its clones or its sockets live:
    /// - nothing in this process but the handle writes the RAM that `platform` lends, and no other
    ///   process does but the hypervisor's;
    /// - the hypervisor keeps Argo's contract: of a registered ring it writes only `tx_ptr` and
    ///   the part that is free, and never the part between `rx_ptr` and `tx_ptr`.
    #[cfg(feature = "std")]
    pub unsafe fn with_exclusive_ram(platform: impl Platform + 'static) -> Self {
        Self::over(Arc::new(platform), Lending::InPlace)
    }

    /// [`without_thread`](Self::without_thread) over such a platform.
    ///
    /// # Safety
    /// As for [`with_exclusive_ram`](Self::with_exclusive_ram).
    pub unsafe fn without_thread_exclusive(
        platform: impl Platform + 'static,
        entropy: u64,
    ) -> (Self, Driver) {
        Self::threadless(Arc::new(platform), Lending::InPlace, entropy)
    }

    /// Attaches to the domain of argod whose socket lies at `path`.
    ///
    /// # Errors
    /// See [`AttachError`](crate::host::AttachError).
    #[cfg(all(feature = "host", target_os = "linux"))]
    pub fn attach(path: impl AsRef<std::path::Path>) -> Result<Self, crate::host::AttachError> {
        Ok(crate::host::HostSession::attach(path)?.into())
    }

    /// Attaches to the domain that the environment variable `ARGO_DOMAIN` names by its socket.
    ///
    /// # Errors
    /// See [`AttachError`](crate::host::AttachError).
    #[cfg(all(feature = "host", target_os = "linux"))]
    pub fn from_env() -> Result<Self, crate::host::AttachError> {
        Ok(crate::host::HostSession::from_env()?.into())
    }
}

/// For sessions attached with [options](crate::host::AttachOptions) of their own. If raw calls
/// were made on it before, messages are lent as copies: rings that those registered may lie
/// anywhere in the RAM that is now divided up.
#[cfg(all(feature = "host", target_os = "linux"))]
impl From<crate::host::HostSession> for Domain {
    fn from(session: crate::host::HostSession) -> Self {
        if !session.is_fresh() {
            return Self::new(session);
        }
        // SAFETY:
        // - The session is ours alone, and gives its memory to nobody else: argod makes a new
        //   memfd for each session, which nobody can map any more once the seals are on. Views of
        //   its RAM borrow it, so none outlived the move into here; and no ring was registered
        //   by raw calls before.
        // - The other end of the memfd is argod's, which is this domain's hypervisor: it is
        //   trusted to keep Argo's contract, as Xen would be.
        unsafe { Self::with_exclusive_ram(session) }
    }
}

/// The two parts of a message that its reader has taken out of the ring in `memory` and not yet
/// consumed. `None`: it may not be lent.
///
/// `_reader` is the proof that it is not consumed: it borrows what consumes it.
pub(crate) fn lend<'r, R>(
    lending: Lending,
    _reader: &'r R,
    memory: View<'r>,
    message: &Message,
) -> Option<(&'r [u8], &'r [u8])> {
    if lending != Lending::InPlace {
        return None;
    }
    let spans = message.payload();
    let part = |span: Span| {
        let offset = RING_HEADER as usize + span.at as usize;
        // SAFETY: nobody writes these bytes while `'r` lasts:
        // - They are the payload of a message between `rx_ptr` and `tx_ptr`. `rx_ptr` moves only
        //   when the message is consumed, which the borrow of the reader excludes for `'r`; and
        //   the hypervisor never writes that part (`Lending::InPlace`).
        // - This process writes to RAM only through blocks of the arena, and the ring's block
        //   belongs to its socket, which the reader borrows.
        unsafe { memory.in_place(offset, span.len as usize) }.ok()
    };
    Some((part(spans.first)?, part(spans.second)?))
}

/// The bytes of a buffer that its owner fills. `None`: they may not be lent.
///
/// `_owner` is the proof that nobody else has them: it is borrowed mutably.
pub(crate) fn lend_mut<'b, O>(
    lending: Lending,
    _owner: &'b mut O,
    ram: View<'b>,
    offset: usize,
    len: usize,
) -> Option<&'b mut [u8]> {
    if lending != Lending::InPlace {
        return None;
    }
    // SAFETY: nobody else reads or writes these bytes while `'b` lasts:
    // - They lie in a block of the arena that belongs to the owner alone; this process reaches RAM
    //   only through blocks (`Lending::InPlace`).
    // - The hypervisor reads what a call in flight names. A call takes its memory along, so the
    //   owner, who still has it, is not in flight.
    unsafe { ram.in_place_mut(offset, len) }.ok()
}

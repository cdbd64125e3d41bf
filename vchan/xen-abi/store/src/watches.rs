//! Watch events, and those that are not wanted any more.

use std::ffi::{CStr, c_int};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argo_core::xenstore::Kind;
use xen_abi::Errno;

use crate::handle::Handle;
use crate::message;

/// What a handle remembers of its watches.
#[derive(Default)]
pub(crate) struct Watches {
    /// Whether events of a watch that was removed are not told.
    filter: bool,
    descriptor: Mutex<Option<OwnedFd>>,
}

impl Watches {
    /// With `XS_UNWATCH_FILTER`.
    pub(crate) fn filtered() -> Self {
        Self { filter: true, ..Self::default() }
    }
}

impl Handle {
    pub(crate) fn watch(&self, path: &CStr, token: &CStr) -> Result<(), Errno> {
        let parts = [path.to_bytes_with_nul(), token.to_bytes_with_nul()];
        self.tell(Kind::Watch, 0, &parts)
    }

    pub(crate) fn unwatch(&self, path: &CStr, token: &CStr) -> Result<(), Errno> {
        let parts = [path.to_bytes_with_nul(), token.to_bytes_with_nul()];
        self.tell(Kind::Unwatch, 0, &parts)?;
        if self.watches.filter {
            // All events of the watch came before that answer. Xen's library, too, takes those of a
            // watch below with the same token for them, but none that come later.
            let removed = |event: (Vec<u8>, Vec<u8>)| {
                event.1 == token.to_bytes() && is_subpath(path.to_bytes(), &event.0)
            };
            self.services.retain_events(|event| !message::event(event).is_ok_and(removed));
        }
        Ok(())
    }

    /// The next event's path and token; EAGAIN if there is none.
    pub(crate) fn check_watch(&self) -> Result<(Vec<u8>, Vec<u8>), Errno> {
        let message = self.services.next_event(Some(Duration::ZERO))?;
        message::event(&message.ok_or(Errno(libc::EAGAIN))?)
    }

    /// The next event's path and token, as soon as there is one.
    pub(crate) fn read_watch(&self) -> Result<(Vec<u8>, Vec<u8>), Errno> {
        loop {
            if let Some(message) = self.services.next_event(None)? {
                return message::event(&message);
            }
        }
    }

    /// A descriptor that is readable while there are events; the same at each call.
    pub(crate) fn fileno(&self) -> Result<c_int, Errno> {
        let mut descriptor = locked(&self.watches.descriptor);
        match &*descriptor {
            Some(known) => Ok(known.as_raw_fd()),
            None => Ok(descriptor.insert(self.services.events_fd()?).as_raw_fd()),
        }
    }
}

/// Whether `child` is `parent` or lies below it, by the letters of both.
pub(crate) fn is_subpath(parent: &[u8], child: &[u8]) -> bool {
    let rest = child.strip_prefix(parent);
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

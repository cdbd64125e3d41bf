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
    /// Watches that were removed, while events of theirs may be on their way: path and token. Each
    /// has fired at least once, so there are no more than events that may wait.
    removed: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    descriptor: Mutex<Option<OwnedFd>>,
}

impl Watches {
    /// With `XS_UNWATCH_FILTER`.
    pub(crate) fn filtered() -> Self {
        Self { filter: true, ..Self::default() }
    }

    fn is_removed(&self, path: &[u8], token: &[u8]) -> bool {
        let covers = |(above, of): &(Vec<u8>, Vec<u8>)| of == token && is_subpath(above, path);
        locked(&self.removed).iter().any(covers)
    }
}

impl Handle {
    pub(crate) fn watch(&self, path: &CStr, token: &CStr) -> Result<(), Errno> {
        let parts = [path.to_bytes_with_nul(), token.to_bytes_with_nul()];
        let watch = (path.to_bytes().to_vec(), token.to_bytes().to_vec());
        locked(&self.watches.removed).retain(|removed| *removed != watch);
        self.tell(Kind::Watch, 0, &parts)
    }

    pub(crate) fn unwatch(&self, path: &CStr, token: &CStr) -> Result<(), Errno> {
        let parts = [path.to_bytes_with_nul(), token.to_bytes_with_nul()];
        self.tell(Kind::Unwatch, 0, &parts)?;
        if self.watches.filter {
            let watch = (path.to_bytes().to_vec(), token.to_bytes().to_vec());
            locked(&self.watches.removed).push(watch);
        }
        Ok(())
    }

    /// The next event's path and token; EAGAIN if there is none.
    pub(crate) fn check_watch(&self) -> Result<(Vec<u8>, Vec<u8>), Errno> {
        while let Some(message) = self.services.next_event(Some(Duration::ZERO))? {
            let (path, token) = message::event(&message)?;
            if !self.watches.is_removed(&path, &token) {
                return Ok((path, token));
            }
        }
        // Events come in their order: those of removed watches have all come.
        locked(&self.watches.removed).clear();
        Err(Errno(libc::EAGAIN))
    }

    /// The next event's path and token, as soon as there is one.
    pub(crate) fn read_watch(&self) -> Result<(Vec<u8>, Vec<u8>), Errno> {
        match self.check_watch() {
            Err(Errno(libc::EAGAIN)) => {}
            event => return event,
        }
        loop {
            let Some(message) = self.services.next_event(None)? else { continue };
            let (path, token) = message::event(&message)?;
            if !self.watches.is_removed(&path, &token) {
                return Ok((path, token));
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

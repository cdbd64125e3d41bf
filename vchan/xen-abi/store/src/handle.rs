//! What lies behind a handle: a connection.

use argo_core::xenstore::Kind;
use argo_guest::services::Services;
use xen_abi::Errno;

use crate::message;
use crate::watches::Watches;

/// A handle's connection, and what it has to remember.
pub(crate) struct Handle {
    pub(crate) services: Services,
    pub(crate) watches: Watches,
}

impl Handle {
    pub(crate) fn open(watches: Watches) -> Result<Self, Errno> {
        Ok(Self { services: xen_abi::connect("libxenstore")?, watches })
    }

    /// Asks in a transaction (or 0); what follows the header of the reply.
    pub(crate) fn ask(
        &self,
        kind: Kind,
        transaction: u32,
        parts: &[&[u8]],
    ) -> Result<Vec<u8>, Errno> {
        let message = message::compose(kind, transaction, parts)?;
        message::answer(kind, &self.services.store(&message)?)
    }

    /// Asks for something to be done.
    pub(crate) fn tell(&self, kind: Kind, transaction: u32, parts: &[&[u8]]) -> Result<(), Errno> {
        self.ask(kind, transaction, parts).map(|_| ())
    }

    pub(crate) fn start_transaction(&self) -> Result<u32, Errno> {
        let reply = self.ask(Kind::TransactionStart, 0, &[b"\0"])?;
        let number =
            message::strings(&reply).first().and_then(|number| str::from_utf8(number).ok());
        number.and_then(|number| number.parse().ok()).ok_or(Errno(libc::EIO))
    }

    /// Asks about domains, with numbers.
    pub(crate) fn ask_about(&self, kind: Kind, numbers: &[u64]) -> Result<Vec<u8>, Errno> {
        let texts: Vec<_> = numbers.iter().map(|number| format!("{number}\0")).collect();
        let parts: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
        self.ask(kind, 0, &parts)
    }
}

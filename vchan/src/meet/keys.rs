//! The two keys in the store, `ring-ref` and `event-channel`, in decimal.

use alloc::format;
use alloc::string::{String, ToString};

use argo_core::DomainId;

use super::Meeting;
use crate::platform::{Cause, Committed, Fault, GrantRef, Platform, Port, Store, Transaction};

/// Conflicts that are met before giving up: somebody else must have changed the same keys each time.
const ATTEMPTS: u32 = 64;

/// Why the keys were not written.
pub(crate) enum PublishError {
    /// A server that lives has its keys there.
    Taken(Port),
    Store(Fault),
}

impl From<Fault> for PublishError {
    fn from(fault: Fault) -> PublishError {
        PublishError::Store(fault)
    }
}

/// Writes both keys, readable by `client` only. What a server has left that is no more is replaced.
pub(crate) fn publish<P: Platform + Store>(
    platform: &P,
    path: &str,
    client: DomainId,
    meeting: Meeting,
) -> Result<(), PublishError> {
    in_transaction(platform, |within| {
        // Numbers are used again: keys with our own port are those of one that is no more.
        if let Some(found) = read(platform, within, path)?
            && found.port != meeting.port
            && platform.is_allocated(found.port) == Some(true)
        {
            return Err(PublishError::Taken(found.port));
        }
        let values = [(ring_ref(path), meeting.page.0), (event_channel(path), meeting.port.0)];
        for (key, value) in values {
            platform.write(within, &key, value.to_string().as_bytes())?;
            platform.set_reader(within, &key, client)?;
        }
        Ok(())
    })
}

/// Removes the keys with all that is below `path`, if they are still those of this server.
pub(crate) fn unpublish<P: Store>(platform: &P, path: &str, meeting: Meeting) {
    // Whom it would be told to is about to be dropped; keys left behind are replaced later.
    let _best_effort = in_transaction(platform, |within| {
        if read(platform, within, path)? == Some(meeting) {
            platform.remove(within, path)?;
        }
        Ok::<(), PublishError>(())
    });
}

/// The keys, if both are there, are numbers, and may be read: where there are none, the store does
/// not say so to who may not know.
pub(crate) fn read<S: Store>(
    store: &S,
    within: Transaction,
    path: &str,
) -> Result<Option<Meeting>, Fault> {
    let number = |key: String| -> Result<Option<u32>, Fault> {
        let value = match store.read(within, &key) {
            Err(fault) if fault.cause == Cause::Refused => None,
            value => value?,
        };
        Ok(value.and_then(|value| core::str::from_utf8(&value).ok()?.trim().parse().ok()))
    };
    let (page, port) = (number(ring_ref(path))?, number(event_channel(path))?);
    Ok(page.zip(port).map(|(page, port)| Meeting { page: GrantRef(page), port: Port(port) }))
}

fn in_transaction<S: Store>(
    store: &S,
    mut body: impl FnMut(Transaction) -> Result<(), PublishError>,
) -> Result<(), PublishError> {
    for _ in 0..ATTEMPTS {
        let transaction = store.begin()?;
        if let Err(error) = body(transaction) {
            store.abandon(transaction);
            return Err(error);
        }
        if store.commit(transaction)? == Committed::Done {
            return Ok(());
        }
    }
    Err(Fault::new(Cause::Busy, "each transaction met a conflict").into())
}

fn ring_ref(path: &str) -> String {
    format!("{path}/ring-ref")
}

fn event_channel(path: &str) -> String {
    format!("{path}/event-channel")
}

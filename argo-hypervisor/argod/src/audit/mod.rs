//! The audit stream: what was refused, by which rule, and what administrators did.
//!
//! [`Audit`] is where events go in, cheaply: nothing is formatted and nobody is waited for. They
//! come out of the audit socket as [`Record`]s, one JSON object a line; docs/audit.md describes
//! them.

mod human;
mod name;
mod record;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::sync::Arc;
use std::time::SystemTime;

pub use name::Name;
pub use record::{Check, Event, Judged, Node, Operation, Party, Process, Record, Rule};

use crate::feed::{Feed, Numbered};

thread_local! {
    static REFUSED_BY: Cell<Option<Refuser>> = const { Cell::new(None) };
}

/// Who refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refuser {
    /// The number of the rule, from 1; `None`: no rule allowed it.
    pub rule: Option<u32>,
}

/// Events with their times; shared, so that a long history is quickly handed to who comes later.
pub(crate) type AuditFeed = Feed<Stamped>;
pub(crate) type Stamped = Arc<(SystemTime, Event)>;

/// Where events go. Clones are the same stream; the default is none, and takes nothing.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<AuditFeed>>);

impl Audit {
    /// A stream that keeps the last `history` events for who comes later.
    pub fn keeping(history: usize) -> Self {
        Self(Some(Arc::new(Feed::new(history))))
    }

    /// A call was refused or throttled by the rule with this number, from 1 (`None`: no rule allows
    /// it); `event` says more, if there is a stream.
    ///
    /// Stream or not, who serves the call in this thread can [ask for the rule](take_refuser).
    pub fn refused(&self, rule: Option<u32>, event: impl FnOnce() -> Event) {
        REFUSED_BY.set(Some(Refuser { rule }));
        self.publish(event);
    }

    /// Something happened that refused no call; `event` says what, if there is a stream.
    pub fn publish(&self, event: impl FnOnce() -> Event) {
        if let Some(feed) = &self.0 {
            let stamped = Arc::new((SystemTime::now(), event()));
            feed.publish(stamped, |stamped, ()| Some(stamped.clone()));
        }
    }

    /// What readers subscribe to; `None`: there is no stream.
    pub(crate) fn feed(&self) -> Option<&Arc<AuditFeed>> {
        self.0.as_ref()
    }
}

/// Who refused something in this thread since this was last asked.
pub fn take_refuser() -> Option<Refuser> {
    REFUSED_BY.take()
}

impl From<Numbered<Stamped>> for Record {
    fn from(Numbered { seq, item }: Numbered<Stamped>) -> Self {
        let (time, event) = Arc::unwrap_or_clone(item);
        Self { time, seq: Some(seq), event }
    }
}

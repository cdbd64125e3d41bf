//! The audit socket, and what is told there of attachments and administrators.

use std::error::Error;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::SystemTime;

use super::domain::HostDomain;
use super::host::Host;
use super::listener::ListenError;
use super::outlet::{Out, Outlet, tell};
use super::peer::Peer;
use crate::admin::{Answer, Request, write_line};
use crate::audit::{AuditFeed, Event, Operation, Party, Process, Record, Stamped};
use crate::feed::Next;

/// Events that wait for one reader; more are lost.
const ROOM: usize = 4096;
/// Characters of what an administrator or an error says that are told.
const SAID_MAX: usize = 500;

/// Makes the audit socket, if there is one.
///
/// # Errors
/// It cannot be made.
pub fn open(host: &Host) -> Result<Option<Outlet>, ListenError> {
    let (Some(config), Some(feed)) = (&host.config().audit, host.audit().feed().cloned()) else {
        return Ok(None);
    };
    Outlet::open(&config.socket, host.doors(), "audit", move |stream| serve(&feed, stream))
        .map(Some)
}

fn serve(feed: &Arc<AuditFeed>, mut stream: &UnixStream) -> io::Result<()> {
    match feed.subscribe((), ROOM) {
        Ok(subscription) => tell(stream, subscription, write),
        Err(error) => write_line(&mut stream, &Answer::Error(error.to_string())),
    }
}

fn write(next: Next<Stamped>, out: &mut Out<'_>) -> io::Result<()> {
    match next {
        Next::Item(event) => write_line(out, &Record::from(event)),
        Next::Lost(count) => {
            let (time, event) = (SystemTime::now(), Event::Lost { count });
            write_line(out, &Record { time, seq: None, event })
        }
        Next::Quiet | Next::Closed => Ok(()),
    }
}

/// Tells that a process may not attach.
pub fn refused_attachment(host: &Host, domain: &HostDomain, by: Option<Peer>, why: &dyn Error) {
    host.audit().publish(|| Event::AttachRefused {
        domain: Party::new(domain.id(), Some(domain.name())),
        by: by.map(Process::from),
        reason: shortened(&why.to_string()),
    });
}

/// Something that an administrator asked for and that changes something.
pub struct Deed {
    operation: Operation,
    target: String,
}

impl Deed {
    /// What a request wants to change, if anything.
    pub fn of(host: &Host, request: &Request) -> Option<Self> {
        let (operation, target) = match request {
            Request::Stat | Request::Domain { .. } | Request::Explain(_) => return None,
            Request::Create { domain, .. } => (Operation::Create, name_in(domain)),
            Request::Destroy { domain } => (Operation::Destroy, domain.clone()),
            Request::SoftReset { domain } => (Operation::SoftReset, domain.clone()),
            Request::Start { domain } => (Operation::Start, domain.clone()),
            Request::Stop { domain } => (Operation::Stop, domain.clone()),
            Request::Detach { domain, .. } => (Operation::Detach, domain.clone()),
            Request::Reload => return Some(Self::reload(host)),
            Request::Policy { file, .. } => (Operation::Policy, file.clone()),
        };
        Some(Self { operation, target: shortened(&target) })
    }

    /// The policy is read anew.
    pub fn reload(host: &Host) -> Self {
        let file = host.config().file.as_ref();
        let target = file.map_or_else(String::new, |file| file.display().to_string());
        Self { operation: Operation::Policy, target: shortened(&target) }
    }

    /// Tells what became of it. `by`: nobody, if it was a signal.
    pub fn tell(self, host: &Host, by: Option<Peer>, error: Option<&str>) {
        let error = error.map(shortened);
        let Self { operation, target } = self;
        let by = by.map(Into::into);
        host.audit().publish(|| Event::Admin { operation, target, by, error });
    }
}

/// The name of a domain in its description, as far as that can be read.
fn name_in(description: &str) -> String {
    let table = description.parse::<toml::Table>().unwrap_or_default();
    table.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

fn shortened(text: &str) -> String {
    text.chars().take(SAID_MAX).collect()
}

//! Sessions become live and end.

use std::fmt;
use std::io;
use std::sync::Arc;

use argo_core::host::queue::BadIndex;
use argo_hypervisor::RingPages;
use rustix::net::{Shutdown, shutdown};

use super::Host;
use crate::daemon::domain::{NoPlace, Place};
use crate::daemon::interrupts::Ear;
use crate::daemon::notices::Notice;
use crate::daemon::session::{Session, SessionKey};
use crate::daemon::throttle::Pass;

/// Why a session ended.
#[derive(Clone, Copy, Debug)]
pub enum EndReason {
    /// Its process hung up or is gone.
    Left,
    /// It broke the queue protocol.
    Protocol(BadIndex),
    /// Its domain was destroyed.
    Destroyed,
    /// An administrator ended it.
    Detached,
    /// argod stops.
    Stopping,
    /// It could not be set up.
    Failed,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the process left"),
            Self::Protocol(bad) => write!(f, "protocol broken: {bad}"),
            Self::Destroyed => f.write_str("the domain was destroyed"),
            Self::Detached => f.write_str("an administrator ended it"),
            Self::Stopping => f.write_str("argod stops"),
            Self::Failed => f.write_str("it could not be set up"),
        }
    }
}

/// Why a session did not become live.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// Its domain has no place for it.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// It cannot be watched.
    #[error("watching the session: {0}")]
    Watch(#[from] io::Error),
}

impl Host {
    /// Makes a session live.
    ///
    /// # Errors
    /// Its domain was destroyed meanwhile, or the system has no room to watch it.
    pub fn admit(&self, place: Place, session: Arc<Session>) -> Result<(), AdmitError> {
        let domain = session.domain.clone();
        self.sessions.write().insert(session.key, session.clone());
        let admitted = place
            .take(session.clone(), || {
                self.engine.events().add(domain.id(), Ear::Session(session.bell.clone()));
                // Changes nothing unless it is the first.
                self.engine.activate(&domain.engine);
            })
            .map_err(AdmitError::from)
            .and_then(|()| Ok(self.watch(&session)?));
        if admitted.is_err() {
            self.end_session(session.key, EndReason::Failed);
        } else if self.is_stopping() {
            self.end_session(session.key, EndReason::Stopping);
        }
        admitted
    }

    fn watch(&self, session: &Arc<Session>) -> io::Result<()> {
        self.reception.watch(session)?;
        for doorbell in &session.doorbells {
            self.worker(doorbell.worker).listen(&doorbell.fd, session.key)?;
        }
        // Ended meanwhile, before all doorbells were there to be forgotten. The guest keeps them
        // open, so they would wake workers for ever, on nobody's account.
        if session.is_over() {
            self.forget_doorbells(session);
        }
        Ok(())
    }

    fn forget_doorbells(&self, session: &Session) {
        for doorbell in &session.doorbells {
            self.worker(doorbell.worker).forget(&doorbell.fd);
        }
    }

    /// Ends a session, wherever its process is: nothing of it is left in the engine when this
    /// returns, and the domain has no Argo state if it was the last. `false`: it had ended already.
    pub fn end_session(&self, key: SessionKey, reason: EndReason) -> bool {
        let Some(session) = self.sessions.write().remove(&key) else { return false };
        // Over first: whoever is still setting it up looks at that after its last step.
        session.end();
        self.forget_doorbells(&session);
        self.reception.unwatch(&session);
        let domain = session.domain.clone();
        self.engine.events().remove(domain.id(), &Ear::Session(session.bell.clone()));
        let own = |ring: &_| Arc::ptr_eq(RingPages::memory(ring), &session.ram);
        self.engine.withdraw_rings(&domain.engine, own);
        domain.leave(&session, || self.engine.deactivate(&domain.engine));
        // Who attaches is still to be told why not.
        if !matches!(reason, EndReason::Failed) {
            let _ = shutdown(&*session.socket, Shutdown::Both);
        }
        if let Some(Pass { suppressed }) = domain.log.pass() {
            let (domain, peer) = (domain.name(), session.peer);
            tracing::info!(domain, %peer, %reason, suppressed, "session ended");
        }
        self.undertaker.receive(session);
        true
    }

    /// Has a session ended by the reception, soon.
    pub fn request_end(&self, key: SessionKey, reason: EndReason) {
        self.reception.notify(Notice::End(key, reason));
    }

    /// Lets an ended session go that somebody still worked with. Never the last to do so: that is
    /// [`end_session`](Self::end_session), or the undertaker.
    pub fn discard(&self, session: Arc<Session>) {
        drop(session);
        self.undertaker.call();
    }
}

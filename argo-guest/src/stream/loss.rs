//! How a connection ends against the will of its users.

use argo_core::ring::Corrupt;

use super::conn::{Conn, End, News, Progress};
use super::error::StreamError;
use super::inbox::Inbox;
use super::outbox::Sending;
use crate::datagram::SendError;
use crate::domain::Rest;

impl Conn {
    /// The hypervisor says that the peer's ring is no more.
    pub(super) fn peer_gone(&self) {
        self.lose(End::PeerGone);
    }

    /// The hypervisor has taken its ring away, or lets nothing pass to its peer.
    pub(super) fn is_cut(&self) {
        self.lose(End::Cut);
    }

    /// Nothing more will come, for this reason. Of several, the first counts.
    fn lose(&self, end: End) {
        // What was sent before comes first.
        let end = match &self.inbox {
            Inbox::Own(_) => {
                while self.judge() == Rest::More {}
                end
            }
            Inbox::Shared(mailbox) => {
                let before = self.link.lock().lost_at;
                let (mark, end) = before.unwrap_or_else(|| (mailbox.ring.mark(), end));
                self.link.lock().lost_at = Some((mark, end));
                if !mailbox.ring.has_passed(mark) {
                    // Called again when the ring has got on.
                    return;
                }
                end
            }
        };
        let news = self.link.lock().ends(end);
        // Such a peer, the driver for one, does not ask whether we are there.
        if end == End::Cut && news == News::Change && !self.is_extended() {
            self.reset_stranger(self.destination(), self.link.lock().connection.conid());
        }
        self.announce(news);
    }

    /// What was written cannot be delivered.
    pub(super) fn fail(&self, error: SendError) {
        let mut outbox = self.outbox.lock();
        outbox.discard();
        outbox.state = Sending::Failed(error);
        drop(outbox);
        let established = self.link.lock().progress == Progress::Established;
        match error {
            SendError::ConnectionRefused { .. } | SendError::NoSuchDomain { .. } if established => {
                self.peer_gone();
            }
            SendError::Denied { .. } if established => self.is_cut(),
            _ => {}
        }
        self.changed();
    }

    /// The listener's ring that brings its data makes no sense any more.
    pub(super) fn broken(&self, corrupt: Corrupt) {
        let news = self.link.lock().ends(End::Corrupt(corrupt));
        self.announce(news);
    }

    /// The error of reads and writes once the hypervisor has cut it.
    pub(super) fn cut_off(&self) -> StreamError {
        StreamError::Cut { peer: self.peer }
    }
}

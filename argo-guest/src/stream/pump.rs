//! Delivering what was written: a chore of the session, as long as there is something.

use alloc::sync::Arc;
use core::pin::pin;

use futures::future::select;

use super::conn::Conn;
use super::outbox::Sending;
use crate::datagram::SendError;
use crate::domain::{Patience, SpaceMark, Urgency};

/// Sees to it that what was written is delivered.
pub(super) fn start(conn: &Arc<Conn>) {
    let wanted = conn.outbox.lock().wants_pump();
    if wanted {
        conn.inner.begin_chore(Urgency::Owed, deliver(conn.clone()));
    }
}

async fn deliver(conn: Arc<Conn>) {
    loop {
        let mark = conn.inner.mark_space();
        let addresses = conn.addresses();
        let batch = conn.outbox.lock().batch(&addresses);
        let Some(batch) = batch else { return };
        let (outcome, memory) = match conn.inner.chain(&batch.calls, batch.memory).await {
            Ok(answer) => answer,
            Err(gone) => return conn.fail(gone.into()),
        };
        let refused_len = conn.outbox.lock().settle(outcome.succeeded, memory);
        conn.writable.notify(usize::MAX);
        let Some(errno) = outcome.failure else { continue };
        let refusal = conn.inner.refusal(errno, refused_len, conn.destination()).await;
        if let Err(error) = wait(&conn, refusal, mark).await {
            conn.fail(error);
        }
    }
}

/// Waits for room in the peer's ring, or until nothing is to be sent any more.
async fn wait(conn: &Arc<Conn>, refusal: SendError, mark: SpaceMark) -> Result<(), SendError> {
    let room = pin!(conn.inner.wait_for_room(refusal, mark, Patience::ENDLESS));
    let given_up = pin!(conn.given_up());
    match select(room, given_up).await {
        futures::future::Either::Left((room, _)) => room,
        futures::future::Either::Right(((), _)) => {
            let lost = conn.outbox.lock().discard();
            conn.changed();
            // A flush must not say that it was delivered.
            let error = SendError::ConnectionRefused { to: conn.destination() };
            if lost && !conn.inner.is_gone() { Err(error) } else { Ok(()) }
        }
    }
}

impl Conn {
    /// Waits until the peer takes no more data, or what was written is not to be delivered.
    async fn given_up(&self) {
        loop {
            let change = self.writable.listen();
            let failed = matches!(self.outbox.lock().state, Sending::Failed(_));
            let abandoned = failed || self.outbox.lock().is_empty();
            if abandoned || self.link.lock().peer_deaf || self.inner.is_gone() {
                return;
            }
            change.await;
        }
    }
}

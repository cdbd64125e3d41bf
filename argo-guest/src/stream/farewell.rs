//! Closing a connection that its user has let go of: what was written is delivered first.

use alloc::sync::Arc;
use core::time::Duration;

use argo_stream::wire::Flags;

use super::conn::{Conn, Progress};
use super::outbox::Sending;
use super::pump;
use crate::domain::{Urgency, race};

/// How long a closed connection waits for a peer that takes nothing out of its ring. Then what is
/// left is given up. Long against any pause of a peer that lives, short against filling the
/// domain's RAM with what nobody wants.
const STUCK: Duration = Duration::from_secs(60);

/// How long a connection on the plain wire still lingers when its session is about to end: part of
/// what the last handle waits, so that the peer hears of the end.
const HURRY: Duration = Duration::from_millis(500);

/// Closes the connection: in the background what was written is delivered, then the peer hears of
/// the end, then the ring goes.
pub(super) fn close(conn: &Arc<Conn>) {
    match let_go(conn) {
        Progress::Closed => {}
        Progress::Refused => conn.take_down(),
        Progress::Connecting => withdraw(conn),
        Progress::Established => {
            conn.discard();
            conn.finish();
            conn.inner.begin_chore(Urgency::Owed, leave(conn.clone()));
        }
    }
}

/// Breaks the connection off: what was written and lies not in the peer's ring is thrown away, and
/// the peer hears of it.
pub(super) fn break_off(conn: &Arc<Conn>) {
    if let_go(conn) == Progress::Closed {
        return;
    }
    conn.discard();
    let (head, len) = conn.head(Flags::RST);
    let mut outbox = conn.outbox.lock();
    outbox.discard();
    outbox.state = Sending::Finished;
    outbox.write_farewell(&head[..len]);
    drop(outbox);
    conn.changed();
    pump::start(conn);
    conn.inner.begin_chore(Urgency::Owed, end(conn.clone()));
}

/// The user's last word: nothing is read any more. Returns how far the connection had come.
fn let_go(conn: &Conn) -> Progress {
    let mut link = conn.link.lock();
    link.deaf = true;
    core::mem::replace(&mut link.progress, Progress::Closed)
}

/// Gives a request up that was not answered.
fn withdraw(conn: &Arc<Conn>) {
    let mut outbox = conn.outbox.lock();
    let unsent = outbox.discard();
    let failed = matches!(outbox.state, Sending::Failed(_));
    outbox.state = Sending::Finished;
    if !unsent && !failed {
        let (head, len) = conn.head(Flags::RST);
        outbox.write_farewell(&head[..len]);
    }
    drop(outbox);
    conn.changed();
    pump::start(conn);
    conn.inner.begin_chore(Urgency::Owed, end(conn.clone()));
}

async fn end(conn: Arc<Conn>) {
    delivered(&conn).await;
    conn.take_down();
}

async fn leave(conn: Arc<Conn>) {
    delivered(&conn).await;
    if !conn.is_extended() {
        linger(&conn).await;
        reset(&conn);
        delivered(&conn).await;
    }
    conn.take_down();
}

/// Waits until everything written lies in the peer's ring, or will not.
async fn delivered(conn: &Arc<Conn>) {
    loop {
        let change = conn.writable.listen();
        let before = match conn.undelivered() {
            Some(before) => before,
            None => return,
        };
        let stuck = conn.inner.platform.now().saturating_add(STUCK);
        let moved = race(change, conn.inner.timer(stuck)).await.is_some();
        if !moved && conn.undelivered() == Some(before) {
            conn.outbox.lock().discard();
            return conn.changed();
        }
    }
}

/// Gives a peer on the plain wire time to read, since it throws away what it has not read when it
/// hears of the end.
async fn linger(conn: &Arc<Conn>) {
    if !conn.outbox.lock().is_used() {
        return;
    }
    let mut until = conn.inner.platform.now().saturating_add(conn.options.linger);
    loop {
        let change = conn.readable.listen();
        if conn.link.lock().peer_deaf || conn.inner.is_gone() {
            return;
        }
        if let Some(since) = conn.inner.watch.leaving() {
            until = until.min(since.saturating_add(HURRY));
        }
        if race(change, conn.inner.timer(until)).await.is_none() {
            return;
        }
    }
}

/// Tells a peer on the plain wire of the end, unless it was the one to end the connection.
fn reset(conn: &Arc<Conn>) {
    if conn.link.lock().peer_deaf {
        return;
    }
    let (head, len) = conn.head(Flags::RST);
    conn.outbox.lock().write_farewell(&head[..len]);
    pump::start(conn);
}

impl Conn {
    /// Bytes (and one more) that may yet be delivered. `None`: there are none.
    fn undelivered(&self) -> Option<usize> {
        let outbox = self.outbox.lock();
        let over = outbox.is_empty() || matches!(outbox.state, Sending::Failed(_));
        if over || self.link.lock().peer_deaf || self.inner.is_gone() {
            return None;
        }
        Some(outbox.unsent() + 1)
    }
}

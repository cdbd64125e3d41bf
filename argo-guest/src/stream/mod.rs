//! Streams.

mod arriving;
mod conn;
mod connect;
mod error;
mod farewell;
mod inbox;
mod listener;
mod options;
mod outbox;
mod port;
mod pump;
mod replies;
mod shared_ring;
mod socket;
mod transfer;
mod waiting;
mod watch;

use std::sync::Arc;

use crate::domain::Domain;
use conn::Conn;
use connect::receiving_ring;
pub use error::{AcceptError, ConnectError, StreamError};
pub use listener::{Incoming, StreamListener};
pub use options::{ListenOptions, StreamOptions};
pub(crate) use replies::Replies;
pub use socket::Stream;
pub(crate) use watch::Watch;

/// The user's hold on a connection: dropping it closes the connection.
pub(crate) struct Owner {
    conn: Arc<Conn>,
    /// After the connection: the last handle waits for what is to be delivered.
    domain: Domain,
}

impl Owner {
    fn new(domain: Domain, conn: Arc<Conn>) -> Self {
        Self { conn, domain }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        farewell::close(&self.conn);
    }
}

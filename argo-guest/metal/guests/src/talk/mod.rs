//! Two guests that talk: one serves, the other asks, over the sockets that any guest uses.

mod ask;
mod forbidden;
mod serve;
mod traffic;

use core::time::Duration;

use argo_guest::Port;
use argo_guest::stream::StreamOptions;

pub use ask::ask;
pub use forbidden::forbidden;
pub use serve::serve;
pub use traffic::{count, generate};

/// Where datagrams come back in capitals.
const DATAGRAMS: Port = Port(7);
/// Where streams come back.
const STREAMS: Port = Port(8);
/// Where datagrams are counted.
const TRAFFIC: Port = Port(9);
/// Where it is told that there is no room for more of them.
const NO_ROOM: Port = Port(10);
/// The datagram that ends the server.
const FAREWELL: &[u8] = b"that is all";
/// Of all streams.
const STREAM: StreamOptions = StreamOptions::new().ring_len(64 << 10).send_buffer(32 << 10);
/// How long all of it may take, less than whoever watches waits: who is left alone ends, too.
const LIMIT: Duration = Duration::from_secs(50);

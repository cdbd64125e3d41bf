//! One end of a connection with what passed through it.

use argo_core::Port;
use argo_stream::wire::Flags;
use argo_stream::{Connection, Verdict};

use crate::support::{Message, of_bytes};

/// A connection and the numbers that were written to it and read.
pub struct End {
    pub connection: Connection,
    /// Where it receives.
    pub port: Port,
    pub written: u32,
    pub read: u32,
    pub finished: bool,
    pub peer_finished: bool,
}

impl End {
    pub fn new(connection: Connection, port: Port) -> Self {
        Self { connection, port, written: 0, read: 0, finished: false, peer_finished: false }
    }

    pub fn message(&self, flags: Flags, payload: &[u8]) -> Message {
        let (head, len) = self.connection.head(flags);
        of_bytes(&[&head[..len], payload].concat())
    }

    /// Numbers are what is written, so that a gap shows.
    pub fn read(&mut self, message: &Message, verdict: Verdict) {
        let (Verdict::Data { skip } | Verdict::Finished { skip }) = verdict else { return };
        if let Some(number) = message.bytes[skip as usize..].first_chunk() {
            assert_eq!(u32::from_le_bytes(*number), self.read, "in order, without a gap");
            self.read += 1;
        }
        self.peer_finished |= matches!(verdict, Verdict::Finished { .. });
    }
}

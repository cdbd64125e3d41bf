//! RSTs to those who speak to no connection of ours.
//!
//! They are a courtesy: what a full ring or a full queue does not take is dropped, so that a peer
//! that provokes them without end gets nothing by it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use argo_core::abi::SendAddr;
use argo_core::platform::Link;
use argo_stream::Connection;
use argo_stream::wire::{self, Flags};

use crate::address::Address;
use crate::buffer::Buffer;
use crate::domain::{Inner, Urgency};

/// RSTs to one domain that wait to be sent; further ones are dropped.
const PER_DOMAIN: usize = 16;
/// RSTs in all that wait to be sent.
const IN_ALL: usize = 256;

/// An RST.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) conid: u32,
}

/// A message that is a head and nothing else.
struct Note {
    from: Address,
    to: Address,
    head: [u8; wire::HEAD_EXTENDED as usize],
    len: usize,
}

#[derive(Default)]
pub(crate) struct Replies {
    queue: VecDeque<Note>,
    /// A chore sends them.
    busy: bool,
}

impl Inner {
    /// Sends an RST, if it can.
    pub(super) fn reply(self: &Arc<Self>, reply: Reply) {
        let Reply { from, to, conid } = reply;
        let reset = wire::head(Flags::RST, conid);
        let mut head = [0; wire::HEAD_EXTENDED as usize];
        head[..reset.len()].copy_from_slice(&reset);
        self.send_note(Note { from, to, head, len: reset.len() });
    }

    /// Sends, if it can, what the acceptor of this connection ignores, and anybody else who hears
    /// at its port by now answers with an RST.
    pub(super) fn probe(self: &Arc<Self>, from: Address, to: Address, connection: &Connection) {
        let (head, len) = connection.head(Flags::ACK);
        self.send_note(Note { from, to, head, len });
    }

    fn send_note(self: &Arc<Self>, note: Note) {
        let mut replies = self.replies.lock();
        let same = replies.queue.iter().filter(|other| other.to.domain == note.to.domain).count();
        if same >= PER_DOMAIN || replies.queue.len() >= IN_ALL {
            return;
        }
        replies.queue.push_back(note);
        let start = !core::mem::replace(&mut replies.busy, true);
        drop(replies);
        if start {
            self.begin_chore(Urgency::Idle, send_all(self.clone()));
        }
    }

    fn next_reply(&self) -> Option<Note> {
        let mut replies = self.replies.lock();
        let next = replies.queue.pop_front();
        replies.busy = next.is_some();
        next
    }
}

async fn send_all(inner: Arc<Inner>) {
    while let Some(Note { from, to, head, len }) = inner.next_reply() {
        let Ok(mut buffer) = Buffer::with_capacity(&inner, len) else { continue };
        buffer.append(&head, len);
        let addresses = SendAddr { src: from.raw(), dst: to.raw() };
        let call = buffer.call(&addresses, wire::STREAM, Link::None);
        // Undelivered is undelivered.
        let _ = inner.call(call, buffer.into_chunk()).await;
    }
}
